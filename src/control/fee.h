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

#include <stddef.h>
#include <stdint.h>

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

/* A decision that fails with an error which nobody foresaw is undone by itself, said in the journal
 * (fee.failed) and tried again soon: what else stands in the transaction goes on. Only what
 * is no matter of one account (the disk is full ...) is returned. */

/* Run it when a reading of the account's meters arrived, after a payment, when a message was
 * delivered, and for what control_fee_due names. Does nothing for a closed account or one without
 * meters. ERR_NOT_FOUND. */
[[nodiscard]] enum err control_fee_check(struct store_tx *tx, const struct control_fee *fee);

/* The same after a reading, but nothing for an account that may be left alone
 * (billing/quiet.h): nobody at its level could be told or cut anything. With "n_days": 0 nobody is
 * left alone. */
[[nodiscard]] enum err control_fee_reading(struct store_tx *tx, const struct control_fee *fee);

/* Money came in, in this very transaction: a pending cut for arrears is withdrawn first (its
 * version is superseded), then the loop runs. `readings` NULL: only the former. */
[[nodiscard]] enum err control_payment(struct store_tx *tx, const struct control_fee *fee);

/* A payment of this account was begun and not answered yet: until it has ended, or its time is
 * over, nobody is cut, and a cut that is still on its way is withdrawn (whoever takes payments
 * calls these in its own transactions). The same key again moves the end. */
struct control_flight {
    int64_t account_id;
    const char *key; /* of the payment */
    wall_s now, until;
    uint64_t random;
};
[[nodiscard]] enum err control_payment_begun(struct store_tx *tx,
                                             const struct control_flight *flight);
[[nodiscard]] enum err control_payment_ended(struct store_tx *tx, int64_t account_id,
                                             const char *key);

/* Contracts, strategies, packages, prices, terms, accounts or places of a project were changed, in
 * this very transaction, for now or for a time to come: of whoever may not be cut any more while
 * the order lives, cuts on their way are withdrawn and permissions of gateways end. Call it after
 * the change. */
struct control_grounds {
    int64_t project_id; /* 0: of any */
    wall_s now;
    uint64_t random;
};
[[nodiscard]] enum err control_grounds_changed(struct store_tx *tx,
                                               const struct control_grounds *grounds);

/* The clock had leapt ahead and is right again: what was noted at times that have not come was
 * noted now, notices of such times were none, and whoever was decided then is decided again at
 * once. An account with money booked at such a time stays untrusted until it comes. */
[[nodiscard]] enum err control_clock_right(struct store_tx *tx, wall_s now);

/* Accounts whose last decision waits for a time that has come (a grace time ended, a window
 * opened), those that are rated at short notice, and once a day everybody: at most cap ids. An
 * account stays due until it was checked, whatever crashes in between. */
[[nodiscard]] enum err control_fee_due(struct store_tx *tx, wall_s now, int64_t *ids, size_t cap,
                                       size_t *count);

/* A message was delivered: notify's `delivered` calls it, in its transaction. Notices of the
 * running episode count towards a cut, if spaced as the strategy asks; one notice that went over
 * two channels is one notice and two channels. A message that is no notice (a cut was made ...)
 * changes nothing. */
struct control_notice {
    int64_t account_id, level, episode;
    wall_s at;
    const char *template; /* "balance_low" ...; NULL: a notice */
    const char *subject;  /* tells notices of one level apart; NULL: "" */
    const char *channel;  /* "console" ...; NULL: the console */
};
[[nodiscard]] enum err control_fee_notice(struct store_tx *tx, const struct control_notice *notice);

/* --- what a customer may ask for ---------------------------------------------------------------
 */

struct control_request {
    const struct readings *readings;
    int64_t account_id;
    const char *actor;
    wall_s now;
    uint64_t random;
};
/* Emergency credit, once an episode. ERR_STATE: not in an episode, or had already;
 * ERR_CONTROL_EMERGENCY: the strategy gives none. *credit_fen (may be NULL) is what was given. */
[[nodiscard]] enum err control_emergency(struct store_tx *tx, const struct control_request *r,
                                         int64_t *credit_fen);
/* Safe restore: it is safe to switch on. ERR_STATE: nothing waits for a confirmation. */
[[nodiscard]] enum err control_confirm_restore(struct store_tx *tx,
                                               const struct control_request *r);

#endif
