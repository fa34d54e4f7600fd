/*
 * `yufu manual`: the tables of events, log lines and errors in both languages, as markdown. The
 * tables are the program's own, so that the manual cannot say anything else.
 */
#include <stdio.h>
#include <string.h>

#include "app/commands.h"
#include "app/options.h"
#include "base/err.h"

struct row {
    const char *name, *kind, *en, *zh;
};

static const struct row event_rows[] = {
#define EVENT_ROW(id, name, severity, en, zh) {name, #severity, en, zh},
#include "journal/event_table.h"
#undef EVENT_ROW
};

static const struct row log_rows[] = {
#define LOG_ROW(id, name, level, en, zh) {name, #level, en, zh},
#include "io/log_table.h"
#undef LOG_ROW
};

static const struct row err_rows[] = {
#define ERR_ROW(name, class, en, zh) {&#name[4], #class, en, zh},
#include "base/err_table.h"
#undef ERR_ROW
};

#define ROWS(list) list, sizeof list / sizeof *list

struct table {
    const char *name, *title, *about, *kind;
    const struct row *rows;
    size_t count;
};

static const struct table tables[] = {
    {"events", "Events 事件",
     "What the event list of the console shows. INFO needs nobody, WARNING should be looked at "
     "during "
     "the day, ALARM now. 控制台事件列表：INFO 无需处理，WARNING 当日查看，ALARM 立即处理。",
     "severity", ROWS(event_rows)},
    {"logs", "Log lines 日志",
     "What the programs write on standard error, one line each: `name at=TIME level=LEVEL "
     "key=value`. "
     "程序写到标准错误输出的日志行。",
     "level", ROWS(log_rows)},
    {"errors", "Errors 错误",
     "The code of a refusal, in the API, the command line and the log. RETRY may succeed later, "
     "REFUSE "
     "changed nothing, CORRUPT means damaged data, BUG is ours. "
     "错误码：RETRY 可稍后重试，REFUSE 未作任何更改，CORRUPT 数据损坏，BUG 程序缺陷。",
     "class", ROWS(err_rows)},
};

#define TABLE_COUNT (sizeof tables / sizeof *tables)

static void print_table(const struct table *t)
{
    printf("# %s\n\nPrinted by `yufu manual %s`. %s\n\n", t->title, t->name, t->about);
    printf("| name | %s | what it means | 含义 |\n|---|---|---|---|\n", t->kind);
    for (size_t i = 0; i < t->count; i++)
        printf("| `%s` | %s | %s | %s |\n", t->rows[i].name, t->rows[i].kind, t->rows[i].en,
               t->rows[i].zh);
}

int app_manual_main(int argc, char **argv)
{
    const struct option_row rows[] = {{0}};
    int words;
    enum options_result r = options_parse(argc, argv, "events|logs|errors", rows, &words);
    if (r != OPTIONS_GO)
        return r == OPTIONS_HELP ? 0 : 2;
    for (size_t i = 0; words == 1 && i < TABLE_COUNT; i++) {
        if (strcmp(argv[1], tables[i].name) != 0)
            continue;
        print_table(&tables[i]);
        return 0;
    }
    fprintf(stderr, "yufu manual: one of events, logs, errors\n");
    return 2;
}
