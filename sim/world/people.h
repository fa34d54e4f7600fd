/*
 * People: what a shop or a public meter draws at a given local time; rooms are room.h's. A pure
 * function of seed, kind and time, so that it can be asked in any order and after any restart.
 */
#ifndef YUFU_SIM_WORLD_PEOPLE_H
#define YUFU_SIM_WORLD_PEOPLE_H

#include <stdint.h>

#include "base/clock.h"

#define PEOPLE_SLOT_S 600 /* habits change every ten minutes */

enum people_kind {
    PEOPLE_ROOM,  /* dormitory: its people are room.h's */
    PEOPLE_SHOP,  /* one three-phase circuit: opening hours, busier at weekends */
    PEOPLE_PUBLIC /* lobby, lift, street lamps: one circuit, never empty */
};

/* Power in mW; not for rooms. */
int64_t people_power_mw(enum people_kind kind, uint64_t seed, struct civil local);

#endif
