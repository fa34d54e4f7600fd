/*
 * Before a strategy is saved: who would be warned or cut by it, today and over the last days, and
 * what is different from the strategy in force. Reads only.
 *
 * Today is the real decision: the facts of the fee-control loop, under the proposed policy. The
 * past is lived through again with the same decision function and the same step of an episode,
 * twice: under the policy that is in force now and under the proposed one, so that the difference
 * between the two is the policy and nothing else. It begins WARM_UP_DAYS earlier, so that episodes
 * that had begun before the first day are known.
 *
 * Known of the past are the books, the settled periods (each hour carries the share of the money
 * that its energy was of the period's, so that a level may be met by a fen an hour earlier or later
 * than it was), the hours in which a meter was read, sales on their way,
 * protections, the contract, and since when a relay is open by a person. Supposed is: notices
 * arrive at once on every channel, approvals are given at once, nobody asks for emergency credit,
 * keep-power and the wiring were as they are now, and people used what they used (a cut that would
 * have been does not change what was recorded). The mass-cut breaker is not asked;
 * the sum's `breaker` says where it would stop. Where no readings are at hand, money is shared out
 * by time, and a meter counts as read while a settled period runs that is not longer than a day.
 */
#ifndef YUFU_CONTROL_PREVIEW_H
#define YUFU_CONTROL_PREVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "site/site.h"
#include "store/store.h"
#include "strategy/strategy.h"

struct readings;

#define CONTROL_PREVIEW_DAYS 30
#define CONTROL_PREVIEW_DAYS_MAX 366
#define CONTROL_PREVIEW_WARM_UP_DAYS 14

/* What is decided about an account now. */
struct control_preview_now {
    int level; /* 0..4 */
    bool warn; /* a notice would be written by this decision */
    bool cut;
    bool restore; /* is off for money, and would be switched on */
    bool held;    /* would be cut, but `guards` stand against it */
    enum strategy_action action;
    enum strategy_reason reason;
    uint64_t guards;
};

struct control_preview_day {
    wall_s at;                   /* its local midnight */
    int64_t available_fen;       /* at its end */
    int level;                   /* the highest of the day */
    enum strategy_action action; /* the weightiest: cut, limit, restore, warn, hold, none */
    enum strategy_reason reason;
    uint64_t guards;
    int64_t notices, cuts;
    bool off; /* supply would be off at the end of it */
};

/* The past days under one policy. */
struct control_preview_past {
    int64_t notices, warned_days, cuts, off_days;
    wall_s first_warned_at, first_cut_at;   /* 0: never */
    int level;                              /* the highest */
    uint64_t held;                          /* every guard that stood against a cut */
    const struct control_preview_day *days; /* oldest first */
    size_t day_count;                       /* of days that the account lived through */
};

struct control_preview_side { /* of one policy */
    struct control_preview_now now;
    struct control_preview_past past;
};

struct control_preview_row {
    const struct site_account *account;
    const char *strategy; /* what it lives under now: "code@3", "code@3 package@1"; "": nothing */
    enum err refusal;     /* not ERR_OK: today's facts cannot be had (no price plan ...) */
    bool available_known;
    int64_t available_fen; /* now */
    bool compared;         /* false: no strategy is in force for it, `before` is empty */
    struct control_preview_side before, after; /* in force; proposed */
};
/* An error ends the walk and is returned. */
typedef enum err control_preview_each(void *arg, const struct control_preview_row *row);

struct control_preview {
    struct readings *readings;    /* NULL: nothing is known of today, nor of single hours */
    struct store *readings_store; /* NULL: nothing is known of single hours */
    int64_t project_id;
    const char *code; /* only accounts that live under this strategy now; "": all of the project */
    const struct strategy_policy *policy; /* the proposed one */
    int64_t days;                         /* 0..CONTROL_PREVIEW_DAYS_MAX */
    wall_s now;
    int64_t after, limit; /* accounts with a greater id, at most so many looked at; 0: no limit */
    /* After each account; NULL: nobody asks. Returning false stops: ERR_IO_CLOSED. */
    bool (*progress)(void *arg, int64_t done);
    void *progress_arg;
};

struct control_preview_count {     /* accounts */
    int64_t warn, cut, restore;    /* today */
    int64_t held;                  /* today: arrears, but a guard stands */
    int64_t past_warned, past_cut; /* over the days */
    int64_t notices, cuts;         /* events, over the days */
};
struct control_preview_sum {
    int64_t seen;     /* open accounts looked at */
    int64_t accounts; /* of them, those that the proposal is about */
    int64_t refused;  /* today's facts could not be had */
    struct control_preview_count before, after;
    /* accounts: today, and over the days */
    int64_t newly_warned, newly_cut, no_longer_warned, no_longer_cut;
    int64_t past_newly_warned, past_newly_cut, past_no_longer_warned, past_no_longer_cut;
    int64_t breaker; /* meters that may be cut at once before the breaker stops it */
    int64_t last_id; /* of the last account looked at; 0: there was none */
    bool more;       /* `limit` was reached: go on after last_id */
};

/* Open accounts of the project by id, `each` for those that the proposal is about. ERR_NOT_FOUND:
 * no such project; ERR_RANGE: days; ERR_STRATEGY_POLICY: the policy is not valid. */
[[nodiscard]] enum err control_preview(struct store_tx *tx, const struct control_preview *p,
                                       control_preview_each *each, void *arg,
                                       struct control_preview_sum *sum);

/* Whether anything would happen to the account, or does now: worth a line in a list. */
bool control_preview_concerns(const struct control_preview_row *row);

#endif
