#include "readings/block.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "base/varint.h"

#define HEADER 16
#define VERSION 1
#define ENCODING_ZSTD 1
#define ZSTD_LEVEL 3

/* --- encoding --------------------------------------------------------------------------------- */

static enum err check_column(const struct block_column *c)
{
    if (c->point < 1 || c->point > 63 || c->epoch < 0 || c->began >= BLOCK_BEGAN_COUNT)
        return ERR_RANGE;
    if (c->count < 1 || c->count > BLOCK_SLOTS_MAX)
        return ERR_RANGE;
    for (size_t i = 0; i < c->count; i++)
        if (c->slots[i] >= BLOCK_SLOTS_MAX || (i > 0 && c->slots[i] <= c->slots[i - 1]))
            return ERR_RANGE;
    return ERR_OK;
}

static size_t run_end(const struct block_column *c, size_t i)
{
    while (i + 1 < c->count && c->slots[i + 1] == c->slots[i] + 1)
        i++;
    return i + 1;
}

static void put_presence(struct writer *w, const struct block_column *c)
{
    size_t runs = 0;
    for (size_t i = 0; i < c->count; i = run_end(c, i))
        runs++;
    varint_put(w, runs);
    size_t at = 0; /* the slot after the last run */
    for (size_t i = 0; i < c->count;) {
        size_t end = run_end(c, i);
        varint_put(w, c->slots[i] - at);
        varint_put(w, end - i);
        at = (size_t)c->slots[end - 1] + 1;
        i = end;
    }
}

static void put_column(struct writer *w, const struct block_column *c)
{
    varint_put(w, c->point);
    varint_put(w, (uint64_t)c->epoch);
    varint_put(w, c->began);
    varint_put(w, c->count);
    put_presence(w, c);
    uint64_t before = 0;
    for (size_t i = 0; i < c->count; i++) {
        varint_put(w, zigzag((int64_t)((uint64_t)c->values[i] - before)));
        before = (uint64_t)c->values[i];
    }
}

static size_t payload_bound(const struct block *b)
{
    size_t n = 3 * VARINT_MAX;
    for (size_t i = 0; i < b->column_count; i++)
        n += 5 * VARINT_MAX + b->columns[i].count * 3 * VARINT_MAX;
    return n;
}

static void put_payload(struct writer *w, const struct block *b)
{
    varint_put(w, (uint64_t)b->meter_id);
    varint_put(w, zigzag(b->day));
    varint_put(w, zigzag(b->from.s));
    for (size_t i = 0; i < b->column_count; i++)
        put_column(w, &b->columns[i]);
}

static void put_header(struct writer *w, const struct block *b, size_t raw_len)
{
    writer_u8(w, 'Y');
    writer_u8(w, 'B');
    writer_u8(w, VERSION);
    writer_u8(w, ENCODING_ZSTD);
    writer_u32le(w, 0); /* the checksum, when the rest is known */
    writer_u32le(w, (uint32_t)raw_len);
    writer_u16le(w, BLOCK_STEP_S);
    writer_u16le(w, (uint16_t)b->column_count);
}

static enum err compress(const struct block *b, struct bytes raw, uint8_t **out, size_t *len)
{
    size_t bound = HEADER + ZSTD_compressBound(raw.len);
    uint8_t *data = malloc(bound);
    if (!data)
        return ERR_MEMORY;
    struct writer w = writer_of(data, HEADER);
    put_header(&w, b, raw.len);
    size_t n = ZSTD_compress(data + HEADER, bound - HEADER, raw.data, raw.len, ZSTD_LEVEL);
    if (ZSTD_isError(n)) {
        free(data);
        return ERR_MEMORY; /* with room for the bound nothing else can fail */
    }
    *len = HEADER + n;
    w = writer_of(data + 4, 4);
    writer_u32le(&w, crc32c(data + 8, *len - 8));
    *out = data;
    return ERR_OK;
}

enum err block_encode(const struct block *b, uint8_t **out, size_t *len)
{
    if (b->column_count > BLOCK_COLUMNS_MAX || b->meter_id < 0)
        return ERR_RANGE;
    for (size_t i = 0; i < b->column_count; i++)
        TRY(check_column(&b->columns[i]));
    size_t bound = payload_bound(b);
    uint8_t *raw = malloc(bound);
    if (!raw)
        return ERR_MEMORY;
    struct writer w = writer_of(raw, bound);
    put_payload(&w, b);
    enum err e = w.err;
    if (e == ERR_OK)
        e = w.len > BLOCK_PAYLOAD_MAX ? ERR_RANGE
                                      : compress(b, (struct bytes){raw, w.len}, out, len);
    free(raw);
    return e;
}

/* --- decoding --------------------------------------------------------------------------------- */

/* What a decoded block points into: columns first, then values, then slots. */
struct arena {
    struct block_column *columns;
    int64_t *values;
    uint16_t *slots;
    size_t column_count, cell_count, cell_cap;
};

static bool get_presence(struct reader *r, uint16_t *slots, size_t count)
{
    uint64_t runs = varint_get(r), at = 0;
    size_t n = 0;
    for (uint64_t i = 0; i < runs; i++) {
        uint64_t gap = varint_get(r), length = varint_get(r);
        if (gap > BLOCK_SLOTS_MAX || length < 1 || length > count - n ||
            at + gap + length > BLOCK_SLOTS_MAX)
            return false;
        if (i > 0 && gap == 0)
            return false; /* two runs that touch are one */
        at += gap;
        for (; length > 0; length--)
            slots[n++] = (uint16_t)at++;
    }
    return n == count && r->err == ERR_OK;
}

static bool get_column(struct reader *r, struct arena *a)
{
    struct block_column *c = &a->columns[a->column_count];
    uint64_t point = varint_get(r), epoch = varint_get(r), began = varint_get(r);
    uint64_t count = varint_get(r);
    if (r->err != ERR_OK || point < 1 || point > 63 || epoch > INT64_MAX ||
        began >= BLOCK_BEGAN_COUNT || count < 1 || count > BLOCK_SLOTS_MAX ||
        count > a->cell_cap - a->cell_count)
        return false;
    uint16_t *slots = a->slots + a->cell_count;
    int64_t *values = a->values + a->cell_count;
    if (!get_presence(r, slots, count))
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < count; i++) {
        v += (uint64_t)unzigzag(varint_get(r));
        values[i] = (int64_t)v;
    }
    *c = (struct block_column){(unsigned)point, (int64_t)epoch, (enum block_began)began,
                               count,           slots,          values};
    a->cell_count += count;
    a->column_count++;
    return r->err == ERR_OK;
}

static bool get_payload(struct reader *r, struct arena *a, size_t columns, struct block *b)
{
    uint64_t meter_id = varint_get(r);
    int64_t day = unzigzag(varint_get(r));
    b->from.s = unzigzag(varint_get(r));
    if (r->err != ERR_OK || meter_id > INT64_MAX || day != (int32_t)day)
        return false;
    b->meter_id = (int64_t)meter_id;
    b->day = (int32_t)day;
    while (a->column_count < columns)
        if (!get_column(r, a))
            return false;
    return reader_left(r) == 0;
}

/* A value takes at least a byte, so the payload's length bounds the number of cells. */
static enum err parse_payload(struct bytes raw, size_t columns, struct block *b)
{
    size_t cells = raw.len;
    size_t room = columns * sizeof(struct block_column) + cells * (sizeof(int64_t) + 2);
    uint8_t *memory = malloc(room ? room : 1);
    if (!memory)
        return ERR_MEMORY;
    struct arena a = {.columns = (void *)memory, .cell_cap = cells};
    a.values = (void *)(memory + columns * sizeof(struct block_column));
    a.slots = (void *)(memory + columns * sizeof(struct block_column) + cells * sizeof(int64_t));
    struct reader r = reader_of(raw.data, raw.len);
    if (!get_payload(&r, &a, columns, b)) {
        free(memory);
        return ERR_BLOCK_SYNTAX;
    }
    b->columns = a.columns;
    b->column_count = columns;
    b->memory = memory;
    return ERR_OK;
}

static enum err expand(struct bytes frame, size_t raw_len, uint8_t **raw)
{
    if (ZSTD_getFrameContentSize(frame.data, frame.len) != raw_len)
        return ERR_BLOCK_SYNTAX;
    *raw = malloc(raw_len ? raw_len : 1);
    if (!*raw)
        return ERR_MEMORY;
    size_t n = ZSTD_decompress(*raw, raw_len, frame.data, frame.len);
    if (!ZSTD_isError(n) && n == raw_len)
        return ERR_OK;
    free(*raw);
    return ERR_BLOCK_SYNTAX;
}

enum err block_decode(struct bytes body, struct block *b)
{
    *b = (struct block){};
    struct reader r = reader_of(body.data, body.len);
    if (reader_u8(&r) != 'Y' || reader_u8(&r) != 'B' || reader_u8(&r) != VERSION ||
        reader_u8(&r) != ENCODING_ZSTD)
        return ERR_BLOCK_MAGIC;
    uint32_t sum = reader_u32le(&r);
    if (r.err != ERR_OK || sum != crc32c(body.data + 8, body.len - 8))
        return ERR_BLOCK_CHECKSUM;
    uint32_t raw_len = reader_u32le(&r);
    uint16_t step = reader_u16le(&r), columns = reader_u16le(&r);
    if (r.err != ERR_OK || raw_len > BLOCK_PAYLOAD_MAX || step != BLOCK_STEP_S ||
        columns > BLOCK_COLUMNS_MAX)
        return ERR_BLOCK_SYNTAX;
    uint8_t *raw = NULL;
    TRY(expand((struct bytes){body.data + HEADER, body.len - HEADER}, raw_len, &raw));
    enum err e = parse_payload((struct bytes){raw, raw_len}, columns, b);
    free(raw);
    return e;
}

void block_free(struct block *b)
{
    free(b->memory);
    *b = (struct block){};
}
