/* Hours, limits, and what may be recognised in a circuit. */
#include <stdio.h>
#include <string.h>

#include "model.h"

static int day_kind(const struct model *m, const struct m_date *d)
{
    int kind = m->guard.weekend >> d->weekday & 1 ? TERMINAL_HOLIDAY : TERMINAL_WORKING_DAY;
    for (int i = m->guard.dates - 1; i >= 0; i--) /* the first of the same date counts */
        if (m->guard.date[i].year == d->year && m->guard.date[i].month == d->month &&
            m->guard.date[i].day == d->day)
            kind = m->guard.date[i].kind;
    return kind;
}

/* Every minute of a day belongs to the table of that day; a period past midnight covers the early
 * minutes of the same table. */
int model_cover(const struct model *m, int c)
{
    if (m->books.clock_lost || !m->guard.rules[c].timed)
        return TERMINAL_COVER_ON;
    struct m_date d = model_local(m);
    int minute = d.hour * 60 + d.minute;
    const struct m_hours *list = m->guard.rules[c].hours[day_kind(m, &d)];
    for (int i = 0; i < TERMINAL_HOURS; i++) {
        const struct m_hours *h = &list[i];
        if (h->cover == 0)
            continue;
        bool wraps = h->end <= h->begin;
        bool in =
            wraps ? minute >= h->begin || minute < h->end : minute >= h->begin && minute < h->end;
        if (in)
            return h->cover;
    }
    return TERMINAL_COVER_OFF;
}

struct limit {
    int cause;
    uint32_t value, allowed; /* allowed 0: none */
};

static void limits(const struct model *m, int c, struct limit out[LIMITS])
{
    const struct m_rules *r = &m->guard.rules[c];
    uint32_t ma = m->sample.current_ma[c];
    uint32_t mw = m->sample.power_mw[c] > 0 ? (uint32_t)m->sample.power_mw[c] : 0;
    bool night = model_cover(m, c) == TERMINAL_COVER_NIGHT;
    out[LIMIT_PROTECTION] = (struct limit){TERMINAL_REASON_PROTECTION, ma, m->setup.rating_ma};
    out[LIMIT_NIGHT_POWER] =
        (struct limit){TERMINAL_REASON_NIGHT, mw, night ? (uint32_t)r->night_w * 1000 : 0};
    out[LIMIT_NIGHT_CURRENT] =
        (struct limit){TERMINAL_REASON_NIGHT, ma, night ? (uint32_t)r->night_ma : 0};
    out[LIMIT_CURRENT] = (struct limit){TERMINAL_REASON_CURRENT, ma, (uint32_t)r->current_ma};
    out[LIMIT_POWER] = (struct limit){TERMINAL_REASON_LOAD, mw, (uint32_t)r->power_w * 1000};
}

/* The first limit that was exceeded for its whole delay; -1 none. */
static int exceeded(struct model *m, int c, const struct limit list[LIMITS])
{
    int found = -1;
    for (int i = 0; i < LIMITS; i++) {
        bool over = list[i].allowed != 0 && list[i].value > list[i].allowed;
        if (i != LIMIT_PROTECTION && m->books.keep_power)
            over = false;
        if (!over)
            m->over_since[c][i] = -1;
        else if (m->over_since[c][i] < 0)
            m->over_since[c][i] = m->now_ms;
        int64_t delay_ms = m->guard.rules[c].delay_s * INT64_C(1000);
        bool held = m->books.hold[c].cause == list[i].cause ||
                    (m->books.hold[c].cause != 0 && i != LIMIT_PROTECTION);
        if (over && !held && m->now_ms - m->over_since[c][i] >= delay_ms && found < 0)
            found = i;
    }
    return found;
}

static void judge_claim(struct model *m, int c, int claim)
{
    bool may = claim == TERMINAL_REASON_MALIGNANT ? m->may_trip[c] && m->guard.rules[c].malignant
                                                  : m->may_unplug[c] && m->guard.rules[c].aircon;
    if (!may || m->books.keep_power) {
        snprintf(m->complaint, sizeof m->complaint, "circuit %d: %s, which must not be", c + 1,
                 claim == TERMINAL_REASON_MALIGNANT ? "malignant" : "unplugged");
        return;
    }
    m_trip(m, c, claim);
}

static void watch(struct model *m, int c, int claim)
{
    if (m->books.open[c]) {
        for (int i = 0; i < LIMITS; i++)
            m->over_since[c][i] = -1;
        return;
    }
    struct limit list[LIMITS];
    limits(m, c, list);
    int i = exceeded(m, c, list);
    int before = m->books.hold[c].cause;
    if (i >= 0)
        m_trip(m, c, list[i].cause);
    else if ((claim == TERMINAL_REASON_MALIGNANT || claim == TERMINAL_REASON_AIRCON) &&
             claim != before)
        judge_claim(m, c, claim);
    m_settle(m);
    if (i >= 0 && m->books.open[c]) {
        m->books.trip[0].limit = true;
        m->books.trip[0].value = list[i].value;
        m->books.trip[0].allowed = list[i].allowed;
    }
}

void model_measure(struct model *m, const struct terminal_sample *s, const int claim[3])
{
    m->sample = *s;
    if (m->setup.phases == 1 && m->setup.rating_ma != 0)
        for (int c = 0; c < m->setup.circuits; c++)
            watch(m, c, claim[c]);
    m_settle(m);
}
