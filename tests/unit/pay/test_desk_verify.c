/* Every rule of the check finds the fault that it is for, and nothing in sound books. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "ledger/ledger.h"
#include "pay/desk_verify.h"
#include "pay/due.h"
#include "pay/late.h"
#include "pay/run.h"
#include "pay/shift.h"
#include "tests/unit/vend/vend_world.h"

#define A WORLD_PLATFORM_ACCOUNT
#define DAY_S 86'400

static enum err sell(struct store_tx *tx, struct world *w, const char *order)
{
    struct vend_status status;
    return shift_sell(tx,
                      &(struct vend_sale){.account_id = A,
                                          .order_id = order,
                                          .amount_fen = 10'000,
                                          .method = "cash",
                                          .actor = "user:1",
                                          .now = w->now,
                                          .random = 3},
                      &status, NULL);
}

static enum err first_day(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct shift_person cashier = {1, "user:1", w->now}, other = {1, "user:2", w->now};
    struct shift shift;
    TRY(shift_policy_set(tx, &other, &(struct shift_policy){true, 500, false}));
    TRY(shift_open(tx, &cashier, 700, &shift));
    TRY(sell(tx, w, "order-0001"));
    TRY(due_bill(tx, &(struct due_bill){A, "rent-0001", "rent", "R", 3'000, "user:2", w->now}));
    TRY(due_bill(tx, &(struct due_bill){A, "rent-0002", "rent", "R", 50, "user:2", w->now}));
    TRY(due_withdraw(tx, &(struct due_act){A, "rent-0002", 0, "user:2", w->now}));
    TRY(due_pay(tx, &(struct due_act){A, "receipt-1", 1'000, "user:1", w->now}));
    TRY(shift_count(tx, &cashier, 11'700, &shift));
    TRY(shift_close(tx, &other, shift.id, "", &shift));
    TRY(ledger_post(tx,
                    &(struct ledger_entry){
                        .account_id = A,
                        .key = "charge",
                        .kind = "settlement",
                        .now = w->now,
                        .business_day = civil_local_day(w->now, 28'800),
                        .actor = "system",
                        .postings = {{LEDGER_PREPAYMENT, -90'000}, {LEDGER_REVENUE, 90'000}}},
                    NULL));
    return late_term_set(
        tx, &(struct late_set){A, &(struct late_term){1'000, 1'000, 0, 100, 1'000, "7"}, "user:2",
                               w->now});
}

static enum err later(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct shift_person finance = {1, "user:5", w->now};
    struct shift_day day;
    int64_t worked, run;
    struct run_subsidy s = {
        .ask = {1, "bed", "2026-01", "Beds", "user:5", w->now, {"", "a8,1\na7,1"}},
        .each_fen = 100,
        .expires_at = {w->now.s + DAY_S}};
    TRY(shift_day_close(tx, &finance,
                        &(struct shift_closing){civil_local_day(w->now, 28'800) - 1, 0, ""}, &day));
    TRY(late_tick(tx, w->now, 10, &worked));
    TRY(run_ask_subsidy(tx, &s, &run));
    TRY(run_approve(tx, &(struct run_verdict){1, run, "user:6", "", w->now}));
    TRY(run_tick(tx, &(struct run_turn){w->now, 10, 3}, &worked));
    s.ask.period = "2026-02";
    s.ask.members.list = "a8,1";
    TRY(run_ask_subsidy(tx, &s, &run));
    TRY(run_approve(tx, &(struct run_verdict){1, run, "user:6", "", w->now}));
    TRY(run_tick(tx, &(struct run_turn){w->now, 10, 3}, &worked));
    TRY(run_reverse(tx, &(struct run_verdict){1, run, "user:7", "wrong", w->now}));
    return run_tick(tx, &(struct run_turn){w->now, 10, 3}, &worked);
}

static int open_world(void **state)
{
    world_setup(state);
    struct world *w = *state;
    assert_ok(store_run(w->store, first_day, w));
    w->now.s += DAY_S;
    assert_ok(store_run(w->store, later, w));
    return 0;
}

static const char *told;
static void tell(void *arg, int64_t account_id, const char *what, const char *which)
{
    (void)arg;
    (void)account_id;
    (void)which;
    told = what;
}

static enum err verify(struct store_tx *tx, void *arg)
{
    return desk_verify(tx, tell, NULL, arg);
}

static void test_sound_books(void **state)
{
    struct world *w = *state;
    struct desk_check check;
    enum err e = store_read(w->store, verify, &check);
    if (e != ERR_OK)
        print_message("%s\n", told);
    assert_ok(e);
    assert_int_equal(check.shifts, 1);
    assert_int_equal(check.entries, 3); /* sale, fee, other service */
    assert_int_equal(check.days, 1);
    assert_int_equal(check.runs, 2);
    assert_int_equal(check.grants, 3);
    assert_int_equal(check.late_fees, 1);
}

static const struct {
    const char *what, *sql, *undo;
} faults[] = {
    {"the cash book does not have this posting", "UPDATE cash_book SET amount_fen = amount_fen + 1",
     "UPDATE cash_book SET amount_fen = amount_fen - 1"},
    {"the cash book has what was never posted", "INSERT INTO cash_book VALUES (1, 8, 1, 7, 5)",
     "DELETE FROM cash_book WHERE line = 7"},
    {"a till says another amount than the ledger",
     "UPDATE cash_entry SET amount_fen = amount_fen + 1 WHERE kind = 'other'",
     "UPDATE cash_entry SET amount_fen = amount_fen - 1 WHERE kind = 'other'"},
    {"a till has an entry of another project or from outside its shift",
     "UPDATE cash_shift SET counted_at = counted_at - 1",
     "UPDATE cash_shift SET counted_at = counted_at + 1"},
    {"what a shift should have had is not its float and its entries",
     "UPDATE cash_shift SET float_fen = float_fen + 1",
     "UPDATE cash_shift SET float_fen = float_fen - 1"},
    {"a sale's fee is not what was posted for it",
     "UPDATE cash_sale SET fee_fen = 499, paid_fen = 9999",
     "UPDATE cash_sale SET fee_fen = 500, paid_fen = 10000"},
    {"a closed day is not what the ledger says of it",
     "UPDATE day_closing SET book_in_fen = book_in_fen + 1, till_in_fen = till_in_fen + 1",
     "UPDATE day_closing SET book_in_fen = book_in_fen - 1, till_in_fen = till_in_fen - 1"},
    {"a bill for another service is not what was posted for it",
     "UPDATE other_bill SET amount_fen = amount_fen + 1",
     "UPDATE other_bill SET amount_fen = amount_fen - 1"},
    {"a bill for another service is not what was posted for it",
     "UPDATE other_bill SET withdrawn_at = NULL WHERE bill_id = 'rent-0002'",
     "UPDATE other_bill SET withdrawn_at = 5 WHERE bill_id = 'rent-0002'"},
    {"the numbers of a run are not those of its lines",
     "UPDATE money_run SET total_fen = total_fen + 1",
     "UPDATE money_run SET total_fen = total_fen - 1"},
    {"a run's line is not behind its cursor, or is and was neither posted nor passed over",
     "UPDATE money_run SET state = 'running', cursor = 7 WHERE id = 1",
     "UPDATE money_run SET state = 'done', cursor = 8 WHERE id = 1"},
    {"a run's line is not what was posted for it",
     "UPDATE money_run_line SET posted = 0 WHERE run_id = 2",
     "UPDATE money_run_line SET posted = 1 WHERE run_id = 2"},
    {"what a run took back is not what was posted for it",
     "UPDATE money_run_line SET taken_back_fen = 99 WHERE run_id = 2",
     "UPDATE money_run_line SET taken_back_fen = 100 WHERE run_id = 2"},
    {"money of a run that has no such line",
     "UPDATE money_run_line SET posted = 0 WHERE run_id = 1 AND account_id = 8",
     "UPDATE money_run_line SET posted = 1 WHERE run_id = 1 AND account_id = 8"},
    {"free credit is not what its run gave, or what went back is not what was taken back",
     "UPDATE free_grant SET amount_fen = amount_fen + 1",
     "UPDATE free_grant SET amount_fen = amount_fen - 1"},
    {"late fees of the running arrears are not what was posted for them",
     "UPDATE late_term SET posted_fen = posted_fen + 1",
     "UPDATE late_term SET posted_fen = posted_fen - 1"},
    {"the lines of a late fee are not what was posted for it",
     "UPDATE late_line SET amount_fen = amount_fen + 1",
     "UPDATE late_line SET amount_fen = amount_fen - 1"},
    {"a line of a late fee does not come to what it says", "UPDATE late_line SET ppm = ppm + 1",
     "UPDATE late_line SET ppm = ppm - 1"},
    {"the lines of the running arrears are not what was counted",
     "UPDATE late_term SET days = days + 1", "UPDATE late_term SET days = days - 1"},
};

static void collect(void *arg, int64_t account_id, const char *what, const char *which)
{
    (void)account_id;
    (void)which;
    const char **wanted = arg;
    if (*wanted && strcmp(*wanted, what) == 0)
        *wanted = NULL; /* found */
}

struct search {
    const char *wanted;
    struct desk_check check;
};

static enum err search(struct store_tx *tx, void *arg)
{
    struct search *s = arg;
    return desk_verify(tx, collect, &s->wanted, &s->check);
}

static void test_each_fault_is_found(void **state)
{
    struct world *w = *state;
    world_exec(w, "DROP TRIGGER cash_entry_no_update");
    world_exec(w, "DROP TRIGGER day_closing_no_update");
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct search s = {.wanted = faults[i].what};
        world_exec(w, faults[i].sql);
        assert_err(ERR_RUN_CHECK, store_read(w->store, search, &s));
        if (s.wanted)
            print_message("not found: %s\n", s.wanted);
        assert_null(s.wanted);
        world_exec(w, faults[i].undo);
        assert_ok(store_read(w->store, search, &s));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sound_books, open_world, world_teardown),
        cmocka_unit_test_setup_teardown(test_each_fault_is_found, open_world, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
