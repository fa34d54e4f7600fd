#include <string.h>

#include "base/must.h"
#include "vend/vend_impl.h"

#define COLUMNS                                                                                    \
    "SELECT o.account_id, a.project_id, coalesce(o.meter_id, 0), o.order_id, o.method, o.actor, "  \
    "o.amount_fen, o.state, o.paid_at, o.booked_at, o.bound_at, "                                  \
    "(SELECT min(c.sent_at) FROM command c WHERE c.account_id = o.account_id "                     \
    " AND c.ref = o.order_id AND c.kind = 'vend'), "                                               \
    "o.confirmed_at, o.closed_at, o.changed_at, coalesce(v.epoch, 0), coalesce(v.n, 0), "          \
    "coalesce(v.attempt, 0), v.cause, v.evidence, o.created_at, o.kept_fen "                       \
    "FROM sale_order o JOIN account a ON a.id = o.account_id "                                     \
    "LEFT JOIN vend v ON v.account_id = o.account_id AND v.order_id = o.order_id "

static void take(const struct query *q, struct vend_status *s)
{
    *s = (struct vend_status){
        .account_id = query_int(q, 0),
        .project_id = query_int(q, 1),
        .meter_id = query_int(q, 2),
        .amount_fen = query_int(q, 6),
        .state = vend_state_of(query_text(q, 7)),
        .paid_at = {query_int(q, 8)},
        .booked_at = {query_int(q, 9)},
        .bound_at = {query_int(q, 10)},
        .sent_at = {query_int(q, 11)},
        .confirmed_at = {query_int(q, 12)},
        .closed_at = {query_int(q, 13)},
        .changed_at = {query_int(q, 14)},
        .epoch = query_int(q, 15),
        .n = query_int(q, 16),
        .attempt = query_int(q, 17),
        .created_at = {query_int(q, 20)},
        .kept_fen = query_int(q, 21),
    };
    MUST(s->state < VEND_STATE_COUNT);
    vend_copy_text(s->order_id, sizeof s->order_id, query_text(q, 3));
    vend_copy_text(s->method, sizeof s->method, query_text(q, 4));
    vend_copy_text(s->actor, sizeof s->actor, query_text(q, 5));
    vend_copy_text(s->cause, sizeof s->cause, query_text(q, 18));
    const char *evidence = query_text(q, 19); /* JSON: whole or not at all */
    vend_copy_text(s->evidence, sizeof s->evidence,
                   *evidence && strlen(evidence) < sizeof s->evidence ? evidence : "{}");
}

enum err vend_get(struct store_tx *tx, int64_t account_id, const char *order_id,
                  struct vend_status *out)
{
    struct query q = query_open(tx, COLUMNS "WHERE o.account_id = $1 AND o.order_id = $2", "it",
                                account_id, order_id);
    bool found = query_step(&q);
    if (found)
        take(&q, out);
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* `found_by` is what an index finds them by. */
#define LIST(found_by)                                                                             \
    COLUMNS "WHERE " found_by " AND ($1 = 0 OR a.project_id = $1) "                                \
            "AND ($2 = 0 OR o.account_id = $2) AND ($3 = 0 OR o.meter_id = $3) "                   \
            "AND ($4 = '' OR o.state = $4 OR ($4 = 'open' AND o.state IN "                         \
            "('CREATED', 'PAID', 'BOUND', 'FENCED', 'CONFLICT'))) "                                \
            "AND ($5 = 0 OR o.created_at < $5) "                                                   \
            "ORDER BY o.created_at DESC, o.account_id, o.order_id LIMIT $6"

static const char *list_of(const struct vend_filter *f)
{
    return f->account_id ? LIST("o.account_id = $2")
           : f->meter_id ? LIST("o.meter_id = $3")
                         : LIST("o.created_at IS NOT NULL");
}

enum err vend_list(struct store_tx *tx, const struct vend_filter *f, vend_each *each, void *arg)
{
    enum err told = ERR_OK;
    struct vend_status s;
    struct query q = query_open(tx, list_of(f), "iiitii", f->project_id, f->account_id, f->meter_id,
                                f->state ? f->state : "", f->before.s, f->limit);
    while (told == ERR_OK && query_step(&q)) {
        take(&q, &s);
        told = each(arg, &s);
    }
    TRY(query_end(&q));
    return told;
}
