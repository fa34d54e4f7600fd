/*
 * The text of a recorded series: bytes into lines, lines into cells, cells into numbers and times,
 * headings into what they name. What spreadsheets and loggers write differently (line ends,
 * separators, decimal commas, units, names of columns, forms of time) is told apart here.
 */
#ifndef YUFU_APP_CLASSIFY_TEXT_H
#define YUFU_APP_CLASSIFY_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

#define TEXT_CELLS_MAX 64

struct text_cells {
    size_t count;
    char *cell[TEXT_CELLS_MAX]; /* trimmed, without quotes; inside the line that was split */
};

/* Opens a file as UTF-8 text: gzip is unpacked, UTF-16 turned, a byte order mark left off.
 * ERR_IO_FILE, ERR_SYNTAX for what is no text (a workbook, another compression): *wrong says it.
 * Where reading fails later on (ferror), *wrong says why: it has to live as long as the file. */
enum err text_open(const char *path, FILE **file, const char **wrong);

#define TEXT_LINE_MAX 8192

enum text_line { TEXT_LINE, TEXT_OVER, TEXT_TORN };
/* The next line without its end (LF, CR LF or CR), as UTF-8: what is not is taken for GBK. Torn:
 * longer than fits, or with a zero byte. */
enum text_line text_line(FILE *file, char line[TEXT_LINE_MAX]);
/* The separator of a heading: the most frequent of ; tab | and comma, else a blank. */
char text_separator(const char *line);
/* Splits `line` in place; blanks part cells as often as they stand there. False: more cells than
 * fit, or a quote that is not closed. */
bool text_split(char *line, char by, struct text_cells *out);

enum text_kind { TEXT_NUMBER, TEXT_EMPTY, TEXT_JUNK };
/* A decimal number times 10 to the `shift`, in thousandths, rounded. Empty are also nan, null, n/a
 * and a dash. Junk is what is no number, what may be thousands as well as decimals, and what is
 * beyond 4 * 10^15 thousandths. `comma`: a comma separates no cells here, and parts decimals. */
enum text_kind text_number(const char *text, bool comma, int shift, int64_t *milli);
/* What parts the decimals of a number, point or comma; 0: none are there. */
char text_decimal(const char *text, bool comma);

enum text_form { TEXT_SECONDS, TEXT_CLOCK, TEXT_DATED };
struct text_moment {
    int64_t ms; /* of TEXT_DATED since 1970, less the offset; of TEXT_CLOCK since midnight */
    int64_t offset_ms;
    enum text_form form;
    bool zoned; /* Z or an offset stood behind it */
};
/* A number: seconds ("shift" 0), or ms, us or ns where it can only be these; else a date (year
 * first, or day before month unless am or pm follows or only the other can be; a month by its
 * English name) with hh:mm[:ss[.fff]] and Z or an offset after it; or a clock alone. False: none of
 * these, or no such time. */
bool text_time(const char *text, bool comma, int shift, struct text_moment *m);

enum text_column {
    TEXT_TIME,
    TEXT_CYCLE, /* number of a cycle of the mains */
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
    TEXT_EDGE,   /* which way something is switched */
    TEXT_UNUSED, /* known, not looked at */
    TEXT_COLUMNS,
};

struct text_heading {
    enum text_column column; /* TEXT_COLUMNS: nobody knows it */
    int shift;               /* powers of ten from its unit to s, W, var, V, A, VA */
    bool bad_unit;           /* it has a unit that does not fit */
    bool percent;            /* of the fundamental */
    bool bench;              /* as only the bench meter writes it */
};

struct text_heading text_heading(const char *name);
/* Whether the text is a unit of h->column, in brackets or not: shift and percent are set. */
bool text_unit(const char *text, struct text_heading *h);
const char *text_column_name(enum text_column c); /* "time", "P" ...; never NULL */

#endif
