#include "app/frame/frame_foreign.h"
#include "app/frame/frame.h"

#include <ctype.h>
#include <string.h>

#define START 0x68
#define END 0x16
#define FLAG 0x7E

/* FCS-16 of HDLC: polynomial 8408 reflected, initial and final FFFF; sent low byte first. */
static bool fcs_fits(const uint8_t *p, size_t len)
{
    uint16_t fcs = 0xFFFF;
    for (size_t i = 0; i < len; i++) {
        fcs ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            fcs = (uint16_t)(fcs & 1 ? fcs >> 1 ^ 0x8408 : fcs >> 1);
    }
    fcs ^= 0xFFFF;
    return p[len] == (uint8_t)fcs && p[len + 1] == fcs >> 8;
}

static size_t u16le(const uint8_t *p)
{
    return (size_t)(p[0] | p[1] << 8);
}

static size_t u16be(const uint8_t *p)
{
    return (size_t)(p[0] << 8 | p[1]);
}

/* 68 | length 2 | control | kind and size of the server's address, address | client | sum of the
 * head 2 | ... | sum of all 2 | 16. */
static bool is_698(struct bytes b, struct frame_foreign *f)
{
    if (b.len < 9 || b.data[0] != START)
        return false;
    size_t head = 7u + (b.data[4] & 0x0F);
    f->len = (u16le(b.data + 1) & 0x3FFF) + 2;
    if (b.len < head + 2 || f->len < head + 5)
        return false;
    bool head_fits = fcs_fits(b.data + 1, head - 1);
    if (f->len > b.len) {
        f->err = ERR_TRUNCATED;
        return head_fits;
    }
    bool all_fits = fcs_fits(b.data + 1, f->len - 4);
    f->err = head_fits && all_fits ? ERR_OK : ERR_FRAME_CHECKSUM;
    bool form = f->len == b.len && b.data[7] != START; /* where DL/T 645 has its second one */
    return b.data[f->len - 1] == END && (head_fits || all_fits || form);
}

#define CENTRE_MAX (256 * 1024 + 4)
#define BODY_MAX 2048 /* of 376.1, whose terminals have no room for more */

/* 68 | length 2 | length 2 | 68 | control ... | sum | 16; the two low bits of the length are the
 * generation of the protocol. */
static bool is_376_1(struct bytes b, struct frame_foreign *f)
{
    static const char *const names[] = {NULL, "Q/GDW 130", "Q/GDW 376.1", NULL};
    if (b.len < 6 || b.data[0] != START || b.data[5] != START ||
        memcmp(b.data + 1, b.data + 3, 2) != 0)
        return false;
    size_t body = u16le(b.data + 1) >> 2;
    f->name = names[b.data[1] & 3];
    f->len = body + 8;
    if (!f->name || body < 8 || body > BODY_MAX)
        return false;
    f->err = f->len > b.len                               ? ERR_TRUNCATED
             : sum8(b.data + 6, body) == b.data[6 + body] ? ERR_OK
                                                          : ERR_FRAME_CHECKSUM;
    return f->err == ERR_TRUNCATED || b.data[f->len - 1] == END;
}

/* 68 | length of all 2 | control | ... | sum from the control | 16: one sum of a byte, therefore
 * only where it is all there is, and with a way of communication that exists. */
static bool is_376_2(struct bytes b, struct frame_foreign *f)
{
    static const uint8_t ways[] = {1, 2, 3, 5, 10, 20};
    if (b.len < 15 || b.data[0] != START || u16le(b.data + 1) != b.len || b.data[b.len - 1] != END)
        return false;
    f->len = b.len;
    f->err = ERR_OK;
    return memchr(ways, b.data[3] & 0x3F, sizeof ways) != NULL &&
           sum8(b.data + 3, b.len - 5) == b.data[b.len - 2];
}

/* 7E | A, length 2 | addresses, control, sum of the head | information | sum 2 | 7E. */
static bool is_hdlc(struct bytes b, struct frame_foreign *f)
{
    if (b.len < 9 || b.data[0] != FLAG || (b.data[1] & 0xF0) != 0xA0)
        return false;
    size_t body = u16be(b.data + 1) & 0x7FF;
    f->len = body + 2;
    if (body < 7 || f->len > b.len || b.data[f->len - 1] != FLAG)
        return false;
    f->err = fcs_fits(b.data + 1, body - 2) ? ERR_OK : ERR_FRAME_CHECKSUM;
    return true;
}

/* 0001 | source 2 | destination 2 | length 2 | a command of DLMS. */
static bool is_wrapper(struct bytes b, struct frame_foreign *f)
{
    static const uint8_t commands[] = {0x0F, 0x60, 0x61, 0x62, 0x63, 0xC0, 0xC1, 0xC2, 0xC3, 0xC4,
                                       0xC5, 0xC7, 0xC8, 0xCB, 0xCC, 0xCF, 0xD4, 0xDB, 0xE0, 0xE6};
    if (b.len < 10 || u16be(b.data) != 1 || u16be(b.data + 2) == 0 || u16be(b.data + 4) == 0)
        return false;
    f->len = 8 + u16be(b.data + 6);
    f->err = ERR_OK;
    return f->len == b.len && memchr(commands, b.data[8], sizeof commands) != NULL;
}

#define BLOCK 16

static bool is_letter(unsigned bits)
{
    return (bits & 31) >= 1 && (bits & 31) <= 26;
}

/* Length | 44 | maker 2 | number 4 | version | medium | CI ..., with the sums of its blocks or
 * without them. */
static bool is_wireless(struct bytes b, struct frame_foreign *f)
{
    if (b.len < 13 || b.data[1] != 0x44 || (b.data[3] & 0x80))
        return false;
    size_t plain = b.data[0] + 1u, blocks = plain > 10 ? 1 + (plain - 10 + BLOCK - 1) / BLOCK : 1;
    uint16_t maker = (uint16_t)u16le(b.data + 2);
    f->len = b.len;
    f->err = ERR_OK;
    if (!is_letter(maker >> 10) || !is_letter(maker >> 5) || !is_letter(maker))
        return false;
    return b.len == plain || b.len == plain + 2 * blocks;
}

/* 68 | length | control 4: U alone carries nothing but its two bits, S a number received. */
static bool is_104(struct bytes b, struct frame_foreign *f)
{
    if (b.len != 6 || b.data[0] != START || b.data[1] != 4)
        return false;
    f->len = b.len;
    f->err = ERR_OK;
    bool u = (b.data[2] & 3) == 3 && b.data[3] == 0 && b.data[4] == 0 && b.data[5] == 0;
    return u || (b.data[2] == 1 && b.data[3] == 0 && b.data[4] % 2 == 0);
}

static bool is_readable(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!isprint(p[i]) && memchr("\x02\x03\r\n", p[i], 4) == NULL)
            return false;
    return true;
}

/* 1.8.0(000123.45*kWh) */
static bool is_obis_line(struct bytes b)
{
    size_t n = 0, points = 0;
    for (; n < b.len && memchr("0123456789.:-*", b.data[n], 14); n++)
        points += b.data[n] == '.';
    while (b.len > 0 && memchr("\r\n ", b.data[b.len - 1], 3))
        b.len--;
    return points >= 1 && n >= 3 && n < b.len && b.data[n] == '(' && b.data[b.len - 1] == ')';
}

/* "/?...!", "/" with three letters of the maker and the rate, a value behind its OBIS code. */
static bool is_62056_21(struct bytes b, struct frame_foreign *f)
{
    if (b.len < 3)
        return false;
    if (b.data[0] != '/') {
        f->len = b.len;
        return is_readable(b.data, b.len) && is_obis_line(b);
    }
    bool asks = b.data[1] == '?' && memchr(b.data, '!', b.len) != NULL;
    bool tells = b.len > 5 && isupper(b.data[1]) && isupper(b.data[2]) && isalpha(b.data[3]) &&
                 isdigit(b.data[4]);
    f->len = b.len;
    f->err = ERR_OK;
    return (asks || tells) && is_readable(b.data, b.len);
}

/* 68 68 16 16 | length 4 of what follows up to the sum | serial 4 | XML, mostly enciphered | CRC of
 * Modbus, in either order | 55 AA 55 AA. */
static bool is_centre(struct bytes b, struct frame_foreign *f)
{
    if (b.len < 12 || memcmp(b.data, "\x68\x68\x16\x16", 4) != 0)
        return false;
    size_t body = u16le(b.data + 4) | u16le(b.data + 6) << 16;
    f->len = body + 14;
    if (body < 4 || body > CENTRE_MAX)
        return false;
    if (f->len > b.len) {
        f->err = ERR_TRUNCATED;
        return true;
    }
    uint16_t crc = crc16_modbus(b.data + 8, body);
    bool fits = u16le(b.data + 8 + body) == crc || u16be(b.data + 8 + body) == crc;
    f->err = fits ? ERR_OK : ERR_FRAME_CHECKSUM;
    return memcmp(b.data + 10 + body, "\x55\xAA\x55\xAA", 4) == 0;
}

/* Length 4 of what follows, high first | type | version, or the zeros of a sequence ... */
static bool is_uplink(struct bytes b, struct frame_foreign *f)
{
    static const uint8_t hello[] = {0, 51, 34}; /* their lengths, by type */
    if (b.len < 6 || u16be(b.data) > 1 || (u16be(b.data) << 16 | u16be(b.data + 2)) + 4 != b.len)
        return false;
    uint8_t type = b.data[4];
    f->len = b.len;
    f->err = ERR_OK;
    if (type == 1 || type == 2)
        return b.len == hello[type] + 4U && b.data[5] == 1;
    bool counted = b.len >= 4 + 1 + 8 + 16 && memcmp(b.data + 5, "\0\0\0\0", 4) == 0;
    return (type == 3 || type == 6) && counted;
}

/* weak: too little to be looked for within other bytes. */
static const struct {
    const char *name;
    bool (*is)(struct bytes b, struct frame_foreign *f);
    bool weak;
} forms[] = {{"Q/GDW 376.1", is_376_1, false},      {"DL/T 698.45", is_698, false},
             {"Q/GDW 376.2", is_376_2, true},       {"HDLC (DLMS)", is_hdlc, false},
             {"DLMS over TCP", is_wrapper, true},   {"IEC 60870-5-104", is_104, true},
             {FRAME_CENTRE_NAME, is_centre, false}, {"uplink of Yufu", is_uplink, true},
             {"IEC 62056-21", is_62056_21, true},   {"wireless M-Bus", is_wireless, true}};

bool frame_foreign_at(struct bytes here, bool whole, struct frame_foreign *f)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        *f = (struct frame_foreign){.name = forms[i].name};
        if ((whole || !forms[i].weak) && forms[i].is(here, f))
            return true;
    }
    return false;
}
