/*
 * Worked bills of dated usage, by the engine and by the oracle: worked_dated HOLIDAYS TABLE...
 * Fields of a line are separated by "|":
 *   name | plan | terms | bills | exact yuan of all bills together
 * A bill is rows that adjoin, separated by "+", and bills are separated by ";". A row is
 * "from .. to total", or "from .. to" with a sharp peak flat valley [deep valley]; times are local
 * ("2026-03-01", "2026-03-01T22:00", eight hours east), the second "from" may be left out. Terms
 * are words like persons=5, area=90000, opened=2026-07-02, reactive=1000 (of each row),
 * others=5000000 (used by the account's other meters in the month), ends.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"

#define NAMES_MAX 100
#define FIELDS 5
#define EAST 28800

static struct {
    char *name, *json;
} names[NAMES_MAX];
static int name_count;

static struct plan plan;
static struct rating_plan engine;
static struct stretch terms, stretch;
static struct due due;
static struct text why;
static int64_t reactive;
static int passed, failed;

static char *trim(char *s)
{
    s += strspn(s, " \t\r\n");
    for (size_t n = strlen(s); n > 0 && strchr(" \t\r\n", s[n - 1]); n--)
        s[n - 1] = 0;
    return s;
}

static int64_t read_time(const char *text)
{
    int year = 0, month = 1, day = 1, hour = 0, minute = 0;
    sscanf(text, "%d-%d-%dT%d:%d", &year, &month, &day, &hour, &minute);
    return day_number(year, month, day) * INT64_C(86400) + hour * 3600 + minute * 60 - EAST;
}

static void read_terms(char *text)
{
    char *save = NULL;
    memset(&terms, 0, sizeof terms);
    terms.offset = EAST;
    terms.reactive_known = true;
    reactive = 0;
    for (char *t = strtok_r(text, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(t, '=');
        int64_t value = equals ? strtoll(equals + 1, NULL, 10) : 0;
        if (strncmp(t, "opened=", 7) == 0)
            terms.opened_day = (int)((read_time(t + 7) + EAST) / 86400);
        else if (strncmp(t, "persons=", 8) == 0)
            terms.persons = (int)value;
        else if (strncmp(t, "area=", 5) == 0)
            terms.area = value;
        else if (strncmp(t, "capacity=", 9) == 0)
            terms.capacity = value;
        else if (strncmp(t, "others=", 7) == 0)
            terms.others = value;
        else if (strncmp(t, "contracted=", 11) == 0)
            terms.contracted = value;
        else if (strncmp(t, "demand=", 7) == 0)
            terms.demand = value;
        else if (strncmp(t, "recharges=", 10) == 0)
            terms.first_recharges = (int)value;
        else if (strncmp(t, "reactive=", 9) == 0)
            reactive = value;
        else if (strcmp(t, "ends") == 0)
            terms.month_ends = true;
        else if (strcmp(t, "-") != 0)
            text_add(&why, "no such term: %s\n", t);
    }
}

static void read_row(char *text, int64_t from)
{
    char first[32] = "", second[32] = "";
    int used = 0, n;
    struct stretch_row *row = &stretch.rows[stretch.row_count++];
    memset(row, 0, sizeof *row);
    if (sscanf(text, "%31s .. %31s %n", first, second, &used) < 2) {
        sscanf(text, " .. %31s %n", second, &used);
        row->from = from;
    } else
        row->from = read_time(first);
    row->to = read_time(second);
    n = sscanf(text + used, "%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64,
               &row->used.rate[0], &row->used.rate[1], &row->used.rate[2], &row->used.rate[3],
               &row->used.rate[4]);
    for (int r = 0; r < n; r++)
        row->used.total += row->used.rate[r];
    for (int r = n == 1 ? 0 : n; r < RATES; r++)
        row->used.rate[r] = 0;
    row->has_rates = n > 1;
    row->reactive = reactive;
}

static const char *json_of(const char *name)
{
    for (int i = 0; i < name_count; i++)
        if (strcmp(names[i].name, name) == 0)
            return names[i].json;
    return name;
}

static bool read_plan_of(const char *json)
{
    struct text text = {.at = (char *)(uintptr_t)json, .len = strlen(json)};
    return engine_read(&text, &engine, &why) && plan_read(&plan, json);
}

/* "demand=230000", "persons=4", "others=1000", "area=90000" or "ends" before a bill's rows is its
 * own; from "plan=name" on another plan holds, with "_" for the blanks of its name. */
static char *bill_terms(char *text)
{
    int used = 0;
    int64_t value;
    char name[64];
    if (sscanf(text, " demand=%" SCNd64 " %n", &value, &used) == 1)
        stretch.demand = value;
    else if (sscanf(text, " persons=%" SCNd64 " %n", &value, &used) == 1)
        stretch.persons = (int)value;
    else if (sscanf(text, " others=%" SCNd64 " %n", &value, &used) == 1)
        stretch.others = value;
    else if (sscanf(text, " area=%" SCNd64 " %n", &value, &used) == 1)
        stretch.area = value;
    else if (sscanf(text, " plan=%63s %n", name, &used) == 1) {
        for (char *s = name; *s; s++)
            *s = *s == '_' ? ' ' : *s;
        if (!read_plan_of(json_of(name)))
            text_add(&why, "no such plan: %s\n", name);
    } else if (strncmp(trim(text), "ends ", 5) == 0) {
        stretch.month_ends = true;
        return trim(text) + 5;
    }
    return text + used;
}

static void read_bill(char *text, int64_t from)
{
    char *save = NULL;
    stretch = terms;
    text = bill_terms(text);
    for (char *t = strtok_r(text, "+", &save); t; t = strtok_r(NULL, "+", &save)) {
        read_row(t, from);
        from = stretch.rows[stretch.row_count - 1].to;
    }
    stretch.opened = stretch.rows[0].from;
    stretch.closed = from;
}

static void read_exact(const char *yuan, mpq_t fen)
{
    char digits[64];
    int n = 0;
    const char *dot = strchr(yuan, '.');
    for (const char *s = yuan; *s && n < 60; s++)
        if (*s != '.')
            digits[n++] = *s;
    digits[n] = 0;
    mpz_set_str(mpq_numref(fen), digits, 10);
    mpz_mul_ui(mpq_numref(fen), mpq_numref(fen), 100);
    mpz_ui_pow_ui(mpq_denref(fen), 10, dot ? (unsigned long)strlen(dot + 1) : 0);
    mpq_canonicalize(fen);
}

static void bills(char *text, mpq_t sum)
{
    struct stand stand = {0};
    struct rating_position at = {0};
    char *save = NULL;
    int64_t fen = 0, from = 0;
    for (char *t = strtok_r(text, ";", &save); t; t = strtok_r(NULL, ";", &save)) {
        read_bill(t, from);
        from = stretch.closed;
        enum verdict verdict = stretch_bill(&plan, &stretch, &stand, &due);
        engine_same_period(&engine, &plan, &stretch, &verdict, &due, &stand, &at, &why);
        if (verdict != BILLED)
            text_add(&why, "no bill: %d\n", verdict);
        fen += engine_period_fen();
        if (why.len)
            engine_print_period(&why);
    }
    mpq_set_si(sum, at.carry, 1000000000);
    mpq_canonicalize(sum);
    mpz_addmul_ui(mpq_numref(sum), mpq_denref(sum), (unsigned long)fen);
}

static void try_line(char *line)
{
    char *field[FIELDS] = {0}, *save = NULL;
    int n = 0;
    mpq_t expected, got;
    for (char *t = strtok_r(line, "|", &save); t && n < FIELDS; t = strtok_r(NULL, "|", &save))
        field[n++] = trim(t);
    text_clear(&why);
    mpq_inits(expected, got, NULL);
    if (n == FIELDS && read_plan_of(json_of(field[1]))) {
        read_terms(field[2]);
        bills(field[3], got);
        read_exact(field[4], expected);
        if (!mpq_equal(expected, got))
            text_add(&why, "the sum is %.9f fen\n", mpq_get_d(got));
        passed += why.len == 0;
    } else
        text_add(&why, "not a worked bill\n");
    mpq_clears(expected, got, NULL);
    failed += why.len > 0;
    if (why.len > 0)
        printf("%s: expected %s yuan: %s", field[0], n == FIELDS ? field[4] : "?", why.at);
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
        char *text = trim(line), *equals = strstr(text, " = ");
        if (*text == 0 || *text == '#')
            continue;
        if (strchr(text, '|')) {
            try_line(text);
        } else if (equals && name_count < NAMES_MAX) {
            *equals = 0;
            names[name_count].name = strdup(trim(text));
            names[name_count++].json = strdup(trim(equals + 3));
        }
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    plan_init(&plan);
    if (argc < 3 || !days_begin(argv[1]))
        return 2;
    for (int i = 2; i < argc; i++)
        try_file(argv[i]);
    printf("%d passed, %d failed\n", passed, failed);
    for (int i = 0; i < name_count; i++) {
        free(names[i].name);
        free(names[i].json);
    }
    plan_free(&plan);
    text_free(&why);
    return failed || !passed;
}
