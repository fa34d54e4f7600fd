/* What the next days cost: foreseen from what was settled, priced at the step where it will fall.
 */
#include "tests/unit/billing/town.h"

#include <stdlib.h>

#include "billing/nday.h"

#define A 7
#define WATTS 200 /* 4.8 kWh a day */

struct ask {
    struct town *t;
    int64_t now;
    int32_t days;
    struct nday *out;
};
static enum err foresee(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    return nday_foresee(tx, a->t->readings, A, (wall_s){a->now}, a->days, a->out);
}

static struct nday seen(struct town *t, int64_t now, int32_t days)
{
    struct nday f;
    struct ask a = {t, now, days, &f};
    assert_ok(store_read(t->ledger, foresee, &a));
    return f;
}

/* `days` of steady use from T0, settled each midnight. */
static int64_t live(struct town *t, int days, int64_t watts)
{
    town_pay(t, A, 1'000'000, T0);
    for (int d = 0; d < days; d++) {
        town_run(t, 1, T0 + d * DAY, T0 + (d + 1) * DAY, watts);
        town_tick(t, T0 + (d + 1) * DAY + 1200);
    }
    int64_t now = T0 + days * DAY + 1800;
    town_run(t, 1, T0 + days * DAY, now, watts);
    return now;
}

static void near(int64_t seen, int64_t expected, int64_t apart)
{
    if (seen < expected - apart || seen > expected + apart)
        fail_msg("%lld instead of about %lld", (long long)seen, (long long)expected);
}

static void test_steady_use(void **state)
{
    struct town *t = *state;
    int64_t now = live(t, 30, WATTS);
    struct nday f = seen(t, now, 14);
    assert_true(f.known);
    for (int n = 1; n <= 14; n++) {
        near(f.cost_fen[n - 1][FORECAST_P50], n * 240, 4 + n); /* 4.8 kWh at 0.5 yuan */
        assert_true(f.cost_fen[n - 1][FORECAST_P99] >= f.cost_fen[n - 1][FORECAST_P50]);
    }
    assert_int_equal(nday_lasts(&f, 1'000, FORECAST_P50), 4);
    assert_int_equal(nday_lasts(&f, -1, FORECAST_P50), 0);
    assert_int_equal(nday_lasts(&f, 1'000'000, FORECAST_P50), 14);
}

/* Nobody there: it costs nothing, but what stands costs all the same (vector 4). */
static void test_an_empty_flat(void **state)
{
    struct town *t = *state;
    town_plan(t, "flat", 2, T0 - 10,
              "{\"kind\":\"flat\",\"price\":\"0.5\",\"fees\":[{\"code\":\"meter\","
              "\"price\":\"0.25\",\"per\":\"day\"}]}");
    int64_t now = live(t, 20, 0);
    struct nday f = seen(t, now, 5);
    assert_true(f.known && f.reason.empty);
    for (int n = 1; n <= 5; n++)
        assert_int_equal(f.cost_fen[n - 1][FORECAST_P50], n * 25);
}

static enum err rent_flat(struct store_tx *tx, void *arg)
{
    const struct ask *a = arg;
    const struct site_terms terms = {.area_milli_m2 = 90'000};
    return billing_terms_put(tx, &a->t->clerk.billing, A, &terms,
                             &(struct billing_by){"user:1", "contract"}, (wall_s){T0});
}

/* 90 m2 at 36.50 yuan a year are 9 yuan a day, with one meter as with two. */
static void test_the_area_of_two_meters(void **state)
{
    struct town *t = *state;
    town_exec(t, "UPDATE meter SET account_id = 7 WHERE id = 3");
    assert_ok(store_run(t->ledger, rent_flat, &(struct ask){.t = t}));
    town_plan(t, "flat", 2, T0 - 10,
              "{\"kind\":\"flat\",\"price\":\"0.5\",\"fees\":[{\"code\":\"rent\","
              "\"price\":\"36.5\",\"per\":\"area\",\"cycle\":\"year\"}]}");
    for (int64_t at = T0; at <= T0 + 20 * DAY; at += 600)
        town_wh(t, 3, at, 0);
    int64_t now = live(t, 20, 0);
    town_wh(t, 3, now, 0);
    struct nday f = seen(t, now, 5);
    for (int n = 1; n <= 5; n++)
        near(f.cost_fen[n - 1][FORECAST_P50], n * 900, n + 2);
}

/* The next day crosses into a step that costs more: its price counts, not the mean (vector 5). */
static void test_the_price_of_the_step(void **state)
{
    struct town *t = *state;
    town_plan(t, "flat", 2, T0 - 10,
              "{\"kind\":\"ladder\",\"cycle\":\"year\",\"start\":\"01-01\",\"steps\":[{\"to\":"
              "\"96\",\"price\":"
              "\"0.5\"},{\"price\":\"0.8\"}]}");
    int64_t now = live(t, 19, WATTS); /* 91.2 kWh: 4.8 are left below the bound */
    struct nday f = seen(t, now, 5);
    int64_t left_fen = 240 - 5; /* half an hour of the day is used already */
    near(f.cost_fen[0][FORECAST_P50], 240, 6);
    near(f.cost_fen[4][FORECAST_P50], left_fen + (5 * 4'800 - 4'700) * 8 / 100, 20);
    assert_true(f.cost_fen[4][FORECAST_P50] > 5 * 240 + 400);
}

static enum err correct_ratio(struct store_tx *tx, void *arg)
{
    const struct ask *a = arg;
    return billing_ratio_put(tx, &a->t->clerk.billing,
                             &(struct billing_ratio){1, {T0 + 60}, 5, "plate", "user:1"},
                             (wall_s){a->now});
}

/* The transformers come to light after a month: the days before were five times as much. */
static void test_a_corrected_ratio(void **state)
{
    struct town *t = *state;
    int64_t now = live(t, 30, WATTS);
    assert_ok(store_run(t->ledger, correct_ratio, &(struct ask){.t = t, .now = now}));
    struct nday f = seen(t, now, 3);
    near(f.cost_fen[2][FORECAST_P50], 3 * 5 * 240, 40);
}

/* A heating season's most is paid: what is used until its end costs nothing more, and the account
 * is not short. A day later the season is over. */
static void test_the_most_of_a_season_is_paid(void **state)
{
    struct town *t = *state;
    town_exec(t, "INSERT INTO account_term (account_id, from_at, persons, area_milli_m2, "
                 "capacity_milli_kva, contracted_milli_kw, opened_day, ladder_group, actor, "
                 "entered_at) VALUES (7, 0, 0, 90000, 0, 0, 0, '', 'user:1', 1)");
    town_plan(t, "flat", 2, T0 - 10,
              "{\"kind\":\"flat\",\"price\":\"0.5\",\"area_bill\":{\"price\":\"0.1\","
              "\"start\":\"02-16\",\"end\":\"02-28\",\"most_percent\":\"100\"}}");
    int64_t now = live(t, 8, WATTS); /* 9 yuan are paid after four days of 2.40 */
    struct nday f = seen(t, now, 14);
    assert_true(f.known);
    for (int n = 1; n <= 4; n++)
        for (int q = FORECAST_P50; q < FORECAST_QUANTILES; q++)
            assert_int_equal(f.cost_fen[n - 1][q], 0);
    assert_true(f.cost_fen[13][FORECAST_P50] > 0);
}

static void test_nothing_to_go_by(void **state)
{
    struct town *t = *state;
    struct nday f;
    struct ask a = {t, T0, 0, &f};
    assert_false(seen(t, T0, 3).known);
    assert_err(ERR_RANGE, store_read(t->ledger, foresee, &a));
    a.days = NDAY_AHEAD_MAX + 1;
    assert_err(ERR_RANGE, store_read(t->ledger, foresee, &a));
    town_wh(t, 1, T0, 1'000);
    assert_false(seen(t, T0 + 60, 3).known); /* a charge is open, no day is known */
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(test_steady_use),
                                       CASE(test_an_empty_flat),
                                       CASE(test_the_area_of_two_meters),
                                       CASE(test_the_price_of_the_step),
                                       CASE(test_a_corrected_ratio),
                                       CASE(test_the_most_of_a_season_is_paid),
                                       CASE(test_nothing_to_go_by)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
