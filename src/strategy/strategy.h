/*
 * Strategy (fee control 费控): facts in, decision and reasons out. Pure: no memory, no clock.
 *
 * Three sub-strategies in one policy: rating (who is looked at often), dunning (levels, channels,
 * hours) and the cut with its restore. Three alarm levels (1 low balance, 2 about to cut, 3 in
 * arrears), and a fourth where wanted (overdraft used up). Equality: a level is reached, and a cut
 * becomes possible, when available <= threshold; supply returns when available > restore_above.
 *
 * A cut is only decided when nothing stands against it (property C1): every guard that applies is
 * named in the decision, so that "why was I not cut" and "why was I cut" have one answer each.
 */
#ifndef YUFU_STRATEGY_STRATEGY_H
#define YUFU_STRATEGY_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/err.h"

#define STRATEGY_LEVELS 3     /* levels of every strategy */
#define STRATEGY_LEVELS_MAX 4 /* with the fourth: the overdraft is used up */
#define STRATEGY_MONDAY_TO_SUNDAY 0x7Fu
#define STRATEGY_CALENDAR_MAX 8
#define STRATEGY_AWAY_HOURS_MAX 48

/* How a message can leave. Bits of a set: STRATEGY_CHANNEL_BIT. */
enum strategy_channel {
#define STRATEGY_CHANNEL(name, text, en, zh) STRATEGY_CHANNEL_##name,
#include "strategy/channel_table.h"
#undef STRATEGY_CHANNEL
    STRATEGY_CHANNEL_COUNT
};
#define STRATEGY_CHANNEL_BIT(channel) (1u << (channel))
/* Ways that are connected today; a notice on another one is not delivered and does not count. */
#define STRATEGY_CHANNELS_CONNECTED STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_CONSOLE)
const char *strategy_channel_name(enum strategy_channel channel); /* "console" ...; never NULL */
const char *strategy_channel_en(enum strategy_channel channel);
const char *strategy_channel_zh(enum strategy_channel channel);
enum strategy_channel strategy_channel_of(const char *name); /* STRATEGY_CHANNEL_COUNT: unknown */

/* What may stand between an account and a cut as an entry of a list, from one time to another. */
enum strategy_protection {
#define STRATEGY_PROTECTION(name, text, en, zh) STRATEGY_PROTECTION_##name,
#include "strategy/protection_table.h"
#undef STRATEGY_PROTECTION
    STRATEGY_PROTECTION_COUNT
};
#define STRATEGY_PROTECTED(kind) (1u << (kind))
const char *strategy_protection_name(enum strategy_protection kind); /* "keep_list" ... */
const char *strategy_protection_en(enum strategy_protection kind);
const char *strategy_protection_zh(enum strategy_protection kind);
enum strategy_protection strategy_protection_of(const char *name); /* .._COUNT: unknown */

enum strategy_approval {
    STRATEGY_APPROVAL_NONE, /* policy: cuts need none; fact: nobody has approved */
    STRATEGY_APPROVAL_ONE,  /* one person */
    STRATEGY_APPROVAL_TWO,  /* one person approves, another releases */
};
enum strategy_ratio_base {
    STRATEGY_OF_RECHARGE, /* the last recharge */
    STRATEGY_OF_WARNING,  /* the warning amount: mean day x warning_days */
};

/* A policy is data: docs/formats/strategy.md. */
struct strategy_policy {
    int64_t level_fen[STRATEGY_LEVELS_MAX]; /* thresholds of level 1, 2, 3 (4); not rising */
    int64_t level_count; /* 3 or 4; the last level is the one that cuts, and is money only */

    /* rating: who is looked at often */
    int64_t rate_days;   /* n of the n-day rule; 0: nobody is taken into short-notice rating */
    int64_t rate_budget; /* accounts a day that n is tuned to; 0: n stands as it is */
    uint16_t rate_from, rate_to; /* minutes of the day in which full ratings run */

    /* dunning: who is told what */
    int64_t level_days[STRATEGY_LEVELS_MAX - 1];    /* level i + 1 at so many days left; 0: not */
    int64_t level_percent[STRATEGY_LEVELS_MAX - 1]; /* and at so many percent of the base; 0: not */
    enum strategy_ratio_base percent_of;
    int64_t warning_days;    /* of the warning amount */
    bool level_all;          /* true: a level is reached when every known measure says so */
    uint32_t channels;       /* STRATEGY_CHANNEL_BIT set; not empty */
    int64_t daily_cap;       /* notices of an account a local day; 0: no cap */
    int64_t repeat_s;        /* tell again after so long while the level lasts; 0: only as cuts need */
    uint16_t tell_from, tell_to; /* minutes of the day in which notices are sent */

    /* cut */
    bool cut_automatic;       /* false: a person decides about every cut */
    int64_t cut_at_fen;       /* cut when available <= this; minus the overdraft allowed */
    int64_t notice_level;     /* 0..levels: a notice of at least this level must have been delivered */
    int64_t notices;          /* and this many notices of the episode, spaced as below */
    int64_t notice_spacing_s; /* notices closer than this to the last counted one do not count */
    int64_t notice_channels;  /* notices must have been delivered over so many channels */
    int64_t grace_s;          /* from the later of the last level and the last counted notice */
    int64_t reading_age_max_s; /* older than this never cuts */
    int64_t not_after_s;      /* life of a cut order */
    uint16_t window_from, window_to; /* minutes of the local day in which cuts are allowed; from <=
                                        minute < to; to <= from wraps; 0..1440 is always */
    uint8_t weekdays;         /* bit 0 Monday .. bit 6 Sunday: days on which cuts are allowed */
    bool cut_on_holidays;     /* also where the year's holidays are not known */
    bool cut_on_makeup;       /* a weekend day that is worked counts as a day on which cuts are allowed */
    char calendar[STRATEGY_CALENDAR_MAX]; /* code of the calendar of holidays: "CN" */
    enum strategy_approval approval;
    int64_t approval_s;       /* life of a proposal to cut */
    int64_t limit_s;          /* power-limit stage before the cut, where the meter can; 0: none */
    uint8_t limit_circuits;   /* bit 0: circuit 1 ...: what is switched off in that stage */
    int64_t away_hours;       /* so long a gateway that cannot reach the platform may go on cutting
                                 whom the rules above would have cut; 0: it does not */
    bool allow_cut_for_other_services; /* true turns the guard OTHER_SERVICES off */

    /* restore */
    bool restore_automatic;   /* direct restore; false: a person decides */
    bool restore_safe;        /* the customer must confirm before supply returns */
    int64_t restore_above_fen; /* restore when available > this; >= cut_at_fen */

    int64_t emergency_fen;    /* emergency credit, once an episode; 0: none */
    int64_t emergency_s;      /* how long it carries; 0: as long as the episode */
    int64_t hoard_max_fen;    /* largest balance to sell up to; 0: no limit */
};

/* The default to ship: 30 / 10 / 0 yuan, cut at 0 after one delivered notice of level 2 or higher
 * and 30 minutes, 08:00 to 20:00 on working days, readings at most a day old, direct restore, n = 3. */
struct strategy_policy strategy_policy_default(void);

enum strategy_wallet { STRATEGY_WALLET_PLATFORM, STRATEGY_WALLET_METER };
enum strategy_relay { STRATEGY_RELAY_UNKNOWN, STRATEGY_RELAY_OPEN, STRATEGY_RELAY_CLOSED };
enum strategy_desired {
    STRATEGY_DESIRED_NONE,        /* we have asked for nothing */
    STRATEGY_DESIRED_CLOSED,
    STRATEGY_DESIRED_OPEN_MONEY,  /* our own cut for arrears */
    STRATEGY_DESIRED_OPEN_PERSON, /* opened by a person or another rule: not ours to close */
};

struct strategy_facts {
    wall_s now;
    unsigned local_minute; /* 0..1439 in the project's zone */
    unsigned weekday;      /* 0 Monday .. 6 Sunday, there */
    enum calendar_kind day; /* of the policy's calendar; WORKDAY and RESTDAY go by their weekday */
    enum calendar_kind next_day; /* tomorrow */
    bool clock_trusted;
    enum strategy_wallet wallet;
    bool account_open;
    bool contract_signed;
    bool available_known;  /* there is a reading, a price and a ledger to say what is available */
    int64_t available_fen; /* ledger - accrued (platform); the meter's own word (meter); in both
                              cases by strategy_available. Not known: what is off comes back on what
                              was known when it went off and what was paid since; INT64_MIN: nothing */
    int64_t other_owed_fen; /* >= 0: what available would be higher by without other services */
    int64_t true_up_fen;    /* >= 0: true-ups in it that are too new to cut anybody by themselves */
    int64_t mean_day_fen;   /* what a day costs; 0: not known */
    int64_t recharge_fen;   /* the last recharge; 0: not known */
    int64_t reading_age_s;
    bool reading_estimated;
    bool keep_power;
    bool no_switch;         /* no meter of the account can be cut */
    wall_s refused_at;      /* when a meter last refused a cut; 0: not known of */
    uint32_t protections;   /* STRATEGY_PROTECTED set: entries that are in force now */
    enum strategy_relay relay;
    enum strategy_desired desired; /* of several meters the worst; OPEN_MONEY before OPEN_PERSON */
    bool partly_cut;       /* OPEN_MONEY, but other meters of the account are still on */
    bool confirmed;        /* safe restore: the customer confirmed */
    enum strategy_approval approval; /* how far the proposal to cut has come */
    bool can_limit;        /* a meter of the account has circuits that the limit stage switches */
    wall_s limited_at;     /* since when they are all off; 0: they are not */
    bool some_limited;     /* circuits are off by a limit stage, all or some, of this policy or another */
    int64_t emergency_fen; /* emergency credit that carries now; 0: none was asked for */
    bool payment_pending;  /* money of this account waits for confirmation */
    bool vend_unresolved;  /* a sale is bound and its fate unknown */
    /* The running episode: it ends when the level gets better. A later fall is a new one, in which
     * what was told before counts up to the level that was reached at its beginning only. */
    int level;             /* before this decision */
    wall_s level_at;       /* since when */
    int64_t level_available_fen; /* available then: without money the level does not get better */
    int warned_level;      /* highest level for which a notice was delivered; 0 none */
    int64_t notices;       /* counted by strategy_notices_counted */
    wall_s notice_at;      /* the last counted one; 0 none */
    uint32_t notice_channels; /* STRATEGY_CHANNEL_BIT set: where one was delivered */
    int64_t told_today;    /* notices written on this local day */
};

enum strategy_action {
    STRATEGY_NONE,    /* nothing to do */
    STRATEGY_WARN,    /* say `level` to the customer: no notice of it was delivered yet */
    STRATEGY_CUT,
    STRATEGY_RESTORE,
    STRATEGY_HOLD,    /* would cut or restore, but `guards` or `reason` stand against it */
    STRATEGY_LIMIT,   /* the stage before the cut: switch limit_circuits off */
    STRATEGY_ACTION_COUNT
};
const char *strategy_action_name(enum strategy_action action); /* "none" ...; never NULL */

enum strategy_reason {
#define STRATEGY_REASON(name, en, zh) STRATEGY_BECAUSE_##name,
#include "strategy/reason_table.h"
#undef STRATEGY_REASON
    STRATEGY_REASON_COUNT
};
const char *strategy_reason_name(enum strategy_reason reason); /* "ARREARS" ...; never NULL */
const char *strategy_reason_en(enum strategy_reason reason);
const char *strategy_reason_zh(enum strategy_reason reason);

#define STRATEGY_GUARD(reason) (UINT64_C(1) << (reason))

struct strategy_decision {
    int level;                   /* 0..level_count now */
    enum strategy_action action;
    enum strategy_reason reason; /* the one sentence; for HOLD the first guard */
    uint64_t guards;             /* bits STRATEGY_GUARD(reason): all that stand against a cut now */
    bool warn;                   /* a notice of `level` is due, whatever the action is */
    bool may_tell;               /* notices may be sent now: hours and daily cap */
    bool cut_due;                /* available <= cut_at: would be cut if there were no guards */
    bool propose;                /* nothing but an approval is missing: make a work item */
    int64_t life_s;              /* of a cut order that is given now: it must not be carried out later,
                                    when the hours or the day in which cuts are allowed are over */
    bool limit_skipped;          /* the policy wants a limit stage, and no meter here can */
    wall_s not_before;           /* nothing but time is in the way: when to decide again; else 0 */
};

/* The decision. Policy must have passed strategy_policy_check. */
struct strategy_decision strategy_decide(const struct strategy_policy *policy,
                                         const struct strategy_facts *facts);
/* The guards alone: bits STRATEGY_GUARD(reason) of all that stand against a cut under these facts. */
uint64_t strategy_guards(const struct strategy_policy *policy, const struct strategy_facts *facts);

/* An order to cut that is on its way is not meant any more: something stands against it that its
 * life did not know of. What comes by the clock alone takes nothing back. */
bool strategy_takes_back(const struct strategy_policy *policy, const struct strategy_facts *facts);

/* Where a moment lies in the days of a place `offset_s` seconds east of Greenwich: fills now,
 * local_minute, weekday, day and next_day. The number of the local day. */
int32_t strategy_facts_time(const struct strategy_policy *policy, wall_s now, int32_t offset_s,
                            struct strategy_facts *facts);

/* What counts as available: what is owed for other services beside it (due_fen >= 0) counts only where
 * the policy turns the guard off. */
int64_t strategy_available(const struct strategy_policy *policy, int64_t available_fen,
                           int64_t due_fen);

/* The level of a balance by money alone: 0..level_count. */
int strategy_level(const struct strategy_policy *policy, int64_t available_fen);
/* The level by every measure of the policy: money, days left, percent. */
int strategy_level_of(const struct strategy_policy *policy, const struct strategy_facts *facts);

/*
 * The n-day rule: is an account taken into short-notice rating? True when available plus the
 * overdraft allowed is strictly less than cost_fen, the forecast of the next rate_days days, and
 * always in arrears (available < 0). False for rate_days 0.
 */
bool strategy_rate_soon(const struct strategy_policy *policy, int64_t available_fen,
                        int64_t cost_fen);

/* How many of the delivered notices (ascending times) count, each at least spacing_s after the last
 * that counted; *last is the last that counted (0: none). */
int64_t strategy_notices_counted(const wall_s *at, size_t count, int64_t spacing_s, wall_s *last);

/* How much may still be sold to an account that has this much, in the meter and under way. */
int64_t strategy_sale_max_fen(const struct strategy_policy *policy, int64_t balance_fen);

/* Whoever saves a policy should see these: lawful perhaps, but never by accident. Bits. */
enum strategy_warning {
#define STRATEGY_WARNING(name, en, zh) STRATEGY_WARNING_##name,
#include "strategy/warning_table.h"
#undef STRATEGY_WARNING
    STRATEGY_WARNING_COUNT
};
uint32_t strategy_policy_warnings(const struct strategy_policy *policy);
const char *strategy_warning_name(enum strategy_warning warning);
const char *strategy_warning_en(enum strategy_warning warning);
const char *strategy_warning_zh(enum strategy_warning warning);

/* Why a policy is refused, with the place as a path ("cut.grace_s"). */
enum strategy_fault {
#define STRATEGY_FAULT(name, en, zh) STRATEGY_FAULT_##name,
#include "strategy/fault_table.h"
#undef STRATEGY_FAULT
    STRATEGY_FAULT_COUNT
};
#define STRATEGY_PLACE_MAX 48
struct strategy_problem {
    enum strategy_fault fault;
    char place[STRATEGY_PLACE_MAX];
};
const char *strategy_fault_name(enum strategy_fault fault);
const char *strategy_fault_en(enum strategy_fault fault);
const char *strategy_fault_zh(enum strategy_fault fault);

/* ERR_STRATEGY_POLICY with the first problem; `problem` may be NULL. */
[[nodiscard]] enum err strategy_policy_check(const struct strategy_policy *policy,
                                             struct strategy_problem *problem);
/* The JSON of docs/formats/strategy.md, checked. Members left out keep the default. */
[[nodiscard]] enum err strategy_policy_parse(const char *json, size_t len,
                                             struct strategy_policy *policy,
                                             struct strategy_problem *problem);

#endif
