/* The report of readings: registers, usage and newest values of the meters of a kind over days. */
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/text.h"
#include "base/units.h"
#include "readings/readings.h"

#define DAY_S 86'400
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
    int64_t ratio_from, ratio; /* of the transformers: at the beginning, and at the end */
};

struct report {
    struct call *call;
    wall_s from, to;
    size_t count;
    struct report_row rows[REPORT_ROWS];
};

#define COPY(field, text) text_copy(field, sizeof field, text)

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

/* What the register moved on in [from, to), times what stands before the meter. */
static enum err add_used(struct report *r, struct store_tx *tx, struct report_row *row, wall_s from,
                         wall_s to)
{
    int64_t used;
    size_t count;
    struct readings_usage usage;
    struct readings_span span = {.meter_id = row->id,
                                 .point = POINT_ENERGY_WH,
                                 .from = from,
                                 .to = to,
                                 .step_s = to.s - from.s};
    if (to.s <= from.s)
        return ERR_OK;
    TRY(readings_usage(r->call->api->options.readings, tx, &span, &usage, 1, &count));
    TRY(units_mul(usage.energy_wh, row->ratio, &used));
    return units_add(row->used, used, &row->used);
}

/* Other transformers split the span, at the whole minute. */
static enum err read_used(struct report *r, struct store_tx *tx, struct report_row *row)
{
    wall_s from = r->from;
    TRY(billing_ratio_at(r->call->tx, row->id, from, &row->ratio));
    row->ratio_from = row->ratio;
    struct query q = query_open(r->call->tx,
                                "SELECT from_at, ratio FROM meter_ratio WHERE meter_id = $1 "
                                "AND from_at > $2 AND from_at < $3 ORDER BY from_at",
                                "iii", row->id, r->from.s, r->to.s);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        wall_s to = {query_int(&q, 0) - query_int(&q, 0) % 60};
        e = add_used(r, tx, row, from, to);
        from = to.s > from.s ? to : from;
        row->ratio = query_int(&q, 1);
    }
    enum err ended = query_end(&q);
    TRY(e);
    TRY(ended);
    return add_used(r, tx, row, from, r->to);
}

static enum err read_rows(struct store_tx *tx, void *arg)
{
    struct report *r = arg;
    for (size_t i = 0; i < r->count; i++) {
        struct report_row *row = &r->rows[i];
        TRY(at(r, tx, row->id, r->from, &row->opening, &row->opened));
        TRY(at(r, tx, row->id, r->to, &row->closing, &row->closed));
        TRY(read_used(r, tx, row));
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
    jwrite_int(w, "ratio_from", row->ratio_from);
    jwrite_int(w, "ratio", row->ratio);
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
    kind = kind ? kind : ""; /* of every kind */
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
