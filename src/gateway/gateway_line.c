/* What the platform is told of the lines: when one is down or back; and now and then, not queued
 * because what is newest counts, how they fare. */
#include "gateway/gateway_impl.h"
#include "uplink/dialin.h"

/* Some devices hang up after each answer: what comes back sooner is no news. */
#define DOWN_MS 10'000
#define DOWN_MODEM_MS 180'000 /* a modem dials when it likes */

static void tell_news(struct gateway *g, const struct gateway_now *now, struct gateway_line *l,
                      enum gateway_line_news news)
{
    bool up = news == LINE_TOLD_UP;
    const struct uplink_event event = {.kind = up ? UPLINK_LINE_UP : UPLINK_LINE_DOWN,
                                       .at = up ? now->wall : l->down_wall,
                                       .line = l->config.number};
    if (l->news == news)
        return;
    l->news = news;
    gateway_queue_event(g, now, &event);
}

void gateway_line_changed(struct gateway *g, const struct gateway_now *now, struct gateway_line *l)
{
    l->down_at = now->mono;
    l->down_wall = now->wall;
    if (l->up)
        tell_news(g, now, l, LINE_TOLD_UP);
}

mono_ms gateway_line_watch_at(const struct gateway_line *l)
{
    if (l->up || l->news == LINE_TOLD_DOWN)
        return MONO_NEVER;
    bool modem = dialin_is_endpoint(l->config.endpoint);
    return mono_after(l->down_at, modem ? DOWN_MODEM_MS : DOWN_MS);
}

void gateway_line_watch(struct gateway *g, const struct gateway_now *now)
{
    for (size_t i = 0; i < g->line_count; i++)
        if (mono_due(gateway_line_watch_at(&g->lines[i]), now->mono))
            tell_news(g, now, &g->lines[i], LINE_TOLD_DOWN);
}

void gateway_line_begin(struct gateway_line *l, mono_ms now)
{
    l->told = l->bus.stats;
    l->told_at = now;
}

static mono_ms due_at(const struct gateway_line *l)
{
    return mono_after(l->told_at, GATEWAY_LINE_TELL_MS);
}

void gateway_line_pass(struct gateway *g, mono_ms now)
{
    for (size_t i = 0; i < g->line_count && !g->welcomed; i++)
        if (mono_due(due_at(&g->lines[i]), now))
            gateway_line_begin(&g->lines[i], now);
}

static int64_t since(uint64_t now, uint64_t before)
{
    return (int64_t)(now - before);
}

static void tell_counts(const struct gateway_line *l, struct uplink_line *t)
{
    const struct bus_stats *a = &l->told, *b = &l->bus.stats;
    t->exchanges = since(b->exchanges, a->exchanges);
    t->answered = since(b->answered, a->answered);
    t->retries = since(b->retries, a->retries);
    t->timeouts = since(b->timeouts, a->timeouts);
    t->damaged = since(b->damaged, a->damaged);
    t->strays = since(b->strays, a->strays);
    t->foreign = since(b->foreign, a->foreign);
    t->collisions = since(b->collisions, a->collisions);
    t->pushed = since(b->pushed, a->pushed);
    t->echoes = since(b->echoes, a->echoes);
    t->garbage_bytes = since(b->garbage_bytes, a->garbage_bytes);
    t->busy_ms = b->busy_ms - a->busy_ms;
    t->useful_ms = b->useful_ms - a->useful_ms;
    t->yielded_ms = b->yielded_ms - a->yielded_ms;
}

struct meters_told {
    struct uplink_line_meter slow[UPLINK_LINE_SLOW_MAX], quiet[UPLINK_LINE_SILENT_MAX];
};

static int64_t id_of(const struct gateway *g, const struct gateway_line *l, uint16_t peer)
{
    return g->meters[l->meters[peer]].meter_id;
}

static void tell_slow(const struct gateway *g, const struct gateway_line *l, struct uplink_line *t)
{
    uint16_t peers[UPLINK_LINE_SLOW_MAX];
    t->slow_count = bus_slowest(&l->bus, peers, UPLINK_LINE_SLOW_MAX);
    for (size_t i = 0; i < t->slow_count; i++)
        t->slow[i] =
            (struct uplink_line_meter){id_of(g, l, peers[i]), l->bus.peers[peers[i]].slowest_ms};
}

static void tell_quiet(const struct gateway *g, const struct gateway_line *l, mono_ms now,
                       struct uplink_line *t)
{
    for (uint16_t p = 0; p < l->peer_count; p++) {
        const struct bus_peer *peer = &l->bus.peers[p];
        int64_t wait_ms = peer->probe_at.ms > now.ms ? peer->probe_at.ms - now.ms : 0;
        if (!peer->silent)
            continue;
        t->silent++;
        if (t->quiet_count < UPLINK_LINE_SILENT_MAX)
            t->quiet[t->quiet_count++] = (struct uplink_line_meter){id_of(g, l, p), wait_ms};
    }
}

static void tell(const struct gateway *g, const struct gateway_line *l, mono_ms now,
                 struct writer *w)
{
    struct meters_told told;
    struct uplink_message m = {.kind = UPLINK_LINE,
                               .line = {.number = l->config.number,
                                        .period_ms = now.ms - l->told_at.ms,
                                        .meters = l->peer_count,
                                        .slow = told.slow,
                                        .quiet = told.quiet}};
    tell_counts(l, &m.line);
    tell_slow(g, l, &m.line);
    tell_quiet(g, l, now, &m.line);
    uplink_message_encode(&m, w);
}

bool gateway_line_tell(struct gateway *g, mono_ms now, struct writer *w)
{
    for (size_t i = 0; i < g->line_count; i++) {
        struct gateway_line *l = &g->lines[i];
        if (!mono_due(due_at(l), now))
            continue;
        bool asked = l->bus.stats.exchanges > l->told.exchanges;
        if (asked)
            tell(g, l, now, w);
        gateway_line_begin(l, now);
        if (asked)
            return true;
    }
    return false;
}
