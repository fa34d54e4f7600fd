/* Exchanges of meters: exact to the register, the credit goes along or stays, evidence for ever. */
#include "tests/unit/billing/town.h"

#include <stdlib.h>

#include "pay/exchange.h"
#include "pay/shift.h"
#include "tests/unit/pay/orders.h"

#define NOON (T0 + DAY / 2)

struct act {
    struct pay_exchange x;
    struct pay_exchanged done;
    struct vend_sale sale;
    struct vend_request cancel;
    struct vend_status status;
    struct pay_request ask;
    struct pay_decision decide;
    struct pay_check check;
    struct ledger_check ledger;
    const char *fault;
    int rows;
};

static enum err do_exchange(struct store_tx *tx, void *arg)
{
    struct act *a = arg;
    return pay_exchange(tx, &a->x, &a->done);
}
static enum err do_sell(struct store_tx *tx, void *arg)
{
    struct act *a = arg;
    return shift_sell(tx, &a->sale, &a->status, NULL);
}
static enum err do_cancel(struct store_tx *tx, void *arg)
{
    struct act *a = arg;
    return vend_cancel(tx, &a->cancel, &a->status);
}
static enum err do_ask(struct store_tx *tx, void *arg)
{
    return pay_ask(tx, &((struct act *)arg)->ask);
}
static enum err do_approve(struct store_tx *tx, void *arg)
{
    return pay_approve(tx, &((struct act *)arg)->decide);
}
static enum err do_pay(struct store_tx *tx, void *arg)
{
    return pay_out(tx, &((struct act *)arg)->decide);
}

static void blame(void *arg, int64_t account_id, const char *request_id, const char *what)
{
    (void)account_id;
    (void)request_id;
    ((struct act *)arg)->fault = what;
}
static enum err do_verify(struct store_tx *tx, void *arg)
{
    struct act *a = arg;
    TRY(ledger_verify(tx, NULL, &a->ledger));
    return pay_verify(tx, blame, a, &a->check);
}
static struct pay_check verified(struct town *t)
{
    struct act a = {};
    if (store_read(t->ledger, do_verify, &a) != ERR_OK)
        fail_msg("%s", a.fault ? a.fault : "the ledger");
    return a.check;
}

static struct pay_exchange of(struct town *t, int64_t meter, int64_t epoch, const char *id)
{
    return (struct pay_exchange){.meter_id = meter,
                                 .epoch = epoch,
                                 .exchange_id = id,
                                 .address = "000000000777",
                                 .display_fen = INT64_MIN,
                                 .actor = "user:1",
                                 .evidence = "photographs 17 and 18",
                                 .now = {NOON},
                                 .random = 5,
                                 .billing = &t->clerk.billing};
}
static enum err exchange(struct town *t, struct pay_exchange x, struct pay_exchanged *out)
{
    struct act a = {.x = x};
    enum err e = store_run(t->ledger, do_exchange, &a);
    if (out)
        *out = a.done;
    return e;
}

/* --- on the platform -----------------------------------------------------------------------------
 */

/* 1 kWh at midnight, 9 kWh read at eleven, taken off with 11 kWh; the new one came with 0.2 kWh. */
static void test_registers(void **state)
{
    struct town *t = *state;
    struct pay_exchanged done;
    struct pay_exchange x = of(t, 1, 1, "exchange-01");
    town_wh(t, 1, T0, 1'000);
    town_pay(t, 7, 10'000, T0);
    town_wh(t, 1, NOON - 3'600, 9'000);
    x.closing_wh[0] = x.closing_wh[2] = 11'000;
    x.opening_wh[0] = x.opening_wh[2] = 200;
    assert_ok(exchange(t, x, &done));
    assert_int_equal(done.epoch, 2);
    assert_int_equal(done.wallet_fen, 0);
    assert_int_equal(town_book(t, 7, LEDGER_REVENUE), 500);
    assert_ok(exchange(t, x, &done));
    assert_int_equal(done.epoch, 2);
    x.opening_wh[0] = 300;
    assert_err(ERR_VEND_DIFFERENT, exchange(t, x, NULL));
    assert_err(ERR_PAY_EPOCH, exchange(t, of(t, 1, 1, "exchange-02"), NULL));
    assert_int_equal(verified(t).exchanges, 1);
}

/* Settings of a terminal were those of the old device. */
static void test_settings_of_a_terminal(void **state)
{
    struct town *t = *state;
    town_exec(t, "INSERT INTO terminal_register (meter_id, circuit, item, state, value, read_at, "
                 "wanted) VALUES (2, 1, 2, 'done', x'01', 5, x'01')");
    town_exec(t, "INSERT INTO terminal_seen (meter_id, relay_open, open_reason) VALUES (2, 0, 0)");
    assert_err(ERR_PAY_EPOCH, exchange(t, of(t, 2, 7, "exchange-01"), NULL));
    assert_int_equal(town_int(t, "SELECT count(*) FROM terminal_seen"), 1);
    assert_ok(exchange(t, of(t, 2, 1, "exchange-01"), NULL));
    assert_int_equal(town_int(t, "SELECT count(*) FROM terminal_register WHERE state = 'lost' AND "
                                 "value IS NULL AND read_at IS NULL AND wanted = x'01'"),
                     1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM terminal_seen"), 0);
}

static void test_refusals(void **state)
{
    struct town *t = *state;
    struct pay_exchange x = of(t, 1, 1, "exchange-01");
    town_wh(t, 1, T0, 1'000);
    assert_err(ERR_VEND_ORDER_ID, exchange(t, of(t, 1, 1, "short"), NULL));
    assert_err(ERR_NOT_FOUND, exchange(t, of(t, 99, 1, "exchange-01"), NULL));
    assert_err(ERR_RATING_BACKWARDS, exchange(t, x, NULL)); /* below what it said before */
    x.closing_wh[0] = x.closing_wh[2] = 1'000;
    x.evidence = "";
    assert_err(ERR_BILLING_REASON, exchange(t, x, NULL));
    x.evidence = "photograph";
    x.address = "12";
    assert_err(ERR_SITE_METER, exchange(t, x, NULL));
    x.address = "000000000777";
    town_exec(t, "UPDATE meter SET address = '000000000777' WHERE id = 3"); /* on the same line */
    assert_err(ERR_SITE_METER, exchange(t, x, NULL));
    assert_int_equal(town_int(t, "SELECT epoch FROM meter WHERE id = 1"), 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 0);
    verified(t);
}

/* --- inside the meter ----------------------------------------------------------------------------
 */

static enum err fill(struct store_tx *tx, void *arg)
{
    (void)arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = 8,
                               .key = "fill",
                               .kind = "fill",
                               .now = {T0},
                               .business_day = DAY0,
                               .actor = "system",
                               .postings = {{LEDGER_CASH, -5'000}, {LEDGER_WALLET, 5'000}}},
        NULL);
}

static void test_credit_goes_along(void **state)
{
    struct town *t = *state;
    struct pay_exchanged done;
    assert_ok(store_run(t->ledger, fill, NULL));
    assert_ok(exchange(t, of(t, 2, 1, "exchange-01"), &done));
    assert_int_equal(done.wallet_fen, 5'000);
    assert_int_equal(town_book(t, 8, LEDGER_WALLET), 0);
    assert_int_equal(town_int(t, "SELECT amount_fen FROM sale_order WHERE order_id = "
                                 "'exchange-2-2' AND state = 'PAID'"),
                     5'000);
    assert_ok(exchange(t, of(t, 2, 2, "exchange-02"), NULL)); /* not sent yet: to the next one */
    assert_int_equal(town_int(t, "SELECT count(*) FROM sale_order"), 1);
    verified(t);
}

static enum err ask(struct town *t, enum pay_kind kind, const char *id, int64_t fen)
{
    struct act a = {.ask = {kind, 8, id, fen, 0, NULL, "user:1", "moved", {NOON + 9}, NULL}};
    a.ask.billing = &t->clerk.billing;
    return store_run(t->ledger, do_ask, &a);
}
static enum err decide(struct town *t, store_work *work, const char *id, const char *who)
{
    struct act a = {.decide = {8, id, who, "", "cash", "", {NOON + 9}, &t->clerk.billing}};
    return store_run(t->ledger, work, &a);
}

/* How an account whose money lies in a meter is closed: nothing may be lost on the way. */
static void test_credit_stays_for_a_closing(void **state)
{
    struct town *t = *state;
    struct pay_exchange x = of(t, 2, 1, "exchange-01");
    assert_ok(store_run(t->ledger, fill, NULL));
    assert_err(ERR_PAY_WALLET, ask(t, PAY_CLOSE, "closing-1", 0));
    x.keep = true;
    x.display_fen = 4'990;
    assert_ok(exchange(t, x, NULL));
    assert_int_equal(town_int(t, "SELECT count(*) FROM sale_order"), 0);
    assert_ok(ask(t, PAY_CLOSE, "closing-1", 0));
    assert_ok(decide(t, do_approve, "closing-1", "user:2"));
    assert_ok(decide(t, do_pay, "closing-1", "user:1"));
    assert_int_equal(town_book(t, 8, LEDGER_REFUND), 5'000);
    assert_int_equal(town_book(t, 8, LEDGER_PREPAYMENT), 0);
    verified(t);
}

/* The meter told 50 yuan at midnight and 44 at eleven; taken off at noon it showed 43.75, and never
 * speaks again. */
static void tell_wallet(struct town *t)
{
    assert_ok(store_run(t->ledger, fill, NULL));
    town_exec(t, "INSERT INTO meter_wallet (account_id, meter_id, epoch, proven, count, "
                 "purchased_fen, opening_count, opening_fen, remaining_fen, read_at) "
                 "VALUES (8, 2, 1, 1, 0, 0, 0, 0, 0, 1)");
    town_say(t, 2, 1, T0, POINT_ENERGY_WH, I(1'000), POINT_BALANCE_FEN, I(5'000),
             POINT_PURCHASE_COUNT, I(0), 0);
    town_say(t, 2, 1, NOON - 3'600, POINT_ENERGY_WH, I(13'000), POINT_BALANCE_FEN, I(4'400),
             POINT_PURCHASE_COUNT, I(0), 0);
}

static void test_the_display_ends_the_bill(void **state)
{
    struct town *t = *state;
    struct pay_exchanged done;
    struct pay_exchange x = of(t, 2, 1, "exchange-01");
    tell_wallet(t);
    x.closing_wh[0] = 13'500;
    x.keep = true;
    x.display_fen = 4'375;
    assert_ok(exchange(t, x, &done));
    assert_int_equal(done.wallet_fen, 4'375);
    assert_int_equal(town_book(t, 8, LEDGER_REVENUE), 625);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement"), 625);
    assert_ok(ask(t, PAY_CLOSE, "closing-1", 0));
    assert_ok(decide(t, do_approve, "closing-1", "user:2"));
    assert_ok(decide(t, do_pay, "closing-1", "user:1"));
    assert_int_equal(town_book(t, 8, LEDGER_REFUND), 4'375);
    verified(t);
}

/* Not read, or beside a count that was never proven: the last words that were told count. */
static void test_without_a_display(void **state)
{
    struct town *t = *state;
    struct pay_exchange x = of(t, 2, 1, "exchange-01");
    tell_wallet(t);
    x.closing_wh[0] = 13'500;
    x.keep = true;
    x.display_fen = 4'375;
    town_exec(t, "UPDATE meter_wallet SET proven = 0");
    assert_ok(exchange(t, x, NULL));
    assert_int_equal(town_book(t, 8, LEDGER_REVENUE), 600);
    assert_ok(ask(t, PAY_CLOSE, "closing-1", 0));
    assert_ok(decide(t, do_approve, "closing-1", "user:2"));
    assert_err(ERR_PAY_UNSETTLED, decide(t, do_pay, "closing-1", "user:1"));
    town_tick(t, NOON + 2 * DAY);
    assert_ok(decide(t, do_pay, "closing-1", "user:1"));
    assert_int_equal(town_book(t, 8, LEDGER_REFUND), 4'400);
    verified(t);
}

/* A sale on its way is not known to have failed: it is neither reversed nor left behind. */
static enum err sell(struct town *t)
{
    struct act a = {.sale = {.account_id = 8,
                             .order_id = "order-0001",
                             .amount_fen = 3'000,
                             .method = "cash",
                             .actor = "user:1",
                             .now = {NOON},
                             .random = 5}};
    return store_run(t->ledger, do_sell, &a);
}
static enum err take_back(struct town *t)
{
    struct act a = {.cancel = {8, "order-0001", "user:1", "wrong room", {NOON}, 7}};
    return store_run(t->ledger, do_cancel, &a);
}
static enum err reverse(struct town *t)
{
    struct act a = {.ask = {PAY_REVERSAL, 8, "reverse-1", 0, 0, "order-0001", "user:1", "wrong"}};
    a.ask.now = (wall_s){NOON + 9};
    a.ask.billing = &t->clerk.billing;
    return store_run(t->ledger, do_ask, &a);
}

static void test_unknown_is_not_failed(void **state)
{
    struct town *t = *state;
    static const struct {
        const char *sql;
        enum err answer;
    } states[] = {
        {"UPDATE sale_order SET state = 'CREATED'", ERR_PAY_ON_WAY},
        {"UPDATE sale_order SET state = 'BOUND'", ERR_PAY_ON_WAY},
        {"UPDATE sale_order SET state = 'FENCED'", ERR_PAY_ON_WAY},
        {"UPDATE sale_order SET state = 'CONFLICT'", ERR_PAY_ON_WAY},
        {"UPDATE sale_order SET state = 'CONFIRMED'", ERR_PAY_IN_METER},
        {"UPDATE sale_order SET state = 'PAID'", ERR_PAY_ON_WAY},
    };
    assert_ok(sell(t));
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        town_exec(t, states[i].sql);
        assert_err(states[i].answer, reverse(t));
    }
    town_exec(t, "INSERT INTO vend (account_id, order_id, meter_id, epoch, n, amount_fen, state, "
                 "next_at, bound_at, changed_at) VALUES (8, 'order-0001', 2, 1, 1, 3000, 'BOUND', "
                 "1, 1, 1)");
    assert_err(ERR_VEND_OPEN, exchange(t, of(t, 2, 1, "exchange-01"), NULL));
    town_exec(t, "DELETE FROM vend");
    assert_err(ERR_PAY_OPEN, ask(t, PAY_CLOSE, "closing-1", 0));
    assert_ok(take_back(t));
    town_exec(t, "UPDATE sale_order SET state = 'REJECTED'"); /* its money is home as well */
    assert_ok(reverse(t));
    verified(t);
}

/* --- lists, verification -------------------------------------------------------------------------
 */

static enum err count_row(void *arg, const struct pay_exchange_row *row)
{
    struct act *a = arg;
    a->rows++;
    assert_string_equal(row->evidence, "photographs 17 and 18");
    assert_string_equal(row->closing_wh, "[1500,0,1500,0,0]");
    assert_string_equal(row->old_address, "1");
    assert_string_equal(row->new_address, "000000000777");
    assert_int_equal(row->display_fen, INT64_MIN);
    assert_false(row->kept);
    return ERR_OK;
}
static enum err list(struct store_tx *tx, void *arg)
{
    TRY(pay_exchanges(tx, 8, 10, count_row, arg));
    return pay_exchanges(tx, 7, 10, count_row, arg);
}

static void test_list(void **state)
{
    struct town *t = *state;
    struct act a = {};
    struct pay_exchange x = of(t, 1, 1, "exchange-01");
    town_wh(t, 1, T0, 1'000);
    x.closing_wh[0] = x.closing_wh[2] = 1'500;
    assert_ok(exchange(t, x, NULL));
    assert_ok(store_read(t->ledger, list, &a));
    assert_int_equal(a.rows, 1);
}

static void finds(struct town *t, const char *harm, const char *what, const char *undo)
{
    struct act a = {};
    town_exec(t, harm);
    assert_err(ERR_PAY_CHECK, store_read(t->ledger, do_verify, &a));
    assert_string_equal(a.fault, what);
    town_exec(t, undo);
    verified(t);
}

static void test_verify(void **state)
{
    struct town *t = *state;
    assert_ok(store_run(t->ledger, fill, NULL));
    assert_ok(exchange(t, of(t, 2, 1, "exchange-01"), NULL));
    verified(t);
    town_exec(t, "DROP TRIGGER meter_exchange_no_update");
    finds(t, "UPDATE meter_exchange SET wallet_fen = wallet_fen - 6000",
          "what came home from an exchanged meter is not what was posted",
          "UPDATE meter_exchange SET wallet_fen = wallet_fen + 6000");
    finds(t, "UPDATE meter_exchange SET epoch = 0, wallet_fen = 0",
          "a meter's wallet was brought home without evidence",
          "UPDATE meter_exchange SET epoch = 1, wallet_fen = 5000");
    finds(t, "UPDATE meter SET epoch = 1 WHERE id = 2", "a meter is older than its exchange",
          "UPDATE meter SET epoch = 2 WHERE id = 2");
    finds(t, "UPDATE meter_exchange SET kept = 1",
          "what came home from an exchanged meter was not sold into the next one",
          "UPDATE meter_exchange SET kept = 0");
}

static void test_evidence_is_never_changed(void **state)
{
    struct town *t = *state;
    assert_ok(exchange(t, of(t, 2, 1, "exchange-01"), NULL));
    assert_int_equal(town_int(t, "SELECT count(*) FROM audit WHERE action = 'meter.exchange'"), 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND "
                                 "tbl_name = 'meter_exchange'"),
                     2);
}

/* --- every order ---------------------------------------------------------------------------------
 */

/* A sale that is taken back, an exchange and a closing with its decision and its pay-out: whatever
 * the order, what was taken in is in the till's favour or was given back. */
static enum err sale_1(struct town *t)
{
    return sell(t);
}
static enum err sale_2(struct town *t)
{
    return take_back(t);
}
static enum err fitter_1(struct town *t)
{
    struct pay_exchange x = of(t, 2, 1, "exchange-01");
    x.keep = true;
    return exchange(t, x, NULL);
}
static enum err desk_1(struct town *t)
{
    return ask(t, PAY_CLOSE, "closing-1", 0);
}
static enum err desk_2(struct town *t)
{
    return decide(t, do_pay, "closing-1", "user:1");
}
static enum err chief_1(struct town *t)
{
    return decide(t, do_approve, "closing-1", "user:2");
}
static enum err refund_1(struct town *t)
{
    return ask(t, PAY_REFUND, "refund-01", 2'500);
}
static int closings;

static void check_world(struct town *t)
{
    int64_t taken = -town_book(t, 8, LEDGER_CASH), given = town_book(t, 8, LEDGER_REFUND);
    verified(t);
    assert_true(taken == 5'000 || taken == 8'000);
    assert_int_equal(taken, given + town_book(t, 8, LEDGER_PREPAYMENT) +
                                town_book(t, 8, LEDGER_HELD) + town_book(t, 8, LEDGER_WALLET) +
                                town_book(t, 8, LEDGER_TRANSIT));
    bool closed = town_int(t, "SELECT count(*) FROM account WHERE closed_at IS NOT NULL") == 1;
    closings += closed;
    if (closed) { /* then nothing lies in a meter, is held, or on its way */
        assert_int_equal(town_book(t, 8, LEDGER_WALLET), 0);
        assert_int_equal(town_book(t, 8, LEDGER_HELD), 0);
        assert_int_equal(town_book(t, 8, LEDGER_TRANSIT), 0);
    }
    if (given)
        assert_int_equal(town_book(t, 8, LEDGER_PREPAYMENT), 0);
}

static void prepare_filled(struct town *t)
{
    assert_ok(store_run(t->ledger, fill, NULL));
}

static void each_verified(struct town *t)
{
    (void)verified(t);
}

/* FULL=1: with the other request, half a minute. */
static void test_every_order(void **state)
{
    bool full = getenv("FULL") != NULL;
    struct orders o = {
        .acts = {{sale_1, sale_2}, {fitter_1}, {desk_1, desk_2}, {chief_1}, {refund_1}},
        .lengths = {2, 1, 2, 1, full},
        .prepare = prepare_filled,
        .after_each = each_verified,
        .in_the_end = check_world};
    (void)state;
    int orders = orders_play(&o);
    assert_int_equal(orders, full ? 1'260 : 180); /* 7! / (2! 2!), 6! / (2! 2!) */
    assert_true(closings > 0 && closings < orders);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_registers),
        CASE(test_settings_of_a_terminal),
        CASE(test_refusals),
        CASE(test_credit_goes_along),
        CASE(test_credit_stays_for_a_closing),
        CASE(test_the_display_ends_the_bill),
        CASE(test_without_a_display),
        CASE(test_unknown_is_not_failed),
        CASE(test_list),
        CASE(test_verify),
        CASE(test_evidence_is_never_changed),
        cmocka_unit_test(test_every_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
