/*
 * Cuts that people decide (审批停电). Where the strategy asks for it, an account that is to be cut
 * becomes a proposal, a work item: one person approves it, and where two are wanted another person
 * releases it. Approving does not cut: the loop decides again with every guard, at that moment and
 * with every reading, until the proposal expires; an order to cut lives no longer than that. It is
 * withdrawn when the money is back, when the strategy changes, when its time is over, and when the
 * account is closed.
 */
#ifndef YUFU_CONTROL_APPROVAL_H
#define YUFU_CONTROL_APPROVAL_H

#include <stdint.h>

#include "control/fee.h"
#include "store/store.h"

enum control_approval_state {
    CONTROL_PROPOSED,
    CONTROL_APPROVED,  /* by one person */
    CONTROL_RELEASED,  /* by a second one */
    CONTROL_DONE,      /* the cut was ordered */
    CONTROL_REFUSED,   /* a person said no: it is not proposed again in this episode */
    CONTROL_WITHDRAWN, /* money, another strategy, the account's end, or its time was over */
    CONTROL_APPROVAL_STATES
};
const char *control_approval_name(enum control_approval_state state); /* "proposed" ... */

struct control_approval {
    int64_t id, project_id, account_id;
    enum control_approval_state state;
    int64_t persons;       /* how many are wanted: 1 or 2 */
    int64_t available_fen; /* when it was proposed */
    const char *account_code, *account_name;
    const char *detail;                                                 /* JSON: the decision */
    wall_s proposed_at, expires_at, approved_at, released_at, ended_at; /* 0: not */
    const char *approved_by, *released_by, *ended_by, *reason;
};
typedef enum err control_approval_each(void *arg, const struct control_approval *a);

struct control_approval_query {
    int64_t project_id; /* 0: all */
    bool open;          /* only those that wait for a person or for a moment that allows the cut */
    int64_t before, limit; /* ids below (0: from the newest); 0: no limit */
};
/* Newest first; texts live until the callback returns. */
[[nodiscard]] enum err control_approval_list(struct store_tx *tx,
                                             const struct control_approval_query *query,
                                             control_approval_each *each, void *arg);

/* What one person says about a proposal. */
struct control_verdict {
    const struct readings *readings;
    int64_t id;
    const char *actor; /* 'user:3'; "system" is nobody: ERR_CONTROL_SECOND_PERSON */
    const char *reason;
    wall_s now;
    uint64_t random;
};
/* Approves, then (two wanted) releases; the loop runs at once. ERR_NOT_FOUND, ERR_STATE (not in
 * this state, or expired), ERR_CONTROL_SECOND_PERSON (the same person again). */
[[nodiscard]] enum err control_approve(struct store_tx *tx, const struct control_verdict *v);
[[nodiscard]] enum err control_release(struct store_tx *tx, const struct control_verdict *v);
/* At any time before the cut: an order that no meter has confirmed yet is withdrawn. A reason is
 * needed (ERR_CONTROL_REASON). */
[[nodiscard]] enum err control_refuse(struct store_tx *tx, const struct control_verdict *v);

#endif
