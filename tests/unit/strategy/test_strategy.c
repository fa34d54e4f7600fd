#include "tests/unit/check.h"

#include "base/rand.h"
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
        {"{\"dunning\":1}", "MEMBER_UNKNOWN", "dunning"},
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
        {"{\"levels\":[\"3\",\"2\",\"1\",\"0\"]}", "MEMBER_TYPE", "levels"},
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
    assert_string_equal(strategy_action_name(STRATEGY_RESTORE), "restore");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_policy_refusals),     cmocka_unit_test(test_policy_is_read),
        cmocka_unit_test(test_notices_are_spaced),  cmocka_unit_test(test_hoard),
        cmocka_unit_test(test_levels_at_equality),  cmocka_unit_test(test_everything_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
