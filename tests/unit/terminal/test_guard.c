/*
 * Time control and load control: hours, limits, closing again, the lock, which reason counts when
 * several hold, and the records that keep it all. What is watched for is in test_watch.c.
 */
#include "tests/unit/terminal/guard_rig.h"

/* --- limits ---------------------------------------------------------------------------------- */

static void test_limits_at_and_above(void **state)
{
    (void)state;
    static const struct {
        struct limits with;
        int32_t mw, over_mw;
        enum terminal_reason reason;
    } rows[] = {
        {{.power_w = 500}, 500'000, 500'001, TERMINAL_REASON_LOAD},
        {{.current_ma = 8'000}, 1'760'000, 1'760'900, TERMINAL_REASON_CURRENT},
        {{.power_w = 0}, 3'300'000, 3'300'900, TERMINAL_REASON_PROTECTION}, /* 15.000, 15.004 A */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        guard_begin();
        struct limits l = guard_usual();
        l.power_w = rows[i].with.power_w;
        l.current_ma = rows[i].with.current_ma;
        assert_int_equal(guard_set_limits(2, &l), 0);
        guard_draw(2, rows[i].mw, 0, 60);
        assert_true(rig_closed(&g, 2));
        guard_draw(2, rows[i].over_mw, 0, 2); /* above since 1 s: the delay is 2 s */
        assert_true(rig_closed(&g, 2));
        guard_draw(2, rows[i].over_mw, 0, 1);
        assert_false(rig_closed(&g, 2));
        assert_int_equal(rig_why(&g, 2), rows[i].reason);
        assert_true(rig_closed(&g, 1) && rig_closed(&g, 3));
    }
}

static void test_delay_starts_again(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = guard_usual();
    l.power_w = 500;
    assert_int_equal(guard_set_limits(1, &l), 0);
    for (unsigned i = 0; i < 20; i++) {
        guard_draw(1, 600'000, 0, 2);
        guard_draw(1, 400'000, 0, 1);
    }
    assert_true(rig_closed(&g, 1));
}

static void test_closes_again_then_locks(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = guard_usual();
    l.power_w = 500;
    assert_int_equal(guard_set_limits(1, &l), 0);
    for (unsigned i = 0; i < 2; i++) {
        guard_draw(1, 900'000, 0, 3);
        assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
        guard_draw(1, 0, 0, 59);
        assert_false(rig_closed(&g, 1));
        guard_draw(1, 0, 0, 1);
        assert_true(rig_closed(&g, 1));
    }
    guard_draw(1, 900'000, 0, 3);
    rig_pass(&g, 3600);
    assert_false(rig_closed(&g, 1));
    assert_true(terminal_output(&g.t).locked[0]);
    /* neither the key, nor a payment, nor an order to close: only staff */
    terminal_key(&g.t);
    assert_int_equal(rig_money(&g, 0x070101FF, 1000, 1, CUSTOMER), 0);
    assert_int_equal(rig_order(&g, 0x1C, 0, NULL), 0);
    rig_pass(&g, 86'400);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
    rig_boot(&g);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
    assert_int_equal(guard_write_byte(0x04802101, 1), 0);
    assert_true(rig_closed(&g, 1));
}

/* The count is of a day: the local midnight gives it back, but unlocks nothing. */
static void test_count_of_a_day(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = guard_usual();
    l.power_w = 500;
    l.recloses = 1;
    assert_int_equal(guard_set_limits(1, &l), 0);
    guard_draw(1, 900'000, 0, 3);
    rig_pass(&g, 60);
    assert_true(rig_closed(&g, 1));
    rig_pass(&g, 16 * 3600); /* 08:01 + 16 h: after midnight in Beijing */
    guard_draw(1, 900'000, 0, 3);
    assert_false(terminal_output(&g.t).locked[0]);
    rig_pass(&g, 60);
    assert_true(rig_closed(&g, 1));
    guard_draw(1, 900'000, 0, 3);
    assert_true(terminal_output(&g.t).locked[0]);
}

static void test_clock_set_back_does_not_lengthen(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = guard_usual();
    l.power_w = 500;
    assert_int_equal(guard_set_limits(1, &l), 0);
    guard_draw(1, 900'000, 0, 3);
    assert_int_equal(rig_write_bcd(&g, 0x04000102, 0, 3), 0); /* eight hours back: 00:00:00 */
    rig_pass(&g, 0);
    rig_pass(&g, 60);
    assert_true(rig_closed(&g, 1));
}

/* --- hours ----------------------------------------------------------------------------------- */

static const uint16_t school[][3] = {
    {600, 830, 1}, {1130, 1400, 1}, {1700, 2300, 1}, {2300, 600, 2}};

static void test_hours(void **state)
{
    (void)state;
    guard_begin(); /* Thursday 2026-01-01 08:00 */
    struct limits l = guard_usual();
    l.flags = TIMED;
    l.night_w = 200;
    assert_int_equal(guard_set_hours(0x04802501, school, 4), 0);
    assert_int_equal(guard_set_limits(1, &l), 0);
    assert_true(rig_closed(&g, 1));
    rig_pass(&g, 30 * 60 - 1);
    assert_true(rig_closed(&g, 1));
    rig_pass(&g, 1); /* 08:30 */
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_TIME);
    assert_true(rig_closed(&g, 2));
    rig_pass(&g, 3 * 3600 - 1);
    assert_false(rig_closed(&g, 1));
    rig_pass(&g, 1); /* 11:30 */
    assert_true(rig_closed(&g, 1));
    guard_draw(1, 900'000, 0, 10);
    assert_true(rig_closed(&g, 1));    /* a night limit is none by day */
    rig_pass(&g, 11 * 3600 + 30 * 60); /* 23:00 */
    guard_draw(1, 200'000, 0, 10);
    assert_true(rig_closed(&g, 1));
    guard_draw(1, 200'001, 0, 3);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_NIGHT);
    rig_pass(&g, 5 * 3600); /* 04:00: night goes on behind midnight */
    assert_true(rig_closed(&g, 1));
    guard_draw(1, 300'000, 0, 3);
    assert_false(rig_closed(&g, 1));
}

static void test_night_current(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = guard_usual();
    static const uint16_t always[][3] = {{0, 2400, 2}};
    l.flags = TIMED;
    l.night_ma = 2'000;
    assert_int_equal(guard_set_hours(0x04802501, always, 1), 0);
    assert_int_equal(guard_set_limits(1, &l), 0);
    guard_draw_ma(1, 2'000, 10);
    assert_true(rig_closed(&g, 1));
    guard_draw_ma(1, 2'001, 3);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_NIGHT);
}

/* A Saturday is a holiday, unless it is a working day to make up for one; and the other way round.
 */
static void test_kinds_of_days(void **state)
{
    (void)state;
    guard_begin();
    static const uint16_t work[][3] = {{700, 900, 1}}, free[][3] = {{0, 2400, 1}};
    struct limits l = guard_usual();
    l.flags = TIMED;
    assert_int_equal(guard_set_hours(0x04802501, work, 1), 0);
    assert_int_equal(guard_set_hours(0x04802601, free, 1), 0);
    assert_int_equal(guard_set_limits(1, &l), 0);
    /* Saturday 3rd made up, Monday 5th free */
    const uint8_t calendar[] = {0x41, 0x03, 0x01, 0x26, 0, 0x05, 0x01, 0x26, 1};
    assert_int_equal(rig_write(&g, 0x04802700, calendar, sizeof calendar), 0);
    static const bool at_noon[] = {false, false, false, true, true, false};
    rig_pass(&g, 4 * 3600);
    for (unsigned day = 0; day < 6; day++) {
        assert_int_equal(rig_closed(&g, 1), at_noon[day]); /* Thu 1st .. Tue 6th */
        rig_pass(&g, 86'400);
    }
}

static void test_lost_clock_is_safe(void **state)
{
    (void)state;
    guard_begin();
    static const uint16_t never_now[][3] = {{300, 400, 1}};
    struct limits l = guard_usual();
    l.flags = TIMED;
    assert_int_equal(guard_set_hours(0x04802501, never_now, 1), 0);
    assert_int_equal(guard_set_limits(1, &l), 0);
    assert_false(rig_closed(&g, 1));
    terminal_time(&g.t, g.now, g.rtc, true);
    rig_pass(&g, 60);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_write_bcd(&g, 0x04000102, 121'500, 3), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_TIME);
}

static void test_bad_hours(void **state)
{
    (void)state;
    static const uint16_t bad[][2][3] = {
        {{800, 1000, 1}, {959, 1100, 1}}, /* a minute twice */
        {{2200, 600, 2}, {500, 700, 1}},  /* behind midnight */
        {{800, 800, 1}, {900, 1000, 1}},  /* nothing */
        {{2400, 100, 1}, {900, 1000, 1}}, /* begins after the day */
        {{800, 2401, 1}, {100, 200, 1}},  /* ends after it */
        {{800, 900, 3}, {1000, 1100, 1}}, /* no such cover */
        {{860, 900, 1}, {1000, 1100, 1}}, /* no such minute */
        {{800, 900, 0}, {1000, 1100, 1}}, /* off is what is not covered */
    };
    guard_begin();
    assert_int_equal(guard_set_hours(0x04802501, school, 4), 0);
    uint8_t before[64];
    assert_true(rig_read(&g, 0x04802501));
    memcpy(before, g.answer.data + 4, 40);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(guard_set_hours(0x04802501, bad[i], 2), 1);
    assert_int_equal(guard_set_hours(0x04802504, school, 4), 2); /* no circuit 4 */
    assert_true(rig_read(&g, 0x04802501));
    assert_memory_equal(before, g.answer.data + 4, 40);
}

/* --- precedence ------------------------------------------------------------------------------ */

/* Every reason by its own way in. */
static void make(enum terminal_reason reason)
{
    struct terminal_books *b = &g.t.books;
    switch (reason) {
    case TERMINAL_REASON_REMOTE:
        b->remote_cut = 1;
        break;
    case TERMINAL_REASON_CREDIT:
        b->pretrip = 1;
        break;
    case TERMINAL_REASON_OVERDRAFT:
        b->overdraft_cut = true;
        break;
    case TERMINAL_REASON_KEEP_POWER:
        b->keep_power = true;
        break;
    case TERMINAL_REASON_KEY:
        b->key_wait = 1;
        break;
    case TERMINAL_REASON_TIMED:
        b->timed = 0x1D;
        break;
    case TERMINAL_REASON_TIME:
        g.t.cover[0] = TERMINAL_COVER_OFF;
        break;
    case TERMINAL_REASON_STAFF:
        b->staff = 1;
        break;
    default:
        b->hold[0].cause = (uint8_t)reason;
    }
}

/* First to last, as the owner of a dormitory would say it: safety, work on the circuit, "never
 * dark", orders, money, hours, loads, the key. */
static const enum terminal_reason order[] = {
    TERMINAL_REASON_PROTECTION, TERMINAL_REASON_STAFF, TERMINAL_REASON_KEEP_POWER,
    TERMINAL_REASON_REMOTE,     TERMINAL_REASON_TIMED, TERMINAL_REASON_OVERDRAFT,
    TERMINAL_REASON_CREDIT,     TERMINAL_REASON_TIME,  TERMINAL_REASON_NIGHT,
    TERMINAL_REASON_CURRENT,    TERMINAL_REASON_LOAD,  TERMINAL_REASON_MALIGNANT,
    TERMINAL_REASON_AIRCON,     TERMINAL_REASON_KEY,
};

#define REASONS (sizeof order / sizeof order[0])

static bool of_load_control(enum terminal_reason r)
{
    return r >= TERMINAL_REASON_NIGHT && r <= TERMINAL_REASON_PROTECTION;
}

/* Every pair: the earlier one is shown, and keep-power hides what comes after it. */
static void test_every_pair(void **state)
{
    (void)state;
    for (size_t i = 0; i < REASONS; i++)
        for (size_t j = i + 1; j < REASONS; j++) {
            if (of_load_control(order[i]) && of_load_control(order[j]))
                continue; /* a circuit is tripped once */
            guard_begin();
            make(order[j]);
            make(order[i]);
            struct terminal_output out = terminal_output(&g.t);
            assert_int_equal(out.reason[0], order[i]);
        }
}

static void test_keep_power_and_load_control(void **state)
{
    (void)state;
    for (size_t i = 0; i < REASONS; i++) {
        guard_begin();
        make(order[i]);
        make(TERMINAL_REASON_KEEP_POWER);
        assert_int_equal(rig_order(&g, 0x2B, 0, NULL), 0); /* any order settles the relays */
        bool opens = order[i] == TERMINAL_REASON_PROTECTION || order[i] == TERMINAL_REASON_STAFF;
        assert_int_equal(rig_closed(&g, 1), !opens);
    }
}

static void test_staff_lock(void **state)
{
    (void)state;
    guard_begin();
    assert_int_equal(guard_write_byte(0x04802001, 1), 0);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_STAFF);
    assert_true(rig_closed(&g, 2));
    rig_boot(&g);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_STAFF);
    assert_int_equal(guard_write_byte(0x04802001, 0), 0);
    assert_true(rig_closed(&g, 1));
}

static void test_keep_power_starts_no_trip(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = guard_usual();
    l.power_w = 500;
    l.flags = MALIGNANT | AIRCON;
    assert_int_equal(guard_set_limits(1, &l), 0);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    guard_draw(1, 60'000, 0, 10);
    guard_draw(1, 1'500'000, 0, 30);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x3B, 0, NULL), 0);
    guard_draw(1, 1'500'000, 0, 3);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
}

/* --- registers ------------------------------------------------------------------------------- */

static void test_registers_read_back(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = {.flags = MALIGNANT,
                       .power_w = 1200,
                       .current_ma = 9'500,
                       .night_w = 300,
                       .night_ma = 1'500,
                       .delay_s = 7,
                       .recloses = 5,
                       .reclose_s = 1200,
                       .step_w = 300,
                       .standby_ma = 12,
                       .unplugged_s = 9};
    uint8_t want[20], white[32];
    size_t len = guard_put_limits(&l, want);
    assert_int_equal(guard_set_limits(3, &l), 0);
    for (unsigned i = 0; i < sizeof white; i++)
        white[i] = (uint8_t)(i % 4 == 1 || i % 4 == 3 ? i % 8 == 3 ? 0xFF : 1 : i);
    assert_int_equal(rig_write(&g, 0x04802203, white, sizeof white), 0);
    rig_boot(&g);
    assert_true(rig_read(&g, 0x04802403));
    assert_int_equal(g.answer.len, 4 + len);
    assert_memory_equal(g.answer.data + 4, want, len);
    assert_true(rig_read(&g, 0x04802203));
    assert_memory_equal(g.answer.data + 4, white, sizeof white);
}

static void test_refused_values(void **state)
{
    (void)state;
    guard_begin();
    struct limits l = guard_usual();
    l.current_ma = 15'001;
    assert_int_equal(guard_set_limits(1, &l), 1);
    l = guard_usual();
    l.flags = 8;
    assert_int_equal(guard_set_limits(1, &l), 1);
    l = guard_usual();
    l.step_w = 29;
    assert_int_equal(guard_set_limits(1, &l), 1);
    l = guard_usual();
    l.standby_ma = 1;
    assert_int_equal(guard_set_limits(1, &l), 1);
    const uint8_t calendars[][5] = {
        {0x80}, {0x41, 0x30, 0x02, 0x26, 1}, {0x41, 0x01, 0x02, 0x26, 2}};
    assert_int_equal(rig_write(&g, 0x04802700, calendars[0], 1), 1);
    assert_int_equal(rig_write(&g, 0x04802700, calendars[1], 5), 1);
    assert_int_equal(rig_write(&g, 0x04802700, calendars[2], 5), 1);
    assert_int_equal(rig_write(&g, 0x04802700, calendars[2], 4), 1);
    assert_int_equal(guard_write_byte(0x04802001, 2), 1);
    assert_int_equal(guard_write_byte(0x04802101, 0), 1);
    const uint8_t long_learning[] = {0xFF, 0xFF};
    assert_int_equal(rig_write(&g, 0x04802301, long_learning, 2), 1);
    assert_int_equal(guard_write_byte(0x04802801, 1), 2);
    assert_int_equal(rig_write(&g, 0x04802201, calendars[0], 5), 1);
    assert_int_equal(guard_write_byte(0x04802104, 1), 2);
}

/* A meter that is no terminal has no load control, whatever flows. */
static void test_no_load_control(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.circuits = 1;
    s.rating_ma = 0;
    s.overdraft_fen = 1000;
    rig_new(&g, &s);
    guard_draw_ma(1, 60'000, 60);
    assert_true(rig_closed(&g, 1));
    assert_false(rig_read(&g, 0x04802401));
    struct limits l = guard_usual();
    assert_int_equal(guard_set_limits(1, &l), 2);
}

/* How long the newest record of the books is, without its checksum. */
static size_t books_len(const uint8_t *slot)
{
    for (size_t len = 100; len < 768 - 4; len++) {
        struct reader r = reader_of(slot + len, 4);
        if (reader_u32le(&r) == crc32c(slot, len))
            return len;
    }
    return 0;
}

/* Books of before load control: the money is all there, nothing is tripped. */
static void test_older_books(void **state)
{
    (void)state;
    guard_begin();
    assert_int_equal(rig_money(&g, 0x070101FF, 4321, 1, CUSTOMER), 0);
    uint8_t *slot = g.nvram + g.t.books_slot * 768U;
    size_t whole = books_len(slot);
    assert_true(whole > 0);
    size_t old = whole - (3 * (1 + 1 + 1 + 8) + 1 + 4) - 6 * 4 - 4;
    slot[2] = 1;
    struct writer w = writer_of(slot + old, 4);
    writer_u32le(&w, crc32c(slot, old));
    memset(g.nvram + (1 - g.t.books_slot) * 768U, 0xFF, 768);
    rig_boot(&g);
    assert_false(g.t.nvram_fault);
    assert_int_equal(g.t.books.balance_fen, 4321);
    assert_true(rig_closed(&g, 1));
}

/* A record of newer firmware is not understood: the one before it counts, and where that is newer
 * too, the fault shows. */
static void test_newer_books(void **state)
{
    (void)state;
    guard_begin();
    assert_int_equal(rig_money(&g, 0x070101FF, 4321, 1, CUSTOMER), 0);
    for (unsigned i = 0; i < 2; i++) {
        rig_boot(&g); /* counts, and so writes the other record */
        assert_false(g.t.nvram_fault);
        assert_int_equal(g.t.books.balance_fen, 4321);
        uint8_t *slot = g.nvram + g.t.books_slot * 768U;
        size_t len = books_len(slot);
        assert_true(len > 0);
        slot[2]++;
        struct writer w = writer_of(slot + len, 4);
        writer_u32le(&w, crc32c(slot, len));
    }
    uint8_t *other = g.nvram + (1 - g.t.books_slot) * 768U;
    memcpy(other, g.nvram + g.t.books_slot * 768U, 768);
    rig_boot(&g);
    assert_true(g.t.nvram_fault);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_at_and_above),
        cmocka_unit_test(test_delay_starts_again),
        cmocka_unit_test(test_closes_again_then_locks),
        cmocka_unit_test(test_count_of_a_day),
        cmocka_unit_test(test_clock_set_back_does_not_lengthen),
        cmocka_unit_test(test_hours),
        cmocka_unit_test(test_night_current),
        cmocka_unit_test(test_kinds_of_days),
        cmocka_unit_test(test_lost_clock_is_safe),
        cmocka_unit_test(test_bad_hours),
        cmocka_unit_test(test_every_pair),
        cmocka_unit_test(test_keep_power_and_load_control),
        cmocka_unit_test(test_staff_lock),
        cmocka_unit_test(test_keep_power_starts_no_trip),
        cmocka_unit_test(test_registers_read_back),
        cmocka_unit_test(test_refused_values),
        cmocka_unit_test(test_no_load_control),
        cmocka_unit_test(test_older_books),
        cmocka_unit_test(test_newer_books),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
