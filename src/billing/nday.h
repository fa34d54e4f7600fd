/*
 * What the next days will cost an account: its own use foreseen (src/forecast), priced as a bill of
 * those days would be, from where its ladders, quotas and fees will stand. So the price is that of
 * the step and the hours in which the energy will fall, and standing fees are in it.
 */
#ifndef YUFU_BILLING_NDAY_H
#define YUFU_BILLING_NDAY_H

#include "billing/billing.h"
#include "forecast/forecast.h"

#define NDAY_AHEAD_MAX 14

struct nday {
    bool known; /* false: nothing to foresee from, or a price that cannot be told: all below is 0 */
    int32_t days;
    /* of the first i + 1 days from now, rising with i and with the quantile; POINT is not filled */
    int64_t cost_fen[NDAY_AHEAD_MAX][FORECAST_QUANTILES];
    struct forecast_reason reason; /* of the meter that used the most */
};

/* `days` 1 .. NDAY_AHEAD_MAX. ERR_NOT_FOUND, ERR_BILLING_METERS; what cannot be foreseen is not an
 * error. */
[[nodiscard]] enum err nday_foresee(struct store_tx *tx, const struct readings *readings,
                                    int64_t account_id, wall_s now, int32_t days, struct nday *out);

/* Whole days that a balance covers at a quantile: 0 .. days; `days` also stands for more. */
int32_t nday_lasts(const struct nday *f, int64_t available_fen, enum forecast_quantile q);

#endif
