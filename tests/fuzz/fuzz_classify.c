/* Any bytes as a recorded series, and as its labels: the readers end, and say where they stopped.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/terminal/classify.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_event(void *arg, const struct load_event *e, bool plain, unsigned voltage_dv)
{
    (void)voltage_dv;
    (void)plain;
    MUST(e->told.ms >= e->at.ms && e->verdict < LOAD_VERDICT_COUNT);
    ++*(size_t *)arg;
}

static void take_label(void *arg, const struct classify_label *label)
{
    (void)arg;
    MUST(memchr(label->name, '\0', sizeof label->name));
}

static void take_note(void *arg, const struct classify_problem *note)
{
    (void)arg;
    MUST(note->line > 0 && *note->what);
}

static void take_clock(void *arg, const struct classify_clock *clock)
{
    (void)arg;
    MUST(clock->last_ms >= clock->first_ms);
}

/* What is compressed may unpack to so many times its length. */
#define UNPACKED_MOST 1100

static void read_as(const char *path, const char *columns, size_t most)
{
    size_t events = 0;
    struct classify_sink sink = {take_event, take_label, take_note, take_clock, &events};
    struct classify_problem problem;
    struct load_settings settings = load_settings_default();
    struct classify_how how = {.settings = &settings, .mains_hz = 50, .columns = columns};
    enum err e = classify_file(path, &how, &sink, &problem);
    MUST(e == ERR_OK || *problem.what);
    MUST(events <= most);
    if (columns)
        return;
    e = classify_labels(path, &sink, &problem);
    MUST(e == ERR_OK || *problem.what);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    bool packed = size > 2 && memcmp(data, "\x1f\x8b", 2) == 0;
    size_t most = packed ? size * UNPACKED_MOST : size;
    int fd = memfd_create("series", 0);
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    read_as(path, NULL, most);
    read_as(path, "time,P,Q,U,I", most);
    read_as(path, "I;h3_pct;-;P (kW);time_ms", most);
    close(fd);
    return 0;
}
