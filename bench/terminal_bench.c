/*
 * Dorm terminals in one thread: terminal_bench [--terminals N] [--seconds N].
 *
 * Each terminal is the whole library with memory of its own, in the loop of the firmware image, and
 * is told every second (then every mains cycle) the time, the energy and what its metering chip
 * says. Loads are switched on and off from a seed; relays that open end them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "base/rand.h"
#include "firmware/loop.h"

#define BEGIN_S INT64_C(1'772'434'800) /* 2026-03-02 15:00 in Beijing */
#define CYCLE_MS 20
#define MW_MS_PER_MWH 3'600'000

struct room {
    struct terminal t;
    uint32_t power_mw[TERMINAL_CIRCUITS];
    int32_t reactive_mvar[TERMINAL_CIRCUITS];
    uint64_t flowed[TERMINAL_CIRCUITS]; /* mW x ms, less than a mWh */
    uint8_t closed;
};

struct bench {
    size_t terminals;
    uint32_t seconds;
    struct room *rooms;
    uint8_t *nvram; /* TERMINAL_NVRAM_SIZE each */
    struct rand_stream random;
    struct room *room; /* whose turn it is */
    uint8_t *room_nvram;
    uint64_t writes, written_bytes, trips;
};

static struct bench bench;

bool loop_nvram(const struct terminal_write *w)
{
    memcpy(bench.room_nvram + w->offset, w->data, w->len);
    bench.writes++;
    bench.written_bytes += w->len;
    return true;
}

void loop_output(const struct terminal_output *out)
{
    uint8_t closed = 0;
    for (unsigned i = 0; i < out->circuits; i++)
        closed |= (uint8_t)(out->closed[i] << i);
    bench.trips += (uint64_t)__builtin_popcount(bench.room->closed & ~closed);
    bench.room->closed = closed;
}

/* Only the settings below are answered. */
void loop_send(enum terminal_port port, struct bytes answer)
{
    struct dlt645_frame f;
    size_t used;
    MUST(port == TERMINAL_RS485 && dlt645_decode(answer.data, answer.len, &f, &used) == ERR_OK);
    MUST(f.control == (DLT645_WRITE | DLT645_ANSWER));
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *zeroed(size_t len)
{
    void *p =
        mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) {
        perror("terminal_bench: memory");
        exit(1);
    }
    return p;
}

static uint64_t resident_bytes(void)
{
    unsigned long all = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f == NULL || fscanf(f, "%lu %lu", &all, &resident) != 2)
        resident = 0;
    if (f != NULL)
        fclose(f);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static struct terminal_setup setup_of(size_t number)
{
    struct terminal_setup s = {.circuits = TERMINAL_CIRCUITS,
                               .phases = 1,
                               .wallet = true,
                               .rating_ma = 15'000,
                               .zone_s = 28'800,
                               .price_e4 = {9000, 7000, 5000, 3000},
                               .preset_fen = 10'000,
                               .period_count = 2,
                               .periods = {{7, 0, 3}, {23, 0, 4}}};
    for (unsigned i = 0; i < 4; i++)
        s.address[i] = (uint8_t)(number >> (8 * i) & 0x77);
    return s;
}

static void turn(size_t number)
{
    bench.room = &bench.rooms[number];
    bench.room_nvram = bench.nvram + number * TERMINAL_NVRAM_SIZE;
}

/* What the factory left off is on: all three circuits look for heating. */
static void watch_heating(uint8_t circuit)
{
    static const uint8_t rules[] = {0x02, 0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 60, 0, 150, 0, 5, 0, 5};
    struct dlt645_frame f = {.control = DLT645_WRITE, .len = 12 + sizeof rules};
    uint8_t wire[DLT645_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    const uint8_t head[12] = {circuit, 0x24, 0x80, 0x04, 0x02};
    memset(f.address, 0xAA, sizeof f.address);
    memcpy(f.data, head, sizeof head);
    memcpy(f.data + sizeof head, rules, sizeof rules);
    dlt645_encode(&f, 0, &w);
    terminal_receive(&bench.room->t, wire, w.len);
    loop_settle(&bench.room->t);
}

static void boot_all(void)
{
    for (size_t n = 0; n < bench.terminals; n++) {
        turn(n);
        struct terminal_setup s = setup_of(n);
        terminal_boot(&bench.room->t, &s, bench.room_nvram);
        struct loop_cycle c = {.now = {1}, .rtc = {BEGIN_S}};
        loop_time(&bench.room->t, &c);
        for (unsigned i = 1; i <= TERMINAL_CIRCUITS; i++)
            watch_heating((uint8_t)i);
    }
}

/* Once in two minutes or so something is switched in a circuit; one time in eight it is a heater.
 */
static void live(struct room *room, unsigned i)
{
    static const uint32_t watts[8] = {0, 9, 40, 65, 120, 300, 700, 1800};
    uint64_t r = rand_u64(&bench.random);
    if (r % 120 != 0)
        return;
    unsigned which = (unsigned)(r >> 32) % 8;
    room->power_mw[i] = watts[which] * 1000;
    room->reactive_mvar[i] = which == 7 ? 0 : (int32_t)(room->power_mw[i] / 3);
}

static void sample(struct room *room, struct loop_cycle *c, uint32_t step_ms)
{
    uint32_t noise = (uint32_t)rand_u64(&bench.random);
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++) {
        uint32_t mw = room->closed >> i & 1 ? room->power_mw[i] : 0;
        mw += mw / 256 * (noise >> (8 * i) & 3) / 4;
        c->sample.voltage_dv[i] = (uint16_t)(2190 + (noise >> 24) % 20);
        c->sample.power_mw[i] = (int32_t)mw;
        c->sample.reactive_mvar[i] = mw > 0 ? room->reactive_mvar[i] : 0;
        c->sample.current_ma[i] = mw / 220 + (uint32_t)c->sample.reactive_mvar[i] / 1000;
        room->flowed[i] += (uint64_t)mw * step_ms;
        c->energy_mwh[i] = (uint32_t)(room->flowed[i] / MW_MS_PER_MWH);
        room->flowed[i] %= MW_MS_PER_MWH;
    }
}

/* One terminal, one second, in steps. */
static void second(size_t number, int64_t at_ms, uint32_t step_ms)
{
    turn(number);
    struct loop_cycle c = {.sample.frequency_chz = 5000, .sample.has_reactive = true};
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        live(bench.room, i);
    for (uint32_t ms = step_ms; ms <= 1000; ms += step_ms) {
        c.now.ms = at_ms + ms;
        c.rtc.s = BEGIN_S + c.now.ms / 1000;
        sample(bench.room, &c, step_ms);
        loop_take(&bench.room->t, &c);
    }
}

/* All terminals side by side, second after second. */
static void pass(const char *what, size_t terminals, uint32_t seconds, uint32_t step_ms,
                 int64_t *at_ms)
{
    double begin = now_s();
    bench.writes = bench.written_bytes = bench.trips = 0;
    for (uint32_t s = 0; s < seconds; s++, *at_ms += 1000)
        for (size_t n = 0; n < terminals; n++)
            second(n, *at_ms, step_ms);
    double took = now_s() - begin, rate = (double)terminals * seconds / took;
    printf("%-24s %7zu terminals x %3" PRIu32
           " s in %6.2f s: %9.0f terminal-seconds/s, %.2f x real time\n",
           what, terminals, seconds, took, rate, rate / (double)terminals);
    printf("%-24s %.0f terminals in real time on this core; %" PRIu64 " nvram writes (%" PRIu64
           " bytes), %" PRIu64 " circuits opened\n",
           "", rate, bench.writes, bench.written_bytes, bench.trips);
}

static bool option(int argc, char **argv, int i, const char *name, uint64_t *out)
{
    if (strcmp(argv[i], name) != 0 || i + 1 == argc)
        return false;
    char *end;
    *out = strtoull(argv[i + 1], &end, 10);
    return *end == 0 && *out >= 1 && *out <= 1'000'000;
}

int main(int argc, char **argv)
{
    uint64_t terminals = 100'000, seconds = 20;
    for (int i = 1; i < argc; i += 2)
        if (!option(argc, argv, i, "--terminals", &terminals) &&
            !option(argc, argv, i, "--seconds", &seconds)) {
            fputs("usage: terminal_bench [--terminals N] [--seconds N]\n", stderr);
            return 2;
        }
    uint64_t before = resident_bytes();
    bench.terminals = terminals;
    bench.random = rand_split(1, "rooms");
    bench.rooms = zeroed(terminals * sizeof *bench.rooms);
    bench.nvram = zeroed(terminals * TERMINAL_NVRAM_SIZE);
    double begin = now_s();
    boot_all();
    printf("%-24s %7zu terminals in %.2f s\n", "boot", (size_t)terminals, now_s() - begin);
    int64_t at_ms = 1000;
    pass("a sample a second", terminals, (uint32_t)seconds, 1000, &at_ms);
    size_t part = terminals / 50 > 0 ? terminals / 50 : 1;
    pass("a sample a mains cycle", part, (uint32_t)seconds, CYCLE_MS, &at_ms);
    printf("%-24s %zu bytes of state, %d of nvram; resident %.0f bytes a terminal\n", "memory",
           sizeof(struct terminal), TERMINAL_NVRAM_SIZE,
           (double)(resident_bytes() - before) / (double)terminals);
    return 0;
}
