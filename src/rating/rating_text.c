/* Price plans as text: docs/formats/price-plan.md. */
#include <string.h>

#include "base/jread.h"
#include "rating/rating_impl.h"

#define PRICE_DECIMALS 8
#define PRICE_DIGITS_MAX 12 /* before the point: more cannot be a price */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits of `text` up to its end or a point; the number of characters, or 0. */
static size_t whole_yuan(const char *text, int64_t *yuan)
{
    size_t n = 0;
    *yuan = 0;
    for (; is_digit(text[n]); n++)
        if (n < PRICE_DIGITS_MAX)
            *yuan = *yuan * 10 + (text[n] - '0');
    return n;
}

static enum err price_refuse(enum rating_reason *reason, enum rating_reason why)
{
    *reason = why;
    return ERR_RATING_PLAN;
}

enum err rating_price_parse(const char *text, int64_t *price_e8, enum rating_reason *reason)
{
    bool negative = text[0] == '-';
    const char *p = text + negative;
    int64_t yuan, e8 = 0;
    size_t whole = whole_yuan(p, &yuan), decimals = 0;
    if (whole == 0)
        return price_refuse(reason, RATING_PRICE_SYNTAX);
    p += whole;
    if (*p == '.') {
        for (p++; is_digit(p[decimals]); decimals++)
            if (decimals < PRICE_DECIMALS)
                e8 = e8 * 10 + (p[decimals] - '0');
        if (decimals == 0)
            return price_refuse(reason, RATING_PRICE_SYNTAX);
        p += decimals;
    }
    if (*p != '\0')
        return price_refuse(reason, RATING_PRICE_SYNTAX);
    if (negative)
        return price_refuse(reason, RATING_PRICE_NEGATIVE);
    if (decimals > PRICE_DECIMALS)
        return price_refuse(reason, RATING_PRICE_DECIMALS);
    for (; decimals < PRICE_DECIMALS; decimals++)
        e8 *= 10;
    if (whole > PRICE_DIGITS_MAX || yuan > RATING_PRICE_MAX_E8 / UNITS_PRICE_SCALE)
        return price_refuse(reason, RATING_PRICE_TOO_LARGE);
    *price_e8 = yuan * UNITS_PRICE_SCALE + e8;
    if (*price_e8 > RATING_PRICE_MAX_E8)
        return price_refuse(reason, RATING_PRICE_TOO_LARGE);
    *reason = RATING_PLAN_OK;
    return ERR_OK;
}

void rating_price_print(int64_t price_e8, char text[RATING_PRICE_TEXT_MAX])
{
    char digits[RATING_PRICE_TEXT_MAX];
    size_t n = 0, at = 0;
    uint64_t v = price_e8 < 0 ? -(uint64_t)price_e8 : (uint64_t)price_e8;
    size_t skip = 0;
    while (skip < PRICE_DECIMALS && v % 10 == 0) {
        v /= 10;
        skip++;
    }
    size_t decimals = PRICE_DECIMALS - skip;
    for (; v != 0 || n <= decimals; v /= 10)
        digits[n++] = (char)('0' + v % 10);
    if (price_e8 < 0)
        text[at++] = '-';
    while (n > 0) {
        if (n == decimals)
            text[at++] = '.';
        text[at++] = digits[--n];
    }
    text[at] = '\0';
}

/* --- JSON ------------------------------------------------------------------------------------- */

enum err rating_parse_refuse(struct rating_parse *p, enum rating_reason reason,
                             struct rating_spot spot)
{
    return rating_refuse(p->problem, reason, spot);
}

void rating_path_join(char *path, size_t cap, const char *a, const char *b)
{
    size_t n = 0;
    for (const char *parts[] = {a, ".", b}, **part = parts; part < parts + 3; part++)
        for (const char *c = *part; *c && n + 1 < cap; c++)
            path[n++] = *c;
    path[n] = '\0';
}

/* A name out of a list; the list's length if it is none of them. */
unsigned rating_name_index(const char *name, const char *(*names)(unsigned), unsigned count)
{
    unsigned i = 0;
    while (i < count && strcmp(name, names(i)) != 0)
        i++;
    return i;
}

static const char *rate_at(unsigned i)
{
    return rating_rate_name((enum rating_rate)i);
}

static const char *kind_at(unsigned i)
{
    return rating_kind_name((enum rating_kind)i);
}

/* A text value, or a refusal for a value of another type. */
enum err rating_take_text(struct rating_parse *p, char *text, size_t cap, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_TEXT)
        return rating_parse_refuse(
            p, jread_peek(&p->j) == JREAD_NONE ? RATING_JSON_SYNTAX : RATING_MEMBER_TYPE, spot);
    jread_text(&p->j, text, cap);
    if (p->j.err == ERR_RANGE)
        return rating_parse_refuse(p, RATING_MEMBER_TYPE, spot);
    return p->j.err == ERR_OK ? ERR_OK : rating_parse_refuse(p, RATING_JSON_SYNTAX, spot);
}

/* Each member once: `seen` has a bit a member. */
enum err rating_once(struct rating_parse *p, unsigned *seen, unsigned index,
                     struct rating_spot spot)
{
    if (*seen & 1u << index)
        return rating_parse_refuse(p, RATING_MEMBER_REPEATED, spot);
    *seen |= 1u << index;
    return ERR_OK;
}

enum err rating_take_price(struct rating_parse *p, int64_t *price_e8, struct rating_spot spot)
{
    char text[32];
    enum rating_reason reason;
    TRY(rating_take_text(p, text, sizeof text, spot));
    if (rating_price_parse(text, price_e8, &reason) != ERR_OK)
        return rating_parse_refuse(p, reason, spot);
    return ERR_OK;
}

static enum err take_kind(struct rating_parse *p)
{
    char name[24];
    struct rating_spot spot = {"kind", -1, NULL};
    TRY(rating_take_text(p, name, sizeof name, spot));
    unsigned kind = rating_name_index(name, kind_at, RATING_KINDS);
    if (kind == RATING_KINDS)
        return rating_parse_refuse(p, RATING_KIND_UNKNOWN, spot);
    p->plan->kind = (enum rating_kind)kind;
    return ERR_OK;
}

enum err rating_open_object(struct rating_parse *p, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_OBJECT)
        return rating_parse_refuse(
            p, jread_peek(&p->j) == JREAD_NONE ? RATING_JSON_SYNTAX : RATING_MEMBER_TYPE, spot);
    jread_object(&p->j);
    return ERR_OK;
}

/* "peak" or, inside a step, "prices.peak". */
static enum err take_rate(struct rating_parse *p, const struct rating_prices *into, unsigned rate,
                          struct rating_spot spot)
{
    into->priced[rate] = true;
    return rating_take_price(p, &into->price_e8[rate], spot);
}

enum err rating_take_prices(struct rating_parse *p, const struct rating_prices *into)
{
    char name[24] = "", path[40];
    unsigned seen = 0;
    bool inner = into->spot.index >= 0;
    TRY(rating_open_object(p, into->spot));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {into->spot.name, into->spot.index, name};
        if (inner) {
            rating_path_join(path, sizeof path, into->spot.member, name);
            spot.member = path;
        }
        unsigned rate = rating_name_index(name, rate_at, RATING_RATES);
        if (rate == RATING_RATES)
            return rating_parse_refuse(p, RATING_RATE_UNKNOWN, spot);
        TRY(rating_once(p, &seen, rate, spot));
        TRY(take_rate(p, into, rate, spot));
    }
    return ERR_OK;
}

/* HH:MM, 24:00 included. */
static bool parse_time(const char *text, uint16_t *minute)
{
    if (strlen(text) != 5 || text[2] != ':' || !is_digit(text[0]) || !is_digit(text[1]) ||
        !is_digit(text[3]) || !is_digit(text[4]))
        return false;
    int h = (text[0] - '0') * 10 + (text[1] - '0'), m = (text[3] - '0') * 10 + (text[4] - '0');
    *minute = (uint16_t)(h * 60 + m);
    return m < 60 && h * 60 + m <= RATING_DAY_MINUTES;
}

static enum err take_period_member(struct rating_parse *p, struct rating_period *period,
                                   unsigned which, struct rating_spot spot)
{
    char text[16];
    TRY(rating_take_text(p, text, sizeof text, spot));
    if (which == 2) {
        unsigned rate = rating_name_index(text, rate_at, RATING_RATES);
        if (rate == RATING_RATES)
            return rating_parse_refuse(p, RATING_RATE_UNKNOWN, spot);
        period->rate = (enum rating_rate)rate;
        return ERR_OK;
    }
    if (!parse_time(text, which == 0 ? &period->from_minute : &period->to_minute))
        return rating_parse_refuse(p, RATING_TIME_SYNTAX, spot);
    return ERR_OK;
}

static const char *period_member(unsigned i)
{
    static const char *const names[] = {"from", "to", "rate"};
    return names[i];
}

/* "periods[3].rate", or within a schedule "schedules[1].periods[3].rate". */
static struct rating_spot period_spot(const struct rating_periods *into, int index,
                                      const char *member, char path[40])
{
    char item[24];
    if (into->spot.index < 0)
        return (struct rating_spot){into->spot.name, index, member};
    rating_path_index(item, sizeof item, into->spot.member, index);
    if (member)
        rating_path_join(path, 40, item, member);
    else
        strcpy(path, item);
    return (struct rating_spot){into->spot.name, into->spot.index, path};
}

static enum err take_period(struct rating_parse *p, const struct rating_periods *into, int index)
{
    char name[24] = "", path[40];
    unsigned seen = 0;
    struct rating_period *period = &into->list[index];
    TRY(rating_open_object(p, period_spot(into, index, NULL, path)));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = period_spot(into, index, name, path);
        unsigned which = rating_name_index(name, period_member, 3);
        if (which == 3)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        TRY(take_period_member(p, period, which, spot));
    }
    for (unsigned i = 0; p->j.err == ERR_OK && i < 3; i++)
        if (!(seen & 1u << i))
            return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                       period_spot(into, index, period_member(i), path));
    return ERR_OK;
}

enum err rating_take_period_list(struct rating_parse *p, const struct rating_periods *into)
{
    TRY(rating_open_array(p, into->spot));
    while (jread_element(&p->j)) {
        if (*into->count == into->max)
            return rating_parse_refuse(p, RATING_PERIODS_TOO_MANY, into->spot);
        TRY(take_period(p, into, (int)(*into->count)++));
    }
    return ERR_OK;
}

static enum err take_periods(struct rating_parse *p)
{
    return rating_take_period_list(p, &(struct rating_periods){p->plan->periods,
                                                               &p->plan->period_count,
                                                               RATING_PERIODS_MAX,
                                                               {"periods", -1, NULL}});
}

enum member {
    MEMBER_KIND,
    MEMBER_UNIT,
    MEMBER_PRICE,
    MEMBER_PRICES,
    MEMBER_PERIODS,
    MEMBER_CYCLE,
    MEMBER_START,
    MEMBER_END,
    MEMBER_HIGH_SEASON,
    MEMBER_HOUSEHOLD,
    MEMBER_STEPS,
    MEMBER_APPORTION,
    MEMBER_COMPONENTS,
    MEMBER_FEES,
    MEMBER_MINIMUM,
    MEMBER_ROUNDING,
    MEMBER_RATES_FROM,
    MEMBER_ZONE,
    MEMBER_CALENDAR,
    MEMBER_SCHEDULES,
    MEMBER_BY_MONTH,
    MEMBER_MOVE_IN,
    MEMBER_COUNT,
    MEMBER_FREE_QUOTA,
    MEMBER_MIX,
    MEMBER_NAMES,
    MEMBER_POWER_FACTOR,
    MEMBER_SUBSIDIES,
    MEMBER_MINIMUM_PER,
    MEMBER_CEILING,
    MEMBER_AREA_BILL,
    MEMBER_OUTSIDE_STEPS,
    MEMBERS
};

#define BIT(member) (1u << (member))

static const char *plan_member(unsigned i)
{
    static const char *const names[] = {
        "kind",       "unit",         "price",        "prices",    "periods",     "cycle",
        "start",      "end",          "high_season",  "household", "steps",       "apportion",
        "components", "fees",         "minimum",      "rounding",  "rates_from",  "zone",
        "calendar",   "schedules",    "by_month",     "move_in",   "count",       "free_quota",
        "mix",        "names",        "power_factor", "subsidies", "minimum_per", "ceiling",
        "area_bill",  "outside_steps"};
    _Static_assert(sizeof names / sizeof *names == MEMBERS && MEMBERS <= 32, "a bit each");
    return names[i];
}

static const char *unit_at(unsigned i)
{
    return rating_unit_name((enum rating_unit)i);
}

static enum err take_unit(struct rating_parse *p)
{
    char name[24];
    struct rating_spot spot = {"unit", -1, NULL};
    TRY(rating_take_text(p, name, sizeof name, spot));
    unsigned unit = rating_name_index(name, unit_at, RATING_UNITS);
    if (unit == RATING_UNITS)
        return rating_parse_refuse(p, RATING_UNIT_UNKNOWN, spot);
    p->plan->unit = (enum rating_unit)unit;
    return ERR_OK;
}

static enum err take_base_price(struct rating_parse *p)
{
    return rating_take_price(p, &p->plan->price_e8, (struct rating_spot){"price", -1, NULL});
}

static enum err take_base_prices(struct rating_parse *p)
{
    return rating_take_prices(
        p, &(struct rating_prices){p->plan->priced, p->plan->rate_price_e8, {"prices", -1, NULL}});
}

static enum err (*const takers[])(struct rating_parse *p) = {
    [MEMBER_KIND] = take_kind,
    [MEMBER_UNIT] = take_unit,
    [MEMBER_PRICE] = take_base_price,
    [MEMBER_PRICES] = take_base_prices,
    [MEMBER_PERIODS] = take_periods,
    [MEMBER_CYCLE] = rating_take_cycle,
    [MEMBER_START] = rating_take_start,
    [MEMBER_END] = rating_take_end,
    [MEMBER_HIGH_SEASON] = rating_take_high_season,
    [MEMBER_HOUSEHOLD] = rating_take_household,
    [MEMBER_STEPS] = rating_take_steps,
    [MEMBER_APPORTION] = rating_take_apportion,
    [MEMBER_COMPONENTS] = rating_take_components,
    [MEMBER_FEES] = rating_take_fees,
    [MEMBER_MINIMUM] = rating_take_minimum,
    [MEMBER_ROUNDING] = rating_take_rounding,
    [MEMBER_RATES_FROM] = rating_take_rates_from,
    [MEMBER_ZONE] = rating_take_zone,
    [MEMBER_CALENDAR] = rating_take_calendar,
    [MEMBER_SCHEDULES] = rating_take_schedules,
    [MEMBER_BY_MONTH] = rating_take_by_month,
    [MEMBER_MOVE_IN] = rating_take_move_in,
    [MEMBER_COUNT] = rating_take_count,
    [MEMBER_FREE_QUOTA] = rating_take_free_quota,
    [MEMBER_MIX] = rating_take_mix,
    [MEMBER_NAMES] = rating_take_names,
    [MEMBER_POWER_FACTOR] = rating_take_power_factor,
    [MEMBER_SUBSIDIES] = rating_take_subsidies,
    [MEMBER_MINIMUM_PER] = rating_take_minimum_per,
    [MEMBER_CEILING] = rating_take_ceiling,
    [MEMBER_AREA_BILL] = rating_take_area_bill,
    [MEMBER_OUTSIDE_STEPS] = rating_take_outside_steps,
};

#define LADDER_NEEDS (BIT(MEMBER_KIND) | BIT(MEMBER_CYCLE) | BIT(MEMBER_STEPS))
#define ALL_MAY                                                                                    \
    (BIT(MEMBER_UNIT) | BIT(MEMBER_COMPONENTS) | BIT(MEMBER_FEES) | BIT(MEMBER_MINIMUM) |          \
     BIT(MEMBER_ROUNDING) | BIT(MEMBER_ZONE) | BIT(MEMBER_CALENDAR) | BIT(MEMBER_BY_MONTH) |       \
     BIT(MEMBER_FREE_QUOTA) | BIT(MEMBER_NAMES) | BIT(MEMBER_POWER_FACTOR) |                       \
     BIT(MEMBER_SUBSIDIES) | BIT(MEMBER_MINIMUM_PER) | BIT(MEMBER_CEILING) |                       \
     BIT(MEMBER_AREA_BILL))
#define LADDER_MAY                                                                                 \
    (ALL_MAY | BIT(MEMBER_START) | BIT(MEMBER_END) | BIT(MEMBER_HIGH_SEASON) |                     \
     BIT(MEMBER_HOUSEHOLD) | BIT(MEMBER_MOVE_IN) | BIT(MEMBER_COUNT))

/* A base belongs to steps by surcharge, the sharing out to a matrix; neither to anything else. */
static unsigned needs_of(const struct rating_plan *plan)
{
    static const unsigned needs[] = {
        [RATING_FLAT] = BIT(MEMBER_KIND) | BIT(MEMBER_PRICE),
        [RATING_TIME_OF_USE] = BIT(MEMBER_KIND) | BIT(MEMBER_PRICES) | BIT(MEMBER_PERIODS),
        [RATING_LADDER] = LADDER_NEEDS,
        [RATING_TIME_OF_USE_LADDER] = LADDER_NEEDS | BIT(MEMBER_PERIODS),
    };
    unsigned want = needs[plan->kind];
    if (plan->mix_count > 0)
        want &= ~(BIT(MEMBER_PRICE) | BIT(MEMBER_PRICES));
    if (plan->schedule_count > 0)
        want &= ~BIT(MEMBER_PERIODS);
    if (plan->kind == RATING_LADDER && plan->ladder.form == RATING_BY_SURCHARGE)
        want |= BIT(MEMBER_PRICE);
    if (plan->kind == RATING_TIME_OF_USE_LADDER && plan->ladder.form == RATING_BY_SURCHARGE)
        want |= BIT(MEMBER_PRICES);
    if (plan->kind == RATING_TIME_OF_USE_LADDER && plan->ladder.form == RATING_BY_MATRIX)
        want |= BIT(MEMBER_APPORTION);
    if ((want & BIT(MEMBER_CYCLE)) && plan->ladder.cycle == RATING_HEATING_SEASON)
        want |= BIT(MEMBER_START) | BIT(MEMBER_END);
    return want;
}

static unsigned may_of(const struct rating_plan *plan, unsigned want)
{
    bool rates = plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
    bool steps = want & BIT(MEMBER_STEPS);
    return want | (steps ? LADDER_MAY : ALL_MAY | BIT(MEMBER_MIX)) |
           (rates ? BIT(MEMBER_SCHEDULES) | BIT(MEMBER_RATES_FROM) : 0) |
           (rates && steps ? BIT(MEMBER_OUTSIDE_STEPS) : 0);
}

/* Which members a kind has: the others are refused, not ignored. */
static enum err check_members(struct rating_parse *p, unsigned seen)
{
    if (!(seen & BIT(MEMBER_KIND)))
        return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                   (struct rating_spot){"kind", -1, NULL});
    unsigned want = needs_of(p->plan), may = may_of(p->plan, want);
    if (seen & BIT(MEMBER_MIX) && seen & (BIT(MEMBER_PRICE) | BIT(MEMBER_PRICES)))
        return rating_parse_refuse(p, RATING_MIX_ALONE, (struct rating_spot){"mix", -1, NULL});
    if (seen & BIT(MEMBER_SCHEDULES) && seen & BIT(MEMBER_PERIODS))
        return rating_parse_refuse(p, RATING_PERIODS_TWICE,
                                   (struct rating_spot){"schedules", -1, NULL});
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct rating_spot spot = {plan_member(i), -1, NULL};
        if ((want & ~seen) & BIT(i))
            return rating_parse_refuse(p, RATING_MEMBER_MISSING, spot);
        if (!((seen & ~may) & BIT(i)))
            continue;
        TRY(rating_check_form(p->plan, p->problem)); /* which decides what there may be */
        return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
    }
    return ERR_OK;
}

static enum err take_plan(struct rating_parse *p)
{
    char name[24] = "";
    unsigned seen = 0;
    jread_object(&p->j);
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {name, -1, NULL};
        unsigned which = rating_name_index(name, plan_member, MEMBERS);
        if (which == MEMBERS)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        TRY(takers[which](p));
    }
    if (jread_end(&p->j) != ERR_OK)
        return rating_parse_refuse(p, RATING_JSON_SYNTAX, (struct rating_spot){"", -1, NULL});
    TRY(check_members(p, seen));
    return rating_plan_check(p->plan, p->problem);
}

enum err rating_plan_parse(const char *json, size_t len, struct rating_plan *plan,
                           struct rating_problem *problem)
{
    *plan = (struct rating_plan){};
    if (problem)
        *problem = (struct rating_problem){.reason = RATING_PLAN_OK};
    struct rating_parse p = {.j = jread_of(json, len), .plan = plan, .problem = problem};
    enum err e = take_plan(&p);
    /* a name longer than any that there is */
    if (problem && problem->reason == RATING_JSON_SYNTAX && p.j.err == ERR_RANGE)
        problem->reason = RATING_MEMBER_UNKNOWN;
    if (e != ERR_OK && problem)
        problem->at =
            p.j.err != ERR_OK ? p.j.failed_at
            : problem->reason == RATING_MEMBER_REPEATED || problem->reason == RATING_JSON_SYNTAX
                ? p.j.at
                : rating_place_at(json, len, problem->place);
    return e;
}
