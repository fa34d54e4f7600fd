/*
 * Does a setting leave a circuit without power? Then it counts with the cuts of the project. What
 * the terminal holds besides is taken as read last and as wished since; what nobody read may be
 * as the factory made it, without any hours: dark as soon as the hours count.
 */
#include "billing/billing.h"
#include "control/control.h"
#include "terminals/terminals_impl.h"

#define DAY_MIN 1440
/* That a dormitory is dark between evening and morning is usual, and a limit that light and a
 * telephone are below leaves nobody dark. Fixed, as the breaker's own numbers are: what a console
 * can widen does not stop a console that was broken into (docs/decisions/0012). */
#define MORNING_MIN (6 * 60)
#define EVENING_MIN (22 * 60)
#define LEAST_W 100
#define LEAST_MA 500

enum known { UNKNOWN, NO, YES };

static bool below(uint16_t limit, uint16_t least)
{
    return limit != 0 && limit < least;
}

static bool limits_dark(const struct meter_terminal_limits *l)
{
    return below(l->power_w, LEAST_W) || below(l->night_power_w, LEAST_W) ||
           below(l->current_ma, LEAST_MA) || below(l->night_ma, LEAST_MA);
}

static bool is_covered(const struct meter_terminal_period p[METER_TERMINAL_PERIODS],
                       unsigned minute)
{
    for (unsigned i = 0; i < METER_TERMINAL_PERIODS; i++) {
        bool after = minute >= p[i].begin_min, before = minute < p[i].end_min;
        bool over_midnight = p[i].end_min <= p[i].begin_min;
        if (p[i].cover != 0 && (over_midnight ? after || before : after && before))
            return true;
    }
    return false;
}

/* By day, or at this very minute. */
static bool hours_dark(struct bytes data, unsigned minute)
{
    struct meter_terminal_period p[METER_TERMINAL_PERIODS];
    if (meter_terminal_read_hours(data, p) != ERR_OK || !is_covered(p, minute))
        return true;
    for (unsigned m = MORNING_MIN; m < EVENING_MIN; m++)
        if (!is_covered(p, m))
            return true;
    return false;
}

/* --- what it holds besides -------------------------------------------------------------------- */

struct look {
    struct terminals_turn *t;
    const struct terminals_meter *m;
    unsigned minute; /* of the project's day, now */
};

typedef bool says(const struct look *l, struct bytes data);

static bool says_dark(const struct look *l, struct bytes data)
{
    return hours_dark(data, l->minute);
}

static bool says_timed(const struct look *l, struct bytes data)
{
    struct meter_terminal_limits limits;
    (void)l;
    return meter_terminal_read_limits(data, &limits) != ERR_OK || limits.timed;
}

/* Of what was read, and of what was wished since and may come. */
static enum err ask(const struct look *l, int64_t circuit, enum meter_terminal_item item, says *it,
                    enum known *answer)
{
    struct terminals_row row;
    TRY(terminals_row_load(l->t->tx, l->m->id, circuit, item, &row));
    const struct bytes read = {row.r.value, row.r.value_len};
    const struct bytes wished = {row.r.wanted, row.r.wanted_len};
    bool comes = row.r.state == TERMINALS_PENDING || row.r.state == TERMINALS_UNKNOWN;
    *answer = read.len > 0 ? NO : UNKNOWN;
    if ((read.len > 0 && it(l, read)) || (comes && wished.len > 0 && it(l, wished)))
        *answer = YES;
    return ERR_OK;
}

struct circuit {
    enum known timed;
    enum known dark; /* one of its days is; NO: neither */
};

static enum err look_at(const struct look *l, int64_t circuit, struct circuit *c)
{
    enum known work, rest;
    TRY(ask(l, circuit, METER_TERMINAL_LIMITS, says_timed, &c->timed));
    TRY(ask(l, circuit, METER_TERMINAL_WORKDAY, says_dark, &work));
    TRY(ask(l, circuit, METER_TERMINAL_HOLIDAY, says_dark, &rest));
    c->dark = work == YES || rest == YES ? YES : work == NO && rest == NO ? NO : UNKNOWN;
    return ERR_OK;
}

/* --- what is wished --------------------------------------------------------------------------- */

static enum err limits_leave_dark(const struct look *l, const struct terminals_wish *w, bool *dark)
{
    struct meter_terminal_limits limits;
    struct circuit c;
    TRY(look_at(l, w->circuit, &c));
    *dark = meter_terminal_read_limits(w->data, &limits) != ERR_OK || limits_dark(&limits) ||
            (limits.timed && c.dark != NO);
    return ERR_OK;
}

static enum err hours_leave_dark(const struct look *l, const struct terminals_wish *w, bool *dark)
{
    struct circuit c;
    TRY(look_at(l, w->circuit, &c));
    *dark = c.timed != NO && hours_dark(w->data, l->minute);
    return ERR_OK;
}

/* Days become holidays, or working days, with the hours that are there. */
static enum err calendar_leaves_dark(const struct look *l, bool *dark)
{
    *dark = false;
    for (int64_t i = 1; i <= l->m->circuits; i++) {
        struct circuit c;
        TRY(look_at(l, i, &c));
        *dark = *dark || (c.timed != NO && c.dark == YES) || (c.timed == YES && c.dark != NO);
    }
    return ERR_OK;
}

static enum err leaves_dark(const struct look *l, const struct terminals_wish *w, bool *dark)
{
    switch (w->item) {
    case METER_TERMINAL_LOCK:
        *dark = w->data.data[0] != 0;
        return ERR_OK;
    case METER_TERMINAL_LIMITS:
        return limits_leave_dark(l, w, dark);
    case METER_TERMINAL_WORKDAY:
    case METER_TERMINAL_HOLIDAY:
        return hours_leave_dark(l, w, dark);
    case METER_TERMINAL_CALENDAR:
        return calendar_leaves_dark(l, dark);
    default: /* resets, white lists and learning open nothing */
        *dark = false;
        return ERR_OK;
    }
}

enum err terminals_count_dark(struct terminals_turn *t, const struct terminals_meter *m,
                              const struct terminals_wish *w)
{
    int32_t offset_s;
    bool dark;
    TRY(billing_project_offset(t->tx, m->project_id, t->now, &offset_s));
    int64_t local_s = t->now.s + offset_s;
    const struct look l = {t, m, (unsigned)((local_s % 86'400 + 86'400) % 86'400 / 60)};
    const struct control_dark d = {m->id, w->circuit, meter_terminal_name(w->item), t->now};
    TRY(leaves_dark(&l, w, &dark));
    return dark ? control_darken(t->tx, &d) : control_lighten(t->tx, &d);
}
