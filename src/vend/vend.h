/*
 * The vend: an order's way into a meter, exactly once.
 *
 * States, crash points c0..c14 and the safety argument: docs/formats/vend.md. In short:
 *
 *   CREATED ─► PAID ─► BOOKED                                     wallet on the platform
 *                └───► BOUND(epoch, n) ─► CONFIRMED               wallet in the meter
 *                        │  └► CONFLICT (a person decides)
 *                        └► FENCED ─► REFUNDED | REJECTED | CONFIRMED | CONFLICT
 *
 * (meter, epoch, n) → order is committed before the first byte leaves, and stands until a fence has
 * proved that n was not used. A time-out is "unknown", never "failed". Only the meter's own record
 * of purchase n confirms; only a fence plus a fresh read-back of n-1 refunds.
 *
 * Everything is a plain function on a ledger transaction; nothing is kept in memory. Each move
 * writes the state, the ledger, one audit row, one event and the next command in one commit.
 * The caller pokes the headend after the commit.
 *
 * `random`: a fresh 64-bit number a call (command ids are made from it).
 */
#ifndef YUFU_VEND_VEND_H
#define YUFU_VEND_VEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"
#include "uplink/message.h"

struct readings;

enum vend_state {
    VEND_CREATED,
    VEND_PAID,
    VEND_BOUND,
    VEND_CONFIRMED,
    VEND_REJECTED,
    VEND_FENCED,
    VEND_REFUNDED,
    VEND_CONFLICT,
    VEND_BOOKED,
    VEND_STATE_COUNT
};
const char *vend_state_name(enum vend_state s);  /* "PAID" ... */
enum vend_state vend_state_of(const char *name); /* VEND_STATE_COUNT if unknown */
bool vend_state_final(enum vend_state s);        /* nothing will happen by itself any more */
/* The table of moves, for tests and for the documentation. */
bool vend_state_allowed(enum vend_state from, enum vend_state to);

#define VEND_ORDER_ID_MIN 8
#define VEND_ORDER_ID_MAX 64
#define VEND_DOUBT_MAX 3  /* contradicting read-backs before CONFLICT */
#define VEND_LATE_S 120   /* a first note, ... */
#define VEND_STUCK_S 1800 /* ... then an alarm: deliver by hand with the same n, or cancel */

/* Largest single sale by method, and the largest amount that a meter's wallet can hold. */
int64_t vend_limit_fen(const char *method); /* 0: unknown method */

struct vend_sale {
    int64_t account_id;
    const char *order_id; /* made by the client: [A-Za-z0-9._-], 8..64 characters */
    int64_t amount_fen;
    const char *method; /* 'cash', 'import', 'subsidy', 'transfer' (from the prepayment) */
    const char *actor;  /* 'user:3' */
    wall_s now;
    uint64_t random;
    const struct readings *readings; /* NULL: a pending cut is cancelled, but a restore is left to
                                        the next fee check */
};

struct vend_status {
    int64_t account_id, project_id, meter_id; /* meter 0: wallet on the platform */
    char order_id[VEND_ORDER_ID_MAX + 1];
    char method[16];
    char actor[64];
    int64_t amount_fen;
    int64_t kept_fen; /* of it, kept on the platform for what the account owes there */
    enum vend_state state;
    /* the money trail; 0: not (yet) */
    wall_s created_at, paid_at, booked_at, bound_at, sent_at, confirmed_at, closed_at;
    wall_s changed_at;
    int64_t epoch, n;   /* the number it is bound to, 0: none */
    int64_t attempt;    /* commands issued so far */
    char cause[16];     /* FENCED and after: 'cancel', 'refused' */
    char evidence[512]; /* JSON object: what the meter said last */
};

/*
 * Takes the order and does everything that can be done at once, in the caller's transaction.
 * The same order id with the same account, amount and method gives the present status again and
 * changes nothing.
 *   ERR_VEND_AMOUNT     not positive            ERR_VEND_LIMIT   above vend_limit_fen
 *   ERR_VEND_ORDER_ID   malformed               ERR_VEND_METHOD  unknown
 *   ERR_VEND_ACCOUNT    no such account         ERR_VEND_CLOSED  account closed
 *   ERR_VEND_DIFFERENT  the order id was used with other content
 *   ERR_VEND_NO_METER   the wallet should be in a meter, but the account has none
 *   ERR_VEND_FUNDS      'transfer' of more than the prepayment
 *   ERR_VEND_HOARD      'cash' of more than vend_room_fen
 */
[[nodiscard]] enum err vend_sell(struct store_tx *tx, const struct vend_sale *sale,
                                 struct vend_status *out);

/* How much may still be sold to the account under its strategy's largest balance, given what it has
 * and what is on its way; INT64_MAX: no limit. `readings` as in vend_sale. ERR_NOT_FOUND. */
[[nodiscard]] enum err vend_room_fen(struct store_tx *tx, int64_t account_id,
                                     const struct readings *readings, wall_s now,
                                     int64_t *room_fen);

/* The prepayment less what orders that wait for a number will take out of it. Negative: an account
 * with its wallet in the meter owes it, and a part of its next sales is kept for it. */
[[nodiscard]] enum err vend_unpromised_fen(struct store_tx *tx, int64_t account_id, int64_t *fen);

/* An account with its wallet in the meter that owes the platform: part of what it pays next is kept.
 * Texts live until the callback returns. */
struct vend_owing {
    int64_t account_id, owed_fen; /* above 0 */
    const char *code, *name;
};
typedef enum err vend_owing_each(void *arg, const struct vend_owing *one);
/* All open accounts of a project, who owes most first. Ends with the first error of `each`. */
[[nodiscard]] enum err vend_owing_list(struct store_tx *tx, int64_t project_id,
                                       vend_owing_each *each, void *arg);

struct vend_request {
    int64_t account_id;
    const char *order_id;
    const char *actor, *reason;
    wall_s now;
    uint64_t random;
};
/*
 * Takes an order back. PAID: at once. BOUND: fenced first; the meter decides, watch the state.
 * Idempotent while FENCED or REFUNDED. The money is then in the prepayment.
 * ERR_NOT_FOUND; ERR_VEND_FINAL: it is in the meter (or booked) already, or was refused.
 */
[[nodiscard]] enum err vend_cancel(struct store_tx *tx, const struct vend_request *request,
                                   struct vend_status *out);
/* A person decides a CONFLICT: in the meter (true) or not (false). The next sale to this meter
 * reads its count afresh. ERR_NOT_FOUND, ERR_STATE. */
[[nodiscard]] enum err vend_resolve(struct store_tx *tx, const struct vend_request *request,
                                    bool applied, struct vend_status *out);

/*
 * What a meter said: outcomes of VEND and READ commands. `command` is ours as it was sent, or NULL.
 * Any order, any number of times, however late: evidence is judged, not trusted.
 */
struct vend_evidence {
    const struct uplink_command *command;
    const struct uplink_outcome *outcome;
    wall_s now;
    uint64_t random;
};
[[nodiscard]] enum err vend_outcome(struct store_tx *tx, const struct vend_evidence *evidence);

/* The scanner: everything that is due, at most `limit` orders: sells true-ups in favour of accounts
 * into their meters (order 'trueup-RERATE-ACCOUNT'), binds what waits, repeats what was
 * lost, reads back what is fenced, tells what is late. *worked counts them; call again while it
 * equals limit. */
struct vend_scan {
    wall_s now;
    int64_t limit;
    uint64_t random;
};
[[nodiscard]] enum err vend_tick(struct store_tx *tx, const struct vend_scan *scan,
                                 int64_t *worked);

/* A routine reading of a wallet (-1 / INT64_MIN: not read). If it differs from what is proven, a
 * READ command is issued, whose outcome is evidence. Changes nothing otherwise. */
struct vend_wallet_reading {
    int64_t meter_id, epoch, count, purchased_fen, balance_fen;
    wall_s at, now;
    uint64_t random;
};
[[nodiscard]] enum err vend_reading(struct store_tx *tx, const struct vend_wallet_reading *reading);

/*
 * The meter of an account is exchanged or set back: begins a new installation period. What the
 * ledger holds in the old meter's wallet is moved to the prepayment and, less what the account owes
 * there, sold into the new meter (order 'exchange-METER-EPOCH'), unless it is to be kept on the platform. Settle the old meter's
 * charges first.
 * ERR_VEND_OPEN: a sale to it is unresolved: let it finish, or cancel it.
 */
struct vend_exchange {
    int64_t meter_id;
    const char *address, *model; /* of the new device; NULL: as before */
    bool keep;                   /* nothing is sold into the new meter */
    const char *actor;
    wall_s now;
    uint64_t random;
};
[[nodiscard]] enum err vend_exchange(struct store_tx *tx, const struct vend_exchange *exchange,
                                     int64_t *epoch);
/* After a restore from a backup: no wallet count is believed until it was read afresh. */
[[nodiscard]] enum err vend_distrust(struct store_tx *tx);

/* ERR_NOT_FOUND. */
[[nodiscard]] enum err vend_get(struct store_tx *tx, int64_t account_id, const char *order_id,
                                struct vend_status *out);
struct vend_filter {
    int64_t project_id; /* 0: all */
    int64_t account_id; /* 0: all */
    int64_t meter_id;   /* 0: all; else those that were sold into it */
    const char *state;  /* a state's name, "open" (not final or in CONFLICT), NULL: all */
    wall_s before;      /* created before; 0: from the newest */
    int64_t limit;
};
typedef enum err vend_each(void *arg, const struct vend_status *status);
/* Newest first. */
[[nodiscard]] enum err vend_list(struct store_tx *tx, const struct vend_filter *filter,
                                 vend_each *each, void *arg);

/* Every vend against the meters' own words and against the ledger. */
struct vend_check {
    int64_t orders, bindings, confirmed, open, conflicts;
    int64_t faults;
};
/* `fault` gets one English line for each fault; NULL: count only. ERR_VEND_CHECK if any. */
typedef void vend_fault(void *arg, int64_t account_id, const char *order_id, const char *what);
[[nodiscard]] enum err vend_verify(struct store_tx *tx, vend_fault *fault, void *arg,
                                   struct vend_check *out);

#endif
