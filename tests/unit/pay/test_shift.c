#include "tests/unit/check.h"

#include <stdlib.h>

#include "ledger/ledger.h"
#include "pay/desk_verify.h"
#include "pay/due.h"
#include "pay/shift.h"
#include "tests/unit/vend/vend_world.h"

#define A WORLD_PLATFORM_ACCOUNT
#define DAY_S 86'400

struct ask {
    struct world *w;
    const char *actor, *id, *note;
    int64_t fen, number;
    struct vend_status status;
    struct shift_sale split;
    struct shift shift;
    struct shift_day day;
    struct shift_policy policy;
};

static struct shift_person by(const struct ask *a)
{
    return (struct shift_person){1, a->actor, a->w->now};
}

#define WORK(name) static enum err name(struct store_tx *tx, void *arg)

WORK(sell)
{
    struct ask *a = arg;
    struct vend_sale s = {.account_id = a->number ? a->number : A,
                          .order_id = a->id,
                          .amount_fen = a->fen,
                          .method = "cash",
                          .actor = a->actor,
                          .now = a->w->now,
                          .random = 7};
    return shift_sell(tx, &s, &a->status, &a->split);
}
WORK(begin)
{
    struct ask *a = arg;
    return shift_open(tx, &(struct shift_person){1, a->actor, a->w->now}, a->fen, &a->shift);
}
WORK(count)
{
    struct ask *a = arg;
    return shift_count(tx, &(struct shift_person){1, a->actor, a->w->now}, a->fen, &a->shift);
}
WORK(close_shift)
{
    struct ask *a = arg;
    struct shift_person p = by(a);
    return shift_close(tx, &p, a->number, a->note, &a->shift);
}
WORK(close_day)
{
    struct ask *a = arg;
    struct shift_person p = by(a);
    return shift_day_close(tx, &p, &(struct shift_closing){(int32_t)a->number, a->fen, a->note},
                           &a->day);
}
WORK(get_day)
{
    struct ask *a = arg;
    return shift_day_get(tx, 1, (int32_t)a->number, a->w->now, &a->day);
}
WORK(set_policy)
{
    struct ask *a = arg;
    struct shift_person p = by(a);
    return shift_policy_set(tx, &p, &a->policy);
}
WORK(bill)
{
    struct ask *a = arg;
    return due_bill(tx, &(struct due_bill){A, a->id, "rent", a->note, a->fen, a->actor, a->w->now});
}
WORK(withdraw)
{
    struct ask *a = arg;
    return due_withdraw(tx, &(struct due_act){A, a->id, 0, a->actor, a->w->now});
}
WORK(pay)
{
    struct ask *a = arg;
    return due_pay(tx, &(struct due_act){A, a->id, a->fen, a->actor, a->w->now});
}
WORK(owed)
{
    struct ask *a = arg;
    return due_owed(tx, A, &a->fen);
}

static enum err run(store_work *work, struct ask *a)
{
    return store_run(a->w->store, work, a);
}

static enum err do_it(struct world *w, store_work *work, struct ask a)
{
    a.w = w;
    if (!a.actor)
        a.actor = "user:1";
    if (!a.note)
        a.note = "";
    return store_run(w->store, work, &a);
}

static int64_t book(struct world *w, enum ledger_book b)
{
    switch (b) {
    case LEDGER_CASH:
        return world_int(w, "SELECT coalesce(sum(amount_fen), 0) FROM balance "
                            "WHERE account_id = 8 AND book = 'cash'");
    case LEDGER_PREPAYMENT:
        return world_int(w, "SELECT coalesce(sum(amount_fen), 0) FROM balance "
                            "WHERE account_id = 8 AND book = 'prepayment'");
    default:
        return world_int(w, "SELECT coalesce(sum(amount_fen), 0) FROM balance "
                            "WHERE account_id = 8 AND book = 'other'");
    }
}

static int32_t today(const struct world *w)
{
    return civil_local_day(w->now, 28'800);
}

/* --- the service fee ----------------------------------------------------------------------- */

static void test_a_fee_is_a_line_of_its_own(void **state)
{
    struct world *w = *state;
    struct ask a = {.w = w, .actor = "user:1", .id = "order-0001", .fen = 10'000};
    assert_ok(do_it(w, set_policy, (struct ask){.policy = {.fee_permyriad = 500}}));
    assert_ok(run(sell, &a));
    assert_int_equal(a.split.paid_fen, 10'000);
    assert_int_equal(a.split.credit_fen, 9'500);
    assert_int_equal(a.split.fee_fen, 500);
    assert_int_equal(book(w, LEDGER_CASH), -10'000);
    assert_int_equal(book(w, LEDGER_PREPAYMENT), 9'500);
    assert_int_equal(book(w, LEDGER_OTHER), 500);
    /* A repeat is the first sale, even under another fee; other money under its name is refused. */
    assert_ok(do_it(w, set_policy, (struct ask){.policy = {.fee_permyriad = 100}}));
    assert_ok(run(sell, &a));
    assert_int_equal(a.split.fee_fen, 500);
    assert_int_equal(book(w, LEDGER_CASH), -10'000);
    a.fen = 9'500;
    assert_err(ERR_VEND_DIFFERENT, run(sell, &a));
    assert_err(ERR_RANGE, do_it(w, set_policy, (struct ask){.policy = {.fee_permyriad = 2'001}}));
    assert_err(ERR_RANGE, do_it(w, set_policy, (struct ask){.policy = {.fee_permyriad = -1}}));
}

static void test_fees_are_rounded_half_up_and_never_take_all(void **state)
{
    struct world *w = *state;
    struct ask a = {.w = w, .actor = "user:1", .id = "order-0002", .fen = 10};
    assert_ok(do_it(w, set_policy, (struct ask){.policy = {.fee_permyriad = 500}}));
    assert_ok(run(sell, &a));
    assert_int_equal(a.split.fee_fen, 1); /* 0.5 fen */
    a.id = "order-0003";
    a.fen = 9;
    assert_ok(run(sell, &a));
    assert_int_equal(a.split.fee_fen, 0);
    a.id = "order-0004";
    a.fen = 0;
    assert_err(ERR_VEND_AMOUNT, run(sell, &a));
    a.number = 9; /* closed */
    a.fen = 100;
    assert_err(ERR_VEND_CLOSED, run(sell, &a));
    a.number = 99;
    assert_err(ERR_VEND_ACCOUNT, run(sell, &a));
}

/* --- shifts -------------------------------------------------------------------------------- */

static void test_a_shift_is_counted_blind_and_closed_by_another(void **state)
{
    struct world *w = *state;
    struct ask a = {.w = w, .actor = "user:1", .fen = 20'000, .note = ""};
    assert_err(ERR_SHIFT_NONE, run(count, &a));
    assert_ok(run(begin, &a));
    int64_t id = a.shift.id;
    assert_err(ERR_SHIFT_OPEN, run(begin, &a));
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0001", .fen = 5'000}));
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0002", .fen = 100, .actor = "user:9"}));
    assert_err(ERR_SHIFT_STATE,
               do_it(w, close_shift, (struct ask){.number = id, .actor = "user:2"}));
    a.fen = 24'990;
    assert_ok(run(count, &a));
    assert_int_equal(a.shift.expected_fen, 25'000);
    assert_int_equal(a.shift.entries, 1);
    assert_err(ERR_SHIFT_NONE, run(count, &a)); /* once */
    assert_err(ERR_SHIFT_PERSON, do_it(w, close_shift, (struct ask){.number = id, .note = "x"}));
    assert_err(ERR_SHIFT_NOTE,
               do_it(w, close_shift, (struct ask){.number = id, .actor = "user:2"}));
    assert_err(ERR_NOT_FOUND,
               do_it(w, close_shift, (struct ask){.number = id + 1, .actor = "user:2"}));
    assert_ok(
        do_it(w, close_shift, (struct ask){.number = id, .actor = "user:2", .note = "ten fen"}));
    assert_err(ERR_SHIFT_STATE,
               do_it(w, close_shift, (struct ask){.number = id, .actor = "user:2", .note = "x"}));
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'shift.differs'"), 1);
    assert_err(ERR_RANGE, do_it(w, begin, (struct ask){.fen = -1}));
    assert_ok(do_it(w, begin, (struct ask){.fen = 0}));
}

static void test_a_project_may_want_a_shift(void **state)
{
    struct world *w = *state;
    assert_ok(do_it(w, set_policy, (struct ask){.policy = {.need_shift = true}}));
    assert_err(ERR_SHIFT_NONE, do_it(w, sell, (struct ask){.id = "order-0001", .fen = 5'000}));
    assert_int_equal(world_int(w, "SELECT count(*) FROM sale_order"), 0);
    assert_ok(do_it(w, begin, (struct ask){.fen = 0}));
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0001", .fen = 5'000}));
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM cash_entry WHERE shift_id = 1"),
                     5'000);
}

/* --- days ---------------------------------------------------------------------------------- */

static void test_a_day_is_closed_when_till_and_ledger_agree(void **state)
{
    struct world *w = *state;
    int32_t day = today(w);
    assert_ok(do_it(w, begin, (struct ask){.fen = 100}));
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0001", .fen = 5'000}));
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0002", .fen = 70, .actor = "user:9"}));
    struct ask a = {.w = w, .actor = "user:5", .note = "", .number = day, .fen = 70};
    assert_err(ERR_DAY_OPEN, run(close_day, &a)); /* not over */
    assert_ok(do_it(w, count, (struct ask){.fen = 5'098}));
    w->now.s += DAY_S;
    assert_err(ERR_DAY_OPEN, run(close_day, &a)); /* a shift is not closed */
    assert_ok(do_it(w, close_shift, (struct ask){.number = 1, .actor = "user:2", .note = "n"}));
    a.fen = 69;
    assert_err(ERR_DAY_OUTSIDE, run(close_day, &a));
    a.fen = 70;
    assert_ok(run(close_day, &a));
    assert_int_equal(a.day.book_in_fen, 5'070);
    assert_int_equal(a.day.till_in_fen, 5'000);
    assert_int_equal(a.day.outside_in_fen, 70);
    assert_int_equal(a.day.difference_fen, -2);
    assert_err(ERR_DAY_CLOSED, run(close_day, &a));
    a.number = day + 1;
    assert_err(ERR_DAY_OPEN, run(close_day, &a));
    a.number = day - 5;
    a.fen = 0;
    assert_ok(run(get_day, &a)); /* an empty day */
    assert_int_equal(a.day.book_in_fen, 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'day.closed'"), 1);
}

/* --- a clock that steps -------------------------------------------------------------------- */

static void name_fault(void *arg, int64_t account_id, const char *what, const char *which)
{
    (void)arg;
    fail_msg("account %lld: %s: %s", (long long)account_id, what, which);
}

WORK(verify)
{
    struct desk_check check;
    (void)arg;
    return desk_verify(tx, name_fault, NULL, &check);
}

static void assert_sound(struct world *w)
{
    assert_ok(store_read(w->store, verify, NULL));
}

/* The day was closed; then the clock was set back into it, and another sale was made. It belongs to
 * the next day that is still open, with the time that the clock showed beside it. */
static void test_a_closed_day_never_changes(void **state)
{
    struct world *w = *state;
    int32_t day = today(w);
    wall_s then = w->now;
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0001", .fen = 5'000}));
    w->now.s += 2 * DAY_S;
    assert_ok(do_it(w, close_day, (struct ask){.number = day, .fen = 5'000, .actor = "user:5"}));
    assert_ok(do_it(w, close_day, (struct ask){.number = day + 1, .actor = "user:5"}));
    w->now.s = then.s + 60;
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0002", .fen = 700}));
    assert_sound(w);
    struct ask a = {.w = w, .actor = "user:5", .number = day + 2};
    assert_ok(run(get_day, &a));
    assert_int_equal(a.day.book_in_fen, 700);
    assert_int_equal(
        world_int(w, "SELECT occurred_at FROM ledger_txn WHERE key = 'order:order-0002/paid'"),
        w->now.s);
}

static void test_a_shift_through_a_clock_that_steps(void **state)
{
    struct world *w = *state;
    assert_ok(do_it(w, begin, (struct ask){.fen = 100}));
    w->now.s -= DAY_S;
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0001", .fen = 5'000}));
    assert_sound(w);
    w->now.s += 2 * DAY_S;
    assert_ok(do_it(w, sell, (struct ask){.id = "order-0002", .fen = 5'000}));
    w->now.s -= DAY_S;
    struct ask a = {.w = w, .actor = "user:1", .fen = 10'100};
    assert_ok(run(count, &a));
    assert_int_equal(a.shift.expected_fen, 10'100);
    assert_sound(w);
}

/* --- other services ------------------------------------------------------------------------ */

static void test_other_services_are_owed_beside_the_prepayment(void **state)
{
    struct world *w = *state;
    struct ask rent = {
        .w = w, .actor = "user:1", .id = "rent-2026-10", .note = "October", .fen = 80'000};
    struct ask a = {.w = w, .actor = "user:1", .note = ""};
    assert_ok(run(bill, &rent));
    assert_ok(run(bill, &rent));
    rent.fen++;
    assert_err(ERR_DUE_DIFFERENT, run(bill, &rent));
    assert_ok(run(owed, &a));
    assert_int_equal(a.fen, 80'000);
    assert_int_equal(book(w, LEDGER_PREPAYMENT), 0);
    assert_err(ERR_DUE_AMOUNT, do_it(w, pay, (struct ask){.id = "receipt-1", .fen = 80'001}));
    assert_err(ERR_DUE_AMOUNT, do_it(w, pay, (struct ask){.id = "receipt-1", .fen = 0}));
    assert_err(ERR_VEND_ORDER_ID, do_it(w, pay, (struct ask){.id = "short", .fen = 1}));
    assert_ok(do_it(w, pay, (struct ask){.id = "receipt-1", .fen = 30'000}));
    assert_ok(do_it(w, pay, (struct ask){.id = "receipt-1", .fen = 30'000}));
    assert_err(ERR_LEDGER_KEY, do_it(w, pay, (struct ask){.id = "receipt-1", .fen = 30'001}));
    assert_ok(run(owed, &a));
    assert_int_equal(a.fen, 50'000);
    assert_int_equal(world_int(w, "SELECT count(*) FROM cash_entry WHERE kind = 'other'"), 1);
    assert_err(ERR_NOT_FOUND, do_it(w, withdraw, (struct ask){.id = "rent-2026-11"}));
    assert_ok(do_it(w, withdraw, (struct ask){.id = "rent-2026-10"}));
    assert_ok(do_it(w, withdraw, (struct ask){.id = "rent-2026-10"}));
    assert_ok(run(owed, &a));
    assert_int_equal(a.fen, 0); /* paid ahead, not owed */
    assert_err(ERR_RANGE, do_it(w, bill, (struct ask){.id = "rent-2026-12", .note = "", .fen = 1}));
    assert_err(ERR_RANGE,
               do_it(w, bill, (struct ask){.id = "rent-2026-12", .note = "D", .fen = 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_fee_is_a_line_of_its_own, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_fees_are_rounded_half_up_and_never_take_all,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_shift_is_counted_blind_and_closed_by_another,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_a_closed_day_never_changes, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_a_shift_through_a_clock_that_steps, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_a_project_may_want_a_shift, world_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(test_a_day_is_closed_when_till_and_ledger_agree,
                                        world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_other_services_are_owed_beside_the_prepayment,
                                        world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
