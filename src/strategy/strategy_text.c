/* Strategies as text: docs/formats/strategy.md. */
#include <string.h>

#include "base/jread.h"
#include "strategy/strategy_impl.h"

struct parse {
    struct jread j;
    struct strategy_policy *policy;
    struct strategy_problem *problem;
};

typedef enum err take_member(struct parse *p, const char *section, const char *name);

struct member {
    const char *section, *name;
    take_member *take;
};

static enum err wrong_type(struct parse *p, const char *section, const char *name)
{
    bool nothing = jread_peek(&p->j) == JREAD_NONE;
    return strategy_refuse(p->problem,
                           nothing ? STRATEGY_FAULT_JSON_SYNTAX : STRATEGY_FAULT_MEMBER_TYPE,
                           section, name);
}

static enum err take_text(struct parse *p, char *text, size_t cap, const char *section,
                          const char *name)
{
    if (jread_peek(&p->j) != JREAD_TEXT)
        return wrong_type(p, section, name);
    jread_text(&p->j, text, cap);
    if (p->j.err == ERR_OK)
        return ERR_OK;
    return strategy_refuse(
        p->problem, p->j.err == ERR_RANGE ? STRATEGY_FAULT_MEMBER_TYPE : STRATEGY_FAULT_JSON_SYNTAX,
        section, name);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Yuan with at most two decimals to fen. Twelve digits before the point are more than enough. */
static enum strategy_fault parse_money(const char *text, int64_t *fen)
{
    bool negative = text[0] == '-';
    const char *p = text + negative;
    int64_t v = 0;
    size_t whole = 0, decimals = 0;
    for (; is_digit(p[whole]); whole++)
        v = whole < 12 ? v * 10 + (p[whole] - '0') : v;
    const char *rest = p + whole;
    if (whole > 0 && *rest == '.')
        for (rest++; decimals < 2 && is_digit(*rest); rest++, decimals++)
            v = v * 10 + (*rest - '0');
    if (whole == 0 || *rest != '\0' || (rest[-1] == '.'))
        return STRATEGY_FAULT_MONEY_SYNTAX;
    for (; decimals < 2; decimals++)
        v *= 10;
    *fen = negative ? -v : v;
    return whole > 12 ? STRATEGY_FAULT_MONEY_RANGE : STRATEGY_FAULT_NONE;
}

static enum err take_money(struct parse *p, int64_t *fen, const char *section, const char *name)
{
    char text[32];
    TRY(take_text(p, text, sizeof text, section, name));
    enum strategy_fault fault = parse_money(text, fen);
    return fault == STRATEGY_FAULT_NONE ? ERR_OK
                                        : strategy_refuse(p->problem, fault, section, name);
}

static enum err take_number(struct parse *p, int64_t *value, const char *section, const char *name)
{
    if (jread_peek(&p->j) != JREAD_NUMBER)
        return wrong_type(p, section, name);
    *value = jread_int(&p->j);
    if (p->j.err == ERR_OK)
        return ERR_OK;
    return strategy_refuse(p->problem,
                           p->j.err == ERR_RANGE ? STRATEGY_FAULT_NUMBER_RANGE
                                                 : STRATEGY_FAULT_MEMBER_TYPE,
                           section, name);
}

static enum err take_bool(struct parse *p, bool *value, const char *section, const char *name)
{
    if (jread_peek(&p->j) != JREAD_BOOL)
        return wrong_type(p, section, name);
    *value = jread_bool(&p->j);
    return p->j.err == ERR_OK
               ? ERR_OK
               : strategy_refuse(p->problem, STRATEGY_FAULT_JSON_SYNTAX, section, name);
}

static enum err take_time(struct parse *p, uint16_t *minute, const char *section, const char *name)
{
    char t[16];
    TRY(take_text(p, t, sizeof t, section, name));
    bool shape = strlen(t) == 5 && t[2] == ':' && is_digit(t[0]) && is_digit(t[1]) &&
                 is_digit(t[3]) && is_digit(t[4]);
    int hours = shape ? (t[0] - '0') * 10 + (t[1] - '0') : 99;
    int minutes = shape ? (t[3] - '0') * 10 + (t[4] - '0') : 99;
    if (minutes > 59 || hours * 60 + minutes > STRATEGY_DAY_MINUTES)
        return strategy_refuse(p->problem, STRATEGY_FAULT_TIME_SYNTAX, section, name);
    *minute = (uint16_t)(hours * 60 + minutes);
    return ERR_OK;
}

static enum err take_levels(struct parse *p, const char *section, const char *name)
{
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return wrong_type(p, section, name);
    jread_array(&p->j);
    int n = 0;
    while (jread_element(&p->j)) {
        if (n == STRATEGY_LEVELS_MAX)
            return strategy_refuse(p->problem, STRATEGY_FAULT_MEMBER_TYPE, section, name);
        TRY(take_money(p, &p->policy->level_fen[n++], section, name));
    }
    p->policy->level_count = n;
    return n >= STRATEGY_LEVELS || p->j.err != ERR_OK
               ? ERR_OK
               : strategy_refuse(p->problem, STRATEGY_FAULT_MEMBER_TYPE, section, name);
}

/* Numbers of level 1, 2 ...: as many as are given, at most one fewer than there are levels. */
static enum err take_per_level(struct parse *p, int64_t values[STRATEGY_LEVELS_MAX - 1],
                               const char *section, const char *name)
{
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return wrong_type(p, section, name);
    jread_array(&p->j);
    for (int n = 0; jread_element(&p->j); n++) {
        if (n == STRATEGY_LEVELS_MAX - 1)
            return strategy_refuse(p->problem, STRATEGY_FAULT_LAST_LEVEL, section, name);
        TRY(take_number(p, &values[n], section, name));
    }
    return ERR_OK;
}

static enum err take_level_days(struct parse *p, const char *section, const char *name)
{
    return take_per_level(p, p->policy->level_days, section, name);
}

static enum err take_level_percent(struct parse *p, const char *section, const char *name)
{
    return take_per_level(p, p->policy->level_percent, section, name);
}

/* A list of numbers low..high as a set of bits, each once. */
static enum err take_bits(struct parse *p, int64_t high, enum strategy_fault fault, uint8_t *set,
                          const struct member *m)
{
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return wrong_type(p, m->section, m->name);
    jread_array(&p->j);
    *set = 0;
    while (jread_element(&p->j)) {
        int64_t n = 0;
        TRY(take_number(p, &n, m->section, m->name));
        if (n < 1 || n > high || *set >> (n - 1) & 1)
            return strategy_refuse(p->problem, fault, m->section, m->name);
        *set |= (uint8_t)(1u << (n - 1));
    }
    return ERR_OK;
}

static enum err take_weekdays(struct parse *p, const char *section, const char *name)
{
    const struct member here = {section, name, NULL};
    return take_bits(p, 7, STRATEGY_FAULT_WEEKDAY, &p->policy->weekdays, &here);
}

static enum err take_limit_circuits(struct parse *p, const char *section, const char *name)
{
    const struct member here = {section, name, NULL};
    return take_bits(p, 3, STRATEGY_FAULT_CIRCUIT, &p->policy->limit_circuits, &here);
}

static enum err take_channels(struct parse *p, const char *section, const char *name)
{
    char word[16];
    if (jread_peek(&p->j) != JREAD_ARRAY)
        return wrong_type(p, section, name);
    jread_array(&p->j);
    p->policy->channels = 0;
    while (jread_element(&p->j)) {
        TRY(take_text(p, word, sizeof word, section, name));
        enum strategy_channel c = strategy_channel_of(word);
        if (c == STRATEGY_CHANNEL_COUNT || p->policy->channels & STRATEGY_CHANNEL_BIT(c))
            return strategy_refuse(p->problem, STRATEGY_FAULT_CHANNEL, section, name);
        p->policy->channels |= STRATEGY_CHANNEL_BIT(c);
    }
    return ERR_OK;
}

/* One of a few words; *index is its place. */
static enum err take_word(struct parse *p, const char *const *words, unsigned *index,
                          const struct member *m)
{
    char word[24];
    TRY(take_text(p, word, sizeof word, m->section, m->name));
    for (*index = 0; words[*index]; ++*index)
        if (strcmp(words[*index], word) == 0)
            return ERR_OK;
    return strategy_refuse(p->problem, STRATEGY_FAULT_WORD, m->section, m->name);
}

static enum err take_percent_of(struct parse *p, const char *section, const char *name)
{
    static const char *const words[] = {"recharge", "warning_amount", NULL};
    const struct member here = {section, name, NULL};
    unsigned i = 0;
    TRY(take_word(p, words, &i, &here));
    p->policy->percent_of = (enum strategy_ratio_base)i;
    return ERR_OK;
}

static enum err take_combine(struct parse *p, const char *section, const char *name)
{
    static const char *const words[] = {"any", "all", NULL};
    const struct member here = {section, name, NULL};
    unsigned i = 0;
    TRY(take_word(p, words, &i, &here));
    p->policy->level_all = i == 1;
    return ERR_OK;
}

static enum err take_approval(struct parse *p, const char *section, const char *name)
{
    static const char *const words[] = {"none", "one", "two", NULL};
    const struct member here = {section, name, NULL};
    unsigned i = 0;
    TRY(take_word(p, words, &i, &here));
    p->policy->approval = (enum strategy_approval)i;
    return ERR_OK;
}

static enum err take_mode(struct parse *p, const char *section, const char *name)
{
    static const char *const words[] = {"direct", "safe", NULL};
    const struct member here = {section, name, NULL};
    unsigned i = 0;
    TRY(take_word(p, words, &i, &here));
    p->policy->restore_safe = i == 1;
    return ERR_OK;
}

static enum err take_calendar(struct parse *p, const char *section, const char *name)
{
    return take_text(p, p->policy->calendar, sizeof p->policy->calendar, section, name);
}

#define TAKE(kind, field)                                                                          \
    static enum err take_##field(struct parse *p, const char *section, const char *name)           \
    {                                                                                              \
        return take_##kind(p, &p->policy->field, section, name);                                   \
    }

TAKE(bool, cut_automatic)
TAKE(money, cut_at_fen)
TAKE(number, notice_level)
TAKE(number, notices)
TAKE(number, notice_spacing_s)
TAKE(number, grace_s)
TAKE(number, reading_age_max_s)
TAKE(number, not_after_s)
TAKE(time, window_from)
TAKE(time, window_to)
TAKE(bool, cut_on_holidays)
TAKE(bool, cut_on_makeup)
TAKE(number, notice_channels)
TAKE(number, approval_s)
TAKE(number, limit_s)
TAKE(number, away_hours)
TAKE(bool, allow_cut_for_other_services)
TAKE(number, rate_days)
TAKE(number, rate_budget)
TAKE(time, rate_from)
TAKE(time, rate_to)
TAKE(number, warning_days)
TAKE(number, daily_cap)
TAKE(number, repeat_s)
TAKE(time, tell_from)
TAKE(time, tell_to)
TAKE(money, emergency_fen)
TAKE(number, emergency_s)
TAKE(bool, restore_automatic)
TAKE(money, restore_above_fen)
TAKE(money, hoard_max_fen)

/* Section "" is the top; a member with take NULL there opens a section. */
static const struct member members[] = {
    {"", "levels", take_levels},
    {"", "rating", NULL},
    {"", "dunning", NULL},
    {"", "cut", NULL},
    {"", "restore", NULL},
    {"", "emergency", NULL},
    {"", "allow_cut_for_other_services", take_allow_cut_for_other_services},
    {"", "hoard_max", take_hoard_max_fen},
    {"cut", "automatic", take_cut_automatic},
    {"cut", "at", take_cut_at_fen},
    {"cut", "notice_level", take_notice_level},
    {"cut", "notices", take_notices},
    {"cut", "notice_spacing_s", take_notice_spacing_s},
    {"cut", "grace_s", take_grace_s},
    {"cut", "reading_age_max_s", take_reading_age_max_s},
    {"cut", "not_after_s", take_not_after_s},
    {"cut", "from", take_window_from},
    {"cut", "to", take_window_to},
    {"cut", "weekdays", take_weekdays},
    {"cut", "holidays", take_cut_on_holidays},
    {"cut", "makeup", take_cut_on_makeup},
    {"cut", "calendar", take_calendar},
    {"cut", "channels", take_notice_channels},
    {"cut", "approval", take_approval},
    {"cut", "approval_life_s", take_approval_s},
    {"cut", "limit_s", take_limit_s},
    {"cut", "limit_circuits", take_limit_circuits},
    {"cut", "away_hours", take_away_hours},
    {"rating", "n_days", take_rate_days},
    {"rating", "budget", take_rate_budget},
    {"rating", "from", take_rate_from},
    {"rating", "to", take_rate_to},
    {"dunning", "days_left", take_level_days},
    {"dunning", "percent", take_level_percent},
    {"dunning", "percent_of", take_percent_of},
    {"dunning", "warning_days", take_warning_days},
    {"dunning", "combine", take_combine},
    {"dunning", "channels", take_channels},
    {"dunning", "daily_cap", take_daily_cap},
    {"dunning", "every_s", take_repeat_s},
    {"dunning", "from", take_tell_from},
    {"dunning", "to", take_tell_to},
    {"emergency", "credit", take_emergency_fen},
    {"emergency", "for_s", take_emergency_s},
    {"restore", "automatic", take_restore_automatic},
    {"restore", "mode", take_mode},
    {"restore", "above", take_restore_above_fen},
};

#define MEMBER_COUNT (sizeof members / sizeof *members)
_Static_assert(MEMBER_COUNT <= 64, "one bit a member");

static size_t find_member(const char *section, const char *name)
{
    size_t i = 0;
    while (i < MEMBER_COUNT &&
           (strcmp(members[i].section, section) != 0 || strcmp(members[i].name, name) != 0))
        i++;
    return i;
}

/* The next member of a section; MEMBER_COUNT at its end. */
static enum err next_member(struct parse *p, const char *section, uint64_t *seen, size_t *index)
{
    char name[40] = "";
    *index = MEMBER_COUNT;
    if (!jread_member(&p->j, name, sizeof name))
        return ERR_OK;
    *index = find_member(section, name);
    if (*index == MEMBER_COUNT)
        return strategy_refuse(p->problem, STRATEGY_FAULT_MEMBER_UNKNOWN, section, name);
    if (*seen >> *index & 1)
        return strategy_refuse(p->problem, STRATEGY_FAULT_MEMBER_REPEATED, section, name);
    *seen |= UINT64_C(1) << *index;
    return ERR_OK;
}

static enum err take_section(struct parse *p, const char *section, uint64_t *seen)
{
    if (jread_peek(&p->j) != JREAD_OBJECT)
        return wrong_type(p, section, "");
    jread_object(&p->j);
    size_t i;
    TRY(next_member(p, section, seen, &i));
    while (i < MEMBER_COUNT) {
        TRY(members[i].take(p, section, members[i].name));
        TRY(next_member(p, section, seen, &i));
    }
    return ERR_OK;
}

static enum err take_policy(struct parse *p)
{
    uint64_t seen = 0;
    size_t i;
    jread_object(&p->j);
    TRY(next_member(p, "", &seen, &i));
    while (i < MEMBER_COUNT) {
        TRY(members[i].take ? members[i].take(p, "", members[i].name)
                            : take_section(p, members[i].name, &seen));
        TRY(next_member(p, "", &seen, &i));
    }
    if (jread_end(&p->j) != ERR_OK)
        return strategy_refuse(p->problem, STRATEGY_FAULT_JSON_SYNTAX, "", "");
    return strategy_policy_check(p->policy, p->problem);
}

enum err strategy_policy_parse(const char *json, size_t len, struct strategy_policy *policy,
                               struct strategy_problem *problem)
{
    *policy = strategy_policy_default();
    if (problem)
        *problem = (struct strategy_problem){.fault = STRATEGY_FAULT_NONE};
    struct parse p = {.j = jread_of(json, len), .policy = policy, .problem = problem};
    return take_policy(&p);
}
