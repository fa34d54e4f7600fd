/* Shared by the parts of the import only. */
#ifndef YUFU_SITE_IMPORT_IMPL_H
#define YUFU_SITE_IMPORT_IMPL_H

#include "site/csv.h"
#include "site/import.h"
#include "site/site_impl.h"

enum column {
    COLUMN_PROJECT,
    COLUMN_PROJECT_NAME,
    COLUMN_ZONE,
    COLUMN_ORGANISATION,
    COLUMN_BUILDING,
    COLUMN_FLOOR,
    COLUMN_ROOM,
    COLUMN_SHOP,
    COLUMN_ACCOUNT,
    COLUMN_ACCOUNT_NAME,
    COLUMN_CUSTOMER,
    COLUMN_CUSTOMER_NAME,
    COLUMN_PHONE,
    COLUMN_WALLET,
    COLUMN_PLAN,
    COLUMN_STRATEGY,
    COLUMN_CONTRACT,
    COLUMN_PERSONS,
    COLUMN_AREA,
    COLUMN_CAPACITY,
    COLUMN_CONTRACTED,
    COLUMN_MOVED_IN,
    COLUMN_LADDER_GROUP,
    COLUMN_GATEWAY,
    COLUMN_GATEWAY_NAME,
    COLUMN_LINE,
    COLUMN_ENDPOINT,
    COLUMN_BAUD,
    COLUMN_PARITY,
    COLUMN_ADDRESS,
    COLUMN_MODEL,
    COLUMN_KIND,
    COLUMN_CIRCUITS,
    COLUMN_CUSTOMER_NUMBER,
    COLUMN_COUNT,
    COLUMN_NONE = COLUMN_COUNT
};

/* An object of the file: what all rows together say about it. */
#define THING_FACTS 12
struct thing {
    const char *key;                /* its own code, or path */
    const char *facts[THING_FACTS]; /* cells of the columns of its kind; NULL: nobody says */
    int64_t row;                    /* the first that mentions it */
    int32_t parent;                 /* index of what it belongs to, in the table of that kind; -1 */
    int32_t place;                  /* accounts: index of the place; -1 */
    int32_t customer;               /* accounts: index of the customer; -1 */
    int32_t count;                  /* accounts: meters */
    enum site_place_kind place_kind;
    int64_t id;
    enum site_change change;
};

struct things {
    struct thing *list;
    size_t count, cap;
    int32_t *slots; /* open addressing by key; -1 empty */
    size_t slot_count;
};

struct import_row {
    int64_t row;                                     /* in the file */
    const char *cells[COLUMN_COUNT];                 /* canonical; "" empty */
    int32_t place, gateway, line, customer, account; /* indexes; -1 */
    enum site_change change;
    bool faulty; /* the file itself is wrong here: not compared */
    bool wrong;  /* it has an error: it would not be written */
};

struct import_text { /* a plan or strategy of the command line */
    char code[SITE_CODE_MAX + 1];
    char *body;
};

/* Ids of one table, drawn without gaps: nobody else draws within the transaction. */
struct import_ids {
    int64_t before, last; /* of the sequence; before -1: not looked at yet */
};

enum import_table { /* in the order in which they can be made; backwards they can be taken away */
                    IMPORT_ORGANISATION,
                    IMPORT_PROJECT,
                    IMPORT_PLAN,
                    IMPORT_STRATEGY,
                    IMPORT_PLACE,
                    IMPORT_GATEWAY,
                    IMPORT_LINE,
                    IMPORT_CUSTOMER,
                    IMPORT_ACCOUNT,
                    IMPORT_METER,
                    IMPORT_TABLES
};

/* What is known of a plan or strategy that accounts name; to that of a plan its unit is added, to
 * that of a strategy 1 if it begins later. */
enum import_known { IMPORT_NOT_ASKED, IMPORT_UNKNOWN, IMPORT_KNOWN };
#define IMPORT_LATER (IMPORT_KNOWN + 1)

/* One walk over everything that the file says, in slices. */
struct apply {
    struct site_import *im;
    struct store_tx *tx;
    bool begun, write;
    wall_s now;
    const char *actor;
    int64_t project_id, import_id;            /* import_id 0: nothing is written down yet */
    size_t step, item;                        /* where the walk stands */
    bool *touched;                            /* gateways whose lines or meters changed */
    struct things plan_codes, strategy_codes; /* id: enum import_known */
    struct import_ids ids[IMPORT_TABLES];
};

struct site_import {
    struct csv csv;
    char file[SITE_NAME_MAX + 1]; /* its name */
    bool header_read;
    struct apply apply;
    enum err opened; /* why csv could not be opened */
    bool parsed, compared, sliced;
    const char *header_row[CSV_COLUMNS_MAX]; /* as it stands in the file */
    const char *headers[COLUMN_COUNT]; /* as written in the file; NULL: the column is absent */
    enum column columns[CSV_COLUMNS_MAX];
    size_t column_count;
    struct import_row *rows;
    size_t row_count, row_cap;
    struct things project; /* one: the first that is named */
    struct things places, gateways, lines, customers, accounts, meters;
    struct import_text *plans, *strategies;
    size_t plan_count, strategy_count;
    wall_s effective_at, compared_at;
    struct site_import_error *errors;
    size_t error_count, error_cap, parse_errors; /* kept ones; those of the file itself */
    int64_t parse_error_total;
    char **texts; /* made by the import: paths, padded addresses */
    size_t text_count;
    struct site_import_result result;
};

/* --- import_column.c ------------------------------------------------------------------------ */

/* By its English or Chinese name; COLUMN_NONE. */
enum column import_column_of(const char *name);
const char *import_column_name(enum column c);
bool import_column_required(enum column c);
/* Checks a cell that is not empty, and makes it canonical ("平台" becomes "platform"). */
enum err import_column_check(struct site_import *im, enum column c, const char **cell);

/* "90.5" to thousandths: at most 9 digits and 3 decimals. False: it is no such number. */
bool import_milli(const char *text, int64_t *milli);

/* --- import_thing.c ------------------------------------------------------------------------- */

/* The thing of this key; a new one, first mentioned in `row`, if there is none. */
int32_t import_thing(struct things *t, const char *key, int64_t row);
int32_t import_thing_find(const struct things *t, const char *key);
void import_things_free(struct things *t);

/* --- import_parse.c ------------------------------------------------------------------------- */

#define IMPORT_REASON "error \xe9\x94\x99\xe8\xaf\xaf" /* error 错误 */
bool import_is_reason(const char *name);
/* Reads up to `rows` further rows of the file into rows and things; errors are kept in im, and
 * im->parsed tells the end. */
void import_parse(struct site_import *im, int64_t rows);

/* --- import.c ------------------------------------------------------------------------------- */

void import_error(struct site_import *im, int64_t row, const char *column, enum err code,
                  const char *value);
/* A text that lives as long as the import. */
const char *import_text(struct site_import *im, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- import_apply.c ------------------------------------------------------------------------- */

/* Starts the walk anew. It compares everything with what is stored, and writes it if `write`.
 * Errors of content go into im; what is returned is an error of the store. */
[[nodiscard]] enum err import_apply_begin(struct site_import *im, bool write, const char *actor,
                                          wall_s now);
/* Walks over up to `items` things. */
[[nodiscard]] enum err import_apply_some(struct site_import *im, struct store_tx *tx, int64_t items,
                                         bool *more);
void import_apply_end(struct site_import *im); /* frees; may be called twice */
/* How far it is, and how far there is to go. */
void import_apply_where(const struct site_import *im, int64_t *done, int64_t *total);

/* After the first error nothing more is written: the rest is only looked at, to find them all, and
 * the transaction is rolled back in the end. */
bool import_writing(const struct apply *a);
/* ERR_OK for an error of content, which is told; the others come back. */
[[nodiscard]] enum err import_tell(struct apply *a, enum err e, int64_t row, enum column c,
                                   const char *value);
const char *import_header(const struct site_import *im, enum column c); /* as the file calls it */
void import_count(struct apply *a, enum site_import_object object, enum site_change change);

/* NULL leaves the field as it is. Lengths were checked with the cells. */
void import_set(char *field, size_t cap, const char *text);
void import_default(char *field, size_t cap, const char *text);
#define SET(field, text) import_set(field, sizeof(field), text)
#define DEFAULT(field, text) import_default(field, sizeof(field), text)
/* ERR_OK if it was found or not; `found` says which. */
[[nodiscard]] enum err import_maybe(enum err e, bool *found);

/* What hangs on something that is new and not written yet would change, although ids do not say so.
 */
enum site_change import_beside_new(const struct apply *a, enum site_change change, bool new);

/* put_X: a new thing is added under the next id; one that is there is changed, and what it was is
 * written down. Without writing, only looked at. */
#define IMPORT_PUT(type, TABLE)                                                                    \
    static enum err put_##type(struct apply *a, struct site_##type *o, bool found,                 \
                               enum site_change *change)                                           \
    {                                                                                              \
        struct import_facts before;                                                                \
        if (!found && import_writing(a)) {                                                         \
            *change = SITE_NEW;                                                                    \
            TRY(import_draw(a, TABLE, &o->id));                                                    \
            return site_##type##_add(a->tx, o);                                                    \
        }                                                                                          \
        TRY(site_##type##_apply(a->tx, o, false, change));                                         \
        if (*change != SITE_CHANGED || !import_writing(a))                                         \
            return ERR_OK;                                                                         \
        TRY(import_facts(a->tx, TABLE, o->id, &before));                                           \
        TRY(site_##type##_apply(a->tx, o, true, change));                                          \
        return import_log_change(a, TABLE, o->id, &before);                                        \
    }

/* --- import_holder.c ------------------------------------------------------------------------ */

[[nodiscard]] enum err import_customer(struct apply *a, size_t i);
[[nodiscard]] enum err import_account(struct apply *a, size_t i);
[[nodiscard]] enum err import_meter(struct apply *a, size_t i);

/* --- import_log.c --------------------------------------------------------------------------- */

const char *import_table_name(enum import_table table);
/* The next id of a table. */
[[nodiscard]] enum err import_draw(struct apply *a, enum import_table table, int64_t *id);

/* The facts of one object as they are stored. */
#define IMPORT_FIELDS 7
struct import_facts {
    size_t count;
    char text[IMPORT_FIELDS][SITE_NAME_MAX + 1];
};
[[nodiscard]] enum err import_facts(struct store_tx *tx, enum import_table table, int64_t id,
                                    struct import_facts *out);
/* Puts one fact back. */
[[nodiscard]] enum err import_fact_put(struct store_tx *tx, const char *table, const char *field,
                                       int64_t id, const char *text);
/* What is stored now; ERR_NOT_FOUND: the object is gone, or there is no such field. */
[[nodiscard]] enum err import_fact_now(struct store_tx *tx, const char *table, const char *field,
                                       int64_t id, char *text, size_t cap);
/* Writes down in what an object differs from `before`. */
[[nodiscard]] enum err import_log_change(struct apply *a, enum import_table table, int64_t id,
                                         const struct import_facts *before);
[[nodiscard]] enum err import_log_term(struct apply *a, int64_t account_id, wall_s from);
/* Before anything is written. */
[[nodiscard]] enum err import_log_begin(struct apply *a);
/* At the end of what was written: the import itself, and the ranges of what it made. */
[[nodiscard]] enum err import_log(struct apply *a);

/* --- import_undo.c -------------------------------------------------------------------------- */

/* Whether rows of `table` that belong to a row of `parent` stand in the way of taking it away, or
 * go with it. */
bool import_undo_knows(enum import_table parent, const char *table);

#endif
