/*
 * What a bill has besides its energy: fees, the power factor, the minimum, what a season is brought
 * to, and subsidies, in this order.
 *
 * Demand, power factor and subsidies are sums of a month of which each bill brings what is new: the
 * month as it now stands less what earlier bills of it had. However a month is cut into bills,
 * their sum is that of one bill.
 */
#include <string.h>

#include "rating/bill_impl.h"

#define DUE_MAX UINT16_MAX /* a clock that is centuries ahead must not make centuries of fees */

/* The days and months that are new. */
struct due {
    int32_t first_day, last_day; /* none if last is before first */
    int32_t months;
    int32_t part_days; /* of the month of first_day, charged before */
};

/* Since the last close: all of a period, or what lies in one month. */
struct stretch {
    struct rating_work *w;
    const struct rating_plan *plan;
    struct rating_position *next;
    wall_s from, to;
    bool last, late;
    struct due own, account;        /* of the meter's fees, and of its account's */
    int64_t factor_fen;             /* of the lines that the power factor is on */
    int64_t active_wh, reactive_wh; /* of the month before it */
    bool utilised;                  /* the demand at hand is at the price of a well used capacity */
};

static bool has_demand(const struct rating_plan *plan)
{
    for (size_t i = 0; i < plan->fee_count; i++)
        if (plan->fees[i].per == RATING_PER_DEMAND)
            return true;
    return false;
}

int32_t rating_due_next(const struct rating_plan *plan, int32_t local_day)
{
    const struct rating_ladder month = {.cycle = RATING_MONTH, .start = {0, 1}};
    int32_t next = INT32_MAX;
    if (rating_due_by_month(plan))
        next = rating_cycle_next(&month, local_day);
    if (!rating_has_season(plan))
        return next;
    int32_t season = rating_season_of(&plan->area_bill, local_day).next;
    return season < next ? season : next;
}

bool rating_due_by_month(const struct rating_plan *plan)
{
    return plan->power_factor.row_count > 0 || plan->subsidy_count > 0 || plan->minimum_per_month ||
           has_demand(plan);
}

/* --- the month
 * ------------------------------------------------------------------------------------- */

static int32_t month_at(const struct stretch *s, int64_t at_s)
{
    return rating_month_of(civil_local_day((wall_s){at_s}, s->w->offset_s));
}

static void turn_shared(struct stretch *s, int32_t month)
{
    struct rating_shared *a = &s->next->shared;
    if (a->month == month || s->late)
        return;
    a->month = month;
    a->month_fen = 0;
    for (size_t i = 0; i < RATING_SUBSIDIES_MAX; i++)
        a->subsidy_fen[i] = 0;
}

/* Sums begin anew with each month. */
static void turn_month(struct stretch *s)
{
    int32_t month = rating_due_by_month(s->plan) ? month_at(s, s->from.s) : 0;
    turn_shared(s, month);
    if (s->next->month == month)
        return;
    s->next->month = month;
    s->next->month_fen = s->next->factor_fen = 0;
    s->next->active_wh = s->next->reactive_wh = 0;
    s->next->demand_milli_kw = s->next->contracted_milli_kw = s->next->capacity_milli_kva = 0;
    s->next->others_wh = 0;
}

static bool ends_month(const struct stretch *s)
{
    bool ends = s->to.s > s->from.s && month_at(s, s->to.s) != month_at(s, s->to.s - 1);
    return ends || (s->last && s->w->c->month_ends);
}

/* The account ends, or begins anew, with this meter. */
static bool ends_account(const struct stretch *s)
{
    return s->last && s->w->c->month_ends && !s->w->c->account_goes_on;
}

static bool ends_season(const struct stretch *s)
{
    int32_t day = civil_local_day((wall_s){s->to.s - 1}, s->w->offset_s);
    return civil_local_day(s->to, s->w->offset_s) ==
           rating_season_of(&s->plan->area_bill, day).next;
}

/* Of the lines from first_line on, subsidies and what a season is brought to apart. */
static enum err sum_lines(const struct rating_bill *bill, size_t first_line, bool energy_only,
                          int64_t *sum_fen)
{
    *sum_fen = 0;
    for (size_t i = first_line; i < bill->line_count; i++) {
        enum rating_item_kind kind = bill->lines[i].kind;
        bool energy = kind == RATING_ITEM_ENERGY || kind == RATING_ITEM_SURCHARGE;
        if (energy || (!energy_only && kind != RATING_ITEM_SUBSIDY && kind != RATING_ITEM_SEASON))
            TRY(units_add(*sum_fen, bill->lines[i].amount_fen, sum_fen));
    }
    return ERR_OK;
}

static struct rating_line line_of(const struct stretch *s, enum rating_item_kind kind,
                                  const char *code)
{
    struct rating_line line = {.kind = kind,
                               .rate = RATING_TOTAL,
                               .step = -1,
                               .rounding = s->plan->rounding,
                               .month_entry = RATING_ENTRY_NONE,
                               .schedule = RATING_ENTRY_NONE,
                               .from_s = s->from.s,
                               .to_s = s->to.s};
    memcpy(line.code, code, strnlen(code, RATING_CODE_MAX));
    return line;
}

/* --- what flowed
 * ---------------------------------------------------------------------------------- */

/* A register's share of [from, to), as period.c parts the energy of a row. */
static int64_t share(const struct rating_row *row, int64_t value, int64_t to_s)
{
    int64_t whole_s = row->to.s - row->from.s;
    if (to_s >= row->to.s)
        return value;
    return to_s <= row->from.s ? 0 : (int64_t)((__int128)value * (to_s - row->from.s) / whole_s);
}

static bool has_utilised(const struct rating_plan *plan)
{
    for (size_t i = 0; i < plan->fee_count; i++)
        if (plan->fees[i].utilised_wh != 0)
            return true;
    return false;
}

static enum err add_flow(struct stretch *s)
{
    struct rating_position *p = s->next;
    bool has_factor = s->plan->power_factor.row_count > 0;
    s->active_wh = p->active_wh;
    s->reactive_wh = p->reactive_wh;
    if (!has_factor && !has_utilised(s->plan))
        return ERR_OK;
    for (size_t i = 0; i < s->w->row_count; i++) {
        const struct rating_row *row = &s->w->rows[i];
        bool begins = row->from.s >= s->from.s; /* rows without any length too */
        int64_t active = row->used.total_wh, reactive = has_factor ? row->reactive_wh : 0;
        bool ours = row->from.s < s->to.s || s->last;
        if (!ours || (!begins && row->to.s <= s->from.s))
            continue;
        if (reactive < 0)
            return ERR_RATING_BACKWARDS;
        TRY(units_add(p->active_wh,
                      share(row, active, s->to.s) - (begins ? 0 : share(row, active, s->from.s)),
                      &p->active_wh));
        TRY(units_add(p->reactive_wh,
                      share(row, reactive, s->to.s) -
                          (begins ? 0 : share(row, reactive, s->from.s)),
                      &p->reactive_wh));
    }
    return p->active_wh > RATING_FACTOR_ENERGY_MAX || p->reactive_wh > RATING_FACTOR_ENERGY_MAX
               ? ERR_OVERFLOW
               : ERR_OK;
}

/* --- fees
 * ------------------------------------------------------------------------------------------ */

static bool has_parts(const struct rating_plan *plan)
{
    for (size_t i = 0; i < plan->fee_count; i++)
        if (plan->fees[i].part_month != RATING_MONTH_WHOLE)
            return true;
    return false;
}

static int32_t month_first(int32_t day)
{
    return day - (int32_t)civil_from_days(day).day + 1;
}

static int32_t month_next(int32_t day)
{
    static const struct rating_ladder month = {.cycle = RATING_MONTH, .start = {0, 1}};
    return rating_cycle_next(&month, day);
}

/* Days of the month of `day` that are charged when it is. */
static int32_t days_of_part(const struct due *d, int32_t day)
{
    int32_t first = month_first(day);
    return first < d->first_day ? d->part_days + day - d->first_day + 1 : day - first + 1;
}

/* Of a price by the month: what falls to the days that are due. */
static int64_t part_price(const struct due *d, const struct rating_part *fee)
{
    int64_t price_e8 = 0;
    for (int32_t day = d->first_day, next; day <= d->last_day; day = next) {
        next = month_next(day);
        int32_t last = next - 1 < d->last_day ? next - 1 : d->last_day;
        int32_t after = days_of_part(d, last), length = next - month_first(day);
        price_e8 +=
            rating_month_part(fee->part_month, fee->price_e8, after, length) -
            rating_month_part(fee->part_month, fee->price_e8, after - (last - day + 1), length);
    }
    return price_e8;
}

/* What is due up to a day; `paid` moves on. */
static struct due find_due(const struct rating_plan *plan, int32_t day, struct rating_paid *paid)
{
    int32_t month = rating_month_of(day);
    struct due d = {.first_day = paid->day + 1,
                    .last_day = day - paid->day > DUE_MAX ? paid->day + DUE_MAX : day,
                    .months = month > paid->month ? month - paid->month : 0,
                    .part_days = paid->part_days};
    if (d.months > DUE_MAX)
        d.months = DUE_MAX;
    if (!has_parts(plan))
        paid->part_days = 0;
    else if (d.last_day >= d.first_day)
        paid->part_days = days_of_part(&d, d.last_day);
    if (d.last_day > paid->day)
        paid->day = d.last_day;
    paid->month += d.months;
    return d;
}

static void find_dues(struct stretch *s)
{
    int32_t day = civil_local_day((wall_s){s->to.s - 1}, s->w->offset_s);
    s->own = find_due(s->plan, day, &s->next->paid);
    s->account = find_due(s->plan, day, &s->next->shared.paid);
}

/* The account's energy in the month; what its other meters used in an earlier month of the case is
 * not told. */
static enum err month_energy(const struct stretch *s, int64_t *wh)
{
    return units_add(s->next->active_wh, s->last ? s->w->c->others_wh : s->next->others_wh, wh);
}

/* What the price of a well used capacity rests on. */
static enum err say_utilised(const struct stretch *s, const struct rating_part *fee,
                             struct rating_line *line)
{
    if (fee->utilised_wh == 0)
        return ERR_OK;
    line->flags = s->utilised ? RATING_FLAG_UTILISED : 0;
    line->to_wh = s->w->c->capacity_milli_kva;
    return month_energy(s, &line->from_wh);
}

static enum err add_fee(struct stretch *s, const struct rating_part *fee, int64_t quantity,
                        int64_t price_e8)
{
    const struct rating_bill *bill = s->w->bill;
    const struct rating_power_factor *f = &s->plan->power_factor;
    struct rating_line line = line_of(s, RATING_ITEM_FEE, fee->code);
    size_t at = bill->line_count;
    line.rounding = rating_part_rounding(s->plan, fee);
    line.quantity_wh = quantity;
    line.price_e8 = price_e8;
    TRY(say_utilised(s, fee, &line));
    TRY(rating_work_price(s->w, &line));
    bool counts = (fee->per == RATING_PER_CAPACITY && f->on_capacity) ||
                  (fee->per == RATING_PER_DEMAND && f->on_demand);
    return counts && bill->line_count > at
               ? units_add(s->factor_fen, bill->lines[at].amount_fen, &s->factor_fen)
               : ERR_OK;
}

/* The part of a price by the month that the days of the stretch's month come to, at its end and
 * before it. */
struct part_prices {
    int64_t now_e8, before_e8;
};

static struct part_prices part_prices(const struct stretch *s, enum rating_part_month how,
                                      int64_t price_e8)
{
    int32_t day = civil_local_day((wall_s){s->to.s - 1}, s->w->offset_s), first = month_first(day);
    int32_t length = month_next(day) - first;
    int32_t before = s->own.first_day > first ? s->own.part_days : 0;
    return (struct part_prices){rating_month_part(how, price_e8, s->next->paid.part_days, length),
                                rating_month_part(how, price_e8, before, length)};
}

/* These kW for the days that are new, and what they are more than before for the others. */
static enum err add_demand_kw(struct stretch *s, const struct rating_part *fee, int64_t milli_kw,
                              int64_t before_milli_kw, int64_t price_e8)
{
    struct part_prices part = part_prices(s, fee->part_month, price_e8);
    if (part.now_e8 != part.before_e8)
        TRY(add_fee(s, fee, milli_kw, part.now_e8 - part.before_e8));
    bool begins = fee->part_month != RATING_MONTH_WHOLE && part.before_e8 == 0;
    return begins ? ERR_OK : add_fee(s, fee, milli_kw - before_milli_kw, part.before_e8);
}

/* Another price of the month: all of it at the new one, and what was charged taken back. */
static enum err change_demand(struct stretch *s, const struct rating_part *fee,
                              const struct rating_demand_due *was,
                              const struct rating_demand_due *is)
{
    enum rating_part_month how = fee->part_month;
    s->utilised = is->utilised;
    TRY(add_fee(s, fee, is->plain_milli_kw, part_prices(s, how, is->price_e8).now_e8));
    TRY(add_fee(s, fee, is->over_milli_kw, part_prices(s, how, is->over_price_e8).now_e8));
    s->utilised = was->utilised;
    TRY(add_fee(s, fee, -was->plain_milli_kw, part_prices(s, how, was->price_e8).before_e8));
    return add_fee(s, fee, -was->over_milli_kw, part_prices(s, how, was->over_price_e8).before_e8);
}

/* What the month's demand has come to less what was charged for it. The highest demand of a month
 * does not fall; if it is told so, nothing is given back. */
static enum err add_demand(struct stretch *s, const struct rating_part *fee)
{
    const struct rating_case *c = s->w->c;
    const struct rating_position *p = s->next;
    struct rating_demand before = {p->demand_milli_kw, p->contracted_milli_kw, 0,
                                   p->capacity_milli_kva};
    struct rating_demand now = {c->demand_milli_kw, c->contracted_milli_kw, 0,
                                c->capacity_milli_kva};
    TRY(units_add(s->active_wh, p->others_wh, &before.active_wh));
    TRY(month_energy(s, &now.active_wh));
    if (!rating_demand_known(fee, now))
        return ERR_RATING_FEE;
    if (now.highest_milli_kw < before.highest_milli_kw)
        now.highest_milli_kw = before.highest_milli_kw;
    struct rating_demand_due was = rating_demand_due(fee, before), is = rating_demand_due(fee, now);
    if (was.utilised != is.utilised)
        return change_demand(s, fee, &was, &is);
    s->utilised = is.utilised;
    TRY(add_demand_kw(s, fee, is.plain_milli_kw, was.plain_milli_kw, is.price_e8));
    return add_demand_kw(s, fee, is.over_milli_kw, was.over_milli_kw, is.over_price_e8);
}

static int64_t area_due(const struct stretch *s, const struct rating_part *fee, int64_t area)
{
    const struct due *d = &s->account;
    if (!fee->by_cycle)
        return s->last ? area : 0;
    return d->last_day >= d->first_day ? rating_area_share(fee, area, d->first_day, d->last_day)
                                       : 0;
}

/* Out of its season a fee by area asks for no area. */
static enum err add_area(struct stretch *s, const struct rating_part *fee)
{
    int64_t area = s->w->c->area_milli_m2;
    if (area_due(s, fee, UINT32_MAX) == 0)
        return ERR_OK;
    return area == 0 ? ERR_RATING_FEE : add_fee(s, fee, area_due(s, fee, area), fee->price_e8);
}

static enum err add_months(struct stretch *s, const struct due *d, const struct rating_part *fee,
                           int64_t a_month)
{
    int64_t quantity = 0;
    if (d->months > 0 && a_month <= 0)
        return ERR_RATING_FEE;
    TRY(units_mul(a_month, d->months, &quantity));
    return add_fee(s, fee, quantity, fee->price_e8);
}

/* By days, a month's quantity at the part of its price that these days come to. */
static enum err add_by_month(struct stretch *s, const struct due *d, const struct rating_part *fee,
                             int64_t a_month)
{
    if (fee->part_month == RATING_MONTH_WHOLE)
        return add_months(s, d, fee, a_month);
    int64_t price_e8 = part_price(d, fee);
    if (d->last_day >= d->first_day && a_month <= 0)
        return ERR_RATING_FEE;
    return price_e8 == 0 ? ERR_OK : add_fee(s, fee, a_month, price_e8);
}

static enum err add_due(struct stretch *s, const struct rating_part *fee)
{
    const struct due *own = &s->own, *account = &s->account;
    int64_t days = own->last_day >= own->first_day ? own->last_day - own->first_day + 1 : 0;
    int64_t recharges = s->last ? s->w->c->first_recharges : 0;
    switch (fee->per) {
    case RATING_PER_DAY:
        return add_fee(s, fee, days * 1000, fee->price_e8);
    case RATING_PER_MONTH:
        return add_by_month(s, own, fee, 1000);
    case RATING_PER_AREA:
        return fee->by_cycle && fee->cycle == RATING_MONTH
                   ? add_by_month(s, account, fee, s->w->c->area_milli_m2)
                   : add_area(s, fee);
    case RATING_PER_CAPACITY:
        return add_by_month(s, account, fee, s->w->c->capacity_milli_kva);
    case RATING_PER_DEMAND:
        return add_demand(s, fee);
    case RATING_PER_FIRST_RECHARGE:
        return add_fee(s, fee, recharges * 1000, fee->price_e8);
    default:
        return ERR_OK;
    }
}

static enum err add_fees(struct stretch *s)
{
    for (size_t i = 0; i < s->plan->fee_count; i++)
        TRY(add_due(s, &s->plan->fees[i]));
    if (has_demand(s->plan)) {
        s->next->contracted_milli_kw = s->w->c->contracted_milli_kw;
        s->next->capacity_milli_kva = s->w->c->capacity_milli_kva;
        if (s->last)
            s->next->others_wh = s->w->c->others_wh;
        if (s->w->c->demand_milli_kw > s->next->demand_milli_kw)
            s->next->demand_milli_kw = s->w->c->demand_milli_kw;
    }
    return ERR_OK;
}

/* --- power factor
 * ---------------------------------------------------------------------------------- */

int32_t rating_factor_now_e4(const struct rating_plan *plan, const struct rating_position *p)
{
    return rating_factor_percent_e4(&plan->power_factor, p->active_wh, p->reactive_wh);
}

static enum err add_factor_line(struct stretch *s, int64_t sum_fen, int32_t percent)
{
    struct rating_line line = line_of(s, RATING_ITEM_FACTOR, "");
    line.from_wh = s->next->active_wh;
    line.to_wh = s->next->reactive_wh;
    line.quantity_wh = sum_fen;
    line.price_e8 = percent * RATING_FACTOR_PRICE_PER_E4;
    return percent == 0 ? ERR_OK : rating_work_price(s->w, &line);
}

/* One line as long as the percent of the month stays. When it changes, the month's sum so far at
 * the new percent, and what was charged for it at the old one taken back. */
static enum err add_factor(struct stretch *s)
{
    struct rating_position *p = s->next;
    int64_t energy_fen = 0, before_fen = p->factor_fen;
    if (s->plan->power_factor.row_count == 0)
        return ERR_OK;
    if (!s->w->c->reactive_known)
        return ERR_RATING_FEE;
    if (s->plan->power_factor.on_energy)
        TRY(sum_lines(s->w->bill, s->w->due_line, true, &energy_fen));
    TRY(units_add(s->factor_fen, energy_fen, &s->factor_fen));
    int32_t was = rating_factor_percent_e4(&s->plan->power_factor, s->active_wh, s->reactive_wh);
    TRY(units_add(p->factor_fen, s->factor_fen, &p->factor_fen));
    int32_t is = rating_factor_now_e4(s->plan, p);
    if (was == is)
        return add_factor_line(s, s->factor_fen, is);
    TRY(add_factor_line(s, p->factor_fen, is));
    return add_factor_line(s, before_fen, -was);
}

/* --- minimum and subsidies
 * ------------------------------------------------------------------------- */

static enum err add_minimum(struct stretch *s)
{
    bool by_month = s->plan->minimum_per_month;
    struct rating_line line = line_of(s, RATING_ITEM_MINIMUM, "");
    int64_t so_far_fen = s->next->month_fen;
    if (s->plan->minimum_fen == 0 || !(by_month ? ends_month(s) : s->last))
        return ERR_OK;
    if (!by_month)
        TRY(sum_lines(s->w->bill, 0, false, &so_far_fen));
    if (so_far_fen >= s->plan->minimum_fen)
        return ERR_OK;
    TRY(units_sub(s->plan->minimum_fen, so_far_fen, &line.amount_fen));
    if (s->next->month != 0)
        TRY(units_add(s->next->month_fen, line.amount_fen, &s->next->month_fen));
    return rating_work_amount(s->w, &line);
}

/* The bound that a season with so much area passed, in fen: *price_e8 is 0, and *fen what it came
 * to, if it passed none. The least holds where the season ends only; a season without a day has
 * neither.
 */
static enum err find_bound(const struct rating_shared *p, int64_t milli_m2, bool ends,
                           int64_t *price_e8, int64_t *fen)
{
    const int64_t prices[] = {p->season_most_e8, ends ? p->season_least_e8 : 0};
    for (int i = 0; i < 2; i++) {
        int64_t carry = 0;
        *price_e8 = prices[i];
        if (prices[i] == 0 || milli_m2 == 0)
            continue;
        TRY(rating_find_amount(RATING_HALF_UP, milli_m2, prices[i], &carry, fen));
        if (i == 0 ? *fen < p->season_fen : *fen > p->season_fen)
            return ERR_OK;
    }
    *price_e8 = 0;
    *fen = p->season_fen;
    return ERR_OK;
}

/* The season's lines so far are brought to what they must be now. */
static enum err bound_season(struct stretch *s, int64_t milli_m2, bool ends)
{
    struct rating_shared *p = &s->next->shared;
    struct rating_line line = line_of(s, RATING_ITEM_SEASON, "");
    int64_t to_fen, limit_fen;
    TRY(find_bound(p, milli_m2, ends, &line.price_e8, &to_fen));
    bool bound = line.price_e8 != 0;
    line.rounding = RATING_HALF_UP;
    line.quantity_wh = bound ? milli_m2 : 0;
    line.flags = bound && to_fen > p->season_fen ? RATING_FLAG_LEAST : 0;
    TRY(units_add(bound ? p->season_fen : 0, p->season_limit_fen, &line.from_wh));
    TRY(units_sub(to_fen, p->season_fen, &limit_fen));
    TRY(units_sub(limit_fen, p->season_limit_fen, &line.amount_fen));
    p->season_limit_fen = limit_fen;
    return line.amount_fen == 0 ? ERR_OK : rating_work_amount(s->w, &line);
}

static enum err end_season(struct stretch *s)
{
    struct rating_shared *p = &s->next->shared;
    TRY(p->season_day != 0 ? bound_season(s, p->season_milli_m2, true) : ERR_OK);
    p->season_day = 0;
    p->season_fen = p->season_milli_m2 = p->season_limit_fen = 0;
    p->season_most_e8 = p->season_least_e8 = 0;
    return ERR_OK;
}

/* What another season, or another plan's bounds, began is settled before a new one begins. */
static enum err turn_season(struct stretch *s, int32_t first)
{
    struct rating_shared *p = &s->next->shared;
    const struct rating_area_bill *b = &s->plan->area_bill;
    if (p->season_day == first && p->season_most_e8 == (first ? b->most_price_e8 : 0) &&
        p->season_least_e8 == (first ? b->least_price_e8 : 0))
        return ERR_OK;
    TRY(end_season(s));
    p->season_day = first;
    p->season_most_e8 = first ? b->most_price_e8 : 0;
    p->season_least_e8 = first ? b->least_price_e8 : 0;
    return ERR_OK;
}

static enum err add_season_area(struct stretch *s)
{
    const struct rating_area_bill *b = &s->plan->area_bill;
    const struct due *d = &s->account;
    int64_t area = s->w->c->area_milli_m2, *sum = &s->next->shared.season_milli_m2;
    if (d->last_day < d->first_day ||
        rating_season_share(b, UINT32_MAX, d->first_day, d->last_day) == 0)
        return ERR_OK;
    return area == 0
               ? ERR_RATING_FEE
               : units_add(*sum, rating_season_share(b, area, d->first_day, d->last_day), sum);
}

/* Before its end a season is held against the most of all its days, those to come by the area as it
 * is: what is above that can be due by no later day. */
static enum err bound_so_far(struct stretch *s, int32_t next_season_day)
{
    const struct rating_area_bill *b = &s->plan->area_bill;
    int64_t area = s->w->c->area_milli_m2, all;
    if (area == 0)
        return ERR_OK;
    const struct rating_shared *p = &s->next->shared;
    TRY(units_add(p->season_milli_m2,
                  rating_season_share(b, area, p->paid.day + 1, next_season_day - 1), &all));
    return bound_season(s, all, false);
}

/* At its end a season stays as it is until a day after it is rated: other meters have the same last
 * day. */
static enum err bound_at(struct stretch *s, int32_t next_season_day)
{
    if (ends_account(s))
        return end_season(s);
    return ends_season(s) ? bound_season(s, s->next->shared.season_milli_m2, true)
                          : bound_so_far(s, next_season_day);
}

static enum err add_season(struct stretch *s)
{
    struct rating_shared *p = &s->next->shared;
    struct rating_season season = {};
    int64_t sum_fen = 0;
    TRY(sum_lines(s->w->bill, s->w->due_line, false, &sum_fen));
    if (rating_has_season(s->plan))
        season = rating_season_of(&s->plan->area_bill, civil_local_day(s->from, s->w->offset_s));
    TRY(s->late ? ERR_OK : turn_season(s, season.first));
    if (p->season_day == 0 || p->season_day != season.first)
        return ERR_OK;
    TRY(add_season_area(s));
    TRY(units_add(p->season_fen, sum_fen, &p->season_fen));
    return bound_at(s, season.next);
}

/* What this stretch came to, in the month of the account. */
static enum err add_to_account(struct stretch *s)
{
    struct rating_shared *a = &s->next->shared;
    int64_t sum_fen = 0;
    if (a->month == 0)
        return ERR_OK;
    TRY(sum_lines(s->w->bill, s->w->due_line, false, &sum_fen));
    return units_add(a->month_fen, sum_fen, &a->month_fen);
}

/* Each pays of what the ones before it left. What the month's sum no longer needs is taken back. */
static enum err add_subsidies(struct stretch *s)
{
    struct rating_shared *a = &s->next->shared;
    int64_t rest_fen = a->month_fen;
    for (size_t i = 0; i < s->plan->subsidy_count; i++) {
        const struct rating_subsidy *subsidy = &s->plan->subsidies[i];
        struct rating_line line = line_of(s, RATING_ITEM_SUBSIDY, subsidy->code);
        int64_t given_fen = rating_subsidy_of(subsidy, rest_fen);
        line.amount_fen = a->subsidy_fen[i] - given_fen;
        a->subsidy_fen[i] = given_fen;
        rest_fen -= given_fen;
        TRY(line.amount_fen == 0 ? ERR_OK : rating_work_amount(s->w, &line));
    }
    return ERR_OK;
}

enum err rating_due_close(struct rating_work *w, wall_s to, bool last)
{
    struct stretch s = {.w = w,
                        .plan = w->plan,
                        .next = &w->next,
                        .from = w->due_at,
                        .to = to,
                        .last = last,
                        .late = rating_is_late(w, to)};
    int64_t sum_fen = 0;
    turn_month(&s);
    find_dues(&s);
    TRY(add_flow(&s));
    TRY(add_fees(&s));
    TRY(add_factor(&s));
    TRY(sum_lines(w->bill, w->due_line, false, &sum_fen));
    if (w->next.month != 0)
        TRY(units_add(w->next.month_fen, sum_fen, &w->next.month_fen));
    TRY(add_minimum(&s));
    TRY(add_to_account(&s));
    TRY(add_season(&s));
    TRY(add_subsidies(&s));
    if (ends_month(&s))
        w->next.month = 0;
    if (ends_account(&s))
        w->next.shared.month = 0;
    w->due_at = to;
    w->due_line = w->bill->line_count;
    return ERR_OK;
}
