/*
 * kill -9 at every chunk boundary of a run over many accounts: a child posts one chunk on a real
 * file and kills itself in it, before the commit or right behind it; the next child goes on. In the
 * end each account has its money once. The same for taking the run back, and for the end of its
 * credit; and where a person stops the run behind every chunk and another resumes it, or the rest
 * is given up in the middle, with a kill on both sides of each of these commits.
 *
 *   run_kill ACCOUNTS CHUNK
 */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/ledger.h"
#include "pay/desk_verify.h"
#include "pay/run.h"
#include "store/store.h"

#define NOW INT64_C(1'767'240'000)
#define EACH_FEN 700

static char path[128];
static int64_t accounts, chunk;

static void must(enum err e, const char *what)
{
    if (e == ERR_OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err_name(e));
    exit(1);
}

static struct store *open_store(void)
{
    struct store *s = NULL;
    must(store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = path}), "open");
    return s;
}

static void with_store(store_work *work, void *arg, const char *what)
{
    struct store *s = open_store();
    must(store_run(s, work, arg), what);
    store_close(s);
}

static enum err build(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(store_exec(tx, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')", ""));
    TRY(store_exec(tx,
                   "INSERT INTO project (id, organisation_id, code, name, zone) "
                   "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')",
                   ""));
    TRY(store_exec(
        tx, "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'room', 'A', 'A')",
        ""));
    return store_exec(
        tx,
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) "
        "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
        "strategy_code, opened_at) "
        "SELECT i, 1, 1, 'a' || i, 'a', 'platform', 'x', 'x', 1 FROM n",
        "i", accounts);
}

static enum err propose(struct store_tx *tx, void *arg)
{
    (void)arg;
    int64_t id;
    struct run_subsidy s = {.ask = {1, "bed", "2026-01", "Beds", "user:1", {NOW}, {"", ""}},
                            .each_fen = EACH_FEN,
                            .expires_at = {NOW + 86'400}};
    TRY(run_ask_subsidy(tx, &s, &id));
    return run_approve(tx, &(struct run_verdict){1, id, "user:2", "", {NOW}});
}

static enum err reverse(struct store_tx *tx, void *arg)
{
    (void)arg;
    return run_reverse(tx, &(struct run_verdict){1, 1, "user:3", "wrong", {NOW}});
}

struct act {
    enum err (*work)(struct store_tx *tx, const struct run_turn *turn, int64_t *worked);
    int64_t now;
    bool dies_before;
    enum err (*decide)(struct store_tx *tx, const struct run_verdict *v); /* instead of work */
};

static enum err one_chunk(struct store_tx *tx, void *arg)
{
    const struct act *a = arg;
    int64_t worked;
    if (a->decide)
        TRY(a->decide(tx, &(struct run_verdict){1, 1, "user:4", "wait", {a->now}}));
    else
        TRY(a->work(tx, &(struct run_turn){{a->now}, chunk, 9}, &worked));
    if (a->dies_before)
        kill(getpid(), SIGKILL);
    return ERR_OK;
}

static void child(struct act *a)
{
    struct store *s = open_store();
    must(store_run(s, one_chunk, a), "chunk");
    kill(getpid(), SIGKILL);
}

static void die_once(struct act a, bool before)
{
    int status;
    a.dies_before = before;
    pid_t pid = fork();
    if (pid == 0)
        child(&a);
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFSIGNALED(status) ||
        WTERMSIG(status) != SIGKILL) {
        fprintf(stderr, "the child did not die as it should\n");
        exit(1);
    }
}

/* --- what stands on the disk -------------------------------------------------------------------
 */

struct look {
    int64_t money_fen, transactions, faults;
};

static enum err look(struct store_tx *tx, void *arg)
{
    struct look *l = arg;
    struct ledger_check ledger;
    struct desk_check desk;
    TRY(store_int(tx, &l->money_fen,
                  "SELECT coalesce(sum(amount_fen), 0) FROM balance WHERE book = 'prepayment'",
                  ""));
    TRY(store_int(tx, &l->transactions, "SELECT count(*) FROM ledger_txn", ""));
    enum err e = ledger_verify(tx, &(struct ledger_watch){}, &ledger);
    if (e == ERR_OK)
        e = desk_verify(tx, NULL, NULL, &desk);
    l->faults = e != ERR_OK;
    return ERR_OK;
}

static int kills;

static void expect(int64_t money_fen, int64_t transactions)
{
    struct look l = {};
    with_store(look, &l, "look");
    if (l.money_fen == money_fen && l.transactions == transactions && l.faults == 0)
        return;
    fprintf(stderr,
            "after kill %d: %" PRId64 " fen, %" PRId64 " transactions, faults %" PRId64
            "; expected %" PRId64 " and %" PRId64 "\n",
            kills, l.money_fen, l.transactions, l.faults, money_fen, transactions);
    exit(1);
}

/* Every boundary, on both sides of the commit. */
static void work_off(struct act a, int64_t step_fen, int64_t already)
{
    int64_t start_fen = step_fen < 0 ? accounts * EACH_FEN : 0;
    for (int64_t done = 0; done < accounts;) {
        die_once(a, true);
        kills++;
        expect(start_fen + done * step_fen, already + done);
        die_once(a, false);
        kills++;
        done = done + chunk < accounts ? done + chunk : accounts;
        expect(start_fen + done * step_fen, already + done);
    }
    die_once(a, false); /* nothing is left */
    kills++;
    expect(start_fen + accounts * step_fen, already + accounts);
}

/* --- stopped by a person ------------------------------------------------------------------------
 */

static void decide(enum err (*what)(struct store_tx *tx, const struct run_verdict *v),
                   int64_t money_fen, int64_t transactions)
{
    for (int before = 1; before >= 0; before--) {
        die_once((struct act){.now = NOW, .decide = what}, before);
        kills++;
        expect(money_fen, transactions);
    }
}

/* A chunk while it is stopped posts nothing, whoever dies in it. */
static void rest(int64_t money_fen, int64_t transactions)
{
    for (int before = 1; before >= 0; before--) {
        die_once((struct act){.work = run_tick, .now = NOW}, before);
        kills++;
        expect(money_fen, transactions);
    }
}

/* Stops behind each chunk but the last; answers how many lines were done when it was given up. */
static int64_t stop_and_go(int64_t step_fen, int64_t already, int64_t give_up_at)
{
    int64_t start_fen = step_fen < 0 ? accounts * EACH_FEN : 0;
    struct act work = {.work = run_tick, .now = NOW};
    for (int64_t done = 0; done < accounts;) {
        die_once(work, false);
        kills++;
        done = done + chunk < accounts ? done + chunk : accounts;
        int64_t fen = start_fen + done * step_fen;
        expect(fen, already + done);
        if (done == accounts)
            break;
        decide(run_stop, fen, already + done);
        rest(fen, already + done);
        if (done >= give_up_at) {
            decide(run_give_up, fen, already + done);
            rest(fen, already + done);
            return done;
        }
        decide(run_resume, fen, already + done);
    }
    return accounts;
}

static void begin(void)
{
    snprintf(path, sizeof path, "/tmp/yufu-run-kill-%d.db", (int)getpid());
    unlink(path);
    with_store(build, NULL, "build");
    with_store(propose, NULL, "propose");
}

static void stopped(void)
{
    begin();
    stop_and_go(EACH_FEN, 0, accounts);
    with_store(reverse, NULL, "reverse");
    stop_and_go(-EACH_FEN, accounts, accounts);
    begin();
    int64_t given = stop_and_go(EACH_FEN, 0, accounts / 2);
    with_store(reverse, NULL, "reverse");
    for (int64_t done = 0; done < accounts; done += chunk)
        die_once((struct act){.work = run_tick, .now = NOW}, false);
    expect(0, 2 * given);
    unlink(path);
}

static void scenario(bool expires)
{
    begin();
    work_off((struct act){run_tick, NOW, false, NULL}, EACH_FEN, 0);
    if (!expires)
        with_store(reverse, NULL, "reverse");
    work_off((struct act){expires ? run_expire : run_tick, NOW + 86'400, false, NULL}, -EACH_FEN,
             accounts);
    unlink(path);
}

int main(int argc, char **argv)
{
    accounts = argc > 1 ? atoll(argv[1]) : 50;
    chunk = argc > 2 ? atoll(argv[2]) : 7;
    if (accounts < 1 || chunk < 1 || chunk > RUN_LIMIT_MAX)
        return 2;
    scenario(false);
    scenario(true);
    stopped();
    printf("%d kills, %" PRId64 " accounts in chunks of %" PRId64
           ": posted once, taken back once, expired once, stopped and resumed\n",
           kills, accounts, chunk);
    return 0;
}
