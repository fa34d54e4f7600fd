/*
 * Storms: many seeds of sales, cancellations, foreign sales, losses, repetitions, damaged readings
 * and crashes before a commit; then calm. Afterwards every order is in the meter exactly once and
 * CONFIRMED, or not in it and REFUNDED or REJECTED.
 *
 * And every order of the named steps of two cashiers, one cancellation and one outcome.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/vend/vend_world.h"

#define SEEDS 60
#define ORDERS 12
#define STEPS 160

struct storm {
    struct world *w;
    int sold, trued_up;
    bool foreign, conflicts_allowed;
};

static void name_of(int i, char out[32])
{
    snprintf(out, 32, "storm-order-%04d", i);
}

static void allow(enum err e, enum err expected)
{
    if (e != ERR_IO_CLOSED && e != expected) /* a crash before the commit is part of the storm */
        assert_ok(e);
}

static int64_t amount_of(int i)
{
    return 100 + i % 3 * 50; /* equal amounts on purpose */
}

static void random_step(struct storm *s)
{
    struct world *w = s->w;
    char name[32];
    uint64_t dice = rand_below(&w->random, 100);
    if (dice < 12 && s->sold < ORDERS) {
        name_of(s->sold, name);
        if (world_sell(w, name, amount_of(s->sold), NULL) == ERR_OK)
            s->sold++;
    } else if (dice < 20 && s->sold > 0) {
        name_of((int)rand_below(&w->random, (uint64_t)s->sold), name);
        enum err e = world_cancel(w, name, NULL);
        allow(e, e == ERR_STATE ? ERR_STATE : ERR_VEND_FINAL);
    } else if (dice < 22 && s->foreign) {
        world_foreign(w, 1'000'000 + (int64_t)rand_below(&w->random, 100)); /* nobody's amount */
    } else if (dice < 25 && s->trued_up < ORDERS) {
        world_true_up(w, ++s->trued_up,
                      97 - (int64_t)rand_below(&w->random, 100) * 2); /* never 0 */
    } else if (dice < 50) {
        world_gateway(w);
    } else if (dice < 85 && w->queued) {
        allow(world_deliver(w, rand_below(&w->random, w->queued)), ERR_OK);
    } else {
        w->now.s += (int64_t)rand_below(&w->random, 90);
        allow(world_tick(w), ERR_OK);
    }
}

static void check_order(struct storm *s, int i)
{
    char name[32];
    name_of(i, name);
    enum vend_state state = world_state(s->w, name);
    int64_t applied = world_applied(s->w, name);
    if (state == VEND_CONFIRMED)
        assert_int_equal(applied, 1);
    else if (state == VEND_REFUNDED || state == VEND_REJECTED)
        assert_int_equal(applied, 0);
    else if (s->conflicts_allowed)
        assert_true(applied <= 1);
    else
        fail_msg("%s ended in %s", name, vend_state_name(state));
}

/* What was given back is in the meter, or has paid what was owed; nothing of it waits. */
static void check_true_ups(struct world *w)
{
    assert_int_equal(world_int(w, "SELECT count(*) FROM true_up_sale WHERE sold_at IS NULL"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order o WHERE o.order_id LIKE "
                                  "'trueup-%' AND o.state NOT IN ('CONFIRMED', 'REJECTED')"),
                     0);
}

static void storm(uint64_t seed, bool foreign, unsigned garbled)
{
    struct world *w = malloc(sizeof *w);
    world_open(w, seed);
    struct storm s = {.w = w, .foreign = foreign, .conflicts_allowed = garbled > 0};
    struct rand_stream r = rand_split(seed, "faults");
    w->faults = (struct world_faults){.read_garbled = garbled};
    w->faults.send_lost = (unsigned)rand_below(&r, 400);
    w->faults.frame_lost = (unsigned)rand_below(&r, 400);
    w->faults.reply_lost = (unsigned)rand_below(&r, 400);
    w->faults.read_lost = (unsigned)rand_below(&r, 400);
    w->faults.outcome_twice = (unsigned)rand_below(&r, 400);
    w->faults.rollback = (unsigned)rand_below(&r, 200);
    if (rand_chance(&r, 200))
        w->meter.hoard_fen = 900;
    for (int i = 0; i < STEPS; i++)
        random_step(&s);
    w->faults = (struct world_faults){};
    assert_ok(world_tick(w));
    world_settle(w);
    for (int i = 0; i < s.sold; i++)
        check_order(&s, i);
    if (!s.conflicts_allowed ||
        world_int(w, "SELECT count(*) FROM vend WHERE state = 'CONFLICT'") == 0) {
        check_true_ups(w);
        /* A foreign sale after the last of ours is found by the next routine reading. */
        world_verify(w);
    }
    world_close(w);
    free(w);
}

static void test_storms(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        storm(seed, false, 0);
}

static void test_storms_with_foreign_sales(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        storm(1000 + seed, true, 0);
}

static void test_storms_with_damaged_readings(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        storm(2000 + seed, true, 20);
}

/* --- all orders of named steps
 * -------------------------------------------------------------------- */

enum step { SELL_A, SELL_B, CANCEL_A, GATEWAY, OUTCOME, STEP_COUNT };

static void do_step(struct world *w, enum step step)
{
    switch (step) {
    case SELL_A:
        assert_ok(world_sell(w, "cashier-a-1", 500, NULL));
        break;
    case SELL_B:
        assert_ok(world_sell(w, "cashier-b-1", 500, NULL));
        break;
    case CANCEL_A: {
        enum err e = world_cancel(w, "cashier-a-1", NULL);
        assert_true(e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_VEND_FINAL);
        break;
    }
    case GATEWAY:
        world_gateway(w);
        break;
    default:
        if (w->queued)
            assert_ok(world_deliver(w, 0));
    }
}

static void run_order(const enum step *steps, size_t count)
{
    struct world *w = malloc(sizeof *w);
    world_open(w, 5);
    assert_ok(world_sell(w, "order-first", 100, NULL));
    world_settle(w);
    for (size_t i = 0; i < count; i++)
        do_step(w, steps[i]);
    world_settle(w);
    enum vend_state a = world_state(w, "cashier-a-1"), b = world_state(w, "cashier-b-1");
    assert_int_equal(b, VEND_CONFIRMED);
    assert_int_equal(world_applied(w, "cashier-b-1"), 1);
    assert_true(a == VEND_CONFIRMED || a == VEND_REFUNDED);
    assert_int_equal(world_applied(w, "cashier-a-1"), a == VEND_CONFIRMED);
    world_verify(w);
    world_close(w);
    free(w);
}

static int permute(enum step *steps, size_t count, size_t from)
{
    int runs = 0;
    if (from == count) {
        run_order(steps, count);
        return 1;
    }
    for (size_t i = from; i < count; i++) {
        enum step keep = steps[from];
        steps[from] = steps[i];
        steps[i] = keep;
        runs += permute(steps, count, from + 1);
        keep = steps[from];
        steps[from] = steps[i];
        steps[i] = keep;
    }
    return runs;
}

static void test_every_order_of_two_cashiers_cancel_and_outcome(void **state)
{
    (void)state;
    enum step steps[] = {SELL_A, SELL_B, CANCEL_A, GATEWAY, OUTCOME};
    assert_int_equal(permute(steps, STEP_COUNT, 0), 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_storms),
        cmocka_unit_test(test_storms_with_foreign_sales),
        cmocka_unit_test(test_storms_with_damaged_readings),
        cmocka_unit_test(test_every_order_of_two_cashiers_cancel_and_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
