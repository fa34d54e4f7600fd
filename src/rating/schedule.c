/* What makes schedules, prices of months, a quota and a mix valid, whoever built the plan. */
#include "base/calendar.h"
#include "rating/rating_impl.h"
#include "rating/statement_impl.h"

static struct rating_spot top(const char *name)
{
    return (struct rating_spot){name, -1, NULL};
}

static bool is_matrix(const struct rating_plan *plan)
{
    return plan->kind == RATING_TIME_OF_USE_LADDER && plan->ladder.form == RATING_BY_MATRIX;
}

/* --- periods ---------------------------------------------------------------------------------- */

static bool covers(const struct rating_period *p, unsigned minute)
{
    if (p->from_minute < p->to_minute)
        return p->from_minute <= minute && minute < p->to_minute;
    return minute >= p->from_minute || minute < p->to_minute;
}

static enum err refuse_period(struct rating_problem *problem, enum rating_reason reason,
                              const struct rating_cover *c, int index, const char *member)
{
    char path[40], whole[40];
    if (c->schedule < 0)
        return rating_refuse(problem, reason, (struct rating_spot){"periods", index, member});
    rating_path_index(path, sizeof path, "periods", index);
    rating_path_join(whole, sizeof whole, path, member ? member : "");
    if (index < 0)
        return rating_refuse(problem, reason,
                             (struct rating_spot){"schedules", c->schedule, "periods"});
    return rating_refuse(problem, reason,
                         (struct rating_spot){"schedules", c->schedule, member ? whole : path});
}

static enum err check_period(const struct rating_cover *c, int i, struct rating_problem *problem)
{
    const struct rating_period *p = &c->list[i];
    if (p->from_minute >= RATING_DAY_MINUTES)
        return refuse_period(problem, RATING_TIME_SYNTAX, c, i, "from");
    if (p->to_minute > RATING_DAY_MINUTES)
        return refuse_period(problem, RATING_TIME_SYNTAX, c, i, "to");
    if (p->from_minute == p->to_minute)
        return refuse_period(problem, RATING_PERIOD_EMPTY, c, i, NULL);
    if (p->rate >= RATING_RATES)
        return refuse_period(problem, RATING_RATE_UNKNOWN, c, i, "rate");
    if (!(c->priced & 1u << p->rate))
        return refuse_period(problem, RATING_RATE_UNPRICED, c, i, "rate");
    return ERR_OK;
}

static bool is_covered(const struct rating_cover *c, unsigned minute)
{
    bool covered = false;
    for (size_t i = 0; i < c->count; i++)
        covered = covered || covers(&c->list[i], minute);
    return covered;
}

/* The period after whose end the gap begins in which a minute lies. */
static enum err refuse_gap(const struct rating_cover *c, unsigned minute,
                           struct rating_problem *problem)
{
    const unsigned back = RATING_DAY_MINUTES - 1;
    while (c->count > 0 && !is_covered(c, (minute + back) % RATING_DAY_MINUTES))
        minute = (minute + back) % RATING_DAY_MINUTES;
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].to_minute % RATING_DAY_MINUTES == minute)
            return refuse_period(problem, RATING_PERIOD_GAP, c, (int)i, "to");
    return refuse_period(problem, RATING_PERIOD_GAP, c, -1, NULL);
}

/* Each minute of the day belongs to exactly one period. */
enum err rating_check_cover(const struct rating_cover *c, struct rating_problem *problem)
{
    if (c->count > c->max)
        return refuse_period(problem, RATING_PERIODS_TOO_MANY, c, -1, NULL);
    for (size_t i = 0; i < c->count; i++)
        TRY(check_period(c, (int)i, problem));
    for (unsigned minute = 0; minute < RATING_DAY_MINUTES; minute++) {
        bool covered = false;
        for (size_t i = 0; i < c->count; i++) {
            if (!covers(&c->list[i], minute))
                continue;
            if (covered)
                return refuse_period(problem, RATING_PERIOD_OVERLAP, c, (int)i, NULL);
            covered = true;
        }
        if (!covered)
            return refuse_gap(c, minute, problem);
    }
    return ERR_OK;
}

/* --- schedules -------------------------------------------------------------------------------- */

static unsigned plan_rates(const struct rating_plan *plan)
{
    unsigned bits = 0;
    for (unsigned r = 0; r < RATING_RATES; r++)
        bits |= plan->priced[r] ? 1u << r : 0;
    return bits;
}

static enum err check_schedule_prices(const struct rating_plan *plan, int i,
                                      struct rating_problem *problem)
{
    const struct rating_schedule *s = &plan->schedules[i];
    struct rating_spot spot = {"schedules", i, "prices"};
    if (s->priced == 0)
        return ERR_OK;
    if (is_matrix(plan) || plan->mix_count > 0)
        return rating_refuse(problem, RATING_SCHEDULE_PRICES, spot);
    for (unsigned r = 0; r < RATING_RATES; r++)
        TRY(rating_check_price(s->rate_price_e8[r], problem, spot));
    return ERR_OK;
}

static bool has_condition(const struct rating_schedule *s)
{
    return s->months != 0 || s->days != 0 || s->from.month != 0 || s->date_count != 0;
}

static enum err check_dates(const struct rating_plan *plan, int i, struct rating_problem *problem)
{
    const struct rating_schedule *s = &plan->schedules[i];
    struct rating_spot spot = {"schedules", i, "dates"};
    if (plan->date_count > RATING_DATES_MAX || s->first_date + s->date_count > plan->date_count)
        return rating_refuse(problem, RATING_DATES_TOO_MANY, spot);
    for (size_t k = 1; k < s->date_count; k++)
        if (plan->dates[s->first_date + k] <= plan->dates[s->first_date + k - 1])
            return rating_refuse(problem, RATING_DATES_ORDER, spot);
    return ERR_OK;
}

static enum err check_schedule(const struct rating_plan *plan, int i,
                               struct rating_problem *problem)
{
    const struct rating_schedule *s = &plan->schedules[i];
    bool last = i + 1 == (int)plan->schedule_count;
    struct rating_spot here = {"schedules", i, NULL};
    if ((s->from.month != 0 || s->to.month != 0) &&
        (!rating_is_day(s->from) || !rating_is_day(s->to)))
        return rating_refuse(
            problem, RATING_SCHEDULE_DAY,
            (struct rating_spot){"schedules", i, rating_is_day(s->from) ? "to" : "from"});
    TRY(check_dates(plan, i, problem));
    if (s->days & RATING_DAY_TYPES && plan->calendar[0] == '\0')
        return rating_refuse(problem, RATING_CALENDAR_MISSING,
                             (struct rating_spot){"schedules", i, "days"});
    if (last && has_condition(s))
        return rating_refuse(problem, RATING_SCHEDULE_GAP, here);
    if (!last && !has_condition(s))
        return rating_refuse(problem, RATING_SCHEDULE_UNREACHABLE,
                             (struct rating_spot){"schedules", i + 1, NULL});
    TRY(check_schedule_prices(plan, i, problem));
    return rating_check_cover(&(struct rating_cover){s->periods, s->period_count,
                                                     RATING_SCHEDULE_PERIODS_MAX,
                                                     plan_rates(plan) | s->priced, i},
                              problem);
}

/* --- prices of months ---------------------------------------------------------------------------
 */

static bool fits_form(const struct rating_plan *plan, const struct rating_month_entry *e)
{
    bool steps = rating_has_steps(plan) && plan->ladder.form != RATING_BY_SURCHARGE;
    bool rates = rating_has_rates(plan);
    if (steps != (e->form == RATING_MONTH_STEPS))
        return false;
    if (!steps && rates != (e->form == RATING_MONTH_RATES))
        return false;
    for (size_t i = 0; i < e->rows; i++)
        if (!(plan->month_prices[e->first + i].priced & RATING_PRICED_ONE) != rates)
            return false;
    return true;
}

static enum err check_row(const struct rating_plan *plan, const struct rating_prices_row *row,
                          int i, const char *member, struct rating_problem *problem)
{
    char path[40];
    for (unsigned r = 0; r < RATING_RATES; r++) {
        struct rating_spot spot = {"by_month", i, member};
        TRY(rating_check_price(row->price_e8[r], problem, spot));
        if (!(row->priced & 1u << r) || plan->priced[r])
            continue;
        rating_path_join(path, sizeof path, member, rating_rate_name((enum rating_rate)r));
        spot.member = path;
        return rating_refuse(problem, RATING_RATE_UNPRICED, spot);
    }
    return ERR_OK;
}

static enum err check_entry(const struct rating_plan *plan, int i, unsigned before,
                            struct rating_problem *problem)
{
    static const char *const members[] = {"price", "prices", "step_prices"};
    const struct rating_month_entry *e = &plan->months[i];
    struct rating_spot here = {"by_month", i, NULL};
    if (e->months == 0 || e->months > 0xfff)
        return rating_refuse(problem, RATING_MONTHS_NONE, here);
    if (e->months & before)
        return rating_refuse(problem, RATING_MONTH_TWICE,
                             (struct rating_spot){"by_month", i, "months"});
    if (e->form > RATING_MONTH_STEPS || e->first + e->rows > RATING_MONTH_PRICES_MAX ||
        !fits_form(plan, e))
        return rating_refuse(problem, RATING_MONTH_FORM, here);
    if (e->rows != (e->form == RATING_MONTH_STEPS ? plan->ladder.step_count : 1))
        return rating_refuse(problem, RATING_MONTH_STEP_COUNT,
                             (struct rating_spot){"by_month", i, members[e->form]});
    for (size_t row = 0; row < e->rows; row++)
        TRY(check_row(plan, &plan->month_prices[e->first + row], i, members[e->form], problem));
    return ERR_OK;
}

/* --- quota, mix ------------------------------------------------------------------------------- */

static enum err check_quota(const struct rating_plan *plan, struct rating_problem *problem)
{
    const struct rating_quota *q = &plan->quota;
    struct rating_day start = q->start;
    if (q->amount_wh == 0)
        return ERR_OK;
    if (q->amount_wh < 0 || q->amount_wh > RATING_BOUND_MAX_WH || q->cycle >= RATING_HEATING_SEASON)
        return rating_refuse(problem, RATING_QUOTA_RANGE, top("free_quota"));
    if (q->cycle == RATING_MONTH && start.month == 0)
        start.month = 1;
    else if (q->cycle == RATING_MONTH)
        start.day = 0;
    return rating_is_day(start) && start.day <= 28
               ? ERR_OK
               : rating_refuse(problem, RATING_CYCLE_DAY,
                               (struct rating_spot){"free_quota", -1, "start"});
}

static enum err check_mix_part(const struct rating_plan *plan, int i,
                               struct rating_problem *problem)
{
    const struct rating_mix *mix = &plan->mix[i];
    if (mix->has_rates != rating_has_rates(plan))
        return rating_refuse(problem, RATING_MIX_RATES, (struct rating_spot){"mix", i, NULL});
    if (mix->percent_e4 <= 0 || mix->percent_e4 > 100 * RATING_PERCENT_SCALE)
        return rating_refuse(problem, RATING_PERCENT_RANGE,
                             (struct rating_spot){"mix", i, "percent"});
    for (int k = 0; k < i; k++)
        if (rating_same_code(plan->mix[k].code, mix->code))
            return rating_refuse(problem, RATING_CODE_REPEATED,
                                 (struct rating_spot){"mix", i, "code"});
    for (unsigned r = 0; r < RATING_RATES; r++)
        TRY(rating_check_price(
            mix->price_e8[r], problem,
            (struct rating_spot){"mix", i, mix->has_rates ? "prices" : "price"}));
    return ERR_OK;
}

static enum err check_mix(const struct rating_plan *plan, struct rating_problem *problem)
{
    int64_t sum = 0;
    if (plan->mix_count == 0)
        return ERR_OK;
    if (plan->mix_count > RATING_MIX_MAX)
        return rating_refuse(problem, RATING_MIX_TOO_MANY, top("mix"));
    if (plan->month_count > 0)
        return rating_refuse(problem, RATING_MIX_ALONE, top("by_month"));
    for (size_t i = 0; i < plan->mix_count; i++) {
        TRY(check_mix_part(plan, (int)i, problem));
        sum += plan->mix[i].percent_e4;
    }
    return sum == 100 * RATING_PERCENT_SCALE ? ERR_OK
                                             : rating_refuse(problem, RATING_MIX_SUM, top("mix"));
}

enum err rating_check_dates(const struct rating_plan *plan, struct rating_problem *problem)
{
    unsigned before = 0;
    if (plan->schedule_count > RATING_SCHEDULES_MAX)
        return rating_refuse(problem, RATING_SCHEDULES_TOO_MANY, top("schedules"));
    for (size_t i = 0; i < plan->schedule_count; i++)
        TRY(check_schedule(plan, (int)i, problem));
    if (plan->month_count > RATING_MONTHS_MAX)
        return rating_refuse(problem, RATING_MONTH_TWICE, top("by_month"));
    for (size_t i = 0; i < plan->month_count; i++) {
        TRY(check_entry(plan, (int)i, before, problem));
        before |= plan->months[i].months;
    }
    TRY(check_quota(plan, problem));
    TRY(check_mix(plan, problem));
    if (rating_has_steps(plan) && plan->ladder.move_in == RATING_MOVE_IN_MONTHS &&
        plan->ladder.cycle == RATING_HEATING_SEASON)
        return rating_refuse(problem, RATING_MOVE_IN_CYCLE, top("move_in"));
    return ERR_OK;
}
