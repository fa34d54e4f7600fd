/*
 * Price plans and strategies: any text may come out of a file or a form. What is accepted must pass
 * its own check, and a plan must be able to price every minute and a bill.
 */
#include <stdint.h>
#include <stdlib.h>

#include "rating/period.h"
#include "rating/rating.h"
#include "strategy/strategy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static bool has_rates(const struct rating_plan *plan)
{
    return plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
}

/* Whatever the plan: each line multiplies out, and the next goes on with its remainder. */
static void check_bill(const struct rating_bill *bill)
{
    int64_t carry = 0, sum_fen = 0;
    for (size_t i = 0; i < bill->line_count; i++) {
        const struct rating_line *line = &bill->lines[i];
        __int128 exact = (__int128)line->quantity_wh * line->price_e8 + line->carry_in;
        check(line->carry_in == carry);
        check(line->rounding != RATING_CARRY || line->kind == RATING_ITEM_MINIMUM ||
              line->kind == RATING_ITEM_SUBSIDY ||
              exact == (__int128)line->amount_fen * UNITS_EXACT_PER_FEN + line->carry_out);
        carry = line->carry_out;
        sum_fen += line->amount_fen;
    }
    check(carry == bill->carry && sum_fen == bill->amount_fen);
}

static const struct rating_case terms = {.offset_s = 8 * 3600,
                                         .persons = 6,
                                         .opened_day = 20'720,
                                         .area_milli_m2 = 90'000,
                                         .capacity_milli_kva = 315'000,
                                         .contracted_milli_kw = 200'000,
                                         .demand_milli_kw = 230'000,
                                         .first_recharges = 1,
                                         .reactive_known = true};

static bool is_lawful(enum err e)
{
    return e == ERR_OK || e == ERR_RATING_RATES || e == ERR_RATING_LINES || e == ERR_OVERFLOW;
}

/* A hundred days without a reading: cycles of every length begin in them. */
static void use_period(const struct rating_plan *plan, const struct rating_usage *u)
{
    struct rating_position position = {};
    struct rating_bill bill;
    struct rating_case c = terms;
    c.from = u->from;
    c.to = u->to;
    c.opened_at = (wall_s){1'790'000'000};
    c.reading_at = c.closed_at = (wall_s){1'798'640'000};
    enum err e = rating_period(plan, &c, &position, &bill);
    check(is_lawful(e));
    check(e != ERR_OK || bill.carry == position.carry);
    if (e == ERR_OK)
        check_bill(&bill);
}

/* Three readings in two periods, at odd seconds and over the end of a year. */
static void use_rows(const struct rating_plan *plan)
{
    struct rating_position position = {};
    struct rating_bill bill;
    struct rating_row rows[] = {
        {.from = {1'798'600'001}, .to = {1'798'640'002}, .reactive_wh = 7},
        {.from = {1'798'640'002}, .to = {1'798'800'003}, .reactive_wh = 600'000},
        {.from = {1'798'900'004}, .to = {1'798'900'005}, .estimated = true}};
    static const size_t first[] = {0, 2}, count[] = {2, 1};
    for (int i = 0; i < 3; i++) {
        rows[i].has_rates = true;
        rows[i].used.rate_wh[RATING_PEAK] = i * 500'000;
        rows[i].used.rate_wh[RATING_VALLEY] = 70'003;
        rows[i].used.total_wh = 70'003 + i * 500'000;
    }
    for (int i = 0; i < 2; i++) {
        struct rating_case c = terms;
        c.opened_at = i == 0 ? rows[0].from : rows[1].to;
        c.closed_at = rows[first[i] + count[i] - 1].to;
        c.rows = rows + first[i];
        c.row_count = count[i];
        enum err e = rating_period(plan, &c, &position, &bill);
        check(is_lawful(e));
        if (e != ERR_OK)
            return;
        if (i == 0)
            check_bill(&bill);
    }
}

static void use_statement(const struct rating_plan *plan, const struct rating_usage *u)
{
    static struct rating_statement out;
    struct rating_used used = {.total_wh = u->to.total_wh};
    struct rating_request r = {.rows = &used,
                               .row_count = 1,
                               .month = 7,
                               .persons = 6,
                               .days = 31,
                               .months = 1,
                               .area_milli_m2 = terms.area_milli_m2,
                               .capacity_milli_kva = terms.capacity_milli_kva,
                               .demand_milli_kw = terms.demand_milli_kw,
                               .contracted_milli_kw = terms.contracted_milli_kw,
                               .first_recharges = 1,
                               .reactive_wh = 750,
                               .reactive_known = true};
    enum err e = rating_state(plan, &r, &out);
    check(is_lawful(e) || e == ERR_RATING_DATES);
}

static void use_warnings(const struct rating_plan *plan)
{
    struct rating_problem some[2];
    size_t count = rating_plan_warnings(plan, NULL, 20'700, 21'500, some, 2);
    for (size_t i = 0; i < count && i < 2; i++)
        check(some[i].reason != RATING_PLAN_OK && some[i].place[0] != '\0');
}

static void use_plan(const struct rating_plan *plan)
{
    struct rating_usage u = {.to = {.total_wh = 1000}};
    struct rating_bill bill;
    check(rating_plan_check(plan, NULL) == ERR_OK);
    for (unsigned minute = 0; minute < RATING_DAY_MINUTES; minute += 7) {
        enum rating_rate rate = rating_rate_at(plan, minute);
        bool matrix =
            plan->kind == RATING_TIME_OF_USE_LADDER && plan->ladder.form == RATING_BY_MATRIX;
        check(has_rates(plan) == (rate != RATING_TOTAL));
        check(rate == RATING_TOTAL || matrix || plan->priced[rate]);
    }
    enum err e = rating_charge(plan, &u, 0, &bill);
    check(e == rating_plan_billable(plan) || e == ERR_RATING_RATES);
    use_period(plan, &u);
    use_rows(plan);
    use_statement(plan, &u);
    use_warnings(plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rating_plan plan;
    struct rating_problem problem;
    struct strategy_policy policy;
    struct strategy_problem fault;
    if (rating_plan_parse((const char *)data, size, &plan, &problem) == ERR_OK)
        use_plan(&plan);
    else
        check(problem.reason != RATING_PLAN_OK);
    if (strategy_policy_parse((const char *)data, size, &policy, &fault) == ERR_OK)
        check(strategy_policy_check(&policy, NULL) == ERR_OK);
    else
        check(fault.fault != STRATEGY_FAULT_NONE);
    return 0;
}
