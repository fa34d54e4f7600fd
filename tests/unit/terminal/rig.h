/* A terminal on a bench: nvram, a power switch that may tear a write, and frames made by hand. */
#ifndef YUFU_TESTS_TERMINAL_RIG_H
#define YUFU_TESTS_TERMINAL_RIG_H

#include "tests/unit/check.h"

#include "terminal/terminal.h"

struct rig {
    struct terminal t;
    struct terminal_setup setup;
    uint8_t nvram[TERMINAL_NVRAM_SIZE];
    mono_ms now;
    wall_s rtc;
    /* power: the cut_write-th write (1 = next) stops after cut_bytes; 0: never */
    unsigned writes, cut_write, cut_bytes;
    bool tear_garbage; /* the byte after the cut is neither old nor new */
    bool dead;
    /* last answer */
    struct dlt645_frame answer;
    bool answered;
};

#define RIG_NOW INT64_C(1'767'225'600) /* 2026-01-01 00:00:00 UTC, 08:00 in Beijing */
#define CUSTOMER "000000123456"

/* Wallet meter, three circuits, price 0.5 yuan flat, no limits, empty wallet. */
struct terminal_setup rig_setup(void);
void rig_new(struct rig *g, const struct terminal_setup *setup);
void rig_boot(struct rig *g);
void rig_pass(struct rig *g, int64_t seconds); /* time passes */
void rig_use(struct rig *g, unsigned circuit, uint64_t mwh);
/* After ms milliseconds the chip says this; the clock runs on with the time. */
void rig_measure(struct rig *g, const struct terminal_sample *s, int64_t ms);
/* Sends control + data to the terminal's address; false: no answer. */
bool rig_send(struct rig *g, uint8_t control, const uint8_t *data, size_t len);
bool rig_send_to(struct rig *g, const uint8_t address[6], uint8_t control, const uint8_t *data,
                 size_t len);
/* Reads a DI; the data after it are in g->answer.data + 4. False: error answer. */
bool rig_read(struct rig *g, uint32_t di);
uint64_t rig_read_bcd(struct rig *g, uint32_t di, size_t len);
/* SERR, 0 for success, -1 no answer. */
int rig_money(struct rig *g, uint32_t di, uint32_t amount_fen, uint32_t count,
              const char *customer);
int rig_init_wallet(struct rig *g, uint32_t preset_fen, uint32_t count);
/* ERR byte, 0 for success, -1 no answer. expiry: 6 wire bytes or NULL for never. */
int rig_order(struct rig *g, uint8_t n1, uint8_t n2, const uint8_t *expiry);
/* Writes BCD value of len bytes. */
int rig_write_bcd(struct rig *g, uint32_t di, uint64_t value, size_t len);
int rig_write(struct rig *g, uint32_t di, const uint8_t *data, size_t len);
bool rig_closed(const struct rig *g, unsigned circuit);
enum terminal_reason rig_why(const struct rig *g, unsigned circuit);
/* Energy and money agree to the last 1e-8 fen: consumption at the flat price equals what was paid
 * in and is not in the wallet any more. */
void rig_check_conserved(const struct rig *g, int64_t paid_in_fen);

#endif
