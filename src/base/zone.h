/*
 * Time zones with one offset all year: those of China and of most places where the product is used.
 * Nothing here reads a clock or a file; zones that change their offset are not in the table.
 */
#ifndef YUFU_BASE_ZONE_H
#define YUFU_BASE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds east of Greenwich of an IANA zone. False: not in the table. */
bool zone_offset(const char *zone, int32_t *offset_s);

#endif
