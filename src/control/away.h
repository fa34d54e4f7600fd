/*
 * Standing permissions 常备许可, the platform's side (docs/decisions/0032): the fee-control loop
 * gives them, keeps them new and ends them; what a gateway cut under one becomes our own cut.
 *
 *   none ─ given ─► live ─ payment, protection, wish, another tenant ... ─► ended
 *                     ├─ the gateway cut ─► used ─ the customer was told ─► told
 *                     └─ its cut was not made (too late, refused) ─► told: there is nothing to tell
 *
 * The id and the version of a cut are spent by the attempt; whatever is given after "ended" and
 * "told" is of new ones.
 *
 * While it is live the gateway may have used it without our knowing. Whoever ends it while the
 * gateway says nothing puts a restore in the same transaction: that is the first thing it hears.
 */
#ifndef YUFU_CONTROL_AWAY_H
#define YUFU_CONTROL_AWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "rating/rating.h"
#include "store/store.h"
#include "uplink/message.h"

/* The least that a unit can cost under a plan, in 10^-8 yuan. False: it may cost nothing, or there
 * is no telling (quota, subsidies, mixes, prices of dates ...). */
bool away_price(const struct rating_plan *plan, int64_t *price_e8);
/* What money surely buys, rounded up: nobody who has money left has used this much. */
int64_t away_energy_wh(int64_t margin_fen, int64_t price_e8);

/* The event UPLINK_AWAY_CUT of a gateway: it begins to cut. ERR_NOT_FOUND: no such meter. */
[[nodiscard]] enum err control_away_event(struct store_tx *tx, const struct uplink_event *event,
                                          wall_s now);

#endif
