#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "flow/flow_impl.h"

static const char *const names[] = {
#define FLOW_RESULT(name, text, en, zh) text,
#include "flow/result_table.h"
#undef FLOW_RESULT
};
static const char *const en[] = {
#define FLOW_RESULT(name, text, en, zh) en,
#include "flow/result_table.h"
#undef FLOW_RESULT
};
static const char *const zh[] = {
#define FLOW_RESULT(name, text, en, zh) zh,
#include "flow/result_table.h"
#undef FLOW_RESULT
};

const char *flow_result_name(enum flow_result r)
{
    MUST((unsigned)r < FLOW_RESULT_COUNT);
    return names[r];
}

const char *flow_result_en(enum flow_result r)
{
    MUST((unsigned)r < FLOW_RESULT_COUNT);
    return en[r];
}

const char *flow_result_zh(enum flow_result r)
{
    MUST((unsigned)r < FLOW_RESULT_COUNT);
    return zh[r];
}

static enum flow_result result_of(const char *name)
{
    unsigned i = 0;
    while (i < FLOW_RESULT_COUNT && strcmp(names[i], name) != 0)
        i++;
    MUST(i < FLOW_RESULT_COUNT); /* the schema allows no other */
    return (enum flow_result)i;
}

enum err flow_meter_load(struct store_tx *tx, int64_t meter_id, struct flow_meter *m)
{
    struct query q =
        query_open(tx,
                   "SELECT project_id, coalesce(account_id, 0), epoch, address, model, "
                   "kind FROM meter WHERE id = $1",
                   "i", meter_id);
    bool found = query_step(&q);
    if (found) {
        const char *kind = query_text(&q, 5);
        *m = (struct flow_meter){.id = meter_id,
                                 .project_id = query_int(&q, 0),
                                 .account_id = query_int(&q, 1),
                                 .epoch = query_int(&q, 2),
                                 .water = strcmp(kind, "water") == 0};
        m->charged = m->water || strcmp(kind, "gas") == 0;
        snprintf(m->address, sizeof m->address, "%s", query_text(&q, 3));
        snprintf(m->model, sizeof m->model, "%s", query_text(&q, 4));
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static void take(const struct query *q, struct flow_row *r)
{
    *r = (struct flow_row){.meter_id = query_int(q, 0),
                           .epoch = query_int(q, 1),
                           .valve = query_int(q, 2),
                           .battery_low = query_int(q, 3),
                           .fault_bits = query_int(q, 4),
                           .closed_at = {query_int(q, 5)},
                           .closed_l = query_int(q, 6),
                           .closed_told = query_int(q, 7) != 0,
                           .night_from = {query_int(q, 8)},
                           .night_to = {query_int(q, 9)},
                           .slot = query_int(q, 10),
                           .slot_l = query_int(q, 11),
                           .least_l = query_int(q, 12),
                           .night_at = {query_int(q, 13)},
                           .leak_since = {query_int(q, 14)},
                           .leak_lh = query_int(q, 15),
                           .exercise_at = {query_int(q, 16)},
                           .exercise_id = query_int(q, 17),
                           .exercise_from = {query_int(q, 18)}};
}

enum err flow_row_load(struct store_tx *tx, int64_t meter_id, struct flow_row *row)
{
    *row = (struct flow_row){.meter_id = meter_id,
                             .fresh = true,
                             .valve = -1,
                             .battery_low = -1,
                             .fault_bits = -1,
                             .slot = FLOW_NIGHT_WAITS,
                             .least_l = -1};
    struct query q = query_open(
        tx,
        "SELECT meter_id, epoch, valve, battery_low, fault_bits, closed_at, closed_l, closed_told, "
        "night_from, night_to, slot, slot_l, least_l, night_at, leak_since, leak_lh, exercise_at, "
        "exercise_id, exercise_from FROM flow_meter WHERE meter_id = $1",
        "i", meter_id);
    if (query_step(&q))
        take(&q, row);
    return query_end(&q);
}

enum err flow_row_save(struct store_tx *tx, const struct flow_row *r)
{
    return store_exec(
        tx,
        "INSERT INTO flow_meter (meter_id, epoch, valve, battery_low, fault_bits, closed_at, "
        "closed_l, closed_told, night_from, night_to, slot, slot_l, least_l, night_at, leak_since, "
        "leak_lh, exercise_at, exercise_id, exercise_from) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
        "$9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) "
        "ON CONFLICT (meter_id) DO UPDATE SET epoch = excluded.epoch, valve = excluded.valve, "
        "battery_low = excluded.battery_low, fault_bits = excluded.fault_bits, "
        "closed_at = excluded.closed_at, closed_l = excluded.closed_l, "
        "closed_told = excluded.closed_told, night_from = excluded.night_from, "
        "night_to = excluded.night_to, slot = excluded.slot, slot_l = excluded.slot_l, "
        "least_l = excluded.least_l, night_at = excluded.night_at, "
        "leak_since = excluded.leak_since, leak_lh = excluded.leak_lh, "
        "exercise_at = excluded.exercise_at, exercise_id = excluded.exercise_id, "
        "exercise_from = excluded.exercise_from",
        "iiiiiiiiiiiiiiiiiii", r->meter_id, r->epoch, r->valve, r->battery_low, r->fault_bits,
        r->closed_at.s, r->closed_l, (int64_t)r->closed_told, r->night_from.s, r->night_to.s,
        r->slot, r->slot_l, r->least_l, r->night_at.s, r->leak_since.s, r->leak_lh,
        r->exercise_at.s, r->exercise_id, r->exercise_from.s);
}

enum err flow_tell(struct store_tx *tx, const struct flow_meter *m, wall_s at,
                   enum journal_kind kind, struct detail *d)
{
    detail_text(d, "address", m->address);
    return journal_event(tx, &(struct journal_event){.at = at,
                                                     .kind = kind,
                                                     .project_id = m->project_id,
                                                     .account_id = m->account_id,
                                                     .meter_id = m->id,
                                                     .detail = detail_end(d)});
}

enum err flow_get(struct store_tx *tx, int64_t meter_id, struct flow_state *s)
{
    struct flow_row r;
    TRY(flow_row_load(tx, meter_id, &r));
    *s = (struct flow_state){.known = !r.fresh,
                             .valve = r.valve,
                             .battery_low = r.battery_low,
                             .fault_bits = r.fault_bits,
                             .closed_at = r.closed_at,
                             .closed_l = r.closed_l,
                             .closed_flow = r.closed_told,
                             .leak_since = r.leak_since,
                             .leak_lh = r.leak_lh,
                             .night_at = r.night_at,
                             .exercise_at = r.exercise_at};
    return ERR_OK;
}

enum err flow_exercises(struct store_tx *tx, int64_t meter_id, int64_t limit,
                        flow_exercise_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT id, at, ended_at, result FROM flow_exercise "
                                "WHERE meter_id = $1 ORDER BY id DESC LIMIT $2",
                                "ii", meter_id, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct flow_exercise x = {.id = query_int(&q, 0),
                                  .meter_id = meter_id,
                                  .at = {query_int(&q, 1)},
                                  .ended_at = {query_int(&q, 2)},
                                  .result = result_of(query_text(&q, 3))};
        e = each(arg, &x);
    }
    TRY(query_end(&q));
    return e;
}
