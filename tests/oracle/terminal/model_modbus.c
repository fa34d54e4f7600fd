/* The second language: registers by number, each word computed when it is asked for. */
#include <string.h>

#include "model.h"

enum { NOT_ALLOWED = 1, NO_REGISTER = 2, BAD_VALUE = 3 };

#define ALLOWED_MS 60000
#define WORDS 0x37 /* what is measured and shown */
#define RULE_WORDS 11

static uint16_t u16be(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static void pair(uint16_t *w, int64_t v)
{
    w[0] = (uint16_t)((uint32_t)v >> 16);
    w[1] = (uint16_t)v;
}

static void circuits(const struct model *m, uint16_t *w)
{
    const struct terminal_sample *s = &m->sample;
    for (int c = 0; c < 3; c++) {
        bool there = c < m->setup.circuits, open = false;
        pair(w + 0x0A + 2 * c, there ? (int64_t)(model_mwh(m, c + 1, 0) / 10000 % 100000000) : 0);
        pair(w + 0x1A + 2 * c, s->current_ma[c]);
        pair(w + 0x20 + 2 * c, s->power_mw[c] / 100);
        pair(w + 0x26 + 2 * c, model_mvar(m, c) / 100);
        w[0x31 + c] = there ? (uint16_t)model_reason(m, c, &open) : 0;
        w[0x2C] |= (uint16_t)(open << c);
        w[0x2F] |= (uint16_t)(m->books.staff[c] << c);
        w[0x30] |= (uint16_t)((m->books.hold[c].cause != 0 && m->books.hold[c].locked) << c);
    }
}

static void shown(const struct model *m, uint16_t w[WORDS])
{
    struct m_date d = model_local(m);
    memset(w, 0, WORDS * sizeof *w);
    for (int r = 0; r < 5; r++)
        pair(w + 2 * r, (int64_t)(model_mwh(m, 0, r) / 10000 % 100000000));
    pair(w + 0x10, model_balance(m));
    pair(w + 0x12, m->books.free_fen);
    pair(w + 0x14, m->books.count);
    pair(w + 0x16, m->books.purchased_fen);
    w[0x18] = m->sample.voltage_dv[0];
    w[0x19] = m->sample.frequency_chz;
    circuits(m, w);
    w[0x2D] = (uint16_t)model_alarm(m);
    w[0x2E] = m->books.keep_power;
    w[0x34] = (uint16_t)(d.year % 100 << 8 | d.month);
    w[0x35] = (uint16_t)(d.day << 8 | d.hour);
    w[0x36] = (uint16_t)(d.minute << 8 | d.second);
}

static void rule_words(const struct m_rules *r, uint16_t w[RULE_WORDS])
{
    const int v[RULE_WORDS] = {r->timed | r->malignant << 1 | r->aircon << 2,
                               r->power_w,
                               r->current_ma,
                               r->night_w,
                               r->night_ma,
                               r->delay_s,
                               r->recloses,
                               r->wait_s,
                               r->step_w,
                               r->standby_ma,
                               r->unplugged_s};
    for (int i = 0; i < RULE_WORDS; i++)
        w[i] = (uint16_t)v[i];
}

static bool word_at(const struct model *m, const uint16_t seen[WORDS], int address, uint16_t *v)
{
    uint16_t w[RULE_WORDS];
    if (address < WORDS) {
        *v = seen[address];
        return true;
    }
    if (address >= 0x100 && address < 0x130 && address % 16 < RULE_WORDS) {
        rule_words(&m->guard.rules[(address - 0x100) / 16], w);
        *v = w[address % 16];
        return true;
    }
    if (address >= 0x180 && address < 0x18A) {
        pair(w, m->config.limit[(address - 0x180) / 2]);
        *v = w[address % 2];
        return true;
    }
    return false;
}

/* The item that was chosen: its name, its length, its bytes, zeros. */
static int reads_item(const struct model *m, int from, int count, uint8_t *out)
{
    uint8_t all[800] = {0};
    uint32_t di = m->item[m->port];
    int len = 0;
    if (from + count > 2 && !m_reads(m, di, all + 6, &len))
        return NO_REGISTER;
    for (int i = 0; i < 4; i++)
        all[i] = (uint8_t)(di >> (24 - 8 * i));
    all[4] = (uint8_t)(len >> 8);
    all[5] = (uint8_t)len;
    memset(all + 6 + len, 0, sizeof all - 6 - (size_t)len);
    out[2] = (uint8_t)(2 * count);
    memcpy(out + 3, all + 2 * from, (size_t)count * 2);
    return 0;
}

static int reads(const struct model *m, int address, int count, uint8_t *out)
{
    uint16_t seen[WORDS], v;
    if (count > 100)
        return BAD_VALUE;
    if (address >= 0x1000 && address < 0x1064)
        return reads_item(m, address - 0x1000, count, out);
    shown(m, seen);
    out[2] = (uint8_t)(2 * count);
    for (int i = 0; i < count; i++) {
        if (!word_at(m, seen, (address + i) & 0xFFFF, &v))
            return NO_REGISTER;
        out[3 + 2 * i] = (uint8_t)(v >> 8);
        out[4 + 2 * i] = (uint8_t)v;
    }
    return 0;
}

static int error_of(int error)
{
    return error == 0 ? 0 : error == 2 ? NO_REGISTER : BAD_VALUE;
}

static int unlock(struct model *m, const uint8_t *p, int count)
{
    if (count != 2)
        return BAD_VALUE;
    const uint8_t said[4] = {2, p[3], p[2], p[1]};
    if (p[0] != 0 || !m_password(m, said, 2))
        return NOT_ALLOWED;
    m->modbus_until[m->port] = m->now_ms + ALLOWED_MS;
    return 0;
}

/* As if the whole block had been written, with what was there beside what is new. */
static int write_rules(struct model *m, int address, const uint8_t *p, int count)
{
    static const int bytes[RULE_WORDS] = {1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1};
    int c = (address - 0x100) / 16, at = address % 16, len = 0;
    uint16_t w[RULE_WORDS];
    uint8_t data[2 * RULE_WORDS];
    if (c >= m->setup.circuits || at + count > RULE_WORDS)
        return NO_REGISTER;
    rule_words(&m->guard.rules[c], w);
    for (int i = 0; i < count; i++)
        w[at + i] = u16be(p + 2 * i);
    for (int i = 0; i < RULE_WORDS; i++) {
        if (bytes[i] == 1 && w[i] > 255)
            return BAD_VALUE;
        data[len++] = (uint8_t)w[i];
        if (bytes[i] == 2)
            data[len++] = (uint8_t)(w[i] >> 8);
    }
    return error_of(m_writes(m, 0x04802401 + (uint32_t)c, data, len));
}

static int write_limit(struct model *m, int address, const uint8_t *p, int count)
{
    uint8_t data[4];
    uint32_t fen = (uint32_t)u16be(p) << 16 | (count > 1 ? u16be(p + 2) : 0);
    if (address % 2 != 0 || count != 2 || fen > 99999999)
        return BAD_VALUE;
    m_put_bcd(data, fen, 4);
    return error_of(m_writes(m, 0x04001001 + (uint32_t)(address - 0x180) / 2, data, 4));
}

static int order(struct model *m, int address, const uint8_t *p, int count)
{
    const uint8_t one = 1;
    if (count != 1)
        return BAD_VALUE;
    if (address == 0x200)
        return m_obey(m, p[0], p[1], 0) ? 0 : BAD_VALUE;
    if (address == 0x201)
        return p[0] != 0 || m_writes(m, 0x04802100u + p[1], &one, 1) != 0 ? BAD_VALUE : 0;
    return m_writes(m, 0x04802000u + p[0], p + 1, 1) != 0 ? BAD_VALUE : 0;
}

static int choose(struct model *m, const uint8_t *p, int count)
{
    if (count != 2)
        return BAD_VALUE;
    m->item[m->port] = (uint32_t)u16be(p) << 16 | u16be(p + 2);
    return 0;
}

static int write_item(struct model *m, const uint8_t *p, int count)
{
    int len = u16be(p);
    if (len < 1 || len > 200 || (len + 1) / 2 != count - 1)
        return BAD_VALUE;
    return error_of(m_writes(m, m->item[m->port], p + 2, len));
}

static int writes(struct model *m, int address, const uint8_t *p, int count)
{
    int error = NO_REGISTER;
    if (address == 0xF00)
        return unlock(m, p, count);
    if (address == 0x1000)
        return choose(m, p, count);
    if (m->now_ms >= m->modbus_until[m->port])
        return NOT_ALLOWED;
    if (address >= 0x100 && address < 0x130)
        error = write_rules(m, address, p, count);
    else if (address >= 0x180 && address < 0x18A)
        error = write_limit(m, address, p, count);
    else if (address >= 0x200 && address <= 0x202)
        error = order(m, address, p, count);
    else if (address == 0x1002)
        error = write_item(m, p, count);
    if (error != 0)
        return error;
    m->books.programmings++;
    m_settle(m);
    return 0;
}

/* Function, address, and for 03, 04 and 10H a count; a frame of another shape is none. */
static bool well_formed(const uint8_t *p, int len)
{
    int count = len >= 6 ? u16be(p + 4) : 0;
    if (len < 6)
        return false;
    if (p[1] == 0x06)
        return len == 6;
    if (p[1] == 0x03 || p[1] == 0x04)
        return len == 6 && count >= 1 && count <= 125;
    return p[1] == 0x10 && count >= 1 && count <= 123 && len == 7 + 2 * count && p[6] == 2 * count;
}

int model_modbus(struct model *m, const uint8_t *p, int len, uint8_t *out)
{
    if (m->config.unit == 0 || len < 1 || p[0] != m->config.unit || !well_formed(p, len))
        return -1;
    int address = u16be(p + 2), error, n = 6;
    memcpy(out, p, 6);
    if (p[1] == 0x03 || p[1] == 0x04) {
        error = reads(m, address, u16be(p + 4), out);
        n = 3 + out[2];
    } else if (p[1] == 0x06) {
        error = writes(m, address, p + 4, 1);
    } else {
        error = writes(m, address, p + 7, u16be(p + 4));
    }
    if (error == 0)
        return n;
    out[1] |= 0x80;
    out[2] = (uint8_t)error;
    return 3;
}
