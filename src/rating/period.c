#include "rating/period.h"

#include <stddef.h>
#include <string.h>

#include "base/must.h"
#include "rating/period_impl.h"

/* --- which plans
 * -----------------------------------------------------------------------------------
 */

static bool uses_rate(const struct rating_plan *plan, enum rating_rate rate)
{
    for (size_t i = 0; i < plan->period_count; i++)
        if (plan->periods[i].rate == rate)
            return true;
    for (size_t i = 0; i < plan->schedule_count; i++)
        for (size_t k = 0; k < plan->schedules[i].period_count; k++)
            if (plan->schedules[i].periods[k].rate == rate)
                return true;
    return false;
}

enum err rating_plan_settles(const struct rating_plan *plan)
{
    bool blind =
        rating_has_rates(plan) && !plan->from_intervals && uses_rate(plan, RATING_DEEP_VALLEY);
    bool once_a_bill = plan->minimum_fen != 0 && !plan->minimum_per_month;
    for (size_t i = 0; i < plan->fee_count; i++)
        once_a_bill =
            once_a_bill || (plan->fees[i].per == RATING_PER_AREA && !plan->fees[i].by_cycle);
    return blind || once_a_bill ? ERR_RATING_UNBILLABLE : ERR_OK;
}

static bool has_dated_prices(const struct rating_plan *plan)
{
    for (size_t i = 0; i < plan->schedule_count; i++)
        if (plan->schedules[i].priced != 0)
            return true;
    return false;
}

bool rating_plan_wants_rows(const struct rating_plan *plan)
{
    return rating_has_rates(plan) && (plan->from_intervals || has_dated_prices(plan));
}

/* --- lines
 * -----------------------------------------------------------------------------------------
 */

/* A bill that is full goes on, so that what is wrong with a later row is said first. */
static enum err add_line(struct rating_work *w, const struct rating_line *line)
{
    struct rating_bill *bill = w->bill;
    TRY(units_add(bill->amount_fen, line->amount_fen, &bill->amount_fen));
    bill->carry = line->carry_out;
    w->full = w->full || bill->line_count == RATING_LINES_MAX;
    if (!w->full)
        bill->lines[bill->line_count++] = *line;
    return ERR_OK;
}

enum err rating_work_amount(struct rating_work *w, const struct rating_line *shape)
{
    struct rating_line line = *shape;
    line.carry_in = line.carry_out = w->bill->carry;
    return add_line(w, &line);
}

enum err rating_work_price(struct rating_work *w, const struct rating_line *shape)
{
    struct rating_line line = *shape;
    if (line.quantity_wh == 0)
        return ERR_OK;
    line.carry_in = line.carry_out = w->bill->carry;
    if (line.price_e8 != 0)
        TRY(rating_find_amount(line.rounding, line.quantity_wh, line.price_e8, &line.carry_out,
                               &line.amount_fen));
    return add_line(w, &line);
}

/* --- a part
 * ----------------------------------------------------------------------------------------
 */

static int64_t register_of(const struct rating_registers *r, enum rating_rate rate)
{
    return rate < RATING_METER_RATES ? r->rate_wh[rate] : r->total_wh;
}

static bool has_register(const struct rating_work *w, enum rating_rate rate)
{
    return rate == RATING_TOTAL || (!w->plan->from_intervals && rate < RATING_METER_RATES);
}

/* Whether a line holds energy of the days of one base: at the plan's prices stands what no schedule
 * of theirs prices, and free units come from all days. */
static bool is_of_base(const struct rating_plan *plan, const struct rating_item *item, int base)
{
    if (item->schedule >= 0)
        return base == item->schedule + 1;
    return base == 0 || item->kind == RATING_ITEM_FREE ||
           !(plan->schedules[base - 1].priced & 1u << item->rate);
}

static bool is_shared(const struct rating_plan *plan, const struct rating_piece *p,
                      const struct rating_item *item)
{
    bool shared = p->cut;
    for (int base = 0; item->rate < RATING_RATES && base < RATING_BASES; base++)
        shared = shared || (p->shared[base][item->rate] && is_of_base(plan, item, base));
    return shared;
}

static void set_bounds_of(struct rating_line *line, const struct rating_piece *p)
{
    size_t step = (size_t)line->step;
    line->step_from_wh = step > 0 ? p->said.step_to_wh[step - 1] : 0;
    line->step_to_wh = p->said.step_to_wh[step];
}

static struct rating_line line_of(const struct rating_work *w, const struct rating_piece *p,
                                  const struct rating_item *item)
{
    enum rating_rate rate = has_register(w, item->rate) ? item->rate : RATING_TOTAL;
    struct rating_line line = {.kind = item->kind,
                               .rate = item->rate,
                               .step = item->step,
                               .rounding = item->rounding,
                               .apportioned = is_shared(w->plan, p, item),
                               .flags = p->flags,
                               .month_entry = item->month_entry,
                               .schedule = item->schedule,
                               .from_wh = register_of(&w->at, rate),
                               .quantity_wh = item->quantity_wh,
                               .price_e8 = item->price_e8,
                               .carry_in = item->carry_in,
                               .carry_out = item->carry_out,
                               .amount_fen = item->amount_fen,
                               .from_s = p->first.s,
                               .to_s = p->end.s};
    line.to_wh = line.from_wh + register_of(&p->used, rate);
    if (rate != item->rate)
        line.flags |= RATING_FLAG_INTERVALS;
    if (line.step >= 0)
        set_bounds_of(&line, p);
    else
        line.flags &= (uint8_t)~RATING_FLAG_MOVED_IN;
    if (item->code)
        memcpy(line.code, item->code, strnlen(item->code, RATING_CODE_MAX));
    return line;
}

static enum err add_lines(struct rating_work *w, const struct rating_piece *p)
{
    for (size_t i = 0; i < p->said.item_count; i++) {
        struct rating_line line = line_of(w, p, &p->said.items[i]);
        TRY(add_line(w, &line));
    }
    w->bill->carry = p->said.carry;
    return ERR_OK;
}

/* --- rating a part
 * -----------------------------------------------------------------------------------
 */

/* The part of the bounds that is left to an account that opened within the cycle. */
static void move_in(const struct rating_work *w, int32_t start, int32_t next,
                    struct rating_bounds *b)
{
    const struct rating_ladder *l = &w->plan->ladder;
    int32_t opened = w->c->opened_day;
    if (l->move_in == RATING_MOVE_IN_FULL || opened <= start || opened >= next)
        return;
    if (l->move_in == RATING_MOVE_IN_MONTHS) {
        struct rating_ladder month = {.cycle = RATING_MONTH, .start = {0, l->start.day}};
        int32_t first = rating_cycle_start(&month, opened);
        b->numerator = rating_month_of(next) - rating_month_of(first);
        b->denominator = rating_month_of(next) - rating_month_of(start);
        return;
    }
    b->numerator = next - opened;
    b->denominator = next - start;
}

static enum err open_part(struct rating_work *w, struct rating_piece *p)
{
    const struct rating_plan *plan = w->plan;
    int32_t day = civil_local_day(p->from, w->offset_s);
    struct rating_bounds bounds = {0, w->c->persons, 1, 1};
    int64_t used_before_wh = 0;
    p->core.plan = plan;
    p->core.out = &p->said;
    p->core.month_entry = rating_month_entry(plan, civil_from_days(day).month);
    if (rating_has_steps(plan)) {
        int32_t start = rating_cycle_start(&plan->ladder, day);
        used_before_wh = start == w->next.cycle_day ? w->next.used_wh : 0;
        bounds.month = civil_from_days(start).month;
        move_in(w, start, rating_cycle_next(&plan->ladder, day), &bounds);
        if (bounds.numerator != bounds.denominator)
            p->flags |= RATING_FLAG_MOVED_IN;
        w->next.cycle_day = start;
    } else {
        w->next.cycle_day = 0;
    }
    return rating_core_open(&p->core, &bounds, w->bill->carry, used_before_wh);
}

static struct rating_ladder quota_cycle(const struct rating_plan *plan)
{
    return (struct rating_ladder){.cycle = plan->quota.cycle, .start = plan->quota.start};
}

/* A new cycle brings its quota; what was left of the ones before is lost or goes on. */
static enum err begin_quota(struct rating_work *w, const struct rating_piece *p)
{
    const struct rating_quota *quota = &w->plan->quota;
    /* at most RATING_BOUND_MAX_WH times 65535, which fits */
    int64_t amount_wh = quota->amount_wh * (quota->per_person ? w->c->persons : 1);
    struct rating_shared *n = &w->next.shared;
    struct rating_ladder cycle = quota_cycle(w->plan);
    if (quota->amount_wh == 0) {
        n->quota_day = 0;
        n->quota_left_wh = 0;
        return ERR_OK;
    }
    int32_t day = civil_local_day(p->from, w->offset_s), start = rating_cycle_start(&cycle, day);
    if (n->quota_day == start || (n->quota_day != 0 && rating_is_late(w, p->to)))
        return ERR_OK;
    if (!quota->carry || n->quota_day == 0 || n->quota_day > start) {
        n->quota_left_wh = amount_wh;
        n->quota_day = start;
    }
    while (n->quota_day < start) {
        n->quota_day = rating_cycle_next(&cycle, n->quota_day);
        TRY(units_add(n->quota_left_wh, amount_wh, &n->quota_left_wh));
    }
    return ERR_OK;
}

/* Notes what the components of these parts will say of themselves. */
static void note_part(struct rating_work *w, const struct rating_piece *p, int64_t priced_wh)
{
    if (w->priced_wh == 0) {
        w->parts.from_s = p->first.s;
        w->parts.from_wh = w->at.total_wh;
        w->parts.flags = 0;
        w->parts.apportioned = false;
    }
    w->parts.to_s = p->end.s;
    w->parts.to_wh = w->at.total_wh + p->used.total_wh;
    w->parts.flags |= p->flags & (uint8_t)~RATING_FLAG_MOVED_IN;
    w->parts.apportioned = w->parts.apportioned || p->cut;
    w->priced_wh += priced_wh; /* no more than the bill's energy, which fits */
}

static int64_t free_of(const struct rating_piece *p)
{
    int64_t free_wh = 0;
    for (unsigned r = 0; r <= RATING_RATES; r++)
        free_wh += p->core.free_wh[r];
    return free_wh;
}

static enum err rate_part(struct rating_work *w, struct rating_piece *p)
{
    int64_t all_wh;
    TRY(open_part(w, p));
    TRY(begin_quota(w, p));
    TRY(rating_take_rows(w, p));
    TRY(rating_core_close(&p->core));
    w->next.used_wh = rating_has_steps(w->plan) ? p->said.used_after_wh : 0;
    TRY(add_lines(w, p));
    TRY(units_add(p->said.energy_wh, free_of(p), &all_wh));
    TRY(units_add(w->bill->energy_wh, all_wh, &w->bill->energy_wh));
    note_part(w, p, p->said.energy_wh);
    return rating_sum_registers(&p->used, &w->at);
}

static enum err add_components(struct rating_work *w)
{
    for (size_t i = 0; i < w->plan->component_count; i++) {
        const struct rating_part *part = &w->plan->components[i];
        struct rating_line line = w->parts;
        line.kind = RATING_ITEM_COMPONENT;
        line.rate = RATING_TOTAL;
        line.step = -1;
        line.month_entry = line.schedule = RATING_ENTRY_NONE;
        line.rounding = rating_part_rounding(w->plan, part);
        line.quantity_wh = w->priced_wh;
        line.price_e8 = part->price_e8;
        memcpy(line.code, part->code, sizeof line.code);
        TRY(rating_work_price(w, &line));
    }
    w->priced_wh = 0;
    return ERR_OK;
}

/* --- parting a period
 * --------------------------------------------------------------------------------
 */

static int32_t earlier(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t next_month(int32_t day)
{
    struct rating_ladder month = {.cycle = RATING_MONTH, .start = {0, 1}};
    return rating_cycle_next(&month, day);
}

/* The first day after `day` at which a new part begins. */
static int32_t next_cut(const struct rating_plan *plan, int32_t day)
{
    int32_t cut = INT32_MAX;
    if (rating_has_steps(plan))
        cut = earlier(cut, rating_cycle_next(&plan->ladder, day));
    if (plan->quota.amount_wh != 0) {
        struct rating_ladder cycle = quota_cycle(plan);
        cut = earlier(cut, rating_cycle_next(&cycle, day));
    }
    if (plan->month_count > 0)
        cut = earlier(cut, next_month(day));
    return earlier(cut, rating_due_next(plan, day));
}

/* The statement is not cleared: it is large, and most of it is room. */
static void begin_piece(struct rating_piece *p, wall_s from, wall_s to)
{
    memset(p, 0, offsetof(struct rating_piece, said));
    p->from = from;
    p->to = to;
    p->last = true;
}

static enum err rate_parts(struct rating_work *w, wall_s end)
{
    for (wall_s at = w->c->opened_at;;) {
        AS_IT_IS struct rating_piece p;
        begin_piece(&p, at, end);
        int32_t day = civil_local_day(at, w->offset_s), cut = next_cut(w->plan, day);
        if (cut != INT32_MAX && civil_day_start(cut, w->offset_s).s < end.s) {
            p.to = civil_day_start(cut, w->offset_s);
            p.last = false;
        }
        TRY(rate_part(w, &p));
        bool due = p.last || cut == rating_due_next(w->plan, day);
        if (due)
            TRY(add_components(w));
        TRY(due ? rating_due_close(w, p.to, p.last) : ERR_OK);
        if (p.last)
            return ERR_OK;
        at = p.to;
    }
}

/* --- the whole
 * ---------------------------------------------------------------------------------------
 */

static enum err used_between(const struct rating_case *c, struct rating_used *used)
{
    TRY(units_sub(c->to.total_wh, c->from.total_wh, &used->total_wh));
    for (int i = 0; i < RATING_METER_RATES; i++)
        TRY(units_sub(c->to.rate_wh[i], c->from.rate_wh[i], &used->rate_wh[i]));
    return ERR_OK;
}

static enum err check_row(const struct rating_work *w, size_t i, wall_s end)
{
    const struct rating_row *row = &w->rows[i];
    bool meter = rating_has_rates(w->plan) && !w->plan->from_intervals;
    int64_t before_s = i > 0 ? w->rows[i - 1].to.s : w->c->opened_at.s, billed_wh;
    bool given = w->rows != &w->whole;
    if (row->from.s < before_s || row->to.s > end.s || row->to.s < row->from.s + given)
        return ERR_RATING_ROWS;
    if (!meter)
        return row->used.total_wh < 0 ? ERR_RATING_BACKWARDS : ERR_OK;
    if (!row->has_rates)
        return ERR_RATING_RATES;
    return rating_check_row(w->plan, &row->used, &billed_wh);
}

/* Without rows, the two readings are one. */
static enum err find_rows(struct rating_work *w, wall_s *end)
{
    const struct rating_case *c = w->c;
    *end = c->closed_at;
    w->rows = c->rows;
    w->row_count = c->row_count;
    if (c->row_count == 0) {
        w->whole = (struct rating_row){.from = c->opened_at,
                                       .to = c->reading_at,
                                       .reactive_wh = c->reactive_wh,
                                       .has_rates = true};
        if (w->whole.to.s < c->opened_at.s)
            w->whole.to = c->opened_at;
        if (end->s < w->whole.to.s)
            *end = w->whole.to;
        TRY(used_between(c, &w->whole.used));
        w->rows = &w->whole;
        w->row_count = 1;
    }
    if (end->s < c->opened_at.s)
        return ERR_RATING_ROWS;
    for (size_t i = 0; i < w->row_count; i++)
        TRY(check_row(w, i, *end));
    return ERR_OK;
}

struct rating_position rating_position_of(int32_t day, int32_t month, int64_t carry)
{
    struct rating_paid paid = {.day = day, .month = month};
    return (struct rating_position){.begun = true,
                                    .paid = paid,
                                    .shared = {.until_s = INT64_MIN, .paid = paid},
                                    .carry = carry};
}

static void begin(struct rating_work *w)
{
    int32_t day = civil_local_day(w->c->opened_at, w->offset_s);
    struct rating_position *n = &w->next;
    struct rating_position fresh = rating_position_of(day - 1, rating_month_of(day) - 1, n->carry);
    if (!n->begun) {
        fresh.cycle_day = n->cycle_day;
        fresh.used_wh = n->used_wh;
        fresh.shared = n->shared;
        *n = fresh;
    }
    if (n->shared.until_s == 0)
        n->shared = (struct rating_shared){.until_s = INT64_MIN, .paid = fresh.paid};
}

bool rating_is_late(const struct rating_work *w, wall_s to)
{
    return to.s < w->next.shared.until_s;
}

/* One or a few prices, read at both ends: the common case. */
static enum err charge(struct rating_work *w)
{
    struct rating_usage usage = {w->c->from, w->c->to};
    TRY(rating_charge(w->plan, &usage, w->bill->carry, w->bill));
    for (size_t i = 0; i < w->bill->line_count; i++) {
        w->bill->lines[i].from_s = w->whole.from.s;
        w->bill->lines[i].to_s = w->whole.to.s;
    }
    w->next.cycle_day = 0;
    w->next.used_wh = 0;
    return ERR_OK;
}

enum err rating_period(const struct rating_plan *plan, const struct rating_case *c,
                       struct rating_position *position, struct rating_bill *bill)
{
    struct rating_work w = {.plan = plan,
                            .c = c,
                            .calendar = c->calendar,
                            .dated_prices = has_dated_prices(plan),
                            .offset_s = plan->has_zone ? plan->zone_offset_s : c->offset_s,
                            .next = *position,
                            .bill = bill,
                            .at = c->from,
                            .due_at = c->opened_at};
    wall_s end;
    bill->line_count = 0;
    bill->energy_wh = bill->amount_fen = 0;
    bill->carry = position->carry;
    begin(&w);
    TRY(find_rows(&w, &end));
    if (rating_plan_billable(plan) == ERR_OK && w.rows == &w.whole) {
        TRY(charge(&w));
        TRY(rating_due_close(&w, end, true));
    } else {
        TRY(rate_parts(&w, end));
    }
    if (w.full)
        return ERR_RATING_LINES;
    w.next.carry = bill->carry;
    if (end.s > w.next.shared.until_s)
        w.next.shared.until_s = end.s;
    *position = w.next;
    return ERR_OK;
}
