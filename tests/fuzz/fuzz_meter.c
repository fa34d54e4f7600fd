/*
 * Answers of meters: any payload behind a good checksum may come. The first two bytes choose model
 * and row; the rest is the payload of an answer in the model's own frame, and then a frame as it
 * is. Whatever is told is one of the row's points; what is not believed tells nothing that matters.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "meter/meter_model.h"
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
    return 0;
}
