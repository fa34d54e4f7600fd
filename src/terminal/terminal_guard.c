/*
 * Load control: limits, forbidden heating, the unplugged air conditioner. A trip is held, and
 * closes again by itself after a waiting time, so many times a day; then it is locked until staff
 * resets it. Under keep-power only the rating of the circuit is watched.
 */
#include <string.h>

#include "base/must.h"
#include "terminal/terminal_impl.h"

#define STANDBY_MS 10'000 /* so long an air conditioner must be seen before it can be missed */
#define SMOOTH_MS 1'000
#define SUPPLY_DV 1'600 /* below, the supply itself is failing */
#define RETURN_MS 5'000 /* after closing: what was plugged in comes back at once */

void guard_factory(struct terminal *t)
{
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        t->guard.circuit[i] = (struct terminal_rules){.delay_s = 1,
                                                      .recloses = 3,
                                                      .reclose_s = 60,
                                                      .standby_ma = 5,
                                                      .unplugged_s = 5,
                                                      .load = load_settings_default()};
    t->guard.weekend = 1U << 0 | 1U << 6;
    t->guard_dirty = true;
}

/* --- trips ----------------------------------------------------------------------------------- */

static void trip(struct terminal *t, unsigned index, const struct terminal_why *why,
                 enum terminal_reason cause)
{
    struct terminal_hold *h = &t->books.hold[index];
    const struct terminal_rules *r = &t->guard.circuit[index];
    h->cause = (uint8_t)cause;
    h->locked = cause == TERMINAL_REASON_AIRCON || h->recloses >= r->recloses;
    h->until_s = clock_now_s(t) + r->reclose_s;
    t->why[index] = *why;
    t->books_dirty = true;
}

void guard_reset(struct terminal *t, unsigned index)
{
    t->watch[index].suspect = false;
    t->books.hold[index] = (struct terminal_hold){0};
    t->books_dirty = true;
}

/* A clock that was set back must not make the wait longer than it was set. */
static bool wait_over(struct terminal *t, unsigned index)
{
    struct terminal_hold *h = &t->books.hold[index];
    int64_t now_s = clock_now_s(t), longest_s = now_s + t->guard.circuit[index].reclose_s;
    if (h->until_s > longest_s) {
        h->until_s = longest_s;
        t->books_dirty = true;
    }
    return now_s >= h->until_s;
}

void guard_timers(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    int32_t day = clock_day(t);
    for (unsigned i = 0; i < t->setup.circuits; i++) {
        struct terminal_hold *h = &b->hold[i];
        if (day != b->hold_day && h->recloses > 0) {
            h->recloses = 0;
            t->books_dirty = true;
        }
        if (h->cause == 0 || h->locked || !wait_over(t, i))
            continue;
        h->cause = 0;
        h->recloses++;
        t->books_dirty = true;
    }
    b->hold_day = day;
}

/* --- limits ---------------------------------------------------------------------------------- */

enum measured { POWER, CURRENT };

static uint32_t rating(const struct terminal *t, unsigned index)
{
    (void)index;
    return t->setup.rating_ma;
}

static uint32_t current_limit(const struct terminal *t, unsigned index)
{
    return t->guard.circuit[index].current_ma;
}

static uint32_t power_limit(const struct terminal *t, unsigned index)
{
    return t->guard.circuit[index].power_w * 1000U;
}

static uint32_t night_power_limit(const struct terminal *t, unsigned index)
{
    return t->guard.circuit[index].night_power_w * 1000U;
}

static uint32_t night_current_limit(const struct terminal *t, unsigned index)
{
    return t->guard.circuit[index].night_ma;
}

/* A value above the limit for the whole delay trips; at the limit it may stay. */
static const struct limit {
    uint8_t reason, measured;
    uint32_t (*limit)(const struct terminal *t, unsigned index); /* 0: none */
    bool night;
} limits[] = {
    {TERMINAL_REASON_PROTECTION, CURRENT, rating, false},
    {TERMINAL_REASON_NIGHT, POWER, night_power_limit, true},
    {TERMINAL_REASON_NIGHT, CURRENT, night_current_limit, true},
    {TERMINAL_REASON_CURRENT, CURRENT, current_limit, false},
    {TERMINAL_REASON_LOAD, POWER, power_limit, false},
};

#define LIMITS (sizeof limits / sizeof limits[0])

static uint32_t value_of(const struct terminal *t, unsigned index, enum measured what)
{
    int32_t mw = t->sample.power_mw[index];
    return what == CURRENT ? t->sample.current_ma[index] : mw > 0 ? (uint32_t)mw : 0;
}

static bool applies(const struct terminal *t, unsigned index, const struct limit *l)
{
    if (t->books.keep_power && l->reason != TERMINAL_REASON_PROTECTION)
        return false;
    return !l->night || t->cover[index] == TERMINAL_COVER_NIGHT;
}

static bool exceeded(struct terminal *t, unsigned index, size_t which)
{
    mono_ms *since = &t->watch[index].over_since[which];
    uint32_t limit = limits[which].limit(t, index);
    bool over = limit > 0 && applies(t, index, &limits[which]) &&
                value_of(t, index, limits[which].measured) > limit;
    if (!over) {
        since->ms = 0;
        return false;
    }
    if (since->ms == 0)
        since->ms = t->now.ms > 0 ? t->now.ms : 1;
    return t->now.ms - since->ms >= t->guard.circuit[index].delay_s * INT64_C(1000);
}

/* A trip that keep-power hides must not hide that the wiring is in danger. */
static bool held_for(const struct terminal *t, unsigned index, enum terminal_reason reason)
{
    uint8_t cause = t->books.hold[index].cause;
    return cause == reason || (cause != 0 && reason != TERMINAL_REASON_PROTECTION);
}

static void watch_limits(struct terminal *t, unsigned index)
{
    for (size_t i = 0; i < LIMITS; i++) {
        if (!exceeded(t, index, i) || held_for(t, index, limits[i].reason))
            continue;
        struct terminal_why why = {
            .value = value_of(t, index, limits[i].measured),
            .limit = limits[i].limit(t, index),
        };
        trip(t, index, &why, limits[i].reason);
    }
}

/* --- forbidden heating ----------------------------------------------------------------------- */

static struct load_sample sample_of(const struct terminal *t, unsigned index)
{
    const struct terminal_sample *s = &t->sample;
    struct load_sample x = {
        .now = t->now,
        .power_mw = s->power_mw[index],
        .reactive_mvar = s->reactive_mvar[index],
        .current_ma = s->current_ma[index],
        .voltage_dv = s->voltage_dv[0],
        .has_reactive = s->has_reactive,
        .has_current = s->current_ma[index] > 0,
        .has_harmonics = s->has_harmonics,
    };
    memcpy(x.harmonic_ma, s->harmonic_ma[index], sizeof x.harmonic_ma);
    return x;
}

static struct terminal_why why_of(const struct load_event *e)
{
    const struct load_step *s = &e->step;
    return (struct terminal_why){
        .verdict = (uint8_t)e->verdict,
        .flags = (uint8_t)(s->settled | s->ramp << 1 | s->has_reactive << 2 | s->has_third << 3),
        .factor = s->factor,
        .inrush = s->inrush,
        .third = s->third,
        .power_mw = s->power_mw,
        .reactive_mvar = s->reactive_mvar,
    };
}

void guard_learn(struct terminal *t, unsigned index, uint32_t seconds)
{
    t->watch[index].learn_until = mono_after(t->now, seconds * INT64_C(1000));
}

/* The first load that is switched on while learning is allowed from now on, if there is room. */
static bool learnt(struct terminal *t, unsigned index, const struct load_step *step)
{
    struct load_settings *s = &t->guard.circuit[index].load;
    mono_ms *until = &t->watch[index].learn_until;
    if (t->now.ms >= until->ms || step->power_mw < s->limit_mw)
        return false;
    for (unsigned i = 0; i < LOAD_WHITE_MAX; i++) {
        if (s->white[i].power_mw != 0)
            continue;
        s->white[i] = (struct load_white){step->power_mw, step->reactive_mvar};
        t->guard_dirty = true;
        until->ms = 0;
        return true;
    }
    return false;
}

/* When a circuit closes, all that is plugged in comes back as one step. What white loads explain is
 * no heating; after a trip for heating, what drew before it is taken off first. */
static enum load_verdict judge_return(struct terminal *t, unsigned index,
                                      const struct load_event *e)
{
    struct terminal_watch *w = &t->watch[index];
    const struct load_settings *s = &t->guard.circuit[index].load;
    enum load_verdict alone = LOAD_OTHER;
    if (w->suspect)
        alone = load_judge_return(&e->step, &w->before, t->why[index].power_mw, s);
    w->suspect = false;
    if (load_forbidden(alone))
        return alone;
    return load_forbidden(e->verdict) && load_explained(&e->step, s) ? LOAD_WHITE : e->verdict;
}

static void watch_heating(struct terminal *t, unsigned index, bool closed)
{
    const struct terminal_rules *r = &t->guard.circuit[index];
    struct load_sample x = sample_of(t, index);
    struct load_event e;
    if (!load_take(&t->watch[index].load, &r->load, &x, &e) || !closed)
        return;
    if (learnt(t, index, &e.step) || !r->malignant || t->books.keep_power)
        return;
    bool returns = e.step.power_mw > 0 && e.at.ms - t->watch[index].closed_since.ms <= RETURN_MS;
    if (returns)
        e.verdict = judge_return(t, index, &e);
    if (!load_forbidden(e.verdict) || t->books.hold[index].cause != 0)
        return;
    t->watch[index].suspect = true;
    if (!returns)
        t->watch[index].before = e.before;
    struct terminal_why why = why_of(&e);
    trip(t, index, &why, TERMINAL_REASON_MALIGNANT);
}

/* --- the air conditioner --------------------------------------------------------------------- */

static void forget_standby(struct terminal_watch *w)
{
    w->standby = false;
    w->standby_ua = 0;
    w->standby_since.ms = w->gone_since.ms = 0;
}

/* The mean of about a second: a chip's noise at a few milliampere is as large as they are. */
static uint32_t smooth(uint32_t mean, uint32_t v, int64_t passed_ms)
{
    return (uint32_t)((mean * INT64_C(1000) + v * passed_ms) / (SMOOTH_MS + passed_ms));
}

/* Since when `on` holds; 0 while it does not. */
static int64_t lasting(mono_ms *since, mono_ms now, bool on)
{
    if (!on)
        since->ms = 0;
    else if (since->ms == 0)
        since->ms = now.ms > 0 ? now.ms : 1;
    return on ? now.ms - since->ms : -1;
}

/* Seen for a while, then gone for a while, with the supply there and the relay closed: unplugged.
 * Present is at least the set standby current, gone is less than half of it. */
static void watch_aircon(struct terminal *t, unsigned index, bool closed)
{
    const struct terminal_rules *r = &t->guard.circuit[index];
    struct terminal_watch *w = &t->watch[index];
    int64_t passed_ms = t->now.ms - w->seen_at.ms;
    w->seen_at = t->now;
    if (!r->aircon || !closed || t->sample.voltage_dv[0] < SUPPLY_DV || t->books.keep_power) {
        forget_standby(w);
        return;
    }
    uint32_t ua = t->sample.current_ma[index] * 1000U, least = r->standby_ma * 1000U;
    w->standby_ua = smooth(w->standby_ua, ua, passed_ms > 0 ? passed_ms : 0);
    if (lasting(&w->standby_since, t->now, w->standby_ua >= least) >= STANDBY_MS)
        w->standby = true;
    bool gone = w->standby && w->standby_ua < least / 2;
    if (lasting(&w->gone_since, t->now, gone) < r->unplugged_s * INT64_C(1000))
        return;
    if (!gone || t->books.hold[index].cause != 0)
        return;
    struct terminal_why why = {.value = w->standby_ua / 1000, .limit = r->standby_ma};
    trip(t, index, &why, TERMINAL_REASON_AIRCON);
    forget_standby(w);
}

/* Only the single-phase terminal measures each of its circuits. */
bool guard_measure(struct terminal *t)
{
    uint8_t tripped = 0;
    if (t->setup.rating_ma == 0 || t->setup.phases != 1)
        return false;
    for (unsigned i = 0; i < t->setup.circuits; i++) {
        bool closed = !(t->open_now >> i & 1);
        uint8_t cause = t->books.hold[i].cause;
        if (closed)
            watch_limits(t, i);
        else
            memset(t->watch[i].over_since, 0, sizeof t->watch[i].over_since);
        watch_heating(t, i, closed);
        watch_aircon(t, i, closed);
        tripped |= cause ^ t->books.hold[i].cause;
    }
    return tripped != 0;
}
