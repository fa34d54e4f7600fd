/*
 * Meters of other makers, from their side of the specification: water, heat, cooling and gas meters
 * of CJ/T 188, an M-Bus heat meter, Modbus and DL/T 645 electricity meters. Pure and deterministic
 * like the rest of the world: time and bytes come in, bytes come out.
 *
 * Written from the standards and the makers' register lists alone, with encoders of its own: it
 * shares nothing with src/proto and src/meter, whose drivers talk to it. docs/manual/fleet.md says
 * how to put them on a simulated line.
 */
#ifndef YUFU_SIM_VENDOR_VENDOR_H
#define YUFU_SIM_VENDOR_VENDOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

#define VENDOR_FRAME_MAX 264
#define VENDOR_MONTHS 12
#define VENDOR_LOADS 672 /* seven days of quarters */
#define VENDOR_HOURS 254
#define VENDOR_DAYS 62
#define VENDOR_EVENTS 10
#define VENDOR_WINDOW 16 /* minutes, more than those of a demand */

enum vendor_kind {
    VENDOR_COLD_WATER,    /* CJ/T 188, type 10H */
    VENDOR_HOT_WATER,     /* 11H */
    VENDOR_HEAT,          /* 20H */
    VENDOR_COOLING,       /* 21H */
    VENDOR_GAS,           /* 30H */
    VENDOR_MBUS_HEAT,     /* EN 13757, variable data, two telegrams */
    VENDOR_ACREL_PREPAID, /* Modbus: prepaid rail meter with relay */
    VENDOR_ACREL_DTSD,    /* Modbus: three-phase meter behind transformers */
    VENDOR_ACREL_ADW,     /* Modbus: three-phase transmitter */
    VENDOR_DLT645,        /* single-phase meter with load records */
    VENDOR_KINDS
};

/* Where the two bits of the valve stand in the status bytes of CJ/T 188. */
enum vendor_status {
    VENDOR_STATUS_STANDARD, /* bits 0, 1 of the first byte */
    VENDOR_STATUS_SECOND,   /* of the second byte */
    VENDOR_STATUS_REVERSED, /* bits 7, 6 of the first byte */
};

struct vendor_setup {
    enum vendor_kind kind;
    uint8_t
        address[7];  /* CJ/T 188, DL/T 645: A0 first. M-Bus: identification in [0..3], low first */
    uint8_t unit;    /* Modbus unit or M-Bus primary address */
    bool swapped;    /* CJ/T 188: identifiers go 90 1F instead of 1F 90, 17 A0 instead of A0 17 */
    bool unit_first; /* CJ/T 188 heat meters that put the unit before the number */
    bool has_valve;
    bool wallet; /* CJ/T 188: purchases A013H are taken, the valve closes at nothing left */
    enum vendor_status status;
    int32_t valve_ms;    /* how long the valve moves */
    int32_t answer_ms;   /* how long it thinks; for whoever plays the line */
    uint16_t ct;         /* Modbus: current transformer ratio, 1 without */
    int64_t price_fen;   /* wallet: a unit's */
    uint8_t password[3]; /* DL/T 645, level 02, P0 first */
};

/* What stood there at a minute: 0.01 kWh, W. */
struct vendor_load {
    uint32_t minute; /* since 1970 */
    uint32_t energy_dawh;
    int32_t power_w;
};

/* And at the end of an hour, a day or a month, with the highest demand of the month till then. */
struct vendor_frozen {
    uint32_t minute, energy_dawh;
    int32_t power_w, demand_w;
    uint32_t demand_minute; /* 0: there was none */
};

struct vendor_span {
    wall_s from, to;
};

/* The fields are the meter's own: checkers read them. */
struct vendor_meter {
    struct vendor_setup setup;
    mono_ms at;
    wall_s wall;
    bool powered, dead;
    /* what people and weather do; lasts until changed */
    int64_t flow_lph;             /* water, gas, heating water; flows only through an open valve */
    int64_t leak_lph;             /* and this through a closed one: its seat is worn */
    int64_t power_w;              /* heat, cold or electricity */
    int32_t supply_cC, return_cC; /* 0.01 degree */
    bool battery_low, valve_stuck, tampered;
    uint8_t fault_bits; /* CJ/T 188 heat: the maker's own, second status byte */
    /* registers */
    int64_t volume_ml, energy_mwh, frozen_ml[VENDOR_MONTHS], month_ml;
    int64_t carry; /* of volume_ml and energy_mwh, in ms */
    int64_t energy_carry;
    int32_t month;
    int64_t hours_ms;
    /* valve: where it is, where it goes */
    bool closed, closing;
    mono_ms moving_until;
    bool exercising; /* the way there; the way back follows by itself */
    uint32_t moves, exercises;
    /* wallet */
    uint8_t serial;
    int64_t bought_fen, last_fen, used_ml;
    /* M-Bus link */
    bool selected, second; /* by secondary address; the next telegram is the second one */
    uint8_t fcb, access;
    bool relay_open;
    /* DL/T 645 */
    uint8_t load_mode;                      /* bit n: group n + 1 is recorded */
    uint16_t load_minutes;                  /* interval */
    struct vendor_load loads[VENDOR_LOADS]; /* a ring */
    uint16_t load_first, load_count;
    int64_t next_minute; /* since 1970: what is written down next */
    struct vendor_frozen hours[VENDOR_HOURS], days[VENDOR_DAYS], settlements[VENDOR_MONTHS];
    uint32_t hour_count, day_count, settlement_count; /* ever: these are rings too */
    int64_t window_mwh[VENDOR_WINDOW];                /* at the minute of that number */
    uint32_t window_minutes;                          /* without a hole */
    int64_t demand_w, peak_w;                         /* of the last quarter; of the month */
    uint32_t peak_minute;
    bool was_powered;
    wall_s off_since;
    struct vendor_span power_downs[VENDOR_EVENTS];
    uint32_t power_down_count;
    uint8_t load_asked[10], load_asked_len; /* the last question: followers belong to it */
    uint32_t programmings;
    uint8_t programmed[6], programmer[4], programmed_id[4]; /* the last one, as it is told */
};

void vendor_init(struct vendor_meter *m, const struct vendor_setup *setup, mono_ms now,
                 wall_s wall);
/* Lets the meter live up to `now`, at which the true time is `wall`. */
void vendor_run(struct vendor_meter *m, mono_ms now, wall_s wall);
/* A burst of bytes on the line: the whole answer into out, or 0. */
size_t vendor_hear(struct vendor_meter *m, const uint8_t *data, size_t len,
                   uint8_t out[VENDOR_FRAME_MAX]);
/* "cold_water" ... as in the fleet's files; VENDOR_KINDS: no such kind. */
enum vendor_kind vendor_kind_of(const char *name);

/* Of its parts. */
size_t vendor_cjt188(struct vendor_meter *m, const uint8_t *data, size_t len, uint8_t *out);
size_t vendor_mbus(struct vendor_meter *m, const uint8_t *data, size_t len, uint8_t *out);
size_t vendor_modbus(struct vendor_meter *m, const uint8_t *data, size_t len, uint8_t *out);
size_t vendor_dlt645(struct vendor_meter *m, const uint8_t *data, size_t len, uint8_t *out);
void vendor_move_valve(struct vendor_meter *m, bool close);
void vendor_exercise_valve(struct vendor_meter *m); /* there and back */
int64_t vendor_left_fen(const struct vendor_meter *m);

#endif
