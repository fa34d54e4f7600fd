/* Labels: what a name means that somebody wrote, and files of labels beside a recording. */
#include <string.h>
#include <strings.h>

#include "app/classify_impl.h"
#include "app/classify_text.h"

/* Whether the name ends with this word, behind a blank or a stroke; it is cut off then. */
static bool cut_word(char *name, const char *word)
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

void classify_clean_name(const char *text, char name[CLASSIFY_NAME_MAX])
{
    static const char *const ends[] = {"off", "stop", "关闭", "关"};
    static const char *const begins[] = {"on", "start", "打开", "开启", "开"};
    static const char *const nothing[] = {"", "0", "-", "none", "off", "idle", "nan", "null", "无"};
    snprintf(name, CLASSIFY_NAME_MAX, "%s", text);
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        if (strcasecmp(name, nothing[i]) == 0)
            name[0] = '\0';
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (cut_word(name, ends[i]))
            name[0] = '\0';
    for (size_t i = 0; i < sizeof begins / sizeof *begins; i++)
        if (cut_word(name, begins[i]))
            break;
}

struct label_columns {
    int time, name, edge; /* -1: not there */
    size_t count;
    char by;
};

static bool is_edge(const char *heading)
{
    static const char *const names[] = {"edge",   "state", "action", "switch",
                                        "on_off", "动作",  "状态"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcasecmp(heading, names[i]) == 0)
            return true;
    return false;
}

static enum err find_columns(struct reading *r, char *heading, struct label_columns *c)
{
    struct text_cells f;
    *c = (struct label_columns){-1, -1, -1, 0, text_separator(heading)};
    if (!text_split(heading, c->by, &f))
        return classify_refuse(r, 0, "a quote is open, or more than %d columns", TEXT_CELLS_MAX);
    for (int i = 0; i < (int)f.count; i++) {
        enum text_column column = text_heading(f.cell[i]).column;
        if (c->time < 0 && column == TEXT_TIME)
            c->time = i;
        else if (c->name < 0 && column == TEXT_LABEL)
            c->name = i;
        else if (c->edge < 0 && is_edge(f.cell[i]))
            c->edge = i;
    }
    c->count = f.count;
    return c->time >= 0 && c->name >= 0
               ? ERR_OK
               : classify_refuse(r, 0, "no column %s: a file of labels has time and label",
                                 c->time < 0 ? "time" : "label");
}

static enum err read_row(struct reading *r, const struct label_columns *c, char *line)
{
    struct text_cells f;
    struct classify_label label;
    char edge[CLASSIFY_NAME_MAX] = "on";
    if (!text_split(line, c->by, &f) || f.count != c->count)
        return classify_refuse(r, 0, "not as many cells as the heading has");
    if (!text_time(f.cell[c->time], c->by != ',', 0, &label.at_ms))
        return classify_refuse(r, (size_t)c->time + 1, "\"%.40s\" is no time", f.cell[c->time]);
    if (c->edge >= 0)
        classify_clean_name(f.cell[c->edge], edge);
    classify_clean_name(f.cell[c->name], label.name);
    if (*edge && *label.name)
        r->sink->label(r->sink->arg, &label);
    return ERR_OK;
}

static enum err read_rows(struct reading *r, FILE *file, char *line)
{
    struct label_columns c;
    enum err e = find_columns(r, line, &c);
    while (e == ERR_OK && fgets(line, CLASSIFY_LINE_MAX, file)) {
        r->problem->line++;
        if (!text_end(line, CLASSIFY_LINE_MAX))
            e = classify_refuse(r, 0, "no line of text");
        else if (*line && *line != '#')
            e = read_row(r, &c, line);
    }
    return e;
}

enum err classify_labels(const char *path, const struct classify_sink *sink,
                         struct classify_problem *problem)
{
    return classify_read(&(struct reading){.sink = sink, .problem = problem, .path = path},
                         read_rows);
}
