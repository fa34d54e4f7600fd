/*
 * The control socket: one JSON object a line in, one a line out, in order. Loopback only.
 * docs/manual/fleet.md lists the operations.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim/fleet/fleet.h"

#define LINE_MAX_BYTES 8192
#define CLIENTS_MAX 16

struct client {
    struct fleet *fleet;
    struct io_stream *stream;
    size_t len;
    char line[LINE_MAX_BYTES];
};

struct control {
    struct io_listener *listener;
    struct client *clients[CLIENTS_MAX];
};

static json_t *refusal(enum err e)
{
    return json_pack("{s:b, s:s, s:s}", "ok", 0, "error", err_name(e), "text", err_text_en(e));
}

static json_t *done(void)
{
    return json_pack("{s:b}", "ok", 1);
}

static int64_t number(const json_t *q, const char *key, int64_t absent)
{
    const json_t *v = json_object_get(q, key);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : absent;
}

/* --- looking -------------------- */

static json_t *circuit_json(const struct sim_meter *m, unsigned i)
{
    struct terminal_output out = terminal_output(&m->terminal);
    return json_pack("{s:b, s:s, s:I, s:I, s:I}", "closed", out.closed[i] && m->powered, "reason",
                     terminal_reason_name(out.reason[i]), "energy_mwh",
                     (json_int_t)terminal_register_mwh(&m->terminal, i + 1, 0), "power_mw",
                     (json_int_t)m->terminal.sample.power_mw[i], "owed_mwh",
                     (json_int_t)m->owed_mwh[i]);
}

static json_t *meter_json(const struct fleet_meter *fm)
{
    const struct sim_meter *m = &fm->sim;
    const struct terminal_books *b = &m->terminal.books;
    char customer[13];
    dlt645_address_text(b->customer, customer);
    json_t *circuits = json_array();
    for (unsigned i = 0; i < m->setup.circuits; i++)
        json_array_append_new(circuits, circuit_json(m, i));
    return json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:i, s:s, s:b, s:b, s:I, s:I, s:I, s:b, s:s, "
                     "s:i, s:b, s:I, "
                     "s:I, s:o}",
                     "ok", 1, "meter", fm->address, "account", fm->account, "place", fm->place,
                     "model", fm->model, "gateway", fm->line->gateway, "line",
                     (int)fm->line->number, "wallet", m->setup.wallet ? "meter" : "platform",
                     "powered", m->powered, "dead", m->dead, "balance_fen",
                     (json_int_t)b->balance_fen, "count", (json_int_t)b->count, "purchased_fen",
                     (json_int_t)b->purchased_fen, "opened", b->opened, "customer_number", customer,
                     "alarm", (int)terminal_output(&m->terminal).alarm, "keep_power", b->keep_power,
                     "energy_mwh", (json_int_t)terminal_register_mwh(&m->terminal, 0, 0),
                     "nvram_writes", (json_int_t)m->writes, "circuits", circuits);
}

static json_t *op_status(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is asked */
    (void)q;
    return meter_json(m);
}

static json_t *op_applied(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is asked */
    (void)q;
    json_t *list = json_array();
    for (size_t i = 0; i < m->sim.applied_count; i++) {
        const struct sim_applied *a = &m->sim.applied[i];
        json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:b}", "life", (int)a->life, "count",
                                              (json_int_t)a->count, "amount_fen",
                                              (json_int_t)a->amount_fen, "foreign", a->foreign));
    }
    return json_pack("{s:b, s:o}", "ok", 1, "applied", list);
}

static json_t *op_list(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about all of them */
    (void)q;
    json_t *list = json_array();
    for (size_t i = 0; i < f->meter_count; i++)
        json_array_append_new(list, json_string(f->meters[i]->address));
    return json_pack("{s:b, s:o}", "ok", 1, "meters", list);
}

static json_t *line_json(const struct fleet_line *l)
{
    return json_pack("{s:s, s:i, s:s, s:i, s:I, s:b, s:I, s:I, s:I, s:I, s:I}", "gateway",
                     l->gateway, "line", (int)l->number, "endpoint", l->endpoint, "baud",
                     (int)l->baud, "meters", (json_int_t)fleet_line_meters(l), "connected",
                     l->client != NULL, "requests", (json_int_t)l->sim.requests, "answers",
                     (json_int_t)l->sim.answers, "faults", (json_int_t)l->sim.faults_done,
                     "collisions", (json_int_t)l->sim.collisions, "busy_ms",
                     (json_int_t)(l->sim.busy_us / 1000));
}

static json_t *op_lines(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about the lines */
    (void)q;
    json_t *list = json_array();
    for (size_t i = 0; i < f->line_count; i++)
        json_array_append_new(list, line_json(f->lines[i]));
    return json_pack("{s:b, s:o}", "ok", 1, "lines", list);
}

static json_t *op_clock(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about the fleet */
    (void)q;
    return json_pack("{s:b, s:I, s:I, s:I}", "ok", 1, "wall", (json_int_t)fleet_wall(f).s, "speed",
                     (json_int_t)io_speed(f->io), "ticks", (json_int_t)f->ticks);
}

static json_t *op_dues(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about all recorded lives */
    (void)q;
    return json_pack("{s:b, s:O}", "ok", 1, "dues", f->dues);
}

/* Sums that a test compares with ledger and data. */
static json_t *op_totals(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about all of them */
    (void)q;
    int64_t energy = 0, owed = 0, balance = 0, purchased = 0, open = 0;
    for (size_t i = 0; i < f->meter_count; i++) {
        const struct sim_meter *s = &f->meters[i]->sim;
        energy += (int64_t)terminal_register_mwh(&s->terminal, 0, 0);
        balance += s->setup.wallet ? s->terminal.books.balance_fen : 0;
        purchased += s->terminal.books.purchased_fen;
        open += s->terminal.open_now != 0;
        for (unsigned c = 0; c < s->setup.circuits; c++)
            owed += s->owed_mwh[c];
    }
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", 1, "meters",
                     (json_int_t)f->meter_count, "energy_mwh", (json_int_t)energy, "owed_mwh",
                     (json_int_t)owed, "balance_fen", (json_int_t)balance, "purchased_fen",
                     (json_int_t)purchased, "open", (json_int_t)open);
}

/* --- meddling -------------------- */

/* power_w for one circuit (default 1); without it, or null, the profile takes over again. */
static json_t *op_load(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    int64_t circuit = number(q, "circuit", 1), power_w = number(q, "power_w", -1);
    if (circuit < 1 || circuit > m->sim.setup.circuits || power_w > 100'000)
        return refusal(ERR_RANGE);
    m->by_hand[circuit - 1] = power_w >= 0;
    if (m->room != NULL)
        room_quiet(m->room, (unsigned)circuit, power_w >= 0);
    sim_meter_set_load(&m->sim, (unsigned)circuit, power_w >= 0 ? power_w * 1000 : 0);
    return done();
}

/* Somebody plugs an appliance in (on, the default), or takes it away. */
static json_t *op_plug(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    int64_t circuit = number(q, "circuit", m->sim.setup.circuits == 3 ? 2 : 1);
    const char *name = json_string_value(json_object_get(q, "appliance"));
    enum appliance_kind kind = appliance_find(name != NULL ? name : "");
    if (m->room == NULL || kind == APPLIANCE_COUNT)
        return refusal(ERR_NOT_FOUND);
    if (circuit < 1 || circuit > m->sim.setup.circuits)
        return refusal(ERR_RANGE);
    int64_t now_ms = m->line->sim.options.wall0.s * 1000 + fleet_now(f).ms;
    bool on = !json_is_false(json_object_get(q, "on"));
    return room_plug(m->room, now_ms, kind, (unsigned)circuit, on) ? done() : refusal(ERR_FULL);
}

static json_t *found_json(const struct room_found *n)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "started", (json_int_t)n->started, "caught",
                     (json_int_t)n->caught, "late", (json_int_t)n->late, "missed",
                     (json_int_t)n->missed);
}

/* Who lives there, what is on, and what load control did about it since this process started. */
static json_t *op_room(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is asked about */
    (void)q;
    const struct room *r = m->room;
    if (r == NULL)
        return refusal(ERR_NOT_FOUND);
    json_t *things = json_array(), *trips = json_object();
    for (unsigned i = 0; i < r->thing_count; i++)
        json_array_append_new(
            things, json_pack("{s:s, s:i, s:b, s:b, s:b, s:i}", "appliance",
                              appliances[r->things[i].kind].name, "circuit",
                              (int)r->things[i].circuit, "plugged", (int)r->things[i].plugged, "on",
                              (int)(r->things[i].uses > 0), "drawing", (int)r->things[i].drawing,
                              "power_w", r->things[i].power_mw / 1000));
    for (unsigned i = 0; i < TERMINAL_REASON_COUNT; i++)
        if (r->count.trips[i] > 0)
            json_object_set_new(trips, terminal_reason_name((enum terminal_reason)i),
                                json_integer((json_int_t)r->count.trips[i]));
    return json_pack("{s:b, s:i, s:o, s:o, s:I, s:I, s:o, s:o}", "ok", 1, "residents",
                     (int)r->residents, "things", things, "trips", trips, "wrong",
                     (json_int_t)r->count.wrong, "lockouts", (json_int_t)r->count.lockouts,
                     "by_hand", found_json(&r->count.by_hand), "returned",
                     found_json(&r->count.returned));
}

static json_t *op_owe(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    int64_t circuit = number(q, "circuit", 1), mwh = number(q, "energy_mwh", -1);
    if (circuit < 1 || circuit > m->sim.setup.circuits || mwh < 0 || mwh > 100'000'000'000)
        return refusal(ERR_RANGE);
    sim_meter_owe(&m->sim, (unsigned)circuit, mwh, 0);
    return done();
}

static json_t *op_key(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    (void)q;
    sim_meter_key(&m->sim);
    return done();
}

static json_t *op_foreign(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    int64_t fen = number(q, "amount_fen", 0);
    if (fen < 1 || fen > TERMINAL_MONEY_MAX_FEN)
        return refusal(ERR_RANGE);
    return sim_meter_foreign_vend(&m->sim, fen) ? done() : refusal(ERR_STATE);
}

static json_t *op_reset(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    int64_t fen = number(q, "preset_fen", 0);
    if (fen < 0 || fen > TERMINAL_MONEY_MAX_FEN)
        return refusal(ERR_RANGE);
    return sim_meter_reset(&m->sim, fen) ? done() : refusal(ERR_STATE);
}

static json_t *op_exchange(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    (void)q;
    sim_meter_exchange(&m->sim);
    return done();
}

/* off_ms: how long; without it, until "power_on". */
static json_t *op_power_off(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    sim_meter_power_off(&m->sim, number(q, "off_ms", -1));
    return done();
}

static json_t *op_power_on(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    (void)q;
    sim_meter_power_on(&m->sim);
    return done();
}

static json_t *op_cut_at_write(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    int64_t k = number(q, "k", 1), bytes = number(q, "bytes", 0);
    if (k < 1 || k > 1'000'000 || bytes < 0 || bytes > TERMINAL_NVRAM_SIZE)
        return refusal(ERR_RANGE);
    sim_meter_cut_at_write(&m->sim, (unsigned)k, (unsigned)bytes, number(q, "off_ms", 5000));
    return done();
}

static json_t *op_dead(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)f; /* the meter is all that is changed */
    m->sim.dead = !json_is_false(json_object_get(q, "on"));
    return done();
}

/* {"op":"faults","line":2[,"gateway":..],"garble_answer":10 ...}: per mille; what is not named is
 * 0. */
static json_t *op_faults(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about a line */
    int64_t line = number(q, "line", 0);
    const char *gateway = json_string_value(json_object_get(q, "gateway"));
    struct sim_line_faults v = {.late_ms = number(q, "late_ms", 1000)};
    const struct {
        const char *key;
        unsigned *value;
    } rows[] = {
        {"drop_request", &v.drop_request},
        {"drop_answer", &v.drop_answer},
        {"garble_request", &v.garble_request},
        {"garble_answer", &v.garble_answer},
        {"forge_answer", &v.forge_answer},
        {"cut_answer", &v.cut_answer},
        {"duplicate_request", &v.duplicate_request},
        {"duplicate_answer", &v.duplicate_answer},
        {"late_answer", &v.late_answer},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t permille = number(q, rows[i].key, 0);
        if (permille < 0 || permille > 1000)
            return refusal(ERR_RANGE);
        *rows[i].value = (unsigned)permille;
    }
    bool found = false;
    for (size_t i = 0; i < f->line_count; i++)
        if ((line == 0 || f->lines[i]->number == line) &&
            (gateway == NULL || strcmp(gateway, f->lines[i]->gateway) == 0)) {
            f->lines[i]->sim.faults = v;
            found = true;
        }
    return found ? done() : refusal(ERR_NOT_FOUND);
}

/* A meter of another maker: looked at, and changed in what is named. */
static json_t *op_pipe(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* not one of these */
    const char *address = json_string_value(json_object_get(q, "meter"));
    struct fleet_pipe *p = address != NULL ? fleet_pipes_find(f, address) : NULL;
    return p != NULL ? fleet_pipes_op(f, p, q) : refusal(ERR_NOT_FOUND);
}

static json_t *op_pipes(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about all of them */
    (void)q;
    json_t *list = json_array();
    for (size_t i = 0; i < f->pipe_count; i++)
        json_array_append_new(list, json_string(f->pipes[i]->address));
    return json_pack("{s:b, s:o}", "ok", 1, "meters", list);
}

static json_t *op_stop(struct fleet *f, struct fleet_meter *m, const json_t *q)
{
    (void)m; /* about the fleet */
    (void)q;
    io_stop(f->io);
    return done();
}

static const struct {
    const char *name;
    bool needs_meter;
    json_t *(*run)(struct fleet *f, struct fleet_meter *m, const json_t *q);
} ops[] = {
    {"status", true, op_status},
    {"applied", true, op_applied},
    {"list", false, op_list},
    {"lines", false, op_lines},
    {"clock", false, op_clock},
    {"dues", false, op_dues},
    {"totals", false, op_totals},
    {"load", true, op_load},
    {"plug", true, op_plug},
    {"room", true, op_room},
    {"owe", true, op_owe},
    {"key", true, op_key},
    {"foreign_vend", true, op_foreign},
    {"reset", true, op_reset},
    {"exchange", true, op_exchange},
    {"power_off", true, op_power_off},
    {"power_on", true, op_power_on},
    {"cut_at_write", true, op_cut_at_write},
    {"dead", true, op_dead},
    {"faults", false, op_faults},
    {"pipe", false, op_pipe},
    {"pipes", false, op_pipes},
    {"stop", false, op_stop},
};

static json_t *run_op(struct fleet *f, const json_t *q)
{
    const char *op = json_string_value(json_object_get(q, "op"));
    const char *address = json_string_value(json_object_get(q, "meter"));
    struct fleet_meter *m = address != NULL ? fleet_find(f, address) : NULL;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (op == NULL || strcmp(op, ops[i].name) != 0)
            continue;
        if (ops[i].needs_meter && m == NULL)
            return refusal(ERR_NOT_FOUND);
        if (m != NULL)
            sim_meter_run(&m->sim, fleet_now(f), m->line->sim.options.wall0);
        return ops[i].run(f, m, q);
    }
    return refusal(ERR_SYNTAX);
}

static json_t *answer_of(struct fleet *f, const char *line)
{
    json_t *q = json_loads(line, 0, NULL);
    json_t *a = json_is_object(q) ? run_op(f, q) : refusal(ERR_SYNTAX);
    json_decref(q);
    MUST(a != NULL);
    return a;
}

/* --- the socket -------------------- */

static enum err answer_line(struct client *c, const char *line)
{
    json_t *a = answer_of(c->fleet, line);
    char *text = json_dumps(a, JSON_COMPACT);
    json_decref(a);
    if (text == NULL)
        return ERR_MEMORY;
    enum err e = io_stream_write(c->stream, (const uint8_t *)text, strlen(text));
    free(text);
    return e == ERR_OK ? io_stream_write(c->stream, (const uint8_t *)"\n", 1) : e;
}

static void forget(struct client *c)
{
    struct control *k = c->fleet->control;
    for (size_t i = 0; k != NULL && i < CLIENTS_MAX; i++)
        if (k->clients[i] == c)
            k->clients[i] = NULL;
    free(c);
}

/* False: the client is gone. */
static bool take_byte(struct client *c, char byte)
{
    if (byte != '\n' && c->len < LINE_MAX_BYTES - 1) {
        c->line[c->len++] = byte;
        return true;
    }
    c->line[c->len] = '\0';
    enum err e = byte == '\n' ? answer_line(c, c->line) : ERR_OVERFLOW;
    c->len = 0;
    if (e == ERR_OK)
        return true;
    io_stream_abort(c->stream);
    forget(c);
    return false;
}

static void received(void *arg, struct io_stream *s, const uint8_t *data, size_t len)
{
    (void)s; /* the client knows its stream */
    for (size_t i = 0; i < len; i++)
        if (!take_byte(arg, (char)data[i]))
            return;
}

static void closed(void *arg, struct io_stream *s, enum err why)
{
    (void)s; /* gone already */
    (void)why;
    forget(arg);
}

static void accepted(void *arg, struct io_stream *s)
{
    static const struct io_stream_events events = {.received = received, .closed = closed};
    struct fleet *f = arg;
    struct control *k = f->control;
    struct client *c = calloc(1, sizeof *c);
    size_t place = 0;
    while (place < CLIENTS_MAX && k->clients[place] != NULL)
        place++;
    if (c == NULL || place == CLIENTS_MAX) {
        free(c);
        io_stream_abort(s);
        return;
    }
    c->fleet = f;
    c->stream = s;
    k->clients[place] = c;
    io_stream_handle(s, &events, c);
}

enum err fleet_control_open(struct fleet *f, uint16_t *port)
{
    struct control *k = calloc(1, sizeof *k);
    if (k == NULL)
        return ERR_MEMORY;
    f->control = k;
    enum err e =
        io_listen(f->io,
                  &(struct io_listen_options){
                      .port = (uint16_t)f->options.control_port, .accepted = accepted, .arg = f},
                  &k->listener);
    if (e != ERR_OK)
        return fleet_fail(e, "--control");
    *port = io_listener_port(k->listener);
    return ERR_OK;
}

void fleet_control_close(struct fleet *f)
{
    struct control *k = f->control;
    if (k == NULL)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (k->clients[i] != NULL) {
            io_stream_abort(k->clients[i]->stream);
            free(k->clients[i]);
        }
    if (k->listener != NULL)
        io_listener_close(k->listener);
    free(k);
    f->control = NULL;
}
