/*
 * The ledger: double-entry money, one shard an account.
 *
 * A transaction belongs to one account and moves money between that account's books; its
 * postings sum to zero. Credit is positive. Transactions of an account are numbered 1, 2, 3 ...
 * and chained by hash (docs/formats/ledger.md); nothing is ever changed or removed: a mistake is
 * undone by a new transaction.
 *
 * Callers write the ledger in the same store transaction as the state change that causes it.
 */
#ifndef YUFU_LEDGER_LEDGER_H
#define YUFU_LEDGER_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/units.h"
#include "store/store.h"

#define LEDGER_POSTINGS_MAX 8
#define LEDGER_KEY_MAX 128 /* bytes of an idempotency key, of a kind, of an actor */
#define LEDGER_AMOUNT_MAX_FEN UNITS_FEN_MAX
#define LEDGER_BALANCE_MAX_FEN (INT64_C(1000) * UNITS_FEN_MAX)
#define LEDGER_HASH_SIZE 32

/* The books of every account. */
enum ledger_book {
    LEDGER_PREPAYMENT, /* what we owe the customer, on the platform (negative: arrears) */
    LEDGER_TRANSIT,    /* paid, on its way into a meter */
    LEDGER_WALLET,     /* inside the meter */
    LEDGER_CASH,       /* counter-entry of money received: minus what was taken in */
    LEDGER_REVENUE,    /* earned by consumption */
    LEDGER_SUSPENSE,   /* foreign vends: credit in a meter that was not sold here */
    LEDGER_REFUND,     /* given back to the customer */
    LEDGER_SUBSIDY,    /* counter-entry of credit given free */
    LEDGER_HELD,       /* the customer's, but asked back: neither used nor paid out yet */
    LEDGER_TRANSFER,   /* to and from other accounts: all accounts together are zero */
    LEDGER_OTHER,      /* earned by other services, service fees and late fees */
    LEDGER_OTHER_DUE, /* owed for them (negative): beside the prepayment, so nobody is cut for it */
    LEDGER_SHARE,     /* earned by shares of common usage */
    LEDGER_BOOK_COUNT
};

const char *ledger_book_name(enum ledger_book book); /* "prepayment" ...; never NULL */
enum ledger_book ledger_book_of(const char *name);   /* LEDGER_BOOK_COUNT if unknown */

struct ledger_posting {
    enum ledger_book book;
    int64_t amount_fen;
};

struct ledger_entry {
    int64_t account_id;
    const char *key;  /* idempotency within the account: 'order:<id>/paid', 'settle:...' */
    const char *kind; /* 'order.paid', 'settlement' ... */
    wall_s now;
    wall_s occurred_at;   /* when it happened at its source, if earlier; 0: now */
    int32_t business_day; /* local day number of `now` in the project's zone */
    const char *actor;    /* 'user:3', 'gateway:1', 'system' */
    const char *detail;   /* JSON object; NULL: {} */
    struct ledger_posting postings[LEDGER_POSTINGS_MAX]; /* those of amount 0 are left out */
};

struct ledger_posted {
    int64_t seq;
    bool repeated; /* the same key with the same content had been posted before */
};

/*
 * Posts one transaction. Business time never runs backwards within an account: if `now` or
 * `business_day` lies before the last transaction's, the last one's is used, and `occurred_at`
 * keeps the time that was given. What moves the books 'cash' or 'refund' never belongs to a day
 * that its project has closed, but to the next open one. A repeat of a key with the same kind and
 * postings changes nothing and answers the first seq. `out` may be NULL.
 *
 * ERR_LEDGER_KEY        the key was used with other content
 * ERR_LEDGER_UNBALANCED the postings do not sum to zero
 * ERR_LEDGER_EMPTY      fewer than two postings that are not 0
 * ERR_LEDGER_BOOK       unknown book
 * ERR_LEDGER_AMOUNT     |amount| > LEDGER_AMOUNT_MAX_FEN
 * ERR_LEDGER_LIMIT      a book's balance would pass LEDGER_BALANCE_MAX_FEN
 * ERR_LEDGER_TEXT       key, kind or actor empty or too long; account or time not positive
 */
[[nodiscard]] enum err ledger_post(struct store_tx *tx, const struct ledger_entry *entry,
                                   struct ledger_posted *out);

/* 0 for a book that was never posted to. */
[[nodiscard]] enum err ledger_balance(struct store_tx *tx, int64_t account_id,
                                      enum ledger_book book, int64_t *amount_fen);
/* All books at once, indexed by enum ledger_book. */
[[nodiscard]] enum err ledger_balances(struct store_tx *tx, int64_t account_id,
                                       int64_t amounts_fen[LEDGER_BOOK_COUNT]);

/* One transaction as it is read back. Texts live until the callback returns. */
struct ledger_txn {
    int64_t account_id, seq;
    const char *key, *kind, *actor, *detail;
    wall_s at, occurred_at;
    int32_t business_day;
    struct ledger_posting postings[LEDGER_POSTINGS_MAX];
    size_t posting_count;
    uint8_t hash[LEDGER_HASH_SIZE];
};
typedef enum err ledger_each(void *arg, const struct ledger_txn *txn);

/* Newest first: transactions with seq < before (0: from the newest), at most `limit`. */
[[nodiscard]] enum err ledger_history(struct store_tx *tx, int64_t account_id, int64_t before,
                                      int64_t limit, ledger_each *each, void *arg);
/* ERR_NOT_FOUND if the key was never used. */
[[nodiscard]] enum err ledger_seq_of_key(struct store_tx *tx, int64_t account_id, const char *key,
                                         int64_t *seq);

/* --- checking ------------------------------------------------------------------------------- */

/* What may be wrong with an account's books; `at_seq` 0 where it is not about one transaction. */
enum ledger_fault_kind {
    LEDGER_FAULT_GAP,   /* numbers are missing, at the start, between, or at the end */
    LEDGER_FAULT_CHAIN, /* prev is not the hash of the transaction before */
    LEDGER_FAULT_HASH,  /* the row or its postings are not what was hashed */
    LEDGER_FAULT_UNSEALED,
    LEDGER_FAULT_SUM,     /* postings do not sum to zero */
    LEDGER_FAULT_BALANCE, /* a balance is not the sum of its postings */
    LEDGER_FAULT_BOOK,    /* a book that does not exist */
    LEDGER_FAULT_ORPHAN,  /* postings or a balance without a transaction */
    LEDGER_FAULT_TIME,    /* business time runs backwards */
    LEDGER_FAULT_RUN, /* a run's page, its sums, or a transaction that should come of it, is wrong
                       */
    LEDGER_FAULT_TRANSFER, /* what left accounts for others did not arrive there */
    LEDGER_FAULT_COUNT
};
struct ledger_fault {
    enum ledger_fault_kind kind;
    int64_t account_id, at_seq;
};
const char *ledger_fault_name(enum ledger_fault_kind kind);

typedef void ledger_fault_each(void *arg, const struct ledger_fault *fault);
typedef void ledger_progress(void *arg, int64_t accounts, int64_t transactions);

struct ledger_check {
    int64_t accounts, transactions, postings, faults;
    int64_t totals_fen[LEDGER_BOOK_COUNT]; /* of all accounts; they sum to zero */
    int64_t runs, run_rows;                /* ledger/run.h */
    int64_t pending_rows;                  /* of them, without a transaction yet */
    uint8_t head[LEDGER_HASH_SIZE];        /* over all account heads in ascending order */
};

struct ledger_watch {
    ledger_fault_each *fault;  /* NULL: count only */
    ledger_progress *progress; /* NULL: silent */
    void *arg;
};

/* Checks every account completely. ERR_LEDGER_CHAIN if there was any fault. */
[[nodiscard]] enum err ledger_verify(struct store_tx *tx, const struct ledger_watch *watch,
                                     struct ledger_check *out);

#endif
