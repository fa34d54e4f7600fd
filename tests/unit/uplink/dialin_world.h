/* An engine for units that dial in, and what it did, as text. */
#ifndef YUFU_TESTS_UPLINK_DIALIN_WORLD_H
#define YUFU_TESTS_UPLINK_DIALIN_WORLD_H

#include "tests/unit/check.h"

#include "uplink/dialin.h"

struct world {
    struct dialin *d;
    mono_ms now;
    bool frames; /* what is sent is kept in `sent`, what comes is told in hex; else both are text */
    char log[1024];
    uint8_t sent[2048]; /* the last one */
    size_t sent_len;
};

/* A new engine at a world that is empty but for `frames`. */
void world_open(struct world *w);
int world_close(void **state); /* a tear-down */
void world_line(struct world *w, int64_t id, const char *endpoint, enum err want);
/* What was done since the last look. */
void expect(struct world *w, const char *log);

#endif
