/* Undoing an import: the whole database is as it was before, or the import stands and says why. */
#include "tests/unit/check.h"
#include "tests/unit/store_sql.h"

#include <stdio.h>
#include <stdlib.h>

#include "ledger/ledger.h"
#include "site/import.h"
#include "site/import_impl.h"

#define HEADER                                                                                     \
    "project,project_name,building,floor,room,account,account_name,customer_name,phone,wallet,"    \
    "plan,strategy,persons,gateway,line,endpoint,address,model\n"
#define ROW_1                                                                                      \
    "demo,Demo,D1,3,301,D1-301,One,Zhang,13800000001,platform,p,s,4,GW-1,1,tcp:h:1,301,yufu-"      \
    "plain\n"
#define ROW_2 "demo,,D1,3,302,D1-302,Two,Li,13800000002,platform,p,s,,GW-1,1,,302,yufu-plain\n"
#define ROW_3 "demo,,D1,1,LOBBY,,,,,,,,,GW-1,1,,1,yufu-plain\n"

/* Every table that the site has, row by row: equal texts are equal sites. */
static const char *const dumps[] = {
    "SELECT id || code || name FROM organisation",
    "SELECT id || code || name || zone || organisation_id FROM project",
    "SELECT id || '|' || coalesce(parent_id, 0) || kind || code || name FROM place ORDER BY id",
    "SELECT id || serial || name FROM gateway ORDER BY id",
    "SELECT id || '|' || gateway_id || '|' || number || endpoint || baud || parity FROM line",
    "SELECT id || code || name || phone FROM customer ORDER BY id",
    "SELECT id || code || name || wallet || plan_code || strategy_code || place_id || '|' || "
    "coalesce(customer_id, 0) || '|' || coalesce(contract_at, 0) FROM account ORDER BY id",
    "SELECT id || address || model || kind || circuits || customer_number || place_id || '|' || "
    "coalesce(account_id, 0) FROM meter ORDER BY id",
    "SELECT id || code || version || body FROM price_plan ORDER BY id",
    "SELECT id || code || version || body FROM strategy ORDER BY id",
    "SELECT account_id || '|' || from_at || '|' || persons FROM account_term",
};

static int open_ledger(void **state)
{
    struct store *s = NULL;
    if (store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) != ERR_OK)
        return -1;
    *state = s;
    return 0;
}

static int close_ledger(void **state)
{
    store_close(*state);
    return 0;
}

struct job {
    const char *text;
    int64_t import_id, now;
    struct site_undo *u;
    enum err expected;
    char *dump;
    size_t len;
};

static const char *strategy_body;

static enum err do_import(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    struct site_import *im = NULL;
    TRY(site_import_open(&im, j->text, strlen(j->text)));
    site_import_name(im, "site.csv");
    TRY(site_import_plan(im, "p", "{\"kind\":\"flat\",\"price\":\"0.5883\"}"));
    TRY(site_import_strategy(im, "s", strategy_body ? strategy_body : "{}"));
    enum err e = site_import_commit(im, tx, "user:1", (wall_s){j->now});
    j->import_id = site_import_result(im)->import_id;
    site_import_close(im);
    return e;
}

static int64_t import(void **state, const char *text)
{
    static int64_t now = 1'790'000'000;
    struct job j = {.text = text, .now = now += 1000};
    assert_ok(store_run(*state, do_import, &j));
    return j.import_id;
}

static enum err do_dump(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    FILE *out = open_memstream(&j->dump, &j->len);
    for (size_t i = 0; i < sizeof dumps / sizeof *dumps; i++) {
        struct query q = query_open(tx, dumps[i], "");
        while (query_step(&q))
            fprintf(out, "%s\n", query_text(&q, 0));
        TRY(query_end(&q));
    }
    fclose(out);
    return ERR_OK;
}

static char *dump(void **state)
{
    struct job j = {};
    assert_ok(store_read(*state, do_dump, &j));
    return j.dump;
}

static bool read_302(void *arg, int64_t meter_id)
{
    return meter_id == *(int64_t *)arg;
}

static enum err do_undo(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return site_import_undo(tx, j->u, "user:2", "wrong file", (wall_s){1'790'900'000});
}

static enum err do_check(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return site_import_undo_check(tx, j->u);
}

static void sql(void **state, const char *text)
{
    sql_run(*state, text);
}

static int64_t number(void **state, const char *text)
{
    return sql_number(*state, text);
}

static void undo(void **state, int64_t id)
{
    struct site_undo u = {.import_id = id};
    assert_ok(store_read(*state, do_check, &(struct job){.u = &u}));
    assert_ok(store_run(*state, do_undo, &(struct job){.u = &u}));
}

/* Refused, by name; and nothing was changed. */
static void refused(void **state, int64_t id, const char *object, const char *code,
                    enum site_undo_reason reason)
{
    struct site_undo u = {.import_id = id};
    char *before = dump(state);
    bool named = false;
    assert_err(ERR_SITE_UNDO, store_read(*state, do_check, &(struct job){.u = &u}));
    for (size_t i = 0; i < u.shown; i++)
        named = named || (strcmp(u.blockers[i].object, object) == 0 &&
                          strcmp(u.blockers[i].code, code) == 0 && u.blockers[i].reason == reason);
    if (!named)
        fail_msg("%s %s (%s) is not named, but %s %s (%s)", object, code,
                 site_undo_reason_name(reason), u.blockers[0].object, u.blockers[0].code,
                 site_undo_reason_name(u.blockers[0].reason));
    assert_err(ERR_SITE_UNDO, store_run(*state, do_undo, &(struct job){.u = &u}));
    char *after = dump(state);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

/* --- what disappears and returns ---------------------------------------------------------------
 */

static void test_a_first_import_leaves_nothing(void **state)
{
    char *before = dump(state);
    int64_t id = import(state, HEADER ROW_1 ROW_2 ROW_3);
    assert_int_equal(id, 1);
    undo(state, id);
    char *after = dump(state);
    assert_string_equal(before, after);
    assert_int_equal(number(state, "SELECT count(*) FROM audit WHERE action = 'site.import.undo' "
                                   "AND actor = 'user:2' AND detail LIKE '%wrong file%'"),
                     1);
    assert_int_equal(number(state, "SELECT count(*) FROM event WHERE kind = 'site.import.undone'"),
                     1);
    free(before);
    free(after);
    assert_int_equal(import(state, HEADER ROW_1 ROW_2 ROW_3), 2); /* and it can come again */
}

static void test_what_was_changed_returns(void **state)
{
    assert_int_equal(import(state, HEADER ROW_1 ROW_2 ROW_3), 1);
    char *before = dump(state);
    int64_t version = number(state, "SELECT config_version FROM gateway");
    int64_t id = import(
        state, HEADER "demo,Other Name,D1,4,401,D1-301,Moved,Zhang "
                      "San,13900000001,meter,p,s,6,GW-1,1,tcp:h:2,301,"
                      "yufu-dorm3\n"
                      "demo,,D1,1,LOBBY,D1-NEW,,,,platform,p,s,,GW-1,1,,1,yufu-plain\n"
                      "demo,,D1,5,501,D1-501,,New,,platform,p,s,,GW-2,1,tcp:h:3,501,yufu-plain\n");
    char *between = dump(state);
    assert_string_not_equal(before, between);
    assert_int_equal(number(state, "SELECT count(*) FROM account_term"), 2);
    undo(state, id);
    char *after = dump(state);
    assert_string_equal(before, after);
    assert_true(number(state, "SELECT config_version FROM gateway WHERE serial = 'GW-1'") >
                version + 1); /* the gateway hears of both */
    struct site_undo u = {.import_id = id};
    assert_err(ERR_SITE_UNDONE, store_run(*state, do_undo, &(struct job){.u = &u}));
    u = (struct site_undo){.import_id = 99};
    assert_err(ERR_NOT_FOUND, store_run(*state, do_undo, &(struct job){.u = &u}));
    u = (struct site_undo){.import_id = 1, .project_id = 77};
    assert_err(ERR_NOT_FOUND, store_read(*state, do_check, &(struct job){.u = &u}));
    free(before);
    free(between);
    free(after);
    undo(state, 1); /* and the one before it too */
    assert_int_equal(number(state, "SELECT count(*) FROM place"), 0);
}

static void test_the_same_again_is_no_import(void **state)
{
    assert_int_equal(import(state, HEADER ROW_1), 1);
    assert_int_equal(import(state, HEADER ROW_1), 0);
    assert_int_equal(number(state, "SELECT count(*) FROM site_import"), 1);
}

static enum err take_history(void *arg, const struct site_imported *i)
{
    char *text = arg;
    snprintf(text + strlen(text), 200 - strlen(text), "%lld:%s:%s:%lld/%lld/%lld:%s;",
             (long long)i->id, i->actor, i->file, (long long)i->rows_by_change[SITE_NEW],
             (long long)i->rows_by_change[SITE_CHANGED], (long long)i->rows_by_change[SITE_SAME],
             i->undo_reason);
    return ERR_OK;
}

static enum err do_history(struct store_tx *tx, void *arg)
{
    return site_imports(tx, 0, 0, 10, take_history, arg);
}

static void test_history(void **state)
{
    char text[200] = "";
    (void)import(state, HEADER ROW_1);
    undo(state, import(state, HEADER ROW_1 ROW_2));
    assert_ok(store_read(*state, do_history, text));
    assert_string_equal(text, "2:user:1:site.csv:1/0/1:wrong file;1:user:1:site.csv:1/0/0:;");
}

/* --- what stands in the way --------------------------------------------------------------------
 */

static enum err book_something(struct store_tx *tx, void *arg)
{
    (void)arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = 2,
                               .key = "k",
                               .kind = "k",
                               .now = {1},
                               .actor = "system",
                               .postings = {{LEDGER_CASH, -1}, {LEDGER_PREPAYMENT, 1}}},
        NULL);
}

static void test_money_stays(void **state)
{
    int64_t id = import(state, HEADER ROW_1 ROW_2);
    assert_ok(store_run(*state, book_something, NULL));
    refused(state, id, "account", "D1-302", SITE_UNDO_MONEY);
}

static void test_each_reason(void **state)
{
    static const struct {
        const char *act, *back, *object, *code;
        enum site_undo_reason reason;
    } cases[] = {
        {"INSERT INTO other_bill (account_id, bill_id, service, title, amount_fen, billed_at, "
         "billed_by) VALUES (1, 'bill-0001', 'rent', 'x', 1, 1, 'user:1')",
         "DELETE FROM other_bill", "account", "D1-301", SITE_UNDO_MONEY},
        {"INSERT INTO late_line (account_id, begun_day, from_day, to_day, days, exact, most_fen, "
         "rule, "
         "clause, amount_fen) VALUES (1, 1, 1, 1, 1, 1, 1, 'rounded', '', 0)",
         "DELETE FROM late_line", "account", "D1-301", SITE_UNDO_MONEY},
        {"UPDATE account SET closed_at = 5 WHERE id = 1",
         "UPDATE account SET closed_at = NULL WHERE id = 1", "account", "D1-301",
         SITE_UNDO_CHANGED},
        {"INSERT INTO account_package VALUES (1, 1, 1, 'x', 'user:1')",
         "DELETE FROM account_package", "account", "D1-301", SITE_UNDO_STAFF},
        {"INSERT INTO protection (id, project_id, scope, object_id, kind, from_at, reason, actor, "
         "entered_at) VALUES (1, 1, 'meter', 2, 'list', 0, 'x', 'user:1', 0)",
         "DELETE FROM protection", "meter", "000000000302", SITE_UNDO_STAFF},
        {"UPDATE meter SET epoch = 2 WHERE id = 1", "UPDATE meter SET epoch = 1 WHERE id = 1",
         "meter", "000000000301", SITE_UNDO_CHANGED},
        {"INSERT INTO meter_ratio VALUES (1, 5, 40, 'user:1', 'x', 5)", "DELETE FROM meter_ratio",
         "meter", "000000000301", SITE_UNDO_STAFF},
        {"UPDATE gateway SET last_seen = 5", "UPDATE gateway SET last_seen = NULL", "gateway",
         "GW-1", SITE_UNDO_CLAIMED},
        {"INSERT INTO gateway_push_part (id, push_id, gateway_id, stage, state, changed_at) "
         "SELECT 1, 1, id, 1, 'waiting', 5 FROM gateway",
         "DELETE FROM gateway_push_part", "gateway", "GW-1", SITE_UNDO_ORDER},
        {"INSERT INTO place VALUES (99, 1, 1, 'room', 'D1/new', 'new')",
         "DELETE FROM place WHERE id = 99", "place", "D1", SITE_UNDO_USED},
        {"INSERT INTO price_plan VALUES (99, 1, 'p', 2, 5, '{}')",
         "DELETE FROM price_plan WHERE id = 99", "price_plan", "p", SITE_UNDO_USED},
        {"INSERT INTO billing_rule VALUES (1, 5, 50)", "DELETE FROM billing_rule", "project",
         "demo", SITE_UNDO_STAFF},
        {"INSERT INTO flow_rule VALUES (1, 120, 300, 60, 10, 30, 7, 180, 270, 1, 5, 'user:1')",
         "DELETE FROM flow_rule", "project", "demo", SITE_UNDO_STAFF},
        {"INSERT INTO price_plan VALUES (98, 1, 'hand', 1, 5, '{}')",
         "DELETE FROM price_plan WHERE id = 98", "project", "demo", SITE_UNDO_USED},
        {"INSERT INTO strategy VALUES (98, 1, 'hand', 1, 5, '{}')",
         "DELETE FROM strategy WHERE id = 98", "project", "demo", SITE_UNDO_USED},
        {"INSERT INTO gateway (id, project_id, serial, name) VALUES (98, 1, 'HAND', 'x')",
         "DELETE FROM gateway WHERE id = 98", "project", "demo", SITE_UNDO_USED},
        {"INSERT INTO customer (id, project_id, code, name, phone) VALUES (98, 1, 'c', 'x', '')",
         "DELETE FROM customer WHERE id = 98", "project", "demo", SITE_UNDO_USED},
        {"INSERT INTO terminal_register (meter_id, circuit, item, state) VALUES (1, 0, 1, 'none')",
         "DELETE FROM terminal_register", "meter", "000000000301", SITE_UNDO_ORDER},
        {"INSERT INTO cut_approval (id, project_id, account_id, episode, state, persons, "
         "available_fen, detail, proposed_at, expires_at) VALUES (1, 1, 1, 0, 'proposed', 1, 0, "
         "'{}', 5, 6)",
         "UPDATE cut_approval SET state = 'refused'", "account", "D1-301", SITE_UNDO_STAFF},
    };
    int64_t id = import(state, HEADER ROW_1 ROW_2 ROW_3);
    sql(state, "INSERT INTO gateway_push VALUES (1, 1, 1, '0.2.0', 'running', 0, 0, 600, 0, 'x', "
               "'user:1', 5)");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sql(state, cases[i].act);
        refused(state, id, cases[i].object, cases[i].code, cases[i].reason);
        sql(state, cases[i].back);
    }
    undo(state, id); /* none of them is left in the way */
}

static void test_readings_stay(void **state)
{
    int64_t id = import(state, HEADER ROW_1 ROW_2), meter_id = 2;
    struct site_undo u = {.import_id = id, .was_read = read_302, .arg = &meter_id};
    assert_err(ERR_SITE_UNDO, store_read(*state, do_check, &(struct job){.u = &u}));
    assert_int_equal(u.blocker_count, 1);
    assert_string_equal(u.blockers[0].code, "000000000302");
    assert_int_equal(u.blockers[0].reason, SITE_UNDO_READING);
    meter_id = 99;
    assert_ok(store_read(*state, do_check, &(struct job){.u = &u}));
}

static void test_the_later_one_first(void **state)
{
    int64_t first = import(state, HEADER ROW_1);
    int64_t second = import(state, HEADER ROW_1 ROW_2);
    refused(state, first, "place", "D1/3", SITE_UNDO_USED);
    undo(state, second);
    undo(state, first);
}

/* Whatever the schema ties to something that an import makes is looked at before that is taken
 * away, or goes with it: else the look would find nothing, and the undoing fail. */
static enum err look_at_schema(struct store_tx *tx, void *arg)
{
    int64_t *seen = arg;
    struct query q = query_open(tx,
                                "SELECT t.name, f.\"table\" FROM sqlite_master t "
                                "JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
                                "");
    while (query_step(&q))
        for (enum import_table t = 0; t < IMPORT_TABLES; t++) {
            if (strcmp(query_text(&q, 1), import_table_name(t)) != 0)
                continue;
            ++*seen;
            if (!import_undo_knows(t, query_text(&q, 0)))
                fail_msg("%s belongs to %s: the undo does not know", query_text(&q, 0),
                         query_text(&q, 1));
        }
    return query_end(&q);
}

static void test_every_reference_is_known(void **state)
{
    int64_t seen = 0;
    assert_ok(store_read(*state, look_at_schema, &seen));
    assert_true(seen > 30);
    assert_false(import_undo_knows(IMPORT_PROJECT, "terminal_register"));
    assert_false(import_undo_knows(IMPORT_METER, "meter_rat")); /* whole names */
}

/* Whoever is told to lift a protection has done enough with that. */
static void test_what_was_lifted_is_not_in_the_way(void **state)
{
#define PROTECT(scope)                                                                             \
    "INSERT INTO protection (id, project_id, scope, object_id, kind, from_at, reason, actor, "     \
    "entered_at) SELECT coalesce(max(id), 0) + 1, 1, '" scope "', 1, 'list', 0, 'x', 'user:1', 0 " \
    "FROM protection"
    static const char *const acts[] = {PROTECT("project"), PROTECT("place"), PROTECT("account"),
                                       PROTECT("meter")};
    int64_t id = import(state, HEADER ROW_1 ROW_2);
    for (size_t i = 0; i < 4; i++) {
        sql(state, acts[i]);
        refused(state, id, "project", "demo", SITE_UNDO_STAFF);
        sql(state, "UPDATE protection SET lifted_at = 5, lifted_by = 'user:1', lift_reason = 'x'");
    }
    undo(state, id);
    assert_int_equal(number(state, "SELECT count(*) FROM project"), 0);
}

/* --- prices ------------------------------------------------------------------------------------
 */

#define ROW_1_Q "demo,,D1,3,301,D1-301,One,,,platform,q,s,4,GW-1,1,,301,yufu-plain\n"

static int64_t import_other_plan(void **state)
{
    (void)import(state, HEADER ROW_1);
    sql(state,
        "INSERT INTO price_plan VALUES (97, 1, 'q', 1, 5, '{\"kind\":\"flat\",\"price\":\"9\"}')");
    return import(state, HEADER ROW_1_Q);
}

#define SETTLED(opened, closed)                                                                    \
    "INSERT INTO settlement (account_id, meter_id, epoch, opened_at, closed_at, business_day, "    \
    "amount_fen, energy_wh, bill) SELECT 1, 1, 1, at + " opened ", at + " closed                   \
    ", 20000, 5, 5, '{}' FROM site_import WHERE id = 2"

static void test_bills_under_an_imported_plan_stay(void **state)
{
    int64_t id = import_other_plan(state);
    sql(state, SETTLED("-200", "-100")); /* under the plan before */
    struct site_undo u = {.import_id = id};
    assert_ok(store_read(*state, do_check, &(struct job){.u = &u}));
    sql(state, SETTLED("-100", "100"));
    refused(state, id, "account", "D1-301", SITE_UNDO_MONEY);
    sql(state,
        "DELETE FROM settlement WHERE opened_at > (SELECT at - 200 FROM site_import WHERE id = 2)");
    sql(state, "INSERT INTO charge_open (account_id, meter_id, epoch, plan_code, plan_version, "
               "opened_at, reading_at, total_wh, rate1_wh, rate2_wh, rate3_wh, rate4_wh) "
               "VALUES (1, 1, 1, 'q', 1, 5, 5, 0, 0, 0, 0, 0)");
    refused(state, id, "account", "D1-301", SITE_UNDO_MONEY);
    sql(state, "UPDATE charge_open SET plan_code = 'p'");
    undo(state, id);
    assert_int_equal(number(state, "SELECT count(*) FROM account WHERE plan_code = 'p'"), 1);
}

/* Decisions name the version that they were made under: it stays, or a later one would be given its
 * number. */
static void test_decisions_under_an_imported_strategy_stay(void **state)
{
    (void)import(state, HEADER ROW_1);
    strategy_body = "{\"cut\":{\"grace_s\":60}}";
    int64_t id = import(state, HEADER ROW_1 ROW_2);
    strategy_body = NULL;
    assert_int_equal(number(state, "SELECT max(version) FROM strategy WHERE code = 's'"), 2);
    sql(state, "INSERT INTO fee_state (account_id, strategy) VALUES (1, 's@2 pack@1')");
    refused(state, id, "strategy", "s", SITE_UNDO_USED);
    sql(state, "UPDATE fee_state SET strategy = 's@22'");
    sql(state, "INSERT INTO audit VALUES (1000, 5, 'system', 'relay.wish', 'relay:1/0', "
               "'{\"desired\":\"open\",\"facts\":{\"strategy\":\"s@2\"}}', x'00', x'00')");
    refused(state, id, "strategy", "s", SITE_UNDO_USED);
}

static void test_decisions_under_another_strategy_are_not_in_the_way(void **state)
{
    (void)import(state, HEADER ROW_1);
    strategy_body = "{\"cut\":{\"grace_s\":60}}";
    int64_t id = import(state, HEADER ROW_1 ROW_2);
    strategy_body = NULL;
    sql(state, "INSERT INTO fee_state (account_id, strategy) VALUES (1, 's@1')");
    sql(state, "INSERT INTO fee_state (account_id, strategy) VALUES (2, 's@2')"); /* goes with it */
    undo(state, id);
    assert_int_equal(number(state, "SELECT count(*) FROM strategy"), 1);
}

/* What a later import corrected on the objects of this one would go with them, unannounced. */
static void test_a_later_correction_stays(void **state)
{
    (void)import(state, HEADER ROW_1);
    int64_t first = import(state, HEADER ROW_1 ROW_2);
    int64_t second = import(
        state, HEADER "demo,,D1,3,302,D1-302,Corrected,,,platform,p,s,5,GW-1,1,,302,yufu-plain\n");
    refused(state, first, "account", "D1-302", SITE_UNDO_USED);
    struct site_undo u = {.import_id = first};
    assert_err(ERR_SITE_UNDO, store_read(*state, do_check, &(struct job){.u = &u}));
    assert_int_equal(u.blocker_count, 1);
    assert_int_equal(u.blockers[0].later_import, second);
    undo(state, second);
    undo(state, first);
}

static void test_a_fact_that_was_changed_again(void **state)
{
    (void)import(state, HEADER ROW_1);
    int64_t id = import(state, HEADER
                        "demo,,D1,3,301,D1-301,Renamed,,,platform,p,s,,GW-1,1,,301,yufu-plain\n");
    sql(state, "UPDATE account SET name = 'By Hand' WHERE id = 1");
    refused(state, id, "account", "D1-301", SITE_UNDO_CHANGED);
    sql(state,
        "UPDATE account SET name = 'Renamed', closed_at = NULL, contract_at = 7 WHERE id = 1");
    undo(state, id); /* another fact of it is none of its business */
    assert_int_equal(
        number(state, "SELECT count(*) FROM account WHERE name = 'One' AND contract_at = 7"), 1);
}

static enum err do_undo_silently(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return site_import_undo(tx, j->u, "user:2", "", (wall_s){1'790'900'000});
}

static void test_a_reason_is_needed(void **state)
{
    struct site_undo u = {.import_id = import(state, HEADER ROW_1)};
    char *before = dump(state);
    assert_ok(store_read(*state, do_check, &(struct job){.u = &u}));
    assert_int_equal(u.removed, 12); /* one of each of ten tables, and two more places */
    assert_err(ERR_SITE_TEXT, store_run(*state, do_undo_silently, &(struct job){.u = &u}));
    char *after = dump(state);
    assert_string_equal(before, after);
    free(before);
    free(after);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_ledger, close_ledger)
    const struct CMUnitTest tests[] = {
        CASE(test_a_first_import_leaves_nothing),
        CASE(test_what_was_changed_returns),
        CASE(test_the_same_again_is_no_import),
        CASE(test_history),
        CASE(test_money_stays),
        CASE(test_each_reason),
        CASE(test_readings_stay),
        CASE(test_the_later_one_first),
        CASE(test_every_reference_is_known),
        CASE(test_what_was_lifted_is_not_in_the_way),
        CASE(test_bills_under_an_imported_plan_stay),
        CASE(test_decisions_under_an_imported_strategy_stay),
        CASE(test_decisions_under_another_strategy_are_not_in_the_way),
        CASE(test_a_later_correction_stays),
        CASE(test_a_fact_that_was_changed_again),
        CASE(test_a_reason_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
