/*
 * JSON, read in place: a strict reader (RFC 8259) that needs no memory, for small documents whose
 * shape the caller knows: price plans, strategies, notes of the outbox. Sticky errors: read
 * everything, check `err` once; after an error every call answers false or nothing.
 *
 *   struct json j = json_of(text, len);
 *   json_object(&j);
 *   while (json_member(&j, name, sizeof name))
 *       ... read exactly one value: json_text, json_int, json_bool, json_object, json_skip ...
 *   json_end(&j);
 *
 * ERR_SYNTAX: not JSON, or not of the type that was asked for. ERR_RANGE: an integer that does not
 * fit, or a text longer than its room. Depth is bounded by JSON_DEPTH_MAX.
 */
#ifndef YUFU_BASE_JSON_H
#define YUFU_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JSON_DEPTH_MAX 16

struct json {
    const char *text;
    size_t len, at;
    enum err err;
    unsigned depth;
    bool first[JSON_DEPTH_MAX]; /* nothing read yet in the container of this depth */
    char close[JSON_DEPTH_MAX];
};

enum json_type {
    JSON_NONE, /* the end, or no value begins here */
    JSON_OBJECT,
    JSON_ARRAY,
    JSON_TEXT,
    JSON_NUMBER,
    JSON_BOOL,
    JSON_NULL
};

struct json json_of(const char *text, size_t len);
/* What the next value is, without reading it. */
enum json_type json_peek(struct json *j);

void json_object(struct json *j);
/* The name of the next member; false when the object has ended (and is closed) or on an error. */
bool json_member(struct json *j, char *name, size_t cap);
void json_array(struct json *j);
/* True if there is one more element; false when the array has ended (and is closed). */
bool json_element(struct json *j);

/* A text with its escapes resolved, closed by zero; a zero inside is refused. */
void json_text(struct json *j, char *text, size_t cap);
int64_t json_int(struct json *j); /* no fraction, no exponent */
bool json_bool(struct json *j);
void json_null(struct json *j);
/* Any value whole; it is checked as strictly as if it were used. */
void json_skip(struct json *j);
/* Nothing but blanks may follow. Answers the sticky error. */
[[nodiscard]] enum err json_end(struct json *j);

#endif
