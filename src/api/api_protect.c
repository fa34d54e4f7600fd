/* Who must not be cut: the list of protections; and what staff ask for on behalf of a customer. */
#include <string.h>

#include "api/api_impl.h"
#include "control/fee.h"
#include "control/protect.h"

/* ---- the list ---- */

static enum err put_protection(void *arg, const struct control_protection *p)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "id", p->id);
    jwrite_text(w, "scope", control_scope_name(p->scope));
    jwrite_int(w, "object_id", p->object_id);
    jwrite_text(w, "kind", strategy_protection_name(p->kind));
    jwrite_text(w, "kind_zh", strategy_protection_zh(p->kind));
    jwrite_text(w, "kind_en", strategy_protection_en(p->kind));
    jwrite_int(w, "from", p->from.s);
    jwrite_id(w, "until", p->until.s);
    jwrite_text(w, "reason", p->reason);
    jwrite_text(w, "actor", p->actor);
    jwrite_int(w, "entered_at", p->now.s);
    jwrite_id(w, "lifted_at", p->lifted_at.s);
    jwrite_text(w, "lifted_by", p->lifted_at.s ? p->lifted_by : NULL);
    jwrite_text(w, "lift_reason", p->lifted_at.s ? p->lift_reason : NULL);
    jwrite_end(w);
    return ERR_OK;
}

static enum err list(struct call *c, struct control_protect_query *query)
{
    int64_t now = 0;
    TRY(api_query_int(c, "now", 0, 1, &now));
    TRY(api_query_int(c, "before", 1, INT64_C(1) << 53, &query->before));
    TRY(api_query_limit(c, &query->limit));
    if (now)
        query->at = c->now;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "protections");
    TRY(control_protect_list(c->tx, query, put_protection, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_protections(struct call *c)
{
    return list(c, &(struct control_protect_query){.project_id = c->project_id});
}

enum err api_account_protections(struct call *c)
{
    return list(c,
                &(struct control_protect_query){.project_id = c->project_id, .account_id = c->id});
}

/* ---- entering and lifting ---- */

enum err api_protect(struct call *c)
{
    const char *scope = "", *kind = "", *reason = "";
    int64_t object = 0, from = 0, until = 0;
    char actor[32];
    TRY(api_fields(c,
                   (struct api_field[]){{"scope", API_FIELD_TEXT, 1, 16, &scope},
                                        {"object_id", API_FIELD_INT, 1, INT64_C(1) << 53, &object},
                                        {"kind", API_FIELD_TEXT, 1, 24, &kind},
                                        {"from", API_FIELD_INT, 0, UINT32_MAX, &from},
                                        {"until", API_FIELD_INT, 0, UINT32_MAX, &until},
                                        {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                        {}}));
    api_actor(c, actor);
    struct control_protection p = {.scope = control_scope_of(scope),
                                   .object_id = object,
                                   .kind = strategy_protection_of(kind),
                                   .from = {from},
                                   .until = {until},
                                   .reason = reason,
                                   .actor = actor,
                                   .now = c->now};
    if (p.scope == CONTROL_SCOPE_COUNT)
        return api_bad(c, "scope", ERR_API_FIELD, "project, place, account or meter is expected");
    if (p.kind == STRATEGY_PROTECTION_COUNT)
        return api_bad(c, "kind", ERR_API_FIELD, "a kind of protection is expected");
    enum err e = control_protect_add(c->tx, &p, api_draw());
    if (e == ERR_RANGE)
        c->field = "until";
    TRY(e);
    if (p.project_id != c->project_id)
        return ERR_NOT_FOUND; /* nothing is kept of it */
    c->status = 201;
    return put_protection(&c->out, &p);
}

struct wanted {
    int64_t id;
    bool found;
    struct jwrite *out;
};

static enum err find_one(void *arg, const struct control_protection *p)
{
    struct wanted *w = arg;
    if (p->id != w->id)
        return ERR_OK;
    w->found = true;
    return w->out ? put_protection(w->out, p) : ERR_OK;
}

static enum err find(struct call *c, int64_t id, struct jwrite *out)
{
    struct wanted w = {.id = id, .out = out};
    struct control_protect_query query = {
        .project_id = c->project_id, .before = id + 1, .limit = 1};
    TRY(control_protect_list(c->tx, &query, find_one, &w));
    return w.found ? ERR_OK : ERR_NOT_FOUND;
}

enum err api_protect_lift(struct call *c)
{
    const char *reason = "";
    int64_t id = 0;
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"id", API_FIELD_INT, 1, INT64_C(1) << 53, &id},
                                           {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                           {}}));
    TRY(find(c, id, NULL));
    api_actor(c, actor);
    TRY(control_protect_lift(
        c->tx, &(struct control_lift){.id = id, .reason = reason, .actor = actor, .now = c->now}));
    return find(c, id, &c->out);
}

/* ---- on behalf of a customer ---- */

static struct control_request request_of(struct call *c, const char *actor)
{
    return (struct control_request){.readings = c->api->options.readings,
                                    .account_id = c->id,
                                    .actor = actor,
                                    .now = c->now,
                                    .random = api_draw()};
}

enum err api_emergency(struct call *c)
{
    char actor[32];
    int64_t credit = 0;
    api_actor(c, actor);
    struct control_request r = request_of(c, actor);
    TRY(control_emergency(c->tx, &r, &credit));
    c->wrote_account = c->id;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "credit_fen", credit);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_confirm_restore(struct call *c)
{
    char actor[32];
    api_actor(c, actor);
    struct control_request r = request_of(c, actor);
    TRY(control_confirm_restore(c->tx, &r));
    c->wrote_account = c->id;
    jwrite_object(&c->out, NULL);
    jwrite_bool(&c->out, "confirmed", true);
    jwrite_end(&c->out);
    return ERR_OK;
}
