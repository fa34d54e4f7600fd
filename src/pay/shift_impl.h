/* Shared by shifts, dues, runs and late fees only. */
#ifndef YUFU_PAY_SHIFT_IMPL_H
#define YUFU_PAY_SHIFT_IMPL_H

#include "journal/detail.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "pay/shift.h"

/* Seconds east of Greenwich in a project's zone. ERR_NOT_FOUND, ERR_BILLING_ZONE. */
enum err shift_offset(struct store_tx *tx, int64_t project_id, int32_t *offset_s);

/* One transaction that moves an amount from one book of an account to another. */
struct shift_move {
    int64_t account_id;
    const char *key, *kind, *actor;
    wall_s now;
    enum ledger_book from, to;
    int64_t amount_fen; /* more than 0 */
    struct detail *detail;
};
enum err shift_post(struct store_tx *tx, const struct shift_move *m, struct ledger_posted *out);

/* An open account: ERR_VEND_ACCOUNT, ERR_VEND_CLOSED. `project_id` may be NULL. */
enum err shift_account(struct store_tx *tx, int64_t account_id, int64_t *project_id);

/* One audit row about object "WHAT:ID". */
struct shift_act {
    const char *actor, *action, *what;
    int64_t id;
    wall_s now;
};
enum err shift_audit(struct store_tx *tx, const struct shift_act *act, struct detail *d);

/* Letters, digits, dots, dashes, underscores. */
bool shift_id_ok(const char *id, size_t min, size_t max);
/* As much of a text as fits, closed with a zero. */
void shift_copy(char *out, size_t cap, const char *text);

#endif
