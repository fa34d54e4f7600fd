/*
 * The DL/T 645-1997 driver: the same frame with identifiers of two bytes and older functions. The
 * standard has no relay control; what a vendor does instead is a write of the model's.
 */
#include <string.h>

#include "meter/meter_impl.h"

#define READ 0x01
#define WRITE 0x04
#define PASSWORD_LEN 4

static enum err cut(const uint8_t *data, size_t len, size_t *begin, size_t *end)
{
    return meter_link_dlt645.cut(data, len, begin, end);
}

/* Answers may come with the meter's own address or with the wildcard. */
static bool from_asked(const struct dlt645_frame *r, const struct dlt645_frame *a)
{
    static const uint8_t any[6] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    return dlt645_addressed(r->address, a->address) || memcmp(a->address, any, 6) == 0 ||
           memcmp(a->address, r->address, 6) == 0;
}

static enum meter_match match(struct bytes request, struct bytes answer)
{
    struct dlt645_frame r, a;
    size_t used;
    if (dlt645_decode(request.data, request.len, &r, &used) != ERR_OK ||
        dlt645_decode(answer.data, answer.len, &a, &used) != ERR_OK)
        return METER_MATCH_NO;
    bool same_function = (a.control & 0x1F) == (r.control & 0x1F);
    if (!(a.control & DLT645_ANSWER) || !same_function || !from_asked(&r, &a))
        return METER_MATCH_NO;
    bool carries_id = (r.control & 0x1F) == READ && !(a.control & DLT645_ABNORMAL);
    bool other = carries_id && (a.len < 2 || r.len < 2 || memcmp(a.data, r.data, 2) != 0);
    return other ? METER_MATCH_NO : METER_MATCH_ANSWER;
}

const struct meter_link meter_link_dlt645_1997 = {.name = "dlt645-1997",
                                                  .cut = cut,
                                                  .match = match,
                                                  .clock = true,
                                                  .blind = meter_link_dlt645_blind,
                                                  .named = true,
                                                  .byte_gap_ms = METER_BYTE_GAP_MS};

static void ask(const struct meter_unit *u, uint8_t control, struct bytes data, struct writer *w)
{
    struct dlt645_frame f = {.control = control, .len = (uint8_t)data.len};
    memcpy(f.address, u->address, 6);
    memcpy(f.data, data.data, data.len);
    dlt645_encode(&f, u->model->quirks.preamble, w);
}

static void ask_item(const struct meter_unit *u, const struct meter_item *item, struct writer *w)
{
    const uint8_t id[2] = {(uint8_t)item->id, (uint8_t)(item->id >> 8)};
    ask(u, READ, (struct bytes){id, 2}, w);
}

static enum err take_item(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out)
{
    struct dlt645_frame f;
    struct dlt645_walk walk;
    size_t used;
    TRY(dlt645_decode(answer.data, answer.len, &f, &used));
    if (f.control & DLT645_ABNORMAL)
        return ERR_METER_REFUSED;
    bool plain = f.control == (READ | DLT645_ANSWER) && f.len >= 2;
    if (!plain || (uint32_t)(f.data[0] | f.data[1] << 8) != item->id)
        return ERR_METER_ANSWER;
    struct bytes data = {f.data + 2, f.len - 2u};
    const struct dlt645_item *row = dlt645_item_find_1997((uint16_t)item->id);
    bool tabled = item->fields[0].form == METER_FORM_TABLE && row;
    if (tabled)
        TRY(dlt645_walk_begin_1997(&walk, row, (uint16_t)item->id, data));
    return meter_dlt645_fields(u, item, data, tabled ? &walk : NULL, out);
}

/* Identifier, password, data. */
static enum err ask_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w)
{
    const struct meter_action *a = &u->model->actions[order];
    struct dlt645_rights rights = meter_dlt645_rights(u);
    uint8_t data[2 + PASSWORD_LEN + sizeof a->value];
    struct writer d = writer_of(data, sizeof data);
    (void)circuit;
    (void)expires; /* the frame has no place for it */
    writer_u16le(&d, (uint16_t)a->id);
    writer_u8(&d, rights.level);
    writer_put(&d, rights.password, sizeof rights.password);
    writer_put(&d, a->value, a->len);
    TRY(d.err);
    ask(u, WRITE, (struct bytes){data, d.len}, w);
    return w->err;
}

const struct meter_driver meter_driver_dlt645_1997 = {
    .name = "dlt645-1997",
    .link = &meter_link_dlt645_1997,
    .address = meter_dlt645_address,
    .ask_item = ask_item,
    .take_item = take_item,
    .ask_order = ask_order,
    .take_order = meter_dlt645_take_order,
};
