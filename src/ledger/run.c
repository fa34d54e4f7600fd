#include "ledger/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ledger/run_impl.h"

/* --- the row of a run ------------------------------------------------------------------------ */

struct run_head run_read_head(const struct query *q)
{
    struct run_head h = {
        .run = {.id = query_int(q, 0),
                .closed = strcmp(query_text(q, 8), "open") != 0,
                .pages = query_int(q, 9),
                .last_account = query_int(q, 10),
                .accounts = query_int(q, 11),
                .amount_fen = query_int(q, 12)},
        .from = ledger_book_of(query_text(q, 3)),
        .to = ledger_book_of(query_text(q, 4)),
        .at = {query_int(q, 5)},
        .business_day = (int32_t)query_int(q, 6),
        .folded_to = query_int(q, 13),
        .folded = strcmp(query_text(q, 8), "folded") == 0,
    };
    snprintf(h.key, sizeof h.key, "%s", query_text(q, 1));
    snprintf(h.kind, sizeof h.kind, "%s", query_text(q, 2));
    snprintf(h.actor, sizeof h.actor, "%s", query_text(q, 7));
    return h;
}

static enum err find_pending_run(struct store_tx *tx, struct run_head *h)
{
    struct query q =
        query_open(tx, "SELECT " RUN_COLUMNS " FROM ledger_run WHERE state <> 'folded'", "");
    bool found = query_step(&q);
    if (found)
        *h = run_read_head(&q);
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err find_by_key(struct store_tx *tx, const char *key, struct run_head *h)
{
    struct query q =
        query_open(tx, "SELECT " RUN_COLUMNS " FROM ledger_run WHERE key = $1", "t", key);
    bool found = query_step(&q);
    if (found)
        *h = run_read_head(&q);
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

/* Zeros before the first page. */
static enum err find_hash(struct store_tx *tx, struct ledger_run *run)
{
    memset(run->hash, 0, sizeof run->hash);
    struct query q = query_open(tx, "SELECT hash FROM ledger_run_page WHERE run = $1 AND page = $2",
                                "ii", run->id, run->pages);
    if (query_step(&q) && query_blob(&q, 0).len == sizeof run->hash)
        memcpy(run->hash, query_blob(&q, 0).data, sizeof run->hash);
    return query_end(&q);
}

/* --- opening --------------------------------------------------------------------------------- */

static bool text_fits(const char *text, size_t max)
{
    return text && *text && strlen(text) <= max;
}

static enum err check_entry(const struct ledger_run_entry *e)
{
    if (!text_fits(e->key, RUN_KEY_MAX) || !text_fits(e->kind, LEDGER_KEY_MAX) ||
        !text_fits(e->actor, LEDGER_KEY_MAX) || e->now.s <= 0)
        return ERR_LEDGER_TEXT;
    if (e->from >= LEDGER_BOOK_COUNT || e->to >= LEDGER_BOOK_COUNT || e->from == e->to)
        return ERR_LEDGER_BOOK;
    return ERR_OK;
}

static enum err insert_run(struct store_tx *tx, const struct ledger_run_entry *e)
{
    enum err found = find_pending_run(tx, &(struct run_head){});
    if (found != ERR_NOT_FOUND)
        return found == ERR_OK ? ERR_LEDGER_RUN_PENDING : found;
    return store_exec(tx,
                      "INSERT INTO ledger_run (key, kind, from_book, to_book, at, business_day, "
                      "actor, state) VALUES ($1, $2, $3, $4, $5, $6, $7, 'open')",
                      "ttttiit", e->key, e->kind, ledger_book_name(e->from),
                      ledger_book_name(e->to), e->now.s, (int64_t)e->business_day, e->actor);
}

/* As with a transaction's key, a repeat may come at another time and from somebody else. */
static bool same_content(const struct run_head *h, const struct ledger_run_entry *e)
{
    return strcmp(h->kind, e->kind) == 0 && h->from == e->from && h->to == e->to;
}

enum err ledger_run_open(struct store_tx *tx, const struct ledger_run_entry *entry,
                         struct ledger_run *run)
{
    struct run_head h;
    TRY(check_entry(entry));
    enum err e = find_by_key(tx, entry->key, &h);
    if (e == ERR_NOT_FOUND) {
        TRY(insert_run(tx, entry));
        e = find_by_key(tx, entry->key, &h);
    }
    TRY(e);
    if (!same_content(&h, entry))
        return ERR_LEDGER_RUN;
    *run = h.run;
    return find_hash(tx, run);
}

/* --- putting --------------------------------------------------------------------------------- */

static enum err check_rows(const struct ledger_run *run, const struct ledger_run_rows *rows,
                           int64_t *sum)
{
    int64_t before = run->last_account;
    if (rows->count == 0 || rows->count > LEDGER_RUN_ROWS_MAX ||
        rows->note.len > LEDGER_RUN_NOTE_MAX)
        return ERR_RANGE;
    for (size_t i = 0; i < rows->count; i++) {
        if (rows->account_id[i] <= before)
            return ERR_LEDGER_RUN_ORDER;
        if (rows->amount_fen[i] < 0 || rows->amount_fen[i] > LEDGER_AMOUNT_MAX_FEN)
            return ERR_LEDGER_AMOUNT;
        TRY(units_add(*sum, rows->amount_fen[i], sum));
        before = rows->account_id[i];
    }
    return ERR_OK;
}

/* The run as the store has it must be the one that the caller knows. */
static enum err find_same(struct store_tx *tx, const struct ledger_run *run, struct run_head *h)
{
    enum err e = find_pending_run(tx, h);
    if (e == ERR_NOT_FOUND ||
        (e == ERR_OK && (h->run.id != run->id || h->run.closed || h->run.pages != run->pages)))
        return ERR_LEDGER_RUN;
    return e;
}

static enum err insert_page(struct store_tx *tx, const struct run_head *h,
                            const struct ledger_run_rows *rows, struct ledger_run *next)
{
    uint8_t packed[RUN_PACKED_MAX];
    struct run_page p = {.number = next->pages,
                         .rows = {packed, run_pack(rows, packed)},
                         .note = {rows->note.data ? rows->note.data : packed, rows->note.len},
                         .prev = {next->hash, sizeof next->hash}};
    uint8_t hash[LEDGER_HASH_SIZE];
    run_hash(h, &p, hash);
    TRY(store_exec(tx,
                   "INSERT INTO ledger_run_page (run, first_account, last_account, page, rows, "
                   "note, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                   "iiiibbbb", next->id, rows->account_id[0], next->last_account, next->pages,
                   p.rows, p.note, p.prev, (struct bytes){hash, sizeof hash}));
    memcpy(next->hash, hash, sizeof hash);
    return ERR_OK;
}

enum err ledger_run_put(struct store_tx *tx, struct ledger_run *run,
                        const struct ledger_run_rows *rows)
{
    struct run_head h;
    struct ledger_run next = *run;
    TRY(check_rows(run, rows, &next.amount_fen));
    TRY(find_same(tx, run, &h));
    next.pages++;
    next.accounts += (int64_t)rows->count;
    next.last_account = rows->account_id[rows->count - 1];
    TRY(insert_page(tx, &h, rows, &next));
    TRY(store_exec(tx,
                   "UPDATE ledger_run SET pages = $2, last_account = $3, accounts = $4, "
                   "amount_fen = $5 WHERE id = $1",
                   "iiiii", next.id, next.pages, next.last_account, next.accounts,
                   next.amount_fen));
    *run = next;
    return ERR_OK;
}

enum err ledger_run_close(struct store_tx *tx, struct ledger_run *run)
{
    struct run_head h;
    if (run->closed)
        return ERR_OK;
    TRY(find_same(tx, run, &h));
    TRY(store_exec(tx,
                   "UPDATE ledger_run SET state = CASE pages WHEN 0 THEN 'folded' ELSE 'closed' "
                   "END WHERE id = $1",
                   "i", run->id));
    run->closed = true;
    return ERR_OK;
}

/* --- folding --------------------------------------------------------------------------------- */

struct ledger_entry run_entry(const struct run_pending *p, int64_t account_id,
                              char key[LEDGER_KEY_MAX + 1], char detail[RUN_DETAIL_MAX])
{
    snprintf(key, LEDGER_KEY_MAX + 1, RUN_KEY "%.*s", RUN_KEY_MAX, p->head.key);
    snprintf(detail, RUN_DETAIL_MAX, "{\"run\":%" PRId64 ",\"page\":%" PRId64 "}", p->head.run.id,
             p->page);
    return (struct ledger_entry){
        .account_id = account_id,
        .key = key,
        .kind = p->head.kind,
        .now = p->head.at,
        .business_day = p->head.business_day,
        .actor = p->head.actor,
        .detail = detail,
        .postings = {{p->head.from, -p->amount_fen}, {p->head.to, p->amount_fen}}};
}

static enum err fold_row(struct store_tx *tx, const struct run_pending *p, int64_t account_id)
{
    char key[LEDGER_KEY_MAX + 1], detail[RUN_DETAIL_MAX];
    int64_t seq;
    struct ledger_entry entry = run_entry(p, account_id, key, detail);
    if (p->amount_fen == 0)
        return ERR_OK;
    enum err e = ledger_seq_of_key(tx, account_id, key, &seq);
    return e == ERR_NOT_FOUND ? ledger_write(tx, &entry, &seq) : e;
}

/* The amount of one account in the page that spans it; 0: it is not there. */
static enum err find_row(struct store_tx *tx, int64_t account_id, struct run_pending *p)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT page, rows FROM ledger_run_page WHERE run = $1 "
                                "AND first_account <= $2 ORDER BY first_account DESC LIMIT 1",
                                "ii", p->head.run.id, account_id);
    if (query_step(&q)) {
        struct run_reader r = run_reader_of(query_blob(&q, 1));
        p->page = query_int(&q, 0);
        bool more;
        while ((more = run_next(&r)) && r.account_id < account_id)
            ;
        p->amount_fen = more && r.account_id == account_id ? r.amount_fen : 0;
        e = more || run_reader_ok(&r) ? ERR_OK : ERR_LEDGER_CHAIN;
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

enum err run_find_pending(struct store_tx *tx, int64_t account_id, struct run_pending *p)
{
    char key[LEDGER_KEY_MAX + 1], detail[RUN_DETAIL_MAX];
    int64_t seq;
    p->amount_fen = 0;
    enum err e = find_pending_run(tx, &p->head);
    if (e == ERR_NOT_FOUND ||
        (e == ERR_OK && (account_id <= p->head.folded_to || account_id > p->head.run.last_account)))
        return ERR_OK;
    TRY(e);
    TRY(find_row(tx, account_id, p));
    if (p->amount_fen == 0)
        return ERR_OK;
    run_entry(p, account_id, key, detail);
    e = ledger_seq_of_key(tx, account_id, key, &seq);
    if (e == ERR_OK)
        p->amount_fen = 0;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err run_fold_account(struct store_tx *tx, int64_t account_id)
{
    struct run_pending p;
    TRY(run_find_pending(tx, account_id, &p));
    return p.amount_fen ? fold_row(tx, &p, account_id) : ERR_OK;
}

/* Rows of one page after folded_to. The page stays under the cursor meanwhile: it never changes. */
static enum err fold_page(struct store_tx *tx, struct run_pending *p, size_t *limit)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT page, rows FROM ledger_run_page WHERE run = $1 "
                                "AND last_account > $2 ORDER BY page LIMIT 1",
                                "ii", p->head.run.id, p->head.folded_to);
    if (query_step(&q)) {
        struct run_reader r = run_reader_of(query_blob(&q, 1));
        p->page = query_int(&q, 0);
        while (e == ERR_OK && *limit > 0 && run_next(&r)) {
            if (r.account_id <= p->head.folded_to)
                continue;
            p->amount_fen = r.amount_fen;
            p->head.folded_to = r.account_id;
            e = fold_row(tx, p, r.account_id);
            --*limit;
        }
        if (e == ERR_OK && r.bytes.err != ERR_OK)
            e = ERR_LEDGER_CHAIN;
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

enum err ledger_run_fold(struct store_tx *tx, size_t limit, bool *more)
{
    struct run_pending p = {};
    *more = false;
    enum err e = find_pending_run(tx, &p.head);
    if (e == ERR_NOT_FOUND)
        return ERR_OK;
    TRY(e);
    while (limit > 0 && p.head.folded_to < p.head.run.last_account)
        TRY(fold_page(tx, &p, &limit));
    bool done = p.head.folded_to == p.head.run.last_account;
    *more = !done;
    return store_exec(tx,
                      "UPDATE ledger_run SET folded_to = $2, state = CASE WHEN $3 AND state = "
                      "'closed' THEN 'folded' ELSE state END WHERE id = $1",
                      "iii", p.head.run.id, p.head.folded_to, (int64_t)done);
}

/* --- reading --------------------------------------------------------------------------------- */

static enum err give_page(const struct query *q, ledger_run_each *each, void *arg)
{
    int64_t accounts[LEDGER_RUN_ROWS_MAX], amounts[LEDGER_RUN_ROWS_MAX];
    struct ledger_run_rows rows = {
        .account_id = accounts, .amount_fen = amounts, .note = query_blob(q, 2)};
    struct run_reader r = run_reader_of(query_blob(q, 1));
    while (run_next(&r)) {
        accounts[rows.count] = r.account_id;
        amounts[rows.count++] = r.amount_fen;
    }
    return run_reader_ok(&r) ? each(arg, query_int(q, 0), &rows) : ERR_LEDGER_CHAIN;
}

enum err ledger_run_pages(struct store_tx *tx, int64_t run_id, int64_t from_page,
                          ledger_run_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT page, rows, note FROM ledger_run_page WHERE run = $1 "
                                "AND page >= $2 ORDER BY page",
                                "ii", run_id, from_page);
    while (e == ERR_OK && query_step(&q))
        e = give_page(&q, each, arg);
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}
