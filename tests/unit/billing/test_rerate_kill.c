/* Rating again, killed at every boundary of a transaction: it goes on where it was, and nothing is
 * booked twice or forgotten. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/billing/town.h"

#define ACCOUNTS 9 /* beside those of the town */
#define PAGE 2

static char folder[64], ledger[96], readings[96];

static struct town *open_files(void)
{
    return town_open_at(ledger, readings);
}

static void kill_one(bool after)
{
    town_killed_in_a_round(&(struct town_death){ledger, readings, T0 + 2 * DAY + 60, PAGE, after});
}

static void more_accounts(struct town *t)
{
    town_exec(t,
              "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
              "strategy_code, opened_at) SELECT id, 1, 1, 'k' || id, 'k', 'platform', 'flat', "
              "'s', 1 FROM (WITH RECURSIVE n(id) AS (VALUES (101) UNION ALL SELECT id + 1 FROM n "
              "WHERE id < 109) SELECT id FROM n)");
    town_exec(t,
              "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
              "kind) SELECT id, 1, id, 1, 1, 'k' || id, 'yufu-dorm3', 'electricity' "
              "FROM account WHERE id > 100");
    for (int64_t meter = 101; meter <= 100 + ACCOUNTS; meter++) {
        town_wh(t, meter, T0, 0);
        town_wh(t, meter, T0 + DAY, 10'000);
        town_wh(t, meter, T0 + 2 * DAY, 20'000);
    }
}

static void prepare(void)
{
    struct town *t = open_files();
    more_accounts(t);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 2 * ACCOUNTS);
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"0.7\"}");
    town_free(t);
}

/* Each account is either as it was or trued up whole. */
static int64_t check(void)
{
    struct town *t = open_files();
    assert_int_equal(town_int(t, "SELECT count(*) FROM true_up WHERE amount_fen <> 400"), 0);
    assert_int_equal(town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM true_up"),
                     town_int(t, "SELECT sum(amount_fen) - 1000 * 9 FROM settlement_basis"));
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM balance WHERE book = 'revenue'"),
                     town_int(t, "SELECT sum(amount_fen) FROM settlement_basis"));
    assert_int_equal(town_int(t, "SELECT coalesce(sum(changed), 0) FROM rerate"),
                     town_int(t, "SELECT count(*) FROM true_up"));
    int64_t done = town_int(t, "SELECT count(*) FROM rerate WHERE done_at IS NOT NULL");
    town_free(t);
    return done;
}

static void killed_everywhere(void **state)
{
    (void)state;
    int rounds = 0;
    prepare();
    while (check() == 0) {
        assert_true(rounds < 100);
        kill_one(rounds % 2 == 1); /* each round is lost once, and then done */
        rounds++;
    }
    assert_true(rounds >= 2 * (ACCOUNTS / PAGE + 1));
    kill_one(true); /* nothing is left to do */
    struct town *t = open_files();
    assert_int_equal(town_int(t, "SELECT count(*) FROM true_up"), ACCOUNTS);
    assert_int_equal(town_int(t, "SELECT count(*) FROM ledger_txn WHERE kind = 'true_up'"),
                     ACCOUNTS);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'plan.rerated'"), 1);
    town_free(t);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/yufu-rerate-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(ledger, sizeof ledger, "%s/ledger.db", folder);
    snprintf(readings, sizeof readings, "%s/readings.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"ledger.db",   "ledger.db-wal",   "ledger.db-shm",
                                        "readings.db", "readings.db-wal", "readings.db-shm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        (void)unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(killed_everywhere, make_folder, remove_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
