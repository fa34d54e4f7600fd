#include "billing/quiet.h"
#include "control/away_impl.h"
#include "control/control_impl.h"
#include "headend/headend.h"
#include "journal/aside.h"

#define READ_AGAIN_S 300 /* an unknown cut is settled by a reading within this time, or lapses */

enum err control_settle(struct control_turn *t, const struct control_meter *m,
                        struct control_row *r)
{
    r->next_at.s = 0;
    TRY(control_row_save(t->tx, r));
    return control_tell(t, m, r, EVENT_RELAY_DONE);
}

enum err control_cut_stands(struct control_turn *t, const struct control_meter *m,
                            struct control_row *r)
{
    bool late = r->desired != CONTROL_OPEN;
    r->desired = CONTROL_OPEN;
    if (late && m->account_id != 0)
        TRY(quiet_postpone(t->tx, m->account_id, t->now));
    TRY(control_fence_restores(t, r));
    return control_settle(t, m, r);
}

enum err control_lapse(struct control_turn *t, const struct control_meter *m, struct control_row *r,
                       enum journal_kind kind)
{
    TRY(control_tell(t, m, r, kind));
    r->desired = CONTROL_NONE;
    r->next_at.s = 0;
    return control_row_save(t->tx, r);
}

static void see(struct control_row *r, enum control_relay_state state, wall_s at)
{
    if (state != CONTROL_UNKNOWN && at.s >= r->state_at.s) {
        r->state = state;
        r->state_at = at;
    }
}

static enum err restore_withdrawn(struct control_turn *t, const struct control_row *r)
{
    return control_wish(t->tx,
                        &(struct control_wish){.meter_id = r->meter_id,
                                               .circuit = r->circuit,
                                               .desired = CONTROL_CLOSED,
                                               .reason = "withdrawn",
                                               .actor = t->actor,
                                               .now = t->now,
                                               .random = rand_u64(&t->ids)},
                        NULL);
}

/* The answer to a cut under its own version, also one that lapsed a moment ago. */
static enum err cut_answered(struct control_turn *t, const struct control_meter *m,
                             struct control_row *r, const struct uplink_outcome *o)
{
    if (o->status == UPLINK_DONE && r->state == CONTROL_IS_OPEN)
        return control_cut_stands(t, m, r);
    if (r->desired != CONTROL_OPEN)
        return control_row_save(t->tx, r); /* it lapsed already */
    if (o->status == UPLINK_UNKNOWN) {
        r->next_at.s = t->now.s + READ_AGAIN_S; /* the next reading tells (C4) */
        return control_row_save(t->tx, r);
    }
    bool refused = o->status == UPLINK_REFUSED || o->status == UPLINK_DONE;
    return control_lapse(t, m, r, refused ? EVENT_RELAY_REFUSED : EVENT_RELAY_EXPIRED);
}

static enum err restore_answered(struct control_turn *t, const struct control_meter *m,
                                 struct control_row *r, const struct uplink_outcome *o)
{
    if (o->status == UPLINK_DONE && r->state == CONTROL_IS_CLOSED)
        return control_settle(t, m, r);
    if (o->status == UPLINK_REFUSED && r->attempt == 1)
        TRY(control_tell(t, m, r, EVENT_RELAY_REFUSED));
    if (o->status == UPLINK_SUPERSEDED) /* the gateway knows more than we: go above it */
        r->version += (int64_t)1 << (r->attempt < 20 ? r->attempt : 20);
    if (r->next_at.s != 0)
        r->next_at.s = t->now.s + control_pause_s(r->attempt - 1);
    return control_row_save(t->tx, r);
}

/* What a gateway cut under a permission that is not meant any more. */
static enum err undo_cut(struct control_turn *t, struct control_row *r,
                         const struct uplink_outcome *o)
{
    if (o->version > r->version)
        r->version = o->version;
    TRY(control_row_save(t->tx, r));
    return restore_withdrawn(t, r);
}

static enum err relay_answered(struct control_turn *t, const struct control_meter *m,
                               struct control_row *r, const struct uplink_outcome *o)
{
    enum away_fate fate;
    see(r, control_state_of_bits(o->relay_open, r->circuit, m->circuits),
        control_not_later(o->at, t->now));
    TRY(control_away_adopt(t, m, r, o, &fate));
    if (fate == AWAY_UNDO)
        return undo_cut(t, r, o);
    if (fate == AWAY_NOT_MADE)
        return control_row_save(t->tx, r);
    if (o->version < r->version) {
        /* Superseded. A cut that was withdrawn but carried out all the same is undone. */
        TRY(control_row_save(t->tx, r));
        bool against = o->status == UPLINK_DONE && r->state == CONTROL_IS_OPEN;
        return against && r->desired == CONTROL_NONE ? restore_withdrawn(t, r) : ERR_OK;
    }
    if (o->version > r->version)
        r->version = o->version; /* a register restored from a backup */
    if (r->desired == CONTROL_CLOSED)
        return restore_answered(t, m, r, o);
    return cut_answered(t, m, r, o);
}

static enum err keep_answered(struct control_turn *t, struct control_row *r,
                              const struct uplink_outcome *o)
{
    if (o->keep_power == (int64_t)r->keep_power)
        r->keep_next_at.s = 0;
    else if (r->keep_next_at.s != 0)
        r->keep_next_at.s = t->now.s + control_pause_s(r->keep_attempt - 1);
    if (o->status == UPLINK_SUPERSEDED && r->keep_next_at.s != 0)
        r->keep_version += (int64_t)1 << (r->keep_attempt < 20 ? r->keep_attempt : 20);
    return control_row_save(t->tx, r);
}

enum err control_outcome(struct store_tx *tx, const struct uplink_outcome *o, wall_s now,
                         uint64_t random)
{
    struct control_meter m;
    struct control_row r;
    if (o->kind != UPLINK_RELAY && o->kind != UPLINK_KEEP)
        return ERR_OK;
    struct control_turn t = control_turn_of(tx, now, "system", random);
    enum err e = control_meter_load(tx, o->meter_id, &m);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (o->circuit < 0 || o->circuit > m.circuits)
        return ERR_OK;
    TRY(control_row_load(tx, o->meter_id, o->circuit, &r));
    if (r.version == 0 && r.keep_version == 0)
        return ERR_OK; /* nothing was ever wished of it */
    return o->kind == UPLINK_RELAY ? relay_answered(&t, &m, &r, o) : keep_answered(&t, &r, o);
}

/* --- what is due
 * ---------------------------------------------------------------------------------- */

static enum err push(struct control_turn *t, const struct control_meter *m, struct control_row *r)
{
    struct headend_command c;
    bool waits;
    wall_s since;
    if (r->desired != CONTROL_CLOSED)
        return control_lapse(t, m, r, EVENT_RELAY_EXPIRED);
    TRY(control_waits(t, r, &waits, &since));
    if (!waits && r->told == 0 && t->now.s - since.s >= CONTROL_LATE_S) {
        r->told = 1;
        TRY(control_tell(t, m, r, EVENT_RELAY_LATE));
    }
    enum err e = r->command_id ? headend_command_get(t->tx, r->command_id, &c) : ERR_NOT_FOUND;
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_OK && c.state == HEADEND_WAITING) {
        int64_t present;
        TRY(headend_gateway_of_meter(t->tx, r->meter_id, &present));
        if (present == c.gateway_id) {
            r->next_at.s = t->now.s + control_pause_s(3);
            return control_row_save(t->tx, r);
        }
    }
    return control_send(t, m, r); /* the same wish under the same version, without giving up (C3) */
}

/* What is pursued of a relay: that it returns, or that its meter has keep-power. */
struct pursuit {
    const char *work;
    enum err (*push)(struct control_turn *, const struct control_meter *, struct control_row *);
};

struct due {
    struct control_turn *turn;
    const struct pursuit *what;
    int64_t meter_id, circuit;
};

#define SCAN_MAX 64

static enum err push_one(struct store_tx *tx, void *arg)
{
    const struct due *due = arg;
    struct control_meter m;
    struct control_row r;
    TRY(control_meter_load(tx, due->meter_id, &m));
    TRY(control_row_load(tx, due->meter_id, due->circuit, &r));
    return due->what->push(due->turn, &m, &r);
}

static enum err push_all(struct control_turn *t, const struct pursuit *what, struct query *q,
                         int64_t *count)
{
    struct due due[SCAN_MAX];
    for (*count = 0; *count < SCAN_MAX && query_step(q); (*count)++)
        due[*count] = (struct due){t, what, query_int(q, 0), query_int(q, 1)};
    TRY(query_end(q));
    for (int64_t i = 0; i < *count; i++) {
        struct aside a = {what->work, due[i].meter_id, due[i].circuit, t->now};
        a.meter_id = due[i].meter_id;
        TRY(aside_do(t->tx, &a, push_one, &due[i]));
    }
    return ERR_OK;
}

/* Every step moves its time beyond now, or takes it away, or is put aside. */
static enum err scan_some(struct control_turn *t, int64_t limit, int64_t *worked)
{
    static const struct pursuit wish = {"relay", push}, keep = {"keep", control_send_keep};
    int64_t wishes, keeps;
    struct query q = query_open(
        t->tx,
        "SELECT meter_id, circuit FROM relay r WHERE next_at <= $1 AND NOT EXISTS (SELECT 1 "
        "FROM aside s WHERE s.work = 'relay' AND s.id = r.meter_id AND s.part = r.circuit "
        "AND s.again_at > $1) ORDER BY next_at, meter_id, circuit LIMIT $2",
        "ii", t->now.s, limit);
    TRY(push_all(t, &wish, &q, &wishes));
    q = query_open(
        t->tx,
        "SELECT meter_id, circuit FROM relay r WHERE keep_next_at <= $1 AND NOT EXISTS (SELECT 1 "
        "FROM aside s WHERE s.work = 'keep' AND s.id = r.meter_id AND s.part = r.circuit "
        "AND s.again_at > $1) ORDER BY keep_next_at, meter_id LIMIT $2",
        "ii", t->now.s, limit - wishes);
    TRY(push_all(t, &keep, &q, &keeps));
    *worked = wishes + keeps;
    return ERR_OK;
}

enum err control_tick(struct store_tx *tx, const struct control_scan *scan, int64_t *worked)
{
    struct control_turn t = control_turn_of(tx, scan->now, "system", scan->random);
    int64_t some = 1;
    TRY(control_away_tick(&t, scan->limit, worked));
    for (; some > 0 && *worked < scan->limit; *worked += some) {
        int64_t left = scan->limit - *worked;
        TRY(scan_some(&t, left < SCAN_MAX ? left : SCAN_MAX, &some));
    }
    return ERR_OK;
}
