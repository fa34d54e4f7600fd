/* Price plans and strategies over the interface: list, texts, check, trial, save. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <stdlib.h>

#define PLANS "/api/v1/projects/1/price-plans"
#define STRATEGIES "/api/v1/projects/1/strategies"

static struct person manager(struct world *w)
{
    world_person(w, AUTH_MANAGER, 1);
    return world_login(w, "manager");
}

static json_t *entry(const struct reply *r, const char *list, const char *code)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(r->json, list), i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "code")), code) == 0)
            return one;
    }
    fail_msg("%s: no %s", list, code);
    return NULL;
}

static int64_t number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void test_lists_say_who_uses_them(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    struct reply r = world_get(w, &p, PLANS);
    json_t *flat = entry(&r, "plans", "flat");
    assert_int_equal(r.status, 200);
    assert_int_equal(number(flat, "accounts"), 2);
    assert_int_equal(number(flat, "version"), 1);
    assert_string_equal(json_string_value(json_object_get(flat, "kind")), "flat");
    reply_free(&r);
    r = world_get(w, &p, STRATEGIES);
    json_t *standard = entry(&r, "strategies", "standard");
    assert_int_equal(number(standard, "accounts"), 2);
    assert_int_equal(json_array_size(json_object_get(standard, "levels_fen")), 3);
    reply_free(&r);
    /* by the package of a contract, and by the baseline */
    world_execute(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
                     "VALUES (90, 1, 'gentle', 1, 1, '{}'), (91, 1, 'base', 1, 1, '{}')");
    world_execute(w, "INSERT INTO strategy_package (id, project_id, code, version, effective_at, "
                     "name_zh, name_en, strategy_code, restore) "
                     "VALUES (1, 1, 'pk', 1, 1, 'p', 'p', 'gentle', 'direct')");
    world_execute(w, "INSERT INTO account_package VALUES (2, 1, 1, 'pk', 'user:1')");
    world_execute(w, "UPDATE account SET strategy_code = '' WHERE id = 1");
    world_execute(w, "INSERT INTO strategy_baseline VALUES (1, 'base')");
    r = world_get(w, &p, STRATEGIES);
    assert_int_equal(number(entry(&r, "strategies", "standard"), "accounts"), 0);
    assert_int_equal(number(entry(&r, "strategies", "gentle"), "accounts"), 1);
    assert_int_equal(number(entry(&r, "strategies", "base"), "accounts"), 1);
    reply_free(&r);
    world_execute(w, "UPDATE account SET closed_at = 1 WHERE id = 2");
    r = world_get(w, &p, PLANS);
    assert_int_equal(number(entry(&r, "plans", "flat"), "accounts"), 1);
    reply_free(&r);
}

static void test_texts(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    struct reply r = world_get(w, &p, PLANS "/versions?code=flat");
    json_t *one = json_array_get(json_object_get(r.json, "versions"), 0);
    assert_non_null(strstr(json_string_value(json_object_get(one, "text")), "\"flat\""));
    reply_free(&r);
    check_reply(world_get(w, &p, PLANS "/versions?code=none"), 404, "NOT_FOUND");
    check_reply(world_get(w, &p, STRATEGIES "/versions?code=none"), 404, "NOT_FOUND");
    check_reply(world_get(w, &p, PLANS "/versions"), 400, "API_FIELD");
}

/* ---- the check ---- */

static void is_refused(struct world *w, const struct person *p, const char *path, const char *body,
                       const char *code, const char *place)
{
    struct reply r = world_post(w, p, NULL, path, body);
    json_t *problem = json_object_get(r.json, "problem");
    assert_int_equal(r.status, 200);
    assert_true(json_is_false(json_object_get(r.json, "valid")));
    assert_string_equal(json_string_value(json_object_get(problem, "code")), code);
    assert_string_equal(json_string_value(json_object_get(problem, "place")), place);
    assert_true(strlen(json_string_value(json_object_get(problem, "zh"))) > 3);
    reply_free(&r);
}

static void test_check_names_the_place(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    is_refused(w, &p, PLANS "/check",
               "{\"text\": \"{\\\"kind\\\":\\\"flat\\\",\\\"price\\\":\\\"-1\\\"}\"}",
               "PRICE_NEGATIVE", "price");
    is_refused(w, &p, PLANS "/check", "{\"text\": \"{\\n\\\"kind\\\":}\"}", "JSON_SYNTAX", "kind");
    is_refused(w, &p, STRATEGIES "/check", "{\"text\": \"{\\\"cut\\\":{\\\"grace_s\\\":-1}}\"}",
               "NUMBER_RANGE", "cut.grace_s");
    struct reply r =
        world_post(w, &p, NULL, PLANS "/check",
                   "{\"text\": \"{\\\"kind\\\":\\\"flat\\\",\\\"price\\\":\\\"0.5\\\"}\"}");
    assert_true(json_is_true(json_object_get(r.json, "valid")));
    assert_true(json_is_true(json_object_get(r.json, "billable")));
    assert_true(json_is_null(json_object_get(r.json, "problem")));
    reply_free(&r);
    r = world_post(w, &p, NULL, STRATEGIES "/check", "{\"text\": \"{}\"}");
    assert_true(json_is_true(json_object_get(r.json, "valid")));
    assert_int_equal(json_array_size(json_object_get(r.json, "warnings")), 0);
    reply_free(&r);
    r = world_post(w, &p, NULL, STRATEGIES "/check",
                   "{\"text\": \"{\\\"cut\\\":{\\\"notices\\\":0,\\\"notice_level\\\":0}}\"}");
    json_t *warning = json_array_get(json_object_get(r.json, "warnings"), 0);
    assert_string_equal(json_string_value(json_object_get(warning, "code")), "NO_NOTICE");
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, PLANS "/check", "{}"), 400, "API_FIELD");
}

#define WORKED                                                                                     \
    "{\\\"kind\\\":\\\"time_of_use\\\",\\\"rates_from\\\":\\\"intervals\\\",\\\"ca"                \
    "lendar\\\":\\\"CN\\\",\\\"prices\\\":{\\\"flat\\\":\\\"1\\\"},\\\"schedules\\\":[{\\\""       \
    "days\\\":[\\\"workday\\\"],\\\"periods\\\":[{\\\"from\\\":\\\"00:00\\\",\\\"to\\\":"          \
    "\\\"24:00\\\",\\\"rate\\\":\\\"flat\\\"}],\\\"prices\\\":{\\\"flat\\\":\\\"2\\\"}},{\\\"p"    \
    "eriods\\\":[{\\\"from\\\":\\\"00:00\\\",\\\"to\\\":\\\"24:00\\\",\\\"rate\\\":\\\"flat"       \
    "\\\"}]}]}"

/* The holidays of some year ahead are never announced yet: the check says so. */
static void test_check_warns(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    struct reply r = world_post(w, &p, NULL, PLANS "/check", "{\"text\": \"" WORKED "\"}");
    json_t *warnings = json_object_get(r.json, "warnings");
    assert_true(json_is_true(json_object_get(r.json, "valid")));
    assert_true(json_array_size(warnings) >= 1);
    json_t *last = json_array_get(warnings, json_array_size(warnings) - 1);
    assert_string_equal(json_string_value(json_object_get(last, "code")), "CALENDAR_YEAR_MISSING");
    assert_memory_equal(json_string_value(json_object_get(last, "place")), "calendar 2", 10);
    assert_true(strlen(json_string_value(json_object_get(last, "zh"))) > 3);
    reply_free(&r);
}

/* In Shanghai: 10 October 2026, a Saturday that is worked, and 7 October, a holiday. */
static void test_dated_trial(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    struct reply r = world_post(w, &p, NULL, PLANS "/trial",
                                "{\"text\": \"" WORKED "\", \"usage\": {\"total_wh\": 10000, "
                                "\"from_s\": 1791561600, \"to_s\": 1791648000}}");
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "amount_fen"), 2000);
    reply_free(&r);
    r = world_post(w, &p, NULL, PLANS "/trial",
                   "{\"text\": \"" WORKED "\", \"usage\": {\"total_wh\": 10000, "
                   "\"from_s\": 1791302400, \"to_s\": 1791388800}}");
    assert_int_equal(reply_int(&r, "amount_fen"), 1000);
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, PLANS "/trial",
                           "{\"text\": \"" WORKED "\", \"usage\": {\"total_wh\": 10000}}"),
                422, "RATING_DATES");
    check_reply(world_post(w, &p, NULL, PLANS "/trial",
                           "{\"text\": \"" WORKED "\", \"usage\": {\"from_s\": 5, \"to_s\": 5}}"),
                400, "API_FIELD");
}

/* ---- the trial ---- */

static void test_trial(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    static const char ladder[] =
        "{\"text\": \"{\\\"kind\\\":\\\"ladder\\\",\\\"cycle\\\":\\\"month\\\",\\\"steps\\\":["
        "{\\\"to\\\":\\\"100\\\",\\\"price\\\":\\\"0.5\\\"},{\\\"price\\\":\\\"0.8\\\"}]}\", "
        "\"usage\": {\"total_wh\": 150000}}";
    struct reply r = world_post(w, &p, NULL, PLANS "/trial", ladder);
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "amount_fen"), 9000);
    assert_int_equal(json_array_size(json_object_get(r.json, "lines")), 2);
    reply_free(&r);
    /* with the terms of an account: 315 kVA, and a power factor of 0.80 */
    static const char two_parts[] =
        "{\"text\": "
        "\"{\\\"kind\\\":\\\"flat\\\",\\\"price\\\":\\\"0.6\\\",\\\"fees\\\":[{\\\"code\\\":"
        "\\\"basic\\\",\\\"price\\\":\\\"24\\\",\\\"per\\\":\\\"capacity\\\"}],\\\"power_"
        "factor\\\":{"
        "\\\"table\\\":[{\\\"from\\\":\\\"0.90\\\",\\\"percent\\\":\\\"0\\\"},{\\\"from\\\":"
        "\\\"0\\\","
        "\\\"percent\\\":\\\"5\\\"}],\\\"on\\\":[\\\"energy\\\"]}}\", \"usage\": {\"total_wh\": "
        "10000000,"
        "\"months\": 1, \"capacity_milli_kva\": 315000, \"reactive_wh\": 7500000}}";
    r = world_post(w, &p, NULL, PLANS "/trial", two_parts);
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "amount_fen"), 1'386'000); /* 6000 + 7560 + 300 */
    assert_non_null(strstr(r.body, "\"of_fen\":600000,\"percent\":\"5\""));
    reply_free(&r);
    /* January 2027 has 31 of the season's 121 days, 90 m2 */
    static const char heat[] =
        "{\"text\": "
        "\"{\\\"kind\\\":\\\"flat\\\",\\\"price\\\":\\\"0.16\\\",\\\"fees\\\":[{\\\"code\\\":"
        "\\\"basic\\\",\\\"price\\\":\\\"12\\\",\\\"per\\\":\\\"area\\\",\\\"cycle\\\":"
        "\\\"heating_season\\\",\\\"start\\\":\\\"11-15\\\",\\\"end\\\":\\\"03-15\\\"}]}\", "
        "\"usage\": {"
        "\"total_wh\": 1000000, "
        "\"from_s\": 1798732800, \"to_s\": 1801411200, \"area_milli_m2\": 90000}}";
    r = world_post(w, &p, NULL, PLANS "/trial", heat);
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "amount_fen"), 16'000 + 27'670);
    assert_non_null(strstr(r.body, "\"quantity_wh\":23058,"));
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, PLANS "/trial", "{\"text\": \"{}\", \"usage\": {}}"), 422,
                "RATING_PLAN");
    check_reply(
        world_post(w, &p, NULL, PLANS "/trial", "{\"text\": \"{}\", \"usage\": {\"month\": 13}}"),
        400, "API_FIELD");
    check_reply(world_post(w, &p, NULL, PLANS "/trial", "{\"text\": \"{}\"}"), 400, "API_FIELD");
}

/* ---- the simulation ---- */

#define SIMULATE PLANS "/simulate"
#define WISH(plan, account)                                                                        \
    "{\"text\": \"" plan "\", \"account_id\": " account ", \"months\": 3, \"persons\": 0, "        \
    "\"area_milli_m2\": 0}"
#define LADDER                                                                                     \
    "{\\\"kind\\\":\\\"ladder\\\",\\\"cycle\\\":\\\"month\\\",\\\"steps\\\":[{\\\"to\\\":"         \
    "\\\"100\\\","                                                                                 \
    "\\\"price\\\":\\\"0.5\\\"},{\\\"price\\\":\\\"1\\\"}]}"

/* Two settled days of this month, 80 kWh each: the second crosses the step. */
static void settle_two_days(struct world *w)
{
    world_execute(
        w, "INSERT INTO settlement SELECT 1, 1, 1, day, day + 1, "
           "cast(strftime('%s', 'now', 'start of month') AS INTEGER) / 86400 + day - 1, 4000, "
           "80000, "
           "'{\"lines\": [{\"kind\": \"energy\", \"rate\": \"total\", \"quantity_wh\": 80000}]}' "
           "FROM (SELECT 1 AS day UNION SELECT 2)");
}

static void test_simulation(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    settle_two_days(w);
    struct reply r = world_post(w, &p, NULL, SIMULATE, WISH(LADDER, "1"));
    assert_int_equal(r.status, 200);
    json_t *month = json_array_get(json_object_get(r.json, "months"), 0);
    assert_int_equal(number(month, "energy_wh"), 160000);
    assert_int_equal(number(month, "settled_fen"), 8000);
    assert_int_equal(number(month, "new_fen"), 11000); /* 100 kWh at 0.5, 60 at 1 */
    assert_true(json_is_true(json_object_get(r.json, "complete")));
    reply_free(&r);
    /* a plan that takes its rates from intervals shares each day out by time */
    r = world_post(w, &p, NULL, SIMULATE,
                   WISH("{\\\"kind\\\":\\\"time_of_use\\\",\\\"rates_from\\\":\\\"intervals\\\","
                        "\\\"prices\\\":{\\\"peak\\\":\\\"1\\\",\\\"valley\\\":\\\"0.5\\\"},"
                        "\\\"periods\\\":[{\\\"from\\\":\\\"06:00\\\",\\\"to\\\":\\\"18:00\\\","
                        "\\\"rate\\\":\\\"peak\\\"},{\\\"from\\\":\\\"18:00\\\",\\\"to\\\":"
                        "\\\"06:00\\\",\\\"rate\\\":\\\"valley\\\"}]}",
                        "1"));
    month = json_array_get(json_object_get(r.json, "months"), 0);
    assert_int_equal(number(month, "days"), 2);
    assert_int_equal(number(month, "new_fen"), 12000); /* 80 kWh at 1, 80 at 0.5 */
    reply_free(&r);
    /* bills without rates cannot be rated by a plan with rates: said, not guessed */
    r = world_post(w, &p, NULL, SIMULATE,
                   WISH("{\\\"kind\\\":\\\"time_of_use\\\",\\\"prices\\\":{\\\"peak\\\":\\\"1\\\"},"
                        "\\\"periods\\\":[{\\\"from\\\":\\\"00:00\\\",\\\"to\\\":\\\"24:00\\\","
                        "\\\"rate\\\":\\\"peak\\\"}]}",
                        "1"));
    month = json_array_get(json_object_get(r.json, "months"), 0);
    assert_string_equal(json_string_value(json_object_get(month, "refusal")), "RATING_RATES");
    assert_true(json_is_false(json_object_get(r.json, "complete")));
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, SIMULATE, WISH(LADDER, "3")), 404, "NOT_FOUND");
    check_reply(world_post(w, &p, NULL, SIMULATE, WISH("{}", "1")), 422, "RATING_PLAN");
}

/* ---- saving ---- */

static const char *new_version(char *body, const char *version, const char *at, const char *price)
{
    snprintf(body, 400,
             "{\"code\": \"flat\", \"version\": %s, \"effective_at\": %s, \"past\": false, "
             "\"text\": \"{\\\"kind\\\":\\\"flat\\\",\\\"price\\\":\\\"%s\\\"}\", "
             "\"reason\": \"new year\"}",
             version, at, price);
    return body;
}

#define VERSIONS "SELECT count(*) FROM price_plan WHERE project_id = 1"

/* Wherever a text is taken: what it begins in its second line never ends. */
static void test_no_json_is_refused_with_its_line(void **state)
{
#define BROKEN "\"text\": \"{\\\"kind\\\":\\\"flat\\\",\\n\\\"price\\\"\""
    static const struct {
        const char *path, *body;
    } rows[] = {
        {PLANS,
         "{\"code\": \"flat\", \"version\": 2, \"effective_at\": 4000000000, \"past\": false, "
         "\"reason\": \"x\", " BROKEN "}"},
        {PLANS "/trial", "{\"usage\": {}, " BROKEN "}"},
        {SIMULATE,
         "{\"account_id\": 1, \"months\": 3, \"persons\": 0, \"area_milli_m2\": 0, " BROKEN "}"},
    };
    struct world *w = *state;
    struct person p = manager(w);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct reply r = world_post(w, &p, "key-00000001", rows[i].path, rows[i].body);
        assert_int_equal(r.status, 422);
        assert_string_equal(reply_text(&r, "detail"), "JSON_SYNTAX line 2 column 7");
        reply_free(&r);
    }
}

static void test_save_adds_a_version(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    char body[400];
    struct reply r =
        world_post(w, &p, "key-00000001", PLANS, new_version(body, "2", "4000000000", "0.6"));
    assert_int_equal(r.status, 201);
    assert_int_equal(reply_int(&r, "version"), 2);
    reply_free(&r);
    /* the same wish again is the same version */
    check_reply(world_post(w, &p, "key-00000001", PLANS, body), 201, "-");
    assert_int_equal(world_number(w, VERSIONS), 2);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'plan.save'"), 1);
    assert_int_equal(world_number(w, "SELECT count(*) FROM event WHERE kind = 'plan.changed'"), 1);
    /* in force is still the first */
    r = world_get(w, &p, PLANS);
    assert_int_equal(number(entry(&r, "plans", "flat"), "version"), 1);
    reply_free(&r);
}

static void cut_on_its_way(struct world *w)
{
    world_execute(w, "INSERT INTO relay (meter_id, circuit, version, desired, reason, not_after, "
                     "next_at) SELECT id, 0, 1, 'open', 'arrears', 4000000000, 4000000000 "
                     "FROM meter WHERE account_id = 1");
    assert_true(world_number(w, "SELECT count(*) FROM relay WHERE desired = 'open'") > 0);
}

/* "No contract, no automatic cut": also where the order was given already. */
static void test_a_strategy_without_a_cut_takes_orders_back(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    world_execute(w, "UPDATE account SET contract_at = 1");
    cut_on_its_way(w);
    check_reply(world_post(w, &p, "save-00001", STRATEGIES,
                           "{\"code\":\"standard\",\"version\":2,\"effective_at\":1790000000,\"past\":true,"
                           "\"text\":\"{\\\"cut\\\":{\\\"automatic\\\":false}}\",\"reason\":\"r\"}"),
                201, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 0);
}

static void test_refused_saves_change_nothing(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    char body[400];
    check_reply(
        world_post(w, &p, "key-00000001", PLANS, new_version(body, "3", "4000000000", "0.6")), 409,
        "API_VERSION");
    check_reply(
        world_post(w, &p, "key-00000002", PLANS, new_version(body, "2", "1790000001", "0.6")), 409,
        "API_PAST");
    check_reply(world_post(w, &p, "key-00000003", PLANS,
                           new_version(body, "2", "4000000000", "0.123456789")),
                422, "RATING_PLAN");
    check_reply(world_post(w, &p, "key-00000004", STRATEGIES,
                           "{\"code\": \"standard\", \"version\": 2, \"effective_at\": 4000000000, "
                           "\"past\": false, \"text\": \"{\\\"levels\\\":1}\", \"reason\": \"x\"}"),
                422, "STRATEGY_POLICY");
    check_reply(world_post(w, &p, "key-00000005", PLANS, "{\"code\": \"flat\"}"), 400, "API_FIELD");
    assert_int_equal(world_number(w, VERSIONS), 1);
    /* what is said already is not said again */
    struct reply texts = world_get(w, &p, STRATEGIES "/versions?code=standard");
    assert_int_equal(texts.status, 200);
    reply_free(&texts);
    struct reply r =
        world_post(w, &p, "key-00000006", STRATEGIES,
                   "{\"code\": \"standard\", \"version\": 2, \"effective_at\": 4000000000, "
                   "\"past\": false, \"text\": \"{}\", \"reason\": \"x\"}");
    assert_int_equal(r.status, 200);
    assert_true(json_is_false(json_object_get(r.json, "changed")));
    reply_free(&r);
}

static void test_a_past_time_can_be_meant(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    check_reply(world_post(w, &p, "key-00000001", PLANS,
                           "{\"code\": \"flat\", \"version\": 2, \"effective_at\": 1790000001, "
                           "\"past\": true, \"text\": \"{\\\"kind\\\":\\\"flat\\\",\\\"price\\\":"
                           "\\\"0.7\\\"}\", \"reason\": \"late notice\"}"),
                201, "-");
    check_reply(world_post(w, &p, "key-00000002", PLANS,
                           "{\"code\": \"flat\", \"version\": 3, \"effective_at\": 1000, "
                           "\"past\": true, \"text\": \"{\\\"kind\\\":\\\"flat\\\",\\\"price\\\":"
                           "\\\"0.8\\\"}\", \"reason\": \"before the last\"}"),
                409, "SITE_EFFECTIVE");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

/* ---- the preview ---- */

#define PREVIEW STRATEGIES "/preview"
#define PREVIEW_WISH(text, code, more)                                                             \
    "{\"text\":\"" text "\",\"code\":\"" code "\",\"days\":30," more "}"

static void test_preview(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    int64_t audit = world_number(w, "SELECT count(*) FROM audit");
    /* Account 1 has no money: in arrears at its first settlement, and it has no contract. */
    world_execute(w, "INSERT INTO settlement SELECT 1, m.id, 1, unixepoch() - 5 * 86400, "
                     "unixepoch() - 4 * 86400, 1, 100, 1000, '{}' FROM meter m "
                     "WHERE m.account_id = 1 LIMIT 1");
    struct reply r =
        world_post(w, &p, NULL, PREVIEW,
                   PREVIEW_WISH("{}", "standard", "\"after\":0,\"limit\":1,\"each_day\":false"));
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "seen"), 1);
    assert_int_equal(reply_int(&r, "accounts"), 1);
    assert_int_equal(reply_int(&r, "total"), 2);
    assert_int_equal(reply_int(&r, "next"), 1);
    json_t *row = json_array_get(json_object_get(r.json, "concerned"), 0);
    assert_int_equal(number(row, "account_id"), 1);
    json_t *after = json_object_get(row, "after"), *before = json_object_get(row, "before");
    assert_true(json_equal(after, before));
    assert_true(number(json_object_get(after, "past"), "notices") > 0);
    reply_free(&r);
    r = world_post(w, &p, NULL, PREVIEW,
                   PREVIEW_WISH("{}", "", "\"after\":1,\"limit\":200,\"each_day\":false"));
    assert_int_equal(reply_int(&r, "seen"), 1);
    assert_true(json_is_null(json_object_get(r.json, "next")));
    reply_free(&r);
    r = world_post(w, &p, NULL, PREVIEW,
                   PREVIEW_WISH("{}", "nobody", "\"after\":0,\"limit\":200,\"each_day\":false"));
    assert_int_equal(reply_int(&r, "seen"), 2);
    assert_int_equal(reply_int(&r, "accounts"), 0);
    assert_int_equal(json_array_size(json_object_get(r.json, "concerned")), 0);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit"), audit);
}

static void test_preview_day_by_day(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    struct reply r = world_post(
        w, &p, NULL, PREVIEW, PREVIEW_WISH("{}", "", "\"after\":0,\"limit\":1,\"each_day\":true"));
    json_t *row = json_array_get(json_object_get(r.json, "concerned"), 0);
    json_t *past = json_object_get(json_object_get(row, "after"), "past");
    assert_int_equal(number(row, "account_id"), 1);
    assert_int_equal(json_array_size(json_object_get(past, "each")), number(past, "days"));
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, PREVIEW,
                           PREVIEW_WISH("{}", "", "\"after\":0,\"limit\":2,\"each_day\":true")),
                400, "API_FIELD");
}

static void test_preview_refusals(void **state)
{
    struct world *w = *state;
    struct person p = manager(w);
    struct reply r = world_post(
        w, &p, NULL, PREVIEW,
        PREVIEW_WISH("{\\\"cut\\\":1}", "", "\"after\":0,\"limit\":200,\"each_day\":false"));
    assert_int_equal(r.status, 422);
    assert_string_equal(reply_text(&r, "code"), "STRATEGY_POLICY");
    assert_non_null(strstr(reply_text(&r, "detail"), "MEMBER_TYPE"));
    reply_free(&r);
    check_reply(world_post(w, &p, NULL, PREVIEW,
                           PREVIEW_WISH("{}", "", "\"after\":0,\"limit\":201,\"each_day\":false")),
                422, "RANGE");
    check_reply(world_post(w, &p, NULL, PREVIEW, "{\"text\":\"{}\"}"), 400, "API_FIELD");
    check_reply(world_post(w, &p, NULL, "/api/v1/projects/2/strategies/preview",
                           PREVIEW_WISH("{}", "", "\"after\":0,\"limit\":200,\"each_day\":false")),
                404, "-");
    world_person(w, AUTH_CASHIER, 1);
    struct person cashier = world_login(w, "cashier");
    check_reply(world_post(w, &cashier, NULL, PREVIEW,
                           PREVIEW_WISH("{}", "", "\"after\":0,\"limit\":200,\"each_day\":false")),
                403, "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_lists_say_who_uses_them),
        CASE(test_texts),
        CASE(test_check_names_the_place),
        CASE(test_check_warns),
        CASE(test_trial),
        CASE(test_no_json_is_refused_with_its_line),
        CASE(test_dated_trial),
        CASE(test_simulation),
        CASE(test_preview),
        CASE(test_preview_day_by_day),
        CASE(test_preview_refusals),
        CASE(test_save_adds_a_version),
        CASE(test_a_strategy_without_a_cut_takes_orders_back),
        CASE(test_refused_saves_change_nothing),
        CASE(test_a_past_time_can_be_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
