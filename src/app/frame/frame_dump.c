#include "app/frame/frame_dump.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS "0123456789abcdefABCDEF"

static size_t blanks(const char *c)
{
    return strspn(c, " \t");
}

/* The rest of the line is as many characters as there were bytes; Wireshark parts them in the
 * middle. */
static bool is_characters(const char *rest, size_t bytes)
{
    size_t n = strcspn(rest, "\r\n");
    return *rest == '|' || *rest == '>' || n == bytes ||
           (bytes > 8 && n == bytes + 1 && rest[8] == ' ');
}

/* The words of bytes. */
static bool take_bytes(const char *c, struct frame_dump *d)
{
    size_t width = strspn(c, DIGITS), n, gap = 0;
    d->from = d->to = c;
    if (width != 2 && width != 4)
        return false;
    for (; (n = strspn(c, DIGITS)) > 0; c += gap) {
        bool word = n <= width && n % 2 == 0 && (!c[n] || isspace((unsigned char)c[n]));
        if (!word || (gap >= 2 && is_characters(c, d->bytes)))
            break;
        d->bytes += n / 2;
        d->to = c += n;
        gap = blanks(c);
        if (n < width)
            break;
    }
    return d->bytes > 0;
}

/* What follows the bytes is nothing, or characters. */
static bool ends_well(const struct frame_dump *d)
{
    const char *rest = d->to + blanks(d->to);
    return !*rest || isspace((unsigned char)*rest) ||
           (rest - d->to >= 2 && (is_characters(rest, d->bytes) || d->bytes >= FRAME_DUMP_ROW));
}

static int value_of(const char *pair)
{
    char text[3] = {pair[0], pair[1], '\0'};
    return (int)strtol(text, NULL, 16);
}

/* Are the characters behind the bytes those of the bytes? */
static bool shows(const struct frame_dump *d)
{
    const char *rest = d->to + blanks(d->to);
    bool shown = rest - d->to >= 2 && *rest;
    for (const char *c = d->from; shown && c < d->to; c += 2, rest++) {
        c += blanks(c);
        int byte = value_of(c);
        rest += *rest == ' ' && byte != ' '; /* the gap in the middle */
        shown = *rest == (byte >= 0x20 && byte < 0x7F ? byte : '.');
    }
    return shown;
}

/* Bytes that no offset stands before. */
static bool is_bare(const char *line, struct frame_dump *d)
{
    d->bare = true;
    return take_bytes(line, d) && shows(d);
}

bool frame_dump_line(const char *line, struct frame_dump *d)
{
    const char *c = line + blanks(line);
    *d = (struct frame_dump){0};
    if (is_bare(c, d))
        return true;
    c += strncmp(c, "0x", 2) == 0 ? 2 : 0;
    size_t n = strspn(c, DIGITS);
    *d = (struct frame_dump){.offset = n >= 4 && n <= 16 ? strtoul(c, NULL, 16) : 0};
    const char *rest = c + n + (c[n] == ':');
    size_t gap = blanks(rest);
    if (n < 4 || n > 16)
        return false;
    if (!rest[gap] || isspace((unsigned char)rest[gap]))
        return n >= 6 && c[n] != ':';
    bool apart = c[n] == ':' || gap >= 2 || n != strspn(rest + gap, DIGITS);
    return gap > 0 && apart && take_bytes(rest + gap, d) && ends_well(d) &&
           (d->offset % (FRAME_DUMP_ROW / 2) == 0 || shows(d));
}
