/*
 * Files that `yufu rate` and `yufu forecast` read: whatever stands in one, it is taken with rows,
 * or refused with a place.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/forecast/forecast_read.h"
#include "app/rate/rate_usage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static void read_usage(const char *path, enum rating_unit unit)
{
    struct rate_usage u = {};
    if (rate_usage_load(&u, path, unit, 8 * 3600) == ERR_OK)
        for (size_t i = 0; i < u.count; i++)
            check(u.rows[i].line > 0 && (!u.dated || u.rows[i].from.s <= u.rows[i].to.s));
    else
        check(u.where[0] != '\0');
    rate_usage_close(&u);
}

static void read_balances(const char *path)
{
    struct forecast_file f;
    if (forecast_read(path, &f) != ERR_OK)
        return;
    check(f.count > 0 && f.count <= FORECAST_COLUMNS && f.series[0].day != NULL);
    for (size_t i = 0; i < f.count; i++) {
        const struct forecast_series *s = &f.series[i];
        check(s->name[0] != '\0' && s->count >= 0 && s->count <= FORECAST_FILE_DAYS);
        for (int32_t d = 0; d < s->count; d++)
            check(s->day[d].used >= 0);
    }
    forecast_file_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    int file = memfd_create("usage", MFD_CLOEXEC);
    check(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    read_usage(path, RATING_KWH);
    read_usage(path, RATING_M3);
    read_balances(path);
    close(file);
    return 0;
}
