/* Around a sale: foreign sales, exchange, restore, lateness, lists, the audit. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "headend/headend.h"
#include "tests/unit/vend/vend_world.h"
#include "vend/vend_impl.h"

#define A "order-aaaa"
#define B "order-bbbb"

/* --- foreign sales, exchange, restore
 * --------------------------------------------------------------- */

static enum err reading(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return vend_reading(tx, &(struct vend_wallet_reading){.meter_id = WORLD_METER,
                                                          .epoch = 1,
                                                          .count = w->meter.count,
                                                          .purchased_fen = w->meter.purchased_fen,
                                                          .balance_fen = 0,
                                                          .at = w->now,
                                                          .now = w->now,
                                                          .random = rand_u64(&w->random)});
}

static void test_routine_reading_finds_a_foreign_sale(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(store_run(w->store, reading, w));
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 0);
    world_foreign(w, 777);
    assert_ok(store_run(w->store, reading, w));
    assert_ok(store_run(w->store, reading, w)); /* asks once */
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 1);
    world_settle(w);
    assert_int_equal(world_book(w, "suspense"), -777);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'vend.foreign'"), 1);
    world_verify(w);
}

static enum err distrust(struct store_tx *tx, void *arg)
{
    (void)arg;
    return vend_distrust(tx);
}

static void test_after_a_restore_the_count_is_read_first(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(store_run(w->store, distrust, NULL));
    world_foreign(w, 5000); /* a sale of ours that the backup does not know */
    struct vend_status s;
    assert_ok(world_sell(w, B, 300, &s));
    assert_int_equal(s.state, VEND_PAID);
    world_settle(w);
    assert_int_equal(world_status(w, B).n, 3);
    assert_int_equal(world_state(w, B), VEND_CONFIRMED);
    assert_int_equal(world_book(w, "suspense"), -5000);
    world_verify(w);
}

static void test_meter_set_back_stops_sales(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    w->meter = (struct world_meter){}; /* wallet initialised: count 0 */
    assert_ok(store_run(w->store, reading, w));
    world_settle(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'wallet.mismatch'"), 1);
    struct vend_status s;
    assert_ok(world_sell(w, A, 5000, &s));
    assert_int_equal(s.state, VEND_PAID);
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_PAID); /* until a new period begins */
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'wallet.mismatch'"), 1);
}

static enum err exchange(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t epoch;
    struct vend_exchange x = {.meter_id = WORLD_METER,
                              .address = "000000000012",
                              .model = "yufu-shop",
                              .actor = "user:1",
                              .now = w->now,
                              .random = rand_u64(&w->random)};
    TRY(vend_exchange(tx, &x, &epoch));
    return epoch == 2 ? ERR_OK : ERR_BUG;
}

static void test_exchange_drains_first_and_carries_the_credit(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    assert_err(ERR_VEND_OPEN, store_run(w->store, exchange, w));
    world_settle(w);
    assert_ok(store_run(w->store, exchange, w));
    assert_int_equal(world_book(w, "wallet"), 0);
    assert_int_equal(world_book(w, "prepayment"), 5100);
    assert_int_equal(world_state(w, "exchange-11-2"), VEND_PAID);
    assert_int_equal(world_int(w, "SELECT epoch FROM meter WHERE id = 11"), 2);
    world_verify(w);
}

/* --- lateness, list
 * --------------------------------------------------------------------------------- */

static void test_late_orders_are_told_once(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    for (int i = 0; i < 60; i++) {
        w->now.s += 60;
        assert_ok(world_tick(w));
    }
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'vend.late'"), 2);
    assert_int_equal(world_int(w, "SELECT count(*) FROM command WHERE ref = 'order-aaaa'"), 1);
}

static enum err count_one(void *arg, const struct vend_status *s)
{
    (void)s;
    ++*(int *)arg;
    return ERR_OK;
}

static enum err list_open(struct store_tx *tx, void *arg)
{
    return vend_list(tx, &(struct vend_filter){.project_id = 1, .state = "open", .limit = 10},
                     count_one, arg);
}

static enum err list_of_meter(struct store_tx *tx, void *arg)
{
    return vend_list(tx,
                     &(struct vend_filter){.meter_id = WORLD_METER, .state = "open", .limit = 10},
                     count_one, arg);
}

static enum err list_of_another(struct store_tx *tx, void *arg)
{
    return vend_list(tx, &(struct vend_filter){.meter_id = WORLD_METER + 1, .limit = 10}, count_one,
                     arg);
}

static enum err list_all(struct store_tx *tx, void *arg)
{
    return vend_list(tx, &(struct vend_filter){.account_id = WORLD_ACCOUNT, .limit = 2}, count_one,
                     arg);
}

static void test_list(void **state)
{
    struct world *w = *state;
    int open = 0, all = 0, of_meter = 0, of_another = 0;
    world_know_wallet(w);
    assert_ok(world_sell(w, A, 5000, NULL));
    assert_ok(world_sell(w, B, 5000, NULL));
    assert_ok(store_read(w->store, list_open, &open));
    assert_ok(store_read(w->store, list_all, &all));
    assert_ok(store_read(w->store, list_of_meter, &of_meter));
    assert_ok(store_read(w->store, list_of_another, &of_another));
    assert_int_equal(open, 2);
    assert_int_equal(all, 2);
    assert_int_equal(of_meter, 2);
    assert_int_equal(of_another, 0);
}

static void test_every_move_is_audited(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM audit WHERE action = 'order.paid'"), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM audit WHERE action = 'order.bound'"), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM audit WHERE action = 'order.confirmed'"),
                     1);
}

static enum err bind_twice(struct store_tx *tx, void *arg)
{
    (void)arg;
    return store_exec(tx,
                      "INSERT INTO vend_binding (account_id, meter_id, epoch, n, generation, "
                      "order_id, amount_fen, bound_at) VALUES (8, 11, 1, 1, 2, 'x', 1, 1)",
                      "");
}

static void test_schema_refuses_a_number_twice(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    assert_err(ERR_STORE_CONSTRAINT, store_run(w->store, bind_twice, NULL));
}

static enum err verify(struct store_tx *tx, void *arg)
{
    return vend_verify(tx, NULL, NULL, arg);
}

static void test_verify_finds_tampering(void **state)
{
    static const char *const tampering[] = {
        "UPDATE meter_wallet SET purchased_fen = purchased_fen + 1",
        "UPDATE meter_wallet SET count = 0",
        "UPDATE sale_order SET state = 'PAID'",
        "UPDATE sale_order SET state = 'REFUNDED'",
        "UPDATE vend SET state = 'BOUND'",
        "UPDATE vend SET n = 9",
        "UPDATE balance SET amount_fen = 5 WHERE book = 'transit'",
    };
    (void)state;
    for (size_t i = 0; i < sizeof tampering / sizeof *tampering; i++) {
        struct world *w = malloc(sizeof *w);
        struct vend_check check;
        world_open(w, 1);
        world_know_wallet(w);
        assert_ok(store_read(w->store, verify, &check));
        assert_int_equal(check.confirmed, 1);
        world_exec(w, tampering[i]);
        assert_err(ERR_VEND_CHECK, store_read(w->store, verify, &check));
        assert_true(check.faults > 0);
        world_close(w);
        free(w);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_routine_reading_finds_a_foreign_sale),
        CASE(test_after_a_restore_the_count_is_read_first),
        CASE(test_meter_set_back_stops_sales),
        CASE(test_exchange_drains_first_and_carries_the_credit),
        CASE(test_late_orders_are_told_once),
        CASE(test_list),
        CASE(test_every_move_is_audited),
        CASE(test_schema_refuses_a_number_twice),
        CASE(test_verify_finds_tampering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
