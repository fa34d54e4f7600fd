/* The mass-cut breaker of a project: its state, whom it holds back, and the word of two persons. */
#include <string.h>

#include "api/api_impl.h"
#include "control/breaker.h"
#include "control/control.h"

static void put_state(struct jwrite *w, const struct breaker *b)
{
    jwrite_text(w, "state", breaker_state_name(b->state));
    jwrite_int(w, "meters", b->meters);
    jwrite_int(w, "cuts", b->cuts);
    jwrite_int(w, "limit", b->limit);
    jwrite_int(w, "window_s", CONTROL_BREAKER_S);
    jwrite_id(w, "since", b->since.s);
    jwrite_id(w, "free_at", b->free_at.s);
    jwrite_id(w, "released_until", b->released_until.s);
    jwrite_text(w, "released_by", b->released_until.s ? b->released_by : NULL);
    jwrite_int(w, "waiting", b->waiting);
}

static enum err put_waiting(void *arg, const struct breaker_waiting *one)
{
    struct call *c = arg;
    struct jwrite *w = &c->out;
    jwrite_object(w, NULL);
    jwrite_int(w, "account_id", one->account_id);
    jwrite_text(w, "account_code", one->code);
    jwrite_text(w, "account_name", one->name);
    jwrite_text(w, "place", one->place);
    jwrite_text(w, "act", one->limits ? "limit" : "cut");
    if (one->available_known && api_may(c, AUTH_MONEY))
        jwrite_int(w, "available_fen", one->available_fen);
    else
        jwrite_null(w, "available_fen");
    jwrite_int(w, "decided_at", one->decided_at.s);
    jwrite_end(w);
    return ERR_OK;
}

static void put_request(struct jwrite *w, const struct breaker_request *r)
{
    if (r->id == 0) {
        jwrite_null(w, "request");
        return;
    }
    jwrite_object(w, "request");
    jwrite_int(w, "id", r->id);
    jwrite_text(w, "state", breaker_answer_name(r->state));
    jwrite_int(w, "cuts", r->cuts);
    jwrite_int(w, "limit", r->limit);
    jwrite_int(w, "waiting", r->waiting);
    jwrite_int(w, "asked_at", r->asked_at.s);
    jwrite_text(w, "asked_by", r->asked_by);
    jwrite_text(w, "reason", r->reason);
    jwrite_int(w, "expires_at", r->expires_at.s);
    jwrite_id(w, "decided_at", r->decided_at.s);
    jwrite_text(w, "decided_by", r->decided_at.s ? r->decided_by : NULL);
    jwrite_text(w, "answer", r->answer);
    jwrite_end(w);
}

static enum err put_breaker(struct call *c, int64_t limit)
{
    struct breaker b;
    struct breaker_request r;
    TRY(breaker_look(c->tx, c->project_id, c->now, &b));
    TRY(breaker_request(c->tx, c->project_id, c->now, &r));
    jwrite_object(&c->out, NULL);
    jwrite_int(&c->out, "now", c->now.s);
    put_state(&c->out, &b);
    jwrite_array(&c->out, "accounts");
    if (b.waiting > 0)
        TRY(breaker_list(c->tx, c->project_id, limit, put_waiting, c));
    jwrite_end(&c->out);
    put_request(&c->out, &r);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_breaker(struct call *c)
{
    int64_t limit;
    TRY(api_query_limit(c, &limit));
    return put_breaker(c, limit);
}

static struct breaker_word word_of(struct call *c, int64_t id, const char *reason, char actor[32])
{
    api_actor(c, actor);
    return (struct breaker_word){c->project_id, id, actor, reason, c->now};
}

enum err api_breaker_ask(struct call *c)
{
    const char *reason = "";
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"reason", API_FIELD_TEXT, 1, 200, &reason}, {}}));
    struct breaker_word w = word_of(c, 0, reason, actor);
    TRY(breaker_ask(c->tx, &w));
    return put_breaker(c, API_LIST_DEFAULT);
}

enum err api_breaker_decide(struct call *c)
{
    const char *act = "", *reason = "";
    int64_t id = 0;
    char actor[32];
    TRY(api_fields(c, (struct api_field[]){{"id", API_FIELD_INT, 1, INT64_C(1) << 53, &id},
                                           {"act", API_FIELD_TEXT, 1, 16, &act},
                                           {"reason", API_FIELD_TEXT, 1, 200, &reason},
                                           {}}));
    bool grant = strcmp(act, "grant") == 0;
    if (!grant && strcmp(act, "refuse") != 0)
        return api_bad(c, "act", ERR_API_FIELD, "grant or refuse is expected");
    struct breaker_word w = word_of(c, id, reason, actor);
    TRY(grant ? breaker_grant(c->tx, &w) : breaker_refuse(c->tx, &w));
    return put_breaker(c, API_LIST_DEFAULT);
}
