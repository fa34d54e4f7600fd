#include "sim/bench/freshness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/bench/polled.h"

static int tell(const struct polled *b)
{
    const struct bus_stats *s = gateway_line_stats(b->gateway, 0);
    int64_t worst = polled_age(b, 1000);
    printf("line: %" PRId64 " baud, %" PRId64 " meters (%" PRId64 " dead), %" PRId64
           " of 1000 answers damaged, %" PRId64 " virtual hours\n",
           b->options.baud, b->options.meters, b->options.dead, b->options.damaged,
           b->options.hours);
    printf("age of the state of live meters, seconds: p50 %" PRId64 "  p90 %" PRId64
           "  p99 %" PRId64 "  p99.9 %" PRId64 "  max %" PRId64 "   (promised: 180)\n",
           polled_age(b, 500), polled_age(b, 900), polled_age(b, 990), polled_age(b, 999), worst);
    printf("exchanges %" PRIu64 "  answered %" PRIu64 "  retries %" PRIu64 "  time-outs %" PRIu64
           "  damaged %" PRIu64 "\n",
           s->exchanges, s->answered, s->retries, s->timeouts, s->damaged);
    printf(
        "line time: busy %.1f %% of the day; useful / busy = %.3f   (1.000: the physical limit)\n",
        100.0 * (double)s->busy_ms / (double)b->now.ms,
        s->busy_ms > 0 ? (double)s->useful_ms / (double)s->busy_ms : 0.0);
    printf("relay orders: %" PRId64 "; from arrival to the wire: mean %" PRId64 " ms, max %" PRId64
           " ms; exchanges in between: at most %" PRIu64 "   (promised: 1)\n",
           b->orders, b->waited > 0 ? b->waited_ms_sum / b->waited : 0, b->waited_ms_max,
           b->waited_frames_max);
    return worst <= 180 && b->waited_frames_max <= 1 ? 0 : 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: yufu-sim freshness [--meters N] [--dead N] [--baud B] [--hours H]\n"
                    "       [--damaged PERMILLE] [--babble MS] [--twins N] [--swapped N]\n");
    return 2;
}

int freshness_main(int argc, char **argv)
{
    static struct polled b;
    struct polled_options o = {.meters = 25, .dead = 1, .baud = 2400, .hours = 24, .damaged = 10};
    const struct {
        const char *name;
        int64_t *value, max;
    } options[] = {
        {"--meters", &o.meters, POLLED_PLACES}, {"--dead", &o.dead, POLLED_PLACES},
        {"--baud", &o.baud, 115'200},           {"--hours", &o.hours, 24 * 365},
        {"--damaged", &o.damaged, 1000},        {"--babble", &o.babble_ms, 3'600'000},
        {"--twins", &o.twins, POLLED_PLACES},   {"--swapped", &o.swapped, POLLED_PLACES}};
    size_t count = sizeof options / sizeof options[0];
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < count && strcmp(argv[i], options[k].name) != 0)
            k++;
        if (k == count || i + 1 >= argc)
            return usage();
        *options[k].value = strtoll(argv[i + 1], NULL, 10);
        if (*options[k].value < 0 || *options[k].value > options[k].max)
            return usage();
    }
    if (!polled_fits(&o) || o.baud < 300)
        return usage();
    polled_run(&b, &o);
    int code = tell(&b);
    polled_close(&b);
    return code;
}
