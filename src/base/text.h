/* Texts in fields of a fixed size. */
#ifndef YUFU_BASE_TEXT_H
#define YUFU_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Copies `text` with its end into `out` of `cap` (> 0) bytes; what does not fit is cut off. */
void text_copy(char *out, size_t cap, const char *text);

#define TEXT_INT_MAX 21 /* the longest, with its end */
/* Decimal, as printf does, at a fraction of its cost; answers the length without the end. */
size_t text_int(char out[TEXT_INT_MAX], int64_t value);

#endif
