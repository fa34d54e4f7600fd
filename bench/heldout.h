/* Labelled recordings of the cases a terminal is judged by; see heldout.c. */
#ifndef YUFU_BENCH_HELDOUT_H
#define YUFU_BENCH_HELDOUT_H

#include "bench/heldout_world.h"

#define HELD_ON_MAX 8

struct held_case_play {
    struct held_scene scene;
    double at_s, until_s;     /* when it is switched on; how long the recording is */
    double on_s[HELD_ON_MAX]; /* of heating */
    size_t on_count;
    struct rand_stream *random;
};

struct held_case {
    const char *name;
    const char *words; /* what people write on its label, between bars */
    bool heating;
    void (*build)(struct held_case_play *p, double at_s);
};
extern const struct held_case held_cases[];
extern const size_t held_case_count;

void held_case_draw(struct held_case_play *p, const struct held_case *c);

#endif
