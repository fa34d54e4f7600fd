/*
 * How days and rooms differ: what each room used in each of its days, which begin at five in the
 * morning, so that the night belongs to the evening before it.
 */
#ifndef YUFU_SIM_FLEET_ROOMS_DAYS_H
#define YUFU_SIM_FLEET_ROOMS_DAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROOMS_DAY_BEGINS_H 5

struct rooms_days {
    size_t rooms, days, full; /* full: days that are over */
    uint32_t *used_wh;        /* by day, then by room */
    uint64_t *before_mwh;     /* by room: register when the day began */
    bool *weekend;            /* by day */
};

/* False: no memory. */
bool rooms_days_open(struct rooms_days *d, size_t rooms, size_t days);
/* A day is over; one after the last is not kept. register_mwh: of all rooms. */
void rooms_days_add(struct rooms_days *d, bool weekend, const uint64_t *register_mwh);
/* Means of working days and weekends, how the days of a room and how the rooms differ. */
void rooms_days_print(const struct rooms_days *d);
void rooms_days_close(struct rooms_days *d);

#endif
