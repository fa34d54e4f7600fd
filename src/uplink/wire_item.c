#include "uplink/wire_item.h"

#include <cbor.h>

static void positive(struct wire_item *i, uint64_t v)
{
    *i = (struct wire_item){.kind = v <= INT64_MAX ? WIRE_NUMBER : WIRE_BAD, .number = (int64_t)v};
}

static void negative(struct wire_item *i, uint64_t v)
{
    *i = (struct wire_item){.kind = v <= INT64_MAX ? WIRE_NUMBER : WIRE_BAD, .number = (int64_t)~v};
}

static void on_uint8(void *i, uint8_t v)
{
    positive(i, v);
}
static void on_uint16(void *i, uint16_t v)
{
    positive(i, v);
}
static void on_uint32(void *i, uint32_t v)
{
    positive(i, v);
}
static void on_uint64(void *i, uint64_t v)
{
    positive(i, v);
}
static void on_negint8(void *i, uint8_t v)
{
    negative(i, v);
}
static void on_negint16(void *i, uint16_t v)
{
    negative(i, v);
}
static void on_negint32(void *i, uint32_t v)
{
    negative(i, v);
}
static void on_negint64(void *i, uint64_t v)
{
    negative(i, v);
}
static void on_bytes(void *i, cbor_data data, size_t len)
{
    *(struct wire_item *)i = (struct wire_item){.kind = WIRE_BYTES, .raw = {data, len}};
}
static void on_text(void *i, cbor_data data, size_t len)
{
    *(struct wire_item *)i = (struct wire_item){.kind = WIRE_TEXT, .raw = {data, len}};
}
static void on_array(void *i, size_t count)
{
    *(struct wire_item *)i = (struct wire_item){.kind = WIRE_ARRAY, .count = count};
}
static void on_map(void *i, size_t count)
{
    *(struct wire_item *)i = (struct wire_item){.kind = WIRE_MAP, .count = count};
}
static void on_bool(void *i, bool v)
{
    *(struct wire_item *)i = (struct wire_item){.kind = WIRE_BOOLEAN, .number = v};
}
static void on_tag(void *i, uint64_t v)
{
    (void)v;
    *(struct wire_item *)i = (struct wire_item){.kind = WIRE_TAG};
}
static void on_nothing(void *i)
{
    *(struct wire_item *)i = (struct wire_item){.kind = WIRE_OTHER};
}
static void on_half(void *i, float v)
{
    (void)v;
    on_nothing(i);
}
static void on_double(void *i, double v)
{
    (void)v;
    on_nothing(i);
}
static void on_refused(void *i)
{
    *(struct wire_item *)i =
        (struct wire_item){.kind = WIRE_BAD}; /* lengths must be known in advance */
}

static const struct cbor_callbacks ITEM = {
    /* clang-format off */
    .uint8 = on_uint8, .uint16 = on_uint16, .uint32 = on_uint32, .uint64 = on_uint64,
    .negint8 = on_negint8, .negint16 = on_negint16, .negint32 = on_negint32,
    .negint64 = on_negint64, .byte_string_start = on_refused, .byte_string = on_bytes,
    .string = on_text, .string_start = on_refused, .indef_array_start = on_refused,
    .array_start = on_array, .indef_map_start = on_refused, .map_start = on_map, .tag = on_tag,
    .float2 = on_half, .float4 = on_half, .float8 = on_double, .undefined = on_nothing,
    .null = on_nothing, .boolean = on_bool, .indef_break = on_refused,
    /* clang-format on */
};

enum err wire_item_read(struct bytes in, struct wire_item *out, size_t *used)
{
    struct cbor_decoder_result r = {.status = CBOR_DECODER_NEDATA};
    *out = (struct wire_item){.kind = WIRE_BAD};
    if (in.len > 0)
        r = cbor_stream_decode(in.data, in.len, &ITEM, out);
    if (r.status == CBOR_DECODER_NEDATA)
        return ERR_TRUNCATED;
    if (r.status == CBOR_DECODER_ERROR || out->kind == WIRE_BAD)
        return ERR_UPLINK_SYNTAX;
    *used = r.read;
    return ERR_OK;
}
