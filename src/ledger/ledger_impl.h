/* Shared by the parts of ledger/ only. */
#ifndef YUFU_LEDGER_LEDGER_IMPL_H
#define YUFU_LEDGER_LEDGER_IMPL_H

#include "base/bytes.h"
#include "ledger/ledger.h"

/* A transaction's own bytes, as written and as read back: texts by length, so that nothing hides
 * behind a zero byte. Postings carry their stored book name, which tampering may have changed. */
struct ledger_row {
    int64_t account_id, seq, at, occurred_at, business_day;
    struct bytes key, kind, actor, detail, prev;
    size_t posting_count;
    struct {
        int64_t line, amount_fen;
        char book[24];
        size_t book_len;
    } postings[LEDGER_POSTINGS_MAX];
};

/* docs/formats/ledger.md */
void ledger_hash(const struct ledger_row *row, uint8_t hash[LEDGER_HASH_SIZE]);

#endif
