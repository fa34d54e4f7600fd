/* Any bytes as a recorded series, and as its labels: the readers end, and say where they stopped.
 */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "app/terminal/classify.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_event(void *arg, const struct load_event *e, bool plain)
{
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t events = 0;
    struct classify_sink sink = {take_event, take_label, take_note, take_clock, &events};
    struct classify_problem problem;
    struct load_settings settings = load_settings_default();
    char path[32];
    int fd = memfd_create("series", 0);
    MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum err e = classify_file(path, &settings, 50, &sink, &problem);
    MUST(e == ERR_OK || *problem.what);
    MUST(events <= size);
    e = classify_labels(path, &sink, &problem);
    MUST(e == ERR_OK || *problem.what);
    close(fd);
    return 0;
}
