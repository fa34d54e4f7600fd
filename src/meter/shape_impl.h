/*
 * Shapes: which members a JSON object may have, and where in a struct each goes. A table is the
 * whole truth about a format: it reads the text, finds every mistake with its place, and tells the
 * JSON schema.
 */
#ifndef YUFU_METER_SHAPE_IMPL_H
#define YUFU_METER_SHAPE_IMPL_H

#include "base/jread.h"
#include "meter/meter_model.h"

struct shape_choice {
    const char *name;
    uint8_t value;
};

enum shape_kind {
    SHAPE_TEXT, /* into char[size] */
    SHAPE_NAME, /* the same; small letters, digits, '-' and '_' only */
    SHAPE_INT,  /* low .. high into size bytes */
    SHAPE_BOOL,
    SHAPE_CHOICE,  /* into one byte */
    SHAPE_HEX,     /* text of 1 .. 8 digits into 4 bytes */
    SHAPE_ID,      /* the same of 4 or 8 digits */
    SHAPE_BYTES,   /* text of pairs of digits into uint8_t[size], their number at count_offset */
    SHAPE_NUMBERS, /* list of -1 .. 100 into int8_t[size], count as above */
    SHAPE_OBJECT,
    SHAPE_LIST, /* of objects of `size` bytes each, at most `high` of them, count as above */
};

struct shape;

struct shape_rule {
    const char *name;
    uint8_t kind; /* enum shape_kind */
    bool needed;
    uint16_t offset, size, count_offset;
    int64_t low, high, initial;
    const struct shape_choice *choices; /* ended by a name NULL */
    const struct shape *shape;
    const char *about;
};

struct shape {
    const struct shape_rule *rules;
    size_t count;
};

/* Fills `out` from the value that comes next; `out` must be zero. */
void shape_read(const struct shape *shape, const char *text, size_t len, void *out,
                struct meter_faults *faults);
/* "name, name" ... of a rule's choices. */
void shape_choices_text(const struct shape_choice *choices, char *out, size_t cap);

void meter_fault_add(struct meter_faults *faults, const char *place, enum meter_fault_kind kind,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

extern const struct shape meter_model_shape;

#endif
