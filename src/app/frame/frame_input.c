/* What is piped in: bytes themselves, or text in one or two bytes a character. */
#include "app/frame/frame_input.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"

struct bytes frame_input_read(FILE *from)
{
    uint8_t *data = NULL;
    size_t len = 0, cap = 0, n = 0;
    do {
        len += n;
        if (len == cap) {
            cap = cap ? 2 * cap : 4096;
            data = realloc(data, cap);
            MUST(data);
        }
    } while ((n = fread(data + len, 1, cap - len, from)) > 0);
    return (struct bytes){data, len};
}

/* Tab, line feed ... carriage return, escape. */
static bool is_control(uint8_t c)
{
    return c < 0x20 && !(c >= '\t' && c <= '\r') && c != '\b' && c != 0x1B;
}

static bool begins(struct bytes in, const char *mark)
{
    return in.len >= 2 && memcmp(in.data, mark, 2) == 0;
}

static bool is_low_first(struct bytes in)
{
    return begins(in, "\xFF\xFE");
}

static bool is_wide(struct bytes in)
{
    return in.len % 2 == 0 && (is_low_first(in) || begins(in, "\xFE\xFF"));
}

bool frame_input_is_raw(struct bytes in)
{
    for (size_t i = 0; i < in.len && !is_wide(in); i++)
        if (is_control(in.data[i]))
            return true;
    return false;
}

/* Of a character beyond ASCII only that it is one matters. */
static char *narrow(struct bytes in)
{
    char *text = malloc(in.len + 1), *out = text; /* two bytes become two at most */
    size_t low = is_low_first(in) ? 0 : 1;
    MUST(text);
    for (size_t i = 2; i < in.len; i += 2) {
        uint8_t c = in.data[i + low];
        bool plain = in.data[i + 1 - low] == 0 && c > 0 && c < 0x80;
        out = stpcpy(out, plain ? (char[]){(char)c, '\0'} : "\xC2\xA4");
    }
    *out = '\0';
    return text;
}

char *frame_input_text(struct bytes in)
{
    if (is_wide(in))
        return narrow(in);
    char *text = malloc(in.len + 1);
    MUST(text);
    for (size_t i = 0; i < in.len; i++)
        text[i] = in.data[i] ? (char)in.data[i] : ' ';
    text[in.len] = '\0';
    return text;
}
