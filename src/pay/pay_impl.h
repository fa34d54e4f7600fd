/* Shared by the parts of requests only. */
#ifndef YUFU_PAY_PAY_IMPL_H
#define YUFU_PAY_PAY_IMPL_H

#include "pay/pay.h"
#include "pay/shift_impl.h"

/* A request as it stands. */
struct pay_held {
    int64_t account_id, project_id, to_account_id, amount_fen, fee_fen;
    enum pay_kind kind;
    enum pay_state state;
    char id[PAY_ID_MAX + 1], order_id[VEND_ORDER_ID_MAX + 1], asked_by[64];
};
/* ERR_NOT_FOUND. */
enum err pay_load(struct store_tx *tx, int64_t account_id, const char *request_id,
                  struct pay_held *out);

/* Who acts now. */
struct pay_turn {
    struct store_tx *tx;
    const char *actor;
    wall_s now;
};
/* One ledger transaction 'request:ID/WHAT' of an account. `seq` may be NULL. */
enum err pay_move(const struct pay_turn *t, const struct pay_held *r, int64_t account_id,
                  const char *what, enum ledger_book from, enum ledger_book to, int64_t amount_fen,
                  int64_t *seq);
/* One audit row. */
enum err pay_note(const struct pay_turn *t, const struct pay_held *r, const char *action,
                  const char *text);

/* What may be asked for: the prepayment less what was used, what was given free, and what is
 * promised to orders on their way. ERR_STATE: what was used cannot be priced now. */
enum err pay_available(struct store_tx *tx, const struct billing *billing, int64_t account_id,
                       wall_s now, int64_t *fen);
/* Nothing stands against closing. ERR_PAY_OPEN, ERR_PAY_WALLET. */
enum err pay_may_close(struct store_tx *tx, int64_t account_id);

#endif
