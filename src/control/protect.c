#include "control/protect.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "control/away_impl.h"
#include "control/control_impl.h"

static const char *const scope_names[CONTROL_SCOPE_COUNT] = {[CONTROL_SCOPE_PROJECT] = "project",
                                                             [CONTROL_SCOPE_PLACE] = "place",
                                                             [CONTROL_SCOPE_ACCOUNT] = "account",
                                                             [CONTROL_SCOPE_METER] = "meter"};

const char *control_scope_name(enum control_scope scope)
{
    MUST((unsigned)scope < CONTROL_SCOPE_COUNT);
    return scope_names[scope];
}

enum control_scope control_scope_of(const char *name)
{
    int s = 0;
    while (s < CONTROL_SCOPE_COUNT && strcmp(scope_names[s], name) != 0)
        s++;
    return (enum control_scope)s;
}

/* Does entry p cover account a? Its place and those of its meters count with all above them, and
 * every meter of the account. */
#define COVERS                                                                                     \
    "p.project_id = a.project_id AND (p.scope = 'project' "                                        \
    "OR (p.scope = 'account' AND p.object_id = a.id) "                                             \
    "OR (p.scope = 'meter' AND EXISTS (SELECT 1 FROM meter m WHERE m.id = p.object_id "            \
    "AND m.account_id = a.id)) "                                                                   \
    "OR (p.scope = 'place' AND p.object_id IN (WITH RECURSIVE up(id) AS (SELECT a.place_id "       \
    "UNION SELECT m.place_id FROM meter m WHERE m.account_id = a.id UNION SELECT q.parent_id "     \
    "FROM place q JOIN up ON q.id = up.id WHERE q.parent_id IS NOT "                               \
    "NULL) SELECT id FROM up)))"

enum err control_protected(struct store_tx *tx, int64_t account_id, wall_s at, uint32_t *kinds)
{
    struct query q = query_open(
        tx,
        "SELECT DISTINCT p.kind FROM account a JOIN protection p ON " COVERS
        " WHERE a.id = $1 AND p.from_at <= $2 AND (p.until_at IS NULL OR p.until_at > $2) "
        "AND (p.lifted_at IS NULL OR p.lifted_at > $2) AND p.entered_at <= $2",
        "ii", account_id, at.s);
    *kinds = 0;
    while (query_step(&q)) {
        enum strategy_protection k = strategy_protection_of(query_text(&q, 0));
        *kinds |= k < STRATEGY_PROTECTION_COUNT ? STRATEGY_PROTECTED(k) : 0;
    }
    return query_end(&q);
}

enum err control_protect_next(struct store_tx *tx, int64_t account_id, wall_s at, wall_s until,
                              wall_s *next)
{
    return store_int(tx, &next->s,
                     "SELECT coalesce(min(p.from_at), $3) FROM account a JOIN protection p "
                     "ON " COVERS " WHERE a.id = $1 AND p.from_at > $2 AND p.from_at < $3 "
                     "AND p.lifted_at IS NULL",
                     "iii", account_id, at.s, until.s);
}

/* --- entering ------------------------------------------------------------------------------------
 */

static enum err find_project(struct store_tx *tx, const struct control_protection *p,
                             int64_t *project_id)
{
    switch (p->scope) {
    case CONTROL_SCOPE_PROJECT:
        return store_int(tx, project_id, "SELECT id FROM project WHERE id = $1", "i", p->object_id);
    case CONTROL_SCOPE_PLACE:
        return store_int(tx, project_id, "SELECT project_id FROM place WHERE id = $1", "i",
                         p->object_id);
    case CONTROL_SCOPE_ACCOUNT:
        return store_int(tx, project_id, "SELECT project_id FROM account WHERE id = $1", "i",
                         p->object_id);
    case CONTROL_SCOPE_METER:
        return store_int(tx, project_id, "SELECT project_id FROM meter WHERE id = $1", "i",
                         p->object_id);
    default:
        return ERR_NOT_FOUND;
    }
}

static enum err record(struct store_tx *tx, const struct control_protection *p, const char *action,
                       const struct control_lift *lift)
{
    char object[64];
    struct detail d = {};
    detail_text(&d, "scope", scope_names[p->scope]);
    detail_int(&d, "object", p->object_id);
    detail_text(&d, "kind", strategy_protection_name(p->kind));
    detail_int(&d, "from", p->from.s);
    detail_int(&d, "until", p->until.s);
    detail_text(&d, "reason", lift ? lift->reason : p->reason);
    snprintf(object, sizeof object, "protection:%lld", (long long)p->id);
    wall_s now = lift ? lift->now : p->now;
    TRY(journal_append(tx, &(struct journal_act){now, lift ? lift->actor : p->actor, action, object,
                                                 detail_end(&d)}));
    return journal_event(tx, &(struct journal_event){
                                 .at = now,
                                 .kind = lift ? EVENT_PROTECT_LIFTED : EVENT_PROTECT_ADDED,
                                 .project_id = p->project_id,
                                 .account_id = p->scope == CONTROL_SCOPE_ACCOUNT ? p->object_id : 0,
                                 .meter_id = p->scope == CONTROL_SCOPE_METER ? p->object_id : 0,
                                 .detail = d.text});
}

struct pending {
    int64_t meter_id, circuit;
};
#define PENDING_AT_ONCE 64

/* On their way as it begins. */
static enum err pending_cuts(struct store_tx *tx, const struct control_protection *p,
                             struct pending rows[PENDING_AT_ONCE], size_t *count)
{
    struct query q =
        query_open(tx,
                   "SELECT r.meter_id, r.circuit FROM protection p JOIN account a ON " COVERS
                   " JOIN meter mm ON mm.account_id = a.id JOIN relay r ON r.meter_id = mm.id "
                   "WHERE p.id = $1 AND r.desired = 'open' AND r.reason = 'arrears' "
                   "AND r.next_at IS NOT NULL AND (p.from_at <= $3 OR p.from_at <= r.not_after) "
                   "LIMIT $2",
                   "iii", p->id, (int64_t)PENDING_AT_ONCE, p->now.s);
    for (*count = 0; query_step(&q); (*count)++)
        rows[*count] = (struct pending){query_int(&q, 0), query_int(&q, 1)};
    return query_end(&q);
}

/* Each wish takes its relay out of the list. */
static enum err withdraw_pending(struct store_tx *tx, const struct control_protection *p,
                                 uint64_t random)
{
    struct pending rows[PENDING_AT_ONCE];
    struct rand_stream ids = {random};
    size_t count = 1;
    while (count > 0) {
        TRY(pending_cuts(tx, p, rows, &count));
        for (size_t i = 0; i < count; i++)
            TRY(control_wish(tx,
                             &(struct control_wish){.meter_id = rows[i].meter_id,
                                                    .circuit = rows[i].circuit,
                                                    .desired = CONTROL_CLOSED,
                                                    .reason = "protection",
                                                    .actor = p->actor,
                                                    .now = p->now,
                                                    .random = rand_u64(&ids)},
                             NULL));
    }
    return ERR_OK;
}

static enum err covered_permission(struct store_tx *tx, const struct control_protection *p,
                                   int64_t *account_id)
{
    enum err e = store_int(tx, account_id,
                           "SELECT w.account_id FROM protection p JOIN account a ON " COVERS
                           " JOIN away w ON w.account_id = a.id WHERE p.id = $1 "
                           "AND w.state = 'live' AND w.valid_until > $2 LIMIT 1",
                           "ii", p->id, p->from.s);
    if (e == ERR_NOT_FOUND)
        *account_id = 0;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* What a gateway may do by itself ends too; the next check allows it up to the protection. */
static enum err end_permissions(struct store_tx *tx, const struct control_protection *p,
                                uint64_t random)
{
    struct control_turn t = control_turn_of(tx, p->now, p->actor, ~random);
    int64_t account_id = 0;
    do {
        TRY(covered_permission(tx, p, &account_id));
        if (account_id != 0)
            TRY(control_away_end(&t, account_id, "protection"));
    } while (account_id != 0);
    return ERR_OK;
}

enum err control_protect_add(struct store_tx *tx, struct control_protection *p, uint64_t random)
{
    if (!p->reason || !*p->reason)
        return ERR_CONTROL_REASON;
    if ((unsigned)p->kind >= STRATEGY_PROTECTION_COUNT ||
        (p->until.s != 0 && (p->until.s <= p->from.s || p->until.s <= p->now.s)))
        return ERR_RANGE;
    TRY(find_project(tx, p, &p->project_id));
    TRY(store_next_id(tx, "protection", &p->id));
    TRY(store_exec(tx,
                   "INSERT INTO protection (id, project_id, scope, object_id, kind, from_at, "
                   "until_at, reason, actor, entered_at) "
                   "VALUES ($1, $2, $3, $4, $5, $6, nullif($7, 0), $8, $9, $10)",
                   "iititiitti", p->id, p->project_id, scope_names[p->scope], p->object_id,
                   strategy_protection_name(p->kind), p->from.s, p->until.s, p->reason, p->actor,
                   p->now.s));
    TRY(record(tx, p, "protect.add", NULL));
    TRY(end_permissions(tx, p, random));
    return withdraw_pending(tx, p, random);
}

/* --- lists ---------------------------------------------------------------------------------------
 */

#define COLUMNS                                                                                    \
    "SELECT p.id, p.project_id, p.scope, p.object_id, p.kind, p.from_at, p.until_at, p.reason, "   \
    "p.actor, p.entered_at, p.lifted_at, p.lifted_by, p.lift_reason FROM protection p "

static struct control_protection taken(const struct query *q)
{
    return (struct control_protection){
        .id = query_int(q, 0),
        .project_id = query_int(q, 1),
        .scope = control_scope_of(query_text(q, 2)),
        .object_id = query_int(q, 3),
        .kind = strategy_protection_of(query_text(q, 4)),
        .from = {query_int(q, 5)},
        .until = {query_int(q, 6)},
        .reason = query_text(q, 7),
        .actor = query_text(q, 8),
        .now = {query_int(q, 9)},
        .lifted_at = {query_int(q, 10)},
        .lifted_by = query_text(q, 11),
        .lift_reason = query_text(q, 12),
    };
}

enum err control_protect_list(struct store_tx *tx, const struct control_protect_query *w,
                              control_protect_each *each, void *arg)
{
    struct query q = query_open(
        tx,
        COLUMNS
        "WHERE ($1 = 0 OR p.project_id = $1) AND ($2 = 0 OR EXISTS (SELECT 1 FROM account a "
        "WHERE a.id = $2 AND " COVERS ")) AND ($3 = 0 OR (p.from_at <= $3 AND "
        "(p.until_at IS NULL OR p.until_at > $3) AND (p.lifted_at IS NULL OR p.lifted_at > $3))) "
        "AND ($4 = 0 OR p.id < $4) ORDER BY p.id DESC LIMIT $5",
        "iiiii", w->project_id, w->account_id, w->at.s, w->before,
        w->limit > 0 ? w->limit : INT64_C(-1));
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct control_protection p = taken(&q);
        e = each(arg, &p);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

enum err control_protect_lift(struct store_tx *tx, const struct control_lift *lift)
{
    struct control_protection p = {};
    if (!lift->reason || !*lift->reason)
        return ERR_CONTROL_REASON;
    struct query q = query_open(tx, COLUMNS "WHERE p.id = $1", "i", lift->id);
    bool found = query_step(&q);
    if (found)
        p = taken(&q);
    p.reason = p.actor = p.lifted_by = p.lift_reason = NULL; /* they end with the query */
    TRY(query_end(&q));
    if (!found)
        return ERR_NOT_FOUND;
    if (p.lifted_at.s != 0)
        return ERR_STATE;
    TRY(store_exec(tx,
                   "UPDATE protection SET lifted_at = $2, lifted_by = $3, lift_reason = $4 "
                   "WHERE id = $1",
                   "iitt", lift->id, lift->now.s, lift->actor, lift->reason));
    return record(tx, &p, "protect.lift", lift);
}
