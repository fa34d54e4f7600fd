/*
 * Products of 128 bits, also for processors that have none: one multiplication, one addition and
 * one division, with nothing lost between them. Where the compiler counts in 128 bits it does,
 * which takes half the time; elsewhere 64-bit arithmetic (wide_portable.h) comes to the same.
 */
#ifndef YUFU_BASE_WIDE_H
#define YUFU_BASE_WIDE_H

#include <stdint.h>

#include "base/err.h"

/* The upper 64 bits of a * b. */
uint64_t wide_mul_high(uint64_t a, uint64_t b);

struct wide_sum {
    int64_t a, b, add; /* a * b + add */
};

/*
 * sum / divisor, half away from zero: 5/2 = 3, -5/2 = -3. divisor > 0. *rest (NULL is allowed) is
 * sum - quotient * divisor, between -divisor/2 and divisor/2. ERR_OVERFLOW, with nothing written,
 * if the quotient does not fit.
 */
[[nodiscard]] enum err wide_divide(struct wide_sum sum, int64_t divisor, int64_t *quotient,
                                   int64_t *rest);

#endif
