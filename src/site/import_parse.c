/*
 * From text to rows and things. A header that is wrong ends it; every other error is kept and the
 * next cell is looked at, so that all of them are told at once.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "meter/meter.h"
#include "site/import_impl.h"

/* --- header --------------------------------------------------------------------------------- */

/* The column that site_import_failed adds may come back with the mended file. */
bool import_is_reason(const char *name)
{
    return strcmp(name, IMPORT_REASON) == 0;
}

static void take_header_cell(struct site_import *im, const char *name)
{
    enum column c = name[0] ? import_column_of(name) : COLUMN_NONE;
    bool known = c != COLUMN_NONE || !name[0] || import_is_reason(name);
    im->header_row[im->column_count] = name;
    im->columns[im->column_count++] = c;
    if (!known)
        import_error(im, im->csv.row, name, ERR_CSV_HEADER, name);
    else if (c != COLUMN_NONE && im->headers[c])
        import_error(im, im->csv.row, name, ERR_CSV_HEADER_TWICE, name);
    else if (c != COLUMN_NONE)
        im->headers[c] = name;
}

static bool parse_header(struct site_import *im)
{
    enum err e = csv_next(&im->csv);
    if (e != ERR_OK) {
        import_error(im, e == ERR_NOT_FOUND ? 0 : im->csv.row, "",
                     e == ERR_NOT_FOUND ? ERR_CSV_EMPTY : e, "");
        return false;
    }
    for (size_t i = 0; i < im->csv.cell_count; i++)
        take_header_cell(im, im->csv.cells[i]);
    for (enum column c = 0; c < COLUMN_COUNT; c++)
        if (import_column_required(c) && !im->headers[c])
            import_error(im, im->csv.row, import_column_name(c), ERR_CSV_HEADER_MISSING, "");
    if (!im->headers[COLUMN_ROOM] && !im->headers[COLUMN_SHOP])
        import_error(im, im->csv.row, import_column_name(COLUMN_ROOM), ERR_CSV_HEADER_MISSING, "");
    return im->result.error_count == 0;
}

const char *import_header(const struct site_import *im, enum column c)
{
    return im->headers[c] ? im->headers[c] : import_column_name(c);
}

/* --- cells ---------------------------------------------------------------------------------- */

static struct import_row *add_row(struct site_import *im)
{
    if (im->row_count == im->row_cap) {
        im->row_cap = im->row_cap ? 2 * im->row_cap : 256;
        im->rows = realloc(im->rows, im->row_cap * sizeof *im->rows);
        MUST(im->rows);
    }
    struct import_row *r = &im->rows[im->row_count++];
    *r = (struct import_row){
        .row = im->csv.row, .place = -1, .gateway = -1, .line = -1, .customer = -1, .account = -1};
    for (enum column c = 0; c < COLUMN_COUNT; c++)
        r->cells[c] = "";
    return r;
}

static bool given(const struct import_row *r, enum column c)
{
    return r->cells[c][0] != 0;
}

/* False if a cell of the row could not be read: its things are not made of it. */
static bool take_cells(struct site_import *im, struct import_row *r)
{
    bool fits = true;
    for (size_t i = 0; i < im->csv.cell_count; i++) {
        enum column c = i < im->column_count ? im->columns[i] : COLUMN_NONE;
        const char *cell = im->csv.cells[i], *written = cell;
        if (!cell[0] || (i < im->column_count && import_is_reason(im->header_row[i])))
            continue;
        enum err e = c == COLUMN_NONE ? ERR_CSV_COLUMNS : import_column_check(im, c, &cell);
        if (e != ERR_OK) {
            import_error(im, r->row, c == COLUMN_NONE ? "" : import_header(im, c), e, written);
            fits = false;
        }
        if (c != COLUMN_NONE)
            r->cells[c] = cell;
    }
    return fits;
}

static bool need(struct site_import *im, const struct import_row *r, enum column c)
{
    if (given(r, c))
        return true;
    import_error(im, r->row, import_header(im, c), ERR_CSV_REQUIRED, "");
    return false;
}

static bool check_needed(struct site_import *im, const struct import_row *r)
{
    bool fits = true;
    for (enum column c = 0; c < COLUMN_COUNT; c++)
        if (import_column_required(c))
            fits = need(im, r, c) && fits;
    if (given(r, COLUMN_ROOM) == given(r, COLUMN_SHOP)) {
        import_error(im, r->row, import_header(im, COLUMN_ROOM), ERR_CSV_PLACE, "");
        fits = false;
    }
    return fits;
}

/* --- things --------------------------------------------------------------------------------- */

/* Adds what a row says; saying something else than an earlier row is an error. */
static void say(struct site_import *im, struct thing *t, size_t fact, enum column c,
                const struct import_row *r)
{
    if (!given(r, c))
        return;
    if (!t->facts[fact])
        t->facts[fact] = r->cells[c];
    else if (strcmp(t->facts[fact], r->cells[c]) != 0)
        import_error(im, r->row, import_header(im, c), ERR_CSV_CONTRADICTS, r->cells[c]);
}

static void say_all(struct site_import *im, struct thing *t, enum column first, size_t count,
                    const struct import_row *r)
{
    for (size_t i = 0; i < count; i++)
        say(im, t, i, first + (enum column)i, r);
}

/* The first project is the file's. False: the row is of another one, and nothing of it is taken:
 * whoever brings the file may be a stranger there. */
static bool take_project(struct site_import *im, const struct import_row *r)
{
    struct things *all = &im->project;
    const char *code = r->cells[COLUMN_PROJECT];
    if (all->count > 0 && strcmp(all->list[0].key, code) != 0) {
        import_error(im, r->row, import_header(im, COLUMN_PROJECT), ERR_CSV_PROJECT, code);
        return false;
    }
    (void)import_thing(all, code, r->row);
    say_all(im, &all->list[0], COLUMN_PROJECT_NAME, 3, r);
    return true;
}

/* Building, floor if there is one, room or shop: each a path below the one before. */
static void take_place(struct site_import *im, struct import_row *r)
{
    static const struct {
        enum column column;
        enum site_place_kind kind;
    } steps[] = {{COLUMN_BUILDING, SITE_BUILDING},
                 {COLUMN_FLOOR, SITE_FLOOR},
                 {COLUMN_ROOM, SITE_ROOM},
                 {COLUMN_SHOP, SITE_SHOP}};
    char path[SITE_PATH_MAX + 1] = "";
    for (size_t s = 0; s < sizeof steps / sizeof *steps; s++) {
        const char *code = r->cells[steps[s].column];
        if (!code[0])
            continue;
        size_t len = strlen(path);
        if (len)
            path[len++] = '/';
        memcpy(path + len, code, strlen(code) + 1);
        int32_t i = import_thing_find(&im->places, path);
        if (i < 0) {
            i = import_thing(&im->places, import_text(im, "%s", path), r->row);
            im->places.list[i].parent = r->place;
            im->places.list[i].place_kind = steps[s].kind;
            im->places.list[i].facts[0] = code;
        } else if (im->places.list[i].place_kind != steps[s].kind) {
            import_error(im, r->row, import_header(im, steps[s].column), ERR_CSV_CONTRADICTS, code);
        }
        r->place = i;
    }
}

_Static_assert(SITE_PATH_MAX >= 3 * SITE_CODE_MAX + 2, "a path of three codes fits");

static void take_line(struct site_import *im, struct import_row *r)
{
    char key[SITE_CODE_MAX + 16];
    r->gateway = import_thing(&im->gateways, r->cells[COLUMN_GATEWAY], r->row);
    say(im, &im->gateways.list[r->gateway], 0, COLUMN_GATEWAY_NAME, r);
    size_t len = strlen(r->cells[COLUMN_GATEWAY]);
    memcpy(key, r->cells[COLUMN_GATEWAY], len);
    key[len] = '/';
    memcpy(key + len + 1, r->cells[COLUMN_LINE], strlen(r->cells[COLUMN_LINE]) + 1);
    r->line = import_thing_find(&im->lines, key);
    if (r->line < 0) {
        r->line = import_thing(&im->lines, import_text(im, "%s", key), r->row);
        im->lines.list[r->line].parent = r->gateway;
        im->lines.list[r->line].facts[3] = r->cells[COLUMN_LINE];
    }
    say_all(im, &im->lines.list[r->line], COLUMN_ENDPOINT, 3, r);
}

static void take_customer(struct site_import *im, struct import_row *r)
{
    bool named = given(r, COLUMN_CUSTOMER);
    if (!named && !given(r, COLUMN_CUSTOMER_NAME) && !given(r, COLUMN_PHONE))
        return;
    r->customer =
        import_thing(&im->customers, r->cells[named ? COLUMN_CUSTOMER : COLUMN_ACCOUNT], r->row);
    say_all(im, &im->customers.list[r->customer], COLUMN_CUSTOMER_NAME, 2, r);
}

static void link_once(struct site_import *im, const struct import_row *r, int32_t *link,
                      int32_t found, enum column c)
{
    if (found < 0)
        return;
    if (*link < 0)
        *link = found;
    else if (*link != found)
        import_error(im, r->row, import_header(im, c), ERR_CSV_CONTRADICTS, r->cells[c]);
}

static void take_account(struct site_import *im, struct import_row *r)
{
    if (!given(r, COLUMN_ACCOUNT)) {
        for (enum column c = COLUMN_ACCOUNT_NAME; c <= COLUMN_LADDER_GROUP; c++)
            if (given(r, c))
                import_error(im, r->row, import_header(im, c), ERR_CSV_ACCOUNT, r->cells[c]);
        return;
    }
    take_customer(im, r);
    r->account = import_thing(&im->accounts, r->cells[COLUMN_ACCOUNT], r->row);
    struct thing *a = &im->accounts.list[r->account];
    say(im, a, 0, COLUMN_ACCOUNT_NAME, r);
    for (size_t i = 0; i < 10; i++)
        say(im, a, 1 + i, COLUMN_WALLET + (enum column)i, r);
    link_once(im, r, &a->customer, r->customer, COLUMN_CUSTOMER);
    if (a->place < 0)
        a->place = r->place; /* a second meter of the account may hang elsewhere */
    a->count++;
}

static void take_meter(struct site_import *im, const struct import_row *r)
{
    const char *key =
        import_text(im, "%s/%s", im->lines.list[r->line].key, r->cells[COLUMN_ADDRESS]);
    if (import_thing_find(&im->meters, key) >= 0)
        import_error(im, r->row, import_header(im, COLUMN_ADDRESS), ERR_CSV_DUPLICATE_METER,
                     r->cells[COLUMN_ADDRESS]);
    else
        (void)import_thing(&im->meters, key,
                           r->row); /* only its key matters: rows are the meters */
    const struct meter_model *model = meter_model_find(r->cells[COLUMN_MODEL]);
    struct meter_unit unit;
    if (meter_unit_init(&unit, model->name, r->cells[COLUMN_ADDRESS], "", 0) != ERR_OK)
        import_error(im, r->row, import_header(im, COLUMN_ADDRESS), ERR_CSV_ADDRESS,
                     r->cells[COLUMN_ADDRESS]); /* its protocol has no such address */
    if (given(r, COLUMN_CIRCUITS) && strtol(r->cells[COLUMN_CIRCUITS], NULL, 10) > model->circuits)
        import_error(im, r->row, import_header(im, COLUMN_CIRCUITS), ERR_CSV_CIRCUITS,
                     r->cells[COLUMN_CIRCUITS]);
}

static void take_row(struct site_import *im)
{
    struct import_row *r = add_row(im);
    int64_t before = im->result.error_count;
    bool fits = take_cells(im, r);
    r->faulty = true;
    if (!check_needed(im, r) || !fits || !take_project(im, r))
        return;
    take_place(im, r);
    take_line(im, r);
    take_account(im, r);
    take_meter(im, r);
    r->faulty = im->result.error_count > before;
}

/* --- what only the whole file can tell ------------------------------------------------------ */

static void check_accounts(struct site_import *im)
{
    static const enum column needed[] = {COLUMN_WALLET, COLUMN_PLAN, COLUMN_STRATEGY};
    for (size_t i = 0; i < im->accounts.count; i++) {
        const struct thing *a = &im->accounts.list[i];
        for (size_t k = 0; k < 3; k++)
            if (!a->facts[1 + k])
                import_error(im, a->row, import_header(im, needed[k]), ERR_CSV_REQUIRED, a->key);
    }
}

static bool wallet_in_meter(const struct site_import *im, const struct import_row *r)
{
    const char *wallet = r->account < 0 ? NULL : im->accounts.list[r->account].facts[1];
    return wallet && strcmp(wallet, "meter") == 0;
}

static void check_wallets(struct site_import *im)
{
    for (size_t i = 0; i < im->row_count; i++) {
        const struct import_row *r = &im->rows[i];
        const struct meter_model *model = meter_model_find(r->cells[COLUMN_MODEL]);
        if (wallet_in_meter(im, r) &&
            (im->accounts.list[r->account].count != 1 || !model || model->class == METER_CLASS_D))
            import_error(im, r->row, import_header(im, COLUMN_WALLET), ERR_CSV_WALLET_METERS,
                         r->cells[COLUMN_MODEL]);
    }
}

/* False at the end of the file. */
static bool parse_row(struct site_import *im)
{
    enum err e = csv_next(&im->csv);
    if (e == ERR_OK) {
        take_row(im);
        return true;
    }
    if (e != ERR_NOT_FOUND) {
        size_t bad = im->csv.bad_column;
        enum column c = bad && bad <= im->column_count ? im->columns[bad - 1] : COLUMN_NONE;
        import_error(im, im->csv.row, c == COLUMN_NONE ? "" : import_header(im, c), e, "");
    } else if (im->row_count == 0) {
        import_error(im, 0, "", ERR_CSV_EMPTY, "");
    }
    return false;
}

/* Only the header: without it no row means anything. */
static bool parse_begin(struct site_import *im)
{
    if (im->header_read)
        return true;
    im->header_read = true;
    if (im->opened != ERR_OK)
        import_error(im, 0, "", im->opened, "");
    else if (parse_header(im))
        return true;
    im->parsed = true;
    return false;
}

void import_parse(struct site_import *im, int64_t rows)
{
    if (im->parsed || !parse_begin(im))
        return;
    while (rows-- > 0 && !im->parsed)
        im->parsed = !parse_row(im);
    im->result.rows = (int64_t)im->row_count;
    if (!im->parsed)
        return;
    check_accounts(im);
    check_wallets(im);
}
