#include "proto/mbus.h"

#include <string.h>

#define ACK 0xE5
#define SHORT 0x10
#define LONG 0x68
#define END 0x16

/* --- link layer ----------------------------------------------------------------------------------
 */

static enum err decode_short(const uint8_t *p, size_t len, struct mbus_frame *f, size_t *used)
{
    if (len < 5)
        return ERR_TRUNCATED;
    if (p[4] != END)
        return ERR_FRAME_END;
    if ((uint8_t)(p[1] + p[2]) != p[3])
        return ERR_FRAME_CHECKSUM;
    *f = (struct mbus_frame){.kind = MBUS_SHORT, .control = p[1], .address = p[2]};
    *used = 5;
    return ERR_OK;
}

static enum err decode_long(const uint8_t *p, size_t len, struct mbus_frame *f, size_t *used)
{
    if (len < 4)
        return ERR_TRUNCATED;
    if (p[3] != LONG)
        return ERR_FRAME_UNKNOWN;
    if (p[1] != p[2] || p[1] < 3)
        return ERR_FRAME_LENGTH;
    size_t body = p[1];
    if (len < body + 6)
        return ERR_TRUNCATED;
    if (p[body + 5] != END)
        return ERR_FRAME_END;
    if (sum8(p + 4, body) != p[body + 4])
        return ERR_FRAME_CHECKSUM;
    *f = (struct mbus_frame){.kind = MBUS_LONG,
                             .control = p[4],
                             .address = p[5],
                             .ci = p[6],
                             .len = (uint8_t)(body - 3)};
    memcpy(f->data, p + 7, f->len);
    *used = body + 6;
    return ERR_OK;
}

enum err mbus_decode(const uint8_t *data, size_t len, struct mbus_frame *frame, size_t *used)
{
    *used = 0;
    if (len == 0)
        return ERR_TRUNCATED;
    switch (data[0]) {
    case ACK:
        *frame = (struct mbus_frame){.kind = MBUS_ACK};
        *used = 1;
        return ERR_OK;
    case SHORT:
        return decode_short(data, len, frame, used);
    case LONG:
        return decode_long(data, len, frame, used);
    default:
        return ERR_FRAME_UNKNOWN;
    }
}

void mbus_encode(const struct mbus_frame *f, struct writer *w)
{
    if (f->kind == MBUS_ACK) {
        writer_u8(w, ACK);
        return;
    }
    uint8_t body[3 + MBUS_DATA_MAX] = {f->control, f->address, f->ci};
    size_t len = f->kind == MBUS_SHORT ? 2 : 3u + f->len;
    memcpy(body + 3, f->data, f->len);
    if (f->kind == MBUS_LONG) {
        writer_u8(w, LONG);
        writer_u8(w, (uint8_t)len);
        writer_u8(w, (uint8_t)len);
        writer_u8(w, LONG);
    } else {
        writer_u8(w, SHORT);
    }
    writer_put(w, body, len);
    writer_u8(w, sum8(body, len));
    writer_u8(w, END);
}

static int wild_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c == 'F' || c == 'f' ? 0xF : -1;
}

enum err mbus_select(const char *id, uint16_t manufacturer, uint8_t version, uint8_t medium,
                     struct mbus_frame *frame)
{
    if (strlen(id) != 8)
        return ERR_SYNTAX;
    *frame = (struct mbus_frame){.kind = MBUS_LONG,
                                 .control = MBUS_SND_UD,
                                 .address = MBUS_ADDRESS_SECONDARY,
                                 .ci = 0x52,
                                 .len = 8};
    for (size_t i = 0; i < 8; i++) {
        int digit = wild_digit(id[7 - i]);
        if (digit < 0)
            return ERR_SYNTAX;
        frame->data[i / 2] = (uint8_t)(frame->data[i / 2] | (i % 2 ? digit << 4 : digit));
    }
    frame->data[4] = (uint8_t)manufacturer;
    frame->data[5] = (uint8_t)(manufacturer >> 8);
    frame->data[6] = version;
    frame->data[7] = medium;
    return ERR_OK;
}

/* --- variable data -------------------------------------------------------------------------------
 */

enum err mbus_head(const struct mbus_frame *f, struct mbus_head *head, struct bytes *records)
{
    bool high_first = f->ci == 0x76;
    const uint8_t *p = f->data;
    if (f->kind != MBUS_LONG || (f->ci != 0x72 && !high_first) || f->len < 12)
        return ERR_FRAME_UNKNOWN;
    for (size_t i = 0; i < 4; i++)
        head->id[i] = p[high_first ? 3 - i : i];
    head->manufacturer = (uint16_t)(p[high_first ? 5 : 4] | p[high_first ? 4 : 5] << 8);
    head->version = p[6];
    head->medium = p[7];
    head->access = p[8];
    head->status = p[9];
    head->config = (uint16_t)(p[high_first ? 11 : 10] | p[high_first ? 10 : 11] << 8);
    *records = (struct bytes){p + 12, (size_t)f->len - 12};
    return ERR_OK;
}

static void take_extensions(struct reader *r, uint8_t dif, struct mbus_record *m)
{
    m->storage = dif >> 6 & 1u;
    for (unsigned n = 0; dif & 0x80 && n < 10; n++) {
        dif = reader_u8(r);
        if (4 * n + 1 < 32)
            m->storage |= (uint32_t)(dif & 15) << (4 * n + 1);
        if (2 * n < 32)
            m->tariff |= (uint32_t)(dif >> 4 & 3) << (2 * n);
        if (n < 32)
            m->subunit |= (uint32_t)(dif >> 6 & 1) << n;
    }
}

static void take_vif(struct reader *r, struct mbus_record *m)
{
    size_t begin = r->at;
    uint8_t vif = reader_u8(r);
    if ((vif & 0x7F) == 0x7C) { /* a plain text stands before the extensions' values */
        uint8_t len = reader_u8(r);
        (void)reader_take(r, len);
    }
    while (vif & 0x80 && r->err == ERR_OK && r->at - begin < 12)
        vif = reader_u8(r);
    m->vif = (struct bytes){r->data + begin, r->err == ERR_OK ? r->at - begin : 0};
}

/* How long data of variable length is, by its LVAR: EN 13757-3:2013. */
static const struct variable {
    uint8_t from, to;
    uint8_t len, step;
    bool letters;
} variables[] = {
    {0x00, 0xBF, 0, 1, true},   /* text */
    {0xC0, 0xC9, 0, 1, false},  /* BCD */
    {0xD0, 0xD9, 0, 1, false},  /* BCD, negative */
    {0xE0, 0xEF, 0, 1, false},  /* binary */
    {0xF0, 0xF4, 16, 4, false}, /* binary, long */
    {0xF5, 0xF5, 48, 0, false}, {0xF6, 0xF6, 64, 0, false},
};

static size_t variable_length(struct reader *r, struct mbus_record *m)
{
    uint8_t l = reader_u8(r);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) {
        const struct variable *v = &variables[i];
        if (l >= v->from && l <= v->to) {
            m->letters = v->letters;
            return v->len + (size_t)(l - v->from) * v->step;
        }
    }
    return SIZE_MAX; /* nobody knows where it ends */
}

static size_t length_of(struct reader *r, struct mbus_record *m)
{
    static const uint8_t lengths[16] = {0, 1, 2, 3, 4, 4, 6, 8, 0, 1, 2, 3, 4, 0, 6, 0};
    return m->data_field == 0x0D ? variable_length(r, m) : lengths[m->data_field];
}

bool mbus_next(struct reader *r, struct mbus_record *m, enum err *e)
{
    *e = ERR_OK;
    while (reader_left(r) > 0 && r->data[r->at] == 0x2F)
        (void)reader_u8(r); /* filler */
    if (reader_left(r) == 0)
        return false;
    *m = (struct mbus_record){};
    uint8_t dif = reader_u8(r);
    if ((dif & 15) == 15) {
        m->special = true;
        m->more_follows = dif == 0x1F;
        m->value = reader_take(r, reader_left(r));
        return true;
    }
    m->data_field = dif & 15;
    m->function = (enum mbus_function)(dif >> 4 & 3);
    take_extensions(r, dif, m);
    take_vif(r, m);
    m->value = reader_take(r, length_of(r, m));
    if (r->err != ERR_OK) {
        *e = ERR_FRAME_LENGTH;
        return false;
    }
    return true;
}
