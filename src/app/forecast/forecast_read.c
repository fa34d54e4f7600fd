#include "app/forecast/forecast_read.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

#define LINE_BYTES 4096

/* --- cells
 * ------------------------------------------------------------------------------------------ */

/* 2026-11-05, or as spreadsheets write it: 2026/11/5. */
static bool take_date(const char **text, struct civil *c)
{
    int y, m, d, used = 0;
    if (sscanf(*text, "%4d-%2d-%2d%n", &y, &m, &d, &used) != 3 &&
        sscanf(*text, "%4d/%2d/%2d%n", &y, &m, &d, &used) != 3)
        return false;
    *text += used;
    c->year = y;
    c->month = m > 0 ? (uint8_t)m : 0;
    c->day = d > 0 ? (uint8_t)d : 0;
    return true;
}

/* 8:30, 08:30:00 or 08:30:00.25; what is beyond the second is passed by. */
static bool take_clock(const char **text, struct civil *c)
{
    int h, min, s = 0, used = 0, more = 0;
    if (sscanf(*text, "%2d:%2d%n", &h, &min, &used) != 2 || h < 0 || min < 0)
        return false;
    *text += used;
    if (**text == ':' && (sscanf(*text, ":%2d%n", &s, &more) != 1 || s < 0))
        return false;
    *text += more;
    if (more && **text == '.')
        *text += 1 + strspn(*text + 1, "0123456789");
    c->hour = (uint8_t)h;
    c->minute = (uint8_t)min;
    c->second = (uint8_t)s;
    return true;
}

/* Local seconds; a zone at the end is what the time is local to, and passed by. A date alone is the
 * end of its day. */
static bool read_time(const char *text, int64_t *local_s)
{
    struct civil c = {.hour = 23, .minute = 59, .second = 59};
    if (!take_date(&text, &c))
        return false;
    if (*text == 'T' || *text == ' ') {
        text++;
        if (!take_clock(&text, &c))
            return false;
        text += *text == 'Z' ? 1 : strspn(text, "+-0123456789:");
    }
    if (*text || !civil_valid(c))
        return false;
    *local_s = civil_to_wall(c, 0).s;
    return true;
}

/* Decimal text in thousandths; further decimals are cut off. */
static bool read_balance(const char *text, int64_t *out)
{
    bool minus = *text == '-';
    int64_t v = 0;
    int digits = 0, decimals = 0;
    for (text += minus; isdigit((unsigned char)*text) && digits < 9; text++, digits++)
        v = v * 10 + *text - '0';
    if (digits == 0)
        return false;
    v *= 1000;
    if (*text == '.')
        for (text++; isdigit((unsigned char)*text); text++, decimals++)
            v += decimals == 0   ? 100 * (*text - '0')
                 : decimals == 1 ? 10 * (*text - '0')
                 : decimals == 2 ? *text - '0'
                                 : 0;
    *out = minus ? -v : v;
    return *text == '\0';
}

static size_t split(char *line, char *cells[FORECAST_COLUMNS + 2])
{
    size_t n = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; at && n < FORECAST_COLUMNS + 2; n++) {
        cells[n] = at;
        at = strchr(at, ',');
        if (at)
            *at++ = '\0';
    }
    return n;
}

/* --- one account
 * ------------------------------------------------------------------------------------ */

struct reading {
    struct forecast_file *file;
    bool begun[FORECAST_COLUMNS];
    int64_t before_s[FORECAST_COLUMNS], before[FORECAST_COLUMNS];
    int64_t last_s;
};

static void forget_between(struct forecast_series *s, int32_t from, int32_t to)
{
    for (int32_t day = from; day <= to; day++)
        s->day[day - s->first].kind = FORECAST_DAY_NONE;
}

/* The use since the reading before falls to the day of this one. */
static void take(struct reading *r, size_t k, int64_t at_s, int64_t left)
{
    struct forecast_series *s = &r->file->series[k];
    int32_t day = (int32_t)(at_s / 86'400), before_day = (int32_t)(r->before_s[k] / 86'400);
    struct forecast_day *d = &s->day[day - s->first];
    int64_t gap_s = at_s - r->before_s[k], fall = r->before[k] - left;
    bool first = !r->begun[k];
    if (!d->read && !first)
        d->kind = FORECAST_DAY_KNOWN;
    d->read = true;
    d->left = left;
    if (!first) {
        d->used += fall > 0 ? fall : 0;
        if (fall < 0 && gap_s > FORECAST_HIDDEN_H * 3600 && d->kind == FORECAST_DAY_KNOWN)
            d->kind = FORECAST_DAY_AT_LEAST;
        if (gap_s > FORECAST_GAP_H * 3600 || day - before_day > 1)
            forget_between(s, before_day + 1, day);
    }
    r->begun[k] = true;
    r->before_s[k] = at_s;
    r->before[k] = left;
}

/* --- the file
 * --------------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum err read_heading(struct forecast_file *f, const char *path, char *line)
{
    char *cells[FORECAST_COLUMNS + 2];
    size_t n = split(line, cells);
    int64_t unused;
    if (n < 2 || n > FORECAST_COLUMNS + 1 || read_time(cells[0], &unused))
        return ERR_FORECAST_COLUMNS;
    f->count = n - 1;
    for (size_t k = 0; k < f->count; k++)
        snprintf(f->series[k].name, sizeof f->series[k].name, "%.*s%s%.*s", FORECAST_NAME_MAX,
                 base_name(path), n > 2 ? ":" : "", n > 2 ? FORECAST_NAME_MAX : 0, cells[k + 1]);
    return ERR_OK;
}

static enum err begin_days(struct reading *r, int64_t at_s)
{
    for (size_t k = 0; k < r->file->count; k++) {
        struct forecast_series *s = &r->file->series[k];
        s->first = (int32_t)(at_s / 86'400);
        s->day = calloc(FORECAST_FILE_DAYS, sizeof *s->day);
        if (!s->day)
            return ERR_MEMORY;
    }
    return ERR_OK;
}

static enum err read_row(struct reading *r, char *line)
{
    char *cells[FORECAST_COLUMNS + 2];
    struct forecast_file *f = r->file;
    int64_t at_s, left;
    size_t n = split(line, cells);
    if (!read_time(cells[0], &at_s))
        return ERR_FORECAST_TIME;
    if (n != f->count + 1)
        return ERR_FORECAST_COLUMNS;
    if (f->series[0].day && at_s < r->last_s)
        return ERR_FORECAST_ORDER;
    if (!f->series[0].day)
        TRY(begin_days(r, at_s));
    int64_t day = at_s / 86'400 - f->series[0].first;
    if (day >= FORECAST_FILE_DAYS)
        return ERR_FORECAST_SPAN;
    for (size_t k = 0; k < f->count; k++) {
        if (!*cells[k + 1])
            continue; /* not read at this time */
        if (!read_balance(cells[k + 1], &left))
            return ERR_FORECAST_NUMBER;
        take(r, k, at_s, left);
        f->series[k].count = (int32_t)day + 1;
    }
    r->last_s = at_s;
    return ERR_OK;
}

static enum err read_all(FILE *file, const char *path, struct forecast_file *out)
{
    char line[LINE_BYTES];
    struct reading r = {.file = out};
    out->bad_line = 1;
    if (!fgets(line, sizeof line, file))
        return ERR_FORECAST_COLUMNS;
    TRY(read_heading(out, path, line));
    while (fgets(line, sizeof line, file)) {
        out->bad_line++;
        if (*line == '\n' || *line == '\r')
            continue;
        TRY(read_row(&r, line));
    }
    return out->series[0].day ? ERR_OK : ERR_CSV_EMPTY;
}

enum err forecast_read(const char *path, struct forecast_file *out)
{
    *out = (struct forecast_file){};
    FILE *file = fopen(path, "r");
    if (!file)
        return ERR_IO_FILE;
    enum err e = read_all(file, path, out);
    fclose(file);
    if (e != ERR_OK) {
        size_t line = out->bad_line;
        forecast_file_free(out);
        out->bad_line = line;
    }
    return e;
}

void forecast_file_free(struct forecast_file *f)
{
    for (size_t k = 0; k < FORECAST_COLUMNS; k++)
        free(f->series[k].day);
    *f = (struct forecast_file){};
}
