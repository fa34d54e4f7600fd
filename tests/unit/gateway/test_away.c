/* May the gateway cut by itself? Every word that stands against it, and the registers it rests on.
 */
#include "tests/unit/check.h"

#include "gateway/away.h"

#define T0 INT64_C(1'788'220'800)

struct given {
    struct uplink_permit permit;
    struct uplink_permit_meter meters[2];
    struct uplink_permit_window windows[2];
    struct away_meter facts[2];
    struct away_case c;
};

/* Everything is as it has to be: two meters, of which one is cut; 1,000 Wh were left, 1,100 used.
 */
static void make(struct given *g)
{
    *g = (struct given){0};
    g->meters[0] = (struct uplink_permit_meter){1, 7, 501, 4, 10'000, 1, 66'000};
    g->meters[1] = (struct uplink_permit_meter){2, 7, 0, 0, 50'000, 10, 66'000};
    g->windows[0] = (struct uplink_permit_window){{T0}, {T0 + 3'600}};
    g->windows[1] = (struct uplink_permit_window){{T0 + 40'000}, {T0 + 43'600}};
    g->permit = (struct uplink_permit){.account_id = 9,
                                       .at = {T0 - 600},
                                       .valid_from = {T0 - 300},
                                       .valid_until = {T0 + 86'400},
                                       .left_wh = 1'000,
                                       .grace_s = 1'800,
                                       .windows = g->windows,
                                       .window_count = 2,
                                       .meters = g->meters,
                                       .meter_count = 2};
    g->facts[0] = (struct away_meter){.known = true,
                                      .looks = 2,
                                      .before_wh = 10'101, /* 101 Wh */
                                      .value_wh = 10'150,
                                      .read_at = {9'900'000}};
    g->facts[1] = (struct away_meter){.known = true,
                                      .looks = 5,
                                      .before_wh = 50'090, /* 10 x 90 Wh */
                                      .value_wh = 50'095,
                                      .read_at = {9'950'000}};
    g->c = (struct away_case){.permit = &g->permit,
                              .meters = g->facts,
                              .now = {10'000'000},
                              .since = {5'000'000},
                              .wall = {T0 + 100},
                              .trusted = true,
                              .dry_at = {8'000'000},
                              .cut_in_hour = 4,
                              .meter_count = 100};
}

typedef void spoil(struct given *g);
static void nothing(struct given *g)
{
    (void)g;
}
static void acted(struct given *g)
{
    g->c.acted = true;
}
static void connected(struct given *g)
{
    g->c.connected = true;
}
static void soon(struct given *g)
{
    g->c.since.ms = g->c.now.ms - AWAY_MIN_MS + 1;
}
static void just_long_enough(struct given *g)
{
    g->c.since.ms = g->c.now.ms - AWAY_MIN_MS;
}
static void clock_untrusted(struct given *g)
{
    g->c.trusted = false;
}
static void early(struct given *g)
{
    g->permit.valid_from.s = g->c.wall.s + 1;
}
static void at_the_beginning(struct given *g)
{
    g->permit.valid_from = g->c.wall;
}
static void over(struct given *g)
{
    g->permit.valid_until = g->c.wall;
}
static void one_second_left(struct given *g)
{
    g->permit.valid_until.s = g->c.wall.s + 1;
}
static void unknown(struct given *g)
{
    g->facts[1].known = false;
}
static void strange(struct given *g)
{
    g->facts[1].strange = true;
}
static void read_once(struct given *g)
{
    g->facts[1].looks = 1;
}
static void stale(struct given *g)
{
    g->facts[1].read_at.ms = g->c.now.ms - AWAY_FRESH_MS - 1;
}
static void just_fresh(struct given *g)
{
    g->facts[1].read_at.ms = g->c.now.ms - AWAY_FRESH_MS;
}
static void kept(struct given *g)
{
    g->facts[1].kept = true;
}
static void off(struct given *g)
{
    g->facts[0].off = true;
}
static void other_off(struct given *g)
{
    g->facts[1].off = true;
}
static void used_exactly(struct given *g)
{
    g->facts[0].before_wh = 10'100;
}
static void not_twice(struct given *g)
{
    g->facts[0].before_wh = 10'000; /* only the newest reading says so */
    g->facts[0].value_wh = 20'000;
}
static void never_dry(struct given *g)
{
    g->c.dry_at.ms = 0;
}
static void in_grace(struct given *g)
{
    g->c.dry_at.ms = g->c.now.ms - 1'799'999;
}
static void after_grace(struct given *g)
{
    g->c.dry_at.ms = g->c.now.ms - 1'800'000;
}
static void before_window(struct given *g)
{
    g->windows[0].from.s = g->c.wall.s + 1;
}
static void window_begins(struct given *g)
{
    g->windows[0].from = g->c.wall;
}
static void after_window(struct given *g)
{
    g->windows[0].until = g->c.wall;
}
static void second_window(struct given *g)
{
    g->c.wall.s = T0 + 40'000;
}
static void between(struct given *g)
{
    g->c.wall.s = T0 + 39'999;
}
static void busy(struct given *g)
{
    g->facts[1].busy = true;
}
static void breaker(struct given *g)
{
    g->c.cut_in_hour = 5;
}
static void small_site(struct given *g)
{
    g->c.meter_count = 10, g->c.cut_in_hour = 0;
}
static void small_site_again(struct given *g)
{
    g->c.meter_count = 10, g->c.cut_in_hour = 1;
}

static void test_every_refusal(void **state)
{
    (void)state;
    static const struct {
        spoil *with;
        enum away_verdict verdict;
    } rows[] = {
        {nothing, AWAY_CUT},
        {acted, AWAY_ACTED},
        {connected, AWAY_CONNECTED},
        {soon, AWAY_SOON},
        {just_long_enough, AWAY_CUT},
        {clock_untrusted, AWAY_CLOCK},
        {early, AWAY_EARLY},
        {at_the_beginning, AWAY_CUT},
        {over, AWAY_OVER},
        {one_second_left, AWAY_CUT},
        {unknown, AWAY_METER},
        {strange, AWAY_STRANGE},
        {read_once, AWAY_UNREAD},
        {stale, AWAY_UNREAD},
        {just_fresh, AWAY_CUT},
        {kept, AWAY_KEPT},
        {off, AWAY_OFF},
        {other_off, AWAY_CUT},
        {used_exactly, AWAY_CREDIT},
        {not_twice, AWAY_CREDIT},
        {never_dry, AWAY_CREDIT},
        {in_grace, AWAY_GRACE},
        {after_grace, AWAY_CUT},
        {before_window, AWAY_WINDOW},
        {window_begins, AWAY_CUT},
        {after_window, AWAY_WINDOW},
        {second_window, AWAY_CUT},
        {between, AWAY_WINDOW},
        {busy, AWAY_BUSY},
        {breaker, AWAY_BREAKER},
        {small_site, AWAY_CUT},
        {small_site_again, AWAY_BREAKER},
    };
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct given g;
        make(&g);
        rows[i].with(&g);
        enum away_verdict v = away_judge(&g.c);
        if (v != rows[i].verdict)
            fail_msg("row %zu: %s, not %s", i, away_verdict_name(v),
                     away_verdict_name(rows[i].verdict));
        seen |= 1u << v;
    }
    assert_int_equal(seen, (1u << AWAY_VERDICTS) - 1); /* no word without a row */
}

/* --- registers -------------------------------------------------------------------------------- */

static const struct uplink_permit_meter of = {
    .meter_id = 1, .register_wh = 10'000, .ratio = 1, .rise_per_hour = 66'000};

static void test_two_readings_make_a_pair(void **state)
{
    (void)state;
    struct away_meter m = {0};
    away_meter_read(&m, &of, 10'100, (mono_ms){1'000}, 60);
    assert_int_equal(m.looks, 1);
    away_meter_read(&m, &of, 10'150, (mono_ms){61'000}, 60);
    assert_int_equal(m.looks, 2);
    assert_int_equal(m.before_wh, 10'100);
    assert_int_equal(m.value_wh, 10'150);
    assert_int_equal(m.read_at.ms, 61'000);
    assert_false(m.strange);
}

static void test_below_the_permission_is_another_register(void **state)
{
    (void)state;
    struct away_meter m = {0};
    away_meter_read(&m, &of, 9'999, (mono_ms){1'000}, 60);
    assert_true(m.strange);
}

static void test_a_step_back_begins_anew(void **state)
{
    (void)state;
    struct away_meter m = {0};
    away_meter_read(&m, &of, 10'900, (mono_ms){1'000}, 3'600);
    away_meter_read(&m, &of, 10'100, (mono_ms){61'000}, 60);
    assert_int_equal(m.looks, 1);
    assert_int_equal(m.before_wh, 10'100);
    away_meter_read(&m, &of, 10'110, (mono_ms){121'000}, 60);
    assert_int_equal(m.looks, 2);
    assert_false(m.strange);
}

/* 66 kW over 60 s and 10 s of grace, with a fifth to spare: 1,540 Wh, and two grains. */
static void test_one_jump_is_damage_two_are_an_exchange(void **state)
{
    (void)state;
    struct away_meter m = {0};
    away_meter_read(&m, &of, 11'560, (mono_ms){1'000}, 60);
    assert_int_equal(m.looks, 1);
    m = (struct away_meter){0};
    away_meter_read(&m, &of, 11'561, (mono_ms){1'000}, 60);
    assert_int_equal(m.looks, 0);
    assert_false(m.strange);
    away_meter_read(&m, &of, 10'100, (mono_ms){61'000}, 120);
    assert_int_equal(m.looks, 1);
    away_meter_read(&m, &of, 999'000, (mono_ms){121'000}, 60);
    away_meter_read(&m, &of, 999'010, (mono_ms){181'000}, 120);
    assert_true(m.strange);
}

static void test_a_clock_behind_the_platform_allows_little(void **state)
{
    (void)state;
    struct away_meter m = {0};
    away_meter_read(&m, &of, 10'500, (mono_ms){1'000}, -500);
    assert_int_equal(m.looks, 0);
}

static void test_dry_is_by_the_older_readings_of_all(void **state)
{
    (void)state;
    struct given g;
    make(&g);
    assert_true(away_is_dry(&g.permit, g.facts));
    g.facts[1].looks = 1;
    assert_false(away_is_dry(&g.permit, g.facts));
    make(&g);
    g.facts[0].strange = true;
    assert_false(away_is_dry(&g.permit, g.facts));
    make(&g);
    g.facts[0].before_wh = INT64_C(1) << 50; /* sums do not wrap */
    g.meters[0].ratio = 1'000'000;
    assert_false(away_is_dry(&g.permit, g.facts));
}

/* --- what is given -----------------------------------------------------------------------------
 */

static void long_life(struct given *g)
{
    g->permit.valid_until.s = T0 - 600 + AWAY_VALID_MAX_S + 1;
}
static void no_life(struct given *g)
{
    g->permit.valid_until = g->permit.valid_from;
}
static void no_time(struct given *g)
{
    g->permit.at.s = 0;
}
static void no_window(struct given *g)
{
    g->permit.window_count = 0;
}
static void nothing_to_cut(struct given *g)
{
    g->meters[0].command_id = 0;
}
static void no_version(struct given *g)
{
    g->meters[0].version = 0;
}
static void one_meter_twice(struct given *g)
{
    g->meters[1].meter_id = 1;
}
static void no_ratio(struct given *g)
{
    g->meters[1].ratio = 0;
}
static void no_rise(struct given *g)
{
    g->meters[1].rise_per_hour = 0;
}
static void negative_left(struct given *g)
{
    g->permit.left_wh = -1;
}
static void negative_grace(struct given *g)
{
    g->permit.grace_s = -1;
}
static void negative_register(struct given *g)
{
    g->meters[0].register_wh = -1;
}
static void no_epoch(struct given *g)
{
    g->meters[0].epoch = 0;
}

static void test_what_no_platform_gives_is_refused(void **state)
{
    (void)state;
    static spoil *const rows[] = {long_life,      no_life,       no_time,         no_window,
                                  nothing_to_cut, no_version,    one_meter_twice, no_ratio,
                                  no_rise,        negative_left, negative_grace,  negative_register,
                                  no_epoch};
    struct given g;
    make(&g);
    assert_ok(away_permit_check(&g.permit));
    g.permit.valid_until.s = T0 - 600 + AWAY_VALID_MAX_S;
    assert_ok(away_permit_check(&g.permit));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        make(&g);
        rows[i](&g);
        if (away_permit_check(&g.permit) != ERR_RANGE)
            fail_msg("row %zu is allowed", i);
    }
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(away_verdict_name(AWAY_CUT), "cut");
    assert_string_equal(away_verdict_name(AWAY_BREAKER), "breaker");
    assert_string_equal(away_verdict_name(AWAY_VERDICTS), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_refusal),
        cmocka_unit_test(test_two_readings_make_a_pair),
        cmocka_unit_test(test_below_the_permission_is_another_register),
        cmocka_unit_test(test_a_step_back_begins_anew),
        cmocka_unit_test(test_one_jump_is_damage_two_are_an_exchange),
        cmocka_unit_test(test_a_clock_behind_the_platform_allows_little),
        cmocka_unit_test(test_dry_is_by_the_older_readings_of_all),
        cmocka_unit_test(test_what_no_platform_gives_is_refused),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
