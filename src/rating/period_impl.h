/* Shared by the parts of rating/ only: a period while it is being rated. */
#ifndef YUFU_RATING_PERIOD_IMPL_H
#define YUFU_RATING_PERIOD_IMPL_H

#include "rating/period.h"
#include "rating/rating_impl.h"
#include "rating/statement_impl.h"

struct rating_work {
    const struct rating_plan *plan;
    const struct rating_case *c;
    const struct calendar *calendar;
    bool full;                   /* there were more lines than a bill holds */
    bool dated_prices;           /* a schedule has prices of its own */
    int32_t offset_s;            /* of the plan's zone, else of the case */
    struct rating_position next; /* becomes the position if all goes well */
    struct rating_bill *bill;    /* its carry is the remainder as it stands */
    const struct rating_row *rows;
    size_t row_count, row;      /* the first row that is not wholly rated */
    struct rating_registers at; /* as they stood at the end of the last part */
    int64_t priced_wh;          /* of the last parts, on which components are not charged yet */
    struct rating_line parts;   /* what those parts have in common: times, registers, marks */
    struct rating_row whole;    /* from and to of the case as a row */
    wall_s due_at;              /* up to here, and */
    size_t due_line;            /* before this line, all that fell due is charged */
};

/* Whether another meter of the account has gone beyond this: rating_shared. */
bool rating_is_late(const struct rating_work *w, wall_s to);

/* Year * 12 + month from 0. */
int32_t rating_month_of(int32_t local_day);

/* A line whose amount is quantity * price by its rounding; from the bill's remainder and into it. A
 * line without quantity is left out. ERR_RATING_LINES, ERR_OVERFLOW. */
enum err rating_work_price(struct rating_work *w, const struct rating_line *shape);
/* A line whose amount_fen is given; the remainder passes by. */
enum err rating_work_amount(struct rating_work *w, const struct rating_line *shape);

/* --- spread.c: the usage of rows, by the prices it falls under
 * -------------------------------------- */

/* A stretch within one cycle and one month's prices. */
struct rating_piece {
    wall_s from, to;
    bool last;
    struct rating_core core;
    struct rating_registers used; /* what its rows say, free units included */
    wall_s first, end;            /* of its rows */
    uint8_t flags;
    bool cut;                                /* a row was shared out between parts */
    bool shared[RATING_BASES][RATING_RATES]; /* or between rates or prices */
    struct rating_statement said;            /* begun by rating_core_open; the last: mostly room */
};

/* Takes what lies in the piece out of the work's rows: into its core, free units first, and into
 * what its registers counted. */
enum err rating_take_rows(struct rating_work *w, struct rating_piece *p);
enum err rating_sum_registers(const struct rating_registers *more, struct rating_registers *sum);

/* --- bill_due.c: what a bill has besides its energy ----------------------------------------------
 */

/* True: the plan has sums by the month, so that a period is parted at the first of each. */
bool rating_due_by_month(const struct rating_plan *plan);
/* The first day after this one at which sums begin anew: of a month, of a season or of the time
 * between two; INT32_MAX: the plan has none. */
int32_t rating_due_next(const struct rating_plan *plan, int32_t local_day);
/* After the lines of the energy up to `to`: at the end of the period (`last`), and at each
 * rating_due_next before. Adds what fell due since the last time. */
enum err rating_due_close(struct rating_work *w, wall_s to, bool last);

/* --- warnings ------------------------------------------------------------------------------------
 */

struct rating_warned {
    struct rating_problem *list;
    size_t room, count;
};
void rating_warn(struct rating_warned *w, enum rating_reason reason, struct rating_spot spot);
/* bill_ceiling.c: PRICE_ABOVE_CEILING; and PRICE_TOO_LARGE, of surcharges with their bases. */
/* Also PRICE_UNUSUAL: as high as a price in fen would be. */
void rating_warn_unusual(const struct rating_plan *plan, struct rating_warned *w);
void rating_warn_bill(const struct rating_plan *plan, struct rating_warned *w);
void rating_warn_sums(const struct rating_plan *plan, struct rating_warned *w);

#endif
