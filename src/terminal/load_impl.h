/* What the files of the load watch share. */
#ifndef YUFU_TERMINAL_LOAD_IMPL_H
#define YUFU_TERMINAL_LOAD_IMPL_H

#include "terminal/load.h"

static inline uint64_t square(int64_t v)
{
    return (uint64_t)(v * v);
}

static inline int32_t size_of(int32_t v)
{
    return v < 0 ? -v : v;
}

/* Whether a is within so many thousandths of b. */
static inline bool within(int32_t a, int32_t b, int32_t permille_of_b)
{
    return size_of(a - b) <= (int32_t)((int64_t)size_of(b) * permille_of_b / 1000);
}

/* Whole square root. */
uint32_t load_root(uint64_t v);
/* Third and fifth harmonic as shares of the step's fundamental current. */
void load_read_shares(const struct load_settings *s, struct load_step *step);
/* The white load whose edge it was that was found beside something allowed; 0: none. */
uint8_t load_white_edge(const struct load_step *step, const struct load_settings *s);

#endif
