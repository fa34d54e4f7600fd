/* The bytes in a line of text as people paste it. */
#ifndef YUFU_APP_FRAME_TEXT_H
#define YUFU_APP_FRAME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_text_way {
    FRAME_TEXT_PLAIN,       /* nothing but pairs of digits and what stands between them */
    FRAME_TEXT_LOG,         /* words, dates, times, addresses and counters are left out */
    FRAME_TEXT_LOOSE,       /* as LOG, but every word that may be digits is */
    FRAME_TEXT_ESCAPED,     /* a quoted string of a program: \x68, and characters that are bytes */
    FRAME_TEXT_SWAPPED,     /* words of two bytes, the second one first: hexdump, od -x */
    FRAME_TEXT_SWAPPED_ODD, /* as SWAPPED, and the last word is a byte with a zero in front */
    FRAME_TEXT_BITS,        /* 01101000 */
    FRAME_TEXT_DECIMAL,     /* numbers from -128 to 255 */
    FRAME_TEXT_SHORT,       /* every word a byte, without a leading zero */
    FRAME_TEXT_DIGITS,      /* all digits one after another, wherever the blanks stand */
    FRAME_TEXT_BASE64,      /* words of it, as gateways put bytes into JSON */
    FRAME_TEXT_BASE64URL,   /* the same with - and _ in its alphabet */
    FRAME_TEXT_CHARACTERS,  /* the characters themselves: protocols that are readable */
};

/* Groups: stretches between which something else stands. */
struct frame_text {
    uint8_t *bytes;
    size_t len;
    size_t *ends; /* of each group, in bytes */
    size_t groups;
    size_t marks;     /* words left out that say which way: RX, send */
    size_t words;     /* others left out; numbers do not count */
    bool apart;       /* every byte a word */
    bool half_a_byte; /* of PLAIN that could not be read: because of an odd number of digits */
};

/* The same text with what is full width as it is in ASCII, and other characters as one byte of 80
 * each, and prefixes of a byte in several languages as 0x or \x; to be freed. */
char *frame_text_fold(const char *text);
/* `folded` as frame_text_fold gives it. False: it cannot be read this way. To be freed, in both
 * cases. 0x68, \x68, &H68 and 68H are bytes, and 0x1 is one. */
bool frame_text_read(const char *folded, enum frame_text_way way, struct frame_text *t);
void frame_text_free(struct frame_text *t);

#endif
