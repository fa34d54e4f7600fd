#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "ledger/ledger.h"
#include "pay/run.h"
#include "pay/run_impl.h"
#include "pay/shift.h"
#include "tests/unit/vend/vend_world.h"

#define DAY_S 86'400

/* --- sharing out --------------------------------------------------------------------------- */

static void test_parts_add_up_and_remainders_go_to_the_largest(void **state)
{
    (void)state;
    int64_t part[4];
    assert_ok(run_share(100, (int64_t[]){1, 1, 1}, 3, part));
    assert_int_equal(part[0], 34); /* equal remainders: to the first */
    assert_int_equal(part[1], 33);
    assert_ok(run_share(100, (int64_t[]){1, 2, 0}, 3, part));
    assert_int_equal(part[0], 33);
    assert_int_equal(part[1], 67); /* .67 is the larger remainder */
    assert_int_equal(part[2], 0);
    assert_ok(run_share(2, (int64_t[]){1, 1, 1, 1}, 4, part));
    assert_int_equal(part[1], 1);
    assert_int_equal(part[2], 0);
    assert_err(ERR_RUN_EMPTY, run_share(2, (int64_t[]){0, 0}, 2, part));
    assert_err(ERR_RANGE, run_share(2, (int64_t[]){1, -1}, 2, part));
    assert_err(ERR_RANGE, run_share(-1, (int64_t[]){1, 1}, 2, part));
}

/* Within one fen of the exact part, and the sum exact; a line of more weight never gets less. */
static void test_random_shares(void **state)
{
    (void)state;
    struct rand_stream r = {11};
    for (int round = 0; round < 20'000; round++) {
        int64_t weight[12], part[12], total = (int64_t)rand_below(&r, 1'000'000), sum = 0, all = 0;
        size_t n = 1 + rand_below(&r, 12);
        for (size_t i = 0; i < n; i++)
            sum += weight[i] = (int64_t)rand_below(&r, 1 + (round % 7) * 1'000);
        if (sum == 0)
            continue;
        assert_ok(run_share(total, weight, n, part));
        for (size_t i = 0; i < n; i++) {
            all += part[i];
            assert_true(part[i] >= total * weight[i] / sum);
            assert_true(part[i] <= total * weight[i] / sum + 1);
            for (size_t k = 0; k < i; k++)
                assert_true(weight[i] <= weight[k] || part[i] >= part[k]);
        }
        assert_int_equal(all, total);
    }
}

/* --- the world: account 8 and 20 .. 29 with their balance on the platform, 7 in the meter -- */

static int open_world(void **state)
{
    struct world *w;
    world_setup(state);
    w = *state;
    world_exec(
        w, "INSERT INTO place (id, project_id, kind, code, name) VALUES "
           "(2, 1, 'building', 'B', 'B'), (3, 1, 'room', 'B/1', '1'), (4, 1, 'room', 'BB', 'x')");
    world_exec(w, "WITH RECURSIVE n (i) AS (SELECT 20 UNION ALL SELECT i + 1 FROM n WHERE i < 29) "
                  "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                  "strategy_code, opened_at) SELECT i, 1, CASE WHEN i = 29 THEN 4 ELSE 3 END, "
                  "'b' || i, 'b', 'platform', 'x', 'x', 1 FROM n");
    return 0;
}

struct job {
    struct world *w;
    struct run_subsidy subsidy;
    struct run_common common;
    struct run_verdict verdict;
    int64_t number, limit, account;
};

static enum err ask(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_ask_subsidy(tx, &j->subsidy, &j->number);
}
static enum err ask_share(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_ask_share(tx, &j->common, &j->number);
}
static enum err approve(struct store_tx *tx, void *arg)
{
    return run_approve(tx, &((struct job *)arg)->verdict);
}
static enum err reject(struct store_tx *tx, void *arg)
{
    return run_reject(tx, &((struct job *)arg)->verdict);
}
static enum err reverse(struct store_tx *tx, void *arg)
{
    return run_reverse(tx, &((struct job *)arg)->verdict);
}
static enum err tick(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_tick(tx, &(struct run_turn){j->w->now, j->limit, 5}, &j->number);
}
static enum err dying_tick(struct store_tx *tx, void *arg)
{
    TRY(tick(tx, arg));
    return ERR_IO_CLOSED; /* before the commit */
}
static enum err expire(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_expire(tx, &(struct run_turn){j->w->now, 10, 5}, &j->number);
}
static enum err free_left(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    return run_free_left(tx, j->account, &j->number);
}
static enum err count_charges(struct store_tx *tx, void *arg)
{
    return run_count_charges(tx, ((struct job *)arg)->account);
}
static enum err charge(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    char key[40];
    snprintf(key, sizeof key, "settle:%lld", (long long)j->limit);
    return ledger_post(tx,
                       &(struct ledger_entry){.account_id = j->account,
                                              .key = key,
                                              .kind = "settlement",
                                              .now = j->w->now,
                                              .business_day = 1,
                                              .actor = "system",
                                              .postings = {{LEDGER_PREPAYMENT, -j->number},
                                                           {LEDGER_REVENUE, j->number}}},
                       NULL);
}

static struct job subsidy(struct world *w, const char *place, const char *list)
{
    return (struct job){
        .w = w,
        .limit = 4,
        .subsidy = {.ask = {1, "bed", "2026-01", "Beds", "user:1", w->now, {place, list}},
                    .each_fen = 500}};
}

static enum err decide(struct world *w, store_work *what, int64_t run, const char *actor)
{
    struct job j = {.w = w, .verdict = {1, run, actor, "because", w->now}};
    return store_run(w->store, what, &j);
}

static void work_off(struct world *w)
{
    struct job j = {.w = w, .limit = 4, .number = 4};
    for (int i = 0; j.number == 4; i++) {
        assert_true(i < 100);
        assert_ok(store_run(w->store, tick, &j));
    }
}

static int64_t post(struct world *w, struct job j)
{
    assert_ok(store_run(w->store, ask, &j));
    assert_ok(decide(w, approve, j.number, "user:2"));
    work_off(w);
    return j.number;
}

/* --- free credit --------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "nowhere", "");
    assert_err(ERR_RUN_EMPTY, store_run(w->store, ask, &j));
    j = subsidy(w, "", "b20\nb20\n");
    assert_err(ERR_RUN_MEMBER, store_run(w->store, ask, &j));
    j = subsidy(w, "", "a9\n"); /* closed */
    assert_err(ERR_RUN_MEMBER, store_run(w->store, ask, &j));
    j = subsidy(w, "", "b20,1.5\n");
    assert_err(ERR_RUN_MEMBER, store_run(w->store, ask, &j));
    j = subsidy(w, "", "b20,\n");
    assert_err(ERR_RUN_MEMBER, store_run(w->store, ask, &j));
    j = subsidy(w, "", "b20,0\n");
    assert_err(ERR_RUN_EMPTY, store_run(w->store, ask, &j));
    j = subsidy(w, "", "b20,999999999999\n");
    assert_err(ERR_RANGE, store_run(w->store, ask, &j));
    j = subsidy(w, "B", "");
    j.subsidy.each_fen = 0;
    assert_err(ERR_RANGE, store_run(w->store, ask, &j));
    j = subsidy(w, "B", "");
    j.subsidy.expires_at = w->now;
    assert_err(ERR_RANGE, store_run(w->store, ask, &j));
    j = subsidy(w, "B", "");
    j.subsidy.ask.period = "";
    assert_err(ERR_SITE_TEXT, store_run(w->store, ask, &j));
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run_line"), 0);
}

static void test_nothing_is_posted_before_another_person_approves(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "B", "");
    assert_ok(store_run(w->store, ask, &j));
    assert_int_equal(world_int(w, "SELECT lines FROM money_run"), 9); /* not "BB" */
    assert_int_equal(world_int(w, "SELECT total_fen FROM money_run"), 4'500);
    int64_t run = j.number;
    work_off(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM ledger_txn"), 0);
    assert_err(ERR_SHIFT_PERSON, decide(w, approve, run, "user:1"));
    assert_err(ERR_NOT_FOUND, decide(w, approve, run + 1, "user:2"));
    assert_err(ERR_RUN_TWICE, store_run(w->store, ask, &j));
    assert_ok(decide(w, reject, run, "user:1"));
    assert_err(ERR_RUN_STATE, decide(w, approve, run, "user:2"));
    assert_ok(store_run(w->store, ask, &j)); /* the period is free again */
    assert_ok(decide(w, approve, j.number, "user:2"));
    assert_err(ERR_RUN_STATE, decide(w, approve, j.number, "user:2"));
    assert_err(ERR_RUN_STATE, decide(w, reject, j.number, "user:2"));
    assert_err(ERR_RUN_STATE, decide(w, reverse, j.number, "user:3")); /* not done */
}

static void test_a_chunk_that_dies_is_posted_once(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "B", "");
    assert_ok(store_run(w->store, ask, &j));
    assert_ok(decide(w, approve, j.number, "user:2"));
    struct job t = {.w = w, .limit = 2};
    for (int i = 0; i < 5; i++) {
        assert_err(ERR_IO_CLOSED, store_run(w->store, dying_tick, &t));
        assert_int_equal(world_int(w, "SELECT count(*) FROM ledger_txn"), i * 2);
        assert_ok(store_run(w->store, tick, &t));
    }
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run WHERE state = 'done'"), 1);
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM balance WHERE book = 'prepayment'"),
                     4'500);
    assert_int_equal(world_int(w, "SELECT count(*) FROM ledger_txn"), 9);
    assert_ok(store_run(w->store, tick, &t));
    assert_int_equal(t.number, 0);
}

static void test_an_account_that_cannot_get_it_is_passed_over(void **state)
{
    struct world *w = *state;
    world_exec(w, "UPDATE account SET wallet = 'meter' WHERE id = 23");
    world_exec(w,
               "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
               "kind) VALUES (12, 1, 23, 1, 1, '000000000012', 'yufu-shop', 'electricity')");
    struct job j = subsidy(w, "", "b20,2\nb21\na7,3\nb22\nb23\nb24,9000\n");
    assert_ok(store_run(w->store, ask, &j));
    assert_ok(decide(w, approve, j.number, "user:2"));
    world_exec(w, "UPDATE account SET closed_at = 5 WHERE id = 21");
    world_exec(w, "UPDATE account SET wallet = 'meter' WHERE id = 24"); /* without a meter */
    work_off(w);
    assert_int_equal(world_int(w, "SELECT failed FROM money_run"), 2);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run_line WHERE error = 'VEND_LIMIT'"),
                     1);
    assert_int_equal(world_int(w, "SELECT done_fen FROM money_run"), 3'500);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM sale_order WHERE account_id = 23"), 500);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run_line WHERE error = 'closed'"), 1);
    /* Into the meter it goes as a sale. */
    assert_int_equal(world_int(w, "SELECT amount_fen FROM sale_order WHERE account_id = 7"), 1'500);
    /* And it does not come back from there. */
    assert_ok(decide(w, reverse, j.number, "user:3"));
    work_off(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run_line WHERE error = 'in_meter'"),
                     2);
    assert_int_equal(world_int(w, "SELECT done_fen FROM money_run"), 1'500);
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM balance WHERE book = 'prepayment' "
                                  "AND account_id IN (20, 21, 22)"),
                     0);
}

/* What the books of one account refuse for a reason that nobody foresaw is its own, forth and back.
 */
static void test_an_odd_account_stops_no_run(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "B", "");
    assert_ok(store_run(w->store, ask, &j));
    assert_ok(decide(w, approve, j.number, "user:2"));
    world_exec(w, "CREATE TRIGGER odd BEFORE INSERT ON free_grant WHEN NEW.account_id = 22 "
                  "BEGIN SELECT raise(ABORT, 'odd'); END");
    work_off(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run WHERE state = 'done' "
                                  "AND failed = 1 AND done_fen = 4000"),
                     1);
    assert_int_equal(world_int(w, "SELECT account_id FROM money_run_line WHERE posted = 0 "
                                  "AND error = 'STORE_CONSTRAINT'"),
                     22);
    assert_int_equal(world_int(w, "SELECT count(*) FROM ledger_txn WHERE account_id = 22"), 0);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'work.failed' "
                                  "AND account_id = 22"),
                     1);
    world_exec(w, "CREATE TRIGGER odder BEFORE UPDATE ON free_grant WHEN NEW.account_id = 23 "
                  "BEGIN SELECT raise(ABORT, 'odd'); END");
    assert_ok(decide(w, reverse, j.number, "user:3"));
    work_off(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run WHERE state = 'reversed' "
                                  "AND done_fen = 3500"),
                     1);
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM balance WHERE book = 'prepayment'"),
                     500); /* 23 keeps what could not be taken back */
}

/* A run whose own record is odd does not keep the runs behind it waiting. */
static void test_an_odd_run_stops_no_other(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "B", ""), other = subsidy(w, "B", "");
    other.subsidy.ask.period = "2026-02";
    assert_ok(store_run(w->store, ask, &j));
    assert_ok(decide(w, approve, j.number, "user:2"));
    assert_ok(store_run(w->store, ask, &other));
    assert_ok(decide(w, approve, other.number, "user:2"));
    world_exec(w, "CREATE TRIGGER odd BEFORE UPDATE ON money_run WHEN NEW.period = '2026-01' "
                  "BEGIN SELECT raise(ABORT, 'odd'); END");
    for (int i = 0; i < 10; i++)
        work_off(w);
    assert_int_equal(world_int(w, "SELECT done_fen FROM money_run WHERE state = 'done' "
                                  "AND period = '2026-02'"),
                     4'500);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'work.failed' "
                                  "AND project_id = 1"),
                     1);
    world_exec(w, "DROP TRIGGER odd");
    w->now.s += 180;
    work_off(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run WHERE state = 'done'"), 2);
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM balance WHERE book = 'prepayment'"),
                     9'000);
}

/* The end of one grant that cannot be booked keeps no other grant. */
static void test_an_odd_grant_stops_no_other(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "B", ""), e = {.w = w};
    j.subsidy.expires_at.s = w->now.s + DAY_S;
    post(w, j);
    world_exec(w, "CREATE TRIGGER odd BEFORE UPDATE ON free_grant WHEN NEW.account_id = 20 "
                  "BEGIN SELECT raise(ABORT, 'odd'); END");
    w->now.s += 5 * DAY_S;
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(world_int(w, "SELECT count(*) FROM free_grant WHERE ended_at IS NOT NULL"), 8);
    assert_int_equal(world_int(w, "SELECT count(*) FROM event WHERE kind = 'work.failed' "
                                  "AND account_id = 20"),
                     1);
    world_exec(w, "DROP TRIGGER odd");
    w->now.s += 180;
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(world_int(w, "SELECT count(*) FROM free_grant WHERE ended_at IS NOT NULL"), 9);
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM balance WHERE book = 'prepayment'"),
                     0);
}

static void test_a_run_is_taken_back_as_a_whole(void **state)
{
    struct world *w = *state;
    int64_t run = post(w, subsidy(w, "B", ""));
    struct job empty = {.w = w, .verdict = {1, run, "user:3", "", w->now}};
    assert_err(ERR_RUN_REASON, store_run(w->store, reverse, &empty));
    assert_err(ERR_SHIFT_PERSON, decide(w, reverse, run, "user:2"));
    assert_ok(decide(w, reverse, run, "user:1"));
    struct job t = {.w = w, .limit = 5};
    assert_err(ERR_IO_CLOSED, store_run(w->store, dying_tick, &t));
    work_off(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM money_run WHERE state = 'reversed'"), 1);
    assert_int_equal(world_int(w, "SELECT count(*) FROM balance WHERE amount_fen <> 0"), 0);
    assert_err(ERR_RUN_STATE, decide(w, reverse, run, "user:1"));
    post(w, subsidy(w, "B", "")); /* the period is free again */
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM balance WHERE book = 'prepayment'"),
                     4'500);
}

/* --- its end ------------------------------------------------------------------------------- */

static int64_t left(struct world *w, int64_t account)
{
    struct job j = {.w = w, .account = account};
    assert_ok(store_read(w->store, free_left, &j));
    return j.number;
}

static void use(struct world *w, int64_t account, int64_t fen)
{
    static int64_t number;
    struct job j = {.w = w, .account = account, .number = fen, .limit = ++number};
    assert_ok(store_run(w->store, charge, &j));
}

static void test_what_is_not_used_goes_back(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "", "b20\nb21\nb22\n");
    j.subsidy.expires_at = (wall_s){w->now.s + DAY_S};
    use(w, 20, 70); /* before: not of the grant */
    post(w, j);
    use(w, 20, 120);
    use(w, 21, 900);
    assert_int_equal(left(w, 20), 380);
    assert_int_equal(left(w, 21), 0);
    struct job e = {.w = w};
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(e.number, 0);
    w->now.s += DAY_S;
    world_exec(w, "INSERT INTO charge_open (account_id, meter_id, epoch, plan_code, plan_version, "
                  "opened_at, reading_at, total_wh, rate1_wh, rate2_wh, rate3_wh, rate4_wh) "
                  "VALUES (22, 1, 1, 'x', 1, 5, 5, 0, 0, 0, 0, 0)");
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(e.number, 2); /* 22 is not settled yet */
    assert_int_equal(left(w, 22), 500);
    w->now.s += 3 * DAY_S;
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(e.number, 1);
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(e.number, 0);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 20 "
                                  "AND book = 'prepayment'"),
                     -70);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 21 "
                                  "AND book = 'prepayment'"),
                     -400);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 22 "
                                  "AND book = 'prepayment'"),
                     0);
    assert_int_equal(left(w, 20), 0);
    /* Taken back afterwards: only what had not gone back already. */
    assert_ok(decide(w, reverse, 1, "user:3"));
    work_off(w);
    assert_int_equal(world_int(w, "SELECT sum(amount_fen) FROM balance WHERE book = 'subsidy'"), 0);
}

static void test_what_ends_first_is_used_first(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "", "b20\n");
    post(w, j); /* for ever */
    j.subsidy.ask.period = "2026-02";
    j.subsidy.expires_at = (wall_s){w->now.s + DAY_S};
    post(w, j);
    use(w, 20, 600);
    assert_int_equal(left(w, 20), 400);
    w->now.s += DAY_S;
    struct job e = {.w = w};
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(world_int(w, "SELECT returned_fen FROM free_grant WHERE run_id = 2"), 0);
    assert_int_equal(world_int(w, "SELECT spent_fen FROM free_grant WHERE run_id = 1"), 100);
    world_exec(
        w, "INSERT INTO ledger_run (id, key, kind, from_book, to_book, at, business_day, actor, "
           "state) VALUES (1, 'k', 'k', 'prepayment', 'revenue', 1, 1, 'system', 'open')");
    w->now.s += DAY_S;
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(e.number, 0); /* a run of the ledger is not folded */
}

/* A charge that is taken back (a price or a ratio was corrected) was not used: first what went
 * beyond the free credit, then the free credit itself, that of the latest end first. It is never
 * paid out. */
static void test_a_correction_gives_free_credit_back(void **state)
{
    struct world *w = *state;
    struct job j = subsidy(w, "", "b20\nb21\nb22\n"), e = {.w = w};
    use(w, 20, 300); /* before the grant */
    post(w, j);
    use(w, 20, 500);
    assert_int_equal(left(w, 20), 0);
    use(w, 20, -400);
    assert_int_equal(left(w, 20), 400);
    use(w, 21, 2'000);
    use(w, 21, -400); /* 16.00 stay, of them 5.00 free */
    assert_int_equal(left(w, 21), 0);
    use(w, 21, -1'200);
    assert_int_equal(left(w, 21), 100);
    j.subsidy.ask.period = "2026-02";
    j.subsidy.expires_at = (wall_s){w->now.s + DAY_S};
    post(w, j);
    use(w, 22, 600);                            /* 5.00 of those that end, 1.00 of the others */
    assert_ok(store_run(w->store, expire, &e)); /* writes nothing yet */
    use(w, 22, -400);
    assert_int_equal(left(w, 22), 800);
    w->now.s += DAY_S;
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(world_int(w, "SELECT returned_fen FROM free_grant WHERE account_id = 22 "
                                  "AND run_id = 2"),
                     300);
    assert_int_equal(left(w, 22), 500);
}

/* Grants that were used up do not crowd out those that are left. */
static void test_many_grants_of_one_account(void **state)
{
    struct world *w = *state;
    char period[8];
    struct job j = subsidy(w, "", "b20\n");
    for (int i = 0; i < 66; i++) {
        snprintf(period, sizeof period, "m%d", i);
        j.subsidy.ask.period = period;
        post(w, j);
        if (i < 65)
            use(w, 20, 500);
    }
    assert_int_equal(left(w, 20), 500);
    use(w, 20, 200);
    assert_int_equal(left(w, 20), 300);
    struct job e = {.w = w, .account = 20};
    assert_ok(store_run(w->store, count_charges, &e));
    assert_int_equal(left(w, 20), 300);
}

static void test_a_closed_account_keeps_no_free_credit(void **state)
{
    struct world *w = *state;
    struct job e = {.w = w};
    post(w, subsidy(w, "", "b20\nb21\n")); /* for ever */
    use(w, 20, 120);
    world_exec(w, "INSERT INTO charge_open (account_id, meter_id, epoch, plan_code, plan_version, "
                  "opened_at, reading_at, total_wh, rate1_wh, rate2_wh, rate3_wh, rate4_wh) "
                  "VALUES (20, 1, 1, 'x', 1, 5, 5, 0, 0, 0, 0, 0)");
    world_exec(w, "UPDATE account SET closed_at = 1767240000 WHERE id = 20");
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(e.number, 0); /* its last charges are not settled */
    world_exec(w, "DELETE FROM charge_open");
    assert_ok(store_run(w->store, expire, &e));
    assert_int_equal(e.number, 1);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 20 "
                                  "AND book = 'prepayment'"),
                     0);
    assert_int_equal(left(w, 21), 500);
}

/* --- common usage -------------------------------------------------------------------------- */

static struct run_meter meters[3] = {
    {.meter_id = 1, .from_at = {1}, .to_at = {2}, .from_wh = 1'000, .to_wh = 101'000, .ratio = 10},
    {.meter_id = 2, .sub = true, .from_wh = 0, .to_wh = 400'000, .ratio = 1},
    {.meter_id = 3, .sub = true, .from_wh = 0, .to_wh = 500'000, .ratio = 1},
};

static struct job common(struct world *w, enum run_method method, const char *list)
{
    return (struct job){
        .w = w,
        .common = {.ask = {1, "hall", "2026-01", "Hall", "user:1", w->now, {"", list}},
                   .meters = meters,
                   .meter_count = 3,
                   .from = {1'000},
                   .to = {2'000},
                   .price_e8 = 50'000'000,
                   .method = method}};
}

static void test_common_usage_is_shared_and_owed_beside_the_energy(void **state)
{
    struct world *w = *state;
    struct job j = common(w, RUN_GIVEN, "b20,50\nb21,30\nb22,20\n");
    assert_ok(store_run(w->store, ask_share, &j)); /* 1000 - 900 = 100 kWh x 0.50 = 50.00 */
    assert_int_equal(world_int(w, "SELECT total_fen FROM money_run"), 5'000);
    assert_ok(decide(w, approve, j.number, "user:2"));
    work_off(w);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 21 "
                                  "AND book = 'other_due'"),
                     -1'500);
    assert_int_equal(world_int(w, "SELECT count(*) FROM balance WHERE book = 'prepayment'"), 0);
    assert_int_equal(world_int(w, "SELECT json_extract(evidence, '$.shared_wh') FROM money_run"),
                     100'000);
    assert_ok(decide(w, reverse, j.number, "user:3"));
    work_off(w);
    assert_int_equal(world_int(w, "SELECT count(*) FROM balance WHERE amount_fen <> 0"), 0);
}

static void test_by_policy_it_is_owed_as_energy(void **state)
{
    struct world *w = *state;
    world_exec(w, "INSERT INTO cash_policy (project_id, need_shift, fee_permyriad, share_to, "
                  "changed_at, actor) VALUES (1, 0, 0, 'energy', 1, 'user:1')");
    struct job j = common(w, RUN_EQUAL, "b20,50\nb21,30\na7\n");
    assert_ok(store_run(w->store, ask_share, &j));
    assert_ok(decide(w, approve, j.number, "user:2"));
    work_off(w);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM balance WHERE account_id = 20 "
                                  "AND book = 'prepayment'"),
                     -1'667);
    assert_int_equal(
        world_int(w, "SELECT count(*) FROM money_run_line WHERE error = 'meter_wallet' "
                     "AND amount_fen = 1667"), /* equal remainders: to the first account */
        1);
}

static void test_by_area_and_persons_of_the_terms(void **state)
{
    struct world *w = *state;
    world_exec(w, "INSERT INTO account_term (account_id, from_at, persons, area_milli_m2, "
                  "capacity_milli_kva, contracted_milli_kw, opened_day, ladder_group, actor, "
                  "entered_at) VALUES (20, 1, 9, 1, 0, 0, 0, '', 'user:1', 1), "
                  "(20, 1500, 4, 60000, 0, 0, 0, '', 'user:1', 1), "
                  "(20, 2000, 2, 1, 0, 0, 0, '', 'user:1', 1), "
                  "(21, 1, 6, 20000, 0, 0, 0, '', 'user:1', 1)");
    struct job j = common(w, RUN_AREA, "b20\nb21\nb22\n");
    assert_ok(store_run(w->store, ask_share, &j));
    assert_int_equal(world_int(w, "SELECT amount_fen FROM money_run_line WHERE account_id = 20"),
                     3'750);
    assert_int_equal(world_int(w, "SELECT amount_fen FROM money_run_line WHERE account_id = 22"),
                     0);
    struct job s = subsidy(w, "", "b20\nb21\nb22\n");
    s.subsidy.method = RUN_PERSONS;
    assert_ok(store_run(w->store, ask, &s));
    assert_int_equal(world_int(w, "SELECT total_fen FROM money_run WHERE id = 2"), 8 * 500);
    assert_int_equal(world_int(w, "SELECT json_extract(evidence, '$.method') = 'persons' "
                                  "FROM money_run WHERE id = 2"),
                     1);
    s.subsidy.method = RUN_USAGE;
    s.subsidy.ask.period = "2026-02";
    assert_err(ERR_RANGE, store_run(w->store, ask, &s));
}

static void test_by_usage_and_its_refusals(void **state)
{
    struct world *w = *state;
    struct job j = common(w, RUN_USAGE, "b20\nb21\n");
    assert_err(ERR_RUN_EMPTY, store_run(w->store, ask_share, &j)); /* nobody used anything */
    world_exec(w,
               "INSERT INTO settlement (account_id, meter_id, epoch, opened_at, closed_at, "
               "business_day, amount_fen, energy_wh, bill) VALUES (20, 1, 1, 900, 1000, 1, 1, "
               "777, '{}'), (20, 1, 1, 1000, 1500, 1, 1, 300, '{}'), "
               "(21, 1, 1, 1500, 2000, 1, 1, 100, '{}'), (21, 1, 1, 2000, 2001, 1, 1, 999, '{}')");
    assert_ok(store_run(w->store, ask_share, &j));
    assert_int_equal(world_int(w, "SELECT amount_fen FROM money_run_line WHERE account_id = 20"),
                     3'750);
    j = common(w, RUN_EQUAL, "b20\n");
    j.common.ask.period = "2026-02";
    meters[2].to_wh = 600'000;
    assert_err(ERR_RUN_USAGE, store_run(w->store, ask_share, &j));
    meters[2].to_wh = -1;
    assert_err(ERR_RUN_READING, store_run(w->store, ask_share, &j));
    meters[2].to_wh = 500'000;
    j.common.meter_count = 0;
    assert_err(ERR_RANGE, store_run(w->store, ask_share, &j));
    j.common.meter_count = 3;
    j.common.to = j.common.from;
    assert_err(ERR_RANGE, store_run(w->store, ask_share, &j));
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_world, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts_add_up_and_remainders_go_to_the_largest),
        cmocka_unit_test(test_random_shares),
        T(test_refusals),
        T(test_nothing_is_posted_before_another_person_approves),
        T(test_a_chunk_that_dies_is_posted_once),
        T(test_an_account_that_cannot_get_it_is_passed_over),
        T(test_an_odd_account_stops_no_run),
        T(test_an_odd_run_stops_no_other),
        T(test_an_odd_grant_stops_no_other),
        T(test_a_run_is_taken_back_as_a_whole),
        T(test_what_is_not_used_goes_back),
        T(test_what_ends_first_is_used_first),
        T(test_a_correction_gives_free_credit_back),
        T(test_many_grants_of_one_account),
        T(test_a_closed_account_keeps_no_free_credit),
        T(test_common_usage_is_shared_and_owed_beside_the_energy),
        T(test_by_policy_it_is_owed_as_energy),
        T(test_by_area_and_persons_of_the_terms),
        T(test_by_usage_and_its_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
