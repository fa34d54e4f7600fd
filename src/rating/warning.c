/* What is allowed in a plan but should be seen before it is saved. */
#include "rating/period_impl.h"

void rating_warn(struct rating_warned *w, enum rating_reason reason, struct rating_spot spot)
{
    if (w->count < w->room) {
        w->list[w->count] = (struct rating_problem){};
        (void)rating_refuse(&w->list[w->count], reason, spot); /* only writes it down */
    }
    w->count++;
}

size_t rating_plan_warnings(const struct rating_plan *plan, const struct calendar *calendar,
                            int32_t from_day, int32_t to_day, struct rating_problem *warnings,
                            size_t room)
{
    struct rating_warned w = {.list = warnings, .room = room};
    (void)calendar;
    (void)from_day;
    (void)to_day;
    rating_warn_bill(plan, &w);
    return w.count;
}
