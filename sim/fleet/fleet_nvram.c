/* nvram in mapped files: what a meter wrote survives kill -9 of the fleet, byte by byte. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/fleet/fleet.h"

static enum err map_file(const char *path, uint8_t **out)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO_FILE;
    struct stat st;
    enum err e = ERR_IO_FILE;
    /* A smaller memory of an earlier terminal grows: what is new in it is blank. */
    bool sized = fstat(fd, &st) == 0 &&
                 (st.st_size == TERMINAL_NVRAM_SIZE ||
                  (st.st_size < TERMINAL_NVRAM_SIZE && ftruncate(fd, TERMINAL_NVRAM_SIZE) == 0));
    void *memory = sized
                       ? mmap(NULL, TERMINAL_NVRAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
                       : MAP_FAILED;
    if (memory != MAP_FAILED) {
        *out = memory;
        e = ERR_OK;
    }
    close(fd);
    return e;
}

enum err fleet_nvram_open(const struct fleet *f, const struct fleet_meter *m, uint8_t **out)
{
    char path[FLEET_PATH];
    *out = NULL;
    if (f->options.nvram == NULL)
        return ERR_OK;
    snprintf(path, sizeof path, "%.3900s/%s-%u-%s.nv", f->options.nvram, m->line->gateway,
             m->line->number, m->address);
    enum err e = map_file(path, out);
    return e == ERR_OK ? e : fleet_fail(e, path);
}

enum err fleet_nvram_started(struct fleet *f)
{
    char path[FLEET_PATH], text[32];
    struct bytes content;
    f->started_s = fleet_wall(f).s;
    if (f->options.nvram == NULL)
        return ERR_OK;
    enum err e = io_directory_make(f->options.nvram);
    if (e != ERR_OK)
        return fleet_fail(e, f->options.nvram);
    snprintf(path, sizeof path, "%.3900s/started", f->options.nvram);
    if (io_file_read(path, 64, &content) == ERR_OK) {
        f->started_s = strtoll((const char *)content.data, NULL, 10);
        io_file_free(&content);
        return ERR_OK;
    }
    int len = snprintf(text, sizeof text, "%lld\n", (long long)f->started_s);
    e = io_file_write(path, (struct bytes){(const uint8_t *)text, (size_t)len}, 0600);
    return e == ERR_OK ? e : fleet_fail(e, path);
}
