/*
 * Each protection that is a fact of the books and lists, a second before its boundary, on it and a
 * second after, through the whole decision: facts gathered from the stores, decision, reason.
 */
#include "tests/unit/control/fee_world.h"

#include <string.h>

#include "control/preview.h"
#include "control/protect.h"

#define DUE_AT (NOON + 10'000) /* everything that a cut needs is there */

struct asked {
    struct world *w;
    wall_s at;
    struct control_preview_now now;
};

static enum err take(void *arg, const struct control_preview_row *row)
{
    struct asked *a = arg;
    a->now = row->before.now;
    return row->refusal;
}

static enum err ask(struct store_tx *tx, void *arg)
{
    struct asked *a = arg;
    struct control_preview_sum sum;
    struct strategy_policy policy = strategy_policy_default();
    const struct control_preview p = {
        .readings = a->w->readings, .project_id = 1, .code = "", .policy = &policy, .now = a->at};
    return control_preview(tx, &p, take, a, &sum);
}

/* What would be decided at this second: reads only. */
static struct control_preview_now at(struct world *w, int64_t at_s)
{
    struct asked a = {.w = w, .at = {at_s}};
    assert_ok(store_read(w->ledger, ask, &a));
    return a.now;
}

static void assert_cut(struct world *w, int64_t at_s)
{
    struct control_preview_now now = at(w, at_s);
    if (!now.cut)
        fail_msg("held at %lld: %s", (long long)at_s, strategy_reason_name(now.reason));
}

static void assert_held(struct world *w, int64_t at_s, enum strategy_reason why)
{
    struct control_preview_now now = at(w, at_s);
    if (now.cut || now.guards != STRATEGY_GUARD(why) || now.reason != why)
        fail_msg("at %lld: cut %d, %s, guards %llx", (long long)at_s, now.cut,
                 strategy_reason_name(now.reason), (unsigned long long)now.guards);
}

/* Held a second before, on the boundary or from it on, as a half-open span is. */
static void assert_span(struct world *w, int64_t from_s, int64_t until_s, enum strategy_reason why)
{
    assert_cut(w, from_s - 1);
    assert_held(w, from_s, why);
    assert_held(w, from_s + 1, why);
    assert_held(w, until_s - 1, why);
    assert_cut(w, until_s);
    assert_cut(w, until_s + 1);
}

/* In arrears and told, hours ago; nothing has been ordered. */
static int due(void **state)
{
    setup(state);
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"automatic\":false,\"from\":\"00:00\","
           "\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    pay(w, "order-0001", 1000);
    reading(w, 60, 0);
    reading(w, 3600, 11'000);
    deliver(w);
    reading(w, 5400, 10);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    assert_true(w->now.s < DUE_AT);
    assert_cut(w, DUE_AT);
    return 0;
}

/* --- lists ---------------------------------------------------------------------------------------
 */

struct entry {
    struct world *w;
    struct control_protection p;
};

static enum err add(struct store_tx *tx, void *arg)
{
    struct entry *e = arg;
    return control_protect_add(tx, &e->p, 1);
}

static struct entry entry_of(struct world *w, enum strategy_protection kind)
{
    return (struct entry){.w = w,
                          .p = {.scope = CONTROL_SCOPE_ACCOUNT,
                                .object_id = ACCOUNT,
                                .kind = kind,
                                .from = {DUE_AT + 100},
                                .until = {DUE_AT + 200},
                                .reason = "r",
                                .actor = "user:1",
                                .now = {DUE_AT}}};
}

static void test_each_kind_of_protection(void **state)
{
    static const enum strategy_reason reasons[] = {
#define STRATEGY_PROTECTION(name, text, en, zh) STRATEGY_BECAUSE_##name,
#include "strategy/protection_table.h"
#undef STRATEGY_PROTECTION
    };
    struct world *w = *state;
    for (int k = 0; k < STRATEGY_PROTECTION_COUNT; k++) {
        struct entry e = entry_of(w, (enum strategy_protection)k);
        e.p.from.s += 1000 * k;
        e.p.until.s += 1000 * k;
        assert_ok(store_run(w->ledger, add, &e));
        assert_span(w, e.p.from.s, e.p.until.s, reasons[k]);
    }
}

static void test_each_scope_of_a_protection(void **state)
{
    static const int64_t objects[CONTROL_SCOPE_COUNT] = {1, 1, ACCOUNT, METER};
    struct world *w = *state;
    for (int scope = 0; scope < CONTROL_SCOPE_COUNT; scope++) {
        struct entry e = entry_of(w, STRATEGY_PROTECTION_WEATHER);
        e.p.scope = (enum control_scope)scope;
        e.p.object_id = objects[scope];
        e.p.from.s += 1000 * scope;
        e.p.until.s += 1000 * scope;
        assert_ok(store_run(w->ledger, add, &e));
        assert_span(w, e.p.from.s, e.p.until.s, STRATEGY_BECAUSE_WEATHER);
    }
}

static enum err lift(struct store_tx *tx, void *arg)
{
    struct entry *e = arg;
    return control_protect_lift(
        tx, &(struct control_lift){
                .id = e->p.id, .reason = "over", .actor = "user:1", .now = {DUE_AT + 150}});
}

static void test_a_lifted_protection_ends_when_it_was_lifted(void **state)
{
    struct world *w = *state;
    struct entry e = entry_of(w, STRATEGY_PROTECTION_DISPUTE);
    e.p.until.s = 0;
    assert_ok(store_run(w->ledger, add, &e));
    assert_held(w, DUE_AT + 10'000, STRATEGY_BECAUSE_DISPUTE);
    assert_ok(store_run(w->ledger, lift, &e));
    assert_span(w, DUE_AT + 100, DUE_AT + 150, STRATEGY_BECAUSE_DISPUTE);
}

/* --- money on its way
 * ------------------------------------------------------------------------------
 */

static enum err begin_payment(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    return control_payment_begun(
        tx, &(struct control_flight){ACCOUNT, "p1", w->now, {DUE_AT + 300}, 1});
}

static enum err end_payment(struct store_tx *tx, void *arg)
{
    (void)arg;
    return control_payment_ended(tx, ACCOUNT, "p1");
}

static void test_a_payment_in_flight(void **state)
{
    struct world *w = *state;
    w->now.s = DUE_AT;
    assert_ok(store_run(w->ledger, begin_payment, w));
    assert_held(w, DUE_AT, STRATEGY_BECAUSE_PAYMENT_PENDING);
    assert_held(w, DUE_AT + 299, STRATEGY_BECAUSE_PAYMENT_PENDING);
    assert_cut(w, DUE_AT + 300); /* its time is over */
    assert_cut(w, DUE_AT + 301);
    assert_ok(store_run(w->ledger, end_payment, NULL));
    assert_cut(w, DUE_AT);
}

/* Between the order to cut and its answer. */
static void test_a_payment_that_begins_withdraws_the_cut(void **state)
{
    struct world *w = *state;
    assert_ok(store_run(w->ledger, check, w));
    assert_true(wished(w, "open"));
    assert_ok(store_run(w->ledger, begin_payment, w));
    assert_true(wished(w, "closed"));
    w->now.s += 1;
    assert_ok(store_run(w->ledger, check, w));
    assert_true(wished(w, "closed"));
    assert_held(w, DUE_AT + 299, STRATEGY_BECAUSE_PAYMENT_PENDING);
    assert_cut(w, DUE_AT + 300);
}

static void test_a_sale_on_its_way(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO sale_order (account_id, order_id, amount_fen, method, state, created_at, "
           "changed_at, actor) VALUES (7, 'order-0009', 100, 'cash', 'CREATED', 5, 5, 'user:1')");
    assert_held(w, DUE_AT, STRATEGY_BECAUSE_VEND_UNRESOLVED);
    sql(w, "UPDATE sale_order SET state = 'REJECTED' WHERE order_id = 'order-0009'");
    assert_cut(w, DUE_AT);
}

/* --- contract, readings, clock, keep-power
 * -----------------------------------------------------------
 */

static void test_the_contract_counts_from_its_second(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET contract_at = 1767250050 WHERE id = 7"); /* DUE_AT + 50 */
    assert_held(w, DUE_AT + 49, STRATEGY_BECAUSE_NO_CONTRACT);
    assert_cut(w, DUE_AT + 50);
    assert_cut(w, DUE_AT + 51);
}

static void test_a_reading_a_day_old(void **state)
{
    struct world *w = *state;
    int64_t read_s = w->now.s;
    assert_cut(w, read_s + 86'399);
    assert_cut(w, read_s + 86'400);
    assert_held(w, read_s + 86'401, STRATEGY_BECAUSE_READING_STALE);
}

/* A reading may be a minute ahead of us, clocks being what they are; more is not of today. */
static void test_a_reading_from_the_future(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE fee_state SET decided_at = 1, level_at = 1, noted_at = 1, notice_at = 1");
    int64_t read_s = w->now.s;
    assert_cut(w, read_s - 59);
    assert_cut(w, read_s - 60);
    struct control_preview_now now = at(w, read_s - 61);
    assert_false(now.cut);
    assert_true(now.guards & STRATEGY_GUARD(STRATEGY_BECAUSE_READING_STALE));
}

static void test_an_estimate_never_cuts(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE charge_open SET estimated = 1"); /* shared out within a day: measured enough */
    assert_cut(w, DUE_AT);
    sql(w, "UPDATE charge_open SET estimated = 2");
    assert_held(w, DUE_AT, STRATEGY_BECAUSE_READING_ESTIMATED);
}

static void test_a_clock_behind_the_books_is_not_trusted(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE fee_state SET decided_at = 1767250050"); /* DUE_AT + 50 */
    assert_held(w, DUE_AT + 49, STRATEGY_BECAUSE_CLOCK_UNTRUSTED);
    assert_cut(w, DUE_AT + 50);
    assert_cut(w, DUE_AT + 51);
}

static enum err set_leapt(struct store_tx *tx, void *arg)
{
    return store_exec(tx, "UPDATE clock_watch SET leapt = $1", "i", *(int64_t *)arg);
}

static enum err clock_right(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    return control_clock_right(tx, w->now);
}

/* For an hour the clock is a year ahead: nobody is cut. It is set right, and fee control goes on;
 * what was told in that hour does not count. */
static void test_an_hour_a_year_ahead(void **state)
{
    struct world *w = *state;
    int64_t leapt = 1, right = 0, now_s = DUE_AT;
    w->now.s = now_s;
    assert_ok(store_run(w->ledger, set_leapt, &leapt));
    w->now.s += INT64_C(365) * 86'400;
    assert_ok(store_run(w->ledger, check, w));
    assert_true(decided(w, "CLOCK_UNTRUSTED"));
    sql(w, "INSERT INTO fee_notice VALUES (7, 1, 3, 'leapt', 'console', 1798786000)");
    sql(w, "INSERT INTO aside VALUES ('relay', 11, 0, 'STATE', 1798786000, 1798786180)");
    w->now.s = now_s + 3'600;
    assert_ok(store_run(w->ledger, set_leapt, &right));
    assert_ok(store_run(w->ledger, clock_right, w));
    assert_cut(w, w->now.s);
    assert_int_equal(number(w, "SELECT count(*) FROM fee_notice WHERE at > 1767253600"), 0);
    assert_int_equal(number(w, "SELECT due_at FROM fee_state WHERE account_id = 7"), w->now.s);
    assert_int_equal(number(w, "SELECT again_at FROM aside"), w->now.s); /* not in a year */
}

static void test_keep_power(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO relay (meter_id, circuit, keep_power) VALUES (11, 0, 1) "
           "ON CONFLICT (meter_id, circuit) DO UPDATE SET keep_power = 1");
    assert_held(w, DUE_AT, STRATEGY_BECAUSE_KEEP_POWER);
    sql(w, "UPDATE relay SET keep_power = 0");
    assert_cut(w, DUE_AT);
}

/* --- time of the day, in the project's zone
 * ----------------------------------------------------------
 */

/* 12:00 in Shanghai plus 10000 s is 14:46:40. */
static void test_hours_are_those_of_the_project(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"15:00\",\"to\":\"16:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    int64_t three_s = NOON + 3 * 3600;
    assert_held(w, three_s - 1, STRATEGY_BECAUSE_PROTECTED_HOURS);
    assert_cut(w, three_s);
    assert_cut(w, three_s + 1);
    assert_cut(w, three_s + 3599);
    assert_held(w, three_s + 3600, STRATEGY_BECAUSE_PROTECTED_HOURS);
}

/* 2026-01-01 to 03 are holidays, 01-04 is a worked Sunday. */
static void test_holidays_are_those_of_the_project(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5],\"makeup\":true,\"reading_age_max_s\":864000}}'");
    int64_t fourth_s = NOON + 60 * 3600, fifth_s = fourth_s + 86'400;
    assert_held(w, DUE_AT, STRATEGY_BECAUSE_HOLIDAY);
    struct control_preview_now now = at(w, fourth_s - 1); /* a Saturday, and a holiday */
    assert_true(now.guards & STRATEGY_GUARD(STRATEGY_BECAUSE_HOLIDAY));
    assert_cut(w, fourth_s);
    assert_cut(w, fifth_s - 1);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5],\"reading_age_max_s\":864000}}' ");
    assert_held(w, fourth_s, STRATEGY_BECAUSE_PROTECTED_DAY);
    assert_held(w, fifth_s - 1, STRATEGY_BECAUSE_PROTECTED_DAY);
    assert_cut(w, fifth_s);
}

/* The same moments of the day, in zones that are not an hour's or are two hours off. */
static void test_hours_and_days_of_other_zones(void **state)
{
    static const struct {
        const char *sql;
        int64_t offset_s;
    } zones[] = {
        {"UPDATE project SET zone = 'Asia/Kolkata'", 19'800},
        {"UPDATE project SET zone = 'Asia/Urumqi'", 21'600},
        {"UPDATE project SET zone = 'Asia/Tokyo'", 32'400},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
        const int64_t fourth_s = 1'767'484'800 - zones[i].offset_s; /* 2026-01-04, midnight there */
        sql(w, zones[i].sql);
        sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"15:00\",\"to\":\"16:00\","
               "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"reading_age_max_s\":864000}}'");
        const int64_t three_s = fourth_s + 15 * 3'600;
        assert_held(w, three_s - 1, STRATEGY_BECAUSE_PROTECTED_HOURS);
        assert_cut(w, three_s);
        assert_cut(w, three_s + 3'599);
        assert_held(w, three_s + 3'600, STRATEGY_BECAUSE_PROTECTED_HOURS);
        sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
               "\"weekdays\":[1,2,3,4,5,6,7],\"reading_age_max_s\":864000}}'");
        assert_held(w, fourth_s - 1, STRATEGY_BECAUSE_HOLIDAY);
        assert_cut(w, fourth_s);
    }
}

/* An order that is given in the last minute ends with the hour. */
static void test_an_order_ends_with_the_hours(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"12:00\",\"to\":\"15:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    w->now.s = NOON + 3 * 3600 - 20;
    assert_ok(store_run(w->ledger, check, w));
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT not_after FROM relay"), NOON + 3 * 3600 - 1);
    assert_int_equal(number(w, "SELECT not_after FROM command WHERE kind = 'relay'"),
                     NOON + 3 * 3600 - 1); /* the last second in which it may begin */
}

/* Severe weather is announced for later: an order that is given before ends with its beginning. */
static void test_an_order_ends_with_a_protection_that_begins(void **state)
{
    struct world *w = *state;
    struct entry e = entry_of(w, STRATEGY_PROTECTION_WEATHER);
    e.p.now = w->now;
    e.p.from.s = w->now.s + 30;
    assert_ok(store_run(w->ledger, add, &e));
    assert_ok(store_run(w->ledger, check, w));
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT not_after FROM relay"), e.p.from.s - 1);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, due, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_each_kind_of_protection),
        CASE(test_each_scope_of_a_protection),
        CASE(test_a_lifted_protection_ends_when_it_was_lifted),
        CASE(test_a_payment_in_flight),
        CASE(test_a_payment_that_begins_withdraws_the_cut),
        CASE(test_an_order_ends_with_a_protection_that_begins),
        CASE(test_a_sale_on_its_way),
        CASE(test_the_contract_counts_from_its_second),
        CASE(test_a_reading_a_day_old),
        CASE(test_a_reading_from_the_future),
        CASE(test_an_estimate_never_cuts),
        CASE(test_a_clock_behind_the_books_is_not_trusted),
        CASE(test_an_hour_a_year_ahead),
        CASE(test_keep_power),
        CASE(test_hours_are_those_of_the_project),
        CASE(test_holidays_are_those_of_the_project),
        CASE(test_hours_and_days_of_other_zones),
        CASE(test_an_order_ends_with_the_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
