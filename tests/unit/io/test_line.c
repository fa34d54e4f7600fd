/* Bus lines: pseudo-terminals and TCP serial servers, lost and found again. */
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "io/io.h"
#include "tests/unit/io/loop.h"

struct side {
    int up, down;
    enum err why;
    uint8_t data[512];
    size_t len;
};

static void on_up(void *arg, struct io_line *l)
{
    (void)l;
    ((struct side *)arg)->up++;
}

static void on_down(void *arg, struct io_line *l, enum err why)
{
    (void)l;
    ((struct side *)arg)->down++;
    ((struct side *)arg)->why = why;
}

static void keep(struct side *s, const uint8_t *data, size_t len)
{
    assert_true(s->len + len <= sizeof s->data);
    memcpy(s->data + s->len, data, len);
    s->len += len;
}

static void on_line_received(void *arg, struct io_line *l, const uint8_t *data, size_t len)
{
    (void)l;
    keep(arg, data, len);
}

static void on_pty_received(void *arg, struct io_pty *p, const uint8_t *data, size_t len)
{
    (void)p;
    keep(arg, data, len);
}

static const struct io_line_events LINE = {on_up, on_down, on_line_received};
static const struct io_pty_events PTY = {on_pty_received};

static struct io *start(void)
{
    struct io *io;
    assert_ok(io_open(&io, &(struct io_options){0}));
    return io;
}

static struct io_line *open_line(struct io *io, const char *endpoint, char parity, struct side *s)
{
    struct io_line *l;
    struct io_line_options o = {endpoint, 2400, parity, &LINE, s, 0};
    assert_ok(io_line_open(io, &o, &l));
    assert_false(io_line_is_up(l));
    return l;
}

static void pty_carries_every_byte_value_both_ways(void **state)
{
    (void)state;
    struct io *io = start();
    struct side line = {0}, meters = {0};
    struct io_pty *p;
    assert_ok(io_pty_open(io, &PTY, &meters, &p));
    char endpoint[80];
    snprintf(endpoint, sizeof endpoint, "serial:%s", io_pty_path(p));
    struct io_line *l = open_line(io, endpoint, 'E', &line);
    assert_err(ERR_IO_CLOSED, io_line_write(l, (const uint8_t *)"x", 1));
    UNTIL(io, line.up == 1);
    uint8_t all[256];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_ok(io_line_write(l, all, sizeof all));
    UNTIL(io, meters.len == 256);
    assert_memory_equal(meters.data, all, 256);
    assert_ok(io_pty_write(p, all, sizeof all));
    UNTIL(io, line.len == 256); /* no echo, no CR/LF games, no XON/XOFF */
    assert_memory_equal(line.data, all, 256);
    assert_int_equal(meters.len, 256);

    /* A second master on the same device is kept out, and comes in when the first has gone. */
    struct side second = {0};
    struct io_line *m = open_line(io, endpoint, 'E', &second);
    UNTIL(io, second.down >= 1);
    assert_err(ERR_IO_FILE, second.why);
    io_line_close(l);
    UNTIL(io, second.up == 1);
    io_line_close(m);
    io_close(io);
}

static void device_gets_its_baud_rate_and_parity(void **state)
{
    (void)state;
    struct io *io = start();
    struct side line = {0}, meters = {0};
    struct io_pty *p;
    assert_ok(io_pty_open(io, &PTY, &meters, &p));
    char endpoint[80];
    snprintf(endpoint, sizeof endpoint, "serial:%s", io_pty_path(p));
    open_line(io, endpoint, 'E', &line);
    UNTIL(io, line.up == 1);
    int fd = open(io_pty_path(p), O_RDWR | O_NOCTTY);
    struct termios t;
    assert_int_equal(tcgetattr(fd, &t), 0);
    close(fd);
    assert_int_equal(cfgetospeed(&t), B2400);
    assert_int_equal(cfgetispeed(&t), B2400);
    assert_int_equal(t.c_cflag & CSIZE, CS8);
    assert_int_equal(t.c_cflag & CSTOPB, 0);
    assert_int_equal(t.c_lflag & (ECHO | ICANON | ISIG), 0);
    assert_true((t.c_iflag & INPCK) != 0); /* a pseudo-terminal itself drops PARENB */
    io_close(io);
}

static void lost_device_comes_back(void **state)
{
    (void)state;
    struct io *io = start();
    struct side line = {0}, meters = {0};
    struct io_pty *p;
    char path[] = "/tmp/yufu-test-line.XXXXXX";
    close(mkstemp(path));
    unlink(path);
    char endpoint[80];
    snprintf(endpoint, sizeof endpoint, "serial:%s", path);
    struct io_line *l = open_line(io, endpoint, 'N', &line);
    UNTIL(io, line.down == 1); /* nothing is there yet */
    assert_err(ERR_IO_FILE, line.why);
    assert_ok(io_pty_open(io, &PTY, &meters, &p));
    assert_int_equal(symlink(io_pty_path(p), path), 0);
    UNTIL(io, line.up == 1);
    assert_ok(io_pty_write(p, (const uint8_t *)"a", 1));
    UNTIL(io, line.len == 1);
    int downs = line.down;
    io_pty_close(p); /* the plug is pulled */
    UNTIL(io, line.down > downs);
    assert_false(io_line_is_up(l));
    unlink(path);
    assert_ok(io_pty_open(io, &PTY, &meters, &p));
    assert_int_equal(symlink(io_pty_path(p), path), 0);
    UNTIL(io, line.up == 2);
    unlink(path);
    io_close(io);
}

static struct io_stream *accepted;
static struct side at_server;

static void on_stream_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)s;
    keep(&at_server, data, len);
}

static void on_stream_closed(void *arg, struct io_stream *s, enum err why)
{
    (void)arg;
    (void)s;
    (void)why;
    accepted = NULL;
}

static void on_accepted(void *arg, struct io_stream *s)
{
    static const struct io_stream_events EVENTS = {.received = on_stream_received,
                                                   .closed = on_stream_closed};
    accepted = s;
    io_stream_handle(s, &EVENTS, arg);
}

static void tcp_serial_server_is_opened_again(void **state)
{
    (void)state;
    struct io *io = start();
    struct side line = {0};
    struct io_listener *listener;
    struct io_listen_options o = {.accepted = on_accepted};
    assert_ok(io_listen(io, &o, &listener));
    o.port = io_listener_port(listener);
    char endpoint[80];
    snprintf(endpoint, sizeof endpoint, "tcp:127.0.0.1:%u", o.port);
    struct io_line *l = open_line(io, endpoint, 'N', &line);
    UNTIL(io, line.up == 1 && accepted != NULL);
    assert_ok(io_line_write(l, (const uint8_t *)"\xFE\x68", 2));
    UNTIL(io, at_server.len == 2);
    io_listener_close(listener);
    io_stream_abort(accepted);
    UNTIL(io, line.down >= 2); /* lost, and at least one attempt failed */
    assert_err(ERR_IO_REFUSED, line.why);
    assert_ok(io_listen(io, &o, &listener));
    UNTIL(io, line.up == 2);
    io_close(io);
}

/* It takes the connection and serves nobody on it. */
static void tcp_serial_server_that_never_answers_is_connected_to_anew(void **state)
{
    (void)state;
    struct io *io = start();
    struct side line = {0};
    struct io_listener *listener;
    struct io_line *l;
    struct io_listen_options server = {.accepted = on_accepted};
    char endpoint[80];
    assert_ok(io_listen(io, &server, &listener));
    snprintf(endpoint, sizeof endpoint, "tcp:127.0.0.1:%u", io_listener_port(listener));
    struct io_line_options o = {
        .endpoint = endpoint, .parity = 'N', .deaf_ms = 150, .events = &LINE, .arg = &line};
    assert_ok(io_line_open(io, &o, &l));
    at_server.len = 0;
    UNTIL(io, line.up == 1 && accepted != NULL);
    mono_ms begun = io_mono_real(io);
    while (io_mono_real(io).ms < begun.ms + 600) { /* nothing is asked: it may be silent */
        mono_ms soon = mono_after(io_mono_real(io), 20);
        UNTIL(io, mono_due(soon, io_mono_real(io)));
    }
    assert_int_equal(line.down, 0);
    assert_ok(io_line_write(l, (const uint8_t *)"\xFE\x68", 2));
    UNTIL(io, line.down == 1);
    assert_err(ERR_BUS_SILENT, line.why);
    UNTIL(io, line.up == 2 && accepted != NULL);
    int rounds = 0;
    for (begun = io_mono_real(io); io_mono_real(io).ms < begun.ms + 600; rounds++) { /* served */
        assert_ok(io_line_write(l, (const uint8_t *)"\xFE", 1));
        assert_ok(io_stream_write(accepted, (const uint8_t *)"\x16", 1));
        size_t had = line.len;
        UNTIL(io, line.len > had);
        line.len = 0;
        at_server.len = 0;
    }
    assert_true(rounds > 3);
    assert_int_equal(line.down, 1);
    io_close(io);
}

static void wrong_endpoints_are_named(void **state)
{
    (void)state;
    struct io *io = start();
    struct io_line *l;
    static const char *const BAD[] = {
        "",          "serial",     "serial:",        "tcp:",        "tcp:host",    "tcp::1",
        "tcp:host:", "tcp:host:0", "tcp:host:65536", "tcp:host:1x", "tcp:host:-1", "udp:host:1",
        "/dev/ttyS0"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        struct io_line_options o = {BAD[i], 2400, 'E', &LINE, NULL, 0};
        assert_err(ERR_SYNTAX, io_line_open(io, &o, &l));
    }
    struct io_line_options o = {"serial:/dev/ttyS0", 2401, 'E', &LINE, NULL, 0};
    assert_err(ERR_RANGE, io_line_open(io, &o, &l));
    o.baud = 2400;
    o.parity = 'e';
    assert_err(ERR_RANGE, io_line_open(io, &o, &l));
    io_close(io);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pty_carries_every_byte_value_both_ways),
        cmocka_unit_test(device_gets_its_baud_rate_and_parity),
        cmocka_unit_test(lost_device_comes_back),
        cmocka_unit_test(tcp_serial_server_is_opened_again),
        cmocka_unit_test(tcp_serial_server_that_never_answers_is_connected_to_anew),
        cmocka_unit_test(wrong_endpoints_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
