/* Shared by the parts of rating/ only: the energy of one part of a period, taken in row by row. */
#ifndef YUFU_RATING_STATEMENT_IMPL_H
#define YUFU_RATING_STATEMENT_IMPL_H

#include "rating/statement.h"

static inline bool rating_has_rates(const struct rating_plan *plan)
{
    return plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
}

static inline bool rating_has_steps(const struct rating_plan *plan)
{
    return plan->kind == RATING_LADDER || plan->kind == RATING_TIME_OF_USE_LADDER;
}

static inline bool rating_has_season(const struct rating_plan *plan)
{
    return plan->area_bill.most_price_e8 != 0 || plan->area_bill.least_price_e8 != 0;
}

/* What the bounds of the ladder depend on besides the plan. */
struct rating_bounds {
    unsigned month; /* 1..12, of the cycle; needed for a high season */
    unsigned persons;
    int64_t numerator, denominator; /* moving in: to this part of it; 1 / 1: whole */
};

/* Usage of the days of one schedule, whose prices may be its own; or of all days. */
struct rating_base {
    int64_t total_wh, rate_wh[RATING_RATES];
};
#define RATING_BASES (RATING_SCHEDULES_MAX + 1) /* all days, then one a schedule */

struct rating_core {
    const struct rating_plan *plan;
    struct rating_statement *out;
    int month_entry; /* of by_month; -1: none */
    struct rating_base bases[RATING_BASES];
    int64_t free_wh[RATING_RATES + 1]; /* of the quota; the total for plans without rates */
    int64_t rate_wh[RATING_RATES];     /* sums of the rows, what was free not counted */
    int64_t cell_wh[RATING_STEPS_MAX][RATING_RATES]; /* BY_MATRIX */
    int64_t at_wh;                                   /* position */
};

/* What the bound of a step moves up by for so many persons. */
int64_t rating_surplus(const struct rating_ladder *l, size_t step, unsigned persons);

/* The entry of by_month for a month 1..12; -1: none. */
int rating_month_entry(const struct rating_plan *plan, unsigned month);

/* Begins a statement: k->plan, out, month_entry are set, the rest is 0. ERR_RATING_MONTH,
 * ERR_RATING_BACKWARDS. */
enum err rating_core_open(struct rating_core *k, const struct rating_bounds *bounds, int64_t carry,
                          int64_t used_before_wh);
/* Of a row as it was read: negative quantities, rates that do not add up; *billed_wh is what is
 * billed of it, the sum of the rates or the total. */
enum err rating_check_row(const struct rating_plan *plan, const struct rating_used *row,
                          int64_t *billed_wh);
/* ERR_RATING_RATES: a rate without a price, though all of it may be free. `base`: index into bases.
 */
enum err rating_core_priced(const struct rating_core *k, const struct rating_used *used,
                            unsigned base);
/* Usage that passed the check; plans with rates look at the rates only. `base`: index into bases.
 * ERR_RATING_RATES: a rate without a price. */
enum err rating_core_take(struct rating_core *k, const struct rating_used *used, unsigned base);
/* Free usage; `counts`: it moves the ladder. */
enum err rating_core_free(struct rating_core *k, const struct rating_used *used, bool counts);
/* Adds the lines of the energy. */
enum err rating_core_close(struct rating_core *k);
/* Adds a line and rounds it; one without quantity is left out. `amount_fen` of MINIMUM and SUBSIDY
 * is taken as it is, and the remainder passes by. */
enum err rating_state_add(struct rating_statement *out, const struct rating_item *shape);
/* bill_state.c: fees, power factor, minimum and subsidies of a statement. */
enum err rating_state_bill(const struct rating_plan *plan, const struct rating_request *request,
                           struct rating_statement *out);

/* Shares `part_wh` out over rates in proportion to what is left of them: whole Wh by largest
 * remainder, ties to the earlier rate. Adds to cell_wh, takes from left_wh. */
void rating_share_out(int64_t part_wh, int64_t left_wh[RATING_RATES],
                      int64_t cell_wh[RATING_RATES]);

/* Amount and remainder of quantity * price by a rounding rule; *carry goes in and comes out. */
enum err rating_find_amount(enum rating_rounding rounding, int64_t quantity_wh, int64_t price_e8,
                            int64_t *carry, int64_t *amount_fen);
/* Of a component or fee: its own, else the plan's. */
enum rating_rounding rating_part_rounding(const struct rating_plan *plan,
                                          const struct rating_part *part);

#endif
