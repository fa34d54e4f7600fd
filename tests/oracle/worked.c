/*
 * Worked bills, by the engine and by the oracle: worked TABLE...
 * Fields of a line are separated by "|":
 *   name | plan | used before, persons, month [days, months, thousandths of m2] | rows | exact yuan
 * A row is a total, or sharp peak flat valley [deep valley]; rows are separated by ";". A plan may
 * be a name that a line "name = plan" gave before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define NAMES_MAX 100
#define FIELDS 5

static struct {
    char *name, *json;
} names[NAMES_MAX];
static int name_count;

static struct plan plan;
static struct bill bill;
static struct usage usage;
static struct text why;
static int passed, failed;

static char *trim(char *s)
{
    s += strspn(s, " \t\r\n");
    for (size_t n = strlen(s); n > 0 && strchr(" \t\r\n", s[n - 1]); n--)
        s[n - 1] = 0;
    return s;
}

static const char *find_plan(const char *word)
{
    for (int i = 0; i < name_count; i++)
        if (strcmp(names[i].name, word) == 0)
            return names[i].json;
    return word;
}

static void remember(char *line)
{
    char *equals = strstr(line, " = ");
    if (!equals || name_count == NAMES_MAX) {
        printf("no plan: %s\n", line);
        failed++;
        return;
    }
    *equals = 0;
    names[name_count].name = strdup(trim(line));
    names[name_count++].json = strdup(trim(equals + 3));
}

static void read_rows(char *text)
{
    char *save = NULL;
    usage.row_count = 0;
    for (char *t = strtok_r(text, ";", &save); t; t = strtok_r(NULL, ";", &save)) {
        struct row *row = &usage.rows[usage.row_count++];
        int n = sscanf(t, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &row->rate[0],
                       &row->rate[1], &row->rate[2], &row->rate[3], &row->rate[4]);
        row->total = 0;
        for (int r = 0; r < n; r++)
            row->total += row->rate[r];
        for (int r = n == 1 ? 0 : n; r < RATES; r++)
            row->rate[r] = 0;
    }
}

/* "116.7037" yuan are 1167037/100 fen. */
static void read_exact(const char *yuan, mpq_t fen)
{
    char digits[64];
    int scale = 0, n = 0;
    const char *dot = strchr(yuan, '.');
    for (const char *s = yuan; *s && n < 60; s++)
        if (*s != '.')
            digits[n++] = *s;
    digits[n] = 0;
    scale = dot ? (int)strlen(dot + 1) : 0;
    mpz_set_str(mpq_numref(fen), digits, 10);
    mpz_mul_ui(mpq_numref(fen), mpq_numref(fen), 100);
    mpz_ui_pow_ui(mpq_denref(fen), 10, (unsigned long)scale);
    mpq_canonicalize(fen);
}

static bool worked(const char *json, const char *yuan)
{
    static struct rating_plan engine;
    struct text text = {.at = (char *)(uintptr_t)json, .len = strlen(json)};
    mpq_t expected, got;
    if (!engine_read(&text, &engine, &why))
        return false;
    if (!plan_read(&plan, json)) {
        text_add(&why, "the oracle cannot read the plan\n");
        return false;
    }
    enum verdict verdict = bill_make(&plan, &usage, &bill);
    if (verdict != BILLED)
        text_add(&why, "the oracle has no bill: %d\n", verdict);
    mpq_inits(expected, got, NULL);
    read_exact(yuan, expected);
    bill_exact(&bill, got);
    if (!mpq_equal(expected, got))
        text_add(&why, "the oracle's sum is another\n");
    mpq_clears(expected, got, NULL);
    engine_same_statement(&engine, &usage, verdict, &bill, &why);
    return why.len == 0;
}

static void try_line(char *line)
{
    char *field[FIELDS], *save = NULL;
    int n = 0;
    for (char *t = strtok_r(line, "|", &save); t && n < FIELDS; t = strtok_r(NULL, "|", &save))
        field[n++] = trim(t);
    text_clear(&why);
    usage = (struct usage){0};
    if (n < FIELDS ||
        sscanf(field[2], "%" SCNd64 " %d %d %d %d %" SCNd64, &usage.before, &usage.persons,
               &usage.month, &usage.days, &usage.months, &usage.area_milli_m2) < 3) {
        printf("%s: not a worked bill\n", line);
        failed++;
        return;
    }
    read_rows(field[3]);
    if (worked(find_plan(field[1]), field[4])) {
        passed++;
        return;
    }
    failed++;
    printf("%s: expected %s yuan: %s", field[0], field[4], why.at);
    text_clear(&why);
    bill_print(&bill, &why);
    printf("%s", why.at);
}

static void try_file(const char *path)
{
    static char line[16384];
    FILE *f = fopen(path, "r");
    if (!f) {
        perror(path);
        failed++;
        return;
    }
    while (fgets(line, sizeof line, f)) {
        char *text = trim(line);
        if (*text == 0 || *text == '#')
            continue;
        if (strchr(text, '|'))
            try_line(text);
        else
            remember(text);
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    plan_init(&plan);
    bill_init(&bill);
    for (int i = 1; i < argc; i++)
        try_file(argv[i]);
    printf("%d passed, %d failed\n", passed, failed);
    bill_free(&bill);
    plan_free(&plan);
    text_free(&why);
    for (int i = 0; i < name_count; i++) {
        free(names[i].name);
        free(names[i].json);
    }
    return failed || !passed;
}
