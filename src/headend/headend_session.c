/* A session's beginning: who it is, that it is the newest, what it should know. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "headend/headend_impl.h"
#include "headend/line_stats.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define CONFIG_AGAIN_MS 60'000 /* a configuration that was sent and not applied */
#define CONFIG_PART_METERS 200
#define CONFIG_PART_LINES 100

static void knows(struct headend_session *s, const struct site_gateway *g)
{
    s->gateway_id = g->id;
    s->project_id = g->project_id;
    memcpy(s->serial, g->serial, sizeof s->serial);
}

/* --- the secret
 * -------------------------------------------------------------------------------------- */

struct lookup {
    int64_t id;
    struct site_gateway gateway;
    struct site_legacy legacy; /* until 0: it has no leave */
};

static enum err look_up(struct store_tx *tx, void *arg)
{
    struct lookup *l = arg;
    TRY(site_gateway_get(tx, l->id, &l->gateway));
    enum err e = site_legacy_get(tx, l->id, &l->legacy);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err admit(const struct headend_session *s, const struct site_gateway *g)
{
    if (g->revoked)
        return ERR_HEADEND_REVOKED;
    if (!g->claimed || !g->has_secret)
        return ERR_NOT_FOUND;
    if (!s->has_certificate || memcmp(s->certificate, g->certificate_hash, 32) != 0)
        return ERR_HEADEND_CERTIFICATE;
    return ERR_OK;
}

static void ask_secret(struct headend_session *s)
{
    struct lookup l = {.id = uplink_gateway(&s->link)};
    enum err e = store_read(s->headend->config.ledger, look_up, &l);
    if (e == ERR_OK) {
        knows(s, &l.gateway);
        e = admit(s, &l.gateway);
    }
    if (e == ERR_OK && l.legacy.until.s > s->headend->now.wall.s)
        uplink_allow_legacy(&s->link, l.legacy.until);
    if (e == ERR_OK)
        e = uplink_accept(&s->link, l.gateway.secret, l.gateway.boot_epoch);
    else
        uplink_refuse(&s->link, e, 0);
    if (e != ERR_OK)
        headend_note(s, e, EVENT_GATEWAY_REFUSED);
}

/* --- the epoch
 * ---------------------------------------------------------------------------------------- */

struct boot {
    struct headend_job job;
    int64_t gateway_id, epoch;
    wall_s now, legacy_until;
    struct site_gateway gateway; /* as it was committed */
};

/* It is written down whenever a session is opened so. */
static enum err note_legacy(struct store_tx *tx, struct boot *b)
{
    struct headend_session *s = b->job.session;
    struct site_legacy l;
    char until[24];
    struct detail d = {};
    if (!uplink_is_legacy(&s->link))
        return ERR_OK;
    enum err e = site_legacy_get(tx, b->gateway_id, &l);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && l.until.s <= b->now.s))
        return ERR_UPLINK_LEGACY; /* taken back meanwhile */
    TRY(e);
    TRY(site_legacy_used(tx, b->gateway_id, b->now));
    b->legacy_until = l.until;
    detail_text(&d, "serial", s->serial);
    detail_text(&d, "until", headend_time_text(l.until, until));
    detail_text(&d, "why", l.reason);
    return journal_event(tx, &(struct journal_event){.at = b->now,
                                                     .kind = EVENT_GATEWAY_LEGACY,
                                                     .project_id = s->project_id,
                                                     .detail = detail_end(&d)});
}

static enum err commit_epoch(struct store_tx *tx, void *arg)
{
    struct boot *b = arg;
    TRY(site_gateway_get(tx, b->gateway_id, &b->gateway));
    TRY(admit(b->job.session,
              &b->gateway)); /* it may have been revoked or claimed anew meanwhile */
    enum err e = site_gateway_boot(tx, b->gateway_id, b->epoch, b->now);
    if (e == ERR_SITE_EPOCH)
        return ERR_UPLINK_EPOCH;
    TRY(e);
    TRY(note_legacy(tx, b));
    return headend_note_now(tx, b->job.session, ERR_OK, EVENT_GATEWAY_ONLINE);
}

static void fence_older(struct headend_session *s)
{
    struct headend_session *old = headend_live(s->headend, s->gateway_id);
    if (!old)
        return;
    headend_note(old, ERR_UPLINK_EPOCH, EVENT_GATEWAY_FENCED);
    old->state = HEADEND_OPENING; /* it does not go offline: it is replaced */
    headend_end(old, ERR_UPLINK_EPOCH, uplink_epoch(&s->link));
}

static void booted(void *arg, enum err result)
{
    struct boot *b = arg;
    struct headend_session *s = b->job.session;
    int64_t known = b->gateway.boot_epoch;
    s->done_epoch = b->gateway.received_epoch;
    s->done_seq = b->gateway.received_seq;
    s->legacy_until = b->legacy_until;
    free(b);
    if (s->state != HEADEND_BOOTING)
        return;
    if (result != ERR_OK) {
        headend_note(s, result, EVENT_GATEWAY_REFUSED);
        headend_end(s, result, known);
        return;
    }
    fence_older(s);
    s->state = HEADEND_LIVE;
    const struct headend_sinks *sinks = &s->headend->config.sinks;
    if (s->legacy_until.s != 0 && sinks->legacy)
        sinks->legacy(sinks->ctx, s->serial, s->legacy_until);
    headend_pump(s);
}

static void boot(struct headend_session *s)
{
    struct boot *b = calloc(1, sizeof *b);
    MUST(b);
    b->job = (struct headend_job){s, commit_epoch, booted};
    b->gateway_id = s->gateway_id;
    b->epoch = uplink_epoch(&s->link);
    b->now = s->headend->now.wall;
    s->state = HEADEND_BOOTING;
    headend_submit(s->headend->config.ledger, &b->job);
}

/* --- HELLO, configuration
 * ------------------------------------------------------------------------------- */

static void say(struct headend_session *s, const struct uplink_message *m)
{
    enum err e = uplink_send(&s->link, m);
    if (e != ERR_OK && e != ERR_FULL) /* a full output is said again after its next HELLO */
        headend_end(s, e, 0);
}

static void welcome(struct headend_session *s, const struct uplink_hello *hello)
{
    struct lookup l = {.id = s->gateway_id};
    if (store_read(s->headend->config.ledger, look_up, &l) != ERR_OK)
        return; /* it will ask again */
    bool same = hello->queue_epoch == s->done_epoch;
    /* A second HELLO in another epoch: it saw from our answer that its file had gone back in time.
     */
    if (!s->welcomed || hello->queue_epoch != s->taken_epoch) {
        s->taken_epoch = hello->queue_epoch;
        s->taken_seq = same ? s->done_seq : 0;
    }
    s->welcomed = true;
    struct uplink_message m = {.kind = UPLINK_WELCOME,
                               .welcome = {.wall = uplink_told(s->headend->now),
                                           .acked_epoch = hello->queue_epoch,
                                           .acked_seq = same ? s->done_seq : 0,
                                           .config_version = l.gateway.config_version}};
    say(s, &m);
    if (hello->config_version != l.gateway.config_version)
        headend_send_config(s);
    headend_send_commands(s);
    headend_note_hello(s, hello);
    s->updates = hello->updates;
    headend_send_update(s);
    s->permits = hello->permits;
    s->permit_change = 0; /* WELCOME ended what the gateway held */
    headend_send_permits(s);
}

struct configuration {
    int64_t gateway_id;
    struct uplink_config config;
};

static enum err read_config(struct store_tx *tx, void *arg)
{
    struct configuration *c = arg;
    return site_gateway_config(tx, c->gateway_id, &c->config);
}

static size_t share(size_t count, size_t part, size_t size, size_t *from)
{
    *from = part * size < count ? part * size : count;
    return count - *from < size ? count - *from : size;
}

static void send_part(struct headend_session *s, const struct uplink_config *c, size_t part,
                      size_t parts)
{
    size_t line, meter;
    struct uplink_message m = {
        .kind = UPLINK_CONFIG,
        .config = {.version = c->version, .part = (int64_t)part, .parts = (int64_t)parts}};
    m.config.line_count = share(c->line_count, part, CONFIG_PART_LINES, &line);
    m.config.meter_count = share(c->meter_count, part, CONFIG_PART_METERS, &meter);
    m.config.lines = c->lines + line;
    m.config.meters = c->meters + meter;
    say(s, &m);
}

void headend_send_config(struct headend_session *s)
{
    struct configuration c = {.gateway_id = s->gateway_id};
    mono_ms now = s->headend->now.mono;
    if (store_read(s->headend->config.ledger, read_config, &c) != ERR_OK)
        return;
    bool fresh = c.config.version != s->config_sent ||
                 mono_due(mono_after(s->config_at, CONFIG_AGAIN_MS), now);
    headend_hold(s);
    if (fresh) {
        size_t by_lines = (c.config.line_count + CONFIG_PART_LINES - 1) / CONFIG_PART_LINES;
        size_t by_meters = (c.config.meter_count + CONFIG_PART_METERS - 1) / CONFIG_PART_METERS;
        size_t parts = by_lines > by_meters ? by_lines : by_meters;
        parts = parts ? parts : 1;
        for (size_t i = 0; i < parts && s->state == HEADEND_LIVE; i++)
            send_part(s, &c.config, i, parts);
        s->config_sent = c.config.version;
        s->config_at = now;
    }
    site_config_free(&c.config);
    headend_flush(s);
    headend_release(s);
}

struct applied {
    struct headend_job job;
    int64_t version;
};

static enum err write_applied(struct store_tx *tx, void *arg)
{
    struct applied *a = arg;
    return site_gateway_applied(tx, a->job.session->gateway_id, a->version);
}

static void applied_done(void *arg, enum err result)
{
    (void)result; /* the configuration is sent again and applied again */
    free(arg);
}

static void note_applied(struct headend_session *s, int64_t version)
{
    struct applied *a = malloc(sizeof *a);
    MUST(a);
    *a = (struct applied){{s, write_applied, applied_done}, version};
    headend_submit(s->headend->config.ledger, &a->job);
}

struct line_note {
    struct headend_job job;
    wall_s now;
    size_t len;
    uint8_t raw[];
};

static enum err write_line(struct store_tx *tx, void *arg)
{
    const struct line_note *n = arg;
    const struct headend_session *s = n->job.session;
    struct site_gateway g;
    struct uplink_message m;
    TRY(site_gateway_get(tx, s->gateway_id, &g));
    if (g.boot_epoch != uplink_epoch(&s->link) || g.revoked)
        return ERR_UPLINK_EPOCH;
    TRY(uplink_message_decode(n->raw, n->len, s->headend->arena, &m));
    enum err e = headend_line_told(tx, &g, &m.line, (struct bytes){n->raw, n->len}, n->now);
    return e == ERR_NOT_FOUND || e == ERR_RANGE ? ERR_OK : e; /* a line that is gone; nonsense */
}

static void line_written(void *arg, enum err result)
{
    (void)result; /* the next one says it again */
    free(arg);
}

static void note_line(struct headend_session *s)
{
    struct bytes raw = uplink_last(&s->link);
    struct line_note *n = malloc(sizeof *n + raw.len);
    MUST(n);
    *n = (struct line_note){{s, write_line, line_written}, s->headend->now.wall, raw.len};
    memcpy(n->raw, raw.data, raw.len);
    headend_submit(s->headend->config.ledger, &n->job);
}

/* --- messages
 * --------------------------------------------------------------------------------------------- */

static void take_message(struct headend_session *s, const struct uplink_message *m)
{
    switch (m->kind) {
    case UPLINK_CLAIM:
        headend_claim(s, &m->claim);
        break;
    case UPLINK_HELLO:
        welcome(s, &m->hello);
        break;
    case UPLINK_APPLIED:
        note_applied(s, m->config_version);
        break;
    case UPLINK_LINE:
        if (s->welcomed)
            note_line(s);
        break;
    case UPLINK_PROGRAM:
        if (s->welcomed)
            headend_note_program(s, &m->program);
        break;
    case UPLINK_ASK:
        if (s->welcomed)
            headend_take_ask(s, &m->ask);
        break;
    case UPLINK_READINGS:
    case UPLINK_OUTCOME:
    case UPLINK_EVENT:
    case UPLINK_TRIP:
        if (s->welcomed)
            headend_take(s, m);
        break;
    default:
        break; /* PONG */
    }
}

static bool may_read_on(const struct headend_session *s)
{
    return (s->state == HEADEND_OPENING || s->state == HEADEND_LIVE) &&
           s->queued < HEADEND_QUEUE_MAX;
}

void headend_pump(struct headend_session *s)
{
    struct headend *h = s->headend;
    struct uplink_message m;
    bool more = true;
    headend_hold(s);
    while (more && may_read_on(s)) {
        switch (uplink_next(&s->link, h->now, h->arena, &m)) {
        case UPLINK_STEP_SECRET:
            ask_secret(s);
            break;
        case UPLINK_STEP_OPENED:
            if (uplink_gateway(&s->link) != 0) /* an unclaimed one has no epoch */
                boot(s);
            break;
        case UPLINK_STEP_MESSAGE:
            take_message(s, &m);
            break;
        default:
            more = false;
        }
    }
    headend_flush(s);
    headend_release(s);
}

void headend_data(struct headend *h, int64_t conn, struct uplink_now now, const uint8_t *data,
                  size_t len)
{
    h->now = now;
    struct headend_session *s = headend_find(h, conn);
    if (!s)
        return;
    enum err e = uplink_receive(&s->link, now, data, len);
    if (e != ERR_OK)
        headend_flush(s); /* too much at once: it is dead */
    else
        headend_pump(s);
}
