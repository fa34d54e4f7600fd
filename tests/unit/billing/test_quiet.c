/* What a unit can cost at most, and how much is surely paid for. */
#include "billing/quiet.h"

#include <string.h>

#include "unit/check.h"

static struct rating_plan plan_of(const char *json)
{
    struct rating_plan plan;
    struct rating_problem problem;
    enum err e = rating_plan_parse(json, strlen(json), &plan, &problem);
    if (e != ERR_OK)
        fail_msg("%s %s", rating_reason_name(problem.reason), problem.place);
    return plan;
}

#define HOURS                                                                                      \
    "\"prices\":{\"peak\":\"2.00\",\"valley\":\"0.50\"},"                                          \
    "\"periods\":[{\"from\":\"08:00\",\"to\":\"20:00\",\"rate\":\"peak\"},"                        \
    "{\"from\":\"20:00\",\"to\":\"08:00\",\"rate\":\"valley\"}]"

static void test_bounds(void **state)
{
    static const struct {
        const char *plan;
        bool bounded;
        int64_t price_e8, fees_fen;
    } rows[] = {
        {"{\"kind\":\"flat\",\"price\":\"1.00\"}", true, 100'000'000, 0},
        /* two days, and two fen of rounding */
        {"{\"kind\":\"flat\",\"price\":\"1.00\",\"fees\":[{\"code\":\"day\",\"per\":\"day\","
         "\"price\":\"0.10\"}]}",
         true, 100'000'000, 22},
        /* so with months */
        {"{\"kind\":\"flat\",\"price\":\"1.00\",\"fees\":[{\"code\":\"m\",\"per\":\"month\","
         "\"price\":\"3\"}]}",
         true, 100'000'000, 602},
        {"{\"kind\":\"flat\",\"price\":\"1.00\",\"components\":[{\"code\":\"fund\","
         "\"price\":\"0.05\"}]}",
         true, 105'000'000, 0},
        {"{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":[{\"to\":\"50\",\"price\":\"0.90\"},"
         "{\"price\":\"1.30\"}]}",
         true, 130'000'000, 0},
        {"{\"kind\":\"time_of_use\"," HOURS "}", true, 200'000'000, 0},
        {"{\"kind\":\"time_of_use_ladder\",\"cycle\":\"month\"," HOURS
         ",\"steps\":[{\"to\":\"50\",\"surcharge\":\"0\"},{\"surcharge\":\"0.30\"}]}",
         true, 230'000'000, 0},
        {"{\"kind\":\"flat\",\"price\":\"1.00\",\"minimum\":\"5\"}", false, 0, 0},
        {"{\"kind\":\"flat\",\"price\":\"1.00\",\"fees\":[{\"code\":\"kw\",\"per\":\"demand\","
         "\"price\":\"30\"}]}",
         false, 0, 0},
        {"{\"kind\":\"flat\",\"price\":\"0\"}", false, 0, 0},
    };
    struct quiet_bound b;
    const struct rating_case terms = {};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct rating_plan plan = plan_of(rows[i].plan);
        assert_int_equal(rows[i].bounded, quiet_bound(&plan, &terms, 1, &b));
        if (!rows[i].bounded)
            continue;
        assert_int_equal(rows[i].price_e8, b.price_e8);
        assert_int_equal(rows[i].fees_fen, b.fees_fen);
    }
}

static void test_allowance(void **state)
{
    struct quiet_bound b = {.price_e8 = 50'000'000, .fees_fen = 100};
    (void)state;
    assert_int_equal(0, quiet_allowance_wh(&b, 0));
    assert_int_equal(0, quiet_allowance_wh(&b, -1));
    assert_int_equal(0, quiet_allowance_wh(&b, 100 + RATING_LINES_MAX));
    assert_int_equal(20, quiet_allowance_wh(&b, 101 + RATING_LINES_MAX));
    assert_true(quiet_allowance_wh(&b, INT64_MAX / 2) > 0);
    assert_string_equal("quiet", quiet_state_name(QUIET_QUIET));
    assert_string_equal("?", quiet_state_name(QUIET_STATES));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds),
                                       cmocka_unit_test(test_allowance)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
