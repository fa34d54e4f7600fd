#include "forecast/forecast.h"

#include "base/clock.h"
#include "base/must.h"
#include "forecast/forecast_impl.h"

/* --- history --------------------------------------------------------------------------------- */

static size_t slot(int32_t day)
{
    return (size_t)(uint32_t)day % FORECAST_DAYS_MAX;
}

static bool in_ring(const struct forecast_history *h, int32_t day)
{
    return h->any && day <= h->last && (int64_t)h->last - day < FORECAST_DAYS_MAX;
}

/* Makes `day` the newest; the days that the ring moves over become unknown. */
static void move_to(struct forecast_history *h, int32_t day)
{
    int64_t ahead = h->any ? (int64_t)day - h->last : FORECAST_DAYS_MAX;
    ahead = ahead > FORECAST_DAYS_MAX ? FORECAST_DAYS_MAX : ahead;
    for (int64_t i = 0; i < ahead; i++)
        h->known[slot((int32_t)(day - i))] = FORECAST_UNKNOWN;
    h->any = true;
    h->last = day;
}

enum err forecast_tell(struct forecast_history *h, int32_t day, int64_t used,
                       enum forecast_known known)
{
    MUST(known < FORECAST_KNOWNS);
    if (used < 0 || used > FORECAST_USED_MAX)
        return ERR_FORECAST_USE;
    if (h->any && day <= h->last && !in_ring(h, day))
        return ERR_FORECAST_DAY;
    if (!h->any || day > h->last)
        move_to(h, day);
    h->used[slot(day)] = used;
    h->known[slot(day)] = (uint8_t)known;
    return ERR_OK;
}

enum forecast_known forecast_told(const struct forecast_history *h, int32_t day, int64_t *used)
{
    *used = 0;
    if (!in_ring(h, day) || h->known[slot(day)] == FORECAST_UNKNOWN)
        return FORECAST_UNKNOWN;
    *used = h->used[slot(day)];
    return (enum forecast_known)h->known[slot(day)];
}

/* --- point ----------------------------------------------------------------------------------- */

static void put_points(const struct outlook *o, const struct calendar *calendar, int32_t today,
                       struct forecast *out)
{
    int64_t sum = 0;
    for (int32_t i = 0; i < out->days; i++) {
        int32_t day = today + 1 + i;
        out->day[i] = outlook_day(o, calendar, day);
        sum += out->day[i];
        out->sum[i][FORECAST_POINT] = sum;
        if (calendar_kind_of(calendar, day) == CALENDAR_UNKNOWN)
            out->reason.calendar_unknown = true;
    }
}

static enum err start(const struct forecast_history *h, const struct calendar *calendar,
                      int32_t today, struct forecast *out, struct outlook *o)
{
    if (out->days < 1 || out->days > FORECAST_AHEAD_MAX)
        return ERR_RANGE;
    if (!outlook_at(h, calendar, today, o))
        return ERR_FORECAST_SHORT;
    out->reason = (struct forecast_reason){.similar = o->similar,
                                           .estimated = o->estimated,
                                           .empty = o->empty,
                                           .returned = o->returned,
                                           .rest_days = o->factor[0] != o->factor[1],
                                           .season = o->season != ONE};
    put_points(o, calendar, today, out);
    return ERR_OK;
}

enum err forecast_make_point(const struct forecast_history *h, const struct calendar *calendar,
                             int32_t today, int32_t days, struct forecast *out)
{
    struct outlook o;
    *out = (struct forecast){.from = today + 1, .days = days};
    return start(h, calendar, today, out, &o);
}

/* --- quantiles ------------------------------------------------------------------------------- */

/* How far past forecasts were off, in 1024ths of what was expected (or of the usual day's use, if
 * that is more: an empty room expects nothing). */
struct trials {
    int32_t error[FORECAST_TRIALS];
    int32_t count;
};

#define ERROR_MAX (64 * ONE)
#define TRIALS_LEAST 20 /* fewer trials: the margins below hold at least */

static const int32_t least_margin[FORECAST_QUANTILES] = {0, 0, ONE / 2, 3 * ONE / 2};

static int64_t scale_of(const struct outlook *o, int64_t expected, int32_t days)
{
    int64_t usual = o->usual * days;
    return expected > usual ? expected : usual;
}

/* What was used on the days after `end`. False: not every day is known. */
static bool happened(const struct forecast_history *h, int32_t end, int32_t days, int64_t *sum)
{
    *sum = 0;
    for (int32_t i = 1; i <= days; i++) {
        int64_t used;
        if (forecast_told(h, end + i, &used) != FORECAST_KNOWN)
            return false;
        *sum += used;
    }
    return true;
}

static void add_error(struct trials *t, int64_t error)
{
    int32_t e = (int32_t)(error > ERROR_MAX ? ERROR_MAX : error < -ERROR_MAX ? -ERROR_MAX : error);
    int32_t k = t->count++;
    for (; k > 0 && t->error[k - 1] > e; k--)
        t->error[k] = t->error[k - 1];
    t->error[k] = e;
}

struct past {
    const struct forecast_history *history;
    const struct calendar *calendar;
    int32_t today;
    struct outlook at[FORECAST_TRIALS]; /* as it stood i + 1 days ago */
    bool known[FORECAST_TRIALS];
};

static void look_back(struct past *p)
{
    for (int32_t i = 0; i < FORECAST_TRIALS; i++)
        p->known[i] = outlook_at(p->history, p->calendar, p->today - 1 - i, &p->at[i]);
}

static void try_days(const struct past *p, int32_t days, struct trials *t)
{
    t->count = 0;
    for (int32_t i = days - 1; i < FORECAST_TRIALS; i++) {
        int32_t end = p->today - 1 - i;
        int64_t expected = 0, used;
        if (!p->known[i] || !happened(p->history, end, days, &used))
            continue;
        for (int32_t d = 1; d <= days; d++)
            expected += outlook_day(&p->at[i], p->calendar, end + d);
        int64_t scale = scale_of(&p->at[i], expected, days);
        if (scale > 0)
            add_error(t, (used - expected) * ONE / scale);
    }
}

/* The smallest error that at least this share of the trials and of one more did not exceed. */
static int32_t error_at(const struct trials *t, enum forecast_quantile q)
{
    static const int32_t permille[FORECAST_QUANTILES] = {500, 500, 900, 990};
    int32_t rank = (permille[q] * (t->count + 1) + 999) / 1000;
    int32_t e = t->count == 0 ? 0 : t->error[rank > t->count ? t->count - 1 : rank - 1];
    if (t->count < TRIALS_LEAST && e < least_margin[q])
        e = least_margin[q];
    return e;
}

/* Sums never fall from one day to the next, nor from one quantile to the higher one. */
static void put_quantiles(const struct trials *t, const struct outlook *o, int32_t days,
                          struct forecast *out)
{
    int64_t *sum = out->sum[days - 1], below = 0;
    int64_t scale = scale_of(o, sum[FORECAST_POINT], days);
    for (int q = FORECAST_P50; q < FORECAST_QUANTILES; q++) {
        int64_t before = days > 1 ? out->sum[days - 2][q] : 0;
        int64_t value = sum[FORECAST_POINT] + scale * error_at(t, (enum forecast_quantile)q) / ONE;
        value = value < before ? before : value;
        sum[q] = value < below ? below : value;
        below = sum[q];
    }
}

enum err forecast_make(const struct forecast_history *h, const struct calendar *calendar,
                       int32_t today, int32_t days, struct forecast *out)
{
    struct outlook o;
    *out = (struct forecast){.from = today + 1, .days = days};
    TRY(start(h, calendar, today, out, &o));
    struct past past = {.history = h, .calendar = calendar, .today = today};
    look_back(&past);
    for (int32_t n = 1; n <= days; n++) {
        struct trials trials;
        try_days(&past, n, &trials);
        if (n == 1)
            out->reason.trials = trials.count;
        put_quantiles(&trials, &o, n, out);
    }
    return ERR_OK;
}

/* --- what it means for a balance ------------------------------------------------------------- */

bool forecast_falls_short(const struct forecast *f, int64_t balance, int32_t days,
                          enum forecast_quantile q)
{
    MUST(days >= 1 && days <= f->days && q < FORECAST_QUANTILES);
    return balance < 0 || balance < f->sum[days - 1][q];
}

int64_t forecast_days_left(const struct forecast *f, int64_t balance, enum forecast_quantile q)
{
    MUST(f->days >= 1 && q < FORECAST_QUANTILES);
    if (balance <= 0)
        return 0;
    for (int32_t n = 1; n <= f->days; n++)
        if (balance < f->sum[n - 1][q])
            return n - 1;
    int64_t all = f->sum[f->days - 1][q];
    if (all == 0)
        return FORECAST_NEVER;
    return (int64_t)((__int128)balance * f->days / all);
}
