/*
 * The fee-control loop of one account: gather the facts (balance, accrued charge, forecast, relay,
 * keep-power, age of readings, contract, warnings delivered, sales on their way), let strategy/
 * decide, and carry the decision out: fee_state, event, message and relay wish, in the caller's
 * transaction. The decision is stored with its facts and reasons.
 *
 * Wallet on the platform: we warn, cut and restore. Wallet in the meter: the meter cuts and
 * restores by itself; we warn and watch.
 */
#ifndef YUFU_CONTROL_FEE_H
#define YUFU_CONTROL_FEE_H

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

struct readings;

struct control_fee {
    const struct readings *readings; /* latest registers of all meters */
    int64_t account_id;
    wall_s now;
    uint64_t random;
};

/* Run it when a reading of the account's meters arrived, after a payment, when a message was
 * delivered, and when a decision's time has come (control_fee_due). Does nothing for a closed
 * account or one without meters. ERR_NOT_FOUND. */
[[nodiscard]] enum err control_fee_check(struct store_tx *tx, const struct control_fee *fee);

/* Money came in, in this very transaction: a pending cut for arrears is withdrawn first (its
 * version is superseded), then the loop runs. `readings` NULL: only the former. */
[[nodiscard]] enum err control_payment(struct store_tx *tx, const struct control_fee *fee);

#endif
