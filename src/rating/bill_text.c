/* What a bill has besides its energy, as text: docs/formats/price-plan.md. */
#include <string.h>

#include "rating/bill_impl.h"
#include "rating/rating_impl.h"

#define FEN_E8 (UNITS_PRICE_SCALE / 100)
#define FACTOR_DECIMALS 3
#define WHOLE_DIGITS_MAX 6
#define PERCENTS_MAX 1000 /* of the contracted, and of what is raised */

static struct rating_spot top(const char *name)
{
    return (struct rating_spot){name, -1, NULL};
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* --- numbers as text
 * ------------------------------------------------------------------------------ */

/* "12", "-0.75": times 10^decimals. False: not such a number. */
static bool parse_decimal(const char *text, unsigned decimals, int64_t *out)
{
    bool negative = text[0] == '-';
    const char *c = text + negative;
    size_t whole = 0, after = 0;
    int64_t v = 0;
    for (; is_digit(*c) && whole < WHOLE_DIGITS_MAX; c++, whole++)
        v = v * 10 + (*c - '0');
    bool point = *c == '.';
    for (c += point; point && is_digit(*c) && after < decimals; c++, after++)
        v = v * 10 + (*c - '0');
    if (whole == 0 || *c != '\0' || (point && after == 0))
        return false;
    for (; after < decimals; after++)
        v *= 10;
    *out = negative ? -v : v;
    return true;
}

static enum err take_decimal(struct rating_parse *p, unsigned decimals, enum rating_reason reason,
                             int64_t *out, struct rating_spot spot)
{
    char text[32];
    TRY(rating_take_text(p, text, sizeof text, spot));
    return parse_decimal(text, decimals, out) ? ERR_OK : rating_parse_refuse(p, reason, spot);
}

static enum err take_hundredths(struct rating_parse *p, uint8_t *out, struct rating_spot spot)
{
    int64_t v = 0;
    TRY(take_decimal(p, 2, RATING_FACTOR_TABLE, &v, spot));
    if (v < 0 || v > 100)
        return rating_parse_refuse(p, RATING_FACTOR_TABLE, spot);
    *out = (uint8_t)v;
    return ERR_OK;
}

/* Whole fen, above nothing. */
static enum err take_amount(struct rating_parse *p, int64_t *fen, struct rating_spot spot)
{
    int64_t e8 = 0;
    TRY(rating_take_price(p, &e8, spot));
    if (e8 == 0 || e8 % FEN_E8 != 0)
        return rating_parse_refuse(p, RATING_AMOUNT_FEN, spot);
    *fen = e8 / FEN_E8;
    return ERR_OK;
}

/* --- objects
 * --------------------------------------------------------------------------------------- */

struct member {
    const char *name;
    enum err (*take)(struct rating_parse *p, void *into, struct rating_spot spot);
    bool optional;
};

/* An object with these members, each once. `at`: "name", "name[3]". */
static enum err take_object(struct rating_parse *p, const struct member *members, void *into,
                            struct rating_spot at)
{
    char name[24] = "";
    unsigned seen = 0;
    TRY(rating_open_object(p, at));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {at.name, at.index, name};
        unsigned i = 0;
        while (members[i].name && strcmp(members[i].name, name) != 0)
            i++;
        if (!members[i].name)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, i, spot));
        TRY(members[i].take(p, into, spot));
    }
    for (unsigned i = 0; p->j.err == ERR_OK && members[i].name; i++)
        if (!members[i].optional && !(seen & 1u << i))
            return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                       (struct rating_spot){at.name, at.index, members[i].name});
    return ERR_OK;
}

/* --- power factor
 * ---------------------------------------------------------------------------------- */

struct factor_row {
    uint8_t from;
    int32_t percent_e4;
};

static enum err take_row_from(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return take_hundredths(p, &((struct factor_row *)into)->from, spot);
}

static enum err take_row_percent(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return rating_take_percent(p, &((struct factor_row *)into)->percent_e4, spot);
}

static enum err take_standard(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return take_hundredths(p, &((struct rating_power_factor *)into)->standard, spot);
}

static enum err take_table(struct rating_parse *p, void *into, struct rating_spot spot)
{
    static const struct member members[] = {
        {"from", take_row_from, false}, {"percent", take_row_percent, false}, {NULL, NULL, false}};
    struct rating_power_factor *f = into;
    TRY(rating_open_array(p, spot));
    while (jread_element(&p->j)) {
        struct rating_spot at = {"power_factor.table", f->row_count, NULL};
        struct factor_row row = {};
        if (f->row_count == RATING_POWER_FACTORS_MAX)
            return rating_parse_refuse(p, RATING_FACTOR_TABLE, spot);
        TRY(take_object(p, members, &row, at));
        f->rows[f->row_count].from = row.from;
        f->rows[f->row_count++].percent_e4 = row.percent_e4;
    }
    return f->row_count > 0 || p->j.err != ERR_OK
               ? ERR_OK
               : rating_parse_refuse(p, RATING_FACTOR_TABLE, spot);
}

static enum err take_on(struct rating_parse *p, void *into, struct rating_spot spot)
{
    static const char *const words[] = {"energy", "capacity", "demand"};
    struct rating_power_factor *f = into;
    bool *const on[] = {&f->on_energy, &f->on_capacity, &f->on_demand};
    TRY(rating_open_array(p, spot));
    while (jread_element(&p->j)) {
        unsigned which = 0;
        TRY(rating_take_choice(p, words, 3, RATING_FACTOR_ON, spot, &which));
        if (*on[which])
            return rating_parse_refuse(p, RATING_FACTOR_ON, spot);
        *on[which] = true;
    }
    return ERR_OK;
}

static enum err take_factor_rounding(struct rating_parse *p, void *into, struct rating_spot spot)
{
    static const char *const words[] = {"down", "half_up"};
    unsigned which = 0;
    TRY(rating_take_choice(p, words, 2, RATING_FACTOR_ROUNDING, spot, &which));
    ((struct rating_power_factor *)into)->nearest = which == 1;
    return ERR_OK;
}

enum err rating_take_power_factor(struct rating_parse *p)
{
    static const struct member members[] = {{"standard", take_standard, true},
                                            {"table", take_table, false},
                                            {"on", take_on, false},
                                            {"rounding", take_factor_rounding, true},
                                            {NULL, NULL, false}};
    return take_object(p, members, &p->plan->power_factor, top("power_factor"));
}

/* --- subsidies
 * ------------------------------------------------------------------------------------- */

static enum err take_subsidy_code(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return rating_take_code(p, ((struct rating_subsidy *)into)->code, spot);
}

static enum err take_subsidy_amount(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return take_amount(p, &((struct rating_subsidy *)into)->amount_fen, spot);
}

static enum err take_month(struct rating_parse *p, void *into, struct rating_spot spot)
{
    static const char *const words[] = {"month"};
    unsigned which = 0;
    (void)into;
    return rating_take_choice(p, words, 1, RATING_SUBSIDY_PER, spot, &which);
}

enum err rating_take_subsidies(struct rating_parse *p)
{
    static const struct member members[] = {{"code", take_subsidy_code, false},
                                            {"amount", take_subsidy_amount, false},
                                            {"per", take_month, false},
                                            {NULL, NULL, false}};
    struct rating_plan *plan = p->plan;
    TRY(rating_open_array(p, top("subsidies")));
    while (jread_element(&p->j)) {
        struct rating_spot at = {"subsidies", (int)plan->subsidy_count, NULL};
        if (plan->subsidy_count == RATING_SUBSIDIES_MAX)
            return rating_parse_refuse(p, RATING_SUBSIDIES_TOO_MANY, top("subsidies"));
        TRY(take_object(p, members, &plan->subsidies[plan->subsidy_count++], at));
    }
    return ERR_OK;
}

/* --- minimum, ceiling
 * ------------------------------------------------------------------------------ */

enum err rating_take_minimum_per(struct rating_parse *p)
{
    static const char *const words[] = {"bill", "month"};
    unsigned which = 0;
    TRY(rating_take_choice(p, words, 2, RATING_MINIMUM_PER_UNKNOWN, top("minimum_per"), &which));
    p->plan->minimum_per_month = which == 1;
    return ERR_OK;
}

static enum err take_catalogue(struct rating_parse *p, void *into, struct rating_spot spot)
{
    struct rating_ceiling *ceiling = into;
    TRY(rating_take_price(p, &ceiling->catalogue_e8, spot));
    return ceiling->catalogue_e8 > 0 ? ERR_OK : rating_parse_refuse(p, RATING_CEILING, spot);
}

static enum err take_markup(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return rating_take_percent(p, &((struct rating_ceiling *)into)->percent_e4, spot);
}

static enum err take_block(struct rating_parse *p, void *into, struct rating_spot spot)
{
    if (jread_peek(&p->j) != JREAD_BOOL)
        return rating_parse_refuse(p, RATING_MEMBER_TYPE, spot);
    ((struct rating_ceiling *)into)->block = jread_bool(&p->j);
    return ERR_OK;
}

enum err rating_take_ceiling(struct rating_parse *p)
{
    static const struct member members[] = {{"catalogue", take_catalogue, false},
                                            {"percent", take_markup, false},
                                            {"block", take_block, true},
                                            {NULL, NULL, false}};
    return take_object(p, members, &p->plan->ceiling, top("ceiling"));
}

/* --- fees
 * ------------------------------------------------------------------------------------------ */

/* "MM-DD". Whether there is such a day is checked with the rest. */
static enum err take_day(struct rating_parse *p, struct rating_day *day, struct rating_spot spot)
{
    char text[16];
    TRY(rating_take_text(p, text, sizeof text, spot));
    return rating_parse_day(text, day) && day->month > 0
               ? ERR_OK
               : rating_parse_refuse(p, RATING_CYCLE_DAY, spot);
}

static enum err take_whole_percent(struct rating_parse *p, uint16_t *percent,
                                   struct rating_spot spot)
{
    int64_t v = 0;
    TRY(take_decimal(p, 0, RATING_PERCENT_SYNTAX, &v, spot));
    if (v < 1 || v > PERCENTS_MAX)
        return rating_parse_refuse(p, RATING_PERCENT_RANGE, spot);
    *percent = (uint16_t)v;
    return ERR_OK;
}

static enum err take_fee_cycle(struct rating_parse *p, struct rating_part *part,
                               struct rating_spot spot)
{
    static const char *const words[] = {"month", "year", "heating_season"};
    static const enum rating_cycle cycles[] = {RATING_MONTH, RATING_YEAR, RATING_HEATING_SEASON};
    unsigned which = 0;
    TRY(rating_take_choice(p, words, 3, RATING_FEE_CYCLE, spot, &which));
    part->by_cycle = true;
    part->cycle = cycles[which];
    return ERR_OK;
}

static enum err take_part_month(struct rating_parse *p, struct rating_part *part,
                                struct rating_spot spot)
{
    static const char *const words[] = {"whole", "days", "thirtieths"};
    unsigned which = 0;
    TRY(rating_take_choice(p, words, RATING_PART_MONTHS, RATING_PART_MONTH, spot, &which));
    part->part_month = (enum rating_part_month)which;
    return ERR_OK;
}

static enum err take_utilised_from(struct rating_parse *p, struct rating_part *part,
                                   struct rating_spot spot)
{
    TRY(rating_take_quantity(p, &part->utilised_wh, spot));
    return part->utilised_wh > 0 ? ERR_OK : rating_parse_refuse(p, RATING_UTILISED, spot);
}

/* A percent until the price is known, see rating_end_fee. */
static enum err take_utilised_percent(struct rating_parse *p, struct rating_part *part,
                                      struct rating_spot spot)
{
    uint16_t percent = 0;
    TRY(take_whole_percent(p, &percent, spot));
    part->utilised_price_e8 = percent;
    return ERR_OK;
}

enum err rating_take_fee_member(struct rating_parse *p, struct rating_part *part, const char *name,
                                struct rating_spot spot)
{
    if (strcmp(name, "cycle") == 0)
        return take_fee_cycle(p, part, spot);
    if (strcmp(name, "start") == 0)
        return take_day(p, &part->start, spot);
    if (strcmp(name, "end") == 0)
        return take_day(p, &part->end, spot);
    if (strcmp(name, "floor_percent") == 0)
        return take_whole_percent(p, &part->floor_percent, spot);
    if (strcmp(name, "over_percent") == 0)
        return take_whole_percent(p, &part->over_percent, spot);
    if (strcmp(name, "utilised_from") == 0)
        return take_utilised_from(p, part, spot);
    if (strcmp(name, "utilised_percent") == 0)
        return take_utilised_percent(p, part, spot);
    if (strcmp(name, "part_month") == 0)
        return take_part_month(p, part, spot);
    /* thousandths until the price is known, see rating_end_fee */
    TRY(take_decimal(p, FACTOR_DECIMALS, RATING_OVER_FACTOR, &part->over_price_e8, spot));
    return part->over_price_e8 > 0 ? ERR_OK : rating_parse_refuse(p, RATING_OVER_FACTOR, spot);
}

static enum err end_over(struct rating_parse *p, struct rating_part *part, struct rating_spot spot)
{
    struct rating_spot factor = {spot.name, spot.index, "over_factor"};
    struct rating_spot percent = {spot.name, spot.index, "over_percent"};
    if (part->over_percent == 0 && part->over_price_e8 != 0)
        return rating_parse_refuse(p, RATING_MEMBER_MISSING, percent);
    if (part->over_percent == 0)
        return ERR_OK;
    if (part->over_price_e8 == 0)
        return rating_parse_refuse(p, RATING_MEMBER_MISSING, factor);
    int64_t thousandfold = 0; /* the factor has at most 9 digits, the price 12 */
    if (units_mul(part->price_e8, part->over_price_e8, &thousandfold) != ERR_OK ||
        thousandfold % 1000 != 0 || thousandfold / 1000 > RATING_PRICE_MAX_E8)
        return rating_parse_refuse(p, RATING_OVER_FACTOR, factor);
    part->over_price_e8 = thousandfold / 1000;
    return ERR_OK;
}

/* The part of it that is due, with no more decimals than a price may have. */
static bool percent_of(int64_t price_e8, int64_t percent, int64_t *part_e8)
{
    int64_t hundredfold = price_e8 * percent; /* at most 10^11 * 1000 */
    *part_e8 = hundredfold / 100;
    return hundredfold % 100 == 0 && *part_e8 <= RATING_PRICE_MAX_E8;
}

static enum err end_utilised(struct rating_parse *p, struct rating_part *part,
                             struct rating_spot spot)
{
    int64_t percent = part->utilised_price_e8;
    struct rating_spot at = {spot.name, spot.index, percent ? "utilised_from" : "utilised_percent"};
    if (percent == 0 && part->utilised_wh == 0)
        return ERR_OK;
    if (percent == 0 || part->utilised_wh == 0)
        return rating_parse_refuse(p, RATING_MEMBER_MISSING, at);
    at.member = "utilised_percent";
    bool whole = percent_of(part->price_e8, percent, &part->utilised_price_e8) &&
                 percent_of(part->over_price_e8, percent, &part->utilised_over_price_e8);
    return whole ? ERR_OK : rating_parse_refuse(p, RATING_UTILISED, at);
}

/* --- a season and its bill by area --------------------------------------------------------------
 */

struct area_bill {
    struct rating_area_bill *to;
    int64_t price_e8;
    uint16_t most_percent, least_percent;
};

static enum err take_area_price(struct rating_parse *p, void *into, struct rating_spot spot)
{
    struct area_bill *bill = into;
    TRY(rating_take_price(p, &bill->price_e8, spot));
    return bill->price_e8 > 0 ? ERR_OK : rating_parse_refuse(p, RATING_AREA_BILL, spot);
}

static enum err take_season_start(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return take_day(p, &((struct area_bill *)into)->to->start, spot);
}

static enum err take_season_end(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return take_day(p, &((struct area_bill *)into)->to->end, spot);
}

static enum err take_most(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return take_whole_percent(p, &((struct area_bill *)into)->most_percent, spot);
}

static enum err take_least(struct rating_parse *p, void *into, struct rating_spot spot)
{
    return take_whole_percent(p, &((struct area_bill *)into)->least_percent, spot);
}

enum err rating_take_area_bill(struct rating_parse *p)
{
    static const struct member members[] = {
        {"price", take_area_price, false},   {"start", take_season_start, false},
        {"end", take_season_end, false},     {"most_percent", take_most, true},
        {"least_percent", take_least, true}, {NULL, NULL, false}};
    struct area_bill bill = {.to = &p->plan->area_bill};
    TRY(take_object(p, members, &bill, top("area_bill")));
    if (p->j.err != ERR_OK)
        return ERR_OK; /* told as a syntax error at the end */
    if (!percent_of(bill.price_e8, bill.most_percent, &bill.to->most_price_e8))
        return rating_parse_refuse(p, RATING_AREA_BILL, top("area_bill.most_percent"));
    if (!percent_of(bill.price_e8, bill.least_percent, &bill.to->least_price_e8))
        return rating_parse_refuse(p, RATING_AREA_BILL, top("area_bill.least_percent"));
    return bill.most_percent || bill.least_percent
               ? ERR_OK
               : rating_parse_refuse(p, RATING_AREA_BILL, top("area_bill"));
}

enum err rating_end_fee(struct rating_parse *p, struct rating_part *part, struct rating_spot spot)
{
    TRY(end_over(p, part, spot));
    return end_utilised(p, part, spot);
}
