#include "firmware/record.h"

#include <string.h>

#include "base/bytes.h"
#include "firmware/board.h"

#define DIGITS 20

/* Decimal digits from behind; where they begin. */
static char *digits(uint64_t v, char *end)
{
    do {
        *--end = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    return end;
}

void record_text(const char *s)
{
    board_write((const uint8_t *)s, strlen(s));
}

void record_number(int64_t v)
{
    char buf[DIGITS], *end = buf + sizeof buf;
    char *begin = digits(v < 0 ? -(uint64_t)v : (uint64_t)v, end);
    if (v < 0)
        record_text("-");
    board_write((const uint8_t *)begin, (size_t)(end - begin));
}

void record_hex(const uint8_t *data, size_t len)
{
    char pair[3];
    for (size_t i = 0; i < len; i++) {
        hex_encode(data + i, 1, pair);
        board_write((const uint8_t *)pair, 2);
    }
}

void record_remark(const char *name, uint64_t value)
{
    char buf[DIGITS], *end = buf + sizeof buf;
    char *begin = digits(value, end);
    board_note(" ", 1);
    board_note(name, strlen(name));
    board_note("=", 1);
    board_note(begin, (size_t)(end - begin));
}
