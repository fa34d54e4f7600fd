#include "journal/journal.h"

enum err journal_outbox_put(struct store_tx *tx, const char *topic, int64_t account_id,
                            const char *json, wall_s now)
{
    int64_t id;
    TRY(store_next_id(tx, "outbox", &id));
    return store_exec(tx,
                      "INSERT INTO outbox (id, at, topic, account_id, body) "
                      "VALUES ($1, $2, $3, nullif($4, 0), $5)",
                      "iitit", id, now.s, topic, account_id, json);
}

/* The note stays readable while `each` uses it, so its row is marked afterwards. */
static enum err take_next(struct store_tx *tx, const char *topic, int64_t *id,
                          journal_note_each *each, void *arg)
{
    enum err e = ERR_NOT_FOUND;
    struct query q = query_open(tx,
                                "SELECT id, at, coalesce(account_id, 0), body FROM outbox WHERE "
                                "taken_at IS NULL AND id > $1 AND topic = $2 ORDER BY id LIMIT 1",
                                "it", *id, topic);
    if (query_step(&q)) {
        struct journal_note note = {
            query_int(&q, 0), {query_int(&q, 1)}, query_int(&q, 2), query_text(&q, 3)};
        *id = note.id;
        e = each(arg, &note);
    }
    enum err ended = query_end(&q);
    return ended != ERR_OK ? ended : e;
}

enum err journal_outbox_take(struct store_tx *tx, const char *topic, int64_t limit, wall_s now,
                             journal_note_each *each, void *arg)
{
    int64_t id = 0;
    for (int64_t taken = 0; taken < limit; taken++) {
        int64_t before = id;
        enum err e = take_next(tx, topic, &id, each, arg);
        if (e == ERR_NOT_FOUND && id == before)
            return ERR_OK;
        TRY(e);
        TRY(store_exec(tx, "UPDATE outbox SET taken_at = $1 WHERE id = $2", "ii", now.s, id));
    }
    return ERR_OK;
}

enum err journal_outbox_waiting(struct store_tx *tx, const char *topic, int64_t *count)
{
    return store_int(tx, count, "SELECT count(*) FROM outbox WHERE taken_at IS NULL AND topic = $1",
                     "t", topic);
}
