/* The bytes in a line of text as people paste it. */
#ifndef YUFU_APP_FRAME_TEXT_H
#define YUFU_APP_FRAME_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum frame_text_way {
    FRAME_TEXT_PLAIN, /* nothing but hexadecimal digits, and what stands between them */
    FRAME_TEXT_LOG,   /* words that are no digits, dates and times of day are left out */
};

/* Pairs of digits, parted or not by blanks, commas, colons, dashes and brackets; 0x68, \x68 and 68H
 * are bytes, and 0x1 is one. False: something else stands there, or half a byte, also as a word of
 * a log ("0G"). `out` needs strlen(text) + 1 bytes. */
bool frame_text_bytes(const char *text, enum frame_text_way way, uint8_t *out, size_t *len);

#endif
