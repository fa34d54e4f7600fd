/*
 * The gateway 通信管理机: polls the lines of one site, keeps what it read until the platform has
 * committed it, and carries out commands exactly as often as their kind allows.
 *
 * Sans-I/O: the program around it owns ports, connection, clock and randomness.
 *
 *   gateway_line_output / gateway_line_input   bytes of each line
 *   gateway_uplink_message / gateway_next_uplink   messages of the session
 *   gateway_tick, gateway_wake                 time
 *
 * Rules it holds (the numbers are used in gateway/ and in its tests):
 *   G1  a command is committed before the first byte of it goes to a line;
 *   G2  an outcome is committed, with its command's final state, before it is told;
 *   G3  a started command is never forgotten: after a restart it is read back first;
 *   G4  a vend frame goes out only when a fresh count says n-1, and always with the same bytes;
 *   G5  a tombstone or a final state is for ever: the same id never acts again. A fence that meets
 *       a started command lets it finish by reading back, but nothing more is sent for it;
 *   G6  a cut is sent only while its deadline lies ahead by a trusted clock, and only if no higher
 *       version was obeyed; its frame carries the deadline;
 *   G7  the queue keeps outcomes and events whatever happens; past its bound the oldest readings go
 *       first, and an event tells how many.
 *   G8  of its own accord it cuts only under a standing permission, while the platform is away, and
 *       only if away_judge (away.h) says so; it never restores of its own accord.
 *
 * Not thread-safe. All calls carry `now`; time must not run backwards in mono.
 */
#ifndef YUFU_GATEWAY_GATEWAY_H
#define YUFU_GATEWAY_GATEWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "bus/bus.h"
#include "gateway/away.h"
#include "store/store.h"
#include "uplink/message.h"

struct gateway;

struct gateway_now {
    mono_ms mono;
    wall_s wall;
    bool trusted; /* the wall clock was set by the platform or by an operator since the start */
};

struct gateway_options {
    struct store *store;     /* kind STORE_GATEWAY; stays the caller's, must outlive the gateway */
    int64_t new_queue_epoch; /* used if the store has none: must be larger than any ever used by
                                this gateway (milliseconds of the wall clock will do) */
    int64_t queue_bytes_max; /* bound of the queue's bodies; 0: 32 MiB */
    int32_t flush_ms;        /* readings wait this long for a common commit; 0: 2000 */
    int32_t offset_s;        /* the meters' civil time, seconds east of Greenwich; 0 is UTC */
    char program[UPLINK_TEXT_MAX]; /* name and version, told in HELLO */
    bool updates; /* the program around it fetches updates: told in HELLO */
};

/* Reads back configuration, open commands and the queue's head. */
[[nodiscard]] enum err gateway_open(struct gateway **out, const struct gateway_options *options,
                                    const struct gateway_now *now);
void gateway_close(struct gateway *g); /* NULL is allowed; loses only readings not yet committed */

/* Commits what waits, ends waits, starts work. Call whenever gateway_wake is due, and after any
 * batch of input; never fails: see gateway_failure. */
void gateway_tick(struct gateway *g, const struct gateway_now *now);
mono_ms gateway_wake(const struct gateway *g);
/* ERR_OK, or why this process must end and start again from its last commit (a store that died).
 * A full disk is not a failure: readings wait in memory, commands are left with the platform. */
enum err gateway_failure(const struct gateway *g);
/* Name and version as told by the next HELLO. */
void gateway_program_say(struct gateway *g, const char *program);
/* Commits everything now, for an orderly end. */
[[nodiscard]] enum err gateway_flush(struct gateway *g, const struct gateway_now *now);

/* --- settings of the program around it (identity, certificate ...) -----------------------------
 */

/* Copies at most cap bytes; *len is the whole length. ERR_NOT_FOUND, ERR_FULL. */
[[nodiscard]] enum err gateway_setting_get(struct gateway *g, const char *name, uint8_t *out,
                                           size_t cap, size_t *len);
[[nodiscard]] enum err gateway_setting_put(struct gateway *g, const char *name, struct bytes value);
/* Raised and committed: to be called before each connection; from 1. */
[[nodiscard]] enum err gateway_next_boot_epoch(struct gateway *g, int64_t *boot_epoch);

/* --- lines ----------------------------------------------------------------------------------- */

/* Changes whenever a configuration is applied: then ports must be compared with the lines again. */
unsigned gateway_generation(const struct gateway *g);
size_t gateway_line_count(const struct gateway *g);
const struct uplink_config_line *gateway_line(const struct gateway *g, size_t index);

/* A port was opened or closed. Lines start closed; nothing is sent on a closed one. */
void gateway_line_status(struct gateway *g, const struct gateway_now *now, size_t index, bool up);
void gateway_line_input(struct gateway *g, const struct gateway_now *now, size_t index,
                        const uint8_t *data, size_t len);
/* Bytes to write now, 0 if none; cap >= METER_FRAME_MAX. Call after every tick and input. */
size_t gateway_line_output(struct gateway *g, const struct gateway_now *now, size_t index,
                           uint8_t *out, size_t cap);
/* A report that a unit on the line made by itself, of the meter with this Modbus address: counts as
 * a reading while that meter does not answer us. One that does tells the same by its polls, in the
 * scale of its model. meter_id and epoch of the reading are filled in; at 0: now. */
void gateway_line_told(struct gateway *g, const struct gateway_now *now, size_t index,
                       unsigned address, const struct uplink_reading *reading);
/* NULL past the last line; for status pages and benches. */
const struct bus_stats *gateway_line_stats(const struct gateway *g, size_t index);

/* --- uplink ---------------------------------------------------------------------------------- */

/* A session stands (sealed, nothing said yet): HELLO is the next message out. Durable messages
 * follow once WELCOME has come. */
void gateway_uplink_connected(struct gateway *g, const struct gateway_now *now);
void gateway_uplink_closed(struct gateway *g);

/* The time is known, for the first time since the start: by so much later than the clock said until
 * now, which went evenly. Readings taken meanwhile move with it. Before the WELCOME that told it. */
void gateway_clock_known(struct gateway *g, const struct gateway_now *now, int64_t by_s);

/* A message from the platform. PING and PONG belong to the session and are ignored here; so are
 * kinds only a gateway sends (ERR_UPLINK_UNKNOWN). An error closes nothing: the message had no
 * effect and will be said again. */
[[nodiscard]] enum err gateway_uplink_message(struct gateway *g, const struct gateway_now *now,
                                              const struct uplink_message *m);

/* The next encoded message to seal and send, valid until the next call into g. False: nothing to
 * say now, or the window of unacknowledged messages is full. */
bool gateway_next_uplink(struct gateway *g, const struct gateway_now *now, struct bytes *message);

/* While `quiet`, no order is begun, so that the program may end between two of them: those under
 * way are carried through. True: none is under way. */
bool gateway_quiesce(struct gateway *g, bool quiet);

/* --- looking in (status page, tests, simulation) ------------------------------------------------
 */

struct gateway_status {
    int64_t config_version, queue_epoch;
    int64_t queue_rows, queue_bytes, acked_seq, last_seq, dropped_rows;
    int64_t commands_waiting, commands_started;
    size_t lines, meters, meters_silent;
    size_t meters_left_out; /* of the configuration: gateway_left_out */
    bool connected, welcomed;
    size_t permits; /* standing permissions held */
    int64_t away_cuts; /* meters cut under one since the start */
};

void gateway_status_get(const struct gateway *g, struct gateway_status *out);

/* A standing permission that is held, in no order. */
struct gateway_permit_meter {
    int64_t meter_id, line; /* line 0: not configured */
    const char *address;    /* as configured, "" if it is not; live until the next configuration */
    int64_t read_ago_ms;    /* -1: not since the permission was given */
};
struct gateway_permit_look {
    int64_t account_id;
    wall_s valid_from, valid_until;
    bool read;       /* all its meters were read since it was given: */
    int64_t left_wh; /* by the newest readings; else as it was given. Water: litres */
    enum away_verdict verdict; /* what stands against a cut now */
    size_t meter_count;
    struct gateway_permit_meter meters[UPLINK_PERMIT_METERS_MAX];
};
/* False past the last one. */
bool gateway_permit_look(struct gateway *g, const struct gateway_now *now, size_t index,
                         struct gateway_permit_look *out);

/* One line since the configuration was applied, or the gateway started. */
struct gateway_line_look {
    const struct uplink_config_line *config;
    const struct bus_stats *stats;
    bool up;
    int64_t age_ms; /* over which the statistics count */
    size_t meters, silent;
    /* Of 1000 ms: what answered exchanges needed, of all time and of the time of exchanges. */
    int64_t useful_of_all, useful_of_busy;
};

struct gateway_meter_look {
    int64_t meter_id;
    const char *address, *model; /* as configured; live until the next configuration */
    bool silent;
    int64_t probe_in_ms; /* silent: when it is asked again */
    uint32_t answers, timeouts, damaged;
    int32_t slowest_ms, average_ms; /* of its turnaround */
};

/* False past the last line. */
bool gateway_line_look(const struct gateway *g, mono_ms now, size_t line,
                       struct gateway_line_look *out);
/* Meters of a line by number, 0 .. meters-1. */
void gateway_meter_look(const struct gateway *g, mono_ms now, size_t line, size_t meter,
                        struct gateway_meter_look *out);
/* A meter of the configuration that this program cannot read, and why: ERR_NOT_FOUND its model is
 * not known; ERR_SYNTAX, ERR_RANGE its address is none of the model's; ERR_STATE no such line;
 * ERR_FULL too many on one line. Live until the next configuration. False past the last one. */
bool gateway_left_out(const struct gateway *g, size_t index,
                      const struct uplink_config_meter **meter, enum err *why);
/* The slowest of a line that answer, slowest first; returns how many numbers were written. */
size_t gateway_slowest(const struct gateway *g, size_t line, uint16_t *meters, size_t cap);

#endif
