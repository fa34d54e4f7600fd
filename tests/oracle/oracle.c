/*
 * Random plans and usages, billed by the engine and by the oracle.
 *   oracle HOLIDAYS [--cases N] [--seed N] [--jobs N] [--plan N] [--features BITS]
 * One plan is tried with many usages, and with sequences of dated stretches. A case is one usage or
 * one stretch of one plan; --plan repeats one plan with all of them, for a reproducer.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine.h"
#include "sequences.h"

#define USAGES_A_PLAN 20
#define PERIODS_A_PLAN 20
#define PERIODS_A_SEQUENCE 5
#define CASES_A_PLAN (USAGES_A_PLAN + PERIODS_A_PLAN)
#define SHOWN 2 /* differences a process tells of */

struct run {
    uint64_t seed;
    int64_t cases, jobs, only_plan;
    unsigned features; /* only these of the second edition */
};

struct count {
    int64_t cases, lines, refused, charges, differences, kinds[KINDS];
    struct sequence_count periods;
};

static struct plan plan;
static struct bill bill;
static struct usage usage;
static struct rating_plan read_plan;
static struct text json, why, report;

static void show(const struct run *run, int64_t number, int at)
{
    text_clear(&report);
    text_add(&report, "difference: --seed %" PRIu64 " --plan %" PRId64 ", usage %d: %s%s\n",
             run->seed, number, at, why.at, json.at);
    usage_print(&usage, &report);
    text_add(&report, "oracle:\n");
    bill_print(&bill, &report);
    text_add(&report, "engine:\n");
    engine_print(&read_plan, &usage, &report);
    fputs(report.at, stdout);
    fflush(stdout);
}

/* Now and then a usage that no bill can be made of. */
static void spoil(struct usage *u, struct chance *c)
{
    struct row *row = &u->rows[chance_between(c, 0, u->row_count - 1)];
    switch (chance_between(c, 0, 6)) {
    case 0:
        row->total = -1 - chance_between(c, 0, 50);
        break;
    case 1:
        u->before = -1;
        break;
    case 2:
        u->month = chance_percent(c, 50) ? 0 : 13;
        break;
    case 3:
        u->days = 0;
        break;
    case 4:
        u->months = chance_percent(c, 50) ? 0 : u->months;
        u->area_milli_m2 = 0;
        u->demand = 0;
        u->contracted = chance_percent(c, 50) ? 0 : u->contracted;
        break;
    case 5:
        row->total += chance_percent(c, 50) ? 51 : 101;
        break;
    default:
        row->rate[chance_between(c, 0, RATING_RATES - 1)]++;
        break;
    }
}

static void try_usage(const struct run *run, int64_t number, int at, struct chance *c,
                      struct count *count)
{
    usage_make(&plan, c, &usage);
    if (chance_percent(c, 2))
        spoil(&usage, c);
    text_clear(&why);
    enum verdict verdict = bill_make(&plan, &usage, &bill);
    bool same = engine_same_statement(&read_plan, &usage, verdict, &bill, &why);
    if (same && engine_charges(&read_plan, &usage)) {
        same = engine_same_charge(&read_plan, &usage, verdict, &bill, &why);
        count->charges++;
    }
    count->cases++;
    count->kinds[plan.kind]++;
    count->lines += bill.line_count;
    count->refused += verdict != BILLED;
    if (!same && count->differences++ < SHOWN)
        show(run, number, at);
}

static void try_sequence(const struct run *run, int64_t number, struct chance *c,
                         struct count *count)
{
    text_clear(&why);
    count->cases += sequence_try(&plan, &read_plan, PERIODS_A_SEQUENCE, c, &count->periods, &why);
    if (why.len == 0 || count->differences++ >= SHOWN)
        return;
    printf("difference: --seed %" PRIu64 " --plan %" PRId64 ", a period: %s%s\n%s", run->seed,
           number, why.at, json.at, sequence_note()->at);
    fflush(stdout);
}

static void try_plan(const struct run *run, int64_t number, struct count *count)
{
    struct chance c = chance_begin(run->seed, (uint64_t)number);
    plan_make(&plan, RATING_RATES, &c);
    text_clear(&json);
    plan_print(&plan, &c, &json);
    text_clear(&why);
    if (!engine_read(&json, &read_plan, &why)) {
        count->cases++;
        if (count->differences++ < SHOWN)
            printf("difference: --seed %" PRIu64 " --plan %" PRId64 ": %s%s\n", run->seed, number,
                   why.at, json.at);
        return;
    }
    bool same = engine_same_days(&read_plan, &plan, &c, &why);
    same = engine_keeps_ceiling(&read_plan, &plan, &why) && same;
    same = engine_same_warnings(&plan, &c, &why) && same;
    if (!same && count->differences++ < SHOWN)
        printf("difference: --seed %" PRIu64 " --plan %" PRId64 ": %s%s\n", run->seed, number,
               why.at, json.at);
    for (int i = 0; i < USAGES_A_PLAN; i++)
        try_usage(run, number, i, &c, count);
    for (int i = 0; i < PERIODS_A_PLAN; i += PERIODS_A_SEQUENCE)
        try_sequence(run, number, &c, count);
}

static void work(const struct run *run, int job, struct count *count)
{
    int64_t plans = (run->cases + CASES_A_PLAN - 1) / CASES_A_PLAN;
    plan_init(&plan);
    bill_init(&bill);
    for (int64_t i = job; i < plans; i += run->jobs)
        try_plan(run, run->only_plan >= 0 ? run->only_plan : i, count);
}

static pid_t start(const struct run *run, int job, int *from)
{
    int pipes[2];
    if (pipe(pipes) != 0)
        return -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct count count = {0};
        work(run, job, &count);
        fflush(stdout);
        _exit(write(pipes[1], &count, sizeof count) == sizeof count ? 0 : 1);
    }
    close(pipes[1]);
    *from = pipes[0];
    return pid;
}

static bool finish(pid_t pid, int from, struct count *sum)
{
    struct count count;
    int status = 1;
    bool good = read(from, &count, sizeof count) == sizeof count;
    good = waitpid(pid, &status, 0) == pid && status == 0 && good;
    close(from);
    if (!good)
        return false;
    sum->cases += count.cases;
    sum->lines += count.lines;
    sum->refused += count.refused;
    sum->charges += count.charges;
    sum->differences += count.differences;
    sum->periods.periods += count.periods.periods;
    sum->periods.parts += count.periods.parts;
    sum->periods.lines += count.periods.lines;
    sum->periods.refused += count.periods.refused;
    for (int i = 0; i < KINDS; i++)
        sum->kinds[i] += count.kinds[i];
    return true;
}

#define JOBS_MAX 64

static int run_all(const struct run *run)
{
    struct count sum = {0};
    pid_t pids[JOBS_MAX];
    int from[JOBS_MAX];
    bool good = true;
    for (int i = 0; i < run->jobs; i++)
        pids[i] = start(run, i, &from[i]);
    for (int i = 0; i < run->jobs; i++)
        good = pids[i] > 0 && finish(pids[i], from[i], &sum) && good;
    printf("seed %" PRIu64 "; %" PRId64 " lines, %" PRId64 " usages refused, %" PRId64
           " also as charges; flat %" PRId64 ", time of use %" PRId64 ", ladder %" PRId64
           ", both %" PRId64 "\n",
           run->seed, sum.lines, sum.refused, sum.charges, sum.kinds[FLAT], sum.kinds[TIME_OF_USE],
           sum.kinds[LADDER], sum.kinds[TIME_OF_USE_LADDER]);
    printf("%" PRId64 " periods of %" PRId64 " parts and %" PRId64 " lines, %" PRId64 " refused\n",
           sum.periods.periods, sum.periods.parts, sum.periods.lines, sum.periods.refused);
    if (!good)
        printf("a process ended badly\n");
    printf("%" PRId64 " cases, %" PRId64 " differences\n", sum.cases, sum.differences);
    return good && sum.differences == 0 && sum.cases > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct run run = {
        .seed = 20260305, .cases = 100000, .jobs = 2, .only_plan = -1, .features = ~0u};
    for (int i = 2; i + 1 < argc; i += 2) {
        int64_t value = strtoll(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seed") == 0)
            run.seed = (uint64_t)value;
        else if (strcmp(argv[i], "--cases") == 0)
            run.cases = value;
        else if (strcmp(argv[i], "--jobs") == 0 && value > 0 && value <= JOBS_MAX)
            run.jobs = value;
        else if (strcmp(argv[i], "--features") == 0)
            run.features = (unsigned)value;
        else if (strcmp(argv[i], "--plan") == 0) {
            run.only_plan = value;
            run.cases = run.jobs = 1;
        } else
            argc = 1;
    }
    if (argc < 2 || argc % 2 != 0) {
        fprintf(stderr,
                "oracle HOLIDAYS [--cases N] [--seed N] [--jobs N] [--plan N] [--features BITS]\n");
        return 2;
    }
    if (!days_begin(argv[1]))
        return 2;
    engine_probe();
    if (features != (1u << FEATURES) - 1)
        return 2;
    features &= run.features;
    return run_all(&run);
}
