/*
 * The M-Bus driver. A reading is a chain of rows: "reset" or "select" (answered by E5) prepares the
 * link, so that the meter's toggle bit is known; then data rows with FCB 1, 0, 1 ... as long as the
 * meter says that more follows. A repeat of one row repeats its toggle bit, which asks for the same
 * telegram again.
 */
#include <string.h>

#include "meter/meter_impl.h"
#include "proto/mbus.h"

#define PRIMARY_MAX 250
#define ANY_MAKER 0xFFFF
#define ANY 0xFF
#define FIXED_TEST_ADDRESS 0xFE

/* --- link
 * ------------------------------------------------------------------------------------------- */

static enum err cut(const uint8_t *data, size_t len, size_t *begin, size_t *end)
{
    struct mbus_frame f;
    size_t used, at = 0;
    enum err e = ERR_TRUNCATED;
    while (at < len && (e = mbus_decode(data + at, len - at, &f, &used)) == ERR_FRAME_UNKNOWN)
        at++;
    *begin = *end = at;
    if (at == len)
        return ERR_TRUNCATED;
    if (e == ERR_OK)
        *end = at + used;
    else if (e != ERR_TRUNCATED)
        *end = at + 1; /* damaged: look again behind its first byte */
    return e;
}

static bool speaks_for(uint8_t asked, uint8_t told)
{
    return asked == told || asked == MBUS_ADDRESS_SECONDARY || asked == FIXED_TEST_ADDRESS;
}

static enum meter_match match(struct bytes request, struct bytes answer)
{
    struct mbus_frame r, a;
    size_t used;
    if (mbus_decode(request.data, request.len, &r, &used) != ERR_OK ||
        mbus_decode(answer.data, answer.len, &a, &used) != ERR_OK)
        return METER_MATCH_NO;
    uint8_t asked = r.control & (uint8_t)~MBUS_FCB;
    bool data = asked == MBUS_REQ_UD2 || asked == MBUS_REQ_UD1;
    if (!data)
        return a.kind == MBUS_ACK ? METER_MATCH_ANSWER : METER_MATCH_NO;
    bool told = a.kind == MBUS_LONG && (a.control & 0x4F) == MBUS_RSP_UD;
    return told && speaks_for(r.address, a.address) ? METER_MATCH_ANSWER : METER_MATCH_NO;
}

const struct meter_link meter_link_mbus = {
    .name = "mbus", .cut = cut, .match = match, .named = true};

/* --- addresses
 * -------------------------------------------------------------------------------------- */

static enum err primary(const char *text, uint8_t out[8])
{
    unsigned n = 0;
    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || p - text >= 14)
            return ERR_SYNTAX;
        n = n > 10'000 ? n : n * 10 + (unsigned)(*p - '0');
    }
    out[0] = (uint8_t)n;
    return text[0] == '\0' ? ERR_SYNTAX : n <= PRIMARY_MAX ? ERR_OK : ERR_RANGE;
}

/* Eight digits of any maker; sixteen are the whole address as on the wire. Shorter numbers, and
 * those that a site file padded with zeros to twelve digits, are numbers too. */
static enum err secondary(const char *text, uint8_t out[8])
{
    size_t len = strlen(text), n;
    struct mbus_frame f;
    char digits[9] = "00000000";
    if (len == 16)
        return hex_decode(text, len, out, 8, &n);
    for (; len > 8 && *text == '0'; len--)
        text++;
    if (len == 0 || len > 8)
        return ERR_SYNTAX;
    memcpy(digits + 8 - len, text, len);
    for (size_t i = 0; i < 8; i++)
        if (digits[i] < '0' || digits[i] > '9')
            return ERR_SYNTAX;
    TRY(mbus_select(digits, ANY_MAKER, ANY, ANY, &f));
    memcpy(out, f.data, 8);
    return ERR_OK;
}

static enum err address(const struct meter_model *m, const char *text, uint8_t out[8])
{
    return m->quirks.addressing == METER_ADDRESS_PRIMARY ? primary(text, out)
                                                         : secondary(text, out);
}

/* --- asking
 * ----------------------------------------------------------------------------------------- */

static bool by_number(const struct meter_unit *u)
{
    return u->model->quirks.addressing == METER_ADDRESS_SECONDARY;
}

static void ask_item(const struct meter_unit *u, const struct meter_item *item, struct writer *w)
{
    struct mbus_frame f = {.kind = MBUS_SHORT,
                           .control = item->id == METER_MBUS_DATA ? item->function : MBUS_SND_NKE,
                           .address = by_number(u) ? MBUS_ADDRESS_SECONDARY : u->address[0]};
    if (item->id == METER_MBUS_SELECT) {
        f.kind = MBUS_LONG;
        f.control = MBUS_SND_UD;
        f.ci = 0x52;
        f.len = 8;
        memcpy(f.data, u->address, 8);
    }
    mbus_encode(&f, w);
}

/* --- taking
 * ----------------------------------------------------------------------------------------- */

static bool is_wanted(const struct meter_field *f, const struct mbus_record *m,
                      const struct mbus_quantity *q)
{
    return m->function == MBUS_NOW && m->storage == f->storage && m->tariff == f->tariff &&
           m->subunit == f->subunit && strcmp(q->en, meter_quantity_name(f->quantity)) == 0;
}

static enum err add_number(const struct meter_model *model, const struct meter_field *f,
                           const struct mbus_record *m, const struct mbus_quantity *q,
                           struct meter_values *out)
{
    int64_t n;
    int exponent;
    enum err e = mbus_number(m, &n, &exponent);
    if (e == ERR_STATE)
        return ERR_OK; /* no value in it */
    if (e == ERR_BCD)
        return meter_field_lacks(model, f, e); /* digits A to E say that it is in error */
    TRY(e);
    if (meter_point_dimension((enum meter_point)f->point) != METER_PLAIN)
        TRY(meter_convert((enum meter_point)f->point, n, exponent + q->exponent, q->unit, &n));
    return meter_field_add(f, n, out);
}

static enum err add_time(const struct meter_unit *u, const struct mbus_record *m,
                         struct meter_values *out)
{
    struct civil c;
    if (mbus_time(m, &c) == ERR_OK)
        meter_values_add(out, POINT_CLOCK_S, civil_to_wall(c, u->offset_s).s);
    return ERR_OK;
}

/* The first record that a point names; those after it are of other times or places. */
static enum err add_record(const struct meter_unit *u, const struct meter_item *item,
                           const struct mbus_record *m, struct meter_values *out)
{
    struct mbus_quantity q;
    if (!mbus_quantity_of(m, &q))
        return ERR_OK;
    for (size_t i = 0; i < item->field_count; i++) {
        const struct meter_field *f = &item->fields[i];
        if (!is_wanted(f, m, &q) ||
            meter_values_get(out, (enum meter_point)f->point, INT64_MIN) != INT64_MIN)
            continue;
        TRY(f->quantity == METER_QUANTITY_TIME ? add_time(u, m, out)
                                               : add_number(u->model, f, m, &q, out));
    }
    return ERR_OK;
}

static enum err add_status(const struct meter_item *item, uint8_t status, struct meter_values *out)
{
    for (size_t i = 0; i < item->field_count; i++)
        if (item->fields[i].quantity == METER_QUANTITY_STATUS)
            TRY(meter_field_add(&item->fields[i], status, out));
    return ERR_OK;
}

static enum err take_data(const struct meter_unit *u, const struct meter_item *item,
                          const struct mbus_frame *f, struct meter_values *out)
{
    struct mbus_head head;
    struct bytes records;
    struct mbus_record m;
    enum err e;
    if (f->kind != MBUS_LONG || mbus_head(f, &head, &records) != ERR_OK)
        return ERR_METER_ANSWER;
    if (by_number(u) ? memcmp(head.id, u->address, 4) != 0 : f->address != u->address[0])
        return ERR_METER_ANSWER; /* another meter took the selection for its own */
    TRY(add_status(item, head.status, out));
    struct reader r = reader_of(records.data, records.len);
    bool more = false;
    while (mbus_next(&r, &m, &e)) {
        more = more || m.more_follows;
        if (!m.special)
            TRY(add_record(u, item, &m, out));
    }
    TRY(e);
    if (more && item->next == METER_NEXT_MORE)
        out->next_item = 0;
    return ERR_OK;
}

static enum err take_item(const struct meter_unit *u, const struct meter_item *item,
                          struct bytes answer, struct meter_values *out)
{
    struct mbus_frame f;
    size_t used;
    TRY(mbus_decode(answer.data, answer.len, &f, &used));
    if (item->id == METER_MBUS_DATA)
        return take_data(u, item, &f, out);
    if (f.kind != MBUS_ACK)
        return ERR_METER_ANSWER;
    if (item->next == METER_NEXT_ALWAYS)
        out->next_item = 0;
    return ERR_OK;
}

static enum err ask_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                          wall_s expires, struct writer *w)
{
    (void)u;
    (void)order;
    (void)circuit;
    (void)expires;
    (void)w;
    return ERR_STATE;
}

static enum meter_reply take_order(const struct meter_unit *u, struct bytes answer)
{
    (void)u;
    (void)answer;
    return METER_REPLY_NONE;
}

const struct meter_driver meter_driver_mbus = {
    .name = "mbus",
    .link = &meter_link_mbus,
    .address = address,
    .ask_item = ask_item,
    .take_item = take_item,
    .ask_order = ask_order,
    .take_order = take_order,
};
