/* Standing permissions: their rows, their end, and what became of them. */
#include "control/away_impl.h"

#include <stdio.h>
#include <string.h>

#include "headend/permit.h"
#include "journal/aside.h"

#define GONE_S 300   /* a gateway that said nothing for so long may not hear us either */
#define CROSSED_S 60 /* what it said so soon after the end may have crossed it */

static const char *const state_names[] = {[AWAY_NONE] = "",
                                          [AWAY_LIVE] = "live",
                                          [AWAY_ENDED] = "ended",
                                          [AWAY_USED] = "used",
                                          [AWAY_TOLD] = "told"};

static enum away_state state_of(const char *name)
{
    for (size_t i = AWAY_LIVE; i < sizeof state_names / sizeof *state_names; i++)
        if (strcmp(name, state_names[i]) == 0)
            return (enum away_state)i;
    return AWAY_NONE;
}

/* --- rows ----------------------------------------------------------------------------------------
 */

enum err away_load(struct store_tx *tx, int64_t account_id, struct away_row *r)
{
    struct query q = query_open(tx,
                                "SELECT gateway_id, state, made_at, valid_from, valid_until, "
                                "left_wh, available_fen, prepayment_fen, plan_version, strategy "
                                "FROM away WHERE account_id = $1",
                                "i", account_id);
    *r = (struct away_row){.account_id = account_id};
    if (query_step(&q)) {
        *r = (struct away_row){.account_id = account_id,
                               .gateway_id = query_int(&q, 0),
                               .state = state_of(query_text(&q, 1)),
                               .made_at = {query_int(&q, 2)},
                               .valid_from = {query_int(&q, 3)},
                               .valid_until = {query_int(&q, 4)},
                               .left_wh = query_int(&q, 5),
                               .available_fen = query_int(&q, 6),
                               .prepayment_fen = query_int(&q, 7),
                               .plan_version = query_int(&q, 8)};
        snprintf(r->strategy, sizeof r->strategy, "%s", query_text(&q, 9));
    }
    return query_end(&q);
}

enum err away_save(struct store_tx *tx, const struct away_row *r)
{
    return store_exec(
        tx,
        "INSERT INTO away (account_id, gateway_id, state, made_at, valid_from, valid_until, "
        "left_wh, available_fen, prepayment_fen, plan_version, strategy) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (account_id) DO UPDATE "
        "SET gateway_id = excluded.gateway_id, state = excluded.state, made_at = excluded.made_at, "
        "valid_from = excluded.valid_from, valid_until = excluded.valid_until, "
        "left_wh = excluded.left_wh, available_fen = excluded.available_fen, "
        "prepayment_fen = excluded.prepayment_fen, plan_version = excluded.plan_version, "
        "strategy = excluded.strategy",
        "iitiiiiiiit", r->account_id, r->gateway_id, state_names[r->state], r->made_at.s,
        r->valid_from.s, r->valid_until.s, r->left_wh, r->available_fen, r->prepayment_fen,
        r->plan_version, r->strategy);
}

enum err away_set_state(struct store_tx *tx, int64_t account_id, enum away_state state)
{
    return store_exec(tx, "UPDATE away SET state = $2 WHERE account_id = $1", "it", account_id,
                      state_names[state]);
}

enum err control_permit_list(struct store_tx *tx, int64_t gateway_id, wall_s now,
                             control_permit_each *each, void *arg)
{
    struct query q = query_open(
        tx,
        "SELECT a.account_id, w.meter_id, c.code, c.name, m.address, m.kind, p.code, a.strategy, "
        "a.made_at, a.valid_from, a.valid_until, a.left_wh FROM away a "
        "JOIN away_meter w ON w.account_id = a.account_id AND w.made_at = a.made_at "
        "JOIN account c ON c.id = a.account_id JOIN meter m ON m.id = w.meter_id "
        "JOIN place p ON p.id = m.place_id "
        "WHERE a.gateway_id = $1 AND a.state = 'live' AND a.valid_until > $2 "
        "ORDER BY a.valid_until, c.code, m.id",
        "ii", gateway_id, now.s);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = each(arg, &(struct control_permit){.account_id = query_int(&q, 0),
                                               .meter_id = query_int(&q, 1),
                                               .account_code = query_text(&q, 2),
                                               .account_name = query_text(&q, 3),
                                               .address = query_text(&q, 4),
                                               .kind = query_text(&q, 5),
                                               .place = query_text(&q, 6),
                                               .strategy = query_text(&q, 7),
                                               .made_at = {query_int(&q, 8)},
                                               .valid_from = {query_int(&q, 9)},
                                               .valid_until = {query_int(&q, 10)},
                                               .left_wh = query_int(&q, 11)});
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* --- the end -------------------------------------------------------------------------------------
 */

struct allowed {
    int64_t meter_ids[UPLINK_PERMIT_METERS_MAX];
    size_t count;
};

/* The cuts that it allowed, where nothing newer was wished. */
static enum err allowed_cuts(struct store_tx *tx, int64_t account_id, struct allowed *a)
{
    struct query q =
        query_open(tx,
                   "SELECT DISTINCT w.meter_id FROM away_meter w JOIN relay r "
                   "ON r.meter_id = w.meter_id AND r.circuit = 0 AND r.version = w.version "
                   "JOIN meter m ON m.id = w.meter_id AND m.account_id = w.account_id "
                   "WHERE w.account_id = $1 AND r.desired <> 'open' ORDER BY w.meter_id LIMIT $2",
                   "ii", account_id, (int64_t)UPLINK_PERMIT_METERS_MAX);
    for (a->count = 0; query_step(&q); a->count++)
        a->meter_ids[a->count] = query_int(&q, 0);
    return query_end(&q);
}

static enum err is_gone(struct store_tx *tx, int64_t gateway_id, wall_s now, bool *gone)
{
    int64_t seen_s = 0;
    enum err e = store_int(tx, &seen_s, "SELECT coalesce(last_seen, 0) FROM gateway WHERE id = $1",
                           "i", gateway_id);
    *gone = now.s - seen_s > GONE_S;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* What it cut comes back as soon as it hears us. A restore of what was never cut does nothing. */
static enum err restore_allowed(struct control_turn *t, int64_t account_id, const char *reason)
{
    struct allowed a;
    TRY(allowed_cuts(t->tx, account_id, &a));
    for (size_t i = 0; i < a.count; i++)
        TRY(control_wish(t->tx,
                         &(struct control_wish){.meter_id = a.meter_ids[i],
                                                .desired = CONTROL_CLOSED,
                                                .reason = reason,
                                                .actor = "system",
                                                .now = t->now,
                                                .random = rand_u64(&t->ids)},
                         NULL));
    return ERR_OK;
}

/* It was heard lately. Whether it hears of the end will be known in a while. */
static enum err look_later(struct control_turn *t, int64_t account_id, const char *reason)
{
    return store_exec(t->tx,
                      "UPDATE away SET ended_at = $2, look_at = $3, end_reason = $4 "
                      "WHERE account_id = $1",
                      "iiit", account_id, t->now.s, t->now.s + GONE_S, reason);
}

enum err control_away_end(struct control_turn *t, int64_t account_id, const char *reason)
{
    struct away_row row;
    bool gone;
    TRY(away_load(t->tx, account_id, &row));
    if (row.state != AWAY_LIVE)
        return ERR_OK;
    TRY(away_set_state(t->tx, account_id, AWAY_ENDED));
    TRY(headend_permit_end(t->tx, account_id));
    TRY(is_gone(t->tx, row.gateway_id, t->now, &gone));
    return gone ? restore_allowed(t, account_id, reason) : look_later(t, account_id, reason);
}

struct look {
    struct control_turn *turn;
    int64_t account_id;
    bool heard;
    char reason[32];
};

/* Every row that is found is looked at once, or put aside. */
static enum err find_look(struct control_turn *t, struct look *l)
{
    struct query q = query_open(
        t->tx,
        "SELECT a.account_id, coalesce(g.last_seen, 0) >= a.ended_at + $2, a.end_reason FROM away "
        "a "
        "LEFT JOIN gateway g ON g.id = a.gateway_id WHERE a.look_at <= $1 AND NOT EXISTS (SELECT 1 "
        "FROM aside s WHERE s.work = 'permit' AND s.id = a.account_id AND s.again_at > $1) "
        "ORDER BY a.look_at, a.account_id LIMIT 1",
        "ii", t->now.s, (int64_t)CROSSED_S);
    bool found = query_step(&q);
    *l = (struct look){.turn = t};
    if (found) {
        l->account_id = query_int(&q, 0);
        l->heard = query_int(&q, 1) != 0;
        snprintf(l->reason, sizeof l->reason, "%s", query_text(&q, 2));
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err look(struct store_tx *tx, void *arg)
{
    const struct look *l = arg;
    TRY(store_exec(tx, "UPDATE away SET look_at = NULL WHERE account_id = $1", "i", l->account_id));
    return l->heard ? ERR_OK : restore_allowed(l->turn, l->account_id, l->reason);
}

enum err control_away_tick(struct control_turn *t, int64_t limit, int64_t *worked)
{
    struct look l;
    enum err e = ERR_OK;
    for (*worked = 0; *worked < limit; ++*worked) {
        e = find_look(t, &l);
        if (e != ERR_OK)
            break;
        struct aside a = {"permit", l.account_id, .now = t->now, .account_id = l.account_id};
        TRY(aside_do(t->tx, &a, look, &l));
    }
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err control_away_wished(struct store_tx *tx, const struct control_meter *m)
{
    struct away_row row;
    if (m->account_id == 0)
        return ERR_OK;
    TRY(away_load(tx, m->account_id, &row));
    if (row.state != AWAY_LIVE)
        return ERR_OK;
    TRY(away_set_state(tx, m->account_id, AWAY_ENDED));
    return headend_permit_end(tx, m->account_id);
}

/* --- what became of it ---------------------------------------------------------------------------
 */

struct cut { /* row of away_meter */
    int64_t account_id, version, register_wh, ratio, left_wh;
    enum away_state state; /* of the account's newest permission */
};

static enum err find_cut(struct store_tx *tx, int64_t id, int64_t meter_id, struct cut *c)
{
    struct query q =
        query_open(tx,
                   "SELECT w.account_id, w.version, w.register_wh, w.ratio, w.left_wh, "
                   "coalesce(a.state, 'ended') FROM away_meter w LEFT JOIN away a "
                   "ON a.account_id = w.account_id WHERE w.id = $1 AND w.meter_id = $2",
                   "ii", id, meter_id);
    bool found = query_step(&q);
    if (found)
        *c = (struct cut){query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),
                          query_int(&q, 3), query_int(&q, 4), state_of(query_text(&q, 5))};
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static void take_over(struct control_row *r, const struct cut *c, const struct uplink_outcome *o)
{
    struct detail d = {};
    detail_bool(&d, "away", true);
    detail_int(&d, "left_wh", c->left_wh);
    detail_int(&d, "register_wh", c->register_wh);
    detail_int(&d, "ratio", c->ratio);
    detail_int(&d, "permission", o->command_id);
    r->desired = CONTROL_OPEN;
    snprintf(r->reason, sizeof r->reason, "arrears");
    snprintf(r->actor, sizeof r->actor, "system");
    snprintf(r->detail, sizeof r->detail, "%s", detail_end(&d));
    r->changed_at = r->not_after = r->next_at = o->at;
    r->attempt = r->told = r->command_id = 0;
    r->open_wh = -1;
}

/* Its id and version are used up all the same: the next permission has others. */
static enum err not_made(struct control_turn *t, const struct control_meter *m,
                         const struct control_row *r, const struct cut *c,
                         const struct uplink_outcome *o)
{
    struct control_row wish = *r;
    if (c->state != AWAY_LIVE || c->account_id != m->account_id)
        return ERR_OK; /* another meter of the account was cut, or it was ended */
    take_over(&wish, c, o);
    TRY(control_tell(t, m, &wish,
                     o->status == UPLINK_REFUSED ? EVENT_RELAY_REFUSED : EVENT_RELAY_EXPIRED));
    TRY(headend_permit_end(t->tx, c->account_id));
    return away_set_state(t->tx, c->account_id, AWAY_TOLD);
}

enum err control_away_adopt(struct control_turn *t, const struct control_meter *m,
                            struct control_row *r, const struct uplink_outcome *o,
                            enum away_fate *fate)
{
    struct cut c;
    *fate = AWAY_NOT_OURS;
    if (o->kind != UPLINK_RELAY || o->circuit != 0 || o->version < r->version)
        return ERR_OK;
    enum err e = find_cut(t->tx, o->command_id, m->id, &c);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    if (o->status != UPLINK_DONE && o->status != UPLINK_UNKNOWN) {
        *fate = AWAY_NOT_MADE;
        return not_made(t, m, r, &c, o);
    }
    *fate = c.state == AWAY_ENDED || c.account_id != m->account_id ? AWAY_UNDO : AWAY_TAKEN;
    if (*fate == AWAY_UNDO || r->desired == CONTROL_OPEN)
        return ERR_OK;
    take_over(r, &c, o);
    TRY(headend_permit_end(t->tx, c.account_id));
    return away_set_state(t->tx, c.account_id, AWAY_USED);
}

enum err control_away_event(struct store_tx *tx, const struct uplink_event *event, wall_s now)
{
    struct control_meter m;
    struct cut c = {.ratio = 1};
    struct detail d = {};
    TRY(control_meter_load(tx, event->meter_id, &m));
    enum err e = find_cut(tx, event->command_id, m.id, &c);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    int64_t used_wh = 0;
    if (e == ERR_OK && units_mul(event->value - c.register_wh, c.ratio, &used_wh) != ERR_OK)
        used_wh = 0;
    detail_int(&d, "used_wh", used_wh);
    detail_int(&d, "left_wh", c.left_wh);
    detail_int(&d, "register_wh", event->value);
    detail_int(&d, "permission", event->command_id);
    return journal_event(tx,
                         &(struct journal_event){control_not_later(event->at, now), EVENT_FEE_AWAY,
                                                 m.project_id, m.account_id, m.id, detail_end(&d)});
}
