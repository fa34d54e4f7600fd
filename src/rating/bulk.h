/*
 * Rating of many accounts at once: a compiled plan applied to columns. Pure.
 *
 * The results are those of rating_state (rating/statement.h) for one row, bit by bit; only the
 * lines are not made. That is possible because of the rule "carry": what was rounded away goes on
 * into the next line, so a bill's sum and its last remainder depend on the sum of the lines' exact
 * amounts alone, not on how many lines there are. What is outside the range in which 64 bits hold
 * that sum, and every row with something wrong in it, goes through rating_state itself.
 */
#ifndef YUFU_RATING_BULK_H
#define YUFU_RATING_BULK_H

#include "rating/rating.h"

#define RATING_BULK_STEPS_MAX 8
#define RATING_BULK_PLANS_MAX 4096

/* What the bounds of a ladder depend on besides the plan. */
struct rating_class {
    uint8_t month;    /* 1..12; needed if the plan has a high season */
    uint16_t persons; /* in the household; 0: not known */
};

struct rating_compiled {
    const struct rating_plan *plan; /* borrowed: must outlive this */
    struct rating_class class;
    int64_t rate_price_e8[RATING_RATES], rate_max_wh[RATING_RATES];
    int64_t price_e8; /* on the whole quantity */
    int64_t by_rate;  /* all bits set: the quantity is the sum of the rates; 0: it is the total */
    int64_t quantity_max_wh, position_max_wh;
    /* Where steps begin; beyond the last nothing is. What the steps make of x is, where n of them
     * begin below x, x * step_e8[n] - step_less[n], modulo 2^64. */
    int64_t from_wh[RATING_BULK_STEPS_MAX + 1];
    uint64_t step_e8[RATING_BULK_STEPS_MAX + 1], step_less[RATING_BULK_STEPS_MAX + 1];
    size_t step_count;
};

/*
 * A flat, time-of-use or ladder plan, or both with surcharges, with or without components.
 *   ERR_RATING_BULK  it has what cannot be compiled: a matrix, fees, a minimum, a rounding rule
 * other than carry, more steps than RATING_BULK_STEPS_MAX, or a rule that is newer than this part:
 * the result is tried against rating_state before it is given out. Such a plan is applied by
 * rating_state. ERR_RATING_MONTH as rating_state
 */
[[nodiscard]] enum err rating_compile(const struct rating_plan *plan, struct rating_class class,
                                      struct rating_compiled *out);

/* One entry an account, everything in Wh and exact units as in rating.h; see rating_request. */
struct rating_columns {
    size_t count;
    /* cumulative registers: sharp, peak, flat, valley ..., total. A rate's column may be NULL in
     * both: nothing was used in it. If the total's are NULL, the total is the sum of the rates. */
    const int64_t *from_wh[RATING_RATES + 1], *to_wh[RATING_RATES + 1];
    const int64_t *position_wh; /* used before in the ladder's cycle */
    const int64_t *carry;       /* |carry| <= UNITS_EXACT_PER_FEN / 2 */
    const uint16_t *plan;       /* index into the compiled plans */
};

struct rating_amounts {
    int64_t *amount_fen, *carry;
    uint16_t *refused; /* enum err of rating_state; an account that is refused has amount 0, and its
                          carry as it was */
};

/* Returns how many accounts were refused. A plan index outside the list is refused: ERR_RANGE. */
size_t rating_bulk(const struct rating_compiled *plans, size_t plan_count,
                   const struct rating_columns *columns, const struct rating_amounts *out);

#endif
