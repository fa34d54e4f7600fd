/*
 * A line at its endpoint: a TCP serial server on loopback (one client at a time; a new one takes
 * the line over, as a serial server does) or a pseudo-terminal. Bytes leave at the line's speed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/fleet/fleet.h"

size_t fleet_line_meters(const struct fleet_line *line)
{
    return line->pipes != NULL ? line->pipes->count : line->sim.meter_count;
}

static size_t heard(struct fleet_line *line, uint8_t *buf, size_t cap)
{
    mono_ms now = fleet_now(line->fleet);
    return line->pipes != NULL ? sim_pipes_read(line->pipes, now, buf, cap)
                               : sim_line_read(&line->sim, now, buf, cap);
}

static void let_go(struct fleet_line *line)
{
    if (line->pipes != NULL)
        line->pipes->answer_len = 0;
    else
        sim_line_flush(&line->sim);
}

static void arm(struct fleet_line *line)
{
    io_timer_set(&line->timer,
                 line->pipes != NULL ? sim_pipes_wake(line->pipes) : sim_line_wake(&line->sim));
}

/* Hands over what has arrived, and comes again when more will have. */
static void pump(void *arg)
{
    struct fleet_line *line = arg;
    uint8_t buf[512];
    size_t len;
    while ((len = heard(line, buf, sizeof buf)) > 0) {
        enum err e = ERR_OK;
        if (line->client != NULL)
            e = io_stream_write(line->client, buf, len);
        else if (line->pty != NULL)
            e = io_pty_write(line->pty, buf, len);
        if (e != ERR_OK)
            line->sim.faults_done++; /* a master that does not listen loses bytes, as on a wire */
    }
    arm(line);
}

static void take(struct fleet_line *line, const uint8_t *data, size_t len)
{
    if (line->pipes != NULL)
        sim_pipes_write(line->pipes, data, len, fleet_now(line->fleet));
    else
        sim_line_write(&line->sim, data, len, fleet_now(line->fleet));
    arm(line);
}

static void stream_received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)s; /* there is one client only */
    take(arg, data, len);
}

static void stream_closed(void *arg, struct io_stream *s, enum err why)
{
    struct fleet_line *line = arg;
    (void)why; /* the next client will come */
    if (line->client != s)
        return;
    line->client = NULL;
    let_go(line);
}

static void accepted(void *arg, struct io_stream *s)
{
    static const struct io_stream_events events = {.received = stream_received,
                                                   .closed = stream_closed};
    struct fleet_line *line = arg;
    if (line->client != NULL)
        io_stream_abort(line->client);
    let_go(line);
    line->client = s;
    io_stream_handle(s, &events, line);
}

static void pty_received(void *arg, struct io_pty *p, const uint8_t *data, size_t len)
{
    (void)p;
    take(arg, data, len);
}

/* "tcp:HOST:PORT": HOST must be this machine. */
static enum err open_tcp(struct fleet_line *line)
{
    char host[FLEET_ENDPOINT];
    snprintf(host, sizeof host, "%s", line->endpoint + 4);
    char *colon = strrchr(host, ':');
    if (colon == NULL)
        return ERR_IO_ADDRESS;
    *colon = '\0';
    char *end;
    long port = strtol(colon + 1, &end, 10);
    bool loopback = strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0;
    if (!loopback || *end != '\0' || port < 0 || port > 65'535)
        return ERR_IO_ADDRESS;
    TRY(io_listen(line->fleet->io,
                  &(struct io_listen_options){
                      .port = (uint16_t)port, .accepted = accepted, .arg = line, .max_streams = 4},
                  &line->listener));
    snprintf(line->endpoint, sizeof line->endpoint, "tcp:127.0.0.1:%u",
             io_listener_port(line->listener));
    return ERR_OK;
}

/* "pty", or "serial:PATH": then PATH becomes a link to the pseudo-terminal. */
static enum err open_pty(struct fleet_line *line)
{
    static const struct io_pty_events events = {.received = pty_received};
    TRY(io_pty_open(line->fleet->io, &events, line, &line->pty));
    snprintf(line->path, sizeof line->path, "%.90s", io_pty_path(line->pty));
    if (strncmp(line->endpoint, "serial:", 7) != 0) {
        snprintf(line->endpoint, sizeof line->endpoint, "serial:%.80s", line->path);
        return ERR_OK;
    }
    const char *link = line->endpoint + 7;
    char old[FLEET_ENDPOINT];
    bool ours = readlink(link, old, sizeof old) > 0; /* never a real device */
    if (ours)
        unlink(link);
    return symlink(line->path, link) == 0 ? ERR_OK : ERR_IO_FILE;
}

enum err fleet_line_open(struct fleet_line *line)
{
    io_timer_init(&line->timer, line->fleet->io, pump, line);
    enum err e = ERR_IO_ADDRESS;
    if (strncmp(line->endpoint, "tcp:", 4) == 0)
        e = open_tcp(line);
    else if (strncmp(line->endpoint, "serial:", 7) == 0 || strcmp(line->endpoint, "pty") == 0)
        e = open_pty(line);
    return e == ERR_OK ? e : fleet_fail(e, line->endpoint);
}

void fleet_line_close(struct fleet_line *line)
{
    io_timer_stop(&line->timer);
    if (line->client != NULL)
        io_stream_abort(line->client);
    if (line->listener != NULL)
        io_listener_close(line->listener);
    if (line->pty != NULL) {
        io_pty_close(line->pty);
        if (strcmp(line->endpoint + 7, line->path) != 0)
            unlink(line->endpoint + 7);
    }
    line->client = NULL;
    line->listener = NULL;
    line->pty = NULL;
}
