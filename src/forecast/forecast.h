/*
 * Forecast: what one account will use in the next days, from its own history. Pure: no clock, no
 * memory of its own, integers only. A quantity is whatever the caller counts (Wh, litres, fen), in
 * whole units fine enough that rounding down a few times does not matter.
 *
 * The rule, in the order of the steps (docs/manual/forecast.md says why, and how well it does):
 *
 *   1. The days whose use is known among the last FORECAST_LOOK, newest first. Fewer than three:
 *      estimated ones too.
 *   2. Empty rooms. A day is empty if it used at most an eighth of the upper quartile of these
 * days. If the newest two or more are empty, only they count. If the newest one or two are not, but
 *      the two before are, only days that are not empty count: somebody came back.
 *   3. Level: a mean with weights that fall by 7/10 a day, for the first day. From there it goes back
 *      to the plain mean of the newest FORECAST_SLOW days, a fifth of the distance being left each
 *      day: what was unusual lately does not last.
 *   4. Days off. If at least eight of the last twelve weeks show worked days and days off, and
 * their difference is more than three times its own standard error, both kinds of day get a factor.
 *   5. Season. If the same week of last year and the one before it are known, a quarter of the
 *      change that happened then is expected again.
 *   6. Quantiles: how wrong this rule was at the ends of the last FORECAST_TRIALS days, as a share
 *      of what was expected.
 */
#ifndef YUFU_FORECAST_FORECAST_H
#define YUFU_FORECAST_FORECAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/calendar.h"
#include "base/err.h"

#define FORECAST_DAYS_MAX 512 /* of history; a year and the looks back from it */
#define FORECAST_AHEAD_MAX 31 /* days that can be forecast */
#define FORECAST_LOOK 28      /* days that the level comes from */
#define FORECAST_SLOW 10     /* days of the mean that the level goes back to */
#define FORECAST_TRIALS 90    /* days whose forecasts are compared with what happened */
#define FORECAST_USED_MAX INT64_C(10'000'000'000) /* of a day; more is a mistake */

enum forecast_known {
    FORECAST_UNKNOWN, /* nothing is known about the day: a gap, a recharge that hides the use */
    FORECAST_KNOWN,
    FORECAST_ESTIMATED, /* a share of what was used over a gap */
    FORECAST_KNOWNS
};

/* Ring of the last FORECAST_DAYS_MAX days; all zeros is the empty history. Days count from
 * 1970-01-01 (civil_days_from_date). Fields are the room's own. */
struct forecast_history {
    bool any;
    int32_t last; /* the newest day that was told */
    int64_t used[FORECAST_DAYS_MAX];
    uint8_t known[FORECAST_DAYS_MAX];
};

/* A day's use; told again it replaces what was told before. A day later than the newest leaves the
 * days between unknown. ERR_FORECAST_USE: not 0 .. FORECAST_USED_MAX; ERR_FORECAST_DAY: older than
 * the ring. Both change nothing. */
[[nodiscard]] enum err forecast_tell(struct forecast_history *h, int32_t day, int64_t used,
                                     enum forecast_known known);
/* UNKNOWN for a day outside the ring; *used is 0 then. */
enum forecast_known forecast_told(const struct forecast_history *h, int32_t day, int64_t *used);

enum forecast_quantile {
    FORECAST_POINT,
    FORECAST_P50,
    FORECAST_P90,
    FORECAST_P99,
    FORECAST_QUANTILES
};
const char *forecast_quantile_name(enum forecast_quantile q); /* "point", "p50" ...; never NULL */

/* What the forecast rests on: "from 26 days of the last 28". */
struct forecast_reason {
    int32_t similar;       /* days that the level comes from */
    int32_t trials;        /* past forecasts that the quantiles of one day come from */
    bool estimated;        /* estimated days had to do */
    bool empty;            /* the room is empty now */
    bool returned;         /* it was empty until a day or two ago */
    bool rest_days;        /* days off have a factor of their own */
    bool season;           /* last year's change counted */
    bool calendar_unknown; /* a day ahead is in a year whose holidays nobody announced */
};

struct forecast {
    int32_t from; /* the first day forecast, the one after `today` */
    int32_t days;
    int64_t day[FORECAST_AHEAD_MAX];                     /* point */
    int64_t sum[FORECAST_AHEAD_MAX][FORECAST_QUANTILES]; /* of days 0..i; rising with i, and
                                                            p50 <= p90 <= p99 */
    struct forecast_reason reason;
};

/*
 * The use of the `days` (1 .. FORECAST_AHEAD_MAX) days after `today`, from days up to `today` and
 * no later one. `calendar` NULL: only weekdays are known. ERR_FORECAST_SHORT: not one day is known
 * of the last FORECAST_LOOK; ERR_RANGE: `days`.
 */
[[nodiscard]] enum err forecast_make(const struct forecast_history *h,
                                     const struct calendar *calendar, int32_t today, int32_t days,
                                     struct forecast *out);
/* The point alone, without quantiles: much cheaper. sum[i][FORECAST_POINT] only. */
[[nodiscard]] enum err forecast_make_point(const struct forecast_history *h,
                                           const struct calendar *calendar, int32_t today,
                                           int32_t days, struct forecast *out);

/* The n-day rule: will `balance` not cover the next `days` days (strictly less)? Arrears never do.
 */
bool forecast_falls_short(const struct forecast *f, int64_t balance, int32_t days,
                          enum forecast_quantile q);

#define FORECAST_NEVER INT64_MAX
/* Whole days that `balance` covers: 0 in arrears or empty-handed; beyond the days forecast their
 * mean goes on; FORECAST_NEVER if nothing is used. */
int64_t forecast_days_left(const struct forecast *f, int64_t balance, enum forecast_quantile q);

#define FORECAST_TEXT_MAX 320
/* The reason as a sentence. */
void forecast_reason_en(const struct forecast_reason *r, char text[FORECAST_TEXT_MAX]);
void forecast_reason_zh(const struct forecast_reason *r, char text[FORECAST_TEXT_MAX]);

#endif
