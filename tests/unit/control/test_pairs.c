/*
 * Two rules at the same second: where one ends and another begins, and what is known to begin while
 * an order to cut is on its way. The facts are gathered from the stores.
 */
#include "tests/unit/control/fee_world.h"

#include "control/protect.h"

#define DAY "\"from\":\"00:00\",\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true"

/* In arrears, told, the grace is over: with the next check the cut is ordered. */
static int due(void **state)
{
    setup(state);
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"automatic\":false," DAY "}}'");
    pay(w, "order-0001", 1'000);
    reading(w, 60, 0);
    reading(w, 3'600, 11'000);
    deliver(w);
    reading(w, 1'900, 0);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{" DAY "},\"emergency\":{\"credit\":\"20.00\","
           "\"for_s\":3600}}'");
    assert_false(wished(w, "open"));
    return 0;
}

static void check_at(struct world *w, int64_t at_s)
{
    w->now.s = at_s;
    assert_ok(store_run(w->ledger, check, w));
}

/* --- protections ---------------------------------------------------------------------------------
 */

struct entry {
    struct control_protection p;
    wall_s lifted;
};

static enum err add(struct store_tx *tx, void *arg)
{
    return control_protect_add(tx, &((struct entry *)arg)->p, 1);
}

static enum err lift(struct store_tx *tx, void *arg)
{
    const struct entry *e = arg;
    return control_protect_lift(
        tx,
        &(struct control_lift){.id = e->p.id, .reason = "r", .actor = "user:1", .now = e->lifted});
}

static struct entry protect(struct world *w, enum strategy_protection kind, int64_t from_s,
                            int64_t until_s)
{
    struct entry e = {.p = {.scope = CONTROL_SCOPE_ACCOUNT,
                            .object_id = ACCOUNT,
                            .kind = kind,
                            .from = {from_s},
                            .until = {until_s},
                            .reason = "r",
                            .actor = "user:1",
                            .now = w->now}};
    assert_ok(store_run(w->ledger, add, &e));
    return e;
}

/* One is lifted in the second in which the other begins: nothing is between them. */
static void test_one_protection_follows_another(void **state)
{
    struct world *w = *state;
    int64_t now_s = w->now.s;
    struct entry first = protect(w, STRATEGY_PROTECTION_DISPUTE, now_s, 0);
    protect(w, STRATEGY_PROTECTION_MEDICAL, now_s + 100, now_s + 200);
    first.lifted.s = now_s + 100;
    check_at(w, now_s + 99);
    assert_true(decided(w, "DISPUTE"));
    w->now.s = now_s + 100;
    assert_ok(store_run(w->ledger, lift, &first));
    check_at(w, now_s + 100);
    assert_true(decided(w, "MEDICAL"));
    check_at(w, now_s + 199);
    assert_false(wished(w, "open"));
    check_at(w, now_s + 200);
    assert_true(wished(w, "open"));
}

static enum err begin_payment(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    return control_payment_begun(
        tx, &(struct control_flight){ACCOUNT, "p1", w->now, {w->now.s + 100}, 1});
}

/* The time of a payment is over in the second in which the weather begins. */
static void test_a_payment_ends_as_a_protection_begins(void **state)
{
    struct world *w = *state;
    int64_t now_s = w->now.s;
    assert_ok(store_run(w->ledger, begin_payment, w));
    protect(w, STRATEGY_PROTECTION_WEATHER, now_s + 100, now_s + 200);
    check_at(w, now_s + 99);
    assert_true(decided(w, "PAYMENT_PENDING"));
    check_at(w, now_s + 100);
    assert_true(decided(w, "WEATHER"));
    check_at(w, now_s + 200);
    assert_true(wished(w, "open"));
}

/* The hours end before the protection begins, and the other way round. */
static void test_an_order_ends_with_whichever_is_first(void **state)
{
    struct world *w = *state;
    int64_t three_s = NOON + 3 * 3'600;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"15:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    protect(w, STRATEGY_PROTECTION_WEATHER, three_s + 10, 0);
    check_at(w, three_s - 20);
    assert_int_equal(number(w, "SELECT not_after FROM relay"), three_s - 1);
    protect(w, STRATEGY_PROTECTION_EXAM, three_s, 0);
    assert_true(wished(w, "open"));
    protect(w, STRATEGY_PROTECTION_EXAM, three_s - 1, 0);
    assert_true(wished(w, "closed")); /* its last second would be of the exam */
}

/* --- a strategy to come --------------------------------------------------------------------------
 */

/* From then on staff cut. An order that is given a second before must not outlive the rules that it
 * was given under. */
static void test_an_order_ends_with_its_strategy(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (2, 1, 's', 2, 1767250020, '{\"cut\":{\"automatic\":false," DAY "}}')");
    check_at(w, NOON + 10'000);
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT not_after FROM relay"), NOON + 10'019);
    check_at(w, NOON + 10'020);
    assert_true(wished(w, "closed"));
    assert_true(decided(w, "CUT_BY_STAFF"));
}

/* --- emergency credit ----------------------------------------------------------------------------
 */

static void test_credit_ends_to_the_second_and_is_not_given_twice(void **state)
{
    struct world *w = *state;
    int64_t now_s = w->now.s;
    assert_ok(store_run(w->ledger, ask_credit, w));
    check_at(w, now_s + 3'599);
    assert_true(decided(w, "EMERGENCY"));
    assert_int_equal(store_run(w->ledger, ask_credit, w), ERR_STATE);
    check_at(w, now_s + 3'600);
    assert_true(wished(w, "open"));
    assert_int_equal(store_run(w->ledger, ask_credit, w), ERR_STATE);
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE action = 'fee.emergency'"), 1);
}

/* What was given stays given under another strategy, for as long as that one lets it carry. */
static void test_credit_under_another_strategy(void **state)
{
    struct world *w = *state;
    int64_t now_s = w->now.s;
    assert_ok(store_run(w->ledger, ask_credit, w));
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (2, 1, 's', 2, 1, '{\"cut\":{" DAY "},\"emergency\":{\"credit\":\"90.00\","
           "\"for_s\":7200}}')");
    check_at(w, now_s + 7'199);
    assert_true(decided(w, "EMERGENCY"));
    assert_int_equal(number(w, "SELECT emergency_fen FROM fee_state"), 2'000);
    assert_int_equal(store_run(w->ledger, ask_credit, w), ERR_STATE);
    check_at(w, now_s + 7'200);
    assert_true(wished(w, "open"));
}

/* --- a refusal of the meter ----------------------------------------------------------------------
 */

/* A pause of 15 minutes that is over a second before the hours begin, and one that begins in them.
 */
static void test_a_refusal_and_the_hours(void **state)
{
    struct world *w = *state;
    int64_t three_s = NOON + 3 * 3'600;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"15:00\",\"to\":\"16:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    sql(w, "INSERT INTO event (id, at, project_id, account_id, meter_id, kind, severity, detail) "
           "VALUES (1000000, 1767249899, 1, 7, 11, 'relay.refused', 'warning', '{}')");
    check_at(w, three_s - 1);
    assert_true(decided(w, "PROTECTED_HOURS"));
    assert_true(decided(w, "CUT_REFUSED") == false);
    sql(w, "INSERT INTO event (id, at, project_id, account_id, meter_id, kind, severity, detail) "
           "VALUES (1000001, 1767250000, 1, 7, 11, 'relay.refused', 'warning', '{}')");
    check_at(w, three_s);
    assert_true(decided(w, "CUT_REFUSED"));
    check_at(w, NOON + 10'899);
    assert_false(wished(w, "open"));
    check_at(w, NOON + 10'900);
    assert_true(wished(w, "open"));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, due, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_one_protection_follows_another),
        CASE(test_a_payment_ends_as_a_protection_begins),
        CASE(test_an_order_ends_with_whichever_is_first),
        CASE(test_an_order_ends_with_its_strategy),
        CASE(test_credit_ends_to_the_second_and_is_not_given_twice),
        CASE(test_credit_under_another_strategy),
        CASE(test_a_refusal_and_the_hours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
