/*
 * The installer's search on a simulated wire: real terminals, meters of other makers, answers that
 * collide where they overlap, a meter that is connected at another speed.
 */
#include "tests/unit/check.h"

#include <stdio.h>

#include "gateway/scan.h"
#include "sim/vendor/vendor.h"
#include "sim/world/meters.h"

#define DEVICES 20
#define NOON INT64_C(1'767'240'000)
#define DAY_MS INT64_C(86'400'000)

struct device {
    bool is_terminal, deaf;
    struct sim_meter terminal;
    struct vendor_meter vendor;
    int32_t baud;
    char parity;
    int64_t delay_ms;
};

static struct device devices[DEVICES];
static size_t device_count;
static struct scan scan;
static struct scan_options options;
static mono_ms now;
static uint8_t wire[4096]; /* what the master will hear */
static int64_t wire_at[4096];
static size_t wire_len;
static uint64_t requests;
static bool echoing;
static bool spoils_first; /* where everybody is asked, the first one's answer arrives damaged */
static unsigned lost_permille;
static struct rand_stream rand_wire;

static int start(void **state)
{
    (void)state;
    for (size_t i = 0; i < device_count; i++)
        if (devices[i].is_terminal)
            sim_meter_close(&devices[i].terminal);
    device_count = wire_len = 0;
    requests = 0;
    echoing = spoils_first = false;
    lost_permille = 0;
    now = (mono_ms){1000};
    rand_wire = rand_split(5, "wire");
    options = (struct scan_options){
        .speeds = {{2400, 'E', (1U << SCAN_PROTOCOLS) - 1}}, .speed_count = 1, .last_unit = 20};
    return 0;
}

/* --- what hangs on it ---------------------------------------------------------------------------
 */

static struct device *hang(int64_t delay_ms)
{
    assert_true(device_count < DEVICES);
    struct device *d = &devices[device_count++];
    *d = (struct device){.baud = 2400, .parity = 'E', .delay_ms = delay_ms};
    return d;
}

static struct device *hang_terminal(const char *address, int64_t delay_ms)
{
    struct device *d = hang(delay_ms);
    struct terminal_setup s = {.circuits = 3,
                               .phases = 1,
                               .wallet = true,
                               .zone_s = 28'800,
                               .price_e4 = {5000, 5000, 5000, 5000}};
    d->is_terminal = true;
    assert_ok(dlt645_address_parse(address, s.address));
    sim_meter_init(&d->terminal, &s, NULL, now);
    return d;
}

static struct device *hang_vendor(struct vendor_setup s, int64_t delay_ms)
{
    struct device *d = hang(delay_ms);
    vendor_init(&d->vendor, &s, now, (wall_s){NOON});
    return d;
}

/* --- the wire
 * ------------------------------------------------------------------------------------- */

static void put(const uint8_t *data, size_t len, int64_t at_ms, int32_t baud)
{
    for (size_t i = 0; i < len; i++) {
        int64_t at = at_ms + bus_wire_ms(baud, i + 1);
        size_t place = wire_len;
        if (wire_len == sizeof wire)
            return;
        while (place > 0 && wire_at[place - 1] > at)
            place--;
        memmove(wire + place + 1, wire + place, wire_len - place);
        memmove(wire_at + place + 1, wire_at + place, (wire_len - place) * sizeof wire_at[0]);
        wire[place] = data[i];
        wire_at[place] = at;
        wire_len++;
    }
}

static size_t reply_of(struct device *d, const uint8_t *data, size_t len, int32_t baud, char parity,
                       uint8_t *out)
{
    if (d->deaf || d->baud != baud || (parity != 0 && d->parity != parity))
        return 0;
    if (d->is_terminal) {
        sim_meter_run(&d->terminal, now, (wall_s){NOON});
        return sim_meter_ask(&d->terminal, data, len, out, DLT645_FRAME_MAX);
    }
    vendor_run(&d->vendor, now, (wall_s){NOON + now.ms / 1000});
    return vendor_hear(&d->vendor, data, len, out);
}

/* Where answers overlap, each byte is what both pull the wire to. */
static void answer_all(const uint8_t *data, size_t len, int32_t baud, char parity)
{
    int64_t done = now.ms + bus_wire_ms(baud, len), busy_until = 0;
    uint8_t last_byte = 0x55;
    for (size_t i = 0; i < device_count; i++) {
        uint8_t out[512];
        size_t n = reply_of(&devices[i], data, len, baud, parity, out);
        if (n == 0 || rand_chance(&rand_wire, lost_permille))
            continue;
        int64_t begin = done + devices[i].delay_ms;
        if (spoils_first && i == 0 && memmem(data, len, "\x68\xAA", 2))
            out[n - 2] ^= 1;
        if (begin < busy_until)
            for (size_t k = 0; k < n; k++)
                out[k] &= last_byte;
        put(out, n, begin, baud);
        if (begin < busy_until) /* the first one's tail is spoilt, too */
            for (size_t k = 0; k < wire_len; k++)
                wire[k] = wire_at[k] > begin ? wire[k] & 0x7B : wire[k];
        int64_t end = begin + bus_wire_ms(baud, n);
        busy_until = end > busy_until ? end : busy_until;
    }
}

static void hear_wire(void)
{
    size_t n = 0;
    while (n < wire_len && wire_at[n] <= now.ms)
        n++;
    if (n == 0)
        return;
    bus_input(&scan.bus, now, wire, n);
    memmove(wire, wire + n, wire_len - n);
    memmove(wire_at, wire_at + n, (wire_len - n) * sizeof wire_at[0]);
    wire_len -= n;
}

static void turn(void)
{
    uint8_t out[METER_FRAME_MAX];
    char parity;
    hear_wire();
    scan_turn(&scan, now);
    size_t len = bus_output(&scan.bus, now, out, sizeof out);
    if (len == 0)
        return;
    int32_t baud = bus_speed(&scan.bus, &parity);
    requests++;
    if (echoing)
        put(out, len, now.ms, baud);
    answer_all(out, len, baud, parity);
}

static void run(void)
{
    mono_ms end = mono_after(now, 2 * DAY_MS);
    unsigned progress = 0, backwards = 0;
    scan_begin(&scan, &options, now);
    while (!scan_over(&scan)) {
        turn();
        mono_ms next = scan_wake(&scan);
        if (wire_len > 0 && wire_at[0] < next.ms)
            next.ms = wire_at[0];
        now = next.ms > now.ms && next.ms != MONO_NEVER.ms ? next : mono_after(now, 1);
        backwards += scan_progress(&scan) + 1 < progress;
        progress = scan_progress(&scan);
        assert_true(progress <= 1000 && now.ms < end.ms);
    }
    assert_int_equal(progress, 1000);
}

static const struct scan_found *find(enum scan_protocol p, const char *address)
{
    for (size_t i = 0; i < scan.found_count; i++)
        if (scan.found[i].protocol == p && strcmp(scan.found[i].address, address) == 0)
            return &scan.found[i];
    return NULL;
}

static bool remarked(enum scan_remark r)
{
    return scan.remarks >> r & 1;
}

/* --- DL/T 645
 * ------------------------------------------------------------------------------------- */

static void test_one_meter(void **state)
{
    (void)state;
    hang_terminal("260305510012", 60);
    run();
    const struct scan_found *f = find(SCAN_DLT645, "260305510012");
    assert_int_equal(scan.found_count, 1);
    assert_non_null(f);
    assert_string_equal(f->model->name, "yufu-dorm3");
    assert_int_equal(f->told, f->rows);
    assert_false(f->twin);
    assert_int_equal(f->baud, 2400);
    assert_in_range(f->turnaround_ms, 55, 85); /* its preamble counts */
    assert_int_equal(scan.remarks, 0);
}

/* Neighbours, and some whose lowest digits are the same: only the next ones tell them apart. */
static void test_many_are_told_apart(void **state)
{
    (void)state;
    char text[16];
    for (unsigned i = 0; i < 9; i++) {
        snprintf(text, sizeof text, "2603055%05u", 30 + i);
        hang_terminal(text, 40 + 7 * i);
    }
    hang_terminal("260305510012", 30);
    hang_terminal("260305519912", 45);
    hang_terminal("990305519912", 60);
    run();
    assert_int_equal(scan.found_count, 12);
    for (unsigned i = 0; i < 9; i++) {
        snprintf(text, sizeof text, "2603055%05u", 30 + i);
        assert_non_null(find(SCAN_DLT645, text));
    }
    assert_non_null(find(SCAN_DLT645, "260305510012"));
    assert_non_null(find(SCAN_DLT645, "260305519912"));
    assert_non_null(find(SCAN_DLT645, "990305519912"));
    for (size_t i = 0; i < scan.found_count; i++) {
        assert_false(scan.found[i].twin);
        assert_non_null(scan.found[i].model);
    }
}

static void test_slow_second_answer_is_not_missed(void **state)
{
    (void)state;
    hang_terminal("11", 20);
    hang_terminal("22", 400); /* begins when the first has long ended */
    run();
    assert_int_equal(scan.found_count, 2);
}

/* Two collided, and the third one came after them whole. */
static void test_a_damaged_answer_is_somebody(void **state)
{
    (void)state;
    spoils_first = true;
    hang_terminal("11", 20);
    hang_terminal("22", 160);
    run();
    assert_int_equal(scan.found_count, 2);
}

static void test_twins_are_found_out(void **state)
{
    (void)state;
    hang_terminal("260305510012", 50);
    hang_terminal("260305510012", 62);
    hang_terminal("260305510013", 70);
    run();
    assert_int_equal(scan.found_count, 2);
    assert_true(find(SCAN_DLT645, "260305510012")->twin);
    assert_null(find(SCAN_DLT645, "260305510012")->model);
    assert_false(find(SCAN_DLT645, "260305510013")->twin);
    assert_true(remarked(SCAN_REMARK_TWIN));
}

static void test_twins_that_answer_in_turn_are_found_out(void **state)
{
    (void)state;
    hang_terminal("260305510012", 30);
    hang_terminal("260305510012", 400);
    run();
    assert_int_equal(scan.found_count, 1);
    assert_true(scan.found[0].twin);
}

static void test_echo_is_no_meter(void **state)
{
    (void)state;
    echoing = true;
    run();
    assert_int_equal(scan.found_count, 0);
    assert_true(remarked(SCAN_REMARK_NOTHING));
    start(NULL);
    echoing = true;
    hang_terminal("260305510012", 60);
    hang_terminal("260305510013", 66);
    run();
    assert_int_equal(scan.found_count, 2);
    assert_true(remarked(SCAN_REMARK_ECHO));
}

static void test_some_noise_hides_nobody(void **state)
{
    (void)state;
    char text[16];
    lost_permille = 10;
    options.thorough = true;
    options.speeds[0].protocols = 1U << SCAN_DLT645;
    for (unsigned i = 0; i < 10; i++) {
        snprintf(text, sizeof text, "2603055%05u", 30 + i);
        hang_terminal(text, 40 + 5 * i);
    }
    run();
    assert_int_equal(scan.found_count, 10);
    for (size_t i = 0; i < 10; i++)
        assert_false(scan.found[i].twin);
}

/* --- the slow
 * ------------------------------------------------------------------------------------------- */

static void hang_modbus(uint8_t unit, int64_t delay_ms)
{
    hang_vendor((struct vendor_setup){.kind = VENDOR_ACREL_DTSD, .unit = unit, .ct = 20}, delay_ms);
    options.speeds[0].protocols = 1U << SCAN_MODBUS;
}

static void expect_slow(const char *unit, int32_t delay_ms)
{
    const struct scan_found *f = find(SCAN_MODBUS, unit);
    assert_non_null(f);
    assert_in_range(f->turnaround_ms, delay_ms - 5, delay_ms + 60);
    assert_non_null(f->model);
    assert_string_equal(f->model->name, "acrel-dtsd1352");
    assert_false(f->twin);
}

/* Modbus sets no limit to an answer: one that comes while others are asked is not lost. */
static void test_a_slow_unit_is_asked_again(void **state)
{
    (void)state;
    hang_modbus(9, 900);
    run();
    assert_int_equal(scan.found_count, 1);
    expect_slow("9", 900);
    assert_true(remarked(SCAN_REMARK_LATE));
}

static void test_a_slow_unit_among_quick_ones(void **state)
{
    (void)state;
    for (uint8_t unit = 3; unit < 17; unit++)
        hang_modbus(unit, unit == 7 ? 700 : unit == 12 ? 1500 : 15 + unit);
    run();
    assert_int_equal(scan.found_count, 14);
    expect_slow("7", 700);
    expect_slow("12", 1500);
    assert_in_range(find(SCAN_MODBUS, "8")->turnaround_ms, 15, 80);
}

static void test_the_last_unit_may_be_slow(void **state)
{
    (void)state;
    options.first_unit = options.last_unit = 9;
    hang_modbus(9, 1800);
    run();
    assert_int_equal(scan.found_count, 1);
    expect_slow("9", 1800);
}

/* Nobody is slow: no question more, and each costs what it did. */
static void test_quick_units_cost_no_second_pass(void **state)
{
    (void)state;
    hang_modbus(3, 20);
    hang_modbus(8, 30);
    options.addresses = true;
    run();
    assert_int_equal(scan.found_count, 2);
    assert_int_equal(requests, 20 + 2 * 4);
    assert_false(remarked(SCAN_REMARK_LATE));
    assert_in_range(now.ms, 13'500, 14'500); /* two seconds more for the last one */
    assert_int_equal(scan_slow_s(&options), 0);
}

/* All of them are waited for: also where noise or a gateway in between hides what comes late. */
static void test_slow_by_wish(void **state)
{
    (void)state;
    hang_modbus(9, 1800);
    hang_modbus(12, 20);
    options.slow = true;
    assert_int_equal(scan_slow_s(&options), 40); /* twenty units, two seconds each */
    run();
    assert_int_equal(scan.found_count, 2);
    expect_slow("9", 1800);
    assert_false(remarked(SCAN_REMARK_LATE));
}

/* --- other protocols
 * -------------------------------------------------------------------------------- */

static void test_a_mixed_line(void **state)
{
    (void)state;
    hang_terminal("260305510012", 60);
    hang_vendor((struct vendor_setup){.kind = VENDOR_COLD_WATER,
                                      .address = {0x88, 0x05, 0x27, 0x10, 0x15, 0x20, 0x00},
                                      .has_valve = true},
                80);
    hang_vendor((struct vendor_setup){.kind = VENDOR_ACREL_PREPAID, .unit = 7, .ct = 1}, 40);
    hang_vendor((struct vendor_setup){.kind = VENDOR_ACREL_DTSD, .unit = 9, .ct = 20}, 40);
    hang_vendor((struct vendor_setup){.kind = VENDOR_MBUS_HEAT,
                                      .unit = 3,
                                      .address = {0x67, 0x76, 0x12, 0x11}},
                40);
    run();
    assert_int_equal(scan.found_count, 5);
    assert_non_null(find(SCAN_DLT645, "260305510012"));
    const struct scan_found *water = find(SCAN_CJT188, "00201510270588");
    assert_non_null(water);
    assert_non_null(water->model);
    assert_int_equal(water->model->kind, METER_KIND_WATER);
    assert_non_null(find(SCAN_MODBUS, "7"));
    assert_non_null(find(SCAN_MODBUS, "7")->model);
    assert_non_null(find(SCAN_MODBUS, "9")->model);
    assert_non_null(find(SCAN_MBUS, "3"));
    assert_int_equal(find(SCAN_MBUS, "3")->model->kind, METER_KIND_HEAT);
}

static void test_water_meter_of_the_other_order(void **state)
{
    (void)state;
    hang_vendor((struct vendor_setup){.kind = VENDOR_COLD_WATER,
                                      .address = {0x01, 0, 0, 0, 0, 0, 0},
                                      .swapped = true},
                80);
    run();
    assert_int_equal(scan.found_count, 1);
    assert_false(scan.found[0].twin);
}

static void test_crowd_of_water_meters(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= 3; i++)
        hang_vendor((struct vendor_setup){.kind = VENDOR_COLD_WATER, .address = {i}}, 80 + 3 * i);
    run();
    assert_true(remarked(SCAN_REMARK_CROWD));
}

static void test_mbus_meters_of_one_number(void **state)
{
    (void)state;
    hang_vendor(
        (struct vendor_setup){.kind = VENDOR_MBUS_HEAT, .address = {0x67, 0x76, 0x12, 0x11}}, 40);
    hang_vendor(
        (struct vendor_setup){.kind = VENDOR_MBUS_HEAT, .address = {0x68, 0x76, 0x12, 0x11}}, 46);
    run();
    assert_non_null(find(SCAN_MBUS_SECONDARY, "11127667"));
    assert_non_null(find(SCAN_MBUS_SECONDARY, "11127668"));
    assert_true(find(SCAN_MBUS, "0")->twin);
}

/* --- speeds, strangers, stopping
 * -------------------------------------------------------------------- */

static void test_the_speed_is_found(void **state)
{
    (void)state;
    options.speeds[1] = (struct scan_speed){9600, 'E', 1U << SCAN_DLT645};
    options.speeds[2] = (struct scan_speed){1200, 'E', 1U << SCAN_DLT645};
    options.speed_count = 3;
    hang_terminal("12", 60)->baud = 9600;
    hang_terminal("13", 60)->baud = 1200;
    run();
    int32_t baud;
    char parity;
    assert_int_equal(scan.found_count, 1); /* the first speed with meters is the line's */
    assert_int_equal(scan.found[0].baud, 9600);
    options.thorough = true;
    run();
    assert_int_equal(scan.found_count, 2);
    assert_true(remarked(SCAN_REMARK_SPEEDS));
    assert_true(scan_line_speed(&scan, &baud, &parity));
    assert_int_equal(parity, 'E');
}

static void test_somebody_spoke_before(void **state)
{
    (void)state;
    static const uint8_t talk[] = {0x68, 1, 2, 3};
    put(talk, sizeof talk, now.ms + 300, 2400);
    run();
    assert_true(remarked(SCAN_REMARK_TALK));
}

static void test_stopped_scan_keeps_what_it_found(void **state)
{
    (void)state;
    options.speeds[0].protocols = 1U << SCAN_MODBUS;
    options.last_unit = 0;
    hang_vendor((struct vendor_setup){.kind = VENDOR_ACREL_PREPAID, .unit = 2, .ct = 1}, 40);
    scan_begin(&scan, &options, now);
    while (scan.found_count == 0) {
        turn();
        now = mono_after(now, 1);
    }
    scan_stop(&scan);
    assert_true(scan_over(&scan));
    assert_int_equal(scan.found_count, 1);
    assert_int_equal(scan_wake(&scan).ms, MONO_NEVER.ms);
}

static void test_every_remark_has_its_sentence(void **state)
{
    (void)state;
    for (enum scan_remark r = 0; r < SCAN_REMARKS; r++) {
        assert_non_null(scan_remark_en(r));
        assert_non_null(scan_remark_zh(r));
    }
}

#define CASE(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_one_meter),
        CASE(test_many_are_told_apart),
        CASE(test_slow_second_answer_is_not_missed),
        CASE(test_a_damaged_answer_is_somebody),
        CASE(test_twins_are_found_out),
        CASE(test_twins_that_answer_in_turn_are_found_out),
        CASE(test_echo_is_no_meter),
        CASE(test_some_noise_hides_nobody),
        CASE(test_a_slow_unit_is_asked_again),
        CASE(test_a_slow_unit_among_quick_ones),
        CASE(test_the_last_unit_may_be_slow),
        CASE(test_quick_units_cost_no_second_pass),
        CASE(test_slow_by_wish),
        CASE(test_a_mixed_line),
        CASE(test_water_meter_of_the_other_order),
        CASE(test_crowd_of_water_meters),
        CASE(test_mbus_meters_of_one_number),
        CASE(test_the_speed_is_found),
        CASE(test_somebody_spoke_before),
        CASE(test_stopped_scan_keeps_what_it_found),
        CASE(test_every_remark_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
