/* Commands on their way out: what is open for a gateway, in the order of its urgency. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "headend/headend_impl.h"

struct outgoing {
    int64_t id;
    bool fence;
    size_t len;
    uint8_t body[HEADEND_COMMAND_BYTES];
};

struct open_commands {
    int64_t gateway_id;
    size_t count;
    struct outgoing list[HEADEND_INFLIGHT_MAX];
};

/* Money and supply come before readings of wallets, settings of terminals and exercises. */
static enum err find_open(struct store_tx *tx, void *arg)
{
    struct open_commands *o = arg;
    struct query q = query_open(tx,
                                "SELECT id, state, body FROM command WHERE gateway_id = $1 "
                                "AND state IN ('waiting', 'fencing') "
                                "ORDER BY kind IN ('read', 'register', 'exercise'), created_at, id "
                                "LIMIT $2",
                                "ii", o->gateway_id, (int64_t)HEADEND_INFLIGHT_MAX);
    for (o->count = 0; o->count < HEADEND_INFLIGHT_MAX && query_step(&q); o->count++) {
        struct outgoing *out = &o->list[o->count];
        struct bytes body = query_blob(&q, 2);
        out->id = query_int(&q, 0);
        out->fence = query_text(&q, 1)[0] == 'f';
        MUST(body.len <= sizeof out->body);
        out->len = body.len;
        memcpy(out->body, body.data, body.len);
    }
    return query_end(&q);
}

/* --- remembering that it left
 * -------------------------------------------------------------------------- */

struct handed {
    struct headend_job job;
    wall_s now;
    size_t count;
    int64_t ids[HEADEND_INFLIGHT_MAX];
};

static enum err write_handed(struct store_tx *tx, void *arg)
{
    struct handed *h = arg;
    for (size_t i = 0; i < h->count; i++)
        TRY(store_exec(tx,
                       "UPDATE command SET handed = 1, sent_at = coalesce(sent_at, $2) "
                       "WHERE id = $1 AND (handed = 0 OR sent_at IS NULL)",
                       "ii", h->ids[i], h->now.s));
    return ERR_OK;
}

static void handed_done(void *arg, enum err result)
{
    (void)result; /* it is said again, and remembered then */
    free(arg);
}

/* --- sending
 * --------------------------------------------------------------------------------------------- */

static mono_ms resend_at(const struct headend_flight *f)
{
    return mono_after(f->sent, HEADEND_RESEND_MS);
}

bool headend_must_resend(const struct headend_session *s)
{
    for (size_t i = 0; i < s->flights; i++)
        if (mono_due(resend_at(&s->flight[i]), s->headend->now.mono))
            return true;
    return false;
}

static const struct headend_flight *in_flight(const struct headend_session *s,
                                              const struct outgoing *o)
{
    for (size_t i = 0; i < s->flights; i++)
        if (s->flight[i].id == o->id && s->flight[i].fence == o->fence)
            return &s->flight[i];
    return NULL;
}

static enum err send_one(struct headend_session *s, const struct outgoing *o)
{
    struct uplink_message fence = {.kind = UPLINK_FENCE, .fence_id = o->id};
    return o->fence ? uplink_send(&s->link, &fence)
                    : uplink_send_encoded(&s->link, (struct bytes){o->body, o->len});
}

static enum err send_all(struct headend_session *s, const struct open_commands *open,
                         struct handed *handed)
{
    struct headend_flight flight[HEADEND_INFLIGHT_MAX];
    mono_ms now = s->headend->now.mono;
    enum err e = ERR_OK;
    size_t flights = 0;
    for (size_t i = 0; i < open->count && e == ERR_OK; i++) {
        const struct outgoing *o = &open->list[i];
        const struct headend_flight *f = in_flight(s, o);
        bool again = f && mono_due(resend_at(f), now);
        if (!f || again)
            e = send_one(s, o);
        if (e != ERR_OK)
            break;
        if (!f)
            handed->ids[handed->count++] = o->id;
        flight[flights++] = (struct headend_flight){o->id, o->fence, f && !again ? f->sent : now};
    }
    memcpy(s->flight, flight, flights * sizeof *flight);
    s->flights = flights;
    return e;
}

void headend_send_commands(struct headend_session *s)
{
    if (s->state != HEADEND_LIVE || !s->welcomed)
        return;
    struct open_commands open = {.gateway_id = s->gateway_id};
    if (store_read(s->headend->config.ledger, find_open, &open) != ERR_OK)
        return; /* at the next poke */
    struct handed *h = malloc(sizeof *h);
    MUST(h);
    *h = (struct handed){{s, write_handed, handed_done}, s->headend->now.wall, 0, {0}};
    headend_hold(s);
    enum err e = send_all(s, &open, h);
    if (h->count > 0)
        headend_submit(s->headend->config.ledger, &h->job);
    else
        free(h);
    if (e != ERR_OK && e != ERR_FULL)
        headend_end(s, e, 0);
    else
        headend_flush(s);
    headend_release(s);
}

/* --- poking
 * ------------------------------------------------------------------------------------------------
 */

struct unsent {
    struct headend *headend;
    int64_t ids[HEADEND_SESSIONS_MAX]; /* of connected gateways */
    size_t count;
};

static enum err find_unsent(struct store_tx *tx, void *arg)
{
    struct unsent *u = arg;
    struct query q = query_open(tx,
                                "SELECT DISTINCT gateway_id FROM command WHERE handed = 0 "
                                "AND state IN ('waiting', 'fencing') ORDER BY gateway_id",
                                "");
    while (u->count < HEADEND_SESSIONS_MAX && query_step(&q))
        if (headend_online(u->headend, query_int(&q, 0)))
            u->ids[u->count++] = query_int(&q, 0);
    return query_end(&q);
}

static void poke_all(struct headend *h)
{
    struct unsent u = {.headend = h};
    if (h->count == 0 || store_read(h->config.ledger, find_unsent, &u) != ERR_OK)
        return;
    for (size_t i = 0; i < u.count; i++) {
        struct headend_session *s = headend_live(h, u.ids[i]);
        if (s)
            headend_send_commands(s);
    }
}

void headend_poke(struct headend *h, int64_t gateway_id, struct uplink_now now)
{
    h->now = now;
    headend_permits_changed(h);
    struct headend_session *s = gateway_id ? headend_live(h, gateway_id) : NULL;
    if (s)
        headend_send_commands(s);
    else if (gateway_id == 0)
        poke_all(h);
}
