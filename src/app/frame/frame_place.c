/* Where a damaged frame is damaged, in bytes from the beginning of the line. */
#include <string.h>

#include "app/frame/frame.h"
#include "app/frame/frame_foreign.h"

static void set_int(json_t *o, const char *key, size_t v)
{
    (void)json_object_set_new(o, key, json_integer((json_int_t)v)); /* out of memory: left out */
}

static void set_hex(json_t *o, const char *key, const uint8_t *data, size_t len)
{
    char hex[9];
    hex_encode(data, len, hex);
    (void)json_object_set_new(o, key, json_string(hex)); /* as above */
}

/* What its own bytes say of a frame; length 0: they do not. */
struct shape {
    size_t length, sum_from, sum_len; /* sum_len: bytes of the check sum */
};

static struct shape shape_of_68(const uint8_t *p, size_t len)
{
    if (len >= 4 && p[3] == 0x68 && p[1] == p[2])
        return (struct shape){(size_t)p[1] + 6, 4, 1};
    if (len >= 10 && p[7] == 0x68)
        return (struct shape){(size_t)p[9] + 12, 0, 1};
    return len >= 11 && p[7] != 0x68 ? (struct shape){(size_t)p[10] + 13, 0, 1} : (struct shape){0};
}

static struct shape shape_of(const char *protocol, const uint8_t *p, size_t len)
{
    if (strcmp(protocol, "Modbus RTU") == 0)
        return (struct shape){len, 0, 2};
    if (strcmp(protocol, "Modbus TCP") == 0)
        return (struct shape){len >= 6 ? 6u + (size_t)(p[4] << 8 | p[5]) : 0, 0, 0};
    if (strcmp(protocol, "Acrel gateway") == 0 && len >= 7)
        return (struct shape){7u + ((size_t)p[3] << 24 | (size_t)p[4] << 16 | p[5] << 8 | p[6]), 0,
                              0};
    if (strcmp(protocol, "M-Bus") == 0 && p[0] == 0x10)
        return (struct shape){5, 1, 1};
    struct frame_foreign foreign;
    if (frame_foreign_at((struct bytes){p, len}, false, &foreign) &&
        strcmp(protocol, foreign.name) == 0)
        return (struct shape){foreign.len, 0, 0};
    return p[0] == 0x68 ? shape_of_68(p, len) : (struct shape){0};
}

/* The check sum that nobody sent. */
static void set_crc(json_t *o, const uint8_t *p, size_t len)
{
    uint16_t crc = crc16_modbus(p, len);
    set_hex(o, "checksum_expected", (uint8_t[]){(uint8_t)crc, (uint8_t)(crc >> 8)}, 2);
}

static void set_sum(json_t *o, const struct shape *s, const uint8_t *p, size_t offset)
{
    size_t at = s->length - 2; /* one and the end mark, or two */
    uint8_t sum[2] = {sum8(p + s->sum_from, at - s->sum_from)};
    if (s->sum_len == 2) {
        uint16_t crc = crc16_modbus(p, at);
        sum[0] = (uint8_t)crc;
        sum[1] = (uint8_t)(crc >> 8);
    }
    set_int(o, "checksum_at", offset + at);
    set_hex(o, "checksum", p + at, s->sum_len);
    set_hex(o, "checksum_expected", sum, s->sum_len);
}

/* Two digits, which are two characters of the line. */
static void set_ascii_sum(json_t *o, const uint8_t *p, size_t len, size_t offset)
{
    uint8_t body[FRAME_ASCII_MAX];
    size_t n = frame_ascii_body((struct bytes){p, len}, body);
    if (n == 0)
        return;
    set_int(o, "checksum_at", offset + 2 * n - 1);
    set_hex(o, "checksum", body + n - 1, 1);
    set_hex(o, "checksum_expected", (uint8_t[]){(uint8_t)-sum8(body, n - 1)}, 1);
}

void frame_place(json_t *o, enum err e, const uint8_t *p, size_t len, size_t offset)
{
    const char *protocol = json_string_value(json_object_get(o, "protocol"));
    size_t wake = 0;
    while (wake < len && p[wake] == 0xFE)
        wake++;
    p += wake;
    len -= wake;
    offset += wake;
    if (len == 0 || !protocol)
        return;
    struct shape s = shape_of(protocol, p, len);
    set_int(o, "offset", offset);
    if (e == ERR_FRAME_CHECKSUM && strcmp(protocol, "Modbus ASCII") == 0)
        set_ascii_sum(o, p, len, offset);
    if (e == ERR_FRAME_CHECKSUM && s.sum_len > 0 && s.length >= s.sum_from + 3 && s.length <= len)
        set_sum(o, &s, p, offset);
    if (e == ERR_FRAME_END && s.length > 0 && s.length <= len)
        set_int(o, "end_at", offset + s.length - 1);
    if (e != ERR_TRUNCATED && e != ERR_FRAME_LENGTH)
        return;
    set_int(o, "bytes", len);
    bool rtu = strcmp(protocol, "Modbus RTU") == 0;
    size_t expected = rtu ? frame_modbus_cut((struct bytes){p, len}) : s.length;
    if (expected > 0)
        set_int(o, "bytes_expected", expected);
    if (rtu && expected == len + 2)
        set_crc(o, p, len);
}
