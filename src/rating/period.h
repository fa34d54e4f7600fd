/*
 * Periods: a price plan applied to the stretch between two readings of one meter, with what earlier
 * periods left behind. Pure, like the rest of rating/.
 *
 * A position is all that a later period must know: where the ladder's and the quota's cycles stand,
 * which days and months have paid their fees, sums of the month, and the rounding remainder. A part
 * of it is the account's, and goes from meter to meter. Periods that adjoin, in any number, count
 * every unit once in its cycle and every day and month of a fee once. A period that is cut in two
 * at a reading has the same exact sum as the whole; what can move is one thousandth of a unit where
 * whole thousandths are shared out (pro_rata, mix), and rounding by a rule other than carry.
 *
 * A period is parted where the plan means it: at the beginning of a cycle, and of a month with
 * prices of its own. What was used in a row (rating_row) that reaches over such a moment is shared
 * out by time, as a register that runs evenly would stand at it, rounded down, and the lines are
 * marked `apportioned`; the sum of the energy stays exact. Where rates come from intervals, or a
 * schedule has prices, the same holds at every moment at which rate or prices change.
 */
#ifndef YUFU_RATING_PERIOD_H
#define YUFU_RATING_PERIOD_H

#include "base/calendar.h"
#include "base/clock.h"
#include "rating/statement.h"

/* Up to where fees were charged. Months are year * 12 + month from 0. */
struct rating_paid {
    int32_t day, month;
    int32_t part_days; /* of the month of `day`, charged by fees for a part of a month */
};

/* What belongs to an account and not to one of its meters: its area and capacity, its free quota,
 * subsidies and season. Each is counted once, by the meter that comes to it first: the caller hands
 * it from one meter's period to the next. A period that ends before until_s comes late; it turns
 * nothing back, and counts where the account stands. */
struct rating_shared {
    int64_t until_s; /* the latest end of a period; 0: there was none, the rest means nothing */
    struct rating_paid paid;
    int32_t quota_day; /* first local day of the free quota's cycle; 0: the plan had none */
    int64_t quota_left_wh;
    int32_t month;                             /* of the two sums */
    int64_t month_fen;                         /* before subsidies */
    int64_t subsidy_fen[RATING_SUBSIDIES_MAX]; /* given in it */
    int32_t season_day; /* first local day of the heating season of these; 0: in none */
    int64_t season_fen, season_milli_m2; /* before subsidies; of the area, what fell to its days */
    int64_t season_limit_fen;            /* of its lines RATING_ITEM_SEASON so far */
    int64_t season_most_e8, season_least_e8; /* the bounds of the plan that counts it; 0: none */
};

struct rating_position {
    /* false: nothing was ever charged; only the ladder's count, `shared` and `carry` mean
     * something, which others may have moved */
    bool begun;
    int32_t cycle_day;       /* first local day of the ladder's cycle; 0: the plan had no ladder */
    int64_t used_wh;         /* counted in this cycle */
    struct rating_paid paid; /* by the day and month, and for demand */
    /* sums of a month, for what is settled by the month */
    int32_t month;      /* they belong to it */
    int64_t month_fen;  /* before subsidies */
    int64_t factor_fen; /* of the lines that the power factor is on */
    int64_t active_wh, reactive_wh;
    /* for which its demand was charged; 0: none */
    int64_t demand_milli_kw, contracted_milli_kw, capacity_milli_kva;
    int64_t others_wh; /* as the last case of the month had it */
    struct rating_shared shared;
    int64_t carry;
};

/* Of the only meter of an account, whose fees are charged up to this local day and month. */
struct rating_position rating_position_of(int32_t day, int32_t month, int64_t carry);

/* What was used between two readings. Rows ascend and do not overlap; a gap between them is time in
 * which nothing was measured (a meter exchange). */
struct rating_row {
    wall_s from, to;         /* from < to, both within opened_at .. closed_at */
    struct rating_used used; /* thousandths of the unit; rates only if has_rates */
    int64_t reactive_wh;     /* varh, for plans with a power factor */
    bool has_rates;          /* needed by plans with the meter's rates; else not looked at */
    bool estimated;
};

struct rating_case {
    struct rating_registers from, to;
    wall_s opened_at;  /* first second */
    wall_s reading_at; /* of `to`, at or before closed_at */
    wall_s closed_at;  /* the second after the last */
    int32_t
        offset_s; /* of the local day, seconds east of Greenwich; a plan's own zone comes first */
    /* With rows, `to` and `reading_at` are not looked at, and lines count their registers up from
     * `from`. Without, the one row goes from `from` to `to`, with the meter's four rates. */
    const struct rating_row *rows;
    size_t row_count;
    const struct calendar *calendar; /* NULL: the built-in one that the plan names */
    uint16_t persons;                /* in the household; 0: not known, no surplus */
    int32_t opened_day;              /* first local day of the account; 0: long ago */
    /* what fees and the power factor are counted in; a fee that falls due without it is refused */
    uint32_t area_milli_m2;
    int64_t capacity_milli_kva, contracted_milli_kw;
    int64_t demand_milli_kw;  /* the highest of the month so far */
    int64_t others_wh;        /* of the month so far, by the account's other meters; for a fee with
                                 utilised_wh */
    uint16_t first_recharges; /* months whose first recharge lies in this period */
    int64_t reactive_wh;      /* without rows: varh of the period */
    bool reactive_known;
    bool month_ends; /* the meter leaves: its month ends with this period, not the calendar's, */
    bool account_goes_on; /* but what its account shares does not: it has other meters */
};

/* ERR_RATING_UNBILLABLE for a plan that must not be put on an account, though it can be rated: with
 * a minimum or an area fee a bill (a settlement is a bill, and there is one a day), or with energy
 * in the deep valley that does not say "rates_from": "intervals" (a meter has no register for it).
 */
[[nodiscard]] enum err rating_plan_settles(const struct rating_plan *plan);

/* True: a period must come with dated rows, because from and to alone would share all of it out by
 * time (rates from intervals, schedules with prices). */
bool rating_plan_wants_rows(const struct rating_plan *plan);

/* What the power factor of the month puts on its sum (factor_fen) as things stand; 0 where nothing
 * flowed, or the plan has none. */
int32_t rating_factor_now_e4(const struct rating_plan *plan,
                             const struct rating_position *position);

/* The first day of the cycle in which a local day lies, and of the next one. Days count from
 * 1970-01-01. A heating season is a cycle, and the time between two of them another. */
int32_t rating_cycle_start(const struct rating_ladder *ladder, int32_t local_day);
int32_t rating_cycle_next(const struct rating_ladder *ladder, int32_t local_day);

/* The schedule of a local day; 0 if the plan has none. *unknown, if not NULL: the plan asked the
 * calendar (NULL: the built-in one), and it does not know the year. */
size_t rating_schedule_of(const struct rating_plan *plan, const struct calendar *calendar,
                          int32_t local_day, bool *unknown);
/* The rate of a minute of that day; RATING_TOTAL for a plan without rates. */
enum rating_rate rating_rate_on(const struct rating_plan *plan, const struct calendar *calendar,
                                int32_t local_day, unsigned minute);

/*
 * The bill of a period; `position` moves on. A fee by day falls due on each local day, and a fee by
 * month in each month, that begins within the period, and on the day and in the month in which the
 * very first one opens. On an error nothing changes but `bill`.
 *   ERR_RATING_ROWS       rows or the period do not stand in order of time
 *   ERR_RATING_BACKWARDS  a quantity or a register fell
 *   ERR_RATING_RATES      as in rating.h; also a row without rates for a plan with the meter's
 * rates ERR_RATING_FEE        a fee is due, or a power factor, for what the case does not give
 *   ERR_RATING_LINES      more lines than a bill holds: cut the period
 *   ERR_OVERFLOW          a sum or an amount does not fit
 */
[[nodiscard]] enum err rating_period(const struct rating_plan *plan, const struct rating_case *c,
                                     struct rating_position *position, struct rating_bill *bill);

/* What is allowed but should be seen before a plan is saved: CALENDAR_YEAR_MISSING (a year between
 * the days that the plan's calendar does not know; the place says which), PRICE_ABOVE_CEILING,
 * STEP_CHEAPER (a step costs less than the one before), FACTOR_FEE (the power factor is on a fee
 * that the plan does not have), PRICE_UNUSUAL (as high as a price in fen would be). Answers how
 * many there are; the first `room` are written. `calendar` NULL: the built-in one that the plan
 * names. */
size_t rating_plan_warnings(const struct rating_plan *plan, const struct calendar *calendar,
                            int32_t from_day, int32_t to_day, struct rating_problem *warnings,
                            size_t room);

#endif
