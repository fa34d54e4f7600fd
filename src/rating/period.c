#include "rating/period.h"

#include <string.h>

#include "base/must.h"
#include "rating/statement.h"

/* Part of a period within one cycle. */
struct piece {
    wall_s from_at, to_at;
    struct rating_registers from, to;
    bool apportioned;
};

struct work {
    const struct rating_case *c;
    struct rating_plan plan;   /* its fees are those that fall due in this period */
    struct rating_plan parted; /* the same without fees */
    struct rating_position next;
    struct rating_request fees; /* days and months due */
    struct rating_bill *bill;
};

static bool has_steps(const struct rating_plan *plan)
{
    return plan->kind == RATING_LADDER || plan->kind == RATING_TIME_OF_USE_LADDER;
}

enum err rating_plan_settles(const struct rating_plan *plan)
{
    bool fees = true;
    for (size_t i = 0; i < plan->fee_count; i++)
        fees = fees && plan->fees[i].per < RATING_PER_AREA;
    bool ladder = !has_steps(plan) ||
                  (plan->ladder.household_from == 0 && plan->ladder.cycle != RATING_HEATING_SEASON);
    return plan->unit == RATING_KWH && plan->minimum_fen == 0 && fees && ladder
               ? ERR_OK
               : ERR_RATING_UNBILLABLE;
}

/* --- cycles --------------------------------------------------------------------------------------
 */

static const int32_t cycle_months[RATING_CYCLES] = {
    [RATING_MONTH] = 1, [RATING_TWO_MONTHS] = 2, [RATING_SEASON] = 3, [RATING_YEAR] = 12};

static int32_t first_of(const struct rating_ladder *ladder, int32_t month)
{
    return civil_days_from_date(month / 12, (unsigned)(month % 12) + 1, ladder->start.day);
}

/* The month, as year * 12 + month from 0, in which the day's cycle began. */
static int32_t cycle_month(const struct rating_ladder *ladder, int32_t local_day)
{
    struct civil day = civil_from_days(local_day);
    int32_t length = cycle_months[ladder->cycle];
    int32_t shift = ladder->start.month > 0 ? ladder->start.month - 1 : 0;
    int32_t month = day.year * 12 + day.month - 1 - (day.day < ladder->start.day);
    MUST(length > 0);
    return month - (month - shift + 12) % length;
}

int32_t rating_cycle_start(const struct rating_ladder *ladder, int32_t local_day)
{
    return first_of(ladder, cycle_month(ladder, local_day));
}

int32_t rating_cycle_next(const struct rating_ladder *ladder, int32_t local_day)
{
    return first_of(ladder, cycle_month(ladder, local_day) + cycle_months[ladder->cycle]);
}

/* --- fees ----------------------------------------------------------------------------------------
 */

static int32_t month_of(int32_t local_day)
{
    struct civil day = civil_from_days(local_day);
    return day.year * 12 + day.month - 1;
}

static void begin(struct work *w)
{
    int32_t day = civil_local_day(w->c->opened_at, w->c->offset_s);
    if (w->next.begun)
        return;
    w->next = (struct rating_position){
        .begun = true, .fee_day = day - 1, .fee_month = month_of(day) - 1, .carry = w->next.carry};
}

static uint16_t due(int32_t *last, int32_t now)
{
    int32_t count = now > *last ? now - *last : 0;
    if (count > UINT16_MAX) /* a clock that is centuries ahead */
        count = UINT16_MAX;
    *last += count;
    return (uint16_t)count;
}

/* A fee of which nothing is due would be refused as not given. */
static void find_fees(struct work *w)
{
    int32_t day = civil_local_day((wall_s){w->c->closed_at.s - 1}, w->c->offset_s);
    w->fees.days = due(&w->next.fee_day, day);
    w->fees.months = due(&w->next.fee_month, month_of(day));
    w->parted = w->plan;
    w->parted.fee_count = 0;
    size_t kept = 0;
    for (size_t i = 0; i < w->plan.fee_count; i++) {
        bool daily = w->plan.fees[i].per == RATING_PER_DAY;
        if (daily ? w->fees.days > 0 : w->fees.months > 0)
            w->plan.fees[kept++] = w->plan.fees[i];
    }
    w->plan.fee_count = kept;
}

/* --- lines ---------------------------------------------------------------------------------------
 */

static int64_t register_of(const struct rating_registers *r, enum rating_rate rate)
{
    return rate < RATING_METER_RATES ? r->rate_wh[rate] : r->total_wh;
}

static enum err add_line(struct rating_bill *bill, const struct piece *p,
                         const struct rating_item *item)
{
    bool energy = item->kind != RATING_ITEM_FEE && item->kind != RATING_ITEM_MINIMUM;
    if (bill->line_count == RATING_LINES_MAX)
        return ERR_OVERFLOW;
    struct rating_line *line = &bill->lines[bill->line_count++];
    *line = (struct rating_line){.kind = item->kind,
                                 .rate = item->rate,
                                 .step = item->step,
                                 .rounding = item->rounding,
                                 .apportioned = p->apportioned && energy,
                                 .from_wh = energy ? register_of(&p->from, item->rate) : 0,
                                 .to_wh = energy ? register_of(&p->to, item->rate) : 0,
                                 .quantity_wh = item->quantity_wh,
                                 .price_e8 = item->price_e8,
                                 .carry_in = item->carry_in,
                                 .carry_out = item->carry_out,
                                 .amount_fen = item->amount_fen};
    if (item->code)
        memcpy(line->code, item->code, strnlen(item->code, RATING_CODE_MAX));
    return ERR_OK;
}

static enum err add_lines(struct rating_bill *bill, const struct piece *p,
                          const struct rating_statement *said)
{
    for (size_t i = 0; i < said->item_count; i++)
        TRY(add_line(bill, p, &said->items[i]));
    bill->carry = said->carry;
    TRY(units_add(bill->energy_wh, said->energy_wh, &bill->energy_wh));
    return units_add(bill->amount_fen, said->amount_fen, &bill->amount_fen);
}

/* --- pieces --------------------------------------------------------------------------------------
 */

static enum err used_between(const struct piece *p, struct rating_used *used)
{
    TRY(units_sub(p->to.total_wh, p->from.total_wh, &used->total_wh));
    for (int i = 0; i < RATING_METER_RATES; i++)
        TRY(units_sub(p->to.rate_wh[i], p->from.rate_wh[i], &used->rate_wh[i]));
    return ERR_OK;
}

static enum err rate_piece(struct work *w, const struct piece *p, bool last)
{
    const struct rating_plan *plan = last ? &w->plan : &w->parted;
    struct rating_statement said;
    struct rating_used used;
    struct rating_request r = w->fees;
    TRY(used_between(p, &used));
    if (has_steps(plan)) {
        int32_t day =
            rating_cycle_start(&plan->ladder, civil_local_day(p->from_at, w->c->offset_s));
        r.used_before_wh = day == w->next.cycle_day ? w->next.used_wh : 0;
        r.month = civil_from_days(day).month;
        w->next.cycle_day = day;
    }
    r.rows = &used;
    r.row_count = 1;
    r.carry = w->bill->carry;
    TRY(rating_state(plan, &r, &said));
    w->next.used_wh = has_steps(plan) ? said.used_after_wh : 0;
    return add_lines(w->bill, p, &said);
}

/* What a register said at a moment between two readings, if it ran evenly; rounded down. */
static enum err between(int64_t from, int64_t to, int64_t part_s, int64_t whole_s, int64_t *at)
{
    int64_t used = 0, share = 0;
    TRY(units_sub(to, from, &used));
    if (used < 0)
        return ERR_RATING_BACKWARDS;
    share = (int64_t)((__int128)used * part_s / whole_s);
    return units_add(from, share, at);
}

static enum err cut_at(const struct piece *rest, wall_s edge, struct rating_registers *at)
{
    int64_t part_s = edge.s - rest->from_at.s, whole_s = rest->to_at.s - rest->from_at.s;
    TRY(between(rest->from.total_wh, rest->to.total_wh, part_s, whole_s, &at->total_wh));
    for (int i = 0; i < RATING_METER_RATES; i++)
        TRY(between(rest->from.rate_wh[i], rest->to.rate_wh[i], part_s, whole_s, &at->rate_wh[i]));
    return ERR_OK;
}

/* Takes one piece off the front of `rest` for each cycle that ends before the closing reading. */
static enum err rate_cycles(struct work *w, struct piece *rest)
{
    for (;;) {
        int32_t day = civil_local_day(rest->from_at, w->c->offset_s);
        wall_s edge = civil_day_start(rating_cycle_next(&w->plan.ladder, day), w->c->offset_s);
        if (edge.s >= rest->to_at.s)
            return ERR_OK;
        struct piece first = *rest;
        TRY(cut_at(rest, edge, &first.to));
        first.to_at = edge;
        first.apportioned = true;
        TRY(rate_piece(w, &first, false));
        rest->from = first.to;
        rest->from_at = edge;
        rest->apportioned = true;
    }
}

enum err rating_period(const struct rating_plan *plan, const struct rating_case *c,
                       struct rating_position *position, struct rating_bill *bill)
{
    struct work w = {.c = c, .plan = *plan, .next = *position, .bill = bill};
    struct piece rest = {c->opened_at, c->reading_at, c->from, c->to, false};
    *bill = (struct rating_bill){.carry = position->carry};
    TRY(rating_plan_settles(plan));
    begin(&w);
    find_fees(&w);
    if (rating_plan_billable(plan) == ERR_OK) {
        struct rating_usage usage = {c->from, c->to};
        TRY(rating_charge(plan, &usage, position->carry, bill));
        w.next.cycle_day = 0;
        w.next.used_wh = 0;
    } else {
        if (has_steps(plan))
            TRY(rate_cycles(&w, &rest));
        TRY(rate_piece(&w, &rest, true));
    }
    w.next.carry = bill->carry;
    *position = w.next;
    return ERR_OK;
}
