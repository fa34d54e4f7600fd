/*
 * The slave port of a terminal with money in it: any bytes may come off a line. Promises:
 *   - money, count and purchase records change only if a whole valid fee-control frame of this
 *     meter is among the bytes (looked for at every place, without the decoder);
 *   - registers do not move at all;
 *   - what was answered is in nvram: a reboot finds the same state.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "terminal/terminal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t nvram[TERMINAL_NVRAM_SIZE];
static const struct terminal_setup setup = {
    .circuits = 3,
    .rating_ma = 15'000,
    .phases = 1,
    .wallet = true,
    .zone_s = 28'800,
    .preset_fen = 1000,
    .address = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26},
    .price_e4 = {5000, 5000, 5000, 5000},
};

static void check(bool promise)
{
    if (!promise)
        abort();
}

static bool drain(struct terminal *t)
{
    struct terminal_write w;
    bool wrote = false;
    while (terminal_next_write(t, &w)) {
        check(w.offset + w.len <= TERMINAL_NVRAM_SIZE);
        memcpy(nvram + w.offset, w.data, w.len);
        wrote = true;
    }
    return wrote;
}

static void boot(struct terminal *t)
{
    terminal_boot(t, &setup, nvram);
    terminal_time(t, (mono_ms){1000}, (wall_s){1'767'225'600}, false);
    check(drain(t)); /* every start is counted */
}

/* An opened account with seven purchases, so that the eighth of the vectors is accepted. */
static void begin(struct terminal *t)
{
    static struct terminal begun;
    static uint8_t begun_nvram[TERMINAL_NVRAM_SIZE];
    if (!begun.running) {
        static const uint8_t customer[6] = {0x56, 0x34, 0x12};
        memset(nvram, 0xFF, sizeof nvram);
        boot(&begun);
        begun.books.opened = true;
        begun.books.count = 7;
        memcpy(begun.books.customer, customer, 6);
        begun.config.modbus_unit = 17;
        begun.books_dirty = begun.config_dirty = true;
        check(drain(&begun));
        memcpy(begun_nvram, nvram, sizeof nvram);
    }
    *t = begun;
    memcpy(nvram, begun_nvram, sizeof nvram);
}

static bool money_frame_at(const uint8_t *p, size_t left)
{
    if (left < 12 || p[0] != 0x68 || p[7] != 0x68 || p[8] != 0x03)
        return false;
    size_t len = 12U + p[9];
    uint8_t sum = 0;
    if (left < len || p[len - 1] != 0x16)
        return false;
    for (size_t i = 0; i < len - 2; i++)
        sum = (uint8_t)(sum + p[i]);
    return sum == p[len - 2];
}

static bool has_money_frame(const uint8_t *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (money_frame_at(data + i, size - i))
            return true;
    return false;
}

static bool same_money(const struct terminal_books *a, const struct terminal_books *b)
{
    return a->balance_fen == b->balance_fen && a->count == b->count && a->carry == b->carry &&
           a->purchased_fen == b->purchased_fen && a->opened == b->opened &&
           memcmp(a->purchase, b->purchase, sizeof a->purchase) == 0;
}

/* The rules of the circuits as they are written: between the fields of a struct anything may be. */
static size_t rules_of(struct terminal *t, uint8_t out[1024])
{
    struct terminal_write w;
    t->guard_dirty = true;
    check(terminal_next_write(t, &w) && w.len > 12 && w.len <= 1024);
    memcpy(out, w.data + 8, w.len - 12U); /* without sequence and checksum */
    return w.len - 12U;
}

static bool same_rules(struct terminal *a, struct terminal *b)
{
    static uint8_t x[1024], y[1024];
    size_t n = rules_of(a, x);
    return n == rules_of(b, y) && memcmp(x, y, n) == 0;
}

/* --- whole frames out of the input: {kind, length, data} ... ---------------------------------- */

#define KIND_MODBUS 0xF0 /* from here on */
#define KIND_SAMPLE 0xE0 /* from here on; below, the control code of a DL/T 645 frame */

static uint8_t wire[8192];
static size_t wire_len;

static void put_dlt645(uint8_t control, const uint8_t *data, size_t len)
{
    struct dlt645_frame f = {.control = control, .len = (uint8_t)len};
    struct writer w = writer_of(wire + wire_len, sizeof wire - wire_len);
    memcpy(f.address, setup.address, 6);
    memcpy(f.data, data, len);
    dlt645_encode(&f, 0, &w);
    wire_len += w.err == ERR_OK ? w.len : 0;
}

static void put_modbus(const uint8_t *data, size_t len)
{
    struct writer w = writer_of(wire + wire_len, sizeof wire - wire_len);
    writer_u8(&w, 17);
    writer_put(&w, data, len);
    writer_u16le(&w, crc16_modbus(w.data, w.len));
    wire_len += w.err == ERR_OK ? w.len : 0;
}

/* What the metering chip says, 20 ms later. */
static void measure(struct terminal *t, const uint8_t *data, size_t len)
{
    static mono_ms now = {1000};
    struct reader r = reader_of(data, len);
    struct terminal_sample s = {.has_reactive = true, .has_harmonics = len > 24};
    s.voltage_dv[0] = reader_u16le(&r);
    for (unsigned i = 0; i < TERMINAL_CIRCUITS; i++) {
        s.power_mw[i] = (int32_t)reader_u32le(&r);
        s.reactive_mvar[i] = (int16_t)reader_u16le(&r) * 1000;
        s.current_ma[i] = reader_u16le(&r);
        s.harmonic_ma[i][0] = reader_u16le(&r);
    }
    now.ms = t->now.ms + 20;
    terminal_time(t, now, (wall_s){1'767'225'600 + now.ms / 1000}, false);
    terminal_measure(t, &s);
    (void)terminal_display(t);
}

/* Samples act at once, frames gather in `wire`. */
static bool take_records(struct terminal *t, const uint8_t *data, size_t size)
{
    bool wrote = false;
    while (size >= 2) {
        size_t len = data[1] % 200 < size - 2 ? data[1] % 200U : size - 2;
        if (data[0] >= KIND_MODBUS)
            put_modbus(data + 2, len);
        else if (data[0] >= KIND_SAMPLE)
            measure(t, data + 2, len);
        else
            put_dlt645(data[0], data + 2, len);
        wrote |= drain(t);
        data += 2 + len;
        size -= 2 + len;
    }
    return wrote;
}

/* The first byte decides into how many pieces the rest is cut, whether they come in on the two
 * ports in turn, and whether the rest is bytes of a line or records to make whole frames of. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct terminal t, again;
    bool wrote = false;
    begin(&t);
    uint8_t how = size > 0 ? data[0] : 0;
    size_t piece = 1U + how % 64;
    wire_len = 0;
    if (how & 0x40) {
        wrote = take_records(&t, data + 1, size - 1);
    } else if (size > 0 && size <= sizeof wire) {
        wire_len = size;
        memcpy(wire, data, size);
    }
    struct terminal_books before = t.books;
    bool received = false; /* what came in by a port has been written */
    for (size_t at = 0, turn = 0; at < wire_len; at += piece, turn++) {
        bool other = (how & 0x80) && turn % 2 == 1;
        enum terminal_port port = other ? TERMINAL_INFRARED : TERMINAL_RS485;
        terminal_receive_at(&t, port, wire + at, piece < wire_len - at ? piece : wire_len - at);
        received |= drain(&t);
        check(terminal_take_answer_at(&t, port).len <= DLT645_FRAME_MAX);
        terminal_time(&t, mono_after(t.now, 1), t.rtc, false);
        received |= drain(&t);
    }
    if (!has_money_frame(wire, wire_len))
        check(same_money(&before, &t.books));
    check(terminal_register_mwh(&t, 0, 0) == 0);
    check(received || same_money(&before, &t.books));
    if (wrote || received) {
        boot(&again);
        check(same_money(&again.books, &t.books));
        check(again.books.keep_power == t.books.keep_power &&
              again.books.remote_cut == t.books.remote_cut);
        check(same_rules(&again, &t));
    }
    return 0;
}
