/*
 * Who would be warned or cut by a strategy: today, with all facts as the loop has them, and over
 * the last days, replayed from the ledger. Nothing is written.
 *
 * The replay looks at an account once a local day, at the hour at which the proposed strategy may
 * cut (the beginning of its window), with the prepayment that the ledger had then, and lives
 * through an episode as the loop would: notices count as delivered when they are written, over
 * every channel of the strategy that is asked about; a cut takes effect at once; a restore when
 * money came. Contracts, protections, holidays and the age of the last settled reading are those of
 * the day. What is not in the books of the past is taken as harmless: no payment was pending, the
 * clock was right, a proposed cut was approved, emergency credit was not asked for.
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

#define CONTROL_PREVIEW_DAYS_MAX 366

struct control_preview_day {
    wall_s at;
    int64_t available_fen;
    int level;
    enum strategy_action action;
    enum strategy_reason reason;
    uint64_t guards;
    bool warned; /* a notice would have been sent */
    bool off;    /* supply would be off at the end of it */
};

struct control_preview_row {
    int64_t account_id;
    char code[SITE_CODE_MAX + 1], name[SITE_NAME_MAX + 1];
    /* today */
    enum err refusal; /* not ERR_OK: today's facts cannot be had (no price plan ...) */
    bool available_known;
    int64_t available_fen;
    int level_now;  /* by the strategy in force, as stored */
    int level_then; /* by the proposed one */
    bool warn, cut; /* a notice would be sent, supply would be cut, by this decision: */
    enum strategy_action action;
    enum strategy_reason reason;
    uint64_t guards;
    /* over the days, oldest first; day_count 0: the account is younger, or its balance is elsewhere
     */
    const struct control_preview_day *days;
    size_t day_count;
    int64_t warned_days, cuts, off_days;
    wall_s first_warned_at, first_cut_at; /* 0: never */
};
/* An error ends the walk and is returned. */
typedef enum err control_preview_each(void *arg, const struct control_preview_row *row);

struct control_preview {
    const struct readings *readings; /* NULL: nothing is known of today */
    int64_t project_id;
    const char *strategy_code; /* only accounts that live under it now; NULL: all of the project */
    const struct strategy_policy *policy; /* the proposed one; checked */
    int64_t days;                         /* 0..CONTROL_PREVIEW_DAYS_MAX */
    wall_s now;
    /* Now and then, with the accounts done; NULL: nobody asks. Returning false stops
     * (ERR_IO_CLOSED). */
    bool (*progress)(void *arg, int64_t done);
    void *progress_arg;
};

struct control_preview_sum {
    int64_t accounts;              /* looked at */
    int64_t warn, cut;             /* today */
    int64_t held;                  /* today: arrears, but a guard stands */
    int64_t refused;               /* today's facts could not be had */
    int64_t ever_warned, ever_cut; /* accounts, over the days */
    int64_t warnings, cuts;        /* over the days */
};

/* Open accounts of the project by id. ERR_NOT_FOUND: no such project; ERR_RANGE: days;
 * ERR_STRATEGY_POLICY: the policy is not valid. */
[[nodiscard]] enum err control_preview(struct store_tx *tx, const struct control_preview *p,
                                       control_preview_each *each, void *arg,
                                       struct control_preview_sum *sum);

#endif
