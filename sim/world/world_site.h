/* The site of a simulated world: imported like any other, from CSV text. */
#ifndef YUFU_SIM_WORLD_WORLD_SITE_H
#define YUFU_SIM_WORLD_WORLD_SITE_H

#include "sim/world/world.h"

extern const uint8_t world_site_certificate[32]; /* what the gateway shows in TLS */

void world_site_address(size_t meter, char out[13]);

struct terminal_setup world_site_setup(size_t meter, bool wallet);
/* Hangs the meters of the second line. */
void world_site_pipes(struct world *w);
/* Fills the ledger on the platform's disk: site, plans, strategy, the gateway's identity. */
[[nodiscard]] enum err world_site_build(struct world *w);

#endif
