/* Terminals: circuits, trips with their explanation, settings and orders, the ranking of rooms. */
#include <stdio.h>
#include <string.h>

#include "api/api_terminal.h"
#include "headend/headend.h"
#include "readings/readings.h"
#include "terminal/load.h"
#include "terminal/terminal.h"
#include "terminals/terminals.h"

/* --- one terminal ----------------------------------------------------------------------------- */

bool api_is_trip(int64_t reason)
{
    return reason >= TERMINAL_REASON_NIGHT && reason <= TERMINAL_REASON_PROTECTION;
}

void api_put_reason(struct jwrite *w, const char *key, int64_t reason)
{
    jwrite_object(w, key);
    jwrite_text(w, "name", terminals_reason_name(reason));
    jwrite_text(w, "en", terminals_reason_en(reason));
    jwrite_text(w, "zh", terminals_reason_zh(reason));
    jwrite_bool(w, "trip", api_is_trip(reason));
    jwrite_text(w, "ends_en", terminals_reason_ends_en(reason));
    jwrite_text(w, "ends_zh", terminals_reason_ends_zh(reason));
    jwrite_end(w);
}

static void put_value(struct call *c, const char *key, enum meter_point point)
{
    int64_t value;
    if (readings_value(c->api->options.readings, c->id, point, &value, NULL))
        jwrite_int(&c->out, key, value);
    else
        jwrite_null(&c->out, key);
}

int64_t api_open_reason(const struct api *a, const struct api_open *o)
{
    const struct readings *r = a->options.readings;
    int64_t i = o->circuit - 1, told = 0;
    if (!(o->outputs.known >> i & 1))
        return -1;
    if (!(o->outputs.open >> i & 1))
        return 0;
    bool each = readings_value(r, o->meter_id, POINT_CIRCUIT_REASONS, &told, NULL);
    if (each && (told >> 8 * i & 255) != 0)
        return told >> 8 * i & 255;
    if (o->status && o->status->staff)
        return TERMINAL_REASON_STAFF;
    if (o->status && o->status->cause != 0)
        return o->status->cause;
    /* A meter that tells one reason means its first open circuit. */
    bool first = (o->outputs.open & ((1 << i) - 1)) == 0;
    bool one = !each && first && readings_value(r, o->meter_id, POINT_OPEN_REASON, &told, NULL);
    return one && told > 0 ? told : -1;
}

/* Statuses by circuit, as read last. */
struct statuses {
    bool known[SITE_CIRCUITS_MAX + 1];
    struct meter_terminal_status of[SITE_CIRCUITS_MAX + 1];
};

static enum err take_status(void *arg, const struct terminals_register *r)
{
    struct statuses *s = arg;
    if (r->item == METER_TERMINAL_STATUS && r->circuit >= 1 && r->circuit <= SITE_CIRCUITS_MAX)
        s->known[r->circuit] = meter_terminal_read_status((struct bytes){r->value, r->value_len},
                                                          &s->of[r->circuit]) == ERR_OK;
    return ERR_OK;
}

static void put_circuit(struct call *c, const struct api_open *open)
{
    struct jwrite *w = &c->out;
    int64_t i = open->circuit - 1, reason = api_open_reason(c->api, open);
    jwrite_object(w, NULL);
    jwrite_int(w, "circuit", open->circuit);
    if (open->outputs.known >> i & 1)
        jwrite_bool(w, "open", open->outputs.open >> i & 1);
    else
        jwrite_null(w, "open");
    if (reason > 0)
        api_put_reason(w, "reason", reason);
    else
        jwrite_null(w, "reason");
    put_value(c, "energy_wh", (enum meter_point)(POINT_CIRCUIT1_WH + i));
    put_value(c, "power_w", (enum meter_point)(POINT_CIRCUIT1_W + i));
    jwrite_end(w);
}

static enum err put_circuits(struct call *c)
{
    struct jwrite *w = &c->out;
    struct statuses statuses = {};
    struct api_open open = {.meter_id = c->id};
    TRY(api_outputs(c->api, c->tx, &c->meter, &open.outputs));
    TRY(terminals_registers(c->tx, c->id, take_status, &statuses));
    jwrite_bool(w, "keep", open.outputs.keep);
    jwrite_id(w, "state_at", open.outputs.at.s);
    jwrite_array(w, "circuits");
    for (int64_t i = 1; i <= c->meter.circuits; i++) {
        open.circuit = i;
        open.status = statuses.known[i] ? &statuses.of[i] : NULL;
        put_circuit(c, &open);
    }
    jwrite_end(w);
    return ERR_OK;
}

static enum err put_register(void *arg, const struct terminals_register *r)
{
    struct jwrite *w = arg;
    struct meter_terminal_status s;
    struct bytes value = {r->value, r->value_len};
    jwrite_object(w, NULL);
    jwrite_text(w, "item", meter_terminal_name(r->item));
    jwrite_int(w, "circuit", r->circuit);
    jwrite_text(w, "state", terminals_state_name(r->state));
    jwrite_bool(w, "reading", r->reading);
    jwrite_id(w, "read_at", r->read_at.s);
    api_put_register(w, "value", r->item, value);
    if (r->item == METER_TERMINAL_STATUS && meter_terminal_read_status(value, &s) == ERR_OK)
        api_put_reason(w, "cause", s.cause);
    jwrite_id(w, "wanted_at", r->wanted_at.s);
    api_put_register(w, "wanted", r->item, (struct bytes){r->wanted, r->wanted_len});
    jwrite_text(w, "actor", r->wanted_len ? r->actor : NULL);
    jwrite_text(w, "reason", r->wanted_len ? r->reason : NULL);
    jwrite_end(w);
    return ERR_OK;
}

static enum err put_terminal(struct call *c)
{
    struct jwrite *w = &c->out;
    const struct meter_model *model = meter_model_find(c->meter.model);
    jwrite_object(w, NULL);
    jwrite_int(w, "now", c->now.s);
    jwrite_int(w, "meter_id", c->id);
    jwrite_bool(w, "terminal", model && meter_terminal_is(model));
    jwrite_bool(w, "gateway_online",
                c->api->options.headend &&
                    headend_online(c->api->options.headend, c->meter.gateway_id));
    TRY(put_circuits(c));
    jwrite_array(w, "registers");
    TRY(terminals_registers(c->tx, c->id, put_register, w));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_terminal(struct call *c)
{
    return put_terminal(c);
}

static enum err written(struct call *c)
{
    c->status = 202;
    c->wrote_account = c->meter.account_id;
    return put_terminal(c);
}

enum err api_terminal_read(struct call *c)
{
    TRY(terminals_read(
        c->tx, &(struct terminals_ask){.meter_id = c->id, .now = c->now, .random = api_draw()}));
    return written(c);
}

/* --- orders and settings ---------------------------------------------------------------------- */

static enum err wish(struct call *c, struct terminals_wish wish)
{
    char actor[32];
    api_actor(c, actor);
    wish.meter_id = c->id;
    wish.actor = actor;
    wish.now = c->now;
    wish.random = api_draw();
    enum err e = terminals_write(c->tx, &wish);
    if (e == ERR_TERMINALS_NONE)
        c->field = "circuit";
    TRY(e);
    return written(c);
}

enum err api_terminal_order(struct call *c)
{
    const char *order = "", *reason = "";
    int64_t circuit = 0;
    TRY(api_fields(c,
                   (struct api_field[]){{"circuit", API_FIELD_INT, 1, SITE_CIRCUITS_MAX, &circuit},
                                        {"order", API_FIELD_TEXT, 1, 16, &order},
                                        {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                        {}}));
    bool reset = strcmp(order, "reset") == 0, lock = strcmp(order, "lock") == 0;
    if (!reset && !lock && strcmp(order, "unlock") != 0)
        return api_bad(c, "order", ERR_API_FIELD, "reset, lock or unlock is expected");
    if (!reset && !api_may(c, AUTH_TERMINAL))
        return ERR_TERMINALS_LOCK; /* somebody may be at work on the wires */
    const uint8_t byte = reset || lock;
    return wish(c,
                (struct terminals_wish){.circuit = circuit,
                                        .item = reset ? METER_TERMINAL_RESET : METER_TERMINAL_LOCK,
                                        .data = {&byte, 1},
                                        .reason = reason});
}

enum err api_take_setting(struct call *c, uint8_t data[METER_TERMINAL_BYTES],
                          struct terminals_wish *out, const char **under)
{
    const char *item = "";
    struct writer w = writer_of(data, METER_TERMINAL_BYTES);
    json_t *value = json_incref(json_object_get(c->body, "value"));
    if (!json_is_object(value)) {
        json_decref(value);
        return api_bad(c, "value", ERR_API_FIELD, "an object is expected");
    }
    json_object_del(c->body, "value");
    *out = (struct terminals_wish){.reason = ""};
    enum err e = api_fields(
        c, (struct api_field[]){{"item", API_FIELD_TEXT, 1, 16, &item},
                                {"circuit", API_FIELD_INT, 0, SITE_CIRCUITS_MAX, &out->circuit},
                                {"reason", API_FIELD_TEXT, 1, 200, &out->reason},
                                {under ? "under" : NULL, API_FIELD_TEXT, 0, SITE_PATH_MAX, under},
                                {}});
    out->item = e == ERR_OK ? meter_terminal_of(item) : METER_TERMINAL_ITEMS;
    if (e == ERR_OK)
        e = api_take_register(c, out->item, value, &w);
    json_decref(value);
    out->data = (struct bytes){data, w.len};
    return e;
}

enum err api_terminal_setting(struct call *c)
{
    uint8_t data[METER_TERMINAL_BYTES];
    struct terminals_wish one;
    TRY(api_take_setting(c, data, &one, NULL));
    return wish(c, one);
}

/* --- trips ------------------------------------------------------------------------------------ */

static void put_why(struct jwrite *w, const struct uplink_trip *t)
{
    bool known = t->verdict >= 0 && t->verdict < LOAD_VERDICT_COUNT;
    if (t->verdict < 0) {
        jwrite_null(w, "why");
        return;
    }
    enum load_verdict v = known ? (enum load_verdict)t->verdict : LOAD_OTHER;
    jwrite_object(w, "why");
    jwrite_text(w, "verdict", known ? load_verdict_name(v) : "other");
    jwrite_text(w, "en", load_verdict_en(v));
    jwrite_text(w, "zh", load_verdict_zh(v));
    jwrite_bool(w, "settled", t->flags & 1);
    jwrite_bool(w, "ramp", t->flags & 2);
    jwrite_bool(w, "has_reactive", t->flags & 4);
    jwrite_bool(w, "has_third", t->flags & 8);
    jwrite_int(w, "step_mw", t->step_mw);
    jwrite_int(w, "step_mvar", t->step_mvar);
    jwrite_int(w, "factor_permille", t->factor);
    jwrite_int(w, "inrush_permille", t->inrush);
    jwrite_int(w, "third_permille", t->third);
    jwrite_int(w, "value", t->value);
    jwrite_int(w, "limit", t->limit);
    jwrite_end(w);
}

static enum err put_trip(void *arg, const struct terminals_trip_row *row)
{
    struct jwrite *w = arg;
    const struct uplink_trip *t = &row->trip;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", row->id);
    jwrite_int(w, "number", t->number);
    jwrite_int(w, "at", t->at.s);
    jwrite_int(w, "heard_at", row->heard_at.s);
    jwrite_id(w, "account_id", row->account_id);
    jwrite_int(w, "circuit", t->circuit);
    api_put_reason(w, "reason", t->reason);
    jwrite_int(w, "power_w", t->power_w);
    put_why(w, t);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_trips(struct call *c)
{
    struct terminals_trip_query query = {.meter_id = c->id};
    int64_t load_only = 0;
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &query.before));
    TRY(api_query_int(c, "load", 0, 1, &load_only));
    TRY(api_query_limit(c, &query.limit));
    query.load_only = load_only != 0;
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "trips");
    TRY(terminals_trips(c->tx, &query, put_trip, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

static enum err put_rank(void *arg, const struct terminals_rank *r)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "place_id", r->place_id);
    jwrite_text(w, "place", r->place);
    jwrite_id(w, "account_id", r->account_id);
    jwrite_text(w, "account", r->account);
    jwrite_text(w, "name", r->customer);
    jwrite_int(w, "malignant", r->malignant);
    jwrite_int(w, "other", r->other);
    jwrite_int(w, "largest_w", r->largest_w);
    jwrite_int(w, "latest_at", r->latest.s);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_trip_ranking(struct call *c)
{
    struct terminals_rank_query query = {.project_id = c->project_id};
    int64_t from = c->now.s - 30 * INT64_C(86'400), until = c->now.s + 1;
    TRY(api_query_int(c, "from", 0, UINT32_MAX, &from));
    TRY(api_query_int(c, "to", 1, UINT32_MAX, &until));
    TRY(api_query_place(c, "under", &query.under));
    TRY(api_query_limit(c, &query.limit));
    query.from.s = from;
    query.until.s = until;
    if (until <= from)
        return api_bad(c, "to", ERR_RANGE, "to must be after from");
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_int(&c->out, "from", from);
    jwrite_int(&c->out, "to", until);
    jwrite_array(&c->out, "rooms");
    TRY(terminals_ranking(c->tx, &query, put_rank, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
