/*
 * Answers of meters: any payload behind a good checksum may come. The first two bytes choose model
 * and row; the rest is the payload of an answer in the model's own frame, and then a frame as it
 * is. Whatever is told is one of the row's points; what is not believed tells nothing that matters.
 * The second byte chooses a register and a trip of our terminals as well: what is read of them and
 * written again says the same; what is not believed changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meter/meter_model.h"
#include "meter/meter_terminal.h"
#include "proto/cjt188.h"
#include "proto/dlt645.h"
#include "proto/mbus.h"
#include "proto/modbus.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int promise)
{
    if (!promise)
        abort();
}

static size_t count_models(void)
{
    static size_t n;
    while (meter_model_at(n))
        n++;
    return n;
}

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* data[0] stands in for what varies in the head of a frame. */
static void put_dlt645(const struct meter_unit *u, uint32_t id, size_t id_len, struct bytes b,
                       struct writer *w)
{
    struct dlt645_frame f = {.control = id_len == 4 ? 0x91 : 0x81};
    memcpy(f.address, u->address, 6);
    for (size_t i = 0; i < id_len; i++)
        f.data[i] = (uint8_t)(id >> 8 * i);
    size_t n = at_most(b.len, sizeof f.data - id_len);
    memcpy(f.data + id_len, b.data, n);
    f.len = (uint8_t)(id_len + n);
    dlt645_encode(&f, 0, w);
}

static void put_cjt188(const struct meter_unit *u, uint32_t id, struct bytes b, struct writer *w)
{
    struct cjt188_frame f = {.type = 0x10, .control = 0x81};
    size_t n = at_most(b.len, sizeof f.data - 3);
    memcpy(f.address, u->address, 7);
    f.data[0] = (uint8_t)id;
    f.data[1] = (uint8_t)(id >> 8);
    memcpy(f.data + 3, b.data, n);
    f.len = (uint8_t)(3 + n);
    cjt188_encode(&f, 0, w);
}

static void put_modbus(const struct meter_unit *u, const struct meter_item *row, bool tcp,
                       struct bytes b, struct writer *w)
{
    struct modbus_frame f = {.tcp = tcp,
                             .unit = u->address[0],
                             .function = row->function,
                             .answer = true,
                             .count = row->count,
                             .value_count = row->count};
    for (size_t i = 0; i < row->count && 2 * i + 1 < b.len; i++)
        f.value[i] = (uint16_t)(b.data[2 * i] << 8 | b.data[2 * i + 1]);
    check(modbus_encode(&f, w) == ERR_OK);
}

static void put_mbus(const struct meter_unit *u, struct bytes b, struct writer *w)
{
    struct mbus_frame f = {
        .kind = MBUS_LONG, .control = MBUS_RSP_UD, .address = u->address[0], .ci = 0x72, .len = 12};
    size_t n = at_most(b.len, sizeof f.data - 12);
    memcpy(f.data, u->address, 4);
    memcpy(f.data + 12, b.data, n);
    f.len = (uint8_t)(12 + n);
    mbus_encode(&f, w);
}

static void put(const struct meter_unit *u, const struct meter_item *row, struct bytes b,
                struct writer *w)
{
    const char *driver = u->model->driver->name;
    if (strcmp(driver, "dlt645") == 0)
        put_dlt645(u, row->id, 4, b, w);
    else if (strcmp(driver, "dlt645-1997") == 0)
        put_dlt645(u, row->id, 2, b, w);
    else if (strcmp(driver, "cjt188") == 0)
        put_cjt188(u, row->id, b, w);
    else if (strcmp(driver, "mbus") == 0)
        put_mbus(u, b, w);
    else
        put_modbus(u, row, strcmp(driver, "modbus-tcp") == 0, b, w);
}

static bool is_told_by(const struct meter_item *row, enum meter_point point)
{
    for (size_t i = 0; i < row->field_count; i++)
        if (row->fields[i].point == point)
            return true;
    return row->decode == METER_DECODE_CIRCUITS || point == POINT_ENERGY_WH; /* what is charged */
}

static void take(const struct meter_unit *u, unsigned row, struct bytes answer)
{
    struct meter_values v;
    size_t begin, end;
    check(u->model->driver->link->cut(answer.data, answer.len, &begin, &end) != ERR_OK ||
          (begin < end && end <= answer.len));
    if (meter_take_item(u, row, answer, &v) != ERR_OK)
        return;
    check(v.next_item == -1 || (unsigned)v.next_item < u->model->item_count);
    for (size_t i = 0; i < v.count; i++)
        check(is_told_by(&u->model->items[row], v.list[i].point));
}

/* --- registers of our terminals --------------------------------------------------------------- */

static uint8_t kept_room[2][METER_TERMINAL_BYTES];

static struct writer written(unsigned i)
{
    return writer_of(kept_room[i], sizeof kept_room[i]);
}

static void same(const struct writer *once, const struct writer *twice)
{
    check(once->err == ERR_OK && twice->err == ERR_OK && once->len == twice->len &&
          memcmp(once->data, twice->data, once->len) == 0);
}

static void read_status(struct bytes b)
{
    struct meter_terminal_status s;
    check((meter_terminal_read_status(b, &s) == ERR_OK) == (b.len == 6));
}

static void read_limits(struct bytes b)
{
    struct meter_terminal_limits l;
    struct writer once = written(0), twice = written(1);
    if (meter_terminal_read_limits(b, &l) != ERR_OK)
        return;
    meter_terminal_put_limits(&l, &once);
    check(meter_terminal_read_limits((struct bytes){once.data, once.len}, &l) == ERR_OK);
    meter_terminal_put_limits(&l, &twice);
    same(&once, &twice);
    check(once.len == b.len && memcmp(once.data + 1, b.data + 1, b.len - 1) == 0);
}

static void read_white(struct bytes b)
{
    struct meter_terminal_white list[METER_TERMINAL_WHITE];
    struct writer once = written(0);
    if (meter_terminal_read_white(b, list) != ERR_OK)
        return;
    meter_terminal_put_white(list, &once);
    check(once.err == ERR_OK && once.len == b.len && memcmp(once.data, b.data, b.len) == 0);
}

/* Digits are no times yet: 99 minutes are written as an hour and 39. */
static void read_hours(struct bytes b)
{
    struct meter_terminal_period list[METER_TERMINAL_PERIODS];
    if (meter_terminal_read_hours(b, list) != ERR_OK)
        return;
    for (unsigned i = 0; i < METER_TERMINAL_PERIODS; i++)
        check(list[i].begin_min <= 99 * 60 + 99 && list[i].end_min <= 99 * 60 + 99);
}

static void read_calendar(struct bytes b)
{
    struct meter_terminal_calendar c;
    struct writer once = written(0), twice = written(1);
    if (meter_terminal_read_calendar(b, &c) != ERR_OK)
        return;
    check(c.count <= METER_TERMINAL_DATES && b.len == 1 + 4u * c.count);
    meter_terminal_put_calendar(&c, &once);
    check(meter_terminal_read_calendar((struct bytes){once.data, once.len}, &c) == ERR_OK);
    meter_terminal_put_calendar(&c, &twice);
    same(&once, &twice);
}

static void read_registers(struct bytes b)
{
    read_status(b);
    read_limits(b);
    read_white(b);
    read_hours(b);
    read_calendar(b);
}

/* A good answer, by another meter's hand, to what was asked. */
static struct bytes answer_to(const struct writer *asked, struct bytes payload, uint8_t *room,
                              size_t cap)
{
    struct dlt645_frame f;
    size_t used;
    struct writer w = writer_of(room, cap);
    check(asked->err == ERR_OK && dlt645_decode(asked->data, asked->len, &f, &used) == ERR_OK);
    size_t n = at_most(payload.len, sizeof f.data - 4);
    f.control |= DLT645_ANSWER;
    memcpy(f.data + 4, payload.data, n);
    f.len = (uint8_t)(4 + n);
    dlt645_encode(&f, 0, &w);
    check(w.err == ERR_OK);
    return (struct bytes){w.data, w.len};
}

static void take_register(const struct meter_unit *u, uint8_t choice, struct bytes payload)
{
    enum meter_terminal_item item =
        (enum meter_terminal_item)(METER_TERMINAL_STATUS + choice % (METER_TERMINAL_ITEMS - 1));
    unsigned circuit = item == METER_TERMINAL_CALENDAR ? 0 : 1 + choice / 16 % 3;
    uint8_t asked_room[METER_FRAME_MAX], room[METER_FRAME_MAX + 16], out[METER_TERMINAL_BYTES];
    struct writer asked = writer_of(asked_room, sizeof asked_room);
    size_t len = 0;
    (void)meter_terminal_take(u, item, choice % 5, payload, out, &len);
    (void)meter_terminal_met(item, (struct bytes){out, len}, payload);
    if (meter_terminal_ask(u, item, circuit, &asked) != ERR_OK)
        return;
    struct bytes answer = answer_to(&asked, payload, room, sizeof room);
    if (meter_terminal_take(u, item, circuit, answer, out, &len) == ERR_OK)
        check(len == payload.len && memcmp(out, payload.data, len) == 0);
    else
        check(payload.len == 0 || payload.len > METER_TERMINAL_BYTES);
}

static void take_trip(const struct meter_unit *u, enum meter_trip_item item, unsigned nn,
                      struct bytes payload, struct meter_trip *trip)
{
    uint8_t asked_room[METER_FRAME_MAX], room[METER_FRAME_MAX + 16];
    struct writer asked = writer_of(asked_room, sizeof asked_room);
    struct meter_trip before;
    memcpy(&before, trip, sizeof before);
    meter_trip_ask(u, item, nn, &asked);
    struct bytes answer = answer_to(&asked, payload, room, sizeof room);
    if (meter_trip_take(u, item, nn, answer, trip) != ERR_OK)
        check(memcmp(&before, trip, sizeof before) == 0);
    else if (item == METER_TRIP_RECORD)
        check(trip->verdict == -1 && trip->power_w >= 0 && trip->power_w <= 100'000);
    else
        check(trip->verdict >= 0 && trip->at.s == before.at.s && trip->power_w == before.power_w);
    memcpy(&before, trip, sizeof before);
    if (meter_trip_take(u, item, nn, payload, trip) != ERR_OK)
        check(memcmp(&before, trip, sizeof before) == 0);
}

static void take_trips(const struct meter_unit *u, uint8_t choice, struct bytes payload)
{
    uint8_t asked_room[METER_FRAME_MAX], room[METER_FRAME_MAX + 16];
    struct writer asked = writer_of(asked_room, sizeof asked_room);
    struct meter_trip trip;
    int64_t count = 0;
    unsigned nn = 1 + choice % METER_TERMINAL_TRIPS;
    memset(&trip, 0, sizeof trip);
    take_trip(u, METER_TRIP_RECORD, nn, payload, &trip);
    take_trip(u, METER_TRIP_WHY, nn, payload, &trip);
    meter_trip_ask(u, METER_TRIP_COUNT, nn, &asked);
    struct bytes answer = answer_to(&asked, payload, room, sizeof room);
    if (meter_trip_take_count(u, answer, &count) == ERR_OK)
        check(payload.len == 3 && count >= 0 && count <= 999'999);
    (void)meter_trip_take_count(u, payload, &count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct meter_unit u;
    uint8_t room[METER_FRAME_MAX + 16];
    if (size < 2)
        return 0;
    const struct meter_model *m = meter_model_at(data[0] % count_models());
    unsigned row = data[1] % m->item_count;
    struct bytes payload = {data + 2, size - 2};
    check(meter_unit_init(&u, m->name, "12", "", 0) == ERR_OK);
    struct writer w = writer_of(room, sizeof room);
    put(&u, &m->items[row], payload, &w);
    check(w.err == ERR_OK);
    take(&u, row, (struct bytes){room, w.len});
    take(&u, row, payload);
    (void)meter_take_order(&u, payload);
    (void)meter_take_vend(&u, payload);
    read_registers(payload); /* as gateways hand them on */
    if (meter_terminal_is(m)) {
        take_register(&u, data[1], payload);
        take_trips(&u, data[1], payload);
    }
    return 0;
}
