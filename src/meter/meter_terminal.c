/* DL/T 645-2007 registers of our terminals: docs/protocols/terminal.md. */
#include "meter/meter_terminal.h"

#include <string.h>

#include "meter/meter_impl.h"

#define TRIP_COUNT 0x1D000001u
#define TRIP_RECORD 0x04801000u
#define TRIP_WHY 0x04801100u
#define DATE_BYTES 4
#define DAY_MIN 1'440 /* the end of a day is 24:00 */

static const struct {
    const char *name;
    uint32_t id;
    bool readable, writable, whole; /* whole: of the terminal, not of a circuit */
    uint8_t proof;
} rows[METER_TERMINAL_ITEMS] = {
    [METER_TERMINAL_STATUS] = {"status", 0x04802800, true, false, false, METER_TERMINAL_STATUS},
    [METER_TERMINAL_LOCK] = {"lock", 0x04802000, true, true, false, METER_TERMINAL_LOCK},
    [METER_TERMINAL_RESET] = {"reset", 0x04802100, false, true, false, METER_TERMINAL_STATUS},
    [METER_TERMINAL_WHITE_LIST] = {"white_list", 0x04802200, true, true, false,
                                   METER_TERMINAL_WHITE_LIST},
    [METER_TERMINAL_LEARN] = {"learn", 0x04802300, false, true, false, METER_TERMINAL_STATUS},
    [METER_TERMINAL_LIMITS] = {"limits", 0x04802400, true, true, false, METER_TERMINAL_LIMITS},
    [METER_TERMINAL_WORKDAY] = {"workday", 0x04802500, true, true, false, METER_TERMINAL_WORKDAY},
    [METER_TERMINAL_HOLIDAY] = {"holiday", 0x04802600, true, true, false, METER_TERMINAL_HOLIDAY},
    [METER_TERMINAL_CALENDAR] = {"calendar", 0x04802700, true, true, true, METER_TERMINAL_CALENDAR},
};

static bool known(enum meter_terminal_item item)
{
    return item >= METER_TERMINAL_STATUS && item < METER_TERMINAL_ITEMS;
}

const char *meter_terminal_name(enum meter_terminal_item item)
{
    return known(item) ? rows[item].name : "";
}

enum meter_terminal_item meter_terminal_of(const char *name)
{
    int i = METER_TERMINAL_STATUS;
    while (i < METER_TERMINAL_ITEMS && strcmp(rows[i].name, name) != 0)
        i++;
    return (enum meter_terminal_item)i;
}

bool meter_terminal_writable(enum meter_terminal_item item)
{
    return known(item) && rows[item].writable;
}

enum meter_terminal_item meter_terminal_proof(enum meter_terminal_item item)
{
    return known(item) ? (enum meter_terminal_item)rows[item].proof : item;
}

bool meter_terminal_is(const struct meter_model *m)
{
    bool circuits = false;
    for (unsigned i = 0; i < m->item_count; i++)
        circuits = circuits || m->items[i].decode == METER_DECODE_CIRCUITS;
    return circuits && m->driver == &meter_driver_dlt645;
}

/* --- asking --------------------------------------------------------------------------------------
 */

static enum err id_of(const struct meter_unit *u, enum meter_terminal_item item, unsigned circuit,
                      uint32_t *id)
{
    if (!known(item) || !meter_terminal_is(u->model))
        return ERR_RANGE;
    bool right = rows[item].whole ? circuit == 0 : circuit >= 1 && circuit <= u->circuits;
    *id = rows[item].id + circuit;
    return right ? ERR_OK : ERR_RANGE;
}

static void ask_id(const struct meter_unit *u, uint32_t id, struct writer *w)
{
    struct dlt645_frame f;
    dlt645_ask_read(&f, u->address, id);
    dlt645_encode(&f, u->model->quirks.preamble, w);
}

enum err meter_terminal_ask(const struct meter_unit *u, enum meter_terminal_item item,
                            unsigned circuit, struct writer *w)
{
    uint32_t id;
    TRY(id_of(u, item, circuit, &id));
    if (!rows[item].readable)
        return ERR_STATE;
    ask_id(u, id, w);
    return w->err;
}

enum err meter_terminal_ask_write(const struct meter_unit *u, enum meter_terminal_item item,
                                  unsigned circuit, struct bytes data, struct writer *w)
{
    uint32_t id;
    struct dlt645_frame f;
    struct dlt645_rights rights = meter_dlt645_rights(u);
    TRY(id_of(u, item, circuit, &id));
    if (!rows[item].writable)
        return ERR_STATE;
    TRY(dlt645_ask_write(&f, u->address, id, &rights, data));
    dlt645_encode(&f, u->model->quirks.preamble, w);
    return w->err;
}

/* What stands behind the identifier in a good answer to a read. */
static enum err data_of(struct bytes answer, uint32_t id, struct dlt645_frame *f,
                        struct bytes *data)
{
    size_t used;
    TRY(dlt645_decode(answer.data, answer.len, f, &used));
    if (f->control & DLT645_ABNORMAL)
        return ERR_METER_REFUSED;
    struct reader r = reader_of(f->data, f->len);
    if (f->control != (DLT645_READ | DLT645_ANSWER) || reader_u32le(&r) != id || r.err != ERR_OK)
        return ERR_METER_ANSWER;
    *data = reader_take(&r, reader_left(&r));
    return ERR_OK;
}

enum err meter_terminal_take(const struct meter_unit *u, enum meter_terminal_item item,
                             unsigned circuit, struct bytes answer,
                             uint8_t out[METER_TERMINAL_BYTES], size_t *len)
{
    uint32_t id;
    struct dlt645_frame f;
    struct bytes data;
    TRY(id_of(u, item, circuit, &id));
    TRY(data_of(answer, id, &f, &data));
    if (data.len == 0 || data.len > METER_TERMINAL_BYTES)
        return ERR_FRAME_LENGTH;
    memcpy(out, data.data, data.len);
    *len = data.len;
    return ERR_OK;
}

static bool status_shows(enum meter_terminal_item item, struct bytes data, struct bytes proof)
{
    struct meter_terminal_status s;
    if (meter_terminal_read_status(proof, &s) != ERR_OK)
        return false;
    if (item == METER_TERMINAL_RESET)
        return !s.locked;
    bool on = data.len == 2 && (data.data[0] | data.data[1]) != 0;
    return s.learning == on;
}

bool meter_terminal_met(enum meter_terminal_item item, struct bytes data, struct bytes proof)
{
    if (meter_terminal_proof(item) != item)
        return status_shows(item, data, proof);
    return data.len == proof.len && memcmp(data.data, proof.data, data.len) == 0;
}

/* --- trips ---------------------------------------------------------------------------------------
 */

static enum err whole(const struct reader *r)
{
    return r->err == ERR_OK && reader_left(r) == 0 ? ERR_OK : ERR_FRAME_LENGTH;
}

static uint32_t trip_id(enum meter_trip_item item, unsigned nn)
{
    return item == METER_TRIP_COUNT ? TRIP_COUNT
                                    : (item == METER_TRIP_RECORD ? TRIP_RECORD : TRIP_WHY) + nn;
}

void meter_trip_ask(const struct meter_unit *u, enum meter_trip_item item, unsigned nn,
                    struct writer *w)
{
    ask_id(u, trip_id(item, nn), w);
}

enum err meter_trip_take_count(const struct meter_unit *u, struct bytes answer, int64_t *count)
{
    (void)u;
    struct dlt645_frame f;
    struct bytes data;
    TRY(data_of(answer, TRIP_COUNT, &f, &data));
    struct reader r = reader_of(data.data, data.len);
    *count = (int64_t)reader_bcd_le(&r, 3);
    return r.err != ERR_OK ? r.err : reader_left(&r) == 0 ? ERR_OK : ERR_FRAME_LENGTH;
}

/* Five bytes of digits; the top bit is the sign. */
static int64_t signed_digits(struct reader *r)
{
    uint8_t digits[5];
    struct bytes raw = reader_take(r, sizeof digits);
    if (raw.len != sizeof digits)
        return 0;
    memcpy(digits, raw.data, sizeof digits);
    bool minus = digits[4] & 0x80;
    digits[4] &= 0x7F;
    struct reader d = reader_of(digits, sizeof digits);
    int64_t n = (int64_t)reader_bcd_le(&d, sizeof digits);
    if (r->err == ERR_OK)
        r->err = d.err;
    return minus ? -n : n;
}

static enum err take_record(const struct meter_unit *u, struct bytes data, struct meter_trip *trip)
{
    struct reader r = reader_of(data.data, data.len);
    struct meter_trip t = {.verdict = -1};
    struct bytes stamp = reader_take(&r, 6);
    t.circuit = reader_u8(&r);
    t.reason = reader_u8(&r);
    int64_t deci_w = (int64_t)reader_bcd_le(&r, 3);
    t.power_w = (deci_w + 5) / 10;
    t.balance_fen = signed_digits(&r);
    if (r.err == ERR_BCD)
        return ERR_BCD;
    TRY(whole(&r));
    if (dlt645_time_to_wall(stamp.data, u->offset_s, &t.at) != ERR_OK)
        t.at = (wall_s){0}; /* its clock was lost */
    *trip = t;
    return ERR_OK;
}

static enum err take_why(struct bytes data, struct meter_trip *trip)
{
    struct reader r = reader_of(data.data, data.len);
    struct meter_trip t = *trip;
    t.verdict = reader_u8(&r);
    t.flags = reader_u8(&r);
    t.step_mw = (int32_t)reader_u32le(&r);
    t.step_mvar = (int32_t)reader_u32le(&r);
    t.factor = reader_u16le(&r);
    t.inrush = reader_u16le(&r);
    t.third = reader_u16le(&r);
    t.value = reader_u32le(&r);
    t.limit = reader_u32le(&r);
    if (r.err != ERR_OK || reader_left(&r) != 0)
        return ERR_FRAME_LENGTH;
    *trip = t;
    return ERR_OK;
}

enum err meter_trip_take(const struct meter_unit *u, enum meter_trip_item item, unsigned nn,
                         struct bytes answer, struct meter_trip *trip)
{
    struct dlt645_frame f;
    struct bytes data;
    TRY(data_of(answer, trip_id(item, nn), &f, &data));
    return item == METER_TRIP_WHY ? take_why(data, trip) : take_record(u, data, trip);
}

/* --- what the registers say
 * ------------------------------------------------------------------------ */

enum err meter_terminal_read_status(struct bytes b, struct meter_terminal_status *out)
{
    struct reader r = reader_of(b.data, b.len);
    *out = (struct meter_terminal_status){.cover = reader_u8(&r), .cause = reader_u8(&r)};
    uint8_t bits = reader_u8(&r);
    out->locked = bits & 1;
    out->staff = bits & 2;
    out->aircon_seen = bits & 4;
    out->learning = bits & 8;
    out->recloses = reader_u8(&r);
    out->closes_s = reader_u16le(&r);
    return whole(&r);
}

enum err meter_terminal_read_limits(struct bytes b, struct meter_terminal_limits *out)
{
    struct reader r = reader_of(b.data, b.len);
    uint8_t flags = reader_u8(&r);
    *out = (struct meter_terminal_limits){
        .timed = flags & 1, .malignant = flags & 2, .aircon = flags & 4};
    out->power_w = reader_u16le(&r);
    out->current_ma = reader_u16le(&r);
    out->night_power_w = reader_u16le(&r);
    out->night_ma = reader_u16le(&r);
    out->delay_s = reader_u8(&r);
    out->recloses = reader_u8(&r);
    out->reclose_s = reader_u16le(&r);
    out->step_w = reader_u16le(&r);
    out->standby_ma = reader_u16le(&r);
    out->unplugged_s = reader_u8(&r);
    return whole(&r);
}

void meter_terminal_put_limits(const struct meter_terminal_limits *l, struct writer *w)
{
    writer_u8(w, (uint8_t)(l->timed | l->malignant << 1 | l->aircon << 2));
    writer_u16le(w, l->power_w);
    writer_u16le(w, l->current_ma);
    writer_u16le(w, l->night_power_w);
    writer_u16le(w, l->night_ma);
    writer_u8(w, l->delay_s);
    writer_u8(w, l->recloses);
    writer_u16le(w, l->reclose_s);
    writer_u16le(w, l->step_w);
    writer_u16le(w, l->standby_ma);
    writer_u8(w, l->unplugged_s);
}

enum err meter_terminal_read_white(struct bytes b,
                                   struct meter_terminal_white out[METER_TERMINAL_WHITE])
{
    struct reader r = reader_of(b.data, b.len);
    for (unsigned i = 0; i < METER_TERMINAL_WHITE; i++) {
        out[i].power_w = reader_u16le(&r);
        out[i].reactive_var = (int16_t)reader_u16le(&r);
    }
    return whole(&r);
}

void meter_terminal_put_white(const struct meter_terminal_white list[METER_TERMINAL_WHITE],
                              struct writer *w)
{
    for (unsigned i = 0; i < METER_TERMINAL_WHITE; i++) {
        writer_u16le(w, list[i].power_w);
        writer_u16le(w, (uint16_t)list[i].reactive_var);
    }
}

static uint16_t take_time(struct reader *r)
{
    unsigned minute = (unsigned)reader_bcd_le(r, 1), hour = (unsigned)reader_bcd_le(r, 1);
    if (r->err == ERR_OK && (minute >= 60 || hour * 60 + minute > DAY_MIN))
        r->err = ERR_RANGE;
    return (uint16_t)(hour * 60 + minute);
}

static void put_time(struct writer *w, unsigned minute)
{
    writer_bcd_le(w, minute % 60, 1);
    writer_bcd_le(w, minute / 60, 1);
}

enum err meter_terminal_read_hours(struct bytes b,
                                   struct meter_terminal_period out[METER_TERMINAL_PERIODS])
{
    struct reader r = reader_of(b.data, b.len);
    for (unsigned i = 0; i < METER_TERMINAL_PERIODS; i++) {
        out[i].begin_min = take_time(&r);
        out[i].end_min = take_time(&r);
        out[i].cover = reader_u8(&r);
    }
    return r.err == ERR_BCD || r.err == ERR_RANGE ? r.err : whole(&r);
}

void meter_terminal_put_hours(const struct meter_terminal_period list[METER_TERMINAL_PERIODS],
                              struct writer *w)
{
    for (unsigned i = 0; i < METER_TERMINAL_PERIODS; i++) {
        put_time(w, list[i].begin_min);
        put_time(w, list[i].end_min);
        writer_u8(w, list[i].cover);
    }
}

enum err meter_terminal_read_calendar(struct bytes b, struct meter_terminal_calendar *out)
{
    struct reader r = reader_of(b.data, b.len);
    *out = (struct meter_terminal_calendar){.weekend = reader_u8(&r)};
    if (b.len % DATE_BYTES != 1 || b.len > 1 + DATE_BYTES * METER_TERMINAL_DATES)
        return ERR_FRAME_LENGTH;
    while (reader_left(&r) > 0 && r.err == ERR_OK) {
        struct meter_terminal_date *d = &out->dates[out->count++];
        d->day = (uint8_t)reader_bcd_le(&r, 1);
        d->month = (uint8_t)reader_bcd_le(&r, 1);
        d->year = (uint8_t)reader_bcd_le(&r, 1);
        d->holiday = reader_u8(&r) != 0;
    }
    return r.err;
}

void meter_terminal_put_calendar(const struct meter_terminal_calendar *c, struct writer *w)
{
    writer_u8(w, c->weekend);
    for (unsigned i = 0; i < c->count; i++) {
        writer_bcd_le(w, c->dates[i].day, 1);
        writer_bcd_le(w, c->dates[i].month, 1);
        writer_bcd_le(w, c->dates[i].year, 1);
        writer_u8(w, c->dates[i].holiday);
    }
}
