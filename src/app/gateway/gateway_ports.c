#include <stdlib.h>
#include <string.h>

#include "app/gateway/gateway_program.h"
#include "base/must.h"
#include "io/log.h"
#include "meter/meter.h"

#define DEAF_MS 120'000 /* before a serial server that never answers is connected to anew */

/* ---- what a line tells ---------------------------------------------------------------------- */

static void on_up(void *arg, struct io_line *line)
{
    struct port *port = arg;
    struct gateway_now now = program_now(port->program);
    (void)line;
    log_event(LOG_LINE_UP, LOG_I("line", port->config.number),
              LOG_S("endpoint", port->config.endpoint));
    gateway_line_status(port->program->gateway, &now, port->index, true);
}

static void on_down(void *arg, struct io_line *line, enum err why)
{
    struct port *port = arg;
    struct gateway_now now = program_now(port->program);
    (void)line;
    log_event(LOG_LINE_DOWN, LOG_I("line", port->config.number),
              LOG_S("endpoint", port->config.endpoint), LOG_E("error", why));
    gateway_line_status(port->program->gateway, &now, port->index, false);
}

static void on_received(void *arg, struct io_line *line, const uint8_t *data, size_t len)
{
    struct port *port = arg;
    struct gateway_now now = program_now(port->program);
    (void)line;
    gateway_line_input(port->program->gateway, &now, port->index, data, len);
}

static const struct io_line_events EVENTS = {on_up, on_down, on_received};

/* ---- units that dial in --------------------------------------------------------------------- */

static struct port *find_dialin(struct program *p, int64_t line)
{
    for (size_t i = 0; i < p->ports.count; i++)
        if (p->ports.list[i]->dialin == line)
            return p->ports.list[i];
    return NULL;
}

void ports_dialin_status(struct program *p, int64_t line, bool up, enum err why)
{
    struct port *port = find_dialin(p, line);
    if (port == NULL)
        return;
    if (up)
        on_up(port, NULL);
    else
        on_down(port, NULL, why);
}

void ports_dialin_received(struct program *p, int64_t line, const uint8_t *data, size_t len)
{
    struct port *port = find_dialin(p, line);
    if (port != NULL)
        on_received(port, NULL, data, len);
}

void ports_dialin_told(struct program *p, int64_t line, unsigned address,
                       const struct uplink_reading *reading)
{
    struct port *port = find_dialin(p, line);
    struct gateway_now now = program_now(p);
    if (port != NULL)
        gateway_line_told(p->gateway, &now, port->index, address, reading);
}

static enum err open_dialin(struct program *p, struct port *port)
{
    struct dialin_endpoint endpoint;
    TRY(dialin_endpoint_parse(port->config.endpoint, &endpoint));
    if (p->dialin.engine == NULL)
        return ERR_STATE; /* started without --units */
    TRY(dialin_line_add(p->dialin.engine, p->ports.last_dialin + 1, &endpoint));
    port->dialin = ++p->ports.last_dialin;
    return ERR_OK;
}

static bool is_up(const struct port *port)
{
    return port->line != NULL
               ? io_line_is_up(port->line)
               : port->dialin != 0 && dialin_line_is_up(port->program->dialin.engine, port->dialin);
}

/* ---- following the configuration ------------------------------------------------------------ */

static bool same_line(const struct uplink_config_line *a, const struct uplink_config_line *b)
{
    return a->number == b->number && a->baud == b->baud && a->parity == b->parity &&
           strcmp(a->endpoint, b->endpoint) == 0;
}

static struct port *find_port(struct ports *ports, const struct uplink_config_line *config)
{
    for (size_t i = 0; i < ports->count; i++)
        if (!ports->list[i]->kept && same_line(&ports->list[i]->config, config))
            return ports->list[i];
    return NULL;
}

static void close_port(struct port *port)
{
    if (port->line != NULL)
        io_line_close(port->line);
    if (port->dialin != 0 && port->program->dialin.engine != NULL)
        dialin_line_remove(port->program->dialin.engine, port->dialin);
    free(port);
}

static struct port *open_port(struct program *p, const struct uplink_config_line *config)
{
    struct port *port = calloc(1, sizeof *port);
    MUST(port != NULL);
    port->config = *config;
    port->program = p;
    struct io_line_options o = {.endpoint = port->config.endpoint,
                                .baud = config->baud,
                                .parity = config->parity,
                                .deaf_ms = DEAF_MS,
                                .events = &EVENTS,
                                .arg = port};
    enum err e = dialin_is_endpoint(config->endpoint) ? open_dialin(p, port)
                                                      : io_line_open(p->io, &o, &port->line);
    if (e != ERR_OK)
        log_event(LOG_GATEWAY_LINE_REFUSED, LOG_I("line", config->number),
                  LOG_S("endpoint", config->endpoint), LOG_E("error", e));
    return port;
}

/* Lines that stay as they are keep their open device; the engine has begun anew with them all. */
static void follow(struct program *p)
{
    struct gateway_now now = program_now(p);
    size_t count = gateway_line_count(p->gateway);
    struct port **list = calloc(count + 1, sizeof(*list));
    MUST(list != NULL);
    for (size_t i = 0; i < count; i++) {
        list[i] = find_port(&p->ports, gateway_line(p->gateway, i));
        if (list[i] != NULL)
            list[i]->kept = true;
    }
    for (size_t i = 0; i < p->ports.count; i++) /* first: a device or unit may have a new line */
        if (!p->ports.list[i]->kept)
            close_port(p->ports.list[i]);
    for (size_t i = 0; i < count; i++) {
        if (list[i] == NULL)
            list[i] = open_port(p, gateway_line(p->gateway, i));
        list[i]->index = i;
    }
    free(p->ports.list);
    p->ports.list = list;
    p->ports.count = count;
    for (size_t i = 0; i < count; i++) {
        list[i]->kept = false;
        if (is_up(list[i]))
            gateway_line_status(p->gateway, &now, i, true);
    }
}

static void write_line(struct program *p, const struct gateway_now *now, struct port *port)
{
    uint8_t out[METER_FRAME_MAX];
    size_t len = gateway_line_output(p->gateway, now, port->index, out, sizeof out);
    if (len == 0 || (port->line == NULL && port->dialin == 0))
        return;
    enum err e = port->line != NULL
                     ? io_line_write(port->line, out, len)
                     : dialin_write(p->dialin.engine, port->dialin, io_mono_real(p->io), out, len);
    if (e != ERR_OK) /* on the bus a lost frame is an everyday thing: the engine asks again */
        log_event(LOG_LINE_DOWN, LOG_I("line", port->config.number), LOG_E("error", e));
}

static void tell_configuration(const struct program *p)
{
    struct gateway_status status;
    const struct uplink_config_meter *m;
    enum err why;
    gateway_status_get(p->gateway, &status);
    log_event(LOG_GATEWAY_CONFIG, LOG_I("version", status.config_version),
              LOG_I("lines", (int64_t)status.lines), LOG_I("meters", (int64_t)status.meters));
    for (size_t i = 0; gateway_left_out(p->gateway, i, &m, &why); i++)
        log_event(LOG_GATEWAY_METER_REFUSED, LOG_I("meter", m->meter_id), LOG_I("line", m->line),
                  LOG_S("address", m->address), LOG_S("model", m->model), LOG_E("error", why));
}

void ports_turn(struct program *p)
{
    if (p->ports.generation != gateway_generation(p->gateway)) {
        p->ports.generation = gateway_generation(p->gateway);
        follow(p);
        tell_configuration(p);
    }
    struct gateway_now now = program_now(p);
    for (size_t i = 0; i < p->ports.count; i++)
        write_line(p, &now, p->ports.list[i]);
}

void ports_close(struct program *p)
{
    for (size_t i = 0; i < p->ports.count; i++)
        close_port(p->ports.list[i]);
    free(p->ports.list);
    p->ports = (struct ports){0};
}
