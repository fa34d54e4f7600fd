/* Free credit: used first, earliest end first; what is left at its end goes back. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "pay/run_impl.h"

#define GRANTS_MAX 64 /* of one account at a time, those that end first */
#define WAIT_S (3 * 86'400)

struct grant {
    int64_t run_id, seq, amount_fen, spent_fen, returned_fen;
};
struct grants {
    struct grant grant[GRANTS_MAX];
    size_t count;
    int64_t cursor, last; /* charges behind the cursor were counted; the last one counted now */
};

enum err run_ledger_waits(struct store_tx *tx, bool *waits)
{
    int64_t there;
    enum err e = store_int(tx, &there, "SELECT 1 FROM ledger_run WHERE state <> 'folded'", "");
    *waits = e == ERR_OK;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err load_grants(struct store_tx *tx, int64_t account_id, struct grants *g)
{
    *g = (struct grants){};
    struct query q = query_open(
        tx,
        "SELECT run_id, seq, amount_fen, spent_fen, returned_fen FROM free_grant "
        "WHERE account_id = $1 AND ended_at IS NULL ORDER BY expires_at IS NULL, expires_at, seq "
        "LIMIT $2",
        "ii", account_id, (int64_t)GRANTS_MAX);
    while (query_step(&q) && g->count < GRANTS_MAX)
        g->grant[g->count++] = (struct grant){query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),
                                              query_int(&q, 3), query_int(&q, 4)};
    TRY(query_end(&q));
    enum err e = store_int(tx, &g->cursor, "SELECT seq FROM free_cursor WHERE account_id = $1", "i",
                           account_id);
    g->last = g->cursor;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* A charge uses up grants that were there before it. */
static void use(struct grants *g, int64_t seq, int64_t charge_fen)
{
    for (size_t i = 0; i < g->count && charge_fen > 0; i++) {
        struct grant *grant = &g->grant[i];
        int64_t left_fen = grant->amount_fen - grant->spent_fen - grant->returned_fen;
        int64_t used_fen = left_fen < charge_fen ? left_fen : charge_fen;
        if (grant->seq >= seq)
            continue;
        grant->spent_fen += used_fen;
        charge_fen -= used_fen;
    }
}

static enum err count(struct store_tx *tx, int64_t account_id, struct grants *g)
{
    TRY(load_grants(tx, account_id, g));
    struct query q =
        query_open(tx,
                   "SELECT p.seq, -p.amount_fen FROM posting p WHERE p.account_id = $1 "
                   "AND p.seq > $2 AND p.book = 'prepayment' AND p.amount_fen < 0 "
                   "AND EXISTS (SELECT 1 FROM posting r WHERE r.account_id = $1 "
                   "AND r.seq = p.seq AND r.book IN ('revenue', 'share')) "
                   "ORDER BY p.seq",
                   "ii", account_id, g->cursor);
    while (query_step(&q)) {
        g->last = query_int(&q, 0);
        use(g, g->last, query_int(&q, 1));
    }
    return query_end(&q);
}

enum err run_count_charges(struct store_tx *tx, int64_t account_id)
{
    struct grants g;
    TRY(count(tx, account_id, &g));
    for (size_t i = 0; i < g.count; i++)
        TRY(store_exec(tx,
                       "UPDATE free_grant SET spent_fen = $3 WHERE account_id = $1 AND run_id = $2",
                       "iii", account_id, g.grant[i].run_id, g.grant[i].spent_fen));
    return store_exec(tx,
                      "INSERT INTO free_cursor (account_id, seq) VALUES ($1, $2) "
                      "ON CONFLICT (account_id) DO UPDATE SET seq = excluded.seq",
                      "ii", account_id, g.last);
}

enum err run_free_left(struct store_tx *tx, int64_t account_id, int64_t *left_fen)
{
    struct grants g;
    TRY(count(tx, account_id, &g));
    *left_fen = 0;
    for (size_t i = 0; i < g.count; i++)
        *left_fen += g.grant[i].amount_fen - g.grant[i].spent_fen - g.grant[i].returned_fen;
    return ERR_OK;
}

/* --- the end of a grant -------------------------------------------------------------------- */

struct due {
    int64_t account_id, run_id;
};

static enum err find_due(struct store_tx *tx, const struct run_turn *turn, struct due *due,
                         size_t *found)
{
    *found = 0;
    struct query q = query_open(
        tx,
        "SELECT g.account_id, g.run_id FROM free_grant g WHERE g.ended_at IS NULL "
        "AND g.expires_at IS NOT NULL AND g.expires_at <= $1 AND (g.expires_at <= $2 OR NOT EXISTS "
        "(SELECT 1 FROM charge_open c WHERE c.account_id = g.account_id "
        "AND c.opened_at < g.expires_at)) ORDER BY g.expires_at, g.account_id LIMIT $3",
        "iii", turn->now.s, turn->now.s - WAIT_S, turn->limit);
    while (query_step(&q) && *found < RUN_LIMIT_MAX)
        due[(*found)++] = (struct due){query_int(&q, 0), query_int(&q, 1)};
    return query_end(&q);
}

static enum err give_back(struct store_tx *tx, const struct due *due, int64_t left_fen, wall_s now)
{
    char key[48];
    struct detail d = {};
    if (left_fen == 0)
        return ERR_OK;
    snprintf(key, sizeof key, "grant:%" PRId64 "/expired", due->run_id);
    detail_int(&d, "run", due->run_id);
    TRY(shift_post(tx,
                   &(struct shift_move){due->account_id, key, "grant.expired", "system", now,
                                        LEDGER_PREPAYMENT, LEDGER_SUBSIDY, left_fen, &d},
                   NULL));
    return store_exec(tx,
                      "UPDATE money_run_line SET taken_back_fen = taken_back_fen + $3 "
                      "WHERE run_id = $1 AND account_id = $2",
                      "iii", due->run_id, due->account_id, left_fen);
}

static enum err expire(struct store_tx *tx, const struct due *due, wall_s now)
{
    int64_t left_fen;
    TRY(run_count_charges(tx, due->account_id));
    TRY(store_int(tx, &left_fen,
                  "SELECT amount_fen - spent_fen - returned_fen FROM free_grant "
                  "WHERE account_id = $1 AND run_id = $2",
                  "ii", due->account_id, due->run_id));
    TRY(give_back(tx, due, left_fen, now));
    return store_exec(tx,
                      "UPDATE free_grant SET returned_fen = returned_fen + $3, ended_at = $4 "
                      "WHERE account_id = $1 AND run_id = $2",
                      "iiii", due->account_id, due->run_id, left_fen, now.s);
}

enum err run_expire(struct store_tx *tx, const struct run_turn *turn, int64_t *worked)
{
    struct due due[RUN_LIMIT_MAX];
    size_t found;
    bool waits;
    *worked = 0;
    if (turn->limit <= 0 || turn->limit > RUN_LIMIT_MAX)
        return ERR_RANGE;
    TRY(run_ledger_waits(tx, &waits));
    if (waits)
        return ERR_OK;
    TRY(find_due(tx, turn, due, &found));
    for (size_t i = 0; i < found; i++)
        TRY(expire(tx, &due[i], turn->now));
    *worked = (int64_t)found;
    return ERR_OK;
}
