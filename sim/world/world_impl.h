/* Between the parts of the world. */
#ifndef YUFU_SIM_WORLD_IMPL_H
#define YUFU_SIM_WORLD_IMPL_H

#include "sim/world/world.h"

#define WORLD_MINUTE_MS 60'000 /* the dice are thrown once a minute */

int64_t world_downtime(struct world *w); /* ms until what crashed is back */
void world_foreign_vend(struct world *w, size_t meter);
void world_roll_dice(struct world *w);

/* --- links: world_link.c --- */

void world_wire_clear(struct world_wire *wire);
/* The next piece that has arrived; the caller frees it. NULL: none yet. */
struct world_chunk *world_wire_pop(struct world_wire *wire, mono_ms now);
mono_ms world_wire_wake(const struct world_wire *wire);
struct world_link *world_link_of(struct world *w, int64_t id); /* NULL: gone */
void world_link_send(struct world *w, struct world_link *l, bool up, const uint8_t *data,
                     size_t len);
void world_link_break(struct world *w, struct world_link *l);
void world_link_free_if_done(struct world_link *l);
mono_ms world_links_wake(const struct world *w);

#endif
