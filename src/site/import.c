#include "site/import.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "site/import_impl.h"

enum err site_import_open(struct site_import **out, const void *data, size_t len)
{
    struct site_import *im = calloc(1, sizeof *im);
    if (!im)
        return ERR_MEMORY;
    im->opened = csv_open(&im->csv, data, len);
    if (im->opened == ERR_MEMORY) {
        site_import_close(im);
        return ERR_MEMORY;
    }
    *out = im;
    return ERR_OK;
}

static void free_texts(struct import_text *texts, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(texts[i].body);
    free(texts);
}

void site_import_close(struct site_import *im)
{
    if (!im)
        return;
    import_apply_end(im);
    struct things *all[] = {&im->project,   &im->places,   &im->gateways, &im->lines,
                            &im->customers, &im->accounts, &im->meters};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        import_things_free(all[i]);
    free_texts(im->plans, im->plan_count);
    free_texts(im->strategies, im->strategy_count);
    for (size_t i = 0; i < im->text_count; i++)
        free(im->texts[i]);
    free(im->texts);
    free(im->rows);
    free(im->errors);
    csv_close(&im->csv);
    free(im);
}

/* --- what comes with the file --------------------------------------------------------------- */

static enum err add_text(struct import_text **texts, size_t *count, const char *code,
                         const char *body)
{
    if (!site_code_fits(code))
        return ERR_CSV_CODE;
    struct import_text *more = realloc(*texts, (*count + 1) * sizeof *more);
    if (!more)
        return ERR_MEMORY;
    *texts = more;
    more[*count] = (struct import_text){.body = strdup(body)};
    if (!more[*count].body)
        return ERR_MEMORY;
    memcpy(more[(*count)++].code, code, strlen(code) + 1);
    return ERR_OK;
}

enum err site_import_plan(struct site_import *im, const char *code, const char *body)
{
    return add_text(&im->plans, &im->plan_count, code, body);
}

enum err site_import_strategy(struct site_import *im, const char *code, const char *body)
{
    return add_text(&im->strategies, &im->strategy_count, code, body);
}

void site_import_effective(struct site_import *im, wall_s at)
{
    im->effective_at = at;
}

void site_import_now(struct site_import *im, wall_s now)
{
    im->compared_at = now;
}

/* --- errors and texts ----------------------------------------------------------------------- */

/* Rows stand in the order of the file. */
static void mark_wrong(struct site_import *im, int64_t row)
{
    size_t low = 0, high = im->row_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (im->rows[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < im->row_count && im->rows[low].row == row)
        im->rows[low].wrong = true;
}

void import_error(struct site_import *im, int64_t row, const char *column, enum err code,
                  const char *value)
{
    im->result.error_count++;
    mark_wrong(im, row);
    if (im->error_count == SITE_IMPORT_ERRORS_MAX)
        return;
    if (im->error_count == im->error_cap) {
        im->error_cap = im->error_cap ? 2 * im->error_cap : 64;
        im->errors = realloc(im->errors, im->error_cap * sizeof *im->errors);
        MUST(im->errors);
    }
    struct site_import_error *e = &im->errors[im->error_count++];
    *e = (struct site_import_error){im->result.error_count, row, column, code, ""};
    size_t used = 0, left = strlen(value);
    const unsigned char *s = (const unsigned char *)value;
    while (left > 0) { /* cut between characters */
        size_t len = detail_utf8_length(s, left);
        if (len == 0 || used + len >= sizeof e->value)
            break;
        memcpy(e->value + used, s, len);
        used += len;
        s += len;
        left -= len;
    }
    e->value[used] = 0;
}

const char *import_text(struct site_import *im, const char *format, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, format);
    MUST(vasprintf(&text, format, args) >= 0);
    va_end(args);
    if ((im->text_count & (im->text_count - 1)) == 0) {
        im->texts =
            realloc(im->texts, (im->text_count ? 2 * im->text_count : 1) * sizeof *im->texts);
        MUST(im->texts);
    }
    im->texts[im->text_count++] = text;
    return text;
}

/* Row by row as a person works through the file; what is not about a row comes first. */
static int by_row(const void *a, const void *b)
{
    const struct site_import_error *x = a, *y = b;
    if (x->row != y->row)
        return x->row < y->row ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

/* --- the two phases ------------------------------------------------------------------------- */

void site_import_name(struct site_import *im, const char *file)
{
    size_t used = 0, left = strlen(file);
    const unsigned char *s = (const unsigned char *)file;
    while (left > 0) {
        size_t len = detail_utf8_length(s, left);
        if (len == 0 || used + len >= sizeof im->file)
            break;
        if (s[0] >= 0x20 && s[0] != 0x7F) {
            memcpy(im->file + used, s, len);
            used += len;
        }
        s += len;
        left -= len;
    }
    im->file[used] = 0;
}

const char *site_import_file(const struct site_import *im)
{
    return im->file;
}

/* The code is known from the first row on. */
static void note_project(struct site_import *im)
{
    if (im->project.count)
        snprintf(im->result.project_code, sizeof im->result.project_code, "%s",
                 im->project.list[0].key);
}

/* Errors of an earlier comparison are forgotten, those of the file itself stay. */
static enum err begin(struct site_import *im, bool write, const char *actor, wall_s now)
{
    import_parse(im, INT64_MAX);
    note_project(im);
    if (!im->compared) {
        im->compared = true;
        im->parse_errors = im->error_count;
        im->parse_error_total = im->result.error_count;
    }
    im->error_count = im->parse_errors;
    im->result.error_count = im->parse_error_total;
    im->result.import_id = 0;
    memset(im->result.rows_by_change, 0, sizeof im->result.rows_by_change);
    memset(im->result.objects, 0, sizeof im->result.objects);
    return import_apply_begin(im, write, actor, write ? now : im->compared_at);
}

static void sort_errors(struct site_import *im)
{
    if (im->error_count)
        qsort(im->errors, im->error_count, sizeof *im->errors, by_row);
}

/* A slice of the comparison. Errors of the file itself do not end it: a person should hear of
 * everything at once. Their rows are left out. */
static enum err compare_some(struct site_import *im, struct store_tx *tx, int64_t items, bool *more)
{
    *more = false;
    if (im->parse_error_total == 0 || im->project.count > 0)
        TRY(import_apply_some(im, tx, items, more));
    if (!*more)
        sort_errors(im);
    return ERR_OK;
}

static enum err verdict(const struct site_import *im)
{
    return im->result.error_count ? ERR_SITE_IMPORT : ERR_OK;
}

enum err site_import_compare(struct site_import *im, struct store_tx *tx)
{
    bool more = true;
    TRY(begin(im, false, "", (wall_s){INT64_MAX}));
    TRY(compare_some(im, tx, INT64_MAX, &more));
    import_apply_end(im);
    return verdict(im);
}

enum err site_import_some(struct site_import *im, struct store_tx *tx, int64_t items)
{
    bool more = true;
    if (im->sliced)
        return ERR_OK;
    if (!im->parsed) {
        import_parse(im, items);
        note_project(im);
        return ERR_OK;
    }
    if (!im->apply.begun)
        TRY(begin(im, false, "", (wall_s){INT64_MAX}));
    TRY(compare_some(im, tx, items, &more));
    if (more)
        return ERR_OK;
    im->sliced = true;
    import_apply_end(im);
    return ERR_OK;
}

void site_import_where(const struct site_import *im, struct site_import_progress *out)
{
    if (!im->parsed) {
        *out = (struct site_import_progress){SITE_IMPORT_READING, (int64_t)im->csv.at,
                                             (int64_t)im->csv.len};
        return;
    }
    out->phase = im->sliced ? SITE_IMPORT_COMPARED : SITE_IMPORT_COMPARING;
    import_apply_where(im, &out->done, &out->total);
    if (im->sliced)
        out->done = out->total;
}

static bool anything_changed(const struct site_import_result *r)
{
    for (int object = 0; object < SITE_IMPORT_OBJECTS; object++)
        if (r->objects[object][SITE_NEW] || r->objects[object][SITE_CHANGED])
            return true;
    return false;
}

static enum err write_down(struct site_import *im, struct store_tx *tx, const char *actor,
                           wall_s now)
{
    struct detail d = {};
    char object[32];
    detail_int(&d, "import", im->result.import_id);
    detail_text(&d, "file", im->file);
    detail_int(&d, "rows", im->result.rows);
    detail_int(&d, "new", im->result.rows_by_change[SITE_NEW]);
    detail_int(&d, "changed", im->result.rows_by_change[SITE_CHANGED]);
    detail_int(&d, "same", im->result.rows_by_change[SITE_SAME]);
    const char *facts = detail_end(&d);
    snprintf(object, sizeof object, "project:%lld", (long long)im->result.project_id);
    TRY(journal_append(tx, &(struct journal_act){now, actor, "site.import", object, facts}));
    return journal_event(tx, &(struct journal_event){.at = now,
                                                     .kind = EVENT_SITE_IMPORTED,
                                                     .project_id = im->result.project_id,
                                                     .detail = facts});
}

/* All in one transaction: whoever looks sees the site before the import, or after it. */
static enum err write_all(struct site_import *im, struct store_tx *tx)
{
    bool more = true;
    struct apply *a = &im->apply;
    a->tx = tx;
    TRY(import_log_begin(a));
    TRY(compare_some(im, tx, INT64_MAX, &more));
    TRY(verdict(im));
    if (!anything_changed(&im->result))
        return ERR_OK;
    TRY(import_log(a));
    return write_down(im, tx, a->actor, a->now);
}

enum err site_import_commit(struct site_import *im, struct store_tx *tx, const char *actor,
                            wall_s now)
{
    TRY(begin(im, true, actor, now));
    enum err e = write_all(im, tx);
    import_apply_end(im);
    return e;
}

/* --- what came of it ------------------------------------------------------------------------ */

const struct site_import_result *site_import_result(const struct site_import *im)
{
    return &im->result;
}

const struct site_import_error *site_import_errors(const struct site_import *im, size_t *count)
{
    *count = im->error_count;
    return im->errors;
}

enum site_change site_import_row(const struct site_import *im, int64_t i, int64_t *row)
{
    MUST(i >= 0 && (size_t)i < im->row_count);
    *row = im->rows[i].row;
    return im->rows[i].change;
}

void site_import_subject(const struct site_import *im, int64_t i, struct site_import_subject *out)
{
    MUST(i >= 0 && (size_t)i < im->row_count);
    const struct import_row *r = &im->rows[i];
    *out = (struct site_import_subject){
        .place = r->place < 0 ? "" : im->places.list[r->place].key,
        .account = r->cells[COLUMN_ACCOUNT],
        .gateway = r->cells[COLUMN_GATEWAY],
        .line = r->cells[COLUMN_LINE],
        .address = r->cells[COLUMN_ADDRESS],
    };
}

const char *site_import_object_name(enum site_import_object object)
{
    static const char *const names[SITE_IMPORT_OBJECTS] = {"project",  "price plan", "strategy",
                                                           "place",    "gateway",    "line",
                                                           "customer", "account",    "meter"};
    MUST(object < SITE_IMPORT_OBJECTS);
    return names[object];
}
