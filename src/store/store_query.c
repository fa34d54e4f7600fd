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

/* "$3" in SQLite is a name; its index follows the order of first appearance in the text. */
static enum err prepare(struct store *s, const char *sql, unsigned flags,
                        struct store_statement *out)
{
    enum err e = store_err_now(s, sqlite3_prepare_v3(s->db, sql, -1, flags, &out->stmt, NULL));
    if (e != ERR_OK) {
        fprintf(stderr, "store.prepare text=\"%s\" sql=\"%.200s\"\n", sqlite3_errmsg(s->db), sql);
        return e;
    }
    int count = sqlite3_bind_parameter_count(out->stmt);
    MUST(count <= STORE_PARAMETERS);
    for (int n = 1; n <= count; n++) {
        char name[16];
        snprintf(name, sizeof name, "$%d", n);
        out->index[n - 1] = (uint8_t)sqlite3_bind_parameter_index(out->stmt, name);
        MUST(out->index[n - 1] > 0);
    }
    out->sql = sql;
    return ERR_OK;
}

static struct store_statement *slot_for(struct store *s, const char *sql)
{
    size_t i = slot_of(sql);
    for (size_t tried = 0; s->cache[i].sql && s->cache[i].sql != sql; tried++) {
        MUST(tried < STORE_STATEMENTS);
        i = (i + 1) & (STORE_STATEMENTS - 1);
    }
    return &s->cache[i];
}

/* BEGIN, SAVEPOINT, COMMIT ... come with every piece of work: prepared once like any other. */
enum err store_control(struct store *s, const char *sql)
{
    struct store_statement *st = slot_for(s, sql);
    if (!st->stmt)
        TRY(prepare(s, sql, SQLITE_PREPARE_PERSISTENT, st));
    sqlite3_step(st->stmt);
    int code = sqlite3_reset(st->stmt);
    if (code == SQLITE_OK)
        return ERR_OK;
    fprintf(stderr, "store.refused code=%d text=\"%s\" sql=\"%.60s\"\n",
            sqlite3_extended_errcode(s->db), sqlite3_errmsg(s->db), sql);
    return store_err_now(s, code);
}

/* `life`: SQLITE_STATIC where the query ends before its arguments do, else SQLITE_TRANSIENT. */
static enum err bind_one(sqlite3_stmt *stmt, int index, char type, sqlite3_destructor_type life,
                         va_list *args)
{
    if (type == 'i')
        return store_err_of(sqlite3_bind_int64(stmt, index, va_arg(*args, int64_t)));
    if (type == 't') { /* NULL binds as SQL NULL */
        const char *text = va_arg(*args, const char *);
        return store_err_of(sqlite3_bind_text(stmt, index, text, -1, life));
    }
    if (type == 'b') {
        struct bytes b = va_arg(*args, struct bytes);
        return store_err_of(sqlite3_bind_blob64(stmt, index, b.data, b.len, life));
    }
    MUST(type == 'n');
    return store_err_of(sqlite3_bind_null(stmt, index));
}

static enum err bind_all(const struct store_statement *st, const char *types,
                         sqlite3_destructor_type life, va_list *args)
{
    MUST(sqlite3_bind_parameter_count(st->stmt) == (int)strlen(types));
    for (int n = 0; types[n]; n++)
        TRY(bind_one(st->stmt, st->index[n], types[n], life, args));
    return ERR_OK;
}

static struct query open_list(struct store_tx *tx, const char *sql, const char *types,
                              sqlite3_destructor_type life, va_list *args)
{
    struct query q = {.tx = tx, .err = tx->err};
    struct store_statement copy = {};
    struct store_statement *slot = slot_for(tx->store, sql);
    if (q.err != ERR_OK)
        return q;
    struct store_statement *st = slot->used ? &copy : slot;
    if (!st->stmt)
        q.err = prepare(tx->store, sql, st == slot ? SQLITE_PREPARE_PERSISTENT : 0, st);
    if (q.err == ERR_OK) {
        MUST(!tx->parts_only || tx->parts > 0 || sqlite3_stmt_readonly(st->stmt));
        q.stmt = st->stmt;
        q.slot = st == slot ? slot : NULL;
        st->used = true;
        tx->open_queries++;
        q.err = bind_all(st, types, life, args);
    }
    if (q.err != ERR_OK)
        tx->err = q.err;
    return q;
}

struct query query_open(struct store_tx *tx, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    struct query q = open_list(tx, sql, types, SQLITE_TRANSIENT, &args);
    va_end(args);
    return q;
}

bool query_step(struct query *q)
{
    if (q->err != ERR_OK || q->ended)
        return false;
    int code = sqlite3_step(q->stmt);
    if (code == SQLITE_ROW)
        return true;
    q->ended = true;
    if (code != SQLITE_DONE)
        q->err = store_err_now(q->tx->store, code);
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
    struct store_statement *slot = q->slot;
    if (q->stmt)
        q->tx->open_queries--;
    if (slot) {
        sqlite3_reset(slot->stmt);
        sqlite3_clear_bindings(slot->stmt);
        slot->used = false;
    } else {
        sqlite3_finalize(q->stmt);
    }
    q->stmt = q->slot = NULL;
    if (q->err != ERR_OK && q->err != ERR_STORE_CONSTRAINT)
        q->tx->err = q->err;
    return q->err;
}

enum err store_exec(struct store_tx *tx, const char *sql, const char *types, ...)
{
    va_list args;
    va_start(args, types);
    struct query q = open_list(tx, sql, types, SQLITE_STATIC, &args);
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
    struct query q = open_list(tx, sql, types, SQLITE_STATIC, &args);
    va_end(args);
    bool found = query_step(&q);
    if (found)
        *value = query_int(&q, 0);
    while (found && query_step(&q))
        continue;
    enum err e = query_end(&q);
    return e != ERR_OK ? e : found ? ERR_OK : ERR_NOT_FOUND;
}
