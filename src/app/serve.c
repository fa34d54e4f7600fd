/*
 * `yufu serve`: the platform as a process. Owns what the platform object must not: the loop, the
 * sockets, the certificates, the clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "app/commands.h"
#include "app/keys.h"
#include "app/options.h"
#include "app/platform/platform.h"
#include "auth/auth.h"
#include "base/must.h"
#include "io/io.h"
#include "io/log.h"
#include "uplink/update_file.h"

#define PATH_SIZE 4096

struct serve {
    struct io *io;
    struct keys keys;
    struct io_tls *tls;
    struct io_listener *listener;
    struct platform *platform;
    struct api *api;
    struct io_timer wake;
    struct link *links; /* live gateway connections */
    int64_t last_link;
    int exit_code;
};

/* One gateway's stream, known to the headend by its number. */
struct link {
    struct link *next;
    struct serve *serve;
    struct io_stream *stream;
    int64_t id;
    bool broken; /* more waited than it may hold: closed at the start of the next turn */
};

static struct uplink_now clock_of(const struct serve *s)
{
    return (struct uplink_now){.mono = io_mono_real(s->io),
                               .wall = io_wall_clock(s->io),
                               .suspended_ms = io_suspended_ms()};
}

static struct uplink_now now_of(const struct serve *s)
{
    return platform_now(s->platform, clock_of(s));
}

static int64_t clock_ahead(void *arg)
{
    return clock_of(arg).wall.s - now_of(arg).wall.s;
}

/* --- gateway connections ------------------------------------------------------------------------
 */

static struct link *find_link(struct serve *s, int64_t id)
{
    struct link *l = s->links;
    while (l && l->id != id)
        l = l->next;
    return l;
}

static void forget_link(struct link *gone)
{
    struct link **at = &gone->serve->links;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    free(gone);
}

static void link_received(void *arg, struct io_stream *stream, const uint8_t *data, size_t len)
{
    struct link *l = arg;
    (void)stream;
    headend_data(platform_headend(l->serve->platform), l->id, now_of(l->serve), data, len);
}

static void link_closed(void *arg, struct io_stream *stream, enum err why)
{
    struct link *l = arg;
    struct serve *s = l->serve;
    int64_t id = l->id;
    (void)stream;
    (void)why;
    forget_link(l);
    headend_closed(platform_headend(s->platform), id, now_of(s));
}

static const struct io_stream_events link_events = {.received = link_received,
                                                    .closed = link_closed};

static void link_accepted(void *arg, struct io_stream *stream)
{
    struct serve *s = arg;
    uint8_t certificate[32], random[HEADEND_RANDOM];
    bool shown = io_stream_certificate(stream, certificate);
    struct link *l = calloc(1, sizeof *l);
    if (!l) {
        io_stream_close(stream);
        return;
    }
    *l = (struct link){.next = s->links, .serve = s, .stream = stream, .id = ++s->last_link};
    io_random(random, sizeof random);
    s->links = l;
    io_stream_handle(stream, &link_events, l);
    const struct headend_peer peer = {
        .conn = l->id, .certificate_hash = shown ? certificate : NULL, .random = random};
    if (headend_open(platform_headend(s->platform), &peer, now_of(s)) != ERR_OK) {
        io_stream_close(stream);
        forget_link(l);
    }
}

static void send_link(void *ctx, int64_t id, const uint8_t *data, size_t len)
{
    struct link *l = find_link(ctx, id);
    if (l && io_stream_write(l->stream, data, len) != ERR_OK)
        l->broken = true;
}

static void close_link(void *ctx, int64_t id)
{
    struct link *l = find_link(ctx, id);
    if (!l)
        return;
    io_stream_close(l->stream);
    forget_link(l);
}

static void drop_broken_links(struct serve *s)
{
    for (struct link *l = s->links, *next; l; l = next) {
        next = l->next;
        if (!l->broken)
            continue;
        int64_t id = l->id;
        io_stream_abort(l->stream);
        forget_link(l);
        headend_closed(platform_headend(s->platform), id, now_of(s));
    }
}

/* --- what the platform borrows
 * --------------------------------------------------------------------- */

static uint64_t draw(void *ctx)
{
    uint64_t v;
    (void)ctx;
    io_random(&v, sizeof v);
    return v;
}

static enum err sign(void *ctx, const char *serial, struct bytes request, struct writer *pem,
                     uint8_t hash[32])
{
    struct serve *s = ctx;
    return keys_sign(&s->keys, serial, request, io_wall_real(s->io), pem, hash);
}

static void tell_account(void *ctx, int64_t account_id)
{
    api_notify_account(((struct serve *)ctx)->api, account_id);
}

static void tell_meter(void *ctx, int64_t meter_id)
{
    api_notify_meter(((struct serve *)ctx)->api, meter_id);
}

static void tell_event(void *ctx, int64_t event_id)
{
    api_notify_event(((struct serve *)ctx)->api, event_id);
}

static void tell_order(void *ctx, int64_t account_id, const char *order_id)
{
    api_notify_order(((struct serve *)ctx)->api, account_id, order_id);
}

/* --- the loop
 * --------------------------------------------------------------------------------------- */

static bool turn(void *arg)
{
    struct serve *s = arg;
    drop_broken_links(s);
    bool more = platform_turn(s->platform, clock_of(s));
    enum err e = platform_failure(s->platform);
    if (e != ERR_OK) {
        log_event(LOG_STORE_FAILED, LOG_E("error", e));
        s->exit_code = 1;
        io_stop(s->io);
    }
    io_timer_set_real(&s->wake, platform_wake(s->platform));
    return more;
}

static void woken(void *arg)
{
    (void)arg; /* the turn hook runs after every wake-up */
}

static void warn_of_legacy(void *ctx, const char *serial, wall_s until)
{
    (void)ctx;
    log_event(LOG_UPLINK_LEGACY, LOG_S("serial", serial), LOG_I("until", until.s));
}

static void stop(void *arg, int signal_number)
{
    (void)signal_number;
    io_stop(((struct serve *)arg)->io);
}

/* --- start
 * ------------------------------------------------------------------------------------------- */

struct serve_options {
    const char *data, *host, *http, *uplink_host, *uplink, *name, *secure, *web, *clock,
        *trust_clock, *keys;
};

static enum err listen_for_gateways(struct serve *s, const struct serve_options *o, int64_t port)
{
    TRY(io_tls_open(&s->tls, &(struct io_tls_options){.ca = pki_pem_bytes(&s->keys.ca),
                                                      .certificate = pki_pem_bytes(&s->keys.server),
                                                      .key = pki_pem_bytes(&s->keys.server_key),
                                                      .server = true}));
    return io_listen(s->io,
                     &(struct io_listen_options){.host = o->uplink_host,
                                                 .port = (uint16_t)port,
                                                 .tls = s->tls,
                                                 .accepted = link_accepted,
                                                 .arg = s},
                     &s->listener);
}

static enum err open_platform(struct serve *s, const char *data, bool trust_clock)
{
    char ledger[PATH_SIZE], readings[PATH_SIZE];
    snprintf(ledger, sizeof ledger, "%s/ledger.db", data);
    snprintf(readings, sizeof readings, "%s/readings.db", data);
    return platform_open(
        &s->platform,
        &(struct platform_options){.ledger_path = ledger,
                                   .readings_path = readings,
                                   .links = {.ctx = s, .send = send_link, .close = close_link},
                                   .ctx = s,
                                   .random = draw,
                                   .sign = sign,
                                   .speed = io_speed(s->io),
                                   .trust_clock = trust_clock,
                                   .legacy = warn_of_legacy},
        clock_of(s));
}

static enum err open_api(struct serve *s, const struct serve_options *o, int64_t port)
{
    TRY(api_open(&s->api,
                 &(struct api_options){.io = s->io,
                                       .ledger = platform_ledger(s->platform),
                                       .readings_store = platform_readings_store(s->platform),
                                       .readings = platform_readings(s->platform),
                                       .headend = platform_headend(s->platform),
                                       .host = o->host,
                                       .port = (uint16_t)port,
                                       .release_keys = o->keys,
                                       .web_root = o->web,
                                       .secure = o->secure != NULL,
                                       .version = YUFU_VERSION}));
    platform_watch_set(s->platform, &(struct platform_watch){.ctx = s,
                                                             .account = tell_account,
                                                             .meter = tell_meter,
                                                             .event = tell_event,
                                                             .order = tell_order});
    return ERR_OK;
}

static enum err make_admin(struct store_tx *tx, void *arg)
{
    return auth_first_admin(tx, arg);
}

/* A fresh installation has nobody who could log in. The password is said once, here, and nowhere
 * else: not in the log. */
static enum err first_admin(struct serve *s)
{
    char password[AUTH_ONE_TIME_SIZE];
    enum err e = store_run(platform_ledger(s->platform), make_admin, password);
    if (e == ERR_EXISTS)
        return ERR_OK;
    TRY(e);
    printf("first log-in: admin, one-time password %s\n", password);
    fflush(stdout);
    return ERR_OK;
}

static enum err start(struct serve *s, const struct serve_options *o)
{
    struct io_options io = {0};
    int64_t http = 0, uplink = 0;
    TRY(options_number(o->http, 0, 65535, &http));
    TRY(options_number(o->uplink, 0, 65535, &uplink));
    if (o->clock)
        TRY(io_clock_parse(o->clock, &io.clock));
    TRY(io_open(&s->io, &io));
    TRY(io_directory_make(o->data));
    TRY(io_directory_own(o->data));
    TRY(open_platform(s, o->data, o->trust_clock != NULL));
    io_wall_correct(s->io, clock_ahead, s);
    TRY(keys_load(&s->keys, o->data, o->name, io_wall_real(s->io)));
    TRY(first_admin(s));
    TRY(open_api(s, o, http));
    TRY(listen_for_gateways(s, o, uplink));
    TRY(io_on_signal(s->io, stop, s));
    io_timer_init(&s->wake, s->io, woken, s);
    io_timer_set_real(&s->wake, io_mono_real(s->io));
    io_on_turn(s->io, turn, s);
    return ERR_OK;
}

static void end(struct serve *s)
{
    if (s->platform)
        (void)platform_turn(s->platform, clock_of(s));
    if (s->listener)
        io_listener_close(s->listener);
    api_close(s->api);
    if (s->io)
        io_wall_correct(s->io, NULL, NULL);
    platform_close(s->platform);
    while (s->links) {
        io_stream_abort(s->links->stream);
        forget_link(s->links);
    }
    io_close(s->io);
    io_tls_close(s->tls);
}

int app_serve_main(int argc, char **argv)
{
    struct serve_options o = {.data = "data",
                              .host = "127.0.0.1",
                              .http = "8080",
                              .uplink = "8443",
                              .web = "web/dist",
                              .keys = UPDATE_KEYS};
    const struct option_row rows[] = {
        {"--data", "DIR", &o.data, "databases and certificates"},
        {"--host", "ADDRESS", &o.host, "listen here; anything but loopback must be asked for"},
        {"--http", "PORT", &o.http, "console and API; 0: any free port"},
        {"--uplink-host", "ADDRESS", &o.uplink_host, "listen here for gateways; default: --host"},
        {"--name", "A,B", &o.name, "what gateways call this machine; default: where it listens"},
        {"--secure", NULL, &o.secure,
         "people come by https through a front server: Secure cookies"},
        {"--uplink", "PORT", &o.uplink, "gateways, TLS 1.3; 0: any free port"},
        {"--web", "DIR", &o.web, "the built console"},
        {"--release-keys", "PEM", &o.keys, "public keys of releases: whose update files are taken"},
        {"--trust-clock", NULL, &o.trust_clock,
         "the clock is right, though it is far from what was written last"},
        {"--clock", "R,V,SPEED", &o.clock, "a clock that runs faster, for demonstrations"},
        {0}};
    int words;
    enum options_result r = options_parse(argc, argv, "[OPTION...]", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    if (!o.uplink_host)
        o.uplink_host = o.host;
    if (!o.name)
        o.name = strcmp(o.uplink_host, "127.0.0.1") == 0 ? "" : o.uplink_host;
    static struct serve s;
    enum err e = start(&s, &o);
    if (e == ERR_OK) {
        log_event(LOG_PROGRAM_START, LOG_S("program", "yufu serve"), LOG_S("version", YUFU_VERSION),
                  LOG_I("http", api_port(s.api)), LOG_I("uplink", io_listener_port(s.listener)));
        io_run(s.io);
        log_event(LOG_PROGRAM_STOP, LOG_S("program", "yufu serve"));
    } else {
        log_event(LOG_PROGRAM_REFUSED, LOG_E("error", e), LOG_S("text", err_text_en(e)));
        s.exit_code = 1;
    }
    end(&s);
    return s.exit_code;
}
