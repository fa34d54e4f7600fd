#include "gateway/gateway_impl.h"

_Static_assert(METER_VALUES_MAX <= UPLINK_POINTS_MAX, "every sweep fits into a reading");

static void sweep_ends(struct gateway *g, const struct gateway_now *now, struct gateway_line *l)
{
    struct uplink_reading *r = &l->reading;
    for (size_t i = 0; i < l->sweep.count; i++)
        r->points[i] = (struct uplink_point){l->sweep.list[i].point, l->sweep.list[i].value};
    r->point_count = l->sweep.count;
    if (r->point_count > 0 && (now->trusted || !g->welcomed))
        gateway_queue_reading(g, now, r);
    l->sweep.count = 0;
    l->owes_sweep = false;
}

void gateway_poll_next(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct gateway_line *l = &g->lines[line];
    if (!plan_next(&l->plan, &l->bus, now->mono, &l->ask)) {
        l->owes_sweep = false;
        return;
    }
    struct bus_job job = {.tag = GATEWAY_TAG_POLL};
    struct writer w = writer_of(job.request, sizeof job.request);
    const struct gateway_meter *m = &g->meters[l->meters[l->ask.peer]];
    if (l->reading.meter_id != m->meter_id) {
        sweep_ends(g, now, l);
        l->reading = (struct uplink_reading){.meter_id = m->meter_id, .epoch = m->epoch};
    }
    meter_ask_item(&m->unit, l->ask.item, &w);
    job.peer = l->ask.peer;
    job.priority = l->ask.probe ? BUS_PROBE : BUS_POLL;
    /* Who did not answer the last time either takes little of the others' time. */
    job.attempts = l->ask.probe || l->bus.peers[job.peer].failures > 0 ? 1 : 2;
    /* Waking costs more than the exchange; whatever wakes the gateway first takes this along. */
    job.slack_ms = l->owes_sweep || !plan_in_time(&l->plan) ? 0 : GATEWAY_SLACK_MS;
    job.len = (uint16_t)w.len;
    if (w.err != ERR_OK)
        plan_failed(&l->plan, &l->bus, &l->ask, now->mono);
    else
        l->polling = bus_submit(&l->bus, &job) == ERR_OK;
}

void gateway_poll_result(struct gateway *g, const struct gateway_now *now, size_t line,
                         const struct bus_result *r)
{
    struct gateway_line *l = &g->lines[line];
    struct meter_values values = {.next_item = -1};
    l->polling = false;
    if (r->err != ERR_OK) {
        plan_failed(&l->plan, &l->bus, &l->ask, now->mono);
        sweep_ends(g, now, l);
        return;
    }
    const struct meter_unit *u = &g->meters[l->meters[r->peer]].unit;
    enum err e = meter_take_item(u, l->ask.item, (struct bytes){r->answer, r->len}, &values);
    if (e == ERR_OK) {
        if (l->sweep.count == 0)
            l->reading.at = now->wall; /* the oldest: an age must never look younger than it is */
        meter_values_merge(&l->sweep, &values);
        gateway_away_seen(g, now, &g->meters[l->meters[r->peer]], &values);
        gateway_trip_seen(g, now, &g->meters[l->meters[r->peer]], &values);
    }
    plan_done(&l->plan, &l->ask, e == ERR_OK ? values.next_item : -1, now->mono);
    if (plan_sweep_over(&l->plan, now->mono))
        sweep_ends(g, now, l);
}

/* --- what comes by itself ----------------------------------------------------------------------
 */

#define TOLD_LATE_S 86'400 /* an older report is history that nobody asked for */

static const struct gateway_meter *meter_at(const struct gateway *g, const struct gateway_line *l,
                                            unsigned address)
{
    for (size_t p = 0; p < l->peer_count; p++) {
        const struct gateway_meter *m = &g->meters[l->meters[p]];
        if (m->unit.model->driver->link == &meter_link_modbus_rtu && m->unit.address[0] == address)
            return m;
    }
    return NULL;
}

void gateway_line_told(struct gateway *g, const struct gateway_now *now, size_t index,
                       unsigned address, const struct uplink_reading *reading)
{
    if (index >= g->line_count || !now->trusted || reading->point_count == 0)
        return;
    const struct gateway_line *l = &g->lines[index];
    const struct gateway_meter *m = meter_at(g, l, address);
    if (m == NULL || !l->bus.peers[m->peer].silent)
        return;
    struct uplink_reading r = *reading;
    r.meter_id = m->meter_id;
    r.epoch = m->epoch;
    if (r.at.s == 0 || r.at.s > now->wall.s)
        r.at = now->wall;
    if (r.at.s >= now->wall.s - TOLD_LATE_S)
        gateway_queue_reading(g, now, &r);
}
