/* Whole files, directories, randomness. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/must.h"
#include "io/io_impl.h"

static enum err read_all(int fd, size_t max, struct bytes *content)
{
    size_t cap = 4096, len = 0;
    uint8_t *data = malloc(cap);
    for (;;) {
        if (data == NULL)
            return ERR_MEMORY;
        ssize_t n = read(fd, data + len, cap - len - 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || len + (size_t)n > max) {
            free(data);
            return n < 0 ? ERR_IO_FILE : ERR_OVERFLOW;
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (cap - len > 1)
            continue;
        cap *= 2;
        uint8_t *more = realloc(data, cap);
        if (more == NULL)
            free(data);
        data = more;
    }
    data[len] = 0;
    *content = (struct bytes){data, len};
    return ERR_OK;
}

enum err io_file_read(const char *path, size_t max, struct bytes *content)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO_FILE;
    enum err e = read_all(fd, max, content);
    close(fd);
    return e;
}

void io_file_free(struct bytes *content)
{
    free((void *)content->data);
    *content = (struct bytes){0};
}

static bool write_all(int fd, struct bytes b)
{
    while (b.len > 0) {
        ssize_t n = write(fd, b.data, b.len);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            b.data += n;
            b.len -= (size_t)n;
        }
    }
    return fsync(fd) == 0;
}

static bool sync_parent(const char *path)
{
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

enum err io_file_write(const char *path, struct bytes content, unsigned mode)
{
    char temporary[PATH_MAX];
    int n = snprintf(temporary, sizeof temporary, "%s.new", path);
    if (n < 0 || (size_t)n >= sizeof temporary)
        return ERR_IO_FILE;
    unlink(temporary); /* left by a crash, perhaps with another mode */
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, (mode_t)mode);
    if (fd < 0)
        return ERR_IO_FILE;
    bool ok = fchmod(fd, (mode_t)mode) == 0 && write_all(fd, content);
    ok = close(fd) == 0 && ok;
    ok = ok && rename(temporary, path) == 0 && sync_parent(path);
    if (!ok)
        unlink(temporary);
    return ok ? ERR_OK : ERR_IO_FILE;
}

enum err io_file_put(const char *path, int64_t offset, struct bytes part)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO_FILE;
    size_t done = 0;
    while (done < part.len) {
        ssize_t n = pwrite(fd, part.data + done, part.len - done, (off_t)offset + (off_t)done);
        if (n < 0 && errno != EINTR)
            break;
        done += n > 0 ? (size_t)n : 0;
    }
    return close(fd) == 0 && done == part.len ? ERR_OK : ERR_IO_FILE;
}

enum err io_file_size(const char *path, int64_t *size)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO_FILE;
    *size = (int64_t)st.st_size;
    return ERR_OK;
}

bool io_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

enum err io_file_remove(const char *path)
{
    if (unlink(path) != 0)
        return errno == ENOENT ? ERR_OK : ERR_IO_FILE;
    return sync_parent(path) ? ERR_OK : ERR_IO_FILE;
}

enum err io_disk_free(const char *folder, int64_t *bytes)
{
    struct statvfs s;
    if (statvfs(folder, &s) != 0)
        return ERR_IO_FILE;
    *bytes = (int64_t)s.f_bavail * (int64_t)s.f_frsize;
    return ERR_OK;
}

enum err io_directory_make(const char *path)
{
    char part[PATH_MAX];
    int n = snprintf(part, sizeof part, "%s", path);
    if (n <= 0 || (size_t)n >= sizeof part)
        return ERR_IO_FILE;
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return ERR_IO_FILE;
        *p = '/';
    }
    struct stat st;
    if (mkdir(part, 0700) != 0 && errno != EEXIST)
        return ERR_IO_FILE;
    return stat(part, &st) == 0 && S_ISDIR(st.st_mode) ? ERR_OK : ERR_IO_FILE;
}

enum err io_directory_own(const char *path)
{
    char name[PATH_MAX];
    int n = snprintf(name, sizeof name, "%s/lock", path);
    if (n <= 0 || (size_t)n >= sizeof name)
        return ERR_IO_FILE;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO_FILE;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK; /* it stays open as long as the process lives */
    enum err e = errno == EWOULDBLOCK ? ERR_IO_IN_USE : ERR_IO_FILE;
    close(fd);
    return e;
}

void io_files_private(void)
{
    umask(077);
}

void io_random(void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t n = getrandom(at, len, 0);
        MUST(n > 0 || errno == EINTR);
        if (n > 0) {
            at += n;
            len -= (size_t)n;
        }
    }
}
