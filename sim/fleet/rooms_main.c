/*
 * yufu-rooms: dormitory rooms and their terminals without lines, as fast as they go. Prints what
 * the year was like: energy by month, what load control found and what it got wrong, a digest that
 * the same seed repeats, and how many room-seconds a second one core does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "sim/fleet/rooms_days.h"
#include "sim/world/installer.h"

#define DAY_S 86'400
#define ZONE_S 28'800
#define ROUND_HOUR 9 /* of the caretaker */

struct options {
    int64_t rooms, days, hours, seed, mischief, tick_s, tell;
    const char *from;
    int help;
};

struct house {
    struct options options;
    struct sim_meter *meters;
    struct room *rooms;
    wall_s wall0;
    uint64_t month_mwh[13][2]; /* by month: light and sockets, air conditioning */
    uint64_t hour_mwh[24][2];  /* by local hour */
    uint64_t before_mwh[2];
    uint64_t hour_count;
    uint64_t month_hours[13]; /* room-hours */
    uint64_t resets;
    struct rooms_days days; /* light and sockets */
    uint64_t *registers;    /* of all rooms, for a moment */
};

static const struct {
    const char *name, *about;
    size_t at;
} rows[] = {
    {"--rooms", "how many (100)", offsetof(struct options, rooms)},
    {"--days", "how long (7)", offsetof(struct options, days)},
    {"--hours", "and hours (0)", offsetof(struct options, hours)},
    {"--seed", "of everything (1)", offsetof(struct options, seed)},
    {"--mischief", "how much is forbidden: 0 nothing, 10 as usual (10)",
     offsetof(struct options, mischief)},
    {"--tick", "1 to 600 s between two looks at a room, as a fleet does (10)",
     offsetof(struct options, tick_s)},
    {"--tell", "1: a line for what was wrong, late or never, 2: for every trip (0)",
     offsetof(struct options, tell)},
};

static int usage(FILE *to)
{
    fprintf(to, "usage: yufu-rooms [OPTION N...] [--from YYYY-MM-DD]\n\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        fprintf(to, "  %-11s %s\n", rows[i].name, rows[i].about);
    fprintf(to, "  %-11s first day (2026-03-02)\n", "--from");
    return to == stdout ? 0 : 2;
}

static bool take_options(struct options *o, int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        size_t k = 0;
        while (k < sizeof rows / sizeof rows[0] && strcmp(rows[k].name, argv[i]) != 0)
            k++;
        if (strcmp(argv[i], "--from") == 0) {
            o->from = argv[i + 1];
            continue;
        }
        char *end;
        int64_t v = strtoll(argv[i + 1], &end, 10);
        if (k == sizeof rows / sizeof rows[0] || *end != '\0' || v < 0 || v > 1'000'000'000)
            return false;
        memcpy((char *)o + rows[k].at, &v, sizeof v);
    }
    return argc % 2 == 1 && o->rooms > 0 && o->tick_s > 0 && o->tick_s <= 600 &&
           o->mischief <= 1000 && o->days * o->rooms <= 100'000'000;
}

static bool open_house(struct house *h)
{
    struct civil c = {.hour = ROOMS_DAY_BEGINS_H};
    int year, month, day;
    if (sscanf(h->options.from, "%4d-%2d-%2d", &year, &month, &day) != 3)
        return false;
    c.year = (int16_t)year;
    c.month = (uint8_t)month;
    c.day = (uint8_t)day;
    if (!civil_valid(c))
        return false;
    h->wall0 = civil_to_wall(c, ZONE_S);
    h->meters = calloc((size_t)h->options.rooms, sizeof h->meters[0]);
    h->rooms = calloc((size_t)h->options.rooms, sizeof h->rooms[0]);
    h->registers = calloc((size_t)h->options.rooms, sizeof h->registers[0]);
    return h->meters != NULL && h->rooms != NULL && h->registers != NULL &&
           rooms_days_open(&h->days, (size_t)h->options.rooms, (size_t)h->options.days);
}

static bool move_in(struct house *h, size_t i)
{
    struct terminal_setup setup = {.circuits = 3,
                                   .phases = 1,
                                   .rating_ma = 15'000,
                                   .zone_s = ZONE_S,
                                   .price_e4 = {5583, 5583, 5583, 5583}};
    uint64_t key[2] = {(uint64_t)h->options.seed, i};
    struct room_options o = {.seed = fnv64(FNV64_START, key, sizeof key),
                             .zone_s = ZONE_S,
                             .circuits = 3,
                             .mischief = (uint16_t)h->options.mischief,
                             .judged = true};
    for (unsigned k = 0; k < sizeof setup.address; k++)
        setup.address[k] = (uint8_t)(k < 3 ? i /
                                                     (k == 0   ? 1
                                                      : k == 1 ? 100
                                                               : 10'000) %
                                                     100 / 10 * 16 +
                                                 i /
                                                     (k == 0   ? 1
                                                      : k == 1 ? 100
                                                               : 10'000) %
                                                     10
                                           : 0);
    sim_meter_init(&h->meters[i], &setup, NULL, (mono_ms){0});
    room_init(&h->rooms[i], &o, h->wall0.s * 1000);
    h->meters[i].room = &h->rooms[i];
    sim_meter_run(&h->meters[i], (mono_ms){0}, h->wall0);
    return installer_set_dorm(&h->meters[i]);
}

/* What was new, what the terminal recognised last, and what was switched on. */
static void tell(const struct house *h, size_t i, const struct room_count *was)
{
    const struct room *r = &h->rooms[i];
    const struct terminal *t = &h->meters[i].terminal;
    const struct room_count *n = &r->count;
    uint64_t late = n->by_hand.late + n->returned.late - was->by_hand.late - was->returned.late;
    uint64_t missed =
        n->by_hand.missed + n->returned.missed - was->by_hand.missed - was->returned.missed;
    uint64_t faults = n->wrong - was->wrong + late + missed;
    if (faults == 0 && (h->options.tell < 2 || memcmp(n->trips, was->trips, sizeof n->trips) == 0))
        return;
    struct civil c = terminal_local_time(t);
    printf("%04d-%02d-%02d %02d:%02d:%02d room %zu wrong %" PRIu64 " late %" PRIu64
           " never %" PRIu64 ";",
           c.year, c.month, c.day, c.hour, c.minute, c.second, i, n->wrong - was->wrong, late,
           missed);
    for (unsigned k = 0; k < TERMINAL_REASON_COUNT; k++)
        if (n->trips[k] > was->trips[k])
            printf(" %s", terminal_reason_name((enum terminal_reason)k));
    for (unsigned k = 0; k < TERMINAL_CIRCUITS; k++)
        printf(" | %s %d W %d var inrush %u third %u", load_verdict_name(t->why[k].verdict),
               t->why[k].power_mw / 1000, t->why[k].reactive_mvar / 1000, t->why[k].inrush,
               t->why[k].third);
    printf(" | on:");
    for (unsigned k = 0; k < r->thing_count; k++)
        if (r->things[k].uses > 0)
            printf(" %s%s", appliances[r->things[k].kind].name, r->things[k].drawing ? "*" : "");
    for (unsigned k = 0; k < r->thing_count; k++)
        if (appliances[r->things[k].kind].ban >= APPLIANCE_HEAVY && r->things[k].plugged)
            printf(" (%s %d W, %" PRId64 " s)", appliances[r->things[k].kind].name,
                   r->things[k].power_mw / 1000,
                   h->wall0.s + h->meters[i].at.ms / 1000 - r->things[k].since_ms / 1000);
    printf("\n");
}

static void live_tick(struct house *h, int64_t at_s)
{
    for (int64_t i = 0; i < h->options.rooms; i++) {
        struct room_count was = h->rooms[i].count;
        sim_meter_run(&h->meters[i], (mono_ms){at_s * 1000}, h->wall0);
        if (h->options.tell > 0)
            tell(h, (size_t)i, &was);
    }
}

/* At the end of every hour. */
static void count_hour(struct house *h, wall_s at)
{
    struct civil c = civil_from_wall((wall_s){at.s - 1}, ZONE_S);
    uint64_t now[2] = {0};
    for (int64_t i = 0; i < h->options.rooms; i++)
        for (unsigned k = 1; k <= 3; k++)
            now[k == 3] += terminal_register_mwh(&h->meters[i].terminal, k, 0);
    for (unsigned k = 0; k < 2; k++) {
        h->month_mwh[c.month][k] += now[k] - h->before_mwh[k];
        h->hour_mwh[c.hour][k] += now[k] - h->before_mwh[k];
        h->before_mwh[k] = now[k];
    }
    h->month_hours[c.month] += (uint64_t)h->options.rooms;
    h->hour_count += (uint64_t)h->options.rooms;
}

static void count_day(struct house *h, wall_s at)
{
    struct civil c = civil_from_wall((wall_s){at.s - DAY_S}, ZONE_S);
    for (int64_t i = 0; i < h->options.rooms; i++)
        h->registers[i] = terminal_register_mwh(&h->meters[i].terminal, 1, 0) +
                          terminal_register_mwh(&h->meters[i].terminal, 2, 0);
    rooms_days_add(&h->days, c.weekday == 0 || c.weekday == 6, h->registers);
}

/* True where a period of every_s ended within the last tick. */
static bool passed(const struct house *h, int64_t at_s, int64_t every_s, int64_t offset_s)
{
    int64_t local_s = h->wall0.s + at_s + ZONE_S - offset_s;
    return local_s / every_s != (local_s - h->options.tick_s) / every_s;
}

static void live(struct house *h)
{
    int64_t end_s = h->options.days * DAY_S + h->options.hours * 3600;
    for (int64_t at_s = 0; at_s < end_s;) {
        at_s = at_s + h->options.tick_s < end_s ? at_s + h->options.tick_s : end_s;
        live_tick(h, at_s);
        if (passed(h, at_s, 3600, 0))
            count_hour(h, (wall_s){h->wall0.s + at_s});
        if (passed(h, at_s, DAY_S, ROOMS_DAY_BEGINS_H * 3600))
            count_day(h, (wall_s){h->wall0.s + at_s});
        if (passed(h, at_s, DAY_S, ROUND_HOUR * 3600))
            for (int64_t i = 0; i < h->options.rooms; i++)
                h->resets += installer_reset(&h->meters[i]);
    }
}

/* Registers, trips and counts of all rooms: the same for the same options. */
static uint64_t digest(const struct house *h)
{
    uint64_t d = FNV64_START;
    struct terminal_event e;
    for (int64_t i = 0; i < h->options.rooms; i++) {
        const struct terminal *t = &h->meters[i].terminal;
        d = fnv64(d, t->books.energy_mwh, sizeof t->books.energy_mwh);
        d = fnv64(d, &t->books.trips, sizeof t->books.trips);
        for (unsigned nn = 1; terminal_event_read(t, true, nn, &e); nn++)
            d = fnv64(d, &e.at, sizeof e.at);
        d = fnv64(d, &h->rooms[i].count, sizeof h->rooms[i].count);
    }
    return d;
}

static struct room_count add_up(const struct house *h)
{
    struct room_count sum = {0};
    for (int64_t i = 0; i < h->options.rooms; i++) {
        const uint64_t *from = (const uint64_t *)&h->rooms[i].count;
        for (size_t k = 0; k < sizeof sum / sizeof(uint64_t); k++)
            ((uint64_t *)&sum)[k] += from[k];
    }
    return sum;
}

static void print_months(const struct house *h)
{
    printf("month   light and sockets   air conditioning   Wh a room and day\n");
    for (unsigned m = 1; m <= 12; m++)
        if (h->month_hours[m] > 0)
            printf("%5u %19" PRIu64 " %18" PRIu64 "\n", m,
                   h->month_mwh[m][0] * 24 / 1000 / h->month_hours[m],
                   h->month_mwh[m][1] * 24 / 1000 / h->month_hours[m]);
    printf("W a room by hour:");
    for (unsigned k = 0; k < 24; k++)
        printf(" %" PRIu64,
               h->hour_mwh[k][0] * 24 / 1000 / (h->hour_count > 0 ? h->hour_count : 1));
    printf("\n");
}

static void print_found(const char *what, const struct room_found *f)
{
    printf("forbidden heating, %s: %" PRIu64 ", tripped within 1 s %" PRIu64 ", later %" PRIu64
           ", never %" PRIu64 "\n",
           what, f->started, f->caught, f->late, f->missed);
}

static void print_counts(const struct house *h)
{
    struct room_count n = add_up(h);
    uint64_t room_hours = (uint64_t)(h->options.rooms * (h->options.days * 24 + h->options.hours));
    printf("trips by load control:");
    for (unsigned i = 0; i < TERMINAL_REASON_COUNT; i++)
        if (n.trips[i] > 0)
            printf(" %s %" PRIu64 " (wrong %" PRIu64 ")",
                   terminal_reason_name((enum terminal_reason)i), n.trips[i], n.wrong_by[i]);
    printf("\nwrong trips: %" PRIu64 ", %" PRIu64 " a 1,000,000 room-days\n", n.wrong,
           room_hours > 0 ? n.wrong * 24'000'000 / room_hours : 0);
    print_found("switched on", &n.by_hand);
    print_found("back with the supply", &n.returned);
    printf("above the sockets' limit: %" PRIu64 " started, %" PRIu64 " tripped\n", n.heavy,
           n.heavy_caught);
    printf("air conditioner unplugged: %" PRIu64 ", %" PRIu64 " tripped\n", n.unplugged,
           n.unplugged_caught);
    printf("lock-outs: %" PRIu64 ", circuits reset by the caretaker: %" PRIu64 "\n", n.lockouts,
           h->resets);
    printf("samples: %" PRIu64 " a room and hour; switched by hand: %" PRIu64 " a room and day\n",
           room_hours > 0 ? n.samples / room_hours : 0,
           room_hours > 0 ? n.deeds * 24 / room_hours : 0);
}

int main(int argc, char **argv)
{
    struct house h = {.options = {.rooms = 100,
                                  .days = 7,
                                  .seed = 1,
                                  .mischief = 10,
                                  .tick_s = 10,
                                  .from = "2026-03-02"}};
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (!take_options(&h.options, argc, argv) || !open_house(&h))
        return usage(stderr);
    for (int64_t i = 0; i < h.options.rooms; i++)
        if (!move_in(&h, (size_t)i)) {
            fprintf(stderr, "yufu-rooms: a terminal refused its setup\n");
            return 1;
        }
    clock_t begin = clock();
    live(&h);
    int64_t used_ms = (int64_t)(clock() - begin) * 1000 / CLOCKS_PER_SEC + 1;
    int64_t room_s = h.options.rooms * (h.options.days * DAY_S + h.options.hours * 3600);
    print_months(&h);
    rooms_days_print(&h.days);
    print_counts(&h);
    printf("digest %016" PRIx64 "\n", digest(&h));
    printf("speed: %" PRId64 " room-seconds a second of one core: %" PRId64
           " rooms at 60 times real time\n",
           room_s * 1000 / used_ms, room_s * 1000 / used_ms / 60);
    for (int64_t i = 0; i < h.options.rooms; i++)
        sim_meter_close(&h.meters[i]);
    rooms_days_close(&h.days);
    free(h.registers);
    free(h.meters);
    free(h.rooms);
    return 0;
}
