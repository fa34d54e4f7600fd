/*
 * Units that dial in: other makers' modems and gateways that open a connection to us and then carry
 * the frames of meters behind them. Each is one line (or several) of a gateway, named by what the
 * unit says of itself; the connection is the line's transport, the bus above it is the same as
 * everywhere.
 *
 *   endpoint                      the unit, and how it is known
 *   dtu:NAME[;HEARTBEAT]          pass-through unit; NAME is its registration packet, HEARTBEAT its
 *                                 heartbeat; text, or 0x and hexadecimal digits (proto/dtu.h)
 *
 *   acrel:GATEWAY/PORT            port 1..99 of an Acrel gateway (proto/acrel.h), known by its id
 * and the proof of its secret; several lines, one connection acrel-4g:SERIAL               a 4G
 * meter of Acrel's (proto/acrel4g.h)
 *
 *   new ──registration of a line──► bound ──3 silent minutes──► closed
 *    └──none in a minute, or others than ours──► closed (DIALIN_UNKNOWN)
 *   new ──of a line that has a unit──► waits DIALIN_TWIN_MS: is the other one heard meanwhile, it
 * is no leftover, and the newcomer is refused (DIALIN_TWIN); else it takes the line over. The unit
 *    so displaced is refused if it comes back within DIALIN_QUARREL_MS: two that displace each
 * other for ever would serve neither.
 *
 * Acrel's units carry Modbus RTU only. Through a gateway goes one frame at a time; a line's frame
 * that cannot go at once waits, and a newer one of the same line takes its place. What units report
 * by themselves is handed on as `told`.
 *
 * Sans-I/O, like headend: streams and clock belong to the owner, whose functions must not call back
 * into the engine. Not thread-safe.
 */
#ifndef YUFU_UPLINK_DIALIN_H
#define YUFU_UPLINK_DIALIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "meter/point.h"
#include "proto/dtu.h"

#define DIALIN_REGISTER_MS 60'000 /* for a unit to say who it is */
#define DIALIN_SILENT_MS 180'000  /* three heartbeats of the usual length */
#define DIALIN_TWIN_MS 15'000
#define DIALIN_QUARREL_MS 300'000
#define DIALIN_SETTLE_MS                                                                           \
    1'000                    /* another registration begins with the same bytes: wait for more     \
                              */
#define DIALIN_HOLD_MS 100   /* how long what may begin a heartbeat is held back */
#define DIALIN_FIRST_MAX 256 /* bytes in which a registration must stand */

#define DIALIN_ANSWER_MS 6'000 /* for a gateway to answer a downlink, before the next one goes */
#define DIALIN_SECRET 16
#define DIALIN_RANDOM 16 /* a connection needs: the challenge */
#define DIALIN_POINTS 8

enum dialin_kind { DIALIN_DTU, DIALIN_ACREL, DIALIN_ACREL_4G, DIALIN_KINDS };

struct dialin_endpoint {
    enum dialin_kind kind;
    struct dtu_packet name;      /* what the unit says of itself */
    struct dtu_packet heartbeat; /* dtu; len 0: none told */
    unsigned port;               /* acrel: of the gateway; else 0 */
};

/* Does the text name a unit that dials in (whether or not rightly)? */
bool dialin_is_endpoint(const char *text);
/* ERR_SYNTAX; ERR_RANGE: a packet too long; ERR_STATE: registration and heartbeat cannot be told
 * apart, because one begins with the other. */
[[nodiscard]] enum err dialin_endpoint_parse(const char *text, struct dialin_endpoint *out);

enum dialin_event {
    DIALIN_BOUND,     /* a unit has its line */
    DIALIN_TWIN,      /* refused: a unit with the same registration is alive */
    DIALIN_DISPLACED, /* closed: silent while a new connection of the same name waited */
    DIALIN_UNKNOWN,   /* refused: no line has such a unit */
    DIALIN_SILENT,    /* closed: nothing was heard for too long */
    DIALIN_UNPROVEN,  /* refused: its secret is not known here, or it is another one */
    DIALIN_BROKEN,    /* closed, or a report left out: what it sent makes no sense */
};

struct dialin_note {
    enum dialin_event event;
    int64_t conn;
    const uint8_t *said; /* UNKNOWN: what came so far; else the unit's name */
    size_t said_len;
};

/* What a unit reported of one meter. */
struct dialin_told {
    int64_t line;
    unsigned address; /* Modbus */
    wall_s at;        /* 0: it did not say */
    size_t count;
    struct {
        enum meter_point point;
        int64_t value;
    } points[DIALIN_POINTS];
};

/* What the engine does to the world. `data` is valid during the call only. */
struct dialin_io {
    void *ctx;
    void (*send)(void *ctx, int64_t conn, const uint8_t *data, size_t len);
    void (*close)(void *ctx, int64_t conn); /* the engine has forgotten it already */
    void (*up)(void *ctx, int64_t line);
    void (*down)(void *ctx, int64_t line, enum err why);
    void (*received)(void *ctx, int64_t line, const uint8_t *data, size_t len);
    void (*told)(void *ctx, const struct dialin_told *told);
    void (*note)(void *ctx, const struct dialin_note *note);
};

struct dialin;

[[nodiscard]] enum err dialin_new(struct dialin **out, const struct dialin_io *io);
void dialin_free(struct dialin *d); /* closes nothing; NULL is allowed */

/* The secret of an Acrel gateway: 16 characters, as in the gateway's own settings. ERR_SYNTAX. */
[[nodiscard]] enum err dialin_secret_put(struct dialin *d, const char *gateway_id,
                                         const char *secret);
/* The time that units are told: to be called whenever something came, before it is handed in. */
void dialin_time_set(struct dialin *d, wall_s wall, int32_t offset_s);

/* `line`: the owner's name for it, never reused. ERR_EXISTS: another line has this unit already,
 * or one that cannot be told from it. */
[[nodiscard]] enum err dialin_line_add(struct dialin *d, int64_t line,
                                       const struct dialin_endpoint *endpoint);
/* Its unit's connection is closed, without `down`. */
void dialin_line_remove(struct dialin *d, int64_t line);
bool dialin_line_is_up(const struct dialin *d, int64_t line);
/* One frame for the bus. ERR_IO_CLOSED: no unit. ERR_RANGE: too long for it. */
[[nodiscard]] enum err dialin_write(struct dialin *d, int64_t line, mono_ms now,
                                    const uint8_t *data, size_t len);

/* Time is the real one: a modem's minute is a minute. */
void dialin_open(struct dialin *d, int64_t conn, mono_ms now, const uint8_t random[DIALIN_RANDOM]);
void dialin_data(struct dialin *d, int64_t conn, mono_ms now, const uint8_t *data, size_t len);
void dialin_closed(struct dialin *d, int64_t conn, mono_ms now);
mono_ms dialin_wake(const struct dialin *d);
void dialin_tick(struct dialin *d, mono_ms now);

/* AES-128-CBC whose key and initial value are the secret. False: wrong length or padding, another
 * secret; out needs sealed.len + 16 bytes. */
bool dialin_unseal(const uint8_t secret[DIALIN_SECRET], struct bytes sealed, uint8_t *out,
                   size_t *len);

#endif
