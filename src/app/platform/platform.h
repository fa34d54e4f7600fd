/*
 * The platform: the rooms joined in river order. No sockets, no clock, no random source of its own:
 * `yufu serve` puts it on a loop, the simulated world puts the very same object on a virtual one.
 *
 * One turn of the owner's loop: hand in what arrived (headend_open, _data, _closed), call
 * platform_turn once. It does what is due, commits, and only then lets answers leave.
 */
#ifndef YUFU_APP_PLATFORM_H
#define YUFU_APP_PLATFORM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "headend/headend.h"
#include "readings/readings.h"
#include "store/store.h"

struct platform;

/* Told after a commit, to whoever watches: the event stream of the console. All may be NULL. */
struct platform_watch {
    void *ctx;
    void (*account)(void *ctx, int64_t account_id);
    void (*meter)(void *ctx, int64_t meter_id);
    void (*event)(void *ctx, int64_t event_id);
    void (*order)(void *ctx, int64_t account_id, const char *order_id);
};

struct platform_options {
    const char *ledger_path, *readings_path;
    const char *vfs; /* NULL: the operating system's files */
    struct headend_io links;
    void *ctx; /* of the two below */
    uint64_t (*random)(void *ctx);
    enum err (*sign)(void *ctx, const char *serial, struct bytes request, struct writer *pem,
                     uint8_t hash[32]);
    int64_t speed;    /* of the wall clock against the other one; 0: 1 */
    bool trust_clock; /* a person has looked at the clock: however far off it seems, it is right */
    /* a gateway uses the legacy seal: warn; NULL: nobody does */
    void (*legacy)(void *ctx, const char *serial, wall_s until);
};

/* Opens both databases (migrating them) and rebuilds what lives in memory. */
[[nodiscard]] enum err platform_open(struct platform **out, const struct platform_options *options,
                                     struct uplink_now clock);
void platform_close(struct platform *p); /* NULL is allowed; links are the owner's to close */

/* Everything that has happened since the last turn becomes durable; what is due is done. True:
 * there is more to do at once. */
bool platform_turn(struct platform *p, struct uplink_now clock);
/* What the clock says, put right: a wall clock that leapt is not followed; the time goes on by what
 * the other clock says has passed. This is the time of the headend and of people's requests. */
struct uplink_now platform_now(const struct platform *p, struct uplink_now clock);
/* When to call platform_turn although nothing arrived. */
mono_ms platform_wake(const struct platform *p);
/* ERR_OK, or why this process must end and start again from its last commit. */
enum err platform_failure(const struct platform *p);

void platform_watch_set(struct platform *p, const struct platform_watch *watch);

/* The rooms, for the HTTP interface, the command line and checkers. */
struct store *platform_ledger(struct platform *p);
struct store *platform_readings_store(struct platform *p);
struct readings *platform_readings(struct platform *p);
struct headend *platform_headend(struct platform *p);

#endif
