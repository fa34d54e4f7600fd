/*
 * A simulated disk: an in-memory SQLite VFS that remembers what was synced and what was not.
 *
 * Each disk is a VFS of its own name; give the name as store_config.vfs. All of it is a function
 * of the seed and of the calls made.
 *
 *   a write         is seen at once by whoever reads the file (the page cache)
 *   a sync          makes everything written to that file so far durable, and its directory entry
 *   a power cut     drops the cache: of each write since the last sync every 512-byte sector
 *                   survives or not on its own, so writes vanish, tear and reorder; sometimes none
 *                   or all survive; sectors never written before may come back as garbage
 *   a kill          ends the process but keeps the cache (kill -9)
 *   a failed sync   reports EIO, and what it should have synced is lost at the next power cut
 *                   although it still reads back: as Linux does
 *
 * After a power cut or a kill every open handle is dead: its calls answer SQLITE_IOERR until it is
 * closed. So the order is: sim_disk_power_cut, store_close of the old store, store_open.
 * Overwriting never damages neighbouring bytes, as SQLite's Unix VFS assumes as well.
 */
#ifndef YUFU_SIM_DISK_H
#define YUFU_SIM_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct sim_disk;

/* Registers a disk with SQLite under `name` (at most 31 characters, unique). ERR_EXISTS,
 * ERR_MEMORY. */
[[nodiscard]] enum err sim_disk_new(struct sim_disk **out, const char *name, uint64_t seed);
/* Every store on it must be closed. NULL is allowed. */
void sim_disk_free(struct sim_disk *d);

void sim_disk_power_cut(struct sim_disk *d);
void sim_disk_kill(struct sim_disk *d);

/* Which calls a planned fault counts: writes (and truncations), syncs, or both. */
enum sim_disk_calls { SIM_DISK_WRITES = 1, SIM_DISK_SYNCS = 2, SIM_DISK_ANY = 3 };

enum sim_disk_fault {
    SIM_DISK_EIO,       /* the call fails */
    SIM_DISK_ENOSPC,    /* the call fails with "disk full"; a sync fails with EIO */
    SIM_DISK_POWER_CUT, /* the power fails just before the call; see sim_disk_down */
    SIM_DISK_KILL,      /* the process ends just before the call; see sim_disk_down */
};

/*
 * Plans one fault: the k-th call (k >= 1) of this sort from now on. `for_ever`: that call and all
 * after it, until sim_disk_mend. A new plan replaces the old one.
 */
void sim_disk_plan(struct sim_disk *d, enum sim_disk_fault fault, enum sim_disk_calls calls,
                   uint64_t k, bool for_ever);
/* No fault is planned any more, and the capacity is unlimited. */
void sim_disk_mend(struct sim_disk *d);
/* True once a planned power cut or kill has happened, until the next sim_disk_mend. */
bool sim_disk_down(const struct sim_disk *d);
bool sim_disk_killed(const struct sim_disk *d); /* it was a kill */
/* Writes that would make all files together larger fail with "disk full"; 0: no limit. */
void sim_disk_capacity(struct sim_disk *d, uint64_t bytes);

struct sim_disk_stats {
    uint64_t writes, syncs, power_cuts, kills;
    uint64_t faults;           /* calls that failed by plan or capacity */
    uint64_t sectors_lost;     /* unsynced sectors that did not survive a power cut */
    uint64_t sectors_survived; /* unsynced sectors that did */
    uint64_t bytes;            /* in all files now */
};
struct sim_disk_stats sim_disk_stats(const struct sim_disk *d);

/* Flips one bit of what is stored (bit rot), seen by the next read that is not cached above.
 * ERR_NOT_FOUND: no such file or offset. */
[[nodiscard]] enum err sim_disk_rot(struct sim_disk *d, const char *path, uint64_t offset,
                                    unsigned bit);

/* SQLite's own random numbers (WAL salts) start from the seed again: needed where a run must be
 * the same to the byte. */
void sim_disk_seed_sqlite(uint64_t seed);

#endif
