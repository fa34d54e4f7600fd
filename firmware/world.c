#include "firmware/world.h"

#include <string.h>

#include "firmware/board.h"
#include "firmware/loop.h"
#include "firmware/record.h"

#define TICKS 0xFFFFFFU
#define MW_MS_PER_MWH 3'600'000

/* What a kind of input cost, in ticks, without the world's own work. */
struct cost {
    uint64_t sum;
    uint32_t count, most;
};
enum input { INPUT_CYCLE, INPUT_SECOND, INPUT_FRAME, INPUT_BOOT, INPUTS };
static const char *const input_name[INPUTS] = {"cycle", "second", "frame", "boot"};

/* The terminal alone stands in RAM: everything else here is the world's. */
static struct terminal terminal;

static BOARD_RIG uint8_t nvram[TERMINAL_NVRAM_SIZE];
static BOARD_RIG struct world_load loads[TERMINAL_CIRCUITS];
static BOARD_RIG uint64_t flowed[TERMINAL_CIRCUITS]; /* mW x ms, less than a mWh */
static BOARD_RIG struct loop_cycle cycle;
static BOARD_RIG struct terminal_output output;
static BOARD_RIG uint8_t closed; /* bit per circuit: relays keep their place without power */
static BOARD_RIG uint32_t seed, tear_count, tear_len;
static BOARD_RIG uint32_t clock_ms;
static BOARD_RIG bool running, tearing;
static BOARD_RIG enum terminal_port asked; /* the port in use */
static BOARD_RIG uint32_t elsewhere;       /* ticks in the functions below that loop.c calls */
static BOARD_RIG struct cost costs[INPUTS];

static struct terminal_setup setup(void)
{
    return (struct terminal_setup){
        .circuits = TERMINAL_CIRCUITS,
        .phases = 1,
        .wallet = true,
        .address = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26},
        .rating_ma = 15'000,
        .zone_s = 28'800,
        .price_e4 = {9000, 7000, 5000, 3000},
        .alarm1_fen = 300,
        .alarm2_fen = 100,
        .overdraft_fen = 50,
        .period_count = 4,
        .periods = {{0, 0, 4}, {7, 0, 3}, {18, 0, 2}, {22, 0, 4}},
    };
}

/* --- counting --------------------------------------------------------------------------------- */

static uint32_t since(uint32_t from)
{
    return (from - board_ticks()) & TICKS;
}

static void spend(enum input what, uint32_t from)
{
    struct cost *c = &costs[what];
    uint32_t ticks = since(from) - elsewhere;
    c->sum += ticks;
    c->count++;
    if (ticks > c->most)
        c->most = ticks;
}

static uint32_t start(void)
{
    elsewhere = 0;
    return board_ticks();
}

/* --- what loop.c calls ------------------------------------------------------------------------ */

static bool torn(const struct terminal_write *w)
{
    if (tear_count == 0 || --tear_count > 0)
        return false;
    uint32_t len = tear_len < w->len ? tear_len : w->len;
    memcpy(nvram + w->offset, w->data, len);
    record_text("torn ");
    record_number(len);
    record_text("\n");
    return true;
}

bool loop_nvram(const struct terminal_write *w)
{
    uint32_t from = board_ticks();
    record_text("w ");
    record_number(w->offset);
    record_text(" ");
    record_hex(w->data, w->len);
    record_text("\n");
    tearing = torn(w);
    if (!tearing)
        memcpy(nvram + w->offset, w->data, w->len);
    elsewhere += since(from);
    return !tearing;
}

static bool same(const struct terminal_output *a, const struct terminal_output *b)
{
    bool equal = a->alarm == b->alarm && a->backlight == b->backlight;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        equal = equal && a->closed[i] == b->closed[i] && a->reason[i] == b->reason[i] &&
                a->locked[i] == b->locked[i];
    return equal;
}

static void record_output(const struct terminal_output *o)
{
    record_text("o ");
    record_number(cycle.now.ms);
    for (unsigned i = 0; i < o->circuits; i++) {
        record_text(o->closed[i] ? " closed:" : o->locked[i] ? " locked:" : " open:");
        record_text(terminal_reason_name(o->reason[i]));
    }
    record_text(" alarm ");
    record_number(o->alarm);
    record_text(o->backlight ? " light\n" : " dark\n");
}

void loop_output(const struct terminal_output *out)
{
    uint32_t from = board_ticks();
    if (!same(out, &output)) {
        record_output(out);
        output = *out;
        closed = 0;
        for (unsigned i = 0; i < out->circuits; i++)
            closed |= (uint8_t)(out->closed[i] << i);
    }
    elsewhere += since(from);
}

void loop_send(enum terminal_port port, struct bytes answer)
{
    uint32_t from = board_ticks();
    record_text("a");
    record_number(port);
    record_text(" ");
    record_hex(answer.data, answer.len);
    record_text("\n");
    elsewhere += since(from);
}

/* --- the world -------------------------------------------------------------------------------- */

void world_set_clock(wall_s rtc, bool lost)
{
    cycle.rtc = rtc;
    cycle.lost = lost;
    clock_ms = 0;
}

void world_set_mains(uint16_t voltage_dv, uint16_t frequency_chz)
{
    cycle.sample.frequency_chz = frequency_chz;
    cycle.sample.has_reactive = cycle.sample.has_harmonics = true;
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
        cycle.sample.voltage_dv[i] = voltage_dv;
}

void world_set_load(unsigned circuit, const struct world_load *load)
{
    loads[circuit - 1] = *load;
}

void world_blank(void)
{
    memset(nvram, 0xFF, sizeof nvram);
    running = false;
}

static void boot(void)
{
    struct terminal_setup s = setup();
    uint32_t from = start();
    terminal_boot(&terminal, &s, nvram);
    running = true;
    bool on = loop_time(&terminal, &cycle);
    spend(INPUT_BOOT, from);
    if (!on)
        running = false;
}

void world_boot(void)
{
    output = (struct terminal_output){0};
    boot();
    /* A tear of the boot's own writes: it can go on once more, the tear is done with. */
    if (!running)
        boot();
}

/* After an input in which the power went. */
static void settled(bool on)
{
    if (!on)
        world_boot();
}

/* A small generator of its own: the same numbers in every world. */
static uint32_t stray(uint32_t value, uint32_t permille)
{
    if (permille == 0)
        return value;
    seed = seed * UINT32_C(1664525) + UINT32_C(1013904223);
    int32_t off = (int32_t)(seed >> 16) % (int32_t)(2 * permille + 1) - (int32_t)permille;
    return (uint32_t)((int64_t)value * (1000 + off) / 1000);
}

static void measure(unsigned i, uint32_t step_ms)
{
    struct terminal_sample *s = &cycle.sample;
    static const struct world_load none = {0};
    bool flows = closed >> i & 1 && s->voltage_dv[i] > 0;
    const struct world_load *l = flows ? &loads[i] : &none;
    s->power_mw[i] = (int32_t)stray((uint32_t)l->power_mw, l->noise_permille);
    s->reactive_mvar[i] = l->reactive_mvar;
    s->current_ma[i] = stray(l->current_ma, l->noise_permille);
    s->harmonic_ma[i][0] = l->third_ma;
    flowed[i] += (uint64_t)s->power_mw[i] * step_ms;
    cycle.energy_mwh[i] = (uint32_t)(flowed[i] / MW_MS_PER_MWH);
    flowed[i] %= MW_MS_PER_MWH;
}

void world_pass(uint32_t count, uint32_t step_ms)
{
    for (; count > 0 && running; count--) {
        clock_ms += step_ms;
        cycle.now.ms += step_ms;
        cycle.rtc.s += clock_ms / 1000;
        clock_ms %= 1000;
        for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++)
            measure(i, step_ms);
        uint32_t from = start();
        bool on = loop_take(&terminal, &cycle);
        spend(step_ms < 1000 ? INPUT_CYCLE : INPUT_SECOND, from);
        settled(on);
    }
}

void world_key(void)
{
    if (!running)
        return;
    terminal_key(&terminal);
    settled(loop_settle(&terminal));
}

void world_set_programming(bool on)
{
    if (!running)
        return;
    terminal_set_programming(&terminal, on);
    settled(loop_settle(&terminal));
}

bool world_set_port(unsigned number)
{
    asked = (enum terminal_port)number;
    return number < TERMINAL_PORTS;
}

void world_bytes(const uint8_t *data, size_t len)
{
    if (!running)
        return;
    uint32_t from = start();
    terminal_receive_at(&terminal, asked, data, len);
    bool on = loop_settle(&terminal);
    spend(INPUT_FRAME, from);
    settled(on);
}

void world_frame(uint8_t control, const uint8_t *data, size_t len, bool to_all)
{
    static BOARD_RIG struct dlt645_frame f;
    static BOARD_RIG uint8_t wire[DLT645_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    f.control = control;
    f.len = (uint8_t)len;
    memset(f.address, to_all ? 0x99 : 0xAA, sizeof f.address);
    memcpy(f.data, data, len);
    dlt645_encode(&f, 4, &w);
    world_bytes(wire, w.len);
}

void world_modbus(uint8_t *data, size_t len)
{
    uint16_t crc = crc16_modbus(data, len);
    data[len] = (uint8_t)crc;
    data[len + 1] = (uint8_t)(crc >> 8);
    world_bytes(data, len + 2);
}

void world_show(void)
{
    struct terminal_display d = terminal_display(&terminal);
    record_text("d ");
    record_number(d.page);
    record_text(" ");
    record_number(d.value);
    record_text("\n");
}

void world_save(void)
{
    if (!running)
        return;
    terminal_save(&terminal);
    settled(loop_settle(&terminal));
}

void world_tear(uint32_t count, uint32_t len)
{
    tear_count = count;
    tear_len = len;
}

void world_spoil(uint32_t offset)
{
    nvram[offset] ^= 0x5A;
}

static void remark_costs(void)
{
    if (board_stack_used() == 0)
        return;
    for (unsigned i = 0; i < INPUTS; i++) {
        board_note(input_name[i], strlen(input_name[i]));
        record_remark("count", costs[i].count);
        record_remark("instructions", board_instructions(costs[i].sum));
        record_remark("most", board_instructions(costs[i].most));
        board_note("\n", 1);
    }
    board_note("stack", 5);
    record_remark("bytes", board_stack_used());
    record_remark("terminal", sizeof terminal);
    board_note("\n", 1);
}

void world_end(void)
{
    record_text("registers");
    for (unsigned c = 0; c <= TERMINAL_CIRCUITS; c++)
        for (unsigned r = 0; r <= TERMINAL_RATES; r++) {
            record_text(" ");
            record_number((int64_t)terminal_register_mwh(&terminal, c, r));
        }
    record_text("\nnvram ");
    record_hex(nvram, sizeof nvram);
    record_text("\n");
    remark_costs();
}
