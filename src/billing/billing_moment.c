/* Registers at a moment at which nobody read them. */
#include <string.h>

#include "billing/billing_impl.h"

/* --- how long each rate ran
 * ----------------------------------------------------------------------- */

static bool has_rates(const struct rating_plan *plan)
{
    return plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
}

static int64_t overlap_s(wall_s from, wall_s to, int64_t a, int64_t b)
{
    int64_t low = from.s > a ? from.s : a, high = to.s < b ? to.s : b;
    return high > low ? high - low : 0;
}

/* Seconds of each rate in [from, to). */
static void run_times(const struct moment *m, wall_s from, wall_s to, int64_t out[RATING_RATES])
{
    memset(out, 0, RATING_RATES * sizeof *out);
    for (int32_t day = civil_local_day(from, m->offset_s);
         civil_day_start(day, m->offset_s).s < to.s; day++) {
        int64_t start = civil_day_start(day, m->offset_s).s;
        for (unsigned minute = 0; minute < RATING_DAY_MINUTES; minute++) {
            enum rating_rate rate = rating_rate_on(m->plan, NULL, day, minute);
            int64_t at = start + (int64_t)minute * 60;
            if (rate < RATING_RATES)
                out[rate] += overlap_s(from, to, at, at + 60);
        }
    }
}

/* --- sharing out
 * ----------------------------------------------------------------------------------- */

static enum err share(int64_t used, int64_t part_s, int64_t whole_s, int64_t *out)
{
    if (used < 0)
        return ERR_RATING_BACKWARDS;
    *out = whole_s > 0 ? (int64_t)((__int128)used * part_s / whole_s) : 0;
    return ERR_OK;
}

static enum err share_evenly(const struct moment *m, int slot, int64_t *out)
{
    int64_t used;
    TRY(units_sub(m->after.wh[slot], m->before.wh[slot], &used));
    return share(used, m->at.s - m->before.at.s, m->after.at.s - m->before.at.s, out);
}

/* A rate that ran although the plan gives it no time is shared out evenly. */
static enum err share_rates(const struct moment *m, int64_t shares[READINGS_REGISTERS])
{
    int64_t part[RATING_RATES], whole[RATING_RATES]; /* a meter has the first four only */
    run_times(m, m->before.at, m->at, part);
    run_times(m, m->before.at, m->after.at, whole);
    for (int i = 0; i < RATING_METER_RATES; i++) {
        int64_t used = m->after.wh[1 + i] - m->before.wh[1 + i];
        TRY(whole[i] > 0 ? share(used, part[i], whole[i], &shares[1 + i])
                         : share_evenly(m, 1 + i, &shares[1 + i]));
    }
    return ERR_OK;
}

/* The total goes with its rates; what they do not account for is shared out evenly. */
static enum err share_total(const struct moment *m, int64_t shares[READINGS_REGISTERS])
{
    int64_t rates = 0, parts = 0, rest = 0, total = m->after.wh[0] - m->before.wh[0];
    for (int i = 1; i < READINGS_REGISTERS; i++) {
        rates += m->after.wh[i] - m->before.wh[i];
        parts += shares[i];
    }
    if (total < rates) /* registers that are cut off differ a little */
        return share_evenly(m, 0, &shares[0]);
    TRY(share(total - rates, m->at.s - m->before.at.s, m->after.at.s - m->before.at.s, &rest));
    shares[0] = parts + rest;
    return ERR_OK;
}

enum err moment_share(const struct moment *m, int64_t wh[READINGS_REGISTERS])
{
    int64_t shares[READINGS_REGISTERS] = {};
    if (has_rates(m->plan)) {
        TRY(share_rates(m, shares));
        TRY(share_total(m, shares));
    } else {
        for (int i = 0; i < READINGS_REGISTERS; i++)
            TRY(share_evenly(m, i, &shares[i]));
    }
    for (int i = 0; i < READINGS_REGISTERS; i++)
        TRY(units_add(m->before.wh[i], shares[i], &wh[i]));
    return ERR_OK;
}

void bill_mark(struct rating_bill *bill)
{
    for (size_t i = 0; i < bill->line_count; i++) {
        enum rating_item_kind kind = bill->lines[i].kind;
        if (kind != RATING_ITEM_FEE && kind != RATING_ITEM_MINIMUM)
            bill->lines[i].apportioned = true;
    }
}
