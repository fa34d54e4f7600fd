#include <string.h>

#include "base/must.h"
#include "vend/vend_impl.h"

#define COLUMNS                                                                                    \
    "SELECT o.account_id, a.project_id, coalesce(o.meter_id, 0), o.order_id, o.method, "           \
    "o.amount_fen, o.state, o.created_at, coalesce(v.epoch, 0), coalesce(v.n, 0), "                \
    "coalesce(v.attempt, 0), coalesce(v.command_id, 0), coalesce(v.doubt, 0), "                    \
    "coalesce(v.doubt_command, 0), coalesce(v.fence_read, 0), coalesce(v.told, 0), "               \
    "coalesce(v.pause, 0), v.cause, v.reason, coalesce(v.next_at, o.next_at), "                    \
    "coalesce(v.bound_at, 0), o.kept_fen "                                                                     \
    "FROM sale_order o JOIN account a ON a.id = o.account_id "                                     \
    "LEFT JOIN vend v ON v.account_id = o.account_id AND v.order_id = o.order_id "

void vend_copy_text(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap - 1);
    memcpy(out, text, len);
    out[len] = 0;
}

static void take(const struct query *q, struct vend_order *o)
{
    *o = (struct vend_order){
        .account_id = query_int(q, 0),
        .project_id = query_int(q, 1),
        .meter_id = query_int(q, 2),
        .amount_fen = query_int(q, 5),
        .state = vend_state_of(query_text(q, 6)),
        .created_at = {query_int(q, 7)},
        .epoch = query_int(q, 8),
        .n = query_int(q, 9),
        .attempt = query_int(q, 10),
        .command_id = query_int(q, 11),
        .doubt = query_int(q, 12),
        .doubt_command = query_int(q, 13),
        .fence_read = query_int(q, 14),
        .told = query_int(q, 15),
        .pause = query_int(q, 16),
        .next_at = {query_int(q, 19)},
        .bound_at = {query_int(q, 20)},
        .kept_fen = query_int(q, 21),
    };
    MUST(o->state < VEND_STATE_COUNT);
    vend_copy_text(o->order_id, sizeof o->order_id, query_text(q, 3));
    vend_copy_text(o->method, sizeof o->method, query_text(q, 4));
    vend_copy_text(o->cause, sizeof o->cause, query_text(q, 17));
    vend_copy_text(o->reason, sizeof o->reason, query_text(q, 18));
}

static enum err one(struct query *q, struct vend_order *o)
{
    bool found = query_step(q);
    if (found)
        take(q, o);
    TRY(query_end(q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err vend_order_load(struct store_tx *tx, int64_t account_id, const char *order_id,
                         struct vend_order *o)
{
    struct query q = query_open(tx, COLUMNS "WHERE o.account_id = $1 AND o.order_id = $2", "it",
                                account_id, order_id);
    return one(&q, o);
}

enum err vend_order_open(struct store_tx *tx, int64_t meter_id, struct vend_order *o)
{
    struct query q = query_open(tx,
                                COLUMNS "WHERE v.meter_id = $1 "
                                        "AND v.state IN ('BOUND', 'FENCED', 'CONFLICT') "
                                        "LIMIT 1",
                                "i", meter_id);
    return one(&q, o);
}

enum err vend_order_save(struct vend_turn *t, const struct vend_order *o)
{
    return store_exec(
        t->tx,
        "UPDATE vend SET epoch = $3, n = $4, attempt = $5, command_id = nullif($6, 0), "
        "doubt = $7, doubt_command = nullif($8, 0), cause = $9, reason = $10, "
        "fence_read = nullif($11, 0), told = $12, pause = $13, next_at = $14 "
        "WHERE account_id = $1 AND order_id = $2",
        "itiiiiiittiiii", o->account_id, o->order_id, o->epoch, o->n, o->attempt, o->command_id,
        o->doubt, o->doubt_command, o->cause, o->reason, o->fence_read, o->told, o->pause,
        o->next_at.s);
}
