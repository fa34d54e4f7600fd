/* Lines that hold no whole frame: which protocol they were meant in, and what is wrong. */
#include <string.h>

#include "app/frame/frame.h"
#include "app/frame/frame_foreign.h"
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

static enum err why_modbus_ascii(struct bytes b, union any *f)
{
    uint8_t body[FRAME_ASCII_MAX];
    size_t n = frame_ascii_body(b, body);
    (void)f;
    return n == 0 ? ERR_FRAME_UNKNOWN : sum8(body, n) == 0 ? ERR_FRAME_LENGTH : ERR_FRAME_CHECKSUM;
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
                                [FRAME_MODBUS_ASCII] = {"Modbus ASCII", why_modbus_ascii},
                                [FRAME_ACREL] = {"Acrel gateway", why_acrel},
                                [FRAME_ACREL4G] = {"Acrel 4G", why_acrel4g}};

bool frame_is_address(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0xAA && (p[i] >> 4 > 9 || (p[i] & 0x0F) > 9))
            return false;
    return true;
}

#define CJT188_HEAD 9 /* up to the control byte */

static bool is_type(uint8_t type)
{
    return (type >= 0x10 && type <= 0x49) || type == 0xAA;
}

/* Is it CJ/T 188 that begins with 68 and a meter type? Its control byte tells, and digits of an
 * address or the end where it should be. */
static bool is_cjt188(struct bytes b)
{
    static const uint8_t functions[] = {0x01, 0x03, 0x04, 0x09, 0x15, 0x16};
    size_t whole = b.len > CJT188_HEAD + 1 ? 13u + b.data[10] : 0;
    bool ends = whole > 0 && whole == b.len && b.data[whole - 1] == 0x16;
    if (whole > 0 && whole < b.len && b.data[whole - 1] != 0x16)
        return false;
    size_t shown = (b.len < CJT188_HEAD ? b.len : CJT188_HEAD) - 2;
    return is_type(b.data[1]) && (ends || frame_is_address(b.data + 2, shown)) &&
           (b.len <= CJT188_HEAD ||
            memchr(functions, b.data[CJT188_HEAD] & 0x3F, sizeof functions) != NULL);
}

const char *frame_stub_name(struct bytes b)
{
    bool cjt188 = b.len < 2 || is_type(b.data[1]);
    bool mbus = b.len < 4 && (b.len < 3 || b.data[1] == b.data[2]);
    return cjt188 || mbus ? "unknown" : "DL/T 645";
}

/* Of a long frame cut short the control byte tells, if it is there. */
static bool is_mbus_long(struct bytes b)
{
    static const uint8_t controls[] = {0x08, 0x18, 0x28, 0x38, 0x40, 0x44, 0x46,
                                       0x48, 0x53, 0x5A, 0x5B, 0x73, 0x7A, 0x7B};
    bool ends = b.data[b.len - 1] == 0x16;
    return ends || (b.data[1] == b.data[2] &&
                    (b.len == 4 || memchr(controls, b.data[4], sizeof controls) != NULL));
}

/* What begins with 68: DL/T 645 has another one at 7, M-Bus at 3, CJ/T 188 a meter type at 1. */
static enum frame_protocol of_68(struct bytes b)
{
    bool mbus = b.len >= 4 && b.data[3] == 0x68 && is_mbus_long(b);
    if (mbus && (b.len < 8 || b.data[7] != 0x68))
        return FRAME_MBUS;
    if (b.len < 8 || b.data[7] == 0x68)
        return FRAME_DLT645;
    return is_cjt188(b) ? FRAME_CJT188 : FRAME_AUTO;
}

static bool is_mbus_short(struct bytes b)
{
    return b.len == 5 && (b.data[4] == 0x16 || b.data[3] == (uint8_t)(b.data[1] + b.data[2]));
}

static unsigned u16be(const uint8_t *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

/* A request, as far as it is there, that carries as many bytes as its registers need. */
static bool is_write_many(struct bytes b)
{
    const uint8_t *p = b.data;
    return b.len >= 7 && p[1] == MODBUS_WRITE_MANY && u16be(p + 4) >= 1 && u16be(p + 4) <= 123 &&
           p[6] == 2 * u16be(p + 4);
}

/* Would `len` bytes that begin so, the last two of them the CRC, be a frame of Modbus? */
static bool is_modbus_form(struct bytes b, size_t len)
{
    const uint8_t *p = b.data;
    unsigned limit = p[1] <= MODBUS_READ_INPUTS ? UINT8_MAX : MODBUS_REGISTERS_MAX;
    if (len < 5 || p[0] < 1 || p[0] > 247)
        return false;
    switch (p[1]) {
    case MODBUS_READ_COILS:
    case MODBUS_READ_INPUTS:
    case MODBUS_READ_HOLDING:
    case MODBUS_READ_INPUT:
        return (len == 8 && u16be(p + 4) >= 1 && u16be(p + 4) <= limit) ||
               (len == 5u + p[2] && p[1] > MODBUS_READ_INPUTS && p[2] > 0 && p[2] % 2 == 0);
    case MODBUS_WRITE_COIL:
        return len == 8 && (u16be(p + 4) == 0xFF00 || u16be(p + 4) == 0);
    case MODBUS_WRITE_ONE: /* whose eight bytes may be anything: a low register or value */
        return len == 8 && (p[2] == 0 || p[4] == 0);
    case MODBUS_WRITE_COILS:
        return len >= 8 && p[4] == 0 && p[5] > 0 &&
               (len == 8 || (len == 9u + p[6] && p[6] == (p[5] + 7) / 8));
    case MODBUS_WRITE_MANY:
        return is_write_many(b) ? len == 9u + p[6]
                                : len == 8 && u16be(p + 4) >= 1 && u16be(p + 4) <= 123;
    default:
        return len == 5 && p[1] > MODBUS_EXCEPTION &&
               p[1] <= (MODBUS_EXCEPTION | MODBUS_WRITE_MANY) && p[2] >= 1 && p[2] <= 11;
    }
}

/* An answer to a read whose count says that more should follow. 19 and 20 begin dates. */
static size_t cut_answer(struct bytes b)
{
    const uint8_t *p = b.data;
    bool reads = p[1] == MODBUS_READ_HOLDING || p[1] == MODBUS_READ_INPUT;
    bool unit = p[0] >= 1 && p[0] <= 247 && p[0] != 0x19 && p[0] != 0x20;
    bool counts = p[2] > 0 && p[2] % 2 == 0 && p[2] <= 2 * MODBUS_REGISTERS_MAX;
    return b.len >= 5 && b.len < 5u + p[2] && reads && unit && counts ? 5u + p[2] : 0;
}

size_t frame_modbus_cut(struct bytes b)
{
    if (b.len < 4)
        return 0;
    if (is_modbus_form(b, b.len + 1) &&
        b.data[b.len - 1] == (uint8_t)crc16_modbus(b.data, b.len - 1))
        return b.len + 1;
    if (is_write_many(b) && b.len < 9u + b.data[6])
        return 9u + b.data[6];
    bool sure = b.len > 5 && b.data[1] <= MODBUS_WRITE_ONE;
    return sure && is_modbus_form(b, b.len + 2) ? b.len + 2 : cut_answer(b);
}

/* Without a mark a frame is only guessed where its length is that of one. A read or write of eight
 * bytes, and writes of many, begin like a TCP head: their own check sum was looked at first. */
static enum frame_protocol of_length(struct bytes b)
{
    union any f;
    const uint8_t *p = b.data;
    bool rtu = is_modbus_form(b, b.len) || frame_modbus_cut(b) > 0;
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
    if (b.data[0] == ':' && why_modbus_ascii(b, NULL) != ERR_FRAME_UNKNOWN)
        return FRAME_MODBUS_ASCII;
    if (b.len >= ACREL_HEAD && memcmp(b.data, "\x1F\x1F", 2) == 0)
        return FRAME_ACREL;
    if (memcmp(b.data, "\x7B\x7B", 2) == 0)
        return FRAME_ACREL4G;
    return of_length(b);
}

static enum err why_none(enum frame_protocol p, struct bytes line)
{
    union any f;
    enum err e = protocols[p].why(line, &f);
    if (p == FRAME_ACREL4G && e == ERR_TRUNCATED && is_closed(line))
        return ERR_FRAME_CHECKSUM;
    if (p == FRAME_MODBUS && e != ERR_OK && frame_modbus_cut(line) > 0)
        return ERR_TRUNCATED;
    return e == ERR_OK ? ERR_FRAME_LENGTH : e; /* whole, and something behind it */
}

static struct frame_guess near_at(enum frame_protocol wish, struct bytes line, size_t at)
{
    struct frame_guess g = {.name = "unknown", .why = ERR_FRAME_UNKNOWN, .at = at};
    struct bytes here = {line.data + at, line.len - at};
    struct frame_foreign foreign;
    if (wish == FRAME_AUTO && frame_foreign_at(here, false, &foreign))
        return (struct frame_guess){FRAME_AUTO, foreign.name, foreign.err, at};
    g.protocol = wish == FRAME_AUTO ? guess(here) : wish;
    if (!protocols[g.protocol].why)
        return g;
    g.name = protocols[g.protocol].name;
    g.why = why_none(g.protocol, here);
    return g;
}

/* FE wakes a meter up. Behind other bytes only a 68 is believed to begin something, and only with
 * its end where it should be. */
struct frame_guess frame_near(enum frame_protocol wish, struct bytes line)
{
    size_t wake = 0;
    while (wake < line.len && line.data[wake] == 0xFE)
        wake++;
    struct frame_guess first = near_at(wish, line, wake);
    bool sure = first.why != ERR_FRAME_UNKNOWN || first.protocol == FRAME_DLT645;
    for (size_t at = wake + 1; !sure && wish == FRAME_AUTO && at + 8 <= line.len; at++) {
        struct frame_guess g = near_at(wish, line, at);
        if (line.data[at] == 0x68 && g.why == ERR_FRAME_CHECKSUM)
            return g;
    }
    return first;
}
