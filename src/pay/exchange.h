/*
 * The exchange of a meter as one act of a person: the old device's last registers end its period,
 * what the ledger holds in its wallet comes home and is sold into the new device, and the evidence
 * stands beside it for ever.
 */
#ifndef YUFU_PAY_EXCHANGE_H
#define YUFU_PAY_EXCHANGE_H

#include "pay/pay.h"

struct pay_exchange {
    int64_t meter_id;
    int64_t epoch;               /* the installation period that ends, as the person saw it */
    const char *exchange_id;     /* made by the client, as a request's */
    const char *address, *model; /* of the new device; NULL: as before */
    int64_t closing_wh[READINGS_REGISTERS], opening_wh[READINGS_REGISTERS];
    int64_t display_fen; /* what the old wallet's display showed: it ends the bill, and is kept as
                            evidence; INT64_MIN: it could not be read */
    bool keep;           /* the credit stays on the platform: the account is to be closed */
    const char *actor;
    const char *evidence; /* what was seen and where it is kept: photographs, the work order */
    wall_s now;
    uint64_t random;
    const struct billing *billing;
};
struct pay_exchanged {
    int64_t epoch;      /* the new one */
    int64_t wallet_fen; /* came home from the old wallet; negative: an overdraft became arrears */
};
/* A repeat of the same id answers what was done and changes nothing.
 *   ERR_VEND_ORDER_ID     malformed id         ERR_BILLING_REASON  no evidence
 *   ERR_VEND_DIFFERENT    the id was used for another exchange of this meter
 *   ERR_PAY_EPOCH         somebody exchanged it meanwhile
 *   ERR_VEND_OPEN         a sale to it is unresolved   ERR_RATING_BACKWARDS  as billing_exchange
 *   ERR_SITE_METER        a malformed address or model ERR_NOT_FOUND         no such meter */
[[nodiscard]] enum err pay_exchange(struct store_tx *tx, const struct pay_exchange *x,
                                    struct pay_exchanged *out);

struct pay_exchange_row {
    int64_t meter_id, epoch, display_fen, wallet_fen; /* display INT64_MIN: not read */
    wall_s at;
    const char *exchange_id, *actor, *evidence;
    const char *old_address, *old_model, *new_address, *new_model;
    const char *closing_wh, *opening_wh; /* JSON arrays */
    bool kept;
};
typedef enum err pay_exchange_each(void *arg, const struct pay_exchange_row *row);
/* Of an account's meters, newest first. */
[[nodiscard]] enum err pay_exchanges(struct store_tx *tx, int64_t account_id, int64_t limit,
                                     pay_exchange_each *each, void *arg);

#endif
