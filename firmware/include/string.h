/* What the library asks of a C library; firmware/memory.c has it. */
#ifndef YUFU_FIRMWARE_STRING_H
#define YUFU_FIRMWARE_STRING_H

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *a, const void *b, size_t len);
size_t strlen(const char *s);

#endif
