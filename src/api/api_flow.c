/* Water, heat, cooling and gas: what their meters tell, and the rule of the project. */
#include <string.h>

#include "api/api_impl.h"
#include "flow/flow.h"

/* --- the rule --------------------------------------------------------------------------------- */

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

/* --- one meter -------------------------------------------------------------------------------- */

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
