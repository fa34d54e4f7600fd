/* What the readers of recorded loads share. */
#ifndef YUFU_APP_CLASSIFY_IMPL_H
#define YUFU_APP_CLASSIFY_IMPL_H

#include "app/terminal/classify.h"
#include "app/terminal/classify_text.h"

#define CLASSIFY_ON_MAX 200 /* bytes of all names that are on */

struct reading {
    const struct classify_how *how;
    const struct classify_sink *sink;
    struct classify_problem *problem;
    const char *path;
    struct classify_clock clock;
    struct load_watch watch;
    int64_t last_ms;             /* of the last sample; INT64_MIN: none yet */
    int64_t row_ms;              /* of the last row */
    int64_t days_ms;             /* midnights that a clock without a date has passed */
    unsigned same;               /* rows in a row with one time */
    unsigned sparse;             /* rows in a row that are far apart */
    size_t taken;                /* samples */
    size_t empty;                /* a column that was empty; from 1 */
    int32_t most_mw;             /* greatest power */
    int64_t active, apparent;    /* sums of mW and mVA, where something draws */
    int64_t current, third;      /* mA */
    char label[CLASSIFY_ON_MAX]; /* what was on in the last row */
};

/* ERR_SYNTAX with the problem of the line that is read; column from 1, 0: none. */
enum err classify_refuse(struct reading *r, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same as a remark to sink->note: the file is read on. */
void classify_note(struct reading *r, size_t column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The next line that is neither empty nor a remark. False: none, *e is ERR_OK then, or a torn one.
 */
bool classify_line(struct reading *r, FILE *file, char line[TEXT_LINE_MAX], enum err *e);
/* Whether a row may have this time, in which the midnights passed are then counted. `same`: that of
 * the row above. */
enum err classify_order(struct reading *r, size_t column, struct text_moment *m, bool *same);
void classify_give(struct reading *r, const struct load_sample *x);
/* What is on in this row: names that were not in the row above are told. */
void classify_label_row(struct reading *r, int64_t ms, const char *edge, const char *names);

/* Leaves off what says that it is on; empty: nothing is, or it goes off. */
void classify_clean_name(const char *text, char name[CLASSIFY_NAME_MAX]);

/* Opens r->path, finds its heading, and lets `rest` read on from there. `begins` says whether a
 * line is a heading; what stands above it (a remark, the logger's own words) is left. */
typedef bool classify_begins(const char *line);
typedef enum err classify_rest(struct reading *r, FILE *file, char *line);
enum err classify_read(struct reading *r, classify_begins *begins, classify_rest *rest);

bool classify_is_table(const char *line);
/* Whether the line is a row of a table whose columns are how->columns. */
bool classify_is_named_row(const struct reading *r, const char *line);
/* A table; `line` is its heading, or its first row where the columns are named, or are those of the
 * plain form and show it. */
enum err classify_table(struct reading *r, FILE *file, char *line);
/* events.csv one folder above: recording, time, appliance, edge, ... */
void classify_bench_labels(struct reading *r);

/* index.csv with current.csv and voltage.csv beside it: a row a switching. `index` stands after its
 * heading. */
enum err classify_cycles(struct reading *r, FILE *index);

#endif
