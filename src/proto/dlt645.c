#include "proto/dlt645.h"

#include "base/must.h"

#include <string.h>

#define START 0x68
#define END 0x16
#define OFFSET 0x33
#define OVERHEAD 12 /* two starts, address, C, L, CS, end */

static size_t find_start(const uint8_t *data, size_t len, size_t from)
{
    while (from < len && data[from] != START)
        from++;
    return from;
}

static void fill(struct dlt645_frame *frame, const uint8_t *p)
{
    memcpy(frame->address, p + 1, 6);
    frame->control = p[8];
    frame->len = p[9];
    for (size_t i = 0; i < frame->len; i++)
        frame->data[i] = (uint8_t)(p[10 + i] - OFFSET);
}

enum err dlt645_decode(const uint8_t *data, size_t len, struct dlt645_frame *frame, size_t *used)
{
    size_t at = find_start(data, len, 0);
    /* A first 68 without a second one seven bytes on is garbage or a part of an address. */
    while (at + 7 < len && data[at + 7] != START)
        at = find_start(data, len, at + 1);
    *used = at;
    if (len - at < 10 || len - at < (size_t)data[at + 9] + OVERHEAD)
        return ERR_TRUNCATED;
    const uint8_t *p = data + at;
    size_t body = (size_t)p[9] + 10;
    *used = at + 1;
    if (p[body + 1] != END)
        return ERR_FRAME_END;
    if (sum8(p, body) != p[body])
        return ERR_FRAME_CHECKSUM;
    fill(frame, p);
    *used = at + body + 2;
    return ERR_OK;
}

void dlt645_put(const uint8_t address[6], uint8_t control, struct bytes data, unsigned preamble,
                struct writer *w)
{
    MUST(data.len <= DLT645_DATA_MAX);
    writer_fill(w, 0xFE, preamble);
    size_t begin = w->len;
    writer_u8(w, START);
    writer_put(w, address, 6);
    writer_u8(w, START);
    writer_u8(w, control);
    writer_u8(w, (uint8_t)data.len);
    for (size_t i = 0; i < data.len; i++)
        writer_u8(w, (uint8_t)(data.data[i] + OFFSET));
    if (w->err != ERR_OK)
        return;
    writer_u8(w, sum8(w->data + begin, w->len - begin));
    writer_u8(w, END);
}

void dlt645_encode(const struct dlt645_frame *frame, unsigned preamble, struct writer *w)
{
    dlt645_put(frame->address, frame->control, (struct bytes){frame->data, frame->len}, preamble,
               w);
}

static int address_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c == 'A' || c == 'a' ? 0xA : -1;
}

enum err dlt645_address_parse(const char *text, uint8_t address[6])
{
    size_t len = strlen(text);
    if (len == 0 || len > 12)
        return ERR_SYNTAX;
    uint8_t out[6] = {0};
    for (size_t i = 0; i < len; i++) {
        int digit = address_digit(text[len - 1 - i]);
        if (digit < 0)
            return ERR_SYNTAX;
        out[i / 2] = (uint8_t)(out[i / 2] | (i % 2 ? digit << 4 : digit));
    }
    memcpy(address, out, 6);
    return ERR_OK;
}

void dlt645_address_text(const uint8_t address[6], char *out)
{
    uint8_t high_first[6];
    for (size_t i = 0; i < 6; i++)
        high_first[i] = address[5 - i];
    hex_encode(high_first, 6, out);
}
