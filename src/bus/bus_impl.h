/* Shared by the parts of bus/ only. */
#ifndef YUFU_BUS_BUS_IMPL_H
#define YUFU_BUS_BUS_IMPL_H

#include "bus/bus.h"

/* --- bus_peer.c: what is known of each meter, and the ring of the silent ones */
const struct meter_link *bus_link_of(const struct bus *b, uint16_t peer);
int32_t bus_baud_of(const struct bus *b, uint16_t peer);
/* How long the first byte of its answer is waited for. */
int32_t bus_wait_of(const struct bus *b, uint16_t peer);
/* How long the next byte of a frame that has begun; `last`: it is not asked again. */
int32_t bus_pause_of(const struct bus *b, uint16_t peer, bool last);
void bus_peer_answered(struct bus *b, uint16_t peer, int64_t turnaround_ms, mono_ms now);
void bus_peer_failed(struct bus *b, uint16_t peer, mono_ms now);
void bus_peer_spoiled(struct bus *b, uint16_t peer);

/* --- bus_rouse.c: meters that sleep */
/* Must it be woken before it is asked? */
bool bus_must_rouse(const struct bus *b, uint16_t peer, mono_ms now);
void bus_rouse_begin(struct bus *b, uint16_t peer, mono_ms now);
/* The next piece of what wakes it. */
size_t bus_rouse_output(struct bus *b, uint8_t *out, size_t cap);
/* How many bytes of what was heard are our own that wake somebody. */
size_t bus_rouse_heard(struct bus *b, mono_ms now, const uint8_t *data, size_t len);

/* --- bus_late.c: answers that come when nobody waits for them any more */
/* The kind of job i's question; 0: no late answer could be taken for its. */
uint32_t bus_late_blind(const struct bus *b, int i);
/* From when on job i may be asked: not while its meter owes an answer that could be taken for its.
 */
mono_ms bus_late_until(const struct bus *b, int i);
/* Job i goes out; was not answered in time; was answered. */
void bus_late_asked(struct bus *b, int i);
void bus_late_unanswered(struct bus *b, int i, mono_ms now);
void bus_late_answered(struct bus *b, int i, mono_ms now);
/* An answer to the last request came after its time. */
void bus_late_came(struct bus *b, mono_ms now);

/* --- bus_hear.c: what is heard */
/* Was another master heard of late? */
bool bus_is_shared(const struct bus *b, mono_ms now);
/* Draws anew what silence is added before the next request; none, if there is nobody else. Who had
 * his turn waits longer. */
void bus_mind_others(struct bus *b, bool others, bool had_turn);
/* However much is heard, the exchange ends then. */
mono_ms bus_limit(const struct bus *b);
/* Looks again at what stands in the input when a wait is over: a false beginning may hide a good
 * answer behind it. True if the exchange ended. */
bool bus_hear_again(struct bus *b, mono_ms now);

/* --- bus.c: what became of the request that is out */
void bus_answer_came(struct bus *b, mono_ms now, struct bytes answer);
/* It is asked again after a pause; the last time this is the answer. */
void bus_answer_busy(struct bus *b, mono_ms now, struct bytes answer);
void bus_answer_absent(struct bus *b, mono_ms now);

#endif
