/* The links of the world: streams of bytes that break, delay and, between them, alter. */
#include "sim/world/world_impl.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"

void world_wire_clear(struct world_wire *wire)
{
    while (wire->first) {
        struct world_chunk *c = wire->first;
        wire->first = c->next;
        free(c);
    }
    *wire = (struct world_wire){0};
}

static void wire_append(struct world_wire *wire, const uint8_t *data, size_t len, mono_ms at)
{
    struct world_chunk *c = malloc(sizeof *c + len);
    MUST(c);
    *c = (struct world_chunk){.at = at.ms > wire->last_at.ms ? at : wire->last_at, .len = len};
    memcpy(c->data, data, len);
    wire->last_at = c->at;
    if (wire->last)
        wire->last->next = c;
    else
        wire->first = c;
    wire->last = c;
}

struct world_chunk *world_wire_pop(struct world_wire *wire, mono_ms now)
{
    struct world_chunk *c = wire->first;
    if (!c || c->at.ms > now.ms)
        return NULL;
    wire->first = c->next;
    if (!wire->first)
        wire->last = NULL;
    return c;
}

mono_ms world_wire_wake(const struct world_wire *wire)
{
    return wire->first ? wire->first->at : MONO_NEVER;
}

struct world_link *world_link_of(struct world *w, int64_t id)
{
    for (size_t i = 0; id != 0 && i < WORLD_LINKS; i++)
        if (w->links[i].id == id)
            return &w->links[i];
    return NULL;
}

void world_link_free_if_done(struct world_link *l)
{
    if (l->gateway_open || l->platform_open)
        return;
    if (!l->introduced && l->up.first && !l->broken)
        return;
    world_wire_clear(&l->up);
    world_wire_clear(&l->down);
    *l = (struct world_link){0};
}

void world_link_break(struct world *w, struct world_link *l)
{
    if (l->broken)
        return;
    l->broken = true;
    l->gateway_notices = mono_after(w->now, (int64_t)rand_below(&w->rand_net, 30'000));
    l->platform_notices = mono_after(w->now, (int64_t)rand_below(&w->rand_net, 120'000));
    w->counts.link_breaks++;
    world_note(w, "link.break", l->id, 0);
}

/* An altered byte, a repeated chunk or a swapped pair: what no TCP does, but a man in the middle.
 */
static void send_altered(struct world *w, struct world_wire *wire, const uint8_t *data, size_t len,
                         mono_ms at)
{
    uint8_t change;
    w->counts.link_altered++;
    switch (rand_below(&w->rand_net, 3)) {
    case 0:
        wire_append(wire, data, len, at);
        change = (uint8_t)(1 + rand_below(&w->rand_net, 255));
        wire->last->data[rand_below(&w->rand_net, len)] ^= change;
        break;
    case 1:
        wire_append(wire, data, len, at);
        wire_append(wire, data, len, at);
        break;
    default:
        break; /* swallowed: the stream goes on without it */
    }
}

void world_link_send(struct world *w, struct world_link *l, bool up, const uint8_t *data,
                     size_t len)
{
    struct world_wire *wire = up ? &l->up : &l->down;
    int64_t delay = 5;
    if (!w->calm && w->faults.link_delay_max_ms > 0)
        delay += (int64_t)rand_below(&w->rand_net, (uint64_t)w->faults.link_delay_max_ms);
    if (l->broken || len == 0)
        return;
    w->trace = fnv64(w->trace, data, len);
    if (!w->calm && rand_chance(&w->rand_net, w->faults.link_break_permille)) {
        world_link_break(w, l);
        if (rand_chance(&w->rand_net, 500))
            return; /* this chunk never left; else it is the last to arrive, late */
        delay += (int64_t)rand_below(&w->rand_net, 60'000);
    }
    mono_ms at = mono_after(w->now, delay);
    if (!w->calm && rand_chance(&w->rand_net, w->faults.link_alter_permille))
        send_altered(w, wire, data, len, at);
    else
        wire_append(wire, data, len, at);
}

mono_ms world_links_wake(const struct world *w)
{
    mono_ms next = MONO_NEVER;
    for (size_t i = 0; i < WORLD_LINKS; i++) {
        const struct world_link *l = &w->links[i];
        if (l->id == 0)
            continue;
        if (w->platform && (l->platform_open || !l->introduced))
            next = mono_earlier(next, world_wire_wake(&l->up));
        if (l->gateway_open)
            next = mono_earlier(next, world_wire_wake(&l->down));
        if (l->broken && l->platform_open)
            next = mono_earlier(next, l->platform_notices);
        if (l->broken && l->gateway_open)
            next = mono_earlier(next, l->gateway_notices);
    }
    return next;
}
