/* Shared by the parts of ledger/ that know runs. */
#ifndef YUFU_LEDGER_RUN_IMPL_H
#define YUFU_LEDGER_RUN_IMPL_H

#include "base/bytes.h"
#include "ledger/run.h"

#define RUN_KEY "run:"
#define RUN_KEY_MAX (LEDGER_KEY_MAX - 4) /* with the prefix it is a key of the ledger */

/* Rows as they are packed (docs/formats/ledger.md). */
struct run_reader {
    struct reader bytes;
    size_t left;
    int64_t account_id, amount_fen;
};
struct run_reader run_reader_of(struct bytes rows);
/* False at the end, and where the bytes are not what run_pack writes (run_reader_ok). */
bool run_next(struct run_reader *r);
bool run_reader_ok(const struct run_reader *r); /* after the last row: nothing was wrong */
#define RUN_PACKED_MAX (10 + LEDGER_RUN_ROWS_MAX * 20)
/* Returns the length. The rows are in order. */
size_t run_pack(const struct ledger_run_rows *rows, uint8_t out[RUN_PACKED_MAX]);

/* A run as it stands in its row. */
struct run_head {
    struct ledger_run run;
    char key[LEDGER_KEY_MAX + 1], kind[LEDGER_KEY_MAX + 1], actor[LEDGER_KEY_MAX + 1];
    enum ledger_book from, to; /* LEDGER_BOOK_COUNT: not a book */
    wall_s at;
    int32_t business_day;
    int64_t folded_to;
    bool folded;
};
#define RUN_COLUMNS                                                                                \
    "id, key, kind, from_book, to_book, at, business_day, actor, state, pages, last_account, "     \
    "accounts, amount_fen, folded_to"
struct run_head run_read_head(const struct query *q);

struct run_page {
    int64_t number;
    struct bytes rows, note, prev;
};
void run_hash(const struct run_head *h, const struct run_page *p, uint8_t hash[LEDGER_HASH_SIZE]);

/* The row of an account that counts and has no transaction yet. */
struct run_pending {
    struct run_head head;
    int64_t page, amount_fen; /* 0: there is none */
};
[[nodiscard]] enum err run_find_pending(struct store_tx *tx, int64_t account_id,
                                        struct run_pending *p);
/* As the transaction that it will be. `key` and `detail` are room for its texts. */
#define RUN_DETAIL_MAX 64
struct ledger_entry run_entry(const struct run_pending *p, int64_t account_id,
                              char key[LEDGER_KEY_MAX + 1], char detail[RUN_DETAIL_MAX]);
/* Writes it, if there is one. */
[[nodiscard]] enum err run_fold_account(struct store_tx *tx, int64_t account_id);

/* Checks every run; faults are told and counted, and the fields of runs set. */
[[nodiscard]] enum err run_verify(struct store_tx *tx, const struct ledger_watch *watch,
                                  struct ledger_check *out);

/* ledger.c: a transaction that was checked before; no run of this account is pending. */
[[nodiscard]] enum err ledger_write(struct store_tx *tx, const struct ledger_entry *entry,
                                    int64_t *seq);

#endif
