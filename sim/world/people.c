#include "sim/world/people.h"

#include <stdbool.h>

#include "base/bytes.h"

#define PERMILLE 1000

/* Watts by hour of a usual day. */
static const uint16_t light_w[24] = {8,  2,  2,  2,  2,  4,  30, 55,  20,  8,   8,  15,
                                     28, 22, 12, 10, 16, 55, 95, 120, 130, 125, 90, 30};
static const uint16_t socket_w[24] = {45, 30, 25, 25, 25, 30,  45,  75,  60,  45,  45,  70,
                                      95, 75, 50, 50, 65, 105, 155, 190, 210, 200, 160, 80};
/* How likely the air conditioner runs in a summer's hour, per mille. */
static const uint16_t cooling[24] = {420, 400, 380, 350, 320, 280, 180, 120, 110, 140, 200, 300,
                                     420, 450, 400, 360, 330, 350, 400, 460, 520, 560, 560, 480};
/* By month: July and August cool, January heats a little. */
static const uint16_t season[12] = {300, 200, 60, 40, 250, 700, 1000, 1000, 600, 80, 30, 200};
static const uint16_t shop_w[24] = {180,  160,  160,  160,  160,  180,  260,  500,
                                    1200, 2600, 3200, 3900, 4200, 3700, 3400, 3300,
                                    3500, 4100, 4600, 4500, 3900, 2800, 900,  250};
static const uint16_t public_w[24] = {900, 900, 900, 900,  900,  800,  500,  350,
                                      300, 300, 300, 320,  340,  320,  300,  300,
                                      320, 500, 950, 1100, 1100, 1050, 1000, 950};

/* A number that belongs to this place, this kind of habit and this stretch of time. */
static uint64_t dice(uint64_t seed, uint32_t habit, int64_t slot)
{
    uint64_t h = fnv64(FNV64_START, &seed, sizeof seed);
    h = fnv64(h, &habit, sizeof habit);
    h = fnv64(h, &slot, sizeof slot);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

/* low .. low + span per mille. */
static int64_t around(uint64_t roll, int64_t low, int64_t span)
{
    return low + (int64_t)(roll % (uint64_t)span);
}

static int64_t slot_of(struct civil t)
{
    return civil_to_wall(t, 0).s / PEOPLE_SLOT_S;
}

static bool weekend(struct civil t)
{
    return t.weekday == 0 || t.weekday == 6;
}

/* Between this hour's value and the next one's. */
static int64_t smooth_mw(const uint16_t *by_hour, struct civil t)
{
    int64_t a = by_hour[t.hour], b = by_hour[(t.hour + 1) % 24];
    return (a * (60 - t.minute) + b * t.minute) * 1000 / 60;
}

static int64_t room_light_mw(uint64_t seed, struct civil t)
{
    int64_t mw = smooth_mw(light_w, t) * around(dice(seed, 1, 0), 600, 800) / PERMILLE;
    mw = mw * around(dice(seed, 2, slot_of(t)), 700, 600) / PERMILLE;
    return weekend(t) ? mw * 9 / 10 : mw;
}

static int64_t room_socket_mw(uint64_t seed, struct civil t)
{
    int64_t mw = smooth_mw(socket_w, t) * around(dice(seed, 3, 0), 500, 1000) / PERMILLE;
    mw = mw * around(dice(seed, 4, slot_of(t)), 500, 1000) / PERMILLE;
    if (weekend(t) && t.hour >= 9)
        mw = mw * 13 / 10;
    /* Somebody boils water or dries hair, for the first half of a slot. */
    bool awake = t.hour >= 7 && t.hour < 24;
    if (awake && t.minute % 10 < 5 && dice(seed, 5, slot_of(t)) % 40 == 0)
        mw += around(dice(seed, 6, slot_of(t)), 900, 700) * 1000;
    return mw;
}

static int64_t room_cooling_mw(uint64_t seed, struct civil t)
{
    uint64_t chance = (uint64_t)cooling[t.hour] * season[t.month - 1] / PERMILLE;
    bool runs = dice(seed, 7, slot_of(t)) % PERMILLE < chance;
    return runs ? around(dice(seed, 8, 0), 750, 400) * 1000 : 4000; /* 4 W standby */
}

static int64_t shop_mw(uint64_t seed, struct civil t)
{
    int64_t mw = smooth_mw(shop_w, t) * around(dice(seed, 9, 0), 250, 1500) / PERMILLE;
    mw = mw * around(dice(seed, 10, slot_of(t)), 850, 300) / PERMILLE;
    return weekend(t) ? mw * 5 / 4 : mw;
}

static int64_t public_mw(uint64_t seed, struct civil t)
{
    return smooth_mw(public_w, t) * around(dice(seed, 11, slot_of(t)), 950, 100) / PERMILLE;
}

int64_t people_power_mw(enum people_kind kind, uint64_t seed, unsigned circuit, struct civil local)
{
    if (kind == PEOPLE_SHOP)
        return shop_mw(seed, local);
    if (kind == PEOPLE_PUBLIC)
        return public_mw(seed, local);
    int64_t mw = 0;
    if (circuit == 0 || circuit == 1)
        mw += room_light_mw(seed, local);
    if (circuit == 0 || circuit == 2)
        mw += room_socket_mw(seed, local);
    if (circuit == 0 || circuit == 3)
        mw += room_cooling_mw(seed, local);
    return mw;
}
