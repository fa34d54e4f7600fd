#include "rating/statement.h"

#include "base/must.h"

static const char *const item_names[] = {"energy",  "surcharge", "component",    "fee",
                                         "minimum", "free",      "power_factor", "subsidy"};
static const char *const item_words[] = {"电量电费", "阶梯加价", "附加项目", "固定费用",
                                         "最低收费补足", "免费额度", "功率因数调整",
                                         "补贴"};

const char *rating_item_name(enum rating_item_kind kind)
{
    return kind < RATING_ITEM_KINDS ? item_names[kind] : "unknown";
}

const char *rating_item_zh(enum rating_item_kind kind)
{
    return kind < RATING_ITEM_KINDS ? item_words[kind] : "未知";
}

struct work {
    const struct rating_plan *plan;
    const struct rating_request *request;
    struct rating_statement *out;
    int64_t rate_wh[RATING_RATES];                   /* sums of the rows */
    int64_t cell_wh[RATING_STEPS_MAX][RATING_RATES]; /* BY_MATRIX */
    int64_t at_wh;                                   /* position */
};

static bool has_rates(const struct rating_plan *plan)
{
    return plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
}

static bool has_steps(const struct rating_plan *plan)
{
    return plan->kind == RATING_LADDER || plan->kind == RATING_TIME_OF_USE_LADDER;
}

/* --- lines ---------------------------------------------------------------------------------------
 */

/* Half up comes first; its remainder says whether another rule ends elsewhere. */
static enum err find_amount(struct rating_item *item)
{
    int64_t rest = 0;
    if (item->rounding == RATING_CARRY)
        return units_amount_fen(item->quantity_wh, item->price_e8, &item->carry_out,
                                &item->amount_fen);
    TRY(units_amount_fen(item->quantity_wh, item->price_e8, &rest, &item->amount_fen));
    if (item->rounding == RATING_UP && rest > 0)
        return units_add(item->amount_fen, 1, &item->amount_fen);
    if (item->rounding == RATING_DOWN && rest < 0)
        item->amount_fen--;
    return ERR_OK;
}

static enum rating_rounding part_rounding(const struct work *w, const struct rating_part *part)
{
    return part->rounding == RATING_ROUNDING_PLAN ? w->plan->rounding : part->rounding;
}

static enum err add_item(struct rating_statement *out, const struct rating_item *shape)
{
    struct rating_item item = *shape;
    if (item.quantity_wh == 0)
        return ERR_OK;
    MUST(out->item_count < RATING_ITEMS_MAX);
    item.carry_in = item.carry_out = out->carry;
    if (item.price_e8 > 0)
        TRY(find_amount(&item));
    TRY(units_add(out->amount_fen, item.amount_fen, &out->amount_fen));
    out->carry = item.carry_out;
    out->items[out->item_count++] = item;
    return ERR_OK;
}

static enum err add_rates(struct work *w)
{
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        TRY(add_item(w->out, &(struct rating_item){.rate = (enum rating_rate)rate,
                                                   .step = -1,
                                                   .rounding = w->plan->rounding,
                                                   .quantity_wh = w->rate_wh[rate],
                                                   .price_e8 = w->plan->rate_price_e8[rate]}));
    return ERR_OK;
}

static enum err add_base(struct work *w)
{
    if (has_rates(w->plan))
        return add_rates(w);
    return add_item(w->out, &(struct rating_item){.rate = RATING_TOTAL,
                                                  .step = -1,
                                                  .rounding = w->plan->rounding,
                                                  .quantity_wh = w->out->energy_wh,
                                                  .price_e8 = w->plan->price_e8});
}

/* A surcharge of nothing needs no line. */
static enum err add_step(struct work *w, size_t step)
{
    const struct rating_ladder *l = &w->plan->ladder;
    bool surcharge = l->form == RATING_BY_SURCHARGE;
    if (surcharge && l->steps[step].price_e8 == 0)
        return ERR_OK;
    return add_item(w->out, &(struct rating_item){.kind = surcharge ? RATING_ITEM_SURCHARGE
                                                                    : RATING_ITEM_ENERGY,
                                                  .rate = RATING_TOTAL,
                                                  .step = (int)step,
                                                  .rounding = w->plan->rounding,
                                                  .quantity_wh = w->out->step_wh[step],
                                                  .price_e8 = l->steps[step].price_e8});
}

static enum err add_cells(struct work *w, size_t step)
{
    const struct rating_step *s = &w->plan->ladder.steps[step];
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        TRY(add_item(w->out, &(struct rating_item){.rate = (enum rating_rate)rate,
                                                   .step = (int)step,
                                                   .rounding = w->plan->rounding,
                                                   .quantity_wh = w->cell_wh[step][rate],
                                                   .price_e8 = s->rate_price_e8[rate]}));
    return ERR_OK;
}

static enum err add_components(struct work *w)
{
    for (size_t i = 0; i < w->plan->component_count; i++)
        TRY(add_item(w->out,
                     &(struct rating_item){.kind = RATING_ITEM_COMPONENT,
                                           .rate = RATING_TOTAL,
                                           .step = -1,
                                           .code = w->plan->components[i].code,
                                           .rounding = part_rounding(w, &w->plan->components[i]),
                                           .quantity_wh = w->out->energy_wh,
                                           .price_e8 = w->plan->components[i].price_e8}));
    return ERR_OK;
}

static enum err add_fees(struct work *w)
{
    const struct rating_request *r = w->request;
    int64_t thousandths[RATING_PERS] = {[RATING_PER_DAY] = r->days * INT64_C(1000),
                                              [RATING_PER_MONTH] = r->months * INT64_C(1000),
                                              [RATING_PER_AREA] = r->area_milli_m2};
    for (size_t i = 0; i < w->plan->fee_count; i++) {
        const struct rating_part *fee = &w->plan->fees[i];
        if (thousandths[fee->per] == 0)
            return ERR_RATING_FEE;
        TRY(add_item(w->out, &(struct rating_item){.kind = RATING_ITEM_FEE,
                                                   .rate = RATING_TOTAL,
                                                   .step = -1,
                                                   .code = fee->code,
                                                   .rounding = part_rounding(w, fee),
                                                   .quantity_wh = thousandths[fee->per],
                                                   .price_e8 = fee->price_e8}));
    }
    return ERR_OK;
}

/* Has no quantity and no price of its own, and leaves the remainder alone. */
static void add_minimum(struct work *w)
{
    struct rating_statement *out = w->out;
    int64_t missing_fen = w->plan->minimum_fen - out->amount_fen;
    if (w->plan->minimum_fen == 0 || missing_fen <= 0)
        return;
    MUST(out->item_count < RATING_ITEMS_MAX);
    out->items[out->item_count++] = (struct rating_item){.kind = RATING_ITEM_MINIMUM,
                                                         .rate = RATING_TOTAL,
                                                         .step = -1,
                                                         .carry_in = out->carry,
                                                         .carry_out = out->carry,
                                                         .amount_fen = missing_fen};
    out->amount_fen = w->plan->minimum_fen;
}

static enum err add_lines(struct work *w)
{
    const struct rating_ladder *l = &w->plan->ladder;
    if (!has_steps(w->plan))
        return add_base(w);
    if (l->form == RATING_BY_SURCHARGE)
        TRY(add_base(w));
    for (size_t step = 0; step < l->step_count; step++)
        TRY(l->form == RATING_BY_MATRIX ? add_cells(w, step) : add_step(w, step));
    return ERR_OK;
}

/* --- the ladder ----------------------------------------------------------------------------------
 */

static bool is_high(const struct rating_ladder *l, unsigned month)
{
    if (l->high_from == 0)
        return false;
    if (l->high_from <= l->high_to)
        return l->high_from <= month && month <= l->high_to;
    return month >= l->high_from || month <= l->high_to;
}

static int64_t household_wh(const struct rating_ladder *l, unsigned persons)
{
    if (l->household_from == 0 || persons < l->household_from)
        return 0;
    return l->household_extra_wh + l->household_each_more_wh * (persons - l->household_from);
}

/* The bounds as they hold for this household in this month. */
static enum err set_bounds(struct work *w)
{
    const struct rating_ladder *l = &w->plan->ladder;
    const struct rating_request *r = w->request;
    if (!has_steps(w->plan))
        return ERR_OK;
    if (l->high_from != 0 && (r->month < 1 || r->month > 12))
        return ERR_RATING_MONTH;
    bool high = is_high(l, r->month);
    int64_t extra_wh = household_wh(l, r->persons);
    for (size_t i = 0; i < l->step_count; i++) {
        int64_t to = high ? l->steps[i].to_high_wh : l->steps[i].to_wh;
        w->out->step_to_wh[i] = to == RATING_STEP_OPEN ? to : to + extra_wh;
    }
    return ERR_OK;
}

/*
 * Shares `part_wh` of a row out over its rates in proportion to what is left of them: whole Wh by
 * largest remainder, ties to the earlier rate. Steps and rates both keep their exact sums, because
 * no rate is ever asked for more than it has left.
 */
static void share_out(int64_t part_wh, int64_t left_wh[RATING_RATES], int64_t cell_wh[RATING_RATES])
{
    int64_t all = 0, rest = part_wh, remainder[RATING_RATES];
    for (unsigned r = 0; r < RATING_RATES; r++)
        all += left_wh[r];
    for (unsigned r = 0; r < RATING_RATES; r++) {
        __int128 product = (__int128)part_wh * left_wh[r];
        int64_t whole = (int64_t)(product / all);
        remainder[r] = (int64_t)(product % all);
        cell_wh[r] += whole;
        left_wh[r] -= whole;
        rest -= whole;
    }
    for (; rest > 0; rest--) {
        unsigned best = 0;
        for (unsigned r = 1; r < RATING_RATES; r++)
            if (remainder[r] > remainder[best])
                best = r;
        MUST(remainder[best] > 0 && left_wh[best] > 0);
        remainder[best] = 0;
        cell_wh[best]++;
        left_wh[best]--;
    }
}

/* Takes `wh` of usage up the steps; with `rates`, into the cells as well. */
static enum err climb(struct work *w, int64_t wh, const int64_t rates[RATING_RATES])
{
    int64_t left_wh[RATING_RATES] = {}, end_wh;
    TRY(units_add(w->at_wh, wh, &end_wh));
    for (unsigned r = 0; r < RATING_RATES; r++)
        left_wh[r] = rates[r];
    for (size_t step = 0; w->at_wh < end_wh; step++) {
        int64_t to = w->out->step_to_wh[step];
        if (w->at_wh >= to)
            continue;
        int64_t part = (to < end_wh ? to : end_wh) - w->at_wh;
        w->out->step_wh[step] += part;
        w->at_wh += part;
        if (w->plan->ladder.form == RATING_BY_MATRIX)
            share_out(part, left_wh, w->cell_wh[step]);
    }
    return ERR_OK;
}

/* --- rows ----------------------------------------------------------------------------------------
 */

/* Checks one row; *billed_wh is what is billed of it. */
static enum err check_row(const struct rating_plan *plan, const struct rating_used *row,
                          int64_t *billed_wh)
{
    int64_t sum = 0;
    if (row->total_wh < 0)
        return ERR_RATING_BACKWARDS;
    *billed_wh = row->total_wh;
    if (!has_rates(plan))
        return ERR_OK;
    for (unsigned rate = 0; rate < RATING_RATES; rate++) {
        if (row->rate_wh[rate] < 0)
            return ERR_RATING_BACKWARDS;
        if (row->rate_wh[rate] > 0 && !plan->priced[rate])
            return ERR_RATING_RATES;
        TRY(units_add(sum, row->rate_wh[rate], &sum));
    }
    int64_t apart = sum > row->total_wh ? sum - row->total_wh : row->total_wh - sum;
    *billed_wh = sum;
    return apart > RATING_RATES_TOLERANCE_WH ? ERR_RATING_RATES : ERR_OK;
}

static enum err take_row(struct work *w, const struct rating_used *row)
{
    int64_t billed_wh;
    TRY(check_row(w->plan, row, &billed_wh));
    TRY(units_add(w->out->energy_wh, billed_wh, &w->out->energy_wh));
    for (unsigned rate = 0; has_rates(w->plan) && rate < RATING_RATES; rate++)
        w->rate_wh[rate] += row->rate_wh[rate]; /* no more than the sum that was just checked */
    if (has_steps(w->plan) && w->plan->ladder.apportion == RATING_CHRONOLOGICAL)
        return climb(w, billed_wh, row->rate_wh);
    return ERR_OK;
}

enum err rating_state(const struct rating_plan *plan, const struct rating_request *request,
                      struct rating_statement *out)
{
    *out = (struct rating_statement){.carry = request->carry};
    struct work w = {
        .plan = plan, .request = request, .out = out, .at_wh = request->used_before_wh};
    if (request->used_before_wh < 0)
        return ERR_RATING_BACKWARDS;
    TRY(set_bounds(&w));
    for (size_t i = 0; i < request->row_count; i++)
        TRY(take_row(&w, &request->rows[i]));
    if (has_steps(plan) && plan->ladder.apportion == RATING_PRO_RATA)
        TRY(climb(&w, out->energy_wh, w.rate_wh));
    TRY(units_add(request->used_before_wh, out->energy_wh, &out->used_after_wh));
    TRY(add_lines(&w));
    TRY(add_components(&w));
    TRY(add_fees(&w));
    add_minimum(&w);
    return ERR_OK;
}
