/* A price that begins in the past: settled periods are rated again, and the difference is booked.
 */
#include "tests/unit/billing/town.h"

#include <stdio.h>

#include "pay/run.h"

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
    assert_in_range(o.mean_day_fen, 845, 855); /* days left are counted at the price that holds */
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

/* What cannot be written of one account is left out and told, and the others are rated again. */
static void one_odd_account_is_left_out(void **state)
{
    struct town *t = *state;
    town_exec(t, "UPDATE account SET plan_code = 'flat' WHERE id = 9");
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_run(t, 3, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    town_exec(t, "CREATE TRIGGER refuse BEFORE INSERT ON true_up WHEN NEW.account_id = 7 "
                 "BEGIN SELECT raise(ABORT, 'refused'); END");
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(true_ups(t), 240);
    assert_int_equal(sum_of(t, "SELECT left_out FROM rerate WHERE done_at IS NOT NULL"), 1);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM rerate_left WHERE account_id = 7 "
                               "AND reason = 'STORE_CONSTRAINT'"),
                     1);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM event WHERE kind = 'work.failed' "
                               "AND account_id = 7"),
                     1);
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

/* --- terms and ratios of the past ----------------------------------------------------------------
 */

struct entry {
    struct town *t;
    int64_t account, meter, ratio, now;
    struct site_terms terms;
    wall_s from;
};

static enum err put_entry(struct store_tx *tx, void *arg)
{
    struct entry *e = arg;
    const struct billing *b = &e->t->clerk.billing;
    if (e->ratio == 0)
        return billing_terms_put(tx, b, e->account, &e->terms, &(struct billing_by){"user:1", "r"},
                                 (wall_s){e->now});
    struct billing_ratio r = {e->meter, e->from, e->ratio, "r", "user:1"};
    return billing_ratio_put(tx, b, &r, (wall_s){e->now});
}

static enum err put_ratio(struct town *t, int64_t meter, int64_t from, int64_t ratio, int64_t now)
{
    struct entry e = {.t = t, .meter = meter, .ratio = ratio, .now = now, .from = {from}};
    return store_run(t->ledger, put_entry, &e);
}

static enum err put_terms(struct town *t, int64_t account, struct site_terms terms, int64_t now)
{
    struct entry e = {.t = t, .account = account, .terms = terms, .now = now};
    return store_run(t->ledger, put_entry, &e);
}

#define YEAR_LADDER                                                                                \
    "{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":["                                          \
    "{\"to\":\"100\",\"price\":\"0.5\"},{\"price\":\"1\"}]}"

static void on_ladder(struct town *t)
{
    town_plan(t, "steps", 1, 1, YEAR_LADDER);
    town_exec(t, "UPDATE account SET plan_code = 'steps' WHERE id = 7");
}

/* Transformers entered two days late come to the same as entered in time, along a ladder's cycle,
 * also for what is settled afterwards. */
static void a_late_ratio_is_as_if_in_time(void **state)
{
    struct town *late = *state, *prompt;
    void *other;
    assert_int_equal(town_open(&other), 0);
    prompt = other;
    struct town *both[] = {late, prompt};
    const char *owed = "SELECT sum(amount_fen) FROM balance WHERE book = 'revenue'";
    const char *used = "SELECT used_wh FROM charge_position WHERE meter_id = 1";
    for (int i = 0; i < 2; i++) {
        struct town *t = both[i];
        on_ladder(t);
        if (t == prompt)
            assert_ok(put_ratio(t, 1, T0 + DAY / 2, 5, T0 - 60));
        town_run(t, 1, T0, T0 + 3 * DAY + 1, 1000);
        town_tick(t, T0 + 3 * DAY);
        if (t == late) {
            assert_int_equal(sum_of(t, owed), 3600);
            assert_ok(put_ratio(t, 1, T0 + DAY / 2, 5, T0 + 3 * DAY + 60));
        }
        /* 12 + 60 x 5 kWh, 100 of them at 0.50 */
        assert_int_equal(sum_of(t, used), 312'000);
        assert_int_equal(sum_of(t, owed), 5'000 + 21'200);
        town_run(t, 1, T0 + 3 * DAY + 60, T0 + 4 * DAY + 1, 1000);
        town_tick(t, T0 + 4 * DAY);
        assert_books(t);
    }
    assert_int_equal(sum_of(late, used), sum_of(prompt, used));
    assert_int_equal(sum_of(late, owed), sum_of(prompt, owed));
    assert_true(sum_of(late, owed) > 26'200);
    assert_int_equal(sum_of(late, "SELECT count(*) FROM true_up"), 1);
    assert_int_equal(sum_of(late, "SELECT bill ->> 'cause' = 'ratio' FROM true_up"), 1);
    assert_int_equal(sum_of(late, "SELECT sum(l.value ->> 'new_energy_wh') FROM true_up u, "
                                  "json_each(u.bill, '$.lines') l"),
                     312'000);
    assert_int_equal(sum_of(late, "SELECT ratio FROM charge_open WHERE meter_id = 1"), 5);
    town_close(&other);
}

/* Too high, corrected: what is given back stays in the balance; getting it out has its own rules.
 */
static void a_ratio_in_favour(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 60, 1000);
    assert_ok(put_ratio(t, 1, T0 + 60, 10, T0 + 60));
    town_run(t, 1, T0 + 60, T0 + 2 * DAY + 1, 1000);
    town_tick(t, T0 + 2 * DAY);
    int64_t before = town_book(t, 7, LEDGER_PREPAYMENT);
    assert_ok(put_ratio(t, 1, T0 + DAY, 1, T0 + 2 * DAY + 60));
    assert_int_equal(true_ups(t), -9 * 1200);
    assert_int_equal(town_book(t, 7, LEDGER_PREPAYMENT), before + 9 * 1200);
    assert_int_equal(sum_of(t, "SELECT grace_until FROM true_up"), 0);
    /* A price that changes afterwards stands on the corrected ratio. */
    town_plan(t, "flat", 2, T0 + DAY, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_tick(t, T0 + 2 * DAY + 120);
    assert_int_equal(true_ups(t), -9 * 1200 + 1200);
    assert_books(t);
}

static enum err share_by_usage(struct store_tx *tx, void *arg)
{
    struct run_meter main = {.meter_id = 1, .to_wh = 1'000'000, .ratio = 1};
    struct run_common c = {.ask = {.project_id = 1,
                                   .code = "lift",
                                   .period = "2026-02",
                                   .title = "Lift",
                                   .actor = "user:1",
                                   .now = {T0 + 2 * DAY + 120},
                                   .members = {"", "a7\na9\n"}},
                           .meters = &main,
                           .meter_count = 1,
                           .from = {T0},
                           .to = {T0 + 2 * DAY},
                           .price_e8 = 50'000'000,
                           .method = RUN_USAGE};
    return run_ask_share(tx, &c, arg);
}

/* Common usage is shared by what was used as it is known now, not as it was billed before the
 * transformers were known; also of the day within which they begin. */
static void sharing_by_usage_counts_corrected_energy(void **state)
{
    struct town *t = *state;
    int64_t run;
    town_run(t, 1, T0, T0 + 2 * DAY + 1, 1000);
    town_run(t, 3, T0, T0 + 2 * DAY + 1, 1000);
    town_tick(t, T0 + 2 * DAY);
    assert_ok(put_ratio(t, 1, T0 + DAY / 2, 5, T0 + 2 * DAY + 60));
    assert_ok(store_run(t->ledger, share_by_usage, &run));
    assert_int_equal(sum_of(t, "SELECT weight FROM money_run_line WHERE account_id = 9"), 48'000);
    assert_int_equal(sum_of(t, "SELECT weight FROM money_run_line WHERE account_id = 7"),
                     12'000 + 5 * 36'000);
    assert_int_equal(sum_of(t, "SELECT amount_fen FROM money_run_line WHERE account_id = 7"),
                     40'000); /* of 500.00 */
    /* A price after it moves no energy, and says nothing of ratios. */
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_tick(t, T0 + 2 * DAY + 180);
    assert_int_equal(sum_of(t, "SELECT sum(energy_wh) FROM settlement_basis WHERE meter_id = 1"),
                     192'000);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM true_up u, json_each(u.bill, '$.lines') l "
                               "WHERE u.bill ->> 'cause' = 'plan' AND l.value ->> 'old_ratio'"),
                     0);
    assert_int_equal(sum_of(t, "SELECT sum(l.value ->> 'energy_wh') FROM true_up u, "
                               "json_each(u.bill, '$.lines') l WHERE u.bill ->> 'cause' = 'plan'"),
                     192'000);
    assert_books(t);
}

/* A household of five has 100 kWh more in the first step; the terms come ten days late. */
static void late_terms_are_as_if_in_time(void **state)
{
    struct town *t = *state;
    town_plan(t, "own", 1, 1,
              "{\"kind\":\"ladder\",\"cycle\":\"year\",\"household\":{\"from_persons\":5,\"extra\":"
              "\"100\"},"
              "\"steps\":[{\"to\":\"100\",\"price\":\"0.5\"},{\"price\":\"1\"}]}");
    town_exec(t, "UPDATE account SET plan_code = 'own' WHERE id = 7");
    town_run(t, 1, T0, T0 + 10 * DAY + 1, 1000);
    town_tick(t, T0 + 10 * DAY);
    assert_int_equal(sum_of(t, "SELECT sum(amount_fen) FROM settlement"), 5'000 + 14'000);
    struct site_terms five = {.from = {T0 + 60}, .persons = 5};
    assert_ok(put_terms(t, 7, five, T0 + 10 * DAY + 60));
    assert_int_equal(true_ups(t), -5'000);
    assert_int_equal(sum_of(t, "SELECT bill ->> 'cause' = 'terms' FROM true_up"), 1);
    assert_books(t);
}

static void what_is_out_of_reach_is_refused_by_name(void **state)
{
    struct town *t = *state;
    struct site_terms terms = {.from = {T0 + 60}, .persons = 3}, group = terms;
    snprintf(group.ladder_group, sizeof group.ladder_group, "house");
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_err(ERR_BILLING_PAST_GROUP, put_terms(t, 7, group, T0 + DAY + 60));
    town_exec(t, "UPDATE account SET wallet = 'meter' WHERE id = 7");
    assert_err(ERR_BILLING_PAST_WALLET, put_terms(t, 7, terms, T0 + DAY + 60));
    assert_err(ERR_BILLING_PAST_WALLET, put_ratio(t, 1, T0 + 60, 5, T0 + DAY + 60));
    town_exec(t, "UPDATE account SET wallet = 'platform', closed_at = 5 WHERE id = 7");
    assert_err(ERR_BILLING_PAST_CLOSED, put_ratio(t, 1, T0 + 60, 5, T0 + DAY + 60));
    town_exec(t, "UPDATE account SET closed_at = NULL WHERE id = 7");
    town_exec(t, "DELETE FROM settlement_basis");
    assert_err(ERR_BILLING_BASIS, put_ratio(t, 1, T0 + 60, 5, T0 + DAY + 60));
    assert_int_equal(sum_of(t, "SELECT count(*) FROM meter_ratio"), 0); /* nothing stays of it */
    assert_int_equal(sum_of(t, "SELECT count(*) FROM account_term"), 0);
    assert_int_equal(sum_of(t, "SELECT count(*) FROM rerate"), 0);
    assert_int_equal(true_ups(t), 0);
}

static void a_ratio_in_a_shared_ladder_is_refused(void **state)
{
    struct town *t = *state;
    town_plan(t, "own", 1, 1,
              "{\"kind\":\"ladder\",\"cycle\":\"year\",\"count\":\"group\",\"steps\":["
              "{\"to\":\"100\",\"price\":\"0.5\"},{\"price\":\"1\"}]}");
    town_exec(t, "UPDATE account SET plan_code = 'own' WHERE id = 7");
    assert_ok(put_terms(t, 7, (struct site_terms){.ladder_group = "house"}, T0));
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_err(ERR_BILLING_PAST_GROUP, put_ratio(t, 1, T0 + 60, 5, T0 + DAY + 60));
    assert_int_equal(true_ups(t), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_price_that_was_fixed_later),
        TEST(again_changes_nothing),
        TEST(one_odd_account_is_left_out),
        TEST(parts_a_settled_day),
        TEST(a_ladder_is_counted_along_its_cycle),
        TEST(the_open_period_follows),
        TEST(closed_accounts_are_left_alone),
        TEST(older_settlements_say_so),
        TEST(what_cannot_be_rated_is_left_out),
        TEST(two_at_once),
        TEST(a_late_ratio_is_as_if_in_time),
        TEST(a_ratio_in_favour),
        TEST(sharing_by_usage_counts_corrected_energy),
        TEST(late_terms_are_as_if_in_time),
        TEST(what_is_out_of_reach_is_refused_by_name),
        TEST(a_ratio_in_a_shared_ladder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
