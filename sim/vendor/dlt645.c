/*
 * A single-phase DL/T 645-2007 electricity meter without wallet, as its standard says: registers, a
 * load record every few minutes (which groups and how often are parameters), answers in several
 * frames, parameters behind a password, and a record of the last setting.
 */
#include <string.h>

#include "sim/vendor/dlt645_impl.h"

#define PART 195 /* data bytes of an answer's frame, beside identifier and number: 200 in all */

/* --- telling ---------------------------------------------------------------------------------- */

void vendor_tell(struct vendor_told *t, uint8_t b)
{
    t->b[t->len++] = b;
}

void vendor_tell_digits(struct vendor_told *t, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, v /= 100)
        vendor_tell(t, (uint8_t)(v / 10 % 10 * 16 + v % 10));
}

void vendor_tell_same(struct vendor_told *t, uint8_t b, size_t count)
{
    while (count-- > 0)
        vendor_tell(t, b);
}

void vendor_tell_minute(struct vendor_told *t, uint32_t minute)
{
    struct civil c = civil_from_wall((wall_s){(int64_t)minute * 60}, VENDOR_ZONE_S);
    if (minute == 0) {
        vendor_tell_same(t, 0, 5);
        return;
    }
    vendor_tell_digits(t, c.minute, 1);
    vendor_tell_digits(t, c.hour, 1);
    vendor_tell_digits(t, c.day, 1);
    vendor_tell_digits(t, c.month, 1);
    vendor_tell_digits(t, (uint64_t)c.year % 100, 1);
}

void vendor_tell_second(struct vendor_told *t, wall_s at)
{
    vendor_tell_digits(t, (uint64_t)at.s % 60, 1);
    vendor_tell_minute(t, (uint32_t)(at.s / 60));
}

void vendor_tell_kwh(struct vendor_told *t, uint32_t dawh)
{
    vendor_tell_digits(t, dawh, 4);
}

void vendor_tell_watts(struct vendor_told *t, int64_t power_w)
{
    vendor_tell_digits(t, (uint64_t)power_w * 10, 3);
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Address, control, data; +33H goes onto the data here. */
static size_t put(const struct vendor_meter *m, uint8_t control, const uint8_t *data, size_t len,
                  uint8_t *out)
{
    size_t n = 0;
    uint8_t sum = 0;
    memset(out, 0xFE, 4);
    out += 4;
    out[n++] = 0x68;
    memcpy(out + n, m->setup.address, 6);
    n += 6;
    out[n++] = 0x68;
    out[n++] = control;
    out[n++] = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        out[n++] = (uint8_t)(data[i] + 0x33);
    for (size_t i = 0; i < n; i++)
        sum = (uint8_t)(sum + out[i]);
    out[n++] = sum;
    out[n++] = 0x16;
    return 4 + n;
}

static size_t refuse(const struct vendor_meter *m, uint8_t function, uint8_t why, uint8_t *out)
{
    return put(m, (uint8_t)(function | 0xC0), &why, 1, out);
}

/* Part `number` of what is told; followers carry their number behind. */
static size_t answer_part(const struct vendor_meter *m, const struct vendor_told *t,
                          unsigned number, uint8_t *out)
{
    uint8_t data[4 + PART + 1];
    size_t from = number * (size_t)PART, len = t->len - from;
    uint8_t follows = len > PART ? 0x20 : 0;
    len = len > PART ? PART : len;
    memcpy(data, m->load_asked, 4);
    memcpy(data + 4, t->b + from, len);
    if (number > 0)
        data[4 + len] = (uint8_t)number;
    return put(m, (uint8_t)((number > 0 ? 0x92 : 0x91) | follows), data,
               4 + len + (number > 0 ? 1 : 0), out);
}

static uint32_t id_of(const uint8_t *d)
{
    return (uint32_t)d[3] << 24 | (uint32_t)d[2] << 16 | (uint32_t)d[1] << 8 | d[0];
}

static uint8_t tell_id(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    switch (id >> 24) {
    case 0x05:
        return vendor_tell_freeze(t, m, id);
    case 0x06:
        return vendor_tell_loads(t, m);
    default:
        return vendor_tell_register(t, m, id);
    }
}

static size_t answer_read(struct vendor_meter *m, const uint8_t *d, size_t len, uint8_t *out)
{
    struct vendor_told t = {.len = 0};
    if (len < 4 || len > sizeof m->load_asked)
        return refuse(m, 0x11, VENDOR_OTHER, out);
    memcpy(m->load_asked, d, len);
    m->load_asked_len = (uint8_t)len;
    uint8_t why = tell_id(&t, m, id_of(d));
    return why == 0 ? answer_part(m, &t, 0, out) : refuse(m, 0x11, why, out);
}

static size_t answer_more(struct vendor_meter *m, const uint8_t *d, size_t len, uint8_t *out)
{
    struct vendor_told t = {.len = 0};
    bool same = len == 5 && m->load_asked_len >= 4 && memcmp(d, m->load_asked, 4) == 0;
    if (!same || d[3] != 0x06 || vendor_tell_loads(&t, m) != 0 || d[4] == 0 ||
        d[4] * (size_t)PART >= t.len)
        return refuse(m, 0x12, VENDOR_NO_DATA, out);
    return answer_part(m, &t, d[4], out);
}

static bool set_parameter(struct vendor_meter *m, uint32_t id, const uint8_t *v, size_t len)
{
    if (id == 0x04000901 && len == 1 && v[0] < 0x40)
        m->load_mode = v[0];
    else if (id == 0x04000A02 && len == 2 && vendor_two_digits(v[0]) % 60 != 0 && v[1] == 0)
        m->load_minutes = (uint16_t)vendor_two_digits(v[0]);
    else
        return false;
    return true;
}

/* Identifier, level and password, who, and the value. */
static size_t answer_write(struct vendor_meter *m, const uint8_t *d, size_t len, uint8_t *out)
{
    if (len < 13)
        return refuse(m, 0x14, VENDOR_OTHER, out);
    if (d[4] != 0x02 || memcmp(d + 5, m->setup.password, 3) != 0)
        return refuse(m, 0x14, VENDOR_PASSWORD, out);
    if (!set_parameter(m, id_of(d), d + 12, len - 12))
        return refuse(m, 0x14, VENDOR_OTHER, out);
    struct vendor_told t = {.len = 0};
    vendor_tell_second(&t, m->wall);
    memcpy(m->programmed, t.b, sizeof m->programmed);
    memcpy(m->programmed_id, d, 4);
    memcpy(m->programmer, d + 8, 4);
    m->programmings++;
    return put(m, 0x94, NULL, 0, out);
}

static bool is_mine(const struct vendor_meter *m, const uint8_t *address)
{
    for (size_t i = 0; i < 6; i++)
        if (address[i] != m->setup.address[i] && address[i] != 0xAA)
            return false;
    return true;
}

static bool is_whole(const uint8_t *f, size_t len)
{
    uint8_t sum = 0;
    if (len < 12 || f[0] != 0x68 || f[7] != 0x68 || len != 12U + f[9] || f[len - 1] != 0x16)
        return false;
    for (size_t i = 0; i < len - 2; i++)
        sum = (uint8_t)(sum + f[i]);
    return sum == f[len - 2];
}

size_t vendor_dlt645(struct vendor_meter *m, const uint8_t *f, size_t len, uint8_t *out)
{
    uint8_t d[256];
    for (; len > 0 && *f == 0xFE; f++)
        len--;
    if (!is_whole(f, len) || !is_mine(m, f + 1))
        return 0;
    for (size_t i = 0; i < f[9]; i++)
        d[i] = (uint8_t)(f[10 + i] - 0x33);
    switch (f[8]) {
    case 0x11:
        return answer_read(m, d, f[9], out);
    case 0x12:
        return answer_more(m, d, f[9], out);
    case 0x13:
        return put(m, 0x93, m->setup.address, 6, out);
    case 0x14:
        return answer_write(m, d, f[9], out);
    default:
        return f[8] < 0x20 && f[8] != 0x08 ? refuse(m, f[8], VENDOR_OTHER, out) : 0;
    }
}
