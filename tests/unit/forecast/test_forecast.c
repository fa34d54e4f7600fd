#include <stdlib.h>

#include "base/clock.h"
#include "forecast/forecast.h"
#include "unit/check.h"

/* 2026-03-02, a Monday. */
#define MONDAY 20514

static void tell(struct forecast_history *h, int32_t day, int64_t used)
{
    assert_ok(forecast_tell(h, day, used, FORECAST_KNOWN));
}

static void same_days(struct forecast_history *h, int32_t from, int32_t count, int64_t used)
{
    for (int32_t i = 0; i < count; i++)
        tell(h, from + i, used);
}

static void test_history_keeps_what_it_was_told(void **state)
{
    static struct forecast_history h;
    int64_t used;
    (void)state;
    assert_int_equal(FORECAST_UNKNOWN, forecast_told(&h, MONDAY, &used));
    tell(&h, MONDAY, 5);
    tell(&h, MONDAY + 3, 7);
    assert_ok(forecast_tell(&h, MONDAY + 1, 6, FORECAST_ESTIMATED));
    assert_int_equal(FORECAST_KNOWN, forecast_told(&h, MONDAY, &used));
    assert_int_equal(5, used);
    assert_int_equal(FORECAST_ESTIMATED, forecast_told(&h, MONDAY + 1, &used));
    assert_int_equal(FORECAST_UNKNOWN, forecast_told(&h, MONDAY + 2, &used));
    assert_int_equal(FORECAST_UNKNOWN, forecast_told(&h, MONDAY + 4, &used));
    tell(&h, MONDAY + 3, 8);
    assert_int_equal(FORECAST_KNOWN, forecast_told(&h, MONDAY + 3, &used));
    assert_int_equal(8, used);
    tell(&h, MONDAY + FORECAST_DAYS_MAX, 9); /* the ring has moved on by one */
    assert_int_equal(FORECAST_UNKNOWN, forecast_told(&h, MONDAY, &used));
    assert_int_equal(FORECAST_ESTIMATED, forecast_told(&h, MONDAY + 1, &used));
    tell(&h, MONDAY + 9 * FORECAST_DAYS_MAX, 1); /* and now beyond all it had */
    for (int32_t i = 0; i < FORECAST_DAYS_MAX - 1; i++)
        assert_int_equal(FORECAST_UNKNOWN,
                         forecast_told(&h, MONDAY + 8 * FORECAST_DAYS_MAX + 1 + i, &used));
}

static void test_history_refuses(void **state)
{
    static struct forecast_history h;
    int64_t used;
    (void)state;
    tell(&h, MONDAY, 5);
    assert_err(ERR_FORECAST_USE, forecast_tell(&h, MONDAY, -1, FORECAST_KNOWN));
    assert_err(ERR_FORECAST_USE, forecast_tell(&h, MONDAY, FORECAST_USED_MAX + 1, FORECAST_KNOWN));
    assert_err(ERR_FORECAST_DAY, forecast_tell(&h, MONDAY - FORECAST_DAYS_MAX, 1, FORECAST_KNOWN));
    assert_int_equal(FORECAST_KNOWN, forecast_told(&h, MONDAY, &used));
    assert_int_equal(5, used);
    assert_ok(forecast_tell(&h, MONDAY, FORECAST_USED_MAX, FORECAST_KNOWN));
}

static void test_refuses_without_a_day(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    assert_err(ERR_FORECAST_SHORT, forecast_make(&h, NULL, MONDAY, 3, &f));
    tell(&h, MONDAY, 5);
    assert_err(ERR_FORECAST_SHORT, forecast_make(&h, NULL, MONDAY + FORECAST_LOOK, 3, &f));
    assert_ok(forecast_make(&h, NULL, MONDAY + FORECAST_LOOK - 1, 3, &f));
    assert_err(ERR_RANGE, forecast_make(&h, NULL, MONDAY, 0, &f));
    assert_err(ERR_RANGE, forecast_make(&h, NULL, MONDAY, FORECAST_AHEAD_MAX + 1, &f));
}

static void test_even_use_goes_on(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    same_days(&h, MONDAY, 60, 3800);
    assert_ok(forecast_make(&h, calendar_find("CN"), MONDAY + 59, FORECAST_AHEAD_MAX, &f));
    assert_int_equal(MONDAY + 60, f.from);
    for (int32_t i = 0; i < FORECAST_AHEAD_MAX; i++) {
        assert_int_equal(3800, f.day[i]);
        for (int q = 0; q < FORECAST_QUANTILES; q++)
            assert_int_equal(3800 * (i + 1), f.sum[i][FORECAST_POINT]);
    }
    assert_int_equal(28, f.reason.similar);
    assert_false(f.reason.rest_days || f.reason.season || f.reason.empty || f.reason.estimated ||
                 f.reason.returned || f.reason.calendar_unknown);
    /* 20 yuan a day would be exactly enough: not short. */
    assert_false(forecast_falls_short(&f, 3 * 3800, 3, FORECAST_POINT));
    assert_true(forecast_falls_short(&f, 3 * 3800 - 1, 3, FORECAST_POINT));
    assert_int_equal(3, forecast_days_left(&f, 3 * 3800, FORECAST_POINT));
    assert_int_equal(2, forecast_days_left(&f, 3 * 3800 - 1, FORECAST_POINT));
    assert_int_equal(0, forecast_days_left(&f, -1, FORECAST_POINT));
    assert_int_equal(100, forecast_days_left(&f, 380'000, FORECAST_POINT));
}

static void test_few_days_keep_a_margin(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    same_days(&h, MONDAY, 5, 1000);
    assert_ok(forecast_make(&h, NULL, MONDAY + 4, 2, &f));
    assert_int_equal(1000, f.sum[0][FORECAST_POINT]);
    assert_int_equal(1500, f.sum[0][FORECAST_P90]);
    assert_int_equal(2500, f.sum[0][FORECAST_P99]);
    assert_int_equal(4, f.reason.trials);
}

static void test_empty_room_and_return(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    same_days(&h, MONDAY, 20, 9000);
    same_days(&h, MONDAY + 20, 1, 0); /* one day says nothing yet */
    assert_ok(forecast_make(&h, NULL, MONDAY + 20, 1, &f));
    assert_false(f.reason.empty);
    assert_true(f.day[0] > 4000);
    same_days(&h, MONDAY + 21, 1, 1000);
    assert_ok(forecast_make(&h, NULL, MONDAY + 21, 1, &f));
    assert_true(f.reason.empty);
    assert_int_equal(2, f.reason.similar);
    assert_true(f.day[0] <= 1000);
    same_days(&h, MONDAY + 22, 3, 0);
    same_days(&h, MONDAY + 25, 1, 7000);
    assert_ok(forecast_make(&h, NULL, MONDAY + 25, 1, &f));
    assert_true(f.reason.returned);
    assert_true(f.day[0] > 7000 && f.day[0] < 9000);
    same_days(&h, MONDAY + 26, 40, 0);
    assert_ok(forecast_make(&h, NULL, MONDAY + 65, 3, &f));
    assert_true(f.reason.empty);
    assert_int_equal(0, f.sum[2][FORECAST_POINT]);
    assert_true(forecast_days_left(&f, 1, FORECAST_POINT) == FORECAST_NEVER);
    assert_false(forecast_falls_short(&f, 0, 3, FORECAST_POINT));
    assert_true(forecast_falls_short(&f, -1, 3, FORECAST_POINT));
}

static void test_days_off_are_learned(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    for (int32_t i = 0; i < 84; i++) { /* an office; Saturday and Sunday a third */
        bool off = i % 7 >= 5;
        tell(&h, MONDAY + i, (off ? 10'000 : 30'000) + 100 * (i % 3));
    }
    assert_ok(forecast_make(&h, NULL, MONDAY + 83, 7, &f)); /* the next is a Monday again */
    assert_true(f.reason.rest_days);
    for (int i = 0; i < 7; i++)
        assert_true(i >= 5 ? f.day[i] < 13'000 : f.day[i] > 27'000);
    assert_true(f.reason.calendar_unknown);
    /* 2026-10-01..07 are off by announcement. */
    int32_t day = civil_days_from_date(2026, 9, 28);
    static struct forecast_history autumn;
    for (int32_t i = 84; i > 0; i--)
        tell(&autumn, day - i, (day - i - MONDAY) % 7 >= 5 ? 10'000 : 30'000);
    assert_ok(forecast_make(&autumn, calendar_find("CN"), day - 1, 7, &f));
    assert_false(f.reason.calendar_unknown);
    for (int i = 0; i < 7; i++) /* Monday 28 .. Wednesday 30, then off */
        assert_true(i >= 3 ? f.day[i] < 13'000 : f.day[i] > 27'000);
}

static void test_season_of_last_year(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    same_days(&h, MONDAY, 7, 10'000);
    same_days(&h, MONDAY + 7, 7, 20'000);
    same_days(&h, MONDAY + 14, 357, 10'000);
    assert_ok(forecast_make(&h, NULL, MONDAY + 370, 1, &f));
    assert_true(f.reason.season);
    assert_int_equal(12'500, f.day[0]); /* a quarter of twice */
}

/* 0.3 of the weight is the last day's: 1000 + 0.3 * 2000 tomorrow, and back to the mean of ten. */
static void test_what_was_unusual_does_not_last(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    same_days(&h, MONDAY, 27, 1000);
    same_days(&h, MONDAY + 27, 1, 3000);
    assert_ok(forecast_make_point(&h, NULL, MONDAY + 27, 5, &f));
    assert_in_range(f.day[0], 1599, 1601);
    assert_in_range(f.day[1], 1279, 1281); /* 1200, and a fifth of 400 */
    assert_in_range(f.day[2], 1215, 1217);
    assert_in_range(f.day[4], 1200, 1201);
}

static void test_gaps_are_not_zero(void **state)
{
    static struct forecast_history h;
    struct forecast f;
    (void)state;
    same_days(&h, MONDAY, 1, 5000);
    tell(&h, MONDAY + 20, 5000);
    assert_ok(forecast_tell(&h, MONDAY + 10, 0, FORECAST_UNKNOWN));
    assert_ok(forecast_make(&h, NULL, MONDAY + 20, 2, &f));
    assert_int_equal(10'000, f.sum[1][FORECAST_POINT]);
    assert_true(f.reason.estimated); /* two known days alone are too few */
    assert_ok(forecast_tell(&h, MONDAY + 19, 8000, FORECAST_ESTIMATED));
    assert_ok(forecast_make(&h, NULL, MONDAY + 20, 2, &f));
    assert_int_equal(3, f.reason.similar);
    tell(&h, MONDAY + 18, 5000); /* three known days need no estimate */
    assert_ok(forecast_make(&h, NULL, MONDAY + 20, 2, &f));
    assert_int_equal(10'000, f.sum[1][FORECAST_POINT]);
    assert_false(f.reason.estimated);
}

/* What comes after `today` never changes a forecast; the sums are ordered; nothing overflows. */
static void test_never_looks_ahead(void **state)
{
    static struct forecast_history all, past;
    struct forecast a, b;
    uint64_t seed = 20260302;
    (void)state;
    for (int32_t day = 0; day < 900; day++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned draw = (unsigned)(seed >> 40);
        int64_t used = draw % 11 == 0 ? FORECAST_USED_MAX : (int64_t)(draw % 9000);
        enum forecast_known known = draw % 13 == 0  ? FORECAST_UNKNOWN
                                    : draw % 7 == 0 ? FORECAST_ESTIMATED
                                                    : FORECAST_KNOWN;
        assert_ok(forecast_tell(&all, MONDAY + day, used, known));
        if (day % 50 == 49) {
            int32_t ago = (int32_t)(draw % 40);
            past = all;
            for (int32_t i = 0; i < ago; i++)
                assert_ok(
                    forecast_tell(&past, MONDAY + day - i, (int64_t)(draw % 77), FORECAST_KNOWN));
            assert_ok(forecast_make(&all, NULL, MONDAY + day - ago, 31, &a));
            assert_ok(forecast_make(&past, NULL, MONDAY + day - ago, 31, &b));
            assert_memory_equal(&a, &b, sizeof a);
            for (int i = 0; i < 31; i++) {
                assert_true(a.sum[i][FORECAST_POINT] >= 0);
                assert_true(a.sum[i][FORECAST_P50] <= a.sum[i][FORECAST_P90]);
                assert_true(a.sum[i][FORECAST_P90] <= a.sum[i][FORECAST_P99]);
                for (int q = 0; i > 0 && q < FORECAST_QUANTILES; q++)
                    assert_true(a.sum[i - 1][q] <= a.sum[i][q]);
            }
        }
    }
}

static void test_reason_in_words(void **state)
{
    char text[FORECAST_TEXT_MAX];
    struct forecast_reason r = {.similar = 26, .trials = 90};
    (void)state;
    forecast_reason_en(&r, text);
    assert_string_equal("From 26 similar days of the last 28 and 90 earlier forecasts.", text);
    r = (struct forecast_reason){INT32_MIN, INT32_MIN, true, true, true, true, true, true};
    forecast_reason_en(&r, text);
    assert_non_null(strstr(text, "empty"));
    forecast_reason_zh(&r, text);
    assert_non_null(strstr(text, "房间无人"));
    assert_string_equal("p90", forecast_quantile_name(FORECAST_P90));
    assert_string_equal("?", forecast_quantile_name(FORECAST_QUANTILES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history_keeps_what_it_was_told),
        cmocka_unit_test(test_history_refuses),
        cmocka_unit_test(test_refuses_without_a_day),
        cmocka_unit_test(test_even_use_goes_on),
        cmocka_unit_test(test_few_days_keep_a_margin),
        cmocka_unit_test(test_empty_room_and_return),
        cmocka_unit_test(test_days_off_are_learned),
        cmocka_unit_test(test_season_of_last_year),
        cmocka_unit_test(test_what_was_unusual_does_not_last),
        cmocka_unit_test(test_gaps_are_not_zero),
        cmocka_unit_test(test_never_looks_ahead),
        cmocka_unit_test(test_reason_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
