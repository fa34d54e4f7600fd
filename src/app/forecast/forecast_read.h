/*
 * Balances as somebody wrote them down, turned into days: what was left at the end of each, and
 * what was used in it. A CSV with a heading: a date or a time, then one column of balances an
 * account.
 *
 * A day ends with its last reading. What was used is the sum of all falls since the last reading of
 * the day before. A rise is a recharge that hides what was used since the reading before it: where
 * that is long ago, the day's use is only known to be no less.
 */
#ifndef YUFU_APP_FORECAST_READ_H
#define YUFU_APP_FORECAST_READ_H

#include "base/err.h"
#include "forecast/forecast.h"

#define FORECAST_FILE_DAYS 10'000
#define FORECAST_COLUMNS 8
#define FORECAST_NAME_MAX 40
#define FORECAST_HIDDEN_H                                                                          \
    6                     /* a recharge hides no more than these hours: the day counts as known    \
                           */
#define FORECAST_GAP_H 36 /* nothing was read for longer: the days it touches are unknown */

enum forecast_day_kind {
    FORECAST_DAY_NONE, /* not read, or beside a gap */
    FORECAST_DAY_KNOWN,
    FORECAST_DAY_AT_LEAST, /* a recharge hides a part of it */
};
struct forecast_day {
    enum forecast_day_kind kind;
    bool read;    /* there is a balance */
    int64_t left; /* thousandths of the file's unit */
    int64_t used;
};

struct forecast_series {
    char name[2 * FORECAST_NAME_MAX + 2]; /* file, or file:column */
    int32_t first, count;                 /* days since 1970-01-01 */
    struct forecast_day *day;             /* owned */
};

struct forecast_file {
    struct forecast_series series[FORECAST_COLUMNS];
    size_t count;
    size_t bad_line; /* of an error; 0: the file as a whole */
};

/* ERR_IO_FILE, ERR_CSV_EMPTY, ERR_FORECAST_COLUMNS, ERR_FORECAST_TIME, ERR_FORECAST_ORDER, ERR_FORECAST_NUMBER,
 * ERR_FORECAST_SPAN, ERR_MEMORY; `out` is freed then but for bad_line. */
[[nodiscard]] enum err forecast_read(const char *path, struct forecast_file *out);
void forecast_file_free(struct forecast_file *f);

#endif
