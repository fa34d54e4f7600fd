#include "base/wide.h"

#include <stddef.h>

#include "base/must.h"
#include "base/wide_portable.h"

#ifdef __SIZEOF_INT128__

uint64_t wide_mul_high(uint64_t a, uint64_t b)
{
    return (uint64_t)((unsigned __int128)a * b >> 64);
}

enum err wide_divide(struct wide_sum sum, int64_t divisor, int64_t *quotient, int64_t *rest)
{
    MUST(divisor > 0);
    __int128 n = (__int128)sum.a * sum.b + sum.add, q = n / divisor;
    int64_t r = (int64_t)(n - q * divisor), half = divisor - divisor / 2;
    if (r >= half) {
        q++;
        r -= divisor;
    } else if (r <= -half) {
        q--;
        r += divisor;
    }
    if (q > INT64_MAX || q < INT64_MIN)
        return ERR_OVERFLOW;
    *quotient = (int64_t)q;
    if (rest != NULL)
        *rest = r;
    return ERR_OK;
}

#else /* processors of 32 bits */

uint64_t wide_mul_high(uint64_t a, uint64_t b)
{
    return wide_portable_mul_high(a, b);
}

enum err wide_divide(struct wide_sum sum, int64_t divisor, int64_t *quotient, int64_t *rest)
{
    return wide_portable_divide(sum, divisor, quotient, rest);
}

#endif
