/* Which schedule and which rate a day has, and stretches as text. */
#include <inttypes.h>
#include <stdlib.h>

#include "stretch.h"

static bool date_within(const struct schedule *s, const struct date *d)
{
    int from = s->from_month * 100 + s->from_day, to = s->to_month * 100 + s->to_day;
    int at = d->month * 100 + d->day;
    return from <= to ? from <= at && at <= to : at >= from || at <= to;
}

static bool day_is_named(const struct schedule *s, const struct date *d)
{
    bool named = s->date_count == 0;
    for (int i = 0; i < s->date_count; i++)
        named = named || s->dates[i] == d->year * 10000 + d->month * 100 + d->day;
    return named;
}

static bool day_fits(const struct schedule *s, const struct date *d)
{
    bool worked = d->kind == DAY_WORKDAY || d->kind == DAY_MAKEUP;
    unsigned is = 1u << (d->weekday - 1) | 1u << (worked ? ON_WORKDAY : ON_RESTDAY);
    if (d->kind == DAY_HOLIDAY)
        is |= 1u << ON_HOLIDAY;
    if (d->kind == DAY_MAKEUP)
        is |= 1u << ON_MAKEUP;
    return (!s->months || (s->months >> (d->month - 1) & 1)) && (!s->days || (s->days & is)) &&
           (!s->from_month || date_within(s, d)) && day_is_named(s, d);
}

/* Whether a schedule has to ask the calendar about the day. */
static bool asks(const struct schedule *s, const struct date *d)
{
    struct schedule dates = *s;
    dates.days = 0;
    return s->days >> ON_WORKDAY && day_fits(&dates, d);
}

bool day_is_guessed(const struct plan *p, int day)
{
    const struct date *d = day_date(day);
    for (int i = 0; i < p->schedule_count && !d->known; i++) {
        if (asks(&p->schedules[i], d))
            return true;
        if (day_fits(&p->schedules[i], d))
            return false;
    }
    return false;
}

int schedule_of(const struct plan *p, int day)
{
    for (int i = 0; i < p->schedule_count; i++)
        if (day_fits(&p->schedules[i], day_date(day)))
            return i;
    return -1;
}

const struct span *spans_of(const struct plan *p, int schedule, int *count)
{
    *count = schedule < 0 ? p->span_count : p->schedules[schedule].span_count;
    return schedule < 0 ? p->spans : p->schedules[schedule].spans;
}

int rate_at(const struct plan *p, int schedule, int minute)
{
    int count;
    const struct span *spans = spans_of(p, schedule, &count);
    for (int i = 0; i < count; i++) {
        const struct span *x = &spans[i];
        if (x->from < x->to ? x->from <= minute && minute < x->to
                            : minute >= x->from || minute < x->to)
            return x->rate;
    }
    abort();
}

/* --- text --------------------------------------------------------------------------------------
 */

void due_print(const struct due *due, struct text *out)
{
    static const char *const kinds[] = {"energy",  "surcharge", "component", "fee",
                                        "minimum", "free",      "factor",    "subsidy"};
    for (int i = 0; i < due->part_count; i++) {
        const struct stretch_part *x = &due->parts[i];
        text_add(out, "  part %d: %" PRId64 "..%" PRId64 " cycle %d quota %d entry %d%s%s\n", i,
                 x->from, x->to, x->cycle, x->quota, x->entry, x->shared ? " shared" : "",
                 x->moved_in ? " moved in" : "");
    }
    for (int i = 0; i < due->cell_count; i++) {
        const struct cell *x = &due->cells[i];
        text_add(out,
                 "  %s part %d step %d %s%s%s entry %d schedule %d: %" PRId64 " x %" PRId64 "e-8\n",
                 kinds[x->kind], x->part, x->step, x->rate < 0 ? "total" : rate_words[x->rate],
                 x->code ? " " : "", x->code ? x->code : "", x->entry, x->schedule, x->quantity,
                 x->price_e8);
    }
}

void stretch_print(const struct stretch *s, struct text *out)
{
    text_add(out,
             "opened %" PRId64 " closed %" PRId64
             " offset %d persons %d opened_day %d area %" PRId64 "%s\n",
             s->opened, s->closed, s->offset, s->persons, s->opened_day, s->area,
             s->bare ? " bare" : "");
    for (int i = 0; i < s->row_count; i++) {
        const struct stretch_row *x = &s->rows[i];
        text_add(out, "  %" PRId64 "..%" PRId64 " total %" PRId64 " rates", x->from, x->to,
                 x->used.total);
        for (int r = 0; r < RATES; r++)
            text_add(out, " %" PRId64, x->used.rate[r]);
        text_add(out, "%s\n", x->has_rates ? "" : " (none)");
    }
}
