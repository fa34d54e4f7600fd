/* Looking in: the installer's page, benches, tests. */
#include "base/must.h"
#include "gateway/gateway_impl.h"

void gateway_status_get(const struct gateway *g, struct gateway_status *out)
{
    *out = (struct gateway_status){.config_version = g->config_version,
                                   .queue_epoch = g->queue_epoch,
                                   .queue_rows = g->queue_rows,
                                   .queue_bytes = g->queue_bytes,
                                   .acked_seq = g->acked_seq,
                                   .last_seq = g->last_seq,
                                   .dropped_rows = g->dropped_rows,
                                   .lines = g->line_count,
                                   .meters = g->meter_count,
                                   .meters_left_out = g->left_count,
                                   .connected = g->connected,
                                   .welcomed = g->welcomed,
                                   .permits = g->away.count,
                                   .away_cuts = (int64_t)g->away.cut_count};
    for (size_t i = 0; i < g->open_count; i++) {
        out->commands_started += g->open[i].started;
        out->commands_waiting += !g->open[i].started;
    }
    for (size_t i = 0; i < g->meter_count; i++) {
        const struct gateway_line *l = &g->lines[g->meters[i].line];
        out->meters_silent += l->bus.peers[g->meters[i].peer].silent;
    }
}

bool gateway_left_out(const struct gateway *g, size_t index,
                      const struct uplink_config_meter **meter, enum err *why)
{
    if (index >= g->left_count)
        return false;
    *meter = &g->left[index].config;
    *why = g->left[index].why;
    return true;
}

static int64_t share_of_1000(int64_t part, int64_t whole)
{
    return whole > 0 ? part * 1000 / whole : 0;
}

static size_t silent_meters(const struct gateway_line *l)
{
    size_t count = 0;
    for (uint16_t p = 0; p < l->peer_count; p++)
        count += l->bus.peers[p].silent;
    return count;
}

bool gateway_line_look(const struct gateway *g, mono_ms now, size_t line,
                       struct gateway_line_look *out)
{
    if (line >= g->line_count)
        return false;
    const struct gateway_line *l = &g->lines[line];
    const struct bus_stats *s = &l->bus.stats;
    int64_t age_ms = now.ms - l->began.ms;
    *out = (struct gateway_line_look){.config = &l->config,
                                      .stats = s,
                                      .up = l->up,
                                      .age_ms = age_ms,
                                      .meters = l->peer_count,
                                      .silent = silent_meters(l),
                                      .useful_of_all = share_of_1000(s->useful_ms, age_ms),
                                      .useful_of_busy = share_of_1000(s->useful_ms, s->busy_ms)};
    return true;
}

void gateway_meter_look(const struct gateway *g, mono_ms now, size_t line, size_t meter,
                        struct gateway_meter_look *out)
{
    MUST(line < g->line_count && meter < g->lines[line].peer_count);
    const struct gateway_line *l = &g->lines[line];
    const struct gateway_meter *m = &g->meters[l->meters[meter]];
    const struct bus_peer *p = &l->bus.peers[meter];
    *out = (struct gateway_meter_look){.meter_id = m->meter_id,
                                       .address = m->address,
                                       .model = m->unit.model->name,
                                       .silent = p->silent,
                                       .answers = p->answers,
                                       .timeouts = p->timeouts,
                                       .damaged = p->damaged,
                                       .slowest_ms = p->slowest_ms};
    if (p->answers > 0)
        out->average_ms = (int32_t)(p->turnaround_ms / p->answers);
    if (p->silent && p->probe_at.ms > now.ms)
        out->probe_in_ms = p->probe_at.ms - now.ms;
}

size_t gateway_slowest(const struct gateway *g, size_t line, uint16_t *meters, size_t cap)
{
    MUST(line < g->line_count);
    return bus_slowest(&g->lines[line].bus, meters, cap);
}
