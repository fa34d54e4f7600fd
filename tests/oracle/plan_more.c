/* The second edition of the plan language: random members, and their JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "oracle.h"

const char *const zone_words[ZONES] = {"Asia/Shanghai", "Asia/Urumqi", "Asia/Kolkata", "UTC"};
const int zone_offsets[ZONES] = {28800, 21600, 19800, 0};
const char *const day_words[DAY_WORDS] = {"monday",  "tuesday",  "wednesday", "thursday",
                                          "friday",  "saturday", "sunday",    "workday",
                                          "restday", "holiday",  "makeup"};

const char *const feature_words[FEATURES] = {"zone",
                                             "rates_from",
                                             "schedules",
                                             "by_month",
                                             "move_in",
                                             "count",
                                             "quota",
                                             "mix",
                                             "area by day",
                                             "capacity",
                                             "demand",
                                             "first_recharge",
                                             "power_factor",
                                             "subsidies",
                                             "minimum_per",
                                             "ceiling",
                                             "names",
                                             "heating season",
                                             "more of a quota",
                                             "quota a person",
                                             "nearest factor",
                                             "surplus a step",
                                             "well used capacity",
                                             "dates",
                                             "bill by area",
                                             "outside the steps",
                                             "part of a month"};
#define FLAT_1 "{\"kind\":\"flat\",\"price\":\"1\","
#define TOU_1 "{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},"
#define ALL_DAY "\"periods\":[{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":\"peak\"}]"
#define LADDER_1 "{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":[{\"price\":\"1\"}],"
/* The least plan that has it: what the engine does not take yet is not made. */
const char *const feature_plans[FEATURES] = {
    FLAT_1 "\"zone\":\"UTC\"}",
    TOU_1 ALL_DAY ",\"rates_from\":\"intervals\"}",
    TOU_1 "\"rates_from\":\"intervals\",\"schedules\":[{" ALL_DAY "}]}",
    FLAT_1 "\"by_month\":[{\"months\":[1],\"price\":\"2\"}]}",
    LADDER_1 "\"move_in\":\"days\"}",
    LADDER_1 "\"count\":\"account\"}",
    FLAT_1 "\"free_quota\":{\"amount\":\"1\",\"cycle\":\"month\",\"unused\":\"expire\"}}",
    "{\"kind\":\"flat\",\"mix\":[{\"code\":\"a\",\"percent\":\"100\",\"price\":\"1\"}]}",
    FLAT_1 "\"fees\":[{\"code\":\"a\",\"price\":\"1\",\"per\":\"area\",\"cycle\":\"year\"}]}",
    FLAT_1 "\"fees\":[{\"code\":\"a\",\"price\":\"1\",\"per\":\"capacity\"}]}",
    FLAT_1 "\"fees\":[{\"code\":\"a\",\"price\":\"1\",\"per\":\"demand\"}]}",
    FLAT_1 "\"fees\":[{\"code\":\"a\",\"price\":\"1\",\"per\":\"first_recharge\"}]}",
    FLAT_1 "\"power_factor\":{\"standard\":\"0.90\",\"table\":[{\"from\":\"0\",\"percent\":\"1\"}],"
           "\"on\":[\"energy\"]}}",
    FLAT_1 "\"subsidies\":[{\"code\":\"a\",\"amount\":\"1\",\"per\":\"month\"}]}",
    FLAT_1 "\"minimum\":\"1\",\"minimum_per\":\"month\"}",
    FLAT_1 "\"ceiling\":{\"catalogue\":\"1\",\"percent\":\"15\",\"block\":false}}",
    FLAT_1 "\"names\":{\"en\":\"a\",\"zh\":\"b\"}}",
    "{\"kind\":\"ladder\",\"cycle\":\"heating_season\",\"start\":\"11-15\",\"end\":\"03-15\","
    "\"steps\":[{\"price\":\"1\"}]}",
    TOU_1 "\"schedules\":[{" ALL_DAY ",\"prices\":{\"peak\":\"2\"}}],"
          "\"free_quota\":{\"amount\":\"1\",\"cycle\":\"month\"}}",
    FLAT_1 "\"free_quota\":{\"amount\":\"1\",\"cycle\":\"month\",\"per_person\":true}}",
    FLAT_1 "\"power_factor\":{\"table\":[{\"from\":\"0\",\"percent\":\"1\"}],\"on\":[\"energy\"],"
           "\"rounding\":\"half_up\"}}",
    "{\"kind\":\"ladder\",\"cycle\":\"month\",\"household\":{\"from_persons\":5,\"extra\":\"1\"},"
    "\"steps\":[{\"to\":\"1\",\"price\":\"1\",\"extra\":\"2\"},{\"price\":\"2\"}]}",
    FLAT_1 "\"fees\":[{\"code\":\"a\",\"price\":\"1\",\"per\":\"demand\",\"utilised_from\":\"260\","
           "\"utilised_percent\":\"90\"}]}",
    TOU_1 "\"schedules\":[{" ALL_DAY ",\"dates\":[\"2026-07-15\"]},{" ALL_DAY "}]}",
    FLAT_1 "\"area_bill\":{\"price\":\"19\",\"start\":\"11-15\",\"end\":\"03-15\","
           "\"most_percent\":\"100\"}}",
    "{\"kind\":\"time_of_use_ladder\",\"cycle\":\"month\",\"prices\":{\"peak\":\"1\",\"valley\":"
    "\"1\"}," ALL_DAY ",\"steps\":[{\"surcharge\":\"0\"}],\"outside_steps\":[\"valley\"]}",
    FLAT_1 "\"fees\":[{\"code\":\"a\",\"price\":\"1\",\"per\":\"capacity\",\"part_month\":"
           "\"thirtieths\"}]}",
};

const char *const part_month_words[3] = {"whole", "days", "thirtieths"};
unsigned features;

static bool take(enum feature f, int percent, struct chance *c)
{
    return (features >> f & 1) && chance_percent(c, percent);
}

/* --- time --------------------------------------------------------------------------------------
 */

static unsigned some_bits(int count, int from, struct chance *c)
{
    unsigned bits = 0;
    for (int n = (int)chance_between(c, 1, 4); n > 0; n--)
        bits |= 1u << chance_between(c, from, count - 1);
    return bits;
}

static const int last_days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static void some_dates(struct schedule *s, struct chance *c)
{
    s->from_month = (int)chance_between(c, 1, 12);
    s->from_day = (int)chance_between(c, 1, last_days[s->from_month - 1]);
    s->to_month = (int)chance_between(c, 1, 12);
    s->to_day = (int)chance_between(c, 1, last_days[s->to_month - 1]);
}

static void some_named(struct schedule *s, struct chance *c)
{
    int year = (int)chance_between(c, 2024, 2028), month = (int)chance_between(c, 1, 12);
    int day = (int)chance_between(c, 1, 28);
    s->date_count = (int)chance_between(c, 1, SCHEDULE_DATES_MAX);
    for (int i = 0; i < s->date_count; i++) {
        s->dates[i] = year * 10000 + month * 100 + day;
        day += chance_percent(c, 50) ? 1 : 0;
        month += day > 28 || day == s->dates[i] % 100;
        day = day > 28 ? 1 : day;
        year += month > 12;
        month = month > 12 ? 1 : month;
    }
}

static void make_condition(struct plan *p, struct schedule *s, struct chance *c)
{
    bool any = false;
    while (!any) {
        if (chance_percent(c, 40))
            s->months = some_bits(12, 0, c);
        if (chance_percent(c, 60))
            s->days = some_bits(DAY_WORDS, chance_percent(c, 60) ? 7 : 0, c);
        if (chance_percent(c, 30))
            some_dates(s, c);
        if (take(WITH_DATES, 30, c))
            some_named(s, c);
        any = s->months || s->days || s->from_month || s->date_count;
    }
    p->has_calendar = p->has_calendar || s->days >> ON_WORKDAY;
}

static void make_schedules(struct plan *p, struct chance *c)
{
    bool matrix = p->kind == TIME_OF_USE_LADDER && p->form == BY_MATRIX;
    p->span_count = 0;
    p->schedule_count =
        (int)(chance_percent(c, 3) ? chance_between(c, 1, SCHEDULES_MAX) : chance_between(c, 1, 4));
    for (int i = 0; i < p->schedule_count; i++) {
        struct schedule *s = &p->schedules[i];
        bool usable[RATES];
        s->priced = !matrix && p->mix_count == 0 && chance_percent(c, 30);
        if (i < p->schedule_count - 1)
            make_condition(p, s, c);
        for (int r = 0; r < RATES; r++) {
            s->names[r] = s->priced && chance_percent(c, p->priced[r] ? 80 : 20);
            price_make(&s->rate_price[r], 2, c);
        }
        if (s->priced && !s->names[0] && !s->names[1] && !s->names[2] && !s->names[3])
            s->names[4] = true;
        for (int r = 0; r < RATES; r++)
            usable[r] = p->priced[r] || s->names[r];
        s->span_count = spans_make(usable, s->spans, SCHEDULE_SPANS_MAX, c);
    }
}

static void make_entry(struct plan *p, struct entry *e, struct chance *c)
{
    bool any = false;
    e->form = p->has_price ? ENTRY_PRICE : p->has_prices ? ENTRY_RATES : ENTRY_STEPS;
    for (int r = 0; r < RATES; r++) {
        e->names[r] = p->priced[r] && chance_percent(c, 80);
        any = any || e->names[r];
    }
    for (int r = 0; r < RATES && !any; r++)
        e->names[r] = p->priced[r];
    for (int k = 0; k < (e->form == ENTRY_STEPS ? p->step_count : 1); k++) {
        price_make(&e->price[k], 2, c);
        for (int r = 0; r < RATES; r++)
            price_make(&e->rate_price[k][r], 2, c);
    }
}

/* Each month in one entry at most; the table of all entries has room for 96 rows. */
static void make_entries(struct plan *p, struct chance *c)
{
    int rows = p->has_price || p->has_prices ? 1 : p->step_count;
    int most = 96 / rows > ENTRIES_MAX ? ENTRIES_MAX : 96 / rows;
    int n = (int)chance_between(c, 1, most > 3 && chance_percent(c, 80) ? 3 : most);
    unsigned taken = 0;
    for (int i = 0; i < n; i++) {
        unsigned months = some_bits(12, 0, c) & ~taken;
        if (!months)
            continue;
        taken |= months;
        p->entries[p->entry_count].months = months;
        make_entry(p, &p->entries[p->entry_count++], c);
    }
}

/* --- sums --------------------------------------------------------------------------------------
 */

static void make_quota(struct plan *p, struct chance *c)
{
    static const enum cycle cycles[] = {MONTH, MONTH, TWO_MONTHS, SEASON, YEAR};
    p->quota = chance_percent(c, 30) ? chance_between(c, 1, 999) : chance_between(c, 1, 500) * 1000;
    p->quota_cycle = cycles[chance_between(c, 0, 4)];
    p->quota_start_month = p->quota_start_day = 0;
    if (chance_percent(c, 40)) {
        p->quota_start_day = (int)chance_between(c, 1, 28);
        p->quota_start_month = p->quota_cycle == MONTH ? 0 : (int)chance_between(c, 1, 12);
    }
    p->unused = (int)chance_between(c, -1, 1);
    p->quota_counts = (int)chance_between(c, -1, 1);
    if (take(WITH_QUOTA_PERSON, 40, c))
        p->quota_per_person = (int)chance_between(c, 0, 1);
}

static void make_mix(struct plan *p, struct chance *c)
{
    int64_t left = 1000000; /* 10^-4 of a percent */
    int n = (int)(chance_percent(c, 80) ? chance_between(c, 1, 3) : chance_between(c, 1, MIX_MAX));
    p->has_price = p->has_prices = false;
    p->mix_count = n;
    for (int i = 0; i < n; i++) {
        struct mix *m = &p->mix[i];
        int64_t part = i == n - 1 ? left : chance_between(c, 1, left - (n - 1 - i));
        if (i < n - 1 && chance_percent(c, 60) && part > 10000)
            part -= part % 10000;
        left -= part;
        snprintf(m->code, sizeof m->code, "m%d_%d", i, (int)chance_between(c, 0, 99));
        decimal_set(&m->percent, part % 10000 ? part : part / 10000, part % 10000 ? 4 : 0);
        price_make(&m->price, 2, c);
        for (int r = 0; r < RATES; r++)
            price_make(&m->rate_price[r], 2, c);
    }
}

static void make_area_cycle(struct part *x, struct chance *c)
{
    x->cycle = chance_percent(c, 30) ? MONTH : chance_percent(c, 50) ? YEAR : HEATING_SEASON;
    x->start_month = x->start_day = x->end_month = x->end_day = 0;
    if (x->cycle != HEATING_SEASON)
        return;
    x->start_month = (int)chance_between(c, 1, 12);
    x->start_day = (int)chance_between(c, 1, last_days[x->start_month - 1]);
    x->end_month = (int)chance_between(c, 1, 12);
    x->end_day = (int)chance_between(c, 1, last_days[x->end_month - 1]);
}

static void make_demand(struct part *x, struct chance *c)
{
    x->floor_percent = chance_percent(c, 50) ? (int)chance_between(c, 1, 100) : 0;
    if (!chance_percent(c, 50))
        return;
    x->over_percent = (int)chance_between(c, 100, 150);
    price_make(&x->price, 0, c);
    decimal_set(&x->price, chance_between(c, 0, 9999), 2);
    decimal_set(&x->over_factor, chance_between(c, 1, 5000), 3);
}

static void make_utilised(struct part *x, struct chance *c)
{
    static const unsigned long wholes[] = {90, 90, 50, 100, 25};
    x->utilised_from = chance_between(c, 1, chance_percent(c, 50) ? 9 : 500000);
    x->utilised_percent = (int)wholes[chance_between(c, 0, 4)];
    if (!x->over_percent)
        decimal_set(&x->price, chance_between(c, 0, 9999), 2);
}

/* The prices of a demand fee that follow from its own. */
void part_derive(struct part *x)
{
    mpq_t part;
    mpq_init(part);
    mpq_set_si(part, x->utilised_percent, 100);
    mpq_canonicalize(part);
    mpq_mul(x->over_price.value, x->price.value, x->over_factor.value);
    mpq_mul(x->utilised_price.value, x->price.value, part);
    mpq_mul(x->utilised_over_price.value, x->over_price.value, part);
    mpq_clear(part);
}

/* Bounds rise whoever lives there, in the high season and without. */
static bool bounds_rise(const struct plan *p)
{
    int64_t ends[STEPS_MAX], high[STEPS_MAX], more;
    for (int large = 0; large < 2; large++) {
        step_ends(p, large ? 999 : p->household_from, p->high_to, ends);
        for (int i = 0; i < p->step_count - 1; i++) {
            more = ends[i] - (p->high_from ? p->steps[i].to_high : p->steps[i].to);
            ends[i] = p->steps[i].to + more;
            high[i] = p->steps[i].to_high + more;
            if (i > 0 && (ends[i] <= ends[i - 1] || (p->high_from && high[i] <= high[i - 1])))
                return false;
        }
    }
    return true;
}

static void make_surplus(struct plan *p, struct chance *c)
{
    for (int i = 0; i < p->step_count - 1; i++) {
        struct step *s = &p->steps[i];
        s->own_surplus = chance_percent(c, 70);
        s->extra = chance_between(c, 0, 100000);
        s->has_each_more = chance_percent(c, 50);
        s->each_more = s->has_each_more ? chance_between(c, 0, 100) + 100 * i : 0;
    }
    for (int i = 0; i < p->step_count && !bounds_rise(p); i++)
        p->steps[i].own_surplus = false;
}

static void make_fees(struct plan *p, struct chance *c)
{
    for (int i = 0; i < p->fee_count; i++) {
        struct part *x = &p->fees[i];
        if (x->per == PER_AREA && take(WITH_AREA_CYCLE, 50, c))
            make_area_cycle(x, c);
        if (take(WITH_CAPACITY, 20, c))
            x->per = PER_CAPACITY;
        else if (take(WITH_DEMAND, 20, c))
            x->per = PER_DEMAND;
        else if (take(WITH_FIRST_RECHARGE, 20, c))
            x->per = PER_FIRST_RECHARGE;
        if (x->per != PER_AREA)
            x->cycle = -1;
        if ((x->per == PER_MONTH || x->per == PER_CAPACITY || x->per == PER_DEMAND ||
             x->cycle == MONTH) &&
            take(WITH_PART_MONTH, 50, c))
            x->part_month = (int)chance_between(c, 0, 2);
        if (x->per != PER_DEMAND)
            continue;
        make_demand(x, c);
        if (p->unit <= 0 && take(WITH_UTILISED, 50, c))
            make_utilised(x, c);
        part_derive(x);
    }
}

static void make_factor(struct plan *p, struct chance *c)
{
    int n =
        (int)(chance_percent(c, 80) ? chance_between(c, 1, 5) : chance_between(c, 1, FACTORS_MAX));
    int top = (int)chance_between(c, n - 1, 100);
    p->factor_count = n;
    for (int i = 0; i < n; i++) {
        int64_t percent = chance_between(c, 0, 200000);
        p->factor_from[i] = i == n - 1 ? 0 : top;
        top -= top > n - 1 - i ? (int)chance_between(c, 1, top - (n - 1 - i) + 1) : 1;
        if (top < n - 2 - i)
            top = n - 2 - i;
        decimal_set(&p->factor_percent[i], percent, 4);
        if (chance_percent(c, 40)) {
            mpq_neg(p->factor_percent[i].value, p->factor_percent[i].value);
            char text[sizeof p->factor_percent[i].text];
            snprintf(text, sizeof text, "-%.30s", p->factor_percent[i].text);
            memcpy(p->factor_percent[i].text, text, sizeof text);
        }
    }
    for (int i = 0; i < 3; i++)
        p->factor_on[i] = chance_percent(c, 60);
    if (!p->factor_on[1] && !p->factor_on[2])
        p->factor_on[0] = true;
    if (take(WITH_FACTOR_ROUNDING, 60, c))
        p->factor_rounding = (int)chance_between(c, 0, 1);
}

static void make_subsidies(struct plan *p, struct chance *c)
{
    p->subsidy_count = (int)chance_between(c, 1, SUBSIDIES_MAX);
    for (int i = 0; i < p->subsidy_count; i++) {
        snprintf(p->subsidies[i].code, sizeof p->subsidies[i].code, "s%d", i);
        p->subsidies[i].fen = chance_between(c, 1, chance_percent(c, 50) ? 1000 : 100000);
    }
}

/* The prices of the bounds of a season. */
void area_bill_derive(struct plan *p)
{
    mpq_set_si(p->area_most.value, p->area_most_percent, 100);
    mpq_canonicalize(p->area_most.value);
    mpq_mul(p->area_most.value, p->area_most.value, p->area_price.value);
    mpq_set_si(p->area_least.value, p->area_least_percent, 100);
    mpq_canonicalize(p->area_least.value);
    mpq_mul(p->area_least.value, p->area_least.value, p->area_price.value);
}

static void make_area_bill(struct plan *p, struct chance *c)
{
    decimal_set(&p->area_price, chance_between(c, 1, 6000), 2);
    p->area_start_month = (int)chance_between(c, 1, 12);
    p->area_start_day = (int)chance_between(c, 1, last_days[p->area_start_month - 1]);
    p->area_end_month = (int)chance_between(c, 1, 12);
    p->area_end_day = (int)chance_between(c, 1, last_days[p->area_end_month - 1]);
    if (chance_percent(c, 80))
        p->area_most_percent = chance_percent(c, 50) ? 100 : (int)chance_between(c, 1, 1000);
    if (p->area_most_percent == 0 || chance_percent(c, 50))
        p->area_least_percent =
            (int)chance_between(c, 1, p->area_most_percent ? p->area_most_percent : 1000);
    area_bill_derive(p);
}

static void keep_larger(mpq_t largest, const mpq_t x)
{
    if (mpq_cmp(x, largest) > 0)
        mpq_set(largest, x);
}

/* The highest price a unit can have in the months of an entry, components left out. */
static void highest_of(const struct plan *p, int entry, mpq_t top)
{
    mpq_t step, outside;
    mpq_inits(step, outside, NULL);
    mpq_set_ui(top, 0, 1);
    if (p->has_price)
        keep_larger(top, base_price(p, entry, TOTAL)->value);
    for (int r = 0; r < RATES; r++)
        if (p->has_prices && p->priced[r])
            keep_larger(p->outside[r] ? outside : top, base_price(p, entry, r)->value);
    for (int i = 0; i < p->step_count; i++) {
        if (p->form != BY_MATRIX)
            keep_larger(step, step_price(p, entry, i, TOTAL)->value);
        for (int r = 0; p->form == BY_MATRIX && r < RATES; r++)
            if (p->priced[r])
                keep_larger(step, step_price(p, entry, i, r)->value);
    }
    mpq_add(top, top, step);
    keep_larger(top, outside);
    mpq_clears(step, outside, NULL);
}

void plan_highest(const struct plan *p, mpq_t top)
{
    mpq_t x;
    mpq_init(x);
    highest_of(p, -1, top);
    for (int i = 0; i < p->entry_count; i++) {
        highest_of(p, i, x);
        keep_larger(top, x);
    }
    for (int i = 0; i < p->component_count; i++)
        mpq_add(top, top, p->components[i].price.value);
    mpq_clear(x);
}

int64_t plan_climbs(const struct plan *p, const int64_t rates[RATES])
{
    int64_t sum = 0;
    for (int r = 0; r < RATES; r++)
        sum += p->outside[r] ? 0 : rates[r];
    return sum;
}

/* One priced rate at least stays inside. */
static void make_outside(struct plan *p, struct chance *c)
{
    int kept = (int)chance_between(c, 0, RATES - 1);
    while (!p->priced[kept])
        kept = (kept + 1) % RATES;
    for (int r = 0; r < RATES; r++)
        p->outside[r] = r != kept && chance_percent(c, p->priced[r] ? 60 : 10);
}

static bool own_prices_hold(const struct plan *p)
{
    unsigned months = 0;
    for (int i = 0; i < p->entry_count; i++)
        months |= p->entries[i].months;
    return months != 0xfff && p->mix_count == 0 && p->schedule_count == 0;
}

/* The highest base that a surcharge can come on. */
static void highest_base(const struct plan *p, mpq_t base)
{
    for (int i = -1; i < p->entry_count; i++) {
        if (p->has_price)
            keep_larger(base, base_price(p, i, TOTAL)->value);
        for (int r = 0; r < RATES; r++)
            if (p->has_prices && p->priced[r] && !p->outside[r])
                keep_larger(base, base_price(p, i, r)->value);
    }
    for (int i = 0; i < p->schedule_count; i++)
        for (int r = 0; r < RATES; r++)
            if (p->schedules[i].names[r] && !p->outside[r])
                keep_larger(base, p->schedules[i].rate_price[r].value);
}

bool plan_fit_surcharges(struct plan *p)
{
    bool fitted = false;
    mpq_t most;
    mpq_init(most);
    highest_base(p, most);
    mpq_neg(most, most);
    mpz_addmul_ui(mpq_numref(most), mpq_denref(most), 1000);
    for (int i = 0; i < p->step_count && p->form == BY_SURCHARGE; i++)
        if (mpq_cmp(p->steps[i].price.value, most) > 0) {
            decimal_set(&p->steps[i].price, 0, 0);
            fitted = true;
        }
    mpq_clear(most);
    return fitted;
}

/* Just as high as the plan's highest price. */
static void make_ceiling(struct plan *p, struct chance *c)
{
    mpq_t top, one;
    if (!own_prices_hold(p))
        return;
    mpq_inits(top, one, NULL);
    plan_highest(p, top);
    mpq_set_ui(one, 100000000, 1);
    mpq_mul(top, top, one);
    int64_t e8 = mpz_get_si(mpq_numref(top));
    mpq_clears(top, one, NULL);
    if (e8 == 0 || e8 > INT64_C(100000000000))
        return;
    p->has_ceiling = true;
    p->ceiling_blocks = chance_percent(c, 50);
    decimal_set(&p->catalogue, e8, 8);
    decimal_set(&p->ceiling_percent, 0, 0);
}

void plan_make_more(struct plan *p, struct chance *c)
{
    if (take(WITH_ZONE, 20, c))
        p->zone = (int)chance_between(c, 0, ZONES - 1);
    if (plan_has_rates(p) && take(WITH_INTERVALS, 50, c))
        p->intervals = (int)chance_between(c, 0, 1);
    if (!plan_has_steps(p) && take(WITH_MIX, 20, c))
        make_mix(p, c);
    if (p->mix_count == 0 && take(WITH_MONTHS, 25, c))
        make_entries(p, c);
    if (plan_has_rates(p) && take(WITH_SCHEDULES, 30, c))
        make_schedules(p, c);
    if (plan_has_steps(p) && take(WITH_MOVE_IN, 30, c))
        p->move_in = (int)chance_between(c, 0, p->cycle == HEATING_SEASON ? 1 : 2);
    if (plan_has_steps(p) && take(WITH_COUNT, 20, c))
        p->count = (int)chance_between(c, 0, 2);
    bool priced = false;
    for (int i = 0; i < p->schedule_count; i++)
        priced = priced || p->schedules[i].priced;
    if ((!priced || features >> WITH_QUOTA_MORE & 1) && take(WITH_QUOTA, 15, c))
        make_quota(p, c);
    if (p->household_from && take(WITH_STEP_SURPLUS, 50, c))
        make_surplus(p, c);
    make_fees(p, c);
    if (p->unit <= 0 && take(WITH_FACTOR, 15, c))
        make_factor(p, c);
    if (take(WITH_SUBSIDIES, 15, c))
        make_subsidies(p, c);
    if (p->minimum_fen && take(WITH_MINIMUM_PER, 50, c))
        p->minimum_per = (int)chance_between(c, 0, 1);
    if (p->kind == TIME_OF_USE_LADDER && p->form == BY_SURCHARGE && take(WITH_OUTSIDE, 30, c))
        make_outside(p, c);
    if (take(WITH_AREA_BILL, 15, c))
        make_area_bill(p, c);
    (void)plan_fit_surcharges(p);
    if (take(WITH_CEILING, 10, c))
        make_ceiling(p, c);
    p->has_names = take(WITH_NAMES, 10, c);
}

bool plan_needs_dates(const struct plan *p)
{
    bool priced = false, fees = false;
    for (int i = 0; i < p->schedule_count; i++)
        priced = priced || p->schedules[i].priced;
    for (int i = 0; i < p->fee_count; i++)
        fees = fees || p->fees[i].cycle > MONTH;
    return priced || fees || p->quota || p->area_most_percent || p->area_least_percent;
}
