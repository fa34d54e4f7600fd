/* The least that energy can cost, and the most that an account may have besides its money: the
 * mirror of the bound in billing/quiet.h. Whoever has something left has not used more than these
 * say. */
#include "base/wide.h"
#include "control/away.h"

#define ENERGY_MAX_WH (INT64_C(1) << 50)
#define PERCENT_ALL (100 * RATING_PERCENT_SCALE)

const char *away_plan_name(enum away_plan p)
{
    static const char *const names[] = {[AWAY_PLAN_PRICED] = "",
                                        [AWAY_PLAN_FREE] = "plan_free",
                                        [AWAY_PLAN_FALLING] = "plan_falling"};
    return (unsigned)p < sizeof names / sizeof *names ? names[p] : "";
}

const char *away_plan_en(enum away_plan p)
{
    static const char *const texts[] = {
        [AWAY_PLAN_PRICED] = "",
        [AWAY_PLAN_FREE] = "Under the price plan a unit may cost nothing at some time.",
        [AWAY_PLAN_FALLING] =
            "Under the price plan more energy may make cheaper what was used before."};
    return (unsigned)p < sizeof texts / sizeof *texts ? texts[p] : "";
}

const char *away_plan_zh(enum away_plan p)
{
    static const char *const texts[] = {[AWAY_PLAN_PRICED] = "",
                                        [AWAY_PLAN_FREE] = "价格方案中存在单价可能为零的时段。",
                                        [AWAY_PLAN_FALLING] =
                                            "按价格方案，继续使用可能使之前的费用降低。"};
    return (unsigned)p < sizeof texts / sizeof *texts ? texts[p] : "";
}

static int64_t lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* --- the least price -----------------------------------------------------------------------------
 */

static bool has_rates(const struct rating_plan *p)
{
    return p->kind == RATING_TIME_OF_USE || p->kind == RATING_TIME_OF_USE_LADDER;
}

static bool has_steps(const struct rating_plan *p)
{
    return p->kind == RATING_LADDER || p->kind == RATING_TIME_OF_USE_LADDER;
}

/* INT64_MAX: no rate is priced. */
static int64_t lowest_priced(unsigned priced, const int64_t price_e8[RATING_RATES])
{
    int64_t least = INT64_MAX;
    if (priced & RATING_PRICED_ONE)
        return price_e8[0];
    for (int r = 0; r < RATING_RATES; r++)
        if (priced >> r & 1)
            least = lower(least, price_e8[r]);
    return least;
}

static unsigned priced_of(const struct rating_plan *p)
{
    unsigned priced = 0;
    for (int r = 0; r < RATING_RATES; r++)
        priced |= (unsigned)p->priced[r] << r;
    return priced;
}

/* Of the prices of months, those of steps or the others. */
static int64_t lowest_of_months(const struct rating_plan *p, bool steps)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < p->month_count; i++) {
        const struct rating_month_entry *m = &p->months[i];
        if ((m->form == RATING_MONTH_STEPS) != steps)
            continue;
        for (size_t k = m->first; k < (size_t)m->first + m->rows; k++)
            least =
                lower(least, lowest_priced(p->month_prices[k].priced, p->month_prices[k].price_e8));
    }
    return least;
}

static int64_t lowest_base(const struct rating_plan *p)
{
    int64_t least = has_rates(p) ? lowest_priced(priced_of(p), p->rate_price_e8) : p->price_e8;
    least = lower(least, lowest_of_months(p, false));
    for (size_t i = 0; i < p->schedule_count; i++)
        least = lower(least, lowest_priced(p->schedules[i].priced, p->schedules[i].rate_price_e8));
    return least;
}

static int64_t lowest_step(const struct rating_plan *p)
{
    int64_t least = lowest_of_months(p, true);
    for (size_t i = 0; i < p->ladder.step_count; i++) {
        const struct rating_step *s = &p->ladder.steps[i];
        least = lower(least, p->ladder.form == RATING_BY_MATRIX
                                 ? lowest_priced(priced_of(p), s->rate_price_e8)
                                 : s->price_e8);
    }
    return least;
}

static int64_t lowest_in_mix(const struct rating_plan *p)
{
    int64_t least = INT64_MAX;
    for (size_t i = 0; i < p->mix_count; i++) {
        const struct rating_mix *m = &p->mix[i];
        unsigned priced = m->has_rates ? priced_of(p) : RATING_PRICED_ONE;
        least = lower(least, lowest_priced(priced, m->price_e8));
    }
    return least;
}

/* Before components. A base that a form does not use is 0, which errs on the side of light. */
static int64_t lowest_energy(const struct rating_plan *p)
{
    if (p->mix_count > 0)
        return lowest_in_mix(p);
    if (!has_steps(p))
        return lowest_base(p);
    if (p->ladder.form == RATING_BY_SURCHARGE)
        return lowest_base(p) + (p->ladder.outside ? 0 : lowest_step(p));
    return lowest_step(p);
}

static int32_t best_percent_e4(const struct rating_power_factor *f)
{
    int32_t best = 0;
    for (size_t i = 0; i < f->row_count; i++)
        best = f->rows[i].percent_e4 < best ? f->rows[i].percent_e4 : best;
    return best;
}

static bool falls(const int64_t before[RATING_RATES], const int64_t after[RATING_RATES])
{
    for (int r = 0; r < RATING_RATES; r++)
        if (after[r] < before[r])
            return true;
    return false;
}

/* Rates of a step that is shared out: more energy moves what was used before to later steps. */
static bool steps_fall(const struct rating_plan *p)
{
    bool fall = false;
    if (!has_steps(p) || p->ladder.form != RATING_BY_MATRIX)
        return false;
    for (size_t i = 1; i < p->ladder.step_count; i++)
        fall =
            fall || falls(p->ladder.steps[i - 1].rate_price_e8, p->ladder.steps[i].rate_price_e8);
    for (size_t i = 0; i < p->month_count; i++)
        for (size_t k = p->months[i].first + 1u; k < (size_t)p->months[i].first + p->months[i].rows;
             k++)
            fall = fall || (p->months[i].form == RATING_MONTH_STEPS &&
                            falls(p->month_prices[k - 1].price_e8, p->month_prices[k].price_e8));
    return fall;
}

/* More energy may lower the price of the month's demand. */
static bool demand_falls(const struct rating_plan *p)
{
    for (size_t i = 0; i < p->fee_count; i++)
        if (p->fees[i].utilised_wh != 0)
            return true;
    return false;
}

enum away_plan away_price(const struct rating_plan *plan, int64_t *price_e8)
{
    *price_e8 = 0;
    if (steps_fall(plan) || demand_falls(plan))
        return AWAY_PLAN_FALLING;
    if (plan->area_bill.most_price_e8 != 0) /* above the most of a season */
        return AWAY_PLAN_FREE;
    int64_t least = lowest_energy(plan);
    if (plan->power_factor.on_energy)
        least = least * (PERCENT_ALL + best_percent_e4(&plan->power_factor)) / PERCENT_ALL;
    for (size_t i = 0; i < plan->component_count; i++)
        least += plan->components[i].price_e8;
    *price_e8 = least;
    return least > 0 ? AWAY_PLAN_PRICED : AWAY_PLAN_FREE;
}

/* --- what there may be besides -------------------------------------------------------------------
 */

static int32_t month_of(int32_t day)
{
    struct civil date = civil_from_days(day);
    return date.year * 12 + date.month - 1;
}

static void until(struct away_more *more, int32_t day)
{
    more->until_day = day < more->until_day ? day : more->until_day;
}

static enum err add_quota(const struct rating_quota *q, const struct rating_shared *p, int32_t day,
                          struct away_more *more)
{
    const struct rating_ladder cycle = {.cycle = q->cycle, .start = q->start};
    int64_t left_wh = p->quota_day != 0 ? p->quota_left_wh : 0;
    int64_t persons =
        q->per_person ? RATING_PERSONS_MAX : 1; /* how many there are is not known here */
    if (q->amount_wh == 0)
        return ERR_OK;
    if (p->quota_day != rating_cycle_start(&cycle, day)) /* it begins with the next reading */
        TRY(units_add(q->carry ? left_wh : 0, q->amount_wh * persons, &left_wh));
    until(more, rating_cycle_next(&cycle, day));
    return units_add(more->free_wh, left_wh, &more->free_wh);
}

static enum err add_subsidies(const struct rating_plan *plan, const struct rating_shared *p,
                              int32_t month, struct away_more *more)
{
    bool this_month = p->month == month;
    for (size_t i = 0; i < plan->subsidy_count; i++) {
        int64_t left_fen = plan->subsidies[i].amount_fen - (this_month ? p->subsidy_fen[i] : 0);
        TRY(units_add(more->credit_fen, left_fen > 0 ? left_fen : 0, &more->credit_fen));
    }
    return ERR_OK;
}

/* The month's sum at the percent of now, taken back and charged at the best one. */
static enum err add_factor(const struct rating_plan *plan, const struct rating_position *p,
                           struct away_more *more)
{
    int64_t better_e4 =
        (int64_t)rating_factor_now_e4(plan, p) - best_percent_e4(&plan->power_factor);
    int64_t fen = 0;
    if (p->factor_fen <= 0 || better_e4 <= 0)
        return ERR_OK;
    TRY(units_mul_div(p->factor_fen, better_e4, PERCENT_ALL, &fen));
    return units_add(more->credit_fen, fen + 1, &more->credit_fen);
}

enum err away_more(const struct rating_plan *plan, const struct rating_position *p, int32_t day,
                   struct away_more *more)
{
    bool by_month = plan->subsidy_count > 0 || plan->power_factor.row_count > 0;
    int32_t month = month_of(day);
    TRY(add_quota(&plan->quota, &p->shared, day, more));
    if (!by_month)
        return ERR_OK;
    struct civil date = civil_from_days(day);
    date.month = date.month % 12 + 1;
    date.year += date.month == 1;
    until(more, civil_days_from_date(date.year, date.month, 1));
    TRY(add_subsidies(plan, &p->shared, month, more));
    return plan->power_factor.row_count > 0 && p->month == month ? add_factor(plan, p, more)
                                                                 : ERR_OK;
}

/* --- energy --------------------------------------------------------------------------------------
 */

static bool carries(const struct rating_plan *p)
{
    bool all = p->rounding == RATING_CARRY;
    for (size_t i = 0; i < p->component_count; i++)
        all = all && (p->components[i].rounding == RATING_CARRY ||
                      p->components[i].rounding == RATING_ROUNDING_PLAN);
    return all;
}

/* Each line of a bill may round down by a fen; what is carried comes back in the next. */
int64_t away_rounding_fen(const struct rating_plan *plan, int64_t bills)
{
    return RATING_LINES_MAX * (carries(plan) ? 1 : bills);
}

int64_t away_energy_wh(int64_t margin_fen, int64_t price_e8)
{
    int64_t wh, fen = margin_fen > 0 ? margin_fen : 0;
    enum err e =
        wide_divide((struct wide_sum){fen, UNITS_PRICE_SCALE / 100 * 1000, 0}, price_e8, &wh, NULL);
    return e != ERR_OK || wh >= ENERGY_MAX_WH ? ENERGY_MAX_WH : wh + 1;
}
