/*
 * Time control: which minutes a circuit may have power in, and which of them are night.
 * A clock that was lost knows no hours: then every circuit is ON, without night limits, because
 * nobody is to sit in the dark for a flat battery.
 */
#include "terminal/terminal_impl.h"

#define DAY_MIN 1440

static enum terminal_day day_kind(const struct terminal_guard *g, struct civil c)
{
    for (unsigned i = 0; i < g->date_count; i++) {
        const struct terminal_date *d = &g->dates[i];
        if (2000 + d->year == c.year && d->month == c.month && d->day == c.day)
            return d->kind;
    }
    return g->weekend >> c.weekday & 1 ? TERMINAL_HOLIDAY : TERMINAL_WORKING_DAY;
}

static bool covers(const struct terminal_hours *h, unsigned minute)
{
    bool over_midnight = h->end_min <= h->begin_min;
    return over_midnight ? minute >= h->begin_min || minute < h->end_min
                         : minute >= h->begin_min && minute < h->end_min;
}

static uint8_t cover_of(const struct terminal_day_hours *d, unsigned minute)
{
    for (unsigned i = 0; i < d->count; i++)
        if (covers(&d->list[i], minute))
            return d->list[i].cover;
    return TERMINAL_COVER_OFF;
}

void hours_update(struct terminal *t)
{
    struct civil now = terminal_local_time(t);
    enum terminal_day kind = day_kind(&t->guard, now);
    t->rate = (uint8_t)terminal_rate_now(t);
    for (unsigned i = 0; i < t->setup.circuits; i++) {
        const struct terminal_rules *r = &t->guard.circuit[i];
        bool free = !r->timed || t->books.clock_lost;
        t->cover[i] =
            free ? TERMINAL_COVER_ON : cover_of(&r->hours[kind], now.hour * 60U + now.minute);
    }
}

void hours_changed(struct terminal *t)
{
    hours_update(t);
    t->second = t->cover_minute = INT64_MIN;
}

static bool overlap(const struct terminal_hours *a, const struct terminal_hours *b)
{
    return covers(a, b->begin_min) || covers(b, a->begin_min);
}

static bool period_valid(const struct terminal_hours *h)
{
    bool times = h->begin_min < DAY_MIN && h->end_min <= DAY_MIN;
    bool cover = h->cover == TERMINAL_COVER_ON || h->cover == TERMINAL_COVER_NIGHT;
    return times && cover && h->begin_min != h->end_min;
}

bool hours_valid(const struct terminal_day_hours *d)
{
    for (unsigned i = 0; i < d->count; i++) {
        if (!period_valid(&d->list[i]))
            return false;
        for (unsigned j = 0; j < i; j++)
            if (overlap(&d->list[i], &d->list[j]))
                return false;
    }
    return true;
}
