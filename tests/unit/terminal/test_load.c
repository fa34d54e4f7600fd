/*
 * The load watch against appliances as physics has them, cycle by cycle (20 ms) with noise and a
 * mains voltage that wanders: the hard cases by name. The appliances are made from their waveforms,
 * not from the rules.
 */
#include <math.h>
#include <stdlib.h>

#include "base/rand.h"
#include "terminal/load.h"
#include "tests/unit/check.h"
#include "tests/unit/terminal/load_waves.h"

#define WAVE 400 /* samples a cycle */

/* --- a room
 * ------------------------------------------------------------------------------------------ */

struct use {
    draw *of;
    double watts, on_ms, off_ms;
};

#define USES_MAX 6
struct seen {
    struct load_event events[64];
    int count;
};

struct play {
    struct use uses[USES_MAX];
    double until_ms, swing; /* swing: volts up and down over two seconds */
    bool without_harmonics;
};

/* Each appliance has a start time inside a cycle too: what is on is on for whole cycles here, as a
 * metering chip that averages would see the first of them anyway. */
static struct load_sample measure(const struct play *p, double ms, struct rand_stream *r)
{
    double volts = RATED + p->swing * sin(ms / 2'000 * 2 * M_PI), real = 0, square = 0, re[17] = {},
           im[17] = {};
    for (int k = 0; k < WAVE; k++) {
        double a = 2 * M_PI * (k + 0.5) / WAVE, u = sqrt(2) * volts * sin(a), i = 0;
        for (int n = 0; n < USES_MAX && p->uses[n].of; n++)
            if (ms >= p->uses[n].on_ms && ms < p->uses[n].off_ms)
                i += p->uses[n].of(p->uses[n].watts, u, a, ms - p->uses[n].on_ms);
        real += u * i / WAVE;
        square += i * i / WAVE;
        for (int h = 1; h <= 15; h += 2) {
            re[h] += i * sin(h * a) * sqrt(2) / WAVE;
            im[h] += i * cos(h * a) * sqrt(2) / WAVE;
        }
    }
    double noise = ((double)rand_below(r, 2'001) - 1'000) / 1'000 * 1.5;
    struct load_sample x = {.now = {(int64_t)ms},
                            .power_mw = (int32_t)((real + noise) * 1'000),
                            .reactive_mvar = (int32_t)(-im[1] * volts * 1'000),
                            .current_ma = (uint32_t)(sqrt(square) * 1'000),
                            .voltage_dv = (uint16_t)(volts * 10),
                            .has_reactive = true,
                            .has_current = true,
                            .has_harmonics = !p->without_harmonics};
    for (int h = 0; h < LOAD_HARMONICS; h++)
        x.harmonic_ma[h] = (uint32_t)(hypot(re[2 * h + 3], im[2 * h + 3]) * 1'000);
    return x;
}

static struct load_settings settings;

static struct seen run(const struct play *p)
{
    struct load_watch w = {};
    struct seen s = {};
    struct rand_stream r = rand_split(5, "mains");
    for (double ms = 0; ms < p->until_ms; ms += 20) {
        struct load_sample x = measure(p, ms, &r);
        if (load_take(&w, &settings, &x, &s.events[s.count]) && s.count < 63)
            s.count++;
    }
    return s;
}

static int trips(const struct seen *s)
{
    int n = 0;
    for (int i = 0; i < s->count; i++)
        n += load_forbidden(s->events[i].verdict);
    return n;
}

static void explain(const struct seen *s)
{
    for (int i = 0; i < s->count; i++) {
        const struct load_event *e = &s->events[i];
        print_message(
            "  %lld ms: dP %d mW dQ %d mvar dD %d factor %d inrush %d third %d%s%s -> %s\n",
            (long long)e->at.ms, e->step.power_mw, e->step.reactive_mvar, e->step.distortion_mva,
            e->step.factor, e->step.inrush, e->step.third, e->step.settled ? "" : " unsettled",
            e->step.ramp ? " ramp" : "", load_verdict_name(e->verdict));
    }
}

/* One trip, of the wanted kind, known within a second of its switching. */
static void expect_trip(const struct play *p, enum load_verdict verdict, double on_ms)
{
    struct seen s = run(p);
    int at = 0;
    while (at < s.count && !load_forbidden(s.events[at].verdict))
        at++;
    if (trips(&s) != 1 || s.events[at].verdict != verdict) {
        explain(&s);
        fail_msg("wanted one trip, %s", load_verdict_name(verdict));
    }
    int64_t late = s.events[at].told.ms - (int64_t)on_ms;
    if (late < 0 || late > 1'000) {
        explain(&s);
        fail_msg("known after %lld ms", (long long)late);
    }
}

static void expect_peace(const struct play *p)
{
    struct seen s = run(p);
    if (trips(&s) != 0) {
        explain(&s);
        fail_msg("a false trip");
    }
}

static int set_up(void **state)
{
    (void)state;
    settings = load_settings_default();
    return 0;
}

/* --- heating
 * ------------------------------------------------------------------------------------------ */

static void test_plain_heating(void **state)
{
    (void)state;
    static const double watts[] = {200, 300, 800, 1500, 2200, 3000};
    for (size_t i = 0; i < sizeof watts / sizeof *watts; i++)
        expect_trip(
            &(struct play){.uses = {{resistance, watts[i], 1'000, 60'000}}, .until_ms = 8'000},
            LOAD_HEATING, 1'000);
}

static void test_disguised_heating(void **state)
{
    (void)state;
    static draw *const halves[] = {half_wave, uneven_wave};
    static draw *const cuts[] = {cut_45, cut_65, cut_90};
    for (size_t i = 0; i < 2; i++)
        expect_trip(&(struct play){.uses = {{halves[i], 600, 1'000, 60'000}}, .until_ms = 5'000},
                    LOAD_HEATING_HALF, 1'000);
    for (size_t i = 0; i < 3; i++)
        expect_trip(&(struct play){.uses = {{cuts[i], 1'200, 1'000, 60'000}}, .until_ms = 5'000},
                    LOAD_HEATING_CUT, 1'000);
}

/* Where no harmonics are measured, reactive power and distortion tell the angle. */
static void test_a_phase_cut_without_harmonics(void **state)
{
    (void)state;
    static draw *const cuts[] = {cut_65, cut_90};
    for (size_t i = 0; i < 2; i++)
        for (double watts = 1'000; watts <= 2'000; watts += 500)
            expect_trip(&(struct play){.uses = {{cuts[i], watts, 1'000, 60'000}},
                                       .until_ms = 5'000,
                                       .without_harmonics = true},
                        LOAD_HEATING_CUT, 1'000);
    /* an oven fits such an angle, but comes after its fan; a cleaner does, but starts */
    expect_peace(
        &(struct play){.uses = {{induction, 30, 1'000, 9'000}, {cut_65, 1'400, 2'500, 9'000}},
                       .until_ms = 12'000,
                       .without_harmonics = true});
    expect_peace(&(struct play){.uses = {{controlled, 1'200, 1'000, 9'000}},
                                .until_ms = 12'000,
                                .without_harmonics = true});
}

/* Above what is on already: lamps, a computer, a fan. */
static void test_heating_above_a_base_load(void **state)
{
    (void)state;
    expect_trip(&(struct play){.uses = {{supply, 120, 0, 60'000},
                                        {induction, 60, 0, 60'000},
                                        {resistance, 60, 0, 60'000},
                                        {resistance, 800, 2'000, 60'000}},
                               .until_ms = 5'000},
                LOAD_HEATING, 2'000);
}

static void test_a_radiant_heater_goes_on(void **state)
{
    (void)state;
    struct play p = {.uses = {{filament, 800, 1'000, 60'000}}, .until_ms = 30'000};
    struct seen s = run(&p);
    assert_int_equal(s.events[0].verdict, LOAD_LAMP);
    assert_int_equal(s.events[1].verdict, LOAD_HEATING_LAMP);
    assert_true(s.events[1].told.ms >= 21'000 && s.events[1].told.ms < 21'100);
    p.uses[0].off_ms = 19'000; /* the fuser of a printer */
    expect_peace(&p);
    /* the same beside much else, some of which comes while it burns */
    expect_peace(&(struct play){.uses = {{supply, 300, 0, 60'000},
                                         {induction, 350, 0, 60'000},
                                         {filament, 740, 2'000, 11'000},
                                         {supply, 140, 6'000, 60'000}},
                                .until_ms = 30'000});
}

/* No printer's fuser draws so much: the same filament is a heater at once. */
static void test_a_large_radiant_heater(void **state)
{
    (void)state;
    for (double watts = 1'500; watts <= 2'100; watts += 300)
        expect_trip(&(struct play){.uses = {{filament, watts, 1'000, 60'000}}, .until_ms = 30'000},
                    LOAD_HEATING_LAMP, 1'000);
}

/* A quartz tube still comes down when it is told first; a lamp of what lamps have is none. */
static void test_a_slow_filament(void **state)
{
    (void)state;
    struct play p = {.uses = {{quartz, 900, 1'000, 60'000}}, .until_ms = 30'000};
    struct seen s = run(&p);
    if (trips(&s) != 1)
        explain(&s);
    assert_int_equal(trips(&s), 1);
    assert_int_equal(s.events[s.count - 1].verdict, LOAD_HEATING_LAMP);
    assert_true(s.events[s.count - 1].told.ms >= 21'000 && s.events[s.count - 1].told.ms < 21'100);
    p.uses[0].off_ms = 19'000;
    expect_peace(&p);
    expect_peace(&(struct play){.uses = {{filament, 200, 1'000, 60'000}}, .until_ms = 30'000});
}

static void expect_opening(const struct play *p, int64_t most_ms)
{
    struct seen s = run(p);
    int at = 0;
    while (at < s.count && !load_forbidden(s.events[at].verdict))
        at++;
    if (trips(&s) == 0 || s.events[at].told.ms > most_ms) {
        explain(&s);
        fail_msg("turned up: missed, or told after %lld ms", (long long)most_ms);
    }
    assert_int_equal(s.events[at].verdict, LOAD_HEATING_CUT);
    assert_in_range(s.events[at].at.ms, 1'000, 2'000); /* when it began to rise */
}

/* A control that opens slowly shows the angle of the whole, not of what came last. That is known
 * from 100 degrees on, and when a soft start would be over (2.5 s): a second later it is told. */
static void test_a_control_that_opens(void **state)
{
    (void)state;
    static const struct {
        draw *of;
        int64_t known_ms;
    } ups[] = {{up_in_3, 2'500}, {up_in_10, 3'290}, {up_in_15, 4'930}};
    for (size_t i = 0; i < sizeof ups / sizeof *ups; i++) {
        struct use up = {ups[i].of, 1'500, 1'000, 60'000}, lamp = up;
        expect_opening(&(struct play){.uses = {up}, .until_ms = 20'000},
                       1'000 + ups[i].known_ms + 1'000);
        expect_opening(&(struct play){.uses = {{supply, 120, 0, 60'000}, up}, .until_ms = 20'000},
                       20'000);
        lamp.watts = 200;
        expect_peace(&(struct play){.uses = {lamp}, .until_ms = 20'000});
    }
}

/* What rises smoothly and is a resistance when it comes to rest: known a second later. */
static void test_a_heater_that_is_raised(void **state)
{
    (void)state;
    static const struct {
        draw *of;
        int64_t rests_ms;
    } ups[] = {{raised_in_3, 3'000}, {raised_in_8, 8'000}, {warming, 6'000}};
    for (size_t i = 0; i < sizeof ups / sizeof *ups; i++)
        for (double watts = 900; watts <= 2'100; watts += 600) {
            struct play p = {.uses = {{ups[i].of, watts, 1'000, 60'000}}, .until_ms = 20'000};
            struct seen s = run(&p);
            int at = 0;
            while (at < s.count && !load_forbidden(s.events[at].verdict))
                at++;
            if (trips(&s) == 0 || s.events[at].told.ms > 1'000 + ups[i].rests_ms + 1'500) {
                explain(&s);
                fail_msg("%.0f W raised: %d trips", watts, trips(&s));
            }
            assert_in_range(s.events[at].at.ms, 1'000, 2'000);
        }
}

/* --- what must not be taken for it
 * ---------------------------------------------------------------------- */

static void test_motors(void **state)
{
    (void)state;
    static const double watts[] = {300, 700, 1'400, 2'000};
    for (size_t i = 0; i < sizeof watts / sizeof *watts; i++) {
        expect_peace(
            &(struct play){.uses = {{universal, watts[i], 1'000, 9'000}}, .until_ms = 12'000});
        expect_peace(
            &(struct play){.uses = {{saturated, watts[i], 1'000, 9'000}}, .until_ms = 12'000});
        expect_peace(&(struct play){.uses = {{universal, watts[i], 1'000, 9'000}},
                                    .until_ms = 12'000,
                                    .without_harmonics = true});
    }
    for (size_t i = 0; i < sizeof watts / sizeof *watts; i++)
        expect_peace(
            &(struct play){.uses = {{compressor, watts[i], 1'000, 9'000}}, .until_ms = 12'000});
    /* a refrigerator: over 600 W in its first cycles, 120 W afterwards */
    expect_peace(&(struct play){.uses = {{induction, 120, 1'000, 30'000}}, .until_ms = 32'000});
}

/* What it draws while its rotor stands is told as a motor; that it runs then is no heater in the
 * place of that. */
static void test_a_rotor_that_stands(void **state)
{
    (void)state;
    for (double watts = 600; watts <= 1'500; watts += 300)
        expect_peace(&(struct play){.uses = {{standing, watts, 1'000, 9'000}}, .until_ms = 12'000});
    expect_trip(
        &(struct play){.uses = {{standing, 900, 1'000, 60'000}, {resistance, 2'000, 1'100, 60'000}},
                       .until_ms = 6'000},
        LOAD_HEATING_MIXED, 1'100);
}

/* Heating up within a cycle looks like reactive power and harmonics of something beside it. */
static void test_a_filament_within_the_cycle(void **state)
{
    (void)state;
    for (double watts = 500; watts <= 1'100; watts += 200)
        expect_peace(&(struct play){.uses = {{tungsten, watts, 1'000, 6'000}}, .until_ms = 8'000});
}

static void test_fusers_by_their_control(void **state)
{
    (void)state;
    static draw *const controls[] = {in_bursts, by_half_waves, opened_slowly};
    for (size_t i = 0; i < sizeof controls / sizeof *controls; i++)
        for (double watts = 600; watts <= 1'200; watts += 200)
            expect_peace(&(struct play){
                .uses = {{controls[i], watts, 1'000, 9'000}, {supply, 60, 0, 60'000}},
                .until_ms = 12'000});
    expect_trip(&(struct play){.uses = {{bouncing, 1'500, 1'000, 60'000}}, .until_ms = 6'000},
                LOAD_HEATING, 1'000);
}

static void test_electronics(void **state)
{
    (void)state;
    static const double watts[] = {65, 200, 450, 800};
    for (size_t i = 0; i < sizeof watts / sizeof *watts; i++) {
        expect_peace(&(struct play){.uses = {{supply, watts[i], 1'000, 5'000}}, .until_ms = 7'000});
        expect_peace(
            &(struct play){.uses = {{corrected, watts[i], 1'000, 5'000}}, .until_ms = 7'000});
    }
}

static void test_an_inverter_comes_slowly(void **state)
{
    (void)state;
    expect_peace(&(struct play){.uses = {{inverter, 1'100, 1'000, 90'000}}, .until_ms = 100'000});
    expect_peace(
        &(struct play){.uses = {{inverter_like_a_cut, 1'100, 1'000, 90'000}}, .until_ms = 40'000});
}

/* What rises within a second or two without a switch is a supply, however well it is corrected. */
static void test_a_soft_start(void **state)
{
    (void)state;
    static draw *const soft[] = {soft_supply, inverter_oven};
    for (size_t i = 0; i < sizeof soft / sizeof *soft; i++)
        for (double watts = 700; watts <= 2'300; watts += 200)
            for (int without = 0; without < 2; without++)
                expect_peace(&(struct play){.uses = {{soft[i], watts, 1'000, 9'000}},
                                            .until_ms = 12'000,
                                            .without_harmonics = without});
}

/* A supply ahead of the voltage beside a motor behind it is no diode: that has no start. */
static void test_no_diode_without_harmonics(void **state)
{
    (void)state;
    for (double apart = 0; apart <= 600; apart += 100)
        for (double watts = 200; watts <= 500; watts += 50)
            expect_peace(&(struct play){
                .uses = {{compressor, watts, 1'000, 9'000}, {supply, 300, 1'000 + apart, 9'000}},
                .until_ms = 12'000,
                .without_harmonics = true});
}

/* --- together
 * -------------------------------------------------------------------------------------------- */

static void test_two_within_a_second(void **state)
{
    (void)state;
    static const double apart[] = {0, 20, 60, 200, 500, 900};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        struct play p = {.uses = {{universal, 1'200, 1'000, 60'000},
                                  {resistance, 1'800, 1'000 + apart[i], 60'000}},
                         .until_ms = 6'000};
        struct seen s = run(&p);
        if (trips(&s) < 1) {
            explain(&s);
            fail_msg("missed, %.0f ms apart", apart[i]);
        }
    }
    /* two that are allowed */
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++)
        expect_peace(&(struct play){
            .uses = {{universal, 1'200, 1'000, 60'000}, {supply, 300, 1'000 + apart[i], 60'000}},
            .until_ms = 6'000});
}

/* A large motor's start goes on while the heater comes: nothing rests within 0.9 s, but no motor
 * has so much. */
static double slow_start(double w, double u, double a, double ms)
{
    double amplitude = sqrt(2) * w / RATED / cos(0.24) * (1 + 1.2 * exp(-ms / 290));
    (void)u;
    return amplitude * (sin(a - 0.24) - 0.18 * sin(3 * (a - 0.24)));
}

static void test_heating_beside_a_start(void **state)
{
    (void)state;
    struct play p = {
        .uses = {{slow_start, 1'755, 1'000, 60'000}, {resistance, 2'900, 1'250, 60'000}},
        .until_ms = 6'000};
    struct seen s = run(&p);
    if (trips(&s) != 1)
        explain(&s);
    assert_int_equal(trips(&s), 1);
    p.uses[1] = (struct use){0};
    expect_peace(&p);
    /* both in one cycle, and more than the largest compressor */
    expect_trip(&(struct play){.uses = {{compressor, 1'000, 1'000, 60'000},
                                        {resistance, 2'200, 1'000, 60'000}},
                               .until_ms = 6'000},
                LOAD_HEATING_MIXED, 1'000);
}

/* A washing machine that heats, a fan heater. */
static void test_heating_with_a_motor(void **state)
{
    (void)state;
    expect_trip(&(struct play){.uses = {{induction, 250, 1'000, 60'000},
                                        {resistance, 1'500, 1'000, 60'000}},
                               .until_ms = 6'000},
                LOAD_HEATING_MIXED, 1'000);
    struct play fan = {.uses = {{universal, 60, 1'000, 60'000}, {resistance, 1'500, 1'000, 60'000}},
                       .until_ms = 6'000};
    struct seen s = run(&fan);
    assert_int_equal(trips(&s), 1);
}

/* A kettle and a computer: the computer's harmonics do not hide it, at once or each with its edge.
 */
static void test_heating_with_a_computer(void **state)
{
    (void)state;
    expect_trip(
        &(struct play){.uses = {{supply, 230, 1'000, 60'000}, {resistance, 1'800, 1'000, 60'000}},
                       .until_ms = 6'000},
        LOAD_HEATING_MIXED, 1'000);
    for (double apart = 40; apart <= 800; apart += 76)
        expect_trip(&(struct play){.uses = {{supply, 230, 1'000, 60'000},
                                            {resistance, 700, 1'000 + apart, 60'000}},
                                   .until_ms = 6'000},
                    apart < 160 ? LOAD_HEATING_MIXED : LOAD_HEATING, 1'000 + apart);
}

/* A kettle a few cycles after a washing machine, where no harmonics are measured. */
static void test_an_edge_without_harmonics(void **state)
{
    (void)state;
    for (double apart = 40; apart <= 160; apart += 20)
        expect_trip(&(struct play){.uses = {{induction, 250, 1'000, 60'000},
                                            {resistance, 1'800, 1'000 + apart, 60'000}},
                                   .until_ms = 6'000,
                                   .without_harmonics = true},
                    LOAD_HEATING_MIXED, 1'000 + apart);
}

/* A small heater with a motor: its edge is enough, where harmonics say that it is pure. */
static void test_a_small_edge(void **state)
{
    (void)state;
    for (double apart = 200; apart <= 280; apart += 20)
        expect_trip(&(struct play){.uses = {{induction, 200, 1'000, 60'000},
                                            {resistance, 320, 1'000 + apart, 60'000}},
                                   .until_ms = 6'000},
                    LOAD_HEATING_MIXED, 1'000 + apart);
}

/* One goes off in the very cycle in which the other comes on. */
static void test_heating_for_a_motor(void **state)
{
    (void)state;
    expect_trip(
        &(struct play){.uses = {{induction, 700, 1'000, 8'000}, {resistance, 900, 8'000, 60'000}},
                       .until_ms = 12'000},
        LOAD_HEATING_HIDDEN, 8'000);
    expect_peace(&(struct play){.uses = {{induction, 700, 1'000, 8'000}}, .until_ms = 12'000});
}

/* --- the mains
 * ------------------------------------------------------------------------------------------- */

/* A kettle that is allowed stands on a mains that wanders by a tenth: no step is told. */
static void test_mains_swings(void **state)
{
    (void)state;
    struct play p = {
        .uses = {{resistance, 2'000, 1'000, 200'000}}, .until_ms = 60'000, .swing = 22};
    settings.white[0] = (struct load_white){.power_mw = 2'000'000};
    struct seen s = run(&p);
    assert_int_equal(trips(&s), 0);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.events[0].verdict, LOAD_WHITE);
    assert_int_equal(s.events[0].white, 1);
}

static void test_white_list(void **state)
{
    (void)state;
    struct play p = {.uses = {{resistance, 500, 1'000, 3'000}, {resistance, 500, 6'000, 8'000}},
                     .until_ms = 10'000};
    settings.white[2] = (struct load_white){.power_mw = 500'000};
    expect_peace(&p);      /* a water dispenser's thermostat */
    p.uses[1].watts = 600; /* a kettle is not the dispenser */
    expect_trip(&p, LOAD_HEATING, 6'000);
}

/* The dispenser's thermostat and a computer within one second: the dispenser's edge is known. A
 * heater's beside it is not. */
static void test_white_beside_a_computer(void **state)
{
    (void)state;
    static const double apart[] = {-400, -60, 60, 200, 500, 900};
    settings.white[1] = (struct load_white){.power_mw = 430'000};
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        struct play p = {
            .uses = {{supply, 200, 1'500, 60'000}, {resistance, 430, 1'500 + apart[i], 60'000}},
            .until_ms = 6'000};
        expect_peace(&p);
        p.uses[1].watts = 550;
        struct seen s = run(&p);
        assert_int_equal(trips(&s), 1);
    }
}

/* A thermostat that cycles: each time anew. */
static void test_thermostat(void **state)
{
    (void)state;
    struct play p = {.uses = {{resistance, 1'000, 1'000, 6'000},
                              {resistance, 1'000, 12'000, 17'000},
                              {resistance, 1'000, 23'000, 28'000},
                              {resistance, 1'000, 34'000, 39'000}},
                     .until_ms = 45'000};
    struct seen s = run(&p);
    assert_int_equal(trips(&s), 4);
}

/* Laptops and lamps, one after the other: each is too small, and so is their sum for what it is. */
static void test_small_ones_in_a_row(void **state)
{
    (void)state;
    expect_peace(&(struct play){.uses = {{supply, 65, 1'000, 60'000},
                                         {supply, 65, 4'000, 60'000},
                                         {supply, 65, 7'000, 60'000},
                                         {supply, 65, 10'000, 60'000},
                                         {supply, 65, 13'000, 60'000},
                                         {supply, 65, 16'000, 60'000}},
                                .until_ms = 20'000});
}

/* A heater that is turned up in small steps is one all the same. */
static void test_heating_in_small_steps(void **state)
{
    (void)state;
    struct play p = {.uses = {{resistance, 100, 1'000, 60'000},
                              {resistance, 100, 3'000, 60'000},
                              {resistance, 100, 5'000, 60'000},
                              {resistance, 100, 7'000, 60'000}},
                     .until_ms = 12'000};
    struct seen s = run(&p);
    if (trips(&s) != 1)
        explain(&s);
    assert_int_equal(trips(&s), 1);
}

/* Steps as they stand, with and without harmonics: what is near each other on paper. */
static void test_disguises_and_their_neighbours(void **state)
{
    (void)state;
    static const struct {
        int32_t w, var, distorted_va;
        uint16_t third; /* 0: not measured */
        enum load_verdict verdict;
    } cases[] = {{600, 0, 600, 10, LOAD_HEATING_HALF},      /* a diode */
                 {600, 0, 390, 0, LOAD_HEATING_HALF},       /* hair iron, power factor 0.84 */
                 {600, 0, 600, 0, LOAD_HEATING_HALF},       /* the diode, without harmonics */
                 {230, -32, 163, 610, LOAD_ELECTRONIC},     /* a desktop */
                 {230, -32, 163, 0, LOAD_MOTOR},            /* without harmonics: no heating */
                 {1'000, 110, 187, 109, LOAD_HEATING_CUT},  /* cut at 35 degrees */
                 {1'000, 297, 394, 285, LOAD_HEATING_CUT},  /* at 60 */
                 {1'000, 636, 771, 537, LOAD_HEATING_CUT},  /* at 90 */
                 {300, -40, 17, 8, LOAD_MOTOR},             /* a large television set */
                 {955, -147, 31, 6, LOAD_MOTOR},            /* an air conditioner's inverter */
                 {200, 11, 17, 33, LOAD_OTHER},             /* a range hood */
                 {2'030, -32, 163, 69, LOAD_HEATING_MIXED}, /* a kettle and a computer */
                 {700, 69, 112, 138, LOAD_MOTOR},           /* a small vacuum cleaner */
                 {1'400, 310, 440, 275, LOAD_ELECTRONIC}, /* a microwave oven and a refrigerator */
                 {1'900, 170, 340, 156, LOAD_MOTOR},      /* a large vacuum cleaner */
                 {2'200, 318, 40, 3, LOAD_HEATING_MIXED}, /* a kettle and a washing machine */
                 {3'700, 188, 320, 75, LOAD_HEATING_MIXED}}; /* a kettle and a vacuum cleaner */
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load_step s = {.power_mw = cases[i].w * 1000,
                              .reactive_mvar = cases[i].var * 1000,
                              .distortion_mva = cases[i].distorted_va * 1000,
                              .third = cases[i].third,
                              .inrush = 1000,
                              .has_reactive = true,
                              .has_distortion = true,
                              .has_third = cases[i].third > 0,
                              .settled = true};
        enum load_verdict v = load_judge(&s, &settings, NULL);
        if (v != cases[i].verdict)
            fail_msg("%d W %d var: %s", cases[i].w, cases[i].var, load_verdict_name(v));
    }
}

static void test_nothing_surprises(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(9, "anything");
    struct load_watch w = {};
    struct load_event e;
    int64_t ms = 0;
    for (int i = 0; i < 200'000; i++) {
        struct load_sample x = {.power_mw = (int32_t)rand_u64(&r)};
        x.reactive_mvar = (int32_t)rand_u64(&r);
        x.current_ma = (uint32_t)rand_u64(&r);
        x.voltage_dv = (uint16_t)rand_u64(&r);
        x.has_reactive = rand_below(&r, 2);
        x.has_current = rand_below(&r, 2);
        x.has_harmonics = rand_below(&r, 2);
        for (int h = 0; h < LOAD_HARMONICS; h++) {
            uint32_t bits = (uint32_t)rand_u64(&r);
            x.harmonic_ma[h] = bits >> rand_below(&r, 32);
        }
        x.now.ms = ms += (int64_t)rand_below(&r, 2'000);
        if (load_take(&w, &settings, &x, &e))
            assert_true((unsigned)e.verdict < LOAD_VERDICT_COUNT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_plain_heating, set_up),
        cmocka_unit_test_setup(test_disguised_heating, set_up),
        cmocka_unit_test_setup(test_a_phase_cut_without_harmonics, set_up),
        cmocka_unit_test_setup(test_heating_above_a_base_load, set_up),
        cmocka_unit_test_setup(test_a_radiant_heater_goes_on, set_up),
        cmocka_unit_test_setup(test_a_large_radiant_heater, set_up),
        cmocka_unit_test_setup(test_a_slow_filament, set_up),
        cmocka_unit_test_setup(test_a_control_that_opens, set_up),
        cmocka_unit_test_setup(test_a_heater_that_is_raised, set_up),
        cmocka_unit_test_setup(test_motors, set_up),
        cmocka_unit_test_setup(test_a_rotor_that_stands, set_up),
        cmocka_unit_test_setup(test_a_filament_within_the_cycle, set_up),
        cmocka_unit_test_setup(test_fusers_by_their_control, set_up),
        cmocka_unit_test_setup(test_electronics, set_up),
        cmocka_unit_test_setup(test_an_inverter_comes_slowly, set_up),
        cmocka_unit_test_setup(test_a_soft_start, set_up),
        cmocka_unit_test_setup(test_no_diode_without_harmonics, set_up),
        cmocka_unit_test_setup(test_two_within_a_second, set_up),
        cmocka_unit_test_setup(test_heating_with_a_motor, set_up),
        cmocka_unit_test_setup(test_heating_beside_a_start, set_up),
        cmocka_unit_test_setup(test_heating_with_a_computer, set_up),
        cmocka_unit_test_setup(test_an_edge_without_harmonics, set_up),
        cmocka_unit_test_setup(test_a_small_edge, set_up),
        cmocka_unit_test_setup(test_heating_for_a_motor, set_up),
        cmocka_unit_test_setup(test_mains_swings, set_up),
        cmocka_unit_test_setup(test_white_list, set_up),
        cmocka_unit_test_setup(test_white_beside_a_computer, set_up),
        cmocka_unit_test_setup(test_thermostat, set_up),
        cmocka_unit_test_setup(test_small_ones_in_a_row, set_up),
        cmocka_unit_test_setup(test_heating_in_small_steps, set_up),
        cmocka_unit_test_setup(test_disguises_and_their_neighbours, set_up),
        cmocka_unit_test_setup(test_nothing_surprises, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
