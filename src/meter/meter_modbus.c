/*
 * The Modbus driver, RTU and TCP: one row is one block read, its points are registers of the block.
 * Numbers are big-endian; the order of the words of a long one is the model's.
 */
#include <string.h>

#include "meter/meter_impl.h"
#include "proto/modbus.h"

#define UNIT_MAX 247
#define UNIT_DIRECT 255 /* over TCP, as well as 0: the device at this address itself */

/* --- link
 * ------------------------------------------------------------------------------------------- */

typedef enum err decode(const uint8_t *data, size_t len, struct modbus_frame *f, size_t *used);

static bool reads(uint8_t function)
{
    return function == MODBUS_READ_HOLDING || function == MODBUS_READ_INPUT;
}

/* The longer of the two frames that such a beginning may be is still coming in. */
static bool may_come(const uint8_t *p, size_t len)
{
    if (len < 3)
        return false;
    if (reads(p[1]))
        return p[2] % 2 == 0 && p[2] <= 2 * MODBUS_REGISTERS_MAX && len < 5u + p[2];
    return p[1] == MODBUS_WRITE_MANY && len > 6 && p[6] == 2 * p[5] && len < 9u + p[6];
}

/* An RTU frame has no mark where it begins: the first place from which a checksum fits is it. While
 * none does, bytes may only go that cannot begin a frame which is still coming in. */
static enum err cut_rtu(const uint8_t *data, size_t len, size_t *begin, size_t *end)
{
    struct modbus_frame f;
    size_t used, coming = len;
    for (size_t at = 0; at < len; at++) {
        enum err e = modbus_decode_rtu(data + at, len - at, &f, &used);
        if (e == ERR_OK) {
            *begin = at;
            *end = at + used;
            return ERR_OK;
        }
        bool comes =
            e == ERR_TRUNCATED || (e == ERR_FRAME_CHECKSUM && may_come(data + at, len - at));
        if (comes && coming == len)
            coming = at;
    }
    *begin = *end = coming;
    return ERR_TRUNCATED;
}

static enum err cut_tcp(const uint8_t *data, size_t len, size_t *begin, size_t *end)
{
    struct modbus_frame f;
    size_t used = 0;
    enum err e = modbus_decode_tcp(data, len, &f, &used);
    *begin = 0;
    *end = e == ERR_OK ? used : e == ERR_TRUNCATED ? 0 : used > 0 ? used : 1;
    return e;
}

static bool answers_read(const struct modbus_frame *r, const struct modbus_frame *a)
{
    return a->exception || (a->answer && a->count == r->count);
}

static bool answers_write(const struct modbus_frame *r, const struct modbus_frame *a)
{
    if (a->exception)
        return true;
    bool same = a->address == r->address && a->count == r->count;
    if (r->function == MODBUS_WRITE_ONE)
        return same && a->value[0] == r->value[0];
    return same && a->answer;
}

static enum meter_match match_by(decode *d, struct bytes request, struct bytes answer)
{
    struct modbus_frame r, a;
    size_t used;
    if (d(request.data, request.len, &r, &used) != ERR_OK ||
        d(answer.data, answer.len, &a, &used) != ERR_OK)
        return METER_MATCH_NO;
    if (a.unit != r.unit || a.function != r.function || a.transaction != r.transaction)
        return METER_MATCH_NO;
    if (a.exception == MODBUS_ACKNOWLEDGED || a.exception == MODBUS_BUSY)
        return METER_MATCH_BUSY;
    if (a.exception == MODBUS_NO_PATH || a.exception == MODBUS_NO_TARGET)
        return METER_MATCH_ABSENT;
    bool good = reads(r.function) ? answers_read(&r, &a) : answers_write(&r, &a);
    return good ? METER_MATCH_ANSWER : METER_MATCH_NO;
}

static enum meter_match match_rtu(struct bytes request, struct bytes answer)
{
    return match_by(modbus_decode_rtu, request, answer);
}

static enum meter_match match_tcp(struct bytes request, struct bytes answer)
{
    return match_by(modbus_decode_tcp, request, answer);
}

/* What was read does not say from where, over TCP the transaction does; a write is repeated. */
static uint32_t blind_rtu(struct bytes request)
{
    struct modbus_frame r;
    size_t used;
    bool good = modbus_decode_rtu(request.data, request.len, &r, &used) == ERR_OK;
    return good && reads(r.function) ? r.unit : 0;
}

const struct meter_link meter_link_modbus_rtu = {
    .name = "modbus-rtu", .cut = cut_rtu, .match = match_rtu, .blind = blind_rtu};
const struct meter_link meter_link_modbus_tcp = {
    .name = "modbus-tcp", .cut = cut_tcp, .match = match_tcp, .named = true};

/* --- asking
 * ----------------------------------------------------------------------------------------- */

static enum err address(const struct meter_model *m, const char *text, uint8_t out[8])
{
    int64_t n = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || p - text >= 14)
            return ERR_SYNTAX;
        n = n * 10 + (*p - '0');
    }
    if (text[0] == '\0')
        return ERR_SYNTAX;
    bool direct = m->protocol == METER_MODBUS_TCP && (n == 0 || n == UNIT_DIRECT);
    if ((n < 1 || n > UNIT_MAX) && !direct)
        return ERR_RANGE;
    out[0] = (uint8_t)n;
    return ERR_OK;
}

static bool is_tcp(const struct meter_unit *u)
{
    return u->model->protocol == METER_MODBUS_TCP;
}

/* Over TCP a late answer to another request must not be taken: what is asked numbers it. */
static struct modbus_frame frame_of(const struct meter_unit *u, uint8_t function, uint32_t reg,
                                    uint16_t count)
{
    return (struct modbus_frame){.tcp = is_tcp(u),
                                 .transaction =
                                     is_tcp(u) ? (uint16_t)(reg ^ (unsigned)count << 8) : 0,
                                 .unit = u->address[0],
                                 .function = function,
                                 .address = (uint16_t)reg,
                                 .count = count};
}

static void ask_item(const struct meter_unit *u, const struct meter_item *item, struct writer *w)
{
    struct modbus_frame f = frame_of(u, item->function, item->id, item->count);
    enum err e = modbus_encode(&f, w);
    if (w->err == ERR_OK)
        w->err = e;
}

/* --- taking
 * ----------------------------------------------------------------------------------------- */

static enum err decode_answer(const struct meter_unit *u, struct bytes answer,
                              struct modbus_frame *f)
{
    size_t used;
    TRY(is_tcp(u) ? modbus_decode_tcp(answer.data, answer.len, f, &used)
                  : modbus_decode_rtu(answer.data, answer.len, f, &used));
    return f->exception ? ERR_METER_REFUSED : ERR_OK;
}

static enum err add_field(const struct meter_model *m, const struct meter_item *item, size_t i,
                          struct bytes registers, struct meter_values *out)
{
    struct meter_field field = item->fields[i];
    int64_t n;
    bool absent;
    field.at = (uint16_t)(2 * (field.at - item->id));
    enum err e = meter_field_number(&field, registers, true, &n, &absent);
    if (e == ERR_STATE)
        return meter_field_lacks(m, &field, ERR_RANGE);
    TRY(e);
    return absent ? ERR_OK : meter_field_add(&field, n, out);
}

static enum err take_item(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out)
{
    struct modbus_frame f;
    uint8_t room[2 * MODBUS_REGISTERS_MAX];
    struct writer w = writer_of(room, sizeof room);
    TRY(decode_answer(u, answer, &f));
    if (f.unit != u->address[0] || f.function != item->function || f.count != item->count ||
        f.value_count != item->count)
        return ERR_METER_ANSWER;
    for (size_t i = 0; i < f.value_count; i++)
        writer_u16be(&w, f.value[i]);
    for (size_t i = 0; i < item->field_count; i++)
        TRY(add_field(u->model, item, i, (struct bytes){room, w.len}, out));
    return ERR_OK;
}

/* --- relays
 * ----------------------------------------------------------------------------------------- */

static enum err ask_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w)
{
    const struct meter_action *a = &u->model->actions[order];
    (void)expires; /* the frame has no place for it */
    if (u->circuits > 1 && circuit == 0)
        return ERR_STATE; /* one write reaches one circuit */
    uint32_t reg = a->id + (circuit > 1 ? (circuit - 1) * a->circuit_step : 0);
    uint8_t function = a->how == METER_HOW_ONE ? MODBUS_WRITE_ONE : MODBUS_WRITE_MANY;
    struct modbus_frame f = frame_of(u, function, reg, a->len / 2);
    f.value_count = a->len / 2u;
    for (size_t i = 0; i < f.value_count; i++)
        f.value[i] = (uint16_t)(a->value[2 * i] << 8 | a->value[2 * i + 1]);
    return modbus_encode(&f, w);
}

static enum meter_reply take_order(const struct meter_unit *u, struct bytes answer)
{
    struct modbus_frame f;
    enum err e = decode_answer(u, answer, &f);
    return e == ERR_OK              ? METER_REPLY_OK
           : e == ERR_METER_REFUSED ? METER_REPLY_OTHER
                                    : METER_REPLY_NONE;
}

/* --- settings ------------------------------------------------------------------------------- */

static void ask_data(const struct meter_unit *u, uint32_t id, unsigned bytes, struct writer *w)
{
    struct modbus_frame f = frame_of(u, MODBUS_READ_HOLDING, id, (uint16_t)(bytes / 2));
    enum err e = modbus_encode(&f, w);
    if (w->err == ERR_OK)
        w->err = e;
}

static enum err take_data(const struct meter_unit *u, uint32_t id, struct bytes answer,
                          uint8_t room[256], struct bytes *data)
{
    struct modbus_frame f;
    struct writer w = writer_of(room, 256);
    (void)id; /* the answer does not say it; the link saw to it that it is one */
    TRY(decode_answer(u, answer, &f));
    if (f.unit != u->address[0] || f.function != MODBUS_READ_HOLDING || !f.answer)
        return ERR_METER_ANSWER;
    for (size_t i = 0; i < f.value_count; i++)
        writer_u16be(&w, f.value[i]);
    *data = (struct bytes){room, w.len};
    return w.err;
}

static enum err ask_write(const struct meter_unit *u, uint32_t id, struct bytes data,
                          struct writer *w)
{
    struct modbus_frame f = frame_of(u, MODBUS_WRITE_MANY, id, (uint16_t)(data.len / 2));
    f.value_count = data.len / 2;
    for (size_t i = 0; i < f.value_count; i++)
        f.value[i] = (uint16_t)(data.data[2 * i] << 8 | data.data[2 * i + 1]);
    return modbus_encode(&f, w);
}

#define DRIVER(text, its_link)                                                                     \
    {                                                                                              \
        .name = text, .link = &its_link, .address = address, .ask_item = ask_item,                 \
        .take_item = take_item, .ask_order = ask_order, .take_order = take_order,                  \
        .ask_data = ask_data, .take_data = take_data, .ask_write = ask_write, .big = true,         \
    }
const struct meter_driver meter_driver_modbus_rtu = DRIVER("modbus-rtu", meter_link_modbus_rtu);
const struct meter_driver meter_driver_modbus_tcp = DRIVER("modbus-tcp", meter_link_modbus_tcp);
