/*
 * What stands in DL/T 645 frames: data identifiers, their names, formats and units
 * (DL/T 645-2007 appendix A, and the 1997 list), and how bytes become values.
 *
 * A value is an integer with a decimal exponent and a unit: 25 00 01 00 of 00010000 is 10025,
 * 2 decimals, kWh. All bytes FF means that the meter has no such value (an absent phase).
 * An identifier that is not in the table has no format: its bytes stay bytes.
 *
 * Freestanding: no heap, no floating point, nothing printed.
 */
#ifndef YUFU_PROTO_DLT645_DATA_H
#define YUFU_PROTO_DLT645_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum dlt645_unit {
    DLT645_UNIT_NONE,
    DLT645_KWH,
    DLT645_KVARH,
    DLT645_KVAH,
    DLT645_KW,
    DLT645_KVAR,
    DLT645_KVA,
    DLT645_VOLT,
    DLT645_AMPERE,
    DLT645_DEGREE,
    DLT645_HERTZ,
    DLT645_CELSIUS,
    DLT645_PERCENT,
    DLT645_YUAN,
    DLT645_YUAN_PER_KWH,
    DLT645_MINUTE,
    DLT645_SECOND,
    DLT645_MS,
    DLT645_DAY,
    DLT645_IMP_PER_KWH,
    DLT645_IMP_PER_KVARH,
    DLT645_UNITS
};

/* "kWh", "V" ...; "" for none. */
const char *dlt645_unit_text(enum dlt645_unit unit);

enum dlt645_kind {
    DLT645_BCD,    /* unsigned packed BCD */
    DLT645_SBCD,   /* the top bit of the last byte is the sign, the rest BCD */
    DLT645_BIN,    /* unsigned binary, low byte first */
    DLT645_DIGITS, /* packed digits that name something: numbers of meters, customers, orders */
    DLT645_TIME,   /* BCD parts by `pattern`, one letter a byte, most significant first */
    DLT645_ASCII,  /* text, last character first on the wire */
    DLT645_WORD,   /* bits, low byte first; named by `bits` if known */
    DLT645_RAW,    /* bytes without meaning to us: codes, signatures, cipher text */
};

/* (word & mask) == value means the name is true; ended by mask 0. */
struct dlt645_bit {
    uint16_t mask, value;
    const char *en, *zh;
};

struct dlt645_field {
    const char *en, *zh; /* "" in single-valued items: the item's own name says it */
    uint8_t kind;        /* enum dlt645_kind */
    uint8_t len;         /* bytes; 0: all that are left */
    uint8_t decimals;
    uint8_t unit;        /* enum dlt645_unit */
    const char *pattern; /* DLT645_TIME: of Y M D W h m s */
    const struct dlt645_bit *bits;
};

/* What a varying byte of an identifier counts. */
enum dlt645_role {
    DLT645_ROLE_NONE,
    DLT645_ROLE_RATE,       /* 0 total, 1.. tariffs */
    DLT645_ROLE_PHASE,      /* 0 total, 1..3 phases A B C */
    DLT645_ROLE_SETTLEMENT, /* 0 now, n: n-th last settlement day */
    DLT645_ROLE_LAST,       /* n-th last record */
    DLT645_ROLE_NUMBER,     /* the n-th of a list */
    DLT645_ROLE_HARMONIC,
};

struct dlt645_range {
    uint8_t low, high;
    bool block; /* FF asks for all of them, from `low` on */
    uint8_t role;
};

/* A row covers all identifiers whose DI3 DI2 are `head` and whose DI1, DI0 lie in the ranges. 1997
 * identifiers have no head, and a low nibble F asks for the block. */
struct dlt645_item {
    uint16_t head;
    struct dlt645_range di1, di0;
    const char *en, *zh;
    const struct dlt645_field *fields; /* of one element; a block or list repeats them */
    uint8_t field_count;
    uint8_t list_role, list_first; /* one identifier, many elements: freezes, tables; NONE: one */
    bool counted;                  /* a byte with the number of elements stands before them */
    bool loose; /* meters differ in this layout: data of another length stay bytes */
};

/* NULL if the identifier is not in the table. */
const struct dlt645_item *dlt645_item_find(uint32_t id);
const struct dlt645_item *dlt645_item_find_1997(uint16_t id);

/* The name with its indices: "forward active energy, tariff 2, 1st last settlement". Cut to fit
 * cap (>= 1), always ended. */
void dlt645_item_name(const struct dlt645_item *item, uint32_t id, bool zh, char *out, size_t cap);

enum dlt645_state {
    DLT645_OK,
    DLT645_ABSENT,  /* every byte FF (or a date of zeros): the meter has no such value */
    DLT645_DAMAGED, /* digits that are not decimal, dates that do not exist */
};

struct dlt645_value {
    const struct dlt645_field *field;
    enum dlt645_role role; /* of the element within a block, NONE if there is only one */
    unsigned index;
    enum dlt645_state state;
    int64_t number;   /* BCD, SBCD, BIN, WORD */
    struct bytes raw; /* as in the frame, low byte first */
};

/* Walks the values of an item's data (without identifier). */
struct dlt645_walk {
    const struct dlt645_item *item;
    struct reader data;
    unsigned element, field;
    enum dlt645_role role;
    unsigned first;
    bool block;
};

/* ERR_FRAME_LENGTH: the data does not end at the end of a field, or is longer than one element of
 * an item that is no block. */
[[nodiscard]] enum err dlt645_walk_begin(struct dlt645_walk *w, const struct dlt645_item *item,
                                         uint32_t id, struct bytes data);
[[nodiscard]] enum err dlt645_walk_begin_1997(struct dlt645_walk *w, const struct dlt645_item *item,
                                              uint16_t id, struct bytes data);
bool dlt645_walk_next(struct dlt645_walk *w, struct dlt645_value *v);

/* Reads one field off a cursor; sticky ERR_TRUNCATED there. */
void dlt645_field_take(const struct dlt645_field *f, struct reader *r, struct dlt645_value *v);

/* "-12.50"; out needs 24 chars. */
void dlt645_number_text(int64_t number, unsigned decimals, char *out);
/* Digits, times, text, raw as people write them; number kinds by number and decimals. Cut to cap.
 */
void dlt645_value_text(const struct dlt645_value *v, char *out, size_t cap);
/* "phase A", "tariff 2", "total"; "" for role NONE. */
void dlt645_index_text(enum dlt645_role role, unsigned index, bool zh, char *out, size_t cap);

/* The single numeric value of an identifier, for drivers: ERR_NOT_FOUND unknown identifier,
 * ERR_FRAME_LENGTH, ERR_BCD. ERR_STATE if the meter says it has none (all FF). */
[[nodiscard]] enum err dlt645_number(uint32_t id, struct bytes data, int64_t *number);

#endif
