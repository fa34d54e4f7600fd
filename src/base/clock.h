/*
 * Two kinds of time, two types that do not mix.
 *
 *   mono_ms   milliseconds of a clock that only goes forward: deadlines, durations
 *   wall_s    seconds since 1970-01-01 UTC: tariffs, documents, records
 *
 * Neither is ever read here: engines are told `now`.
 */
#ifndef YUFU_BASE_CLOCK_H
#define YUFU_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    int64_t ms;
} mono_ms;

typedef struct {
    int64_t s;
} wall_s;

#define MONO_NEVER ((mono_ms){INT64_MAX})

static inline mono_ms mono_after(mono_ms t, int64_t delay_ms)
{
    return (mono_ms){t.ms + delay_ms};
}

static inline bool mono_due(mono_ms deadline, mono_ms now)
{
    return deadline.ms <= now.ms;
}

static inline mono_ms mono_later(mono_ms a, mono_ms b)
{
    return a.ms > b.ms ? a : b;
}

static inline mono_ms mono_earlier(mono_ms a, mono_ms b)
{
    return a.ms < b.ms ? a : b;
}

/* A civil date and time of some zone; month and day count from 1, weekday 0 = Sunday. */
struct civil {
    int32_t year;
    uint8_t month, day, hour, minute, second, weekday;
};

/* Days since 1970-01-01 of a proleptic Gregorian date, and back. Valid for years 1..9999. */
int32_t civil_days_from_date(int32_t year, unsigned month, unsigned day);
struct civil civil_from_days(int32_t days);

/* UTC seconds plus a zone offset in seconds east of Greenwich, as civil time, and back. */
struct civil civil_from_wall(wall_s t, int32_t offset_s);
wall_s civil_to_wall(struct civil c, int32_t offset_s);
bool civil_valid(struct civil c);

/* The local day number (days since 1970-01-01) in which t falls, and the first second of a local
 * day, for a fixed offset. */
int32_t civil_local_day(wall_s t, int32_t offset_s);
wall_s civil_day_start(int32_t local_day, int32_t offset_s);

#endif
