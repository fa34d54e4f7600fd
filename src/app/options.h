/*
 * Command-line options of the programs: a table of "--name VALUE" pairs and flags.
 *
 *   struct option_row rows[] = {{"--data", "DIR", &data, "where the databases are"}, ...};
 *
 * Prints the table for --help. A row without a value name is a flag: its text becomes "1".
 */
#ifndef YUFU_APP_OPTIONS_H
#define YUFU_APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct option_row {
    const char *name;   /* "--data" */
    const char *value;  /* "DIR"; NULL: a flag */
    const char **text;  /* gets the value; what it holds before is the default */
    const char *about;
};

enum options_result { OPTIONS_GO, OPTIONS_HELP, OPTIONS_WRONG };

/* Words that are no options are moved to the front of argv (from argv[1]); *words counts them. */
enum options_result options_parse(int argc, char **argv, const char *about,
                                  const struct option_row *rows, int *words);

/* A decimal number from min to max; ERR_SYNTAX, ERR_RANGE. */
[[nodiscard]] enum err options_number(const char *text, int64_t min, int64_t max, int64_t *out);

/* "HOST:PORT" (NULL: none) into host[cap] and a port from 1; ERR_SYNTAX, ERR_RANGE. */
[[nodiscard]] enum err options_address(const char *text, char *host, size_t cap, uint16_t *port);

#endif
