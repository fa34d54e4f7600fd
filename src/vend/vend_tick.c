#include <string.h>

#include "base/must.h"
#include "journal/aside.h"
#include "vend/vend_impl.h"

#define SCAN_MAX 64        /* orders in one round */
#define WAITING_AGAIN_S 30 /* a paid order whose meter does not answer */

/* A meter has one order on its way, and others that wait for it. */
struct due {
    struct vend_turn *turn;
    int64_t account_id, meter_id;
    char order_id[VEND_ORDER_ID_MAX + 1];
};
#define NOT_ASIDE                                                                                  \
    "NOT EXISTS (SELECT 1 FROM aside s WHERE s.work = 'vend' AND s.id = meter_id "                 \
    "AND s.again_at > $1) "

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

static enum err push(struct store_tx *tx, void *arg)
{
    const struct due *due = arg;
    struct vend_turn *t = due->turn;
    struct vend_order o;
    TRY(vend_order_load(tx, due->account_id, due->order_id, &o));
    TRY(tell_late(t, &o));
    return o.state == VEND_FENCED ? vend_fence_push(t, &o) : push_bound(t, &o);
}

static enum err due_orders(struct vend_turn *t, int64_t limit, struct due *due, int64_t *count)
{
    struct query q =
        query_open(t->tx,
                   "SELECT account_id, meter_id, order_id FROM vend "
                   "WHERE state IN ('BOUND', 'FENCED') AND next_at <= $1 AND " NOT_ASIDE
                   "ORDER BY next_at, account_id, order_id LIMIT $2",
                   "ii", t->now.s, limit);
    for (*count = 0; query_step(&q); (*count)++) {
        struct due *d = &due[*count];
        *d = (struct due){t, query_int(&q, 0), query_int(&q, 1), ""};
        const char *text = query_text(&q, 2);
        MUST(strlen(text) < sizeof d->order_id);
        memcpy(d->order_id, text, strlen(text) + 1);
    }
    return query_end(&q);
}

static enum err due_meters(struct vend_turn *t, int64_t limit, struct due *due, int64_t *count)
{
    struct query q = query_open(
        t->tx,
        "SELECT min(account_id), meter_id FROM (SELECT account_id, meter_id FROM sale_order "
        "WHERE state = 'PAID' AND next_at <= $1 AND meter_id IS NOT NULL AND " NOT_ASIDE
        "ORDER BY next_at LIMIT $2) AS due GROUP BY meter_id ORDER BY meter_id",
        "ii", t->now.s, limit);
    for (*count = 0; query_step(&q); (*count)++)
        due[*count] = (struct due){t, query_int(&q, 0), query_int(&q, 1), ""};
    return query_end(&q);
}

static enum err bind_waiting(struct store_tx *tx, void *arg)
{
    const struct due *due = arg;
    TRY(store_exec(tx, "UPDATE sale_order SET next_at = $2 WHERE meter_id = $1 AND state = 'PAID'",
                   "ii", due->meter_id, due->turn->now.s + WAITING_AGAIN_S));
    return vend_bind_next(due->turn, due->meter_id);
}

static enum err do_all(struct due *due, int64_t count, store_work *work)
{
    for (int64_t i = 0; i < count; i++) {
        struct aside a = {"vend", .id = due[i].meter_id, .now = due[i].turn->now};
        a.account_id = due[i].account_id;
        a.meter_id = due[i].meter_id;
        TRY(aside_do(due[i].turn->tx, &a, work, &due[i]));
    }
    return ERR_OK;
}

/* Every step moves its next_at beyond now, or is put aside: a round never meets an order of the
 * round before. */
static enum err scan_some(struct vend_turn *t, int64_t limit, int64_t *worked)
{
    struct due due[SCAN_MAX];
    int64_t orders, waiting;
    TRY(due_orders(t, limit, due, &orders));
    TRY(do_all(due, orders, push));
    TRY(due_meters(t, limit - orders, due, &waiting));
    TRY(do_all(due, waiting, bind_waiting));
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
