#include "rating/line.h"

#include <string.h>

#include "rating/rating_impl.h"

static const char *fee_rule(const struct rating_plan *plan, const struct rating_line *line)
{
    static const char *const parts[RATING_PART_MONTHS] = {
        [RATING_MONTH_DAYS] = "part_days", [RATING_MONTH_THIRTIETHS] = "part_thirtieths"};
    for (size_t i = 0; i < plan->fee_count; i++)
        if (strcmp(plan->fees[i].code, line->code) == 0)
            return plan->fees[i].part_month == RATING_MONTH_WHOLE
                       ? rating_per_name(plan->fees[i].per)
                       : parts[plan->fees[i].part_month];
    return "fee";
}

static const char *season_rule(const struct rating_line *line)
{
    if (line->quantity_wh == 0)
        return "season_back";
    return line->flags & RATING_FLAG_LEAST ? "season_least" : "season_most";
}

static const char *energy_rule(const struct rating_plan *plan, const struct rating_line *line)
{
    if (plan->mix_count > 0)
        return "mix";
    if (line->step < 0)
        return plan->ladder.outside >> line->rate & 1 ? "outside_steps" : "price";
    if (plan->ladder.form != RATING_BY_MATRIX)
        return "ladder";
    return plan->ladder.apportion == RATING_PRO_RATA ? "matrix_pro_rata" : "matrix_chronological";
}

const char *rating_line_rule(const struct rating_plan *plan, const struct rating_line *line)
{
    static const char *const rules[RATING_ITEM_KINDS] = {
        [RATING_ITEM_SURCHARGE] = "surcharge", [RATING_ITEM_COMPONENT] = "per_unit",
        [RATING_ITEM_MINIMUM] = "minimum",     [RATING_ITEM_FREE] = "free_quota",
        [RATING_ITEM_FACTOR] = "power_factor", [RATING_ITEM_SUBSIDY] = "subsidy"};
    if (line->kind == RATING_ITEM_FEE)
        return fee_rule(plan, line);
    if (line->kind == RATING_ITEM_SEASON)
        return season_rule(line);
    return line->kind < RATING_ITEM_KINDS && rules[line->kind] ? rules[line->kind]
                                                               : energy_rule(plan, line);
}

const char *rating_line_prices(const struct rating_line *line, char text[RATING_PRICES_FROM_MAX])
{
    if (line->schedule >= 0)
        rating_path_index(text, RATING_PRICES_FROM_MAX, "schedules", line->schedule);
    else if (line->month_entry >= 0)
        rating_path_index(text, RATING_PRICES_FROM_MAX, "by_month", line->month_entry);
    else
        strcpy(text, "plan");
    return text;
}

const char *rating_line_mark(const struct rating_line *line, size_t i)
{
    static const struct {
        uint8_t flag;
        const char *name;
    } marks[] = {{RATING_FLAG_ESTIMATED, "estimated"},
                 {RATING_FLAG_CALENDAR, "calendar_year_missing"},
                 {RATING_FLAG_MOVED_IN, "moved_in"},
                 {RATING_FLAG_INTERVALS, "by_intervals"},
                 {RATING_FLAG_UTILISED, "utilised"}};
    for (size_t k = 0; k < sizeof marks / sizeof *marks; k++)
        if (line->flags & marks[k].flag && i-- == 0)
            return marks[k].name;
    return NULL;
}

bool rating_line_has_registers(const struct rating_line *line)
{
    return line->kind == RATING_ITEM_ENERGY || line->kind == RATING_ITEM_SURCHARGE ||
           line->kind == RATING_ITEM_COMPONENT || line->kind == RATING_ITEM_FREE;
}
