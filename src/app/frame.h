/*
 * One line of hexadecimal text in, one JSON object for each frame found in it out. What `yufu frame
 * decode` prints; docs/protocols/dlt645.md describes the object.
 */
#ifndef YUFU_APP_FRAME_H
#define YUFU_APP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "proto/dlt645_say.h"

/* Takes ownership of the object. */
typedef void frame_sink(void *arg, json_t *object);

/* Finds every frame in the bytes. False if any is damaged, truncated, holds digits that are not
 * digits, or if there is no frame at all. */
bool frame_decode_bytes(const uint8_t *data, size_t len, enum dlt645_era era, frame_sink *sink,
                        void *arg);
/* The same for text: hexadecimal digits in pairs; blanks, commas, colons, dashes and 0x between
 * them. False as above, or if the text is not that (an object with error SYNTAX). */
bool frame_decode_text(const char *text, enum dlt645_era era, frame_sink *sink, void *arg);

/* The object of one good frame; *valid is cleared if its content is damaged. */
json_t *frame_dlt645_json(const struct dlt645_frame *f, enum dlt645_era era, bool *valid);

#endif
