#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "headend/headend.h"
#include "tests/unit/vend/vend_world.h"
#include "vend/vend_impl.h"

#define A "order-aaaa"
#define B "order-bbbb"

/* --- refusals ----------------------------------------------------------------------------------
 */

static enum err try_sale(struct world *w, struct vend_sale s)
{
    if (!s.account_id)
        s.account_id = WORLD_ACCOUNT;
    if (!s.order_id)
        s.order_id = A;
    if (!s.method)
        s.method = "cash";
    s.actor = "user:1";
    return world_sell_as(w, &s, NULL);
}

static void test_refusals_change_nothing(void **state)
{
    struct world *w = *state;
    char long_id[VEND_ORDER_ID_MAX + 2];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = 0;
    assert_err(ERR_VEND_AMOUNT, try_sale(w, (struct vend_sale){.amount_fen = 0}));
    assert_err(ERR_VEND_AMOUNT, try_sale(w, (struct vend_sale){.amount_fen = -1}));
    assert_err(ERR_VEND_LIMIT,
               try_sale(w, (struct vend_sale){.amount_fen = vend_limit_fen("cash") + 1}));
    assert_err(ERR_VEND_LIMIT, try_sale(w, (struct vend_sale){.amount_fen = 100'000'000'000}));
    assert_err(ERR_VEND_ORDER_ID,
               try_sale(w, (struct vend_sale){.amount_fen = 1, .order_id = "short"}));
    assert_err(ERR_VEND_ORDER_ID,
               try_sale(w, (struct vend_sale){.amount_fen = 1, .order_id = long_id}));
    assert_err(ERR_VEND_ORDER_ID,
               try_sale(w, (struct vend_sale){.amount_fen = 1, .order_id = "bad order"}));
    assert_err(ERR_VEND_ORDER_ID, /* it would stand in the way of the meter's next exchange */
               try_sale(w, (struct vend_sale){.amount_fen = 1, .order_id = "exchange-11-2"}));
    assert_err(ERR_VEND_METHOD,
               try_sale(w, (struct vend_sale){.amount_fen = 1, .method = "shells"}));
    assert_err(ERR_VEND_ACCOUNT,
               try_sale(w, (struct vend_sale){.amount_fen = 1, .account_id = 99}));
    assert_err(ERR_VEND_CLOSED, try_sale(w, (struct vend_sale){.amount_fen = 1, .account_id = 9}));
    assert_err(ERR_VEND_FUNDS,
               try_sale(w, (struct vend_sale){.amount_fen = 1, .method = "transfer"}));
    assert_err(ERR_VEND_METHOD,
               try_sale(w, (struct vend_sale){.amount_fen = 1,
                                              .method = "transfer",
                                              .account_id = WORLD_PLATFORM_ACCOUNT}));
    world_exec(w, "UPDATE meter SET account_id = NULL WHERE id = 11");
    assert_err(ERR_VEND_NO_METER, try_sale(w, (struct vend_sale){.amount_fen = 1}));
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM ledger_txn"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM audit"), 0);
}

static void test_same_order_same_answer(void **state)
{
    struct world *w = *state;
    struct vend_status first, again;
    assert_ok(world_sell(w, A, 5000, &first));
    assert_ok(world_sell(w, A, 5000, &again));
    assert_memory_equal(&first, &again, sizeof first);
    assert_err(ERR_VEND_DIFFERENT, world_sell(w, A, 5001, NULL));
    assert_err(
        ERR_VEND_DIFFERENT,
        try_sale(w, (struct vend_sale){.amount_fen = 5000, .account_id = WORLD_PLATFORM_ACCOUNT}));
    assert_err(ERR_VEND_DIFFERENT,
               try_sale(w, (struct vend_sale){.amount_fen = 5000, .method = "subsidy"}));
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), 1);
    assert_int_equal(-world_book(w, "cash"), 5000);
}

static void test_table_of_moves(void **state)
{
    (void)state;
    /* From each final state there is no way on; every other state has one. */
    for (int from = 0; from < VEND_STATE_COUNT; from++) {
        int ways = 0;
        for (int to = 0; to < VEND_STATE_COUNT; to++)
            ways += vend_state_allowed(from, to);
        assert_true(vend_state_final(from) == (ways == 0));
        assert_int_equal(vend_state_of(vend_state_name(from)), from);
    }
    assert_false(vend_state_allowed(VEND_BOUND, VEND_REFUNDED)); /* not without a fence */
    assert_false(vend_state_allowed(VEND_BOUND, VEND_REJECTED));
    assert_false(vend_state_allowed(VEND_BOUND, VEND_PAID));
    assert_int_equal(vend_state_of("nonsense"), VEND_STATE_COUNT);
}

/* --- the straight way ----------------------------------------------------------------------------
 */

static void test_platform_wallet_is_booked_at_once(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    assert_ok(world_sell_as(w,
                            &(struct vend_sale){.account_id = WORLD_PLATFORM_ACCOUNT,
                                                .order_id = A,
                                                .amount_fen = 1234,
                                                .method = "cash",
                                                .actor = "user:1"},
                            &s));
    assert_int_equal(s.state, VEND_BOOKED);
    assert_int_equal(s.booked_at.s, w->now.s);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 8 "
                                  "AND book = 'prepayment'"),
                     1234);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command"), 0);
    world_verify(w);
}

static void test_first_sale_reads_the_count_first(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    w->meter.count = 4; /* sold by an older system: not ours, not a fault */
    w->meter.purchased_fen = 10'000;
    w->meter.balance_fen = 700;
    assert_ok(world_sell(w, A, 5000, &s));
    assert_int_equal(s.state, VEND_PAID);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE kind = 'read'"), 1);
    world_settle(w);
    s = world_status(w, A);
    assert_int_equal(s.state, VEND_CONFIRMED);
    assert_int_equal(s.n, 5);
    assert_int_equal(world_applied(w, A), 1);
    assert_int_equal(world_book(w, "wallet"), 5700);
    assert_int_equal(world_book(w, "suspense"), -700); /* what was in it when we came */
    assert_int_equal(world_book(w, "transit"), 0);
    assert_true(s.paid_at.s && s.bound_at.s >= s.paid_at.s && s.confirmed_at.s >= s.bound_at.s);
    world_verify(w);
}

static void test_known_wallet_binds_in_the_same_commit(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, &s));
    assert_int_equal(s.state, VEND_BOUND);
    assert_int_equal(s.n, 2);
    assert_int_equal(world_book(w, "transit"), 5000);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE kind = 'vend' "
                                  "AND state = 'waiting' AND ref = 'order-aaaa'"),
                     1);
    /* The next one waits until this one is resolved (V4), and then gets the next number. */
    assert_ok(world_sell(w, B, 300, &s));
    assert_int_equal(s.state, VEND_PAID);
    world_settle(w);
    assert_int_equal(world_status(w, A).n, 2);
    assert_int_equal(world_status(w, B).n, 3);
    assert_int_equal(world_state(w, B), VEND_CONFIRMED);
    assert_int_equal(world_book(w, "wallet"), 5400);
    world_verify(w);
}

/* --- crash points
 * --------------------------------------------------------------------------------- */

static void test_c1_to_c3_rollback_leaves_nothing(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    w->faults.rollback = 1000; /* the process dies before the commit */
    assert_err(ERR_IO_CLOSED, world_sell(w, A, 5000, NULL));
    w->faults.rollback = 0;
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order WHERE order_id = 'order-aaaa'"),
                     0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM vend_binding"), 1);
    assert_ok(world_sell(w, A, 5000, NULL)); /* the client says it again */
    world_settle(w);
    assert_int_equal(world_applied(w, A), 1);
    world_verify(w);
}

static void test_c4_command_repeated_by_id_is_done_once(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    world_gateway(w);
    world_gateway(w);
    world_gateway(w);
    assert_int_equal(world_applied(w, A), 1);
    while (w->queued)
        assert_ok(world_deliver(w, 0));
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    world_verify(w);
}

static void test_c5_c9_frame_lost_is_sent_again_under_the_same_number(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    w->faults.frame_lost = 1000;
    for (int i = 0; i < 5; i++) {
        world_gateway(w);
        while (w->queued)
            assert_ok(world_deliver(w, 0));
        assert_int_equal(world_state(w, A), VEND_BOUND);
        assert_int_equal(world_status(w, A).n, 2);
        w->now.s += 600;
        assert_ok(world_tick(w));
    }
    assert_true(world_int(w, "SELECT count(DISTINCT id) FROM command WHERE ref = 'order-aaaa'") >=
                5);
    assert_int_equal(world_int(w, "SELECT count(*) FROM vend_binding"), 2);
    w->faults.frame_lost = 0;
    world_settle(w);
    assert_int_equal(world_applied(w, A), 1);
    assert_int_equal(world_status(w, A).n, 2);
    world_verify(w);
}

static void test_c6_c7_reply_lost_is_found_in_the_record(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    w->faults.reply_lost = 1000;
    w->faults.read_lost = 1000;
    world_gateway(w);
    assert_int_equal(world_applied(w, A), 1);
    assert_ok(world_deliver(w, 0)); /* "unknown" */
    assert_int_equal(world_state(w, A), VEND_BOUND);
    w->faults = (struct world_faults){};
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    assert_int_equal(world_applied(w, A), 1);
    world_verify(w);
}

static void test_c7_c8_outcome_not_committed_comes_again(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    world_gateway(w);
    w->faults.rollback = 1000;
    assert_err(ERR_IO_CLOSED, world_deliver(w, 0));
    w->faults.rollback = 0;
    assert_int_equal(world_state(w, A), VEND_BOUND);
    assert_int_equal(world_book(w, "wallet"), 100);
    assert_ok(world_deliver(w, 0));
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    assert_int_equal(world_book(w, "wallet"), 5100);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'vend.confirmed' "
                                  "AND detail LIKE '%aaaa%'"),
                     1);
}

static struct uplink_outcome evidence(struct world *w, int64_t count, int64_t record_n,
                                      int64_t record_amount_fen, int64_t purchased_fen)
{
    return (struct uplink_outcome){
        .meter_id = WORLD_METER,
        .epoch = 1,
        .kind = UPLINK_VEND,
        .status = UPLINK_DONE,
        .at = w->now,
        .sent = true,
        .count = count,
        .record_n = record_n,
        .record_amount_fen = record_amount_fen,
        .purchased_fen = purchased_fen,
        .balance_fen = INT64_MIN,
    };
}

/* The present command of the open vend answers with this. */
static void answer(struct world *w, struct uplink_outcome o)
{
    o.command_id = world_int(w, "SELECT coalesce((SELECT command_id FROM vend WHERE state IN "
                                "('BOUND', 'FENCED', 'CONFLICT')), 0)");
    int64_t kind = world_int(w, "SELECT count(*) FROM command WHERE kind = 'read' AND id = "
                                "(SELECT command_id FROM vend WHERE state IN ('BOUND', 'FENCED', "
                                "'CONFLICT'))");
    o.kind = kind ? UPLINK_READ : UPLINK_VEND;
    w->queue[w->queued++] = o;
    assert_ok(world_deliver(w, w->queued - 1));
}

static void next_attempt(struct world *w)
{
    w->now.s += 600;
    assert_ok(world_tick(w));
}

static void test_c10_old_proof_is_proof(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    int64_t old = world_int(w, "SELECT command_id FROM vend WHERE state = 'BOUND'");
    w->faults.frame_lost = 1000;
    world_gateway(w);
    assert_ok(world_deliver(w, 0));
    next_attempt(w); /* a second command; now a late outcome of a lost first one shows ours */
    struct uplink_outcome o = evidence(w, 2, 2, 5000, 5100);
    o.command_id = world_int(w, "SELECT command_id FROM vend WHERE state = 'BOUND'");
    assert_true(o.command_id != old);
    w->queue[w->queued++] = o;
    assert_ok(world_deliver(w, 0));
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
}

static void test_c11_foreign_record_binds_the_next_number(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    world_foreign(w, 777);
    world_settle(w);
    struct vend_status s = world_status(w, A);
    assert_int_equal(s.state, VEND_CONFIRMED);
    assert_int_equal(s.n, 3);
    assert_int_equal(world_applied(w, A), 1);
    assert_int_equal(world_book(w, "suspense"), -777);
    assert_int_equal(world_book(w, "wallet"), 100 + 777 + 5000);
    assert_int_equal(
        world_int(w, "SELECT count(*) FROM vend_binding WHERE order_id = 'order-aaaa'"), 2);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'vend.foreign'"), 1);
    world_verify(w);
}

static void test_c11_needs_two_readings(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    answer(w, evidence(w, 2, 2, 4900, 5000)); /* a damaged reading of ours */
    assert_int_equal(world_status(w, A).n, 2);
    assert_int_equal(world_state(w, A), VEND_BOUND);
    next_attempt(w);
    answer(w, evidence(w, 2, 2, 5000, 5100));
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    assert_int_equal(world_status(w, A).n, 2);
    assert_int_equal(world_book(w, "suspense"), 0);
}

static void test_c12_low_count_is_no_evidence_then_conflict(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    answer(w, evidence(w, 0, -1, -1, 0));
    assert_int_equal(world_state(w, A), VEND_BOUND);
    next_attempt(w);
    answer(w, evidence(w, 0, -1, -1, 0));
    assert_int_equal(world_state(w, A), VEND_BOUND);
    next_attempt(w);
    answer(w, evidence(w, 0, -1, -1, 0));
    assert_int_equal(world_state(w, A), VEND_CONFLICT);
    assert_int_equal(world_book(w, "transit"), 5000);
    /* Nothing else is sold to this meter until a person has decided. */
    struct vend_status s;
    assert_ok(world_sell(w, B, 300, &s));
    assert_int_equal(s.state, VEND_PAID);
    assert_err(ERR_STATE, world_cancel(w, A, NULL));
    assert_ok(world_resolve(w, A, false, &s));
    assert_int_equal(s.state, VEND_REFUNDED);
    assert_err(ERR_STATE, world_resolve(w, A, true, NULL));
    assert_int_equal(world_book(w, "transit"), 0);
    world_settle(w);
    assert_int_equal(world_state(w, B), VEND_CONFIRMED);
    world_verify(w);
}

/* A command that another gateway may still hold must not be carried out after a person has given
 * the money back: tombstones are asked for as soon as the contradiction stands. */
static void test_c12_conflict_leaves_no_command_behind(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_exec(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (4, 1, 'h', 'h')");
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    for (int i = 0; i < 3; i++) {
        if (i)
            next_attempt(w);
        answer(w, evidence(w, 0, -1, -1, 0));
        if (i == 0)
            world_exec(w, "UPDATE command SET state = 'waiting', gateway_id = 4 "
                          "WHERE kind = 'vend' AND account_id = 7 AND ref = '" A
                          "'"); /* taken by a gateway that the meter has left */
    }
    assert_int_equal(world_state(w, A), VEND_CONFLICT);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE ref = '" A "' "
                                  "AND kind = 'vend' AND state = 'fencing'"),
                     1);
    world_exec(w, "UPDATE command SET gateway_id = 3"); /* the world has one to hear */
    assert_ok(world_resolve(w, A, false, &s));
    world_settle(w);
    assert_int_equal(world_applied(w, A), 0);
    assert_int_equal(world_book(w, "prepayment"), 5000);
    world_verify(w);
}

static void test_c12_doubt_passes(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    answer(w, evidence(w, 0, -1, -1, 0));
    answer(w, evidence(w, 0, -1, -1, 0)); /* the same command again: the headend drops it */
    next_attempt(w);
    answer(w, evidence(w, 1, -1, -1, 100)); /* it was a stale or damaged reading */
    next_attempt(w);
    answer(w, evidence(w, 0, -1, -1, 0)); /* counting starts afresh */
    assert_int_equal(world_state(w, A), VEND_BOUND);
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    assert_int_equal(world_applied(w, A), 1);
}

static void test_stale_reading_decides_nothing(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    for (int64_t i = 0; i < 5; i++) {
        struct uplink_outcome o = evidence(w, 0, -1, -1, 0);
        o.command_id = world_int(w, "SELECT min(id) FROM command WHERE state = 'done'");
        w->queue[w->queued++] = o;
        assert_ok(world_deliver(w, w->queued - 1));
    }
    assert_int_equal(world_state(w, A), VEND_BOUND);
    assert_int_equal(world_int(w, "SELECT doubt FROM vend WHERE state = 'BOUND'"), 0);
}

static void test_other_epoch_is_no_evidence(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    struct uplink_outcome o = evidence(w, 2, 2, 5000, 5100);
    o.epoch = 2;
    answer(w, o);
    assert_int_equal(world_state(w, A), VEND_BOUND);
}

/* --- cancel
 * --------------------------------------------------------------------------------------- */

static void test_cancel_before_binding(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    assert_ok(world_sell(w, A, 5000, NULL));
    assert_ok(world_cancel(w, A, &s));
    assert_int_equal(s.state, VEND_REFUNDED);
    assert_int_equal(world_book(w, "prepayment"), 5000);
    world_settle(w);
    assert_int_equal(world_applied(w, A), 0);
    assert_ok(world_cancel(w, A, NULL)); /* again: nothing */
    world_verify(w);
}

static void test_c13_cancel_needs_fence_and_fresh_reading(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    assert_ok(world_cancel(w, A, &s));
    assert_int_equal(s.state, VEND_FENCED);
    assert_int_equal(world_book(w, "transit"), 5000);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE kind = 'read' "
                                  "AND state = 'waiting'"),
                     0);
    world_gateway(w); /* tombstone */
    assert_ok(world_deliver(w, 0));
    assert_int_equal(world_state(w, A), VEND_FENCED); /* the tombstone alone refunds nothing */
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE kind = 'read' "
                                  "AND state = 'waiting'"),
                     1);
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_REFUNDED);
    assert_int_equal(world_applied(w, A), 0);
    assert_int_equal(world_book(w, "transit"), 0);
    assert_int_equal(world_book(w, "prepayment"), 5000);
    /* The number was proved unused: the next order takes it, as the next generation. */
    assert_ok(world_sell(w, B, 300, NULL));
    world_settle(w);
    assert_int_equal(world_status(w, B).n, 2);
    assert_int_equal(world_int(w, "SELECT max(generation) FROM vend_binding WHERE n = 2"), 2);
    assert_int_equal(world_state(w, B), VEND_CONFIRMED);
    world_verify(w);
}

static void test_c13_cancel_too_late_confirms(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    world_gateway(w); /* applied; the outcome is on its way */
    assert_ok(world_cancel(w, A, NULL));
    assert_int_equal(world_state(w, A), VEND_FENCED);
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    assert_int_equal(world_applied(w, A), 1);
    assert_err(ERR_VEND_FINAL, world_cancel(w, A, NULL));
    world_verify(w);
}

static void test_fence_answered_with_unknown_reads_until_it_knows(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    w->faults.reply_lost = w->faults.read_lost = 1000;
    world_gateway(w);
    assert_ok(world_cancel(w, A, NULL));
    for (int i = 0; i < 4; i++) {
        while (w->queued)
            assert_ok(world_deliver(w, 0));
        next_attempt(w);
        world_gateway(w);
        assert_int_equal(world_state(w, A), VEND_FENCED);
    }
    w->faults = (struct world_faults){};
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    world_verify(w);
}

static void test_fenced_and_foreign_refunds(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    assert_ok(world_cancel(w, A, NULL));
    world_foreign(w, 777);
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_REFUNDED);
    assert_int_equal(world_book(w, "suspense"), -777);
    assert_ok(world_sell(w, B, 300, NULL));
    world_settle(w);
    assert_int_equal(world_status(w, B).n, 3);
    world_verify(w);
}

static void test_fenced_without_sum_is_not_decided(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    assert_ok(world_cancel(w, A, NULL));
    world_gateway(w);
    assert_ok(world_deliver(w, 0));
    answer(w, evidence(w, 1, -1, -1, -1)); /* count says n-1, the sum could not be read */
    assert_int_equal(world_state(w, A), VEND_FENCED);
    next_attempt(w);
    answer(w, evidence(w, 1, -1, -1, 5100)); /* count says n-1, the sum says applied */
    assert_int_equal(world_state(w, A), VEND_FENCED);
    next_attempt(w);
    answer(w, evidence(w, 2, 2, 5000, 5100)); /* the count had been damaged */
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
}

/* --- refusals of the meter
 * ------------------------------------------------------------------------- */

static void test_business_refusal_rejects_after_fence_and_reading(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    w->meter.hoard_fen = 1000;
    assert_ok(world_sell(w, A, 5000, NULL));
    world_gateway(w);
    assert_ok(world_deliver(w, 0));
    struct vend_status s = world_status(w, A);
    assert_int_equal(s.state, VEND_FENCED);
    assert_string_equal(s.cause, "refused");
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_REJECTED);
    assert_int_equal(world_book(w, "prepayment"), 5000);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'vend.rejected' "
                                  "AND detail LIKE '%hoard%'"),
                     1);
    assert_err(ERR_VEND_FINAL, world_cancel(w, A, NULL));
    assert_ok(world_sell(w, B, 300, NULL));
    world_settle(w);
    assert_int_equal(world_state(w, B), VEND_CONFIRMED);
    world_verify(w);
}

static void test_refusal_that_applied_after_all(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    struct uplink_outcome o = evidence(w, 2, 2, 5000, 5100);
    o.status = UPLINK_REFUSED; /* the meter said no and did it */
    o.reply = UPLINK_REPLY_HOARD;
    answer(w, o);
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
}

static void test_repeat_is_not_proof(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    struct uplink_outcome o = evidence(w, 2, 2, 777, 877);
    o.reply = UPLINK_REPLY_REPEAT; /* number 2 is a stranger's */
    answer(w, o);
    assert_int_equal(world_state(w, A), VEND_BOUND);
    assert_int_equal(world_book(w, "wallet"), 100);
}

/* An order that cannot be pushed on, as its meter is not there any more, keeps no other waiting. */
static void test_an_odd_order_stops_no_other(void **state)
{
    struct world *w = *state;
    struct vend_sale sale = {.account_id = 10,
                             .order_id = "order-other",
                             .amount_fen = 100,
                             .method = "cash",
                             .actor = "user:1"};
    world_exec(w,
               "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
               "strategy_code, opened_at) VALUES (10, 1, 1, 'a10', 'a10', 'meter', 'x', 'x', 1)");
    world_exec(w,
               "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
               "kind) VALUES (10, 1, 10, 1, 1, '000000000010', 'yufu-shop', 'electricity')");
    world_exec(w, "INSERT INTO meter_wallet (account_id, meter_id, epoch, proven, count, "
                  "purchased_fen, opening_count, opening_fen) VALUES (10, 10, 1, 1, 0, 0, 0, 0)");
    world_know_wallet(w);
    assert_ok(world_sell_as(w, &sale, NULL));
    assert_ok(world_sell(w, "order-mine", 200, NULL));
    world_exec(w, "DELETE FROM meter WHERE id = 10");
    world_exec(w, "UPDATE command SET state = 'expired' WHERE state = 'waiting'");
    w->now.s += 3'600;
    for (int i = 0; i < 5; i++) {
        w->now.s += 60;
        assert_ok(world_tick(w));
    }
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE state = 'waiting' "
                                  "AND ref = 'order-mine'"),
                     1);
    assert_int_equal(
        world_int(w, "SELECT count(*) FROM event WHERE kind = 'work.failed' AND account_id = 10"),
        1);
    assert_int_equal(world_int(w, "SELECT state = 'BOUND' FROM sale_order WHERE account_id = 10"),
                     1);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refusals_change_nothing),
        CASE(test_same_order_same_answer),
        CASE(test_table_of_moves),
        CASE(test_platform_wallet_is_booked_at_once),
        CASE(test_first_sale_reads_the_count_first),
        CASE(test_known_wallet_binds_in_the_same_commit),
        CASE(test_c1_to_c3_rollback_leaves_nothing),
        CASE(test_c4_command_repeated_by_id_is_done_once),
        CASE(test_c5_c9_frame_lost_is_sent_again_under_the_same_number),
        CASE(test_c6_c7_reply_lost_is_found_in_the_record),
        CASE(test_c7_c8_outcome_not_committed_comes_again),
        CASE(test_c10_old_proof_is_proof),
        CASE(test_c11_foreign_record_binds_the_next_number),
        CASE(test_c11_needs_two_readings),
        CASE(test_c12_low_count_is_no_evidence_then_conflict),
        CASE(test_c12_conflict_leaves_no_command_behind),
        CASE(test_c12_doubt_passes),
        CASE(test_stale_reading_decides_nothing),
        CASE(test_other_epoch_is_no_evidence),
        CASE(test_cancel_before_binding),
        CASE(test_c13_cancel_needs_fence_and_fresh_reading),
        CASE(test_c13_cancel_too_late_confirms),
        CASE(test_fence_answered_with_unknown_reads_until_it_knows),
        CASE(test_fenced_and_foreign_refunds),
        CASE(test_fenced_without_sum_is_not_decided),
        CASE(test_business_refusal_rejects_after_fence_and_reading),
        CASE(test_refusal_that_applied_after_all),
        CASE(test_repeat_is_not_proof),
        CASE(test_an_odd_order_stops_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
