/* Lines of logs: which words are bytes, and what stands beside them. */
#include "app/frame/frame_text_impl.h"

#include <stdlib.h>
#include <strings.h>

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

/* 35:68 is none, whatever it is. */
static bool is_no_time(const char *form, const char *text)
{
    const char *minute = strchr(text, ':');
    return strncmp(form, "D:dd", 4) == 0 && (strtol(text, NULL, 10) > 24 || minute[1] > '5');
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
        if (n == 0 || is_pairs(text, n) || is_no_time(forms[i], text))
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
    frame_text_end_group(w->t);
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
        frame_text_end_group(w->t);
    if (is_left_out(w, w->c, n) || !frame_text_take_word(w->t, w->c, end)) {
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

/* Not in the middle of a word, nor of bytes that are held together by marks. */
static bool may_be_stamp(const struct walk *w, const char *text)
{
    if (w->c == text)
        return true;
    return separates(w->c[-1]) && !(w->last && is_one_of(w->c[-1], ":.-_/"));
}

bool frame_text_read_log(const char *text, bool loose, struct frame_text *t)
{
    struct walk w = {.t = t, .c = text, .loose = loose};
    while (*w.c) {
        const char *end = w.c;
        size_t stamp = may_be_stamp(&w, text) ? stamp_at(w.c) : 0;
        while (*end && !separates(*end) && !is_escape(end))
            end++;
        if (stamp > 0) {
            w.last = NULL;
            frame_text_end_group(t);
            end = w.c + stamp;
        } else if (end == w.c) {
            end += is_escape(end) ? 2 : 1;
        } else if (!walk_word(&w, end)) {
            return false;
        }
        w.c = end;
    }
    frame_text_end_group(t);
    return true;
}
