/*
 * Time control and load control: hours, limits, forbidden heating, the white list, the unplugged
 * air conditioner, closing again, the lock, and which reason counts when several hold.
 */
#include "tests/unit/terminal/rig.h"

#include "base/rand.h"

static struct rig g;

/* What register 048024nn holds; the test's own idea of its layout. */
struct limits {
    uint8_t flags;
    uint16_t power_w, current_ma, night_w, night_ma;
    uint8_t delay_s, recloses;
    uint16_t reclose_s, step_w, standby_ma;
    uint8_t unplugged_s;
};

#define TIMED 1
#define MALIGNANT 2
#define AIRCON 4

static struct limits usual(void)
{
    return (struct limits){.delay_s = 2,
                           .recloses = 2,
                           .reclose_s = 60,
                           .step_w = 150,
                           .standby_ma = 6,
                           .unplugged_s = 5};
}

static size_t put_limits(const struct limits *l, uint8_t out[20])
{
    struct writer w = writer_of(out, 20);
    writer_u8(&w, l->flags);
    writer_u16le(&w, l->power_w);
    writer_u16le(&w, l->current_ma);
    writer_u16le(&w, l->night_w);
    writer_u16le(&w, l->night_ma);
    writer_u8(&w, l->delay_s);
    writer_u8(&w, l->recloses);
    writer_u16le(&w, l->reclose_s);
    writer_u16le(&w, l->step_w);
    writer_u16le(&w, l->standby_ma);
    writer_u8(&w, l->unplugged_s);
    assert_ok(w.err);
    return w.len;
}

static int set_limits(unsigned circuit, const struct limits *l)
{
    uint8_t data[20];
    size_t len = put_limits(l, data);
    return rig_write(&g, 0x04802400 + circuit, data, len);
}

/* "0800-2200 on" ...: hhmm, hhmm, cover; BCD, minutes first on the wire. */
static int set_hours(uint32_t table, const uint16_t (*list)[3], size_t count)
{
    uint8_t data[64];
    struct writer w = writer_of(data, sizeof data);
    for (size_t i = 0; i < count; i++) {
        writer_bcd_le(&w, list[i][0], 2);
        writer_bcd_le(&w, list[i][1], 2);
        writer_u8(&w, (uint8_t)list[i][2]);
    }
    return rig_write(&g, table, data, w.len);
}

static int one_byte(uint32_t di, uint8_t v)
{
    return rig_write(&g, di, &v, 1);
}

static void begin(void)
{
    struct terminal_setup s = rig_setup();
    s.overdraft_fen = 100'000;
    rig_new(&g, &s);
}

/* One circuit draws, the others are idle. */
static struct terminal_sample drawing(unsigned circuit, int32_t mw, int32_t mvar)
{
    struct terminal_sample s = {.voltage_dv = {2200}, .frequency_chz = 5000, .has_reactive = true};
    int64_t size = (int64_t)mw * mw + (int64_t)mvar * mvar;
    int64_t va = 0;
    while (va * va < size)
        va += 100;
    s.power_mw[circuit - 1] = mw;
    s.reactive_mvar[circuit - 1] = mvar;
    s.current_ma[circuit - 1] = (uint32_t)(va / 220);
    return s;
}

static void draw(unsigned circuit, int32_t mw, int32_t mvar, int64_t seconds)
{
    struct terminal_sample s = drawing(circuit, mw, mvar);
    for (int64_t i = 0; i < seconds; i++) {
        if (!rig_closed(&g, circuit))
            s = drawing(circuit, 0, 0);
        rig_measure(&g, &s, 1000);
    }
}

static void ma(unsigned circuit, uint32_t current_ma, int64_t seconds)
{
    struct terminal_sample s = {.voltage_dv = {2200}};
    s.current_ma[circuit - 1] = current_ma;
    for (int64_t i = 0; i < seconds; i++)
        rig_measure(&g, &s, 1000);
}

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
        begin();
        struct limits l = usual();
        l.power_w = rows[i].with.power_w;
        l.current_ma = rows[i].with.current_ma;
        assert_int_equal(set_limits(2, &l), 0);
        draw(2, rows[i].mw, 0, 60);
        assert_true(rig_closed(&g, 2));
        draw(2, rows[i].over_mw, 0, 2); /* above since 1 s: the delay is 2 s */
        assert_true(rig_closed(&g, 2));
        draw(2, rows[i].over_mw, 0, 1);
        assert_false(rig_closed(&g, 2));
        assert_int_equal(rig_why(&g, 2), rows[i].reason);
        assert_true(rig_closed(&g, 1) && rig_closed(&g, 3));
    }
}

static void test_delay_starts_again(void **state)
{
    (void)state;
    begin();
    struct limits l = usual();
    l.power_w = 500;
    assert_int_equal(set_limits(1, &l), 0);
    for (unsigned i = 0; i < 20; i++) {
        draw(1, 600'000, 0, 2);
        draw(1, 400'000, 0, 1);
    }
    assert_true(rig_closed(&g, 1));
}

static void test_closes_again_then_locks(void **state)
{
    (void)state;
    begin();
    struct limits l = usual();
    l.power_w = 500;
    assert_int_equal(set_limits(1, &l), 0);
    for (unsigned i = 0; i < 2; i++) {
        draw(1, 900'000, 0, 3);
        assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
        draw(1, 0, 0, 59);
        assert_false(rig_closed(&g, 1));
        draw(1, 0, 0, 1);
        assert_true(rig_closed(&g, 1));
    }
    draw(1, 900'000, 0, 3);
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
    assert_int_equal(one_byte(0x04802101, 1), 0);
    assert_true(rig_closed(&g, 1));
}

/* The count is of a day: the local midnight gives it back, but unlocks nothing. */
static void test_count_of_a_day(void **state)
{
    (void)state;
    begin();
    struct limits l = usual();
    l.power_w = 500;
    l.recloses = 1;
    assert_int_equal(set_limits(1, &l), 0);
    draw(1, 900'000, 0, 3);
    rig_pass(&g, 60);
    assert_true(rig_closed(&g, 1));
    rig_pass(&g, 16 * 3600); /* 08:01 + 16 h: after midnight in Beijing */
    draw(1, 900'000, 0, 3);
    assert_false(terminal_output(&g.t).locked[0]);
    rig_pass(&g, 60);
    assert_true(rig_closed(&g, 1));
    draw(1, 900'000, 0, 3);
    assert_true(terminal_output(&g.t).locked[0]);
}

static void test_clock_set_back_does_not_lengthen(void **state)
{
    (void)state;
    begin();
    struct limits l = usual();
    l.power_w = 500;
    assert_int_equal(set_limits(1, &l), 0);
    draw(1, 900'000, 0, 3);
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
    begin(); /* Thursday 2026-01-01 08:00 */
    struct limits l = usual();
    l.flags = TIMED;
    l.night_w = 200;
    assert_int_equal(set_hours(0x04802501, school, 4), 0);
    assert_int_equal(set_limits(1, &l), 0);
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
    draw(1, 900'000, 0, 10);
    assert_true(rig_closed(&g, 1));    /* a night limit is none by day */
    rig_pass(&g, 11 * 3600 + 30 * 60); /* 23:00 */
    draw(1, 200'000, 0, 10);
    assert_true(rig_closed(&g, 1));
    draw(1, 200'001, 0, 3);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_NIGHT);
    rig_pass(&g, 5 * 3600); /* 04:00: night goes on behind midnight */
    assert_true(rig_closed(&g, 1));
    draw(1, 300'000, 0, 3);
    assert_false(rig_closed(&g, 1));
}

static void test_night_current(void **state)
{
    (void)state;
    begin();
    struct limits l = usual();
    static const uint16_t always[][3] = {{0, 2400, 2}};
    l.flags = TIMED;
    l.night_ma = 2'000;
    assert_int_equal(set_hours(0x04802501, always, 1), 0);
    assert_int_equal(set_limits(1, &l), 0);
    ma(1, 2'000, 10);
    assert_true(rig_closed(&g, 1));
    ma(1, 2'001, 3);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_NIGHT);
}

/* A Saturday is a holiday, unless it is a working day to make up for one; and the other way round.
 */
static void test_kinds_of_days(void **state)
{
    (void)state;
    begin();
    static const uint16_t work[][3] = {{700, 900, 1}}, free[][3] = {{0, 2400, 1}};
    struct limits l = usual();
    l.flags = TIMED;
    assert_int_equal(set_hours(0x04802501, work, 1), 0);
    assert_int_equal(set_hours(0x04802601, free, 1), 0);
    assert_int_equal(set_limits(1, &l), 0);
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
    begin();
    static const uint16_t never_now[][3] = {{300, 400, 1}};
    struct limits l = usual();
    l.flags = TIMED;
    assert_int_equal(set_hours(0x04802501, never_now, 1), 0);
    assert_int_equal(set_limits(1, &l), 0);
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
    begin();
    assert_int_equal(set_hours(0x04802501, school, 4), 0);
    uint8_t before[64];
    assert_true(rig_read(&g, 0x04802501));
    memcpy(before, g.answer.data + 4, 40);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(set_hours(0x04802501, bad[i], 2), 1);
    assert_int_equal(set_hours(0x04802504, school, 4), 2); /* no circuit 4 */
    assert_true(rig_read(&g, 0x04802501));
    assert_memory_equal(before, g.answer.data + 4, 40);
}

/* --- forbidden heating ----------------------------------------------------------------------- */

static void watch_heating(unsigned circuit)
{
    begin();
    struct limits l = usual();
    l.flags = MALIGNANT;
    assert_int_equal(set_limits(circuit, &l), 0);
    draw(circuit, 60'000, 20'000, 20); /* a lamp and a laptop */
}

static void test_heating_trips_and_is_explained(void **state)
{
    (void)state;
    watch_heating(2);
    draw(2, 1'060'000, 20'000, 4);
    assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
    assert_true(rig_read(&g, 0x04801101));
    struct reader r = reader_of(g.answer.data + 4, g.answer.len - 4U);
    assert_int_equal(reader_u8(&r), LOAD_HEATING);
    (void)reader_u8(&r);
    int32_t power_mw = (int32_t)reader_u32le(&r), reactive_mvar = (int32_t)reader_u32le(&r);
    assert_in_range(power_mw, 990'000, 1'010'000);
    assert_in_range(reactive_mvar + 100'000, 90'000, 110'000);
    assert_in_range(reader_u16le(&r), 990, 1000);
    assert_true(rig_read(&g, 0x04801001));
    assert_int_equal(g.answer.data[4 + 6], 2);
    assert_int_equal(g.answer.data[4 + 7], TERMINAL_REASON_MALIGNANT);
    /* the explanation outlives the power */
    rig_boot(&g);
    assert_true(rig_read(&g, 0x04801101));
    /* another trip has none */
    assert_int_equal(rig_order(&g, 0x1A, 1, NULL), 0);
    assert_false(rig_read(&g, 0x04801101));
    assert_true(rig_read(&g, 0x04801102));
}

static void test_motor_stays(void **state)
{
    (void)state;
    watch_heating(2);
    draw(2, 560'000, 520'000, 30);
    assert_true(rig_closed(&g, 2));
}

static void test_not_watched_not_tripped(void **state)
{
    (void)state;
    begin();
    draw(2, 60'000, 0, 20);
    draw(2, 1'500'000, 0, 30);
    assert_true(rig_closed(&g, 2));
}

static void test_white_list(void **state)
{
    (void)state;
    watch_heating(2);
    uint8_t white[32] = {0};
    struct writer w = writer_of(white, sizeof white);
    writer_u16le(&w, 1000); /* a dispenser */
    assert_int_equal(rig_write(&g, 0x04802202, white, sizeof white), 0);
    draw(2, 1'060'000, 20'000, 30);
    assert_true(rig_closed(&g, 2));
    draw(2, 60'000, 20'000, 30);
    draw(2, 1'260'000, 20'000, 4); /* a kettle of other power */
    assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
}

static void test_learning(void **state)
{
    (void)state;
    watch_heating(2);
    const uint8_t minute[] = {60, 0};
    assert_int_equal(rig_write(&g, 0x04802302, minute, 2), 0);
    draw(2, 1'060'000, 20'000, 10);
    assert_true(rig_closed(&g, 2));
    assert_true(rig_read(&g, 0x04802202));
    struct reader r = reader_of(g.answer.data + 4, 32);
    assert_in_range(reader_u16le(&r), 990, 1010);
    rig_boot(&g);
    draw(2, 60'000, 20'000, 20);
    draw(2, 1'060'000, 20'000, 10);
    assert_true(rig_closed(&g, 2)); /* remembered */
    draw(2, 2'560'000, 20'000, 4);
    assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT); /* only the first was learnt */
}

/* The dispenser and a laptop come back in one step when the circuit closes again. */
static void test_return_after_closing(void **state)
{
    (void)state;
    watch_heating(2);
    uint8_t white[32] = {0};
    struct writer w = writer_of(white, sizeof white);
    writer_u16le(&w, 800);
    assert_int_equal(rig_write(&g, 0x04802202, white, sizeof white), 0);
    assert_int_equal(rig_order(&g, 0x1A, 2, NULL), 0);
    draw(2, 0, 0, 10);
    assert_int_equal(rig_order(&g, 0x1C, 2, NULL), 0);
    draw(2, 900'000, 10'000, 20);
    assert_true(rig_closed(&g, 2));
    /* the same step later is no return */
    draw(2, 20'000, 0, 20);
    draw(2, 920'000, 10'000, 4);
    assert_false(rig_closed(&g, 2));
    /* and a heater in the place of the dispenser is found when it returns */
    rig_pass(&g, 60);
    draw(2, 1'500'000, 10'000, 4);
    assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
}

/* Laptops' distortion would hide the heater in the one step in which all come back. */
static void test_heater_returns_among_others(void **state)
{
    (void)state;
    for (int still_there = 0; still_there <= 1; still_there++) {
        begin();
        struct limits l = usual();
        l.flags = MALIGNANT;
        assert_int_equal(set_limits(2, &l), 0);
        struct terminal_sample quiet = drawing(2, 300'000, 60'000), heated, none = drawing(2, 0, 0);
        quiet.has_harmonics = true;
        quiet.current_ma[1] = 2'200; /* 484 VA: 375 of them distortion */
        quiet.harmonic_ma[1][0] = 1'300;
        for (int i = 0; i < 20; i++)
            rig_measure(&g, &quiet, 1000);
        heated = quiet;
        heated.power_mw[1] += 600'000;
        heated.current_ma[1] = 4'440;
        for (int i = 0; i < 4; i++)
            rig_measure(&g, &heated, 1000);
        assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
        for (int i = 0; i < 62 && !rig_closed(&g, 2); i++)
            rig_measure(&g, &none, 1000);
        assert_true(rig_closed(&g, 2));
        for (int i = 0; i < 4; i++)
            rig_measure(&g, still_there ? &heated : &quiet, 1000);
        assert_int_equal(rig_closed(&g, 2), !still_there);
    }
}

/* A kettle was found while the dispenser rested. The circuit closes: a dispenser beside a
 * compressor is no heating; the kettle is, alone and beside them. */
static void test_white_load_rested_before_the_trip(void **state)
{
    (void)state;
    static const struct {
        int32_t mw, mvar;
        bool stays;
    } back[] = {{515'000, 37'000, true},
                {60'000, 20'000, true},
                {560'000, 20'000, false},
                {990'000, 40'000, false},
                {1'460'000, 20'000, false}};
    for (size_t i = 0; i < sizeof back / sizeof back[0]; i++) {
        watch_heating(2);
        uint8_t white[32] = {0};
        struct writer w = writer_of(white, sizeof white);
        writer_u16le(&w, 430);
        assert_int_equal(rig_write(&g, 0x04802202, white, sizeof white), 0);
        draw(2, 560'000, 20'000, 4); /* 500 W of heating above what draws already */
        assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
        for (int k = 0; k < 130 && !rig_closed(&g, 2); k++)
            draw(2, 0, 0, 1);
        assert_true(rig_closed(&g, 2));
        draw(2, back[i].mw, back[i].mvar, 4);
        if (rig_closed(&g, 2) != back[i].stays)
            fail_msg("%d W came back: %s", back[i].mw / 1000, back[i].stays ? "cut" : "stayed");
    }
}

/* --- air conditioner ------------------------------------------------------------------------- */

static void watch_aircon(void)
{
    begin();
    struct limits l = usual();
    l.flags = AIRCON;
    assert_int_equal(set_limits(3, &l), 0);
    ma(3, 9, 30);
    assert_true(rig_closed(&g, 3));
}

static void test_unplugged(void **state)
{
    (void)state;
    watch_aircon();
    ma(3, 8'000, 60);
    ma(3, 8, 60);
    ma(3, 0, 4);
    assert_true(rig_closed(&g, 3));
    ma(3, 0, 20);
    assert_int_equal(rig_why(&g, 3), TERMINAL_REASON_AIRCON);
    assert_true(terminal_output(&g.t).locked[2]);
    rig_pass(&g, 3 * 86'400);
    assert_int_equal(rig_order(&g, 0x1C, 3, NULL), 0);
    assert_false(rig_closed(&g, 3));
    assert_int_equal(one_byte(0x04802103, 1), 0);
    assert_true(rig_closed(&g, 3));
    ma(3, 0, 60); /* not plugged in yet: nothing to miss */
    assert_true(rig_closed(&g, 3));
}

static void test_not_unplugged(void **state)
{
    (void)state;
    watch_aircon();
    struct terminal_sample dark = {.voltage_dv = {300}}, none = {.voltage_dv = {2200}};
    for (unsigned i = 0; i < 30; i++)
        rig_measure(&g, &dark, 1000); /* the supply is away */
    assert_true(rig_closed(&g, 3));
    rig_boot(&g);
    ma(3, 0, 3);
    assert_true(rig_closed(&g, 3));
    ma(3, 9, 30);
    assert_int_equal(rig_order(&g, 0x1A, 3, NULL), 0); /* the relay's own doing */
    ma(3, 0, 60);
    assert_int_equal(rig_order(&g, 0x1C, 3, NULL), 0);
    ma(3, 0, 3);
    ma(3, 9, 60);
    assert_true(rig_closed(&g, 3));
    for (unsigned i = 0; i < 600; i++) /* noise around the standby current */
        ma(3, i % 3 == 0 ? 2 : 9, 1);
    assert_true(rig_closed(&g, 3));
    rig_measure(&g, &none, 4000); /* one gap of four seconds */
    ma(3, 9, 10);
    assert_true(rig_closed(&g, 3));
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
            begin();
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
        begin();
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
    begin();
    assert_int_equal(one_byte(0x04802001, 1), 0);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_STAFF);
    assert_true(rig_closed(&g, 2));
    rig_boot(&g);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_STAFF);
    assert_int_equal(one_byte(0x04802001, 0), 0);
    assert_true(rig_closed(&g, 1));
}

static void test_keep_power_starts_no_trip(void **state)
{
    (void)state;
    begin();
    struct limits l = usual();
    l.power_w = 500;
    l.flags = MALIGNANT | AIRCON;
    assert_int_equal(set_limits(1, &l), 0);
    assert_int_equal(rig_order(&g, 0x3A, 0, NULL), 0);
    draw(1, 60'000, 0, 10);
    draw(1, 1'500'000, 0, 30);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(rig_order(&g, 0x3B, 0, NULL), 0);
    draw(1, 1'500'000, 0, 3);
    assert_int_equal(rig_why(&g, 1), TERMINAL_REASON_LOAD);
}

/* --- registers ------------------------------------------------------------------------------- */

static void test_registers_read_back(void **state)
{
    (void)state;
    begin();
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
    size_t len = put_limits(&l, want);
    assert_int_equal(set_limits(3, &l), 0);
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
    begin();
    struct limits l = usual();
    l.current_ma = 15'001;
    assert_int_equal(set_limits(1, &l), 1);
    l = usual();
    l.flags = 8;
    assert_int_equal(set_limits(1, &l), 1);
    l = usual();
    l.step_w = 29;
    assert_int_equal(set_limits(1, &l), 1);
    l = usual();
    l.standby_ma = 1;
    assert_int_equal(set_limits(1, &l), 1);
    const uint8_t calendars[][5] = {
        {0x80}, {0x41, 0x30, 0x02, 0x26, 1}, {0x41, 0x01, 0x02, 0x26, 2}};
    assert_int_equal(rig_write(&g, 0x04802700, calendars[0], 1), 1);
    assert_int_equal(rig_write(&g, 0x04802700, calendars[1], 5), 1);
    assert_int_equal(rig_write(&g, 0x04802700, calendars[2], 5), 1);
    assert_int_equal(rig_write(&g, 0x04802700, calendars[2], 4), 1);
    assert_int_equal(one_byte(0x04802001, 2), 1);
    assert_int_equal(one_byte(0x04802101, 0), 1);
    const uint8_t long_learning[] = {0xFF, 0xFF};
    assert_int_equal(rig_write(&g, 0x04802301, long_learning, 2), 1);
    assert_int_equal(one_byte(0x04802801, 1), 2);
    assert_int_equal(rig_write(&g, 0x04802201, calendars[0], 5), 1);
    assert_int_equal(one_byte(0x04802104, 1), 2);
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
    ma(1, 60'000, 60);
    assert_true(rig_closed(&g, 1));
    assert_false(rig_read(&g, 0x04802401));
    struct limits l = usual();
    assert_int_equal(set_limits(1, &l), 2);
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
    begin();
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
    begin();
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
        cmocka_unit_test(test_heating_trips_and_is_explained),
        cmocka_unit_test(test_motor_stays),
        cmocka_unit_test(test_not_watched_not_tripped),
        cmocka_unit_test(test_white_list),
        cmocka_unit_test(test_learning),
        cmocka_unit_test(test_return_after_closing),
        cmocka_unit_test(test_heater_returns_among_others),
        cmocka_unit_test(test_white_load_rested_before_the_trip),
        cmocka_unit_test(test_unplugged),
        cmocka_unit_test(test_not_unplugged),
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
