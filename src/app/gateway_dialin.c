/* Units that dial in: the listener, and which stream is whose. */
#include <stdlib.h>
#include <string.h>

#include "app/gateway_program.h"
#include "base/must.h"
#include "io/log.h"

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
    (void)s;
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
    dialin_open(p->dialin.engine, in->id, real_now(p));
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
    static const enum log_name names[] = {[DIALIN_BOUND] = LOG_UNIT_CONNECTED,
                                          [DIALIN_TWIN] = LOG_UNIT_TWIN,
                                          [DIALIN_DISPLACED] = LOG_UNIT_DISPLACED,
                                          [DIALIN_UNKNOWN] = LOG_UNIT_UNKNOWN,
                                          [DIALIN_SILENT] = LOG_UNIT_SILENT};
    struct inbound *in = find(ctx, n->conn);
    char said[64];
    show(n, said);
    log_event(names[n->event], LOG_S("unit", said),
              LOG_S("peer", in == NULL ? "?" : io_stream_peer(in->stream)));
}

/* ---- opening -------------------------------------------------------------------------------- */

static void woken(void *arg)
{
    struct program *p = arg;
    dialin_tick(p->dialin.engine, real_now(p));
}

enum err units_listen(struct program *p, const char *host, uint16_t port)
{
    struct dialin_io io = {p, do_send, do_close, do_up, do_down, do_received, do_note};
    struct io_listen_options o = {
        .host = host, .port = port, .accepted = on_accepted, .arg = p, .max_streams = 4096};
    TRY(dialin_new(&p->dialin.engine, &io));
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
