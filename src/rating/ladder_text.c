/* The members of a ladder as text: docs/formats/price-plan.md. */
#include <string.h>

#include "rating/rating_impl.h"

#define QUANTITY_DECIMALS 3
#define QUANTITY_DIGITS_MAX 10 /* before the point: more cannot be a step */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct rating_spot top(const char *name)
{
    return (struct rating_spot){name, -1, NULL};
}

/* "240" or "240.5": whole thousandths of the unit. */
static enum rating_reason parse_quantity(const char *text, int64_t *thousandths)
{
    size_t whole = 0, decimals = 0;
    int64_t v = 0;
    for (; is_digit(text[whole]) && whole < QUANTITY_DIGITS_MAX; whole++)
        v = v * 10 + (text[whole] - '0');
    if (is_digit(text[whole]))
        return RATING_QUANTITY_TOO_LARGE;
    const char *p = text + whole;
    if (*p == '.')
        for (p++; is_digit(p[decimals]) && decimals < QUANTITY_DECIMALS; decimals++)
            v = v * 10 + (p[decimals] - '0');
    if (whole == 0 || p[decimals] != '\0' || (p > text + whole && decimals == 0))
        return RATING_QUANTITY_SYNTAX;
    for (; decimals < QUANTITY_DECIMALS; decimals++)
        v *= 10;
    *thousandths = v;
    return v > RATING_BOUND_MAX_WH ? RATING_QUANTITY_TOO_LARGE : RATING_PLAN_OK;
}

enum err rating_take_quantity(struct rating_parse *p, int64_t *thousandths, struct rating_spot spot)
{
    char text[32];
    TRY(rating_take_text(p, text, sizeof text, spot));
    enum rating_reason reason = parse_quantity(text, thousandths);
    return reason == RATING_PLAN_OK ? ERR_OK : rating_parse_refuse(p, reason, spot);
}

static enum err take_number(struct rating_parse *p, int64_t *out, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_NUMBER)
        return rating_parse_refuse(p, RATING_MEMBER_TYPE, spot);
    *out = jread_int(&p->j);
    return p->j.err == ERR_OK ? ERR_OK : rating_parse_refuse(p, RATING_MEMBER_TYPE, spot);
}

/* --- cycle ------------------------------------------------------------------------------------ */

static const char *cycle_at(unsigned i)
{
    return rating_cycle_name((enum rating_cycle)i);
}

/* The start may stand before or after the cycle, so a plain day is told apart by its month 0; the
 * default is filled in when both are known. */
enum err rating_take_cycle(struct rating_parse *p)
{
    char name[24];
    TRY(rating_take_text(p, name, sizeof name, top("cycle")));
    unsigned cycle = rating_name_index(name, cycle_at, RATING_CYCLES);
    if (cycle == RATING_CYCLES)
        return rating_parse_refuse(p, RATING_CYCLE_UNKNOWN, top("cycle"));
    struct rating_ladder *l = &p->plan->ladder;
    l->cycle = (enum rating_cycle)cycle;
    if (l->start.day == 0)
        l->start = (struct rating_day){cycle == RATING_MONTH ? 0 : 1, 1};
    return ERR_OK;
}

static bool two_digits(const char *text, uint8_t *v)
{
    if (!is_digit(text[0]) || !is_digit(text[1]))
        return false;
    *v = (uint8_t)((text[0] - '0') * 10 + (text[1] - '0'));
    return true;
}

bool rating_parse_day(const char *text, struct rating_day *day)
{
    size_t len = strlen(text);
    *day = (struct rating_day){0, 0};
    return len == 2 ? two_digits(text, &day->day) && day->day > 0
                    : len == 5 && text[2] == '-' && two_digits(text, &day->month) &&
                          day->month > 0 && two_digits(text + 3, &day->day) && day->day > 0;
}

/* "MM-DD", or "DD" for a monthly cycle. */
static enum err take_day(struct rating_parse *p, struct rating_day *day, const char *name)
{
    char text[16];
    TRY(rating_take_text(p, text, sizeof text, top(name)));
    return rating_parse_day(text, day) ? ERR_OK
                                       : rating_parse_refuse(p, RATING_CYCLE_DAY, top(name));
}

enum err rating_take_start(struct rating_parse *p)
{
    return take_day(p, &p->plan->ladder.start, "start");
}

enum err rating_take_end(struct rating_parse *p)
{
    return take_day(p, &p->plan->ladder.end, "end");
}

/* --- small objects: a few numbers or quantities -------------------------------------------------
 */

struct field {
    const char *name;
    int64_t *number; /* one of the two */
    int64_t *quantity;
    bool optional;
};

static unsigned field_index(const struct field *fields, unsigned count, const char *name)
{
    unsigned i = 0;
    while (i < count && strcmp(fields[i].name, name) != 0)
        i++;
    return i;
}

static enum err take_fields(struct rating_parse *p, const char *object, const struct field *fields,
                            unsigned count)
{
    char name[24] = "";
    unsigned seen = 0;
    TRY(rating_open_object(p, top(object)));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {object, -1, name};
        unsigned i = field_index(fields, count, name);
        if (i == count)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, i, spot));
        TRY(fields[i].number ? take_number(p, fields[i].number, spot)
                             : rating_take_quantity(p, fields[i].quantity, spot));
    }
    for (unsigned i = 0; p->j.err == ERR_OK && i < count; i++)
        if (!fields[i].optional && !(seen & 1u << i))
            return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                       (struct rating_spot){object, -1, fields[i].name});
    return ERR_OK;
}

enum err rating_take_high_season(struct rating_parse *p)
{
    int64_t from = 0, to = 0;
    const struct field fields[] = {{.name = "from", .number = &from},
                                   {.name = "to", .number = &to}};
    TRY(take_fields(p, "high_season", fields, 2));
    if (from < 1 || from > 12 || to < 1 || to > 12)
        return p->j.err != ERR_OK ? ERR_OK /* told as a syntax error at the end */
                                  : rating_parse_refuse(p, RATING_HIGH_SEASON, top("high_season"));
    p->plan->ladder.high_from = (uint8_t)from;
    p->plan->ladder.high_to = (uint8_t)to;
    return ERR_OK;
}

enum err rating_take_household(struct rating_parse *p)
{
    struct rating_ladder *l = &p->plan->ladder;
    int64_t from = 0;
    const struct field fields[] = {
        {.name = "from_persons", .number = &from},
        {.name = "extra", .quantity = &l->household_extra_wh},
        {.name = "each_more", .quantity = &l->household_each_more_wh, .optional = true}};
    TRY(take_fields(p, "household", fields, 3));
    if (p->j.err == ERR_OK && (from < 1 || from > RATING_PERSONS_MAX))
        return rating_parse_refuse(p, RATING_HOUSEHOLD, top("household"));
    l->household_from = p->j.err == ERR_OK ? (uint16_t)from : 0;
    return ERR_OK;
}

enum err rating_take_apportion(struct rating_parse *p)
{
    char name[24];
    TRY(rating_take_text(p, name, sizeof name, top("apportion")));
    bool chronological = strcmp(name, "chronological") == 0;
    if (!chronological && strcmp(name, "pro_rata") != 0)
        return rating_parse_refuse(p, RATING_APPORTION_UNKNOWN, top("apportion"));
    p->plan->ladder.apportion = chronological ? RATING_CHRONOLOGICAL : RATING_PRO_RATA;
    return ERR_OK;
}

enum err rating_take_outside_steps(struct rating_parse *p)
{
    unsigned bits = 0, rate = 0;
    TRY(rating_open_array(p, top("outside_steps")));
    for (int i = 0; jread_element(&p->j); i++) {
        struct rating_spot spot = {"outside_steps", i, NULL};
        char name[24];
        if (jread_peek(&p->j) == JREAD_OBJECT) /* a weight is meant */
            return rating_parse_refuse(p, RATING_OUTSIDE_STEPS, spot);
        TRY(rating_take_text(p, name, sizeof name, spot));
        for (rate = 0; rate < RATING_RATES; rate++)
            if (strcmp(name, rating_rate_name((enum rating_rate)rate)) == 0)
                break;
        if (rate == RATING_RATES)
            return rating_parse_refuse(p, RATING_RATE_UNKNOWN, spot);
        if (bits & 1u << rate)
            return rating_parse_refuse(p, RATING_OUTSIDE_STEPS, spot);
        bits |= 1u << rate;
    }
    p->plan->ladder.outside = (uint8_t)bits;
    return ERR_OK;
}

/* --- steps ------------------------------------------------------------------------------------ */

enum {
    STEP_TO,
    STEP_TO_HIGH,
    STEP_PRICE,
    STEP_SURCHARGE,
    STEP_PRICES,
    STEP_EXTRA,
    STEP_EACH_MORE,
    STEP_MEMBERS
};

#define STEP_FORMS (1u << STEP_PRICE | 1u << STEP_SURCHARGE | 1u << STEP_PRICES)

static const char *step_member(unsigned i)
{
    static const char *const names[] = {"to",     "to_high", "price",    "surcharge",
                                        "prices", "extra",   "each_more"};
    return names[i];
}

/* All steps price the same rates: those of the first are the plan's. */
static enum err take_step_prices(struct rating_parse *p, int index)
{
    bool priced[RATING_RATES] = {};
    struct rating_spot spot = {"steps", index, "prices"};
    TRY(rating_take_prices(
        p, &(struct rating_prices){priced, p->plan->ladder.steps[index].rate_price_e8, spot}));
    for (unsigned rate = 0; rate < RATING_RATES; rate++) {
        if (index > 0 && p->plan->ladder.form == RATING_BY_MATRIX &&
            priced[rate] != p->plan->priced[rate])
            return rating_parse_refuse(p, RATING_STEP_RATES, spot);
        p->plan->priced[rate] = p->plan->priced[rate] || priced[rate];
    }
    return ERR_OK;
}

static enum err take_step_member(struct rating_parse *p, int index, unsigned which)
{
    struct rating_step *step = &p->plan->ladder.steps[index];
    struct rating_spot spot = {"steps", index, step_member(which)};
    switch (which) {
    case STEP_TO:
        return rating_take_quantity(p, &step->to_wh, spot);
    case STEP_TO_HIGH:
        return rating_take_quantity(p, &step->to_high_wh, spot);
    case STEP_PRICES:
        return take_step_prices(p, index);
    case STEP_EXTRA:
        step->own_surplus = true;
        return rating_take_quantity(p, &step->extra_wh, spot);
    case STEP_EACH_MORE:
        return rating_take_quantity(p, &step->each_more_wh, spot);
    default:
        return rating_take_price(p, &step->price_e8, spot);
    }
}

/* Exactly one of the three forms, the same as in the first step. */
static enum err note_form(struct rating_parse *p, int index, unsigned seen)
{
    unsigned forms = seen & STEP_FORMS;
    enum rating_form form = forms == 1u << STEP_PRICE       ? RATING_BY_PRICE
                            : forms == 1u << STEP_SURCHARGE ? RATING_BY_SURCHARGE
                            : forms == 1u << STEP_PRICES    ? RATING_BY_MATRIX
                                                            : RATING_FORMS;
    if (form == RATING_FORMS || (index > 0 && form != p->plan->ladder.form))
        return rating_parse_refuse(p, RATING_STEP_FORM, (struct rating_spot){"steps", index, NULL});
    p->plan->ladder.form = form;
    return ERR_OK;
}

static enum err take_step(struct rating_parse *p, int index)
{
    char name[24] = "";
    unsigned seen = 0;
    struct rating_step *step = &p->plan->ladder.steps[index];
    *step = (struct rating_step){.to_wh = RATING_STEP_OPEN, .to_high_wh = RATING_STEP_OPEN};
    TRY(rating_open_object(p, (struct rating_spot){"steps", index, NULL}));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {"steps", index, name};
        unsigned which = rating_name_index(name, step_member, STEP_MEMBERS);
        if (which == STEP_MEMBERS)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        TRY(take_step_member(p, index, which));
    }
    if (p->j.err != ERR_OK)
        return ERR_OK;
    if (seen & 1u << STEP_EACH_MORE && !(seen & 1u << STEP_EXTRA))
        return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                   (struct rating_spot){"steps", index, "extra"});
    return note_form(p, index, seen);
}

enum err rating_take_steps(struct rating_parse *p)
{
    struct rating_ladder *l = &p->plan->ladder;
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return rating_parse_refuse(p, RATING_MEMBER_TYPE, top("steps"));
    jread_array(&p->j);
    while (jread_element(&p->j)) {
        if (l->step_count == RATING_STEPS_MAX)
            return rating_parse_refuse(p, RATING_STEPS_TOO_MANY, top("steps"));
        TRY(take_step(p, (int)l->step_count++));
    }
    return ERR_OK;
}
