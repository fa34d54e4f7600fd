/*
 * The store: SQL on SQLite (embedded default). A narrow door: rooms write SQL
 * once, in the text that SQLite and PostgreSQL share ($n parameters, RETURNING,
 * ON CONFLICT, integers, strict types); dialect differences live in here.
 *
 * Two databases on the platform: the ledger (everything that is money, order,
 * desired state, configuration) and the readings; one on a gateway. A transaction
 * never spans two.
 *
 * One commit decides. Work is a function that gets a transaction; it may be run
 *   store_run     now, in a transaction of its own;
 *   store_submit  together with other work waiting at the next store_flush: one
 *                 commit for all, a savepoint for each, so that one refusal does
 *                 not spoil its neighbours. `done` is called after the commit:
 *                 nothing may leave the process before that;
 *   store_submit_parts  the same for work that writes in store_part alone.
 * Durability: WAL and synchronous=FULL. A failed fsync makes the store dead (store_dead): every
 * later call answers ERR_STORE until the process restarts and verifies. A full disk does not: the
 * transaction changed nothing and is answered ERR_STORE_FULL, and work goes on when there is room.
 *
 * Not thread-safe: one loop owns a store.
 */
#ifndef YUFU_STORE_STORE_H
#define YUFU_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

struct store;
struct store_tx;

enum store_kind { STORE_LEDGER, STORE_READINGS, STORE_GATEWAY };

struct store_config {
    enum store_kind kind; /* decides page size and schema */
    const char *path;     /* a file; ":memory:" for tests */
    const char *vfs; /* NULL: the operating system's; a name registered with SQLite in simulation */
    bool read_only;  /* command-line tools that look at a running platform's file */
};

/* Opens, creates if absent, and migrates to the newest schema (numbered, forward only, one
 * transaction each). A read-only one must exist and have exactly this schema. ERR_STORE_NEWER,
 * ERR_STORE_OLDER (read-only alone), ERR_STORE_SCHEMA (written by another build),
 * ERR_STORE_CORRUPT, ERR_STORE_FULL, ERR_IO_FILE. */
[[nodiscard]] enum err store_open(struct store **out, const struct store_config *config);
void store_close(struct store *s); /* NULL is allowed; waiting work is answered ERR_IO_CLOSED */

typedef enum err store_work(struct store_tx *tx, void *arg);
typedef void store_done(void *arg, enum err result);

/* Runs work in one write transaction; commits if it returns ERR_OK, else rolls back and returns
 * its error. Must not be called from inside work. */
[[nodiscard]] enum err store_run(struct store *s, store_work *work, void *arg);
/* The same for work that only reads (it MUST): a stable snapshot, never blocked by a writer. */
[[nodiscard]] enum err store_read(struct store *s, store_work *work, void *arg);
/* Queues work for the next store_flush. Always succeeds; done may be NULL. */
void store_submit(struct store *s, store_work *work, store_done *done, void *arg);
/* The same for long work that is made of parts (store_part). It has no savepoint of its own, which
 * would keep all that it changes until its end, so it MUST write inside its parts alone; its own
 * error is that of everything that is committed with it. */
void store_submit_parts(struct store *s, store_work *work, store_done *done, void *arg);
/* Commits everything queued and then calls every done, in order of submission. */
void store_flush(struct store *s);
size_t store_waiting(const struct store *s);
/* An I/O error left the file in a state that this process cannot know. */
bool store_dead(const struct store *s);
/* A full disk refused a write since the last call. */
bool store_was_full(struct store *s);

/* A part of a running transaction that may fail alone: what refused work wrote is undone, and the
 * transaction goes on. ERR_OK: it lives, and *result is the work's answer. Else it is lost (the
 * disk is full, an I/O error), and the caller must return that error. */
[[nodiscard]] enum err store_part(struct store_tx *tx, store_work *work, void *arg,
                                  enum err *result);

/*
 * One statement. Arguments follow the letters of `types` and fill $1, $2 ...:
 *   i  int64_t        t  const char * (NULL allowed)     b  struct bytes (data NULL: SQL NULL)
 *   n  SQL NULL, takes no argument
 * Errors are sticky: rows end, and query_end returns the error. `sql` must be a string that
 * outlives the store (a literal): statements are prepared once.
 *
 *   struct query q = query_open(tx, "SELECT id, name FROM place WHERE project_id = $1", "i", id);
 *   while (query_step(&q))
 *       use(query_int(&q, 0), query_text(&q, 1));
 *   return query_end(&q);
 */
struct query {
    struct store_tx *tx;
    void *stmt, *slot; /* the store's own */
    bool ended;        /* no more rows: stepping again does not run the statement again */
    enum err err;
};

struct query query_open(struct store_tx *tx, const char *sql, const char *types, ...);
bool query_step(struct query *q);
/* Columns count from 0; valid until the next query_step or query_end. */
bool query_null(const struct query *q, int column);
int64_t query_int(const struct query *q, int column);
const char *query_text(const struct query *q, int column); /* "" for NULL */
struct bytes query_blob(const struct query *q, int column);
[[nodiscard]] enum err query_end(struct query *q);

/* A statement without rows to look at. ERR_STORE_CONSTRAINT if a rule of the schema refuses it. */
[[nodiscard]] enum err store_exec(struct store_tx *tx, const char *sql, const char *types, ...);
/* Rows changed by the last statement of this transaction. */
int64_t store_changes(const struct store_tx *tx);
/* The first column of the first row; ERR_NOT_FOUND if there is none. */
[[nodiscard]] enum err store_int(struct store_tx *tx, int64_t *value, const char *sql,
                                 const char *types, ...);

/* The next number of a named sequence, from 1, without gaps among committed transactions. */
[[nodiscard]] enum err store_next_id(struct store_tx *tx, const char *sequence, int64_t *id);

/* Structural check of the file (PRAGMA integrity_check). */
[[nodiscard]] enum err store_check(struct store *s);
/* A consistent copy of a live database into a new file; a failed one is removed. */
[[nodiscard]] enum err store_backup(struct store *s, const char *path);

#endif
