/*
 * A client as most are written: libmodbus, one exchange after the other, the thread waits for each.
 * It reads of each meter what the gateway reads of the model acrel-ddsy1352. Prints what it took.
 *
 *   modbus_blocking DEVICE BAUD METERS SECONDS
 */
#include <errno.h>
#include <inttypes.h>
#include <modbus.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define WAIT_US 500'000

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1'000'000 + t.tv_nsec / 1000;
}

static int64_t cpu_us(const struct rusage *u)
{
    return ((int64_t)u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1'000'000 + u->ru_utime.tv_usec +
           u->ru_stime.tv_usec;
}

static void poll_meter(modbus_t *m, int unit, int64_t *answered, int64_t *failed)
{
    static const struct {
        int address, count;
    } rows[] = {{0, 10}, {88, 1}};
    uint16_t values[16];
    modbus_set_slave(m, unit);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool good =
            modbus_read_registers(m, rows[i].address, rows[i].count, values) == rows[i].count;
        *answered += good;
        *failed += !good;
    }
}

/* The most that was resident since this program began; ru_maxrss would tell of who started it. */
static long memory_kib(void)
{
    char line[128];
    long kib = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kib) == 1)
            break;
    if (f)
        fclose(f);
    return kib;
}

int main(int argc, char **argv)
{
    struct rusage before, after;
    int64_t answered = 0, failed = 0;
    if (argc != 5)
        return 2;
    int meters = atoi(argv[3]);
    int64_t seconds = atoi(argv[4]);
    modbus_t *m = modbus_new_rtu(argv[1], atoi(argv[2]), 'E', 8, 1);
    if (!m || modbus_connect(m) != 0) {
        fprintf(stderr, "%s: %s\n", argv[1], modbus_strerror(errno));
        return 1;
    }
    modbus_set_response_timeout(m, 0, WAIT_US);
    getrusage(RUSAGE_SELF, &before);
    int64_t end = now_us() + seconds * 1'000'000;
    for (int unit = 1; now_us() < end; unit = unit % meters + 1)
        poll_meter(m, unit, &answered, &failed);
    getrusage(RUSAGE_SELF, &after);
    printf("{\"answered\": %" PRId64 ", \"failed\": %" PRId64 ", \"cpu_us\": %" PRId64
           ", \"memory_kib\": %ld}\n",
           answered, failed, cpu_us(&after) - cpu_us(&before), memory_kib());
    modbus_close(m);
    modbus_free(m);
    return 0;
}
