/* Lines of a hexadecimal dump, as xxd, hexdump -C, od and Wireshark print them. */
#ifndef YUFU_APP_FRAME_DUMP_H
#define YUFU_APP_FRAME_DUMP_H

#include <stdbool.h>
#include <stddef.h>

struct frame_dump {
    unsigned long offset;
    bool bare;             /* there is none: the characters alone show that it is a dump */
    size_t bytes;          /* 0: an offset alone, as the last line of some has it */
    const char *from, *to; /* the digits of the bytes, within the line */
};

#define FRAME_DUMP_ROW 16 /* bytes of a whole line */

/* An offset, bytes two or four digits a word, and the same as characters; one of offset and
 * characters may be missing. False: none, or a line that may as well be bytes alone. */
bool frame_dump_line(const char *line, struct frame_dump *d);

#endif
