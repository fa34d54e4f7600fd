#include "app/frame_text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/must.h"

#define DIGITS "0123456789abcdefABCDEF"
#define BETWEEN " \t\r\n,;:-_\"'[]{}()." /* what may stand between plain bytes */
#define FOREIGN '\x80'                   /* a character that is neither digit nor word of ours */

static bool is_foreign(char c)
{
    return c == FOREIGN;
}

static bool is_digit(char c)
{
    return isxdigit((unsigned char)c) != 0;
}

static bool is_decimal(char c)
{
    return c >= '0' && c <= '9';
}

static bool separates(char c)
{
    return is_foreign(c) || (!isalnum((unsigned char)c) && c != '\\');
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* --- folding ---------------------------------------------------------------------------------- */

/* One character of UTF-8, its length through *n; what is none counts as one of FOREIGN. */
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
            *out++ = FOREIGN;
    }
    *out = '\0';
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

/* 68H, and 0AAH of those whose numbers begin with a decimal digit. */
static size_t suffixed(const char *c, const char *end)
{
    size_t n = (size_t)(end - c);
    bool h = n >= 3 && (c[n - 1] | 0x20) == 'h';
    return h && n == 4 && *c == '0' ? 1 : 0;
}

static bool ends_byte(const char *from, const char *c, const char *end)
{
    return c < end && (*c == 'h' || *c == 'H') && c - from == 2;
}

/* One word; nothing is put if it is none. */
static bool take_word(struct frame_text *t, const char *c, const char *end)
{
    size_t before = t->len;
    c += suffixed(c, end);
    if (end - c == 3 && (*c == 'H' || *c == 'h')) /* &H68 */
        c++;
    while (c < end) {
        bool prefixed = is_prefix(c, end);
        const char *from = c += prefixed ? 2 : 0;
        while (c < end && is_digit(*c) && !is_prefix(c, end))
            c++;
        bool good = c > from && take_digits(t, from, (size_t)(c - from), prefixed);
        c += ends_byte(from, c, end) ? 1 : 0;
        if (!good || (c < end && !is_prefix(c, end) && !is_digit(*c))) {
            t->len = before;
            return false;
        }
    }
    return true;
}

/* --- what looks like digits and is none ------------------------------------------------------- */

/* The length of what `form` describes: d a decimal digit, D one or two, N one to three, - a dash,
 * slash or point, . a point or comma, others themselves. 0: it does not stand here. */
static size_t matches(const char *text, const char *form)
{
    const char *c = text;
    for (; *form; form++) {
        size_t most = *form == 'D' ? 2 : *form == 'N' ? 3 : 1, n = 0;
        if (*form == 'd' || *form == 'D' || *form == 'N') {
            while (n < most && is_decimal(c[n]))
                n++;
        } else {
            n = *form == '-'   ? is_one_of(*c, "-/.")
                : *form == '.' ? is_one_of(*c, ".,")
                               : *c == *form;
        }
        if (n == 0)
            return 0;
        c += n;
    }
    return (size_t)(c - text);
}

static bool ends_here(char c)
{
    return c == '\0' || is_foreign(c) || (separates(c) && !is_one_of(c, ":.-/_"));
}

/* Points between pairs of digits only may stand between bytes: 68.12.00.51. */
static bool is_pairs(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((i % 3 == 2) != (text[i] == '.'))
            return false;
    return n % 3 == 2 && n > 5;
}

/* A date, a time of day, an address of the network, a number with a point; with what follows of it
 * up to the next separator. The bytes of a frame are not written so: three groups with colons would
 * have a fourth. */
static size_t stamp_at(const char *text)
{
    static const char *const forms[] = {"dddd-D-DTD:dd:dd", "dddd-D-D", "D-D-dddd", "D:dd:dd.N",
                                        "D:dd:dd:ddd",      "D:dd:dd",  "D:dd",     "N.N.N.N"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        size_t n = matches(text, forms[i]);
        if (n == 0 || is_pairs(text, n))
            continue;
        while (is_decimal(text[n]) || (is_one_of(text[n], ".Z+") && n > 7) ||
               (text[n] == ':' && is_decimal(text[n + 1]) && (forms[i][0] == 'N' || n > 12)))
            n++;
        if (ends_here(text[n]) || ((text[n] == ':' || text[n] == '-') && ends_here(text[n + 1])))
            return n;
    }
    size_t n = strspn(text, "0123456789"),
           m = n > 0 && text[n] == '.' ? strspn(text + n + 1, "0123456789") : 0;
    return m > 0 && ends_here(text[n + 1 + m]) ? n + 1 + m : 0;
}

/* 20240501, 20240501123045, and seconds since 1970: a stamp without marks. */
static bool is_compact_stamp(const char *c, size_t n)
{
    if ((n != 8 && n != 10 && n != 14) || strspn(c, "0123456789") != n)
        return false;
    if (n == 10)
        return *c == '1';
    unsigned month = (unsigned)(c[4] - '0') * 10 + (unsigned)(c[5] - '0');
    return c[0] == '2' && c[1] == '0' && month >= 1 && month <= 12;
}

static bool is_letters(const char *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_decimal(c[i]))
            return false;
    return true;
}

/* "face", "added": words that happen to be of the letters a to f. FEFEFE and AAAA are bytes. */
static bool is_spelled(const char *c, size_t n)
{
    if (n <= 2 || !is_letters(c, n))
        return false;
    for (size_t i = 2; i < n; i++)
        if (c[i] != c[i - 2])
            return true;
    return false;
}

/* "cc", "be" behind a word; bytes that often stand at the beginning are FE, FF and AA. */
static bool is_small_word(const char *c, size_t n)
{
    return n == 2 && islower((unsigned char)c[0]) && islower((unsigned char)c[1]) &&
           strncmp(c, "fe", 2) != 0 && c[0] != c[1];
}

/* "0G": a byte that somebody mistyped, not a word to be left out. */
static bool is_mistyped(const char *c, size_t n)
{
    return n == 2 &&
           (is_decimal(c[0]) || is_decimal(c[1]) || is_one_of(c[0], "OoIl") ||
            is_one_of(c[1], "OoIl")) &&
           (is_digit(c[0]) || is_digit(c[1]));
}

/* Marks of direction and the like: words that a line has besides its bytes without being text. */
static bool is_mark(const char *c, size_t n)
{
    static const char *const marks[] = {"rx",   "tx",      "recv",     "send",    "received",
                                        "sent", "in",      "response", "request", "answer",
                                        "ack",  "hex",     "rtu",      "out",     "resp",
                                        "req",  "receive", "com",      "data",    "bytes"};
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
        if (strlen(marks[i]) == n && strncasecmp(marks[i], c, n) == 0)
            return true;
    return false;
}

/* --- groups ----------------------------------------------------------------------------------- */

static void end_group(struct frame_text *t)
{
    size_t before = t->groups ? t->ends[t->groups - 1] : 0;
    if (t->len > before)
        t->ends[t->groups++] = t->len;
}

/* Does what stands between two words of bytes hold them together? */
static bool joins(const char *from, const char *to, bool pairs)
{
    bool opens = false, closes = false, blank = false, mark = false, list = false;
    for (const char *c = from; c < to; c++) {
        if (is_foreign(*c) || *c == '=')
            return false;
        opens = opens || is_one_of(*c, "<[({");
        closes = closes || is_one_of(*c, ">])}");
        blank = blank || *c == ' ' || *c == '\t';
        list = list || is_one_of(*c, ",;");
        mark = mark || is_one_of(*c, ":-_|/+.!?#@*");
    }
    if (!mark && !opens && !closes && !list)
        return true;
    return pairs && opens == closes && !(blank && mark);
}

struct walk {
    struct frame_text *t;
    const char *c;    /* where it is */
    const char *last; /* where the last word of bytes ends; NULL: something else came since */
    bool pairs;       /* that word was one byte */
    bool text;        /* a word that is no bytes came last */
    bool loose;
};

static void leave_out(struct walk *w, size_t n)
{
    bool mark = is_mark(w->c, n);
    w->text = !mark && strspn(w->c, "0123456789") < n;
    w->t->marks += mark;
    w->t->words += w->text;
    w->last = NULL;
    end_group(w->t);
}

static bool is_left_out(const struct walk *w, const char *c, size_t n)
{
    return is_compact_stamp(c, n) ||
           (!w->loose && (is_spelled(c, n) || (w->text && is_small_word(c, n))));
}

/* Two digits follow at once. */
static bool begins_pair(const char *c)
{
    while (*c && separates(*c))
        c++;
    return is_digit(c[0]) && is_digit(c[1]);
}

/* False: a byte that is mistyped. */
static bool walk_word(struct walk *w, const char *end)
{
    size_t n = (size_t)(end - w->c), before = w->t->len;
    bool joined = w->last && joins(w->last, w->c, w->pairs && n <= 4);
    if (!joined)
        end_group(w->t);
    if (is_left_out(w, w->c, n) || !take_word(w->t, w->c, end)) {
        if (joined && is_mistyped(w->c, n) && begins_pair(end))
            return false;
        leave_out(w, n);
        return true;
    }
    w->pairs = w->t->len == before + 1;
    w->last = end;
    w->text = false;
    return true;
}

static bool is_escape(const char *c)
{
    return c[0] == '\\' && is_one_of(c[1], "rnt0") && !is_one_of(c[2], "xX");
}

/* Not in the middle of a word, nor of bytes that are held together by marks. */
static bool may_be_stamp(const struct walk *w, const char *text)
{
    if (w->c == text)
        return true;
    return separates(w->c[-1]) && !(w->last && is_one_of(w->c[-1], ":.-_/"));
}

static bool read_log(const char *text, bool loose, struct frame_text *t)
{
    struct walk w = {.t = t, .c = text, .loose = loose};
    while (*w.c) {
        const char *end = w.c;
        size_t stamp = may_be_stamp(&w, text) ? stamp_at(w.c) : 0;
        while (*end && !separates(*end) && !is_escape(end))
            end++;
        if (stamp > 0) {
            w.last = NULL;
            end_group(t);
            end = w.c + stamp;
        } else if (end == w.c) {
            end += is_escape(end) ? 2 : 1;
        } else if (!walk_word(&w, end)) {
            return false;
        }
        w.c = end;
    }
    end_group(t);
    return true;
}

/* --- the other ways --------------------------------------------------------------------------- */

static bool read_plain(const char *text, struct frame_text *t)
{
    for (const char *c = text, *end; *c; c = end) {
        for (end = c; *end && !separates(*end) && !is_escape(end);)
            end++;
        if (end > c && !take_word(t, c, end)) {
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
            any = any || (c[0] == '\\' && c[1] == 'x');
            c += take_character(t, c);
        }
        if (!*c)
            return false;
        end_group(t);
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
    while (*c && !is_one_of(*c, "]}")) {
        if (is_one_of(*c, " ,;\t\r\n"))
            c++;
        else if (!take_number(t, &c) || (*c && !is_one_of(*c, " ,;]}\t\r\n")))
            return false;
    }
    return t->len >= 4;
}

/* The list within brackets, or all there is. */
static bool read_decimal(const char *text, struct frame_text *t)
{
    const char *c = text + strcspn(text, "[{");
    if (!*c)
        return take_numbers(t, text);
    for (; *c; c += strcspn(c, "[{")) {
        if (take_numbers(t, ++c))
            return true;
    }
    return false;
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

bool frame_text_read(const char *folded, enum frame_text_way way, struct frame_text *t)
{
    static bool (*const ways[])(const char *, struct frame_text *) = {
        [FRAME_TEXT_PLAIN] = read_plain,     [FRAME_TEXT_ESCAPED] = read_escaped,
        [FRAME_TEXT_DECIMAL] = read_decimal, [FRAME_TEXT_SHORT] = read_short,
        [FRAME_TEXT_DIGITS] = read_digits,   [FRAME_TEXT_CHARACTERS] = read_characters};
    size_t room = strlen(folded) + 1;
    *t = (struct frame_text){.bytes = malloc(room), .ends = malloc(room * sizeof *t->ends)};
    MUST(t->bytes && t->ends);
    bool read = way == FRAME_TEXT_LOG || way == FRAME_TEXT_LOOSE
                    ? read_log(folded, way == FRAME_TEXT_LOOSE, t)
                    : ways[way](folded, t);
    end_group(t);
    t->plain = read && way == FRAME_TEXT_PLAIN;
    t->number = folded[strspn(folded, "0123456789")] == '\0';
    return read;
}

void frame_text_free(struct frame_text *t)
{
    free(t->bytes);
    free(t->ends);
}
