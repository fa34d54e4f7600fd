/* What a standing permission rests on: the least that a unit costs, and what may be left besides.
 * Each errs on the side of light. */
#include "tests/unit/check.h"

#include <string.h>

#include "control/away.h"

static struct rating_plan plan_of(const char *json)
{
    struct rating_plan plan;
    struct rating_problem problem;
    assert_ok(rating_plan_parse(json, strlen(json), &plan, &problem));
    return plan;
}

/* Every kind of plan, and the least that a unit costs under it at any time. */
static void test_least_price(void **state)
{
    (void)state;
#define DAY_RATES                                                                                  \
    "\"periods\":[{\"from\":\"08:00\",\"to\":\"22:00\",\"rate\":\"peak\"},"                        \
    "{\"from\":\"22:00\",\"to\":\"08:00\",\"rate\":\"valley\"}]"
    static const struct {
        const char *json;
        int64_t price_e8;
        enum away_plan why;
    } rows[] = {
        {"{\"kind\":\"flat\",\"price\":\"0.60\"}", 60'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"components\":[{\"code\":\"fund\",\"price\":"
         "\"0.05\"}]}",
         65'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"flat\",\"price\":\"0\"}", 0, AWAY_PLAN_FREE},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1.00\",\"valley\":\"0.30\"}," DAY_RATES
         "}",
         30'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1.00\",\"valley\":\"0\"}," DAY_RATES "}",
         0, AWAY_PLAN_FREE},
        {"{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":["
         "{\"to\":\"100\",\"price\":\"0.50\"},{\"price\":\"0.80\"}]}",
         50'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":[" /* it may fall */
         "{\"to\":\"100\",\"price\":\"0.50\"},{\"price\":\"0.40\"}]}",
         40'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"ladder\",\"price\":\"0.50\",\"cycle\":\"month\",\"steps\":["
         "{\"to\":\"100\",\"surcharge\":\"0.02\"},{\"surcharge\":\"0.05\"}]}",
         52'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"time_of_use_ladder\",\"cycle\":\"year\"," DAY_RATES ",\"prices\":{\"peak\":"
         "\"0.60\",\"valley\":\"0.30\"},\"steps\":[{\"to\":\"3120\",\"surcharge\":\"0.02\"},"
         "{\"surcharge\":\"0.05\"}],\"outside_steps\":[\"valley\"]}",
         30'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"time_of_use_ladder\",\"cycle\":\"year\"," DAY_RATES ",\"steps\":["
         "{\"to\":\"3120\",\"prices\":{\"peak\":\"0.617\",\"valley\":\"0.307\"}},"
         "{\"prices\":{\"peak\":\"0.667\",\"valley\":\"0.357\"}}],"
         "\"apportion\":\"pro_rata\"}",
         30'700'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"time_of_use_ladder\",\"cycle\":\"year\"," DAY_RATES ",\"steps\":["
         "{\"to\":\"3120\",\"prices\":{\"peak\":\"0.617\",\"valley\":\"0.307\"}},"
         "{\"prices\":{\"peak\":\"0.616\",\"valley\":\"0.357\"}}],"
         "\"apportion\":\"pro_rata\"}",
         0, AWAY_PLAN_FALLING},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"free_quota\":{\"amount\":\"10\","
         "\"cycle\":\"month\"}}",
         60'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"subsidies\":[{\"code\":\"poor\","
         "\"amount\":\"10.00\",\"per\":\"month\"}]}",
         60'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"fees\":[{\"code\":\"demand\",\"price\":\"48\","
         "\"per\":\"demand\",\"utilised_from\":\"260\",\"utilised_percent\":\"90\"}]}",
         0, AWAY_PLAN_FALLING},
        {"{\"kind\":\"flat\",\"mix\":[{\"code\":\"home\",\"percent\":\"40\",\"price\":\"0.5383\"},"
         "{\"code\":\"shop\",\"percent\":\"60\",\"price\":\"0.7817\"}]}",
         53'830'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"by_month\":[{\"months\":[7,8],\"price\":"
         "\"0.55\"}]}",
         55'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":[{\"to\":\"2160\",\"price\":\"0.4983\"}"
         ","
         "{\"price\":\"0.5483\"}],\"by_month\":[{\"months\":[7],\"step_prices\":[\"0.4783\","
         "\"0.5283\"]}]}",
         47'830'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"ladder\",\"price\":\"0.50\",\"cycle\":\"month\",\"steps\":["
         "{\"to\":\"100\",\"surcharge\":\"0.02\"},{\"surcharge\":\"0.05\"}],"
         "\"by_month\":[{\"months\":[1],\"price\":\"0.45\"}]}",
         47'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"time_of_use\",\"rates_from\":\"intervals\",\"calendar\":\"CN\",\"prices\":{"
         "\"flat\":\"0.62\",\"valley\":\"0.31\",\"deep_valley\":\"0.19\"},\"schedules\":["
         "{\"days\":[\"holiday\"],\"periods\":[{\"from\":\"00:00\",\"to\":\"12:00\",\"rate\":"
         "\"deep_valley\"},{\"from\":\"12:00\",\"to\":\"24:00\",\"rate\":\"valley\"}],\"prices\":{"
         "\"deep_valley\":\"0.17\"}},{\"periods\":[{\"from\":\"23:00\",\"to\":\"07:00\",\"rate\":"
         "\"valley\"},{\"from\":\"07:00\",\"to\":\"23:00\",\"rate\":\"flat\"}]}]}",
         17'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"components\":[{\"code\":\"fund\",\"price\":"
         "\"0.05\"}],\"power_factor\":{\"standard\":\"0.90\",\"table\":[{\"from\":\"0.95\","
         "\"percent\":\"-0.75\"},{\"from\":\"0\",\"percent\":\"5\"}],\"on\":[\"energy\"]}}",
         59'550'000 + 5'000'000, AWAY_PLAN_PRICED},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"area_bill\":{\"price\":\"19\",\"start\":"
         "\"11-15\",\"end\":\"03-15\",\"most_percent\":\"100\"}}",
         0, AWAY_PLAN_FREE},
        {"{\"kind\":\"flat\",\"price\":\"0.60\",\"area_bill\":{\"price\":\"19\",\"start\":"
         "\"11-15\",\"end\":\"03-15\",\"least_percent\":\"50\"}}",
         60'000'000, AWAY_PLAN_PRICED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rating_plan plan = plan_of(rows[i].json);
        int64_t price_e8 = -1;
        if (away_price(&plan, &price_e8) != rows[i].why || price_e8 != rows[i].price_e8)
            fail_msg("row %zu: %lld", i, (long long)price_e8);
    }
}

/* What a meter may have besides: on the 15th of March 2026, day 20'527. */
static void test_what_is_left_besides(void **state)
{
    (void)state;
    const int32_t day = 20'527, first_of_march = 20'513, first_of_april = 20'544;
    const int32_t march = 2026 * 12 + 2;
#define QUOTA(more)                                                                                \
    "{\"kind\":\"flat\",\"price\":\"0.60\",\"free_quota\":{\"amount\":\"10\",\"cycle\":"           \
    "\"month\"" more "}}"
#define SUBSIDY                                                                                    \
    "{\"kind\":\"flat\",\"price\":\"0.60\",\"subsidies\":[{\"code\":\"poor\",\"amount\":"          \
    "\"10.00\",\"per\":\"month\"},{\"code\":\"old\",\"amount\":\"5.00\",\"per\":\"month\"}]}"
#define FACTOR                                                                                     \
    "{\"kind\":\"flat\",\"price\":\"0.60\",\"power_factor\":{\"standard\":\"0.90\",\"table\":["    \
    "{\"from\":\"0.95\",\"percent\":\"-1\"},{\"from\":\"0\",\"percent\":\"5\"}],\"on\":["          \
    "\"energy\"]}}"
    const struct {
        const char *json;
        struct rating_position at;
        int64_t free_wh, credit_fen;
        int32_t until_day;
    } rows[] = {
        {"{\"kind\":\"flat\",\"price\":\"0.60\"}", {.begun = true}, 0, 0, INT32_MAX},
        {QUOTA(""),
         {.shared = {.quota_day = first_of_march, .quota_left_wh = 700}},
         700,
         0,
         first_of_april},
        {QUOTA(""),
         {.shared = {.quota_day = first_of_march - 28, .quota_left_wh = 700}},
         10'000,
         0,
         first_of_april},
        {QUOTA(",\"unused\":\"carry\""),
         {.shared = {.quota_day = first_of_march - 28, .quota_left_wh = 700}},
         10'700,
         0,
         first_of_april},
        {QUOTA(""), {}, 10'000, 0, first_of_april},
        {QUOTA(",\"per_person\":true"), {}, INT64_C(9'990'000), 0, first_of_april},
        {QUOTA(",\"start\":\"16\""),
         {.shared = {.quota_day = day - 27, .quota_left_wh = 1}},
         1,
         0,
         day + 1},
        {SUBSIDY,
         {.shared = {.month = march, .subsidy_fen = {1'000, 120}}},
         0,
         380,
         first_of_april},
        {SUBSIDY,
         {.shared = {.month = march - 1, .subsidy_fen = {1'000, 120}}},
         0,
         1'500,
         first_of_april},
        {FACTOR,
         {.month = march, .factor_fen = 10'000, .active_wh = 1, .reactive_wh = 1},
         0,
         601,
         first_of_april},
        {FACTOR, {.month = march, .factor_fen = 10'000, .active_wh = 1}, 0, 0, first_of_april},
        {FACTOR,
         {.month = march - 1, .factor_fen = 10'000, .active_wh = 1, .reactive_wh = 1},
         0,
         0,
         first_of_april},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rating_plan plan = plan_of(rows[i].json);
        struct away_more more = {.until_day = INT32_MAX};
        assert_ok(away_more(&plan, &rows[i].at, day, &more));
        if (more.free_wh != rows[i].free_wh || more.credit_fen != rows[i].credit_fen ||
            more.until_day != rows[i].until_day)
            fail_msg("row %zu: %lld Wh %lld fen until %d", i, (long long)more.free_wh,
                     (long long)more.credit_fen, more.until_day);
    }
}

static void test_rounding_is_never_too_little(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of("{\"kind\":\"flat\",\"price\":\"0.60\"}");
    assert_int_equal(away_rounding_fen(&plan, 3), 192);
    plan.rounding = RATING_DOWN;
    assert_int_equal(away_rounding_fen(&plan, 3), 3 * 192);
    plan = plan_of("{\"kind\":\"flat\",\"price\":\"0.60\",\"components\":[{\"code\":\"fund\","
                   "\"price\":\"0.05\",\"rounding\":\"down\"}]}");
    assert_int_equal(away_rounding_fen(&plan, 3), 3 * 192);
}

static void test_energy_is_never_too_little(void **state)
{
    (void)state;
    assert_int_equal(away_energy_wh(0, 100'000'000), 1);
    assert_int_equal(away_energy_wh(-500, 100'000'000), 1);
    assert_int_equal(away_energy_wh(1'000, 100'000'000), 10'001);
    assert_int_equal(away_energy_wh(193, 3),
                     INT64_C(64'333'333'334)); /* a third more is rounded up */
    assert_int_equal(away_energy_wh(INT64_C(1) << 40, 1), INT64_C(1) << 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_least_price),
        cmocka_unit_test(test_what_is_left_besides),
        cmocka_unit_test(test_rounding_is_never_too_little),
        cmocka_unit_test(test_energy_is_never_too_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
