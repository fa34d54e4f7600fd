#include <stdlib.h>
#include <string.h>

#include "app/gateway/gateway_program.h"
#include "base/must.h"
#include "base/rand.h"
#include "io/log.h"

#define PAUSE_FIRST_MS 1'000
#define PAUSE_LAST_MS 60'000
#define CA_MAX (64 * 1024)
/* Stop asking the engine for more while so much still waits to be sent. */
#define OUTPUT_ENOUGH (128 * 1024)
#define CLOCK_SLACK_MS 1'500 /* told time is in whole seconds: less is no news */

static void connect_now(void *arg);

static struct uplink_now link_now(const struct program *p)
{
    return (struct uplink_now){io_mono_real(p->io), program_now(p).wall};
}

/* ---- identity ------------------------------------------------------------------------------- */

static enum err get(struct program *p, const char *name, uint8_t *out, size_t cap, size_t *len)
{
    *len = 0;
    enum err e = gateway_setting_get(p->gateway, name, out, cap, len);
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err put(struct program *p, const char *name, const void *data, size_t len)
{
    return gateway_setting_put(p->gateway, name, (struct bytes){data, len});
}

static enum err make_key(struct program *p)
{
    struct identity *i = &p->link.identity;
    TRY(pki_key_make(&i->key));
    TRY(put(p, "serial", p->link.serial, strlen(p->link.serial)));
    return put(p, "key", i->key.text, i->key.len);
}

/* A data folder belongs to one serial: a copied card must not speak for two gateways. */
static enum err check_serial(struct program *p)
{
    char serial[UPLINK_TEXT_MAX];
    size_t len;
    TRY(get(p, "serial", (uint8_t *)serial, sizeof serial, &len));
    bool same = len == strlen(p->link.serial) && memcmp(serial, p->link.serial, len) == 0;
    return len == 0 || same ? ERR_OK : ERR_STATE;
}

static enum err load_identity(struct program *p)
{
    struct identity *i = &p->link.identity;
    uint8_t id[8];
    size_t len;
    TRY(check_serial(p));
    TRY(get(p, "key", (uint8_t *)i->key.text, sizeof i->key.text - 1, &i->key.len));
    if (i->key.len == 0)
        return make_key(p);
    TRY(get(p, "gateway_id", id, sizeof id, &len));
    if (len == 0)
        return ERR_OK;
    struct reader r = reader_of(id, len);
    int64_t gateway_id = (int64_t)reader_u64be(&r);
    TRY(r.err);
    TRY(get(p, "secret", i->secret, sizeof i->secret, &len));
    TRY(get(p, "certificate", i->certificate, sizeof i->certificate, &i->certificate_len));
    if (len != UPLINK_SECRET || i->certificate_len == 0)
        return ERR_STORE_CORRUPT;
    i->gateway_id = gateway_id;
    return ERR_OK;
}

/* The id goes last: with it the identity is whole. */
static enum err store_identity(struct program *p, const struct uplink_claimed *c)
{
    uint8_t id[8];
    struct writer w = writer_of(id, sizeof id);
    writer_u64be(&w, (uint64_t)c->gateway_id);
    TRY(put(p, "secret", c->secret.data, c->secret.len));
    TRY(put(p, "certificate", c->certificate.data, c->certificate.len));
    TRY(put(p, "gateway_id", id, sizeof id));
    return load_identity(p);
}

static enum err open_tls(struct program *p)
{
    struct link *l = &p->link;
    struct io_tls_options o = {.ca = l->ca};
    if (l->identity.gateway_id != 0) {
        o.certificate = (struct bytes){l->identity.certificate, l->identity.certificate_len};
        o.key = pki_pem_bytes(&l->identity.key);
    }
    io_tls_close(l->tls);
    l->tls = NULL;
    return io_tls_open(&l->tls, &o);
}

/* ---- pauses between attempts ---------------------------------------------------------------- */

/* Growing, and jittered: a thousand gateways that lost one platform shall not come back at once. */
static void retry_later(struct program *p)
{
    struct link *l = &p->link;
    struct rand_stream r;
    io_random(&r, sizeof r);
    int64_t pause = l->pause_ms / 2 + (int64_t)rand_below(&r, (uint64_t)l->pause_ms);
    l->pause_ms = l->pause_ms * 2 < PAUSE_LAST_MS ? l->pause_ms * 2 : PAUSE_LAST_MS;
    io_timer_set_real(&l->retry, mono_after(io_mono_real(p->io), pause));
}

static enum err jump(struct store_tx *tx, void *arg)
{
    return store_exec(tx,
                      "INSERT INTO sequence (name, last) VALUES ('boot_epoch', $1) "
                      "ON CONFLICT (name) DO UPDATE SET last = excluded.last "
                      "WHERE excluded.last > sequence.last",
                      "i", *(int64_t *)arg);
}

/* Our database is older than what the platform remembers (a restored copy): go above that. */
static void catch_up(struct program *p)
{
    int64_t known = uplink_refused_epoch(&p->link.session);
    if (uplink_error(&p->link.session) != ERR_UPLINK_EPOCH || known == 0)
        return;
    enum err e = store_run(p->store, jump, &known);
    if (e != ERR_OK)
        log_event(LOG_STORE_FAILED, LOG_E("error", e));
}

static void end_session(struct program *p, enum err why)
{
    struct link *l = &p->link;
    if (l->has_session) {
        catch_up(p);
        uplink_close(&l->session);
    }
    if (l->opened)
        gateway_uplink_closed(p->gateway);
    bool refused = err_class_of(why) != ERR_CLASS_RETRY && why != ERR_OK;
    l->refused = refused && why != ERR_IO_ADDRESS;
    log_event(refused ? LOG_UPLINK_REFUSED : LOG_UPLINK_LOST, LOG_S("platform", l->host),
              LOG_I("port", l->port), LOG_E("error", why));
    l->has_session = l->opened = false;
    fetch_welcomed(p, false);
    io_timer_stop(&l->silence);
    retry_later(p);
}

/* ---- messages ------------------------------------------------------------------------------- */

static void take_clock(struct program *p, wall_s told)
{
    if (told.s == 0)
        return; /* the platform doubts its own clock */
    int64_t wrong_ms = program_now(p).wall.s * 1000 - told.s * 1000;
    int64_t slack_ms = CLOCK_SLACK_MS * io_speed(p->io) * p->day_speed;
    bool slack = wrong_ms <= slack_ms && wrong_ms >= -slack_ms;
    if (p->clock.trusted && slack)
        return;
    bool first = !p->clock.trusted;
    if (!slack) { /* one that agrees is kept with its milliseconds */
        p->clock.wall_ms = told.s * 1000;
        p->clock.mono = io_mono(p->io);
    }
    p->clock.trusted = true;
    if (first) {
        struct gateway_now now = program_now(p);
        gateway_clock_known(p->gateway, &now, slack ? 0 : -wrong_ms / 1000);
    }
    log_event(LOG_UPLINK_CLOCK, LOG_I("wall", told.s), LOG_I("was_ahead_ms", wrong_ms));
}

static void take_claimed(struct program *p, const struct uplink_claimed *c)
{
    struct link *l = &p->link;
    enum err e = ERR_OK;
    if (c->gateway_id <= 0 || c->secret.len != UPLINK_SECRET || c->certificate.len == 0) {
        log_event(LOG_GATEWAY_CLAIM_REFUSED, LOG_S("serial", l->serial),
                  LOG_S("error", c->refusal[0] == '\0' ? "SYNTAX" : c->refusal));
        l->pause_ms = PAUSE_LAST_MS; /* a wrong code does not get right by hurry */
    } else {
        e = store_identity(p, c);
        if (e == ERR_OK)
            e = open_tls(p);
        if (e == ERR_OK)
            log_event(LOG_GATEWAY_CLAIMED, LOG_S("serial", l->serial),
                      LOG_I("gateway", l->identity.gateway_id));
        else
            log_event(LOG_GATEWAY_CLAIM_REFUSED, LOG_S("serial", l->serial), LOG_E("error", e));
        l->pause_ms = PAUSE_FIRST_MS / 4;
    }
    io_stream_close(l->stream);
    l->stream = NULL;
    uplink_close(&l->session);
    l->has_session = l->opened = false;
    io_timer_stop(&l->silence);
    retry_later(p);
}

static void take_message(struct program *p, const struct uplink_message *m)
{
    struct gateway_now now;
    if (m->kind == UPLINK_CLAIMED) {
        take_claimed(p, &m->claimed);
        return;
    }
    if (m->kind == UPLINK_WELCOME)
        take_clock(p, m->welcome.wall);
    if (m->kind == UPLINK_PONG)
        take_clock(p, m->wall);
    if (m->kind == UPLINK_UPDATE || m->kind == UPLINK_BLOCK) {
        fetch_take(p, m);
        return;
    }
    if (m->kind == UPLINK_WELCOME)
        fetch_welcomed(p, true);
    if (m->kind == UPLINK_WELCOME)
        p->link.pause_ms = PAUSE_FIRST_MS; /* it works: the next loss is a new story */
    if (m->kind == UPLINK_COMMAND)
        log_event(LOG_GATEWAY_COMMAND, LOG_I("command", m->command.id),
                  LOG_I("kind", m->command.kind), LOG_I("meter", m->command.meter_id));
    if (m->kind == UPLINK_FENCE)
        log_event(LOG_GATEWAY_COMMAND, LOG_I("fence", m->fence_id));
    if (m->kind == UPLINK_PONG || m->kind == UPLINK_PING)
        return;
    now = program_now(p);
    enum err e = gateway_uplink_message(p->gateway, &now, m);
    if (e != ERR_OK)
        log_event(LOG_GATEWAY_MESSAGE_REFUSED, LOG_I("kind", m->kind), LOG_E("error", e));
}

static void send_claim(struct program *p)
{
    struct link *l = &p->link;
    struct uplink_message m = {.kind = UPLINK_CLAIM};
    struct pki_request request;
    enum err e = pki_request_make(&l->identity.key, l->serial, &request);
    strncpy(m.claim.serial, l->serial, sizeof m.claim.serial - 1);
    strncpy(m.claim.code, l->claim_code == NULL ? "" : l->claim_code, sizeof m.claim.code - 1);
    m.claim.request = (struct bytes){request.der, request.len};
    if (e == ERR_OK)
        e = uplink_send(&l->session, &m);
    if (e != ERR_OK)
        log_event(LOG_GATEWAY_CLAIM_REFUSED, LOG_S("serial", l->serial), LOG_E("error", e));
    else
        log_event(LOG_GATEWAY_CLAIMING, LOG_S("serial", l->serial));
}

static void session_opened(struct program *p)
{
    struct link *l = &p->link;
    struct gateway_now now = program_now(p);
    if (l->identity.gateway_id == 0) {
        send_claim(p);
        return;
    }
    l->opened = true;
    gateway_uplink_connected(p->gateway, &now);
    log_event(LOG_UPLINK_CONNECTED, LOG_S("platform", io_stream_peer(l->stream)),
              LOG_I("gateway", uplink_gateway(&l->session)),
              LOG_I("epoch", uplink_epoch(&l->session)));
    if (uplink_is_legacy(&l->session))
        log_event(LOG_UPLINK_LEGACY, LOG_S("platform", io_stream_peer(l->stream)));
}

static void log_outgoing(struct bytes message)
{
    static _Alignas(16) uint8_t arena[UPLINK_ARENA];
    struct uplink_message m;
    if (uplink_message_decode(message.data, message.len, arena, &m) == ERR_OK &&
        m.kind == UPLINK_OUTCOME)
        log_event(LOG_GATEWAY_OUTCOME, LOG_I("command", m.outcome.command_id),
                  LOG_I("kind", m.outcome.kind), LOG_I("status", m.outcome.status),
                  LOG_I("meter", m.outcome.meter_id), LOG_I("seq", m.seq));
}

static void pull_messages(struct program *p)
{
    struct link *l = &p->link;
    struct gateway_now now = program_now(p);
    struct bytes message;
    while (l->opened && uplink_output(&l->session).len < OUTPUT_ENOUGH &&
           io_stream_waiting(l->stream) < OUTPUT_ENOUGH &&
           gateway_next_uplink(p->gateway, &now, &message)) {
        enum err e = uplink_send_encoded(&l->session, message);
        if (e == ERR_OK) {
            log_outgoing(message);
            continue;
        }
        /* Not sent, and the engine believes it is: only a new session puts that right. */
        log_event(LOG_UPLINK_REFUSED, LOG_E("error", e));
        uplink_refuse(&l->session, e, 0);
        return;
    }
}

static void write_output(struct program *p)
{
    struct link *l = &p->link;
    struct bytes out = uplink_output(&l->session);
    if (out.len == 0)
        return;
    if (io_stream_write(l->stream, out.data, out.len) == ERR_OK)
        uplink_output_taken(&l->session, out.len);
    /* else: it is closing, and `closed` will come; or it is full, and the next turn tries again */
}

static void read_messages(struct program *p)
{
    static _Alignas(16) uint8_t arena[UPLINK_ARENA];
    struct link *l = &p->link;
    while (l->has_session) {
        struct uplink_message m;
        switch (uplink_next(&l->session, link_now(p), arena, &m)) {
        case UPLINK_STEP_OPENED:
            session_opened(p);
            break;
        case UPLINK_STEP_MESSAGE:
            take_message(p, &m);
            break;
        default: /* IDLE; DEAD is seen by link_turn */
            return;
        }
    }
}

/* ---- the stream ----------------------------------------------------------------------------- */

static void drop_stream(struct program *p, enum err why)
{
    io_stream_close(p->link.stream);
    p->link.stream = NULL;
    end_session(p, why);
}

static void on_opened(void *arg, struct io_stream *s)
{
    struct program *p = arg;
    struct link *l = &p->link;
    uint8_t random[UPLINK_RANDOM];
    struct uplink_client client = {.gateway_id = l->identity.gateway_id,
                                   .secret = l->identity.secret,
                                   .random = random,
                                   .legacy = l->legacy};
    (void)s;
    io_random(random, sizeof random);
    if (client.gateway_id != 0) {
        enum err e = gateway_next_boot_epoch(p->gateway, &client.epoch);
        if (e == ERR_OK && client.epoch > UPLINK_EPOCH_MAX)
            e = ERR_UPLINK_EPOCH; /* used up: claim anew */
        if (e != ERR_OK) {
            drop_stream(p, e);
            return;
        }
    }
    uplink_client_init(&l->session, &client, link_now(p));
    l->has_session = true;
}

static void on_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    struct program *p = arg;
    (void)s;
    if (uplink_receive(&p->link.session, link_now(p), data, len) == ERR_OK)
        read_messages(p);
}

static void on_closed(void *arg, struct io_stream *s, enum err why)
{
    struct program *p = arg;
    struct link *l = &p->link;
    (void)s;
    l->stream = NULL;
    /* The session may know better why: the platform says the reason before it closes. */
    enum err of_session = l->has_session ? uplink_error(&l->session) : ERR_OK;
    end_session(p, of_session != ERR_OK ? of_session : why);
}

static const struct io_stream_events EVENTS = {
    .opened = on_opened, .received = on_received, .closed = on_closed};

static void connect_now(void *arg)
{
    struct program *p = arg;
    struct link *l = &p->link;
    struct io_connect_options o = {
        .host = l->host, .port = l->port, .tls = l->tls, .events = &EVENTS, .arg = p};
    enum err e = io_connect(p->io, &o, &l->stream);
    if (e != ERR_OK) {
        l->stream = NULL;
        end_session(p, e);
    }
}

static void on_silence(void *arg)
{
    struct program *p = arg;
    if (p->link.has_session)
        uplink_tick(&p->link.session, link_now(p));
}

/* ---- the link ------------------------------------------------------------------------------- */

enum err link_open(struct program *p)
{
    struct link *l = &p->link;
    l->pause_ms = PAUSE_FIRST_MS;
    io_timer_init(&l->retry, p->io, connect_now, p);
    io_timer_init(&l->silence, p->io, on_silence, p);
    TRY(io_file_read(l->ca_path, CA_MAX, &l->ca));
    TRY(load_identity(p));
    TRY(open_tls(p));
    io_timer_set_real(&l->retry, io_mono_real(p->io));
    return ERR_OK;
}

void link_turn(struct program *p)
{
    struct link *l = &p->link;
    if (!l->has_session) {
        fetch_turn(p); /* what is here may be applied all the same */
        return;
    }
    pull_messages(p);
    fetch_turn(p);
    write_output(p);
    enum err e = uplink_error(&l->session);
    if (e != ERR_OK) {
        drop_stream(p, e);
        return;
    }
    io_timer_set_real(&l->silence, uplink_wake(&l->session));
}

void link_close(struct program *p)
{
    struct link *l = &p->link;
    if (l->stream != NULL)
        io_stream_close(l->stream);
    l->stream = NULL;
    if (l->has_session)
        uplink_close(&l->session);
    l->has_session = l->opened = false;
    io_timer_stop(&l->retry);
    io_timer_stop(&l->silence);
    io_file_free(&l->ca);
}
