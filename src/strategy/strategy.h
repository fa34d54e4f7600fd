/*
 * Strategy (fee control 费控): facts in, decision and reasons out. Pure: no memory, no clock.
 *
 * Three alarm levels by money (1 low balance, 2 about to cut, 3 in arrears), a cut at the limit, a
 * restore when the money is back. Equality: a level is reached, and a cut becomes possible, when
 * available <= threshold; supply returns when available > restore_above.
 *
 * A cut is only decided when nothing stands against it (property C1): every guard that applies is
 * named in the decision, so that "why was I not cut" and "why was I cut" have one answer each.
 */
#ifndef YUFU_STRATEGY_STRATEGY_H
#define YUFU_STRATEGY_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define STRATEGY_LEVELS 3
#define STRATEGY_MONDAY_TO_SUNDAY 0x7Fu

/* A policy is data: docs/formats/strategy.md. */
struct strategy_policy {
    int64_t level_fen[STRATEGY_LEVELS]; /* thresholds of level 1, 2, 3; not rising */
    bool cut_automatic;       /* false: a person decides about every cut */
    int64_t cut_at_fen;       /* cut when available <= this; minus the overdraft allowed */
    int64_t notice_level;     /* 0..3: a notice of at least this level must have been delivered */
    int64_t notices;          /* and this many notices of the episode, spaced as below */
    int64_t notice_spacing_s; /* notices closer than this to the last counted one do not count */
    int64_t grace_s;          /* from the later of arrears and the last counted notice to the cut */
    int64_t reading_age_max_s; /* older than this never cuts */
    int64_t not_after_s;      /* life of a cut order */
    uint16_t window_from, window_to; /* minutes of the local day in which cuts are allowed; from <=
                                        minute < to; to <= from wraps; 0..1440 is always */
    uint8_t weekdays;         /* bit 0 Monday .. bit 6 Sunday: days on which cuts are allowed */
    bool cut_on_holidays;
    bool restore_automatic;   /* direct restore; false: a person decides */
    int64_t restore_above_fen; /* restore when available > this; >= cut_at_fen */
    int64_t hoard_max_fen;    /* largest balance to sell up to; 0: no limit */
};

/* The default to ship: 30 / 10 / 0 yuan, cut at 0 after one delivered notice of level 2 or higher
 * and 30 minutes, 08:00 to 20:00 on working days, readings at most a day old, direct restore. */
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
    bool holiday;
    bool clock_trusted;
    enum strategy_wallet wallet;
    bool account_open;
    bool contract_signed;
    bool available_known;  /* there is a reading, a price and a ledger to say what is available */
    int64_t available_fen; /* ledger - accrued (platform); the meter's own word (meter) */
    int64_t reading_age_s;
    bool reading_estimated;
    bool keep_power;
    enum strategy_relay relay;
    enum strategy_desired desired;
    bool payment_pending;  /* money of this account waits for confirmation */
    bool vend_unresolved;  /* a sale is bound and its fate unknown */
    /* The running episode: it ends when the level gets better. A later fall is a new one, in which
     * what was told before counts up to the level that was reached at its beginning only. */
    int level;             /* before this decision */
    wall_s level_at;       /* since when */
    int warned_level;      /* highest level for which a notice was delivered; 0 none */
    int64_t notices;       /* counted by strategy_notices_counted */
    wall_s notice_at;      /* the last counted one; 0 none */
};

enum strategy_action {
    STRATEGY_NONE,    /* nothing to do */
    STRATEGY_WARN,    /* say `level` to the customer: no notice of it was delivered yet */
    STRATEGY_CUT,
    STRATEGY_RESTORE,
    STRATEGY_HOLD,    /* would cut or restore, but `guards` or `reason` stand against it */
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
    int level;                   /* 0..3 now */
    enum strategy_action action;
    enum strategy_reason reason; /* the one sentence; for HOLD the first guard */
    uint64_t guards;             /* bits STRATEGY_GUARD(reason): all that stand against a cut now */
    bool warn;                   /* a notice of `level` is due, whatever the action is */
    bool cut_due;                /* available <= cut_at: would be cut if there were no guards */
    wall_s not_before;           /* HOLD by GRACE alone: when the grace ends; else 0 */
};

/* The decision. Policy must have passed strategy_policy_check. */
struct strategy_decision strategy_decide(const struct strategy_policy *policy,
                                         const struct strategy_facts *facts);

/* The level of a balance: 0..3. */
int strategy_level(const struct strategy_policy *policy, int64_t available_fen);

/* How many of the delivered notices (ascending times) count, each at least spacing_s after the last
 * that counted; *last is the last that counted (0: none). */
int64_t strategy_notices_counted(const wall_s *at, size_t count, int64_t spacing_s, wall_s *last);

/* How much may still be sold to an account that has this much, in the meter and under way. */
int64_t strategy_sale_max_fen(const struct strategy_policy *policy, int64_t balance_fen);

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
