/* `yufu-sim endure`: seeds of the day of kills, in several processes. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim/endure/endure.h"

#define FAILURES_SHOWN 10

struct run {
    uint64_t first, seeds, jobs, hours;
    bool tracing, coverage;
};

static int usage(void)
{
    fprintf(stderr, "usage: yufu-sim endure [--hours H] [--seeds N] [--seed FIRST] [--jobs N]\n"
                    "                       [--trace] [--require-coverage]\n\n"
                    "  --hours H   virtual hours of kills in each seed (24)\n"
                    "  --seeds N   how many seeds (10), the first of them --seed S (1)\n"
                    "  --jobs N    processes (2)\n"
                    "  --trace     print what happens\n"
                    "  --require-coverage  fail if something never happened\n");
    return 2;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add(struct endure_result *sum, const struct endure_result *r)
{
    uint64_t *to = &sum->orders;
    const uint64_t *from = &r->orders;
    for (; from < (const uint64_t *)&r->virtual_ms; from++, to++)
        *to += *from;
    sum->virtual_ms += r->virtual_ms;
}

_Noreturn static void work(const struct run *run, uint64_t job, int out)
{
    for (uint64_t i = job; i < run->seeds; i += run->jobs) {
        struct endure_result r;
        endure_run(&(struct endure_options){run->first + i, (int64_t)run->hours, run->tracing}, &r);
        if (write(out, &r, sizeof r) != sizeof r)
            _exit(3);
    }
    fflush(stdout);
    _exit(0);
}

static void print_result(const struct endure_result *s, uint64_t done, uint64_t failed,
                         double seconds)
{
    const struct world_counts *c = &s->counts;
    printf("seeds %" PRIu64 "  virtual hours %.1f  real seconds %.1f\n", done,
           (double)s->virtual_ms / 3.6e6, seconds);
    printf("orders %" PRIu64 "  confirmed %" PRIu64 "  booked %" PRIu64 "  refunded %" PRIu64
           "  rejected %" PRIu64 "\n",
           s->orders, s->confirmed, s->booked, s->refunded, s->rejected);
    printf("circuits cut %" PRIu64 "  restored %" PRIu64 "  prices changed %" PRIu64
           "  settlements %" PRIu64 "\n",
           s->cuts, s->restores, s->prices, s->settlements);
    printf("readings said and kept %" PRIu64 "  hours of lines %" PRIu64 "  sessions %" PRIu64
           "  frames %" PRIu64 "\n",
           s->readings, s->lines_told, c->sessions, c->frames);
    printf("faults: platform ended %" PRIu64 "  gateway ended %" PRIu64
           "  of them inside a commit: "
           "killed %" PRIu64 ", or without power anywhere %" PRIu64 "  disk faults %" PRIu64
           "  link breaks %" PRIu64 "  outages %" PRIu64 "\n",
           c->platform_crashes, c->gateway_crashes, c->inner_kills, c->power_cuts, c->disk_faults,
           c->link_breaks, s->outages);
    printf("lost %" PRIu64 "  doubled %" PRIu64 "  stuck %" PRIu64 "  late cuts %" PRIu64
           "  gaps %" PRIu64 "  faults %" PRIu64 "  failed seeds %" PRIu64 "\n",
           s->lost, s->doubled, s->stuck, s->late_cuts, s->gaps, s->faults, failed);
}

static bool all_reached(const struct endure_result *s)
{
    const struct {
        const char *what;
        uint64_t count;
    } rows[] = {{"confirmed", s->confirmed},
                {"booked", s->booked},
                {"refunded", s->refunded},
                {"cuts", s->cuts},
                {"restores", s->restores},
                {"prices", s->prices},
                {"settlements", s->settlements},
                {"lines told", s->lines_told},
                {"outages", s->outages},
                {"kills inside a commit", s->counts.inner_kills},
                {"power cuts", s->counts.power_cuts},
                {"link breaks", s->counts.link_breaks}};
    bool all = true;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].count == 0)
            printf("never reached: %s\n", rows[i].what);
        all = all && rows[i].count > 0;
    }
    return all;
}

static int collect(const struct run *run, int in, double start)
{
    struct endure_result sum = {0}, r;
    uint64_t done = 0, failed = 0;
    int status, crashed = 0;
    while (read(in, &r, sizeof r) == sizeof r) {
        add(&sum, &r);
        done++;
        if (endure_failed(&r) && failed++ < FAILURES_SHOWN)
            printf("seed %" PRIu64 ": %s   (repeat: yufu-sim endure --hours %" PRIu64
                   " --seed %" PRIu64 " --seeds 1 --trace)\n",
                   r.seed, r.what, run->hours, r.seed);
    }
    while (wait(&status) > 0)
        crashed += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    print_result(&sum, done, failed, now_s() - start);
    bool enough = !run->coverage || all_reached(&sum);
    return !enough || failed > 0 || crashed > 0 || done != run->seeds;
}

static bool take_number(int argc, char **argv, int *i, const char *name, uint64_t *out)
{
    if (strcmp(argv[*i], name) != 0 || *i + 1 >= argc)
        return false;
    *out = strtoull(argv[++*i], NULL, 10);
    return true;
}

int endure_main(int argc, char **argv)
{
    struct run run = {.first = 1, .seeds = 10, .jobs = 2, .hours = 24};
    int pipe_ends[2];
    double start = now_s();
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0)
            run.tracing = true;
        else if (strcmp(argv[i], "--require-coverage") == 0)
            run.coverage = true;
        else if (!take_number(argc, argv, &i, "--hours", &run.hours) &&
                 !take_number(argc, argv, &i, "--seeds", &run.seeds) &&
                 !take_number(argc, argv, &i, "--seed", &run.first) &&
                 !take_number(argc, argv, &i, "--jobs", &run.jobs))
            return usage();
    }
    if (run.jobs == 0 || run.seeds == 0 || run.hours == 0 || run.hours > 24 * 30)
        return usage();
    fflush(stdout);
    if (pipe(pipe_ends) != 0)
        return 3;
    for (uint64_t job = 0; job < run.jobs; job++)
        if (fork() == 0)
            work(&run, job, pipe_ends[1]);
    close(pipe_ends[1]);
    return collect(&run, pipe_ends[0], start);
}
