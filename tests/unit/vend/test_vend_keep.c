/* What an account with its wallet in the meter owes, and what it is owed. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "tests/unit/vend/vend_world.h"

#define A "order-aaaa"
#define B "order-bbbb"

static enum err sell_as(struct world *w, const char *method, const char *order, int64_t fen,
                        struct vend_status *out)
{
    return world_sell_as(w,
                         &(struct vend_sale){.account_id = WORLD_ACCOUNT,
                                             .order_id = order,
                                             .amount_fen = fen,
                                             .method = method,
                                             .actor = "user:1"},
                         out);
}

/* Half of each sale, until nothing is owed. */
static void test_a_part_of_what_is_paid_is_kept(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_know_wallet(w);
    world_true_up(w, 1, 500);
    assert_ok(world_sell(w, A, 801, &s));
    assert_int_equal(s.amount_fen, 801);
    assert_int_equal(s.kept_fen, 400);
    assert_ok(world_sell(w, A, 801, &s)); /* again: the same answer */
    assert_int_equal(s.kept_fen, 400);
    world_settle(w);
    assert_int_equal(world_state(w, A), VEND_CONFIRMED);
    assert_int_equal(w->meter.purchased_fen, 100 + 401);
    assert_int_equal(world_book(w, "prepayment"), -100);
    assert_ok(world_sell(w, B, 800, &s));
    assert_int_equal(s.kept_fen, 100);
    world_settle(w);
    assert_int_equal(w->meter.purchased_fen, 100 + 401 + 700);
    assert_int_equal(world_book(w, "prepayment"), 0);
    assert_ok(world_sell(w, "order-cccc", 800, &s));
    assert_int_equal(s.kept_fen, 0);
    world_settle(w);
    world_verify(w);
}

/* Both cashiers sell before the first sale has a number. */
static void test_two_sales_keep_it_once(void **state)
{
    struct world *w = *state;
    struct vend_status a, b;
    world_true_up(w, 1, 500);
    assert_ok(world_sell(w, A, 800, &a));
    assert_ok(world_sell(w, B, 800, &b));
    assert_int_equal(a.kept_fen, 400);
    assert_int_equal(b.kept_fen, 100);
    world_settle(w);
    assert_int_equal(w->meter.purchased_fen, 400 + 700);
    assert_int_equal(world_book(w, "prepayment"), 0);
    world_verify(w);
}

static void test_free_credit_is_kept_as_a_whole(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_know_wallet(w);
    world_true_up(w, 1, 500);
    assert_ok(sell_as(w, "subsidy", A, 300, &s));
    assert_int_equal(s.state, VEND_BOOKED);
    assert_int_equal(s.kept_fen, 300);
    assert_ok(sell_as(w, "subsidy", B, 300, &s));
    assert_int_equal(s.kept_fen, 200);
    world_settle(w);
    assert_int_equal(w->meter.purchased_fen, 100 + 100);
    assert_int_equal(world_book(w, "prepayment"), 0);
    world_verify(w);
}

static void test_what_is_taken_over_is_not_kept(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_know_wallet(w);
    world_true_up(w, 1, 500);
    assert_ok(sell_as(w, "import", A, 300, &s));
    assert_int_equal(s.kept_fen, 0);
    assert_err(ERR_VEND_FUNDS, sell_as(w, "transfer", B, 1, &s));
    world_settle(w);
    assert_int_equal(w->meter.purchased_fen, 400);
    world_verify(w);
}

static void test_the_project_says_how_much(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_know_wallet(w);
    world_true_up(w, 1, 500);
    world_exec(w, "INSERT INTO billing_rule (project_id, grace_days, kept_percent) "
                  "VALUES (1, 7, 0)");
    assert_ok(world_sell(w, A, 800, &s));
    assert_int_equal(s.kept_fen, 0);
    world_settle(w);
    world_exec(w, "UPDATE billing_rule SET kept_percent = 100");
    assert_ok(world_sell(w, B, 200, &s));
    assert_int_equal(s.state, VEND_BOOKED);
    assert_ok(world_sell(w, "order-cccc", 800, &s));
    assert_int_equal(s.kept_fen, 300);
    world_settle(w);
    assert_int_equal(w->meter.purchased_fen, 100 + 800 + 500);
    world_verify(w);
}

/* What was kept stays kept: only what had gone to the meter comes back. */
static void test_a_sale_taken_back(void **state)
{
    struct world *w = *state;
    struct vend_status s;
    world_know_wallet(w);
    world_true_up(w, 1, 500);
    w->faults.frame_lost = 1000;
    assert_ok(world_sell(w, A, 800, &s));
    assert_ok(world_cancel(w, A, &s));
    world_settle(w);
    w->faults.frame_lost = 0;
    assert_int_equal(world_state(w, A), VEND_REFUNDED);
    assert_int_equal(world_book(w, "prepayment"), 300);
    world_verify(w);
}

static void test_a_true_up_in_favour_is_sold_once(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    world_true_up(w, 4, -250);
    assert_err(ERR_VEND_ORDER_ID, world_sell(w, "trueup-4-7", 250, NULL));
    assert_ok(world_tick(w));
    world_settle(w);
    assert_ok(world_tick(w));
    assert_int_equal(world_state(w, "trueup-4-7"), VEND_CONFIRMED);
    assert_int_equal(w->meter.purchased_fen, 100 + 250);
    assert_int_equal(world_book(w, "prepayment"), 0);
    assert_int_equal(world_int(w, "SELECT sold_fen FROM true_up_sale"), 250);
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), 2);
    world_verify(w);
}

static void test_it_pays_what_is_owed_first(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    world_true_up(w, 1, 100);
    world_true_up(w, 4, -250);
    world_true_up(w, 5, -30);
    assert_ok(world_tick(w));
    world_settle(w);
    assert_int_equal(w->meter.purchased_fen, 100 + 180);
    assert_int_equal(world_book(w, "prepayment"), 0);
    world_verify(w);
}

/* The money stays on the platform, for a person. */
static void test_without_a_meter_it_stays(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    world_true_up(w, 4, -250);
    world_exec(w, "UPDATE meter SET account_id = NULL");
    assert_ok(world_tick(w));
    assert_int_equal(world_book(w, "prepayment"), 250);
    assert_int_equal(world_int(w, "SELECT sold_fen FROM true_up_sale"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), 1);
    world_verify(w);
}

/* Refused in the middle of the sale, where the money moves: no half of it stays. */
static void test_what_is_refused_in_the_middle_leaves_nothing(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    world_true_up(w, 4, -250);
    world_exec(w, "UPDATE project SET zone = 'Nowhere/Nothing'");
    assert_ok(world_tick(w));
    assert_int_equal(world_book(w, "prepayment"), 250);
    assert_int_equal(world_int(w, "SELECT sold_fen FROM true_up_sale"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM vend"), 1);
    world_verify(w);
}

static enum err exchange(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t epoch;
    return vend_exchange(tx,
                         &(struct vend_exchange){.meter_id = WORLD_METER,
                                                 .actor = "user:1",
                                                 .now = w->now,
                                                 .random = rand_u64(&w->random)},
                         &epoch);
}

/* What is owed is paid with what the old meter held. */
static void test_an_exchange_pays_what_is_owed(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    world_true_up(w, 1, 70);
    assert_ok(store_run(w->store, exchange, w));
    assert_int_equal(world_int(w, "SELECT amount_fen FROM sale_order "
                                  "WHERE order_id = 'exchange-11-2'"),
                     30);
    assert_int_equal(world_book(w, "prepayment"), 30);
    world_verify(w);
}

static void test_an_exchange_with_more_owed_sells_nothing(void **state)
{
    struct world *w = *state;
    world_know_wallet(w);
    world_true_up(w, 1, 170);
    assert_ok(store_run(w->store, exchange, w));
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), 1);
    assert_int_equal(world_book(w, "prepayment"), -70);
    world_verify(w);
}

static void test_verify_finds_tampering(void **state)
{
    static const char *const tampering[] = {
        "UPDATE sale_order SET kept_fen = 1 WHERE order_id = 'order-aaaa'",
        "UPDATE sale_order SET kept_fen = amount_fen WHERE order_id = 'order-first'",
        "UPDATE true_up_sale SET sold_fen = 9",
        "UPDATE true_up_sale SET amount_fen = 9",
    };
    (void)state;
    for (size_t i = 0; i < sizeof tampering / sizeof *tampering; i++) {
        struct world *w = malloc(sizeof *w);
        struct vend_status s;
        world_open(w, 1);
        world_know_wallet(w);
        world_true_up(w, 4, -250);
        world_true_up(w, 1, 500);
        assert_ok(world_tick(w));
        assert_ok(world_sell(w, A, 100, &s));
        world_settle(w);
        world_verify(w);
        world_exec(w, tampering[i]);
        assert_true(world_faults(w) > 0);
        world_close(w);
        free(w);
    }
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_part_of_what_is_paid_is_kept),
        CASE(test_two_sales_keep_it_once),
        CASE(test_free_credit_is_kept_as_a_whole),
        CASE(test_what_is_taken_over_is_not_kept),
        CASE(test_the_project_says_how_much),
        CASE(test_a_sale_taken_back),
        CASE(test_a_true_up_in_favour_is_sold_once),
        CASE(test_it_pays_what_is_owed_first),
        CASE(test_without_a_meter_it_stays),
        CASE(test_what_is_refused_in_the_middle_leaves_nothing),
        CASE(test_an_exchange_pays_what_is_owed),
        CASE(test_an_exchange_with_more_owed_sells_nothing),
        cmocka_unit_test(test_verify_finds_tampering),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
