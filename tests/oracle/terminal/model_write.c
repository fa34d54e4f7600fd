/* What may be written, and what of it is refused. Error byte: 1 bad value, 2 not writable. */
#include <string.h>

#include "model.h"

#define BAD 1
#define NOT_WRITABLE 2

static int u16(const uint8_t *p)
{
    return p[0] | p[1] << 8;
}

static int number(const uint8_t *data, int len, int want, int64_t most, int64_t *v)
{
    return len != want || !m_bcd(data, len, v) || *v > most ? BAD : 0;
}

static int limit(struct model *m, int n, const uint8_t *data, int len)
{
    int64_t v;
    if (!m->setup.wallet || n < 1 || n > 5)
        return NOT_WRITABLE;
    if (number(data, len, 4, TERMINAL_MONEY_MAX_FEN, &v))
        return BAD;
    m->config.limit[n - 1] = v;
    return 0;
}

/* The first amount is given at once. */
static int free_amount(struct model *m, const uint8_t *data, int len)
{
    int64_t v;
    if (!m->setup.wallet)
        return NOT_WRITABLE;
    if (len != 5 || !m_bcd(data, 4, &v) || data[4] > 1)
        return BAD;
    m->config.free_fen = v;
    m->config.kept = data[4];
    m_month(m);
    return 0;
}

static int mode(struct model *m, int n, const uint8_t *data, int len)
{
    static const int most[] = {2, 9999, 1, 1, 0, 1};
    int *const field[] = {
        &m->config.pretrip, &m->config.wait_s, &m->config.safe, &m->config.auth, NULL,
        &m->config.alarm4};
    int64_t v;
    if (n == 7)
        return free_amount(m, data, len);
    if (n == 9) {
        if (number(data, len, 2, 247, &v) || v == 104)
            return BAD;
        m->config.unit = (int)v;
        return 0;
    }
    if (n < 1 || n > 6 || n == 5)
        return NOT_WRITABLE;
    if (number(data, len, n == 2 ? 2 : 1, most[n - 1], &v))
        return BAD;
    *field[n - 1] = (int)v;
    return 0;
}

static int prices(struct model *m, const uint8_t *data, int len)
{
    int64_t v;
    if (len != 16 || !m_bcd(data, 16, &v))
        return BAD;
    for (int i = 0; i < 4; i++) {
        (void)m_bcd(data + 4 * i, 4, &v);
        m->config.price[i] = (uint32_t)v;
    }
    return 0;
}

static int price(struct model *m, int n, const uint8_t *data, int len)
{
    int64_t v;
    if (n == 255)
        return prices(m, data, len);
    if (n < 1 || n > 4)
        return NOT_WRITABLE;
    if (number(data, len, 4, 99999999, &v))
        return BAD;
    m->config.price[n - 1] = (uint32_t)v;
    return 0;
}

static int zones(struct model *m, const uint8_t *data, int len)
{
    struct m_config g = m->config;
    if (len == 0 || len % 3 != 0 || len / 3 > TERMINAL_ZONES)
        return BAD;
    g.zones = 0;
    for (const uint8_t *p = data; p < data + len; p += 3) {
        int64_t table, day, month;
        if (!m_bcd(p, 1, &table) || !m_bcd(p + 1, 1, &day) || !m_bcd(p + 2, 1, &month))
            return BAD;
        struct m_date d = {.year = 2000, .month = (int)month, .day = (int)day};
        if (!m_date_valid(&d) || table < 1 || table > 2)
            return BAD;
        int at = d.month * 31 + d.day, n = g.zones;
        int last = n > 0 ? g.zone[n - 1].month * 31 + g.zone[n - 1].day : 0;
        if (n > 0 && at == last && table == g.zone[n - 1].table)
            continue;
        if (at <= last)
            return BAD;
        g.zone[n].month = d.month;
        g.zone[n].day = d.day;
        g.zone[n].table = (int)table;
        g.zones++;
    }
    m->config = g;
    return 0;
}

static int day_table(struct model *m, int which, const uint8_t *data, int len)
{
    int minutes[TERMINAL_PERIODS], rates[TERMINAL_PERIODS], n = 0;
    if (len == 0 || len % 3 != 0 || len / 3 > TERMINAL_PERIODS)
        return BAD;
    for (int i = 0; i < len / 3; i++) {
        int64_t rate, minute, hour;
        if (!m_bcd(data + 3 * i, 1, &rate) || !m_bcd(data + 3 * i + 1, 1, &minute) ||
            !m_bcd(data + 3 * i + 2, 1, &hour))
            return BAD;
        if (rate < 1 || rate > 4 || minute > 59 || hour > 23)
            return BAD;
        int at = (int)(hour * 60 + minute);
        if (n > 0 && at == minutes[n - 1] && rate == rates[n - 1])
            continue;
        if (n > 0 && at <= minutes[n - 1])
            return BAD;
        minutes[n] = at;
        rates[n++] = (int)rate;
    }
    struct m_table *t = &m->config.table[which - 1];
    t->periods = n;
    for (int i = 0; i < n; i++) {
        t->period[i].minute = minutes[i];
        t->period[i].rate = rates[i];
    }
    return 0;
}

/* Waits go on for as long as they were, unless nobody knew how late it was. */
void m_shift_clock(struct model *m, int64_t shift)
{
    struct m_books *b = &m->books;
    b->correction += shift;
    if (b->clock_lost) {
        b->timed_until -= shift;
        b->pretrip_until -= shift;
        for (int c = 0; c < 3; c++)
            b->hold[c].until -= shift;
    }
    b->clock_lost = false;
    b->clock_sets++;
    m->looked = INT64_MIN;
    b->broadcast_day = 0; /* who knows the password may be followed by a broadcast */
}

static int clock(struct model *m, int which, const uint8_t *data, int len)
{
    struct m_date now = model_local(m), d = now;
    int64_t v[7];
    int want = which == 1 ? 4 : which == 2 ? 3 : 7;
    if (which != 1 && which != 2 && which != 0x0C)
        return NOT_WRITABLE;
    if (len != want)
        return BAD;
    for (int i = 0; i < len; i++)
        if (!m_bcd(data + i, 1, &v[i]))
            return BAD;
    if (which != 1) {
        d.second = (int)v[0];
        d.minute = (int)v[1];
        d.hour = (int)v[2];
    }
    if (which != 2) {
        const int64_t *date = v + (which == 1 ? 0 : 3);
        d.day = (int)date[1];
        d.month = (int)date[2];
        d.year = 2000 + (int)date[3];
    }
    if (!m_date_valid(&d))
        return BAD;
    m_shift_clock(m, m_seconds(&d) - m_seconds(&now));
    return 0;
}

static int customer(struct model *m, const uint8_t *data, int len)
{
    int64_t v;
    if (!m->setup.wallet)
        return NOT_WRITABLE;
    if (len != 6 || !m_bcd(data, 6, &v))
        return BAD;
    memcpy(m->books.customer, data, 6);
    return 0;
}

/* ---- time and load control ---- */

static int staff_lock(struct model *m, int c, const uint8_t *data, int len)
{
    if (len != 1 || data[0] > 1)
        return BAD;
    m->books.staff[c] = data[0];
    return 0;
}

static int reset(struct model *m, int c, const uint8_t *data, int len)
{
    if (len != 1 || data[0] != 1)
        return BAD;
    m->books.hold[c] = (struct m_hold){0};
    return 0;
}

static int white(struct model *m, int c, const uint8_t *data, int len)
{
    if (len != 32)
        return BAD;
    for (int i = 0; i < 8; i++) {
        m->guard.rules[c].white_w[i] = u16(data + 4 * i);
        m->guard.rules[c].white_var[i] = (int16_t)u16(data + 4 * i + 2);
    }
    return 0;
}

static int learn(struct model *m, int c, const uint8_t *data, int len)
{
    if (len != 2 || u16(data) > 3600)
        return BAD;
    m->learn_until[c] = m->now_ms + u16(data) * 1000;
    return 0;
}

static int rules(struct model *m, int c, const uint8_t *p, int len)
{
    if (len != 18 || p[0] > 7)
        return BAD;
    struct m_rules r = m->guard.rules[c];
    r.timed = p[0] & 1;
    r.malignant = p[0] >> 1 & 1;
    r.aircon = p[0] >> 2 & 1;
    r.power_w = u16(p + 1);
    r.current_ma = u16(p + 3);
    r.night_w = u16(p + 5);
    r.night_ma = u16(p + 7);
    r.delay_s = p[9];
    r.recloses = p[10];
    r.wait_s = u16(p + 11);
    r.step_w = u16(p + 13);
    r.standby_ma = u16(p + 15);
    r.unplugged_s = p[17];
    if (r.current_ma > m->setup.rating_ma || r.night_ma > m->setup.rating_ma)
        return BAD;
    if (r.step_w < 30 || r.step_w > 3300 || r.standby_ma < 2 || r.standby_ma > 200)
        return BAD;
    m->guard.rules[c] = r;
    return 0;
}

static bool time_of_day(const uint8_t *p, int *minutes, bool may_be_end)
{
    int64_t minute, hour;
    if (!m_bcd(p, 1, &minute) || !m_bcd(p + 1, 1, &hour))
        return false;
    *minutes = (int)(hour * 60 + minute);
    return minute < 60 && (*minutes < 1440 || (may_be_end && *minutes == 1440));
}

static int hours(struct model *m, int c, int kind, const uint8_t *data, int len)
{
    struct m_hours list[TERMINAL_HOURS] = {0};
    bool taken[1440] = {false};
    int n = 0;
    if (len % 5 != 0 || len / 5 > TERMINAL_HOURS)
        return BAD;
    for (const uint8_t *p = data; p < data + len; p += 5) {
        static const uint8_t unused[5];
        if (memcmp(p, unused, 5) == 0)
            continue;
        struct m_hours h = {.cover = p[4]};
        if (!time_of_day(p, &h.begin, false) || !time_of_day(p + 2, &h.end, true))
            return BAD;
        if (h.cover != 1 && h.cover != 2)
            return BAD;
        if (h.begin == h.end)
            return BAD;
        int length = h.end > h.begin ? h.end - h.begin : h.end + 1440 - h.begin;
        for (int i = 0; i < length; i++) {
            bool *minute = &taken[(h.begin + i) % 1440];
            if (*minute)
                return BAD;
            *minute = true;
        }
        list[n++] = h;
    }
    memcpy(m->guard.rules[c].hours[kind], list, sizeof list);
    return 0;
}

static int calendar(struct model *m, const uint8_t *data, int len)
{
    struct m_guard g = m->guard;
    if (len < 1 || (len - 1) % 4 != 0 || (len - 1) / 4 > TERMINAL_DATES || data[0] > 127)
        return BAD;
    g.weekend = data[0];
    g.dates = (len - 1) / 4;
    for (int i = 0; i < g.dates; i++) {
        const uint8_t *p = data + 1 + 4 * i;
        int64_t day, month, year;
        if (!m_bcd(p, 1, &day) || !m_bcd(p + 1, 1, &month) || !m_bcd(p + 2, 1, &year))
            return BAD;
        struct m_date d = {.year = 2000 + (int)year, .month = (int)month, .day = (int)day};
        if (!m_date_valid(&d) || p[3] > 1)
            return BAD;
        g.date[i].year = d.year;
        g.date[i].month = d.month;
        g.date[i].day = d.day;
        g.date[i].kind = p[3];
    }
    m->guard = g;
    return 0;
}

static int guard(struct model *m, uint32_t di, const uint8_t *data, int len)
{
    int what = di >> 8 & 255, c = (int)(di & 255) - 1;
    if (what == 0x27 && c == -1)
        return calendar(m, data, len);
    if (m->setup.rating_ma == 0 || c < 0 || c >= m->setup.circuits)
        return NOT_WRITABLE;
    switch (what) {
    case 0x20:
        return staff_lock(m, c, data, len);
    case 0x21:
        return reset(m, c, data, len);
    case 0x22:
        return white(m, c, data, len);
    case 0x23:
        return learn(m, c, data, len);
    case 0x24:
        return rules(m, c, data, len);
    case 0x25:
    case 0x26:
        return hours(m, c, what == 0x26, data, len);
    default:
        return NOT_WRITABLE;
    }
}

static int writes(struct model *m, uint32_t di, const uint8_t *data, int len)
{
    switch (di >> 8) {
    case 0x040001:
        return clock(m, di & 255, data, len);
    case 0x040004:
        return (di & 255) == 0x0E ? customer(m, data, len) : NOT_WRITABLE;
    case 0x040010:
        return limit(m, di & 255, data, len);
    case 0x040100:
        if ((di & 255) == 0)
            return zones(m, data, len);
        return (di & 255) <= 2 ? day_table(m, di & 255, data, len) : NOT_WRITABLE;
    case 0x040501:
        return price(m, di & 255, data, len);
    case 0x048003:
        return mode(m, di & 255, data, len);
    default:
        if (di >> 16 == 0x0480 && (di >> 8 & 255) >= 0x20 && (di >> 8 & 255) <= 0x28)
            return guard(m, di, data, len);
        return NOT_WRITABLE;
    }
}

/* What goes by the clock is looked at anew with the next time. */
int m_writes(struct model *m, uint32_t di, const uint8_t *data, int len)
{
    int error = writes(m, di, data, len);
    if (error == 0)
        m->looked = INT64_MIN;
    return error;
}
