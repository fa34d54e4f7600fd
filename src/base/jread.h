/*
 * JSON, read in place: a strict reader (RFC 8259) that needs no memory, for small documents whose
 * shape the caller knows: price plans, strategies, notes of the outbox. Sticky errors: read
 * everything, check `err` once; after an error every call answers false or nothing.
 *
 *   struct jread j = jread_of(text, len);
 *   jread_object(&j);
 *   while (jread_member(&j, name, sizeof name))
 *       ... read exactly one value: jread_text, jread_int, jread_bool, jread_object, jread_skip ...
 *   jread_end(&j);
 *
 * ERR_SYNTAX: not JSON, or not of the type that was asked for. ERR_RANGE: an integer that does not
 * fit, or a text longer than its room. Depth is bounded by JREAD_DEPTH_MAX.
 */
#ifndef YUFU_BASE_JREAD_H
#define YUFU_BASE_JREAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define JREAD_DEPTH_MAX 16

struct jread {
    const char *text;
    size_t len, at;
    size_t failed_at; /* where the first error was found */
    enum err err;
    unsigned depth;
    bool first[JREAD_DEPTH_MAX]; /* nothing read yet in the container of this depth */
    char close[JREAD_DEPTH_MAX];
};

enum jread_type {
    JREAD_NONE, /* the end, or no value begins here */
    JREAD_OBJECT,
    JREAD_ARRAY,
    JREAD_TEXT,
    JREAD_NUMBER,
    JREAD_BOOL,
    JREAD_NULL
};

struct jread jread_of(const char *text, size_t len);
/* What the next value is, without reading it. */
enum jread_type jread_peek(struct jread *j);

void jread_object(struct jread *j);
/* The name of the next member; false when the object has ended (and is closed) or on an error. */
bool jread_member(struct jread *j, char *name, size_t cap);
void jread_array(struct jread *j);
/* True if there is one more element; false when the array has ended (and is closed). */
bool jread_element(struct jread *j);

/* A text with its escapes resolved, closed by zero; a zero inside is refused. */
void jread_text(struct jread *j, char *text, size_t cap);
int64_t jread_int(struct jread *j); /* no fraction, no exponent */
bool jread_bool(struct jread *j);
void jread_null(struct jread *j);
/* Any value whole; it is checked as strictly as if it were used. */
void jread_skip(struct jread *j);
/* Nothing but blanks may follow. Answers the sticky error. */
[[nodiscard]] enum err jread_end(struct jread *j);

#endif
