/* The mass-cut breaker for people: its state, who waits, and the word of two persons. */
#include "control/breaker.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "control/control_impl.h"

const char *breaker_state_name(enum breaker_state state)
{
    static const char *const names[] = {"closed", "tripped", "released"};
    MUST((unsigned)state < sizeof names / sizeof *names);
    return names[state];
}

static const char *const answers[] = {"asked", "granted", "refused", "lapsed"};

const char *breaker_answer_name(enum breaker_answer a)
{
    MUST((unsigned)a < sizeof answers / sizeof *answers);
    return answers[a];
}

static enum breaker_answer answer_of(const char *name)
{
    int a = BREAKER_ASKED;
    while (a < BREAKER_LAPSED && strcmp(answers[a], name) != 0)
        a++;
    return (enum breaker_answer)a;
}

/* --- its state -----------------------------------------------------------------------------------
 */

/* The meters that count, each with its last cut, and `skip` of the oldest passed over. */
static enum err nth_cut(struct store_tx *tx, int64_t project_id, wall_s now, int64_t skip,
                        wall_s *at)
{
    return store_int(tx, &at->s,
                     "SELECT max(c.at) AS last FROM (" CONTROL_DARK_SINCE ") AS c "
                     "JOIN meter m ON m.id = c.id WHERE m.project_id = $1 GROUP BY c.id "
                     "ORDER BY last LIMIT 1 OFFSET $3",
                     "iii", project_id, now.s - CONTROL_BREAKER_S, skip);
}

static enum err load_release(struct store_tx *tx, int64_t project_id, wall_s now, struct breaker *b)
{
    struct query q = query_open(tx, "SELECT released_until, actor " CONTROL_LET_THROUGH, "iii",
                                project_id, now.s, (int64_t)CONTROL_BREAKER_S);
    if (query_step(&q)) {
        b->state = BREAKER_RELEASED;
        b->released_until.s = query_int(&q, 0);
        snprintf(b->released_by, sizeof b->released_by, "%s", query_text(&q, 1));
    }
    return query_end(&q);
}

/* Decided, but nothing was switched off since. A cut on its way has an open wish. */
#define WAITING                                                                                    \
    "FROM fee_state f JOIN account a ON a.id = f.account_id WHERE a.project_id = $1 "              \
    "AND a.closed_at IS NULL AND (f.said LIKE 'cut %' OR f.said LIKE 'limit %') "                  \
    "AND NOT EXISTS (SELECT 1 FROM meter m JOIN relay r ON r.meter_id = m.id "                     \
    "WHERE m.account_id = a.id AND r.desired = 'open' AND r.changed_at >= f.decided_at) "

enum err breaker_look(struct store_tx *tx, int64_t project_id, wall_s now, struct breaker *b)
{
    *b = (struct breaker){};
    TRY(store_int(tx, &b->meters, "SELECT count(*) FROM meter WHERE project_id = $1", "i",
                  project_id));
    TRY(control_breaker_limit(tx, project_id, &b->limit));
    TRY(control_breaker_count(tx, project_id, 0, now, &b->cuts));
    TRY(load_release(tx, project_id, now, b));
    if (b->cuts < b->limit)
        return ERR_OK;
    TRY(nth_cut(tx, project_id, now, b->limit - 1, &b->since));
    TRY(nth_cut(tx, project_id, now, b->cuts - b->limit, &b->free_at));
    b->free_at.s += CONTROL_BREAKER_S;
    if (b->state == BREAKER_RELEASED)
        return ERR_OK;
    b->state = BREAKER_TRIPPED;
    return store_int(tx, &b->waiting, "SELECT count(*) " WAITING, "i", project_id);
}

enum err breaker_list(struct store_tx *tx, int64_t project_id, int64_t limit, breaker_each *each,
                      void *arg)
{
    struct query q = query_open(
        tx,
        "SELECT a.id, a.code, a.name, (SELECT p.code FROM place p WHERE p.id = a.place_id), "
        "f.said LIKE 'limit %', json_extract(f.decision, '$.available_fen') IS NOT NULL, "
        "coalesce(json_extract(f.decision, '$.available_fen'), 0), f.decided_at " WAITING
        "ORDER BY f.decided_at DESC, a.id LIMIT $2",
        "ii", project_id, limit);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = each(arg, &(struct breaker_waiting){.account_id = query_int(&q, 0),
                                                .code = query_text(&q, 1),
                                                .name = query_text(&q, 2),
                                                .place = query_text(&q, 3),
                                                .limits = query_int(&q, 4),
                                                .available_known = query_int(&q, 5),
                                                .available_fen = query_int(&q, 6),
                                                .decided_at = {query_int(&q, 7)}});
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* --- requests ------------------------------------------------------------------------------------
 */

#define COLUMNS                                                                                    \
    "SELECT id, state, cuts, limit_meters, waiting, asked_at, expires_at, coalesce(decided_at, "   \
    "0), "                                                                                         \
    "asked_by, coalesce(decided_by, ''), reason, answer FROM breaker_request WHERE project_id = "  \
    "$1 "

static enum err take(struct query *q, wall_s now, struct breaker_request *r)
{
    *r = (struct breaker_request){};
    if (query_step(q)) {
        *r = (struct breaker_request){.id = query_int(q, 0),
                                      .state = answer_of(query_text(q, 1)),
                                      .cuts = query_int(q, 2),
                                      .limit = query_int(q, 3),
                                      .waiting = query_int(q, 4),
                                      .asked_at = {query_int(q, 5)},
                                      .expires_at = {query_int(q, 6)},
                                      .decided_at = {query_int(q, 7)}};
        snprintf(r->asked_by, sizeof r->asked_by, "%s", query_text(q, 8));
        snprintf(r->decided_by, sizeof r->decided_by, "%s", query_text(q, 9));
        snprintf(r->reason, sizeof r->reason, "%s", query_text(q, 10));
        snprintf(r->answer, sizeof r->answer, "%s", query_text(q, 11));
        if (r->state == BREAKER_ASKED && r->expires_at.s <= now.s)
            r->state = BREAKER_LAPSED;
    }
    return query_end(q);
}

enum err breaker_request(struct store_tx *tx, int64_t project_id, wall_s now,
                         struct breaker_request *out)
{
    struct query q = query_open(tx, COLUMNS "ORDER BY id DESC LIMIT 1", "i", project_id);
    return take(&q, now, out);
}

static enum err check_word(const struct breaker_word *w)
{
    if (!w->actor || strncmp(w->actor, "user:", 5) != 0 || w->actor[5] == '\0')
        return ERR_CONTROL_SECOND_PERSON;
    return w->reason && *w->reason ? ERR_OK : ERR_CONTROL_REASON;
}

static const char *words_of(const struct breaker_word *w, const struct breaker_request *r,
                            struct detail *d)
{
    detail_int(d, "request", r->id);
    detail_text(d, "actor", w->actor);
    detail_text(d, "asked_by", r->asked_by);
    detail_int(d, "cuts", r->cuts);
    detail_int(d, "limit", r->limit);
    detail_int(d, "waiting", r->waiting);
    detail_text(d, "reason", w->reason);
    return detail_end(d);
}

static enum err record(struct store_tx *tx, const struct breaker_word *w, const char *action,
                       const char *json)
{
    char object[64];
    snprintf(object, sizeof object, "project:%lld", (long long)w->project_id);
    return journal_append(tx, &(struct journal_act){w->now, w->actor, action, object, json});
}

static enum err record_and_tell(struct store_tx *tx, const struct breaker_word *w,
                                enum journal_kind kind, const struct breaker_request *r)
{
    struct detail d = {};
    const char *json = words_of(w, r, &d);
    TRY(record(tx, w, journal_kind_name(kind), json));
    return journal_event(
        tx, &(struct journal_event){
                .at = w->now, .kind = kind, .project_id = w->project_id, .detail = json});
}

static enum err tripped(struct store_tx *tx, const struct breaker_word *w, struct breaker *b)
{
    TRY(breaker_look(tx, w->project_id, w->now, b));
    return b->state == BREAKER_TRIPPED ? ERR_OK : ERR_CONTROL_NOT_TRIPPED;
}

enum err breaker_ask(struct store_tx *tx, const struct breaker_word *w)
{
    struct breaker b;
    struct breaker_request r;
    TRY(check_word(w));
    TRY(tripped(tx, w, &b));
    TRY(breaker_request(tx, w->project_id, w->now, &r));
    if (r.id != 0 && r.state == BREAKER_ASKED)
        return ERR_CONTROL_ASKED;
    if (r.state == BREAKER_LAPSED)
        TRY(store_exec(tx, "UPDATE breaker_request SET state = 'lapsed' WHERE id = $1", "i", r.id));
    r = (struct breaker_request){.cuts = b.cuts, .limit = b.limit, .waiting = b.waiting};
    TRY(store_next_id(tx, "breaker_request", &r.id));
    TRY(store_exec(
        tx,
        "INSERT INTO breaker_request (id, project_id, state, cuts, limit_meters, waiting, "
        "asked_at, expires_at, asked_by, reason) "
        "VALUES ($1, $2, 'asked', $3, $4, $5, $6, $7, $8, $9)",
        "iiiiiiitt", r.id, w->project_id, r.cuts, r.limit, r.waiting, w->now.s,
        w->now.s + BREAKER_ASK_S, w->actor, w->reason));
    snprintf(r.asked_by, sizeof r.asked_by, "%s", w->actor);
    return record_and_tell(tx, w, EVENT_BREAKER_ASKED, &r);
}

static enum err open_request(struct store_tx *tx, const struct breaker_word *w,
                             struct breaker_request *r)
{
    TRY(check_word(w));
    struct query q = query_open(tx, COLUMNS "AND id = $2", "ii", w->project_id, w->id);
    TRY(take(&q, w->now, r));
    if (r->id == 0)
        return ERR_NOT_FOUND;
    return r->state == BREAKER_ASKED ? ERR_OK : ERR_STATE;
}

static enum err answer(struct store_tx *tx, const struct breaker_word *w, enum breaker_answer said)
{
    return store_exec(tx,
                      "UPDATE breaker_request SET state = $2, decided_at = $3, decided_by = $4, "
                      "answer = $5 WHERE id = $1",
                      "ititt", w->id, answers[said], w->now.s, w->actor, w->reason);
}

enum err breaker_grant(struct store_tx *tx, const struct breaker_word *w)
{
    struct breaker b;
    struct breaker_request r;
    struct detail d = {};
    TRY(open_request(tx, w, &r));
    if (strcmp(r.asked_by, w->actor) == 0)
        return ERR_CONTROL_SECOND_PERSON;
    TRY(tripped(tx, w, &b));
    TRY(answer(tx, w, BREAKER_GRANTED));
    r.cuts = b.cuts; /* as they are now */
    r.limit = b.limit;
    r.waiting = b.waiting;
    TRY(record(tx, w, "breaker.grant", words_of(w, &r, &d)));
    return control_breaker_release(tx, w->project_id, w->actor, w->now);
}

enum err breaker_refuse(struct store_tx *tx, const struct breaker_word *w)
{
    struct breaker_request r;
    TRY(open_request(tx, w, &r));
    TRY(answer(tx, w, BREAKER_REFUSED));
    return record_and_tell(tx, w, EVENT_BREAKER_REFUSED, &r);
}

/* --- for the loop --------------------------------------------------------------------------------
 */

enum err control_breaker_wake(struct store_tx *tx, int64_t project_id, wall_s now)
{
    return store_exec(
        tx, "UPDATE fee_state SET due_at = $2 WHERE account_id IN (SELECT a.id " WAITING ")", "ii",
        project_id, now.s);
}

enum err control_breaker_stopped(struct store_tx *tx, int64_t project_id, wall_s now)
{
    struct detail d = {};
    int64_t told_s = 0, cuts, limit;
    enum err e = store_int(tx, &told_s, "SELECT told_at FROM control_breaker WHERE project_id = $1",
                           "i", project_id);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_OK && told_s > now.s - CONTROL_BREAKER_S)
        return ERR_OK;
    TRY(control_breaker_limit(tx, project_id, &limit));
    TRY(control_breaker_count(tx, project_id, 0, now, &cuts));
    TRY(store_exec(tx,
                   "INSERT INTO control_breaker (project_id, released_until, actor, told_at) "
                   "VALUES ($1, 0, 'system', $2) ON CONFLICT (project_id) DO UPDATE SET "
                   "told_at = excluded.told_at",
                   "ii", project_id, now.s));
    detail_int(&d, "cuts", cuts);
    detail_int(&d, "limit", limit);
    detail_int(&d, "minutes", CONTROL_BREAKER_S / 60);
    return journal_event(tx, &(struct journal_event){.at = now,
                                                     .kind = EVENT_BREAKER_TRIPPED,
                                                     .project_id = project_id,
                                                     .detail = detail_end(&d)});
}
