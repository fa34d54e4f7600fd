/*
 * One line polled by the production gateway in virtual time: simulated meters, faults as ordered, a
 * platform that acknowledges at once, relays ordered about now and then. What the benches of this
 * folder measure.
 */
#ifndef YUFU_SIM_BENCH_POLLED_H
#define YUFU_SIM_BENCH_POLLED_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/gateway.h"
#include "sim/world/meters.h"

#define POLLED_AGE_MAX_S 3'600
#define POLLED_PLACES SIM_LINE_METERS

struct polled_options {
    int64_t meters, dead, baud, hours;
    int64_t damaged;   /* of 1000 answers and as many requests */
    int64_t babble_ms; /* a defect device sends garbage about so often; 0: none */
    int64_t twins;     /* so many meters share their address with another one */
    int64_t swapped;   /* so many have their wires exchanged for the second hour */
};

struct polled {
    struct polled_options options;
    struct sim_line line;
    struct sim_meter devices[POLLED_PLACES];
    size_t device_count;
    struct store *store;
    struct gateway *gateway;
    mono_ms now, next_sample, next_order;
    wall_s newest[POLLED_PLACES];
    /* seconds of age of the state, by meter that is well */
    uint64_t ages[POLLED_AGE_MAX_S + 1], samples;
    int64_t unread, all_read_s; /* of meters that are well; since the configuration came */
    int64_t worst_back_s; /* longest time from the exchange's end to a meter's first reading */
    int64_t orders;
    mono_ms order_at;
    uint64_t frames_at_order, waited_frames_max, frames;
    int64_t waited_ms_max, waited_ms_sum, waited;
    int64_t started_ms; /* statistics of the line count from here */
    struct bus_stats before;
    struct rand_stream rand;
    uint8_t arena[UPLINK_ARENA];
};

/* False: these options do not fit together. */
bool polled_fits(const struct polled_options *o);
void polled_run(struct polled *b, const struct polled_options *o);
void polled_close(struct polled *b);
/* The age that so many of 1000 samples do not exceed. */
int64_t polled_age(const struct polled *b, unsigned permille);
/* Of 1000 ms after the first five minutes: spent on answered exchanges, on the wire and in the
 * meters' own turnaround. 1000 is what the physics allows. of_busy: of 1000 ms in which an exchange
 * was under way, for lines that have time to rest. */
int64_t polled_useful(const struct polled *b, bool of_busy);

#endif
