/*
 * Exercises: (none) ── due, in its hours ──► sent ── outcome ──► done, seized, refused, unknown ...
 *                          └── not now: closed, kept, protected, battery, fault
 */
#include <stdio.h>
#include <string.h>

#include "base/rand.h"
#include "billing/billing.h"
#include "control/control.h"
#include "control/protect.h"
#include "flow/flow_impl.h"
#include "headend/headend.h"
#include "journal/aside.h"
#include "meter/meter.h"
#include "meter/point.h"

#define ORDER_S 120    /* an order older than this is not carried out */
#define SILENT_S 3'600 /* whoever has not answered by then is not waited for */
#define SCAN_MAX 64
#define AT_ONCE 4 /* of one gateway: others wait for its lines too */
#define BUSY_S 20

struct turn {
    struct store_tx *tx;
    wall_s now;
    struct rand_stream ids;
};

bool flow_can_exercise(const struct flow_meter *m)
{
    const struct meter_model *model = meter_model_find(m->model);
    if (!model)
        return false;
    uint8_t how = model->actions[METER_ORDER_EXERCISE].how;
    return how != METER_HOW_NOT && how != METER_HOW_SEALED;
}

/* --- the record ------------------------------------------------------------------------------- */

static enum err record(struct turn *t, struct flow_row *row, enum flow_result result,
                       int64_t command_id)
{
    int64_t id, ended = result == FLOW_SENT ? 0 : t->now.s;
    TRY(store_next_id(t->tx, "flow_exercise", &id));
    row->exercise_id = result == FLOW_SENT ? id : 0;
    row->exercise_from = t->now;
    return store_exec(t->tx,
                      "INSERT INTO flow_exercise (id, meter_id, at, ended_at, result, command_id) "
                      "VALUES ($1, $2, $3, $4, $5, nullif($6, 0))",
                      "iiiiti", id, row->meter_id, t->now.s, ended, flow_result_name(result),
                      command_id);
}

static enum err end_record(struct turn *t, int64_t id, enum flow_result result)
{
    return store_exec(t->tx, "UPDATE flow_exercise SET result = $2, ended_at = $3 WHERE id = $1",
                      "iti", id, flow_result_name(result), t->now.s);
}

/* What was not tried, or is not known, is tried again in a day. */
static int64_t pause_days(const struct flow_rule *rule, enum flow_result result)
{
    bool again = result == FLOW_UNKNOWN || result == FLOW_EXPIRED || result == FLOW_REFUSED;
    return again || rule->exercise_days == 0 ? 1 : rule->exercise_days;
}

static enum err finish(struct turn *t, const struct flow_meter *m, struct flow_row *row,
                       enum flow_result result)
{
    struct flow_rule rule;
    TRY(flow_rule_get(t->tx, m->project_id, &rule));
    TRY(end_record(t, row->exercise_id, result));
    row->exercise_id = 0;
    row->exercise_at.s = row->exercise_from.s + pause_days(&rule, result) * FLOW_DAY_S;
    return flow_row_save(t->tx, row);
}

/* --- what is due ------------------------------------------------------------------------------ */

/* FLOW_SENT: nothing speaks against it. */
static enum err ask_policy(struct turn *t, const struct flow_meter *m, const struct flow_row *row,
                           enum flow_result *result)
{
    struct control_relay relay;
    uint32_t protections = 0;
    TRY(control_get(t->tx, m->id, 0, &relay));
    if (m->account_id != 0)
        TRY(control_protected(t->tx, m->account_id, t->now, &protections));
    *result = relay.desired == CONTROL_OPEN || relay.pending || row->valve != METER_VALVE_OPEN
                  ? FLOW_CLOSED
                  : FLOW_SENT;
    if (row->valve == METER_VALVE_FAULT)
        *result = FLOW_FAULT;
    else if (relay.keep_power)
        *result = FLOW_KEPT;
    else if (*result == FLOW_SENT && protections != 0)
        *result = FLOW_PROTECTED;
    else if (*result == FLOW_SENT && row->battery_low > 0)
        *result = FLOW_BATTERY;
    return ERR_OK;
}

static enum err send(struct turn *t, const struct flow_meter *m, int64_t gateway_id, wall_s until,
                     int64_t *command_id)
{
    struct headend_order o = {
        .command = {.kind = UPLINK_EXERCISE,
                    .meter_id = m->id,
                    .epoch = m->epoch,
                    .not_after = {until.s < t->now.s + ORDER_S ? until.s : t->now.s + ORDER_S}},
        .gateway_id = gateway_id,
        .account_id = m->account_id,
        .now = t->now,
        .random = rand_u64(&t->ids)};
    return headend_command_put(t->tx, &o, command_id);
}

static enum err count_at_once(struct turn *t, int64_t gateway_id, int64_t *count)
{
    return store_int(t->tx, count,
                     "SELECT count(*) FROM command WHERE gateway_id = $1 "
                     "AND state IN ('waiting', 'fencing') AND kind = 'exercise'",
                     "i", gateway_id);
}

static enum err begin(struct turn *t, const struct flow_meter *m, struct flow_row *row,
                      const struct flow_rule *rule, wall_s until)
{
    enum flow_result result;
    int64_t gateway_id, at_once = 0, command_id = 0;
    TRY(ask_policy(t, m, row, &result));
    TRY(headend_gateway_of_meter(t->tx, m->id, &gateway_id));
    TRY(count_at_once(t, gateway_id, &at_once));
    if (result == FLOW_SENT && at_once >= AT_ONCE) {
        row->exercise_at.s = t->now.s + BUSY_S;
        return flow_row_save(t->tx, row);
    }
    if (result == FLOW_SENT)
        TRY(send(t, m, gateway_id, until, &command_id));
    TRY(record(t, row, result, command_id));
    row->exercise_at.s =
        t->now.s + (result == FLOW_SENT ? SILENT_S : rule->exercise_days * FLOW_DAY_S);
    return flow_row_save(t->tx, row);
}

struct due {
    struct turn *turn;
    int64_t meter_id;
};

static enum err look(struct store_tx *tx, void *arg)
{
    const struct due *due = arg;
    struct turn *t = due->turn;
    int64_t meter_id = due->meter_id;
    struct flow_meter m;
    struct flow_row row;
    struct flow_rule rule;
    int32_t offset_s;
    TRY(flow_row_load(tx, meter_id, &row));
    enum err e = flow_meter_load(tx, meter_id, &m);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && !flow_can_exercise(&m))) {
        row.exercise_at.s = 0;
        return flow_row_save(tx, &row);
    }
    TRY(e);
    if (row.exercise_id != 0)
        return finish(t, &m, &row, FLOW_UNKNOWN);
    TRY(flow_rule_get(tx, m.project_id, &rule));
    TRY(billing_project_offset(tx, m.project_id, t->now, &offset_s));
    struct flow_hours h =
        flow_hours_of(t->now, offset_s, rule.exercise_from_min, rule.exercise_to_min);
    if (rule.exercise_days > 0 && h.from.s <= t->now.s)
        return begin(t, &m, &row, &rule, h.to);
    row.exercise_at.s = h.from.s <= t->now.s ? h.from.s + FLOW_DAY_S : h.from.s;
    return flow_row_save(tx, &row);
}

enum err flow_tick(struct store_tx *tx, const struct flow_scan *scan, int64_t *worked)
{
    struct turn t = {tx, scan->now, {scan->random}};
    struct due due[SCAN_MAX];
    int64_t limit = scan->limit < SCAN_MAX ? scan->limit : SCAN_MAX;
    struct query q = query_open(
        tx,
        "SELECT meter_id FROM flow_meter m WHERE exercise_at <= $1 AND exercise_at > 0 "
        "AND NOT EXISTS (SELECT 1 FROM aside s WHERE s.work = 'valve' AND s.id = m.meter_id "
        "AND s.again_at > $1) ORDER BY exercise_at, meter_id LIMIT $2",
        "ii", scan->now.s, limit);
    for (*worked = 0; *worked < limit && query_step(&q); (*worked)++)
        due[*worked] = (struct due){&t, query_int(&q, 0)};
    TRY(query_end(&q));
    for (int64_t i = 0; i < *worked; i++) {
        struct aside a = {"valve", due[i].meter_id, .now = scan->now, .meter_id = due[i].meter_id};
        TRY(aside_do(tx, &a, look, &due[i]));
    }
    return ERR_OK;
}

/* --- what came of it -------------------------------------------------------------------------- */

static enum flow_result result_of(const struct uplink_outcome *o)
{
    if (o->status == UPLINK_DONE)
        return FLOW_DONE;
    if (o->status == UPLINK_REFUSED && !o->sent && o->relay_open == 1)
        return FLOW_CLOSED;
    if (o->status == UPLINK_REFUSED && o->sent && o->reply == UPLINK_REPLY_OK)
        return FLOW_SEIZED;
    if (o->status == UPLINK_REFUSED)
        return FLOW_REFUSED;
    return o->status == UPLINK_UNKNOWN || o->sent ? FLOW_UNKNOWN : FLOW_EXPIRED;
}

static enum err open_again(struct turn *t, const struct flow_meter *m)
{
    return control_wish(t->tx,
                        &(struct control_wish){.meter_id = m->id,
                                               .desired = CONTROL_CLOSED,
                                               .reason = "exercise",
                                               .actor = "system",
                                               .now = t->now,
                                               .random = rand_u64(&t->ids)},
                        NULL);
}

/* Only an open valve is exercised: whatever is not proven to be open again is opened, and that is
 * pursued like any restore. Where a cut is wished meanwhile a closed valve is as it should be. */
static enum err follow(struct turn *t, const struct flow_meter *m, const struct uplink_outcome *o,
                       enum flow_result result)
{
    struct control_relay relay;
    struct detail d = {};
    bool stands = result == FLOW_REFUSED && o->relay_open == 0; /* the meter said no, and is open */
    if (result == FLOW_DONE)
        return flow_tell(t->tx, m, o->at, EVENT_VALVE_EXERCISED, &d);
    TRY(control_get(t->tx, m->id, 0, &relay));
    if (!o->sent || stands || relay.desired == CONTROL_OPEN)
        return ERR_OK;
    TRY(open_again(t, m));
    return result == FLOW_SEIZED ? flow_tell(t->tx, m, o->at, EVENT_VALVE_SEIZED, &d) : ERR_OK;
}

static enum err find(struct turn *t, const struct uplink_outcome *o, int64_t *id)
{
    return store_int(t->tx, id,
                     "SELECT id FROM flow_exercise WHERE meter_id = $1 AND command_id = $2", "ii",
                     o->meter_id, o->command_id);
}

enum err flow_outcome(struct store_tx *tx, const struct uplink_outcome *o, wall_s now,
                      uint64_t random)
{
    struct turn t = {tx, now, {random}};
    struct flow_meter m;
    struct flow_row row;
    int64_t id = 0;
    if (o->kind != UPLINK_EXERCISE)
        return ERR_OK;
    enum err e = find(&t, o, &id);
    if (e == ERR_OK)
        e = flow_meter_load(tx, o->meter_id, &m);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    TRY(flow_row_load(tx, o->meter_id, &row));
    enum flow_result result = result_of(o);
    if (row.exercise_id == id)
        TRY(finish(&t, &m, &row, result));
    else /* it was given up meanwhile: the record learns the truth */
        TRY(end_record(&t, id, result));
    /* Another device hangs there by now: this one's valve is nobody's concern. */
    return m.epoch == o->epoch ? follow(&t, &m, o, result) : ERR_OK;
}
