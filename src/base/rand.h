/*
 * A small reproducible random stream (splitmix64): simulation, jitter, load
 * profiles. Not for keys: those come from the operating system through io/.
 * Each subsystem takes its own stream, split from one seed by a label.
 */
#ifndef YUFU_BASE_RAND_H
#define YUFU_BASE_RAND_H

#include <stdbool.h>
#include <stdint.h>

struct rand_stream {
    uint64_t state;
};

struct rand_stream rand_split(uint64_t seed, const char *label);
uint64_t rand_u64(struct rand_stream *r);
/* 0 <= result < bound; bound > 0. */
uint64_t rand_below(struct rand_stream *r, uint64_t bound);
/* True with probability permille/1000. */
bool rand_chance(struct rand_stream *r, unsigned permille);

#endif
