/*
 * One trial: one seed of the world, with cashiers who sell, cancel and repeat themselves, foreign
 * sales, an exchange now and then; chaos first, then calm, then the books and the meters are held
 * against each other.
 *
 * The truth is what the meters really took (sim_meter.applied); every order of a trial has an
 * amount of its own, so that truth needs no word of the platform's.
 */
#ifndef YUFU_SIM_VEND_TRIAL_H
#define YUFU_SIM_VEND_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/world/world.h"

#define TRIAL_POINTS 15 /* crash points c0 .. c14 of docs/formats/vend.md */

struct trial_result {
    uint64_t seed, trace;
    uint64_t orders, confirmed, refunded, booked, rejected, conflicts;
    uint64_t cuts, restores;
    uint64_t lost, doubled, stuck, faults; /* faults: books that do not add up, promises broken */
    uint64_t points[TRIAL_POINTS];
    struct world_counts counts;
    int64_t virtual_ms;
    char what[160]; /* the first violation in words */
};

static inline bool trial_failed(const struct trial_result *r)
{
    return r->lost + r->doubled + r->stuck + r->faults > 0;
}

/* Runs a seed; `tracing` prints what happens. */
void trial_run(uint64_t seed, bool tracing, struct trial_result *out);

#endif
