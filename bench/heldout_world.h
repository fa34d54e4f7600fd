/*
 * Appliances as circuits, sample by sample, behind a line with a resistance: what the load watch is
 * tried on besides bench/loads_world, of which nothing is used here. There a load is a wave form;
 * here it is a filament that heats up, a motor that runs up, a capacitor that is charged, and the
 * voltage gives way to what they draw.
 */
#ifndef YUFU_BENCH_HELDOUT_WORLD_H
#define YUFU_BENCH_HELDOUT_WORLD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rand.h"

#define HELD_LOADS_MAX 8
#define HELD_CYCLE_S 0.02

enum held_type {
    HELD_WIRE,     /* a: how much more it draws cold; b: s until it is warm */
    HELD_DIODE,    /* half waves only */
    HELD_CUT,      /* a: angle of a phase control, rad */
    HELD_FILAMENT, /* tungsten; a: s to heat up; b: s of soft start by phase; c: duty of half waves
                    */
    HELD_PTC,      /* ceramic: more and more for seconds, then less */
    HELD_SERIES,   /* commutator motor; a: reactance; b: s to run up; c: s of soft start; d: knee */
    HELD_INDUCTION, /* a: angle when it runs; b: start current; c: s of its start; d: third */
    HELD_RECTIFIER, /* supply without correction; a: source ohms; b: microfarad a watt */
    HELD_CORRECTED, /* a: microfarad before it; b: third; c: unrest; d: s until it draws all */
    HELD_OVEN,      /* a: angle; b: third; c: s until the magnetron draws */
    HELD_STAIRS,    /* inverter; a: s to all its power; b: s a step; c: microfarad */
};

struct held_load {
    enum held_type type;
    double watts, on_s, off_s;
    double a, b, c, d;
    double warm_s, burst_s, period_s; /* switched in bursts after warm_s; period 0: not */
    double state, second;             /* the model's own */
    bool started;
};

struct held_scene {
    struct held_load load[HELD_LOADS_MAX];
    size_t count;
    double volts, ohms, hz;              /* of the line */
    double swing_s, swing;               /* at that time the voltage changes by this part of it */
    double wander, phase_error, noise_a; /* of the mains; of the meter */
    double third, fifth;                 /* of the voltage */
};

/* What a metering chip tells of a cycle. */
struct held_cycle {
    double p, q, u, i, first, h[7]; /* q: of the fundamental; first, h: 1 and 3, 5 .. 15, rms */
};

double held_between(struct rand_stream *r, double least, double most);
struct held_scene held_scene_draw(struct rand_stream *r);
/* Plays the scene from 0 on. */
void held_play(struct held_scene *s, struct rand_stream *r, struct held_cycle *out, size_t cycles);

#endif
