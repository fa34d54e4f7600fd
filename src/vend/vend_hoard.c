/* The largest balance that a strategy sells up to (hoard_max, 囤积限额). */
#include "billing/billing.h"
#include "control/policy.h"
#include "vend/vend_impl.h"

static bool refuses(enum err e)
{
    return e != ERR_OK && err_class_of(e) == ERR_CLASS_REFUSE;
}

/* Paid, and neither in the meter nor bound to it yet: it lies in the prepayment. */
static enum err paid_fen(struct store_tx *tx, int64_t account_id, int64_t *sum_fen)
{
    return store_int(tx, sum_fen,
                     "SELECT coalesce(sum(amount_fen - kept_fen), 0) FROM sale_order "
                     "WHERE account_id = $1 AND meter_id IS NOT NULL AND state = 'PAID'",
                     "i", account_id);
}

/* What the account has, in the meter and under way: by the meter's own word and the running charge
 * where they are known, else by the books. */
static enum err has_fen(struct store_tx *tx, const struct site_account *account,
                        const struct readings *readings, wall_s now, int64_t *fen)
{
    struct billing_outlook o = {.available_known = false};
    bool in_meter = account->wallet == SITE_WALLET_METER;
    int64_t waiting;
    if (readings) {
        enum err e = billing_outlook(tx, readings, account->id, now, &o);
        if (e != ERR_OK && !refuses(e))
            return e;
        o.available_known = o.available_known && e == ERR_OK;
    }
    *fen = o.available_fen;
    if (!o.available_known)
        TRY(ledger_balance(tx, account->id, in_meter ? LEDGER_WALLET : LEDGER_PREPAYMENT, fen));
    if (!in_meter)
        return ERR_OK;
    TRY(ledger_balance(tx, account->id, LEDGER_TRANSIT, &waiting));
    TRY(units_add(*fen, waiting, fen));
    TRY(paid_fen(tx, account->id, &waiting));
    return units_add(*fen, waiting, fen);
}

enum err vend_room_fen(struct store_tx *tx, int64_t account_id, const struct readings *readings,
                       wall_s now, int64_t *room_fen)
{
    struct site_account account;
    struct control_policy in_force;
    int64_t fen;
    *room_fen = INT64_MAX;
    TRY(site_account_get(tx, account_id, &account));
    enum err e = control_policy_of(tx, &account, now, &in_force);
    if (refuses(e)) /* a strategy that is not there limits nothing */
        return ERR_OK;
    TRY(e);
    if (in_force.policy.hoard_max_fen == 0)
        return ERR_OK;
    TRY(has_fen(tx, &account, readings, now, &fen));
    *room_fen = strategy_sale_max_fen(&in_force.policy, fen);
    return ERR_OK;
}
