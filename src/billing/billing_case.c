/* What a period is rated with: registers, dated rows, the terms of the account, demand, recharges.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "billing/billing_impl.h"

#define ROW_S 900         /* rows are of a quarter of an hour, where the meter is read that often */
#define ROWS_MAX 6000     /* two months of them */
#define DEMAND_GAP_S 1800 /* energy over a longer time says nothing about the highest demand */

/* --- samples -------------------------------------------------------------------------------------
 */

struct series {
    struct readings_sample list[ROWS_MAX];
    size_t count;
};

struct look {
    const struct case_source *source;
    struct readings_span span;
    struct series *out;
};

static enum err look_series(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_series(l->source->b->readings, tx, &l->span, l->out->list, ROWS_MAX,
                           &l->out->count);
}

static enum err load_series(const struct case_source *s, enum meter_point point, wall_s from,
                            wall_s to, struct series *out)
{
    struct look l = {s, {s->meter_id, point, from, to, ROW_S}, out};
    if (s->b)
        return store_read(s->b->readings_store, look_series, &l);
    return readings_recent(s->readings, &l.span, out->list, ROWS_MAX, &out->count);
}

/* --- dated rows
 * ------------------------------------------------------------------------------------ */

static const enum meter_point points[READINGS_REGISTERS] = {
    POINT_ENERGY_WH, POINT_ENERGY_RATE1_WH, POINT_ENERGY_RATE2_WH, POINT_ENERGY_RATE3_WH,
    POINT_ENERGY_RATE4_WH};

/* The last value at or before; `start` if there is none. */
static int64_t value_at(const struct series *s, wall_s at, int64_t start)
{
    int64_t value = start;
    for (size_t i = 0; i < s->count && s->list[i].at.s <= at.s; i++)
        value = s->list[i].value;
    return value;
}

/* --- reactive energy
 * ------------------------------------------------------------------------------- */

#define NEAR_S INT64_C(86'400)       /* where the register's last word is looked for at first, */
#define FAR_S (40 * INT64_C(86'400)) /* and how long ago it may be */

struct gone {
    const struct case_source *source;
    wall_s since, until;
    bool found;
};

static enum err look_break(struct store_tx *tx, void *arg)
{
    struct gone *g = arg;
    struct readings_break b;
    enum err e = readings_break_after(g->source->b->readings, tx, g->source->meter_id, g->since,
                                      g->until, &b);
    g->found = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Whether the meter was exchanged or began anew in (since, until]: then the word before is not of
 * this run. */
static enum err began_anew(const struct case_source *s, wall_s since, wall_s until, bool *yes)
{
    struct gone g = {s, since, until, false};
    wall_s broke;
    if (s->b)
        TRY(store_read(s->b->readings_store, look_break, &g));
    else
        g.found = readings_last_break(s->readings, s->meter_id, &broke) && broke.s > since.s &&
                  broke.s <= until.s;
    *yes = g.found;
    return ERR_OK;
}

/* The reactive register as it was last told at or before `at`; of a run that begins there, as it
 * was told first. */
static enum err reactive_at(const struct case_source *s, wall_s at, struct series *words,
                            int64_t *varh, bool *known)
{
    bool anew = false;
    *known = false;
    for (int64_t back_s = NEAR_S; !*known && !anew && back_s <= FAR_S; back_s += FAR_S - NEAR_S) {
        TRY(load_series(s, POINT_REACTIVE_VARH, (wall_s){at.s - back_s}, (wall_s){at.s + 1},
                        words));
        if (words->count == 0)
            continue;
        struct readings_sample last = words->list[words->count - 1];
        TRY(began_anew(s, last.at, at, &anew));
        *known = !anew;
        *varh = last.value;
    }
    if (*known)
        return ERR_OK;
    TRY(load_series(s, POINT_REACTIVE_VARH, at, (wall_s){s->to.at.s + 1}, words));
    *known = words->count > 0;
    *varh = words->list[0].value;
    return ERR_OK;
}

/* From one word to the next. A register that fell passed its full scale, or counts from 0 again. */
static int64_t reactive_used(int64_t from, int64_t to)
{
    bool top = from >= READINGS_FULL_SCALE_WH - READINGS_FULL_SCALE_WH / 10;
    if (to >= from)
        return to - from;
    return top && from < READINGS_FULL_SCALE_WH ? READINGS_FULL_SCALE_WH - from + to : to;
}

/* Rows share it by their active energy, so that their sum is that of the period. */
static enum err share_reactive(struct case_made *out)
{
    int64_t all_wh = 0, so_far_wh = 0, given = 0;
    for (size_t i = 0; i < out->c.row_count; i++)
        TRY(units_add(all_wh, out->rows[i].used.total_wh, &all_wh));
    for (size_t i = 0; i < out->c.row_count; i++) {
        int64_t upto = 0;
        so_far_wh += out->rows[i].used.total_wh;
        if (i + 1 == out->c.row_count)
            upto = out->c.reactive_wh;
        else if (all_wh > 0)
            TRY(units_mul_div(out->c.reactive_wh, so_far_wh, all_wh, &upto));
        out->rows[i].reactive_wh = upto - given;
        given = upto;
    }
    return ERR_OK;
}

static enum err look_reactive(const struct case_source *s, struct series *words,
                              struct case_made *out)
{
    int64_t from = 0, to = 0;
    bool begins, ends;
    TRY(reactive_at(s, s->from.at, words, &from, &begins));
    TRY(reactive_at(s, s->to.at, words, &to, &ends));
    out->c.reactive_known = begins && ends;
    if (!out->c.reactive_known)
        return ERR_OK;
    TRY(units_mul(reactive_used(from, to), s->ratio, &out->c.reactive_wh));
    return share_reactive(out);
}

static enum err fill_reactive(const struct case_source *s, struct case_made *out)
{
    struct series *words = calloc(1, sizeof *words);
    if (!words)
        return ERR_MEMORY;
    enum err e = look_reactive(s, words, out);
    free(words);
    return e;
}

/* --- rows
 * ------------------------------------------------------------------------------------------ */

static enum err add_row(const struct case_source *s, const struct known *a, const struct known *b,
                        struct case_made *out)
{
    struct rating_registers from, to;
    struct rating_row *row = &out->rows[out->c.row_count];
    if (b->at.s <= a->at.s)
        return ERR_OK;
    TRY(registers_of(a->wh, s->ratio, &from));
    TRY(registers_of(b->wh, s->ratio, &to));
    *row = (struct rating_row){.from = a->at, .to = b->at, .has_rates = !s->plan->from_intervals};
    row->used.total_wh = to.total_wh - from.total_wh;
    for (int i = 0; i < RATING_METER_RATES; i++)
        row->used.rate_wh[i] = to.rate_wh[i] - from.rate_wh[i];
    out->c.row_count++;
    return ERR_OK;
}

static bool rises(const struct known *a, const struct known *b)
{
    for (int i = 0; i < READINGS_REGISTERS; i++)
        if (b->wh[i] < a->wh[i])
            return false;
    return true;
}

/* Readings strictly within the period, in one rising run between its ends. */
static enum err make_rows(const struct case_source *s, const struct series of[READINGS_REGISTERS],
                          struct case_made *out)
{
    struct known before = s->from, next;
    before.at = s->opened_at;
    for (size_t i = 0; i < of[0].count; i++) {
        next.at = of[0].list[i].at;
        for (int k = 0; k < READINGS_REGISTERS; k++)
            next.wh[k] = value_at(&of[k], next.at, s->from.wh[k]);
        bool inside = next.at.s > before.at.s && next.at.s < s->to.at.s;
        if (!inside || !rises(&before, &next) || !rises(&next, &s->to))
            continue;
        TRY(add_row(s, &before, &next, out));
        before = next;
    }
    return add_row(s, &before, &s->to, out);
}

static enum err fill_rows(const struct case_source *s, struct case_made *out)
{
    struct series *of = calloc(READINGS_REGISTERS, sizeof *of);
    enum err e = of ? ERR_OK : ERR_MEMORY;
    out->rows = calloc(ROWS_MAX + 1, sizeof *out->rows);
    e = out->rows ? e : ERR_MEMORY;
    for (int i = 0; e == ERR_OK && i < READINGS_REGISTERS; i++)
        e = load_series(s, points[i], s->opened_at, s->to.at, &of[i]);
    if (e == ERR_OK)
        e = make_rows(s, of, out);
    free(of);
    if (e == ERR_OK && out->c.row_count > 0)
        out->c.rows = out->rows;
    return e;
}

/* --- demand
 * ---------------------------------------------------------------------------------------- */

static bool has_fee(const struct rating_plan *plan, enum rating_per per)
{
    for (size_t i = 0; i < plan->fee_count; i++)
        if (plan->fees[i].per == per)
            return true;
    return false;
}

static wall_s month_start(const struct case_source *s, wall_s at)
{
    struct civil day = civil_from_days(civil_local_day(at, s->offset_s));
    return civil_day_start(civil_days_from_date(day.year, day.month, 1), s->offset_s);
}

/* The transformers at a moment, and how long they stayed. */
struct ratio {
    int64_t value;
    wall_s until;
};

static enum err ratio_at(const struct case_source *s, wall_s at, struct ratio *ratio)
{
    TRY(billing_ratio_at(s->tx, s->meter_id, at, &ratio->value));
    return store_int(s->tx, &ratio->until.s,
                     "SELECT coalesce(min(from_at), $3) FROM meter_ratio WHERE meter_id = $1 "
                     "AND from_at > $2",
                     "iii", s->meter_id, at.s, INT64_MAX);
}

/* The mean between two samples in thousandths of a kW, which is Wh an hour; 0: they say nothing. */
static enum err mean_between(const struct readings_sample *a, const struct readings_sample *b,
                             const struct ratio *ratio, int64_t *mean)
{
    int64_t used = b->value - a->value, seconds = b->at.s - a->at.s;
    *mean = 0;
    if (used <= 0 || seconds < ROW_S - 60 || seconds > DEMAND_GAP_S || b->at.s > ratio->until.s)
        return ERR_OK;
    TRY(units_mul(used, ratio->value, &used));
    return units_mul_div(used, 3600, seconds, mean);
}

/* The highest mean over a quarter of an hour in the month in which the period ends. Across an
 * exchange of the meter or of its transformers there is none. */
static enum err find_demand(const struct case_source *s, struct series *total, int64_t *most)
{
    struct ratio ratio = {.until = {INT64_MIN}};
    wall_s start = month_start(s, (wall_s){s->closed_at.s - 1});
    TRY(load_series(s, POINT_ENERGY_WH, start, (wall_s){s->to.at.s + 1}, total));
    for (size_t i = 1; i < total->count; i++) {
        const struct readings_sample *a = &total->list[i - 1], *b = &total->list[i];
        int64_t mean;
        bool anew = false;
        if (a->at.s >= ratio.until.s)
            TRY(ratio_at(s, a->at, &ratio));
        TRY(mean_between(a, b, &ratio, &mean));
        if (mean > *most)
            TRY(began_anew(s, a->at, b->at, &anew));
        *most = mean > *most && !anew ? mean : *most;
    }
    return ERR_OK;
}

static enum err fill_demand(const struct case_source *s, struct rating_case *c)
{
    struct series *total = calloc(1, sizeof *total);
    if (!total)
        return ERR_MEMORY;
    enum err e = find_demand(s, total, &c->demand_milli_kw);
    free(total);
    return e;
}

/* --- what the account's other meters used in the month
 * --------------------------------------------------------------- */

static bool has_utilised(const struct rating_plan *plan)
{
    for (size_t i = 0; i < plan->fee_count; i++)
        if (plan->fees[i].utilised_wh != 0)
            return true;
    return false;
}

struct other {
    const struct case_source *source;
    const struct charge *charge;
    struct readings_registers *out;
};

static enum err look_other(struct store_tx *tx, void *arg)
{
    struct other *o = arg;
    return readings_registers_at(o->source->b->readings, tx, o->charge->meter_id,
                                 o->source->closed_at, o->out);
}

/* Of another meter's open charge, up to the end of the period. ERR_NOT_FOUND: it was not read so
 * far, or its own period must end before. */
static enum err open_used(const struct case_source *s, const struct charge *c, wall_s month,
                          int64_t *wh)
{
    struct readings_registers r;
    struct other o = {s, c, &r};
    wall_s newest;
    int64_t epoch;
    if (!s->b && !newest_registers(s->readings, c->meter_id, &r))
        return ERR_NOT_FOUND;
    if (s->b)
        TRY(store_read(s->b->readings_store, look_other, &o));
    bool later =
        readings_newest(s->readings, c->meter_id, &newest, &epoch) && newest.s > s->closed_at.s;
    if (c->opened_at.s < month.s || r.epoch != c->epoch || r.wh[0] < c->wh[0] ||
        (!later && r.at.s < s->closed_at.s - FRESH_S))
        return ERR_NOT_FOUND;
    return units_mul(r.wh[0] - c->wh[0], c->ratio, wh);
}

/* What is settled, and what is open. Where the month ends all of it must be known; before, a later
 * bill of the month makes up for what is not. */
static enum err fill_others(const struct case_source *s, struct rating_case *c)
{
    struct charge list[BILLING_METERS_MAX];
    size_t count;
    wall_s month = month_start(s, (wall_s){s->closed_at.s - 1});
    bool ends = s->waits && (s->last || month_start(s, s->closed_at).s == s->closed_at.s);
    TRY(store_int(s->tx, &c->others_wh,
                  "SELECT coalesce(sum(energy_wh), 0) FROM settlement_basis WHERE account_id = $1 "
                  "AND meter_id <> $2 AND closed_at > $3 AND closed_at <= $4",
                  "iiii", s->account->id, s->meter_id, month.s, s->closed_at.s));
    TRY(charge_list(s->tx, s->account->id, list, &count));
    for (size_t i = 0; i < count; i++) {
        int64_t wh = 0;
        if (list[i].meter_id == s->meter_id || list[i].opened_at.s >= s->closed_at.s)
            continue;
        enum err e = open_used(s, &list[i], month, &wh);
        TRY(e == ERR_NOT_FOUND && !ends ? ERR_OK : e);
        TRY(units_add(c->others_wh, wh, &c->others_wh));
    }
    return ERR_OK;
}

/* --- recharges
 * --------------------------------------------------------------------------------------- */

/* Months whose first recharge by the customer lies in the period; counted with the first meter
 * only. */
static enum err fill_recharges(const struct case_source *s, struct rating_case *c)
{
    int32_t last = INT32_MIN;
    int64_t first_meter;
    TRY(store_int(s->tx, &first_meter,
                  "SELECT coalesce(min(meter_id), 0) FROM charge_open WHERE account_id = $1", "i",
                  s->account->id));
    if (first_meter != 0 && first_meter != s->meter_id)
        return ERR_OK;
    struct query q =
        query_open(s->tx,
                   "SELECT paid_at FROM sale_order WHERE account_id = $1 AND method "
                   "NOT IN ('subsidy', 'transfer') AND paid_at >= $2 AND paid_at < $3 "
                   "ORDER BY paid_at",
                   "iii", s->account->id, month_start(s, s->opened_at).s, s->closed_at.s);
    while (query_step(&q)) {
        wall_s at = {query_int(&q, 0)};
        struct civil day = civil_from_days(civil_local_day(at, s->offset_s));
        int32_t month = day.year * 12 + day.month;
        c->first_recharges += month != last && at.s >= s->opened_at.s;
        last = month;
    }
    return query_end(&q);
}

/* --- terms
 * ------------------------------------------------------------------------------------------- */

static enum err fill_terms(const struct case_source *s, struct case_made *out)
{
    struct site_terms t;
    TRY(site_terms_at(s->tx, s->account->id, s->opened_at, &t));
    out->c.persons = (uint16_t)t.persons;
    out->c.area_milli_m2 = (uint32_t)t.area_milli_m2;
    out->c.capacity_milli_kva = t.capacity_milli_kva;
    out->c.contracted_milli_kw = t.contracted_milli_kw;
    out->c.opened_day = t.opened_day;
    if (s->plan->ladder.count == RATING_COUNT_ACCOUNT)
        snprintf(out->holder, sizeof out->holder, "account:%" PRId64, s->account->id);
    if (s->plan->ladder.count == RATING_COUNT_GROUP && t.ladder_group[0])
        snprintf(out->holder, sizeof out->holder, "group:%s", t.ladder_group);
    return ERR_OK;
}

enum err case_make(const struct case_source *s, struct case_made *out)
{
    *out = (struct case_made){.c = {.opened_at = s->opened_at,
                                    .reading_at = s->to.at,
                                    .closed_at = s->closed_at,
                                    .offset_s = s->offset_s,
                                    .month_ends = s->last,
                                    .account_goes_on = s->goes_on}};
    TRY(registers_of(s->from.wh, s->ratio, &out->c.from));
    TRY(registers_of(s->to.wh, s->ratio, &out->c.to));
    TRY(fill_terms(s, out));
    if (has_fee(s->plan, RATING_PER_DEMAND))
        TRY(fill_demand(s, &out->c));
    if (has_utilised(s->plan))
        TRY(fill_others(s, &out->c));
    if (has_fee(s->plan, RATING_PER_FIRST_RECHARGE))
        TRY(fill_recharges(s, &out->c));
    enum err e = rating_plan_wants_rows(s->plan) ? fill_rows(s, out) : ERR_OK;
    if (e == ERR_OK && s->plan->power_factor.row_count > 0)
        e = fill_reactive(s, out);
    if (e != ERR_OK)
        case_free(out);
    return e;
}

void case_free(struct case_made *made)
{
    free(made->rows);
    made->rows = NULL;
    made->c.rows = NULL;
    made->c.row_count = 0;
}

/* --- shared ladders
 * ------------------------------------------------------------------------------------ */

enum err ladder_load(struct store_tx *tx, int64_t project_id, const char *holder,
                     struct rating_position *position)
{
    if (!holder[0])
        return ERR_OK;
    position->cycle_day = 0;
    position->used_wh = 0;
    struct query q = query_open(tx,
                                "SELECT cycle_day, used_wh FROM ladder_position "
                                "WHERE project_id = $1 AND holder = $2",
                                "it", project_id, holder);
    if (query_step(&q)) {
        position->cycle_day = (int32_t)query_int(&q, 0);
        position->used_wh = query_int(&q, 1);
    }
    return query_end(&q);
}

enum err ladder_put(struct store_tx *tx, int64_t project_id, const char *holder,
                    const struct rating_position *position)
{
    if (!holder[0])
        return ERR_OK;
    return store_exec(tx,
                      "INSERT OR REPLACE INTO ladder_position (project_id, holder, cycle_day, "
                      "used_wh) VALUES ($1, $2, $3, $4)",
                      "itii", project_id, holder, (int64_t)position->cycle_day, position->used_wh);
}
