/* What an undated statement has besides its energy, in the order of bill_due.c: it is one bill, of
 * as many months as the request says. */
#include "rating/bill_impl.h"

static struct rating_item item_of(const struct rating_plan *plan, enum rating_item_kind kind)
{
    return (struct rating_item){.kind = kind,
                                .rate = RATING_TOTAL,
                                .step = -1,
                                .rounding = plan->rounding,
                                .month_entry = RATING_ENTRY_NONE,
                                .schedule = RATING_ENTRY_NONE};
}

static enum err add_quantity(const struct rating_plan *plan, const struct rating_part *fee,
                             int64_t quantity, int64_t price_e8, struct rating_statement *out)
{
    struct rating_item item = item_of(plan, RATING_ITEM_FEE);
    item.code = fee->code;
    item.rounding = rating_part_rounding(plan, fee);
    item.quantity_wh = quantity;
    item.price_e8 = price_e8;
    return rating_state_add(out, &item);
}

static enum err sum_active(const struct rating_request *r, int64_t *active_wh)
{
    for (size_t i = 0; i < r->row_count; i++)
        TRY(units_add(*active_wh, r->rows[i].total_wh, active_wh));
    return ERR_OK;
}

static enum err add_demand(const struct rating_plan *plan, const struct rating_request *r,
                           const struct rating_part *fee, struct rating_statement *out)
{
    struct rating_demand d = {r->demand_milli_kw, r->contracted_milli_kw, 0, 0};
    int64_t plain, over;
    TRY(units_mul(r->capacity_milli_kva, r->months, &d.capacity_milli_kva));
    TRY(sum_active(r, &d.active_wh));
    if (r->months == 0 || !rating_demand_known(fee, d))
        return ERR_RATING_FEE;
    struct rating_demand_due due = rating_demand_due(fee, d);
    TRY(units_mul(due.plain_milli_kw, r->months, &plain));
    TRY(units_mul(due.over_milli_kw, r->months, &over));
    TRY(add_quantity(plan, fee, plain, due.price_e8, out));
    return add_quantity(plan, fee, over, due.over_price_e8, out);
}

static enum err add_fee(const struct rating_plan *plan, const struct rating_request *r,
                        const struct rating_part *fee, struct rating_statement *out)
{
    int64_t capacity = 0;
    if (fee->per == RATING_PER_DEMAND)
        return add_demand(plan, r, fee, out);
    if (fee->per == RATING_PER_FIRST_RECHARGE) /* none is an answer */
        return add_quantity(plan, fee, r->first_recharges * INT64_C(1000), fee->price_e8, out);
    if (r->capacity_milli_kva > 0)
        TRY(units_mul(r->capacity_milli_kva, r->months, &capacity));
    const int64_t thousandths[RATING_PERS] = {
        [RATING_PER_DAY] = r->days * INT64_C(1000),
        [RATING_PER_MONTH] = r->months * INT64_C(1000),
        [RATING_PER_AREA] = r->area_milli_m2 * (fee->by_cycle ? (int64_t)r->months : 1),
        [RATING_PER_CAPACITY] = capacity};
    if (thousandths[fee->per] == 0)
        return ERR_RATING_FEE;
    return add_quantity(plan, fee, thousandths[fee->per], fee->price_e8, out);
}

/* The lines of energy, with or without the fees that the power factor is on. */
static enum err sum_factor(const struct rating_plan *plan, const struct rating_statement *out,
                           int64_t *sum_fen)
{
    const struct rating_power_factor *f = &plan->power_factor;
    for (size_t i = 0; i < out->item_count; i++) {
        const struct rating_item *item = &out->items[i];
        bool energy = item->kind == RATING_ITEM_ENERGY || item->kind == RATING_ITEM_SURCHARGE;
        bool on = energy && f->on_energy;
        for (size_t k = 0; item->kind == RATING_ITEM_FEE && k < plan->fee_count; k++)
            if (item->code == plan->fees[k].code)
                on = (plan->fees[k].per == RATING_PER_CAPACITY && f->on_capacity) ||
                     (plan->fees[k].per == RATING_PER_DEMAND && f->on_demand);
        if (on)
            TRY(units_add(*sum_fen, item->amount_fen, sum_fen));
    }
    return ERR_OK;
}

static enum err add_factor(const struct rating_plan *plan, const struct rating_request *r,
                           struct rating_statement *out)
{
    struct rating_item item = item_of(plan, RATING_ITEM_FACTOR);
    int64_t active_wh = 0;
    if (plan->power_factor.row_count == 0)
        return ERR_OK;
    if (!r->reactive_known)
        return ERR_RATING_FEE;
    if (r->reactive_wh < 0)
        return ERR_RATING_BACKWARDS;
    TRY(sum_active(r, &active_wh));
    if (active_wh > RATING_FACTOR_ENERGY_MAX || r->reactive_wh > RATING_FACTOR_ENERGY_MAX)
        return ERR_OVERFLOW;
    TRY(sum_factor(plan, out, &item.quantity_wh));
    item.price_e8 = RATING_FACTOR_PRICE_PER_E4 *
                    rating_factor_percent_e4(&plan->power_factor, active_wh, r->reactive_wh);
    return item.price_e8 == 0 ? ERR_OK : rating_state_add(out, &item);
}

static enum err add_minimum(const struct rating_plan *plan, int64_t months,
                            struct rating_statement *out)
{
    struct rating_item item = item_of(plan, RATING_ITEM_MINIMUM);
    int64_t least_fen = plan->minimum_fen;
    if (plan->minimum_per_month)
        TRY(units_mul(least_fen, months, &least_fen));
    item.amount_fen = least_fen - out->amount_fen;
    return least_fen == 0 || item.amount_fen <= 0 ? ERR_OK : rating_state_add(out, &item);
}

static enum err add_subsidies(const struct rating_plan *plan, int64_t months,
                              struct rating_statement *out)
{
    for (size_t i = 0; i < plan->subsidy_count; i++) {
        struct rating_subsidy s = plan->subsidies[i];
        struct rating_item item = item_of(plan, RATING_ITEM_SUBSIDY);
        TRY(units_mul(s.amount_fen, months, &s.amount_fen));
        item.code = plan->subsidies[i].code;
        item.amount_fen = -rating_subsidy_of(&s, out->amount_fen);
        TRY(item.amount_fen == 0 ? ERR_OK : rating_state_add(out, &item));
    }
    return ERR_OK;
}

enum err rating_state_bill(const struct rating_plan *plan, const struct rating_request *r,
                           struct rating_statement *out)
{
    int64_t months = r->months > 0 ? r->months : 1;
    for (size_t i = 0; i < plan->fee_count; i++)
        TRY(add_fee(plan, r, &plan->fees[i], out));
    TRY(add_factor(plan, r, out));
    TRY(add_minimum(plan, months, out));
    return add_subsidies(plan, months, out);
}
