/*
 * Standing permissions on their way to the gateways (docs/decisions/0032): rows of table `permit`.
 *
 * A change is sent to a connected gateway after its commit (headend_poke, headend_tick), all that
 * stand after each WELCOME, which has ended whatever the gateway still held. A gateway whose HELLO
 * does not say that it understands them is told nothing. What permissions say is the business of
 * control/away.h.
 */
#ifndef YUFU_HEADEND_PERMIT_H
#define YUFU_HEADEND_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "store/store.h"
#include "uplink/message.h"

/* Instead of the account's last one. ERR_FULL: it does not fit into a message. */
[[nodiscard]] enum err headend_permit_put(struct store_tx *tx, int64_t gateway_id,
                                          const struct uplink_permit *permit);
/* Whatever the account has, at whatever gateway, ends. */
[[nodiscard]] enum err headend_permit_end(struct store_tx *tx, int64_t account_id);

#endif
