#include "uplink/dialin_impl.h"

#include <stdlib.h>
#include <string.h>

/* --- endpoints -------------------------------------------------------------------------------- */

static const char *const prefixes[DIALIN_KINDS] = {[DIALIN_DTU] = "dtu:"};

bool dialin_is_endpoint(const char *text)
{
    for (size_t i = 0; i < DIALIN_KINDS; i++)
        if (strncmp(text, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
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

enum err dialin_endpoint_parse(const char *text, struct dialin_endpoint *out)
{
    *out = (struct dialin_endpoint){0};
    if (!dialin_is_endpoint(text))
        return ERR_SYNTAX;
    out->kind = DIALIN_DTU;
    return parse_dtu(text + strlen(prefixes[DIALIN_DTU]), out);
}

/* --- finding ---------------------------------------------------------------------------------- */

static struct dialin_conn *find_conn(const struct dialin *d, int64_t id)
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

static bool same_unit(const struct dialin_endpoint *a, const struct dialin_endpoint *b)
{
    return a->kind == b->kind && a->name.len == b->name.len &&
           memcmp(a->name.data, b->name.data, a->name.len) == 0;
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
        if (l->unit == u)
            d->io.down(d->io.ctx, l->id, why);
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
    free(c);
}

static void refuse(struct dialin *d, struct dialin_conn *c, enum dialin_event event, enum err why)
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
    dtu_filter_init(&c->filter, &u->endpoint.name, &u->endpoint.heartbeat);
    tell(d, DIALIN_BOUND, c);
    for (struct dialin_line *l = d->lines; l != NULL; l = l->next)
        if (l->unit == u)
            d->io.up(d->io.ctx, l->id);
}

/* The connection has said whose it is. */
static void claim_unit(struct dialin *d, struct dialin_conn *c, struct dialin_unit *u, mono_ms now)
{
    c->unit = u;
    c->settle_at = MONO_NEVER;
    if (u->bound == NULL) {
        bind_unit(d, c, now);
    } else if (u->waiting != NULL || !mono_due(u->quarrel_until, now)) {
        refuse(d, c, DIALIN_TWIN, ERR_EXISTS);
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
    refuse(d, u->bound, DIALIN_DISPLACED, ERR_UPLINK_SILENT);
    u->quarrel_until = mono_after(now, DIALIN_QUARREL_MS);
    bind_unit(d, heir, now);
}

/* --- who is it -------------------------------------------------------------------------------- */

/* The unit with the longest name that was said. */
static struct dialin_unit *unit_said(const struct dialin *d, const struct dialin_conn *c)
{
    struct dialin_unit *best = NULL;
    for (struct dialin_unit *u = d->units; u != NULL; u = u->next)
        if ((best == NULL || u->endpoint.name.len > best->endpoint.name.len) &&
            find_bytes(c->first, c->first_len, &u->endpoint.name) != NULL)
            best = u;
    return best;
}

/* Another name, which begins with this one, may be coming. */
static bool may_be_longer(const struct dialin *d, const struct dialin_conn *c,
                          const struct dialin_unit *said)
{
    for (const struct dialin_unit *u = d->units; u != NULL; u = u->next)
        if (u->endpoint.name.len > said->endpoint.name.len &&
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
            refuse(d, c, DIALIN_UNKNOWN, ERR_NOT_FOUND);
        return;
    }
    if (!settled && may_be_longer(d, c, u)) {
        c->settle_at = mono_after(now, DIALIN_SETTLE_MS);
        return;
    }
    const uint8_t *name = find_bytes(c->first, c->first_len, &u->endpoint.name);
    size_t begin = (size_t)(name - c->first) + u->endpoint.name.len;
    int64_t id = c->id;
    claim_unit(d, c, u, now);
    if (find_conn(d, id) == c && c->state == CONN_BOUND && begin < c->first_len)
        pass(d, c, now, c->first + begin, c->first_len - begin);
}

/* --- from the world --------------------------------------------------------------------------- */

void dialin_open(struct dialin *d, int64_t conn, mono_ms now)
{
    struct dialin_conn *c = calloc(1, sizeof *c);
    if (c == NULL) {
        d->io.close(d->io.ctx, conn);
        return;
    }
    c->id = conn;
    c->since = c->heard_at = now;
    c->settle_at = c->hold_at = MONO_NEVER;
    c->next = d->conns;
    d->conns = c;
}

static void take_first(struct dialin *d, struct dialin_conn *c, mono_ms now, struct bytes more)
{
    size_t room = sizeof c->first - c->first_len, n = more.len < room ? more.len : room;
    memcpy(c->first + c->first_len, more.data, n);
    c->first_len += n;
    int64_t id = c->id;
    recognise(d, c, now);
    if (n < more.len && find_conn(d, id) == c && c->state == CONN_BOUND)
        pass(d, c, now, more.data + n, more.len - n);
}

void dialin_data(struct dialin *d, int64_t conn, mono_ms now, const uint8_t *data, size_t len)
{
    struct dialin_conn *c = find_conn(d, conn);
    if (c == NULL || len == 0)
        return;
    c->heard_at = now;
    if (c->state == CONN_NEW) {
        take_first(d, c, now, (struct bytes){data, len});
    } else if (c->state == CONN_BOUND) {
        if (c->unit->waiting != NULL)
            refuse(d, c->unit->waiting, DIALIN_TWIN, ERR_EXISTS);
        pass(d, c, now, data, len);
    }
}

void dialin_closed(struct dialin *d, int64_t conn, mono_ms now)
{
    struct dialin_conn *c = find_conn(d, conn);
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

mono_ms dialin_wake(const struct dialin *d)
{
    mono_ms at = MONO_NEVER;
    for (const struct dialin_conn *c = d->conns; c != NULL; c = c->next)
        at = mono_earlier(at, mono_earlier(ends_at(c), mono_earlier(c->settle_at, c->hold_at)));
    return at;
}

static void conn_tick(struct dialin *d, struct dialin_conn *c, mono_ms now)
{
    if (c->state == CONN_BOUND && mono_due(c->hold_at, now)) {
        void *to[] = {d, line_of(d, c->unit)};
        dtu_filter_release(&c->filter, to_line, to);
        c->hold_at = MONO_NEVER;
    }
    if (mono_due(ends_at(c), now)) {
        if (c->state == CONN_NEW)
            refuse(d, c, DIALIN_UNKNOWN, ERR_NOT_FOUND);
        else if (c->state == CONN_WAITING)
            displace(d, c->unit, now);
        else
            refuse(d, c, DIALIN_SILENT, ERR_UPLINK_SILENT);
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
        while (!mono_due(mono_earlier(ends_at(c), mono_earlier(c->settle_at, c->hold_at)), now))
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
    free(d);
}

enum err dialin_line_add(struct dialin *d, int64_t line, const struct dialin_endpoint *endpoint)
{
    for (const struct dialin_unit *u = d->units; u != NULL; u = u->next)
        if (same_unit(&u->endpoint, endpoint))
            return ERR_EXISTS;
    struct dialin_unit *u = calloc(1, sizeof *u);
    struct dialin_line *l = calloc(1, sizeof *l);
    if (u == NULL || l == NULL) {
        free(u);
        free(l);
        return ERR_MEMORY;
    }
    u->endpoint = *endpoint;
    u->next = d->units;
    d->units = u;
    *l = (struct dialin_line){.next = d->lines, .id = line, .unit = u};
    d->lines = l;
    for (struct dialin_conn *c = d->conns; c != NULL; c = c->next)
        if (c->state == CONN_NEW && c->first_len > 0) /* it may have been waiting for this line */
            c->settle_at = (mono_ms){0};
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
    remove_unit(d, l->unit);
    free(l);
}

bool dialin_line_is_up(const struct dialin *d, int64_t line)
{
    const struct dialin_line *l = find_line(d, line);
    return l != NULL && l->unit->bound != NULL;
}

enum err dialin_write(struct dialin *d, int64_t line, mono_ms now, const uint8_t *data, size_t len)
{
    const struct dialin_line *l = find_line(d, line);
    (void)now;
    if (l == NULL || l->unit->bound == NULL)
        return ERR_IO_CLOSED;
    d->io.send(d->io.ctx, l->unit->bound->id, data, len);
    return ERR_OK;
}
