/* A midnight of the clerk, killed at every boundary of a transaction: begun again it goes on where
 * it was, and the books are those of a night that nobody disturbed, to the last hash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/billing/town.h"

#define ACCOUNTS 13 /* beside those of the town */
#define PAGE 3
#define MIDNIGHT (T0 + 2 * DAY + 60)

static char folder[64];

static char ledger[96], readings[96];

static void name_files(const char *which)
{
    snprintf(ledger, sizeof ledger, "%s/%s-ledger.db", folder, which);
    snprintf(readings, sizeof readings, "%s/%s-readings.db", folder, which);
}

static struct town *open_files(const char *which)
{
    name_files(which);
    return town_open_at(ledger, readings);
}

static void kill_one(bool after)
{
    name_files("killed");
    town_killed_in_a_round(&(struct town_death){ledger, readings, MIDNIGHT, PAGE, after});
}

/* Two days that nobody has settled. One in three has a fee by the day and a ladder besides, one in
 * three used nothing on the second day. */
static void prepare(const char *which)
{
    struct town *t = open_files(which);
    town_plan(t, "steps", 1, 1,
              "{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":[{\"to\":\"8\",\"price\":"
              "\"0.4883\"},{\"price\":\"0.7883\"}],\"fees\":[{\"code\":\"meter\",\"per\":\"day\","
              "\"price\":\"0.05\"}]}");
    town_exec(t,
              "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
              "strategy_code, opened_at) SELECT id, 1, 1, 'k' || id, 'k', 'platform', "
              "CASE id % 3 WHEN 0 THEN 'steps' ELSE 'flat' END, "
              "'s', 1 FROM (WITH RECURSIVE n(id) AS (VALUES (101) UNION ALL SELECT id + 1 FROM n "
              "WHERE id < 113) SELECT id FROM n)");
    town_exec(t,
              "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
              "kind) SELECT id, 1, id, 1, 1, 'k' || id, 'yufu-dorm3', 'electricity' "
              "FROM account WHERE id > 100");
    for (int64_t meter = 101; meter <= 100 + ACCOUNTS; meter++) {
        town_wh(t, meter, T0, 0);
        town_wh(t, meter, T0 + DAY, 6'003);
        town_wh(t, meter, T0 + 2 * DAY, meter % 3 == 1 ? 6'003 : 13'337);
    }
    town_free(t);
}

struct sum {
    uint64_t all;
    int64_t rows;
};

static void mix(struct sum *s, const void *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        s->all = (s->all ^ ((const uint8_t *)data)[i]) * UINT64_C(0x100000001b3);
}

static enum err add_up(struct store_tx *tx, void *arg)
{
    struct sum *s = arg;
    struct query q = query_open(
        tx,
        "SELECT account_id || ':' || seq || ':' || key || ':' || hex(hash) AS line "
        "FROM ledger_txn UNION ALL SELECT account_id || ':' || meter_id || ':' || "
        "opened_at || ':' || closed_at || ':' || amount_fen || bill FROM settlement "
        "UNION ALL SELECT account_id || ':' || closed_at || ':' || to_total_wh || ':' || "
        "position FROM settlement_basis UNION ALL SELECT account_id || ':' || opened_at "
        "|| ':' || total_wh || ':' || carry_exact FROM charge_open UNION ALL "
        "SELECT account_id || ':' || position FROM charge_position UNION ALL "
        "SELECT account_id || ':' || position FROM account_position ORDER BY line",
        "");
    for (; query_step(&q); s->rows++)
        mix(s, query_text(&q, 0), strlen(query_text(&q, 0)));
    return query_end(&q);
}

/* Everything that a settlement writes. */
static struct sum books(struct town *t)
{
    struct sum s = {};
    assert_ok(store_read(t->ledger, add_up, &s));
    return s;
}

/* Each account is settled whole or not at all. Answers how many settlements there are. */
static int64_t check(void)
{
    struct town *t = open_files("killed");
    assert_int_equal(town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM settlement"),
                     town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM balance WHERE book = "
                                 "'revenue'"));
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"),
                     town_int(t, "SELECT count(*) FROM settlement_basis"));
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open c WHERE opened_at <> coalesce("
                                 "(SELECT max(closed_at) FROM settlement s WHERE s.account_id = "
                                 "c.account_id), opened_at)"),
                     0);
    int64_t made = town_int(t, "SELECT count(*) FROM settlement");
    town_free(t);
    return made;
}

static void killed_everywhere(void **state)
{
    (void)state;
    prepare("whole");
    prepare("killed");
    struct town *t = open_files("whole");
    town_tick(t, MIDNIGHT);
    int64_t all = town_int(t, "SELECT count(*) FROM settlement");
    struct sum whole = books(t);
    town_free(t);
    assert_true(all >= ACCOUNTS + ACCOUNTS / 2);
    int rounds = 0;
    for (int64_t before = 0, made = 0; made < all; before = made, rounds++) {
        assert_true(rounds < 100);
        kill_one(rounds % 2 == 1); /* each page is lost once, and then done */
        made = check();
        assert_true(rounds % 2 == 1 ? made > before : made == before);
    }
    assert_true(rounds >= 2 * (ACCOUNTS / PAGE + 1));
    kill_one(true); /* nothing is left to do */
    t = open_files("killed");
    struct sum killed = books(t);
    assert_int_equal(killed.rows, whole.rows);
    assert_true(killed.all == whole.all);
    town_free(t);
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/yufu-settle-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const ends[] = {"", "-wal", "-shm"};
    for (int i = 0; i < 12; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s-%s.db%s", folder, i % 2 ? "killed" : "whole",
                 i / 2 % 2 ? "ledger" : "readings", ends[i / 4]);
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
