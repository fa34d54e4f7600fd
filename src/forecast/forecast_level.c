/* Level, factor of days off, season: what one account's days say at the end of one of them. */
#include "forecast/forecast_impl.h"

#define WEIGHT_FIRST (INT64_C(1) << 20)
#define WEIGHT_FALL 7 /* tenths that are left a day further back */
#define LEFT_OF 5     /* a day further on, this part of what sets the level apart is left */
#define KNOWN_LEAST 3 /* fewer known days: estimated ones help out */
#define EMPTY_SHARE 8 /* a day is empty at this part of the upper quartile */
#define EMPTY_DAYS 2  /* in a row make an empty room */
#define EMPTY_LEAST 7 /* days before anything is said about emptiness */
#define WEEKS 12
#define WEEKS_LEAST 8
#define SURE_SQUARED 9 /* a difference counts beyond three times its standard error */
#define OFF_MAX 922    /* of ONE: days off use at most nine tenths more or less */
#define YEAR 364       /* a year back, on the same weekday */
#define WEEK 7
#define WEEK_LEAST 5
#define SEASON_PART 4 /* this part of last year's change is expected */

/* Days looked at, newest first. */
struct rows {
    int64_t used[FORECAST_LOOK];
    int32_t day[FORECAST_LOOK];
    int32_t count;
};

/* Days before the year 1 are on no calendar. */
bool outlook_is_off(const struct calendar *calendar, int32_t day)
{
    return !calendar_is_worked(calendar_guess(calendar, day));
}

/* --- which days count ------------------------------------------------------------------------ */

static void gather(const struct forecast_history *h, int32_t end, bool estimated, struct rows *r)
{
    r->count = 0;
    for (int32_t i = 0; i < FORECAST_LOOK; i++) {
        int64_t used;
        enum forecast_known known = forecast_told(h, end - i, &used);
        if (known == FORECAST_UNKNOWN || (known == FORECAST_ESTIMATED && !estimated))
            continue;
        r->used[r->count] = used;
        r->day[r->count++] = end - i;
    }
}

/* Ascending, carrying weights along; NULL: none. At most FORECAST_LOOK of them. */
static void sort(int64_t *value, int64_t *weight, int32_t count)
{
    for (int32_t i = 1; i < count; i++) {
        int64_t v = value[i], w = weight ? weight[i] : 0;
        int32_t k = i;
        for (; k > 0 && value[k - 1] > v; k--) {
            value[k] = value[k - 1];
            if (weight)
                weight[k] = weight[k - 1];
        }
        value[k] = v;
        if (weight)
            weight[k] = w;
    }
}

static int64_t upper_quartile(const struct rows *r)
{
    int64_t sorted[FORECAST_LOOK];
    for (int32_t i = 0; i < r->count; i++)
        sorted[i] = r->used[i];
    sort(sorted, NULL, r->count);
    return sorted[3 * r->count / 4];
}

/* How many of the rows from `at` on are empty, or not. */
static int32_t run_of(const struct rows *r, int32_t at, int64_t limit, bool empty)
{
    int32_t n = 0;
    while (at + n < r->count && (r->used[at + n] <= limit) == empty)
        n++;
    return n;
}

static void drop_empty(struct rows *r, int64_t limit)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < r->count; i++)
        if (r->used[i] > limit) {
            r->used[kept] = r->used[i];
            r->day[kept++] = r->day[i];
        }
    r->count = kept;
}

/* Keeps the rows that are like the newest ones. */
static void keep_alike(struct rows *r, struct outlook *o)
{
    if (r->count < EMPTY_LEAST)
        return;
    int64_t upper = upper_quartile(r), limit = upper / EMPTY_SHARE;
    if (upper == 0) {
        o->empty = true;
        return;
    }
    int32_t away = run_of(r, 0, limit, true), here = run_of(r, 0, limit, false);
    if (away >= EMPTY_DAYS) {
        o->empty = true;
        r->count = away;
    } else if (here > 0 && here <= EMPTY_DAYS && run_of(r, here, limit, true) >= EMPTY_DAYS) {
        o->returned = true;
        drop_empty(r, limit);
    }
}

/* --- level ----------------------------------------------------------------------------------- */

static int64_t level_of(const struct rows *r)
{
    int64_t w = WEIGHT_FIRST, total = 0, sum = 0;
    for (int32_t i = 0; i < r->count; i++) {
        total += w;
        sum += w * r->used[i];
        w = w * WEIGHT_FALL / 10;
    }
    return sum / total;
}

static int64_t mean_of(const struct rows *r, int32_t newest)
{
    int64_t sum = 0;
    int32_t n = r->count < newest ? r->count : newest;
    for (int32_t i = 0; i < n; i++)
        sum += r->used[i];
    return sum / n;
}

/* --- days off -------------------------------------------------------------------------------- */

struct weeks {
    int64_t difference[WEEKS]; /* mean of the days off minus mean of the worked days */
    int64_t all;               /* sum of the weeks' means */
    int32_t count;
};

static void add_week(const struct forecast_history *h, const struct calendar *calendar, int32_t end,
                     struct weeks *weeks)
{
    int64_t sum[2] = {}, used;
    int32_t n[2] = {};
    for (int32_t i = 0; i < WEEK; i++)
        if (forecast_told(h, end - i, &used) == FORECAST_KNOWN) {
            bool off = outlook_is_off(calendar, end - i);
            sum[off] += used;
            n[off]++;
        }
    if (n[0] == 0 || n[1] == 0)
        return;
    weeks->difference[weeks->count++] = sum[1] / n[1] - sum[0] / n[0];
    weeks->all += (sum[0] + sum[1]) / (n[0] + n[1]);
}

static bool is_sure(const struct weeks *weeks, int64_t mean)
{
    __int128 spread = 0;
    int32_t k = weeks->count;
    for (int32_t i = 0; i < k; i++) {
        __int128 off = weeks->difference[i] - mean;
        spread += off * off;
    }
    return (__int128)mean * mean * k * (k - 1) > SURE_SQUARED * spread;
}

static void find_days_off(const struct forecast_history *h, const struct calendar *calendar,
                          int32_t end, int32_t factor[2])
{
    struct weeks weeks = {};
    int64_t sum = 0;
    factor[0] = factor[1] = ONE;
    for (int32_t w = 0; w < WEEKS; w++)
        add_week(h, calendar, end - w * WEEK, &weeks);
    if (weeks.count < WEEKS_LEAST || weeks.all == 0)
        return;
    for (int32_t i = 0; i < weeks.count; i++)
        sum += weeks.difference[i];
    if (!is_sure(&weeks, sum / weeks.count))
        return;
    int64_t share = sum * ONE / weeks.all;
    share = share > OFF_MAX ? OFF_MAX : share < -OFF_MAX ? -OFF_MAX : share;
    factor[0] = (int32_t)(ONE - 2 * share / WEEK);
    factor[1] = (int32_t)(factor[0] + share);
}

static void level_out(const struct calendar *calendar, const int32_t factor[2], struct rows *r)
{
    if (factor[0] == factor[1])
        return;
    for (int32_t i = 0; i < r->count; i++)
        r->used[i] = r->used[i] * ONE / factor[outlook_is_off(calendar, r->day[i])];
}

/* --- season ---------------------------------------------------------------------------------- */

static int32_t week_sum(const struct forecast_history *h, int32_t end, int64_t *sum)
{
    int32_t n = 0;
    *sum = 0;
    for (int32_t i = 0; i < WEEK; i++) {
        int64_t used;
        if (forecast_told(h, end - i, &used) == FORECAST_KNOWN) {
            *sum += used;
            n++;
        }
    }
    return n;
}

static int32_t season_of(const struct forecast_history *h, int32_t end)
{
    int64_t before, after;
    int32_t before_n = week_sum(h, end - YEAR, &before);
    int32_t after_n = week_sum(h, end - YEAR + WEEK, &after);
    if (before_n < WEEK_LEAST || after_n < WEEK_LEAST || before == 0)
        return ONE;
    int64_t change = after * before_n * ONE / (before * after_n);
    change = change > 2 * ONE ? 2 * ONE : change < ONE / 2 ? ONE / 2 : change;
    return (int32_t)(ONE + (change - ONE) / SEASON_PART);
}

/* --- together -------------------------------------------------------------------------------- */

bool outlook_at(const struct forecast_history *h, const struct calendar *calendar, int32_t end,
                struct outlook *out)
{
    struct rows rows;
    *out = (struct outlook){};
    gather(h, end, false, &rows);
    if (rows.count < KNOWN_LEAST) {
        gather(h, end, true, &rows);
        out->estimated = true;
    }
    if (rows.count == 0)
        return false;
    out->end = end;
    out->usual = mean_of(&rows, FORECAST_LOOK);
    keep_alike(&rows, out);
    out->similar = rows.count;
    find_days_off(h, calendar, end, out->factor);
    level_out(calendar, out->factor, &rows);
    out->level = level_of(&rows);
    out->slow = mean_of(&rows, FORECAST_SLOW);
    out->season = season_of(h, end);
    return true;
}

static int64_t level_on(const struct outlook *o, int32_t day)
{
    int64_t apart = o->level - o->slow;
    for (int32_t i = o->end + 1; i < day && apart != 0; i++)
        apart /= LEFT_OF;
    return o->slow + apart;
}

int64_t outlook_day(const struct outlook *o, const struct calendar *calendar, int32_t day)
{
    int64_t level = level_on(o, day);
    if (o->factor[0] == o->factor[1])
        return level * o->season / ONE;
    return level * o->factor[outlook_is_off(calendar, day)] / ONE * o->season / ONE;
}
