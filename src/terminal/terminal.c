/* Boot, inputs and outputs. */
#include "terminal/terminal.h"

#include <string.h>

#include "base/must.h"
#include "terminal/terminal_impl.h"

#define SAVE_AFTER_MWH 10'000 /* one step of the 0.01 kWh register */
#define ENERGY_CALL_MAX_MWH 1'000'000'000
#define BYTE_TIMEOUT_MS 500
#define KEY_LIGHT_MS 60'000

static void factory_config(struct terminal *t)
{
    const struct terminal_setup *s = &t->setup;
    struct terminal_config c = {
        .alarm1_fen = s->alarm1_fen,
        .alarm2_fen = s->alarm2_fen,
        .overdraft_fen = s->overdraft_fen,
        .hoard_fen = s->hoard_fen,
        .close_allowed_fen = s->close_allowed_fen,
        .period_count = s->period_count,
        .pretrip_wait_s = 60,
    };
    memcpy(c.address, s->address, sizeof c.address);
    memcpy(c.number, s->address, sizeof c.number);
    memcpy(c.price_e4, s->price_e4, sizeof c.price_e4);
    memcpy(c.periods, s->periods, sizeof c.periods);
    t->config = c;
    t->config_dirty = true;
}

void terminal_boot(struct terminal *t, const struct terminal_setup *setup, const uint8_t *nvram)
{
    MUST(setup->circuits >= 1 && setup->circuits <= TERMINAL_CIRCUITS);
    MUST(setup->period_count <= TERMINAL_PERIODS);
    *t = (struct terminal){.setup = *setup,
                           .nvram = nvram,
                           .books_slot = SLOT_NONE,
                           .config_slot = SLOT_NONE,
                           .guard_slot = SLOT_NONE,
                           .cover_minute = INT64_MIN};
    t->auth_day = t->broadcast_day = INT32_MIN;
    events_load(t, nvram);
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

/* The hours change by the minute at most; setting them or the clock asks again by itself. */
static void follow_hours(struct terminal *t)
{
    int64_t minute = clock_now_s(t) / 60;
    if (minute == t->cover_minute)
        return;
    t->cover_minute = minute;
    hours_update(t);
}

void terminal_time(struct terminal *t, mono_ms now, wall_s rtc, bool lost)
{
    t->running = true;
    t->now = now;
    t->rtc = rtc;
    if (lost && !t->books.clock_lost) {
        t->books.clock_lost = true;
        t->cover_minute = INT64_MIN;
        t->books_dirty = true;
    }
    int32_t day = clock_day(t);
    if (day != t->auth_day) {
        t->auth_day = day;
        t->auth_failures = 0;
    }
    follow_hours(t);
    relay_timers(t);
    relay_settle(t);
}

void terminal_energy(struct terminal *t, unsigned circuit, uint64_t mwh)
{
    MUST(circuit >= 1 && circuit <= t->setup.circuits);
    MUST(mwh <= ENERGY_CALL_MAX_MWH);
    if (mwh == 0)
        return;
    unsigned rate = terminal_rate_now(t);
    t->books.energy_mwh[circuit - 1][rate - 1] += mwh;
    credit_charge(t, mwh, rate);
    t->unsaved_mwh += mwh;
    if (t->unsaved_mwh >= SAVE_AFTER_MWH)
        t->books_dirty = true;
    relay_settle(t);
}

void terminal_measure(struct terminal *t, const struct terminal_sample *sample)
{
    t->sample = *sample;
    if (!t->running)
        return;
    guard_measure(t);
    relay_settle(t);
}

void terminal_key(struct terminal *t)
{
    struct terminal_books *b = &t->books;
    t->key_light_until = mono_after(t->now, KEY_LIGHT_MS);
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

static void take_frames(struct terminal *t)
{
    struct dlt645_frame frame;
    size_t at = 0;
    while (at < t->received) {
        size_t used = 0;
        enum err e = dlt645_decode(t->rx + at, t->received - at, &frame, &used);
        MUST(used <= t->received - at);
        at += used;
        if (e == ERR_OK)
            slave_request(t, &frame);
        else if (e == ERR_TRUNCATED)
            break;
    }
    memmove(t->rx, t->rx + at, t->received - at);
    t->received -= at;
}

void terminal_receive(struct terminal *t, const uint8_t *data, size_t len)
{
    t->answer_len = 0;
    if (t->now.ms - t->received_at.ms > BYTE_TIMEOUT_MS)
        t->received = 0;
    t->received_at = t->now;
    while (len > 0) {
        size_t room = sizeof t->rx - t->received;
        size_t part = len < room ? len : room;
        /* A full buffer that is no frame cannot become one. */
        if (part == 0) {
            t->received = 0;
            continue;
        }
        memcpy(t->rx + t->received, data, part);
        t->received += part;
        data += part;
        len -= part;
        take_frames(t);
    }
    if (t->answer_len > 0)
        terminal_save(t);
}

struct bytes terminal_take_answer(struct terminal *t)
{
    bool waiting = t->writing || t->books_dirty || t->config_dirty || t->guard_dirty ||
                   t->trips_dirty != 0 || t->closes_dirty != 0 || t->why_dirty != 0;
    if (waiting || t->answer_len == 0)
        return (struct bytes){0};
    struct bytes b = {t->answer, t->answer_len};
    t->answer_len = 0;
    return b;
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
