/* What makes the rules of a bill valid, whoever built the plan. */
#include "rating/bill_impl.h"
#include "rating/rating_impl.h"

#define PERCENTS_MAX 1000

static struct rating_spot top(const char *name)
{
    return (struct rating_spot){name, -1, NULL};
}

/* --- fees
 * ------------------------------------------------------------------------------------------ */

static enum err check_cycle(const struct rating_part *fee, int i, struct rating_problem *problem)
{
    bool dates =
        fee->start.month != 0 || fee->end.month != 0 || fee->start.day != 0 || fee->end.day != 0;
    bool heating = fee->by_cycle && fee->cycle == RATING_HEATING_SEASON;
    if ((fee->by_cycle || dates) && fee->per != RATING_PER_AREA)
        return rating_refuse(problem, RATING_FEE_MEMBER,
                             (struct rating_spot){"fees", i, fee->by_cycle ? "cycle" : "start"});
    if (fee->by_cycle && !heating && fee->cycle != RATING_YEAR && fee->cycle != RATING_MONTH)
        return rating_refuse(problem, RATING_FEE_CYCLE, (struct rating_spot){"fees", i, "cycle"});
    if (dates != heating)
        return rating_refuse(problem, RATING_FEE_CYCLE, (struct rating_spot){"fees", i, "start"});
    if (heating && !rating_is_day(fee->start))
        return rating_refuse(problem, RATING_CYCLE_DAY, (struct rating_spot){"fees", i, "start"});
    if (heating && !rating_is_day(fee->end))
        return rating_refuse(problem, RATING_CYCLE_DAY, (struct rating_spot){"fees", i, "end"});
    return ERR_OK;
}

static enum err check_part_month(const struct rating_part *fee, int i,
                                 struct rating_problem *problem)
{
    struct rating_spot spot = {"fees", i, "part_month"};
    bool by_month = fee->per == RATING_PER_MONTH || fee->per == RATING_PER_CAPACITY ||
                    fee->per == RATING_PER_DEMAND ||
                    (fee->per == RATING_PER_AREA && fee->by_cycle && fee->cycle == RATING_MONTH);
    if (fee->part_month >= RATING_PART_MONTHS)
        return rating_refuse(problem, RATING_PART_MONTH, spot);
    return fee->part_month == RATING_MONTH_WHOLE || by_month
               ? ERR_OK
               : rating_refuse(problem, RATING_FEE_MEMBER, spot);
}

static enum err check_demand(const struct rating_part *fee, int i, struct rating_problem *problem)
{
    if ((fee->floor_percent != 0 || fee->over_percent != 0) && fee->per != RATING_PER_DEMAND)
        return rating_refuse(
            problem, RATING_FEE_MEMBER,
            (struct rating_spot){"fees", i, fee->floor_percent ? "floor_percent" : "over_percent"});
    if (fee->floor_percent > PERCENTS_MAX)
        return rating_refuse(problem, RATING_PERCENT_RANGE,
                             (struct rating_spot){"fees", i, "floor_percent"});
    if (fee->over_percent > PERCENTS_MAX ||
        (fee->over_percent != 0 && fee->over_percent < fee->floor_percent))
        return rating_refuse(problem, RATING_PERCENT_RANGE,
                             (struct rating_spot){"fees", i, "over_percent"});
    if (fee->over_price_e8 < 0 || fee->over_price_e8 > RATING_PRICE_MAX_E8)
        return rating_refuse(problem, RATING_OVER_FACTOR,
                             (struct rating_spot){"fees", i, "over_factor"});
    return ERR_OK;
}

static enum err check_utilised(const struct rating_plan *plan, int i,
                               struct rating_problem *problem)
{
    const struct rating_part *fee = &plan->fees[i];
    struct rating_spot spot = {"fees", i, "utilised_from"};
    if (fee->utilised_wh == 0)
        return ERR_OK;
    if (fee->per != RATING_PER_DEMAND)
        return rating_refuse(problem, RATING_FEE_MEMBER, spot);
    if (fee->utilised_wh < 0 || fee->utilised_wh > RATING_BOUND_MAX_WH || plan->unit != RATING_KWH)
        return rating_refuse(problem, RATING_UTILISED, spot);
    spot.member = "utilised_percent";
    TRY(rating_check_price(fee->utilised_price_e8, problem, spot));
    return rating_check_price(fee->utilised_over_price_e8, problem, spot);
}

/* --- the rest
 * -------------------------------------------------------------------------------------- */

static enum err check_factor(const struct rating_plan *plan, struct rating_problem *problem)
{
    const struct rating_power_factor *f = &plan->power_factor;
    if (f->row_count == 0)
        return ERR_OK;
    if (plan->unit != RATING_KWH)
        return rating_refuse(problem, RATING_FACTOR_UNIT, top("power_factor"));
    if (!f->on_energy && !f->on_capacity && !f->on_demand)
        return rating_refuse(problem, RATING_FACTOR_ON, top("power_factor.on"));
    if (f->row_count > RATING_POWER_FACTORS_MAX || f->standard > 100)
        return rating_refuse(problem, RATING_FACTOR_TABLE, top("power_factor.table"));
    for (int i = 0; i < f->row_count; i++) {
        struct rating_spot spot = {"power_factor.table", i, "from"};
        bool last = i + 1 == f->row_count;
        if (f->rows[i].from > 100 || (i > 0 && f->rows[i].from >= f->rows[i - 1].from) ||
            (last && f->rows[i].from != 0))
            return rating_refuse(problem, RATING_FACTOR_TABLE, spot);
        if (f->rows[i].percent_e4 < -100 * RATING_PERCENT_SCALE ||
            f->rows[i].percent_e4 > PERCENTS_MAX * RATING_PERCENT_SCALE)
            return rating_refuse(problem, RATING_PERCENT_RANGE,
                                 (struct rating_spot){"power_factor.table", i, "percent"});
    }
    return ERR_OK;
}

static enum err check_subsidies(const struct rating_plan *plan, struct rating_problem *problem)
{
    if (plan->subsidy_count > RATING_SUBSIDIES_MAX)
        return rating_refuse(problem, RATING_SUBSIDIES_TOO_MANY, top("subsidies"));
    for (size_t i = 0; i < plan->subsidy_count; i++) {
        const struct rating_subsidy *s = &plan->subsidies[i];
        struct rating_spot code = {"subsidies", (int)i, "code"};
        if (!rating_is_code(s->code))
            return rating_refuse(problem, RATING_CODE_SYNTAX, code);
        for (size_t k = 0; k < i; k++)
            if (rating_same_code(plan->subsidies[k].code, s->code))
                return rating_refuse(problem, RATING_CODE_REPEATED, code);
        if (s->amount_fen <= 0 || s->amount_fen > UNITS_FEN_MAX)
            return rating_refuse(problem, RATING_AMOUNT_FEN,
                                 (struct rating_spot){"subsidies", (int)i, "amount"});
    }
    return ERR_OK;
}

static enum err check_area_bill(const struct rating_plan *plan, struct rating_problem *problem)
{
    const struct rating_area_bill *b = &plan->area_bill;
    if (!rating_has_season(plan))
        return ERR_OK;
    if (!rating_is_day(b->start))
        return rating_refuse(problem, RATING_CYCLE_DAY, top("area_bill.start"));
    if (!rating_is_day(b->end))
        return rating_refuse(problem, RATING_CYCLE_DAY, top("area_bill.end"));
    if (b->most_price_e8 < 0 || b->most_price_e8 > RATING_PRICE_MAX_E8)
        return rating_refuse(problem, RATING_AREA_BILL, top("area_bill.most_percent"));
    if (b->least_price_e8 < 0 || b->least_price_e8 > RATING_PRICE_MAX_E8 ||
        (b->most_price_e8 != 0 && b->least_price_e8 > b->most_price_e8))
        return rating_refuse(problem, RATING_AREA_BILL, top("area_bill.least_percent"));
    return ERR_OK;
}

/* The first thing that is found, as a refusal. */
static enum err refuse_found(const struct rating_plan *plan,
                             void (*find)(const struct rating_plan *, struct rating_warned *),
                             struct rating_problem *problem)
{
    struct rating_problem above;
    struct rating_warned found = {.list = &above, .room = 1};
    find(plan, &found);
    if (found.count > 0 && problem)
        *problem = above;
    return found.count > 0 ? ERR_RATING_PLAN : ERR_OK;
}

static enum err check_ceiling(const struct rating_plan *plan, struct rating_problem *problem)
{
    const struct rating_ceiling *ceiling = &plan->ceiling;
    if (ceiling->catalogue_e8 < 0 || ceiling->catalogue_e8 > RATING_PRICE_MAX_E8)
        return rating_refuse(problem, RATING_CEILING, top("ceiling.catalogue"));
    if (ceiling->percent_e4 < -100 * RATING_PERCENT_SCALE ||
        ceiling->percent_e4 > PERCENTS_MAX * RATING_PERCENT_SCALE)
        return rating_refuse(problem, RATING_PERCENT_RANGE, top("ceiling.percent"));
    return ceiling->block ? refuse_found(plan, rating_warn_bill, problem) : ERR_OK;
}

enum err rating_check_bill(const struct rating_plan *plan, struct rating_problem *problem)
{
    for (size_t i = 0; i < plan->fee_count; i++) {
        TRY(check_cycle(&plan->fees[i], (int)i, problem));
        TRY(check_part_month(&plan->fees[i], (int)i, problem));
        TRY(check_demand(&plan->fees[i], (int)i, problem));
        TRY(check_utilised(plan, (int)i, problem));
    }
    if (plan->minimum_per_month && plan->minimum_fen == 0)
        return rating_refuse(problem, RATING_MEMBER_MISSING, top("minimum"));
    TRY(check_factor(plan, problem));
    TRY(check_subsidies(plan, problem));
    TRY(check_area_bill(plan, problem));
    TRY(refuse_found(plan, rating_warn_sums, problem));
    return check_ceiling(plan, problem);
}
