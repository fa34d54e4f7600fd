/*
 * Records in nvram: two slots each, the newer valid one counts, the other is written next.
 *
 *   "YB", "YC", "YG" | version | 0 | sequence 4 | body | CRC32C 4        (little-endian)
 *
 * One function per record walks the body in both directions, so that reading and writing cannot
 * drift apart. A record of a newer version is not understood and counts as damaged; books of
 * version 1 have no load control and are read as if nothing were tripped.
 */
#include <string.h>

#include "base/must.h"
#include "terminal/terminal_impl.h"

#define RECORD_VERSION 5
#define VERSION_GUARD 2  /* since then the books hold trips by load control */
#define VERSION_FREEZE 3 /* freezes, the free amount, a second day table */
#define VERSION_MODBUS 4
#define VERSION_BROADCAST 5
#define RECORD_HEAD 8
#define RECORD_CRC 4

/* Writes v, or hands out what is read instead. */
struct walk {
    struct reader r;
    struct writer w;
    bool writing;
    uint8_t version;
};

static uint64_t step(struct walk *k, uint64_t v, size_t len)
{
    if (!k->writing) {
        uint64_t read = 0;
        for (size_t i = 0; i < len; i++)
            read |= (uint64_t)reader_u8(&k->r) << (8 * i);
        return read;
    }
    for (size_t i = 0; i < len; i++)
        writer_u8(&k->w, (uint8_t)(v >> (8 * i)));
    return v;
}

static void step_bytes(struct walk *k, uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        data[i] = (uint8_t)step(k, data[i], 1);
}

static uint8_t step_u8(struct walk *k, uint8_t v)
{
    return (uint8_t)step(k, v, 1);
}

static uint32_t step_u32(struct walk *k, uint32_t v)
{
    return (uint32_t)step(k, v, 4);
}

static int64_t step_i64(struct walk *k, int64_t v)
{
    return (int64_t)step(k, (uint64_t)v, 8);
}

/* Money fits into 32 bits: 999,999.99 yuan either sign. */
static int64_t step_money(struct walk *k, int64_t v)
{
    return (int32_t)step(k, (uint64_t)v, 4);
}

static void step_stamp(struct walk *k, struct terminal_stamp *s)
{
    s->year = step_u8(k, s->year);
    s->month = step_u8(k, s->month);
    s->day = step_u8(k, s->day);
    s->hour = step_u8(k, s->hour);
    s->minute = step_u8(k, s->minute);
    s->second = step_u8(k, s->second);
}

static void walk_purchase(struct walk *k, struct terminal_purchase *p)
{
    step_stamp(k, &p->at);
    p->count = step_u32(k, p->count);
    p->amount_fen = step_money(k, p->amount_fen);
    p->before_fen = step_money(k, p->before_fen);
    p->after_fen = step_money(k, p->after_fen);
    p->purchased_fen = step_i64(k, p->purchased_fen);
}

static void walk_wallet(struct walk *k, struct terminal_books *b)
{
    for (unsigned c = 0; c < TERMINAL_CIRCUITS; c++)
        for (unsigned r = 0; r < TERMINAL_RATES; r++)
            b->energy_mwh[c][r] = step(k, b->energy_mwh[c][r], 8);
    b->balance_fen = step_money(k, b->balance_fen);
    b->carry = step_u32(k, (uint32_t)b->carry);
    b->count = step_u32(k, b->count);
    b->purchased_fen = step_i64(k, b->purchased_fen);
    step_bytes(k, b->customer, sizeof b->customer);
    b->purchase_count = step_u8(k, b->purchase_count);
    for (unsigned i = 0; i < TERMINAL_PURCHASES; i++)
        walk_purchase(k, &b->purchase[i]);
}

static void walk_flags(struct walk *k, struct terminal_books *b)
{
    uint8_t flags = (uint8_t)(b->opened | b->overdraft_cut << 1 | b->keep_power << 2 |
                              b->alarm_ordered << 3 | b->clock_lost << 4);
    flags = step_u8(k, flags);
    b->opened = flags & 1;
    b->overdraft_cut = flags & 2;
    b->keep_power = flags & 4;
    b->alarm_ordered = flags & 8;
    b->clock_lost = flags & 16;
}

static void walk_holds(struct walk *k, struct terminal_books *b)
{
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++) {
        b->hold[i].cause = step_u8(k, b->hold[i].cause);
        b->hold[i].locked = step_u8(k, b->hold[i].locked);
        b->hold[i].recloses = step_u8(k, b->hold[i].recloses);
        b->hold[i].until_s = step_i64(k, b->hold[i].until_s);
    }
    b->staff = step_u8(k, b->staff);
    b->hold_day = (int32_t)step_u32(k, (uint32_t)b->hold_day);
}

static void walk_calendar(struct walk *k, struct terminal_books *b)
{
    b->free_fen = step_money(k, b->free_fen);
    b->free_month = (int32_t)step_u32(k, (uint32_t)b->free_month);
    b->days = step_u32(k, b->days);
    b->months = step_u32(k, b->months);
    b->freeze_day = (int32_t)step_u32(k, (uint32_t)b->freeze_day);
    b->freeze_month = (int32_t)step_u32(k, (uint32_t)b->freeze_month);
}

static void walk_books(struct walk *k, struct terminal_books *b)
{
    walk_wallet(k, b);
    walk_flags(k, b);
    b->pretrip = step_u8(k, b->pretrip);
    b->remote_cut = step_u8(k, b->remote_cut);
    b->key_wait = step_u8(k, b->key_wait);
    b->timed = step_u8(k, b->timed);
    b->was_open = step_u8(k, b->was_open);
    b->timed_until_s = step_i64(k, b->timed_until_s);
    b->pretrip_until_s = step_i64(k, b->pretrip_until_s);
    b->operator_code = step_u32(k, b->operator_code);
    b->trips = step_u32(k, b->trips);
    b->closes = step_u32(k, b->closes);
    b->power_downs = step_u32(k, b->power_downs);
    b->programmings = step_u32(k, b->programmings);
    b->clock_sets = step_u32(k, b->clock_sets);
    b->clock_correction_s = step_i64(k, b->clock_correction_s);
    if (k->version >= VERSION_GUARD)
        walk_holds(k, b);
    if (k->version >= VERSION_FREEZE)
        walk_calendar(k, b);
    if (k->version >= VERSION_BROADCAST)
        b->broadcast_day = (int32_t)step_u32(k, (uint32_t)b->broadcast_day);
}

static void walk_period(struct walk *k, struct terminal_period *p)
{
    p->hour = step_u8(k, p->hour);
    p->minute = step_u8(k, p->minute);
    p->rate = step_u8(k, p->rate);
}

static void walk_zones(struct walk *k, struct terminal_config *c)
{
    c->second_count = step_u8(k, c->second_count);
    for (unsigned i = 0; i < TERMINAL_PERIODS; i++)
        walk_period(k, &c->second[i]);
    c->zone_count = step_u8(k, c->zone_count);
    for (unsigned i = 0; i < TERMINAL_ZONES; i++) {
        c->zones[i].month = step_u8(k, c->zones[i].month);
        c->zones[i].day = step_u8(k, c->zones[i].day);
        c->zones[i].table = step_u8(k, c->zones[i].table);
    }
    c->free_fen = step_money(k, c->free_fen);
    c->free_kept = step_u8(k, c->free_kept);
    c->alarm4 = step_u8(k, c->alarm4);
}

static void walk_config(struct walk *k, struct terminal_config *c)
{
    step_bytes(k, c->address, sizeof c->address);
    step_bytes(k, c->number, sizeof c->number);
    step_bytes(k, c->password2, sizeof c->password2);
    step_bytes(k, c->password4, sizeof c->password4);
    c->alarm1_fen = step_money(k, c->alarm1_fen);
    c->alarm2_fen = step_money(k, c->alarm2_fen);
    c->overdraft_fen = step_money(k, c->overdraft_fen);
    c->hoard_fen = step_money(k, c->hoard_fen);
    c->close_allowed_fen = step_money(k, c->close_allowed_fen);
    for (unsigned i = 0; i < TERMINAL_RATES; i++)
        c->price_e4[i] = step_u32(k, c->price_e4[i]);
    c->period_count = step_u8(k, c->period_count);
    for (unsigned i = 0; i < TERMINAL_PERIODS; i++)
        walk_period(k, &c->periods[i]);
    c->pretrip = step_u8(k, c->pretrip);
    c->pretrip_wait_s = (uint16_t)step(k, c->pretrip_wait_s, 2);
    c->close_by_key = step_u8(k, c->close_by_key);
    c->need_auth = step_u8(k, c->need_auth);
    step_bytes(k, c->auth_key, sizeof c->auth_key);
    if (k->version >= VERSION_FREEZE)
        walk_zones(k, c);
    if (k->version >= VERSION_MODBUS)
        c->modbus_unit = step_u8(k, c->modbus_unit);
}

static uint16_t step_u16(struct walk *k, uint16_t v)
{
    return (uint16_t)step(k, v, 2);
}

static void walk_hours(struct walk *k, struct terminal_day_hours *d)
{
    d->count = step_u8(k, d->count);
    for (unsigned i = 0; i < TERMINAL_HOURS; i++) {
        d->list[i].begin_min = step_u16(k, d->list[i].begin_min);
        d->list[i].end_min = step_u16(k, d->list[i].end_min);
        d->list[i].cover = step_u8(k, d->list[i].cover);
    }
}

static void walk_load(struct walk *k, struct load_settings *s)
{
    s->limit_mw = (int32_t)step_u32(k, (uint32_t)s->limit_mw);
    s->sure_mw = (int32_t)step_u32(k, (uint32_t)s->sure_mw);
    s->nominal_dv = step_u16(k, s->nominal_dv);
    s->white_permille = step_u16(k, s->white_permille);
    s->lamp_s = step_u16(k, s->lamp_s);
    for (unsigned i = 0; i < LOAD_WHITE_MAX; i++) {
        s->white[i].power_mw = (int32_t)step_u32(k, (uint32_t)s->white[i].power_mw);
        s->white[i].reactive_mvar = (int32_t)step_u32(k, (uint32_t)s->white[i].reactive_mvar);
    }
}

static void walk_rules(struct walk *k, struct terminal_rules *r)
{
    uint8_t flags = (uint8_t)(r->timed | r->malignant << 1 | r->aircon << 2);
    flags = step_u8(k, flags);
    r->timed = flags & 1;
    r->malignant = flags & 2;
    r->aircon = flags & 4;
    for (unsigned i = 0; i < TERMINAL_DAY_KINDS; i++)
        walk_hours(k, &r->hours[i]);
    r->current_ma = step_u16(k, r->current_ma);
    r->power_w = step_u16(k, r->power_w);
    r->night_power_w = step_u16(k, r->night_power_w);
    r->night_ma = step_u16(k, r->night_ma);
    r->delay_s = step_u8(k, r->delay_s);
    r->recloses = step_u8(k, r->recloses);
    r->reclose_s = step_u16(k, r->reclose_s);
    r->standby_ma = step_u16(k, r->standby_ma);
    r->unplugged_s = step_u8(k, r->unplugged_s);
    walk_load(k, &r->load);
}

static void walk_guard(struct walk *k, struct terminal_guard *g)
{
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        walk_rules(k, &g->circuit[i]);
    g->weekend = step_u8(k, g->weekend);
    g->date_count = step_u8(k, g->date_count);
    for (unsigned i = 0; i < TERMINAL_DATES; i++) {
        g->dates[i].year = step_u8(k, g->dates[i].year);
        g->dates[i].month = step_u8(k, g->dates[i].month);
        g->dates[i].day = step_u8(k, g->dates[i].day);
        g->dates[i].kind = step_u8(k, g->dates[i].kind);
    }
}

static void walk_why(struct walk *k, struct terminal_why *y)
{
    y->number = step_u32(k, y->number);
    y->verdict = step_u8(k, y->verdict);
    y->flags = step_u8(k, y->flags);
    y->factor = step_u16(k, y->factor);
    y->inrush = step_u16(k, y->inrush);
    y->third = step_u16(k, y->third);
    y->power_mw = (int32_t)step_u32(k, (uint32_t)y->power_mw);
    y->reactive_mvar = (int32_t)step_u32(k, (uint32_t)y->reactive_mvar);
    y->value = step_u32(k, y->value);
    y->limit = step_u32(k, y->limit);
}

/* 0.01 kWh is what a freeze can tell; what is less of each rate stands at the end, so that the
 * total is the one that was shown. */
static void walk_freeze(struct walk *k, struct terminal_freeze *f)
{
    uint16_t rest_mwh[TERMINAL_RATES];
    for (unsigned r = 0; r < TERMINAL_RATES; r++)
        rest_mwh[r] = (uint16_t)(f->rate_mwh[r] % 10'000);
    f->number = step_u32(k, f->number);
    step_stamp(k, &f->at);
    for (unsigned r = 0; r < TERMINAL_RATES; r++)
        f->rate_mwh[r] = step(k, f->rate_mwh[r] / 10'000, 4) * 10'000;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        f->circuit_mwh[i] = step(k, f->circuit_mwh[i] / 10'000, 4) * 10'000;
    f->balance_fen = step_money(k, f->balance_fen);
    f->free_fen = step_money(k, f->free_fen);
    for (unsigned r = 0; r < TERMINAL_RATES; r++)
        f->rate_mwh[r] += step_u16(k, rest_mwh[r]);
}

static void walk_event(struct walk *k, struct terminal_event *e)
{
    e->number = step_u32(k, e->number);
    step_stamp(k, &e->at);
    e->circuit = (uint8_t)step(k, e->circuit, 1);
    e->reason = (uint8_t)step(k, e->reason, 1);
    e->operator_code = step_u32(k, e->operator_code);
    e->balance_fen = step_money(k, e->balance_fen);
    /* 0.01 kWh and 0.1 W are what the registers tell; the tenths came after the rest. */
    e->energy_mwh = step(k, e->energy_mwh / 10'000, 4) * 10'000;
    uint32_t tenths = e->power_mw / 100;
    e->power_mw = (uint32_t)step(k, tenths / 10, 2) * 1000;
    e->power_mw += (uint32_t)step(k, tenths % 10, 1) * 100;
}

/* Record kinds: what tells them apart. */
enum kind { KIND_BOOKS = 'B', KIND_CONFIG = 'C', KIND_GUARD = 'G' };

static void begin_record(struct walk *k, struct terminal *t, enum kind kind, uint32_t sequence)
{
    *k = (struct walk){
        .w = writer_of(t->image, sizeof t->image), .writing = true, .version = RECORD_VERSION};
    writer_u8(&k->w, 'Y');
    writer_u8(&k->w, (uint8_t)kind);
    writer_u8(&k->w, RECORD_VERSION);
    writer_u8(&k->w, 0);
    writer_u32le(&k->w, sequence);
}

static uint16_t end_record(struct walk *k)
{
    writer_u32le(&k->w, crc32c(k->w.data, k->w.len));
    MUST(k->w.err == ERR_OK);
    return (uint16_t)k->w.len;
}

static void walk_kind(struct walk *k, struct terminal *t, enum kind kind)
{
    if (kind == KIND_BOOKS)
        walk_books(k, &t->books);
    else if (kind == KIND_CONFIG)
        walk_config(k, &t->config);
    else
        walk_guard(k, &t->guard);
}

/* Every record of a version has one fixed length, found by writing one. */
static size_t record_len(struct terminal *t, enum kind kind, uint8_t version)
{
    struct walk k;
    begin_record(&k, t, kind, 0);
    k.version = version;
    walk_kind(&k, t, kind);
    return end_record(&k);
}

/* The length of a valid record, or 0. */
static size_t record_valid(struct terminal *t, const uint8_t *slot, enum kind kind)
{
    uint8_t version = slot[2];
    if (slot[0] != 'Y' || slot[1] != (uint8_t)kind || version < 1 || version > RECORD_VERSION)
        return 0;
    size_t len = record_len(t, kind, version);
    struct reader r = reader_of(slot + len - RECORD_CRC, RECORD_CRC);
    return reader_u32le(&r) == crc32c(slot, len - RECORD_CRC) ? len : 0;
}

static uint32_t record_sequence(const uint8_t *slot)
{
    struct reader r = reader_of(slot + 4, 4);
    return reader_u32le(&r);
}

/* The newest valid slot of a record, or SLOT_NONE. */
static uint8_t newest_slot(struct terminal *t, const uint8_t *base, size_t slot_size,
                           enum kind kind)
{
    bool a = record_valid(t, base, kind) > 0, b = record_valid(t, base + slot_size, kind) > 0;
    if (a && b) {
        int32_t ahead = (int32_t)(record_sequence(base + slot_size) - record_sequence(base));
        return ahead > 0 ? 1 : 0;
    }
    return a ? 0 : b ? 1 : SLOT_NONE;
}

static struct walk open_record(struct terminal *t, const uint8_t *slot, enum kind kind)
{
    size_t len = record_valid(t, slot, kind);
    return (struct walk){.r = reader_of(slot + RECORD_HEAD, len - RECORD_HEAD), .version = slot[2]};
}

bool nvram_blank(const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != data[0])
            return false;
    return data[0] == 0x00 || data[0] == 0xFF;
}

bool books_load(struct terminal *t, const uint8_t *nvram)
{
    const uint8_t *base = nvram + NVRAM_BOOKS;
    t->books_slot = newest_slot(t, base, NVRAM_BOOKS_SLOT, KIND_BOOKS);
    if (t->books_slot == SLOT_NONE)
        return false;
    const uint8_t *slot = base + t->books_slot * NVRAM_BOOKS_SLOT;
    struct walk k = open_record(t, slot, KIND_BOOKS);
    t->books.sequence = record_sequence(slot);
    walk_books(&k, &t->books);
    MUST(k.r.err == ERR_OK);
    return true;
}

bool config_load(struct terminal *t, const uint8_t *nvram)
{
    const uint8_t *base = nvram + NVRAM_CONFIG;
    t->config_slot = newest_slot(t, base, NVRAM_CONFIG_SLOT, KIND_CONFIG);
    if (t->config_slot == SLOT_NONE)
        return false;
    const uint8_t *slot = base + t->config_slot * NVRAM_CONFIG_SLOT;
    struct walk k = open_record(t, slot, KIND_CONFIG);
    t->config.sequence = record_sequence(slot);
    walk_config(&k, &t->config);
    MUST(k.r.err == ERR_OK);
    return true;
}

bool guard_load(struct terminal *t, const uint8_t *nvram)
{
    const uint8_t *base = nvram + NVRAM_GUARD;
    t->guard_slot = newest_slot(t, base, NVRAM_GUARD_SLOT, KIND_GUARD);
    if (t->guard_slot == SLOT_NONE)
        return false;
    const uint8_t *slot = base + t->guard_slot * NVRAM_GUARD_SLOT;
    struct walk k = open_record(t, slot, KIND_GUARD);
    t->guard.sequence = record_sequence(slot);
    walk_guard(&k, &t->guard);
    MUST(k.r.err == ERR_OK);
    return true;
}

static size_t freeze_place(bool month, uint32_t number)
{
    return month ? NVRAM_MONTHS + (number - 1) % TERMINAL_MONTHS * NVRAM_FREEZE
                 : NVRAM_DAYS + (number - 1) % TERMINAL_DAYS * NVRAM_FREEZE;
}

bool freeze_read(const struct terminal *t, bool month, unsigned nn, struct terminal_freeze *f)
{
    uint32_t made = month ? t->books.months : t->books.days;
    if (nn < 1 || nn > (month ? TERMINAL_MONTHS : TERMINAL_DAYS) || nn > made)
        return false;
    uint32_t number = made - nn + 1;
    const uint8_t *at = t->nvram + freeze_place(month, number);
    struct reader r = reader_of(at + NVRAM_FREEZE - RECORD_CRC, RECORD_CRC);
    if (reader_u32le(&r) != crc32c(at, NVRAM_FREEZE - RECORD_CRC))
        return false;
    struct walk k = {.r = reader_of(at, NVRAM_FREEZE - RECORD_CRC)};
    *f = (struct terminal_freeze){0};
    walk_freeze(&k, f);
    return f->number == number;
}

bool why_read(const struct terminal *t, uint32_t number, struct terminal_why *why)
{
    size_t place = (number - 1) % TERMINAL_TRIPS;
    const uint8_t *at = t->nvram + NVRAM_WHYS + place * NVRAM_EVENT;
    struct reader r = reader_of(at + NVRAM_EVENT - RECORD_CRC, RECORD_CRC);
    if (reader_u32le(&r) != crc32c(at, NVRAM_EVENT - RECORD_CRC))
        return false;
    struct walk k = {.r = reader_of(at, NVRAM_EVENT - RECORD_CRC)};
    *why = (struct terminal_why){0};
    walk_why(&k, why);
    return why->number == number && (why->verdict != 0 || why->limit != 0);
}

/* An event stands alone: number .. power, then its CRC32C in the last four bytes. */
static size_t event_place(bool trip, uint32_t number)
{
    return trip ? NVRAM_TRIPS + (number - 1) % TERMINAL_TRIPS * NVRAM_EVENT
                : NVRAM_CLOSES + (number - 1) % TERMINAL_CLOSES * NVRAM_EVENT;
}

static const struct terminal_waiting *find_waiting(const struct terminal *t, bool trip,
                                                   uint32_t number)
{
    for (unsigned i = 0; i < t->waiting_count; i++)
        if (t->waiting[i].opened == trip && t->waiting[i].event.number == number)
            return &t->waiting[i];
    return NULL;
}

bool terminal_event_read(const struct terminal *t, bool trip, unsigned nn, struct terminal_event *e)
{
    uint32_t total = trip ? t->books.trips : t->books.closes;
    *e = (struct terminal_event){0};
    if (nn < 1 || nn > (trip ? TERMINAL_TRIPS : TERMINAL_CLOSES) || nn > total)
        return false;
    uint32_t number = total - nn + 1;
    const struct terminal_waiting *waiting = find_waiting(t, trip, number);
    if (waiting != NULL) {
        *e = waiting->event;
        return true;
    }
    const uint8_t *place = t->nvram + event_place(trip, number);
    struct reader r = reader_of(place + NVRAM_EVENT - RECORD_CRC, RECORD_CRC);
    if (reader_u32le(&r) != crc32c(place, NVRAM_EVENT - RECORD_CRC))
        return false;
    struct walk k = {.r = reader_of(place, NVRAM_EVENT - RECORD_CRC)};
    walk_event(&k, e);
    return e->number == number;
}

/* The oldest of those that wait. */
static void write_event(struct terminal *t, struct terminal_write *out)
{
    struct terminal_event *e = &t->waiting[0].event;
    size_t offset = event_place(t->waiting[0].opened, e->number);
    struct walk k = {.w = writer_of(t->image, NVRAM_EVENT), .writing = true};
    walk_event(&k, e);
    writer_fill(&k.w, 0, NVRAM_EVENT - RECORD_CRC - k.w.len);
    *out = (struct terminal_write){(uint16_t)offset, end_record(&k), t->image};
    memmove(t->waiting, t->waiting + 1, --t->waiting_count * sizeof t->waiting[0]);
}

static void write_freeze(struct terminal *t, bool month, struct terminal_write *out)
{
    t->freeze.number = month ? t->books.months : t->books.days;
    size_t offset = freeze_place(month, t->freeze.number);
    struct walk k = {.w = writer_of(t->image, NVRAM_FREEZE), .writing = true};
    struct terminal_freeze copy = t->freeze;
    copy.at.day = month ? 1 : copy.at.day; /* the midnight that ended the month */
    walk_freeze(&k, &copy);
    writer_fill(&k.w, 0, NVRAM_FREEZE - RECORD_CRC - k.w.len);
    *out = (struct terminal_write){(uint16_t)offset, end_record(&k), t->image};
    if (month)
        t->month_dirty = false;
    else
        t->day_dirty = false;
}

static void write_why(struct terminal *t, unsigned index, struct terminal_write *out)
{
    struct terminal_why *why = &t->why[index];
    size_t place = (why->number - 1) % TERMINAL_TRIPS;
    struct walk k = {.w = writer_of(t->image, NVRAM_EVENT), .writing = true};
    walk_why(&k, why);
    writer_fill(&k.w, 0, NVRAM_EVENT - RECORD_CRC - k.w.len);
    *out = (struct terminal_write){(uint16_t)(NVRAM_WHYS + place * NVRAM_EVENT), end_record(&k),
                                   t->image};
    t->why_dirty &= (uint8_t) ~(1U << index);
}

static void write_guard(struct terminal *t, struct terminal_write *out)
{
    t->guard_slot = t->guard_slot == 0 ? 1 : 0;
    struct walk k;
    begin_record(&k, t, KIND_GUARD, ++t->guard.sequence);
    walk_guard(&k, &t->guard);
    size_t offset = NVRAM_GUARD + t->guard_slot * (size_t)NVRAM_GUARD_SLOT;
    *out = (struct terminal_write){(uint16_t)offset, end_record(&k), t->image};
    MUST(out->len <= NVRAM_GUARD_SLOT);
    t->guard_dirty = false;
}

static void write_config(struct terminal *t, struct terminal_write *out)
{
    t->config_slot = t->config_slot == 0 ? 1 : 0;
    struct walk k;
    begin_record(&k, t, KIND_CONFIG, ++t->config.sequence);
    walk_config(&k, &t->config);
    size_t offset = NVRAM_CONFIG + t->config_slot * (size_t)NVRAM_CONFIG_SLOT;
    *out = (struct terminal_write){(uint16_t)offset, end_record(&k), t->image};
    MUST(out->len <= NVRAM_CONFIG_SLOT);
    t->config_dirty = false;
}

static void write_books(struct terminal *t, struct terminal_write *out)
{
    t->books_slot = t->books_slot == 0 ? 1 : 0;
    struct walk k;
    begin_record(&k, t, KIND_BOOKS, ++t->books.sequence);
    walk_books(&k, &t->books);
    size_t offset = NVRAM_BOOKS + t->books_slot * (size_t)NVRAM_BOOKS_SLOT;
    *out = (struct terminal_write){(uint16_t)offset, end_record(&k), t->image};
    MUST(out->len <= NVRAM_BOOKS_SLOT);
    t->books_dirty = false;
    t->unsaved_mwh = 0;
}

/* Events first: the counters in the books admit an event only when its record is there. A cut in
 * between repeats the event under the same number at the same place. */
static bool take_write(struct terminal *t, struct terminal_write *w)
{
    if (t->waiting_count > 0) {
        write_event(t, w);
        return true;
    }
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        if (t->why_dirty >> i & 1) {
            write_why(t, i, w);
            return true;
        }
    if (t->day_dirty || t->month_dirty) {
        write_freeze(t, !t->day_dirty, w);
        return true;
    }
    if (t->config_dirty)
        write_config(t, w);
    else if (t->guard_dirty)
        write_guard(t, w);
    else if (t->books_dirty)
        write_books(t, w);
    else
        return false;
    return true;
}

bool terminal_next_write(struct terminal *t, struct terminal_write *w)
{
    t->writing = take_write(t, w);
    return t->writing;
}
