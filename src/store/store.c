#include "store/store.h"

#include <errno.h>
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

/* Why the last write to a file failed; 0: it did not, or the file cannot say. */
static int write_errno(struct store *s, int which_file)
{
    sqlite3_file *file = NULL;
    int reason = 0;
    if (sqlite3_file_control(s->db, "main", which_file, &file) != SQLITE_OK || !file->pMethods)
        return 0;
    return file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &reason) == SQLITE_OK
               ? reason
               : 0;
}

/* A full disk has several faces: quotas and file size limits come as plain write errors. A failed
 * sync is never one of them, whatever the reason: nobody knows what it left behind. Transactions
 * write to the log, checkpoints to the database. */
static enum err err_of_failed(struct store *s, int code, int which_file)
{
    if ((code & 0xFF) != SQLITE_IOERR || sqlite3_extended_errcode(s->db) != SQLITE_IOERR_WRITE)
        return store_err_of(code);
    int reason = write_errno(s, which_file);
    return reason == ENOSPC || reason == EDQUOT || reason == EFBIG ? ERR_STORE_FULL : ERR_STORE;
}

static enum err err_of_write(struct store *s, int code, int which_file)
{
    enum err e = err_of_failed(s, code, which_file);
    s->full = s->full || e == ERR_STORE_FULL;
    return e;
}

enum err store_err_now(struct store *s, int code)
{
    return err_of_write(s, code, SQLITE_FCNTL_JOURNAL_POINTER);
}

static enum err exec(struct store *s, const char *sql)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    if (code == SQLITE_OK)
        return ERR_OK;
    fprintf(stderr, "store.refused code=%d text=\"%s\" sql=\"%.60s\"\n",
            sqlite3_extended_errcode(s->db), sqlite3_errmsg(s->db), sql);
    return store_err_now(s, code);
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

static int wal_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct store *s = arg;
    (void)db, (void)name;
    s->wal_pages = pages;
    return SQLITE_OK;
}

static int write_again(sqlite3_file *log)
{
    uint8_t part[16 * 1024];
    sqlite3_int64 size = 0;
    int code = log->pMethods->xFileSize(log, &size);
    for (sqlite3_int64 at = 0; at < size && code == SQLITE_OK; at += (sqlite3_int64)sizeof part) {
        int len = size - at < (sqlite3_int64)sizeof part ? (int)(size - at) : (int)sizeof part;
        code = log->pMethods->xRead(log, part, len, at);
        if (code == SQLITE_OK)
            code = log->pMethods->xWrite(log, part, len, at);
    }
    return code == SQLITE_OK && size > 0 ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : code;
}

/* After a crash the log is read from the page cache. If a sync had failed before, the cache may
 * hold pages that the kernel has given up: they read well, are marked clean, and no later sync
 * writes them. The next power cut would end the log at that hole, whatever was committed behind it.
 * So what was read is written once more onto itself, and synced, before anything is added. (A
 * checkpoint does not help: until its result is synced the log before the hole would be laid over
 * it.) */
static enum err secure_log(struct store *s)
{
    sqlite3_file *log = NULL;
    TRY(exec(s, "BEGIN IMMEDIATE")); /* nobody adds to it meanwhile */
    int code = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (code == SQLITE_OK && log->pMethods)
        code = write_again(log);
    TRY(exec(s, "ROLLBACK"));
    return store_err_of(code);
}

/* Order matters: the page size must be set before the first page is written. Checkpoints are the
 * store's own, so that their errors are seen: see checkpoint(). */
static enum err configure(struct store *s, const struct store_config *config)
{
    const char *page =
        config->kind == STORE_READINGS ? "PRAGMA page_size=16384" : "PRAGMA page_size=4096";
    const char *cache = /* KiB; a gateway has 64 MiB of memory in all */
        config->kind == STORE_GATEWAY ? "PRAGMA cache_size=-2048" : "PRAGMA cache_size=-65536";
    sqlite3_busy_timeout(s->db, 5000);
    TRY(exec(s, cache));
    TRY(exec(s, "PRAGMA temp_store=MEMORY"));
    if (config->read_only) {
        TRY(exec(s, "PRAGMA query_only=ON"));
        return store_check_schema(s, migrations_of(config->kind));
    }
    TRY(exec(s, page));
    TRY(exec(s, "PRAGMA journal_mode=WAL"));
    TRY(exec(s, "PRAGMA synchronous=FULL"));
    TRY(exec(s, "PRAGMA foreign_keys=ON"));
    TRY(secure_log(s));
    sqlite3_wal_hook(s->db, wal_grew, s);
    return store_migrate(s, migrations_of(config->kind));
}

enum err store_open(struct store **out, const struct store_config *config)
{
    struct store *s = calloc(1, sizeof *s);
    if (!s)
        return ERR_MEMORY;
    s->kind = config->kind;
    /* One loop owns a store, so its connection needs no lock; and nobody asks SQLite what memory it
     * uses, so it need not count. Counting is refused politely once SQLite runs. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    flags |= config->read_only ? 0 : SQLITE_OPEN_CREATE;
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
    MUST(sqlite3_close(s->db) == SQLITE_OK);
    free(s->jobs);
    free(s);
}

/* --- transactions --------------------------------------------------------------------------- */

/* A transaction that cannot be left makes every later one impossible. SQLite may have rolled back
 * by itself already. */
static void roll_back(struct store *s)
{
    if (sqlite3_get_autocommit(s->db))
        return;
    if (store_control(s, "ROLLBACK") != ERR_OK || !sqlite3_get_autocommit(s->db))
        s->dead = true;
}

/* A commit that fails for any reason but a full disk leaves the file's state unknown to us. */
static enum err commit(struct store *s)
{
    enum err e = store_control(s, "COMMIT");
    if (e == ERR_OK)
        return ERR_OK;
    roll_back(s);
    if (e != ERR_STORE_FULL && e != ERR_STORE_CONSTRAINT && e != ERR_STORE_BUSY)
        s->dead = true;
    return e;
}

/* Moves the write-ahead log into the database when it has grown, after the answers have left. A
 * full disk or a reader in the way only postpones it; an I/O error ends this process's trust. */
static void checkpoint(struct store *s)
{
    if (s->dead || s->wal_pages < STORE_CHECKPOINT_PAGES)
        return;
    int code = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (code != SQLITE_OK && err_of_write(s, code, SQLITE_FCNTL_FILE_POINTER) == ERR_STORE)
        s->dead = true;
}

static enum err run_tx(struct store_tx *tx, store_work *work, void *arg)
{
    struct store *s = tx->store;
    s->in_work = true;
    enum err e = work(tx, arg);
    s->in_work = false;
    MUST(tx->open_queries == 0);
    return e != ERR_OK ? e : tx->err;
}

static enum err run_work(struct store *s, store_work *work, void *arg)
{
    return run_tx(&(struct store_tx){.store = s}, work, arg);
}

enum err store_run(struct store *s, store_work *work, void *arg)
{
    MUST(!s->in_work);
    if (s->dead)
        return ERR_STORE;
    TRY(store_control(s, "BEGIN IMMEDIATE"));
    enum err e = run_work(s, work, arg);
    if (e == ERR_OK)
        e = commit(s);
    else
        roll_back(s);
    checkpoint(s);
    return e;
}

/* Ends by a rollback: a reader has nothing to keep. */
enum err store_read(struct store *s, store_work *work, void *arg)
{
    MUST(!s->in_work);
    if (s->dead)
        return ERR_STORE;
    TRY(store_control(s, "BEGIN"));
    enum err e = run_work(s, work, arg);
    MUST(sqlite3_txn_state(s->db, "main") != SQLITE_TXN_WRITE);
    roll_back(s);
    return e;
}

bool store_dead(const struct store *s)
{
    return s->dead;
}

bool store_was_full(struct store *s)
{
    bool full = s->full;
    s->full = false;
    return full;
}

static void submit(struct store *s, const struct store_job *job)
{
    if (s->job_count == s->job_cap) {
        s->job_cap = s->job_cap ? s->job_cap * 2 : 64;
        s->jobs = realloc(s->jobs, s->job_cap * sizeof *s->jobs);
        MUST(s->jobs);
    }
    s->jobs[s->job_count++] = *job;
}

void store_submit(struct store *s, store_work *work, store_done *done, void *arg)
{
    submit(s, &(struct store_job){.work = work, .done = done, .arg = arg});
}

void store_submit_parts(struct store *s, store_work *work, store_done *done, void *arg)
{
    submit(s, &(struct store_job){.work = work, .done = done, .arg = arg, .parts = true});
}

size_t store_waiting(const struct store *s)
{
    return s->job_count;
}

/* A full disk or an I/O error may have rolled the whole transaction back behind our back. */
static enum err run_in_savepoint(struct store *s, struct store_job *job)
{
    TRY(store_control(s, "SAVEPOINT job"));
    job->result = run_work(s, job->work, job->arg);
    if (sqlite3_get_autocommit(s->db))
        return job->result == ERR_OK ? ERR_STORE : job->result;
    if (job->result != ERR_OK)
        TRY(store_control(s, "ROLLBACK TO job"));
    return store_control(s, "RELEASE job");
}

static enum err run_parts(struct store *s, struct store_job *job)
{
    job->result = run_tx(&(struct store_tx){.store = s, .parts_only = true}, job->work, job->arg);
    if (sqlite3_get_autocommit(s->db) && job->result == ERR_OK)
        return ERR_STORE;
    return job->result;
}

static enum err lose(struct store_tx *tx, enum err e)
{
    if (tx->err == ERR_OK)
        tx->err = e;
    return e;
}

enum err store_part(struct store_tx *tx, store_work *work, void *arg, enum err *result)
{
    struct store *s = tx->store;
    int open = tx->open_queries;
    TRY(tx->err);
    enum err e = store_control(s, "SAVEPOINT part");
    if (e != ERR_OK)
        return lose(tx, e);
    tx->parts++;
    *result = work(tx, arg);
    tx->parts--;
    MUST(tx->open_queries == open);
    if (*result == ERR_OK)
        *result = tx->err;
    if (sqlite3_get_autocommit(s->db))
        return lose(tx, *result == ERR_OK ? ERR_STORE : *result);
    if (*result != ERR_OK)
        e = store_control(s, "ROLLBACK TO part");
    if (e == ERR_OK)
        e = store_control(s, "RELEASE part");
    tx->err = e;
    return e;
}

static enum err run_jobs(struct store *s, struct store_job *jobs, size_t count)
{
    if (s->dead)
        return ERR_STORE;
    TRY(store_control(s, "BEGIN IMMEDIATE"));
    for (size_t i = 0; i < count; i++) {
        enum err e = jobs[i].parts ? run_parts(s, &jobs[i]) : run_in_savepoint(s, &jobs[i]);
        if (e != ERR_OK) {
            roll_back(s);
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
    checkpoint(s);
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
    if (e != ERR_OK)
        (void)remove(path); /* half a copy is worse than none */
    return e;
}
