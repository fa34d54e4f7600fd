/* Boot, inputs and outputs. */
#include "terminal/terminal.h"

#include <string.h>

#include "base/must.h"
#include "terminal/terminal_impl.h"

#define SAVE_AFTER_MWH 10'000 /* one step of the 0.01 kWh register */
#define ENERGY_CALL_MAX_MWH 1'000'000'000
#define BYTE_TIMEOUT_MS 500
#define KEY_LIGHT_MS 60'000
#define PAGE_MS 5'000      /* a page turns by itself */
#define PAGE_KEY_MS 30'000 /* and stays so long after the key */

static void factory_config(struct terminal *t)
{
    const struct terminal_setup *s = &t->setup;
    struct terminal_config *c = &t->config;
    memset(c, 0, sizeof *c);
    c->alarm1_fen = s->alarm1_fen;
    c->alarm2_fen = s->alarm2_fen;
    c->overdraft_fen = s->overdraft_fen;
    c->hoard_fen = s->hoard_fen;
    c->close_allowed_fen = s->close_allowed_fen;
    c->period_count = s->period_count;
    c->pretrip_wait_s = 60;
    memcpy(c->address, s->address, sizeof c->address);
    memcpy(c->number, s->address, sizeof c->number);
    memcpy(c->price_e4, s->price_e4, sizeof c->price_e4);
    memcpy(c->periods, s->periods, sizeof c->periods);
    t->config_dirty = true;
}

void terminal_boot(struct terminal *t, const struct terminal_setup *setup, const uint8_t *nvram)
{
    MUST(setup->circuits >= 1 && setup->circuits <= TERMINAL_CIRCUITS);
    MUST(setup->period_count <= TERMINAL_PERIODS);
    memset(t, 0, sizeof *t);
    t->setup = *setup;
    t->nvram = nvram;
    t->books_slot = t->config_slot = t->guard_slot = SLOT_NONE;
    t->second = t->cover_minute = INT64_MIN;
    t->auth_day = INT32_MIN;
    if (!config_load(t, nvram)) {
        /* A first write that tore leaves the other slot blank: nothing was ever lost then. */
        t->nvram_fault |= !nvram_blank(nvram + NVRAM_CONFIG, NVRAM_CONFIG_SLOT) &&
                          !nvram_blank(nvram + NVRAM_CONFIG + NVRAM_CONFIG_SLOT, NVRAM_CONFIG_SLOT);
        factory_config(t);
    }
    if (!guard_load(t, nvram)) {
        t->nvram_fault |= !nvram_blank(nvram + NVRAM_GUARD, NVRAM_GUARD_SLOT) &&
                          !nvram_blank(nvram + NVRAM_GUARD + NVRAM_GUARD_SLOT, NVRAM_GUARD_SLOT);
        guard_factory(t);
    }
    if (books_load(t, nvram)) {
        t->books.power_downs++;
    } else {
        t->nvram_fault |= !nvram_blank(nvram + NVRAM_BOOKS, NVRAM_BOOKS_SLOT) &&
                          !nvram_blank(nvram + NVRAM_BOOKS + NVRAM_BOOKS_SLOT, NVRAM_BOOKS_SLOT);
        t->books.balance_fen = setup->preset_fen;
    }
    t->open_now = t->books.was_open;
    t->books_dirty = true;
}

/* --- display --------------------------------------------------------------------------------- */

static bool page_exists(const struct terminal *t, unsigned page)
{
    if (page == TERMINAL_PAGE_BALANCE || page == TERMINAL_PAGE_FREE)
        return t->setup.wallet;
    unsigned circuit = page - TERMINAL_PAGE_CIRCUIT1;
    return circuit >= TERMINAL_CIRCUITS || circuit < t->setup.circuits;
}

static void turn_page(struct terminal *t, int64_t stays_ms)
{
    do
        t->page = (uint8_t)((t->page + 1U) % TERMINAL_PAGES);
    while (!page_exists(t, t->page));
    t->page_at = mono_after(t->now, stays_ms);
}

static int64_t first_open(const struct terminal *t)
{
    for (unsigned i = 0; i < t->setup.circuits; i++)
        if (t->open_now >> i & 1)
            return (i + 1) * 100 + rules_reason(t, i);
    return 0;
}

static int64_t page_value(const struct terminal *t, enum terminal_page page)
{
    struct civil c = terminal_local_time(t);
    int64_t power_mw = 0;
    switch (page) {
    case TERMINAL_PAGE_BALANCE:
        return t->books.balance_fen;
    case TERMINAL_PAGE_FREE:
        return t->books.free_fen;
    case TERMINAL_PAGE_RATE:
        return terminal_rate_now(t);
    case TERMINAL_PAGE_PRICE:
        return t->config.price_e4[terminal_rate_now(t) - 1];
    case TERMINAL_PAGE_POWER:
        for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
            power_mw += t->sample.power_mw[i];
        return power_mw / 1000;
    case TERMINAL_PAGE_REASON:
        return first_open(t);
    case TERMINAL_PAGE_TIME:
        return c.hour * 10'000 + c.minute * 100 + c.second;
    case TERMINAL_PAGE_DATE:
        return c.year % 100 * 10'000 + c.month * 100 + c.day;
    default: /* 0 is all circuits */
        return (int64_t)(terminal_register_mwh(
                             t,
                             page == TERMINAL_PAGE_ENERGY ? 0 : page - TERMINAL_PAGE_CIRCUIT1 + 1U,
                             0) /
                         10'000);
    }
}

struct terminal_display terminal_display(const struct terminal *t)
{
    return (struct terminal_display){t->page, page_value(t, t->page)};
}

/* --- inputs and outputs ----------------------------------------------------------------------- */

/* What goes by the clock needs a look a second; a cycle of the mains is too short for calendars. */
static void every_second(struct terminal *t)
{
    int64_t now_s = clock_now_s(t), minute = now_s / 60;
    if (now_s == t->second)
        return;
    t->second = now_s;
    int32_t day = clock_day(t);
    if (day != t->auth_day) {
        t->auth_day = day;
        t->auth_failures = 0;
    }
    if (minute != t->cover_minute) {
        t->cover_minute = minute;
        hours_update(t);
    }
    freeze_timers(t); /* what was left of the month, before the new one brings its own */
    credit_month(t);
    relay_timers(t);
    relay_settle(t);
}

void terminal_time(struct terminal *t, mono_ms now, wall_s rtc, bool lost)
{
    t->running = true;
    t->now = now;
    t->rtc = rtc;
    if (lost && !t->books.clock_lost) {
        t->books.clock_lost = true;
        t->second = t->cover_minute = INT64_MIN;
        t->books_dirty = true;
    }
    if (mono_due(t->page_at, now))
        turn_page(t, PAGE_MS);
    every_second(t);
}

void terminal_energy(struct terminal *t, unsigned circuit, uint64_t mwh)
{
    MUST(circuit >= 1 && circuit <= t->setup.circuits);
    MUST(mwh <= ENERGY_CALL_MAX_MWH);
    if (mwh == 0)
        return;
    unsigned rate = t->rate > 0 ? t->rate : terminal_rate_now(t);
    t->books.energy_mwh[circuit - 1][rate - 1] += mwh;
    bool paid = credit_charge(t, mwh, rate);
    t->unsaved_mwh += mwh;
    if (t->unsaved_mwh >= SAVE_AFTER_MWH)
        t->books_dirty = true;
    if (paid)
        relay_settle(t);
}

void terminal_measure(struct terminal *t, const struct terminal_sample *sample)
{
    t->sample = *sample;
    if (t->running && guard_measure(t))
        relay_settle(t);
}

void terminal_key(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    t->key_light_until = mono_after(t->now, KEY_LIGHT_MS);
    turn_page(t, PAGE_KEY_MS);
    if (b->pretrip == 1 || b->key_wait != 0) {
        b->pretrip = b->pretrip == 1 ? 2 : b->pretrip;
        b->key_wait = 0;
        t->books_dirty = true;
    }
    relay_settle(t);
}

void terminal_set_programming(struct terminal *t, bool on)
{
    t->programming = on;
}

void terminal_save(struct terminal *t)
{
    if (t->unsaved_mwh > 0)
        t->books_dirty = true;
}

/* One DL/T 645 frame at p->rx[at]; false: the rest is not whole yet. */
static __attribute__((noinline)) bool take_dlt645(struct terminal *t, const struct terminal_line *p,
                                                  size_t *at)
{
    size_t used = 0;
    enum err e = dlt645_decode(p->rx + *at, p->received - *at, &t->request.dlt645, &used);
    MUST(used <= p->received - *at);
    *at += used;
    if (e == ERR_OK)
        slave_request(t, &t->request.dlt645);
    return e != ERR_TRUNCATED;
}

/* What the next frame may bring finds room. */
static bool events_fit(const struct terminal *t)
{
    return t->waiting_count + TERMINAL_CIRCUITS <= TERMINAL_WAITING;
}

static void take_frames(struct terminal *t, struct terminal_line *p)
{
    size_t at = 0;
    t->port = p;
    while (at < p->received && events_fit(t)) {
        bool wait = false;
        size_t used = modbus_take(t, p->rx + at, p->received - at, &wait);
        at += used;
        if (wait || (used == 0 && !take_dlt645(t, p, &at)))
            break;
    }
    at = events_fit(t) ? at : p->received;
    memmove(p->rx, p->rx + at, p->received - at);
    p->received -= at;
}

void terminal_receive_at(struct terminal *t, enum terminal_port port, const uint8_t *data,
                         size_t len)
{
    struct terminal_line *p = &t->ports[port];
    p->answer_len = 0;
    if (t->now.ms - p->received_at.ms > BYTE_TIMEOUT_MS)
        p->received = 0;
    p->received_at = t->now;
    while (len > 0) {
        size_t room = sizeof p->rx - p->received;
        size_t part = len < room ? len : room;
        /* A full buffer that is no frame cannot become one. */
        if (part == 0) {
            p->received = 0;
            continue;
        }
        memcpy(p->rx + p->received, data, part);
        p->received += part;
        data += part;
        len -= part;
        take_frames(t, p);
    }
    if (p->answer_len > 0)
        terminal_save(t);
}

void terminal_receive(struct terminal *t, const uint8_t *data, size_t len)
{
    terminal_receive_at(t, TERMINAL_RS485, data, len);
}

static bool writes_wait(const struct terminal *t)
{
    bool records = t->books_dirty || t->config_dirty || t->guard_dirty;
    bool events = t->waiting_count > 0 || t->why_dirty != 0;
    return t->writing || records || events || t->day_dirty || t->month_dirty;
}

struct bytes terminal_take_answer_at(struct terminal *t, enum terminal_port port)
{
    struct terminal_line *p = &t->ports[port];
    if (writes_wait(t) || p->answer_len == 0)
        return (struct bytes){0};
    struct bytes b = {p->answer, p->answer_len};
    p->answer_len = 0;
    return b;
}

struct bytes terminal_take_answer(struct terminal *t)
{
    return terminal_take_answer_at(t, TERMINAL_RS485);
}

struct terminal_output terminal_output(const struct terminal *t)
{
    struct terminal_output out = {.circuits = t->setup.circuits, .alarm = credit_alarm(t)};
    for (unsigned i = 0; i < t->setup.circuits; i++) {
        out.closed[i] = !(t->open_now >> i & 1);
        out.reason[i] = rules_reason(t, i);
        out.locked[i] = t->books.hold[i].locked;
    }
    out.backlight = out.alarm > 0 || t->books.alarm_ordered || t->now.ms < t->key_light_until.ms;
    return out;
}

uint64_t terminal_register_mwh(const struct terminal *t, unsigned circuit, unsigned rate)
{
    uint64_t sum = 0;
    for (unsigned c = 0; c < t->setup.circuits; c++)
        for (unsigned r = 0; r < TERMINAL_RATES; r++)
            if ((circuit == 0 || circuit == c + 1) && (rate == 0 || rate == r + 1))
                sum += t->books.energy_mwh[c][r];
    return sum;
}

const char *terminal_reason_name(enum terminal_reason reason)
{
    static const char *const names[] = {
        [TERMINAL_REASON_NONE] = "none",
        [TERMINAL_REASON_REMOTE] = "remote",
        [TERMINAL_REASON_CREDIT] = "credit",
        [TERMINAL_REASON_OVERDRAFT] = "overdraft",
        [TERMINAL_REASON_KEEP_POWER] = "keep_power",
        [TERMINAL_REASON_KEY] = "key",
        [TERMINAL_REASON_TIMED] = "timed",
        [TERMINAL_REASON_TIME] = "time",
        [TERMINAL_REASON_NIGHT] = "night",
        [TERMINAL_REASON_CURRENT] = "current",
        [TERMINAL_REASON_LOAD] = "load",
        [TERMINAL_REASON_MALIGNANT] = "malignant",
        [TERMINAL_REASON_AIRCON] = "aircon",
        [TERMINAL_REASON_PROTECTION] = "protection",
        [TERMINAL_REASON_STAFF] = "staff",
    };
    return reason < TERMINAL_REASON_COUNT ? names[reason] : "unknown";
}
