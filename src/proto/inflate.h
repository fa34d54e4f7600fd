/*
 * Reading zlib streams (RFC 1950 with the deflate blocks of RFC 1951): what other makers' units
 * compress. Freestanding; the whole stream in, the whole text out.
 */
#ifndef YUFU_PROTO_INFLATE_H
#define YUFU_PROTO_INFLATE_H

#include "base/bytes.h"
#include "base/err.h"

/* ERR_TRUNCATED; ERR_SYNTAX: no zlib stream, or damaged; ERR_FULL: more than cap bytes (a small
 * stream can hold very many); ERR_FRAME_CHECKSUM. Bytes behind the stream are ignored. */
[[nodiscard]] enum err inflate_zlib(struct bytes in, uint8_t *out, size_t cap, size_t *len);

#endif
