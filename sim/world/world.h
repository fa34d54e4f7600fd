/*
 * The simulated world: one platform, one gateway, one line of meters, a link between them, two
 * disks. Platform, gateway, uplink, bus and terminals are the production objects; time, wires and
 * disks are simulated. One seed, virtual time, no threads: the same seed gives the same trace hash.
 *
 * What can go wrong (struct world_faults): frames on the line are lost, garbled, repeated, late;
 * the link breaks, delays, and its bytes are altered, repeated or swapped; either process is killed
 * or loses power between any two disk calls, and the disk forgets what was not synced; meters lose
 * power inside a write; somebody else sells credit to a meter.
 */
#ifndef YUFU_SIM_WORLD_WORLD_H
#define YUFU_SIM_WORLD_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/platform/platform.h"
#include "base/clock.h"
#include "base/rand.h"
#include "gateway/gateway.h"
#include "sim/disk.h"
#include "sim/world/meters.h"
#include "sim/world/pipes.h"
#include "uplink/uplink.h"

#define WORLD_METERS 4
#define WORLD_LINKS 8 /* connections remembered: the live one and broken ones not yet noticed */
#define WORLD_TOLD 64 /* commands remembered */
#define WORLD_FOREIGN_FEN 5'000'000        /* strangers' sales begin here; ours are far below */
#define WORLD_WALL0 INT64_C(1'788'220'800) /* 2026-09-01 00:00 UTC, if nothing else is said */
#define WORLD_PIPES 4 /* two water meters with valves, a heat meter, a cooling meter */
#define WORLD_PIPE(i) (WORLD_METERS + (i)) /* their place among ids */

struct world_faults {
    struct sim_line_faults line;
    unsigned link_break_permille; /* a chunk sent breaks its connection */
    unsigned
        link_alter_permille; /* a chunk arrives altered, twice, or swapped with its neighbour */
    int64_t link_delay_max_ms;
    unsigned platform_crash_permille; /* per minute of virtual time */
    unsigned gateway_crash_permille;
    unsigned kill_inside_permille; /* of the crashes between two disk calls: kill -9, not power */
    unsigned meter_cut_permille;
    unsigned foreign_permille;
    unsigned race_permille;       /* a sale is sent: a stranger is a moment quicker */
    unsigned zombie_permille;     /* per minute: an old process sends an old command once more */
    unsigned disk_fault_permille; /* per minute: a planned EIO or ENOSPC */
    unsigned disk_full_permille;  /* per minute: a disk is full for some minutes */
};

/* What happened, counted: printed by the programs, so that nobody believes in faults that were not.
 */
struct world_counts {
    uint64_t frames, link_breaks, link_altered, platform_crashes, gateway_crashes, power_cuts,
        inner_kills, meter_cuts, foreign_vends, zombies, meter_resets, disk_faults, sessions,
        outcomes;
};

struct world_chunk {
    struct world_chunk *next;
    mono_ms at;
    size_t len;
    uint8_t data[];
};

struct world_wire {
    struct world_chunk *first, *last;
    mono_ms last_at; /* a stream keeps its order */
};

/* One TCP connection as both ends see it. */
struct world_link {
    int64_t id; /* 0: free */
    bool gateway_open, platform_open, introduced;
    bool broken;
    mono_ms gateway_notices, platform_notices;
    struct world_wire up, down;
};

/* A command as the gateway was told it, to judge its outcome by. */
struct world_told {
    int64_t id, meter_id, epoch, n, amount_fen; /* amount 0: a read */
};

/* The newest order for a relay that the gateway has taken, and the one before. */
struct world_wish {
    int64_t version;
    bool open;
    wall_s not_after;
    mono_ms at; /* when it was taken */
};

struct world {
    uint64_t seed;
    wall_s wall0; /* at mono 0 */
    mono_ms now;
    bool calm; /* no more faults: everything must converge */
    struct world_faults faults;
    struct world_counts counts;
    struct rand_stream rand_net, rand_fault, rand_keys;
    uint64_t trace; /* hash of everything that crossed a border */
    bool tracing;   /* prints it as well */

    struct sim_disk *platform_disk, *gateway_disk;
    char platform_vfs[32], gateway_vfs[32];
    struct platform *platform; /* NULL: down */
    mono_ms platform_back;
    int64_t gateway_id;
    uint8_t secret[UPLINK_SECRET];

    struct store *gateway_store;
    struct gateway *gateway; /* NULL: down */
    bool clock_known;        /* it was told the time since its start; until then it is behind */
    int64_t behind_s;
    mono_ms gateway_back, connect_at;
    struct uplink uplink;
    bool uplink_live;
    unsigned generation;
    int64_t link_of_uplink, last_link;
    mono_ms blocked_until; /* no connection comes about */
    struct world_link links[WORLD_LINKS];

    struct sim_line line;
    struct sim_meter meters[WORLD_METERS];
    size_t meter_count, platform_wallets; /* so many, the last ones, keep it on the platform */
    int64_t meter_ids[WORLD_METERS + WORLD_PIPES], account_ids[WORLD_METERS + WORLD_PIPES];
    struct sim_pipes pipes; /* the second line; without meters there is none */

    mono_ms next_minute;                           /* dice for the faults that come by time */
    mono_ms platform_disk_free, gateway_disk_free; /* a full one: until then; else MONO_NEVER */
    bool spared[WORLD_METERS];                     /* no stranger sells to this meter */
    struct world_wish wishes[WORLD_METERS][TERMINAL_CIRCUITS + 1]; /* by circuit; 0: all */
    struct world_wish before[WORLD_METERS][TERMINAL_CIRCUITS + 1];
    /* The last one whose commit failed: after a restart the gateway may find that it has it. */
    struct world_wish unsure[WORLD_METERS][TERMINAL_CIRCUITS + 1];
    struct world_told told[WORLD_TOLD];
    size_t told_next;
    uint8_t arena[UPLINK_ARENA];
    /* Seen by checkers: an outcome leaves the gateway. May be NULL. */
    void (*on_outcome)(void *arg, const struct uplink_outcome *o, const struct world_told *told);
    /* The gateway says a durable message, perhaps once more. */
    void (*on_said)(void *arg, const struct uplink_message *m);
    void (*on_crash)(void *arg, bool platform); /* after the process is gone */
    void *arg;
};

struct world_options {
    uint64_t seed;
    size_t meters;           /* 1 .. WORLD_METERS; the last one keeps its balance on the platform */
    size_t platform_wallets; /* the last so many do; 0: 1 */
    struct world_faults faults;
    int64_t hoard_fen; /* what the first meter holds at most; 0: no limit */
    bool tracing;
    bool pipes;   /* with the second line */
    wall_s wall0; /* 0: WORLD_WALL0 */
};

/* Builds the site, both processes up, nothing said yet. ERR_* of the rooms. */
[[nodiscard]] enum err world_open(struct world *w, const struct world_options *options);
void world_close(struct world *w);

/* Lets the next thing happen, at `until` at the latest. */
void world_step(struct world *w, mono_ms until);

/* Work on the platform's ledger as its HTTP interface would do it: queued, committed with the
 * others at the end of the turn. False: the platform is down, or died before it could answer; the
 * outcome is unknown, ask again. */
bool world_ask(struct world *w, store_work *work, void *arg, enum err *result);

/* A sale at the desk, and taking it back: works for world_ask with a struct world_sale. */
struct world_sale {
    struct world *world;
    size_t meter;
    const char *order_id;
    int64_t amount_fen;
};
enum err world_sell(struct store_tx *tx, void *sale);
enum err world_cancel(struct store_tx *tx, void *sale);

/* The circuit is open because the platform ordered it. */
bool world_cut_by_order(const struct terminal_output *out, size_t circuit);
/* What the gateway heard last asked for a cut, and its time is not over. A frame that was on the
 * line when a newer order came is allowed its moment. */
bool world_may_be_cut(const struct world *w, size_t meter, size_t circuit);

void world_crash_platform(struct world *w, bool power, int64_t down_ms);
void world_crash_gateway(struct world *w, bool power, int64_t down_ms);
/* The link breaks, and for so long there is no other. */
void world_block_link(struct world *w, int64_t ms);
/* An old process hands the gateway a sale that was sent before: under its own id, or, as a process
 * that had made it and then fell asleep, under one the gateway has never seen. False: the gateway
 * cannot hear it now. */
bool world_send_again(struct world *w, const struct world_told *old, bool fresh_id);
/* From now on nothing goes wrong any more; what is down comes back. */
void world_calm_down(struct world *w);
wall_s world_wall(const struct world *w);
void world_note(struct world *w, const char *what, int64_t a, int64_t b);

#endif
