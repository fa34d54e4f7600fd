/* A price that begins in the past: settled periods are rated again, and the difference is booked.
 */
#include "tests/unit/billing/town.h"

static int64_t sum_of(struct town *t, const char *sql)
{
    return town_int(t, sql);
}

static int64_t true_ups(struct town *t)
{
    return town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM true_up");
}

/* Revenue is what was settled and trued up; the basis says the same sum. */
static void assert_books(struct town *t)
{
    int64_t settled = sum_of(t, "SELECT coalesce(sum(amount_fen), 0) FROM settlement");
    assert_int_equal(sum_of(t, "SELECT coalesce(sum(amount_fen), 0) FROM settlement_basis"),
                     settled + true_ups(t));
    assert_int_equal(sum_of(t, "SELECT coalesce(sum(amount_fen), 0) FROM balance "
                               "WHERE book = 'revenue'"),
                     settled + true_ups(t));
    assert_int_equal(sum_of(t, "SELECT count(*) FROM true_up u WHERE u.amount_fen <> "
                               "(SELECT sum(l.value ->> 'difference_fen') "
                               "FROM json_each(u.bill, '$.lines') l)"),
                     0);
}

/* The small rule M1: paid 500.00, 210.50 billed, 260 kWh at the last known price of 0.80; then 0.85
 * turns out to be the price of the month. */
static void a_price_that_was_fixed_later(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_plan(t, "month", 1, 1, "{\"kind\":\"flat\",\"price\":\"0.8\"}");
    town_exec(t, "UPDATE account SET plan_code = 'month' WHERE id = 7");
    town_pay(t, 7, 50'000 - 21'050, T0);
    town_run(t, 1, T0, T0 + 26 * DAY + 1, 416); /* then 10 kWh a day to the watt-hour: */
    town_wh(t, 1, T0 + 26 * DAY + 60, 260'000);
    town_tick(t, T0 + 26 * DAY + 60);
    town_split(t, 7, T0 + 26 * DAY + 60);
    assert_int_equal(town_book(t, 7, LEDGER_PREPAYMENT), 8150);
    town_plan(t, "month", 2, T0, "{\"kind\":\"flat\",\"price\":\"0.85\"}");
    town_tick(t, T0 + 26 * DAY + 120);
    assert_int_equal(town_book(t, 7, LEDGER_PREPAYMENT), 6850);
    assert_int_equal(true_ups(t), 1300);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM ledger_txn WHERE kind = 'true_up'"), 1);
    assert_int_equal(sum_of(t, "SELECT json_array_length(bill, '$.lines') FROM true_up"), 27);
    assert_int_equal(sum_of(t, "SELECT plan_version FROM charge_open WHERE meter_id = 1"), 2);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM event WHERE kind = 'charge.trued_up'"), 1);
    assert_ok(town_outlook(t, 7, T0 + 26 * DAY + 120, &o));
    assert_int_equal(o.grace_fen, 1300);
    assert_ok(town_outlook(t, 7, T0 + 34 * DAY, &o));
    assert_int_equal(o.grace_fen, 0); /* a week later it counts like any money */
    assert_books(t);
}

/* Once is once: housekeeping, a restart, the same price again. */
static void again_changes_nothing(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 3 * DAY + 1, 1000);
    town_tick(t, T0 + 3 * DAY);
    town_plan(t, "flat", 2, T0 + DAY, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    town_tick(t, T0 + 3 * DAY + 60);
    assert_int_equal(true_ups(t), 2 * 240);
    town_restart(t);
    town_tick(t, T0 + 3 * DAY + 120);
    town_plan(t, "flat", 3, T0 + DAY, "{\"kind\":\"flat\", \"price\":\"0.6\"}");
    town_tick(t, T0 + 3 * DAY + 180);
    assert_int_equal(true_ups(t), 2 * 240);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM rerate WHERE done_at IS NULL"), 0);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM rerate"), 2);
    assert_books(t);
}

/* In favour of the customer, from the middle of a settled day, and back again. */
static void parts_a_settled_day(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_run(t, 1, T0, T0 + 2 * DAY + 1, 1000);
    town_tick(t, T0 + 2 * DAY);
    town_plan(t, "flat", 2, T0 + DAY / 2, "{\"kind\":\"flat\",\"price\":\"0.4\"}");
    town_tick(t, T0 + 2 * DAY + 60);
    assert_int_equal(true_ups(t), -120 - 240); /* 12 and 24 kWh */
    assert_ok(town_outlook(t, 7, T0 + 2 * DAY + 60, &o));
    assert_int_equal(o.grace_fen, 0);
    town_plan(t, "flat", 3, T0 + DAY / 2, "{\"kind\":\"flat\",\"price\":\"0.5\"}");
    town_tick(t, T0 + 2 * DAY + 120);
    assert_int_equal(true_ups(t), 0);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM true_up"), 2);
    assert_books(t);
}

/* The whole of a ladder's cycle is counted again: a lower first step makes every later day dearer,
 * also those of which the energy was in the same step before. */
static void a_ladder_is_counted_along_its_cycle(void **state)
{
    struct town *t = *state;
    town_plan(t, "steps", 1, 1,
              "{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":["
              "{\"to\":\"100\",\"price\":\"0.5\"},{\"price\":\"1\"}]}");
    town_exec(t, "UPDATE account SET plan_code = 'steps' WHERE id = 7");
    town_run(t, 1, T0, T0 + 10 * DAY + 1, 1000);
    town_tick(t, T0 + 10 * DAY);
    assert_int_equal(sum_of(t, "SELECT sum(amount_fen) FROM settlement"), 5000 + 14'000);
    town_plan(t, "steps", 2, T0 + DAY,
              "{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":["
              "{\"to\":\"40\",\"price\":\"0.5\"},{\"price\":\"1\"}]}");
    town_tick(t, T0 + 10 * DAY + 60);
    assert_int_equal(true_ups(t), 3000); /* 60 kWh are in the second step now */
    assert_int_equal(sum_of(t, "SELECT used_wh FROM charge_position WHERE meter_id = 1"), 240'000);
    town_plan(t, "steps", 3, T0 + DAY, "{\"kind\":\"flat\",\"price\":\"0.5\"}");
    town_tick(t, T0 + 10 * DAY + 120);
    assert_int_equal(true_ups(t), 12'000 - 19'000);
    assert_int_equal(sum_of(t, "SELECT used_wh FROM charge_position WHERE meter_id = 1"), 0);
    assert_books(t);
}

/* What is open is rated under the new price as well, from its beginning. */
static void the_open_period_follows(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_run(t, 1, T0, T0 + DAY + 3601, 1000);
    town_tick(t, T0 + DAY + 3600);
    town_plan(t, "flat", 2, T0 + DAY, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_tick(t, T0 + DAY + 3660);
    assert_ok(town_outlook(t, 7, T0 + DAY + 3660, &o));
    assert_int_equal(o.accrued_fen, 100);
    assert_int_equal(true_ups(t), 0);
    assert_books(t);
}

static void assert_left_out(struct town *t, const char *sql)
{
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(true_ups(t), 0);
    assert_int_equal(town_int(t, sql), 1);
    assert_int_equal(sum_of(t, "SELECT left_out FROM rerate"), 1);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM event WHERE kind = 'plan.rerated'"), 1);
    assert_books(t);
}

static void closed_accounts_are_left_alone(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    town_exec(t, "UPDATE account SET closed_at = 1771174800 WHERE id = 7");
    assert_left_out(t, "SELECT count(*) FROM rerate_left WHERE account_id = 7 "
                       "AND reason = 'closed'");
}

static void older_settlements_say_so(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    town_exec(t, "DELETE FROM settlement_basis");
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(true_ups(t), 0);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM rerate_left WHERE account_id = 7 "
                               "AND reason = 'BILLING_BASIS'"),
                     1);
}

/* The new price has none for a rate that was used: nothing of the account is changed. */
static void what_cannot_be_rated_is_left_out(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    town_plan(t, "flat", 2, T0,
              "{\"kind\":\"time_of_use\",\"prices\":{\"valley\":\"1\"},"
              "\"periods\":[{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":\"valley\"}]}");
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(true_ups(t), 0);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM rerate_left WHERE account_id = 7 "
                               "AND reason = 'RATING_RATES'"),
                     1);
    assert_int_equal(sum_of(t, "SELECT amount_fen FROM settlement_basis"), 1200);
}

/* Two prices in the past at once, and money that only the last one decides. */
static void two_at_once(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 2 * DAY + 1, 1000);
    town_tick(t, T0 + 2 * DAY);
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"9\"}");
    town_plan(t, "flat", 3, T0, "{\"kind\":\"flat\",\"price\":\"0.7\"}");
    town_tick(t, T0 + 2 * DAY + 60);
    assert_int_equal(true_ups(t), 960);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM rerate WHERE done_at IS NOT NULL"), 2);
    assert_books(t);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_price_that_was_fixed_later),
        TEST(again_changes_nothing),
        TEST(parts_a_settled_day),
        TEST(a_ladder_is_counted_along_its_cycle),
        TEST(the_open_period_follows),
        TEST(closed_accounts_are_left_alone),
        TEST(older_settlements_say_so),
        TEST(what_cannot_be_rated_is_left_out),
        TEST(two_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
