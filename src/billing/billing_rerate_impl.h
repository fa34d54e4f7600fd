/* Shared by the parts of billing/ that rate again. */
#ifndef YUFU_BILLING_BILLING_RERATE_IMPL_H
#define YUFU_BILLING_BILLING_RERATE_IMPL_H

#include "billing/billing_impl.h"

struct run {
    int64_t id, project_id, version, cursor;
    char plan_code[SITE_CODE_MAX + 1]; /* of a plan's version only, like the version */
    wall_s effective_at;
    enum rerate_cause cause;
};

const char *rerate_cause_name(enum rerate_cause cause);
/* One account, whole. What it cannot do is left out of a plan's run, and an error for the others.
 */
[[nodiscard]] enum err rerate_account(struct store_tx *tx, const struct billing *b,
                                      const struct run *run, int64_t account_id, wall_s now);
/* It is not rated again, for this reason: a row that people see. */
[[nodiscard]] enum err rerate_leave_out(struct store_tx *tx, int64_t rerate_id, int64_t account_id,
                                        const char *reason);

#endif
