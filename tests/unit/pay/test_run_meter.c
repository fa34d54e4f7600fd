/* Free credit that was sold into a meter, and its end. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <string.h>

#include "ledger/ledger.h"
#include "pay/desk_verify.h"
#include "pay/run.h"
#include "tests/unit/vend/vend_world.h"

#define DAY_S 86'400
#define SALE "subsidy-1-7"
#define END (WORLD_NOON + DAY_S)

struct job {
    struct world *w;
    int64_t number, fen, opened_at, at;
    const char *from;
    char waits[32];
};

static enum err ask(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_ask_subsidy(
        tx,
        &(struct run_subsidy){
            .ask = {1, "bed", "2026-01", "Beds", "user:1", {WORLD_NOON}, {"", "a7\n"}},
            .each_fen = 500,
            .expires_at = {END}},
        &j->number);
}
static enum err approve(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_approve(tx, &(struct run_verdict){1, j->number, "user:2", "", j->w->now});
}
static enum err tick(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_tick(tx, &(struct run_turn){j->w->now, 10, 5}, &j->number);
}
static enum err expire(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_expire(tx, &(struct run_turn){j->w->now, 10, 6}, &j->number);
}
static enum err left(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_free_left(tx, WORLD_ACCOUNT, &j->number);
}
static enum err verify(struct store_tx *tx, void *arg)
{
    struct desk_check check;
    (void)arg;
    return desk_verify(tx, NULL, NULL, &check);
}
static enum err see(void *arg, const struct run_line *line)
{
    struct job *j = arg;
    snprintf(j->waits, sizeof j->waits, "%s", line->waits);
    return ERR_OK;
}
static enum err lines(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_lines(tx, &(struct run_page){1, 1, 0, 10, j->w->now}, see, j);
}

/* The meter took it for a period that began then. */
static enum err settle(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    char key[40], detail[64];
    snprintf(key, sizeof key, "settle:%lld", (long long)j->opened_at);
    snprintf(detail, sizeof detail, "{\"opened_at\":%lld}", (long long)j->opened_at);
    TRY(ledger_post(
        tx,
        &(struct ledger_entry){.account_id = WORLD_ACCOUNT,
                               .key = key,
                               .kind = "settlement",
                               .now = j->w->now,
                               .business_day = 1,
                               .actor = "system",
                               .detail = detail,
                               .postings = {{LEDGER_WALLET, -j->fen}, {LEDGER_REVENUE, j->fen}}},
        NULL));
    return store_exec(tx,
                      "INSERT OR REPLACE INTO charge_open (account_id, meter_id, epoch, plan_code, "
                      "plan_version, opened_at, reading_at, total_wh, rate1_wh, rate2_wh, "
                      "rate3_wh, rate4_wh) VALUES (7, 11, 1, 'x', 1, $1, $1, 0, 0, 0, 0, 0)",
                      "i", j->at);
}

/* `fen` in a period from `opened_at` to `at`. */
static void used(struct world *w, int64_t fen, int64_t opened_at, int64_t at)
{
    struct job j = {.w = w, .fen = fen, .opened_at = opened_at, .at = at};
    assert_ok(store_run(w->store, settle, &j));
}

static void give(struct world *w)
{
    struct job j = {.w = w};
    assert_ok(store_run(w->store, ask, &j));
    assert_int_equal(j.number, 1);
    assert_ok(store_run(w->store, approve, &j));
    assert_ok(store_run(w->store, tick, &j));
}

static int64_t ended(struct world *w)
{
    struct job j = {.w = w};
    assert_ok(store_run(w->store, expire, &j));
    assert_ok(store_read(w->store, verify, NULL));
    world_verify(w);
    return world_int(w, "SELECT count(*) FROM free_grant WHERE ended_at IS NOT NULL");
}

static int64_t taken_back(struct world *w)
{
    return world_int(w, "SELECT taken_back_fen FROM money_run_line");
}

static void assert_waits(struct world *w, const char *why)
{
    struct job j = {.w = w};
    assert_int_equal(ended(w), 0);
    assert_int_equal(taken_back(w), 0);
    assert_ok(store_read(w->store, lines, &j));
    assert_string_equal(j.waits, why);
}

static int64_t free_left(struct world *w)
{
    struct job j = {.w = w};
    assert_ok(store_read(w->store, left, &j));
    return j.number;
}

/* Given at noon, in the meter; the end has come. */
static void given(struct world *w)
{
    world_know_wallet(w);
    give(w);
    world_settle(w);
    assert_int_equal(world_state(w, SALE), VEND_CONFIRMED);
    assert_int_equal(world_book(w, "wallet"), 600);
    assert_waits(w, ""); /* not over yet */
}

static enum err fill(struct store_tx *tx, void *arg)
{
    char key[24];
    const struct world *w = arg;
    const int64_t times = LEDGER_BALANCE_MAX_FEN / LEDGER_AMOUNT_MAX_FEN;
    for (int64_t i = 0; i < times; i++) {
        int64_t most = LEDGER_AMOUNT_MAX_FEN - (i == 0 ? 200 : 0);
        snprintf(key, sizeof key, "fill:%lld", (long long)i);
        TRY(ledger_post(
            tx,
            &(struct ledger_entry){.account_id = WORLD_ACCOUNT,
                                   .key = key,
                                   .kind = "fill",
                                   .now = w->now,
                                   .business_day = 1,
                                   .actor = "system",
                                   .postings = {{LEDGER_CASH, -most}, {LEDGER_PREPAYMENT, most}}},
            NULL));
    }
    return ERR_OK;
}

/* The books of an account can take no more: the line is passed over, and no half of a sale stays.
 */
static void test_a_line_that_fails_leaves_nothing(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(store_run(w->store, fill, w));
    int64_t orders = world_int(w, "SELECT count(*) FROM sale_order");
    give(w);
    assert_int_equal(
        world_int(w, "SELECT count(*) FROM money_run_line WHERE error = 'LEDGER_LIMIT'"), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), orders);
    assert_ok(store_read(w->store, verify, NULL));
    world_verify(w);
}

/* What is left is remembered, and kept from the next sale. */
static void test_what_was_not_used_is_kept_from_the_next_sale(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    given(w);
    used(w, 120, WORLD_NOON, END);
    w->now.s = END;
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 380);
    assert_int_equal(world_book(w, "prepayment"), -380);
    assert_int_equal(world_book(w, "subsidy"), -120);
    assert_int_equal(ended(w), 1); /* once */
    assert_int_equal(taken_back(w), 380);
    assert_ok(world_sell(w, "order-next", 1000, &s));
    assert_int_equal(s.kept_fen, 380);
    world_settle(w);
    assert_int_equal(world_book(w, "prepayment"), 0);
    world_verify(w);
}

/* What a later period used is not of the grant; one that the end lies in is. */
static void test_the_end_decides_what_counts(void **state)
{
    struct world *w = *state;
    given(w);
    used(w, 50, END - 600, END + 600);
    used(w, 70, END + 600, END + DAY_S);
    w->now.s = END + 2 * DAY_S;
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 450);
}

static void test_all_used(void **state)
{
    struct world *w = *state;
    given(w);
    used(w, 520, WORLD_NOON, END);
    w->now.s = END;
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 0);
    assert_int_equal(world_book(w, "prepayment"), 0);
}

/* A meter that is not read has said nothing: nothing is taken, however long it takes. */
static void test_a_stale_meter(void **state)
{
    struct world *w = *state;
    given(w);
    w->now.s = END + 30 * DAY_S;
    assert_waits(w, "not_read"); /* no period of it was ever opened */
    used(w, 100, WORLD_NOON, END - 1);
    assert_waits(w, "not_read");
    used(w, 10, END - 1, END);
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 390);
}

static void test_a_wallet_that_is_not_proven(void **state)
{
    struct world *w = *state;
    given(w);
    used(w, 100, WORLD_NOON, END);
    w->now.s = END;
    world_exec(w, "UPDATE meter_wallet SET proven = 0");
    assert_waits(w, "not_proven");
    world_exec(w, "UPDATE meter_wallet SET proven = 1");
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 400);
}

/* It waited for its meter: it is not sent any more, and all of it goes back. */
static void test_a_sale_that_was_never_bound(void **state)
{
    struct world *w = *state;
    give(w);
    assert_int_equal(world_state(w, SALE), VEND_PAID);
    w->now.s = END;
    assert_int_equal(ended(w), 1);
    assert_int_equal(world_state(w, SALE), VEND_REFUNDED);
    assert_int_equal(taken_back(w), 500);
    assert_int_equal(world_book(w, "prepayment"), 0);
}

/* On its way: a fence decides. It was not there. */
static void test_a_sale_on_its_way_that_did_not_arrive(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    give(w);
    assert_int_equal(world_state(w, SALE), VEND_BOUND);
    w->now.s = END;
    assert_waits(w, "on_its_way");
    assert_int_equal(world_state(w, SALE), VEND_FENCED);
    assert_waits(w, "on_its_way");
    world_settle(w);
    assert_int_equal(world_state(w, SALE), VEND_REFUNDED);
    assert_int_equal(free_left(w), 500); /* never paid out */
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 500);
    assert_int_equal(w->meter.purchased_fen, 100);
}

/* It was there, and only its answer was not: then it is a matter of readings. */
static void test_a_sale_on_its_way_that_arrived(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    give(w);
    w->faults.reply_lost = w->faults.read_lost = 1000;
    world_gateway(w);
    w->faults.reply_lost = w->faults.read_lost = 0;
    w->queued = 0;
    w->now.s = END;
    assert_waits(w, "on_its_way");
    world_settle(w);
    assert_int_equal(world_state(w, SALE), VEND_CONFIRMED);
    assert_waits(w, "not_read");
    used(w, 100, WORLD_NOON, END);
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 400);
}

static void test_a_contradiction_is_for_a_person(void **state)
{
    struct world *w = *state;
    given(w);
    used(w, 100, WORLD_NOON, END);
    world_exec(w, "UPDATE sale_order SET state = 'CONFLICT' WHERE order_id = '" SALE "'");
    w->now.s = END;
    struct job j = {.w = w};
    assert_ok(store_run(w->store, expire, &j));
    assert_int_equal(j.number, 0);
    assert_int_equal(taken_back(w), 0);
    assert_ok(store_read(w->store, lines, &j));
    assert_string_equal(j.waits, "on_its_way");
}

/* What an overdraft swallowed was used. */
static void test_no_more_than_there_is(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    used(w, 400, WORLD_NOON - 5, WORLD_NOON);
    give(w);
    world_settle(w);
    used(w, 50, WORLD_NOON, END);
    assert_int_equal(world_book(w, "wallet"), 150);
    w->now.s = END;
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 150);
    assert_int_equal(world_int(w, "SELECT spent_fen FROM free_grant"), 350);
}

/* A part of the grant that paid what was owed is used. */
static void test_what_was_kept_is_used(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    world_true_up(w, 1, 200);
    give(w);
    world_settle(w);
    assert_int_equal(world_book(w, "wallet"), 400);
    used(w, 50, WORLD_NOON, END);
    w->now.s = END;
    assert_int_equal(ended(w), 1);
    assert_int_equal(taken_back(w), 250);
}

/* In the wallet it is no part of the prepayment; brought home it is, and is not paid out. */
static void test_what_may_be_paid_out(void **state)
{
    struct world *w = *state;
    given(w);
    used(w, 120, WORLD_NOON, WORLD_NOON + 60);
    assert_int_equal(free_left(w), 0);
    used(w, 480, WORLD_NOON + 60, WORLD_NOON + 120); /* all of it */
    assert_int_equal(free_left(w), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_line_that_fails_leaves_nothing),
        CASE(test_what_was_not_used_is_kept_from_the_next_sale),
        CASE(test_the_end_decides_what_counts),
        CASE(test_all_used),
        CASE(test_a_stale_meter),
        CASE(test_a_wallet_that_is_not_proven),
        CASE(test_a_sale_that_was_never_bound),
        CASE(test_a_sale_on_its_way_that_did_not_arrive),
        CASE(test_a_sale_on_its_way_that_arrived),
        CASE(test_a_contradiction_is_for_a_person),
        CASE(test_no_more_than_there_is),
        CASE(test_what_was_kept_is_used),
        CASE(test_what_may_be_paid_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
