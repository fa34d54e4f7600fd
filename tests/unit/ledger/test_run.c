/* Runs: they count at once, fold in any order to the same books, and survive a kill anywhere. */
#include "tests/unit/tamper.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rand.h"
#include "ledger/run.h"

#define ACCOUNTS 300
#define NOW 1'700'000'000

static struct store *store_at(const char *path)
{
    struct store *s = NULL;
    assert_ok(store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = path}));
    return s;
}

static void path_of(char path[64], const char *what)
{
    char name[80];
    snprintf(path, 64, "/tmp/yufu-run-%d-%s.db", (int)getpid(), what);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, (const char *[]){"", "-wal", "-shm"}[i]);
        unlink(name);
    }
}

static void end(struct store *s, char path[64])
{
    char name[80];
    store_close(s);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, (const char *[]){"", "-wal", "-shm"}[i]);
        unlink(name);
    }
}

/* --- acts --------------------------------------------------------------------------------------
 */

static const struct ledger_run_entry night = {.key = "night:19675",
                                              .kind = "settlement",
                                              .actor = "system",
                                              .now = {NOW},
                                              .business_day = 19675,
                                              .from = LEDGER_PREPAYMENT,
                                              .to = LEDGER_REVENUE};

/* What a run charges an account: odd ones only stand in it now and then, some with nothing. */
static int64_t charge_of(int64_t account)
{
    return account % 7 == 3 ? 0 : account * 13 % 997;
}

static enum err pay(struct store_tx *tx, int64_t account, int number)
{
    char key[32];
    snprintf(key, sizeof key, "paid:%d", number);
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = account,
                               .key = key,
                               .kind = "order.paid",
                               .now = {NOW + number},
                               .business_day = 19675,
                               .actor = "user:3",
                               .postings = {{LEDGER_CASH, -1000}, {LEDGER_PREPAYMENT, 1000}}},
        NULL);
}

struct page {
    struct ledger_run *run;
    int64_t first, last;
};

static enum err put_page(struct store_tx *tx, void *arg)
{
    struct page *p = arg;
    int64_t accounts[ACCOUNTS], amounts[ACCOUNTS];
    struct ledger_run_rows rows = {
        .account_id = accounts, .amount_fen = amounts, .note = {(const uint8_t *)"note", 4}};
    for (int64_t a = p->first; a <= p->last; a++) {
        accounts[rows.count] = a;
        amounts[rows.count++] = charge_of(a);
    }
    return ledger_run_put(tx, p->run, &rows);
}

static enum err open_night(struct store_tx *tx, void *arg)
{
    return ledger_run_open(tx, &night, arg);
}

static enum err close_night(struct store_tx *tx, void *arg)
{
    return ledger_run_close(tx, arg);
}

struct fold {
    size_t limit;
    bool more;
};
static enum err fold(struct store_tx *tx, void *arg)
{
    struct fold *f = arg;
    return ledger_run_fold(tx, f->limit, &f->more);
}

static enum err pay_one(struct store_tx *tx, void *arg)
{
    const int64_t *what = arg; /* account, number */
    return pay(tx, what[0], (int)what[1]);
}

static enum err verify(struct store_tx *tx, void *arg)
{
    return ledger_verify(tx, NULL, arg);
}

static struct ledger_check check(struct store *s)
{
    struct ledger_check c;
    assert_ok(store_read(s, verify, &c));
    return c;
}

struct ask {
    int64_t account, fen;
};
static enum err ask_balance(struct store_tx *tx, void *arg)
{
    struct ask *a = arg;
    return ledger_balance(tx, a->account, LEDGER_PREPAYMENT, &a->fen);
}

static int64_t prepayment(struct store *s, int64_t account)
{
    struct ask a = {.account = account};
    assert_ok(store_read(s, ask_balance, &a));
    return a.fen;
}

/* --- tests ---------------------------------------------------------------------------------------
 */

struct newest {
    int count;
    char key[64];
    int64_t seq;
    uint8_t hash[LEDGER_HASH_SIZE];
};
static enum err see(void *arg, const struct ledger_txn *t)
{
    struct newest *n = arg;
    if (n->count++)
        return ERR_OK;
    snprintf(n->key, sizeof n->key, "%s", t->key);
    n->seq = t->seq;
    memcpy(n->hash, t->hash, sizeof n->hash);
    return ERR_OK;
}
static enum err read_newest(struct store_tx *tx, void *arg)
{
    return ledger_history(tx, 5, 0, 10, see, arg);
}

static void test_counts_at_once(void **state)
{
    (void)state;
    char path[64];
    path_of(path, "once");
    struct store *s = store_at(path);
    struct ledger_run run;
    struct newest before = {}, after = {};
    struct fold all = {.limit = 1000};
    assert_ok(store_run(s, pay_one, (int64_t[]){5, 1}));
    assert_ok(store_run(s, open_night, &run));
    assert_ok(store_run(s, put_page, &(struct page){&run, 1, 9}));
    assert_int_equal(prepayment(s, 5), 1000 - charge_of(5));
    assert_int_equal(prepayment(s, 9), -charge_of(9));
    assert_int_equal(prepayment(s, 10), 0);
    assert_ok(store_read(s, read_newest, &before));
    assert_string_equal(before.key, "run:night:19675");
    assert_int_equal(before.count, 2);
    assert_int_equal(check(s).pending_rows, 8); /* account 3 pays nothing */
    assert_ok(store_run(s, fold, &all));
    assert_false(all.more);
    assert_ok(store_read(s, read_newest, &after));
    assert_int_equal(after.count, 2);
    assert_int_equal(after.seq, before.seq);
    assert_memory_equal(after.hash, before.hash, sizeof after.hash);
    assert_int_equal(prepayment(s, 5), 1000 - charge_of(5));
    struct ledger_check c = check(s);
    assert_int_equal(c.pending_rows, 0);
    assert_int_equal(c.run_rows, 9);
    assert_int_equal(c.totals_fen[LEDGER_REVENUE], run.amount_fen);
    end(s, path);
}

/* The same payments and the same run, folded as chance will have it: always the same head. */
static void live(struct store *s, struct rand_stream *chance, uint8_t head[LEDGER_HASH_SIZE])
{
    struct rand_stream r = rand_split(7, "payments");
    struct ledger_run run;
    assert_ok(store_run(s, open_night, &run));
    for (int64_t number = 1; number <= 60; number++) {
        int64_t account = 1 + (int64_t)rand_below(&r, ACCOUNTS);
        if (number % 4 == 0)
            assert_ok(store_run(s, put_page,
                                &(struct page){&run, number / 4 * 20 - 19, number / 4 * 20}));
        assert_ok(store_run(s, pay_one, (int64_t[]){account, number}));
        struct fold some = {.limit = 1 + rand_below(chance, 60)};
        if (rand_below(chance, 3) == 0)
            assert_ok(store_run(s, fold, &some));
    }
    assert_ok(store_run(s, close_night, &run));
    for (struct fold rest = {.limit = 7, .more = true}; rest.more;)
        assert_ok(store_run(s, fold, &rest));
    struct ledger_check c = check(s);
    assert_int_equal(c.pending_rows, 0);
    memcpy(head, c.head, LEDGER_HASH_SIZE);
}

static void test_order_of_folding_does_not_matter(void **state)
{
    (void)state;
    uint8_t first[LEDGER_HASH_SIZE], head[LEDGER_HASH_SIZE];
    for (uint64_t seed = 1; seed <= 12; seed++) {
        char path[64];
        struct rand_stream chance = rand_split(seed, "folding");
        path_of(path, "order");
        struct store *s = store_at(path);
        live(s, &chance, seed == 1 ? first : head);
        if (seed > 1)
            assert_memory_equal(first, head, sizeof head);
        end(s, path);
    }
}

/* --- refusals
 * -------------------------------------------------------------------------------------- */

struct wrong {
    struct ledger_run_entry entry;
    struct ledger_run *run;
    struct ledger_run_rows rows;
};
static enum err open_wrong(struct store_tx *tx, void *arg)
{
    struct wrong *w = arg;
    return ledger_run_open(tx, &w->entry, w->run);
}
static enum err put_wrong(struct store_tx *tx, void *arg)
{
    struct wrong *w = arg;
    return ledger_run_put(tx, w->run, &w->rows);
}

static void test_refusals(void **state)
{
    (void)state;
    char path[64], tall[LEDGER_KEY_MAX + 1];
    path_of(path, "refuse");
    struct store *s = store_at(path);
    struct ledger_run run, other;
    struct wrong w = {.entry = night, .run = &other};
    memset(tall, 'x', sizeof tall - 1);
    tall[LEDGER_KEY_MAX] = 0;
    assert_ok(store_run(s, open_night, &run));
    w.entry.key = tall; /* with 'run:' before it, it is no key of the ledger any more */
    assert_err(ERR_LEDGER_TEXT, store_run(s, open_wrong, &w));
    w.entry.key = "other";
    assert_err(ERR_LEDGER_RUN_PENDING, store_run(s, open_wrong, &w));
    w.entry.to = LEDGER_PREPAYMENT;
    assert_err(ERR_LEDGER_BOOK, store_run(s, open_wrong, &w));
    w.entry = night;
    w.entry.kind = "subsidy";
    assert_err(ERR_LEDGER_RUN, store_run(s, open_wrong, &w));

    int64_t up[] = {4, 5}, down[] = {5, 4}, low[] = {0, 1}, one[] = {1, 1}, minus[] = {1, -1},
            much[] = {1, LEDGER_AMOUNT_MAX_FEN + 1};
    w.run = &run;
    w.rows = (struct ledger_run_rows){.count = 2, .account_id = down, .amount_fen = one};
    assert_err(ERR_LEDGER_RUN_ORDER, store_run(s, put_wrong, &w));
    w.rows.account_id = low;
    assert_err(ERR_LEDGER_RUN_ORDER, store_run(s, put_wrong, &w));
    w.rows.account_id = up;
    w.rows.amount_fen = minus;
    assert_err(ERR_LEDGER_AMOUNT, store_run(s, put_wrong, &w));
    w.rows.amount_fen = much;
    assert_err(ERR_LEDGER_AMOUNT, store_run(s, put_wrong, &w));
    w.rows.count = 0;
    assert_err(ERR_RANGE, store_run(s, put_wrong, &w));
    w.rows.count = LEDGER_RUN_ROWS_MAX + 1;
    assert_err(ERR_RANGE, store_run(s, put_wrong, &w));
    w.rows = (struct ledger_run_rows){2, up, one, {(const uint8_t *)"x", LEDGER_RUN_NOTE_MAX + 1}};
    assert_err(ERR_RANGE, store_run(s, put_wrong, &w));

    w.rows.note = (struct bytes){};
    other = run; /* another process that knows the run as it was */
    assert_ok(store_run(s, put_wrong, &w));
    assert_err(ERR_LEDGER_RUN_ORDER, store_run(s, put_wrong, &w)); /* the same rows again */
    w.run = &other;
    assert_err(ERR_LEDGER_RUN, store_run(s, put_wrong, &w));
    assert_ok(store_run(s, open_night, &other));
    assert_int_equal(other.last_account, 5);
    assert_memory_equal(&other, &run, sizeof run);
    assert_ok(store_run(s, close_night, &run));
    assert_ok(store_run(s, close_night, &run)); /* a repeat is none */
    assert_err(ERR_LEDGER_RUN, store_run(s, close_night, &other));
    assert_int_equal(check(s).runs, 1);
    end(s, path);
}

static void test_an_empty_run_is_no_run(void **state)
{
    (void)state;
    char path[64];
    path_of(path, "empty");
    struct store *s = store_at(path);
    struct ledger_run run, next;
    struct wrong w = {.entry = night, .run = &next};
    w.entry.key = "next";
    assert_ok(store_run(s, open_night, &run));
    assert_ok(store_run(s, close_night, &run));
    assert_ok(store_run(s, open_wrong, &w));
    end(s, path);
}

/* --- somebody with the disk ----------------------------------------------------------------------
 */

static int verify_again(struct store *s)
{
    struct ledger_check c;
    enum err e = store_read(s, verify, &c);
    return e == ERR_LEDGER_CHAIN;
}

static void test_tampering_is_found(void **state)
{
    (void)state;
    char path[64];
    path_of(path, "tamper");
    struct store *s = store_at(path);
    struct ledger_run run;
    struct fold some = {.limit = 4};
    assert_ok(store_run(s, open_night, &run));
    assert_ok(store_run(s, put_page, &(struct page){&run, 1, 6}));
    assert_ok(store_run(s, put_page, &(struct page){&run, 8, 12}));
    assert_ok(store_run(s, fold, &some));
    sqlite3 *db = tamper_open(path);
    tamper_drop_triggers(db);
    for (int row = 0; row < 2; row++) {
        struct tamper_cell cells[8];
        char at[64];
        snprintf(at, sizeof at, "page = %d", row + 1);
        int count = tamper_read(db, "ledger_run_page", at, cells, 8);
        for (int i = 0; i < count; i++)
            for (int k = 0; k < cells[i].len; k++) {
                struct tamper_cell changed = cells[i];
                char now[64];
                int64_t v;
                changed.bytes[k] ^= 1;
                memcpy(&v, changed.bytes, sizeof v);
                if (!tamper_write(db, "ledger_run_page", at, &changed))
                    continue;
                snprintf(now, sizeof now, "page = %lld", (long long)v);
                if (!verify_again(s))
                    fail_msg("%s byte %d of page %d", cells[i].column, k, row + 1);
                assert_true(tamper_write(db, "ledger_run_page",
                                         strcmp(cells[i].column, "page") == 0 ? now : at,
                                         &cells[i]));
                assert_false(verify_again(s));
            }
    }
    static const char *const harm[][2] = {
        {"UPDATE ledger_run SET kind = 'subsidy'", "UPDATE ledger_run SET kind = 'settlement'"},
        {"UPDATE ledger_run SET at = at + 1", "UPDATE ledger_run SET at = at - 1"},
        {"UPDATE ledger_run SET to_book = 'refund'", "UPDATE ledger_run SET to_book = 'revenue'"},
        {"UPDATE ledger_run SET to_book = 'mine'", "UPDATE ledger_run SET to_book = 'revenue'"},
        {"UPDATE ledger_run SET folded_to = 12", "UPDATE ledger_run SET folded_to = 4"},
        {"UPDATE ledger_run SET state = 'folded'", "UPDATE ledger_run SET state = 'open'"},
        {"UPDATE ledger_run SET pages = 3", "UPDATE ledger_run SET pages = 2"},
        {"UPDATE ledger_run SET amount_fen = amount_fen + 1",
         "UPDATE ledger_run SET amount_fen = amount_fen - 1"},
        {"UPDATE ledger_run SET key = 'x'", "UPDATE ledger_run SET key = 'night:19675'"},
    };
    for (size_t i = 0; i < sizeof harm / sizeof *harm; i++) {
        tamper_exec(db, harm[i][0]);
        if (!verify_again(s))
            fail_msg("%s", harm[i][0]);
        tamper_exec(db, harm[i][1]);
        assert_false(verify_again(s));
    }
    sqlite3_close(db);
    end(s, path);
}

/* --- killed
 * --------------------------------------------------------------------------------------- */

/* One commit after another; the process dies before or after the one whose turn it is. */
struct life {
    struct store *store;
    int commits, kill_at;
    bool before;
    store_work *work;
    void *arg;
};

static enum err maybe_die(struct store_tx *tx, void *arg)
{
    struct life *l = arg;
    TRY(l->work(tx, l->arg));
    if (l->before && l->commits == l->kill_at)
        raise(SIGKILL);
    return ERR_OK;
}

static void commit(struct life *l, store_work *work, void *arg)
{
    l->commits++;
    l->work = work;
    l->arg = arg;
    if (store_run(l->store, maybe_die, l) != ERR_OK)
        _exit(3);
    if (!l->before && l->commits == l->kill_at)
        raise(SIGKILL);
}

/* A night's work, begun or gone on with. */
static void work_through(struct life *l)
{
    struct ledger_run run;
    commit(l, open_night, &run);
    while (run.last_account < 60)
        commit(l, put_page, &(struct page){&run, run.last_account + 1, run.last_account + 12});
    commit(l, close_night, &run);
    commit(l, pay_one, (int64_t[]){30, 1});
    for (struct fold some = {.limit = 17, .more = true}; some.more;)
        commit(l, fold, &some);
}

static int die_and_rise(const char *path, int kill_at, bool before)
{
    pid_t child = fork();
    if (child == 0) {
        struct life l = {.kill_at = kill_at, .before = before};
        if (store_open(&l.store, &(struct store_config){.kind = STORE_LEDGER, .path = path}))
            _exit(2);
        work_through(&l);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static void test_killed_at_every_commit(void **state)
{
    (void)state;
    uint8_t whole[LEDGER_HASH_SIZE] = {};
    int killed = 1, deaths = 0;
    for (int kill_at = 0; killed || kill_at < 2; kill_at++) /* 0: nobody dies */
        for (int before = 0; before < 2; before++) {
            char path[64];
            path_of(path, "kill");
            killed = die_and_rise(path, kill_at, before);
            deaths += killed;
            struct life l = {.store = store_at(path)};
            work_through(&l);
            struct ledger_check c = check(l.store);
            assert_int_equal(c.pending_rows, 0);
            if (kill_at == 0)
                memcpy(whole, c.head, sizeof whole);
            assert_memory_equal(whole, c.head, sizeof whole);
            end(l.store, path);
        }
    assert_true(deaths >= 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts_at_once),
        cmocka_unit_test(test_order_of_folding_does_not_matter),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_an_empty_run_is_no_run),
        cmocka_unit_test(test_tampering_is_found),
        cmocka_unit_test(test_killed_at_every_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
