/*
 * The poll plan of one line: which meter is asked for what next. A sweep takes one meter and asks
 * every row that is due, so that the points of one meter stand together in time; then comes the
 * meter that waited longest. Silent meters are asked one row only, on the bus's slow probe ring.
 *
 * Caller's memory, no clock.
 */
#ifndef YUFU_BUS_PLAN_H
#define YUFU_BUS_PLAN_H

#include "bus/bus.h"

struct plan_peer {
    const struct meter_unit *unit;
    mono_ms due[METER_ITEMS_MAX]; /* when each row is worth asking again */
    mono_ms not_before;           /* a pause after no answer; its place in the queue stays */
};

struct plan {
    struct plan_peer *peers; /* index = bus peer number */
    uint16_t peer_count;
    /* Of each peer, when its first row is due: all are looked through whenever a sweep ends, and
     * here they lie close together. */
    mono_ms first[BUS_PEERS_MAX];
    int peer;        /* in sweep, or -1 */
    uint32_t asked;  /* rows of this sweep already asked, by bit */
    bool rare_asked; /* one rare row was asked in this sweep */
    int64_t late_ms; /* so long was the state of this meter overdue when the sweep began */
    bool in_time;    /* it had not waited long for its turn: whoever comes first waited longest */
    int lead;        /* row an answer led to, or -1 */
    /* Nothing is due before this, unless the bus learns something of a peer: a line at rest is
     * looked at whenever another one is busy, and shall not look at all its rows each time. */
    mono_ms rest_until;
    uint32_t rest_lessons; /* the bus's when that was found */
};

void plan_init(struct plan *p, struct plan_peer *peers, uint16_t peer_count);
/* Puts a meter into the plan; its rows are due at once. */
void plan_set(struct plan *p, uint16_t peer, const struct meter_unit *unit, mono_ms now);

struct plan_ask {
    uint16_t peer;
    uint8_t item;
    bool probe; /* a silent meter's turn */
};

/* The next request of the running sweep, or the first of a new one. False if nothing is due. */
bool plan_next(struct plan *p, const struct bus *b, mono_ms now, struct plan_ask *ask);
/* The row was answered (or refused): it is due again after its period. `next_item` as the answer
 * said, -1 none. */
void plan_done(struct plan *p, const struct plan_ask *ask, int next_item, mono_ms now);
/* The meter did not answer: its sweep ends, what was not asked stays due. One that always answers
 * damaged (two meters of one address) is asked more and more seldom. */
void plan_failed(struct plan *p, const struct bus *b, const struct plan_ask *ask, mono_ms now);
/* True once the sweep that `ask` belonged to has no more rows: its points are complete. */
bool plan_sweep_over(const struct plan *p, mono_ms now);
/* The meter that waited longest had not waited long: requests of its sweep may wait a moment. */
bool plan_in_time(const struct plan *p);
/* Makes the state rows of a meter due at once (after an order changed it). */
void plan_hurry(struct plan *p, uint16_t peer, mono_ms now);
/* When plan_next may have something; MONO_NEVER if the plan is empty. */
mono_ms plan_wake(const struct plan *p, const struct bus *b, mono_ms now);

#endif
