#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "gateway/gateway_impl.h"

/* --- settings of the queue ----------------------------------------------------------------------
 */

static enum err load(struct store_tx *tx, void *arg)
{
    struct gateway *g = arg;
    uint8_t epoch[8];
    struct query q = query_open(tx, "SELECT value FROM setting WHERE name = 'queue_epoch'", "");
    bool found = query_step(&q);
    if (found) {
        struct bytes b = query_blob(&q, 0);
        struct reader r = reader_of(b.data, b.len);
        g->queue_epoch = (int64_t)reader_u64le(&r);
    }
    TRY(query_end(&q));
    if (!found) {
        struct writer w = writer_of(epoch, sizeof epoch);
        g->queue_epoch = g->options.new_queue_epoch;
        writer_u64le(&w, (uint64_t)g->queue_epoch);
        TRY(store_exec(tx, "INSERT INTO setting (name, value) VALUES ('queue_epoch', $1)", "b",
                       (struct bytes){epoch, sizeof epoch}));
    }
    enum err e = store_int(tx, &g->last_seq, "SELECT last FROM sequence WHERE name = 'queue'", "");
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err count(struct store_tx *tx, void *arg)
{
    struct gateway *g = arg;
    struct query q = query_open(
        tx, "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(min(seq), 0) FROM queue",
        "");
    if (query_step(&q)) {
        g->queue_rows = query_int(&q, 0);
        g->queue_bytes = query_int(&q, 1);
    }
    TRY(query_end(&q));
    g->last_seq = 0; /* none was ever committed, whatever a failed transaction gave out */
    enum err e = store_int(tx, &g->last_seq, "SELECT last FROM sequence WHERE name = 'queue'", "");
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void gateway_queue_recount(struct gateway *g)
{
    enum err e = gateway_stored(g, store_read(g->store, count, g));
    (void)e; /* a store that cannot be read has been remembered as dead */
}

enum err gateway_queue_open(struct gateway *g)
{
    TRY(store_run(g->store, load, g));
    TRY(store_read(g->store, count, g));
    g->acked_seq = g->committed_ack = g->sent_seq = 0;
    return ERR_OK;
}

/* --- putting
 * -------------------------------------------------------------------------------------- */

enum err gateway_queue_put(struct gateway *g, struct store_tx *tx, struct uplink_message *m)
{
    static uint8_t encoded[UPLINK_MESSAGE_MAX];
    struct writer w = writer_of(encoded, sizeof encoded);
    int64_t seq;
    TRY(store_next_id(tx, "queue", &seq));
    m->epoch = g->queue_epoch;
    m->seq = seq;
    if (m->kind == UPLINK_READINGS) {
        m->readings.seq_epoch = g->queue_epoch;
        m->readings.seq = seq;
    }
    uplink_message_encode(m, &w);
    TRY(w.err);
    TRY(store_exec(tx, "INSERT INTO queue (seq, kind, body) VALUES ($1, $2, $3)", "iib", seq,
                   (int64_t)m->kind, (struct bytes){encoded, w.len}));
    g->last_seq = seq;
    g->queue_rows++;
    g->queue_bytes += (int64_t)w.len;
    return ERR_OK;
}

static void flush_by(struct gateway *g, const struct gateway_now *now)
{
    g->flush_at = mono_earlier(g->flush_at, mono_after(now->mono, g->options.flush_ms));
}

void gateway_queue_event(struct gateway *g, const struct gateway_now *now,
                         const struct uplink_event *event)
{
    if (g->event_count < GATEWAY_EVENTS_MAX) {
        g->events[g->event_count] = *event;
        if (!now->trusted)
            g->events[g->event_count].at.s = 0;
        g->event_count++;
    }
    flush_by(g, now);
}

void gateway_queue_reading(struct gateway *g, const struct gateway_now *now,
                           const struct uplink_reading *reading)
{
    if (g->held_count == GATEWAY_HELD_MAX) { /* the disk has been full for long */
        memmove(g->held, g->held + 1, (GATEWAY_HELD_MAX - 1) * sizeof *g->held);
        g->held_count--;
        g->held_dropped++;
    }
    g->held[g->held_count++] = *reading;
    flush_by(g, now);
    if (g->held_count >= UPLINK_READINGS_MAX / 2)
        g->flush_at = mono_earlier(g->flush_at, now->mono);
}

/* --- the commit
 * ------------------------------------------------------------------------------------ */

struct flush {
    struct gateway *g;
    const struct gateway_now *now;
};

static enum err put_readings(struct gateway *g, struct store_tx *tx, bool dated)
{
    for (size_t at = 0; at < g->held_count; at += UPLINK_READINGS_MAX) {
        size_t left = g->held_count - at;
        struct uplink_message m = {
            .kind = UPLINK_READINGS,
            .readings = {.readings = g->held + at,
                         .count = left < UPLINK_READINGS_MAX ? left : UPLINK_READINGS_MAX}};
        TRY(gateway_queue_put(g, tx, &m));
        if (!dated)
            TRY(gateway_undated_note(g, tx, m.seq));
    }
    return ERR_OK;
}

static enum err put_events(struct gateway *g, struct store_tx *tx)
{
    for (size_t i = 0; i < g->event_count; i++) {
        struct uplink_message m = {.kind = UPLINK_EVENT, .event = g->events[i]};
        TRY(gateway_queue_put(g, tx, &m));
    }
    return ERR_OK;
}

enum err gateway_queue_dropped(struct gateway *g, struct store_tx *tx, wall_s at, int64_t rows)
{
    struct uplink_message m = {.kind = UPLINK_EVENT,
                               .event = {.kind = UPLINK_QUEUE_DROPPED, .at = at, .value = rows}};
    g->dropped_rows += rows;
    return gateway_queue_put(g, tx, &m);
}

/* Past the bound a tenth of the readings goes, the oldest first; outcomes and events stay. */
static enum err keep_bound(struct gateway *g, struct store_tx *tx, wall_s at)
{
    if (g->queue_bytes <= g->options.queue_bytes_max)
        return ERR_OK;
    TRY(store_exec(tx,
                   "DELETE FROM queue WHERE seq IN (SELECT seq FROM queue WHERE kind = $1 "
                   "ORDER BY seq LIMIT (SELECT count(*) / 10 + 1 FROM queue))",
                   "i", (int64_t)UPLINK_READINGS));
    int64_t rows = store_changes(tx);
    TRY(count(tx, g));
    return rows > 0 ? gateway_queue_dropped(g, tx, at, rows) : ERR_OK;
}

static enum err flush(struct store_tx *tx, void *arg)
{
    struct flush *f = arg;
    struct gateway *g = f->g;
    if (g->acked_seq > g->committed_ack)
        TRY(store_exec(tx, "DELETE FROM queue WHERE seq <= $1", "i", g->acked_seq));
    if (g->held_dropped > 0)
        TRY(gateway_queue_dropped(g, tx, f->now->wall, g->held_dropped));
    TRY(put_events(g, tx));
    TRY(put_readings(g, tx, f->now->trusted));
    if (g->acked_seq > g->committed_ack)
        TRY(count(tx, g));
    return keep_bound(g, tx, f->now->wall);
}

enum err gateway_queue_flush(struct gateway *g, const struct gateway_now *now)
{
    struct flush f = {g, now};
    int64_t undated_from = g->undated_from;
    g->flush_at = MONO_NEVER;
    if (g->held_count + g->event_count == 0 && g->acked_seq <= g->committed_ack)
        return ERR_OK;
    enum err e = gateway_stored(g, store_run(g->store, flush, &f));
    if (e != ERR_OK) {
        gateway_queue_recount(g);
        g->undated_from = undated_from;
        g->flush_at = mono_after(now->mono, GATEWAY_RETRY_MS);
        return e;
    }
    g->held_count = g->event_count = 0;
    g->held_dropped = 0;
    g->committed_ack = g->acked_seq;
    return ERR_OK;
}

/* --- taking away, handing out
 * ------------------------------------------------------------------------ */

void gateway_queue_acked(struct gateway *g, const struct gateway_now *now, int64_t epoch,
                         int64_t seq)
{
    if (epoch != g->queue_epoch || seq <= g->acked_seq || seq > g->last_seq)
        return;
    g->acked_seq = seq;
    if (g->sent_seq < seq)
        g->sent_seq = seq;
    size_t landed = 0;
    while (landed < g->flying_count && g->flying[landed] <= seq)
        landed++;
    g->flying_count -= landed;
    memmove(g->flying, g->flying + landed, g->flying_count * sizeof *g->flying);
    flush_by(g, now);
}

struct fetch {
    struct gateway *g;
    int64_t after, seq;
    size_t len;
};

static enum err fetch(struct store_tx *tx, void *arg)
{
    struct fetch *f = arg;
    struct query q = query_open(
        tx, "SELECT seq, body FROM queue WHERE seq > $1 ORDER BY seq LIMIT 1", "i", f->after);
    bool found = query_step(&q);
    if (found) {
        struct bytes b = query_blob(&q, 1);
        MUST(b.len <= UPLINK_MESSAGE_MAX);
        memcpy(f->g->out, b.data, b.len);
        f->seq = query_int(&q, 0);
        f->len = b.len;
    }
    enum err e = query_end(&q);
    return e != ERR_OK ? e : found ? ERR_OK : ERR_NOT_FOUND;
}

enum err gateway_queue_next(struct gateway *g, int64_t after, int64_t *seq, size_t *len)
{
    struct fetch f = {.g = g, .after = after};
    TRY(store_read(g->store, fetch, &f));
    *seq = f.seq;
    *len = f.len;
    return ERR_OK;
}

static enum err encoded_again(struct gateway *g, struct store_tx *tx, const struct fetch *f,
                              gateway_change_fn *change, int64_t by)
{
    static uint8_t encoded[UPLINK_MESSAGE_MAX];
    struct writer w = writer_of(encoded, sizeof encoded);
    struct uplink_message m;
    TRY(uplink_message_decode(g->out, f->len, g->arena, &m));
    change(g, &m, by);
    uplink_message_encode(&m, &w);
    TRY(w.err);
    return store_exec(tx, "UPDATE queue SET body = $2 WHERE seq = $1", "ib", f->seq,
                      (struct bytes){encoded, w.len});
}

enum err gateway_queue_change(struct gateway *g, struct store_tx *tx, int64_t after,
                              gateway_change_fn *change, int64_t by)
{
    struct fetch f = {.g = g, .after = after};
    enum err e;
    while ((e = fetch(tx, &f)) == ERR_OK) {
        TRY(encoded_again(g, tx, &f, change, by));
        f.after = f.seq;
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* --- the file went back in time
 * ---------------------------------------------------------------------- */

static void into_epoch(struct gateway *g, struct uplink_message *m, int64_t unused)
{
    (void)unused;
    m->epoch = g->queue_epoch;
    if (m->kind == UPLINK_READINGS)
        m->readings.seq_epoch = g->queue_epoch;
}

static enum err renew(struct store_tx *tx, void *arg)
{
    struct gateway *g = arg;
    uint8_t epoch[8];
    struct writer w = writer_of(epoch, sizeof epoch);
    writer_u64le(&w, (uint64_t)g->queue_epoch);
    TRY(store_exec(tx, "UPDATE setting SET value = $1 WHERE name = 'queue_epoch'", "b",
                   (struct bytes){epoch, sizeof epoch}));
    return gateway_queue_change(g, tx, 0, into_epoch, 0);
}

enum err gateway_queue_renew(struct gateway *g, const struct gateway_now *now)
{
    int64_t old = g->queue_epoch, by_clock = now->wall.s * 1000;
    g->queue_epoch = by_clock > old ? by_clock : old + 1;
    enum err e = gateway_stored(g, store_run(g->store, renew, g));
    if (e != ERR_OK)
        g->queue_epoch = old;
    return e;
}
