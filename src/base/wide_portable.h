/*
 * base/wide.h in 64-bit arithmetic only: what it does where the compiler has no type of 128 bits.
 * Compiled everywhere, so that a test can hold the two against each other; nobody else calls it.
 */
#ifndef YUFU_BASE_WIDE_PORTABLE_H
#define YUFU_BASE_WIDE_PORTABLE_H

#include "base/wide.h"

uint64_t wide_portable_mul_high(uint64_t a, uint64_t b);
[[nodiscard]] enum err wide_portable_divide(struct wide_sum sum, int64_t divisor, int64_t *quotient,
                                            int64_t *rest);

#endif
