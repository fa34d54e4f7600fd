#include "app/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A program of its own says its name; a sub-command stands behind "yufu". */
static const char *program_name(const char *argv0)
{
    static char name[64];
    const char *slash = strrchr(argv0, '/');
    const char *base = slash ? slash + 1 : argv0;
    snprintf(name, sizeof name, "%s%s", strncmp(base, "yufu", 4) == 0 ? "" : "yufu ", base);
    return name;
}

static void print_help(const char *program, const char *about, const struct option_row *rows)
{
    printf("usage: %s %s\n\n", program_name(program), about);
    for (const struct option_row *r = rows; r->name; r++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", r->name, r->value ? r->value : "");
        printf("  %-26s %s", left, r->about);
        if (r->value && *r->text)
            printf(" [%s]", *r->text);
        printf("\n");
    }
}

static const struct option_row *row_of(const struct option_row *rows, const char *name)
{
    for (const struct option_row *r = rows; r->name; r++)
        if (strcmp(r->name, name) == 0)
            return r;
    return NULL;
}

static enum options_result take(const struct option_row *row, int argc, char **argv, int *i)
{
    if (!row) {
        fprintf(stderr, "%s: there is no option %s (see --help)\n", program_name(argv[0]), argv[*i]);
        return OPTIONS_WRONG;
    }
    if (!row->value) {
        *row->text = "1";
        return OPTIONS_GO;
    }
    if (*i + 1 >= argc) {
        fprintf(stderr, "%s: %s needs a value: %s\n", program_name(argv[0]), row->name, row->value);
        return OPTIONS_WRONG;
    }
    *row->text = argv[++*i];
    return OPTIONS_GO;
}

enum options_result options_parse(int argc, char **argv, const char *about,
                                  const struct option_row *rows, int *words)
{
    int kept = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            print_help(argv[0], about, rows);
            return OPTIONS_HELP;
        }
        if (strncmp(argv[i], "--", 2) != 0) {
            argv[++kept] = argv[i];
            continue;
        }
        if (take(row_of(rows, argv[i]), argc, argv, &i) != OPTIONS_GO)
            return OPTIONS_WRONG;
    }
    *words = kept;
    return OPTIONS_GO;
}

enum err options_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (end == text || *end)
        return ERR_SYNTAX;
    if (errno == ERANGE || v < min || v > max)
        return ERR_RANGE;
    *out = v;
    return ERR_OK;
}

enum err options_address(const char *text, char *host, size_t cap, uint16_t *port)
{
    const char *colon = text == NULL ? NULL : strrchr(text, ':');
    int64_t number;
    if (colon == NULL || colon == text || (size_t)(colon - text) >= cap)
        return ERR_SYNTAX;
    TRY(options_number(colon + 1, 1, 65'535, &number));
    memcpy(host, text, (size_t)(colon - text));
    host[colon - text] = '\0';
    *port = (uint16_t)number;
    return ERR_OK;
}
