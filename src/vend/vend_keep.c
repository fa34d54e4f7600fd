/*
 * What an account with its wallet in the meter owes the platform, and what the platform owes it.
 *
 * No command takes money out of a meter: such a command would have no count, and a repeat could
 * take it twice. So what such an account owes (a true-up, an overdraft of an exchanged meter)
 * stands in its prepayment below zero until a sale comes, of which a part is kept. What it is owed
 * is sold into the meter like anything else.
 */
#include <inttypes.h>
#include <stdio.h>

#include "billing/billing.h"
#include "journal/aside.h"
#include "vend/vend_impl.h"

enum err vend_unpromised_fen(struct store_tx *tx, int64_t account_id, int64_t *fen)
{
    int64_t have, promised;
    TRY(ledger_balance(tx, account_id, LEDGER_PREPAYMENT, &have));
    TRY(store_int(tx, &promised,
                  "SELECT coalesce(sum(amount_fen - kept_fen), 0) FROM sale_order "
                  "WHERE account_id = $1 AND state = 'PAID'",
                  "i", account_id));
    return units_sub(have, promised, fen);
}

/* How much of a sale may be kept. Money that was paid brings light in any case, if the project does
 * not say otherwise; what is given free is there to be counted against. What is taken over or moved
 * is the account's own already. */
static enum err most_fen(struct store_tx *tx, const struct vend_order *o, int64_t *fen)
{
    int64_t percent = 0;
    enum ledger_book contra = vend_method_find(o->method)->contra;
    if (contra == LEDGER_SUBSIDY)
        percent = 100;
    else if (contra == LEDGER_CASH && o->method[0] == 'c')
        TRY(billing_kept_percent(tx, o->project_id, &percent));
    *fen = o->amount_fen / 100 * percent + o->amount_fen % 100 * percent / 100;
    return ERR_OK;
}

enum err vend_keep_fen(struct store_tx *tx, const struct vend_order *o, int64_t *kept_fen)
{
    int64_t free_fen, most;
    *kept_fen = 0;
    if (o->meter_id == 0)
        return ERR_OK;
    TRY(vend_unpromised_fen(tx, o->account_id, &free_fen));
    if (free_fen >= 0)
        return ERR_OK;
    TRY(most_fen(tx, o, &most));
    *kept_fen = -free_fen < most ? -free_fen : most;
    return ERR_OK;
}

/* As vend_unpromised_fen says it: the query only leaves out who surely owes nothing. */
static enum err tell_owing(struct store_tx *tx, const struct query *q, vend_owing_each *each,
                           void *arg)
{
    int64_t free_fen;
    TRY(vend_unpromised_fen(tx, query_int(q, 0), &free_fen));
    return free_fen >= 0 ? ERR_OK
                         : each(arg, &(struct vend_owing){query_int(q, 0), -free_fen,
                                                          query_text(q, 1), query_text(q, 2)});
}

enum err vend_owing_list(struct store_tx *tx, int64_t project_id, vend_owing_each *each, void *arg)
{
    struct query q = query_open(
        tx,
        "SELECT a.id, a.code, a.name, b.amount_fen - (SELECT coalesce(sum(o.amount_fen - "
        "o.kept_fen), 0) FROM sale_order o WHERE o.account_id = a.id AND o.state = 'PAID') AS free "
        "FROM account a JOIN balance b ON b.account_id = a.id AND b.book = 'prepayment' "
        "WHERE a.project_id = $1 AND a.wallet = 'meter' AND a.closed_at IS NULL AND free < 0 "
        "ORDER BY free, a.id",
        "i", project_id);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q))
        e = tell_owing(tx, &q, each, arg);
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* --- true-ups in favour of the account -----------------------------------------------------------
 */

struct owed {
    struct vend_turn *turn;
    int64_t account_id, rerate_id, amount_fen;
};

/* What of it is still there: the rest has paid what the account owed. */
static enum err find_left(struct store_tx *tx, const struct owed *owed, int64_t *fen)
{
    int64_t free_fen, limit_fen = vend_limit_fen("transfer");
    TRY(vend_unpromised_fen(tx, owed->account_id, &free_fen));
    *fen = owed->amount_fen < free_fen ? owed->amount_fen : free_fen;
    *fen = *fen < limit_fen ? *fen : limit_fen;
    *fen = *fen > 0 ? *fen : 0;
    return ERR_OK;
}

static enum err sell_work(struct store_tx *tx, void *sale)
{
    struct vend_status status;
    return vend_sell(tx, sale, &status);
}

/* A refusal (no meter any more, the account was closed) leaves the money in the prepayment, where a
 * person finds it, and nothing of the sale. */
static enum err sell_back(struct store_tx *tx, void *arg)
{
    const struct owed *owed = arg;
    struct vend_turn *t = owed->turn;
    char order_id[VEND_ORDER_ID_MAX + 1];
    enum err e = ERR_OK;
    int64_t fen;
    TRY(find_left(tx, owed, &fen));
    snprintf(order_id, sizeof order_id, VEND_TRUE_UP "%" PRId64 "-%" PRId64, owed->rerate_id,
             owed->account_id);
    struct vend_sale sale = {.account_id = owed->account_id,
                             .order_id = order_id,
                             .amount_fen = fen,
                             .method = "transfer",
                             .actor = t->actor,
                             .now = t->now,
                             .random = rand_u64(&t->ids)};
    if (fen > 0)
        TRY(store_part(tx, sell_work, &sale, &e));
    if (e != ERR_OK && err_class_of(e) != ERR_CLASS_REFUSE)
        return e;
    return store_exec(tx,
                      "UPDATE true_up_sale SET sold_fen = $3, sold_at = $4 "
                      "WHERE account_id = $1 AND rerate_id = $2",
                      "iiii", owed->account_id, owed->rerate_id, e == ERR_OK ? fen : INT64_C(0),
                      t->now.s);
}

#define BACK_MAX 64

enum err vend_sell_back(struct vend_turn *t, int64_t limit, int64_t *worked)
{
    struct owed owed[BACK_MAX];
    *worked = 0;
    struct query q = query_open(t->tx,
                                "SELECT account_id, rerate_id, amount_fen FROM true_up_sale "
                                "o WHERE sold_at IS NULL AND NOT EXISTS (SELECT 1 FROM aside s "
                                "WHERE s.work = 'true_up' AND s.id = o.account_id "
                                "AND s.part = o.rerate_id AND s.again_at > $2) "
                                "ORDER BY account_id, rerate_id LIMIT $1",
                                "ii", limit < BACK_MAX ? limit : (int64_t)BACK_MAX, t->now.s);
    while (query_step(&q))
        owed[(*worked)++] = (struct owed){t, query_int(&q, 0), query_int(&q, 1), query_int(&q, 2)};
    TRY(query_end(&q));
    for (int64_t i = 0; i < *worked; i++) {
        int64_t id = owed[i].account_id;
        struct aside a = {"true_up", id, owed[i].rerate_id, t->now, .account_id = id};
        TRY(aside_do(t->tx, &a, sell_back, &owed[i]));
    }
    return ERR_OK;
}
