/*
 * The text of a recorded series: lines into cells, cells into numbers and times, headings into
 * what they name. What spreadsheets and loggers write differently (separators, decimal commas,
 * units, names of columns, forms of time) is told apart here.
 */
#ifndef YUFU_APP_CLASSIFY_TEXT_H
#define YUFU_APP_CLASSIFY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXT_CELLS_MAX 64

struct text_cells {
    size_t count;
    char *cell[TEXT_CELLS_MAX]; /* trimmed, without quotes; inside the line that was split */
};

/* Leaves the line ending off; false: the line is torn (no end, a zero byte). */
bool text_end(char *line, size_t size);
/* The separator of a heading: the most frequent of ; tab | and comma. */
char text_separator(const char *line);
/* Splits `line` in place. False: more cells than fit, or a quote that is not closed. */
bool text_split(char *line, char by, struct text_cells *out);

enum text_kind { TEXT_NUMBER, TEXT_EMPTY, TEXT_JUNK };
/* A decimal number times 10 to the `shift`, in thousandths, rounded. Empty are also nan, null, n/a
 * and a dash. Junk is what is no number, and what is beyond 4 * 10^15 thousandths. `comma`: a comma
 * parts the decimals too. */
enum text_kind text_number(const char *text, bool comma, int shift, int64_t *milli);

/* Milliseconds. A number: seconds ("shift" 0), or milliseconds where it can only be these; else
 * YYYY-MM-DD, YYYY/MM/DD, DD/MM/YYYY or DD.MM.YYYY with hh:mm[:ss[.fff]] and Z or an offset after
 * it, or hh:mm:ss alone. False: none of these, or no such time. */
bool text_time(const char *text, bool comma, int shift, int64_t *ms);

enum text_column {
    TEXT_TIME,
    TEXT_DATE,
    TEXT_P,
    TEXT_Q,
    TEXT_U,
    TEXT_I,
    TEXT_S,
    TEXT_PF,
    TEXT_FIRST, /* current of the fundamental */
    TEXT_H3,    /* to H15 */
    TEXT_LABEL = TEXT_H3 + 7,
    TEXT_UNUSED, /* known, not looked at */
    TEXT_COLUMNS,
};

struct text_heading {
    enum text_column column; /* TEXT_COLUMNS: nobody knows it */
    int shift;               /* powers of ten from its unit to s, W, var, V, A, VA */
    bool bad_unit;           /* it has a unit that does not fit */
    bool bench;              /* as only the bench meter writes it */
};

struct text_heading text_heading(const char *name);
const char *text_column_name(enum text_column c); /* "time", "P" ...; never NULL */

#endif
