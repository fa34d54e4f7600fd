/* Standing permissions, for the parts of control/ only. */
#ifndef YUFU_CONTROL_AWAY_IMPL_H
#define YUFU_CONTROL_AWAY_IMPL_H

#include "control/away.h"
#include "control/control_impl.h"
#include "control/policy.h"

enum away_state { AWAY_NONE, AWAY_LIVE, AWAY_ENDED, AWAY_USED, AWAY_TOLD };

struct away_row {
    int64_t account_id, gateway_id;
    enum away_state state;
    wall_s made_at, valid_from, valid_until;
    int64_t left_wh, available_fen, prepayment_fen, plan_version;
    char strategy[CONTROL_STRATEGY_TEXT_MAX];
};

/* AWAY_NONE: the account never had one. */
enum err away_load(struct store_tx *tx, int64_t account_id, struct away_row *row);
enum err away_save(struct store_tx *tx, const struct away_row *row);
enum err away_set_state(struct store_tx *tx, int64_t account_id, enum away_state state);

/* The account's permission ends, if it has one; a restore waits for a gateway that may use it all
 * the same, because it cannot be told. `reason`: a word, as of a wish. */
enum err control_away_end(struct control_turn *t, int64_t account_id, const char *reason);
/* Those that were ended while the gateway was heard lately, and that it has not been heard since:
 * up to `limit` of them. */
enum err control_away_tick(struct control_turn *t, int64_t limit, int64_t *worked);
/* A wish is written: whatever was allowed for the meter's account is not meant any more. */
enum err control_away_wished(struct store_tx *tx, const struct control_meter *m);

enum away_fate {
    AWAY_NOT_OURS, /* an outcome of something else */
    AWAY_TAKEN,    /* the register is what it would be if we had ordered the cut */
    AWAY_UNDO,     /* it is not meant any more: supply has to return */
    AWAY_NOT_MADE  /* it was said, the permission is spent; the register is as it was */
};
/* An outcome of a cut under a permission. */
enum err control_away_adopt(struct control_turn *t, const struct control_meter *m,
                            struct control_row *r, const struct uplink_outcome *o,
                            enum away_fate *fate);

#endif
