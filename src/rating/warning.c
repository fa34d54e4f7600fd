/* What is allowed in a plan but should be seen before it is saved. */
#include "rating/period_impl.h"

void rating_warn(struct rating_warned *w, enum rating_reason reason, struct rating_spot spot)
{
    if (w->count < w->room) {
        w->list[w->count] = (struct rating_problem){};
        (void)rating_refuse(&w->list[w->count], reason, spot); /* only writes it down */
    }
    w->count++;
}

static bool asks_calendar(const struct rating_plan *plan)
{
    for (size_t i = 0; i < plan->schedule_count; i++)
        if (plan->schedules[i].days & RATING_DAY_TYPES)
            return true;
    return false;
}

/* A year that the calendar does not know is told, each by its number. */
static void warn_years(const struct rating_plan *plan, const struct calendar *calendar,
                       int32_t from_day, int32_t to_day, struct rating_warned *w)
{
    const struct calendar *known = calendar ? calendar : calendar_find(plan->calendar);
    int32_t last = civil_from_days(to_day).year;
    if (!asks_calendar(plan) || to_day < from_day)
        return;
    for (int32_t year = civil_from_days(from_day).year; year <= last; year++) {
        char place[] = "calendar 0000";
        if (calendar_knows(known, year))
            continue;
        for (int32_t v = year, i = 12; i > 8; i--, v /= 10)
            place[i] = (char)('0' + v % 10);
        rating_warn(w, RATING_CALENDAR_YEAR_MISSING, (struct rating_spot){place, -1, NULL});
    }
}

/* A ladder that falls is lawful in some places and a slip of the pen in most. */
static bool is_cheaper(const struct rating_plan *plan, size_t i)
{
    const struct rating_step *s = &plan->ladder.steps[i], *before = s - 1;
    if (plan->ladder.form != RATING_BY_MATRIX)
        return s->price_e8 < before->price_e8;
    for (unsigned r = 0; r < RATING_RATES; r++)
        if (s->rate_price_e8[r] < before->rate_price_e8[r])
            return true;
    return false;
}

static void warn_steps(const struct rating_plan *plan, struct rating_warned *w)
{
    for (size_t i = 1; rating_has_steps(plan) && i < plan->ladder.step_count; i++)
        if (is_cheaper(plan, i))
            rating_warn(w, RATING_STEP_CHEAPER, (struct rating_spot){"steps", (int)i, NULL});
}

/* Lawful in a plan that serves several, and a slip of the pen in most. */
static void warn_factor(const struct rating_plan *plan, struct rating_warned *w)
{
    bool capacity = false, demand = false;
    for (size_t i = 0; i < plan->fee_count; i++) {
        capacity = capacity || plan->fees[i].per == RATING_PER_CAPACITY;
        demand = demand || plan->fees[i].per == RATING_PER_DEMAND;
    }
    if ((plan->power_factor.on_capacity && !capacity) || (plan->power_factor.on_demand && !demand))
        rating_warn(w, RATING_FACTOR_FEE, (struct rating_spot){"power_factor", -1, "on"});
}

size_t rating_plan_warnings(const struct rating_plan *plan, const struct calendar *calendar,
                            int32_t from_day, int32_t to_day, struct rating_problem *warnings,
                            size_t room)
{
    struct rating_warned w = {.list = warnings, .room = room};
    warn_years(plan, calendar, from_day, to_day, &w);
    warn_steps(plan, &w);
    warn_factor(plan, &w);
    rating_warn_bill(plan, &w);
    rating_warn_unusual(plan, &w);
    return w.count;
}
