/* Points in words, for people: commands and status page of the gateway. */
#ifndef YUFU_APP_GATEWAY_WORDS_H
#define YUFU_APP_GATEWAY_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/point.h"

/* "energy"; of a point without words, its number. */
const char *point_words(enum meter_point p, bool chinese);
/* The value with its unit: "123.45 kWh"; of states their meaning; of a clock, which was asked
 * without an offset, what it shows. */
void point_value_text(enum meter_point p, int64_t value, bool chinese, char *out, size_t cap);

#endif
