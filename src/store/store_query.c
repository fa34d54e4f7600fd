#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/store_impl.h"

/* Literals keep their address, so the address is the key. */
static size_t slot_of(const char *sql)
{
    uintptr_t p = (uintptr_t)sql;
    return (size_t)(p >> 3 ^ p >> 13) & (STORE_STATEMENTS - 1);
}

sqlite3_stmt *store_statement(struct store *s, const char *sql, enum err *err)
{
    size_t i = slot_of(sql);
    for (size_t tried = 0; s->cache[i].sql && s->cache[i].sql != sql; tried++) {
        MUST(tried < STORE_STATEMENTS);
        i = (i + 1) & (STORE_STATEMENTS - 1);
    }
    /* A statement still stepping (recursion on one text) gets a fresh copy by refusal, not by luck. */
    if (s->cache[i].sql) {
        MUST(!sqlite3_stmt_busy(s->cache[i].stmt));
        return s->cache[i].stmt;
    }
    sqlite3_stmt *stmt = NULL;
    int code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
    *err = store_err_of(code);
    if (*err != ERR_OK) {
        fprintf(stderr, "store.prepare text=\"%s\" sql=\"%s\"\n", sqlite3_errmsg(s->db), sql);
        return NULL;
    }
    s->cache[i].sql = sql;
    s->cache[i].stmt = stmt;
    return stmt;
}

/* "$3" in SQLite is a name; its index follows the order of first appearance in the text. */
static int parameter_index(sqlite3_stmt *stmt, int n)
{
    char name[16];
    snprintf(name, sizeof name, "$%d", n);
    return sqlite3_bind_parameter_index(stmt, name);
}

static void bind_one(sqlite3_stmt *stmt, int index, char type, va_list *args)
{
    if (type == 'i') {
        sqlite3_bind_int64(stmt, index, va_arg(*args, int64_t));
    } else if (type == 't') {
        const char *text = va_arg(*args, const char *);
        if (text)
            sqlite3_bind_text(stmt, index, text, -1, SQLITE_TRANSIENT);
        else
            sqlite3_bind_null(stmt, index);
    } else if (type == 'b') {
        struct bytes b = va_arg(*args, struct bytes);
        if (b.data)
            sqlite3_bind_blob64(stmt, index, b.data, b.len, SQLITE_TRANSIENT);
        else
            sqlite3_bind_null(stmt, index);
    } else {
        MUST(type == 'n');
        sqlite3_bind_null(stmt, index);
    }
}

static struct query open_list(struct store_tx *tx, const char *sql, const char *types,
                              va_list *args)
{
    struct query q = {.tx = tx, .err = tx->err};
    if (q.err != ERR_OK)
        return q;
    sqlite3_stmt *stmt = store_statement(tx->store, sql, &q.err);
    if (!stmt) {
        tx->err = q.err;
        return q;
    }
    MUST(sqlite3_bind_parameter_count(stmt) == (int)strlen(types));
    for (int n = 1; types[n - 1]; n++)
        bind_one(stmt, parameter_index(stmt, n), types[n - 1], args);
    q.stmt = stmt;
    return q;
}

struct query query_open(struct store_tx *tx, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    struct query q = open_list(tx, sql, types, &args);
    va_end(args);
    return q;
}

bool query_step(struct query *q)
{
    if (q->err != ERR_OK)
        return false;
    int code = sqlite3_step(q->stmt);
    if (code == SQLITE_ROW)
        return true;
    q->err = store_err_of(code);
    return false;
}

bool query_null(const struct query *q, int column)
{
    return sqlite3_column_type(q->stmt, column) == SQLITE_NULL;
}

int64_t query_int(const struct query *q, int column)
{
    return sqlite3_column_int64(q->stmt, column);
}

const char *query_text(const struct query *q, int column)
{
    const unsigned char *text = sqlite3_column_text(q->stmt, column);
    return text ? (const char *)text : "";
}

struct bytes query_blob(const struct query *q, int column)
{
    const void *data = sqlite3_column_blob(q->stmt, column);
    return (struct bytes){data, (size_t)sqlite3_column_bytes(q->stmt, column)};
}

/* A refused constraint is an answer the caller may expect (a repeated key), not a broken
 * transaction; every other error makes the transaction uncommittable. */
enum err query_end(struct query *q)
{
    if (q->stmt) {
        sqlite3_reset(q->stmt);
        sqlite3_clear_bindings(q->stmt);
        q->stmt = NULL;
    }
    if (q->err != ERR_OK && q->err != ERR_STORE_CONSTRAINT)
        q->tx->err = q->err;
    return q->err;
}

enum err store_exec(struct store_tx *tx, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    struct query q = open_list(tx, sql, types, &args);
    va_end(args);
    while (query_step(&q))
        continue;
    return query_end(&q);
}

int64_t store_changes(const struct store_tx *tx)
{
    return sqlite3_changes64(tx->store->db);
}

enum err store_int(struct store_tx *tx, int64_t *value, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    struct query q = open_list(tx, sql, types, &args);
    va_end(args);
    bool found = query_step(&q);
    if (found)
        *value = query_int(&q, 0);
    while (found && query_step(&q))
        continue;
    enum err e = query_end(&q);
    return e != ERR_OK ? e : found ? ERR_OK : ERR_NOT_FOUND;
}
