/*
 * The words of a scenario: each a function on the world. Answers false and says why when an
 * expectation is not met.
 */
#ifndef YUFU_TESTS_SCENARIOS_STEPS_H
#define YUFU_TESTS_SCENARIOS_STEPS_H

#include <stdbool.h>

#include "sim/world/world.h"

struct story {
    struct world world;
    char last_order[WORLD_METERS + WORLD_PIPES][65];
    int64_t foreign_fen[WORLD_METERS]; /* sold by somebody else as soon as the meter has power */
    uint64_t energy_at_cut[WORLD_METERS];
    unsigned sales;
};

/* words[0] is the act; who < 0 means all. */
bool story_act(struct story *s, int who, char **words, int count);
/* To be called often: things that happen when a meter comes back. */
void story_watch(struct story *s);

#endif
