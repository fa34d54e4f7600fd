#include <string.h>

#include "base/must.h"
#include "rating/rating_impl.h"

struct sentence {
    const char *name, *en, *zh;
};

static const struct sentence sentences[] = {
#define RATING_REASON(name, en, zh) {#name, en, zh},
#include "rating/reason_table.h"
#undef RATING_REASON
};

static const struct sentence *sentence_of(enum rating_reason reason)
{
    return &sentences[reason < RATING_REASON_COUNT ? reason : RATING_PLAN_OK];
}

const char *rating_reason_name(enum rating_reason reason)
{
    return sentence_of(reason)->name;
}

const char *rating_reason_en(enum rating_reason reason)
{
    return sentence_of(reason)->en;
}

const char *rating_reason_zh(enum rating_reason reason)
{
    return sentence_of(reason)->zh;
}

static size_t append(char *place, size_t at, const char *text)
{
    for (; *text && at + 1 < RATING_PLACE_MAX; text++)
        place[at++] = *text;
    place[at] = '\0';
    return at;
}

enum err rating_refuse(struct rating_problem *problem, enum rating_reason reason,
                       struct rating_spot spot)
{
    if (!problem)
        return ERR_RATING_PLAN;
    problem->reason = reason;
    size_t at = append(problem->place, 0, spot.name);
    if (spot.index >= 0) {
        char number[] = {'[', (char)('0' + spot.index / 10), (char)('0' + spot.index % 10), ']', 0};
        if (spot.index < 10)
            memmove(number + 1, number + 2, sizeof number - 2);
        at = append(problem->place, at, number);
    }
    if (spot.member) {
        at = append(problem->place, at, ".");
        (void)append(problem->place, at, spot.member); /* the length is not needed any more */
    }
    return ERR_RATING_PLAN;
}

enum err rating_check_price(int64_t price_e8, struct rating_problem *problem,
                            struct rating_spot spot)
{
    if (price_e8 < 0)
        return rating_refuse(problem, RATING_PRICE_NEGATIVE, spot);
    if (price_e8 > RATING_PRICE_MAX_E8)
        return rating_refuse(problem, RATING_PRICE_TOO_LARGE, spot);
    return ERR_OK;
}

void rating_path_index(char *path, size_t cap, const char *a, int index)
{
    size_t n = 0;
    char digits[12];
    size_t count = 0;
    for (; *a && n + 1 < cap; a++)
        path[n++] = *a;
    for (unsigned v = index < 0 ? 0 : (unsigned)index; count == 0 || v > 0; v /= 10)
        digits[count++] = (char)('0' + v % 10);
    if (n + count + 3 < cap) {
        path[n++] = '[';
        while (count > 0)
            path[n++] = digits[--count];
        path[n++] = ']';
    }
    path[n] = '\0';
}

static enum err check_prices(const struct rating_plan *plan, struct rating_problem *problem)
{
    bool any = false;
    for (unsigned rate = 0; rate < RATING_RATES; rate++) {
        if (!plan->priced[rate])
            continue;
        any = true;
        TRY(rating_check_price(
            plan->rate_price_e8[rate], problem,
            (struct rating_spot){"prices", -1, rating_rate_name((enum rating_rate)rate)}));
    }
    return any ? ERR_OK
               : rating_refuse(problem, RATING_PRICES_NONE,
                               (struct rating_spot){"prices", -1, NULL});
}

static bool covers(const struct rating_period *p, unsigned minute)
{
    if (p->from_minute < p->to_minute)
        return p->from_minute <= minute && minute < p->to_minute;
    return minute >= p->from_minute || minute < p->to_minute;
}

static enum err check_periods(const struct rating_plan *plan, struct rating_problem *problem)
{
    unsigned priced = 0;
    if (plan->schedule_count > 0)
        return ERR_OK; /* rating_check_dates */
    for (unsigned r = 0; r < RATING_RATES; r++)
        priced |= plan->priced[r] ? 1u << r : 0;
    return rating_check_cover(
        &(struct rating_cover){plan->periods, plan->period_count, RATING_PERIODS_MAX, priced, -1},
        problem);
}

static enum err check_kind(const struct rating_plan *plan, struct rating_problem *problem)
{
    switch (plan->kind) {
    case RATING_FLAT:
        return rating_check_price(plan->price_e8, problem, (struct rating_spot){"price", -1, NULL});
    case RATING_TIME_OF_USE:
        TRY(check_prices(plan, problem));
        return check_periods(plan, problem);
    case RATING_LADDER:
        return rating_check_ladder(plan, problem);
    case RATING_TIME_OF_USE_LADDER:
        TRY(rating_check_ladder(plan, problem));
        if (plan->ladder.form == RATING_BY_SURCHARGE)
            TRY(check_prices(plan, problem));
        return check_periods(plan, problem);
    default:
        return rating_refuse(problem, RATING_KIND_UNKNOWN, (struct rating_spot){"kind", -1, NULL});
    }
}

enum err rating_plan_check(const struct rating_plan *plan, struct rating_problem *problem)
{
    if (problem)
        *problem = (struct rating_problem){.reason = RATING_PLAN_OK};
    TRY(check_kind(plan, problem));
    TRY(rating_check_dates(plan, problem));
    return rating_check_parts(plan, problem);
}

enum rating_rate rating_rate_at(const struct rating_plan *plan, unsigned minute)
{
    MUST(minute < RATING_DAY_MINUTES);
    bool rates = plan->kind == RATING_TIME_OF_USE || plan->kind == RATING_TIME_OF_USE_LADDER;
    bool own = plan->schedule_count > 0;
    const struct rating_schedule *last = &plan->schedules[own ? plan->schedule_count - 1 : 0];
    const struct rating_period *list = own ? last->periods : plan->periods;
    size_t count = own ? last->period_count : plan->period_count;
    for (size_t i = 0; rates && i < count; i++)
        if (covers(&list[i], minute))
            return list[i].rate;
    return RATING_TOTAL;
}
