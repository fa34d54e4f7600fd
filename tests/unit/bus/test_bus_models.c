/*
 * One line with meters of four protocols, each played by a meter of another maker: the poll plan
 * reads all of them, chains of M-Bus rows stay together although others are read between, and what
 * is read is what the meters hold.
 */
#include "tests/unit/check.h"

#include <stdio.h>

#include "bus/bus.h"
#include "bus/plan.h"
#include "meter/meter_model.h"
#include "sim/vendor/vendor.h"

#define NOON INT64_C(1'767'240'000) /* 2026-01-01 12:00 in Beijing */
#define BAUD 2400
#define THINK_MS 120
#define SLOW 3 /* the water meter runs on a battery */
#define SLOW_MS 2'200
#define METERS 6

static const struct {
    const char *model, *address;
    struct vendor_setup setup;
    enum meter_point point;
    int64_t value; /* after two hours of the same use */
} rows[METERS] = {
    {"heat-mbus-secondary",
     "12345678",
     {.kind = VENDOR_MBUS_HEAT, .address = {0x78, 0x56, 0x34, 0x12}, .unit = 250},
     POINT_HEAT_WH,
     20'000},
    {"heat-mbus-secondary",
     "87654321",
     {.kind = VENDOR_MBUS_HEAT, .address = {0x21, 0x43, 0x65, 0x87}, .unit = 249},
     POINT_HEAT_WH,
     20'000},
    {"heat-mbus",
     "5",
     {.kind = VENDOR_MBUS_HEAT, .address = {0x11, 0x11, 0x11, 0x11}, .unit = 5},
     POINT_HEAT_WH,
     20'000},
    {"water-valve-188",
     "78331505900569",
     {.kind = VENDOR_COLD_WATER,
      .address = {0x69, 0x05, 0x90, 0x05, 0x15, 0x33, 0x78},
      .has_valve = true},
     POINT_VOLUME_L,
     1'000},
    {"acrel-adf-room", "3", {.kind = VENDOR_ACREL_PREPAID, .unit = 3}, POINT_ENERGY_WH, 20'000},
    {"acrel-dtsd1352", "4", {.kind = VENDOR_ACREL_DTSD, .unit = 4}, POINT_ENERGY_WH, 20'000},
};

static struct vendor_meter meters[METERS];
static struct meter_unit units[METERS];
static struct plan_peer peers[METERS];
static struct plan plan;
static struct bus bus;
static struct plan_ask asked;
static struct meter_values told[METERS];
static unsigned refused, failed;

/* The wire: bytes on their way back, one after another. */
static uint8_t wire[VENDOR_FRAME_MAX];
static size_t wire_len, wire_at;
static mono_ms wire_begin;

static void start(void)
{
    struct bus_timing t = bus_timing_of(BAUD);
    bus_init(&bus, &meter_link_mbus, &t, (mono_ms){0});
    plan_init(&plan, peers, METERS);
    for (uint16_t i = 0; i < METERS; i++) {
        vendor_init(&meters[i], &rows[i].setup, (mono_ms){0}, (wall_s){NOON});
        meters[i].flow_lph = 500;
        meters[i].power_w = 10'000;
        vendor_run(&meters[i], (mono_ms){7'200'000}, (wall_s){NOON + 7200});
        meters[i].flow_lph = meters[i].power_w = 0; /* so that the registers stand */
        assert_ok(meter_unit_init(&units[i], rows[i].model, rows[i].address, "", 0));
        units[i].offset_s = 28'800;
        bus_peer_speaks(&bus, i, units[i].model->driver->link, 0, 0);
        bus_peer_waits(&bus, i, units[i].model->limits.answer_ms);
        plan_set(&plan, i, &units[i], (mono_ms){0});
        told[i] = (struct meter_values){.next_item = -1};
    }
}

static void speak(mono_ms now, const uint8_t *data, size_t len)
{
    unsigned answers = 0;
    for (size_t i = 0; i < METERS; i++) {
        uint8_t out[VENDOR_FRAME_MAX];
        size_t n = vendor_hear(&meters[i], data, len, out);
        if (n == 0)
            continue;
        answers++;
        memcpy(wire, out, n);
        wire_len = n;
        wire_at = 0;
        wire_begin = mono_after(now, bus_wire_ms(BAUD, len) + (i == SLOW ? SLOW_MS : THINK_MS));
    }
    assert_true(answers <= 1); /* nobody is addressed twice */
}

static void hear(mono_ms now)
{
    while (wire_at < wire_len &&
           mono_due(mono_after(wire_begin, bus_wire_ms(BAUD, wire_at + 1)), now))
        bus_input(&bus, now, &wire[wire_at++], 1);
}

static void take(mono_ms now)
{
    struct bus_result r;
    while (bus_result(&bus, &r)) {
        struct meter_values v = {.next_item = -1};
        if (r.err != ERR_OK) {
            failed++;
            plan_failed(&plan, &bus, &asked, now);
            continue;
        }
        enum err e =
            meter_take_item(&units[r.peer], asked.item, (struct bytes){r.answer, r.len}, &v);
        refused += e == ERR_METER_REFUSED;
        if (e != ERR_METER_REFUSED)
            assert_ok(e);
        plan_done(&plan, &asked, v.next_item, now);
        meter_values_merge(&told[r.peer], &v);
    }
}

static void ask(mono_ms now)
{
    struct bus_job job = {.attempts = 2, .priority = BUS_POLL};
    if (bus_waiting(&bus) > 0 || !plan_next(&plan, &bus, now, &asked))
        return;
    struct writer w = writer_of(job.request, sizeof job.request);
    meter_ask_item(&units[asked.peer], asked.item, &w);
    assert_ok(w.err);
    job.peer = asked.peer;
    job.len = (uint16_t)w.len;
    assert_ok(bus_submit(&bus, &job));
}

static void test_mixed_line(void **state)
{
    (void)state;
    start();
    for (mono_ms now = {0}; now.ms < 180'000; now.ms += 2) {
        uint8_t out[METER_FRAME_MAX];
        hear(now);
        bus_tick(&bus, now);
        take(now);
        ask(now);
        size_t n = bus_output(&bus, now, out, sizeof out);
        if (n > 0)
            speak(now, out, n);
    }
    for (size_t i = 0; i < METERS; i++) {
        int64_t value = meter_values_get(&told[i], rows[i].point, -1);
        print_message("%-20s %-12s %s %lld\n", rows[i].model, rows[i].address,
                      meter_point_name(rows[i].point), (long long)value);
        assert_true(value > 0);
        assert_true(value <= rows[i].value && value >= rows[i].value - 10);
    }
    for (size_t i = 0; i < 3; i++) /* told by the second telegram only */
        assert_int_equal(meter_values_get(&told[i], POINT_CLOCK_S, -1), NOON + 7200);
    assert_int_equal(failed, 0);
    assert_int_equal(refused, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_mixed_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
