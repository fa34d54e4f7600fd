#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "readings/readings_impl.h"

/* ERR_EXISTS: the batch was taken before. */
static enum err put_batch(struct store_tx *tx, const struct readings_batch *b)
{
    enum err e = store_exec(tx,
                            "INSERT INTO batch (gateway_id, epoch, seq, at, body) "
                            "VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
                            "iiiib", b->gateway_id, b->epoch, b->seq, b->now.s, b->body);
    if (e == ERR_OK && store_changes(tx) == 0)
        return ERR_EXISTS;
    return e;
}

static enum err put_note(struct store_tx *tx, const struct note *n)
{
    int64_t id;
    char detail[160];
    snprintf(detail, sizeof detail,
             "{\"point\":%" PRId64 ",\"old\":%" PRId64 ",\"new\":%" PRId64 "}", n->point, n->old,
             n->new);
    TRY(store_next_id(tx, "reading_event", &id));
    return store_exec(tx,
                      "INSERT INTO reading_event (id, meter_id, at, kind, detail) "
                      "VALUES ($1, $2, $3, $4, $5)",
                      "iiitt", id, n->meter_id, n->at, readings_verdict_name(n->verdict), detail);
}

static enum err put_latest(struct store_tx *tx, const struct meter *m)
{
    for (int i = 0; i < POINT_SLOTS; i++)
        if (m->dirty >> i & 1)
            TRY(store_exec(tx,
                           "INSERT INTO latest (meter_id, point, epoch, at, value) "
                           "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (meter_id, point) DO UPDATE "
                           "SET epoch = excluded.epoch, at = excluded.at, value = excluded.value",
                           "iiiii", m->id, (int64_t)point_rules[i].point, m->epoch, m->at[i],
                           m->value[i]));
    return ERR_OK;
}

static enum err put_all(struct readings *r, struct store_tx *tx, const struct readings_moved *moved)
{
    for (size_t i = 0; i < r->note_count; i++)
        TRY(put_note(tx, &r->notes[i]));
    for (size_t i = 0; i < moved->count; i++) {
        struct meter *m = readings_find(r, moved->meter[i].meter_id);
        MUST(m);
        TRY(put_latest(tx, m));
        m->dirty = 0;
    }
    return ERR_OK;
}

static enum err take_all(struct readings *r, const struct readings_batch *batch,
                         struct readings_moved *moved)
{
    struct taking t = {r, batch->now.s, moved};
    r->note_count = 0;
    for (size_t i = 0; i < batch->readings->count; i++)
        TRY(readings_take(&t, &batch->readings->readings[i]));
    return ERR_OK;
}

enum err readings_ingest(struct readings *r, struct store_tx *tx,
                         const struct readings_batch *batch, struct readings_moved *moved)
{
    *moved = (struct readings_moved){};
    if (batch->readings->count > UPLINK_READINGS_MAX)
        return ERR_RANGE;
    if (r->stale)
        TRY(readings_load(r, tx));
    enum err e = put_batch(tx, batch);
    if (e == ERR_EXISTS) {
        moved->repeat = true;
        return ERR_OK;
    }
    TRY(e);
    /* From here on memory runs ahead of the store until everything is written. */
    r->stale = true;
    TRY(take_all(r, batch, moved));
    TRY(put_all(r, tx, moved));
    r->stale = false;
    return ERR_OK;
}

/* --- rebuilding memory ------------------------------------------------------------------------ */

static enum err forget_all(struct readings *r)
{
    for (size_t i = 0; i < r->count; i++) {
        struct meter *m = r->list[i];
        m->epoch = 0;
        m->newest = INT64_MIN;
        m->oldest = INT64_MAX;
        m->broke = INT64_MIN;
        m->present = m->exchanged = m->dirty = 0;
        for (int k = 0; m->columns && k < POINT_SLOTS; k++)
            column_clear(&m->columns[k]);
        free(m->sides);
        m->sides = NULL;
        for (int k = 0; m->doubts && k < POINT_SLOTS; k++)
            m->doubts[k] = (struct doubt){.told_at = INT64_MIN};
    }
    return ERR_OK;
}

/* What the last sealed day ended with: the open samples are checked against it, as they were when
 * they came. */
static enum err seed_from_block(struct readings *r, struct bytes body)
{
    struct block b;
    struct meter *m;
    TRY(block_decode(body, &b));
    enum err e = readings_get(r, b.meter_id, &m);
    for (size_t i = 0; e == ERR_OK && i < b.column_count; i++) {
        const struct block_column *c = &b.columns[i];
        int slot = point_slot(c->point);
        if (slot < 0 || c->epoch < m->epoch)
            continue;
        if (c->epoch > m->epoch) {
            m->epoch = c->epoch;
            m->present = 0;
        }
        m->value[slot] = c->values[c->count - 1];
        m->at[slot] = b.from.s + (int64_t)c->slots[c->count - 1] * BLOCK_STEP_S;
        m->present |= UINT32_C(1) << slot;
        if (m->at[slot] > m->newest)
            m->newest = m->at[slot];
    }
    block_free(&b);
    return e;
}

static enum err load_seeds(struct readings *r, struct store_tx *tx)
{
    struct query q = query_open(tx,
                                "SELECT body FROM block WHERE block_key IN (SELECT "
                                "max(block_key) FROM block GROUP BY block_key / 65536)",
                                "");
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = seed_from_block(r, query_blob(&q, 0));
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

static enum err replay(struct readings *r, const struct readings_batch *batch, void *arena)
{
    struct uplink_message message;
    struct readings_moved moved = {};
    TRY(uplink_message_decode(batch->body.data, batch->body.len, arena, &message));
    if (message.kind != UPLINK_READINGS)
        return ERR_UPLINK_SYNTAX;
    struct readings_batch b = *batch;
    b.readings = &message.readings;
    return take_all(r, &b, &moved);
}

static _Alignas(16) uint8_t arena[UPLINK_ARENA]; /* one loop owns all readings */

static enum err load_batches(struct readings *r, struct store_tx *tx)
{
    struct query q = query_open(tx,
                                "SELECT gateway_id, epoch, seq, at, body FROM batch "
                                "ORDER BY at, gateway_id, epoch, seq",
                                "");
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = replay(r,
                   &(struct readings_batch){.gateway_id = query_int(&q, 0),
                                            .epoch = query_int(&q, 1),
                                            .seq = query_int(&q, 2),
                                            .now = {query_int(&q, 3)},
                                            .body = query_blob(&q, 4)},
                   arena);
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

/* `latest` has the last word: a point that is rarely asked for may be older than every batch. */
static enum err load_latest(struct readings *r, struct store_tx *tx)
{
    struct query q = query_open(
        tx, "SELECT meter_id, point, epoch, at, value FROM latest ORDER BY meter_id, point", "");
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct meter *m = NULL;
        int slot = point_slot(query_int(&q, 1));
        e = readings_get(r, query_int(&q, 0), &m);
        if (e != ERR_OK || slot < 0 || query_int(&q, 2) < m->epoch)
            continue;
        if (query_int(&q, 2) > m->epoch) {
            m->epoch = query_int(&q, 2);
            m->present = 0;
        }
        m->present |= UINT32_C(1) << slot;
        m->at[slot] = query_int(&q, 3);
        m->value[slot] = query_int(&q, 4);
        if (m->at[slot] > m->newest)
            m->newest = m->at[slot];
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

enum err readings_load(struct readings *r, struct store_tx *tx)
{
    r->stale = true;
    TRY(forget_all(r));
    TRY(load_seeds(r, tx));
    TRY(load_batches(r, tx));
    TRY(load_latest(r, tx));
    for (size_t i = 0; i < r->count; i++)
        r->list[i]->dirty = 0;
    r->note_count = 0;
    r->stale = false;
    return ERR_OK;
}

enum err readings_events_after(struct store_tx *tx, int64_t after, int64_t limit,
                               readings_event_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT id, meter_id, at, kind, detail FROM reading_event "
                                "WHERE id > $1 ORDER BY id LIMIT $2",
                                "ii", after, limit);
    while (e == ERR_OK && query_step(&q))
        e = each(arg, &(struct readings_event){.id = query_int(&q, 0),
                                               .meter_id = query_int(&q, 1),
                                               .at = {query_int(&q, 2)},
                                               .kind = query_text(&q, 3),
                                               .detail = query_text(&q, 4)});
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}
