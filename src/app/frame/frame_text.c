#include "app/frame/frame_text.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/frame/frame_text_impl.h"
#include "base/must.h"

#define DIGITS "0123456789abcdefABCDEF"
#define BLANKS " \t\r\n"
#define BETWEEN " \t\r\n,;:-_\"'[]{}()." /* what may stand between plain bytes */

/* --- folding ---------------------------------------------------------------------------------- */

/* One character of UTF-8, its length through *n; what is none counts as one of FRAME_TEXT_FOREIGN.
 */
static unsigned code_at(const char *text, size_t *n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t more = p[0] >= 0xF0 ? 3 : p[0] >= 0xE0 ? 2 : p[0] >= 0xC0 ? 1 : 0;
    unsigned code = more == 0 ? p[0] : p[0] & (0x3Fu >> more);
    *n = 1;
    for (size_t i = 1; i <= more && (p[i] & 0xC0) == 0x80; i++, ++*n)
        code = code << 6 | (p[i] & 0x3F);
    return code;
}

/* name[3] = and [3]: in front of a byte; its length. */
static size_t index_at(const char *text)
{
    const char *c = text;
    while (isalnum((unsigned char)*c) || *c == '_')
        c++;
    size_t n = *c == '[' ? strspn(c + 1, DIGITS "xX") : 0;
    if (n == 0 || c[n + 1] != ']')
        return 0;
    c += n + 2;
    c += strspn(c, " ");
    size_t value = *c == '=' || *c == ':' ? 1 + strspn(c + 1, " ") : 0;
    return value > 0 && is_digit(c[value]) ? (size_t)(c + 1 - text) : 0;
}

static void blank_indexes(char *text)
{
    for (char *c = text; *c; c++) {
        bool begins = c == text || (!isalnum((unsigned char)c[-1]) && c[-1] != '_');
        size_t n = begins ? index_at(c) : 0;
        memset(c, ' ', n);
    }
}

/* &#104; as 0x68, which is as long at most. */
static void replace_entities(char *text)
{
    for (char *c = text; (c = strstr(c, "&#"));) {
        size_t n = strspn(c + 2, "0123456789");
        long v = n > 0 && n <= 3 ? strtol(c + 2, NULL, 10) : 256;
        char byte[8];
        if (v <= 255 && c[2 + n] == ';') {
            int len = snprintf(byte, sizeof byte, " 0x%lX", v);
            memset(c, ' ', n + 3);
            memcpy(c, byte, (size_t)len);
        }
        c += n + 2;
    }
}

/* A byte's prefix in other languages, as the one that is known; none is longer than it was. */
static const struct {
    const char *from, *to;
} prefixes[] = {{"&#x", " 0x"}, {"&#X", " 0x"}, {"\\u00", "\\x"}, {"\\x{", " 0x"}, {"16#", "0x"}};

static void replace_prefixes(char *text)
{
    char *out = text;
    for (const char *c = text; *c;) {
        size_t i = 0, count = sizeof prefixes / sizeof *prefixes;
        while (i < count && strncmp(c, prefixes[i].from, strlen(prefixes[i].from)) != 0)
            i++;
        if (i == count || !is_digit(c[strlen(prefixes[i].from)])) {
            *out++ = *c++;
            continue;
        }
        c += strlen(prefixes[i].from);
        out = memcpy(out, prefixes[i].to, strlen(prefixes[i].to));
        out += strlen(prefixes[i].to);
    }
    *out = '\0';
}

char *frame_text_fold(const char *text)
{
    char *folded = malloc(strlen(text) + 1), *out = folded;
    MUST(folded);
    for (size_t n; *text; text += n) {
        unsigned code = code_at(text, &n);
        if (code < 0x80)
            *out++ = (char)code;
        else if (code >= 0xFF01 && code <= 0xFF5E)
            *out++ = (char)(code - 0xFEE0);
        else if (code == 0x3000 || code == 0xA0)
            *out++ = ' ';
        else if (code != 0xFEFF && code != 0x200B) /* byte order mark, zero width */
            *out++ = FRAME_TEXT_FOREIGN;
    }
    *out = '\0';
    blank_indexes(folded);
    replace_entities(folded);
    replace_prefixes(folded);
    return folded;
}

/* --- words of digits -------------------------------------------------------------------------- */

static bool is_prefix(const char *c, const char *end)
{
    return end - c >= 2 && (c[0] == '0' || c[0] == '\\') && (c[1] == 'x' || c[1] == 'X');
}

static void put(struct frame_text *t, unsigned byte)
{
    t->bytes[t->len++] = (uint8_t)byte;
}

static unsigned value_of(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static void put_pairs(struct frame_text *t, const char *c, size_t n)
{
    for (size_t i = 0; i + 1 < n; i += 2)
        put(t, value_of(c[i]) << 4 | value_of(c[i + 1]));
}

/* Digits without a separator between them; one alone is a byte only where its prefix says so. */
static bool take_digits(struct frame_text *t, const char *c, size_t n, bool prefixed)
{
    if (n == 1 && prefixed) {
        put(t, value_of(*c));
        return true;
    }
    put_pairs(t, c, n);
    return n % 2 == 0;
}

/* 0AAH of those whose numbers begin with a decimal digit: the zero is none of the byte. */
static bool has_leading_zero(const char *c, const char *end)
{
    return end - c == 4 && *c == '0' && (end[-1] == 'h' || end[-1] == 'H');
}

static bool ends_byte(const char *from, const char *c, const char *end)
{
    return c < end && (*c == 'h' || *c == 'H') && c - from == 2;
}

bool frame_text_take_word(struct frame_text *t, const char *c, const char *end)
{
    size_t before = t->len;
    c += has_leading_zero(c, end);
    if (end - c == 3 && (*c == 'H' || *c == 'h')) /* &H68 */
        c++;
    while (c < end) {
        bool prefixed = is_prefix(c, end);
        const char *from = c += prefixed ? 2 : 0;
        while (c < end && is_digit(*c) && !is_prefix(c, end))
            c++;
        bool good = c > from && take_digits(t, from, (size_t)(c - from), prefixed);
        c += ends_byte(from, c, end) || (prefixed && c + 1 == end && is_one_of(*c, "uU")) ? 1 : 0;
        if (!good || (c < end && !is_prefix(c, end) && !is_digit(*c))) {
            t->len = before;
            return false;
        }
    }
    return true;
}

void frame_text_end_group(struct frame_text *t)
{
    size_t before = t->groups ? t->ends[t->groups - 1] : 0;
    if (t->len > before)
        t->ends[t->groups++] = t->len;
}

/* --- ways --------------------------------------------------------------------------- */

static bool read_plain(const char *text, struct frame_text *t)
{
    for (const char *c = text, *end; *c; c = end) {
        for (end = c; *end && !separates(*end) && !is_escape(end);)
            end++;
        if (end > c && !frame_text_take_word(t, c, end)) {
            t->half_a_byte = text[strspn(text, DIGITS BETWEEN)] == '\0';
            return false;
        }
        for (; *end && (separates(*end) || is_escape(end)); end += is_escape(end) ? 2 : 1)
            if (!is_escape(end) && !is_one_of(*end, BETWEEN))
                return false;
    }
    return true;
}

static unsigned escape_value(char c)
{
    static const char names[] = "abfnrtv0", values[] = "\a\b\f\n\r\t\v";
    const char *at = strchr(names, c);
    return at ? (unsigned char)values[at - names] : (unsigned char)c;
}

/* \150: three octal digits, of a byte. */
static bool is_octal(const char *c)
{
    return c[0] == '\\' && is_one_of(c[1], "0123") && is_one_of(c[2], "01234567") &&
           is_one_of(c[3], "01234567");
}

/* One character of a quoted string; its length. */
static size_t take_character(struct frame_text *t, const char *c)
{
    if (*c != '\\' || !c[1]) {
        put(t, (unsigned char)*c);
        return 1;
    }
    if (c[1] == 'x' && is_digit(c[2]) && is_digit(c[3])) {
        put_pairs(t, c + 2, 2);
        return 4;
    }
    if (is_octal(c)) {
        put(t, (unsigned)(c[1] - '0') << 6 | (unsigned)(c[2] - '0') << 3 | (unsigned)(c[3] - '0'));
        return 4;
    }
    put(t, escape_value(c[1]));
    return 2;
}

static bool read_escaped(const char *text, struct frame_text *t)
{
    bool any = false;
    for (const char *c = text; *c; c++) {
        if (*c != '\'' && *c != '"')
            continue;
        for (char quote = *c++; *c && *c != quote;) {
            any = any || (c[0] == '\\' && c[1] == 'x') || is_octal(c);
            c += take_character(t, c);
        }
        if (!*c)
            return false;
        frame_text_end_group(t);
    }
    return any;
}

static bool take_number(struct frame_text *t, const char **c)
{
    bool minus = **c == '-';
    const char *from = *c + minus;
    size_t n = strspn(from, "0123456789");
    long v = strtol(*c, NULL, 10);
    if (n == 0 || n > 3 || v < -128 || v > 255)
        return false;
    put(t, (uint8_t)v);
    *c = from + n;
    return true;
}

/* True: numbers and nothing else up to the bracket that closes, or to the end. */
static bool take_numbers(struct frame_text *t, const char *c)
{
    t->len = 0;
    while (*c && !is_one_of(*c, "]}>")) {
        if (is_one_of(*c, " ,;\t\r\n"))
            c++;
        else if (!take_number(t, &c) || (*c && !is_one_of(*c, " ,;]}>\t\r\n")))
            return false;
    }
    return t->len >= 4;
}

/* The list within brackets, or all there is. */
static bool read_decimal(const char *text, struct frame_text *t)
{
    const char *c = text + strcspn(text, "[{<");
    if (!*c)
        return take_numbers(t, text);
    for (; *c; c += strcspn(c, "[{<")) {
        if (take_numbers(t, ++c))
            return true;
    }
    return false;
}

/* Of a machine whose words begin with the low byte, as these tools print them. */
static bool read_swapped(const char *text, struct frame_text *t)
{
    for (const char *c = text + strspn(text, BLANKS); *c; c += strspn(c, BLANKS)) {
        if (strspn(c, DIGITS) != 4)
            return false;
        put_pairs(t, c + 2, 2);
        put_pairs(t, c, 2);
        c += 4;
    }
    return t->len > 0;
}

static bool read_swapped_odd(const char *text, struct frame_text *t)
{
    return read_swapped(text, t) && t->bytes[--t->len] == 0;
}

static bool read_bits(const char *text, struct frame_text *t)
{
    for (const char *c = text + strspn(text, BLANKS); *c; c += 8 + strspn(c + 8, BLANKS ",")) {
        if (strspn(c, "01") != 8)
            return false;
        put(t, (unsigned)strtoul((char[]){c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], 0}, NULL,
                                 2));
    }
    return t->len > 0;
}

static bool read_short(const char *text, struct frame_text *t)
{
    for (const char *c = text; *c;) {
        size_t n = strspn(c, DIGITS);
        if (n > 2 || (n == 0 && !is_one_of(*c, " ,;\t\r\n[]{}")))
            return false;
        if (n > 0)
            put(t, n == 1 ? value_of(*c) : value_of(c[0]) << 4 | value_of(c[1]));
        c += n ? n : 1;
    }
    return true;
}

static bool read_digits(const char *text, struct frame_text *t)
{
    size_t n = 0;
    for (const char *c = text; *c; c++) {
        if (!is_digit(*c) && !is_one_of(*c, " ,;\t\r\n-:"))
            return false;
        if (!is_digit(*c))
            continue;
        if (n++ % 2 == 0)
            put(t, value_of(*c) << 4);
        else
            t->bytes[t->len - 1] |= (uint8_t)value_of(*c);
    }
    return n % 2 == 0;
}

#define BASE62 "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define BASE64_MIN 8 /* characters of the shortest frame */

static void take_base64(struct frame_text *t, const char *alphabet, const char *c, size_t n)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < n; i++) {
        bits = bits << 6 | (uint32_t)(strchr(alphabet, c[i]) - alphabet);
        if (i % 4 > 0)
            put(t, bits >> (6 - 2 * (i % 4)) & 0xFF);
    }
    frame_text_end_group(t);
}

static bool read_base64_of(const char *alphabet, const char *text, struct frame_text *t)
{
    for (const char *c = text; *c;) {
        size_t n = strspn(c, alphabet), padding = strspn(c + n, "=");
        if (n >= BASE64_MIN && ((n + padding) % 4 == 0 || (padding == 0 && n % 4 > 1)) &&
            padding <= 2)
            take_base64(t, alphabet, c, n);
        c += n > 0 ? n : 1;
    }
    return t->len > 0;
}

static bool read_base64(const char *text, struct frame_text *t)
{
    return read_base64_of(BASE62 "+/", text, t);
}

static bool read_base64url(const char *text, struct frame_text *t)
{
    return read_base64_of(BASE62 "-_", text, t);
}

/* ":" and pairs of digits up to the end of the word; their sum with the last one, the check sum, is
 * nothing. */
static bool is_ascii_frame(const char *c)
{
    size_t n = *c == ':' ? strspn(c + 1, DIGITS) : 0;
    unsigned sum = 0;
    for (size_t i = 1; i < n; i += 2)
        sum += value_of(c[i]) << 4 | value_of(c[i + 1]);
    return n >= 8 && n % 2 == 0 && (uint8_t)sum == 0 &&
           (!c[n + 1] || separates(c[n + 1]) || c[n + 1] == '\\');
}

/* ":" or "/" in front, a value in brackets behind its OBIS code, or a whole frame of Modbus ASCII
 * behind other words. */
static bool read_characters(const char *text, struct frame_text *t)
{
    text += strspn(text, " \t\r\n");
    size_t code = strspn(text, "0123456789.:-*");
    if (*text != ':' && *text != '/' && !(code >= 3 && text[code] == '('))
        while (*text && !is_ascii_frame(text))
            text++;
    size_t word = *text == ':' ? 1 + strspn(text + 1, DIGITS) : strlen(text);
    for (const char *end = text + word; text < end && !is_foreign(*text);)
        text += take_character(t, text);
    return t->len > 0 && !is_foreign(*text);
}

static bool is_apart(const char *text)
{
    if (!strchr(text, ' '))
        return false;
    for (size_t n; *text; text += n ? n : 1) {
        n = strspn(text, DIGITS);
        if (n > 2)
            return false;
    }
    return true;
}

bool frame_text_read(const char *folded, enum frame_text_way way, struct frame_text *t)
{
    static bool (*const ways[])(const char *,
                                struct frame_text *) = {[FRAME_TEXT_PLAIN] = read_plain,
                                                        [FRAME_TEXT_ESCAPED] = read_escaped,
                                                        [FRAME_TEXT_SWAPPED] = read_swapped,
                                                        [FRAME_TEXT_SWAPPED_ODD] = read_swapped_odd,
                                                        [FRAME_TEXT_BITS] = read_bits,
                                                        [FRAME_TEXT_DECIMAL] = read_decimal,
                                                        [FRAME_TEXT_SHORT] = read_short,
                                                        [FRAME_TEXT_DIGITS] = read_digits,
                                                        [FRAME_TEXT_BASE64] = read_base64,
                                                        [FRAME_TEXT_BASE64URL] = read_base64url,
                                                        [FRAME_TEXT_CHARACTERS] = read_characters};
    size_t room = strlen(folded) + 1;
    *t = (struct frame_text){.bytes = malloc(room), .ends = malloc(room * sizeof *t->ends)};
    MUST(t->bytes && t->ends);
    bool read = way == FRAME_TEXT_LOG || way == FRAME_TEXT_LOOSE
                    ? frame_text_read_log(folded, way == FRAME_TEXT_LOOSE, t)
                    : ways[way](folded, t);
    frame_text_end_group(t);
    t->apart = is_apart(folded);
    return read;
}

void frame_text_free(struct frame_text *t)
{
    free(t->bytes);
    free(t->ends);
}
