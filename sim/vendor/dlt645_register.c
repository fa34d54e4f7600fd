/*
 * What a single-phase meter of the grid answers of the standard's tables A.1 to A.5: energies and
 * maximum demands, by tariff and settlement; what is measured now; counts and records of events;
 * its parameters. All flows by the third tariff, nothing flows back, and nothing ever went wrong
 * but the supply. Each of a block's values is told, those of the absent phases as FF.
 */
#include <string.h>

#include "sim/vendor/dlt645_impl.h"

#define ALL 0xFF
#define TARIFFS 4
#define TARIFF 3 /* by which it counts */

static unsigned byte_of(uint32_t id, unsigned i)
{
    return id >> (8 * i) & 0xFF;
}

static int64_t power_of(const struct vendor_meter *m)
{
    return m->relay_open ? 0 : m->power_w;
}

/* --- energy and demand: tariff in DI1, settlement in DI0; one of them may be all ----------------
 */

typedef void tell_settled(struct vendor_told *t, const struct vendor_frozen *f);

static void tell_energy(struct vendor_told *t, const struct vendor_frozen *f)
{
    vendor_tell_kwh(t, f->energy_dawh);
}

static void tell_demand(struct vendor_told *t, const struct vendor_frozen *f)
{
    vendor_tell_watts(t, f->demand_w);
    vendor_tell_minute(t, f->demand_minute);
}

static uint8_t tell_table(struct vendor_told *t, const struct vendor_meter *m, uint32_t id,
                          tell_settled *tell, bool flows)
{
    unsigned tariff = byte_of(id, 1), back = byte_of(id, 0);
    static const struct vendor_frozen nothing;
    if ((tariff > TARIFFS && tariff != ALL) || (back > VENDOR_MONTHS && back != ALL) ||
        (tariff == ALL && back == ALL))
        return VENDOR_NO_DATA;
    for (unsigned b = back == ALL ? 0 : back; b <= (back == ALL ? VENDOR_MONTHS : back); b++) {
        struct vendor_frozen settled = vendor_settled(m, b);
        for (unsigned r = tariff == ALL ? 0 : tariff; r <= (tariff == ALL ? TARIFFS : tariff); r++)
            tell(t, flows && (r == 0 || r == TARIFF) ? &settled : &nothing);
    }
    return VENDOR_TOLD;
}

static uint8_t tell_forward(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    return tell_table(t, m, id, tell_energy, true);
}

static uint8_t tell_reverse(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    return tell_table(t, m, id, tell_energy, false);
}

static uint8_t tell_forward_demand(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    return tell_table(t, m, id, tell_demand, true);
}

static uint8_t tell_reverse_demand(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    return tell_table(t, m, id, tell_demand, false);
}

/* Used since the last settlement, and between the two before. */
static uint8_t tell_used(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    unsigned back = byte_of(id, 0);
    vendor_tell_kwh(t,
                    vendor_settled(m, back).energy_dawh - vendor_settled(m, back + 1).energy_dawh);
    return VENDOR_TOLD;
}

/* --- measured now: the phase in DI1, 0 is the total ---------------------------------------------
 */

static void tell_volts(struct vendor_told *t, const struct vendor_meter *m)
{
    (void)m;
    vendor_tell_digits(t, VENDOR_VOLTAGE_DV, 2);
}

static void tell_amperes(struct vendor_told *t, const struct vendor_meter *m)
{
    vendor_tell_digits(t, (uint64_t)power_of(m) * 10'000 / VENDOR_VOLTAGE_DV, 3);
}

static void tell_power(struct vendor_told *t, const struct vendor_meter *m)
{
    vendor_tell_watts(t, power_of(m));
}

static void tell_no_power(struct vendor_told *t, const struct vendor_meter *m)
{
    (void)m;
    vendor_tell_watts(t, 0);
}

static void tell_factor(struct vendor_told *t, const struct vendor_meter *m)
{
    (void)m;
    vendor_tell_digits(t, 1000, 2);
}

static const struct {
    void (*tell)(struct vendor_told *t, const struct vendor_meter *m);
    uint8_t len;
    bool total;
} quantities[] = {
    [1] = {tell_volts, 2, false},   [2] = {tell_amperes, 3, false}, [3] = {tell_power, 3, true},
    [4] = {tell_no_power, 3, true}, [5] = {tell_power, 3, true},    [6] = {tell_factor, 2, true},
};

static uint8_t tell_quantity(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    unsigned what = byte_of(id, 2), phase = byte_of(id, 1);
    if (what == 0 || what >= sizeof quantities / sizeof quantities[0] ||
        (phase > 1 && phase != ALL) || (phase == 0 && !quantities[what].total))
        return VENDOR_NO_DATA;
    quantities[what].tell(t, m);
    if (phase != ALL)
        return VENDOR_TOLD;
    if (quantities[what].total)
        quantities[what].tell(t, m); /* phase A is the whole */
    vendor_tell_same(t, 0xFF, 2U * quantities[what].len);
    return VENDOR_TOLD;
}

static uint8_t tell_various(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    switch (byte_of(id, 0)) {
    case 0x01: /* neutral current */
        tell_amperes(t, m);
        return VENDOR_TOLD;
    case 0x02:
        vendor_tell_digits(t, 5000, 2);
        return VENDOR_TOLD;
    case 0x03: /* mean of a minute */
        vendor_tell_watts(t, power_of(m));
        return VENDOR_TOLD;
    case 0x04: /* demands: active, reactive, apparent */
    case 0x06:
        vendor_tell_watts(t, m->demand_w);
        return VENDOR_TOLD;
    case 0x05:
        vendor_tell_watts(t, 0);
        return VENDOR_TOLD;
    case 0x07: /* 25.0 degrees inside */
        vendor_tell_digits(t, 250, 2);
        return VENDOR_TOLD;
    case 0x08: /* batteries of the clock and for reading: 3.60 V */
    case 0x09:
        vendor_tell_digits(t, 360, 2);
        return VENDOR_TOLD;
    case 0x0A:
        vendor_tell_digits(t, 0, 4);
        return VENDOR_TOLD;
    default:
        return VENDOR_NO_DATA;
    }
}

/* --- events -------------------------------------------------------------------------------------
 */

static uint8_t tell_power_downs(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    uint32_t back = byte_of(id, 0);
    if (back == 0) {
        vendor_tell_digits(t, m->power_down_count, 3);
        return VENDOR_TOLD;
    }
    if (back > m->power_down_count || back > VENDOR_EVENTS)
        return VENDOR_NO_DATA;
    const struct vendor_span *s = &m->power_downs[(m->power_down_count - back) % VENDOR_EVENTS];
    vendor_tell_second(t, s->from);
    vendor_tell_second(t, s->to);
    return VENDOR_TOLD;
}

/* The last settings: when, by whom, and of what (ten identifiers have room). */
static uint8_t tell_programming(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    if (byte_of(id, 0) == 0) {
        vendor_tell_digits(t, m->programmings, 3);
        return VENDOR_TOLD;
    }
    if (byte_of(id, 0) > 1 || m->programmings == 0)
        return VENDOR_NO_DATA;
    for (size_t i = 0; i < 6; i++)
        vendor_tell(t, m->programmed[i]);
    for (size_t i = 0; i < 4; i++)
        vendor_tell(t, m->programmer[i]);
    for (size_t i = 0; i < 4; i++)
        vendor_tell(t, m->programmed_id[i]);
    vendor_tell_same(t, 0xFF, 36);
    return VENDOR_TOLD;
}

/* --- parameters ---------------------------------------------------------------------------------
 */

static void tell_time(struct vendor_told *t, struct civil c)
{
    vendor_tell_digits(t, c.second, 1);
    vendor_tell_digits(t, c.minute, 1);
    vendor_tell_digits(t, c.hour, 1);
}

static void tell_date(struct vendor_told *t, struct civil c)
{
    vendor_tell_digits(t, c.weekday, 1);
    vendor_tell_digits(t, c.day, 1);
    vendor_tell_digits(t, c.month, 1);
    vendor_tell_digits(t, (uint64_t)c.year % 100, 1);
}

static uint8_t tell_clock(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    struct civil c = civil_from_wall(m->wall, VENDOR_ZONE_S);
    if (byte_of(id, 0) != 0x01)
        tell_time(t, c);
    if (byte_of(id, 0) != 0x02)
        tell_date(t, c);
    return VENDOR_TOLD;
}

static uint8_t tell_number(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    (void)id;
    for (size_t i = 0; i < 6; i++)
        vendor_tell(t, m->setup.address[i]);
    return VENDOR_TOLD;
}

static uint8_t tell_load_mode(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    (void)id;
    vendor_tell(t, m->load_mode);
    return VENDOR_TOLD;
}

static uint8_t tell_load_minutes(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    (void)id;
    vendor_tell_digits(t, m->load_minutes, 2);
    return VENDOR_TOLD;
}

/* Running-state words: nothing is wrong. */
static uint8_t tell_state(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    (void)m;
    if (byte_of(id, 0) != ALL && (byte_of(id, 0) == 0 || byte_of(id, 0) > 7))
        return VENDOR_NO_DATA;
    vendor_tell_same(t, 0, byte_of(id, 0) == ALL ? 14 : 2);
    return VENDOR_TOLD;
}

static const struct {
    uint32_t id;
    uint8_t len;
    uint32_t digits;
} fixed[] = {
    {0x04000103, 1, 15}, /* demand: minutes, and by how much it slides */
    {0x04000104, 1, 1},
    {0x04000105, 2, 80}, /* ms of a pulse */
    {0x04000106, 5, 0},  /* no second set of tables waits */
    {0x04000107, 5, 0},
    {0x04000201, 1, 1}, /* zones, day tables, periods, tariffs, holidays */
    {0x04000202, 1, 1},
    {0x04000203, 1, 1},
    {0x04000204, 1, TARIFFS},
    {0x04000205, 2, 0},
    {0x04000302, 1, 5}, /* seconds a screen; decimals of energy and power */
    {0x04000303, 1, 2},
    {0x04000304, 1, 4},
    {0x04000306, 3, 1}, /* transformers: none */
    {0x04000307, 3, 1},
    {0x04000409, 3, 1200}, /* pulses a kWh */
    {0x0400040E, 6, 0},
    {0x04000601, 1, 5}, /* forward and reverse together */
    {0x04000701, 1, 4}, /* 1200 by light, 2400 by wire */
    {0x04000703, 1, 8},
    {0x04000801, 1, 0},
    {0x04000802, 1, 1},
    {0x04000905, 1, 3}, /* forward and reverse each hour */
    {0x04000A01, 4, 1010000},
    {0x04000B01, 2, 100}, /* settled on the first at midnight, only then */
    {0x04000B02, 2, 9999},
    {0x04000B03, 2, 9999},
    {0x04001202, 1, 60}, /* minutes between freezes; when a day is frozen */
    {0x04001203, 2, 0},
    {0x04010000, 3, 10101}, /* from 1 January day table 1: */
    {0x04010001, 3, 3},     /* from midnight tariff 3 */
    {0x04020000, 3, 10101},
    {0x04020001, 3, 3},
};

static const struct {
    uint32_t id;
    uint8_t len;
    const char *text;
} worded[] = {
    {0x04000403, 32, ""},           {0x04000404, 6, "220V"},          {0x04000405, 6, "5A"},
    {0x04000406, 6, "60A"},         {0x04000407, 4, "1.0"},           {0x0400040B, 10, "PLAIN-645"},
    {0x0400040C, 10, "2025-01-01"}, {0x0400040D, 16, "DL/T645-2007"}, {0x04800001, 32, "1.0"},
    {0x04800002, 32, "1.0"},        {0x04800003, 32, "SIMULATED"},
};

/* The last letter goes first; what is left over is 0. */
static void tell_text(struct vendor_told *t, const char *text, size_t len)
{
    size_t used = strlen(text);
    vendor_tell_same(t, 0, len - used);
    while (used-- > 0)
        vendor_tell(t, (uint8_t)text[used]);
}

static uint8_t tell_parameter(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    (void)m;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        if (fixed[i].id == id) {
            vendor_tell_digits(t, fixed[i].digits, fixed[i].len);
            return VENDOR_TOLD;
        }
    for (size_t i = 0; i < sizeof worded / sizeof worded[0]; i++)
        if (worded[i].id == id) {
            tell_text(t, worded[i].text, worded[i].len);
            return VENDOR_TOLD;
        }
    return VENDOR_NO_DATA;
}

/* --- the table ----------------------------------------------------------------------------------
 */

static const struct {
    uint32_t mask, id;
    uint8_t (*tell)(struct vendor_told *t, const struct vendor_meter *m, uint32_t id);
    uint8_t zeros; /* in its place: what never happened */
} rows[] = {
    {0xFFFF0000, 0x00000000, tell_forward, 0}, /* combined: nothing flows back */
    {0xFFFF0000, 0x00010000, tell_forward, 0},
    {0xFFFF0000, 0x00020000, tell_reverse, 0},
    {0xFFFFFFFE, 0x000B0000, tell_used, 0},
    {0xFFFF0000, 0x01010000, tell_forward_demand, 0},
    {0xFFFF0000, 0x01020000, tell_reverse_demand, 0},
    {0xFFFFFFF0, 0x02800000, tell_various, 0},
    {0xFFF000FF, 0x02000000, tell_quantity, 0},
    {0xFFFFFFFF, 0x03010000, NULL, 18}, /* loss of voltage, too low, too high, missing */
    {0xFFFFFFFF, 0x03020000, NULL, 18},
    {0xFFFFFFFF, 0x03030000, NULL, 18},
    {0xFFFFFFFF, 0x03040000, NULL, 18},
    {0xFFFFFFFF, 0x03050000, NULL, 6}, /* of all voltages, auxiliary supply */
    {0xFFFFFFFF, 0x03060000, NULL, 6},
    {0xFFFFFFFF, 0x03070000, NULL, 6}, /* sequence, imbalance */
    {0xFFFFFFFF, 0x03080000, NULL, 6},
    {0xFFFFFFFF, 0x03090000, NULL, 6},
    {0xFFFFFFFF, 0x030A0000, NULL, 6},
    {0xFFFFFFFF, 0x030B0000, NULL, 18}, /* current, reversal, overload */
    {0xFFFFFFFF, 0x030C0000, NULL, 18},
    {0xFFFFFFFF, 0x030D0000, NULL, 18},
    {0xFFFFFFFF, 0x030E0000, NULL, 18},
    {0xFFFFFFFF, 0x030F0000, NULL, 18},
    {0xFFFFFF00, 0x03110000, tell_power_downs, 0},
    {0xFFFFFF00, 0x03300000, tell_programming, 0},
    {0xFFFFF0FF, 0x03300000, NULL, 3}, /* cleared, set, opened */
    {0xFFFFFFFF, 0x03350000, NULL, 3},
    {0xFFFFFFFF, 0x04000101, tell_clock, 0},
    {0xFFFFFFFF, 0x04000102, tell_clock, 0},
    {0xFFFFFFFF, 0x0400010C, tell_clock, 0},
    {0xFFFFFFFF, 0x04000401, tell_number, 0},
    {0xFFFFFFFF, 0x04000402, tell_number, 0},
    {0xFFFFFF00, 0x04000500, tell_state, 0},
    {0xFFFFFFFF, 0x04000901, tell_load_mode, 0},
    {0xFFFFFFFF, 0x04000A02, tell_load_minutes, 0},
    {0xFF000000, 0x04000000, tell_parameter, 0},
};

uint8_t vendor_tell_register(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((id & rows[i].mask) == rows[i].id && rows[i].tell != NULL) {
            return rows[i].tell(t, m, id);
        } else if ((id & rows[i].mask) == rows[i].id) {
            vendor_tell_same(t, 0, rows[i].zeros);
            return VENDOR_TOLD;
        }
    return VENDOR_NO_DATA;
}
