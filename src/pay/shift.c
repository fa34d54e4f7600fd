#include "pay/shift.h"

#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "pay/shift_impl.h"

static const char *const state_names[SHIFT_STATE_COUNT] = {
    [SHIFT_OPEN] = "open", [SHIFT_COUNTED] = "counted", [SHIFT_CLOSED] = "closed"};

const char *shift_state_name(enum shift_state s)
{
    MUST((unsigned)s < SHIFT_STATE_COUNT);
    return state_names[s];
}

/* --- what a project wants ------------------------------------------------------------------ */

enum err shift_policy_get(struct store_tx *tx, int64_t project_id, struct shift_policy *out)
{
    struct query q = query_open(tx,
                                "SELECT need_shift, fee_permyriad, share_to = 'energy' "
                                "FROM cash_policy WHERE project_id = $1",
                                "i", project_id);
    *out = (struct shift_policy){};
    if (query_step(&q))
        *out =
            (struct shift_policy){query_int(&q, 0) != 0, query_int(&q, 1), query_int(&q, 2) != 0};
    return query_end(&q);
}

enum err shift_policy_set(struct store_tx *tx, const struct shift_person *by,
                          const struct shift_policy *policy)
{
    struct detail d = {};
    if (policy->fee_permyriad < 0 || policy->fee_permyriad > SHIFT_FEE_MAX_PERMYRIAD)
        return ERR_RANGE;
    TRY(store_exec(tx,
                   "INSERT INTO cash_policy (project_id, need_shift, fee_permyriad, share_to, "
                   "changed_at, actor) VALUES ($1, $2, $3, $4, $5, $6) "
                   "ON CONFLICT (project_id) DO UPDATE SET need_shift = excluded.need_shift, "
                   "fee_permyriad = excluded.fee_permyriad, share_to = excluded.share_to, "
                   "changed_at = excluded.changed_at, actor = excluded.actor",
                   "iiitit", by->project_id, (int64_t)policy->need_shift, policy->fee_permyriad,
                   policy->share_as_energy ? "energy" : "services", by->now.s, by->actor));
    detail_bool(&d, "need_shift", policy->need_shift);
    detail_int(&d, "fee_permyriad", policy->fee_permyriad);
    detail_bool(&d, "share_as_energy", policy->share_as_energy);
    return shift_audit(
        tx, &(struct shift_act){by->actor, "cash.policy", "project", by->project_id, by->now}, &d);
}

/* --- reading shifts ------------------------------------------------------------------------ */

/* The sums come from the entries each time: nothing is kept twice. */
#define SHIFT_COLUMNS                                                                              \
    "s.id, s.project_id, s.cashier, s.state, s.float_fen, s.opened_at, s.counted_at, "             \
    "s.counted_fen, s.expected_fen, s.closed_at, s.closed_by, s.note, "                            \
    "(SELECT count(*) FROM cash_entry e WHERE e.shift_id = s.id), "                                \
    "(SELECT coalesce(sum(e.amount_fen), 0) FROM cash_entry e "                                    \
    " WHERE e.shift_id = s.id AND e.amount_fen > 0), "                                             \
    "(SELECT coalesce(-sum(e.amount_fen), 0) FROM cash_entry e "                                   \
    " WHERE e.shift_id = s.id AND e.amount_fen < 0)"

static enum shift_state state_of(const char *name)
{
    enum shift_state s = SHIFT_OPEN;
    while (s < SHIFT_CLOSED && strcmp(state_names[s], name) != 0)
        s++;
    return s;
}

static struct shift read_shift(const struct query *q)
{
    struct shift s = {.id = query_int(q, 0),
                      .project_id = query_int(q, 1),
                      .state = state_of(query_text(q, 3)),
                      .float_fen = query_int(q, 4),
                      .opened_at = {query_int(q, 5)},
                      .counted_at = {query_int(q, 6)},
                      .counted_fen = query_int(q, 7),
                      .expected_fen = query_int(q, 8),
                      .closed_at = {query_int(q, 9)},
                      .entries = query_int(q, 12),
                      .in_fen = query_int(q, 13),
                      .out_fen = query_int(q, 14)};
    shift_copy(s.cashier, sizeof s.cashier, query_text(q, 2));
    shift_copy(s.closed_by, sizeof s.closed_by, query_text(q, 10));
    shift_copy(s.note, sizeof s.note, query_text(q, 11));
    return s;
}

static enum err take_one(struct query q, enum err absent, struct shift *out)
{
    bool found = query_step(&q);
    if (found)
        *out = read_shift(&q);
    TRY(query_end(&q));
    return found ? ERR_OK : absent;
}

static enum err load(struct store_tx *tx, int64_t project_id, int64_t id, struct shift *out)
{
    return take_one(query_open(tx,
                               "SELECT " SHIFT_COLUMNS
                               " FROM cash_shift s WHERE s.id = $1 AND s.project_id = $2",
                               "ii", id, project_id),
                    ERR_NOT_FOUND, out);
}

enum err shift_mine(struct store_tx *tx, int64_t project_id, const char *actor, struct shift *out)
{
    return take_one(query_open(tx,
                               "SELECT " SHIFT_COLUMNS " FROM cash_shift s WHERE s.project_id = $1 "
                               "AND s.cashier = $2 AND s.state = 'open'",
                               "it", project_id, actor),
                    ERR_SHIFT_NONE, out);
}

enum err shift_list(struct store_tx *tx, int64_t project_id, int64_t before, int64_t limit,
                    shift_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q =
        query_open(tx,
                   "SELECT " SHIFT_COLUMNS " FROM cash_shift s WHERE s.project_id = $1 "
                   "AND ($2 = 0 OR s.id < $2) ORDER BY s.id DESC LIMIT $3",
                   "iii", project_id, before, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct shift s = read_shift(&q);
        e = each(arg, &s);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

/* --- the steps of a shift ------------------------------------------------------------------ */

enum err shift_open(struct store_tx *tx, const struct shift_person *by, int64_t float_fen,
                    struct shift *out)
{
    int64_t id;
    struct detail d = {};
    if (float_fen < 0 || float_fen > SHIFT_FLOAT_MAX_FEN)
        return ERR_RANGE;
    enum err e = shift_mine(tx, by->project_id, by->actor, out);
    if (e != ERR_SHIFT_NONE)
        return e == ERR_OK ? ERR_SHIFT_OPEN : e;
    TRY(store_next_id(tx, "cash_shift", &id));
    TRY(store_exec(tx,
                   "INSERT INTO cash_shift (id, project_id, cashier, state, float_fen, opened_at) "
                   "VALUES ($1, $2, $3, 'open', $4, $5)",
                   "iitii", id, by->project_id, by->actor, float_fen, by->now.s));
    detail_int(&d, "project", by->project_id);
    detail_int(&d, "float_fen", float_fen);
    TRY(shift_audit(tx, &(struct shift_act){by->actor, "shift.open", "shift", id, by->now}, &d));
    return load(tx, by->project_id, id, out);
}

enum err shift_count(struct store_tx *tx, const struct shift_person *by, int64_t counted_fen,
                     struct shift *out)
{
    struct shift s;
    struct detail d = {};
    if (counted_fen < 0 || counted_fen > SHIFT_COUNT_MAX_FEN)
        return ERR_RANGE;
    TRY(shift_mine(tx, by->project_id, by->actor, &s));
    int64_t expected_fen = s.float_fen + s.in_fen - s.out_fen;
    TRY(store_exec(tx,
                   "UPDATE cash_shift SET state = 'counted', counted_at = max($2, opened_at, "
                   "coalesce((SELECT max(at) FROM cash_entry WHERE shift_id = $1), 0)), "
                   "counted_fen = $3, expected_fen = $4 WHERE id = $1",
                   "iiii", s.id, by->now.s, counted_fen, expected_fen));
    detail_int(&d, "counted_fen", counted_fen);
    detail_int(&d, "expected_fen", expected_fen);
    TRY(shift_audit(tx, &(struct shift_act){by->actor, "shift.count", "shift", s.id, by->now}, &d));
    return load(tx, by->project_id, s.id, out);
}

static enum err tell_difference(struct store_tx *tx, const struct shift *s, wall_s now)
{
    struct detail d = {};
    if (s->counted_fen == s->expected_fen)
        return ERR_OK;
    detail_int(&d, "shift", s->id);
    detail_int(&d, "difference_fen", s->counted_fen - s->expected_fen);
    return journal_event(tx, &(struct journal_event){.at = now,
                                                     .kind = EVENT_SHIFT_DIFFERS,
                                                     .project_id = s->project_id,
                                                     .detail = detail_end(&d)});
}

enum err shift_close(struct store_tx *tx, const struct shift_person *by, int64_t id,
                     const char *note, struct shift *out)
{
    struct shift s;
    struct detail d = {};
    TRY(load(tx, by->project_id, id, &s));
    if (s.state != SHIFT_COUNTED)
        return ERR_SHIFT_STATE;
    if (strcmp(s.cashier, by->actor) == 0)
        return ERR_SHIFT_PERSON;
    if (s.counted_fen != s.expected_fen && !note[0])
        return ERR_SHIFT_NOTE;
    if (strlen(note) > SHIFT_NOTE_MAX)
        return ERR_RANGE;
    TRY(store_exec(tx,
                   "UPDATE cash_shift SET state = 'closed', closed_at = $2, closed_by = $3, "
                   "note = $4 WHERE id = $1",
                   "iitt", id, by->now.s, by->actor, note));
    detail_int(&d, "difference_fen", s.counted_fen - s.expected_fen);
    detail_text(&d, "note", note);
    TRY(shift_audit(tx, &(struct shift_act){by->actor, "shift.close", "shift", id, by->now}, &d));
    TRY(tell_difference(tx, &s, by->now));
    return load(tx, by->project_id, id, out);
}
