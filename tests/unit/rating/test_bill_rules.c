/* What a bill has besides its energy: worked examples by hand, and each rule at its edges. */
#include "tests/unit/check.h"

#include "rating/bill_impl.h"

#define EAST (8 * 3600)
#define DAY INT64_C(86'400)
#define FLAT(price, rest) "{\"kind\":\"flat\",\"price\":\"" price "\"," rest "}"

static struct rating_plan plan_of(const char *json)
{
    struct rating_plan plan;
    struct rating_problem problem;
    enum err e = rating_plan_parse(json, strlen(json), &plan, &problem);
    if (e != ERR_OK)
        fail_msg("%s at %s: %s", rating_reason_name(problem.reason), problem.place, json);
    return plan;
}

static wall_s midnight(int year, unsigned month, unsigned day)
{
    return civil_day_start(civil_days_from_date(year, month, day), EAST);
}

static struct rating_case between(wall_s from, wall_s to, int64_t used_wh)
{
    return (struct rating_case){.to = {.total_wh = used_wh, .rate_wh = {used_wh}},
                                .opened_at = from,
                                .reading_at = to,
                                .closed_at = to,
                                .offset_s = EAST};
}

/* The first bill of an account, for one whole month. */
static struct rating_case april(int64_t used_wh)
{
    return between(midnight(2026, 4, 1), midnight(2026, 5, 1), used_wh);
}

static int64_t bill_fen(const struct rating_plan *plan, const struct rating_case *c,
                        struct rating_bill *bill)
{
    struct rating_position position = {};
    assert_ok(rating_period(plan, c, &position, bill));
    return bill->amount_fen;
}

static const struct rating_line *line_of(const struct rating_bill *bill, enum rating_item_kind kind)
{
    for (size_t i = 0; i < bill->line_count; i++)
        if (bill->lines[i].kind == kind)
            return &bill->lines[i];
    fail_msg("no line of kind %s", rating_item_name(kind));
    return NULL;
}

/* --- area
 * ------------------------------------------------------------------------------------------ */

#define HEAT(unit, price)                                                                          \
    "{\"kind\":\"flat\",\"unit\":\"" unit "\",\"price\":\"" price "\",\"fees\":[{\"code\":"        \
    "\"basic\",\"price\":\"12\",\"per\":\"area\",\"cycle\":\"heating_season\","                    \
    "\"start\":\"11-15\",\"end\":\"03-15\"}]}"

/* 90 m2 and 6000 kWh, or 21.6 GJ, which is not the same money. */
static void heat_of_a_season(void **state)
{
    (void)state;
    struct rating_plan kwh = plan_of(HEAT("kWh", "0.16")), gj = plan_of(HEAT("GJ", "44.45"));
    struct rating_case c = between(midnight(2026, 11, 15), midnight(2027, 3, 16), 6'000'000);
    struct rating_bill bill;
    c.area_milli_m2 = 90'000;
    assert_int_equal(bill_fen(&kwh, &c, &bill), 204'000);
    c.to.total_wh = 21'600;
    assert_int_equal(bill_fen(&gj, &c, &bill), 96'012 + 108'000);
    c.closed_at = c.reading_at = midnight(2026, 12, 1); /* 16 of 121 days */
    assert_int_equal(bill_fen(&gj, &c, &bill), 96'012 + 14'280);
    assert_int_equal(line_of(&bill, RATING_ITEM_FEE)->quantity_wh, 11'900);
    c.opened_at = midnight(2026, 4, 1); /* no day of a season */
    c.closed_at = c.reading_at = midnight(2026, 11, 15);
    assert_int_equal(bill_fen(&gj, &c, &bill), 96'012);
}

static void area_without_an_area(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(HEAT("kWh", "0.16"));
    struct rating_case c = between(midnight(2026, 11, 15), midnight(2026, 11, 16), 1000);
    struct rating_position position = {}, before = {};
    struct rating_bill bill;
    assert_err(ERR_RATING_FEE, rating_period(&plan, &c, &position, &bill));
    assert_memory_equal(&position, &before, sizeof position);
    c = between(midnight(2026, 3, 16), midnight(2026, 11, 15), 1000); /* no day of a season */
    assert_int_equal(bill_fen(&plan, &c, &bill), 16);
}

/* The days of each cycle add up to the area, whatever the area and the cycle. */
static void shares_of_an_area_add_up(void **state)
{
    (void)state;
    struct rating_part year = {.per = RATING_PER_AREA, .by_cycle = true, .cycle = RATING_YEAR};
    struct rating_part season = year;
    season.cycle = RATING_HEATING_SEASON;
    season.start = (struct rating_day){11, 15};
    season.end = (struct rating_day){2, 29};
    for (int64_t area = 1; area < 400'000; area += 9'973) {
        int64_t sum = 0, winter = 0;
        for (int32_t day = civil_days_from_date(2028, 1, 1); day < civil_days_from_date(2029, 1, 1);
             day++)
            sum += rating_area_share(&year, area, day, day);
        assert_int_equal(sum, area);
        for (int32_t day = civil_days_from_date(2026, 11, 10);
             day < civil_days_from_date(2027, 11, 1); day++)
            winter += rating_area_share(&season, area, day, day);
        assert_int_equal(winter, area);
        assert_int_equal(rating_area_share(&season, area, civil_days_from_date(2026, 11, 1),
                                           civil_days_from_date(2028, 10, 31)),
                         2 * area);
    }
    /* the 29th of February is the 28th in other years */
    assert_int_equal(rating_area_share(&season, 1000, civil_days_from_date(2027, 3, 1),
                                       civil_days_from_date(2027, 11, 14)),
                     0);
    assert_int_not_equal(rating_area_share(&season, 107'000, civil_days_from_date(2028, 2, 29),
                                           civil_days_from_date(2028, 2, 29)),
                         0);
}

/* --- capacity and demand
 * --------------------------------------------------------------------------- */

static void capacity_by_the_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(
        FLAT("0.5", "\"fees\":[{\"code\":\"basic\",\"price\":\"24\",\"per\":\"capacity\"}]"));
    struct rating_case c = april(1'000'000);
    struct rating_position position = {};
    struct rating_bill bill;
    c.capacity_milli_kva = 315'000;
    assert_int_equal(bill_fen(&plan, &c, &bill), 50'000 + 756'000);
    c.closed_at = c.reading_at = midnight(2026, 6, 2); /* touches three months */
    assert_int_equal(bill_fen(&plan, &c, &bill), 50'000 + 3 * 756'000);
    c.capacity_milli_kva = 0;
    assert_err(ERR_RATING_FEE, rating_period(&plan, &c, &position, &bill));
    assert_false(position.begun);
}

#define DEMAND                                                                                     \
    FLAT("0.5", "\"fees\":[{\"code\":\"basic\",\"per\":\"demand\",\"over_factor\":\"2\","          \
                "\"price\":\"38\",\"floor_percent\":\"40\",\"over_percent\":\"105\"}]")

/* 200 kW contracted: at least 80 kW, and what is above 210 kW costs double. */
static void demand_of_a_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(DEMAND);
    static const struct {
        int64_t demand_kw, fen;
    } rows[] = {{50, 304'000},  {80, 304'000},  {81, 307'800},
                {210, 798'000}, {211, 805'600}, {230, 950'000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rating_case c = april(0);
        struct rating_bill bill;
        c.contracted_milli_kw = 200'000;
        c.demand_milli_kw = rows[i].demand_kw * 1000;
        assert_int_equal(bill_fen(&plan, &c, &bill), rows[i].fen);
    }
    struct rating_case c = april(0);
    struct rating_position position = {};
    struct rating_bill bill;
    c.demand_milli_kw = 100'000; /* a floor needs the contract */
    assert_err(ERR_RATING_FEE, rating_period(&plan, &c, &position, &bill));
}

/* The floor on the first day, then what the demand rises; the next month begins anew. */
static void demand_day_by_day(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(DEMAND);
    static const int64_t highest_kw[] = {50, 90, 70, 230, 230};
    static const int64_t fen[] = {304'000, 38'000, 0, 120 * 3'800 + 20 * 7'600, 0};
    struct rating_position position = {};
    struct rating_bill bill;
    for (int i = 0; i < 5; i++) {
        wall_s from = {midnight(2026, 4, 26).s + i * DAY};
        struct rating_case c = between(from, (wall_s){from.s + DAY}, 0);
        c.contracted_milli_kw = 200'000;
        c.demand_milli_kw = highest_kw[i] * 1000;
        assert_ok(rating_period(&plan, &c, &position, &bill));
        assert_int_equal(bill.amount_fen, fen[i]);
    }
    struct rating_case c = between(midnight(2026, 5, 1), midnight(2026, 5, 2), 0);
    c.contracted_milli_kw = 200'000;
    c.demand_milli_kw = 10'000;
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 304'000);
}

static void first_recharge_of_a_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(
        FLAT("0.5", "\"fees\":[{\"code\":\"sms\",\"price\":\"1.5\",\"per\":\"first_recharge\"}]"));
    struct rating_case c = april(10'000);
    struct rating_bill bill;
    assert_int_equal(bill_fen(&plan, &c, &bill), 500);
    c.first_recharges = 1;
    assert_int_equal(bill_fen(&plan, &c, &bill), 650);
}

/* --- power factor
 * ---------------------------------------------------------------------------------- */

static void power_factor_is_exact(void **state)
{
    (void)state;
    static const struct {
        int64_t active, reactive;
        unsigned hundredths;
    } rows[] = {{4, 3, 80},
                {3, 4, 60},
                {1, 0, 100},
                {0, 1, 0},
                {0, 0, RATING_FACTOR_NONE},
                {10'000, 4'843, 90},
                {10'000, 4'844, 89}, /* tan(acos(0.9)) = 0.48432.. */
                {7, 24, 28},
                {24, 7, 96},
                {RATING_FACTOR_ENERGY_MAX, RATING_FACTOR_ENERGY_MAX, 70},
                {RATING_FACTOR_ENERGY_MAX, 1, 99},
                {RATING_FACTOR_ENERGY_MAX / 5 * 4, RATING_FACTOR_ENERGY_MAX / 5 * 3, 80},
                {RATING_FACTOR_ENERGY_MAX / 5 * 4 - 1, RATING_FACTOR_ENERGY_MAX / 5 * 3, 79}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rating_factor_hundredths(rows[i].active, rows[i].reactive),
                         rows[i].hundredths);
}

/* The bounds of the national table, reactive over active energy. */
static void nearest_power_factor_is_exact(void **state)
{
    (void)state;
    static const struct {
        int64_t active, reactive;
        unsigned hundredths;
    } rows[] = {{0, 0, RATING_FACTOR_NONE},
                {0, 1, 0},
                {1, 0, 100},
                {10'000, 1'003, 100},
                {10'000, 1'004, 99},
                {10'000, 4'700, 91},
                {10'000, 4'701, 90},
                {10'000, 4'983, 90},
                {10'000, 4'984, 89},
                {60'000, 63'000, 69},
                {1, 199, 1},
                {1, 200, 0},
                {RATING_FACTOR_ENERGY_MAX, RATING_FACTOR_ENERGY_MAX, 71},
                {RATING_FACTOR_ENERGY_MAX, 1, 100},
                {1, RATING_FACTOR_ENERGY_MAX, 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(rating_factor_nearest(rows[i].active, rows[i].reactive),
                         rows[i].hundredths);
}

#define FACTOR(on)                                                                                 \
    "\"power_factor\":{\"standard\":\"0.90\",\"table\":[{\"from\":\"0.95\",\"percent\":"           \
    "\"-0.75\"},{\"from\":\"0.90\",\"percent\":\"0\"},{\"from\":\"0.80\",\"percent\":\"5\"},"      \
    "{\"from\":\"0\",\"percent\":\"12.5\"}],\"on\":[" on "]}"
#define FACTOR_PLAN(on)                                                                            \
    FLAT("0.6", FACTOR(on) ",\"fees\":[{\"code\":\"basic\",\"price\":\"24\",\"per\":"              \
                           "\"capacity\"}],\"components\":[{\"code\":\"fund\",\"price\":"          \
                           "\"0.02\"}]")

/* 10,000 kWh: 6000.00 of energy, 200.00 of funds, 100 kVA for 2400.00. */
static void power_factor_of_a_month(void **state)
{
    (void)state;
    struct rating_plan energy = plan_of(FACTOR_PLAN("\"energy\""));
    struct rating_plan both = plan_of(FACTOR_PLAN("\"energy\",\"capacity\""));
    struct rating_case c = april(10'000'000);
    struct rating_bill bill;
    c.capacity_milli_kva = 100'000;
    c.reactive_known = true;
    c.reactive_wh = 7'500'000; /* 0.80 */
    assert_int_equal(bill_fen(&energy, &c, &bill), 860'000 + 30'000);
    const struct rating_line *line = line_of(&bill, RATING_ITEM_FACTOR);
    assert_int_equal(line->quantity_wh, 600'000);
    assert_int_equal(line->from_wh, 10'000'000); /* what it was found from */
    assert_int_equal(line->to_wh, 7'500'000);
    assert_int_equal(line->quantity_wh * line->price_e8,
                     line->amount_fen * UNITS_EXACT_PER_FEN + line->carry_out - line->carry_in);
    assert_int_equal(bill_fen(&both, &c, &bill), 860'000 + 42'000);
    c.reactive_wh = 7'500'001; /* 0.79 */
    assert_int_equal(bill_fen(&energy, &c, &bill), 860'000 + 75'000);
    c.reactive_wh = 4'843'000; /* 0.90: nothing, and no line */
    assert_int_equal(bill_fen(&energy, &c, &bill), 860'000);
    assert_int_equal(bill.line_count, 3);
    c.reactive_wh = 1'000'000; /* 0.99 */
    assert_int_equal(bill_fen(&both, &c, &bill), 860'000 - 6'300);
}

static void power_factor_without_a_reading(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(FLAT("0.6", FACTOR("\"energy\"")));
    struct rating_case c = april(10'000'000);
    struct rating_position position = {};
    struct rating_bill bill;
    assert_err(ERR_RATING_FEE, rating_period(&plan, &c, &position, &bill));
    c.reactive_known = true;
    c.reactive_wh = -1;
    assert_err(ERR_RATING_BACKWARDS, rating_period(&plan, &c, &position, &bill));
    c.reactive_wh = 0;
    c.to.total_wh = c.to.rate_wh[0] = 0; /* nothing flowed: no factor, no line */
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.line_count, 0);
}

/* The month's factor changes with a later bill: what was charged is taken back. */
static void power_factor_in_two_bills(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(FLAT("0.6", FACTOR("\"energy\"")));
    struct rating_case c = between(midnight(2026, 4, 1), midnight(2026, 4, 11), 4'000'000);
    struct rating_position position = {};
    struct rating_bill bill;
    c.reactive_known = true;
    c.reactive_wh = 3'000'000; /* 0.80 */
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 240'000 + 12'000);
    c = between(midnight(2026, 4, 11), midnight(2026, 4, 21), 4'000'000);
    c.reactive_known = true;
    c.reactive_wh = 3'000'000; /* stays: one line on this bill's energy */
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.line_count, 2);
    assert_int_equal(bill.amount_fen, 240'000 + 12'000);
    c = between(midnight(2026, 4, 21), midnight(2026, 5, 1), 12'000'000); /* 20 and 6: 0.95 */
    c.reactive_known = true;
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.line_count, 3);
    assert_int_equal(bill.lines[1].amount_fen, -9'000); /* 0.75 % of 12,000.00 */
    assert_int_equal(bill.lines[2].amount_fen, -24'000);
    assert_int_equal(position.month, 0);
}

/* --- minimum and subsidies
 * ------------------------------------------------------------------------- */

static void minimum_of_a_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(FLAT("0.5", "\"minimum\":\"30\",\"minimum_per\":\"month\""));
    struct rating_position position = {};
    struct rating_bill bill;
    struct rating_case c = between(midnight(2026, 4, 1), midnight(2026, 4, 11), 20'000);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 1000);
    c = between(midnight(2026, 4, 11), midnight(2026, 5, 11), 60'000); /* 40 in April, 20 in May */
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.line_count, 2); /* 10 + 20 are 30 */
    assert_int_equal(bill.amount_fen, 3000);
    c = between(midnight(2026, 5, 11), midnight(2026, 5, 31), 10'000);
    c.month_ends = true; /* moves out */
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 3000 - 1000);
    assert_int_equal(line_of(&bill, RATING_ITEM_MINIMUM)->amount_fen, 1500);
}

static void minimum_of_a_bill(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(FLAT("0.5", "\"minimum\":\"30\",\"minimum_per\":\"bill\""));
    struct rating_case c = between(midnight(2026, 4, 1), midnight(2026, 4, 2), 20'000);
    struct rating_bill bill;
    assert_int_equal(bill_fen(&plan, &c, &bill), 3000);
    c.to.total_wh = 60'000;
    assert_int_equal(bill_fen(&plan, &c, &bill), 3000);
    assert_int_equal(bill.line_count, 1);
}

#define SUBSIDIES                                                                                  \
    FLAT("0.5", "\"subsidies\":[{\"code\":\"low_income\",\"amount\":\"10.00\",\"per\":\"month\"}," \
                "{\"code\":\"student\",\"amount\":\"5\",\"per\":\"month\"}]")

static void subsidies_of_a_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(SUBSIDIES);
    struct rating_position position = {};
    struct rating_bill bill;
    static const int64_t used_wh[] = {12'000, 14'000, 20'000, 2'000};
    static const int64_t fen[] = {0, 0, 800, 100}; /* 6, 13, 23, 24 yuan less up to 15 */
    static const int64_t given_fen[] = {600, 400, 200, 0};
    for (int i = 0; i < 4; i++) {
        wall_s from = {midnight(2026, 4, 1).s + i * DAY};
        struct rating_case c = between(from, (wall_s){from.s + DAY}, used_wh[i]);
        assert_ok(rating_period(&plan, &c, &position, &bill));
        assert_int_equal(bill.amount_fen, fen[i]);
        if (given_fen[i] > 0)
            assert_int_equal(bill.lines[1].amount_fen, -given_fen[i]);
    }
    /* the rest of a month is lost: 5 yuan in May get 5, in June 20 get 15 */
    struct rating_case c = between(midnight(2026, 5, 1), midnight(2026, 5, 2), 10'000);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 0);
    c = between(midnight(2026, 6, 1), midnight(2026, 6, 2), 40'000);
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 500);
    assert_string_equal(bill.lines[2].code, "student");
}

/* A factor that lowers the month takes back what the subsidy no longer has to pay. */
static void subsidy_never_pays_more_than_the_month(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(FLAT(
        "0.5", FACTOR("\"energy\"") ",\"subsidies\":[{\"code\":\"a\",\"amount\":\"100\",\"per\":"
                                    "\"month\"}]"));
    struct rating_position position = {};
    struct rating_bill bill;
    struct rating_case c = between(midnight(2026, 4, 1), midnight(2026, 4, 2), 40'000);
    c.reactive_known = true;
    c.reactive_wh = 30'000;
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 0);
    assert_int_equal(position.shared.subsidy_fen[0], 2100);
    c = between(midnight(2026, 4, 2), midnight(2026, 4, 3), 60'000); /* 100 and 30: 0.95 */
    c.reactive_known = true;
    assert_ok(rating_period(&plan, &c, &position, &bill));
    assert_int_equal(bill.amount_fen, 0);
    assert_int_equal(position.shared.subsidy_fen[0], 5000 - 38); /* 49.625 yuan, 0.005 are carried */
}

/* --- the ceiling
 * ----------------------------------------------------------------------------------- */

static size_t warned(const char *json, struct rating_problem *first)
{
    struct rating_plan plan = plan_of(json);
    return rating_plan_warnings(&plan, NULL, 0, 1, first, 1);
}

#define CEILING(block) "\"ceiling\":{\"catalogue\":\"0.6500\",\"percent\":\"15\"" block "}"

/* 0.65 yuan and 15 percent are 0.7475. */
static void ceiling_of_a_landlord(void **state)
{
    (void)state;
    struct rating_problem first;
    assert_int_equal(warned(FLAT("0.7475", CEILING("")), &first), 0);
    assert_int_equal(warned(FLAT("0.74750001", CEILING("")), &first), 1);
    assert_int_equal(first.reason, RATING_PRICE_ABOVE_CEILING);
    assert_string_equal(first.place, "price");
    assert_int_equal(warned(FLAT("0.7475", CEILING(",\"block\":true")), &first), 0);
    assert_int_equal(warned(FLAT("0.7", CEILING("") ",\"components\":[{\"code\":\"a\",\"price\":"
                                                    "\"0.0475\"}]"),
                            &first),
                     0);
    assert_int_equal(warned(FLAT("0.7", CEILING("") ",\"components\":[{\"code\":\"a\",\"price\":"
                                                    "\"0.0476\"}]"),
                            &first),
                     1);
    assert_int_equal(
        warned("{\"kind\":\"ladder\",\"cycle\":\"month\",\"price\":\"0.6\",\"steps\":"
               "[{\"to\":\"1\",\"surcharge\":\"0\"},{\"surcharge\":\"0.2\"}]," CEILING("") "}",
               &first),
        1);
    assert_string_equal(first.place, "steps[1].surcharge");
}

/* --- without dates
 * --------------------------------------------------------------------------------- */

static int64_t state_fen(const struct rating_plan *plan, const struct rating_request *r,
                         struct rating_statement *out)
{
    assert_ok(rating_state(plan, r, out));
    return out->amount_fen;
}

static void statements_have_the_same_rules(void **state)
{
    (void)state;
    const struct rating_used used = {.total_wh = 10'000'000};
    struct rating_request r = {.rows = &used,
                               .row_count = 1,
                               .months = 1,
                               .capacity_milli_kva = 100'000,
                               .reactive_known = true,
                               .reactive_wh = 7'500'000};
    struct rating_statement out;
    struct rating_plan plan = plan_of(FACTOR_PLAN("\"energy\",\"capacity\""));
    assert_int_equal(state_fen(&plan, &r, &out), 860'000 + 42'000);
    r.reactive_wh = 0;
    assert_int_equal(state_fen(&plan, &r, &out), 860'000 - 6'300);
    r.capacity_milli_kva = 0;
    assert_err(ERR_RATING_FEE, rating_state(&plan, &r, &out));
    r.capacity_milli_kva = 1;
    r.reactive_known = false;
    assert_err(ERR_RATING_FEE, rating_state(&plan, &r, &out));
    plan = plan_of(DEMAND);
    r.demand_milli_kw = 230'000;
    assert_err(ERR_RATING_FEE, rating_state(&plan, &r, &out)); /* no contract */
    r.contracted_milli_kw = 200'000;
    assert_int_equal(state_fen(&plan, &r, &out), 500'000 + 950'000);
    r.months = 0;
    assert_err(ERR_RATING_FEE, rating_state(&plan, &r, &out));
    plan = plan_of(HEAT("kWh", "0.16"));
    assert_err(ERR_RATING_DATES, rating_state(&plan, &r, &out));
}

static void statements_have_minima_and_subsidies(void **state)
{
    (void)state;
    const struct rating_used used = {.total_wh = 40'000};
    struct rating_request r = {.rows = &used, .row_count = 1, .months = 1};
    struct rating_statement out;
    struct rating_plan plan = plan_of(SUBSIDIES);
    assert_int_equal(state_fen(&plan, &r, &out), 500);
    r.months = 2; /* 30 yuan could be given, 20 are due */
    assert_int_equal(state_fen(&plan, &r, &out), 0);
    plan = plan_of(FLAT("0.5", "\"minimum\":\"30\",\"minimum_per\":\"month\""));
    assert_int_equal(state_fen(&plan, &r, &out), 6000);
    r.months = 0;
    assert_int_equal(state_fen(&plan, &r, &out), 3000);
}

/* --- refusals
 * -------------------------------------------------------------------------------------- */

static void refusals(void **state)
{
    (void)state;
#define FEE(rest) FLAT("1", "\"fees\":[{\"code\":\"a\",\"price\":\"1.5\"," rest "}]")
#define PF(table, on) FLAT("1", "\"power_factor\":{\"table\":[" table "],\"on\":[" on "]}")
#define SUBSIDY(rest) FLAT("1", "\"subsidies\":[{" rest "}]")
    static const struct {
        const char *json;
        enum rating_reason reason;
        const char *place;
    } rows[] = {
        {FEE("\"per\":\"month\",\"cycle\":\"year\""), RATING_FEE_MEMBER, "fees[0].cycle"},
        {FEE("\"per\":\"area\",\"cycle\":\"season\""), RATING_FEE_CYCLE, "fees[0].cycle"},
        {FEE("\"per\":\"area\",\"cycle\":\"heating_season\""), RATING_FEE_CYCLE, "fees[0].start"},
        {FEE("\"per\":\"area\",\"cycle\":\"year\",\"start\":\"11-15\",\"end\":\"03-15\""),
         RATING_FEE_CYCLE, "fees[0].start"},
        {FEE("\"per\":\"area\",\"cycle\":\"heating_season\",\"start\":\"11-31\",\"end\":\"03-15\""),
         RATING_CYCLE_DAY, "fees[0].start"},
        {FEE("\"per\":\"area\",\"cycle\":\"heating_season\",\"start\":\"11-15\",\"end\":\"3-15\""),
         RATING_CYCLE_DAY, "fees[0].end"},
        {FEE("\"per\":\"month\",\"floor_percent\":\"40\""), RATING_FEE_MEMBER,
         "fees[0].floor_percent"},
        {FEE("\"per\":\"demand\",\"floor_percent\":\"0\""), RATING_PERCENT_RANGE,
         "fees[0].floor_percent"},
        {FEE("\"per\":\"demand\",\"floor_percent\":\"4.5\""), RATING_PERCENT_SYNTAX,
         "fees[0].floor_percent"},
        {FEE("\"per\":\"demand\",\"over_percent\":\"105\""), RATING_MEMBER_MISSING,
         "fees[0].over_factor"},
        {FEE("\"per\":\"demand\",\"over_factor\":\"2\""), RATING_MEMBER_MISSING,
         "fees[0].over_percent"},
        {FEE("\"per\":\"demand\",\"over_factor\":\"0\",\"over_percent\":\"105\""),
         RATING_OVER_FACTOR, "fees[0].over_factor"},
        {FLAT("1", "\"fees\":[{\"code\":\"a\",\"price\":\"0.00000001\",\"per\":\"demand\","
                   "\"over_factor\":\"1.5\",\"over_percent\":\"105\"}]"),
         RATING_OVER_FACTOR, "fees[0].over_factor"},
        {FEE("\"per\":\"demand\",\"over_factor\":\"700\",\"over_percent\":\"105\""),
         RATING_OVER_FACTOR, "fees[0].over_factor"},
        {FEE("\"per\":\"demand\",\"over_factor\":\"2\",\"over_percent\":\"39\","
             "\"floor_percent\":\"40\""),
         RATING_PERCENT_RANGE, "fees[0].over_percent"},
        {PF("", "\"energy\""), RATING_FACTOR_TABLE, "power_factor.table"},
        {PF("{\"from\":\"0.9\",\"percent\":\"0\"}", "\"energy\""), RATING_FACTOR_TABLE,
         "power_factor.table[0].from"},
        {PF("{\"from\":\"0.9\",\"percent\":\"0\"},{\"from\":\"0.9\",\"percent\":\"0\"}",
            "\"energy\""),
         RATING_FACTOR_TABLE, "power_factor.table[1].from"},
        {PF("{\"from\":\"1.01\",\"percent\":\"0\"},{\"from\":\"0\",\"percent\":\"0\"}",
            "\"energy\""),
         RATING_FACTOR_TABLE, "power_factor.table[0].from"},
        {PF("{\"from\":\"0.905\",\"percent\":\"0\"}", "\"energy\""), RATING_FACTOR_TABLE,
         "power_factor.table[0].from"},
        {PF("{\"from\":\"0\",\"percent\":\"1.23456\"}", "\"energy\""), RATING_PERCENT_SYNTAX,
         "power_factor.table[0].percent"},
        {PF("{\"from\":\"0\",\"percent\":\"-101\"}", "\"energy\""), RATING_PERCENT_RANGE,
         "power_factor.table[0].percent"},
        {PF("{\"from\":\"0\"}", "\"energy\""), RATING_MEMBER_MISSING,
         "power_factor.table[0].percent"},
        {PF("{\"from\":\"0\",\"percent\":\"1\"}", ""), RATING_FACTOR_ON, "power_factor.on"},
        {PF("{\"from\":\"0\",\"percent\":\"1\"}", "\"energy\",\"energy\""), RATING_FACTOR_ON,
         "power_factor.on"},
        {PF("{\"from\":\"0\",\"percent\":\"1\"}", "\"all\""), RATING_FACTOR_ON, "power_factor.on"},
        {FLAT("1", "\"unit\":\"m3\"," FACTOR("\"energy\"")), RATING_FACTOR_UNIT, "power_factor"},
        {SUBSIDY("\"code\":\"A\",\"amount\":\"1\",\"per\":\"month\""), RATING_CODE_SYNTAX,
         "subsidies[0].code"},
        {SUBSIDY("\"code\":\"a\",\"amount\":\"0\",\"per\":\"month\""), RATING_AMOUNT_FEN,
         "subsidies[0].amount"},
        {SUBSIDY("\"code\":\"a\",\"amount\":\"0.005\",\"per\":\"month\""), RATING_AMOUNT_FEN,
         "subsidies[0].amount"},
        {SUBSIDY("\"code\":\"a\",\"amount\":\"1\",\"per\":\"day\""), RATING_SUBSIDY_PER,
         "subsidies[0].per"},
        {SUBSIDY("\"code\":\"a\",\"amount\":\"1\""), RATING_MEMBER_MISSING, "subsidies[0].per"},
        {SUBSIDY("\"code\":\"a\",\"amount\":\"1\",\"per\":\"month\"},{\"code\":\"a\",\"amount\":"
                 "\"1\",\"per\":\"month\""),
         RATING_CODE_REPEATED, "subsidies[1].code"},
        {FLAT("1", "\"minimum_per\":\"month\""), RATING_MEMBER_MISSING, "minimum"},
        {FLAT("1", "\"minimum\":\"5\",\"minimum_per\":\"year\""), RATING_MINIMUM_PER_UNKNOWN,
         "minimum_per"},
        {FLAT("1", "\"ceiling\":{\"catalogue\":\"0\",\"percent\":\"15\"}"), RATING_CEILING,
         "ceiling.catalogue"},
        {FLAT("1", "\"ceiling\":{\"catalogue\":\"1\"}"), RATING_MEMBER_MISSING, "ceiling.percent"},
        {FLAT("1", "\"ceiling\":{\"catalogue\":\"1\",\"percent\":\"1001\"}"), RATING_PERCENT_RANGE,
         "ceiling.percent"},
        {FLAT("1", "\"ceiling\":{\"catalogue\":\"1\",\"percent\":\"15\",\"block\":1}"),
         RATING_MEMBER_TYPE, "ceiling.block"},
        {FLAT("0.75", CEILING(",\"block\":true")), RATING_PRICE_ABOVE_CEILING, "price"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rating_plan plan;
        struct rating_problem problem;
        enum err e = rating_plan_parse(rows[i].json, strlen(rows[i].json), &plan, &problem);
        if (e != ERR_RATING_PLAN || problem.reason != rows[i].reason ||
            strcmp(problem.place, rows[i].place) != 0)
            fail_msg("%s: %s at %s", rows[i].json, rating_reason_name(problem.reason),
                     problem.place);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heat_of_a_season),
        cmocka_unit_test(area_without_an_area),
        cmocka_unit_test(shares_of_an_area_add_up),
        cmocka_unit_test(capacity_by_the_month),
        cmocka_unit_test(demand_of_a_month),
        cmocka_unit_test(demand_day_by_day),
        cmocka_unit_test(first_recharge_of_a_month),
        cmocka_unit_test(power_factor_is_exact),
        cmocka_unit_test(nearest_power_factor_is_exact),
        cmocka_unit_test(power_factor_of_a_month),
        cmocka_unit_test(power_factor_without_a_reading),
        cmocka_unit_test(power_factor_in_two_bills),
        cmocka_unit_test(minimum_of_a_month),
        cmocka_unit_test(minimum_of_a_bill),
        cmocka_unit_test(subsidies_of_a_month),
        cmocka_unit_test(subsidy_never_pays_more_than_the_month),
        cmocka_unit_test(ceiling_of_a_landlord),
        cmocka_unit_test(statements_have_the_same_rules),
        cmocka_unit_test(statements_have_minima_and_subsidies),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
