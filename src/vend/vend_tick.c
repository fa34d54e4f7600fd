#include <string.h>

#include "base/must.h"
#include "vend/vend_impl.h"

#define SCAN_MAX 64        /* orders in one round */
#define WAITING_AGAIN_S 30 /* a paid order whose meter does not answer */

struct name {
    int64_t account_id;
    char order_id[VEND_ORDER_ID_MAX + 1];
};

static enum err tell_late(struct vend_turn *t, struct vend_order *o)
{
    int64_t age = t->now.s - o->bound_at.s;
    int64_t step = age >= VEND_STUCK_S ? 2 : age >= VEND_LATE_S ? 1 : 0;
    if (step <= o->told)
        return ERR_OK;
    o->told = step;
    struct detail d = {};
    detail_text(&d, "order", o->order_id);
    detail_int(&d, "minutes", age / 60);
    detail_int(&d, "n", o->n);
    detail_text(&d, "state", vend_state_name(o->state));
    return journal_event(t->tx,
                         &(struct journal_event){t->now, EVENT_VEND_LATE, o->project_id,
                                                 o->account_id, o->meter_id, detail_end(&d)});
}

static enum err push_bound(struct vend_turn *t, struct vend_order *o)
{
    bool pending;
    TRY(vend_command_pending(t->tx, o->command_id, o->meter_id, &pending));
    if (!pending) /* the same order under the same number, for ever (c3 .. c9) */
        return vend_send(t, o, o->doubt ? UPLINK_READ : UPLINK_VEND);
    o->next_at.s = t->now.s + vend_pause_s(4);
    return vend_order_save(t, o);
}

static enum err push(struct vend_turn *t, const struct name *name)
{
    struct vend_order o;
    TRY(vend_order_load(t->tx, name->account_id, name->order_id, &o));
    TRY(tell_late(t, &o));
    return o.state == VEND_FENCED ? vend_fence_push(t, &o) : push_bound(t, &o);
}

static enum err due_orders(struct store_tx *tx, wall_s now, int64_t limit, struct name *names,
                           int64_t *count)
{
    struct query q = query_open(tx,
                                "SELECT account_id, order_id FROM vend "
                                "WHERE state IN ('BOUND', 'FENCED') AND next_at <= $1 "
                                "ORDER BY next_at, account_id, order_id LIMIT $2",
                                "ii", now.s, limit);
    for (*count = 0; query_step(&q); (*count)++) {
        struct name *n = &names[*count];
        n->account_id = query_int(&q, 0);
        const char *text = query_text(&q, 1);
        MUST(strlen(text) < sizeof n->order_id);
        memcpy(n->order_id, text, strlen(text) + 1);
    }
    return query_end(&q);
}

static enum err due_meters(struct store_tx *tx, wall_s now, int64_t limit, int64_t *meters,
                           int64_t *count)
{
    struct query q = query_open(tx,
                                "SELECT DISTINCT meter_id FROM (SELECT meter_id FROM sale_order "
                                "WHERE state = 'PAID' AND next_at <= $1 AND meter_id IS NOT NULL "
                                "ORDER BY next_at LIMIT $2) AS due ORDER BY meter_id",
                                "ii", now.s, limit);
    for (*count = 0; query_step(&q); (*count)++)
        meters[*count] = query_int(&q, 0);
    return query_end(&q);
}

static enum err bind_waiting(struct vend_turn *t, int64_t meter_id)
{
    TRY(store_exec(t->tx,
                   "UPDATE sale_order SET next_at = $2 WHERE meter_id = $1 AND state = 'PAID'",
                   "ii", meter_id, t->now.s + WAITING_AGAIN_S));
    return vend_bind_next(t, meter_id);
}

/* Every step moves its next_at beyond now: a round never meets an order of the round before. */
static enum err scan_some(struct vend_turn *t, int64_t limit, int64_t *worked)
{
    struct name names[SCAN_MAX];
    int64_t meters[SCAN_MAX], orders, waiting;
    TRY(due_orders(t->tx, t->now, limit, names, &orders));
    for (int64_t i = 0; i < orders; i++)
        TRY(push(t, &names[i]));
    TRY(due_meters(t->tx, t->now, limit - orders, meters, &waiting));
    for (int64_t i = 0; i < waiting; i++)
        TRY(bind_waiting(t, meters[i]));
    *worked = orders + waiting;
    return ERR_OK;
}

enum err vend_tick(struct store_tx *tx, const struct vend_scan *scan, int64_t *worked)
{
    struct vend_turn t = vend_turn_of(tx, scan->now, "system", scan->random);
    int64_t some = 1;
    TRY(vend_sell_back(&t, scan->limit, worked));
    for (; some > 0 && *worked < scan->limit; *worked += some) {
        int64_t left = scan->limit - *worked;
        TRY(scan_some(&t, left < SCAN_MAX ? left : SCAN_MAX, &some));
    }
    return ERR_OK;
}

/* --- a routine reading -------------------------------------------------------------------------
 */

enum err vend_reading(struct store_tx *tx, const struct vend_wallet_reading *r)
{
    int64_t account_id;
    struct vend_order o;
    struct vend_wallet w;
    if (r->count < 0)
        return ERR_OK;
    enum err e = store_int(tx, &account_id,
                           "SELECT m.account_id FROM meter m JOIN account a "
                           "ON a.id = m.account_id AND a.wallet = 'meter' "
                           "WHERE m.id = $1 AND m.epoch = $2",
                           "ii", r->meter_id, r->epoch);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    e = vend_order_open(tx, r->meter_id, &o);
    if (e != ERR_NOT_FOUND)
        return e; /* its own read-backs will tell */
    TRY(vend_wallet_load(tx, account_id, r->meter_id, &w));
    bool same =
        r->count == w.count && (r->purchased_fen < 0 || r->purchased_fen == w.purchased_fen);
    if (vend_wallet_known(&w) && same)
        return ERR_OK;
    struct vend_turn t = vend_turn_of(tx, r->now, "system", r->random);
    return vend_wallet_ask(&t, &w);
}
