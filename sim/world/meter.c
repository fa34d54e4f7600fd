/* One meter: the real terminal, its nvram, its power, and the people behind it. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim/world/meters.h"

#define MW_MS_PER_MWH 3'600'000
#define PACE_MW 10'000'000
#define WIRING_MW 3'000'000 /* of a terminal's circuit: below its rating */

static void note(struct sim_meter *m, uint32_t count, int64_t amount_fen)
{
    if (m->applied_count == m->applied_cap) {
        m->applied_cap = m->applied_cap == 0 ? 16 : 2 * m->applied_cap;
        m->applied = realloc(m->applied, m->applied_cap * sizeof m->applied[0]);
        MUST(m->applied != NULL);
    }
    m->applied[m->applied_count++] = (struct sim_applied){
        .life = m->life,
        .count = count,
        .amount_fen = amount_fen,
        .at = m->at,
        .foreign = m->vending_foreign,
    };
}

/* What is in nvram counts: called only when every write is done, or after a boot from it. */
static void look_at_count(struct sim_meter *m)
{
    const struct terminal_books *b = &m->terminal.books;
    if (b->count < m->seen_count) {
        m->life++;
        m->seen_count = 0;
    }
    MUST(b->count - m->seen_count <= TERMINAL_PURCHASES); /* several frames in one breath */
    while (m->seen_count < b->count) {
        m->seen_count++;
        note(m, m->seen_count, b->purchase[b->count - m->seen_count].amount_fen);
    }
}

static void drain(struct sim_meter *m)
{
    struct terminal_write w;
    while (m->powered && terminal_next_write(&m->terminal, &w)) {
        m->writes++;
        bool torn = m->cut_at_write != 0 && m->writes >= m->cut_at_write;
        size_t len = torn && m->cut_after_bytes < w.len ? m->cut_after_bytes : w.len;
        memcpy(m->nvram + w.offset, w.data, len);
        if (torn) {
            m->cut_at_write = 0;
            sim_meter_power_off(m, m->cut_off_ms);
            return;
        }
    }
    if (m->powered)
        look_at_count(m);
}

static void tell_time(struct sim_meter *m)
{
    int64_t wall_s_now = m->wall0.s + m->at.ms / 1000 + m->rtc_offset_s;
    terminal_time(&m->terminal, m->at, (wall_s){wall_s_now}, false);
    drain(m);
}

static void boot(struct sim_meter *m)
{
    terminal_boot(&m->terminal, &m->setup, m->nvram);
    m->powered = true;
    m->power_back = MONO_NEVER;
}

void sim_meter_init(struct sim_meter *m, const struct terminal_setup *setup, uint8_t *nvram,
                    mono_ms now)
{
    *m = (struct sim_meter){.setup = *setup, .at = now, .life = 1};
    memset(m->own, 0xFF, sizeof m->own);
    m->nvram = nvram != NULL ? nvram : m->own;
    boot(m);
    m->seen_count = m->terminal.books.count;
}

void sim_meter_close(struct sim_meter *m)
{
    free(m->applied);
    m->applied = NULL;
    m->applied_count = m->applied_cap = 0;
}

static int64_t whole_mwh(int64_t *carry, int64_t power_mw, int64_t dt_ms)
{
    *carry += power_mw * dt_ms;
    int64_t mwh = *carry / MW_MS_PER_MWH;
    *carry -= mwh * MW_MS_PER_MWH;
    return mwh;
}

/* What is owed flows no faster than the wiring allows beside what flows anyway. */
static int64_t pace_of(const struct sim_meter *m, unsigned i)
{
    if (m->owed_mwh[i] == 0)
        return 0;
    int64_t room_mw = WIRING_MW - m->load_mw[i];
    if (m->setup.rating_ma == 0 || m->pace_mw[i] <= room_mw)
        return m->pace_mw[i];
    return room_mw > 0 ? room_mw : 0;
}

static int64_t flow_mwh(struct sim_meter *m, unsigned i, int64_t dt_ms)
{
    int64_t mwh = whole_mwh(&m->carry[i], m->load_mw[i], dt_ms);
    if (m->owed_mwh[i] == 0)
        return mwh;
    int64_t owed = whole_mwh(&m->owed_carry[i], pace_of(m, i), dt_ms);
    owed = owed < m->owed_mwh[i] ? owed : m->owed_mwh[i];
    m->owed_mwh[i] -= owed;
    return mwh + owed;
}

/* A mains that breathes a little, the same for every run. */
static uint16_t voltage_dv(int64_t now_ms, unsigned phase)
{
    uint64_t tick = (uint64_t)(now_ms / 60'000) + phase * 7U;
    uint64_t h = fnv64(FNV64_START, &tick, sizeof tick);
    return (uint16_t)(2260 + h % 80);
}

static void measure(struct sim_meter *m, const int64_t *flowing_mw)
{
    struct terminal_sample s = {.frequency_chz = 5000};
    unsigned phases = m->setup.phases == 3 ? 3 : 1;
    for (unsigned p = 0; p < phases; p++)
        s.voltage_dv[p] = voltage_dv(m->at.ms, p);
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++) {
        int64_t mw = phases == 3 ? flowing_mw[0] / 3 : flowing_mw[i];
        s.power_mw[i] = (int32_t)mw;
        s.current_ma[i] = (uint32_t)(mw * 10 / s.voltage_dv[phases == 3 ? i : 0]);
    }
    terminal_measure(&m->terminal, &s);
}

static void live(struct sim_meter *m, mono_ms until)
{
    int64_t dt_ms = until.ms - m->at.ms;
    int64_t flowing_mw[TERMINAL_CIRCUITS] = {0};
    struct terminal_output out = terminal_output(&m->terminal);
    m->at = until;
    for (unsigned i = 0; i < m->setup.circuits && m->powered; i++) {
        if (!out.closed[i])
            continue;
        flowing_mw[i] = m->load_mw[i] + pace_of(m, i);
        int64_t mwh = flow_mwh(m, i, dt_ms);
        terminal_energy(&m->terminal, i + 1, (uint64_t)mwh);
        drain(m);
    }
    if (!m->powered)
        return;
    measure(m, flowing_mw);
    tell_time(m);
}

static mono_ms next_step(mono_ms at)
{
    return (mono_ms){at.ms - at.ms % SIM_STEP_MS + SIM_STEP_MS};
}

void sim_meter_run(struct sim_meter *m, mono_ms now, wall_s wall0)
{
    m->wall0 = wall0;
    if (m->powered && !m->terminal.running)
        tell_time(m);
    while (m->at.ms < now.ms) {
        mono_ms until = mono_earlier(next_step(m->at), now);
        if (m->powered) {
            live(m, until);
        } else if (m->power_back.ms > now.ms) {
            m->at = now;
        } else {
            m->at = m->power_back.ms > m->at.ms ? m->power_back : m->at;
            sim_meter_power_on(m);
        }
    }
}

void sim_meter_set_load(struct sim_meter *m, unsigned circuit, int64_t power_mw)
{
    MUST(circuit >= 1 && circuit <= m->setup.circuits && power_mw >= 0);
    m->load_mw[circuit - 1] = power_mw;
}

void sim_meter_owe(struct sim_meter *m, unsigned circuit, int64_t mwh, int64_t pace_mw)
{
    MUST(circuit >= 1 && circuit <= m->setup.circuits && mwh >= 0 && pace_mw >= 0);
    m->owed_mwh[circuit - 1] = mwh;
    m->pace_mw[circuit - 1] = pace_mw > 0 ? pace_mw : PACE_MW;
}

void sim_meter_key(struct sim_meter *m)
{
    if (!m->powered)
        return;
    terminal_key(&m->terminal);
    drain(m);
}

void sim_meter_power_off(struct sim_meter *m, int64_t off_ms)
{
    m->powered = false;
    m->power_back = off_ms < 0 ? MONO_NEVER : mono_after(m->at, off_ms);
}

void sim_meter_power_on(struct sim_meter *m)
{
    if (m->powered)
        return;
    boot(m);
    tell_time(m);
}

void sim_meter_cut_at_write(struct sim_meter *m, unsigned k, unsigned bytes, int64_t off_ms)
{
    MUST(k >= 1);
    m->cut_at_write = m->writes + k;
    m->cut_after_bytes = bytes;
    m->cut_off_ms = off_ms;
}

size_t sim_meter_ask(struct sim_meter *m, const uint8_t *frame, size_t len, uint8_t *out,
                     size_t cap)
{
    if (!m->powered || !m->terminal.running)
        return 0;
    terminal_receive(&m->terminal, frame, len);
    drain(m);
    if (!m->powered)
        return 0;
    struct bytes b = terminal_take_answer(&m->terminal);
    MUST(b.len <= cap);
    if (b.len > 0)
        memcpy(out, b.data, b.len);
    return b.len;
}

/* A fee-control frame by handheld; true if the meter answered 83. */
static bool handheld(struct sim_meter *m, const uint8_t *data, size_t len)
{
    struct dlt645_frame f = {.control = DLT645_SECURITY, .len = (uint8_t)len};
    uint8_t wire[DLT645_FRAME_MAX], answer[DLT645_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    memcpy(f.address, m->terminal.config.address, 6);
    memcpy(f.data, data, len);
    dlt645_encode(&f, 0, &w);
    MUST(w.err == ERR_OK);
    size_t n = sim_meter_ask(m, wire, w.len, answer, sizeof answer), used;
    return n > 0 && dlt645_decode(answer, n, &f, &used) == ERR_OK && f.control == 0x83;
}

bool sim_meter_foreign_vend(struct sim_meter *m, int64_t amount_fen)
{
    const struct terminal_books *b = &m->terminal.books;
    uint8_t data[30];
    struct writer w = writer_of(data, sizeof data);
    writer_u32le(&w, 0x070102FF);
    writer_u32le(&w, 0x46464646); /* another operator */
    writer_u32le(&w, (uint32_t)amount_fen);
    writer_u32le(&w, b->count + 1);
    writer_u32le(&w, 0);
    writer_put(&w, b->customer, 6);
    writer_u32le(&w, 0);
    m->vending_foreign = true;
    bool done = handheld(m, data, w.len);
    m->vending_foreign = false;
    return done;
}

bool sim_meter_reset(struct sim_meter *m, int64_t preset_fen)
{
    uint8_t data[24];
    struct writer w = writer_of(data, sizeof data);
    writer_u32le(&w, 0x070103FF);
    writer_u32le(&w, 0x46464646);
    writer_u32le(&w, (uint32_t)preset_fen);
    writer_fill(&w, 0, 12);
    uint32_t life = m->life;
    bool done = handheld(m, data, w.len);
    if (done && m->life == life) /* the count was 0 already */
        m->life++;
    return done;
}

void sim_meter_exchange(struct sim_meter *m)
{
    memset(m->nvram, 0xFF, TERMINAL_NVRAM_SIZE);
    m->life++;
    m->seen_count = 0;
    m->cut_at_write = 0;
    boot(m);
    tell_time(m);
}
