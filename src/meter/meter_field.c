/* Numbers out of bytes, and points out of numbers. */
#include <string.h>

#include "base/wide.h"
#include "meter/meter_impl.h"

/* --- units
 * ------------------------------------------------------------------------------------------ */

enum meter_dimension meter_point_dimension(enum meter_point point)
{
    switch (point) {
    case POINT_ENERGY_WH:
    case POINT_ENERGY_RATE1_WH:
    case POINT_ENERGY_RATE2_WH:
    case POINT_ENERGY_RATE3_WH:
    case POINT_ENERGY_RATE4_WH:
    case POINT_ENERGY_RATE5_WH:
    case POINT_REVERSE_WH:
    case POINT_HEAT_WH:
    case POINT_COOLING_WH:
    case POINT_CIRCUIT1_WH:
    case POINT_CIRCUIT2_WH:
    case POINT_CIRCUIT3_WH:
        return METER_ENERGY_WH;
    case POINT_POWER_W:
    case POINT_THERMAL_W:
    case POINT_CIRCUIT1_W:
    case POINT_CIRCUIT2_W:
    case POINT_CIRCUIT3_W:
        return METER_POWER_W;
    case POINT_VOLUME_L:
        return METER_VOLUME_L;
    case POINT_FLOW_LH:
        return METER_FLOW_LH;
    case POINT_SUPPLY_CDEG:
    case POINT_RETURN_CDEG:
        return METER_TEMPERATURE_CDEG;
    case POINT_WORK_H:
        return METER_TIME_H;
    default:
        return METER_PLAIN;
    }
}

enum meter_dimension meter_quantity_dimension(uint8_t quantity)
{
    switch ((enum meter_quantity)quantity) {
    case METER_QUANTITY_ENERGY:
        return METER_ENERGY_WH;
    case METER_QUANTITY_VOLUME:
        return METER_VOLUME_L;
    case METER_QUANTITY_POWER:
        return METER_POWER_W;
    case METER_QUANTITY_FLOW:
        return METER_FLOW_LH;
    case METER_QUANTITY_SUPPLY:
    case METER_QUANTITY_RETURN:
        return METER_TEMPERATURE_CDEG;
    case METER_QUANTITY_ON_TIME:
    case METER_QUANTITY_WORK_TIME:
        return METER_TIME_H;
    default:
        return METER_PLAIN;
    }
}

/* One of this unit is multiply / divide of the dimension's own. */
static const struct {
    const char *unit;
    enum meter_dimension dimension;
    int64_t multiply, divide;
} units[] = {
    {"", METER_PLAIN, 1, 1},
    {"Wh", METER_ENERGY_WH, 1, 1},
    {"kWh", METER_ENERGY_WH, 1'000, 1},
    {"MWh", METER_ENERGY_WH, 1'000'000, 1},
    {"100 MWh", METER_ENERGY_WH, 100'000'000, 1},
    {"J", METER_ENERGY_WH, 1, 3'600},
    {"kJ", METER_ENERGY_WH, 5, 18},
    {"MJ", METER_ENERGY_WH, 2'500, 9},
    {"GJ", METER_ENERGY_WH, 2'500'000, 9},
    {"100 GJ", METER_ENERGY_WH, 250'000'000, 9},
    {"W", METER_POWER_W, 1, 1},
    {"kW", METER_POWER_W, 1'000, 1},
    {"MW", METER_POWER_W, 1'000'000, 1},
    {"J/h", METER_POWER_W, 1, 3'600},
    {"GJ/h", METER_POWER_W, 2'500'000, 9},
    {"L", METER_VOLUME_L, 1, 1},
    {"m3", METER_VOLUME_L, 1'000, 1},
    {"L/h", METER_FLOW_LH, 1, 1},
    {"m3/h", METER_FLOW_LH, 1'000, 1},
    {"m3/min", METER_FLOW_LH, 60'000, 1},
    {"m3/s", METER_FLOW_LH, 3'600'000, 1},
    {"degC", METER_TEMPERATURE_CDEG, 100, 1},
    {"s", METER_TIME_H, 1, 3'600},
    {"min", METER_TIME_H, 1, 60},
    {"h", METER_TIME_H, 1, 1},
    {"d", METER_TIME_H, 24, 1},
};

#define EXPONENT_MAX 15

static int64_t power_of_ten(int exponent)
{
    int64_t p = 1;
    for (int i = 0; i < exponent; i++)
        p *= 10;
    return p;
}

enum err meter_scale(int64_t n, int64_t multiply, int64_t divide, int64_t *out)
{
    int64_t value;
    if (wide_divide((struct wide_sum){n, multiply, 0}, divide, &value, NULL) != ERR_OK ||
        value == INT64_MIN)
        return ERR_RANGE;
    *out = value;
    return ERR_OK;
}

enum err meter_convert(enum meter_point point, int64_t number, int exponent, const char *unit,
                       int64_t *out)
{
    size_t i = 0, count = sizeof units / sizeof units[0];
    while (i < count && strcmp(units[i].unit, unit) != 0)
        i++;
    if (i == count || units[i].dimension != meter_point_dimension(point))
        return ERR_METER_ANSWER;
    if (exponent > EXPONENT_MAX || exponent < -EXPONENT_MAX)
        return ERR_RANGE;
    int64_t up = exponent > 0 ? power_of_ten(exponent) : 1;
    int64_t down = exponent < 0 ? power_of_ten(-exponent) : 1;
    if (up > INT64_MAX / units[i].multiply || down > INT64_MAX / units[i].divide)
        return ERR_RANGE;
    return meter_scale(number, units[i].multiply * up, units[i].divide * down, out);
}

/* --- numbers
 * ---------------------------------------------------------------------------------------- */

static uint64_t binary_of(struct bytes b, bool big)
{
    uint64_t v = 0;
    for (size_t i = 0; i < b.len; i++)
        v = v << 8 | b.data[big ? i : b.len - 1 - i];
    return v;
}

/* A Modbus number of several registers whose low word stands first. */
static struct bytes words_turned(struct bytes b, uint8_t room[8])
{
    for (size_t i = 0; i + 1 < b.len; i += 2) {
        room[i] = b.data[b.len - 2 - i];
        room[i + 1] = b.data[b.len - 1 - i];
    }
    return (struct bytes){room, b.len};
}

static int64_t signed_of(uint64_t v, size_t len)
{
    if (len < 8 && v >> (8 * len - 1) & 1)
        v |= UINT64_MAX << 8 * len;
    return (int64_t)v;
}

static enum err bcd_of(struct bytes b, bool big, bool sign, int64_t *number)
{
    uint8_t room[8];
    for (size_t i = 0; i < b.len; i++)
        room[i] = b.data[big ? b.len - 1 - i : i];
    bool minus = sign && room[b.len - 1] & 0x80;
    if (minus)
        room[b.len - 1] &= 0x7F;
    struct reader r = reader_of(room, b.len);
    int64_t v = (int64_t)reader_bcd_le(&r, b.len);
    *number = minus ? -v : v;
    return r.err;
}

/* IEEE 754 in millionths, with whole numbers only. ERR_STATE: no number, or infinite. ERR_RANGE. */
static enum err real_of(uint32_t w, int64_t *millionths)
{
    int e = (int)(w >> 23 & 0xFF) - 150;
    uint64_t m = (w & 0x7FFFFF) | (w >> 23 & 0xFF ? 0x800000u : 0u);
    if ((w >> 23 & 0xFF) == 0xFF)
        return ERR_STATE;
    if (e > 18)
        return ERR_RANGE;
    uint64_t size = m * 1'000'000;
    if (e >= 0) {
        if (m << e > INT64_MAX / 1'000'000)
            return ERR_RANGE;
        size = (m << e) * 1'000'000;
    } else {
        size = e > -64 ? (size + (UINT64_C(1) << (-e - 1))) >> -e : 0;
    }
    *millionths = w >> 31 ? -(int64_t)size : (int64_t)size;
    return ERR_OK;
}

static bool all_ones(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.data[i] != 0xFF)
            return false;
    return true;
}

enum err meter_field_lacks(const struct meter_model *m, const struct meter_field *f, enum err e)
{
    return f->point == meter_charged_point(m) ? e : ERR_OK;
}

enum err meter_field_number(const struct meter_field *f, struct bytes data, bool big,
                            int64_t *number, bool *absent)
{
    uint8_t room[8];
    if ((size_t)f->at + f->bytes > data.len)
        return ERR_FRAME_LENGTH;
    struct bytes b = {data.data + f->at, f->bytes};
    if (f->low_first)
        b = words_turned(b, room);
    bool digits =
        f->form == METER_FORM_BCD || f->form == METER_FORM_SBCD || f->form == METER_FORM_BCD_UNIT;
    *absent = digits && all_ones(b);
    *number = 0;
    if (*absent)
        return ERR_OK;
    if (digits)
        return bcd_of(b, big, f->form == METER_FORM_SBCD, number);
    uint64_t v = binary_of(b, big);
    if (f->form == METER_FORM_REAL)
        return real_of((uint32_t)v, number);
    *number = f->form == METER_FORM_SIGNED ? signed_of(v, b.len) : (int64_t)v;
    return *number < 0 && f->form != METER_FORM_SIGNED ? ERR_RANGE : ERR_OK;
}

/* --- points
 * ----------------------------------------------------------------------------------------- */

enum err meter_field_add(const struct meter_field *f, int64_t number, struct meter_values *out)
{
    enum meter_point point = (enum meter_point)f->point;
    if (f->bit >= 0)
        number = number >> f->bit & ((INT64_C(1) << f->bits) - 1);
    if (f->map_count > 0) {
        if (number < 0 || number >= f->map_count || f->map[number] < 0)
            return ERR_OK; /* a state that says nothing about this point */
        number = f->map[number];
    }
    if (f->if_positive) {
        if (number > 0)
            meter_values_add(out, point, f->if_positive);
        return ERR_OK;
    }
    int64_t divide = f->form == METER_FORM_REAL ? INT64_C(1'000'000) * f->divide : f->divide;
    TRY(meter_scale(number, f->multiply, divide, &number));
    meter_values_add(out, point, number);
    return ERR_OK;
}
