#include "base/jread.h"

#include <string.h>

struct jread jread_of(const char *text, size_t len)
{
    return (struct jread){.text = text, .len = len};
}

static void fail(struct jread *j, enum err e)
{
    if (j->err == ERR_OK) {
        j->err = e;
        j->failed_at = j->at;
    }
    j->at = j->len;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static char look(struct jread *j)
{
    while (j->at < j->len && is_blank(j->text[j->at]))
        j->at++;
    return j->at < j->len ? j->text[j->at] : '\0';
}

static void expect(struct jread *j, char c)
{
    if (look(j) != c || j->at >= j->len)
        fail(j, ERR_SYNTAX);
    else
        j->at++;
}

enum jread_type jread_peek(struct jread *j)
{
    char c = look(j);
    switch (c) {
    case '{':
        return JREAD_OBJECT;
    case '[':
        return JREAD_ARRAY;
    case '"':
        return JREAD_TEXT;
    case 't':
    case 'f':
        return JREAD_BOOL;
    case 'n':
        return JREAD_NULL;
    default:
        return c == '-' || (c >= '0' && c <= '9') ? JREAD_NUMBER : JREAD_NONE;
    }
}

static void open_container(struct jread *j, char open, char close)
{
    expect(j, open);
    if (j->err != ERR_OK)
        return;
    if (j->depth == JREAD_DEPTH_MAX) {
        fail(j, ERR_SYNTAX);
        return;
    }
    j->first[j->depth] = true;
    j->close[j->depth++] = close;
}

void jread_object(struct jread *j)
{
    open_container(j, '{', '}');
}

void jread_array(struct jread *j)
{
    open_container(j, '[', ']');
}

/* Steps to the next item of the innermost container, or closes it. */
static bool next_item(struct jread *j, char close)
{
    if (j->err != ERR_OK)
        return false;
    if (j->depth == 0 || j->close[j->depth - 1] != close) {
        fail(j, ERR_SYNTAX);
        return false;
    }
    if (look(j) == close) {
        j->at++;
        j->depth--;
        return false;
    }
    if (!j->first[j->depth - 1])
        expect(j, ',');
    j->first[j->depth - 1] = false;
    return j->err == ERR_OK;
}

bool jread_element(struct jread *j)
{
    return next_item(j, ']');
}

bool jread_member(struct jread *j, char *name, size_t cap)
{
    if (!next_item(j, '}'))
        return false;
    jread_text(j, name, cap);
    expect(j, ':');
    return j->err == ERR_OK;
}

struct out {
    char *text; /* NULL: only checked */
    size_t cap, len;
};

static void put_byte(struct jread *j, struct out *out, unsigned c)
{
    if (c == 0) {
        fail(j, ERR_SYNTAX);
    } else if (out->text && out->len + 1 >= out->cap) {
        fail(j, ERR_RANGE);
    } else {
        if (out->text)
            out->text[out->len] = (char)c;
        out->len++;
    }
}

static void put_code(struct jread *j, struct out *out, uint32_t c)
{
    if (c < 0x80) {
        put_byte(j, out, c);
    } else if (c < 0x800) {
        put_byte(j, out, 0xC0 | c >> 6);
        put_byte(j, out, 0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put_byte(j, out, 0xE0 | c >> 12);
        put_byte(j, out, 0x80 | (c >> 6 & 0x3F));
        put_byte(j, out, 0x80 | (c & 0x3F));
    } else {
        put_byte(j, out, 0xF0 | c >> 18);
        put_byte(j, out, 0x80 | (c >> 12 & 0x3F));
        put_byte(j, out, 0x80 | (c >> 6 & 0x3F));
        put_byte(j, out, 0x80 | (c & 0x3F));
    }
}

static uint32_t hex4(struct jread *j)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++) {
        char c = j->at < j->len ? j->text[j->at++] : 'x';
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) {
            fail(j, ERR_SYNTAX);
            return 0;
        }
        v = v << 4 | digit;
    }
    return v;
}

/* Two escapes make one character beyond the basic plane; half a pair is refused. */
static uint32_t unicode_escape(struct jread *j)
{
    uint32_t c = hex4(j);
    if (c < 0xD800 || c > 0xDFFF)
        return c;
    bool pair =
        c < 0xDC00 && j->len - j->at >= 2 && j->text[j->at] == '\\' && j->text[j->at + 1] == 'u';
    if (!pair) {
        fail(j, ERR_SYNTAX);
        return 0;
    }
    j->at += 2;
    uint32_t low = hex4(j);
    if (low < 0xDC00 || low > 0xDFFF)
        fail(j, ERR_SYNTAX);
    return 0x10000 + ((c - 0xD800) << 10) + (low & 0x3FF);
}

static void escape(struct jread *j, struct out *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = j->at < j->len ? j->text[j->at++] : '\0';
    const char *known = c ? strchr(from, c) : NULL;
    if (known)
        put_byte(j, out, (unsigned char)to[known - from]);
    else if (c == 'u')
        put_code(j, out, unicode_escape(j));
    else
        fail(j, ERR_SYNTAX);
}

/* Length of a UTF-8 sequence by its first byte; 0: none begins so. Overlong forms, surrogates and
 * what lies beyond U+10FFFF are excluded by the range of the second byte. */
static unsigned utf8_length(const unsigned char *p, size_t left)
{
    unsigned n = p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;
    if (n == 0 || left < n)
        return 0;
    unsigned low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (unsigned i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

static void plain(struct jread *j, struct out *out)
{
    const unsigned char *p = (const unsigned char *)j->text + j->at;
    unsigned n = p[0] < 0x20 ? 0 : p[0] < 0x80 ? 1 : utf8_length(p, j->len - j->at);
    if (n == 0) {
        fail(j, ERR_SYNTAX);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        put_byte(j, out, p[i]);
    if (j->err == ERR_OK)
        j->at += n;
}

/* ASCII that stands for itself, which most texts are made of, in one go. */
static void take_run(struct jread *j, struct out *out)
{
    const unsigned char *p = (const unsigned char *)j->text + j->at;
    size_t left = j->len - j->at, n = 0;
    while (n < left && p[n] >= 0x20 && p[n] < 0x80 && p[n] != '"' && p[n] != '\\')
        n++;
    if (out->text && n > 0 && n >= out->cap - out->len) {
        fail(j, ERR_RANGE);
        return;
    }
    if (out->text)
        memcpy(out->text + out->len, p, n);
    out->len += n;
    j->at += n;
}

static void read_text(struct jread *j, struct out *out)
{
    expect(j, '"');
    if (j->err == ERR_OK)
        take_run(j, out);
    while (j->err == ERR_OK) {
        if (j->at >= j->len) {
            fail(j, ERR_SYNTAX);
        } else if (j->text[j->at] == '"') {
            j->at++;
            return;
        } else if (j->text[j->at] == '\\') {
            j->at++;
            escape(j, out);
        } else {
            plain(j, out);
        }
    }
}

void jread_text(struct jread *j, char *text, size_t cap)
{
    struct out out = {text, cap, 0};
    read_text(j, &out);
    if (cap)
        text[j->err == ERR_OK ? out.len : 0] = '\0';
}

static size_t digits(struct jread *j)
{
    size_t n = 0;
    for (; j->at < j->len && j->text[j->at] >= '0' && j->text[j->at] <= '9'; j->at++)
        n++;
    return n;
}

/* The whole of a number, as the grammar has it; *integer: no fraction and no exponent. */
static void number(struct jread *j, bool *integer)
{
    *integer = true;
    if (look(j) == '-')
        j->at++;
    bool zero = j->at < j->len && j->text[j->at] == '0';
    size_t n = digits(j);
    bool ok = n == 1 || (n > 1 && !zero);
    if (ok && j->at < j->len && j->text[j->at] == '.') {
        *integer = false;
        j->at++;
        ok = digits(j) > 0;
    }
    if (ok && j->at < j->len && (j->text[j->at] | 0x20) == 'e') {
        *integer = false;
        j->at++;
        if (j->at < j->len && (j->text[j->at] == '+' || j->text[j->at] == '-'))
            j->at++;
        ok = digits(j) > 0;
    }
    if (!ok)
        fail(j, ERR_SYNTAX);
}

int64_t jread_int(struct jread *j)
{
    bool integer;
    (void)look(j); /* blanks only: the number starts here */
    size_t start = j->at;
    number(j, &integer);
    if (j->err == ERR_OK && !integer)
        fail(j, ERR_SYNTAX);
    if (j->err != ERR_OK)
        return 0;
    bool negative = j->text[start] == '-';
    int64_t v = 0;
    for (size_t i = start + negative; i < j->at; i++) {
        int digit = j->text[i] - '0';
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_sub_overflow(v, digit, &v)) { /* negative side: it reaches INT64_MIN */
            fail(j, ERR_RANGE);
            return 0;
        }
    }
    if (!negative && v == INT64_MIN) {
        fail(j, ERR_RANGE);
        return 0;
    }
    return negative ? v : -v;
}

static bool word(struct jread *j, const char *w)
{
    size_t n = strlen(w);
    if (j->len - j->at < n || memcmp(j->text + j->at, w, n) != 0)
        return false;
    j->at += n;
    return true;
}

bool jread_bool(struct jread *j)
{
    (void)look(j); /* blanks only */
    if (word(j, "true"))
        return true;
    if (!word(j, "false"))
        fail(j, ERR_SYNTAX);
    return false;
}

void jread_null(struct jread *j)
{
    (void)look(j); /* blanks only */
    if (!word(j, "null"))
        fail(j, ERR_SYNTAX);
}

static void skip_scalar(struct jread *j)
{
    bool integer;
    struct out nowhere = {};
    switch (jread_peek(j)) {
    case JREAD_TEXT:
        read_text(j, &nowhere);
        return;
    case JREAD_NUMBER:
        number(j, &integer);
        return;
    case JREAD_BOOL:
        (void)jread_bool(j); /* checked, not used */
        return;
    case JREAD_NULL:
        jread_null(j);
        return;
    default:
        fail(j, ERR_SYNTAX);
    }
}

static void begin_value(struct jread *j)
{
    switch (jread_peek(j)) {
    case JREAD_OBJECT:
        jread_object(j);
        return;
    case JREAD_ARRAY:
        jread_array(j);
        return;
    default:
        skip_scalar(j);
    }
}

void jread_skip(struct jread *j)
{
    unsigned outside = j->depth;
    struct out nowhere = {};
    begin_value(j);
    while (j->err == ERR_OK && j->depth > outside) {
        if (j->close[j->depth - 1] == ']') {
            if (jread_element(j))
                begin_value(j);
        } else if (next_item(j, '}')) {
            read_text(j, &nowhere);
            expect(j, ':');
            begin_value(j);
        }
    }
}

enum err jread_end(struct jread *j)
{
    if (j->err == ERR_OK && (j->depth != 0 || look(j) != '\0' || j->at < j->len))
        fail(j, ERR_SYNTAX);
    return j->err;
}
