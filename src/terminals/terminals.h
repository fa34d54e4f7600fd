/*
 * Terminals: what the dorm terminals of the site say of their circuits, and what is asked of them.
 *
 * Trips. A gateway tells every trip of a terminal once, with what it rested on. They are kept for
 * the list of a room and for the ranking of rooms; a trip by load control also becomes an event.
 * One from before the account was opened or the device was hung up is nobody's, and like those that
 * a terminal remembers when it is heard for the first time it is no event.
 *
 * Registers. One row a register of a circuit: what was read last, and what staff wished last.
 *
 *   (none) ──wish──► pending ──read back equal──► done
 *                       ├──refused, or read back otherwise──► refused
 *                       ├──no such meter──► lost             └──too late at the gateway──► expired
 *                       ├──another device──► lost, and so is a setting that was done
 *                       └──no answer, or an order's deadline passed without a word
 *                             └──► unknown ──read back──► done or refused
 *
 * Unknown is not failed: it is read back with growing pauses until the terminal answers. A wish
 * replaces an older one of the same register, whose command is fenced. Every wish is audited.
 *
 * Orders (reset, learn) have a deadline, TERMINALS_ORDER_S; settings have none.
 */
#ifndef YUFU_TERMINALS_TERMINALS_H
#define YUFU_TERMINALS_TERMINALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "meter/meter_terminal.h"
#include "store/store.h"
#include "uplink/message.h"

#define TERMINALS_ORDER_S 300
#define TERMINALS_MALIGNANT 11 /* reasons, as enum terminal_reason */
#define TERMINALS_RANK_MAX 500

/* --- trips ------------------------------------------------------------------------------------ */

/* Takes a trip; one that is known changes nothing. */
[[nodiscard]] enum err terminals_trip(struct store_tx *tx, const struct uplink_trip *trip,
                                      wall_s now, uint64_t random);

/* Of enum terminal_reason: a word, what it is and what ends it. Never NULL. */
const char *terminals_reason_name(int64_t reason); /* "malignant" ...; "unknown" */
const char *terminals_reason_en(int64_t reason);
const char *terminals_reason_zh(int64_t reason);
const char *terminals_reason_ends_en(int64_t reason); /* "" if nothing has to end */
const char *terminals_reason_ends_zh(int64_t reason);

struct terminals_trip_row {
    int64_t id, account_id; /* 0: the meter belonged to no account then */
    wall_s heard_at;
    struct uplink_trip trip; /* at: when it was heard, if the meter's clock was lost */
};
struct terminals_trip_query {
    int64_t meter_id, before; /* before: an id; 0: from the newest */
    int64_t limit;
    bool load_only; /* trips by load control and the air-conditioner mode, no orders or hours */
};
typedef enum err terminals_trip_each(void *arg, const struct terminals_trip_row *row);
/* Newest first. */
[[nodiscard]] enum err terminals_trips(struct store_tx *tx,
                                       const struct terminals_trip_query *query,
                                       terminals_trip_each *each, void *arg);

struct terminals_rank {
    int64_t place_id, account_id;           /* account of the latest; 0 none */
    const char *place, *account, *customer; /* live during the call; "" if none */
    int64_t malignant, other; /* trips by forbidden heating; other trips by load control */
    int64_t largest_w;        /* step of the largest forbidden load */
    wall_s latest;
};
struct terminals_rank_query {
    int64_t project_id;
    wall_s from, until;
    const char *under; /* code of a place: rooms under it only; NULL or "": all */
    int64_t limit;
};
typedef enum err terminals_rank_each(void *arg, const struct terminals_rank *row);
/* Rooms with a trip by load control, most malignant ones first. */
[[nodiscard]] enum err terminals_ranking(struct store_tx *tx,
                                         const struct terminals_rank_query *query,
                                         terminals_rank_each *each, void *arg);

/* --- registers -------------------------------------------------------------------------------- */

enum terminals_state {
    TERMINALS_NONE,
    TERMINALS_PENDING,
    TERMINALS_DONE,
    TERMINALS_REFUSED,
    TERMINALS_UNKNOWN,
    TERMINALS_EXPIRED,
    TERMINALS_LOST
};
const char *terminals_state_name(enum terminals_state s);

struct terminals_register {
    enum meter_terminal_item item;
    int64_t circuit;
    enum terminals_state state;
    bool reading; /* a command for it is on its way */
    uint8_t value[METER_TERMINAL_BYTES], wanted[METER_TERMINAL_BYTES];
    size_t value_len, wanted_len; /* 0: never read; nothing wished */
    wall_s read_at, wanted_at;
    char actor[64], reason[201];
};
typedef enum err terminals_each(void *arg, const struct terminals_register *r);
[[nodiscard]] enum err terminals_registers(struct store_tx *tx, int64_t meter_id,
                                           terminals_each *each, void *arg);

struct terminals_wish {
    int64_t meter_id, circuit;
    enum meter_terminal_item item;
    struct bytes data; /* as on the wire */
    const char *reason, *actor;
    wall_s now;
    uint64_t random;
};
/* ERR_NOT_FOUND: no such meter. ERR_TERMINALS_NONE: it is no terminal, or has no such circuit or
 * register. ERR_CONTROL_REASON: no reason. ERR_CONTROL_BREAKER: it leaves a circuit without power (a
 * lock; hours that are dark by day or now; hours that begin to count and are dark or were never
 * read; a limit below what light needs), and was one too many within a short time
 * (control_darken). */
[[nodiscard]] enum err terminals_write(struct store_tx *tx, const struct terminals_wish *wish);

/* The same for every terminal of a project below a place ("" or NULL: all) that has the circuit;
 * meter_id is not looked at. ERR_TERMINALS_MANY: more than TERMINALS_MANY, nothing was written;
 * ERR_TERMINALS_NONE: there is none. */
#define TERMINALS_MANY 1000
struct terminals_many {
    struct terminals_wish wish;
    int64_t project_id;
    const char *under;
    int64_t written; /* out */
};
[[nodiscard]] enum err terminals_write_many(struct store_tx *tx, struct terminals_many *many);

/* Asks for every register of a terminal that is not on its way already; the status only, if
 * `status_only`. ERR_NOT_FOUND, ERR_TERMINALS_NONE. */
struct terminals_ask {
    int64_t meter_id;
    bool status_only;
    wall_s now;
    uint64_t random;
};
[[nodiscard]] enum err terminals_read(struct store_tx *tx, const struct terminals_ask *ask);

/* What the registers of one terminal say together. */
struct terminals_one {
    int64_t meter_id, account_id, place_id, circuits; /* account 0: none */
    const char *place, *account, *customer, *model;   /* live during the call; "" if none */
    struct {
        bool known; /* its status was read */
        struct meter_terminal_status status;
    } circuit[3];
    int64_t waiting; /* wishes that are pending or unknown */
    int64_t failed;  /* whose last wish was refused, expired or lost */
};
typedef enum err terminals_one_each(void *arg, const struct terminals_one *one);
/* Every terminal of a project below a place, by meter id. */
[[nodiscard]] enum err terminals_list(struct store_tx *tx, int64_t project_id, const char *under,
                                      terminals_one_each *each, void *arg);

/* The meter is another device from now on (same transaction): what was read or set in the old one
 * says nothing of it. Settings that stood or were on their way are lost, and what had been read is
 * asked again soon. ERR_NOT_FOUND: no such meter. */
[[nodiscard]] enum err terminals_exchange(struct store_tx *tx, int64_t meter_id, wall_s now);

/* Outcomes of REGISTER commands; others are ignored. */
[[nodiscard]] enum err terminals_outcome(struct store_tx *tx, const struct uplink_outcome *outcome,
                                         wall_s now, uint64_t random);

/* What a poll told: where a relay moved, a status that somebody looks at is asked again. */
struct terminals_report {
    int64_t meter_id;
    int64_t relay_open, open_reason; /* -1: not read */
    wall_s now;
    uint64_t random;
};
[[nodiscard]] enum err terminals_reading(struct store_tx *tx,
                                         const struct terminals_report *report);

/* Whatever is due: what is unknown is read back, what moves by itself is looked at again. */
struct terminals_scan {
    wall_s now;
    int64_t limit;
    uint64_t random;
};
[[nodiscard]] enum err terminals_tick(struct store_tx *tx, const struct terminals_scan *scan,
                                      int64_t *worked);

#endif
