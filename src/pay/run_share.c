#include <stdlib.h>

#include "base/must.h"
#include "pay/run.h"

struct rest {
    unsigned __int128 fen; /* what rounding down left, times the sum of weights */
    size_t index;
};

static int larger_first(const void *a, const void *b)
{
    const struct rest *x = a, *y = b;
    if (x->fen != y->fen)
        return x->fen < y->fen ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static enum err sum_weights(const int64_t *weight, size_t count, unsigned __int128 *sum)
{
    *sum = 0;
    for (size_t i = 0; i < count; i++) {
        if (weight[i] < 0)
            return ERR_RANGE;
        *sum += (unsigned __int128)weight[i];
    }
    return *sum > 0 ? ERR_OK : ERR_RUN_EMPTY;
}

enum err run_share(int64_t total_fen, const int64_t *weight, size_t count, int64_t *part_fen)
{
    unsigned __int128 sum;
    int64_t left = total_fen;
    if (total_fen < 0)
        return ERR_RANGE;
    TRY(sum_weights(weight, count, &sum));
    struct rest *rests = malloc(count * sizeof *rests);
    MUST(rests);
    for (size_t i = 0; i < count; i++) {
        unsigned __int128 product = (unsigned __int128)total_fen * (unsigned __int128)weight[i];
        part_fen[i] = (int64_t)(product / sum);
        rests[i] = (struct rest){product % sum, i};
        left -= part_fen[i];
    }
    qsort(rests, count, sizeof *rests, larger_first);
    MUST(left >= 0 && (size_t)left < count + 1);
    for (size_t i = 0; i < (size_t)left; i++)
        part_fen[rests[i].index]++;
    free(rests);
    return ERR_OK;
}
