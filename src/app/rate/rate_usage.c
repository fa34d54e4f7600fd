#include "app/rate/rate_usage.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/options.h"
#include "base/bytes.h"
#include "io/io.h"
#include "site/csv.h"

/* --- times ------------------------------------------------------------------------------------ */

static bool take_digits(const char **p, unsigned count, int *v)
{
    *v = 0;
    for (unsigned i = 0; i < count; i++, ++*p) {
        if (**p < '0' || **p > '9')
            return false;
        *v = *v * 10 + (**p - '0');
    }
    return true;
}

static bool take_char(const char **p, char c)
{
    if (**p != c)
        return false;
    ++*p;
    return true;
}

/* "2026/7/1", as a spreadsheet writes it: one digit or two. */
static bool take_short(const char **p, int *v)
{
    bool two = (*p)[0] && (*p)[1] >= '0' && (*p)[1] <= '9';
    return take_digits(p, two ? 2 : 1, v);
}

static bool take_slashed(const char **p, int *month, int *date)
{
    return take_char(p, '/') && take_short(p, month) && take_char(p, '/') && take_short(p, date);
}

static bool take_date(const char **p, int32_t *day)
{
    int year, month, date;
    if (!take_digits(p, 4, &year))
        return false;
    if (**p == '/' ? !take_slashed(p, &month, &date)
                   : !take_char(p, '-') || !take_digits(p, 2, &month) || !take_char(p, '-') ||
                         !take_digits(p, 2, &date))
        return false;
    if (month < 1 || month > 12 || date < 1)
        return false;
    *day = civil_days_from_date(year, (unsigned)month, (unsigned)date);
    return year >= 1970 && civil_from_days(*day).day == date; /* there is such a day */
}

/* "HH:MM" or "HH:MM:SS" */
static bool take_clock(const char **p, int64_t *s)
{
    int hour, minute, second = 0;
    if (!take_short(p, &hour) || !take_char(p, ':') || !take_digits(p, 2, &minute))
        return false;
    if (take_char(p, ':') && !take_digits(p, 2, &second))
        return false;
    *s = hour * 3600 + minute * 60 + second;
    return minute < 60 && second < 60 && *s <= 86'400;
}

static bool take_offset(const char **p, int32_t *offset_s)
{
    int hour, minute;
    if (take_char(p, 'Z')) {
        *offset_s = 0;
        return true;
    }
    bool west = **p == '-';
    if (!take_char(p, west ? '-' : '+') || !take_digits(p, 2, &hour))
        return false;
    (void)take_char(p, ':'); /* "+0800" too */
    if (!take_digits(p, 2, &minute) || hour > 14 || minute > 59)
        return false;
    *offset_s = (west ? -1 : 1) * (hour * 3600 + minute * 60);
    return true;
}

bool rate_parse_time(const char *text, int32_t offset_s, wall_s *at)
{
    const char *p = text;
    int32_t day;
    int64_t clock_s = 0;
    if (!take_date(&p, &day))
        return false;
    if (*p != '\0') {
        if ((!take_char(&p, ' ') && !take_char(&p, 'T')) || !take_clock(&p, &clock_s))
            return false;
        if (*p != '\0' && !take_offset(&p, &offset_s))
            return false;
    }
    at->s = civil_day_start(day, offset_s).s + clock_s;
    return *p == '\0';
}

/* "2026-07": all of the month. */
static bool parse_month(const char *text, int32_t offset_s, struct rate_row *row)
{
    const char *p = text;
    int year, month;
    if (!take_digits(&p, 4, &year) || !take_char(&p, '-') || !take_digits(&p, 2, &month) ||
        *p != '\0' || month < 1 || month > 12 || year < 1970)
        return false;
    int32_t day = civil_days_from_date(year, (unsigned)month, 1);
    int32_t next = civil_days_from_date(year + month / 12, (unsigned)(month % 12) + 1, 1);
    row->from = civil_day_start(day, offset_s);
    row->to = civil_day_start(next, offset_s);
    return true;
}

/* --- columns ---------------------------------------------------------------------------------- */

enum column {
    COLUMN_AT, /* free text */
    COLUMN_TIME,
    COLUMN_FROM,
    COLUMN_TO,
    COLUMN_DAY,
    COLUMN_MONTH,
    COLUMN_ESTIMATED,
    COLUMN_REACTIVE,
    COLUMN_TOTAL, /* then the rates */
    COLUMNS = COLUMN_TOTAL + RATE_REGISTERS
};

static const char *const column_names[COLUMNS] = {
    "at",       "time",  "from",  "to",   "day",  "month",  "estimated",
    "reactive", "total", "sharp", "peak", "flat", "valley", "deep_valley"};

struct table_reader {
    struct rate_usage *u;
    struct csv csv;
    int32_t offset_s;
    enum rating_unit unit;
    enum column column[CSV_COLUMNS_MAX];
    bool whole[CSV_COLUMNS_MAX]; /* in units, with decimals, and not in thousandths */
    size_t count;
    bool has[COLUMNS];
};

/* "peak", or "peak_kWh" for numbers with decimals in the plan's unit. */
static enum err name_column(struct table_reader *r, size_t i, const char *cell)
{
    for (unsigned k = 0; k < COLUMNS; k++) {
        size_t n = strlen(column_names[k]);
        if (strncmp(cell, column_names[k], n) != 0 || (cell[n] != '\0' && cell[n] != '_'))
            continue;
        const char *unit = k == COLUMN_REACTIVE ? "kvarh" : rating_unit_name(r->unit);
        r->whole[i] = cell[n] == '_';
        if (r->whole[i] && (k < COLUMN_REACTIVE || strcmp(cell + n + 1, unit) != 0))
            continue;
        if (r->has[k])
            return ERR_CSV_HEADER_TWICE;
        r->has[k] = true;
        r->column[i] = (enum column)k;
        return ERR_OK;
    }
    return ERR_CSV_HEADER;
}

/* Of the ways to say when, one. */
static enum err check_columns(struct table_reader *r)
{
    bool both = r->has[COLUMN_FROM] && r->has[COLUMN_TO];
    int ways = r->has[COLUMN_TIME] + (r->has[COLUMN_FROM] || r->has[COLUMN_TO]) +
               r->has[COLUMN_DAY] + r->has[COLUMN_MONTH];
    r->u->dated = ways > 0;
    r->u->readings = r->has[COLUMN_TIME];
    r->u->has_reactive = r->has[COLUMN_REACTIVE];
    for (unsigned i = 0; i < RATE_REGISTERS; i++)
        r->u->has[i] = r->has[COLUMN_TOTAL + i];
    if (ways > 1)
        return ERR_CSV_HEADER_TWICE;
    bool half = (r->has[COLUMN_FROM] || r->has[COLUMN_TO]) && !both;
    return half || !r->has[COLUMN_TOTAL] ? ERR_CSV_HEADER_MISSING : ERR_OK;
}

static enum err take_header(struct table_reader *r)
{
    TRY(csv_next(&r->csv));
    for (size_t i = 0; i < r->csv.cell_count; i++) {
        r->csv.bad_column = i + 1;
        TRY(name_column(r, i, r->csv.cells[i]));
    }
    r->count = r->csv.cell_count;
    r->csv.bad_column = 0;
    return check_columns(r);
}

/* --- cells ------------------------------------------------------------------------------------ */

#define WH_MAX (INT64_MAX / 1000)

/* "12", "12.5", "12.345": whole thousandths. */
static enum err parse_decimal(char *text, int64_t *thousandths)
{
    int64_t decimals = 0;
    char *point = strchr(text, '.');
    if (point) {
        char digits[] = "000";
        size_t n = strlen(point + 1);
        if (n == 0 || n > 3)
            return ERR_SYNTAX;
        memcpy(digits, point + 1, n);
        if (strspn(digits, "0123456789") != 3)
            return ERR_SYNTAX;
        *point = '\0';
        decimals = strtol(digits, NULL, 10);
    }
    enum err e = options_number(text, 0, WH_MAX / 1000, thousandths);
    if (point)
        *point = '.'; /* an error shows the cell */
    TRY(e);
    *thousandths = *thousandths * 1000 + decimals;
    return ERR_OK;
}

static enum err take_number(char *text, bool whole, int64_t *out)
{
    return whole ? parse_decimal(text, out) : options_number(text, 0, WH_MAX, out);
}

static enum err take_estimated(const char *text, bool *estimated)
{
    *estimated = strcmp(text, "1") == 0;
    return *estimated || strcmp(text, "0") == 0 ? ERR_OK : ERR_SYNTAX;
}

static enum err take_day(const char *text, int32_t offset_s, struct rate_row *row)
{
    int32_t day = 0;
    if (strpbrk(text, " T") || !rate_parse_time(text, offset_s, &row->from))
        return ERR_SYNTAX;
    day = civil_local_day(row->from, offset_s);
    row->to = civil_day_start(day + 1, offset_s);
    return ERR_OK;
}

static enum err take_cell(struct table_reader *r, enum column column, bool whole, char *text,
                          struct rate_row *row)
{
    switch (column) {
    case COLUMN_AT:
        return ERR_OK;
    case COLUMN_TIME:
    case COLUMN_TO:
        return rate_parse_time(text, r->offset_s, &row->to) ? ERR_OK : ERR_SYNTAX;
    case COLUMN_FROM:
        return rate_parse_time(text, r->offset_s, &row->from) ? ERR_OK : ERR_SYNTAX;
    case COLUMN_DAY:
        return take_day(text, r->offset_s, row);
    case COLUMN_MONTH:
        return parse_month(text, r->offset_s, row) ? ERR_OK : ERR_SYNTAX;
    case COLUMN_ESTIMATED:
        return take_estimated(text, &row->estimated);
    case COLUMN_REACTIVE:
        return take_number(text, whole, &row->reactive_wh);
    default:
        return take_number(text, whole, &row->wh[column - COLUMN_TOTAL]);
    }
}

/* Rows of a dated file stand in the order of time. */
static enum err check_order(const struct rate_usage *u, const struct rate_row *row)
{
    const struct rate_row *before = u->count > 0 ? &u->rows[u->count - 1] : NULL;
    if (!u->dated)
        return ERR_OK;
    if (!u->readings && row->from.s >= row->to.s)
        return ERR_RATING_ROWS;
    bool late = before && (u->readings ? row->to.s <= before->to.s : row->from.s < before->to.s);
    return late ? ERR_RATING_ROWS : ERR_OK;
}

/* A row may leave `at` and `estimated` empty. */
static enum err take_row(struct table_reader *r)
{
    struct rate_row row = {.line = r->csv.row};
    for (size_t i = 0; i < r->count; i++) {
        r->csv.bad_column = i + 1;
        bool empty = i >= r->csv.cell_count || !r->csv.cells[i][0];
        if (empty && (r->column[i] == COLUMN_AT || r->column[i] == COLUMN_ESTIMATED))
            continue;
        if (empty)
            return ERR_CSV_REQUIRED;
        TRY(take_cell(r, r->column[i], r->whole[i], r->csv.cells[i], &row));
    }
    r->csv.bad_column = r->csv.cell_count > r->count ? r->count + 1 : 0;
    if (r->csv.bad_column)
        return ERR_CSV_COLUMNS;
    struct rate_usage *u = r->u;
    TRY(check_order(u, &row));
    if (u->count == u->room) {
        size_t room = u->room ? 2 * u->room : 64;
        struct rate_row *rows = realloc(u->rows, room * sizeof *rows);
        if (!rows)
            return ERR_MEMORY;
        u->rows = rows;
        u->room = room;
    }
    u->rows[u->count++] = row;
    return ERR_OK;
}

static enum err take_all(struct table_reader *r)
{
    TRY(take_header(r));
    for (;;) {
        enum err e = csv_next(&r->csv);
        if (e == ERR_NOT_FOUND)
            return r->u->count ? ERR_OK : ERR_CSV_EMPTY;
        TRY(e);
        TRY(take_row(r));
    }
}

/* --- errors ----------------------------------------------------------------------------------- */

/* What a cell of a column looks like. */
static const char *expected(const struct table_reader *r, size_t i)
{
    static const char *const texts[COLUMN_REACTIVE] = {
        [COLUMN_TIME] = "a moment 时刻: 2026-07-01, 2026-07-01 08:30",
        [COLUMN_FROM] = "a moment 时刻: 2026-07-01, 2026-07-01 08:30",
        [COLUMN_TO] = "a moment 时刻: 2026-07-01, 2026-07-01 08:30",
        [COLUMN_DAY] = "a day 日期: 2026-07-01",
        [COLUMN_MONTH] = "a month 月份: 2026-07",
        [COLUMN_ESTIMATED] = "0, 1",
    };
    if (r->column[i] < COLUMN_REACTIVE)
        return texts[r->column[i]];
    return r->whole[i]
               ? "a number with at most 3 decimals 不超过 3 位小数的数: 1234.5"
               : "a whole number of thousandths of the unit 整数（单位的千分之一）: 1234500";
}

/* "FILE row 3 column 2"; as a hint the cell, and what it should be. A cell is told up to 40 bytes.
 */
static void say_where(struct table_reader *r, const char *path, enum err e)
{
    struct rate_usage *u = r->u;
    size_t i = r->csv.bad_column - 1;
    if (r->csv.bad_column == 0) {
        snprintf(u->where, sizeof u->where, "%s row %" PRId64, path, r->csv.row);
        return;
    }
    snprintf(u->where, sizeof u->where, "%s row %" PRId64 " column %zu", path, r->csv.row,
             r->csv.bad_column);
    if (i >= r->csv.cell_count)
        return;
    const char *cell = r->csv.cells[i];
    int shown = 40;
    while (strlen(cell) > 40 && ((unsigned char)cell[shown] & 0xC0) == 0x80)
        shown--;
    if (e == ERR_CSV_HEADER)
        snprintf(
            u->hint, sizeof u->hint,
            "\"%.*s\"; columns 列: at, time, from, to, day, month, estimated, reactive, total, "
            "sharp, peak, flat, valley, deep_valley; total_%s ...",
            shown, cell, rating_unit_name(r->unit));
    else if (e == ERR_SYNTAX && i < r->count)
        snprintf(u->hint, sizeof u->hint, "\"%.*s\"; expected 应为 %s", shown, cell,
                 expected(r, i));
}

enum err rate_usage_load(struct rate_usage *u, const char *path, enum rating_unit unit,
                         int32_t offset_s)
{
    struct table_reader r = {.u = u, .offset_s = offset_s, .unit = unit};
    struct bytes file = {};
    snprintf(u->where, sizeof u->where, "%s", path);
    TRY(io_file_read(path, CSV_SIZE_MAX, &file));
    enum err e = csv_open(&r.csv, file.data, file.len);
    io_file_free(&file);
    TRY(e);
    e = take_all(&r);
    say_where(&r, path, e);
    csv_close(&r.csv);
    return e == ERR_NOT_FOUND ? ERR_CSV_EMPTY : e;
}

void rate_usage_close(struct rate_usage *u)
{
    free(u->rows);
    u->rows = NULL;
}
