#include "base/wide_portable.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/must.h"

#define LOW UINT64_C(0xFFFFFFFF)

struct wide {
    uint64_t high, low;
};

static struct wide multiply(uint64_t a, uint64_t b)
{
    uint64_t a1 = a >> 32, a0 = a & LOW, b1 = b >> 32, b0 = b & LOW;
    uint64_t low = a0 * b0;
    uint64_t middle = a1 * b0 + (low >> 32); /* at most (2^32-1)^2 + 2^32-1: fits */
    uint64_t other = a0 * b1 + (middle & LOW);
    return (struct wide){a1 * b1 + (middle >> 32) + (other >> 32), other << 32 | (low & LOW)};
}

uint64_t wide_portable_mul_high(uint64_t a, uint64_t b)
{
    return multiply(a, b).high;
}

static uint64_t size_of(int64_t v)
{
    return v < 0 ? -(uint64_t)v : (uint64_t)v;
}

/* |sum|; *negative tells its sign. |a * b| <= 2^126: the addition cannot overflow. */
static struct wide add_up(struct wide_sum s, bool *negative)
{
    struct wide w = multiply(size_of(s.a), size_of(s.b));
    uint64_t more = size_of(s.add);
    *negative = (s.a < 0) != (s.b < 0);
    if ((s.add < 0) == *negative) {
        w.low += more;
        w.high += w.low < more;
        return w;
    }
    if (w.high == 0 && w.low < more) { /* the addend decides the sign */
        *negative = !*negative;
        return (struct wide){0, more - w.low};
    }
    w.high -= w.low < more;
    w.low -= more;
    return w;
}

/* One digit of 32 bits of a quotient: (rest * 2^32 + next) / d, with rest < d and the uppermost bit
 * of d set. Estimated from d's upper half, which is at most two too many. */
static uint64_t digit(uint64_t *rest, uint64_t next, uint64_t d)
{
    uint64_t d1 = d >> 32, d0 = d & LOW;
    uint64_t q = *rest / d1, left = *rest % d1;
    while (left <= LOW && (q > LOW || q * d0 > (left << 32 | next))) {
        q--;
        left += d1;
    }
    *rest = (*rest << 32 | next) - q * d; /* modulo 2^64, and smaller than d */
    return q;
}

/* n.high < d: the quotient has 64 bits. */
static uint64_t divide(struct wide n, uint64_t d, uint64_t *rest)
{
    if (n.high == 0) {
        *rest = n.low % d;
        return n.low / d;
    }
    int shift = __builtin_clzll(d);
    uint64_t over = shift == 0 ? 0 : n.low >> (64 - shift);
    *rest = n.high << shift | over;
    n.low <<= shift;
    d <<= shift;
    uint64_t upper = digit(rest, n.low >> 32, d);
    uint64_t q = upper << 32 | digit(rest, n.low & LOW, d);
    *rest >>= shift;
    return q;
}

enum err wide_portable_divide(struct wide_sum sum, int64_t divisor, int64_t *quotient,
                              int64_t *rest)
{
    MUST(divisor > 0);
    bool negative;
    struct wide n = add_up(sum, &negative);
    uint64_t d = (uint64_t)divisor, left;
    if (n.high >= d)
        return ERR_OVERFLOW;
    uint64_t q = divide(n, d, &left);
    int64_t r = (int64_t)left;
    if (left >= d - d / 2) {
        if (++q == 0)
            return ERR_OVERFLOW;
        r -= divisor;
    }
    if (q > (uint64_t)INT64_MAX + negative)
        return ERR_OVERFLOW;
    *quotient = negative ? (int64_t)-q : (int64_t)q;
    if (rest != NULL)
        *rest = negative ? -r : r;
    return ERR_OK;
}
