#include "journal/aside.h"

#include "journal/detail.h"
#include "journal/journal.h"

bool aside_is_of_machine(enum err e)
{
    return e == ERR_MEMORY || e == ERR_STORE || e == ERR_STORE_BUSY || e == ERR_STORE_FULL ||
           e == ERR_STORE_CORRUPT;
}

/* Whose it is, as far as the site knows. */
static enum err find_owner(struct store_tx *tx, const struct aside *a, struct journal_event *e)
{
    struct query q = query_open(
        tx,
        "SELECT coalesce(a.project_id, m.project_id, $3), coalesce(a.id, $2, 0) FROM (SELECT 1) "
        "LEFT JOIN meter m ON m.id = $1 LEFT JOIN account a ON a.id = CASE WHEN $2 <> 0 THEN $2 "
        "ELSE m.account_id END",
        "iii", a->meter_id, a->account_id, a->project_id);
    if (query_step(&q)) {
        e->project_id = query_int(&q, 0);
        e->account_id = query_int(&q, 1);
    }
    return query_end(&q);
}

enum err aside_tell(struct store_tx *tx, const struct aside *a, enum err why)
{
    struct detail d = {};
    struct journal_event e = {.at = a->now, .kind = EVENT_WORK_FAILED, .meter_id = a->meter_id};
    TRY(find_owner(tx, a, &e));
    detail_text(&d, "work", a->work);
    detail_int(&d, "id", a->id);
    detail_int(&d, "part", a->part);
    detail_text(&d, "reason", err_name(why));
    e.detail = detail_end(&d);
    return journal_event(tx, &e);
}

/* A reason that has been away for a day is news. */
#define NEWS_S 86'400

static enum err put(struct store_tx *tx, const struct aside *a, enum err why)
{
    int64_t told;
    TRY(store_int(tx, &told,
                  "SELECT count(*) FROM aside WHERE work = $1 AND id = $2 AND part = $3 "
                  "AND error = $4 AND again_at > $5",
                  "tiiti", a->work, a->id, a->part, err_name(why), a->now.s - NEWS_S));
    if (!told)
        TRY(aside_tell(tx, a, why));
    return store_exec(tx,
                      "INSERT INTO aside (work, id, part, error, since, again_at) "
                      "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (work, id, part) "
                      "DO UPDATE SET error = excluded.error, again_at = excluded.again_at",
                      "tiitii", a->work, a->id, a->part, err_name(why), a->now.s,
                      a->now.s + ASIDE_AGAIN_S);
}

enum err aside_do(struct store_tx *tx, const struct aside *a, store_work *work, void *arg)
{
    enum err e;
    TRY(store_part(tx, work, arg, &e));
    if (e != ERR_OK)
        return aside_is_of_machine(e) ? e : put(tx, a, e);
    return store_exec(tx, "DELETE FROM aside WHERE work = $1 AND id = $2 AND part = $3", "tii",
                      a->work, a->id, a->part);
}
