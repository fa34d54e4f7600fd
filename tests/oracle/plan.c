/* Random plans, and their JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "oracle.h"

const char *const rate_words[RATES] = {"sharp", "peak", "flat", "valley", "deep_valley"};
const char *const kind_words[KINDS] = {"flat", "time_of_use", "ladder", "time_of_use_ladder"};
const char *const unit_words[UNITS] = {"kWh", "m3", "GJ"};
const char *const cycle_words[CYCLES] = {"month", "two_months", "season", "year", "heating_season"};
const char *const rounding_words[ROUNDINGS] = {"carry", "half_up", "up", "down"};
const char *const per_words[PERS] = {"unit",     "day",    "month",         "area",
                                     "capacity", "demand", "first_recharge"};

bool plan_has_rates(const struct plan *p)
{
    return p->kind == TIME_OF_USE || p->kind == TIME_OF_USE_LADDER;
}

bool plan_has_steps(const struct plan *p)
{
    return p->kind == LADDER || p->kind == TIME_OF_USE_LADDER;
}

/* --- numbers -----------------------------------------------------------------------------------
 */

static const int64_t tens[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};

void decimal_set(struct decimal *d, int64_t digits, int scale)
{
    if (scale == 0)
        snprintf(d->text, sizeof d->text, "%" PRId64, digits);
    else
        snprintf(d->text, sizeof d->text, "%" PRId64 ".%0*" PRId64, digits / tens[scale], scale,
                 digits % tens[scale]);
    mpq_set_si(d->value, digits, (unsigned long)tens[scale]);
    mpq_canonicalize(d->value);
}

void quantity_print(int64_t thousandths, char text[32])
{
    int64_t part = thousandths % 1000;
    int scale = 3;
    for (; scale > 0 && part % 10 == 0; scale--)
        part /= 10;
    if (scale == 0)
        snprintf(text, 32, "%" PRId64, thousandths / 1000);
    else
        snprintf(text, 32, "%" PRId64 ".%0*" PRId64, thousandths / 1000, scale, part);
}

void price_make(struct decimal *d, int64_t top, struct chance *c)
{
    static const int scales[] = {0, 1, 2, 2, 4, 4, 8, 8, 8};
    int scale = scales[chance_between(c, 0, 8)];
    if (chance_percent(c, 3)) { /* the least there can be, and the most */
        decimal_set(d, chance_between(c, 0, 3), 8);
        return;
    }
    if (chance_percent(c, 1)) {
        decimal_set(d, 1000, 0);
        return;
    }
    if (chance_percent(c, 2))
        top = 999;
    decimal_set(d, chance_between(c, 0, (top + 1) * tens[scale] - 1), scale);
}

/* --- making ------------------------------------------------------------------------------------
 */

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* n different numbers of 1..top, ascending. */
static void pick_rising(int64_t *out, int n, int64_t top, struct chance *c)
{
    for (int i = 0; i < n; i++) {
        bool again = true;
        while (again) {
            out[i] = chance_between(c, 1, top);
            again = false;
            for (int k = 0; k < i; k++)
                again = again || out[k] == out[i];
        }
    }
    qsort(out, (size_t)n, sizeof out[0], by_number);
}

static void make_bounds(int64_t *out, int n, struct chance *c)
{
    const int64_t tops[] = {n + 5, 1000, 500000, 5000000};
    pick_rising(out, n, tops[chance_between(c, 0, 3)], c);
    if (chance_percent(c, 50))
        for (int i = 0; i < n; i++)
            out[i] *= 1000;
}

static void make_rates(struct plan *p, int rates, struct chance *c)
{
    int left = (int)chance_between(c, 1, rates);
    memset(p->priced, 0, sizeof p->priced);
    for (; left > 0; left--) {
        int r;
        do
            r = (int)chance_between(c, 0, rates - 1);
        while (p->priced[r]);
        p->priced[r] = true;
    }
}

static int any_of(const bool *rates, struct chance *c)
{
    int r;
    do
        r = (int)chance_between(c, 0, RATES - 1);
    while (!rates[r]);
    return r;
}

int spans_make(const bool *rates, struct span *spans, int most, struct chance *c)
{
    int64_t cuts[PERIODS_MAX];
    int n = (int)(chance_percent(c, 5) ? chance_between(c, 2, most) : chance_between(c, 1, 6));
    pick_rising(cuts, n, 1439, c);
    if (n == 1) {
        spans[0] = (struct span){0, 1440, any_of(rates, c)};
        return 1;
    }
    if (chance_percent(c, 30))
        cuts[0] = 0;
    for (int i = 0; i < n; i++) {
        int to = (int)cuts[(i + 1) % n];
        if (to == 0 && chance_percent(c, 50))
            to = 1440; /* two words for midnight */
        spans[i] = (struct span){(int)cuts[i], to, any_of(rates, c)};
    }
    for (int i = n - 1; i > 0; i--) {
        int k = (int)chance_between(c, 0, i);
        struct span swap = spans[i];
        spans[i] = spans[k];
        spans[k] = swap;
    }
    return n;
}

static const int last_days[12] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static void make_cycle(struct plan *p, struct chance *c)
{
    p->cycle = (enum cycle)chance_between(c, 0, features >> WITH_HEATING & 1 ? CYCLES - 1 : YEAR);
    p->start_month = p->start_day = p->end_month = p->end_day = 0;
    if (p->cycle == HEATING_SEASON) {
        p->end_month = (int)chance_between(c, 1, 12);
        p->end_day = (int)chance_between(c, 1, last_days[p->end_month - 1]);
    }
    if (p->cycle == HEATING_SEASON || chance_percent(c, 50)) {
        p->start_day = (int)chance_between(c, 1, 28);
        p->start_month = p->cycle == MONTH ? 0 : (int)chance_between(c, 1, 12);
    }
}

static void make_high_season(struct plan *p, struct chance *c)
{
    int64_t bounds[STEPS_MAX];
    p->high_from = p->high_to = 0;
    if (p->cycle != MONTH || p->step_count < 2 || !chance_percent(c, 40))
        return;
    p->high_from = (int)chance_between(c, 1, 12);
    p->high_to = (int)chance_between(c, 1, 12);
    make_bounds(bounds, p->step_count - 1, c);
    for (int i = 0; i < p->step_count - 1; i++)
        p->steps[i].to_high = bounds[i];
}

static void make_household(struct plan *p, struct chance *c)
{
    p->household_from = chance_percent(c, 40) ? (int)chance_between(c, 1, 8) : 0;
    p->extra = chance_between(c, 0, 100000);
    p->has_each_more = chance_percent(c, 50);
    p->each_more = p->has_each_more ? chance_between(c, 0, 10000) : 0;
}

static void make_ladder(struct plan *p, struct chance *c)
{
    static const int counts[] = {1, 2, 3, 3, 3, 5, 0};
    int64_t bounds[STEPS_MAX];
    int n = counts[chance_between(c, 0, 6)];
    if (n == 0)
        n = (int)chance_between(c, 1, STEPS_MAX);
    p->step_count = n;
    make_cycle(p, c);
    make_bounds(bounds, n - 1, c);
    for (int i = 0; i < n; i++) {
        p->steps[i].open = i == n - 1;
        p->steps[i].to = i == n - 1 ? 0 : bounds[i];
        price_make(&p->steps[i].price, 2, c);
        for (int r = 0; r < RATES; r++)
            if (p->priced[r])
                price_make(&p->steps[i].rate_price[r], 2, c);
        if (i == 0 && chance_percent(c, 50))
            decimal_set(&p->steps[i].price, 0, 0); /* most surcharges begin with none */
    }
    make_high_season(p, c);
    make_household(p, c);
    p->chronological = chance_percent(c, 50);
}

static void make_parts(struct part *parts, int *count, bool fees, struct chance *c)
{
    *count = 0;
    if (!chance_percent(c, 30))
        return;
    *count =
        (int)(chance_percent(c, 80) ? chance_between(c, 1, 3) : chance_between(c, 0, PARTS_MAX));
    for (int i = 0; i < *count; i++) {
        struct part *x = &parts[i];
        snprintf(x->code, sizeof x->code, "%c%d_%d", fees ? 'f' : 'c', i,
                 (int)chance_between(c, 0, 99));
        x->per = fees ? (enum per)chance_between(c, PER_DAY, PER_AREA) : PER_UNIT;
        price_make(&x->price, fees ? 20 : 0, c);
        x->rounding = chance_percent(c, 40) ? (int)chance_between(c, 0, ROUNDINGS - 1) : -1;
        x->cycle = -1;
    }
}

void plan_make(struct plan *p, int rates, struct chance *c)
{
    static const enum kind kinds[] = {FLAT,   TIME_OF_USE,        LADDER,
                                      LADDER, TIME_OF_USE_LADDER, TIME_OF_USE_LADDER};
    plan_clear(p);
    p->kind = kinds[chance_between(c, 0, 5)];
    p->unit = chance_percent(c, 30) ? (int)chance_between(c, 0, 2) : -1;
    if (plan_has_rates(p)) {
        make_rates(p, rates, c);
        p->span_count = spans_make(p->priced, p->spans, PERIODS_MAX, c);
    }
    if (plan_has_steps(p))
        make_ladder(p, c);
    p->form = p->kind == LADDER       ? (chance_percent(c, 60) ? BY_PRICE : BY_SURCHARGE)
              : chance_percent(c, 35) ? BY_SURCHARGE
                                      : BY_MATRIX;
    p->has_price = p->kind == FLAT || (p->kind == LADDER && p->form == BY_SURCHARGE);
    p->has_prices =
        p->kind == TIME_OF_USE || (p->kind == TIME_OF_USE_LADDER && p->form == BY_SURCHARGE);
    price_make(&p->price, 2, c);
    for (int r = 0; r < RATES; r++)
        price_make(&p->rate_price[r], 2, c);
    make_parts(p->components, &p->component_count, false, c);
    make_parts(p->fees, &p->fee_count, true, c);
    p->rounding = chance_percent(c, 40) ? (int)chance_between(c, 0, ROUNDINGS - 1) : -1;
    p->minimum_fen = !chance_percent(c, 20)  ? 0
                     : chance_percent(c, 50) ? chance_between(c, 1, 99)
                                             : chance_between(c, 1, 100000);
    plan_make_more(p, c);
}

/* --- printing ----------------------------------------------------------------------------------
 */

#define MEMBERS_MAX 48

/* Members, each a text of its own, to be put into any order. */
struct members {
    struct text each[MEMBERS_MAX];
    int count;
};

struct text *next_member(struct members *m)
{
    return &m->each[m->count++];
}

static void join_members(struct members *m, struct chance *c, struct text *out)
{
    text_add(out, "{");
    for (int left = m->count; left > 0; left--) {
        int k = c ? (int)chance_between(c, 0, left - 1) : 0;
        struct text chosen = m->each[k];
        memmove(&m->each[k], &m->each[k + 1], (size_t)(left - 1 - k) * sizeof chosen);
        text_add(out, "%s%s", chosen.at, left > 1 ? "," : "}");
        text_free(&chosen);
    }
}

void prices_print(const struct decimal *prices, const bool *priced, struct text *out)
{
    const char *comma = "";
    text_add(out, "\"prices\":{");
    for (int r = 0; r < RATES; r++)
        if (priced[r]) {
            text_add(out, "%s\"%s\":\"%s\"", comma, rate_words[r], prices[r].text);
            comma = ",";
        }
    text_add(out, "}");
}

void spans_print(const struct span *spans, int count, struct text *out)
{
    text_add(out, "\"periods\":[");
    for (int i = 0; i < count; i++) {
        const struct span *s = &spans[i];
        text_add(out, "%s{\"from\":\"%02d:%02d\",\"to\":\"%02d:%02d\",\"rate\":\"%s\"}",
                 i ? "," : "", s->from / 60, s->from % 60, s->to / 60, s->to % 60,
                 rate_words[s->rate]);
    }
    text_add(out, "]");
}

static void print_step(const struct plan *p, const struct step *s, struct text *out)
{
    char text[32];
    text_add(out, "{");
    if (!s->open) {
        quantity_print(s->to, text);
        text_add(out, "\"to\":\"%s\",", text);
    }
    if (!s->open && p->high_from) {
        quantity_print(s->to_high, text);
        text_add(out, "\"to_high\":\"%s\",", text);
    }
    if (p->form == BY_MATRIX)
        prices_print(s->rate_price, p->priced, out);
    else
        text_add(out, "\"%s\":\"%s\"", p->form == BY_PRICE ? "price" : "surcharge", s->price.text);
    step_print_more(s, out);
    text_add(out, "}");
}

static void print_ladder(const struct plan *p, struct members *m)
{
    char extra[32], more[32];
    text_add(next_member(m), "\"cycle\":\"%s\"", cycle_words[p->cycle]);
    if (p->start_day && p->cycle == MONTH)
        text_add(next_member(m), "\"start\":\"%02d\"", p->start_day);
    else if (p->start_day)
        text_add(next_member(m), "\"start\":\"%02d-%02d\"", p->start_month, p->start_day);
    if (p->end_day)
        text_add(next_member(m), "\"end\":\"%02d-%02d\"", p->end_month, p->end_day);
    if (p->high_from)
        text_add(next_member(m), "\"high_season\":{\"from\":%d,\"to\":%d}", p->high_from,
                 p->high_to);
    if (p->household_from) {
        struct text *t = next_member(m);
        quantity_print(p->extra, extra);
        quantity_print(p->each_more, more);
        text_add(t, "\"household\":{\"from_persons\":%d,\"extra\":\"%s\"", p->household_from,
                 extra);
        if (p->has_each_more)
            text_add(t, ",\"each_more\":\"%s\"", more);
        text_add(t, "}");
    }
    struct text *t = next_member(m);
    text_add(t, "\"steps\":[");
    for (int i = 0; i < p->step_count; i++) {
        text_add(t, "%s", i ? "," : "");
        print_step(p, &p->steps[i], t);
    }
    text_add(t, "]");
    if (p->form == BY_MATRIX)
        text_add(next_member(m), "\"apportion\":\"%s\"",
                 p->chronological ? "chronological" : "pro_rata");
}

static void print_parts(const char *name, const struct part *parts, int count, struct text *out)
{
    text_add(out, "\"%s\":[", name);
    for (int i = 0; i < count; i++) {
        const struct part *x = &parts[i];
        text_add(out, "%s{\"code\":\"%s\",\"price\":\"%s\"", i ? "," : "", x->code, x->price.text);
        if (x->per != PER_UNIT)
            text_add(out, ",\"per\":\"%s\"", per_words[x->per]);
        if (x->rounding >= 0)
            text_add(out, ",\"rounding\":\"%s\"", rounding_words[x->rounding]);
        part_print_more(x, out);
        text_add(out, "}");
    }
    text_add(out, "]");
}

void plan_print(const struct plan *p, struct chance *c, struct text *out)
{
    struct members m = {0};
    text_add(next_member(&m), "\"kind\":\"%s\"", kind_words[p->kind]);
    if (p->unit >= 0)
        text_add(next_member(&m), "\"unit\":\"%s\"", unit_words[p->unit]);
    if (p->has_price)
        text_add(next_member(&m), "\"price\":\"%s\"", p->price.text);
    if (p->has_prices)
        prices_print(p->rate_price, p->priced, next_member(&m));
    if (p->span_count)
        spans_print(p->spans, p->span_count, next_member(&m));
    if (plan_has_steps(p))
        print_ladder(p, &m);
    if (p->component_count)
        print_parts("components", p->components, p->component_count, next_member(&m));
    if (p->fee_count)
        print_parts("fees", p->fees, p->fee_count, next_member(&m));
    if (p->rounding >= 0)
        text_add(next_member(&m), "\"rounding\":\"%s\"", rounding_words[p->rounding]);
    if (p->minimum_fen)
        text_add(next_member(&m), "\"minimum\":\"%" PRId64 ".%02" PRId64 "\"", p->minimum_fen / 100,
                 p->minimum_fen % 100);
    plan_print_more(p, &m);
    join_members(&m, c, out);
}

/* --- life --------------------------------------------------------------------------------------
 */

static void each_rate(struct decimal *prices, void (*act)(mpq_t))
{
    for (int r = 0; r < RATES; r++)
        act(prices[r].value);
}

static void each_decimal_more(struct plan *p, void (*act)(mpq_t))
{
    for (int i = 0; i < ENTRIES_MAX; i++)
        for (int k = 0; k < STEPS_MAX; k++) {
            act(p->entries[i].price[k].value);
            each_rate(p->entries[i].rate_price[k], act);
        }
    for (int i = 0; i < SCHEDULES_MAX; i++)
        each_rate(p->schedules[i].rate_price, act);
    for (int i = 0; i < MIX_MAX; i++) {
        act(p->mix[i].percent.value);
        act(p->mix[i].price.value);
        each_rate(p->mix[i].rate_price, act);
    }
    for (int i = 0; i < FACTORS_MAX; i++)
        act(p->factor_percent[i].value);
    act(p->catalogue.value);
    act(p->ceiling_percent.value);
    act(p->area_price.value);
    act(p->area_most.value);
    act(p->area_least.value);
}

static void each_decimal(struct plan *p, void (*act)(mpq_t))
{
    act(p->price.value);
    each_rate(p->rate_price, act);
    for (int i = 0; i < STEPS_MAX; i++) {
        act(p->steps[i].price.value);
        each_rate(p->steps[i].rate_price, act);
    }
    for (int i = 0; i < PARTS_MAX; i++) {
        act(p->components[i].price.value);
        act(p->fees[i].price.value);
        act(p->fees[i].over_factor.value);
        act(p->fees[i].over_price.value);
        act(p->fees[i].utilised_price.value);
        act(p->fees[i].utilised_over_price.value);
    }
    each_decimal_more(p, act);
}

static void begin(mpq_t q)
{
    mpq_init(q);
}

static void end(mpq_t q)
{
    mpq_clear(q);
}

void plan_clear(struct plan *p)
{
    memset(&p->kind, 0, sizeof *p - offsetof(struct plan, kind));
    p->unit = p->rounding = -1;
    p->zone = p->intervals = p->move_in = p->count = -1;
    p->unused = p->quota_counts = p->quota_per_person = p->minimum_per = -1;
    p->factor_rounding = -1;
    for (int i = 0; i < ENTRIES_MAX; i++)
        memset(p->entries[i].names, 0, sizeof p->entries[i].names);
    for (int i = 0; i < SCHEDULES_MAX; i++)
        memset(&p->schedules[i].months, 0,
               sizeof p->schedules[i] - offsetof(struct schedule, months));
    for (int i = 0; i < STEPS_MAX; i++)
        p->steps[i].own_surplus = false;
    for (int i = 0; i < PARTS_MAX; i++)
        p->fees[i].cycle = p->components[i].cycle = -1;
    for (int i = 0; i < PARTS_MAX; i++) {
        p->fees[i].floor_percent = p->fees[i].over_percent = p->fees[i].utilised_percent = 0;
        p->fees[i].utilised_from = 0;
        p->fees[i].part_month = p->components[i].part_month = -1;
        p->fees[i].start_month = p->fees[i].start_day = 0;
        p->fees[i].end_month = p->fees[i].end_day = 0;
    }
}

void plan_init(struct plan *p)
{
    memset(p, 0, sizeof *p);
    each_decimal(p, begin);
}

void plan_free(struct plan *p)
{
    each_decimal(p, end);
}
