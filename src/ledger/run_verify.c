/*
 * Verification of runs: the chain of each run's pages, their sums, and that each row either waits
 * or has become exactly the transaction that it says.
 */
#include <string.h>

#include "journal/chain.h"
#include "ledger/ledger_impl.h"
#include "ledger/run_impl.h"

struct walk {
    struct store_tx *tx;
    const struct ledger_watch *watch;
    struct ledger_check *out;
    struct run_head head;
    int64_t pages, accounts, amount_fen, last_account; /* as counted */
    uint8_t hash[LEDGER_HASH_SIZE];
};

static void fault(struct walk *w, int64_t account_id)
{
    struct ledger_fault f = {LEDGER_FAULT_RUN, account_id, 0};
    w->out->faults++;
    if (w->watch->fault)
        w->watch->fault(w->watch->arg, &f);
}

static bool same(struct bytes b, const uint8_t hash[LEDGER_HASH_SIZE])
{
    return b.len == LEDGER_HASH_SIZE && memcmp(b.data, hash, b.len) == 0;
}

/* --- rows ------------------------------------------------------------------------------------ */

/* Whether the transaction with this entry's key moves what the row says. */
static enum err check_transaction(struct walk *w, const struct ledger_entry *e, bool *found)
{
    int64_t moved[2] = {}, lines = 0;
    bool right = true;
    struct query q =
        query_open(w->tx,
                   "SELECT t.kind, p.book, p.amount_fen FROM ledger_txn t JOIN posting p "
                   "ON p.account_id = t.account_id AND p.seq = t.seq "
                   "WHERE t.account_id = $1 AND t.key = $2 ORDER BY p.line",
                   "it", e->account_id, e->key);
    for (; query_step(&q); lines++) {
        right = right && lines < 2 && strcmp(query_text(&q, 0), e->kind) == 0 &&
                ledger_book_of(query_text(&q, 1)) == e->postings[lines].book;
        if (right)
            moved[lines] = query_int(&q, 2);
    }
    TRY(query_end(&q));
    *found = lines > 0;
    if (*found && (!right || lines != 2 || moved[0] != e->postings[0].amount_fen ||
                   moved[1] != e->postings[1].amount_fen))
        fault(w, e->account_id);
    return ERR_OK;
}

static enum err check_row(struct walk *w, int64_t page, int64_t account_id, int64_t amount_fen)
{
    char key[LEDGER_KEY_MAX + 1], detail[RUN_DETAIL_MAX];
    struct run_pending p = {.head = w->head, .page = page, .amount_fen = amount_fen};
    struct ledger_entry entry = run_entry(&p, account_id, key, detail);
    bool found = false;
    w->accounts++;
    w->out->run_rows++;
    if (account_id <= w->last_account ||
        units_add(w->amount_fen, amount_fen, &w->amount_fen) != ERR_OK)
        fault(w, account_id);
    w->last_account = account_id;
    if (amount_fen == 0)
        return ERR_OK;
    TRY(check_transaction(w, &entry, &found));
    if (found)
        return ERR_OK;
    w->out->pending_rows++;
    if (w->head.folded || account_id <= w->head.folded_to)
        fault(w, account_id);
    return ERR_OK;
}

/* --- pages ----------------------------------------------------------------------------------- */

static enum err check_page(struct walk *w, const struct query *q)
{
    struct run_page p = {query_int(q, 0), query_blob(q, 1), query_blob(q, 2), query_blob(q, 3)};
    struct bytes stored = query_blob(q, 4);
    int64_t first = query_int(q, 5), last = query_int(q, 6);
    struct run_reader r = run_reader_of(p.rows);
    bool begun = false;
    uint8_t hash[LEDGER_HASH_SIZE];
    run_hash(&w->head, &p, hash);
    if (p.number != ++w->pages || !same(p.prev, w->hash) || !same(stored, hash))
        fault(w, first);
    memcpy(w->hash, hash, sizeof hash);
    while (run_next(&r)) {
        if (!begun && r.account_id != first)
            fault(w, first);
        begun = true;
        TRY(check_row(w, p.number, r.account_id, r.amount_fen));
    }
    if (!run_reader_ok(&r) || r.account_id != last)
        fault(w, first);
    return ERR_OK;
}

static enum err check_run(struct walk *w)
{
    const struct ledger_run *run = &w->head.run;
    enum err e = ERR_OK;
    if (w->head.from == LEDGER_BOOK_COUNT || w->head.to == LEDGER_BOOK_COUNT) {
        fault(w, 0);
        return ERR_OK;
    }
    struct query q = query_open(w->tx,
                                "SELECT page, rows, note, prev, hash, first_account, last_account "
                                "FROM ledger_run_page WHERE run = $1 ORDER BY page",
                                "i", run->id);
    while (e == ERR_OK && query_step(&q))
        e = check_page(w, &q);
    enum err ended = query_end(&q);
    if (w->pages != run->pages || w->accounts != run->accounts ||
        w->amount_fen != run->amount_fen || w->last_account != run->last_account)
        fault(w, 0);
    return e != ERR_OK ? e : ended;
}

enum err run_verify(struct store_tx *tx, const struct ledger_watch *watch, struct ledger_check *out)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx, "SELECT " RUN_COLUMNS " FROM ledger_run ORDER BY id", "");
    while (e == ERR_OK && query_step(&q)) {
        struct walk w = {.tx = tx, .watch = watch, .out = out, .head = run_read_head(&q)};
        out->runs++;
        e = check_run(&w);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}
