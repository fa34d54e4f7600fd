/* Days under a plan: cycles, schedules, the rate of a minute. */
#include "base/must.h"
#include "rating/period_impl.h"

int32_t rating_month_of(int32_t local_day)
{
    struct civil day = civil_from_days(local_day);
    return day.year * 12 + day.month - 1;
}

/* --- cycles --------------------------------------------------------------------------------------
 */

static const int32_t cycle_months[RATING_CYCLES] = {[RATING_MONTH] = 1,
                                                    [RATING_TWO_MONTHS] = 2,
                                                    [RATING_SEASON] = 3,
                                                    [RATING_YEAR] = 12,
                                                    [RATING_HEATING_SEASON] = 12};

/* The 29th of February is the 28th in most years. */
static int32_t first_of(const struct rating_ladder *ladder, int32_t month)
{
    int32_t year = month / 12, next = month + 1;
    int32_t first = civil_days_from_date(year, (unsigned)(month % 12) + 1, 1);
    int32_t end = civil_days_from_date(next / 12, (unsigned)(next % 12) + 1, 1);
    int32_t day = first + ladder->start.day - 1;
    return day < end ? day : end - 1;
}

/* The month, as year * 12 + month from 0, in which the day's cycle began. */
static int32_t cycle_month(const struct rating_ladder *ladder, int32_t local_day)
{
    int32_t length = cycle_months[ladder->cycle];
    int32_t shift = ladder->start.month > 0 ? ladder->start.month - 1 : 0;
    int32_t month = rating_month_of(local_day);
    month -= (month - shift + 12) % length;
    return first_of(ladder, month) > local_day ? month - length : month;
}

/* The day after the last of a heating season, as if it began a cycle of its own. */
static int32_t after_season(const struct rating_ladder *ladder, int32_t local_day, bool next)
{
    struct rating_ladder stop = {.cycle = RATING_YEAR, .start = ladder->end};
    int32_t month = cycle_month(&stop, local_day - 1) + (next ? cycle_months[RATING_YEAR] : 0);
    return first_of(&stop, month) + 1;
}

int32_t rating_cycle_start(const struct rating_ladder *ladder, int32_t local_day)
{
    int32_t start = first_of(ladder, cycle_month(ladder, local_day));
    if (ladder->cycle != RATING_HEATING_SEASON)
        return start;
    int32_t after = after_season(ladder, local_day, false);
    return after > start ? after : start;
}

int32_t rating_cycle_next(const struct rating_ladder *ladder, int32_t local_day)
{
    int32_t next = first_of(ladder, cycle_month(ladder, local_day) + cycle_months[ladder->cycle]);
    if (ladder->cycle != RATING_HEATING_SEASON)
        return next;
    int32_t after = after_season(ladder, local_day, true);
    return after < next ? after : next;
}

/* --- schedules -----------------------------------------------------------------------------------
 */

/* Within from..to, both included, also over the new year. */
static bool in_dates(const struct rating_schedule *s, const struct civil *day)
{
    unsigned at = day->month * 32u + day->day;
    unsigned from = s->from.month * 32u + s->from.day, to = s->to.month * 32u + s->to.day;
    if (s->from.month == 0)
        return true;
    return from <= to ? from <= at && at <= to : at >= from || at <= to;
}

static bool is_named(const struct rating_plan *plan, const struct rating_schedule *s, int32_t day)
{
    for (size_t i = 0; i < s->date_count; i++)
        if (plan->dates[s->first_date + i] == day)
            return true;
    return s->date_count == 0;
}

static unsigned bits_of(enum calendar_kind kind, unsigned weekday)
{
    bool worked = calendar_is_worked(kind);
    return 1u << (RATING_DAY_SUNDAY + weekday) |
           1u << (worked ? RATING_DAY_WORKDAY : RATING_DAY_RESTDAY) |
           (kind == CALENDAR_HOLIDAY ? 1u << RATING_DAY_HOLIDAY : 0) |
           (kind == CALENDAR_MAKEUP ? 1u << RATING_DAY_MAKEUP : 0);
}

size_t rating_schedule_of(const struct rating_plan *plan, const struct calendar *calendar,
                          int32_t local_day, bool *unknown)
{
    struct civil day = civil_from_days(local_day);
    const struct calendar *known = calendar ? calendar : calendar_find(plan->calendar);
    unsigned bits = bits_of(calendar_guess(known, local_day), day.weekday);
    bool asked = false;
    size_t i = 0;
    for (; i + 1 < plan->schedule_count; i++) {
        const struct rating_schedule *s = &plan->schedules[i];
        if ((s->months != 0 && !(s->months & 1u << (day.month - 1))) || !in_dates(s, &day) ||
            !is_named(plan, s, local_day))
            continue;
        asked = asked || s->days & RATING_DAY_TYPES;
        if (s->days == 0 || s->days & bits)
            break;
    }
    if (unknown)
        *unknown = asked && !calendar_knows(known, day.year);
    return i;
}

static bool covers(const struct rating_period *p, unsigned minute)
{
    if (p->from_minute < p->to_minute)
        return p->from_minute <= minute && minute < p->to_minute;
    return minute >= p->from_minute || minute < p->to_minute;
}

enum rating_rate rating_rate_on(const struct rating_plan *plan, const struct calendar *calendar,
                                int32_t local_day, unsigned minute)
{
    MUST(minute < RATING_DAY_MINUTES);
    if (plan->schedule_count == 0)
        return rating_rate_at(plan, minute);
    const struct rating_schedule *s =
        &plan->schedules[rating_schedule_of(plan, calendar, local_day, NULL)];
    for (size_t i = 0; i < s->period_count; i++)
        if (covers(&s->periods[i], minute))
            return s->periods[i].rate;
    return RATING_TOTAL;
}
