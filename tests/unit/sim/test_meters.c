/* Meters on a line: timing, faults, power cuts, foreign sales, the truth that checkers use. */
#include "tests/unit/check.h"

#include <stdlib.h>

#include "base/must.h"
#include "meter/meter.h"
#include "sim/world/meters.h"

#define WALL0 INT64_C(1'767'225'600) /* 2026-01-01 08:00 in Beijing */

static struct sim_line line;
static struct sim_meter meters[3];
static mono_ms now;

static void new_line(unsigned baud)
{
    struct sim_line_options o = {
        .baud = baud, .wall0 = {WALL0}, .seed = 7, .delay_min_ms = 50, .delay_max_ms = 50};
    for (size_t i = 0; i < 3; i++)
        sim_meter_close(&meters[i]);
    sim_line_init(&line, &o);
    now = (mono_ms){0};
    for (unsigned i = 0; i < 3; i++) {
        struct terminal_setup s = {.circuits = 1,
                                   .phases = 1,
                                   .wallet = true,
                                   .zone_s = 28'800,
                                   .price_e4 = {5000, 5000, 5000, 5000}};
        s.address[0] = (uint8_t)(i + 1);
        sim_meter_init(&meters[i], &s, NULL, now);
        sim_line_add(&line, &meters[i]);
    }
}

static size_t frame_of(uint8_t *wire, uint8_t address, uint8_t control, const uint8_t *data,
                       uint8_t len)
{
    struct dlt645_frame f = {.address = {address}, .control = control, .len = len};
    struct writer w = writer_of(wire, DLT645_FRAME_MAX);
    if (address == 0xAA)
        memset(f.address, 0xAA, 6);
    memcpy(f.data, data, len);
    dlt645_encode(&f, 0, &w);
    assert_ok(w.err);
    return w.len;
}

/* One exchange; false: no good answer within two seconds. */
static bool ask(uint8_t address, uint8_t control, const uint8_t *data, uint8_t len,
                struct dlt645_frame *answer)
{
    uint8_t wire[DLT645_FRAME_MAX], in[1024];
    size_t n = frame_of(wire, address, control, data, len), got = 0, used;
    mono_ms until = mono_after(now, 2000);
    sim_line_write(&line, wire, n, now);
    while (now.ms < until.ms) {
        now = mono_earlier(sim_line_wake(&line), until);
        got += sim_line_read(&line, now, in + got, sizeof in - got);
        if (got > 0 && dlt645_decode(in, got, answer, &used) == ERR_OK)
            return true;
    }
    return false;
}

static bool read_energy(uint8_t address, uint64_t *centi_kwh)
{
    static const uint8_t di[4] = {0, 0, 1, 0};
    struct dlt645_frame a;
    if (!ask(address, DLT645_READ, di, 4, &a) || a.control != 0x91)
        return false;
    struct reader r = reader_of(a.data + 4, 4);
    *centi_kwh = reader_bcd_le(&r, 4);
    return r.err == ERR_OK;
}

/* SERR, 0 done, -1 no answer. */
static int vend(uint8_t address, uint32_t di, uint32_t amount_fen, uint32_t count)
{
    uint8_t data[30];
    struct dlt645_frame a;
    struct writer w = writer_of(data, sizeof data);
    writer_u32le(&w, di);
    writer_u32le(&w, 0);
    writer_u32le(&w, amount_fen);
    writer_u32le(&w, count);
    writer_fill(&w, 0, 14);
    if (!ask(address, DLT645_SECURITY, data, 30, &a))
        return -1;
    return a.control == 0x83 ? 0 : a.data[0] | a.data[1] << 8;
}

/* 16 bytes out, 50 ms of thought, 4 + 20 bytes back, 11 bits each. */
static void test_timing(void **state)
{
    (void)state;
    uint64_t kwh;
    new_line(2400);
    assert_true(read_energy(2, &kwh));
    assert_in_range(now.ms, 50 + 40 * 11'000 / 2400, 50 + 40 * 11'000 / 2400 + 3);
    new_line(9600);
    assert_true(read_energy(2, &kwh));
    assert_in_range(now.ms, 50 + 40 * 11'000 / 9600, 50 + 40 * 11'000 / 9600 + 3);
    assert_int_equal(line.busy_us, 40 * (int64_t)line.byte_us);
    assert_false(read_energy(9, &kwh)); /* nobody of that address */
    meters[1].dead = true;
    assert_false(read_energy(2, &kwh));
}

static void test_bytes_come_one_by_one(void **state)
{
    (void)state;
    static const uint8_t di[4] = {0, 0, 1, 0};
    uint8_t wire[64], in[64];
    new_line(1200);
    size_t n = frame_of(wire, 1, DLT645_READ, di, 4), got = 0;
    sim_line_write(&line, wire, n, now);
    unsigned turns = 0;
    for (; now.ms < 1000; now.ms++) {
        size_t part = sim_line_read(&line, now, in, sizeof in);
        assert_true(part <= 1);
        turns += part > 0;
        got += part;
    }
    assert_int_equal(got, 24);
    assert_int_equal(turns, 24);
}

static void test_load_and_credit(void **state)
{
    (void)state;
    uint64_t kwh;
    new_line(9600);
    sim_meter_set_load(&meters[0], 1, 3'600'000);
    sim_meter_run(&meters[0], (mono_ms){3'600'000}, (wall_s){WALL0});
    now.ms = 3'600'000;
    assert_int_equal(terminal_register_mwh(&meters[0].terminal, 0, 0), 0); /* no money, no power */
    assert_int_equal(vend(1, 0x070101FF, 360, 1), 0);
    now.ms = 7'200'000;
    assert_true(read_energy(1, &kwh));
    assert_in_range(kwh, 359, 360);        /* an hour less the exchange */
    for (int hour = 3; hour < 6; hour++) { /* 3.60 yuan last for 7.2 kWh */
        now.ms = hour * 3'600'000;
        sim_line_run(&line, now);
    }
    assert_int_equal(terminal_register_mwh(&meters[0].terminal, 0, 0) / 100'000, 72);
    assert_false(terminal_output(&meters[0].terminal).closed[0]);
    sim_meter_owe(&meters[0], 1, 5'000'000, 0);
    sim_meter_set_load(&meters[0], 1, 0);
    now.ms += 3'600'000;
    sim_line_run(&line, now);
    assert_int_equal(meters[0].owed_mwh[0], 5'000'000); /* waits for the relay */
    assert_int_equal(vend(1, 0x070102FF, 1000, 2), 0);
    now.ms += 3'600'000;
    sim_line_run(&line, now);
    assert_int_equal(meters[0].owed_mwh[0], 0);
}

/* The result of a life does not depend on when it is looked at. */
static void test_looking_changes_nothing(void **state)
{
    (void)state;
    struct terminal_setup s = {.circuits = 1,
                               .phases = 1,
                               .wallet = true,
                               .preset_fen = 5000,
                               .price_e4 = {1, 2, 7777, 9}};
    static struct sim_meter a, b;
    sim_meter_init(&a, &s, NULL, (mono_ms){0});
    sim_meter_init(&b, &s, NULL, (mono_ms){0});
    sim_meter_set_load(&a, 1, 1'234'567);
    sim_meter_set_load(&b, 1, 1'234'567);
    struct rand_stream r = rand_split(3, "look");
    for (int64_t t = 0; t < 86'400'000; t += (int64_t)rand_below(&r, 90'000))
        sim_meter_run(&a, (mono_ms){t}, (wall_s){WALL0});
    sim_meter_run(&a, (mono_ms){86'400'000}, (wall_s){WALL0});
    sim_meter_run(&b, (mono_ms){86'400'000}, (wall_s){WALL0});
    assert_int_equal(a.terminal.books.energy_mwh[0][2], b.terminal.books.energy_mwh[0][2]);
    assert_int_equal(a.terminal.books.balance_fen, b.terminal.books.balance_fen);
    sim_meter_close(&a);
    sim_meter_close(&b);
}

/* Each fault kind alone, always: what the master sees. */
static void test_fault_kinds(void **state)
{
    (void)state;
    uint64_t kwh;
    static const struct {
        struct sim_line_faults faults;
        bool answered;
    } rows[] = {
        {{.drop_request = 1000}, false},
        {{.drop_answer = 1000}, false},
        {{.garble_request = 1000}, false},
        {{.cut_answer = 1000}, false},
        {{.duplicate_request = 1000}, true},
        {{.duplicate_answer = 1000}, true},
        {{.late_answer = 1000, .late_ms = 1000}, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        new_line(9600);
        line.faults = rows[i].faults;
        assert_int_equal(read_energy(1, &kwh), rows[i].answered);
        assert_true(line.faults_done > 0);
        if (rows[i].faults.late_ms > 0)
            assert_true(now.ms > 1000);
    }
}

/* A repeated frame on the line: the second answer says "repeated", and the money is in once. */
static void test_duplicated_sale(void **state)
{
    (void)state;
    new_line(9600);
    line.faults.duplicate_request = 1000;
    assert_int_equal(vend(1, 0x070101FF, 1000, 1), 0);
    uint8_t in[256];
    struct dlt645_frame a;
    size_t used;
    now.ms += 2000;
    size_t n = sim_line_read(&line, now, in, sizeof in);
    assert_ok(dlt645_decode(in, n, &a, &used));
    assert_int_equal(a.control, 0xC3);
    assert_int_equal(a.data[0], 2);
    assert_int_equal(meters[0].terminal.books.balance_fen, 1000);
    assert_int_equal(meters[0].applied_count, 1);
}

/* A forged answer passes the checksum and lies. */
static void test_forged_answer(void **state)
{
    (void)state;
    unsigned lies = 0;
    new_line(9600);
    line.faults.forge_answer = 1000;
    for (int i = 0; i < 50; i++) {
        uint64_t kwh = 0;
        static const uint8_t di[4] = {0, 0, 1, 0};
        struct dlt645_frame a;
        assert_true(ask(1, DLT645_READ, di, 4, &a));
        struct reader r = reader_of(a.data, 8);
        lies +=
            reader_u32le(&r) != 0x00010000 || (kwh = reader_bcd_le(&r, 4)) != 0 || r.err != ERR_OK;
    }
    assert_int_equal(lies, 50);
}

static void test_talking_over(void **state)
{
    (void)state;
    static const uint8_t di[4] = {0, 0, 1, 0};
    uint8_t wire[64], in[64];
    struct dlt645_frame a;
    size_t used;
    new_line(2400);
    size_t n = frame_of(wire, 1, DLT645_READ, di, 4);
    sim_line_write(&line, wire, n, now);
    now.ms = 150; /* the meter is answering now */
    assert_int_not_equal(sim_line_read(&line, now, in, sizeof in), 0);
    sim_line_write(&line, wire, n, now);
    assert_int_equal(line.collisions, 1);
    now.ms = 2000;
    n = sim_line_read(&line, now, in, sizeof in);
    assert_int_not_equal(dlt645_decode(in, n, &a, &used), ERR_OK);
}

/* A device that sends when it likes: what it talks over is lost, and all is well when it is gone.
 */
static void test_babbler_spoils_what_it_meets(void **state)
{
    (void)state;
    uint64_t energy;
    unsigned heard = 0;
    new_line(2400);
    line.faults.babble_ms = 200;
    line.faults.babble_bytes = 20;
    for (int i = 0; i < 100; i++)
        heard += read_energy(1, &energy);
    assert_true(heard > 5 && heard < 90);
    assert_true(line.babbles > 100);
    assert_true(line.collisions > 0);
    line.faults.babble_ms = 0;
    sim_line_flush(&line);
    now = mono_after(now, 1000);
    assert_true(read_energy(1, &energy));
}

static void test_exchanged_wires_are_deaf(void **state)
{
    (void)state;
    uint64_t energy;
    new_line(2400);
    meters[0].swapped = true;
    assert_false(read_energy(1, &energy));
    assert_true(read_energy(2, &energy));
    meters[0].swapped = false;
    assert_true(read_energy(1, &energy));
}

/* Everybody answers a wildcard at once: rubbish, as on a real line. */
static void test_wildcard_collides(void **state)
{
    (void)state;
    struct dlt645_frame a;
    new_line(9600);
    assert_false(ask(0xAA, DLT645_READ_ADDRESS, (const uint8_t *)"", 0, &a));
    assert_int_equal(line.collisions, 2);
    meters[0].dead = meters[1].dead = true;
    now.ms += 5000;
    assert_true(ask(0xAA, DLT645_READ_ADDRESS, (const uint8_t *)"", 0, &a));
    assert_int_equal(a.data[0], 3);
}

static void test_power_cut_in_a_sale(void **state)
{
    (void)state;
    for (unsigned bytes = 0; bytes < 600; bytes += 50) {
        new_line(9600);
        assert_int_equal(vend(1, 0x070101FF, 1000, 1), 0);
        sim_meter_cut_at_write(&meters[0], 1, bytes, 5000);
        assert_int_equal(vend(1, 0x070102FF, 500, 2), -1);
        assert_false(meters[0].powered);
        now.ms += 5000;
        int again = vend(1, 0x070102FF, 500, 2);
        assert_true(again == 0 || again == 2);
        assert_int_equal(meters[0].applied_count, 2);
        assert_int_equal(meters[0].applied[1].amount_fen, 500);
        assert_int_equal(meters[0].terminal.books.balance_fen, 1500);
    }
}

static void test_foreign_reset_exchange(void **state)
{
    (void)state;
    new_line(9600);
    sim_line_run(&line, now);
    assert_false(sim_meter_foreign_vend(&meters[0], 700)); /* not opened */
    assert_int_equal(vend(1, 0x070101FF, 1000, 1), 0);
    assert_true(sim_meter_foreign_vend(&meters[0], 700));
    assert_int_equal(vend(1, 0x070102FF, 500, 2), 2); /* somebody was there before us */
    assert_int_equal(vend(1, 0x070102FF, 500, 3), 0);
    assert_true(sim_meter_reset(&meters[0], 50));
    assert_int_equal(vend(1, 0x070101FF, 600, 1), 0);
    sim_meter_exchange(&meters[0]);
    assert_int_equal(vend(1, 0x070101FF, 600, 1), 0);
    static const struct {
        uint32_t life, count;
        int64_t amount_fen;
        bool foreign;
    } want[] = {{1, 1, 1000, false},
                {1, 2, 700, true},
                {1, 3, 500, false},
                {2, 1, 600, false},
                {3, 1, 600, false}};
    assert_int_equal(meters[0].applied_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(meters[0].applied[i].life, want[i].life);
        assert_int_equal(meters[0].applied[i].count, want[i].count);
        assert_int_equal(meters[0].applied[i].amount_fen, want[i].amount_fen);
        assert_int_equal(meters[0].applied[i].foreign, want[i].foreign);
    }
}

/* The same seed gives the same bytes at the same times. */
static uint64_t hash_of_run(uint64_t seed)
{
    uint64_t h = FNV64_START;
    new_line(2400);
    line.rand = rand_split(seed, "line");
    line.faults = (struct sim_line_faults){50, 50, 50, 50, 50, 50, 50, 50, 50, 700};
    for (unsigned i = 0; i < 300; i++) {
        uint64_t kwh = 0;
        bool ok = read_energy((uint8_t)(1 + i % 3), &kwh);
        h = fnv64(h, &ok, sizeof ok);
        h = fnv64(h, &now, sizeof now);
    }
    return h;
}

static void test_seeds(void **state)
{
    (void)state;
    assert_true(hash_of_run(1) == hash_of_run(1));
    assert_true(hash_of_run(1) != hash_of_run(2));
}

/* The product's own driver and the meter understand each other, row by row, sale and order. */
static bool exchange(struct writer *w, struct bytes *answer)
{
    static uint8_t in[DLT645_FRAME_MAX];
    assert_ok(w->err);
    *answer = (struct bytes){in, sim_meter_ask(&meters[0], w->data, w->len, in, sizeof in)};
    w->len = 0;
    return answer->len > 0;
}

static int64_t told[POINT_LIMIT]; /* -1: not told */

static void ask_every_row(const struct meter_unit *u, bool wallet)
{
    uint8_t wire[METER_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    struct bytes answer;
    for (size_t i = 0; i < POINT_LIMIT; i++)
        told[i] = -1;
    for (unsigned i = 0; i < u->model->item_count; i++) {
        struct meter_values v = {0};
        if (u->model->items[i].period_s == 0)
            continue; /* asked only when another row leads to it */
        uint32_t id = u->model->items[i].id;
        bool money = id >> 16 == 0x0090 || id >> 16 == 0x0333;
        meter_ask_item(u, i, &w);
        assert_true(exchange(&w, &answer));
        assert_err(money && !wallet ? ERR_METER_REFUSED : ERR_OK,
                   meter_take_item(u, i, answer, &v));
        for (size_t k = 0; k < v.count; k++)
            told[v.list[k].point] = v.list[k].value;
    }
}

static void test_driver_agrees(void **state)
{
    (void)state;
    for (size_t i = 0; meter_model_at(i) != NULL; i++)
        for (int wallet = 0; wallet < 2; wallet++) {
            const struct meter_model *model = meter_model_at(i);
            if (strncmp(model->name, "yufu-", 5) != 0 || strcmp(model->driver->name, "dlt645") != 0)
                continue; /* the simulated meter is our own terminal */
            struct terminal_setup s = {.circuits = model->circuits,
                                       .phases = 1,
                                       .zone_s = 28'800,
                                       .wallet = wallet,
                                       .address = {0x12, 0x34},
                                       .price_e4 = {5000, 5000, 5000, 5000}};
            struct meter_unit u;
            struct bytes answer;
            uint8_t wire[METER_FRAME_MAX];
            struct writer w = writer_of(wire, sizeof wire);
            assert_ok(meter_unit_init(&u, model->name, "3412", "77", 0));
            u.offset_s = 28'800;
            sim_meter_close(&meters[0]);
            sim_meter_init(&meters[0], &s, NULL, (mono_ms){0});
            sim_meter_run(&meters[0], (mono_ms){1000}, (wall_s){WALL0});
            if (wallet && model->class != METER_CLASS_D) {
                assert_ok(meter_ask_vend(&u, 1, 12'345, &w));
                assert_true(exchange(&w, &answer));
                assert_int_equal(meter_take_vend(&u, answer), METER_REPLY_OK);
                assert_ok(meter_ask_vend(&u, 1, 12'345, &w));
                assert_true(exchange(&w, &answer));
                assert_int_equal(meter_take_vend(&u, answer), METER_REPLY_REPEAT);
                assert_ok(meter_ask_vend(&u, 3, 12'345, &w));
                assert_true(exchange(&w, &answer));
                assert_int_equal(meter_take_vend(&u, answer), METER_REPLY_COUNT);
            }
            sim_meter_set_load(&meters[0], 1, 1'500'000);
            sim_meter_run(&meters[0], (mono_ms){3'601'000}, (wall_s){WALL0});
            assert_ok(meter_ask_order(&u, METER_ORDER_KEEP_ON, 0, (wall_s){0}, &w));
            assert_true(exchange(&w, &answer));
            assert_int_equal(meter_take_order(&u, answer), METER_REPLY_OK);
            assert_ok(meter_ask_order(&u, METER_ORDER_OPEN, 1, (wall_s){WALL0 + 7200}, &w));
            assert_true(exchange(&w, &answer));
            assert_int_equal(meter_take_order(&u, answer), METER_REPLY_OTHER); /* keep-power */
            ask_every_row(&u, wallet);
            assert_int_equal(told[POINT_KEEP_POWER], 1);
            assert_int_equal(told[POINT_RELAY_OPEN], 0);
            bool supplied = !wallet || model->class != METER_CLASS_D;
            assert_int_equal(told[POINT_ENERGY_WH], supplied ? 1500 : 0);
            assert_int_equal(told[POINT_ENERGY_RATE3_WH], supplied ? 1500 : 0);
            assert_int_equal(told[POINT_POWER_W], supplied ? 1500 : 0);
            assert_int_equal(told[POINT_CLOCK_S], WALL0 + 3601);
            if (wallet && model->class != METER_CLASS_D) {
                assert_int_equal(told[POINT_BALANCE_FEN], 12'345 - 75);
                assert_int_equal(told[POINT_PURCHASE_COUNT], 1);
                assert_int_equal(told[POINT_PURCHASED_FEN], 12'345);
            }
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timing),
        cmocka_unit_test(test_bytes_come_one_by_one),
        cmocka_unit_test(test_load_and_credit),
        cmocka_unit_test(test_looking_changes_nothing),
        cmocka_unit_test(test_fault_kinds),
        cmocka_unit_test(test_duplicated_sale),
        cmocka_unit_test(test_forged_answer),
        cmocka_unit_test(test_talking_over),
        cmocka_unit_test(test_babbler_spoils_what_it_meets),
        cmocka_unit_test(test_exchanged_wires_are_deaf),
        cmocka_unit_test(test_wildcard_collides),
        cmocka_unit_test(test_power_cut_in_a_sale),
        cmocka_unit_test(test_foreign_reset_exchange),
        cmocka_unit_test(test_seeds),
        cmocka_unit_test(test_driver_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
