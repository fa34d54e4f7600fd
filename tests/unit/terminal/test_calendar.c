/* What goes by the calendar: freezes, the month's free amount, day tables by season; and the ports,
 * the display, answers in parts, what is measured in a circuit. */
#include "tests/unit/terminal/rig.h"

static struct rig g;

static void begin(int64_t overdraft_fen)
{
    struct terminal_setup s = rig_setup();
    s.overdraft_fen = overdraft_fen;
    rig_new(&g, &s); /* 2026-01-01 08:00 */
}

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

/* --- freezes --------------------------------------------------------------------------------- */

static uint64_t day_energy(unsigned nn)
{
    if (!rig_read(&g, 0x05060100 + nn))
        return UINT64_MAX;
    struct reader r = reader_of(g.answer.data + 4, 4);
    return reader_bcd_le(&r, 4);
}

static void test_days(void **state)
{
    (void)state;
    begin(100'000);
    assert_int_equal(day_energy(1), UINT64_MAX);
    rig_pass(&g, 16 * HOUR - 1); /* 23:59:59 */
    assert_int_equal(day_energy(1), UINT64_MAX);
    rig_use(&g, 1, 1'230'000);
    rig_pass(&g, 1);
    rig_use(&g, 2, 500'000); /* of the next day */
    assert_int_equal(day_energy(1), 123);
    assert_int_equal(rig_read_bcd(&g, 0x05060001, 5), 2601'02'0000); /* when: 2026-01-02 00:00 */
    for (unsigned day = 0; day < 70; day++) {
        rig_pass(&g, DAY);
        rig_use(&g, 3, 10'000);
    }
    assert_int_equal(day_energy(1), 173 + 69);
    assert_int_equal(day_energy(62), 173 + 69 - 61);
    assert_int_equal(day_energy(63), UINT64_MAX);
    rig_boot(&g);
    assert_int_equal(day_energy(62), 173 + 69 - 61);
}

/* Two months pass; each keeps its rates, circuits and money. */
static void test_months(void **state)
{
    (void)state;
    begin(100'000);
    rig_use(&g, 1, 2'000'000);
    rig_pass(&g, 20 * DAY);
    assert_false(rig_read(&g, 0x00010001));
    rig_pass(&g, 12 * DAY);
    rig_use(&g, 2, 1'000'000);
    rig_pass(&g, 28 * DAY);
    assert_int_equal(rig_read_bcd(&g, 0x00010001, 4), 300);
    assert_int_equal(rig_read_bcd(&g, 0x00010002, 4), 200);
    assert_int_equal(rig_read_bcd(&g, 0x00010302, 4), 200); /* of rate 3 */
    assert_int_equal(rig_read_bcd(&g, 0x00020001, 4), 0);
    assert_false(rig_read(&g, 0x00010003));
    assert_true(rig_read(&g, 0x04803101));
    struct reader r = reader_of(g.answer.data + 4, g.answer.len - 4U);
    assert_int_equal(reader_bcd_le(&r, 6), 260'301'000'000);
    assert_int_equal(reader_bcd_le(&r, 4), 200);
    assert_int_equal(reader_bcd_le(&r, 4), 100);
    assert_int_equal(reader_bcd_le(&r, 4), 0);
    assert_int_equal(reader_bcd_le(&r, 4), 150); /* 1.50 yuan of debt */
    assert_int_equal(reader_u8(&r), 0x80);
}

/* Power away over midnight: the freeze is made when it comes back, and only one. */
static void test_freeze_without_power(void **state)
{
    (void)state;
    begin(100'000);
    rig_use(&g, 1, 1'000'000);
    g.now.ms += 4 * DAY * 1000;
    g.rtc.s += 4 * DAY;
    rig_boot(&g);
    assert_int_equal(g.t.books.days, 1);
    assert_int_equal(rig_read_bcd(&g, 0x05060001, 5), 2601'05'0000);
    assert_int_equal(day_energy(1), 100);
}

static void test_clock_back_freezes_once(void **state)
{
    (void)state;
    begin(100'000);
    rig_pass(&g, DAY);
    assert_int_equal(g.t.books.days, 1);
    const uint8_t back[] = {0x00, 0x59, 0x23, 0x04, 0x01, 0x01, 0x26};
    assert_int_equal(rig_write(&g, 0x0400010C, back, sizeof back), 0);
    rig_pass(&g, 120);
    assert_int_equal(g.t.books.days, 1);
    rig_pass(&g, DAY);
    assert_int_equal(g.t.books.days, 2);
}

/* A cut in the freeze's own writes: afterwards it is there once. */
static void test_cut_in_a_freeze(void **state)
{
    (void)state;
    for (unsigned k = 1; k <= 4; k++)
        for (unsigned bytes = 0; bytes <= 64; bytes += 4) {
            begin(100'000);
            rig_use(&g, 1, 1'000'000);
            rig_pass(&g, 31 * DAY - 10 * HOUR);
            assert_int_equal(g.t.books.days, 1); /* one freeze for the days that were skipped */
            g.writes = 0;
            g.cut_write = k;
            g.cut_bytes = bytes;
            rig_pass(&g, 2 * HOUR); /* 2026-02-01 00:00 */
            g.cut_write = 0;
            rig_boot(&g);
            assert_int_equal(g.t.books.days, 2);
            assert_int_equal(g.t.books.months, 1);
            assert_int_equal(day_energy(1), 100);
            assert_int_equal(rig_read_bcd(&g, 0x00010001, 4), 100);
        }
}

/* --- the free amount ------------------------------------------------------------------------- */

static int set_free(uint32_t fen, bool kept)
{
    uint8_t data[5];
    struct writer w = writer_of(data, sizeof data);
    writer_bcd_le(&w, fen, 4);
    writer_u8(&w, kept);
    return rig_write(&g, 0x04800307, data, sizeof data);
}

static uint64_t free_left(void)
{
    return rig_read_bcd(&g, 0x04800308, 4);
}

static void test_free_before_paid(void **state)
{
    (void)state;
    begin(0);
    assert_false(rig_closed(&g, 1)); /* nothing paid, no overdraft */
    assert_int_equal(set_free(300, false), 0);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_money(&g, 0x070101FF, 1000, 1, CUSTOMER), 0);
    rig_use(&g, 1, 4'000'000); /* 2.00 yuan */
    assert_int_equal(free_left(), 100);
    assert_int_equal(g.t.books.balance_fen, 1000);
    rig_use(&g, 1, 4'000'000);
    assert_int_equal(free_left(), 0);
    assert_int_equal(g.t.books.balance_fen, 900);
    rig_use(&g, 1, 18'000'000);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_OVERDRAFT);
}

static void test_free_cleared_or_kept(void **state)
{
    (void)state;
    for (int kept = 0; kept <= 1; kept++) {
        begin(0);
        assert_int_equal(set_free(300, kept), 0);
        rig_use(&g, 1, 2'000'000);
        assert_int_equal(free_left(), 200);
        rig_pass(&g, 31 * DAY);
        assert_int_equal(free_left(), kept ? 500 : 300);
        rig_pass(&g, 59 * DAY); /* two months without a look at it */
        assert_int_equal(free_left(), kept ? 1100 : 300);
        rig_boot(&g);
        assert_int_equal(free_left(), kept ? 1100 : 300);
    }
}

static void test_free_is_given_once(void **state)
{
    (void)state;
    begin(0);
    assert_int_equal(set_free(300, true), 0);
    assert_int_equal(set_free(400, true), 0); /* from next month */
    assert_int_equal(free_left(), 300);
    rig_pass(&g, 31 * DAY);
    assert_int_equal(free_left(), 700);
    const uint8_t january[] = {0x00, 0x00, 0x12, 0x04, 0x20, 0x01, 0x26};
    assert_int_equal(rig_write(&g, 0x0400010C, january, sizeof january), 0);
    rig_pass(&g, 20 * DAY); /* into February again */
    assert_int_equal(free_left(), 700);
}

/* The next month's free amount gives supply back to who owes nothing; a debt has to be paid. */
static void test_free_and_debt(void **state)
{
    (void)state;
    for (int owes = 0; owes <= 1; owes++) {
        begin(owes ? 200 : 0);
        assert_int_equal(set_free(300, false), 0);
        rig_use(&g, 1, owes ? 10'000'000 : 6'000'000);
        assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_OVERDRAFT);
        rig_pass(&g, 31 * DAY);
        assert_int_equal(rig_closed(&g, 1), !owes);
        assert_int_equal(free_left(), 300);
    }
}

static void test_alarm_levels(void **state)
{
    (void)state;
    begin(100);
    assert_int_equal(rig_write_bcd(&g, 0x04001001, 400, 4), 0);
    assert_int_equal(rig_write_bcd(&g, 0x04001002, 200, 4), 0);
    assert_int_equal(set_free(500, false), 0);
    static const uint8_t want[] = {0, 1, 1, 2, 2, 2, 3}; /* after each further yuan */
    for (unsigned i = 0; i < sizeof want; i++) {
        if (i > 0)
            rig_use(&g, 1, i == 6 ? 1'000'000 : 2'000'000);
        assert_int_equal(terminal_output(&g.t).alarm, want[i]);
    }
    assert_int_equal(rig_write_bcd(&g, 0x04800306, 1, 1), 0);
    rig_use(&g, 1, 1'000'000);
    assert_int_equal(terminal_output(&g.t).alarm, 4); /* the overdraft is used up */
    assert_true(terminal_output(&g.t).backlight);
}

static void test_free_refusals(void **state)
{
    (void)state;
    begin(0);
    const uint8_t bad[][5] = {{0x0A, 0, 0, 0, 0}, {0, 1, 0, 0, 2}};
    assert_int_equal(rig_write(&g, 0x04800307, bad[0], 5), 1);
    assert_int_equal(rig_write(&g, 0x04800307, bad[1], 5), 1);
    assert_int_equal(rig_write(&g, 0x04800307, bad[1], 4), 1);
    assert_int_equal(rig_write(&g, 0x04800308, bad[1], 4), 2);
    assert_int_equal(free_left(), 0);
}

/* --- seasons --------------------------------------------------------------------------------- */

static void test_day_tables_by_season(void **state)
{
    (void)state;
    begin(100'000);
    const uint8_t winter[] = {1, 0, 0}, summer[] = {2, 0, 0, 4, 0, 22};
    const uint8_t zones[] = {2, 0x01, 0x06, 1, 0x01, 0x10}; /* 1 June table 2, 1 October table 1 */
    assert_int_equal(rig_write(&g, 0x04010001, winter, sizeof winter), 0);
    assert_int_equal(rig_write(&g, 0x04010002, summer, sizeof summer), 0);
    assert_int_equal(terminal_rate_now(&g.t), 1);
    assert_int_equal(rig_write(&g, 0x04010000, zones, sizeof zones), 0);
    assert_int_equal(terminal_rate_now(&g.t), 1); /* January: the zone of last October goes on */
    rig_pass(&g, 151 * DAY);
    assert_int_equal(terminal_rate_now(&g.t), 2); /* 1 June 08:00 */
    rig_pass(&g, 14 * HOUR);
    assert_int_equal(terminal_rate_now(&g.t), 4);
    rig_pass(&g, 122 * DAY);
    assert_int_equal(terminal_rate_now(&g.t), 1);
    rig_boot(&g);
    assert_int_equal(rig_read_bcd(&g, 0x04000201, 1), 2);
    assert_true(rig_read(&g, 0x04010000));
    assert_memory_equal(g.answer.data + 4, zones, sizeof zones);
    assert_true(rig_read(&g, 0x04010002));
    assert_memory_equal(g.answer.data + 4, summer, sizeof summer);
    const uint8_t bad[][6] = {
        {1, 0x01, 0x06, 2, 0x01, 0x05}, {3, 1, 1, 1, 2, 2}, {1, 0x30, 2, 1, 1, 3}};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(rig_write(&g, 0x04010000, bad[i], 6), 1);
}

/* --- ports, parts, display, measurements ----------------------------------------------------- */

static size_t ask(uint8_t wire[DLT645_FRAME_MAX], uint32_t di)
{
    struct dlt645_frame f = {.control = DLT645_READ, .len = 4};
    struct writer d = writer_of(f.data, 4), w = writer_of(wire, DLT645_FRAME_MAX);
    memcpy(f.address, g.setup.address, 6);
    writer_u32le(&d, di);
    dlt645_encode(&f, 0, &w);
    return w.len;
}

/* Frames come in on both ports byte by byte in turn; each gets its own answer. */
static void test_two_ports_at_once(void **state)
{
    (void)state;
    begin(100'000);
    uint8_t a[DLT645_FRAME_MAX], b[DLT645_FRAME_MAX];
    size_t len = ask(a, 0x04000401);
    assert_int_equal(ask(b, 0x0400010C), len);
    for (size_t i = 0; i < len; i++) {
        terminal_receive_at(&g.t, TERMINAL_RS485, a + i, 1);
        terminal_receive_at(&g.t, TERMINAL_INFRARED, b + i, 1);
    }
    struct dlt645_frame f;
    size_t used;
    struct terminal_write w;
    while (terminal_next_write(&g.t, &w))
        memcpy(g.nvram + w.offset, w.data, w.len);
    struct bytes first = terminal_take_answer_at(&g.t, TERMINAL_RS485);
    assert_ok(dlt645_decode(first.data, first.len, &f, &used));
    assert_memory_equal(f.data, "\x01\x04\x00\x04", 4);
    struct bytes second = terminal_take_answer_at(&g.t, TERMINAL_INFRARED);
    assert_ok(dlt645_decode(second.data, second.len, &f, &used));
    assert_memory_equal(f.data, "\x0C\x01\x00\x04", 4);
}

static void test_trips_in_parts(void **state)
{
    (void)state;
    begin(100'000);
    assert_false(rig_read(&g, 0x048010FF));
    for (unsigned i = 0; i < 31; i++) {
        assert_int_equal(rig_order(&g, 0x1A, 1, NULL), 0);
        assert_int_equal(rig_order(&g, 0x1C, 1, NULL), 0);
    }
    static const uint8_t id[] = {0xFF, 0x10, 0x80, 0x04};
    assert_true(rig_send(&g, DLT645_READ, id, 4));
    assert_int_equal(g.answer.control, 0xB1); /* more follows */
    assert_int_equal(g.answer.len, 4 + 12 * 16);
    for (uint8_t part = 1; part <= 2; part++) {
        uint8_t q[5] = {0xFF, 0x10, 0x80, 0x04, part};
        assert_true(rig_send(&g, DLT645_READ_MORE, q, 5));
        assert_int_equal(g.answer.control, part == 1 ? 0xB2 : 0x92);
        assert_int_equal(g.answer.len, 4 + (part == 1 ? 12 : 6) * 16 + 1);
        assert_int_equal(g.answer.data[g.answer.len - 1], part);
    }
    uint8_t beyond[5] = {0xFF, 0x10, 0x80, 0x04, 3}, none[5] = {0x00, 0x00, 0x01, 0x00, 1};
    assert_true(rig_send(&g, DLT645_READ_MORE, beyond, 5));
    assert_int_equal(g.answer.control, 0xD2);
    assert_true(rig_send(&g, DLT645_READ_MORE, none, 5));
    assert_int_equal(g.answer.control, 0xD2);
}

static void test_display(void **state)
{
    (void)state;
    begin(100'000);
    rig_use(&g, 2, 1'230'000);
    assert_int_equal(rig_order(&g, 0x1A, 3, NULL), 0);
    bool seen[TERMINAL_PAGES] = {false};
    int64_t value[TERMINAL_PAGES];
    for (unsigned i = 0; i < TERMINAL_PAGES; i++) {
        struct terminal_display d = terminal_display(&g.t);
        seen[d.page] = true;
        value[d.page] = d.value;
        rig_pass(&g, 5);
    }
    for (unsigned i = 0; i < TERMINAL_PAGES; i++)
        assert_true(seen[i]);
    assert_int_equal(value[TERMINAL_PAGE_ENERGY], 123);
    assert_int_equal(value[TERMINAL_PAGE_CIRCUIT2], 123);
    assert_int_equal(value[TERMINAL_PAGE_CIRCUIT1], 0);
    assert_int_equal(value[TERMINAL_PAGE_BALANCE], -61);
    assert_int_equal(value[TERMINAL_PAGE_REASON], 300 + TERMINAL_REASON_REMOTE);
    assert_int_equal(value[TERMINAL_PAGE_DATE], 260'101);
    enum terminal_page before = terminal_display(&g.t).page;
    terminal_key(&g.t);
    assert_int_equal(terminal_display(&g.t).page, (before + 1) % TERMINAL_PAGES);
    rig_pass(&g, 10); /* what was asked for stays longer */
    assert_int_equal(terminal_display(&g.t).page, (before + 1) % TERMINAL_PAGES);
}

static void test_measured_in_a_circuit(void **state)
{
    (void)state;
    begin(100'000);
    struct terminal_sample s = {.voltage_dv = {2200},
                                .current_ma = {0, 5'000, 0},
                                .power_mw = {0, 880'000, 0},
                                .frequency_chz = 4998};
    rig_measure(&g, &s, 1000);
    assert_true(rig_read(&g, 0x04804002));
    struct reader r = reader_of(g.answer.data + 4, g.answer.len - 4U);
    assert_int_equal(reader_bcd_le(&r, 2), 2200);
    assert_int_equal(reader_bcd_le(&r, 3), 5'000);
    assert_int_equal(reader_bcd_le(&r, 3), 8'800);
    assert_int_equal(reader_bcd_le(&r, 3), 6'600); /* what is not active: 660 var */
    assert_int_equal(reader_bcd_le(&r, 3), 11'000);
    assert_int_equal(reader_bcd_le(&r, 2), 800);
    assert_int_equal(reader_bcd_le(&r, 2), 4998);
    assert_int_equal(rig_read_bcd(&g, 0x02060000, 2), 800);
    assert_int_equal(rig_read_bcd(&g, 0x02040000, 3), 6'600);
    s.has_reactive = true;
    s.reactive_mvar[1] = -100'000;
    rig_measure(&g, &s, 1000);
    assert_true(rig_read(&g, 0x02040000));
    assert_memory_equal(g.answer.data + 4, "\x00\x10\x80", 3);
    assert_false(rig_read(&g, 0x04804004));
}

/* Reactive and apparent power and the factor, as masters ask for them: one phase, or all at once.
 */
static void expect_block(uint32_t di, size_t len, const uint32_t values[4])
{
    assert_true(rig_read(&g, di | 0xFF00));
    struct reader r = reader_of(g.answer.data + 4, g.answer.len - 4U);
    for (unsigned p = 0; p < 4; p++)
        assert_int_equal(reader_bcd_le(&r, len), values[p]);
    assert_int_equal(reader_left(&r), 0);
    for (unsigned p = 0; p <= g.setup.phases; p++)
        assert_int_equal(rig_read_bcd(&g, di | p << 8, len), values[p]);
    for (unsigned p = g.setup.phases + 1U; p <= 4; p++)
        assert_false(rig_read(&g, di | p << 8));
}

static void test_quality_of_phases(void **state)
{
    (void)state;
    begin(100'000);
    struct terminal_sample s = {
        .voltage_dv = {2200}, .current_ma = {0, 5'000, 1'000}, .power_mw = {0, 880'000, 176'000}};
    rig_measure(&g, &s, 1000);
    expect_block(0x02040000, 3, (const uint32_t[]){7'920, 7'920, 0, 0});
    expect_block(0x02050000, 3, (const uint32_t[]){13'200, 13'200, 0, 0});
    expect_block(0x02060000, 2, (const uint32_t[]){800, 800, 0, 0});
    struct terminal_setup shop = rig_setup();
    shop.phases = 3;
    shop.circuits = 1;
    rig_new(&g, &shop);
    s = (struct terminal_sample){.voltage_dv = {2200, 2300, 2400},
                                 .current_ma = {5'000, 10'000, 0},
                                 .power_mw = {880'000, 2'300'000, 0}};
    rig_measure(&g, &s, 1000);
    expect_block(0x02040000, 3, (const uint32_t[]){6'600, 6'600, 0, 0});
    expect_block(0x02050000, 3, (const uint32_t[]){34'000, 11'000, 23'000, 0});
    expect_block(0x02060000, 2, (const uint32_t[]){935, 800, 1'000, 1'000});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quality_of_phases),
        cmocka_unit_test(test_days),
        cmocka_unit_test(test_months),
        cmocka_unit_test(test_freeze_without_power),
        cmocka_unit_test(test_clock_back_freezes_once),
        cmocka_unit_test(test_cut_in_a_freeze),
        cmocka_unit_test(test_free_before_paid),
        cmocka_unit_test(test_free_cleared_or_kept),
        cmocka_unit_test(test_free_is_given_once),
        cmocka_unit_test(test_free_and_debt),
        cmocka_unit_test(test_alarm_levels),
        cmocka_unit_test(test_free_refusals),
        cmocka_unit_test(test_day_tables_by_season),
        cmocka_unit_test(test_two_ports_at_once),
        cmocka_unit_test(test_trips_in_parts),
        cmocka_unit_test(test_display),
        cmocka_unit_test(test_measured_in_a_circuit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
