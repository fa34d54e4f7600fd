/*
 * The drivers and models against simulated meters of other makers, which were written from the
 * makers' side and share nothing with them: what is told is what the meter holds, and what is
 * ordered is done.
 */
#include "tests/unit/check.h"

#include <stdio.h>

#include "meter/meter.h"
#include "sim/vendor/vendor.h"

#define NOON INT64_C(1'767'240'000) /* 2026-01-01 12:00 in Beijing */
#define HOUR_MS INT64_C(3'600'000)

static struct vendor_meter m;
static struct meter_unit u;
static struct meter_values all;

static void begin(struct vendor_setup s, const char *model, const char *address)
{
    vendor_init(&m, &s, (mono_ms){1000}, (wall_s){NOON});
    assert_ok(meter_unit_init(&u, model, address, "", 0));
    u.offset_s = 28'800;
}

static void pass(int64_t ms)
{
    vendor_run(&m, mono_after(m.at, ms), (wall_s){m.wall.s + ms / 1000});
}

/* One exchange, as a line makes it: only a frame that is an answer to the request comes through. */
static struct bytes exchange(const struct writer *w)
{
    static uint8_t out[VENDOR_FRAME_MAX];
    const struct meter_link *link = u.model->driver->link;
    size_t begin_at, end, n = vendor_hear(&m, w->data, w->len, out);
    assert_ok(w->err);
    if (n == 0)
        return (struct bytes){NULL, 0};
    assert_ok(link->cut(out, n, &begin_at, &end));
    struct bytes answer = {out + begin_at, end - begin_at};
    assert_int_equal(link->match((struct bytes){w->data, w->len}, answer), METER_MATCH_ANSWER);
    return answer;
}

static enum err ask_row(unsigned row, struct meter_values *v)
{
    uint8_t room[METER_FRAME_MAX];
    struct writer w = writer_of(room, sizeof room);
    meter_ask_item(&u, row, &w);
    struct bytes answer = exchange(&w);
    return answer.len > 0 ? meter_take_item(&u, row, answer, v) : ERR_TRUNCATED;
}

/* A sweep: the rows that are asked by time, each with what it leads to. Returns the refusals. */
static unsigned sweep(void)
{
    unsigned refused = 0;
    all = (struct meter_values){.next_item = -1};
    for (unsigned i = 0; i < u.model->item_count; i++) {
        int row = u.model->items[i].period_s > 0 ? (int)i : -1;
        while (row >= 0) {
            struct meter_values v;
            enum err e = ask_row((unsigned)row, &v);
            refused += e == ERR_METER_REFUSED;
            if (e != ERR_METER_REFUSED)
                assert_ok(e);
            row = e == ERR_OK ? v.next_item : -1;
            if (e == ERR_OK)
                meter_values_merge(&all, &v);
        }
    }
    return refused;
}

static int64_t told(enum meter_point point)
{
    return meter_values_get(&all, point, INT64_MIN);
}

static enum meter_reply obey(enum meter_order order)
{
    uint8_t room[METER_FRAME_MAX];
    struct writer w = writer_of(room, sizeof room);
    assert_ok(meter_ask_order(&u, order, 1, (wall_s){0}, &w));
    struct bytes answer = exchange(&w);
    return answer.len > 0 ? meter_take_order(&u, answer) : METER_REPLY_NONE;
}

/* --- water and gas -------------------------------------------------------------------------------
 */

static void test_water_of(const char *model, struct vendor_setup s)
{
    s.has_valve = true;
    s.valve_ms = 8'000;
    memcpy(s.address, (const uint8_t[7]){0x69, 0x05, 0x90, 0x05, 0x15, 0x33, 0x78}, 7);
    begin(s, model, "78331505900569");
    m.flow_lph = 600;
    pass(HOUR_MS * 2);
    assert_int_equal(sweep(), 0);
    assert_int_equal(told(POINT_VOLUME_L), 1200);
    assert_int_equal(told(POINT_ENERGY_WH), 1200); /* what is charged */
    assert_int_equal(told(POINT_VALVE), METER_VALVE_OPEN);
    assert_int_equal(told(POINT_RELAY_OPEN), 0);
    assert_int_equal(told(POINT_BATTERY_LOW), 0);
    assert_int_equal(told(POINT_CLOCK_S), m.wall.s);
    assert_int_equal(obey(METER_ORDER_OPEN), METER_REPLY_OK);
    sweep(); /* accepted is not done */
    assert_int_equal(meter_order_met(&u, METER_ORDER_OPEN, 0, &all), 0);
    pass(9'000);
    m.battery_low = true;
    sweep();
    assert_int_equal(meter_order_met(&u, METER_ORDER_OPEN, 0, &all), 1);
    assert_int_equal(told(POINT_VALVE), METER_VALVE_CLOSED);
    assert_int_equal(told(POINT_BATTERY_LOW), 1);
    assert_int_equal(obey(METER_ORDER_CLOSE), METER_REPLY_OK);
    pass(9'000);
    sweep();
    assert_int_equal(meter_order_met(&u, METER_ORDER_CLOSE, 0, &all), 1);
    m.valve_stuck = true; /* a fault says nothing about the supply */
    sweep();
    assert_int_equal(told(POINT_VALVE), METER_VALVE_FAULT);
    assert_int_equal(meter_order_met(&u, METER_ORDER_OPEN, 0, &all), -1);
}

static void test_water(void **state)
{
    (void)state;
    test_water_of("water-valve-188", (struct vendor_setup){.kind = VENDOR_COLD_WATER});
    test_water_of("hot-water-188", (struct vendor_setup){.kind = VENDOR_HOT_WATER});
    test_water_of("gas-valve-188", (struct vendor_setup){.kind = VENDOR_GAS});
    test_water_of("water-valve-188-high",
                  (struct vendor_setup){.kind = VENDOR_COLD_WATER, .swapped = true});
    test_water_of("water-valve-188-second",
                  (struct vendor_setup){.kind = VENDOR_COLD_WATER, .status = VENDOR_STATUS_SECOND});
    test_water_of(
        "water-valve-188-reversed",
        (struct vendor_setup){.kind = VENDOR_COLD_WATER, .status = VENDOR_STATUS_REVERSED});
}

static void test_refused_valve(void **state)
{
    (void)state;
    struct vendor_setup s = {.kind = VENDOR_COLD_WATER, .address = {1}};
    begin(s, "water-valve-188", "1");
    assert_int_equal(obey(METER_ORDER_OPEN), METER_REPLY_OTHER); /* it has none */
    m.dead = true;
    assert_int_equal(obey(METER_ORDER_OPEN), METER_REPLY_NONE);
}

/* --- heat
 * ------------------------------------------------------------------------------------------ */

static void heating(void)
{
    m.flow_lph = 500;
    m.power_w = 12'500;
    m.supply_cC = 4'555;
    m.return_cC = 3'022;
    pass(HOUR_MS * 100);
    sweep();
    assert_int_equal(told(POINT_VOLUME_L), 50'000);
    assert_int_equal(told(POINT_FLOW_LH), 500);
    assert_int_equal(told(POINT_THERMAL_W), 12'500);
    assert_int_equal(told(POINT_SUPPLY_CDEG), 4'555);
    assert_int_equal(told(POINT_RETURN_CDEG), 3'022);
}

static void test_heat(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        struct vendor_setup setup;
        enum meter_point register_point;
    } rows[] = {
        {"heat-188", {.kind = VENDOR_HEAT}, POINT_HEAT_WH},
        {"heat-188-unit-first", {.kind = VENDOR_HEAT, .unit_first = true}, POINT_HEAT_WH},
        {"cooling-188", {.kind = VENDOR_COOLING}, POINT_COOLING_WH},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct vendor_setup s = rows[i].setup;
        s.address[0] = 0x12;
        begin(s, rows[i].model, "12");
        heating();
        assert_int_equal(told(rows[i].register_point), 1'250'000);
        assert_int_equal(told(POINT_ENERGY_WH), 4'500); /* 4.5 GJ */
        assert_int_equal(told(POINT_WORK_H), 100);
        assert_int_equal(told(POINT_CLOCK_S), m.wall.s);
    }
}

static void test_mbus(void **state)
{
    (void)state;
    struct vendor_setup s = {
        .kind = VENDOR_MBUS_HEAT, .address = {0x78, 0x56, 0x34, 0x12}, .unit = 5};
    static const struct {
        const char *model, *address;
    } rows[] = {{"heat-mbus", "5"},
                {"heat-mbus-secondary", "12345678"},
                {"heat-mbus-secondary", "000012345678"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(s, rows[i].model, rows[i].address);
        heating();
        assert_int_equal(told(POINT_HEAT_WH), 1'250'000);
        assert_int_equal(told(POINT_WORK_H), 96); /* it counts days */
        assert_int_equal(told(POINT_CLOCK_S), m.wall.s - m.wall.s % 60);
        assert_int_equal(told(POINT_BATTERY_LOW), 0);
        m.battery_low = true;
        sweep(); /* a second sweep begins with the first telegram again */
        assert_int_equal(told(POINT_HEAT_WH), 1'250'000);
        assert_int_equal(told(POINT_BATTERY_LOW), 1);
    }
    begin(s, "heat-mbus-secondary", "12345679"); /* nobody of this number */
    struct meter_values v;
    assert_err(ERR_TRUNCATED, ask_row(0, &v));
}

/* --- Modbus
 * ---------------------------------------------------------------------------------------- */

static void test_acrel_prepaid(void **state)
{
    (void)state;
    static const char *const models[] = {"acrel-ddsy1352", "acrel-adf-room"};
    for (size_t i = 0; i < 2; i++) {
        begin((struct vendor_setup){.kind = VENDOR_ACREL_PREPAID, .unit = 3}, models[i], "3");
        m.power_w = 2'000;
        pass(HOUR_MS * 10);
        sweep();
        assert_int_equal(told(POINT_ENERGY_WH), 20'000);
        assert_int_equal(told(POINT_ENERGY_RATE3_WH), 20'000);
        assert_int_equal(told(POINT_RELAY_OPEN), 0);
        assert_int_equal(obey(METER_ORDER_OPEN), METER_REPLY_OK);
        sweep();
        assert_int_equal(meter_order_met(&u, METER_ORDER_OPEN, 1, &all), 1);
        assert_true(m.relay_open);
        assert_int_equal(obey(METER_ORDER_CLOSE), METER_REPLY_OK);
        sweep();
        assert_int_equal(meter_order_met(&u, METER_ORDER_CLOSE, 1, &all), 1);
    }
}

static void test_acrel_three_phase(void **state)
{
    (void)state;
    begin((struct vendor_setup){.kind = VENDOR_ACREL_DTSD, .unit = 4}, "acrel-dtsd1352", "4");
    m.power_w = 6'600;
    pass(HOUR_MS * 10);
    assert_int_equal(sweep(), 0);
    assert_int_equal(told(POINT_ENERGY_WH), 66'000);
    assert_int_equal(told(POINT_REVERSE_WH), 0);
    assert_int_equal(told(POINT_POWER_W), 6'600);
    assert_int_equal(told(POINT_VOLTAGE_C_DV), 2'200);
    assert_int_equal(told(POINT_CURRENT_MA), 10'000);
    assert_int_equal(told(POINT_FREQUENCY_CHZ), 5'000);
    assert_int_equal(told(POINT_POWER_FACTOR_M), 1'000);
    begin((struct vendor_setup){.kind = VENDOR_ACREL_ADW, .unit = 5}, "acrel-adw300", "5");
    m.power_w = 6'600;
    pass(HOUR_MS * 10);
    assert_int_equal(sweep(), 0);
    assert_int_equal(told(POINT_ENERGY_WH), 66'000);
    assert_int_equal(told(POINT_POWER_W), 6'600);
    assert_int_equal(told(POINT_CURRENT_B_MA), 10'000);
}

/* Registers that stand in no list are refused, and the rest of the sweep goes on. */
static void test_other_model(void **state)
{
    (void)state;
    begin((struct vendor_setup){.kind = VENDOR_ACREL_ADW, .unit = 5}, "acrel-dtsd1352", "5");
    assert_true(sweep() > 3);
    assert_int_equal(told(POINT_ENERGY_WH), INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_water),         cmocka_unit_test(test_refused_valve),
        cmocka_unit_test(test_heat),          cmocka_unit_test(test_mbus),
        cmocka_unit_test(test_acrel_prepaid), cmocka_unit_test(test_acrel_three_phase),
        cmocka_unit_test(test_other_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
