/* Precedence: one table, rules_table.h. */
#include "terminal/terminal_impl.h"

static bool held(const struct terminal *t, unsigned index, enum terminal_reason cause)
{
    return t->books.hold[index].cause == cause;
}

static bool held_protection(const struct terminal *t, unsigned index)
{
    return held(t, index, TERMINAL_REASON_PROTECTION);
}

static bool held_night(const struct terminal *t, unsigned index)
{
    return held(t, index, TERMINAL_REASON_NIGHT);
}

static bool held_current(const struct terminal *t, unsigned index)
{
    return held(t, index, TERMINAL_REASON_CURRENT);
}

static bool held_load(const struct terminal *t, unsigned index)
{
    return held(t, index, TERMINAL_REASON_LOAD);
}

static bool held_malignant(const struct terminal *t, unsigned index)
{
    return held(t, index, TERMINAL_REASON_MALIGNANT);
}

static bool held_aircon(const struct terminal *t, unsigned index)
{
    return held(t, index, TERMINAL_REASON_AIRCON);
}

static bool staff_lock(const struct terminal *t, unsigned index)
{
    return t->books.staff >> index & 1;
}

static bool keep_power(const struct terminal *t, unsigned index)
{
    (void)index; /* of the whole meter, as the orders after it that name no circuit */
    return t->books.keep_power;
}

static bool remote_cut(const struct terminal *t, unsigned index)
{
    return t->books.remote_cut >> index & 1;
}

static bool timed_cut(const struct terminal *t, unsigned index)
{
    (void)index;
    return t->books.timed != 0;
}

static bool overdraft_cut(const struct terminal *t, unsigned index)
{
    (void)index;
    return t->books.overdraft_cut;
}

static bool pretrip_cut(const struct terminal *t, unsigned index)
{
    (void)index;
    return t->books.pretrip == 1;
}

static bool outside_hours(const struct terminal *t, unsigned index)
{
    return t->cover[index] == TERMINAL_COVER_OFF;
}

static bool key_wait(const struct terminal *t, unsigned index)
{
    return t->books.key_wait >> index & 1;
}

enum effect { OPENS, CLOSES };

static const struct rule {
    uint8_t reason, effect;
    bool (*holds)(const struct terminal *t, unsigned index);
} rules[] = {
#define RULE(reason, effect, holds, ends, zh) {TERMINAL_REASON_##reason, effect, holds},
#include "terminal/rules_table.h"
#undef RULE
};

#define RULES (sizeof rules / sizeof rules[0])

/* The first rule from `at` on that holds; RULES if none does. */
static size_t first_holding(const struct terminal *t, unsigned index, size_t at)
{
    while (at < RULES && !rules[at].holds(t, index))
        at++;
    return at;
}

bool rules_open(const struct terminal *t, unsigned index)
{
    size_t first = first_holding(t, index, 0);
    return first < RULES && rules[first].effect == OPENS;
}

/* What closes is a reason only where something after it would open. */
enum terminal_reason rules_reason(const struct terminal *t, unsigned index)
{
    size_t first = first_holding(t, index, 0);
    if (first == RULES)
        return TERMINAL_REASON_NONE;
    bool idle = rules[first].effect == CLOSES && first_holding(t, index, first + 1) == RULES;
    return idle ? TERMINAL_REASON_NONE : rules[first].reason;
}
