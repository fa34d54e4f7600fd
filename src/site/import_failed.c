/* The rows that failed, for the person who must mend them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "site/import_impl.h"

static void put_cell(FILE *out, const char *cell)
{
    bool formula = cell[0] && strchr("=+-@\t", cell[0]);
    bool quoted = strpbrk(cell, ",\"\r\n") != NULL;
    if (quoted)
        fputc('"', out);
    if (formula)
        fputc('\'', out);
    for (const char *p = cell; *p; p++) {
        if (*p == '"')
            fputc('"', out);
        fputc(*p, out);
    }
    if (quoted)
        fputc('"', out);
}

/* Every error of a row in one cell. Errors stand in the order of rows. */
static void put_reasons(FILE *out, const struct site_import *im, size_t first)
{
    int64_t row = im->errors[first].row;
    fputc('"', out);
    for (size_t i = first; i < im->error_count && im->errors[i].row == row; i++) {
        const struct site_import_error *e = &im->errors[i];
        fprintf(out, "%s%s: %s %s %s", i > first ? "; " : "", e->column, err_name(e->code),
                err_text_en(e->code), err_text_zh(e->code));
    }
    fputc('"', out);
}

/* The first error of a row, searched from `*at` on; false: it has none. */
static bool find_error(const struct site_import *im, int64_t row, size_t *at)
{
    while (*at < im->error_count && im->errors[*at].row < row)
        (*at)++;
    return *at < im->error_count && im->errors[*at].row == row;
}

static void put_row(FILE *out, const struct site_import *im, const struct import_row *r,
                    size_t first_error)
{
    for (size_t i = 0; i < im->column_count; i++) {
        if (import_is_reason(im->header_row[i]))
            continue;
        if (im->columns[i] != COLUMN_NONE)
            put_cell(out, r->cells[im->columns[i]]);
        fputc(',', out);
    }
    put_reasons(out, im, first_error);
    fputs("\r\n", out);
}

enum err site_import_failed(const struct site_import *im, char **text, size_t *len)
{
    FILE *out = open_memstream(text, len);
    if (!out)
        return ERR_MEMORY;
    fputs("\xef\xbb\xbf", out);
    for (size_t i = 0; i < im->column_count; i++)
        if (!import_is_reason(im->header_row[i])) {
            put_cell(out, im->header_row[i]);
            fputc(',', out);
        }
    fputs(IMPORT_REASON "\r\n", out);
    size_t error = 0;
    for (size_t i = 0; i < im->row_count; i++)
        if (find_error(im, im->rows[i].row, &error))
            put_row(out, im, &im->rows[i], error);
    return fclose(out) == 0 ? ERR_OK : ERR_MEMORY;
}
