/* True-ups, re-ratings, held settlements, terms and transformers over the interface. */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <string.h>

#define P "/api/v1/projects/1"
#define A "/api/v1/accounts/1"
#define REPAIR(meter, opened, how, total, reason)                                                  \
    "{\"meter_id\": " meter ", \"opened_at\": " opened ", \"how\": \"" how                         \
    "\", \"total_wh\": " total ", \"sharp_wh\": 0, \"peak_wh\": 0, \"flat_wh\": 0, "               \
    "\"valley_wh\": 0, \"taken_fen\": 0, \"reason\": \"" reason "\"}"

static struct person accountant(struct world *w)
{
    world_person(w, AUTH_ADMIN, 0);
    return world_login(w, "admin");
}

static json_t *first(const struct reply *r, const char *list)
{
    return json_array_get(json_object_get(r->json, list), 0);
}

static int64_t number(json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *text_of(json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static void test_held_and_repaired(void **state)
{
    struct world *w = *state;
    struct person p = accountant(w);
    world_execute(w, "INSERT INTO charge_open (account_id, meter_id, epoch, plan_code, "
                     "plan_version, opened_at, reading_at, total_wh, rate1_wh, rate2_wh, rate3_wh, "
                     "rate4_wh, held) VALUES (1, 1, 1, 'flat', 1, 1760000000, 1760000000, 1000, 0, "
                     "0, 0, 0, 'no_reading')");
    struct reply r = world_get(w, &p, P "/held-charges");
    assert_int_equal(r.status, 200);
    json_t *held = first(&r, "held");
    assert_int_equal(number(held, "account_id"), 1);
    assert_int_equal(number(json_object_get(held, "opened"), "total_wh"), 1000);
    assert_int_equal(json_array_size(json_object_get(held, "hows")), 2);
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000001", A "/held-charges/repair",
                           REPAIR("1", "1760000000", "guess", "0", "r")),
                400, "API_FIELD");
    check_reply(world_post(w, &p, "key-00000002", A "/held-charges/repair",
                           REPAIR("1", "1760000000", "total", "0", "r")),
                422, "BILLING_DECISION");
    check_reply(world_post(w, &p, "key-00000003", A "/held-charges/repair",
                           REPAIR("1", "1760000001", "registers", "9000", "r")),
                409, "STATE");
    r = world_post(w, &p, "key-00000004", A "/held-charges/repair",
                   REPAIR("1", "1760000000", "registers", "9000", "read by the caretaker"));
    assert_int_equal(r.status, 200);
    assert_true(reply_int(&r, "amount_fen") > 0);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'charge.repair'"),
                     1);
    r = world_get(w, &p, A "/settlements");
    json_t *bill = json_object_get(first(&r, "settlements"), "bill");
    assert_string_equal(json_string_value(json_object_get(bill, "decided")), "registers");
    reply_free(&r);
}

static void test_true_ups_and_progress(void **state)
{
    struct world *w = *state;
    struct person p = accountant(w);
    world_execute(w, "INSERT INTO rerate (id, project_id, plan_code, version, effective_at, "
                     "begun_at, cursor, looked, accounts, changed, more_fen, left_out) "
                     "VALUES (5, 1, 'flat', 2, 1700000000, 1700000100, 1, 1, 1, 1, 1300, 1)");
    world_execute(w, "INSERT INTO rerate_left VALUES (5, 2, 'meter_wallet')");
    world_execute(w, "INSERT INTO true_up VALUES (1, 5, 1700000100, 19675, 1300, 1700604900, "
                     "'{\"kind\": \"true_up\", \"lines\": []}')");
    struct reply r = world_get(w, &p, P "/rerates");
    assert_int_equal(r.status, 200);
    assert_int_equal(number(first(&r, "rerates"), "more_fen"), 1300);
    assert_true(json_is_null(json_object_get(first(&r, "rerates"), "done_at")));
    assert_string_equal(json_string_value(json_object_get(first(&r, "left_out"), "reason")),
                        "meter_wallet");
    assert_int_equal(reply_int(&r, "accounts"), 2);
    assert_int_equal(reply_int(&r, "grace_days"), 7);
    assert_int_equal(reply_int(&r, "owing_accounts"), 0);
    reply_free(&r);
    world_execute(w, "INSERT INTO balance VALUES (2, 'prepayment', -300), (1, 'prepayment', -5000) "
                     "ON CONFLICT DO UPDATE SET amount_fen = excluded.amount_fen");
    world_execute(w, "UPDATE account SET wallet = 'meter' WHERE id = 2");
    world_execute(w, "UPDATE account SET wallet = 'platform' WHERE id = 1"); /* owes there */
    r = world_get(w, &p, P "/rerates");
    assert_int_equal(reply_int(&r, "owing_accounts"), 1);
    assert_int_equal(reply_int(&r, "owing_fen"), 300);
    assert_int_equal(number(first(&r, "owing"), "account_id"), 2);
    assert_int_equal(number(first(&r, "owing"), "owed_fen"), 300);
    reply_free(&r);
    r = world_get(w, &p, A "/true-ups");
    assert_int_equal(number(first(&r, "true_ups"), "amount_fen"), 1300);
    reply_free(&r);
    r = world_get(w, &p, A "/true-ups?before=5");
    assert_int_equal(json_array_size(json_object_get(r.json, "true_ups")), 0);
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000001", P "/rerates/grace",
                           "{\"grace_days\": 367, \"reason\": \"r\"}"),
                422, "RANGE");
    check_reply(world_post(w, &p, "key-00000002", P "/rerates/grace",
                           "{\"grace_days\": 15, \"reason\": \"r\"}"),
                200, "-");
    r = world_get(w, &p, P "/rerates");
    assert_int_equal(reply_int(&r, "grace_days"), 15);
    reply_free(&r);
}

#define KEPT P "/rerates/kept"
#define KEEP(percent, reason) "{\"kept_percent\": " percent ", \"reason\": \"" reason "\"}"

static int64_t kept_percent(struct world *w, const struct person *p)
{
    struct reply r = world_get(w, p, P "/rerates");
    int64_t percent = reply_int(&r, "kept_percent");
    reply_free(&r);
    return percent;
}

/* How much of a sale is kept for what is owed beside the meter: whoever makes prices says it, with
 * a reason, for a project of his own. */
static void test_kept(void **state)
{
    struct world *w = *state;
    struct person cashier = world_cashier(w);
    world_person(w, AUTH_FINANCE, 1);
    struct person finance = world_login(w, "finance");
    static const struct {
        const char *path, *body, *code;
        int status;
    } refused[] = {
        {"/api/v1/projects/99/rerates/kept", KEEP("20", "r"), "NOT_FOUND", 404},
        {"/api/v1/projects/2/rerates/kept", KEEP("20", "r"), "NOT_FOUND", 404}, /* not hers */
        {KEPT, KEEP("101", "r"), "RANGE", 422},
        {KEPT, KEEP("-1", "r"), "RANGE", 422},
        {KEPT, KEEP("\"20\"", "r"), "API_FIELD", 400},
        {KEPT, KEEP("20", ""), "API_FIELD", 400},
        {KEPT, "{\"kept_percent\": 20}", "API_FIELD", 400},
        {KEPT, "{\"reason\": \"r\"}", "API_FIELD", 400},
    };
    check_reply(world_post(w, &cashier, "key-00000001", KEPT, KEEP("20", "r")), 403,
                "AUTH_FORBIDDEN");
    check_reply(world_post(w, NULL, "key-00000002", KEPT, KEEP("20", "r")), 401, "-");
    check_reply(world_post(w, &finance, NULL, KEPT, KEEP("20", "r")), 400, "API_KEY");
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char key[16];
        snprintf(key, sizeof key, "key-%08zu", 10 + i);
        check_reply(world_post(w, &finance, key, refused[i].path, refused[i].body),
                    refused[i].status, refused[i].code);
    }
    assert_int_equal(kept_percent(w, &finance), 50); /* nothing stays of any of them */
    assert_int_equal(world_number(w, "SELECT count(*) FROM billing_rule"), 0);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'billing.kept'"),
                     0);
    check_reply(world_post(w, &finance, "key-00000030", P "/rerates/grace",
                           "{\"grace_days\": 15, \"reason\": \"r\"}"),
                200, "-");
    struct reply r = world_post(w, &finance, "key-00000031", KEPT, KEEP("20", "agreed"));
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "kept_percent"), 20);
    reply_free(&r);
    r = world_post(w, &finance, "key-00000031", KEPT, KEEP("20", "agreed")); /* told again */
    assert_non_null(strstr(r.head, "Idempotent-Replay: true"));
    reply_free(&r);
    check_reply(world_post(w, &finance, "key-00000031", KEPT, KEEP("30", "agreed")), 422,
                "API_KEY_REUSED");
    assert_int_equal(kept_percent(w, &finance), 20);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'billing.kept'"),
                     1);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'billing.kept' "
                                     "AND detail ->> 'reason' = 'agreed'"),
                     1);
    r = world_get(w, &finance, P "/rerates");
    assert_int_equal(reply_int(&r, "grace_days"), 15); /* the other rule stands */
    reply_free(&r);
}

#define TERMS(from, persons, moved_in)                                                             \
    "{\"from\": " from ", \"persons\": " persons ", \"area_milli_m2\": 90500, "                    \
    "\"capacity_milli_kva\": 0, \"contracted_milli_kw\": 0, \"moved_in\": " moved_in ", "          \
    "\"ladder_group\": \"house\", \"reason\": \"contract\", \"past\": false}"

static void test_terms(void **state)
{
    struct world *w = *state;
    struct person p = accountant(w);
    struct reply r = world_post(w, &p, "key-00000001", A "/terms", TERMS("0", "5", "20260301"));
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "moved_in"), 20260301);
    reply_free(&r);
    r = world_post(w, &p, "key-00000002", A "/terms", TERMS("0", "5", "0"));
    assert_string_equal(text_of(first(&r, "errors"), "pointer"), "from");
    check_reply(r, 409, "SITE_EFFECTIVE");
    check_reply(world_post(w, &p, "key-00000003", A "/terms", TERMS("9", "1000", "0")), 422,
                "RANGE");
    check_reply(world_post(w, &p, "key-00000004", A "/terms", TERMS("9", "5", "20261341")), 400,
                "API_FIELD");
    r = world_get(w, &p, A "/terms");
    assert_int_equal(json_array_size(json_object_get(r.json, "terms")), 1);
    assert_int_equal(number(first(&r, "terms"), "persons"), 5);
    assert_true(number(first(&r, "terms"), "entered_at") > 0);
    assert_memory_equal(text_of(first(&r, "terms"), "actor"), "user:", 5);
    reply_free(&r);
}

static void test_ratio(void **state)
{
    struct world *w = *state;
    struct person p = accountant(w);
    struct reply r = world_post(w, &p, "key-00000001", "/api/v1/meters/1/ratio",
                                "{\"from\": 1760000000, \"ratio\": 40, \"reason\": \"CT\", "
                                "\"past\": false}");
    assert_int_equal(r.status, 200);
    assert_int_equal(reply_int(&r, "ratio"), 40);
    reply_free(&r);
    r = world_get(w, &p, "/api/v1/meters/1/ratio");
    assert_int_equal(json_array_size(json_object_get(r.json, "ratios")), 1);
    assert_int_equal(number(first(&r, "ratios"), "ratio"), 40);
    assert_string_equal(text_of(first(&r, "ratios"), "reason"), "CT");
    reply_free(&r);
    check_reply(world_post(w, &p, "key-00000002", "/api/v1/meters/1/ratio",
                           "{\"from\": 1760000000, \"ratio\": 50, \"reason\": \"CT\", "
                           "\"past\": false}"),
                422, "BILLING_PAST");
    assert_int_equal(world_number(w, "SELECT count(*) FROM meter_ratio"), 1);
}

/* What was settled is rated again only if that is said. */
static void test_settled_time(void **state)
{
    struct world *w = *state;
    struct person p = accountant(w);
    world_execute(
        w, "INSERT INTO settlement SELECT 1, 1, 1, 1760000000, 1760086400, 20370, 1, 0, '{}'");
    check_reply(world_post(w, &p, "key-00000001", A "/terms", TERMS("1760000001", "5", "0")), 409,
                "API_PAST");
    struct reply r = world_post(w, &p, "key-00000002", "/api/v1/meters/1/ratio",
                                "{\"from\": 1760000001, \"ratio\": 40, \"reason\": \"CT\", "
                                "\"past\": false}");
    assert_string_equal(text_of(first(&r, "errors"), "pointer"), "from");
    check_reply(r, 409, "API_PAST");
    check_reply(world_post(w, &p, "key-00000003", "/api/v1/meters/1/ratio",
                           "{\"from\": 1760086400, \"ratio\": 40, \"reason\": \"CT\", "
                           "\"past\": false}"),
                200, "-");
    assert_int_equal(world_number(w, "SELECT count(*) FROM account_term"), 0);
    assert_int_equal(world_number(w, "SELECT count(*) FROM meter_ratio"), 1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_held_and_repaired),
        CASE(test_true_ups_and_progress),
        CASE(test_kept),
        CASE(test_terms),
        CASE(test_ratio),
        CASE(test_settled_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
