/* What a meter is, by its model; the meters of a communication manager. */
#include "api/api_impl.h"
#include "meter/meter.h"

static bool can(const struct meter_model *model, enum meter_order order)
{
    uint8_t how = model->actions[order].how;
    return how != METER_HOW_NOT && how != METER_HOW_SEALED;
}

/* A model that is not known here is taken to obey: the gateway will tell. */
void api_put_model(struct jwrite *w, const struct site_meter *m)
{
    const struct meter_model *model = meter_model_find(m->model);
    jwrite_text(w, "model", m->model);
    jwrite_text(w, "model_en", model ? model->title_en : m->model);
    jwrite_text(w, "model_zh", model ? model->title_zh : m->model);
    jwrite_bool(w, "can_cut", !model || can(model, METER_ORDER_OPEN));
}

/* ---- the models ---- */

enum err api_meter_models(struct call *c)
{
    struct jwrite *w = &c->out;
    const struct meter_model *m;
    jwrite_object(w, NULL);
    jwrite_array(w, "models");
    for (size_t i = 0; (m = meter_model_at(i)) != NULL; i++) {
        jwrite_object(w, NULL);
        jwrite_text(w, "model", m->name);
        jwrite_text(w, "model_en", m->title_en);
        jwrite_text(w, "model_zh", m->title_zh);
        jwrite_text(w, "kind", site_meter_kind_name((enum site_meter_kind)m->kind));
        jwrite_end(w);
    }
    jwrite_end(w);
    jwrite_end(w);
    return ERR_OK;
}

/* ---- the meters of a gateway ---- */

static enum err put_account(struct call *c, int64_t account_id)
{
    struct site_account a = {};
    if (account_id != 0)
        TRY(site_account_get(c->tx, account_id, &a));
    jwrite_id(&c->out, "account_id", account_id);
    jwrite_text(&c->out, "account", account_id ? a.code : NULL);
    return ERR_OK;
}

static enum err put_meter(void *arg, const struct site_meter *m)
{
    struct call *c = arg;
    struct jwrite *w = &c->out;
    struct site_place place;
    wall_s at = {0};
    int64_t epoch;
    TRY(site_place_get(c->tx, m->place_id, &place));
    jwrite_object(w, NULL);
    jwrite_int(w, "id", m->id);
    jwrite_int(w, "line_id", m->line_id);
    jwrite_text(w, "address", m->address);
    api_put_model(w, m);
    jwrite_text(w, "kind", site_meter_kind_name(m->kind));
    jwrite_int(w, "circuits", m->circuits);
    jwrite_text(w, "place", place.code);
    TRY(put_account(c, m->account_id));
    jwrite_id(w, "state_at",
              readings_newest(c->api->options.readings, m->id, &at, &epoch) ? at.s : 0);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_gateway_meters(struct call *c)
{
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "meters");
    TRY(site_meters_of_gateway(c->tx, c->gateway.id, put_meter, c));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
