/* The load watch where it is read once a second or more seldom. */
#include <math.h>

#include "terminal/load.h"
#include "tests/unit/check.h"

static struct load_settings settings;

static int set_up(void **state)
{
    (void)state;
    settings = load_settings_default();
    return 0;
}

/* A heater that is turned up; `var` behind it, in thousandths of its power. */
static int raised_slowly(double watts, double rise_s, double var_permille)
{
    struct load_watch w = {};
    struct load_event e;
    int n = 0;
    for (int at_s = 0; at_s < 40; at_s++) {
        double part = fmax(0, fmin(1, (at_s - 5.3) / rise_s));
        struct load_sample x = {.now = {at_s * 1'000},
                                .power_mw = (int32_t)(1'000 * watts * part) + 3'000,
                                .reactive_mvar = (int32_t)(watts * part * var_permille),
                                .has_reactive = true};
        n += load_take(&w, &settings, &x, &e) && load_forbidden(e.verdict);
    }
    return n;
}

static void test_a_heater_that_is_raised_read_slowly(void **state)
{
    (void)state;
    for (double watts = 800; watts <= 2'000; watts += 400)
        for (double rise_s = 2; rise_s <= 7; rise_s++) {
            if (raised_slowly(watts, rise_s, 5) != 1)
                fail_msg("%.0f W in %.0f s: %d trips", watts, rise_s,
                         raised_slowly(watts, rise_s, 5));
            if (watts <= 1'200)
                assert_int_equal(raised_slowly(watts, rise_s, -40), 0); /* a capacitor before it */
            assert_int_equal(raised_slowly(watts, rise_s, 180), 0);     /* a soft start */
        }
    for (double rise_s = 16; rise_s <= 30; rise_s += 2)
        assert_int_equal(raised_slowly(1'000, rise_s, 5), 0); /* an inverter */
}

/* An inverter's capacitor is a step of its own, and what follows looks like a resistance;
 * but a switch falls into one second, and this does not. */
static void test_an_inverter_read_slowly(void **state)
{
    (void)state;
    static const double rises_s[] = {8, 15, 30};
    for (size_t i = 0; i < sizeof rises_s / sizeof *rises_s; i++) {
        struct load_watch w = {};
        struct load_event e;
        for (int at_s = 0; at_s < 60; at_s++) {
            double on_s = at_s - 5, level = on_s < rises_s[i] ? on_s / rises_s[i] : 1;
            struct load_sample x = {.now = {at_s * 1'000},
                                    .power_mw =
                                        on_s < 0 ? 3'000 : 60'000 + (int32_t)(1'200'000 * level),
                                    .reactive_mvar = on_s < 0 ? 0 : -60'000,
                                    .has_reactive = true};
            if (load_take(&w, &settings, &x, &e) && load_forbidden(e.verdict))
                fail_msg("up in %.0f s: %s at %d s", rises_s[i], load_verdict_name(e.verdict),
                         at_s);
        }
    }
}

/* Where nobody tells the voltage, what draws already says that it swung: all of it by one part. */
static int after_a_step(int32_t watts, int32_t vars)
{
    struct load_watch w = {};
    struct load_event e;
    int n = 0;
    for (int at_s = 0; at_s < 20; at_s++) {
        struct load_sample x = {.now = {at_s * 1'000},
                                .power_mw = (1'800 + (at_s < 8 ? 0 : watts)) * 1'000,
                                .reactive_mvar = (100 + (at_s < 8 ? 0 : vars)) * 1'000,
                                .has_reactive = true};
        n += load_take(&w, &settings, &x, &e) && load_forbidden(e.verdict);
    }
    return n;
}

static void test_a_swing_without_voltage(void **state)
{
    (void)state;
    for (int32_t permille = 90; permille <= 200; permille += 10)
        for (int32_t vars = 50; vars <= 150; vars += 25)
            assert_int_equal(after_a_step(1'800 * permille / 1'000, vars * permille / 1'000), 0);
    for (int32_t watts = 170; watts <= 360; watts += 10)
        for (int32_t vars = 0; vars <= 2; vars++)
            assert_int_equal(after_a_step(watts, vars), 1);
    assert_int_equal(after_a_step(900, 12), 1); /* no mains swings so far */
}

/* A plug that tells active power every few seconds, means of a second: a switch falls into one of
 * them, what starts slowly into several. The verdict on the n-th step that is told. */
static enum load_verdict read_step(const int *watts, size_t count, int64_t every_ms, int n)
{
    struct load_watch w = {};
    struct load_event e;
    for (size_t i = 0; i < count + 12; i++) {
        int32_t mw = 1000 * watts[i < 4 ? 0 : i - 4 < count ? i - 4 : count - 1];
        struct load_sample x = {.power_mw = mw, .now = {(int64_t)(i + 1) * every_ms}};
        if (load_take(&w, &settings, &x, &e) && --n == 0)
            return (enum load_verdict)e.verdict;
    }
    return LOAD_VERDICT_COUNT;
}

#define READ_STEP(n, every_ms, ...)                                                                \
    read_step((const int[]){__VA_ARGS__}, sizeof((const int[]){__VA_ARGS__}) / sizeof(int),        \
              every_ms, n)
#define READ(every_ms, ...) READ_STEP(1, every_ms, __VA_ARGS__)

static void test_active_power_alone(void **state)
{
    (void)state;
    for (int64_t every_ms = 1'000; every_ms <= 8'000; every_ms += 1'000) {
        assert_int_equal(READ(every_ms, 3, 1'800, 1'795), LOAD_HEATING);
        assert_int_equal(READ(every_ms, 3, 240, 1'800, 1'795), LOAD_HEATING); /* within a mean */
        assert_int_equal(READ(every_ms, 3, 1'500, 1'800, 1'795), LOAD_HEATING);
        assert_int_equal(READ(every_ms, 3, 1'310, 1'180, 1'180), LOAD_HEATING); /* and its pump */
        assert_int_equal(READ(every_ms, 3, 240, 900, 1'300, 1'310), LOAD_RAMP); /* soft start */
        assert_int_equal(READ(every_ms, 3, 60, 190, 610, 1'390, 1'400), LOAD_RAMP);
        assert_int_equal(READ(every_ms, 3, 1'900, 1'300, 1'300), LOAD_MOTOR); /* inrush */
        assert_int_equal(READ(every_ms, 3, 740, 742, 741), LOAD_HEATING); /* so still is a wire */
        assert_int_equal(READ(every_ms, 3, 740, 755, 740), LOAD_LAMP);    /* a printer's fuser? */
        assert_int_equal(READ(every_ms, 3, 1'500, 1'520, 1'500), LOAD_HEATING); /* none has that */
        assert_int_equal(READ(every_ms, 3, 270, 269, 270), LOAD_HEATING);
        assert_int_equal(READ(every_ms, 3, 230, 229, 230), LOAD_OTHER); /* a lamp, a television */
    }
    /* a compressor that starts for two seconds; an oven whose magnetron waits for its filament */
    assert_int_equal(READ(1'000, 0, 1'090, 1'090, 100), LOAD_SMALL);
    assert_int_equal(READ(1'000, 45, 177, 177, 1'375), LOAD_RAMP);
    assert_int_equal(READ(1'000, 3, 550, 3, 700, 701), LOAD_HEATING); /* one came and went before */
    assert_int_equal(READ_STEP(2, 2'000, 3, 178, 178, 1'372, 1'371), LOAD_RAMP);
}

/* Once a second: a kettle up to three seconds after a motor is no ramp. */
static void test_two_within_seconds_read_slowly(void **state)
{
    (void)state;
    for (int apart = 0; apart <= 3; apart++)
        for (int first_mw = 50'000; first_mw <= 400'000; first_mw += 50'000) {
            struct load_watch w = {};
            struct load_event e;
            bool tripped = false;
            for (int t = 0; t < 40 && !tripped; t++) {
                struct load_sample x = {.power_mw = 30'000,
                                        .now = {t * INT64_C(1000)},
                                        .voltage_dv = 2200,
                                        .has_reactive = true,
                                        .has_harmonics = true};
                x.power_mw += t < 20 ? 0 : t == 20 ? first_mw : 400'000;
                x.reactive_mvar = t < 20 ? 0 : t == 20 ? first_mw / 4 * 3 : 300'000;
                x.power_mw += t < 20 + apart ? 0 : t == 20 + apart ? 700'000 : 1'800'000;
                tripped = load_take(&w, &settings, &x, &e) && load_forbidden(e.verdict);
            }
            if (!tripped)
                fail_msg("%d s apart, %d W", apart, first_mw / 1000);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_heater_that_is_raised_read_slowly, set_up),
        cmocka_unit_test_setup(test_an_inverter_read_slowly, set_up),
        cmocka_unit_test_setup(test_a_swing_without_voltage, set_up),
        cmocka_unit_test_setup(test_active_power_alone, set_up),
        cmocka_unit_test_setup(test_two_within_seconds_read_slowly, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
