/*
 * Money that leaves an account: refunds, reversals of sales, transfers to another account of the
 * project, and the closing of an account.
 *
 *   REQUESTED ──► APPROVED ──► PAID          approved by another person than asked
 *        │            └──────► REJECTED      (by anybody who may decide, or by who asked)
 *        └───────────────────► REJECTED
 *
 * Asking moves the money from the prepayment to the book 'held', so that it can be asked back, used
 * or transferred only once; rejecting moves it back. A transfer is done with its approval. Refunds
 * and reversals are then paid out, over the desk (pay/shift.h) or by bank. A closing ends the
 * account with its approval; when its last charges are settled, what is left is paid out.
 *
 * Only what the newest readings leave of the prepayment can be asked for, and never what was given
 * free. Each move is one ledger transaction an account (a transfer: two, whose 'transfer' postings
 * cancel out), one audit row and the state, in the caller's transaction. A repeat changes nothing.
 */
#ifndef YUFU_PAY_PAY_H
#define YUFU_PAY_PAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "billing/billing.h"
#include "store/store.h"

#define PAY_ID_MIN 8
#define PAY_ID_MAX 48
#define PAY_TEXT_MAX 200 /* bytes of a reason, a note, a bank's reference */

/* What a project allows. Without a row: a second person always, reversals within 7 days. */
struct pay_policy {
    int64_t one_person_fen; /* of an account within a day, needs no second person */
    int64_t reversal_days;  /* 0 .. 31 */
};
[[nodiscard]] enum err pay_policy_get(struct store_tx *tx, int64_t project_id,
                                      struct pay_policy *out);
struct pay_policy_change {
    int64_t project_id;
    struct pay_policy policy;
    const char *actor;
    wall_s now;
};
/* ERR_RANGE, ERR_NOT_FOUND. */
[[nodiscard]] enum err pay_policy_set(struct store_tx *tx, const struct pay_policy_change *change);

enum pay_kind { PAY_REFUND, PAY_REVERSAL, PAY_TRANSFER, PAY_CLOSE, PAY_KIND_COUNT };
enum pay_state { PAY_REQUESTED, PAY_APPROVED, PAY_PAID, PAY_REJECTED, PAY_STATE_COUNT };
const char *pay_kind_name(enum pay_kind k);   /* "refund" ...; never NULL */
const char *pay_state_name(enum pay_state s); /* "REQUESTED" ...; never NULL */
enum pay_kind pay_kind_of(const char *name);  /* PAY_KIND_COUNT: unknown */

struct pay_request {
    enum pay_kind kind;
    int64_t account_id;
    const char *request_id; /* made by the client: [A-Za-z0-9._-], 8..48 characters */
    int64_t amount_fen;     /* a reversal: 0, the whole sale; a closing: 0, what is left */
    int64_t to_account_id;  /* transfer */
    const char *order_id;   /* reversal */
    const char *actor, *reason;
    wall_s now;
    const struct billing *billing; /* readings, for what is used and not settled yet */
};
/* Asks; within one_person_fen it is approved at once (never a closing).
 *   ERR_VEND_ORDER_ID   malformed id         ERR_VEND_AMOUNT     not positive
 *   ERR_VEND_DIFFERENT  the id was used with other content
 *   ERR_VEND_CLOSED     one of the accounts is closed
 *   ERR_SITE_PROJECT    the other account is of another project, or the same account
 *   ERR_VEND_FUNDS      more than is there   ERR_STATE  what was used cannot be priced now
 *   ERR_PAY_ORDER       no such sale for cash
 *   ERR_PAY_ON_WAY      the sale may still reach its meter: vend_cancel first, unknown is not
 * failed ERR_PAY_IN_METER    the meter applied it       ERR_PAY_LATE    older than reversal_days
 *   ERR_PAY_TWICE       it is asked back, or was, already
 *   ERR_PAY_OPEN        closing: a sale is on its way, or other requests wait
 *   ERR_PAY_WALLET      closing: money lies in the meter (pay/exchange.h brings it home)
 *   ERR_NOT_FOUND       no such account */
[[nodiscard]] enum err pay_ask(struct store_tx *tx, const struct pay_request *r);

struct pay_decision {
    int64_t account_id;
    const char *request_id, *actor;
    const char *note;      /* why it is rejected; may be empty */
    const char *method;    /* paying out: "cash", "bank" */
    const char *reference; /* of the bank; may be empty */
    wall_s now;
    const struct billing *billing;
    uint64_t random; /* for orders to relays */
};
/* Where money comes into a prepayment, fee control hears of it as of a sale, in the same
 * transaction. ERR_NOT_FOUND; ERR_STATE: rejected; ERR_PAY_PERSON: the same person asked;
 * ERR_VEND_CLOSED: the receiver was closed; ERR_PAY_OPEN, ERR_PAY_WALLET: closing, as in pay_ask.
 */
[[nodiscard]] enum err pay_approve(struct store_tx *tx, const struct pay_decision *d);
/* ERR_NOT_FOUND; ERR_STATE: paid, or a closing that was approved. */
[[nodiscard]] enum err pay_reject(struct store_tx *tx, const struct pay_decision *d);
/* A repeat is of the same person, method and reference; ERR_PAY_PAID: it was paid otherwise
 * already, or in the books (a transfer). ERR_NOT_FOUND; ERR_STATE: not approved; ERR_PAY_METHOD;
 * ERR_SHIFT_NONE: cash needs an open shift; ERR_PAY_UNSETTLED: the last charges of a closed account
 * are not settled yet. */
[[nodiscard]] enum err pay_out(struct store_tx *tx, const struct pay_decision *d);

struct pay_row {
    int64_t account_id, to_account_id;
    const char *account_code, *account_name, *to_code, *request_id, *order_id, *reason, *note;
    const char *asked_by, *approved_by, *ended_by, *method, *reference;
    enum pay_kind kind;
    enum pay_state state;
    int64_t amount_fen, fee_fen; /* fee_fen: the sale's service fee, given back beside it */
    bool one_person;
    wall_s asked_at, approved_at, ended_at; /* 0: not */
};
typedef enum err pay_each(void *arg, const struct pay_row *row);
struct pay_query {
    int64_t project_id, account_id; /* 0: any */
    bool open;                      /* REQUESTED and APPROVED only */
    int64_t before;                 /* asked before; 0: all */
    int64_t limit;
};
/* Newest first. */
[[nodiscard]] enum err pay_list(struct store_tx *tx, const struct pay_query *query, pay_each *each,
                                void *arg);

/* Held money against what is asked for, and what was paid against the ledger. */
typedef void pay_fault(void *arg, int64_t account_id, const char *request_id, const char *what);
struct pay_check {
    int64_t requests, open, held_fen, exchanges, faults;
};
[[nodiscard]] enum err pay_verify(struct store_tx *tx, pay_fault *fault, void *arg,
                                  struct pay_check *out);

#endif
