/*
 * Points: what a meter can tell, one number each, in the product's units.
 * The numbers are part of the uplink and of the stored readings: never reuse one.
 */
#ifndef YUFU_METER_POINT_H
#define YUFU_METER_POINT_H

enum meter_point {
    POINT_ENERGY_WH = 1,       /* forward active total register */
    POINT_ENERGY_RATE1_WH = 2, /* sharp  尖 */
    POINT_ENERGY_RATE2_WH = 3, /* peak   峰 */
    POINT_ENERGY_RATE3_WH = 4, /* flat   平 */
    POINT_ENERGY_RATE4_WH = 5, /* valley 谷 */
    POINT_POWER_W = 10,        /* signed */
    POINT_VOLTAGE_DV = 11,     /* 0.1 V, phase A */
    POINT_CURRENT_MA = 12,     /* phase A */
    POINT_BALANCE_FEN = 20,    /* wallet in the meter; overdraft in use is negative */
    POINT_PURCHASE_COUNT = 21,
    POINT_PURCHASED_FEN = 22, /* cumulative purchased amount */
    POINT_RELAY_OPEN = 30, /* bit 0: circuit 0 or 1, bit 1: circuit 2, bit 2: circuit 3; 1 = open */
    POINT_ALARM_LEVEL = 31, /* 0..3 as the meter sees it */
    POINT_KEEP_POWER = 32,  /* 0, 1 */
    POINT_OPEN_REASON = 33, /* enum terminal_reason of the first open circuit; 0 none */
    POINT_CLOCK_S = 34,     /* the meter's clock, UTC seconds */
    POINT_CIRCUIT1_WH = 41,
    POINT_CIRCUIT2_WH = 42,
    POINT_CIRCUIT3_WH = 43,
    POINT_CIRCUIT1_W = 51,
    POINT_CIRCUIT2_W = 52,
    POINT_CIRCUIT3_W = 53,
    POINT_LIMIT = 64 /* every point is below: a bitmap fits into 64 bits */
};

#endif
