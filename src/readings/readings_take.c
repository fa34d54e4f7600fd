/* The checks on one value, in memory only: range, order, plausibility, falls. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/must.h"
#include "readings/readings_impl.h"

#define FUTURE_S 300 /* a gateway's clock may be this far ahead */
#define PAST_S (INT64_C(400) * DAY_S)
#define GAP_S 3600  /* a longer silence of a meter is worth a row */
#define GRAIN_WH 20 /* registers are cut to 10 Wh, at both ends */
#define JITTER_S 10 /* between the meter's instant and the gateway's time stamp */
#define TELL_EVERY_S 3600

static void note(struct taking *t, const struct note *n)
{
    MUST(t->r->note_count < NOTES_MAX);
    t->r->notes[t->r->note_count++] = *n;
}

static void refuse(struct taking *t, const struct note *n)
{
    t->moved->refused++;
    note(t, n);
}

/* R1: what the meter's power allows between two readings, with a fifth to spare. */
static bool plausible(const struct meter *m, const struct point_rule *rule, int64_t delta,
                      int64_t seconds)
{
    if (!rule->energy)
        return true;
    __int128 allowed = (__int128)m->place.power_max_w * (seconds + JITTER_S) * 12 / 36'000;
    return delta <= GRAIN_WH + allowed;
}

static unsigned *change_of(struct readings_moved *moved, int64_t meter_id)
{
    for (size_t i = 0; i < moved->count; i++)
        if (moved->meter[i].meter_id == meter_id)
            return &moved->meter[i].change;
    MUST(moved->count < UPLINK_READINGS_MAX);
    moved->meter[moved->count].meter_id = meter_id;
    moved->meter[moved->count].change = 0;
    return &moved->meter[moved->count++].change;
}

struct value {
    struct meter *m;
    int slot;
    int64_t at, value;
};

static struct note note_of(const struct value *v, enum readings_verdict verdict)
{
    bool known = v->m->present >> v->slot & 1;
    return (struct note){.meter_id = v->m->id,
                         .at = v->at,
                         .point = point_rules[v->slot].point,
                         .old = known ? v->m->value[v->slot] : 0,
                         .new = v->value,
                         .verdict = verdict};
}

static enum err keep_sample(const struct value *v, enum block_began began)
{
    if (!point_rules[v->slot].stored)
        return ERR_OK;
    TRY(meter_columns(v->m));
    if (v->at < v->m->oldest)
        v->m->oldest = v->at;
    return column_add(
        &v->m->columns[v->slot],
        &(struct sample){.at = v->at, .value = v->value, .epoch = v->m->epoch, .began = began});
}

static enum err accept(struct taking *t, const struct value *v, enum block_began began)
{
    struct meter *m = v->m;
    bool known = m->present >> v->slot & 1;
    unsigned *change = change_of(t->moved, m->id);
    if (m->newest == INT64_MIN)
        *change |= READINGS_FIRST;
    if (!known || m->value[v->slot] != v->value)
        *change |= point_rules[v->slot].change;
    TRY(keep_sample(v, began));
    if (began != BLOCK_GOES_ON && v->slot < READINGS_REGISTERS && v->at > m->broke)
        m->broke = v->at;
    m->present |= UINT32_C(1) << v->slot;
    m->dirty |= UINT32_C(1) << v->slot;
    m->value[v->slot] = v->value;
    m->at[v->slot] = v->at;
    if (v->at > m->newest)
        m->newest = v->at;
    return ERR_OK;
}

static enum err doubt_of(struct meter *m, int slot, struct doubt **out)
{
    if (!m->doubts) {
        m->doubts = calloc(POINT_SLOTS, sizeof *m->doubts);
        if (!m->doubts)
            return ERR_MEMORY;
        for (int i = 0; i < POINT_SLOTS; i++)
            m->doubts[i].told_at = INT64_MIN;
    }
    *out = &m->doubts[slot];
    return ERR_OK;
}

/* Refuses, and records it unless the same was recorded within the hour. */
static enum err doubt(struct taking *t, const struct value *v, bool fallen)
{
    struct doubt *d;
    TRY(doubt_of(v->m, v->slot, &d));
    bool quiet = d->fallen == fallen && d->told_at != INT64_MIN &&
                 v->at - d->told_at < TELL_EVERY_S && v->at >= d->told_at;
    if (quiet) {
        t->moved->refused++;
    } else {
        struct note n = note_of(v, fallen ? READINGS_SUSPECT : READINGS_IMPLAUSIBLE);
        refuse(t, &n);
        d->told_at = v->at;
    }
    d->fallen = fallen;
    d->at = v->at;
    d->value = v->value;
    return ERR_OK;
}

static void forget_doubt(struct meter *m, int slot)
{
    if (m->doubts)
        m->doubts[slot] = (struct doubt){.told_at = INT64_MIN};
}

/* Two readings in a row agree that the register is lower: it was set back when the first was made.
 */
static enum err accept_reset(struct taking *t, const struct value *v, const struct doubt *d)
{
    struct value first = {v->m, v->slot, d->at, d->value};
    struct note n = note_of(&first, READINGS_RESET);
    note(t, &n);
    forget_doubt(v->m, v->slot);
    TRY(accept(t, &first, BLOCK_RESET));
    return accept(t, v, BLOCK_GOES_ON);
}

static enum err take_fall(struct taking *t, const struct value *v)
{
    const struct meter *m = v->m;
    const struct point_rule *rule = &point_rules[v->slot];
    int64_t old = m->value[v->slot], full = m->place.full_scale_wh;
    int64_t seconds = v->at - m->at[v->slot];
    bool top = rule->energy && old < full && old >= full - full / 10;
    if (top && plausible(m, rule, full - old + v->value, seconds)) {
        struct note n = note_of(v, READINGS_ROLLOVER);
        note(t, &n);
        return accept(t, v, BLOCK_ROLLOVER);
    }
    const struct doubt *d = m->doubts ? &m->doubts[v->slot] : NULL;
    bool agree = d && d->fallen && v->value >= d->value && v->at > d->at &&
                 plausible(m, rule, v->value - d->value, v->at - d->at);
    if (!agree)
        return doubt(t, v, true);
    struct doubt first = *d;
    return accept_reset(t, v, &first);
}

static enum err take_rise(struct taking *t, const struct value *v)
{
    const struct meter *m = v->m;
    if (!plausible(m, &point_rules[v->slot], v->value - m->value[v->slot], v->at - m->at[v->slot]))
        return doubt(t, v, false);
    if (m->doubts && m->doubts[v->slot].fallen) {
        struct value wrong = {v->m, v->slot, m->doubts[v->slot].at, m->doubts[v->slot].value};
        struct note n = note_of(&wrong, READINGS_CORRUPT);
        note(t, &n);
    }
    forget_doubt(v->m, v->slot);
    return accept(t, v, BLOCK_GOES_ON);
}

/* Older than what is known: it goes into the record if it fits between its neighbours. */
static enum err take_late(struct taking *t, const struct value *v)
{
    struct track track = {};
    enum err e = v->m->columns ? column_read(&v->m->columns[v->slot], &track) : ERR_OK;
    bool fits = true, there = false;
    for (size_t i = 0; e == ERR_OK && i < track.count; i++) {
        const struct sample *s = &track.list[i];
        there = there || s->at == v->at;
        if (point_rules[v->slot].rises && s->epoch == v->m->epoch)
            fits = fits && (s->at <= v->at ? s->value <= v->value : s->value >= v->value);
    }
    track_free(&track);
    TRY(e);
    if (there)
        return ERR_OK; /* what was read stays */
    if (point_rules[v->slot].rises && v->value > v->m->value[v->slot])
        fits = false;
    struct note n = note_of(v, fits ? READINGS_BACKFILL : READINGS_IMPLAUSIBLE);
    if (!fits) {
        refuse(t, &n);
        return ERR_OK;
    }
    note(t, &n);
    (void)change_of(t->moved, v->m->id); /* named, without a change of the newest state */
    return keep_sample(v, BLOCK_GOES_ON);
}

static enum err take_value(struct taking *t, const struct value *v)
{
    const struct point_rule *rule = &point_rules[v->slot];
    if (v->value < rule->min || v->value > rule->max ||
        (rule->energy && v->value >= v->m->place.full_scale_wh)) {
        struct note n = note_of(v, READINGS_RANGE);
        refuse(t, &n);
        return ERR_OK;
    }
    if (!(v->m->present >> v->slot & 1)) {
        bool exchanged = v->m->exchanged >> v->slot & 1;
        v->m->exchanged &= ~(UINT32_C(1) << v->slot);
        return accept(t, v, exchanged ? BLOCK_EXCHANGE : BLOCK_GOES_ON);
    }
    if (v->at < v->m->at[v->slot])
        return take_late(t, v);
    if (!rule->rises)
        return accept(t, v, BLOCK_GOES_ON);
    return v->value < v->m->value[v->slot] ? take_fall(t, v) : take_rise(t, v);
}

/* Only the newest is kept, in memory; a restart finds it in the batches of the open days. */
static enum err take_side(struct meter *m, int slot, int64_t at, int64_t value)
{
    if (!m->sides)
        m->sides = calloc(SIDE_POINTS, sizeof *m->sides);
    if (!m->sides)
        return ERR_MEMORY;
    if (!m->sides[slot].present || at >= m->sides[slot].at)
        m->sides[slot] = (struct side){true, at, value};
    return ERR_OK;
}

/* A new installation period: nothing that the old meter said is the newest state any more. */
static void begin_epoch(struct taking *t, struct meter *m, const struct uplink_reading *reading)
{
    if (m->present) {
        *change_of(t->moved, m->id) |= READINGS_EPOCH;
        note(t, &(struct note){.meter_id = m->id,
                               .at = reading->at.s,
                               .old = m->epoch,
                               .new = reading->epoch,
                               .verdict = READINGS_EXCHANGE});
    }
    m->epoch = reading->epoch;
    m->exchanged |= m->present;
    m->present = 0;
    free(m->doubts);
    free(m->sides);
    m->doubts = NULL;
    m->sides = NULL;
}

static void refuse_whole(struct taking *t, const struct uplink_reading *reading,
                         const struct note *why)
{
    t->moved->refused += reading->point_count;
    note(t, why);
}

/* R4: a gap is known when it ends. */
static void note_gap(struct taking *t, const struct meter *m, int64_t at)
{
    if (m->newest != INT64_MIN && at - m->newest > GAP_S)
        note(
            t,
            &(struct note){
                .meter_id = m->id, .at = at, .old = m->newest, .new = at, .verdict = READINGS_GAP});
}

enum err readings_take(struct taking *t, const struct uplink_reading *reading)
{
    struct meter *m;
    struct note why = {.meter_id = reading->meter_id, .at = reading->at.s};
    if (reading->at.s > t->now + FUTURE_S || reading->at.s < t->now - PAST_S) {
        why.verdict = READINGS_CLOCK;
        why.new = reading->at.s - t->now;
        refuse_whole(t, reading, &why);
        return ERR_OK;
    }
    TRY(readings_get(t->r, reading->meter_id, &m));
    if (reading->epoch < m->epoch) {
        why.verdict = READINGS_OLD_EPOCH;
        why.old = m->epoch;
        why.new = reading->epoch;
        refuse_whole(t, reading, &why);
        return ERR_OK;
    }
    if (reading->epoch > m->epoch)
        begin_epoch(t, m, reading);
    note_gap(t, m, reading->at.s);
    for (size_t i = 0; i < reading->point_count; i++) {
        const struct uplink_point *p = &reading->points[i];
        struct value v = {m, point_slot(p->point), reading->at.s, p->value};
        int side = side_slot(p->point);
        if (v.slot >= 0 || side >= 0) {
            TRY(v.slot >= 0 ? take_value(t, &v) : take_side(m, side, v.at, v.value));
            continue;
        }
        why.verdict = READINGS_UNKNOWN_POINT;
        why.point = p->point;
        why.new = p->value;
        refuse(t, &why);
    }
    return ERR_OK;
}
