/*
 * The usage of dated rows, by the prices it falls under. A row that reaches over a moment at which
 * rates or prices change is shared out by time: each register is taken to stand where it would if
 * it had run evenly since the row began, rounded down, so that the shares add up whatever the
 * moments.
 */
#include "base/must.h"
#include "rating/period_impl.h"

enum err rating_sum_registers(const struct rating_registers *more, struct rating_registers *sum)
{
    TRY(units_add(sum->total_wh, more->total_wh, &sum->total_wh));
    for (int i = 0; i < RATING_METER_RATES; i++)
        TRY(units_add(sum->rate_wh[i], more->rate_wh[i], &sum->rate_wh[i]));
    return ERR_OK;
}

/* What a register had counted since the row began, if it ran evenly; rounded down. */
static int64_t counted(int64_t used, const struct rating_row *row, int64_t at_s)
{
    if (at_s >= row->to.s)
        return used;
    return (int64_t)((__int128)used * (at_s - row->from.s) / (row->to.s - row->from.s));
}

static int64_t counted_between(int64_t used, const struct rating_row *row, int64_t a, int64_t b)
{
    bool first = a == row->from.s; /* rows without any length too */
    return counted(used, row, b) - (first ? 0 : counted(used, row, a));
}

/* A row's usage by the prices it falls under. */
struct spread {
    const struct rating_row *row;
    struct rating_used used[RATING_BASES];
    unsigned targets; /* different bases and rates */
    unsigned last_base;
    enum rating_rate last_rate;
    bool hit[RATING_BASES][RATING_RATES];
};

static void hit(struct spread *s, unsigned base, enum rating_rate rate)
{
    if (s->targets > 0 && s->last_base == base && s->last_rate == rate)
        return;
    s->targets++;
    s->last_base = base;
    s->last_rate = rate;
}

/* By the meter: every register's share of [a, b). */
static void spread_registers(struct spread *s, unsigned base, int64_t a, int64_t b)
{
    const struct rating_used *used = &s->row->used;
    s->used[base].total_wh += counted_between(used->total_wh, s->row, a, b);
    for (unsigned r = 0; r < RATING_RATES; r++) {
        s->used[base].rate_wh[r] += counted_between(used->rate_wh[r], s->row, a, b);
        s->hit[base][r] = true;
    }
    hit(s, base, RATING_TOTAL);
}

static const struct rating_period *period_at(const struct rating_plan *plan, size_t schedule,
                                             unsigned minute)
{
    bool own = plan->schedule_count > 0;
    const struct rating_period *list = own ? plan->schedules[schedule].periods : plan->periods;
    size_t count = own ? plan->schedules[schedule].period_count : plan->period_count;
    for (size_t i = 0; i < count; i++) {
        const struct rating_period *p = &list[i];
        bool wraps = p->from_minute >= p->to_minute;
        bool after = minute >= p->from_minute, before = minute < p->to_minute;
        if (wraps ? after || before : after && before)
            return p;
    }
    MUST(false); /* a valid plan covers the day */
    return NULL;
}

/* By the clock: up to the end of the period of the day, or of the day; answers where that is. */
static int64_t spread_period(const struct rating_work *w, struct spread *s, size_t schedule,
                             unsigned base, int64_t a, int64_t b, int64_t day_s)
{
    unsigned minute = (unsigned)((a - day_s) / 60);
    const struct rating_period *p = period_at(w->plan, schedule, minute);
    int64_t end = day_s + (minute < p->to_minute ? p->to_minute : RATING_DAY_MINUTES) * INT64_C(60);
    if (end > b)
        end = b;
    int64_t wh = counted_between(s->row->used.total_wh, s->row, a, end);
    s->used[base].total_wh += wh;
    s->used[base].rate_wh[p->rate] += wh;
    s->hit[base][p->rate] = true;
    hit(s, base, p->rate);
    return end;
}

/* Day by day, because what a day's energy costs depends on the day. */
static void spread_days(const struct rating_work *w, struct rating_piece *p, struct spread *s,
                        int64_t a, int64_t b)
{
    do {
        int32_t day = civil_local_day((wall_s){a}, w->offset_s);
        int64_t day_s = civil_day_start(day, w->offset_s).s;
        int64_t end = civil_day_start(day + 1, w->offset_s).s;
        bool unknown;
        size_t schedule = rating_schedule_of(w->plan, w->calendar, day, &unknown);
        unsigned base = w->dated_prices ? (unsigned)schedule + 1 : 0;
        if (end > b)
            end = b;
        if (unknown)
            p->flags |= RATING_FLAG_CALENDAR;
        if (w->plan->from_intervals)
            a = spread_period(w, s, schedule, base, a, end, day_s);
        else {
            spread_registers(s, base, a, end);
            a = end;
        }
    } while (a < b);
}

static void mark_shared(struct rating_piece *p, const struct spread *s)
{
    if (s->targets < 2)
        return;
    for (unsigned base = 0; base < RATING_BASES; base++)
        for (unsigned r = 0; r < RATING_RATES; r++)
            p->shared[base][r] = p->shared[base][r] || s->hit[base][r];
}

/* Free units of one base, from its rates in proportion. */
static enum err take_free_of(struct rating_work *w, struct rating_piece *p,
                             struct rating_used *used)
{
    struct rating_used part = {};
    int64_t all_wh = 0, *left_wh = &w->next.shared.quota_left_wh;
    bool rates = rating_has_rates(w->plan);
    for (unsigned r = 0; rates && r < RATING_RATES; r++)
        TRY(units_add(all_wh, used->rate_wh[r], &all_wh));
    if (!rates)
        all_wh = used->total_wh;
    part.total_wh = all_wh < *left_wh ? all_wh : *left_wh;
    if (part.total_wh == 0)
        return ERR_OK;
    *left_wh -= part.total_wh;
    used->total_wh -= rates ? 0 : part.total_wh;
    if (rates)
        rating_share_out(part.total_wh, used->rate_wh, part.rate_wh);
    return rating_core_free(&p->core, &part, w->plan->quota.counts);
}

/* Free units come off first, schedule by schedule. */
static enum err take_free(struct rating_work *w, struct rating_piece *p, struct spread *s)
{
    if (w->plan->quota.amount_wh == 0)
        return ERR_OK;
    for (unsigned base = 0; base <= w->plan->schedule_count; base++)
        TRY(take_free_of(w, p, &s->used[base]));
    return ERR_OK;
}

static bool is_used(const struct rating_used *u)
{
    bool used = u->total_wh > 0;
    for (unsigned r = 0; r < RATING_RATES; r++)
        used = used || u->rate_wh[r] > 0;
    return used;
}

/* [a, b) of a row, which lies within the part. */
static enum err take_row(struct rating_work *w, struct rating_piece *p,
                         const struct rating_row *row, int64_t a, int64_t b)
{
    struct spread s = {.row = row};
    struct rating_registers more = {};
    if (rating_plan_wants_rows(w->plan))
        spread_days(w, p, &s, a, b);
    else
        spread_registers(&s, 0, a, b);
    mark_shared(p, &s);
    p->cut = p->cut || a > row->from.s || b < row->to.s;
    p->flags |= row->estimated ? RATING_FLAG_ESTIMATED : 0;
    more.total_wh = counted_between(row->used.total_wh, row, a, b);
    for (unsigned r = 0; row->has_rates && r < RATING_METER_RATES; r++)
        more.rate_wh[r] = counted_between(row->used.rate_wh[r], row, a, b);
    TRY(rating_sum_registers(&more, &p->used));
    for (unsigned base = 0; base <= w->plan->schedule_count; base++)
        TRY(rating_core_priced(&p->core, &s.used[base], base));
    TRY(take_free(w, p, &s));
    for (unsigned base = 0; base <= w->plan->schedule_count; base++)
        if (is_used(&s.used[base]))
            TRY(rating_core_take(&p->core, &s.used[base], base));
    return ERR_OK;
}

enum err rating_take_rows(struct rating_work *w, struct rating_piece *p)
{
    p->first = p->end = p->from;
    for (bool any = false; w->row < w->row_count; w->row++) {
        const struct rating_row *row = &w->rows[w->row];
        int64_t a = row->from.s > p->from.s ? row->from.s : p->from.s;
        int64_t b = row->to.s < p->to.s ? row->to.s : p->to.s;
        if (row->from.s >= p->to.s && !p->last)
            return ERR_OK;
        TRY(take_row(w, p, row, a, b));
        if (!any)
            p->first.s = a;
        any = true;
        p->end.s = b;
        if (row->to.s > p->to.s)
            return ERR_OK; /* the rest of it belongs to the next part */
    }
    return ERR_OK;
}
