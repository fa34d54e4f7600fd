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

#define SITE_IMPORT_ERRORS_MAX 1000 /* told at once; more are counted */

struct site_import;

struct site_import_error {
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
/* The rows that have errors, as a CSV file of their own: the same header, and a last column that
 * says why: the work list of the person who mends them. (Nothing of the file was imported, so the
 * mended rows go back with the others.) UTF-8 with byte order mark; cells that a spreadsheet would
 * take for a formula get an apostrophe. The text is the caller's, for free(). */
[[nodiscard]] enum err site_import_failed(const struct site_import *im, char **text, size_t *len);
const char *site_import_object_name(enum site_import_object object);

#endif
