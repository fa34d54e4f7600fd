/* Shared by the two parts of the simulated disk: what is stored (disk.c), and how SQLite asks for
 * it (disk_vfs.c). */
#ifndef YUFU_SIM_DISK_IMPL_H
#define YUFU_SIM_DISK_IMPL_H

#include <sqlite3.h>

#include "base/rand.h"
#include "sim/disk.h"

#define DISK_SECTOR 512
#define DISK_PATH_MAX 256
#define DISK_SHM_LOCKS SQLITE_SHM_NLOCK

struct disk_buffer {
    uint8_t *data;
    size_t len, cap;
};

/* One change since the last sync. `data_at` points into the node's log; a truncation has len 0. */
struct disk_op {
    uint64_t offset;
    size_t len, data_at;
    bool truncate;
};

/* Shared memory of the connections to one database: never survives anything. */
struct disk_shm {
    void **regions;
    int count, users;
    int shared[DISK_SHM_LOCKS];
    const void *exclusive[DISK_SHM_LOCKS];
};

/* A file, as long as somebody has it open or its name leads to it. */
struct disk_node {
    struct disk_node *next;
    char path[DISK_PATH_MAX];
    struct disk_buffer cache;   /* what a reader sees */
    struct disk_buffer durable; /* what the platter holds */
    struct disk_buffer log;     /* data of the ops */
    struct disk_op *ops;
    size_t op_count, op_cap;
    bool entry_durable; /* the name itself was synced */
    int handles;
    bool linked; /* stands in the directory, or among the graves */
    int shared;  /* locks of the connections */
    const void *reserved, *pending, *exclusive;
    struct disk_shm shm;
};

struct sim_disk {
    sqlite3_vfs vfs; /* first: SQLite hands it back */
    char name[32];
    struct rand_stream rand;
    struct disk_node *nodes;  /* the directory */
    struct disk_node *graves; /* removed, but the removal was not synced */
    uint64_t generation;      /* handles of an older one are dead */
    struct {
        bool armed, for_ever;
        enum sim_disk_fault fault;
        enum sim_disk_calls calls;
        uint64_t left;
    } plan;
    bool down;
    uint64_t capacity;
    struct sim_disk_stats stats;
};

struct disk_node *disk_find(struct sim_disk *d, const char *path);
struct disk_node *disk_create(struct sim_disk *d, const char *path);
/* A file without a name, for SQLite's temporary ones. */
struct disk_node *disk_anonymous(void);
void disk_remove(struct sim_disk *d, struct disk_node *node, bool synced);
void disk_release(struct disk_node *node); /* frees it once nothing leads to it */

int disk_write(struct sim_disk *d, struct disk_node *node, const void *data, size_t len,
               uint64_t offset);
int disk_truncate(struct sim_disk *d, struct disk_node *node, uint64_t size);
int disk_sync(struct sim_disk *d, struct disk_node *node);

void disk_vfs_fill(struct sim_disk *d); /* disk_vfs.c: the methods */

#endif
