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
 * Where the gateway was heard in the last five minutes the restore is put five minutes later,
 * unless it was heard since; it cuts nobody before it was gone for ten.
 */
#ifndef YUFU_CONTROL_AWAY_H
#define YUFU_CONTROL_AWAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "control/fee.h"
#include "rating/period.h"
#include "store/store.h"
#include "uplink/message.h"

/* Why a plan allows nothing. */
enum away_plan {
    AWAY_PLAN_PRICED, /* it does */
    AWAY_PLAN_FREE,   /* a unit may cost nothing at some time */
    AWAY_PLAN_FALLING /* what comes later may make cheaper what was used before: energy is shared
                         out over steps, and a later one is cheaper; or a well used capacity lowers
                         the price of demand */
};
const char *away_plan_name(enum away_plan p); /* "" "plan_free" "plan_falling"; never NULL */
const char *away_plan_en(enum away_plan p);   /* the same as a sentence */
const char *away_plan_zh(enum away_plan p);

/* The least that a unit can cost under a plan at any time, in 10^-8 yuan: of all rates, steps,
 * months, schedules and parts of a mix, at the best power factor, with all components. */
enum away_plan away_price(const struct rating_plan *plan, int64_t *price_e8);

/* What a meter may still have besides its account's money, until the local day `until_day`, on
 * which a cycle or a month begins that may bring more (INT32_MAX: none does): what is left of the
 * free quota, and of the month's subsidies, and what a better power factor would give back. `day`:
 * the local day of the plan; the sums are added to. ERR_OVERFLOW. */
struct away_more {
    int64_t free_wh, credit_fen;
    int32_t until_day;
};
enum err away_more(const struct rating_plan *plan, const struct rating_position *position,
                   int32_t day, struct away_more *more);

/* What so many bills may lose by rounding, at most. */
int64_t away_rounding_fen(const struct rating_plan *plan, int64_t bills);
/* What money surely buys, rounded up: nobody who has money left has used this much. */
int64_t away_energy_wh(int64_t margin_fen, int64_t price_e8);

/* The permission of an account, for those who look; nothing is written. */
struct control_away {
    int64_t hours; /* of the strategy; 0: it gives none */
    bool live;     /* one is given and lasts: */
    wall_s made_at, valid_from, valid_until;
    int64_t left_wh, gateway_id; /* left_wh: when it was made; water: litres */
    uint64_t guards;             /* STRATEGY_GUARD set: what stands against one now */
    enum away_plan plan;
};
/* ERR_NOT_FOUND. */
[[nodiscard]] enum err control_away_look(struct store_tx *tx, const struct control_fee *fee,
                                         struct control_away *out);

/* What a gateway holds, a meter each: it may open the relay of this one. Texts live until the
 * callback returns. */
struct control_permit {
    int64_t account_id, meter_id;
    const char *account_code, *account_name, *address, *kind, *place;
    const char *strategy; /* "standard@3": the rule */
    wall_s made_at, valid_from, valid_until;
    int64_t left_wh; /* of the account when it was made; water: litres */
};
typedef enum err control_permit_each(void *arg, const struct control_permit *one);
/* Those that last, by how soon they end. Ends with the first error of `each`. */
[[nodiscard]] enum err control_permit_list(struct store_tx *tx, int64_t gateway_id, wall_s now,
                                           control_permit_each *each, void *arg);

/* The event UPLINK_AWAY_CUT of a gateway: it begins to cut. ERR_NOT_FOUND: no such meter. */
[[nodiscard]] enum err control_away_event(struct store_tx *tx, const struct uplink_event *event,
                                          wall_s now);

#endif
