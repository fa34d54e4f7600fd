/*
 * The process is killed before and after every commit of every money operation; whoever comes next
 * does the same things again. In the end the books are those of an undisturbed life.
 */
#include "tests/unit/tamper.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "pay/exchange.h"
#include "pay/shift.h"

#define NOW 1'700'000'000

struct life {
    struct store *store;
    struct billing billing;
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

/* Refusals are answers; anything else ends the test. */
static enum err commit(struct life *l, store_work *work, void *arg)
{
    l->commits++;
    l->work = work;
    l->arg = arg;
    enum err e = store_run(l->store, maybe_die, l);
    if (e != ERR_OK && err_class_of(e) != ERR_CLASS_REFUSE)
        _exit(3);
    if (!l->before && l->commits == l->kill_at)
        raise(SIGKILL);
    return e;
}

/* --- the acts ------------------------------------------------------------------------------------
 */

static enum err do_ask(struct store_tx *tx, void *arg)
{
    return pay_ask(tx, arg);
}
static enum err do_approve(struct store_tx *tx, void *arg)
{
    return pay_approve(tx, arg);
}
static enum err do_reject(struct store_tx *tx, void *arg)
{
    return pay_reject(tx, arg);
}
static enum err do_pay(struct store_tx *tx, void *arg)
{
    return pay_out(tx, arg);
}
static enum err do_sell(struct store_tx *tx, void *arg)
{
    struct vend_status status;
    return shift_sell(tx, arg, &status, NULL);
}

static void ask(struct life *l, enum pay_kind kind, const char *id, int64_t fen, const char *order)
{
    struct pay_request r = {.kind = kind,
                            .account_id = 1,
                            .request_id = id,
                            .amount_fen = fen,
                            .to_account_id = kind == PAY_TRANSFER ? 2 : 0,
                            .order_id = order,
                            .actor = "user:1",
                            .reason = "why not",
                            .now = {NOW},
                            .billing = &l->billing};
    commit(l, do_ask, &r);
}

static void decide(struct life *l, store_work *work, const char *id, const char *actor)
{
    struct pay_decision d = {1, id, actor, "", "cash", "", {NOW}, &l->billing};
    commit(l, work, &d);
}

static void sell(struct life *l, const char *order)
{
    struct vend_sale s = {.account_id = 1,
                          .order_id = order,
                          .amount_fen = 10'000,
                          .method = "cash",
                          .actor = "user:1",
                          .now = {NOW},
                          .random = 9};
    commit(l, do_sell, &s);
}

/* What a meter confirmed long ago. */
static enum err do_fill(struct store_tx *tx, void *arg)
{
    (void)arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = 3,
                               .key = "fill",
                               .kind = "fill",
                               .now = {NOW},
                               .business_day = 1,
                               .actor = "system",
                               .postings = {{LEDGER_CASH, -4'000}, {LEDGER_WALLET, 4'000}}},
        NULL);
}
static enum err do_exchange(struct store_tx *tx, void *arg)
{
    struct pay_exchanged done;
    return pay_exchange(tx, arg, &done);
}

/* Credit that goes along, and credit that stays. */
static void exchange(struct life *l, int64_t epoch, const char *id, const char *address)
{
    struct pay_exchange x = {.meter_id = 1,
                             .epoch = epoch,
                             .exchange_id = id,
                             .address = address,
                             .display_fen = 4'000,
                             .keep = epoch == 2,
                             .actor = "user:1",
                             .evidence = "photograph",
                             .now = {NOW},
                             .random = 3,
                             .billing = &l->billing};
    commit(l, do_exchange, &x);
}

/* A morning at the desk. */
static void work_through(struct life *l)
{
    sell(l, "order-0001");
    sell(l, "order-0002");
    ask(l, PAY_REFUND, "refund-01", 1'500, NULL);
    decide(l, do_approve, "refund-01", "user:2");
    decide(l, do_pay, "refund-01", "user:1");
    ask(l, PAY_TRANSFER, "transfer-1", 2'500, NULL);
    decide(l, do_approve, "transfer-1", "user:2");
    ask(l, PAY_REVERSAL, "reverse-1", 0, "order-0002");
    decide(l, do_approve, "reverse-1", "user:2");
    decide(l, do_pay, "reverse-1", "user:1");
    ask(l, PAY_REFUND, "refund-02", 700, NULL);
    decide(l, do_reject, "refund-02", "user:2");
    ask(l, PAY_CLOSE, "closing-1", 0, NULL);
    decide(l, do_approve, "closing-1", "user:2");
    decide(l, do_pay, "closing-1", "user:1");
    commit(l, do_fill, NULL);
    exchange(l, 1, "exchange-1", "000000000002");
    exchange(l, 2, "exchange-2", "000000000003");
}

/* --- lives ---------------------------------------------------------------------------------------
 */

static void remove_files(const char *path)
{
    char name[96];
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
}

static void open_life(struct life *l, const char *path)
{
    if (store_open(&l->store, &(struct store_config){.kind = STORE_LEDGER, .path = path}) ||
        readings_new(&l->billing.readings))
        _exit(2);
}

/* One project that takes a fee, two accounts without meters, and one with its money in a meter. */
static void build(const char *path)
{
    struct life l = {};
    remove_files(path);
    open_life(&l, path);
    store_close(l.store);
    readings_free(l.billing.readings);
    sqlite3 *db = tamper_open(path);
    tamper_exec(
        db, "INSERT INTO organisation (id, code, name) VALUES (1, 'O', 'O');"
            "INSERT INTO project (id, organisation_id, code, name, zone) VALUES "
            "(1, 1, 'P', 'P', 'Asia/Shanghai');"
            "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'room', 'R', 'R');"
            "INSERT INTO price_plan (project_id, code, version, effective_at, body) VALUES "
            "(1, 'flat', 1, 1, '{\"kind\":\"flat\",\"price\":\"0.5\"}');"
            "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
            "strategy_code, opened_at) VALUES (1, 1, 1, 'A', 'A', 'platform', 'flat', '', 1), "
            "(2, 1, 1, 'B', 'B', 'platform', 'flat', '', 1), "
            "(3, 1, 1, 'C', 'C', 'meter', 'flat', '', 1);"
            "INSERT INTO gateway (id, project_id, serial, name) VALUES (1, 1, 'g', 'g');"
            "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) VALUES "
            "(1, 1, 1, 'tcp:1', 2400, 'E');"
            "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
            "kind) VALUES (1, 1, 3, 1, 1, '000000000001', 'yufu-dorm3', 'electricity');"
            "INSERT INTO cash_policy VALUES (1, 0, 500, 'services', 1, 'user:9');");
    sqlite3_close(db);
}

static int live_and_die(const char *path, int kill_at, bool before)
{
    pid_t child = fork();
    if (child == 0) {
        struct life l = {.kill_at = kill_at, .before = before};
        open_life(&l, path);
        work_through(&l);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

struct books {
    struct ledger_check ledger;
    struct pay_check pay;
};
static enum err verify(struct store_tx *tx, void *arg)
{
    struct books *b = arg;
    TRY(ledger_verify(tx, NULL, &b->ledger));
    return pay_verify(tx, NULL, NULL, &b->pay);
}

static void check(struct store *s, uint8_t whole[LEDGER_HASH_SIZE], bool first)
{
    struct books b;
    assert_ok(store_read(s, verify, &b));
    assert_int_equal(b.pay.open, 0);
    assert_int_equal(b.ledger.totals_fen[LEDGER_CASH], -24'000);
    assert_int_equal(b.ledger.totals_fen[LEDGER_HELD], 0);
    assert_int_equal(b.ledger.totals_fen[LEDGER_PREPAYMENT], 2'500 + 4'000);
    assert_int_equal(b.ledger.totals_fen[LEDGER_REFUND], 20'000 - 2'500 - 500);
    assert_int_equal(b.pay.exchanges, 2);
    if (first)
        memcpy(whole, b.ledger.head, LEDGER_HASH_SIZE);
    assert_memory_equal(whole, b.ledger.head, LEDGER_HASH_SIZE);
}

static void test_killed_at_every_commit(void **state)
{
    (void)state;
    char path[64];
    uint8_t whole[LEDGER_HASH_SIZE] = {};
    int killed = 1, deaths = 0;
    snprintf(path, sizeof path, "/tmp/yufu-pay-%d.db", (int)getpid());
    for (int kill_at = 0; killed || kill_at < 2; kill_at++) /* 0: nobody dies */
        for (int before = 0; before < 2; before++) {
            build(path);
            killed = live_and_die(path, kill_at, before);
            deaths += killed;
            struct life l = {};
            open_life(&l, path);
            work_through(&l);
            check(l.store, whole, kill_at == 0 && before == 0);
            store_close(l.store);
            readings_free(l.billing.readings);
        }
    remove_files(path);
    assert_int_equal(deaths, 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_at_every_commit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
