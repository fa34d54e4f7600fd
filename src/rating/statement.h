/*
 * Statements: any valid plan applied to usage that is given as quantities, with the position in the
 * ladder's cycle as an input. Pure, like the rest of rating/.
 *
 * Every item is one line with one rounding; by the rule "carry" the remainder goes on into the next
 * line, as in rating.h. A ladder by surcharge has the base lines first, then one surcharge line a
 * step. A ladder by price has one line a step, a matrix one line a step and rate. Lines without
 * quantity are left out. Then come one line a component, one a fee (two for demand above what is
 * contracted), the power factor, what is missing to the plan's minimum, and subsidies of as many
 * months as the statement has, at least one.
 *
 * The position counts the energy that is billed: with rates, their sum, those outside the steps
 * left out.
 */
#ifndef YUFU_RATING_STATEMENT_H
#define YUFU_RATING_STATEMENT_H

#include "rating/rating.h"

/* What was used in one stretch of time, thousandths of the plan's unit. Plans without rates look at
 * the total only; plans with rates bill the rates and check that they add up to the total. */
struct rating_used {
    int64_t total_wh;
    int64_t rate_wh[RATING_RATES];
};

struct rating_request {
    const struct rating_used *rows; /* in the order of time */
    size_t row_count;
    int64_t used_before_wh; /* in this cycle, before the first row */
    uint16_t persons;       /* in the household; 0: not known, no surplus */
    uint8_t month;          /* 1..12; needed if the plan has a high season or prices of months */
    int64_t carry;          /* of the bill before */
    /* what fees are counted in; each must be above 0 if the plan has such a fee */
    uint16_t days, months;
    uint32_t area_milli_m2;
    int64_t capacity_milli_kva;
    int64_t demand_milli_kw, contracted_milli_kw; /* the second for a floor or what is above */
    uint16_t first_recharges;                     /* 0 is allowed: then it is no line */
    int64_t reactive_wh;                          /* for a power factor: of all rows */
    bool reactive_known;
};

struct rating_item {
    enum rating_item_kind kind;
    enum rating_rate rate; /* RATING_TOTAL: all rates together */
    int step;              /* from 0; -1: not of a step */
    const char *code;      /* of component, fee, subsidy or mix, inside the plan; NULL: none */
    enum rating_rounding rounding;
    int8_t month_entry; /* of by_month, whose prices held; RATING_ENTRY_NONE */
    int8_t schedule;    /* whose prices held; RATING_ENTRY_NONE */
    int64_t quantity_wh;
    int64_t price_e8;
    int64_t carry_in, carry_out;
    int64_t amount_fen;
};

#define RATING_ITEMS_MAX                                                                           \
    (RATING_STEPS_MAX * RATING_RATES + RATING_RATES * (RATING_SCHEDULES_MAX + 2) +                 \
     3 * RATING_PARTS_MAX + RATING_SUBSIDIES_MAX + 3)

struct rating_statement {
    struct rating_item items[RATING_ITEMS_MAX];
    size_t item_count;
    int64_t energy_wh;                    /* billed */
    int64_t step_wh[RATING_STEPS_MAX];    /* of it in each step */
    int64_t step_to_wh[RATING_STEPS_MAX]; /* the bounds as they held; RATING_STEP_OPEN: none */
    int64_t used_after_wh;                /* position after the last row */
    int64_t amount_fen;
    int64_t carry;
};

/*
 * The plan must be valid.
 *   ERR_RATING_BACKWARDS  a quantity or the position is negative
 *   ERR_RATING_RATES      energy in a rate without a price, or a row's rates do not add up to its
 *                         total (RATING_RATES_TOLERANCE_WH)
 *   ERR_RATING_MONTH      a high season or prices of months, and the month is not 1..12
 *   ERR_RATING_DATES      the plan has what needs dates (rating/period.h): schedules with
 *                         prices, a free quota, a fee by area that is spread over days, or a
 *                         heating season held against its bill by area
 *   ERR_RATING_FEE        a fee, or a power factor, for what the request does not give
 *   ERR_OVERFLOW          a sum or an amount does not fit
 */
[[nodiscard]] enum err rating_state(const struct rating_plan *plan,
                                    const struct rating_request *request,
                                    struct rating_statement *out);

#endif
