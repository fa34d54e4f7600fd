/*
 * Verification walks two cursors side by side, transactions and postings, both ordered by
 * (account, seq): one pass over the whole ledger, whatever is missing on either side.
 */
#include <string.h>

#include "base/must.h"
#include "journal/chain.h"
#include "ledger/ledger_impl.h"
#include "ledger/run_impl.h"

struct walk {
    struct store_tx *tx;
    const struct ledger_watch *watch;
    struct ledger_check *out;
    struct query txns, postings;
    bool posting_ready; /* the posting cursor stands on a row not used yet */
    int64_t account_id; /* the account being walked; 0 before the first */
    int64_t seq, at, business_day;
    uint8_t hash[LEDGER_HASH_SIZE]; /* of the last row of this account, as stored */
    int64_t sums[LEDGER_BOOK_COUNT];
    struct chain heads;
};

static const char *const fault_names[] = {
    [LEDGER_FAULT_GAP] = "gap",   [LEDGER_FAULT_CHAIN] = "chain",
    [LEDGER_FAULT_HASH] = "hash", [LEDGER_FAULT_UNSEALED] = "unsealed",
    [LEDGER_FAULT_SUM] = "sum",   [LEDGER_FAULT_BALANCE] = "balance",
    [LEDGER_FAULT_BOOK] = "book", [LEDGER_FAULT_ORPHAN] = "orphan",
    [LEDGER_FAULT_TIME] = "time", [LEDGER_FAULT_RUN] = "run",
    [LEDGER_FAULT_TRANSFER] = "transfer",
};

const char *ledger_fault_name(enum ledger_fault_kind kind)
{
    MUST(kind < LEDGER_FAULT_COUNT);
    return fault_names[kind];
}

static void fault(struct walk *w, enum ledger_fault_kind kind, int64_t account_id, int64_t seq)
{
    struct ledger_fault f = {kind, account_id, seq};
    w->out->faults++;
    if (w->watch->fault)
        w->watch->fault(w->watch->arg, &f);
}

static bool same(struct bytes b, const uint8_t hash[LEDGER_HASH_SIZE])
{
    return b.len == LEDGER_HASH_SIZE && memcmp(b.data, hash, b.len) == 0;
}

static enum ledger_book book_of(struct bytes name)
{
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++)
        if (strlen(ledger_book_name(b)) == name.len &&
            memcmp(ledger_book_name(b), name.data, name.len) == 0)
            return b;
    return LEDGER_BOOK_COUNT;
}

/* --- one account ---------------------------------------------------------------------------- */

static enum err check_balances(struct walk *w)
{
    bool seen[LEDGER_BOOK_COUNT] = {};
    struct query q = query_open(w->tx, "SELECT book, amount_fen FROM balance WHERE account_id = $1",
                                "i", w->account_id);
    while (query_step(&q)) {
        enum ledger_book b = book_of(query_blob(&q, 0));
        if (b == LEDGER_BOOK_COUNT || query_int(&q, 1) != w->sums[b])
            fault(w, LEDGER_FAULT_BALANCE, w->account_id, 0);
        if (b < LEDGER_BOOK_COUNT)
            seen[b] = true;
    }
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++)
        if (!seen[b] && w->sums[b] != 0)
            fault(w, LEDGER_FAULT_BALANCE, w->account_id, 0);
    return query_end(&q);
}

static enum err end_account(struct walk *w)
{
    if (w->account_id == 0)
        return ERR_OK;
    TRY(check_balances(w));
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++)
        if (units_add(w->out->totals_fen[b], w->sums[b], &w->out->totals_fen[b]) != ERR_OK)
            fault(w, LEDGER_FAULT_SUM, w->account_id, 0);
    chain_int(&w->heads, w->account_id);
    chain_int(&w->heads, w->seq);
    chain_bytes(&w->heads, (struct bytes){w->hash, sizeof w->hash});
    w->out->accounts++;
    return ERR_OK;
}

static void begin_account(struct walk *w, int64_t account_id)
{
    w->account_id = account_id;
    w->seq = 0;
    w->at = w->business_day = INT64_MIN;
    memset(w->hash, 0, sizeof w->hash);
    memset(w->sums, 0, sizeof w->sums);
}

/* --- postings ------------------------------------------------------------------------------- */

/* -1, 0, 1 as the posting under the cursor lies before, in, or after this transaction. */
static int posting_order(const struct walk *w, int64_t account_id, int64_t seq)
{
    int64_t a = query_int(&w->postings, 0), s = query_int(&w->postings, 1);
    if (a != account_id)
        return a < account_id ? -1 : 1;
    return s == seq ? 0 : s < seq ? -1 : 1;
}

static void next_posting(struct walk *w)
{
    w->posting_ready = query_step(&w->postings);
}

static void skip_orphans(struct walk *w, int64_t account_id, int64_t seq)
{
    while (w->posting_ready && posting_order(w, account_id, seq) < 0) {
        fault(w, LEDGER_FAULT_ORPHAN, query_int(&w->postings, 0), query_int(&w->postings, 1));
        next_posting(w);
    }
}

static void take_posting(struct walk *w, struct ledger_row *row, int64_t *sum)
{
    struct bytes book = query_blob(&w->postings, 3);
    int64_t amount = query_int(&w->postings, 4);
    enum ledger_book b = book_of(book);
    size_t i = row->posting_count;
    w->out->postings++;
    if (b == LEDGER_BOOK_COUNT)
        fault(w, LEDGER_FAULT_BOOK, row->account_id, row->seq);
    else if (units_add(w->sums[b], amount, &w->sums[b]) != ERR_OK)
        fault(w, LEDGER_FAULT_SUM, row->account_id, row->seq);
    if (units_add(*sum, amount, sum) != ERR_OK)
        fault(w, LEDGER_FAULT_SUM, row->account_id, row->seq);
    if (i == LEDGER_POSTINGS_MAX || book.len > sizeof row->postings[i].book) {
        fault(w, LEDGER_FAULT_HASH, row->account_id, row->seq);
        return;
    }
    row->postings[i].line = query_int(&w->postings, 2);
    row->postings[i].amount_fen = amount;
    row->postings[i].book_len = book.len;
    memcpy(row->postings[i].book, book.data, book.len);
    row->posting_count++;
}

static void take_postings(struct walk *w, struct ledger_row *row)
{
    int64_t sum = 0;
    skip_orphans(w, row->account_id, row->seq);
    while (w->posting_ready && posting_order(w, row->account_id, row->seq) == 0) {
        take_posting(w, row, &sum);
        next_posting(w);
    }
    if (sum != 0 || row->posting_count < 2)
        fault(w, LEDGER_FAULT_SUM, row->account_id, row->seq);
}

/* --- transactions --------------------------------------------------------------------------- */

static struct ledger_row read_row(const struct query *q)
{
    return (struct ledger_row){
        .account_id = query_int(q, 0),
        .seq = query_int(q, 1),
        .key = query_blob(q, 2),
        .kind = query_blob(q, 3),
        .at = query_int(q, 4),
        .occurred_at = query_int(q, 5),
        .business_day = query_int(q, 6),
        .actor = query_blob(q, 7),
        .detail = query_blob(q, 8),
        .prev = query_blob(q, 9),
    };
}

static void check_row(struct walk *w, struct ledger_row *row)
{
    uint8_t hash[LEDGER_HASH_SIZE];
    struct bytes stored = query_blob(&w->txns, 10);
    if (row->seq != w->seq + 1)
        fault(w, LEDGER_FAULT_GAP, row->account_id, row->seq);
    if (!same(row->prev, w->hash))
        fault(w, LEDGER_FAULT_CHAIN, row->account_id, row->seq);
    if (row->at < w->at || row->business_day < w->business_day)
        fault(w, LEDGER_FAULT_TIME, row->account_id, row->seq);
    if (query_int(&w->txns, 11) != 1)
        fault(w, LEDGER_FAULT_UNSEALED, row->account_id, row->seq);
    take_postings(w, row);
    ledger_hash(row, hash);
    if (!same(stored, hash))
        fault(w, LEDGER_FAULT_HASH, row->account_id, row->seq);
    w->seq = row->seq;
    w->at = row->at;
    w->business_day = row->business_day;
    memset(w->hash, 0, sizeof w->hash);
    if (stored.len == sizeof w->hash)
        memcpy(w->hash, stored.data, stored.len);
}

static void tell_progress(const struct walk *w)
{
    if (w->watch->progress && w->out->transactions % 1024 == 0)
        w->watch->progress(w->watch->arg, w->out->accounts, w->out->transactions);
}

static enum err walk_transactions(struct walk *w)
{
    next_posting(w);
    while (query_step(&w->txns)) {
        struct ledger_row row = read_row(&w->txns);
        if (row.account_id != w->account_id || w->out->transactions == 0) {
            TRY(end_account(w));
            begin_account(w, row.account_id);
        }
        check_row(w, &row);
        w->out->transactions++;
        tell_progress(w);
    }
    skip_orphans(w, INT64_MAX, INT64_MAX);
    return end_account(w);
}

static enum err check_orphan_balances(struct walk *w)
{
    struct query q =
        query_open(w->tx,
                   "SELECT b.account_id FROM balance b WHERE NOT EXISTS (SELECT 1 FROM "
                   "ledger_txn t WHERE t.account_id = b.account_id)",
                   "");
    while (query_step(&q))
        fault(w, LEDGER_FAULT_ORPHAN, query_int(&q, 0), 0);
    return query_end(&q);
}

static void check_totals(struct walk *w)
{
    int64_t sum = 0;
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++)
        if (units_add(sum, w->out->totals_fen[b], &sum) != ERR_OK)
            fault(w, LEDGER_FAULT_SUM, 0, 0);
    if (sum != 0)
        fault(w, LEDGER_FAULT_SUM, 0, 0);
    if (w->out->totals_fen[LEDGER_TRANSFER] != 0)
        fault(w, LEDGER_FAULT_TRANSFER, 0, 0);
}

enum err ledger_verify(struct store_tx *tx, const struct ledger_watch *watch,
                       struct ledger_check *out)
{
    static const struct ledger_watch silent = {};
    *out = (struct ledger_check){};
    struct walk w = {.tx = tx, .watch = watch ? watch : &silent, .out = out};
    w.heads = chain_open("yufu.ledger.heads.1");
    w.txns = query_open(tx,
                        "SELECT account_id, seq, key, kind, at, occurred_at, business_day, actor, "
                        "detail, prev, hash, sealed FROM ledger_txn ORDER BY account_id, seq",
                        "");
    w.postings = query_open(tx,
                            "SELECT account_id, seq, line, book, amount_fen FROM posting "
                            "ORDER BY account_id, seq, line",
                            "");
    enum err e = walk_transactions(&w);
    enum err ended = query_end(&w.txns);
    enum err ended_too = query_end(&w.postings);
    chain_close(&w.heads, out->head);
    TRY(e);
    TRY(ended);
    TRY(ended_too);
    TRY(check_orphan_balances(&w));
    check_totals(&w);
    TRY(run_verify(tx, w.watch, out));
    return out->faults ? ERR_LEDGER_CHAIN : ERR_OK;
}
