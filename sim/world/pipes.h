/*
 * A line of water, heat, cooling and gas meters of other makers (sim/vendor) in virtual time: one
 * frame goes in, whole or in pieces, the answer comes back when the meter has thought. Nothing goes
 * wrong on it but that several meters may answer at once.
 */
#ifndef YUFU_SIM_WORLD_PIPES_H
#define YUFU_SIM_WORLD_PIPES_H

#include "sim/vendor/vendor.h"

#define SIM_PIPES 64
#define SIM_PIPES_ANSWER_MS 150
/* Pieces this far apart are no question any more. Long, for a clock may run a hundred times as fast
 * as the network that brings the pieces. */
#define SIM_PIPES_SILENCE_MS 5'000

struct sim_pipes {
    struct vendor_meter meters[SIM_PIPES];
    size_t count;
    wall_s wall0;                    /* true wall clock at mono 0 */
    uint8_t heard[VENDOR_FRAME_MAX]; /* pieces of a question that nobody has answered */
    size_t heard_len;
    mono_ms heard_at;
    uint8_t answer[VENDOR_FRAME_MAX];
    size_t answer_len;
    mono_ms answer_at;
    uint64_t requests;
};

void sim_pipes_init(struct sim_pipes *p, wall_s wall0);
/* The meter lives in p and may be changed there: flow, battery, a stuck valve. */
struct vendor_meter *sim_pipes_add(struct sim_pipes *p, const struct vendor_setup *setup,
                                   mono_ms now);
/* As sim_line_*: `now` never runs backwards. */
void sim_pipes_write(struct sim_pipes *p, const uint8_t *data, size_t len, mono_ms now);
size_t sim_pipes_read(struct sim_pipes *p, mono_ms now, uint8_t *out, size_t cap);
mono_ms sim_pipes_wake(const struct sim_pipes *p);
/* Before the meters are looked at or changed. */
void sim_pipes_run(struct sim_pipes *p, mono_ms now);

#endif
