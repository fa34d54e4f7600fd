#include "proto/acrel4g.h"
#include "uplink/dialin_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- endpoints -------------------------------------------------------------------------------- */

static const char *const prefixes[DIALIN_KINDS] = {
    [DIALIN_DTU] = "dtu:", [DIALIN_ACREL] = "acrel:", [DIALIN_ACREL_4G] = "acrel-4g:"};

/* DIALIN_KINDS: none of them. */
static enum dialin_kind kind_of(const char *text)
{
    size_t i = 0;
    while (i < DIALIN_KINDS && strncmp(text, prefixes[i], strlen(prefixes[i])) != 0)
        i++;
    return (enum dialin_kind)i;
}

bool dialin_is_endpoint(const char *text)
{
    return kind_of(text) != DIALIN_KINDS;
}

static enum err parse_dtu(const char *text, struct dialin_endpoint *out)
{
    const char *heartbeat = strchr(text, ';');
    size_t len = heartbeat == NULL ? strlen(text) : (size_t)(heartbeat - text);
    TRY(dtu_packet_parse(text, len, &out->name));
    if (heartbeat != NULL)
        TRY(dtu_packet_parse(heartbeat + 1, strlen(heartbeat + 1), &out->heartbeat));
    return dtu_packets_differ(&out->name, &out->heartbeat) ? ERR_OK : ERR_STATE;
}

/* Ids of Acrel's units are text, never 0x and digits. */
static enum err take_name(const char *text, size_t len, size_t max, struct dialin_endpoint *out)
{
    if (len == 0)
        return ERR_SYNTAX;
    if (len > max)
        return ERR_RANGE;
    memcpy(out->name.data, text, len);
    out->name.len = (uint8_t)len;
    return ERR_OK;
}

static enum err parse_acrel(const char *text, struct dialin_endpoint *out)
{
    const char *slash = strrchr(text, '/');
    if (slash == NULL)
        return ERR_SYNTAX;
    for (const char *p = slash + 1; *p; p++) {
        if (*p < '0' || *p > '9' || p > slash + 2)
            return ERR_SYNTAX;
        out->port = out->port * 10 + (unsigned)(*p - '0');
    }
    if (out->port == 0)
        return ERR_SYNTAX;
    return take_name(text, (size_t)(slash - text), DTU_PACKET_MAX, out);
}

enum err dialin_endpoint_parse(const char *text, struct dialin_endpoint *out)
{
    *out = (struct dialin_endpoint){.kind = kind_of(text)};
    if (out->kind == DIALIN_KINDS)
        return ERR_SYNTAX;
    text += strlen(prefixes[out->kind]);
    if (out->kind == DIALIN_DTU)
        return parse_dtu(text, out);
    return out->kind == DIALIN_ACREL ? parse_acrel(text, out)
                                     : take_name(text, strlen(text), ACREL4G_SERIAL, out);
}

/* --- finding ---------------------------------------------------------------------------------- */

struct dialin_conn *dialin_find(const struct dialin *d, int64_t id)
{
    struct dialin_conn *c = d->conns;
    while (c != NULL && c->id != id)
        c = c->next;
    return c;
}

static struct dialin_line *find_line(const struct dialin *d, int64_t id)
{
    struct dialin_line *l = d->lines;
    while (l != NULL && l->id != id)
        l = l->next;
    return l;
}

static const uint8_t *find_bytes(const uint8_t *data, size_t len, const struct dtu_packet *p)
{
    for (size_t i = 0; i + p->len <= len; i++)
        if (memcmp(data + i, p->data, p->len) == 0)
            return data + i;
    return NULL;
}

struct dialin_unit *dialin_unit_named(const struct dialin *d, enum dialin_kind kind,
                                      struct bytes name)
{
    struct dialin_unit *u = d->units;
    while (u != NULL && (u->endpoint.kind != kind || u->endpoint.name.len != name.len ||
                         memcmp(u->endpoint.name.data, name.data, name.len) != 0))
        u = u->next;
    return u;
}

/* --- connections and their units -------------------------------------------------------------- */

static void tell(struct dialin *d, enum dialin_event event, const struct dialin_conn *c)
{
    const struct dtu_packet *name = c->unit == NULL ? NULL : &c->unit->endpoint.name;
    struct dialin_note note = {.event = event,
                               .conn = c->id,
                               .said = name == NULL ? c->first : name->data,
                               .said_len = name == NULL ? c->first_len : name->len};
    d->io.note(d->io.ctx, &note);
}

static void lines_down(struct dialin *d, const struct dialin_unit *u, enum err why)
{
    for (struct dialin_line *l = d->lines; l != NULL; l = l->next)
        if (l->unit == u) {
            l->out_len = 0;
            d->io.down(d->io.ctx, l->id, why);
        }
}

/* Forgets a connection; its lines go down. */
static void forget(struct dialin *d, struct dialin_conn *c, enum err why)
{
    struct dialin_conn **at = &d->conns;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    struct dialin_unit *u = c->unit;
    if (u != NULL && u->waiting == c)
        u->waiting = NULL;
    if (u != NULL && u->bound == c) {
        u->bound = NULL;
        lines_down(d, u, why);
    }
    free(c->in);
    free(c);
}

void dialin_refuse(struct dialin *d, struct dialin_conn *c, enum dialin_event event, enum err why)
{
    int64_t id = c->id;
    tell(d, event, c);
    forget(d, c, why);
    d->io.close(d->io.ctx, id);
}

static void to_line(void *arg, const uint8_t *data, size_t len)
{
    struct dialin_line *l = ((void **)arg)[1];
    struct dialin *d = ((void **)arg)[0];
    d->io.received(d->io.ctx, l->id, data, len);
}

static struct dialin_line *line_of(const struct dialin *d, const struct dialin_unit *u)
{
    struct dialin_line *l = d->lines;
    while (l->unit != u)
        l = l->next;
    return l;
}

static void pass(struct dialin *d, struct dialin_conn *c, mono_ms now, const uint8_t *data,
                 size_t len)
{
    if (c->kind != DIALIN_DTU) {
        dialin_acrel_feed(d, c, now, (struct bytes){data, len});
        return;
    }
    void *to[] = {d, line_of(d, c->unit)};
    dtu_filter_feed(&c->filter, data, len, to_line, to);
    c->hold_at = c->filter.held_len > 0 ? mono_after(now, DIALIN_HOLD_MS) : MONO_NEVER;
}

static void bind_unit(struct dialin *d, struct dialin_conn *c, mono_ms now)
{
    struct dialin_unit *u = c->unit;
    u->bound = c;
    c->state = CONN_BOUND;
    c->since = c->heard_at = now;
    if (c->kind == DIALIN_DTU)
        dtu_filter_init(&c->filter, &u->endpoint.name, &u->endpoint.heartbeat);
    tell(d, DIALIN_BOUND, c);
    for (struct dialin_line *l = d->lines; l != NULL; l = l->next)
        if (l->unit == u)
            d->io.up(d->io.ctx, l->id);
}

/* The connection has said whose it is. */
void dialin_claim(struct dialin *d, struct dialin_conn *c, struct dialin_unit *u, mono_ms now)
{
    c->unit = u;
    c->settle_at = MONO_NEVER;
    if (u->bound == NULL) {
        bind_unit(d, c, now);
    } else if (u->waiting != NULL || !mono_due(u->quarrel_until, now)) {
        dialin_refuse(d, c, DIALIN_TWIN, ERR_EXISTS);
    } else {
        u->waiting = c;
        c->state = CONN_WAITING;
        c->since = now;
    }
}

/* The unit's connection was not heard while another one waited: it is what a lost one left. */
static void displace(struct dialin *d, struct dialin_unit *u, mono_ms now)
{
    struct dialin_conn *heir = u->waiting;
    u->waiting = NULL;
    dialin_refuse(d, u->bound, DIALIN_DISPLACED, ERR_UPLINK_SILENT);
    u->quarrel_until = mono_after(now, DIALIN_QUARREL_MS);
    bind_unit(d, heir, now);
}

/* --- who is it -------------------------------------------------------------------------------- */

/* The unit with the longest name that was said. */
static struct dialin_unit *unit_said(const struct dialin *d, const struct dialin_conn *c)
{
    struct dialin_unit *best = NULL;
    for (struct dialin_unit *u = d->units; u != NULL; u = u->next)
        if (u->endpoint.kind == DIALIN_DTU &&
            (best == NULL || u->endpoint.name.len > best->endpoint.name.len) &&
            find_bytes(c->first, c->first_len, &u->endpoint.name) != NULL)
            best = u;
    return best;
}

/* Another name, which begins with this one, may be coming. */
static bool may_be_longer(const struct dialin *d, const struct dialin_conn *c,
                          const struct dialin_unit *said)
{
    for (const struct dialin_unit *u = d->units; u != NULL; u = u->next)
        if (u->endpoint.kind == DIALIN_DTU && u->endpoint.name.len > said->endpoint.name.len &&
            dtu_packet_begun(&u->endpoint.name, c->first, c->first_len) >= said->endpoint.name.len)
            return true;
    return false;
}

static void recognise(struct dialin *d, struct dialin_conn *c, mono_ms now)
{
    bool settled = c->settle_at.ms != MONO_NEVER.ms && mono_due(c->settle_at, now);
    struct dialin_unit *u = unit_said(d, c);
    c->settle_at = MONO_NEVER;
    if (u == NULL) {
        if (c->first_len == sizeof c->first)
            dialin_refuse(d, c, DIALIN_UNKNOWN, ERR_NOT_FOUND);
        return;
    }
    if (!settled && may_be_longer(d, c, u)) {
        c->settle_at = mono_after(now, DIALIN_SETTLE_MS);
        return;
    }
    const uint8_t *name = find_bytes(c->first, c->first_len, &u->endpoint.name);
    size_t begin = (size_t)(name - c->first) + u->endpoint.name.len;
    int64_t id = c->id;
    dialin_claim(d, c, u, now);
    if (dialin_find(d, id) == c && c->state == CONN_BOUND && begin < c->first_len)
        pass(d, c, now, c->first + begin, c->first_len - begin);
}

/* --- from the world --------------------------------------------------------------------------- */

void dialin_open(struct dialin *d, int64_t conn, mono_ms now, const uint8_t random[DIALIN_RANDOM])
{
    struct dialin_conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        d->io.close(d->io.ctx, conn);
        return;
    }
    c->id = conn;
    c->since = c->heard_at = now;
    c->settle_at = c->hold_at = c->asked_until = MONO_NEVER;
    hex_encode(random, DIALIN_RANDOM, c->challenge);
    c->next = d->conns;
    d->conns = c;
}

/* Both frames begin with a byte twice, which no registration of ours does (dialin_line_add). */
static bool speaks_acrel(struct dialin_conn *c)
{
    if (c->first_len < 2 || c->first[0] != c->first[1])
        return false;
    c->kind = c->first[0] == 0x1F   ? DIALIN_ACREL
              : c->first[0] == 0x7B ? DIALIN_ACREL_4G
                                    : DIALIN_DTU;
    return c->kind != DIALIN_DTU;
}

static void take_first(struct dialin *d, struct dialin_conn *c, mono_ms now, struct bytes more)
{
    size_t room = sizeof c->first - c->first_len, n = more.len < room ? more.len : room;
    memcpy(c->first + c->first_len, more.data, n);
    c->first_len += n;
    int64_t id = c->id;
    if (speaks_acrel(c)) {
        dialin_acrel_feed(d, c, now, (struct bytes){c->first, c->first_len});
        if (n < more.len && dialin_find(d, id) == c)
            dialin_acrel_feed(d, c, now, (struct bytes){more.data + n, more.len - n});
        return;
    }
    recognise(d, c, now);
    if (n < more.len && dialin_find(d, id) == c && c->state == CONN_BOUND)
        pass(d, c, now, more.data + n, more.len - n);
}

void dialin_data(struct dialin *d, int64_t conn, mono_ms now, const uint8_t *data, size_t len)
{
    struct dialin_conn *c = dialin_find(d, conn);
    if (c == NULL || len == 0)
        return;
    c->heard_at = now;
    if (c->state == CONN_NEW && c->kind != DIALIN_DTU) {
        dialin_acrel_feed(d, c, now, (struct bytes){data, len});
    } else if (c->state == CONN_NEW) {
        take_first(d, c, now, (struct bytes){data, len});
    } else if (c->state == CONN_BOUND) {
        if (c->unit->waiting != NULL)
            dialin_refuse(d, c->unit->waiting, DIALIN_TWIN, ERR_EXISTS);
        pass(d, c, now, data, len);
    }
}

void dialin_closed(struct dialin *d, int64_t conn, mono_ms now)
{
    struct dialin_conn *c = dialin_find(d, conn);
    if (c == NULL)
        return;
    struct dialin_unit *u = c->unit;
    forget(d, c, ERR_IO_CLOSED);
    if (u != NULL && u->bound == NULL && u->waiting != NULL) {
        struct dialin_conn *heir = u->waiting;
        u->waiting = NULL;
        bind_unit(d, heir, now);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static mono_ms ends_at(const struct dialin_conn *c)
{
    static const int64_t wait_ms[] = {[CONN_NEW] = DIALIN_REGISTER_MS,
                                      [CONN_WAITING] = DIALIN_TWIN_MS,
                                      [CONN_BOUND] = DIALIN_SILENT_MS};
    return mono_after(c->state == CONN_BOUND ? c->heard_at : c->since, wait_ms[c->state]);
}

static mono_ms conn_wake(const struct dialin_conn *c)
{
    return mono_earlier(mono_earlier(ends_at(c), c->asked_until),
                        mono_earlier(c->settle_at, c->hold_at));
}

mono_ms dialin_wake(const struct dialin *d)
{
    mono_ms at = MONO_NEVER;
    for (const struct dialin_conn *c = d->conns; c != NULL; c = c->next)
        at = mono_earlier(at, conn_wake(c));
    return at;
}

static void conn_tick(struct dialin *d, struct dialin_conn *c, mono_ms now)
{
    if (c->state == CONN_BOUND && mono_due(c->hold_at, now)) {
        void *to[] = {d, line_of(d, c->unit)};
        dtu_filter_release(&c->filter, to_line, to);
        c->hold_at = MONO_NEVER;
    }
    if (mono_due(c->asked_until, now))
        dialin_acrel_tick(d, c, now);
    if (mono_due(ends_at(c), now)) {
        if (c->state == CONN_NEW)
            dialin_refuse(d, c, DIALIN_UNKNOWN, ERR_NOT_FOUND);
        else if (c->state == CONN_WAITING)
            displace(d, c->unit, now);
        else
            dialin_refuse(d, c, DIALIN_SILENT, ERR_UPLINK_SILENT);
    } else if (c->state == CONN_NEW && mono_due(c->settle_at, now)) {
        recognise(d, c, now);
    }
}

/* One connection may take another one with it: look again from the beginning after each that had
 * something to do. */
void dialin_tick(struct dialin *d, mono_ms now)
{
    while (mono_due(dialin_wake(d), now)) {
        struct dialin_conn *c = d->conns;
        while (!mono_due(conn_wake(c), now))
            c = c->next;
        conn_tick(d, c, now);
    }
}

/* --- lines ------------------------------------------------------------------------------------ */

enum err dialin_new(struct dialin **out, const struct dialin_io *io)
{
    struct dialin *d = calloc(1, sizeof *d);
    if (d == NULL)
        return ERR_MEMORY;
    d->io = *io;
    *out = d;
    return ERR_OK;
}

void dialin_free(struct dialin *d)
{
    if (d == NULL)
        return;
    for (struct dialin_conn *c = d->conns, *next; c != NULL; c = next) {
        next = c->next;
        free(c->in);
        free(c);
    }
    for (struct dialin_unit *u = d->units, *next; u != NULL; u = next) {
        next = u->next;
        free(u);
    }
    for (struct dialin_line *l = d->lines, *next; l != NULL; l = next) {
        next = l->next;
        free(l);
    }
    for (struct dialin_secret *s = d->secrets, *next; s != NULL; s = next) {
        next = s->next;
        free(s);
    }
    free(d);
}

enum err dialin_secret_put(struct dialin *d, const char *gateway_id, const char *secret)
{
    if (strlen(secret) != DIALIN_SECRET || strlen(gateway_id) >= ACREL_TEXT_MAX || !*gateway_id)
        return ERR_SYNTAX;
    struct dialin_secret *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_MEMORY;
    strcpy(s->gateway_id, gateway_id);
    memcpy(s->secret, secret, sizeof s->secret);
    s->next = d->secrets;
    d->secrets = s;
    return ERR_OK;
}

void dialin_time_set(struct dialin *d, wall_s wall, int32_t offset_s)
{
    d->wall = wall;
    d->offset_s = offset_s;
}

/* The unit of this endpoint, made if need be; ERR_EXISTS: its place is taken. */
static enum err unit_for(struct dialin *d, const struct dialin_endpoint *endpoint,
                         struct dialin_unit **out)
{
    struct bytes name = {endpoint->name.data, endpoint->name.len};
    *out = dialin_unit_named(d, endpoint->kind, name);
    for (const struct dialin_line *l = d->lines; l != NULL; l = l->next)
        if (l->unit == *out && l->port == endpoint->port)
            return ERR_EXISTS;
    if (*out != NULL)
        return ERR_OK;
    *out = calloc(1, sizeof **out);
    if (*out == NULL)
        return ERR_MEMORY;
    (*out)->endpoint = *endpoint;
    (*out)->next = d->units;
    d->units = *out;
    return ERR_OK;
}

/* A registration that begins like a frame of Acrel's could never be heard. */
static bool is_taken(const struct dialin_endpoint *e)
{
    const uint8_t *name = e->name.data;
    return e->kind == DIALIN_DTU && e->name.len >= 2 && name[0] == name[1] &&
           (name[0] == 0x1F || name[0] == 0x7B);
}

enum err dialin_line_add(struct dialin *d, int64_t line, const struct dialin_endpoint *endpoint)
{
    if (is_taken(endpoint))
        return ERR_EXISTS;
    struct dialin_line *l = calloc(1, sizeof *l);
    if (l == NULL)
        return ERR_MEMORY;
    enum err e = unit_for(d, endpoint, &l->unit);
    if (e != ERR_OK) {
        free(l);
        return e;
    }
    l->id = line;
    l->port = endpoint->port;
    l->next = d->lines;
    d->lines = l;
    for (struct dialin_conn *c = d->conns; c != NULL; c = c->next)
        if (c->state == CONN_NEW && c->kind == DIALIN_DTU && c->first_len > 0)
            c->settle_at = (mono_ms){0}; /* it may have been waiting for this line */
    return ERR_OK;
}

static void remove_unit(struct dialin *d, struct dialin_unit *u)
{
    struct dialin_conn *left[] = {u->bound, u->waiting};
    for (size_t i = 0; i < 2; i++) {
        if (left[i] == NULL)
            continue;
        int64_t id = left[i]->id;
        forget(d, left[i], ERR_IO_CLOSED);
        d->io.close(d->io.ctx, id);
    }
    struct dialin_unit **at = &d->units;
    while (*at != u)
        at = &(*at)->next;
    *at = u->next;
    free(u);
}

void dialin_line_remove(struct dialin *d, int64_t line)
{
    struct dialin_line **at = &d->lines;
    while (*at != NULL && (*at)->id != line)
        at = &(*at)->next;
    struct dialin_line *l = *at;
    if (l == NULL)
        return;
    *at = l->next;
    struct dialin_unit *u = l->unit;
    if (u->bound != NULL && u->bound->asked == l)
        u->bound->asked = NULL;
    bool last = true;
    for (const struct dialin_line *other = d->lines; other != NULL; other = other->next)
        last = last && other->unit != u;
    if (last)
        remove_unit(d, u);
    free(l);
}

bool dialin_line_is_up(const struct dialin *d, int64_t line)
{
    const struct dialin_line *l = find_line(d, line);
    return l != NULL && l->unit->bound != NULL;
}

enum err dialin_write(struct dialin *d, int64_t line, mono_ms now, const uint8_t *data, size_t len)
{
    struct dialin_line *l = find_line(d, line);
    if (l == NULL || l->unit->bound == NULL)
        return ERR_IO_CLOSED;
    if (l->unit->endpoint.kind != DIALIN_DTU)
        return dialin_acrel_write(d, l, now, (struct bytes){data, len});
    d->io.send(d->io.ctx, l->unit->bound->id, data, len);
    return ERR_OK;
}
