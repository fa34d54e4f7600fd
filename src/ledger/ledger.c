#include "ledger/ledger.h"

#include <string.h>

#include "base/must.h"
#include "journal/chain.h"
#include "ledger/ledger_impl.h"
#include "ledger/run_impl.h"

_Static_assert(LEDGER_HASH_SIZE == CHAIN_HASH_SIZE, "one hash for all chains");

#define DOMAIN "yufu.ledger.1"

static const char *const books[LEDGER_BOOK_COUNT] = {
    [LEDGER_PREPAYMENT] = "prepayment",
    [LEDGER_TRANSIT] = "transit",
    [LEDGER_WALLET] = "wallet",
    [LEDGER_CASH] = "cash",
    [LEDGER_REVENUE] = "revenue",
    [LEDGER_SUSPENSE] = "suspense",
    [LEDGER_REFUND] = "refund",
    [LEDGER_SUBSIDY] = "subsidy",
    [LEDGER_HELD] = "held",
    [LEDGER_TRANSFER] = "transfer",
    [LEDGER_OTHER] = "other",
    [LEDGER_OTHER_DUE] = "other_due",
    [LEDGER_SHARE] = "share",
};

const char *ledger_book_name(enum ledger_book book)
{
    MUST(book < LEDGER_BOOK_COUNT);
    return books[book];
}

enum ledger_book ledger_book_of(const char *name)
{
    enum ledger_book book = 0;
    while (book < LEDGER_BOOK_COUNT && strcmp(books[book], name) != 0)
        book++;
    return book;
}

void ledger_hash(const struct ledger_row *row, uint8_t hash[LEDGER_HASH_SIZE])
{
    struct chain c = chain_open(DOMAIN);
    chain_int(&c, row->account_id);
    chain_int(&c, row->seq);
    chain_bytes(&c, row->key);
    chain_bytes(&c, row->kind);
    chain_int(&c, row->at);
    chain_int(&c, row->occurred_at);
    chain_int(&c, row->business_day);
    chain_bytes(&c, row->actor);
    chain_bytes(&c, row->detail);
    chain_int(&c, (int64_t)row->posting_count);
    for (size_t i = 0; i < row->posting_count; i++) {
        chain_int(&c, row->postings[i].line);
        chain_bytes(
            &c, (struct bytes){(const uint8_t *)row->postings[i].book, row->postings[i].book_len});
        chain_int(&c, row->postings[i].amount_fen);
    }
    chain_bytes(&c, row->prev);
    chain_close(&c, hash);
}

/* --- checks before anything is written ------------------------------------------------------ */

static bool text_fits(const char *text)
{
    return text && *text && strlen(text) <= LEDGER_KEY_MAX;
}

static bool header_fits(const struct ledger_entry *e)
{
    return e->account_id > 0 && e->now.s > 0 && text_fits(e->key) && text_fits(e->kind) &&
           text_fits(e->actor);
}

/* Copies the postings that are not 0 to the front. */
static size_t compact(const struct ledger_entry *e, struct ledger_posting *out)
{
    size_t count = 0;
    for (size_t i = 0; i < LEDGER_POSTINGS_MAX; i++)
        if (e->postings[i].amount_fen != 0)
            out[count++] = e->postings[i];
    return count;
}

static enum err check_postings(const struct ledger_posting *p, size_t count)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (p[i].book >= LEDGER_BOOK_COUNT)
            return ERR_LEDGER_BOOK;
        if (p[i].amount_fen > LEDGER_AMOUNT_MAX_FEN || p[i].amount_fen < -LEDGER_AMOUNT_MAX_FEN)
            return ERR_LEDGER_AMOUNT;
        sum += p[i].amount_fen;
    }
    if (count < 2)
        return ERR_LEDGER_EMPTY;
    return sum == 0 ? ERR_OK : ERR_LEDGER_UNBALANCED;
}

/* Without what a run moved. */
static enum err own_balances(struct store_tx *tx, int64_t account_id,
                             int64_t amounts_fen[LEDGER_BOOK_COUNT])
{
    memset(amounts_fen, 0, LEDGER_BOOK_COUNT * sizeof *amounts_fen);
    struct query q = query_open(tx, "SELECT book, amount_fen FROM balance WHERE account_id = $1",
                                "i", account_id);
    while (query_step(&q)) {
        enum ledger_book book = ledger_book_of(query_text(&q, 0));
        if (book < LEDGER_BOOK_COUNT)
            amounts_fen[book] = query_int(&q, 1);
    }
    return query_end(&q);
}

/* Of an account whose pending row of a run has been written: nothing else is on its way. */
static enum err check_limits(struct store_tx *tx, int64_t account_id,
                             const struct ledger_posting *p, size_t count)
{
    int64_t change[LEDGER_BOOK_COUNT] = {}, balances[LEDGER_BOOK_COUNT];
    for (size_t i = 0; i < count; i++)
        change[p[i].book] += p[i].amount_fen;
    TRY(own_balances(tx, account_id, balances));
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++) {
        int64_t balance;
        if (change[b] == 0)
            continue;
        TRY(units_add(balances[b], change[b], &balance));
        if (balance > LEDGER_BALANCE_MAX_FEN || balance < -LEDGER_BALANCE_MAX_FEN)
            return ERR_LEDGER_LIMIT;
    }
    return ERR_OK;
}

/* --- a repeated key ------------------------------------------------------------------------- */

enum err ledger_seq_of_key(struct store_tx *tx, int64_t account_id, const char *key, int64_t *seq)
{
    return store_int(tx, seq, "SELECT seq FROM ledger_txn WHERE account_id = $1 AND key = $2", "it",
                     account_id, key);
}

/* Content is what moves money: the kind and the postings, in order. Time, actor and detail of a
 * retry may differ. */
static enum err same_content(struct store_tx *tx, const struct ledger_entry *e, int64_t seq,
                             const struct ledger_posting *p, size_t count)
{
    size_t i = 0;
    bool same = true;
    struct query q =
        query_open(tx,
                   "SELECT t.kind, p.book, p.amount_fen FROM ledger_txn t JOIN posting p "
                   "ON p.account_id = t.account_id AND p.seq = t.seq "
                   "WHERE t.account_id = $1 AND t.seq = $2 ORDER BY p.line",
                   "ii", e->account_id, seq);
    while (query_step(&q)) {
        same = same && i < count && strcmp(query_text(&q, 0), e->kind) == 0 &&
               ledger_book_of(query_text(&q, 1)) == p[i].book &&
               query_int(&q, 2) == p[i].amount_fen;
        i++;
    }
    TRY(query_end(&q));
    return same && i == count ? ERR_OK : ERR_LEDGER_KEY;
}

/* --- writing -------------------------------------------------------------------------------- */

struct last {
    int64_t seq, at, business_day;
    uint8_t hash[LEDGER_HASH_SIZE]; /* zeros before the first */
};

static enum err find_last(struct store_tx *tx, int64_t account_id, struct last *last)
{
    *last = (struct last){.business_day = INT64_MIN};
    struct query q = query_open(tx,
                                "SELECT seq, at, business_day, hash FROM ledger_txn "
                                "WHERE account_id = $1 ORDER BY seq DESC LIMIT 1",
                                "i", account_id);
    if (query_step(&q)) {
        struct bytes hash = query_blob(&q, 3);
        last->seq = query_int(&q, 0);
        last->at = query_int(&q, 1);
        last->business_day = query_int(&q, 2);
        if (hash.len == LEDGER_HASH_SIZE)
            memcpy(last->hash, hash.data, hash.len);
    }
    return query_end(&q);
}

static struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static struct ledger_row make_row(const struct ledger_entry *e, const struct last *last,
                                  const struct ledger_posting *p, size_t count)
{
    int64_t now = e->now.s;
    struct ledger_row row = {
        .account_id = e->account_id,
        .seq = last->seq + 1,
        .at = now > last->at ? now : last->at,
        .occurred_at = e->occurred_at.s > 0 && e->occurred_at.s < now ? e->occurred_at.s : now,
        .business_day = e->business_day > last->business_day ? e->business_day : last->business_day,
        .key = bytes_of(e->key),
        .kind = bytes_of(e->kind),
        .actor = bytes_of(e->actor),
        .detail = bytes_of(e->detail ? e->detail : "{}"),
        .prev = {last->hash, LEDGER_HASH_SIZE},
        .posting_count = count,
    };
    for (size_t i = 0; i < count; i++) {
        row.postings[i].line = (int64_t)i + 1;
        row.postings[i].amount_fen = p[i].amount_fen;
        row.postings[i].book_len = strlen(books[p[i].book]);
        memcpy(row.postings[i].book, books[p[i].book], row.postings[i].book_len);
    }
    return row;
}

static enum err insert_row(struct store_tx *tx, const struct ledger_row *row,
                           const struct ledger_entry *e)
{
    uint8_t hash[LEDGER_HASH_SIZE];
    ledger_hash(row, hash);
    TRY(store_exec(tx,
                   "INSERT INTO ledger_txn (account_id, seq, key, kind, at, occurred_at, "
                   "business_day, actor, detail, prev, hash) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
                   "iittiiittbb", row->account_id, row->seq, e->key, e->kind, row->at,
                   row->occurred_at, row->business_day, e->actor, e->detail ? e->detail : "{}",
                   row->prev, (struct bytes){hash, sizeof hash}));
    for (size_t i = 0; i < row->posting_count; i++)
        TRY(store_exec(tx,
                       "INSERT INTO posting (account_id, seq, line, book, amount_fen) "
                       "VALUES ($1, $2, $3, $4, $5)",
                       "iiiti", row->account_id, row->seq, row->postings[i].line,
                       row->postings[i].book, row->postings[i].amount_fen));
    return store_exec(tx, "UPDATE ledger_txn SET sealed = 1 WHERE account_id = $1 AND seq = $2",
                      "ii", row->account_id, row->seq);
}

/* Money over the desk of a day that is closed, because the clock was set back into it, belongs to
 * the next one that is open: a closed day never changes. */
static enum err leave_closed_day(struct store_tx *tx, struct ledger_row *row,
                                 const struct ledger_posting *p)
{
    bool desk = false;
    for (size_t i = 0; i < row->posting_count; i++)
        desk = desk || p[i].book == LEDGER_CASH || p[i].book == LEDGER_REFUND;
    if (!desk)
        return ERR_OK;
    return store_int(tx, &row->business_day,
                     "WITH RECURSIVE open (day) AS (SELECT $2 UNION ALL SELECT o.day + 1 "
                     "FROM open o JOIN account a ON a.id = $1 JOIN day_closing d "
                     "ON d.project_id = a.project_id AND d.business_day = o.day) "
                     "SELECT max(day) FROM open",
                     "ii", row->account_id, row->business_day);
}

enum err ledger_write(struct store_tx *tx, const struct ledger_entry *entry, int64_t *seq)
{
    struct ledger_posting postings[LEDGER_POSTINGS_MAX];
    size_t count = compact(entry, postings);
    struct last last;
    TRY(find_last(tx, entry->account_id, &last));
    struct ledger_row row = make_row(entry, &last, postings, count);
    TRY(leave_closed_day(tx, &row, postings));
    *seq = row.seq;
    return insert_row(tx, &row, entry);
}

enum err ledger_post(struct store_tx *tx, const struct ledger_entry *entry,
                     struct ledger_posted *out)
{
    struct ledger_posted ignored;
    struct ledger_posting postings[LEDGER_POSTINGS_MAX];
    if (!out)
        out = &ignored;
    *out = (struct ledger_posted){};
    if (!header_fits(entry))
        return ERR_LEDGER_TEXT;
    size_t count = compact(entry, postings);
    TRY(check_postings(postings, count));
    enum err found = ledger_seq_of_key(tx, entry->account_id, entry->key, &out->seq);
    if (found == ERR_OK) {
        out->repeated = true;
        return same_content(tx, entry, out->seq, postings, count);
    }
    if (found != ERR_NOT_FOUND)
        return found;
    TRY(run_fold_account(tx, entry->account_id));
    TRY(check_limits(tx, entry->account_id, postings, count));
    return ledger_write(tx, entry, &out->seq);
}

/* --- reading -------------------------------------------------------------------------------- */

/* What a run moved that has no transaction yet. */
static enum err add_pending(struct store_tx *tx, int64_t account_id,
                            int64_t amounts_fen[LEDGER_BOOK_COUNT])
{
    struct run_pending p;
    TRY(run_find_pending(tx, account_id, &p));
    if (p.amount_fen == 0)
        return ERR_OK;
    if (p.head.from == LEDGER_BOOK_COUNT || p.head.to == LEDGER_BOOK_COUNT)
        return ERR_LEDGER_CHAIN;
    TRY(units_add(amounts_fen[p.head.from], -p.amount_fen, &amounts_fen[p.head.from]));
    return units_add(amounts_fen[p.head.to], p.amount_fen, &amounts_fen[p.head.to]);
}

enum err ledger_balance(struct store_tx *tx, int64_t account_id, enum ledger_book book,
                        int64_t *amount_fen)
{
    int64_t amounts_fen[LEDGER_BOOK_COUNT] = {};
    enum err e = store_int(tx, &amounts_fen[book],
                           "SELECT amount_fen FROM balance WHERE account_id = $1 AND book = $2",
                           "it", account_id, ledger_book_name(book));
    if (e != ERR_NOT_FOUND)
        TRY(e);
    TRY(add_pending(tx, account_id, amounts_fen));
    *amount_fen = amounts_fen[book];
    return ERR_OK;
}

enum err ledger_balances(struct store_tx *tx, int64_t account_id,
                         int64_t amounts_fen[LEDGER_BOOK_COUNT])
{
    TRY(own_balances(tx, account_id, amounts_fen));
    return add_pending(tx, account_id, amounts_fen);
}

static enum err read_postings(struct store_tx *tx, struct ledger_txn *t)
{
    struct query q = query_open(tx,
                                "SELECT book, amount_fen FROM posting "
                                "WHERE account_id = $1 AND seq = $2 ORDER BY line",
                                "ii", t->account_id, t->seq);
    t->posting_count = 0;
    while (query_step(&q) && t->posting_count < LEDGER_POSTINGS_MAX)
        t->postings[t->posting_count++] =
            (struct ledger_posting){ledger_book_of(query_text(&q, 0)), query_int(&q, 1)};
    return query_end(&q);
}

/* The pending row of a run, told as the transaction that it will be. */
static enum err tell_pending(struct store_tx *tx, int64_t account_id, ledger_each *each, void *arg)
{
    char key[LEDGER_KEY_MAX + 1], detail[RUN_DETAIL_MAX];
    struct run_pending p;
    struct last last;
    TRY(run_find_pending(tx, account_id, &p));
    if (p.amount_fen == 0)
        return ERR_OK;
    TRY(find_last(tx, account_id, &last));
    struct ledger_entry entry = run_entry(&p, account_id, key, detail);
    struct ledger_row row = make_row(&entry, &last, entry.postings, 2);
    struct ledger_txn t = {.account_id = account_id,
                           .seq = row.seq,
                           .key = key,
                           .kind = entry.kind,
                           .actor = entry.actor,
                           .detail = detail,
                           .at = {row.at},
                           .occurred_at = {row.occurred_at},
                           .business_day = (int32_t)row.business_day,
                           .posting_count = 2};
    memcpy(t.postings, entry.postings, sizeof t.postings);
    ledger_hash(&row, t.hash);
    return each(arg, &t);
}

enum err ledger_history(struct store_tx *tx, int64_t account_id, int64_t before, int64_t limit,
                        ledger_each *each, void *arg)
{
    enum err e = before > 0 ? ERR_OK : tell_pending(tx, account_id, each, arg);
    struct query q =
        query_open(tx,
                   "SELECT seq, key, kind, at, occurred_at, business_day, actor, detail, "
                   "hash FROM ledger_txn WHERE account_id = $1 AND seq < $2 "
                   "ORDER BY seq DESC LIMIT $3",
                   "iii", account_id, before > 0 ? before : INT64_MAX, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct ledger_txn t = {
            .account_id = account_id,
            .seq = query_int(&q, 0),
            .key = query_text(&q, 1),
            .kind = query_text(&q, 2),
            .at = {query_int(&q, 3)},
            .occurred_at = {query_int(&q, 4)},
            .business_day = (int32_t)query_int(&q, 5),
            .actor = query_text(&q, 6),
            .detail = query_text(&q, 7),
        };
        struct bytes hash = query_blob(&q, 8);
        if (hash.len == sizeof t.hash)
            memcpy(t.hash, hash.data, hash.len);
        e = read_postings(tx, &t);
        if (e == ERR_OK)
            e = each(arg, &t);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}
