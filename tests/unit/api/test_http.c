/* The guarded server, over real sockets: what it takes and what it refuses. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "api/http.h"

struct world {
    struct io *io;
    struct http *http;
    struct http_request *waiting; /* "/later" */
    struct http_request *stream;  /* "/stream" */
    const char *chunk;
    char seen[256]; /* what the last request looked like to its handler */
    int served, gone;
    /* the client */
    struct io_stream *client;
    char reply[65'536];
    size_t len;
    bool opened, closed;
};

static size_t limit(void *ctx, const struct http_request *r)
{
    (void)ctx;
    return http_method(r) == HTTP_POST ? 1000 : 0;
}

static int64_t read_chunk(void *ctx, struct http_request *r, char *buf, size_t cap)
{
    (void)r;
    struct world *w = ctx;
    if (!w->chunk)
        return 0;
    if (!*w->chunk)
        return HTTP_STREAM_END;
    size_t n = strlen(w->chunk);
    assert_true(n <= cap);
    memcpy(buf, w->chunk, n);
    w->chunk = NULL;
    return (int64_t)n;
}

static void handle(void *ctx, struct http_request *r)
{
    struct world *w = ctx;
    const char *q = NULL;
    w->served++;
    if (http_refusal(r) != ERR_OK) {
        http_answer(r, 400, "text/plain", strdup(err_name(http_refusal(r))),
                    strlen(err_name(http_refusal(r))));
        return;
    }
    enum err e = http_query(r, "q", &q);
    snprintf(w->seen, sizeof w->seen, "%d %s q=%s body=%.*s peer=%s", http_method(r), http_path(r),
             e != ERR_OK ? err_name(e)
             : q         ? q
                         : "-",
             (int)http_body(r).len, (const char *)http_body(r).data, http_peer(r));
    if (strcmp(http_path(r), "/later") == 0) {
        w->waiting = r;
        return;
    }
    if (strcmp(http_path(r), "/stream") == 0) {
        w->stream = r;
        http_stream(r, "text/event-stream", read_chunk);
        return;
    }
    http_answer_header(r, "X-Test", "yes");
    http_answer(r, 200, "text/plain", strdup("hello"), 5);
}

static void gone(void *ctx, struct http_request *r)
{
    struct world *w = ctx;
    if (r == w->stream)
        w->stream = NULL;
    w->gone++;
}

static int open_world(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    *state = w;
    if (io_open(&w->io, &(struct io_options){}) != ERR_OK)
        return -1;
    return http_open(&w->http, &(struct http_options){.io = w->io,
                                                      .host = "127.0.0.1",
                                                      .head_ms = 200,
                                                      .handler = {w, limit, handle, gone}}) ==
                   ERR_OK
               ? 0
               : -1;
}

static int close_world(void **state)
{
    struct world *w = *state;
    http_close(w->http);
    if (w->client)
        io_stream_abort(w->client);
    io_close(w->io);
    free(w);
    return 0;
}

/* ---- a client ---- */

static void on_opened(void *arg, struct io_stream *s)
{
    (void)s;
    ((struct world *)arg)->opened = true;
}

static void on_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)s;
    struct world *w = arg;
    assert_true(w->len + len < sizeof w->reply);
    memcpy(w->reply + w->len, data, len);
    w->len += len;
    w->reply[w->len] = '\0';
}

static void on_closed(void *arg, struct io_stream *s, enum err why)
{
    (void)s, (void)why;
    struct world *w = arg;
    w->closed = true;
    w->client = NULL;
}

static void connect_client(struct world *w)
{
    static const struct io_stream_events events = {on_opened, on_received, NULL, on_closed};
    if (w->client)
        io_stream_abort(w->client);
    w->client = NULL;
    w->len = 0;
    w->reply[0] = '\0';
    w->opened = w->closed = false;
    assert_ok(io_connect(
        w->io,
        &(struct io_connect_options){
            .host = "127.0.0.1", .port = http_port(w->http), .events = &events, .arg = w},
        &w->client));
    while (!w->opened && !w->closed)
        io_step(w->io, 100);
}

static void say(struct world *w, const char *bytes, size_t len)
{
    assert_ok(io_stream_write(w->client, (const uint8_t *)bytes, len));
}

#define SAY(w, text) say(w, text, sizeof(text) - 1)

/* Until `text` has come, or the connection ended. */
static void wait_for(struct world *w, const char *text)
{
    for (int i = 0; i < 2000 && !w->closed && !memmem(w->reply, w->len, text, strlen(text)); i++)
        io_step(w->io, 20);
}

static void exchange(struct world *w, const char *bytes, size_t len, const char *end)
{
    connect_client(w);
    say(w, bytes, len);
    wait_for(w, end);
}

#define ASK(w, text, end) exchange(w, text, sizeof(text) - 1, end)

/* ---- what is served ---- */

static void test_get(void **state)
{
    struct world *w = *state;
    ASK(w, "GET /a%20b?q=%E7%94%B5+x HTTP/1.1\r\nHost: x\r\n\r\n", "hello");
    assert_non_null(strstr(w->reply, "HTTP/1.1 200"));
    assert_non_null(strstr(w->reply, "X-Test: yes"));
    assert_string_equal(w->seen, "0 /a b q=电 x body= peer=127.0.0.1");
    SAY(w, "GET /again HTTP/1.1\r\nHost: x\r\nCookie: a=b; c=d\r\n\r\n");
    w->len = 0;
    wait_for(w, "hello");
    assert_string_equal(w->seen, "0 /again q=- body= peer=127.0.0.1");
    assert_int_equal(w->served, 2);
    assert_int_equal(http_connections(w->http), 1);
}

static void test_head_has_no_body(void **state)
{
    struct world *w = *state;
    ASK(w, "HEAD /x HTTP/1.1\r\nHost: x\r\n\r\n", "\r\n\r\n");
    assert_non_null(strstr(w->reply, "Content-Length: 5"));
    assert_null(strstr(w->reply, "hello"));
}

static void test_bodies(void **state)
{
    struct world *w = *state;
    ASK(w, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "hello");
    assert_string_equal(w->seen, "1 /p q=- body=abc peer=127.0.0.1");
    ASK(w,
        "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        "2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n",
        "hello");
    assert_string_equal(w->seen, "1 /p q=- body=abcd peer=127.0.0.1");
    ASK(w, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n", "API_BODY");
    assert_non_null(strstr(w->reply, "API_BODY"));
    ASK(w, "GET /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\nx", "API_BODY");
    assert_non_null(strstr(w->reply, "API_BODY"));
}

static void test_chunks_without_end_are_cut_off(void **state)
{
    struct world *w = *state;
    static const char chunk[] = "1f4\r\n"; /* 500 bytes a chunk; the third one is too much */
    char block[500];
    memset(block, 'x', sizeof block);
    connect_client(w);
    SAY(w, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 3 && !w->closed; i++) {
        say(w, chunk, sizeof chunk - 1);
        say(w, block, sizeof block);
        SAY(w, "\r\n");
        for (int k = 0; k < 10; k++)
            io_step(w->io, 1);
    }
    wait_for(w, "never");
    assert_true(w->closed);
    assert_int_equal(w->served, 0);
}

static void test_answer_later(void **state)
{
    struct world *w = *state;
    connect_client(w);
    SAY(w, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    while (!w->waiting)
        io_step(w->io, 20);
    assert_int_equal(w->len, 0);
    http_answer(w->waiting, 202, NULL, NULL, 0);
    wait_for(w, "\r\n\r\n");
    assert_non_null(strstr(w->reply, "202"));
}

static void test_stream(void **state)
{
    struct world *w = *state;
    connect_client(w);
    SAY(w, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(w, "\r\n\r\n");
    assert_non_null(strstr(w->reply, "text/event-stream"));
    for (int i = 0; i < 3; i++) {
        w->len = 0;
        w->chunk = "data: one\n\n";
        http_stream_wake(w->stream);
        http_stream_wake(w->stream); /* twice does no harm */
        wait_for(w, "data: one");
        assert_false(w->closed);
    }
    w->chunk = "";
    http_stream_wake(w->stream);
    wait_for(w, "0\r\n\r\n");
    for (int i = 0; i < 100 && w->stream; i++)
        io_step(w->io, 20);
    assert_null(w->stream);
    assert_int_equal(w->gone, 1);
}

static void test_stream_notices_that_its_client_left(void **state)
{
    struct world *w = *state;
    connect_client(w);
    SAY(w, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
    wait_for(w, "\r\n\r\n");
    io_stream_abort(w->client);
    w->client = NULL;
    for (int i = 0; i < 500 && w->stream; i++) {
        w->chunk = ": beat\n\n";
        http_stream_wake(w->stream);
        io_step(w->io, 5);
    }
    assert_null(w->stream);
}

/* ---- what is refused ---- */

struct bad {
    const char *name, *bytes;
    size_t len;
};
#define BAD(name, text)                                                                            \
    {                                                                                              \
        name, text, sizeof(text) - 1                                                               \
    }

static void test_malformed_requests(void **state)
{
    struct world *w = *state;
    static const struct bad list[] = {
        BAD("length and coding", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
        BAD("two lengths", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
                           "Content-Length: 5\r\n\r\nabcd"),
        BAD("two hosts", "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
        BAD("no host", "GET / HTTP/1.1\r\n\r\n"),
        BAD("blank before colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
        BAD("NUL in a value", "GET / HTTP/1.1\r\nHost: x\r\nX: a\0bcd\r\n\r\n"),
        BAD("NUL in the target", "GET /a\0b HTTP/1.1\r\nHost: x\r\n\r\n"),
        BAD("control byte", "GET / HTTP/1.1\r\nHost: x\r\nX: a\x01b\r\n\r\n"),
        BAD("folded line", "GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n  b\r\n\r\n"),
        BAD("bare line feeds", "GET / HTTP/1.1\nHost: x\nX: y\n\n"),
        BAD("absolute target", "GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n"),
        BAD("escaped NUL", "GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n"),
        BAD("escaped slash", "GET /a%2fb HTTP/1.1\r\nHost: x\r\n\r\n"),
        BAD("broken escape", "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n"),
        BAD("unknown coding", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n"),
        BAD("garbage", "\x16\x03\x01\x02\r\n\r\n"),
    };
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) {
        w->seen[0] = '\0';
        exchange(w, list[i].bytes, list[i].len, "\r\n\r\n");
        if (w->seen[0] || strstr(w->reply, "hello"))
            fail_msg("%s was served: %s", list[i].name, w->seen);
        if (!w->closed && !strstr(w->reply, "HTTP/1.1 400"))
            fail_msg("%s was answered by %.40s", list[i].name, w->reply);
    }
    ASK(w, "GET /alive HTTP/1.1\r\nHost: x\r\n\r\n", "hello");
    assert_non_null(strstr(w->reply, "hello"));
}

static void test_too_much_head(void **state)
{
    struct world *w = *state;
    static char big[20'000];
    memset(big, 'a', sizeof big);
    connect_client(w);
    SAY(w, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    say(w, big, sizeof big);
    SAY(w, "\r\n\r\n");
    wait_for(w, "\r\n\r\n");
    assert_string_equal(w->seen, "");
    assert_true(strstr(w->reply, "API_HEADERS") || strstr(w->reply, "431") || w->closed);
    connect_client(w);
    SAY(w, "GET / HTTP/1.1\r\nHost: x\r\n");
    for (int i = 0; i < 100; i++)
        SAY(w, "X: y\r\n");
    SAY(w, "\r\n");
    wait_for(w, "\r\n\r\n");
    assert_string_equal(w->seen, "");
}

/* Silence is the library's business; drops of bytes that keep the line warm are ours. */
static void test_slow_head_is_cut_off(void **state)
{
    struct world *w = *state;
    static const char text[] = "GET / HTTP/1.1\r\nHost: x\r\nX: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    connect_client(w);
    mono_ms end = mono_after(io_mono_real(w->io), 10'000), next = io_mono_real(w->io);
    for (size_t i = 0; !w->closed && !mono_due(end, io_mono_real(w->io));) {
        if (mono_due(next, io_mono_real(w->io))) {
            say(w, i < sizeof text - 1 ? &text[i++] : "a", 1);
            next = mono_after(io_mono_real(w->io), 20);
        }
        io_step(w->io, 20);
    }
    assert_true(w->closed);
    assert_int_equal(w->served, 0);
    connect_client(w); /* whoever waits for our answer is not slow */
    SAY(w, "GET /later HTTP/1.1\r\nHost: x\r\n\r\n");
    end = mono_after(io_mono_real(w->io), 1500);
    while (!mono_due(end, io_mono_real(w->io)))
        io_step(w->io, 100);
    http_answer(w->waiting, 202, NULL, NULL, 0);
    wait_for(w, "\r\n\r\n");
    assert_non_null(strstr(w->reply, "202"));
}

static void test_query_twice(void **state)
{
    struct world *w = *state;
    ASK(w, "GET /x?q=1&q=2 HTTP/1.1\r\nHost: x\r\n\r\n", "hello");
    assert_string_equal(w->seen, "0 /x q=API_FIELD body= peer=127.0.0.1");
    ASK(w, "GET /x?qq=1&q HTTP/1.1\r\nHost: x\r\n\r\n", "hello");
    assert_string_equal(w->seen, "0 /x q= body= peer=127.0.0.1");
    ASK(w, "GET /x?q=%zz HTTP/1.1\r\nHost: x\r\n\r\n", "hello");
    assert_string_equal(w->seen, "0 /x q=API_FIELD body= peer=127.0.0.1");
}

static void test_address_in_use(void **state)
{
    struct world *w = *state;
    struct http *second;
    struct http_options o = {.io = w->io, .host = "not an address"};
    assert_err(ERR_IO_ADDRESS, http_open(&second, &o));
    o.host = "127.0.0.1";
    o.port = http_port(w->http);
    assert_err(ERR_IO_ADDRESS, http_open(&second, &o));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_get),
        CASE(test_head_has_no_body),
        CASE(test_bodies),
        CASE(test_chunks_without_end_are_cut_off),
        CASE(test_answer_later),
        CASE(test_stream),
        CASE(test_stream_notices_that_its_client_left),
        CASE(test_malformed_requests),
        CASE(test_too_much_head),
        CASE(test_slow_head_is_cut_off),
        CASE(test_query_twice),
        CASE(test_address_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
