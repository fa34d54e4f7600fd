#include <string.h>

#include "base/must.h"
#include "rating/statement_impl.h"

static const char *const item_names[] = {"energy",       "surcharge", "component",
                                         "fee",          "minimum",   "free",
                                         "power_factor", "subsidy",   "season_limit"};
static const char *const item_words[] = {"电量电费",     "阶梯加价",     "附加项目",
                                         "固定费用",     "最低收费补足", "免费额度",
                                         "功率因数调整", "补贴",         "采暖季限额结算"};

const char *rating_item_name(enum rating_item_kind kind)
{
    return kind < RATING_ITEM_KINDS ? item_names[kind] : "unknown";
}

const char *rating_item_zh(enum rating_item_kind kind)
{
    return kind < RATING_ITEM_KINDS ? item_words[kind] : "未知";
}

/* --- prices --------------------------------------------------------------------------------------
 */

int rating_month_entry(const struct rating_plan *plan, unsigned month)
{
    for (size_t i = 0; i < plan->month_count; i++)
        if (plan->months[i].months & 1u << (month - 1))
            return (int)i;
    return -1;
}

static const struct rating_prices_row *month_row(const struct rating_core *k,
                                                 enum rating_month_form form, size_t step)
{
    if (k->month_entry < 0 || k->plan->months[k->month_entry].form != form)
        return NULL;
    return &k->plan->month_prices[k->plan->months[k->month_entry].first + step];
}

/* The entry, if one of its prices held. */
static int8_t entry_of(const struct rating_core *k, enum rating_month_form form, unsigned bits)
{
    const struct rating_prices_row *row = month_row(k, form, 0);
    return row && row->priced & bits ? (int8_t)k->month_entry : RATING_ENTRY_NONE;
}

static int64_t base_price(const struct rating_core *k)
{
    const struct rating_prices_row *row = month_row(k, RATING_MONTH_ONE, 0);
    return row ? row->price_e8[0] : k->plan->price_e8;
}

static bool prices_rate(const struct rating_core *k, unsigned base, unsigned rate)
{
    return k->plan->priced[rate] || (base > 0 && k->plan->schedules[base - 1].priced & 1u << rate);
}

/* Prices of a schedule come before those of a month, and those before the plan's. */
static int64_t rate_price(const struct rating_core *k, unsigned base, unsigned rate)
{
    const struct rating_prices_row *row = month_row(k, RATING_MONTH_RATES, 0);
    if (base > 0 && k->plan->schedules[base - 1].priced & 1u << rate)
        return k->plan->schedules[base - 1].rate_price_e8[rate];
    return row && row->priced & 1u << rate ? row->price_e8[rate] : k->plan->rate_price_e8[rate];
}

static int64_t step_price(const struct rating_core *k, size_t step)
{
    const struct rating_prices_row *row = month_row(k, RATING_MONTH_STEPS, step);
    return row ? row->price_e8[0] : k->plan->ladder.steps[step].price_e8;
}

static int64_t cell_price(const struct rating_core *k, size_t step, unsigned rate)
{
    const struct rating_prices_row *row = month_row(k, RATING_MONTH_STEPS, step);
    return row && row->priced & 1u << rate ? row->price_e8[rate]
                                           : k->plan->ladder.steps[step].rate_price_e8[rate];
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

/* The bounds as they hold for this household in this cycle. */
static enum err set_bounds(struct rating_core *k, const struct rating_bounds *b)
{
    const struct rating_ladder *l = &k->plan->ladder;
    if (!rating_has_steps(k->plan))
        return ERR_OK;
    if (l->high_from != 0 && (b->month < 1 || b->month > 12))
        return ERR_RATING_MONTH;
    bool high = is_high(l, b->month);
    for (size_t i = 0; i < l->step_count; i++) {
        int64_t to = high ? l->steps[i].to_high_wh : l->steps[i].to_wh;
        k->out->step_to_wh[i] = to == RATING_STEP_OPEN
                                    ? to
                                    : (int64_t)((__int128)(to + rating_surplus(l, i, b->persons)) *
                                                b->numerator / b->denominator);
    }
    return ERR_OK;
}

/*
 * Shares `part_wh` of a row out over its rates in proportion to what is left of them: whole Wh by
 * largest remainder, ties to the earlier rate. Steps and rates both keep their exact sums, because
 * no rate is ever asked for more than it has left.
 */
void rating_share_out(int64_t part_wh, int64_t left_wh[RATING_RATES], int64_t cell_wh[RATING_RATES])
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
static enum err climb(struct rating_core *k, int64_t wh, const int64_t rates[RATING_RATES])
{
    int64_t left_wh[RATING_RATES] = {}, end_wh;
    TRY(units_add(k->at_wh, wh, &end_wh));
    for (unsigned r = 0; r < RATING_RATES; r++)
        left_wh[r] = rates[r];
    for (size_t step = 0; k->at_wh < end_wh; step++) {
        int64_t to = k->out->step_to_wh[step];
        if (k->at_wh >= to)
            continue;
        int64_t part = (to < end_wh ? to : end_wh) - k->at_wh;
        k->out->step_wh[step] += part;
        k->at_wh += part;
        if (k->plan->ladder.form == RATING_BY_MATRIX)
            rating_share_out(part, left_wh, k->cell_wh[step]);
    }
    return ERR_OK;
}

/* --- rows ----------------------------------------------------------------------------------------
 */

enum err rating_core_open(struct rating_core *k, const struct rating_bounds *bounds, int64_t carry,
                          int64_t used_before_wh)
{
    struct rating_statement *out = k->out;
    out->item_count = 0; /* the items themselves are written as they come */
    out->energy_wh = out->amount_fen = 0;
    out->carry = carry;
    out->used_after_wh = k->at_wh = used_before_wh;
    memset(out->step_wh, 0, sizeof out->step_wh);
    memset(out->step_to_wh, 0, sizeof out->step_to_wh);
    return used_before_wh < 0 ? ERR_RATING_BACKWARDS : set_bounds(k, bounds);
}

enum err rating_check_row(const struct rating_plan *plan, const struct rating_used *row,
                          int64_t *billed_wh)
{
    int64_t sum = 0;
    if (row->total_wh < 0)
        return ERR_RATING_BACKWARDS;
    *billed_wh = row->total_wh;
    if (!rating_has_rates(plan))
        return ERR_OK;
    for (unsigned rate = 0; rate < RATING_RATES; rate++) {
        if (row->rate_wh[rate] < 0)
            return ERR_RATING_BACKWARDS;
        TRY(units_add(sum, row->rate_wh[rate], &sum));
    }
    int64_t apart = sum > row->total_wh ? sum - row->total_wh : row->total_wh - sum;
    *billed_wh = sum;
    return apart > RATING_RATES_TOLERANCE_WH ? ERR_RATING_RATES : ERR_OK;
}

static enum err count_up(const struct rating_core *k, const struct rating_used *used,
                         int64_t *billed_wh)
{
    *billed_wh = used->total_wh;
    if (!rating_has_rates(k->plan))
        return ERR_OK;
    *billed_wh = 0;
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        TRY(units_add(*billed_wh, used->rate_wh[rate], billed_wh));
    return ERR_OK;
}

/* Of energy that passed count_up: what uses up the steps. */
static int64_t climbing_wh(const struct rating_core *k, const struct rating_used *used,
                           int64_t billed_wh)
{
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        if (k->plan->ladder.outside & 1u << rate)
            billed_wh -= used->rate_wh[rate];
    return billed_wh;
}

enum err rating_core_priced(const struct rating_core *k, const struct rating_used *used,
                            unsigned base)
{
    for (unsigned rate = 0; rating_has_rates(k->plan) && rate < RATING_RATES; rate++)
        if (used->rate_wh[rate] > 0 && !prices_rate(k, base, rate))
            return ERR_RATING_RATES;
    return ERR_OK;
}

enum err rating_core_take(struct rating_core *k, const struct rating_used *used, unsigned base)
{
    int64_t billed_wh;
    bool rates = rating_has_rates(k->plan);
    TRY(rating_core_priced(k, used, base));
    TRY(count_up(k, used, &billed_wh));
    TRY(units_add(k->out->energy_wh, billed_wh, &k->out->energy_wh));
    k->bases[base].total_wh += billed_wh; /* no more than the sum that was just checked */
    for (unsigned rate = 0; rates && rate < RATING_RATES; rate++) {
        k->bases[base].rate_wh[rate] += used->rate_wh[rate];
        k->rate_wh[rate] += used->rate_wh[rate];
    }
    if (rating_has_steps(k->plan) && k->plan->ladder.apportion == RATING_CHRONOLOGICAL)
        return climb(k, climbing_wh(k, used, billed_wh), used->rate_wh);
    return ERR_OK;
}

enum err rating_core_free(struct rating_core *k, const struct rating_used *used, bool counts)
{
    int64_t free_wh;
    TRY(count_up(k, used, &free_wh));
    for (unsigned rate = 0; rating_has_rates(k->plan) && rate < RATING_RATES; rate++)
        TRY(units_add(k->free_wh[rate], used->rate_wh[rate], &k->free_wh[rate]));
    if (!rating_has_rates(k->plan))
        TRY(units_add(k->free_wh[RATING_TOTAL], free_wh, &k->free_wh[RATING_TOTAL]));
    return counts ? units_add(k->at_wh, climbing_wh(k, used, free_wh), &k->at_wh) : ERR_OK;
}

/* --- lines ---------------------------------------------------------------------------------------
 */

enum err rating_find_amount(enum rating_rounding rounding, int64_t quantity_wh, int64_t price_e8,
                            int64_t *carry, int64_t *amount_fen)
{
    int64_t rest = 0;
    if (rounding == RATING_CARRY)
        return units_amount_fen(quantity_wh, price_e8, carry, amount_fen);
    /* half up comes first; its remainder says whether another rule ends elsewhere */
    TRY(units_amount_fen(quantity_wh, price_e8, &rest, amount_fen));
    if (rounding == RATING_UP && rest > 0)
        return units_add(*amount_fen, 1, amount_fen);
    if (rounding == RATING_DOWN && rest < 0)
        --*amount_fen;
    return ERR_OK;
}

enum rating_rounding rating_part_rounding(const struct rating_plan *plan,
                                          const struct rating_part *part)
{
    return part->rounding == RATING_ROUNDING_PLAN ? plan->rounding : part->rounding;
}

enum err rating_state_add(struct rating_statement *out, const struct rating_item *shape)
{
    struct rating_item item = *shape;
    bool given = item.kind == RATING_ITEM_MINIMUM || item.kind == RATING_ITEM_SUBSIDY;
    if (item.quantity_wh == 0 && !given)
        return ERR_OK;
    MUST(out->item_count < RATING_ITEMS_MAX);
    item.carry_in = item.carry_out = out->carry;
    if (item.price_e8 != 0)
        TRY(rating_find_amount(item.rounding, item.quantity_wh, item.price_e8, &item.carry_out,
                               &item.amount_fen));
    TRY(units_add(out->amount_fen, item.amount_fen, &out->amount_fen));
    out->carry = item.carry_out;
    out->items[out->item_count++] = item;
    return ERR_OK;
}

/* A line of energy, with what its price comes from filled in. */
static enum err add_energy(struct rating_core *k, const struct rating_item *shape)
{
    struct rating_item item = *shape;
    item.rounding = k->plan->rounding;
    return rating_state_add(k->out, &item);
}

static enum err add_free(struct rating_core *k)
{
    for (unsigned rate = 0; rate <= RATING_RATES; rate++)
        TRY(add_energy(k, &(struct rating_item){.kind = RATING_ITEM_FREE,
                                                .rate = (enum rating_rate)rate,
                                                .step = -1,
                                                .month_entry = RATING_ENTRY_NONE,
                                                .schedule = RATING_ENTRY_NONE,
                                                .quantity_wh = k->free_wh[rate]}));
    return ERR_OK;
}

/* A quantity in parts of a percentage each: whole Wh by largest remainder, ties to the earlier. */
static void share_mix(const struct rating_plan *plan, int64_t wh, int64_t part_wh[RATING_MIX_MAX])
{
    int64_t rest = wh, remainder[RATING_MIX_MAX];
    for (size_t i = 0; i < plan->mix_count; i++) {
        __int128 product = (__int128)wh * plan->mix[i].percent_e4;
        part_wh[i] = (int64_t)(product / (100 * RATING_PERCENT_SCALE));
        remainder[i] = (int64_t)(product % (100 * RATING_PERCENT_SCALE));
        rest -= part_wh[i];
    }
    for (; rest > 0; rest--) {
        size_t best = 0;
        for (size_t i = 1; i < plan->mix_count; i++)
            if (remainder[i] > remainder[best])
                best = i;
        MUST(remainder[best] > 0);
        remainder[best] = 0;
        part_wh[best]++;
    }
}

/* A schedule, if one of its prices held. */
static int8_t schedule_of(const struct rating_core *k, unsigned base, unsigned rate)
{
    bool own = base > 0 && rate < RATING_RATES && k->plan->schedules[base - 1].priced & 1u << rate;
    return own ? (int8_t)((int)base - 1) : RATING_ENTRY_NONE;
}

/* One quantity at the base price of its rate; with a mix, a line a part of it. */
static enum err add_quantity(struct rating_core *k, unsigned base, unsigned rate, int64_t wh)
{
    const struct rating_plan *plan = k->plan;
    int64_t part_wh[RATING_MIX_MAX];
    struct rating_item item = {.rate = (enum rating_rate)rate,
                               .step = -1,
                               .month_entry = RATING_ENTRY_NONE,
                               .schedule = schedule_of(k, base, rate),
                               .quantity_wh = wh};
    if (plan->mix_count == 0) {
        item.price_e8 = rate == RATING_TOTAL ? base_price(k) : rate_price(k, base, rate);
        if (item.schedule < 0)
            item.month_entry = rate == RATING_TOTAL
                                   ? entry_of(k, RATING_MONTH_ONE, RATING_PRICED_ONE)
                                   : entry_of(k, RATING_MONTH_RATES, 1u << rate);
        return add_energy(k, &item);
    }
    share_mix(plan, wh, part_wh);
    for (size_t i = 0; i < plan->mix_count; i++) {
        item.code = plan->mix[i].code;
        item.quantity_wh = part_wh[i];
        item.price_e8 = plan->mix[i].price_e8[rate == RATING_TOTAL ? 0 : rate];
        TRY(add_energy(k, &item));
    }
    return ERR_OK;
}

/* What no schedule prices is one line a rate, whatever the days; then come those of schedules. */
static enum err add_base(struct rating_core *k)
{
    if (!rating_has_rates(k->plan))
        return add_quantity(k, 0, RATING_TOTAL, k->bases[0].total_wh);
    for (unsigned rate = 0; rate < RATING_RATES; rate++) {
        int64_t wh = 0;
        for (unsigned base = 0; base <= k->plan->schedule_count; base++)
            if (schedule_of(k, base, rate) < 0)
                wh += k->bases[base].rate_wh[rate]; /* no more than the statement's energy */
        TRY(add_quantity(k, 0, rate, wh));
    }
    for (unsigned base = 1; base <= k->plan->schedule_count; base++)
        for (unsigned rate = 0; rate < RATING_RATES; rate++)
            if (schedule_of(k, base, rate) >= 0)
                TRY(add_quantity(k, base, rate, k->bases[base].rate_wh[rate]));
    return ERR_OK;
}

/* A surcharge of nothing needs no line. */
static enum err add_step(struct rating_core *k, size_t step)
{
    bool surcharge = k->plan->ladder.form == RATING_BY_SURCHARGE;
    int64_t price_e8 = step_price(k, step);
    if (surcharge && price_e8 == 0)
        return ERR_OK;
    return add_energy(
        k, &(struct rating_item){.kind = surcharge ? RATING_ITEM_SURCHARGE : RATING_ITEM_ENERGY,
                                 .rate = RATING_TOTAL,
                                 .step = (int)step,
                                 .month_entry = entry_of(k, RATING_MONTH_STEPS, 0xff),
                                 .schedule = RATING_ENTRY_NONE,
                                 .quantity_wh = k->out->step_wh[step],
                                 .price_e8 = price_e8});
}

static enum err add_cells(struct rating_core *k, size_t step)
{
    for (unsigned rate = 0; rate < RATING_RATES; rate++)
        TRY(add_energy(k,
                       &(struct rating_item){.rate = (enum rating_rate)rate,
                                             .step = (int)step,
                                             .month_entry = entry_of(k, RATING_MONTH_STEPS, 0xff),
                                             .schedule = RATING_ENTRY_NONE,
                                             .quantity_wh = k->cell_wh[step][rate],
                                             .price_e8 = cell_price(k, step, rate)}));
    return ERR_OK;
}

enum err rating_core_close(struct rating_core *k)
{
    const struct rating_ladder *l = &k->plan->ladder;
    TRY(add_free(k));
    if (!rating_has_steps(k->plan))
        return add_base(k);
    if (l->apportion == RATING_PRO_RATA)
        TRY(climb(k, k->out->energy_wh, k->rate_wh));
    k->out->used_after_wh = k->at_wh;
    if (l->form == RATING_BY_SURCHARGE)
        TRY(add_base(k));
    for (size_t step = 0; step < l->step_count; step++)
        TRY(l->form == RATING_BY_MATRIX ? add_cells(k, step) : add_step(k, step));
    return ERR_OK;
}

/* --- a statement of what needs no dates
 * ------------------------------------------------------------
 */

static enum err add_components(const struct rating_plan *plan, struct rating_statement *out)
{
    for (size_t i = 0; i < plan->component_count; i++)
        TRY(rating_state_add(
            out, &(struct rating_item){.kind = RATING_ITEM_COMPONENT,
                                       .rate = RATING_TOTAL,
                                       .step = -1,
                                       .code = plan->components[i].code,
                                       .rounding = rating_part_rounding(plan, &plan->components[i]),
                                       .month_entry = RATING_ENTRY_NONE,
                                       .schedule = RATING_ENTRY_NONE,
                                       .quantity_wh = out->energy_wh,
                                       .price_e8 = plan->components[i].price_e8}));
    return ERR_OK;
}

static enum err needs_no_dates(const struct rating_plan *plan)
{
    bool dates = plan->quota.amount_wh != 0 || rating_has_season(plan);
    for (size_t i = 0; i < plan->schedule_count; i++)
        dates = dates || plan->schedules[i].priced != 0;
    for (size_t i = 0; i < plan->fee_count; i++)
        dates = dates || (plan->fees[i].by_cycle && plan->fees[i].cycle != RATING_MONTH);
    return dates ? ERR_RATING_DATES : ERR_OK;
}

enum err rating_state(const struct rating_plan *plan, const struct rating_request *request,
                      struct rating_statement *out)
{
    struct rating_core k = {.plan = plan, .out = out, .month_entry = -1};
    struct rating_bounds bounds = {request->month, request->persons, 1, 1};
    int64_t billed_wh;
    TRY(needs_no_dates(plan));
    if (plan->month_count > 0) {
        if (request->month < 1 || request->month > 12)
            return ERR_RATING_MONTH;
        k.month_entry = rating_month_entry(plan, request->month);
    }
    TRY(rating_core_open(&k, &bounds, request->carry, request->used_before_wh));
    for (size_t i = 0; i < request->row_count; i++) {
        TRY(rating_check_row(plan, &request->rows[i], &billed_wh));
        TRY(rating_core_take(&k, &request->rows[i], 0));
    }
    TRY(rating_core_close(&k));
    if (!rating_has_steps(plan))
        TRY(units_add(request->used_before_wh, out->energy_wh, &out->used_after_wh));
    TRY(add_components(plan, out));
    return rating_state_bill(plan, request, out);
}
