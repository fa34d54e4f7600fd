/*
 * Bytes: a view, a reading cursor and a writing cursor with sticky errors.
 *
 * Read or write everything, check `err` once. After an error every read gives
 * zero and every write does nothing. Views never own memory.
 */
#ifndef YUFU_BASE_BYTES_H
#define YUFU_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct bytes {
    const uint8_t *data;
    size_t len;
};

struct reader {
    const uint8_t *data;
    size_t len;
    size_t at;
    enum err err;
};

struct writer {
    uint8_t *data;
    size_t cap;
    size_t len;
    enum err err;
};

struct reader reader_of(const uint8_t *data, size_t len);
size_t reader_left(const struct reader *r);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16le(struct reader *r);
uint32_t reader_u32le(struct reader *r);
uint64_t reader_u64le(struct reader *r);
uint16_t reader_u16be(struct reader *r);
uint32_t reader_u32be(struct reader *r);
uint64_t reader_u64be(struct reader *r);
struct bytes reader_take(struct reader *r, size_t len);
/* `len` packed BCD bytes, lowest two digits first; ERR_BCD for a nibble above 9. len <= 8. */
uint64_t reader_bcd_le(struct reader *r, size_t len);

struct writer writer_of(uint8_t *data, size_t cap);
void writer_u8(struct writer *w, uint8_t v);
void writer_u16le(struct writer *w, uint16_t v);
void writer_u32le(struct writer *w, uint32_t v);
void writer_u64le(struct writer *w, uint64_t v);
void writer_u16be(struct writer *w, uint16_t v);
void writer_u32be(struct writer *w, uint32_t v);
void writer_u64be(struct writer *w, uint64_t v);
void writer_put(struct writer *w, const uint8_t *data, size_t len);
void writer_fill(struct writer *w, uint8_t value, size_t len);
/* ERR_RANGE if v has more than 2*len digits. */
void writer_bcd_le(struct writer *w, uint64_t v, size_t len);

/* Hexadecimal text without separators; out needs 2*len+1 chars. */
void hex_encode(const uint8_t *data, size_t len, char *out);
/* Blanks between bytes are allowed. ERR_SYNTAX for anything else, ERR_FULL if cap is too small. */
[[nodiscard]] enum err hex_decode(const char *text, size_t text_len, uint8_t *out, size_t cap,
                                  size_t *len);

uint8_t sum8(const uint8_t *data, size_t len);
uint16_t crc16_modbus(const uint8_t *data, size_t len); /* poly A001 reflected, init FFFF */
uint32_t crc32c(const uint8_t *data, size_t len);       /* Castagnoli, init and final FFFFFFFF */

/* FNV-1a, 64 bits: trace hashes and hash tables; nothing that needs cryptography. */
#define FNV64_START UINT64_C(0xcbf29ce484222325)
uint64_t fnv64(uint64_t hash, const void *data, size_t len);

#endif
