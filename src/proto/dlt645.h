/*
 * DL/T 645-2007 link layer (and the 1997 shape, which shares it): bytes <-> frame.
 *
 *   FE.. | 68 | A0..A5 | 68 | C | L | DATA | CS | 16
 *
 * DATA is held here without the +33H of the wire. CS = sum of all bytes from the first 68 up to the
 * byte before CS. The address is 12 decimal digits, A0 carrying the lowest two.
 */
#ifndef YUFU_PROTO_DLT645_H
#define YUFU_PROTO_DLT645_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define DLT645_DATA_MAX 255
#define DLT645_FRAME_MAX (4 + 12 + DLT645_DATA_MAX) /* with four FE in front */

struct dlt645_frame {
    uint8_t address[6]; /* as on the wire, A0 first; AA wildcards, 99 broadcast */
    uint8_t control;    /* C: D7 answer, D6 abnormal, D5 more follows, D4..D0 function */
    uint8_t len;
    uint8_t data[DLT645_DATA_MAX];
};

enum dlt645_function {
    DLT645_RESERVED = 0x00,
    DLT645_SECURITY = 0x03,
    DLT645_BROADCAST_TIME = 0x08,
    DLT645_READ = 0x11,
    DLT645_READ_MORE = 0x12,
    DLT645_READ_ADDRESS = 0x13,
    DLT645_WRITE = 0x14,
    DLT645_WRITE_ADDRESS = 0x15,
    DLT645_FREEZE = 0x16,
    DLT645_CHANGE_RATE = 0x17,
    DLT645_CHANGE_PASSWORD = 0x18,
    DLT645_CLEAR_DEMAND = 0x19,
    DLT645_CLEAR_METER = 0x1A,
    DLT645_CLEAR_EVENTS = 0x1B,
    DLT645_CONTROL = 0x1C,
    DLT645_OUTPUT = 0x1D,
};

#define DLT645_ANSWER 0x80
#define DLT645_ABNORMAL 0x40
#define DLT645_FOLLOWS 0x20

/*
 * Cuts the first frame out of a stream. Skips FE and garbage before the first 68.
 *   ERR_OK               a frame with correct checksum; *used bytes are done with
 *   ERR_TRUNCATED        no whole frame yet; *used bytes of garbage may be dropped, keep the rest
 *   ERR_FRAME_CHECKSUM, ERR_FRAME_END   something that looks like a frame is damaged; *used skips
 *                        past its first 68 so that the caller can look again
 */
[[nodiscard]] enum err dlt645_decode(const uint8_t *data, size_t len, struct dlt645_frame *frame,
                                     size_t *used);

/* Writes `preamble` FE bytes and the frame; sticky error in w. */
void dlt645_encode(const struct dlt645_frame *frame, unsigned preamble, struct writer *w);
/* The same from its parts; data.len <= DLT645_DATA_MAX. */
void dlt645_put(const uint8_t address[6], uint8_t control, struct bytes data, unsigned preamble,
                struct writer *w);

/* "260305510012" <-> 12 00 51 05 03 26. Shorter texts are padded with zeros on the left; 'A' digits
 * make wildcards. ERR_SYNTAX. out needs 13 chars. */
[[nodiscard]] enum err dlt645_address_parse(const char *text, uint8_t address[6]);
void dlt645_address_text(const uint8_t address[6], char *out);

#endif
