#include "meter/meter.h"

#include <string.h>

#include "base/must.h"
#include "meter/meter_impl.h"
#include "proto/dlt645.h"
#include "proto/dlt645_ask.h"

#define PREAMBLE 4

/* --- values ----------------------------------------------------------------------------------- */

static struct meter_value *find(struct meter_values *v, enum meter_point point)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->list[i].point == point)
            return &v->list[i];
    return NULL;
}

void meter_values_add(struct meter_values *v, enum meter_point point, int64_t value)
{
    struct meter_value *old = find(v, point);
    if (old) {
        old->value = value;
        return;
    }
    MUST(v->count < METER_VALUES_MAX);
    v->list[v->count++] = (struct meter_value){point, value};
}

void meter_values_merge(struct meter_values *v, const struct meter_values *more)
{
    for (size_t i = 0; i < more->count; i++) {
        int64_t value = more->list[i].value;
        int64_t old = meter_values_get(v, more->list[i].point, INT64_MIN);
        if (more->list[i].point != POINT_ALARM_LEVEL || value > old)
            meter_values_add(v, more->list[i].point, value);
    }
}

int64_t meter_values_get(const struct meter_values *v, enum meter_point point, int64_t absent)
{
    for (size_t i = 0; i < v->count; i++)
        if (v->list[i].point == point)
            return v->list[i].value;
    return absent;
}

/* --- units ------------------------------------------------------------------------------------ */

static const struct meter_driver *const drivers[METER_PROTOCOLS] = {
    [METER_DLT645] = &meter_driver_dlt645,         [METER_DLT645_1997] = &meter_driver_dlt645_1997,
    [METER_CJT188] = &meter_driver_cjt188,         [METER_MODBUS_RTU] = &meter_driver_modbus_rtu,
    [METER_MODBUS_TCP] = &meter_driver_modbus_tcp, [METER_MBUS] = &meter_driver_mbus,
};

const struct meter_driver *meter_driver_of(enum meter_protocol protocol)
{
    return drivers[protocol];
}

enum err meter_unit_init(struct meter_unit *u, const char *model, const char *address,
                         const char *customer, int64_t circuits)
{
    *u = (struct meter_unit){.model = meter_model_find(model)};
    if (!u->model)
        return ERR_NOT_FOUND;
    uint8_t digits[8];
    TRY(u->model->driver->address(u->model, address, u->address));
    TRY(meter_dlt645_address(u->model, customer[0] ? customer : "0", digits));
    memcpy(u->customer, digits, sizeof u->customer);
    bool given = circuits > 0 && circuits <= u->model->circuits;
    u->circuits = given ? (uint8_t)circuits : u->model->circuits;
    return ERR_OK;
}

/* --- asking: the driver knows how ----------------------------------------------------------------
 */

void meter_ask_item(const struct meter_unit *u, unsigned item, struct writer *w)
{
    MUST(item < u->model->item_count);
    u->model->driver->ask_item(u, &u->model->items[item], w);
}

enum meter_point meter_charged_point(const struct meter_model *m)
{
    static const enum meter_point registers[] = {
        [METER_KIND_ELECTRICITY] = POINT_ENERGY_WH, [METER_KIND_WATER] = POINT_VOLUME_L,
        [METER_KIND_HEAT] = POINT_HEAT_WH,          [METER_KIND_COOLING] = POINT_COOLING_WH,
        [METER_KIND_GAS] = POINT_VOLUME_L,
    };
    return registers[m->kind];
}

/* Prices are per thousand of POINT_ENERGY_WH, whatever is measured. */
static void add_charged(const struct meter_model *m, struct meter_values *v)
{
    bool thermal = m->kind == METER_KIND_HEAT || m->kind == METER_KIND_COOLING;
    int64_t n = meter_values_get(v, meter_charged_point(m), INT64_MIN);
    if (m->kind == METER_KIND_ELECTRICITY || n == INT64_MIN)
        return;
    if (thermal && m->charged == METER_CHARGED_GJ && meter_scale(n, 9, 2500, &n) != ERR_OK)
        return; /* 1 MJ = 2500/9 Wh */
    meter_values_add(v, POINT_ENERGY_WH, n);
}

enum err meter_take_item(const struct meter_unit *u, unsigned item, struct bytes answer,
                         struct meter_values *out)
{
    MUST(item < u->model->item_count);
    *out = (struct meter_values){.next_item = -1};
    TRY(u->model->driver->take_item(u, &u->model->items[item], answer, out));
    add_charged(u->model, out);
    if (out->next_item >= 0)
        out->next_item = (int)item + 1;
    return ERR_OK;
}

/* --- the wallet ------------------------------------------------------------------------------- */

bool meter_wallet_tells(const struct meter_unit *u, enum meter_wallet_item item)
{
    return u->model->driver->ask_id && u->model->wallet.ids[item] != 0;
}

static uint32_t wallet_id(const struct meter_unit *u, enum meter_wallet_item item, unsigned record)
{
    bool of_record = item == METER_WALLET_RECORD_COUNT || item == METER_WALLET_RECORD_AMOUNT;
    return u->model->wallet.ids[item] + (of_record ? record : 0);
}

void meter_ask_wallet(const struct meter_unit *u, enum meter_wallet_item item, unsigned record,
                      struct writer *w)
{
    if (!meter_wallet_tells(u, item))
        w->err = w->err ? w->err : ERR_STATE;
    else
        u->model->driver->ask_id(u, wallet_id(u, item, record), w);
}

enum err meter_take_wallet(const struct meter_unit *u, enum meter_wallet_item item, unsigned record,
                           struct bytes answer, int64_t *value)
{
    if (!meter_wallet_tells(u, item))
        return ERR_STATE;
    return u->model->driver->take_id(u, wallet_id(u, item, record), answer, value);
}

enum err meter_ask_vend(const struct meter_unit *u, int64_t n, int64_t amount_fen, struct writer *w)
{
    uint8_t how = u->model->wallet.how;
    if (how == METER_VEND_NONE || how == METER_VEND_SEALED || !u->model->driver->ask_vend)
        return ERR_STATE;
    return u->model->driver->ask_vend(u, n, amount_fen, w);
}

enum meter_reply meter_take_vend(const struct meter_unit *u, struct bytes answer)
{
    return u->model->driver->take_vend ? u->model->driver->take_vend(u, answer) : METER_REPLY_NONE;
}

/* --- relays ----------------------------------------------------------------------------------- */

static bool keeps(enum meter_order order)
{
    return order == METER_ORDER_KEEP_ON || order == METER_ORDER_KEEP_OFF;
}

bool meter_can(const struct meter_unit *u, enum meter_order order)
{
    uint8_t how = u->model->actions[order].how;
    return how != METER_HOW_NOT && how != METER_HOW_SEALED;
}

enum err meter_ask_order(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                         wall_s expires, struct writer *w)
{
    if (!meter_can(u, order))
        return ERR_STATE;
    if (circuit > u->circuits)
        return ERR_RANGE;
    return u->model->driver->ask_order(u, order, circuit, expires, w);
}

enum meter_reply meter_take_order(const struct meter_unit *u, struct bytes answer)
{
    return u->model->driver->take_order(u, answer);
}

unsigned meter_order_item(const struct meter_unit *u, enum meter_order order)
{
    return u->model->actions[order].row;
}

int meter_order_met(const struct meter_unit *u, enum meter_order order, unsigned circuit,
                    const struct meter_values *v)
{
    enum meter_point point = keeps(order) ? POINT_KEEP_POWER : POINT_RELAY_OPEN;
    int64_t value = meter_values_get(v, point, -1);
    if (value < 0 || order == METER_ORDER_EXERCISE)
        return -1;
    if (keeps(order))
        return (value != 0) == (order == METER_ORDER_KEEP_ON);
    int64_t all = (INT64_C(1) << u->circuits) - 1;
    int64_t mask = circuit == 0 ? all : INT64_C(1) << (circuit - 1);
    return (value & mask) == (order == METER_ORDER_OPEN ? mask : 0);
}

void meter_ask_clock(wall_s now, int32_t offset_s, struct writer *w)
{
    struct dlt645_frame f;
    struct dlt645_time t = dlt645_time_of(now, offset_s);
    dlt645_ask_time(&f, &t, false);
    dlt645_encode(&f, PREAMBLE, w);
}
