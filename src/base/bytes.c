#include "base/bytes.h"

#include <string.h>

#include "base/must.h"

struct reader reader_of(const uint8_t *data, size_t len)
{
    return (struct reader){.data = data, .len = len};
}

size_t reader_left(const struct reader *r)
{
    return r->err == ERR_OK ? r->len - r->at : 0;
}

struct bytes reader_take(struct reader *r, size_t len)
{
    if (r->err == ERR_OK && len > r->len - r->at)
        r->err = ERR_TRUNCATED;
    if (r->err != ERR_OK)
        return (struct bytes){0};
    struct bytes b = {r->data + r->at, len};
    r->at += len;
    return b;
}

static uint64_t take_le(struct reader *r, size_t len)
{
    struct bytes b = reader_take(r, len);
    uint64_t v = 0;
    for (size_t i = b.len; i > 0; i--)
        v = v << 8 | b.data[i - 1];
    return v;
}

static uint64_t take_be(struct reader *r, size_t len)
{
    struct bytes b = reader_take(r, len);
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++)
        v = v << 8 | b.data[i];
    return v;
}

uint8_t reader_u8(struct reader *r)
{
    return (uint8_t)take_le(r, 1);
}

uint16_t reader_u16le(struct reader *r)
{
    return (uint16_t)take_le(r, 2);
}

uint32_t reader_u32le(struct reader *r)
{
    return (uint32_t)take_le(r, 4);
}

uint64_t reader_u64le(struct reader *r)
{
    return take_le(r, 8);
}

uint16_t reader_u16be(struct reader *r)
{
    return (uint16_t)take_be(r, 2);
}

uint32_t reader_u32be(struct reader *r)
{
    return (uint32_t)take_be(r, 4);
}

uint64_t reader_u64be(struct reader *r)
{
    return take_be(r, 8);
}

uint64_t reader_bcd_le(struct reader *r, size_t len)
{
    MUST(len <= 8);
    struct bytes b = reader_take(r, len);
    uint64_t v = 0;
    for (size_t i = b.len; i > 0; i--) {
        uint8_t high = b.data[i - 1] >> 4, low = b.data[i - 1] & 0x0F;
        if (high > 9 || low > 9) {
            r->err = ERR_BCD;
            return 0;
        }
        v = v * 100 + high * 10U + low;
    }
    return v;
}

struct writer writer_of(uint8_t *data, size_t cap)
{
    return (struct writer){.data = data, .cap = cap};
}

void writer_put(struct writer *w, const uint8_t *data, size_t len)
{
    if (w->err == ERR_OK && len > w->cap - w->len)
        w->err = ERR_FULL;
    if (w->err != ERR_OK || len == 0)
        return;
    memcpy(w->data + w->len, data, len);
    w->len += len;
}

static void put_le(struct writer *w, uint64_t v, size_t len)
{
    uint8_t b[8];
    for (size_t i = 0; i < len; i++)
        b[i] = (uint8_t)(v >> (8 * i));
    writer_put(w, b, len);
}

static void put_be(struct writer *w, uint64_t v, size_t len)
{
    uint8_t b[8];
    for (size_t i = 0; i < len; i++)
        b[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
    writer_put(w, b, len);
}

void writer_u8(struct writer *w, uint8_t v)
{
    writer_put(w, &v, 1);
}

void writer_u16le(struct writer *w, uint16_t v)
{
    put_le(w, v, 2);
}

void writer_u32le(struct writer *w, uint32_t v)
{
    put_le(w, v, 4);
}

void writer_u64le(struct writer *w, uint64_t v)
{
    put_le(w, v, 8);
}

void writer_u16be(struct writer *w, uint16_t v)
{
    put_be(w, v, 2);
}

void writer_u32be(struct writer *w, uint32_t v)
{
    put_be(w, v, 4);
}

void writer_u64be(struct writer *w, uint64_t v)
{
    put_be(w, v, 8);
}

void writer_fill(struct writer *w, uint8_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        writer_u8(w, value);
}

void writer_bcd_le(struct writer *w, uint64_t v, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned pair = (unsigned)(v % 100);
        writer_u8(w, (uint8_t)(pair / 10 << 4 | pair % 10));
        v /= 100;
    }
    if (v != 0 && w->err == ERR_OK)
        w->err = ERR_RANGE;
}

void hex_encode(const uint8_t *data, size_t len, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[data[i] >> 4];
        out[2 * i + 1] = digits[data[i] & 0x0F];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

enum err hex_decode(const char *text, size_t text_len, uint8_t *out, size_t cap, size_t *len)
{
    size_t n = 0;
    for (size_t i = 0; i < text_len;) {
        if (blank(text[i])) {
            i++;
            continue;
        }
        if (i + 1 >= text_len)
            return ERR_SYNTAX;
        int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0)
            return ERR_SYNTAX;
        if (n == cap)
            return ERR_FULL;
        out[n++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *len = n;
    return ERR_OK;
}

uint8_t sum8(const uint8_t *data, size_t len)
{
    unsigned sum = 0;
    for (size_t i = 0; i < len; i++)
        sum += data[i];
    return (uint8_t)sum;
}

uint16_t crc16_modbus(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xFFFF;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xA001U : crc >> 1;
    }
    return (uint16_t)crc;
}

uint32_t crc32c(const uint8_t *data, size_t len)
{
    uint32_t crc = 0xFFFFFFFFU;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0x82F63B78U : crc >> 1;
    }
    return ~crc;
}

uint64_t fnv64(uint64_t hash, const void *data, size_t len)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++) {
        hash ^= p[i];
        hash *= UINT64_C(0x100000001b3);
    }
    return hash;
}
