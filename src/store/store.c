#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/store_impl.h"

enum err store_err_of(int code)
{
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return ERR_OK;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ERR_STORE_BUSY;
    case SQLITE_FULL:
        return ERR_STORE_FULL;
    case SQLITE_CONSTRAINT:
        return ERR_STORE_CONSTRAINT;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return ERR_STORE_CORRUPT;
    case SQLITE_CANTOPEN:
        return ERR_IO_FILE;
    case SQLITE_NOMEM:
        return ERR_MEMORY;
    default:
        return ERR_STORE;
    }
}

static enum err exec(struct store *s, const char *sql)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    if (code != SQLITE_OK)
        fprintf(stderr, "store.refused code=%d text=\"%s\" sql=\"%.60s\"\n",
                sqlite3_extended_errcode(s->db), sqlite3_errmsg(s->db), sql);
    return store_err_of(code);
}

static const struct store_migration *migrations_of(enum store_kind kind)
{
    switch (kind) {
    case STORE_LEDGER:
        return store_ledger_migrations;
    case STORE_READINGS:
        return store_readings_migrations;
    default:
        return store_gateway_migrations;
    }
}

/* Order matters: the page size must be set before the first page is written. */
static enum err configure(struct store *s, const struct store_config *config)
{
    const char *page =
        config->kind == STORE_READINGS ? "PRAGMA page_size=16384" : "PRAGMA page_size=4096";
    sqlite3_busy_timeout(s->db, 5000);
    if (config->read_only)
        return exec(s, "PRAGMA query_only=ON");
    TRY(exec(s, page));
    TRY(exec(s, "PRAGMA journal_mode=WAL"));
    TRY(exec(s, "PRAGMA synchronous=FULL"));
    TRY(exec(s, "PRAGMA foreign_keys=ON"));
    TRY(exec(s, "PRAGMA cache_size=-65536"));
    return store_migrate(s, migrations_of(config->kind));
}

enum err store_open(struct store **out, const struct store_config *config)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->kind = config->kind;
    int flags = config->read_only ? SQLITE_OPEN_READWRITE
                                  : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    enum err e = store_err_of(sqlite3_open_v2(config->path, &s->db, flags, config->vfs));
    if (e == ERR_OK)
        e = configure(s, config);
    if (e != ERR_OK) {
        store_close(s);
        return e;
    }
    *out = s;
    return ERR_OK;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->job_count; i++)
        if (s->jobs[i].done)
            s->jobs[i].done(s->jobs[i].arg, ERR_IO_CLOSED);
    for (size_t i = 0; i < STORE_STATEMENTS; i++)
        sqlite3_finalize(s->cache[i].stmt);
    sqlite3_close(s->db);
    free(s->jobs);
    free(s);
}

/* --- transactions ------------------------------------------------------------------------- */

/* A commit that fails for any reason but a full disk leaves the file's state unknown to us. */
static enum err commit(struct store *s)
{
    enum err e = exec(s, "COMMIT");
    if (e == ERR_OK)
        return ERR_OK;
    if (!sqlite3_get_autocommit(s->db))
        exec(s, "ROLLBACK");
    if (e != ERR_STORE_FULL && e != ERR_STORE_CONSTRAINT && e != ERR_STORE_BUSY)
        s->dead = true;
    return e;
}

static enum err run_work(struct store *s, store_work *work, void *arg)
{
    struct store_tx tx = {.store = s};
    s->in_work = true;
    enum err e = work(&tx, arg);
    s->in_work = false;
    MUST(tx.open_queries == 0);
    return e != ERR_OK ? e : tx.err;
}

static enum err transact(struct store *s, const char *begin, store_work *work, void *arg)
{
    MUST(!s->in_work);
    if (s->dead)
        return ERR_STORE;
    TRY(exec(s, begin));
    enum err e = run_work(s, work, arg);
    if (e == ERR_OK)
        return commit(s);
    if (!sqlite3_get_autocommit(s->db))
        (void)exec(s, "ROLLBACK");
    return e;
}

enum err store_run(struct store *s, store_work *work, void *arg)
{
    return transact(s, "BEGIN IMMEDIATE", work, arg);
}

enum err store_read(struct store *s, store_work *work, void *arg)
{
    return transact(s, "BEGIN", work, arg);
}

void store_submit(struct store *s, store_work *work, store_done *done, void *arg)
{
    if (s->job_count == s->job_cap) {
        s->job_cap = s->job_cap ? s->job_cap * 2 : 64;
        s->jobs = realloc(s->jobs, s->job_cap * sizeof *s->jobs);
        MUST(s->jobs);
    }
    s->jobs[s->job_count++] = (struct store_job){work, done, arg, ERR_OK};
}

size_t store_waiting(const struct store *s)
{
    return s->job_count;
}

/* A full disk or an I/O error may have rolled the whole transaction back behind our back. */
static enum err run_in_savepoint(struct store *s, struct store_job *job)
{
    TRY(exec(s, "SAVEPOINT job"));
    job->result = run_work(s, job->work, job->arg);
    if (sqlite3_get_autocommit(s->db))
        return job->result == ERR_OK ? ERR_STORE : job->result;
    if (job->result != ERR_OK)
        TRY(exec(s, "ROLLBACK TO job"));
    return exec(s, "RELEASE job");
}

static enum err run_jobs(struct store *s, struct store_job *jobs, size_t count)
{
    if (s->dead)
        return ERR_STORE;
    TRY(exec(s, "BEGIN IMMEDIATE"));
    for (size_t i = 0; i < count; i++) {
        enum err e = run_in_savepoint(s, &jobs[i]);
        if (e != ERR_OK) {
            if (!sqlite3_get_autocommit(s->db))
                (void)exec(s, "ROLLBACK");
            return e;
        }
    }
    return commit(s);
}

void store_flush(struct store *s)
{
    MUST(!s->in_work);
    if (s->job_count == 0)
        return;
    struct store_job *jobs = s->jobs;
    size_t count = s->job_count;
    s->jobs = NULL;
    s->job_count = s->job_cap = 0;
    enum err all = run_jobs(s, jobs, count);
    for (size_t i = 0; i < count; i++)
        if (jobs[i].done)
            jobs[i].done(jobs[i].arg, all != ERR_OK ? all : jobs[i].result);
    free(jobs);
}

enum err store_next_id(struct store_tx *tx, const char *sequence, int64_t *id)
{
    return store_int(tx, id,
                     "INSERT INTO sequence (name, last) VALUES ($1, 1) "
                     "ON CONFLICT (name) DO UPDATE SET last = last + 1 RETURNING last",
                     "t", sequence);
}

enum err store_check(struct store *s)
{
    sqlite3_stmt *stmt = NULL;
    enum err e = store_err_of(sqlite3_prepare_v2(s->db, "PRAGMA integrity_check", -1, &stmt, NULL));
    if (e == ERR_OK && sqlite3_step(stmt) == SQLITE_ROW)
        e = strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") == 0 ? ERR_OK
                                                                          : ERR_STORE_CORRUPT;
    else if (e == ERR_OK)
        e = ERR_STORE_CORRUPT;
    sqlite3_finalize(stmt);
    return e;
}

enum err store_backup(struct store *s, const char *path)
{
    sqlite3 *copy = NULL;
    enum err e = store_err_of(sqlite3_open(path, &copy));
    if (e == ERR_OK) {
        sqlite3_backup *b = sqlite3_backup_init(copy, "main", s->db, "main");
        if (b) {
            int code = sqlite3_backup_step(b, -1);
            sqlite3_backup_finish(b);
            e = store_err_of(code);
        } else {
            e = store_err_of(sqlite3_errcode(copy));
        }
    }
    sqlite3_close(copy);
    return e;
}
