/* The meter's own time: the clock chip plus a correction that every setting of the clock changes.
 */
#include "terminal/terminal_impl.h"

int64_t clock_now_s(const struct terminal *t)
{
    return t->rtc.s + t->books.clock_correction_s;
}

struct civil terminal_local_time(const struct terminal *t)
{
    return civil_from_wall((wall_s){clock_now_s(t)}, t->setup.zone_s);
}

int32_t clock_day(const struct terminal *t)
{
    return civil_local_day((wall_s){clock_now_s(t)}, t->setup.zone_s);
}

struct terminal_stamp clock_stamp(const struct terminal *t)
{
    struct civil c = terminal_local_time(t);
    return (struct terminal_stamp){
        (uint8_t)(c.year % 100), c.month, c.day, c.hour, c.minute, c.second};
}

/* What runs for a time runs on for as long, whatever the clock is set to. A clock that was lost did
 * not know when it would end. */
static void move_deadlines(struct terminal_books *b, int64_t step_s)
{
    b->timed_until_s += step_s;
    b->pretrip_until_s += step_s;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        b->hold[i].until_s += step_s;
}

bool clock_set(struct terminal *t, struct civil local)
{
    if (!civil_valid(local))
        return false;
    int64_t correction_s = civil_to_wall(local, t->setup.zone_s).s - t->rtc.s;
    if (!t->books.clock_lost)
        move_deadlines(&t->books, correction_s - t->books.clock_correction_s);
    t->books.clock_correction_s = correction_s;
    t->books.clock_lost = false;
    t->books.clock_sets++;
    t->books.broadcast_day = 0;
    t->books_dirty = true;
    hours_changed(t);
    return true;
}

bool clock_parse(const struct terminal *t, const uint8_t bcd[6], int64_t *utc_s)
{
    struct reader r = reader_of(bcd, 6);
    struct civil c = {0};
    c.second = (uint8_t)reader_bcd_le(&r, 1);
    c.minute = (uint8_t)reader_bcd_le(&r, 1);
    c.hour = (uint8_t)reader_bcd_le(&r, 1);
    c.day = (uint8_t)reader_bcd_le(&r, 1);
    c.month = (uint8_t)reader_bcd_le(&r, 1);
    c.year = 2000 + (int32_t)reader_bcd_le(&r, 1);
    if (r.err != ERR_OK || !civil_valid(c))
        return false;
    *utc_s = civil_to_wall(c, t->setup.zone_s).s;
    return true;
}

/* The zone that began last; before the first one of the year the last one of the year before goes
 * on. */
static unsigned table_of(const struct terminal_config *c, struct civil now)
{
    if (c->zone_count == 0)
        return 1;
    unsigned table = c->zones[c->zone_count - 1].table;
    for (unsigned i = 0; i < c->zone_count; i++)
        if (c->zones[i].month * 100 + c->zones[i].day <= now.month * 100 + now.day)
            table = c->zones[i].table;
    return table;
}

/* The period that began last; before the first one of the day the last one of yesterday goes on. */
unsigned terminal_rate_now(const struct terminal *t)
{
    const struct terminal_config *c = &t->config;
    struct civil now = terminal_local_time(t);
    bool second = table_of(c, now) == 2;
    const struct terminal_period *periods = second ? c->second : c->periods;
    unsigned count = second ? c->second_count : c->period_count;
    if (count == 0)
        return 3;
    unsigned minute = now.hour * 60U + now.minute;
    unsigned rate = periods[count - 1].rate;
    for (unsigned i = 0; i < count; i++)
        if (periods[i].hour * 60U + periods[i].minute <= minute)
            rate = periods[i].rate;
    return rate;
}
