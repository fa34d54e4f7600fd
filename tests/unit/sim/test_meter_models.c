/* The model of our own terminal read by Modbus, against the terminal itself. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "meter/meter.h"
#include "proto/dlt645_ask.h"
#include "sim/world/meters.h"

#define WALL0 1'800'000'000

static struct sim_meter meter;

static size_t ask(struct writer *w, uint8_t *answer, size_t cap)
{
    assert_ok(w->err);
    size_t n = sim_meter_ask(&meter, w->data, w->len, answer, cap);
    w->len = 0;
    return n;
}

static void speak_modbus(const uint8_t address[6], struct writer *w)
{
    const struct dlt645_rights rights = {.level = 0x02};
    const uint8_t unit_one[2] = {0x01, 0x00};
    struct dlt645_frame f;
    uint8_t answer[METER_FRAME_MAX];
    assert_ok(dlt645_ask_write(&f, address, 0x04800309, &rights, (struct bytes){unit_one, 2}));
    dlt645_encode(&f, 0, w);
    assert_true(ask(w, answer, sizeof answer) > 0);
}

static void test_terminal_by_modbus(void **state)
{
    (void)state;
    const struct terminal_setup s = {.circuits = 3,
                                     .phases = 1,
                                     .zone_s = 28'800,
                                     .wallet = true,
                                     .address = {0x12, 0x34},
                                     .price_e4 = {5000, 5000, 5000, 5000}};
    struct meter_unit wallet, u;
    struct meter_values all = {.next_item = -1}, v;
    uint8_t wire[METER_FRAME_MAX], answer[METER_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    assert_ok(meter_unit_init(&wallet, "yufu-dorm3", "3412", "77", 0));
    assert_ok(meter_unit_init(&u, "yufu-dorm3-modbus", "1", "", 0));
    sim_meter_init(&meter, &s, NULL, (mono_ms){0});
    sim_meter_run(&meter, (mono_ms){1000}, (wall_s){WALL0});
    speak_modbus(wallet.address, &w);
    assert_ok(meter_ask_vend(&wallet, 1, 12'345, &w));
    assert_true(ask(&w, answer, sizeof answer) > 0);
    sim_meter_set_load(&meter, 2, 1'500'000);
    sim_meter_run(&meter, (mono_ms){3'601'000}, (wall_s){WALL0});
    for (unsigned i = 0; i < u.model->item_count; i++) {
        meter_ask_item(&u, i, &w);
        size_t n = ask(&w, answer, sizeof answer);
        assert_ok(meter_take_item(&u, i, (struct bytes){answer, n}, &v));
        meter_values_merge(&all, &v);
    }
    assert_int_equal(meter_values_get(&all, POINT_ENERGY_WH, -1), 1500);
    assert_int_equal(meter_values_get(&all, POINT_CIRCUIT2_WH, -1), 1500);
    assert_int_equal(meter_values_get(&all, POINT_CIRCUIT2_W, -1), 1500);
    assert_int_equal(meter_values_get(&all, POINT_CIRCUIT1_W, -1), 0);
    assert_int_equal(meter_values_get(&all, POINT_BALANCE_FEN, -1), 12'345 - 75);
    assert_int_equal(meter_values_get(&all, POINT_PURCHASE_COUNT, -1), 1);
    assert_int_equal(meter_values_get(&all, POINT_PURCHASED_FEN, -1), 12'345);
    assert_int_equal(meter_values_get(&all, POINT_RELAY_OPEN, -1), 0);
    assert_int_equal(meter_values_get(&all, POINT_KEEP_POWER, -1), 0);
    sim_meter_close(&meter);
}

/* Every setting of the model, written and read back; a value that the meter refuses stays out. */
static void test_terminal_settings(void **state)
{
    (void)state;
    const struct terminal_setup s = {
        .circuits = 3, .phases = 1, .zone_s = 28'800, .wallet = true, .address = {0x12, 0x34}};
    struct meter_unit u;
    uint8_t wire[METER_FRAME_MAX], answer[METER_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    assert_ok(meter_unit_init(&u, "yufu-dorm3", "3412", "77", 0));
    sim_meter_init(&meter, &s, NULL, (mono_ms){0});
    sim_meter_run(&meter, (mono_ms){1000}, (wall_s){WALL0});
    assert_int_equal(u.model->setting_count, 5);
    for (unsigned i = 0; i < u.model->setting_count; i++) {
        int64_t value = 0;
        assert_ok(meter_ask_set(&u, i, 12'300 - 100 * (int64_t)i, &w));
        size_t n = ask(&w, answer, sizeof answer);
        assert_int_equal(meter_take_order(&u, (struct bytes){answer, n}), METER_REPLY_OK);
        meter_ask_setting(&u, i, &w);
        n = ask(&w, answer, sizeof answer);
        assert_ok(meter_take_setting(&u, i, (struct bytes){answer, n}, &value));
        assert_int_equal(value, 12'300 - 100 * (int64_t)i);
    }
    sim_meter_close(&meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_terminal_by_modbus),
                                       cmocka_unit_test(test_terminal_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
