/*
 * The cash desk: sales with their service fee, cashiers' shifts, and the closing of a day.
 *
 *   open ──► counted ──► closed        by another person, with a note where the count differs
 *
 * A cashier counts blind: what the books expect is fixed by the count, and shown only then. What a
 * till took in or gave out is one row (cash_entry) beside the ledger transaction that moved the
 * money, in the same commit; what the ledger says of a day is kept by a trigger of the schema
 * (cash_book). A day is closed when both say the same. Through a clock that is set back a shift's
 * times do not fall: what it takes in is not before its opening, and its count not before what it
 * took in.
 */
#ifndef YUFU_PAY_SHIFT_H
#define YUFU_PAY_SHIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"
#include "vend/vend.h"

#define SHIFT_NOTE_MAX 200 /* bytes of a note */
#define SHIFT_FLOAT_MAX_FEN 10'000'000
#define SHIFT_COUNT_MAX_FEN 1'000'000'000
#define SHIFT_FEE_MAX_PERMYRIAD 2'000

/* --- what a project wants ------------------------------------------------------------------ */

struct shift_policy {
    bool need_shift;       /* cash is taken in and given out in an open shift only */
    int64_t fee_permyriad; /* service fee on sales, of what is paid: 500 is five per cent */
    bool share_as_energy;  /* common usage is booked against the prepayment, not beside it */
};
/* Without a row: no shift needed, no fee, common usage beside the energy. */
[[nodiscard]] enum err shift_policy_get(struct store_tx *tx, int64_t project_id,
                                        struct shift_policy *out);
struct shift_person {
    int64_t project_id;
    const char *actor; /* 'user:3' */
    wall_s now;
};
/* ERR_RANGE. */
[[nodiscard]] enum err shift_policy_set(struct store_tx *tx, const struct shift_person *by,
                                        const struct shift_policy *policy);

/* --- the desk ------------------------------------------------------------------------------ */

struct shift_sale {
    int64_t paid_fen, credit_fen, fee_fen, fee_permyriad;
};
/* A sale for cash: `sale->amount_fen` is what is paid. The fee is rounded half up; it is a ledger
 * transaction of its own, 'order:ID/fee'. A repeat answers the first sale, whatever the fee is now.
 * ERR_SHIFT_NONE: the project wants an open shift; else as vend_sell. `split` may be NULL. */
[[nodiscard]] enum err shift_sell(struct store_tx *tx, const struct vend_sale *sale,
                                  struct vend_status *out, struct shift_sale *split);
/* How a sale was divided; ERR_NOT_FOUND: it was not made at the desk, or before there were fees. */
[[nodiscard]] enum err shift_sale_get(struct store_tx *tx, int64_t account_id, const char *order_id,
                                      struct shift_sale *out);

enum shift_kind { SHIFT_SALE, SHIFT_FEE, SHIFT_REFUND, SHIFT_OTHER, SHIFT_KIND_COUNT };
const char *shift_kind_name(enum shift_kind k); /* "sale" ...; never NULL */
/* Money over the desk: call it in the transaction that posted (account, seq), whose books 'cash'
 * and 'refund' moved by -amount_fen together. It belongs to the actor's open shift, if there is
 * one. ERR_SHIFT_NONE: the project wants an open shift. */
struct shift_cash {
    int64_t account_id, seq;
    enum shift_kind kind;
    int64_t amount_fen; /* positive: taken in; not 0 */
    const char *actor;
    wall_s now;
};
[[nodiscard]] enum err shift_record(struct store_tx *tx, const struct shift_cash *cash);

/* --- shifts -------------------------------------------------------------------------------- */

enum shift_state { SHIFT_OPEN, SHIFT_COUNTED, SHIFT_CLOSED, SHIFT_STATE_COUNT };
const char *shift_state_name(enum shift_state s); /* "open" ...; never NULL */

struct shift {
    int64_t id, project_id;
    char cashier[64];
    enum shift_state state;
    int64_t float_fen;
    wall_s opened_at, counted_at, closed_at; /* 0: not yet */
    int64_t counted_fen, expected_fen;       /* from SHIFT_COUNTED on */
    int64_t in_fen, out_fen;                 /* of the entries; out is not negative */
    int64_t entries;
    char closed_by[64], note[SHIFT_NOTE_MAX + 1];
};
/* ERR_SHIFT_OPEN: there is one already. ERR_RANGE. */
[[nodiscard]] enum err shift_open(struct store_tx *tx, const struct shift_person *by,
                                  int64_t float_fen, struct shift *out);
/* Counts the caller's open shift, once. ERR_SHIFT_NONE, ERR_RANGE. */
[[nodiscard]] enum err shift_count(struct store_tx *tx, const struct shift_person *by,
                                   int64_t counted_fen, struct shift *out);
/* ERR_NOT_FOUND; ERR_SHIFT_STATE: not counted, or closed; ERR_SHIFT_PERSON: the cashier's own;
 * ERR_SHIFT_NOTE: counted and expected differ, and the note is empty. */
[[nodiscard]] enum err shift_close(struct store_tx *tx, const struct shift_person *by, int64_t id,
                                   const char *note, struct shift *out);
/* The open shift of a person; ERR_SHIFT_NONE. */
[[nodiscard]] enum err shift_mine(struct store_tx *tx, int64_t project_id, const char *actor,
                                  struct shift *out);
typedef enum err shift_each(void *arg, const struct shift *s);
/* Newest first, those with id < before (0: all). */
[[nodiscard]] enum err shift_list(struct store_tx *tx, int64_t project_id, int64_t before,
                                  int64_t limit, shift_each *each, void *arg);

/* --- days ---------------------------------------------------------------------------------- */

struct shift_day {
    int64_t project_id;
    int32_t day;                             /* local day number */
    int64_t book_in_fen, book_out_fen;       /* the ledger's cash book; out is not negative */
    int64_t till_in_fen, till_out_fen;       /* of it, in shifts */
    int64_t outside_in_fen, outside_out_fen; /* of it, past the tills: imports, bank, no shift */
    int64_t unclosed;                        /* shifts with money of that day that are not closed */
    int64_t shifts, difference_fen;          /* that were counted on the day; counted - expected */
    bool over;                               /* the day has ended */
    wall_s closed_at;                        /* 0: not closed */
    char closed_by[64], note[SHIFT_NOTE_MAX + 1];
};
/* The day as it stands now; a closed one as it was closed. ERR_NOT_FOUND: no such project. */
[[nodiscard]] enum err shift_day_get(struct store_tx *tx, int64_t project_id, int32_t day,
                                     wall_s now, struct shift_day *out);
struct shift_closing {
    int32_t day;
    int64_t outside_fen; /* in minus out past the tills, as the closer found it on paper */
    const char *note;
};
/* ERR_DAY_CLOSED; ERR_DAY_OPEN: it is not over, or a shift is not closed; ERR_DAY_OUTSIDE: what
 * went past the tills is another amount. */
[[nodiscard]] enum err shift_day_close(struct store_tx *tx, const struct shift_person *by,
                                       const struct shift_closing *closing, struct shift_day *out);
typedef enum err shift_day_each(void *arg, const struct shift_day *d);
/* Days with money or a closing, newest first, before `before` (0: all). */
[[nodiscard]] enum err shift_days(struct store_tx *tx, const struct shift_person *who,
                                  int32_t before, int64_t limit, shift_day_each *each, void *arg);

#endif
