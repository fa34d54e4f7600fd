/* What the comparison with the model (tests/oracle/terminal) has found: it stays found. */
#include "tests/unit/terminal/rig.h"

static struct rig g;

#define OPEN 0x070101FF
#define RECHARGE 0x070102FF

static void fresh(int64_t fen)
{
    struct terminal_setup s = rig_setup();
    s.preset_fen = fen;
    rig_new(&g, &s);
}

/* Flags, limits in W and mA, delay, recloses a day, waiting time. */
struct limits {
    uint16_t power_w, current_ma;
    uint8_t delay_s, recloses;
    uint16_t wait_s;
};

static void set_limits(uint8_t circuit, const struct limits *l)
{
    uint8_t data[18] = {0, (uint8_t)l->power_w, (uint8_t)(l->power_w >> 8)};
    data[3] = (uint8_t)l->current_ma;
    data[4] = (uint8_t)(l->current_ma >> 8);
    data[9] = l->delay_s;
    data[10] = l->recloses;
    data[11] = (uint8_t)l->wait_s;
    data[12] = (uint8_t)(l->wait_s >> 8);
    data[13] = 150;
    data[15] = 5;
    data[17] = 5;
    assert_int_equal(rig_write(&g, 0x04802400U + circuit, data, sizeof data), 0);
}

static void flow(uint32_t ma, unsigned samples)
{
    struct terminal_sample s = {.voltage_dv = {2200},
                                .current_ma = {ma},
                                .power_mw = {(int32_t)ma * 220},
                                .frequency_chz = 5000};
    for (unsigned i = 0; i < samples; i++)
        rig_measure(&g, &s, 1000);
}

/* A trip that keep-power hides must not hide that the wiring is in danger. */
static void test_protection_under_keep_power(void **state)
{
    (void)state;
    fresh(1000);
    set_limits(1, &(struct limits){.power_w = 1000, .recloses = 1, .wait_s = 600});
    flow(5000, 1);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    assert_true(rig_closed(&g, 1));
    flow(20'000, 1);
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_PROTECTION);
}

/* Only the key, a payment or its time ends the trip at alarm limit 2; least of all an order to
 * close another circuit. */
static void test_close_does_not_lift_pretrip(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_write_bcd(&g, 0x04001002, 500, 4), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04800301, 2, 1), 0);
    rig_use(&g, 1, 500 * 20'000);
    assert_int_equal(rig_order(&g, 0x1C, 2, NULL), 0);
    for (unsigned c = 1; c <= 3; c++)
        assert_int_equal(rig_why(&g, c), TERMINAL_REASON_CREDIT);
    terminal_key(&g.t);
    assert_true(rig_closed(&g, 1));
}

/* Safe restore holds for every payment that gives the supply back. */
static void test_safe_restore_after_pretrip(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_money(&g, OPEN, 0, 0, CUSTOMER), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04001002, 500, 4), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04800301, 2, 1), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04800303, 1, 1), 0);
    rig_use(&g, 1, 500 * 20'000);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_CREDIT);
    assert_int_equal(rig_money(&g, OPEN, 1, 1, CUSTOMER), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_KEY);
    terminal_key(&g.t);
    assert_true(rig_closed(&g, 1));
}

/* Five minutes are five minutes, whatever the clock is set to meanwhile. */
static void test_deadlines_when_clock_is_set(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_order(&g, 0x1D, 1, NULL), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04000102, 0, 3), 0); /* eight hours back */
    rig_pass(&g, 299);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_TIMED);
    rig_pass(&g, 1);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x1D, 1, NULL), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04000102, 120'000, 3), 0); /* and on */
    rig_pass(&g, 299);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_TIMED);
    rig_pass(&g, 1);
    assert_true(rig_closed(&g, 1));
}

static uint64_t order_word(void)
{
    assert_true(rig_read(&g, 0x048002FF));
    return g.answer.data[4] | (uint64_t)g.answer.data[5] << 8 | (uint64_t)g.answer.data[6] << 16;
}

/* Every refused order leaves its reason; a bad order is bad under keep-power too. */
static void test_word_of_refused_orders(void **state)
{
    (void)state;
    fresh(1000);
    uint8_t order[16] = {2, 9, 9, 9, 0, 0, 0, 0, 0x1A, 0, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    assert_int_equal(rig_order(&g, 0x1C, 0, NULL), 0);
    assert_int_equal(order_word(), 1);
    rig_send(&g, DLT645_CONTROL, order, 16); /* the password is wrong */
    assert_int_equal(order_word(), 0x10004);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    rig_send(&g, DLT645_CONTROL, order, 15);
    assert_int_equal(order_word(), 0x10004);
    assert_int_equal(rig_order(&g, 0x1D, 0, NULL), 1);
    assert_int_equal(order_word(), 0x10080);
    assert_int_equal(rig_order(&g, 0x1D, 1, NULL), 1);
    assert_int_equal(order_word(), 0x10040);
}

/* Who ordered a timed trip is written down; rig_order signs with 11223344. */
static void test_operator_of_timed_trip(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_order(&g, 0x1E, 1, NULL), 0);
    assert_true(rig_read(&g, 0x1D000101));
    assert_int_equal(g.answer.data[4 + 6], 0x44);
    assert_int_equal(g.answer.data[4 + 9], 0x11);
}

/* The power before a trip of a three-phase meter is that of all phases. */
static void test_power_of_three_phases(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.phases = 3;
    s.circuits = 1;
    s.preset_fen = 1000;
    rig_new(&g, &s);
    struct terminal_sample x = {.voltage_dv = {2200, 2200, 2200},
                                .power_mw = {1'000'000, 2'000'000, 3'000'000}};
    rig_measure(&g, &x, 1000);
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 0);
    assert_true(rig_read(&g, 0x04801001));
    struct reader r = reader_of(g.answer.data + 4 + 8, 3);
    assert_int_equal(reader_bcd_le(&r, 3), 60'000); /* 6.0000 kW */
}

/* A payment out of debt that would not fit into its own record: it was taken, and reading it back
 * broke a promise. */
static void test_amount_fits_its_record(void **state)
{
    (void)state;
    fresh(100);
    assert_int_equal(rig_money(&g, OPEN, 0, 0, CUSTOMER), 0);
    rig_use(&g, 1, 200 * 20'000);
    assert_int_equal(rig_money(&g, OPEN, 100'000'000, 1, CUSTOMER), 0x40);
    assert_int_equal(rig_money(&g, OPEN, 99'999'999, 1, CUSTOMER), 0);
    assert_int_equal(rig_read_bcd(&g, 0x03330301, 4), 99'999'999);
}

/* A load trip is cut short before the books count it; the next trip with its number is another. */
static void test_reason_of_a_trip_that_was_not(void **state)
{
    (void)state;
    fresh(1000);
    set_limits(1, &(struct limits){.power_w = 1000, .recloses = 1, .wait_s = 600});
    g.writes = 0;
    g.cut_write = 3; /* record, reason, books */
    flow(5000, 1);
    assert_true(g.dead);
    g.cut_write = 0;
    rig_boot(&g);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x1A, 1, NULL), 0);
    assert_int_equal(rig_read_bcd(&g, 0x1D000001, 3), 1);
    assert_false(rig_read(&g, 0x04801101));
}

/* The reason is kept once: an old trip that opens again after a start is not explained by zeros. */
static void test_no_reason_of_zeros(void **state)
{
    (void)state;
    fresh(1000);
    set_limits(1, &(struct limits){.power_w = 1000, .recloses = 0, .wait_s = 600});
    flow(5000, 1);
    assert_true(rig_read(&g, 0x04801101));
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    rig_boot(&g);
    assert_int_equal(rig_order(&g, 0x3B, 0, NULL), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
    assert_false(rig_read(&g, 0x04801101)); /* opened again: nothing was measured */
    assert_true(rig_read(&g, 0x04801102));
}

/* 22:00 to 00:00 is an evening. */
static void test_hours_until_midnight(void **state)
{
    (void)state;
    fresh(1000);
    static const uint8_t evening[5] = {0x00, 0x22, 0x00, 0x00, 1};
    uint8_t flags[18] = {1, [9] = 1, [13] = 150, [15] = 5, [17] = 5};
    assert_int_equal(rig_write(&g, 0x04802501, evening, 5), 0);
    assert_int_equal(rig_write(&g, 0x04802401, flags, 18), 0);
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_write_bcd(&g, 0x04000102, 235'959, 3), 0);
    assert_true(rig_closed(&g, 1));
    rig_pass(&g, 1);
    assert_false(rig_closed(&g, 1));
}

/* The time that is broadcast to a lost clock brings back its hours at once. */
static void test_broadcast_opens_by_hours(void **state)
{
    (void)state;
    fresh(1000);
    static const uint8_t all99[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    static const uint8_t noon[6] = {0, 0, 0x12, 0x05, 0x01, 0x26},
                         evening[5] = {0, 0x22, 0, 0x24, 1};
    uint8_t flags[18] = {1, [9] = 1, [13] = 150, [15] = 5, [17] = 5};
    assert_int_equal(rig_write(&g, 0x04802501, evening, 5), 0);
    assert_int_equal(rig_write(&g, 0x04802401, flags, 18), 0);
    terminal_time(&g.t, g.now, g.rtc, true);
    rig_pass(&g, 1);
    assert_true(rig_closed(&g, 1));
    assert_false(rig_send_to(&g, all99, DLT645_BROADCAST_TIME, noon, 6));
    assert_false(rig_closed(&g, 1));
}

/* A wait that was shortened is short after a power cut as well. */
static void test_shortened_wait_is_kept(void **state)
{
    (void)state;
    fresh(1000);
    set_limits(1, &(struct limits){.power_w = 1000, .recloses = 1, .wait_s = 600});
    flow(5000, 1);
    set_limits(1, &(struct limits){.power_w = 1000, .recloses = 1, .wait_s = 60});
    rig_pass(&g, 1);
    rig_pass(&g, 58);
    rig_boot(&g);
    rig_pass(&g, 2);
    assert_true(rig_closed(&g, 1));
}

/* What is frozen at the end of a month is what was left of it, not what the next one brings; and
 * the frozen total is the one that the register showed. */
static void test_month_end(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.preset_fen = 1000;
    s.period_count = 2;
    s.periods[0] = (struct terminal_period){.hour = 0, .rate = 4};
    s.periods[1] = (struct terminal_period){.hour = 12, .rate = 3};
    rig_new(&g, &s);
    static const uint8_t ten_yuan[5] = {0x00, 0x10, 0x00, 0x00, 0};
    assert_int_equal(rig_write(&g, 0x04800307, ten_yuan, 5), 0);
    rig_use(&g, 1, 286'000);
    rig_pass(&g, INT64_C(5) * 3600);
    rig_use(&g, 1, 137'000);
    assert_int_equal(rig_read_bcd(&g, 0x04800308, 4), 1000 - 21);
    rig_pass(&g, INT64_C(31) * 86'400);
    assert_int_equal(rig_read_bcd(&g, 0x04800308, 4), 1000);
    assert_true(rig_read(&g, 0x04803101));
    struct reader r = reader_of(g.answer.data + 4 + 23, 4);
    assert_int_equal(reader_bcd_le(&r, 4), 1000 - 21);
    assert_int_equal(rig_read_bcd(&g, 0x00010000, 4), 42);
    assert_int_equal(rig_read_bcd(&g, 0x00010001, 4), 42);
    assert_int_equal(rig_read_bcd(&g, 0x00010301, 4), 13);
    assert_int_equal(rig_read_bcd(&g, 0x00010401, 4), 28);
}

static void test_customer_needs_a_wallet(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.wallet = false;
    rig_new(&g, &s);
    assert_int_equal(rig_write_bcd(&g, 0x0400040E, 1, 6), 2);
}

/* A clock that is found again within the minute in which it was lost gives the free amount at once.
 */
static void test_found_clock_gives_the_free_amount(void **state)
{
    (void)state;
    static const uint8_t amount[5] = {0x00, 0x15, 0, 0, 1}, day[4] = {4, 1, 1, 0x26};
    fresh(1000);
    terminal_time(&g.t, g.now, g.rtc, true);
    rig_pass(&g, 0);
    assert_int_equal(rig_write(&g, 0x04800307, amount, 5), 0);
    assert_int_equal(g.t.books.free_fen, 0);
    assert_int_equal(rig_write(&g, 0x04000101, day, 4), 0);
    terminal_time(&g.t, g.now, g.rtc, false);
    assert_int_equal(g.t.books.free_fen, 1500);
}

static int64_t clock_s(void)
{
    return g.rtc.s + g.t.books.clock_correction_s;
}

/* Whatever a broadcast says, the clock moves by 300 s a day at most: also backwards over midnight,
 * and after the power was away. Who has the password may allow another one. */
static void test_broadcast_once_a_day(void **state)
{
    (void)state;
    static const uint8_t everybody[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    static const uint8_t eve[6] = {0x00, 0x58, 0x23, 0x01, 0x01, 0x26};
    static const uint8_t again[6] = {0x00, 0x57, 0x23, 0x01, 0x01, 0x26};
    static const uint8_t noon[3] = {0x00, 0x00, 0x12};
    static const uint8_t later[6] = {0x00, 0x01, 0x12, 0x01, 0x01, 0x26};
    fresh(1000);
    rig_pass(&g, 16 * 3600 + 60); /* 00:01 of the second */
    (void)rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, eve, 6);
    assert_int_equal(clock_s() + 28'800, RIG_NOW + 86'400 - 120);
    rig_boot(&g);
    int64_t before = clock_s();
    (void)rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, again, 6);
    assert_int_equal(clock_s(), before);
    rig_pass(&g, 150); /* the second again */
    before = clock_s();
    (void)rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, eve, 6);
    assert_int_equal(clock_s(), before);
    assert_int_equal(rig_write(&g, 0x04000102, noon, 3), 0);
    before = clock_s();
    (void)rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, later, 6);
    assert_int_equal(clock_s(), before); /* another day is too far */
    static const uint8_t minute[6] = {0x00, 0x01, 0x12, 0x02, 0x01, 0x26};
    (void)rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, minute, 6);
    assert_int_equal(clock_s(), before + 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protection_under_keep_power),
        cmocka_unit_test(test_close_does_not_lift_pretrip),
        cmocka_unit_test(test_safe_restore_after_pretrip),
        cmocka_unit_test(test_deadlines_when_clock_is_set),
        cmocka_unit_test(test_word_of_refused_orders),
        cmocka_unit_test(test_operator_of_timed_trip),
        cmocka_unit_test(test_power_of_three_phases),
        cmocka_unit_test(test_amount_fits_its_record),
        cmocka_unit_test(test_reason_of_a_trip_that_was_not),
        cmocka_unit_test(test_no_reason_of_zeros),
        cmocka_unit_test(test_hours_until_midnight),
        cmocka_unit_test(test_broadcast_opens_by_hours),
        cmocka_unit_test(test_shortened_wait_is_kept),
        cmocka_unit_test(test_month_end),
        cmocka_unit_test(test_customer_needs_a_wallet),
        cmocka_unit_test(test_found_clock_gives_the_free_amount),
        cmocka_unit_test(test_broadcast_once_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
