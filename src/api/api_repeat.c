#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"

/* The request is its method, its address and its body. */
void api_repeat_hash(struct call *c)
{
    crypto_hash_sha256_state h;
    struct bytes body = http_body(c->http);
    const char *target = http_target(c->http);
    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, (const uint8_t *)target, strlen(target) + 1);
    crypto_hash_sha256_update(&h, body.data, body.len);
    crypto_hash_sha256_final(&h, c->request_hash);
}

static enum err copy_body(struct call *c, const char *body)
{
    c->stored_len = strlen(body);
    c->stored = strdup(body);
    return c->stored ? ERR_OK : ERR_MEMORY;
}

enum err api_repeat_find(struct call *c)
{
    char actor[32];
    api_actor(c, actor);
    struct query q = query_open(
        c->tx, "SELECT request_hash, status, body FROM idempotency WHERE actor = $1 AND key = $2",
        "tt", actor, c->key);
    enum err e = ERR_NOT_FOUND;
    if (query_step(&q)) {
        struct bytes hash = query_blob(&q, 0);
        bool same =
            hash.len == sizeof c->request_hash && memcmp(hash.data, c->request_hash, hash.len) == 0;
        c->status = (unsigned)query_int(&q, 1);
        e = same ? copy_body(c, query_text(&q, 2)) : ERR_API_KEY_REUSED;
        c->replayed = e == ERR_OK;
    }
    enum err end = query_end(&q);
    return end != ERR_OK ? end : e;
}

enum err api_repeat_keep(struct call *c)
{
    char actor[32];
    api_actor(c, actor);
    c->stored = jwrite_take(&c->out, &c->stored_len);
    if (!c->stored)
        return ERR_MEMORY;
    return store_exec(c->tx,
                      "INSERT INTO idempotency (actor, key, request_hash, status, body, at) "
                      "VALUES ($1, $2, $3, $4, $5, $6)",
                      "ttbiti", actor, c->key,
                      (struct bytes){c->request_hash, sizeof c->request_hash},
                      (int64_t)(c->status ? c->status : 200), c->stored, c->now.s);
}

/* --- answers that are old --------------------------------------------------------------------- */

#define KEPT_S (30 * INT64_C(86'400))
#define KEPT_LEAST 10'000 /* the newest stay: a clock that leaps ahead makes everything old */
#define EVERY_MS 3'600'000
#define FIRST_MS 60'000
#define AT_ONCE 500 /* of one transaction: sales do not wait */

static enum err forget(struct store_tx *tx, void *arg)
{
    struct api *a = arg;
    TRY(store_exec(tx,
                   "DELETE FROM idempotency WHERE (actor, key) IN "
                   "(SELECT actor, key FROM idempotency WHERE at < $1 AND at < "
                   "(SELECT at FROM idempotency ORDER BY at DESC LIMIT 1 OFFSET $2 - 1) "
                   "ORDER BY at LIMIT $3)",
                   "iii", io_wall(a->options.io).s - KEPT_S, (int64_t)KEPT_LEAST,
                   (int64_t)AT_ONCE));
    a->forgotten = store_changes(tx);
    return ERR_OK;
}

static void forgot(void *arg, enum err result)
{
    struct api *a = arg;
    bool more = result == ERR_OK && a->forgotten == AT_ONCE;
    if (result != ERR_IO_CLOSED)
        io_timer_set_real(&a->forget,
                          mono_after(io_mono_real(a->options.io), more ? 1'000 : EVERY_MS));
}

void api_repeat_forget(void *arg)
{
    struct api *a = arg;
    store_submit(a->options.ledger, forget, forgot, a);
}

void api_repeat_start(struct api *a)
{
    io_timer_init(&a->forget, a->options.io, api_repeat_forget, a);
    io_timer_set_real(&a->forget, mono_after(io_mono_real(a->options.io), FIRST_MS));
}
