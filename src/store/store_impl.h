/* Shared by the parts of store/ only. */
#ifndef YUFU_STORE_STORE_IMPL_H
#define YUFU_STORE_STORE_IMPL_H

#include <sqlite3.h>

#include "store/store.h"

/* A power of two; more different statements than this is a mistake. */
#define STORE_STATEMENTS 1024
#define STORE_CHECKPOINT_PAGES 1000
#define STORE_PARAMETERS 32 /* $1 .. $32 */

struct store_tx {
    struct store *store;
    int open_queries; /* every query_open needs its query_end */
    bool parts_only;  /* nothing may be written but inside a part */
    int parts;        /* that are running */
    enum err err;     /* first error of any statement: a transaction that saw one never commits */
};

struct store_job {
    store_work *work;
    store_done *done;
    void *arg;
    enum err result;
    bool parts; /* without a savepoint of its own */
};

/* A statement prepared once. `used` from query_open to query_end: a list inside a list of the same
 * text gets a private copy. */
struct store_statement {
    const char *sql;
    sqlite3_stmt *stmt;
    bool used;
    uint8_t index[STORE_PARAMETERS]; /* SQLite's index of $1, $2 ... */
};

struct store {
    sqlite3 *db;
    enum store_kind kind;
    bool dead;
    bool full; /* a write was refused for it since store_was_full */
    bool in_work;
    int wal_pages; /* in the write-ahead log after the last commit */
    struct store_statement cache[STORE_STATEMENTS];
    struct store_job *jobs;
    size_t job_count, job_cap;
};

/* What a SQLite result code means to us; logs nothing. */
enum err store_err_of(int sqlite_code);
/* The same, looking at why the last write failed: a full disk has several faces. */
enum err store_err_now(struct store *s, int sqlite_code);
/* A statement without parameters or rows that is run again and again: BEGIN, COMMIT ... */
enum err store_control(struct store *s, const char *sql);

struct store_migration {
    int version;
    const char *sql;
};

/* Generated from schema/ by the build: ordered, ended by version 0. */
extern const struct store_migration store_ledger_migrations[];
extern const struct store_migration store_readings_migrations[];
extern const struct store_migration store_gateway_migrations[];

enum err store_migrate(struct store *s, const struct store_migration *migrations);
/* For a reader, who may not migrate: the file has exactly this schema. */
enum err store_check_schema(struct store *s, const struct store_migration *migrations);

#endif
