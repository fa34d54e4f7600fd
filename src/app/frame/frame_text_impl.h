/* What the ways of reading a text share. */
#ifndef YUFU_APP_FRAME_TEXT_IMPL_H
#define YUFU_APP_FRAME_TEXT_IMPL_H

#include "app/frame/frame_text.h"

#include <ctype.h>
#include <string.h>

#define FRAME_TEXT_FOREIGN '\x80' /* a character that is neither digit nor word of ours */

static inline bool is_foreign(char c)
{
    return c == FRAME_TEXT_FOREIGN;
}

static inline bool is_digit(char c)
{
    return isxdigit((unsigned char)c) != 0;
}

static inline bool is_decimal(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool separates(char c)
{
    return is_foreign(c) || (!isalnum((unsigned char)c) && c != '\\');
}

static inline bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

/* Of a string that was printed: \r, \n, \t, \0. */
static inline bool is_escape(const char *c)
{
    return c[0] == '\\' && is_one_of(c[1], "rnt0") && !is_one_of(c[2], "xX");
}

/* One word of digits; nothing is put if it is none. */
bool frame_text_take_word(struct frame_text *t, const char *c, const char *end);
void frame_text_end_group(struct frame_text *t);
bool frame_text_read_log(const char *text, bool loose, struct frame_text *t);

#endif
