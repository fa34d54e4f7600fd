/* What the readers of recorded loads share. */
#ifndef YUFU_APP_CLASSIFY_IMPL_H
#define YUFU_APP_CLASSIFY_IMPL_H

#include "app/classify.h"

#define CLASSIFY_LINE_MAX 8192

struct reading {
    const struct load_settings *settings;
    const struct classify_sink *sink;
    struct classify_problem *problem;
    const char *path;
    struct load_watch watch;
    int64_t last_ms; /* INT64_MIN: no row yet */
    unsigned same;   /* rows in a row with one time */
    unsigned sparse; /* rows in a row that are far apart */
    char label[CLASSIFY_NAME_MAX];
};

/* ERR_SYNTAX with the problem of the line that is read; column from 1, 0: none. */
enum err classify_refuse(struct reading *r, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Leaves off what says that it is on; empty: nothing is, or it goes off. */
void classify_clean_name(const char *text, char name[CLASSIFY_NAME_MAX]);

/* Opens r->path, finds its heading, the first line that is neither empty nor a remark, and lets
 * `rest` read on from there. */
typedef enum err classify_rest(struct reading *r, FILE *file, char *line);
enum err classify_read(struct reading *r, classify_rest *rest);

/* index.csv with current.csv and voltage.csv beside it: a row a switching. `index` stands after its
 * heading. */
enum err classify_cycles(struct reading *r, FILE *index);

#endif
