/*
 * The CJ/T 188 driver: water, heat, cooling and gas meters. Identifiers stand in either order in
 * answers, whatever order the request had; unit codes decide what a number is.
 */
#include <string.h>

#include "meter/meter_impl.h"
#include "proto/cjt188.h"

#define READ 0x01
#define WRITE 0x04
#define HEAD 3   /* identifier and serial number */
#define SERIAL 1 /* meters echo it, or put their own: the identifier is what is compared */

/* --- link
 * ------------------------------------------------------------------------------------------- */

static enum err cut(const uint8_t *data, size_t len, size_t *begin, size_t *end)
{
    struct cjt188_frame f;
    size_t used = 0;
    enum err e = cjt188_decode(data, len, &f, &used);
    *end = used;
    *begin = e == ERR_OK ? used - f.len - 13 : used;
    return e;
}

static bool same_address(const uint8_t asked[7], const uint8_t told[7])
{
    bool any = true;
    for (size_t i = 0; i < 7; i++)
        any = any && asked[i] == 0xAA;
    return any || memcmp(asked, told, 7) == 0;
}

static bool same_identifier(const uint8_t *a, const uint8_t *b)
{
    return (a[0] == b[0] && a[1] == b[1]) || (a[0] == b[1] && a[1] == b[0]);
}

static enum meter_match match(struct bytes request, struct bytes answer)
{
    struct cjt188_frame r, a;
    size_t used;
    if (cjt188_decode(request.data, request.len, &r, &used) != ERR_OK ||
        cjt188_decode(answer.data, answer.len, &a, &used) != ERR_OK)
        return METER_MATCH_NO;
    bool answers = (a.control & CJT188_ANSWER) && (a.control & 0x3F) == (r.control & 0x3F);
    if (!answers || !same_address(r.address, a.address))
        return METER_MATCH_NO;
    if (a.control & CJT188_ABNORMAL) /* a refusal carries no identifier */
        return METER_MATCH_ANSWER;
    bool same = r.len >= 2 && a.len >= 2 && same_identifier(r.data, a.data);
    return same ? METER_MATCH_ANSWER : METER_MATCH_NO;
}

static uint32_t blind(struct bytes request)
{
    struct cjt188_frame r;
    size_t used;
    if (cjt188_decode(request.data, request.len, &r, &used) != ERR_OK)
        return 0;
    return meter_link_kind((struct bytes){r.address, sizeof r.address}, r.control & 0x3F);
}

const struct meter_link meter_link_cjt188 = {.name = "cjt188",
                                             .cut = cut,
                                             .match = match,
                                             .blind = blind,
                                             .named = true,
                                             .byte_gap_ms = METER_BYTE_GAP_MS};

/* --- asking
 * ----------------------------------------------------------------------------------------- */

static enum err address(const struct meter_model *m, const char *text, uint8_t out[8])
{
    (void)m;
    TRY(cjt188_address_parse(text, out));
    for (size_t i = 0; i < 7; i++)
        if (out[i] >> 4 > 9 || (out[i] & 15) > 9)
            return ERR_SYNTAX;
    return ERR_OK;
}

static void ask(const struct meter_unit *u, uint8_t control, uint16_t id, struct bytes data,
                struct writer *w)
{
    const struct meter_quirks *q = &u->model->quirks;
    bool high_first = control == READ ? q->read_high_first : q->write_high_first;
    struct cjt188_frame f = {.type = q->meter_type, .control = control};
    memcpy(f.address, u->address, 7);
    f.data[0] = (uint8_t)(high_first ? id >> 8 : id);
    f.data[1] = (uint8_t)(high_first ? id : id >> 8);
    f.data[2] = SERIAL;
    memcpy(f.data + HEAD, data.data, data.len);
    f.len = (uint8_t)(HEAD + data.len);
    cjt188_encode(&f, q->preamble, w);
}

static void ask_item(const struct meter_unit *u, const struct meter_item *item, struct writer *w)
{
    static const uint8_t nothing;
    ask(u, READ, (uint16_t)item->id, (struct bytes){&nothing, 0}, w);
}

/* --- taking
 * ----------------------------------------------------------------------------------------- */

/* ss mm hh DD MM YY YY. A clock that was never set (zeros, FF, no such day) tells nothing: the
 * reading beside it is good. */
static void add_clock(const struct meter_unit *u, const struct meter_field *f, struct bytes data,
                      struct meter_values *out)
{
    wall_s t;
    if ((size_t)f->at + 7 > data.len)
        return;
    const uint8_t *p = data.data + f->at;
    if (p[6] == 0x20 && dlt645_time_to_wall(p, u->offset_s, &t) == ERR_OK)
        meter_values_add(out, POINT_CLOCK_S, t.s);
}

/* Digits and the unit beside them. */
static enum err add_with_unit(const struct meter_unit *u, const struct meter_field *f,
                              struct bytes data, struct meter_values *out)
{
    bool unit_first = u->model->quirks.unit_first, absent;
    struct meter_field digits = *f;
    size_t unit_at = unit_first ? f->at : (size_t)f->at + f->bytes;
    int64_t n;
    digits.at = (uint16_t)(f->at + unit_first);
    TRY(meter_field_number(&digits, data, false, &n, &absent));
    if (unit_at >= data.len)
        return ERR_FRAME_LENGTH;
    if (absent)
        return ERR_OK;
    const char *unit = cjt188_unit(data.data[unit_at]);
    if (!unit)
        return ERR_METER_ANSWER;
    /* digits x multiply / divide of that unit */
    int exponent = 0;
    int32_t divide = f->divide;
    for (; divide > 1 && divide % 10 == 0; divide /= 10)
        exponent--;
    TRY(meter_convert((enum meter_point)f->point, n, exponent, unit, &n));
    TRY(meter_scale(n, f->multiply, divide, &n));
    meter_values_add(out, (enum meter_point)f->point, n);
    return ERR_OK;
}

static enum err add_field(const struct meter_unit *u, const struct meter_field *f,
                          struct bytes data, struct meter_values *out)
{
    int64_t n;
    bool absent;
    if (f->form == METER_FORM_CLOCK) {
        add_clock(u, f, data, out);
        return ERR_OK;
    }
    if (f->form == METER_FORM_BCD_UNIT)
        return add_with_unit(u, f, data, out);
    TRY(meter_field_number(f, data, false, &n, &absent));
    return absent ? ERR_OK : meter_field_add(f, n, out);
}

/* What stands behind identifier and serial number of a good answer to a read. */
static enum err data_of(struct bytes answer, uint32_t wanted, struct cjt188_frame *f,
                        struct bytes *data)
{
    size_t used;
    TRY(cjt188_decode(answer.data, answer.len, f, &used));
    if (f->control & CJT188_ABNORMAL)
        return ERR_METER_REFUSED;
    const uint8_t id[2] = {(uint8_t)wanted, (uint8_t)(wanted >> 8)};
    if (f->control != (READ | CJT188_ANSWER) || f->len < HEAD || !same_identifier(f->data, id))
        return ERR_METER_ANSWER;
    *data = (struct bytes){f->data + HEAD, (size_t)f->len - HEAD};
    return ERR_OK;
}

static enum err take_item(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out)
{
    struct cjt188_frame f;
    struct bytes data;
    TRY(data_of(answer, item->id, &f, &data));
    for (size_t i = 0; i < item->field_count; i++)
        TRY(add_field(u, &item->fields[i], data, out));
    return ERR_OK;
}

/* --- settings ------------------------------------------------------------------------------- */

static void ask_data(const struct meter_unit *u, uint32_t id, unsigned bytes, struct writer *w)
{
    static const uint8_t nothing;
    (void)bytes;
    ask(u, READ, (uint16_t)id, (struct bytes){&nothing, 0}, w);
}

static enum err take_data(const struct meter_unit *u, uint32_t id, struct bytes answer,
                          uint8_t room[256], struct bytes *data)
{
    (void)u;
    struct cjt188_frame f;
    TRY(data_of(answer, id, &f, data));
    memcpy(room, data->data, data->len);
    data->data = room;
    return ERR_OK;
}

static enum err ask_write(const struct meter_unit *u, uint32_t id, struct bytes data,
                          struct writer *w)
{
    ask(u, WRITE, (uint16_t)id, data, w);
    return w->err;
}

/* --- valve
 * ------------------------------------------------------------------------------------------ */

static enum err ask_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w)
{
    const struct meter_action *a = &u->model->actions[order];
    (void)circuit;
    (void)expires; /* the frame has no place for it */
    ask(u, WRITE, (uint16_t)a->id, (struct bytes){a->value, a->len}, w);
    return w->err;
}

/* Accepted, not done: a valve takes seconds, and only the next reading shows where it stands. */
static enum meter_reply take_order(const struct meter_unit *u, struct bytes answer)
{
    (void)u;
    struct cjt188_frame f;
    size_t used;
    if (cjt188_decode(answer.data, answer.len, &f, &used) != ERR_OK)
        return METER_REPLY_NONE;
    return f.control & CJT188_ABNORMAL ? METER_REPLY_OTHER : METER_REPLY_OK;
}

const struct meter_driver meter_driver_cjt188 = {
    .name = "cjt188",
    .link = &meter_link_cjt188,
    .address = address,
    .ask_item = ask_item,
    .take_item = take_item,
    .ask_order = ask_order,
    .take_order = take_order,
    .ask_data = ask_data,
    .take_data = take_data,
    .ask_write = ask_write,
};
