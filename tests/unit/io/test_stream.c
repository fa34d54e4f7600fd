/* TCP and TLS streams on real sockets: order, back-pressure, ends, and every refusal. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "io/io.h"
#include "io/log.h"
#include "io/pki.h"
#include "tests/unit/io/loop.h"

struct end {
    struct io_stream *stream;
    bool opened, closed, drained;
    enum err why;
    uint8_t *data;
    size_t room, len;
    size_t pause_at; /* pause when that many bytes are here */
};

static void on_opened(void *arg, struct io_stream *s)
{
    struct end *e = arg;
    assert_ptr_equal(e->stream, s);
    e->opened = true;
}

/* The room doubles: a copy for each read takes half a minute with sanitizers. */
static void on_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    struct end *e = arg;
    while (e->len + len > e->room) {
        e->room = e->room ? 2 * e->room : 4096;
        e->data = realloc(e->data, e->room);
    }
    memcpy(e->data + e->len, data, len);
    e->len += len;
    if (e->pause_at > 0 && e->len >= e->pause_at)
        io_stream_pause(s);
}

static void on_drained(void *arg, struct io_stream *s)
{
    (void)s;
    ((struct end *)arg)->drained = true;
}

static void on_closed(void *arg, struct io_stream *s, enum err why)
{
    struct end *e = arg;
    assert_false(e->closed);
    (void)s;
    e->closed = true;
    e->why = why;
    e->stream = NULL;
}

static const struct io_stream_events EVENTS = {on_opened, on_received, on_drained, on_closed};

static void on_accepted(void *arg, struct io_stream *s)
{
    struct end *e = arg;
    if (e->stream != NULL) {
        io_stream_close(s);
        return;
    }
    e->stream = s;
    e->opened = true;
    io_stream_handle(s, &EVENTS, e);
}

/* A project's CA, the platform's certificate, a gateway's; and a stranger's CA. */
struct world {
    struct io *io;
    struct io_listener *listener;
    struct io_tls *server_tls, *client_tls;
    struct end server, client;
    struct pki_pem ca, ca_key, server_pem, server_key, gateway_pem, gateway_key;
    struct pki_pem other_ca, other_ca_key, other_pem, other_key;
};

static void make_gateway(struct world *w, const struct pki_pem *ca, const struct pki_pem *ca_key,
                         struct pki_pem *certificate, struct pki_pem *key)
{
    struct pki_request request;
    assert_ok(pki_key_make(key));
    assert_ok(pki_request_make(key, "GW-1", &request));
    struct pki_sign by = {ca, ca_key, "gateway 1", io_wall_real(w->io), 365};
    assert_ok(pki_request_sign(&by, (struct bytes){request.der, request.len}, certificate));
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    assert_ok(io_open(&w->io, &(struct io_options){0}));
    wall_s now = io_wall_real(w->io);
    assert_ok(pki_ca_make("Campus CA", now, &w->ca, &w->ca_key));
    assert_ok(pki_server_make(&w->ca, &w->ca_key, "localhost,127.0.0.1", now, &w->server_pem,
                              &w->server_key));
    make_gateway(w, &w->ca, &w->ca_key, &w->gateway_pem, &w->gateway_key);
    assert_ok(pki_ca_make("Stranger CA", now, &w->other_ca, &w->other_ca_key));
    make_gateway(w, &w->other_ca, &w->other_ca_key, &w->other_pem, &w->other_key);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    io_close(w->io);
    io_tls_close(w->server_tls);
    io_tls_close(w->client_tls);
    free(w->server.data);
    free(w->client.data);
    free(w);
    return 0;
}

static void tls(struct io_tls **out, bool server, const struct pki_pem *ca,
                const struct pki_pem *certificate, const struct pki_pem *key)
{
    struct io_tls_options o = {.ca = pki_pem_bytes(ca), .server = server};
    if (certificate != NULL) {
        o.certificate = pki_pem_bytes(certificate);
        o.key = pki_pem_bytes(key);
    }
    assert_ok(io_tls_open(out, &o));
}

static void tls_both(struct world *w)
{
    tls(&w->server_tls, true, &w->ca, &w->server_pem, &w->server_key);
    tls(&w->client_tls, false, &w->ca, &w->gateway_pem, &w->gateway_key);
}

static void listen_and_connect(struct world *w)
{
    struct io_listen_options l = {
        .tls = w->server_tls, .accepted = on_accepted, .arg = &w->server, .max_streams = 3};
    assert_ok(io_listen(w->io, &l, &w->listener));
    struct io_connect_options c = {.host = "127.0.0.1",
                                   .port = io_listener_port(w->listener),
                                   .tls = w->client_tls,
                                   .events = &EVENTS,
                                   .arg = &w->client};
    assert_ok(io_connect(w->io, &c, &w->client.stream));
    assert_false(w->client.opened);
}

static void send(struct end *e, const char *text)
{
    assert_ok(io_stream_write(e->stream, (const uint8_t *)text, strlen(text)));
}

/* ---- the same tests on plain and on TLS streams --------------------------------------------- */

static void bytes_go_both_ways(struct world *w)
{
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
    assert_int_equal(strncmp(io_stream_peer(w->server.stream), "127.0.0.1:", 10), 0);
    send(&w->client, "up");
    send(&w->client, "link");
    send(&w->server, "down");
    UNTIL(w->io, w->server.len == 6 && w->client.len == 4);
    assert_memory_equal(w->server.data, "uplink", 6);
    assert_memory_equal(w->client.data, "down", 4);
    /* What was written before a close still arrives; then the other side learns of the end. */
    send(&w->server, " and out");
    io_stream_close(w->server.stream);
    UNTIL(w->io, w->client.closed);
    assert_int_equal(w->client.len, 12);
    assert_err(ERR_IO_CLOSED, w->client.why);
    assert_false(w->server.closed); /* not told what it asked for itself */
}

static void plain_bytes_go_both_ways(void **state)
{
    bytes_go_both_ways(*state);
}

static void tls_bytes_go_both_ways(void **state)
{
    tls_both(*state);
    bytes_go_both_ways(*state);
}

static void slow_reader(struct world *w)
{
    enum { CHUNK = 64 * 1024 };
    static uint8_t chunk[CHUNK];
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
    w->server.pause_at = 1;
    size_t sent = 0;
    for (uint8_t i = 0;; i++) {
        memset(chunk, i, sizeof chunk);
        if (io_stream_write(w->client.stream, chunk, sizeof chunk) != ERR_OK)
            break;
        sent += sizeof chunk;
        io_step(w->io, 0);
    }
    assert_err(ERR_FULL, io_stream_write(w->client.stream, chunk, sizeof chunk));
    assert_true(io_stream_waiting(w->client.stream) > IO_STREAM_MAX - CHUNK - 4096);
    size_t before = w->server.len;
    assert_true(before < sent);
    for (int i = 0; i < 50; i++)
        io_step(w->io, 0);
    assert_int_equal(w->server.len, before); /* paused is paused */
    w->server.pause_at = 0;
    io_stream_resume(w->server.stream);
    assert_int_equal(w->server.len, before); /* nothing inside the call */
    UNTIL(w->io, w->server.len == sent && w->client.drained);
    for (size_t i = 0; i < sent; i += CHUNK / 2)
        assert_int_equal(w->server.data[i], (uint8_t)(i / CHUNK));
}

static void plain_writer_waits_for_slow_reader(void **state)
{
    slow_reader(*state);
}

static void tls_writer_waits_for_slow_reader(void **state)
{
    tls_both(*state);
    slow_reader(*state);
}

/* ---- plain only ----------------------------------------------------------------------------- */

static void refusals_come_through_closed(void **state)
{
    struct world *w = *state;
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
    uint16_t port = io_listener_port(w->listener);
    io_listener_close(w->listener);
    send(&w->client, "the stream outlives its listener");
    UNTIL(w->io, w->server.len == 32);

    struct end e = {0};
    struct io_connect_options c = {.host = "127.0.0.1", .port = port, .events = &EVENTS, .arg = &e};
    assert_ok(io_connect(w->io, &c, &e.stream));
    assert_err(ERR_IO_CLOSED, io_stream_write(e.stream, (const uint8_t *)"x", 1));
    assert_false(e.closed);
    UNTIL(w->io, e.closed);
    assert_err(ERR_IO_REFUSED, e.why);

    e = (struct end){0};
    c.host = "no.such.host.invalid";
    assert_ok(io_connect(w->io, &c, &e.stream));
    UNTIL(w->io, e.closed);
    assert_err(ERR_IO_ADDRESS, e.why);

    e = (struct end){0};
    assert_ok(io_connect(w->io, &c, &e.stream));
    io_stream_abort(e.stream); /* while the name is being looked up */
    struct end f = {0};
    c.host = "127.0.0.1";
    c.arg = &f;
    assert_ok(io_connect(w->io, &c, &f.stream));
    UNTIL(w->io, f.closed);
    assert_false(e.closed);
}

static void names_are_resolved(void **state)
{
    struct world *w = *state;
    struct io_listen_options l = {.accepted = on_accepted, .arg = &w->server};
    assert_ok(io_listen(w->io, &l, &w->listener));
    struct io_connect_options c = {.host = "localhost",
                                   .port = io_listener_port(w->listener),
                                   .events = &EVENTS,
                                   .arg = &w->client};
    assert_ok(io_connect(w->io, &c, &w->client.stream));
    UNTIL(w->io, w->client.opened || w->client.closed);
    assert_true(w->client.opened);
}

static void bad_addresses_are_refused_at_once(void **state)
{
    struct world *w = *state;
    listen_and_connect(w);
    struct io_listener *second;
    struct io_listen_options l = {.port = io_listener_port(w->listener), .accepted = on_accepted};
    assert_err(ERR_IO_ADDRESS, io_listen(w->io, &l, &second));
    l.host = "example";
    assert_err(ERR_IO_ADDRESS, io_listen(w->io, &l, &second));
}

static void too_many_streams_are_closed(void **state)
{
    struct world *w = *state;
    struct io_listen_options l = {.accepted = on_accepted, .arg = &w->server, .max_streams = 1};
    assert_ok(io_listen(w->io, &l, &w->listener));
    struct io_connect_options c = {.host = "127.0.0.1",
                                   .port = io_listener_port(w->listener),
                                   .events = &EVENTS,
                                   .arg = &w->client};
    assert_ok(io_connect(w->io, &c, &w->client.stream));
    UNTIL(w->io, w->server.opened);
    struct end e = {0};
    c.arg = &e;
    assert_ok(io_connect(w->io, &c, &e.stream));
    UNTIL(w->io, e.closed);
    /* A place becomes free again. */
    io_stream_close(w->client.stream);
    UNTIL(w->io, w->server.closed);
    w->server.opened = false;
    e = (struct end){0};
    assert_ok(io_connect(w->io, &c, &e.stream));
    UNTIL(w->io, w->server.opened);
}

static void close_inside(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)data;
    (void)len;
    ((struct end *)arg)->len++;
    io_stream_abort(s);
}

static void a_callback_may_close_its_own_stream(void **state)
{
    static const struct io_stream_events CLOSING = {on_opened, close_inside, NULL, on_closed};
    struct world *w = *state;
    tls_both(w);
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
    io_stream_handle(w->server.stream, &CLOSING, &w->server);
    send(&w->client, "one record");
    send(&w->client, "another that nobody wants");
    UNTIL(w->io, w->client.closed);
    assert_int_equal(w->server.len, 1);
    assert_false(w->server.closed);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

static void certificates_are_shown_by_their_hash(void **state)
{
    struct world *w = *state;
    uint8_t seen[32], expected[32];
    tls_both(w);
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
    assert_true(io_stream_certificate(w->server.stream, seen));
    assert_ok(pki_fingerprint(pki_pem_bytes(&w->gateway_pem), expected));
    assert_memory_equal(seen, expected, 32);
    assert_true(io_stream_certificate(w->client.stream, seen));
    assert_ok(pki_fingerprint(pki_pem_bytes(&w->server_pem), expected));
    assert_memory_equal(seen, expected, 32);
}

static void no_client_certificate_is_allowed(void **state)
{
    struct world *w = *state;
    uint8_t seen[32];
    tls(&w->server_tls, true, &w->ca, &w->server_pem, &w->server_key);
    tls(&w->client_tls, false, &w->ca, NULL, NULL);
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
    assert_false(io_stream_certificate(w->server.stream, seen));
}

/* In TLS 1.3 a client learns that its certificate was refused after it believes itself open. */
static void expect_refusal(struct world *w)
{
    listen_and_connect(w);
    UNTIL(w->io, w->client.closed);
    assert_err(ERR_TLS, w->client.why);
    assert_false(w->server.opened);
}

static void client_of_another_ca_is_refused(void **state)
{
    struct world *w = *state;
    tls(&w->server_tls, true, &w->ca, &w->server_pem, &w->server_key);
    tls(&w->client_tls, false, &w->ca, &w->other_pem, &w->other_key);
    expect_refusal(w);
}

static void server_of_another_ca_is_refused(void **state)
{
    struct world *w = *state;
    tls(&w->server_tls, true, &w->ca, &w->server_pem, &w->server_key);
    tls(&w->client_tls, false, &w->other_ca, NULL, NULL);
    expect_refusal(w);
    assert_false(w->client.opened);
}

static void gateway_cannot_play_the_platform(void **state)
{
    struct world *w = *state;
    tls(&w->server_tls, true, &w->ca, &w->gateway_pem, &w->gateway_key);
    tls(&w->client_tls, false, &w->ca, NULL, NULL);
    expect_refusal(w);
    assert_false(w->client.opened);
}

static void expired_certificate_is_refused(void **state)
{
    struct world *w = *state;
    struct pki_pem old, old_key;
    assert_ok(pki_server_make(&w->ca, &w->ca_key, "localhost",
                              (wall_s){io_wall_real(w->io).s - 3 * 365 * 86'400}, &old, &old_key));
    tls(&w->server_tls, true, &w->ca, &old, &old_key);
    tls(&w->client_tls, false, &w->ca, NULL, NULL);
    expect_refusal(w);
}

/* The sides' clocks are a year apart: the one that is behind has lost its battery. */
static void certificate_of_the_future_is_taken(void **state)
{
    struct world *w = *state;
    struct pki_pem ahead, ahead_key;
    assert_ok(pki_server_make(&w->ca, &w->ca_key, "localhost",
                              (wall_s){io_wall_real(w->io).s + 365 * 86'400}, &ahead, &ahead_key));
    tls(&w->server_tls, true, &w->ca, &ahead, &ahead_key);
    tls(&w->client_tls, false, &w->ca, &w->gateway_pem, &w->gateway_key);
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
}

static int64_t four_years(void *arg)
{
    (void)arg;
    return INT64_C(4 * 365 * 86'400);
}

/* The clock is known to be years ahead: what it would call expired is not. */
static void a_corrected_clock_judges_certificates(void **state)
{
    struct world *w = *state;
    struct pki_pem old, old_key;
    int64_t clock_s = io_wall_clock(w->io).s;
    io_wall_correct(w->io, four_years, NULL);
    assert_in_range(io_wall(w->io).s, clock_s - four_years(NULL), clock_s - four_years(NULL) + 60);
    assert_in_range(io_wall_real(w->io).s, clock_s - four_years(NULL),
                    clock_s - four_years(NULL) + 60);
    assert_ok(
        pki_server_make(&w->ca, &w->ca_key, "localhost", io_wall_real(w->io), &old, &old_key));
    tls(&w->server_tls, true, &w->ca, &old, &old_key);
    tls(&w->client_tls, false, &w->ca, &w->gateway_pem, &w->gateway_key);
    listen_and_connect(w);
    UNTIL(w->io, w->client.opened && w->server.opened);
    io_wall_correct(w->io, NULL, NULL);
}

static int64_t four_years_behind(void *arg)
{
    return -four_years(arg);
}

/* And it is known to be years behind: what it would call valid has expired. */
static void a_corrected_clock_sees_what_has_expired(void **state)
{
    struct world *w = *state;
    io_wall_correct(w->io, four_years_behind, NULL);
    tls_both(w);
    expect_refusal(w);
    io_wall_correct(w->io, NULL, NULL);
}

static void plain_talk_to_a_tls_port_is_refused(void **state)
{
    struct world *w = *state;
    tls(&w->server_tls, true, &w->ca, &w->server_pem, &w->server_key);
    listen_and_connect(w); /* without a client context */
    UNTIL(w->io, w->client.opened);
    send(&w->client, "GET / HTTP/1.1\r\n\r\n");
    UNTIL(w->io, w->client.closed);
    assert_false(w->server.opened);
}

static void wrong_pems_make_no_context(void **state)
{
    struct world *w = *state;
    struct io_tls *t;
    struct bytes junk = {(const uint8_t *)"-----BEGIN", 10};
    struct io_tls_options o = {.ca = junk};
    assert_err(ERR_TLS, io_tls_open(&t, &o));
    o = (struct io_tls_options){.ca = pki_pem_bytes(&w->ca), .server = true};
    assert_err(ERR_TLS, io_tls_open(&t, &o)); /* a server without a certificate */
    o.certificate = pki_pem_bytes(&w->server_pem);
    o.key = pki_pem_bytes(&w->gateway_key);
    assert_err(ERR_TLS, io_tls_open(&t, &o)); /* the key of somebody else */
}

/* ---- certificates --------------------------------------------------------------------------- */

static void requests_prove_possession(void **state)
{
    struct world *w = *state;
    struct pki_request request;
    struct pki_pem out;
    struct pki_sign by = {&w->ca, &w->ca_key, "gateway 1", io_wall_real(w->io), 365};
    assert_ok(pki_request_make(&w->gateway_key, "GW-1", &request));
    assert_ok(pki_request_sign(&by, (struct bytes){request.der, request.len}, &out));
    for (size_t cut = 0; cut < request.len; cut++)
        assert_err(ERR_TLS, pki_request_sign(&by, (struct bytes){request.der, cut}, &out));
    for (size_t i = 0; i < request.len; i++) {
        request.der[i] ^= 0x01;
        if (pki_request_sign(&by, (struct bytes){request.der, request.len}, &out) == ERR_OK)
            fail_msg("a request altered at byte %zu was signed", i);
        request.der[i] ^= 0x01;
    }
    by.ca_key = &w->other_ca_key; /* a CA key that is not this CA's */
    assert_err(ERR_TLS, pki_request_sign(&by, (struct bytes){request.der, request.len}, &out));
}

static void server_names_are_checked(void **state)
{
    struct world *w = *state;
    struct pki_pem c, k;
    wall_s now = io_wall_real(w->io);
    static const char *const BAD[] = {"", ",", "a,,b", "a b", "URI:x", "a;b", "email:me"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        assert_err(ERR_SYNTAX, pki_server_make(&w->ca, &w->ca_key, BAD[i], now, &c, &k));
}

static void hide(void *arg, const char *line)
{
    (void)arg;
    (void)line;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_bytes_go_both_ways),
        TEST(tls_bytes_go_both_ways),
        TEST(plain_writer_waits_for_slow_reader),
        TEST(tls_writer_waits_for_slow_reader),
        TEST(refusals_come_through_closed),
        TEST(names_are_resolved),
        TEST(bad_addresses_are_refused_at_once),
        TEST(too_many_streams_are_closed),
        TEST(a_callback_may_close_its_own_stream),
        TEST(certificates_are_shown_by_their_hash),
        TEST(no_client_certificate_is_allowed),
        TEST(client_of_another_ca_is_refused),
        TEST(server_of_another_ca_is_refused),
        TEST(gateway_cannot_play_the_platform),
        TEST(expired_certificate_is_refused),
        TEST(certificate_of_the_future_is_taken),
        TEST(a_corrected_clock_judges_certificates),
        TEST(a_corrected_clock_sees_what_has_expired),
        TEST(plain_talk_to_a_tls_port_is_refused),
        TEST(wrong_pems_make_no_context),
        TEST(requests_prove_possession),
        TEST(server_names_are_checked),
    };
    log_set_sink(hide, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
