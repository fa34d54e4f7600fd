/* The local status page of yufu-gateway: read only, no secrets; /status.json tells the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/http.h"
#include "api/jwrite.h"
#include "app/gateway/gateway_page.h"

#define SLOWEST 5

/* --- /status.json ----------------------------------------------------------------------------- */

static void tell_meter(struct jwrite *w, const struct gateway_meter_look *m)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "meter", m->meter_id);
    jwrite_text(w, "address", m->address);
    jwrite_text(w, "model", m->model);
    jwrite_bool(w, "silent", m->silent);
    jwrite_int(w, "answers", m->answers);
    jwrite_int(w, "timeouts", m->timeouts);
    jwrite_int(w, "damaged", m->damaged);
    jwrite_int(w, "slowest_ms", m->slowest_ms);
    jwrite_int(w, "average_ms", m->average_ms);
    if (m->silent)
        jwrite_int(w, "probe_in_ms", m->probe_in_ms);
    jwrite_end(w);
}

static void tell_stats(struct jwrite *w, const struct gateway_line_look *l)
{
    const struct bus_stats *s = l->stats;
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {
        {"exchanges", s->exchanges},
        {"answered", s->answered},
        {"retries", s->retries},
        {"timeouts", s->timeouts},
        {"damaged", s->damaged},
        {"collisions", s->collisions},
        {"strays", s->strays},
        {"foreign", s->foreign},
        {"echoes", s->echoes},
        {"demotions", s->demotions},
        {"returns", s->returns},
        {"sent_bytes", s->sent_bytes},
        {"garbage_bytes", s->garbage_bytes},
        {"received_bytes", s->received_bytes},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        jwrite_int(w, rows[i].name, (int64_t)rows[i].value);
    jwrite_int(w, "seconds", l->age_ms / 1000);
    jwrite_int(w, "useful_permille_of_all", l->useful_of_all);
    jwrite_int(w, "useful_permille_of_busy", l->useful_of_busy);
}

static void tell_line(struct jwrite *w, const struct program *p, size_t line,
                      const struct gateway_line_look *l)
{
    mono_ms now = io_mono(p->io);
    struct gateway_meter_look m;
    uint16_t slowest[SLOWEST];
    size_t count = gateway_slowest(p->gateway, line, slowest, SLOWEST);
    jwrite_object(w, NULL);
    jwrite_int(w, "line", l->config->number);
    jwrite_text(w, "endpoint", l->config->endpoint);
    jwrite_int(w, "baud", l->config->baud);
    jwrite_text_n(w, "parity", (const char[]){(char)l->config->parity}, 1);
    jwrite_bool(w, "up", l->up);
    jwrite_int(w, "meters", (int64_t)l->meters);
    jwrite_int(w, "silent", (int64_t)l->silent);
    tell_stats(w, l);
    jwrite_array(w, "slowest");
    for (size_t i = 0; i < count; i++) {
        gateway_meter_look(p->gateway, now, line, slowest[i], &m);
        tell_meter(w, &m);
    }
    jwrite_end(w);
    jwrite_array(w, "silent_meters");
    for (size_t i = 0; i < l->meters; i++) {
        gateway_meter_look(p->gateway, now, line, i, &m);
        if (m.silent)
            tell_meter(w, &m);
    }
    jwrite_end(w);
    jwrite_end(w);
}

static void tell_update(struct jwrite *w, const struct update_watch *u)
{
    char version[UPDATE_VERSION_TEXT];
    jwrite_object(w, "update");
    jwrite_text(w, "place", update_place_name(u->place));
    jwrite_bool(w, "trial", u->state.trial);
    jwrite_int(w, "starts", u->state.starts);
    jwrite_text(w, "last", update_last_name(u->state.last));
    update_version_text(u->state.left, version);
    jwrite_text(w, "left", version);
    jwrite_end(w);
}

static void tell_permit(struct jwrite *w, const struct gateway_permit_look *l)
{
    jwrite_object(w, NULL);
    jwrite_int(w, "account", l->account_id);
    jwrite_int(w, "valid_from", l->valid_from.s);
    jwrite_int(w, "valid_until", l->valid_until.s);
    jwrite_int(w, "left_wh", l->left_wh);
    jwrite_bool(w, "left_by_readings", l->read);
    jwrite_text(w, "verdict", away_verdict_name(l->verdict));
    jwrite_array(w, "meters");
    for (size_t i = 0; i < l->meter_count; i++) {
        jwrite_object(w, NULL);
        jwrite_int(w, "meter", l->meters[i].meter_id);
        jwrite_int(w, "line", l->meters[i].line);
        jwrite_text(w, "address", l->meters[i].address);
        if (l->meters[i].read_ago_ms >= 0)
            jwrite_int(w, "read_ago_s", l->meters[i].read_ago_ms / 1000);
        jwrite_end(w);
    }
    jwrite_end(w);
    jwrite_end(w);
}

static void tell_permits(struct jwrite *w, const struct program *p)
{
    const struct gateway_now now = program_now(p);
    struct gateway_permit_look l;
    jwrite_array(w, "permissions");
    for (size_t i = 0; gateway_permit_look(p->gateway, &now, i, &l); i++)
        tell_permit(w, &l);
    jwrite_end(w);
}

static void tell_json(struct jwrite *w, const struct program *p)
{
    struct gateway_status s;
    struct gateway_line_look l;
    gateway_status_get(p->gateway, &s);
    jwrite_object(w, NULL);
    jwrite_text(w, "program", p->update.text);
    tell_update(w, &p->update);
    jwrite_text(w, "serial", p->link.serial);
    jwrite_bool(w, "claimed", p->link.identity.gateway_id != 0);
    jwrite_bool(w, "connected", s.connected);
    jwrite_bool(w, "welcomed", s.welcomed);
    jwrite_int(w, "config_version", s.config_version);
    jwrite_bool(w, "clock_trusted", p->clock.trusted);
    jwrite_int(w, "wall_s", program_now(p).wall.s);
    jwrite_int(w, "backlog_rows", s.queue_rows);
    jwrite_int(w, "backlog_bytes", s.queue_bytes);
    jwrite_int(w, "dropped_rows", s.dropped_rows);
    jwrite_int(w, "commands_waiting", s.commands_waiting);
    jwrite_int(w, "commands_started", s.commands_started);
    jwrite_int(w, "meters", (int64_t)s.meters);
    jwrite_int(w, "meters_silent", (int64_t)s.meters_silent);
    jwrite_int(w, "meters_left_out", (int64_t)s.meters_left_out);
    jwrite_array(w, "lines");
    for (size_t i = 0; gateway_line_look(p->gateway, io_mono(p->io), i, &l); i++)
        tell_line(w, p, i, &l);
    jwrite_end(w);
    tell_permits(w, p);
    jwrite_end(w);
}

/* --- requests --------------------------------------------------------------------------------- */

static size_t no_body(void *ctx, const struct http_request *r)
{
    (void)ctx;
    (void)r;
    return 0;
}

static bool chinese(struct http_request *r)
{
    const char *lang = NULL;
    if (http_query(r, "lang", &lang) == ERR_OK && lang)
        return strncmp(lang, "zh", 2) == 0;
    lang = http_header(r, "Accept-Language");
    return lang && strncmp(lang, "zh", 2) == 0;
}

static void guard(struct http_request *r)
{
    http_answer_header(r, "Cache-Control", "no-store");
    http_answer_header(r, "X-Content-Type-Options", "nosniff");
    http_answer_header(r, "Referrer-Policy", "no-referrer");
    http_answer_header(r, "Content-Security-Policy",
                       "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; "
                       "base-uri 'none'; form-action 'none'");
}

static void refuse(struct http_request *r, unsigned status, const char *text)
{
    http_answer_static(r, status, "text/plain; charset=utf-8",
                       (struct bytes){(const uint8_t *)text, strlen(text)});
}

static void answer(struct http_request *r, struct jwrite *w, const char *type)
{
    size_t len;
    char *text = jwrite_take(w, &len);
    if (text)
        http_answer(r, 200, type, text, len);
    else
        refuse(r, 503, "no memory\n");
}

static void on_request(void *ctx, struct http_request *r)
{
    const struct program *p = ctx;
    struct jwrite w = {0};
    guard(r);
    if (http_refusal(r) != ERR_OK) {
        refuse(r, 400, "bad request\n");
    } else if (http_method(r) != HTTP_GET) {
        http_answer_header(r, "Allow", "GET, HEAD");
        refuse(r, 405, "read only\n");
    } else if (strcmp(http_path(r), "/status.json") == 0) {
        tell_json(&w, p);
        answer(r, &w, "application/json");
    } else if (strcmp(http_path(r), "/") == 0) {
        page_html(&w, p, chinese(r));
        answer(r, &w, "text/html; charset=utf-8");
    } else {
        refuse(r, 404, "not found\n");
    }
}

enum err page_open(struct program *p, const char *host, uint16_t port)
{
    const struct http_options o = {.io = p->io,
                                   .host = host,
                                   .port = port,
                                   .handler = {.ctx = p, .limit = no_body, .request = on_request}};
    TRY(http_open(&p->page, &o));
    return ERR_OK;
}

void page_close(struct program *p)
{
    http_close(p->page);
    p->page = NULL;
}
