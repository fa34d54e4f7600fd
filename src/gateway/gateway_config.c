#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "gateway/gateway_impl.h"
#include "uplink/dialin.h"

/* --- taking the lines and meters out -------------------------------------------------------------
 */

void gateway_config_free(struct gateway *g)
{
    for (size_t i = 0; i < g->line_count; i++) {
        free(g->lines[i].peers);
        free(g->lines[i].meters);
    }
    free(g->lines);
    free(g->meters);
    free(g->left);
    g->lines = NULL;
    g->meters = NULL;
    g->left = NULL;
    g->line_count = g->meter_count = g->left_count = 0;
}

static size_t line_index(const struct gateway *g, int64_t number)
{
    size_t i = 0;
    while (i < g->line_count && g->lines[i].config.number != number)
        i++;
    return i;
}

static enum err make_meter(const struct gateway *g, const struct uplink_config_meter *c,
                           struct gateway_meter *m)
{
    *m = (struct gateway_meter){.meter_id = c->meter_id,
                                .epoch = c->epoch,
                                .trips = {.known = -1, .reason = -1, .open = -1}};
    m->line = line_index(g, c->line);
    if (m->line == g->line_count)
        return ERR_STATE;
    if (g->lines[m->line].peer_count == BUS_PEERS_MAX)
        return ERR_FULL;
    TRY(meter_unit_init(&m->unit, c->model, c->address, c->customer_number, c->circuits));
    m->unit.offset_s = g->options.offset_s;
    memcpy(m->address, c->address, sizeof m->address);
    return ERR_OK;
}

/* A meter that this program cannot read (unknown model, bad address) is left out, not the rest. */
static void add_meter(struct gateway *g, const struct uplink_config_meter *c)
{
    struct gateway_meter m;
    enum err e = make_meter(g, c, &m);
    if (e != ERR_OK) {
        g->left = realloc(g->left, (g->left_count + 1) * sizeof *g->left);
        MUST(g->left);
        g->left[g->left_count++] = (struct gateway_left){*c, e};
        return;
    }
    m.peer = g->lines[m.line].peer_count++;
    g->meters[g->meter_count++] = m;
}

static const struct meter_link *link_of(const struct gateway *g, const struct gateway_line *l,
                                        size_t peer)
{
    return g->meters[l->meters[peer]].unit.model->driver->link;
}

static bool speaks_modbus(const struct gateway *g, const struct gateway_line *l)
{
    for (size_t p = 0; p < l->peer_count; p++)
        if (link_of(g, l, p) == &meter_link_modbus_rtu)
            return true;
    return false;
}

/* Behind a modem pieces of an answer come when the network likes. */
static void allow_for_network(struct bus_timing *t)
{
    t->transit_ms = 3'000;
    t->byte_gap_ms = 800;
}

static void start_bus(struct gateway *g, const struct gateway_now *now, struct gateway_line *l)
{
    int32_t baud = (int32_t)l->config.baud;
    struct bus_timing timing = speaks_modbus(g, l) ? bus_timing_of(baud) : bus_timing_marked(baud);
    if (dialin_is_endpoint(l->config.endpoint))
        allow_for_network(&timing);
    bus_init(&l->bus, &meter_link_dlt645, &timing, now->mono);
    for (uint16_t p = 0; p < l->peer_count; p++) {
        bus_peer_speaks(&l->bus, p, link_of(g, l, p), 0, 0);
        bus_peer_waits(&l->bus, p, g->meters[l->meters[p]].unit.model->limits.answer_ms);
    }
}

static void start_line(struct gateway *g, const struct gateway_now *now, size_t index)
{
    struct gateway_line *l = &g->lines[index];
    l->peers = calloc(l->peer_count + 1U, sizeof *l->peers);
    l->meters = calloc(l->peer_count + 1U, sizeof *l->meters);
    MUST(l->peers && l->meters);
    for (size_t i = 0; i < g->meter_count; i++)
        if (g->meters[i].line == index)
            l->meters[g->meters[i].peer] = i;
    start_bus(g, now, l);
    plan_init(&l->plan, l->peers, l->peer_count);
    for (uint16_t p = 0; p < l->peer_count; p++)
        plan_set(&l->plan, p, &g->meters[l->meters[p]].unit, now->mono);
    l->clock_at = l->began = now->mono;
    gateway_line_changed(g, now, l);
    gateway_line_begin(l, now->mono);
}

struct totals {
    size_t lines, meters;
};

static enum err decode_part(struct gateway *g, struct bytes part, struct uplink_message *m)
{
    TRY(uplink_message_decode(part.data, part.len, g->arena, m));
    return m->kind == UPLINK_CONFIG ? ERR_OK : ERR_UPLINK_SYNTAX;
}

static enum err add_lines(struct gateway *g, const struct bytes *parts, size_t count)
{
    struct uplink_message m;
    for (size_t i = 0; i < count; i++) {
        TRY(decode_part(g, parts[i], &m));
        for (size_t k = 0; k < m.config.line_count; k++)
            g->lines[g->line_count++].config = m.config.lines[k];
    }
    return ERR_OK;
}

static enum err add_meters(struct gateway *g, const struct bytes *parts, size_t count)
{
    struct uplink_message m;
    for (size_t i = 0; i < count; i++) {
        TRY(decode_part(g, parts[i], &m));
        for (size_t k = 0; k < m.config.meter_count; k++)
            add_meter(g, &m.config.meters[k]);
    }
    return ERR_OK;
}

static enum err total(struct gateway *g, const struct bytes *parts, size_t count,
                      struct totals *out)
{
    struct uplink_message m;
    *out = (struct totals){0};
    for (size_t i = 0; i < count; i++) {
        TRY(decode_part(g, parts[i], &m));
        out->lines += m.config.line_count;
        out->meters += m.config.meter_count;
    }
    return ERR_OK;
}

/* The old lines go, with whatever was under way on them: started commands are read back again. */
static enum err apply(struct gateway *g, const struct gateway_now *now, const struct bytes *parts,
                      size_t count)
{
    struct totals t;
    TRY(total(g, parts, count, &t));
    gateway_config_free(g);
    g->lines = calloc(t.lines + 1, sizeof *g->lines);
    g->meters = calloc(t.meters + 1, sizeof *g->meters);
    MUST(g->lines && g->meters);
    TRY(add_lines(g, parts, count));
    TRY(add_meters(g, parts, count));
    for (size_t i = 0; i < g->line_count; i++)
        start_line(g, now, i);
    g->generation++;
    return ERR_OK;
}

/* --- keeping
 * ------------------------------------------------------------------------------------------ */

static void drop_parts(struct gateway *g)
{
    for (size_t i = 0; i < GATEWAY_CONFIG_PARTS; i++) {
        free((void *)g->parts[i].data);
        g->parts[i] = (struct bytes){0};
    }
    g->parts_version = 0;
}

static void part_name(size_t i, char out[32])
{
    snprintf(out, 32, "config.%03zu", i);
}

static enum err save(struct store_tx *tx, void *arg)
{
    struct gateway *g = arg;
    char name[32];
    TRY(store_exec(tx, "DELETE FROM setting WHERE name LIKE 'config.%'", ""));
    for (size_t i = 0; i < (size_t)g->parts_wanted; i++) {
        part_name(i, name);
        TRY(store_exec(tx, "INSERT INTO setting (name, value) VALUES ($1, $2)", "tb", name,
                       g->parts[i]));
    }
    return ERR_OK;
}

static bool complete(const struct gateway *g)
{
    for (size_t i = 0; i < (size_t)g->parts_wanted; i++)
        if (!g->parts[i].data)
            return false;
    return true;
}

static enum err keep_part(struct gateway *g, const struct uplink_message *m)
{
    struct writer w = writer_of(g->out, UPLINK_MESSAGE_MAX);
    uplink_message_encode(m, &w);
    TRY(w.err);
    struct bytes *slot = &g->parts[m->config.part];
    uint8_t *copy = malloc(w.len);
    MUST(copy);
    memcpy(copy, g->out, w.len);
    free((void *)slot->data);
    *slot = (struct bytes){copy, w.len};
    return ERR_OK;
}

enum err gateway_config_take(struct gateway *g, const struct gateway_now *now,
                             const struct uplink_message *m)
{
    const struct uplink_config *c = &m->config;
    if (c->parts < 1 || c->parts > GATEWAY_CONFIG_PARTS || c->part < 0 || c->part >= c->parts)
        return ERR_RANGE;
    if (c->version == g->config_version) {
        g->applied_due = true;
        return ERR_OK;
    }
    if (c->version != g->parts_version || c->parts != g->parts_wanted)
        drop_parts(g);
    g->parts_version = c->version;
    g->parts_wanted = c->parts;
    TRY(keep_part(g, m));
    if (!complete(g))
        return ERR_OK;
    TRY(gateway_stored(g, store_run(g->store, save, g)));
    TRY(apply(g, now, g->parts, (size_t)g->parts_wanted));
    g->config_version = c->version;
    g->applied_due = true;
    drop_parts(g);
    return ERR_OK;
}

static enum err load(struct store_tx *tx, void *arg)
{
    struct gateway *g = arg;
    struct query q =
        query_open(tx, "SELECT value FROM setting WHERE name LIKE 'config.%' ORDER BY name", "");
    g->parts_wanted = 0;
    while (query_step(&q) && g->parts_wanted < GATEWAY_CONFIG_PARTS) {
        struct bytes b = query_blob(&q, 0);
        uint8_t *copy = malloc(b.len + 1);
        MUST(copy);
        memcpy(copy, b.data, b.len);
        g->parts[g->parts_wanted++] = (struct bytes){copy, b.len};
    }
    return query_end(&q);
}

enum err gateway_config_load(struct gateway *g, const struct gateway_now *now)
{
    struct uplink_message m;
    TRY(store_read(g->store, load, g));
    enum err e = ERR_OK;
    if (g->parts_wanted > 0) {
        e = decode_part(g, g->parts[0], &m);
        if (e == ERR_OK)
            g->config_version = m.config.version;
        if (e == ERR_OK)
            e = apply(g, now, g->parts, (size_t)g->parts_wanted);
    }
    drop_parts(g);
    return e;
}
