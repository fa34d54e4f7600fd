#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "store/store_impl.h"

static enum err run(struct store *s, const char *sql)
{
    char *text = NULL;
    int code = sqlite3_exec(s->db, sql, NULL, NULL, &text);
    if (code != SQLITE_OK)
        fprintf(stderr, "store.migrate text=\"%s\"\n", text ? text : "");
    sqlite3_free(text);
    return store_err_of(code);
}

static enum err present_version(struct store *s, int *version)
{
    sqlite3_stmt *stmt = NULL;
    TRY(run(s, "CREATE TABLE IF NOT EXISTS schema_version ("
               "version INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT"));
    TRY(store_err_of(sqlite3_prepare_v2(
        s->db, "SELECT coalesce(max(version), 0) FROM schema_version", -1, &stmt, NULL)));
    sqlite3_step(stmt);
    *version = sqlite3_column_int(stmt, 0);
    return store_err_of(sqlite3_finalize(stmt));
}

static enum err apply(struct store *s, const struct store_migration *m)
{
    char note[128];
    snprintf(note, sizeof note, "INSERT INTO schema_version VALUES (%d, '%016llx')", m->version,
             (unsigned long long)fnv64(FNV64_START, m->sql, strlen(m->sql)));
    TRY(run(s, m->sql));
    return run(s, note);
}

enum err store_migrate(struct store *s, const struct store_migration *migrations)
{
    int version = 0, newest = 0;
    TRY(run(s, "BEGIN IMMEDIATE"));
    enum err e = present_version(s, &version);
    for (const struct store_migration *m = migrations; e == ERR_OK && m->version; m++) {
        newest = m->version;
        if (m->version > version)
            e = apply(s, m);
    }
    if (e == ERR_OK && version > newest)
        e = ERR_STORE_NEWER;
    if (e != ERR_OK) {
        (void)run(s, "ROLLBACK");
        return e;
    }
    return run(s, "COMMIT");
}
