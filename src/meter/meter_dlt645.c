/* The DL/T 645-2007 driver of meters without a security module (protocols.md 1.6, "ESAM-less"). */
#include <string.h>

#include "meter/meter_impl.h"
#include "proto/dlt645.h"
#include "proto/dlt645_ask.h"
#include "proto/dlt645_data.h"

#define PREAMBLE 4
#define COUNT_MAX 9999 /* the count register has four digits */

static const struct dlt645_rights rights = {.level = 0x02};

static void ask_id(const struct meter_unit *u, uint32_t id, struct writer *w)
{
    struct dlt645_frame f;
    dlt645_ask_read(&f, u->address, id);
    dlt645_encode(&f, PREAMBLE, w);
}

/* The data behind the identifier of a good answer to a read. */
static enum err data_of(struct bytes answer, uint32_t id, struct dlt645_frame *f,
                        struct bytes *data)
{
    size_t used;
    TRY(dlt645_decode(answer.data, answer.len, f, &used));
    if (f->control & DLT645_ABNORMAL)
        return ERR_METER_REFUSED;
    bool plain = f->control == (DLT645_READ | DLT645_ANSWER);
    struct reader r = reader_of(f->data, f->len);
    if (!plain || reader_u32le(&r) != id || r.err != ERR_OK)
        return ERR_METER_ANSWER;
    *data = reader_take(&r, reader_left(&r));
    return ERR_OK;
}

static enum err number_of(struct bytes answer, uint32_t id, int64_t *number)
{
    struct dlt645_frame f;
    struct bytes data;
    TRY(data_of(answer, id, &f, &data));
    enum err e = dlt645_number(id, data, number);
    return e == ERR_STATE ? ERR_METER_REFUSED : e; /* all FF: the meter has none */
}

/* --- rows of the plan --------------------------------------------------------------------------
 */

/* Every value of the item in order; count may be less than cap. Absent ones are INT64_MIN. */
static enum err numbers_of(const struct dlt645_item *item, uint32_t id, struct bytes data,
                           int64_t *out, size_t cap, size_t *count)
{
    struct dlt645_walk w;
    struct dlt645_value v;
    TRY(dlt645_walk_begin(&w, item, id, data));
    for (*count = 0; *count < cap && dlt645_walk_next(&w, &v); (*count)++) {
        if (v.state == DLT645_DAMAGED)
            return ERR_BCD;
        out[*count] = v.state == DLT645_ABSENT ? INT64_MIN : v.number;
    }
    return ERR_OK;
}

/* 0.01 kWh are 10 Wh. */
static void add_energy(struct meter_values *out, enum meter_point point, int64_t centi_kwh)
{
    if (centi_kwh != INT64_MIN)
        meter_values_add(out, point, centi_kwh * 10);
}

static enum err take_energy(uint32_t id, struct bytes data, struct meter_values *out)
{
    int64_t n[1 + 4];
    size_t count;
    TRY(numbers_of(dlt645_item_find(id), id, data, n, 5, &count));
    for (size_t i = 0; i < count; i++)
        add_energy(out, (enum meter_point)(POINT_ENERGY_WH + (int)i), n[i]);
    return count > 0 ? ERR_OK : ERR_FRAME_LENGTH;
}

/* 0.0001 kW are 0.1 W; half away from zero. */
static int64_t watts(int64_t deci_w)
{
    return deci_w < 0 ? -((-deci_w + 5) / 10) : (deci_w + 5) / 10;
}

/* The four values of a circuit in the block of our terminals. */
enum { CIRCUIT_ENERGY, CIRCUIT_POWER, CIRCUIT_STATE, CIRCUIT_REASON, CIRCUIT_VALUES };

static void add_circuit(struct meter_values *out, size_t index, const int64_t *c)
{
    add_energy(out, (enum meter_point)(POINT_CIRCUIT1_WH + (int)index), c[CIRCUIT_ENERGY]);
    if (c[CIRCUIT_POWER] != INT64_MIN)
        meter_values_add(out, (enum meter_point)(POINT_CIRCUIT1_W + (int)index),
                         watts(c[CIRCUIT_POWER]));
}

static enum err take_circuits(const struct meter_unit *u, uint32_t id, struct bytes data,
                              struct meter_values *out)
{
    int64_t n[CIRCUIT_VALUES * 3];
    size_t count;
    TRY(numbers_of(dlt645_item_find(id), id, data, n, CIRCUIT_VALUES * 3, &count));
    if (count != (size_t)CIRCUIT_VALUES * u->circuits)
        return ERR_FRAME_LENGTH;
    int64_t open = 0, reason = 0, power = 0, alarm = 0;
    for (size_t i = 0; i < u->circuits; i++) {
        const int64_t *c = n + i * CIRCUIT_VALUES;
        add_circuit(out, i, c);
        if ((c[CIRCUIT_STATE] & 1) && reason == 0)
            reason = c[CIRCUIT_REASON];
        open |= (c[CIRCUIT_STATE] & 1) << i;
        alarm |= c[CIRCUIT_STATE] >> 1 & 1;
        power += c[CIRCUIT_POWER] != INT64_MIN ? c[CIRCUIT_POWER] : 0;
    }
    meter_values_add(out, POINT_POWER_W, watts(power));
    meter_values_add(out, POINT_RELAY_OPEN, open);
    meter_values_add(out, POINT_OPEN_REASON, reason);
    meter_values_add(out, POINT_ALARM_LEVEL, alarm);
    return ERR_OK;
}

/* Word 3: bit 4 relay open, bit 7 pre-trip alarm, bit 12 keep-power. */
static void take_state(int64_t word, bool one_relay, struct meter_values *out)
{
    meter_values_add(out, POINT_KEEP_POWER, word >> 12 & 1);
    meter_values_add(out, POINT_ALARM_LEVEL, word >> 7 & 1 ? 2 : 0);
    if (one_relay)
        meter_values_add(out, POINT_RELAY_OPEN, word >> 4 & 1);
}

static void take_balance(int64_t fen, struct meter_values *out)
{
    meter_values_add(out, POINT_BALANCE_FEN, fen);
    if (fen == 0)
        out->next_item = 0; /* empty: the next row tells how far below */
}

static void take_overdraft(int64_t fen, struct meter_values *out)
{
    meter_values_add(out, POINT_BALANCE_FEN, -fen);
    if (fen > 0)
        meter_values_add(out, POINT_ALARM_LEVEL, 3);
}

static enum err take_clock(const struct meter_unit *u, uint32_t id, struct bytes answer,
                           struct meter_values *out)
{
    struct dlt645_frame f;
    struct bytes data;
    wall_s t;
    TRY(data_of(answer, id, &f, &data));
    if (data.len != 7)
        return ERR_FRAME_LENGTH;
    /* ss mm hh WW DD MM YY: the weekday stands in the middle */
    uint8_t bcd[6] = {data.data[0], data.data[1], data.data[2],
                      data.data[4], data.data[5], data.data[6]};
    TRY(dlt645_time_to_wall(bcd, u->offset_s, &t));
    meter_values_add(out, POINT_CLOCK_S, t.s);
    return ERR_OK;
}

static enum err take_block(const struct meter_unit *u, const struct meter_item *item,
                           struct bytes answer, struct meter_values *out)
{
    struct dlt645_frame f;
    struct bytes data;
    TRY(data_of(answer, item->id, &f, &data));
    return item->decode == METER_645_ENERGY ? take_energy(item->id, data, out)
                                            : take_circuits(u, item->id, data, out);
}

static void take_number(enum meter_dlt645_decode decode, int64_t n, struct meter_values *out)
{
    switch (decode) {
    case METER_645_STATE:
    case METER_645_KEEP:
        take_state(n, decode == METER_645_STATE, out);
        break;
    case METER_645_POWER:
        meter_values_add(out, POINT_POWER_W, watts(n));
        break;
    case METER_645_VOLTAGE:
        meter_values_add(out, POINT_VOLTAGE_DV, n);
        break;
    case METER_645_CURRENT:
        meter_values_add(out, POINT_CURRENT_MA, n);
        break;
    case METER_645_BALANCE:
        take_balance(n, out);
        break;
    case METER_645_OVERDRAFT:
        take_overdraft(n, out);
        break;
    case METER_645_COUNT:
        meter_values_add(out, POINT_PURCHASE_COUNT, n);
        break;
    default:
        meter_values_add(out, POINT_PURCHASED_FEN, n);
    }
}

static enum err take_item(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out)
{
    int64_t n;
    if (item->decode == METER_645_ENERGY || item->decode == METER_645_CIRCUITS)
        return take_block(u, item, answer, out);
    if (item->decode == METER_645_CLOCK)
        return take_clock(u, item->id, answer, out);
    TRY(number_of(answer, item->id, &n));
    take_number((enum meter_dlt645_decode)item->decode, n, out);
    return ERR_OK;
}

/* --- wallet ----------------------------------------------------------------------------------- */

static uint32_t wallet_id(enum meter_wallet_item item, unsigned record)
{
    switch (item) {
    case METER_WALLET_COUNT:
        return 0x03330201;
    case METER_WALLET_RECORD_COUNT:
        return 0x03330200 + record;
    case METER_WALLET_RECORD_AMOUNT:
        return 0x03330300 + record;
    case METER_WALLET_PURCHASED:
        return 0x03330601;
    case METER_WALLET_BALANCE:
        return 0x00900200;
    default:
        return 0x00900201;
    }
}

static void ask_wallet(const struct meter_unit *u, enum meter_wallet_item item, unsigned record,
                       struct writer *w)
{
    ask_id(u, wallet_id(item, record), w);
}

static enum err take_wallet(const struct meter_unit *u, enum meter_wallet_item item,
                            unsigned record, struct bytes answer, int64_t *value)
{
    (void)u;
    return number_of(answer, wallet_id(item, record), value);
}

static enum err ask_vend(const struct meter_unit *u, int64_t n, int64_t amount_fen,
                         struct writer *w)
{
    if (n < 1 || n > COUNT_MAX || amount_fen < 1 || amount_fen > INT32_MAX)
        return ERR_RANGE;
    struct dlt645_frame f;
    struct dlt645_credit credit = {.amount_fen = (uint32_t)amount_fen, .count = (uint32_t)n};
    memcpy(credit.customer, u->customer, 6);
    uint32_t id = n == 1 ? DLT645_OPEN_ACCOUNT : DLT645_RECHARGE;
    TRY(dlt645_ask_credit(&f, u->address, id, &credit, NULL));
    dlt645_encode(&f, PREAMBLE, w);
    return w->err;
}

static enum meter_reply reply_of_serr(uint16_t bits)
{
    static const struct {
        uint16_t bit;
        enum meter_reply reply;
    } rows[] = {
        {DLT645_SERR_REPEAT, METER_REPLY_REPEAT},     {DLT645_SERR_COUNT, METER_REPLY_COUNT},
        {DLT645_SERR_CUSTOMER, METER_REPLY_CUSTOMER}, {DLT645_SERR_HOARD, METER_REPLY_HOARD},
        {DLT645_SERR_AUTH, METER_REPLY_AUTH},         {DLT645_SERR_ESAM, METER_REPLY_AUTH}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (bits & rows[i].bit)
            return rows[i].reply;
    return METER_REPLY_OTHER;
}

static enum meter_reply reply_of_code(uint16_t code)
{
    switch (code) {
    case DLT645_CODE_COUNT:
        return METER_REPLY_COUNT;
    case DLT645_CODE_CUSTOMER:
        return METER_REPLY_CUSTOMER;
    case DLT645_CODE_HOARD:
        return METER_REPLY_HOARD;
    default:
        return METER_REPLY_OTHER;
    }
}

static enum meter_reply take_vend(const struct meter_unit *u, struct bytes answer)
{
    (void)u;
    struct dlt645_frame f;
    struct dlt645_say s;
    size_t used;
    if (dlt645_decode(answer.data, answer.len, &f, &used) != ERR_OK)
        return METER_REPLY_NONE;
    dlt645_say(&f, DLT645_ERA_2007, &s);
    if (!s.abnormal)
        return METER_REPLY_OK;
    if (s.refusal == DLT645_REFUSAL_SERR)
        return reply_of_serr(s.refusal_bits);
    return s.refusal == DLT645_REFUSAL_PRIVATE ? reply_of_code(s.refusal_bits) : METER_REPLY_OTHER;
}

/* --- relays ----------------------------------------------------------------------------------- */

static enum err ask_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w)
{
    static const uint8_t commands[] = {[METER_ORDER_OPEN] = DLT645_TRIP,
                                       [METER_ORDER_CLOSE] = DLT645_CLOSE,
                                       [METER_ORDER_KEEP_ON] = DLT645_KEEP_ON,
                                       [METER_ORDER_KEEP_OFF] = DLT645_KEEP_OFF};
    struct dlt645_frame f;
    struct dlt645_time until =
        expires.s ? dlt645_time_of(expires, u->offset_s) : dlt645_time_never();
    /* With one relay N2 is reserved and stays zero; keep-power is the whole meter's. */
    bool chosen = u->circuits > 1 && order <= METER_ORDER_CLOSE;
    uint8_t command[2] = {commands[order], chosen ? (uint8_t)circuit : 0};
    dlt645_ask_control(&f, u->address, &rights, command, &until);
    dlt645_encode(&f, PREAMBLE, w);
    return w->err;
}

static enum meter_reply take_order(const struct meter_unit *u, struct bytes answer)
{
    (void)u;
    struct dlt645_frame f;
    size_t used;
    if (dlt645_decode(answer.data, answer.len, &f, &used) != ERR_OK)
        return METER_REPLY_NONE;
    if (!(f.control & DLT645_ABNORMAL))
        return METER_REPLY_OK;
    bool rights_missing = f.len == 1 && (f.data[0] & DLT645_ERR_PASSWORD);
    return rights_missing ? METER_REPLY_AUTH : METER_REPLY_OTHER;
}

const struct meter_driver meter_driver_dlt645 = {
    .name = "dlt645",
    .link = &meter_link_dlt645,
    .ask_id = ask_id,
    .take_item = take_item,
    .ask_wallet = ask_wallet,
    .take_wallet = take_wallet,
    .ask_vend = ask_vend,
    .take_vend = take_vend,
    .ask_order = ask_order,
    .take_order = take_order,
};
