/* Streams and listeners: libuv's TCP, with TLS between when asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "io/io_impl.h"
#include "io/log.h"

#define HANDSHAKE_REAL_MS 10'000
#define CONNECT_REAL_MS 15'000
#define LINGER_REAL_MS 5'000
#define STREAMS_DEFAULT 10'000

/* Listeners are counted by their streams, which may outlive them. */
struct io_listener {
    struct io_object object;
    uv_tcp_t tcp;
    struct io_listen_options options;
    uint16_t port;
    size_t streams;
    bool closed; /* by its owner; memory goes with the last stream */
    bool gone;   /* uv has let go of the handle */
};

/*
 *   RESOLVING -> CONNECTING -> HANDSHAKE -> OPEN -> LINGERING -> DEAD
 * accepted streams begin at HANDSHAKE or OPEN. DEAD: uv_close is called; the rest happens in its
 * callback.
 */
enum stream_state { RESOLVING, CONNECTING, HANDSHAKE, OPEN, LINGERING, DEAD };

struct io_stream {
    struct io_object object;
    uv_tcp_t tcp;
    uv_timer_t guard;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    uv_getaddrinfo_t resolve;
    struct io_later resume;
    enum stream_state state;
    enum err why; /* for `closed` */
    bool silent;  /* the owner knows: no `closed` */
    bool paused, high, resolving;
    int handles;    /* uv handles still to be closed */
    size_t waiting; /* bytes given to uv and not yet sent */
    uint16_t port;
    struct io_tls_half *tls;
    struct io_listener *listener;
    const struct io_stream_events *events;
    void *arg;
    char peer[64];
};

struct outgoing {
    uv_write_t request;
    struct io_stream *stream;
    size_t len;
    uint8_t data[];
};

static struct io_stream *stream_of(struct io_object *o)
{
    return (struct io_stream *)o; /* the object is the first member */
}

/* ---- end of a stream ------------------------------------------------------------------------ */

static void listener_release(struct io_listener *l)
{
    if (l->closed && l->gone && l->streams == 0)
        free(l);
}

static void stream_free_if_done(struct io_stream *s)
{
    if (s->handles > 0 || s->resolving)
        return;
    if (s->listener != NULL) {
        s->listener->streams--;
        listener_release(s->listener);
    }
    if (!s->silent && s->events != NULL)
        s->events->closed(s->arg, s, s->why);
    io_tls_half_close(s->tls);
    free(s);
}

static void on_stream_handle_closed(uv_handle_t *handle)
{
    struct io_stream *s = handle->data;
    s->handles--;
    stream_free_if_done(s);
}

static void die(struct io_stream *s, enum err why)
{
    if (s->state == DEAD)
        return;
    s->state = DEAD;
    s->why = why;
    io_later_remove(s->object.io, &s->resume);
    io_object_remove(&s->object);
    if (s->resolving)
        (void)uv_cancel((uv_req_t *)&s->resolve); /* too late is fine: its callback sees DEAD */
    uv_close((uv_handle_t *)&s->guard, on_stream_handle_closed);
    uv_close((uv_handle_t *)&s->tcp, on_stream_handle_closed);
}

static void destroy_stream(struct io_object *o)
{
    io_stream_abort(stream_of(o));
}

void io_stream_abort(struct io_stream *s)
{
    s->silent = true;
    die(s, ERR_IO_CLOSED);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void on_written(uv_write_t *request, int status)
{
    struct outgoing *o = request->data;
    struct io_stream *s = o->stream;
    s->waiting -= o->len;
    free(o);
    if (status != 0) {
        die(s, io_err_of_uv(status));
        return;
    }
    if (s->high && s->waiting == 0 && s->state == OPEN) {
        s->high = false;
        if (s->events->drained != NULL)
            s->events->drained(s->arg, s);
    }
}

/* What the socket does not take at once waits in uv. */
static void queue_out(struct io_stream *s, const uint8_t *data, size_t len)
{
    struct outgoing *o = malloc(sizeof *o + len);
    MUST(o != NULL);
    o->stream = s;
    o->len = len;
    o->request.data = o;
    memcpy(o->data, data, len);
    uv_buf_t buffer = uv_buf_init((char *)o->data, (unsigned)o->len);
    int rc = uv_write(&o->request, (uv_stream_t *)&s->tcp, &buffer, 1, on_written);
    if (rc != 0) {
        free(o);
        die(s, io_err_of_uv(rc));
        return;
    }
    s->waiting += o->len;
    s->high = s->high || s->waiting > IO_STREAM_HIGH;
}

/* At once where that is possible: a request that uv keeps costs another turn of the loop for its
 * callback, and a call to the kernel to watch for room. uv keeps the order: it takes nothing at
 * once while something waits. */
static void send_out(struct io_stream *s, const uint8_t *data, size_t len)
{
    uv_buf_t buffer = uv_buf_init((char *)data, (unsigned)len);
    int sent = uv_try_write((uv_stream_t *)&s->tcp, &buffer, 1);
    if (sent == UV_EAGAIN)
        sent = 0;
    if (sent < 0)
        die(s, io_err_of_uv(sent));
    else if ((size_t)sent < len)
        queue_out(s, data + sent, len - (size_t)sent);
}

static void flush_tls(struct io_stream *s)
{
    uint8_t chunk[16 * 1024];
    size_t n;
    while (s->state != DEAD && (n = io_tls_half_output(s->tls, chunk, sizeof chunk)) > 0)
        send_out(s, chunk, n);
}

enum err io_stream_write(struct io_stream *s, const uint8_t *data, size_t len)
{
    if (s->state != OPEN)
        return ERR_IO_CLOSED;
    if (s->waiting + len > IO_STREAM_MAX)
        return ERR_FULL;
    if (len == 0)
        return ERR_OK;
    if (s->tls == NULL)
        send_out(s, data, len);
    else if (!io_tls_half_write(s->tls, data, len))
        die(s, ERR_TLS);
    else
        flush_tls(s);
    return s->state == OPEN ? ERR_OK : ERR_IO_CLOSED;
}

size_t io_stream_waiting(const struct io_stream *s)
{
    return s->waiting;
}

/* ---- reading -------------------------------------------------------------------------------- */

static void set_guard(struct io_stream *s, int64_t real_ms);

static void tls_failed(struct io_stream *s)
{
    log_event(LOG_TLS_REFUSED, LOG_S("peer", s->peer), LOG_S("reason", io_tls_half_reason(s->tls)));
    flush_tls(s); /* the alert tells the other side why */
    die(s, ERR_TLS);
}

/* Hands decrypted bytes to the owner, who may pause or close at any of them. */
static void pump_tls(struct io_stream *s)
{
    uint8_t plain[16 * 1024];
    while ((s->state == OPEN && !s->paused) || s->state == LINGERING) {
        enum io_tls_state state;
        size_t n = io_tls_half_read(s->tls, plain, sizeof plain, &state);
        if (n > 0 && s->state == OPEN)
            s->events->received(s->arg, s, plain, n);
        if (n > 0)
            continue;
        if (state == IO_TLS_ENDED)
            die(s, ERR_IO_CLOSED);
        else if (state == IO_TLS_FAILED)
            tls_failed(s);
        break;
    }
    if (s->state != DEAD)
        flush_tls(s); /* answers of TLS itself: key updates */
}

/* The stream is ready for its owner; both ways of getting one end here. */
static void become_open(struct io_stream *s)
{
    s->state = OPEN;
    uv_timer_stop(&s->guard);
    if (s->listener == NULL) {
        s->events->opened(s->arg, s);
        return;
    }
    if (s->listener->closed) {
        io_stream_abort(s);
        return;
    }
    s->listener->options.accepted(s->listener->options.arg, s);
    if (s->state == OPEN && s->events == NULL)
        io_stream_abort(s);
}

static void take_tls(struct io_stream *s, const uint8_t *data, size_t len)
{
    bool was_open = s->state != HANDSHAKE;
    enum io_tls_state state = io_tls_half_feed(s->tls, data, len);
    if (state == IO_TLS_FAILED) {
        tls_failed(s);
        return;
    }
    flush_tls(s);
    if (state == IO_TLS_OPEN && !was_open && s->state == HANDSHAKE)
        become_open(s);
    if (s->state == OPEN || s->state == LINGERING)
        pump_tls(s);
}

static void on_alloc(uv_handle_t *handle, size_t wish, uv_buf_t *buffer)
{
    static char shared[64 * 1024]; /* filled and used up within one callback of the one loop */
    (void)handle;
    (void)wish;
    *buffer = uv_buf_init(shared, sizeof shared);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct io_stream *s = stream->data;
    if (s->state == DEAD || count == 0)
        return;
    if (count < 0)
        die(s, s->state == HANDSHAKE ? ERR_TLS : io_err_of_uv((int)count));
    else if (s->tls != NULL)
        take_tls(s, (const uint8_t *)buffer->base, (size_t)count);
    else if (s->state == OPEN)
        s->events->received(s->arg, s, (const uint8_t *)buffer->base, (size_t)count);
}

static void start_reading(struct io_stream *s)
{
    int rc = uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read);
    if (rc != 0 && rc != UV_EALREADY)
        die(s, io_err_of_uv(rc));
}

static void on_resume(struct io_later *l)
{
    struct io_stream *s = (struct io_stream *)((char *)l - offsetof(struct io_stream, resume));
    if (s->state != OPEN || s->paused)
        return;
    start_reading(s);
    if (s->tls != NULL && s->state == OPEN)
        pump_tls(s);
}

void io_stream_pause(struct io_stream *s)
{
    s->paused = true;
    if (s->state == OPEN)
        uv_read_stop((uv_stream_t *)&s->tcp);
}

void io_stream_resume(struct io_stream *s)
{
    if (!s->paused)
        return;
    s->paused = false;
    io_later_add(s->object.io, &s->resume);
}

/* ---- closing in order ----------------------------------------------------------------------- */

static void on_guard(uv_timer_t *handle)
{
    struct io_stream *s = handle->data;
    die(s, s->state == HANDSHAKE ? ERR_TLS : ERR_IO_CLOSED);
}

static void set_guard(struct io_stream *s, int64_t real_ms)
{
    uv_update_time(&s->object.io->loop);
    uv_timer_start(&s->guard, on_guard, (uint64_t)real_ms, 0);
}

static void on_shutdown(uv_shutdown_t *request, int status)
{
    struct io_stream *s = request->data;
    if (status != 0)
        die(s, ERR_IO_CLOSED);
}

void io_stream_close(struct io_stream *s)
{
    s->silent = true;
    if (s->state != OPEN) {
        if (s->state != LINGERING)
            die(s, ERR_IO_CLOSED);
        return;
    }
    if (s->tls != NULL) {
        io_tls_half_end(s->tls);
        flush_tls(s);
    }
    if (s->state == DEAD)
        return;
    s->state = LINGERING;
    s->shutdown.data = s;
    /* Reading goes on, into nothing, until the other side closes too: closing a socket with unread
     * bytes resets the connection, and the other side would lose our last words. */
    start_reading(s);
    if (s->state != DEAD && uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, on_shutdown) != 0)
        die(s, ERR_IO_CLOSED);
    else if (s->state != DEAD)
        set_guard(s, LINGER_REAL_MS);
}

/* ---- about a stream ------------------------------------------------------------------------- */

void io_stream_handle(struct io_stream *s, const struct io_stream_events *events, void *arg)
{
    s->events = events;
    s->arg = arg;
}

const char *io_stream_peer(const struct io_stream *s)
{
    return s->peer;
}

bool io_stream_certificate(const struct io_stream *s, uint8_t sha256[32])
{
    return s->tls != NULL && io_tls_half_certificate(s->tls, sha256);
}

static void describe(const struct sockaddr_storage *a, char *out, size_t cap)
{
    char host[48] = "?";
    uint16_t port = 0;
    if (a->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
        uv_ip6_name(six, host, sizeof host);
        port = ntohs(six->sin6_port);
        snprintf(out, cap, "[%s]:%u", host, port);
        return;
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)a;
    uv_ip4_name(four, host, sizeof host);
    port = ntohs(four->sin_port);
    snprintf(out, cap, "%s:%u", host, port);
}

static struct io_stream *stream_new(struct io *io, struct io_tls *tls)
{
    struct io_stream *s = calloc(1, sizeof *s);
    MUST(s != NULL);
    io_object_add(io, &s->object, destroy_stream);
    MUST(uv_tcp_init(&io->loop, &s->tcp) == 0 && uv_timer_init(&io->loop, &s->guard) == 0);
    s->handles = 2;
    s->tcp.data = s->guard.data = s;
    s->resume.fn = on_resume;
    s->tls = tls == NULL ? NULL : io_tls_half_open(tls, io_wall_real(io));
    snprintf(s->peer, sizeof s->peer, "?");
    return s;
}

/* ---- listening ------------------------------------------------------------------------------ */

static void begin_accepted(struct io_stream *s)
{
    struct sockaddr_storage address = {0};
    int len = sizeof address;
    if (uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&address, &len) == 0)
        describe(&address, s->peer, sizeof s->peer);
    uv_tcp_nodelay(&s->tcp, 1);
    uv_tcp_keepalive(&s->tcp, 1, 60);
    if (s->tls == NULL) {
        become_open(s);
    } else {
        s->state = HANDSHAKE;
        set_guard(s, HANDSHAKE_REAL_MS);
    }
    if (s->state == HANDSHAKE || (s->state == OPEN && !s->paused))
        start_reading(s);
}

static void on_connection(uv_stream_t *server, int status)
{
    struct io_listener *l = server->data;
    if (status != 0)
        return;
    struct io_stream *s = stream_new(l->object.io, l->options.tls);
    s->silent = false;
    s->listener = l;
    l->streams++;
    if (uv_accept(server, (uv_stream_t *)&s->tcp) != 0) {
        io_stream_abort(s);
        return;
    }
    if (l->streams > l->options.max_streams) {
        log_event(LOG_LISTENER_FULL, LOG_I("port", l->port),
                  LOG_I("streams", (int64_t)l->streams - 1));
        io_stream_abort(s);
        return;
    }
    begin_accepted(s);
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct io_listener *l = handle->data;
    l->gone = true;
    listener_release(l);
}

void io_listener_close(struct io_listener *l)
{
    if (l->closed)
        return;
    l->closed = true;
    io_object_remove(&l->object);
    uv_close((uv_handle_t *)&l->tcp, on_listener_closed);
}

static void destroy_listener(struct io_object *o)
{
    io_listener_close((struct io_listener *)o);
}

static int numeric_address(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    if (uv_ip4_addr(host, port, (struct sockaddr_in *)out) == 0)
        return 0;
    return uv_ip6_addr(host, port, (struct sockaddr_in6 *)out);
}

static int bind_and_listen(struct io_listener *l)
{
    struct sockaddr_storage address = {0};
    const char *host = l->options.host == NULL ? "127.0.0.1" : l->options.host;
    int rc = numeric_address(host, l->options.port, &address);
    if (rc == 0)
        rc = uv_tcp_bind(&l->tcp, (const struct sockaddr *)&address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&l->tcp, 1024, on_connection);
    int len = sizeof address;
    if (rc == 0)
        rc = uv_tcp_getsockname(&l->tcp, (struct sockaddr *)&address, &len);
    if (rc == 0) /* the port stands at the same place in both families */
        l->port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    return rc;
}

enum err io_listen(struct io *io, const struct io_listen_options *options, struct io_listener **out)
{
    struct io_listener *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_MEMORY;
    l->options = *options;
    if (l->options.max_streams == 0)
        l->options.max_streams = STREAMS_DEFAULT;
    io_object_add(io, &l->object, destroy_listener);
    MUST(uv_tcp_init(&io->loop, &l->tcp) == 0);
    l->tcp.data = l;
    int rc = bind_and_listen(l);
    if (rc != 0) {
        io_listener_close(l);
        return rc == UV_EINVAL ? ERR_IO_ADDRESS : io_err_of_uv(rc);
    }
    l->options.host = NULL; /* the caller's text is not kept */
    *out = l;
    return ERR_OK;
}

uint16_t io_listener_port(const struct io_listener *l)
{
    return l->port;
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void on_connected(uv_connect_t *request, int status)
{
    struct io_stream *s = request->data;
    if (s->state == DEAD)
        return;
    if (status != 0) {
        die(s, io_err_of_uv(status));
        return;
    }
    uv_tcp_nodelay(&s->tcp, 1);
    uv_tcp_keepalive(&s->tcp, 1, 60);
    if (s->tls == NULL) {
        become_open(s);
    } else {
        s->state = HANDSHAKE;
        take_tls(s, NULL, 0); /* the first flight */
    }
    if (s->state == HANDSHAKE || (s->state == OPEN && !s->paused))
        start_reading(s);
}

static void connect_to(struct io_stream *s, const struct sockaddr *address)
{
    struct sockaddr_storage copy = {0};
    memcpy(&copy, address,
           address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in));
    describe(&copy, s->peer, sizeof s->peer);
    s->state = CONNECTING;
    s->connect.data = s;
    int rc = uv_tcp_connect(&s->connect, &s->tcp, address, on_connected);
    if (rc != 0)
        die(s, io_err_of_uv(rc));
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct io_stream *s = request->data;
    s->resolving = false;
    if (s->state == DEAD) {
        stream_free_if_done(s);
    } else if (status != 0) {
        die(s, ERR_IO_ADDRESS);
    } else {
        connect_to(s, found->ai_addr);
    }
    uv_freeaddrinfo(found);
}

static void resolve(struct io_stream *s, const char *host)
{
    char service[8];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    snprintf(service, sizeof service, "%u", s->port);
    s->state = RESOLVING;
    s->resolve.data = s;
    s->resolving = true;
    int rc = uv_getaddrinfo(&s->object.io->loop, &s->resolve, on_resolved, host, service, &hints);
    if (rc != 0) {
        s->resolving = false;
        die(s, ERR_IO_ADDRESS);
    }
}

enum err io_connect(struct io *io, const struct io_connect_options *options, struct io_stream **out)
{
    struct io_stream *s = stream_new(io, options->tls);
    s->events = options->events;
    s->arg = options->arg;
    s->port = options->port;
    struct sockaddr_storage address = {0};
    if (numeric_address(options->host, options->port, &address) == 0)
        connect_to(s, (const struct sockaddr *)&address);
    else
        resolve(s, options->host);
    if (s->state != DEAD)
        set_guard(s, options->timeout_real_ms > 0 ? options->timeout_real_ms : CONNECT_REAL_MS);
    *out = s;
    return ERR_OK;
}
