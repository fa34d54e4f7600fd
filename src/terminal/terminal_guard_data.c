/*
 * The registers of time and load control, 0480 2xxx: docs/protocols/terminal.md. A value is checked
 * whole before it is taken. Numbers are binary, low byte first.
 */
#include <string.h>

#include "terminal/terminal_impl.h"

#define DI1(di) ((uint8_t)((di) >> 8))
#define DI0(di) ((uint8_t)(di))
#define WORKING_HOURS 0x25
#define HOLIDAY_HOURS 0x26
#define PERIOD_BYTES 5
#define DATE_BYTES 4
#define WHITE_BYTES 4
#define SECONDS_MAX 3600

/* 1..circuits -> 0..; false: no such circuit, or no load control at all */
static bool index_of(const struct terminal *t, uint32_t di, unsigned *index)
{
    *index = DI0(di) - 1U;
    return t->setup.rating_ma > 0 && *index < t->setup.circuits;
}

static void put_rules(const struct terminal_rules *r, struct writer *w)
{
    writer_u8(w, (uint8_t)(r->timed | r->malignant << 1 | r->aircon << 2));
    writer_u16le(w, r->power_w);
    writer_u16le(w, r->current_ma);
    writer_u16le(w, r->night_power_w);
    writer_u16le(w, r->night_ma);
    writer_u8(w, r->delay_s);
    writer_u8(w, r->recloses);
    writer_u16le(w, r->reclose_s);
    writer_u16le(w, (uint16_t)(r->load.limit_mw / 1000));
    writer_u16le(w, r->standby_ma);
    writer_u8(w, r->unplugged_s);
}

static uint8_t take_rules(struct terminal_rules *r, uint16_t rating_ma, struct bytes data)
{
    struct reader in = reader_of(data.data, data.len);
    uint8_t flags = reader_u8(&in);
    r->timed = flags & 1;
    r->malignant = flags & 2;
    r->aircon = flags & 4;
    r->power_w = reader_u16le(&in);
    r->current_ma = reader_u16le(&in);
    r->night_power_w = reader_u16le(&in);
    r->night_ma = reader_u16le(&in);
    r->delay_s = reader_u8(&in);
    r->recloses = reader_u8(&in);
    r->reclose_s = reader_u16le(&in);
    uint16_t step_w = reader_u16le(&in);
    r->load.limit_mw = step_w * 1000;
    r->standby_ma = reader_u16le(&in);
    r->unplugged_s = reader_u8(&in);
    bool whole = in.err == ERR_OK && reader_left(&in) == 0 && flags <= 7;
    bool limits = r->current_ma <= rating_ma && r->night_ma <= rating_ma;
    bool watched = step_w >= 30 && step_w <= 3300 && r->standby_ma >= 2 && r->standby_ma <= 200;
    return whole && limits && watched ? SLAVE_OK : SLAVE_OTHER;
}

static void put_white(const struct terminal_rules *r, struct writer *w)
{
    for (unsigned i = 0; i < LOAD_WHITE_MAX; i++) {
        writer_u16le(w, (uint16_t)(r->load.white[i].power_mw / 1000));
        writer_u16le(w, (uint16_t)(int16_t)(r->load.white[i].reactive_mvar / 1000));
    }
}

/* The whole list; power 0 is a free place. */
static uint8_t take_white(struct terminal_rules *r, struct bytes data)
{
    struct reader in = reader_of(data.data, data.len);
    for (unsigned i = 0; i < LOAD_WHITE_MAX; i++) {
        uint16_t power_w = reader_u16le(&in);
        int16_t reactive_var = (int16_t)reader_u16le(&in);
        r->load.white[i] = (struct load_white){power_w * 1000, reactive_var * 1000};
    }
    return data.len == WHITE_BYTES * LOAD_WHITE_MAX ? SLAVE_OK : SLAVE_OTHER;
}

static void put_time(struct writer *w, unsigned minute)
{
    writer_bcd_le(w, minute % 60, 1);
    writer_bcd_le(w, minute / 60, 1);
}

static uint16_t take_time(struct reader *r)
{
    unsigned minute = (unsigned)reader_bcd_le(r, 1), hour = (unsigned)reader_bcd_le(r, 1);
    return minute < 60 ? (uint16_t)(hour * 60 + minute) : UINT16_MAX;
}

static enum terminal_day kind_of(uint32_t di)
{
    return DI1(di) == WORKING_HOURS ? TERMINAL_WORKING_DAY : TERMINAL_HOLIDAY;
}

/* A table is shown whole: what is not used is zero. */
static void put_hours(const struct terminal_day_hours *d, struct writer *w)
{
    for (unsigned i = 0; i < TERMINAL_HOURS; i++) {
        put_time(w, d->list[i].begin_min);
        put_time(w, d->list[i].end_min);
        writer_u8(w, d->list[i].cover);
    }
}

static uint8_t take_hours(struct terminal_day_hours *d, struct bytes data)
{
    static const uint8_t unused[PERIOD_BYTES];
    struct reader in = reader_of(data.data, data.len);
    if (data.len % PERIOD_BYTES != 0 || data.len > PERIOD_BYTES * TERMINAL_HOURS)
        return SLAVE_OTHER;
    *d = (struct terminal_day_hours){0};
    for (size_t i = 0; i < data.len / PERIOD_BYTES; i++) {
        if (memcmp(data.data + i * PERIOD_BYTES, unused, PERIOD_BYTES) == 0) {
            (void)reader_take(&in, PERIOD_BYTES);
            continue;
        }
        struct terminal_hours *h = &d->list[d->count++];
        h->begin_min = take_time(&in);
        h->end_min = take_time(&in);
        h->cover = reader_u8(&in);
    }
    return in.err == ERR_OK && hours_valid(d) ? SLAVE_OK : SLAVE_OTHER;
}

static void put_calendar(const struct terminal_guard *g, struct writer *w)
{
    writer_u8(w, g->weekend);
    for (unsigned i = 0; i < g->date_count; i++) {
        writer_bcd_le(w, g->dates[i].day, 1);
        writer_bcd_le(w, g->dates[i].month, 1);
        writer_bcd_le(w, g->dates[i].year, 1);
        writer_u8(w, g->dates[i].kind);
    }
}

struct calendar {
    uint8_t weekend, count;
    struct terminal_date dates[TERMINAL_DATES];
};

static uint8_t take_calendar(struct calendar *g, struct bytes data)
{
    struct reader in = reader_of(data.data, data.len);
    if (data.len % DATE_BYTES != 1 || data.len > 1 + DATE_BYTES * TERMINAL_DATES)
        return SLAVE_OTHER;
    g->weekend = reader_u8(&in);
    while (reader_left(&in) > 0) {
        struct terminal_date *d = &g->dates[g->count++];
        d->day = (uint8_t)reader_bcd_le(&in, 1);
        d->month = (uint8_t)reader_bcd_le(&in, 1);
        d->year = (uint8_t)reader_bcd_le(&in, 1);
        d->kind = reader_u8(&in);
        struct civil c = {.year = 2000 + d->year, .month = d->month, .day = d->day};
        if (in.err != ERR_OK || !civil_valid(c) || d->kind >= TERMINAL_DAY_KINDS)
            return SLAVE_OTHER;
    }
    return g->weekend < 0x80 ? SLAVE_OK : SLAVE_OTHER;
}

/* Seconds until the circuit closes by itself, as the register can tell. */
static uint16_t seconds_left(const struct terminal *t, unsigned index)
{
    const struct terminal_hold *h = &t->books.hold[index];
    int64_t left = h->until_s - clock_now_s(t);
    if (h->cause == 0 || h->locked || left < 0)
        return 0;
    return left > UINT16_MAX ? UINT16_MAX : (uint16_t)left;
}

static void put_state(const struct terminal *t, unsigned index, struct writer *w)
{
    const struct terminal_hold *h = &t->books.hold[index];
    const struct terminal_watch *x = &t->watch[index];
    writer_u8(w, t->cover[index]);
    writer_u8(w, h->cause);
    writer_u8(w, (uint8_t)(h->locked | (t->books.staff >> index & 1) << 1 | x->standby << 2 |
                           (t->now.ms < x->learn_until.ms) << 3));
    writer_u8(w, h->recloses);
    writer_u16le(w, seconds_left(t, index));
}

uint8_t guard_read(const struct terminal *t, uint32_t di, struct writer *w)
{
    unsigned i;
    if (DI1(di) == 0x27) {
        put_calendar(&t->guard, w);
        return DI0(di) == 0 ? SLAVE_OK : SLAVE_NO_DATA;
    }
    if (!index_of(t, di, &i))
        return SLAVE_NO_DATA;
    const struct terminal_rules *r = &t->guard.circuit[i];
    switch (DI1(di)) {
    case 0x20:
        writer_u8(w, t->books.staff >> i & 1);
        return SLAVE_OK;
    case 0x22:
        put_white(r, w);
        return SLAVE_OK;
    case 0x24:
        put_rules(r, w);
        return SLAVE_OK;
    case WORKING_HOURS:
    case HOLIDAY_HOURS:
        put_hours(&r->hours[kind_of(di)], w);
        return SLAVE_OK;
    case 0x28:
        put_state(t, i, w);
        return SLAVE_OK;
    default:
        return SLAVE_NO_DATA;
    }
}

static uint8_t lock(struct terminal *t, unsigned index, struct bytes data)
{
    if (data.len != 1 || data.data[0] > 1)
        return SLAVE_OTHER;
    uint8_t bit = (uint8_t)(1U << index);
    t->books.staff = (uint8_t)(data.data[0] ? t->books.staff | bit : t->books.staff & ~bit);
    return SLAVE_OK;
}

static uint8_t reset(struct terminal *t, unsigned index, struct bytes data)
{
    if (data.len != 1 || data.data[0] != 1)
        return SLAVE_OTHER;
    guard_reset(t, index);
    return SLAVE_OK;
}

static uint8_t learn(struct terminal *t, unsigned index, struct bytes data)
{
    struct reader in = reader_of(data.data, data.len);
    uint16_t seconds = reader_u16le(&in);
    if (data.len != 2 || seconds > SECONDS_MAX)
        return SLAVE_OTHER;
    guard_learn(t, index, seconds);
    return SLAVE_OK;
}

/* A copy is written to, so that a refused value leaves no trace. */
static uint8_t write_rules(struct terminal *t, uint32_t di, unsigned index, struct bytes data)
{
    struct terminal_rules r = t->guard.circuit[index];
    uint8_t err = SLAVE_NO_DATA;
    switch (DI1(di)) {
    case 0x22:
        err = take_white(&r, data);
        break;
    case 0x24:
        err = take_rules(&r, t->setup.rating_ma, data);
        break;
    case WORKING_HOURS:
    case HOLIDAY_HOURS:
        err = take_hours(&r.hours[kind_of(di)], data);
        break;
    }
    if (err == SLAVE_OK) {
        t->guard.circuit[index] = r;
        t->guard_dirty = true;
    }
    return err;
}

static uint8_t write_calendar(struct terminal *t, struct bytes data)
{
    struct calendar taken = {0};
    uint8_t err = take_calendar(&taken, data);
    if (err != SLAVE_OK)
        return err;
    t->guard.weekend = taken.weekend;
    t->guard.date_count = taken.count;
    memcpy(t->guard.dates, taken.dates, sizeof taken.dates);
    t->guard_dirty = true;
    return SLAVE_OK;
}

static uint8_t write_circuit(struct terminal *t, uint32_t di, struct bytes data)
{
    unsigned i;
    if (!index_of(t, di, &i))
        return SLAVE_NO_DATA;
    switch (DI1(di)) {
    case 0x20:
        return lock(t, i, data);
    case 0x21:
        return reset(t, i, data);
    case 0x23:
        return learn(t, i, data);
    default:
        return write_rules(t, di, i, data);
    }
}

uint8_t guard_write(struct terminal *t, uint32_t di, struct bytes data)
{
    bool calendar = DI1(di) == 0x27 && DI0(di) == 0;
    return calendar ? write_calendar(t, data) : write_circuit(t, di, data);
}
