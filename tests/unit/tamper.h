/*
 * Tampering, for tests of the chains: changes single bytes of stored rows behind the triggers'
 * back, over a second connection to the same file, as somebody with the disk would.
 */
#ifndef YUFU_TESTS_UNIT_TAMPER_H
#define YUFU_TESTS_UNIT_TAMPER_H

#include <stdio.h>

#include <sqlite3.h>

#include "tests/unit/check.h"

static inline sqlite3 *tamper_open(const char *path)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

static inline void tamper_exec(sqlite3 *db, const char *sql)
{
    char *text = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
}

/* Every trigger goes: what they forbid is about to be done. */
static inline void tamper_drop_triggers(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    char sql[4096] = "";
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'trigger'",
                                        -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        snprintf(sql + strlen(sql), sizeof sql - strlen(sql), "DROP TRIGGER %s;",
                 (const char *)sqlite3_column_text(s, 0));
    sqlite3_finalize(s);
    tamper_exec(db, sql);
}

struct tamper_cell {
    char column[32];
    int type; /* SQLITE_INTEGER, SQLITE_TEXT, SQLITE_BLOB */
    unsigned char bytes[1024];
    int len;
};

/* The cells of one row, integers as 8 bytes. */
static inline int tamper_read(sqlite3 *db, const char *table, const char *where,
                              struct tamper_cell *cells, int cap)
{
    char *sql = sqlite3_mprintf("SELECT * FROM %s WHERE %s", table, where);
    sqlite3_stmt *s = NULL;
    int count = 0;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    sqlite3_free(sql);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    for (; count < sqlite3_column_count(s) && count < cap; count++) {
        struct tamper_cell *c = &cells[count];
        snprintf(c->column, sizeof c->column, "%s", sqlite3_column_name(s, count));
        c->type = sqlite3_column_type(s, count);
        if (c->type == SQLITE_INTEGER) {
            int64_t v = sqlite3_column_int64(s, count);
            memcpy(c->bytes, &v, sizeof v);
            c->len = 8;
        } else {
            c->len = sqlite3_column_bytes(s, count);
            assert_true(c->len <= (int)sizeof c->bytes);
            if (c->len)
                memcpy(c->bytes, sqlite3_column_blob(s, count), (size_t)c->len);
        }
    }
    sqlite3_finalize(s);
    return count;
}

/* Writes a cell back; `where` names the row as it is now. False if the schema itself refuses. */
static inline int tamper_write(sqlite3 *db, const char *table, const char *where,
                               const struct tamper_cell *c)
{
    char *sql = sqlite3_mprintf("UPDATE %s SET %s = ?1 WHERE %s", table, c->column, where);
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    sqlite3_free(sql);
    int64_t v = 0;
    memcpy(&v, c->bytes, sizeof v);
    if (c->type == SQLITE_INTEGER)
        sqlite3_bind_int64(s, 1, v);
    else if (c->type == SQLITE_TEXT)
        sqlite3_bind_text(s, 1, (const char *)c->bytes, c->len, SQLITE_TRANSIENT);
    else
        sqlite3_bind_blob(s, 1, c->bytes, c->len, SQLITE_TRANSIENT);
    int done = sqlite3_step(s) == SQLITE_DONE;
    sqlite3_finalize(s);
    return done;
}

#endif
