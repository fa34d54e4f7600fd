/* What is piped into `yufu frame decode`. */
#ifndef YUFU_APP_FRAME_INPUT_H
#define YUFU_APP_FRAME_INPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/bytes.h"

/* All of it, to be freed. A failed read ends it. */
struct bytes frame_input_read(FILE *from);
/* A control character that no text has is in it: these may be the bytes of frames themselves. */
bool frame_input_is_raw(struct bytes in);
/* As text, to be freed: UTF-16 that says so with its mark is narrowed, a zero is a blank. */
char *frame_input_text(struct bytes in);

#endif
