/* The check of tills, days, bills, runs and late fees against the ledger: part of `yufu verify`. */
#ifndef YUFU_PAY_DESK_VERIFY_H
#define YUFU_PAY_DESK_VERIFY_H

#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct desk_check {
    int64_t shifts, entries, days, runs, grants, late_fees;
    int64_t faults;
};
/* `fault` gets one English line for each; account_id 0: it is about no account. NULL: count only.
 */
typedef void desk_fault(void *arg, int64_t account_id, const char *what, const char *which);
/* ERR_RUN_CHECK if there was any fault. */
[[nodiscard]] enum err desk_verify(struct store_tx *tx, desk_fault *fault, void *arg,
                                   struct desk_check *out);

#endif
