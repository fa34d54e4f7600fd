/* What reads answer. */
#include <string.h>

#include "model.h"

static void bcd(uint8_t **p, uint64_t value, int len)
{
    m_put_bcd(*p, value, len);
    *p += len;
}

static void raw(uint8_t **p, uint64_t value, int len)
{
    for (int i = 0; i < len; i++)
        *(*p)++ = (uint8_t)(value >> 8 * i);
}

static uint64_t positive(int64_t v)
{
    return v > 0 ? (uint64_t)v : 0;
}

static void stamp6(uint8_t **p, const struct m_date *d, bool there)
{
    const int v[] = {d->second, d->minute, d->hour, d->day, d->month, d->year % 100};
    for (int i = 0; i < 6; i++)
        bcd(p, there ? (uint64_t)v[i] : 0, 1);
}

static bool frozen_energy(const struct model *m, uint32_t di, uint8_t **p)
{
    int kk = di >> 8 & 255, nn = di & 255;
    if (nn > TERMINAL_MONTHS || m->books.month[nn - 1].number == 0 || (kk > 4 && kk != 255))
        return false;
    const struct m_freeze *f = &m->books.month[nn - 1];
    const uint64_t *r = f->rate_mwh;
    uint64_t all[] = {r[0] + r[1] + r[2] + r[3], r[0], r[1], r[2], r[3]};
    for (int i = kk == 255 ? 0 : kk; i <= (kk == 255 ? 4 : kk); i++)
        bcd(p, di >> 16 == 2 ? 0 : all[i] / 10000 % 100000000, 4);
    return true;
}

/* 0000kk00, 0001kk00, 0002kk00 */
static bool energy(const struct model *m, uint32_t di, uint8_t **p)
{
    unsigned kk = di >> 8 & 255;
    bool reverse = di >> 16 == 2;
    if ((di & 255) != 0)
        return frozen_energy(m, di, p);
    if ((kk > 4 && kk != 255))
        return false;
    for (unsigned r = kk == 255 ? 0 : kk; r <= (kk == 255 ? 4 : kk); r++)
        bcd(p, reverse ? 0 : model_mwh(m, 0, (int)r) / 10000 % 100000000, 4);
    return true;
}

static void power(uint8_t **p, int64_t mw)
{
    int64_t v = (mw < 0 ? -mw : mw) / 100;
    bcd(p, (uint64_t)v, 3);
    if (mw < 0)
        (*p)[-1] |= 0x80;
}

static int64_t phase_value(const struct model *m, int what, int phase)
{
    const struct terminal_sample *s = &m->sample;
    int64_t ma = 0, mw = 0;
    for (int c = 0; c < (m->setup.phases == 3 ? 3 : m->setup.circuits); c++) {
        ma += s->current_ma[c];
        mw += s->power_mw[c];
    }
    if (phase == 0)
        return mw;
    if (m->setup.phases == 1)
        return phase > 1 ? 0 : what == 1 ? s->voltage_dv[0] : what == 2 ? ma : mw;
    if (what == 3)
        return s->power_mw[phase - 1];
    return what == 1 ? s->voltage_dv[phase - 1] : (int64_t)s->current_ma[phase - 1];
}

/* 0201pp00 .. 0203pp00 */
static bool phases(const struct model *m, uint32_t di, uint8_t **p)
{
    int what = di >> 16 & 255, pp = di >> 8 & 255;
    if ((di & 255) != 0 || (pp > m->setup.phases && pp != 255) || (pp == 0 && what != 3))
        return false;
    int first = pp != 255 ? pp : what == 3 ? 0 : 1, last = pp != 255 ? pp : 3;
    for (int i = first; i <= last; i++) {
        int64_t v = phase_value(m, what, i);
        if (what == 3)
            power(p, v);
        else
            bcd(p, (uint64_t)v, what == 1 ? 2 : 3);
    }
    return true;
}

static bool purchase(const struct model *m, uint32_t di, uint8_t **p)
{
    unsigned n = di & 255, what = di >> 8 & 255;
    if (!m->setup.wallet || n < 1 || n > TERMINAL_PURCHASES)
        return false;
    const struct m_purchase *r = &m->books.purchase[n - 1];
    bool there = r->count != 0;
    switch (what) {
    case 1:
        bcd(p, there ? (uint64_t)r->at.minute : 0, 1);
        bcd(p, there ? (uint64_t)r->at.hour : 0, 1);
        bcd(p, there ? (uint64_t)r->at.day : 0, 1);
        bcd(p, there ? (uint64_t)r->at.month : 0, 1);
        bcd(p, there ? (uint64_t)r->at.year % 100 : 0, 1);
        return true;
    case 2:
        bcd(p, n == 1 ? m->books.count : r->count, 2);
        return true;
    case 3:
        bcd(p, (uint64_t)r->amount, 4);
        return true;
    case 4:
        bcd(p, positive(r->before), 4);
        return true;
    case 5:
        bcd(p, positive(r->after), 4);
        return true;
    case 6:
        bcd(p, n == 1 ? (uint64_t)m->books.purchased_fen : (uint64_t)r->purchased, 4);
        return true;
    default:
        return false;
    }
}

static bool event(const struct m_event *list, int max, uint32_t di, uint32_t count, uint8_t **p)
{
    int n = di & 255;
    if (di >> 8 == 0x1D0000 || di >> 8 == 0x1E0000) {
        if (n != 1)
            return false;
        bcd(p, count, 3);
        return true;
    }
    if ((di >> 8 & 0xFFFF) != 1 || n < 1 || n > max)
        return false;
    const struct m_event *e = &list[n - 1];
    stamp6(p, &e->at, e->number != 0);
    raw(p, e->operator_code, 4);
    bcd(p, e->energy_mwh / 10000 % 100000000, 4);
    memset(*p, 0, 20);
    *p += 20;
    return true;
}

static bool trip_more(const struct model *m, int n, uint8_t **p)
{
    if (n < 1 || n > TERMINAL_TRIPS || m->books.trip[n - 1].number == 0)
        return false;
    const struct m_event *e = &m->books.trip[n - 1];
    stamp6(p, &e->at, e->number != 0);
    raw(p, (uint64_t)e->circuit, 1);
    raw(p, (uint64_t)e->reason, 1);
    power(p, e->power_mw);
    bcd(p, (uint64_t)(e->balance < 0 ? -e->balance : e->balance), 5);
    if (e->balance < 0)
        (*p)[-1] |= 0x80;
    return true;
}

static bool trip_why(const struct model *m, int n, uint8_t **p)
{
    if (n < 1 || n > TERMINAL_TRIPS || !m->books.trip[n - 1].limit)
        return false;
    memset(*p, 0, 16);
    *p += 16;
    raw(p, m->books.trip[n - 1].value, 4);
    raw(p, m->books.trip[n - 1].allowed, 4);
    return true;
}

static void circuit_block(const struct model *m, uint8_t **p)
{
    raw(p, m->setup.circuits, 1);
    for (int c = 0; c < m->setup.circuits; c++) {
        bool open;
        int reason = model_reason(m, c, &open);
        bcd(p, model_mwh(m, c + 1, 0) / 10000 % 100000000, 4);
        power(p, model_power_mw(m, c));
        raw(p, (uint64_t)(open | (model_alarm(m) > 0) << 1), 1);
        raw(p, (uint64_t)reason, 1);
    }
}

static unsigned word(const struct model *m, int n)
{
    const struct m_books *b = &m->books;
    bool wallet = m->setup.wallet;
    if (n == 1)
        return m->fault << 13 | (wallet && model_balance(m) < 0) << 14 | b->clock_lost << 15;
    if (n != 3)
        return 0;
    bool all = true, remote = true;
    for (int c = 0; c < m->setup.circuits; c++) {
        remote = remote && b->remote[c];
        all = all && b->open[c];
    }
    bool wanted = remote || b->timed || b->cut || b->pretrip == 1;
    return (unsigned)(m->programming << 3 | all << 4 | wanted << 6 | (model_alarm(m) >= 2) << 7 |
                      (wallet ? 2 : 0) << 8 | b->keep_power << 12 |
                      (m->now_ms < m->auth_until_ms) << 13 | (wallet && !b->opened) << 15);
}

static bool clock(const struct model *m, int which, uint8_t **p)
{
    struct m_date d = model_local(m);
    if (which == 2 || which == 0x0C) {
        bcd(p, (uint64_t)d.second, 1);
        bcd(p, (uint64_t)d.minute, 1);
        bcd(p, (uint64_t)d.hour, 1);
    }
    if (which == 1 || which == 0x0C) {
        bcd(p, (uint64_t)d.weekday, 1);
        bcd(p, (uint64_t)d.day, 1);
        bcd(p, (uint64_t)d.month, 1);
        bcd(p, (uint64_t)d.year % 100, 1);
    }
    return true;
}

/* 04001001 .. 04001005 and 0480030n */
static bool settings(const struct model *m, uint32_t di, uint8_t **p)
{
    const struct m_config *g = &m->config;
    int n = di & 255;
    if (di >> 8 == 0x040010) {
        if (!m->setup.wallet || n < 1 || n > 5)
            return false;
        bcd(p, (uint64_t)g->limit[n - 1], 4);
        return true;
    }
    if (n == 7 || n == 8) {
        bcd(p, (uint64_t)(n == 7 ? g->free_fen : m->books.free_fen), 4);
        if (n == 7)
            raw(p, (uint64_t)g->kept, 1);
        return m->setup.wallet;
    }
    if (n == 9)
        return bcd(p, (uint64_t)m->config.unit, 2), true;
    if (n < 1 || n > 9)
        return false;
    if (n == 5)
        raw(p, (uint64_t)model_alarm(m), 1);
    else
        bcd(p,
            (uint64_t)(n == 1   ? g->pretrip
                       : n == 2 ? g->wait_s
                       : n == 3 ? g->safe
                       : n == 6 ? g->alarm4
                                : g->auth),
            n == 2 ? 2 : 1);
    return true;
}

static bool tables(const struct model *m, uint32_t di, uint8_t **p)
{
    if (di == 0x04010000)
        for (int i = 0; i < m->config.zones; i++) {
            bcd(p, (uint64_t)m->config.zone[i].table, 1);
            bcd(p, (uint64_t)m->config.zone[i].day, 1);
            bcd(p, (uint64_t)m->config.zone[i].month, 1);
        }
    if (di == 0x04010000)
        return m->config.zones > 0;
    if (di != 0x04010001 && di != 0x04010002)
        return false;
    const struct m_table *t = &m->config.table[di == 0x04010002];
    for (int i = 0; i < t->periods; i++) {
        bcd(p, (uint64_t)t->period[i].rate, 1);
        bcd(p, (uint64_t)t->period[i].minute % 60, 1);
        bcd(p, (uint64_t)t->period[i].minute / 60, 1);
    }
    return t->periods > 0;
}

/* 050600nn and 050601nn */
static bool day_freeze(const struct model *m, uint32_t di, uint8_t **p)
{
    int what = di >> 8 & 255, nn = di & 255;
    if (what > 1 || nn < 1 || nn > TERMINAL_DAYS || m->books.day[nn - 1].number == 0)
        return false;
    const struct m_freeze *f = &m->books.day[nn - 1];
    const uint64_t *r = f->rate_mwh;
    if (what == 0) {
        bcd(p, 0, 2);
        bcd(p, (uint64_t)f->at.day, 1);
        bcd(p, (uint64_t)f->at.month, 1);
        bcd(p, (uint64_t)f->at.year % 100, 1);
        return true;
    }
    bcd(p, (r[0] + r[1] + r[2] + r[3]) / 10000 % 100000000, 4);
    for (int i = 0; i < 4; i++)
        bcd(p, r[i] / 10000 % 100000000, 4);
    return true;
}

/* 048030nn and 048031nn */
static bool freezes(const struct model *m, uint32_t di, uint8_t **p)
{
    bool month = (di >> 8 & 255) == 0x31;
    int nn = di & 255;
    if (nn < 1 || nn > (month ? TERMINAL_MONTHS : TERMINAL_DAYS))
        return false;
    const struct m_freeze *f = month ? &m->books.month[nn - 1] : &m->books.day[nn - 1];
    if (f->number == 0)
        return false;
    stamp6(p, &f->at, true);
    for (int i = 0; i < 3; i++)
        bcd(p, f->circuit_mwh[i] / 10000 % 100000000, 4);
    bcd(p, (uint64_t)(f->balance < 0 ? -f->balance : f->balance), 5);
    if (f->balance < 0)
        (*p)[-1] |= 0x80;
    bcd(p, (uint64_t)f->free, 4);
    return true;
}

static void factor(uint8_t **p, int64_t mw, int64_t mva)
{
    int64_t f = mva == 0 ? 1000 : (mw < 0 ? -mw : mw) * 1000 / mva;
    bcd(p, (uint64_t)(f > 1000 ? 1000 : f), 2);
    if (mw < 0 && mva > 0)
        (*p)[-1] |= 0x80;
}

/* In a three-phase meter c is the phase, else the circuit. */
static int64_t mva_of(const struct model *m, int c)
{
    int dv = m->setup.phases == 3 ? m->sample.voltage_dv[c] : m->sample.voltage_dv[0];
    return (int64_t)dv * m->sample.current_ma[c] / 10;
}

/* Where nobody tells it, all that is not active. */
int64_t model_mvar(const struct model *m, int c)
{
    const struct terminal_sample *s = &m->sample;
    int64_t mva = mva_of(m, c), mw = s->power_mw[c];
    int64_t square = mva * mva - mw * mw, root = 0;
    if (s->has_reactive)
        return s->reactive_mvar[c];
    for (int64_t bit = INT64_C(1) << 30; bit > 0; bit >>= 1)
        if ((root + bit) * (root + bit) <= square)
            root += bit;
    return root;
}

/* What those from `first` to `last` have together. */
static void quality_of(const struct model *m, uint32_t kind, int first, int last, uint8_t **p)
{
    int64_t mw = 0, mvar = 0, mva = 0;
    for (int c = first; c <= last; c++) {
        mw += m->sample.power_mw[c];
        mvar += model_mvar(m, c);
        mva += mva_of(m, c);
    }
    if (kind == 0x0206)
        factor(p, mw, mva);
    else
        power(p, kind == 0x0204 ? mvar : mva);
}

/* 0204pp00, 0205pp00, 0206pp00: all, a phase, FF: all and each of three. */
static bool quality(const struct model *m, uint32_t di, uint8_t **p)
{
    int which = di >> 8 & 255, size = di >> 16 == 0x0206 ? 2 : 3;
    bool one = m->setup.phases == 1;
    int last = one ? m->setup.circuits - 1 : 2;
    if ((di & 255) != 0 || (which > m->setup.phases && which != 255))
        return false;
    if (which == 0 || which == 255)
        quality_of(m, di >> 16, 0, last, p);
    for (int phase = 1; phase <= 3; phase++) {
        if (which != phase && which != 255)
            continue;
        if (one && phase > 1)
            bcd(p, 0, size);
        else
            quality_of(m, di >> 16, one ? 0 : phase - 1, one ? last : phase - 1, p);
    }
    return true;
}

static bool circuit(const struct model *m, uint32_t di, uint8_t **p)
{
    int c = (int)(di & 255) - 1;
    if (m->setup.phases != 1 || c < 0 || c >= m->setup.circuits)
        return false;
    const struct terminal_sample *s = &m->sample;
    int64_t mva = (int64_t)s->voltage_dv[0] * s->current_ma[c] / 10;
    bcd(p, s->voltage_dv[0], 2);
    bcd(p, s->current_ma[c], 3);
    power(p, s->power_mw[c]);
    power(p, model_mvar(m, c));
    power(p, mva);
    factor(p, s->power_mw[c], mva);
    bcd(p, s->frequency_chz, 2);
    for (int r = 0; r <= 4; r++)
        bcd(p, model_mwh(m, c + 1, r) / 10000 % 100000000, 4);
    return true;
}

static bool guard_settings(const struct m_rules *r, uint8_t **p)
{
    raw(p, (uint64_t)(r->timed | r->malignant << 1 | r->aircon << 2), 1);
    raw(p, (uint64_t)r->power_w, 2);
    raw(p, (uint64_t)r->current_ma, 2);
    raw(p, (uint64_t)r->night_w, 2);
    raw(p, (uint64_t)r->night_ma, 2);
    raw(p, (uint64_t)r->delay_s, 1);
    raw(p, (uint64_t)r->recloses, 1);
    raw(p, (uint64_t)r->wait_s, 2);
    raw(p, (uint64_t)r->step_w, 2);
    raw(p, (uint64_t)r->standby_ma, 2);
    raw(p, (uint64_t)r->unplugged_s, 1);
    return true;
}

static bool guard_now(const struct model *m, int c, uint8_t **p)
{
    const struct m_hold *h = &m->books.hold[c];
    int64_t left = h->cause != 0 && !h->locked ? h->until - m->rtc : 0;
    bool locked = h->cause != 0 && h->locked;
    raw(p, (uint64_t)model_cover(m, c), 1);
    raw(p, (uint64_t)h->cause, 1);
    raw(p,
        (uint64_t)(locked | m->books.staff[c] << 1 | m->seen[c] << 2 |
                   (m->now_ms < m->learn_until[c]) << 3),
        1);
    raw(p, (uint64_t)h->recloses, 1);
    raw(p, left > 65535 ? 65535 : positive(left), 2);
    return true;
}

static bool hours(const struct m_hours *list, uint8_t **p)
{
    for (int i = 0; i < TERMINAL_HOURS; i++) {
        const struct m_hours *h = &list[i];
        bcd(p, (uint64_t)h->begin % 60, 1);
        bcd(p, (uint64_t)h->begin / 60, 1);
        bcd(p, (uint64_t)h->end % 60, 1);
        bcd(p, (uint64_t)h->end / 60, 1);
        raw(p, (uint64_t)h->cover, 1);
    }
    return true;
}

static bool calendar(const struct model *m, uint8_t **p)
{
    raw(p, (uint64_t)m->guard.weekend, 1);
    for (int i = 0; i < m->guard.dates; i++) {
        bcd(p, (uint64_t)m->guard.date[i].day, 1);
        bcd(p, (uint64_t)m->guard.date[i].month, 1);
        bcd(p, (uint64_t)m->guard.date[i].year - 2000, 1);
        raw(p, (uint64_t)m->guard.date[i].kind, 1);
    }
    return true;
}

static bool guard(const struct model *m, uint32_t di, uint8_t **p)
{
    int what = di >> 8 & 255, n = di & 255;
    if (what == 0x27)
        return n == 0 && calendar(m, p);
    if (m->setup.rating_ma == 0 || n < 1 || n > m->setup.circuits)
        return false;
    const struct m_rules *r = &m->guard.rules[n - 1];
    switch (what) {
    case 0x20:
        raw(p, m->books.staff[n - 1], 1);
        return true;
    case 0x22:
        for (int i = 0; i < 8; i++) {
            raw(p, (uint64_t)r->white_w[i], 2);
            raw(p, (uint64_t)(int64_t)r->white_var[i], 2);
        }
        return true;
    case 0x24:
        return guard_settings(r, p);
    case 0x25:
    case 0x26:
        return hours(r->hours[what == 0x26], p);
    case 0x28:
        return guard_now(m, n - 1, p);
    default:
        return false;
    }
}

static bool counters(const struct model *m, uint32_t di, uint8_t **p)
{
    const struct m_books *b = &m->books;
    uint32_t v = di == 0x03110000   ? b->power_downs
                 : di == 0x03300000 ? b->programmings
                 : di == 0x03300400 ? b->clock_sets
                                    : 0;
    if (di != 0x03110000 && di != 0x03300000 && di != 0x03300400 && di != 0x03300D00 &&
        di != 0x03300E00)
        return false;
    bcd(p, v, 3);
    return true;
}

static bool numbers(const struct model *m, uint32_t di, uint8_t **p)
{
    const int count[] = {m->config.zones > 0 ? m->config.zones : 1, 2, TERMINAL_PERIODS,
                         TERMINAL_RATES};
    int n = di & 255;
    if (di >> 8 == 0x040002 && n >= 1 && n <= 4)
        return bcd(p, (uint64_t)count[n - 1], 1), true;
    if (di >> 8 == 0x040001 && (n == 1 || n == 2 || n == 0x0C))
        return clock(m, n, p);
    const uint8_t *number = n == 1     ? m->config.address
                            : n == 2   ? m->config.number
                            : n == 0xE ? m->books.customer
                                       : NULL;
    if (di >> 8 == 0x040004 && number != NULL) {
        memcpy(*p, number, 6);
        *p += 6;
        return true;
    }
    if (di >> 8 != 0x040005 || n < 1 || (n > 7 && n != 255))
        return false;
    for (int i = n == 255 ? 1 : n; i <= (n == 255 ? 7 : n); i++)
        raw(p, word(m, i), 2);
    return true;
}

static bool prices(const struct model *m, uint32_t di, uint8_t **p)
{
    int n = di & 255;
    if (di == 0x02800020 || di == 0x02800021)
        return bcd(p, m->config.price[model_rate(m) - 1], 4), true;
    if (di >> 8 != 0x040501 || n < 1 || (n > 4 && n != 255))
        return false;
    for (int i = n == 255 ? 1 : n; i <= (n == 255 ? 4 : n); i++)
        bcd(p, m->config.price[i - 1], 4);
    return true;
}

static bool money(const struct model *m, uint32_t di, uint8_t **p)
{
    int64_t balance = model_balance(m);
    if (!m->setup.wallet)
        return false;
    bcd(p, positive(di == 0x00900200 ? balance : -balance), 4);
    return true;
}

static bool private_blocks(const struct model *m, uint32_t di, uint8_t **p)
{
    switch (di >> 8) {
    case 0x048001:
        return (di & 255) == 255 && (circuit_block(m, p), true);
    case 0x048002:
        raw(p, (uint64_t)m->order_word, 2);
        raw(p, m->order_refused, 1);
        return (di & 255) == 255;
    case 0x048003:
        return settings(m, di, p);
    case 0x048030:
    case 0x048031:
        return freezes(m, di, p);
    case 0x048040:
        return circuit(m, di, p);
    case 0x048010:
        return trip_more(m, di & 255, p);
    case 0x048011:
        return trip_why(m, di & 255, p);
    default:
        return (di >> 8 & 255) >= 0x20 && (di >> 8 & 255) <= 0x28 && guard(m, di, p);
    }
}

static bool reads(const struct model *m, uint32_t di, uint8_t **p)
{
    switch (di >> 16) {
    case 0x0000:
    case 0x0001:
    case 0x0002:
        return energy(m, di, p);
    case 0x0090:
        return (di == 0x00900200 || di == 0x00900201) && money(m, di, p);
    case 0x0201:
    case 0x0202:
    case 0x0203:
        return phases(m, di, p);
    case 0x0204:
    case 0x0205:
    case 0x0206:
        return quality(m, di, p);
    case 0x0280:
        if (di == 0x02800002)
            return bcd(p, m->sample.frequency_chz, 2), true;
        return prices(m, di, p);
    case 0x0311:
    case 0x0330:
        return counters(m, di, p);
    case 0x0333:
        return purchase(m, di, p);
    case 0x0400:
        return di >> 8 == 0x040010 ? settings(m, di, p) : numbers(m, di, p);
    case 0x0401:
        return tables(m, di, p);
    case 0x0405:
        return prices(m, di, p);
    case 0x0506:
        return day_freeze(m, di, p);
    case 0x0480:
        return private_blocks(m, di, p);
    case 0x1D00:
        return event(m->books.trip, TERMINAL_TRIPS, di, m->books.trips, p);
    case 0x1E00:
        return event(m->books.close, TERMINAL_CLOSES, di, m->books.closes, p);
    default:
        return false;
    }
}

bool m_reads(const struct model *m, uint32_t di, uint8_t *out, int *len)
{
    uint8_t *p = out;
    bool there = reads(m, di, &p);
    *len = (int)(p - out);
    return there;
}
