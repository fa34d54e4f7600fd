/* 64-bit division for cores that have not even a 32-bit one (ARMv6-M). */
#ifndef YUFU_FIRMWARE_DIVIDE_H
#define YUFU_FIRMWARE_DIVIDE_H

#include <stdint.h>

/* n / d and what is left; d is not 0. */
uint64_t divide_unsigned(uint64_t n, uint64_t d, uint64_t *rest);
/* Towards zero; what is left has the sign of n. As in C, INT64_MIN / -1 is the caller's fault. */
int64_t divide_signed(int64_t n, int64_t d, int64_t *rest);

#endif
