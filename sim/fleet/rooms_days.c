#include "sim/fleet/rooms_days.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool rooms_days_open(struct rooms_days *d, size_t rooms, size_t days)
{
    *d = (struct rooms_days){.rooms = rooms, .days = days};
    d->used_wh = calloc(rooms * days + 1, sizeof d->used_wh[0]);
    d->before_mwh = calloc(rooms, sizeof d->before_mwh[0]);
    d->weekend = calloc(days + 1, sizeof d->weekend[0]);
    return d->used_wh != NULL && d->before_mwh != NULL && d->weekend != NULL;
}

void rooms_days_close(struct rooms_days *d)
{
    free(d->used_wh);
    free(d->before_mwh);
    free(d->weekend);
    *d = (struct rooms_days){0};
}

void rooms_days_add(struct rooms_days *d, bool weekend, const uint64_t *register_mwh)
{
    if (d->full == d->days)
        return;
    for (size_t i = 0; i < d->rooms; i++)
        d->used_wh[d->full * d->rooms + i] =
            (uint32_t)((register_mwh[i] - d->before_mwh[i]) / 1000);
    memcpy(d->before_mwh, register_mwh, d->rooms * sizeof d->before_mwh[0]);
    d->weekend[d->full++] = weekend;
}

static uint64_t mean_of_kind(const struct rooms_days *d, bool weekend)
{
    uint64_t sum = 0, count = 0;
    for (size_t day = 0; day < d->full; day++)
        for (size_t i = 0; d->weekend[day] == weekend && i < d->rooms; i++) {
            sum += d->used_wh[day * d->rooms + i];
            count++;
        }
    return count > 0 ? sum / count : 0;
}

static uint64_t mean_of_room(const struct rooms_days *d, size_t room)
{
    uint64_t sum = 0;
    for (size_t day = 0; day < d->full; day++)
        sum += d->used_wh[day * d->rooms + room];
    return sum / d->full;
}

/* Mean distance of a room's days from its mean, per mille of the mean. */
static uint64_t distance_of_room(const struct rooms_days *d, size_t room)
{
    uint64_t mean = mean_of_room(d, room), sum = 0;
    for (size_t day = 0; day < d->full; day++) {
        uint64_t used = d->used_wh[day * d->rooms + room];
        sum += used > mean ? used - mean : mean - used;
    }
    return mean > 0 ? sum * 1000 / d->full / mean : 0;
}

static int by_size(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

/* Least, quarter, half, three quarters, most. */
static void print_spread(const char *what, uint64_t *values, size_t count)
{
    qsort(values, count, sizeof values[0], by_size);
    printf("%s:", what);
    for (size_t k = 0; k <= 4; k++)
        printf(" %" PRIu64, values[(count - 1) * k / 4]);
    printf("\n");
}

void rooms_days_print(const struct rooms_days *d)
{
    uint64_t *values = calloc(d->rooms, sizeof values[0]);
    if (d->full == 0 || values == NULL) {
        free(values);
        return;
    }
    printf("light and sockets, Wh a room: working day %" PRIu64 ", weekend %" PRIu64 "\n",
           mean_of_kind(d, false), mean_of_kind(d, true));
    for (size_t i = 0; i < d->rooms; i++)
        values[i] = mean_of_room(d, i);
    print_spread("rooms differ, Wh a day", values, d->rooms);
    for (size_t i = 0; i < d->rooms; i++)
        values[i] = distance_of_room(d, i);
    print_spread("days of a room differ, per mille of its mean", values, d->rooms);
    free(values);
}
