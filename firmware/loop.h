/*
 * The loop around a terminal: what a board's main does with each input. The board below is the
 * scripted day's (day.c), or a real one's.
 */
#ifndef YUFU_FIRMWARE_LOOP_H
#define YUFU_FIRMWARE_LOOP_H

#include "terminal/terminal.h"

/* What one mains cycle brought. */
struct loop_cycle {
    mono_ms now;
    wall_s rtc;
    bool lost; /* the clock chip stopped */
    struct terminal_sample sample;
    uint32_t energy_mwh[TERMINAL_CIRCUITS]; /* since the last cycle */
};

/* The order that terminal.h asks for after every input. False: the power went. */
bool loop_settle(struct terminal *t);
bool loop_time(struct terminal *t, const struct loop_cycle *c);
/* Time, energy, what the chip says, each settled. */
bool loop_take(struct terminal *t, const struct loop_cycle *c);

/* The board's. False: the power went while it was written. */
bool loop_nvram(const struct terminal_write *w);
void loop_output(const struct terminal_output *out);
void loop_send(enum terminal_port port, struct bytes answer);

#endif
