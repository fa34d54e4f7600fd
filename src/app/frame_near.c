/* Lines that hold no whole frame: which protocol they were meant in, and what is wrong. */
#include <string.h>

#include "app/frame.h"
#include "proto/acrel.h"
#include "proto/acrel4g.h"
#include "proto/cjt188.h"
#include "proto/mbus.h"
#include "proto/modbus_rare.h"

union any {
    struct cjt188_frame cjt188;
    struct modbus_frame modbus;
    struct mbus_frame mbus;
    struct acrel_frame acrel;
    struct acrel4g_frame acrel4g;
};

static enum err why_cjt188(struct bytes b, union any *f)
{
    size_t used;
    return cjt188_decode(b.data, b.len, &f->cjt188, &used);
}

static enum err why_mbus(struct bytes b, union any *f)
{
    size_t used;
    return mbus_decode(b.data, b.len, &f->mbus, &used);
}

static enum err why_modbus(struct bytes b, union any *f)
{
    size_t used;
    return modbus_decode_rtu_all(b.data, b.len, &f->modbus, &used);
}

static enum err why_modbus_tcp(struct bytes b, union any *f)
{
    size_t used;
    return modbus_decode_tcp_all(b.data, b.len, &f->modbus, &used);
}

static enum err why_acrel(struct bytes b, union any *f)
{
    size_t used;
    return acrel_decode(b.data, b.len, &f->acrel, &used);
}

static enum err why_acrel4g(struct bytes b, union any *f)
{
    size_t used;
    return acrel4g_decode(b.data, b.len, &f->acrel4g, &used);
}

static const struct {
    const char *name;
    enum err (*why)(struct bytes b, union any *f);
} protocols[FRAME_PROTOCOLS] = {[FRAME_CJT188] = {"CJ/T 188", why_cjt188},
                                [FRAME_MBUS] = {"M-Bus", why_mbus},
                                [FRAME_MODBUS] = {"Modbus RTU", why_modbus},
                                [FRAME_MODBUS_TCP] = {"Modbus TCP", why_modbus_tcp},
                                [FRAME_ACREL] = {"Acrel gateway", why_acrel},
                                [FRAME_ACREL4G] = {"Acrel 4G", why_acrel4g}};

/* What begins with 68: DL/T 645 has another one at 7, M-Bus at 3, CJ/T 188 a meter type at 1. */
static enum frame_protocol of_68(struct bytes b)
{
    if (b.len >= 4 && b.data[3] == 0x68 && (b.len < 8 || b.data[7] != 0x68))
        return FRAME_MBUS;
    if (b.len < 8 || b.data[7] == 0x68)
        return FRAME_DLT645;
    return (b.data[1] >= 0x10 && b.data[1] <= 0x49) || b.data[1] == 0xAA ? FRAME_CJT188
                                                                         : FRAME_AUTO;
}

static bool is_mbus_short(struct bytes b)
{
    return b.len == 5 && (b.data[4] == 0x16 || b.data[3] == (uint8_t)(b.data[1] + b.data[2]));
}

/* Without a mark a frame is only guessed where its length is that of one. A read or write of eight
 * bytes, and writes of many, begin like a TCP head: their own check sum was looked at first. */
static enum frame_protocol of_length(struct bytes b)
{
    union any f;
    const uint8_t *p = b.data;
    bool rare = b.len > 1 && modbus_is_rare(p[1] & 0x7F); /* too many things begin like those */
    bool rtu = b.len > 4 && p[0] <= 247 && !rare && why_modbus(b, &f) == ERR_FRAME_CHECKSUM;
    bool tcp = b.len > 7 && p[2] == 0 && p[3] == 0 && p[4] == 0 && p[5] >= 2 &&
               (p[5] + 6u < b.len || why_modbus_tcp(b, &f) == ERR_TRUNCATED);
    if (rtu && (b.len == 8 || p[1] >= MODBUS_WRITE_COILS || !tcp))
        return FRAME_MODBUS;
    return tcp ? FRAME_MODBUS_TCP : FRAME_AUTO;
}

/* The end mark of Acrel's 4G meters is looked for until one fits the CRC. */
static bool is_closed(struct bytes b)
{
    return b.len >= 7 && memcmp(b.data + b.len - 2, "\x7D\x7D", 2) == 0;
}

static enum frame_protocol guess(struct bytes b)
{
    if (b.len < 2)
        return FRAME_AUTO;
    if (b.data[0] == 0x68)
        return of_68(b);
    if (is_mbus_short(b) && b.data[0] == 0x10)
        return FRAME_MBUS;
    if (memcmp(b.data, "\x1F\x1F", 2) == 0)
        return FRAME_ACREL;
    if (memcmp(b.data, "\x7B\x7B", 2) == 0)
        return FRAME_ACREL4G;
    return of_length(b);
}

enum frame_protocol frame_near(enum frame_protocol wish, struct bytes line, const char **name,
                               enum err *why)
{
    union any f;
    while (line.len > 0 && line.data[0] == 0xFE)
        line = (struct bytes){line.data + 1, line.len - 1};
    enum frame_protocol p = wish == FRAME_AUTO ? guess(line) : wish;
    *name = "unknown";
    *why = ERR_FRAME_UNKNOWN;
    if (!protocols[p].why)
        return p;
    *name = protocols[p].name;
    *why = protocols[p].why(line, &f);
    if (p == FRAME_ACREL4G && *why == ERR_TRUNCATED && is_closed(line))
        *why = ERR_FRAME_CHECKSUM;
    if (*why == ERR_OK) /* whole, and something behind it that belongs to nothing */
        *why = ERR_FRAME_LENGTH;
    return p;
}
