/* Free credit: used first, earliest end first; what is left at its end goes back. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "journal/aside.h"
#include "pay/run_impl.h"
#include "vend/vend.h"

#define GRANTS_MAX 64 /* of one account at a time, those that end first */
#define WAIT_S (3 * 86'400)

struct grant {
    int64_t run_id, seq, amount_fen, spent_fen, returned_fen;
    int64_t expires_at; /* INT64_MAX: never */
    enum { IN_PREPAYMENT, IN_METER, CAME_BACK } place;
};
struct use {
    int64_t seq, at, fen; /* at: when what it charges for began */
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
        "SELECT g.run_id, CASE WHEN g.order_id IS NULL THEN g.seq ELSE coalesce((SELECT t.seq "
        "FROM ledger_txn t WHERE t.account_id = g.account_id AND t.key = 'order:' || g.order_id || "
        "'/confirmed'), $3) END, g.amount_fen, g.spent_fen, g.returned_fen, "
        "coalesce(g.expires_at, $3), CASE WHEN g.order_id IS NULL THEN 0 WHEN o.state IN "
        "('REFUNDED', 'REJECTED') THEN 2 ELSE 1 END FROM free_grant g LEFT JOIN sale_order o "
        "ON o.account_id = g.account_id AND o.order_id = g.order_id "
        "WHERE g.account_id = $1 AND g.ended_at IS NULL ORDER BY "
        "g.spent_fen + g.returned_fen >= g.amount_fen, " /* those that were used up come last */
        "g.expires_at IS NULL, g.expires_at, g.seq LIMIT $2",
        "iii", account_id, (int64_t)GRANTS_MAX, INT64_MAX);
    while (query_step(&q) && g->count < GRANTS_MAX)
        g->grant[g->count++] = (struct grant){
            query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),     query_int(&q, 3),
            query_int(&q, 4), query_int(&q, 5), (int)query_int(&q, 6)};
    TRY(query_end(&q));
    enum err e = store_int(tx, &g->cursor, "SELECT seq FROM free_cursor WHERE account_id = $1", "i",
                           account_id);
    g->last = g->cursor;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static int64_t left_of(const struct grant *g)
{
    return g->amount_fen - g->spent_fen - g->returned_fen;
}

/* A charge uses up grants that were there before it, and had not ended when what it charges for
 * began.
 */
static void use(struct grants *g, const struct use *u)
{
    int64_t charge_fen = u->fen;
    for (size_t i = 0; i < g->count && charge_fen > 0; i++) {
        struct grant *grant = &g->grant[i];
        int64_t left_fen = left_of(grant);
        int64_t used_fen = left_fen < charge_fen ? left_fen : charge_fen;
        if (grant->seq >= u->seq || u->at >= grant->expires_at)
            continue;
        grant->spent_fen += used_fen;
        charge_fen -= used_fen;
    }
}

/* What was spent of the grants that were there from `seq` on. */
static int64_t spent_since(const struct grants *g, int64_t seq)
{
    int64_t sum_fen = 0;
    for (size_t i = 0; i < g->count; i++)
        sum_fen += g->grant[i].seq >= seq ? g->grant[i].spent_fen : 0;
    return sum_fen;
}

/* `over_fen` was not spent after all of the grants from `seq` on: what ends last was used last. */
static void unspend(struct grants *g, int64_t seq, int64_t over_fen)
{
    for (size_t i = g->count; i-- > 0 && over_fen > 0;) {
        struct grant *grant = &g->grant[i];
        int64_t fen = grant->spent_fen < over_fen ? grant->spent_fen : over_fen;
        if (grant->seq < seq)
            continue;
        grant->spent_fen -= fen;
        over_fen -= fen;
    }
}

/* A charge was taken back, by a true-up or a share's reversal: of the grants since a moment no more
 * is spent than was charged since then. */
static enum err take_back(struct store_tx *tx, int64_t account_id, struct grants *g, int64_t until)
{
    for (size_t i = 0; i < g->count; i++) {
        int64_t charged_fen, seq = g->grant[i].seq;
        if (seq >= until || spent_since(g, seq) == 0)
            continue;
        TRY(store_int(
            tx, &charged_fen,
            "SELECT coalesce(-sum(p.amount_fen), 0) FROM posting p WHERE p.account_id = $1 "
            "AND p.seq > $2 AND p.seq <= $3 AND p.book IN ('prepayment', 'wallet') "
            "AND EXISTS (SELECT 1 FROM posting r WHERE r.account_id = $1 "
            "AND r.seq = p.seq AND r.book IN ('revenue', 'share'))",
            "iii", account_id, seq, until));
        unspend(g, seq, spent_since(g, seq) - (charged_fen > 0 ? charged_fen : 0));
    }
    return ERR_OK;
}

static enum err count(struct store_tx *tx, int64_t account_id, struct grants *g)
{
    enum err e = ERR_OK;
    TRY(load_grants(tx, account_id, g));
    struct query q =
        query_open(tx,
                   "SELECT p.seq, coalesce(t.detail ->> '$.opened_at', t.occurred_at - 1), "
                   "-p.amount_fen FROM posting p JOIN ledger_txn t ON t.account_id = p.account_id "
                   "AND t.seq = p.seq WHERE p.account_id = $1 AND p.seq > $2 "
                   "AND p.book IN ('prepayment', 'wallet') AND EXISTS (SELECT "
                   "1 FROM posting r WHERE r.account_id = $1 "
                   "AND r.seq = p.seq AND r.book IN ('revenue', 'share')) "
                   "ORDER BY p.seq",
                   "ii", account_id, g->cursor);
    while (e == ERR_OK && query_step(&q)) {
        struct use u = {query_int(&q, 0), query_int(&q, 1), query_int(&q, 2)};
        g->last = u.seq;
        if (u.fen > 0)
            use(g, &u);
        else
            e = take_back(tx, account_id, g, u.seq);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
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

/* Of what is left in grants that were sold into a meter, what its wallet cannot hold any more is in
 * the prepayment: an exchanged meter brought it home. */
enum err run_free_left(struct store_tx *tx, int64_t account_id, int64_t *left_fen)
{
    struct grants g;
    int64_t in_meter_fen = 0, wallet_fen, transit_fen;
    TRY(count(tx, account_id, &g));
    TRY(ledger_balance(tx, account_id, LEDGER_WALLET, &wallet_fen));
    TRY(ledger_balance(tx, account_id, LEDGER_TRANSIT, &transit_fen));
    *left_fen = 0;
    for (size_t i = 0; i < g.count; i++)
        *(g.grant[i].place == IN_METER ? &in_meter_fen : left_fen) += left_of(&g.grant[i]);
    wallet_fen = (wallet_fen > 0 ? wallet_fen : 0) + transit_fen;
    *left_fen += in_meter_fen > wallet_fen ? in_meter_fen - wallet_fen : 0;
    return ERR_OK;
}

/* --- the end of a grant -------------------------------------------------------------------- */

struct due {
    int64_t account_id, run_id, left_fen;
    char order_id[VEND_ORDER_ID_MAX + 1]; /* "": it lies in the prepayment */
    const struct run_turn *turn;
};

static enum err find_due(struct store_tx *tx, const struct run_turn *turn, struct due *due,
                         size_t *found)
{
    *found = 0;
    struct query q = query_open(
        tx,
        "SELECT g.account_id, g.run_id, coalesce(g.order_id, '') FROM free_grant g "
        "WHERE g.ended_at IS NULL AND g.expires_at IS NOT NULL AND g.expires_at <= $1 "
        "AND NOT EXISTS (SELECT 1 FROM aside s WHERE s.work = 'grant' AND s.id = g.account_id "
        "AND s.part = g.run_id AND s.again_at > $1) AND CASE WHEN g.order_id IS NULL THEN "
        "g.expires_at <= $2 OR NOT EXISTS (SELECT 1 "
        "FROM charge_open c WHERE c.account_id = g.account_id AND c.opened_at < g.expires_at) "
        "ELSE " METER_WAITS " = '' END ORDER BY g.expires_at, g.account_id LIMIT $3",
        "iii", turn->now.s, turn->now.s - WAIT_S, turn->limit);
    while (query_step(&q) && *found < RUN_LIMIT_MAX) {
        struct due *d = &due[(*found)++];
        *d = (struct due){query_int(&q, 0), query_int(&q, 1), .turn = turn};
        shift_copy(d->order_id, sizeof d->order_id, query_text(&q, 2));
    }
    return query_end(&q);
}

static enum err give_back(struct store_tx *tx, const struct due *due, wall_s now)
{
    char key[48];
    struct detail d = {};
    if (due->left_fen == 0)
        return ERR_OK;
    snprintf(key, sizeof key, "grant:%" PRId64 "/expired", due->run_id);
    detail_int(&d, "run", due->run_id);
    TRY(shift_post(tx,
                   &(struct shift_move){due->account_id, key, "grant.expired", "system", now,
                                        LEDGER_PREPAYMENT, LEDGER_SUBSIDY, due->left_fen, &d},
                   NULL));
    return store_exec(tx,
                      "UPDATE money_run_line SET taken_back_fen = taken_back_fen + $3 "
                      "WHERE run_id = $1 AND account_id = $2",
                      "iii", due->run_id, due->account_id, due->left_fen);
}

/* No more than the account still has of it: what an overdraft swallowed was used. A sale that came
 * back lies in the prepayment. */
static enum err bound_left(struct store_tx *tx, struct due *due, bool came_back)
{
    int64_t wallet_fen, free_fen, most_fen;
    TRY(ledger_balance(tx, due->account_id, LEDGER_WALLET, &wallet_fen));
    TRY(vend_unpromised_fen(tx, due->account_id, &free_fen));
    if (!came_back && free_fen > 0)
        free_fen = 0;
    TRY(units_add(wallet_fen, free_fen, &most_fen));
    most_fen = most_fen > 0 ? most_fen : 0;
    due->left_fen = due->left_fen < most_fen ? due->left_fen : most_fen;
    return ERR_OK;
}

/* *wait: a fence decides first whether the sale reaches its meter. */
static enum err look_at_sale(struct store_tx *tx, struct due *due, const struct run_turn *turn,
                             bool *wait)
{
    struct vend_status s;
    TRY(vend_get(tx, due->account_id, due->order_id, &s));
    if (s.state == VEND_PAID || s.state == VEND_BOUND)
        TRY(vend_cancel(tx,
                        &(struct vend_request){due->account_id, due->order_id, "system", "expired",
                                               turn->now, turn->random ^ (uint64_t)due->account_id},
                        &s));
    *wait = s.state == VEND_FENCED;
    bool came_back = s.state == VEND_REFUNDED || s.state == VEND_REJECTED;
    return *wait ? ERR_OK : bound_left(tx, due, came_back);
}

static enum err expire(struct store_tx *tx, void *arg)
{
    struct due *due = arg;
    bool wait = false;
    TRY(run_count_charges(tx, due->account_id));
    TRY(store_int(tx, &due->left_fen,
                  "SELECT amount_fen - spent_fen - returned_fen FROM free_grant "
                  "WHERE account_id = $1 AND run_id = $2",
                  "ii", due->account_id, due->run_id));
    if (due->order_id[0])
        TRY(look_at_sale(tx, due, due->turn, &wait));
    if (wait)
        return ERR_OK;
    TRY(give_back(tx, due, due->turn->now));
    return store_exec(tx,
                      "UPDATE free_grant SET spent_fen = amount_fen - returned_fen - $3, "
                      "returned_fen = returned_fen + $3, ended_at = $4 "
                      "WHERE account_id = $1 AND run_id = $2",
                      "iiii", due->account_id, due->run_id, due->left_fen, due->turn->now.s);
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
    for (size_t i = 0; i < found; i++) {
        int64_t id = due[i].account_id;
        struct aside a = {"grant", id, due[i].run_id, turn->now, .account_id = id};
        TRY(aside_do(tx, &a, expire, &due[i]));
    }
    *worked = (int64_t)found;
    return ERR_OK;
}
