/*
 * Meters: what each model is. A model says which requests tell which points, how often they are
 * worth asking, and how the meter is ordered about; a driver turns that into frames and back.
 *
 * Pure: no clock, no heap. Requests and answers are whole frames as they stand on the wire.
 * The link (struct meter_link) is what a line must know of a protocol: where a frame begins and
 * ends, and which answer belongs to which request.
 */
#ifndef YUFU_METER_METER_H
#define YUFU_METER_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/err.h"
#include "meter/point.h"

#define METER_FRAME_MAX 272 /* a whole frame with preamble */
#define METER_ITEMS_MAX 16  /* rows of a poll plan */
#define METER_VALUES_MAX 24 /* points in one sweep */
#define METER_RECORDS 10    /* purchase records a meter keeps, 1 = the last */

/* --- link ------------------------------------------------------------------------------------ */

enum meter_match {
    METER_MATCH_NO,     /* not for this request: echo, another meter, a late answer */
    METER_MATCH_ANSWER, /* this is the answer, good or refusing */
};

struct meter_link {
    const char *name;
    /* Finds the first whole frame. ERR_OK: it is at data[*begin], *end is one past it.
     * ERR_TRUNCATED: nothing whole yet; bytes before *begin are garbage.
     * else (damaged): bytes before *end may be dropped and the rest looked at again. */
    enum err (*cut)(const uint8_t *data, size_t len, size_t *begin, size_t *end);
    enum meter_match (*match)(struct bytes request, struct bytes answer);
};

extern const struct meter_link meter_link_dlt645;

/* --- models ---------------------------------------------------------------------------------- */

/* How a meter guards its wallet (faults.md 2.2): what a resend may do. */
enum meter_class {
    METER_CLASS_A, /* count, MAC (security module) and readable purchase record */
    METER_CLASS_B, /* count and readable purchase record, no MAC */
    METER_CLASS_C, /* order number or nothing: behaviour on a repeat is not known */
    METER_CLASS_D, /* no wallet: measures and obeys; the balance is on the platform */
};

/* One row of a poll plan. */
struct meter_item {
    const char *name;
    uint32_t id;      /* data identifier */
    int32_t period_s; /* how often it is worth asking; 0: only when another row leads to it */
    uint8_t decode;   /* the driver's own: how its answer becomes points */
};

struct meter_driver;

struct meter_model {
    const char *name; /* as in the site's files and in the uplink: "yufu-dorm3" */
    const char *title_en, *title_zh;
    const struct meter_driver *driver;
    enum meter_class class;
    uint8_t circuits; /* switched outputs */
    bool keep_power;  /* can be told never to trip */
    const struct meter_item *items;
    uint8_t item_count;
    uint8_t state_item; /* index of the row that tells POINT_KEEP_POWER and the main relay */
    uint8_t relay_item; /* index of the row that tells POINT_RELAY_OPEN of every circuit */
};

/* One installed meter. The address is as on the wire. */
struct meter_unit {
    const struct meter_model *model;
    uint8_t address[6];
    uint8_t customer[6]; /* customer number, low digits first */
    uint8_t circuits;
    int32_t offset_s; /* the meter's civil time: seconds east of Greenwich */
};

/* NULL if there is no such model. */
const struct meter_model *meter_model_find(const char *name);
/* All of them, by number from 0; NULL past the last. */
const struct meter_model *meter_model_at(size_t index);

/* ERR_NOT_FOUND: no such model. ERR_SYNTAX: address or customer number is not decimal. circuits 0
 * takes the model's own. */
[[nodiscard]] enum err meter_unit_init(struct meter_unit *u, const char *model, const char *address,
                                       const char *customer, int64_t circuits);

/* --- asking ---------------------------------------------------------------------------------- */

struct meter_value {
    enum meter_point point;
    int64_t value;
};

struct meter_values {
    struct meter_value list[METER_VALUES_MAX];
    size_t count;
    int next_item; /* ask this row as well before the meter is complete; -1: none */
};

void meter_values_add(struct meter_values *v, enum meter_point point, int64_t value);
/* Adds the points of another answer of the same sweep: the later value counts, of the alarm level
 * the highest (each answer shows only some of the levels). */
void meter_values_merge(struct meter_values *v, const struct meter_values *more);
/* The value of a point, or `absent`. */
int64_t meter_values_get(const struct meter_values *v, enum meter_point point, int64_t absent);

/* The frame that asks row `item` of the unit's plan; sticky error in w. */
void meter_ask_item(const struct meter_unit *u, unsigned item, struct writer *w);
/* What the answer tells. ERR_METER_REFUSED: the meter answered that it cannot; other errors: the
 * answer is not what was asked, or its digits are damaged, and must not be believed. */
[[nodiscard]] enum err meter_take_item(const struct meter_unit *u, unsigned item,
                                       struct bytes answer, struct meter_values *out);

/* --- the wallet ------------------------------------------------------------------------------ */

/* What can be read back about sales. Money in fen. */
enum meter_wallet_item {
    METER_WALLET_COUNT,         /* purchase count now */
    METER_WALLET_RECORD_COUNT,  /* count after the purchase in record nn */
    METER_WALLET_RECORD_AMOUNT, /* amount of record nn */
    METER_WALLET_PURCHASED,     /* cumulative purchased amount */
    METER_WALLET_BALANCE,       /* remaining money */
    METER_WALLET_OVERDRAFT,     /* overdraft in use */
};

/* record 1..METER_RECORDS where the item is about a record, else ignored. */
void meter_ask_wallet(const struct meter_unit *u, enum meter_wallet_item item, unsigned record,
                      struct writer *w);
[[nodiscard]] enum err meter_take_wallet(const struct meter_unit *u, enum meter_wallet_item item,
                                         unsigned record, struct bytes answer, int64_t *value);

/* The frame that credits amount_fen under count n (n = 1 opens the account). The same unit, n and
 * amount always give the same bytes. ERR_STATE: the model holds no wallet; ERR_RANGE: n or amount
 * do not fit. */
[[nodiscard]] enum err meter_ask_vend(const struct meter_unit *u, int64_t n, int64_t amount_fen,
                                      struct writer *w);

enum meter_reply {
    METER_REPLY_NONE,
    METER_REPLY_OK,
    METER_REPLY_REPEAT,
    METER_REPLY_COUNT,
    METER_REPLY_CUSTOMER,
    METER_REPLY_HOARD,
    METER_REPLY_AUTH,
    METER_REPLY_OTHER,
};

/* What the meter said to a vend. Only a hint: the read-back is the truth. */
enum meter_reply meter_take_vend(const struct meter_unit *u, struct bytes answer);

/* --- relays ---------------------------------------------------------------------------------- */

enum meter_order { METER_ORDER_OPEN, METER_ORDER_CLOSE, METER_ORDER_KEEP_ON, METER_ORDER_KEEP_OFF };

/* circuit 0: the whole meter. `expires` is written into the frame as the meter's civil time; s == 0
 * never expires. ERR_RANGE: no such circuit; ERR_STATE: the model cannot do this. */
[[nodiscard]] enum err meter_ask_order(const struct meter_unit *u, enum meter_order order,
                                       unsigned circuit, wall_s expires, struct writer *w);
/* METER_REPLY_OK or what the refusal means. */
enum meter_reply meter_take_order(const struct meter_unit *u, struct bytes answer);

/* The row of the poll plan that shows whether the order was carried out, and whether it was:
 * 1 yes, 0 no, -1 the values do not tell. */
unsigned meter_order_item(const struct meter_unit *u, enum meter_order order);
int meter_order_met(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                    const struct meter_values *v);

/* The frame that sets the clock of every meter on a line (broadcast, no answer). */
void meter_ask_clock(wall_s now, int32_t offset_s, struct writer *w);

/* --- drivers --------------------------------------------------------------------------------- */

/* One protocol's way of doing the above; the functions above only choose. */
struct meter_driver {
    const char *name;
    const struct meter_link *link;
    void (*ask_id)(const struct meter_unit *u, uint32_t id, struct writer *w);
    enum err (*take_item)(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out);
    void (*ask_wallet)(const struct meter_unit *u, enum meter_wallet_item item, unsigned record,
                       struct writer *w);
    enum err (*take_wallet)(const struct meter_unit *u, enum meter_wallet_item item,
                            unsigned record, struct bytes answer, int64_t *value);
    enum err (*ask_vend)(const struct meter_unit *u, int64_t n, int64_t amount_fen,
                         struct writer *w);
    enum meter_reply (*take_vend)(const struct meter_unit *u, struct bytes answer);
    enum err (*ask_order)(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w);
    enum meter_reply (*take_order)(const struct meter_unit *u, struct bytes answer);
};

#endif
