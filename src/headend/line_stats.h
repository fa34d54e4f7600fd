/*
 * How the lines of gateways fare: what was told last, sums by the hour for a week, and whether too
 * many answers come damaged. Plain functions on a ledger transaction.
 *
 * Damage is the share of damaged frames in all answers, damaged or whole, of one message; messages
 * of fewer than HEADEND_LINE_JUDGED answers say nothing about it. A line becomes damaged
 * (line.damaged) when the share was at least HEADEND_LINE_DAMAGED_M for HEADEND_LINE_TURN_S without
 * a break, and clean again (line.clean) when it was below HEADEND_LINE_CLEAN_M as long. In between
 * everything stays as it is. Half an hour of which nothing was told begins the wait anew.
 */
#ifndef YUFU_HEADEND_LINE_STATS_H
#define YUFU_HEADEND_LINE_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "site/site.h"
#include "store/store.h"
#include "uplink/message.h"

#define HEADEND_LINE_JUDGED 10     /* answers */
#define HEADEND_LINE_DAMAGED_M 100 /* thousandths */
#define HEADEND_LINE_CLEAN_M 50
#define HEADEND_LINE_TURN_S 900
#define HEADEND_LINE_GAP_S 1800
#define HEADEND_LINE_HOURS 168         /* that are kept */
#define HEADEND_LINE_PERIOD_MS 3600000 /* at most, in one message */

/* A gateway told; `body` is the message as it came. ERR_NOT_FOUND: it has no such line. ERR_RANGE:
 * numbers that no line has; nothing was taken. A second message within ten seconds changes nothing.
 */
[[nodiscard]] enum err headend_line_told(struct store_tx *tx, const struct site_gateway *gateway,
                                         const struct uplink_line *told, struct bytes body,
                                         wall_s now);

/* Of all answers, in thousandths; 0 if there were none. */
int64_t headend_line_damage_m(int64_t answered, int64_t damaged);

struct headend_line {
    struct site_line line;
    wall_s told_at;                 /* 0: never; then all below says nothing */
    const struct uplink_line *told; /* live during the callback; NULL: never */
    bool damaged;
    wall_s since; /* so */
};
typedef enum err headend_line_each(void *arg, const struct headend_line *line);
/* The lines of a gateway by number. ERR_MEMORY. */
[[nodiscard]] enum err headend_lines(struct store_tx *tx, int64_t gateway_id,
                                     headend_line_each *each, void *arg);

struct headend_line_hour {
    wall_s from;
    int64_t covered_ms; /* of the hour, told of */
    int64_t exchanges, answered, retries, timeouts, damaged, foreign, collisions;
    int64_t busy_ms, useful_ms;
    int64_t silent; /* meters, the most at one time */
};
typedef enum err headend_line_hour_each(void *arg, const struct headend_line_hour *hour);
/* Hours in which something was told, oldest first, from the one that holds `from`. */
[[nodiscard]] enum err headend_line_hours(struct store_tx *tx, int64_t line_id, wall_s from,
                                          headend_line_hour_each *each, void *arg);

#endif
