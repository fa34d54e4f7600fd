/* Reading recorded loads: one reader a format, all of them give samples in time order. */
#include "app/terminal/classify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "app/terminal/classify_impl.h"
#include "app/terminal/classify_text.h"

#define HOLD_MS 10'000 /* a gap longer than this is not looked across */
#define SAME_MOST 4    /* rows with one and the same time */
#define SPARSE_ROWS 5  /* so many rows, each further apart, are no series for it */
#define HALF_DAY_MS 43'200'000
#define PLUG_MOST_MW 1'000'000'000
#define ABOVE_MOST 60 /* lines above a heading */

static void say(struct reading *r, struct classify_problem *p, size_t column, const char *format,
                va_list args)
{
    p->line = r->problem->line;
    p->column = column;
    vsnprintf(p->what, sizeof p->what, format, args);
}

enum err classify_refuse(struct reading *r, size_t column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(r, r->problem, column, format, args);
    va_end(args);
    return ERR_SYNTAX;
}

void classify_note(struct reading *r, size_t column, const char *format, ...)
{
    struct classify_problem note;
    va_list args;
    va_start(args, format);
    say(r, &note, column, format, args);
    va_end(args);
    r->sink->note(r->sink->arg, &note);
}

static bool is_remark(const char *line)
{
    return *line == '#' || *line == '%' || strncmp(line, "//", 2) == 0;
}

static bool next_line(struct reading *r, FILE *file, char line[TEXT_LINE_MAX], enum err *e)
{
    enum text_line got = text_line(file, line);
    *e = ERR_OK;
    if (got == TEXT_OVER)
        return false;
    r->problem->line++;
    if (got == TEXT_TORN)
        *e = classify_refuse(r, 0, "no line of text: longer than %d bytes, or a zero byte",
                             TEXT_LINE_MAX);
    return got == TEXT_LINE;
}

bool classify_line(struct reading *r, FILE *file, char line[TEXT_LINE_MAX], enum err *e)
{
    do {
        if (!next_line(r, file, line, e))
            return false;
    } while (!*line || is_remark(line));
    return true;
}

/* --- series
 * ------------------------------------------------------------------------------------------ */

void classify_give(struct reading *r, const struct load_sample *x)
{
    struct load_event e;
    if (r->last_ms != INT64_MIN && x->now.ms - r->last_ms > HOLD_MS)
        r->watch = (struct load_watch){}; /* what happened meanwhile nobody knows */
    r->last_ms = x->now.ms;
    if (load_take(&r->watch, r->how->settings, x, &e))
        r->sink->event(r->sink->arg, &e, load_plain_rule(&e.step), r->watch.voltage_dv);
}

static void tell_clock(struct reading *r, const struct text_moment *m)
{
    r->clock = (struct classify_clock){.first_ms = m->ms,
                                       .last_ms = m->ms,
                                       .offset_ms = m->offset_ms,
                                       .dated = m->form == TEXT_DATED,
                                       .of_day = m->form == TEXT_CLOCK};
    r->sink->clock(r->sink->arg, &r->clock);
}

/* Some loggers write a second twice; a whole second of cycles under one time is something else. */
enum err classify_order(struct reading *r, size_t column, struct text_moment *m, bool *same)
{
    bool first = r->row_ms == INT64_MIN;
    if (first)
        tell_clock(r, m);
    if (m->form == TEXT_CLOCK && !first && m->ms + r->days_ms < r->row_ms - HALF_DAY_MS)
        r->days_ms += 2 * HALF_DAY_MS;
    m->ms += m->form == TEXT_CLOCK ? r->days_ms : 0;
    *same = !first && m->ms == r->row_ms;
    r->same = *same ? r->same + 1 : 0;
    if (!first && m->ms < r->row_ms)
        return classify_refuse(r, column, "time runs backwards: sort the rows first");
    r->sparse = first || m->ms - r->row_ms > HOLD_MS ? r->sparse + 1 : 0;
    r->row_ms = m->ms;
    if (r->sparse >= SPARSE_ROWS)
        return classify_refuse(r, column,
                               "the last %d rows are each more than %d s apart: a switching is not "
                               "seen in such means (name milliseconds time_ms)",
                               SPARSE_ROWS, HOLD_MS / 1000);
    if (r->same > SAME_MOST)
        return classify_refuse(r, column,
                               "more than %d rows have this time: times of cycles need "
                               "their decimals",
                               SAME_MOST);
    return ERR_OK;
}

/* Whether the name is one of those in `list`. */
static bool is_among(const char *list, const char *name)
{
    char copy[CLASSIFY_ON_MAX], one[CLASSIFY_NAME_MAX], *rest = copy;
    snprintf(copy, sizeof copy, "%s", list);
    for (char *part; (part = strsep(&rest, "+;,&|")) != NULL;) {
        classify_clean_name(part, one);
        if (strcmp(one, name) == 0)
            return true;
    }
    return false;
}

/* A name stands in one row, or in all rows while it is on, alone or beside others. */
void classify_label_row(struct reading *r, int64_t ms, const char *edge, const char *names)
{
    char copy[CLASSIFY_ON_MAX], way[CLASSIFY_NAME_MAX], *rest = copy;
    classify_clean_name(edge, way);
    snprintf(copy, sizeof copy, "%s", *way ? names : "");
    if (strcmp(r->label, copy) == 0)
        return;
    for (char *part; (part = strsep(&rest, "+;,&|")) != NULL;) {
        struct classify_label label = {.at_ms = ms, .zoned = true};
        classify_clean_name(part, label.name);
        if (*label.name && !is_among(r->label, label.name))
            r->sink->label(r->sink->arg, &label);
    }
    snprintf(r->label, sizeof r->label, "%s", *way ? names : "");
}

/* One smart plug: time; mean of 1 s; mean of 8 s. Active power only. */
static enum err read_plug_row(struct reading *r, char *line)
{
    struct text_cells c;
    struct text_moment m;
    int64_t mw;
    bool same;
    if (!text_split(line, ';', &c) || c.count != 3)
        return classify_refuse(r, 0, "expected time;watts;watts");
    if (!text_time(c.cell[0], true, 0, &m))
        return classify_refuse(r, 1, "\"%.40s\" is no time", c.cell[0]);
    enum text_kind kind = text_number(c.cell[1], true, 0, &mw);
    if (kind == TEXT_JUNK || (kind == TEXT_NUMBER && (mw > PLUG_MOST_MW || mw < -PLUG_MOST_MW)))
        return classify_refuse(r, 2, "\"%.40s\" is no active power in watts", c.cell[1]);
    TRY(classify_order(r, 1, &m, &same));
    if (!same && kind == TEXT_NUMBER)
        classify_give(r, &(struct load_sample){.now = {m.ms}, .power_mw = (int32_t)mw});
    return ERR_OK;
}

/* 30/11/2011 06:42:00;15;13 without a heading */
static bool is_plug(const char *line)
{
    char copy[TEXT_LINE_MAX];
    struct text_cells c;
    struct text_moment m;
    snprintf(copy, sizeof copy, "%s", line);
    return strchr(line, ';') && text_split(copy, ';', &c) && strchr(c.cell[0], '/') &&
           text_time(c.cell[0], true, 0, &m);
}

static void label_plug(struct reading *r)
{
    struct classify_label label = {.at_ms = INT64_MIN};
    const char *slash = strrchr(r->path, '/');
    snprintf(label.name, sizeof label.name, "%.39s", slash ? slash + 1 : r->path);
    label.name[strcspn(label.name, "_.")] = '\0';
    r->sink->label(r->sink->arg, &label);
}

static enum err read_plug(struct reading *r, FILE *file, char *line)
{
    enum err e = ERR_OK;
    label_plug(r);
    do
        TRY(read_plug_row(r, line));
    while (classify_line(r, file, line, &e));
    return e;
}

/* --- labels of a bench recording
 * --------------------------------------------------------------------- */

static void read_bench_labels(struct reading *r, FILE *file, const char *folder, const char *of)
{
    char line[TEXT_LINE_MAX];
    rewind(file);
    while (text_line(file, line) == TEXT_LINE) {
        struct text_cells c;
        struct text_moment m;
        struct classify_label label = {.zoned = true};
        if (!text_split(line, ',', &c) || c.count < 4 || strcmp(c.cell[0], folder) != 0 ||
            strcmp(c.cell[3], "on") != 0 || !text_time(c.cell[1], false, 0, &m) ||
            (of && strcmp(c.cell[2], of) != 0))
            continue;
        label.at_ms = m.ms;
        snprintf(label.name, sizeof label.name, "%s", c.cell[2]);
        r->sink->label(r->sink->arg, &label);
    }
}

/* Whether `stem` is an appliance of that folder: then the file is of it alone. */
static bool has_channel(FILE *file, const char *folder, const char *stem)
{
    char line[TEXT_LINE_MAX];
    bool found = false;
    rewind(file);
    while (!found && text_line(file, line) == TEXT_LINE) {
        struct text_cells c;
        found = text_split(line, ',', &c) && c.count > 2 && strcmp(c.cell[0], folder) == 0 &&
                strcmp(c.cell[2], stem) == 0;
    }
    return found;
}

/* events.csv lies one folder above, and names this one. */
void classify_bench_labels(struct reading *r)
{
    char path[512], folder[CLASSIFY_NAME_MAX], stem[CLASSIFY_NAME_MAX];
    snprintf(path, sizeof path, "%s", r->path);
    char *slash = strrchr(path, '/');
    if (!slash)
        return;
    snprintf(stem, sizeof stem, "%.*s", (int)strcspn(slash + 1, "."), slash + 1);
    *slash = '\0';
    char *name = strrchr(path, '/');
    if (!name)
        return;
    snprintf(folder, sizeof folder, "%s", name + 1);
    snprintf(name, sizeof path - (size_t)(name - path), "/events.csv");
    FILE *file = fopen(path, "r");
    if (!file)
        return;
    read_bench_labels(r, file, folder, has_channel(file, folder, stem) ? stem : NULL);
    fclose(file);
}

/* --- files
 * -------------------------------------------------------------------------------------------- */

/* Whether what is behind the mark of a remark is a heading: "# time,P,Q". */
static bool uncover(char *line, classify_begins *begins)
{
    size_t marks = is_remark(line) ? strspn(line, "#%/ ") : 0;
    if (!begins(line + marks))
        return false;
    memmove(line, line + marks, strlen(line + marks) + 1);
    return true;
}

static bool is_row(const char *line)
{
    char copy[TEXT_LINE_MAX];
    struct text_cells f;
    struct text_moment m;
    snprintf(copy, sizeof copy, "%s", line);
    return text_split(copy, text_separator(line), &f) && f.count > 0 &&
           text_time(f.cell[0], true, 0, &m);
}

/* The heading; where there is none, the first line that might have been it. */
static enum err read_heading(struct reading *r, FILE *file, char line[TEXT_LINE_MAX],
                             classify_begins *begins)
{
    char first[TEXT_LINE_MAX] = "";
    size_t first_line = 0;
    enum err e;
    while (next_line(r, file, line, &e)) {
        if (r->how->columns ? classify_is_named_row(r, line) : uncover(line, begins))
            return ERR_OK;
        bool content = *line && !is_remark(line);
        if (content && first_line == 0) {
            first_line = r->problem->line;
            memcpy(first, line, strlen(line) + 1);
        }
        if ((content && is_row(line)) || r->problem->line >= ABOVE_MOST)
            break;
    }
    TRY(e);
    if (first_line == 0)
        return classify_refuse(r, 0, "empty");
    r->problem->line = first_line;
    memcpy(line, first, strlen(first) + 1);
    return ERR_OK;
}

static enum err read_open(struct reading *r, FILE *file, classify_begins *begins,
                          classify_rest *rest)
{
    char line[TEXT_LINE_MAX];
    TRY(read_heading(r, file, line, begins));
    return rest(r, file, line);
}

enum err classify_read(struct reading *r, classify_begins *begins, classify_rest *rest)
{
    FILE *file;
    const char *wrong;
    *r->problem = (struct classify_problem){0};
    enum err e = text_open(r->path, &file, &wrong);
    if (e != ERR_OK) {
        r->problem->line = e == ERR_SYNTAX;
        snprintf(r->problem->what, sizeof r->problem->what, "%s", wrong);
        return e;
    }
    e = read_open(r, file, begins, rest);
    if (ferror(file)) { /* the last line is not what was written then */
        e = ERR_IO_FILE;
        r->problem->column = 0;
        snprintf(r->problem->what, sizeof r->problem->what, "%s", wrong ? wrong : strerror(errno));
    }
    fclose(file);
    return e;
}

static bool is_index(const char *line)
{
    return strncmp(line, "row,label,name,", 15) == 0;
}

static bool begins_recording(const char *line)
{
    return is_index(line) || is_plug(line) || classify_is_table(line);
}

static enum err read_recording(struct reading *r, FILE *file, char *line)
{
    return r->how->columns  ? classify_table(r, file, line)
           : is_index(line) ? classify_cycles(r, file)
           : is_plug(line)  ? read_plug(r, file, line)
                            : classify_table(r, file, line);
}

enum err classify_file(const char *path, const struct classify_how *how,
                       const struct classify_sink *sink, struct classify_problem *problem)
{
    struct reading r = {.how = how,
                        .sink = sink,
                        .problem = problem,
                        .path = path,
                        .last_ms = INT64_MIN,
                        .row_ms = INT64_MIN};
    TRY(classify_read(&r, begins_recording, read_recording));
    r.clock.last_ms = r.row_ms;
    sink->clock(sink->arg, &r.clock);
    return ERR_OK;
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
        "steamer",    "radiator",  "boiler", "resist",     "immersion",  "malign",     "forbidden",
        "prohibited", "illegal",   "恶性",   "违规",       "阻性",       "热",         "壶",
        "炉",         "锅",        "吹风",   "熨斗",       "卷发",       "直发",       "取暖",
        "暖风",       "暖气",      "小太阳", "烤箱",       NULL};
    static const char *const others[] = {"solder", "焊",   "微波", "microwave", "environ", "冷热",
                                         "non",    "not ", "not_", "非",        NULL};
    return has_word(name, words) && !has_word(name, others);
}
