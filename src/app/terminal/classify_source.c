/* Files into text: what is compressed is unpacked, what is in UTF-16 is turned into UTF-8. */
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "app/terminal/classify_text.h"

#define WIDE_MAX 4096 /* bytes of UTF-16 that are turned at once */
#define FIRST_BYTES 8

struct source {
    gzFile file; /* reads what is not compressed as it is */
    iconv_t turn;
    bool turns; /* UTF-16 */
    char held[WIDE_MAX];
    size_t holds; /* bytes in it: of the start, or of a character that is not whole yet */
    const char **wrong;
};

/* What is no text, by its first bytes. */
static const struct {
    const char *bytes, *what;
} packed[] = {
    {"PK\x03\x04", "an archive or a workbook (zip, xlsx): unpack it, or save it as CSV"},
    {"BZh", "compressed (bzip2): unpack it first"},
    {"\xfd"
     "7zXZ",
     "compressed (xz): unpack it first"},
    {"\x28\xb5\x2f\xfd", "compressed (zstd): unpack it first"},
    {"\xd0\xcf\x11\xe0", "a workbook (xls): save it as CSV"},
};

static const char *packed_as(const struct source *s)
{
    for (size_t i = 0; i < sizeof packed / sizeof *packed; i++) {
        size_t length = strlen(packed[i].bytes);
        if (s->holds >= length && memcmp(s->held, packed[i].bytes, length) == 0)
            return packed[i].what;
    }
    return NULL;
}

/* The form of UTF-16 by its mark, or by the first character being one of ASCII; NULL: it is none.
 */
static const char *wide_as(const struct source *s)
{
    const unsigned char *b = (const unsigned char *)s->held;
    if (s->holds < 2)
        return NULL;
    bool little = (b[0] == 0xFF && b[1] == 0xFE) || (b[0] != 0 && b[1] == 0);
    bool big = (b[0] == 0xFE && b[1] == 0xFF) || (b[0] == 0 && b[1] != 0);
    return little ? "UTF-16LE" : big ? "UTF-16BE" : NULL;
}

static ssize_t fails(const struct source *s, const char *what)
{
    *s->wrong = what;
    errno = EIO;
    return -1;
}

/* Bytes of the file, unpacked. 0: it is over. */
static ssize_t read_bytes(struct source *s, char *to, size_t size)
{
    int code, n = gzread(s->file, to, (unsigned)(size < WIDE_MAX ? size : WIDE_MAX));
    if (n > 0)
        return n;
    int cause = errno;
    gzerror(s->file, &code);
    return code == Z_OK || code == Z_STREAM_END ? 0
           : code == Z_BUF_ERROR                ? fails(s, "gzip: its end is missing")
           : code == Z_ERRNO                    ? fails(s, strerror(cause))
                                                : fails(s, "gzip: it is damaged");
}

/* Characters grow by a half at most. */
static ssize_t read_wide(struct source *s, char *to, size_t size)
{
    size_t room = size / 2 < WIDE_MAX ? size / 2 : WIDE_MAX;
    char *at = s->held, *end = to;
    ssize_t n = read_bytes(s, s->held + s->holds, room - s->holds);
    if (n < 0 || (n == 0 && s->holds == 0))
        return n;
    s->holds += (size_t)n;
    bool none = iconv(s->turn, &at, &s->holds, &end, &size) == (size_t)-1 && errno == EILSEQ;
    memmove(s->held, at, s->holds);
    if (end > to)
        return end - to;
    return none     ? fails(s, "UTF-16: no character")
           : n == 0 ? fails(s, "UTF-16: half a character at its end")
                    : read_wide(s, to, size);
}

static ssize_t read_source(void *cookie, char *to, size_t size)
{
    struct source *s = cookie;
    if (s->turns)
        return read_wide(s, to, size);
    if (s->holds == 0)
        return read_bytes(s, to, size);
    size_t n = s->holds < size ? s->holds : size;
    memcpy(to, s->held, n);
    s->holds -= n;
    memmove(s->held, s->held + n, s->holds);
    return (ssize_t)n;
}

static int close_source(void *cookie)
{
    struct source *s = cookie;
    if (s->turns)
        iconv_close(s->turn);
    gzclose(s->file);
    free(s);
    return 0;
}

/* Leaves off a byte order mark. */
static void skip_mark(struct source *s)
{
    const char *mark = s->turns ? s->held[0] == '\xff' ? "\xff\xfe" : "\xfe\xff" : "\xef\xbb\xbf";
    size_t length = strlen(mark);
    if (s->holds < length || memcmp(s->held, mark, length) != 0)
        return;
    s->holds -= length;
    memmove(s->held, s->held + length, s->holds);
}

/* Looks at the first bytes. */
static enum err begin(struct source *s)
{
    ssize_t n = read_bytes(s, s->held, FIRST_BYTES);
    if (n < 0)
        return ERR_IO_FILE;
    s->holds = (size_t)n;
    *s->wrong = packed_as(s);
    const char *wide = wide_as(s);
    s->turn = wide ? iconv_open("UTF-8", wide) : (iconv_t)-1;
    s->turns = s->turn != (iconv_t)-1;
    skip_mark(s);
    return *s->wrong ? ERR_SYNTAX : ERR_OK;
}

enum err text_open(const char *path, FILE **file, const char **wrong)
{
    static const cookie_io_functions_t doors = {.read = read_source, .close = close_source};
    struct source *s = calloc(1, sizeof *s);
    *wrong = NULL;
    if (s && (s->file = gzopen(path, "r")) == NULL) {
        free(s);
        s = NULL;
    }
    if (!s) {
        *wrong = strerror(errno);
        return ERR_IO_FILE;
    }
    s->wrong = wrong;
    enum err e = begin(s);
    *file = e == ERR_OK ? fopencookie(s, "r", doors) : NULL;
    if (*file)
        return ERR_OK;
    close_source(s);
    *wrong = *wrong ? *wrong : strerror(errno);
    return e == ERR_OK ? ERR_IO_FILE : e;
}
