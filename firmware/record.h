/* Pieces of the record, without a formatting library. */
#ifndef YUFU_FIRMWARE_RECORD_H
#define YUFU_FIRMWARE_RECORD_H

#include <stddef.h>
#include <stdint.h>

void record_text(const char *s);
void record_number(int64_t v);
void record_hex(const uint8_t *data, size_t len);

/* " name=value" of a remark beside the record. */
void record_remark(const char *name, uint64_t value);

#endif
