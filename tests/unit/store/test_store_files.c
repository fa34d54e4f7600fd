/* The store on real files: what it opens, what it refuses to open, backups, a real limit of size.
 */
#include "tests/unit/check.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <sqlite3.h>

#include "store/store.h"

static char dir[64];

static const char *path_of(const char *name)
{
    static char out[4][128];
    static int turn;
    char *path = out[turn++ % 4];
    snprintf(path, sizeof out[0], "%s/%s", dir, name);
    return path;
}

static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/yufu-store-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static enum err open_as(struct store **s, const char *name, bool read_only)
{
    return store_open(s, &(struct store_config){
                             .kind = STORE_LEDGER, .path = path_of(name), .read_only = read_only});
}

static void sql(const char *name, const char *text)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path_of(name), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void write_file(const char *name, const char *content, size_t len)
{
    FILE *f = fopen(path_of(name), "w");
    assert_non_null(f);
    assert_int_equal(fwrite(content, 1, len, f), len);
    fclose(f);
}

static enum err add(struct store_tx *tx, void *arg)
{
    return store_exec(tx, "INSERT INTO sequence (name, last) VALUES ($1, 1)", "t", arg);
}

static enum err count(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM sequence", "");
}

/* --- opening -------------------------------------------------------------------------------- */

static void test_opened_again(void **state)
{
    (void)state;
    struct store *s = NULL;
    int64_t n = 0;
    assert_ok(open_as(&s, "a.db", false));
    assert_ok(store_run(s, add, (char[]){"x"}));
    store_close(s);
    assert_ok(open_as(&s, "a.db", false));
    assert_ok(store_read(s, count, &n));
    assert_int_equal(n, 1);
    store_close(s);
}

static void test_newer_and_foreign_schemas_are_refused(void **state)
{
    (void)state;
    struct store *s = NULL;
    for (int read_only = 0; read_only < 2; read_only++) {
        assert_ok(open_as(&s, "n.db", false));
        store_close(s);
        sql("n.db", "INSERT INTO schema_version VALUES (9999, 'x')");
        assert_err(ERR_STORE_NEWER, open_as(&s, "n.db", read_only));
        sql("n.db", "DELETE FROM schema_version WHERE version = 9999;"
                    "UPDATE schema_version SET digest = '0123456789abcdef' WHERE version = 1");
        assert_err(ERR_STORE_SCHEMA, open_as(&s, "n.db", read_only));
        unlink(path_of("n.db"));
    }
}

/* It ended between two steps: who only looks is told so, who opens it goes on from there. */
static void test_half_made_is_told_and_finished(void **state)
{
    (void)state;
    struct store *s = NULL;
    sql("half.db",
        "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, digest TEXT NOT NULL) "
        "STRICT");
    assert_err(ERR_STORE_OLDER, open_as(&s, "half.db", true));
    assert_ok(open_as(&s, "half.db", false));
    store_close(s);
    assert_ok(open_as(&s, "half.db", true));
    store_close(s);
    unlink(path_of("half.db"));
}

static void test_what_is_no_database_is_refused(void **state)
{
    (void)state;
    struct store *s = NULL;
    static const char text[] = "this is not a database, but it is long enough to be looked at; "
                               "this is not a database, but it is long enough to be looked at";
    write_file("t.db", text, sizeof text);
    assert_err(ERR_STORE_CORRUPT, open_as(&s, "t.db", false));
    assert_err(ERR_STORE_CORRUPT, open_as(&s, "t.db", true));
    assert_err(ERR_IO_FILE, open_as(&s, "no/such/folder/x.db", false));
    assert_err(ERR_IO_FILE, open_as(&s, "absent.db", true));
    assert_int_equal(access(path_of("absent.db"), F_OK), -1); /* and none was made */
    write_file("empty.db", "", 0);
    assert_err(ERR_STORE_SCHEMA, open_as(&s, "empty.db", true));
}

static enum err try_add(struct store_tx *tx, void *arg)
{
    return add(tx, arg);
}

static void test_a_reader_sees_commits_and_writes_nothing(void **state)
{
    (void)state;
    struct store *writer = NULL, *reader = NULL;
    int64_t n = 0;
    assert_ok(open_as(&writer, "r.db", false));
    assert_ok(open_as(&reader, "r.db", true));
    for (int i = 0; i < 3; i++) {
        assert_ok(store_run(writer, add, (char[]){(char)('a' + i), 0}));
        assert_ok(store_read(reader, count, &n));
        assert_int_equal(n, i + 1);
    }
    assert_int_not_equal(store_run(reader, try_add, (char[]){"z"}), ERR_OK);
    assert_ok(store_read(reader, count, &n));
    assert_int_equal(n, 3);
    store_close(reader);
    store_close(writer);
}

/* --- damage and backups --------------------------------------------------------------------- */

static void test_damage_is_found(void **state)
{
    (void)state;
    struct store *s = NULL;
    assert_ok(open_as(&s, "d.db", false));
    assert_ok(store_check(s));
    store_close(s);
    FILE *f = fopen(path_of("d.db"), "r+");
    for (long page = 3; page < 12; page++) { /* interior of the schema's own tables */
        fseek(f, page * 4096 + 3, SEEK_SET);
        fputc(0xEE, f);
    }
    fclose(f);
    enum err e = open_as(&s, "d.db", true);
    if (e == ERR_OK) {
        e = store_check(s);
        store_close(s);
    }
    assert_err(ERR_STORE_CORRUPT, e);
}

static void test_backup_of_a_live_database(void **state)
{
    (void)state;
    struct store *s = NULL, *copy = NULL, *reader = NULL;
    int64_t n = 0;
    assert_ok(open_as(&s, "b.db", false));
    assert_ok(store_run(s, add, (char[]){"x"}));
    assert_ok(open_as(&reader, "b.db", true));
    assert_ok(store_backup(reader, path_of("copy.db")));
    assert_ok(store_run(s, add, (char[]){"y"}));
    assert_ok(open_as(&copy, "copy.db", false));
    assert_ok(store_check(copy));
    assert_ok(store_read(copy, count, &n));
    assert_int_equal(n, 1);
    assert_err(ERR_IO_FILE, store_backup(s, path_of("no/such/folder/copy.db")));
    store_close(copy);
    store_close(reader);
    store_close(s);
}

/* --- a real limit --------------------------------------------------------------------------- */

static enum err add_large(struct store_tx *tx, void *arg)
{
    return store_exec(tx,
                      "INSERT INTO idempotency (actor, key, request_hash, status, body, at) "
                      "VALUES ('a', $1, zeroblob(100000), 1, '', 1)",
                      "t", arg);
}

static enum err count_large(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM idempotency", "");
}

/* The process may not make files larger than this: the kernel says EFBIG, a named error comes of
 * it, and when the limit is lifted work goes on. */
static void test_file_size_limit(void **state)
{
    (void)state;
    struct store *s = NULL;
    struct rlimit old;
    int64_t before = 0, after = 0;
    char key[16];
    enum err e = ERR_OK;
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(open_as(&s, "f.db", false));
    getrlimit(RLIMIT_FSIZE, &old);
    struct rlimit small = {2'000'000, old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 100 && e == ERR_OK; i++) {
        snprintf(key, sizeof key, "k%d", i);
        e = store_run(s, add_large, key);
        before += e == ERR_OK;
    }
    assert_err(ERR_STORE_FULL, e);
    assert_false(store_dead(s));
    assert_err(ERR_STORE_FULL, store_run(s, add_large, (char[]){"again"}));
    assert_ok(store_read(s, count_large, &after));
    assert_int_equal(after, before);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_ok(store_run(s, add_large, (char[]){"again"}));
    assert_ok(store_check(s));
    store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opened_again),
        cmocka_unit_test(test_newer_and_foreign_schemas_are_refused),
        cmocka_unit_test(test_half_made_is_told_and_finished),
        cmocka_unit_test(test_what_is_no_database_is_refused),
        cmocka_unit_test(test_a_reader_sees_commits_and_writes_nothing),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_backup_of_a_live_database),
        cmocka_unit_test(test_file_size_limit),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
