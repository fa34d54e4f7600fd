/*
 * A run that a person stops: what it has posted stays, it goes on behind that or is given up, and
 * of several who decide at once the first one is followed. And beside cashiers, what a payment
 * channel tells, a settlement and the end of an account, in every order of their commits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pay/desk_verify.h"
#include "pay/pay.h"
#include "pay/run.h"
#include "pay/shift.h"
#include "tests/unit/pay/orders.h"

#define NOON (T0 + DAY / 2)
#define A 7
#define B 9
#define C 10
#define EACH_FEN 700
#define ACCOUNTS 12 /* of the first tests: 101 .. 112 */

struct job {
    struct run_subsidy subsidy;
    struct run_verdict verdict;
    int64_t now, limit, number;
    bool dies;
};

static enum err do_ask(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_ask_subsidy(tx, &j->subsidy, &j->number);
}
static enum err do_tick(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    TRY(run_tick(tx, &(struct run_turn){{j->now}, j->limit, 5}, &j->number));
    return j->dies ? ERR_IO_CLOSED : ERR_OK;
}
#define DECIDE(name)                                                                               \
    static enum err do_##name(struct store_tx *tx, void *arg)                                      \
    {                                                                                              \
        struct job *j = arg;                                                                       \
        TRY(run_##name(tx, &j->verdict));                                                          \
        return j->dies ? ERR_IO_CLOSED : ERR_OK;                                                   \
    }
DECIDE(approve)
DECIDE(reject)
DECIDE(reverse)
DECIDE(stop)
DECIDE(resume)
DECIDE(give_up)

static enum err decide(struct town *t, store_work *work, const char *actor, const char *note)
{
    struct job j = {.verdict = {1, 1, actor, note, {NOON}}};
    return store_run(t->ledger, work, &j);
}

static int64_t work(struct town *t, int64_t lines)
{
    struct job j = {.now = NOON, .limit = lines};
    assert_ok(store_run(t->ledger, do_tick, &j));
    return j.number;
}

static void propose(struct town *t, const char *place, const char *list)
{
    struct job j = {
        .subsidy = {.ask = {1, "bed", "2026-01", "Beds", "user:1", {NOON}, {place, list}},
                    .each_fen = EACH_FEN}};
    assert_ok(store_run(t->ledger, do_ask, &j));
    assert_int_equal(j.number, 1);
}

/* --- the books ----------------------------------------------------------------------------- */

static const char *blamed;
static void blame(void *arg, int64_t account_id, const char *what, const char *which)
{
    (void)arg;
    (void)account_id;
    (void)which;
    blamed = what;
}
static void blame_request(void *arg, int64_t account_id, const char *id, const char *what)
{
    (void)arg;
    (void)account_id;
    (void)id;
    blamed = what;
}
static enum err do_verify(struct store_tx *tx, void *arg)
{
    struct ledger_check ledger;
    struct desk_check desk;
    struct pay_check pay;
    (void)arg;
    blamed = "the ledger";
    TRY(ledger_verify(tx, NULL, &ledger));
    TRY(desk_verify(tx, blame, NULL, &desk));
    return pay_verify(tx, blame_request, NULL, &pay);
}
static void verified(struct town *t)
{
    if (store_read(t->ledger, do_verify, NULL) != ERR_OK)
        fail_msg("%s", blamed);
}

struct seen {
    const char *state, *run; /* as it is told; as it is kept */
    int64_t done, failed, done_fen, money_fen, transactions;
};
static enum err see(void *arg, const struct run *r)
{
    snprintf(arg, 16, "%s", r->state);
    return ERR_OK;
}
static enum err do_list(struct store_tx *tx, void *arg)
{
    return run_list(tx, 1, 0, 1, see, arg);
}

static void check(struct town *t, struct seen s)
{
    char state[16] = "";
    assert_ok(store_read(t->ledger, do_list, state));
    assert_string_equal(state, s.state);
    assert_int_equal(town_int(t, "SELECT done FROM money_run"), s.done);
    assert_int_equal(town_int(t, "SELECT failed FROM money_run"), s.failed);
    assert_int_equal(town_int(t, "SELECT done_fen FROM money_run"), s.done_fen);
    assert_int_equal(
        town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM balance WHERE book = 'prepayment'"),
        s.money_fen);
    assert_int_equal(town_int(t, "SELECT count(*) FROM ledger_txn"), s.transactions);
    verified(t);
}

/* --- one run --------------------------------------------------------------------------------- */

static int open_town(void **state)
{
    struct town *t;
    int failed = town_open(state);
    t = *state;
    town_exec(t, "INSERT INTO place (id, project_id, kind, code, name) "
                 "VALUES (50, 1, 'building', 'B', 'B')");
    town_exec(t, "WITH RECURSIVE n (i) AS (SELECT 101 UNION ALL SELECT i + 1 FROM n WHERE i < 112) "
                 "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                 "strategy_code, opened_at) SELECT i, 1, 50, 'b' || i, 'b', 'platform', 'flat', "
                 "'s', 1 FROM n");
    propose(t, "B", "");
    return failed;
}

static void approve(struct town *t)
{
    assert_ok(decide(t, do_approve, "user:2", ""));
}

static void test_a_stopped_run_waits_and_goes_on_behind_its_last_line(void **state)
{
    struct town *t = *state;
    approve(t);
    assert_int_equal(work(t, 5), 5);
    assert_err(ERR_RUN_REASON, decide(t, do_stop, "user:1", ""));
    assert_ok(decide(t, do_stop, "user:1", "a wrong building"));
    check(t, (struct seen){.state = "stopped",
                           .done = 5,
                           .done_fen = 3'500,
                           .money_fen = 3'500,
                           .transactions = 5});
    assert_int_equal(work(t, 5), 0); /* nothing is at work */
    check(t, (struct seen){.state = "stopped",
                           .done = 5,
                           .done_fen = 3'500,
                           .money_fen = 3'500,
                           .transactions = 5});
    assert_ok(decide(t, do_resume, "user:3", ""));
    check(t, (struct seen){.state = "running",
                           .done = 5,
                           .done_fen = 3'500,
                           .money_fen = 3'500,
                           .transactions = 5});
    assert_int_equal(work(t, 5), 5);
    assert_int_equal(work(t, 5), 2);
    check(t, (struct seen){.state = "done",
                           .done = 12,
                           .done_fen = 8'400,
                           .money_fen = 8'400,
                           .transactions = 12});
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind IN ('run.stopped', "
                                 "'run.resumed', 'run.done')"),
                     3);
    assert_int_equal(town_int(t, "SELECT count(*) FROM audit WHERE action IN ('run.stop', "
                                 "'run.resume')"),
                     2);
}

static void test_what_is_given_up_is_passed_over_and_the_rest_stays(void **state)
{
    struct town *t = *state;
    approve(t);
    assert_int_equal(work(t, 5), 5);
    assert_ok(decide(t, do_stop, "user:1", "a wrong building"));
    assert_err(ERR_RUN_REASON, decide(t, do_give_up, "user:3", ""));
    assert_ok(decide(t, do_give_up, "user:3", "the others are not due"));
    struct seen ended = {.state = "done",
                         .done = 12,
                         .failed = 7,
                         .done_fen = 3'500,
                         .money_fen = 3'500,
                         .transactions = 5};
    check(t, ended);
    assert_int_equal(work(t, 5), 0);
    check(t, ended);
    assert_int_equal(town_int(t, "SELECT count(*) FROM money_run_line WHERE error = 'given_up' "
                                 "AND posted = 0 AND account_id > 105"),
                     7);
    assert_int_equal(town_int(t, "SELECT given_up_at > 0 AND given_up_by = 'user:3' "
                                 "AND note = 'the others are not due' FROM money_run"),
                     1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'run.given_up'"), 1);
    /* The period stays taken, and what was posted can be taken back. */
    struct job again = {
        .subsidy = {.ask = {1, "bed", "2026-01", "Beds", "user:1", {NOON}, {"B", ""}},
                    .each_fen = EACH_FEN}};
    assert_err(ERR_RUN_TWICE, store_run(t->ledger, do_ask, &again));
    assert_ok(decide(t, do_reverse, "user:3", "wrong"));
    while (work(t, 5) == 5)
        ;
    check(t, (struct seen){.state = "reversed", .done = 12, .done_fen = 3'500, .transactions = 10});
}

static void test_taking_back_is_stopped_too(void **state)
{
    struct town *t = *state;
    approve(t);
    while (work(t, 5) == 5)
        ;
    assert_ok(decide(t, do_reverse, "user:3", "wrong"));
    assert_int_equal(work(t, 5), 5);
    assert_ok(decide(t, do_stop, "user:2", "was right after all"));
    struct seen stopped = {.state = "stopped",
                           .done = 5,
                           .done_fen = 3'500,
                           .money_fen = 8'400 - 3'500,
                           .transactions = 17};
    check(t, stopped);
    assert_int_equal(work(t, 5), 0);
    check(t, stopped);
    assert_ok(decide(t, do_give_up, "user:2", "was right after all"));
    check(t, (struct seen){.state = "done",
                           .done = 12,
                           .done_fen = 8'400,
                           .money_fen = 4'900,
                           .transactions = 17});
    assert_int_equal(town_int(t, "SELECT count(*) FROM money_run_line WHERE error = 'given_up' "
                                 "AND posted = 1 AND taken_back_fen = 0"),
                     7);
    /* Once more, and to the end: each line once. */
    assert_ok(decide(t, do_reverse, "user:3", "wrong indeed"));
    assert_int_equal(work(t, 7), 7);
    assert_ok(decide(t, do_stop, "user:1", "lunch"));
    assert_ok(decide(t, do_resume, "user:1", ""));
    while (work(t, 5) == 5)
        ;
    check(t, (struct seen){.state = "reversed", .done = 12, .done_fen = 4'900, .transactions = 24});
    assert_int_equal(town_int(t, "SELECT count(*) FROM money_run_line WHERE error <> ''"), 0);
}

/* A stopped run does not keep the next one waiting, and one that was put aside is tried at once. */
static void test_another_run_passes_a_stopped_one(void **state)
{
    struct town *t = *state;
    approve(t);
    assert_int_equal(work(t, 5), 5);
    assert_ok(decide(t, do_stop, "user:1", "wait"));
    struct job other = {
        .subsidy = {.ask = {1, "bed", "2026-02", "Beds", "user:1", {NOON}, {"B", ""}},
                    .each_fen = 100},
        .verdict = {1, 2, "user:2", "", {NOON}}};
    assert_ok(store_run(t->ledger, do_ask, &other));
    assert_ok(store_run(t->ledger, do_approve, &other));
    while (work(t, 5) == 5)
        ;
    assert_int_equal(town_int(t, "SELECT count(*) FROM money_run WHERE id = 2 AND state = 'done'"),
                     1);
    town_exec(t, "INSERT INTO aside (work, id, part, error, since, again_at) "
                 "VALUES ('run', 1, 0, 'BUG', 1, 9999999999)");
    assert_ok(decide(t, do_resume, "user:1", ""));
    assert_int_equal(work(t, 5), 5);
    verified(t);
}

/* --- who may say what when: of two at once the first commit counts -----------------------------
 */

enum at { PROPOSED, RUNNING, STOPPED, DONE, GIVEN_UP, REVERSING, REVERSING_STOPPED, REVERSED, ATS };

static void bring_to(struct town *t, enum at at)
{
    if (at == PROPOSED)
        return;
    approve(t);
    work(t, 5);
    if (at == STOPPED || at == GIVEN_UP)
        assert_ok(decide(t, do_stop, "user:1", "why"));
    if (at == GIVEN_UP)
        assert_ok(decide(t, do_give_up, "user:1", "why"));
    if (at < DONE || at == GIVEN_UP)
        return;
    while (work(t, 5) == 5)
        ;
    if (at >= REVERSING)
        assert_ok(decide(t, do_reverse, "user:1", "why"));
    if (at == REVERSED)
        while (work(t, 5) == 5)
            ;
    if (at == REVERSING_STOPPED)
        assert_ok(decide(t, do_stop, "user:1", "why"));
}

static const struct {
    const char *name;
    store_work *work;
    bool may[ATS];
} acts[] = {
    {"approve", do_approve, {[PROPOSED] = true}},
    {"reject", do_reject, {[PROPOSED] = true}},
    {"stop", do_stop, {[RUNNING] = true, [REVERSING] = true}},
    {"resume", do_resume, {[STOPPED] = true, [REVERSING_STOPPED] = true}},
    {"give up", do_give_up, {[STOPPED] = true, [REVERSING_STOPPED] = true}},
    {"reverse", do_reverse, {[DONE] = true, [GIVEN_UP] = true}},
};
#define ACTS (sizeof acts / sizeof acts[0])

static void test_each_act_at_each_step(void **state)
{
    (void)state;
    for (enum at at = 0; at < ATS; at++)
        for (size_t i = 0; i < ACTS; i++)
            for (int dies = 1; dies >= 0; dies--) {
                void *town = NULL;
                assert_int_equal(open_town(&town), 0);
                struct town *t = town;
                bring_to(t, at);
                struct job j = {.verdict = {1, 1, "user:3", "why", {NOON}}, .dies = dies};
                enum err expected = !acts[i].may[at] ? ERR_RUN_STATE
                                    : dies           ? ERR_IO_CLOSED
                                                     : ERR_OK;
                enum err e = store_run(t->ledger, acts[i].work, &j);
                if (e != expected)
                    fail_msg("%s at step %d: %s", acts[i].name, at, err_name(e));
                if (acts[i].may[at] && !dies) /* said by the other a moment later */
                    assert_err(ERR_RUN_STATE, store_run(t->ledger, acts[i].work, &j));
                verified(t);
                assert_int_equal(town_close(&town), 0);
            }
}

/* --- every order -------------------------------------------------------------------------------
 */

static enum err do_sell(struct store_tx *tx, void *arg)
{
    struct vend_status status;
    return shift_sell(tx, arg, &status, NULL);
}
static enum err sell(struct town *t, int64_t account, const char *order, int64_t fen)
{
    struct vend_sale s = {.account_id = account,
                          .order_id = order,
                          .amount_fen = fen,
                          .method = "cash",
                          .actor = "user:4",
                          .now = {NOON},
                          .random = 5};
    return store_run(t->ledger, do_sell, &s);
}

/* The run over three accounts: posted a line at a time, stopped by one, resumed by another. */
static enum err runner(struct town *t)
{
    struct job j = {.now = NOON, .limit = 1};
    return store_run(t->ledger, do_tick, &j);
}
static enum err whole_runner(struct town *t)
{
    struct job j = {.now = NOON, .limit = 3};
    return store_run(t->ledger, do_tick, &j);
}
static enum err stopper(struct town *t)
{
    return decide(t, do_stop, "user:1", "wait");
}
static enum err resumer(struct town *t)
{
    return decide(t, do_resume, "user:3", "");
}
static enum err giver_up(struct town *t)
{
    return decide(t, do_give_up, "user:3", "enough");
}
/* Two cashiers: one sells, the other closes an account. */
static enum err cashier_sells(struct town *t)
{
    return sell(t, A, "order-0001", 3'000);
}
static enum err do_close(struct store_tx *tx, void *arg)
{
    struct town *t = arg;
    struct pay_decision d = {C,  "closing-1", "user:5",          "", "cash",
                             "", {NOON},      &t->clerk.billing, 3};
    TRY(pay_ask(tx, &(struct pay_request){.kind = PAY_CLOSE,
                                          .account_id = C,
                                          .request_id = "closing-1",
                                          .actor = "user:4",
                                          .reason = "moves out",
                                          .now = {NOON},
                                          .billing = &t->clerk.billing}));
    return pay_approve(tx, &d);
}
static enum err cashier_closes(struct town *t)
{
    return store_run(t->ledger, do_close, t);
}
/* What a channel tells: the same payment again, late, with another amount, for the closed account.
 */
static enum err told_again(struct town *t)
{
    return sell(t, A, "order-0001", 3'000);
}
static enum err told_otherwise(struct town *t)
{
    return sell(t, A, "order-0001", 3'001);
}
static enum err told_of_closed(struct town *t)
{
    return sell(t, C, "order-0002", 2'000);
}
static enum err clerk(struct town *t)
{
    struct billing_settled done;
    return town_settle(t, A, T0 + DAY + 60, &done);
}

static void prepare(struct town *t)
{
    town_wh(t, 1, T0, 1'000);
    town_pay(t, A, 10'000, T0);
    town_wh(t, 1, NOON, 21'000);
    town_wh(t, 1, T0 + DAY + 1, 21'000);
    propose(t, "", "a7\na9\na10\n");
    approve(t);
}

static void prepare_sold(struct town *t)
{
    prepare(t);
    assert_ok(sell(t, A, "order-0001", 3'000));
}

static int ended_early, passed_over;

/* Each line once or passed over with its reason, each sale once, whatever was stopped when. */
static void check_world(struct town *t)
{
    (void)decide(t, do_resume, "user:3", "");
    while (work(t, 2) > 0)
        ;
    verified(t);
    int64_t given = town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM free_grant");
    int64_t lines = town_int(t, "SELECT count(*) FROM money_run_line WHERE posted = 1");
    int64_t closed = town_int(t, "SELECT count(*) FROM money_run_line WHERE error = 'closed'");
    int64_t refused = town_int(t, "SELECT count(*) FROM money_run_line WHERE error = 'given_up'");
    assert_int_equal(lines + closed + refused, 3);
    assert_int_equal(given, lines * EACH_FEN);
    assert_int_equal(town_int(t, "SELECT count(*) FROM money_run WHERE state = 'done'"), 1);
    int64_t taken = -town_book(t, A, LEDGER_CASH);
    assert_true(taken == 13'000 || taken == 13'001); /* once, as it was told first */
    assert_int_equal(town_int(t, "SELECT count(*) FROM sale_order WHERE order_id = 'order-0001'"),
                     1);
    assert_true(town_book(t, C, LEDGER_CASH) == 0 || town_book(t, C, LEDGER_CASH) == -2'000);
    ended_early += refused > 0;
    passed_over += closed > 0;
}

/* FULL=1: all of the acts, many minutes. */
static void test_every_order(void **state)
{
    int more = getenv("FULL") != NULL;
    struct orders o = {.acts = {{runner, runner},
                                {stopper},
                                {resumer},
                                {cashier_sells, told_again},
                                {told_otherwise},
                                {clerk}},
                       .lengths = {2, 1, 1, 1 + more, more, 1},
                       .prepare = prepare,
                       .after_each = verified,
                       .in_the_end = check_world};
    (void)state;
    assert_int_equal(orders_play(&o), more ? 10'080 : 360); /* 8! / (2! 2!), 6! / 2! */
    assert_int_equal(ended_early, 0);
}

/* The rest is given up while another would have it go on, an account ends, and money comes for it.
 */
static void test_every_order_given_up(void **state)
{
    int more = getenv("FULL") != NULL;
    struct orders o = {.acts = {{whole_runner},
                                {stopper, giver_up},
                                {resumer},
                                {cashier_closes},
                                {told_of_closed},
                                {cashier_sells, told_otherwise}},
                       .lengths = {1, 2, more, 1, 1, 2 * more},
                       .prepare = prepare_sold,
                       .after_each = verified,
                       .in_the_end = check_world};
    (void)state;
    int orders = orders_play(&o);
    assert_int_equal(orders, more ? 10'080 : 60); /* 8! / (2! 2!), 5! / 2! */
    assert_true(ended_early > 0 && passed_over > 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_town, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_stopped_run_waits_and_goes_on_behind_its_last_line),
        T(test_what_is_given_up_is_passed_over_and_the_rest_stays),
        T(test_taking_back_is_stopped_too),
        T(test_another_run_passes_a_stopped_one),
        cmocka_unit_test(test_each_act_at_each_step),
        cmocka_unit_test(test_every_order),
        cmocka_unit_test(test_every_order_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
