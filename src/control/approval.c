#include "control/approval.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "control/fee_impl.h"

static const char *const names[CONTROL_APPROVAL_STATES] = {
    [CONTROL_PROPOSED] = "proposed", [CONTROL_APPROVED] = "approved",
    [CONTROL_RELEASED] = "released", [CONTROL_DONE] = "done",
    [CONTROL_REFUSED] = "refused",   [CONTROL_WITHDRAWN] = "withdrawn"};

const char *control_approval_name(enum control_approval_state state)
{
    MUST((unsigned)state < CONTROL_APPROVAL_STATES);
    return names[state];
}

static enum control_approval_state state_of(const char *name)
{
    int s = 0;
    while (s < CONTROL_WITHDRAWN && strcmp(names[s], name) != 0)
        s++;
    return (enum control_approval_state)s;
}

/* --- within the loop -----------------------------------------------------------------------------
 */

static enum err tell(struct store_tx *tx, const struct journal_event *where, int64_t id,
                     const char *actor, const char *reason)
{
    struct detail d = {};
    struct journal_event event = *where;
    detail_int(&d, "approval", id);
    if (actor)
        detail_text(&d, "actor", actor);
    if (reason)
        detail_text(&d, "reason", reason);
    event.detail = detail_end(&d);
    return journal_event(tx, &event);
}

static enum err tell_in_loop(struct loop *l, enum journal_kind kind, int64_t id, const char *reason)
{
    return tell(l->turn.tx,
                &(struct journal_event){.at = l->turn.now,
                                        .kind = kind,
                                        .project_id = l->outlook.account.project_id,
                                        .account_id = l->outlook.account.id},
                id, NULL, reason);
}

static enum err find_open(struct loop *l)
{
    struct query q = query_open(l->turn.tx,
                                "SELECT id, state, expires_at FROM cut_approval "
                                "WHERE account_id = $1 "
                                "AND state IN ('proposed', 'approved', 'released')",
                                "i", l->outlook.account.id);
    l->approval = (struct fee_approval){};
    if (query_step(&q))
        l->approval = (struct fee_approval){
            query_int(&q, 0), state_of(query_text(&q, 1)), {query_int(&q, 2)}};
    return query_end(&q);
}

enum err fee_approval_fact(struct loop *l)
{
    static const enum strategy_approval facts[] = {[CONTROL_PROPOSED] = STRATEGY_APPROVAL_NONE,
                                                   [CONTROL_APPROVED] = STRATEGY_APPROVAL_ONE,
                                                   [CONTROL_RELEASED] = STRATEGY_APPROVAL_TWO};
    l->approval = (struct fee_approval){};
    if (l->in_force.policy.approval == STRATEGY_APPROVAL_NONE)
        return ERR_OK;
    TRY(find_open(l));
    if (l->approval.id != 0 && l->turn.now.s < l->approval.expires_at.s)
        l->facts.approval = facts[l->approval.state];
    return ERR_OK;
}

static enum err end_open(struct loop *l, const char *state, const char *why)
{
    return store_exec(l->turn.tx,
                      "UPDATE cut_approval SET state = $2, ended_at = $3, ended_by = 'system', "
                      "reason = $4 WHERE id = $1",
                      "itit", l->approval.id, state, l->turn.now.s, why);
}

enum err fee_approval_withdraw(struct loop *l, const char *why)
{
    TRY(find_open(l));
    if (l->approval.id == 0)
        return ERR_OK;
    TRY(end_open(l, "withdrawn", why));
    TRY(tell_in_loop(l, EVENT_FEE_WITHDRAWN, l->approval.id, why));
    l->approval = (struct fee_approval){};
    return ERR_OK;
}

static enum err propose(struct loop *l, const char *json)
{
    const struct strategy_policy *p = &l->in_force.policy;
    int64_t id, refused, account_id = l->outlook.account.id;
    TRY(store_int(l->turn.tx, &refused,
                  "SELECT count(*) FROM cut_approval WHERE account_id = $1 AND episode = $2 "
                  "AND state = 'refused'",
                  "ii", account_id, l->episode.number));
    if (refused > 0)
        return ERR_OK;
    TRY(store_next_id(l->turn.tx, "cut_approval", &id));
    TRY(store_exec(l->turn.tx,
                   "INSERT INTO cut_approval (id, project_id, account_id, episode, state, persons, "
                   "available_fen, detail, proposed_at, expires_at) "
                   "VALUES ($1, $2, $3, $4, 'proposed', $5, $6, $7, $8, $9)",
                   "iiiiiitii", id, l->outlook.account.project_id, account_id, l->episode.number,
                   (int64_t)p->approval, l->facts.available_fen, json, l->turn.now.s,
                   l->turn.now.s + p->approval_s));
    return tell_in_loop(l, EVENT_FEE_PROPOSED, id, NULL);
}

/* Everything that was to be cut is cut, and the meters said so. */
static bool is_cut(const struct loop *l)
{
    bool all = l->facts.desired == STRATEGY_DESIRED_OPEN_MONEY && !l->facts.partly_cut;
    for (size_t i = 0; i < l->outlook.meter_count; i++)
        all = all && l->relay[i].next_at.s == 0;
    return all;
}

enum err fee_approval_follow(struct loop *l, const char *json)
{
    if (l->in_force.policy.approval == STRATEGY_APPROVAL_NONE)
        return ERR_OK;
    if (l->approval.id != 0 && is_cut(l)) {
        TRY(end_open(l, "done", "cut"));
        l->approval = (struct fee_approval){};
    }
    if (l->approval.id != 0 && !l->decision.cut_due)
        return fee_approval_withdraw(l, "paid");
    if (l->approval.id != 0 && l->turn.now.s >= l->approval.expires_at.s)
        TRY(fee_approval_withdraw(l, "expired"));
    return l->decision.propose && l->approval.id == 0 ? propose(l, json) : ERR_OK;
}

/* --- people --------------------------------------------------------------------------------------
 */

#define COLUMNS                                                                                    \
    "SELECT c.id, c.project_id, c.account_id, c.state, c.persons, c.available_fen, a.code, "       \
    "a.name, c.detail, c.proposed_at, c.expires_at, c.approved_at, c.released_at, c.ended_at, "    \
    "c.approved_by, c.released_by, c.ended_by, c.reason "                                          \
    "FROM cut_approval c JOIN account a ON a.id = c.account_id "

static struct control_approval taken(const struct query *q)
{
    return (struct control_approval){
        .id = query_int(q, 0),
        .project_id = query_int(q, 1),
        .account_id = query_int(q, 2),
        .state = state_of(query_text(q, 3)),
        .persons = query_int(q, 4),
        .available_fen = query_int(q, 5),
        .account_code = query_text(q, 6),
        .account_name = query_text(q, 7),
        .detail = query_text(q, 8),
        .proposed_at = {query_int(q, 9)},
        .expires_at = {query_int(q, 10)},
        .approved_at = {query_int(q, 11)},
        .released_at = {query_int(q, 12)},
        .ended_at = {query_int(q, 13)},
        .approved_by = query_text(q, 14),
        .released_by = query_text(q, 15),
        .ended_by = query_text(q, 16),
        .reason = query_text(q, 17),
    };
}

enum err control_approval_list(struct store_tx *tx, const struct control_approval_query *w,
                               control_approval_each *each, void *arg)
{
    struct query q = query_open(
        tx,
        COLUMNS "WHERE ($1 = 0 OR c.project_id = $1) AND "
                "($2 = 0 OR c.state IN ('proposed', 'approved', 'released')) "
                "AND ($3 = 0 OR c.id < $3) ORDER BY c.id DESC LIMIT $4",
        "iiii", w->project_id, (int64_t)w->open, w->before, w->limit > 0 ? w->limit : INT64_C(-1));
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct control_approval a = taken(&q);
        e = each(arg, &a);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

struct proposal {
    int64_t project_id, account_id, persons;
    enum control_approval_state state;
    wall_s expires_at;
    char approved_by[64];
};

static enum err load(struct store_tx *tx, int64_t id, struct proposal *p)
{
    struct query q = query_open(tx, COLUMNS "WHERE c.id = $1", "i", id);
    bool found = query_step(&q);
    if (found) {
        struct control_approval a = taken(&q);
        *p = (struct proposal){a.project_id, a.account_id, a.persons, a.state, a.expires_at, ""};
        snprintf(p->approved_by, sizeof p->approved_by, "%s", a.approved_by);
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static bool is_person(const char *actor)
{
    return actor && strncmp(actor, "user:", 5) == 0 && actor[5] != '\0';
}

static enum err record(struct store_tx *tx, const struct proposal *p,
                       const struct control_verdict *v, enum journal_kind kind)
{
    char object[48];
    struct detail d = {};
    detail_int(&d, "account", p->account_id);
    detail_text(&d, "reason", v->reason ? v->reason : "");
    snprintf(object, sizeof object, "approval:%lld", (long long)v->id);
    TRY(journal_append(tx, &(struct journal_act){v->now, v->actor, journal_kind_name(kind), object,
                                                 detail_end(&d)}));
    return tell(
        tx,
        &(struct journal_event){
            .at = v->now, .kind = kind, .project_id = p->project_id, .account_id = p->account_id},
        v->id, v->actor, v->reason);
}

static enum err check_at_once(struct store_tx *tx, const struct proposal *p,
                              const struct control_verdict *v)
{
    if (!v->readings)
        return ERR_OK;
    return fee_decide_now(tx, &(struct control_fee){v->readings, p->account_id, v->now, v->random});
}

static enum err open_proposal(struct store_tx *tx, const struct control_verdict *v,
                              enum control_approval_state wanted, struct proposal *p)
{
    TRY(load(tx, v->id, p));
    if (!is_person(v->actor))
        return ERR_CONTROL_SECOND_PERSON;
    return p->state == wanted && v->now.s < p->expires_at.s ? ERR_OK : ERR_STATE;
}

enum err control_approve(struct store_tx *tx, const struct control_verdict *v)
{
    struct proposal p;
    TRY(open_proposal(tx, v, CONTROL_PROPOSED, &p));
    TRY(store_exec(tx,
                   "UPDATE cut_approval SET state = 'approved', approved_at = $2, "
                   "approved_by = $3 WHERE id = $1",
                   "iit", v->id, v->now.s, v->actor));
    TRY(record(tx, &p, v, EVENT_FEE_APPROVED));
    return check_at_once(tx, &p, v);
}

enum err control_release(struct store_tx *tx, const struct control_verdict *v)
{
    struct proposal p;
    TRY(open_proposal(tx, v, CONTROL_APPROVED, &p));
    if (p.persons < 2)
        return ERR_STATE;
    if (strcmp(p.approved_by, v->actor) == 0)
        return ERR_CONTROL_SECOND_PERSON;
    TRY(store_exec(tx,
                   "UPDATE cut_approval SET state = 'released', released_at = $2, "
                   "released_by = $3 WHERE id = $1",
                   "iit", v->id, v->now.s, v->actor));
    TRY(record(tx, &p, v, EVENT_FEE_RELEASED));
    return check_at_once(tx, &p, v);
}

enum err control_refuse(struct store_tx *tx, const struct control_verdict *v)
{
    struct proposal p;
    if (!v->reason || !*v->reason)
        return ERR_CONTROL_REASON;
    TRY(load(tx, v->id, &p));
    if (!is_person(v->actor))
        return ERR_CONTROL_SECOND_PERSON;
    if (p.state > CONTROL_RELEASED)
        return ERR_STATE;
    TRY(store_exec(tx,
                   "UPDATE cut_approval SET state = 'refused', ended_at = $2, ended_by = $3, "
                   "reason = $4 WHERE id = $1",
                   "iitt", v->id, v->now.s, v->actor, v->reason));
    struct control_turn t = control_turn_of(tx, v->now, v->actor, v->random);
    TRY(fee_cuts_withdraw(&t, p.account_id, "approval"));
    return record(tx, &p, v, EVENT_FEE_REFUSED);
}
