/*
 * A dormitory room: who lives there, what they own, and a plan of every day that is a pure function
 * of seed and date (room_plan.c). On top of the plan comes what the terminal does to them: a trip
 * makes somebody pull a plug, give up, or try again (room.c). The room says when it must be looked
 * at next, so that a quiet hour costs next to nothing and every switching is seen cycle by cycle.
 *
 * A room reads no clock and no terminal: the meter (meters.h) tells it the time, which circuits are
 * closed and why one tripped. Times are wall clock in ms.
 */
#ifndef YUFU_SIM_WORLD_ROOM_H
#define YUFU_SIM_WORLD_ROOM_H

#include "sim/world/appliance.h"
#include "terminal/terminal.h"

#define ROOM_RESIDENTS 6
#define ROOM_THINGS 48
#define ROOM_DEEDS 320

enum room_deed_kind { ROOM_OFF, ROOM_ON, ROOM_UNPLUG, ROOM_PLUG };

/* What will be done, and when. */
struct room_deed {
    int64_t at_ms;
    uint8_t thing;
    uint8_t what; /* enum room_deed_kind */
    bool retry;   /* after a trip: they try once more */
};

struct room_thing {
    uint8_t kind, circuit; /* enum appliance_kind; 1..3 */
    uint8_t uses;          /* it is switched on as long as somebody wants it */
    bool plugged, drawing;
    int32_t power_mw; /* of this specimen */
    int64_t since_ms; /* drawing or resting since */
    int64_t next_ms;  /* its thermostat switches then */
};

/* What happened, for reports and tests. */
struct room_count {
    uint64_t trips[TERMINAL_REASON_COUNT]; /* by cause */
    uint64_t wrong;                        /* by load control, with nothing forbidden there */
    uint64_t wrong_by[TERMINAL_REASON_COUNT];
    struct room_found {                         /* forbidden heating, while the watch was on */
        uint64_t started, caught, late, missed; /* caught: within a second */
    } by_hand, returned;                        /* switched on; back with all else after a trip */
    uint64_t heavy, heavy_caught;               /* above the limit of the sockets */
    uint64_t unplugged, unplugged_caught;       /* the air conditioner */
    uint64_t samples, deeds, lockouts;
};

struct room_options {
    uint64_t seed;
    int32_t zone_s;
    uint8_t circuits;  /* 3: light, socket, air conditioner; 1: all on one */
    uint16_t mischief; /* how much is forbidden: 0 nothing, 10 as usual, 100 ten times as much */
    bool judged;       /* the terminal watches: count what it finds */
};

struct room {
    struct room_options options;
    uint8_t residents, quiet; /* quiet: bit per circuit whose load is set by hand */
    bool summer;              /* they stay in summer */
    uint8_t thing_count;
    uint16_t deed_count, next_deed;
    uint32_t day; /* of the plan: the days begin at five in the morning */
    struct room_thing things[ROOM_THINGS];
    struct room_deed deeds[ROOM_DEEDS]; /* by time */
    /* electrical */
    uint8_t closed; /* bit per circuit */
    bool meddled;   /* from outside: to be worked out anew */
    int64_t close_until_ms, second_until_ms, wake_ms;
    struct appliance_draw draw[TERMINAL_CIRCUITS];
    struct sim_flow flow[TERMINAL_CIRCUITS];
    uint16_t voltage_dv;
    /* people and terminal */
    uint8_t tries[TERMINAL_CIRCUITS];        /* of this day */
    int64_t forbidden_ms[TERMINAL_CIRCUITS]; /* when forbidden heating began; 0: none waits */
    uint8_t back;                            /* bit per circuit: it came back with the supply */
    struct room_count count;
};

/* Fills a room; what is going on at that moment is on. */
void room_init(struct room *r, const struct room_options *options, int64_t now_ms);
/* Lets happen what is due, and works out what is drawn. `closed`: bit per circuit. */
void room_live(struct room *r, int64_t now_ms, uint8_t closed, uint16_t voltage_dv);
/* When room_live is to be called next. */
int64_t room_wake(const struct room *r);
/* A circuit was opened by load control. */
void room_tripped(struct room *r, int64_t now_ms, unsigned circuit, enum terminal_reason cause);
/* Somebody plugs something in and switches it on, or takes it away. False: no place for it. */
bool room_plug(struct room *r, int64_t now_ms, enum appliance_kind kind, unsigned circuit, bool on);
/* The load of a circuit is set by hand: its things draw nothing. */
void room_quiet(struct room *r, unsigned circuit, bool on);
/* Powers that the white list should have: 0 none. */
int32_t room_white_mw(const struct room *r);

/* room_plan.c */
void room_furnish(struct room *r);
void room_plan_day(struct room *r, uint32_t day);
uint32_t room_day(const struct room *r, int64_t now_ms);
int64_t room_day_begins_ms(const struct room *r, uint32_t day);
/* A number of this room, this habit and this occasion. */
uint64_t room_dice(const struct room *r, uint32_t habit, uint64_t occasion);
void room_add_deed(struct room *r, const struct room_deed *d);

#endif
