#include "headend/headend.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "headend/headend_impl.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define HOUSEKEEPING_MS 5'000
#define MINUTE_MS 60'000
#define REFUSALS_PER_MINUTE 60 /* events about refused connections, of all together */
#define EXPIRED_AFTER_S 30     /* a command's deadline was obeyed by the gateway long before */

enum err headend_new(struct headend **out, const struct headend_config *config)
{
    struct headend *h = calloc(1, sizeof *h);
    if (!h)
        return ERR_MEMORY;
    h->config = *config;
    *out = h;
    return ERR_OK;
}

static void release(struct headend *h)
{
    if (h->freed && h->jobs == 0 && h->count == 0)
        free(h);
}

static void destroy(struct headend_session *s)
{
    headend_drop_entries(s);
    uplink_close(&s->link);
    free(s);
}

static void forget(struct headend_session *s)
{
    struct headend *h = s->headend;
    size_t i = 0;
    while (h->sessions[i] != s)
        i++;
    memmove(&h->sessions[i], &h->sessions[i + 1], (h->count - i - 1) * sizeof *h->sessions);
    h->count--;
    if (h->recent == s)
        h->recent = NULL;
    s->state = HEADEND_GONE;
    if (s->jobs == 0)
        destroy(s);
}

void headend_hold(struct headend_session *s)
{
    s->jobs++;
    s->headend->jobs++;
}

void headend_release(struct headend_session *s)
{
    struct headend *h = s->headend;
    s->jobs--;
    h->jobs--;
    if (s->state == HEADEND_GONE && s->jobs == 0)
        destroy(s);
    release(h);
}

void headend_free(struct headend *h)
{
    if (!h)
        return;
    h->freed = true;
    while (h->count)
        forget(h->sessions[h->count - 1]);
    release(h);
}

/* --- jobs
 * ----------------------------------------------------------------------------------------- */

static enum err run_job(struct store_tx *tx, void *arg)
{
    struct headend_job *job = arg;
    return job->session->headend->freed ? ERR_IO_CLOSED : job->work(tx, job);
}

static void job_done(void *arg, enum err result)
{
    struct headend_job *job = arg;
    struct headend_session *s = job->session;
    job->done(job, result); /* frees the job */
    headend_release(s);
}

void headend_submit(struct store *store, struct headend_job *job)
{
    headend_hold(job->session);
    store_submit(store, run_job, job_done, job);
}

/* --- events about sessions
 * --------------------------------------------------------------------------- */

struct note {
    struct headend_job job;
    enum err why;
    int kind;
    int64_t project_id;
    char serial[SITE_CODE_MAX + 1];
    wall_s now;
};

static enum err write_note(struct store_tx *tx, const struct note *n)
{
    struct detail d = {};
    detail_text(&d, "serial", n->serial);
    if (n->why != ERR_OK)
        detail_text(&d, "reason", err_name(n->why));
    return journal_event(tx, &(struct journal_event){.at = n->now,
                                                     .kind = (enum journal_kind)n->kind,
                                                     .project_id = n->project_id,
                                                     .detail = detail_end(&d)});
}

static enum err note_work(struct store_tx *tx, void *arg)
{
    return write_note(tx, arg);
}

static void note_done(void *arg, enum err result)
{
    (void)result; /* an event that could not be written changes nothing else */
    free(arg);
}

static struct note note_of(struct headend_session *s, enum err why, int kind)
{
    struct note n = {{s, note_work, note_done}, why, kind, s->project_id, "", s->headend->now.wall};
    memcpy(n.serial, s->serial, sizeof n.serial);
    return n;
}

enum err headend_note_now(struct store_tx *tx, const struct headend_session *s, enum err why,
                          int kind)
{
    struct note n = note_of((struct headend_session *)(uintptr_t)s, why, kind);
    return write_note(tx, &n);
}

void headend_note(struct headend_session *s, enum err why, int kind)
{
    struct headend *h = s->headend;
    if (s->project_id == 0 ||
        (kind == EVENT_GATEWAY_REFUSED && h->refusals++ >= REFUSALS_PER_MINUTE))
        return; /* nobody's gateway, or somebody who wants to fill the disk */
    struct note *n = malloc(sizeof *n);
    MUST(n);
    *n = note_of(s, why, kind);
    headend_submit(h->config.ledger, &n->job);
}

const char *headend_time_text(wall_s t, char *out)
{
    struct civil c = civil_from_wall(t, 0);
    snprintf(out, 24, "%04d-%02u-%02u %02u:%02u", (int)(c.year % 10'000), c.month % 100U,
             c.day % 100U, c.hour % 100U, c.minute % 100U);
    return out;
}

/* --- the table of sessions
 * ---------------------------------------------------------------------------- */

struct headend_session *headend_find(struct headend *h, int64_t conn)
{
    if (h->recent && h->recent->conn == conn)
        return h->recent;
    for (size_t i = 0; i < h->count; i++)
        if (h->sessions[i]->conn == conn)
            return h->recent = h->sessions[i];
    return NULL;
}

struct headend_session *headend_live(const struct headend *h, int64_t gateway_id)
{
    for (size_t i = 0; i < h->count; i++)
        if (h->sessions[i]->state == HEADEND_LIVE && h->sessions[i]->gateway_id == gateway_id)
            return h->sessions[i];
    return NULL;
}

bool headend_online(const struct headend *h, int64_t gateway_id)
{
    return headend_live(h, gateway_id) != NULL;
}

size_t headend_sessions(const struct headend *h)
{
    return h->count;
}

enum err headend_open(struct headend *h, const struct headend_peer *peer, struct uplink_now now)
{
    h->now = now;
    MUST(headend_find(h, peer->conn) == NULL);
    if (h->count == HEADEND_SESSIONS_MAX)
        return ERR_FULL;
    struct headend_session *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->headend = h;
    s->conn = peer->conn;
    s->has_certificate = peer->certificate_hash != NULL;
    if (s->has_certificate)
        memcpy(s->certificate, peer->certificate_hash, sizeof s->certificate);
    memcpy(s->secret, peer->random + UPLINK_RANDOM, sizeof s->secret);
    uplink_server_init(&s->link, peer->random, now);
    h->sessions[h->count++] = s;
    return ERR_OK;
}

/* The stream's bytes, and the end of a session that died. */
void headend_flush(struct headend_session *s)
{
    struct headend *h = s->headend;
    if (s->state == HEADEND_GONE)
        return;
    struct bytes out = uplink_output(&s->link);
    if (out.len > 0) {
        h->config.io.send(h->config.io.ctx, s->conn, out.data, out.len);
        uplink_output_taken(&s->link, out.len);
    }
    if (uplink_error(&s->link) == ERR_OK)
        return;
    if (s->state == HEADEND_LIVE)
        headend_note(s, uplink_error(&s->link), EVENT_GATEWAY_OFFLINE);
    int64_t conn = s->conn;
    struct headend_io io = h->config.io;
    forget(s);
    io.close(io.ctx, conn);
}

void headend_end(struct headend_session *s, enum err why, int64_t known_epoch)
{
    if (s->state == HEADEND_GONE)
        return;
    uplink_refuse(&s->link, why, known_epoch);
    headend_flush(s);
}

void headend_closed(struct headend *h, int64_t conn, struct uplink_now now)
{
    h->now = now;
    struct headend_session *s = headend_find(h, conn);
    if (!s)
        return;
    if (s->state == HEADEND_LIVE)
        headend_note(s, ERR_IO_CLOSED, EVENT_GATEWAY_OFFLINE);
    forget(s);
}

void headend_kick(struct headend *h, int64_t gateway_id, struct uplink_now now)
{
    h->now = now;
    struct headend_session *s = headend_live(h, gateway_id);
    if (s)
        headend_end(s, ERR_HEADEND_REVOKED, 0);
}

/* --- time
 * ------------------------------------------------------------------------------------------------
 */

mono_ms headend_wake(const struct headend *h)
{
    mono_ms next = mono_earlier(h->housekeeping, headend_blocks_wake(h));
    for (size_t i = 0; i < h->count; i++)
        next = mono_earlier(next, uplink_wake(&h->sessions[i]->link));
    return next;
}

struct stale {
    struct headend *headend;
    wall_s now;
    int64_t config[HEADEND_SESSIONS_MAX], revoked[HEADEND_SESSIONS_MAX]; /* connected gateways */
    size_t configs, revocations;
    int64_t unsealed[HEADEND_SESSIONS_MAX]; /* under the legacy seal without leave */
    size_t unseals;
    int64_t updates[HEADEND_SESSIONS_MAX]; /* to be told of an update, or of its end */
    size_t update_count;
    bool expired;
};

static enum err ids(struct stale *s, struct query *q, int64_t *list, size_t *count)
{
    *count = 0;
    while (*count < HEADEND_SESSIONS_MAX && query_step(q))
        if (headend_online(s->headend, query_int(q, 0)))
            list[(*count)++] = query_int(q, 0);
    return query_end(q);
}

/* A leave for the legacy seal that was taken back, or ends earlier than it did. */
static enum err look_at_leaves(struct store_tx *tx, struct stale *s)
{
    const struct headend *h = s->headend;
    for (size_t i = 0; i < h->count; i++) {
        struct site_legacy l;
        const struct headend_session *live = h->sessions[i];
        if (live->state != HEADEND_LIVE || live->legacy_until.s == 0)
            continue;
        enum err e = site_legacy_get(tx, live->gateway_id, &l);
        if (e == ERR_NOT_FOUND || (e == ERR_OK && l.until.s <= s->now.s))
            s->unsealed[s->unseals++] = live->gateway_id;
        else
            TRY(e);
    }
    return ERR_OK;
}

static enum err look_around(struct store_tx *tx, void *arg)
{
    struct stale *s = arg;
    int64_t expired;
    struct query q =
        query_open(tx, "SELECT id FROM gateway WHERE config_version <> config_applied", "");
    TRY(ids(s, &q, s->config, &s->configs));
    q = query_open(tx, "SELECT id FROM gateway WHERE revoked = 1", "");
    TRY(ids(s, &q, s->revoked, &s->revocations));
    TRY(look_at_leaves(tx, s));
    q = query_open(tx,
                   "SELECT gateway_id FROM gateway_push_part WHERE state IN ('waiting', 'stopping')",
                   "");
    TRY(ids(s, &q, s->updates, &s->update_count));
    TRY(store_int(tx, &expired,
                  "SELECT count(*) FROM command WHERE state = 'waiting' AND not_after < $1", "i",
                  s->now.s - EXPIRED_AFTER_S));
    s->expired = expired > 0;
    return ERR_OK;
}

struct expiry {
    struct headend *headend;
    wall_s now;
};

static enum err expire(struct store_tx *tx, void *arg)
{
    struct expiry *e = arg;
    return store_exec(tx,
                      "UPDATE command SET state = 'expired', done_at = $2 "
                      "WHERE state = 'waiting' AND not_after < $1",
                      "ii", e->now.s - EXPIRED_AFTER_S, e->now.s);
}

static void expired(void *arg, enum err result)
{
    (void)result; /* looked at again in a moment */
    struct expiry *e = arg;
    e->headend->jobs--;
    release(e->headend);
    free(e);
}

static void submit_expiry(struct headend *h)
{
    struct expiry *e = malloc(sizeof *e);
    MUST(e);
    *e = (struct expiry){h, h->now.wall};
    h->jobs++;
    store_submit(h->config.ledger, expire, expired, e);
}

static void keep_house(struct headend *h)
{
    struct stale stale = {.headend = h, .now = h->now.wall, .configs = 0};
    h->housekeeping = mono_after(h->now.mono, HOUSEKEEPING_MS);
    if (mono_due(mono_after(h->minute, MINUTE_MS), h->now.mono)) {
        h->minute = h->now.mono;
        h->claims = h->refusals = 0;
    }
    if (store_read(h->config.ledger, look_around, &stale) != ERR_OK)
        return; /* a store that cannot be read is found out by whoever writes */
    for (size_t i = 0; i < stale.revocations; i++)
        headend_kick(h, stale.revoked[i], h->now);
    for (size_t i = 0; i < stale.unseals; i++) {
        struct headend_session *s = headend_live(h, stale.unsealed[i]);
        if (s)
            headend_end(s, ERR_UPLINK_LEGACY, 0);
    }
    for (size_t i = 0; i < stale.configs; i++) {
        struct headend_session *s = headend_live(h, stale.config[i]);
        if (s && s->welcomed)
            headend_send_config(s);
    }
    for (size_t i = 0; i < stale.update_count; i++) {
        struct headend_session *s = headend_live(h, stale.updates[i]);
        if (s)
            headend_send_update(s);
    }
    if (stale.expired)
        submit_expiry(h);
}

void headend_tick(struct headend *h, struct uplink_now now)
{
    h->now = now;
    for (size_t i = h->count; i-- > 0;) { /* backwards: sessions that end leave the table */
        struct headend_session *s = h->sessions[i];
        headend_hold(s);
        uplink_tick(&s->link, now);
        if (s->state == HEADEND_LIVE && headend_must_resend(s))
            headend_send_commands(s);
        headend_flush(s);
        headend_release(s);
    }
    headend_permits_changed(h);
    headend_send_blocks(h);
    if (mono_due(h->housekeeping, now.mono))
        keep_house(h);
}
