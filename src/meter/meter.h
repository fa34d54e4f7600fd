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
#define METER_FIELDS_MAX 16 /* points that one row tells */
#define METER_SETTINGS_MAX 24
#define METER_VALUES_MAX 24 /* points in one sweep */
#define METER_RECORDS 10    /* purchase records a meter keeps, 1 = the last */

/* --- link ------------------------------------------------------------------------------------ */

enum meter_match {
    METER_MATCH_NO,     /* not for this request: echo, another meter, a late answer */
    METER_MATCH_ANSWER, /* this is the answer, good or refusing */
    METER_MATCH_BUSY,   /* an answer: ask again a little later */
    METER_MATCH_ABSENT, /* what passes questions on says that the meter does not answer */
};

struct meter_link {
    const char *name;
    /* Finds the first whole frame. ERR_OK: it is at data[*begin], *end is one past it.
     * ERR_TRUNCATED: nothing whole yet; bytes before *begin are garbage.
     * else (damaged): bytes before *end may be dropped and the rest looked at again. */
    enum err (*cut)(const uint8_t *data, size_t len, size_t *begin, size_t *end);
    enum meter_match (*match)(struct bytes request, struct bytes answer);
    bool clock; /* meters of such a line take meter_ask_clock's broadcast */
    /* Questions of one number get answers of which a late one could be taken for another's. 0, and
     * all questions if it is NULL: the answer says which question it answers. */
    uint32_t (*blind)(struct bytes request);
    /* What is read says what it is, but not when it was asked: only what must be news is blind. */
    bool named;
    /* So long may a meter pause between two bytes of a frame; 0: no longer than the line says. */
    int32_t byte_gap_ms;
};

extern const struct meter_link meter_link_dlt645, meter_link_dlt645_1997, meter_link_cjt188,
    meter_link_modbus_rtu, meter_link_modbus_tcp, meter_link_mbus;

/* --- models ---------------------------------------------------------------------------------- */

/* How a meter guards its wallet (faults.md 2.2): what a resend may do. */
enum meter_class {
    METER_CLASS_A, /* count, MAC (security module) and readable purchase record */
    METER_CLASS_B, /* count and readable purchase record, no MAC */
    METER_CLASS_C, /* order number or nothing: behaviour on a repeat is not known */
    METER_CLASS_D, /* no wallet: measures and obeys; the balance is on the platform */
};

enum meter_kind {
    METER_KIND_ELECTRICITY,
    METER_KIND_WATER,
    METER_KIND_HEAT,
    METER_KIND_COOLING,
    METER_KIND_GAS,
};

/* How a value stands in an answer. */
enum meter_form {
    METER_FORM_TABLE,    /* as the protocol's own table of identifiers says (DL/T 645) */
    METER_FORM_BCD,      /* packed digits, lowest byte first */
    METER_FORM_SBCD,     /* the same, the top bit is the sign */
    METER_FORM_UNSIGNED, /* binary, in the protocol's byte order */
    METER_FORM_SIGNED,   /* the same, two's complement */
    METER_FORM_REAL,     /* IEEE 754, 32 bits */
    METER_FORM_BCD_UNIT, /* digits and a unit code beside them (CJ/T 188) */
    METER_FORM_CLOCK,    /* the protocol's own time */
};

/* One point of a row: where it stands and how it becomes the product's unit:
 * raw x multiply / divide, half away from zero. */
struct meter_field {
    uint8_t point;  /* enum meter_point */
    uint8_t form;   /* enum meter_form */
    uint8_t bytes;  /* 1 .. 8; not of METER_FORM_TABLE */
    bool low_first; /* Modbus: the low word stands first */
    uint16_t at;    /* value's index, byte offset or register, by driver */
    int32_t multiply, divide;
    int8_t bit; /* -1: the whole number; else the lowest of `bits` bits */
    uint8_t bits;
    uint8_t if_positive; /* not 0: tells this instead, and only if the number is above zero */
    int8_t map[8];       /* what bits 0, 1, 2 ... mean; -1: nothing is told */
    uint8_t map_count;
    uint8_t quantity; /* M-Bus: enum meter_quantity */
    uint8_t tariff, subunit;
    uint16_t storage;
};

enum meter_decode {
    METER_DECODE_FIELDS,
    METER_DECODE_CIRCUITS, /* the private block of our terminals */
};

/* When the row after this one must be asked as well. */
enum meter_next {
    METER_NEXT_NEVER,
    METER_NEXT_ZERO,   /* the first point is zero */
    METER_NEXT_MORE,   /* the meter says that there is more */
    METER_NEXT_ALWAYS, /* this one only prepares it */
};

/* One row of a poll plan: one request. */
struct meter_item {
    char name[20];
    uint32_t id;      /* data identifier, first register, or step */
    int32_t period_s; /* how often it is worth asking; 0: only when another row leads to it */
    uint8_t decode;   /* enum meter_decode */
    uint8_t next;     /* enum meter_next */
    uint8_t function; /* Modbus: 3, 4; M-Bus: the control byte */
    uint16_t count;   /* Modbus: registers */
    uint8_t field_count;
    struct meter_field fields[METER_FIELDS_MAX];
};

enum meter_order {
    METER_ORDER_OPEN,
    METER_ORDER_CLOSE,
    METER_ORDER_KEEP_ON,
    METER_ORDER_KEEP_OFF,
    METER_ORDER_EXERCISE, /* move the valve once so that it does not stick */
    METER_ORDERS
};

/* How an order is given. */
enum meter_how {
    METER_HOW_NOT,     /* this model cannot */
    METER_HOW_CONTROL, /* DL/T 645 control 1C */
    METER_HOW_SEALED,  /* the same, only through a security module, which this program has not */
    METER_HOW_WRITE,   /* a write of data under an identifier or of registers */
    METER_HOW_ONE,     /* Modbus function 06 */
};

struct meter_action {
    uint8_t how; /* enum meter_how */
    uint32_t id;
    uint8_t value[16], len;
    uint16_t circuit_step; /* added to id for every circuit above the first */
    char proof[20];
    uint8_t row; /* the row of that name */
};

/* How a meter with a wallet is sold to. */
enum meter_vend {
    METER_VEND_NONE,
    METER_VEND_COUNT,  /* amount and purchase count */
    METER_VEND_ORDER,  /* amount and order number */
    METER_VEND_SEALED, /* through a security module, which this program has not */
};

/* What can be read back about sales. Money in fen. */
enum meter_wallet_item {
    METER_WALLET_COUNT,         /* purchase count now */
    METER_WALLET_RECORD_COUNT,  /* count after the purchase in record nn */
    METER_WALLET_RECORD_AMOUNT, /* amount of record nn */
    METER_WALLET_PURCHASED,     /* cumulative purchased amount */
    METER_WALLET_BALANCE,       /* remaining money */
    METER_WALLET_OVERDRAFT,     /* overdraft in use */
    METER_WALLET_ITEMS
};

struct meter_wallet {
    uint8_t how; /* enum meter_vend */
    uint32_t open_id, recharge_id;
    uint32_t ids[METER_WALLET_ITEMS]; /* 0: cannot be read; of records: of record 0 */
    int32_t count_max;
    int64_t sale_max_fen;
};

/* A parameter of the meter that may be written. */
struct meter_setting {
    char name[32];            /* its last word is the unit: "alarm_limit_1_fen" */
    uint32_t id, read_id;     /* where it is written and read; Modbus: the first register */
    uint8_t form, bytes;      /* METER_FORM_BCD, _UNSIGNED or _SIGNED; how long it is */
    int32_t multiply, divide; /* from the meter's number to the value, as of points */
    int64_t low, high;        /* of the value */
};

enum meter_addressing { METER_ADDRESS_PRIMARY, METER_ADDRESS_SECONDARY };

/* What vendors do differently. */
struct meter_quirks {
    uint8_t preamble;
    uint8_t level;                    /* DL/T 645: password level */
    uint8_t password[3], operator[4]; /* as on the wire */
    uint8_t password_len, operator_len;
    uint8_t meter_type;                     /* CJ/T 188: T */
    bool read_high_first, write_high_first; /* CJ/T 188: identifier order in requests */
    bool unit_first;                        /* CJ/T 188: the unit code stands before its value */
    uint8_t addressing;                     /* M-Bus: enum meter_addressing */
};

struct meter_limits {
    int32_t act_ms; /* how long an accepted order takes until its proof shows it: a valve moves */
    int32_t answer_ms; /* how slow it may answer */
    uint8_t block_max; /* Modbus: registers of one read */
};

/* A speed that lines have: 300 .. 115200. */
bool meter_line_baud(int64_t baud);

/* What a heat or cooling meter is charged by; of other kinds it follows from the kind. */
enum meter_charged { METER_CHARGED_GJ, METER_CHARGED_KWH };

struct meter_driver;

struct meter_model {
    char name[32]; /* as in the site's files and in the uplink: "yufu-dorm3" */
    char title_en[80], title_zh[80], maker[64];
    uint8_t format, kind, protocol;
    uint8_t charged; /* enum meter_charged */
    const struct meter_driver *driver;
    uint8_t class; /* enum meter_class */
    char evidence[400], notes[400];
    int32_t baud; /* as it leaves the factory */
    uint8_t parity;
    uint8_t circuits; /* switched outputs; 1 of a meter that cannot switch */
    bool keep_power;  /* can be told never to trip */
    struct meter_item items[METER_ITEMS_MAX];
    uint8_t item_count;
    struct meter_action actions[METER_ORDERS];
    struct meter_wallet wallet;
    struct meter_setting settings[METER_SETTINGS_MAX];
    uint8_t setting_count;
    struct meter_quirks quirks;
    struct meter_limits limits;
    uint8_t state_item; /* index of the row that tells POINT_KEEP_POWER and the main relay */
    uint8_t relay_item; /* index of the row that tells POINT_RELAY_OPEN of every circuit */
};

/* One installed meter. The address is as on the wire: 6 bytes of DL/T 645, 7 of CJ/T 188, 8 of an
 * M-Bus secondary address (number, maker, version, medium), the first alone of Modbus and of an
 * M-Bus primary address. */
struct meter_unit {
    const struct meter_model *model;
    uint8_t address[8];
    uint8_t customer[6]; /* customer number, low digits first */
    uint8_t circuits;
    int32_t offset_s; /* the meter's civil time: seconds east of Greenwich */
};

/* The models are those of models/, compiled in, and what meter_models_add added. */
/* NULL if there is no such model. */
const struct meter_model *meter_model_find(const char *name);
/* All of them, by number from 0; NULL past the last. */
const struct meter_model *meter_model_at(size_t index);

/* ERR_NOT_FOUND: no such model. ERR_SYNTAX: address or customer number is not decimal. ERR_RANGE:
 * no such address on a line of this protocol. circuits 0 takes the model's own. A secondary M-Bus
 * address is 8 digits, or all 16 as on the wire in hexadecimal. */
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

/* Whether this model can tell it. */
bool meter_wallet_tells(const struct meter_unit *u, enum meter_wallet_item item);
/* record 1..METER_RECORDS where the item is about a record, else ignored. */
void meter_ask_wallet(const struct meter_unit *u, enum meter_wallet_item item, unsigned record,
                      struct writer *w);
[[nodiscard]] enum err meter_take_wallet(const struct meter_unit *u, enum meter_wallet_item item,
                                         unsigned record, struct bytes answer, int64_t *value);

/* The frame that credits amount_fen under count n (n = 1 opens the account), or under order number
 * n of a model that counts none. The same unit, n and amount always give the same bytes. ERR_STATE:
 * the model holds no wallet, or only a security module can sell to it; ERR_RANGE: n or amount do
 * not fit. */
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

/* Whether the model can do it at all. */
bool meter_can(const struct meter_unit *u, enum meter_order order);
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

/* --- settings -------------------------------------------------------------------------------- */

/* The number of the model's setting of this name; -1: there is none. */
int meter_setting_find(const struct meter_model *m, const char *name);
/* A write is proven by reading back, never by the answer: meters have answered "no" and written,
 * and "yes" and not. */
void meter_ask_setting(const struct meter_unit *u, unsigned setting, struct writer *w);
/* What stands in the meter. Errors as meter_take_item; ERR_METER_REFUSED also if it has none. */
[[nodiscard]] enum err meter_take_setting(const struct meter_unit *u, unsigned setting,
                                          struct bytes answer, int64_t *value);
/* ERR_RANGE: outside of the setting's limits, or the meter cannot hold exactly this value; nothing
 * is written then. Take the answer by meter_take_order. */
[[nodiscard]] enum err meter_ask_set(const struct meter_unit *u, unsigned setting, int64_t value,
                                     struct writer *w);

/* The frame that sets the clock of every meter on a line (broadcast, no answer). */
void meter_ask_clock(wall_s now, int32_t offset_s, struct writer *w);

/* --- drivers --------------------------------------------------------------------------------- */

/* One protocol's way of doing the above; the functions above only choose. */
struct meter_driver {
    const char *name;
    const struct meter_link *link;
    enum err (*address)(const struct meter_model *m, const char *text, uint8_t address[8]);
    void (*ask_item)(const struct meter_unit *u, const struct meter_item *item, struct writer *w);
    enum err (*take_item)(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out);
    enum err (*ask_order)(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w);
    enum meter_reply (*take_order)(const struct meter_unit *u, struct bytes answer);
    /* Data under an identifier or registers; NULL: this protocol cannot write. */
    void (*ask_data)(const struct meter_unit *u, uint32_t id, unsigned bytes, struct writer *w);
    enum err (*take_data)(const struct meter_unit *u, uint32_t id, struct bytes answer,
                          uint8_t room[256], struct bytes *data);
    enum err (*ask_write)(const struct meter_unit *u, uint32_t id, struct bytes data,
                          struct writer *w);
    bool big; /* binary numbers have their high byte first */
    /* NULL: meters of this protocol hold no wallet */
    void (*ask_id)(const struct meter_unit *u, uint32_t id, struct writer *w);
    enum err (*take_id)(const struct meter_unit *u, uint32_t id, struct bytes answer,
                        int64_t *value);
    enum err (*ask_vend)(const struct meter_unit *u, int64_t n, int64_t amount_fen,
                         struct writer *w);
    enum meter_reply (*take_vend)(const struct meter_unit *u, struct bytes answer);
};

#endif
