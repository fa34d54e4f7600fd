/*
 * A heat meter on M-Bus (EN 13757-2 and -3): primary and secondary address, FCB, two telegrams, of
 * which the first ends with 1FH, "more follows".
 */
#include <string.h>

#include "sim/vendor/vendor.h"

#define NUMBER_MAX 250
#define ACK 0xE5
#define BY_SECONDARY 0xFD
#define TEST_ADDRESS 0xFE
#define EVERYBODY 0xFF

static const uint8_t maker[2] = {0xA5, 0x66}; /* "YUE": letters of five bits */
#define VERSION 1
#define MEDIUM_HEAT 0x04

struct text {
    uint8_t b[200];
    size_t len;
};

static void put(struct text *t, uint8_t v)
{
    t->b[t->len++] = v;
}

static void put_int(struct text *t, int64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        put(t, (uint8_t)(v >> (8 * i)));
}

static void record(struct text *t, uint8_t dif, uint8_t vif, int64_t v, unsigned bytes)
{
    put(t, dif);
    put(t, vif);
    put_int(t, v, bytes);
}

static void record_bcd(struct text *t, uint8_t vif, int64_t v) /* eight digits */
{
    put(t, 0x0C);
    put(t, vif);
    for (unsigned i = 0; i < 4; i++) {
        put(t, (uint8_t)(v / 10 % 10 << 4 | v % 10));
        v /= 100;
    }
}

static void head(struct text *t, struct vendor_meter *m)
{
    put(t, 0x72);
    for (unsigned i = 0; i < 4; i++)
        put(t, m->setup.address[i]);
    put(t, maker[0]);
    put(t, maker[1]);
    put(t, VERSION);
    put(t, MEDIUM_HEAT);
    put(t, m->access++);
    put(t, (uint8_t)(m->battery_low ? 0x04 : 0));
    put_int(t, 0, 2); /* no signature */
}

/* Type F: minute, hour, day and year's low bits, month and year's high bits. */
static void put_moment(struct text *t, const struct vendor_meter *m)
{
    struct civil c = civil_from_wall(m->wall, 28'800);
    unsigned year = (unsigned)(c.year % 100);
    put(t, c.minute);
    put(t, c.hour);
    put(t, (uint8_t)(c.day | (year & 7) << 5));
    put(t, (uint8_t)(c.month | (year >> 3) << 4));
}

static void first_telegram(struct text *t, struct vendor_meter *m)
{
    int64_t lph = m->flow_lph;
    head(t, m);
    record_bcd(t, 0x78,
               (m->setup.address[3] >> 4) * 10'000'000 + (m->setup.address[3] & 15) * 1'000'000 +
                   (m->setup.address[2] >> 4) * 100'000 + (m->setup.address[2] & 15) * 10'000 +
                   (m->setup.address[1] >> 4) * 1000 + (m->setup.address[1] & 15) * 100 +
                   (m->setup.address[0] >> 4) * 10 + (m->setup.address[0] & 15));
    record(t, 0x04, 0x06, m->energy_mwh / 1'000'000, 4); /* kWh */
    record(t, 0x04, 0x13, m->volume_ml / 1000, 4);       /* litres */
    record(t, 0x04, 0x2B, lph > 0 ? m->power_w : 0, 4);  /* W */
    record(t, 0x04, 0x3B, lph, 4);                       /* l/h */
    record(t, 0x02, 0x59, m->supply_cC, 2);              /* 0.01 degree */
    record(t, 0x02, 0x5D, m->return_cC, 2);
    record(t, 0x02, 0x61, m->supply_cC - m->return_cC, 2);
    put(t, 0x1F); /* more follows */
}

static void second_telegram(struct text *t, struct vendor_meter *m)
{
    head(t, m);
    put(t, 0x04);
    put(t, 0x6D);
    put_moment(t, m);
    record(t, 0x02, 0x27, m->hours_ms / 86'400'000, 2); /* operating days */
    record(t, 0x44, 0x13, m->month_ml / 1000, 4);       /* of the last month */
    put(t, 0x01);
    put(t, 0xFD);
    put(t, 0x17);
    put(t, (uint8_t)(m->tampered ? 1 : 0)); /* error flags */
}

static uint8_t sum_of(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;
    while (len-- > 0)
        sum = (uint8_t)(sum + *p++);
    return sum;
}

static size_t send_long(const struct vendor_meter *m, const struct text *t, uint8_t *out)
{
    uint8_t len = (uint8_t)(t->len + 2);
    out[0] = out[3] = 0x68;
    out[1] = out[2] = len;
    out[4] = 0x08;
    out[5] = m->setup.unit;
    memcpy(out + 6, t->b, t->len);
    out[4 + len] = sum_of(out + 4, len);
    out[5 + len] = 0x16;
    return 6U + len;
}

static bool to_me(const struct vendor_meter *m, uint8_t address)
{
    return address == m->setup.unit || address == TEST_ADDRESS ||
           (address == BY_SECONDARY && m->selected);
}

/* Nibbles F and bytes FF match everything. */
static bool selects_me(const struct vendor_meter *m, const uint8_t *p)
{
    for (unsigned i = 0; i < 4; i++) {
        bool low = (p[i] & 0x0F) == 0x0F || (p[i] & 0x0F) == (m->setup.address[i] & 0x0F);
        bool high = (p[i] & 0xF0) == 0xF0 || (p[i] & 0xF0) == (m->setup.address[i] & 0xF0);
        if (!low || !high)
            return false;
    }
    bool made = (p[4] == 0xFF || p[4] == maker[0]) && (p[5] == 0xFF || p[5] == maker[1]);
    return made && (p[6] == 0xFF || p[6] == VERSION) && (p[7] == 0xFF || p[7] == MEDIUM_HEAT);
}

/* REQ_UD2: a toggled FCB asks for the next telegram, the same one for the last again. */
static size_t request_data(struct vendor_meter *m, uint8_t control, uint8_t *out)
{
    struct text t = {0};
    uint8_t fcb = control & 0x20;
    if (m->fcb != 0xFF && fcb != m->fcb)
        m->second = !m->second;
    m->fcb = fcb;
    if (m->second)
        second_telegram(&t, m);
    else
        first_telegram(&t, m);
    return send_long(m, &t, out);
}

static void restart(struct vendor_meter *m)
{
    m->fcb = 0xFF;
    m->second = false;
}

static size_t short_frame(struct vendor_meter *m, const uint8_t *f, uint8_t *out)
{
    uint8_t control = f[1], address = f[2];
    if (f[3] != (uint8_t)(control + address) || f[4] != 0x16)
        return 0;
    if (control == 0x40 && address == BY_SECONDARY) {
        m->selected = false;
        restart(m);
        return 0;
    }
    if (!to_me(m, address))
        return 0;
    if (control == 0x40) {
        restart(m);
        out[0] = ACK;
        return 1;
    }
    return (control & 0xDF) == 0x5B ? request_data(m, control, out) : 0;
}

/* The record of a bus address, and nothing else. */
static bool take_number(struct vendor_meter *m, const uint8_t *record, size_t len)
{
    bool good = len == 3 && record[0] == 0x01 && record[1] == 0x7A && record[2] <= NUMBER_MAX;
    if (good)
        m->setup.unit = record[2];
    return good;
}

static size_t long_frame(struct vendor_meter *m, const uint8_t *f, size_t len, uint8_t *out)
{
    size_t inside = f[1];
    bool framed = f[1] == f[2] && f[3] == 0x68 && len == inside + 6 && f[len - 1] == 0x16;
    if (!framed || inside < 3 || f[4 + inside] != sum_of(f + 4, inside))
        return 0;
    uint8_t address = f[5], ci = f[6];
    bool select = ci == 0x52 && address == BY_SECONDARY && inside == 11;
    if (select) {
        m->selected = selects_me(m, f + 7);
        restart(m);
    }
    bool reset = ci == 0x50 && to_me(m, address);
    if (reset)
        restart(m);
    bool numbered = ci == 0x51 && to_me(m, address) && take_number(m, f + 7, inside - 3);
    out[0] = ACK;
    return (select && m->selected) || reset || numbered ? 1 : 0;
}

size_t vendor_mbus(struct vendor_meter *m, const uint8_t *data, size_t len, uint8_t *out)
{
    if (len == 5 && data[0] == 0x10)
        return short_frame(m, data, out);
    return len >= 9 && data[0] == 0x68 ? long_frame(m, data, len, out) : 0;
}
