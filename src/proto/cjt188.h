/*
 * CJ/T 188-2004/2018: water, hot water, heat, cooling and gas meters.
 *
 *   FE.. | 68 | T | A0..A6 | C | L | DI DI SER DATA | CS | 16
 *
 * T is the kind of meter, the address is 14 decimal digits, A0 carrying the lowest two. Nothing is
 * added to the data. CS = sum of all bytes from 68 up to the byte before CS. The two bytes of an
 * identifier stand in either order, by vendor: both are taken, and the one that was seen is told.
 */
#ifndef YUFU_PROTO_CJT188_H
#define YUFU_PROTO_CJT188_H

#include "base/bytes.h"
#include "base/err.h"
#include "proto/say.h"

#define CJT188_DATA_MAX 255
#define CJT188_FRAME_MAX (4 + 13 + CJT188_DATA_MAX)
#define CJT188_ANSWER 0x80
#define CJT188_ABNORMAL 0x40

struct cjt188_frame {
    uint8_t type;       /* 10 cold water, 20 heat ...; AA any */
    uint8_t address[7]; /* as on the wire; AA: any */
    uint8_t control;
    uint8_t len; /* of data: identifier, serial number and what follows */
    uint8_t data[CJT188_DATA_MAX];
};

/* Cuts the first frame out of a stream; results and *used as dlt645_decode. */
[[nodiscard]] enum err cjt188_decode(const uint8_t *data, size_t len, struct cjt188_frame *frame,
                                     size_t *used);
void cjt188_encode(const struct cjt188_frame *frame, unsigned preamble, struct writer *w);

/* "00201510270588" <-> 88 05 27 10 15 20 00; shorter texts are padded on the left, 'A' digits make
 * wildcards. ERR_SYNTAX. out needs 15 chars. */
[[nodiscard]] enum err cjt188_address_parse(const char *text, uint8_t address[7]);
void cjt188_address_text(const uint8_t address[7], char *out);

/* The identifier as the standard writes it (901F, A017 ...), whatever its order on the wire;
 * 0: none. *swapped: low byte first. */
uint16_t cjt188_identifier(const struct cjt188_frame *frame, bool *swapped);
const char *cjt188_type_en(uint8_t type);
const char *cjt188_type_zh(uint8_t type);
/* "read", "write" ...; "unknown" */
const char *cjt188_function_en(uint8_t control);
const char *cjt188_identifier_en(uint16_t identifier);
const char *cjt188_identifier_zh(uint16_t identifier);
const char *cjt188_unit(uint8_t code); /* "m3" ...; NULL: no such unit */

/* Its values, in order. ERR_FRAME_LENGTH: the data are shorter than the identifier's layout; what
 * there is was told. ERR_FRAME_UNKNOWN: an identifier without a layout; its bytes were told. */
[[nodiscard]] enum err cjt188_say(const struct cjt188_frame *frame, say_sink *sink, void *arg);

#endif
