/* Water, heat, cooling and gas: what their meters tell, the rule of the project, a report of
 * readings. */
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "flow/flow.h"
#include "readings/readings.h"

#define DAY_S 86'400

/* --- the rule
 * ------------------------------------------------------------------------------------- */

static void put_rule(struct jwrite *w, const char *key, const struct flow_rule *r)
{
    jwrite_object(w, key);
    jwrite_int(w, "night_from_min", r->night_from_min);
    jwrite_int(w, "night_to_min", r->night_to_min);
    jwrite_int(w, "slot_min", r->slot_min);
    jwrite_int(w, "least_l", r->least_l);
    jwrite_int(w, "closed_l", r->closed_l);
    jwrite_int(w, "exercise_days", r->exercise_days);
    jwrite_int(w, "exercise_from_min", r->exercise_from_min);
    jwrite_int(w, "exercise_to_min", r->exercise_to_min);
    jwrite_int(w, "version", r->version);
    jwrite_id(w, "changed_at", r->changed_at.s);
    jwrite_text(w, "actor", r->version > 0 ? r->actor : NULL);
    jwrite_end(w);
}

enum err api_flow_rule(struct call *c)
{
    struct flow_rule rule;
    TRY(flow_rule_get(c->tx, c->project_id, &rule));
    put_rule(&c->out, NULL, &rule);
    return ERR_OK;
}

enum err api_flow_rule_set(struct call *c)
{
    struct flow_rule r = {0};
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){
                          {"night_from_min", API_FIELD_INT, 0, 1'439, &r.night_from_min},
                          {"night_to_min", API_FIELD_INT, 0, 1'439, &r.night_to_min},
                          {"slot_min", API_FIELD_INT, 0, 1'440, &r.slot_min},
                          {"least_l", API_FIELD_INT, 0, 1'000'000, &r.least_l},
                          {"closed_l", API_FIELD_INT, 0, 1'000'000, &r.closed_l},
                          {"exercise_days", API_FIELD_INT, 0, 1'000, &r.exercise_days},
                          {"exercise_from_min", API_FIELD_INT, 0, 1'439, &r.exercise_from_min},
                          {"exercise_to_min", API_FIELD_INT, 0, 1'439, &r.exercise_to_min},
                          {"version", API_FIELD_INT, 0, INT32_MAX, &r.version},
                          {}}));
    const char *fault = flow_rule_fault(&r);
    if (fault)
        return api_bad(c, fault, ERR_RANGE, "see docs/manual/water.md");
    api_actor(c, actor);
    TRY(flow_rule_put(c->tx, c->project_id, &r, actor, c->now));
    return api_flow_rule(c);
}

/* --- one meter
 * ------------------------------------------------------------------------------------ */

static enum err put_exercise(void *arg, const struct flow_exercise *e)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", e->id);
    jwrite_int(w, "at", e->at.s);
    jwrite_id(w, "ended_at", e->ended_at.s);
    jwrite_text(w, "result", flow_result_name(e->result));
    jwrite_text(w, "en", flow_result_en(e->result));
    jwrite_text(w, "zh", flow_result_zh(e->result));
    jwrite_end(w);
    return ERR_OK;
}

static void put_told(struct jwrite *w, const char *key, int64_t value)
{
    if (value < 0)
        jwrite_null(w, key);
    else
        jwrite_int(w, key, value);
}

/* What flowed since the valve closed: the proof that it holds. */
static void put_closed(struct call *c, const struct flow_state *s)
{
    struct jwrite *w = &c->out;
    bool charged = c->meter.kind == SITE_WATER || c->meter.kind == SITE_GAS;
    int64_t now_l = -1;
    (void)readings_value(c->api->options.readings, c->id,
                         charged ? POINT_ENERGY_WH : POINT_VOLUME_L, &now_l, NULL);
    jwrite_id(w, "closed_at", s->closed_at.s);
    put_told(w, "closed_flow_l",
             s->closed_at.s != 0 && now_l >= s->closed_l ? now_l - s->closed_l : -1);
    jwrite_bool(w, "closed_alarm", s->closed_flow);
}

enum err api_flow(struct call *c)
{
    struct jwrite *w = &c->out;
    struct flow_state s;
    struct flow_rule rule;
    TRY(flow_get(c->tx, c->id, &s));
    TRY(flow_rule_get(c->tx, c->meter.project_id, &rule));
    jwrite_object(w, NULL);
    jwrite_int(w, "now", c->now.s);
    jwrite_int(w, "meter_id", c->id);
    jwrite_bool(w, "known", s.known);
    put_told(w, "valve", s.valve);
    put_told(w, "battery_low", s.battery_low);
    put_told(w, "fault_bits", s.fault_bits);
    put_closed(c, &s);
    jwrite_id(w, "night_at", s.night_at.s);
    jwrite_id(w, "leak_since", s.leak_since.s);
    put_told(w, "leak_lh", s.leak_since.s != 0 ? s.leak_lh : -1);
    jwrite_id(w, "exercise_at", s.exercise_at.s);
    jwrite_array(w, "exercises");
    TRY(flow_exercises(c->tx, c->id, 10, put_exercise, w));
    jwrite_end(w);
    put_rule(w, "rule", &rule);
    jwrite_end(w);
    return ERR_OK;
}

/* --- a report of readings
 * --------------------------------------------------------------------------- */

#define REPORT_DAYS 366
#define REPORT_ROWS 200

static const struct {
    const char *name;
    enum meter_point point;
} newest[] = {
    {"volume_l", POINT_VOLUME_L},
    {"heat_wh", POINT_HEAT_WH},
    {"cooling_wh", POINT_COOLING_WH},
    {"flow_lh", POINT_FLOW_LH},
    {"thermal_w", POINT_THERMAL_W},
    {"supply_cdeg", POINT_SUPPLY_CDEG},
    {"return_cdeg", POINT_RETURN_CDEG},
    {"work_h", POINT_WORK_H},
    {"valve", POINT_VALVE},
    {"battery_low", POINT_BATTERY_LOW},
    {"fault_bits", POINT_FAULT_BITS},
};

struct report_row {
    int64_t id, account_id;
    char kind[16], address[16], model[32], place[64], place_name[128], account[64], name[128];
    bool opened, closed; /* there was a reading at or before it */
    struct readings_registers opening, closing;
    int64_t used;
};

struct report {
    struct call *call;
    wall_s from, to;
    size_t count;
    struct report_row rows[REPORT_ROWS];
    struct readings_usage days[REPORT_DAYS + 2];
};

static void copy(char *out, size_t cap, const char *text)
{
    size_t len = strlen(text);
    len = len < cap ? len : cap - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

#define COPY(field, text) copy(field, sizeof field, text)

static enum err list_rows(struct call *c, struct report *r, const char *kind, int64_t after,
                          int64_t limit)
{
    struct query q = query_open(
        c->tx,
        "SELECT m.id, coalesce(m.account_id, 0), m.kind, m.address, m.model, p.code, p.name, "
        "coalesce(a.code, ''), coalesce(a.name, '') FROM meter m JOIN place p ON p.id = m.place_id "
        "LEFT JOIN account a ON a.id = m.account_id WHERE m.project_id = $1 AND m.id > $2 "
        "AND ($3 = '' OR m.kind = $3) ORDER BY m.id LIMIT $4",
        "iiti", c->project_id, after, kind, limit);
    while (r->count < REPORT_ROWS && query_step(&q)) {
        struct report_row *row = &r->rows[r->count++];
        *row = (struct report_row){.id = query_int(&q, 0), .account_id = query_int(&q, 1)};
        COPY(row->kind, query_text(&q, 2));
        COPY(row->address, query_text(&q, 3));
        COPY(row->model, query_text(&q, 4));
        COPY(row->place, query_text(&q, 5));
        COPY(row->place_name, query_text(&q, 6));
        COPY(row->account, query_text(&q, 7));
        COPY(row->name, query_text(&q, 8));
    }
    return query_end(&q);
}

static enum err at(struct report *r, struct store_tx *tx, int64_t meter_id, wall_s when,
                   struct readings_registers *out, bool *found)
{
    enum err e = readings_registers_at(r->call->api->options.readings, tx, meter_id, when, out);
    *found = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err read_rows(struct store_tx *tx, void *arg)
{
    struct report *r = arg;
    for (size_t i = 0; i < r->count; i++) {
        struct report_row *row = &r->rows[i];
        size_t days = 0;
        struct readings_span span = {.meter_id = row->id,
                                     .point = POINT_ENERGY_WH,
                                     .from = r->from,
                                     .to = r->to,
                                     .step_s = DAY_S};
        TRY(at(r, tx, row->id, r->from, &row->opening, &row->opened));
        TRY(at(r, tx, row->id, r->to, &row->closing, &row->closed));
        TRY(readings_usage(r->call->api->options.readings, tx, &span, r->days,
                           sizeof r->days / sizeof *r->days, &days));
        for (size_t d = 0; d < days; d++)
            row->used += r->days[d].energy_wh;
    }
    return ERR_OK;
}

static void put_register(struct jwrite *w, const char *key, bool known,
                         const struct readings_registers *r)
{
    if (!known) {
        jwrite_null(w, key);
        return;
    }
    jwrite_object(w, key);
    jwrite_int(w, "at", r->at.s);
    jwrite_int(w, "value", r->wh[0]);
    jwrite_end(w);
}

static void put_row(struct call *c, const struct report_row *row)
{
    struct jwrite *w = &c->out;
    const struct readings *readings = c->api->options.readings;
    int64_t value, epoch;
    wall_s read_at = {0};
    (void)readings_newest(readings, row->id, &read_at, &epoch);
    jwrite_object(w, NULL);
    jwrite_int(w, "meter_id", row->id);
    jwrite_text(w, "kind", row->kind);
    jwrite_text(w, "address", row->address);
    jwrite_text(w, "model", row->model);
    jwrite_text(w, "place", row->place);
    jwrite_text(w, "place_name", row->place_name);
    jwrite_id(w, "account_id", row->account_id);
    jwrite_text(w, "account", row->account_id ? row->account : NULL);
    jwrite_text(w, "name", row->account_id ? row->name : NULL);
    put_register(w, "opening", row->opened, &row->opening);
    put_register(w, "closing", row->closed, &row->closing);
    jwrite_int(w, "used", row->used);
    jwrite_id(w, "read_at", read_at.s);
    jwrite_object(w, "newest");
    for (size_t i = 0; i < sizeof newest / sizeof *newest; i++)
        if (readings_value(readings, row->id, newest[i].point, &value, NULL))
            jwrite_int(w, newest[i].name, value);
    jwrite_end(w);
    jwrite_end(w);
}

static enum err take_days(struct call *c, struct report *r, int64_t *from, int64_t *to)
{
    int32_t first, last, offset_s;
    *from = *to = 0;
    TRY(api_query_int(c, "from", 20'000'101, 21'001'231, from));
    TRY(api_query_int(c, "to", 20'000'101, 21'001'231, to));
    TRY(api_day_of_number(c, "from", *from, &first));
    TRY(api_day_of_number(c, "to", *to, &last));
    if (last < first || last - first >= REPORT_DAYS)
        return api_bad(c, "to", ERR_RANGE, "from the day of `from` on, at most 366 days");
    TRY(billing_project_offset(c->tx, c->project_id, c->now, &offset_s));
    r->from.s = (int64_t)first * DAY_S - offset_s;
    r->to.s = ((int64_t)last + 1) * DAY_S - offset_s;
    return ERR_OK;
}

static bool is_kind(const char *text)
{
    for (int k = SITE_ELECTRICITY; k <= SITE_GAS; k++)
        if (strcmp(site_meter_kind_name((enum site_meter_kind)k), text) == 0)
            return true;
    return false;
}

static enum err report(struct call *c, struct report *r)
{
    struct jwrite *w = &c->out;
    const char *kind = "";
    int64_t from, to, after = 0, limit = 100;
    TRY(take_days(c, r, &from, &to));
    TRY(api_query_text(c, "kind", 16, &kind));
    TRY(api_query_int(c, "after", 0, INT64_MAX, &after));
    TRY(api_query_int(c, "limit", 1, REPORT_ROWS, &limit));
    if (*kind && !is_kind(kind))
        return api_bad(c, "kind", ERR_API_FIELD, "electricity, water, heat, cooling or gas");
    TRY(list_rows(c, r, kind, after, limit));
    TRY(store_read(c->api->options.readings_store, read_rows, r));
    jwrite_object(w, NULL);
    jwrite_int(w, "from", from);
    jwrite_int(w, "to", to);
    jwrite_array(w, "rows");
    for (size_t i = 0; i < r->count; i++)
        put_row(c, &r->rows[i]);
    jwrite_end(w);
    /* the last id of a full page: ask for what comes after it */
    jwrite_id(w, "next", r->count == (size_t)limit ? r->rows[r->count - 1].id : 0);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_meter_report(struct call *c)
{
    struct report *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_MEMORY;
    r->call = c;
    enum err e = report(c, r);
    free(r);
    return e;
}
