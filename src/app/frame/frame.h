/*
 * One line of hexadecimal text in, one JSON object for each frame found in it out. What `yufu frame
 * decode` prints; docs/protocols/dlt645.md and docs/protocols/others.md describe the object.
 */
#ifndef YUFU_APP_FRAME_H
#define YUFU_APP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "proto/dlt645_say.h"

/* Which frames are looked for. AUTO: DL/T 645, CJ/T 188, M-Bus, Acrel and those of frame_foreign.h
 * wherever one begins, Modbus RTU wherever its CRC fits, and Modbus TCP where it fills all there
 * is. */
enum frame_protocol {
    FRAME_AUTO,
    FRAME_DLT645,
    FRAME_CJT188,
    FRAME_MODBUS,
    FRAME_MODBUS_TCP,
    FRAME_MODBUS_ASCII,
    FRAME_MBUS,
    FRAME_ACREL,
    FRAME_ACREL4G,
    FRAME_PROTOCOLS
};
#define FRAME_KEY 16
struct frame_wish {
    enum frame_protocol protocol;
    enum dlt645_era era;
    const uint8_t *key; /* FRAME_KEY bytes that open what is enciphered by AES; NULL: none known */
};

/* Takes ownership of the object. */
typedef void frame_sink(void *arg, json_t *object);

/* Finds every frame in the bytes. False if any is damaged, truncated, holds digits that are not
 * digits, or if there is no frame at all. */
bool frame_decode_bytes(const uint8_t *data, size_t len, struct frame_wish wish, frame_sink *sink,
                        void *arg);
/* The same for a line of text, in whichever way of frame_text.h most of it is understood. False as
 * above, or if no bytes are in it (an object with error SYNTAX, or FRAME_DIGITS). */
bool frame_decode_text(const char *text, struct frame_wish wish, frame_sink *sink, void *arg);

/* Are these bytes good frames, and nothing else? */
bool frame_bytes_are_frames(const uint8_t *data, size_t len, struct frame_wish wish);

/* The object of one good frame; *valid is cleared if its content is damaged. The frame of this
 * protocol (not DL/T 645) that begins at here.data[0]; NULL: none.
 */
json_t *frame_try(enum frame_protocol p, struct bytes here, size_t *used, bool *valid);
json_t *frame_dlt645_json(const struct dlt645_frame *f, enum dlt645_era era, bool *valid);

/* frame_xml.c. What a good frame of an Acrel gateway hides, into its object. ERR_UPLINK_SEAL of
 * another key. */
void frame_open_acrel(json_t *object, struct bytes frame, const uint8_t key[FRAME_KEY],
                      bool *valid);
/* A whole frame of energy data, enciphered or not; key may be NULL. */
#define FRAME_CENTRE_NAME "energy data (XML)"
json_t *frame_centre_json(struct bytes frame, const uint8_t *key, bool *valid);

/* What a line without a whole frame was meant to be, and why it is none: CRC, end, length.
 * AUTO and "unknown": nothing whose form is sure. `at`: where it begins. */
struct frame_guess {
    enum frame_protocol protocol;
    const char *name;
    enum err why;
    size_t at;
};
/* Fewer than FRAME_STUB bytes from a 68 on: "DL/T 645" if neither CJ/T 188 nor M-Bus begins so, or
 * "unknown". */
#define FRAME_STUB 8
const char *frame_stub_name(struct bytes stub);
struct frame_guess frame_near(enum frame_protocol wish, struct bytes line);
/* The length that a frame of Modbus RTU has which begins so and lacks its check sum, or half of it.
 * 0: it does not look like one. */
size_t frame_modbus_cut(struct bytes line);

/* Decimal digits, or the wildcard AA. */
bool frame_is_address(const uint8_t *p, size_t len);

/* Modbus ASCII: the bytes that the digits behind a colon write, the check sum last. 0: the digits
 * do not end where a frame does, or are too few or too many. */
#define FRAME_ASCII_MAX 255
size_t frame_ascii_body(struct bytes line, uint8_t body[FRAME_ASCII_MAX]);

/* Where the damage is, into its object: `offset` of the frame in all bytes; of a wrong check sum
 * `checksum_at`, `checksum` and `checksum_expected`; of a wrong end `end_at`; of a frame cut short
 * `bytes` and, where its length tells, `bytes_expected`. */
void frame_place(json_t *object, enum err e, const uint8_t *frame, size_t len, size_t offset);

#endif
