/*
 * The day of kills: one seed of the world over many hours in which platform and gateway are killed
 * or lose power several times an hour, also between two disk calls of a commit, and the link breaks
 * and is away for up to an hour; while readings flow, credit is sold and taken back, meters are cut
 * and restored, by hand and by fee control, and prices change. Then calm; then everything must
 * hold:
 *
 *   sales     what was answered is there, final, and in the meter exactly once or not at all
 *   cuts      none was carried out after its deadline or against a newer order
 *   readings  every one that a gateway said is kept, in order, under each meter; the numbers that a
 *             gateway says have no holes; no register falls
 *   relays    whoever is to be supplied is
 *   books     what `yufu verify` checks finds nothing
 *
 * The truth is what the meters took and what the gateway said, never the platform's word.
 */
#ifndef YUFU_SIM_ENDURE_ENDURE_H
#define YUFU_SIM_ENDURE_ENDURE_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/world/world.h"

struct endure_result {
    uint64_t seed, trace;
    /* from here to counts: added up over the seeds */
    uint64_t orders, confirmed, booked, refunded, rejected;
    uint64_t cuts, restores, prices, outages;
    uint64_t readings, settlements, lines_told;
    uint64_t lost, doubled, stuck, late_cuts, gaps, faults;
    struct world_counts counts;
    int64_t virtual_ms;
    char what[160]; /* the first violation in words */
};

static inline bool endure_failed(const struct endure_result *r)
{
    return r->lost + r->doubled + r->stuck + r->late_cuts + r->gaps + r->faults > 0;
}

struct endure_options {
    uint64_t seed;
    int64_t hours;
    bool tracing;
};
void endure_run(const struct endure_options *options, struct endure_result *out);

/* `yufu-sim endure` */
int endure_main(int argc, char **argv);

#endif
