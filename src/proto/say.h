/* A decoded frame in words: values with names in two languages, one after another. */
#ifndef YUFU_PROTO_SAY_H
#define YUFU_PROTO_SAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum say_state {
    SAY_OK,
    SAY_ABSENT,  /* the meter fills in that it does not have it */
    SAY_DAMAGED, /* digits that are none, a date that does not exist; text is the bytes in hex */
};
#define SAY_TEXT_MAX 64
struct say_value {
    const char *en, *zh; /* what it is */
    char text[SAY_TEXT_MAX];
    const char *unit; /* "": none */
    enum say_state state;
    char note[72]; /* more about what it is: "storage 1, tariff 2"; "": nothing */
};
typedef void say_sink(void *arg, const struct say_value *v);

/* Helpers of the codecs: each fills text and state. */

/* Packed digits, lowest first, with a decimal point; all F is absent. len <= 8. */
void say_bcd(struct say_value *v, struct bytes b, unsigned decimals);
/* A whole number times 10^exponent as decimal text. */
void say_scaled(struct say_value *v, int64_t number, int exponent);
/* The bytes as they are. */
void say_hex(struct say_value *v, struct bytes b);
void say_text(struct say_value *v, const char *text);

#endif
