/*
 * Who may be left alone between two full ratings, and why nobody is missed by that.
 *
 * An account at level 0 is neither told nor cut anything. It is *quiet* as long as it surely stays
 * there: its allowance is an amount of energy that, at the highest price its plan has for any unit
 * and with all fees until then, cannot bring it to a level of its policy. A reading beyond the
 * allowance, any posting, and any change of plan, terms, meters or strategy ends the quiet at once.
 * Hence, exactly: if every reading is held against the allowance (quiet_holds), then
 *
 *   quiet, not used more than the allowance, nothing posted or changed  =>  the level is still 0
 *
 * so that leaving the account out decides as rating it does. This rests on no forecast: where
 * reality beats what was foreseen the allowance runs out, and the very reading that shows it is
 * rated; only the amount of work is another one. Plans for which no highest price can be told
 * (demand, power factor, minima, subsidies, prices of dates ...) have no quiet accounts.
 *
 * All others are *watched*: rated with every reading. Those that the n-day rule has selected
 * (control/nday.h) are *short*: rated at short notice by the clock as well.
 */
#ifndef YUFU_BILLING_QUIET_H
#define YUFU_BILLING_QUIET_H

#include "billing/billing.h"
#include "rating/period.h"

#define QUIET_SHORT_S 180 /* a short account is rated at least so often */

/* --- pure --------------------------------------------------------------------------------------
 */

/* The most that a unit of energy can cost under a plan, in 10^-8 yuan, and the most that its fees
 * come to over `days` local days. False: there is no such bound. */
struct quiet_bound {
    int64_t price_e8, fees_fen;
};
bool quiet_bound(const struct rating_plan *plan, const struct rating_case *terms, int32_t days,
                 struct quiet_bound *out);
/* Energy that surely costs no more than margin_fen; 0: none. */
int64_t quiet_allowance_wh(const struct quiet_bound *bound, int64_t margin_fen);

/* --- from the books ------------------------------------------------------------------------------
 */

/* The allowance of an account that may lose margin_fen on the local day that ends at or after
 * `until`; 0: none. */
[[nodiscard]] enum err quiet_allow(struct store_tx *tx, const struct readings *readings,
                                   const struct billing_outlook *o, int64_t margin_fen,
                                   wall_s until, int64_t *wh);

enum quiet_state { QUIET_SHORT, QUIET_WATCHED, QUIET_QUIET, QUIET_STATES };
const char *quiet_state_name(enum quiet_state s); /* "short" "watched" "quiet"; never NULL */

/* What the last rating of an account said. */
struct quiet_row {
    int64_t account_id, project_id;
    enum quiet_state state;
    wall_s rated_at, next_at; /* next_at: rated again by the clock */
    wall_s quiet_until;       /* QUIET: until then, and */
    int64_t allow_wh;         /* not used more than this */
};
/* Written with the registers and books as they stand now. */
[[nodiscard]] enum err quiet_put(struct store_tx *tx, const struct readings *readings,
                                 const struct quiet_row *row);
[[nodiscard]] enum err quiet_get(struct store_tx *tx, int64_t account_id,
                                 struct quiet_row *row); /* ERR_NOT_FOUND */
[[nodiscard]] enum err quiet_drop(struct store_tx *tx, int64_t account_id);
/* Watched, and rated again by the clock at `at`. Nothing for an account without a row. */
[[nodiscard]] enum err quiet_postpone(struct store_tx *tx, int64_t account_id, wall_s at);

/* May this account be left alone now? See above. An account without a row may not. */
[[nodiscard]] enum err quiet_holds(struct store_tx *tx, const struct readings *readings,
                                   int64_t account_id, wall_s now, bool *quiet);

#endif
