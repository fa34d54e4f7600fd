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

/* The first byte decides into how many pieces the rest is cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct terminal t, again;
    bool wrote = false;
    begin(&t);
    struct terminal_books before = t.books;
    size_t piece = size > 0 ? 1U + data[0] : 1;
    for (size_t at = 0; at < size; at += piece) {
        terminal_receive(&t, data + at, piece < size - at ? piece : size - at);
        wrote |= drain(&t);
        check(terminal_take_answer(&t).len <= DLT645_FRAME_MAX);
        terminal_time(&t, (mono_ms){1000 + (int64_t)at}, (wall_s){1'767'225'600}, false);
        wrote |= drain(&t);
    }
    if (!has_money_frame(data, size))
        check(same_money(&before, &t.books));
    check(terminal_register_mwh(&t, 0, 0) == 0);
    check(wrote || same_money(&before, &t.books));
    if (wrote) {
        boot(&again);
        check(same_money(&again.books, &t.books));
        check(again.books.keep_power == t.books.keep_power &&
              again.books.remote_cut == t.books.remote_cut);
    }
    return 0;
}
