/* Deciding about a run, and looking at it. */
#include "pay/run.h"

#include <string.h>

#include "pay/run_impl.h"

enum err run_load(struct store_tx *tx, const struct run_verdict *v, struct run_standing *s)
{
    struct query q = query_open(tx,
                                "SELECT " RUN_STATE ", asked_by, approved_by, state = 'reversing' "
                                "FROM money_run WHERE id = $1 AND project_id = $2",
                                "ii", v->run_id, v->project_id);
    bool found = query_step(&q);
    if (found) {
        shift_copy(s->state, sizeof s->state, query_text(&q, 0));
        shift_copy(s->asked_by, sizeof s->asked_by, query_text(&q, 1));
        shift_copy(s->approved_by, sizeof s->approved_by, query_text(&q, 2));
        s->reversing = query_int(&q, 3) != 0;
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

enum err run_audit(struct store_tx *tx, const struct run_verdict *v, const char *action)
{
    struct detail d = {};
    detail_text(&d, "note", v->note);
    return shift_audit(tx, &(struct shift_act){v->actor, action, "run", v->run_id, v->now}, &d);
}

enum err run_approve(struct store_tx *tx, const struct run_verdict *v)
{
    struct run_standing s;
    TRY(run_load(tx, v, &s));
    if (strcmp(s.state, "proposed") != 0)
        return ERR_RUN_STATE;
    if (strcmp(s.asked_by, v->actor) == 0)
        return ERR_SHIFT_PERSON;
    TRY(store_exec(tx,
                   "UPDATE money_run SET state = 'running', approved_at = $2, approved_by = $3 "
                   "WHERE id = $1",
                   "iit", v->run_id, v->now.s, v->actor));
    return run_audit(tx, v, "run.approve");
}

enum err run_reject(struct store_tx *tx, const struct run_verdict *v)
{
    struct run_standing s;
    TRY(run_load(tx, v, &s));
    if (strcmp(s.state, "proposed") != 0)
        return ERR_RUN_STATE;
    TRY(store_exec(tx,
                   "UPDATE money_run SET state = 'rejected', ended_at = $2, note = $3 "
                   "WHERE id = $1",
                   "iit", v->run_id, v->now.s, v->note));
    return run_audit(tx, v, "run.reject");
}

enum err run_reverse(struct store_tx *tx, const struct run_verdict *v)
{
    struct run_standing s;
    TRY(run_load(tx, v, &s));
    if (strcmp(s.state, "done") != 0)
        return ERR_RUN_STATE;
    if (strcmp(s.approved_by, v->actor) == 0)
        return ERR_SHIFT_PERSON;
    if (!v->note[0] || strlen(v->note) > RUN_NOTE_MAX)
        return ERR_RUN_REASON;
    TRY(store_exec(tx,
                   "UPDATE money_run SET state = 'reversing', cursor = 0, done = 0, done_fen = 0, "
                   "failed = 0, ended_at = NULL, given_up_at = NULL, given_up_by = NULL, "
                   "reversed_at = $2, reversed_by = $3, note = $4 "
                   "WHERE id = $1",
                   "iitt", v->run_id, v->now.s, v->actor, v->note));
    return run_audit(tx, v, "run.reverse");
}

/* --- looking ------------------------------------------------------------------------------- */

enum err run_list(struct store_tx *tx, int64_t project_id, int64_t before, int64_t limit,
                  run_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        "SELECT id, kind, code, period, title, " RUN_STATE
        ", method, booking, lines, total_fen, done, "
        "done_fen, failed, expires_at, asked_at, approved_at, reversed_at, ended_at, asked_by, "
        "approved_by, reversed_by, note, evidence, stopped_at, stopped_by, stop_reason, "
        "given_up_at, given_up_by FROM money_run "
        "WHERE project_id = $1 AND ($2 = 0 OR id < $2) ORDER BY id DESC LIMIT $3",
        "iii", project_id, before, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct run r = {.id = query_int(&q, 0),
                        .project_id = project_id,
                        .kind = query_text(&q, 1),
                        .code = query_text(&q, 2),
                        .period = query_text(&q, 3),
                        .title = query_text(&q, 4),
                        .state = query_text(&q, 5),
                        .method = query_text(&q, 6),
                        .booking = query_text(&q, 7),
                        .lines = query_int(&q, 8),
                        .total_fen = query_int(&q, 9),
                        .done = query_int(&q, 10),
                        .done_fen = query_int(&q, 11),
                        .failed = query_int(&q, 12),
                        .expires_at = {query_int(&q, 13)},
                        .asked_at = {query_int(&q, 14)},
                        .approved_at = {query_int(&q, 15)},
                        .reversed_at = {query_int(&q, 16)},
                        .ended_at = {query_int(&q, 17)},
                        .asked_by = query_text(&q, 18),
                        .approved_by = query_text(&q, 19),
                        .reversed_by = query_text(&q, 20),
                        .note = query_text(&q, 21),
                        .evidence = query_text(&q, 22),
                        .stopped_at = {query_int(&q, 23)},
                        .stopped_by = query_text(&q, 24),
                        .stop_reason = query_text(&q, 25),
                        .given_up_at = {query_int(&q, 26)},
                        .given_up_by = query_text(&q, 27)};
        e = each(arg, &r);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

enum err run_lines(struct store_tx *tx, const struct run_page *page, run_line_each *each, void *arg)
{
    enum err e = ERR_OK;
    int64_t there;
    TRY(store_int(tx, &there, "SELECT 1 FROM money_run WHERE id = $1 AND project_id = $2", "ii",
                  page->run_id, page->project_id));
    struct query q = query_open(
        tx,
        "SELECT l.account_id, a.code, a.name, l.error, l.weight, l.amount_fen, l.taken_back_fen, "
        "l.posted, coalesce((SELECT " METER_WAITS " FROM free_grant g WHERE "
        "g.account_id = l.account_id AND g.run_id = l.run_id AND g.ended_at IS NULL "
        "AND g.expires_at <= $4), '') FROM money_run_line l JOIN account a ON a.id = l.account_id "
        "WHERE l.run_id = $1 AND l.account_id > $2 ORDER BY l.account_id LIMIT $3",
        "iiii", page->run_id, page->after, page->limit, page->now.s);
    while (e == ERR_OK && query_step(&q)) {
        struct run_line line = {.account_id = query_int(&q, 0),
                                .account_code = query_text(&q, 1),
                                .account_name = query_text(&q, 2),
                                .error = query_text(&q, 3),
                                .weight = query_int(&q, 4),
                                .amount_fen = query_int(&q, 5),
                                .taken_back_fen = query_int(&q, 6),
                                .posted = query_int(&q, 7) != 0,
                                .waits = query_text(&q, 8)};
        e = each(arg, &line);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}
