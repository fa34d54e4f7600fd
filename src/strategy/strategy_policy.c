#include "base/units.h"
#include "strategy/strategy_impl.h"

struct strategy_policy strategy_policy_default(void)
{
    return (struct strategy_policy){
        .level_fen = {3000, 1000, 0},
        .level_count = STRATEGY_LEVELS,
        .rate_days = 3,
        .rate_to = STRATEGY_DAY_MINUTES,
        .percent_of = STRATEGY_OF_RECHARGE,
        .warning_days = 10,
        .channels = STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_CONSOLE),
        .tell_to = STRATEGY_DAY_MINUTES,
        .cut_automatic = true,
        .cut_at_fen = 0,
        .notice_level = 2,
        .notices = 1,
        .notice_spacing_s = 0,
        .grace_s = 1800,
        .reading_age_max_s = 86'400,
        .not_after_s = 60,
        .window_from = 8 * 60,
        .window_to = 20 * 60,
        .weekdays = 0x1F,
        .cut_on_holidays = false,
        .calendar = "CN",
        .approval_s = 86'400,
        .limit_circuits = 0x6,
        .restore_automatic = true,
        .restore_above_fen = 0,
        .hoard_max_fen = 0,
    };
}

static size_t append(char *place, size_t at, const char *text)
{
    for (; *text && at + 1 < STRATEGY_PLACE_MAX; text++)
        place[at++] = *text;
    place[at] = '\0';
    return at;
}

enum err strategy_refuse(struct strategy_problem *problem, enum strategy_fault fault,
                         const char *section, const char *name)
{
    if (!problem)
        return ERR_STRATEGY_POLICY;
    problem->fault = fault;
    size_t at = append(problem->place, 0, section);
    if (at > 0 && *name)
        at = append(problem->place, at, ".");
    (void)append(problem->place, at, name); /* the length is not needed any more */
    return ERR_STRATEGY_POLICY;
}

#define YEAR_S (INT64_C(366) * 86'400)

static bool between(int64_t v, int64_t low, int64_t high)
{
    return low <= v && v <= high;
}

static enum err check_money(const struct strategy_policy *p, struct strategy_problem *problem)
{
    int64_t max = UNITS_FEN_MAX;
    for (int i = 0; i < p->level_count; i++)
        if (!between(p->level_fen[i], -max, max))
            return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "levels", "");
    if (!between(p->cut_at_fen, -max, max))
        return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "cut", "at");
    if (!between(p->restore_above_fen, -max, max))
        return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "restore", "above");
    if (!between(p->emergency_fen, 0, max))
        return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "emergency", "credit");
    if (!between(p->hoard_max_fen, 0, max))
        return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "hoard_max", "");
    return ERR_OK;
}

/* Thresholds of the levels before the last: falling, and none after one that is left out. */
static enum err check_falling(const int64_t values[STRATEGY_LEVELS_MAX - 1], int64_t highest,
                              struct strategy_problem *problem, const char *name)
{
    for (int i = 0; i < STRATEGY_LEVELS_MAX - 1; i++) {
        if (!between(values[i], 0, highest))
            return strategy_refuse(problem, STRATEGY_FAULT_NUMBER_RANGE, "dunning", name);
        if (i > 0 && values[i] > values[i - 1])
            return strategy_refuse(problem, STRATEGY_FAULT_LEVELS_RISE, "dunning", name);
    }
    return ERR_OK;
}

static enum err check_levels(const struct strategy_policy *p, struct strategy_problem *problem)
{
    if (!between(p->level_count, STRATEGY_LEVELS, STRATEGY_LEVELS_MAX))
        return strategy_refuse(problem, STRATEGY_FAULT_MEMBER_TYPE, "levels", "");
    TRY(check_falling(p->level_days, 366, problem, "days_left"));
    TRY(check_falling(p->level_percent, 100, problem, "percent"));
    for (int64_t i = p->level_count - 1; i < STRATEGY_LEVELS_MAX - 1; i++)
        if (p->level_days[i] || p->level_percent[i])
            return strategy_refuse(problem, STRATEGY_FAULT_LAST_LEVEL, "dunning",
                                   p->level_days[i] ? "days_left" : "percent");
    return ERR_OK;
}

static enum err check_order(const struct strategy_policy *p, struct strategy_problem *problem)
{
    for (int i = 1; i < p->level_count; i++)
        if (p->level_fen[i] > p->level_fen[i - 1])
            return strategy_refuse(problem, STRATEGY_FAULT_LEVELS_RISE, "levels", "");
    if (p->cut_at_fen > p->level_fen[p->level_count - 1])
        return strategy_refuse(problem, STRATEGY_FAULT_CUT_ABOVE_ARREARS, "cut", "at");
    if (p->restore_above_fen < p->cut_at_fen)
        return strategy_refuse(problem, STRATEGY_FAULT_RESTORE_BELOW_CUT, "restore", "above");
    if (p->hoard_max_fen > 0 && p->hoard_max_fen <= p->level_fen[0])
        return strategy_refuse(problem, STRATEGY_FAULT_HOARD_BELOW_LEVEL, "hoard_max", "");
    return ERR_OK;
}

static enum err check_numbers(const struct strategy_policy *p, struct strategy_problem *problem)
{
    const struct {
        const char *section, *name;
        int64_t value, low, high;
    } numbers[] = {
        {"rating", "n_days", p->rate_days, 0, 366},
        {"rating", "budget", p->rate_budget, 0, INT64_C(1'000'000'000)},
        {"dunning", "warning_days", p->warning_days, 1, 366},
        {"dunning", "daily_cap", p->daily_cap, 0, 100},
        {"dunning", "every_s", p->repeat_s, 0, YEAR_S},
        {"cut", "notice_level", p->notice_level, 0, p->level_count},
        {"cut", "notices", p->notices, 0, 100},
        {"cut", "notice_spacing_s", p->notice_spacing_s, 0, YEAR_S},
        {"cut", "channels", p->notice_channels, 0, STRATEGY_CHANNEL_COUNT},
        {"cut", "grace_s", p->grace_s, 0, YEAR_S},
        {"cut", "reading_age_max_s", p->reading_age_max_s, 1, 30 * 86'400},
        {"cut", "not_after_s", p->not_after_s, 10, 3600},
        {"cut", "approval_life_s", p->approval_s, 60, 30 * 86'400},
        {"cut", "limit_s", p->limit_s, 0, 30 * 86'400},
        {"cut", "away_hours", p->away_hours, 0, STRATEGY_AWAY_HOURS_MAX},
        {"emergency", "for_s", p->emergency_s, 0, YEAR_S},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!between(numbers[i].value, numbers[i].low, numbers[i].high))
            return strategy_refuse(problem, STRATEGY_FAULT_NUMBER_RANGE, numbers[i].section,
                                   numbers[i].name);
    return ERR_OK;
}

static enum err check_sets(const struct strategy_policy *p, struct strategy_problem *problem)
{
    if (p->channels == 0 || p->channels >= STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_COUNT))
        return strategy_refuse(problem, STRATEGY_FAULT_CHANNEL, "dunning", "channels");
    if (p->limit_circuits == 0 || p->limit_circuits > STRATEGY_CIRCUITS)
        return strategy_refuse(problem, STRATEGY_FAULT_CIRCUIT, "cut", "limit_circuits");
    if (p->weekdays == 0 || p->weekdays > STRATEGY_MONDAY_TO_SUNDAY)
        return strategy_refuse(problem, STRATEGY_FAULT_WEEKDAY, "cut", "weekdays");
    return ERR_OK;
}

static enum err check_hours(uint16_t from, uint16_t to, struct strategy_problem *problem,
                            const char *section)
{
    if (from >= STRATEGY_DAY_MINUTES)
        return strategy_refuse(problem, STRATEGY_FAULT_TIME_SYNTAX, section, "from");
    if (to > STRATEGY_DAY_MINUTES)
        return strategy_refuse(problem, STRATEGY_FAULT_TIME_SYNTAX, section, "to");
    if (from == to)
        return strategy_refuse(problem, STRATEGY_FAULT_WINDOW_EMPTY, section, "to");
    return ERR_OK;
}

enum err strategy_policy_check(const struct strategy_policy *policy,
                               struct strategy_problem *problem)
{
    if (problem)
        *problem = (struct strategy_problem){.fault = STRATEGY_FAULT_NONE};
    TRY(check_levels(policy, problem));
    TRY(check_money(policy, problem));
    TRY(check_order(policy, problem));
    TRY(check_numbers(policy, problem));
    TRY(check_sets(policy, problem));
    TRY(check_hours(policy->rate_from, policy->rate_to, problem, "rating"));
    TRY(check_hours(policy->tell_from, policy->tell_to, problem, "dunning"));
    return check_hours(policy->window_from, policy->window_to, problem, "cut");
}

/* --- warnings ----------------------------------------------------------------------------------
 */

/* Is any minute of [from, to) of the day inside the policy's window? */
static bool window_meets(const struct strategy_policy *p, unsigned from, unsigned to)
{
    for (unsigned m = from; m < to; m++)
        if (p->window_from < p->window_to ? m >= p->window_from && m < p->window_to
                                          : m >= p->window_from || m < p->window_to)
            return true;
    return false;
}

uint32_t strategy_policy_warnings(const struct strategy_policy *p)
{
    uint32_t delivers = p->channels & STRATEGY_CHANNELS_CONNECTED;
    const struct {
        enum strategy_warning warning;
        bool stands;
    } all[] = {
        {STRATEGY_WARNING_OTHER_SERVICES, p->allow_cut_for_other_services},
        {STRATEGY_WARNING_NO_NOTICE, p->notice_level == 0 && p->notices == 0},
        {STRATEGY_WARNING_NO_GRACE, p->grace_s == 0},
        {STRATEGY_WARNING_NIGHT, window_meets(p, 0, 8 * 60) || window_meets(p, 20 * 60, 24 * 60)},
        {STRATEGY_WARNING_WEEKEND, (p->weekdays & 0x60) != 0},
        {STRATEGY_WARNING_HOLIDAYS, p->cut_on_holidays},
        {STRATEGY_WARNING_CALENDAR_UNKNOWN,
         !p->cut_on_holidays && calendar_find(p->calendar) == NULL},
        {STRATEGY_WARNING_CHANNELS_FEW, __builtin_popcount(delivers) < p->notice_channels},
        {STRATEGY_WARNING_CHANNELS_NONE, delivers == 0},
    };
    uint32_t set = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        set |= all[i].stands ? 1u << all[i].warning : 0u;
    return set;
}
