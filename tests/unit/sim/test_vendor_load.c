/*
 * The simulated DL/T 645 meter's own history, asked and understood by src/proto, which shares
 * nothing with it: load records in several frames, by group and by time, and parameters behind a
 * password.
 */
#include "tests/unit/check.h"

#include "meter/meter.h"
#include "proto/dlt645_ask.h"
#include "proto/dlt645_load.h"
#include "proto/dlt645_say.h"
#include "sim/vendor/vendor.h"

#define NOON INT64_C(1'767'240'000) /* 2026-01-01 12:00 in Beijing */
#define ZONE_S 28'800

static const uint8_t address[6] = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26};
static struct vendor_meter m;
static struct dlt645_frame answer;
static uint8_t joined[8192];
static struct writer data;
static unsigned frames;

static void pass(int64_t s)
{
    vendor_run(&m, mono_after(m.at, s * 1000), (wall_s){m.wall.s + s});
}

/* From noon on; 660 W until one o'clock, then 1320 W. */
static void begin(void)
{
    struct vendor_setup s = {.kind = VENDOR_DLT645, .password = {0x56, 0x34, 0x12}};
    memcpy(s.address, address, 6);
    vendor_init(&m, &s, (mono_ms){1000}, (wall_s){NOON});
    m.power_w = 660;
    for (int i = 0; i < 60; i++)
        pass(60);
    m.power_w = 1320;
    for (int i = 0; i < 60; i++)
        pass(60);
}

static bool send(const struct dlt645_frame *f)
{
    uint8_t wire[DLT645_FRAME_MAX], out[VENDOR_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    size_t used;
    dlt645_encode(f, 4, &w);
    assert_ok(w.err);
    size_t n = vendor_hear(&m, wire, w.len, out);
    if (n == 0)
        return false;
    assert_ok(dlt645_decode(out, n, &answer, &used));
    assert_int_equal(used, n);
    frames++;
    return true;
}

/* The whole answer; false: refused. */
static bool gather(unsigned group, enum dlt645_load_which which, uint8_t blocks, int64_t from_s)
{
    struct dlt645_time from = dlt645_time_of((wall_s){from_s}, ZONE_S);
    struct dlt645_join j = {0};
    struct dlt645_frame f;
    uint32_t id = dlt645_load_id(group, which);
    data = writer_of(joined, sizeof joined);
    frames = 0;
    dlt645_ask_read_blocks(&f, address, id, blocks, which == DLT645_LOAD_FROM ? &from : NULL);
    assert_true(send(&f));
    if (answer.control & DLT645_ABNORMAL)
        return false;
    assert_ok(dlt645_join_add(&j, &answer, &data));
    while (!j.complete) {
        dlt645_ask_more(&f, address, id, j.next);
        assert_true(send(&f));
        assert_ok(dlt645_join_add(&j, &answer, &data));
    }
    return true;
}

static int64_t number(const struct dlt645_load_record *rec, unsigned column)
{
    struct dlt645_value v;
    assert_true(dlt645_load_value(rec, column, &v));
    assert_int_equal(v.state, DLT645_OK);
    return v.number;
}

static struct dlt645_load_record record(struct bytes *rest, unsigned group)
{
    struct dlt645_load_record rec;
    size_t used;
    assert_ok(dlt645_load_decode(*rest, group, &rec, &used));
    *rest = (struct bytes){rest->data + used, rest->len - used};
    return rec;
}

static wall_s time_of(const struct dlt645_load_record *rec)
{
    wall_s t;
    assert_ok(dlt645_load_time(rec, ZONE_S, &t));
    return t;
}

static void test_all_groups_in_several_frames(void **state)
{
    (void)state;
    begin();
    assert_int_equal(m.load_count, 8); /* 12:15 to 14:00 */
    assert_true(gather(0, DLT645_LOAD_FROM, 9, NOON));
    assert_int_equal(data.len, 8 * DLT645_LOAD_RECORD_MAX);
    assert_int_equal(frames, 5);
    struct bytes rest = {data.data, data.len};
    for (int i = 1; i <= 8; i++) {
        struct dlt645_load_record rec = record(&rest, 0);
        int64_t power = i <= 4 ? 6600 : 13200;
        assert_int_equal(time_of(&rec).s, NOON + i * 900);
        assert_false(rec.doubtful);
        assert_int_equal(number(&rec, 0), 2200);
        assert_int_equal(number(&rec, 3), power == 6600 ? 3000 : 6000);
        assert_int_equal(number(&rec, 7), power);
        assert_int_equal(number(&rec, 15), 1000);
        assert_int_equal(number(&rec, 19), i <= 4 ? i * 33 / 2 : 66 + (i - 4) * 33);
        assert_int_equal(number(&rec, 27), power);
        struct dlt645_value v;
        assert_true(dlt645_load_value(&rec, 1, &v));
        assert_int_equal(v.state, DLT645_ABSENT); /* it has one phase */
    }
    assert_int_equal(rest.len, 0);
}

static void test_oldest_latest_and_one_group(void **state)
{
    (void)state;
    begin();
    assert_true(gather(4, DLT645_LOAD_OLDEST, 1, 0));
    struct bytes rest = {data.data, data.len};
    struct dlt645_load_record rec = record(&rest, 4);
    assert_int_equal(time_of(&rec).s, NOON + 900);
    assert_int_equal(number(&rec, 19), 16);
    struct dlt645_value v;
    assert_false(dlt645_load_value(&rec, 0, &v));
    assert_true(gather(2, DLT645_LOAD_LATEST, 1, 0));
    rest = (struct bytes){data.data, data.len};
    rec = record(&rest, 2);
    assert_int_equal(time_of(&rec).s, NOON + 7200);
    assert_int_equal(number(&rec, 7), 13200);
    assert_false(gather(0, DLT645_LOAD_FROM, 1, NOON + 7260)); /* nothing is so late */
    assert_int_equal(answer.data[0], DLT645_ERR_NO_DATA);
}

/* While it has no power it writes nothing; a ring keeps the newest. */
static void test_holes_and_the_ring(void **state)
{
    (void)state;
    begin();
    m.powered = false;
    pass(3600);
    m.powered = true;
    pass(900);
    assert_int_equal(m.load_count, 9);
    assert_true(gather(4, DLT645_LOAD_FROM, 9, NOON + 7260));
    struct bytes rest = {data.data, data.len};
    struct dlt645_load_record rec = record(&rest, 4);
    assert_int_equal(time_of(&rec).s, NOON + 7200 + 4500);
    assert_int_equal(rest.len, 0);
    for (int i = 0; i < VENDOR_LOADS; i++)
        pass(900);
    assert_int_equal(m.load_count, VENDOR_LOADS);
    assert_true(gather(4, DLT645_LOAD_OLDEST, 1, 0));
    rest = (struct bytes){data.data, data.len};
    rec = record(&rest, 4);
    assert_int_equal(time_of(&rec).s, NOON + 7200 + 4500 + 900);
}

static void write(uint32_t id, const uint8_t *value, size_t len, uint8_t first_password)
{
    struct dlt645_rights r = {
        .level = 0x02, .password = {first_password, 0x34, 0x12}, .operator= {1, 2, 3, 4} };
    struct dlt645_frame f;
    assert_ok(dlt645_ask_write(&f, address, id, &r, (struct bytes){value, len}));
    assert_true(send(&f));
}

static int64_t parameter(uint32_t id)
{
    struct dlt645_frame f;
    int64_t v;
    dlt645_ask_read(&f, address, id);
    assert_true(send(&f));
    assert_ok(dlt645_number(id, (struct bytes){answer.data + 4, answer.len - 4U}, &v));
    return v;
}

/* Which groups and how often are parameters: written, read back, and followed. */
static void test_parameters(void **state)
{
    (void)state;
    begin();
    write(0x04000901, (const uint8_t[]){0x08}, 1, 0x57);
    assert_int_equal(answer.control, 0xD4);
    assert_int_equal(answer.data[0], DLT645_ERR_PASSWORD);
    assert_int_equal(parameter(0x04000901), 0x3F);
    write(0x04000901, (const uint8_t[]){0x08}, 1, 0x56);
    assert_int_equal(answer.control, 0x94);
    assert_int_equal(parameter(0x04000901), 0x08);
    write(0x04000A02, (const uint8_t[]){0x05, 0x00}, 2, 0x56);
    assert_int_equal(parameter(0x04000A02), 5);
    write(0x04000A02, (const uint8_t[]){0x00, 0x00}, 2, 0x56);
    assert_int_equal(answer.control, 0xD4);
    assert_int_equal(parameter(0x03300000), 2);
    pass(300);
    assert_int_equal(m.load_count, 9);
    assert_true(gather(0, DLT645_LOAD_LATEST, 1, 0));
    struct bytes rest = {data.data, data.len};
    struct dlt645_load_record rec = record(&rest, 0);
    assert_int_equal(time_of(&rec).s, NOON + 7500);
    assert_int_equal(rec.groups[0].len + rec.groups[1].len + rec.groups[4].len, 0);
    assert_int_equal(rec.groups[3].len, 16);
    assert_false(gather(1, DLT645_LOAD_LATEST, 1, 0)); /* not recorded any more */
}

/* The last setting: when, by whom, of what. */
static void test_programming_record(void **state)
{
    (void)state;
    struct dlt645_frame f;
    struct dlt645_say s;
    struct dlt645_walk w;
    struct dlt645_value v;
    begin();
    dlt645_ask_read(&f, address, 0x03300001);
    assert_true(send(&f));
    assert_int_equal(answer.control, 0xD1); /* none yet */
    write(0x04000901, (const uint8_t[]){0x08}, 1, 0x56);
    assert_true(send(&f));
    dlt645_say(&answer, DLT645_ERA_2007, &s);
    assert_ok(dlt645_say_values(&s, &w));
    assert_true(dlt645_walk_next(&w, &v));
    char text[40];
    dlt645_value_text(&v, text, sizeof text);
    assert_string_equal(text, "2026-01-01 14:00:00");
    assert_true(dlt645_walk_next(&w, &v));
    assert_memory_equal(v.raw.data, ((const uint8_t[]){1, 2, 3, 4}), 4);
    assert_true(dlt645_walk_next(&w, &v));
    assert_memory_equal(v.raw.data, ((const uint8_t[]){0x01, 0x09, 0x00, 0x04}), 4);
}

static void test_addresses_and_damage(void **state)
{
    (void)state;
    struct dlt645_frame f;
    begin();
    dlt645_ask_address(&f);
    assert_true(send(&f));
    assert_memory_equal(answer.data, address, 6);
    dlt645_ask_read(&f, (const uint8_t[6]){0x13, 0x00, 0x51, 0x05, 0x03, 0x26}, 0x00010000);
    assert_false(send(&f));
    dlt645_ask_read(&f, address, 0x00900200); /* it has no wallet */
    assert_true(send(&f));
    assert_int_equal(answer.control, 0xD1);
    dlt645_ask_more(&f, address, dlt645_load_id(0, DLT645_LOAD_FROM), 1); /* of nothing asked */
    assert_true(send(&f));
    assert_int_equal(answer.control, 0xD2);
    uint8_t out[VENDOR_FRAME_MAX];
    const uint8_t damaged[] = {0x68, 0x12, 0x00, 0x51, 0x05, 0x03, 0x26, 0x68,
                               0x11, 0x04, 0x33, 0x33, 0x34, 0x33, 0x44, 0x16};
    assert_int_equal(vendor_hear(&m, damaged, sizeof damaged, out), 0);
}

/* The driver of a plain meter reads it as any other. */
static void test_driver(void **state)
{
    (void)state;
    struct meter_unit u;
    uint8_t room[METER_FRAME_MAX], out[VENDOR_FRAME_MAX];
    begin();
    assert_ok(meter_unit_init(&u, "plain-645", "260305510012", "", 0));
    for (unsigned i = 0; i < u.model->item_count; i++) {
        struct writer w = writer_of(room, sizeof room);
        struct meter_values v;
        meter_ask_item(&u, i, &w);
        size_t from, end, n = vendor_hear(&m, room, w.len, out);
        assert_ok(u.model->driver->link->cut(out, n, &from, &end));
        assert_ok(meter_take_item(&u, i, (struct bytes){out + from, end - from}, &v));
        if (i == 0)
            assert_int_equal(meter_values_get(&v, POINT_ENERGY_WH, -1), 1980);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_groups_in_several_frames),
        cmocka_unit_test(test_oldest_latest_and_one_group),
        cmocka_unit_test(test_holes_and_the_ring),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_programming_record),
        cmocka_unit_test(test_addresses_and_damage),
        cmocka_unit_test(test_driver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
