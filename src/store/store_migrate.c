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

/* The digest that a migration left, or "" if it was not applied. */
static enum err read_digest(struct store *s, int version, char digest[17])
{
    sqlite3_stmt *stmt = NULL;
    digest[0] = 0;
    TRY(store_err_of(sqlite3_prepare_v2(
        s->db, "SELECT digest FROM schema_version WHERE version = ?1", -1, &stmt, NULL)));
    sqlite3_bind_int(stmt, 1, version);
    if (sqlite3_step(stmt) == SQLITE_ROW)
        snprintf(digest, 17, "%s", (const char *)sqlite3_column_text(stmt, 0));
    return store_err_of(sqlite3_finalize(stmt));
}

static enum err read_newest(struct store *s, int *version)
{
    sqlite3_stmt *stmt = NULL;
    TRY(store_err_of(sqlite3_prepare_v2(
        s->db, "SELECT coalesce(max(version), 0) FROM schema_version", -1, &stmt, NULL)));
    sqlite3_step(stmt);
    *version = sqlite3_column_int(stmt, 0);
    return store_err_of(sqlite3_finalize(stmt));
}

static void digest_of(const struct store_migration *m, char digest[17])
{
    snprintf(digest, 17, "%016llx", (unsigned long long)fnv64(FNV64_START, m->sql, strlen(m->sql)));
}

static enum err apply(struct store *s, const struct store_migration *m)
{
    char note[128], digest[17];
    digest_of(m, digest);
    snprintf(note, sizeof note, "INSERT INTO schema_version VALUES (%d, '%s')", m->version, digest);
    TRY(run(s, m->sql));
    return run(s, note);
}

/* One step in a transaction of its own. What another process has applied meanwhile is not applied
 * again; what was applied with another text is not ours to go on from. */
static enum err step(struct store *s, const struct store_migration *m)
{
    char stored[17], ours[17];
    digest_of(m, ours);
    TRY(run(s, "BEGIN IMMEDIATE"));
    enum err e = read_digest(s, m->version, stored);
    if (e == ERR_OK && stored[0] && strcmp(stored, ours) != 0)
        e = ERR_STORE_SCHEMA;
    if (e == ERR_OK && !stored[0])
        e = apply(s, m);
    if (e == ERR_OK)
        e = run(s, "COMMIT");
    if (!sqlite3_get_autocommit(s->db))
        (void)run(s, "ROLLBACK");
    return e;
}

static int newest_of(const struct store_migration *migrations)
{
    int newest = 0;
    for (const struct store_migration *m = migrations; m->version; m++)
        newest = m->version;
    return newest;
}

enum err store_migrate(struct store *s, const struct store_migration *migrations)
{
    int version = 0;
    TRY(run(s, "CREATE TABLE IF NOT EXISTS schema_version ("
               "version INTEGER PRIMARY KEY, digest TEXT NOT NULL) STRICT"));
    TRY(read_newest(s, &version));
    if (version > newest_of(migrations))
        return ERR_STORE_NEWER;
    for (const struct store_migration *m = migrations; m->version; m++)
        TRY(step(s, m));
    return ERR_OK;
}

enum err store_check_schema(struct store *s, const struct store_migration *migrations)
{
    char stored[17], ours[17];
    int version = 0;
    enum err e = read_newest(s, &version);
    if (e != ERR_OK)
        return e == ERR_STORE ? ERR_STORE_SCHEMA : e; /* no such table: not a file of ours */
    if (version > newest_of(migrations))
        return ERR_STORE_NEWER;
    for (const struct store_migration *m = migrations; m->version; m++) {
        digest_of(m, ours);
        TRY(read_digest(s, m->version, stored));
        if (strcmp(stored, ours) != 0)
            return stored[0] ? ERR_STORE_SCHEMA : ERR_STORE_OLDER;
    }
    return ERR_OK;
}
