/* One meter: the real terminal, its nvram, its power, and the people behind it. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "sim/world/meters.h"

#define MW_MS_PER_MWH 3'600'000
#define MINUTE_MS 60'000
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

static int64_t mains_dv(uint64_t minute, unsigned phase)
{
    uint64_t tick = minute + phase * 7U;
    uint64_t h = fnv64(FNV64_START, &tick, sizeof tick);
    return (int64_t)(2260 + h % 80);
}

/* A mains that breathes a little, the same for every run: from minute to minute, without steps. */
static uint16_t voltage_dv(int64_t now_ms, unsigned phase)
{
    uint64_t minute = (uint64_t)(now_ms / MINUTE_MS);
    int64_t into_ms = now_ms % MINUTE_MS;
    int64_t a = mains_dv(minute, phase), b = mains_dv(minute + 1, phase);
    return (uint16_t)(a + (b - a) * into_ms / MINUTE_MS);
}

/* --- measuring -------------------------------------------------------------------------------- */

/* A load of which only the power is told: supplies and motors of all kinds. */
static const struct appliance mixture = {
    .reactive = -140, .harmonic = {-100, -60, -30, -20, -12, -8, -5}, .inrush = 1000};

static bool has_chip(const struct sim_meter *m)
{
    return m->setup.rating_ma != 0 && m->setup.phases != 3;
}

/* A chip's noise: two thousandths. */
static int64_t noisy(const struct sim_meter *m, unsigned i, int64_t mw)
{
    uint64_t h = ((uint64_t)m->at.ms * 4 + i) * UINT64_C(0x9e3779b97f4a7c15);
    return mw + mw * ((int64_t)(h >> 40 & 0xFF) - 128) / 65'536;
}

/* What each circuit of a terminal draws, as its chip sees it. */
static void sample_circuit(const struct sim_meter *m, unsigned i, int64_t plain_mw,
                           struct terminal_sample *s)
{
    struct sim_flow f = {0};
    if (m->room != NULL)
        f = m->room->flow[i];
    if (plain_mw > 0) {
        struct appliance_draw d = {0};
        if (m->room != NULL)
            d = m->room->draw[i];
        appliance_add(&d, &mixture, (int32_t)plain_mw, INT32_MAX);
        f = appliance_flow(&d, s->voltage_dv[0]);
    }
    s->power_mw[i] = (int32_t)(m->room != NULL ? noisy(m, i, f.power_mw) : f.power_mw);
    s->reactive_mvar[i] = f.reactive_mvar;
    s->current_ma[i] = f.current_ma;
    memcpy(s->harmonic_ma[i], f.harmonic_ma, sizeof f.harmonic_ma);
}

static void sample_plain(const struct sim_meter *m, const int64_t *flowing_mw,
                         struct terminal_sample *s)
{
    unsigned phases = m->setup.phases == 3 ? 3 : 1;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++) {
        int64_t mw = phases == 3 ? flowing_mw[0] / 3 : flowing_mw[i];
        s->power_mw[i] = (int32_t)mw;
        s->current_ma[i] = (uint32_t)(mw * 10 / s->voltage_dv[phases == 3 ? i : 0]);
    }
}

static void measure(struct sim_meter *m)
{
    struct terminal_sample s = {.frequency_chz = 5000};
    struct terminal_output out = terminal_output(&m->terminal);
    int64_t plain_mw[TERMINAL_CIRCUITS] = {0};
    for (unsigned p = 0; p < (m->setup.phases == 3 ? 3 : 1); p++)
        s.voltage_dv[p] = voltage_dv(m->at.ms, p);
    for (unsigned i = 0; i < m->setup.circuits; i++)
        plain_mw[i] = out.closed[i] ? m->load_mw[i] + pace_of(m, i) : 0;
    s.has_reactive = s.has_harmonics = has_chip(m);
    if (has_chip(m))
        for (unsigned i = 0; i < m->setup.circuits; i++) {
            if (out.closed[i])
                sample_circuit(m, i, plain_mw[i], &s);
        }
    else
        sample_plain(m, plain_mw, &s);
    terminal_measure(&m->terminal, &s);
    drain(m);
}

/* --- living ----------------------------------------------------------------------------------- */

static uint8_t closed_now(const struct sim_meter *m)
{
    struct terminal_output out = terminal_output(&m->terminal);
    uint8_t closed = 0;
    for (unsigned i = 0; i < m->setup.circuits; i++)
        closed |= (uint8_t)((m->powered && out.closed[i]) << i);
    return closed;
}

static int64_t wall_ms(const struct sim_meter *m)
{
    return m->wall0.s * 1000 + m->at.ms;
}

/* Load control opened a circuit: the people of the room notice. */
static void notice_trips(struct sim_meter *m, uint8_t closed)
{
    for (unsigned i = 0; i < m->setup.circuits; i++) {
        const struct terminal_hold *h = &m->terminal.books.hold[i];
        if (!((m->closed & ~closed) >> i & 1) || h->cause == 0 || !m->powered)
            continue;
        m->room->count.lockouts += h->locked;
        room_tripped(m->room, wall_ms(m), i + 1, (enum terminal_reason)h->cause);
    }
}

/* The room follows the relays at once: what is open draws nothing from here on. */
static void follow_relays(struct sim_meter *m)
{
    if (m->room == NULL)
        return;
    uint8_t closed = closed_now(m);
    if (closed == m->closed)
        return;
    notice_trips(m, closed);
    m->closed = closed;
    room_live(m->room, wall_ms(m), closed, voltage_dv(m->at.ms, 0));
}

static int64_t flow_mwh(struct sim_meter *m, unsigned i, int64_t dt_ms)
{
    int64_t room_mw = m->room != NULL ? m->room->flow[i].power_mw : 0;
    int64_t mwh = whole_mwh(&m->carry[i], m->load_mw[i] + room_mw, dt_ms);
    if (m->owed_mwh[i] == 0)
        return mwh;
    int64_t owed = whole_mwh(&m->owed_carry[i], pace_of(m, i), dt_ms);
    owed = owed < m->owed_mwh[i] ? owed : m->owed_mwh[i];
    m->owed_mwh[i] -= owed;
    return mwh + owed;
}

/* A room is looked at on the grid and where it asks to be, whoever calls in between: what is read
 * over the line changes nothing in its life. */
static bool is_due(struct sim_meter *m)
{
    bool due = m->room == NULL || m->load_changed || m->at.ms % SIM_STEP_MS == 0 ||
               wall_ms(m) >= room_wake(m->room);
    m->load_changed = false;
    return due;
}

static void live(struct sim_meter *m, mono_ms until)
{
    int64_t dt_ms = until.ms - m->at.ms;
    struct terminal_output out = terminal_output(&m->terminal);
    m->at = until;
    for (unsigned i = 0; i < m->setup.circuits && m->powered; i++) {
        if (!out.closed[i])
            continue;
        int64_t mwh = flow_mwh(m, i, dt_ms);
        terminal_energy(&m->terminal, i + 1, (uint64_t)mwh);
        drain(m);
    }
    if (!m->powered)
        return;
    tell_time(m);
    follow_relays(m);
    if (!m->powered || !is_due(m))
        return;
    if (m->room != NULL)
        room_live(m->room, wall_ms(m), m->closed, voltage_dv(m->at.ms, 0));
    measure(m);
    follow_relays(m);
}

static mono_ms next_step(const struct sim_meter *m)
{
    int64_t grid = m->at.ms - m->at.ms % SIM_STEP_MS + SIM_STEP_MS;
    int64_t wake = m->room != NULL ? room_wake(m->room) - m->wall0.s * 1000 : grid;
    wake = wake > m->at.ms ? wake : m->at.ms + 1;
    return (mono_ms){wake < grid ? wake : grid};
}

void sim_meter_run(struct sim_meter *m, mono_ms now, wall_s wall0)
{
    m->wall0 = wall0;
    if (m->powered && !m->terminal.running)
        tell_time(m);
    follow_relays(m);
    while (m->at.ms < now.ms) {
        if (m->powered) {
            live(m, mono_earlier(next_step(m), now));
        } else if (m->power_back.ms > now.ms) {
            m->at = now;
        } else {
            m->at = m->power_back.ms > m->at.ms ? m->power_back : m->at;
            sim_meter_power_on(m);
        }
        follow_relays(m);
    }
}

void sim_meter_set_load(struct sim_meter *m, unsigned circuit, int64_t power_mw)
{
    MUST(circuit >= 1 && circuit <= m->setup.circuits && power_mw >= 0);
    m->load_changed |= m->load_mw[circuit - 1] != power_mw;
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

bool sim_meter_program(struct sim_meter *m, uint32_t di, const uint8_t *data, size_t len)
{
    struct dlt645_frame f = {.control = DLT645_WRITE, .len = (uint8_t)(12 + len)};
    uint8_t wire[DLT645_FRAME_MAX];
    struct writer w = writer_of(f.data, sizeof f.data);
    writer_u32le(&w, di);
    writer_u32le(&w, 0x02); /* level 02, password 000000 */
    writer_u32le(&w, 0x46464646);
    writer_put(&w, data, len);
    MUST(w.err == ERR_OK);
    memcpy(f.address, m->terminal.config.address, 6);
    w = writer_of(wire, sizeof wire);
    dlt645_encode(&f, 0, &w);
    MUST(w.err == ERR_OK);
    if (!m->powered || !m->terminal.running)
        return false;
    terminal_receive_at(&m->terminal, TERMINAL_INFRARED, wire, w.len);
    drain(m);
    struct bytes b = terminal_take_answer_at(&m->terminal, TERMINAL_INFRARED);
    size_t used;
    return b.len > 0 && dlt645_decode(b.data, b.len, &f, &used) == ERR_OK && f.control == 0x94;
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
