/*
 * The simulated meters of other makers, asked with published frames and read with the decoders of
 * src/proto, which share nothing with them.
 */
#include "tests/unit/check.h"

#include <stdio.h>

#include "proto/cjt188.h"
#include "proto/mbus.h"
#include "proto/modbus.h"
#include "sim/vendor/vendor.h"

#define NOON INT64_C(1'767'240'000) /* 2026-01-01 12:00 in Beijing */
#define HOUR_MS INT64_C(3'600'000)

static struct vendor_meter m;
static uint8_t out[VENDOR_FRAME_MAX];
static size_t out_len;

static void pass(int64_t ms)
{
    vendor_run(&m, mono_after(m.at, ms), (wall_s){m.wall.s + ms / 1000});
}

static bool hear_bytes(const uint8_t *data, size_t len)
{
    out_len = vendor_hear(&m, data, len, out);
    return out_len > 0;
}

/* "68 10 .." */
static bool hear(const char *hex)
{
    uint8_t data[VENDOR_FRAME_MAX];
    size_t len = 0;
    for (const char *p = hex; *p; p++) {
        if (*p == ' ')
            continue;
        unsigned byte;
        assert_int_equal(sscanf(p, "%2x", &byte), 1);
        data[len++] = (uint8_t)byte;
        p++;
    }
    return hear_bytes(data, len);
}

/* --- CJ/T 188 -------------------------------------------------------------------------------- */

static struct vendor_setup water_setup(void)
{
    return (struct vendor_setup){.kind = VENDOR_COLD_WATER,
                                 .address = {0x69, 0x05, 0x90, 0x05, 0x15, 0x33, 0x78},
                                 .has_valve = true,
                                 .valve_ms = 8'000};
}

static void begin(const struct vendor_setup *s)
{
    vendor_init(&m, s, (mono_ms){1000}, (wall_s){NOON});
}

static void frame_of(struct cjt188_frame *f)
{
    size_t used;
    assert_true(out_len > 0);
    assert_ok(cjt188_decode(out, out_len, f, &used));
    assert_int_equal(used, out_len);
}

/* Sends control, identifier as on the wire, serial, data. */
static bool ask(uint8_t control, uint8_t d0, uint8_t d1, const uint8_t *data, size_t len)
{
    struct cjt188_frame f = {.type = 0x10, .control = control, .len = (uint8_t)(3 + len)};
    uint8_t wire[64];
    struct writer w = writer_of(wire, sizeof wire);
    memcpy(f.address, m.setup.address, 7);
    f.data[0] = d0;
    f.data[1] = d1;
    f.data[2] = 1;
    if (len > 0)
        memcpy(f.data + 3, data, len);
    cjt188_encode(&f, 4, &w);
    assert_ok(w.err);
    return hear_bytes(wire, w.len);
}

static int64_t bcd(const uint8_t *p, size_t len)
{
    struct reader r = reader_of(p, len);
    int64_t v = (int64_t)reader_bcd_le(&r, len);
    assert_ok(r.err);
    return v;
}

static void test_water_flows_and_is_read(void **state)
{
    (void)state;
    struct vendor_setup s = water_setup();
    struct cjt188_frame f;
    begin(&s);
    m.flow_lph = 600;
    pass(HOUR_MS);
    assert_int_equal(m.volume_ml, 600'000);
    assert_true(ask(0x01, 0x1F, 0x90, NULL, 0));
    frame_of(&f);
    assert_int_equal(f.control, 0x81);
    assert_int_equal(f.len, 22);
    assert_int_equal(bcd(f.data + 3, 4), 60); /* 0.60 m3 */
    assert_int_equal(f.data[7], 0x2C);
    const uint8_t clock[] = {0x00, 0x00, 0x13, 0x01, 0x01, 0x26, 0x20};
    assert_memory_equal(f.data + 13, clock, sizeof clock);
    /* the same litres however finely the time is cut */
    int64_t whole = m.volume_ml;
    begin(&s);
    m.flow_lph = 600;
    for (int i = 0; i < 3600; i++)
        pass(1000);
    assert_int_equal(m.volume_ml, whole);
}

/* The published orders to open and to close, and the published answer. */
static void test_valve(void **state)
{
    (void)state;
    struct vendor_setup s = water_setup();
    begin(&s);
    m.flow_lph = 360;
    assert_true(hear("FE FE FE FE 68 10 69 05 90 05 15 33 78 04 04 A0 17 01 99 94 16"));
    pass(10'000);
    assert_true(m.closed);
    assert_int_equal(m.volume_ml, 800); /* it moved for eight seconds */
    pass(HOUR_MS);
    assert_int_equal(m.volume_ml, 800);
    assert_true(hear("FE FE FE FE 68 10 69 05 90 05 15 33 78 04 04 A0 17 01 55 50 16"));
    pass(10'000);
    assert_false(m.closed);
    assert_true(hear("68 10 69 05 90 05 15 33 78 04 04 A0 17 01 55 50 16"));
    const uint8_t published[] = {0x68, 0x10, 0x69, 0x05, 0x90, 0x05, 0x15, 0x33, 0x78,
                                 0x84, 0x05, 0xA0, 0x17, 0x01, 0x00, 0x00, 0x7C, 0x16};
    assert_int_equal(out_len, 2 + sizeof published);
    assert_memory_equal(out + 2, published, sizeof published);
    assert_false(hear("68 10 69 05 90 05 15 33 78 04 04 A0 17 01 55 51 16")); /* damaged */
    assert_false(hear("68 10 68 05 90 05 15 33 78 04 04 A0 17 01 55 4F 16")); /* to another */
}

static void test_exercise_goes_there_and_back(void **state)
{
    (void)state;
    struct vendor_setup s = water_setup();
    begin(&s);
    m.flow_lph = 360;
    assert_true(hear("FE FE FE FE 68 10 69 05 90 05 15 33 78 04 04 A0 17 01 AA A5 16"));
    pass(10'000);
    assert_true(m.closed);
    pass(10'000);
    assert_false(m.closed);
    assert_int_equal(m.volume_ml, 1'200); /* 20 s, of which it was closed for 8 */
    pass(HOUR_MS);
    assert_false(m.closed);
    assert_int_equal(m.exercises, 1);
}

static void test_stuck_valve_and_status_bits(void **state)
{
    (void)state;
    static const uint8_t want[3][2][2] = {
        {{0x05, 0}, {0x07, 0}}, {{4, 1}, {4, 3}}, {{0xA0, 0}, {0xE0, 0}}};
    struct cjt188_frame f;
    for (unsigned i = 0; i < 3; i++) {
        struct vendor_setup s = water_setup();
        s.status = (enum vendor_status)i;
        begin(&s);
        m.battery_low = true;
        m.flow_lph = 100;
        vendor_move_valve(&m, true);
        pass(9'000);
        assert_true(ask(0x01, 0x1F, 0x90, NULL, 0));
        frame_of(&f);
        assert_memory_equal(f.data + 20, want[i][0], 2);
        m.valve_stuck = true;
        assert_true(ask(0x01, 0x1F, 0x90, NULL, 0));
        frame_of(&f);
        assert_memory_equal(f.data + 20, want[i][1], 2);
    }
}

static void test_water_wallet(void **state)
{
    (void)state;
    struct vendor_setup s = water_setup();
    struct cjt188_frame f;
    s.wallet = true;
    s.price_fen = 400; /* a cubic metre */
    begin(&s);
    pass(1'000);
    pass(20'000);
    assert_true(m.closed); /* nothing bought */
    const uint8_t first[] = {1, 0x00, 0x20, 0x00, 0x00}, wrong[] = {3, 0x00, 0x20, 0x00, 0x00};
    assert_true(ask(0x04, 0xA0, 0x13, first, 5));
    frame_of(&f);
    assert_int_equal(f.control, 0x84);
    assert_true(ask(0x04, 0xA0, 0x13, first, 5)); /* again */
    assert_int_equal(m.bought_fen, 2000);
    assert_true(ask(0x04, 0xA0, 0x13, wrong, 5));
    frame_of(&f);
    assert_int_equal(f.control, 0xC4);
    pass(10'000);
    assert_false(m.closed);
    m.flow_lph = 1000;
    pass(3 * HOUR_MS);
    assert_true(ask(0x01, 0x05, 0x81, NULL, 0));
    frame_of(&f);
    assert_int_equal(f.data[3], 1);
    assert_int_equal(bcd(f.data + 4, 4), 2000);
    assert_int_equal(bcd(f.data + 12, 4), 800);
    for (int i = 0; i < 30; i++)
        pass(HOUR_MS / 4);
    assert_true(m.closed);
    assert_in_range(m.volume_ml, 5'000'000, 5'300'000); /* 20 yuan, and what one look let through */
}

static void test_orders_of_bytes(void **state)
{
    (void)state;
    struct vendor_setup s = {.kind = VENDOR_HEAT,
                             .address = {1, 0, 0, 0, 0, 0x11, 0x11},
                             .swapped = true,
                             .unit_first = true};
    struct cjt188_frame f;
    begin(&s);
    m.flow_lph = 500;
    m.power_w = 12'340;
    m.supply_cC = 5512;
    m.return_cC = 4001;
    pass(2 * HOUR_MS);
    assert_false(ask(0x01, 0x90, 0x1F, NULL, 0)); /* type 10 is another meter */
    uint8_t wire[] = {0x68, 0x20, 1, 0, 0, 0, 0, 0x11, 0x11, 0x01, 0x03, 0x90, 0x1F, 0x07, 0, 0x16};
    for (unsigned i = 0; i < 14; i++)
        wire[14] = (uint8_t)(wire[14] + wire[i]);
    assert_true(hear_bytes(wire, sizeof wire));
    frame_of(&f);
    assert_int_equal(f.control, 0x81);
    assert_int_equal(f.len, 46);
    assert_int_equal(f.data[2], 7);
    assert_int_equal(f.data[8], 0x05);          /* kWh, before the number */
    assert_int_equal(bcd(f.data + 9, 4), 2468); /* 24.68 kWh */
    assert_int_equal(f.data[13], 0x17);
    assert_int_equal(bcd(f.data + 14, 4), 1234);  /* 12.34 kW */
    assert_int_equal(bcd(f.data + 19, 4), 5'000); /* 0.5000 m3/h */
    assert_int_equal(bcd(f.data + 24, 4), 100);   /* 1.00 m3 */
    assert_int_equal(bcd(f.data + 28, 3), 5512);
    assert_int_equal(bcd(f.data + 31, 3), 4001);
    assert_int_equal(bcd(f.data + 34, 3), 2);
}

static void test_months(void **state)
{
    (void)state;
    struct vendor_setup s = water_setup();
    struct cjt188_frame f;
    begin(&s);
    m.flow_lph = 100;
    pass(24 * HOUR_MS * 31);
    pass(24 * HOUR_MS * 28);
    assert_true(ask(0x01, 0x20, 0xD1, NULL, 0));
    frame_of(&f);
    assert_int_equal(bcd(f.data + 3, 4), 100 * 24 * 59 / 10);
    assert_true(ask(0x01, 0x21, 0xD1, NULL, 0));
    frame_of(&f);
    assert_int_equal(bcd(f.data + 3, 4), 100 * 24 * 31 / 10);
}

/* --- M-Bus ----------------------------------------------------------------------------------- */

static void telegram(struct mbus_frame *f)
{
    size_t used;
    assert_true(out_len > 0);
    assert_ok(mbus_decode(out, out_len, f, &used));
    assert_int_equal(used, out_len);
}

static bool has(const struct mbus_frame *f, uint8_t vif, int64_t want)
{
    struct mbus_head head;
    struct bytes records;
    struct mbus_record r;
    enum err e = ERR_OK;
    assert_ok(mbus_head(f, &head, &records));
    assert_int_equal(head.medium, 4);
    struct reader in = reader_of(records.data, records.len);
    while (mbus_next(&in, &r, &e)) {
        if (r.special || r.vif.data[0] != vif)
            continue;
        int64_t v = 0;
        for (size_t i = r.value.len; i-- > 0;)
            v = v << 8 | r.value.data[i];
        return v == want;
    }
    return false;
}

static void test_mbus(void **state)
{
    (void)state;
    struct vendor_setup s = {
        .kind = VENDOR_MBUS_HEAT, .unit = 8, .address = {0x67, 0x76, 0x12, 0x11}};
    struct mbus_frame f;
    begin(&s);
    m.flow_lph = 300;
    m.power_w = 7'000;
    pass(10 * HOUR_MS);
    assert_true(hear("10 40 08 48 16"));
    assert_int_equal(out[0], 0xE5);
    assert_true(hear("10 5B 08 63 16"));
    telegram(&f);
    assert_true(has(&f, 0x06, 70));
    assert_true(has(&f, 0x13, 3'000));
    assert_true(has(&f, 0x3B, 300));
    assert_int_equal(f.data[f.len - 1], 0x1F);
    assert_true(hear("10 5B 08 63 16")); /* the same again */
    telegram(&f);
    assert_true(has(&f, 0x06, 70));
    assert_true(hear("10 7B 08 83 16")); /* the next one */
    telegram(&f);
    assert_true(has(&f, 0x27, 0));
    assert_false(has(&f, 0x06, 70));
    assert_true(hear("10 5B 08 63 16"));
    telegram(&f);
    assert_true(has(&f, 0x06, 70));
    assert_false(hear("10 5B 09 64 16"));
    assert_false(hear("10 5B 08 64 16"));
}

/* A number is given by its record, also to the meter that is selected; 251 and more are none. */
static void test_mbus_is_given_a_number(void **state)
{
    (void)state;
    struct vendor_setup s = {
        .kind = VENDOR_MBUS_HEAT, .unit = 8, .address = {0x67, 0x76, 0x12, 0x11}};
    begin(&s);
    assert_true(hear("68 06 06 68 53 08 51 01 7A 09 30 16"));
    assert_int_equal(out[0], 0xE5);
    assert_false(hear("10 5B 08 63 16"));
    assert_true(hear("10 5B 09 64 16"));
    assert_false(hear("68 06 06 68 53 09 51 01 7A FB 23 16"));
    assert_true(hear("10 5B 09 64 16"));
    assert_true(hear("68 0B 0B 68 53 FD 52 67 76 12 11 FF FF FF FF 9E 16"));
    assert_true(hear("68 06 06 68 73 FD 51 01 7A 0A 46 16"));
    assert_true(hear("10 5B 0A 65 16"));
    assert_false(hear("68 06 06 68 53 0A 51 01 13 09 CB 16")); /* another record: not taken */
}

static void test_mbus_secondary(void **state)
{
    (void)state;
    struct vendor_setup s = {
        .kind = VENDOR_MBUS_HEAT, .unit = 0, .address = {0x67, 0x76, 0x12, 0x11}};
    static const char *const ids[] = {"11127667", "1112FFFF", "FFFFFFFF", "11127668", "2FFFFFFF"};
    begin(&s);
    for (unsigned i = 0; i < 5; i++) {
        struct mbus_frame f;
        uint8_t wire[32];
        struct writer w = writer_of(wire, sizeof wire);
        assert_ok(mbus_select(ids[i], 0xFFFF, 0xFF, 0xFF, &f));
        mbus_encode(&f, &w);
        assert_int_equal(hear_bytes(wire, w.len), i < 3);
        assert_int_equal(hear("10 5B FD 58 16"), i < 3);
    }
}

/* --- Modbus ---------------------------------------------------------------------------------- */

static void registers(struct modbus_frame *f)
{
    size_t used;
    assert_true(out_len > 0);
    assert_ok(modbus_decode_rtu(out, out_len, f, &used));
    assert_int_equal(used, out_len);
}

static void test_acrel_prepaid(void **state)
{
    (void)state;
    struct vendor_setup s = {.kind = VENDOR_ACREL_PREPAID, .unit = 1};
    struct modbus_frame f;
    begin(&s);
    m.power_w = 5'000;
    pass(200 * HOUR_MS);
    assert_true(hear("01 03 00 00 00 02 C4 0B"));
    registers(&f);
    assert_int_equal(f.value[0] << 16 | f.value[1], 100'000);
    assert_true(hear("01 10 00 57 00 02 04 00 01 00 01 27 75"));
    assert_true(m.relay_open);
    pass(HOUR_MS);
    assert_int_equal(m.energy_mwh, 1'000'000'000);
    assert_true(hear("01 10 00 57 00 02 04 00 01 00 00 E6 B5"));
    assert_false(m.relay_open);
    assert_true(hear("01 03 10 00 00 01 80 CA"));
    registers(&f);
    assert_int_equal(f.exception, 2);
    assert_false(hear("02 03 00 00 00 02 C4 38")); /* another unit */
    assert_false(hear("01 03 00 00 00 02 C4 0C"));
}

/* Unit 0 is everybody: obeyed without an answer, but it cannot be read. */
static void test_acrel_order_to_all(void **state)
{
    (void)state;
    struct vendor_setup s = {.kind = VENDOR_ACREL_PREPAID, .unit = 9};
    begin(&s);
    assert_false(hear("00 10 00 57 00 02 04 00 01 00 01 23 89"));
    assert_true(m.relay_open);
    assert_false(hear("00 10 00 57 00 02 04 00 01 00 02 63 88")); /* no such order */
    assert_true(m.relay_open);
    assert_false(hear("00 10 00 57 00 02 04 00 01 00 00 E2 49"));
    assert_false(m.relay_open);
    assert_false(hear("00 03 00 00 00 02 C5 DA"));
    assert_false(hear("00 05 00 00 FF 00 8D EB"));
}

/* Nothing with a good sum is met by silence. */
static void test_acrel_refusals(void **state)
{
    static const struct {
        const char *asked;
        uint8_t exception;
    } rows[] = {
        {"01 0F 00 00 00 02 01 03 9E 96", 1},                      /* write coils */
        {"01 16 00 57 00 01 00 01 13 CA", 1},                      /* mask */
        {"01 17 00 57 00 02 00 00 00 02 04 00 01 00 01 62 4B", 1}, /* read and write */
        {"01 11 C0 2C", 1},                                        /* who are you */
        {"01 2B 0E 01 00 70 77", 1},                               /* device */
        {"01 03 00 00 F1 D8", 3},                                  /* cut short */
        {"01 03 00 00 00 02 00 00 13 07", 3},                      /* too long */
        {"01 10 00 57 00 02 03 00 01 00 B2 D3", 3}, /* three bytes of two registers */
        {"01 10 00 57 00 00 00 19 24", 3},          /* none */
    };
    (void)state;
    struct vendor_setup s = {.kind = VENDOR_ACREL_PREPAID, .unit = 1};
    begin(&s);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(hear(rows[i].asked));
        assert_int_equal(out[2], rows[i].exception);
    }
    assert_false(m.relay_open);
}

static void test_acrel_transformers(void **state)
{
    (void)state;
    struct vendor_setup s = {.kind = VENDOR_ACREL_DTSD, .unit = 1, .ct = 40};
    struct modbus_frame f;
    begin(&s);
    m.power_w = 66'000;
    pass(10 * HOUR_MS);
    assert_true(hear("01 03 00 0A 00 02 E4 09"));
    registers(&f);
    assert_int_equal(f.value[0] << 16 | f.value[1], 1650); /* 660 kWh / 40 */
    assert_true(hear("01 03 01 6A 00 02 E5 EB"));
    registers(&f);
    assert_int_equal(f.value[0] << 16 | f.value[1], 1650); /* 66 kW / 40 */
    assert_true(hear("01 03 00 64 00 03 44 14"));
    registers(&f);
    assert_int_equal(f.value[0], 250); /* 100 A / 40 */
}

static void test_names_and_silence(void **state)
{
    (void)state;
    assert_int_equal(vendor_kind_of("cold_water"), VENDOR_COLD_WATER);
    assert_int_equal(vendor_kind_of("acrel_adw"), VENDOR_ACREL_ADW);
    assert_int_equal(vendor_kind_of("steam"), VENDOR_KINDS);
    struct vendor_setup s = {.kind = VENDOR_ACREL_PREPAID, .unit = 1};
    begin(&s);
    m.dead = true;
    assert_false(hear("01 03 00 00 00 02 C4 0B"));
    m.dead = false;
    m.powered = false;
    m.power_w = 1000;
    pass(HOUR_MS);
    assert_false(hear("01 03 00 00 00 02 C4 0B"));
    assert_int_equal(m.energy_mwh, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_water_flows_and_is_read),
        cmocka_unit_test(test_valve),
        cmocka_unit_test(test_exercise_goes_there_and_back),
        cmocka_unit_test(test_stuck_valve_and_status_bits),
        cmocka_unit_test(test_water_wallet),
        cmocka_unit_test(test_orders_of_bytes),
        cmocka_unit_test(test_months),
        cmocka_unit_test(test_mbus),
        cmocka_unit_test(test_mbus_is_given_a_number),
        cmocka_unit_test(test_mbus_secondary),
        cmocka_unit_test(test_acrel_prepaid),
        cmocka_unit_test(test_acrel_refusals),
        cmocka_unit_test(test_acrel_order_to_all),
        cmocka_unit_test(test_acrel_transformers),
        cmocka_unit_test(test_names_and_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
