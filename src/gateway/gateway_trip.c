/*
 * Trips of terminals: each is told to the platform once, with what it rested on.
 *
 *   COUNT ─ new ones ─► RECORD (► WHY) ... oldest first ─► COUNT ─ the same ─► queued, in one
 * commit └─ none ─► end                                         └─ another ─► once more from the
 * start
 *
 * Records are numbered from the newest: a trip in between moves them all, which the second count
 * shows. How far the platform has been told stands in the gateway's file beside the queue, so that
 * a restart neither loses nor repeats a trip.
 */
#include <stdio.h>

#include "gateway/gateway_impl.h"

struct note {
    struct gateway *g;
    const struct gateway_meter *meter;
    const struct gateway_trip_fetch *fetch;
    char name[64];
    int64_t known;
};

static struct note note_of(struct gateway *g, const struct gateway_meter *m)
{
    struct note n = {.g = g, .meter = m};
    snprintf(n.name, sizeof n.name, "trips.%lld.%lld", (long long)m->meter_id, (long long)m->epoch);
    return n;
}

static enum err look_up(struct store_tx *tx, void *arg)
{
    struct note *n = arg;
    struct query q = query_open(tx, "SELECT value FROM setting WHERE name = $1", "t", n->name);
    if (query_step(&q)) {
        struct bytes b = query_blob(&q, 0);
        struct reader r = reader_of(b.data, b.len);
        n->known = (int64_t)reader_u64le(&r);
    }
    return query_end(&q);
}

static struct uplink_trip trip_of(const struct gateway_meter *m, const struct meter_trip *t,
                                  int64_t number)
{
    return (struct uplink_trip){.meter_id = m->meter_id,
                                .epoch = m->epoch,
                                .number = number,
                                .at = t->at,
                                .circuit = t->circuit,
                                .reason = t->reason,
                                .power_w = t->power_w,
                                .balance_fen = t->balance_fen,
                                .verdict = t->verdict,
                                .flags = t->flags,
                                .step_mw = t->step_mw,
                                .step_mvar = t->step_mvar,
                                .factor = t->factor,
                                .inrush = t->inrush,
                                .third = t->third,
                                .value = t->value,
                                .limit = t->limit};
}

static enum err queue_all(struct store_tx *tx, void *arg)
{
    struct note *n = arg;
    const struct gateway_trip_fetch *f = n->fetch;
    uint8_t count[8];
    struct writer w = writer_of(count, sizeof count);
    for (size_t i = 0; i < f->taken; i++) {
        int64_t number = f->count - (int64_t)f->taken + 1 + (int64_t)i;
        struct uplink_message m = {.kind = UPLINK_TRIP,
                                   .trip = trip_of(n->meter, &f->list[i], number)};
        TRY(gateway_queue_put(n->g, tx, &m));
    }
    writer_u64le(&w, (uint64_t)f->count);
    return store_exec(tx,
                      "INSERT INTO setting (name, value) VALUES ($1, $2) "
                      "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                      "tb", n->name, (struct bytes){count, w.len});
}

/* --- when
 * ------------------------------------------------------------------------------------------ */

static void note_due(struct gateway *g, const struct gateway_meter *m)
{
    struct gateway_line *l = &g->lines[m->line];
    l->trips_at = mono_earlier(l->trips_at, m->trips.due);
}

void gateway_trip_seen(struct gateway *g, const struct gateway_now *now, struct gateway_meter *m,
                       const struct meter_values *values)
{
    struct gateway_trips *t = &m->trips;
    int64_t reason = meter_values_get(values, POINT_OPEN_REASON, -1);
    int64_t open = meter_values_get(values, POINT_RELAY_OPEN, -1);
    if (reason < 0 || !meter_terminal_is(m->unit.model))
        return;
    if (reason != t->reason || open != t->open)
        t->due = now->mono;
    t->reason = reason;
    t->open = open;
    note_due(g, m);
}

static void later(struct gateway *g, struct gateway_meter *m, const struct gateway_now *now,
                  int64_t ms)
{
    m->trips.due = mono_after(now->mono, ms);
    note_due(g, m);
}

/* --- asking
 * ---------------------------------------------------------------------------------------- */

static struct gateway_meter *meter_of(struct gateway *g, struct gateway_line *l)
{
    return &g->meters[l->meters[l->fetch.peer]];
}

static void ask(struct gateway *g, const struct gateway_now *now, struct gateway_line *l)
{
    struct gateway_trip_fetch *f = &l->fetch;
    struct bus_job job = {
        .tag = GATEWAY_TAG_TRIP, .peer = f->peer, .priority = BUS_POLL, .attempts = 2};
    struct writer w = writer_of(job.request, sizeof job.request);
    meter_trip_ask(&meter_of(g, l)->unit, f->item, f->nn, &w);
    job.len = (uint16_t)w.len;
    f->asking = w.err == ERR_OK && bus_submit(&l->bus, &job) == ERR_OK;
    if (!f->asking)
        later(g, meter_of(g, l), now, GATEWAY_TRIP_RETRY_MS);
}

static void start(struct gateway *g, const struct gateway_now *now, struct gateway_line *l,
                  uint16_t peer)
{
    l->fetch = (struct gateway_trip_fetch){.item = METER_TRIP_COUNT, .peer = peer, .count = -1};
    ask(g, now, l);
}

/* Only a terminal that was polled well can be due. */
void gateway_trip_next(struct gateway *g, const struct gateway_now *now, size_t line)
{
    struct gateway_line *l = &g->lines[line];
    if (l->fetch.asking || !mono_due(l->trips_at, now->mono))
        return;
    l->trips_at = MONO_NEVER;
    for (uint16_t p = 0; p < l->peer_count; p++) {
        const struct gateway_meter *m = &g->meters[l->meters[p]];
        if (m->trips.reason < 0 || l->bus.peers[p].silent)
            continue;
        if (mono_due(m->trips.due, now->mono) && !l->fetch.asking)
            start(g, now, l, p);
        else
            note_due(g, m);
    }
    l->trips_at = mono_later(l->trips_at, mono_after(now->mono, GATEWAY_TRIP_LOOK_MS));
}

/* --- answers
 * --------------------------------------------------------------------------------------- */

static void commit(struct gateway *g, const struct gateway_now *now, struct gateway_line *l)
{
    struct gateway_meter *m = meter_of(g, l);
    struct note n = note_of(g, m);
    n.fetch = &l->fetch;
    if (gateway_stored(g, store_run(g->store, queue_all, &n)) != ERR_OK) {
        gateway_queue_recount(g);
        later(g, m, now, GATEWAY_TRIP_RETRY_MS);
        return;
    }
    m->trips.known = l->fetch.count;
    later(g, m, now, GATEWAY_TRIP_CHECK_MS);
}

static enum err know(struct gateway *g, struct gateway_meter *m)
{
    struct note n = note_of(g, m);
    if (m->trips.known >= 0)
        return ERR_OK;
    TRY(gateway_stored(g, store_read(g->store, look_up, &n)));
    m->trips.known = n.known;
    return ERR_OK;
}

/* A count below what is known: its memory is another one. */
static unsigned fresh(const struct gateway_meter *m, int64_t count)
{
    int64_t n = count < m->trips.known ? count : count - m->trips.known;
    return n > METER_TERMINAL_TRIPS ? METER_TERMINAL_TRIPS : (unsigned)n;
}

static enum err take_count(struct gateway *g, const struct gateway_now *now, struct gateway_line *l,
                           struct bytes answer)
{
    struct gateway_trip_fetch *f = &l->fetch;
    struct gateway_meter *m = meter_of(g, l);
    int64_t count;
    TRY(meter_trip_take_count(&m->unit, answer, &count));
    TRY(know(g, m));
    if (count == m->trips.known) {
        later(g, m, now, GATEWAY_TRIP_CHECK_MS);
        return ERR_OK;
    }
    bool whole = f->taken > 0 && count == f->count;
    if (!whole)
        *f = (struct gateway_trip_fetch){
            .item = METER_TRIP_RECORD, .peer = f->peer, .count = count, .nn = fresh(m, count)};
    if (whole || f->nn == 0)
        commit(g, now, l);
    else
        ask(g, now, l);
    return ERR_OK;
}

static void one_more(struct gateway *g, const struct gateway_now *now, struct gateway_line *l)
{
    struct gateway_trip_fetch *f = &l->fetch;
    f->taken++;
    f->nn--;
    f->item = f->nn > 0 ? METER_TRIP_RECORD : METER_TRIP_COUNT;
    ask(g, now, l);
}

static enum err take_record(struct gateway *g, const struct gateway_now *now,
                            struct gateway_line *l, struct bytes answer)
{
    struct gateway_trip_fetch *f = &l->fetch;
    const struct meter_unit *u = &meter_of(g, l)->unit;
    struct meter_trip *t = &f->list[f->taken];
    TRY(meter_trip_take(u, METER_TRIP_RECORD, f->nn, answer, t));
    if (t->circuit > u->circuits)
        return ERR_METER_ANSWER;
    f->item = METER_TRIP_WHY;
    ask(g, now, l);
    return ERR_OK;
}

static enum err take_why(struct gateway *g, const struct gateway_now *now, struct gateway_line *l,
                         struct bytes answer)
{
    struct gateway_trip_fetch *f = &l->fetch;
    enum err e =
        meter_trip_take(&meter_of(g, l)->unit, METER_TRIP_WHY, f->nn, answer, &f->list[f->taken]);
    if (e != ERR_OK && e != ERR_METER_REFUSED) /* refused: only load control explains */
        return e;
    one_more(g, now, l);
    return ERR_OK;
}

void gateway_trip_result(struct gateway *g, const struct gateway_now *now, size_t line,
                         const struct bus_result *r)
{
    struct gateway_line *l = &g->lines[line];
    struct bytes answer = {r->answer, r->len};
    enum err e = r->err;
    l->fetch.asking = false;
    if (e == ERR_OK && l->fetch.item == METER_TRIP_COUNT)
        e = take_count(g, now, l, answer);
    else if (e == ERR_OK && l->fetch.item == METER_TRIP_RECORD)
        e = take_record(g, now, l, answer);
    else if (e == ERR_OK)
        e = take_why(g, now, l, answer);
    if (e != ERR_OK)
        later(g, meter_of(g, l), now, GATEWAY_TRIP_RETRY_MS);
}
