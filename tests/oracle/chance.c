/* Chance that can be repeated, and text that grows. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "oracle.h"

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

struct chance chance_begin(uint64_t seed, uint64_t stream)
{
    return (struct chance){mix(seed + UINT64_C(0x9e3779b97f4a7c15)) ^ mix(stream * 2 + 1)};
}

uint64_t chance_next(struct chance *c)
{
    c->state += UINT64_C(0x9e3779b97f4a7c15);
    return mix(c->state);
}

int64_t chance_between(struct chance *c, int64_t low, int64_t high)
{
    uint64_t width = (uint64_t)high - (uint64_t)low + 1;
    return width == 0 ? (int64_t)chance_next(c) : (int64_t)((uint64_t)low + chance_next(c) % width);
}

bool chance_percent(struct chance *c, int percent)
{
    return chance_between(c, 0, 99) < percent;
}

void text_clear(struct text *t)
{
    t->len = 0;
    if (t->at)
        t->at[0] = 0;
}

void text_add(struct text *t, const char *format, ...)
{
    for (;;) {
        va_list args;
        va_start(args, format);
        size_t left = t->size - t->len;
        int n = vsnprintf(t->at ? t->at + t->len : NULL, left, format, args);
        va_end(args);
        if (n < 0)
            abort();
        if ((size_t)n < left) {
            t->len += (size_t)n;
            return;
        }
        t->size = (t->size + (size_t)n + 1) * 2;
        t->at = realloc(t->at, t->size);
        if (!t->at)
            abort();
    }
}

void text_free(struct text *t)
{
    free(t->at);
    *t = (struct text){0};
}
