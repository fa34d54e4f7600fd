/* The check of relays, decisions and permissions against each other and the audit: part of `yufu
 * verify`. What is looked for is true by design after every commit, on a platform that runs too. */
#ifndef YUFU_CONTROL_VERIFY_H
#define YUFU_CONTROL_VERIFY_H

#include <stdint.h>

#include "base/err.h"
#include "store/store.h"

struct control_check {
    int64_t registers, wishes, commands, decisions, permissions;
    int64_t faults;
};
/* `fault` gets one English line for each; account_id 0: it is about no account. NULL: count only.
 */
typedef void control_fault(void *arg, int64_t account_id, const char *what, const char *which);
/* ERR_CONTROL_CHECK if there was any fault. */
[[nodiscard]] enum err control_verify(struct store_tx *tx, control_fault *fault, void *arg,
                                      struct control_check *out);

#endif
