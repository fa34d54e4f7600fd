/* The terminals of a project: what each says in one row, and one setting for many of them. */
#include <string.h>

#include "api/api_terminal.h"
#include "headend/headend.h"
#include "readings/readings.h"
#include "terminal/terminal.h"
#include "terminals/terminals.h"

#define ROWS_MAX 500

/* What a row is counted by, and asked for. */
enum kind { ALL, TRIPPED, LOCKED, WAITING, FAILED, KINDS };
static const char *const kind_names[] = {"all", "tripped", "locked", "waiting", "failed"};

struct listing {
    struct call *call;
    enum kind only;
    int64_t limit, written, count[KINDS];
};

struct row {
    const struct terminals_one *one;
    struct site_meter meter;
    struct api_outputs outputs;
    int64_t reason[SITE_CIRCUITS_MAX];
    bool locked[SITE_CIRCUITS_MAX]; /* staff only can close it */
    bool is[KINDS];
};

static enum err fill(struct call *c, struct row *row)
{
    TRY(site_meter_get(c->tx, row->one->meter_id, &row->meter));
    TRY(api_outputs(c->api, c->tx, &row->meter, &row->outputs));
    for (int64_t i = 0; i < row->one->circuits && i < SITE_CIRCUITS_MAX; i++) {
        bool known = i < 3 && row->one->circuit[i].known;
        const struct meter_terminal_status *s = known ? &row->one->circuit[i].status : NULL;
        row->reason[i] =
            api_open_reason(c->api, &(struct api_open){row->meter.id, i + 1, row->outputs, s});
        bool staff = row->reason[i] == TERMINAL_REASON_STAFF;
        row->locked[i] = staff || (api_is_trip(row->reason[i]) && s && s->locked);
        row->is[TRIPPED] = row->is[TRIPPED] || staff || api_is_trip(row->reason[i]);
        row->is[LOCKED] = row->is[LOCKED] || row->locked[i];
    }
    row->is[ALL] = true;
    row->is[WAITING] = row->one->waiting > 0;
    row->is[FAILED] = row->one->failed > 0;
    return ERR_OK;
}

static void put_circuit(struct call *c, const struct row *row, int64_t i)
{
    struct jwrite *w = &c->out;
    int64_t power_w;
    jwrite_object(w, NULL);
    if (row->outputs.known >> i & 1)
        jwrite_bool(w, "open", row->outputs.open >> i & 1);
    else
        jwrite_null(w, "open");
    if (row->reason[i] > 0)
        api_put_reason(w, "reason", row->reason[i]);
    else
        jwrite_null(w, "reason");
    jwrite_bool(w, "locked", row->locked[i]);
    if (readings_value(c->api->options.readings, row->meter.id,
                       (enum meter_point)(POINT_CIRCUIT1_W + i), &power_w, NULL))
        jwrite_int(w, "power_w", power_w);
    else
        jwrite_null(w, "power_w");
    jwrite_end(w);
}

static void put_row(struct call *c, const struct row *row)
{
    struct jwrite *w = &c->out;
    const struct terminals_one *one = row->one;
    const struct headend *h = c->api->options.headend;
    jwrite_object(w, NULL);
    jwrite_int(w, "meter_id", one->meter_id);
    jwrite_id(w, "account_id", one->account_id);
    jwrite_text(w, "account", one->account);
    jwrite_text(w, "name", one->customer);
    jwrite_int(w, "place_id", one->place_id);
    jwrite_text(w, "place", one->place);
    jwrite_text(w, "model", one->model);
    jwrite_bool(w, "gateway_online", h && headend_online(h, row->meter.gateway_id));
    jwrite_id(w, "state_at", row->outputs.at.s);
    jwrite_bool(w, "keep", row->outputs.keep);
    jwrite_int(w, "waiting", one->waiting);
    jwrite_int(w, "failed", one->failed);
    jwrite_array(w, "circuits");
    for (int64_t i = 0; i < one->circuits && i < SITE_CIRCUITS_MAX; i++)
        put_circuit(c, row, i);
    jwrite_end(w);
    jwrite_end(w);
}

static enum err take(void *arg, const struct terminals_one *one)
{
    struct listing *l = arg;
    struct row row = {.one = one};
    TRY(fill(l->call, &row));
    for (int k = 0; k < KINDS; k++)
        l->count[k] += row.is[k];
    if (row.is[l->only] && l->written < l->limit) {
        put_row(l->call, &row);
        l->written++;
    }
    return ERR_OK;
}

static enum err kind_of(struct call *c, const char *name, enum kind *kind)
{
    for (int k = 0; k < KINDS; k++) {
        *kind = (enum kind)k;
        if (strcmp(name, kind_names[k]) == 0)
            return ERR_OK;
    }
    return api_bad(c, "only", ERR_API_FIELD, "all, tripped, locked, waiting or failed is expected");
}

enum err api_terminals(struct call *c)
{
    struct listing l = {.call = c, .limit = ROWS_MAX};
    const char *under = NULL, *only = NULL;
    TRY(api_query_place(c, "under", &under));
    TRY(api_query_text(c, "only", 16, &only));
    TRY(kind_of(c, only && *only ? only : "all", &l.only));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "terminals");
    TRY(terminals_list(c->tx, c->project_id, under, take, &l));
    jwrite_end(&c->out);
    jwrite_object(&c->out, "counts");
    for (int k = 0; k < KINDS; k++)
        jwrite_int(&c->out, kind_names[k], l.count[k]);
    jwrite_end(&c->out);
    jwrite_bool(&c->out, "more", l.count[l.only] > l.written);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_terminals_setting(struct call *c)
{
    uint8_t data[METER_TERMINAL_BYTES];
    char actor[32];
    struct terminals_many many = {.project_id = c->project_id, .under = ""};
    TRY(api_take_setting(c, data, &many.wish, &many.under));
    api_actor(c, actor);
    many.wish.actor = actor;
    many.wish.now = c->now;
    many.wish.random = api_draw();
    enum err e = terminals_write_many(c->tx, &many);
    if (e == ERR_TERMINALS_NONE || e == ERR_TERMINALS_MANY)
        c->field = "under";
    TRY(e);
    c->status = 202;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "written", many.written);
    jwrite_end(&c->out);
    return ERR_OK;
}
