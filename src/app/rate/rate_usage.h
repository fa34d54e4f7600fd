/* The usage file of `yufu rate`: docs/manual/rate.md says what its columns mean. */
#ifndef YUFU_APP_RATE_USAGE_H
#define YUFU_APP_RATE_USAGE_H

#include "base/clock.h"
#include "rating/rating.h"

#define RATE_REGISTERS (RATING_RATES + 1) /* total, then the rates; a meter has no deep valley */

struct rate_row {
    int64_t line;    /* of the file */
    wall_s from, to; /* dated files only */
    int64_t
        wh[RATE_REGISTERS]; /* as written: used, or register; 0 if the file has no such column */
    int64_t reactive_wh;
    bool estimated;
};

struct rate_usage {
    bool dated;
    bool readings;            /* a column `time`: each row is a reading, the first opens the bill */
    bool has[RATE_REGISTERS]; /* columns that are there */
    bool has_reactive;
    struct rate_row *rows;
    size_t count, room;
    char where[512]; /* of an error: the row and column it was found in */
    char hint[320];  /* of an error: the cell, and what it should be; "": none */
};

/* "2026-07-01", "2026-07-01 08:30[:15]", with a T instead of the blank, with Z or +08:00 after it;
 * without: local time at offset_s. 24:00 is the end of the day. */
bool rate_parse_time(const char *text, int32_t offset_s, wall_s *at);

/* Reads the file. The unit is that of the plan: a column "peak_kWh" must fit it. On an error
 * `where` says in which place; close anyway. */
[[nodiscard]] enum err rate_usage_load(struct rate_usage *u, const char *path,
                                       enum rating_unit unit, int32_t offset_s);
void rate_usage_close(struct rate_usage *u);

#endif
