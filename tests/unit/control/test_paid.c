/*
 * Money that comes in by other ways than a sale: a transfer that was approved, held money that
 * returns, a price in the past. Cuts on their way, permissions and what is off hear of it as of a
 * sale: in the same transaction, or at the next look without any reading.
 */
#include "tests/unit/control/fee_world.h"

#include "control/policy.h"
#include "ledger/ledger.h"
#include "pay/pay.h"

#define GIVER 8

/* Account 7 is told and in arrears; account 8 has no meter, and 50 yuan. */
static int in_arrears(void **state)
{
    setup(state);
    struct world *w = *state;
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) "
           "VALUES (8, 1, 1, 'a8', 'a8', 'platform', 'flat', 's', 5, 1)");
    pay(w, "order-0001", 1'000);
    reading(w, 60, 0);
    deliver(w);
    reading(w, 3'600, 11'000);
    deliver(w);
    assert_int_equal(level(w), 3);
    return 0;
}

static enum err give(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = GIVER,
                               .key = "order:gift/paid",
                               .kind = "order.paid",
                               .now = w->now,
                               .business_day = 20'454,
                               .actor = "user:1",
                               .postings = {{LEDGER_CASH, -5'000}, {LEDGER_PREPAYMENT, 5'000}}},
        NULL);
}

static enum err ask_and_approve(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct billing billing = {.readings = w->readings, .readings_store = w->readings_store};
    TRY(pay_ask(tx, &(struct pay_request){.kind = PAY_TRANSFER,
                                          .account_id = GIVER,
                                          .request_id = "transfer-1",
                                          .amount_fen = 3'000,
                                          .to_account_id = ACCOUNT,
                                          .actor = "user:1",
                                          .reason = "r",
                                          .now = w->now,
                                          .billing = &billing}));
    return pay_approve(tx, &(struct pay_decision){.account_id = GIVER,
                                                  .request_id = "transfer-1",
                                                  .actor = "user:2",
                                                  .now = w->now,
                                                  .billing = &billing,
                                                  .random = ++w->random * 65'537});
}

static void transfer(struct world *w)
{
    assert_ok(store_run(w->ledger, give, w));
    assert_ok(store_run(w->ledger, ask_and_approve, w));
}

static enum err check_due(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t ids[4];
    size_t count;
    TRY(control_fee_due(tx, w->now, ids, 4, &count));
    return count > 0 && ids[0] == ACCOUNT ? check(tx, w) : ERR_OK;
}

static void test_a_transfer_withdraws_a_cut_on_its_way(void **state)
{
    struct world *w = *state;
    reading(w, 1'900, 0);
    assert_true(wished(w, "open"));
    w->now.s += 3;
    transfer(w);
    assert_true(wished(w, "closed"));
    assert_int_equal(
        number(w, "SELECT count(*) FROM command WHERE kind = 'relay' AND state = 'fencing'"), 1);
    assert_int_equal(level(w), 1);
}

static void test_a_transfer_restores_at_once(void **state)
{
    struct world *w = *state;
    reading(w, 1'900, 0);
    relay_does(w, true);
    reading(w, 60, 0);
    assert_true(wished(w, "open"));
    transfer(w);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE reason = 'payment'"), 1);
}

/* A handheld closes one circuit of a room that is cut, and the room pays in hours in which nobody
 * is cut: the others are not left dark. */
static void test_a_payment_restores_the_rest_of_a_cut(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE meter SET model = 'yufu-dorm3', circuits = 3");
    reading(w, 1'900, 0);
    assert_true(wished(w, "open"));
    w->relay_open = 7;
    reading(w, 60, 0);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"00:01\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    w->relay_open = 6;
    reading(w, 60, 0);
    assert_true(decided(w, "PROTECTED_HOURS"));
    transfer(w);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 0);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'closed' "
                               "AND circuit IN (2, 3) AND next_at IS NOT NULL"),
                     2);
    deliver(w);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'restored'"), 1);
    w->relay_open = 0;
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE next_at IS NOT NULL"), 0);
}

static void test_a_transfer_ends_a_permission(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"grace_s\":7200,\"away_hours\":24}}'");
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'live'"), 1);
    sql(w, "UPDATE gateway SET last_seen = 1");
    w->now.s += 3'600;
    transfer(w);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'live'"), 0);
    assert_true(wished(w, "closed"));
}

static enum err hold(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct billing billing = {.readings = w->readings, .readings_store = w->readings_store};
    return pay_ask(tx, &(struct pay_request){.kind = PAY_REFUND,
                                             .account_id = ACCOUNT,
                                             .request_id = "refund-01",
                                             .amount_fen = 2'000,
                                             .actor = "user:1",
                                             .reason = "r",
                                             .now = w->now,
                                             .billing = &billing});
}

static enum err reject(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct billing billing = {.readings = w->readings, .readings_store = w->readings_store};
    return pay_reject(tx, &(struct pay_decision){.account_id = ACCOUNT,
                                                 .request_id = "refund-01",
                                                 .actor = "user:2",
                                                 .now = w->now,
                                                 .billing = &billing,
                                                 .random = ++w->random * 65'537});
}

/* What was held for a refund is the account's again. */
static void test_held_money_that_returns_withdraws_a_cut(void **state)
{
    struct world *w = *state;
    pay(w, "order-0002", 2'500);
    assert_ok(store_run(w->ledger, hold, w));
    reading(w, 3'600, 5'000);
    deliver(w);
    assert_int_equal(level(w), 3);
    reading(w, 1'900, 0);
    assert_true(wished(w, "open"));
    assert_ok(store_run(w->ledger, reject, w));
    assert_true(wished(w, "closed"));
    assert_int_equal(level(w), 1);
}

static enum err close_it(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct billing billing = {.readings = w->readings, .readings_store = w->readings_store};
    TRY(pay_ask(tx, &(struct pay_request){.kind = PAY_CLOSE,
                                          .account_id = ACCOUNT,
                                          .request_id = "close-001",
                                          .actor = "user:1",
                                          .reason = "r",
                                          .now = w->now,
                                          .billing = &billing}));
    return pay_approve(tx, &(struct pay_decision){.account_id = ACCOUNT,
                                                  .request_id = "close-001",
                                                  .actor = "user:2",
                                                  .now = w->now,
                                                  .billing = &billing,
                                                  .random = ++w->random * 65'537});
}

static void test_closing_an_account_withdraws_its_cut(void **state)
{
    struct world *w = *state;
    reading(w, 1'900, 0);
    assert_true(wished(w, "open"));
    assert_ok(store_run(w->ledger, close_it, w));
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE reason = 'closed'"), 1);
}

static enum err true_up(struct store_tx *tx, void *arg)
{
    const struct world *w = arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = ACCOUNT,
                               .key = "true_up:1",
                               .kind = "true_up",
                               .now = w->now,
                               .business_day = 20'454,
                               .actor = "system",
                               .postings = {{LEDGER_REVENUE, -3'000}, {LEDGER_PREPAYMENT, 3'000}}},
        NULL);
}

/* Whatever brings money: the account is due, though its meter is not read. */
static void test_a_price_in_the_past_restores_without_a_reading(void **state)
{
    struct world *w = *state;
    reading(w, 1'900, 0);
    relay_does(w, true);
    reading(w, 60, 0);
    assert_ok(store_run(w->ledger, true_up, w));
    assert_true(wished(w, "open"));
    w->now.s += 1;
    assert_ok(store_run(w->ledger, check_due, w));
    assert_true(wished(w, "closed"));
    w->now.s += 1;
    assert_int_equal(number(w, "SELECT count(*) FROM fee_state WHERE due_at IS NOT NULL"), 0);
}

/* --- the strategy of an account that is cut ------------------------------------------------------
 */

struct entry {
    struct world *w;
    const char *code;
    int64_t effective_s;
};

static enum err put_baseline(struct store_tx *tx, void *arg)
{
    const struct entry *e = arg;
    return control_baseline_put(tx, 1, e->code, &(struct control_act){"user:1", e->w->now});
}

static enum err put_package(struct store_tx *tx, void *arg)
{
    const struct entry *e = arg;
    enum site_change change;
    struct control_package p = {.code = "gentle",
                                .name_zh = "x",
                                .name_en = "x",
                                .offered = true,
                                .effective_at = {e->effective_s}};
    snprintf(p.strategy_code, sizeof p.strategy_code, "%s", e->code);
    return control_package_put(tx, 1, &p, &(struct control_act){"user:1", e->w->now}, &change);
}

static enum err choose(struct store_tx *tx, void *arg)
{
    const struct entry *e = arg;
    return control_package_choose(tx, ACCOUNT, e->code, &(struct control_act){"user:1", e->w->now});
}

static enum err enter(struct world *w, store_work *work, const char *code, int64_t effective_s)
{
    struct entry e = {w, code, effective_s};
    return store_run(w->ledger, work, &e);
}

/* Without a strategy nobody could say when supply returns: none is taken away from an account, and
 * none is named that is not in force. */
static void test_no_account_loses_its_strategy(void **state)
{
    struct world *w = *state;
    int64_t next_week_s = w->now.s + 7 * 86'400;
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (2, 1, 'later', 1, 1767844800, '{}')");
    assert_true(next_week_s >= 1'767'844'800 && w->now.s < 1'767'844'800);
    assert_err(ERR_SITE_STRATEGY_UNKNOWN, enter(w, put_baseline, "none", 0));
    assert_err(ERR_SITE_STRATEGY_UNKNOWN, enter(w, put_baseline, "later", 0));
    assert_err(ERR_SITE_STRATEGY_UNKNOWN, enter(w, put_package, "later", w->now.s));
    assert_ok(enter(w, put_package, "later", next_week_s));
    assert_ok(enter(w, put_baseline, "s", 0));
    assert_ok(enter(w, put_baseline, "", 0)); /* nobody lives under it */
    assert_ok(enter(w, put_baseline, "s", 0));
    sql(w, "UPDATE account SET strategy_code = '' WHERE id = 7");
    assert_err(ERR_CONTROL_BASELINE, enter(w, put_baseline, "", 0));
    reading(w, 1'900, 0);
    relay_does(w, true);
    assert_true(wished(w, "open"));
    pay(w, "order-back", 5'000);
    assert_true(wished(w, "closed"));
    /* And a package is given up only where something else is named. */
    sql(w, "DELETE FROM strategy_baseline");
    assert_err(ERR_SITE_STRATEGY_UNKNOWN, enter(w, choose, "", 0));
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, in_arrears, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_a_transfer_withdraws_a_cut_on_its_way),
        CASE(test_a_transfer_restores_at_once),
        CASE(test_a_transfer_ends_a_permission),
        CASE(test_a_payment_restores_the_rest_of_a_cut),
        CASE(test_held_money_that_returns_withdraws_a_cut),
        CASE(test_closing_an_account_withdraws_its_cut),
        CASE(test_a_price_in_the_past_restores_without_a_reading),
        CASE(test_no_account_loses_its_strategy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
