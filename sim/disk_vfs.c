/* The methods that SQLite calls. Handles of an earlier life answer errors until they are closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim/disk_impl.h"

struct handle {
    sqlite3_file base; /* first: SQLite hands it back */
    struct sim_disk *disk;
    struct disk_node *node;
    uint64_t generation;
    int lock;
    bool delete_on_close;
    bool shm_user;
    uint16_t shm_shared, shm_exclusive; /* bits of the slots held */
};

static bool dead(const struct handle *h)
{
    return h->generation != h->disk->generation;
}

/* --- bytes ---------------------------------------------------------------------------------- */

static int file_read(sqlite3_file *file, void *out, int amount, sqlite3_int64 offset)
{
    struct handle *h = (struct handle *)file;
    const struct disk_buffer *b = &h->node->cache;
    size_t want = (size_t)amount, there = 0;
    if (dead(h))
        return SQLITE_IOERR_READ;
    if ((uint64_t)offset < b->len)
        there = b->len - (size_t)offset < want ? b->len - (size_t)offset : want;
    if (there)
        memcpy(out, b->data + offset, there);
    memset((char *)out + there, 0, want - there);
    return there == want ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
}

static int file_write(sqlite3_file *file, const void *data, int amount, sqlite3_int64 offset)
{
    struct handle *h = (struct handle *)file;
    if (dead(h))
        return SQLITE_IOERR_WRITE;
    return disk_write(h->disk, h->node, data, (size_t)amount, (uint64_t)offset);
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct handle *h = (struct handle *)file;
    return dead(h) ? SQLITE_IOERR_TRUNCATE : disk_truncate(h->disk, h->node, (uint64_t)size);
}

static int file_sync(sqlite3_file *file, int flags)
{
    struct handle *h = (struct handle *)file;
    (void)flags;
    return dead(h) ? SQLITE_IOERR_FSYNC : disk_sync(h->disk, h->node);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
    struct handle *h = (struct handle *)file;
    *size = (sqlite3_int64)h->node->cache.len;
    return dead(h) ? SQLITE_IOERR_FSTAT : SQLITE_OK;
}

/* --- locks of the rollback journal's time --------------------------------------------------- */

static int lock_exclusive(struct handle *h)
{
    struct disk_node *n = h->node;
    if (n->pending && n->pending != h)
        return SQLITE_BUSY;
    n->pending = h;
    h->lock = SQLITE_LOCK_PENDING;
    if (n->shared > 1)
        return SQLITE_BUSY;
    n->exclusive = h;
    return SQLITE_OK;
}

static int file_lock(sqlite3_file *file, int level)
{
    struct handle *h = (struct handle *)file;
    struct disk_node *n = h->node;
    int code = SQLITE_OK;
    if (dead(h))
        return SQLITE_IOERR_LOCK;
    if (h->lock >= level)
        return SQLITE_OK;
    if (h->lock == SQLITE_LOCK_NONE) {
        if ((n->exclusive && n->exclusive != h) || (n->pending && n->pending != h))
            return SQLITE_BUSY;
        n->shared++;
        h->lock = SQLITE_LOCK_SHARED;
    }
    if (level == SQLITE_LOCK_RESERVED) {
        if (n->reserved && n->reserved != h)
            return SQLITE_BUSY;
        n->reserved = h;
    } else if (level == SQLITE_LOCK_EXCLUSIVE) {
        code = lock_exclusive(h);
    }
    if (code == SQLITE_OK)
        h->lock = level;
    return code;
}

static int file_unlock(sqlite3_file *file, int level)
{
    struct handle *h = (struct handle *)file;
    struct disk_node *n = h->node;
    if (h->lock <= level)
        return SQLITE_OK;
    if (n->reserved == h)
        n->reserved = NULL;
    if (n->pending == h)
        n->pending = NULL;
    if (n->exclusive == h)
        n->exclusive = NULL;
    if (level == SQLITE_LOCK_NONE)
        n->shared--;
    h->lock = level;
    return SQLITE_OK;
}

static int file_check_reserved(sqlite3_file *file, int *out)
{
    struct handle *h = (struct handle *)file;
    *out = h->node->reserved != NULL;
    return dead(h) ? SQLITE_IOERR_CHECKRESERVEDLOCK : SQLITE_OK;
}

static int file_control(sqlite3_file *file, int op, void *arg)
{
    (void)file, (void)op, (void)arg;
    return SQLITE_NOTFOUND;
}

static int file_sector_size(sqlite3_file *file)
{
    (void)file;
    return DISK_SECTOR;
}

/* Neighbours of an overwritten range are safe: what SQLite's Unix VFS assumes of real disks. */
static int file_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

/* --- shared memory of the write-ahead log --------------------------------------------------- */

static int shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    struct handle *h = (struct handle *)file;
    struct disk_shm *s = &h->node->shm;
    *out = NULL;
    if (dead(h))
        return SQLITE_IOERR_SHMMAP;
    if (!h->shm_user) {
        h->shm_user = true;
        s->users++;
    }
    if (page >= s->count && !extend)
        return SQLITE_OK;
    while (page >= s->count) {
        s->regions = realloc(s->regions, (size_t)(s->count + 1) * sizeof *s->regions);
        MUST(s->regions);
        s->regions[s->count] = calloc(1, (size_t)size);
        MUST(s->regions[s->count]);
        s->count++;
    }
    *out = s->regions[page];
    return SQLITE_OK;
}

static bool shm_blocked(const struct handle *h, int slot, bool exclusive)
{
    const struct disk_shm *s = &h->node->shm;
    int mine = h->shm_shared >> slot & 1;
    if (s->exclusive[slot] && s->exclusive[slot] != h)
        return true;
    return exclusive && s->shared[slot] > mine;
}

static void shm_unlock(struct handle *h, int slot)
{
    struct disk_shm *s = &h->node->shm;
    if (h->shm_shared >> slot & 1)
        s->shared[slot]--;
    if (s->exclusive[slot] == h)
        s->exclusive[slot] = NULL;
    h->shm_shared &= (uint16_t) ~(1u << slot);
    h->shm_exclusive &= (uint16_t) ~(1u << slot);
}

static void shm_grant(struct handle *h, int slot, bool exclusive)
{
    if (exclusive) {
        h->node->shm.exclusive[slot] = h;
        h->shm_exclusive |= (uint16_t)(1u << slot);
    } else if (!(h->shm_shared >> slot & 1)) {
        h->node->shm.shared[slot]++;
        h->shm_shared |= (uint16_t)(1u << slot);
    }
}

static int shm_lock(sqlite3_file *file, int first, int count, int flags)
{
    struct handle *h = (struct handle *)file;
    bool exclusive = flags & SQLITE_SHM_EXCLUSIVE;
    if (flags & SQLITE_SHM_UNLOCK) {
        for (int i = first; i < first + count; i++)
            shm_unlock(h, i);
        return SQLITE_OK;
    }
    if (dead(h))
        return SQLITE_IOERR_SHMLOCK;
    for (int i = first; i < first + count; i++)
        if (shm_blocked(h, i, exclusive))
            return SQLITE_BUSY;
    for (int i = first; i < first + count; i++)
        shm_grant(h, i, exclusive);
    return SQLITE_OK;
}

static void shm_barrier(sqlite3_file *file)
{
    (void)file;
}

/* The last one to leave takes the memory along: the next begins with a recovery, as with the real
 * file when nobody holds it. */
static int shm_unmap(sqlite3_file *file, int delete_it)
{
    struct handle *h = (struct handle *)file;
    struct disk_shm *s = &h->node->shm;
    (void)delete_it;
    if (!h->shm_user)
        return SQLITE_OK;
    for (int i = 0; i < DISK_SHM_LOCKS; i++)
        shm_unlock(h, i);
    h->shm_user = false;
    if (--s->users > 0)
        return SQLITE_OK;
    for (int i = 0; i < s->count; i++)
        free(s->regions[i]);
    free(s->regions);
    s->regions = NULL;
    s->count = 0;
    return SQLITE_OK;
}

/* --- files ---------------------------------------------------------------------------------- */

static int file_close(sqlite3_file *file)
{
    struct handle *h = (struct handle *)file;
    shm_unmap(file, 0);
    file_unlock(file, SQLITE_LOCK_NONE);
    h->node->handles--;
    if (h->delete_on_close && h->node->linked && !dead(h))
        disk_remove(h->disk, h->node, true);
    else
        disk_release(h->node);
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_reserved,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_characteristics,
    .xShmMap = shm_map,
    .xShmLock = shm_lock,
    .xShmBarrier = shm_barrier,
    .xShmUnmap = shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *out_flags)
{
    struct sim_disk *d = (struct sim_disk *)vfs;
    struct handle *h = (struct handle *)file;
    struct disk_node *n = path ? disk_find(d, path) : NULL;
    memset(h, 0, sizeof *h);
    if (d->down || (path && !n && !(flags & SQLITE_OPEN_CREATE)))
        return SQLITE_CANTOPEN;
    if (!n)
        n = path ? disk_create(d, path) : disk_anonymous();
    n->handles++;
    h->disk = d;
    h->node = n;
    h->generation = d->generation;
    h->delete_on_close = flags & SQLITE_OPEN_DELETEONCLOSE;
    h->base.pMethods = &methods;
    if (out_flags)
        *out_flags = flags;
    return SQLITE_OK;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_directory)
{
    struct sim_disk *d = (struct sim_disk *)vfs;
    struct disk_node *n = disk_find(d, path);
    if (d->down)
        return SQLITE_IOERR_DELETE;
    if (!n)
        return SQLITE_IOERR_DELETE_NOENT;
    disk_remove(d, n, sync_directory != 0);
    return SQLITE_OK;
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *out)
{
    struct sim_disk *d = (struct sim_disk *)vfs;
    struct disk_node *n = disk_find(d, path);
    *out = n && (flags != SQLITE_ACCESS_EXISTS || n->cache.len > 0);
    return SQLITE_OK;
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int cap, char *out)
{
    (void)vfs;
    return snprintf(out, (size_t)cap, "%s", path) < cap ? SQLITE_OK : SQLITE_CANTOPEN;
}

static int vfs_randomness(sqlite3_vfs *vfs, int amount, char *out)
{
    struct sim_disk *d = (struct sim_disk *)vfs;
    for (int i = 0; i < amount; i++)
        out[i] = (char)rand_u64(&d->rand);
    return amount;
}

/* Nobody else can run while this thread waits, so waiting takes no time. */
static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

static int vfs_time(sqlite3_vfs *vfs, sqlite3_int64 *ms)
{
    (void)vfs;
    *ms = INT64_C(212'000'000'000'000); /* some Julian day: the product never asks */
    return SQLITE_OK;
}

static int vfs_time_double(sqlite3_vfs *vfs, double *day)
{
    (void)vfs;
    *day = 2453703.7;
    return SQLITE_OK;
}

static int vfs_last_error(sqlite3_vfs *vfs, int cap, char *out)
{
    (void)vfs, (void)cap, (void)out;
    return 0;
}

void disk_vfs_fill(struct sim_disk *d)
{
    d->vfs = (sqlite3_vfs){
        .iVersion = 2,
        .szOsFile = sizeof(struct handle),
        .mxPathname = DISK_PATH_MAX - 8, /* "-journal" is added by SQLite */
        .zName = d->name,
        .xOpen = vfs_open,
        .xDelete = vfs_delete,
        .xAccess = vfs_access,
        .xFullPathname = vfs_full_path,
        .xRandomness = vfs_randomness,
        .xSleep = vfs_sleep,
        .xCurrentTime = vfs_time_double,
        .xCurrentTimeInt64 = vfs_time,
        .xGetLastError = vfs_last_error,
    };
}
