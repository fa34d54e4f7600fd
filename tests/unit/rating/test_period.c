/* Periods: cycles, positions and fees between two readings. */
#include "tests/unit/check.h"

#include "base/rand.h"
#include "rating/period.h"

#define EAST (8 * 3600)
#define DAY INT64_C(86'400)

static const char MONTHLY[] = "{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":["
                              "{\"to\":\"240\",\"price\":\"0.4883\"},"
                              "{\"to\":\"400\",\"price\":\"0.5383\"},{\"price\":\"0.7883\"}]}";
static const char FEES[] = "{\"kind\":\"flat\",\"price\":\"0.5\",\"fees\":["
                           "{\"code\":\"daily\",\"price\":\"0.10\",\"per\":\"day\"},"
                           "{\"code\":\"meter\",\"price\":\"3\",\"per\":\"month\"}]}";

static struct rating_plan plan_of(const char *json)
{
    struct rating_plan plan;
    assert_ok(rating_plan_parse(json, strlen(json), &plan, NULL));
    assert_ok(rating_plan_settles(&plan));
    return plan;
}

static wall_s midnight(int year, unsigned month, unsigned day)
{
    return civil_day_start(civil_days_from_date(year, month, day), EAST);
}

/* A period that is read at its end. */
static struct rating_case between(wall_s opened, wall_s closed, int64_t from_wh, int64_t to_wh)
{
    return (struct rating_case){.from = {.total_wh = from_wh, .rate_wh = {from_wh}},
                                .to = {.total_wh = to_wh, .rate_wh = {to_wh}},
                                .opened_at = opened,
                                .reading_at = closed,
                                .closed_at = closed,
                                .offset_s = EAST};
}

static void cycles(void **state)
{
    (void)state;
    struct rating_ladder l = {.cycle = RATING_MONTH, .start = {0, 15}};
    int32_t feb14 = civil_days_from_date(2028, 2, 14), mar1 = civil_days_from_date(2028, 3, 1);
    assert_int_equal(rating_cycle_start(&l, feb14), civil_days_from_date(2028, 1, 15));
    assert_int_equal(rating_cycle_start(&l, feb14 + 1), feb14 + 1);
    assert_int_equal(rating_cycle_next(&l, feb14), feb14 + 1);
    l = (struct rating_ladder){.cycle = RATING_TWO_MONTHS, .start = {2, 1}};
    assert_int_equal(rating_cycle_start(&l, mar1), civil_days_from_date(2028, 2, 1));
    assert_int_equal(rating_cycle_start(&l, civil_days_from_date(2028, 1, 31)),
                     civil_days_from_date(2027, 12, 1));
    l = (struct rating_ladder){.cycle = RATING_SEASON, .start = {1, 1}};
    assert_int_equal(rating_cycle_next(&l, mar1), civil_days_from_date(2028, 4, 1));
    l = (struct rating_ladder){.cycle = RATING_YEAR, .start = {7, 1}};
    assert_int_equal(rating_cycle_start(&l, mar1), civil_days_from_date(2027, 7, 1));
    assert_int_equal(rating_cycle_next(&l, mar1), civil_days_from_date(2028, 7, 1));
}

/* 600 kWh in one month cost the same whether billed at once or day by day. */
static void days_of_a_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(MONTHLY);
    struct rating_position position = {};
    struct rating_bill bill;
    int64_t sum_fen = 0;
    for (int day = 0; day < 30; day++) {
        wall_s from = {midnight(2026, 4, 1).s + day * DAY};
        struct rating_case c =
            between(from, (wall_s){from.s + DAY}, day * 20'000, (day + 1) * 20'000);
        assert_ok(rating_period(&plan, &c, &position, &bill));
        sum_fen += bill.amount_fen;
    }
    assert_int_equal(sum_fen, 36'098);
    assert_int_equal(position.used_wh, 600'000);
    wall_s may = midnight(2026, 5, 1);
    struct rating_case c = between(may, (wall_s){may.s + DAY}, 600'000, 700'000);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(position.used_wh, 100'000); /* from nothing again */
    assert_int_equal(bill.lines[0].step, 0);
    assert_int_equal(bill.lines[0].price_e8, 48'830'000);
}

/* Nobody read the meter at the end of the month: the energy is shared out by time and says so. */
static void a_gap_over_the_end_of_a_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(MONTHLY);
    struct rating_position position = {};
    struct rating_bill bill;
    wall_s from = midnight(2026, 4, 21), to = midnight(2026, 5, 6);
    struct rating_case c = between(from, to, 0, 750'000); /* 50 kWh a day, 10 and 5 days */
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.energy_wh, 750'000);
    assert_int_equal(position.used_wh, 250'000);
    /* April 500: 240, 160, 100. May 250: 240, 10. */
    assert_int_equal(bill.line_count, 5);
    assert_int_equal(bill.amount_fen, 11'719 + 8'613 + 7'883 + 11'719 + 539);
    for (size_t i = 0; i < bill.line_count; i++)
        assert_true(bill.lines[i].apportioned);
    assert_int_equal(bill.lines[3].from_wh, 500'000);
    assert_int_equal(bill.lines[3].to_wh, 750'000);
}

static void each_day_and_month_pays_once(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(FEES);
    struct rating_position position = {};
    struct rating_bill bill;
    wall_s opened = {midnight(2026, 4, 28).s + 36'000};
    struct rating_case c = between(opened, midnight(2026, 4, 29), 0, 0);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 310); /* the opening day and its month */
    c = between(midnight(2026, 4, 29), (wall_s){midnight(2026, 4, 29).s + 100}, 0, 0);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 10);
    c = between((wall_s){midnight(2026, 4, 29).s + 100}, midnight(2026, 4, 30), 0, 0);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 0); /* the rest of the same day */
    c = between(midnight(2026, 4, 30), midnight(2026, 6, 2), 0, 2000);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 100 + 33 * 10 + 2 * 300);
    assert_string_equal(bill.lines[1].code, "daily");
}

/* However a stretch is cut, and wherever cycles end: energy is exact, money to less than a fen, the
 * position the same. */
static void cuts_change_nothing(void **state)
{
    (void)state;
    struct rand_stream r = {20'260'401};
    struct rating_plan plan = plan_of(MONTHLY);
    for (int round = 0; round < 2000; round++) {
        struct rating_position whole = {}, parts = {};
        struct rating_bill bill;
        int64_t sum_fen = 0, at_wh = 0;
        wall_s at = midnight(2026, 1 + (unsigned)rand_below(&r, 12), 1);
        wall_s start = at;
        for (int part = 0; part < 5; part++) {
            int64_t used_wh = (int64_t)rand_below(&r, 200'000);
            struct rating_case c = between(
                at, (wall_s){at.s + 1 + (int64_t)rand_below(&r, 5 * DAY)}, at_wh, at_wh + used_wh);
            assert_ok(rating_period(&plan, &c, &parts, &bill));
            sum_fen += bill.amount_fen;
            at_wh += used_wh;
            at = c.closed_at;
        }
        struct rating_case c = between(start, at, 0, at_wh);
        assert_ok(rating_period(&plan, &c, &whole, &bill));
        assert_int_equal(bill.energy_wh, at_wh);
        assert_int_equal(whole.used_wh, parts.used_wh);
        assert_int_equal(whole.paid.day, parts.paid.day);
        assert_in_range(bill.amount_fen - sum_fen + 1, 0, 2);
    }
}

static void refusals(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"kind\":\"flat\",\"price\":\"1\",\"minimum\":\"5\"}",
        "{\"kind\":\"flat\",\"price\":\"1\",\"fees\":[{\"code\":\"a\",\"price\":\"1\",\"per\":"
        "\"area\"}]}",
        "{\"kind\":\"time_of_use\",\"prices\":{\"deep_valley\":\"1\"},\"periods\":[{\"from\":\"00:"
        "00\","
        "\"to\":\"24:00\",\"rate\":\"deep_valley\"}]}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct rating_plan plan;
        assert_ok(rating_plan_parse(bad[i], strlen(bad[i]), &plan, NULL));
        assert_err(ERR_RATING_UNBILLABLE, rating_plan_settles(&plan));
    }
    struct rating_plan plan = plan_of(MONTHLY);
    struct rating_position position = {};
    struct rating_bill bill;
    struct rating_case c = between(midnight(2026, 4, 1), midnight(2026, 6, 2), 5, 4);
    assert_err(ERR_RATING_BACKWARDS, rating_period(&plan, &c, &position, &bill));
    c = between(midnight(2026, 4, 1), midnight(2026, 4, 2), 5, 4);
    assert_err(ERR_RATING_BACKWARDS, rating_period(&plan, &c, &position, &bill));
    assert_false(position.begun);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cycles),
        cmocka_unit_test(days_of_a_month),
        cmocka_unit_test(a_gap_over_the_end_of_a_month),
        cmocka_unit_test(each_day_and_month_pays_once),
        cmocka_unit_test(cuts_change_nothing),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
