/*
 * The n-day rule in the house: who is taken into short-notice rating today.
 *
 * Once a local day, from the hour that the strategy says, every account is looked at: what will its
 * next days cost, at the 99th percentile? *need_days* is the smallest number of days that it does
 * not cover (1 .. NDAY_AHEAD_MAX; 0: it covers all of them); in arrears it is 1. The account is
 * selected if its need is at most n. So n can be tuned to a budget of accounts without looking at
 * anybody again.
 *
 * A selected account is rated at once, and again in the last hour of its day if nothing else has
 * led to a decision by then. It never stays unlooked at: the row of the day says when it was, and
 * a process that died goes on with those that have none.
 *
 * Everybody is rated with each reading as well. What the rule must not do is miss anybody who
 * would be warned or cut by that: nday_headroom says how far it reaches.
 */
#ifndef YUFU_CONTROL_NDAY_H
#define YUFU_CONTROL_NDAY_H

#include "billing/nday.h"
#include "strategy/strategy.h"

/* --- pure ----------------------------------------------------------------------------------------
 */

/* The smallest number of days that are not covered: strategy_rate_soon with each n. 0: none. */
int32_t nday_need(const struct strategy_policy *policy, const struct nday *f,
                  int64_t available_fen);

/* The largest n whose accounts fit into the budget, at least `least`; accounts[n] is how many have
 * need_days n (accounts[0]: none). budget 0: n_days stands. */
int32_t nday_tune(const int64_t accounts[NDAY_AHEAD_MAX + 1], int64_t budget, int32_t n_days,
                  int32_t least);

/* How much may be used before the next threshold of the policy is reached (a level by money, by
 * days left or by percent, or the cut): 0 if one is reached already. An account whose forecast of
 * the time until it is looked at again is less than this will not be warned or cut in it, unless
 * more is used than foreseen. `facts` as for strategy_level_of. */
int64_t nday_headroom(const struct strategy_policy *policy, const struct strategy_facts *facts);

/* --- in the house --------------------------------------------------------------------------------
 */

struct nday_turn {
    const struct readings *readings;
    wall_s now;
    int64_t limit; /* accounts a call */
};
/* Looks at accounts that have no row of today, tunes n where a strategy has a budget, and makes
 * selected ones due. *worked: accounts looked at; call again while it equals limit. */
[[nodiscard]] enum err nday_tick(struct store_tx *tx, const struct nday_turn *turn,
                                 int64_t *worked);

/* An account's row; ERR_NOT_FOUND: never looked at. */
struct nday_row {
    int32_t day; /* local day on which it was looked at */
    int64_t need_days, n_days;
    bool selected;
    wall_s looked_at, judged_at; /* judged_at 0: not yet on its day */
};
[[nodiscard]] enum err nday_get(struct store_tx *tx, int64_t account_id, struct nday_row *out);

#endif
