/*
 * One line: an RS-485 pair behind a serial port or a TCP serial server. Half duplex, one master
 * (we), one exchange at a time.
 *
 *   submit jobs -> output bytes -> input bytes -> pop results
 *
 * Priorities: a step of a visit comes before everything, then orders, then polls, in order of
 * submission within a priority; so an order waits at most for the exchange that is under way.
 * Answers are matched to the one outstanding request by the protocol's link (address and control);
 * echoes, garbage and late answers from others are counted and dropped. Where answers do not say
 * what they answer (Modbus RTU), a meter that owes one is asked nothing else for a while: a late
 * answer must never become another register's value. Nor may what was asked before an order become
 * its proof: a job that wants news waits for what its meter owes, whatever it speaks. Meters of
 * several protocols and speeds may share a line: each peer has a link and a speed of its own if it
 * differs.
 *
 * Other masters: whoever asks on this line is given the time to be answered, and a request of ours
 * that was spoilt by one is repeated after a pause that nobody else makes. Noise that never ends
 * does not silence us for ever: after `patience_ms` we speak anyway.
 *
 * Sans-I/O: time and bytes come in, bytes and the next wake-up go out. No heap, no clock.
 */
#ifndef YUFU_BUS_BUS_H
#define YUFU_BUS_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rand.h"
#include "meter/meter.h"

#define BUS_PEERS_MAX 256
#define BUS_JOBS_MAX 32
#define BUS_RESULTS_MAX 40
#define BUS_INPUT_MAX 1024

enum bus_priority { BUS_STEP, BUS_ORDER, BUS_POLL, BUS_PROBE, BUS_PRIORITIES };

/* Times of one line. bus_timing_of fills sensible ones for a speed; a caller may change them. */
struct bus_timing {
    int32_t baud;           /* real speed of the wire, also behind a TCP serial server */
    int32_t gap_ms;         /* silence before each request */
    int32_t address_gap_ms; /* the same, if the request is for another meter than the last one */
    int32_t turnaround_ms;  /* wait for an answer's first byte while nothing is known of the peer */
    int32_t turnaround_min_ms, turnaround_max_ms; /* bounds of the learnt wait */
    int32_t byte_gap_ms; /* silence inside an answer that ends it; a protocol may allow more */
    int32_t probe_ms;    /* first pause before a silent peer is tried again; doubles */
    int32_t probe_max_ms;
    int32_t probe_spacing_ms; /* between any two probes: bounds what silent peers cost the line */
    int32_t transit_ms;       /* extra for what lies between us and the wire (TCP, radio) */
    int32_t hope_ms;          /* after no answer at all, how long one may still come */
    int32_t yield_ms;         /* how long another master's request is given to be answered */
    int32_t patience_ms;      /* how long a job waits for a line that is never quiet */
};

struct bus_timing bus_timing_of(int32_t baud);
/* The same for a line without Modbus RTU: frames that have a mark at their beginning do not need
 * the long silences by which Modbus tells where one begins. */
struct bus_timing bus_timing_marked(int32_t baud);

/* What wakes a meter that sleeps: bytes in a row before the request, mostly at a parity of their
 * own, and a pause. It is assumed to be awake for a while after that and after each answer. */
struct bus_rouse {
    uint8_t byte;
    char parity; /* of these bytes; 0: the peer's */
    int32_t ms;  /* how long they last */
    int32_t pause_ms, awake_ms;
};

/* Questions of one kind that may yet be answered, though nobody waits for it. */
struct bus_owed {
    uint8_t count;
    uint32_t blind, by; /* what they share; the arrival number of their job */
    mono_ms since,
        until; /* the first of them went out; no other question of the kind before this */
};
#define BUS_OWED 2 /* kinds that are kept: what is read, what is ordered */

/* Each meter of a line is a peer, numbered by the caller 0..BUS_PEERS_MAX-1. */
struct bus_peer {
    const struct meter_link *link; /* NULL: the line's */
    int32_t baud;                  /* 0: the line's */
    char parity;                   /* 0: the line's */
    const struct bus_rouse *rouse; /* NULL: it does not sleep */
    mono_ms awake_until;
    int32_t slow_ms;    /* it may need so long to begin an answer; 0: the line's time */
    bool silent;        /* demoted: asked only on the probe ring */
    bool told;          /* what bus_peer_change said last */
    uint8_t failures;   /* jobs in a row without an answer */
    uint8_t spoiled;    /* jobs in a row with damaged answers only: two meters of one address? */
    uint8_t trusted;    /* answers since the last time-out, up to a few */
    uint8_t probes;     /* probes since the demotion, for the back-off */
    int32_t slowest_ms; /* decaying maximum of seen turnarounds; 0: none yet */
    int32_t pause_ms;   /* the same of pauses inside its answers */
    mono_ms probe_at;   /* silent: next probe */
    uint32_t answers, timeouts, damaged;
    uint64_t turnaround_ms;         /* of all answers together */
    struct bus_owed owed[BUS_OWED]; /* bus_late.c */
    int32_t late_ms;                /* an answer was seen to come so late; 0: none yet */
};

struct bus_job {
    uint64_t tag; /* the caller's; comes back in the result */
    uint16_t peer;
    enum bus_priority priority;
    uint8_t attempts; /* sendings before giving up, >= 1; a vend has exactly 1 */
    bool silent;      /* broadcast: no answer comes */
    bool news;        /* its answer must not be one to an earlier question */
    int32_t slack_ms; /* nobody is woken for it until it could have gone out so long ago */
    uint16_t len;
    uint8_t request[METER_FRAME_MAX];
};

struct bus_result {
    uint64_t tag;
    uint16_t peer;
    enum err err; /* ERR_OK; ERR_BUS_SILENT no answer; ERR_BUS_DAMAGED only damaged ones;
                     ERR_BUS_CLOSED the line was reset before an answer */
    uint8_t sent; /* how often the request went out in full or in part; 0: never */
    uint16_t len;
    uint8_t answer[METER_FRAME_MAX];
};

/* Since bus_init. Times in ms of line time. */
struct bus_stats {
    uint64_t exchanges, answered, retries, timeouts;
    uint64_t damaged;       /* frames with a bad checksum or end */
    uint64_t echoes;        /* our own bytes heard again */
    uint64_t strays;        /* good frames that answer nothing outstanding */
    uint64_t foreign;       /* of them: requests of other masters */
    uint64_t collisions;    /* our own bytes came back altered: somebody spoke at the same time */
    uint64_t pushed;        /* requests sent although the line was never quiet */
    uint64_t absent;        /* what passes questions on said that the meter does not answer */
    uint64_t garbage_bytes; /* that belong to no frame and to no preamble */
    uint64_t sent_bytes, received_bytes;
    int64_t busy_ms;    /* from a request's first byte to its end by answer or time-out */
    int64_t useful_ms;  /* of that: exchanges that ended with their answer, from the request's
                           first byte to the answer's last: never more than busy_ms */
    int64_t yielded_ms; /* time left to other masters */
    uint64_t demotions, returns;
};

/* Peers that changed between silent and answering, to be told upwards. */
struct bus_change {
    uint16_t peer;
    bool silent;
};

struct bus {
    const struct meter_link *link;
    struct bus_timing timing;
    struct bus_job jobs[BUS_JOBS_MAX];
    uint32_t order[BUS_JOBS_MAX]; /* arrival number of each job; 0: slot is free */
    uint32_t blind[BUS_JOBS_MAX]; /* whose late answers could be taken for its; 0: nobody's */
    uint32_t arrivals;
    size_t waiting;                  /* jobs in the table, the running one included */
    uint8_t sendings[BUS_JOBS_MAX];  /* how often each was sent so far */
    bool damaged[BUS_JOBS_MAX];      /* something damaged came for it */
    int current;                     /* index of the job on the line, or -1 */
    mono_ms now;                     /* of the last look at the line */
    mono_ms quiet_at;                /* the last byte on the line so far */
    mono_ms hold_until;              /* another master's turn, or a pause after a collision */
    int32_t manners_ms;              /* on a line with another master, more silence by chance */
    const struct bus_rouse *rousing; /* the bytes handed out last wake a meter; NULL: a request */
    size_t rouse_left;               /* of them, how many are yet to be handed out */
    mono_ms roused_at;               /* end of them and of their pause: nothing is sent before */
    mono_ms blocked_at;              /* since when a job waits for a quiet line; MONO_NEVER */
    mono_ms started, tx_end, deadline, limit;
    int32_t pause_ms;  /* the longest one inside what is coming in */
    int64_t paused_ms; /* all of them together: the limit moves by them */
    uint16_t last_peer;
    uint32_t last_blind;
    uint8_t last[METER_FRAME_MAX], foreign[METER_FRAME_MAX]; /* requests: ours, another master's */
    uint16_t last_len, foreign_len;                          /* 0: none */
    mono_ms foreign_at; /* when the last request of another master was heard */
    uint16_t echo_at;   /* bytes of the running request that came back */
    uint8_t echoes;     /* belief that the adapter hears itself */
    bool echo_ended;    /* nothing more of this exchange is an echo */
    struct rand_stream rand;
    uint8_t input[BUS_INPUT_MAX];
    size_t input_len;
    struct bus_result results[BUS_RESULTS_MAX];
    size_t result_head, result_count;
    struct bus_peer peers[BUS_PEERS_MAX];
    bool changed;          /* some peer may differ from what bus_peer_change said */
    uint32_t lessons;      /* rises when what decides bus_may_poll changes */
    mono_ms probe_free_at; /* the ring as a whole is slow, however many are on it */
    uint16_t live;         /* peers that answer */
    uint16_t burst;        /* probes that may follow one another, because one came back */
    mono_ms burst_at;      /* when the next burst may begin */
    struct bus_stats stats;
};

void bus_init(struct bus *b, const struct meter_link *link, const struct bus_timing *timing,
              mono_ms now);

/* ERR_FULL: BUS_JOBS_MAX are waiting. The job is copied. */
[[nodiscard]] enum err bus_submit(struct bus *b, const struct bus_job *job);
size_t bus_waiting(const struct bus *b); /* jobs not yet finished, the running one included */
/* Takes back a job that waits (also for a retry); false if it is unknown or on the line. */
bool bus_cancel(struct bus *b, uint64_t tag);

/* Bytes to write now, at most one whole frame; 0 if there is nothing to do yet. The caller writes
 * them all at once. cap >= METER_FRAME_MAX. */
size_t bus_output(struct bus *b, mono_ms now, uint8_t *out, size_t cap);
void bus_input(struct bus *b, mono_ms now, const uint8_t *data, size_t len);
/* Time passed: ends waits that are over. */
void bus_tick(struct bus *b, mono_ms now);
/* When bus_tick or bus_output has something to do; MONO_NEVER if only a submit or input can help.
 */
mono_ms bus_wake(const struct bus *b);
/* The next finished job, in order of completion. */
bool bus_result(struct bus *b, struct bus_result *out);
bool bus_peer_change(struct bus *b, struct bus_change *out);

/* The port was closed or opened: the running job ends with ERR_BUS_CLOSED, input is forgotten;
 * jobs that were never sent stay. */
void bus_reset(struct bus *b, mono_ms now);

/* From when on it may be polled, for what it owes: an answer could be taken for another's. */
mono_ms bus_owes_until(const struct bus *b, uint16_t peer);
/* May this peer be polled now? An answering one always, unless it owes such an answer; a silent one
 * when its turn on the probe ring has come. Orders need not ask. */
bool bus_may_poll(const struct bus *b, uint16_t peer, mono_ms now);
/* Forgets what was learnt of a peer: another meter has its number now. */
void bus_peer_reset(struct bus *b, uint16_t peer);
/* What this meter speaks, and how fast. NULL, 0, 0: as the line. Not while a job of it waits. */
void bus_peer_speaks(struct bus *b, uint16_t peer, const struct meter_link *link, int32_t baud,
                     char parity);
/* A meter that is slow by nature (a battery, a valve) is waited for so long, even if that is longer
 * than the line's own bound; once it is known to be quicker, for less. */
void bus_peer_waits(struct bus *b, uint16_t peer, int32_t slow_ms);
/* A meter that sleeps: `rouse` must outlive the bus. NULL: it does not. bus_output hands out what
 * wakes it, in pieces, before a request. */
void bus_peer_sleeps(struct bus *b, uint16_t peer, const struct bus_rouse *rouse);
/* The speed at which the frame handed out last must be sent. parity 0: the line's own. */
int32_t bus_speed(const struct bus *b, char *parity);
/* The peers that take longest to answer, slowest first; returns how many were written. */
size_t bus_slowest(const struct bus *b, uint16_t *peers, size_t cap);

/* How long the bytes take on the wire: 11 bits each (start, 8, parity, stop). */
int64_t bus_wire_ms(int32_t baud, size_t bytes);

#endif
