/* DL/T 645 as a line sees it. */
#include <string.h>

#include "meter/meter_impl.h"
#include "proto/dlt645.h"
#include "proto/dlt645_ask.h"

static enum err cut(const uint8_t *data, size_t len, size_t *begin, size_t *end)
{
    struct dlt645_frame f;
    size_t used = 0;
    enum err e = dlt645_decode(data, len, &f, &used);
    *end = used;
    *begin = e == ERR_OK ? used - f.len - 12 : used;
    return e;
}

/* A meter answers with its own address; some echo the wildcard they were asked by. */
static bool from_asked(const struct dlt645_frame *request, const struct dlt645_frame *answer)
{
    return dlt645_addressed(request->address, answer->address) ||
           memcmp(request->address, answer->address, 6) == 0;
}

/* Good answers of these functions begin with the identifier that was asked; refusals never do. */
static bool carries_id(const struct dlt645_frame *answer)
{
    uint8_t function = answer->control & 0x1F;
    bool told =
        function == DLT645_READ || function == DLT645_READ_MORE || function == DLT645_SECURITY;
    return told && !(answer->control & DLT645_ABNORMAL);
}

static enum meter_match match(struct bytes request, struct bytes answer)
{
    struct dlt645_frame r, a;
    size_t used;
    if (dlt645_decode(request.data, request.len, &r, &used) != ERR_OK ||
        dlt645_decode(answer.data, answer.len, &a, &used) != ERR_OK)
        return METER_MATCH_NO;
    bool same_function = (a.control & 0x1F) == (r.control & 0x1F);
    if (!(a.control & DLT645_ANSWER) || !same_function || !from_asked(&r, &a))
        return METER_MATCH_NO;
    bool other_id = carries_id(&a) && r.len >= 4 && (a.len < 4 || memcmp(a.data, r.data, 4) != 0);
    return other_id ? METER_MATCH_NO : METER_MATCH_ANSWER;
}

uint32_t meter_link_kind(struct bytes address, uint8_t function)
{
    if (memchr(address.data, 0xAA, address.len))
        return 0;
    uint32_t n = function;
    for (size_t i = 0; i < address.len; i++)
        n = n * 257 + address.data[i];
    return n != 0 ? n : 1;
}

uint32_t meter_link_dlt645_blind(struct bytes request)
{
    struct dlt645_frame r;
    size_t used;
    if (dlt645_decode(request.data, request.len, &r, &used) != ERR_OK)
        return 0;
    return meter_link_kind((struct bytes){r.address, sizeof r.address}, r.control & 0x1F);
}

const struct meter_link meter_link_dlt645 = {.name = "dlt645",
                                             .cut = cut,
                                             .match = match,
                                             .clock = true,
                                             .blind = meter_link_dlt645_blind,
                                             .named = true,
                                             .byte_gap_ms = METER_BYTE_GAP_MS};
