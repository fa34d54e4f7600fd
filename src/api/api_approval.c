/* Cuts that people decide: the queue, and what a person says about one of them. */
#include <string.h>

#include "api/api_impl.h"
#include "control/approval.h"

#define DECIDE_MAX 200 /* at once */

static enum err put_approval(void *arg, const struct control_approval *a)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", a->id);
    jwrite_int(w, "account_id", a->account_id);
    jwrite_text(w, "account_code", a->account_code);
    jwrite_text(w, "account_name", a->account_name);
    jwrite_text(w, "state", control_approval_name(a->state));
    jwrite_int(w, "persons", a->persons);
    jwrite_int(w, "available_fen", a->available_fen);
    jwrite_raw(w, "detail", a->detail);
    jwrite_int(w, "proposed_at", a->proposed_at.s);
    jwrite_int(w, "expires_at", a->expires_at.s);
    jwrite_id(w, "approved_at", a->approved_at.s);
    jwrite_text(w, "approved_by", a->approved_at.s ? a->approved_by : NULL);
    jwrite_id(w, "released_at", a->released_at.s);
    jwrite_text(w, "released_by", a->released_at.s ? a->released_by : NULL);
    jwrite_id(w, "ended_at", a->ended_at.s);
    jwrite_text(w, "ended_by", a->ended_at.s ? a->ended_by : NULL);
    jwrite_text(w, "reason", a->reason);
    jwrite_end(w);
    return ERR_OK;
}

enum err api_approvals(struct call *c)
{
    struct control_approval_query query = {.project_id = c->project_id};
    int64_t open = 0;
    TRY(api_query_int(c, "open", 0, 1, &open));
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &query.before));
    TRY(api_query_limit(c, &query.limit));
    query.open = open;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "approvals");
    TRY(control_approval_list(c->tx, &query, put_approval, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

/* ---- a person's word ---- */

struct wanted {
    int64_t id, account_id; /* 0: not found */
    struct jwrite *out;
};

static enum err find_one(void *arg, const struct control_approval *a)
{
    struct wanted *w = arg;
    if (a->id != w->id)
        return ERR_OK;
    w->account_id = a->account_id;
    return w->out ? put_approval(w->out, a) : ERR_OK;
}

static enum err find(struct call *c, struct wanted *w)
{
    struct control_approval_query query = {
        .project_id = c->project_id, .before = w->id + 1, .limit = 1};
    TRY(control_approval_list(c->tx, &query, find_one, w));
    return w->account_id ? ERR_OK : ERR_NOT_FOUND;
}

typedef enum err verdict(struct store_tx *tx, const struct control_verdict *v);

static verdict *verdict_of(const char *act)
{
    if (strcmp(act, "approve") == 0)
        return control_approve;
    if (strcmp(act, "release") == 0)
        return control_release;
    return strcmp(act, "refuse") == 0 ? control_refuse : NULL;
}

enum err api_approval_decide(struct call *c)
{
    const char *act = "", *reason = "";
    struct wanted w = {};
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"id", API_FIELD_INT, 1, INT64_C(1) << 53, &w.id},
                                           {"act", API_FIELD_TEXT, 1, 16, &act},
                                           {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                           {}}));
    verdict *say = verdict_of(act);
    if (!say)
        return api_bad(c, "act", ERR_API_FIELD, "approve, release or refuse is expected");
    TRY(find(c, &w));
    api_actor(c, actor);
    TRY(say(c->tx, &(struct control_verdict){.readings = c->api->options.readings,
                                             .id = w.id,
                                             .actor = actor,
                                             .reason = reason,
                                             .now = c->now,
                                             .random = api_draw()}));
    w.out = &c->out;
    TRY(find(c, &w));
    c->wrote_account = w.account_id;
    return ERR_OK;
}

/* ---- many at once: each is decided on its own, and says how it went ---- */

struct many {
    struct call *c;
    verdict *say;
    struct control_verdict v;
    const char *seen; /* the state in which the person saw it */
};

static enum err check_seen(void *arg, const struct control_approval *a)
{
    const struct many *m = arg;
    return a->id != m->v.id || strcmp(control_approval_name(a->state), m->seen) == 0 ? ERR_OK
                                                                                     : ERR_STATE;
}

static enum err decide_one(struct store_tx *tx, void *arg)
{
    struct many *m = arg;
    struct wanted w = {.id = m->v.id};
    struct control_approval_query query = {
        .project_id = m->c->project_id, .before = w.id + 1, .limit = 1};
    TRY(find(m->c, &w));
    TRY(control_approval_list(tx, &query, check_seen, m));
    m->v.random = api_draw();
    return m->say(tx, &m->v);
}

static enum err put_decided(struct many *m)
{
    enum err result;
    struct jwrite *w = &m->c->out;
    TRY(store_part(m->c->tx, decide_one, m, &result));
    if (result != ERR_OK && err_class_of(result) != ERR_CLASS_REFUSE)
        return result;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", m->v.id);
    jwrite_text(w, "code", err_name(result));
    jwrite_text(w, "title_zh", result == ERR_OK ? "" : err_text_zh(result));
    jwrite_text(w, "title_en", result == ERR_OK ? "" : err_text_en(result));
    jwrite_end(w);
    return ERR_OK;
}

static enum err take_item(struct many *m, const json_t *item)
{
    const json_t *id = json_object_get(item, "id"), *seen = json_object_get(item, "state");
    if (!json_is_integer(id) || !json_is_string(seen) || json_object_size(item) != 2)
        return api_bad(m->c, "items", ERR_API_FIELD, "of each its id and the state it was seen in");
    m->v.id = json_integer_value(id);
    m->seen = json_string_value(seen);
    return m->v.id > 0 && m->v.id < INT64_C(1) << 53
               ? ERR_OK
               : api_bad(m->c, "items", ERR_API_FIELD, "an id is a positive number");
}

enum err api_approvals_decide(struct call *c)
{
    const json_t *items, *item;
    const char *act = "", *reason = "";
    size_t i;
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"items", API_FIELD_LIST, 1, DECIDE_MAX, &items},
                                           {"act", API_FIELD_TEXT, 1, 16, &act},
                                           {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                           {}}));
    struct many m = {.c = c, .say = verdict_of(act)};
    if (!m.say)
        return api_bad(c, "act", ERR_API_FIELD, "approve, release or refuse is expected");
    api_actor(c, actor);
    m.v = (struct control_verdict){
        .readings = c->api->options.readings, .actor = actor, .reason = reason, .now = c->now};
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "results");
    json_array_foreach((json_t *)(uintptr_t)items, i, item)
    {
        TRY(take_item(&m, item));
        TRY(put_decided(&m));
    }
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}
