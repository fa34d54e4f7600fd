#include "app/gateway/gateway_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"
#include "base/must.h"

#define ANSWER_MS 1'000 /* nothing is known of the meter yet: longer than the standard allows */
#define OPEN_MS 5'000   /* a serial server may take a moment; a device is there or not */

const char *probe_text(const struct probe *p, const char *en, const char *zh)
{
    return p->chinese ? zh : en;
}

bool probe_chinese(const char *lang)
{
    static const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    for (size_t i = 0; !lang && i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        lang = value && value[0] != '\0' ? value : NULL;
    }
    return lang && strncmp(lang, "zh", 2) == 0;
}

enum err probe_speed(const char *baud, const char *parity, int32_t *baud_out, char *parity_out)
{
    int64_t number;
    TRY(options_number(baud, 300, 921'600, &number));
    if (strlen(parity) != 1 || !strchr("NEO", parity[0]))
        return ERR_SYNTAX;
    *baud_out = (int32_t)number;
    *parity_out = parity[0];
    return ERR_OK;
}

void probe_bus_init(struct bus *b, const struct meter_unit *unit, int32_t baud, mono_ms now)
{
    struct bus_timing t = bus_timing_of(baud);
    int32_t answer_ms = unit->model->limits.answer_ms;
    t.turnaround_ms = t.turnaround_max_ms = answer_ms > ANSWER_MS ? answer_ms : ANSWER_MS;
    bus_init(b, unit->model->driver->link, &t, now);
}

/* The loop's last turn comes after the end. */
static void end(struct probe *p)
{
    if (!p->ended)
        io_stop(p->io);
    p->ended = true;
}

/* --- the line ------------------------------------------------------------------------------------
 */

static void on_up(void *arg, struct io_line *line)
{
    struct probe *p = arg;
    (void)line;
    p->opened = true;
    p->why = ERR_OK; /* what earlier attempts met is over */
    bus_reset(p->bus, io_mono(p->io));
}

static void on_down(void *arg, struct io_line *line, enum err why)
{
    struct probe *p = arg;
    (void)line;
    if (p->opened && p->turn(p->arg, io_mono(p->io))) { /* after the last answer */
        end(p);
        return;
    }
    p->why = why;
    if (p->opened) /* some devices hang up after each answer: it is opened again by itself */
        p->give_up = mono_after(io_mono(p->io), OPEN_MS);
    p->opened = false;
}

static void on_received(void *arg, struct io_line *line, const uint8_t *data, size_t len)
{
    struct probe *p = arg;
    (void)line;
    bus_input(p->bus, io_mono(p->io), data, len);
}

static const struct io_line_events EVENTS = {on_up, on_down, on_received};

static void write_out(struct probe *p, mono_ms now)
{
    uint8_t out[METER_FRAME_MAX];
    char parity;
    size_t len = bus_output(p->bus, now, out, sizeof out);
    if (len == 0)
        return;
    int32_t baud = bus_speed(p->bus, &parity);
    enum err e = parity == 0 ? ERR_OK : io_line_speed(p->line, baud, parity);
    if (e == ERR_OK)
        e = io_line_write(p->line, out, len);
    if (e != ERR_OK)
        on_down(p, p->line, e);
}

static bool turn(void *arg)
{
    struct probe *p = arg;
    mono_ms now = io_mono(p->io);
    if (p->ended)
        return false;
    if (!p->opened) {
        if (mono_due(p->give_up, now))
            end(p);
        io_timer_set(&p->timer, p->give_up);
        return false;
    }
    if (p->turn(p->arg, now)) {
        end(p);
        return false;
    }
    write_out(p, now);
    mono_ms wake = p->wake ? p->wake(p->arg) : MONO_NEVER;
    io_timer_set(&p->timer, mono_earlier(wake, bus_wake(p->bus)));
    return false;
}

static void woken(void *arg)
{
    (void)arg; /* the turn hook runs after every wake-up */
}

static void on_signal(void *arg, int number)
{
    struct probe *p = arg;
    (void)number;
    p->stopped = true;
    end(p);
}

/* --- what to do when it does not open
 * ------------------------------------------------------------- */

static void advise(const struct probe *p, const char *endpoint, enum err e)
{
    bool tcp = strncmp(endpoint, "tcp:", 4) == 0;
    fprintf(stderr, "%s: %s (%s)\n", endpoint, p->chinese ? err_text_zh(e) : err_text_en(e),
            err_name(e));
    if (e == ERR_SYNTAX)
        fprintf(stderr, "%s\n",
                probe_text(p, "An endpoint is written serial:/dev/ttyS1 or tcp:192.168.1.7:9001.",
                           "端点写作 serial:/dev/ttyS1 或 tcp:192.168.1.7:9001。"));
    else if (e == ERR_RANGE)
        fprintf(stderr, "%s\n",
                probe_text(p, "A port has no such speed; usual are 1200, 2400, 4800 and 9600.",
                           "串口不支持该波特率；常用 1200、2400、4800、9600。"));
    else if (tcp)
        fprintf(stderr, "%s\n",
                probe_text(p,
                           "Is the serial server on the network (ping), is the port the one of its "
                           "RS-485 line, is no other program connected to it?",
                           "请检查：串口服务器是否在网（ping），端口是否为其 RS-485 "
                           "端口，是否已有其他程序连接。"));
    else
        fprintf(stderr, "%s\n",
                probe_text(p,
                           "Does the device exist (ls -l), may this user open it (group dialout), "
                           "does a running gateway or another program use it?",
                           "请检查：设备是否存在（ls -l），当前用户是否有权限（dialout "
                           "组)，是否被运行中的通信管理机程序或其他程序占用。"));
}

static enum err drive(struct probe *p, const char *endpoint, int32_t baud, char parity,
                      void (*begin)(void *arg, mono_ms now))
{
    struct io_line_options o = {
        .endpoint = endpoint, .baud = baud, .parity = parity, .events = &EVENTS, .arg = p};
    TRY(io_line_open(p->io, &o, &p->line));
    TRY(io_on_signal(p->io, on_signal, p));
    io_timer_init(&p->timer, p->io, woken, p);
    p->give_up = mono_after(io_mono(p->io), OPEN_MS);
    begin(p->arg, io_mono(p->io));
    io_on_turn(p->io, turn, p);
    io_run(p->io);
    if (!p->opened)
        return p->stopped ? ERR_OK : p->why != ERR_OK ? p->why : ERR_IO_REFUSED;
    return p->why;
}

enum err probe_run(struct probe *p, const char *endpoint, int32_t baud, char parity,
                   void (*begin)(void *arg, mono_ms now))
{
    struct io_options options = {0};
    TRY(io_open(&p->io, &options));
    enum err e = drive(p, endpoint, baud, parity, begin);
    io_close(p->io);
    if (e != ERR_OK)
        advise(p, endpoint, e);
    return e;
}
