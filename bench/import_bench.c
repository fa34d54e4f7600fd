/*
 * The import of a large site, beside a plain SQLite that inserts the same rows into the same tables
 * (same schema and indexes, WAL, synchronous=FULL, foreign keys on, one transaction, statements
 * prepared once): nothing read, checked, compared or written down there.
 *
 *   import_bench DIR ROWS      DIR must be empty
 *
 * One run, one machine, a file each. Judges nothing.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "site/import.h"
#include "store/store.h"

static const char *const tables[] = {"organisation", "project", "price_plan", "strategy", "place",
                                     "gateway",      "line",    "customer",   "account",  "meter"};
#define TABLES (sizeof tables / sizeof *tables)
#define COLUMNS_MAX 32

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1'000'000;
}

_Noreturn static void fail(const char *what, const char *why)
{
    fprintf(stderr, "import_bench: %s: %s\n", what, why);
    exit(1);
}

static void must(enum err e, const char *what)
{
    if (e != ERR_OK)
        fail(what, err_name(e));
}

/* ---- the file ---- */

static char *make_file(int64_t rows, const char *name, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);
    if (!out)
        fail("the file", "no memory");
    fputs("project,building,floor,room,account,account_name,customer_name,phone,wallet,plan,"
          "strategy,contract,gateway,line,endpoint,address,model\n",
          out);
    for (int64_t i = 0; i < rows; i++)
        fprintf(out,
                "campus,B%03" PRId64 ",%" PRId64 ",%" PRId64 ",A%06" PRId64 ",%s%" PRId64
                ",Customer %" PRId64 ",138%08" PRId64 ",platform,p,s,2026-09-01,GW-%03" PRId64
                ",%" PRId64 ",tcp:10.0.%" PRId64 ".%" PRId64 ":9001,%012" PRId64 ",yufu-plain\n",
                i / 1000, i % 1000 / 50 + 1, i % 1000, i, name, i, i, i, i / 1024,
                i % 1024 / 64 + 1, i / 1024 % 250, i % 1024 / 64 + 1, i);
    fclose(out);
    return text;
}

/* ---- the import ---- */

struct work {
    struct site_import *im;
    struct site_undo undo;
};

static enum err compare(struct store_tx *tx, void *arg)
{
    return site_import_compare(((struct work *)arg)->im, tx);
}

static enum err commit(struct store_tx *tx, void *arg)
{
    return site_import_commit(((struct work *)arg)->im, tx, "system", (wall_s){1'790'000'000});
}

static enum err undo(struct store_tx *tx, void *arg)
{
    return site_import_undo(tx, &((struct work *)arg)->undo, "system", "bench",
                            (wall_s){1'790'000'000});
}

static void tell(const char *what, int64_t rows, int64_t took_ms)
{
    printf("%-42s %8" PRId64 " ms %10" PRId64 " rows/s\n", what, took_ms,
           rows * 1000 / (took_ms ? took_ms : 1));
    fflush(stdout);
}

/* From bytes to the end, as somebody waits for it. */
static int64_t run(struct store *s, int64_t rows, const char *name, bool dry, const char *what)
{
    struct work w = {};
    size_t len;
    char *text = make_file(rows, name, &len);
    int64_t from = now_ms();
    must(site_import_open(&w.im, text, len), what);
    must(site_import_plan(w.im, "p", "{\"kind\":\"flat\",\"price\":\"0.5883\"}"), what);
    must(site_import_strategy(w.im, "s", "{}"), what);
    must(dry ? store_read(s, compare, &w) : store_run(s, commit, &w), what);
    int64_t took_ms = now_ms() - from;
    tell(what, rows, took_ms);
    site_import_close(w.im);
    free(text);
    return took_ms;
}

static void run_undo(struct store *s, int64_t id, int64_t rows, const char *what)
{
    struct work *w = calloc(1, sizeof *w);
    if (!w)
        fail(what, "no memory");
    w->undo.import_id = id;
    int64_t from = now_ms();
    must(store_run(s, undo, w), what);
    tell(what, rows, now_ms() - from);
    free(w);
}

/* ---- plain SQLite ---- */

struct rows {
    int columns;
    size_t count;
    sqlite3_value **values; /* count x columns */
};

static void sql(sqlite3 *db, const char *text)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail(text, sqlite3_errmsg(db));
}

static struct rows load(sqlite3 *db, const char *table)
{
    char text[128];
    struct rows r = {};
    size_t cap = 0;
    sqlite3_stmt *q;
    snprintf(text, sizeof text, "SELECT * FROM %s ORDER BY id", table);
    if (sqlite3_prepare_v2(db, text, -1, &q, NULL) != SQLITE_OK)
        fail(text, sqlite3_errmsg(db));
    r.columns = sqlite3_column_count(q);
    while (sqlite3_step(q) == SQLITE_ROW) {
        if ((r.count + 1) * (size_t)r.columns > cap) {
            cap = cap ? 2 * cap : 1024;
            r.values = realloc(r.values, cap * sizeof(sqlite3_value *));
            if (!r.values)
                fail(table, "no memory");
        }
        for (int c = 0; c < r.columns; c++)
            r.values[r.count * (size_t)r.columns + (size_t)c] =
                sqlite3_value_dup(sqlite3_column_value(q, c));
        r.count++;
    }
    sqlite3_finalize(q);
    return r;
}

static void insert(sqlite3 *db, const char *table, const struct rows *r)
{
    char text[256];
    size_t used = (size_t)snprintf(text, sizeof text, "INSERT INTO %s VALUES (?", table);
    for (int c = 1; c < r->columns; c++)
        used += (size_t)snprintf(text + used, sizeof text - used, ", ?");
    snprintf(text + used, sizeof text - used, ")");
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(db, text, -1, &q, NULL) != SQLITE_OK)
        fail(text, sqlite3_errmsg(db));
    for (size_t i = 0; i < r->count; i++) {
        for (int c = 0; c < r->columns; c++)
            sqlite3_bind_value(q, c + 1, r->values[i * (size_t)r->columns + (size_t)c]);
        if (sqlite3_step(q) != SQLITE_DONE)
            fail(table, sqlite3_errmsg(db));
        sqlite3_reset(q);
    }
    sqlite3_finalize(q);
}

static void drop(struct rows *r)
{
    for (size_t i = 0; i < r->count * (size_t)r->columns; i++)
        sqlite3_value_free(r->values[i]);
    free(r->values);
}

static sqlite3 *open_plain(const char *path)
{
    sqlite3 *db;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        fail(path, "cannot be opened");
    sql(db, "PRAGMA journal_mode = WAL");
    sql(db, "PRAGMA synchronous = FULL");
    sql(db, "PRAGMA foreign_keys = ON");
    return db;
}

static int64_t run_plain(const char *from_path, const char *path, int64_t rows)
{
    struct rows loaded[TABLES];
    sqlite3 *from = open_plain(from_path), *to = open_plain(path);
    for (size_t i = 0; i < TABLES; i++)
        loaded[i] = load(from, tables[i]);
    sqlite3_close(from);
    int64_t began = now_ms();
    sql(to, "BEGIN IMMEDIATE");
    for (size_t i = 0; i < TABLES; i++)
        insert(to, tables[i], &loaded[i]);
    sql(to, "COMMIT");
    int64_t took_ms = now_ms() - began;
    tell("plain SQLite inserts the same rows", rows, took_ms);
    sqlite3_close(to);
    for (size_t i = 0; i < TABLES; i++)
        drop(&loaded[i]);
    return took_ms;
}

/* ---- all of it ---- */

static struct store *open_store(const char *path)
{
    struct store *s = NULL;
    must(store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = path}), path);
    return s;
}

int main(int argc, char **argv)
{
    char ours[4096], plain[4096];
    int64_t rows = argc == 3 ? strtoll(argv[2], NULL, 10) : 0;
    if (rows < 1 || rows > 200'000) {
        fprintf(stderr, "usage: import_bench DIR ROWS (1 to 200,000)\n");
        return 2;
    }
    snprintf(ours, sizeof ours, "%s/ours.db", argv[1]);
    snprintf(plain, sizeof plain, "%s/plain.db", argv[1]);
    struct store *s = open_store(ours);
    (void)run(s, rows, "Name", true, "dry run: read, checked, compared");
    int64_t took_ms = run(s, rows, "Name", false, "import: read, checked, compared, written");
    store_close(s);
    store_close(open_store(plain)); /* the schema */
    int64_t plain_ms = run_plain(ours, plain, rows);
    printf("import / plain inserts: %" PRId64 ".%02" PRId64 "\n", took_ms / plain_ms,
           took_ms * 100 / plain_ms % 100);
    s = open_store(ours);
    (void)run(s, rows, "Name", false, "the same file again: nothing to write");
    (void)run(s, rows, "Other", false, "another name in every row: all changed");
    run_undo(s, 2, rows, "undo of the changes");
    run_undo(s, 1, rows, "undo of the first import");
    store_close(s);
    return 0;
}
