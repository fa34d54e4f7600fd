/*
 * `yufu-terminal classify`: recorded loads through the terminal's load watch, and what became of
 * them beside what they were. Formats: docs/manual/load.md.
 */
#ifndef YUFU_APP_CLASSIFY_H
#define YUFU_APP_CLASSIFY_H

#include <stdio.h>

#include "base/err.h"
#include "terminal/load.h"

#define CLASSIFY_NAME_MAX 40

/* What a recording says of itself. */
struct classify_label {
    int64_t at_ms; /* of switching on; INT64_MIN: not of one moment */
    bool zoned;    /* its time zone was written beside it */
    bool undated;  /* a time of day */
    char name[CLASSIFY_NAME_MAX];
};

/* How the times of a recording are written. */
struct classify_clock {
    int64_t first_ms, last_ms; /* of the first row, and of the last when all are read */
    int64_t offset_ms;         /* local time less UTC, as the first row has it */
    bool dated;
    bool of_day; /* hh:mm:ss without a date */
};

struct classify_problem {
    size_t line;   /* from 1; 0: the file as a whole */
    size_t column; /* from 1; 0: the line as a whole */
    char what[160];
};

/* Told for each step, as it comes. `plain`: the plain rule would have tripped; `voltage_dv`: as it
 * was then, 0: not measured. */
struct classify_sink {
    void (*event)(void *arg, const struct load_event *e, bool plain, unsigned voltage_dv);
    void (*label)(void *arg, const struct classify_label *label);
    /* what is looked over: a column that nobody knows ... */
    void (*note)(void *arg, const struct classify_problem *note);
    void (*clock)(void *arg, const struct classify_clock *clock); /* first row, last row */
    void *arg;
};

/* How a file is read. */
struct classify_how {
    const struct load_settings *settings;
    unsigned mains_hz;   /* of series that count cycles: 50 or 60 */
    const char *columns; /* "time,P,..": a heading in the place of the file's; NULL: as it is */
};

/* Reads a file of any of the formats. ERR_SYNTAX with the problem, ERR_IO_FILE. */
[[nodiscard]] enum err classify_file(const char *path, const struct classify_how *how,
                                     const struct classify_sink *sink,
                                     struct classify_problem *problem);

/* Reads a file of labels (time, label and, if it has it, which way): each to sink->label. Errors as
 * above. */
[[nodiscard]] enum err classify_labels(const char *path, const struct classify_sink *sink,
                                       struct classify_problem *problem);

/* Whether a class of appliance is forbidden heating, by its name. */
bool classify_is_heating(const char *name);

#endif
