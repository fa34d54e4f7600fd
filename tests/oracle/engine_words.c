/* What the engine says in words: each line's rule, prices and marks, and a plan's warnings. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "days.h"
#include "engine.h"

/* --- lines -------------------------------------------------------------------------------------
 */

static const char *rule_of(const struct plan *p, const struct rating_line *x)
{
    switch (x->kind) {
    case RATING_ITEM_SURCHARGE:
        return "surcharge";
    case RATING_ITEM_COMPONENT:
        return "per_unit";
    case RATING_ITEM_FREE:
        return "free_quota";
    case RATING_ITEM_FACTOR:
        return "power_factor";
    case RATING_ITEM_MINIMUM:
        return "minimum";
    case RATING_ITEM_SUBSIDY:
        return "subsidy";
    case RATING_ITEM_SEASON:
        return x->quantity_wh == 0            ? "season_back"
               : x->flags & RATING_FLAG_LEAST ? "season_least"
                                              : "season_most";
    case RATING_ITEM_FEE:
        for (int i = 0; i < p->fee_count; i++)
            if (strcmp(p->fees[i].code, x->code) == 0)
                return p->fees[i].part_month == 1   ? "part_days"
                       : p->fees[i].part_month == 2 ? "part_thirtieths"
                                                    : per_words[p->fees[i].per];
        return "";
    default:
        if (p->mix_count)
            return "mix";
        if (x->step == -1)
            return x->rate < RATING_RATES && p->outside[x->rate] ? "outside_steps" : "price";
        if (p->form == BY_MATRIX)
            return p->chronological ? "matrix_chronological" : "matrix_pro_rata";
        return "ladder";
    }
}

static void check_marks(const struct rating_line *x, size_t i, struct text *why)
{
    static const struct {
        unsigned bit;
        const char *word;
    } marks[] = {{RATING_FLAG_ESTIMATED, "estimated"},
                 {RATING_FLAG_CALENDAR, "calendar_year_missing"},
                 {RATING_FLAG_MOVED_IN, "moved_in"},
                 {RATING_FLAG_INTERVALS, "by_intervals"},
                 {RATING_FLAG_UTILISED, "utilised"}};
    size_t said = 0;
    for (int k = 0; k < 5; k++) {
        if (!(x->flags & marks[k].bit))
            continue;
        const char *mark = rating_line_mark(x, said++);
        if (!mark || strcmp(mark, marks[k].word) != 0)
            text_add(why, "line %zu does not say %s\n", i, marks[k].word);
    }
    if (rating_line_mark(x, said))
        text_add(why, "line %zu says %s\n", i, rating_line_mark(x, said));
}

void engine_check_words(const struct rating_plan *plan, const struct plan *p,
                        const struct rating_line *x, size_t i, struct text *why)
{
    char said[RATING_PRICES_FROM_MAX], expected[RATING_PRICES_FROM_MAX] = "plan";
    bool energy = x->kind == RATING_ITEM_ENERGY || x->kind == RATING_ITEM_SURCHARGE;
    if (x->schedule >= 0)
        snprintf(expected, sizeof expected, "schedules[%d]", x->schedule);
    else if (x->month_entry >= 0)
        snprintf(expected, sizeof expected, "by_month[%d]", x->month_entry);
    if (strcmp(rating_line_prices(x, said), expected) != 0)
        text_add(why, "line %zu has its prices from %s, not %s\n", i, said, expected);
    if (strcmp(rating_line_rule(plan, x), rule_of(p, x)) != 0)
        text_add(why, "line %zu is by %s, not %s\n", i, rating_line_rule(plan, x), rule_of(p, x));
    if (rating_line_has_registers(x) !=
        (energy || x->kind == RATING_ITEM_COMPONENT || x->kind == RATING_ITEM_FREE))
        text_add(why, "line %zu: registers or not\n", i);
    check_marks(x, i, why);
}

/* --- warnings ----------------------------------------------------------------------------------
 */

#define WARNINGS_MAX 2048
#define WARNING_LEN 120

/* "REASON place", each once. */
struct warnings {
    char said[WARNINGS_MAX][WARNING_LEN];
    int count;
};

__attribute__((format(printf, 2, 3))) static void put(struct warnings *w, const char *format, ...)
{
    char text[WARNING_LEN];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->said[i], text) == 0)
            return;
    if (w->count < WARNINGS_MAX)
        memcpy(w->said[w->count++], text, sizeof text);
}

static bool says(const struct warnings *w, const char *text)
{
    for (int i = 0; i < w->count; i++)
        if (strcmp(w->said[i], text) == 0)
            return true;
    return false;
}

static const char *reason = "PRICE_ABOVE_CEILING"; /* of what is above */

/* A price, and what a surcharge puts on it (NULL: nothing), with all components on top. */
static bool above(const struct plan *p, const mpq_t price, const struct decimal *more)
{
    mpq_t sum, limit;
    mpq_inits(sum, limit, NULL);
    mpq_set(sum, price);
    if (more)
        mpq_add(sum, sum, more->value);
    for (int i = 0; i < p->component_count; i++)
        mpq_add(sum, sum, p->components[i].price.value);
    mpq_set_ui(limit, 1, 100);
    mpq_mul(limit, limit, p->ceiling_percent.value);
    mpq_mul(limit, limit, p->catalogue.value);
    mpq_add(limit, limit, p->catalogue.value);
    bool is = mpq_cmp(sum, limit) > 0;
    mpq_clears(sum, limit, NULL);
    return is;
}

/* `rate` TOTAL: of no rate. */
static void look(const struct plan *p, const struct decimal *price, int rate, const char *place,
                 struct warnings *w)
{
    bool surcharged =
        plan_has_steps(p) && p->form == BY_SURCHARGE && (rate == TOTAL || !p->outside[rate]);
    if (above(p, price->value, NULL)) {
        put(w, "%s %s", reason, place);
        return;
    }
    for (int i = 0; surcharged && i < p->step_count; i++)
        if (above(p, price->value, &p->steps[i].price)) {
            put(w, "%s steps[%d].surcharge", reason, i);
            return;
        }
}

static void look_rates(const struct plan *p, const struct decimal *prices, const bool *named,
                       const char *place, struct warnings *w)
{
    char full[WARNING_LEN + 16];
    for (int r = 0; r < RATES; r++) {
        snprintf(full, sizeof full, "%s.%s", place, rate_words[r]);
        if (named[r])
            look(p, &prices[r], r, full, w);
    }
}

static void look_entry(const struct plan *p, int i, struct warnings *w)
{
    static const char *const members[] = {"price", "prices", "step_prices"};
    const struct entry *e = &p->entries[i];
    char place[WARNING_LEN];
    snprintf(place, sizeof place, "by_month[%d].%s", i, members[e->form]);
    if (e->form == ENTRY_RATES)
        look_rates(p, e->rate_price[0], e->names, place, w);
    for (int k = 0; e->form != ENTRY_RATES && k < (e->form == ENTRY_STEPS ? p->step_count : 1); k++)
        if (e->form == ENTRY_STEPS && p->form == BY_MATRIX)
            look_rates(p, e->rate_price[k], p->priced, place, w);
        else
            look(p, &e->price[k], TOTAL, place, w);
}

static void expect_ceiling(const struct plan *p, struct warnings *w)
{
    char place[WARNING_LEN];
    bool own = p->mix_count == 0 && !(plan_has_steps(p) && p->form != BY_SURCHARGE);
    for (int i = 0; plan_has_steps(p) && i < p->step_count; i++) {
        snprintf(place, sizeof place, "steps[%d].%s", i, p->form == BY_MATRIX ? "prices" : "price");
        if (p->form == BY_PRICE)
            look(p, &p->steps[i].price, TOTAL, place, w);
        else if (p->form == BY_MATRIX)
            look_rates(p, p->steps[i].rate_price, p->priced, place, w);
    }
    if (own && plan_has_rates(p))
        look_rates(p, p->rate_price, p->priced, "prices", w);
    else if (own)
        look(p, &p->price, TOTAL, "price", w);
    for (int i = 0; i < p->mix_count; i++) {
        snprintf(place, sizeof place, "mix[%d].%s", i, plan_has_rates(p) ? "prices" : "price");
        if (plan_has_rates(p))
            look_rates(p, p->mix[i].rate_price, p->priced, place, w);
        else
            look(p, &p->mix[i].price, TOTAL, place, w);
    }
    for (int i = 0; i < p->schedule_count; i++) {
        snprintf(place, sizeof place, "schedules[%d].prices", i);
        if (p->schedules[i].priced)
            look_rates(p, p->schedules[i].rate_price, p->schedules[i].names, place, w);
    }
    for (int i = 0; i < p->entry_count; i++)
        look_entry(p, i, w);
}

/* Above ten yuan a kWh, a hundred a m3, five hundred a GJ, without components. */
static void expect_unusual(const struct plan *p, struct warnings *w)
{
    static const int64_t usual[UNITS] = {10, 100, 500};
    static struct plan dear;
    static struct decimal limit, nothing;
    static bool ready;
    if (!ready)
        mpq_inits(limit.value, nothing.value, NULL);
    ready = true;
    decimal_set(&limit, usual[p->unit < 0 ? 0 : p->unit], 0);
    memcpy(&dear, p, sizeof dear); /* its numbers stay those of p */
    dear.component_count = 0;
    dear.catalogue = limit;
    dear.ceiling_percent = nothing;
    reason = "PRICE_UNUSUAL";
    expect_ceiling(&dear, w);
    reason = "PRICE_ABOVE_CEILING";
}

static bool is_cheaper(const struct plan *p, int i)
{
    bool cheaper = false;
    const struct step *s = &p->steps[i], *before = &p->steps[i - 1];
    if (p->form != BY_MATRIX)
        return mpq_cmp(s->price.value, before->price.value) < 0;
    for (int r = 0; r < RATES; r++)
        cheaper = cheaper || (p->priced[r] &&
                              mpq_cmp(s->rate_price[r].value, before->rate_price[r].value) < 0);
    return cheaper;
}

static void expect_years(const struct plan *p, int from_day, int to_day, struct warnings *w)
{
    bool asks = false;
    for (int i = 0; i < p->schedule_count; i++)
        asks = asks || p->schedules[i].days >> ON_WORKDAY;
    for (int day = from_day; asks && day <= to_day; day++)
        if (!day_date(day)->known)
            put(w, "CALENDAR_YEAR_MISSING calendar %d", day_date(day)->year);
}

/* A ceiling beside one of the plan's prices, or anywhere. */
static void draw_ceiling(struct plan *p, struct chance *c)
{
    const struct decimal *price = &p->price;
    mpq_t sum, one;
    mpq_inits(sum, one, NULL);
    if (p->mix_count)
        price = plan_has_rates(p) ? &p->mix[0].rate_price[0] : &p->mix[0].price;
    else if (plan_has_steps(p) && chance_percent(c, 50))
        price = &p->steps[chance_between(c, 0, p->step_count - 1)].price;
    else if (p->has_prices)
        price = &p->rate_price[chance_between(c, 0, RATES - 1)];
    mpq_set(sum, price->value);
    for (int i = 0; i < p->component_count; i++)
        mpq_add(sum, sum, p->components[i].price.value);
    mpq_set_ui(one, 100000000, 1);
    mpq_mul(sum, sum, one);
    int64_t e8 = mpz_get_si(mpq_numref(sum)) + chance_between(c, -1, 1);
    mpq_clears(sum, one, NULL);
    bool beside = chance_percent(c, 50) && e8 > 0 && e8 <= INT64_C(100000000000);
    decimal_set(&p->catalogue, beside ? e8 : chance_between(c, 1, 200000000), 8);
    decimal_set(&p->ceiling_percent, beside ? 0 : chance_between(c, 0, 50000), 3);
}

static void expect_factor_fee(const struct plan *p, struct warnings *w)
{
    bool has[3] = {true, false, false};
    for (int i = 0; i < p->fee_count; i++) {
        has[1] = has[1] || p->fees[i].per == PER_CAPACITY;
        has[2] = has[2] || p->fees[i].per == PER_DEMAND;
    }
    for (int i = 1; p->factor_count && i < 3; i++)
        if (p->factor_on[i] && !has[i]) {
            put(w, "FACTOR_FEE power_factor.on");
            return;
        }
}

static void compare(const struct warnings *expected, const struct warnings *said, struct text *why)
{
    for (int i = 0; i < expected->count; i++)
        if (!says(said, expected->said[i]))
            text_add(why, "no warning %s\n", expected->said[i]);
    for (int i = 0; i < said->count; i++)
        if (!says(expected, said->said[i]))
            text_add(why, "a warning %s\n", said->said[i]);
}

bool engine_same_warnings(const struct plan *plan, struct chance *c, struct text *why)
{
    static struct rating_plan read;
    static struct rating_problem problems[WARNINGS_MAX];
    static struct warnings expected, said;
    static struct plan p;
    static struct text json;
    static bool ready;
    struct rating_problem problem;
    if (!ready)
        plan_init(&p);
    ready = true;
    text_clear(&json);
    plan_print(plan, NULL, &json);
    if (!plan_read(&p, json.at))
        return true;
    p.has_ceiling = chance_percent(c, 80);
    p.ceiling_blocks = false;
    draw_ceiling(&p, c);
    text_clear(&json);
    plan_print(&p, NULL, &json);
    if (rating_plan_parse(json.at, json.len, &read, &problem) != ERR_OK) {
        text_add(why, "with another ceiling: %s at %s\n", rating_reason_name(problem.reason),
                 problem.place);
        return false;
    }
    int from =
        day_number((int)chance_between(c, 2018, 2032), 1, 1) + (int)chance_between(c, 0, 365);
    int to = from + (int)chance_between(c, -1, 800);
    expected.count = said.count = 0;
    expect_years(&p, from, to, &expected);
    for (int i = 1; plan_has_steps(&p) && i < p.step_count; i++)
        if (is_cheaper(&p, i))
            put(&expected, "STEP_CHEAPER steps[%d]", i);
    if (p.has_ceiling)
        expect_ceiling(&p, &expected);
    expect_factor_fee(&p, &expected);
    expect_unusual(&p, &expected);
    size_t few = rating_plan_warnings(&read, NULL, from, to, problems, 1);
    size_t count = rating_plan_warnings(&read, NULL, from, to, problems, WARNINGS_MAX);
    for (size_t i = 0; i < count && i < WARNINGS_MAX; i++)
        put(&said, "%s %s", rating_reason_name(problems[i].reason), problems[i].place);
    if (count != few)
        text_add(why, "%zu warnings where there is room, else %zu\n", count, few);
    compare(&expected, &said, why);
    return why->len == 0;
}
