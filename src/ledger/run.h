/*
 * Runs: one charge for very many accounts at once.
 *
 * Writing two million transactions one by one takes a minute. A run writes what it charges as pages
 * of packed rows, each chained by hash to the one before. With the commit of its page a row counts:
 * it is in every balance, and newest in the account's history. Its transaction is written later
 * ("folded"): in order by ledger_run_fold, a little at a time, and at once before anything else is
 * posted to the account. Which of the two came first cannot be seen afterwards.
 *
 *   open ──► closed ──► folded        one run at a time is not folded yet
 *
 * A run is resumed by opening it again: it tells where it stands. Rows that were put are never put
 * twice, because accounts only ascend.
 */
#ifndef YUFU_LEDGER_RUN_H
#define YUFU_LEDGER_RUN_H

#include "ledger/ledger.h"

#define LEDGER_RUN_ROWS_MAX 4096      /* of a page */
#define LEDGER_RUN_NOTE_MAX (1 << 20) /* bytes */

struct ledger_run_entry {
    const char *key;  /* of the run; each transaction's key is 'run:KEY' */
    const char *kind; /* of the transactions */
    const char *actor;
    wall_s now;
    int32_t business_day;
    enum ledger_book from, to; /* a row moves its amount from the one to the other */
};

struct ledger_run {
    int64_t id;
    bool closed;          /* nothing can be put any more */
    int64_t pages;        /* that were put */
    int64_t last_account; /* the greatest that was put; 0: none */
    int64_t accounts, amount_fen;
    uint8_t hash[LEDGER_HASH_SIZE]; /* of the last page */
};

/* Begins a run, or takes one up again. ERR_LEDGER_RUN_PENDING: another is not folded yet.
 * ERR_LEDGER_RUN: the key was used with other content. ERR_LEDGER_TEXT, ERR_LEDGER_BOOK as
 * ledger_post. */
[[nodiscard]] enum err ledger_run_open(struct store_tx *tx, const struct ledger_run_entry *entry,
                                       struct ledger_run *run);

/* One page. Accounts ascend, also from page to page; amounts are not negative, and a row of 0 is
 * kept but posts nothing. */
struct ledger_run_rows {
    size_t count; /* 1 .. LEDGER_RUN_ROWS_MAX */
    const int64_t *account_id, *amount_fen;
    struct bytes note; /* the caller's own: evidence, what follows from it; may be empty */
};
/* Changes the store; `run` as well, when it answers ERR_OK, so that the next page of the same
 * commit follows it: if the commit then fails, open the run again. ERR_LEDGER_RUN_ORDER  an account
 * does not follow the one before ERR_LEDGER_AMOUNT     negative, or more than LEDGER_AMOUNT_MAX_FEN
 *   ERR_LEDGER_RUN        somebody else went on with the run, or closed it
 *   ERR_RANGE             no rows, too many, or the note is too long */
[[nodiscard]] enum err ledger_run_put(struct store_tx *tx, struct ledger_run *run,
                                      const struct ledger_run_rows *rows);
[[nodiscard]] enum err ledger_run_close(struct store_tx *tx, struct ledger_run *run);

/* Writes the transactions of up to `limit` rows of the run that is not folded. *more: something is
 * left to do now. */
[[nodiscard]] enum err ledger_run_fold(struct store_tx *tx, size_t limit, bool *more);

/* The pages of a run in order, from one on (they count from 1). Views live until the callback
 * returns. ERR_LEDGER_CHAIN: a page cannot be read. */
typedef enum err ledger_run_each(void *arg, int64_t page, const struct ledger_run_rows *rows);
[[nodiscard]] enum err ledger_run_pages(struct store_tx *tx, int64_t run_id, int64_t from_page,
                                        ledger_run_each *each, void *arg);

#endif
