/* Units that dial in: the listener, and which stream is whose. */
#include <stdlib.h>
#include <string.h>

#include "app/gateway/gateway_program.h"
#include "base/must.h"
#include "io/log.h"

/* Each line's unit, and one more of each that comes back before its old connection is given up. */
#define STREAMS_MAX ((size_t)2 * UPLINK_CONFIG_LINES_MAX)

struct inbound {
    struct inbound *next;
    struct io_stream *stream;
    struct program *program;
    int64_t id;
};

static mono_ms real_now(const struct program *p)
{
    return io_mono_real(p->io);
}

/* ---- streams -------------------------------------------------------------------------------- */

static struct inbound *find(struct program *p, int64_t id)
{
    struct inbound *in = p->dialin.streams;
    while (in != NULL && in->id != id)
        in = in->next;
    return in;
}

static void release(struct inbound *in)
{
    struct inbound **at = &in->program->dialin.streams;
    while (*at != in)
        at = &(*at)->next;
    *at = in->next;
    free(in);
}

static void on_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    struct inbound *in = arg;
    struct gateway_now now = program_now(in->program);
    (void)s;
    dialin_time_set(in->program->dialin.engine, now.wall, in->program->offset_s);
    dialin_data(in->program->dialin.engine, in->id, real_now(in->program), data, len);
}

static void on_closed(void *arg, struct io_stream *s, enum err why)
{
    struct inbound *in = arg;
    (void)s;
    (void)why; /* lines tell their own end */
    dialin_closed(in->program->dialin.engine, in->id, real_now(in->program));
    release(in);
}

static const struct io_stream_events EVENTS = {.received = on_received, .closed = on_closed};

static void on_accepted(void *arg, struct io_stream *s)
{
    struct program *p = arg;
    struct inbound *in = calloc(1, sizeof *in);
    MUST(in != NULL);
    *in = (struct inbound){p->dialin.streams, s, p, ++p->dialin.last_id};
    p->dialin.streams = in;
    io_stream_handle(s, &EVENTS, in);
    uint8_t random[DIALIN_RANDOM];
    io_random(random, sizeof random);
    dialin_open(p->dialin.engine, in->id, real_now(p), random);
}

/* ---- what the engine does ------------------------------------------------------------------- */

static void do_send(void *ctx, int64_t conn, const uint8_t *data, size_t len)
{
    struct inbound *in = find(ctx, conn);
    /* A stream that takes nothing any more is noticed by its end; the bus asks again. */
    if (in != NULL && io_stream_write(in->stream, data, len) != ERR_OK)
        log_event(LOG_LINE_DOWN, LOG_S("peer", io_stream_peer(in->stream)),
                  LOG_E("error", ERR_FULL));
}

static void do_close(void *ctx, int64_t conn)
{
    struct inbound *in = find(ctx, conn);
    if (in == NULL)
        return;
    io_stream_close(in->stream);
    release(in);
}

static void do_up(void *ctx, int64_t line)
{
    ports_dialin_status(ctx, line, true, ERR_OK);
}

static void do_down(void *ctx, int64_t line, enum err why)
{
    ports_dialin_status(ctx, line, false, why);
}

static void do_received(void *ctx, int64_t line, const uint8_t *data, size_t len)
{
    ports_dialin_received(ctx, line, data, len);
}

static void do_told(void *ctx, const struct dialin_told *told)
{
    struct uplink_reading r = {.at = told->at, .point_count = told->count};
    for (size_t i = 0; i < told->count; i++)
        r.points[i] = (struct uplink_point){told->points[i].point, told->points[i].value};
    ports_dialin_told(ctx, told->line, told->address, &r);
}

/* Registrations are text more often than not; what is none is shown as 0x and digits. */
static void show(const struct dialin_note *n, char out[64])
{
    size_t len = n->said_len < 30 ? n->said_len : 30;
    bool text = len > 0;
    for (size_t i = 0; i < len; i++)
        text = text && n->said[i] > ' ' && n->said[i] < 0x7F;
    if (text) {
        memcpy(out, n->said, len);
        out[len] = '\0';
        return;
    }
    memcpy(out, "0x", 2);
    hex_encode(n->said, len, out + 2);
    out[2 + 2 * len] = '\0';
}

static void do_note(void *ctx, const struct dialin_note *n)
{
    static const enum log_name names[] = {
        [DIALIN_BOUND] = LOG_UNIT_CONNECTED,     [DIALIN_TWIN] = LOG_UNIT_TWIN,
        [DIALIN_DISPLACED] = LOG_UNIT_DISPLACED, [DIALIN_UNKNOWN] = LOG_UNIT_UNKNOWN,
        [DIALIN_SILENT] = LOG_UNIT_SILENT,       [DIALIN_UNPROVEN] = LOG_UNIT_UNPROVEN,
        [DIALIN_BROKEN] = LOG_UNIT_BROKEN};
    struct inbound *in = find(ctx, n->conn);
    char said[64];
    show(n, said);
    log_event(names[n->event], LOG_S("unit", said),
              LOG_S("peer", in == NULL ? "?" : io_stream_peer(in->stream)));
}

/* ---- secrets --------------------------------------------------------------------------------- */

#define SECRETS_MAX (256 * 1024)

/* "ID SECRET" in each line; # begins a remark. */
static enum err take_secret(struct dialin *d, char *line)
{
    char *save = NULL;
    line[strcspn(line, "#\r")] = '\0';
    const char *id = strtok_r(line, " \t", &save);
    const char *secret = strtok_r(NULL, " \t", &save);
    if (id == NULL)
        return ERR_OK;
    bool whole = secret != NULL && strtok_r(NULL, " \t", &save) == NULL;
    return whole ? dialin_secret_put(d, id, secret) : ERR_SYNTAX;
}

static enum err load_secrets(struct dialin *d, const char *path)
{
    struct bytes file;
    if (path == NULL)
        return ERR_OK;
    TRY(io_file_read(path, SECRETS_MAX, &file));
    enum err e = ERR_OK;
    char *save = NULL;
    for (char *line = strtok_r((char *)file.data, "\n", &save); line != NULL && e == ERR_OK;
         line = strtok_r(NULL, "\n", &save))
        e = take_secret(d, line);
    io_file_free(&file);
    return e;
}

/* ---- opening -------------------------------------------------------------------------------- */

static void woken(void *arg)
{
    struct program *p = arg;
    dialin_tick(p->dialin.engine, real_now(p));
}

enum err units_listen(struct program *p, const char *host, uint16_t port, const char *secrets)
{
    struct dialin_io io = {p, do_send, do_close, do_up, do_down, do_received, do_told, do_note};
    struct io_listen_options o = {
        .host = host, .port = port, .accepted = on_accepted, .arg = p, .max_streams = STREAMS_MAX};
    TRY(dialin_new(&p->dialin.engine, &io));
    TRY(load_secrets(p->dialin.engine, secrets));
    io_timer_init(&p->dialin.wake, p->io, woken, p);
    TRY(io_listen(p->io, &o, &p->dialin.listener));
    log_event(LOG_UNIT_LISTENING, LOG_I("port", io_listener_port(p->dialin.listener)));
    return ERR_OK;
}

void units_turn(struct program *p)
{
    if (p->dialin.engine != NULL)
        io_timer_set_real(&p->dialin.wake, dialin_wake(p->dialin.engine));
}

void units_close(struct program *p)
{
    if (p->dialin.listener != NULL)
        io_listener_close(p->dialin.listener);
    while (p->dialin.streams != NULL) {
        io_stream_close(p->dialin.streams->stream);
        release(p->dialin.streams);
    }
    if (p->dialin.engine != NULL)
        io_timer_stop(&p->dialin.wake);
    dialin_free(p->dialin.engine);
    p->dialin.engine = NULL;
}
