/* Accounts whose balance lives in the meter: the meter charges, the ledger mirrors. */
#include <inttypes.h>
#include <stdio.h>

#include "billing/billing_impl.h"
#include "journal/detail.h"
#include "ledger/ledger.h"

/* Sales between two purchase counts; ERR_NOT_FOUND if one of them is not a confirmed one of ours.
 */
static enum err sold_between(struct store_tx *tx, const struct charge *c, int64_t to_count,
                             int64_t *sum_fen)
{
    struct query q =
        query_open(tx,
                   "SELECT count(*), coalesce(sum(amount_fen), 0) FROM vend "
                   "WHERE account_id = $1 AND meter_id = $2 AND epoch = $3 "
                   "AND n > $4 AND n <= $5 AND state = 'CONFIRMED'",
                   "iiiii", c->account_id, c->meter_id, c->epoch, c->wallet.count, to_count);
    int64_t found = 0;
    *sum_fen = 0;
    if (query_step(&q)) {
        found = query_int(&q, 0);
        *sum_fen = query_int(&q, 1);
    }
    TRY(query_end(&q));
    return found == to_count - c->wallet.count ? ERR_OK : ERR_NOT_FOUND;
}

enum err wallet_taken(struct store_tx *tx, const struct charge *c, const struct wallet *now,
                      int64_t *taken_fen)
{
    int64_t purchases_fen;
    if (!c->wallet.known || !now->known)
        return ERR_NOT_FOUND;
    *taken_fen = 0;
    if (now->at.s <= c->wallet.at.s)
        return ERR_OK; /* nothing was told since */
    enum err e = ERR_NOT_FOUND;
    if (c->wallet.count >= 0 && now->count >= c->wallet.count)
        e = sold_between(tx, c, now->count, &purchases_fen);
    /* A sale that is not ours is only known by the meter's own sum. */
    bool told = c->wallet.purchased_fen >= 0 && now->purchased_fen >= c->wallet.purchased_fen;
    if (e == ERR_NOT_FOUND && told) {
        purchases_fen = now->purchased_fen - c->wallet.purchased_fen;
        e = ERR_OK;
    }
    TRY(e);
    TRY(units_add(c->wallet.balance_fen, purchases_fen, taken_fen));
    return units_sub(*taken_fen, now->balance_fen, taken_fen);
}

/* Sales that the ledger and the meter's count do not agree about yet: confirmed after this count,
 * or applied up to it and not confirmed. */
static enum err vends_apart(struct store_tx *tx, const struct wallet_move *m, int64_t count,
                            int64_t *fen)
{
    return store_int(
        tx, fen,
        "SELECT coalesce(sum(CASE WHEN state = 'CONFIRMED' AND n > $4 THEN -amount_fen "
        "WHEN state IN ('BOUND', 'FENCED') AND n <= $4 THEN amount_fen ELSE 0 END), 0) "
        "FROM vend WHERE account_id = $1 AND meter_id = $2 AND epoch = $3",
        "iiii", m->account->id, m->meter_id, m->epoch, count);
}

static enum err tell(struct store_tx *tx, const struct wallet_move *m, int64_t difference_fen)
{
    struct detail d = {};
    detail_int(&d, "difference_fen", difference_fen);
    return journal_event(tx, &(struct journal_event){.at = m->now,
                                                     .kind = EVENT_WALLET_ADJUSTED,
                                                     .project_id = m->account->project_id,
                                                     .account_id = m->account->id,
                                                     .meter_id = m->meter_id,
                                                     .detail = detail_end(&d)});
}

enum err wallet_adjust(struct store_tx *tx, const struct wallet_move *m, const char *key,
                       int64_t credit_fen)
{
    struct detail d = {};
    detail_int(&d, "meter", m->meter_id);
    detail_int(&d, "epoch", m->epoch);
    TRY(ledger_post(tx,
                    &(struct ledger_entry){
                        .account_id = m->account->id,
                        .key = key,
                        .kind = "wallet.adjusted",
                        .now = m->now,
                        .occurred_at = m->at,
                        .business_day = m->business_day,
                        .actor = "system",
                        .detail = detail_end(&d),
                        .postings = {{LEDGER_WALLET, credit_fen}, {LEDGER_SUSPENSE, -credit_fen}}},
                    NULL));
    return tell(tx, m, credit_fen);
}

/* Other meters of the account share the wallet book: then it says nothing about this one. */
static enum err alone(struct store_tx *tx, const struct wallet_move *m, bool *yes)
{
    int64_t others;
    TRY(store_int(tx, &others,
                  "SELECT count(*) FROM charge_open WHERE account_id = $1 AND meter_id <> $2", "ii",
                  m->account->id, m->meter_id));
    *yes = others == 0;
    return ERR_OK;
}

/* vend/ opens the wallet of an installation period by reading it twice. */
static enum err proven(struct store_tx *tx, const struct wallet_move *m, int64_t count)
{
    int64_t opening_count;
    TRY(store_int(tx, &opening_count,
                  "SELECT opening_count FROM meter_wallet WHERE account_id = $1 AND meter_id = $2 "
                  "AND epoch = $3 AND proven = 1 AND opening_count >= 0 AND read_at <= $4",
                  "iiii", m->account->id, m->meter_id, m->epoch, m->at.s));
    return count >= opening_count ? ERR_OK : ERR_NOT_FOUND;
}

enum err wallet_opening(struct store_tx *tx, const struct wallet_move *m, const struct wallet *told,
                        int64_t *opening_fen)
{
    int64_t book_fen, apart_fen;
    bool only;
    TRY(proven(tx, m, told->count));
    *opening_fen = told->balance_fen;
    TRY(alone(tx, m, &only));
    if (!only)
        return ERR_OK;
    TRY(ledger_balance(tx, m->account->id, LEDGER_WALLET, &book_fen));
    TRY(vends_apart(tx, m, told->count, &apart_fen));
    /* What the meter has taken since the proof belongs to the first settlement. More in the meter
     * than in the books: a sale is between two readings, and a later one will say. */
    *opening_fen = book_fen + apart_fen;
    return *opening_fen >= told->balance_fen ? ERR_OK : ERR_NOT_FOUND;
}
