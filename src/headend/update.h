/*
 * Updates of the gateways' programs through the uplink (docs/decisions/0035): the files that may be
 * sent, and who shall run which. Plain functions on a ledger transaction; what they write is seen
 * by the sessions within seconds.
 *
 *   waiting --the gateway fetches--> fetching --whole and signed--> ready --applied--> trial
 *   trial --> confirmed | failed      fetching, ready --> failed
 *   waiting --taken back--> stopped   fetching, ready, trial --taken back--> stopping
 *   stopping --the gateway dropped it--> stopped   stopping --on trial already--> trial
 *
 * A push has a first stage and, perhaps, a rest. The rest is told when all of the first are
 * confirmed; if one of the first fails, the push is halted, and the rest is not begun.
 */
#ifndef YUFU_HEADEND_UPDATE_H
#define YUFU_HEADEND_UPDATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define HEADEND_PACKAGES_MAX 16 /* kept at one time */
#define HEADEND_REASON_MAX 200  /* bytes */
#define HEADEND_PUSH_MAX 4096   /* gateways of one push */

struct headend_package {
    int64_t id, store, size;
    char version[24], machine[24], minimum[24], key[24], actor[32];
    wall_s added_at;
    int64_t open; /* gateways whose update with it is under way */
};

struct headend_package_new {
    struct bytes file, keys; /* keys: public release keys, PEM */
    const char *actor;
    wall_s now;
};
/* Verified whole. ERR_UPDATE_SIZE, ERR_TRUNCATED, ERR_UPDATE_FILE, ERR_UPDATE_DATA,
 * ERR_UPDATE_PROGRAM (not a gateway's), ERR_SIGN_KEY, ERR_SIGN_WRONG, ERR_EXISTS: the same file is
 * here, ERR_FULL: remove one first. */
[[nodiscard]] enum err headend_package_add(struct store_tx *tx, const struct headend_package_new *n,
                                           struct headend_package *out);
/* ERR_NOT_FOUND, ERR_UPDATE_USED. */
[[nodiscard]] enum err headend_package_remove(struct store_tx *tx, int64_t id, const char *actor,
                                              wall_s now);
[[nodiscard]] enum err headend_package_get(struct store_tx *tx, int64_t id,
                                           struct headend_package *out);
typedef enum err headend_package_each(void *arg, const struct headend_package *p);
[[nodiscard]] enum err headend_packages(struct store_tx *tx, headend_package_each *each, void *arg);

struct headend_push_new {
    int64_t package_id, project_id;
    const int64_t *gateways; /* of the project */
    size_t count;
    size_t first; /* so many of them make the first stage; 0: all */
    int64_t from_minute, until_minute, trial_s;
    bool downgrade;
    const char *reason, *actor;
    wall_s now;
    uint64_t random; /* fresh */
};
/* ERR_NOT_FOUND: the package, or a gateway that is not of the project; ERR_STATE: one that is not
 * claimed; ERR_RANGE; ERR_UPDATE_BUSY;
 * ERR_UPDATE_UNKNOWN; ERR_UPDATE_MACHINE, ERR_UPDATE_STORE, ERR_UPDATE_FROM, ERR_UPDATE_OLD: as the
 * gateway told of its program, which looks again itself. *refused: the gateway that it is about. */
[[nodiscard]] enum err headend_push_make(struct store_tx *tx, const struct headend_push_new *n,
                                         int64_t *id, int64_t *refused);

struct headend_push_stop {
    int64_t id;
    const char *reason, *actor;
    wall_s now;
};
/* ERR_NOT_FOUND, ERR_STATE: it is over. */
[[nodiscard]] enum err headend_push_stop(struct store_tx *tx, const struct headend_push_stop *stop);

/* In the transaction that revokes a gateway: it will say nothing more, so what it was about to take
 * has failed by name (HEADEND_REVOKED), and as one of the first it halts the rest. ERR_NOT_FOUND.
 */
[[nodiscard]] enum err headend_push_revoked(struct store_tx *tx, int64_t gateway_id, wall_s now);

struct headend_push {
    int64_t id, package_id, project_id;
    char version[24], state[12], actor[32], reason[HEADEND_REASON_MAX + 1];
    int64_t from_minute, until_minute, trial_s;
    bool downgrade;
    wall_s made_at;
};
typedef enum err headend_push_each(void *arg, const struct headend_push *p);
/* The newest first; project 0: of all. */
[[nodiscard]] enum err headend_pushes(struct store_tx *tx, int64_t project_id, int64_t limit,
                                      headend_push_each *each, void *arg);
/* ERR_NOT_FOUND. */
[[nodiscard]] enum err headend_push_get(struct store_tx *tx, int64_t id, struct headend_push *out);

struct headend_push_part {
    int64_t gateway_id, stage, received, size;
    char serial[65], name[129], state[12], error[48];
    wall_s changed_at;
};
typedef enum err headend_push_part_each(void *arg, const struct headend_push_part *p);
[[nodiscard]] enum err headend_push_parts(struct store_tx *tx, int64_t push_id,
                                          headend_push_part_each *each, void *arg);

/* What a gateway told of its program last. ERR_NOT_FOUND: nothing yet. */
struct headend_program {
    char told[64], version[24], machine[24], place[24], last[24], left[24];
    int64_t store;
    bool updates, trial;
    wall_s at;
    /* Its newest wish; push_id 0: none. */
    int64_t push_id, received, size;
    char wish_version[24], state[12], error[48];
};
[[nodiscard]] enum err headend_program_get(struct store_tx *tx, int64_t gateway_id,
                                           struct headend_program *out);

#endif
