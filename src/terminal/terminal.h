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
#include "proto/modbus.h"
#include "terminal/load.h"

#define TERMINAL_CIRCUITS 3
#define TERMINAL_RATES 4 /* 1 sharp, 2 peak, 3 flat, 4 valley */
#define TERMINAL_PERIODS 14
#define TERMINAL_DAY_TABLES 2
#define TERMINAL_ZONES 14
#define TERMINAL_DAYS 62   /* daily freezes kept */
#define TERMINAL_MONTHS 12 /* monthly freezes kept */
#define TERMINAL_PURCHASES 10
#define TERMINAL_TRIPS 30
#define TERMINAL_CLOSES 10
#define TERMINAL_WAITING 8 /* events that may wait for their nvram write */
#define TERMINAL_NVRAM_SIZE 16384
#define TERMINAL_HOURS 8  /* periods of a day in which a circuit may have power */
#define TERMINAL_DATES 32 /* days that are not what their weekday says */
#define TERMINAL_MONEY_MAX_FEN INT64_C(99'999'999) /* 999,999.99 yuan, either sign */

/* Why a circuit is open (or, KEEP_POWER, why it is closed in spite of a reason). These numbers
 * stand in the private block 048001FF and in event records: never reuse one. Which one counts when
 * several hold: rules_table.h. */
enum terminal_reason {
    TERMINAL_REASON_NONE = 0,
    TERMINAL_REASON_REMOTE = 1,      /* ordered over the line */
    TERMINAL_REASON_CREDIT = 2,      /* pre-trip at alarm limit 2; the key closes */
    TERMINAL_REASON_OVERDRAFT = 3,   /* overdraft limit reached; only a payment closes */
    TERMINAL_REASON_KEEP_POWER = 4,  /* closed only because keep-power forbids to open */
    TERMINAL_REASON_KEY = 5,         /* closing is allowed, waiting for the key */
    TERMINAL_REASON_TIMED = 6,       /* timed trip 1DH or 1EH is running */
    TERMINAL_REASON_TIME = 7,        /* outside the allowed hours */
    TERMINAL_REASON_NIGHT = 8,       /* above a night limit */
    TERMINAL_REASON_CURRENT = 9,     /* above the current limit that was set */
    TERMINAL_REASON_LOAD = 10,       /* above the power limit */
    TERMINAL_REASON_MALIGNANT = 11,  /* forbidden resistive load */
    TERMINAL_REASON_AIRCON = 12,     /* air conditioner unplugged; staff must restore */
    TERMINAL_REASON_PROTECTION = 13, /* above the rating of the circuit */
    TERMINAL_REASON_STAFF = 14,      /* locked by staff, for work on the circuit */
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
    uint16_t rating_ma; /* what a circuit and its relay are built for; 0: no load control */
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

/* The registers at the end of a day or a month. */
struct terminal_freeze {
    uint32_t number; /* 1, 2, 3 ... of its kind; 0: none */
    struct terminal_stamp at;
    uint64_t rate_mwh[TERMINAL_RATES];
    uint64_t circuit_mwh[TERMINAL_CIRCUITS];
    int64_t balance_fen, free_fen;
};

/* A trip by load control, as it goes on. */
struct terminal_hold {
    uint8_t cause;    /* NIGHT .. PROTECTION of enum terminal_reason; 0: none */
    bool locked;      /* does not close again by itself; staff must reset */
    uint8_t recloses; /* by itself, today */
    int64_t until_s;  /* not locked: closes again then */
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
    /* load control */
    struct terminal_hold hold[TERMINAL_CIRCUITS];
    uint8_t staff;    /* bit per circuit: locked by staff */
    int32_t hold_day; /* local day the recloses belong to */
    /* the free amount of the month, used before the balance */
    int64_t free_fen;
    int32_t free_month; /* year * 12 + month it was given for; 0: give it at once */
    /* freezes */
    uint32_t days, months; /* made so far */
    int32_t freeze_day;    /* local day the last daily one closed; month of it likewise */
    int32_t freeze_month;
    int32_t broadcast_day; /* local day on which a broadcast moved the clock; 0: none */
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
    /* the second day table, and which table from which day of the year on */
    uint8_t second_count;
    struct terminal_period second[TERMINAL_PERIODS];
    uint8_t zone_count; /* 0: always table 1 */
    struct terminal_zone {
        uint8_t month, day, table;
    } zones[TERMINAL_ZONES];
    int64_t free_fen;    /* given each month */
    bool free_kept;      /* what is left of it is carried over, else cleared */
    bool alarm4;         /* the cut at the overdraft limit is an alarm level of its own */
    uint8_t modbus_unit; /* 0: Modbus is not spoken */
};

/* What a circuit may have at this minute. */
enum terminal_cover { TERMINAL_COVER_OFF, TERMINAL_COVER_ON, TERMINAL_COVER_NIGHT };

/* From begin to end, in minutes of the local day; an end before the begin lies behind
 * midnight, on the same day's table. 1440 is the end of the day. */
struct terminal_hours {
    uint16_t begin_min, end_min;
    uint8_t cover; /* ON or NIGHT; minutes that no period covers are OFF */
};

struct terminal_day_hours {
    uint8_t count;
    struct terminal_hours list[TERMINAL_HOURS];
};

enum terminal_day { TERMINAL_WORKING_DAY, TERMINAL_HOLIDAY, TERMINAL_DAY_KINDS };

/* What one circuit may do. All zero watches nothing but the rating. */
struct terminal_rules {
    bool timed;     /* the hours below count */
    bool malignant; /* forbidden heating trips */
    bool aircon;    /* air-conditioner mode */
    struct terminal_day_hours hours[TERMINAL_DAY_KINDS];
    uint16_t current_ma, power_w;     /* 0: no limit */
    uint16_t night_power_w, night_ma; /* while the cover is NIGHT; 0: no limit */
    uint8_t delay_s;                  /* how long a limit must be exceeded */
    uint8_t recloses;                 /* a day; 0: never by itself */
    uint16_t reclose_s;               /* how long it waits before it closes again */
    uint16_t standby_ma;              /* the least standby current of an air conditioner */
    uint8_t unplugged_s;              /* how long it must be gone */
    struct load_settings load;        /* of malignant; see load.h */
};

/* The record of load and time control. */
struct terminal_guard {
    uint32_t sequence;
    struct terminal_rules circuit[TERMINAL_CIRCUITS];
    uint8_t weekend; /* bit per weekday, bit 0 Sunday: these are holidays */
    uint8_t date_count;
    struct terminal_date {
        uint8_t year, month, day; /* of 2000 */
        uint8_t kind;             /* enum terminal_day */
    } dates[TERMINAL_DATES];
};

/* Why load control tripped: written with the trip of the same number. */
struct terminal_why {
    uint32_t number; /* of the trip */
    uint8_t verdict; /* enum load_verdict, of a malignant load */
    uint8_t flags;   /* bit 0 settled, 1 ramp, 2 reactive known, 3 third harmonic known */
    uint16_t factor, inrush, third;  /* of the step, in thousandths; see load.h */
    int32_t power_mw, reactive_mvar; /* of the step */
    uint32_t value, limit;           /* of a limit: mW or mA as it was, as it may be */
};

struct terminal_sample {
    uint16_t voltage_dv[3];              /* phase A, B, C */
    uint32_t current_ma[3];              /* per phase; three-circuit terminal: per circuit */
    int32_t power_mw[TERMINAL_CIRCUITS]; /* per circuit; three-phase meter: per phase */
    uint16_t frequency_chz;
    /* where the metering chip tells them, as in load.h */
    bool has_reactive, has_harmonics;
    int32_t reactive_mvar[TERMINAL_CIRCUITS];
    uint32_t harmonic_ma[TERMINAL_CIRCUITS][LOAD_HARMONICS];
};

struct terminal_output {
    uint8_t circuits;
    bool closed[TERMINAL_CIRCUITS];
    enum terminal_reason reason[TERMINAL_CIRCUITS];
    bool locked[TERMINAL_CIRCUITS]; /* only staff can end it */
    uint8_t alarm;                  /* 0..4 */
    bool backlight;
};

/* The display: pages follow one another by themselves, or at each press of the key. */
enum terminal_page {
    TERMINAL_PAGE_ENERGY,   /* 0.01 kWh, all circuits */
    TERMINAL_PAGE_BALANCE,  /* fen; overdraft in use is negative. Terminals with a wallet only */
    TERMINAL_PAGE_FREE,     /* fen left of the month's free amount */
    TERMINAL_PAGE_RATE,     /* rate in force, 1..4 */
    TERMINAL_PAGE_PRICE,    /* 0.0001 yuan/kWh, in force */
    TERMINAL_PAGE_POWER,    /* W, all circuits */
    TERMINAL_PAGE_CIRCUIT1, /* 0.01 kWh */
    TERMINAL_PAGE_CIRCUIT2,
    TERMINAL_PAGE_CIRCUIT3,
    TERMINAL_PAGE_REASON, /* circuit * 100 + reason of the first open circuit; 0: none is open */
    TERMINAL_PAGE_TIME,   /* hhmmss */
    TERMINAL_PAGE_DATE,   /* yymmdd */
    TERMINAL_PAGES
};

struct terminal_display {
    enum terminal_page page;
    int64_t value;
};

/* A place where frames come and go. */
enum terminal_port { TERMINAL_RS485, TERMINAL_INFRARED, TERMINAL_PORTS };

/* What load control watches in one circuit; gone with the power. */
struct terminal_watch {
    struct load_watch load;
    bool suspect;             /* tripped for heating: what comes back is looked at by itself */
    struct load_level before; /* what drew before that trip */
    mono_ms over_since[5];    /* by limit; 0: not exceeded */
    mono_ms closed_since;
    mono_ms seen_at, learn_until;
    uint32_t standby_ua; /* current, smoothed over a second */
    mono_ms standby_since, gone_since;
    bool standby; /* the air conditioner was seen */
};

struct terminal_write {
    uint16_t offset;
    uint16_t len;
    const uint8_t *data; /* the terminal's; valid until the next call */
};

/* The fields are the terminal's own: read them in a debugger, change them never. */
struct terminal {
    struct terminal_setup setup;
    const uint8_t *nvram; /* the host's */
    struct terminal_books books;
    struct terminal_config config;
    struct terminal_guard guard;
    struct terminal_watch watch[TERMINAL_CIRCUITS];
    struct terminal_why why[TERMINAL_CIRCUITS]; /* of the trip that is about to be recorded */
    uint8_t cover[TERMINAL_CIRCUITS];           /* enum terminal_cover, of this minute */
    uint8_t rate;                               /* of this minute; 0: not known yet */
    int64_t second, cover_minute;               /* what was looked at last */
    struct terminal_waiting {
        bool opened; /* a trip; else a close */
        struct terminal_event event;
    } waiting[TERMINAL_WAITING]; /* events on their way into nvram, oldest first */
    uint8_t waiting_count;
    struct terminal_sample sample;
    mono_ms now;
    wall_s rtc;
    bool running;                                /* the first terminal_time has come */
    bool nvram_fault;                            /* both slots of a record were damaged */
    bool programming;                            /* the programming key is held */
    uint8_t books_slot, config_slot, guard_slot; /* of the newest record: 0, 1; 2 none */
    bool books_dirty, config_dirty, guard_dirty;
    uint8_t why_dirty;    /* bit per circuit */
    bool writing;         /* a write was handed out and the host has not asked for the next */
    uint64_t unsaved_mwh; /* energy since the last books write */
    uint8_t open_now;     /* bit per circuit */
    mono_ms key_light_until, auth_until;
    uint32_t auth_session;
    uint8_t auth_random2[4];
    uint16_t auth_failures;
    int32_t auth_day;
    uint16_t order_word; /* status word of the last 1CH, see docs */
    bool order_refused;
    mono_ms page_at; /* when the page was turned to */
    uint8_t page;
    bool day_dirty, month_dirty;
    struct terminal_freeze freeze; /* being written */
    struct terminal_line {
        mono_ms received_at;
        mono_ms modbus_until; /* writing by Modbus is allowed */
        uint32_t modbus_di;   /* chosen by it */
        mono_ms deaf_until;   /* to passwords, after too many wrong ones */
        uint8_t wrong;        /* passwords in a row */
        size_t received;
        uint8_t rx[DLT645_FRAME_MAX];
        size_t answer_len;
        uint8_t answer[DLT645_FRAME_MAX];
    } ports[TERMINAL_PORTS], *port; /* port: of the frame that is looked at */
    union {
        uint8_t image[768]; /* the record being written; */
        struct {            /* in between, a request and its answer */
            union {
                struct dlt645_frame dlt645;
                struct modbus_frame modbus;
            } request;
            uint8_t made[DLT645_DATA_MAX];
        };
    };
};

/* Starts from what nvram holds (TERMINAL_NVRAM_SIZE bytes). Blank nvram (all 00 or all FF) makes a
 * new meter out of `setup`. Does nothing visible before the first terminal_time. What is rarely
 * read stays in nvram: it must be readable there, with all writes done, as long as t lives. */
void terminal_boot(struct terminal *t, const struct terminal_setup *setup, const uint8_t *nvram);

/* Time passes. `rtc` is the clock chip: UTC seconds that need not be right (the correction is kept
 * in nvram); `lost` says that it stopped. Call at least once a minute; what goes by the clock is
 * looked at once a second, and at the next call when the clock was lost or anything written. */
void terminal_time(struct terminal *t, mono_ms now, wall_s rtc, bool lost);

/* Energy that flowed through circuit 1..3 since the last call; at most 1000 kWh a call. */
void terminal_energy(struct terminal *t, unsigned circuit, uint64_t mwh);

/* What the metering chip says now, every mains cycle or every second. Load control decides here:
 * relays may change. */
void terminal_measure(struct terminal *t, const struct terminal_sample *sample);

/* The button of the front. */
void terminal_key(struct terminal *t);

/* The programming key (under the seal) is held: lets write-address through. */
void terminal_set_programming(struct terminal *t, bool on);

/* Bytes from the RS-485 port. Half a frame older than 500 ms is forgotten. One frame a call: what
 * comes behind one that moved relays is heard only while their events find room. */
void terminal_receive(struct terminal *t, const uint8_t *data, size_t len);
/* The same of any port. Each has its own half frames and its own answer. */
void terminal_receive_at(struct terminal *t, enum terminal_port port, const uint8_t *data,
                         size_t len);

/* Hands out the next nvram write; false: all are done, which frees the answer. */
bool terminal_next_write(struct terminal *t, struct terminal_write *w);

/* Saves energy that waits for the next write: on a power-fail warning. */
void terminal_save(struct terminal *t);

/* The answer to send, or zero bytes. Nothing while writes are waiting. Valid until the next input.
 */
struct bytes terminal_take_answer(struct terminal *t);
struct bytes terminal_take_answer_at(struct terminal *t, enum terminal_port port);

struct terminal_output terminal_output(const struct terminal *t);
/* What the display shows now. */
struct terminal_display terminal_display(const struct terminal *t);

/* Registers, for hosts and tests. rate 0: total; circuit 0: all. */
uint64_t terminal_register_mwh(const struct terminal *t, unsigned circuit, unsigned rate);
/* The nn-th last trip or close; false: none is kept. With all writes done it is read from nvram. */
bool terminal_event_read(const struct terminal *t, bool trip, unsigned nn,
                         struct terminal_event *e);
/* The meter's own local time. */
struct civil terminal_local_time(const struct terminal *t);
/* The rate (1..4) in force now. */
unsigned terminal_rate_now(const struct terminal *t);
/* "none", "remote" ... stable names. Never NULL. */
const char *terminal_reason_name(enum terminal_reason reason);

#endif
