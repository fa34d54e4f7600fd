/* The wallet: purchase count, limits and their equality cases, records, exact consumption. */
#include "tests/unit/terminal/rig.h"

#include "proto/crypto.h"
#include "proto/dlt645_ask.h"

#define OPEN 0x070101FF
#define RECHARGE 0x070102FF

enum { OTHER = 1, REPEAT = 2, ESAM = 4, AUTH = 8, WHO = 0x10, COUNT = 0x20, HOARD = 0x40 };

static struct rig g;

static void opened(int64_t fen)
{
    struct terminal_setup s = rig_setup();
    rig_new(&g, &s);
    assert_int_equal(rig_money(&g, OPEN, (uint32_t)fen, 1, CUSTOMER), 0);
}

static void test_opening(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    rig_new(&g, &s);
    assert_false(rig_closed(&g, 1)); /* an empty wallet supplies nobody */
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_OVERDRAFT);
    assert_int_equal(rig_read_bcd(&g, 0x03330201, 2), 0);
    assert_int_equal(rig_money(&g, RECHARGE, 1000, 1, CUSTOMER), OTHER); /* not opened */
    assert_int_equal(rig_money(&g, OPEN, 1000, 2, CUSTOMER), COUNT);
    assert_int_equal(rig_money(&g, OPEN, 1000, 1, CUSTOMER), 0);
    assert_int_equal(rig_money(&g, OPEN, 1000, 1, CUSTOMER), REPEAT);
    assert_int_equal(rig_money(&g, OPEN, 1000, 1, "000000000001"), WHO);
    assert_int_equal(rig_money(&g, RECHARGE, 1000, 1, CUSTOMER), REPEAT);
    assert_int_equal(g.t.books.balance_fen, 1000);
    assert_true(rig_closed(&g, 1) && rig_closed(&g, 2) && rig_closed(&g, 3));
    rig_check_conserved(&g, 1000);
}

static void test_opening_without_money(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    rig_new(&g, &s);
    assert_int_equal(rig_money(&g, OPEN, 0, 1, CUSTOMER), OTHER);
    assert_int_equal(rig_money(&g, OPEN, 500, 0, CUSTOMER), COUNT);
    assert_int_equal(rig_money(&g, OPEN, 0, 0, CUSTOMER), 0);
    assert_int_equal(rig_money(&g, OPEN, 0, 0, CUSTOMER), REPEAT);
    assert_true(g.t.books.opened);
    assert_int_equal(rig_money(&g, OPEN, 700, 1, CUSTOMER), 0); /* the first purchase of it */
    assert_int_equal(g.t.books.count, 1);
    assert_int_equal(g.t.books.balance_fen, 700);
}

static void test_count_rule(void **state)
{
    (void)state;
    opened(1000);
    assert_int_equal(rig_money(&g, RECHARGE, 500, 3, CUSTOMER), COUNT);
    assert_int_equal(rig_money(&g, RECHARGE, 500, 0, CUSTOMER), COUNT);
    assert_int_equal(rig_money(&g, RECHARGE, 500, 2, CUSTOMER), 0);
    /* The answer of the ESAM-less form: remaining money, count, customer number. */
    static const uint8_t want[18] = {0xFF, 0x02, 0x01, 0x07, 0xDC, 0x05, 0, 0, 2,
                                     0,    0,    0,    0x56, 0x34, 0x12, 0, 0, 0};
    assert_int_equal(g.answer.len, sizeof want);
    assert_memory_equal(g.answer.data, want, sizeof want);
    assert_int_equal(rig_money(&g, RECHARGE, 500, 2, CUSTOMER), REPEAT);
    assert_int_equal(rig_money(&g, RECHARGE, 9999, 2, CUSTOMER), REPEAT); /* whatever the amount */
    assert_int_equal(rig_money(&g, RECHARGE, 500, 1, CUSTOMER), COUNT);
    assert_int_equal(g.t.books.balance_fen, 1500);
    assert_int_equal(g.t.books.purchased_fen, 1500);
    assert_int_equal(rig_money(&g, OPEN, 500, 3, CUSTOMER), COUNT); /* opening is over */
}

/* Several things wrong at once: the earlier check answers. */
static void test_order_of_checks(void **state)
{
    (void)state;
    opened(1000);
    assert_int_equal(rig_write_bcd(&g, 0x04001004, 2000, 4), 0);
    assert_int_equal(rig_money(&g, RECHARGE, 999'999, 7, "000000000001"), WHO);
    assert_int_equal(rig_money(&g, RECHARGE, 999'999, 7, CUSTOMER), COUNT);
    assert_int_equal(rig_money(&g, RECHARGE, 999'999, 1, CUSTOMER), REPEAT);
    assert_int_equal(rig_money(&g, RECHARGE, 999'999, 2, CUSTOMER), HOARD);
    assert_int_equal(rig_write_bcd(&g, 0x04800304, 1, 1), 0); /* authentication needed */
    assert_int_equal(rig_money(&g, RECHARGE, 999'999, 7, "000000000001"), AUTH);
    assert_int_equal(rig_init_wallet(&g, 0, 5), AUTH);
    assert_int_equal(g.t.books.balance_fen, 1000);
    assert_int_equal(g.t.books.count, 1);
}

static void test_hoard_limit_equality(void **state)
{
    (void)state;
    opened(1000);
    assert_int_equal(rig_write_bcd(&g, 0x04001004, 2000, 4), 0);
    assert_int_equal(rig_money(&g, RECHARGE, 1001, 2, CUSTOMER), HOARD);
    assert_int_equal(g.t.books.count, 1);
    assert_int_equal(rig_money(&g, RECHARGE, 1000, 2, CUSTOMER), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04001004, 0, 4), 0); /* no limit but the register */
    assert_int_equal(rig_money(&g, RECHARGE, 99'998'000, 3, CUSTOMER), HOARD);
    assert_int_equal(rig_money(&g, RECHARGE, 99'997'999, 3, CUSTOMER), 0);
    assert_int_equal(rig_read_bcd(&g, 0x00900200, 4), 99'999'999);
}

static void test_purchase_records(void **state)
{
    (void)state;
    opened(100);
    for (uint32_t n = 2; n <= 12; n++)
        assert_int_equal(rig_money(&g, RECHARGE, 100 * n, n, CUSTOMER), 0);
    assert_int_equal(rig_read_bcd(&g, 0x03330201, 2), 12);
    assert_int_equal(rig_read_bcd(&g, 0x03330301, 4), 1200);
    assert_int_equal(rig_read_bcd(&g, 0x03330401, 4), 6600);
    assert_int_equal(rig_read_bcd(&g, 0x03330501, 4), 7800);
    assert_int_equal(rig_read_bcd(&g, 0x03330601, 4), 7800);
    assert_int_equal(rig_read_bcd(&g, 0x0333020A, 2), 3); /* the tenth last */
    assert_int_equal(rig_read_bcd(&g, 0x0333030A, 4), 300);
    assert_int_equal(rig_read_bcd(&g, 0x03330101, 5), 2601010800); /* 2026-01-01 08:00 */
    assert_false(rig_read(&g, 0x0333020B));
    assert_false(rig_read(&g, 0x03330200));
}

static void test_status_query(void **state)
{
    (void)state;
    opened(12'345);
    static const uint8_t ask[8] = {0xFF, 0x02, 0x81, 0x07};
    assert_true(rig_send(&g, DLT645_SECURITY, ask, 8));
    static const uint8_t want[30] = {0xFF, 0x02, 0x81, 0x07, 0x39, 0x30, 0, 0, 0, 0,
                                     0,    0,    1,    0,    0,    0,    0, 0, 0, 0,
                                     0x56, 0x34, 0x12, 0,    0,    0,    0, 0, 0, 0};
    assert_int_equal(g.answer.control, 0x83);
    assert_int_equal(g.answer.len, sizeof want);
    assert_memory_equal(g.answer.data, want, sizeof want);
}

static void test_wrong_lengths(void **state)
{
    (void)state;
    opened(1000);
    static const uint32_t dis[] = {0x070000FF, OPEN, RECHARGE, 0x070103FF, 0x078102FF};
    uint8_t buf[40] = {0};
    for (size_t d = 0; d < 5; d++)
        for (size_t len = 0; len <= 40; len++) {
            struct writer w = writer_of(buf, sizeof buf);
            writer_u32le(&w, dis[d]);
            static const uint8_t right[] = {32, 30, 30, 24, 8};
            if (len == right[d])
                continue;
            assert_true(rig_send(&g, DLT645_SECURITY, buf, len));
            assert_int_equal(g.answer.control, 0xC3);
            assert_int_equal(g.answer.data[0], OTHER);
        }
    assert_int_equal(g.t.books.balance_fen, 1000);
    assert_int_equal(g.t.books.count, 1);
}

static void test_consumption_is_exact(void **state)
{
    (void)state;
    opened(10'000);
    for (int i = 0; i < 7000; i++)
        rig_use(&g, 1 + (unsigned)i % 3, 333);
    /* 2,331 Wh at 0.5 yuan = 116.55 fen: 116 are gone, the rest is carried */
    assert_int_equal(g.t.books.balance_fen, 10'000 - 116);
    rig_check_conserved(&g, 10'000);
    assert_int_equal(rig_read_bcd(&g, 0x00010000, 4), 233);
}

static void test_rates(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.preset_fen = 100'000;
    s.price_e4[0] = 12'000;
    s.price_e4[1] = 8000;
    s.price_e4[2] = 5000;
    s.price_e4[3] = 2500;
    s.period_count = 4;
    s.periods[0] = (struct terminal_period){7, 0, 3};
    s.periods[1] = (struct terminal_period){9, 0, 2};
    s.periods[2] = (struct terminal_period){19, 30, 1};
    s.periods[3] = (struct terminal_period){23, 0, 4};
    rig_new(&g, &s); /* it is 08:00 */
    assert_int_equal(terminal_rate_now(&g.t), 3);
    rig_use(&g, 1, 1'000'000);
    rig_pass(&g, 3599);
    assert_int_equal(terminal_rate_now(&g.t), 3);
    rig_pass(&g, 1);
    assert_int_equal(terminal_rate_now(&g.t), 2);
    rig_use(&g, 2, 2'000'000);
    rig_pass(&g, 37'800); /* 19:30 */
    rig_use(&g, 3, 3'000'000);
    rig_pass(&g, 5 * 3600); /* 00:30: the last period of yesterday goes on */
    assert_int_equal(terminal_rate_now(&g.t), 4);
    rig_use(&g, 1, 4'000'000);
    assert_int_equal(g.t.books.balance_fen, 100'000 - 50 - 160 - 360 - 100);
    assert_true(rig_read(&g, 0x0001FF00));
    static const uint16_t want[5] = {1000, 300, 200, 100, 400};
    struct reader r = reader_of(g.answer.data + 4, 20);
    for (int i = 0; i < 5; i++)
        assert_int_equal(reader_bcd_le(&r, 4), want[i]);
    assert_ok(r.err);
    assert_int_equal(rig_read_bcd(&g, 0x00010400, 4), 400);
    assert_false(rig_read(&g, 0x00010500));
    rig_check_conserved(&g, 100'000);
}

/* Alarm limits hold at remaining <= limit. */
static void test_alarm_equality(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.preset_fen = 2002;
    s.alarm1_fen = 2000;
    s.alarm2_fen = 1000;
    s.overdraft_fen = 500;
    rig_new(&g, &s);
    struct step {
        uint64_t fen;
        int64_t balance;
        uint8_t alarm;
        bool closed;
    };
    static const struct step steps[] = {
        {1, 2001, 0, true}, {1, 2000, 1, true}, {999, 1001, 1, true}, {1, 1000, 2, true},
        {1000, 0, 2, true}, {1, -1, 3, true},   {498, -499, 3, true}, {1, -500, 3, false},
    };
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        rig_use(&g, 1, steps[i].fen * 20'000); /* 20 Wh cost one fen */
        struct terminal_output out = terminal_output(&g.t);
        assert_int_equal(g.t.books.balance_fen, steps[i].balance);
        assert_int_equal(out.alarm, steps[i].alarm);
        assert_int_equal(out.closed[0], steps[i].closed);
        assert_int_equal(out.backlight, steps[i].alarm > 0);
    }
    assert_int_equal(rig_read_bcd(&g, 0x00900200, 4), 0);
    assert_int_equal(rig_read_bcd(&g, 0x00900201, 4), 500);
    rig_check_conserved(&g, 2002);
}

/* Only a payment closes after the overdraft limit, and only one that pays all of it. */
static void test_overdraft_needs_payment(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.overdraft_fen = 500;
    s.preset_fen = 100;
    s.close_allowed_fen = 200;
    rig_new(&g, &s);
    assert_int_equal(rig_money(&g, OPEN, 0, 0, CUSTOMER), 0);
    rig_use(&g, 2, 600 * 20'000);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_OVERDRAFT);
    terminal_key(&g.t);
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x1C, 0, NULL), 0); /* an order does not pay */
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_write_bcd(&g, 0x04001003, 900, 4), 0); /* a later limit does not pay */
    rig_pass(&g, 60);
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_money(&g, OPEN, 300, 1, CUSTOMER), 0); /* -200: still in debt */
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_money(&g, RECHARGE, 200, 2, CUSTOMER), 0); /* 0 is not above 0 */
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_money(&g, RECHARGE, 199, 3, CUSTOMER), 0); /* below close-allowed */
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_money(&g, RECHARGE, 1, 4, CUSTOMER), 0);
    assert_true(rig_closed(&g, 1));
    rig_check_conserved(&g, 800);
}

static void test_initialise(void **state)
{
    (void)state;
    opened(1000);
    assert_int_equal(rig_money(&g, RECHARGE, 500, 2, CUSTOMER), 0);
    assert_int_equal(rig_init_wallet(&g, 300, 1), COUNT);
    assert_int_equal(g.t.books.count, 2);
    assert_int_equal(rig_write_bcd(&g, 0x04001004, 200, 4), 0); /* the hoard limit does not count */
    assert_int_equal(rig_init_wallet(&g, 300, 0), 0);
    assert_int_equal(g.t.books.count, 0);
    assert_int_equal(g.t.books.balance_fen, 300);
    assert_int_equal(rig_read_bcd(&g, 0x03330601, 4), 0);
    assert_true(rig_read(&g, 0x04000503));
    assert_int_equal(g.answer.data[5] >> 7, 1); /* not opened any more */
    assert_int_equal(rig_money(&g, RECHARGE, 100, 3, CUSTOMER), OTHER);
    assert_int_equal(rig_init_wallet(&g, 100'000'000, 0), OTHER);
}

static void test_no_wallet(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.wallet = false;
    rig_new(&g, &s);
    rig_use(&g, 1, 500'000'000);
    assert_true(rig_closed(&g, 1)); /* measures and obeys, no credit of its own */
    assert_int_equal(terminal_output(&g.t).alarm, 0);
    assert_int_equal(rig_money(&g, OPEN, 1000, 1, CUSTOMER), OTHER);
    assert_int_equal(rig_init_wallet(&g, 1000, 0), OTHER);
    assert_false(rig_read(&g, 0x00900200));
    assert_false(rig_read(&g, 0x03330201));
    assert_int_equal(rig_write_bcd(&g, 0x04001003, 900, 4), 2);
    assert_true(rig_read(&g, 0x04000503));
    assert_int_equal(g.answer.data[5] & 3, 0); /* type: not prepaid */
    assert_int_equal(rig_order(&g, 0x1A, 2, NULL), 0);
    assert_false(rig_closed(&g, 2));
    assert_true(rig_closed(&g, 1));
}

/* With authentication: made by the master's own functions and the software provider. */
static uint8_t root_key[16];
static struct dlt645_signer signer = {.provider = &crypto_soft, .key = root_key};

static int send_frame(const struct dlt645_frame *f)
{
    assert_true(rig_send(&g, f->control, f->data, f->len));
    return g.answer.control == 0x83 ? 0 : g.answer.data[0] | g.answer.data[1] << 8;
}

static int authenticate(uint8_t spoil)
{
    static const uint8_t random1[8] = {7, 9};
    struct dlt645_frame f;
    assert_ok(dlt645_ask_authenticate(&f, g.setup.address, &signer, random1));
    f.data[8] ^= spoil;
    int serr = send_frame(&f);
    if (serr == 0)
        memcpy(signer.random2, g.answer.data + 4, 4);
    return serr;
}

/* spoil: which byte of the data is changed; 0 none. */
static int signed_recharge(uint32_t count, size_t spoil)
{
    struct dlt645_frame f;
    struct dlt645_credit credit = {
        .amount_fen = 100, .count = count, .customer = {0x56, 0x34, 0x12}};
    assert_ok(dlt645_ask_credit(&f, g.setup.address, RECHARGE, &credit, &signer));
    if (spoil > 0)
        f.data[spoil] ^= 1;
    return send_frame(&f);
}

static void test_authentication(void **state)
{
    (void)state;
    opened(1000);
    assert_int_equal(rig_write_bcd(&g, 0x04800304, 1, 1), 0);
    assert_int_equal(authenticate(1), AUTH);
    assert_int_equal(signed_recharge(2, 0), AUTH);
    assert_int_equal(authenticate(0), 0);
    assert_int_equal(g.answer.len, 4 + 12);
    assert_int_equal(rig_money(&g, RECHARGE, 100, 2, CUSTOMER), ESAM); /* not signed */
    assert_int_equal(signed_recharge(2, 26), ESAM);                    /* MAC2 */
    assert_int_equal(signed_recharge(2, 16), ESAM);                    /* MAC1 */
    assert_int_equal(signed_recharge(2, 9), ESAM);                     /* another amount */
    assert_int_equal(signed_recharge(3, 26), ESAM);  /* MAC2 is looked at before the count, */
    assert_int_equal(signed_recharge(3, 16), COUNT); /* MAC1 after it */
    assert_int_equal(g.t.books.balance_fen, 1000);
    assert_int_equal(signed_recharge(2, 0), 0);
    rig_pass(&g, 299);
    assert_int_equal(signed_recharge(3, 0), 0);
    rig_pass(&g, 1);
    assert_int_equal(signed_recharge(4, 0), AUTH); /* after five minutes */
    for (int i = 0; i < 200; i++)
        assert_int_equal(authenticate(1), AUTH);
    assert_int_equal(authenticate(0), 0x100); /* suspended until midnight */
    rig_pass(&g, 16 * 3600);
    assert_int_equal(authenticate(0), 0);
    uint8_t before[4];
    memcpy(before, signer.random2, 4);
    rig_boot(&g);
    assert_int_equal(authenticate(0), 0);
    assert_memory_not_equal(before, signer.random2, 4);
    struct dlt645_frame f;
    assert_ok(dlt645_ask_wallet_init(&f, g.setup.address, 300, &signer));
    f.data[20] ^= 1;
    assert_int_equal(send_frame(&f), ESAM);
    f.data[20] ^= 1;
    assert_int_equal(send_frame(&f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_opening_without_money),
        cmocka_unit_test(test_count_rule),
        cmocka_unit_test(test_order_of_checks),
        cmocka_unit_test(test_hoard_limit_equality),
        cmocka_unit_test(test_purchase_records),
        cmocka_unit_test(test_status_query),
        cmocka_unit_test(test_wrong_lengths),
        cmocka_unit_test(test_consumption_is_exact),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_alarm_equality),
        cmocka_unit_test(test_overdraft_needs_payment),
        cmocka_unit_test(test_initialise),
        cmocka_unit_test(test_no_wallet),
        cmocka_unit_test(test_authentication),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
