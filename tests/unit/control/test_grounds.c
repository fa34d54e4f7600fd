/*
 * What a cut stands on goes away while its order is on its way: the contract, the strategy, the
 * account itself, or the money that was missing. The order is withdrawn, as by a payment.
 */
#include "tests/unit/control/fee_world.h"

#include "control/policy.h"
#include "control/protect.h"
#include "ledger/ledger.h"

#define DAY "\"from\":\"00:00\",\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true"

/* In arrears, told, the grace is over: the cut is ordered, and nobody has answered yet. */
static int on_its_way(void **state)
{
    setup(state);
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{" DAY ",\"not_after_s\":600}}'");
    pay(w, "order-0001", 1'000);
    reading(w, 60, 0);
    reading(w, 3'600, 11'000);
    deliver(w);
    reading(w, 1'900, 0);
    assert_true(wished(w, "open"));
    return 0;
}

static enum err changed(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_grounds_changed(
        tx, &(struct control_grounds){.project_id = 1, .now = w->now, .random = ++w->random * 777});
}

static void tell_changed(struct world *w)
{
    w->now.s += 1;
    assert_ok(store_run(w->ledger, changed, w));
}

static void assert_withdrawn(struct world *w, int64_t because)
{
    assert_true(wished(w, "closed"));
    assert_int_equal(
        number(w, "SELECT count(*) FROM command WHERE kind = 'relay' AND state = 'fencing'"), 1);
    assert_int_equal(because, 1);
}

static void test_nothing_changed(void **state)
{
    struct world *w = *state;
    tell_changed(w);
    reading(w, 10, 0);
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay'"), 1);
}

static void test_the_contract_ends(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET contract_at = NULL");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'contract'"));
    reading(w, 60, 0);
    assert_true(decided(w, "NO_CONTRACT"));
    assert_true(wished(w, "closed"));
}

/* It begins later: until then there is none. */
static void test_the_contract_begins_later(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET contract_at = 4000000000");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'contract'"));
}

/* Whoever forgot to say so: the next look sees it. */
static void test_a_look_sees_that_the_contract_ended(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET contract_at = NULL");
    reading(w, 1, 0);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE desired = 'closed'"));
    assert_true(decided(w, "NO_CONTRACT"));
}

static void test_the_account_is_closed(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET closed_at = opened_at + 1");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'closed'"));
}

static void test_the_strategy_loses_its_cut(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (2, 1, 's', 2, 2, '{\"cut\":{\"automatic\":false}}')");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'strategy'"));
    reading(w, 60, 0);
    assert_true(decided(w, "CUT_BY_STAFF"));
}

static void test_the_account_names_another_strategy(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (2, 1, 'other', 1, 2, '{\"cut\":{\"at\":\"-50.00\"}}')");
    sql(w, "UPDATE account SET strategy_code = 'other'");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'strategy'"));
}

static void test_no_strategy_is_in_force(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET strategy_code = 'none'");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'strategy'"));
}

/* A cut of one account is none of the next. */
static void test_the_meter_moves_to_another_account(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) "
           "VALUES (8, 1, 1, 'a8', 'a8', 'platform', 'flat', 's', 5, 1)");
    sql(w, "UPDATE meter SET account_id = 8");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'account'"));
}

static void test_the_meter_has_no_account_any_more(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE meter SET account_id = NULL");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'account'"));
}

static void test_the_place_is_protected(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO place (id, project_id, kind, code, name) VALUES (2, 1, 'room', 'B', 'B')");
    sql(w, "INSERT INTO protection (id, project_id, scope, object_id, kind, from_at, reason, "
           "actor, entered_at) VALUES (1, 1, 'place', 2, 'medical', 1, 'r', 'user:1', 1)");
    sql(w, "UPDATE account SET place_id = 2");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'protection'"));
}

static enum err protect_from(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    struct control_protection p = {.scope = CONTROL_SCOPE_PROJECT,
                                   .object_id = 1,
                                   .kind = STRATEGY_PROTECTION_EXAM,
                                   .from = w->now,
                                   .reason = "r",
                                   .actor = "user:1",
                                   .now = {w->now.s - 300}};
    return control_protect_add(tx, &p, 1);
}

/* Entered while the order is on its way, to begin in five minutes: its last second is later. */
static void test_a_protection_begins_while_the_order_lives(void **state)
{
    struct world *w = *state;
    w->now.s = number(w, "SELECT not_after FROM relay");
    assert_ok(store_run(w->ledger, protect_from, w));
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'protection'"));
}

static void test_a_protection_begins_after_the_order(void **state)
{
    struct world *w = *state;
    w->now.s = number(w, "SELECT not_after + 1 FROM relay");
    assert_ok(store_run(w->ledger, protect_from, w));
    assert_true(wished(w, "open"));
}

/* The account lies elsewhere, one of its meters in the protected place. */
static void test_the_place_of_a_meter_is_protected(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO place (id, project_id, kind, code, name) VALUES (2, 1, 'room', 'B', 'B')");
    sql(w, "INSERT INTO protection (id, project_id, scope, object_id, kind, from_at, reason, "
           "actor, entered_at) VALUES (1, 1, 'place', 2, 'medical', 1, 'r', 'user:1', 1)");
    sql(w, "UPDATE meter SET place_id = 2");
    reading(w, 60, 0);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE desired = 'closed'"));
    assert_true(decided(w, "MEDICAL"));
}

static void test_another_strategy_begins_while_the_order_lives(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "SELECT 2, 1, 's', 2, not_after, '{}' FROM relay");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'strategy'"));
}

static void test_another_price_begins_while_the_order_lives(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO price_plan (id, project_id, code, version, effective_at, body) "
           "SELECT 2, 1, 'flat', 2, not_after, '{}' FROM relay");
    tell_changed(w);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE reason = 'strategy'"));
}

static void test_another_strategy_begins_after_the_order(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "SELECT 2, 1, 's', 2, not_after + 1, '{}' FROM relay");
    tell_changed(w);
    assert_true(wished(w, "open"));
}

/* What was made stays made: it returns with money. */
static void test_a_cut_that_was_made_stays(void **state)
{
    struct world *w = *state;
    relay_does(w, true);
    sql(w, "UPDATE account SET contract_at = NULL");
    tell_changed(w);
    reading(w, 60, 0);
    assert_true(wished(w, "open"));
    pay(w, "order-0002", 5'000);
    assert_true(wished(w, "closed"));
}

/* --- the balance ---------------------------------------------------------------------------------
 */

static enum err correct(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = ACCOUNT,
                               .key = "correction:1",
                               .kind = "correction",
                               .now = w->now,
                               .business_day = 20'454,
                               .actor = "user:1",
                               .postings = {{LEDGER_CASH, -200}, {LEDGER_PREPAYMENT, 200}}},
        NULL);
}

/* Above the cut-off limit again, but not above the restore limit: no cut is due. */
static void test_a_cut_that_is_not_due_any_more(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{" DAY ",\"not_after_s\":600},"
           "\"restore\":{\"above\":\"20.00\"}}'");
    assert_ok(store_run(w->ledger, correct, w));
    reading(w, 10, 0);
    assert_withdrawn(w, number(w, "SELECT count(*) FROM relay WHERE desired = 'closed'"));
}

/* --- several meters ------------------------------------------------------------------------------
 */

/* One is cut, the order of the other is on its way: only that is taken back. */
static void test_only_what_is_on_its_way(void **state)
{
    struct world *w = *state;
    relay_does(w, true);
    sql(w, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, kind)"
           " VALUES (12, 1, 7, 1, 1, '000000000012', 'yufu-shop3', 'electricity')");
    w->neighbour = true;
    reading(w, 60, 0);
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 2);
    sql(w, "UPDATE account SET contract_at = NULL");
    tell_changed(w);
    assert_int_equal(
        number(w, "SELECT count(*) FROM relay WHERE desired = 'open' AND meter_id = 11"), 1);
    assert_int_equal(
        number(w, "SELECT count(*) FROM relay WHERE desired = 'closed' AND meter_id = 12"), 1);
}

/* --- hours ---------------------------------------------------------------------------------------
 */

/* Made in the last second of the hours, and not confirmed yet when they are over. */
static void test_hours_that_end_take_nothing_back(void **state)
{
    struct world *w = *state;
    w->now.s += 60;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"00:01\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    reading(w, 1, 0);
    assert_true(wished(w, "open"));
}

/* --- permissions ---------------------------------------------------------------------------------
 */

static void test_a_permission_ends_with_the_contract(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{" DAY ",\"away_hours\":24}}'");
    near_the_end(w);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'live'"), 1);
    tell_changed(w);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'live'"), 1);
    sql(w, "UPDATE account SET contract_at = NULL");
    tell_changed(w);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'live'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define ON_ITS_WAY(test) cmocka_unit_test_setup_teardown(test, on_its_way, teardown)
        ON_ITS_WAY(test_nothing_changed),
        ON_ITS_WAY(test_the_contract_ends),
        ON_ITS_WAY(test_the_contract_begins_later),
        ON_ITS_WAY(test_a_look_sees_that_the_contract_ended),
        ON_ITS_WAY(test_the_account_is_closed),
        ON_ITS_WAY(test_the_strategy_loses_its_cut),
        ON_ITS_WAY(test_the_account_names_another_strategy),
        ON_ITS_WAY(test_no_strategy_is_in_force),
        ON_ITS_WAY(test_the_meter_moves_to_another_account),
        ON_ITS_WAY(test_the_meter_has_no_account_any_more),
        ON_ITS_WAY(test_the_place_is_protected),
        ON_ITS_WAY(test_a_protection_begins_while_the_order_lives),
        ON_ITS_WAY(test_a_protection_begins_after_the_order),
        ON_ITS_WAY(test_the_place_of_a_meter_is_protected),
        ON_ITS_WAY(test_another_strategy_begins_while_the_order_lives),
        ON_ITS_WAY(test_another_price_begins_while_the_order_lives),
        ON_ITS_WAY(test_another_strategy_begins_after_the_order),
        ON_ITS_WAY(test_a_cut_that_was_made_stays),
        ON_ITS_WAY(test_a_cut_that_is_not_due_any_more),
        ON_ITS_WAY(test_only_what_is_on_its_way),
        ON_ITS_WAY(test_hours_that_end_take_nothing_back),
        cmocka_unit_test_setup_teardown(test_a_permission_ends_with_the_contract, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
