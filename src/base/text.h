/* Texts in fields of a fixed size. */
#ifndef YUFU_BASE_TEXT_H
#define YUFU_BASE_TEXT_H

#include <stddef.h>

/* Copies `text` with its end into `out` of `cap` (> 0) bytes; what does not fit is cut off. */
void text_copy(char *out, size_t cap, const char *text);

#endif
