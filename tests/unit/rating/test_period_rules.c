/*
 * Rules that hold between bills, whatever the prices: a cut changes nothing, dearer is never
 * cheaper, more is never less, the rates of a day are the day, a cycle begins at its edge, twice is
 * the same.
 */
#include "tests/unit/check.h"

#include "base/rand.h"
#include "rating/period.h"

#define EAST (8 * 3600)
#define DAY INT64_C(86'400)
#define ROWS_MAX 60
#define DAY_NIGHT                                                                                  \
    "\"periods\":[{\"from\":\"08:00\",\"to\":\"22:00\",\"rate\":\"peak\"},"                        \
    "{\"from\":\"22:00\",\"to\":\"08:00\",\"rate\":\"valley\"}]"
#define STEPS                                                                                      \
    "\"steps\":[{\"to\":\"24\",\"price\":\"0.4883\"},{\"to\":\"40\",\"price\":\"0.5383\"},"        \
    "{\"price\":\"0.7883\"}]"
#define MATRIX                                                                                     \
    "\"steps\":[{\"to\":\"31.2\",\"prices\":{\"peak\":\"0.617\",\"valley\":\"0.307\"}},"           \
    "{\"to\":\"48\",\"prices\":{\"peak\":\"0.677\",\"valley\":\"0.337\"}},"                        \
    "{\"prices\":{\"peak\":\"0.977\",\"valley\":\"0.487\"}}]"
#define FACTOR                                                                                     \
    "\"power_factor\":{\"table\":[{\"from\":\"0.95\",\"percent\":\"-0.75\"},{\"from\":\"0.90\","   \
    "\"percent\":\"0\"},{\"from\":\"0.80\",\"percent\":\"5\"},{\"from\":\"0\",\"percent\":"        \
    "\"12.5\"}],\"on\":[\"energy\",\"capacity\"]}"

/* How far apart the sums may be: where sums of whole fen, or thousandths of a unit, are shared out
 * anew. 0: the exact sums are the same. */
struct kind {
    const char *json;
    int64_t slack_fen;
    bool falls; /* using more may cost less: the percent of the power factor */
};

static const struct kind kinds[] = {
    {"{\"kind\":\"flat\",\"price\":\"0.5883\"}", 0, false},
    {"{\"kind\":\"flat\",\"price\":\"0.51234567\",\"fees\":["
     "{\"code\":\"daily\",\"price\":\"0.12345678\",\"per\":\"day\"},"
     "{\"code\":\"meter\",\"price\":\"3.333\",\"per\":\"month\"},"
     "{\"code\":\"basic\",\"price\":\"24\",\"per\":\"capacity\"},"
     "{\"code\":\"heat\",\"price\":\"12\",\"per\":\"area\",\"cycle\":\"heating_season\","
     "\"start\":\"11-15\",\"end\":\"03-15\"},"
     "{\"code\":\"floor\",\"price\":\"3\",\"per\":\"area\",\"cycle\":\"year\"}],"
     "\"components\":[{\"code\":\"fund\",\"price\":\"0.0123\"}]}",
     0, false},
    {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"0.568\",\"valley\":\"0.288\"}," DAY_NIGHT
     "}",
     0, false},
    {"{\"kind\":\"time_of_use\",\"rates_from\":\"intervals\",\"calendar\":\"CN\","
     "\"prices\":{\"peak\":\"0.568\",\"valley\":\"0.288\",\"deep_valley\":\"0.1\"},\"schedules\":["
     "{\"days\":[\"holiday\"],\"periods\":[{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":"
     "\"deep_valley\"}],\"prices\":{\"deep_valley\":\"0.05\"}},"
     "{\"months\":[7,8],\"periods\":[{\"from\":\"11:30\",\"to\":\"14:00\",\"rate\":\"peak\"},"
     "{\"from\":\"14:00\",\"to\":\"11:30\",\"rate\":\"valley\"}]},{" DAY_NIGHT "}]}",
     0, false},
    {"{\"kind\":\"ladder\",\"cycle\":\"month\",\"start\":\"15\"," STEPS "}", 0, false},
    {"{\"kind\":\"ladder\",\"cycle\":\"year\",\"move_in\":\"days\",\"household\":"
     "{\"from_persons\":5,\"extra\":\"10\"}," STEPS "}",
     0, false},
    {"{\"kind\":\"ladder\",\"cycle\":\"heating_season\",\"start\":\"11-15\",\"end\":\"03-"
     "15\"," STEPS "}",
     0, false},
    {"{\"kind\":\"time_of_use_ladder\",\"cycle\":\"month\",\"apportion\":\"chronological\"," MATRIX
     "," DAY_NIGHT "}",
     0, false},
    {"{\"kind\":\"time_of_use_ladder\",\"cycle\":\"two_months\",\"apportion\":\"pro_rata\"," MATRIX
     "," DAY_NIGHT "}",
     /* shares of a longer stretch are other shares */ INT64_MAX, false},
    {"{\"kind\":\"flat\",\"price\":\"0.5\",\"by_month\":[{\"months\":[1,3,5,7,9,11],\"price\":"
     "\"0.61\"}]}",
     0, false},
    {"{\"kind\":\"ladder\",\"cycle\":\"month\",\"free_quota\":{\"amount\":\"10\",\"cycle\":"
     "\"month\",\"unused\":\"carry\",\"counts\":true}," STEPS "}",
     0, false},
    {"{\"kind\":\"flat\",\"price\":\"0.5\",\"free_quota\":{\"amount\":\"10\",\"cycle\":"
     "\"month\",\"unused\":\"expire\",\"counts\":false}}",
     0, false},
    {"{\"kind\":\"flat\",\"mix\":[{\"code\":\"home\",\"percent\":\"30\",\"price\":\"0.5\"},"
     "{\"code\":\"shop\",\"percent\":\"70\",\"price\":\"0.9\"}]}",
     2, false},
    {"{\"kind\":\"flat\",\"price\":\"0.5123\",\"minimum\":\"12.34\",\"minimum_per\":\"month\"}", 1,
     false},
    {"{\"kind\":\"ladder\",\"cycle\":\"month\",\"subsidies\":[{\"code\":\"a\",\"amount\":\"7.77\","
     "\"per\":\"month\"},{\"code\":\"b\",\"amount\":\"2\",\"per\":\"month\"}]," STEPS "}",
     1, false},
    {"{\"kind\":\"flat\",\"price\":\"0.5123\",\"fees\":[{\"code\":\"d\",\"price\":\"38\",\"per\":"
     "\"demand\",\"floor_percent\":\"40\",\"over_percent\":\"105\",\"over_factor\":\"2\"}]}",
     0, false},
    {"{\"kind\":\"flat\",\"price\":\"0.5123\",\"fees\":[{\"code\":\"c\",\"price\":\"0.24\",\"per\":"
     "\"capacity\"}],\"subsidies\":[{\"code\":\"a\",\"amount\":\"7.77\",\"per\":\"month\"}],"
     "\"minimum\":\"12.34\",\"minimum_per\":\"month\"," FACTOR "}",
     2, true},
};
#define KINDS (sizeof kinds / sizeof *kinds)

static struct rating_plan plan_of(const char *json)
{
    struct rating_plan plan;
    struct rating_problem problem;
    if (rating_plan_parse(json, strlen(json), &plan, &problem) != ERR_OK)
        fail_msg("%s at %s: %s", rating_reason_name(problem.reason), problem.place, json);
    return plan;
}

static wall_s midnight(int year, unsigned month, unsigned day)
{
    return civil_day_start(civil_days_from_date(year, month, day), EAST);
}

/* --- a history
 * ------------------------------------------------------------------------------------- */

struct history {
    wall_s from, to;
    struct rating_row rows[ROWS_MAX];
    size_t row_count;
    struct rating_case c;
};

/* Rows of up to three days each, also at odd seconds, up to two months in all. */
static void draw(struct rand_stream *r, struct history *h)
{
    int year = 2023 + (int)rand_below(r, 5);
    unsigned month = 1 + (unsigned)rand_below(r, 12);
    wall_s at = midnight(year, month, 1 + (unsigned)rand_below(r, 28));
    h->from = (wall_s){at.s + (rand_chance(r, 500) ? 0 : (int64_t)rand_below(r, DAY))};
    h->to = h->from;
    h->row_count = 2 + (size_t)rand_below(r, 20);
    for (size_t i = 0; i < h->row_count; i++) {
        struct rating_row *row = &h->rows[i];
        int64_t length = 1 + (int64_t)rand_below(r, rand_chance(r, 300) ? 3 * DAY : DAY);
        int64_t peak = (int64_t)rand_below(r, 5'000), valley = (int64_t)rand_below(r, 3'000);
        *row = (struct rating_row){.from = h->to, .to = {h->to.s + length}, .has_rates = true};
        row->used.total_wh = peak + valley;
        row->used.rate_wh[RATING_PEAK] = peak;
        row->used.rate_wh[RATING_VALLEY] = valley;
        row->reactive_wh = (int64_t)rand_below(r, 6'000);
        h->to = row->to;
    }
    h->c = (struct rating_case){
        .offset_s = EAST, .opened_day = civil_local_day(h->from, EAST), .reactive_known = true};
    h->c.persons = (uint16_t)rand_below(r, 8);
    h->c.area_milli_m2 = 1 + (uint32_t)rand_below(r, 200'000);
    h->c.capacity_milli_kva = 1 + (int64_t)rand_below(r, 900'000);
    h->c.contracted_milli_kw = 1 + (int64_t)rand_below(r, 300'000);
    h->c.demand_milli_kw = 1 + (int64_t)rand_below(r, 400'000);
}

/* The rows first..last as a case of their own. */
static struct rating_case stretch_of(const struct history *h, size_t first, size_t last)
{
    struct rating_case c = h->c;
    c.rows = h->rows + first;
    c.row_count = last - first + 1;
    c.opened_at = h->rows[first].from;
    c.closed_at = c.reading_at = h->rows[last].to;
    return c;
}

/* What bills come to, exactly: 1e-9 fen. */
static __int128 exact_of(int64_t fen, int64_t carry)
{
    return (__int128)fen * UNITS_EXACT_PER_FEN + carry;
}

static __int128 rate_whole(const struct rating_plan *plan, const struct history *h,
                           struct rating_position *position)
{
    static struct rating_bill bill;
    struct rating_case c = stretch_of(h, 0, h->row_count - 1);
    *position = (struct rating_position){};
    assert_ok(rating_period(plan, &c, position, &bill));
    return exact_of(bill.amount_fen, bill.carry);
}

/* Every line says how it came about, and the next begins with what it left. */
static void check_lines(const struct rating_bill *bill, int64_t carry)
{
    int64_t sum_fen = 0;
    for (size_t i = 0; i < bill->line_count; i++) {
        const struct rating_line *line = &bill->lines[i];
        bool given = line->kind == RATING_ITEM_MINIMUM || line->kind == RATING_ITEM_SUBSIDY;
        assert_true(line->carry_in == carry);
        assert_true(line->from_s <= line->to_s);
        carry = line->carry_out;
        sum_fen += line->amount_fen;
        assert_true(given ? line->carry_in == line->carry_out
                          : (__int128)line->quantity_wh * line->price_e8 + line->carry_in ==
                                exact_of(line->amount_fen, line->carry_out));
        assert_in_range(line->carry_out + UNITS_EXACT_PER_FEN / 2, 0, UNITS_EXACT_PER_FEN);
    }
    assert_int_equal(sum_fen, bill->amount_fen);
    assert_true(carry == bill->carry);
}

static __int128 rate_parts(const struct rating_plan *plan, const struct history *h,
                           struct rand_stream *r, struct rating_position *position)
{
    static struct rating_bill bill;
    int64_t sum_fen = 0;
    *position = (struct rating_position){};
    for (size_t first = 0, last; first < h->row_count; first = last + 1) {
        for (last = first; last + 1 < h->row_count && rand_chance(r, 600); last++)
            ;
        struct rating_case c = stretch_of(h, first, last);
        int64_t carry = position->carry;
        assert_ok(rating_period(plan, &c, position, &bill));
        check_lines(&bill, carry);
        sum_fen += bill.amount_fen;
    }
    return exact_of(sum_fen, position->carry);
}

static bool same_paid(const struct rating_paid *a, const struct rating_paid *b)
{
    return a->day == b->day && a->month == b->month && a->part_days == b->part_days;
}

static bool same_shared(const struct rating_shared *a, const struct rating_shared *b)
{
    return a->until_s == b->until_s && same_paid(&a->paid, &b->paid) &&
           a->quota_day == b->quota_day && a->quota_left_wh == b->quota_left_wh &&
           a->month == b->month && a->month_fen == b->month_fen && a->season_day == b->season_day &&
           a->season_fen == b->season_fen && a->season_milli_m2 == b->season_milli_m2 &&
           memcmp(a->subsidy_fen, b->subsidy_fen, sizeof a->subsidy_fen) == 0;
}

static bool same_position(struct rating_position a, struct rating_position b, bool exact)
{
    if (!exact) { /* sums of fen, of which a remainder may have fallen to the other side */
        b.month_fen = a.month_fen, b.factor_fen = a.factor_fen, b.carry = a.carry;
        b.shared.month_fen = a.shared.month_fen, b.shared.season_fen = a.shared.season_fen;
        memcpy(b.shared.subsidy_fen, a.shared.subsidy_fen, sizeof a.shared.subsidy_fen);
    }
    return a.begun == b.begun && a.cycle_day == b.cycle_day && a.used_wh == b.used_wh &&
           same_paid(&a.paid, &b.paid) && a.month == b.month && a.month_fen == b.month_fen &&
           a.factor_fen == b.factor_fen && a.active_wh == b.active_wh &&
           a.reactive_wh == b.reactive_wh && a.demand_milli_kw == b.demand_milli_kw &&
           a.contracted_milli_kw == b.contracted_milli_kw && a.carry == b.carry &&
           same_shared(&a.shared, &b.shared);
}

/* --- rules
 * ----------------------------------------------------------------------------------------- */

static void a_cut_at_a_reading_changes_nothing(void **state)
{
    (void)state;
    struct rand_stream r = {20'261'125};
    static struct history h;
    for (size_t k = 0; k < KINDS; k++) {
        struct rating_plan plan = plan_of(kinds[k].json);
        for (int round = 0; round < 400; round++) {
            struct rating_position whole, parts;
            draw(&r, &h);
            __int128 one = rate_whole(&plan, &h, &whole), many = rate_parts(&plan, &h, &r, &parts);
            __int128 apart = one > many ? one - many : many - one;
            bool exact = kinds[k].slack_fen == 0;
            if (kinds[k].slack_fen != INT64_MAX && apart > exact_of(kinds[k].slack_fen, 0))
                fail_msg("round %d: %lld e-9 fen apart: %s", round, (long long)apart,
                         kinds[k].json);
            if (!same_position(whole, parts, exact))
                fail_msg("round %d: another position: %s", round, kinds[k].json);
        }
    }
}

static void twice_is_the_same(void **state)
{
    (void)state;
    struct rand_stream r = {7};
    static struct history h;
    static struct rating_bill one, two;
    for (size_t k = 0; k < KINDS; k++) {
        struct rating_plan plan = plan_of(kinds[k].json);
        struct rating_position a = {}, b = {};
        draw(&r, &h);
        struct rating_case c = stretch_of(&h, 0, h.row_count - 1);
        memset(&two, 0xa5, sizeof two); /* what stood in a bill before does not matter */
        assert_ok(rating_period(&plan, &c, &a, &one));
        assert_ok(rating_period(&plan, &c, &b, &two));
        assert_int_equal(one.line_count, two.line_count);
        assert_memory_equal(one.lines, two.lines, one.line_count * sizeof *one.lines);
        assert_true(same_position(a, b, true));
    }
}

/* Each of the plan's prices in turn, by one cent. */
static size_t prices_of(struct rating_plan *plan, int64_t *list[], size_t room)
{
    size_t n = 0;
    list[n++] = &plan->price_e8;
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        list[n++] = &plan->rate_price_e8[rate];
    for (size_t i = 0; i < plan->ladder.step_count; i++) {
        list[n++] = &plan->ladder.steps[i].price_e8;
        for (unsigned rate = 0; rate < RATING_RATES; rate++)
            list[n++] = &plan->ladder.steps[i].rate_price_e8[rate];
    }
    for (size_t i = 0; i < plan->fee_count; i++)
        list[n++] = &plan->fees[i].price_e8;
    for (size_t i = 0; i < plan->component_count; i++)
        list[n++] = &plan->components[i].price_e8;
    for (size_t i = 0; i < plan->mix_count; i++)
        list[n++] = &plan->mix[i].price_e8[0];
    assert_true(n <= room);
    return n;
}

static void dearer_is_never_cheaper(void **state)
{
    (void)state;
    struct rand_stream r = {11};
    static struct history h;
    size_t raised = 0;
    for (size_t k = 0; k < KINDS; k++) {
        struct rating_plan plan = plan_of(kinds[k].json), dear = plan;
        int64_t *list[96];
        size_t n = prices_of(&dear, list, 96);
        for (size_t i = 0; i < n * 20; i++) {
            struct rating_position position;
            draw(&r, &h);
            __int128 before = rate_whole(&plan, &h, &position);
            *list[i % n] += 1'000'000;
            __int128 after = rate_whole(&dear, &h, &position);
            *list[i % n] -= 1'000'000;
            /* what a subsidy pays leaves a remainder of less than a fen */
            if (after + exact_of(kinds[k].slack_fen > 0 ? 1 : 0, 0) < before)
                fail_msg("dearer by price %zu, and cheaper: %s", i % n, kinds[k].json);
            raised += after > before;
        }
    }
    assert_in_range(raised, 500, SIZE_MAX);
}

static void more_is_never_less(void **state)
{
    (void)state;
    struct rand_stream r = {13};
    static struct history h;
    for (size_t k = 0; k < KINDS; k++) {
        struct rating_plan plan = plan_of(kinds[k].json);
        for (int round = 0; round < 200 && !kinds[k].falls; round++) {
            struct rating_position position;
            draw(&r, &h);
            __int128 before = rate_whole(&plan, &h, &position);
            struct rating_row *row = &h.rows[rand_below(&r, h.row_count)];
            int64_t more = 1 + (int64_t)rand_below(&r, 3'000);
            row->used.total_wh += more;
            row->used.rate_wh[RATING_PEAK] += more;
            __int128 after = rate_whole(&plan, &h, &position);
            /* shares of a matrix and of a mix are whole Wh: at most one in each cell goes astray */
            if (after + exact_of(kinds[k].slack_fen > 0 ? 1 : 0, 0) < before)
                fail_msg("%lld Wh more, and less: %s", (long long)more, kinds[k].json);
        }
    }
}

/* 1 Wh a minute: each rate has its minutes, and together they are the day. */
static void the_rates_of_a_day_are_the_day(void **state)
{
    (void)state;
    struct rating_plan plan = plan_of(kinds[3].json);
    int32_t first = civil_days_from_date(2025, 12, 20), last = civil_days_from_date(2028, 3, 2);
    for (int32_t day = first; day <= last; day++) {
        static struct rating_bill bill;
        struct rating_position position = {};
        int64_t minutes[RATING_RATES + 1] = {}, used[RATING_RATES + 1] = {};
        struct rating_row row = {.from = civil_day_start(day, EAST),
                                 .to = civil_day_start(day + 1, EAST),
                                 .used = {.total_wh = RATING_DAY_MINUTES}};
        struct rating_case c = {.opened_at = row.from,
                                .closed_at = row.to,
                                .rows = &row,
                                .row_count = 1,
                                .offset_s = EAST};
        for (unsigned m = 0; m < RATING_DAY_MINUTES; m++)
            minutes[rating_rate_on(&plan, NULL, day, m)]++;
        assert_ok(rating_period(&plan, &c, &position, &bill));
        for (size_t i = 0; i < bill.line_count; i++)
            used[bill.lines[i].rate] += bill.lines[i].quantity_wh;
        assert_memory_equal(used, minutes, sizeof used);
        assert_int_equal(bill.energy_wh, RATING_DAY_MINUTES);
        bool known = civil_from_days(day).year <= 2026;
        for (size_t i = 0; i < bill.line_count; i++)
            assert_int_equal((bill.lines[i].flags & RATING_FLAG_CALENDAR) == 0, known);
    }
}

/* One second on either side of every edge, in leap years and others. */
static void a_ladder_begins_anew_at_its_edge(void **state)
{
    (void)state;
    static const struct {
        const char *cycle;
        struct rating_day edge;
    } rows[] = {{"\"cycle\":\"month\"", {3, 1}},
                {"\"cycle\":\"month\",\"start\":\"28\"", {2, 28}},
                {"\"cycle\":\"two_months\",\"start\":\"02-01\"", {2, 1}},
                {"\"cycle\":\"season\"", {4, 1}},
                {"\"cycle\":\"year\"", {1, 1}},
                {"\"cycle\":\"year\",\"start\":\"07-01\"", {7, 1}},
                {"\"cycle\":\"heating_season\",\"start\":\"11-15\",\"end\":\"03-15\"", {11, 15}},
                {"\"cycle\":\"heating_season\",\"start\":\"11-15\",\"end\":\"02-28\"", {3, 1}}};
    for (size_t i = 0; i < 4 * (sizeof rows / sizeof *rows); i++) {
        char json[512] = "{\"kind\":\"ladder\",";
        strcat(strcat(strcat(strcat(json, rows[i / 4].cycle), ","), STEPS), "}");
        if (strstr(json, "02-28") && (2024 + i % 4) % 4 == 0)
            continue; /* the day after is the 29th */
        struct rating_plan plan = plan_of(json);
        static struct rating_bill bill;
        struct rating_position position = {};
        wall_s edge = midnight(2024 + (int)(i % 4), rows[i / 4].edge.month, rows[i / 4].edge.day);
        struct rating_row row[] = {
            {.from = {edge.s - 3 * DAY}, .to = {edge.s - 1}, .used = {.total_wh = 30'000}},
            {.from = {edge.s - 1}, .to = edge, .used = {.total_wh = 20'000}},
            {.from = edge, .to = {edge.s + 1}, .used = {.total_wh = 7'000}}};
        struct rating_case c = {.opened_at = row[0].from,
                                .closed_at = row[2].to,
                                .rows = row,
                                .row_count = 3,
                                .offset_s = EAST};
        assert_ok(rating_period(&plan, &c, &position, &bill));
        assert_int_equal(bill.line_count, 4); /* 24, 16, 10 kWh; 7 of the new cycle */
        assert_int_equal(bill.lines[2].quantity_wh, 10'000);
        assert_int_equal(bill.lines[3].quantity_wh, 7'000);
        assert_int_equal(bill.lines[3].step, 0);
        assert_int_equal(position.used_wh, 7'000);
        for (size_t k = 0; k < bill.line_count; k++)
            assert_false(bill.lines[k].apportioned);
    }
}

/* A year's fees, whichever year: days and months are counted, not assumed. */
static void fees_of_a_year(void **state)
{
    (void)state;
    struct rating_plan plan =
        plan_of("{\"kind\":\"flat\",\"price\":\"0\",\"fees\":["
                "{\"code\":\"daily\",\"price\":\"1\",\"per\":\"day\"},"
                "{\"code\":\"meter\",\"price\":\"1000\",\"per\":\"month\"}]}");
    for (int year = 2023; year <= 2029; year++) {
        static struct rating_bill bill;
        struct rating_position position = {};
        struct rating_case c = {.opened_at = midnight(year, 1, 1),
                                .reading_at = midnight(year + 1, 1, 1),
                                .closed_at = midnight(year + 1, 1, 1),
                                .offset_s = EAST};
        assert_ok(rating_period(&plan, &c, &position, &bill));
        assert_int_equal(bill.amount_fen, (12'000 + (year % 4 == 0 ? 366 : 365)) * 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_at_a_reading_changes_nothing),
        cmocka_unit_test(twice_is_the_same),
        cmocka_unit_test(dearer_is_never_cheaper),
        cmocka_unit_test(more_is_never_less),
        cmocka_unit_test(the_rates_of_a_day_are_the_day),
        cmocka_unit_test(a_ladder_begins_anew_at_its_edge),
        cmocka_unit_test(fees_of_a_year),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
