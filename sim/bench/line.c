#include "sim/bench/line.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/bench/polled.h"

#define PROMISED_S 180

struct scene {
    const char *title;
    struct polled_options options;
    int64_t useful_aim; /* of 1000; 0: none */
    int64_t p99_aim_s;  /* 0: none */
};

#define WRONG .damaged = 10, .babble_ms = 20'000, .dead = 1, .twins = 1, .swapped = 8

static const struct scene scenes[] = {
    {"full line, 2400 baud", {.meters = 64, .baud = 2400}, 900, 0},
    {"full line, 9600 baud", {.meters = 64, .baud = 9600}, 0, 60},
    {"noise, 2400 baud", {.meters = 64, .baud = 2400, .damaged = 10}, 0, 0},
    {"a babbling device, 2400 baud", {.meters = 64, .baud = 2400, .babble_ms = 20'000}, 0, 0},
    {"a dead meter, 2400 baud", {.meters = 64, .baud = 2400, .dead = 1}, 0, 0},
    {"a duplicate address, 2400 baud", {.meters = 63, .baud = 2400, .twins = 1}, 0, 0},
    {"swapped wires for an hour, 2400 baud", {.meters = 64, .baud = 2400, .swapped = 8}, 0, 0},
    {"everything wrong, 2400 baud", {.meters = 63, .baud = 2400, WRONG}, 0, 0},
    {"everything wrong, 9600 baud", {.meters = 63, .baud = 9600, WRONG}, 0, 0},
};

/* Two meters of one address: what the one who is asked under it gives. */
static void tell_twins(const struct polled *b)
{
    struct gateway_meter_look look;
    const struct polled_options *o = &b->options;
    gateway_meter_look(b->gateway, b->now, 0, (size_t)(o->meters - o->dead - 1), &look);
    printf("  the shared address: %" PRIu32 " damaged answers, %" PRIu32 " whole ones, %" PRIu32
           " time-outs\n",
           look.damaged, look.answers, look.timeouts);
}

static void tell_faults(const struct polled *b)
{
    const struct polled_options *o = &b->options;
    const struct bus_stats *s = gateway_line_stats(b->gateway, 0);
    const char *mark = "  wrong:";
    const struct {
        int64_t count;
        const char *what;
    } rows[] = {{o->damaged, "of 1000 frames damaged each way"},
                {(int64_t)b->line.babbles, "bursts of garbage"},
                {o->dead, "dead"},
                {o->twins, "with another one's address"},
                {o->swapped, "with swapped wires for an hour"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].count == 0)
            continue;
        printf("%s %" PRId64 " %s", mark, rows[i].count, rows[i].what);
        mark = ",";
    }
    if (*mark != ',')
        return;
    printf("\n  lived through: %" PRIu64 " collisions, %" PRIu64 " damaged frames, %" PRIu64
           " time-outs, %" PRIu64 " retries\n",
           b->line.collisions, s->damaged, s->timeouts, s->retries);
    if (o->twins > 0)
        tell_twins(b);
    if (o->swapped > 0)
        printf("  the swapped ones were read again after %" PRId64 " s at most (promised: %d)\n",
               b->worst_back_s, PROMISED_S);
}

/* False: what is promised was not kept. The aims are figures, not promises. */
static bool tell(const struct scene *scene, const struct polled *b)
{
    int64_t p99 = polled_age(b, 990), worst = polled_age(b, 1000);
    printf("%s, %" PRId64 " meters, %" PRId64 " virtual hours\n", scene->title,
           b->options.meters + b->options.twins, b->options.hours);
    tell_faults(b);
    int64_t all = polled_useful(b, false), busy = polled_useful(b, true);
    printf("  useful time / physical limit: %" PRId64 ".%03" PRId64 " of all time", all / 1000,
           all % 1000);
    if (scene->useful_aim > 0)
        printf(" (aim: 0.%03" PRId64 ")", scene->useful_aim);
    printf(", %" PRId64 ".%03" PRId64 " of the time of exchanges", busy / 1000, busy % 1000);
    printf("\n  age of what is known, seconds: p50 %" PRId64 "  p90 %" PRId64 "  p99 %" PRId64,
           polled_age(b, 500), polled_age(b, 900), p99);
    if (scene->p99_aim_s > 0)
        printf(" (aim: %" PRId64 ")", scene->p99_aim_s);
    printf("  max %" PRId64 " (promised: %d)\n", worst, PROMISED_S);
    printf("  first readings: of all that are well %" PRId64
           " s after the configuration came (promised: %d)\n",
           b->all_read_s, PROMISED_S);
    printf("  orders: %" PRId64 ", on the wire after %" PRId64 " ms on average, %" PRId64
           " ms at most; exchanges in between: at most %" PRIu64 " (promised: 1)\n",
           b->orders, b->waited > 0 ? b->waited_ms_sum / b->waited : 0, b->waited_ms_max,
           b->waited_frames_max);
    return worst <= PROMISED_S && b->unread == 0 && b->all_read_s <= PROMISED_S &&
           b->worst_back_s <= PROMISED_S && b->waited_frames_max <= 1;
}

int line_main(int argc, char **argv)
{
    static struct polled b;
    int64_t hours = 4;
    bool kept = true;
    if (argc == 3 && strcmp(argv[1], "--hours") == 0)
        hours = strtoll(argv[2], NULL, 10);
    if ((argc != 1 && argc != 3) || hours < 3 || hours > 24 * 365) {
        fprintf(stderr, "usage: yufu-sim line [--hours H]   (3 or more)\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        struct polled_options o = scenes[i].options;
        o.hours = hours;
        polled_run(&b, &o);
        kept = tell(&scenes[i], &b) && kept;
        polled_close(&b);
    }
    return kept ? 0 : 1;
}
