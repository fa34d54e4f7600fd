/* Labels: what a name means that somebody wrote, and files of labels beside a recording. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/terminal/classify_impl.h"

/* Whether the name ends with this word, behind a blank or a stroke; it is cut off then. */
static bool cut_end(char *name, const char *word)
{
    size_t length = strlen(name), size = strlen(word);
    bool apart = (unsigned char)*word < 0x80; /* Chinese needs nothing between */
    if (length < size + 2 || strcasecmp(name + length - size, word) != 0 ||
        (apart && !strchr(" _-:", name[length - size - 1])))
        return false;
    name[length - size] = '\0';
    while (*name && strchr(" _-:", name[strlen(name) - 1]))
        name[strlen(name) - 1] = '\0';
    return true;
}

/* Whether it begins with this word. */
static bool cut_start(char *name, const char *word)
{
    size_t size = strlen(word);
    bool apart = (unsigned char)*word < 0x80;
    if (strncasecmp(name, word, size) != 0 || !name[size] || (apart && !strchr(" _:", name[size])))
        return false;
    size += strspn(name + size, " _:");
    memmove(name, name + size, strlen(name + size) + 1);
    return true;
}

static bool cut_any(char *name, const char *const *words)
{
    for (; *words; words++)
        if (cut_start(name, *words) || cut_end(name, *words))
            return true;
    return false;
}

static bool is_nothing(const char *name)
{
    static const char *const words[] = {"",      "0",   "-",    "none", "off",
                                        "idle",  "nan", "null", "no",   "background",
                                        "false", "无",  "关",   "断开", "关闭"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(name, words[i]) == 0)
            return true;
    return false;
}

void classify_clean_name(const char *text, char name[CLASSIFY_NAME_MAX])
{
    static const char *const off[] = {"turn off", "turned off", "switch off", "switched off", "off",
                                      "stop",     "end",        "关闭",       "关",           NULL};
    static const char *const on[] = {"turn on", "turned on", "switch on", "switched on", "on",
                                     "start",   "打开",      "开启",      "开",          NULL};
    snprintf(name, CLASSIFY_NAME_MAX, "%s", text + strspn(text, " "));
    while (*name && name[strlen(name) - 1] == ' ')
        name[strlen(name) - 1] = '\0';
    if (is_nothing(name) || *name == '-' || cut_any(name, off))
        name[0] = '\0';
    cut_any(name, on);
}

struct label_columns {
    int time, name, edge; /* -1: not there */
    int shift;            /* of the time */
    size_t count;
    char by;
};

static void name_columns(const struct text_cells *f, struct label_columns *c)
{
    c->time = c->name = c->edge = -1;
    c->count = f->count;
    for (int i = 0; i < (int)f->count; i++) {
        struct text_heading h = text_heading(f->cell[i]);
        if (c->time < 0 && h.column == TEXT_TIME) {
            c->time = i;
            c->shift = h.shift;
        } else if (c->name < 0 && h.column == TEXT_LABEL) {
            c->name = i;
        } else if (c->edge < 0 && h.column == TEXT_EDGE) {
            c->edge = i;
        }
    }
    if (c->name < 0) {
        c->name = c->edge;
        c->edge = -1;
    }
}

/* A time and a name, without a heading above them. */
static bool is_bare(const char *line)
{
    char copy[TEXT_LINE_MAX];
    struct text_cells f;
    struct text_moment m;
    int64_t number;
    snprintf(copy, sizeof copy, "%s", line);
    return text_split(copy, text_separator(line), &f) && f.count == 2 &&
           text_time(f.cell[0], true, 0, &m) &&
           text_number(f.cell[1], true, 0, &number) == TEXT_JUNK;
}

static enum err find_columns(struct reading *r, char *heading, struct label_columns *c)
{
    struct text_cells f;
    c->by = text_separator(heading);
    if (!text_split(heading, c->by, &f))
        return classify_refuse(r, 0, "a quote is open, or more than %d columns", TEXT_CELLS_MAX);
    name_columns(&f, c);
    return c->time >= 0 && c->name >= 0
               ? ERR_OK
               : classify_refuse(r, 0, "no column %s: a file of labels has time and label",
                                 c->time < 0 ? "time" : "label");
}

static bool begins_labels(const char *line)
{
    char copy[TEXT_LINE_MAX];
    struct text_cells f;
    struct label_columns c;
    snprintf(copy, sizeof copy, "%s", line);
    if (!text_split(copy, text_separator(line), &f))
        return false;
    name_columns(&f, &c);
    return c.time >= 0 && c.name >= 0;
}

static enum err read_row(struct reading *r, const struct label_columns *c, char *line)
{
    struct text_cells f;
    struct text_moment m;
    struct classify_label label;
    char edge[CLASSIFY_NAME_MAX] = "on";
    if (!text_split(line, c->by, &f) || f.count != c->count)
        return classify_refuse(r, 0, "not as many cells as the heading has");
    if (!text_time(f.cell[c->time], c->by != ',', c->shift, &m))
        return classify_refuse(r, (size_t)c->time + 1, "\"%.40s\" is no time", f.cell[c->time]);
    if (c->edge >= 0)
        classify_clean_name(f.cell[c->edge], edge);
    label = (struct classify_label){
        .at_ms = m.ms, .zoned = m.zoned || m.form == TEXT_SECONDS, .undated = m.form == TEXT_CLOCK};
    classify_clean_name(f.cell[c->name], label.name);
    if (*edge && *label.name)
        r->sink->label(r->sink->arg, &label);
    return ERR_OK;
}

static enum err read_rows(struct reading *r, FILE *file, char *line)
{
    struct label_columns c = {
        .time = 0, .name = 1, .edge = -1, .count = 2, .by = text_separator(line)};
    enum err e;
    if (is_bare(line))
        TRY(read_row(r, &c, line));
    else
        TRY(find_columns(r, line, &c));
    while (classify_line(r, file, line, &e))
        TRY(read_row(r, &c, line));
    return e;
}

enum err classify_labels(const char *path, const struct classify_sink *sink,
                         struct classify_problem *problem)
{
    static const struct classify_how how = {};
    struct reading r = {.how = &how, .sink = sink, .problem = problem, .path = path};
    return classify_read(&r, begins_labels, read_rows);
}
