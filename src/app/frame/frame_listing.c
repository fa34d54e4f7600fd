#include "app/frame/frame_listing.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define BLANKS " \t"
#define DECIMALS "0123456789"
#define DIGITS "0123456789abcdefABCDEF"

/* --- what stands in front of the bytes of a line ---------------------------------------------- */

enum label { LABEL_NONE, LABEL_OFFSET, LABEL_INDEX };

static bool ends_cell(char c)
{
    return c == '\0' || isspace((unsigned char)c) || c == ',' || c == ';';
}

/* 0000010, 0x7ffe1000:, 0x7ffe1008 <name+8>: */
static const char *after_offset(const char *c)
{
    bool prefixed = strncmp(c, "0x", 2) == 0;
    size_t n = strspn(c += prefixed ? 2 : 0, DIGITS);
    if (n < 4 || n > 16)
        return NULL;
    c += n;
    if (prefixed && c[0] == ' ' && c[1] == '<')
        c += strcspn(c, ">\n") + 1;
    return *c == ':' ? c + 1 : ends_cell(*c) ? c : NULL;
}

/* name[3] = , [0x03]: , 3: ; its number through *number. */
static const char *after_index(const char *c, const char **number)
{
    const char *name = c;
    while (isalnum((unsigned char)*c) || *c == '_')
        c++;
    bool bracket = *c == '[';
    *number = bracket ? ++c : name;
    c += strspn(c, DIGITS "xX");
    if (bracket && *c++ != ']')
        return NULL;
    c += strspn(c, BLANKS);
    return (bracket && *c == '=') || *c == ':' ? c + 1 : NULL;
}

static bool counts(const char *first, const char *here, size_t len)
{
    static const int bases[] = {16, 8, 10};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        char *end;
        unsigned long long from = strtoull(first, NULL, bases[i]),
                           to = strtoull(here, &end, bases[i]);
        if (end > here && !isxdigit((unsigned char)*end) && to - from == len)
            return true;
    }
    return false;
}

/* --- bytes of a line -------------------------------------------------------------------------- */

struct form {
    const char *digits;
    size_t least, most; /* of them */
    int base;
    size_t bytes;
    long long low, high;
};
static const struct form forms[FRAME_LISTING_FORMS] = {
    [FRAME_LISTING_PAIRS] = {DIGITS, 1, 2, 16, 1, 0, 0xFF},
    [FRAME_LISTING_OCTAL] = {"01234567", 3, 3, 8, 1, 0, 0xFF},
    [FRAME_LISTING_DECIMAL] = {DECIMALS, 1, 3, 10, 1, -128, 0xFF},
    [FRAME_LISTING_BITS] = {"01", 8, 8, 2, 1, 0, 0xFF},
    [FRAME_LISTING_CHARACTERS] = {"01234567", 3, 3, 8, 1, 0, 0xFF},
    [FRAME_LISTING_OCTAL_WORDS] = {"01234567", 6, 6, 8, 2, 0, 0xFFFF},
    [FRAME_LISTING_LONG_WORDS] = {DIGITS, 8, 8, 16, 4, 0, 0xFFFF'FFFF},
};

static void put(struct frame_listing *l, long long value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        l->bytes[l->len++] = (uint8_t)((unsigned long long)value >> 8 * i);
}

/* The last word of xxd -e may have fewer bytes: it stands as far to the right. */
static bool is_part(const struct form *f, size_t digits, size_t gap)
{
    return f->bytes == 4 && digits % 2 == 0 && digits > 0 && gap == 1 + f->most - digits;
}

/* One number; NULL: none stands here. */
static const char *take_number(struct frame_listing *l, const struct form *f, const char *c,
                               size_t gap)
{
    bool minus = f->low < 0 && *c == '-', prefixed = f->base == 16 && c[0] == '0' && c[1] == 'x';
    const char *digits = c + (minus ? 1 : 0) + (prefixed ? 2 : 0);
    size_t n = strspn(digits, f->digits);
    bool part = is_part(f, n, gap);
    if (n > f->most || !ends_cell(digits[n]) || (n < f->least && !part) ||
        (f->bytes == 1 && f->base == 16 && n < 2 && !prefixed))
        return NULL;
    long long value = strtoll(digits, NULL, f->base) * (minus ? -1 : 1);
    if (value < f->low || value > f->high)
        return NULL;
    put(l, value, part ? n / 2 : f->bytes);
    return digits + n;
}

/* A cell of four columns: an octal number, an escape, or the character itself. */
static const char *take_character(struct frame_listing *l, const char *c)
{
    static const char names[] = "0abtnvfr", values[] = "\0\a\b\t\n\v\f\r";
    if (strnlen(c, 4) < 4 || *c != ' ' || memchr(c, '\n', 4))
        return NULL;
    const char *cell = c + 1, *name = strchr(names, cell[2]);
    if (isdigit((unsigned char)*cell) && strspn(cell, "01234567") >= 3)
        put(l, strtol((char[]){cell[0], cell[1], cell[2], '\0'}, NULL, 8), 1);
    else if (cell[0] == ' ' && cell[1] == '\\' && name)
        put(l, values[name - names], 1);
    else if (cell[0] == ' ' && cell[1] == ' ')
        put(l, (unsigned char)cell[2], 1);
    else
        return NULL;
    return c + 4;
}

/* Bytes up to the end of the line, or up to the characters that some show behind them; NULL: what
 * follows is something else. */
static const char *take_cells(struct frame_listing *l, enum frame_listing_form form, const char *c)
{
    size_t before = l->len, gap = 0;
    for (const char *next = c; next && *c && *c != '\n';) {
        gap = form == FRAME_LISTING_CHARACTERS ? 0 : strspn(c, BLANKS ",;{}");
        next = form == FRAME_LISTING_CHARACTERS ? take_character(l, c)
                                                : take_number(l, &forms[form], c + gap, gap);
        c = next ? next : c;
    }
    bool shown = (form == FRAME_LISTING_BITS || form == FRAME_LISTING_LONG_WORDS) && gap >= 2;
    c += strspn(c, BLANKS ",;\r");
    return l->len > before && (shown || !*c || *c == '\n') ? c + strcspn(c, "\n") : NULL;
}

/* --- lines ------------------------------------------------------------------------------------ */

#define LINES_MAX 512

struct lines {
    struct frame_listing l;
    enum frame_listing_form form;
    enum label label;
    const char *first; /* label's number of the first line */
    size_t count;
};

static const char *after_label(enum label label, const char *c, const char **number)
{
    *number = c;
    return label == LABEL_NONE     ? c
           : label == LABEL_OFFSET ? after_offset(c)
                                   : after_index(c, number);
}

/* The offset behind the last byte: what is beyond it only filled a word. */
static const char *take_end(struct lines *s, const char *c, const char *rest)
{
    for (size_t spare = 0; s->count > 0 && spare < forms[s->form].bytes; spare++) {
        if (!counts(s->first, c, s->l.len - spare))
            continue;
        s->l.len -= spare;
        s->l.spare = 0;
        return rest + strcspn(rest, "\n");
    }
    return NULL;
}

static const char *take_line(struct lines *s, const char *c)
{
    const char *number, *rest = after_label(s->label, c += strspn(c, BLANKS), &number);
    size_t before = s->l.len;
    if (!rest)
        return NULL;
    if (s->label == LABEL_OFFSET && rest[strspn(rest, " \t\r")] == '\n')
        return take_end(s, number, rest);
    if (s->count > 0 && s->label != LABEL_NONE && !counts(s->first, number, before))
        return NULL;
    const char *end = take_cells(&s->l, s->form, rest);
    bool sure = s->form != FRAME_LISTING_PAIRS || s->label != LABEL_NONE || s->l.len == before + 1;
    if (!end || !sure) {
        s->l.len = before;
        return NULL;
    }
    s->first = s->count++ ? s->first : number;
    s->l.spare = forms[s->form].bytes - 1;
    return end;
}

static struct lines take_lines(const char *text, enum frame_listing_form form, enum label label)
{
    struct lines s = {.form = form, .label = label};
    const char *c = text, *end;
    size_t room = 0;
    for (size_t n = 0; n < LINES_MAX && text[room]; n++)
        room += strcspn(text + room, "\n") + 1 - (text[room + strcspn(text + room, "\n")] == '\0');
    s.l.bytes = malloc(room + 4);
    MUST(s.l.bytes);
    while (s.count < LINES_MAX && *c && (end = take_line(&s, c)))
        s.l.end = c = end + (*end == '\n');
    return s;
}

struct frame_listing frame_listing_read(const char *text, enum frame_listing_form form)
{
    for (enum label label = LABEL_NONE; label <= LABEL_INDEX; label++) {
        struct lines s = take_lines(text, form, label);
        if (s.count > 1 || (s.count == 1 && label == LABEL_OFFSET) ||
            (s.count == 1 && forms[form].bytes > 1))
            return s.l;
        free(s.l.bytes);
    }
    return (struct frame_listing){};
}
