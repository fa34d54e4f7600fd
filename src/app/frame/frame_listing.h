/* Listings of bytes: what od, xxd and debuggers print in other bases than pairs of digits, and one
 * byte a line. */
#ifndef YUFU_APP_FRAME_LISTING_H
#define YUFU_APP_FRAME_LISTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_listing_form {
    FRAME_LISTING_PAIRS, /* behind an index or the address of a debugger, or one a line */
    FRAME_LISTING_OCTAL,
    FRAME_LISTING_DECIMAL, /* -128 .. 255 */
    FRAME_LISTING_BITS,
    FRAME_LISTING_CHARACTERS, /* od -c */
    FRAME_LISTING_OCTAL_WORDS,
    FRAME_LISTING_LONG_WORDS, /* of four bytes, hexadecimal, the low one first */
    FRAME_LISTING_FORMS
};

struct frame_listing {
    uint8_t *bytes; /* to be freed */
    size_t len;
    size_t spare;    /* so many at the end may only fill the last word */
    const char *end; /* of the text that was taken: whole lines; NULL: there is no listing */
};

/* The lines from here on that go on in one form, counting their bytes in front or not at all. */
struct frame_listing frame_listing_read(const char *text, enum frame_listing_form form);

#endif
