/* What can be read: a table of data identifiers. docs/protocols/terminal.md lists them. */
#include <string.h>

#include "terminal/terminal_impl.h"

#define DI(d3, d2, d1, d0)                                                                         \
    ((uint32_t)(d3) << 24 | (uint32_t)(d2) << 16 | (uint32_t)(d1) << 8 | (uint32_t)(d0))
#define DI1(di) ((uint8_t)((di) >> 8))
#define DI0(di) ((uint8_t)(di))

static uint32_t root_of(uint64_t v)
{
    uint64_t r = 0;
    for (uint64_t bit = UINT64_C(1) << 62; bit; bit >>= 2) {
        bool fits = v >= r + bit;
        if (fits)
            v -= r + bit;
        r = (r >> 1) + (fits ? bit : 0);
    }
    return (uint32_t)r;
}

static void put_energy(struct writer *w, uint64_t mwh)
{
    writer_bcd_le(w, mwh / 10'000 % 100'000'000, 4); /* 0.01 kWh, rolls over after 999999.99 */
}

/* Magnitude in BCD, the top bit of the last byte is the sign; too large a value shows all nines. */
static void put_signed(struct writer *w, int64_t v, size_t len, uint64_t max)
{
    uint64_t magnitude = v < 0 ? (uint64_t)-v : (uint64_t)v;
    writer_bcd_le(w, magnitude > max ? max : magnitude, len);
    if (v < 0 && w->err == ERR_OK)
        w->data[w->len - 1] |= 0x80;
}

static void put_money(struct writer *w, int64_t fen)
{
    writer_bcd_le(w, fen < 0 ? 0 : (uint64_t)fen, 4);
}

static void put_power(struct writer *w, int64_t mw)
{
    put_signed(w, mw / 100, 3, 799'999); /* XX.XXXX kW */
}

static int64_t power_total(const struct terminal *t)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        sum += t->sample.power_mw[i];
    return sum;
}

static unsigned month_of(uint32_t di)
{
    return DI0(di);
}

/* Of the nn-th last month, from its freeze. */
static uint8_t read_frozen(const struct terminal *t, uint32_t di, struct writer *w)
{
    unsigned direction = di >> 16 & 0xFF;
    uint8_t rate = DI1(di);
    struct terminal_freeze f;
    if ((rate > TERMINAL_RATES && rate != 0xFF) || !freeze_read(t, true, month_of(di), &f))
        return SLAVE_NO_DATA;
    uint64_t shown[TERMINAL_RATES + 1] = {0};
    for (unsigned r = 1; r <= TERMINAL_RATES && direction != 2; r++) {
        shown[r] = f.rate_mwh[r - 1];
        shown[0] += shown[r];
    }
    for (unsigned r = rate == 0xFF ? 0 : rate; r <= (rate == 0xFF ? TERMINAL_RATES : rate); r++)
        put_energy(w, shown[r]);
    return SLAVE_OK;
}

static uint8_t read_energy(const struct terminal *t, uint32_t di, struct writer *w)
{
    unsigned direction = di >> 16 & 0xFF; /* 0 combined, 1 forward, 2 reverse: none flows */
    uint8_t rate = DI1(di);
    if (month_of(di) > 0)
        return read_frozen(t, di, w);
    if (rate > TERMINAL_RATES && rate != 0xFF)
        return SLAVE_NO_DATA;
    unsigned first = rate == 0xFF ? 0 : rate, last = rate == 0xFF ? TERMINAL_RATES : rate;
    for (unsigned r = first; r <= last; r++)
        put_energy(w, direction == 2 ? 0 : terminal_register_mwh(t, 0, r));
    return SLAVE_OK;
}

static uint8_t read_remaining(const struct terminal *t, uint32_t di, struct writer *w)
{
    int64_t fen = t->books.balance_fen;
    if (!t->setup.wallet)
        return SLAVE_NO_DATA;
    put_money(w, DI0(di) == 0 ? fen : -fen);
    return SLAVE_OK;
}

/* Phase 1..3 or FF for the block, which a single-phase meter fills with zeros. */
static bool phases_of(const struct terminal *t, uint8_t d1, unsigned *first, unsigned *last)
{
    *first = d1 == 0xFF ? 0 : d1 - 1U;
    *last = d1 == 0xFF ? 2 : d1 - 1U;
    return d1 == 0xFF || (d1 >= 1 && d1 <= t->setup.phases);
}

static uint64_t phase_current_ma(const struct terminal *t, unsigned phase)
{
    if (t->setup.phases == 3)
        return t->sample.current_ma[phase];
    uint64_t sum = 0;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        sum += t->sample.current_ma[i];
    return phase == 0 ? sum : 0;
}

static int64_t phase_power_mw(const struct terminal *t, unsigned phase)
{
    if (t->setup.phases == 3)
        return t->sample.power_mw[phase];
    return phase == 0 ? power_total(t) : 0;
}

static uint8_t read_voltage(const struct terminal *t, uint32_t di, struct writer *w)
{
    unsigned first, last;
    if (!phases_of(t, DI1(di), &first, &last))
        return SLAVE_NO_DATA;
    for (unsigned p = first; p <= last; p++)
        writer_bcd_le(w, p < t->setup.phases ? t->sample.voltage_dv[p] % 10'000U : 0, 2);
    return SLAVE_OK;
}

static uint8_t read_current(const struct terminal *t, uint32_t di, struct writer *w)
{
    unsigned first, last;
    if (!phases_of(t, DI1(di), &first, &last))
        return SLAVE_NO_DATA;
    for (unsigned p = first; p <= last; p++)
        put_signed(w, (int64_t)phase_current_ma(t, p), 3, 799'999);
    return SLAVE_OK;
}

static uint8_t read_power(const struct terminal *t, uint32_t di, struct writer *w)
{
    unsigned first, last;
    if (DI1(di) == 0 || DI1(di) == 0xFF)
        put_power(w, power_total(t));
    if (DI1(di) == 0)
        return SLAVE_OK;
    if (!phases_of(t, DI1(di), &first, &last))
        return SLAVE_NO_DATA;
    for (unsigned p = first; p <= last; p++)
        put_power(w, phase_power_mw(t, p));
    return SLAVE_OK;
}

/* Where the chip tells no reactive power, all that is not active counts as reactive. */
static uint64_t circuit_apparent(const struct terminal *t, unsigned i)
{
    unsigned phase = t->setup.phases == 3 ? i : 0;
    return (uint64_t)t->sample.voltage_dv[phase] * t->sample.current_ma[i] / 10;
}

int64_t read_reactive_mvar(const struct terminal *t, unsigned i)
{
    if (t->sample.has_reactive)
        return t->sample.reactive_mvar[i];
    int64_t s = (int64_t)circuit_apparent(t, i), p = t->sample.power_mw[i];
    return s > p && s > -p ? (int64_t)root_of((uint64_t)(s * s - p * p)) : 0;
}

/* Thousandths; 1000 where nothing flows. */
static int64_t power_factor(int64_t power_mw, uint64_t apparent_mva)
{
    if (apparent_mva == 0)
        return 1000;
    int64_t f = power_mw * 1000 / (int64_t)apparent_mva;
    return f > 1000 ? 1000 : f < -1000 ? -1000 : f;
}

/* Reactive 04, apparent 05, factor 06 of a phase; phase 0: of all. */
static void put_quality(const struct terminal *t, unsigned kind, unsigned phase, struct writer *w)
{
    int64_t active = 0, reactive = 0;
    uint64_t apparent = 0;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++) {
        unsigned of = t->setup.phases == 3 ? i + 1 : 1;
        if (phase != 0 && phase != of)
            continue;
        active += t->sample.power_mw[i];
        reactive += read_reactive_mvar(t, i);
        apparent += circuit_apparent(t, i);
    }
    if (kind == 0x06)
        put_signed(w, phase > t->setup.phases ? 0 : power_factor(active, apparent), 2, 1000);
    else
        put_power(w, kind == 0x05 ? (int64_t)apparent : reactive);
}

static uint8_t read_quality(const struct terminal *t, uint32_t di, struct writer *w)
{
    bool block = DI1(di) == 0xFF;
    if (!block && DI1(di) > t->setup.phases)
        return SLAVE_NO_DATA;
    for (unsigned p = block ? 0 : DI1(di); p <= (block ? 3U : DI1(di)); p++)
        put_quality(t, di >> 16 & 0xFF, p, w);
    return SLAVE_OK;
}

/* All that is measured in one circuit. */
static uint8_t read_circuit(const struct terminal *t, uint32_t di, struct writer *w)
{
    unsigned i = DI0(di) - 1U;
    if (t->setup.phases != 1 || i >= t->setup.circuits)
        return SLAVE_NO_DATA;
    const struct terminal_sample *s = &t->sample;
    writer_bcd_le(w, s->voltage_dv[0] % 10'000U, 2);
    put_signed(w, s->current_ma[i], 3, 799'999);
    put_power(w, s->power_mw[i]);
    put_power(w, read_reactive_mvar(t, i));
    put_power(w, (int64_t)circuit_apparent(t, i));
    put_signed(w, power_factor(s->power_mw[i], circuit_apparent(t, i)), 2, 1000);
    writer_bcd_le(w, s->frequency_chz % 10'000U, 2);
    for (unsigned r = 0; r <= TERMINAL_RATES; r++)
        put_energy(w, terminal_register_mwh(t, i + 1, r));
    return SLAVE_OK;
}

static uint8_t read_misc(const struct terminal *t, uint32_t di, struct writer *w)
{
    switch (DI0(di)) {
    case 0x02:
        writer_bcd_le(w, t->sample.frequency_chz % 10'000U, 2);
        return SLAVE_OK;
    case 0x20: /* price now, and of the tariff now: the same without ladders */
    case 0x21:
        writer_bcd_le(w, t->config.price_e4[terminal_rate_now(t) - 1], 4);
        return SLAVE_OK;
    default:
        return SLAVE_NO_DATA;
    }
}

static void put_date(struct writer *w, struct civil c)
{
    writer_bcd_le(w, c.weekday, 1);
    writer_bcd_le(w, c.day, 1);
    writer_bcd_le(w, c.month, 1);
    writer_bcd_le(w, (uint64_t)(c.year % 100), 1);
}

static void put_time(struct writer *w, struct civil c)
{
    writer_bcd_le(w, c.second, 1);
    writer_bcd_le(w, c.minute, 1);
    writer_bcd_le(w, c.hour, 1);
}

static uint8_t read_clock(const struct terminal *t, uint32_t di, struct writer *w)
{
    struct civil c = terminal_local_time(t);
    if (DI0(di) != 0x01 && DI0(di) != 0x02 && DI0(di) != 0x0C)
        return SLAVE_NO_DATA;
    if (DI0(di) != 0x01) /* low byte first: the time stands before the date */
        put_time(w, c);
    if (DI0(di) != 0x02)
        put_date(w, c);
    return SLAVE_OK;
}

static uint8_t read_counts(const struct terminal *t, uint32_t di, struct writer *w)
{
    uint8_t zones = t->config.zone_count > 0 ? t->config.zone_count : 1;
    const uint8_t counts[] = {0, zones, TERMINAL_DAY_TABLES, TERMINAL_PERIODS, TERMINAL_RATES};
    if (DI0(di) < 1 || DI0(di) > 4)
        return SLAVE_NO_DATA;
    writer_bcd_le(w, counts[DI0(di)], 1);
    return SLAVE_OK;
}

static uint8_t read_identity(const struct terminal *t, uint32_t di, struct writer *w)
{
    switch (DI0(di)) {
    case 0x01:
        writer_put(w, t->config.address, 6);
        return SLAVE_OK;
    case 0x02:
        writer_put(w, t->config.number, 6);
        return SLAVE_OK;
    case 0x0E:
        writer_put(w, t->books.customer, 6);
        return SLAVE_OK;
    default:
        return SLAVE_NO_DATA;
    }
}

static uint16_t word1(const struct terminal *t)
{
    unsigned w = 0;
    w |= t->nvram_fault ? 1U << 13 : 0;
    w |= t->setup.wallet && t->books.balance_fen < 0 ? 1U << 14 : 0;
    w |= t->books.clock_lost ? 1U << 15 : 0;
    return (uint16_t)w;
}

static uint16_t word3(const struct terminal *t)
{
    const struct terminal_books *b = &t->books;
    bool open = t->open_now == relay_mask_all(t);
    bool command =
        b->remote_cut == relay_mask_all(t) || b->timed != 0 || b->overdraft_cut || b->pretrip == 1;
    unsigned w = 0;
    w |= t->programming ? 1U << 3 : 0;
    w |= open ? 1U << 4 : 0;
    w |= command ? 1U << 6 : 0;
    w |= credit_alarm(t) >= 2 ? 1U << 7 : 0;
    w |= t->setup.wallet ? 2U << 8 : 0;
    w |= b->keep_power ? 1U << 12 : 0;
    w |= t->auth_until.ms > t->now.ms ? 1U << 13 : 0;
    w |= t->setup.wallet && !b->opened ? 1U << 15 : 0;
    return (uint16_t)w;
}

static uint8_t read_state(const struct terminal *t, uint32_t di, struct writer *w)
{
    uint16_t words[8] = {[1] = word1(t), [3] = word3(t)};
    uint8_t n = DI0(di);
    if (n != 0xFF && (n < 1 || n > 7))
        return SLAVE_NO_DATA;
    for (unsigned i = n == 0xFF ? 1 : n; i <= (n == 0xFF ? 7U : n); i++)
        writer_u16le(w, words[i]);
    return SLAVE_OK;
}

static uint8_t read_limits(const struct terminal *t, uint32_t di, struct writer *w)
{
    const struct terminal_config *c = &t->config;
    const int64_t limits[] = {c->alarm1_fen, c->alarm2_fen, c->overdraft_fen, c->hoard_fen,
                              c->close_allowed_fen};
    if (!t->setup.wallet || DI0(di) < 1 || DI0(di) > 5)
        return SLAVE_NO_DATA;
    put_money(w, limits[DI0(di) - 1]);
    return SLAVE_OK;
}

static uint8_t read_day_table(const struct terminal *t, uint32_t di, struct writer *w)
{
    const struct terminal_config *c = &t->config;
    bool second = DI0(di) == 2;
    const struct terminal_period *p = second ? c->second : c->periods;
    unsigned count = second ? c->second_count : c->period_count;
    for (unsigned i = 0; i < count; i++) {
        writer_bcd_le(w, p[i].rate, 1);
        writer_bcd_le(w, p[i].minute, 1);
        writer_bcd_le(w, p[i].hour, 1);
    }
    return count == 0 ? SLAVE_NO_DATA : SLAVE_OK;
}

static uint8_t read_zones(const struct terminal *t, uint32_t di, struct writer *w)
{
    (void)di;
    for (unsigned i = 0; i < t->config.zone_count; i++) {
        writer_bcd_le(w, t->config.zones[i].table, 1);
        writer_bcd_le(w, t->config.zones[i].day, 1);
        writer_bcd_le(w, t->config.zones[i].month, 1);
    }
    return t->config.zone_count == 0 ? SLAVE_NO_DATA : SLAVE_OK;
}

static uint8_t read_prices(const struct terminal *t, uint32_t di, struct writer *w)
{
    uint8_t n = DI0(di);
    if (n != 0xFF && (n < 1 || n > TERMINAL_RATES))
        return SLAVE_NO_DATA;
    for (unsigned i = n == 0xFF ? 1 : n; i <= (n == 0xFF ? TERMINAL_RATES : n); i++)
        writer_bcd_le(w, t->config.price_e4[i - 1], 4);
    return SLAVE_OK;
}

static void put_stamp(struct writer *w, const struct terminal_stamp *s, bool seconds)
{
    if (seconds)
        writer_bcd_le(w, s->second, 1);
    writer_bcd_le(w, s->minute, 1);
    writer_bcd_le(w, s->hour, 1);
    writer_bcd_le(w, s->day, 1);
    writer_bcd_le(w, s->month, 1);
    writer_bcd_le(w, s->year, 1);
}

static uint8_t read_purchase(const struct terminal *t, uint32_t di, struct writer *w)
{
    uint8_t n = DI0(di);
    if (!t->setup.wallet || n < 1 || n > TERMINAL_PURCHASES)
        return SLAVE_NO_DATA;
    /* Before the first purchase and beyond the last one: zeros. */
    const struct terminal_purchase *p = &t->books.purchase[n - 1];
    switch (DI1(di)) {
    case 1:
        put_stamp(w, &p->at, false);
        return SLAVE_OK;
    case 2: /* the count of the wallet itself, which an opening without money also sets */
        writer_bcd_le(w, (n == 1 ? t->books.count : p->count) % 10'000, 2);
        return SLAVE_OK;
    case 3:
        put_money(w, p->amount_fen);
        return SLAVE_OK;
    case 4:
        put_money(w, p->before_fen);
        return SLAVE_OK;
    case 5:
        put_money(w, p->after_fen);
        return SLAVE_OK;
    case 6:
        put_money(w, p->purchased_fen % (TERMINAL_MONEY_MAX_FEN + 1));
        return SLAVE_OK;
    default:
        return SLAVE_NO_DATA;
    }
}

static uint8_t read_event_count(const struct terminal *t, uint32_t di, struct writer *w)
{
    const struct terminal_books *b = &t->books;
    uint32_t count = 0; /* cover openings: this meter has no switch for them */
    if (di == DI(0x03, 0x11, 0, 0))
        count = b->power_downs;
    else if (di == DI(0x03, 0x30, 0, 0))
        count = b->programmings;
    else if (di == DI(0x03, 0x30, 4, 0))
        count = b->clock_sets;
    else if (di == DI(0x1D, 0, 0, 1))
        count = b->trips;
    else if (di == DI(0x1E, 0, 0, 1))
        count = b->closes;
    writer_bcd_le(w, count % 1'000'000, 3);
    return SLAVE_OK;
}

/* Time, operator, forward energy; reverse and the four quadrants are zero in this meter. */
static uint8_t read_event(const struct terminal *t, uint32_t di, struct writer *w)
{
    bool trip = di >> 24 == 0x1D;
    if (DI0(di) < 1 || DI0(di) > (trip ? TERMINAL_TRIPS : TERMINAL_CLOSES))
        return SLAVE_NO_DATA;
    struct terminal_event e;
    if (!terminal_event_read(t, trip, DI0(di), &e))
        e = (struct terminal_event){0};
    put_stamp(w, &e.at, true);
    writer_u32le(w, e.operator_code);
    put_energy(w, e.energy_mwh);
    writer_fill(w, 0, 5 * 4);
    return SLAVE_OK;
}

static uint8_t read_trip_private(const struct terminal *t, uint32_t di, struct writer *w)
{
    struct terminal_event e;
    if (!terminal_event_read(t, true, DI0(di), &e))
        return SLAVE_NO_DATA;
    put_stamp(w, &e.at, true);
    writer_u8(w, e.circuit);
    writer_u8(w, e.reason);
    put_power(w, e.power_mw);
    put_signed(w, e.balance_fen, 5, TERMINAL_MONEY_MAX_FEN);
    return SLAVE_OK;
}

/* Daily freezes, nn-th last: 00 when, 01 forward energy; private: circuits and money. */
static uint8_t read_day(const struct terminal *t, uint32_t di, struct writer *w)
{
    struct terminal_freeze f;
    if (DI1(di) > 1 || !freeze_read(t, false, DI0(di), &f))
        return SLAVE_NO_DATA;
    if (DI1(di) == 0) {
        put_stamp(w, &f.at, false);
        return SLAVE_OK;
    }
    uint64_t total = 0;
    for (unsigned r = 0; r < TERMINAL_RATES; r++)
        total += f.rate_mwh[r];
    put_energy(w, total);
    for (unsigned r = 0; r < TERMINAL_RATES; r++)
        put_energy(w, f.rate_mwh[r]);
    return SLAVE_OK;
}

static uint8_t read_freeze_private(const struct terminal *t, uint32_t di, struct writer *w)
{
    struct terminal_freeze f;
    if (!freeze_read(t, DI1(di) == 0x31, DI0(di), &f))
        return SLAVE_NO_DATA;
    put_stamp(w, &f.at, true);
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        put_energy(w, f.circuit_mwh[i]);
    put_signed(w, f.balance_fen, 5, TERMINAL_MONEY_MAX_FEN);
    put_money(w, f.free_fen);
    return SLAVE_OK;
}

static uint8_t read_free(const struct terminal *t, uint32_t di, struct writer *w)
{
    if (!t->setup.wallet)
        return SLAVE_NO_DATA;
    if (DI0(di) == 8) {
        put_money(w, t->books.free_fen);
        return SLAVE_OK;
    }
    put_money(w, t->config.free_fen);
    writer_u8(w, t->config.free_kept);
    return SLAVE_OK;
}

/* The whole of what a trip by load control rested on. */
static uint8_t read_why(const struct terminal *t, uint32_t di, struct writer *w)
{
    struct terminal_event e;
    struct terminal_why why;
    if (!terminal_event_read(t, true, DI0(di), &e) || !why_read(t, e.number, &why))
        return SLAVE_NO_DATA;
    writer_u8(w, why.verdict);
    writer_u8(w, why.flags);
    writer_u32le(w, (uint32_t)why.power_mw);
    writer_u32le(w, (uint32_t)why.reactive_mvar);
    writer_u16le(w, why.factor);
    writer_u16le(w, why.inrush);
    writer_u16le(w, why.third);
    writer_u32le(w, why.value);
    writer_u32le(w, why.limit);
    return SLAVE_OK;
}

static uint8_t read_circuits(const struct terminal *t, uint32_t di, struct writer *w)
{
    (void)di;
    struct terminal_output out = terminal_output(t);
    writer_u8(w, out.circuits);
    for (unsigned i = 0; i < out.circuits; i++) {
        put_energy(w, terminal_register_mwh(t, i + 1, 0));
        put_power(w, out.circuits == 1 ? power_total(t) : t->sample.power_mw[i]);
        writer_u8(w, (uint8_t)((out.closed[i] ? 0 : 1) | (out.alarm > 0 ? 2 : 0)));
        writer_u8(w, (uint8_t)out.reason[i]);
    }
    return SLAVE_OK;
}

static uint8_t read_order_word(const struct terminal *t, uint32_t di, struct writer *w)
{
    (void)di;
    writer_u16le(w, t->order_word);
    writer_u8(w, t->order_refused);
    return SLAVE_OK;
}

static uint8_t read_private(const struct terminal *t, uint32_t di, struct writer *w)
{
    const struct terminal_config *c = &t->config;
    switch (DI0(di)) {
    case 1:
        writer_u8(w, c->pretrip);
        return SLAVE_OK;
    case 2:
        writer_bcd_le(w, c->pretrip_wait_s, 2);
        return SLAVE_OK;
    case 3:
        writer_u8(w, c->close_by_key);
        return SLAVE_OK;
    case 4:
        writer_u8(w, c->need_auth);
        return SLAVE_OK;
    case 5:
        writer_u8(w, credit_alarm(t));
        return SLAVE_OK;
    case 6:
        writer_u8(w, c->alarm4);
        return SLAVE_OK;
    case 7:
    case 8:
        return read_free(t, di, w);
    case 9:
        writer_bcd_le(w, c->modbus_unit, 2);
        return SLAVE_OK;
    default:
        return SLAVE_NO_DATA;
    }
}

static const struct {
    uint32_t mask, value;
    uint8_t (*read)(const struct terminal *t, uint32_t di, struct writer *w);
} rows[] = {
    {0xFFFF00F0, DI(0x00, 0x00, 0, 0), read_energy},
    {0xFFFF00F0, DI(0x00, 0x01, 0, 0), read_energy},
    {0xFFFF00F0, DI(0x00, 0x02, 0, 0), read_energy},
    {0xFFFFFFFE, DI(0x00, 0x90, 2, 0), read_remaining},
    {0xFFFF00FF, DI(0x02, 0x01, 0, 0), read_voltage},
    {0xFFFF00FF, DI(0x02, 0x02, 0, 0), read_current},
    {0xFFFF00FF, DI(0x02, 0x03, 0, 0), read_power},
    {0xFFFF00FF, DI(0x02, 0x04, 0, 0), read_quality},
    {0xFFFF00FF, DI(0x02, 0x05, 0, 0), read_quality},
    {0xFFFF00FF, DI(0x02, 0x06, 0, 0), read_quality},
    {0xFFFFFF00, DI(0x02, 0x80, 0, 0), read_misc},
    {0xFFFFFFFF, DI(0x03, 0x11, 0, 0), read_event_count},
    {0xFFFFFFFF, DI(0x03, 0x30, 0, 0), read_event_count},
    {0xFFFFFFFF, DI(0x03, 0x30, 4, 0), read_event_count},
    {0xFFFFFFFF, DI(0x03, 0x30, 0x0D, 0), read_event_count},
    {0xFFFFFFFF, DI(0x03, 0x30, 0x0E, 0), read_event_count},
    {0xFFFF0000, DI(0x03, 0x33, 0, 0), read_purchase},
    {0xFFFFFF00, DI(0x04, 0x00, 1, 0), read_clock},
    {0xFFFFFF00, DI(0x04, 0x00, 2, 0), read_counts},
    {0xFFFFFF00, DI(0x04, 0x00, 4, 0), read_identity},
    {0xFFFFFF00, DI(0x04, 0x00, 5, 0), read_state},
    {0xFFFFFF00, DI(0x04, 0x00, 0x10, 0), read_limits},
    {0xFFFFFFFF, DI(0x04, 0x01, 0, 0), read_zones},
    {0xFFFFFFFF, DI(0x04, 0x01, 0, 1), read_day_table},
    {0xFFFFFFFF, DI(0x04, 0x01, 0, 2), read_day_table},
    {0xFFFFFF00, DI(0x04, 0x05, 1, 0), read_prices},
    {0xFFFFFFFF, DI(0x04, 0x80, 1, 0xFF), read_circuits},
    {0xFFFFFFFF, DI(0x04, 0x80, 2, 0xFF), read_order_word},
    {0xFFFFFF00, DI(0x04, 0x80, 3, 0), read_private},
    {0xFFFFFF00, DI(0x04, 0x80, 0x10, 0), read_trip_private},
    {0xFFFFFF00, DI(0x04, 0x80, 0x11, 0), read_why},
    {0xFFFFF000, DI(0x04, 0x80, 0x20, 0), guard_read},
    {0xFFFFFE00, DI(0x04, 0x80, 0x30, 0), read_freeze_private},
    {0xFFFFFF00, DI(0x04, 0x80, 0x40, 0), read_circuit},
    {0xFFFF0000, DI(0x05, 0x06, 0, 0), read_day},
    {0xFFFFFFFF, DI(0x1D, 0, 0, 1), read_event_count},
    {0xFFFFFF00, DI(0x1D, 0, 1, 0), read_event},
    {0xFFFFFFFF, DI(0x1E, 0, 0, 1), read_event_count},
    {0xFFFFFF00, DI(0x1E, 0, 1, 0), read_event},
};

uint8_t slave_read(const struct terminal *t, uint32_t di, struct writer *w)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if ((di & rows[i].mask) == rows[i].value)
            return rows[i].read(t, di, w);
    return SLAVE_NO_DATA;
}

/* --- answers in parts ------------------------------------------------------------------------ */

#define TRIPS_ALL DI(0x04, 0x80, 0x10, 0xFF)
#define TRIPS_A_PART 12U

static unsigned trips_kept(const struct terminal *t)
{
    return t->books.trips < TERMINAL_TRIPS ? t->books.trips : TERMINAL_TRIPS;
}

/* All trips, newest first, twelve a part. */
static uint8_t read_trips(const struct terminal *t, unsigned sequence, struct writer *w, bool *more)
{
    unsigned kept = trips_kept(t), first = sequence * TRIPS_A_PART + 1;
    if (first > kept)
        return SLAVE_NO_DATA;
    for (unsigned nn = first; nn <= kept && nn < first + TRIPS_A_PART; nn++)
        if (read_trip_private(t, nn, w) != SLAVE_OK)
            return SLAVE_NO_DATA;
    *more = first + TRIPS_A_PART <= kept;
    return SLAVE_OK;
}

uint8_t slave_read_part(const struct terminal *t, uint32_t di, unsigned sequence, struct writer *w,
                        bool *more)
{
    *more = false;
    if (di == TRIPS_ALL)
        return read_trips(t, sequence, w, more);
    return sequence == 0 ? slave_read(t, di, w) : SLAVE_NO_DATA;
}
