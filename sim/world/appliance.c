#include "sim/world/appliance.h"

#include <string.h>

/*
 * Where the numbers come from. Recordings that are not part of this project were measured for the
 * figures only:
 *  - 1 Hz recordings of a kettle, a water heater and a vacuum cleaner at 243-251 V: a heater has
 *    reactive power of 1-5 % and currents of 1-3 % at the third and fifth harmonic (the mains' own
 *    shape); the vacuum cleaner 15.6 % and 2.8 %, at most half more power in its first seconds;
 *  - single cycles of 250 switchings: an idle laptop supply has 0.9, 0.9, 0.8 and 0.75 of its
 *    fundamental at harmonics 3 to 9, a compact lamp 0.8, 0.5, 0.3, 0.25; a fan 0.2 of reactive
 *    power and 7 % third harmonic; a refrigerator draws eleven times its power in its first cycle
 *    (and 6 % third harmonic after it); a bulb two to three times a few cycles after the switch;
 *  - power traces of plugs: a refrigerator of 75 W runs 13 to 30 minutes and rests 38 to 50 min; a
 *    printer's fuser takes up to 900 W for 3 to 18 s; kettles run 107 to 284 s; a hair dryer has
 *    stages of 175, 325, 1,190, 1,270 and 1,850 W and runs 92 s in the median; laptops take 19 to
 *    49 W.
 * Kinds that were not recorded (air conditioners, cookers, blankets, hot plates) have the ratings
 * that are sold for dormitories. The 9 mA of an idle air conditioner are what the terminals that
 * watch them are made for: 1 W, and the capacitor of its filter.
 */
#define MAINS(a, b, c, d, e, f, g)                                                                 \
    {                                                                                              \
        a, b, c, d, e, f, g                                                                        \
    }
#define PEAKED(a, b, c, d, e, f, g)                                                                \
    {                                                                                              \
        -(a), -(b), -(c), -(d), -(e), -(f), -(g)                                                   \
    }

/* clang-format off */
const struct appliance appliances[APPLIANCE_COUNT] = {
    [APPLIANCE_LED] = {"led", "LED 灯", .low_w = 8, .high_w = 22, .reactive = -250,
        .harmonic = PEAKED(350, 180, 100, 70, 50, 40, 30), .inrush = 3000, .inrush_ms = 40},
    [APPLIANCE_LAMP] = {"lamp", "白炽台灯", .low_w = 25, .high_w = 60, .reactive = 10,
        .harmonic = MAINS(6, 12, 8, 6, 4, 3, 2), .resistance = true, .inrush = 6000, .inrush_ms = 200},
    [APPLIANCE_LAPTOP] = {"laptop", "笔记本电脑", .low_w = 25, .high_w = 65, .reactive = -300,
        .harmonic = PEAKED(880, 780, 640, 500, 360, 250, 170), .inrush = 2000, .inrush_ms = 60},
    [APPLIANCE_CHARGER] = {"charger", "手机充电器", .low_w = 5, .high_w = 20, .reactive = -350,
        .harmonic = PEAKED(900, 830, 720, 600, 460, 340, 240), .inrush = 2000, .inrush_ms = 40},
    [APPLIANCE_DESKTOP] = {"desktop", "台式电脑", .low_w = 120, .high_w = 250, .forgets = true, .reactive = -120,
        .harmonic = PEAKED(620, 420, 250, 140, 80, 60, 40), .inrush = 2500, .inrush_ms = 60},
    [APPLIANCE_ROUTER] = {"router", "路由器", .low_w = 6, .high_w = 12, .reactive = -350,
        .harmonic = PEAKED(880, 780, 640, 500, 360, 250, 170), .inrush = 2000, .inrush_ms = 40},
    [APPLIANCE_FAN] = {"fan", "风扇", .low_w = 30, .high_w = 60, .reactive = 220,
        .harmonic = PEAKED(60, 25, 11, 4, 3, 2, 2), .inrush = 1400, .inrush_ms = 1500},
    [APPLIANCE_FRIDGE] = {"fridge", "小冰箱", .low_w = 60, .high_w = 85, .reactive = 500,
        .harmonic = PEAKED(64, 41, 45, 16, 8, 5, 3), .inrush = 11000, .inrush_ms = 400,
        .first_s = 1500, .on_s = 1300, .off_s = 2700},
    [APPLIANCE_DISPENSER] = {"dispenser", "饮水机", APPLIANCE_WHITE, .low_w = 400, .high_w = 460,
        .reactive = 15, .harmonic = MAINS(10, 18, 8, 5, 3, 2, 2), .resistance = true, .inrush = 1000,
        .first_s = 600, .on_s = 180, .off_s = 3000},
    [APPLIANCE_PRINTER] = {"printer", "激光打印机", .low_w = 600, .high_w = 900, .forgets = true, .reactive = 15,
        .harmonic = MAINS(10, 18, 8, 5, 3, 2, 2), .resistance = true, .inrush = 3500, .inrush_ms = 300,
        .first_s = 9, .on_s = 3, .off_s = 14, .rest_mw = 8000, .rest_mvar = -6000},
    [APPLIANCE_VACUUM] = {"vacuum", "吸尘器", .low_w = 600, .high_w = 850, .reactive = 90,
        .harmonic = PEAKED(156, 28, 17, 8, 5, 3, 2), .resistance = true, .inrush = 1500, .inrush_ms = 800},
    [APPLIANCE_BLANKET] = {"blanket", "电热毯", .low_w = 40, .high_w = 70, .reactive = 5,
        .harmonic = MAINS(6, 13, 8, 5, 3, 2, 2), .resistance = true, .inrush = 1000},
    [APPLIANCE_AIRCON] = {"aircon", "变频空调", .low_w = 700, .high_w = 1100, .forgets = true, .reactive = -60,
        .harmonic = PEAKED(60, 40, 25, 15, 10, 6, 4), .inrush = 1000, .ramp_s = 25,
        .first_s = 1500, .on_s = 900, .off_s = 420, .rest_mw = 1000, .rest_mvar = -1760},
    [APPLIANCE_AIRCON_FIXED] = {"aircon_fixed", "定频空调", .low_w = 750, .high_w = 1150,
        .forgets = true, .reactive = 330, .harmonic = PEAKED(50, 30, 15, 8, 5, 3, 2), .inrush = 2600, .inrush_ms = 450,
        .first_s = 1500, .on_s = 700, .off_s = 600, .rest_mw = 1000, .rest_mvar = -1760},
    [APPLIANCE_KETTLE] = {"kettle", "电热水壶", APPLIANCE_HEATING, .low_w = 1000, .high_w = 1850,
        .reactive = 14, .harmonic = MAINS(10, 18, 8, 5, 3, 2, 2), .resistance = true, .inrush = 1010,
        .inrush_ms = 200},
    [APPLIANCE_COOKER] = {"rice_cooker", "电饭锅", APPLIANCE_HEATING, .low_w = 520, .high_w = 900,
        .reactive = 14, .harmonic = MAINS(10, 18, 8, 5, 3, 2, 2), .resistance = true, .inrush = 1010,
        .inrush_ms = 200, .first_s = 1300, .on_s = 20, .off_s = 100},
    [APPLIANCE_HAIR_DRYER] = {"hair_dryer", "电吹风", APPLIANCE_HEATING, .low_w = 1150,
        .high_w = 1850, .reactive = 25, .harmonic = MAINS(18, 20, 9, 5, 3, 2, 2), .resistance = true,
        .inrush = 1040, .inrush_ms = 500},
    [APPLIANCE_QUARTZ] = {"quartz_heater", "石英取暖器", APPLIANCE_HEATING, .low_w = 550,
        .high_w = 1200, .reactive = 8, .harmonic = MAINS(9, 16, 8, 5, 3, 2, 2), .resistance = true,
        .inrush = 1060, .inrush_ms = 800},
    [APPLIANCE_HOT_PLATE] = {"hot_plate", "电炉", APPLIANCE_HEATING, .low_w = 800, .high_w = 1500,
        .reactive = 14, .harmonic = MAINS(10, 18, 8, 5, 3, 2, 2), .resistance = true, .inrush = 1030,
        .inrush_ms = 600, .first_s = 400, .on_s = 40, .off_s = 40},
    [APPLIANCE_INDUCTION] = {"induction", "电磁炉", APPLIANCE_HEAVY, .low_w = 2050, .high_w = 2300,
        .forgets = true, .reactive = -50, .harmonic = PEAKED(90, 60, 30, 20, 12, 8, 5), .inrush = 1000, .ramp_s = 2},
};
/* clang-format on */

#define SETTLE_MS 1'900 /* a terminal's mean of sixty samples has followed by then */
#define RAMP_BEGIN 250  /* of a thousand: where a slow start begins */

/* Power after age_ms, in thousandths of steady power. */
static int64_t started(const struct appliance *a, int64_t age_ms)
{
    int64_t ramp_ms = a->ramp_s * INT64_C(1000), left = a->inrush_ms - age_ms;
    if (age_ms < ramp_ms)
        return RAMP_BEGIN + (1000 - RAMP_BEGIN) * age_ms / ramp_ms;
    if (left <= 0)
        return 1000;
    return 1000 + (a->inrush - 1000) * left * left / ((int64_t)a->inrush_ms * a->inrush_ms);
}

void appliance_add(struct appliance_draw *to, const struct appliance *a, int32_t power_mw,
                   int64_t age_ms)
{
    int64_t mw = power_mw * started(a, age_ms) / 1000;
    int64_t fundamental_ma = mw * 10 / APPLIANCE_NOMINAL_DV;
    *(a->resistance ? &to->resistive_mw : &to->constant_mw) += mw;
    to->reactive_mvar += mw * a->reactive / 1000;
    for (unsigned i = 0; i < LOAD_HARMONICS; i++)
        to->harmonic_ma[i] += fundamental_ma * a->harmonic[i] / 1000;
}

void appliance_add_rest(struct appliance_draw *to, const struct appliance *a)
{
    to->constant_mw += a->rest_mw;
    to->reactive_mvar += a->rest_mvar;
}

int64_t appliance_close_ms(const struct appliance *a)
{
    return (a->inrush_ms > 200 ? a->inrush_ms : 200) + SETTLE_MS;
}

int64_t appliance_second_ms(const struct appliance *a)
{
    return a->ramp_s > 0 ? a->ramp_s * INT64_C(1000) + 5000 : 0;
}

enum appliance_kind appliance_find(const char *name)
{
    unsigned i = 0;
    while (i < APPLIANCE_COUNT && strcmp(appliances[i].name, name) != 0)
        i++;
    return (enum appliance_kind)i;
}

/* Whole square root, from a first guess that is never too small. */
static uint64_t root(uint64_t v)
{
    if (v < 2)
        return v;
    uint64_t r = UINT64_C(1) << ((64 - (unsigned)__builtin_clzll(v) + 1) / 2);
    for (;;) {
        uint64_t next = (r + v / r) / 2;
        if (next >= r)
            return r;
        r = next;
    }
}

/* Harmonics are added with their signs: supplies that pull at the crest of the wave add up, and
 * flatten the mains; a resistance draws that flattened shape and so takes a little away. */
struct sim_flow appliance_flow(const struct appliance_draw *d, uint16_t voltage_dv)
{
    struct sim_flow f = {0};
    int64_t dv = voltage_dv, nominal = APPLIANCE_NOMINAL_DV;
    f.power_mw = d->constant_mw + d->resistive_mw * dv / nominal * dv / nominal;
    f.reactive_mvar = (int32_t)d->reactive_mvar;
    uint64_t harmonics = 0;
    for (unsigned i = 0; i < LOAD_HARMONICS; i++) {
        f.harmonic_ma[i] =
            (uint32_t)(d->harmonic_ma[i] < 0 ? -d->harmonic_ma[i] : d->harmonic_ma[i]);
        harmonics += (uint64_t)f.harmonic_ma[i] * f.harmonic_ma[i];
    }
    uint64_t in_phase =
        (uint64_t)(f.power_mw * f.power_mw) + (uint64_t)(d->reactive_mvar * d->reactive_mvar);
    /* mVA x 10 / 0.1 V: mA */
    uint64_t fundamental_ma = root(in_phase) * 10 / (uint64_t)(dv > 0 ? dv : 1);
    f.current_ma = (uint32_t)root(fundamental_ma * fundamental_ma + harmonics);
    return f;
}
