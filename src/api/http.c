#include "api/http.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/must.h"

#define HEADERS_MAX 16
#define PEER_TEXT 48
#define STREAM_BLOCK 4096
#define FIRST_HEAD_MS 10'000
#define NEXT_HEAD_MS 75'000
#define BODY_MS 30'000
#define SWEEP_MS 1'000
#define IDLE_S 75 /* libmicrohttpd's own limit for silence */

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_WAIT, PHASE_ANSWER };

/* One connection: what the sweep looks at. */
struct peer {
    struct http *http;
    struct peer *next, **at;
    struct MHD_Connection *connection;
    mono_ms deadline; /* real; MONO_NEVER while the delay is ours */
    char text[PEER_TEXT];
    bool loopback;
};

struct http_request {
    struct http *http;
    struct http_request *next, **at;
    struct MHD_Connection *connection;
    struct peer *peer;
    enum phase phase;
    enum err refusal;
    enum http_method method;
    bool begun, dispatched, head, suspended;
    char *target, *path, *query; /* query: raw, behind the '?'; NULL: none */
    char *values[16];            /* decoded query values handed out */
    size_t value_count;
    uint8_t *body;
    size_t body_len, body_cap, body_limit;
    struct MHD_Response *response;
    unsigned status;
    char *names[HEADERS_MAX], *texts[HEADERS_MAX];
    size_t header_count;
    http_read *read;
    void *context;
};

struct http {
    struct io *io;
    struct http_handler handler;
    struct MHD_Daemon *daemon;
    struct io_watch *watch;
    struct io_timer run, sweep;
    struct http_request *requests;
    struct peer *peers;
    uint16_t port;
    int64_t head_ms;
    bool closing;
};

/* ---- the library's wheel ---- */

static void run(void *arg)
{
    struct http *h = arg;
    MHD_UNSIGNED_LONG_LONG wait_ms;
    MHD_run(h->daemon);
    if (MHD_get_timeout(h->daemon, &wait_ms) != MHD_YES)
        return;
    int64_t delay_ms = wait_ms > SWEEP_MS ? SWEEP_MS : (int64_t)wait_ms;
    io_timer_set_real(&h->run, mono_after(io_mono_real(h->io), delay_ms));
}

static void run_soon(struct http *h)
{
    if (!h->closing)
        io_timer_set_real(&h->run, io_mono_real(h->io));
}

/* The library only limits silence, not slowness. */
static void sweep(void *arg)
{
    struct http *h = arg;
    mono_ms now = io_mono_real(h->io);
    for (struct peer *p = h->peers; p; p = p->next) {
        if (!mono_due(p->deadline, now))
            continue;
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(p->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR); /* the library sees the end and closes */
        p->deadline = MONO_NEVER;
    }
    io_timer_set_real(&h->sweep, mono_after(now, SWEEP_MS));
    run(h);
}

static void set_deadline(struct http_request *r, int64_t delay_ms)
{
    if (r->peer)
        r->peer->deadline =
            delay_ms < 0 ? MONO_NEVER : mono_after(io_mono_real(r->http->io), delay_ms);
}

/* ---- connections ---- */

static void peer_name(struct peer *p, const struct sockaddr *address)
{
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        inet_ntop(AF_INET, &v4->sin_addr, p->text, sizeof p->text);
        p->loopback = ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    } else if (address && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, p->text, sizeof p->text);
        p->loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
    }
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http *h = cls;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        struct peer *p = *context;
        if (!p)
            return;
        *p->at = p->next;
        if (p->next)
            p->next->at = p->at;
        free(p);
        return;
    }
    struct peer *p = calloc(1, sizeof *p);
    MUST(p);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    peer_name(p, info ? info->client_addr : NULL);
    p->http = h;
    p->connection = connection;
    p->deadline = mono_after(io_mono_real(h->io), h->head_ms);
    p->next = h->peers;
    p->at = &h->peers;
    if (p->next)
        p->next->at = &p->next;
    h->peers = p;
    *context = p;
}

/* ---- requests ---- */

static void *on_target(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct http *h = cls;
    struct http_request *r = calloc(1, sizeof *r);
    MUST(r);
    r->http = h;
    r->connection = connection;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    r->peer = info ? info->socket_context : NULL;
    r->target = strdup(uri);
    r->path = malloc(strlen(uri) + 1);
    MUST(r->target && r->path);
    size_t path_len = strcspn(uri, "?");
    if (uri[path_len])
        r->query = r->target + path_len + 1;
    if (http_decode(uri, path_len, false, r->path) != ERR_OK) {
        r->path[0] = '\0';
        r->refusal = ERR_API_REQUEST;
    }
    r->next = h->requests;
    r->at = &h->requests;
    if (r->next)
        r->next->at = &r->next;
    h->requests = r;
    return r;
}

static void request_free(struct http_request *r)
{
    *r->at = r->next;
    if (r->next)
        r->next->at = r->at;
    for (size_t i = 0; i < r->header_count; i++) {
        free(r->names[i]);
        free(r->texts[i]);
    }
    for (size_t i = 0; i < r->value_count; i++)
        free(r->values[i]);
    if (r->response)
        MHD_destroy_response(r->response);
    free(r->target);
    free(r->path);
    free(r->body);
    free(r);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    (void)cls, (void)connection, (void)code;
    struct http_request *r = *context;
    *context = NULL;
    if (!r)
        return;
    set_deadline(r, NEXT_HEAD_MS);
    if (r->http->handler.gone)
        r->http->handler.gone(r->http->handler.ctx, r);
    request_free(r);
}

static enum MHD_Result guard_one(void *cls, enum MHD_ValueKind kind, const char *name,
                                 size_t name_len, const char *value, size_t value_len)
{
    (void)kind;
    http_guard_header(cls, name, name_len, value ? value : "", value_len);
    return MHD_YES;
}

static enum err guard(struct http_request *r, const char *method, const char *version,
                      uint64_t *length)
{
    struct http_guard g = http_guard_begin(method, r->target, version);
    MHD_get_connection_values_n(r->connection, MHD_HEADER_KIND, guard_one, &g);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    *length = g.length;
    TRY(http_guard_end(&g, info ? info->header_size : 0));
    return r->refusal;
}

static void begin(struct http_request *r, const char *method, const char *version)
{
    struct http *h = r->http;
    uint64_t length = 0;
    r->begun = true;
    r->head = strcmp(method, "HEAD") == 0;
    r->method = r->head || strcmp(method, "GET") == 0 ? HTTP_GET
                : strcmp(method, "POST") == 0         ? HTTP_POST
                                                      : HTTP_OTHER;
    r->refusal = guard(r, method, version, &length);
    if (r->refusal != ERR_OK)
        return;
    r->body_limit = h->handler.limit(h->handler.ctx, r);
    if (length > r->body_limit)
        r->refusal = ERR_API_BODY;
    r->phase = PHASE_BODY;
    set_deadline(r, BODY_MS + (int64_t)(length / 1024) * 1000);
}

static bool take_body(struct http_request *r, const char *data, size_t len)
{
    if (len > r->body_limit - r->body_len)
        return false;
    if (r->body_cap - r->body_len <= len) {
        size_t cap = (r->body_len + len) * 2 + 1;
        uint8_t *more = realloc(r->body, cap);
        if (!more)
            return false;
        r->body = more;
        r->body_cap = cap;
    }
    memcpy(r->body + r->body_len, data, len);
    r->body_len += len;
    r->body[r->body_len] = 0;
    return true;
}

static enum MHD_Result send_answer(struct http_request *r)
{
    set_deadline(r, -1);
    r->phase = PHASE_ANSWER;
    for (size_t i = 0; i < r->header_count; i++)
        MHD_add_response_header(r->response, r->names[i], r->texts[i]);
    return MHD_queue_response(r->connection, r->status, r->response);
}

static enum MHD_Result dispatch(struct http_request *r)
{
    r->dispatched = true;
    r->phase = PHASE_WAIT;
    set_deadline(r, -1);
    r->http->handler.request(r->http->handler.ctx, r);
    if (r->response)
        return send_answer(r);
    r->suspended = true;
    MHD_suspend_connection(r->connection);
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context)
{
    (void)connection, (void)url;
    struct http *h = cls;
    struct http_request *r = *context;
    if (!r || h->closing)
        return MHD_NO;
    if (!r->begun) {
        begin(r, method, version);
        return r->refusal == ERR_OK ? MHD_YES : dispatch(r);
    }
    if (*len > 0) {
        bool fits = take_body(r, data, *len);
        *len = 0;
        return fits ? MHD_YES : MHD_NO;
    }
    if (!r->dispatched)
        return dispatch(r);
    return r->response ? send_answer(r) : MHD_NO;
}

/* ---- open and close ---- */

static void no_log(void *cls, const char *format, va_list args)
{
    (void)cls, (void)format, (void)args;
}

static bool address_of(const char *host, uint16_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (void *)out;
    struct sockaddr_in6 *v6 = (void *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return true;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(port);
        return true;
    }
    return false;
}

static struct MHD_Daemon *start(struct http *h, const struct sockaddr_storage *address)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (address->ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, h, MHD_OPTION_SOCK_ADDR, address,
        MHD_OPTION_EXTERNAL_LOGGER, no_log, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)32'768, MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_PER_PEER,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_END);
}

static enum err attach(struct http *h)
{
    const union MHD_DaemonInfo *fd = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    const union MHD_DaemonInfo *port = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_BIND_PORT);
    if (!fd || !port)
        return ERR_IO;
    h->port = port->port;
    TRY(io_watch_open(h->io, fd->epoll_fd, run, h, &h->watch));
    io_timer_set_real(&h->sweep, mono_after(io_mono_real(h->io), SWEEP_MS));
    return ERR_OK;
}

enum err http_open(struct http **out, const struct http_options *options)
{
    struct sockaddr_storage address;
    if (!address_of(options->host, options->port, &address))
        return ERR_IO_ADDRESS;
    struct http *h = calloc(1, sizeof *h);
    if (!h)
        return ERR_MEMORY;
    h->io = options->io;
    h->handler = options->handler;
    h->head_ms = options->head_ms ? options->head_ms : FIRST_HEAD_MS;
    io_timer_init(&h->run, h->io, run, h);
    io_timer_init(&h->sweep, h->io, sweep, h);
    h->daemon = start(h, &address);
    enum err e = h->daemon ? attach(h) : ERR_IO_ADDRESS;
    if (e != ERR_OK) {
        http_close(h);
        return e;
    }
    *out = h;
    return ERR_OK;
}

/* What is answered gets a chance to leave; what waits must be resumed before the library may stop.
 */
static void drain(struct http *h)
{
    MHD_run(h->daemon);
    h->closing = true;
    for (struct http_request *r = h->requests; r; r = r->next) {
        if (r->suspended) {
            r->suspended = false;
            MHD_resume_connection(r->connection);
        }
    }
    MHD_run(h->daemon);
    MHD_stop_daemon(h->daemon);
}

void http_close(struct http *h)
{
    if (!h)
        return;
    io_timer_stop(&h->run);
    io_timer_stop(&h->sweep);
    if (h->watch)
        io_watch_close(h->watch);
    if (h->daemon)
        drain(h);
    while (h->requests)
        request_free(h->requests);
    free(h);
}

uint16_t http_port(const struct http *h)
{
    return h->port;
}

size_t http_connections(const struct http *h)
{
    size_t n = 0;
    for (const struct peer *p = h->peers; p; p = p->next)
        n++;
    return n;
}

/* ---- what was asked ---- */

enum err http_refusal(const struct http_request *r)
{
    return r->refusal;
}

enum http_method http_method(const struct http_request *r)
{
    return r->method;
}

const char *http_target(const struct http_request *r)
{
    return r->target;
}

const char *http_path(const struct http_request *r)
{
    return r->path;
}

const char *http_header(const struct http_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

struct bytes http_body(const struct http_request *r)
{
    return (struct bytes){r->body ? r->body : (const uint8_t *)"", r->body_len};
}

const char *http_peer(const struct http_request *r)
{
    return r->peer ? r->peer->text : "";
}

bool http_from_loopback(const struct http_request *r)
{
    return r->peer && r->peer->loopback;
}

void http_set_context(struct http_request *r, void *context)
{
    r->context = context;
}

void *http_context(const struct http_request *r)
{
    return r->context;
}

enum err http_query(struct http_request *r, const char *name, const char **value)
{
    size_t name_len = strlen(name);
    *value = NULL;
    for (const char *p = r->query; p && *p;) {
        size_t len = strcspn(p, "&");
        if (len >= name_len && strncmp(p, name, name_len) == 0 &&
            (p[name_len] == '=' || len == name_len)) {
            if (*value || r->value_count == sizeof r->values / sizeof r->values[0])
                return ERR_API_FIELD;
            char *text = malloc(len + 1);
            MUST(text);
            r->values[r->value_count++] = text;
            size_t skip = len == name_len ? name_len : name_len + 1;
            if (http_decode(p + skip, len - skip, true, text) != ERR_OK)
                return ERR_API_FIELD;
            *value = text;
        }
        p += len + (p[len] == '&');
    }
    return ERR_OK;
}

/* ---- the answer ---- */

void http_answer_header(struct http_request *r, const char *name, const char *value)
{
    MUST(r->header_count < HEADERS_MAX);
    size_t i = r->header_count++;
    r->names[i] = strdup(name);
    r->texts[i] = strdup(value);
    MUST(r->names[i] && r->texts[i]);
}

static void answer(struct http_request *r, unsigned status, const char *type,
                   struct MHD_Response *response)
{
    MUST(response && !r->response);
    r->response = response;
    r->status = status;
    if (type)
        http_answer_header(r, "Content-Type", type);
    if (!r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
    run_soon(r->http);
}

void http_answer(struct http_request *r, unsigned status, const char *type, char *body, size_t len)
{
    struct MHD_Response *response =
        len ? MHD_create_response_from_buffer(len, body, MHD_RESPMEM_MUST_FREE)
            : MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!len)
        free(body);
    answer(r, status, type, response);
}

void http_answer_static(struct http_request *r, unsigned status, const char *type,
                        struct bytes body)
{
    answer(r, status, type,
           MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.data,
                                           MHD_RESPMEM_PERSISTENT));
}

static ssize_t read_stream(void *cls, uint64_t position, char *buf, size_t cap)
{
    (void)position;
    struct http_request *r = cls;
    if (r->http->closing)
        return MHD_CONTENT_READER_END_OF_STREAM;
    int64_t n = r->read(r->http->handler.ctx, r, buf, cap);
    if (n < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (n == 0) {
        r->suspended = true;
        MHD_suspend_connection(r->connection);
    }
    return n;
}

void http_stream(struct http_request *r, const char *type, http_read *read)
{
    r->read = read;
    answer(r, 200, type,
           MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, r, NULL));
}

void http_stream_wake(struct http_request *r)
{
    if (r->phase != PHASE_ANSWER || !r->suspended)
        return;
    r->suspended = false;
    MHD_resume_connection(r->connection);
    run_soon(r->http);
}
