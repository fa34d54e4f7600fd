/* Reading recorded loads: one reader a format, all of them give samples in time order. */
#include "app/classify.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINE_MAX_BYTES 8192
#define FIELDS_MAX 32
#define HOLD_MS 10'000 /* a gap longer than this is not looked across */

struct reading {
    const struct load_settings *settings;
    const struct classify_sink *sink;
    struct classify_problem *problem;
    struct load_watch watch;
    int64_t last_ms;
    const char *path;
};

static enum err refuse(struct reading *r, const char *what)
{
    snprintf(r->problem->what, sizeof r->problem->what, "%s", what);
    return ERR_SYNTAX;
}

/* --- numbers and times
 * ------------------------------------------------------------------------------ */

/* Decimal text in thousandths. */
static bool milli(const char *text, int64_t *out)
{
    char *end;
    double v = strtod(text, &end);
    while (isspace((unsigned char)*end))
        end++;
    if (end == text || *end || !isfinite(v) || fabs(v) > 1e9)
        return false;
    *out = (int64_t)llround(v * 1000);
    return true;
}

static int64_t days_from_civil(int y, int m, int d)
{
    y -= m <= 2;
    int era = (y >= 0 ? y : y - 399) / 400;
    int yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return (int64_t)era * 146'097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719'468;
}

/* "2022-11-14 16:42:33", "30/11/2011 06:42:00", or seconds with decimals; milliseconds out. */
static bool read_time(const char *text, int64_t *out)
{
    int a, b, c, h, m, s, used = 0;
    if (sscanf(text, "%d-%d-%d%*1[ T]%d:%d:%d%n", &a, &b, &c, &h, &m, &s, &used) == 6 && used) {
        *out = ((days_from_civil(a, b, c) * 24 + h) * 60 + m) * 60'000 + s * 1000;
        return true;
    }
    if (sscanf(text, "%d/%d/%d %d:%d:%d%n", &a, &b, &c, &h, &m, &s, &used) == 6 && used) {
        *out = ((days_from_civil(c, b, a) * 24 + h) * 60 + m) * 60'000 + s * 1000;
        return true;
    }
    return milli(text, out);
}

static size_t split(char *line, char by, char *fields[FIELDS_MAX])
{
    size_t count = 0;
    line[strcspn(line, "\r\n")] = '\0';
    for (char *at = line; at && count < FIELDS_MAX; count++) {
        fields[count] = at;
        at = strchr(at, by);
        if (at)
            *at++ = '\0';
    }
    return count;
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

static enum err check_order(struct reading *r, int64_t ms, bool *same)
{
    *same = r->last_ms != INT64_MIN && ms == r->last_ms;
    return r->last_ms != INT64_MIN && ms < r->last_ms ? refuse(r, "time runs backwards") : ERR_OK;
}

/* One smart plug: time; mean of 1 s; mean of 8 s. Active power only. */
static enum err read_plug_row(struct reading *r, char *line)
{
    char *f[FIELDS_MAX];
    int64_t ms, mw;
    bool same;
    if (split(line, ';', f) != 3 || !read_time(f[0], &ms) || !milli(f[1], &mw))
        return refuse(r, "expected time;watts;watts");
    TRY(check_order(r, ms, &same));
    if (!same)
        give(r, &(struct load_sample){.now = {ms}, .power_mw = (int32_t)mw});
    return ERR_OK;
}

/* Columns of a plain file, by name. */
enum column { TIME, P, Q, U, I, H3, H5, H7, H9, H11, H13, H15, LABEL, COLUMNS };
static const char *const names[COLUMNS] = {"time", "P",  "Q",   "U",   "I",   "h3",   "h5",
                                           "h7",   "h9", "h11", "h13", "h15", "label"};

struct columns {
    int at[COLUMNS]; /* -1: not there */
    int peak_at[LOAD_HARMONICS];
    bool bench; /* a bench meter: apparent power instead of voltage, harmonics as amplitudes */
    int apparent_at;
};

static enum err find_columns(struct reading *r, char *header, struct columns *c)
{
    char *f[FIELDS_MAX];
    size_t count = split(header, ',', f);
    for (size_t k = 0; k < COLUMNS; k++)
        c->at[k] = -1;
    for (size_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < COLUMNS && strcasecmp(f[i], names[k]) != 0)
            k++;
        if (k == COLUMNS)
            return refuse(r, "unknown column; known: time P Q U I h3 h5 h7 h9 h11 h13 h15 label");
        c->at[k] = (int)i;
    }
    return c->at[TIME] < 0 || c->at[P] < 0 ? refuse(r, "columns time and P are needed") : ERR_OK;
}

static bool cell(char **f, size_t count, int at, int64_t *out)
{
    return at >= 0 && (size_t)at < count && milli(f[at], out);
}

static enum err read_plain_row(struct reading *r, const struct columns *c, char *line)
{
    char *f[FIELDS_MAX];
    size_t count = split(line, ',', f);
    int64_t ms, v;
    bool same;
    struct load_sample x = {};
    if ((size_t)c->at[TIME] >= count || !read_time(f[c->at[TIME]], &ms))
        return refuse(r, "no time");
    if (!cell(f, count, c->at[P], &v))
        return refuse(r, "no active power");
    x.now.ms = ms;
    x.power_mw = (int32_t)v;
    x.has_reactive = cell(f, count, c->at[Q], &v);
    x.reactive_mvar = x.has_reactive ? (int32_t)v : 0;
    x.voltage_dv = cell(f, count, c->at[U], &v) ? (uint16_t)(v / 100) : 0;
    x.has_current = cell(f, count, c->at[I], &v) && v >= 0;
    x.current_ma = x.has_current ? (uint32_t)v : 0;
    for (unsigned h = 0; h < LOAD_HARMONICS; h++)
        if (cell(f, count, c->at[H3 + h], &v) && v >= 0) {
            x.harmonic_ma[h] = (uint32_t)v;
            x.has_harmonics = true;
        }
    TRY(check_order(r, ms, &same));
    if (c->at[LABEL] >= 0 && (size_t)c->at[LABEL] < count && *f[c->at[LABEL]]) {
        struct classify_label label = {.at_ms = ms};
        snprintf(label.name, sizeof label.name, "%s", f[c->at[LABEL]]);
        r->sink->label(r->sink->arg, &label);
    }
    if (!same)
        give(r, &x);
    return ERR_OK;
}

/* A bench meter with 13 columns: time, three currents, S, P, Q, factor, harmonics 1 to 9 as
 * amplitudes in ampere. The voltage is S / I where enough flows. */
static enum err read_bench_row(struct reading *r, char *line)
{
    char *f[FIELDS_MAX];
    int64_t ms, ma, mva, mw, mvar, v;
    bool same;
    if (split(line, ',', f) != 13 || !read_time(f[0], &ms) || !milli(f[1], &ma) ||
        !milli(f[4], &mva) || !milli(f[5], &mw) || !milli(f[6], &mvar))
        return refuse(r, "expected 13 columns of a bench meter");
    TRY(check_order(r, ms, &same));
    struct load_sample x = {.now = {ms},
                            .power_mw = (int32_t)mw,
                            .reactive_mvar = (int32_t)mvar,
                            .has_reactive = true,
                            .has_current = true,
                            .has_harmonics = true};
    x.voltage_dv = ma > 2'000 ? (uint16_t)(mva * 10 / ma) : 0;
    /* the current has two decimals only; the apparent power says it better */
    uint32_t dv = x.voltage_dv          ? x.voltage_dv
                  : r->watch.voltage_dv ? r->watch.voltage_dv
                                        : r->settings->nominal_dv;
    x.current_ma = (uint32_t)(mva * 10 / dv);
    for (unsigned h = 0; h < 4; h++)
        if (milli(f[9 + h], &v))
            x.harmonic_ma[h] = (uint32_t)(v * 7071 / 10'000);
    if (!same)
        give(r, &x);
    return ERR_OK;
}

/* --- labels of a bench recording
 * --------------------------------------------------------------------- */

/* events.csv one folder above: recording, time, appliance, edge, ... */
static void read_bench_labels(struct reading *r)
{
    char path[512], line[LINE_MAX_BYTES], folder[CLASSIFY_NAME_MAX] = "";
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
        char *f[FIELDS_MAX];
        struct classify_label label;
        if (split(line, ',', f) < 4 || strcmp(f[0], folder) != 0 || strcmp(f[3], "on") != 0 ||
            !read_time(f[1], &label.at_ms))
            continue;
        snprintf(label.name, sizeof label.name, "%s", f[2]);
        r->sink->label(r->sink->arg, &label);
    }
    if (file)
        fclose(file);
}

/* --- single cycles
 * ------------------------------------------------------------------------------------ */

#define CYCLE 500

struct cycle {
    double u[CYCLE], i[CYCLE];
};

static bool read_wave(FILE *file, double wave[CYCLE])
{
    for (size_t k = 0; k < CYCLE; k++)
        if (fscanf(file, k ? ",%lf" : "%lf", &wave[k]) != 1)
            return false;
    return true;
}

/* rms and phase of one harmonic. */
static void harmonic(const double *wave, unsigned order, double *re, double *im)
{
    *re = *im = 0;
    for (unsigned k = 0; k < CYCLE; k++) {
        double at = 2 * M_PI * order * k / CYCLE;
        *re += wave[k] * cos(at) * M_SQRT2 / CYCLE;
        *im -= wave[k] * sin(at) * M_SQRT2 / CYCLE;
    }
}

/* One cycle of the step itself: what was there before is taken out already. */
static struct load_step step_of(const struct cycle *c)
{
    double p = 0, ii = 0, uu = 0, ur, ui, ir, ik, tr, ti;
    for (size_t k = 0; k < CYCLE; k++) {
        p += c->u[k] * c->i[k] / CYCLE;
        uu += c->u[k] * c->u[k] / CYCLE;
        ii += c->i[k] * c->i[k] / CYCLE;
    }
    harmonic(c->u, 1, &ur, &ui);
    harmonic(c->i, 1, &ir, &ik);
    harmonic(c->i, 3, &tr, &ti);
    double q = ui * ir - ur * ik, s = sqrt(uu * ii), d = sqrt(fmax(0, s * s - p * p - q * q));
    double first = hypot(ir, ik), third = hypot(tr, ti);
    return (struct load_step){.power_mw = (int32_t)lround(p * 1000),
                              .reactive_mvar = (int32_t)lround(q * 1000),
                              .distortion_mva = (int32_t)lround(d * 1000),
                              .third_ma = (int32_t)lround(third * 1000),
                              .factor = (uint16_t)lround(s > 0 ? fabs(p) / s * 1000 : 0),
                              .inrush = 1000,
                              .third =
                                  (uint16_t)lround(first > 0 ? fmin(third / first, 9) * 1000 : 0),
                              .has_reactive = true,
                              .has_distortion = true,
                              .has_third = true,
                              .settled = true};
}

static FILE *open_beside(const char *path, const char *name)
{
    char other[512];
    const char *slash = strrchr(path, '/');
    snprintf(other, sizeof other, "%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
    return fopen(other, "r");
}

/* index.csv with current.csv and voltage.csv beside it: a row a switching. */
static enum err read_cycles(struct reading *r, FILE *index)
{
    FILE *current = open_beside(r->path, "current.csv"),
         *voltage = open_beside(r->path, "voltage.csv");
    char line[LINE_MAX_BYTES];
    enum err e = current && voltage ? ERR_OK : refuse(r, "current.csv or voltage.csv is missing");
    while (e == ERR_OK && fgets(line, sizeof line, index)) {
        char *f[FIELDS_MAX];
        struct cycle c;
        struct load_event event = {};
        struct classify_label label;
        r->problem->line++;
        if (split(line, ',', f) < 4 || !read_time(f[0], &label.at_ms) || !read_wave(current, c.i) ||
            !read_wave(voltage, c.u)) {
            e = refuse(r, "no cycle of 500 samples for this row");
            break;
        }
        label.at_ms *= 100; /* rows far apart, each a moment of its own */
        event.at.ms = event.told.ms = label.at_ms;
        snprintf(label.name, sizeof label.name, "%s", f[2]);
        event.step = step_of(&c);
        event.verdict = load_judge(&event.step, r->settings, &event.white);
        r->sink->label(r->sink->arg, &label);
        r->sink->event(r->sink->arg, &event, load_plain_rule(&event.step));
    }
    if (current)
        fclose(current);
    if (voltage)
        fclose(voltage);
    return e;
}

/* --- files
 * -------------------------------------------------------------------------------------------- */

static enum err read_series(struct reading *r, FILE *file, char *line)
{
    struct columns c;
    bool bench = strncmp(line, "Timestamp,", 10) == 0, plug = strchr(line, ';') != NULL;
    if (bench)
        read_bench_labels(r);
    if (!bench && !plug)
        TRY(find_columns(r, line, &c));
    if (plug) {
        struct classify_label label = {.at_ms = INT64_MIN};
        const char *slash = strrchr(r->path, '/');
        snprintf(label.name, sizeof label.name, "%.39s", slash ? slash + 1 : r->path);
        label.name[strcspn(label.name, "_.")] = '\0';
        r->sink->label(r->sink->arg, &label);
        TRY(read_plug_row(r, line));
    }
    while (fgets(line, LINE_MAX_BYTES, file)) {
        r->problem->line++;
        if (*line == '\n' || *line == '\r' || *line == '#')
            continue;
        TRY(bench  ? read_bench_row(r, line)
            : plug ? read_plug_row(r, line)
                   : read_plain_row(r, &c, line));
    }
    return ERR_OK;
}

enum err classify_file(const char *path, const struct load_settings *settings,
                       const struct classify_sink *sink, struct classify_problem *problem)
{
    char line[LINE_MAX_BYTES];
    struct reading r = {
        .settings = settings, .sink = sink, .problem = problem, .last_ms = INT64_MIN, .path = path};
    *problem = (struct classify_problem){.line = 1};
    FILE *file = fopen(path, "r");
    if (!file || !fgets(line, sizeof line, file)) {
        problem->line = 0;
        snprintf(problem->what, sizeof problem->what, "%s", file ? "empty" : strerror(errno));
        if (file)
            fclose(file);
        return ERR_IO_FILE;
    }
    enum err e = strncmp(line, "row,label,name,", 15) == 0 ? read_cycles(&r, file)
                                                           : read_series(&r, file, line);
    fclose(file);
    return e;
}

bool classify_is_heating(const char *name)
{
    static const char *const words[] = {
        "kettle",    "coffee",    "heater",    "heating", "hairdryer", "hair_dryer", "hair dryer",
        "hairiron",  "hair iron", "hair_iron", "iron",    "stove",     "hotplate",   "hot plate",
        "hot_plate", "cooker",    "toaster",   "boiler",  "resist",    "immersion",  "热",
        "壶",        "炉",        "锅",        "电吹风",  "熨斗"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasestr(name, words[i]) && !strcasestr(name, "solder"))
            return true;
    return false;
}
