/* How the lines of a communication manager fare, as it tells. */
#include "api/api_impl.h"
#include "headend/line_stats.h"

struct lines_call {
    struct call *call;
    wall_s from;
};

static int64_t share_m(int64_t part, int64_t whole)
{
    return whole > 0 ? part * 1000 / whole : 0;
}

static enum err put_hour(void *arg, const struct headend_line_hour *h)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "from", h->from.s);
    jwrite_int(w, "covered_s", h->covered_ms / 1000);
    jwrite_int(w, "exchanges", h->exchanges);
    jwrite_int(w, "answered", h->answered);
    jwrite_int(w, "retries", h->retries);
    jwrite_int(w, "timeouts", h->timeouts);
    jwrite_int(w, "damaged", h->damaged);
    jwrite_int(w, "foreign", h->foreign);
    jwrite_int(w, "collisions", h->collisions);
    jwrite_int(w, "silent", h->silent);
    jwrite_int(w, "damaged_permille", headend_line_damage_m(h->answered, h->damaged));
    jwrite_int(w, "useful_of_busy_permille", share_m(h->useful_ms, h->busy_ms));
    jwrite_int(w, "busy_permille", share_m(h->busy_ms, h->covered_ms));
    jwrite_end(w);
    return ERR_OK;
}

/* A gateway names meters of its own only: others are left out. */
static enum err put_meters(struct call *c, const char *key, const struct uplink_line_meter *list,
                           size_t count)
{
    jwrite_array(&c->out, key);
    for (size_t i = 0; i < count; i++) {
        struct site_meter m;
        enum err e = site_meter_get(c->tx, list[i].meter_id, &m);
        if (e == ERR_NOT_FOUND || (e == ERR_OK && m.gateway_id != c->gateway.id))
            continue;
        TRY(e);
        jwrite_object(&c->out, NULL);
        jwrite_int(&c->out, "meter_id", m.id);
        jwrite_text(&c->out, "address", m.address);
        jwrite_int(&c->out, "ms", list[i].ms);
        jwrite_end(&c->out);
    }
    jwrite_end(&c->out);
    return ERR_OK;
}

static enum err put_told(struct call *c, const struct uplink_line *t)
{
    struct jwrite *w = &c->out;
    jwrite_object(w, "told");
    jwrite_int(w, "period_s", t->period_ms / 1000);
    jwrite_int(w, "meters", t->meters);
    jwrite_int(w, "silent", t->silent);
    jwrite_int(w, "exchanges", t->exchanges);
    jwrite_int(w, "answered", t->answered);
    jwrite_int(w, "retries", t->retries);
    jwrite_int(w, "timeouts", t->timeouts);
    jwrite_int(w, "damaged", t->damaged);
    jwrite_int(w, "strays", t->strays);
    jwrite_int(w, "foreign", t->foreign);
    jwrite_int(w, "collisions", t->collisions);
    jwrite_int(w, "pushed", t->pushed);
    jwrite_int(w, "echoes", t->echoes);
    jwrite_int(w, "garbage_bytes", t->garbage_bytes);
    jwrite_int(w, "busy_ms", t->busy_ms);
    jwrite_int(w, "useful_ms", t->useful_ms);
    jwrite_int(w, "yielded_ms", t->yielded_ms);
    jwrite_int(w, "damaged_permille", headend_line_damage_m(t->answered, t->damaged));
    jwrite_int(w, "useful_of_busy_permille", share_m(t->useful_ms, t->busy_ms));
    jwrite_int(w, "busy_permille", share_m(t->busy_ms, t->period_ms));
    TRY(put_meters(c, "slowest", t->slow, t->slow_count));
    TRY(put_meters(c, "silent_meters", t->quiet, t->quiet_count));
    jwrite_end(w);
    return ERR_OK;
}

static enum err put_line(void *arg, const struct headend_line *line)
{
    struct lines_call *l = arg;
    struct call *c = l->call;
    struct jwrite *w = &c->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "line_id", line->line.id);
    jwrite_int(w, "number", line->line.number);
    jwrite_id(w, "told_at", line->told_at.s);
    jwrite_bool(w, "damaged", line->damaged);
    jwrite_id(w, "damaged_since", line->damaged ? line->since.s : 0);
    if (line->told)
        TRY(put_told(c, line->told));
    else
        jwrite_null(w, "told");
    jwrite_array(w, "hours");
    TRY(headend_line_hours(c->tx, line->line.id, l->from, put_hour, w));
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_gateway_lines(struct call *c)
{
    int64_t hours = 24;
    TRY(api_query_int(c, "hours", 0, HEADEND_LINE_HOURS, &hours));
    struct lines_call l = {c, {c->now.s - hours * 3600}};
    if (hours == 0)
        l.from.s = c->now.s + 3600;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "lines");
    TRY(headend_lines(c->tx, c->gateway.id, put_line, &l));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
