#include "proto/inflate.h"

#include <string.h>

#define CODE_BITS 15
#define LITERALS 288
#define DISTANCES 30
#define BLOCK_END 256

struct stream {
    const uint8_t *in;
    size_t in_len, at;
    uint32_t held; /* bits that were read and not yet used, the next one lowest */
    unsigned held_bits;
    uint8_t *out;
    size_t cap, len;
    enum err err;
};

/* --- bits ------------------------------------------------------------------------------------- */

static void fail(struct stream *s, enum err e)
{
    if (s->err == ERR_OK)
        s->err = e;
}

/* n <= 16; zeros once the input has ended. */
static unsigned bits(struct stream *s, unsigned n)
{
    while (s->held_bits < n) {
        if (s->at == s->in_len) {
            fail(s, ERR_TRUNCATED);
            return 0;
        }
        s->held |= (uint32_t)s->in[s->at++] << s->held_bits;
        s->held_bits += 8;
    }
    unsigned v = s->held & ((1U << n) - 1);
    s->held >>= n;
    s->held_bits -= n;
    return v;
}

static void put(struct stream *s, uint8_t byte)
{
    if (s->len == s->cap)
        fail(s, ERR_FULL);
    else
        s->out[s->len++] = byte;
}

/* --- codes ------------------------------------------------------------------------------------ */

/* A canonical code: symbols in the order of their codes, and how many codes each length has. */
struct code {
    uint16_t count[CODE_BITS + 1];
    uint16_t symbol[LITERALS];
};

static enum err build(struct code *c, const uint8_t *lengths, size_t n)
{
    uint16_t next[CODE_BITS + 2] = {0};
    int left = 1; /* codes of the present length that are still free */
    memset(c, 0, sizeof *c);
    for (size_t i = 0; i < n; i++)
        c->count[lengths[i]]++;
    c->count[0] = 0;
    for (unsigned len = 1; len <= CODE_BITS; len++) {
        left = 2 * left - c->count[len];
        if (left < 0)
            return ERR_SYNTAX;
        next[len + 1] = (uint16_t)(next[len] + c->count[len]);
    }
    for (size_t i = 0; i < n; i++)
        if (lengths[i] != 0)
            c->symbol[next[lengths[i]]++] = (uint16_t)i;
    return ERR_OK;
}

static unsigned symbol(struct stream *s, const struct code *c)
{
    unsigned code = 0, first = 0, index = 0;
    for (unsigned len = 1; len <= CODE_BITS && s->err == ERR_OK; len++) {
        code = code << 1 | bits(s, 1);
        first <<= 1;
        if (code - first < c->count[len])
            return c->symbol[index + code - first];
        index += c->count[len];
        first += c->count[len];
    }
    fail(s, ERR_SYNTAX); /* no symbol has this code */
    return BLOCK_END;
}

/* --- blocks ----------------------------------------------------------------------------------- */

static void stored_block(struct stream *s)
{
    s->held = s->held_bits = 0; /* up to the next byte */
    unsigned len = bits(s, 16), inverse = bits(s, 16);
    if (s->err == ERR_OK && (len ^ inverse) != 0xFFFF)
        fail(s, ERR_SYNTAX);
    for (; len > 0 && s->err == ERR_OK; len--)
        put(s, (uint8_t)bits(s, 8));
}

/* Base and further bits of lengths 3 .. 258 and of distances 1 .. 32768. */
static unsigned match_length(struct stream *s, unsigned code)
{
    if (code < 8)
        return 3 + code;
    if (code == 28)
        return 258;
    unsigned extra = (code - 4) / 4;
    return 3 + ((4 + code % 4) << extra) + bits(s, extra);
}

static unsigned match_distance(struct stream *s, unsigned code)
{
    if (code < 4)
        return 1 + code;
    unsigned extra = (code - 2) / 2;
    return 1 + ((2 + code % 2) << extra) + bits(s, extra);
}

static void copy_match(struct stream *s, unsigned length_code, const struct code *distances)
{
    if (length_code > 28) {
        fail(s, ERR_SYNTAX);
        return;
    }
    unsigned length = match_length(s, length_code), code = symbol(s, distances);
    if (s->err == ERR_OK && code >= DISTANCES)
        fail(s, ERR_SYNTAX);
    if (s->err != ERR_OK)
        return;
    unsigned distance = match_distance(s, code);
    if (distance > s->len)
        fail(s, ERR_SYNTAX);
    for (; length > 0 && s->err == ERR_OK; length--)
        put(s, s->out[s->len - distance]);
}

static void coded_block(struct stream *s, const struct code *literals, const struct code *distances)
{
    while (s->err == ERR_OK) {
        unsigned v = symbol(s, literals);
        if (v == BLOCK_END)
            return;
        if (v < BLOCK_END)
            put(s, (uint8_t)v);
        else
            copy_match(s, v - BLOCK_END - 1, distances);
    }
}

static void fixed_block(struct stream *s)
{
    uint8_t lengths[LITERALS], five[DISTANCES];
    struct code literals, distances;
    memset(lengths, 8, 144);
    memset(lengths + 144, 9, 112);
    memset(lengths + 256, 7, 24);
    memset(lengths + 280, 8, 8);
    memset(five, 5, sizeof five);
    if (build(&literals, lengths, LITERALS) == ERR_OK &&
        build(&distances, five, DISTANCES) == ERR_OK)
        coded_block(s, &literals, &distances);
}

/* The lengths of both codes in one row, themselves in a code and with runs. */
static void read_lengths(struct stream *s, const struct code *c, uint8_t *lengths, size_t n)
{
    static const struct {
        uint8_t base, extra;
    } runs[] = {{3, 2}, {3, 3}, {11, 7}};
    for (size_t i = 0; i < n && s->err == ERR_OK;) {
        unsigned v = symbol(s, c);
        if (v < 16) {
            lengths[i++] = (uint8_t)v;
            continue;
        }
        if (v > 18 || (v == 16 && i == 0)) {
            fail(s, ERR_SYNTAX);
            return;
        }
        uint8_t repeated = v == 16 ? lengths[i - 1] : 0;
        unsigned run = runs[v - 16].base + bits(s, runs[v - 16].extra);
        if (run > n - i) {
            fail(s, ERR_SYNTAX);
            return;
        }
        memset(lengths + i, repeated, run);
        i += run;
    }
}

static void dynamic_block(struct stream *s)
{
    static const uint8_t order[19] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                      11, 4,  12, 3, 13, 2, 14, 1, 15};
    uint8_t lengths[LITERALS + 32 + 1] = {0}, row[19] = {0};
    struct code c, literals, distances;
    unsigned n_literals = bits(s, 5) + 257, n_distances = bits(s, 5) + 1, n_row = bits(s, 4) + 4;
    for (unsigned i = 0; i < n_row; i++)
        row[order[i]] = (uint8_t)bits(s, 3);
    if (n_literals > 286 || n_distances > DISTANCES || build(&c, row, sizeof row) != ERR_OK)
        fail(s, ERR_SYNTAX);
    if (s->err == ERR_OK)
        read_lengths(s, &c, lengths, n_literals + n_distances);
    if (s->err != ERR_OK)
        return;
    if (lengths[BLOCK_END] == 0 || build(&literals, lengths, n_literals) != ERR_OK ||
        build(&distances, lengths + n_literals, n_distances) != ERR_OK) {
        fail(s, ERR_SYNTAX);
        return;
    }
    coded_block(s, &literals, &distances);
}

/* --- the whole -------------------------------------------------------------------------------- */

static uint32_t adler32(const uint8_t *data, size_t len)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < len; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void blocks(struct stream *s)
{
    bool last = false;
    while (!last && s->err == ERR_OK) {
        last = bits(s, 1) == 1;
        switch (bits(s, 2)) {
        case 0:
            stored_block(s);
            break;
        case 1:
            fixed_block(s);
            break;
        case 2:
            dynamic_block(s);
            break;
        default:
            fail(s, ERR_SYNTAX);
        }
    }
}

enum err inflate_zlib(struct bytes in, uint8_t *out, size_t cap, size_t *len)
{
    enum { DEFLATE = 8, DICTIONARY = 0x20 };
    *len = 0;
    if (in.len < 2)
        return ERR_TRUNCATED;
    unsigned head = (unsigned)in.data[0] << 8 | in.data[1];
    if ((in.data[0] & 15) != DEFLATE || in.data[0] >> 4 > 7 || head % 31 != 0 ||
        (head & DICTIONARY) != 0)
        return ERR_SYNTAX;
    struct stream s = {.in = in.data, .in_len = in.len, .at = 2, .out = out, .cap = cap};
    blocks(&s);
    TRY(s.err);
    struct reader r = reader_of(in.data + s.at, in.len - s.at);
    uint32_t sum = reader_u32be(&r);
    TRY(r.err);
    *len = s.len;
    return sum == adler32(out, s.len) ? ERR_OK : ERR_FRAME_CHECKSUM;
}
