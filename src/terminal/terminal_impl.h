/* Shared by the parts of terminal/. */
#ifndef YUFU_TERMINAL_TERMINAL_IMPL_H
#define YUFU_TERMINAL_TERMINAL_IMPL_H

#include "terminal/terminal.h"

/* nvram map; docs/protocols/terminal.md repeats it. */
#define NVRAM_BOOKS 0
#define NVRAM_BOOKS_SLOT 768
#define NVRAM_CONFIG 1536
#define NVRAM_CONFIG_SLOT 256
#define NVRAM_TRIPS 2048
#define NVRAM_CLOSES 3008
#define NVRAM_EVENT 32
#define NVRAM_GUARD 4096
#define NVRAM_GUARD_SLOT 1024
#define NVRAM_WHYS 6144 /* of the trip at the same place */
#define NVRAM_DAYS 8192
#define NVRAM_MONTHS 12288
#define NVRAM_FREEZE 64
#define SLOT_NONE 2

/* terminal_books.c: records <-> bytes */
bool books_load(struct terminal *t, const uint8_t *nvram); /* false: no valid record */
bool config_load(struct terminal *t, const uint8_t *nvram);
bool guard_load(struct terminal *t, const uint8_t *nvram);
bool nvram_blank(const uint8_t *data, size_t len);
/* Why the trip of this number was; false: nothing is kept of it. */
bool why_read(const struct terminal *t, uint32_t number, struct terminal_why *why);

/* The nn-th last daily or monthly freeze, nn from 1; false: none is kept. */
bool freeze_read(const struct terminal *t, bool month, unsigned nn, struct terminal_freeze *f);

/* terminal_freeze.c: ends of days and months */
void freeze_timers(struct terminal *t);

/* terminal_credit.c: money */
void credit_month(struct terminal *t); /* gives the month's free amount when it is due */
/* rate 1..4; true: a whole fen left the free amount or the balance */
bool credit_charge(struct terminal *t, uint64_t mwh, unsigned rate);
void credit_evaluate(struct terminal *t); /* limits -> cut flags */
void credit_paid(struct terminal *t);     /* after any payment: may close again */
uint8_t credit_alarm(const struct terminal *t);
void credit_record_purchase(struct terminal *t, int64_t amount_fen);

/* terminal_rules.c: which reason counts. Index 0.. */
enum terminal_reason rules_reason(const struct terminal *t, unsigned index);
bool rules_open(const struct terminal *t, unsigned index);

/* terminal_hours.c: t->cover and t->rate for this minute */
void hours_update(struct terminal *t);
void hours_changed(struct terminal *t); /* clock or tables: now, and again at the next time */
bool hours_valid(const struct terminal_day_hours *d); /* no minute covered twice */

/* terminal_guard.c: load control */
void guard_factory(struct terminal *t);
bool guard_measure(struct terminal *t); /* true: something tripped */
void guard_timers(struct terminal *t);
void guard_reset(struct terminal *t, unsigned index); /* by staff */
void guard_learn(struct terminal *t, unsigned index, uint32_t seconds);

/* terminal_relay.c */
uint8_t relay_mask_all(const struct terminal *t);
void relay_timers(struct terminal *t);
void relay_settle(struct terminal *t); /* flags -> open_now, with events */

/* The orders of control code 1CH; N2 of a trip or close is the circuit, 0 all. */
enum order_code {
    ORDER_TRIP = 0x1A,
    ORDER_ALLOW = 0x1B,
    ORDER_CLOSE = 0x1C,
    ORDER_TRIP_THEN_CLOSE = 0x1D,
    ORDER_TRIP_THEN_ALLOW = 0x1E,
    ORDER_ALARM_ON = 0x2A,
    ORDER_ALARM_OFF = 0x2B,
    ORDER_KEEP_ON = 0x3A,
    ORDER_KEEP_OFF = 0x3B,
};
#define ORDER_REFUSED_OTHER 0x04 /* of the status word: length, password, order or circuit */
/* Carries out an order; false: refused. *word: the status word of protocols.md 1.3. */
bool relay_order(struct terminal *t, uint8_t n1, uint8_t n2, uint16_t *word);
bool relay_order_trips(uint8_t n1);

/* terminal_clock.c */
int64_t clock_now_s(const struct terminal *t); /* own UTC */
struct terminal_stamp clock_stamp(const struct terminal *t);
bool clock_set(struct terminal *t, struct civil local);
int32_t clock_day(const struct terminal *t);
/* Stamp of a frame, low byte first (ss mm hh DD MM YY), to own UTC; false: no such time. */
bool clock_parse(const struct terminal *t, const uint8_t bcd[6], int64_t *utc_s);

/* terminal_slave.c: one request in, answer into t->port. ERR bits of the error byte: */
#define SLAVE_OK 0x00
#define SLAVE_OTHER 0x01
#define SLAVE_NO_DATA 0x02
#define SLAVE_PASSWORD 0x04
#define SLAVE_BAUD 0x08
void slave_request(struct terminal *t, const struct dlt645_frame *request);
bool slave_password(struct terminal *t, const uint8_t pa_p[4], unsigned level);

/* terminal_read.c, terminal_write.c: ERR byte, 0 for success */
uint8_t slave_read(const struct terminal *t, uint32_t di, struct writer *w);
/* Part `sequence` of an answer that does not fit into one frame; *more: another one follows. */
uint8_t slave_read_part(const struct terminal *t, uint32_t di, unsigned sequence, struct writer *w,
                        bool *more);
uint8_t slave_write(struct terminal *t, uint32_t di, struct bytes data);

/* terminal_guard_data.c: the registers of time and load control, 04802nnn */
uint8_t guard_read(const struct terminal *t, uint32_t di, struct writer *w);
uint8_t guard_write(struct terminal *t, uint32_t di, struct bytes data);

/* terminal_read.c: of a circuit, from 0; worked out where the chip does not tell it */
int64_t read_reactive_mvar(const struct terminal *t, unsigned i);

/* terminal_modbus.c: the second language. How many bytes at data were a frame to this meter, which
 * is answered into t->port; 0: they are none. *wait: they may become one. */
size_t modbus_take(struct terminal *t, const uint8_t *data, size_t len, bool *wait);

/* terminal_fee.c: control code 03. SERR, 0 for success; the answer after the DI into w. */
#define SERR_OTHER 0x0001
#define SERR_REPEAT 0x0002
#define SERR_ESAM 0x0004
#define SERR_AUTH 0x0008
#define SERR_CUSTOMER 0x0010
#define SERR_COUNT 0x0020
#define SERR_HOARD 0x0040
#define SERR_ADDRESS 0x0080
#define SERR_SUSPENDED 0x0100
uint16_t fee_request(struct terminal *t, uint32_t di, struct bytes payload, struct writer *w);

#endif
