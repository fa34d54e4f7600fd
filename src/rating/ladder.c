/* What makes a ladder valid, whoever built it. */
#include "rating/rating_impl.h"
#include "rating/statement_impl.h"

/* Days of a month in the longest year. */
static const uint8_t month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

static struct rating_spot top(const char *name)
{
    return (struct rating_spot){name, -1, NULL};
}

bool rating_is_day(struct rating_day d)
{
    return d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= month_days[d.month - 1];
}

/* A cycle must begin in every month or year, so the 28th is its last possible first day; a heating
 * season is named as it was decreed. */
static enum err check_days(const struct rating_ladder *l, struct rating_problem *problem)
{
    bool heating = l->cycle == RATING_HEATING_SEASON;
    struct rating_day start = l->start;
    if (l->cycle == RATING_MONTH && start.month == 0)
        start.month = 1;
    else if (l->cycle == RATING_MONTH)
        return rating_refuse(problem, RATING_CYCLE_DAY, top("start"));
    if (!rating_is_day(start) || (!heating && start.day > 28))
        return rating_refuse(problem, RATING_CYCLE_DAY, top("start"));
    if (heating ? !rating_is_day(l->end) : l->end.month != 0 || l->end.day != 0)
        return rating_refuse(problem, RATING_CYCLE_DAY, top("end"));
    return ERR_OK;
}

int64_t rating_surplus(const struct rating_ladder *l, size_t step, unsigned persons)
{
    const struct rating_step *s = &l->steps[step];
    int64_t extra_wh = s->own_surplus ? s->extra_wh : l->household_extra_wh;
    int64_t each_more_wh = s->own_surplus ? s->each_more_wh : l->household_each_more_wh;
    if (l->household_from == 0 || persons < l->household_from)
        return 0;
    return extra_wh + each_more_wh * (persons - l->household_from);
}

static enum err check_household(const struct rating_ladder *l, struct rating_problem *problem)
{
    if (l->household_from > RATING_PERSONS_MAX)
        return rating_refuse(problem, RATING_HOUSEHOLD, top("household"));
    if (l->household_extra_wh < 0 || l->household_extra_wh > RATING_BOUND_MAX_WH ||
        l->household_each_more_wh < 0 || l->household_each_more_wh > RATING_BOUND_MAX_WH)
        return rating_refuse(problem, RATING_QUANTITY_TOO_LARGE, top("household"));
    return ERR_OK;
}

static enum err check_high(const struct rating_ladder *l, struct rating_problem *problem)
{
    if (l->high_from == 0 && l->high_to == 0)
        return ERR_OK;
    if (l->cycle != RATING_MONTH || l->high_from < 1 || l->high_from > 12 || l->high_to < 1 ||
        l->high_to > 12)
        return rating_refuse(problem, RATING_HIGH_SEASON, top("high_season"));
    return ERR_OK;
}

/* Bounds rise from more than nothing; the last step alone is open. */
static enum err check_bound(const struct rating_ladder *l, int i, bool high,
                            struct rating_problem *problem)
{
    int64_t to = high ? l->steps[i].to_high_wh : l->steps[i].to_wh, before = 0;
    struct rating_spot spot = {"steps", i, high ? "to_high" : "to"};
    if ((to == RATING_STEP_OPEN) != (i + 1 == (int)l->step_count))
        return rating_refuse(problem, RATING_STEP_OPEN_END, spot);
    if (to == RATING_STEP_OPEN)
        return ERR_OK;
    if (i > 0)
        before = high ? l->steps[i - 1].to_high_wh : l->steps[i - 1].to_wh;
    if (to <= before)
        return rating_refuse(problem, RATING_STEP_ORDER, spot);
    return to > RATING_BOUND_MAX_WH ? rating_refuse(problem, RATING_QUANTITY_TOO_LARGE, spot)
                                    : ERR_OK;
}

static bool rises(const struct rating_ladder *l, size_t i, unsigned persons)
{
    const struct rating_step *s = &l->steps[i], *before = s - 1;
    int64_t more_wh = rating_surplus(l, i, persons) - rating_surplus(l, i - 1, persons);
    bool high = l->high_from == 0 || s->to_high_wh + more_wh > before->to_high_wh;
    return s->to_wh + more_wh > before->to_wh && high;
}

/* Bounds rise for the smallest large household and for the largest, and so for those between. */
static enum err check_surplus(const struct rating_ladder *l, int i, struct rating_problem *problem)
{
    const struct rating_step *s = &l->steps[i];
    struct rating_spot spot = {"steps", i, "extra"};
    bool open = i + 1 == (int)l->step_count;
    if (s->own_surplus && l->household_from == 0)
        return rating_refuse(problem, RATING_MEMBER_MISSING,
                             (struct rating_spot){"household", -1, NULL});
    if (s->own_surplus && open)
        return rating_refuse(problem, RATING_STEP_OPEN_END, spot);
    if (s->extra_wh < 0 || s->extra_wh > RATING_BOUND_MAX_WH || s->each_more_wh < 0 ||
        s->each_more_wh > RATING_BOUND_MAX_WH)
        return rating_refuse(problem, RATING_QUANTITY_TOO_LARGE, spot);
    if (i > 0 && !open &&
        (!rises(l, (size_t)i, l->household_from) || !rises(l, (size_t)i, RATING_PERSONS_MAX)))
        return rating_refuse(problem, RATING_STEP_ORDER, spot);
    return ERR_OK;
}

static enum err check_matrix(const struct rating_plan *plan, int i, struct rating_problem *problem)
{
    bool any = false;
    for (unsigned rate = 0; rate < RATING_RATES; rate++) {
        any = any || plan->priced[rate];
        TRY(rating_check_price(plan->ladder.steps[i].rate_price_e8[rate], problem,
                               (struct rating_spot){"steps", i, "prices"}));
    }
    return any ? ERR_OK
               : rating_refuse(problem, RATING_PRICES_NONE,
                               (struct rating_spot){"steps", i, "prices"});
}

static enum err check_outside(const struct rating_plan *plan, struct rating_problem *problem)
{
    const struct rating_ladder *l = &plan->ladder;
    bool inside = false;
    if (l->outside == 0)
        return ERR_OK;
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        inside = inside || (plan->priced[rate] && !(l->outside & 1u << rate));
    bool fits = plan->kind == RATING_TIME_OF_USE_LADDER && l->form == RATING_BY_SURCHARGE;
    return fits && inside && l->outside < 1u << RATING_RATES
               ? ERR_OK
               : rating_refuse(problem, RATING_OUTSIDE_STEPS, top("outside_steps"));
}

static enum err check_step(const struct rating_plan *plan, int i, struct rating_problem *problem)
{
    const struct rating_ladder *l = &plan->ladder;
    TRY(check_bound(l, i, false, problem));
    if (l->high_from != 0)
        TRY(check_bound(l, i, true, problem));
    else if (l->steps[i].to_high_wh != RATING_STEP_OPEN)
        return rating_refuse(problem, RATING_HIGH_SEASON,
                             (struct rating_spot){"steps", i, "to_high"});
    TRY(check_surplus(l, i, problem));
    if (l->form == RATING_BY_MATRIX)
        return check_matrix(plan, i, problem);
    return rating_check_price(
        l->steps[i].price_e8, problem,
        (struct rating_spot){"steps", i, l->form == RATING_BY_PRICE ? "price" : "surcharge"});
}

enum err rating_check_form(const struct rating_plan *plan, struct rating_problem *problem)
{
    const struct rating_ladder *l = &plan->ladder;
    bool fits = plan->kind == RATING_LADDER               ? l->form != RATING_BY_MATRIX
                : plan->kind == RATING_TIME_OF_USE_LADDER ? l->form != RATING_BY_PRICE
                                                          : true;
    return l->step_count == 0 || (fits && l->form < RATING_FORMS)
               ? ERR_OK
               : rating_refuse(problem, RATING_STEP_FORM_KIND, top("steps"));
}

enum err rating_check_ladder(const struct rating_plan *plan, struct rating_problem *problem)
{
    const struct rating_ladder *l = &plan->ladder;
    if (l->cycle >= RATING_CYCLES)
        return rating_refuse(problem, RATING_CYCLE_UNKNOWN, top("cycle"));
    if (l->step_count == 0)
        return rating_refuse(problem, RATING_STEPS_NONE, top("steps"));
    if (l->step_count > RATING_STEPS_MAX)
        return rating_refuse(problem, RATING_STEPS_TOO_MANY, top("steps"));
    TRY(rating_check_form(plan, problem));
    if (l->apportion >= RATING_APPORTIONS)
        return rating_refuse(problem, RATING_APPORTION_UNKNOWN, top("apportion"));
    TRY(check_days(l, problem));
    TRY(check_high(l, problem));
    TRY(check_household(l, problem));
    for (size_t i = 0; i < l->step_count; i++)
        TRY(check_step(plan, (int)i, problem));
    TRY(check_outside(plan, problem));
    if (plan->kind == RATING_LADDER && l->form == RATING_BY_SURCHARGE)
        return rating_check_price(plan->price_e8, problem, top("price"));
    return ERR_OK;
}
