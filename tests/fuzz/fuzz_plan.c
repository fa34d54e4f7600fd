/*
 * Price plans and strategies: any text may come out of a file or a form. What is accepted must pass
 * its own check, and a plan must be able to price every minute and a bill.
 */
#include <stdint.h>
#include <stdlib.h>

#include "rating/rating.h"
#include "strategy/strategy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static void use_plan(const struct rating_plan *plan)
{
    struct rating_usage u = {.to = {.total_wh = 1000}};
    struct rating_bill bill;
    check(rating_plan_check(plan, NULL) == ERR_OK);
    for (unsigned minute = 0; minute < RATING_DAY_MINUTES; minute += 7) {
        enum rating_rate rate = rating_rate_at(plan, minute);
        check(plan->kind == RATING_FLAT ? rate == RATING_TOTAL : plan->priced[rate]);
    }
    enum err e = rating_charge(plan, &u, 0, &bill);
    check(e == ERR_OK || e == ERR_RATING_RATES);
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
