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
};

struct import_text { /* a plan or strategy of the command line */
    char code[SITE_CODE_MAX + 1];
    char *body;
};

struct site_import {
    struct csv csv;
    enum err opened; /* why csv could not be opened */
    bool parsed, compared;
    const char *header_row[CSV_COLUMNS_MAX]; /* as it stands in the file */
    const char *headers[COLUMN_COUNT]; /* as written in the file; NULL: the column is absent */
    enum column columns[CSV_COLUMNS_MAX];
    size_t column_count;
    struct import_row *rows;
    size_t row_count, row_cap;
    struct things project, places, gateways, lines, customers, accounts, meters;
    struct import_text *plans, *strategies;
    size_t plan_count, strategy_count;
    wall_s effective_at;
    struct site_import_error *errors;
    size_t error_count, parse_errors; /* kept ones; those of the file itself */
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
/* Reads the whole file into rows and things, once; errors are kept in im. */
void import_parse(struct site_import *im);

/* --- import.c ------------------------------------------------------------------------------- */

void import_error(struct site_import *im, int64_t row, const char *column, enum err code,
                  const char *value);
/* A text that lives as long as the import. */
const char *import_text(struct site_import *im, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- import_apply.c ------------------------------------------------------------------------- */

/* Compares everything with what is stored, and writes it if `write`. Errors of content go into im;
 * what is returned is an error of the store. */
[[nodiscard]] enum err import_apply(struct site_import *im, struct store_tx *tx, bool write,
                                    wall_s now);

#endif
