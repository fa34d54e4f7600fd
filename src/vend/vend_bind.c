#include "headend/headend.h"
#include "vend/vend_impl.h"

#define LOOK_AGAIN_S 60 /* while a command is on its way */
#define FENCES_MAX 64   /* open commands of one order handled at a time */

int64_t vend_pause_s(int64_t fruitless)
{
    static const int64_t pauses[] = {1, 2, 5, 15, 60, 120, 300};
    const int64_t last = sizeof pauses / sizeof *pauses - 1;
    return pauses[fruitless < 0 ? 0 : fruitless > last ? last : fruitless];
}

enum err vend_send(struct vend_turn *t, struct vend_order *o, enum uplink_command_kind kind)
{
    struct headend_order h = {
        .command = {.kind = kind,
                    .meter_id = o->meter_id,
                    .epoch = o->epoch,
                    .n = o->n,
                    .amount_fen = kind == UPLINK_VEND ? vend_meter_fen(o) : 0},
        .account_id = o->account_id,
        .ref = o->order_id,
        .now = t->now,
        .random = rand_u64(&t->ids),
    };
    TRY(headend_gateway_of_meter(t->tx, o->meter_id, &h.gateway_id));
    TRY(headend_command_put(t->tx, &h, &o->command_id));
    o->attempt++;
    o->next_at.s = t->now.s + LOOK_AGAIN_S;
    return vend_order_save(t, o);
}

static enum err bind_number(struct vend_turn *t, const struct vend_order *o, int64_t n)
{
    int64_t generation;
    TRY(store_int(t->tx, &generation,
                  "SELECT coalesce(max(generation), 0) + 1 FROM vend_binding "
                  "WHERE meter_id = $1 AND epoch = $2 AND n = $3",
                  "iii", o->meter_id, o->epoch, n));
    return store_exec(t->tx,
                      "INSERT INTO vend_binding (account_id, meter_id, epoch, n, generation, "
                      "order_id, amount_fen, bound_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                      "iiiiitii", o->account_id, o->meter_id, o->epoch, n, generation, o->order_id,
                      vend_meter_fen(o), t->now.s);
}

enum err vend_bind(struct vend_turn *t, struct vend_order *o, int64_t n)
{
    bool again = o->n != 0;
    TRY(bind_number(t, o, n));
    o->n = n;
    o->doubt = o->doubt_command = o->pause = 0;
    if (again) {
        TRY(vend_order_save(t, o));
    } else {
        o->bound_at = t->now;
        TRY(store_exec(t->tx,
                       "INSERT INTO vend (account_id, order_id, meter_id, epoch, n, amount_fen, "
                       "state, next_at, bound_at, changed_at) "
                       "VALUES ($1, $2, $3, $4, $5, $6, 'BOUND', $7, $7, $7)",
                       "itiiiii", o->account_id, o->order_id, o->meter_id, o->epoch, n,
                       vend_meter_fen(o), t->now.s));
    }
    TRY(vend_move(t, o, VEND_BOUND, NULL));
    return vend_send(t, o, UPLINK_VEND);
}

static enum err oldest_waiting(struct store_tx *tx, int64_t meter_id, struct vend_order *o,
                               bool *found)
{
    /* An order of an account that has lost the meter since waits for a person. */
    struct query q = query_open(tx,
                                "SELECT o.account_id, o.order_id FROM sale_order o "
                                "JOIN meter m ON m.id = o.meter_id AND m.account_id = o.account_id "
                                "WHERE o.meter_id = $1 AND o.state = 'PAID' "
                                "ORDER BY o.created_at, o.order_id LIMIT 1",
                                "i", meter_id);
    char order_id[VEND_ORDER_ID_MAX + 1];
    int64_t account_id = 0;
    *found = query_step(&q);
    if (*found) {
        account_id = query_int(&q, 0);
        size_t i = 0;
        for (const char *p = query_text(&q, 1); *p && i < VEND_ORDER_ID_MAX; p++)
            order_id[i++] = *p;
        order_id[i] = 0;
    }
    TRY(query_end(&q));
    return *found ? vend_order_load(tx, account_id, order_id, o) : ERR_OK;
}

enum err vend_bind_next(struct vend_turn *t, int64_t meter_id)
{
    struct vend_order o;
    struct vend_wallet w;
    bool found;
    enum err open = vend_order_open(t->tx, meter_id, &o);
    if (open != ERR_NOT_FOUND)
        return open; /* one unresolved vend a meter (V4) */
    TRY(oldest_waiting(t->tx, meter_id, &o, &found));
    if (!found)
        return ERR_OK;
    TRY(vend_wallet_load(t->tx, o.account_id, meter_id, &w));
    if (!vend_wallet_known(&w))
        return vend_wallet_ask(t, &w); /* c2 */
    o.epoch = w.epoch;
    return vend_bind(t, &o, w.count + 1);
}

enum err vend_fence_all(struct vend_turn *t, const struct vend_order *o, bool *standing)
{
    int64_t ids[FENCES_MAX], open = 0;
    size_t count = 0;
    struct query q = query_open(t->tx,
                                "SELECT id, state FROM command WHERE account_id = $1 AND ref = $2 "
                                "AND kind = 'vend' AND state IN ('waiting', 'expired', 'fencing')",
                                "it", o->account_id, o->order_id);
    while (query_step(&q)) {
        open++;
        if (query_text(&q, 1)[0] != 'f' && count < FENCES_MAX)
            ids[count++] = query_int(&q, 0);
    }
    TRY(query_end(&q));
    for (size_t i = 0; i < count; i++)
        TRY(headend_fence(t->tx, ids[i]));
    *standing = open == 0;
    return ERR_OK;
}

enum err vend_command_pending(struct store_tx *tx, int64_t command_id, int64_t meter_id,
                              bool *pending)
{
    struct headend_command c;
    int64_t gateway_id;
    *pending = false;
    if (command_id == 0)
        return ERR_OK;
    TRY(headend_command_get(tx, command_id, &c));
    TRY(headend_gateway_of_meter(tx, meter_id, &gateway_id));
    *pending =
        (c.state == HEADEND_WAITING || c.state == HEADEND_FENCING) && c.gateway_id == gateway_id;
    return ERR_OK;
}

enum err vend_fence_push(struct vend_turn *t, struct vend_order *o)
{
    bool standing, pending;
    TRY(vend_fence_all(t, o, &standing));
    TRY(vend_command_pending(t->tx, o->fence_read, o->meter_id, &pending));
    bool read = standing && !pending && (o->fence_read == 0 || o->next_at.s <= t->now.s);
    if (read) {
        /* Issued after every fence stands: what it finds stays true (c13). */
        TRY(vend_send(t, o, UPLINK_READ));
        o->fence_read = o->command_id;
    } else if (!standing || pending) {
        o->next_at.s = t->now.s + LOOK_AGAIN_S;
    }
    return vend_order_save(t, o);
}
