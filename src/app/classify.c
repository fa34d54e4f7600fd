/* Reading recorded loads: one reader a format, all of them give samples in time order. */
#include "app/classify.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/classify_impl.h"
#include "app/classify_text.h"

#define HOLD_MS 10'000           /* a gap longer than this is not looked across */
#define SAME_MOST 4              /* rows with one and the same time */
#define SPARSE_ROWS 5            /* so many rows, each further apart, are no series for it */
#define REVERSED_MW 20'000       /* a meter's zero is not further off */
#define POWER_MOST 1'000'000'000 /* mW, mvar, mVA: no circuit of a room */

enum err classify_refuse(struct reading *r, size_t column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(r->problem->what, sizeof r->problem->what, format, args);
    va_end(args);
    r->problem->column = column;
    return ERR_SYNTAX;
}

/* --- series
 * ------------------------------------------------------------------------------------------ */

static void give(struct reading *r, const struct load_sample *x)
{
    struct load_event e;
    if (r->last_ms != INT64_MIN && x->now.ms - r->last_ms > HOLD_MS)
        r->watch = (struct load_watch){}; /* what happened meanwhile nobody knows */
    r->last_ms = x->now.ms;
    if (load_take(&r->watch, r->settings, x, &e))
        r->sink->event(r->sink->arg, &e, load_plain_rule(&e.step));
}

/* Some loggers write a second twice; a whole second of cycles under one time is something else. */
static enum err check_order(struct reading *r, size_t column, int64_t ms, bool *same)
{
    *same = r->last_ms != INT64_MIN && ms == r->last_ms;
    r->same = *same ? r->same + 1 : 0;
    if (r->last_ms != INT64_MIN && ms < r->last_ms)
        return classify_refuse(r, column, "time runs backwards: sort the rows first");
    r->sparse = r->last_ms == INT64_MIN || ms - r->last_ms > HOLD_MS ? r->sparse + 1 : 0;
    if (r->sparse >= SPARSE_ROWS)
        return classify_refuse(r, column,
                               "the last %d rows are each more than %d s apart: a switching is not "
                               "seen in such means",
                               SPARSE_ROWS, HOLD_MS / 1000);
    if (r->same > SAME_MOST)
        return classify_refuse(r, column,
                               "more than %d rows have this time: times of cycles need "
                               "their decimals",
                               SAME_MOST);
    return ERR_OK;
}

/* A name stands in one row, or in all rows while it is on: its first row counts. */
static void take_label(struct reading *r, int64_t ms, const char *text)
{
    struct classify_label label = {.at_ms = ms};
    classify_clean_name(text, label.name);
    bool changed = strcmp(r->label, label.name) != 0;
    memcpy(r->label, label.name, sizeof r->label);
    if (changed && *label.name)
        r->sink->label(r->sink->arg, &label);
}

/* One smart plug: time; mean of 1 s; mean of 8 s. Active power only. */
static enum err read_plug_row(struct reading *r, char *line)
{
    struct text_cells c;
    int64_t ms, mw;
    bool same;
    if (!text_split(line, ';', &c) || c.count != 3)
        return classify_refuse(r, 0, "expected time;watts;watts");
    if (!text_time(c.cell[0], true, 0, &ms))
        return classify_refuse(r, 1, "\"%.40s\" is no time", c.cell[0]);
    enum text_kind kind = text_number(c.cell[1], true, 0, &mw);
    if (kind == TEXT_JUNK || (kind == TEXT_NUMBER && (mw > POWER_MOST || mw < -POWER_MOST)))
        return classify_refuse(r, 2, "\"%.40s\" is no active power in watts", c.cell[1]);
    TRY(check_order(r, 1, ms, &same));
    if (!same && kind == TEXT_NUMBER)
        give(r, &(struct load_sample){.now = {ms}, .power_mw = (int32_t)mw});
    return ERR_OK;
}

/* --- tables with a heading
 * --------------------------------------------------------------------------- */

struct columns {
    int at[TEXT_COLUMNS]; /* -1: not there */
    int shift[TEXT_COLUMNS];
    size_t count;
    char by;
    bool comma; /* parts decimals too */
    bool bench; /* a bench meter: currents with two decimals, harmonics as amplitudes */
};

static enum err name_columns(struct reading *r, const struct text_cells *f, struct columns *c)
{
    for (size_t i = 0; i < f->count; i++) {
        struct text_heading h = text_heading(f->cell[i]);
        if (h.bad_unit)
            return classify_refuse(r, i + 1, "unknown unit in \"%.40s\" (%s)", f->cell[i],
                                   text_column_name(h.column));
        if (h.column == TEXT_COLUMNS && *f->cell[i])
            r->sink->unknown(r->sink->arg, i + 1, f->cell[i]);
        if (h.column >= TEXT_UNUSED)
            continue;
        if (c->at[h.column] >= 0)
            return classify_refuse(r, i + 1, "\"%.40s\": a second column for %s", f->cell[i],
                                   text_column_name(h.column));
        c->at[h.column] = (int)i;
        c->shift[h.column] = h.shift;
        c->bench = c->bench || h.bench;
    }
    return ERR_OK;
}

static enum err find_columns(struct reading *r, char *header, struct columns *c)
{
    struct text_cells f;
    int64_t ms;
    *c = (struct columns){.by = text_separator(header)};
    c->comma = c->by != ',';
    memset(c->at, -1, sizeof c->at);
    if (!text_split(header, c->by, &f))
        return classify_refuse(r, 0, "a quote is open, or more than %d columns", TEXT_CELLS_MAX);
    if (text_time(f.cell[0], c->comma, 0, &ms))
        return classify_refuse(r, 0,
                               "no heading: the first line names the columns, "
                               "time,P[,Q,U,I,h3,..h15,label]");
    TRY(name_columns(r, &f, c));
    c->count = f.count;
    if (c->at[TEXT_TIME] < 0 && c->at[TEXT_DATE] >= 0) {
        c->at[TEXT_TIME] = c->at[TEXT_DATE];
        c->at[TEXT_DATE] = -1;
    }
    if (c->at[TEXT_TIME] < 0 || c->at[TEXT_P] < 0)
        return classify_refuse(r, 0, "no column %s: columns time and P are needed",
                               c->at[TEXT_TIME] < 0 ? "time" : "P");
    return ERR_OK;
}

static enum err row_time(struct reading *r, const struct columns *c, const struct text_cells *f,
                         int64_t *ms)
{
    char text[80];
    const char *time = f->cell[c->at[TEXT_TIME]];
    size_t column = (size_t)c->at[TEXT_TIME] + 1;
    if (c->at[TEXT_DATE] >= 0) {
        snprintf(text, sizeof text, "%.40s %.30s", f->cell[c->at[TEXT_DATE]], time);
        time = text;
    }
    return text_time(time, c->comma, c->shift[TEXT_TIME], ms)
               ? ERR_OK
               : classify_refuse(r, column, "\"%.40s\" is no time", time);
}

static const struct range {
    int64_t least, most; /* thousandths */
} ranges[TEXT_COLUMNS] = {
    [TEXT_P] = {-POWER_MOST, POWER_MOST},
    [TEXT_Q] = {-POWER_MOST, POWER_MOST},
    [TEXT_U] = {0, 1'000'000},
    [TEXT_I] = {0, 5'000'000},
    [TEXT_S] = {0, POWER_MOST},
    [TEXT_PF] = {-1'000, 1'000},
    [TEXT_FIRST] = {0, 5'000'000},
    [TEXT_H3] = {0, 5'000'000},
};

/* What was measured in this row. A row in which something of it is empty is a gap. */
static enum err row_values(struct reading *r, const struct columns *c, const struct text_cells *f,
                           int64_t v[TEXT_COLUMNS], bool *gap)
{
    *gap = false;
    for (int k = TEXT_P; k < TEXT_LABEL; k++) {
        int at = c->at[k];
        const struct range *in = &ranges[k > TEXT_H3 ? TEXT_H3 : k];
        if (at < 0)
            continue;
        enum text_kind kind = text_number(f->cell[at], c->comma, c->shift[k], &v[k]);
        if (kind == TEXT_JUNK)
            return classify_refuse(r, (size_t)at + 1, "\"%.40s\" is no number for %s", f->cell[at],
                                   text_column_name((enum text_column)k));
        *gap = *gap || kind == TEXT_EMPTY;
        if (kind == TEXT_NUMBER && (v[k] < in->least || v[k] > in->most))
            return classify_refuse(r, (size_t)at + 1, "%s is out of its range: \"%.40s\"",
                                   text_column_name((enum text_column)k), f->cell[at]);
    }
    return ERR_OK;
}

/* The voltage is S / I where enough flows. The current of a bench meter has two decimals only: its
 * apparent power says it better. */
static void complete(const struct reading *r, const struct columns *c,
                     const int64_t v[TEXT_COLUMNS], struct load_sample *x)
{
    if (c->at[TEXT_S] < 0)
        return;
    if (c->at[TEXT_U] < 0 && c->at[TEXT_I] >= 0 && v[TEXT_I] > 2'000)
        x->voltage_dv = (uint16_t)(v[TEXT_S] * 10 / v[TEXT_I]);
    if (c->at[TEXT_I] >= 0 && c->at[TEXT_U] >= 0)
        return;
    int64_t dv = x->voltage_dv         ? x->voltage_dv
                 : r->watch.voltage_dv ? r->watch.voltage_dv
                                       : r->settings->nominal_dv;
    x->current_ma = (uint32_t)(v[TEXT_S] * 10 / dv);
    x->has_current = true;
}

static int32_t leg(double hypotenuse, double other)
{
    return (int32_t)lround(
        fmin(POWER_MOST, sqrt(fmax(0, hypotenuse * hypotenuse - other * other))));
}

/* Without a column Q all that is not active stands in for it: from S, from U and I, from the power
 * factor. */
static void stand_in(const struct columns *c, const int64_t v[TEXT_COLUMNS], struct load_sample *x)
{
    double s =
        c->at[TEXT_S] >= 0                         ? (double)v[TEXT_S]
        : c->at[TEXT_U] >= 0 && c->at[TEXT_I] >= 0 ? (double)v[TEXT_U] * (double)v[TEXT_I] / 1000
        : c->at[TEXT_PF] >= 0 && v[TEXT_PF] != 0   ? (double)v[TEXT_P] * 1000 / (double)v[TEXT_PF]
                                                   : -1;
    if (c->at[TEXT_Q] >= 0 || s == -1)
        return;
    x->has_reactive = true;
    x->reactive_mvar = leg(s, (double)v[TEXT_P]);
}

/* A bench meter's Q is all that is not active. Its current of the fundamental parts that: behind a
 * diode most of it is distortion. Two decimals tell a tenth of it, not less. */
static void part_first(const struct columns *c, const int64_t v[TEXT_COLUMNS],
                       struct load_sample *x)
{
    if (!c->bench || c->at[TEXT_FIRST] < 0 || c->at[TEXT_S] < 0 || x->voltage_dv == 0)
        return;
    double s = (double)v[TEXT_S], first = (double)v[TEXT_FIRST] / M_SQRT2 * x->voltage_dv / 10;
    if (first * first < 0.9 * s * s)
        x->reactive_mvar = leg(first, (double)v[TEXT_P]);
}

/* Nothing in a room feeds back: what flows the other way has its transformer turned round. */
static void turn(struct load_sample *x)
{
    if (x->power_mw >= -REVERSED_MW)
        return;
    x->power_mw = -x->power_mw;
    x->reactive_mvar = -x->reactive_mvar;
}

static struct load_sample row_sample(const struct reading *r, const struct columns *c,
                                     const int64_t v[TEXT_COLUMNS], int64_t ms)
{
    struct load_sample x = {.now = {ms},
                            .power_mw = (int32_t)v[TEXT_P],
                            .has_reactive = c->at[TEXT_Q] >= 0,
                            .has_current = c->at[TEXT_I] >= 0};
    x.reactive_mvar = x.has_reactive ? (int32_t)v[TEXT_Q] : 0;
    x.current_ma = x.has_current ? (uint32_t)v[TEXT_I] : 0;
    x.voltage_dv = c->at[TEXT_U] >= 0 ? (uint16_t)(v[TEXT_U] / 100) : 0;
    complete(r, c, v, &x);
    stand_in(c, v, &x);
    part_first(c, v, &x);
    turn(&x);
    for (unsigned h = 0; h < LOAD_HARMONICS; h++)
        if (c->at[TEXT_H3 + h] >= 0) {
            x.harmonic_ma[h] =
                (uint32_t)(c->bench ? v[TEXT_H3 + h] * 7071 / 10'000 : v[TEXT_H3 + h]);
            x.has_harmonics = true;
        }
    return x;
}

static enum err read_table_row(struct reading *r, const struct columns *c, char *line)
{
    struct text_cells f;
    int64_t ms, v[TEXT_COLUMNS] = {0};
    bool same, gap;
    if (!text_split(line, c->by, &f))
        return classify_refuse(r, 0, "a quote is open, or more than %d cells", TEXT_CELLS_MAX);
    if (f.count != c->count)
        return classify_refuse(
            r, f.count < c->count ? f.count + 1 : c->count + 1,
            "%zu cells, but the heading has %zu%s", f.count, c->count,
            f.count > c->count && c->by == ',' ? " (decimal commas need ; between the cells)" : "");
    TRY(row_time(r, c, &f, &ms));
    TRY(row_values(r, c, &f, v, &gap));
    TRY(check_order(r, (size_t)c->at[TEXT_TIME] + 1, ms, &same));
    if (c->at[TEXT_LABEL] >= 0)
        take_label(r, ms, f.cell[c->at[TEXT_LABEL]]);
    if (same || gap)
        return ERR_OK;
    struct load_sample x = row_sample(r, c, v, ms);
    give(r, &x);
    return ERR_OK;
}

/* --- labels of a bench recording
 * --------------------------------------------------------------------- */

/* events.csv one folder above: recording, time, appliance, edge, ... */
static void read_bench_labels(struct reading *r)
{
    char path[512], line[CLASSIFY_LINE_MAX], folder[CLASSIFY_NAME_MAX] = "";
    snprintf(path, sizeof path, "%s", r->path);
    char *slash = strrchr(path, '/');
    if (!slash)
        return;
    *slash = '\0';
    char *name = strrchr(path, '/');
    if (!name)
        return;
    snprintf(folder, sizeof folder, "%s", name + 1);
    snprintf(name, sizeof path - (size_t)(name - path), "/events.csv");
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        struct text_cells c;
        struct classify_label label;
        if (!text_end(line, sizeof line) || !text_split(line, ',', &c) || c.count < 4 ||
            strcmp(c.cell[0], folder) != 0 || strcmp(c.cell[3], "on") != 0 ||
            !text_time(c.cell[1], false, 0, &label.at_ms))
            continue;
        snprintf(label.name, sizeof label.name, "%s", c.cell[2]);
        r->sink->label(r->sink->arg, &label);
    }
    if (file)
        fclose(file);
}

/* --- files
 * -------------------------------------------------------------------------------------------- */

/* 30/11/2011 06:42:00;15;13 without a heading */
static bool is_plug(const char *line)
{
    char copy[CLASSIFY_LINE_MAX];
    struct text_cells c;
    int64_t ms;
    snprintf(copy, sizeof copy, "%s", line);
    return strchr(line, ';') && text_split(copy, ';', &c) && strchr(c.cell[0], '/') &&
           text_time(c.cell[0], true, 0, &ms);
}

static void label_plug(struct reading *r)
{
    struct classify_label label = {.at_ms = INT64_MIN};
    const char *slash = strrchr(r->path, '/');
    snprintf(label.name, sizeof label.name, "%.39s", slash ? slash + 1 : r->path);
    label.name[strcspn(label.name, "_.")] = '\0';
    r->sink->label(r->sink->arg, &label);
}

static enum err read_series(struct reading *r, FILE *file, char *line)
{
    struct columns c = {0};
    bool plug = is_plug(line);
    if (plug) {
        label_plug(r);
        TRY(read_plug_row(r, line));
    } else {
        TRY(find_columns(r, line, &c));
        if (c.bench)
            read_bench_labels(r);
    }
    while (fgets(line, CLASSIFY_LINE_MAX, file)) {
        r->problem->line++;
        if (!text_end(line, CLASSIFY_LINE_MAX))
            return classify_refuse(r, 0, "no line of text: longer than %d bytes, or a zero byte",
                                   CLASSIFY_LINE_MAX);
        if (!*line || *line == '#')
            continue;
        TRY(plug ? read_plug_row(r, line) : read_table_row(r, &c, line));
    }
    return ERR_OK;
}

/* What is no text, by its first bytes. */
static const struct {
    const char *bytes, *what;
} packed[] = {
    {"\xff\xfe", "UTF-16: save it as UTF-8"},
    {"\xfe\xff", "UTF-16: save it as UTF-8"},
    {"\x1f\x8b", "compressed (gzip): unpack it first"},
    {"PK\x03\x04", "an archive or a workbook (zip, xlsx): unpack it, or save it as CSV"},
    {"BZh", "compressed (bzip2): unpack it first"},
    {"\xfd"
     "7zXZ",
     "compressed (xz): unpack it first"},
    {"\x28\xb5\x2f\xfd", "compressed (zstd): unpack it first"},
    {"\xd0\xcf\x11\xe0", "a workbook (xls): save it as CSV"},
};

/* The heading: comments before it and the mark of UTF-8 are left off. */
static enum err read_heading(struct reading *r, FILE *file, char line[CLASSIFY_LINE_MAX])
{
    do {
        if (!fgets(line, CLASSIFY_LINE_MAX, file))
            return classify_refuse(r, 0, "empty");
        r->problem->line++;
        for (size_t i = 0; i < sizeof packed / sizeof *packed; i++)
            if (strncmp(line, packed[i].bytes, strlen(packed[i].bytes)) == 0)
                return classify_refuse(r, 0, "%s", packed[i].what);
        if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
            memmove(line, line + 3, strlen(line + 3) + 1);
        if (!text_end(line, CLASSIFY_LINE_MAX))
            return classify_refuse(r, 0, "no line of text: longer than %d bytes, or a zero byte",
                                   CLASSIFY_LINE_MAX);
    } while (!*line || *line == '#');
    return ERR_OK;
}

enum err classify_read(struct reading *r, classify_rest *rest)
{
    char line[CLASSIFY_LINE_MAX];
    struct classify_problem *problem = r->problem;
    *problem = (struct classify_problem){0};
    FILE *file = fopen(r->path, "r");
    if (!file) {
        snprintf(problem->what, sizeof problem->what, "%s", strerror(errno));
        return ERR_IO_FILE;
    }
    enum err e = read_heading(r, file, line);
    if (e == ERR_OK)
        e = rest(r, file, line);
    if (e == ERR_OK && ferror(file)) {
        snprintf(problem->what, sizeof problem->what, "%s", strerror(errno));
        e = ERR_IO_FILE;
    }
    fclose(file);
    return e;
}

static enum err read_recording(struct reading *r, FILE *file, char *line)
{
    return strncmp(line, "row,label,name,", 15) == 0 ? classify_cycles(r, file)
                                                     : read_series(r, file, line);
}

enum err classify_file(const char *path, const struct load_settings *settings,
                       const struct classify_sink *sink, struct classify_problem *problem)
{
    struct reading r = {
        .settings = settings, .sink = sink, .problem = problem, .last_ms = INT64_MIN, .path = path};
    return classify_read(&r, read_recording);
}

static bool has_word(const char *name, const char *const *words)
{
    for (; *words; words++)
        if (strcasestr(name, *words))
            return true;
    return false;
}

bool classify_is_heating(const char *name)
{
    static const char *const words[] = {
        "kettle",     "coffee",    "heater", "heating",    "hair dryer", "hair_dryer", "hairdryer",
        "blow dryer", "hair iron", "iron",   "straighten", "curl",       "stove",      "hotplate",
        "hot plate",  "hot_plate", "cooker", "cooktop",    "toaster",    "grill",      "fryer",
        "steamer",    "radiator",  "boiler", "resist",     "immersion",  "热",         "壶",
        "炉",         "锅",        "吹风",   "熨斗",       "卷发",       "直发",       "取暖",
        "暖风",       "暖气",      "小太阳", "烤箱",       NULL};
    static const char *const others[] = {"solder",  "焊",   "微波", "microwave",
                                         "environ", "冷热", NULL};
    return has_word(name, words) && !has_word(name, others);
}
