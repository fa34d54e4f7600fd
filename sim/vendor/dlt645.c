/*
 * A single-phase DL/T 645-2007 electricity meter without wallet, as its standard says: registers, a
 * load record every few minutes (which groups and how often are parameters), answers in several
 * frames, parameters behind a password, and a record of the last setting.
 */
#include <string.h>

#include "sim/vendor/vendor.h"

#define ZONE_S 28'800
#define PART 195 /* data bytes of an answer's frame, beside identifier and number: 200 in all */
#define BLOCKS_MAX 32
#define RECORD_MAX 103
#define VOLTAGE_DV 2200

enum { OTHER = 0x01, NO_DATA = 0x02, PASSWORD = 0x04 };

struct told {
    uint8_t b[BLOCKS_MAX * RECORD_MAX];
    size_t len;
};

static void tell(struct told *t, uint8_t b)
{
    t->b[t->len++] = b;
}

/* Digits, two a byte, the low ones first. */
static void tell_digits(struct told *t, uint64_t v, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, v /= 100)
        tell(t, (uint8_t)(v / 10 % 10 * 16 + v % 10));
}

static void tell_same(struct told *t, uint8_t b, size_t count)
{
    while (count-- > 0)
        tell(t, b);
}

/* --- load records ----------------------------------------------------------------------------- */

static const struct vendor_load *load_at(const struct vendor_meter *m, size_t i)
{
    return &m->loads[(m->load_first + i) % VENDOR_LOADS];
}

void vendor_load_put(struct vendor_meter *m, wall_s at, int64_t energy_mwh, int64_t power_w)
{
    struct vendor_load *l = &m->loads[(m->load_first + m->load_count) % VENDOR_LOADS];
    if (m->load_count == VENDOR_LOADS)
        m->load_first = (uint16_t)((m->load_first + 1) % VENDOR_LOADS);
    else
        m->load_count++;
    *l = (struct vendor_load){(uint32_t)(at.s / 60), (uint32_t)(energy_mwh / 10'000),
                              (int32_t)power_w};
}

static void plan_next(struct vendor_meter *m)
{
    int64_t step = (int64_t)m->load_minutes * 60;
    m->load_next.s = (m->wall.s / step + 1) * step;
}

/* At each full quarter (or what the interval is); power did not change since. */
void vendor_load_run(struct vendor_meter *m)
{
    int64_t step = (int64_t)m->load_minutes * 60, power = m->relay_open ? 0 : m->power_w;
    if (m->load_next.s == 0)
        plan_next(m);
    for (; m->load_next.s <= m->wall.s; m->load_next.s += step)
        if (m->powered)
            vendor_load_put(m, m->load_next,
                            m->energy_mwh - (m->wall.s - m->load_next.s) * power * 1000 / 3600,
                            power);
}

static void tell_minute(struct told *t, uint32_t minute)
{
    struct civil c = civil_from_wall((wall_s){(int64_t)minute * 60}, ZONE_S);
    tell_digits(t, c.minute, 1);
    tell_digits(t, c.hour, 1);
    tell_digits(t, c.day, 1);
    tell_digits(t, c.month, 1);
    tell_digits(t, (uint64_t)c.year % 100, 1);
}

static void tell_group(struct told *t, unsigned group, const struct vendor_load *l)
{
    uint64_t power = (uint64_t)l->power_w;
    switch (group) {
    case 1:
        tell_digits(t, VOLTAGE_DV, 2);
        tell_same(t, 0xFF, 4);
        tell_digits(t, power * 10'000 / VOLTAGE_DV, 3);
        tell_same(t, 0xFF, 6);
        tell_digits(t, 5000, 2);
        break;
    case 2:
        tell_digits(t, power * 10, 3);
        tell_digits(t, power * 10, 3);
        tell_same(t, 0xFF, 6);
        tell_same(t, 0x00, 6);
        tell_same(t, 0xFF, 6);
        break;
    case 3:
        tell_digits(t, 1000, 2);
        tell_digits(t, 1000, 2);
        tell_same(t, 0xFF, 4);
        break;
    case 4:
        tell_digits(t, l->energy_dawh, 4);
        tell_same(t, 0x00, 12);
        break;
    case 5:
        tell_same(t, 0x00, 16);
        break;
    default:
        tell_digits(t, power * 10, 3);
        tell_same(t, 0x00, 3);
    }
}

/* group 0: all that the mode word records. */
static void tell_record(struct told *t, const struct vendor_meter *m, unsigned group,
                        const struct vendor_load *l)
{
    size_t first = t->len;
    uint8_t sum = 0;
    tell_same(t, 0xA0, 2);
    tell(t, 0);
    tell_minute(t, l->minute);
    for (unsigned g = 1; g <= 6; g++) {
        if ((group == 0 || group == g) && m->load_mode >> (g - 1) & 1)
            tell_group(t, g, l);
        tell(t, 0xAA);
    }
    t->b[first + 2] = (uint8_t)(t->len - first - 3);
    for (size_t i = first; i < t->len; i++)
        sum = (uint8_t)(sum + t->b[i]);
    tell(t, sum);
    tell(t, 0xE5);
}

static unsigned two_digits(uint8_t b)
{
    return b / 16 * 10U + b % 16;
}

static bool minute_of(const uint8_t when[5], int64_t *minute)
{
    struct civil c = {2000 + (int32_t)two_digits(when[4]),
                      (uint8_t)two_digits(when[3]),
                      (uint8_t)two_digits(when[2]),
                      (uint8_t)two_digits(when[1]),
                      (uint8_t)two_digits(when[0]),
                      0,
                      0};
    if (!civil_valid(c))
        return false;
    *minute = civil_to_wall(c, ZONE_S).s / 60;
    return true;
}

/* The whole answer to the question asked last, however many frames it needs. */
static uint8_t tell_loads(struct told *t, const struct vendor_meter *m)
{
    const uint8_t *q = m->load_asked;
    unsigned group = q[2], which = q[0], blocks = m->load_asked_len > 4 ? q[4] : 1;
    int64_t from = 0;
    size_t first = 0;
    if (which == 1 && (m->load_asked_len < 10 || !minute_of(q + 5, &from)))
        return OTHER;
    if (blocks == 0 || group > 6 || which > 2 || q[1] != 0 ||
        (group > 0 && !(m->load_mode >> (group - 1) & 1)))
        return NO_DATA;
    while (which == 1 && first < m->load_count && load_at(m, first)->minute < from)
        first++;
    if (which == 2)
        first = blocks < m->load_count ? m->load_count - blocks : 0;
    for (size_t i = first; i < m->load_count && blocks > 0 && i - first < BLOCKS_MAX; i++, blocks--)
        tell_record(t, m, group, load_at(m, i));
    return t->len > 0 ? 0 : NO_DATA;
}

/* --- registers -------------------------------------------------------------------------------- */

static void tell_clock(struct told *t, const struct vendor_meter *m, bool date, bool time)
{
    struct civil c = civil_from_wall(m->wall, ZONE_S);
    if (time) {
        tell_digits(t, c.second, 1);
        tell_digits(t, c.minute, 1);
        tell_digits(t, c.hour, 1);
    }
    if (date) {
        tell_digits(t, c.weekday, 1);
        tell_digits(t, c.day, 1);
        tell_digits(t, c.month, 1);
        tell_digits(t, (uint64_t)c.year % 100, 1);
    }
}

/* The last settings: when, by whom, and of what (ten identifiers have room). */
static void tell_programming(struct told *t, const struct vendor_meter *m)
{
    for (size_t i = 0; i < 6; i++)
        tell(t, m->programmed[i]);
    for (size_t i = 0; i < 4; i++)
        tell(t, m->programmer[i]);
    for (size_t i = 0; i < 4; i++)
        tell(t, m->programmed_id[i]);
    tell_same(t, 0xFF, 36);
}

static uint8_t tell_register(struct told *t, const struct vendor_meter *m, uint32_t id)
{
    uint64_t power = m->relay_open ? 0 : (uint64_t)m->power_w;
    switch (id) {
    case 0x00000000:
    case 0x00010000:
    case 0x00010300: /* all of it by one tariff */
        tell_digits(t, (uint64_t)(m->energy_mwh / 10'000), 4);
        return 0;
    case 0x00010100:
    case 0x00010200:
    case 0x00010400:
    case 0x00020000:
        tell_digits(t, 0, 4);
        return 0;
    case 0x02010100:
        tell_digits(t, VOLTAGE_DV, 2);
        return 0;
    case 0x02020100:
        tell_digits(t, power * 10'000 / VOLTAGE_DV, 3);
        return 0;
    case 0x02030000:
        tell_digits(t, power * 10, 3);
        return 0;
    case 0x02060000:
        tell_digits(t, 1000, 2);
        return 0;
    case 0x02800002:
        tell_digits(t, 5000, 2);
        return 0;
    case 0x03300000:
        tell_digits(t, m->programmings, 3);
        return 0;
    case 0x03300001:
        if (m->programmings == 0)
            return NO_DATA;
        tell_programming(t, m);
        return 0;
    case 0x04000101:
        tell_clock(t, m, true, false);
        return 0;
    case 0x04000102:
        tell_clock(t, m, false, true);
        return 0;
    case 0x04000401:
        for (size_t i = 0; i < 6; i++)
            tell(t, m->setup.address[i]);
        return 0;
    case 0x04000901:
        tell(t, m->load_mode);
        return 0;
    case 0x04000A02:
        tell_digits(t, m->load_minutes, 2);
        return 0;
    default:
        return NO_DATA;
    }
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
static size_t answer_part(const struct vendor_meter *m, const struct told *t, unsigned number,
                          uint8_t *out)
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

static size_t answer_read(struct vendor_meter *m, const uint8_t *d, size_t len, uint8_t *out)
{
    struct told t = {.len = 0};
    if (len < 4 || len > sizeof m->load_asked)
        return refuse(m, 0x11, OTHER, out);
    memcpy(m->load_asked, d, len);
    m->load_asked_len = (uint8_t)len;
    uint8_t why = d[3] == 0x06 ? tell_loads(&t, m) : tell_register(&t, m, id_of(d));
    return why == 0 ? answer_part(m, &t, 0, out) : refuse(m, 0x11, why, out);
}

static size_t answer_more(struct vendor_meter *m, const uint8_t *d, size_t len, uint8_t *out)
{
    struct told t = {.len = 0};
    bool same = len == 5 && m->load_asked_len >= 4 && memcmp(d, m->load_asked, 4) == 0;
    if (!same || d[3] != 0x06 || tell_loads(&t, m) != 0 || d[4] == 0 ||
        d[4] * (size_t)PART >= t.len)
        return refuse(m, 0x12, NO_DATA, out);
    return answer_part(m, &t, d[4], out);
}

static bool set_parameter(struct vendor_meter *m, uint32_t id, const uint8_t *v, size_t len)
{
    if (id == 0x04000901 && len == 1 && v[0] < 0x40)
        m->load_mode = v[0];
    else if (id == 0x04000A02 && len == 2 && two_digits(v[0]) % 60 != 0 && v[1] == 0)
        m->load_minutes = (uint16_t)two_digits(v[0]);
    else
        return false;
    plan_next(m);
    return true;
}

/* Identifier, level and password, who, and the value. */
static size_t answer_write(struct vendor_meter *m, const uint8_t *d, size_t len, uint8_t *out)
{
    if (len < 13)
        return refuse(m, 0x14, OTHER, out);
    if (d[4] != 0x02 || memcmp(d + 5, m->setup.password, 3) != 0)
        return refuse(m, 0x14, PASSWORD, out);
    if (!set_parameter(m, id_of(d), d + 12, len - 12))
        return refuse(m, 0x14, OTHER, out);
    struct told t = {.len = 0};
    tell_clock(&t, m, false, true);
    tell_clock(&t, m, true, false);
    memcpy(m->programmed, t.b, 3);
    memcpy(m->programmed + 3, t.b + 4, 3); /* without the weekday */
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
        return f[8] < 0x20 && f[8] != 0x08 ? refuse(m, f[8], OTHER, out) : 0;
    }
}
