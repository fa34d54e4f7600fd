/* The simulated disk itself: what it must keep, what it must lose, and that it can lose at all. */
#include "tests/unit/check.h"

#include <stdio.h>

#include <sqlite3.h>

#include "base/bytes.h"
#include "base/rand.h"
#include "sim/disk.h"
#include "store/store.h"

static sqlite3 *open_db(const char *disk, const char *pragmas)
{
    sqlite3 *db = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    if (sqlite3_open_v2("a.db", &db, flags, disk) != SQLITE_OK ||
        sqlite3_exec(db, pragmas, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(db, "CREATE TABLE IF NOT EXISTS t (n INTEGER PRIMARY KEY, pad BLOB)", NULL, NULL,
                     NULL) != SQLITE_OK) {
        sqlite3_close(db);
        return NULL;
    }
    return db;
}

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t v = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        v = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return v;
}

/* Writes rows 1, 2, 3 ... one transaction each, until the power fails; how many were acknowledged. */
static int64_t write_until_cut(sqlite3 *db, int64_t from, int64_t limit)
{
    char sql[96];
    for (int64_t n = from; n < from + limit; n++) {
        snprintf(sql, sizeof sql, "INSERT INTO t VALUES (%lld, zeroblob(%lld))", (long long)n,
                 (long long)(n * 131 % 5000));
        if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
            return n - 1;
    }
    return from + limit - 1;
}

struct verdict {
    int cuts, lost, broken;
};

/* Lives of one database, each ended by a power cut at some call; counts lives that lost an
 * acknowledged row or came back damaged. */
static struct verdict live(const char *pragmas, uint64_t seed, int lives)
{
    struct verdict v = {};
    struct sim_disk *disk = NULL;
    struct rand_stream r = rand_split(seed, "lives");
    assert_ok(sim_disk_new(&disk, "test", seed));
    for (int i = 0; i < lives && v.lost == 0 && v.broken == 0; i++) {
        sqlite3 *db = open_db("test", pragmas);
        int64_t before = db ? number(db, "SELECT count(*) FROM t") : -1;
        if (before < 0) {
            v.broken++;
            sqlite3_close(db);
            break;
        }
        sim_disk_plan(disk, SIM_DISK_POWER_CUT, SIM_DISK_ANY, 1 + rand_below(&r, 400), false);
        int64_t acknowledged = write_until_cut(db, before + 1, 2000);
        assert_true(sim_disk_down(disk));
        sqlite3_close(db);
        sim_disk_mend(disk);
        v.cuts++;
        db = open_db("test", pragmas);
        int64_t after = db ? number(db, "SELECT count(*) FROM t") : -1;
        bool whole = db && number(db, "SELECT integrity_check = 'ok' FROM pragma_integrity_check") == 1;
        v.broken += !whole;
        v.lost += whole && after < acknowledged;
        sqlite3_close(db);
    }
    sim_disk_free(disk);
    return v;
}

static struct verdict live_seeds(const char *pragmas, int seeds)
{
    struct verdict all = {};
    for (int s = 1; s <= seeds; s++) {
        struct verdict v = live(pragmas, (uint64_t)s, 12);
        all.cuts += v.cuts;
        all.lost += v.lost;
        all.broken += v.broken;
    }
    return all;
}

static void test_full_loses_nothing(void **state)
{
    (void)state;
    struct verdict v = live_seeds("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", 60);
    assert_int_equal(v.cuts, 720);
    assert_int_equal(v.lost, 0);
    assert_int_equal(v.broken, 0);
}

/* The positive controls: a disk that never loses anything would prove nothing. */
static void test_normal_loses_acknowledged_transactions(void **state)
{
    (void)state;
    struct verdict v = live_seeds("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL", 20);
    assert_true(v.lost > 10);
    assert_int_equal(v.broken, 0);
}

static void test_off_damages_the_database(void **state)
{
    (void)state;
    struct verdict v = live_seeds("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF", 20);
    assert_true(v.lost + v.broken > 10);
    v = live_seeds("PRAGMA journal_mode=DELETE; PRAGMA synchronous=OFF", 20);
    assert_true(v.broken > 5);
}

static void test_rollback_journal_is_whole_too(void **state)
{
    (void)state;
    struct verdict v = live_seeds("PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA", 20);
    assert_int_equal(v.cuts, 240);
    assert_int_equal(v.lost, 0);
    assert_int_equal(v.broken, 0);
}

static void test_kill_keeps_what_was_written(void **state)
{
    (void)state;
    struct sim_disk *disk = NULL;
    assert_ok(sim_disk_new(&disk, "test", 1));
    sqlite3 *db = open_db("test", "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
    for (int life = 0; life < 20; life++) {
        assert_int_equal(write_until_cut(db, life * 10 + 1, 10), life * 10 + 10);
        sim_disk_kill(disk);
        assert_int_equal(number(db, "SELECT count(*) FROM t"), -1); /* the old process is dead */
        sqlite3_close(db);
        db = open_db("test", "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF");
        assert_non_null(db);
        assert_int_equal(number(db, "SELECT count(*) FROM t"), life * 10 + 10);
    }
    sqlite3_close(db);
    sim_disk_free(disk);
}

/* Two connections at once share the write-ahead log's memory and its locks. */
static void test_two_connections(void **state)
{
    (void)state;
    struct sim_disk *disk = NULL;
    assert_ok(sim_disk_new(&disk, "test", 1));
    sqlite3 *a = open_db("test", "PRAGMA journal_mode=WAL");
    sqlite3 *b = open_db("test", "PRAGMA journal_mode=WAL");
    assert_int_equal(sqlite3_exec(a, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1, NULL)", NULL, NULL,
                                  NULL), SQLITE_OK);
    assert_int_equal(number(b, "SELECT count(*) FROM t"), 0);
    assert_int_equal(sqlite3_exec(b, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_BUSY);
    assert_int_equal(sqlite3_exec(a, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(number(b, "SELECT count(*) FROM t"), 1);
    sqlite3_close(a);
    assert_int_equal(sqlite3_exec(b, "INSERT INTO t VALUES (2, NULL)", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(b);
    a = open_db("test", "PRAGMA journal_mode=WAL");
    assert_int_equal(number(a, "SELECT count(*) FROM t"), 2);
    sqlite3_close(a);
    sim_disk_free(disk);
}

/* The trace of a run: everything that is on the disk in the end, and how it came there. */
static uint64_t run_hash(uint64_t seed)
{
    struct sim_disk *disk = NULL;
    struct rand_stream r = rand_split(seed, "run");
    uint64_t hash = FNV64_START;
    sim_disk_seed_sqlite(seed);
    assert_ok(sim_disk_new(&disk, "test", seed));
    for (int life = 0; life < 5; life++) {
        sqlite3 *db = open_db("test", "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL");
        assert_non_null(db);
        int64_t n = number(db, "SELECT coalesce(max(n), 0) FROM t");
        sim_disk_plan(disk, SIM_DISK_POWER_CUT, SIM_DISK_ANY, 1 + rand_below(&r, 200), false);
        write_until_cut(db, n + 1, 2000);
        sqlite3_close(db);
        sim_disk_mend(disk);
        struct sim_disk_stats s = sim_disk_stats(disk);
        hash = fnv64(hash, &s, sizeof s);
    }
    sim_disk_free(disk);
    return hash;
}

static void test_same_seed_same_run(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++)
        assert_int_equal(run_hash(seed), run_hash(seed));
    assert_int_not_equal(run_hash(1), run_hash(2));
}

static void test_disks_are_independent(void **state)
{
    (void)state;
    struct sim_disk *a = NULL, *b = NULL;
    assert_ok(sim_disk_new(&a, "one", 1));
    assert_ok(sim_disk_new(&b, "two", 1));
    assert_err(ERR_EXISTS, sim_disk_new(&b, "one", 1));
    struct store *s = NULL, *t = NULL;
    assert_ok(store_open(&s, &(struct store_config){STORE_GATEWAY, "g.db", "one", false}));
    assert_ok(store_open(&t, &(struct store_config){STORE_GATEWAY, "g.db", "two", false}));
    sim_disk_power_cut(a);
    assert_true(sim_disk_stats(b).bytes > 0);
    store_close(s);
    store_close(t);
    sim_disk_free(a);
    sim_disk_free(b);
}

static void test_bit_rot_is_seen(void **state)
{
    (void)state;
    struct sim_disk *disk = NULL;
    assert_ok(sim_disk_new(&disk, "test", 1));
    sqlite3 *db = open_db("test", "PRAGMA journal_mode=DELETE");
    sqlite3_close(db);
    assert_err(ERR_NOT_FOUND, sim_disk_rot(disk, "b.db", 0, 0));
    assert_ok(sim_disk_rot(disk, "a.db", 0, 0));
    assert_null(open_db("test", "PRAGMA journal_mode=DELETE"));
    sim_disk_free(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_loses_nothing),
        cmocka_unit_test(test_normal_loses_acknowledged_transactions),
        cmocka_unit_test(test_off_damages_the_database),
        cmocka_unit_test(test_rollback_journal_is_whole_too),
        cmocka_unit_test(test_kill_keeps_what_was_written),
        cmocka_unit_test(test_two_connections),
        cmocka_unit_test(test_same_seed_same_run),
        cmocka_unit_test(test_disks_are_independent),
        cmocka_unit_test(test_bit_rot_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
