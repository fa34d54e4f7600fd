/*
 * What the meter writes down by itself, minute by minute: load records, the maximum demand, the
 * freezes of hours and days, the settlements of months, and when it had no power.
 */
#include "sim/vendor/dlt645_impl.h"

#define DEMAND_MINUTES 15
#define HOUR_MINUTES 60

static uint32_t dawh_of(int64_t mwh)
{
    return (uint32_t)(mwh / 10'000);
}

static int64_t power_of(const struct vendor_meter *m)
{
    return m->relay_open ? 0 : m->power_w;
}

/* --- writing down ----------------------------------------------------------------------------- */

static void put_load(struct vendor_meter *m, const struct vendor_frozen *now)
{
    struct vendor_load *l = &m->loads[(m->load_first + m->load_count) % VENDOR_LOADS];
    if (m->load_count == VENDOR_LOADS)
        m->load_first = (uint16_t)((m->load_first + 1) % VENDOR_LOADS);
    else
        m->load_count++;
    *l = (struct vendor_load){now->minute, now->energy_dawh, now->power_w};
}

static void push(struct vendor_frozen *ring, size_t size, uint32_t *count,
                 const struct vendor_frozen *now)
{
    ring[(*count)++ % size] = *now;
}

/* The demand of the quarter of an hour that ends now; it slides by the minute. */
static void take_demand(struct vendor_meter *m, uint32_t minute, int64_t mwh)
{
    m->window_mwh[minute % VENDOR_WINDOW] = mwh;
    m->demand_w = m->window_minutes < DEMAND_MINUTES
                      ? 0
                      : (mwh - m->window_mwh[(minute - DEMAND_MINUTES) % VENDOR_WINDOW]) *
                            (HOUR_MINUTES / DEMAND_MINUTES) / 1000;
    m->window_minutes++;
    if (m->demand_w <= m->peak_w)
        return;
    m->peak_w = m->demand_w;
    m->peak_minute = minute;
}

static void write_down(struct vendor_meter *m, uint32_t minute, int64_t mwh)
{
    struct civil c = civil_from_wall((wall_s){(int64_t)minute * 60}, VENDOR_ZONE_S);
    take_demand(m, minute, mwh);
    struct vendor_frozen now = {minute, dawh_of(mwh), (int32_t)power_of(m), (int32_t)m->peak_w,
                                m->peak_minute};
    if (m->load_mode != 0 && minute % m->load_minutes == 0)
        put_load(m, &now);
    if (c.minute != 0)
        return;
    push(m->hours, VENDOR_HOURS, &m->hour_count, &now);
    if (c.hour != 0)
        return;
    push(m->days, VENDOR_DAYS, &m->day_count, &now);
    if (c.day != 1)
        return;
    push(m->settlements, VENDOR_MONTHS, &m->settlement_count, &now);
    m->peak_w = 0;
    m->peak_minute = 0;
}

/* Power that goes and comes again is an event. */
static void watch_power(struct vendor_meter *m)
{
    if (m->was_powered && !m->powered)
        m->off_since = m->wall;
    if (!m->was_powered && m->powered)
        m->power_downs[m->power_down_count++ % VENDOR_EVENTS] =
            (struct vendor_span){m->off_since, m->wall};
    m->was_powered = m->powered;
}

void vendor_past_run(struct vendor_meter *m)
{
    watch_power(m);
    if (!m->powered)
        m->window_minutes = 0;
    for (; m->next_minute * INT64_C(60) <= m->wall.s; m->next_minute++)
        if (m->powered) /* its power did not change since */
            write_down(m, m->next_minute,
                       m->energy_mwh -
                           (m->wall.s - m->next_minute * INT64_C(60)) * power_of(m) * 1000 / 3600);
}

/* --- load records ----------------------------------------------------------------------------- */

static const struct vendor_load *load_at(const struct vendor_meter *m, size_t i)
{
    return &m->loads[(m->load_first + i) % VENDOR_LOADS];
}

static void tell_group(struct vendor_told *t, unsigned group, const struct vendor_load *l)
{
    uint64_t power = (uint64_t)l->power_w;
    switch (group) {
    case 1:
        vendor_tell_digits(t, VENDOR_VOLTAGE_DV, 2);
        vendor_tell_same(t, 0xFF, 4);
        vendor_tell_digits(t, power * 10'000 / VENDOR_VOLTAGE_DV, 3);
        vendor_tell_same(t, 0xFF, 6);
        vendor_tell_digits(t, 5000, 2);
        break;
    case 2:
        vendor_tell_digits(t, power * 10, 3);
        vendor_tell_digits(t, power * 10, 3);
        vendor_tell_same(t, 0xFF, 6);
        vendor_tell_same(t, 0x00, 6);
        vendor_tell_same(t, 0xFF, 6);
        break;
    case 3:
        vendor_tell_digits(t, 1000, 2);
        vendor_tell_digits(t, 1000, 2);
        vendor_tell_same(t, 0xFF, 4);
        break;
    case 4:
        vendor_tell_digits(t, l->energy_dawh, 4);
        vendor_tell_same(t, 0x00, 12);
        break;
    case 5:
        vendor_tell_same(t, 0x00, 16);
        break;
    default:
        vendor_tell_digits(t, power * 10, 3);
        vendor_tell_same(t, 0x00, 3);
    }
}

/* group 0: all that the mode word records. */
static void tell_record(struct vendor_told *t, const struct vendor_meter *m, unsigned group,
                        const struct vendor_load *l)
{
    size_t first = t->len;
    uint8_t sum = 0;
    vendor_tell_same(t, 0xA0, 2);
    vendor_tell(t, 0);
    vendor_tell_minute(t, l->minute);
    for (unsigned g = 1; g <= 6; g++) {
        if ((group == 0 || group == g) && m->load_mode >> (g - 1) & 1)
            tell_group(t, g, l);
        vendor_tell(t, 0xAA);
    }
    t->b[first + 2] = (uint8_t)(t->len - first - 3);
    for (size_t i = first; i < t->len; i++)
        sum = (uint8_t)(sum + t->b[i]);
    vendor_tell(t, sum);
    vendor_tell(t, 0xE5);
}

static bool minute_of(const uint8_t when[5], int64_t *minute)
{
    struct civil c = {2000 + (int32_t)vendor_two_digits(when[4]),
                      (uint8_t)vendor_two_digits(when[3]),
                      (uint8_t)vendor_two_digits(when[2]),
                      (uint8_t)vendor_two_digits(when[1]),
                      (uint8_t)vendor_two_digits(when[0]),
                      0,
                      0};
    if (!civil_valid(c))
        return false;
    *minute = civil_to_wall(c, VENDOR_ZONE_S).s / 60;
    return true;
}

/* The whole answer to the question asked last, however many frames it needs. */
uint8_t vendor_tell_loads(struct vendor_told *t, const struct vendor_meter *m)
{
    const uint8_t *q = m->load_asked;
    unsigned group = q[2], which = q[0], blocks = m->load_asked_len > 4 ? q[4] : 1;
    int64_t from = 0;
    size_t first = 0;
    if (which == 1 && (m->load_asked_len < 10 || !minute_of(q + 5, &from)))
        return VENDOR_OTHER;
    if (blocks == 0 || group > 6 || which > 2 || q[1] != 0 ||
        (group > 0 && !(m->load_mode >> (group - 1) & 1)))
        return VENDOR_NO_DATA;
    while (which == 1 && first < m->load_count && load_at(m, first)->minute < from)
        first++;
    if (which == 2)
        first = blocks < m->load_count ? m->load_count - blocks : 0;
    for (size_t i = first; i < m->load_count && blocks > 0 && i - first < VENDOR_BLOCKS_MAX;
         i++, blocks--)
        tell_record(t, m, group, load_at(m, i));
    return t->len > 0 ? 0 : VENDOR_NO_DATA;
}

/* --- freezes ---------------------------------------------------------------------------------- */

/* The one `back` ago, 1 the newest. */
static const struct vendor_frozen *past(const struct vendor_frozen *ring, size_t size,
                                        uint32_t count, unsigned back)
{
    return back == 0 || back > count || back > size ? NULL : &ring[(count - back) % size];
}

struct vendor_frozen vendor_settled(const struct vendor_meter *m, unsigned back)
{
    const struct vendor_frozen *f = past(m->settlements, VENDOR_MONTHS, m->settlement_count, back);
    if (back == 0)
        return (struct vendor_frozen){0, dawh_of(m->energy_mwh), (int32_t)power_of(m),
                                      (int32_t)m->peak_w, m->peak_minute};
    return f != NULL ? *f : (struct vendor_frozen){0};
}

/* Total, then the tariffs, all of it by the third one. */
static void tell_rates(struct vendor_told *t, uint32_t dawh)
{
    vendor_tell_kwh(t, dawh);
    for (unsigned rate = 1; rate <= 4; rate++)
        vendor_tell_kwh(t, rate == 3 ? dawh : 0);
}

static void tell_peak(struct vendor_told *t, const struct vendor_frozen *f)
{
    vendor_tell_watts(t, f->demand_w);
    vendor_tell_minute(t, f->demand_minute);
}

static uint8_t tell_hour(struct vendor_told *t, const struct vendor_frozen *f, unsigned what)
{
    switch (what) {
    case 0x00:
        vendor_tell_minute(t, f->minute);
        return VENDOR_TOLD;
    case 0x01:
        vendor_tell_kwh(t, f->energy_dawh);
        return VENDOR_TOLD;
    case 0x02:
        vendor_tell_kwh(t, 0);
        return VENDOR_TOLD;
    default:
        return VENDOR_NO_DATA;
    }
}

/* Active and reactive power, each in total and of the phases. */
static void tell_powers(struct vendor_told *t, const struct vendor_frozen *f)
{
    vendor_tell_watts(t, f->power_w);
    vendor_tell_watts(t, f->power_w);
    vendor_tell_same(t, 0xFF, 6);
    vendor_tell_same(t, 0x00, 6);
    vendor_tell_same(t, 0xFF, 6);
}

static uint8_t tell_day(struct vendor_told *t, const struct vendor_frozen *f, unsigned what)
{
    switch (what) {
    case 0x00:
        vendor_tell_minute(t, f->minute);
        return VENDOR_TOLD;
    case 0x01:
        tell_rates(t, f->energy_dawh);
        return VENDOR_TOLD;
    case 0x02:
        tell_rates(t, 0);
        return VENDOR_TOLD;
    case 0x09:
        tell_peak(t, f);
        vendor_tell_same(t, 0, 16);
        tell_peak(t, f);
        vendor_tell_same(t, 0, 8);
        return VENDOR_TOLD;
    case 0x0A:
        vendor_tell_same(t, 0, 40);
        return VENDOR_TOLD;
    case 0x10:
        tell_powers(t, f);
        return VENDOR_TOLD;
    default:
        return VENDOR_NO_DATA;
    }
}

uint8_t vendor_tell_freeze(struct vendor_told *t, const struct vendor_meter *m, uint32_t id)
{
    bool day = id >> 16 == 0x0506;
    unsigned back = id & 0xFF;
    const struct vendor_frozen *f = day ? past(m->days, VENDOR_DAYS, m->day_count, back)
                                        : past(m->hours, VENDOR_HOURS, m->hour_count, back);
    if (f == NULL || (!day && id >> 16 != 0x0504))
        return VENDOR_NO_DATA;
    return day ? tell_day(t, f, id >> 8 & 0xFF) : tell_hour(t, f, id >> 8 & 0xFF);
}
