/* Posting a run, and taking it back: a bounded number of lines a transaction. */
#include <string.h>

#include "base/must.h"
#include "journal/aside.h"
#include "pay/run_impl.h"

static enum err find_run(struct store_tx *tx, wall_s now, struct run_head *r)
{
    struct query q = query_open(
        tx,
        "SELECT id, project_id, cursor, lines, done, done_fen, failed, kind = 'share', "
        "booking = 'energy', state = 'reversing', expires_at, title, approved_by, reversed_by "
        "FROM money_run r WHERE state IN ('running', 'reversing') AND stopped_at IS NULL "
        "AND NOT EXISTS (SELECT 1 "
        "FROM aside s WHERE s.work = 'run' AND s.id = r.id AND s.again_at > $1) "
        "ORDER BY id LIMIT 1",
        "i", now.s);
    bool found = query_step(&q);
    if (found) {
        *r = (struct run_head){.id = query_int(&q, 0),
                               .project_id = query_int(&q, 1),
                               .cursor = query_int(&q, 2),
                               .lines = query_int(&q, 3),
                               .done = query_int(&q, 4),
                               .done_fen = query_int(&q, 5),
                               .failed = query_int(&q, 6),
                               .share = query_int(&q, 7) != 0,
                               .as_energy = query_int(&q, 8) != 0,
                               .reversing = query_int(&q, 9) != 0,
                               .expires_at = {query_int(&q, 10)}};
        shift_copy(r->title, sizeof r->title, query_text(&q, 11));
        shift_copy(r->approved_by, sizeof r->approved_by, query_text(&q, 12));
        shift_copy(r->reversed_by, sizeof r->reversed_by, query_text(&q, 13));
    }
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err load_items(struct store_tx *tx, const struct run_head *r, int64_t limit,
                           struct run_item *items, size_t *count)
{
    struct query q = query_open(tx,
                                "SELECT account_id, weight, amount_fen, taken_back_fen, posted "
                                "FROM money_run_line WHERE run_id = $1 AND account_id > $2 "
                                "ORDER BY account_id LIMIT $3",
                                "iii", r->id, r->cursor, limit);
    *count = 0;
    while (*count < RUN_LIMIT_MAX && query_step(&q))
        items[(*count)++] = (struct run_item){query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),
                                              query_int(&q, 3), query_int(&q, 4) != 0};
    return query_end(&q);
}

/* A line that was passed over once stays so; one that is taken back keeps what it had got. */
static enum err save_item(struct store_tx *tx, const struct run_head *r, const struct run_item *i,
                          const struct run_result *result)
{
    if (r->reversing)
        return store_exec(tx,
                          "UPDATE money_run_line SET taken_back_fen = taken_back_fen + $3, "
                          "error = CASE WHEN $4 = '' AND posted = 0 THEN error ELSE $4 END "
                          "WHERE run_id = $1 AND account_id = $2",
                          "iiit", r->id, i->account_id, result->moved_fen, result->error);
    return store_exec(tx,
                      "UPDATE money_run_line SET posted = $3, error = $4 "
                      "WHERE run_id = $1 AND account_id = $2",
                      "iiit", r->id, i->account_id, (int64_t)(result->moved_fen > 0),
                      result->error);
}

static enum err work_item(struct store_tx *tx, struct run_head *r, const struct run_item *i,
                          const struct run_turn *turn)
{
    struct run_result result = {.error = ""};
    TRY(r->reversing ? run_unpost_line(tx, r, i, turn, &result)
                     : run_post_line(tx, r, i, turn, &result));
    r->cursor = i->account_id;
    r->done++;
    r->done_fen += result.moved_fen;
    r->failed += result.error[0] != '\0';
    return save_item(tx, r, i, &result);
}

static enum err finish(struct store_tx *tx, const struct run_head *r, wall_s now)
{
    struct detail d = {}, audit;
    TRY(store_exec(tx, "UPDATE money_run SET state = $2, ended_at = $3 WHERE id = $1", "iti", r->id,
                   r->reversing ? "reversed" : "done", now.s));
    detail_text(&d, "title", r->title);
    detail_int(&d, "done", r->done - r->failed);
    detail_int(&d, "done_fen", r->done_fen);
    detail_int(&d, "failed", r->failed);
    audit = d;
    TRY(shift_audit(tx,
                    &(struct shift_act){r->reversing ? r->reversed_by : r->approved_by,
                                        r->reversing ? "run.reversed" : "run.done", "run", r->id,
                                        now},
                    &audit));
    return journal_event(
        tx, &(struct journal_event){.at = now,
                                    .kind = r->reversing ? EVENT_RUN_REVERSED : EVENT_RUN_DONE,
                                    .project_id = r->project_id,
                                    .detail = detail_end(&d)});
}

struct page {
    struct run_head run;
    const struct run_turn *turn;
    int64_t worked;
};

static enum err work_page(struct store_tx *tx, void *arg)
{
    struct page *p = arg;
    struct run_head *r = &p->run;
    struct run_item items[RUN_LIMIT_MAX];
    size_t count;
    TRY(load_items(tx, r, p->turn->limit, items, &count));
    for (size_t i = 0; i < count; i++)
        TRY(work_item(tx, r, &items[i], p->turn));
    TRY(store_exec(tx,
                   "UPDATE money_run SET cursor = $2, done = $3, done_fen = $4, failed = $5 "
                   "WHERE id = $1",
                   "iiiii", r->id, r->cursor, r->done, r->done_fen, r->failed));
    p->worked = (int64_t)count;
    return r->done >= r->lines || count == 0 ? finish(tx, r, p->turn->now) : ERR_OK;
}

enum err run_tick(struct store_tx *tx, const struct run_turn *turn, int64_t *worked)
{
    struct page p = {.turn = turn};
    *worked = 0;
    if (turn->limit <= 0 || turn->limit > RUN_LIMIT_MAX)
        return ERR_RANGE;
    enum err e = find_run(tx, turn->now, &p.run);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    struct aside a = {"run", .id = p.run.id, .now = turn->now, .project_id = p.run.project_id};
    TRY(aside_do(tx, &a, work_page, &p));
    *worked = p.worked;
    return ERR_OK;
}
