/* Relays and the rest of the DL/T 645 slave: orders, addresses, clock, parameters, events. */
#include "tests/unit/terminal/rig.h"

static struct rig g;

static void fresh(int64_t preset_fen)
{
    struct terminal_setup s = rig_setup();
    s.preset_fen = preset_fen;
    rig_new(&g, &s);
}

static uint16_t state_word3(void)
{
    assert_true(rig_read(&g, 0x04000503));
    return (uint16_t)(g.answer.data[4] | g.answer.data[5] << 8);
}

static void test_orders_per_circuit(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_order(&g, 0x1A, 2, NULL), 0);
    assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_REMOTE);
    assert_true(rig_closed(&g, 1) && !rig_closed(&g, 2) && rig_closed(&g, 3));
    assert_int_equal(state_word3() & 0x10, 0); /* the meter as a whole is not open */
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 0);
    assert_int_equal(state_word3() & 0x50, 0x50);
    assert_int_equal(rig_order(&g, 0x1C, 2, NULL), 0);
    assert_true(!rig_closed(&g, 1) && rig_closed(&g, 2) && !rig_closed(&g, 3));
    assert_int_equal(rig_order(&g, 0x1C, 0, NULL), 0);
    assert_true(rig_closed(&g, 1) && rig_closed(&g, 2) && rig_closed(&g, 3));
    assert_int_equal(rig_order(&g, 0x1A, 4, NULL), 1); /* no such circuit */
    assert_int_equal(rig_order(&g, 0x77, 0, NULL), 1); /* no such order */
}

static void test_allow_waits_for_key(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 0);
    terminal_key(&g.t);
    assert_false(rig_closed(&g, 1)); /* the key lifts no order */
    assert_int_equal(rig_order(&g, 0x1B, 0, NULL), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_KEY);
    terminal_key(&g.t);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x1B, 0, NULL), 0); /* nothing was open: nothing waits */
    assert_true(rig_closed(&g, 1));
}

static void test_expiry(void **state)
{
    (void)state;
    fresh(1000);
    /* it is 2026-01-01 08:00:00 local */
    static const uint8_t now[6] = {0x00, 0x00, 0x08, 0x01, 0x01, 0x26};
    static const uint8_t past[6] = {0x59, 0x59, 0x07, 0x01, 0x01, 0x26};
    static const uint8_t no_date[6] = {0x00, 0x00, 0x00, 0x31, 0x02, 0x26};
    static const uint8_t no_bcd[6] = {0x0A, 0x00, 0x00, 0x01, 0x02, 0x26};
    assert_int_equal(rig_order(&g, 0x1A, 1, past), 1);
    assert_true(rig_read(&g, 0x048002FF));
    assert_int_equal(g.answer.data[4], 0x10); /* "time invalid", refused */
    assert_int_equal(g.answer.data[6], 1);
    assert_int_equal(rig_order(&g, 0x1A, 1, no_date), 1);
    assert_int_equal(rig_order(&g, 0x1A, 1, no_bcd), 1);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x1A, 1, now), 0); /* still in its last second */
    assert_false(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x1C, 1, past), 1);
    assert_false(rig_closed(&g, 1));
}

static void test_lost_clock_cuts_nobody(void **state)
{
    (void)state;
    fresh(1000);
    static const uint8_t later[6] = {0x00, 0x00, 0x09, 0x01, 0x01, 0x30};
    terminal_time(&g.t, g.now, g.rtc, true);
    assert_int_equal(rig_order(&g, 0x1A, 1, later), 1);
    assert_int_equal(rig_order(&g, 0x1C, 1, later), 0);
    assert_true(rig_read(&g, 0x04000501));
    assert_int_equal(g.answer.data[5] >> 7, 1); /* clock fault */
    static const uint8_t time[6] = {0x00, 0x30, 0x12, 0x02, 0x03, 0x27};
    static const uint8_t everybody[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    assert_false(
        rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, time, 6)); /* a lost clock takes any */
    assert_int_equal(rig_read_bcd(&g, 0x04000102, 3), 123'000);
    assert_int_equal(rig_order(&g, 0x1A, 1, later), 0);
}

static void test_keep_power(void **state)
{
    (void)state;
    fresh(1);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    assert_int_equal(state_word3() & 0x1000, 0x1000);
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 1);
    assert_true(rig_read(&g, 0x048002FF));
    assert_int_equal(g.answer.data[4], 0x20);
    assert_int_equal(rig_order(&g, 0x1D, 1, NULL), 1);
    rig_use(&g, 1, 1'000'000); /* credit is gone: closed all the same */
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_KEEP_POWER);
    rig_boot(&g); /* it survives a power cut */
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x3B, 0, NULL), 0);
    assert_false(rig_closed(&g, 1)); /* what was masked comes back */
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_OVERDRAFT);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    assert_true(rig_closed(&g, 1)); /* and keep-power restores */
}

static void test_timed_trips(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_order(&g, 0x1D, 0, NULL), 1); /* duration 0 */
    assert_int_equal(rig_order(&g, 0x1D, 1, NULL), 0);
    assert_int_equal(rig_why(&g, 3), TERMINAL_REASON_TIMED);
    rig_pass(&g, 200);
    assert_int_equal(rig_order(&g, 0x1D, 1, NULL), 0); /* repeating restarts the timer */
    rig_pass(&g, 299);
    assert_false(rig_closed(&g, 3));
    rig_pass(&g, 1);
    assert_true(rig_closed(&g, 3));
    assert_int_equal(rig_order(&g, 0x1E, 1, NULL), 0);
    rig_boot(&g);
    rig_pass(&g, 300);
    assert_int_equal(rig_why(&g, 3), TERMINAL_REASON_KEY);
    terminal_key(&g.t);
    assert_true(rig_closed(&g, 3));
    assert_int_equal(rig_order(&g, 0x1E, 1, NULL), 0);
    assert_int_equal(rig_order(&g, 0x1C, 0, NULL), 0); /* a close ends it */
    assert_true(rig_closed(&g, 3));
    assert_int_equal(rig_order(&g, 0x1A, 1, NULL), 0);
    assert_int_equal(rig_order(&g, 0x1D, 1, NULL), 1); /* already tripped */
}

static void test_alarm_order(void **state)
{
    (void)state;
    fresh(1000);
    assert_false(terminal_output(&g.t).backlight);
    assert_int_equal(rig_order(&g, 0x2A, 0, NULL), 0);
    assert_true(terminal_output(&g.t).backlight);
    assert_int_equal(rig_order(&g, 0x2B, 0, NULL), 0);
    assert_false(terminal_output(&g.t).backlight);
    terminal_key(&g.t);
    assert_true(terminal_output(&g.t).backlight);
    rig_pass(&g, 60);
    assert_false(terminal_output(&g.t).backlight);
}

/* Alarm limit 2 as a trip: none, closed again by time, closed again by key only. */
static void test_pretrip_modes(void **state)
{
    (void)state;
    for (unsigned mode = 0; mode <= 2; mode++) {
        fresh(1000);
        assert_int_equal(rig_write_bcd(&g, 0x04001002, 500, 4), 0);
        assert_int_equal(rig_write_bcd(&g, 0x04800301, mode, 1), 0);
        assert_int_equal(rig_write_bcd(&g, 0x04800302, 30, 2), 0);
        rig_use(&g, 1, 500 * 20'000);
        assert_int_equal(rig_closed(&g, 1), mode == 0);
        if (mode > 0)
            assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_CREDIT);
        rig_pass(&g, 29);
        assert_int_equal(rig_closed(&g, 1), mode == 0);
        rig_pass(&g, 1);
        assert_int_equal(rig_closed(&g, 1), mode != 2);
        terminal_key(&g.t);
        rig_pass(&g, 1);
        assert_true(rig_closed(&g, 1));
        rig_use(&g, 1, 20'000); /* once is enough */
        assert_true(rig_closed(&g, 1));
    }
    assert_int_equal(rig_write_bcd(&g, 0x04800301, 3, 1), 1);
}

static void test_close_by_key_after_payment(void **state)
{
    (void)state;
    fresh(0);
    assert_int_equal(rig_write_bcd(&g, 0x04800303, 1, 1), 0);
    assert_int_equal(rig_money(&g, 0x070101FF, 1000, 1, CUSTOMER), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_KEY);
    terminal_key(&g.t);
    assert_true(rig_closed(&g, 1));
}

static void test_password(void **state)
{
    (void)state;
    fresh(1000);
    static const uint8_t wrong[16] = {2,    1, 0,    0,    0,    0,    0,    0,
                                      0x1A, 0, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    assert_true(rig_send(&g, DLT645_CONTROL, wrong, 16));
    assert_int_equal(g.answer.control, 0xDC);
    assert_int_equal(g.answer.data[0], 4);
    uint8_t level[16];
    memcpy(level, wrong, 16);
    level[0] = 4; /* a level that may not do this */
    level[1] = 0;
    assert_true(rig_send(&g, DLT645_CONTROL, level, 16));
    assert_int_equal(g.answer.data[0], 4);
    level[0] = 0x98; /* ciphertext needs an ESAM */
    assert_true(rig_send(&g, DLT645_CONTROL, level, 16));
    assert_int_equal(g.answer.data[0], 4);
    assert_true(rig_send(&g, DLT645_CONTROL, wrong, 15));
    assert_int_equal(g.answer.data[0], 1);
    assert_true(rig_closed(&g, 1));

    static const uint8_t change[12] = {3, 0x0C, 0, 4, 2, 0, 0, 0, 2, 0x56, 0x34, 0x12};
    assert_true(rig_send(&g, DLT645_CHANGE_PASSWORD, change, 12));
    assert_int_equal(g.answer.control, 0x98);
    assert_memory_equal(g.answer.data, change + 8, 4);
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 4);
    rig_boot(&g);
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 4);
    assert_true(rig_send(&g, DLT645_CHANGE_PASSWORD, change, 12));
    assert_int_equal(g.answer.control, 0xD8);
}

static void test_addresses(void **state)
{
    (void)state;
    fresh(1000);
    static const uint8_t any[6] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    static const uint8_t low[6] = {0x12, 0x00, 0xAA, 0xAA, 0xAA, 0xAA};
    static const uint8_t other[6] = {0x13, 0x00, 0x51, 0x05, 0x03, 0x26};
    static const uint8_t other_low[6] = {0x13, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    static const uint8_t real[6] = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26};
    assert_true(rig_send_to(&g, any, DLT645_READ_ADDRESS, NULL, 0));
    assert_int_equal(g.answer.control, 0x93);
    assert_memory_equal(g.answer.address, real, 6); /* the real address, not the wildcard */
    assert_memory_equal(g.answer.data, real, 6);
    static const uint8_t di[4] = {0, 0, 1, 0};
    assert_true(rig_send_to(&g, low, DLT645_READ, di, 4));
    assert_false(rig_send_to(&g, other, DLT645_READ, di, 4));
    assert_false(rig_send_to(&g, other_low, DLT645_READ, di, 4));
    assert_false(rig_send(&g, 0x91, di, 4));                    /* somebody's answer */
    assert_false(rig_send(&g, DLT645_WRITE_ADDRESS, other, 6)); /* silent without the key */
    terminal_set_programming(&g.t, true);
    assert_false(rig_send(&g, DLT645_WRITE_ADDRESS, any, 6)); /* no digits */
    assert_true(rig_send(&g, DLT645_WRITE_ADDRESS, other, 6));
    rig_boot(&g);
    assert_true(rig_send_to(&g, other, DLT645_READ, di, 4));
    assert_memory_equal(g.answer.address, other, 6);
}

static void test_broadcast_time(void **state)
{
    (void)state;
    fresh(1000);
    static const uint8_t everybody[6] = {0x99, 0x99, 0x99, 0x99, 0x99, 0x99};
    static const uint8_t far[6] = {0x01, 0x05, 0x08, 0x01, 0x01, 0x26};  /* 301 s ahead */
    static const uint8_t near[6] = {0x00, 0x05, 0x08, 0x01, 0x01, 0x26}; /* 300 s ahead */
    static const uint8_t back[6] = {0x00, 0x04, 0x08, 0x01, 0x01, 0x26};
    assert_false(rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, far, 6));
    assert_int_equal(rig_read_bcd(&g, 0x04000102, 3), 80'000);
    assert_false(rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, near, 6));
    assert_int_equal(rig_read_bcd(&g, 0x04000102, 3), 80'500);
    assert_false(rig_send_to(&g, everybody, DLT645_BROADCAST_TIME, back, 6)); /* once a day */
    assert_int_equal(rig_read_bcd(&g, 0x04000102, 3), 80'500);
    rig_boot(&g);
    assert_int_equal(rig_read_bcd(&g, 0x04000102, 3), 80'500); /* kept over a power cut */
    assert_int_equal(rig_read_bcd(&g, 0x03300400, 3), 1);
}

static void test_clock_written(void **state)
{
    (void)state;
    fresh(1000);
    assert_int_equal(rig_read_bcd(&g, 0x04000101, 4), 26'010'104); /* a Thursday */
    static const uint8_t both[7] = {0x58, 0x59, 0x23, 0x00, 0x28, 0x02, 0x28};
    assert_int_equal(rig_write(&g, 0x0400010C, both, 7), 0);
    rig_pass(&g, 2);
    assert_int_equal(rig_read_bcd(&g, 0x0400010C, 7), 28'022'902'000'000); /* leap day, Tuesday */
    static const uint8_t bad[7] = {0x58, 0x59, 0x23, 0x00, 0x30, 0x02, 0x28};
    assert_int_equal(rig_write(&g, 0x0400010C, bad, 7), 1);
    assert_int_equal(rig_write(&g, 0x04000102, both, 2), 1);
    assert_int_equal(rig_write_bcd(&g, 0x04000102, 123'456, 3), 0);
    assert_int_equal(rig_read_bcd(&g, 0x04000102, 3), 123'456);
}

static void test_parameters(void **state)
{
    (void)state;
    fresh(1000);
    for (uint32_t i = 1; i <= 5; i++)
        assert_int_equal(rig_write_bcd(&g, 0x04001000 + i, 100 * i, 4), 0);
    for (uint32_t i = 1; i <= 4; i++)
        assert_int_equal(rig_write_bcd(&g, 0x04050100 + i, 1000 * i, 4), 0);
    static const uint8_t table[9] = {0x04, 0x00, 0x00, 0x02, 0x30, 0x08, 0x02, 0x30, 0x08};
    assert_int_equal(rig_write(&g, 0x04010001, table, 9), 0);
    rig_boot(&g);
    for (uint32_t i = 1; i <= 5; i++)
        assert_int_equal(rig_read_bcd(&g, 0x04001000 + i, 4), 100 * i);
    assert_true(rig_read(&g, 0x040501FF));
    assert_int_equal(g.answer.len, 20);
    assert_true(rig_read(&g, 0x04010001)); /* the repeated entry is not one */
    assert_int_equal(g.answer.len, 4 + 6);
    assert_memory_equal(g.answer.data + 4, table, 6);
    assert_int_equal(rig_read_bcd(&g, 0x03300000, 3), 10);
    static const uint8_t backwards[6] = {0x04, 0x00, 0x08, 0x02, 0x30, 0x07};
    assert_int_equal(rig_write(&g, 0x04010001, backwards, 6), 1);
    static const uint8_t rate5[3] = {0x05, 0x00, 0x08};
    assert_int_equal(rig_write(&g, 0x04010001, rate5, 3), 1);
    assert_int_equal(rig_write(&g, 0x04001001, (const uint8_t *)"\x0A\0\0\0", 4), 1);
    assert_int_equal(rig_write_bcd(&g, 0x04001001, 5, 3), 1);
    assert_int_equal(rig_write_bcd(&g, 0x04001006, 5, 4), 2);
    assert_true(rig_read(&g, 0x04010001));
    assert_memory_equal(g.answer.data + 4, table, 6); /* refused writes changed nothing */
}

static void test_measured_values(void **state)
{
    (void)state;
    struct terminal_setup s = rig_setup();
    s.circuits = 1;
    s.phases = 3;
    rig_new(&g, &s);
    const struct terminal_sample sample = {
        .voltage_dv = {2205, 2210, 2198},
        .current_ma = {1234, 0, 56'789},
        .power_mw = {271'100, 0, -12'480'000},
        .frequency_chz = 5002,
    };
    terminal_measure(&g.t, &sample);
    assert_int_equal(rig_read_bcd(&g, 0x02010100, 2), 2205);
    assert_int_equal(rig_read_bcd(&g, 0x0201FF00, 6), 219'822'102'205);
    assert_int_equal(rig_read_bcd(&g, 0x02020300, 3), 56'789);
    assert_int_equal(rig_read_bcd(&g, 0x02030100, 3), 2711);
    assert_true(rig_read(&g, 0x02030300));
    assert_memory_equal(g.answer.data + 4, "\x00\x48\x92", 3); /* -12.4800 kW */
    assert_true(rig_read(&g, 0x0203FF00));
    assert_int_equal(g.answer.len, 4 + 12);
    assert_int_equal(rig_read_bcd(&g, 0x02800002, 2), 5002);
    assert_int_equal(rig_read_bcd(&g, 0x02800020, 4), 5000);
    assert_false(rig_read(&g, 0x02010400));
    assert_int_equal(g.answer.data[0], 2);
}

static void test_private_block(void **state)
{
    (void)state;
    fresh(1000);
    struct terminal_sample sample = {.power_mw = {100'000, 1'500'000, 0}};
    terminal_measure(&g.t, &sample);
    rig_use(&g, 1, 120'000);
    rig_use(&g, 2, 3'450'000);
    assert_int_equal(rig_order(&g, 0x1A, 3, NULL), 0);
    assert_true(rig_read(&g, 0x048001FF));
    static const uint8_t want[] = {3,    0x12, 0,    0, 0, 0x00, 0x10, 0, 0, 0, 0x45, 0x03, 0, 0,
                                   0x00, 0x50, 0x01, 0, 0, 0,    0,    0, 0, 0, 0,    0,    1, 1};
    assert_int_equal(g.answer.len, 4 + sizeof want);
    assert_memory_equal(g.answer.data + 4, want, sizeof want);
}

static void test_event_ring(void **state)
{
    (void)state;
    fresh(1000);
    for (uint32_t i = 1; i <= 31; i++) {
        rig_pass(&g, 60);
        rig_use(&g, 1, 10'000);
        assert_int_equal(rig_order(&g, 0x1A, (uint8_t)(1 + i % 3), NULL), 0);
        assert_int_equal(rig_order(&g, 0x1C, 0, NULL), 0);
    }
    rig_boot(&g);
    assert_int_equal(rig_read_bcd(&g, 0x1D000001, 3), 31);
    assert_int_equal(rig_read_bcd(&g, 0x1E000001, 3), 31);
    assert_true(rig_read(&g, 0x1D000101)); /* the last */
    static const uint8_t last[] = {0x00, 0x31, 0x08, 0x01, 0x01, 0x26, 0x44,
                                   0x33, 0x22, 0x11, 0x31, 0x00, 0x00, 0x00};
    assert_int_equal(g.answer.len, 4 + 34);
    assert_memory_equal(g.answer.data + 4, last, sizeof last);
    assert_true(rig_read(&g, 0x1D00011E)); /* the 30th last is number 2: number 1 is gone */
    assert_int_equal(g.answer.data[5], 0x02);
    assert_false(rig_read(&g, 0x1D00011F));
    assert_true(rig_read(&g, 0x04801001));
    assert_int_equal(g.answer.data[4 + 6], 2);
    assert_int_equal(g.answer.data[4 + 7], TERMINAL_REASON_REMOTE);
}

/* Frames behind one another in one call: whose events would find no room is not heard, and no event
 * is lost. */
static void test_frames_in_one_call(void **state)
{
    (void)state;
    fresh(1000);
    uint8_t wire[4 * DLT645_FRAME_MAX];
    struct writer w = writer_of(wire, sizeof wire);
    static const uint8_t orders[] = {0x1A, 0x1C, 0x1A, 0x1C};
    for (size_t i = 0; i < sizeof orders; i++) {
        struct dlt645_frame f = {.control = DLT645_CONTROL, .len = 16};
        uint8_t data[16] = {2, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, orders[i], 0};
        memset(data + 10, 0x99, 6);
        memcpy(f.address, g.setup.address, 6);
        memcpy(f.data, data, sizeof data);
        dlt645_encode(&f, 4, &w);
    }
    assert_ok(w.err);
    terminal_receive(&g.t, wire, w.len);
    rig_pass(&g, 1);
    assert_int_equal(rig_read_bcd(&g, 0x1D000001, 3), 3);
    assert_int_equal(rig_read_bcd(&g, 0x1E000001, 3), 3);
    for (uint32_t nn = 1; nn <= 3; nn++) {
        struct terminal_event trip, close;
        assert_true(terminal_event_read(&g.t, true, nn, &trip));
        assert_true(terminal_event_read(&g.t, false, nn, &close));
        assert_int_equal(trip.number, 4 - nn);
        assert_int_equal(close.number, 4 - nn);
        assert_int_equal(close.operator_code, 0x11223344);
    }
    assert_int_equal(rig_order(&g, 0x1A, 0, NULL), 0); /* heard again */
    assert_int_equal(rig_read_bcd(&g, 0x1D000001, 3), 6);
}

static void test_refused_functions(void **state)
{
    (void)state;
    fresh(1000);
    static const struct {
        uint8_t control, err;
    } rows[] = {{0x12, 2}, {0x16, 1}, {0x17, 8}, {0x19, 1}, {0x1A, 1}, {0x1B, 1}, {0x1D, 1}};
    uint8_t data[12] = {0};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(rig_send(&g, rows[i].control, data, 8));
        assert_int_equal(g.answer.control, rows[i].control | 0xC0);
        assert_int_equal(g.answer.data[0], rows[i].err);
    }
    assert_false(rig_send(&g, 0x07, data, 4)); /* nothing of the standard */
    assert_true(rig_send(&g, DLT645_READ, data, 3));
    assert_int_equal(g.answer.data[0], 1);
    assert_true(rig_send(&g, DLT645_READ, data, 5));
    assert_int_equal(g.answer.data[0], 2);
}

/* Preambles, noise, two frames at once, bytes one by one, a half frame that is given up. */
static void test_stream(void **state)
{
    (void)state;
    fresh(1000);
    static const uint8_t ask[] = {0x68, 0x12, 0x00, 0x51, 0x05, 0x03, 0x26, 0x68,
                                  0x11, 0x04, 0x33, 0x35, 0xC3, 0x33, 0xD4, 0x16};
    uint8_t wire[64] = {0x00, 0x68, 0x11, 0xFE, 0xFE};
    memcpy(wire + 5, ask, sizeof ask);
    terminal_receive(&g.t, wire, 5 + sizeof ask);
    assert_int_equal(terminal_take_answer(&g.t).len, 4 + 20);
    for (size_t i = 0; i < sizeof ask; i++) {
        assert_int_equal(terminal_take_answer(&g.t).len, 0);
        terminal_receive(&g.t, ask + i, 1);
    }
    assert_int_equal(terminal_take_answer(&g.t).len, 4 + 20);
    terminal_receive(&g.t, ask, 10);
    rig_pass(&g, 1);
    terminal_receive(&g.t, ask + 10, sizeof ask - 10); /* too late: not the rest of a frame */
    assert_int_equal(terminal_take_answer(&g.t).len, 0);
    rig_pass(&g, 1);
    terminal_receive(&g.t, ask, sizeof ask);
    assert_int_equal(terminal_take_answer(&g.t).len, 4 + 20);
    uint8_t noise[1000];
    memset(noise, 0x68, sizeof noise);
    terminal_receive(&g.t, noise, sizeof noise);
    rig_pass(&g, 1);
    terminal_receive(&g.t, ask, sizeof ask);
    assert_int_equal(terminal_take_answer(&g.t).len, 4 + 20);
}

/* Ten wrong passwords in a row: their port is deaf for a minute, the other one is not. */
static void test_guessed_passwords(void **state)
{
    (void)state;
    static const uint8_t wrong[16] = {2,    1,    2,    3,    [8] = 0x2A, 0,
                                      0x99, 0x99, 0x99, 0x99, 0x99,       0x99};
    fresh(1000);
    for (unsigned i = 0; i < 9; i++)
        assert_true(rig_send(&g, DLT645_CONTROL, wrong, sizeof wrong));
    assert_int_equal(rig_order(&g, 0x2A, 0, NULL), 0); /* a right one in between */
    for (unsigned i = 0; i < 9; i++)
        assert_true(rig_send(&g, DLT645_CONTROL, wrong, sizeof wrong));
    assert_int_equal(rig_write_bcd(&g, 0x04800302, 90, 2), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_true(rig_send(&g, DLT645_CONTROL, wrong, sizeof wrong));
    assert_int_equal(rig_order(&g, 0x2B, 0, NULL), 4);
    assert_true(g.t.books.alarm_ordered);
    static const uint8_t right[] = {0x68, 0x12, 0x00, 0x51, 0x05, 0x03, 0x26, 0x68,
                                    0x14, 0x0E, 0x35, 0x36, 0xB3, 0x37, 0x35, 0x33,
                                    0x33, 0x33, 0x33, 0x33, 0x33, 0x33, 0x78, 0x33};
    uint8_t frame[sizeof right + 2], sum = 0;
    memcpy(frame, right, sizeof right);
    for (size_t i = 0; i < sizeof right; i++)
        sum = (uint8_t)(sum + right[i]);
    frame[sizeof right] = sum;
    frame[sizeof right + 1] = 0x16;
    terminal_receive_at(&g.t, TERMINAL_INFRARED, frame, sizeof frame);
    assert_int_equal(g.t.config.pretrip_wait_s, 45);
    rig_pass(&g, 59);
    assert_int_equal(rig_order(&g, 0x2B, 0, NULL), 4);
    rig_pass(&g, 1);
    assert_int_equal(rig_order(&g, 0x2B, 0, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_per_circuit),
        cmocka_unit_test(test_allow_waits_for_key),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_lost_clock_cuts_nobody),
        cmocka_unit_test(test_keep_power),
        cmocka_unit_test(test_timed_trips),
        cmocka_unit_test(test_alarm_order),
        cmocka_unit_test(test_pretrip_modes),
        cmocka_unit_test(test_close_by_key_after_payment),
        cmocka_unit_test(test_password),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_broadcast_time),
        cmocka_unit_test(test_clock_written),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_measured_values),
        cmocka_unit_test(test_private_block),
        cmocka_unit_test(test_event_ring),
        cmocka_unit_test(test_frames_in_one_call),
        cmocka_unit_test(test_refused_functions),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_guessed_passwords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
