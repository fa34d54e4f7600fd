/* A gateway that starts while the platform cannot be reached does not know the time: its own clock
 * may have no battery. What it reads and does meanwhile is kept by that clock, which goes evenly, and
 * is put right as soon as the time is told. */
#include "gateway/gateway_impl.h"

#define SETTING "undated_from"

enum err gateway_undated_note(struct gateway *g, struct store_tx *tx, int64_t seq)
{
    uint8_t number[8];
    struct writer w = writer_of(number, sizeof number);
    if (g->undated_from != 0)
        return ERR_OK;
    writer_u64le(&w, (uint64_t)seq);
    TRY(store_exec(tx, "INSERT INTO setting (name, value) VALUES ('" SETTING "', $1)", "b",
                   (struct bytes){number, w.len}));
    g->undated_from = seq;
    return ERR_OK;
}

static enum err forget(struct store_tx *tx)
{
    return store_exec(tx, "DELETE FROM setting WHERE name = '" SETTING "'", "");
}

/* --- the time is told ---------------------------------------------------------------------------
 */

struct move {
    struct gateway *g;
    int64_t by_s;
};

static void move_times(struct gateway *g, struct uplink_message *m, int64_t by_s)
{
    (void)g;
    if (m->kind == UPLINK_OUTCOME)
        m->outcome.at.s += by_s;
    if (m->kind == UPLINK_READINGS)
        for (size_t i = 0; i < m->readings.count; i++)
            m->readings.readings[i].at.s += by_s;
}

static enum err move(struct store_tx *tx, void *arg)
{
    const struct move *m = arg;
    if (m->by_s != 0) /* 0: the clock was right, as it mostly is */
        TRY(gateway_queue_change(m->g, tx, m->g->undated_from - 1, move_times, m->by_s));
    return forget(tx);
}

static void move_what_is_in_memory(struct gateway *g, int64_t by_s)
{
    for (size_t i = 0; i < g->held_count; i++)
        g->held[i].at.s += by_s;
    for (size_t i = 0; i < g->line_count; i++) {
        g->lines[i].reading.at.s += by_s;
        g->lines[i].down_wall.s += by_s;
        if (g->lines[i].visit.undated)
            g->lines[i].visit.outcome.at.s += by_s;
        g->lines[i].visit.undated = false;
    }
}

void gateway_clock_known(struct gateway *g, const struct gateway_now *now, int64_t by_s)
{
    struct move m = {g, by_s};
    move_what_is_in_memory(g, by_s);
    if (g->undated_from != 0 && gateway_stored(g, store_run(g->store, move, &m)) == ERR_OK)
        g->undated_from = 0; /* else the welcome drops them */
    (void)gateway_stored(g, gateway_prune(g, now));
}

/* --- it was never told --------------------------------------------------------------------------
 */

struct drop {
    struct gateway *g;
    wall_s at; /* 0: not known */
};

static enum err drop(struct store_tx *tx, void *arg)
{
    const struct drop *d = arg;
    TRY(store_exec(tx, "DELETE FROM queue WHERE seq >= $1 AND kind = $2", "ii", d->g->undated_from,
                   (int64_t)UPLINK_READINGS));
    int64_t rows = store_changes(tx);
    TRY(forget(tx));
    return rows > 0 ? gateway_queue_dropped(d->g, tx, d->at, rows) : ERR_OK;
}

enum err gateway_undated_drop(struct gateway *g, const struct gateway_now *now)
{
    struct drop d = {g, now->trusted ? now->wall : (wall_s){0}};
    if (g->undated_from == 0)
        return ERR_OK;
    TRY(gateway_stored(g, store_run(g->store, drop, &d)));
    g->undated_from = 0;
    gateway_queue_recount(g);
    return ERR_OK;
}

enum err gateway_undated_load(struct gateway *g)
{
    uint8_t number[8];
    size_t len;
    enum err e = gateway_setting_get(g, SETTING, number, sizeof number, &len);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    struct reader r = reader_of(number, len);
    g->undated_from = (int64_t)reader_u64le(&r);
    return r.err;
}
