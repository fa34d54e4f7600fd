#include "tests/unit/check.h"

#include "proto/dlt645_ask.h"
#include "tests/unit/proto/tests.h"

static const uint8_t address[6] = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26};
static const struct dlt645_rights rights = {.level = 0x02};

static void assert_frame(const struct dlt645_frame *f, const char *hex)
{
    uint8_t out[DLT645_FRAME_MAX];
    char text[2 * DLT645_FRAME_MAX + 1];
    struct writer w = writer_of(out, sizeof out);
    dlt645_encode(f, 0, &w);
    assert_ok(w.err);
    hex_encode(out, w.len, text);
    assert_string_equal(text, hex);
}

/* Expected frames are those of tests/vectors/dlt645.txt, which say what they mean. */
static void test_reading(void **state)
{
    (void)state;
    struct dlt645_frame f;
    dlt645_ask_read(&f, address, 0x00900200);
    assert_frame(&f, "681200510503266811043335C333D416");
    dlt645_ask_more(&f, address, 0x0001FF01, 1);
    assert_frame(&f, "68120051050326681205343234333479"
                     "16");
    dlt645_ask_read_blocks(&f, address, 0x06010000, 1, NULL);
    assert_frame(&f, "6812005105032668110533333439347E16");
    struct dlt645_time from = {{0, 0, 0, 0x25, 0x11, 0x26}};
    dlt645_ask_read_blocks(&f, address, 0x06010000, 2, &from);
    assert_frame(&f, "6812005105032668110A33333439353333584459DF16");
    dlt645_ask_address(&f);
    assert_frame(&f, "68AAAAAAAAAAAA681300DF16");
}

static void test_time(void **state)
{
    (void)state;
    struct dlt645_frame f;
    wall_s t = civil_to_wall((struct civil){2026, 11, 22, 8, 15, 30, 0}, 8 * 3600);
    struct dlt645_time now = dlt645_time_of(t, 8 * 3600);
    dlt645_ask_time(&f, &now, false);
    assert_frame(&f, "6899999999999968080663483B5544594C16");
    dlt645_ask_time(&f, &now, true);
    assert_frame(&f, "689999999999996808063015082211261A16");
    wall_s back;
    assert_ok(dlt645_time_to_wall(now.bcd, 8 * 3600, &back));
    assert_int_equal(back.s, t.s);
    assert_err(ERR_BCD, dlt645_time_to_wall((uint8_t[]){0x3A, 0, 0, 1, 1, 1}, 0, &back));
    assert_err(ERR_RANGE, dlt645_time_to_wall((uint8_t[]){0, 0, 0, 0x31, 0x02, 0x26}, 0, &back));
}

static void test_orders(void **state)
{
    (void)state;
    struct dlt645_frame f;
    struct dlt645_time until = {{0x59, 0x59, 0x23, 0x31, 0x12, 0x26}}, never = dlt645_time_never();
    dlt645_ask_control(&f, address, &rights, (uint8_t[]){DLT645_TRIP, 0}, &until);
    assert_frame(&f, "68120051050326681C1035333333333333334D338C8C566445591716");
    dlt645_ask_control(&f, address, &rights, (uint8_t[]){DLT645_KEEP_ON, 0}, &never);
    assert_frame(&f, "68120051050326681C1035333333333333336D33CCCCCCCCCCCC8F16");
    dlt645_ask_output(&f, address, &rights, 2);
    assert_frame(&f, "68120051050326681D093533333333333333355616");
    dlt645_ask_clear(&f, address, DLT645_CLEAR_EVENTS, &rights, 0xFFFFFFFF);
    assert_frame(&f, "68120051050326681B0C353333333333333332323232EA16");
    dlt645_ask_clear(&f, address, DLT645_CLEAR_DEMAND, &rights, 0);
    assert_frame(&f, "6812005105032668190835333333333333331C16");
}

static void test_settings(void **state)
{
    (void)state;
    struct dlt645_frame f;
    assert_ok(dlt645_ask_rate(&f, address, 2400));
    assert_frame(&f, "681200510503266817013BB416");
    assert_err(ERR_RANGE, dlt645_ask_rate(&f, address, 115200));
    assert_err(ERR_RANGE, dlt645_ask_rate(&f, address, 0));
    dlt645_ask_freeze(&f, address, (uint8_t[]){0x99, 0x99, 0x99, 0x99});
    assert_frame(&f, "68120051050326681604CCCCCCCCAB16");
    dlt645_ask_password(&f, address, 2, (uint8_t[]){2, 0, 0, 0}, (uint8_t[]){2, 0x56, 0x34, 0x12});
    assert_frame(&f, "68120051050326"
                     "68180C363F333735333333358967459C16");
    dlt645_ask_write_address(&f, address);
    assert_frame(&f, "68AAAAAAAAAAAA681506453384383659AA16");
    uint8_t customer[] = {0x56, 0x34, 0x12, 0, 0, 0};
    assert_ok(dlt645_ask_write(&f, address, 0x0400040E, &rights, (struct bytes){customer, 6}));
    assert_int_equal(f.len, 18);
    assert_err(ERR_RANGE, dlt645_ask_write(&f, address, 1, &rights, (struct bytes){customer, 250}));
}

static void test_credit(void **state)
{
    (void)state;
    struct dlt645_frame f;
    struct dlt645_credit c = {12345, 8, {0x56, 0x34, 0x12, 0, 0, 0}};
    assert_ok(dlt645_ask_credit(&f, address, DLT645_RECHARGE, &c, NULL));
    assert_frame(&f, "6812005105032668031E3235343A333333336C6333333B333333333333338967453333333333"
                     "33339216");
    assert_err(ERR_RANGE, dlt645_ask_credit(&f, address, DLT645_WALLET_INIT, &c, NULL));
    assert_ok(dlt645_ask_wallet_init(&f, address, 1000, NULL));
    assert_frame(&f, "6812005105032668031"
                     "83236343A333333331B3633333333333333333333333333333916");
    dlt645_ask_status(&f, address);
    assert_frame(&f, "681200510503266803083235B43A333333338D16");
    uint8_t order[8] = {0x38, 0x41, 0x12, 0x02, 0x62, 0x82, 0x40, 0x12};
    assert_ok(dlt645_ask_credit_order(&f, address, DLT645_REFUND, 5000, order));
    assert_frame(&f,
                 "68120051050326680322323B343A33333333BB4633336B74453595B5734533333333453384383659"
                 "333333334A16");
    assert_err(ERR_RANGE, dlt645_ask_credit_order(&f, address, DLT645_OPEN_ACCOUNT, 1, order));
}

/* The signed forms differ from the plain ones in signature and cipher only, and with the key. */
static void test_signed_forms(void **state)
{
    (void)state;
    static const uint8_t key_a[16] = {1}, key_b[16] = {2};
    struct dlt645_signer a = {&crypto_soft, key_a, {1, 2, 3, 4}},
                         b = {&crypto_soft, key_b, {1, 2, 3, 4}};
    struct dlt645_credit c = {12345, 8, {0x56, 0x34, 0x12, 0, 0, 0}};
    struct dlt645_frame plain, one, two;
    assert_ok(dlt645_ask_credit(&plain, address, DLT645_RECHARGE, &c, NULL));
    assert_ok(dlt645_ask_credit(&one, address, DLT645_RECHARGE, &c, &a));
    assert_ok(dlt645_ask_credit(&two, address, DLT645_RECHARGE, &c, &b));
    assert_int_equal(one.len, plain.len);
    assert_memory_equal(one.data, plain.data, 16);
    assert_memory_not_equal(one.data + 16, plain.data + 16, 4);
    assert_memory_not_equal(one.data + 16, two.data + 16, 4);
    struct dlt645_time never = dlt645_time_never();
    assert_ok(dlt645_ask_control_sealed(&one, address, &a, (uint8_t[]){DLT645_TRIP, 0}, &never));
    assert_int_equal(one.len, 28);
    assert_int_equal(one.data[0], 0x98);
    assert_ok(dlt645_ask_authenticate(&one, address, &a, (uint8_t[8]){5}));
    assert_int_equal(one.len, 32);
    assert_memory_equal(one.data + 24, "\x00\x00\x26\x03\x05\x51\x00\x12", 8);
}

static void test_answers(void **state)
{
    (void)state;
    struct dlt645_frame request, f;
    uint8_t data[] = {0x00, 0x02, 0x90, 0x00, 0x50, 0x34, 0x12, 0x00};
    dlt645_ask_read(&request, address, 0x00900200);
    assert_ok(dlt645_answer(&f, &request, address, (struct bytes){data, 8}));
    assert_frame(&f, "681200510503266891083335C33383674533BA16");
    assert_err(ERR_RANGE, dlt645_answer(&f, &request, address, (struct bytes){data, 256}));
    dlt645_refuse(&f, &request, address, DLT645_ERR_NO_DATA, false);
    assert_frame(&f, "6812005105032668D101356816");
    dlt645_ask_status(&request, address);
    dlt645_refuse(&f, &request, address, DLT645_SERR_COUNT, true);
    assert_frame(&f, "6812005105032668C3025333AC16");
}

static void test_addressed(void **state)
{
    (void)state;
    uint8_t wanted[6];
    const char *yes[] = {"260305510012", "AAAAAAAAAAAA", "AAAAAAAA0012", "999999999999"};
    const char *no[] = {"260305510013", "AAAAAAAA0013", "260305510000"};
    for (size_t i = 0; i < 4; i++) {
        assert_ok(dlt645_address_parse(yes[i], wanted));
        assert_true(dlt645_addressed(wanted, address));
    }
    for (size_t i = 0; i < 3; i++) {
        assert_ok(dlt645_address_parse(no[i], wanted));
        assert_false(dlt645_addressed(wanted, address));
    }
}

int run_dlt645_ask_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading), cmocka_unit_test(test_time),
        cmocka_unit_test(test_orders),  cmocka_unit_test(test_settings),
        cmocka_unit_test(test_credit),  cmocka_unit_test(test_signed_forms),
        cmocka_unit_test(test_answers), cmocka_unit_test(test_addressed),
    };
    return cmocka_run_group_tests_name("dlt645_ask", tests, NULL, NULL);
}
