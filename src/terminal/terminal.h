/*
 * The dorm terminal and the shop meter: the prepaid core as a freestanding library.
 *
 * Data in, data out: no clock, no heap, no operating system, no callbacks. The host (a firmware
 * image, yufu-fleet, the simulated world) owns a `struct terminal`, tells it what happened and
 * then, after EVERY input, in this order:
 *   1. carries out the nvram writes:   while (terminal_next_write(t, &w)) write(w)
 *   2. applies the outputs:            terminal_output(t)
 *   3. sends the answer, if any:       terminal_take_answer(t)
 * An answer is withheld while writes are waiting: what was told to the world is in nvram already.
 *
 * Power may fail between and inside writes. Every record has two slots, a sequence number and a
 * CRC32C; the older slot is overwritten. All money, registers, purchase count, purchase records and
 * orders to the relay stand in ONE record, so that a cut leaves the state before or after, never a
 * mixture. Map of nvram and of the DL/T 645 registers: docs/protocols/terminal.md.
 *
 * Units: mWh, mW, 0.1 V, mA, fen, prices in 0.0001 yuan/kWh. Circuits count from 1 outside (0 means
 * the whole meter) and from 0 in arrays.
 */
#ifndef YUFU_TERMINAL_TERMINAL_H
#define YUFU_TERMINAL_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "proto/dlt645.h"

#define TERMINAL_CIRCUITS 3
#define TERMINAL_RATES 4 /* 1 sharp, 2 peak, 3 flat, 4 valley */
#define TERMINAL_PERIODS 14
#define TERMINAL_PURCHASES 10
#define TERMINAL_TRIPS 30
#define TERMINAL_CLOSES 10
#define TERMINAL_NVRAM_SIZE 4096
#define TERMINAL_MONEY_MAX_FEN INT64_C(99'999'999) /* 999,999.99 yuan, either sign */

/* Why a circuit is open (or, KEEP_POWER, why it is closed in spite of a reason). These numbers
 * stand in the private block 048001FF and in event records: never reuse one. */
enum terminal_reason {
    TERMINAL_REASON_NONE = 0,
    TERMINAL_REASON_REMOTE = 1,     /* ordered over the line */
    TERMINAL_REASON_CREDIT = 2,     /* pre-trip at alarm limit 2; the key closes */
    TERMINAL_REASON_OVERDRAFT = 3,  /* overdraft limit reached; only a payment closes */
    TERMINAL_REASON_KEEP_POWER = 4, /* closed only because keep-power forbids to open */
    TERMINAL_REASON_KEY = 5,        /* closing is allowed, waiting for the key */
    TERMINAL_REASON_TIMED = 6,      /* timed trip 1DH or 1EH is running */
    /* reserved for the rest of the terminal */
    TERMINAL_REASON_TIME = 7,       /* outside the allowed hours */
    TERMINAL_REASON_NIGHT = 8,      /* above the night limit */
    TERMINAL_REASON_CURRENT = 9,    /* above the current limit */
    TERMINAL_REASON_LOAD = 10,      /* above the power limit */
    TERMINAL_REASON_MALIGNANT = 11, /* forbidden resistive load */
    TERMINAL_REASON_AIRCON = 12,    /* air conditioner unplugged; staff must restore */
    TERMINAL_REASON_FAULT = 13,
    TERMINAL_REASON_COUNT
};

/* What the circuits do at alarm limit 2 (pre-trip). */
enum terminal_pretrip {
    TERMINAL_PRETRIP_NONE = 0,
    TERMINAL_PRETRIP_RECLOSE = 1,
    TERMINAL_PRETRIP_STAY = 2
};

/* What the factory made: used to build the configuration record when nvram is blank. */
struct terminal_setup {
    uint8_t circuits;   /* 1..3 switched outputs */
    uint8_t phases;     /* 1 or 3 */
    bool wallet;        /* false: the balance lives on the platform */
    uint8_t address[6]; /* A0 first */
    int32_t zone_s;     /* local time, seconds east of Greenwich */
    uint32_t price_e4[TERMINAL_RATES];
    int64_t preset_fen; /* money in a new wallet */
    int64_t alarm1_fen, alarm2_fen, overdraft_fen;
    int64_t hoard_fen; /* 0: no limit but 999,999.99 */
    int64_t close_allowed_fen;
    uint8_t period_count; /* 0: always rate 3 */
    struct terminal_period {
        uint8_t hour, minute, rate;
    } periods[TERMINAL_PERIODS];
};

/* A local time stamp as the meter shows it; all zero: never. */
struct terminal_stamp {
    uint8_t year, month, day, hour, minute, second; /* year 0..99 of 2000 */
};

struct terminal_purchase {
    struct terminal_stamp at;
    uint32_t count; /* purchase count after */
    int64_t amount_fen;
    int64_t before_fen, after_fen; /* negative: overdraft */
    int64_t purchased_fen;         /* cumulative after */
};

struct terminal_event {
    uint32_t number; /* 1, 2, 3 ...; 0: no such event */
    struct terminal_stamp at;
    uint8_t circuit; /* 1..3 */
    uint8_t reason;  /* enum terminal_reason */
    uint32_t operator_code;
    int64_t balance_fen;
    uint64_t energy_mwh; /* of the whole meter */
    uint32_t power_mw;   /* of the circuit before */
};

/* The money record: everything that must change together. */
struct terminal_books {
    uint32_t sequence;
    uint64_t energy_mwh[TERMINAL_CIRCUITS][TERMINAL_RATES]; /* sums give circuit, rate and total */
    int64_t balance_fen;                                    /* negative: overdraft in use */
    uint64_t carry; /* consumed but not yet a whole fen, in 1e-8 fen */
    uint32_t count;
    int64_t purchased_fen;
    bool opened;
    uint8_t customer[6];                                   /* lowest digits first */
    uint8_t purchase_count;                                /* records kept, <= 10 */
    struct terminal_purchase purchase[TERMINAL_PURCHASES]; /* newest first */
    /* relay */
    bool overdraft_cut, keep_power, alarm_ordered;
    uint8_t pretrip;    /* 0 armed, 1 tripped, 2 closed again by key or time */
    uint8_t remote_cut; /* bit per circuit */
    uint8_t key_wait;   /* bit per circuit: closing waits for the key */
    uint8_t timed;      /* 0, 1DH, 1EH */
    uint8_t was_open;   /* bit per circuit: relay at the last commit, to find changes */
    int64_t timed_until_s, pretrip_until_s;
    uint32_t operator_code; /* of the last order over the line */
    uint32_t trips, closes, power_downs, programmings, clock_sets;
    int64_t clock_correction_s;
    bool clock_lost;
};

/* The configuration record. */
struct terminal_config {
    uint32_t sequence;
    uint8_t address[6], number[6];
    uint8_t password2[3], password4[3];
    int64_t alarm1_fen, alarm2_fen, overdraft_fen, hoard_fen, close_allowed_fen;
    uint32_t price_e4[TERMINAL_RATES];
    uint8_t period_count;
    struct terminal_period periods[TERMINAL_PERIODS];
    uint8_t pretrip; /* enum terminal_pretrip */
    uint16_t pretrip_wait_s;
    bool close_by_key; /* after a payment the user must press the key */
    bool need_auth;    /* money frames only after 070000FF */
    uint8_t auth_key[16];
};

struct terminal_sample {
    uint16_t voltage_dv[3];              /* phase A, B, C */
    uint32_t current_ma[3];              /* per phase; three-circuit terminal: per circuit */
    int32_t power_mw[TERMINAL_CIRCUITS]; /* per circuit; three-phase meter: per phase */
    uint16_t frequency_chz;
};

struct terminal_output {
    uint8_t circuits;
    bool closed[TERMINAL_CIRCUITS];
    enum terminal_reason reason[TERMINAL_CIRCUITS];
    uint8_t alarm; /* 0..3 */
    bool backlight;
};

struct terminal_write {
    uint16_t offset;
    uint16_t len;
    const uint8_t *data; /* the terminal's; valid until the next call */
};

/* The fields are the terminal's own: read them in a debugger, change them never. */
struct terminal {
    struct terminal_setup setup;
    struct terminal_books books;
    struct terminal_config config;
    struct terminal_event trips[TERMINAL_TRIPS]; /* ring by number */
    struct terminal_event closes[TERMINAL_CLOSES];
    struct terminal_sample sample;
    mono_ms now;
    wall_s rtc;
    bool running;                    /* the first terminal_time has come */
    bool nvram_fault;                /* both slots of a record were damaged */
    bool programming;                /* the programming key is held */
    uint8_t books_slot, config_slot; /* slot of the newest record: 0, 1; 2 none */
    bool books_dirty, config_dirty;
    bool writing;         /* a write was handed out and the host has not asked for the next */
    uint64_t unsaved_mwh; /* energy since the last books write */
    uint64_t trips_dirty; /* bit per ring place */
    uint32_t closes_dirty;
    uint8_t open_now; /* bit per circuit */
    mono_ms key_light_until, auth_until;
    uint32_t auth_session;
    uint8_t auth_random2[4];
    uint16_t auth_failures;
    int32_t auth_day, broadcast_day;
    uint16_t order_word; /* status word of the last 1CH, see docs */
    bool order_refused;
    mono_ms received_at;
    size_t received;
    uint8_t rx[DLT645_FRAME_MAX];
    size_t answer_len;
    uint8_t answer[DLT645_FRAME_MAX];
    uint8_t image[768]; /* the record being written */
};

/* Starts from what nvram holds (TERMINAL_NVRAM_SIZE bytes). Blank nvram (all 00 or all FF) makes a
 * new meter out of `setup`. Does nothing visible before the first terminal_time. */
void terminal_boot(struct terminal *t, const struct terminal_setup *setup, const uint8_t *nvram);

/* Time passes. `rtc` is the clock chip: UTC seconds that need not be right (the correction is kept
 * in nvram); `lost` says that it stopped. Call at least once a minute. */
void terminal_time(struct terminal *t, mono_ms now, wall_s rtc, bool lost);

/* Energy that flowed through circuit 1..3 since the last call; at most 1000 kWh a call. */
void terminal_energy(struct terminal *t, unsigned circuit, uint64_t mwh);

void terminal_measure(struct terminal *t, const struct terminal_sample *sample);

/* The button of the front. */
void terminal_key(struct terminal *t);

/* The programming key (under the seal) is held: lets write-address through. */
void terminal_set_programming(struct terminal *t, bool on);

/* Bytes from the RS-485 port. Half a frame older than 500 ms is forgotten. */
void terminal_receive(struct terminal *t, const uint8_t *data, size_t len);

/* Hands out the next nvram write; false: all are done, which frees the answer. */
bool terminal_next_write(struct terminal *t, struct terminal_write *w);

/* Saves energy that waits for the next write: on a power-fail warning. */
void terminal_save(struct terminal *t);

/* The answer to send, or zero bytes. Nothing while writes are waiting. Valid until the next input.
 */
struct bytes terminal_take_answer(struct terminal *t);

struct terminal_output terminal_output(const struct terminal *t);

/* Registers, for hosts and tests. rate 0: total; circuit 0: all. */
uint64_t terminal_register_mwh(const struct terminal *t, unsigned circuit, unsigned rate);
/* The meter's own local time. */
struct civil terminal_local_time(const struct terminal *t);
/* The rate (1..4) in force now. */
unsigned terminal_rate_now(const struct terminal *t);
/* "none", "remote" ... stable names. Never NULL. */
const char *terminal_reason_name(enum terminal_reason reason);

#endif
