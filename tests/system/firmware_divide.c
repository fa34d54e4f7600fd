/* firmware/divide.c against this computer's own division: firmware_divide COUNT SEED. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "firmware/divide.h"

/* All lengths alike, and often a power of two or its neighbour. */
static uint64_t any(struct rand_stream *r)
{
    uint64_t bits = rand_u64(r), shift = rand_below(r, 64);
    if (!rand_chance(r, 200))
        return bits >> shift;
    return (UINT64_C(1) << shift) + rand_below(r, 3) - 1;
}

static int wrong(uint64_t n, uint64_t d)
{
    uint64_t rest;
    uint64_t q = divide_unsigned(n, d, &rest);
    if (q == n / d && rest == n % d)
        return 0;
    printf("FAILED: %" PRIu64 " / %" PRIu64 "\n", n, d);
    return 1;
}

static int wrong_signed(int64_t n, int64_t d)
{
    if (d == -1 && n == INT64_MIN)
        return 0;
    int64_t rest, q = divide_signed(n, d, &rest);
    if (q == n / d && rest == n % d)
        return 0;
    printf("FAILED: %" PRId64 " / %" PRId64 "\n", n, d);
    return 1;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    struct rand_stream r = rand_split(strtoull(argv[2], NULL, 10), "divide");
    uint64_t count = strtoull(argv[1], NULL, 10);
    int failed = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t n = any(&r), d = any(&r);
        if (d == 0)
            continue;
        failed += wrong(n, d) + wrong_signed((int64_t)n, (int64_t)d);
    }
    printf("%" PRIu64 " divisions, %d wrong\n", count, failed);
    return failed != 0;
}
