/* Shared by the parts of meter/ only. */
#ifndef YUFU_METER_METER_IMPL_H
#define YUFU_METER_METER_IMPL_H

#include "meter/meter.h"

extern const struct meter_driver meter_driver_dlt645;

/* How an answer of the DL/T 645 driver becomes points: meter_item.decode. */
enum meter_dlt645_decode {
    METER_645_ENERGY,   /* block: total and four rates */
    METER_645_CIRCUITS, /* private block of our terminals */
    METER_645_STATE,    /* running-state word 3 of a meter with one relay */
    METER_645_KEEP,     /* the same of a terminal, whose relays the circuits block shows */
    METER_645_POWER,
    METER_645_VOLTAGE,
    METER_645_CURRENT,
    METER_645_BALANCE, /* leads to the row after it when the wallet is empty */
    METER_645_OVERDRAFT,
    METER_645_COUNT,
    METER_645_PURCHASED,
    METER_645_CLOCK,
};

#endif
