/* Other programs in the place of this one: by becoming one, or by watching over one. */
#ifndef YUFU_IO_LAUNCH_H
#define YUFU_IO_LAUNCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* For programs that are started from here on. */
void launch_note(const char *name, const char *value);

/* The file of the running program. ERR_IO_FILE. */
[[nodiscard]] enum err launch_own_path(char *out, size_t cap);

void launch_pause(int64_t pause_ms); /* before something is tried again */

/* The file at `path` may be run from where it stands (its mode, its file system). */
bool launch_possible(const char *path);

/* Replaces this process, keeps its number. Returns only if it cannot: ERR_IO_FILE. */
[[nodiscard]] enum err launch_become(const char *path, char *const argv[]);

struct launch_watch {
    int64_t limit_ms; /* real time */
    /* Asked once when that has passed: true, it may stay; false, it is ended. */
    bool (*stay)(void *arg);
    void *arg;
};

struct launch_end {
    bool late;    /* ended because it was not to stay */
    bool stopped; /* this process was told to end (SIGTERM, SIGINT), and told it */
    int code;     /* exit status; 128 + signal if a signal ended it */
};

/* Runs it as a child that ends when this process does; hands on SIGTERM and SIGINT; returns when it
 * has ended. No loop may be open (io_open). ERR_IO: no process could be made. */
[[nodiscard]] enum err launch_watch(const char *path, char *const argv[],
                                    const struct launch_watch *watch, struct launch_end *end);

#endif
