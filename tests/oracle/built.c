/*
 * Plans that no text can say, because whoever builds one by hand is refused by the same rules
 * (rating_plan_check): each field at its last valid value, and one beyond it. And what is just
 * beyond a limit says so with its own reason and place.
 */
#include <stdio.h>
#include <string.h>

#include "rating/period.h"

static int passed, failed;

static const char flat[] = "{\"kind\":\"flat\",\"price\":\"0.5\"}";
static const char tou[] =
    "{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\",\"valley\":\"0.3\"},\"periods\":["
    "{\"from\":\"08:00\",\"to\":\"22:00\",\"rate\":\"peak\"},"
    "{\"from\":\"22:00\",\"to\":\"08:00\",\"rate\":\"valley\"}]}";
static const char ladder[] =
    "{\"kind\":\"ladder\",\"cycle\":\"month\",\"price\":\"0.5\",\"steps\":["
    "{\"to\":\"240\",\"surcharge\":\"0\"},{\"to\":\"400\",\"surcharge\":\"0.05\"},"
    "{\"surcharge\":\"0.3\"}]}";
static const char high[] =
    "{\"kind\":\"ladder\",\"cycle\":\"month\",\"high_season\":{\"from\":5,\"to\":10},\"steps\":["
    "{\"to\":\"200\",\"to_high\":\"260\",\"price\":\"0.5\"},{\"price\":\"0.8\"}],"
    "\"household\":{\"from_persons\":5,\"extra\":\"100\"}}";
static const char year[] = "{\"kind\":\"ladder\",\"cycle\":\"year\",\"start\":\"03-28\",\"steps\":["
                           "{\"to\":\"2760\",\"price\":\"0.5\"},{\"price\":\"0.8\"}]}";
static const char heating[] =
    "{\"kind\":\"ladder\",\"unit\":\"GJ\",\"cycle\":\"heating_season\",\"start\":\"11-15\","
    "\"end\":\"03-15\",\"steps\":[{\"to\":\"10\",\"price\":\"40\"},{\"price\":\"50\"}]}";
static const char matrix[] =
    "{\"kind\":\"time_of_use_ladder\",\"cycle\":\"month\",\"apportion\":\"pro_rata\",\"periods\":["
    "{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":\"peak\"}],\"steps\":["
    "{\"to\":\"10\",\"prices\":{\"peak\":\"1\"}},{\"prices\":{\"peak\":\"2\"}}]}";
static const char fees[] =
    "{\"kind\":\"flat\",\"price\":\"1\",\"components\":[{\"code\":\"tax\",\"price\":\"1\"},"
    "{\"code\":\"fund\",\"price\":\"2\"}],\"fees\":[{\"code\":\"rent\",\"price\":\"3\",\"per\":"
    "\"day\"},{\"code\":\"demand\",\"price\":\"30\",\"per\":\"demand\",\"floor_percent\":\"40\","
    "\"over_percent\":\"105\",\"over_factor\":\"2\"},{\"code\":\"heat\",\"price\":\"12\",\"per\":"
    "\"area\",\"cycle\":\"heating_season\",\"start\":\"11-15\",\"end\":\"03-15\"},{\"code\":"
    "\"room\",\"price\":\"1\",\"per\":\"area\",\"cycle\":\"year\"}],\"minimum\":\"0.01\","
    "\"subsidies\":[{\"code\":\"a\",\"amount\":\"1\",\"per\":\"month\"},{\"code\":\"b\","
    "\"amount\":\"0.01\",\"per\":\"month\"},{\"code\":\"c\",\"amount\":\"3\",\"per\":\"month\"}],"
    "\"power_factor\":{\"table\":[{\"from\":\"0.9\",\"percent\":\"0\"},{\"from\":\"0\","
    "\"percent\":\"5\"}],\"on\":[\"energy\"]},\"ceiling\":{\"catalogue\":\"10\",\"percent\":"
    "\"15\"}}";
static const char dated[] =
    "{\"kind\":\"time_of_use\",\"calendar\":\"CN\",\"prices\":{\"peak\":\"1\"},\"schedules\":["
    "{\"months\":[7],\"days\":[\"holiday\"],\"from\":\"07-01\",\"to\":\"08-31\","
    "\"prices\":{\"peak\":\"2\"},\"periods\":[{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":"
    "\"peak\"}]},{\"periods\":[{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":\"peak\"}]}],"
    "\"by_month\":[{\"months\":[1],\"prices\":{\"peak\":\"3\"}},{\"months\":[2],\"prices\":"
    "{\"peak\":\"4\"}}],\"free_quota\":{\"amount\":\"5\",\"cycle\":\"month\"}}";
static const char mix[] =
    "{\"kind\":\"flat\",\"mix\":[{\"code\":\"a\",\"percent\":\"50\",\"price\":\"1\"},{\"code\":"
    "\"b\",\"percent\":\"30\",\"price\":\"2\"},{\"code\":\"c\",\"percent\":\"20\",\"price\":\"3\"}]"
    "}";

static struct rating_plan plan;

static void load(const char *json)
{
    struct rating_problem problem;
    if (rating_plan_parse(json, strlen(json), &plan, &problem) == ERR_OK)
        return;
    failed++;
    printf("not a plan: %s at %s: %s\n", rating_reason_name(problem.reason), problem.place, json);
}

static void expect(const char *what, const char *reason, const char *place)
{
    struct rating_problem problem;
    enum err e = rating_plan_check(&plan, &problem);
    bool valid = strcmp(reason, "PLAN_OK") == 0;
    if (e == (valid ? ERR_OK : ERR_RATING_PLAN) && rating_plan_check(&plan, NULL) == e &&
        strcmp(rating_reason_name(problem.reason), reason) == 0 &&
        (valid || strcmp(problem.place, place) == 0)) {
        passed++;
        return;
    }
    failed++;
    printf("%s: expected %s at '%s', got %s at '%s'\n", what, reason, place,
           e == ERR_OK ? "a plan" : rating_reason_name(problem.reason), problem.place);
}

#define WITH(json, change, reason, place)                                                          \
    do {                                                                                           \
        struct rating_plan *p = &plan;                                                             \
        load(json);                                                                                \
        change;                                                                                    \
        expect(#json ": " #change, reason, place);                                                 \
    } while (0)
#define VALID(json, change) WITH(json, change, "PLAN_OK", "")

static void try_kinds(void)
{
    WITH(flat, p->kind = RATING_TIME_OF_USE_LADDER + 1, "KIND_UNKNOWN", "kind");
    VALID(flat, p->price_e8 = 0);
    VALID(flat, p->price_e8 = INT64_C(100000000000));
    WITH(flat, p->price_e8 = -1, "PRICE_NEGATIVE", "price");
    WITH(flat, p->price_e8 = INT64_C(100000000001), "PRICE_TOO_LARGE", "price");
    WITH(flat, p->rounding = RATING_ROUNDINGS, "ROUNDING_UNKNOWN", "rounding");
    VALID(flat, p->rounding = RATING_DOWN);
    WITH(flat, p->minimum_fen = -1, "MINIMUM_FEN", "minimum");
    WITH(flat, p->minimum_per_month = true, "MEMBER_MISSING", "minimum");
    WITH(flat, p->area_bill.most_price_e8 = 1, "CYCLE_DAY", "area_bill.start");
    WITH(flat, p->area_bill.least_price_e8 = -1, "CYCLE_DAY", "area_bill.start");
    WITH(tou, p->rate_price_e8[RATING_VALLEY] = -1, "PRICE_NEGATIVE", "prices.valley");
    WITH(tou, p->priced[RATING_PEAK] = p->priced[RATING_VALLEY] = false, "PRICES_NONE", "prices");
    WITH(tou, p->priced[RATING_PEAK] = false, "RATE_UNPRICED", "periods[0].rate");
    WITH(tou, p->periods[1].rate = RATING_RATES, "RATE_UNKNOWN", "periods[1].rate");
    WITH(tou, p->period_count = RATING_PERIODS_MAX + 1, "PERIODS_TOO_MANY", "periods");
    WITH(tou, p->period_count = 1, "PERIOD_GAP", "periods[0].to");
    WITH(tou, p->periods[1].to_minute = 479, "PERIOD_GAP", "periods[1].to");
    WITH(tou, p->periods[1].to_minute = 481, "PERIOD_OVERLAP", "periods[1]");
    WITH(tou, p->periods[0].to_minute = 480, "PERIOD_EMPTY", "periods[0]");
    WITH(tou, p->periods[0].from_minute = 1440, "TIME_SYNTAX", "periods[0].from");
    WITH(tou, p->periods[0].to_minute = 1441, "TIME_SYNTAX", "periods[0].to");
}

static void try_ladders(void)
{
    WITH(ladder, p->ladder.cycle = RATING_CYCLES, "CYCLE_UNKNOWN", "cycle");
    WITH(ladder, p->ladder.step_count = 0, "STEPS_NONE", "steps");
    WITH(ladder, p->ladder.step_count = RATING_STEPS_MAX + 1, "STEPS_TOO_MANY", "steps");
    WITH(ladder, p->ladder.form = RATING_BY_MATRIX, "STEP_FORM_KIND", "steps");
    WITH(ladder, p->ladder.form = RATING_FORMS, "STEP_FORM_KIND", "steps");
    WITH(matrix, p->ladder.form = RATING_BY_PRICE, "STEP_FORM_KIND", "steps");
    WITH(matrix, p->ladder.apportion = RATING_APPORTIONS, "APPORTION_UNKNOWN", "apportion");
    WITH(ladder, p->price_e8 = -1, "PRICE_NEGATIVE", "price");
    VALID(high, p->price_e8 = -1); /* by price: there is no base */
    WITH(ladder, p->ladder.steps[1].price_e8 = -1, "PRICE_NEGATIVE", "steps[1].surcharge");
    WITH(high, p->ladder.steps[1].price_e8 = -1, "PRICE_NEGATIVE", "steps[1].price");
    WITH(matrix, p->ladder.steps[1].rate_price_e8[RATING_PEAK] = -1, "PRICE_NEGATIVE",
         "steps[1].prices");
    WITH(matrix, p->priced[RATING_PEAK] = false, "PRICES_NONE", "steps[0].prices");
    WITH(ladder, p->ladder.steps[0].to_wh = 0, "STEP_ORDER", "steps[0].to");
    VALID(ladder, p->ladder.steps[0].to_wh = 1);
    WITH(ladder, p->ladder.steps[1].to_wh = 240'000, "STEP_ORDER", "steps[1].to");
    VALID(ladder, p->ladder.steps[1].to_wh = 240'001);
    VALID(ladder, p->ladder.steps[1].to_wh = RATING_BOUND_MAX_WH);
    WITH(ladder, p->ladder.steps[1].to_wh = RATING_BOUND_MAX_WH + 1, "QUANTITY_TOO_LARGE",
         "steps[1].to");
    WITH(ladder, p->ladder.steps[1].to_wh = RATING_STEP_OPEN, "STEP_OPEN_END", "steps[1].to");
    WITH(ladder, p->ladder.steps[2].to_wh = 500'000, "STEP_OPEN_END", "steps[2].to");
    WITH(ladder, p->ladder.steps[0].to_high_wh = 1, "HIGH_SEASON", "steps[0].to_high");
    WITH(high, p->ladder.steps[0].to_high_wh = 0, "STEP_ORDER", "steps[0].to_high");
    VALID(high, p->ladder.high_from = p->ladder.high_to = 1);
    VALID(high, p->ladder.high_from = p->ladder.high_to = 12);
    WITH(high, p->ladder.high_from = 13, "HIGH_SEASON", "high_season");
    WITH(high, p->ladder.high_to = 13, "HIGH_SEASON", "high_season");
    WITH(high, p->ladder.high_to = 0, "HIGH_SEASON", "high_season");
    WITH(high, p->ladder.high_from = 0, "HIGH_SEASON", "high_season");
    WITH(high, p->ladder.cycle = RATING_SEASON;
         p->ladder.start.month = 1, "HIGH_SEASON", "high_season");
    VALID(high, p->ladder.household_from = RATING_PERSONS_MAX);
    WITH(high, p->ladder.household_from = RATING_PERSONS_MAX + 1, "HOUSEHOLD", "household");
    WITH(high, p->ladder.household_extra_wh = -1, "QUANTITY_TOO_LARGE", "household");
    WITH(high, p->ladder.household_each_more_wh = -1, "QUANTITY_TOO_LARGE", "household");
    VALID(high, p->ladder.household_extra_wh = RATING_BOUND_MAX_WH);
    WITH(high, p->ladder.household_extra_wh = RATING_BOUND_MAX_WH + 1, "QUANTITY_TOO_LARGE",
         "household");
    WITH(high, p->ladder.household_each_more_wh = RATING_BOUND_MAX_WH + 1, "QUANTITY_TOO_LARGE",
         "household");
    VALID(high, p->ladder.household_each_more_wh = RATING_BOUND_MAX_WH);
    VALID(high, p->ladder.steps[0].own_surplus = true);
    WITH(high, p->ladder.steps[1].own_surplus = true, "STEP_OPEN_END", "steps[1].extra");
    WITH(ladder, p->ladder.steps[0].own_surplus = true, "MEMBER_MISSING", "household");
    WITH(high, p->ladder.steps[0].extra_wh = -1, "QUANTITY_TOO_LARGE", "steps[0].extra");
    WITH(high, p->ladder.steps[0].each_more_wh = -1, "QUANTITY_TOO_LARGE", "steps[0].extra");
    WITH(high, p->ladder.steps[0].extra_wh = RATING_BOUND_MAX_WH + 1, "QUANTITY_TOO_LARGE",
         "steps[0].extra");
    WITH(ladder, (p->price_e8 = RATING_PRICE_MAX_E8, p->ladder.steps[2].price_e8 = 1),
         "PRICE_TOO_LARGE", "steps[1].surcharge");
}

static void try_days(void)
{
    VALID(year, (void)p);
    WITH(year, p->ladder.start.day = 29, "CYCLE_DAY", "start");
    WITH(year, p->ladder.start.day = 0, "CYCLE_DAY", "start");
    WITH(year, p->ladder.start.month = 0, "CYCLE_DAY", "start");
    WITH(year, p->ladder.start.month = 13, "CYCLE_DAY", "start");
    WITH(year, p->ladder.end.month = 1, "CYCLE_DAY", "end");
    WITH(year, p->ladder.end.day = 1, "CYCLE_DAY", "end");
    WITH(ladder, p->ladder.start.month = 1, "CYCLE_DAY", "start");
    VALID(ladder, p->ladder.start.day = 28);
    WITH(ladder, p->ladder.start.day = 29, "CYCLE_DAY", "start");
    VALID(heating, p->ladder.start = ((struct rating_day){2, 29}));
    WITH(heating, p->ladder.start = ((struct rating_day){2, 30}), "CYCLE_DAY", "start");
    VALID(heating, p->ladder.end = ((struct rating_day){4, 30}));
    WITH(heating, p->ladder.end = ((struct rating_day){4, 31}), "CYCLE_DAY", "end");
    WITH(heating, p->ladder.end.day = 0, "CYCLE_DAY", "end");
    VALID(heating, p->ladder.move_in = RATING_MOVE_IN_DAYS);
    WITH(heating, p->ladder.move_in = RATING_MOVE_IN_MONTHS, "MOVE_IN_CYCLE", "move_in");
    VALID(year, p->ladder.move_in = RATING_MOVE_IN_MONTHS);
}

static void try_parts(void)
{
    VALID(fees, (void)p);
    WITH(fees, p->component_count = RATING_PARTS_MAX + 1, "PARTS_TOO_MANY", "components");
    WITH(fees, p->fee_count = RATING_PARTS_MAX + 1, "PARTS_TOO_MANY", "fees");
    WITH(fees, p->components[0].code[0] = 0, "CODE_SYNTAX", "components[0].code");
    WITH(fees, strcpy(p->components[1].code, "tax"), "CODE_REPEATED", "components[1].code");
    WITH(fees, strcpy(p->fees[3].code, "heat"), "CODE_REPEATED", "fees[3].code");
    WITH(fees, strcpy(p->fees[3].code, "rent"), "CODE_REPEATED", "fees[3].code");
    WITH(fees, p->components[1].per = RATING_PER_DAY, "PER_UNKNOWN", "components[1].per");
    WITH(fees, p->fees[0].per = RATING_PER_UNIT, "PER_UNKNOWN", "fees[0].per");
    WITH(fees, p->fees[0].per = RATING_PERS, "PER_UNKNOWN", "fees[0].per");
    VALID(fees, p->fees[0].rounding = RATING_ROUNDING_PLAN);
    WITH(fees, p->fees[0].rounding = RATING_ROUNDING_PLAN + 1, "ROUNDING_UNKNOWN",
         "fees[0].rounding");
    WITH(fees, p->fees[0].price_e8 = -1, "PRICE_NEGATIVE", "fees[0].price");
    WITH(fees, p->fees[0].start.month = 1, "FEE_MEMBER", "fees[0].start");
    WITH(fees, p->fees[0].start.day = 1, "FEE_MEMBER", "fees[0].start");
    WITH(fees, p->fees[0].end.month = 1, "FEE_MEMBER", "fees[0].start");
    WITH(fees, p->fees[0].end.day = 1, "FEE_MEMBER", "fees[0].start");
    WITH(fees, p->fees[0].by_cycle = true, "FEE_MEMBER", "fees[0].cycle");
    WITH(fees, p->fees[3].cycle = RATING_SEASON, "FEE_CYCLE", "fees[3].cycle");
    WITH(fees, p->fees[3].start.month = 1, "FEE_CYCLE", "fees[3].start");
    WITH(fees, p->fees[2].start = p->fees[2].end = (struct rating_day){}, "FEE_CYCLE",
         "fees[2].start");
    WITH(fees, p->fees[2].start.day = 31, "CYCLE_DAY", "fees[2].start");
    WITH(fees, p->fees[2].end.day = 32, "CYCLE_DAY", "fees[2].end");
    WITH(fees, p->fees[0].floor_percent = 1, "FEE_MEMBER", "fees[0].floor_percent");
    WITH(fees, p->fees[0].over_percent = 1, "FEE_MEMBER", "fees[0].over_percent");
    VALID(fees, p->fees[1].floor_percent = p->fees[1].over_percent = 1000);
    WITH(fees, p->fees[1].floor_percent = 1001, "PERCENT_RANGE", "fees[1].floor_percent");
    WITH(fees, p->fees[1].over_percent = 1001, "PERCENT_RANGE", "fees[1].over_percent");
    VALID(fees, p->fees[1].over_percent = 40);
    WITH(fees, p->fees[1].over_percent = 39, "PERCENT_RANGE", "fees[1].over_percent");
    VALID(fees, p->fees[1].over_percent = 0);
    WITH(fees, p->fees[1].over_price_e8 = -1, "OVER_FACTOR", "fees[1].over_factor");
    VALID(fees, p->fees[1].over_price_e8 = INT64_C(100000000000));
    WITH(fees, p->fees[1].over_price_e8 = INT64_C(100000000001), "OVER_FACTOR",
         "fees[1].over_factor");
    VALID(fees, p->fees[1].utilised_wh = RATING_BOUND_MAX_WH);
    WITH(fees, p->fees[1].utilised_wh = -1, "UTILISED", "fees[1].utilised_from");
    WITH(fees, p->fees[1].utilised_wh = RATING_BOUND_MAX_WH + 1, "UTILISED",
         "fees[1].utilised_from");
    WITH(fees, p->fees[0].utilised_wh = 1, "FEE_MEMBER", "fees[0].utilised_from");
    WITH(fees, (p->fees[1].utilised_wh = 1, p->fees[1].utilised_price_e8 = -1), "PRICE_NEGATIVE",
         "fees[1].utilised_percent");
    WITH(fees,
         (p->fees[1].utilised_wh = 1, p->fees[1].utilised_over_price_e8 = INT64_C(100000000001)),
         "PRICE_TOO_LARGE", "fees[1].utilised_percent");
}

static void try_rules(void)
{
    WITH(fees, p->unit = RATING_M3, "FACTOR_UNIT", "power_factor");
    WITH(fees, p->power_factor.on_energy = false, "FACTOR_ON", "power_factor.on");
    VALID(fees, p->power_factor.on_energy = false; p->power_factor.on_capacity = true);
    VALID(fees, p->power_factor.on_energy = false; p->power_factor.on_demand = true);
    WITH(fees, p->power_factor.row_count = RATING_POWER_FACTORS_MAX + 1, "FACTOR_TABLE",
         "power_factor.table");
    VALID(fees, p->power_factor.standard = 100);
    WITH(fees, p->power_factor.standard = 101, "FACTOR_TABLE", "power_factor.table");
    VALID(fees, p->power_factor.rows[0].from = 100);
    WITH(fees, p->power_factor.rows[0].from = 101, "FACTOR_TABLE", "power_factor.table[0].from");
    WITH(fees, p->power_factor.rows[0].from = 0, "FACTOR_TABLE", "power_factor.table[1].from");
    WITH(fees, p->power_factor.rows[1].from = 1, "FACTOR_TABLE", "power_factor.table[1].from");
    VALID(fees, p->power_factor.rows[0].percent_e4 = -1'000'000);
    WITH(fees, p->power_factor.rows[0].percent_e4 = -1'000'001, "PERCENT_RANGE",
         "power_factor.table[0].percent");
    VALID(fees, p->power_factor.rows[1].percent_e4 = 10'000'000);
    WITH(fees, p->power_factor.rows[1].percent_e4 = 10'000'001, "PERCENT_RANGE",
         "power_factor.table[1].percent");
    WITH(fees, p->subsidy_count = RATING_SUBSIDIES_MAX + 1, "SUBSIDIES_TOO_MANY", "subsidies");
    WITH(fees, p->subsidies[0].code[0] = 'A', "CODE_SYNTAX", "subsidies[0].code");
    WITH(fees, strcpy(p->subsidies[2].code, "b"), "CODE_REPEATED", "subsidies[2].code");
    WITH(fees, strcpy(p->subsidies[2].code, "a"), "CODE_REPEATED", "subsidies[2].code");
    WITH(fees, p->subsidies[0].amount_fen = 0, "AMOUNT_FEN", "subsidies[0].amount");
    WITH(fees, p->subsidies[2].amount_fen = UNITS_FEN_MAX + 1, "AMOUNT_FEN", "subsidies[2].amount");
    VALID(fees, p->subsidies[2].amount_fen = UNITS_FEN_MAX);
    WITH(fees, p->ceiling.catalogue_e8 = -1, "CEILING", "ceiling.catalogue");
    VALID(fees, p->ceiling.catalogue_e8 = INT64_C(100000000000));
    WITH(fees, p->ceiling.catalogue_e8 = INT64_C(100000000001), "CEILING", "ceiling.catalogue");
    VALID(fees, p->ceiling.percent_e4 = -1'000'000);
    WITH(fees, p->ceiling.percent_e4 = -1'000'001, "PERCENT_RANGE", "ceiling.percent");
    VALID(fees, p->ceiling.percent_e4 = 10'000'000);
    WITH(fees, p->ceiling.percent_e4 = 10'000'001, "PERCENT_RANGE", "ceiling.percent");
    WITH(fees, p->ceiling.block = true;
         p->ceiling.catalogue_e8 = 1, "PRICE_ABOVE_CEILING", "price");
}

static void try_dates(void)
{
    VALID(dated, (void)p);
    WITH(dated, p->schedules[0].date_count = 1, "DATES_TOO_MANY", "schedules[0].dates");
    VALID(dated, p->schedules[0].date_count = (uint8_t)(p->date_count = 1));
    WITH(dated, p->date_count = RATING_DATES_MAX + 1, "DATES_TOO_MANY", "schedules[0].dates");
    WITH(dated, p->schedules[0].date_count = (uint8_t)(p->date_count = 2), "DATES_ORDER",
         "schedules[0].dates");
    WITH(dated, p->schedule_count = RATING_SCHEDULES_MAX + 1, "SCHEDULES_TOO_MANY", "schedules");
    WITH(dated, p->schedules[0].from.day = 32, "SCHEDULE_DAY", "schedules[0].from");
    WITH(dated, p->schedules[0].from.month = 0, "SCHEDULE_DAY", "schedules[0].from");
    WITH(dated, p->schedules[0].to.day = 0, "SCHEDULE_DAY", "schedules[0].to");
    WITH(dated, p->schedules[0].to.month = 0, "SCHEDULE_DAY", "schedules[0].to");
    WITH(dated, p->calendar[0] = 0, "CALENDAR_MISSING", "schedules[0].days");
    WITH(dated, p->schedules[1].months = 1, "SCHEDULE_GAP", "schedules[1]");
    WITH(dated, p->schedules[1].days = 1, "SCHEDULE_GAP", "schedules[1]");
    WITH(dated, p->schedules[1].from = p->schedules[1].to = ((struct rating_day){1, 1}),
         "SCHEDULE_GAP", "schedules[1]");
    WITH(dated, p->schedules[0].months = p->schedules[0].days = 0;
         p->schedules[0].from = p->schedules[0].to = (struct rating_day){}, "SCHEDULE_UNREACHABLE",
         "schedules[1]");
    WITH(dated, p->schedules[0].rate_price_e8[RATING_PEAK] = -1, "PRICE_NEGATIVE",
         "schedules[0].prices");
    WITH(dated, p->schedules[0].period_count = RATING_SCHEDULE_PERIODS_MAX + 1, "PERIODS_TOO_MANY",
         "schedules[0].periods");
    WITH(dated, p->schedules[1].periods[0].to_minute = 1439, "PERIOD_GAP",
         "schedules[1].periods[0].to");
    WITH(dated, p->month_count = RATING_MONTHS_MAX + 1, "MONTH_TWICE", "by_month");
    WITH(dated, p->months[0].months = 0, "MONTHS_NONE", "by_month[0]");
    WITH(dated, p->months[0].months = 0x1000, "MONTHS_NONE", "by_month[0]");
    VALID(dated, p->months[0].months = 0xffd);
    WITH(dated, p->months[1].months = 1, "MONTH_TWICE", "by_month[1].months");
    WITH(dated, p->months[0].form = RATING_MONTH_ONE, "MONTH_FORM", "by_month[0]");
    WITH(dated, p->months[0].form = RATING_MONTH_STEPS, "MONTH_FORM", "by_month[0]");
    WITH(dated, p->months[0].first = RATING_MONTH_PRICES_MAX, "MONTH_FORM", "by_month[0]");
    WITH(dated, p->months[0].rows = 0, "MONTH_STEP_COUNT", "by_month[0].prices");
    WITH(dated, p->months[0].rows = 2, "MONTH_STEP_COUNT", "by_month[0].prices");
    WITH(dated, p->month_prices[0].priced = RATING_PRICED_ONE, "MONTH_FORM", "by_month[0]");
    WITH(dated, p->quota.amount_wh = -1, "QUOTA_RANGE", "free_quota");
    VALID(dated, p->quota.amount_wh = RATING_BOUND_MAX_WH);
    WITH(dated, p->quota.amount_wh = RATING_BOUND_MAX_WH + 1, "QUOTA_RANGE", "free_quota");
    WITH(dated, p->quota.cycle = RATING_HEATING_SEASON, "QUOTA_RANGE", "free_quota");
    WITH(dated, p->quota.start.month = 1, "CYCLE_DAY", "free_quota.start");
    VALID(dated, p->quota.start.day = 28);
    WITH(dated, p->quota.start.day = 29, "CYCLE_DAY", "free_quota.start");
}

static void try_mixes(void)
{
    VALID(mix, (void)p);
    WITH(mix, p->mix_count = RATING_MIX_MAX + 1, "MIX_TOO_MANY", "mix");
    WITH(mix, p->mix[1].has_rates = true, "MIX_RATES", "mix[1]");
    WITH(mix, p->mix[0].percent_e4 = 0, "PERCENT_RANGE", "mix[0].percent");
    WITH(mix, p->mix[2].percent_e4 = 1'000'001, "PERCENT_RANGE", "mix[2].percent");
    WITH(mix, p->mix[2].percent_e4++, "MIX_SUM", "mix");
    WITH(mix, p->mix_count = 2, "MIX_SUM", "mix");
    VALID(mix, p->mix_count = 1; p->mix[0].percent_e4 = 1'000'000);
    WITH(mix, strcpy(p->mix[2].code, "b"), "CODE_REPEATED", "mix[2].code");
    WITH(mix, strcpy(p->mix[2].code, "a"), "CODE_REPEATED", "mix[2].code");
    WITH(mix, p->mix[2].price_e8[0] = -1, "PRICE_NEGATIVE", "mix[2].price");
    WITH(mix, p->month_count = 1;
         p->months[0] = ((struct rating_month_entry){1, RATING_MONTH_ONE, 0, 1});
         p->month_prices[0].priced = RATING_PRICED_ONE, "MIX_ALONE", "by_month");
}

int main(void)
{
    try_kinds();
    try_ladders();
    try_days();
    try_parts();
    try_rules();
    try_dates();
    try_mixes();
    printf("%d passed, %d failed\n", passed, failed);
    return failed || !passed;
}
