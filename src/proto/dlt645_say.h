/*
 * What one frame says: function, identifier, fixed fields, data, refusal. Both 2007 and 1997.
 * Freestanding. Everything points into the frame, which must stay.
 */
#ifndef YUFU_PROTO_DLT645_SAY_H
#define YUFU_PROTO_DLT645_SAY_H

#include "proto/dlt645.h"
#include "proto/dlt645_data.h"

enum dlt645_era { DLT645_ERA_GUESS, DLT645_ERA_2007, DLT645_ERA_1997 };

/* A stable name and its words. */
struct dlt645_words {
    uint16_t mask;
    const char *name, *en, *zh;
};

/* Fields that follow each other in the data of one kind of frame. */
struct dlt645_layout {
    uint32_t id; /* security frames: data identifier; else 0 */
    uint8_t len; /* of all fields together */
    bool answer;
    const struct dlt645_field *fields;
    uint8_t field_count;
};

/* Why a meter said no; several reasons may stand together. */
enum dlt645_refusal_kind {
    DLT645_REFUSAL_NONE,
    DLT645_REFUSAL_ERR,     /* ERR byte, bits */
    DLT645_REFUSAL_SERR,    /* two bytes of a security answer, bits */
    DLT645_REFUSAL_PRIVATE, /* one byte 80..84 of meters without security module, a code */
    DLT645_REFUSAL_STATUS,  /* two bytes of a control answer, bits */
};

struct dlt645_say {
    enum dlt645_era era;
    bool answer, abnormal, follows;
    uint8_t function;                          /* D4..D0 */
    const struct dlt645_words *function_words; /* never NULL */
    bool has_id;
    uint32_t id;                        /* 1997: two bytes */
    const char *id_en, *id_zh;          /* name of a security identifier; NULL: see item */
    const struct dlt645_item *item;     /* NULL: not in the table, or the frame carries none */
    struct bytes before;                /* fixed fields before the data */
    const struct dlt645_layout *layout; /* of `before`; NULL if empty */
    struct bytes data;                  /* an item's data, or bytes without known meaning */
    struct bytes cipher, mac;           /* of writes of level 98 (then no `data`) and 99 */
    int sequence;                       /* follow-up number; -1 none */
    enum dlt645_refusal_kind refusal;
    uint16_t refusal_bits;
    bool plain;            /* broadcast time whose data went out without +33H */
    uint8_t plain_time[6]; /* then `before` points here: do not copy the struct */
    enum err err;          /* ERR_FRAME_LENGTH: the data does not fit the function */
};

/* Never fails: what cannot be understood stays in `data`, with `err` set if it is wrong. */
void dlt645_say(const struct dlt645_frame *frame, enum dlt645_era era, struct dlt645_say *say);

/* The values in `data`, to be walked. ERR_NOT_FOUND: bytes without known meaning, load records (see
 * dlt645_say_load), or a part of a longer answer (join the parts first); ERR_FRAME_LENGTH: they do
 * not fit their identifier. */
[[nodiscard]] enum err dlt645_say_values(const struct dlt645_say *say, struct dlt645_walk *walk);

/* Does `data` hold load records or a part of them (dlt645_load.h), and of which group? `group` may
 * be NULL. */
bool dlt645_say_load(const struct dlt645_say *say, unsigned *group);

/* The reasons of a refusal by number from 0; NULL past the last. An unnamed bit or code gives
 * the words "unknown". */
const struct dlt645_words *dlt645_refusal_words(enum dlt645_refusal_kind kind, uint16_t bits,
                                                unsigned index);
/* What a control answer 9C with a status word reports. */
const struct dlt645_words *dlt645_status_words(uint16_t bits, unsigned index);

/* SERR bits */
enum {
    DLT645_SERR_OTHER = 0x0001,
    DLT645_SERR_REPEAT = 0x0002,
    DLT645_SERR_ESAM = 0x0004,
    DLT645_SERR_AUTH = 0x0008,
    DLT645_SERR_CUSTOMER = 0x0010,
    DLT645_SERR_COUNT = 0x0020,
    DLT645_SERR_HOARD = 0x0040,
    DLT645_SERR_ADDRESS = 0x0080,
    DLT645_SERR_SUSPENDED = 0x0100,
};
/* private one-byte codes */
enum {
    DLT645_CODE_COUNT = 0x80,
    DLT645_CODE_CUSTOMER = 0x81,
    DLT645_CODE_HOARD = 0x82,
    DLT645_CODE_PRICE = 0x83,
    DLT645_CODE_FORMAT = 0x84,
};
/* ERR byte bits */
enum {
    DLT645_ERR_OTHER = 0x01,
    DLT645_ERR_NO_DATA = 0x02,
    DLT645_ERR_PASSWORD = 0x04,
    DLT645_ERR_BAUD = 0x08,
    DLT645_ERR_ZONES = 0x10,
    DLT645_ERR_PERIODS = 0x20,
    DLT645_ERR_TARIFFS = 0x40,
};
/* identifiers of security frames */
enum {
    DLT645_AUTHENTICATE = 0x070000FF,
    DLT645_OPEN_ACCOUNT = 0x070101FF,
    DLT645_RECHARGE = 0x070102FF,
    DLT645_WALLET_INIT = 0x070103FF,
    DLT645_REFUND = 0x070108FF,
    DLT645_STATUS_QUERY = 0x078102FF,
};
/* relay commands N1 */
enum {
    DLT645_TRIP = 0x1A,
    DLT645_CLOSE_ALLOW = 0x1B,
    DLT645_CLOSE = 0x1C,
    DLT645_TRIP_THEN_CLOSE = 0x1D,
    DLT645_TRIP_THEN_ALLOW = 0x1E,
    DLT645_ALARM_ON = 0x2A,
    DLT645_ALARM_OFF = 0x2B,
    DLT645_KEEP_ON = 0x3A,
    DLT645_KEEP_OFF = 0x3B,
};

/* --- follow-up frames --------------------------------------------------------------------------
 */

/* Joins an answer with D5 set and its followers: data parts without identifier and sequence. */
struct dlt645_join {
    uint32_t id;
    uint8_t next; /* sequence number of the next follower; 0: nothing begun */
    bool complete;
};

/* The first answer and each follower in turn; the data is appended to w. ERR_STATE: another
 * identifier, a follower out of turn, or a refusal; ERR_FRAME_LENGTH. */
[[nodiscard]] enum err dlt645_join_add(struct dlt645_join *j, const struct dlt645_frame *answer,
                                       struct writer *w);

#endif
