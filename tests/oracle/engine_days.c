/* What the engine says of a plan's days: cycles, schedules, rates; and whether it can be settled.
 */
#include <inttypes.h>

#include "engine.h"

static bool uses_deep_valley(const struct plan *p)
{
    bool uses = false;
    for (int i = 0; i < p->span_count; i++)
        uses = uses || p->spans[i].rate == RATING_DEEP_VALLEY;
    for (int k = 0; k < p->schedule_count; k++)
        for (int i = 0; i < p->schedules[k].span_count; i++)
            uses = uses || p->schedules[k].spans[i].rate == RATING_DEEP_VALLEY;
    return uses;
}

/* Not with a minimum or an area a bill, or a rate that no register has. */
static bool settles(const struct plan *p)
{
    bool area = false;
    for (int i = 0; i < p->fee_count; i++)
        area = area || (p->fees[i].per == PER_AREA && p->fees[i].cycle < 0);
    return !area && !(p->minimum_fen && p->minimum_per != 1) &&
           !(p->intervals != 1 && uses_deep_valley(p));
}

static bool wants_rows(const struct plan *p)
{
    bool priced = false;
    for (int i = 0; i < p->schedule_count; i++)
        priced = priced || p->schedules[i].priced;
    return priced || (plan_has_rates(p) && p->intervals == 1);
}

/* With nothing but a price or a price a rate, so that registers alone say the bill. */
static bool billable(const struct plan *p)
{
    bool price = (p->kind == FLAT || p->kind == TIME_OF_USE) && p->mix_count == 0 &&
                 p->entry_count == 0 && p->schedule_count == 0;
    bool more = p->component_count || p->fee_count || p->minimum_fen || p->subsidy_count ||
                p->quota || p->factor_count || p->area_most_percent || p->area_least_percent;
    return price && !more && p->rounding <= CARRY && p->intervals != 1 && p->unit <= 0 &&
           !(plan_has_rates(p) && p->priced[RATING_DEEP_VALLEY]);
}

static void check_day(const struct rating_plan *plan, const struct plan *p, int day, int minute,
                      struct text *why)
{
    struct turn turn = plan_turn(p);
    bool unknown = false;
    size_t schedule = rating_schedule_of(plan, NULL, day, &unknown);
    int expected = schedule_of(p, day),
        rate = (int)rating_rate_on(plan, NULL, day, (unsigned)minute);
    if (plan_has_steps(p) && (rating_cycle_start(&plan->ladder, day) != turn_first(&turn, day) ||
                              rating_cycle_next(&plan->ladder, day) != turn_next(&turn, day)))
        text_add(why, "day %d: the cycle goes from %d to %d\n", day, turn_first(&turn, day),
                 turn_next(&turn, day));
    if (schedule != (size_t)(expected < 0 ? 0 : expected))
        text_add(why, "day %d: schedule %zu, not %d\n", day, schedule, expected);
    if (unknown != day_is_guessed(p, day))
        text_add(why, "day %d: the calendar knew the year or not\n", day);
    if (rate != (plan_has_rates(p) ? rate_at(p, expected, minute) : RATING_TOTAL))
        text_add(why, "day %d, minute %d: rate %d\n", day, minute, rate);
}

/* The first and last days of each schedule's dates and their neighbours, at a minute on either side
 * of a period's beginning. */
static void check_edges(const struct rating_plan *plan, const struct plan *p, struct chance *c,
                        struct text *why)
{
    for (int i = 0; i < p->schedule_count; i++) {
        const struct schedule *s = &p->schedules[i];
        int year = (int)chance_between(c, 2024, 2032);
        int minute = s->spans[chance_between(c, 0, s->span_count - 1)].from;
        int from =
            day_number(year, s->from_month ? s->from_month : 1, s->from_month ? s->from_day : 1);
        int to = day_number(year, s->from_month ? s->to_month : 12, s->from_month ? s->to_day : 31);
        const int days[] = {from - 1, from, to, to + 1};
        for (int k = 0; k < 4; k++)
            check_day(plan, p, days[k], (minute + 1439 * (k & 1)) % 1440, why);
        for (int k = 0; k < s->date_count; k++) {
            int date = s->dates[k], day = day_number(date / 10000, date / 100 % 100, date % 100);
            for (int beside = -1; beside <= 1; beside++)
                check_day(plan, p, day + beside, minute, why);
        }
    }
}

bool engine_same_days(const struct rating_plan *plan, const struct plan *p, struct chance *c,
                      struct text *why)
{
    if ((rating_plan_settles(plan) == ERR_OK) != settles(p))
        text_add(why, "the plan can be settled or not\n");
    if (rating_plan_wants_rows(plan) != wants_rows(p))
        text_add(why, "the plan wants rows or not\n");
    if ((rating_plan_billable(plan) == ERR_OK) != billable(p))
        text_add(why, "the plan can be billed from registers or not\n");
    for (int minute = 0; minute < 1440; minute += 1 + (int)chance_between(c, 0, 200)) {
        int last = p->schedule_count ? p->schedule_count - 1 : -1;
        int rate = plan_has_rates(p) ? rate_at(p, last, minute) : RATING_TOTAL;
        if ((int)rating_rate_at(plan, (unsigned)minute) != rate)
            text_add(why, "minute %d of any day: not rate %d\n", minute, rate);
    }
    for (int i = 0; i < 8; i++) {
        int day =
            day_number((int)chance_between(c, 2024, 2032), 1, 1) + (int)chance_between(c, 0, 365);
        check_day(plan, p, day, (int)chance_between(c, 0, 1439), why);
    }
    check_edges(plan, p, c, why);
    return why->len == 0;
}

/* --- ceilings ----------------------------------------------------------------------------------
 */

static bool warned(const struct rating_plan *plan, enum rating_reason reason)
{
    struct rating_problem problems[256];
    size_t n = rating_plan_warnings(plan, NULL, 20000, 20100, problems, 256);
    bool found = false;
    for (size_t i = 0; i < n && i < 256; i++)
        found = found || problems[i].reason == reason;
    return found;
}

bool engine_keeps_ceiling(const struct rating_plan *plan, struct plan *p, struct text *why)
{
    static struct text json;
    static struct rating_plan lower;
    struct rating_problem problem = {RATING_PLAN_OK, ""};
    int64_t e8 = price_e8(&p->catalogue);
    if (!p->has_ceiling || e8 < 2)
        return true;
    if (warned(plan, RATING_PRICE_ABOVE_CEILING))
        text_add(why, "the highest price is said to be above itself\n");
    decimal_set(&p->catalogue, e8 - 1, 8);
    text_clear(&json);
    plan_print(p, NULL, &json);
    enum err e = rating_plan_parse(json.at, json.len, &lower, &problem);
    if (p->ceiling_blocks ? e == ERR_OK || problem.reason != RATING_PRICE_ABOVE_CEILING
                          : e != ERR_OK || !warned(&lower, RATING_PRICE_ABOVE_CEILING))
        text_add(why, "10^-8 yuan lower the ceiling says %s\n", rating_reason_name(problem.reason));
    decimal_set(&p->catalogue, e8, 8);
    return why->len == 0;
}
