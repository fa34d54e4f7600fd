/*
 * Modbus RTU electricity meters as their register lists say: two registers of a 32-bit value have
 * the high one first. What stands in no list answers "illegal data address".
 */
#include <string.h>

#include "sim/vendor/vendor.h"

#define EVERYBODY 0 /* the unit of an order to all */
#define FRAME_MIN 4 /* unit, function, sum */

enum { READ_HOLDING = 0x03, READ_INPUT = 0x04, WRITE_MANY = 0x10 };

enum { ILLEGAL_FUNCTION = 1, ILLEGAL_ADDRESS = 2, ILLEGAL_VALUE = 3 };

static uint16_t crc16(const uint8_t *p, size_t len)
{
    uint16_t crc = 0xFFFF;
    while (len-- > 0) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    }
    return crc;
}

/* 0.01 kWh as the display shows it: behind transformers, before the ratio. */
static uint32_t energy(const struct vendor_meter *m)
{
    return (uint32_t)(m->energy_mwh / 10'000 / m->setup.ct);
}

static int32_t phase_power(const struct vendor_meter *m) /* 1 W on the primary side */
{
    return m->relay_open ? 0 : (int32_t)(m->power_w / 3);
}

static uint16_t phase_current(const struct vendor_meter *m) /* 0.01 A on the secondary side */
{
    return (uint16_t)(phase_power(m) * INT64_C(100) / 220 / m->setup.ct);
}

/* One 32-bit value at a, if it stands there. */
static bool wide(uint16_t address, uint16_t a, uint32_t v, uint16_t *out)
{
    if (address != a && address != a + 1)
        return false;
    *out = (uint16_t)(address == a ? v >> 16 : v);
    return true;
}

static bool narrow(uint16_t address, uint16_t a, uint16_t count, uint16_t v, uint16_t *out)
{
    if (address < a || address >= a + count)
        return false;
    *out = v;
    return true;
}

static bool read_prepaid(const struct vendor_meter *m, uint16_t a, uint16_t *v)
{
    uint32_t e = energy(m);
    return wide(a, 0x0000, e, v) || wide(a, 0x0002, 0, v) || wide(a, 0x0004, 0, v) ||
           wide(a, 0x0006, e, v) || wide(a, 0x0008, 0, v) || narrow(a, 0x0038, 1, m->setup.ct, v) ||
           narrow(a, 0x0057, 1, 1, v) || narrow(a, 0x0058, 1, m->relay_open, v);
}

static bool read_dtsd(const struct vendor_meter *m, uint16_t a, uint16_t *v)
{
    int32_t p = phase_power(m) / m->setup.ct; /* 0.001 kW on the secondary side */
    uint32_t each = (uint32_t)p, all = (uint32_t)(3 * p);
    return wide(a, 0x000A, energy(m), v) || wide(a, 0x0014, 0, v) || wide(a, 0x0028, 0, v) ||
           wide(a, 0x0032, 0, v) || narrow(a, 0x0061, 3, 2200, v) ||
           narrow(a, 0x0064, 3, phase_current(m), v) || narrow(a, 0x0077, 1, 5000, v) ||
           narrow(a, 0x0078, 3, 3811, v) || wide(a, 0x0164, each, v) || wide(a, 0x0166, each, v) ||
           wide(a, 0x0168, each, v) || wide(a, 0x016A, all, v) || wide(a, 0x0172, 0, v) ||
           wide(a, 0x017A, all, v) || narrow(a, 0x017F, 1, 1000, v);
}

static bool read_adw(const struct vendor_meter *m, uint16_t a, uint16_t *v)
{
    uint32_t each = (uint32_t)phase_power(m);
    return narrow(a, 20, 3, 2200, v) || narrow(a, 26, 3, phase_current(m), v) ||
           wide(a, 30, each, v) || wide(a, 32, each, v) || wide(a, 34, each, v) ||
           wide(a, 36, 3 * each, v) || wide(a, 62, energy(m), v) || wide(a, 64, 0, v);
}

static bool read_register(const struct vendor_meter *m, uint16_t a, uint16_t *v)
{
    switch (m->setup.kind) {
    case VENDOR_ACREL_PREPAID:
        return read_prepaid(m, a, v);
    case VENDOR_ACREL_DTSD:
        return read_dtsd(m, a, v);
    default:
        return read_adw(m, a, v);
    }
}

static size_t seal(uint8_t *out, size_t len)
{
    uint16_t crc = crc16(out, len);
    out[len] = (uint8_t)crc;
    out[len + 1] = (uint8_t)(crc >> 8);
    return len + 2;
}

static size_t refuse(const uint8_t *f, uint8_t why, uint8_t *out)
{
    out[0] = f[0];
    out[1] = (uint8_t)(f[1] | 0x80);
    out[2] = why;
    return seal(out, 3);
}

static size_t answer_read(const struct vendor_meter *m, const uint8_t *f, uint8_t *out)
{
    unsigned first = f[2] << 8 | f[3], count = f[4] << 8 | f[5];
    if (count < 1 || count > 125)
        return refuse(f, ILLEGAL_VALUE, out);
    for (unsigned i = 0; i < count; i++) {
        uint16_t v;
        if (!read_register(m, (uint16_t)(first + i), &v))
            return refuse(f, ILLEGAL_ADDRESS, out);
        out[3 + 2 * i] = (uint8_t)(v >> 8);
        out[4 + 2 * i] = (uint8_t)v;
    }
    out[0] = f[0];
    out[1] = f[1];
    out[2] = (uint8_t)(2 * count);
    return seal(out, 3 + 2 * (size_t)count);
}

/* The relay: 0001 0001 forced open, 0001 0000 forced closed. */
static size_t answer_write(struct vendor_meter *m, const uint8_t *f, uint8_t *out)
{
    static const uint8_t forced[] = {0x00, 0x57, 0x00, 0x02, 0x04, 0x00, 0x01, 0x00};
    bool relay = m->setup.kind == VENDOR_ACREL_PREPAID && f[2] == 0x00 && f[3] == 0x57;
    if (!relay)
        return refuse(f, ILLEGAL_ADDRESS, out);
    if (memcmp(f + 2, forced, sizeof forced) != 0 || f[10] > 1)
        return refuse(f, ILLEGAL_VALUE, out);
    m->relay_open = f[10] == 1;
    memcpy(out, f, 6);
    return seal(out, 6);
}

/* The specification's "implied length" is wrong. */
static bool is_short_or_long(const uint8_t *f, size_t len)
{
    return f[1] == WRITE_MANY ? len < 11 || len != 9U + f[6] : len != 8;
}

static size_t answer(struct vendor_meter *m, const uint8_t *f, size_t len, uint8_t *out)
{
    if (f[1] != READ_HOLDING && f[1] != READ_INPUT && f[1] != WRITE_MANY)
        return refuse(f, ILLEGAL_FUNCTION, out);
    if (is_short_or_long(f, len))
        return refuse(f, ILLEGAL_VALUE, out);
    return f[1] == WRITE_MANY ? answer_write(m, f, out) : answer_read(m, f, out);
}

size_t vendor_modbus(struct vendor_meter *m, const uint8_t *data, size_t len, uint8_t *out)
{
    bool to_all = len > 0 && data[0] == EVERYBODY;
    if (len < FRAME_MIN || (data[0] != m->setup.unit && !to_all) || crc16(data, len) != 0)
        return 0;
    size_t told = answer(m, data, len, out);
    return to_all ? 0 : told; /* an order to all is obeyed, never answered */
}
