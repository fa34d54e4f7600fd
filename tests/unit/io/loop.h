/* Drives a real loop until something has happened. The guard is only there to end a broken test. */
#ifndef YUFU_TESTS_UNIT_IO_LOOP_H
#define YUFU_TESTS_UNIT_IO_LOOP_H

#include "io/io.h"

#define UNTIL(io, condition)                                                                       \
    do {                                                                                           \
        int64_t guard_ = io_mono_real(io).ms + 30'000;                                             \
        while (!(condition)) {                                                                     \
            if (io_mono_real(io).ms > guard_)                                                      \
                fail_msg("never happened: %s", #condition);                                        \
            io_step(io, 1000);                                                                     \
        }                                                                                          \
    } while (0)

#endif
