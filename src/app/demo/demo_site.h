/*
 * The site of `yufu demo`: a dormitory of 120 rooms with three-circuit terminals and a plaza of 80
 * shops, on eight lines of one gateway; balances partly in the meters, partly on the platform. On a
 * ninth line the water, heat, cooling and gas meters of a house of twelve flats. The text is what a
 * person would import (docs/formats/site-csv.md), and what the fleet is built from.
 */
#ifndef YUFU_APP_DEMO_SITE_H
#define YUFU_APP_DEMO_SITE_H

#include <stdint.h>
#include <stdio.h>

#define DEMO_LINES 9
#define DEMO_PLANS 6
#define DEMO_MISCHIEF "60" /* six times as much forbidden heating as in a real house */
#define DEMO_GATEWAY "YF-GW-0001"
#define DEMO_PROJECT "park"

void demo_site_write(FILE *out, const uint16_t line_ports[DEMO_LINES]);

struct demo_document {
    const char *code, *body;
};
extern const struct demo_document demo_plans[]; /* ended by a NULL code */
extern const struct demo_document demo_strategies[];

/* What the account with this number (0, 1, ...) is sold before the start, in fen. A few are nearly
 * out, so that warning, cut and restore can be watched within minutes. */
int64_t demo_site_opening_fen(unsigned account);

#endif
