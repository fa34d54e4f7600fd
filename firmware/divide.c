/*
 * Most divisions of the terminal fit into 32 bits, or have a small divisor (a voltage, a count):
 * both go by the 32-bit division of libgcc, which is short for small quotients. libgcc's own 64-bit
 * division knows neither case and costs eight times as much.
 */
#include "firmware/divide.h"

#define HALF 16

/* Long division with digits of 16 bits: each step fits into 32. */
static uint64_t by_small(uint64_t n, uint32_t d, uint64_t *rest)
{
    uint64_t q = 0;
    uint32_t left = 0;
    for (int at = n >> 48 ? 48 : 32; at >= 0; at -= HALF) {
        uint32_t part = left << HALF | (uint16_t)(n >> at);
        uint32_t digit = part / d;
        left = part - digit * d;
        q = q << HALF | digit;
    }
    *rest = left;
    return q;
}

/* A bit at a time, as many as the quotient can have. d <= n. */
static uint64_t by_bits(uint64_t n, uint64_t d, uint64_t *rest)
{
    uint64_t q = 0;
    for (int shift = __builtin_clzll(d) - __builtin_clzll(n); shift >= 0; shift--) {
        uint64_t part = d << shift;
        q <<= 1;
        if (n < part)
            continue;
        n -= part;
        q |= 1;
    }
    *rest = n;
    return q;
}

uint64_t divide_unsigned(uint64_t n, uint64_t d, uint64_t *rest)
{
    if (n < d) {
        *rest = n;
        return 0;
    }
    if (n >> 32 == 0) {
        uint32_t q = (uint32_t)n / (uint32_t)d;
        *rest = (uint32_t)n - q * (uint32_t)d;
        return q;
    }
    return d >> HALF == 0 ? by_small(n, (uint32_t)d, rest) : by_bits(n, d, rest);
}

static uint64_t size_of(int64_t v)
{
    return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

int64_t divide_signed(int64_t n, int64_t d, int64_t *rest)
{
    uint64_t left, q = divide_unsigned(size_of(n), size_of(d), &left);
    *rest = (int64_t)(n < 0 ? -left : left);
    return (int64_t)((n < 0) != (d < 0) ? -q : q);
}
