/* Standing permissions: rows that changed go out, in the order in which they changed. */
#include <string.h>

#include "headend/headend_impl.h"
#include "headend/permit.h"

#define PERMIT_BYTES                                                                               \
    1024 /* of a message: eight meters and eight windows of the largest numbers                    \
          */
#define AT_ONCE 16

/* --- rows ----------------------------------------------------------------------------------------
 */

enum err headend_permit_put(struct store_tx *tx, int64_t gateway_id,
                            const struct uplink_permit *permit)
{
    const struct uplink_message m = {.kind = UPLINK_PERMIT, .permit = *permit};
    uint8_t body[PERMIT_BYTES];
    struct writer w = writer_of(body, sizeof body);
    int64_t change;
    uplink_message_encode(&m, &w);
    TRY(w.err);
    TRY(headend_permit_end(tx, permit->account_id)); /* perhaps at another gateway */
    TRY(store_next_id(tx, "permit", &change));
    return store_exec(tx,
                      "INSERT INTO permit (account_id, gateway_id, change, valid_until, body) "
                      "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, gateway_id) DO UPDATE "
                      "SET change = excluded.change, valid_until = excluded.valid_until, "
                      "body = excluded.body",
                      "iiiib", permit->account_id, gateway_id, change, permit->valid_until.s,
                      (struct bytes){body, w.len});
}

enum err headend_permit_end(struct store_tx *tx, int64_t account_id)
{
    int64_t change, standing;
    TRY(store_int(tx, &standing,
                  "SELECT count(*) FROM permit WHERE account_id = $1 AND body IS NOT NULL", "i",
                  account_id));
    if (standing == 0)
        return ERR_OK;
    TRY(store_next_id(tx, "permit", &change));
    return store_exec(tx,
                      "UPDATE permit SET body = NULL, change = $2 "
                      "WHERE account_id = $1 AND body IS NOT NULL",
                      "ii", account_id, change);
}

/* --- sending -------------------------------------------------------------------------------------
 */

struct changed {
    int64_t account_id, change;
    size_t len; /* 0: ended */
    uint8_t body[PERMIT_BYTES];
};

struct changes {
    int64_t gateway_id, after, now_s;
    size_t count;
    struct changed list[AT_ONCE];
};

/* One whose time is over is as good as ended: the gateway knows that by itself. */
static enum err find_changes(struct store_tx *tx, void *arg)
{
    struct changes *c = arg;
    struct query q = query_open(tx,
                                "SELECT account_id, change, body FROM permit WHERE gateway_id = $1 "
                                "AND change > $2 AND (body IS NULL OR valid_until > $3) "
                                "ORDER BY change, account_id LIMIT $4",
                                "iiii", c->gateway_id, c->after, c->now_s, (int64_t)AT_ONCE);
    for (c->count = 0; query_step(&q); c->count++) {
        struct changed *x = &c->list[c->count];
        *x = (struct changed){.account_id = query_int(&q, 0), .change = query_int(&q, 1)};
        struct bytes b = query_null(&q, 2) ? (struct bytes){0} : query_blob(&q, 2);
        if (b.len > sizeof x->body)
            continue; /* no such row was written; ended is the safe word */
        if (b.len > 0)
            memcpy(x->body, b.data, b.len);
        x->len = b.len;
    }
    return query_end(&q);
}

static enum err send_one(struct headend_session *s, const struct changed *x)
{
    const struct uplink_message end = {.kind = UPLINK_PERMIT,
                                       .permit = {.account_id = x->account_id}};
    return x->len == 0 ? uplink_send(&s->link, &end)
                       : uplink_send_encoded(&s->link, (struct bytes){x->body, x->len});
}

static enum err send_changes(struct headend_session *s, struct changes *c)
{
    do {
        c->after = s->permit_change;
        c->now_s = s->headend->now.wall.s;
        TRY(store_read(s->headend->config.ledger, find_changes, c));
        for (size_t i = 0; i < c->count; i++) {
            TRY(send_one(s, &c->list[i]));
            s->permit_change = c->list[i].change;
        }
    } while (c->count == AT_ONCE);
    return ERR_OK;
}

void headend_send_permits(struct headend_session *s)
{
    struct changes c = {.gateway_id = s->gateway_id};
    if (s->state != HEADEND_LIVE || !s->welcomed || !s->permits)
        return;
    headend_hold(s);
    enum err e = send_changes(s, &c);
    s->permits_left = e != ERR_OK;
    if (e != ERR_OK && e != ERR_FULL && e != ERR_STORE && e != ERR_STORE_CORRUPT)
        headend_end(s, e, 0);
    else
        headend_flush(s);
    headend_release(s);
}

static enum err newest_change(struct store_tx *tx, void *arg)
{
    enum err e = store_int(tx, arg, "SELECT last FROM sequence WHERE name = 'permit'", "");
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

void headend_permits_changed(struct headend *h)
{
    int64_t change = 0;
    if (h->count == 0 || store_read(h->config.ledger, newest_change, &change) != ERR_OK)
        return;
    bool fresh = change != h->permit_change;
    h->permit_change = change;
    for (size_t i = h->count; i-- > 0;) /* backwards: sessions that end leave the table */
        if (fresh || h->sessions[i]->permits_left)
            headend_send_permits(h->sessions[i]);
}
