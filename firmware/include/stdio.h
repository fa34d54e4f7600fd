/* Declared so that decoders with a text side compile; there is no such function in an image, so that
 * nothing of the terminal can come to need it. */
#ifndef YUFU_FIRMWARE_STDIO_H
#define YUFU_FIRMWARE_STDIO_H

#include <stddef.h>

int snprintf(char *out, size_t cap, const char *format, ...);

#endif
