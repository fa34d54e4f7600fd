/*
 * memcpy and its family for the image. Words where both ends are aligned: records and structures
 * are, and a byte at a time would cost four times as much.
 */
#include <stdint.h>
#include <string.h>

#define WORD sizeof(uint32_t)

/* Of a structure of any type: the compiler must not conclude from theirs. Four words are one
 * instruction to load and one to store. */
typedef uint32_t __attribute__((may_alias)) word;
struct words {
    uint32_t v[4];
} __attribute__((may_alias));
#define WORDS sizeof(struct words)

static size_t misaligned(const void *a, const void *b)
{
    return ((uintptr_t)a | (uintptr_t)b) % WORD;
}

void *memcpy(void *to, const void *from, size_t len)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (misaligned(d, s) == 0) {
        for (; len >= WORDS; len -= WORDS, d += WORDS, s += WORDS)
            *(struct words *)(void *)d = *(const struct words *)(const void *)s;
        for (; len >= WORD; len -= WORD, d += WORD, s += WORD)
            *(word *)(void *)d = *(const word *)(const void *)s;
    }
    while (len-- > 0)
        *d++ = *s++;
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    uint8_t *d = to;
    const uint8_t *s = from;
    if (d <= s || d >= s + len)
        return memcpy(to, from, len);
    while (len-- > 0)
        d[len] = s[len];
    return to;
}

void *memset(void *to, int value, size_t len)
{
    uint8_t *d = to;
    uint32_t four = (uint8_t)value * UINT32_C(0x01010101);
    if (misaligned(d, d) == 0) {
        for (; len >= WORDS; len -= WORDS, d += WORDS) {
            word *at = (void *)d;
            at[0] = at[1] = at[2] = at[3] = four;
        }
        for (; len >= WORD; len -= WORD, d += WORD)
            *(word *)(void *)d = four;
    }
    while (len-- > 0)
        *d++ = (uint8_t)value;
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    const uint8_t *x = a, *y = b;
    for (; len > 0; len--, x++, y++)
        if (*x != *y)
            return *x - *y;
    return 0;
}

size_t strlen(const char *s)
{
    size_t len = 0;
    while (s[len] != 0)
        len++;
    return len;
}
