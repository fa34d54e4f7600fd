/*
 * M-Bus, wired: link layer of EN 13757-2 and the variable data of EN 13757-3.
 *
 *   E5                                     acknowledgement
 *   10 | C | A | CS | 16                   short
 *   68 L L 68 | C | A | CI | data | CS | 16  long; L counts C .. data
 *
 * CS = sum of C .. data. Variable data (CI 72): a head of 12 bytes, then records, each a DIF, a VIF
 * with their extensions, and a value.
 */
#ifndef YUFU_PROTO_MBUS_H
#define YUFU_PROTO_MBUS_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "proto/say.h"

#define MBUS_DATA_MAX 252
#define MBUS_FRAME_MAX 261

enum mbus_kind { MBUS_ACK, MBUS_SHORT, MBUS_LONG };

enum mbus_control { /* C without the toggle bit (FCB, 20H) */
                    MBUS_SND_NKE = 0x40,
                    MBUS_SND_UD = 0x53,
                    MBUS_REQ_UD2 = 0x5B,
                    MBUS_REQ_UD1 = 0x5A,
                    MBUS_RSP_UD = 0x08,
};
#define MBUS_FCB 0x20
#define MBUS_ADDRESS_SECONDARY 0xFD

struct mbus_frame {
    enum mbus_kind kind;
    uint8_t control, address, ci; /* ci: long frames */
    uint8_t len;                  /* of data, behind CI */
    uint8_t data[MBUS_DATA_MAX];
};

/* One frame that begins at data[0]. ERR_TRUNCATED, ERR_FRAME_UNKNOWN (none begins here),
 * ERR_FRAME_CHECKSUM, ERR_FRAME_END, ERR_FRAME_LENGTH (the two lengths differ). */
[[nodiscard]] enum err mbus_decode(const uint8_t *data, size_t len, struct mbus_frame *frame,
                                   size_t *used);
void mbus_encode(const struct mbus_frame *frame, struct writer *w);

/* The head of variable data. */
struct mbus_head {
    uint8_t id[4]; /* digits, lowest first */
    uint16_t manufacturer;
    uint8_t version, medium, access, status;
    uint16_t config; /* once the signature: bits 8 .. 12 tell how the records are enciphered */
};
/* CI 72, and 76, whose numbers have the high byte first. ERR_FRAME_UNKNOWN: not variable data.
 * `records` views what comes behind. */
[[nodiscard]] enum err mbus_head(const struct mbus_frame *frame, struct mbus_head *head,
                                 struct bytes *records);
void mbus_manufacturer_text(uint16_t manufacturer, char out[4]); /* "ACW" */
const char *mbus_medium_en(uint8_t medium);
const char *mbus_medium_zh(uint8_t medium);
const char *mbus_function_en(const struct mbus_frame *frame);

/* One record, decoded. */
enum mbus_function { MBUS_NOW, MBUS_MAXIMUM, MBUS_MINIMUM, MBUS_IN_ERROR };
struct mbus_record {
    enum mbus_function function; /* IN_ERROR: the value while the meter is in error */
    uint32_t storage, tariff, subunit;
    uint8_t data_field; /* DIF bits 0..3 */
    bool special;       /* manufacturer's data, or "more follows" */
    bool more_follows;  /* 1F: ask again for the next telegram */
    bool letters;       /* text of variable length, the last character first */
    struct bytes vif;   /* VIF and its extensions */
    struct bytes value; /* as it stands */
};
/* The next record of `r`; false at the end. *e: ERR_FRAME_LENGTH if it does not fit. */
bool mbus_next(struct reader *r, struct mbus_record *record, enum err *e);

/* What a record measures, as mbus_say names it: "energy" in "Wh"; the number counts
 * 10^exponent of the unit. False: nobody here knows, or an extension may change its meaning. */
struct mbus_quantity {
    const char *en, *zh, *unit;
    int exponent;
};
bool mbus_quantity_of(const struct mbus_record *record, struct mbus_quantity *quantity);
/* The number in the record, to be multiplied by 10^*exponent (beside the quantity's own; reals are
 * rounded to six decimals). ERR_STATE: there is none, a real that is no number, or the meter is in
 * error; ERR_BCD; ERR_RANGE; ERR_FRAME_UNKNOWN: not a number. */
[[nodiscard]] enum err mbus_number(const struct mbus_record *record, int64_t *number,
                                   int *exponent);
/* The civil time of a record of type F (date and time, 32 bits) or I (48). ERR_STATE: the meter
 * calls it invalid, or it was never set; ERR_RANGE: no such time; ERR_FRAME_UNKNOWN: another type.
 */
[[nodiscard]] enum err mbus_time(const struct mbus_record *record, struct civil *time);

/* Head and records in words. ERR_FRAME_UNKNOWN: other data than these, told as bytes;
 * ERR_FRAME_LENGTH: a record does not fit; what came before was told. */
[[nodiscard]] enum err mbus_say(const struct mbus_frame *frame, say_sink *sink, void *arg);
/* A secondary address for CI 52: "11223344" with F as wildcard, manufacturer FFFF, version and
 * medium FF for any. ERR_SYNTAX. */
[[nodiscard]] enum err mbus_select(const char *id, uint16_t manufacturer, uint8_t version,
                                   uint8_t medium, struct mbus_frame *frame);

#endif
