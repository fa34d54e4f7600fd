#include "proto/say.h"

#include <stdio.h>
#include <string.h>

void say_text(struct say_value *v, const char *text)
{
    size_t len = strlen(text);
    len = len < sizeof v->text ? len : sizeof v->text - 1;
    memcpy(v->text, text, len);
    v->text[len] = '\0';
}

void say_hex(struct say_value *v, struct bytes b)
{
    size_t len = b.len < (sizeof v->text - 1) / 2 ? b.len : (sizeof v->text - 1) / 2;
    hex_encode(b.data, len, v->text);
}

static bool all_of(struct bytes b, uint8_t byte)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] != byte)
            return false;
    return b.len > 0;
}

void say_bcd(struct say_value *v, struct bytes b, unsigned decimals)
{
    uint64_t number = 0;
    if (all_of(b, 0xFF)) {
        v->state = SAY_ABSENT;
        v->text[0] = '\0';
        return;
    }
    struct reader r = reader_of(b.data, b.len);
    number = reader_bcd_le(&r, b.len);
    if (r.err != ERR_OK) {
        v->state = SAY_DAMAGED;
        say_hex(v, b);
        return;
    }
    say_scaled(v, (int64_t)number, -(int)decimals);
}

void say_scaled(struct say_value *v, int64_t number, int exponent)
{
    char digits[24];
    bool minus = number < 0;
    uint64_t size = minus ? 0 - (uint64_t)number : (uint64_t)number;
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)size);
    char *out = v->text, *end = v->text + sizeof v->text - 1;
    if (minus)
        *out++ = '-';
    int whole = n + exponent; /* digits before the point */
    if (whole <= 0)
        *out++ = '0';
    for (int i = 0; i < (whole > 0 ? whole : 0) && out < end; i++)
        *out++ = i < n ? digits[i] : '0';
    if (exponent < 0) {
        *out++ = '.';
        for (int i = whole; i < n && out < end; i++)
            *out++ = i < 0 ? '0' : digits[i];
    }
    *out = '\0';
    if (size == 0 && exponent > 0)
        say_text(v, "0");
}
