/* Updates of the gateways' programs, in a session: what shall be fetched, its blocks, how it goes.
 * Blocks never hold up anything else: a gateway asks for one at a time, and all gateways together
 * get BLOCKS a slice. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "headend/headend_impl.h"
#include "headend/update.h"
#include "journal/journal.h"

#define SLICE_MS 100
#define BLOCKS 32 /* a slice: 1.3 MB a second */

/* --- what a gateway tells -----------------------------------------------------------------------
 */

struct told {
    struct headend_job job;
    wall_s now;
    bool updates;
    char program[UPLINK_TEXT_MAX];
    struct uplink_program state;
};

/* In force for this very session? */
static enum err speaker(struct store_tx *tx, const struct headend_session *s,
                        struct site_gateway *g)
{
    TRY(site_gateway_get(tx, s->gateway_id, g));
    return g->boot_epoch == uplink_epoch(&s->link) && !g->revoked ? ERR_OK : ERR_UPLINK_EPOCH;
}

/* What PROGRAM said before is forgotten if another program speaks, which may never say it. */
static enum err write_hello(struct store_tx *tx, void *arg)
{
    const struct told *t = arg;
    struct site_gateway g;
    TRY(speaker(tx, t->job.session, &g));
    TRY(store_exec(tx,
                   "INSERT INTO gateway_program (gateway_id, told, updates, at) "
                   "VALUES ($1, $2, $3, $4) ON CONFLICT (gateway_id) DO UPDATE SET "
                   "told = excluded.told, updates = excluded.updates, at = excluded.at, "
                   "version = CASE excluded.updates WHEN 0 THEN '' ELSE version END",
                   "itii", g.id, t->program, (int64_t)t->updates, t->now.s));
    return t->updates ? ERR_OK : headend_push_unknown(tx, &g, t->now);
}

static enum err write_program(struct store_tx *tx, void *arg)
{
    const struct told *t = arg;
    struct site_gateway g;
    TRY(speaker(tx, t->job.session, &g));
    return headend_push_told(tx, &g, &t->state, t->now);
}

static void written(void *arg, enum err result)
{
    struct told *t = arg;
    struct headend_session *s = t->job.session;
    if (result == ERR_UPDATE_TOLD && !s->told_odd) {
        s->told_odd = true;
        headend_note(s, result, EVENT_GATEWAY_REFUSED);
    }
    free(t); /* what could not be written is said again */
}

static struct told *told_new(struct headend_session *s, store_work *work)
{
    struct told *t = calloc(1, sizeof *t);
    MUST(t);
    t->job = (struct headend_job){s, work, written};
    t->now = s->headend->now.wall;
    return t;
}

void headend_note_hello(struct headend_session *s, const struct uplink_hello *hello)
{
    struct told *t = told_new(s, write_hello);
    t->updates = hello->updates;
    memcpy(t->program, hello->program, sizeof t->program);
    headend_submit(s->headend->config.ledger, &t->job);
}

void headend_note_program(struct headend_session *s, const struct uplink_program *program)
{
    struct told *t = told_new(s, write_program);
    t->state = *program;
    headend_submit(s->headend->config.ledger, &t->job);
}

/* --- what shall be fetched ----------------------------------------------------------------------
 */

struct wish {
    int64_t gateway_id;
    bool found;
    struct uplink_update update;
};

static enum err find_wish(struct store_tx *tx, void *arg)
{
    struct wish *w = arg;
    struct query q = query_open(
        tx,
        "SELECT p.id, k.size, k.sha256, u.trial_s, u.from_minute, u.until_minute, u.downgrade, "
        "p.state = 'stopping' FROM gateway_push_part p JOIN gateway_push u ON u.id = p.push_id "
        "JOIN gateway_package k ON k.id = u.package_id WHERE p.gateway_id = $1 AND "
        "p.state IN ('waiting', 'fetching', 'ready', 'stopping') AND (p.stage = 1 OR NOT EXISTS "
        "(SELECT 1 FROM gateway_push_part f WHERE f.push_id = p.push_id AND f.stage = 1 "
        "AND f.state <> 'confirmed'))",
        "i", w->gateway_id);
    w->found = query_step(&q);
    if (w->found) {
        struct bytes sum = query_blob(&q, 2);
        bool stopping = query_int(&q, 7) != 0;
        w->update = (struct uplink_update){.id = query_int(&q, 0)};
        if (!stopping && sum.len == sizeof w->update.sha256) {
            w->update.size = query_int(&q, 1);
            w->update.sha256_len = sum.len;
            memcpy(w->update.sha256, sum.data, sum.len);
            w->update.trial_s = query_int(&q, 3);
            w->update.from_minute = query_int(&q, 4);
            w->update.until_minute = query_int(&q, 5);
            w->update.downgrade = query_int(&q, 6) != 0;
        }
    }
    return query_end(&q);
}

static void say(struct headend_session *s, const struct uplink_message *m)
{
    headend_hold(s);
    enum err e = uplink_send(&s->link, m);
    if (e != ERR_OK && e != ERR_FULL) /* what did not fit is said again, or asked again */
        headend_end(s, e, 0);
    else
        headend_flush(s);
    headend_release(s);
}

void headend_send_update(struct headend_session *s)
{
    struct wish w = {.gateway_id = s->gateway_id};
    if (s->state != HEADEND_LIVE || !s->welcomed || !s->updates ||
        store_read(s->headend->config.ledger, find_wish, &w) != ERR_OK || !w.found)
        return;
    say(s, &(struct uplink_message){.kind = UPLINK_UPDATE, .update = w.update});
}

/* --- blocks -------------------------------------------------------------------------------------
 */

struct block {
    int64_t gateway_id;
    struct uplink_ask ask;
    size_t len;
    uint8_t data[UPLINK_BLOCK_MAX];
};

static enum err find_block(struct store_tx *tx, void *arg)
{
    struct block *b = arg;
    struct query q =
        query_open(tx,
                   "SELECT b.data FROM gateway_push_part p JOIN gateway_push u ON u.id = p.push_id "
                   "JOIN gateway_package_block b ON b.package_id = u.package_id AND b.number = $3 "
                   "WHERE p.id = $1 AND p.gateway_id = $2 AND p.state IN ('waiting', 'fetching')",
                   "iii", b->ask.id, b->gateway_id, b->ask.offset / UPLINK_BLOCK_MAX);
    if (query_step(&q)) {
        struct bytes data = query_blob(&q, 0);
        b->len = data.len <= sizeof b->data ? data.len : 0;
        memcpy(b->data, data.data, b->len);
    }
    return query_end(&q);
}

/* One that there is not: the wish was taken back, or was never ours. */
static void send_block(struct headend_session *s)
{
    struct block b = {.gateway_id = s->gateway_id, .ask = s->ask};
    bool odd = s->ask.offset < 0 || s->ask.offset % UPLINK_BLOCK_MAX != 0;
    s->asks = false;
    if (!odd && store_read(s->headend->config.ledger, find_block, &b) != ERR_OK)
        return; /* it asks again */
    if (b.len == 0)
        say(s, &(struct uplink_message){.kind = UPLINK_UPDATE, .update.id = s->ask.id});
    else
        say(s, &(struct uplink_message){
                   .kind = UPLINK_BLOCK,
                   .block = {s->ask.id, s->ask.offset, (struct bytes){b.data, b.len}}});
}

void headend_take_ask(struct headend_session *s, const struct uplink_ask *ask)
{
    s->ask = *ask;
    s->asks = true;
    headend_send_blocks(s->headend);
}

void headend_send_blocks(struct headend *h)
{
    if (mono_due(mono_after(h->blocks_at, SLICE_MS), h->now.mono)) {
        h->blocks_at = h->now.mono;
        h->blocks = BLOCKS;
    }
    for (size_t looked = 0; looked < h->count && h->blocks > 0; looked++) {
        struct headend_session *s = h->sessions[h->blocks_next++ % h->count];
        if (!s->asks || s->state != HEADEND_LIVE)
            continue;
        h->blocks--;
        send_block(s);
        if (h->count == 0)
            return;
    }
}

mono_ms headend_blocks_wake(const struct headend *h)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->sessions[i]->asks)
            return mono_after(h->blocks_at, SLICE_MS);
    return MONO_NEVER;
}
