/*
 * Protections: who must not be cut, from when to when, and why, as data. An entry covers a project,
 * a place with everything below it, an account, or the account of a meter. Entries are never
 * changed or removed: lifting one stamps it. Each kind is a guard of the strategy's decision; a
 * pending cut for arrears of whoever is covered is withdrawn in the same transaction, if the entry
 * begins before the order has ended.
 */
#ifndef YUFU_CONTROL_PROTECT_H
#define YUFU_CONTROL_PROTECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"
#include "strategy/strategy.h"

enum control_scope {
    CONTROL_SCOPE_PROJECT,
    CONTROL_SCOPE_PLACE,
    CONTROL_SCOPE_ACCOUNT,
    CONTROL_SCOPE_METER,
    CONTROL_SCOPE_COUNT
};
const char *control_scope_name(enum control_scope scope); /* "project" ...; never NULL */
enum control_scope control_scope_of(const char *name);    /* CONTROL_SCOPE_COUNT: unknown */

struct control_protection {
    int64_t id, project_id; /* both found by control_protect_add */
    enum control_scope scope;
    int64_t object_id; /* of the project, place, account or meter */
    enum strategy_protection kind;
    wall_s from, until; /* from <= t < until; until 0: until it is lifted */
    const char *reason;
    const char *actor;
    wall_s now; /* when it was entered */
    /* in lists */
    wall_s lifted_at; /* 0: not lifted */
    const char *lifted_by, *lift_reason;
};

/* Sets p->id and p->project_id. ERR_NOT_FOUND: no such object. ERR_CONTROL_REASON: no reason.
 * ERR_RANGE: until is not after from, or has passed. `random` is for the wishes that are withdrawn.
 */
[[nodiscard]] enum err control_protect_add(struct store_tx *tx, struct control_protection *p,
                                           uint64_t random);

struct control_lift {
    int64_t id;
    const char *reason, *actor;
    wall_s now;
};
/* ERR_NOT_FOUND; ERR_STATE: lifted already. */
[[nodiscard]] enum err control_protect_lift(struct store_tx *tx, const struct control_lift *lift);

struct control_protect_query {
    int64_t project_id;    /* 0: all */
    int64_t account_id;    /* not 0: only what covers this account */
    wall_s at;             /* not 0: only what is in force then */
    int64_t before, limit; /* ids below (0: from the newest); 0: no limit */
};
typedef enum err control_protect_each(void *arg, const struct control_protection *p);
/* Newest first; texts live until the callback returns. */
[[nodiscard]] enum err control_protect_list(struct store_tx *tx,
                                            const struct control_protect_query *query,
                                            control_protect_each *each, void *arg);

/* STRATEGY_PROTECTED set of what covers an account at a time. */
[[nodiscard]] enum err control_protected(struct store_tx *tx, int64_t account_id, wall_s at,
                                         uint32_t *kinds);

/* When the next entry that covers an account begins, after `at` and up to `until`; `until` if none
 * does. */
[[nodiscard]] enum err control_protect_next(struct store_tx *tx, int64_t account_id, wall_s at,
                                            wall_s until, wall_s *next);

#endif
