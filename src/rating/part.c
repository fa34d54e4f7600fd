/* Components, fees and the minimum: as text and as what makes them valid. */
#include <string.h>

#include "rating/rating_impl.h"

#define FEN_E8 (UNITS_PRICE_SCALE / 100)

/* --- validity --------------------------------------------------------------------------------- */

bool rating_is_code(const char *code)
{
    size_t n = strspn(code, "abcdefghijklmnopqrstuvwxyz0123456789_");
    return n > 0 && n <= RATING_CODE_MAX && code[n] == '\0';
}

struct parts {
    const char *name;
    const struct rating_part *list;
    size_t count;
    bool fees;
};

static enum err check_part(const struct parts *parts, int i, struct rating_problem *problem)
{
    const struct rating_part *part = &parts->list[i];
    if (!rating_is_code(part->code))
        return rating_refuse(problem, RATING_CODE_SYNTAX,
                             (struct rating_spot){parts->name, i, "code"});
    for (int k = 0; k < i; k++)
        if (strcmp(parts->list[k].code, part->code) == 0)
            return rating_refuse(problem, RATING_CODE_REPEATED,
                                 (struct rating_spot){parts->name, i, "code"});
    if ((part->per != RATING_PER_UNIT) != parts->fees || part->per >= RATING_PERS)
        return rating_refuse(problem, RATING_PER_UNKNOWN,
                             (struct rating_spot){parts->name, i, "per"});
    if (part->rounding > RATING_ROUNDING_PLAN)
        return rating_refuse(problem, RATING_ROUNDING_UNKNOWN,
                             (struct rating_spot){parts->name, i, "rounding"});
    return rating_check_price(part->price_e8, problem,
                              (struct rating_spot){parts->name, i, "price"});
}

static enum err check_list(const struct parts *parts, struct rating_problem *problem)
{
    if (parts->count > RATING_PARTS_MAX)
        return rating_refuse(problem, RATING_PARTS_TOO_MANY,
                             (struct rating_spot){parts->name, -1, NULL});
    for (size_t i = 0; i < parts->count; i++)
        TRY(check_part(parts, (int)i, problem));
    return ERR_OK;
}

enum err rating_check_parts(const struct rating_plan *plan, struct rating_problem *problem)
{
    TRY(check_list(&(struct parts){"components", plan->components, plan->component_count, false},
                   problem));
    TRY(check_list(&(struct parts){"fees", plan->fees, plan->fee_count, true}, problem));
    if (plan->rounding >= RATING_ROUNDINGS)
        return rating_refuse(problem, RATING_ROUNDING_UNKNOWN,
                             (struct rating_spot){"rounding", -1, NULL});
    if (plan->minimum_fen < 0)
        return rating_refuse(problem, RATING_MINIMUM_FEN,
                             (struct rating_spot){"minimum", -1, NULL});
    return rating_check_bill(plan, problem);
}

/* --- text ------------------------------------------------------------------------------------- */

enum {
    PART_CODE,
    PART_PRICE,
    PART_ROUNDING,
    PART_PER,
    PART_CYCLE, /* this and what follows: of some fees only, bill_text.c */
    PART_START,
    PART_END,
    PART_FLOOR_PERCENT,
    PART_OVER_PERCENT,
    PART_OVER_FACTOR,
    PART_UTILISED_FROM,
    PART_UTILISED_PERCENT,
    PART_PART_MONTH,
    PART_MEMBERS
};

static const char *part_member(unsigned i)
{
    static const char *const names[] = {"code",        "price",         "rounding",
                                        "per",         "cycle",         "start",
                                        "end",         "floor_percent", "over_percent",
                                        "over_factor", "utilised_from", "utilised_percent",
                                        "part_month"};
    return names[i];
}

static const char *per_at(unsigned i)
{
    return rating_per_name((enum rating_per)i);
}

bool rating_same_code(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

enum err rating_take_code(struct rating_parse *p, char *code, struct rating_spot spot)
{
    char text[64];
    TRY(rating_take_text(p, text, sizeof text, spot));
    if (!rating_is_code(text))
        return rating_parse_refuse(p, RATING_CODE_SYNTAX, spot);
    strcpy(code, text);
    return ERR_OK;
}

static const char *rounding_at(unsigned i)
{
    return rating_rounding_name((enum rating_rounding)i);
}

static enum err take_rounding(struct rating_parse *p, enum rating_rounding *out,
                              struct rating_spot spot)
{
    char text[24];
    TRY(rating_take_text(p, text, sizeof text, spot));
    unsigned rounding = rating_name_index(text, rounding_at, RATING_ROUNDINGS);
    if (rounding == RATING_ROUNDINGS)
        return rating_parse_refuse(p, RATING_ROUNDING_UNKNOWN, spot);
    *out = (enum rating_rounding)rounding;
    return ERR_OK;
}

enum err rating_take_rounding(struct rating_parse *p)
{
    return take_rounding(p, &p->plan->rounding, (struct rating_spot){"rounding", -1, NULL});
}

static enum err take_per(struct rating_parse *p, struct rating_part *part, struct rating_spot spot)
{
    char text[24];
    TRY(rating_take_text(p, text, sizeof text, spot));
    unsigned per = rating_name_index(text, per_at, RATING_PERS);
    if (per == RATING_PERS || per == RATING_PER_UNIT)
        return rating_parse_refuse(p, RATING_PER_UNKNOWN, spot);
    part->per = (enum rating_per)per;
    return ERR_OK;
}

static enum err take_part(struct rating_parse *p, struct rating_part *part, struct rating_spot at,
                          unsigned members)
{
    char name[24] = "";
    unsigned seen = 0;
    *part = (struct rating_part){.rounding = RATING_ROUNDING_PLAN};
    TRY(rating_open_object(p, at));
    while (jread_member(&p->j, name, sizeof name)) {
        struct rating_spot spot = {at.name, at.index, name};
        unsigned which = rating_name_index(name, part_member, members);
        if (which == members)
            return rating_parse_refuse(p, RATING_MEMBER_UNKNOWN, spot);
        TRY(rating_once(p, &seen, which, spot));
        TRY(which == PART_CODE       ? rating_take_code(p, part->code, spot)
            : which == PART_PRICE    ? rating_take_price(p, &part->price_e8, spot)
            : which == PART_ROUNDING ? take_rounding(p, &part->rounding, spot)
            : which == PART_PER      ? take_per(p, part, spot)
                                     : rating_take_fee_member(p, part, name, spot));
    }
    for (unsigned i = 0; p->j.err == ERR_OK && i < members && i <= PART_PER; i++)
        if (i != PART_ROUNDING && !(seen & 1u << i))
            return rating_parse_refuse(p, RATING_MEMBER_MISSING,
                                       (struct rating_spot){at.name, at.index, part_member(i)});
    return p->j.err == ERR_OK && members > PART_PER ? rating_end_fee(p, part, at) : ERR_OK;
}

static enum err take_parts(struct rating_parse *p, const char *name, struct rating_part *list,
                           size_t *count, unsigned members)
{
    struct rating_spot spot = {name, -1, NULL};
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return rating_parse_refuse(p, RATING_MEMBER_TYPE, spot);
    jread_array(&p->j);
    while (jread_element(&p->j)) {
        if (*count == RATING_PARTS_MAX)
            return rating_parse_refuse(p, RATING_PARTS_TOO_MANY, spot);
        struct rating_spot at = {name, (int)*count, NULL};
        TRY(take_part(p, &list[(*count)++], at, members));
    }
    return ERR_OK;
}

enum err rating_take_components(struct rating_parse *p)
{
    return take_parts(p, "components", p->plan->components, &p->plan->component_count, PART_PER);
}

enum err rating_take_fees(struct rating_parse *p)
{
    return take_parts(p, "fees", p->plan->fees, &p->plan->fee_count, PART_MEMBERS);
}

enum err rating_take_minimum(struct rating_parse *p)
{
    struct rating_spot spot = {"minimum", -1, NULL};
    int64_t e8 = 0;
    TRY(rating_take_price(p, &e8, spot));
    if (e8 == 0 || e8 % FEN_E8 != 0)
        return rating_parse_refuse(p, RATING_MINIMUM_FEN, spot);
    p->plan->minimum_fen = e8 / FEN_E8;
    return ERR_OK;
}
