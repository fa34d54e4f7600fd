#include "bus/plan.h"

#include "base/must.h"

#define AHEAD_MS 5'000  /* rows due so soon are asked in the same sweep */
#define STATE_MAX_S 120 /* rows asked at least so often tell the state of a meter */
#define PATIENCE_MS 120'000
#define LATE_MS 20'000  /* a state overdue by so much: the line is behind */
#define IN_TIME_MS 5'000 /* who has waited for less is in time: states are due early by more */
#define AGAIN_MS 5'000  /* after no answer, before the peer counts as silent */
#define SPOILED_SHIFT 4 /* damaged answers, again and again: up to AGAIN_MS << this */
#define EARLY_SHARE                                                                                \
    8 /* state rows are due so much of a period early: on its way it grows older                   \
       */

void plan_init(struct plan *p, struct plan_peer *peers, uint16_t peer_count)
{
    *p = (struct plan){.peers = peers, .peer_count = peer_count, .peer = -1, .lead = -1};
    for (uint16_t i = 0; i < peer_count; i++) {
        peers[i] = (struct plan_peer){0};
        p->first[i] = MONO_NEVER;
    }
}

static bool at_rest(const struct plan *p, const struct bus *b, mono_ms now)
{
    return p->rest_lessons == b->lessons && !mono_due(p->rest_until, now);
}

static void rest(struct plan *p, const struct bus *b, mono_ms now)
{
    p->rest_until = plan_wake(p, b, now);
    p->rest_lessons = b->lessons;
}

static void rest_ends(struct plan *p)
{
    p->rest_until = (mono_ms){0};
}

static bool asked_by_time(const struct plan_peer *p, unsigned item)
{
    return p->unit->model->items[item].period_s > 0;
}

static bool is_rare(const struct plan_peer *p, unsigned item)
{
    return p->unit->model->items[item].period_s > STATE_MAX_S;
}

/* The earliest time at which a row is due. Rare rows have patience: a meter does not get a second
 * turn for them while others wait for their first. */
static void note_first(struct plan *plan, uint16_t peer)
{
    const struct plan_peer *p = &plan->peers[peer];
    mono_ms first = MONO_NEVER;
    for (unsigned i = 0; p->unit && i < p->unit->model->item_count; i++)
        if (asked_by_time(p, i))
            first =
                mono_earlier(first, is_rare(p, i) ? mono_after(p->due[i], PATIENCE_MS) : p->due[i]);
    plan->first[peer] = first;
}

void plan_set(struct plan *p, uint16_t peer, const struct meter_unit *unit, mono_ms now)
{
    MUST(peer < p->peer_count && unit->model->item_count <= METER_ITEMS_MAX);
    p->peers[peer].unit = unit;
    p->peers[peer].not_before = now;
    rest_ends(p);
    for (unsigned i = 0; i < unit->model->item_count; i++)
        p->peers[peer].due[i] = now;
    note_first(p, peer);
}

/* When a peer may be asked, as opposed to when it was due: a silent one when the ring says so. */
static mono_ms peer_may(const struct plan *p, const struct bus *b, uint16_t peer)
{
    const struct bus_peer *bp = &b->peers[peer];
    mono_ms may = p->first[peer];
    if (may.ms == MONO_NEVER.ms)
        return may;
    const mono_ms bounds[] = {p->peers[peer].not_before, bus_owes_until(b, peer),
                              bp->silent ? bp->probe_at : may, bp->silent ? b->probe_free_at : may};
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++)
        may = mono_later(may, bounds[i]);
    return may;
}

/* When the line is behind, the state's age is what is promised: a sweep asks one rare row at most,
 * and the further behind, the longer rare rows wait: one more period for every 20 s. */
static bool may_ask(const struct plan *p, unsigned item, mono_ms now)
{
    const struct plan_peer *peer = &p->peers[p->peer];
    if (p->asked >> item & 1)
        return false;
    if (p->late_ms < LATE_MS || !is_rare(peer, item))
        return true;
    int64_t wait_ms =
        peer->unit->model->items[item].period_s * (p->late_ms - LATE_MS) * 1000 / LATE_MS;
    return !p->rare_asked && mono_due(mono_after(peer->due[item], wait_ms), now);
}

static bool next_row(const struct plan *p, mono_ms now, uint8_t *item)
{
    const struct plan_peer *peer = &p->peers[p->peer];
    if (p->lead >= 0) {
        *item = (uint8_t)p->lead;
        return true;
    }
    for (unsigned i = 0; i < peer->unit->model->item_count; i++)
        if (may_ask(p, i, now) && asked_by_time(peer, i) &&
            mono_due(peer->due[i], mono_after(now, AHEAD_MS))) {
            *item = (uint8_t)i;
            return true;
        }
    return false;
}

/* How long the state of a meter has been overdue; 0 if it is not. */
static int64_t late_by(const struct plan_peer *p, mono_ms now)
{
    int64_t most = 0;
    for (unsigned i = 0; i < p->unit->model->item_count; i++)
        if (asked_by_time(p, i) && !is_rare(p, i) && now.ms - p->due[i].ms > most)
            most = now.ms - p->due[i].ms;
    return most;
}

static void begin_sweep(struct plan *p, int peer, mono_ms now)
{
    p->peer = peer;
    p->asked = 0;
    p->lead = -1;
    p->rare_asked = false;
    p->late_ms = peer >= 0 ? late_by(&p->peers[peer], now) : 0;
    p->in_time = peer >= 0 && now.ms - p->first[peer].ms < IN_TIME_MS;
}

static int longest_waiting(const struct plan *p, const struct bus *b, mono_ms now)
{
    int best = -1;
    mono_ms best_due = MONO_NEVER;
    for (uint16_t i = 0; i < p->peer_count; i++) {
        mono_ms due = p->first[i];
        if (due.ms < best_due.ms && mono_due(due, now) && mono_due(peer_may(p, b, i), now)) {
            best = i;
            best_due = due;
        }
    }
    return best;
}

/* Who owes an answer that could be taken for another's leaves the line to the others. */
static bool sweep_goes_on(const struct plan *p, const struct bus *b, mono_ms now)
{
    return p->peer >= 0 && mono_due(bus_owes_until(b, (uint16_t)p->peer), now);
}

bool plan_next(struct plan *p, const struct bus *b, mono_ms now, struct plan_ask *ask)
{
    uint8_t item;
    if (at_rest(p, b, now))
        return false;
    if (!sweep_goes_on(p, b, now) || !next_row(p, now, &item)) {
        begin_sweep(p, longest_waiting(p, b, now), now);
        if (p->peer < 0 || !next_row(p, now, &item)) {
            rest(p, b, now);
            return false;
        }
    }
    p->asked |= 1U << item;
    p->rare_asked = p->rare_asked || is_rare(&p->peers[p->peer], item);
    p->lead = -1;
    *ask = (struct plan_ask){(uint16_t)p->peer, item, b->peers[p->peer].silent};
    return true;
}

void plan_done(struct plan *p, const struct plan_ask *ask, int next_item, mono_ms now)
{
    struct plan_peer *peer = &p->peers[ask->peer];
    int64_t period_ms = (int64_t)peer->unit->model->items[ask->item].period_s * 1000;
    /* Rows that are rare are spread, so that not all meters ask all of theirs in one round. */
    int64_t spread_ms = period_ms > 120'000 ? ask->peer * INT64_C(7919) % (period_ms / 4) : 0;
    if (!is_rare(peer, ask->item))
        spread_ms = period_ms / EARLY_SHARE;
    peer->due[ask->item] = mono_after(now, period_ms - spread_ms);
    note_first(p, ask->peer);
    if (p->peer == ask->peer && next_item >= 0)
        p->lead = next_item;
    rest_ends(p);
}

void plan_failed(struct plan *p, const struct bus *b, const struct plan_ask *ask, mono_ms now)
{
    struct plan_peer *peer = &p->peers[ask->peer];
    unsigned spoiled = b->peers[ask->peer].spoiled;
    unsigned shift = spoiled > SPOILED_SHIFT ? SPOILED_SHIFT : spoiled > 0 ? spoiled - 1 : 0;
    unsigned failures = b->peers[ask->peer].failures; /* one may be noise; more cost the others */
    if (failures > shift && !b->peers[ask->peer].silent)
        shift = failures;
    int64_t pause_ms = (int64_t)AGAIN_MS << shift;
    peer->not_before = mono_after(now, pause_ms);
    rest_ends(p);
    if (p->peer == ask->peer)
        begin_sweep(p, -1, now);
}

bool plan_sweep_over(const struct plan *p, mono_ms now)
{
    uint8_t item;
    return p->peer < 0 || !next_row(p, now, &item);
}

void plan_hurry(struct plan *p, uint16_t peer, mono_ms now)
{
    struct plan_peer *q = &p->peers[peer];
    rest_ends(p);
    for (unsigned i = 0; q->unit && i < q->unit->model->item_count; i++)
        if (q->unit->model->items[i].period_s <= STATE_MAX_S)
            q->due[i] = mono_earlier(q->due[i], now);
    note_first(p, peer);
}

bool plan_in_time(const struct plan *p)
{
    return p->in_time;
}

mono_ms plan_wake(const struct plan *p, const struct bus *b, mono_ms now)
{
    if (at_rest(p, b, now))
        return p->rest_until;
    if (sweep_goes_on(p, b, now) && !plan_sweep_over(p, now))
        return now;
    mono_ms wake = MONO_NEVER;
    for (uint16_t i = 0; i < p->peer_count; i++)
        if (p->first[i].ms < wake.ms)
            wake = mono_earlier(wake, peer_may(p, b, i));
    return wake;
}
