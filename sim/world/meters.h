/*
 * Meters on a line: the same meter and line model for yufu-fleet (real sockets) and for the
 * discrete-event simulator (virtual time). Deterministic: time, seeds and bytes come in; the real
 * terminal of src/terminal answers. Nothing here reads a clock or opens anything.
 *
 * One master talks on a line:
 *     sim_line_write(line, bytes, now)   bytes begin to travel at the line's speed
 *     sim_line_read(line, now, ...)      bytes that have arrived at the master by `now`
 *     sim_line_wake(line)                when to look again (MONO_NEVER: nothing under way)
 * `now` never runs backwards. Every call first lets the world up to `now` happen. Talking while
 * somebody else is still sending spoils both (`collisions`). A clean frame is heard by the meters
 * it is addressed to, anything else by all of them.
 */
#ifndef YUFU_SIM_WORLD_METERS_H
#define YUFU_SIM_WORLD_METERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/rand.h"
#include "sim/world/room.h"
#include "terminal/terminal.h"

#define SIM_LINE_METERS 64
#define SIM_STEP_MS                                                                                \
    10'000 /* loads and credit are looked at at least this often, on a fixed grid                  \
            */

/* Money the meter really took: the truth that checkers compare with. */
struct sim_applied {
    uint32_t life;  /* counts exchanges and re-initialisations of this meter, from 1 */
    uint32_t count; /* purchase count after */
    int64_t amount_fen;
    mono_ms at;
    bool foreign; /* sold by sim_meter_foreign_vend */
};

struct sim_meter {
    struct terminal terminal;
    struct terminal_setup setup;
    uint8_t *nvram; /* TERMINAL_NVRAM_SIZE bytes: `own`, or the owner's file */
    uint8_t own[TERMINAL_NVRAM_SIZE];
    int64_t rtc_offset_s; /* clock chip minus true wall clock */
    /* people */
    int64_t load_mw[TERMINAL_CIRCUITS];  /* wished; flows only through closed relays */
    int64_t owed_mwh[TERMINAL_CIRCUITS]; /* energy still to be taken, on top of the load */
    int64_t pace_mw[TERMINAL_CIRCUITS];  /* how fast */
    int64_t carry[TERMINAL_CIRCUITS], owed_carry[TERMINAL_CIRCUITS]; /* mW ms, not yet a mWh */
    struct room *room; /* who lives behind it, on top of the load; NULL: nobody. Not owned */
    uint8_t closed;    /* bit per circuit, as the room saw it last */
    bool load_changed;
    mono_ms at;   /* world simulated up to here */
    wall_s wall0; /* true wall clock at mono 0, of the last run */
    /* power */
    bool powered;
    mono_ms power_back;    /* MONO_NEVER: by hand */
    uint64_t writes;       /* nvram writes ever done */
    uint64_t cut_at_write; /* absolute write number that tears; 0 none */
    unsigned cut_after_bytes;
    int64_t cut_off_ms;
    /* line */
    bool dead;    /* its port is broken: hears and says nothing, but measures on */
    bool swapped; /* its two wires are exchanged: to it and from it everything is upside down */
    /* truth */
    uint32_t life;
    uint32_t seen_count;         /* purchase count of this life that `applied` has reached */
    struct sim_applied *applied; /* grows; released by sim_meter_close */
    size_t applied_count, applied_cap;
    bool vending_foreign;
};

/* Faults of one line, per mille of frames. All zero: a perfect line. */
struct sim_line_faults {
    unsigned drop_request, drop_answer;
    unsigned garble_request, garble_answer; /* one byte changed: the checksum finds it */
    unsigned forge_answer; /* one data byte changed and the checksum made right again */
    unsigned cut_answer;   /* the answer ends early */
    unsigned duplicate_request, duplicate_answer;
    unsigned late_answer; /* delivered late_ms later, behind whatever follows */
    int64_t late_ms;
    int64_t babble_ms;     /* a defect device sends garbage about so often; 0: there is none */
    unsigned babble_bytes; /* at most so much at once, at least one byte */
};

struct sim_line_options {
    unsigned baud;                      /* 1200 .. 115200; 11 bits a byte */
    int64_t delay_min_ms, delay_max_ms; /* slave response delay, 20 .. 100 by default when both 0 */
    wall_s wall0;                       /* true wall clock at mono 0 */
    uint64_t seed;
};

struct sim_chunk {
    int64_t at_us; /* when its first byte has arrived */
    uint32_t byte_us;
    uint16_t len, taken;
    uint8_t data[DLT645_FRAME_MAX];
};

#define SIM_LINE_CHUNKS 16

struct sim_line {
    struct sim_line_options options;
    struct sim_line_faults faults;
    struct rand_stream rand;
    struct sim_meter *meters[SIM_LINE_METERS]; /* not owned */
    size_t meter_count;
    mono_ms now;
    int64_t byte_us;
    int64_t bus_free_us;                   /* the wire is busy until then */
    int64_t babble_us;                     /* when the defect device speaks next; 0: not decided */
    uint8_t request[2 * DLT645_FRAME_MAX]; /* bytes of the master that have not all arrived yet */
    size_t request_len;
    int64_t request_done_us;
    struct sim_chunk to_master[SIM_LINE_CHUNKS];
    size_t chunk_count;
    /* statistics */
    uint64_t requests, answers, faults_done, collisions, babbles;
    uint64_t busy_us; /* time in which somebody was sending */
};

/* nvram: TERMINAL_NVRAM_SIZE bytes kept by the caller (a mapped file), or NULL for the meter's own.
 * Boots from what is in it. */
void sim_meter_init(struct sim_meter *m, const struct terminal_setup *setup, uint8_t *nvram,
                    mono_ms now);
void sim_meter_close(struct sim_meter *m);
/* Lets the meter live up to `now`; wall0 as in the line's options. Lines do this by themselves. */
void sim_meter_run(struct sim_meter *m, mono_ms now, wall_s wall0);
/* Circuit 1..3. Lasts until changed; takes effect where the meter was run up to. */
void sim_meter_set_load(struct sim_meter *m, unsigned circuit, int64_t power_mw);
/* Exactly this much energy will be taken, at pace_mw (0: 10 kW), now or as soon as the circuit is
 * closed again; replaces what was still owed. Replays of real data lose nothing to a cut. */
void sim_meter_owe(struct sim_meter *m, unsigned circuit, int64_t mwh, int64_t pace_mw);
void sim_meter_key(struct sim_meter *m);
/* Power off; back after off_ms (negative: until sim_meter_power_on). */
void sim_meter_power_off(struct sim_meter *m, int64_t off_ms);
void sim_meter_power_on(struct sim_meter *m);
/* The k-th nvram write from now (1 = next) tears after `bytes`, and the power is off for off_ms. */
void sim_meter_cut_at_write(struct sim_meter *m, unsigned k, unsigned bytes, int64_t off_ms);
/* A sale by somebody else, by handheld: the next count, correct in every respect. False if the
 * meter refused it or is off. */
bool sim_meter_foreign_vend(struct sim_meter *m, int64_t amount_fen);
/* Somebody re-initialises the wallet (070103FF): count 0, balance preset_fen. A new life. */
bool sim_meter_reset(struct sim_meter *m, int64_t preset_fen);
/* Another meter of the same address is hung on the wall: blank nvram. A new life. */
void sim_meter_exchange(struct sim_meter *m);
/* A frame: the answer (bytes) into out; 0 none. */
size_t sim_meter_ask(struct sim_meter *m, const uint8_t *frame, size_t len, uint8_t *out,
                     size_t cap);
/* A write (14H) by handheld over the infrared port, with the password of the factory; false if the
 * meter refused it or is off. */
bool sim_meter_program(struct sim_meter *m, uint32_t di, const uint8_t *data, size_t len);

void sim_line_init(struct sim_line *line, const struct sim_line_options *options);
void sim_line_add(struct sim_line *line, struct sim_meter *m);
void sim_line_write(struct sim_line *line, const uint8_t *data, size_t len, mono_ms now);
size_t sim_line_read(struct sim_line *line, mono_ms now, uint8_t *out, size_t cap);
mono_ms sim_line_wake(const struct sim_line *line);
/* The line and all its meters up to `now`: before looking at them, and at least once a minute. */
void sim_line_run(struct sim_line *line, mono_ms now);
/* The master let go of the line (connection closed): bytes under way to it are lost. */
void sim_line_flush(struct sim_line *line);

#endif
