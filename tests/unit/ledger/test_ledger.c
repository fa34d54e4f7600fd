/* What the tables cannot say: tampering, limits, the schema's own refusals, paging. */
#include "tests/unit/tamper.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/rand.h"
#include "ledger/ledger.h"

struct room {
    struct store *store;
    char path[64];
};

static int open_room(void **state)
{
    struct room *r = calloc(1, sizeof *r);
    snprintf(r->path, sizeof r->path, "/tmp/yufu-ledger-%d.db", (int)getpid());
    *state = r;
    return store_open(&r->store, &(struct store_config){.kind = STORE_LEDGER, .path = r->path}) !=
           ERR_OK;
}

static int close_room(void **state)
{
    struct room *r = *state;
    char name[80];
    store_close(r->store);
    unlink(r->path);
    snprintf(name, sizeof name, "%s-wal", r->path);
    unlink(name);
    snprintf(name, sizeof name, "%s-shm", r->path);
    unlink(name);
    free(r);
    return 0;
}

static struct store *store_of(void **state)
{
    return ((struct room *)*state)->store;
}

static enum err post(struct store_tx *tx, int64_t account, const char *key, int64_t fen)
{
    return ledger_post(tx,
                       &(struct ledger_entry){.account_id = account,
                                              .key = key,
                                              .kind = "order.paid",
                                              .now = {1'700'000'000},
                                              .business_day = 19675,
                                              .actor = "user:3",
                                              .detail = "{\"order\":\"x\"}",
                                              .postings = {{LEDGER_CASH, -fen},
                                                           {LEDGER_PREPAYMENT, fen}}},
                       NULL);
}

/* Two accounts; the first has three transactions, so that there is a before and an after. */
static enum err post_some(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(post(tx, 17, "a", 1000));
    TRY(post(tx, 17, "b", 2000));
    TRY(post(tx, 17, "c", 3000));
    return post(tx, 23, "a", 4000);
}

struct seen {
    struct ledger_check check;
    int64_t account, seq; /* of the first fault */
    int kinds;            /* bits */
};

static void see(void *arg, const struct ledger_fault *f)
{
    struct seen *s = arg;
    if (s->kinds == 0) {
        s->account = f->account_id;
        s->seq = f->at_seq;
    }
    s->kinds |= 1 << f->kind;
}

static enum err verify(struct store_tx *tx, void *arg)
{
    struct seen *s = arg;
    *s = (struct seen){};
    return ledger_verify(tx, &(struct ledger_watch){.fault = see, .arg = s}, &s->check);
}

static struct seen checked(void **state, enum err expected)
{
    struct seen s;
    assert_err(expected, store_read(store_of(state), verify, &s));
    return s;
}

static sqlite3 *tampering(void **state)
{
    sqlite3 *db = tamper_open(((struct room *)*state)->path);
    tamper_drop_triggers(db);
    return db;
}

/* Names the row again after cell i was changed: a key column of it may be the changed one. */
static void where_now(char *out, size_t cap, const struct tamper_cell *keys, int count,
                      const struct tamper_cell *changed)
{
    out[0] = 0;
    for (int i = 0; i < count; i++) {
        const struct tamper_cell *c = strcmp(keys[i].column, changed->column) == 0 ? changed
                                                                                   : &keys[i];
        size_t len = strlen(out);
        int64_t v;
        memcpy(&v, c->bytes, sizeof v);
        if (c->type == SQLITE_INTEGER)
            snprintf(out + len, cap - len, "%s%s = %lld", i ? " AND " : "", c->column, (long long)v);
        else {
            char hex[256] = "";
            hex_encode(c->bytes, (size_t)c->len, hex);
            snprintf(out + len, cap - len, "%s%s = CAST(x'%s' AS TEXT)", i ? " AND " : "", c->column,
                     hex);
        }
    }
}

/* Flips one bit of each byte of each cell of each row of a table; every one must be found, and
 * after it was put back the books are in order again. */
static int flip_all(void **state, sqlite3 *db, const char *table, int key_columns)
{
    int flips = 0, rows = 0;
    char count_sql[64];
    sqlite3_stmt *s = NULL;
    snprintf(count_sql, sizeof count_sql, "SELECT count(*) FROM %s", table);
    assert_int_equal(sqlite3_prepare_v2(db, count_sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    rows = sqlite3_column_int(s, 0);
    sqlite3_finalize(s);
    for (int row = 0; row < rows; row++) {
        struct tamper_cell cells[16];
        char at[64], where[1024], back[1024];
        snprintf(at, sizeof at, "1 LIMIT 1 OFFSET %d", row);
        int count = tamper_read(db, table, at, cells, 16);
        for (int i = 0; i < count; i++) {
            for (int k = 0; k < cells[i].len; k++, flips++) {
                struct tamper_cell changed = cells[i];
                changed.bytes[k] ^= (unsigned char)(1 << (flips % 8));
                where_now(where, sizeof where, cells, key_columns, &cells[i]);
                if (!tamper_write(db, table, where, &changed))
                    continue; /* the schema refuses: the key is taken, or sealed is neither 0 nor 1 */
                if (checked(state, ERR_LEDGER_CHAIN).kinds == 0)
                    fail_msg("%s.%s byte %d of row %d", table, cells[i].column, k, row);
                where_now(back, sizeof back, cells, key_columns, &changed);
                assert_true(tamper_write(db, table, back, &cells[i]));
                checked(state, ERR_OK);
            }
        }
    }
    return flips;
}

static void test_every_changed_byte_is_found(void **state)
{
    assert_ok(store_run(store_of(state), post_some, NULL));
    sqlite3 *db = tampering(state);
    assert_true(flip_all(state, db, "ledger_txn", 2) > 500);
    assert_true(flip_all(state, db, "posting", 3) > 250);
    assert_true(flip_all(state, db, "balance", 2) > 70);
    sqlite3_close(db);
}

static void expect_tampered(void **state, const char *sql, int kinds)
{
    assert_ok(store_run(store_of(state), post_some, NULL));
    sqlite3 *db = tampering(state);
    tamper_exec(db, sql);
    sqlite3_close(db);
    int found = checked(state, ERR_LEDGER_CHAIN).kinds;
    if ((found & kinds) != kinds)
        fail_msg("found %x, wanted %x", (unsigned)found, (unsigned)kinds);
}

#define BIT(kind) (1 << LEDGER_FAULT_##kind)

static void test_removed_transaction(void **state)
{
    expect_tampered(state, "DELETE FROM ledger_txn WHERE account_id = 17 AND seq = 2",
                    BIT(GAP) | BIT(CHAIN) | BIT(ORPHAN) | BIT(BALANCE));
}

static void test_truncated_account(void **state)
{
    expect_tampered(state,
                    "DELETE FROM ledger_txn WHERE account_id = 17 AND seq = 3;"
                    "DELETE FROM posting WHERE account_id = 17 AND seq = 3",
                    BIT(BALANCE));
}

static void test_removed_account(void **state)
{
    expect_tampered(state,
                    "DELETE FROM ledger_txn WHERE account_id = 23;"
                    "DELETE FROM posting WHERE account_id = 23",
                    BIT(ORPHAN));
}

static void test_removed_postings(void **state)
{
    expect_tampered(state, "DELETE FROM posting WHERE account_id = 23",
                    BIT(HASH) | BIT(SUM) | BIT(BALANCE));
}

static void test_removed_balance(void **state)
{
    expect_tampered(state, "DELETE FROM balance WHERE account_id = 23 AND book = 'cash'",
                    BIT(BALANCE));
}

static void test_money_from_nowhere(void **state)
{
    expect_tampered(state,
                    "UPDATE posting SET amount_fen = 9000 WHERE account_id = 23 AND book = "
                    "'prepayment'; UPDATE balance SET amount_fen = 9000 WHERE account_id = 23 AND "
                    "book = 'prepayment'",
                    BIT(SUM) | BIT(HASH));
}

static void test_balanced_forgery(void **state)
{
    expect_tampered(state,
                    "UPDATE posting SET amount_fen = 2 * amount_fen WHERE account_id = 23;"
                    "UPDATE balance SET amount_fen = 2 * amount_fen WHERE account_id = 23",
                    BIT(HASH));
}

static void test_unsealed(void **state)
{
    expect_tampered(state, "UPDATE ledger_txn SET sealed = 0 WHERE account_id = 23", BIT(UNSEALED));
}

/* A forger who rewrites a whole account, hashes and all, is found by the head that was exported. */
static void test_head_changes_with_content(void **state)
{
    struct seen before, after;
    assert_ok(store_run(store_of(state), post_some, NULL));
    before = checked(state, ERR_OK);
    after = checked(state, ERR_OK);
    assert_memory_equal(before.check.head, after.check.head, LEDGER_HASH_SIZE);
    sqlite3 *db = tampering(state);
    tamper_exec(db, "DELETE FROM ledger_txn WHERE account_id = 23; DELETE FROM posting WHERE "
                    "account_id = 23; DELETE FROM balance WHERE account_id = 23");
    sqlite3_close(db);
    after = checked(state, ERR_OK);
    assert_memory_not_equal(before.check.head, after.check.head, LEDGER_HASH_SIZE);
}

/* --- what the schema itself refuses --------------------------------------------------------- */

static enum err raw(struct store_tx *tx, void *arg)
{
    TRY(post_some(tx, NULL));
    return store_exec(tx, arg, "");
}

static void test_schema_refuses(void **state)
{
#define TXN "INSERT INTO ledger_txn (account_id, seq, key, kind, at, occurred_at, business_day, " \
            "actor, detail, sealed, prev, hash) "
    static const char *const wrong[] = {
        "UPDATE ledger_txn SET kind = 'x' WHERE account_id = 17",
        "DELETE FROM ledger_txn WHERE account_id = 17 AND seq = 3",
        "UPDATE posting SET amount_fen = 1 WHERE account_id = 17 AND line = 1",
        "DELETE FROM posting WHERE account_id = 17",
        "UPDATE ledger_txn SET sealed = 1 WHERE account_id = 17",
        "UPDATE OR REPLACE ledger_txn SET sealed = 0 WHERE account_id = 17 AND seq = 1",
        "INSERT INTO posting VALUES (17, 1, 3, 'cash', 1)",
        "INSERT INTO posting VALUES (17, 9, 1, 'cash', 1)",
        TXN "SELECT 17, 5, 'z', kind, at, occurred_at, business_day, actor, detail, 0, hash, hash "
            "FROM ledger_txn WHERE account_id = 17 AND seq = 3",
        TXN "SELECT 17, 4, 'z', kind, at, occurred_at, business_day, actor, detail, 1, hash, hash "
            "FROM ledger_txn WHERE account_id = 17 AND seq = 3",
        TXN "SELECT 17, 4, 'z', kind, at, occurred_at, business_day, actor, detail, 0, prev, hash "
            "FROM ledger_txn WHERE account_id = 17 AND seq = 3",
        TXN "SELECT 17, 4, 'z', kind, at - 1, occurred_at, business_day, actor, detail, 0, hash, "
            "hash FROM ledger_txn WHERE account_id = 17 AND seq = 3",
        TXN "SELECT 17, 4, 'a', kind, at, occurred_at, business_day, actor, detail, 0, hash, hash "
            "FROM ledger_txn WHERE account_id = 17 AND seq = 3",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (store_run(store_of(state), raw, (void *)wrong[i]) != ERR_STORE_CONSTRAINT)
            fail_msg("not refused: %s", wrong[i]);
    assert_int_equal(checked(state, ERR_OK).check.transactions, 0);
}

/* Postings count all at once, with the seal: until then no balance knows them. */
static enum err seal_later(struct store_tx *tx, void *arg)
{
    static const char *const steps[] = {
        TXN "SELECT 17, 4, 'z', kind, at, occurred_at, business_day, actor, detail, 0, hash, hash "
            "FROM ledger_txn WHERE account_id = 17 AND seq = 3",
        "INSERT INTO posting VALUES (17, 4, 1, 'cash', -700), (17, 4, 2, 'prepayment', 700)",
        "UPDATE ledger_txn SET sealed = 1 WHERE account_id = 17 AND seq = 4",
    };
    int64_t *cash_fen = arg;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        TRY(ledger_balance(tx, 17, LEDGER_CASH, &cash_fen[i]));
        TRY(store_exec(tx, steps[i], ""));
    }
    TRY(store_int(tx, &cash_fen[4],
                  "SELECT sum(amount_fen) FROM cash_book WHERE account_id = 17 AND seq = 4", ""));
    return ledger_balance(tx, 17, LEDGER_CASH, &cash_fen[3]);
}

static void test_counts_with_the_seal(void **state)
{
    int64_t cash_fen[5];
    assert_ok(store_run(store_of(state), post_some, NULL));
    assert_ok(store_run(store_of(state), seal_later, cash_fen));
    assert_int_equal(cash_fen[1], cash_fen[0]);
    assert_int_equal(cash_fen[2], cash_fen[0]);
    assert_int_equal(cash_fen[3], cash_fen[0] - 700);
    assert_int_equal(cash_fen[4], 700);
}

/* --- limits --------------------------------------------------------------------------------- */

static enum err fill_up(struct store_tx *tx, void *arg)
{
    char key[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        TRY(post(tx, 1, key, LEDGER_AMOUNT_MAX_FEN));
    }
    *(bool *)arg = true;
    return post(tx, 1, "more", 1);
}

static void test_balance_limit(void **state)
{
    bool full = false;
    assert_err(ERR_LEDGER_LIMIT, store_run(store_of(state), fill_up, &full));
    assert_true(full);
}

static enum err too_long(struct store_tx *tx, void *arg)
{
    struct ledger_entry e = {.account_id = 1, .key = "k", .kind = "kind", .now = {1},
                             .actor = "system", .postings = {{LEDGER_CASH, -1}, {LEDGER_REFUND, 1}}};
    static char text[LEDGER_KEY_MAX + 2];
    memset(text, 'x', LEDGER_KEY_MAX + 1);
    const char **fields[] = {&e.key, &e.kind, &e.actor};
    int i = *(int *)arg;
    *fields[i % 3] = i < 3 ? text : i < 6 ? "" : NULL;
    return ledger_post(tx, &e, NULL);
}

static void test_texts_missing_or_too_long(void **state)
{
    for (int i = 0; i < 9; i++)
        assert_err(ERR_LEDGER_TEXT, store_run(store_of(state), too_long, &i));
}

/* --- reading -------------------------------------------------------------------------------- */

struct pages {
    int64_t seqs[8];
    size_t count;
    int64_t before;
};

static enum err keep_seq(void *arg, const struct ledger_txn *t)
{
    struct pages *p = arg;
    assert_int_equal(t->posting_count, 2);
    assert_int_equal(t->postings[0].book, LEDGER_CASH);
    assert_int_equal(t->postings[0].amount_fen, -1000 * t->seq);
    assert_string_equal(t->actor, "user:3");
    p->seqs[p->count++] = t->seq;
    return ERR_OK;
}

static enum err page(struct store_tx *tx, void *arg)
{
    struct pages *p = arg;
    return ledger_history(tx, 17, p->before, 2, keep_seq, p);
}

static void test_history_is_paged(void **state)
{
    struct pages p = {};
    assert_ok(store_run(store_of(state), post_some, NULL));
    assert_ok(store_read(store_of(state), page, &p));
    assert_int_equal(p.count, 2);
    assert_int_equal(p.seqs[0], 3);
    p.before = p.seqs[1];
    assert_ok(store_read(store_of(state), page, &p));
    assert_int_equal(p.count, 3);
    assert_int_equal(p.seqs[2], 1);
}

/* --- algebra: many random acts against a second ledger of plain integers -------------------- */

struct model {
    int64_t books[5][LEDGER_BOOK_COUNT];
    struct rand_stream rand;
    int64_t posted;
};

static enum err random_act(struct store_tx *tx, void *arg)
{
    struct model *m = arg;
    struct ledger_entry e = {.account_id = 1 + (int64_t)rand_below(&m->rand, 4), .kind = "k",
                             .now = {1 + (int64_t)rand_below(&m->rand, 1000)}, .actor = "system"};
    char key[24];
    int64_t sum = 0;
    size_t n = 1 + rand_below(&m->rand, LEDGER_POSTINGS_MAX - 1);
    snprintf(key, sizeof key, "%d", (int)rand_below(&m->rand, 2000));
    e.key = key;
    for (size_t i = 0; i <= n; i++) {
        int64_t fen = i == n ? -sum : (int64_t)rand_below(&m->rand, 20001) - 10000;
        enum ledger_book book = rand_below(&m->rand, LEDGER_BOOK_COUNT);
        if (book == LEDGER_TRANSFER) /* one account alone cannot: see the next test */
            book = LEDGER_PREPAYMENT;
        e.postings[i] = (struct ledger_posting){book, fen};
        sum += fen;
    }
    struct ledger_posted posted;
    enum err err = ledger_post(tx, &e, &posted);
    if (err == ERR_LEDGER_KEY || err == ERR_LEDGER_EMPTY)
        return err;
    TRY(err);
    m->posted++;
    for (size_t i = 0; i <= n; i++)
        m->books[e.account_id][e.postings[i].book] += e.postings[i].amount_fen;
    return ERR_OK;
}

static enum err compare(struct store_tx *tx, void *arg)
{
    struct model *m = arg;
    for (int64_t account = 1; account <= 4; account++) {
        int64_t fen[LEDGER_BOOK_COUNT];
        TRY(ledger_balances(tx, account, fen));
        for (int b = 0; b < LEDGER_BOOK_COUNT; b++)
            assert_int_equal(fen[b], m->books[account][b]);
    }
    return ERR_OK;
}

static void test_random_acts_agree_with_plain_sums(void **state)
{
    struct model m = {.rand = rand_split(7, "ledger")};
    for (int i = 0; i < 3000; i++)
        store_submit(store_of(state), random_act, NULL, &m);
    store_flush(store_of(state));
    assert_true(m.posted > 1500);
    assert_ok(store_read(store_of(state), compare, &m));
    struct seen s = checked(state, ERR_OK);
    assert_int_equal(s.check.transactions, m.posted);
    assert_int_equal(s.check.accounts, 4);
}

/* Each transaction is in order by itself: only both sides together show what is missing. */
static enum err one_side(struct store_tx *tx, void *arg)
{
    int64_t account_id = *(int64_t *)arg, fen = account_id == 1 ? 500 : -500;
    return ledger_post(tx,
                       &(struct ledger_entry){.account_id = account_id,
                                              .key = "transfer",
                                              .kind = "k",
                                              .now = {1},
                                              .actor = "system",
                                              .postings = {{LEDGER_PREPAYMENT, -fen},
                                                           {LEDGER_TRANSFER, fen}}},
                       NULL);
}

static void test_transfers_cancel_out(void **state)
{
    assert_ok(store_run(store_of(state), one_side, &(int64_t){1}));
    assert_int_equal(checked(state, ERR_LEDGER_CHAIN).kinds, 1 << LEDGER_FAULT_TRANSFER);
    assert_ok(store_run(store_of(state), one_side, &(int64_t){2}));
    checked(state, ERR_OK);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_room, close_room)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_changed_byte_is_found),
        CASE(test_removed_transaction),
        CASE(test_truncated_account),
        CASE(test_removed_account),
        CASE(test_removed_postings),
        CASE(test_removed_balance),
        CASE(test_money_from_nowhere),
        CASE(test_balanced_forgery),
        CASE(test_unsealed),
        CASE(test_head_changes_with_content),
        CASE(test_counts_with_the_seal),
        CASE(test_schema_refuses),
        CASE(test_balance_limit),
        CASE(test_texts_missing_or_too_long),
        CASE(test_history_is_paged),
        CASE(test_random_acts_agree_with_plain_sums),
        CASE(test_transfers_cancel_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
