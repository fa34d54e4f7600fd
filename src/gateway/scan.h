/*
 * What hangs on this line? The installer's search: protocols, speeds, addresses, two meters with
 * one address, and which model each meter is. It speaks through a bus of its own; the program
 * around it owns port and clock:
 *
 *   scan_begin, then at every turn: bytes to bus_input(&s->bus), scan_turn, bus_output(&s->bus) at
 *   bus_speed(&s->bus); again at scan_wake; until scan_over.
 *
 * How it searches, for each speed and protocol:
 *   DL/T 645    everybody is asked at once by the wildcard; if answers collide, again with the
 * lowest two digits given, 00 to 99, and so on (缩位寻址) until each answers alone CJ/T 188
 * everybody at once; the standard knows no narrower question Modbus      unit by unit M-Bus by
 * number, and by secondary address, digit by digit Then each meter found is asked by its own
 * address a few times: answers that collide or come twice are two meters with one address. Last,
 * rows of the models of its protocol are asked: the model of which the meter knows most, and lacks
 * least, is proposed.
 *
 * Sans-I/O, no heap.
 */
#ifndef YUFU_GATEWAY_SCAN_H
#define YUFU_GATEWAY_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/bus.h"
#include "meter/meter.h"

#define SCAN_FOUND_MAX 256
#define SCAN_SPEEDS_MAX 24
#define SCAN_ADDRESS 20 /* chars, with the end */
#define SCAN_ASKED_MAX 48
#define SCAN_UNITS 256
#define SCAN_SLOW_MS 2'000 /* that a slow unit of Modbus is waited for */

enum scan_protocol {
    SCAN_DLT645,
    SCAN_DLT645_1997,
    SCAN_CJT188,
    SCAN_MODBUS,
    SCAN_MODBUS_TCP, /* only if it is asked for: a serial server does not know it */
    SCAN_MBUS,
    SCAN_MBUS_ANY, /* by the number that every meter answers to: for one meter alone */
    SCAN_MBUS_SECONDARY,
    SCAN_PROTOCOLS
};
/* "DL/T 645-2007" ... */
const char *scan_protocol_name(enum scan_protocol p);
/* What wakes a battery meter before its infrared window; NULL: this protocol knows nothing. */
const struct bus_rouse *scan_protocol_rouse(enum scan_protocol p);
/* The same for a meter of this model. */
const struct bus_rouse *scan_model_rouse(const struct meter_model *m);

struct scan_speed {
    int32_t baud;
    char parity;
    unsigned protocols; /* bits by enum scan_protocol: asked at this speed */
    bool rouse;         /* wake the meters first, in the protocols that know how */
};

struct scan_options {
    struct scan_speed speeds[SCAN_SPEEDS_MAX];
    size_t speed_count;
    uint8_t first_unit, last_unit; /* Modbus and M-Bus numbers; 0: all */
    bool slow;                     /* Modbus: each unit is waited for as long as a late one */
    bool thorough;  /* every speed, also when meters were found at an earlier one; long waits */
    bool addresses; /* addresses only, no models */
    bool alone;     /* one meter is expected: several are noticed, not told apart */
};

struct scan_found {
    enum scan_protocol protocol;
    int32_t baud;
    char parity;
    char address[SCAN_ADDRESS];      /* as in a site file */
    bool twin;                       /* two meters have this address */
    bool rouse;                      /* it was found asleep */
    bool slow;                       /* waited for longer than the others */
    const struct meter_model *model; /* NULL: none fits */
    uint8_t told, rows;              /* of the model's rows, how many it knows */
    uint8_t others;                  /* models that fit as well */
    int32_t turnaround_ms;           /* slowest seen */
};

/* What was noticed on the way; each has its sentence, what to do next. */
enum scan_remark {
    SCAN_REMARK_TALK,    /* somebody spoke before we did */
    SCAN_REMARK_ECHO,    /* the adapter hears itself */
    SCAN_REMARK_GARBAGE, /* bytes, but no frames, at some speed */
    SCAN_REMARK_CROWD,   /* several CJ/T 188 meters answered at once */
    SCAN_REMARK_TWIN,
    SCAN_REMARK_LATE,   /* a Modbus unit answers when it is not waited for any more */
    SCAN_REMARK_SPEEDS, /* meters of different speeds on one line */
    SCAN_REMARK_MODEL,  /* a meter that fits no model */
    SCAN_REMARK_NOTHING,
    SCAN_REMARK_FULL, /* more than SCAN_FOUND_MAX */
    SCAN_REMARKS
};

enum scan_phase { SCAN_LISTENING, SCAN_SEARCHING, SCAN_CHECKING, SCAN_MODELLING, SCAN_OVER };

struct scan {
    struct bus bus;
    struct scan_options options;
    enum scan_phase phase;
    size_t speed;
    enum scan_protocol protocol;
    struct scan_found found[SCAN_FOUND_MAX];
    size_t found_count;
    unsigned remarks; /* bits */

    mono_ms until;                        /* end of a time of listening; MONO_NEVER: none */
    uint64_t heard_before, absent_before; /* the question */
    uint64_t damaged_before, garbage_before;
    /* the question under way: `depth` digits of `digit` are given */
    uint8_t digit[8], depth, step;
    bool again;
    /* Modbus units whose answer may have come when the next ones were asked */
    mono_ms asked_at[SCAN_UNITS], asked_last;
    uint8_t late[SCAN_UNITS / 8]; /* bits */
    bool slow;                    /* they are asked again, and waited for */
    uint64_t explained;           /* bytes heard that belong to a question */
    bool lingers;                 /* behind the last unit */
    bool crowded;                 /* two M-Bus meters of one number */
    char answer[SCAN_ADDRESS];    /* who answered it */
    /* the meter under way */
    size_t subject, first_of_speed;
    uint8_t round, spoilt, doubled, silent;
    /* models */
    size_t model;
    uint8_t item, told, missing, bonus;
    int best;
    struct meter_unit unit;
    struct {
        uint64_t request; /* a sum over its bytes */
        bool told;
    } asked[SCAN_ASKED_MAX];
    size_t asked_count;
    bool waiting; /* a job is on the bus */
    int32_t slowest_ms;
};

void scan_begin(struct scan *s, const struct scan_options *options, mono_ms now);
void scan_turn(struct scan *s, mono_ms now);
mono_ms scan_wake(const struct scan *s);
bool scan_over(const struct scan *s);
/* Ends it here; what was found stays. */
void scan_stop(struct scan *s);
/* 0 .. 1000 of what it looks like now; it may take steps back when answers collide. */
unsigned scan_progress(const struct scan *s);
/* What options.slow costs at most, in seconds, for the units that do not answer; 0 without it. */
int32_t scan_slow_s(const struct scan_options *o);
/* The speed that most meters have: a line's. False: nothing was found. */
bool scan_line_speed(const struct scan *s, int32_t *baud, char *parity);
const char *scan_remark_en(enum scan_remark r);
const char *scan_remark_zh(enum scan_remark r);

#endif
