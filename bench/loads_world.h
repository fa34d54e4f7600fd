/* Appliances as physics has them, with parameters drawn at random: what the load watch is tried on
 * without having been fitted to it. */
#ifndef YUFU_BENCH_LOADS_WORLD_H
#define YUFU_BENCH_LOADS_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rand.h"
#include "terminal/load.h"

enum kind {
    KIND_PULSES,     /* power supply without correction: computers, chargers */
    KIND_CORRECTED,  /* power supply with correction: large computers, televisions */
    KIND_UNIVERSAL,  /* motor with a commutator: vacuum cleaner */
    KIND_INDUCTION,  /* washing machine, old refrigerator */
    KIND_CAPACITOR,  /* motor with a run capacitor: fan, hood, compressor */
    KIND_MICROWAVE,  /* transformer and magnetron, fan and lamp first */
    KIND_INVERTER,   /* air conditioner: comes up over many seconds */
    KIND_FUSER,      /* filament in short bursts, beside a printer's supply */
    KIND_RESISTANCE, /* from here on forbidden */
    KIND_HALF_WAVE,
    KIND_PHASE_CUT,
    KIND_HAIR_DRYER, /* resistance with a small motor */
    KIND_RADIANT,    /* a filament that goes on */
    KINDS,
};
const char *kind_name(enum kind k);
bool kind_forbidden(enum kind k);

struct appliance {
    enum kind kind;
    double watts, angle, third, fifth, inrush, settle_ms, ahead_var, wobble, on_ms, off_ms;
    double burst_ms, pause_ms; /* fuser */
};

struct mains {
    double volts, wander, harmonic[4], angle[4]; /* of 3, 5, 7, 9 */
    double phase_error;
};

enum chip { CHIP_CYCLE, CHIP_CYCLE_PLAIN, CHIP_SECOND, CHIPS }; /* plain: without harmonics */
const char *chip_name(enum chip c);

struct appliance draw_appliance(struct rand_stream *r, enum kind kind);
struct mains draw_mains(struct rand_stream *r);
/* One cycle at ms, as a metering chip tells it. */
struct load_sample measure(const struct mains *m, const struct appliance *a, size_t count,
                           double ms, bool harmonics, struct rand_stream *r);

#endif
