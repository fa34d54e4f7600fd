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

struct parse {
    struct jread j;
    struct rating_plan *plan;
    struct rating_problem *problem;
};

static enum err refuse(struct parse *p, enum rating_reason reason, struct rating_spot spot)
{
    return rating_refuse(p->problem, reason, spot);
}

/* A name out of a list; the list's length if it is none of them. */
static unsigned name_index(const char *name, const char *(*names)(unsigned), unsigned count)
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
static enum err take_text(struct parse *p, char *text, size_t cap, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_TEXT)
        return refuse(p, jread_peek(&p->j) == JREAD_NONE ? RATING_JSON_SYNTAX : RATING_MEMBER_TYPE,
                      spot);
    jread_text(&p->j, text, cap);
    if (p->j.err == ERR_RANGE)
        return refuse(p, RATING_MEMBER_TYPE, spot);
    return p->j.err == ERR_OK ? ERR_OK : refuse(p, RATING_JSON_SYNTAX, spot);
}

/* Each member once: `seen` has a bit a member. */
static enum err once(struct parse *p, unsigned *seen, unsigned index, struct rating_spot spot)
{
    if (*seen & 1u << index)
        return refuse(p, RATING_MEMBER_REPEATED, spot);
    *seen |= 1u << index;
    return ERR_OK;
}

static enum err take_price(struct parse *p, int64_t *price_e8, struct rating_spot spot)
{
    char text[32];
    enum rating_reason reason;
    TRY(take_text(p, text, sizeof text, spot));
    if (rating_price_parse(text, price_e8, &reason) != ERR_OK)
        return refuse(p, reason, spot);
    return ERR_OK;
}

static enum err take_kind(struct parse *p)
{
    char name[24];
    struct rating_spot spot = {"kind", -1, NULL};
    TRY(take_text(p, name, sizeof name, spot));
    unsigned kind = name_index(name, kind_at, RATING_KINDS);
    if (kind == RATING_KINDS)
        return refuse(p, RATING_KIND_UNKNOWN, spot);
    p->plan->kind = (enum rating_kind)kind;
    return ERR_OK;
}

static enum err open_object(struct parse *p, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_OBJECT)
        return refuse(p, jread_peek(&p->j) == JREAD_NONE ? RATING_JSON_SYNTAX : RATING_MEMBER_TYPE,
                      spot);
    jread_object(&p->j);
    return ERR_OK;
}

static enum err take_prices(struct parse *p)
{
    char name[24] = "";
    unsigned seen = 0;
    TRY(open_object(p, (struct rating_spot){"prices", -1, NULL}));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"prices", -1, name};
        unsigned rate = name_index(name, rate_at, RATING_RATES);
        if (rate == RATING_RATES)
            return refuse(p, RATING_RATE_UNKNOWN, spot);
        TRY(once(p, &seen, rate, spot));
        p->plan->priced[rate] = true;
        TRY(take_price(p, &p->plan->rate_price_e8[rate], spot));
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

static enum err take_period_member(struct parse *p, struct rating_period *period, unsigned which,
                                   struct rating_spot spot)
{
    char text[16];
    TRY(take_text(p, text, sizeof text, spot));
    if (which == 2) {
        unsigned rate = name_index(text, rate_at, RATING_RATES);
        if (rate == RATING_RATES)
            return refuse(p, RATING_RATE_UNKNOWN, spot);
        period->rate = (enum rating_rate)rate;
        return ERR_OK;
    }
    if (!parse_time(text, which == 0 ? &period->from_minute : &period->to_minute))
        return refuse(p, RATING_TIME_SYNTAX, spot);
    return ERR_OK;
}

static const char *period_member(unsigned i)
{
    static const char *const names[] = {"from", "to", "rate"};
    return names[i];
}

static enum err take_period(struct parse *p, int index)
{
    char name[24] = "";
    unsigned seen = 0;
    struct rating_period *period = &p->plan->periods[index];
    TRY(open_object(p, (struct rating_spot){"periods", index, NULL}));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"periods", index, name};
        unsigned which = name_index(name, period_member, 3);
        if (which == 3)
            return refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(once(p, &seen, which, spot));
        TRY(take_period_member(p, period, which, spot));
    }
    for (unsigned i = 0; p->j.err == ERR_OK && i < 3; i++)
        if (!(seen & 1u << i))
            return refuse(p, RATING_MEMBER_MISSING,
                          (struct rating_spot){"periods", index, period_member(i)});
    return ERR_OK;
}

static enum err take_periods(struct parse *p)
{
    struct rating_spot spot = {"periods", -1, NULL};
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return refuse(p, jread_peek(&p->j) == JREAD_NONE ? RATING_JSON_SYNTAX : RATING_MEMBER_TYPE,
                      spot);
    jread_array(&p->j);
    while (jread_element(&p->j)) {
        if (p->plan->period_count == RATING_PERIODS_MAX)
            return refuse(p, RATING_PERIODS_TOO_MANY, spot);
        TRY(take_period(p, (int)p->plan->period_count++));
    }
    return ERR_OK;
}

enum member { MEMBER_KIND, MEMBER_PRICE, MEMBER_PRICES, MEMBER_PERIODS, MEMBERS };

static const char *plan_member(unsigned i)
{
    static const char *const names[] = {"kind", "price", "prices", "periods"};
    return names[i];
}

static enum err take_member(struct parse *p, enum member which)
{
    switch (which) {
    case MEMBER_KIND:
        return take_kind(p);
    case MEMBER_PRICE:
        return take_price(p, &p->plan->price_e8, (struct rating_spot){"price", -1, NULL});
    case MEMBER_PRICES:
        return take_prices(p);
    default:
        return take_periods(p);
    }
}

/* Which members a kind has: the others are refused, not ignored. */
static enum err check_members(struct parse *p, unsigned seen)
{
    static const unsigned wanted[] = {
        [RATING_FLAT] = 1u << MEMBER_KIND | 1u << MEMBER_PRICE,
        [RATING_TIME_OF_USE] = 1u << MEMBER_KIND | 1u << MEMBER_PRICES | 1u << MEMBER_PERIODS,
    };
    unsigned want = seen & 1u << MEMBER_KIND ? wanted[p->plan->kind] : 1u << MEMBER_KIND | seen;
    for (unsigned i = 0; i < MEMBERS; i++) {
        struct rating_spot spot = {plan_member(i), -1, NULL};
        if ((want & ~seen) & 1u << i)
            return refuse(p, RATING_MEMBER_MISSING, spot);
        if ((seen & ~want) & 1u << i)
            return refuse(p, RATING_MEMBER_UNKNOWN, spot);
    }
    return ERR_OK;
}

static enum err take_plan(struct parse *p)
{
    char name[24] = "";
    unsigned seen = 0;
    jread_object(&p->j);
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {name, -1, NULL};
        unsigned which = name_index(name, plan_member, MEMBERS);
        if (which == MEMBERS)
            return refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(once(p, &seen, which, spot));
        TRY(take_member(p, (enum member)which));
    }
    if (jread_end(&p->j) != ERR_OK)
        return refuse(p, RATING_JSON_SYNTAX, (struct rating_spot){"", -1, NULL});
    TRY(check_members(p, seen));
    return rating_plan_check(p->plan, p->problem);
}

enum err rating_plan_parse(const char *json, size_t len, struct rating_plan *plan,
                           struct rating_problem *problem)
{
    *plan = (struct rating_plan){};
    if (problem)
        *problem = (struct rating_problem){.reason = RATING_PLAN_OK};
    struct parse p = {.j = jread_of(json, len), .plan = plan, .problem = problem};
    return take_plan(&p);
}
