/*
 * `yufu-sim`: the simulated world from the command line. `vend` runs seeds of the vend simulation,
 * prints what was done, injected and found, exits non-zero on any violation and names the seed;
 * `freshness` and `line` are in sim/bench.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/bench/freshness.h"
#include "sim/bench/line.h"
#include "sim/endure/endure.h"
#include "sim/vend/trial.h"

#define FAILURES_SHOWN 10
#define COVERAGE_SEEDS 200 /* from here on it is said what was never reached */

struct run {
    uint64_t first, seeds, jobs;
    bool tracing, twice, coverage;
};

static int usage(void)
{
    fprintf(stderr, "usage: yufu-sim vend [--seeds N] [--seed FIRST] [--jobs N] [--trace] [--twice]\n"
                    "                      [--require-coverage]\n"
                    "       yufu-sim endure [OPTION...]\n"
                    "       yufu-sim freshness [OPTION...]\n"
                    "       yufu-sim line [--hours H]\n\n"
                    "  --seeds N   how many seeds (100)\n"
                    "  --seed S    the first of them (1)\n"
                    "  --jobs N    processes (2)\n"
                    "  --trace     print what happens\n"
                    "  --twice     run each seed twice and compare the trace hashes\n"
                    "  --require-coverage  fail if something was never reached\n");
    return 2;
}

static void add(struct trial_result *sum, const struct trial_result *r)
{
    uint64_t *to = &sum->orders;
    const uint64_t *from = &r->orders;
    for (size_t i = 0; i < 12 + TRIAL_POINTS; i++)
        to[i] += from[i];
    to = (uint64_t *)&sum->counts;
    from = (const uint64_t *)&r->counts;
    for (size_t i = 0; i < sizeof sum->counts / sizeof *to; i++)
        to[i] += from[i];
    sum->virtual_ms += r->virtual_ms;
}

/* One process of several: every jobs-th seed, results through a pipe. */
static void work(const struct run *run, uint64_t job, int out)
{
    for (uint64_t i = job; i < run->seeds; i += run->jobs) {
        struct trial_result r, again;
        trial_run(run->first + i, run->tracing, &r);
        if (run->twice) {
            trial_run(run->first + i, false, &again);
            if (again.trace != r.trace) {
                r.faults++;
                snprintf(r.what, sizeof r.what, "the same seed gave another trace");
            }
        }
        if (write(out, &r, sizeof r) != sizeof r)
            _exit(3);
    }
    fflush(stdout);
    _exit(0);
}

static void print_result(const struct trial_result *sum, uint64_t done, uint64_t failed,
                         double seconds)
{
    const struct world_counts *c = &sum->counts;
    printf("seeds %" PRIu64 "  virtual hours %.1f  real seconds %.1f\n", done,
           (double)sum->virtual_ms / 3.6e6, seconds);
    printf("orders %" PRIu64 "  confirmed %" PRIu64 "  booked %" PRIu64 "  refunded %" PRIu64
           "  rejected %" PRIu64 "  conflict %" PRIu64 "\n",
           sum->orders, sum->confirmed, sum->booked, sum->refunded, sum->rejected, sum->conflicts);
    printf("faults: platform crashes %" PRIu64 "  gateway crashes %" PRIu64 "  power cuts %" PRIu64
           "  disk faults %" PRIu64 "  link breaks %" PRIu64 "  link altered %" PRIu64
           "  meter power cuts %" PRIu64 "  meter resets %" PRIu64 "  foreign vends %" PRIu64
           "  old commands %" PRIu64 "\n",
           c->platform_crashes, c->gateway_crashes, c->power_cuts, c->disk_faults, c->link_breaks,
           c->link_altered, c->meter_cuts, c->meter_resets, c->foreign_vends, c->zombies);
    printf("frames %" PRIu64 "  sessions %" PRIu64 "  outcomes %" PRIu64 "\n", c->frames, c->sessions,
           c->outcomes);
    printf("crash points:");
    for (int i = 0; i < TRIAL_POINTS; i++)
        printf(" c%d %" PRIu64, i, sum->points[i]);
    printf("\ncuts %" PRIu64 "  restores %" PRIu64, sum->cuts, sum->restores);
    printf("\nlost %" PRIu64 "  doubled %" PRIu64 "  stuck %" PRIu64 "  book faults %" PRIu64
           "  failed seeds %" PRIu64 "\n",
           sum->lost, sum->doubled, sum->stuck, sum->faults, failed);
}

static bool reached(const char *what, uint64_t count)
{
    if (count == 0)
        printf("never reached: %s\n", what);
    return count > 0;
}

/* A fault or a crash point that never happened proves nothing. */
static bool all_reached(const struct trial_result *sum)
{
    const struct world_counts *c = &sum->counts;
    const struct {
        const char *what;
        uint64_t count;
    } rows[] = {
        {"confirmed", sum->confirmed},           {"booked", sum->booked},
        {"refunded", sum->refunded},             {"rejected", sum->rejected},
        {"conflict", sum->conflicts},            {"platform crashes", c->platform_crashes},
        {"gateway crashes", c->gateway_crashes}, {"power cuts", c->power_cuts},
        {"disk faults", c->disk_faults},         {"link breaks", c->link_breaks},
        {"link altered", c->link_altered},       {"meter power cuts", c->meter_cuts},
        {"meter resets", c->meter_resets},       {"foreign vends", c->foreign_vends},
        {"old commands", c->zombies},            {"cuts", sum->cuts},
        {"restores", sum->restores},
    };
    bool all = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        all = reached(rows[i].what, rows[i].count) && all;
    for (int i = 0; i < TRIAL_POINTS; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", i);
        all = reached(name, sum->points[i]) && all;
    }
    return all;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int vend(const struct run *run)
{
    int pipe_ends[2];
    double start = now_s();
    struct trial_result sum = {0}, r;
    uint64_t done = 0, failed = 0;
    fflush(stdout);
    if (pipe(pipe_ends) != 0)
        return 3;
    for (uint64_t job = 0; job < run->jobs; job++)
        if (fork() == 0)
            work(run, job, pipe_ends[1]);
    close(pipe_ends[1]);
    while (read(pipe_ends[0], &r, sizeof r) == sizeof r) {
        add(&sum, &r);
        done++;
        if (trial_failed(&r) && failed++ < FAILURES_SHOWN)
            printf("seed %" PRIu64 ": %s   (repeat: yufu-sim vend --seed %" PRIu64
                   " --seeds 1 --trace)\n",
                   r.seed, r.what, r.seed);
        if (isatty(1) && done % 10 == 0) {
            printf("\r%" PRIu64 " of %" PRIu64 " seeds", done, run->seeds);
            fflush(stdout);
        }
    }
    int status, crashed = 0;
    while (wait(&status) > 0)
        crashed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (isatty(1))
        printf("\r");
    print_result(&sum, done, failed, now_s() - start);
    bool enough = run->coverage || done >= COVERAGE_SEEDS ? all_reached(&sum) : true;
    return (run->coverage && !enough) || failed > 0 || crashed > 0 || done != run->seeds;
}

int main(int argc, char **argv)
{
    struct run run = {.first = 1, .seeds = 100, .jobs = 2};
    if (argc >= 2 && strcmp(argv[1], "freshness") == 0)
        return freshness_main(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "endure") == 0)
        return endure_main(argc - 1, argv + 1);
    if (argc >= 2 && strcmp(argv[1], "line") == 0)
        return line_main(argc - 1, argv + 1);
    if (argc < 2 || strcmp(argv[1], "vend") != 0)
        return usage();
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            run.tracing = true;
        else if (strcmp(argv[i], "--twice") == 0)
            run.twice = true;
        else if (strcmp(argv[i], "--require-coverage") == 0)
            run.coverage = true;
        else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0)
            run.seeds = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            run.first = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--jobs") == 0)
            run.jobs = strtoull(argv[++i], NULL, 10);
        else
            return usage();
    }
    if (run.jobs == 0 || run.seeds == 0)
        return usage();
    return vend(&run);
}
