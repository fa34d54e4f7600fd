#include "app/frame_text.h"

#include <ctype.h>
#include <string.h>

#include "base/bytes.h"

static bool separates(unsigned char c)
{
    return strchr(" \t\r\n,;:-_\"'[]{}()<>=/|*+&", c) != NULL || c >= 0x80;
}

static bool is_digit(char c)
{
    return isxdigit((unsigned char)c) != 0;
}

static bool is_prefix(const char *c, const char *end)
{
    return end - c >= 2 && (c[0] == '0' || c[0] == '\\') && (c[1] == 'x' || c[1] == 'X');
}

static int value_of(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* Digits without a separator between them; one alone is a byte only where its prefix says so. */
static bool take_digits(const char *c, size_t n, bool prefixed, uint8_t *out, size_t *len)
{
    if (n == 1 && prefixed) {
        out[(*len)++] = (uint8_t)value_of(*c);
        return true;
    }
    for (size_t i = 0; i + 1 < n; i += 2)
        out[(*len)++] = (uint8_t)(value_of(c[i]) << 4 | value_of(c[i + 1]));
    return n % 2 == 0;
}

/* One word; *len is as it was if it is none. */
static bool take_word(const char *c, const char *end, uint8_t *out, size_t *len)
{
    size_t before = *len;
    while (c < end) {
        bool prefixed = is_prefix(c, end);
        const char *from = c += prefixed ? 2 : 0;
        while (c < end && is_digit(*c) && !is_prefix(c, end))
            c++;
        bool good = c > from && take_digits(from, (size_t)(c - from), prefixed, out, len);
        if (c < end && (*c == 'h' || *c == 'H') && c - from == 2)
            c++;
        if (!good || (c < end && !is_prefix(c, end) && !is_digit(*c))) {
            *len = before;
            return false;
        }
    }
    return true;
}

/* The length of what `form` describes: d a digit, . a point or comma, - a dash or slash, others
 * themselves. 0: it does not stand here. */
static size_t matches(const char *text, const char *form)
{
    size_t i = 0;
    for (; form[i]; i++) {
        char c = text[i];
        bool fits = form[i] == 'd'   ? isdigit((unsigned char)c) != 0
                    : form[i] == '.' ? c == '.' || c == ','
                    : form[i] == '-' ? c == '-' || c == '/' || c == '.'
                                     : c == form[i];
        if (!fits)
            return 0;
    }
    return i;
}

/* A date or a time of day, with what follows of it up to the next separator. The bytes of a frame
 * are not written so: three groups with colons would have no fourth. */
static size_t stamp_at(const char *text)
{
    static const char *const forms[] = {"dddd-dd-ddTdd:dd:dd", "dddd-dd-dd", "dd:dd:dd.ddd",
                                        "dd:dd:dd:ddd", "dd:dd:dd"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t n = matches(text, forms[i]);
        if (n == 0)
            continue;
        while (isdigit((unsigned char)text[n]) || text[n] == '.' || text[n] == 'Z')
            n++;
        if (text[n] == '\0' || strchr(" \t\r\n])},;>|", text[n]) != NULL)
            return n;
    }
    return 0;
}

/* "0G": a byte that somebody mistyped, not a word to be left out. */
static bool is_mistyped(const char *c, const char *end)
{
    return end - c == 2 && isdigit((unsigned char)c[0]) && isalnum((unsigned char)c[1]);
}

bool frame_text_bytes(const char *text, enum frame_text_way way, uint8_t *out, size_t *len)
{
    bool log = way == FRAME_TEXT_LOG;
    *len = 0;
    for (const char *c = text; *c;) {
        size_t stamp = log ? stamp_at(c) : 0;
        const char *end = c;
        while (*end && !separates((unsigned char)*end))
            end++;
        bool dropped = stamp == 0 && end > c && !take_word(c, end, out, len);
        if (dropped && (!log || is_mistyped(c, end)))
            return false;
        c = stamp ? c + stamp : end;
        while (*c && separates((unsigned char)*c)) {
            if (!log && strchr("<>=/|*+&", *c))
                return false;
            if (!log && (unsigned char)*c >= 0x80)
                return false;
            c++;
        }
    }
    return true;
}
