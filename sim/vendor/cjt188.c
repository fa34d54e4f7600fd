/*
 * A meter of CJ/T 188-2004/2018. The data field: identifier 2, the master's serial 1, data.
 * Numbers are BCD, low byte first; there is no 33H in this protocol.
 */
#include <string.h>

#include "sim/vendor/vendor.h"

#define PREAMBLE 2

/* Units of the standard's table. */
enum { UNIT_KWH = 0x05, UNIT_KW = 0x17, UNIT_M3 = 0x2C, UNIT_M3H = 0x35 };

struct text { /* a data field under construction */
    uint8_t b[64];
    size_t len;
};

static void put(struct text *t, uint8_t v)
{
    t->b[t->len++] = v;
}

static void put_bcd(struct text *t, int64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        put(t, (uint8_t)(v / 10 % 10 << 4 | v % 10));
        v /= 100;
    }
}

/* Four bytes of number and one of unit, in the maker's order. */
static void put_quantity(struct text *t, const struct vendor_meter *m, int64_t v, uint8_t unit)
{
    if (m->setup.unit_first)
        put(t, unit);
    put_bcd(t, v, 4);
    if (!m->setup.unit_first)
        put(t, unit);
}

static void put_clock(struct text *t, const struct vendor_meter *m)
{
    struct civil c = civil_from_wall(m->wall, 28'800);
    const int64_t parts[] = {c.second, c.minute,     c.hour,      c.day,
                             c.month,  c.year % 100, c.year / 100};
    for (unsigned i = 0; i < 7; i++)
        put_bcd(t, parts[i], 1);
}

static void put_status(struct text *t, const struct vendor_meter *m)
{
    unsigned valve = !m->setup.has_valve ? 0 : m->valve_stuck ? 3 : m->closed;
    unsigned battery = m->battery_low ? 4 : 0;
    switch (m->setup.status) {
    case VENDOR_STATUS_SECOND:
        put(t, (uint8_t)battery);
        put(t, (uint8_t)valve);
        return;
    case VENDOR_STATUS_REVERSED:
        put(t, (uint8_t)((valve & 1) << 7 | (valve & 2) << 5 | (m->battery_low ? 0x20 : 0)));
        put(t, 0);
        return;
    default:
        put(t, (uint8_t)(valve | battery));
        put(t, m->fault_bits);
    }
}

static bool thermal(const struct vendor_meter *m)
{
    return m->setup.kind == VENDOR_HEAT || m->setup.kind == VENDOR_COOLING;
}

static void read_now(const struct vendor_meter *m, struct text *t)
{
    if (!thermal(m)) {
        put_quantity(t, m, m->volume_ml / 10'000, UNIT_M3);
        put_quantity(t, m, m->month_ml / 10'000, UNIT_M3);
        put_clock(t, m);
        put_status(t, m);
        return;
    }
    int64_t lph = m->closed ? 0 : m->flow_lph;
    put_quantity(t, m, m->month_ml / 10'000, UNIT_KWH);
    put_quantity(t, m, m->energy_mwh / 10'000, UNIT_KWH);
    put_quantity(t, m, lph > 0 ? m->power_w / 10 : 0, UNIT_KW);
    put_quantity(t, m, lph * 10, UNIT_M3H); /* four places */
    put_quantity(t, m, m->volume_ml / 10'000, UNIT_M3);
    put_bcd(t, m->supply_cC, 3);
    put_bcd(t, m->return_cC, 3);
    put_bcd(t, m->hours_ms / 3'600'000, 3);
    put_clock(t, m);
    put_status(t, m);
}

static void read_wallet(const struct vendor_meter *m, struct text *t)
{
    int64_t left = vendor_left_fen(m);
    put(t, m->serial);
    put_bcd(t, m->last_fen, 4);
    put_bcd(t, m->bought_fen, 4);
    put_bcd(t, left > 0 ? left : 0, 4);
    put_status(t, m);
}

static int64_t take_bcd(const uint8_t *p, unsigned bytes)
{
    int64_t v = 0;
    for (unsigned i = bytes; i-- > 0;) {
        if ((p[i] & 15) > 9 || p[i] >> 4 > 9)
            return -1;
        v = v * 100 + (p[i] >> 4) * 10 + (p[i] & 15);
    }
    return v;
}

/* The same serial is the same purchase: nothing is added, the answer is the same. */
static bool buy(struct vendor_meter *m, const uint8_t *p, struct text *t)
{
    int64_t fen = take_bcd(p + 1, 4);
    bool again = p[0] == m->serial && m->bought_fen > 0;
    if (fen <= 0 || (!again && p[0] != (uint8_t)(m->serial + 1)))
        return false;
    if (!again) {
        m->serial = p[0];
        m->last_fen = fen;
        m->bought_fen += fen;
        if (m->closing && vendor_left_fen(m) > 0)
            vendor_move_valve(m, false);
    }
    put(t, m->serial);
    put_status(t, m);
    return true;
}

static bool valve(struct vendor_meter *m, uint8_t order, struct text *t)
{
    if (!m->setup.has_valve || (order != 0x55 && order != 0x99 && order != 0xAA))
        return false;
    if (order == 0xAA)
        vendor_exercise_valve(m);
    else
        vendor_move_valve(m, order == 0x99);
    put_status(t, m);
    return true;
}

static bool read_item(const struct vendor_meter *m, uint16_t id, struct text *t)
{
    if (id == 0x901F)
        read_now(m, t);
    else if (id == 0x8105 && m->setup.wallet)
        read_wallet(m, t);
    else if (id >= 0xD120 && id <= 0xD12B && !thermal(m))
        put_quantity(t, m, m->frozen_ml[id - 0xD120] / 10'000, UNIT_M3);
    else
        return false;
    return true;
}

static bool write_item(struct vendor_meter *m, uint16_t id, const uint8_t *p, size_t len,
                       struct text *t)
{
    if (id == 0xA017 && len == 1)
        return valve(m, p[0], t);
    if (id == 0xA013 && len == 5 && m->setup.wallet)
        return buy(m, p, t);
    return id == 0xA015 && len == 7; /* the clock: these keep good time anyway */
}

static uint8_t type_of(const struct vendor_meter *m)
{
    static const uint8_t types[] = {[VENDOR_COLD_WATER] = 0x10,
                                    [VENDOR_HOT_WATER] = 0x11,
                                    [VENDOR_HEAT] = 0x20,
                                    [VENDOR_COOLING] = 0x21,
                                    [VENDOR_GAS] = 0x30};
    return types[m->setup.kind];
}

static uint8_t sum_of(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;
    while (len-- > 0)
        sum = (uint8_t)(sum + *p++);
    return sum;
}

static bool to_me(const struct vendor_meter *m, const uint8_t *f)
{
    static const uint8_t any[7] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    bool type = f[1] == type_of(m) || f[1] == 0xAA;
    return type && (memcmp(f + 2, m->setup.address, 7) == 0 || memcmp(f + 2, any, 7) == 0);
}

static size_t send(const struct vendor_meter *m, uint8_t control, const struct text *t,
                   uint8_t *out)
{
    uint8_t *f = out + PREAMBLE;
    memset(out, 0xFE, PREAMBLE);
    f[0] = 0x68;
    f[1] = type_of(m);
    memcpy(f + 2, m->setup.address, 7);
    f[9] = control;
    f[10] = (uint8_t)t->len;
    memcpy(f + 11, t->b, t->len);
    f[11 + t->len] = sum_of(f, 11 + t->len);
    f[12 + t->len] = 0x16;
    return PREAMBLE + 13 + t->len;
}

static size_t refuse(const struct vendor_meter *m, uint8_t control, uint8_t serial, uint8_t *out)
{
    struct text t = {0};
    put(&t, serial);
    put_status(&t, m);
    return send(m, control | 0xC0, &t, out);
}

/* A whole frame to this meter: its data field has identifier, serial and len - 3 bytes. */
static size_t answer(struct vendor_meter *m, const uint8_t *f, uint8_t *out)
{
    uint8_t control = f[9], len = f[10];
    const uint8_t *d = f + 11;
    struct text t = {0};
    if (len < 3)
        return 0;
    uint16_t id = m->setup.swapped ? (uint16_t)(d[0] << 8 | d[1]) : (uint16_t)(d[1] << 8 | d[0]);
    /* makers that send 1F 90 when they read send A0 17 when they write, and the others too */
    uint16_t written = d[0] == 0xA0 ? (uint16_t)(d[0] << 8 | d[1]) : id;
    put(&t, d[0]);
    put(&t, d[1]);
    put(&t, d[2]);
    bool done = false;
    if (control == 0x01 && len == 3)
        done = read_item(m, id, &t);
    else if (control == 0x03 && len == 3 && (id == 0x810A || d[0] == 0x81)) {
        done = true;
    } else if (control == 0x04)
        done = write_item(m, written, d + 3, len - 3U, &t);
    else if (control != 0x01 && control != 0x03)
        return 0;
    return done ? send(m, control | 0x80, &t, out) : refuse(m, control, d[2], out);
}

size_t vendor_cjt188(struct vendor_meter *m, const uint8_t *data, size_t len, uint8_t *out)
{
    for (size_t at = 0; at + 13 <= len; at++) {
        const uint8_t *f = data + at;
        size_t whole = 13U + f[10];
        if (f[0] != 0x68 || at + whole > len || f[whole - 1] != 0x16 ||
            f[whole - 2] != sum_of(f, whole - 2))
            continue;
        return to_me(m, f) ? answer(m, f, out) : 0;
    }
    return 0;
}
