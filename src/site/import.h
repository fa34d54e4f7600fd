/*
 * Import of a whole site from one CSV file (docs/formats/site-csv.md), in two phases: everything
 * is checked and compared first, then all of it is written in one transaction, or nothing.
 *
 *   struct site_import *im;
 *   TRY(site_import_open(&im, data, len));
 *   site_import_plan(im, "dorm", body) ...
 *   store_read(store, work that calls site_import_compare)   dry run: look at rows and errors
 *   store_run(store, work that calls site_import_commit)     compares again, then writes
 */
#ifndef YUFU_SITE_IMPORT_H
#define YUFU_SITE_IMPORT_H

#include "site/site.h"

#define SITE_IMPORT_ERRORS_MAX 400'000 /* told at once; more are counted */

struct site_import;

struct site_import_error {
    int64_t number;     /* in the order in which they were found */
    int64_t row;        /* as in the file; 0: not about a row */
    const char *column; /* the header as written in the file, the code of a plan; "" : the row */
    enum err code;
    char value[64]; /* what stood there, cut; "" where it does not help */
};

enum site_import_object {
    SITE_IMPORT_PROJECT,
    SITE_IMPORT_PLAN,
    SITE_IMPORT_STRATEGY,
    SITE_IMPORT_PLACE,
    SITE_IMPORT_GATEWAY,
    SITE_IMPORT_LINE,
    SITE_IMPORT_CUSTOMER,
    SITE_IMPORT_ACCOUNT,
    SITE_IMPORT_METER,
    SITE_IMPORT_OBJECTS
};

struct site_import_result {
    int64_t rows;
    int64_t rows_by_change[3];               /* indexed by enum site_change */
    int64_t objects[SITE_IMPORT_OBJECTS][3]; /* objects by kind and change */
    int64_t error_count;                     /* all of them */
    char project_code[SITE_CODE_MAX + 1];
    int64_t project_id; /* after a commit */
    int64_t import_id;  /* after a commit: how it is named when it is undone; 0: all was the same */
};

/* Copies the file's bytes. Errors inside the file are not errors of this call: they are found by
 * site_import_compare. ERR_MEMORY. */
[[nodiscard]] enum err site_import_open(struct site_import **out, const void *data, size_t len);
void site_import_close(struct site_import *im); /* NULL is allowed */

/* A plan or strategy that comes with the file. A bad one is found by site_import_compare. */
[[nodiscard]] enum err site_import_plan(struct site_import *im, const char *code, const char *body);
[[nodiscard]] enum err site_import_strategy(struct site_import *im, const char *code,
                                            const char *body);
/* From when a changed plan or strategy is in force; 0 (the start): from `now` of the commit. */
void site_import_effective(struct site_import *im, wall_s at);

/* The time at which a comparison is made; 0 (the start): what depends on it is found when it is
 * written. */
void site_import_now(struct site_import *im, wall_s now);

/* The name that the history shows: at most SITE_NAME_MAX bytes, cut between characters and without
 * control characters. Default "". */
void site_import_name(struct site_import *im, const char *file);
const char *site_import_file(const struct site_import *im);

/* The same as site_import_compare in slices, for callers that have other things to do meanwhile: up
 * to `items` rows or things a call; each slice may have a transaction of its own. */
enum site_import_phase { SITE_IMPORT_READING, SITE_IMPORT_COMPARING, SITE_IMPORT_COMPARED };
struct site_import_progress {
    enum site_import_phase phase;
    int64_t done, total; /* of the phase: bytes, or things */
};
[[nodiscard]] enum err site_import_some(struct site_import *im, struct store_tx *tx, int64_t items);
void site_import_where(const struct site_import *im, struct site_import_progress *out);

/* Checks everything and compares with what is stored; writes nothing. ERR_SITE_IMPORT if there is
 * any error in the file: see site_import_errors. */
[[nodiscard]] enum err site_import_compare(struct site_import *im, struct store_tx *tx);

/* Compares, writes, adds the audit row and the event. `actor` as in journal_act. ERR_SITE_IMPORT as
 * above: the transaction must be rolled back, which store_run does. */
[[nodiscard]] enum err site_import_commit(struct site_import *im, struct store_tx *tx,
                                          const char *actor, wall_s now);

/* After compare or commit. */
const struct site_import_result *site_import_result(const struct site_import *im);
const struct site_import_error *site_import_errors(const struct site_import *im, size_t *count);
/* What happened to row i (0 .. rows-1, file row in *row). */
enum site_change site_import_row(const struct site_import *im, int64_t i, int64_t *row);
/* What row i is about; "" where it says nothing. */
struct site_import_subject {
    const char *place, *account, *gateway, *line, *address;
};
void site_import_subject(const struct site_import *im, int64_t i, struct site_import_subject *out);
/* The rows that have errors, as a CSV file of their own: the same header, and a last column that
 * says why: the work list of the person who mends them. (Nothing of the file was imported, so the
 * mended rows go back with the others.) UTF-8 with byte order mark; cells that a spreadsheet would
 * take for a formula get an apostrophe. The text is the caller's, for free(). */
[[nodiscard]] enum err site_import_failed(const struct site_import *im, char **text, size_t *len);
const char *site_import_object_name(enum site_import_object object);

/* --- what was imported, and undoing it -------------------------------------------------------- */

struct site_imported {
    int64_t id, project_id;
    wall_s at;
    const char *actor, *file; /* valid until the callback returns */
    int64_t rows, rows_by_change[3];
    wall_s undone_at; /* 0: it stands */
    const char *undone_by, *undo_reason;
};
typedef enum err site_imported_each(void *arg, const struct site_imported *i);
/* Newest first: those with id < before (0: from the newest), at most `limit`. project_id 0: all. */
[[nodiscard]] enum err site_imports(struct store_tx *tx, int64_t project_id, int64_t before,
                                    int64_t limit, site_imported_each *each, void *arg);

/* Why something of an import must stay. */
enum site_undo_reason {
    SITE_UNDO_MONEY,   /* an account has bookings, bills or requests */
    SITE_UNDO_ORDER,   /* a sale, a vend or a command */
    SITE_UNDO_READING, /* a meter was read */
    SITE_UNDO_CHANGED, /* somebody changed it since, exchanged the meter, or closed the account */
    SITE_UNDO_STAFF,   /* protections, packages or decisions of people stand on it */
    SITE_UNDO_USED,    /* something that came later belongs to it */
    SITE_UNDO_CLAIMED, /* the gateway has proved itself */
    SITE_UNDO_REASONS
};
const char *site_undo_reason_name(enum site_undo_reason reason);
const char *site_undo_reason_en(enum site_undo_reason reason);
const char *site_undo_reason_zh(enum site_undo_reason reason);

#define SITE_UNDO_SHOWN 200 /* blockers that are named; more are counted */
struct site_undo_blocker {
    const char *object; /* 'account', 'meter', 'place' ... */
    int64_t id;
    char code[SITE_PATH_MAX + 1];
    enum site_undo_reason reason;
    int64_t later_import; /* SITE_UNDO_USED: the newest that changed it since; 0: none did */
};
struct site_undo {
    int64_t import_id, project_id; /* project_id 0: whichever */
    /* Whether a meter was ever read: readings are kept elsewhere. NULL: none was. */
    bool (*was_read)(void *arg, int64_t meter_id);
    void *arg;
    /* found */
    int64_t removed, restored; /* objects that go, facts that return */
    int64_t blocker_count;     /* all of them */
    size_t shown;
    struct site_undo_blocker blockers[SITE_UNDO_SHOWN];
};
/* Looks only. ERR_SITE_UNDO: there are blockers. ERR_SITE_UNDONE, ERR_NOT_FOUND. */
[[nodiscard]] enum err site_import_undo_check(struct store_tx *tx, struct site_undo *u);
/* Looks, then takes away what the import made and puts back what it changed, with one audit row and
 * one event. After an error the transaction must be rolled back. ERR_SITE_TEXT: no reason. */
[[nodiscard]] enum err site_import_undo(struct store_tx *tx, struct site_undo *u, const char *actor,
                                        const char *reason, wall_s now);

#endif
