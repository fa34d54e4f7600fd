#include "base/rand.h"

#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/wide.h"

struct rand_stream rand_split(uint64_t seed, const char *label)
{
    return (struct rand_stream){fnv64(FNV64_START ^ seed, label, strlen(label)) ^ seed};
}

uint64_t rand_u64(struct rand_stream *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t rand_below(struct rand_stream *r, uint64_t bound)
{
    MUST(bound > 0);
    return wide_mul_high(rand_u64(r), bound);
}

bool rand_chance(struct rand_stream *r, unsigned permille)
{
    return rand_below(r, 1000) < permille;
}
