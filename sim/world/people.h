/*
 * People: what a room or a shop draws at a given local time. A pure function of seed, kind and
 * time, so that it can be asked in any order and after any restart.
 */
#ifndef YUFU_SIM_WORLD_PEOPLE_H
#define YUFU_SIM_WORLD_PEOPLE_H

#include <stdint.h>

#include "base/clock.h"

#define PEOPLE_SLOT_S 600 /* habits change every ten minutes */

enum people_kind {
    PEOPLE_ROOM,  /* dormitory: circuit 1 light, 2 socket, 3 air-conditioning */
    PEOPLE_SHOP,  /* one three-phase circuit: opening hours, busier at weekends */
    PEOPLE_PUBLIC /* lobby, lift, street lamps: one circuit, never empty */
};

/* Power of circuit 1..3 in mW. A meter of a room with a single circuit draws the sum: circuit 0. */
int64_t people_power_mw(enum people_kind kind, uint64_t seed, unsigned circuit, struct civil local);

#endif
