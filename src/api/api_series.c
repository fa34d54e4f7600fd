/* Readings of one meter over time, for charts. */
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "base/zone.h"

#define DAY_S 86'400
#define SAMPLES_MAX 50'000

struct window {
    int64_t meter, from, to;
    const char *step;
    struct site_meter site;
};

static enum err take_window(struct call *c, struct window *v)
{
    *v = (struct window){.from = -1, .to = -1};
    TRY(api_query_int(c, "meter", 1, INT64_C(1) << 53, &v->meter));
    TRY(api_query_int(c, "from", 0, INT64_C(1) << 40, &v->from));
    TRY(api_query_int(c, "to", 0, INT64_C(1) << 40, &v->to));
    TRY(api_query_text(c, "step", 8, &v->step));
    if (!v->step)
        v->step = "hour";
    if (!v->meter || v->from < 0 || v->to < 0)
        return api_bad(c,
                       !v->meter     ? "meter"
                       : v->from < 0 ? "from"
                                     : "to",
                       ERR_API_FIELD, "the parameter is missing");
    if (v->to <= v->from)
        return api_bad(c, "to", ERR_RANGE, "to must be after from");
    enum err e = site_meter_get(c->tx, v->meter, &v->site);
    if (e == ERR_OK && v->site.account_id != c->id)
        e = ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? api_bad(c, "meter", e, "not a meter of this account") : e;
}

static enum err check_span(struct call *c, const struct window *v, int64_t days)
{
    if (v->to - v->from <= days * DAY_S)
        return ERR_OK;
    return api_bad(c, "to", ERR_RANGE, "the span is too long for this step");
}

/* ---- hours and days ---- */

struct usage_job {
    struct call *call;
    struct readings_span span;
    struct readings_usage *usage;
    struct readings_sample *registers; /* the last of each bucket */
    size_t cap, count, register_count;
};

static enum err usage_work(struct store_tx *tx, void *arg)
{
    struct usage_job *j = arg;
    struct readings *r = j->call->api->options.readings;
    TRY(readings_usage(r, tx, &j->span, j->usage, j->cap, &j->count));
    return readings_series(r, tx, &j->span, j->registers, j->cap, &j->register_count);
}

/* The register at the end of each bucket in which there was a reading. */
static void put_usage(struct jwrite *w, const struct usage_job *j)
{
    size_t next = 0;
    for (size_t i = 0; i < j->count; i++) {
        const struct readings_sample *last = NULL;
        int64_t end_s = j->usage[i].from.s + j->span.step_s;
        for (; next < j->register_count && j->registers[next].at.s < end_s; next++)
            last = &j->registers[next];
        if (!last || !j->usage[i].measured)
            continue;
        jwrite_object(w, NULL);
        jwrite_int(w, "at", j->usage[i].from.s);
        jwrite_int(w, "total_wh", last->value);
        jwrite_int(w, "energy_wh", j->usage[i].energy_wh);
        jwrite_end(w);
    }
}

/* Buckets begin at local hours and days of the site. */
static enum err align(struct call *c, const struct window *v, struct readings_span *span)
{
    struct site_project project;
    int32_t offset_s = 0;
    TRY(site_project_get(c->tx, c->project_id, &project));
    if (!zone_offset(project.zone, &offset_s))
        offset_s = 0;
    int64_t local = v->from + offset_s;
    span->from.s = v->from - local % span->step_s;
    span->to.s = v->to + (span->step_s - (v->to - span->from.s) % span->step_s) % span->step_s;
    return ERR_OK;
}

static enum err put_buckets(struct call *c, const struct window *v, int64_t step_s)
{
    struct usage_job j = {
        .call = c, .span = {.meter_id = v->meter, .point = POINT_ENERGY_WH, .step_s = step_s}};
    TRY(align(c, v, &j.span));
    j.cap = (size_t)((j.span.to.s - j.span.from.s) / step_s) + 2;
    j.usage = calloc(j.cap, sizeof *j.usage);
    j.registers = calloc(j.cap, sizeof *j.registers);
    enum err e = j.usage && j.registers ? store_read(c->api->options.readings_store, usage_work, &j)
                                        : ERR_MEMORY;
    if (e == ERR_OK)
        put_usage(&c->out, &j);
    free(j.usage);
    free(j.registers);
    return e;
}

/* ---- as read ---- */

static const struct {
    enum meter_point point;
    const char *name;
    bool money;
} raw_points[] = {
    {POINT_ENERGY_WH, "total_wh", false},
    {POINT_POWER_W, "power_w", false},
    {POINT_BALANCE_FEN, "balance_fen", true},
};
#define RAW_POINTS (sizeof raw_points / sizeof raw_points[0])

struct raw_job {
    struct call *call;
    struct readings_span span;
    struct readings_sample *samples[RAW_POINTS];
    size_t count[RAW_POINTS];
};

static enum err raw_work(struct store_tx *tx, void *arg)
{
    struct raw_job *j = arg;
    bool money = api_may(j->call, AUTH_MONEY);
    for (size_t p = 0; p < RAW_POINTS; p++) {
        if (raw_points[p].money && !money)
            continue;
        j->span.point = raw_points[p].point;
        TRY(readings_series(j->call->api->options.readings, tx, &j->span, j->samples[p],
                            SAMPLES_MAX, &j->count[p]));
    }
    return ERR_OK;
}

/* One object for each instant at which the register was told; the others join if they were told at
 * the same time or later than the register before. */
static void put_raw(struct jwrite *w, const struct raw_job *j)
{
    size_t at[RAW_POINTS] = {};
    for (size_t i = 0; i < j->count[0]; i++) {
        jwrite_object(w, NULL);
        jwrite_int(w, "at", j->samples[0][i].at.s);
        jwrite_int(w, "total_wh", j->samples[0][i].value);
        for (size_t p = 1; p < RAW_POINTS; p++) {
            const struct readings_sample *found = NULL;
            for (; at[p] < j->count[p] && j->samples[p][at[p]].at.s <= j->samples[0][i].at.s;
                 at[p]++)
                found = &j->samples[p][at[p]];
            if (found)
                jwrite_int(w, raw_points[p].name, found->value);
        }
        jwrite_end(w);
    }
}

static enum err put_samples(struct call *c, const struct window *v)
{
    struct raw_job j = {.call = c,
                        .span = {.meter_id = v->meter,
                                 .from = {v->from},
                                 .to = {v->to},
                                 .step_s = (v->to - v->from) / SAMPLES_MAX + 1}};
    enum err e = ERR_OK;
    for (size_t p = 0; p < RAW_POINTS; p++) {
        j.samples[p] = malloc(SAMPLES_MAX * sizeof *j.samples[p]);
        if (!j.samples[p])
            e = ERR_MEMORY;
    }
    if (e == ERR_OK)
        e = store_read(c->api->options.readings_store, raw_work, &j);
    if (e == ERR_OK)
        put_raw(&c->out, &j);
    for (size_t p = 0; p < RAW_POINTS; p++)
        free(j.samples[p]);
    return e;
}

static enum err put_points(struct call *c, const struct window *v)
{
    if (strcmp(v->step, "raw") == 0) {
        TRY(check_span(c, v, 7));
        return put_samples(c, v);
    }
    if (strcmp(v->step, "hour") == 0) {
        TRY(check_span(c, v, 93));
        return put_buckets(c, v, 3600);
    }
    if (strcmp(v->step, "day") == 0) {
        TRY(check_span(c, v, 3 * 366));
        return put_buckets(c, v, DAY_S);
    }
    return api_bad(c, "step", ERR_API_FIELD, "raw, hour or day is expected");
}

enum err api_series(struct call *c)
{
    struct window v;
    TRY(take_window(c, &v));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "meter_id", v.meter);
    jwrite_text(&c->out, "step", v.step);
    jwrite_int(&c->out, "from", v.from);
    jwrite_int(&c->out, "to", v.to);
    jwrite_array(&c->out, "points");
    TRY(put_points(c, &v));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
