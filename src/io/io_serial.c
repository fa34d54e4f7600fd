/* Bus lines: a serial device or pseudo-terminal, or a TCP serial server; re-opened when lost. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/must.h"
#include "io/io_impl.h"

#define PAUSE_FIRST_REAL_MS 200
#define PAUSE_LAST_REAL_MS 60'000
#define LINE_WAITING_MAX 4096
#define HOST_MAX 128

struct io_line {
    struct io_object object;
    const struct io_line_events *events;
    void *arg;
    bool is_tcp, up;
    char path[HOST_MAX]; /* device, or host */
    uint16_t port;
    speed_t speed;
    char parity;
    int64_t pause_real_ms;
    struct io_timer retry;
    /* serial */
    int fd; /* -1: closed */
    uv_poll_t *poll;
    uint8_t out[LINE_WAITING_MAX];
    size_t out_len;
    /* tcp */
    struct io_stream *stream;
    int64_t deaf_ms;
    bool asked, heard; /* since `retry` was set last */
};

/* ---- endpoint and termios ------------------------------------------------------------------- */

static const struct {
    int64_t baud;
    speed_t speed;
} SPEEDS[] = {
    {300, B300},       {600, B600},       {1200, B1200},     {2400, B2400},   {4800, B4800},
    {9600, B9600},     {19200, B19200},   {38400, B38400},   {57600, B57600}, {115200, B115200},
    {230400, B230400}, {460800, B460800}, {921600, B921600},
};

static enum err find_speed(int64_t baud, speed_t *speed)
{
    for (size_t i = 0; i < sizeof SPEEDS / sizeof SPEEDS[0]; i++) {
        if (SPEEDS[i].baud == baud) {
            *speed = SPEEDS[i].speed;
            return ERR_OK;
        }
    }
    return ERR_RANGE;
}

static enum err parse_tcp(const char *text, struct io_line *l)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || (size_t)(colon - text) >= sizeof l->path)
        return ERR_SYNTAX;
    char *end;
    errno = 0;
    long port = strtol(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end != '\0' || port < 1 || port > 65535)
        return ERR_SYNTAX;
    memcpy(l->path, text, (size_t)(colon - text));
    l->path[colon - text] = '\0';
    l->port = (uint16_t)port;
    l->is_tcp = true;
    return ERR_OK;
}

static enum err parse_endpoint(const char *text, struct io_line *l)
{
    if (strncmp(text, "tcp:", 4) == 0)
        return parse_tcp(text + 4, l);
    if (strncmp(text, "serial:", 7) != 0 || text[7] == '\0' || strlen(text + 7) >= sizeof l->path)
        return ERR_SYNTAX;
    strcpy(l->path, text + 7);
    return ERR_OK;
}

/* Pseudo-terminals have no parity on their wire and drop the flag. */
static bool is_pty(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && major(st.st_rdev) >= 136 && major(st.st_rdev) <= 143;
}

static bool in_force(int fd, const struct termios *wished)
{
    struct termios t;
    tcflag_t looked_at = CSIZE | CSTOPB | CREAD | CLOCAL | (is_pty(fd) ? 0u : PARENB | PARODD);
    return tcgetattr(fd, &t) == 0 && ((t.c_cflag ^ wished->c_cflag) & looked_at) == 0 &&
           t.c_iflag == wished->c_iflag && (t.c_lflag & (ECHO | ICANON | ISIG | IEXTEN)) == 0 &&
           cfgetospeed(&t) == cfgetospeed(wished);
}

static bool set_terminal(int fd, speed_t speed, char parity)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return false;
    cfmakeraw(&t);
    t.c_cflag &= (tcflag_t) ~(CSIZE | CSTOPB | PARENB | PARODD | CRTSCTS);
    t.c_cflag |= CS8 | CLOCAL | CREAD;
    if (parity != 'N') {
        t.c_cflag |= PARENB | (parity == 'O' ? PARODD : 0u);
        t.c_iflag |= INPCK; /* a byte with wrong parity becomes 0 and fails the frame's checksum */
    } else {
        t.c_iflag &= (tcflag_t)~INPCK;
    }
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (cfsetspeed(&t, speed) != 0)
        return false;
    /* The result of tcsetattr says only whether anything was carried out; look what is in force. */
    (void)tcsetattr(fd, TCSANOW, &t);
    return in_force(fd, &t) && tcflush(fd, TCIOFLUSH) == 0;
}

/* ---- up and down ---------------------------------------------------------------------------- */

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void close_device(struct io_line *l)
{
    if (l->poll != NULL) {
        uv_poll_stop(l->poll);
        uv_close((uv_handle_t *)l->poll, on_poll_closed);
        l->poll = NULL;
    }
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    l->out_len = 0;
}

static void line_lost(struct io_line *l, enum err why)
{
    close_device(l);
    l->up = false;
    struct io *io = l->object.io;
    io_timer_set_real(&l->retry, mono_after(io_mono_real(io), l->pause_real_ms));
    l->pause_real_ms *= 2;
    if (l->pause_real_ms > PAUSE_LAST_REAL_MS)
        l->pause_real_ms = PAUSE_LAST_REAL_MS;
    l->events->down(l->arg, l, why);
}

static void listen_on(struct io_line *l)
{
    l->asked = l->heard = false;
    if (l->deaf_ms > 0)
        io_timer_set_real(&l->retry, mono_after(io_mono_real(l->object.io), l->deaf_ms));
}

/* Some serial servers take a connection and never serve it, or forget it: another one may do. */
static void judge_silence(struct io_line *l)
{
    if (!l->asked || l->heard) {
        listen_on(l);
        return;
    }
    io_stream_close(l->stream);
    l->stream = NULL;
    l->pause_real_ms = PAUSE_FIRST_REAL_MS;
    line_lost(l, ERR_BUS_SILENT);
}

static void line_found(struct io_line *l)
{
    l->up = true;
    l->events->up(l->arg, l);
}

static void line_received(struct io_line *l, const uint8_t *data, size_t len)
{
    l->pause_real_ms = PAUSE_FIRST_REAL_MS; /* it lives: the next loss is a new story */
    l->heard = true;
    l->events->received(l->arg, l, data, len);
}

/* ---- serial device -------------------------------------------------------------------------- */

static void on_device(uv_poll_t *poll, int status, int events);

static void watch_device(struct io_line *l)
{
    int events = UV_READABLE | (l->out_len > 0 ? UV_WRITABLE : 0);
    MUST(uv_poll_start(l->poll, events, on_device) == 0);
}

/* False: the device is gone. */
static bool flush_device(struct io_line *l)
{
    while (l->out_len > 0) {
        ssize_t n = write(l->fd, l->out, l->out_len);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        l->out_len -= (size_t)n;
        memmove(l->out, l->out + n, l->out_len);
    }
    return true;
}

static void on_device(uv_poll_t *poll, int status, int events)
{
    struct io_line *l = poll->data;
    uint8_t data[1024];
    if (status != 0) {
        line_lost(l, io_err_of_uv(status));
        return;
    }
    if ((events & UV_WRITABLE) != 0) {
        if (!flush_device(l)) {
            line_lost(l, ERR_IO);
            return;
        }
        watch_device(l);
    }
    if ((events & UV_READABLE) == 0)
        return;
    ssize_t n = read(l->fd, data, sizeof data);
    if (n > 0)
        line_received(l, data, (size_t)n);
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        line_lost(l, n == 0 ? ERR_IO_CLOSED : ERR_IO);
}

static enum err open_device(struct io_line *l)
{
    l->fd = open(l->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (l->fd < 0)
        return ERR_IO_FILE;
    /* Two masters on one bus would garble each other: the second gateway has to wait. */
    if (flock(l->fd, LOCK_EX | LOCK_NB) != 0 || !set_terminal(l->fd, l->speed, l->parity))
        return ERR_IO_FILE;
    l->poll = calloc(1, sizeof *l->poll);
    MUST(l->poll != NULL);
    if (uv_poll_init(&l->object.io->loop, l->poll, l->fd) != 0) {
        free(l->poll);
        l->poll = NULL;
        return ERR_IO_FILE;
    }
    l->poll->data = l;
    watch_device(l);
    return ERR_OK;
}

/* ---- TCP serial server ---------------------------------------------------------------------- */

static void on_stream_opened(void *arg, struct io_stream *s)
{
    (void)s;
    listen_on(arg);
    line_found(arg);
}

static void on_stream_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)s;
    line_received(arg, data, len);
}

static void on_stream_closed(void *arg, struct io_stream *s, enum err why)
{
    struct io_line *l = arg;
    (void)s;
    l->stream = NULL;
    line_lost(l, why);
}

static const struct io_stream_events STREAM_EVENTS = {
    .opened = on_stream_opened, .received = on_stream_received, .closed = on_stream_closed};

/* ---- the line ------------------------------------------------------------------------------- */

static void try_open(struct io_line *l)
{
    if (l->is_tcp) {
        struct io_connect_options o = {
            .host = l->path, .port = l->port, .events = &STREAM_EVENTS, .arg = l};
        enum err e = io_connect(l->object.io, &o, &l->stream);
        if (e != ERR_OK)
            line_lost(l, e);
        return;
    }
    enum err e = open_device(l);
    if (e == ERR_OK)
        line_found(l);
    else
        line_lost(l, e);
}

static void on_time(void *arg)
{
    struct io_line *l = arg;
    if (l->up)
        judge_silence(l);
    else
        try_open(l);
}

static void destroy_line(struct io_object *o)
{
    io_line_close((struct io_line *)o);
}

static enum err fill(struct io_line *l, const struct io_line_options *o)
{
    TRY(parse_endpoint(o->endpoint, l));
    if (o->parity != 'N' && o->parity != 'E' && o->parity != 'O')
        return ERR_RANGE;
    l->parity = o->parity;
    l->events = o->events;
    l->arg = o->arg;
    l->deaf_ms = l->is_tcp ? o->deaf_ms : 0;
    l->pause_real_ms = PAUSE_FIRST_REAL_MS;
    l->fd = -1;
    return l->is_tcp ? ERR_OK : find_speed(o->baud, &l->speed);
}

enum err io_line_open(struct io *io, const struct io_line_options *options, struct io_line **out)
{
    struct io_line *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_MEMORY;
    enum err e = fill(l, options);
    if (e != ERR_OK) {
        free(l);
        return e;
    }
    io_object_add(io, &l->object, destroy_line);
    io_timer_init(&l->retry, io, on_time, l);
    io_timer_set(&l->retry, io_mono(io)); /* the first attempt is made by the loop, too */
    *out = l;
    return ERR_OK;
}

enum err io_line_write(struct io_line *l, const uint8_t *data, size_t len)
{
    if (!l->up)
        return ERR_IO_CLOSED;
    l->asked = true;
    if (l->is_tcp)
        return io_stream_write(l->stream, data, len);
    if (l->out_len + len > sizeof l->out)
        return ERR_FULL;
    memcpy(l->out + l->out_len, data, len);
    l->out_len += len;
    /* A device that is gone is noticed by the poll, which reports it on the loop. */
    if (flush_device(l))
        watch_device(l);
    return ERR_OK;
}

enum err io_line_speed(struct io_line *l, int64_t baud, char parity)
{
    speed_t speed;
    if (parity != 'N' && parity != 'E' && parity != 'O')
        return ERR_RANGE;
    TRY(find_speed(baud, &speed));
    if (l->is_tcp || (speed == l->speed && parity == l->parity))
        return ERR_OK;
    l->speed = speed;
    l->parity = parity;
    return l->fd < 0 || set_terminal(l->fd, speed, parity) ? ERR_OK : ERR_IO;
}

bool io_line_is_up(const struct io_line *l)
{
    return l->up;
}

void io_line_close(struct io_line *l)
{
    io_timer_stop(&l->retry);
    if (l->stream != NULL)
        io_stream_close(l->stream);
    close_device(l);
    io_object_remove(&l->object);
    free(l);
}

/* ---- pseudo-terminals ----------------------------------------------------------------------- */

struct io_pty {
    struct io_object object;
    const struct io_pty_events *events;
    void *arg;
    int master, slave; /* our own slave end keeps the pair alive while nobody else has it open */
    uv_poll_t *poll;
    char path[64];
};

static void on_master(uv_poll_t *poll, int status, int events)
{
    struct io_pty *p = poll->data;
    uint8_t data[1024];
    if (status != 0 || (events & UV_READABLE) == 0)
        return;
    ssize_t n = read(p->master, data, sizeof data);
    if (n > 0)
        p->events->received(p->arg, p, data, (size_t)n);
}

static bool open_pair(struct io_pty *p)
{
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (p->master < 0 || grantpt(p->master) != 0 || unlockpt(p->master) != 0 ||
        ptsname_r(p->master, p->path, sizeof p->path) != 0)
        return false;
    p->slave = open(p->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return p->slave >= 0 && set_terminal(p->slave, B9600, 'N');
}

static void destroy_pty(struct io_object *o)
{
    io_pty_close((struct io_pty *)o);
}

enum err io_pty_open(struct io *io, const struct io_pty_events *events, void *arg,
                     struct io_pty **out)
{
    struct io_pty *p = calloc(1, sizeof *p);
    if (p == NULL)
        return ERR_MEMORY;
    p->events = events;
    p->arg = arg;
    p->master = p->slave = -1;
    io_object_add(io, &p->object, destroy_pty);
    p->poll = open_pair(p) ? calloc(1, sizeof *p->poll) : NULL;
    if (p->poll == NULL || uv_poll_init(&io->loop, p->poll, p->master) != 0) {
        free(p->poll);
        p->poll = NULL;
        io_pty_close(p);
        return ERR_IO_FILE;
    }
    p->poll->data = p;
    MUST(uv_poll_start(p->poll, UV_READABLE, on_master) == 0);
    *out = p;
    return ERR_OK;
}

const char *io_pty_path(const struct io_pty *p)
{
    return p->path;
}

enum err io_pty_write(struct io_pty *p, const uint8_t *data, size_t len)
{
    ssize_t n = write(p->master, data, len);
    if (n < 0 && errno != EAGAIN)
        return ERR_IO;
    return n == (ssize_t)len ? ERR_OK : ERR_FULL; /* nobody reads: as on a wire, the rest is lost */
}

void io_pty_close(struct io_pty *p)
{
    if (p->poll != NULL) {
        uv_poll_stop(p->poll);
        uv_close((uv_handle_t *)p->poll, on_poll_closed);
    }
    if (p->slave >= 0)
        close(p->slave);
    if (p->master >= 0)
        close(p->master);
    io_object_remove(&p->object);
    free(p);
}
