#include "tests/unit/check.h"

#include <stdio.h>

#include "base/rand.h"
#include "rating/statement.h"

/* Single quotes stand for double ones. */
static enum err parse(const char *text, struct rating_plan *plan, struct rating_problem *problem)
{
    char json[8192];
    size_t n = strlen(text);
    assert_true(n < sizeof json);
    for (size_t i = 0; i <= n; i++)
        json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
    return rating_plan_parse(json, n, plan, problem);
}

static struct rating_plan parse_ok(const char *text)
{
    struct rating_plan plan;
    struct rating_problem problem;
    if (parse(text, &plan, &problem) != ERR_OK)
        fail_msg("%s: %s %s", text, rating_reason_name(problem.reason), problem.place);
    return plan;
}

#define STEPS "'steps':[{'to':'240','price':'0.4883'},{'to':'400','price':'0.5383'},{'price':'0.7883'}]"
#define DAY "'periods':[{'from':'00:00','to':'24:00','rate':'peak'}]"
#define MATRIX "'steps':[{'to':'10','prices':{'peak':'1'}},{'prices':{'peak':'2'}}]"

static void test_ladder_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *json, *reason, *place;
    } cases[] = {
        {"{'kind':'ladder','cycle':'month'}", "MEMBER_MISSING", "steps"},
        {"{'kind':'ladder'," STEPS "}", "MEMBER_MISSING", "cycle"},
        {"{'kind':'ladder','cycle':'week'," STEPS "}", "CYCLE_UNKNOWN", "cycle"},
        {"{'kind':'ladder','cycle':7," STEPS "}", "MEMBER_TYPE", "cycle"},
        {"{'kind':'ladder','cycle':'month','unit':'MWh'," STEPS "}", "UNIT_UNKNOWN", "unit"},
        {"{'kind':'ladder','cycle':'month','price':'1'," STEPS "}", "MEMBER_UNKNOWN", "price"},
        {"{'kind':'ladder','cycle':'month','apportion':'pro_rata'," STEPS "}", "MEMBER_UNKNOWN", "apportion"},
        {"{'kind':'ladder','cycle':'month'," DAY "," STEPS "}", "MEMBER_UNKNOWN", "periods"},
        {"{'kind':'flat','price':'1','cycle':'month'}", "MEMBER_UNKNOWN", "cycle"},
        {"{'kind':'flat','price':'1'," STEPS "}", "MEMBER_UNKNOWN", "steps"},
        /* days */
        {"{'kind':'ladder','cycle':'month','start':'29'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'month','start':'00'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'month','start':'01-01'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'year','start':'01'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'year','start':'13-01'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'year','start':'7-01'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','start':'01','cycle':'year'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'year','start':'02-29'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'year','end':'02-20'," STEPS "}", "CYCLE_DAY", "end"},
        {"{'kind':'ladder','cycle':'heating_season','start':'11-15'," STEPS "}", "MEMBER_MISSING", "end"},
        {"{'kind':'ladder','cycle':'heating_season','end':'03-15'," STEPS "}", "MEMBER_MISSING", "start"},
        {"{'kind':'ladder','cycle':'heating_season','start':'11-31','end':'03-15'," STEPS "}", "CYCLE_DAY", "start"},
        {"{'kind':'ladder','cycle':'heating_season','start':'11-15','end':'02-30'," STEPS "}", "CYCLE_DAY", "end"},
        /* steps */
        {"{'kind':'ladder','cycle':'month','steps':{}}", "MEMBER_TYPE", "steps"},
        {"{'kind':'ladder','cycle':'month','steps':[]}", "STEPS_NONE", "steps"},
        {"{'kind':'ladder','cycle':'month','steps':[7]}", "MEMBER_TYPE", "steps[0]"},
        {"{'kind':'ladder','cycle':'month','steps':[{'price':'1','tax':'1'}]}", "MEMBER_UNKNOWN", "steps[0].tax"},
        {"{'kind':'ladder','cycle':'month','steps':[{'price':'1','price':'1'}]}", "MEMBER_REPEATED", "steps[0].price"},
        {"{'kind':'ladder','cycle':'month','steps':[{'price':'1','surcharge':'1'}]}", "STEP_FORM", "steps[0]"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'1'}]}", "STEP_FORM", "steps[0]"},
        {"{'kind':'ladder','cycle':'month','price':'1','steps':[{'to':'1','price':'1'},{'surcharge':'1'}]}", "STEP_FORM", "steps[1]"},
        {"{'kind':'ladder','cycle':'month'," MATRIX "}", "STEP_FORM_KIND", "steps"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'1','price':'1'}]}", "STEP_OPEN_END", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'price':'1'},{'price':'2'}]}", "STEP_OPEN_END", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'0','price':'1'},{'price':'2'}]}", "STEP_ORDER", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'9','price':'1'},{'to':'9','price':'1'},{'price':'2'}]}", "STEP_ORDER", "steps[1].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'9','price':'1'},{'to':'8.999','price':'1'},{'price':'2'}]}", "STEP_ORDER", "steps[1].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'9.0001','price':'1'},{'price':'2'}]}", "QUANTITY_SYNTAX", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'9.','price':'1'},{'price':'2'}]}", "QUANTITY_SYNTAX", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'-9','price':'1'},{'price':'2'}]}", "QUANTITY_SYNTAX", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'','price':'1'},{'price':'2'}]}", "QUANTITY_SYNTAX", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':9,'price':'1'},{'price':'2'}]}", "MEMBER_TYPE", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'1000000000.001','price':'1'},{'price':'2'}]}", "QUANTITY_TOO_LARGE", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'99999999999','price':'1'},{'price':'2'}]}", "QUANTITY_TOO_LARGE", "steps[0].to"},
        {"{'kind':'ladder','cycle':'month','steps':[{'price':'0.123456789'}]}", "PRICE_DECIMALS", "steps[0].price"},
        {"{'kind':'ladder','cycle':'month','price':'1','steps':[{'surcharge':'-1'}]}", "PRICE_NEGATIVE", "steps[0].surcharge"},
        {"{'kind':'ladder','cycle':'month','steps':[{'surcharge':'1'}]}", "MEMBER_MISSING", "price"},
        /* high season */
        {"{'kind':'ladder','cycle':'year','high_season':{'from':5,'to':10},'steps':[{'price':'1'}]}", "HIGH_SEASON", "high_season"},
        {"{'kind':'ladder','cycle':'month','high_season':{'from':0,'to':10},'steps':[{'price':'1'}]}", "HIGH_SEASON", "high_season"},
        {"{'kind':'ladder','cycle':'month','high_season':{'from':5,'to':13},'steps':[{'price':'1'}]}", "HIGH_SEASON", "high_season"},
        {"{'kind':'ladder','cycle':'month','high_season':{'from':5},'steps':[{'price':'1'}]}", "MEMBER_MISSING", "high_season.to"},
        {"{'kind':'ladder','cycle':'month','high_season':{'from':'5','to':10},'steps':[{'price':'1'}]}", "MEMBER_TYPE", "high_season.from"},
        {"{'kind':'ladder','cycle':'month','high_season':{'from':5,'to':10,'x':1},'steps':[{'price':'1'}]}", "MEMBER_UNKNOWN", "high_season.x"},
        {"{'kind':'ladder','cycle':'month','high_season':{'from':5,'to':10}," STEPS "}", "STEP_OPEN_END", "steps[0].to_high"},
        {"{'kind':'ladder','cycle':'month','steps':[{'to':'1','to_high':'2','price':'1'},{'price':'1'}]}", "HIGH_SEASON", "steps[0].to_high"},
        {"{'kind':'ladder','cycle':'month','high_season':{'from':5,'to':10},'steps':[{'to':'1','to_high':'2','price':'1'},{'to':'2','to_high':'2','price':'1'},{'price':'1'}]}", "STEP_ORDER", "steps[1].to_high"},
        /* household */
        {"{'kind':'ladder','cycle':'month','household':{'extra':'1'}," STEPS "}", "MEMBER_MISSING", "household.from_persons"},
        {"{'kind':'ladder','cycle':'month','household':{'from_persons':5}," STEPS "}", "MEMBER_MISSING", "household.extra"},
        {"{'kind':'ladder','cycle':'month','household':{'from_persons':0,'extra':'1'}," STEPS "}", "HOUSEHOLD", "household"},
        {"{'kind':'ladder','cycle':'month','household':{'from_persons':1000,'extra':'1'}," STEPS "}", "HOUSEHOLD", "household"},
        {"{'kind':'ladder','cycle':'month','household':{'from_persons':5,'extra':'x'}," STEPS "}", "QUANTITY_SYNTAX", "household.extra"},
        /* components, fees, minimum */
        {"{'kind':'flat','price':'1','components':{}}", "MEMBER_TYPE", "components"},
        {"{'kind':'flat','price':'1','components':[{'code':'tax'}]}", "MEMBER_MISSING", "components[0].price"},
        {"{'kind':'flat','price':'1','components':[{'price':'1'}]}", "MEMBER_MISSING", "components[0].code"},
        {"{'kind':'flat','price':'1','components':[{'code':'Tax','price':'1'}]}", "CODE_SYNTAX", "components[0].code"},
        {"{'kind':'flat','price':'1','components':[{'code':'','price':'1'}]}", "CODE_SYNTAX", "components[0].code"},
        {"{'kind':'flat','price':'1','components':[{'code':'abcdefghijklmnopqrstuvwxy','price':'1'}]}", "CODE_SYNTAX", "components[0].code"},
        {"{'kind':'flat','price':'1','components':[{'code':'a','price':'1','per':'day'}]}", "MEMBER_UNKNOWN", "components[0].per"},
        {"{'kind':'flat','price':'1','components':[{'code':'a','price':'1'},{'code':'a','price':'1'}]}", "CODE_REPEATED", "components[1].code"},
        {"{'kind':'flat','price':'1','components':[{'code':'a','price':'-1'}]}", "PRICE_NEGATIVE", "components[0].price"},
        {"{'kind':'flat','price':'1','fees':[{'code':'a','price':'1'}]}", "MEMBER_MISSING", "fees[0].per"},
        {"{'kind':'flat','price':'1','fees':[{'code':'a','price':'1','per':'unit'}]}", "PER_UNKNOWN", "fees[0].per"},
        {"{'kind':'flat','price':'1','fees':[{'code':'a','price':'1','per':'week'}]}", "PER_UNKNOWN", "fees[0].per"},
        {"{'kind':'flat','price':'1','minimum':'0'}", "MINIMUM_FEN", "minimum"},
        {"{'kind':'flat','price':'1','minimum':'1.001'}", "MINIMUM_FEN", "minimum"},
        {"{'kind':'flat','price':'1','minimum':1}", "MEMBER_TYPE", "minimum"},
        {"{'kind':'flat','price':'1','rounding':'even'}", "ROUNDING_UNKNOWN", "rounding"},
        {"{'kind':'flat','price':'1','rounding':1}", "MEMBER_TYPE", "rounding"},
        {"{'kind':'flat','price':'1','components':[{'code':'a','price':'1','rounding':'x'}]}", "ROUNDING_UNKNOWN", "components[0].rounding"},
        /* time of use with steps */
        {"{'kind':'time_of_use_ladder','cycle':'month'," STEPS "}", "MEMBER_MISSING", "periods"},
        {"{'kind':'time_of_use_ladder','cycle':'month'," DAY "," STEPS "}", "STEP_FORM_KIND", "steps"},
        {"{'kind':'time_of_use_ladder','cycle':'month'," DAY "," MATRIX "}", "MEMBER_MISSING", "apportion"},
        {"{'kind':'time_of_use_ladder','cycle':'month','apportion':'first'," DAY "," MATRIX "}", "APPORTION_UNKNOWN", "apportion"},
        {"{'kind':'time_of_use_ladder','cycle':'month','apportion':'pro_rata','prices':{'peak':'1'}," DAY "," MATRIX "}", "MEMBER_UNKNOWN", "prices"},
        {"{'kind':'time_of_use_ladder','cycle':'month','apportion':'pro_rata'," DAY ",'steps':[{'to':'1','prices':{'peak':'1'}},{'prices':{'valley':'1'}}]}", "STEP_RATES", "steps[1].prices"},
        {"{'kind':'time_of_use_ladder','cycle':'month','apportion':'pro_rata'," DAY ",'steps':[{'prices':{}}]}", "PRICES_NONE", "steps[0].prices"},
        {"{'kind':'time_of_use_ladder','cycle':'month','apportion':'pro_rata'," DAY ",'steps':[{'prices':{'peak':'-1'}}]}", "PRICE_NEGATIVE", "steps[0].prices.peak"},
        {"{'kind':'time_of_use_ladder','cycle':'month','apportion':'pro_rata'," DAY ",'steps':[{'prices':{'dear':'1'}}]}", "RATE_UNKNOWN", "steps[0].prices.dear"},
        {"{'kind':'time_of_use_ladder','cycle':'month','apportion':'pro_rata'," DAY ",'steps':[{'prices':{'valley':'1'}}]}", "RATE_UNPRICED", "periods[0].rate"},
        {"{'kind':'time_of_use_ladder','cycle':'month'," DAY ",'steps':[{'surcharge':'1'}]}", "MEMBER_MISSING", "prices"},
        {"{'kind':'time_of_use_ladder','cycle':'month','prices':{'peak':'1'},'periods':[],'steps':[{'surcharge':'1'}]}", "PERIOD_GAP", "periods"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rating_plan plan;
        struct rating_problem problem;
        enum err e = parse(cases[i].json, &plan, &problem);
        if (e != ERR_RATING_PLAN || strcmp(rating_reason_name(problem.reason), cases[i].reason) != 0 ||
            strcmp(problem.place, cases[i].place) != 0)
            fail_msg("%s: %s, %s at '%s'", cases[i].json, err_name(e),
                     rating_reason_name(problem.reason), problem.place);
        assert_err(ERR_RATING_PLAN, parse(cases[i].json, &plan, NULL));
    }
}

static void test_thirty_three_steps_are_too_many(void **state)
{
    (void)state;
    char json[4096] = "{'kind':'ladder','cycle':'month','steps':[", step[64];
    for (int i = 1; i < RATING_STEPS_MAX; i++) {
        snprintf(step, sizeof step, "{'to':'%d','price':'1'},", i);
        strcat(json, step);
    }
    size_t len = strlen(json);
    strcat(json, "{'price':'1'}]}");
    assert_int_equal(parse_ok(json).ladder.step_count, RATING_STEPS_MAX);
    strcpy(json + len, "{'to':'32','price':'1'},{'price':'1'}]}");
    struct rating_plan plan;
    struct rating_problem problem;
    assert_err(ERR_RATING_PLAN, parse(json, &plan, &problem));
    assert_string_equal(rating_reason_name(problem.reason), "STEPS_TOO_MANY");
}

/* What the text cannot say, a program can. */
static void test_built_plans_are_checked(void **state)
{
    (void)state;
    struct rating_problem problem;
    const struct rating_plan good = parse_ok("{'kind':'ladder','cycle':'month'," STEPS "}");
    struct rating_plan bad = good;
    assert_ok(rating_plan_check(&good, NULL));
    bad.ladder.step_count = RATING_STEPS_MAX + 1;
    assert_err(ERR_RATING_PLAN, rating_plan_check(&bad, &problem));
    assert_string_equal(rating_reason_name(problem.reason), "STEPS_TOO_MANY");
    bad = good;
    bad.ladder.cycle = RATING_CYCLES;
    assert_err(ERR_RATING_PLAN, rating_plan_check(&bad, &problem));
    assert_string_equal(rating_reason_name(problem.reason), "CYCLE_UNKNOWN");
    bad = good;
    bad.ladder.steps[1].price_e8 = -1;
    assert_err(ERR_RATING_PLAN, rating_plan_check(&bad, &problem));
    assert_string_equal(problem.place, "steps[1].price");
    bad = good;
    bad.ladder.household_each_more_wh = -1;
    assert_err(ERR_RATING_PLAN, rating_plan_check(&bad, &problem));
    assert_string_equal(problem.place, "household");
}

/* What billing cannot apply it refuses, and never prices wrongly. */
static void test_what_cannot_be_billed(void **state)
{
    (void)state;
    struct rating_usage u = {.to = {.total_wh = 1000, .rate_wh = {0, 1000}}};
    struct rating_bill bill;
    static const char *const cannot[] = {
        "{'kind':'ladder','cycle':'month'," STEPS "}",
        "{'kind':'time_of_use_ladder','cycle':'month','apportion':'pro_rata'," DAY "," MATRIX "}",
        "{'kind':'flat','unit':'m3','price':'5'}",
        "{'kind':'flat','price':'5','components':[{'code':'tax','price':'0'}]}",
        "{'kind':'flat','price':'5','fees':[{'code':'meter','price':'1','per':'day'}]}",
        "{'kind':'flat','price':'5','rounding':'half_up'}",
        "{'kind':'flat','price':'5','minimum':'1'}"};
    for (size_t i = 0; i < sizeof cannot / sizeof *cannot; i++) {
        struct rating_plan plan = parse_ok(cannot[i]);
        assert_err(ERR_RATING_UNBILLABLE, rating_plan_billable(&plan));
        assert_err(ERR_RATING_UNBILLABLE, rating_charge(&plan, &u, 0, &bill));
        assert_int_equal(bill.line_count, 0);
    }
    struct rating_plan plan = parse_ok("{'kind':'flat','unit':'kWh','price':'5'}");
    assert_ok(rating_charge(&plan, &u, 0, &bill));
}

static void test_statement_refusals(void **state)
{
    (void)state;
    struct rating_statement s;
    struct rating_used row = {.total_wh = 1000};
    struct rating_request q = {.rows = &row, .row_count = 1};
    struct rating_plan plan = parse_ok("{'kind':'ladder','cycle':'month'," STEPS "}");
    assert_ok(rating_state(&plan, &q, &s));
    q.used_before_wh = -1;
    assert_err(ERR_RATING_BACKWARDS, rating_state(&plan, &q, &s));
    q.used_before_wh = INT64_MAX;
    assert_err(ERR_OVERFLOW, rating_state(&plan, &q, &s));
    q.used_before_wh = 0;
    row.total_wh = -1;
    assert_err(ERR_RATING_BACKWARDS, rating_state(&plan, &q, &s));
    row.total_wh = INT64_MAX;
    plan.ladder.steps[2].price_e8 = RATING_PRICE_MAX_E8;
    assert_err(ERR_OVERFLOW, rating_state(&plan, &q, &s));

    plan = parse_ok("{'kind':'time_of_use_ladder','cycle':'month','apportion':'chronological'," DAY
                    "," MATRIX "}");
    row = (struct rating_used){1000, {0, 1000 - RATING_RATES_TOLERANCE_WH}};
    assert_ok(rating_state(&plan, &q, &s));
    row.rate_wh[1]--;
    assert_err(ERR_RATING_RATES, rating_state(&plan, &q, &s));
    row = (struct rating_used){1000, {1, 999}};
    assert_err(ERR_RATING_RATES, rating_state(&plan, &q, &s));
    row = (struct rating_used){1000, {-1, 1000}};
    assert_err(ERR_RATING_BACKWARDS, rating_state(&plan, &q, &s));

    plan = parse_ok("{'kind':'ladder','cycle':'month','high_season':{'from':11,'to':2},"
                    "'steps':[{'to':'1','to_high':'2','price':'1'},{'price':'2'}]}");
    row = (struct rating_used){2000, {}};
    assert_err(ERR_RATING_MONTH, rating_state(&plan, &q, &s));
    q.month = 13;
    assert_err(ERR_RATING_MONTH, rating_state(&plan, &q, &s));
    static const int fen[] = {200, 200, 300, 300, 300, 300, 300, 300, 300, 300, 200, 200};
    for (q.month = 1; q.month <= 12; q.month++) {
        assert_ok(rating_state(&plan, &q, &s));
        assert_int_equal(s.amount_fen, fen[q.month - 1]);
    }
}

/* 1.5 fen, 1.4 fen and whole fen by each rule; the remainder passes by untouched. */
static void test_rounding_rules(void **state)
{
    (void)state;
    static const struct {
        const char *rule;
        int64_t fen[4]; /* for 15, 14, 11 and 20 Wh at 1 yuan */
    } cases[] = {{"half_up", {2, 1, 1, 2}}, {"up", {2, 2, 2, 2}}, {"down", {1, 1, 1, 2}}};
    static const int64_t wh[] = {15, 14, 11, 20};
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 4; k++) {
            char json[128];
            snprintf(json, sizeof json, "{'kind':'flat','price':'1','rounding':'%s'}", cases[i].rule);
            struct rating_plan plan = parse_ok(json);
            struct rating_used row = {.total_wh = wh[k]};
            struct rating_statement s;
            assert_ok(rating_state(
                &plan, &(struct rating_request){.rows = &row, .row_count = 1, .carry = 77}, &s));
            assert_int_equal(s.amount_fen, cases[i].fen[k]);
            assert_int_equal(s.carry, 77);
        }
    /* the least there can be: 1 Wh at 0.00000001 yuan */
    struct rating_plan plan = parse_ok("{'kind':'flat','price':'0.00000001','rounding':'up'}");
    struct rating_used row = {.total_wh = 1};
    struct rating_statement s;
    assert_ok(rating_state(&plan, &(struct rating_request){.rows = &row, .row_count = 1}, &s));
    assert_int_equal(s.amount_fen, 1);
}

/* A fee without its count is not left out in silence. */
static void test_fees_need_their_count(void **state)
{
    (void)state;
    static const char *const plans[] = {
        "{'kind':'flat','price':'0','fees':[{'code':'a','price':'2','per':'day'}]}",
        "{'kind':'flat','price':'0','fees':[{'code':'a','price':'2','per':'month'}]}",
        "{'kind':'flat','price':'0','fees':[{'code':'a','price':'2','per':'area'}]}"};
    for (size_t i = 0; i < 3; i++) {
        struct rating_plan plan = parse_ok(plans[i]);
        struct rating_used row = {};
        struct rating_statement s;
        struct rating_request q = {.rows = &row, .row_count = 1, .days = i != 0, .months = i != 1,
                                   .area_milli_m2 = i != 2 ? 1000 : 0};
        assert_err(ERR_RATING_FEE, rating_state(&plan, &q, &s));
        q.days = q.months = 1;
        q.area_milli_m2 = 1000;
        assert_ok(rating_state(&plan, &q, &s));
        assert_int_equal(s.amount_fen, 200);
        assert_string_equal(s.items[0].code, "a");
    }
}

static void test_seventeen_parts_are_too_many(void **state)
{
    (void)state;
    static const char *const names[] = {"components", "fees"};
    for (int list = 0; list < 2; list++) {
        char json[2048], part[64];
        snprintf(json, sizeof json, "{'kind':'flat','price':'1','%s':[", names[list]);
        for (int i = 0; i <= RATING_PARTS_MAX; i++) {
            snprintf(part, sizeof part, "%s{'code':'c%d','price':'1'%s}", i ? "," : "", i,
                     list ? ",'per':'day'" : "");
            strcat(json, part);
        }
        strcat(json, "]}");
        struct rating_plan plan;
        struct rating_problem problem;
        assert_err(ERR_RATING_PLAN, parse(json, &plan, &problem));
        assert_string_equal(rating_reason_name(problem.reason), "PARTS_TOO_MANY");
        assert_string_equal(problem.place, names[list]);
    }
}

/* Splitting a period anywhere changes the exact money of no plan but one that shares out pro rata. */
static void test_splitting_changes_nothing(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(4, "statement");
    struct rating_plan plan = parse_ok("{'kind':'ladder','cycle':'month'," STEPS "}");
    for (int round = 0; round < 3000; round++) {
        struct rating_used whole = {}, part = {};
        struct rating_request q = {.rows = &part, .row_count = 1};
        struct rating_statement s;
        int64_t sum = 0;
        for (uint64_t parts = 1 + rand_below(&r, 9); parts > 0; parts--) {
            part.total_wh = (int64_t)rand_below(&r, 150'000);
            whole.total_wh += part.total_wh;
            assert_ok(rating_state(&plan, &q, &s));
            sum += s.amount_fen;
            q.carry = s.carry;
            q.used_before_wh = s.used_after_wh;
        }
        int64_t carry = q.carry;
        q = (struct rating_request){.rows = &whole, .row_count = 1};
        assert_ok(rating_state(&plan, &q, &s));
        assert_true(sum * (__int128)UNITS_EXACT_PER_FEN + carry ==
                    s.amount_fen * (__int128)UNITS_EXACT_PER_FEN + s.carry);
    }
}

/* More used is never cheaper while prices rise, Wh by Wh over both steps. */
static void test_more_is_never_cheaper(void **state)
{
    (void)state;
    struct rating_plan plan = parse_ok("{'kind':'ladder','cycle':'month','steps':[{'to':'0.2',"
                                       "'price':'0.5'},{'to':'0.3','price':'0.6'},{'price':'9'}]}");
    int64_t before = 0;
    for (int64_t wh = 0; wh < 1000; wh++) {
        struct rating_used row = {.total_wh = wh};
        struct rating_statement s;
        assert_ok(rating_state(&plan, &(struct rating_request){.rows = &row, .row_count = 1}, &s));
        assert_true(s.amount_fen >= before);
        assert_int_equal(s.step_wh[0] + s.step_wh[1] + s.step_wh[2], wh);
        before = s.amount_fen;
    }
    assert_int_equal(before, 645); /* 0.1 + 0.06 + 699 * 0.009 = 6.451 yuan */
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(rating_kind_name(RATING_TIME_OF_USE_LADDER), "time_of_use_ladder");
    assert_string_equal(rating_unit_name(RATING_M3), "m3");
    assert_string_equal(rating_unit_name(RATING_UNITS), "unknown");
    assert_string_equal(rating_cycle_name(RATING_HEATING_SEASON), "heating_season");
    assert_string_equal(rating_cycle_name(RATING_CYCLES), "unknown");
    assert_string_equal(rating_item_name(RATING_ITEM_SURCHARGE), "surcharge");
    assert_string_equal(rating_item_zh(RATING_ITEM_SURCHARGE), "阶梯加价");
    assert_string_equal(rating_item_name(RATING_ITEM_KINDS), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ladder_refusals),
        cmocka_unit_test(test_thirty_three_steps_are_too_many),
        cmocka_unit_test(test_built_plans_are_checked),
        cmocka_unit_test(test_what_cannot_be_billed),
        cmocka_unit_test(test_statement_refusals),
        cmocka_unit_test(test_splitting_changes_nothing),
        cmocka_unit_test(test_more_is_never_cheaper),
        cmocka_unit_test(test_rounding_rules),
        cmocka_unit_test(test_fees_need_their_count),
        cmocka_unit_test(test_seventeen_parts_are_too_many),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
