/* Money that leaves an account: asking, deciding, paying out. */
#include <string.h>

#include "api/api_impl.h"
#include "pay/pay.h"

/* ---- looking ---- */

static enum err put_request(void *arg, const struct pay_row *r)
{
    struct jwrite *w = arg;
    jwrite_object(w, NULL);
    jwrite_int(w, "account_id", r->account_id);
    jwrite_text(w, "account_code", r->account_code);
    jwrite_text(w, "account_name", r->account_name);
    jwrite_text(w, "request_id", r->request_id);
    jwrite_text(w, "kind", pay_kind_name(r->kind));
    jwrite_text(w, "state", pay_state_name(r->state));
    jwrite_int(w, "amount_fen", r->amount_fen);
    jwrite_int(w, "fee_fen", r->fee_fen);
    jwrite_text(w, "order_id", *r->order_id ? r->order_id : NULL);
    jwrite_text(w, "to_code", r->to_account_id ? r->to_code : NULL);
    jwrite_text(w, "reason", r->reason);
    jwrite_int(w, "asked_at", r->asked_at.s);
    jwrite_text(w, "asked_by", r->asked_by);
    jwrite_bool(w, "one_person", r->one_person);
    jwrite_id(w, "approved_at", r->approved_at.s);
    jwrite_text(w, "approved_by", *r->approved_by ? r->approved_by : NULL);
    jwrite_id(w, "ended_at", r->ended_at.s);
    jwrite_text(w, "ended_by", *r->ended_by ? r->ended_by : NULL);
    jwrite_text(w, "note", r->note);
    jwrite_text(w, "method", *r->method ? r->method : NULL);
    jwrite_text(w, "reference", r->reference);
    jwrite_end(w);
    return ERR_OK;
}

static enum err list(struct call *c, struct pay_query *query)
{
    int64_t open = 0;
    TRY(api_query_int(c, "open", 0, 1, &open));
    TRY(api_query_int(c, "before", 1, UINT32_MAX, &query->before));
    TRY(api_query_limit(c, &query->limit));
    query->open = open != 0;
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    jwrite_array(&c->out, "requests");
    TRY(pay_list(c->tx, query, put_request, &c->out));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_money_requests(struct call *c)
{
    return list(c, &(struct pay_query){.project_id = c->project_id});
}

enum err api_account_requests(struct call *c)
{
    return list(c, &(struct pay_query){.account_id = c->id});
}

/* ---- one request ---- */

struct wanted {
    const char *request_id;
    struct jwrite *out;
    char asked_by[64];
    bool found;
};

static enum err find_one(void *arg, const struct pay_row *r)
{
    struct wanted *w = arg;
    if (strcmp(r->request_id, w->request_id) != 0)
        return ERR_OK;
    w->found = true;
    snprintf(w->asked_by, sizeof w->asked_by, "%s", r->asked_by);
    return w->out ? put_request(w->out, r) : ERR_OK;
}

static enum err find(struct call *c, struct wanted *w)
{
    struct pay_query query = {.account_id = c->id, .limit = INT32_MAX};
    TRY(pay_list(c->tx, &query, find_one, w));
    return w->found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err answer(struct call *c, const char *request_id)
{
    c->wrote_account = c->id;
    return find(c, &(struct wanted){.request_id = request_id, .out = &c->out});
}

/* Which field a refusal is about. */
static enum err explain(struct call *c, enum err e)
{
    if (e == ERR_VEND_AMOUNT || e == ERR_VEND_FUNDS)
        c->field = "amount_fen";
    else if (e == ERR_VEND_ORDER_ID || e == ERR_VEND_DIFFERENT)
        c->field = "request_id";
    else if (e == ERR_PAY_ORDER || e == ERR_PAY_TWICE)
        c->field = "order_id";
    else if (e == ERR_SITE_PROJECT)
        c->field = "to";
    else if (e == ERR_PAY_METHOD)
        c->field = "method";
    return e;
}

static enum err find_receiver(struct call *c, const char *code, int64_t *id)
{
    struct site_account to;
    if (!*code)
        return ERR_OK;
    enum err e = site_account_by_code(c->tx, c->project_id, code, &to);
    if (e == ERR_NOT_FOUND)
        return api_bad(c, "to", ERR_API_FIELD, "no account of this code");
    TRY(e);
    *id = to.id;
    return ERR_OK;
}

/* ---- asking ---- */

enum err api_money_ask(struct call *c)
{
    const char *id = "", *kind = "", *to = "", *order = "", *reason = "";
    struct pay_request r = {.account_id = c->id, .now = c->now};
    struct billing billing = {.readings = c->api->options.readings};
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){{"request_id", API_FIELD_TEXT, PAY_ID_MIN, PAY_ID_MAX, &id},
                                {"kind", API_FIELD_TEXT, 1, 16, &kind},
                                {"amount_fen", API_FIELD_INT, 0, INT64_C(1) << 40, &r.amount_fen},
                                {"to", API_FIELD_TEXT, 0, SITE_CODE_MAX, &to},
                                {"order_id", API_FIELD_TEXT, 0, API_KEY_MAX, &order},
                                {"reason", API_FIELD_TEXT, 1, PAY_TEXT_MAX, &reason},
                                {}}));
    r.kind = pay_kind_of(kind);
    if (r.kind == PAY_KIND_COUNT)
        return api_bad(c, "kind", ERR_API_FIELD, "refund, reversal, transfer or close is expected");
    if ((r.kind == PAY_TRANSFER) != (*to != '\0'))
        return api_bad(c, "to", ERR_API_FIELD, "for a transfer, and only for one");
    if ((r.kind == PAY_REVERSAL) != (*order != '\0'))
        return api_bad(c, "order_id", ERR_API_FIELD, "for a reversal, and only for one");
    TRY(find_receiver(c, to, &r.to_account_id));
    api_actor(c, actor);
    r.request_id = id;
    r.order_id = *order ? order : NULL;
    r.actor = actor;
    r.reason = reason;
    r.billing = &billing;
    TRY(explain(c, pay_ask(c->tx, &r)));
    c->status = 201;
    return answer(c, id);
}

/* ---- deciding, paying out ---- */

/* Approving is for those who keep the books; one's own request may be taken back by anybody. */
static enum err check_right(struct call *c, const char *act, const char *id, const char *actor)
{
    struct wanted w = {.request_id = id};
    TRY(find(c, &w));
    bool own = strcmp(act, "reject") == 0 && strcmp(w.asked_by, actor) == 0;
    return own || api_may(c, AUTH_BOOKS) ? ERR_OK : ERR_AUTH_FORBIDDEN;
}

enum err api_money_decide(struct call *c)
{
    const char *id = "", *act = "", *note = "";
    struct billing billing = {.readings = c->api->options.readings};
    char actor[32];
    TRY(api_fields(c,
                   (struct api_field[]){{"request_id", API_FIELD_TEXT, PAY_ID_MIN, PAY_ID_MAX, &id},
                                        {"act", API_FIELD_TEXT, 1, 16, &act},
                                        {"note", API_FIELD_TEXT, 0, PAY_TEXT_MAX, &note},
                                        {}}));
    bool approve = strcmp(act, "approve") == 0;
    if (!approve && strcmp(act, "reject") != 0)
        return api_bad(c, "act", ERR_API_FIELD, "approve or reject is expected");
    api_actor(c, actor);
    TRY(check_right(c, act, id, actor));
    struct pay_decision d = {.account_id = c->id,
                             .request_id = id,
                             .actor = actor,
                             .note = note,
                             .now = c->now,
                             .billing = &billing,
                             .random = api_draw()};
    TRY(explain(c, approve ? pay_approve(c->tx, &d) : pay_reject(c->tx, &d)));
    return answer(c, id);
}

enum err api_money_pay(struct call *c)
{
    const char *id = "", *method = "", *reference = "";
    struct billing billing = {.readings = c->api->options.readings};
    char actor[32];
    TRY(api_fields(c,
                   (struct api_field[]){{"request_id", API_FIELD_TEXT, PAY_ID_MIN, PAY_ID_MAX, &id},
                                        {"method", API_FIELD_TEXT, 1, 16, &method},
                                        {"reference", API_FIELD_TEXT, 0, PAY_TEXT_MAX, &reference},
                                        {}}));
    api_actor(c, actor);
    struct pay_decision d = {.account_id = c->id,
                             .request_id = id,
                             .actor = actor,
                             .method = method,
                             .reference = reference,
                             .now = c->now,
                             .billing = &billing};
    TRY(explain(c, pay_out(c->tx, &d)));
    return answer(c, id);
}

/* ---- policy ---- */

static void put_policy(struct call *c, const struct pay_policy *p)
{
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "one_person_fen", p->one_person_fen);
    jwrite_int(&c->out, "reversal_days", p->reversal_days);
    jwrite_end(&c->out);
}

enum err api_pay_policy(struct call *c)
{
    struct pay_policy p;
    TRY(pay_policy_get(c->tx, c->project_id, &p));
    put_policy(c, &p);
    return ERR_OK;
}

enum err api_pay_policy_set(struct call *c)
{
    struct pay_policy_change change = {.project_id = c->project_id, .now = c->now};
    char actor[32];
    TRY(api_fields(
        c, (struct api_field[]){
               {"one_person_fen", API_FIELD_INT, 0, 10'000'000, &change.policy.one_person_fen},
               {"reversal_days", API_FIELD_INT, 0, 31, &change.policy.reversal_days},
               {}}));
    api_actor(c, actor);
    change.actor = actor;
    TRY(pay_policy_set(c->tx, &change));
    put_policy(c, &change.policy);
    return ERR_OK;
}
