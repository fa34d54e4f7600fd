#include "base/text.h"

#include <string.h>

void text_copy(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap - 1);
    memcpy(out, text, len);
    out[len] = '\0';
}

size_t text_int(char out[TEXT_INT_MAX], int64_t value)
{
    char turned[TEXT_INT_MAX];
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t count = 0, len = 0;
    do {
        turned[count++] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        out[len++] = '-';
    while (count > 0)
        out[len++] = turned[--count];
    out[len] = '\0';
    return len;
}
