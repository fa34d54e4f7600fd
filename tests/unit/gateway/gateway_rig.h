/*
 * The gateway engine with two terminals on a simulated line, a disk that may forget, and somebody
 * who listens in place of the platform.
 */
#ifndef YUFU_TEST_GATEWAY_RIG_H
#define YUFU_TEST_GATEWAY_RIG_H

#include "tests/unit/check.h"

#include <stdio.h>

#include "gateway/gateway.h"
#include "sim/disk.h"
#include "sim/world/meters.h"

#define WALL0 INT64_C(1'788'220'800)
#define METERS 2
#define CASE(test) cmocka_unit_test_setup_teardown(test, rig_set_up, rig_tear_down)

#define METERS 2

struct rig {
    struct sim_disk *disk;
    struct store *store;
    struct gateway *gateway;
    struct sim_line line;
    struct sim_meter meters[METERS];
    mono_ms now;
    bool trusted;
    bool away;       /* the platform: rig_open does not connect */
    int64_t wrong_s; /* the wall clock is behind by so much */
    int64_t queue_bytes;
    /* what the platform heard */
    struct uplink_outcome outcomes[64];
    size_t outcome_count, reading_count, event_count, dropped_events;
    struct uplink_trip trips[64];
    size_t trip_count;
    struct uplink_line lines[16]; /* without their lists */
    struct uplink_line_meter slowest, quiet; /* the first of each list, as told last */
    size_t line_count;
    struct uplink_event away_event; /* the last */
    wall_s first_reading, last_reading;
    int64_t energy_wh[METERS + 1];
    uint64_t points_told[METERS + 1]; /* bit: enum meter_point */
    size_t told_twice;                /* points that stood twice in one reading */
    int64_t last_seq;
    bool acknowledge;
    _Alignas(16) uint8_t arena[UPLINK_ARENA];
};

struct gateway_now rig_now(const struct rig *r);
void rig_say(struct rig *r, const struct uplink_message *m);
void rig_listen(struct rig *r);
void rig_live(struct rig *r, int64_t ms);
void rig_connect(struct rig *r);
void rig_open(struct rig *r);
void rig_close(struct rig *r);
void rig_configure(struct rig *r, int64_t version, int64_t epoch);
int rig_set_up(void **state);
int rig_tear_down(void **state);
void rig_command(struct rig *r, struct uplink_command c);
const struct uplink_outcome *rig_only_outcome(struct rig *r);
struct uplink_command rig_vend(int64_t id, int64_t meter, int64_t n); /* of 50 yuan */

#endif
