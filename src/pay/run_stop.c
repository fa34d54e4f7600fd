/* Stopping a run at work, and what becomes of it then. */
#include <string.h>

#include "pay/run_impl.h"

static enum err tell(struct store_tx *tx, const struct run_verdict *v, enum journal_kind kind)
{
    struct detail d = {};
    struct query q =
        query_open(tx, "SELECT title, done, lines, done_fen, failed FROM money_run WHERE id = $1",
                   "i", v->run_id);
    if (query_step(&q)) {
        detail_text(&d, "title", query_text(&q, 0));
        detail_int(&d, "done", query_int(&q, 1));
        detail_int(&d, "lines", query_int(&q, 2));
        detail_int(&d, "done_fen", query_int(&q, 3));
        detail_int(&d, "failed", query_int(&q, 4));
    }
    TRY(query_end(&q));
    detail_text(&d, "why", v->note);
    return journal_event(
        tx, &(struct journal_event){
                .at = v->now, .kind = kind, .project_id = v->project_id, .detail = detail_end(&d)});
}

static enum err check_reason(const struct run_verdict *v)
{
    return v->note[0] && strlen(v->note) <= RUN_NOTE_MAX ? ERR_OK : ERR_RUN_REASON;
}

enum err run_stop(struct store_tx *tx, const struct run_verdict *v)
{
    struct run_standing s;
    TRY(run_load(tx, v, &s));
    if (strcmp(s.state, "running") != 0 && strcmp(s.state, "reversing") != 0)
        return ERR_RUN_STATE;
    TRY(check_reason(v));
    TRY(store_exec(tx,
                   "UPDATE money_run SET stopped_at = $2, stopped_by = $3, stop_reason = $4 "
                   "WHERE id = $1",
                   "iitt", v->run_id, v->now.s, v->actor, v->note));
    TRY(run_audit(tx, v, "run.stop"));
    return tell(tx, v, EVENT_RUN_STOPPED);
}

enum err run_resume(struct store_tx *tx, const struct run_verdict *v)
{
    struct run_standing s;
    TRY(run_load(tx, v, &s));
    if (strcmp(s.state, "stopped") != 0)
        return ERR_RUN_STATE;
    TRY(store_exec(tx,
                   "UPDATE money_run SET stopped_at = NULL, stopped_by = NULL, stop_reason = '' "
                   "WHERE id = $1",
                   "i", v->run_id));
    TRY(store_exec(tx, "UPDATE aside SET again_at = 0 WHERE work = 'run' AND id = $1", "i",
                   v->run_id));
    TRY(run_audit(tx, v, "run.resume"));
    return tell(tx, v, EVENT_RUN_RESUMED);
}

/* The lines before the cursor stay as they are; those behind it got nothing, or keep what they got.
 */
static enum err pass_over(struct store_tx *tx, const struct run_verdict *v)
{
    return store_exec(tx,
                      "UPDATE money_run_line SET error = 'given_up' WHERE run_id = $1 "
                      "AND account_id > (SELECT cursor FROM money_run WHERE id = $1) "
                      "AND amount_fen > taken_back_fen AND error = ''",
                      "i", v->run_id);
}

/* Done, with the numbers of posting: so it can be taken back, or taken back once more. */
static enum err end(struct store_tx *tx, const struct run_verdict *v)
{
    return store_exec(tx,
                      "UPDATE money_run SET state = 'done', stopped_at = NULL, stopped_by = NULL, "
                      "stop_reason = '', given_up_at = $2, given_up_by = $3, ended_at = $2, "
                      "note = $4, (cursor, done, done_fen, failed) = (SELECT max(account_id), "
                      "count(*), sum(amount_fen * posted), count(CASE WHEN posted = 0 "
                      "AND error <> '' THEN 1 END) FROM money_run_line WHERE run_id = $1) "
                      "WHERE id = $1",
                      "iitt", v->run_id, v->now.s, v->actor, v->note);
}

enum err run_give_up(struct store_tx *tx, const struct run_verdict *v)
{
    struct run_standing s;
    TRY(run_load(tx, v, &s));
    if (strcmp(s.state, "stopped") != 0)
        return ERR_RUN_STATE;
    TRY(check_reason(v));
    TRY(tell(tx, v, EVENT_RUN_GIVEN_UP)); /* with the numbers that it was stopped at */
    TRY(pass_over(tx, v));
    TRY(end(tx, v));
    return run_audit(tx, v, "run.give_up");
}
