/* Runs of free credit and of common usage: asked for, looked at, decided. */
#include <stdlib.h>
#include <string.h>

#include "api/api_impl.h"
#include "pay/run.h"

#define ID_MAX (INT64_C(1) << 53)
#define ADDRESS_CAP 20

/* ---- looking ---- */

static enum err put_run(void *arg, const struct run *r)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", r->id);
    jwrite_text(w, "kind", r->kind);
    jwrite_text(w, "code", r->code);
    jwrite_text(w, "period", r->period);
    jwrite_text(w, "title", r->title);
    jwrite_text(w, "state", r->state);
    jwrite_text(w, "method", r->method);
    jwrite_text(w, "booking", r->booking);
    jwrite_int(w, "lines", r->lines);
    jwrite_int(w, "total_fen", r->total_fen);
    jwrite_int(w, "done", r->done);
    jwrite_int(w, "done_fen", r->done_fen);
    jwrite_int(w, "failed", r->failed);
    jwrite_id(w, "expires_at", r->expires_at.s);
    jwrite_int(w, "asked_at", r->asked_at.s);
    jwrite_text(w, "asked_by", r->asked_by);
    jwrite_id(w, "approved_at", r->approved_at.s);
    jwrite_text(w, "approved_by", r->approved_at.s ? r->approved_by : NULL);
    jwrite_id(w, "reversed_at", r->reversed_at.s);
    jwrite_text(w, "reversed_by", r->reversed_at.s ? r->reversed_by : NULL);
    jwrite_id(w, "stopped_at", r->stopped_at.s);
    jwrite_text(w, "stopped_by", r->stopped_at.s ? r->stopped_by : NULL);
    jwrite_text(w, "stop_reason", r->stop_reason);
    jwrite_id(w, "given_up_at", r->given_up_at.s);
    jwrite_text(w, "given_up_by", r->given_up_at.s ? r->given_up_by : NULL);
    jwrite_id(w, "ended_at", r->ended_at.s);
    jwrite_text(w, "note", r->note);
    jwrite_raw(w, "evidence", r->evidence);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_runs(struct call *c)
{
    int64_t before = 0, limit;
    TRY(api_query_int(c, "before", 1, ID_MAX, &before));
    TRY(api_query_limit(c, &limit));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "runs");
    TRY(run_list(c->tx, c->project_id, before, limit, put_run, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* The newest, or the one that was changed. */
static enum err put_this(struct call *c, int64_t id)
{
    return run_list(c->tx, c->project_id, id + 1, 1, put_run, &c->out);
}

static enum err put_line(void *arg, const struct run_line *l)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "account_id", l->account_id);
    jwrite_text(w, "account_code", l->account_code);
    jwrite_text(w, "account_name", l->account_name);
    jwrite_int(w, "weight", l->weight);
    jwrite_int(w, "amount_fen", l->amount_fen);
    jwrite_int(w, "taken_back_fen", l->taken_back_fen);
    jwrite_bool(w, "posted", l->posted);
    jwrite_text(w, "error", l->error);
    jwrite_text(w, "waits", l->waits);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_run_lines(struct call *c)
{
    struct run_page page = {.project_id = c->project_id, .now = c->now};
    TRY(api_query_int(c, "run", 1, ID_MAX, &page.run_id));
    TRY(api_query_int(c, "after", 1, ID_MAX, &page.after));
    TRY(api_query_limit(c, &page.limit));
    if (!page.run_id)
        return api_bad(c, "run", ERR_API_FIELD, "the parameter is missing");
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "lines");
    TRY(run_lines(c->tx, &page, put_line, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- asking ---- */

/* Which field a refusal of the room is about. */
static enum err explain(struct call *c, enum err e)
{
    if (e == ERR_RUN_MEMBER || e == ERR_RUN_EMPTY)
        c->field = "members";
    else if (e == ERR_RUN_TWICE)
        c->field = "period";
    else if (e == ERR_SITE_TEXT)
        c->field = "code";
    else if (e == ERR_RUN_USAGE)
        c->field = "sub_meters";
    return e;
}

static enum err asked(struct call *c, int64_t id)
{
    c->status = 201;
    return put_this(c, id);
}

/* The first second of a local day of the project, some days later. */
static enum err day_start(struct call *c, const char *field, int64_t number, int32_t later,
                          wall_s *at)
{
    int32_t day, offset_s;
    TRY(api_day_of_number(c, field, number, &day));
    TRY(billing_project_offset(c->tx, c->project_id, c->now, &offset_s));
    *at = civil_day_start(day + later, offset_s);
    return ERR_OK;
}

#define ASK_FIELDS(a)                                                                              \
    {"code", API_FIELD_TEXT, 1, RUN_CODE_MAX, &(a).code},                                          \
        {"period", API_FIELD_TEXT, 1, RUN_PERIOD_MAX, &(a).period},                                \
        {"title", API_FIELD_TEXT, 1, RUN_TITLE_MAX, &(a).title},                                   \
        {"place", API_FIELD_TEXT, 0, 128, &(a).members.place},                                     \
    {                                                                                              \
        "members", API_FIELD_TEXT, 0, API_BODY_MAX, &(a).members.list                              \
    }

static enum err method_of(struct call *c, const char *name, enum run_method *method)
{
    for (unsigned i = 0; i < RUN_METHOD_COUNT; i++) {
        if (strcmp(run_method_name((enum run_method)i), name) == 0) {
            *method = (enum run_method)i;
            return ERR_OK;
        }
    }
    return api_bad(c, "method", ERR_API_FIELD, "given, equal, usage, area or persons is expected");
}

enum err api_run_subsidy(struct call *c)
{
    struct run_subsidy s = {.ask = {.project_id = c->project_id, .now = c->now}};
    int64_t last_day = 0, id;
    const char *method = "";
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){ASK_FIELDS(s.ask),
                                           {"method", API_FIELD_TEXT, 1, 8, &method},
                                           {"each_fen", API_FIELD_INT, 1, 100'000'000, &s.each_fen},
                                           {"last_day", API_FIELD_INT, 0, 99'991'231, &last_day},
                                           {}}));
    TRY(method_of(c, method, &s.method));
    if (s.method == RUN_USAGE)
        return api_bad(c, "method", ERR_API_FIELD, "free credit has no span to measure usage in");
    if (last_day)
        TRY(day_start(c, "last_day", last_day, 1, &s.expires_at));
    if (last_day && s.expires_at.s <= c->now.s)
        return api_bad(c, "last_day", ERR_RANGE, "the day is over");
    api_actor(c, actor);
    s.ask.actor = actor;
    TRY(explain(c, run_ask_subsidy(c->tx, &s, &id)));
    return asked(c, id);
}

/* ---- common meters ---- */

struct meters {
    struct call *call;
    struct run_meter meter[RUN_METERS_MAX];
    size_t count;
    wall_s from, to;
};

static enum err find_meter(struct meters *m, const char *address, bool sub, const char *field)
{
    int64_t count = 0;
    struct run_meter *meter = &m->meter[m->count];
    *meter = (struct run_meter){.sub = sub, .ratio = 1};
    struct query q =
        query_open(m->call->tx,
                   "SELECT m.id, coalesce(o.ratio, 1) FROM meter m LEFT JOIN "
                   "charge_open o ON o.meter_id = m.id AND o.account_id = m.account_id "
                   "WHERE m.project_id = $1 AND m.address = $2",
                   "it", m->call->project_id, address);
    while (query_step(&q)) {
        meter->meter_id = query_int(&q, 0);
        meter->ratio = query_int(&q, 1);
        count++;
    }
    TRY(query_end(&q));
    for (size_t i = 0; i < m->count; i++)
        count += m->meter[i].meter_id == meter->meter_id;
    if (count != 1)
        return api_bad(m->call, field, ERR_API_FIELD,
                       "a meter address is unknown, stands twice, or belongs to several meters");
    m->count++;
    return ERR_OK;
}

/* The ratio of the transformers before a meter; one that changes in the span ends it. */
static enum err find_ratio(struct meters *m, struct run_meter *meter, const char *field)
{
    int64_t changes;
    TRY(billing_ratio_at(m->call->tx, meter->meter_id, m->from, &meter->ratio));
    TRY(store_int(m->call->tx, &changes,
                  "SELECT count(*) FROM meter_ratio WHERE meter_id = $1 AND from_at > $2 "
                  "AND from_at < $3",
                  "iii", meter->meter_id, m->from.s, m->to.s));
    return changes ? api_bad(m->call, field, ERR_RUN_READING, "its ratio changed in the span")
                   : ERR_OK;
}

static enum err find_meters(struct meters *m, const char *list, bool sub, const char *field)
{
    while (*(list += strspn(list, " ,;\r\n\t"))) {
        char address[ADDRESS_CAP];
        size_t len = strcspn(list, " ,;\r\n\t");
        if (len >= sizeof address || m->count == RUN_METERS_MAX)
            return api_bad(m->call, field, ERR_API_FIELD, "too many meters, or no meter address");
        memcpy(address, list, len);
        address[len] = '\0';
        TRY(find_meter(m, address, sub, field));
        TRY(find_ratio(m, &m->meter[m->count - 1], field));
        list += len;
    }
    return ERR_OK;
}

/* The newest registers at or before both ends, of one rising run. */
static enum err read_meter(struct meters *m, struct store_tx *tx, struct run_meter *meter)
{
    struct readings *r = m->call->api->options.readings;
    struct readings_registers from, to;
    struct readings_break gap;
    TRY(readings_registers_at(r, tx, meter->meter_id, m->from, &from));
    TRY(readings_registers_at(r, tx, meter->meter_id, m->to, &to));
    enum err e = readings_break_after(r, tx, meter->meter_id, from.at, to.at, &gap);
    if (e != ERR_NOT_FOUND)
        return e == ERR_OK ? ERR_RUN_READING : e;
    meter->from_at = from.at;
    meter->to_at = to.at;
    meter->from_wh = from.wh[0];
    meter->to_wh = to.wh[0];
    return ERR_OK;
}

static enum err read_meters(struct store_tx *tx, void *arg)
{
    struct meters *m = arg;
    for (size_t i = 0; i < m->count; i++) {
        enum err e = read_meter(m, tx, &m->meter[i]);
        if (e != ERR_OK)
            return e == ERR_NOT_FOUND ? ERR_RUN_READING : e;
    }
    return ERR_OK;
}

enum err api_run_share(struct call *c)
{
    struct run_common s = {.ask = {.project_id = c->project_id, .now = c->now}};
    struct meters m = {.call = c};
    const char *mains = "", *subs = "", *method = "";
    int64_t from_day = 0, to_day = 0, id;
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){
                          ASK_FIELDS(s.ask),
                          {"main_meters", API_FIELD_TEXT, 1, 512, &mains},
                          {"sub_meters", API_FIELD_TEXT, 0, 512, &subs},
                          {"from_day", API_FIELD_INT, 19'700'101, 99'991'231, &from_day},
                          {"to_day", API_FIELD_INT, 19'700'101, 99'991'231, &to_day},
                          {"price_e8", API_FIELD_INT, 1, INT64_C(10'000'000'000), &s.price_e8},
                          {"method", API_FIELD_TEXT, 1, 8, &method},
                          {}}));
    TRY(method_of(c, method, &s.method));
    TRY(day_start(c, "from_day", from_day, 0, &m.from));
    TRY(day_start(c, "to_day", to_day, 1, &m.to));
    if (m.to.s <= m.from.s || m.to.s > c->now.s)
        return api_bad(c, "to_day", ERR_RANGE, "the span must end after it begins, and be over");
    TRY(find_meters(&m, mains, false, "main_meters"));
    TRY(find_meters(&m, subs, true, "sub_meters"));
    enum err e = store_read(c->api->options.readings_store, read_meters, &m);
    if (e == ERR_RUN_READING)
        c->field = "main_meters";
    TRY(e);
    api_actor(c, actor);
    s.ask.actor = actor;
    s.meters = m.meter;
    s.meter_count = m.count;
    s.from = m.from;
    s.to = m.to;
    TRY(explain(c, run_ask_share(c->tx, &s, &id)));
    return asked(c, id);
}

/* ---- deciding ---- */

enum err api_run_decide(struct call *c)
{
    static const struct {
        const char *act;
        enum err (*decide)(struct store_tx *tx, const struct run_verdict *v);
    } acts[] = {{"approve", run_approve}, {"reject", run_reject}, {"reverse", run_reverse},
                {"stop", run_stop},       {"resume", run_resume}, {"give_up", run_give_up}};
    struct run_verdict v = {.project_id = c->project_id, .now = c->now};
    const char *act = "";
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"id", API_FIELD_INT, 1, ID_MAX, &v.run_id},
                                           {"act", API_FIELD_TEXT, 1, 16, &act},
                                           {"note", API_FIELD_TEXT, 0, RUN_NOTE_MAX, &v.note},
                                           {}}));
    api_actor(c, actor);
    v.actor = actor;
    for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++) {
        if (strcmp(acts[i].act, act) != 0)
            continue;
        enum err e = acts[i].decide(c->tx, &v);
        if (e == ERR_RUN_REASON)
            c->field = "note";
        TRY(e);
        return put_this(c, v.run_id);
    }
    return api_bad(c, "act", ERR_API_FIELD,
                   "approve, reject, reverse, stop, resume or give_up is expected");
}
