#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim/disk_impl.h"

/* --- buffers -------------------------------------------------------------------------------- */

static void resize(struct disk_buffer *b, size_t len)
{
    if (len > b->cap) {
        size_t cap = b->cap ? b->cap : 4096;
        while (cap < len)
            cap *= 2;
        b->data = realloc(b->data, cap);
        MUST(b->data);
        b->cap = cap;
    }
    if (len > b->len)
        memset(b->data + b->len, 0, len - b->len);
    b->len = len;
}

static void put(struct disk_buffer *b, uint64_t offset, const void *data, size_t len)
{
    if (offset + len > b->len)
        resize(b, (size_t)offset + len);
    memcpy(b->data + offset, data, len);
}

/* --- files ---------------------------------------------------------------------------------- */

struct disk_node *disk_anonymous(void)
{
    struct disk_node *n = calloc(1, sizeof *n);
    MUST(n);
    return n;
}

struct disk_node *disk_find(struct sim_disk *d, const char *path)
{
    struct disk_node *n = d->nodes;
    while (n && strcmp(n->path, path) != 0)
        n = n->next;
    return n;
}

static void link_at_end(struct disk_node **list, struct disk_node *n)
{
    while (*list)
        list = &(*list)->next;
    n->next = NULL;
    n->linked = true;
    *list = n;
}

static void unlink_from(struct disk_node **list, struct disk_node *n)
{
    while (*list != n)
        list = &(*list)->next;
    *list = n->next;
    n->next = NULL;
    n->linked = false;
}

struct disk_node *disk_create(struct sim_disk *d, const char *path)
{
    struct disk_node *n = disk_anonymous();
    size_t len = strlen(path);
    MUST(len < sizeof n->path);
    memcpy(n->path, path, len + 1);
    link_at_end(&d->nodes, n);
    return n;
}

void disk_release(struct disk_node *n)
{
    if (n->handles > 0 || n->linked)
        return;
    for (int i = 0; i < n->shm.count; i++)
        free(n->shm.regions[i]);
    free(n->shm.regions);
    free(n->cache.data);
    free(n->durable.data);
    free(n->log.data);
    free(n->ops);
    free(n);
}

static void bury(struct sim_disk *d, struct disk_node *n)
{
    unlink_from(&d->graves, n);
    disk_release(n);
}

/* Syncing the directory makes every removal so far final. */
static void sync_directory(struct sim_disk *d)
{
    while (d->graves)
        bury(d, d->graves);
}

void disk_remove(struct sim_disk *d, struct disk_node *n, bool synced)
{
    unlink_from(&d->nodes, n);
    d->stats.bytes -= n->cache.len;
    if (!synced && n->entry_durable)
        link_at_end(&d->graves, n);
    else
        disk_release(n);
    if (synced)
        sync_directory(d);
}

/* --- faults --------------------------------------------------------------------------------- */

static int fail(struct sim_disk *d, enum sim_disk_calls call)
{
    d->stats.faults++;
    switch (d->plan.fault) {
    case SIM_DISK_POWER_CUT:
        d->plan.armed = false;
        sim_disk_power_cut(d);
        d->down = true;
        return SQLITE_IOERR;
    case SIM_DISK_KILL:
        d->plan.armed = false;
        sim_disk_kill(d);
        d->down = true;
        return SQLITE_IOERR;
    case SIM_DISK_ENOSPC:
        return call == SIM_DISK_SYNCS ? SQLITE_IOERR_FSYNC : SQLITE_FULL;
    default:
        return call == SIM_DISK_SYNCS ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
    }
}

/* Counts the call and lets a planned fault happen. SQLITE_OK: go on. */
static int count_call(struct sim_disk *d, enum sim_disk_calls call)
{
    if (call == SIM_DISK_WRITES)
        d->stats.writes++;
    else
        d->stats.syncs++;
    if (!d->plan.armed || !(d->plan.calls & call))
        return SQLITE_OK;
    if (d->plan.left > 1) {
        d->plan.left--;
        return SQLITE_OK;
    }
    if (!d->plan.for_ever)
        d->plan.armed = false;
    return fail(d, call);
}

/* --- changes -------------------------------------------------------------------------------- */

static struct disk_op *add_op(struct disk_node *n)
{
    if (n->op_count == n->op_cap) {
        n->op_cap = n->op_cap ? 2 * n->op_cap : 64;
        n->ops = realloc(n->ops, n->op_cap * sizeof *n->ops);
        MUST(n->ops);
    }
    return &n->ops[n->op_count++];
}

int disk_write(struct sim_disk *d, struct disk_node *n, const void *data, size_t len,
               uint64_t offset)
{
    uint64_t grown = offset + len > n->cache.len ? offset + len - n->cache.len : 0;
    int code = count_call(d, SIM_DISK_WRITES);
    if (code != SQLITE_OK)
        return code;
    if (n->linked && grown && d->capacity && d->stats.bytes + grown > d->capacity) {
        d->stats.faults++;
        return SQLITE_FULL;
    }
    *add_op(n) = (struct disk_op){.offset = offset, .len = len, .data_at = n->log.len};
    put(&n->log, n->log.len, data, len);
    put(&n->cache, offset, data, len);
    if (n->linked)
        d->stats.bytes += grown;
    return SQLITE_OK;
}

int disk_truncate(struct sim_disk *d, struct disk_node *n, uint64_t size)
{
    int code = count_call(d, SIM_DISK_WRITES);
    if (code != SQLITE_OK || size >= n->cache.len)
        return code;
    *add_op(n) = (struct disk_op){.offset = size, .truncate = true};
    if (n->linked)
        d->stats.bytes -= n->cache.len - size;
    resize(&n->cache, (size_t)size);
    return SQLITE_OK;
}

static void forget_ops(struct disk_node *n)
{
    n->op_count = 0;
    n->log.len = 0;
}

static void apply_whole(struct disk_node *n, const struct disk_op *op)
{
    if (!op->truncate)
        put(&n->durable, op->offset, n->log.data + op->data_at, op->len);
    else if (op->offset < n->durable.len)
        resize(&n->durable, (size_t)op->offset);
}

/* A failed sync drops what it should have written: the kernel marks such pages clean. */
int disk_sync(struct sim_disk *d, struct disk_node *n)
{
    uint64_t generation = d->generation;
    int code = count_call(d, SIM_DISK_SYNCS);
    if (code != SQLITE_OK) {
        if (d->generation == generation)
            forget_ops(n);
        return code;
    }
    for (size_t i = 0; i < n->op_count; i++)
        apply_whole(n, &n->ops[i]);
    forget_ops(n);
    if (n->linked && !n->entry_durable) {
        n->entry_durable = true;
        sync_directory(d);
    }
    return SQLITE_OK;
}

/* --- power cut and kill --------------------------------------------------------------------- */

/* A sector that did not survive keeps what was there; one that never existed may hold anything. */
static void lose_sector(struct sim_disk *d, struct disk_node *n, uint64_t offset, size_t len)
{
    d->stats.sectors_lost++;
    if (offset < n->durable.len || !rand_chance(&d->rand, 100))
        return;
    for (size_t i = 0; i < len; i++) {
        uint8_t garbage = (uint8_t)rand_u64(&d->rand);
        put(&n->durable, offset + i, &garbage, 1);
    }
}

static void apply_torn(struct sim_disk *d, struct disk_node *n, const struct disk_op *op)
{
    if (op->truncate) {
        if (rand_chance(&d->rand, 500))
            apply_whole(n, op);
        return;
    }
    uint64_t at = op->offset, end = op->offset + op->len;
    while (at < end) {
        uint64_t next = (at / DISK_SECTOR + 1) * DISK_SECTOR;
        size_t len = (size_t)((next < end ? next : end) - at);
        if (rand_chance(&d->rand, 500)) {
            d->stats.sectors_survived++;
            put(&n->durable, at, n->log.data + op->data_at + (at - op->offset), len);
        } else {
            lose_sector(d, n, at, len);
        }
        at += len;
    }
}

enum fate { FATE_NONE, FATE_ALL, FATE_PREFIX, FATE_TORN, FATES };

/* What the platter holds after the power went: the cache never comes back. */
static void settle(struct sim_disk *d, struct disk_node *n)
{
    enum fate fate = (enum fate)rand_below(&d->rand, FATES);
    size_t whole = fate == FATE_ALL      ? n->op_count
                   : fate == FATE_PREFIX ? (size_t)rand_below(&d->rand, n->op_count + 1)
                                         : 0;
    for (size_t i = 0; i < n->op_count; i++) {
        if (i < whole)
            apply_whole(n, &n->ops[i]);
        else if (fate == FATE_TORN || (fate == FATE_PREFIX && i == whole))
            apply_torn(d, n, &n->ops[i]);
        else
            d->stats.sectors_lost += (n->ops[i].len + DISK_SECTOR - 1) / DISK_SECTOR;
    }
    forget_ops(n);
}

/* The same file for the next life: handles of this one keep the old node. */
static struct disk_node *reborn(struct sim_disk *d, const struct disk_node *n,
                                const struct disk_buffer *content)
{
    struct disk_node *born = disk_create(d, n->path);
    born->entry_durable = n->entry_durable;
    if (content->len)
        put(&born->cache, 0, content->data, content->len);
    d->stats.bytes += content->len;
    return born;
}

static void end_life(struct sim_disk *d)
{
    d->generation++;
    d->stats.bytes = 0;
}

static struct disk_node *take_all(struct disk_node **list)
{
    struct disk_node *all = *list;
    *list = NULL;
    return all;
}

static void drop(struct disk_node *n)
{
    n->linked = false;
    n->next = NULL;
    disk_release(n);
}

static void bring_back(struct sim_disk *d, struct disk_node *n)
{
    struct disk_node *born = reborn(d, n, &n->durable);
    if (n->durable.len)
        put(&born->durable, 0, n->durable.data, n->durable.len);
    born->entry_durable = true;
}

void sim_disk_power_cut(struct sim_disk *d)
{
    struct disk_node *nodes = take_all(&d->nodes), *graves = take_all(&d->graves), *next;
    d->stats.power_cuts++;
    end_life(d);
    for (struct disk_node *n = nodes; n; n = next) {
        next = n->next;
        settle(d, n);
        if (n->entry_durable || rand_chance(&d->rand, 500))
            bring_back(d, n);
        drop(n);
    }
    for (struct disk_node *n = graves; n; n = next) {
        next = n->next;
        settle(d, n);
        if (!disk_find(d, n->path) && rand_chance(&d->rand, 500))
            bring_back(d, n);
        drop(n);
    }
}

/* What was not synced before is not synced now: the changes move over as they are. */
static void move_unsynced(struct disk_node *from, struct disk_node *to)
{
    to->durable = from->durable;
    to->log = from->log;
    to->ops = from->ops;
    to->op_count = from->op_count;
    to->op_cap = from->op_cap;
    from->durable = from->log = (struct disk_buffer){};
    from->ops = NULL;
    from->op_count = from->op_cap = 0;
}

void sim_disk_kill(struct sim_disk *d)
{
    struct disk_node *nodes = take_all(&d->nodes), *next;
    d->stats.kills++;
    end_life(d);
    for (struct disk_node *n = nodes; n; n = next) {
        next = n->next;
        move_unsynced(n, reborn(d, n, &n->cache));
        drop(n);
    }
}

bool sim_disk_killed(const struct sim_disk *d)
{
    return d->down && d->plan.fault == SIM_DISK_KILL;
}

static void wipe(struct sim_disk *d)
{
    struct disk_node *next;
    end_life(d);
    for (struct disk_node *n = take_all(&d->nodes); n; n = next) {
        next = n->next;
        drop(n);
    }
    sync_directory(d);
}

/* --- the public rest ------------------------------------------------------------------------ */

enum err sim_disk_new(struct sim_disk **out, const char *name, uint64_t seed)
{
    struct sim_disk *d;
    if (sqlite3_vfs_find(name))
        return ERR_EXISTS;
    d = calloc(1, sizeof *d);
    if (!d)
        return ERR_MEMORY;
    size_t len = strlen(name);
    MUST(len < sizeof d->name);
    memcpy(d->name, name, len + 1);
    d->rand = rand_split(seed, "disk");
    disk_vfs_fill(d);
    MUST(sqlite3_vfs_register(&d->vfs, 0) == SQLITE_OK);
    *out = d;
    return ERR_OK;
}

void sim_disk_free(struct sim_disk *d)
{
    if (!d)
        return;
    wipe(d);
    sqlite3_vfs_unregister(&d->vfs);
    free(d);
}

void sim_disk_plan(struct sim_disk *d, enum sim_disk_fault fault, enum sim_disk_calls calls,
                   uint64_t k, bool for_ever)
{
    MUST(k >= 1);
    d->plan.armed = true;
    d->plan.fault = fault;
    d->plan.calls = calls;
    d->plan.left = k;
    d->plan.for_ever = for_ever;
}

void sim_disk_mend(struct sim_disk *d)
{
    d->plan.armed = false;
    d->down = false;
    d->capacity = 0;
}

bool sim_disk_down(const struct sim_disk *d)
{
    return d->down;
}

void sim_disk_capacity(struct sim_disk *d, uint64_t bytes)
{
    d->capacity = bytes;
}

struct sim_disk_stats sim_disk_stats(const struct sim_disk *d)
{
    return d->stats;
}

enum err sim_disk_rot(struct sim_disk *d, const char *path, uint64_t offset, unsigned bit)
{
    struct disk_node *n = disk_find(d, path);
    if (!n || offset >= n->cache.len)
        return ERR_NOT_FOUND;
    n->cache.data[offset] ^= (uint8_t)(1u << (bit & 7));
    if (offset < n->durable.len)
        n->durable.data[offset] ^= (uint8_t)(1u << (bit & 7));
    return ERR_OK;
}

void sim_disk_seed_sqlite(uint64_t seed)
{
    int start = (int)(rand_split(seed, "sqlite").state & 0x7fffffff);
    sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, start ? start : 1, NULL);
}
