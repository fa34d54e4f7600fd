/* Shared by the parts of store/ only. */
#ifndef YUFU_STORE_STORE_IMPL_H
#define YUFU_STORE_STORE_IMPL_H

#include <sqlite3.h>

#include "store/store.h"

#define STORE_STATEMENTS 1024 /* a power of two; more different statements than this is a mistake */

struct store_tx {
    struct store *store;
    enum err err; /* first error of any statement: a transaction that saw one never commits */
};

struct store_job {
    store_work *work;
    store_done *done;
    void *arg;
    enum err result;
};

struct store {
    sqlite3 *db;
    enum store_kind kind;
    bool dead;
    bool in_work;
    struct {
        const char *sql;
        sqlite3_stmt *stmt;
    } cache[STORE_STATEMENTS];
    struct store_job *jobs;
    size_t job_count, job_cap;
};

/* What a SQLite result code means to us; logs nothing. */
enum err store_err_of(int sqlite_code);
sqlite3_stmt *store_statement(struct store *s, const char *sql, enum err *err);

struct store_migration {
    int version;
    const char *sql;
};

/* Generated from schema/ by the build: ordered, ended by version 0. */
extern const struct store_migration store_ledger_migrations[];
extern const struct store_migration store_readings_migrations[];
extern const struct store_migration store_gateway_migrations[];

enum err store_migrate(struct store *s, const struct store_migration *migrations);

#endif
