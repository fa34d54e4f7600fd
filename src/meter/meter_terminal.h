/*
 * Registers of our terminals beyond the points of a reading: time and load control of each circuit,
 * and the record of trips. docs/protocols/terminal.md describes them on the wire.
 *
 * A register travels as its bytes: the platform makes and reads them, the gateway only carries
 * them. Pure: no clock, no heap.
 */
#ifndef YUFU_METER_METER_TERMINAL_H
#define YUFU_METER_METER_TERMINAL_H

#include "meter/meter.h"

#define METER_TERMINAL_BYTES 160 /* of one register */
#define METER_TERMINAL_TRIPS 30  /* trips that a terminal keeps; 1 is the newest */
#define METER_TERMINAL_WHITE 8
#define METER_TERMINAL_PERIODS 8
#define METER_TERMINAL_DATES 32
#define METER_TERMINAL_LEARN_S 3600 /* at most */

/* The numbers are sent and stored: never change one. */
enum meter_terminal_item {
    METER_TERMINAL_STATUS = 1, /* read only */
    METER_TERMINAL_LOCK = 2,   /* 1 byte: 1 locked by staff */
    METER_TERMINAL_RESET = 3,  /* write only, 1 byte: 1; shown by STATUS */
    METER_TERMINAL_WHITE_LIST = 4,
    METER_TERMINAL_LEARN = 5, /* write only, 2 bytes: seconds; shown by STATUS */
    METER_TERMINAL_LIMITS = 6,
    METER_TERMINAL_WORKDAY = 7,  /* hours of working days */
    METER_TERMINAL_HOLIDAY = 8,  /* hours of holidays */
    METER_TERMINAL_CALENDAR = 9, /* of the whole terminal: circuit 0 */
    METER_TERMINAL_ITEMS
};

const char *meter_terminal_name(enum meter_terminal_item item); /* "limits" ...; "" if none */
/* METER_TERMINAL_ITEMS if there is no such name. */
enum meter_terminal_item meter_terminal_of(const char *name);
bool meter_terminal_writable(enum meter_terminal_item item);
/* The item that shows what a write did: itself, or STATUS. */
enum meter_terminal_item meter_terminal_proof(enum meter_terminal_item item);
/* Whether a model keeps records of trips and has circuits of its own. */
bool meter_terminal_is(const struct meter_model *m);

/* --- asking ---------------------------------------------------------------------------------- */

/* ERR_RANGE: no such item, or no such circuit (1.. of a circuit's item, 0 of the calendar). */
[[nodiscard]] enum err meter_terminal_ask(const struct meter_unit *u, enum meter_terminal_item item,
                                          unsigned circuit, struct writer *w);
/* Take the answer by meter_take_order. ERR_STATE: an item that cannot be written. */
[[nodiscard]] enum err meter_terminal_ask_write(const struct meter_unit *u,
                                                enum meter_terminal_item item, unsigned circuit,
                                                struct bytes data, struct writer *w);
/* The register's bytes. ERR_METER_REFUSED: the meter has it not; ERR_METER_ANSWER
 * and errors of the frame: this is no answer to it. */
[[nodiscard]] enum err meter_terminal_take(const struct meter_unit *u,
                                           enum meter_terminal_item item, unsigned circuit,
                                           struct bytes answer, uint8_t out[METER_TERMINAL_BYTES],
                                           size_t *len);
/* Whether `proof`, read back, shows that `data` was taken. */
bool meter_terminal_met(enum meter_terminal_item item, struct bytes data, struct bytes proof);

/* --- trips ----------------------------------------------------------------------------------- */

enum meter_trip_item { METER_TRIP_COUNT, METER_TRIP_RECORD, METER_TRIP_WHY };

struct meter_trip {
    wall_s at; /* 0: the meter's clock was lost */
    uint8_t circuit, reason; /* reason: enum terminal_reason */
    int64_t power_w, balance_fen;
    int verdict; /* enum load_verdict; -1: it explains nothing */
    uint8_t flags;
    int32_t step_mw, step_mvar;
    uint16_t factor, inrush, third;
    uint32_t value, limit;
};

/* nn 1..METER_TERMINAL_TRIPS, of METER_TRIP_COUNT ignored. */
void meter_trip_ask(const struct meter_unit *u, enum meter_trip_item item, unsigned nn,
                    struct writer *w);
/* How many trips there were ever. */
[[nodiscard]] enum err meter_trip_take_count(const struct meter_unit *u, struct bytes answer,
                                             int64_t *count);
/* Fills its part of *trip; RECORD first, it begins anew. WHY of a trip that explains nothing is
 * ERR_METER_REFUSED and changes nothing. */
[[nodiscard]] enum err meter_trip_take(const struct meter_unit *u, enum meter_trip_item item,
                                       unsigned nn, struct bytes answer, struct meter_trip *trip);

/* --- what the registers say --------------------------------------------------------------------
 */

struct meter_terminal_status {
    uint8_t cover; /* 0 off, 1 on, 2 night */
    uint8_t cause; /* enum terminal_reason of the trip that holds; 0 none */
    bool locked, staff, aircon_seen, learning;
    uint8_t recloses;  /* by itself, today */
    uint16_t closes_s; /* until it closes by itself; 0: not by itself */
};

struct meter_terminal_limits {
    bool timed, malignant, aircon;
    uint16_t power_w, current_ma, night_power_w, night_ma; /* 0: no limit */
    uint8_t delay_s, recloses;
    uint16_t reclose_s, step_w, standby_ma;
    uint8_t unplugged_s;
};

struct meter_terminal_white {
    uint16_t power_w; /* 0: a free place */
    int16_t reactive_var;
};

struct meter_terminal_period {
    uint16_t begin_min, end_min; /* of the day; end up to 1440 */
    uint8_t cover;               /* 1 on, 2 night; 0: a free place */
};

struct meter_terminal_date {
    uint8_t day, month, year; /* of the century */
    bool holiday;
};

struct meter_terminal_calendar {
    uint8_t weekend; /* bit 0 Sunday .. 6 Saturday: holidays of every week */
    uint8_t count;
    struct meter_terminal_date dates[METER_TERMINAL_DATES];
};

/* Each answers ERR_FRAME_LENGTH or ERR_BCD if the bytes are not such a register; ERR_RANGE: a time
 * that no day has. */
[[nodiscard]] enum err meter_terminal_read_status(struct bytes b,
                                                  struct meter_terminal_status *out);
[[nodiscard]] enum err meter_terminal_read_limits(struct bytes b,
                                                  struct meter_terminal_limits *out);
[[nodiscard]] enum err
meter_terminal_read_white(struct bytes b, struct meter_terminal_white out[METER_TERMINAL_WHITE]);
[[nodiscard]] enum err
meter_terminal_read_hours(struct bytes b, struct meter_terminal_period out[METER_TERMINAL_PERIODS]);
[[nodiscard]] enum err meter_terminal_read_calendar(struct bytes b,
                                                    struct meter_terminal_calendar *out);

/* Sticky errors in w; values are written as they are, the terminal checks them. */
void meter_terminal_put_limits(const struct meter_terminal_limits *l, struct writer *w);
void meter_terminal_put_white(const struct meter_terminal_white list[METER_TERMINAL_WHITE],
                              struct writer *w);
void meter_terminal_put_hours(const struct meter_terminal_period list[METER_TERMINAL_PERIODS],
                              struct writer *w);
void meter_terminal_put_calendar(const struct meter_terminal_calendar *c, struct writer *w);

#endif
