/*
 * A platform's end of the uplink and nothing else, for tests of gateways:
 *
 *   uplink_server DIR [line=NUMBER,ENDPOINT,BAUD] [meter=ID,LINE,ADDRESS,MODEL,CIRCUITS,CUSTOMER]
 * ...
 *
 * Makes a project CA and a server certificate in DIR (ca.pem, server.pem, server.key), listens on a
 * free port of loopback, and knows one gateway: serial GW-1, one-time code CODE-1, with the lines
 * and meters given. Says what happens on standard output, and takes orders on standard input:
 *
 *   vend ID METER N FEN
 *   relay ID METER CIRCUIT VERSION OPEN     OPEN 1 or 0; a cut is good for 60 s
 *   fence ID
 *   drop                                    ends all connections without a word
 *   end
 *
 * Commands are sent once: whether to repeat them is the test's business.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "io/io.h"
#include "io/pki.h"
#include "uplink/uplink.h"

static _Alignas(16) uint8_t arena[UPLINK_ARENA];

#define SITE_LINES 16
#define SITE_METERS 1024

struct session {
    struct session *next;
    struct io_stream *stream; /* NULL: ended */
    struct uplink uplink;
    bool opened;
    int number;
};

static struct {
    struct io *io;
    struct io_tls *tls;
    struct pki_pem ca, ca_key, certificate, key;
    struct uplink_config_line lines[SITE_LINES];
    struct uplink_config_meter meters[SITE_METERS];
    size_t line_count, meter_count;
    struct session *sessions;
    int count;
    bool code_used;
    uint8_t secret[UPLINK_SECRET];
    int64_t known_epoch;
    char input[256];
    size_t input_len;
} server;

static struct uplink_now now(void)
{
    return (struct uplink_now){io_mono_real(server.io), io_wall(server.io)};
}

static void flush(struct session *s)
{
    struct bytes out = uplink_output(&s->uplink);
    if (s->stream == NULL || out.len == 0)
        return;
    if (io_stream_write(s->stream, out.data, out.len) == ERR_OK)
        uplink_output_taken(&s->uplink, out.len);
}

static void say(struct session *s, const struct uplink_message *m)
{
    enum err e = uplink_send(&s->uplink, m);
    MUST(e == ERR_OK || e == ERR_STATE);
    flush(s);
}

static void end_session(struct session *s, enum err why)
{
    flush(s);
    printf("refused session=%d error=%s\n", s->number, err_name(why));
    if (s->stream != NULL)
        io_stream_close(s->stream);
    s->stream = NULL;
    s->opened = false;
    uplink_close(&s->uplink);
}

static void claim(struct session *s, const struct uplink_claim *c)
{
    struct uplink_message m = {.kind = UPLINK_CLAIMED};
    struct pki_pem certificate;
    struct pki_sign by = {&server.ca, &server.ca_key, "GW-1", io_wall_real(server.io), 366};
    bool right = strcmp(c->serial, "GW-1") == 0 && strcmp(c->code, "CODE-1") == 0;
    if (!right || server.code_used || pki_request_sign(&by, c->request, &certificate) != ERR_OK) {
        printf("claim-refused serial=%s\n", c->serial);
        strcpy(m.claimed.refusal, "NOT_FOUND");
        say(s, &m);
        return;
    }
    server.code_used = true;
    io_random(server.secret, sizeof server.secret);
    m.claimed.gateway_id = 1;
    m.claimed.secret = (struct bytes){server.secret, sizeof server.secret};
    m.claimed.certificate = pki_pem_bytes(&certificate);
    printf("claimed serial=%s\n", c->serial);
    say(s, &m);
}

/* The lines go with the first part. */
static void say_config(struct session *s)
{
    size_t parts = 1 + server.meter_count / UPLINK_CONFIG_METERS_MAX;
    for (size_t part = 0; part < parts; part++) {
        size_t first = part * UPLINK_CONFIG_METERS_MAX, rest = server.meter_count - first;
        struct uplink_message m = {.kind = UPLINK_CONFIG,
                                   .config = {.version = 1,
                                              .part = (int64_t)part,
                                              .parts = (int64_t)parts,
                                              .lines = server.lines,
                                              .line_count = part == 0 ? server.line_count : 0,
                                              .meters = server.meters + first,
                                              .meter_count = rest < UPLINK_CONFIG_METERS_MAX
                                                                 ? rest
                                                                 : UPLINK_CONFIG_METERS_MAX}};
        say(s, &m);
    }
}

static void greet(struct session *s, const struct uplink_hello *h)
{
    struct uplink_message m = {.kind = UPLINK_WELCOME,
                               .welcome = {.wall = now().wall, .config_version = 1}};
    printf("hello session=%d config=%" PRId64 " trusted=%d program=\"%s\"\n", s->number,
           h->config_version, h->wall_trusted, h->program);
    say(s, &m);
    if (h->config_version == 1 || server.line_count == 0)
        return;
    say_config(s);
}

static void acknowledge(struct session *s, const struct uplink_message *m)
{
    struct uplink_message ack = {.kind = UPLINK_ACK, .ack = {m->epoch, m->seq}};
    say(s, &ack);
}

static void print_outcome(const struct uplink_outcome *o)
{
    printf("outcome command=%" PRId64 " status=%d meter=%" PRId64 " sent=%d reply=%d count=%" PRId64
           " record_n=%" PRId64 " record_fen=%" PRId64 " purchased=%" PRId64 " balance=%" PRId64
           " relay=%" PRId64 "\n",
           o->command_id, (int)o->status, o->meter_id, o->sent, (int)o->reply, o->count,
           o->record_n, o->record_amount_fen, o->purchased_fen, o->balance_fen, o->relay_open);
}

static void print_readings(const struct uplink_readings *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct uplink_reading *one = &r->readings[i];
        printf("reading meter=%" PRId64, one->meter_id);
        for (size_t p = 0; p < one->point_count; p++)
            printf(" p%" PRId64 "=%" PRId64, one->points[p].point, one->points[p].value);
        printf("\n");
    }
}

static void take(struct session *s, const struct uplink_message *m)
{
    switch (m->kind) {
    case UPLINK_CLAIM:
        claim(s, &m->claim);
        break;
    case UPLINK_HELLO:
        greet(s, &m->hello);
        break;
    case UPLINK_APPLIED:
        printf("applied session=%d version=%" PRId64 "\n", s->number, m->config_version);
        break;
    case UPLINK_OUTCOME:
        print_outcome(&m->outcome);
        acknowledge(s, m);
        break;
    case UPLINK_READINGS:
        print_readings(&m->readings);
        acknowledge(s, m);
        break;
    case UPLINK_EVENT:
        printf("event kind=%d line=%" PRId64 "\n", (int)m->event.kind, m->event.line);
        acknowledge(s, m);
        break;
    default:
        printf("message kind=%d\n", (int)m->kind);
        if (m->seq != 0)
            acknowledge(s, m);
    }
}

static void opened(struct session *s)
{
    if (uplink_gateway(&s->uplink) == 0)
        return;
    if (uplink_epoch(&s->uplink) <= server.known_epoch) {
        uplink_refuse(&s->uplink, ERR_UPLINK_EPOCH, server.known_epoch);
        return;
    }
    server.known_epoch = uplink_epoch(&s->uplink);
    for (struct session *old = server.sessions; old != NULL; old = old->next)
        if (old != s && old->opened) {
            uplink_refuse(&old->uplink, ERR_UPLINK_EPOCH, server.known_epoch);
            end_session(old, ERR_UPLINK_EPOCH);
        }
    s->opened = true;
    printf("opened session=%d epoch=%" PRId64 "\n", s->number, server.known_epoch);
}

static void work(struct session *s)
{
    while (s->stream != NULL) {
        struct uplink_message m;
        enum uplink_step step = uplink_next(&s->uplink, now(), arena, &m);
        enum err e = ERR_OK;
        if (step == UPLINK_STEP_SECRET && (uplink_gateway(&s->uplink) != 1 || !server.code_used))
            uplink_refuse(&s->uplink, ERR_NOT_FOUND, 0);
        else if (step == UPLINK_STEP_SECRET)
            e = uplink_accept(&s->uplink, server.secret, server.known_epoch);
        else if (step == UPLINK_STEP_OPENED)
            opened(s);
        else if (step == UPLINK_STEP_MESSAGE)
            take(s, &m);
        if (e != ERR_OK || step == UPLINK_STEP_DEAD)
            end_session(s, uplink_error(&s->uplink));
        else
            flush(s);
        if (step == UPLINK_STEP_IDLE)
            return;
    }
}

static void on_received(void *arg, struct io_stream *stream, const uint8_t *data, size_t len)
{
    struct session *s = arg;
    (void)stream;
    if (uplink_receive(&s->uplink, now(), data, len) == ERR_OK)
        work(s);
    else
        end_session(s, uplink_error(&s->uplink));
}

static void on_closed(void *arg, struct io_stream *stream, enum err why)
{
    struct session *s = arg;
    (void)stream;
    printf("closed session=%d error=%s\n", s->number, err_name(why));
    s->stream = NULL;
    s->opened = false;
    uplink_close(&s->uplink);
}

static void on_accepted(void *arg, struct io_stream *stream)
{
    static const struct io_stream_events EVENTS = {.received = on_received, .closed = on_closed};
    uint8_t random[UPLINK_RANDOM], seen[32];
    struct session *s = calloc(1, sizeof *s);
    (void)arg;
    MUST(s != NULL);
    s->stream = stream;
    s->number = ++server.count;
    s->next = server.sessions;
    server.sessions = s;
    io_random(random, sizeof random);
    uplink_server_init(&s->uplink, random, now());
    io_stream_handle(stream, &EVENTS, s);
    printf("accepted session=%d certificate=%s\n", s->number,
           io_stream_certificate(stream, seen) ? "shown" : "none");
}

/* permit ACCOUNT METER REGISTER LEFT: a permission of a day, from now on, at any hour. */
static bool parse_permit(const char *text, struct uplink_message *m)
{
    static struct uplink_permit_window window;
    static struct uplink_permit_meter meter;
    wall_s at = now().wall;
    *m = (struct uplink_message){.kind = UPLINK_PERMIT};
    struct uplink_permit *p = &m->permit;
    if (sscanf(text, "permit %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &p->account_id,
               &meter.meter_id, &meter.register_wh, &p->left_wh) != 4)
        return false;
    meter.epoch = meter.ratio = 1;
    meter.command_id = meter.version = 1000 + meter.meter_id;
    meter.rise_per_hour = 66'000;
    p->at = p->valid_from = window.from = at;
    p->valid_until.s = window.until.s = at.s + 86'400;
    p->windows = &window;
    p->meters = &meter;
    p->window_count = p->meter_count = 1;
    return true;
}

/* False: not a message. */
static bool parse_order(const char *text, struct uplink_message *m)
{
    struct uplink_command *c = &m->command;
    int open = 0;
    *m = (struct uplink_message){.kind = UPLINK_COMMAND, .command = {.epoch = 1}};
    if (sscanf(text, "fence %" SCNd64, &c->id) == 1) {
        *m = (struct uplink_message){.kind = UPLINK_FENCE, .fence_id = c->id};
        return true;
    }
    c->kind = UPLINK_VEND;
    if (sscanf(text, "vend %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &c->id, &c->meter_id,
               &c->n, &c->amount_fen) == 4)
        return true;
    c->kind = UPLINK_RELAY;
    if (sscanf(text, "relay %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %d", &c->id,
               &c->meter_id, &c->circuit, &c->version, &open) != 5)
        return false;
    c->open = open == 1;
    c->not_after = c->open ? (wall_s){now().wall.s + 60} : (wall_s){0};
    return true;
}

static void drop(struct session *s)
{
    if (s->stream == NULL)
        return;
    io_stream_abort(s->stream);
    s->stream = NULL;
    s->opened = false;
    uplink_close(&s->uplink);
}

static void order(const char *text)
{
    struct uplink_message m;
    bool message = parse_order(text, &m) || parse_permit(text, &m);
    for (struct session *s = server.sessions; s != NULL; s = s->next) {
        if (message && s->opened)
            say(s, &m);
        else if (strcmp(text, "drop") == 0)
            drop(s);
    }
    if (strcmp(text, "end") == 0)
        io_stop(server.io);
}

static void on_input(void *arg)
{
    (void)arg;
    ssize_t n =
        read(0, server.input + server.input_len, sizeof server.input - server.input_len - 1);
    if (n <= 0) {
        io_stop(server.io);
        return;
    }
    server.input_len += (size_t)n;
    server.input[server.input_len] = '\0';
    for (char *end; (end = strchr(server.input, '\n')) != NULL;) {
        *end = '\0';
        order(server.input);
        server.input_len -= (size_t)(end + 1 - server.input);
        memmove(server.input, end + 1, server.input_len + 1);
    }
}

static bool parse_site(const char *text)
{
    struct uplink_config_line *l = &server.lines[server.line_count];
    struct uplink_config_meter *m = &server.meters[server.meter_count];
    l->parity = 'E';
    m->epoch = 1;
    if (sscanf(text, "line=%" SCNd64 ",%63[^,],%" SCNd64, &l->number, l->endpoint, &l->baud) == 3)
        return ++server.line_count < SITE_LINES;
    return sscanf(text, "meter=%" SCNd64 ",%" SCNd64 ",%15[^,],%31[^,],%" SCNd64 ",%12[^,]",
                  &m->meter_id, &m->line, m->address, m->model, &m->circuits,
                  m->customer_number) == 6 &&
           ++server.meter_count < SITE_METERS;
}

static enum err save(const char *dir, const char *name, const struct pki_pem *pem)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return io_file_write(path, pki_pem_bytes(pem), 0600);
}

static enum err start(const char *dir)
{
    wall_s today;
    struct io_listener *listener;
    struct io_watch *input;
    TRY(io_open(&server.io, &(struct io_options){0}));
    today = io_wall_real(server.io);
    TRY(io_directory_make(dir));
    TRY(pki_ca_make("test CA", today, &server.ca, &server.ca_key));
    TRY(pki_server_make(&server.ca, &server.ca_key, "localhost,127.0.0.1", today,
                        &server.certificate, &server.key));
    TRY(save(dir, "ca.pem", &server.ca));
    TRY(save(dir, "server.pem", &server.certificate));
    TRY(save(dir, "server.key", &server.key));
    TRY(io_tls_open(&server.tls,
                    &(struct io_tls_options){.ca = pki_pem_bytes(&server.ca),
                                             .certificate = pki_pem_bytes(&server.certificate),
                                             .key = pki_pem_bytes(&server.key),
                                             .server = true}));
    TRY(io_listen(server.io,
                  &(struct io_listen_options){.tls = server.tls, .accepted = on_accepted},
                  &listener));
    TRY(io_watch_open(server.io, 0, on_input, NULL, &input));
    printf("listening port=%u\n", io_listener_port(listener));
    return ERR_OK;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    bool good = argc > 1;
    for (int i = 2; i < argc; i++)
        good = parse_site(argv[i]) && good;
    enum err e = good ? start(argv[1]) : ERR_SYNTAX;
    if (e != ERR_OK) {
        fprintf(stderr, "uplink_server: %s\n", err_name(e));
        return 1;
    }
    io_run(server.io);
    while (server.sessions != NULL) {
        struct session *s = server.sessions;
        server.sessions = s->next;
        if (s->stream != NULL)
            uplink_close(&s->uplink);
        free(s);
    }
    io_close(server.io);
    io_tls_close(server.tls);
    return 0;
}
