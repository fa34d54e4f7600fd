/* Between world.c and world_fault.c. */
#ifndef YUFU_SIM_WORLD_IMPL_H
#define YUFU_SIM_WORLD_IMPL_H

#include "sim/world/world.h"

#define WORLD_MINUTE_MS 60'000 /* the dice are thrown once a minute */

int64_t world_downtime(struct world *w); /* ms until what crashed is back */
void world_foreign_vend(struct world *w, size_t meter);
void world_roll_dice(struct world *w);

#endif
