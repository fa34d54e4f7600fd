/* Numbers of 7 bits a byte, low bits first; signed ones by zigzag, so that small stays short. */
#ifndef YUFU_BASE_VARINT_H
#define YUFU_BASE_VARINT_H

#include "base/bytes.h"

#define VARINT_MAX 10 /* bytes */

void varint_put(struct writer *w, uint64_t v);
/* Sticky, like every reader: ERR_TRUNCATED, or ERR_RANGE for more than 64 bits. */
uint64_t varint_get(struct reader *r);

uint64_t zigzag(int64_t v);
int64_t unzigzag(uint64_t v);

#endif
