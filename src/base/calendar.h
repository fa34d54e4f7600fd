/*
 * Calendars of public holidays: which days of a known year are off, and which weekend days are
 * worked instead. A year that was never announced is UNKNOWN, not plain weekdays: whoever asks must
 * say so, and may then fall back on the weekday (calendar_guess).
 *
 * Days are counted from 1970-01-01 (civil_days_from_date).
 */
#ifndef YUFU_BASE_CALENDAR_H
#define YUFU_BASE_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum calendar_kind {
    CALENDAR_WORKDAY, /* Monday to Friday */
    CALENDAR_RESTDAY, /* Saturday, Sunday */
    CALENDAR_HOLIDAY, /* off by announcement; weekends inside the block too */
    CALENDAR_MAKEUP,  /* a weekend day that is worked */
    CALENDAR_UNKNOWN, /* of a year that the calendar does not know */
    CALENDAR_KINDS
};
const char *calendar_kind_name(enum calendar_kind kind); /* "workday" ...; never NULL */

/* Days of one kind, first to last, within one year. */
struct calendar_span {
    int16_t year;
    uint8_t month, day;           /* the first */
    uint8_t last_month, last_day; /* the last, included */
    bool worked;                  /* MAKEUP instead of HOLIDAY */
};

/* Borrowed: spans must outlive it. The years first..last are known, without a gap. */
struct calendar {
    const char *code; /* "CN" */
    int32_t first_year, last_year;
    const struct calendar_span *spans; /* ascending, not overlapping */
    size_t span_count;
};

/* The built-in calendars; NULL: there is none of this code. */
const struct calendar *calendar_find(const char *code);

bool calendar_knows(const struct calendar *calendar, int32_t year);
/* `calendar` NULL knows no year. */
enum calendar_kind calendar_kind_of(const struct calendar *calendar, int32_t day);
/* The same; what is unknown is taken by its weekday, WORKDAY or RESTDAY. */
enum calendar_kind calendar_guess(const struct calendar *calendar, int32_t day);
/* WORKDAY and MAKEUP are worked. */
bool calendar_is_worked(enum calendar_kind kind);

#endif
