/* Shared by the parts of control/ only. */
#ifndef YUFU_CONTROL_CONTROL_IMPL_H
#define YUFU_CONTROL_CONTROL_IMPL_H

#include "base/rand.h"
#include "control/control.h"
#include "journal/detail.h"
#include "journal/journal.h"

#define CONTROL_RELAYS_MAX 4 /* registers of one meter: the whole and three circuits */

struct control_turn {
    struct store_tx *tx;
    wall_s now;
    const char *actor;
    struct rand_stream ids;
};

static inline struct control_turn control_turn_of(struct store_tx *tx, wall_s now,
                                                  const char *actor, uint64_t random)
{
    return (struct control_turn){tx, now, actor, {random}};
}

/* A gateway whose clock is ahead must not make its news look newer than all that follows. */
static inline wall_s control_not_later(wall_s at, wall_s now)
{
    return at.s < now.s ? at : now;
}

struct control_meter {
    int64_t id, project_id, account_id, epoch, circuits;
    bool cuts;     /* its model can be ordered to; one that is not known here is taken to */
    bool electric; /* what flows through the valves of others is watched by flow/ */
};
enum err control_meter_load(struct store_tx *tx, int64_t meter_id, struct control_meter *m);

/* One register; times are 0 where there is none. */
struct control_row {
    int64_t meter_id, circuit, version;
    enum control_desired desired;
    char reason[32], actor[64];
    char detail[1024];
    wall_s not_after, changed_at, next_at, keep_next_at, state_at;
    bool keep_power;
    bool of_whole; /* open by a cut of the whole that has ended since, not by a wish of its own */
    int64_t keep_version, keep_attempt, command_id, attempt, told;
    int64_t open_wh; /* -1: not seen */
    enum control_relay_state state;
};
/* A register that does not exist yet reads as its defaults. */
enum err control_row_load(struct store_tx *tx, int64_t meter_id, int64_t circuit,
                          struct control_row *r);
/* All that exist of a meter, by circuit. */
enum err control_rows_load(struct store_tx *tx, int64_t meter_id,
                           struct control_row rows[CONTROL_RELAYS_MAX], size_t *count);
enum err control_row_save(struct store_tx *tx, const struct control_row *r);

/* The state of a circuit in the bits a meter reports: 0 is open only if all are. */
enum control_relay_state control_state_of_bits(int64_t bits, int64_t circuit, int64_t circuits);

/* ERR_CONTROL_BREAKER: this meter would be one too many. */
enum err control_breaker_check(struct store_tx *tx, const struct control_meter *m, wall_s now);
/* id and time of what was cut, or left dark by a setting, after $2; a meter may stand twice. */
#define CONTROL_DARK_SINCE                                                                         \
    "SELECT r.meter_id AS id, r.changed_at AS at FROM relay r WHERE r.desired = 'open' "           \
    "AND r.changed_at > $2 UNION ALL SELECT d.meter_id, d.at FROM control_dark d WHERE d.at > $2"
/* The release of project $1 at $2, which lasts $3 at most: one that ends later was given by a clock
 * that was ahead, and is none. */
#define CONTROL_LET_THROUGH                                                                        \
    "FROM control_breaker WHERE project_id = $1 AND released_until > $2 "                          \
    "AND released_until <= $2 + $3"
/* Meters of the project but `but` that count with the breaker. */
enum err control_breaker_count(struct store_tx *tx, int64_t project_id, int64_t but, wall_s now,
                               int64_t *meters);
/* It held back a cut that fee control decided: said once in each window. */
enum err control_breaker_stopped(struct store_tx *tx, int64_t project_id, wall_s now);
/* Whose cut it holds back is decided again at once. */
enum err control_breaker_wake(struct store_tx *tx, int64_t project_id, wall_s now);

/* Puts the commands for the register's present wish and decides when to look again. A restore of
 * the whole leaves circuits open that are wished open by themselves; one of a circuit waits while
 * the whole is cut. */
enum err control_send(struct control_turn *t, const struct control_meter *m, struct control_row *r);
enum err control_send_keep(struct control_turn *t, const struct control_meter *m,
                           struct control_row *r);
/* A circuit has no supply to return to while the whole meter is cut. *since: when its restore could
 * begin. */
enum err control_waits(struct control_turn *t, const struct control_row *r, bool *waits,
                       wall_s *since);
int64_t control_pause_s(int64_t attempt);

enum err control_audit(struct control_turn *t, const struct control_row *r, const char *action);
enum err control_tell(struct control_turn *t, const struct control_meter *m,
                      const struct control_row *r, enum journal_kind kind);

/* Somebody closed a circuit of a whole that is cut, and the wish is given up: what is open by it in
 * `bits` stays so for the same reason, circuit by circuit. */
enum err control_rest_hold(struct control_turn *t, const struct control_meter *m,
                           const struct control_row *whole, int64_t bits);
/* The same of a cut that had lapsed: whoever paid since then is looked at again at once. */
enum err control_rest_stands(struct control_turn *t, const struct control_meter *m,
                             const struct control_row *whole, int64_t bits);
/* The whole is to return, and what is left of its cuts with it; the system returns its own alone.
 */
enum err control_rest_release(struct control_turn *t, int64_t meter_id);

/* A restore that is still under way, of the whole or of a circuit, must not undo this cut of the
 * other: it is taken back, and ordered anew as far as the cut leaves it. */
enum err control_fence_restores(struct control_turn *t, const struct control_row *cut);

/* The wish reached its end: confirmed by the meter. */
enum err control_settle(struct control_turn *t, const struct control_meter *m,
                        struct control_row *r);
/* A cut was carried out, also one that lapsed meanwhile. Whoever paid since then may be left alone
 * by readings: the account is looked at again at once. */
enum err control_cut_stands(struct control_turn *t, const struct control_meter *m,
                            struct control_row *r);
/* A cut that will not happen any more: fee control decides afresh. */
enum err control_lapse(struct control_turn *t, const struct control_meter *m, struct control_row *r,
                       enum journal_kind kind);

#endif
