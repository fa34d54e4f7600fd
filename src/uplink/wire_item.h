/*
 * One item of CBOR, read by libcbor's streaming functions. Inside of the uplink's messages only.
 */
#ifndef YUFU_UPLINK_WIRE_ITEM_H
#define YUFU_UPLINK_WIRE_ITEM_H

#include "base/bytes.h"
#include "base/err.h"

enum wire_kind {
    WIRE_NUMBER,
    WIRE_BYTES,
    WIRE_TEXT,
    WIRE_ARRAY,
    WIRE_MAP,
    WIRE_BOOLEAN,
    WIRE_TAG,
    WIRE_OTHER, /* null, undefined, a floating-point number */
    WIRE_BAD,
};

struct wire_item {
    enum wire_kind kind;
    int64_t number;   /* NUMBER, BOOLEAN */
    uint64_t count;   /* ARRAY: items, MAP: pairs; they follow */
    struct bytes raw; /* BYTES, TEXT: inside of what was read */
};

/* ERR_TRUNCATED; ERR_UPLINK_SYNTAX: no CBOR, a length that is not told in advance, or a number
 * beyond 63 bits. */
[[nodiscard]] enum err wire_item_read(struct bytes in, struct wire_item *out, size_t *used);

#endif
