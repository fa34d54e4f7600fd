/* Shared by the parts of vend/ only. */
#ifndef YUFU_VEND_VEND_IMPL_H
#define YUFU_VEND_VEND_IMPL_H

#include "base/rand.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "vend/vend.h"

/* One call: when, who, and where command ids come from. */
struct vend_turn {
    struct store_tx *tx;
    wall_s now;
    const char *actor;
    struct rand_stream ids;
};

static inline struct vend_turn vend_turn_of(struct store_tx *tx, wall_s now, const char *actor,
                                            uint64_t random)
{
    return (struct vend_turn){tx, now, actor, {random}};
}

struct vend_method {
    const char *name;
    enum ledger_book
        contra; /* where the money comes from; LEDGER_BOOK_COUNT: it is there already */
    int64_t limit_fen;
};
const struct vend_method *vend_method_find(const char *name); /* NULL */

/* An order, with its vend if it was ever bound (n = 0: never). */
struct vend_order {
    int64_t account_id, project_id, meter_id;
    char order_id[VEND_ORDER_ID_MAX + 1];
    char method[16];
    int64_t amount_fen; /* that was paid, ... */
    int64_t kept_fen;   /* of it, kept for what the account owes: the rest goes into the meter */
    enum vend_state state;
    wall_s created_at;
    int64_t epoch, n, attempt, command_id, doubt, doubt_command, fence_read, told, pause;
    char cause[16];
    char reason[128];
    wall_s next_at, bound_at;
};
/* What of the order goes into the meter. */
static inline int64_t vend_meter_fen(const struct vend_order *o)
{
    return o->amount_fen - o->kept_fen;
}
/* As much of a text as fits, closed with a zero; cap is at least 1. */
void vend_copy_text(char *out, size_t cap, const char *text);
enum err vend_order_load(struct store_tx *tx, int64_t account_id, const char *order_id,
                         struct vend_order *o);
/* The one unresolved vend of a meter; ERR_NOT_FOUND. */
enum err vend_order_open(struct store_tx *tx, int64_t meter_id, struct vend_order *o);
/* Writes back what a vend remembers beside its state. */
enum err vend_order_save(struct vend_turn *t, const struct vend_order *o);

/* The only function that changes an order's state: checks the table of moves, writes state and
 * time, posts, audits and tells. `note` holds further facts and may be NULL. */
enum err vend_move(struct vend_turn *t, struct vend_order *o, enum vend_state to,
                   struct detail *note);

/* What is kept of a sale of `amount_fen` that was just paid into the prepayment. */
enum err vend_keep_fen(struct store_tx *tx, const struct vend_order *o, int64_t *kept_fen);
/* Sells up to `limit` true-ups that are in favour of their accounts into the meters. */
#define VEND_TRUE_UP "trueup-" /* ...RERATE-ACCOUNT: such a sale's order id */
enum err vend_sell_back(struct vend_turn *t, int64_t limit, int64_t *worked);

/* The local day of `now` in a project's zone. ERR_BILLING_ZONE. */
enum err vend_business_day(struct vend_turn *t, int64_t project_id, int32_t *day);

/* What we know of the wallet inside a meter. */
struct vend_wallet {
    int64_t account_id, meter_id, project_id, epoch;
    bool proven, opened;
    int64_t count, purchased_fen, opening_count, opening_fen, foreign_fen;
    bool suspect;
    int64_t suspect_count, suspect_fen, suspect_command;
    int64_t doubt, read_command;
    int64_t remaining_fen; /* INT64_MIN: never read */
    wall_s read_at;
};
/* Loads or begins the row; one of an earlier epoch begins anew. */
enum err vend_wallet_load(struct store_tx *tx, int64_t account_id, int64_t meter_id,
                          struct vend_wallet *w);
enum err vend_wallet_save(struct store_tx *tx, const struct vend_wallet *w);
/* A next number may be given out. */
bool vend_wallet_known(const struct vend_wallet *w);
/* Asks the meter, unless an answer is still expected. */
enum err vend_wallet_ask(struct vend_turn *t, struct vend_wallet *w);
/* Judges what a meter said of its count and cumulative purchases when no vend of ours explains it:
 * equal is fine; a difference is believed when a second, independent read-back says the same. */
enum err vend_wallet_judge(struct vend_turn *t, struct vend_wallet *w,
                           const struct uplink_outcome *o);
/* Books purchases that are not ours: brings the row to (count, purchased). */
enum err vend_wallet_foreign(struct vend_turn *t, struct vend_wallet *w, int64_t count,
                             int64_t purchased_fen);
/* True the second time that the same contradiction is shown, by another command. `rising`: count
 * and sum may have grown between, because strangers go on buying. */
bool vend_wallet_suspect(struct vend_wallet *w, const struct uplink_outcome *o, bool rising);

/* Binds the oldest waiting order of a meter, if its wallet is known and nothing is unresolved. */
enum err vend_bind_next(struct vend_turn *t, int64_t meter_id);
/* Binds (again) to number n and sends. */
enum err vend_bind(struct vend_turn *t, struct vend_order *o, int64_t n);
/* Puts a command for a bound or fenced order and remembers it as the present one. */
enum err vend_send(struct vend_turn *t, struct vend_order *o, enum uplink_command_kind kind);
/* Asks for tombstones; *standing: none of the order's commands can be carried out any more. */
enum err vend_fence_all(struct vend_turn *t, const struct vend_order *o, bool *standing);
/* Pushes a fence forward: tombstones for every command of the order, then the deciding read. */
enum err vend_fence_push(struct vend_turn *t, struct vend_order *o);
/* Is an answer to this command still expected from the gateway that has the meter now? 0: no. */
enum err vend_command_pending(struct store_tx *tx, int64_t command_id, int64_t meter_id,
                              bool *pending);
/* Seconds to wait after that many fruitless answers. */
int64_t vend_pause_s(int64_t fruitless);

/* What an outcome proves about a vend. Pure. */
enum vend_finding {
    VEND_FINDS_NOTHING, /* not read back */
    VEND_FINDS_OURS,    /* record n is ours (c10) */
    VEND_FINDS_NOT_YET, /* count n-1 and purchases as we know them (c9) */
    VEND_FINDS_FOREIGN, /* record n is somebody else's (c11) */
    VEND_FINDS_DOUBT    /* contradicts itself or us (c12) */
};
enum vend_finding vend_find(const struct vend_order *o, const struct vend_wallet *w,
                            const struct uplink_outcome *outcome);
bool vend_reply_is_refusal(enum uplink_reply reply);
const char *vend_reply_name(enum uplink_reply reply);

#endif
