#include "base/calendar.h"

#include <string.h>

#include "base/clock.h"

static const struct calendar_span china_spans[] = {
#define CALENDAR_SPAN(year, month, day, last_month, last_day, worked)                              \
    {year, month, day, last_month, last_day, worked},
#include "base/calendar_table.h"
#undef CALENDAR_SPAN
};

static const struct calendar calendars[] = {
    {"CN", 2024, 2026, china_spans, sizeof china_spans / sizeof *china_spans},
};

static const char *const names[CALENDAR_KINDS] = {"workday", "restday", "holiday", "makeup",
                                                  "unknown"};

const char *calendar_kind_name(enum calendar_kind kind)
{
    return kind < CALENDAR_KINDS ? names[kind] : "?";
}

const struct calendar *calendar_find(const char *code)
{
    for (size_t i = 0; i < sizeof calendars / sizeof *calendars; i++)
        if (strcmp(calendars[i].code, code) == 0)
            return &calendars[i];
    return NULL;
}

bool calendar_knows(const struct calendar *calendar, int32_t year)
{
    return calendar && year >= calendar->first_year && year <= calendar->last_year;
}

static bool within(const struct calendar_span *span, const struct civil *c)
{
    int at = c->month * 32 + c->day;
    return span->year == c->year && at >= span->month * 32 + span->day &&
           at <= span->last_month * 32 + span->last_day;
}

static enum calendar_kind by_weekday(const struct civil *c)
{
    return c->weekday == 0 || c->weekday == 6 ? CALENDAR_RESTDAY : CALENDAR_WORKDAY;
}

enum calendar_kind calendar_kind_of(const struct calendar *calendar, int32_t day)
{
    struct civil c = civil_from_days(day);
    if (!calendar_knows(calendar, c.year))
        return CALENDAR_UNKNOWN;
    for (size_t i = 0; i < calendar->span_count; i++)
        if (within(&calendar->spans[i], &c))
            return calendar->spans[i].worked ? CALENDAR_MAKEUP : CALENDAR_HOLIDAY;
    return by_weekday(&c);
}

enum calendar_kind calendar_guess(const struct calendar *calendar, int32_t day)
{
    enum calendar_kind kind = calendar_kind_of(calendar, day);
    struct civil c = civil_from_days(day);
    return kind == CALENDAR_UNKNOWN ? by_weekday(&c) : kind;
}

bool calendar_is_worked(enum calendar_kind kind)
{
    return kind == CALENDAR_WORKDAY || kind == CALENDAR_MAKEUP;
}
