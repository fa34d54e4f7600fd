/*
 * The sessions of Acrel's gateways and 4G meters.
 *
 *   gateway  request ─► sequence ─► md5 ─► result, bound     heartbeat ─► time
 *            DATA, DATA_ZIP ─► told     line's frame ─► DOWNLINK ─► DOWNLINK_ACK ─► line, then the
 * next frame meter    REGISTER (or any frame with its serial) ─► bound     TIME ─► time     DATA ─►
 * told, 91 line's frame ─► DOWNLINK ─► DOWNLINK ─► line
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "proto/acrel4g.h"
#include "uplink/dialin_impl.h"

#define OUT_MAX 1024
#define NEW_MAX 1024 /* of a frame not yet whole, before the unit has proved whose it is */
#define REPORT_MAX (1024 * 1024) /* a compressed report may grow to this */

/* --- sending ---------------------------------------------------------------------------------- */

static void send_gateway(struct dialin *d, const struct dialin_conn *c, uint8_t type,
                         struct bytes data)
{
    uint8_t room[OUT_MAX];
    struct writer w = writer_of(room, sizeof room);
    acrel_encode(&(struct acrel_frame){type, data}, &w);
    if (w.err == ERR_OK)
        d->io.send(d->io.ctx, c->id, room, w.len);
}

static void send_meter(struct dialin *d, const struct dialin_conn *c, uint8_t command,
                       struct bytes payload)
{
    uint8_t room[OUT_MAX];
    struct writer w = writer_of(room, sizeof room);
    acrel4g_encode(&(struct acrel4g_frame){command, payload}, &w);
    if (w.err == ERR_OK)
        d->io.send(d->io.ctx, c->id, room, w.len);
}

static const struct dialin_secret *secret_of(const struct dialin *d, struct bytes gateway_id)
{
    const struct dialin_secret *s = d->secrets;
    while (s != NULL && (strlen(s->gateway_id) != gateway_id.len ||
                         memcmp(s->gateway_id, gateway_id.data, gateway_id.len) != 0))
        s = s->next;
    return s;
}

static const uint8_t *secret_of_unit(const struct dialin *d, const struct dialin_unit *u)
{
    return secret_of(d, (struct bytes){u->endpoint.name.data, u->endpoint.name.len})->secret;
}

/* The next line that waits, after the one that was served last. */
static struct dialin_line *waiting_line(const struct dialin *d, const struct dialin_unit *u,
                                        const struct dialin_line *last)
{
    struct dialin_line *first = NULL, *after = NULL;
    bool passed = false;
    for (struct dialin_line *l = d->lines; l != NULL; l = l->next) {
        bool waits = l->unit == u && l->out_len > 0;
        if (waits && first == NULL)
            first = l;
        if (waits && passed && after == NULL)
            after = l;
        passed = passed || l == last;
    }
    return after != NULL ? after : first;
}

static void ask_next(struct dialin *d, struct dialin_conn *c, mono_ms now)
{
    struct dialin_line *l = waiting_line(d, c->unit, c->asked);
    c->asked = l;
    c->asked_until = MONO_NEVER;
    if (l == NULL)
        return;
    uint8_t text[2 * ACREL_RTU_MAX + 8], sealed[sizeof text + 16];
    struct writer w = writer_of(text, sizeof text);
    acrel_downlink_write(l->port, (struct bytes){l->out, l->out_len}, &w);
    l->out_len = 0;
    size_t len = dialin_seal(secret_of_unit(d, c->unit), (struct bytes){text, w.len}, sealed);
    send_gateway(d, c, ACREL_DOWNLINK, (struct bytes){sealed, len});
    c->asked_until = mono_after(now, DIALIN_ANSWER_MS);
}

void dialin_acrel_tick(struct dialin *d, struct dialin_conn *c, mono_ms now)
{
    ask_next(d, c, now);
}

enum err dialin_acrel_write(struct dialin *d, struct dialin_line *l, mono_ms now, struct bytes rtu)
{
    struct dialin_conn *c = l->unit->bound;
    if (rtu.len == 0 || rtu.len > sizeof l->out)
        return ERR_RANGE;
    if (c->kind == DIALIN_ACREL_4G) {
        send_meter(d, c, ACREL4G_DOWNLINK, rtu);
        return ERR_OK;
    }
    memcpy(l->out, rtu.data, rtu.len);
    l->out_len = rtu.len;
    if (c->asked_until.ms == MONO_NEVER.ms)
        ask_next(d, c, now);
    return ERR_OK;
}

/* --- what it tells ---------------------------------------------------------------------------- */

static struct dialin_line *line_at(const struct dialin *d, const struct dialin_unit *u,
                                   unsigned port)
{
    struct dialin_line *l = d->lines;
    while (l != NULL && (l->unit != u || l->port != port))
        l = l->next;
    return l;
}

struct report {
    struct dialin *d;
    const struct dialin_unit *unit;
    struct bytes time, meter;
    struct dialin_told told;
};

static void flush_report(struct report *r)
{
    wall_s at;
    if (r->told.count > 0) {
        bool said = acrel_time(r->time, r->d->offset_s, &at) == ERR_OK;
        r->told.at = said ? at : (wall_s){0};
        r->d->io.told(r->d->io.ctx, &r->told);
    }
    r->told.count = 0;
}

static bool point_of(struct bytes function, enum meter_point *point)
{
    static const struct {
        const char *name;
        enum meter_point point;
    } rows[] = {
        {"WPP", POINT_ENERGY_WH},
        {"PowerHigher", POINT_ENERGY_RATE1_WH},
        {"PowerHigh", POINT_ENERGY_RATE2_WH},
        {"PowerFlat", POINT_ENERGY_RATE3_WH},
        {"PowerLow", POINT_ENERGY_RATE4_WH},
        {"EPISG", POINT_ENERGY_RATE5_WH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (function.len == strlen(rows[i].name) &&
            memcmp(function.data, rows[i].name, function.len) == 0) {
            *point = rows[i].point;
            return true;
        }
    return false;
}

static bool is_error(struct bytes error)
{
    return error.len > 0 && !(error.len == 1 && error.data[0] == '0');
}

static void take_value(void *arg, const struct acrel_value *v)
{
    struct report *r = arg;
    unsigned port, address;
    enum meter_point point;
    int64_t wh;
    if (v->meter.data != r->meter.data)
        flush_report(r);
    r->meter = v->meter;
    if (acrel_meter_id(v->meter, &port, &address) != ERR_OK || is_error(v->error) ||
        !point_of(v->function, &point) || acrel_decimal(v->value, 3, &wh) != ERR_OK || wh < 0)
        return;
    const struct dialin_line *l = line_at(r->d, r->unit, port);
    if (l == NULL || r->told.count == DIALIN_POINTS)
        return;
    r->told.line = l->id;
    r->told.address = address;
    r->told.points[r->told.count].point = point;
    r->told.points[r->told.count++].value = wh;
}

static void note_broken(struct dialin *d, const struct dialin_conn *c)
{
    d->io.note(d->io.ctx, &(struct dialin_note){.event = DIALIN_BROKEN,
                                                .conn = c->id,
                                                .said = c->unit->endpoint.name.data,
                                                .said_len = c->unit->endpoint.name.len});
}

static void take_report(struct dialin *d, struct dialin_conn *c, struct bytes xml)
{
    struct report r = {.d = d, .unit = c->unit};
    /* What stood before a mistake is as good as ever. */
    enum err e = acrel_report_read(xml, &r.time, take_value, &r);
    flush_report(&r);
    if (e != ERR_OK)
        note_broken(d, c);
}

static void take_zipped(struct dialin *d, struct dialin_conn *c, struct bytes zipped)
{
    uLongf len = REPORT_MAX;
    uint8_t *xml = malloc(REPORT_MAX);
    if (xml != NULL && uncompress(xml, &len, zipped.data, zipped.len) == Z_OK)
        take_report(d, c, (struct bytes){xml, len});
    else
        note_broken(d, c);
    free(xml);
}

/* --- frames of a gateway ---------------------------------------------------------------------- */

/* True: the plain text is in a buffer of its own, to be freed. */
static bool unseal(struct dialin *d, const struct dialin_conn *c, struct bytes sealed,
                   struct bytes *plain)
{
    size_t len;
    uint8_t *room = malloc(sealed.len + 16);
    if (room == NULL)
        return false;
    if (!dialin_unseal(secret_of_unit(d, c->unit), sealed, room, &len)) {
        free(room);
        return false;
    }
    *plain = (struct bytes){room, len};
    return true;
}

static void take_answer(struct dialin *d, struct dialin_conn *c, mono_ms now, struct bytes text)
{
    unsigned port, address;
    uint8_t rtu[ACREL_RTU_MAX];
    struct writer w = writer_of(rtu, sizeof rtu);
    if (acrel_downlink_read(text, &port, &address, &w) != ERR_OK)
        return;
    const struct dialin_line *l = line_at(d, c->unit, port);
    if (l != NULL && w.len > 0)
        d->io.received(d->io.ctx, l->id, rtu, w.len);
    if (l == c->asked || c->asked == NULL)
        ask_next(d, c, now);
}

static void take_sealed(struct dialin *d, struct dialin_conn *c, mono_ms now,
                        const struct acrel_frame *f)
{
    struct bytes plain;
    if (!unseal(d, c, f->data, &plain)) {
        dialin_refuse(d, c, DIALIN_UNPROVEN, ERR_UPLINK_SEAL);
        return;
    }
    if (f->type == ACREL_DATA)
        take_report(d, c, plain);
    else if (f->type == ACREL_DATA_ZIP)
        take_zipped(d, c, plain);
    else if (f->type == ACREL_DOWNLINK_ACK)
        take_answer(d, c, now, plain);
    free((void *)plain.data);
}

static bool same_digits(struct bytes said, const char *proof)
{
    uint8_t differs = said.len != 32;
    for (size_t i = 0; i < 32 && i < said.len; i++)
        differs |= (uint8_t)((said.data[i] | 0x20) ^ (uint8_t)(proof[i] | 0x20));
    return differs == 0;
}

static void say_auth(struct dialin *d, struct dialin_conn *c, enum acrel_operation operation,
                     struct bytes gateway_id, const char *value)
{
    uint8_t room[OUT_MAX / 2];
    struct writer w = writer_of(room, sizeof room);
    struct acrel_auth auth = {.operation = operation,
                              .gateway_id = gateway_id,
                              .value = {(const uint8_t *)value, strlen(value)}};
    acrel_auth_write(&auth, &w);
    if (w.err == ERR_OK)
        send_gateway(d, c, ACREL_AUTH, (struct bytes){room, w.len});
}

/* Keeps the id for the note of a refusal. */
static void remember(struct dialin_conn *c, struct bytes said)
{
    c->first_len = said.len < sizeof c->first ? said.len : sizeof c->first;
    memmove(c->first, said.data, c->first_len);
}

static void take_auth(struct dialin *d, struct dialin_conn *c, mono_ms now, struct bytes xml)
{
    struct acrel_auth auth;
    char proof[33];
    if (acrel_auth_read(xml, &auth) != ERR_OK) {
        dialin_refuse(d, c, DIALIN_BROKEN, ERR_SYNTAX);
        return;
    }
    struct dialin_unit *u = dialin_unit_named(d, DIALIN_ACREL, auth.gateway_id);
    const struct dialin_secret *s = secret_of(d, auth.gateway_id);
    remember(c, auth.gateway_id);
    if (u == NULL || s == NULL) {
        dialin_refuse(d, c, u == NULL ? DIALIN_UNKNOWN : DIALIN_UNPROVEN, ERR_NOT_FOUND);
    } else if (auth.operation == ACREL_OP_REQUEST) {
        say_auth(d, c, ACREL_OP_SEQUENCE, auth.gateway_id, c->challenge);
    } else if (auth.operation == ACREL_OP_MD5) {
        dialin_proof(s->secret, c->challenge, proof);
        bool pass = same_digits(auth.value, proof);
        say_auth(d, c, ACREL_OP_RESULT, auth.gateway_id, pass ? "pass" : "fail");
        if (pass)
            dialin_claim(d, c, u, now);
        else
            dialin_refuse(d, c, DIALIN_UNPROVEN, ERR_UPLINK_SEAL);
    }
}

static void take_gateway(struct dialin *d, struct dialin_conn *c, mono_ms now,
                         const struct acrel_frame *f)
{
    uint8_t text[16];
    struct writer w = writer_of(text, sizeof text);
    if (f->type == ACREL_AUTH && c->state == CONN_NEW) {
        take_auth(d, c, now, f->data);
    } else if (f->type == ACREL_HEARTBEAT && c->state != CONN_NEW) {
        acrel_time_write(d->wall, d->offset_s, &w);
        send_gateway(d, c, ACREL_HEARTBEAT, (struct bytes){text, w.len});
    } else if (f->type != ACREL_AUTH && c->state == CONN_BOUND) {
        take_sealed(d, c, now, f);
    }
}

/* --- frames of a meter ------------------------------------------------------------------------ */

static struct bytes serial_of(const struct acrel4g_frame *f)
{
    struct acrel4g_register r;
    struct bytes serial = {0}, rtu;
    if (f->command == ACREL4G_REGISTER && acrel4g_register_read(f->payload, &r) == ERR_OK)
        return r.serial;
    if (f->command == ACREL4G_DATA && acrel4g_modbus(f, &serial, &rtu) == ERR_OK)
        return serial;
    return (struct bytes){0};
}

static void tell_energy(struct dialin *d, const struct dialin_conn *c, struct bytes rtu)
{
    static const enum meter_point rates[] = {POINT_ENERGY_RATE1_WH, POINT_ENERGY_RATE2_WH,
                                             POINT_ENERGY_RATE3_WH, POINT_ENERGY_RATE4_WH,
                                             POINT_ENERGY_RATE5_WH};
    struct acrel4g_energy e;
    if (acrel4g_energy_read(rtu, &e) != ERR_OK)
        return;
    struct dialin_told told = {
        .line = line_at(d, c->unit, 0)->id, .address = rtu.data[0], .count = 1};
    told.points[0].point = POINT_ENERGY_WH;
    told.points[0].value = (int64_t)e.total * 10;
    for (size_t i = 0; i < e.rate_count; i++) {
        told.points[told.count].point = rates[i];
        told.points[told.count++].value = (int64_t)e.rates[i] * 10;
    }
    d->io.told(d->io.ctx, &told);
}

/* Registers only grow, so a report that is lost after this answer is made good by the next one. */
static void take_data(struct dialin *d, struct dialin_conn *c, const struct acrel4g_frame *f)
{
    struct bytes serial, rtu;
    if (acrel4g_modbus(f, &serial, &rtu) != ERR_OK)
        return; /* not answered: it says it again */
    tell_energy(d, c, rtu);
    send_meter(d, c, ACREL4G_DATA, (struct bytes){0});
}

static void take_bound_meter(struct dialin *d, struct dialin_conn *c, const struct acrel4g_frame *f)
{
    uint8_t time[8];
    struct writer w = writer_of(time, sizeof time);
    struct bytes serial, rtu;
    if (f->command == ACREL4G_REGISTER) {
        send_meter(d, c, ACREL4G_REGISTER, (struct bytes){0});
    } else if (f->command == ACREL4G_TIME) {
        acrel4g_time_write(d->wall, d->offset_s, &w);
        send_meter(d, c, ACREL4G_TIME, (struct bytes){time, w.len});
    } else if (f->command == ACREL4G_DATA) {
        take_data(d, c, f);
    } else if (f->command == ACREL4G_DOWNLINK && acrel4g_modbus(f, &serial, &rtu) == ERR_OK) {
        d->io.received(d->io.ctx, line_at(d, c->unit, 0)->id, rtu.data, rtu.len);
    }
}

static void take_meter(struct dialin *d, struct dialin_conn *c, mono_ms now,
                       const struct acrel4g_frame *f)
{
    struct bytes serial = serial_of(f);
    int64_t id = c->id;
    if (c->state == CONN_NEW && serial.len > 0) {
        struct dialin_unit *u = dialin_unit_named(d, DIALIN_ACREL_4G, serial);
        remember(c, serial);
        if (u == NULL)
            dialin_refuse(d, c, DIALIN_UNKNOWN, ERR_NOT_FOUND);
        else
            dialin_claim(d, c, u, now);
    }
    if (dialin_find(d, id) == c && c->state == CONN_BOUND)
        take_bound_meter(d, c, f);
}

/* --- the stream ------------------------------------------------------------------------------- */

/* One frame of what came; false: none yet, or the connection has ended. */
static bool take_one(struct dialin *d, struct dialin_conn *c, mono_ms now, size_t *at)
{
    struct acrel_frame g;
    struct acrel4g_frame m;
    size_t used, left = c->in_len - *at;
    int64_t id = c->id;
    const uint8_t *data = c->in + *at;
    if (left == 0)
        return false;
    bool gateway = c->kind == DIALIN_ACREL;
    enum err e =
        gateway ? acrel_decode(data, left, &g, &used) : acrel4g_decode(data, left, &m, &used);
    if (e == ERR_TRUNCATED)
        return false;
    if (e != ERR_OK) {
        dialin_refuse(d, c, DIALIN_BROKEN, e);
        return false;
    }
    *at += used;
    if (gateway)
        take_gateway(d, c, now, &g);
    else
        take_meter(d, c, now, &m);
    return dialin_find(d, id) == c;
}

void dialin_acrel_feed(struct dialin *d, struct dialin_conn *c, mono_ms now, struct bytes more)
{
    int64_t id = c->id;
    size_t at = 0;
    uint8_t *in = realloc(c->in, c->in_len + more.len);
    if (in == NULL) {
        dialin_refuse(d, c, DIALIN_BROKEN, ERR_MEMORY);
        return;
    }
    memcpy(in + c->in_len, more.data, more.len);
    c->in = in;
    c->in_len += more.len;
    while (take_one(d, c, now, &at))
        continue;
    if (dialin_find(d, id) != c)
        return;
    c->in_len -= at;
    memmove(c->in, c->in + at, c->in_len);
    if (c->state == CONN_NEW && c->in_len > NEW_MAX)
        dialin_refuse(d, c, DIALIN_BROKEN, ERR_FRAME_LENGTH);
}
