#include <stdio.h>

#include "site/site.h"
#include "vend/vend_impl.h"

struct old {
    int64_t account_id, project_id, epoch, wallet_fen; /* account 0: none with its wallet in here */
};

static enum err look(struct store_tx *tx, int64_t meter_id, struct old *old)
{
    struct query q = query_open(tx,
                                "SELECT m.epoch, coalesce(a.id, 0), m.project_id FROM meter m "
                                "LEFT JOIN account a ON a.id = m.account_id AND a.wallet = 'meter' "
                                "WHERE m.id = $1",
                                "i", meter_id);
    bool found = query_step(&q);
    if (found)
        *old = (struct old){query_int(&q, 1), query_int(&q, 2), query_int(&q, 0), 0};
    TRY(query_end(&q));
    if (!found)
        return ERR_NOT_FOUND;
    return old->account_id ? ledger_balance(tx, old->account_id, LEDGER_WALLET, &old->wallet_fen)
                           : ERR_OK;
}

/* What the old meter still held comes back to the platform; an overdraft becomes arrears. */
static enum err bring_home(struct vend_turn *t, const struct old *old, int64_t meter_id)
{
    char key[LEDGER_KEY_MAX];
    if (old->wallet_fen == 0)
        return ERR_OK;
    snprintf(key, sizeof key, "exchange:%lld:%lld", (long long)meter_id, (long long)old->epoch);
    int32_t day;
    TRY(vend_business_day(t, old->project_id, &day));
    return ledger_post(t->tx,
                       &(struct ledger_entry){.account_id = old->account_id,
                                              .key = key,
                                              .kind = "wallet.exchange",
                                              .now = t->now,
                                              .business_day = day,
                                              .actor = t->actor,
                                              .postings = {{LEDGER_WALLET, -old->wallet_fen},
                                                           {LEDGER_PREPAYMENT, old->wallet_fen}}},
                       NULL);
}

static enum err sell_again(struct vend_turn *t, const struct old *old, int64_t meter_id,
                           int64_t epoch)
{
    char order_id[VEND_ORDER_ID_MAX + 1];
    struct vend_status status;
    int64_t free_fen;
    if (old->wallet_fen <= 0)
        return ERR_OK;
    TRY(vend_unpromised_fen(t->tx, old->account_id, &free_fen));
    if (free_fen <= 0)
        return ERR_OK; /* all of it pays what the account owed */
    snprintf(order_id, sizeof order_id, "exchange-%lld-%lld", (long long)meter_id,
             (long long)epoch);
    return vend_sell(
        t->tx,
        &(struct vend_sale){.account_id = old->account_id,
                            .order_id = order_id,
                            .amount_fen = old->wallet_fen < free_fen ? old->wallet_fen : free_fen,
                            .method = "transfer",
                            .actor = t->actor,
                            .now = t->now,
                            .random = rand_u64(&t->ids)},
        &status);
}

enum err vend_exchange(struct store_tx *tx, const struct vend_exchange *x, int64_t *epoch)
{
    struct old old;
    struct vend_order open;
    struct vend_turn t = vend_turn_of(tx, x->now, x->actor, x->random);
    TRY(look(tx, x->meter_id, &old));
    enum err e = vend_order_open(tx, x->meter_id, &open);
    if (e != ERR_NOT_FOUND)
        return e == ERR_OK ? ERR_VEND_OPEN : e;
    TRY(bring_home(&t, &old, x->meter_id));
    struct site_meter m;
    TRY(site_meter_get(tx, x->meter_id, &m));
    const char *address = x->address ? x->address : m.address;
    const char *model = x->model ? x->model : m.model;
    TRY(site_meter_exchange(tx, x->meter_id, address, model, epoch));
    struct detail d = {};
    char object[64];
    detail_int(&d, "epoch", *epoch);
    detail_text(&d, "address", address);
    detail_text(&d, "model", model);
    detail_int(&d, "wallet_fen", old.wallet_fen);
    snprintf(object, sizeof object, "meter:%lld", (long long)x->meter_id);
    TRY(journal_append(
        tx, &(struct journal_act){x->now, x->actor, "meter.exchange", object, detail_end(&d)}));
    return x->keep ? ERR_OK : sell_again(&t, &old, x->meter_id, *epoch);
}

enum err vend_distrust(struct store_tx *tx)
{
    return store_exec(tx, "UPDATE meter_wallet SET proven = 0", "");
}
