/*
 * What people plug in: one table of appliances, each with its power, its reactive power, the shape
 * of its current, how it starts and how it cycles. Electrical behaviour only; when somebody uses it
 * is room.h's. Whole numbers: thousandths of the active power or of the fundamental current.
 */
#ifndef YUFU_SIM_WORLD_APPLIANCE_H
#define YUFU_SIM_WORLD_APPLIANCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "terminal/load.h"

#define APPLIANCE_NOMINAL_DV 2200

enum appliance_kind {
    APPLIANCE_LED,
    APPLIANCE_LAMP,
    APPLIANCE_LAPTOP,
    APPLIANCE_CHARGER,
    APPLIANCE_DESKTOP,
    APPLIANCE_ROUTER,
    APPLIANCE_FAN,
    APPLIANCE_FRIDGE,
    APPLIANCE_DISPENSER,
    APPLIANCE_PRINTER,
    APPLIANCE_VACUUM,
    APPLIANCE_BLANKET,
    APPLIANCE_AIRCON,       /* inverter */
    APPLIANCE_AIRCON_FIXED, /* compressor of one speed */
    APPLIANCE_KETTLE,
    APPLIANCE_COOKER,
    APPLIANCE_HAIR_DRYER,
    APPLIANCE_QUARTZ,
    APPLIANCE_HOT_PLATE,
    APPLIANCE_INDUCTION,
    APPLIANCE_COUNT
};

enum appliance_ban {
    APPLIANCE_ALLOWED,
    APPLIANCE_WHITE,  /* heating, but on the white list */
    APPLIANCE_HEAVY,  /* not heating, but above the limit of a room's sockets */
    APPLIANCE_HEATING /* forbidden heating */
};

struct appliance {
    const char *name, *zh;
    enum appliance_ban ban;
    uint16_t low_w, high_w;           /* specimens lie between, at nominal voltage */
    int16_t reactive;                 /* fundamental, per active; negative: capacitive */
    int16_t harmonic[LOAD_HARMONICS]; /* 3, 5 .. 15, per fundamental current; negative: drawn at
                                         the crest of the wave, positive: as flat as the mains */
    bool resistance;                  /* its power goes with the square of the voltage */
    uint16_t inrush;                  /* power at once, per steady power */
    uint16_t inrush_ms;               /* until that is over */
    uint16_t ramp_s;                  /* comes up so slowly; 0: at once */
    uint16_t first_s;                 /* a thermostat: how long it draws at first ... */
    uint16_t on_s, off_s;             /* ... and then; on 0: it does not cycle */
    bool forgets;                     /* stays off when the supply comes back */
    uint16_t rest_mw;                 /* plugged in, but not drawing */
    int16_t rest_mvar;
};

extern const struct appliance appliances[APPLIANCE_COUNT];

/* Powers of one circuit, at nominal voltage. */
struct appliance_draw {
    int64_t resistive_mw, constant_mw, reactive_mvar;
    int64_t harmonic_ma[LOAD_HARMONICS];
};

/* Adds what a specimen of power_mw draws age_ms after it was switched on. */
void appliance_add(struct appliance_draw *to, const struct appliance *a, int32_t power_mw,
                   int64_t age_ms);
/* Adds what it draws while it is plugged in and off. */
void appliance_add_rest(struct appliance_draw *to, const struct appliance *a);
/* How long its start must be looked at: closely, and then second by second. */
int64_t appliance_close_ms(const struct appliance *a);
int64_t appliance_second_ms(const struct appliance *a);
/* APPLIANCE_COUNT: there is none of that name. */
enum appliance_kind appliance_find(const char *name);

/* A circuit as a metering chip sees it at voltage_dv. */
struct sim_flow {
    int64_t power_mw;
    int32_t reactive_mvar;
    uint32_t current_ma;
    uint32_t harmonic_ma[LOAD_HARMONICS];
};
struct sim_flow appliance_flow(const struct appliance_draw *d, uint16_t voltage_dv);

#endif
