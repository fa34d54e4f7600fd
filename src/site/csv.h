/*
 * A CSV reader: a whole file in memory, UTF-8 (with or without byte order mark) or GBK, quoting by
 * RFC 4180. Says where it stumbled: row and column count from 1, the header line is row 1.
 */
#ifndef YUFU_SITE_CSV_H
#define YUFU_SITE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CSV_SIZE_MAX 20'000'000
#define CSV_ROWS_MAX 200'000 /* below the header */
#define CSV_COLUMNS_MAX 64

struct csv {
    char *text; /* UTF-8, changed in place while cells are cut out of it */
    size_t len, at;
    int64_t row;                  /* of the cells last read */
    int64_t filled;               /* rows that were not empty, the header included */
    bool gbk;                     /* the file was not UTF-8 */
    char *cells[CSV_COLUMNS_MAX]; /* texts without spaces around; valid until csv_close */
    size_t cell_count;
    size_t bad_column; /* of the error; 0: the row as a whole */
};

/* Copies and decodes. ERR_CSV_SIZE, ERR_CSV_ENCODING (neither UTF-8 nor GBK), ERR_MEMORY. csv_close
 * is needed after success only. */
[[nodiscard]] enum err csv_open(struct csv *csv, const void *data, size_t len);
void csv_close(struct csv *csv);

/* The next row that is not empty. ERR_NOT_FOUND at the end. ERR_CSV_QUOTE, ERR_CSV_CONTROL,
 * ERR_CSV_COLUMNS (more than CSV_COLUMNS_MAX), ERR_CSV_ROWS: csv->row and bad_column say where; the
 * reader stays ended. */
[[nodiscard]] enum err csv_next(struct csv *csv);

#endif
