/*
 * terminal_model [--operations N] [--seed N]... [--today 1] [--script FILE]...: random operations
 * against the model, from these seeds and from the seed of the day. On a difference: the seed, the
 * operation, and the shortest script that still shows it, which --script plays again.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "drive.h"

#define LENGTH 400

struct script {
    struct op *list;
    int len;
};

static sigjmp_buf gave_up;

static void on_abort(int signal)
{
    (void)signal;
    siglongjmp(gave_up, 1);
}

/* A promise that the library breaks ends the program otherwise. */
static bool step(struct pair *p, const struct op *op)
{
    if (sigsetjmp(gave_up, 1) != 0) {
        snprintf(p->difference, sizeof p->difference, "a promise was broken");
        return false;
    }
    return drive(p, op);
}

/* Plays it; the number of operations until they differ, or -1. */
static int play(const struct script *s, struct pair *p)
{
    for (int i = 0; i < s->len; i++)
        if (!step(p, &s->list[i]))
            return i + 1;
    return -1;
}

static bool still(const struct script *s, const char *what, struct pair *p)
{
    size_t same = strcspn(what, "0123456789");
    return play(s, p) > 0 && strncmp(p->difference, what, same) == 0;
}

/* Leaves out whatever can be left out. */
static void shrink(struct script *s, const char *what)
{
    struct pair *p = malloc(sizeof *p);
    struct script less = {malloc((size_t)s->len * sizeof *s->list), 0};
    for (int chunk = s->len / 2; chunk > 0; chunk = chunk == 1 ? 0 : (chunk + 1) / 2) {
        for (int at = 1; at < s->len;) {
            int cut = at + chunk > s->len ? s->len - at : chunk;
            memcpy(less.list, s->list, (size_t)at * sizeof *s->list);
            memcpy(less.list + at, s->list + at + cut,
                   (size_t)(s->len - at - cut) * sizeof *s->list);
            less.len = s->len - cut;
            if (still(&less, what, p)) {
                memcpy(s->list, less.list, (size_t)less.len * sizeof *s->list);
                s->len = less.len;
            } else {
                at += chunk;
            }
        }
    }
    memcpy(less.list, s->list, (size_t)s->len * sizeof *s->list);
    less.len = s->len;
    less.list[0].a = 0;
    if (still(&less, what, p))
        s->list[0].a = 0;
    free(less.list);
    free(p);
}

static void print(const struct script *s)
{
    for (int i = 0; i < s->len; i++) {
        char text[500];
        op_text(&s->list[i], text, sizeof text);
        printf("%s\n", text);
    }
}

static bool report(struct script *s, uint64_t seed, int step, const char *what)
{
    printf("seed %llu, operation %d: %s\n", (unsigned long long)seed, step, what);
    shrink(s, what);
    struct pair *p = malloc(sizeof *p);
    play(s, p);
    printf("shortest script (%d operations): %s\n", s->len, p->difference);
    print(s);
    free(p);
    return false;
}

struct totals {
    uint64_t operations, inputs, answers, cuts, recognised;
};

/* One terminal's life. */
static bool life(uint64_t seed, struct totals *sum)
{
    static struct pair p;
    static struct op ops[LENGTH];
    struct script s = {ops, 0};
    struct dice d = {seed * UINT64_C(0x2545F4914F6CDD1D) + 1};
    ops[0] = (struct op){.kind = OP_setup, .a = dice(&d, 0, 400)};
    for (int i = 0; i < LENGTH; i++) {
        if (i == LENGTH - 1)
            ops[i] = (struct op){.kind = OP_audit};
        else if (i > 0)
            gen_op(&d, &p, &ops[i]);
        s.len = i + 1;
        if (!step(&p, &ops[i]))
            return report(&s, seed, i, p.difference);
    }
    sum->operations += LENGTH;
    sum->inputs += p.inputs;
    sum->answers += p.answers;
    sum->cuts += p.cuts;
    sum->recognised += p.recognised;
    return true;
}

#define SCRIPT_MAX 4096

/* A line is an operation, a comment or blank; anything else is named, and so is a script of
 * nothing. */
static bool load(const char *path, struct script *s)
{
    char line[600];
    FILE *f = fopen(path, "r");
    if (f == NULL) {
        printf("%s: cannot be read\n", path);
        return false;
    }
    for (int number = 1; fgets(line, sizeof line, f) != NULL; number++) {
        if (line[0] == '#' || line[strspn(line, " \t\r\n")] == '\0')
            continue;
        if (s->len == SCRIPT_MAX || !op_parse(line, &s->list[s->len])) {
            printf("%s:%d: not an operation: %s", path, number, line);
            fclose(f);
            return false;
        }
        s->len++;
    }
    fclose(f);
    if (s->len == 0)
        printf("%s: no script\n", path);
    return s->len > 0;
}

static int replay(const char *path)
{
    static struct op ops[SCRIPT_MAX];
    struct script s = {ops, 0};
    if (!load(path, &s))
        return 1;
    struct pair *p = malloc(sizeof *p);
    int at = play(&s, p);
    printf("%s: %s\n", path, at < 0 ? "no difference" : p->difference);
    free(p);
    return at < 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    signal(SIGABRT, on_abort);
    uint64_t seeds[16], want = 1000000;
    int n = 0, failed = 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--operations") == 0)
            want = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--seed") == 0 && n < 16)
            seeds[n++] = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--today") == 0 && n < 16)
            seeds[n++] = (uint64_t)time(NULL) / 86400 * 100000;
        else if (strcmp(argv[i], "--script") == 0)
            failed += replay(argv[i + 1]);
    }
    if (argc > 1 && strcmp(argv[1], "--script") == 0)
        return failed != 0;
    if (n == 0)
        seeds[n++] = 1;
    struct totals sum = {0};
    for (uint64_t k = 0; sum.operations < want && failed == 0; k++)
        failed += !life(seeds[k % (uint64_t)n] + k / (uint64_t)n, &sum);
    printf("last seed %llu; %llu operations (%llu inputs to the terminal, %llu answers compared "
           "byte for byte, %llu "
           "times without power, %llu loads recognised): %s\n",
           (unsigned long long)seeds[n - 1], (unsigned long long)sum.operations,
           (unsigned long long)sum.inputs, (unsigned long long)sum.answers,
           (unsigned long long)sum.cuts, (unsigned long long)sum.recognised,
           failed ? "DIFFERENT" : "no difference");
    return failed != 0;
}
