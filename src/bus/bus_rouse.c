#include <string.h>

#include "bus/bus_impl.h"

#define BITS_WITH_PARITY 11
#define BITS_WITHOUT 10

void bus_peer_sleeps(struct bus *b, uint16_t peer, const struct bus_rouse *rouse)
{
    b->peers[peer].rouse = rouse;
}

bool bus_must_rouse(const struct bus *b, uint16_t peer, mono_ms now)
{
    const struct bus_peer *p = &b->peers[peer];
    return p->rouse && mono_due(p->awake_until, now);
}

void bus_rouse_begin(struct bus *b, uint16_t peer, mono_ms now)
{
    struct bus_peer *p = &b->peers[peer];
    const struct bus_rouse *r = p->rouse;
    int64_t bits = r->parity == 'N' ? BITS_WITHOUT : BITS_WITH_PARITY;
    int64_t bytes = (int64_t)r->ms * bus_baud_of(b, peer) / (1000 * bits);
    b->rousing = r;
    b->rouse_left = (size_t)(bytes > 0 ? bytes : 1);
    b->roused_at = mono_after(now, r->ms + r->pause_ms + b->timing.transit_ms);
    b->last_peer = peer;
    b->blocked_at = MONO_NEVER;
    p->awake_until = mono_after(b->roused_at, r->awake_ms);
}

size_t bus_rouse_output(struct bus *b, uint8_t *out, size_t cap)
{
    size_t n = b->rouse_left < cap ? b->rouse_left : cap;
    memset(out, b->rousing->byte, n);
    b->rouse_left -= n;
    b->stats.sent_bytes += n;
    return n;
}

size_t bus_rouse_heard(struct bus *b, mono_ms now, const uint8_t *data, size_t len)
{
    size_t n = 0;
    if (b->current >= 0 || !b->rousing || mono_due(b->roused_at, now))
        return 0;
    while (n < len && data[n] == b->rousing->byte)
        n++;
    b->stats.echoes += n;
    return n;
}
