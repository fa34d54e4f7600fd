/*
 * Points: what a meter can tell, one number each, in the product's units.
 * The numbers are part of the uplink and of the stored readings: never reuse one.
 */
#ifndef YUFU_METER_POINT_H
#define YUFU_METER_POINT_H

enum meter_point {
    /* The register that is charged, in thousandths of a price's unit: forward active total, Wh.
     * Of water and gas meters litres, of heat and cooling meters MJ (or Wh, by the model). */
    POINT_ENERGY_WH = 1,
    POINT_ENERGY_RATE1_WH = 2, /* sharp  尖 */
    POINT_ENERGY_RATE2_WH = 3, /* peak   峰 */
    POINT_ENERGY_RATE3_WH = 4, /* flat   平 */
    POINT_ENERGY_RATE4_WH = 5, /* valley 谷 */
    POINT_ENERGY_RATE5_WH = 6, /* deep valley 深谷 */
    POINT_REVERSE_WH = 7,      /* reverse active total register */
    POINT_REACTIVE_VARH = 8,   /* reactive register that the power factor goes by, varh */
    POINT_POWER_W = 10,        /* signed */
    POINT_VOLTAGE_DV = 11,     /* 0.1 V, phase A */
    POINT_CURRENT_MA = 12,     /* phase A */
    POINT_VOLTAGE_B_DV = 13,
    POINT_VOLTAGE_C_DV = 14,
    POINT_CURRENT_B_MA = 15,
    POINT_CURRENT_C_MA = 16,
    POINT_FREQUENCY_CHZ = 17,  /* 0.01 Hz */
    POINT_POWER_FACTOR_M = 18, /* 0.001, signed */
    POINT_BALANCE_FEN = 20,    /* wallet in the meter; overdraft in use is negative */
    POINT_PURCHASE_COUNT = 21,
    POINT_PURCHASED_FEN = 22, /* cumulative purchased amount */
    POINT_VOLUME_L =
        23, /* volume register in litres: water, gas, and what flowed through a heat meter */
    POINT_HEAT_WH = 24,     /* heat register */
    POINT_COOLING_WH = 25,  /* cooling register */
    POINT_FLOW_LH = 26,     /* litres an hour, signed */
    POINT_SUPPLY_CDEG = 27, /* supply temperature, 0.01 degC */
    POINT_RETURN_CDEG = 28, /* return temperature, 0.01 degC */
    POINT_THERMAL_W = 29,   /* thermal power */
    POINT_RELAY_OPEN = 30,  /* bit 0: circuit 0 or 1, bit 1: circuit 2, bit 2: circuit 3; 1 = open.
                              Of a water meter: the valve, 1 = closed, so that supply is cut */
    POINT_ALARM_LEVEL = 31, /* 0..3 as the meter sees it */
    POINT_KEEP_POWER = 32,  /* 0, 1 */
    POINT_OPEN_REASON = 33, /* enum terminal_reason of the first open circuit; 0 none */
    POINT_CLOCK_S = 34,     /* the meter's clock, UTC seconds */
    POINT_VALVE = 35,       /* enum meter_valve */
    POINT_BATTERY_LOW = 36, /* 0, 1 */
    POINT_FAULT_BITS = 37,  /* the vendor's own bits; 0: none */
    POINT_WORK_H = 38,      /* hours at work */
    POINT_CIRCUIT_REASONS = 39, /* of terminals: byte i is enum terminal_reason of circuit i + 1 */
    POINT_CIRCUIT1_WH = 41,
    POINT_CIRCUIT2_WH = 42,
    POINT_CIRCUIT3_WH = 43,
    POINT_CIRCUIT1_W = 51,
    POINT_CIRCUIT2_W = 52,
    POINT_CIRCUIT3_W = 53,
    POINT_LIMIT = 64 /* every point is below: a bitmap fits into 64 bits */
};

/* POINT_VALVE. */
enum meter_valve { METER_VALVE_OPEN, METER_VALVE_CLOSED, METER_VALVE_MOVING, METER_VALVE_FAULT };

#endif
