#include "sim/world/people.h"

#include <stdbool.h>

#include "base/bytes.h"
#include "base/must.h"

#define PERMILLE 1000

/* Watts by hour of a usual day. */
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

int64_t people_power_mw(enum people_kind kind, uint64_t seed, struct civil local)
{
    MUST(kind != PEOPLE_ROOM);
    return kind == PEOPLE_SHOP ? shop_mw(seed, local) : public_mw(seed, local);
}
