/*
 * Real lives: consumption over time from recorded data, and the purchases that were made.
 *
 *   dorm balance, CSV   time,light_kwh_left,ac_kwh_left   series "light", "ac"
 *                       date,kwh_left                     series "kwh"
 *   dorm balance, JSON  [{"time": "01-15 16:16:25", "ac_Balance": 9.2, "light_Balance": 157.8} ..]
 *                       series "light", "ac"; the year stands in the file name (..-2025-01.json)
 *                       data=[{"time": "2022-12-04", "kWh": 79.4} ..]     series "kwh"
 *   half-hour energy    LCLid,tstp,energy_kWh             one series a meter, by its name
 *
 * In a balance a fall is consumption spread evenly over the time between two rows; a rise is a
 * purchase due at the second row (less what was used meanwhile, which nobody knows: no consumption
 * is taken for that interval). The first row is an opening purchase of what is left there. Energies
 * are whole mWh and sum up exactly; reading is decimal, nothing is rounded but beyond 0.000001 kWh.
 */
#ifndef YUFU_SIM_WORLD_REPLAY_H
#define YUFU_SIM_WORLD_REPLAY_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

#define REPLAY_NAME_MAX 31

struct replay_point {
    int64_t at_s;     /* UTC */
    int64_t used_mwh; /* cumulative consumption up to here */
};

struct replay_due {
    int64_t at_s;
    int64_t energy_mwh;
    int64_t number; /* 1, 2, 3 ... in its series; 1 is the opening */
};

struct replay_series {
    char name[REPLAY_NAME_MAX + 1];
    struct replay_point *points; /* rising in time */
    size_t point_count;
    struct replay_due *dues; /* empty for half-hour energy */
    size_t due_count;
};

struct replay {
    struct replay_series *series;
    size_t count;
};

/* Local times are of zone_s. ERR_NOT_FOUND or ERR_IO_FILE: the file; ERR_SYNTAX: none of the forms
 * above; ERR_RANGE: times that do not rise, a negative number; ERR_MEMORY. */
[[nodiscard]] enum err replay_load(struct replay *r, const char *path, int32_t zone_s);
void replay_free(struct replay *r);
/* NULL if there is none; an empty name finds the first. */
const struct replay_series *replay_find(const struct replay *r, const char *name);
/* Consumption from the first row up to `at_s`: 0 before it, the whole after the last. */
int64_t replay_used_mwh(const struct replay_series *s, int64_t at_s);

#endif
