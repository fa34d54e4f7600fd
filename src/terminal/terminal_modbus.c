/*
 * Modbus RTU on the same data: a table of registers, docs/protocols/terminal.md. What is written
 * goes through the same checks as by DL/T 645, after the level 02 password was written to UNLOCK.
 * Money is not sold by this language: it has no way to do it once.
 */
#include <string.h>

#include "terminal/terminal_impl.h"

#define UNLOCK_MS 60'000
#define ANSWER_REGISTERS 100 /* what fits into the port's answer */
#define RULE_WORDS 11
#define RULES 0x100 /* 16 apart */
#define LIMITS 0x180
#define ORDER 0x200
#define RESET 0x201
#define LOCK 0x202
#define UNLOCK 0xF00
#define ITEM 0x1000           /* any data identifier of DL/T 645: which, in two words, */
#define ITEM_BYTES (ITEM + 2) /* how long it is, and its bytes, two a word */

enum exception { NONE = 0, NOT_ALLOWED = 1, NO_REGISTER = 2, BAD_VALUE = 3 };

/* --- reading --------------------------------------------------------------------------------- */

static int64_t energy(const struct terminal *t, unsigned i) /* total, four rates */
{
    return (int64_t)(terminal_register_mwh(t, 0, i) / 10'000 % 100'000'000);
}

static int64_t circuit_energy(const struct terminal *t, unsigned i)
{
    bool there = i < t->setup.circuits;
    return there ? (int64_t)(terminal_register_mwh(t, i + 1, 0) / 10'000 % 100'000'000) : 0;
}

static int64_t wallet(const struct terminal *t, unsigned i)
{
    const struct terminal_books *b = &t->books;
    const int64_t values[] = {b->balance_fen, b->free_fen, b->count, b->purchased_fen};
    return values[i];
}

static int64_t mains(const struct terminal *t, unsigned i)
{
    return i == 0 ? t->sample.voltage_dv[0] : t->sample.frequency_chz;
}

static int64_t current(const struct terminal *t, unsigned i)
{
    return t->sample.current_ma[i];
}

static int64_t power(const struct terminal *t, unsigned i)
{
    return t->sample.power_mw[i] / 100;
}

static int64_t reactive(const struct terminal *t, unsigned i)
{
    return read_reactive_mvar(t, i) / 100;
}

/* Open relays, alarm, keep-power, staff locks, locked trips: bits of circuits. */
static int64_t state(const struct terminal *t, unsigned i)
{
    unsigned locked = 0;
    for (unsigned c = 0; c < TERMINAL_CIRCUITS; c++)
        locked |= t->books.hold[c].locked ? 1U << c : 0;
    const int64_t values[] = {t->open_now, credit_alarm(t), t->books.keep_power, t->books.staff,
                              locked};
    return values[i];
}

static int64_t reason(const struct terminal *t, unsigned i)
{
    return i < t->setup.circuits ? (int64_t)rules_reason(t, i) : 0;
}

static int64_t local_clock(const struct terminal *t, unsigned i)
{
    struct civil c = terminal_local_time(t);
    const int64_t values[] = {c.year % 100 * 256 + c.month, c.day * 256 + c.hour,
                              c.minute * 256 + c.second};
    return values[i];
}

static int64_t rule(const struct terminal_rules *r, unsigned i)
{
    const int64_t values[RULE_WORDS] = {r->timed | r->malignant << 1 | r->aircon << 2,
                                        r->power_w,
                                        r->current_ma,
                                        r->night_power_w,
                                        r->night_ma,
                                        r->delay_s,
                                        r->recloses,
                                        r->reclose_s,
                                        r->load.limit_mw / 1000,
                                        r->standby_ma,
                                        r->unplugged_s};
    return values[i];
}

static int64_t rule1(const struct terminal *t, unsigned i)
{
    return rule(&t->guard.circuit[0], i);
}

static int64_t rule2(const struct terminal *t, unsigned i)
{
    return rule(&t->guard.circuit[1], i);
}

static int64_t rule3(const struct terminal *t, unsigned i)
{
    return rule(&t->guard.circuit[2], i);
}

static int64_t money_limit(const struct terminal *t, unsigned i)
{
    const struct terminal_config *c = &t->config;
    const int64_t values[] = {c->alarm1_fen, c->alarm2_fen, c->overdraft_fen, c->hoard_fen,
                              c->close_allowed_fen};
    return values[i];
}

/* Values of two words have the high one first. */
static const struct group {
    uint16_t first;
    uint8_t words, count;
    int64_t (*get)(const struct terminal *t, unsigned i);
} groups[] = {
    {0x00, 2, 5, energy},
    {0x0A, 2, 3, circuit_energy},
    {0x10, 2, 4, wallet},
    {0x18, 1, 2, mains},
    {0x1A, 2, 3, current},
    {0x20, 2, 3, power},
    {0x26, 2, 3, reactive},
    {0x2C, 1, 5, state},
    {0x31, 1, 3, reason},
    {0x34, 1, 3, local_clock},
    {RULES, 1, RULE_WORDS, rule1},
    {RULES + 0x10, 1, RULE_WORDS, rule2},
    {RULES + 0x20, 1, RULE_WORDS, rule3},
    {LIMITS, 2, 5, money_limit},
};

static bool read_one(const struct terminal *t, uint16_t address, uint16_t *value)
{
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
        const struct group *g = &groups[i];
        unsigned at = address - g->first;
        if (address < g->first || at >= (unsigned)g->words * g->count)
            continue;
        uint32_t whole = (uint32_t)g->get(t, at / g->words);
        bool high = g->words == 2 && at % 2 == 0;
        *value = (uint16_t)(high ? whole >> 16 : whole);
        return true;
    }
    return false;
}

static uint16_t item_word(const struct terminal *t, unsigned i, size_t len)
{
    uint32_t di = t->port->modbus_di;
    size_t at = 2 * (size_t)(i - 3);
    if (i < 3)
        return (uint16_t)(i == 0 ? di >> 16 : i == 1 ? di : len);
    unsigned high = at < len ? t->made[at] : 0, low = at + 1 < len ? t->made[at + 1] : 0;
    return (uint16_t)(high << 8 | low);
}

static enum exception read_item(struct terminal *t, struct modbus_frame *f)
{
    struct writer w = writer_of(t->made, sizeof t->made);
    unsigned first = f->address - ITEM;
    bool bytes = first + f->count > 2;
    if (bytes && slave_read(t, t->port->modbus_di, &w) != SLAVE_OK)
        return NO_REGISTER;
    for (unsigned i = 0; i < f->count; i++)
        f->value[i] = item_word(t, first + i, w.len);
    f->value_count = f->count;
    return NONE;
}

static enum exception read_registers(struct terminal *t, struct modbus_frame *f)
{
    if (f->count == 0 || f->count > ANSWER_REGISTERS)
        return BAD_VALUE;
    if (f->address >= ITEM && f->address < ITEM + ANSWER_REGISTERS)
        return read_item(t, f);
    for (uint16_t i = 0; i < f->count; i++)
        if (!read_one(t, (uint16_t)(f->address + i), &f->value[i]))
            return NO_REGISTER;
    f->value_count = f->count;
    return NONE;
}

/* --- writing --------------------------------------------------------------------------------- */

static enum exception unlock(struct terminal *t, const struct modbus_frame *f)
{
    if (f->value_count != 2)
        return BAD_VALUE;
    uint8_t said[4] = {2, (uint8_t)f->value[1], (uint8_t)(f->value[1] >> 8), (uint8_t)f->value[0]};
    if (f->value[0] > 0xFF || !slave_password(t, said, 2))
        return NOT_ALLOWED;
    t->port->modbus_until = mono_after(t->now, UNLOCK_MS);
    return NONE;
}

/* The words that are written take the place of those that are there; then the whole is checked. */
static enum exception write_rules(struct terminal *t, const struct modbus_frame *f)
{
    unsigned index = (unsigned)(f->address - RULES) / 0x10, at = f->address % 0x10U;
    static const uint8_t bytes_of[RULE_WORDS] = {1, 2, 2, 2, 2, 1, 1, 2, 2, 2, 1};
    uint8_t data[2 * RULE_WORDS];
    struct writer w = writer_of(data, sizeof data);
    if (index >= t->setup.circuits || at + f->value_count > RULE_WORDS)
        return NO_REGISTER;
    for (unsigned i = 0; i < RULE_WORDS; i++) {
        bool written = i >= at && i < at + f->value_count;
        uint16_t v = written ? f->value[i - at] : (uint16_t)rule(&t->guard.circuit[index], i);
        if (bytes_of[i] == 1 && v > 0xFF)
            return BAD_VALUE;
        writer_u8(&w, (uint8_t)v);
        if (bytes_of[i] == 2)
            writer_u8(&w, (uint8_t)(v >> 8));
    }
    uint8_t err = slave_write(t, 0x04802401 + index, (struct bytes){data, w.len});
    return err == SLAVE_OK ? NONE : err == SLAVE_NO_DATA ? NO_REGISTER : BAD_VALUE;
}

static enum exception write_limits(struct terminal *t, const struct modbus_frame *f)
{
    if (f->address % 2 != 0 || f->value_count != 2)
        return BAD_VALUE;
    uint32_t fen = (uint32_t)f->value[0] << 16 | f->value[1];
    uint8_t data[4];
    struct writer w = writer_of(data, sizeof data);
    writer_bcd_le(&w, fen, 4);
    if (w.err != ERR_OK)
        return BAD_VALUE;
    uint8_t err = slave_write(t, 0x04001001 + (f->address - LIMITS) / 2U, (struct bytes){data, 4});
    return err == SLAVE_OK ? NONE : err == SLAVE_NO_DATA ? NO_REGISTER : BAD_VALUE;
}

static enum exception write_order(struct terminal *t, const struct modbus_frame *f)
{
    if (f->value_count != 1)
        return BAD_VALUE;
    uint8_t high = (uint8_t)(f->value[0] >> 8), low = (uint8_t)f->value[0], one = 1;
    uint8_t err = SLAVE_OK;
    if (f->address == ORDER) {
        uint32_t operator_before = t->books.operator_code;
        t->books.operator_code = 0; /* this language names none */
        t->order_refused = !relay_order(t, high, low, &t->order_word);
        if (t->order_refused)
            t->books.operator_code = operator_before;
        return t->order_refused ? BAD_VALUE : NONE;
    }
    if (f->address == RESET)
        err = high != 0 ? SLAVE_OTHER : slave_write(t, 0x04802100U + low, (struct bytes){&one, 1});
    else
        err = slave_write(t, 0x04802000U + high, (struct bytes){&low, 1});
    return err == SLAVE_OK ? NONE : BAD_VALUE;
}

static enum exception choose_item(struct terminal *t, const struct modbus_frame *f)
{
    if (f->value_count != 2)
        return BAD_VALUE;
    t->port->modbus_di = (uint32_t)f->value[0] << 16 | f->value[1];
    return NONE;
}

static enum exception write_item(struct terminal *t, const struct modbus_frame *f)
{
    size_t len = f->value[0];
    struct writer w = writer_of(t->made, sizeof t->made);
    if (len == 0 || f->value_count != 1 + (len + 1) / 2)
        return BAD_VALUE;
    for (size_t i = 1; i < f->value_count; i++) {
        writer_u8(&w, (uint8_t)(f->value[i] >> 8));
        writer_u8(&w, (uint8_t)f->value[i]);
    }
    if (w.err != ERR_OK)
        return BAD_VALUE;
    uint8_t err = slave_write(t, t->port->modbus_di, (struct bytes){t->made, len});
    return err == SLAVE_OK ? NONE : err == SLAVE_NO_DATA ? NO_REGISTER : BAD_VALUE;
}

static enum exception write_registers(struct terminal *t, const struct modbus_frame *f)
{
    uint16_t a = f->address;
    if (a == UNLOCK)
        return unlock(t, f);
    if (a == ITEM)
        return choose_item(t, f);
    if (t->now.ms >= t->port->modbus_until.ms)
        return NOT_ALLOWED;
    enum exception e = NO_REGISTER;
    if (a >= RULES && a < RULES + 0x30)
        e = write_rules(t, f);
    else if (a >= LIMITS && a < LIMITS + 10)
        e = write_limits(t, f);
    else if (a >= ORDER && a <= LOCK)
        e = write_order(t, f);
    else if (a == ITEM_BYTES)
        e = write_item(t, f);
    if (e == NONE) {
        t->books.programmings++;
        t->books_dirty = true;
        relay_settle(t);
    }
    return e;
}

/* --- frames ---------------------------------------------------------------------------------- */

static bool reads(const struct modbus_frame *f)
{
    return f->function == MODBUS_READ_HOLDING || f->function == MODBUS_READ_INPUT;
}

static void answer(struct terminal *t, struct modbus_frame *f, enum exception e)
{
    struct writer w = writer_of(t->port->answer, sizeof t->port->answer);
    f->answer = true;
    f->either = false;
    f->exception = (uint8_t)e;
    enum err err = modbus_encode(f, &w);
    t->port->answer_len = err == ERR_OK && w.err == ERR_OK ? w.len : 0;
}

/* How long a request that begins so is; 0: it is none, SIZE_MAX: not known yet. */
static size_t request_len(const uint8_t *data, size_t len)
{
    if (len < 2)
        return SIZE_MAX;
    switch (data[1]) {
    case MODBUS_READ_HOLDING:
    case MODBUS_READ_INPUT:
    case MODBUS_WRITE_ONE:
        return 8;
    case MODBUS_WRITE_MANY:
        return len < 7 ? SIZE_MAX : 9U + data[6];
    default:
        return 0;
    }
}

size_t modbus_take(struct terminal *t, const uint8_t *data, size_t len, bool *wait)
{
    struct modbus_frame *f = &t->request.modbus;
    size_t used = 0;
    if (t->config.modbus_unit == 0 || data[0] != t->config.modbus_unit)
        return 0;
    size_t whole = request_len(data, len);
    *wait = whole > len;
    if (whole == 0 || *wait || modbus_decode_rtu(data, whole, f, &used) != ERR_OK)
        return 0;
    if (t->running && used == whole)
        answer(t, f, reads(f) ? read_registers(t, f) : write_registers(t, f));
    return used;
}
