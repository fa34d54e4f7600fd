/* What VIFs and their extensions say (EN 13757-3): tables, and the walk over one record's bytes. */
#ifndef YUFU_PROTO_MBUS_VIF_H
#define YUFU_PROTO_MBUS_VIF_H

#include "proto/mbus.h"

struct mbus_vif_row {
    uint8_t from, to; /* without the extension bit */
    const char *en, *zh, *unit;
    int exponent; /* of the first one; each further one is ten times as much */
};

/* The quantity; *code: the byte that was found, *used: how many bytes of the VIF say it. NULL:
 * none known. */
const struct mbus_vif_row *mbus_vif_of(struct bytes vif, uint8_t *code, size_t *used);

enum mbus_vife_kind {
    MBUS_VIFE_NOTE,     /* says more about the value, whose unit stays */
    MBUS_VIFE_FACTOR,   /* shifts the exponent */
    MBUS_VIFE_COUNT,    /* the value counts something, without a unit */
    MBUS_VIFE_DURATION, /* the value is a time, in `unit` */
    MBUS_VIFE_DATE,     /* the value is a date or a time by its length */
    MBUS_VIFE_ERROR,    /* there is no value, and why */
    MBUS_VIFE_MAKER,    /* all that follows is the manufacturer's and may change the meaning */
};
struct mbus_vife_row {
    uint8_t from, to;
    uint8_t kind; /* enum mbus_vife_kind */
    int exponent; /* FACTOR: of the first one */
    const char *en, *unit;
};
/* The extensions behind the quantity, one after another; a MAKER is the last, and *rest then what
 * the manufacturer wrote. False: the end, or one that nobody here knows (*known is then cleared),
 * so that the number must stay as it is. */
bool mbus_vife_next(struct bytes *rest, const struct mbus_vife_row **row, uint8_t *code,
                    bool *known);

#endif
