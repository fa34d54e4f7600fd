/* The DL/T 645-2007 driver of meters without a security module. */
#include <string.h>

#include "base/must.h"
#include "meter/meter_impl.h"

struct dlt645_rights meter_dlt645_rights(const struct meter_unit *u)
{
    const struct meter_quirks *q = &u->model->quirks;
    struct dlt645_rights rights = {.level = q->level};
    memcpy(rights.password, q->password, sizeof rights.password);
    memcpy(rights.operator, q->operator, sizeof rights.operator);
    return rights;
}

static bool decimal(const uint8_t digits[6])
{
    for (size_t i = 0; i < 6; i++)
        if (digits[i] >> 4 > 9 || (digits[i] & 0x0F) > 9)
            return false;
    return true;
}

enum err meter_dlt645_address(const struct meter_model *m, const char *text, uint8_t address[8])
{
    (void)m;
    TRY(dlt645_address_parse(text, address));
    return decimal(address) ? ERR_OK : ERR_SYNTAX;
}

static void ask_id(const struct meter_unit *u, uint32_t id, struct writer *w)
{
    struct dlt645_frame f;
    dlt645_ask_read(&f, u->address, id);
    dlt645_encode(&f, u->model->quirks.preamble, w);
}

static void ask_item(const struct meter_unit *u, const struct meter_item *item, struct writer *w)
{
    ask_id(u, item->id, w);
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

static enum err take_id(const struct meter_unit *u, uint32_t id, struct bytes answer,
                        int64_t *number)
{
    (void)u;
    struct dlt645_frame f;
    struct bytes data;
    TRY(data_of(answer, id, &f, &data));
    enum err e = dlt645_number(id, data, number);
    return e == ERR_STATE ? ERR_METER_REFUSED : e; /* all FF: the meter has none */
}

/* --- rows of the plan --------------------------------------------------------------------------
 */

/* Every value in order; count may be less than cap. Absent ones are INT64_MIN. */
static enum err numbers_of(struct dlt645_walk *walk, int64_t *out, size_t cap, size_t *count)
{
    struct dlt645_value v;
    for (*count = 0; *count < cap && dlt645_walk_next(walk, &v); (*count)++) {
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
    struct dlt645_walk walk;
    const struct dlt645_item *item = dlt645_item_find(id);
    if (!item)
        return ERR_NOT_FOUND;
    TRY(dlt645_walk_begin(&walk, item, id, data));
    TRY(numbers_of(&walk, n, CIRCUIT_VALUES * 3, &count));
    if (count != (size_t)CIRCUIT_VALUES * u->circuits)
        return ERR_FRAME_LENGTH;
    int64_t open = 0, reason = 0, reasons = 0, power = 0, alarm = 0;
    for (size_t i = 0; i < u->circuits; i++) {
        const int64_t *c = n + i * CIRCUIT_VALUES;
        add_circuit(out, i, c);
        if ((c[CIRCUIT_STATE] & 1) && reason == 0)
            reason = c[CIRCUIT_REASON];
        reasons |= (c[CIRCUIT_STATE] & 1) ? c[CIRCUIT_REASON] << 8 * i : 0;
        open |= (c[CIRCUIT_STATE] & 1) << i;
        alarm |= c[CIRCUIT_STATE] >> 1 & 1;
        power += c[CIRCUIT_POWER] != INT64_MIN ? c[CIRCUIT_POWER] : 0;
    }
    meter_values_add(out, POINT_POWER_W, watts(power));
    meter_values_add(out, POINT_RELAY_OPEN, open);
    meter_values_add(out, POINT_OPEN_REASON, reason);
    meter_values_add(out, POINT_CIRCUIT_REASONS, reasons);
    meter_values_add(out, POINT_ALARM_LEVEL, alarm);
    MUST(out->count <= METER_CIRCUITS_POINTS); /* models are held to it */
    return ERR_OK;
}

/* ss mm hh WW DD MM YY: the weekday stands in the middle. */
static enum err add_clock(const struct meter_unit *u, struct bytes data, struct meter_values *out)
{
    wall_s t;
    if (data.len != 7)
        return ERR_FRAME_LENGTH;
    uint8_t bcd[6] = {data.data[0], data.data[1], data.data[2],
                      data.data[4], data.data[5], data.data[6]};
    TRY(dlt645_time_to_wall(bcd, u->offset_s, &t));
    meter_values_add(out, POINT_CLOCK_S, t.s);
    return ERR_OK;
}

#define TABLE_VALUES_MAX 64

/* The numbers that the table of identifiers finds. One that is alone and absent is a refusal. */
static enum err table_numbers(struct dlt645_walk *walk, int64_t *numbers, size_t *count)
{
    if (!walk)
        return ERR_NOT_FOUND;
    TRY(numbers_of(walk, numbers, TABLE_VALUES_MAX, count));
    if (*count == 0)
        return ERR_FRAME_LENGTH;
    bool alone = *count == 1 && !walk->block && reader_left(&walk->data) == 0;
    return alone && numbers[0] == INT64_MIN ? ERR_METER_REFUSED : ERR_OK;
}

static enum err add_field(const struct meter_unit *u, const struct meter_field *f,
                          struct bytes data, const int64_t *numbers, size_t count,
                          struct meter_values *out, int64_t *number)
{
    bool absent = false;
    *number = INT64_MIN;
    if (f->form == METER_FORM_CLOCK)
        return add_clock(u, data, out);
    if (f->form == METER_FORM_TABLE) {
        *number = f->at < count ? numbers[f->at] : INT64_MIN;
        absent = *number == INT64_MIN;
    } else {
        TRY(meter_field_number(f, data, false, number, &absent));
    }
    return absent ? ERR_OK : meter_field_add(f, *number, out);
}

enum err meter_dlt645_fields(const struct meter_unit *u, const struct meter_item *item,
                             struct bytes data, struct dlt645_walk *walk, struct meter_values *out)
{
    int64_t numbers[TABLE_VALUES_MAX], number, first = INT64_MIN;
    size_t count = 0;
    if (item->fields[0].form == METER_FORM_TABLE)
        TRY(table_numbers(walk, numbers, &count));
    for (size_t i = 0; i < item->field_count; i++) {
        TRY(add_field(u, &item->fields[i], data, numbers, count, out, &number));
        if (i == 0)
            first = number;
    }
    if (item->next == METER_NEXT_ZERO && first == 0)
        out->next_item = 0; /* an empty wallet: the next row tells how far below */
    return ERR_OK;
}

static enum err take_item(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out)
{
    struct dlt645_frame f;
    struct dlt645_walk walk;
    struct bytes data;
    TRY(data_of(answer, item->id, &f, &data));
    if (item->decode == METER_DECODE_CIRCUITS)
        return take_circuits(u, item->id, data, out);
    const struct dlt645_item *row = dlt645_item_find(item->id);
    bool tabled = item->fields[0].form == METER_FORM_TABLE && row;
    if (tabled)
        TRY(dlt645_walk_begin(&walk, row, item->id, data));
    return meter_dlt645_fields(u, item, data, tabled ? &walk : NULL, out);
}

/* --- wallet ----------------------------------------------------------------------------------- */

/* The order number n as 16 digits, lowest first. */
static enum err ask_vend_order(const struct meter_unit *u, int64_t n, uint32_t amount_fen,
                               struct dlt645_frame *f)
{
    uint8_t order[8];
    struct writer digits = writer_of(order, sizeof order);
    writer_bcd_le(&digits, (uint64_t)n, sizeof order);
    TRY(digits.err);
    return dlt645_ask_credit_order(f, u->address, u->model->wallet.recharge_id, amount_fen, order);
}

static enum err ask_vend(const struct meter_unit *u, int64_t n, int64_t amount_fen,
                         struct writer *w)
{
    const struct meter_wallet *wallet = &u->model->wallet;
    struct dlt645_frame f;
    if (n < 1 || n > wallet->count_max || amount_fen < 1 || amount_fen > wallet->sale_max_fen)
        return ERR_RANGE;
    if (wallet->how == METER_VEND_ORDER) {
        TRY(ask_vend_order(u, n, (uint32_t)amount_fen, &f));
    } else {
        struct dlt645_credit credit = {.amount_fen = (uint32_t)amount_fen, .count = (uint32_t)n};
        memcpy(credit.customer, u->customer, 6);
        uint32_t id = n == 1 ? wallet->open_id : wallet->recharge_id;
        TRY(dlt645_ask_credit(&f, u->address, id, &credit, NULL));
    }
    memcpy(f.data + 4, u->model->quirks.operator, 4); /* behind the identifier */
    dlt645_encode(&f, u->model->quirks.preamble, w);
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

static void ask_control(const struct meter_unit *u, const struct meter_action *a, bool whole,
                        unsigned circuit, wall_s expires, struct dlt645_frame *f)
{
    struct dlt645_rights rights = meter_dlt645_rights(u);
    struct dlt645_time until =
        expires.s ? dlt645_time_of(expires, u->offset_s) : dlt645_time_never();
    /* With one relay N2 is reserved and stays zero; keep-power is the whole meter's. */
    uint8_t n2 = u->circuits > 1 && !whole ? (uint8_t)circuit : 0;
    uint8_t command[2] = {a->value[0], n2};
    dlt645_ask_control(f, u->address, &rights, command, &until);
}

static enum err ask_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w)
{
    const struct meter_action *a = &u->model->actions[order];
    struct dlt645_rights rights = meter_dlt645_rights(u);
    struct dlt645_frame f;
    if (a->how == METER_HOW_CONTROL)
        ask_control(u, a, order > METER_ORDER_CLOSE, circuit, expires, &f);
    else
        TRY(dlt645_ask_write(&f, u->address, a->id, &rights, (struct bytes){a->value, a->len}));
    dlt645_encode(&f, u->model->quirks.preamble, w);
    return w->err;
}

enum meter_reply meter_dlt645_take_order(const struct meter_unit *u, struct bytes answer)
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

/* --- settings
 * ----------------------------------------------------------------------------------------- */

static void ask_data(const struct meter_unit *u, uint32_t id, unsigned bytes, struct writer *w)
{
    (void)bytes;
    ask_id(u, id, w);
}

static enum err take_data(const struct meter_unit *u, uint32_t id, struct bytes answer,
                          uint8_t room[256], struct bytes *data)
{
    (void)u;
    struct dlt645_frame f;
    TRY(data_of(answer, id, &f, data));
    memcpy(room, data->data, data->len);
    data->data = room;
    return ERR_OK;
}

static enum err ask_write(const struct meter_unit *u, uint32_t id, struct bytes data,
                          struct writer *w)
{
    struct dlt645_rights rights = meter_dlt645_rights(u);
    struct dlt645_frame f;
    TRY(dlt645_ask_write(&f, u->address, id, &rights, data));
    dlt645_encode(&f, u->model->quirks.preamble, w);
    return w->err;
}

const struct meter_driver meter_driver_dlt645 = {
    .name = "dlt645",
    .link = &meter_link_dlt645,
    .address = meter_dlt645_address,
    .ask_item = ask_item,
    .take_item = take_item,
    .ask_order = ask_order,
    .take_order = meter_dlt645_take_order,
    .ask_data = ask_data,
    .take_data = take_data,
    .ask_write = ask_write,
    .ask_id = ask_id,
    .take_id = take_id,
    .ask_vend = ask_vend,
    .take_vend = take_vend,
};
