#include "base/units.h"
#include "strategy/strategy_impl.h"

struct strategy_policy strategy_policy_default(void)
{
    return (struct strategy_policy){
        .level_fen = {3000, 1000, 0},
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
        .restore_automatic = true,
        .restore_above_fen = 0,
        .hoard_max_fen = 0,
    };
}

struct sentence {
    const char *name, *en, *zh;
};

static const struct sentence faults[] = {
#define STRATEGY_FAULT(name, en, zh) {#name, en, zh},
#include "strategy/fault_table.h"
#undef STRATEGY_FAULT
};

static const struct sentence *fault_of(enum strategy_fault fault)
{
    return &faults[fault < STRATEGY_FAULT_COUNT ? fault : STRATEGY_FAULT_NONE];
}

const char *strategy_fault_name(enum strategy_fault fault)
{
    return fault_of(fault)->name;
}

const char *strategy_fault_en(enum strategy_fault fault)
{
    return fault_of(fault)->en;
}

const char *strategy_fault_zh(enum strategy_fault fault)
{
    return fault_of(fault)->zh;
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
    for (int i = 0; i < STRATEGY_LEVELS; i++)
        if (!between(p->level_fen[i], -max, max))
            return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "levels", "");
    if (!between(p->cut_at_fen, -max, max))
        return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "cut", "at");
    if (!between(p->restore_above_fen, -max, max))
        return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "restore", "above");
    if (!between(p->hoard_max_fen, 0, max))
        return strategy_refuse(problem, STRATEGY_FAULT_MONEY_RANGE, "hoard_max", "");
    return ERR_OK;
}

static enum err check_order(const struct strategy_policy *p, struct strategy_problem *problem)
{
    for (int i = 1; i < STRATEGY_LEVELS; i++)
        if (p->level_fen[i] > p->level_fen[i - 1])
            return strategy_refuse(problem, STRATEGY_FAULT_LEVELS_RISE, "levels", "");
    if (p->cut_at_fen > p->level_fen[STRATEGY_LEVELS - 1])
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
        const char *name;
        int64_t value, low, high;
    } numbers[] = {
        {"notice_level", p->notice_level, 0, STRATEGY_LEVELS},
        {"notices", p->notices, 0, 100},
        {"notice_spacing_s", p->notice_spacing_s, 0, YEAR_S},
        {"grace_s", p->grace_s, 0, YEAR_S},
        {"reading_age_max_s", p->reading_age_max_s, 1, 30 * 86'400},
        {"not_after_s", p->not_after_s, 10, 3600},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!between(numbers[i].value, numbers[i].low, numbers[i].high))
            return strategy_refuse(problem, STRATEGY_FAULT_NUMBER_RANGE, "cut", numbers[i].name);
    return ERR_OK;
}

static enum err check_window(const struct strategy_policy *p, struct strategy_problem *problem)
{
    if (p->window_from >= STRATEGY_DAY_MINUTES)
        return strategy_refuse(problem, STRATEGY_FAULT_TIME_SYNTAX, "cut", "from");
    if (p->window_to > STRATEGY_DAY_MINUTES)
        return strategy_refuse(problem, STRATEGY_FAULT_TIME_SYNTAX, "cut", "to");
    if (p->window_from == p->window_to)
        return strategy_refuse(problem, STRATEGY_FAULT_WINDOW_EMPTY, "cut", "to");
    if (p->weekdays == 0 || p->weekdays > STRATEGY_MONDAY_TO_SUNDAY)
        return strategy_refuse(problem, STRATEGY_FAULT_WEEKDAY, "cut", "weekdays");
    return ERR_OK;
}

enum err strategy_policy_check(const struct strategy_policy *policy,
                               struct strategy_problem *problem)
{
    if (problem)
        *problem = (struct strategy_problem){.fault = STRATEGY_FAULT_NONE};
    TRY(check_money(policy, problem));
    TRY(check_order(policy, problem));
    TRY(check_numbers(policy, problem));
    return check_window(policy, problem);
}
