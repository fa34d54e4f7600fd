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

/* A hundred days without a reading: cycles of every length begin in them. */
static void use_period(const struct rating_plan *plan, const struct rating_usage *u)
{
    struct rating_position position = {};
    struct rating_bill bill;
    struct rating_case c = {.from = u->from,
                            .to = u->to,
                            .opened_at = {1'790'000'000},
                            .reading_at = {1'798'640'000},
                            .closed_at = {1'798'640'000},
                            .offset_s = 8 * 3600};
    enum err e = rating_period(plan, &c, &position, &bill);
    check(e == rating_plan_settles(plan) || e == ERR_RATING_RATES || e == ERR_OVERFLOW);
    check(e != ERR_OK || bill.carry == position.carry);
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
