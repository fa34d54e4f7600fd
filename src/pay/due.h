/*
 * What is owed for other services than energy: property fee, rent, late fees, shares of common
 * usage. It is owed in a book of its own (other_due), never in the prepayment: it is no part of the
 * balance that leads to a warning or a cut, and it is paid separately.
 */
#ifndef YUFU_PAY_DUE_H
#define YUFU_PAY_DUE_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define DUE_ID_MIN 8
#define DUE_ID_MAX 48
#define DUE_TITLE_MAX 96 /* bytes */
#define DUE_MAX_FEN 100'000'000

/* What an account owes for other services; never negative (paid ahead is 0). */
[[nodiscard]] enum err due_owed(struct store_tx *tx, int64_t account_id, int64_t *owed_fen);

struct due_bill {
    int64_t account_id;
    const char *bill_id; /* made by the client: [A-Za-z0-9._-], 8..48 characters */
    const char *service; /* "property", "rent", "parking", "network", "other" */
    const char *title;
    int64_t amount_fen;
    const char *actor;
    wall_s now;
};
/* Bills once; a repeat with the same content changes nothing. ERR_RANGE, ERR_VEND_ORDER_ID,
 * ERR_VEND_ACCOUNT, ERR_VEND_CLOSED, ERR_DUE_DIFFERENT. */
[[nodiscard]] enum err due_bill(struct store_tx *tx, const struct due_bill *bill);

struct due_act {
    int64_t account_id;
    const char *id; /* of the bill, or of the payment */
    int64_t amount_fen;
    const char *actor;
    wall_s now;
    const char *reason; /* of a withdrawal, for the journal; NULL: none */
};
/* Takes a bill back as a whole, once; `amount_fen` is not looked at. ERR_NOT_FOUND. */
[[nodiscard]] enum err due_withdraw(struct store_tx *tx, const struct due_act *act);
/* Cash over the desk (pay/shift.h). ERR_VEND_ORDER_ID, ERR_VEND_ACCOUNT; ERR_DUE_AMOUNT: more than
 * is owed; ERR_SHIFT_NONE; ERR_LEDGER_KEY: the id was used for another amount. */
[[nodiscard]] enum err due_pay(struct store_tx *tx, const struct due_act *act);

struct due_row {
    const char *bill_id, *service, *title, *billed_by, *withdrawn_by;
    int64_t amount_fen;
    wall_s billed_at, withdrawn_at; /* 0: not */
};
typedef enum err due_each(void *arg, const struct due_row *row);
/* Newest first. */
[[nodiscard]] enum err due_list(struct store_tx *tx, int64_t account_id, int64_t limit,
                                due_each *each, void *arg);

#endif
