/*
 * Periods: a price plan applied to the stretch between two readings of one meter, with what earlier
 * periods left behind. Pure, like the rest of rating/.
 *
 * A position is all that a later period must know: where the ladder's cycle stands, which days and
 * months have paid their fees, and the rounding remainder. Periods that adjoin, in any number,
 * count every unit once in its cycle and every day and month of a fee once.
 *
 * A period that crosses the beginning of a cycle is parted there. If no reading says what the
 * registers were, they are shared out by time and the lines are marked `apportioned`; the sum of
 * the energy stays exact.
 */
#ifndef YUFU_RATING_PERIOD_H
#define YUFU_RATING_PERIOD_H

#include "base/clock.h"
#include "rating/rating.h"

struct rating_position {
    bool begun;        /* false: nothing was ever charged, the rest means nothing */
    int32_t cycle_day; /* first local day of the ladder's cycle; 0: the plan had no ladder */
    int64_t used_wh;   /* in this cycle */
    int32_t fee_day;   /* the last local day, and the last month (year * 12 + month from 0), */
    int32_t fee_month; /*   whose fees were charged */
    int64_t carry;
};

struct rating_case {
    struct rating_registers from, to;
    wall_s opened_at;  /* first second */
    wall_s reading_at; /* of `to`, at or before closed_at */
    wall_s closed_at;  /* the second after the last */
    int32_t offset_s;  /* of the local day, seconds east of Greenwich */
};

/* ERR_RATING_UNBILLABLE for a plan that rating_period cannot apply: another unit than kWh, a
 * minimum, a fee by area, a surplus for large households, a heating season. Such plans can be
 * calculated (rating/statement.h) but must not be put on an account. */
[[nodiscard]] enum err rating_plan_settles(const struct rating_plan *plan);

/* The first day of the cycle in which a local day lies, and of the next one. Not for heating
 * seasons. Days count from 1970-01-01. */
int32_t rating_cycle_start(const struct rating_ladder *ladder, int32_t local_day);
int32_t rating_cycle_next(const struct rating_ladder *ladder, int32_t local_day);

/*
 * The bill of a period; `position` moves on. A fee by day falls due on each local day, and a fee by
 * month in each month, that begins within the period, and on the day and in the month in which the
 * very first one opens. On an error nothing changes but `bill`.
 *   ERR_RATING_UNBILLABLE, ERR_RATING_BACKWARDS, ERR_RATING_RATES, ERR_OVERFLOW as in rating.h
 */
[[nodiscard]] enum err rating_period(const struct rating_plan *plan, const struct rating_case *c,
                                     struct rating_position *position, struct rating_bill *bill);

#endif
