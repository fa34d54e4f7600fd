/* What a line of a bill says of itself, in words that stand in the manual. Pure. */
#ifndef YUFU_RATING_LINE_H
#define YUFU_RATING_LINE_H

#include "rating/rating.h"

/* Where the amount comes from: "price", "outside_steps", "ladder", "matrix_pro_rata",
 * "matrix_chronological", "mix", "surcharge", "per_unit", "free_quota", "power_factor", "minimum",
 * "subsidy", or a fee's per. */
const char *rating_line_rule(const struct rating_plan *plan, const struct rating_line *line);

#define RATING_PRICES_FROM_MAX 32
/* Whose prices held: "plan", "by_month[0]", "schedules[2]". Answers `text`. */
const char *rating_line_prices(const struct rating_line *line, char text[RATING_PRICES_FROM_MAX]);

/* "estimated", "calendar_year_missing", "moved_in", "by_intervals"; NULL: no more. `i` from 0. */
const char *rating_line_mark(const struct rating_line *line, size_t i);

/* True: from_wh and to_wh are registers. */
bool rating_line_has_registers(const struct rating_line *line);

#endif
