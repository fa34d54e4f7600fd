#include "tests/unit/readings/rig.h"
#include "tests/unit/store_sql.h"

#include <stdlib.h>

int rig_open(void **state)
{
    struct rig *g = calloc(1, sizeof *g);
    if (!g || store_open(&g->store, &(struct store_config){.kind = STORE_READINGS,
                                                           .path = ":memory:"}) != ERR_OK)
        return -1;
    *state = g;
    return readings_new(&g->readings) == ERR_OK ? 0 : -1;
}

int rig_close(void **state)
{
    struct rig *g = *state;
    readings_free(g->readings);
    store_close(g->store);
    free(g);
    return 0;
}

struct job {
    struct rig *g;
    const struct readings_batch *batch;
};

static enum err ingest(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return readings_ingest(j->g->readings, tx, j->batch, &j->g->moved);
}

enum err rig_batch(struct rig *g, int64_t seq, int64_t arrival, const struct uplink_reading *list,
                   size_t count)
{
    static uint8_t room[UPLINK_MESSAGE_MAX];
    struct uplink_message m = {.kind = UPLINK_READINGS,
                               .epoch = 1,
                               .seq = seq,
                               .readings = {1, seq, (struct uplink_reading *)list, count}};
    struct writer w = writer_of(room, sizeof room);
    uplink_message_encode(&m, &w);
    assert_ok(w.err);
    struct readings_batch b = {.gateway_id = 3,
                               .epoch = 1,
                               .seq = seq,
                               .now = {arrival},
                               .body = {room, w.len},
                               .readings = &m.readings};
    return store_run(g->store, ingest, &(struct job){g, &b});
}

void rig_say(struct rig *g, int64_t meter, int64_t epoch, int64_t at, ...)
{
    struct uplink_reading r = {.meter_id = meter, .epoch = epoch, .at = {at}};
    va_list args;
    va_start(args, at);
    for (int point = va_arg(args, int); point != 0; point = va_arg(args, int))
        r.points[r.point_count++] = (struct uplink_point){point, va_arg(args, int64_t)};
    va_end(args);
    assert_ok(rig_batch(g, ++g->seq, at, &r, 1));
}

static enum err load(struct store_tx *tx, void *arg)
{
    return readings_load(arg, tx);
}

void rig_restart(struct rig *g)
{
    readings_free(g->readings);
    assert_ok(readings_new(&g->readings));
    assert_ok(store_read(g->store, load, g->readings));
}

int64_t rig_value(struct rig *g, int64_t meter, enum meter_point point)
{
    int64_t v;
    return readings_value(g->readings, meter, point, &v, NULL) ? v : -999;
}

struct wanted {
    const char *kind;
    int64_t meter, count;
};

static enum err count_events(struct store_tx *tx, void *arg)
{
    struct wanted *w = arg;
    return store_int(tx, &w->count,
                     "SELECT count(*) FROM reading_event WHERE kind = $1 AND $2 IN (0, meter_id)",
                     "ti", w->kind, w->meter);
}

int64_t rig_events(struct rig *g, int64_t meter, const char *kind)
{
    struct wanted w = {.kind = kind, .meter = meter};
    assert_ok(store_read(g->store, count_events, &w));
    return w.count;
}

int64_t rig_count(struct rig *g, const char *sql)
{
    return sql_number(g->store, sql);
}

struct seal {
    struct rig *g;
    int32_t day;
    size_t limit, *left;
};

static enum err seal(struct store_tx *tx, void *arg)
{
    struct seal *s = arg;
    struct readings_day d = {.group = 0,
                             .day = s->day,
                             .from = civil_day_start(s->day, ZONE),
                             .to = civil_day_start(s->day + 1, ZONE),
                             .offset_s = ZONE};
    return readings_seal(s->g->readings, tx, &d, s->limit, s->left);
}

enum err rig_seal(struct rig *g, int32_t day, size_t limit, size_t *left)
{
    return store_run(g->store, seal, &(struct seal){g, day, limit, left});
}

struct look {
    struct rig *g;
    int64_t meter, at, until;
    struct readings_registers *registers;
    struct readings_break *brk;
};

static enum err look_registers(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_registers_at(l->g->readings, tx, l->meter, (wall_s){l->at}, l->registers);
}

enum err rig_registers(struct rig *g, int64_t meter, int64_t at, struct readings_registers *out)
{
    return store_read(g->store, look_registers,
                      &(struct look){.g = g, .meter = meter, .at = at, .registers = out});
}

static enum err look_break(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    return readings_break_after(l->g->readings, tx, l->meter, (wall_s){l->at}, (wall_s){l->until},
                                l->brk);
}

enum err rig_break(struct rig *g, int64_t meter, int64_t since, int64_t until,
                   struct readings_break *out)
{
    return store_read(
        g->store, look_break,
        &(struct look){.g = g, .meter = meter, .at = since, .until = until, .brk = out});
}
