/* Money that leaves an account: held once, decided by two, paid out once, and the books say so. */
#include "tests/unit/billing/town.h"

#include <stdlib.h>

#include "pay/pay.h"
#include "pay/shift.h"
#include "tests/unit/pay/orders.h"

#define NOON (T0 + DAY / 2)
#define A 7
#define B 9

struct act {
    struct town *town;
    struct pay_request ask;
    struct pay_decision decide;
    struct pay_policy_change policy;
    struct vend_sale sale;
    struct vend_status status;
    struct pay_check check;
    struct ledger_check ledger;
    const char *fault;
};

static enum err do_ask(struct store_tx *tx, void *arg)
{
    return pay_ask(tx, &((struct act *)arg)->ask);
}
static enum err do_approve(struct store_tx *tx, void *arg)
{
    return pay_approve(tx, &((struct act *)arg)->decide);
}
static enum err do_reject(struct store_tx *tx, void *arg)
{
    return pay_reject(tx, &((struct act *)arg)->decide);
}
static enum err do_pay(struct store_tx *tx, void *arg)
{
    return pay_out(tx, &((struct act *)arg)->decide);
}
static enum err do_policy(struct store_tx *tx, void *arg)
{
    return pay_policy_set(tx, &((struct act *)arg)->policy);
}
static enum err do_sell(struct store_tx *tx, void *arg)
{
    struct act *a = arg;
    return shift_sell(tx, &a->sale, &a->status, NULL);
}

static void blame(void *arg, int64_t account_id, const char *request_id, const char *what)
{
    struct act *a = arg;
    (void)account_id;
    (void)request_id;
    a->fault = what;
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

static enum err ask_as(struct town *t, const char *who, enum pay_kind kind, const char *id,
                       int64_t fen, int64_t to, const char *order)
{
    struct act a = {
        .ask = {kind, A, id, fen, to, order, who, "moved out", {NOON}, &t->clerk.billing}};
    return store_run(t->ledger, do_ask, &a);
}
static enum err ask(struct town *t, enum pay_kind kind, const char *id, int64_t fen, int64_t to)
{
    return ask_as(t, "user:1", kind, id, fen, to, NULL);
}
static enum err decide(struct town *t, store_work *work, const char *id, const char *actor)
{
    struct act a = {.decide = {A, id, actor, "", "bank", "B-17", {NOON}, &t->clerk.billing}};
    return store_run(t->ledger, work, &a);
}
static enum err sell(struct town *t, const char *order, int64_t fen)
{
    struct act a = {.sale = {.account_id = A,
                             .order_id = order,
                             .amount_fen = fen,
                             .method = "cash",
                             .actor = "user:1",
                             .now = {T0 + 60},
                             .random = 5}};
    return store_run(t->ledger, do_sell, &a);
}

/* 100 yuan paid, 20 kWh at 0.5 yuan used and not settled yet: 90 yuan are there. */
static void prepare(struct town *t)
{
    town_wh(t, 1, T0, 1'000);
    town_pay(t, A, 10'000, T0);
    town_wh(t, 1, NOON, 21'000);
}

/* --- refunds and transfers -----------------------------------------------------------------------
 */

static void test_refund(void **state)
{
    struct town *t = *state;
    prepare(t);
    assert_err(ERR_VEND_ORDER_ID, ask(t, PAY_REFUND, "short", 1, 0));
    assert_err(ERR_VEND_AMOUNT, ask(t, PAY_REFUND, "refund-01", 0, 0));
    assert_err(ERR_VEND_FUNDS, ask(t, PAY_REFUND, "refund-01", 9'001, 0));
    assert_ok(ask(t, PAY_REFUND, "refund-01", 9'000, 0));
    assert_ok(ask(t, PAY_REFUND, "refund-01", 9'000, 0));
    assert_err(ERR_VEND_DIFFERENT, ask(t, PAY_REFUND, "refund-01", 8'000, 0));
    assert_err(ERR_VEND_FUNDS, ask(t, PAY_REFUND, "refund-02", 1, 0));
    assert_int_equal(verified(t).held_fen, 9'000);
    assert_err(ERR_NOT_FOUND, decide(t, do_approve, "refund-09", "user:2"));
    assert_err(ERR_PAY_PERSON, decide(t, do_approve, "refund-01", "user:1"));
    assert_err(ERR_STATE, decide(t, do_pay, "refund-01", "user:1"));
    assert_ok(decide(t, do_approve, "refund-01", "user:2"));
    assert_ok(decide(t, do_approve, "refund-01", "user:2"));
    assert_int_equal(verified(t).open, 1);
    assert_ok(decide(t, do_pay, "refund-01", "user:1"));
    assert_ok(decide(t, do_pay, "refund-01", "user:1"));
    assert_err(ERR_STATE, decide(t, do_reject, "refund-01", "user:2"));
    assert_int_equal(town_book(t, A, LEDGER_REFUND), 9'000);
    assert_int_equal(town_book(t, A, LEDGER_PREPAYMENT), 1'000);
    assert_int_equal(verified(t).held_fen, 0);
}

static void test_reject(void **state)
{
    struct town *t = *state;
    prepare(t);
    assert_ok(ask(t, PAY_REFUND, "refund-01", 9'000, 0));
    assert_ok(decide(t, do_reject, "refund-01", "user:1"));
    assert_ok(decide(t, do_reject, "refund-01", "user:1"));
    assert_err(ERR_STATE, decide(t, do_approve, "refund-01", "user:2"));
    assert_ok(ask(t, PAY_REFUND, "refund-02", 9'000, 0));
    assert_ok(decide(t, do_approve, "refund-02", "user:2"));
    assert_ok(decide(t, do_reject, "refund-02", "user:3")); /* nobody came for it */
    assert_int_equal(town_book(t, A, LEDGER_PREPAYMENT), 10'000);
    verified(t);
}

static void test_methods(void **state)
{
    struct town *t = *state;
    struct act a = {.decide = {A, "refund-01", "user:1", "", "cheque", "", {NOON}, NULL}};
    prepare(t);
    assert_ok(ask(t, PAY_REFUND, "refund-01", 500, 0));
    assert_ok(decide(t, do_approve, "refund-01", "user:2"));
    assert_err(ERR_PAY_METHOD, store_run(t->ledger, do_pay, &a));
    a.decide.method = NULL;
    assert_err(ERR_PAY_METHOD, store_run(t->ledger, do_pay, &a));
    a.decide.method = "cash";
    assert_ok(store_run(t->ledger, do_pay, &a));
    assert_int_equal(town_int(t, "SELECT amount_fen FROM cash_entry WHERE kind = 'refund'"), -500);
}

/* Two cashiers see the same request as approved: who comes second must not hand out money. */
static void test_paid_out_once_by_one_person_in_one_way(void **state)
{
    struct town *t = *state;
    struct act a = {.decide = {A, "refund-01", "user:1", "", "cash", "", {NOON}, NULL}};
    prepare(t);
    assert_ok(ask(t, PAY_REFUND, "refund-01", 500, 0));
    assert_ok(decide(t, do_approve, "refund-01", "user:2"));
    assert_ok(store_run(t->ledger, do_pay, &a));
    assert_ok(store_run(t->ledger, do_pay, &a)); /* said again */
    a.decide.actor = "user:3";
    assert_err(ERR_PAY_PAID, store_run(t->ledger, do_pay, &a));
    a.decide.actor = "user:1";
    a.decide.method = "bank";
    assert_err(ERR_PAY_PAID, store_run(t->ledger, do_pay, &a));
    assert_ok(ask(t, PAY_REFUND, "refund-02", 500, 0));
    assert_ok(decide(t, do_approve, "refund-02", "user:2"));
    assert_ok(decide(t, do_pay, "refund-02", "user:1"));
    a.decide = (struct pay_decision){A, "refund-02", "user:1", "", "bank", "B-18", {NOON}, NULL};
    assert_err(ERR_PAY_PAID, store_run(t->ledger, do_pay, &a)); /* another transfer of the bank's */
    assert_ok(ask(t, PAY_TRANSFER, "transfer-1", 400, B));
    assert_ok(decide(t, do_approve, "transfer-1", "user:2"));
    assert_err(ERR_PAY_PAID, decide(t, do_pay, "transfer-1", "user:1"));
    assert_int_equal(town_book(t, A, LEDGER_REFUND), 1'000);
    verified(t);
}

static void test_one_person(void **state)
{
    struct town *t = *state;
    struct act a = {.policy = {1, {1'000, 7}, "user:9", {T0}}};
    prepare(t);
    assert_ok(store_run(t->ledger, do_policy, &a));
    assert_ok(ask(t, PAY_REFUND, "refund-01", 1'000, 0));
    assert_ok(decide(t, do_pay, "refund-01", "user:1"));
    assert_ok(ask(t, PAY_REFUND, "refund-02", 1'001, 0));
    assert_err(ERR_STATE, decide(t, do_pay, "refund-02", "user:1"));
    /* Nor in parts: what one person gave out of the account in a day counts together. */
    assert_ok(ask_as(t, "user:3", PAY_REFUND, "refund-03", 1, 0, NULL));
    assert_err(ERR_STATE, decide(t, do_pay, "refund-03", "user:3"));
    town_exec(t, "UPDATE money_request SET asked_at = asked_at - 86400 WHERE request_id = "
                 "'refund-01'");
    assert_ok(ask(t, PAY_REFUND, "refund-04", 400, 0));
    assert_ok(decide(t, do_reject, "refund-04", "user:1")); /* nothing left */
    assert_ok(ask(t, PAY_REFUND, "refund-05", 900, 0));
    assert_ok(decide(t, do_pay, "refund-05", "user:1"));
    town_exec(t, "UPDATE money_request SET asked_at = asked_at + 86400 WHERE request_id = "
                 "'refund-01'");
    assert_ok(ask(t, PAY_TRANSFER, "transfer-1", 1, B)); /* always by two */
    assert_int_equal(town_book(t, A, LEDGER_TRANSFER), 0);
    verified(t);
    a.policy.policy = (struct pay_policy){-1, 7};
    assert_err(ERR_RANGE, store_run(t->ledger, do_policy, &a));
    a.policy.policy = (struct pay_policy){0, 32};
    assert_err(ERR_RANGE, store_run(t->ledger, do_policy, &a));
    a.policy = (struct pay_policy_change){77, {0, 7}, "user:9", {T0}};
    assert_err(ERR_NOT_FOUND, store_run(t->ledger, do_policy, &a));
}

static void test_transfer(void **state)
{
    struct town *t = *state;
    prepare(t);
    assert_err(ERR_SITE_PROJECT, ask(t, PAY_TRANSFER, "transfer-1", 100, A));
    assert_err(ERR_NOT_FOUND, ask(t, PAY_TRANSFER, "transfer-1", 100, 77));
    assert_ok(ask(t, PAY_TRANSFER, "transfer-1", 4'000, B));
    assert_ok(decide(t, do_approve, "transfer-1", "user:2"));
    assert_ok(decide(t, do_approve, "transfer-1", "user:2"));
    assert_int_equal(town_book(t, A, LEDGER_PREPAYMENT), 6'000);
    assert_int_equal(town_book(t, B, LEDGER_PREPAYMENT), 4'000);
    assert_int_equal(town_book(t, A, LEDGER_TRANSFER) + town_book(t, B, LEDGER_TRANSFER), 0);
    verified(t);
    assert_ok(ask(t, PAY_TRANSFER, "transfer-2", 500, B));
    town_exec(t, "UPDATE account SET closed_at = 1 WHERE id = 9");
    assert_err(ERR_VEND_CLOSED, ask(t, PAY_TRANSFER, "transfer-3", 1, B));
    assert_err(ERR_VEND_CLOSED, decide(t, do_approve, "transfer-2", "user:2"));
    assert_int_equal(verified(t).held_fen, 500);
}

/* --- reversals -----------------------------------------------------------------------------------
 */

static void test_reversal(void **state)
{
    struct town *t = *state;
    prepare(t);
    town_exec(t, "INSERT INTO cash_policy VALUES (1, 0, 500, 'services', 1, 'user:9')");
    assert_ok(sell(t, "order-0001", 10'000)); /* 95 yuan of credit, 5 of fee */
    assert_err(ERR_PAY_ORDER, ask_as(t, "user:1", PAY_REVERSAL, "reverse-1", 0, 0, "order-0009"));
    assert_err(ERR_PAY_ORDER, ask_as(t, "user:1", PAY_REVERSAL, "reverse-1", 0, 0, NULL));
    assert_ok(ask_as(t, "user:1", PAY_REVERSAL, "reverse-1", 0, 0, "order-0001"));
    assert_ok(ask_as(t, "user:1", PAY_REVERSAL, "reverse-1", 0, 0, "order-0001"));
    assert_err(ERR_VEND_DIFFERENT,
               ask_as(t, "user:1", PAY_REVERSAL, "reverse-1", 0, 0, "order-0002"));
    assert_err(ERR_PAY_TWICE, ask_as(t, "user:1", PAY_REVERSAL, "reverse-2", 0, 0, "order-0001"));
    assert_ok(decide(t, do_approve, "reverse-1", "user:2"));
    assert_ok(decide(t, do_pay, "reverse-1", "user:1"));
    assert_int_equal(town_book(t, A, LEDGER_REFUND), 10'000);
    assert_int_equal(town_book(t, A, LEDGER_OTHER), 0);
    assert_int_equal(town_book(t, A, LEDGER_PREPAYMENT), 10'000);
    assert_err(ERR_PAY_TWICE, ask_as(t, "user:1", PAY_REVERSAL, "reverse-3", 0, 0, "order-0001"));
    verified(t);
}

/* Only what is not used yet, and only for so many days. */
static void test_reversal_limits(void **state)
{
    struct town *t = *state;
    town_wh(t, 1, T0, 1'000);
    assert_ok(sell(t, "order-0001", 5'000));
    town_wh(t, 1, NOON, 3'000); /* 1 yuan */
    assert_err(ERR_VEND_FUNDS, ask_as(t, "user:1", PAY_REVERSAL, "reverse-1", 0, 0, "order-0001"));
    town_exec(t, "INSERT INTO pay_policy VALUES (1, 0, 0, 1, 'user:9')");
    assert_ok(sell(t, "order-0002", 5'000));
    assert_err(ERR_PAY_LATE, ask_as(t, "user:1", PAY_REVERSAL, "reverse-2", 0, 0, "order-0002"));
    verified(t);
}

/* --- closing -------------------------------------------------------------------------------------
 */

static void test_close(void **state)
{
    struct town *t = *state;
    prepare(t);
    assert_ok(ask(t, PAY_REFUND, "refund-01", 100, 0));
    assert_err(ERR_PAY_OPEN, ask(t, PAY_CLOSE, "closing-1", 0, 0));
    assert_ok(decide(t, do_reject, "refund-01", "user:1"));
    assert_ok(ask(t, PAY_CLOSE, "closing-1", 0, 0));
    assert_err(ERR_PAY_TWICE, ask(t, PAY_CLOSE, "closing-2", 0, 0));
    assert_err(ERR_PAY_PERSON, decide(t, do_approve, "closing-1", "user:1"));
    assert_ok(decide(t, do_approve, "closing-1", "user:2"));
    assert_err(ERR_STATE, decide(t, do_reject, "closing-1", "user:2"));
    assert_err(ERR_PAY_UNSETTLED, decide(t, do_pay, "closing-1", "user:1"));
    assert_err(ERR_VEND_CLOSED, ask(t, PAY_REFUND, "refund-02", 100, 0));
    assert_err(ERR_VEND_CLOSED, sell(t, "order-0001", 100));
    town_wh(t, 1, NOON + 60, 21'000);
    town_tick(t, NOON + 120);
    assert_ok(decide(t, do_pay, "closing-1", "user:1"));
    assert_ok(decide(t, do_pay, "closing-1", "user:1"));
    assert_int_equal(town_book(t, A, LEDGER_REFUND), 9'000);
    assert_int_equal(town_book(t, A, LEDGER_PREPAYMENT), 0);
    verified(t);
}

static void test_free_credit_stays(void **state)
{
    struct town *t = *state;
    prepare(t);
    town_exec(
        t,
        "INSERT INTO money_run (id, project_id, kind, code, period, title, state, lines, "
        "total_fen, method, booking, evidence, asked_at, asked_by, approved_by) VALUES (1, 1, "
        "'subsidy', 'x', '2026-10', 'x', 'done', 1, 2000, 'carry', 'credit', '{}', 1, 'a', 'b')");
    town_exec(
        t, "INSERT INTO free_grant (account_id, run_id, seq, amount_fen) VALUES (7, 1, 1, 2000)");
    assert_err(ERR_VEND_FUNDS, ask(t, PAY_REFUND, "refund-01", 7'001, 0));
    assert_ok(ask(t, PAY_REFUND, "refund-01", 7'000, 0));
}

static void test_money_in_the_meter(void **state)
{
    struct town *t = *state;
    town_exec(t, "UPDATE account SET wallet = 'meter' WHERE id = 7");
    town_exec(t, "INSERT INTO balance VALUES (7, 'wallet', 500)");
    assert_err(ERR_PAY_WALLET, ask(t, PAY_CLOSE, "closing-1", 0, 0));
    town_exec(t, "UPDATE balance SET amount_fen = 0 WHERE account_id = 7");
    assert_ok(ask(t, PAY_CLOSE, "closing-1", 0, 0));
}

/* --- what verification finds ---------------------------------------------------------------------
 */

static void finds(struct town *t, const char *harm, const char *what)
{
    struct act a = {};
    town_exec(t, harm);
    assert_err(ERR_PAY_CHECK, store_read(t->ledger, do_verify, &a));
    assert_string_equal(a.fault, what);
}

static void test_verify(void **state)
{
    struct town *t = *state;
    prepare(t);
    assert_ok(ask(t, PAY_REFUND, "refund-01", 500, 0));
    assert_ok(decide(t, do_approve, "refund-01", "user:2"));
    finds(t, "UPDATE money_request SET amount_fen = 400", "what is held is not what is asked for");
    town_exec(t, "UPDATE money_request SET amount_fen = 500");
    finds(t, "UPDATE money_request SET one_person = 0, approved_by = 'user:2', state = 'PAID'",
          "what was paid out is not what was posted");
    town_exec(t, "UPDATE money_request SET state = 'APPROVED'");
    assert_ok(decide(t, do_pay, "refund-01", "user:1"));
    finds(t, "UPDATE money_request SET state = 'REJECTED'", "money left before it was decided");
    town_exec(t, "UPDATE money_request SET state = 'PAID'");
    assert_ok(ask(t, PAY_TRANSFER, "transfer-1", 700, B));
    assert_ok(decide(t, do_approve, "transfer-1", "user:2"));
    verified(t);
    finds(t, "UPDATE money_request SET to_account_id = 10 WHERE kind = 'transfer'",
          "a transfer did not arrive");
}

/* --- every order ---------------------------------------------------------------------------------
 */

/* Two cashiers, a callback that pays an order a second time, and a settlement: each a list of acts
 * that follow one another, put together in every order there is. What each act answers depends on
 * the order; that nothing is doubled or lost does not. */
static enum err first_1(struct town *t)
{
    return sell(t, "order-0001", 3'000);
}
static enum err first_2(struct town *t)
{
    return ask_as(t, "user:1", PAY_REVERSAL, "reverse-1", 0, 0, "order-0001");
}
static enum err first_3(struct town *t)
{
    return decide(t, do_pay, "reverse-1", "user:1");
}
static enum err second_1(struct town *t)
{
    return ask_as(t, "user:2", PAY_TRANSFER, "transfer-1", 8'000, B, NULL);
}
static enum err second_2(struct town *t)
{
    return decide(t, do_approve, "reverse-1", "user:2");
}
static enum err second_3(struct town *t)
{
    return ask_as(t, "user:2", PAY_REFUND, "refund-01", 8'000, 0, NULL);
}
static enum err callback_1(struct town *t)
{
    return sell(t, "order-0001", 3'000); /* the same order, told again */
}
static enum err callback_2(struct town *t)
{
    return decide(t, do_approve, "transfer-1", "user:3");
}
static enum err clerk_1(struct town *t)
{
    struct billing_settled done;
    return town_settle(t, A, T0 + DAY + 60, &done);
}

static int64_t books_of(struct town *t, enum ledger_book book)
{
    return town_book(t, A, book) + town_book(t, B, book);
}

/* Whatever the order: each sale is taken in once, what went out was asked for, decided and covered,
 * consumption is earned once. */
static void check_world(struct town *t)
{
    int64_t taken = -books_of(t, LEDGER_CASH), given = books_of(t, LEDGER_REFUND);
    int64_t earned = books_of(t, LEDGER_REVENUE);
    verified(t);
    assert_int_equal(taken, 13'000); /* the order once, whoever told it */
    assert_true(given == 0 || given == 3'000);
    assert_true(earned == 1'000);
    assert_int_equal(books_of(t, LEDGER_PREPAYMENT) + books_of(t, LEDGER_HELD),
                     taken - given - earned);
    assert_int_equal(books_of(t, LEDGER_TRANSFER), 0);
    assert_true(town_book(t, A, LEDGER_PREPAYMENT) >= 0);
    assert_int_equal(town_int(t, "SELECT count(*) FROM sale_order WHERE order_id = 'order-0001'"),
                     1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 7"), 1);
}

static void each_verified(struct town *t)
{
    (void)verified(t);
}

/* And the reading of the next midnight, so that the day can be settled. */
static void prepare_day(struct town *t)
{
    prepare(t);
    town_wh(t, 1, T0 + DAY + 1, 21'000);
}

/* FULL=1: all of the acts, a minute. */
static bool full(void)
{
    return getenv("FULL") != NULL;
}

static void test_every_order(void **state)
{
    int more = full();
    struct orders o = {.acts = {{first_1, first_2, first_3},
                                {second_1, second_2, second_3},
                                {callback_1, callback_2},
                                {clerk_1}},
                       .lengths = {3, 2 + more, 1 + more, 1},
                       .prepare = prepare_day,
                       .after_each = each_verified,
                       .in_the_end = check_world};
    (void)state;
    assert_int_equal(orders_play(&o), more ? 5'040 : 420); /* 9! / (3! 3! 2!), 7! / (3! 2!) */
}

/* --- every order, with a day that is rated again -------------------------------------------------
 */

/* Beside a refund by two persons and a transfer, the day is settled, and somebody enters that the
 * transformers count three times what was thought: a true-up if the day was settled, part of the
 * settlement if not. The refund is more than is there afterwards. */
static enum err refund_1(struct town *t)
{
    return ask_as(t, "user:1", PAY_REFUND, "refund-01", 9'000, 0, NULL);
}
static enum err refund_2(struct town *t)
{
    return decide(t, do_pay, "refund-01", "user:1");
}
static enum err chief_1(struct town *t)
{
    return decide(t, do_approve, "refund-01", "user:2");
}
static enum err put_ratio(struct store_tx *tx, void *arg)
{
    struct town *t = arg;
    struct billing_ratio r = {1, {T0 + 60}, 3, "plate", "user:5"};
    return billing_ratio_put(tx, &t->clerk.billing, &r, (wall_s){T0 + DAY + 120});
}
static enum err engineer_1(struct town *t)
{
    return store_run(t->ledger, put_ratio, t);
}

static void prepare_rated_again(struct town *t)
{
    prepare_day(t);
    assert_ok(sell(t, "order-0001", 3'000));
    assert_ok(ask_as(t, "user:2", PAY_TRANSFER, "transfer-1", 2'000, B, NULL));
}

static int trued_up, given_back;

static void check_rated_again(struct town *t)
{
    int64_t given = books_of(t, LEDGER_REFUND), earned = books_of(t, LEDGER_REVENUE);
    int64_t settled = town_int(t, "SELECT sum(amount_fen) FROM settlement");
    int64_t more = town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM true_up");
    assert_int_equal(-books_of(t, LEDGER_CASH), 13'000);
    assert_int_equal(earned, 3'000); /* 20 kWh times three, whenever that was known */
    assert_int_equal(settled + more, earned);
    assert_true(more == 0 || more == 2'000);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement_basis"), earned);
    assert_int_equal(town_int(t, "SELECT sum(energy_wh) FROM settlement_basis"), 60'000);
    assert_true(given == 0 || given == 9'000);
    assert_int_equal(books_of(t, LEDGER_PREPAYMENT) + books_of(t, LEDGER_HELD),
                     13'000 - given - earned);
    assert_int_equal(books_of(t, LEDGER_TRANSFER), 0);
    assert_int_equal(town_book(t, B, LEDGER_PREPAYMENT), 2'000);
    trued_up += more > 0;
    given_back += given > 0;
}

static void test_every_order_rated_again(void **state)
{
    int more = full();
    struct orders o = {.acts = {{refund_1, refund_2},
                                {chief_1},
                                {callback_2, callback_1},
                                {clerk_1},
                                {engineer_1}},
                       .lengths = {2, 1, 1 + more, 1, 1},
                       .prepare = prepare_rated_again,
                       .after_each = each_verified,
                       .in_the_end = check_rated_again};
    (void)state;
    int orders = orders_play(&o);
    assert_int_equal(orders, more ? 1'260 : 360); /* 7! / (2! 2!), 6! / 2! */
    assert_int_equal(trued_up, orders / 2);
    assert_true(given_back > 0 && given_back < orders / 3); /* asked, decided, paid; and in time */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refund),
        CASE(test_reject),
        CASE(test_methods),
        CASE(test_paid_out_once_by_one_person_in_one_way),
        CASE(test_one_person),
        CASE(test_transfer),
        CASE(test_reversal),
        CASE(test_reversal_limits),
        CASE(test_close),
        CASE(test_free_credit_stays),
        CASE(test_money_in_the_meter),
        CASE(test_verify),
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_every_order_rated_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
