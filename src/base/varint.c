#include "base/varint.h"

void varint_put(struct writer *w, uint64_t v)
{
    uint8_t text[VARINT_MAX];
    size_t len = 0;
    for (; v >= 0x80; v >>= 7)
        text[len++] = (uint8_t)(v | 0x80);
    text[len++] = (uint8_t)v;
    writer_put(w, text, len);
}

uint64_t varint_get(struct reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = reader_u8(r);
        if (shift == 63 && b > 1)
            break;
        v |= (uint64_t)(b & 0x7F) << shift;
        if (!(b & 0x80))
            return r->err == ERR_OK ? v : 0;
    }
    if (r->err == ERR_OK)
        r->err = ERR_RANGE;
    return 0;
}

uint64_t zigzag(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

int64_t unzigzag(uint64_t v)
{
    return (int64_t)(v >> 1 ^ (v & 1 ? UINT64_MAX : 0));
}
