#include "proto/cjt188.h"

#include <string.h>

#define START 0x68
#define END 0x16
#define OVERHEAD 13 /* start, type, address, C, L, CS, end */

static bool is_type(uint8_t t)
{
    return (t >= 0x10 && t <= 0x49) || t == 0xAA;
}

enum err cjt188_decode(const uint8_t *data, size_t len, struct cjt188_frame *frame, size_t *used)
{
    size_t at = 0;
    while (at < len && (data[at] != START || (at + 1 < len && !is_type(data[at + 1]))))
        at++;
    *used = at;
    if (len - at < 11 || len - at < (size_t)data[at + 10] + OVERHEAD)
        return ERR_TRUNCATED;
    const uint8_t *p = data + at;
    size_t body = (size_t)p[10] + 11;
    *used = at + 1;
    if (p[body + 1] != END)
        return ERR_FRAME_END;
    if (sum8(p, body) != p[body])
        return ERR_FRAME_CHECKSUM;
    frame->type = p[1];
    memcpy(frame->address, p + 2, 7);
    frame->control = p[9];
    frame->len = p[10];
    memcpy(frame->data, p + 11, frame->len);
    *used = at + body + 2;
    return ERR_OK;
}

void cjt188_encode(const struct cjt188_frame *frame, unsigned preamble, struct writer *w)
{
    uint8_t out[OVERHEAD + CJT188_DATA_MAX] = {START, frame->type};
    memcpy(out + 2, frame->address, 7);
    out[9] = frame->control;
    out[10] = frame->len;
    memcpy(out + 11, frame->data, frame->len);
    size_t body = (size_t)frame->len + 11;
    out[body] = sum8(out, body);
    out[body + 1] = END;
    writer_fill(w, 0xFE, preamble);
    writer_put(w, out, body + 2);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c == 'A' || c == 'a' ? 0xA : -1;
}

enum err cjt188_address_parse(const char *text, uint8_t address[7])
{
    size_t len = strlen(text);
    uint8_t out[7] = {0};
    if (len == 0 || len > 14)
        return ERR_SYNTAX;
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(text[len - 1 - i]);
        if (digit < 0)
            return ERR_SYNTAX;
        out[i / 2] = (uint8_t)(out[i / 2] | (i % 2 ? digit << 4 : digit));
    }
    memcpy(address, out, sizeof out);
    return ERR_OK;
}

void cjt188_address_text(const uint8_t address[7], char *out)
{
    uint8_t high_first[7];
    for (size_t i = 0; i < 7; i++)
        high_first[i] = address[6 - i];
    hex_encode(high_first, 7, out);
}
