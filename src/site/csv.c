#include "site/csv.h"

#include <iconv.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "journal/detail.h"

/* --- encoding ------------------------------------------------------------------------------- */

/* A zero byte passes here: the row that holds it is told later. */
static bool is_utf8(const unsigned char *s, size_t left)
{
    while (left > 0) {
        size_t len = s[0] == 0 ? 1 : detail_utf8_length(s, left);
        if (len == 0)
            return false;
        s += len;
        left -= len;
    }
    return true;
}

/* GB18030 contains GBK and the rare characters of names that GBK lacks. Two bytes of it become at
 * most three of UTF-8, four become at most four. */
static enum err from_gbk(const char *data, size_t len, struct csv *csv)
{
    size_t cap = len + len / 2 + 4, left = cap;
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    if (cd == (iconv_t)-1)
        return ERR_CSV_ENCODING;
    char *out = malloc(cap + 1), *to = out, *from = (char *)(uintptr_t)data;
    size_t failed = out ? iconv(cd, &from, &len, &to, &left) : (size_t)-1;
    iconv_close(cd);
    if (failed == (size_t)-1) {
        free(out);
        return out ? ERR_CSV_ENCODING : ERR_MEMORY;
    }
    csv->text = out;
    csv->len = cap - left;
    csv->gbk = true;
    return ERR_OK;
}

enum err csv_open(struct csv *csv, const void *data, size_t len)
{
    const char *text = data;
    *csv = (struct csv){};
    if (len > CSV_SIZE_MAX)
        return ERR_CSV_SIZE;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
        text += 3;
        len -= 3;
    }
    if (is_utf8((const unsigned char *)text, len)) {
        csv->text = malloc(len + 1);
        if (!csv->text)
            return ERR_MEMORY;
        if (len)
            memcpy(csv->text, text, len);
        csv->len = len;
    } else {
        TRY(from_gbk(text, len, csv));
    }
    csv->text[csv->len] = 0;
    return ERR_OK;
}

void csv_close(struct csv *csv)
{
    free(csv->text);
    *csv = (struct csv){};
}

/* --- cells ---------------------------------------------------------------------------------- */

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool ends_line(const struct csv *csv, size_t at)
{
    return at >= csv->len || csv->text[at] == '\n' || csv->text[at] == '\r';
}

#define WIDE_BLANK "\xe3\x80\x80" /* the ideographic space */

/* Cuts blanks off both ends, and the apostrophe by which spreadsheets keep digits as text. */
static char *trim(char *begin, char *end)
{
    *end = 0;
    for (bool more = true; more;) {
        more = false;
        if (blank(*begin))
            begin++, more = true;
        else if (strncmp(begin, WIDE_BLANK, 3) == 0)
            begin += 3, more = true;
    }
    if (*begin == '\'')
        begin++;
    for (bool more = true; more && end > begin;) {
        more = false;
        if (blank(end[-1]))
            end--, more = true;
        else if (end - begin >= 3 && memcmp(end - 3, WIDE_BLANK, 3) == 0)
            end -= 3, more = true;
    }
    *end = 0;
    return begin;
}

static bool has_control(const char *begin, const char *end)
{
    for (const char *p = begin; p < end; p++)
        if (((unsigned char)*p < 0x20 && *p != '\t' && *p != '\n' && *p != '\r') || *p == 0x7F)
            return true;
    return false;
}

/* After the opening quote: moves the content forward over its doubled quotes. */
static enum err read_quoted(struct csv *csv, char **out_end)
{
    char *out = csv->text + csv->at;
    for (;;) {
        if (csv->at >= csv->len)
            return ERR_CSV_QUOTE;
        char c = csv->text[csv->at++];
        if (c == '"' && csv->at < csv->len && csv->text[csv->at] == '"')
            csv->at++;
        else if (c == '"')
            break;
        *out++ = c;
    }
    while (csv->at < csv->len && blank(csv->text[csv->at]))
        csv->at++;
    *out_end = out;
    return ends_line(csv, csv->at) || csv->text[csv->at] == ',' ? ERR_OK : ERR_CSV_QUOTE;
}

static enum err read_plain(struct csv *csv, char **out_end)
{
    while (!ends_line(csv, csv->at) && csv->text[csv->at] != ',') {
        if (csv->text[csv->at] == '"')
            return ERR_CSV_QUOTE;
        csv->at++;
    }
    *out_end = csv->text + csv->at;
    return ERR_OK;
}

/* Reads one cell; csv->at is left on the comma or line end behind it, which the caller looks at
 * before the cell's closing zero may overwrite it. */
static enum err read_cell(struct csv *csv, char **begin, char **end)
{
    size_t at = csv->at;
    while (at < csv->len && blank(csv->text[at]))
        at++;
    if (at < csv->len && csv->text[at] == '"') {
        csv->at = at + 1;
        *begin = csv->text + csv->at;
        TRY(read_quoted(csv, end));
    } else {
        *begin = csv->text + csv->at;
        TRY(read_plain(csv, end));
    }
    return has_control(*begin, *end) ? ERR_CSV_CONTROL : ERR_OK;
}

/* Steps over what stands behind a cell; true if another cell follows in this row. */
static bool step_over(struct csv *csv)
{
    if (csv->at >= csv->len)
        return false;
    char c = csv->text[csv->at++];
    if (c == '\r' && csv->at < csv->len && csv->text[csv->at] == '\n')
        csv->at++;
    return c == ',';
}

static enum err read_row(struct csv *csv)
{
    bool more = true;
    csv->cell_count = 0;
    while (more) {
        char *begin, *end;
        enum err e =
            csv->cell_count < CSV_COLUMNS_MAX ? read_cell(csv, &begin, &end) : ERR_CSV_COLUMNS;
        if (e != ERR_OK) {
            csv->bad_column = csv->cell_count + 1;
            return e;
        }
        more = step_over(csv);
        csv->cells[csv->cell_count++] = trim(begin, end);
    }
    return ERR_OK;
}

static bool row_empty(const struct csv *csv)
{
    for (size_t i = 0; i < csv->cell_count; i++)
        if (csv->cells[i][0])
            return false;
    return true;
}

enum err csv_next(struct csv *csv)
{
    csv->bad_column = 0;
    while (csv->at < csv->len) {
        csv->row++;
        enum err e = read_row(csv);
        if (e == ERR_OK && row_empty(csv))
            continue;
        if (e == ERR_OK && ++csv->filled > CSV_ROWS_MAX + 1)
            e = ERR_CSV_ROWS;
        if (e != ERR_OK)
            csv->at = csv->len;
        return e;
    }
    return ERR_NOT_FOUND;
}
