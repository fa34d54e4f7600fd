/* What load control watches for: forbidden heating, the white list, the unplugged air conditioner.
 */
#include "tests/unit/terminal/guard_rig.h"

/* --- forbidden heating ----------------------------------------------------------------------- */

static void watch_heating(unsigned circuit)
{
    guard_begin();
    struct limits l = guard_usual();
    l.flags = MALIGNANT;
    assert_int_equal(guard_set_limits(circuit, &l), 0);
    guard_draw(circuit, 60'000, 20'000, 20); /* a lamp and a laptop */
}

static void test_heating_trips_and_is_explained(void **state)
{
    (void)state;
    watch_heating(2);
    guard_draw(2, 1'060'000, 20'000, 4);
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
    guard_draw(2, 560'000, 520'000, 30);
    assert_true(rig_closed(&g, 2));
}

static void test_not_watched_not_tripped(void **state)
{
    (void)state;
    guard_begin();
    guard_draw(2, 60'000, 0, 20);
    guard_draw(2, 1'500'000, 0, 30);
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
    guard_draw(2, 1'060'000, 20'000, 30);
    assert_true(rig_closed(&g, 2));
    guard_draw(2, 60'000, 20'000, 30);
    guard_draw(2, 1'260'000, 20'000, 4); /* a kettle of other power */
    assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
}

static void test_learning(void **state)
{
    (void)state;
    watch_heating(2);
    const uint8_t minute[] = {60, 0};
    assert_int_equal(rig_write(&g, 0x04802302, minute, 2), 0);
    guard_draw(2, 1'060'000, 20'000, 10);
    assert_true(rig_closed(&g, 2));
    assert_true(rig_read(&g, 0x04802202));
    struct reader r = reader_of(g.answer.data + 4, 32);
    assert_in_range(reader_u16le(&r), 990, 1010);
    rig_boot(&g);
    guard_draw(2, 60'000, 20'000, 20);
    guard_draw(2, 1'060'000, 20'000, 10);
    assert_true(rig_closed(&g, 2)); /* remembered */
    guard_draw(2, 2'560'000, 20'000, 4);
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
    guard_draw(2, 0, 0, 10);
    assert_int_equal(rig_order(&g, 0x1C, 2, NULL), 0);
    guard_draw(2, 900'000, 10'000, 20);
    assert_true(rig_closed(&g, 2));
    /* the same step later is no return */
    guard_draw(2, 20'000, 0, 20);
    guard_draw(2, 920'000, 10'000, 4);
    assert_false(rig_closed(&g, 2));
    /* and a heater in the place of the dispenser is found when it returns */
    rig_pass(&g, 60);
    guard_draw(2, 1'500'000, 10'000, 4);
    assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
}

/* Laptops' distortion would hide the heater in the one step in which all come back. */
static void test_heater_returns_among_others(void **state)
{
    (void)state;
    for (int still_there = 0; still_there <= 1; still_there++) {
        guard_begin();
        struct limits l = guard_usual();
        l.flags = MALIGNANT;
        assert_int_equal(guard_set_limits(2, &l), 0);
        struct terminal_sample quiet = guard_drawing(2, 300'000, 60'000), heated,
                               none = guard_drawing(2, 0, 0);
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
        guard_draw(2, 560'000, 20'000, 4); /* 500 W of heating above what draws already */
        assert_int_equal(rig_why(&g, 2), TERMINAL_REASON_MALIGNANT);
        for (int k = 0; k < 130 && !rig_closed(&g, 2); k++)
            guard_draw(2, 0, 0, 1);
        assert_true(rig_closed(&g, 2));
        guard_draw(2, back[i].mw, back[i].mvar, 4);
        if (rig_closed(&g, 2) != back[i].stays)
            fail_msg("%d W came back: %s", back[i].mw / 1000, back[i].stays ? "cut" : "stayed");
    }
}

/* --- air conditioner ------------------------------------------------------------------------- */

static void watch_aircon(void)
{
    guard_begin();
    struct limits l = guard_usual();
    l.flags = AIRCON;
    assert_int_equal(guard_set_limits(3, &l), 0);
    guard_draw_ma(3, 9, 30);
    assert_true(rig_closed(&g, 3));
}

static void test_unplugged(void **state)
{
    (void)state;
    watch_aircon();
    guard_draw_ma(3, 8'000, 60);
    guard_draw_ma(3, 8, 60);
    guard_draw_ma(3, 0, 4);
    assert_true(rig_closed(&g, 3));
    guard_draw_ma(3, 0, 20);
    assert_int_equal(rig_why(&g, 3), TERMINAL_REASON_AIRCON);
    assert_true(terminal_output(&g.t).locked[2]);
    rig_pass(&g, 3 * 86'400);
    assert_int_equal(rig_order(&g, 0x1C, 3, NULL), 0);
    assert_false(rig_closed(&g, 3));
    assert_int_equal(guard_write_byte(0x04802103, 1), 0);
    assert_true(rig_closed(&g, 3));
    guard_draw_ma(3, 0, 60); /* not plugged in yet: nothing to miss */
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
    guard_draw_ma(3, 0, 3);
    assert_true(rig_closed(&g, 3));
    guard_draw_ma(3, 9, 30);
    assert_int_equal(rig_order(&g, 0x1A, 3, NULL), 0); /* the relay's own doing */
    guard_draw_ma(3, 0, 60);
    assert_int_equal(rig_order(&g, 0x1C, 3, NULL), 0);
    guard_draw_ma(3, 0, 3);
    guard_draw_ma(3, 9, 60);
    assert_true(rig_closed(&g, 3));
    for (unsigned i = 0; i < 600; i++) /* noise around the standby current */
        guard_draw_ma(3, i % 3 == 0 ? 2 : 9, 1);
    assert_true(rig_closed(&g, 3));
    rig_measure(&g, &none, 4000); /* one gap of four seconds */
    guard_draw_ma(3, 9, 10);
    assert_true(rig_closed(&g, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
