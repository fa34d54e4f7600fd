/* The engine's days and holidays against those counted out: days_check HOLIDAYS. */
#include <stdio.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "days.h"

static const enum calendar_kind kinds[] = {
    [DAY_WORKDAY] = CALENDAR_WORKDAY,
    [DAY_RESTDAY] = CALENDAR_RESTDAY,
    [DAY_HOLIDAY] = CALENDAR_HOLIDAY,
    [DAY_MAKEUP] = CALENDAR_MAKEUP,
};

/* A year that the table does not know may be known to the calendar only if it lies before. */
static bool kind_agrees(const struct calendar *cn, const struct date *d, int day)
{
    enum calendar_kind kind = calendar_kind_of(cn, day);
    if (d->known)
        return kind == kinds[d->kind] && calendar_guess(cn, day) == kind &&
               calendar_is_worked(kind) == (d->kind == DAY_WORKDAY || d->kind == DAY_MAKEUP);
    if (calendar_knows(cn, d->year))
        return d->year < 2024;
    return kind == CALENDAR_UNKNOWN && calendar_guess(cn, day) == kinds[d->kind] &&
           calendar_kind_of(NULL, day) == CALENDAR_UNKNOWN;
}

int main(int argc, char **argv)
{
    const struct calendar *cn = calendar_find("CN");
    int passed = 0, failed = 0;
    if (argc != 2 || !cn || !days_begin(argv[1]))
        return 2;
    for (int day = 0; day < days_count(); day++) {
        const struct date *d = day_date(day);
        bool good = civil_days_from_date(d->year, (unsigned)d->month, (unsigned)d->day) == day &&
                    kind_agrees(cn, d, day);
        passed += good;
        failed += !good;
        if (!good && failed < 10)
            printf("%d-%02d-%02d: the calendar says %s\n", d->year, d->month, d->day,
                   calendar_kind_name(calendar_kind_of(cn, day)));
    }
    printf("%d days agree, %d do not\n", passed, failed);
    return failed || !passed;
}
