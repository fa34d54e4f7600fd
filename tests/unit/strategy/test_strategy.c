#include "tests/unit/check.h"

#include <stdio.h>

#include "strategy/strategy.h"

static void test_policy_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *json, *fault, *place;
    } cases[] = {
        {"", "JSON_SYNTAX", ""},
        {"[]", "JSON_SYNTAX", ""},
        {"{} {}", "JSON_SYNTAX", ""},
        {"{\"cut\":{\"automatic\":tru}}", "JSON_SYNTAX", "cut.automatic"},
        {"{\"duning\":1}", "MEMBER_UNKNOWN", "duning"},
        {"{\"dunning\":1}", "MEMBER_TYPE", "dunning"},
        {"{\"dunning\":{\"days_left\":[3,7]}}", "LEVELS_RISE", "dunning.days_left"},
        {"{\"dunning\":{\"days_left\":[7,3,1]}}", "LAST_LEVEL", "dunning.days_left"},
        {"{\"dunning\":{\"days_left\":[7,3,2,1]}}", "LAST_LEVEL", "dunning.days_left"},
        {"{\"dunning\":{\"days_left\":[367]}}", "NUMBER_RANGE", "dunning.days_left"},
        {"{\"dunning\":{\"percent\":[101]}}", "NUMBER_RANGE", "dunning.percent"},
        {"{\"dunning\":{\"percent\":[30,20,10]}}", "LAST_LEVEL", "dunning.percent"},
        {"{\"dunning\":{\"percent_of\":\"wages\"}}", "WORD", "dunning.percent_of"},
        {"{\"dunning\":{\"combine\":\"some\"}}", "WORD", "dunning.combine"},
        {"{\"dunning\":{\"channels\":[]}}", "CHANNEL", "dunning.channels"},
        {"{\"dunning\":{\"channels\":[\"pigeon\"]}}", "CHANNEL", "dunning.channels"},
        {"{\"dunning\":{\"channels\":[\"sms\",\"sms\"]}}", "CHANNEL", "dunning.channels"},
        {"{\"dunning\":{\"daily_cap\":-1}}", "NUMBER_RANGE", "dunning.daily_cap"},
        {"{\"dunning\":{\"from\":\"00:00\",\"to\":\"00:00\"}}", "WINDOW_EMPTY", "dunning.to"},
        {"{\"rating\":{\"n_days\":367}}", "NUMBER_RANGE", "rating.n_days"},
        {"{\"rating\":{\"from\":\"24:00\"}}", "TIME_SYNTAX", "rating.from"},
        {"{\"cut\":{\"approval\":\"three\"}}", "WORD", "cut.approval"},
        {"{\"cut\":{\"channels\":8}}", "NUMBER_RANGE", "cut.channels"},
        {"{\"cut\":{\"limit_circuits\":[4]}}", "CIRCUIT", "cut.limit_circuits"},
        {"{\"cut\":{\"limit_circuits\":[]}}", "CIRCUIT", "cut.limit_circuits"},
        {"{\"cut\":{\"away_hours\":49}}", "NUMBER_RANGE", "cut.away_hours"},
        {"{\"cut\":{\"away_hours\":-1}}", "NUMBER_RANGE", "cut.away_hours"},
        {"{\"cut\":{\"calendar\":\"NOWHERELAND\"}}", "MEMBER_TYPE", "cut.calendar"},
        {"{\"restore\":{\"mode\":\"slow\"}}", "WORD", "restore.mode"},
        {"{\"emergency\":{\"credit\":\"-1\"}}", "MONEY_RANGE", "emergency.credit"},
        {"{\"allow_cut_for_other_services\":1}", "MEMBER_TYPE", "allow_cut_for_other_services"},
        {"{\"levels\":[\"3\",\"2\",\"0\",\"-1\"]}", "CUT_ABOVE_ARREARS", "cut.at"},
        {"{\"cut\":{\"above\":\"1\"}}", "MEMBER_UNKNOWN", "cut.above"},
        {"{\"cut\":{},\"cut\":{}}", "MEMBER_REPEATED", "cut"},
        {"{\"cut\":{\"at\":\"0\",\"at\":\"0\"}}", "MEMBER_REPEATED", "cut.at"},
        {"{\"cut\":7}", "MEMBER_TYPE", "cut"},
        {"{\"cut\":{\"at\":0}}", "MEMBER_TYPE", "cut.at"},
        {"{\"cut\":{\"automatic\":\"yes\"}}", "MEMBER_TYPE", "cut.automatic"},
        {"{\"cut\":{\"grace_s\":\"1\"}}", "MEMBER_TYPE", "cut.grace_s"},
        {"{\"cut\":{\"grace_s\":1.5}}", "MEMBER_TYPE", "cut.grace_s"},
        {"{\"cut\":{\"weekdays\":1}}", "MEMBER_TYPE", "cut.weekdays"},
        {"{\"levels\":\"1\"}", "MEMBER_TYPE", "levels"},
        {"{\"levels\":[\"3\",\"2\"]}", "MEMBER_TYPE", "levels"},
        {"{\"levels\":[\"4\",\"3\",\"2\",\"1\",\"0\"]}", "MEMBER_TYPE", "levels"},
        {"{\"cut\":{\"at\":\"0.001\"}}", "MONEY_SYNTAX", "cut.at"},
        {"{\"cut\":{\"at\":\"1.\"}}", "MONEY_SYNTAX", "cut.at"},
        {"{\"cut\":{\"at\":\"--1\"}}", "MONEY_SYNTAX", "cut.at"},
        {"{\"cut\":{\"at\":\"\"}}", "MONEY_SYNTAX", "cut.at"},
        {"{\"cut\":{\"at\":\"1234567890123\"}}", "MONEY_RANGE", "cut.at"},
        {"{\"cut\":{\"at\":\"-99999999999\"}}", "MONEY_RANGE", "cut.at"},
        {"{\"levels\":[\"99999999999\",\"1\",\"0\"]}", "MONEY_RANGE", "levels"},
        {"{\"restore\":{\"above\":\"99999999999\"}}", "MONEY_RANGE", "restore.above"},
        {"{\"hoard_max\":\"-1\"}", "MONEY_RANGE", "hoard_max"},
        {"{\"levels\":[\"10\",\"20\",\"0\"]}", "LEVELS_RISE", "levels"},
        {"{\"levels\":[\"30\",\"10\",\"11\"]}", "LEVELS_RISE", "levels"},
        {"{\"cut\":{\"at\":\"0.01\"}}", "CUT_ABOVE_ARREARS", "cut.at"},
        {"{\"restore\":{\"above\":\"-0.01\"}}", "RESTORE_BELOW_CUT", "restore.above"},
        {"{\"hoard_max\":\"30\"}", "HOARD_BELOW_LEVEL", "hoard_max"},
        {"{\"cut\":{\"notice_level\":4}}", "NUMBER_RANGE", "cut.notice_level"},
        {"{\"cut\":{\"notices\":-1}}", "NUMBER_RANGE", "cut.notices"},
        {"{\"cut\":{\"grace_s\":99999999999999999999}}", "NUMBER_RANGE", "cut.grace_s"},
        {"{\"cut\":{\"reading_age_max_s\":0}}", "NUMBER_RANGE", "cut.reading_age_max_s"},
        {"{\"cut\":{\"not_after_s\":3601}}", "NUMBER_RANGE", "cut.not_after_s"},
        {"{\"cut\":{\"from\":\"9:00\"}}", "TIME_SYNTAX", "cut.from"},
        {"{\"cut\":{\"from\":\"24:00\"}}", "TIME_SYNTAX", "cut.from"},
        {"{\"cut\":{\"to\":\"24:01\"}}", "TIME_SYNTAX", "cut.to"},
        {"{\"cut\":{\"to\":\"12:60\"}}", "TIME_SYNTAX", "cut.to"},
        {"{\"cut\":{\"from\":\"20:00\"}}", "WINDOW_EMPTY", "cut.to"},
        {"{\"cut\":{\"weekdays\":[]}}", "WEEKDAY", "cut.weekdays"},
        {"{\"cut\":{\"weekdays\":[1,1]}}", "WEEKDAY", "cut.weekdays"},
        {"{\"cut\":{\"weekdays\":[0]}}", "WEEKDAY", "cut.weekdays"},
        {"{\"cut\":{\"weekdays\":[8]}}", "WEEKDAY", "cut.weekdays"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct strategy_policy p;
        struct strategy_problem problem;
        assert_err(ERR_STRATEGY_POLICY,
                   strategy_policy_parse(cases[i].json, strlen(cases[i].json), &p, &problem));
        assert_string_equal(strategy_fault_name(problem.fault), cases[i].fault);
        assert_string_equal(problem.place, cases[i].place);
        assert_err(ERR_STRATEGY_POLICY,
                   strategy_policy_parse(cases[i].json, strlen(cases[i].json), &p, NULL));
    }
}

static void test_policy_is_read(void **state)
{
    (void)state;
    static const char json[] =
        "{\"levels\":[\"50\",\"20.5\",\"-1\"],\"cut\":{\"automatic\":false,\"at\":\"-20.00\","
        "\"notice_level\":3,\"notices\":2,\"notice_spacing_s\":72000,\"grace_s\":7200,"
        "\"reading_age_max_s\":900,\"not_after_s\":30,\"from\":\"22:00\",\"to\":\"06:30\","
        "\"weekdays\":[1,7],\"holidays\":true},\"restore\":{\"automatic\":false,\"above\":\"5\"},"
        "\"hoard_max\":\"500\"}";
    struct strategy_policy p, d = strategy_policy_default();
    struct strategy_problem problem;
    assert_ok(strategy_policy_parse(json, strlen(json), &p, &problem));
    assert_int_equal(p.level_fen[1], 2050);
    assert_int_equal(p.level_fen[2], -100);
    assert_false(p.cut_automatic);
    assert_int_equal(p.cut_at_fen, -2000);
    assert_int_equal(p.notice_level, 3);
    assert_int_equal(p.notices, 2);
    assert_int_equal(p.notice_spacing_s, 72'000);
    assert_int_equal(p.grace_s, 7200);
    assert_int_equal(p.reading_age_max_s, 900);
    assert_int_equal(p.not_after_s, 30);
    assert_int_equal(p.window_from, 22 * 60);
    assert_int_equal(p.window_to, 6 * 60 + 30);
    assert_int_equal(p.weekdays, 0x41);
    assert_true(p.cut_on_holidays);
    assert_false(p.restore_automatic);
    assert_int_equal(p.restore_above_fen, 500);
    assert_int_equal(p.hoard_max_fen, 50'000);
    assert_ok(strategy_policy_check(&d, &problem));
    assert_ok(strategy_policy_parse("{}", 2, &p, &problem));
    assert_memory_equal(p.level_fen, d.level_fen, sizeof p.level_fen);
    assert_int_equal(p.grace_s, d.grace_s);
    assert_int_equal(p.weekdays, 0x1F);
    assert_int_equal(p.window_from, 480);
}

static void test_new_members_are_read(void **state)
{
    (void)state;
    static const char json[] =
        "{\"levels\":[\"50\",\"20\",\"0\",\"-20\"],\"rating\":{\"n_days\":5,\"budget\":200000,"
        "\"from\":\"01:00\",\"to\":\"05:00\"},\"dunning\":{\"days_left\":[7,3,1],"
        "\"percent\":[20],\"percent_of\":\"warning_amount\",\"warning_days\":15,"
        "\"combine\":\"all\",\"channels\":[\"sms\",\"console\"],\"daily_cap\":2,"
        "\"every_s\":86400,\"from\":\"09:00\",\"to\":\"18:30\"},\"cut\":{\"at\":\"-20\","
        "\"channels\":2,\"approval\":\"two\",\"approval_life_s\":3600,\"limit_s\":7200,"
        "\"limit_circuits\":[3],\"away_hours\":48,\"makeup\":true,\"calendar\":\"XX\"},"
        "\"restore\":{\"mode\":\"safe\"},\"emergency\":{\"credit\":\"15\",\"for_s\":43200},"
        "\"allow_cut_for_other_services\":true}";
    struct strategy_policy p;
    assert_ok(strategy_policy_parse(json, strlen(json), &p, NULL));
    assert_int_equal(p.level_count, 4);
    assert_int_equal(p.level_fen[3], -2000);
    assert_int_equal(p.rate_days, 5);
    assert_int_equal(p.rate_budget, 200'000);
    assert_int_equal(p.rate_from, 60);
    assert_int_equal(p.rate_to, 300);
    assert_int_equal(p.level_days[2], 1);
    assert_int_equal(p.level_percent[0], 20);
    assert_int_equal(p.level_percent[1], 0);
    assert_int_equal(p.percent_of, STRATEGY_OF_WARNING);
    assert_int_equal(p.warning_days, 15);
    assert_true(p.level_all);
    assert_int_equal(p.channels, 3);
    assert_int_equal(p.daily_cap, 2);
    assert_int_equal(p.repeat_s, 86'400);
    assert_int_equal(p.tell_from, 540);
    assert_int_equal(p.tell_to, 1110);
    assert_int_equal(p.notice_channels, 2);
    assert_int_equal(p.approval, STRATEGY_APPROVAL_TWO);
    assert_int_equal(p.approval_s, 3600);
    assert_int_equal(p.limit_s, 7200);
    assert_int_equal(p.limit_circuits, 4);
    assert_int_equal(p.away_hours, 48);
    assert_true(p.cut_on_makeup);
    assert_string_equal(p.calendar, "XX");
    assert_true(p.restore_safe);
    assert_int_equal(p.emergency_fen, 1500);
    assert_int_equal(p.emergency_s, 43'200);
    assert_true(p.allow_cut_for_other_services);
}

static void test_warnings_are_said(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default();
    assert_int_equal(strategy_policy_warnings(&p), 0);
    p.window_to = 20 * 60 + 1;
    assert_int_equal(strategy_policy_warnings(&p), 1u << STRATEGY_WARNING_NIGHT);
    p.window_to = 20 * 60;
    assert_int_equal(strategy_policy_warnings(&p), 0);
    p.allow_cut_for_other_services = true;
    p.notice_level = p.notices = p.grace_s = 0;
    p.weekdays = 0x20;
    p.cut_on_holidays = true;
    p.notice_channels = 2;
    p.channels = STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_SMS);
    uint32_t all = (1u << STRATEGY_WARNING_COUNT) - 1;
    assert_int_equal(strategy_policy_warnings(&p), all & ~(1u << STRATEGY_WARNING_NIGHT) &
                                                       ~(1u << STRATEGY_WARNING_CALENDAR_UNKNOWN));
    p.cut_on_holidays = false;
    snprintf(p.calendar, sizeof p.calendar, "XX");
    p.window_from = 20 * 60; /* wraps over midnight */
    p.window_to = 60;
    assert_int_equal(strategy_policy_warnings(&p), all & ~(1u << STRATEGY_WARNING_HOLIDAYS));
}

/* A way that is not connected delivers nothing: two channels are one. */
static void test_channels_that_do_not_deliver_are_warned_of(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default();
    p.channels =
        STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_CONSOLE) | STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_SMS);
    assert_int_equal(strategy_policy_warnings(&p), 0);
    p.notice_channels = 2;
    assert_int_equal(strategy_policy_warnings(&p), 1u << STRATEGY_WARNING_CHANNELS_FEW);
    p.notice_channels = 0;
    p.channels = STRATEGY_CHANNEL_BIT(STRATEGY_CHANNEL_SMS);
    assert_int_equal(strategy_policy_warnings(&p), 1u << STRATEGY_WARNING_CHANNELS_NONE);
}

/* The vectors of the n-day rule: strictly less, and always in arrears. */
static void test_short_notice(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default();
    assert_false(strategy_rate_soon(&p, 1200, 3 * 380));
    assert_true(strategy_rate_soon(&p, 1200, 4 * 380));
    assert_false(strategy_rate_soon(&p, 1140, 3 * 380)); /* equal */
    assert_false(strategy_rate_soon(&p, 0, 0));          /* an empty flat */
    assert_true(strategy_rate_soon(&p, 0, 1));           /* with a standing fee */
    assert_true(strategy_rate_soon(&p, -200, 0));
    p.cut_at_fen = -2000;
    assert_false(strategy_rate_soon(&p, 0, 2000));
    assert_true(strategy_rate_soon(&p, 0, 2001));
    assert_true(strategy_rate_soon(&p, -1, 0)); /* in arrears, though the overdraft carries it */
    p.rate_days = 0;
    assert_false(strategy_rate_soon(&p, -200, 100));
}

static void test_notices_are_spaced(void **state)
{
    (void)state;
    wall_s at[] = {{100}, {150}, {200}, {300}, {301}}, last;
    assert_int_equal(strategy_notices_counted(at, 5, 100, &last), 3);
    assert_int_equal(last.s, 300);
    assert_int_equal(strategy_notices_counted(at, 5, 101, &last), 2);
    assert_int_equal(last.s, 300);
    assert_int_equal(strategy_notices_counted(at, 5, 0, &last), 5);
    assert_int_equal(last.s, 301);
    assert_int_equal(strategy_notices_counted(at, 0, 0, &last), 0);
    assert_int_equal(last.s, 0);
}

static void test_hoard(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default();
    assert_true(strategy_sale_max_fen(&p, 100) == INT64_MAX);
    p.hoard_max_fen = 50'000;
    assert_int_equal(strategy_sale_max_fen(&p, 0), 50'000);
    assert_int_equal(strategy_sale_max_fen(&p, -100), 50'100);
    assert_int_equal(strategy_sale_max_fen(&p, 49'999), 1);
    assert_int_equal(strategy_sale_max_fen(&p, 50'000), 0);
    assert_int_equal(strategy_sale_max_fen(&p, 60'000), 0);
    assert_int_equal(strategy_sale_max_fen(&p, INT64_MAX), 0);
    assert_true(strategy_sale_max_fen(&p, INT64_MIN) == INT64_MAX);
}

static void test_other_services_count_only_where_the_policy_says_so(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default();
    assert_int_equal(strategy_available(&p, 100, 900), 100);
    p.allow_cut_for_other_services = true;
    assert_int_equal(strategy_available(&p, 100, 900), -800);
    assert_int_equal(strategy_available(&p, 100, 0), 100);
    assert_int_equal(strategy_available(&p, 100, -5), 100);
    assert_true(strategy_available(&p, INT64_MIN + 1, 2) == INT64_MIN);
}

static void test_levels_at_equality(void **state)
{
    (void)state;
    struct strategy_policy p = strategy_policy_default();
    assert_int_equal(strategy_level(&p, 3001), 0);
    assert_int_equal(strategy_level(&p, 3000), 1);
    assert_int_equal(strategy_level(&p, 1001), 1);
    assert_int_equal(strategy_level(&p, 1000), 2);
    assert_int_equal(strategy_level(&p, 1), 2);
    assert_int_equal(strategy_level(&p, 0), 3);
    assert_int_equal(strategy_level(&p, -1), 3);
}

static void test_everything_has_words(void **state)
{
    (void)state;
    assert_true(STRATEGY_REASON_COUNT <= 64); /* guards are bits */
    for (int i = 0; i < STRATEGY_REASON_COUNT; i++) {
        assert_true(strlen(strategy_reason_en((enum strategy_reason)i)) > 5);
        assert_true(strlen(strategy_reason_zh((enum strategy_reason)i)) > 5);
    }
    for (int i = 0; i < STRATEGY_FAULT_COUNT; i++) {
        assert_true(strlen(strategy_fault_en((enum strategy_fault)i)) > 5);
        assert_true(strlen(strategy_fault_zh((enum strategy_fault)i)) > 5);
    }
    for (int i = 0; i < STRATEGY_WARNING_COUNT; i++)
        assert_true(strlen(strategy_warning_zh((enum strategy_warning)i)) > 5);
    for (int i = 0; i < STRATEGY_CHANNEL_COUNT; i++) {
        enum strategy_channel c = (enum strategy_channel)i;
        assert_int_equal(strategy_channel_of(strategy_channel_name(c)), i);
        assert_true(strlen(strategy_channel_zh(c)) > 3 && strlen(strategy_channel_en(c)) > 3);
    }
    for (int i = 0; i < STRATEGY_PROTECTION_COUNT; i++) {
        enum strategy_protection k = (enum strategy_protection)i;
        assert_int_equal(strategy_protection_of(strategy_protection_name(k)), i);
        assert_true(strlen(strategy_protection_zh(k)) > 3 && strlen(strategy_protection_en(k)) > 3);
    }
    assert_int_equal(strategy_channel_of("pigeon"), STRATEGY_CHANNEL_COUNT);
    assert_string_equal(strategy_action_name(STRATEGY_RESTORE), "restore");
    assert_string_equal(strategy_action_name(STRATEGY_LIMIT), "limit");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_refusals),
        cmocka_unit_test(test_policy_is_read),
        cmocka_unit_test(test_new_members_are_read),
        cmocka_unit_test(test_warnings_are_said),
        cmocka_unit_test(test_channels_that_do_not_deliver_are_warned_of),
        cmocka_unit_test(test_short_notice),
        cmocka_unit_test(test_notices_are_spaced),
        cmocka_unit_test(test_hoard),
        cmocka_unit_test(test_other_services_count_only_where_the_policy_says_so),
        cmocka_unit_test(test_levels_at_equality),
        cmocka_unit_test(test_everything_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
