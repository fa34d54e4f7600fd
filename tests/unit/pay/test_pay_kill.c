/*
 * The process is killed before and after every commit of every money operation; whoever comes next
 * does the same things again. In the end the books are those of an undisturbed life. So they are
 * where several do the same things at the same time.
 */
#include "tests/unit/tamper.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "pay/desk_verify.h"
#include "pay/due.h"
#include "pay/exchange.h"
#include "pay/late.h"
#include "pay/run.h"
#include "pay/shift.h"

#define NOW 1'700'000'000
#define DAY_S 86'400

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
    enum err e = ERR_STORE_BUSY;
    for (int tries = 0; e == ERR_STORE_BUSY && tries < 1'000; tries++)
        e = store_run(l->store, maybe_die, l);
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

/* --- the till ------------------------------------------------------------------------------------
 */

static enum err do_begin(struct store_tx *tx, void *arg)
{
    struct shift s;
    int64_t there;
    TRY(store_int(tx, &there, "SELECT count(*) FROM cash_shift", ""));
    return there ? ERR_SHIFT_OPEN : shift_open(tx, arg, 10'000, &s); /* one morning, one shift */
}
static enum err do_count(struct store_tx *tx, void *arg)
{
    struct shift s;
    return shift_count(tx, arg, 10'000 + 3'000, &s);
}
static enum err do_close(struct store_tx *tx, void *arg)
{
    struct shift s;
    return shift_close(tx, arg, 1, "counted before the refunds", &s);
}
static enum err do_close_day(struct store_tx *tx, void *arg)
{
    struct shift_day d;
    const struct shift_closing c = {.day = civil_local_day((wall_s){NOW}, 28'800), .note = ""};
    return shift_day_close(tx, arg, &c, &d);
}

static void at_till(struct life *l, store_work *work, const char *actor, int64_t later_s)
{
    struct shift_person p = {1, actor, {NOW + later_s}};
    commit(l, work, &p);
}

/* --- other services, late fees -------------------------------------------------------------------
 */

static enum err do_bill(struct store_tx *tx, void *arg)
{
    (void)arg;
    return due_bill(tx,
                    &(struct due_bill){2, "rent-2023-11", "rent", "Rent", 5'000, "user:1", {NOW}});
}
static enum err do_pay_bill(struct store_tx *tx, void *arg)
{
    (void)arg;
    return due_pay(tx, &(struct due_act){2, "receipt-1", 3'000, "user:1", {NOW}, NULL});
}
static enum err do_withdraw(struct store_tx *tx, void *arg)
{
    (void)arg;
    return due_withdraw(tx, &(struct due_act){2, "rent-2023-11", 0, "user:2", {NOW}, "twice"});
}
static enum err do_arrears(struct store_tx *tx, void *arg)
{
    (void)arg;
    return ledger_post(
        tx,
        &(struct ledger_entry){.account_id = 4,
                               .key = "settle:1",
                               .kind = "settlement",
                               .now = {NOW},
                               .business_day = civil_local_day((wall_s){NOW}, 28'800),
                               .actor = "system",
                               .postings = {{LEDGER_PREPAYMENT, -9'000}, {LEDGER_REVENUE, 9'000}}},
        NULL);
}
static enum err do_term(struct store_tx *tx, void *arg)
{
    const struct late_term term = {1'000, 1'000, 0, 0, 1'000, "7.2"};
    (void)arg;
    return late_term_set(tx, &(struct late_set){4, &term, "user:2", {NOW}});
}
static enum err do_late(struct store_tx *tx, void *arg)
{
    int64_t worked;
    (void)arg;
    return late_tick(tx, (wall_s){NOW + 3 * DAY_S}, 10, &worked);
}

/* --- runs ----------------------------------------------------------------------------------------
 */

static const struct run_ask ask_of_all = {1,        "all", "2023-11",     "All",
                                          "user:1", {NOW}, {"", "B\nD\n"}};

static enum err do_subsidy(struct store_tx *tx, void *arg)
{
    int64_t id;
    (void)arg;
    return run_ask_subsidy(tx, &(struct run_subsidy){.ask = ask_of_all, .each_fen = 600}, &id);
}
static enum err do_share(struct store_tx *tx, void *arg)
{
    const struct run_meter main_meter = {
        .meter_id = 1, .from_at = {1}, .to_at = {2}, .to_wh = 40'000, .ratio = 1};
    int64_t id;
    (void)arg;
    return run_ask_share(tx,
                         &(struct run_common){.ask = ask_of_all,
                                              .meters = &main_meter,
                                              .meter_count = 1,
                                              .from = {NOW - DAY_S},
                                              .to = {NOW},
                                              .price_e8 = 50'000'000,
                                              .method = RUN_GIVEN},
                         &id);
}
static enum err do_approve_run(struct store_tx *tx, void *arg)
{
    return run_approve(tx, &(struct run_verdict){1, *(int64_t *)arg, "user:2", "", {NOW}});
}
static enum err do_line(struct store_tx *tx, void *arg)
{
    int64_t worked;
    (void)arg;
    return run_tick(tx, &(struct run_turn){{NOW}, 1, 11}, &worked);
}

static enum err do_stop_run(struct store_tx *tx, void *arg)
{
    return run_stop(tx, &(struct run_verdict){1, *(int64_t *)arg, "user:1", "wait", {NOW}});
}
static enum err do_resume_run(struct store_tx *tx, void *arg)
{
    return run_resume(tx, &(struct run_verdict){1, *(int64_t *)arg, "user:3", "", {NOW}});
}

/* Stopped between its lines. */
static void run_through(struct life *l, store_work *propose, int64_t id)
{
    commit(l, propose, NULL);
    commit(l, do_approve_run, &id);
    commit(l, do_line, NULL);
    commit(l, do_stop_run, &id);
    commit(l, do_resume_run, &id);
    for (int line = 0; line < 2; line++)
        commit(l, do_line, NULL);
}

/* The same acts beside each other's doors: the till, rent, a late fee, free credit, common usage.
 */
static void work_beside(struct life *l)
{
    commit(l, do_bill, NULL);
    commit(l, do_pay_bill, NULL);
    commit(l, do_withdraw, NULL);
    at_till(l, do_count, "user:1", 60);
    at_till(l, do_close, "user:2", 120);
    at_till(l, do_close_day, "user:2", DAY_S);
    commit(l, do_arrears, NULL);
    commit(l, do_term, NULL);
    commit(l, do_late, NULL);
    run_through(l, do_subsidy, 1);
    run_through(l, do_share, 2);
}

/* A morning at the desk. */
static void work_through(struct life *l)
{
    at_till(l, do_begin, "user:1", 0);
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
    work_beside(l);
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
            "(3, 1, 1, 'C', 'C', 'meter', 'flat', '', 1), "
            "(4, 1, 1, 'D', 'D', 'platform', 'flat', '', 1);"
            "INSERT INTO gateway (id, project_id, serial, name) VALUES (1, 1, 'g', 'g');"
            "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) VALUES "
            "(1, 1, 1, 'tcp:1', 2400, 'E');"
            "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
            "kind) VALUES (1, 1, 3, 1, 1, '000000000001', 'yufu-dorm3', 'electricity');"
            "INSERT INTO cash_policy VALUES (1, 0, 500, 'services', 1, 'user:9');");
    sqlite3_close(db);
}

static pid_t live(const char *path, const struct life *as)
{
    pid_t child = fork();
    if (child == 0) {
        struct life l = *as;
        open_life(&l, path);
        work_through(&l);
        _exit(0);
    }
    return child;
}

static int live_and_die(const char *path, int kill_at, bool before)
{
    pid_t child = live(path, &(struct life){.kill_at = kill_at, .before = before});
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

struct books {
    struct ledger_check ledger;
    struct pay_check pay;
    struct desk_check desk;
};
static enum err verify(struct store_tx *tx, void *arg)
{
    struct books *b = arg;
    TRY(ledger_verify(tx, NULL, &b->ledger));
    TRY(desk_verify(tx, NULL, NULL, &b->desk));
    return pay_verify(tx, NULL, NULL, &b->pay);
}

static void check(struct store *s, uint8_t whole[LEDGER_HASH_SIZE], bool first)
{
    struct books b;
    assert_ok(store_read(s, verify, &b));
    assert_int_equal(b.pay.open, 0);
    assert_int_equal(b.ledger.totals_fen[LEDGER_CASH], -24'000 - 3'000);
    assert_int_equal(b.ledger.totals_fen[LEDGER_HELD], 0);
    assert_int_equal(b.ledger.totals_fen[LEDGER_PREPAYMENT], 2'500 + 4'000 - 9'000 + 2 * 600);
    assert_int_equal(b.ledger.totals_fen[LEDGER_REFUND], 20'000 - 2'500 - 500);
    assert_int_equal(b.ledger.totals_fen[LEDGER_SUBSIDY], -2 * 600);
    assert_int_equal(b.ledger.totals_fen[LEDGER_SHARE], 2'000);
    assert_int_equal(b.pay.exchanges, 2);
    assert_int_equal(b.desk.shifts, 1);
    assert_int_equal(b.desk.days, 1);
    assert_int_equal(b.desk.runs, 2);
    assert_int_equal(b.desk.late_fees, 3);
    if (first)
        memcpy(whole, b.ledger.head, LEDGER_HASH_SIZE);
    assert_memory_equal(whole, b.ledger.head, LEDGER_HASH_SIZE);
}

static enum err do_bill_more(struct store_tx *tx, void *arg)
{
    (void)arg;
    return due_bill(tx,
                    &(struct due_bill){2, "rent-2023-11", "rent", "Rent", 5'001, "user:1", {NOW}});
}
static enum err do_pay_more(struct store_tx *tx, void *arg)
{
    (void)arg;
    return due_pay(tx, &(struct due_act){2, "receipt-1", 3'001, "user:1", {NOW}, NULL});
}

/* The same keys with other content: each is refused by its name. */
static void say_otherwise(struct life *l)
{
    struct vend_sale s = {.account_id = 1,
                          .order_id = "order-0001",
                          .amount_fen = 10'001,
                          .method = "cash",
                          .actor = "user:1",
                          .now = {NOW},
                          .random = 9};
    struct pay_request r = {.kind = PAY_REFUND,
                            .account_id = 1,
                            .request_id = "refund-01",
                            .amount_fen = 1'501,
                            .actor = "user:1",
                            .now = {NOW},
                            .billing = &l->billing};
    struct pay_exchange x = {.meter_id = 1,
                             .epoch = 1,
                             .exchange_id = "exchange-1",
                             .closing_wh = {1},
                             .actor = "user:1",
                             .evidence = "photograph",
                             .now = {NOW},
                             .billing = &l->billing};
    assert_err(ERR_VEND_DIFFERENT, store_run(l->store, do_sell, &s));
    s.amount_fen = 10'000;
    s.account_id = 2;
    assert_err(ERR_VEND_DIFFERENT, store_run(l->store, do_sell, &s));
    assert_err(ERR_VEND_DIFFERENT, store_run(l->store, do_ask, &r));
    r.kind = PAY_REVERSAL;
    r.order_id = "order-0001";
    assert_err(ERR_VEND_DIFFERENT, store_run(l->store, do_ask, &r));
    assert_err(ERR_VEND_DIFFERENT, store_run(l->store, do_exchange, &x));
    assert_err(ERR_DUE_DIFFERENT, store_run(l->store, do_bill_more, NULL));
    assert_err(ERR_LEDGER_KEY, store_run(l->store, do_pay_more, NULL));
    assert_err(ERR_RUN_TWICE, store_run(l->store, do_subsidy, NULL));
    assert_err(ERR_RUN_TWICE, store_run(l->store, do_share, NULL));
    assert_err(ERR_DAY_CLOSED,
               store_run(l->store, do_close_day, &(struct shift_person){1, "user:9", {NOW}}));
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
            say_otherwise(&l);
            check(l.store, whole, false);
            store_close(l.store);
            readings_free(l.billing.readings);
        }
    remove_files(path);
    assert_int_equal(deaths, 84);
}

#define AT_ONCE 3

static void test_several_at_once(void **state)
{
    (void)state;
    char path[64];
    uint8_t whole[LEDGER_HASH_SIZE] = {};
    snprintf(path, sizeof path, "/tmp/yufu-pay-%d.db", (int)getpid());
    for (int round = 0; round < 4; round++) { /* the first alone */
        pid_t child[AT_ONCE];
        int count = round == 0 ? 1 : AT_ONCE, status;
        build(path);
        for (int i = 0; i < count; i++)
            child[i] = live(path, &(struct life){.kill_at = -1});
        for (int i = 0; i < count; i++) {
            assert_int_equal(waitpid(child[i], &status, 0), child[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
        }
        struct life l = {};
        open_life(&l, path);
        check(l.store, whole, round == 0);
        store_close(l.store);
        readings_free(l.billing.readings);
    }
    remove_files(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_at_every_commit),
                                       cmocka_unit_test(test_several_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
