/* Names and sentences of everything that is stored by name and shown to people. */
#include <string.h>

#include "strategy/strategy_impl.h"

struct sentence {
    const char *name, *en, *zh;
};

static const char *const action_names[STRATEGY_ACTION_COUNT] = {
    [STRATEGY_NONE] = "none",       [STRATEGY_WARN] = "warn", [STRATEGY_CUT] = "cut",
    [STRATEGY_RESTORE] = "restore", [STRATEGY_HOLD] = "hold", [STRATEGY_LIMIT] = "limit"};

const char *strategy_action_name(enum strategy_action action)
{
    return action < STRATEGY_ACTION_COUNT ? action_names[action] : "none";
}

static const struct sentence reasons[] = {
#define STRATEGY_REASON(name, en, zh) {#name, en, zh},
#include "strategy/reason_table.h"
#undef STRATEGY_REASON
};

static const struct sentence faults[] = {
#define STRATEGY_FAULT(name, en, zh) {#name, en, zh},
#include "strategy/fault_table.h"
#undef STRATEGY_FAULT
};

static const struct sentence warnings[] = {
#define STRATEGY_WARNING(name, en, zh) {#name, en, zh},
#include "strategy/warning_table.h"
#undef STRATEGY_WARNING
};

static const struct sentence channels[] = {
#define STRATEGY_CHANNEL(name, text, en, zh) {text, en, zh},
#include "strategy/channel_table.h"
#undef STRATEGY_CHANNEL
};

static const struct sentence protections[] = {
#define STRATEGY_PROTECTION(name, text, en, zh) {text, en, zh},
#include "strategy/protection_table.h"
#undef STRATEGY_PROTECTION
};

/* A number outside its table reads as its first row. */
#define WORDS(kind, type, list)                                                                    \
    const char *strategy_##kind##_name(enum type value)                                            \
    {                                                                                              \
        return list[value < sizeof list / sizeof *list ? value : 0].name;                          \
    }                                                                                              \
    const char *strategy_##kind##_en(enum type value)                                              \
    {                                                                                              \
        return list[value < sizeof list / sizeof *list ? value : 0].en;                            \
    }                                                                                              \
    const char *strategy_##kind##_zh(enum type value)                                              \
    {                                                                                              \
        return list[value < sizeof list / sizeof *list ? value : 0].zh;                            \
    }

WORDS(reason, strategy_reason, reasons)
WORDS(fault, strategy_fault, faults)
WORDS(warning, strategy_warning, warnings)
WORDS(channel, strategy_channel, channels)
WORDS(protection, strategy_protection, protections)

static unsigned index_of(const struct sentence *list, unsigned count, const char *name)
{
    unsigned i = 0;
    while (i < count && strcmp(list[i].name, name) != 0)
        i++;
    return i;
}

enum strategy_channel strategy_channel_of(const char *name)
{
    return (enum strategy_channel)index_of(channels, STRATEGY_CHANNEL_COUNT, name);
}

enum strategy_protection strategy_protection_of(const char *name)
{
    return (enum strategy_protection)index_of(protections, STRATEGY_PROTECTION_COUNT, name);
}
