#include <string.h>

#include "bus/bus_impl.h"

#define SILENT_AFTER 3    /* unanswered jobs in a row */
#define LATE_MAX_MS 5'000 /* who was seen to be later than that is not waited for */
#define TRUST_AFTER 16    /* answers without a time-out, before a shorter wait is believed */
#define BURST_MS 60'000   /* between two bursts of probes */
#define LONELY_SHARE 8    /* nobody answers: the ring turns so many times as fast */

void bus_peer_speaks(struct bus *b, uint16_t peer, const struct meter_link *link, int32_t baud,
                     char parity)
{
    struct bus_peer *p = &b->peers[peer];
    p->link = link;
    p->baud = baud;
    p->parity = parity;
}

void bus_peer_waits(struct bus *b, uint16_t peer, int32_t slow_ms)
{
    b->peers[peer].slow_ms = slow_ms;
}

const struct meter_link *bus_link_of(const struct bus *b, uint16_t peer)
{
    return b->peers[peer].link ? b->peers[peer].link : b->link;
}

int32_t bus_baud_of(const struct bus *b, uint16_t peer)
{
    return b->peers[peer].baud > 0 ? b->peers[peer].baud : b->timing.baud;
}

int32_t bus_speed(const struct bus *b, char *parity)
{
    bool own = b->rousing && b->rousing->parity != 0;
    *parity = own ? b->rousing->parity : b->peers[b->last_peer].parity;
    return bus_baud_of(b, b->last_peer);
}

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* A peer that was quick so far is not waited for as long as a stranger. */
int32_t bus_wait_of(const struct bus *b, uint16_t peer)
{
    const struct bus_timing *t = &b->timing;
    const struct bus_peer *p = &b->peers[peer];
    int32_t slow_ms = larger(p->slow_ms, clamp(p->late_ms + p->late_ms / 4, 0, LATE_MAX_MS));
    if (p->trusted < TRUST_AFTER)
        return larger(slow_ms, t->turnaround_ms);
    return clamp(2 * p->slowest_ms + 50, t->turnaround_min_ms,
                 larger(slow_ms, t->turnaround_max_ms));
}

/* Who never paused is not waited for as long as its protocol lets it, but for the last time. */
int32_t bus_pause_of(const struct bus *b, uint16_t peer, bool last)
{
    const struct bus_peer *p = &b->peers[peer];
    int32_t line_ms = b->timing.byte_gap_ms;
    int32_t most_ms = larger(line_ms, bus_link_of(b, peer)->byte_gap_ms);
    bool stranger = p->answers == 0;
    return stranger || last ? most_ms : clamp(2 * p->pause_ms + line_ms, line_ms, most_ms);
}

/* What silenced this one may have silenced others: they are all tried at once. */
static void begin_burst(struct bus *b, mono_ms now)
{
    if (!mono_due(b->burst_at, now))
        return;
    b->burst = 0;
    for (size_t i = 0; i < BUS_PEERS_MAX; i++)
        if (b->peers[i].silent) {
            b->peers[i].probe_at = now;
            b->burst++;
        }
    b->burst_at = mono_after(now, BURST_MS);
    b->probe_free_at = now;
}

void bus_peer_answered(struct bus *b, uint16_t peer, int64_t turnaround_ms, mono_ms now)
{
    struct bus_peer *p = &b->peers[peer];
    int32_t seen = (int32_t)(turnaround_ms < 1 ? 1 : turnaround_ms);
    p->slowest_ms = larger(seen, p->slowest_ms - p->slowest_ms / 64);
    p->turnaround_ms += (uint64_t)seen;
    p->pause_ms = larger(b->pause_ms, p->pause_ms - p->pause_ms / 64);
    p->late_ms = larger(p->late_ms - p->late_ms / 64, p->late_ms > 0 ? seen : 0);
    if (p->trusted < TRUST_AFTER)
        p->trusted++;
    if (p->answers == 0 || p->silent)
        b->live++;
    p->failures = p->spoiled = 0;
    p->probes = 0;
    if (p->rouse)
        p->awake_until = mono_after(now, p->rouse->awake_ms);
    p->answers++;
    if (!p->silent)
        return;
    b->lessons++;
    p->silent = false;
    b->changed = true;
    b->stats.returns++;
    begin_burst(b, now);
}

static void plan_probe(struct bus *b, struct bus_peer *p, mono_ms now)
{
    int32_t share = b->live > 0 ? 1 : LONELY_SHARE;
    int64_t pause = (int64_t)b->timing.probe_ms << (p->probes < 8 ? p->probes : 8);
    if (pause > b->timing.probe_max_ms)
        pause = b->timing.probe_max_ms;
    p->probe_at = mono_after(now, pause);
    int32_t spacing = b->burst > 0 ? 0 : b->timing.probe_spacing_ms / share;
    b->probe_free_at = mono_after(now, spacing);
    if (b->burst > 0)
        b->burst--;
    if (p->probes < UINT8_MAX)
        p->probes++;
}

static void leave(struct bus *b, bool was_live)
{
    if (was_live)
        b->live--;
}

void bus_peer_failed(struct bus *b, uint16_t peer, mono_ms now)
{
    struct bus_peer *p = &b->peers[peer];
    p->late_ms = 0; /* it is more than late */
    if (p->failures < UINT8_MAX)
        p->failures++;
    if (p->failures < SILENT_AFTER)
        return;
    b->lessons++;
    if (!p->silent) {
        b->stats.demotions++;
        p->probes = 0;
        leave(b, p->answers > 0);
    }
    p->silent = true;
    b->changed = true;
    plan_probe(b, p, now);
}

void bus_peer_spoiled(struct bus *b, uint16_t peer)
{
    struct bus_peer *p = &b->peers[peer];
    if (p->spoiled < UINT8_MAX)
        p->spoiled++;
}

bool bus_may_poll(const struct bus *b, uint16_t peer, mono_ms now)
{
    const struct bus_peer *p = &b->peers[peer];
    bool turn = !p->silent || (mono_due(p->probe_at, now) && mono_due(b->probe_free_at, now));
    return turn && mono_due(bus_owes_until(b, peer), now);
}

void bus_peer_reset(struct bus *b, uint16_t peer)
{
    struct bus_peer *p = &b->peers[peer];
    b->lessons++;
    leave(b, p->answers > 0 && !p->silent);
    *p = (struct bus_peer){.link = p->link,
                           .baud = p->baud,
                           .parity = p->parity,
                           .rouse = p->rouse,
                           .slow_ms = p->slow_ms};
}

bool bus_peer_change(struct bus *b, struct bus_change *out)
{
    for (uint16_t i = 0; b->changed && i < BUS_PEERS_MAX; i++)
        if (b->peers[i].silent != b->peers[i].told) {
            b->peers[i].told = b->peers[i].silent;
            *out = (struct bus_change){i, b->peers[i].silent};
            return true;
        }
    b->changed = false;
    return false;
}

size_t bus_slowest(const struct bus *b, uint16_t *peers, size_t cap)
{
    size_t count = 0;
    for (uint16_t i = 0; i < BUS_PEERS_MAX; i++) {
        if (b->peers[i].answers == 0)
            continue;
        size_t place = count < cap ? count++ : cap;
        while (place > 0 && b->peers[peers[place - 1]].slowest_ms < b->peers[i].slowest_ms) {
            if (place < cap)
                peers[place] = peers[place - 1];
            place--;
        }
        if (place < cap)
            peers[place] = i;
    }
    return count;
}
