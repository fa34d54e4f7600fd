#include "tests/unit/check.h"

#include "base/rand.h"
#include "rating/rating.h"

#define TOU                                                                                        \
    "{\"kind\":\"time_of_use\",\"prices\":{\"sharp\":\"1.2\",\"peak\":\"0.968\",\"flat\":"         \
    "\"0.5883\",\"valley\":\"0.288\"},\"periods\":[{\"from\":\"22:00\",\"to\":\"08:00\","          \
    "\"rate\":\"valley\"},{\"from\":\"08:00\",\"to\":\"22:00\",\"rate\":\"peak\"}]}"

static struct rating_plan parse_ok(const char *json)
{
    struct rating_plan plan;
    struct rating_problem problem;
    assert_ok(rating_plan_parse(json, strlen(json), &plan, &problem));
    assert_int_equal(problem.reason, RATING_PLAN_OK);
    return plan;
}

static void test_plan_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *json, *reason, *place;
    } cases[] = {
        {"", "JSON_SYNTAX", ""},
        {"[]", "JSON_SYNTAX", ""},
        {"{\"kind\":\"flat\",\"price\":\"1\"} x", "JSON_SYNTAX", ""},
        {"{\"kind\":\"flat\",\"price\":\"1\",}", "JSON_SYNTAX", ""},
        {"{}", "MEMBER_MISSING", "kind"},
        {"{\"price\":\"1\"}", "MEMBER_MISSING", "kind"},
        {"{\"kind\":\"flat\"}", "MEMBER_MISSING", "price"},
        {"{\"kind\":\"stair\",\"price\":\"1\"}", "KIND_UNKNOWN", "kind"},
        {"{\"kind\":7,\"price\":\"1\"}", "MEMBER_TYPE", "kind"},
        {"{\"kind\":\"flat\",\"price\":0.5}", "MEMBER_TYPE", "price"},
        {"{\"kind\":\"flat\",\"price\":\"1\",\"price\":\"1\"}", "MEMBER_REPEATED", "price"},
        {"{\"kind\":\"flat\",\"price\":\"1\",\"tax\":\"1\"}", "MEMBER_UNKNOWN", "tax"},
        {"{\"kind\":\"flat\",\"price\":\"1\",\"prices\":{\"peak\":\"1\"}}", "MEMBER_UNKNOWN",
         "prices"},
        {"{\"kind\":\"flat\",\"price\":\"-1\"}", "PRICE_NEGATIVE", "price"},
        {"{\"kind\":\"flat\",\"price\":\"0.123456789\"}", "PRICE_DECIMALS", "price"},
        {"{\"kind\":\"flat\",\"price\":\"1000.00000001\"}", "PRICE_TOO_LARGE", "price"},
        {"{\"kind\":\"flat\",\"price\":\"99999999999999999999\"}", "PRICE_TOO_LARGE", "price"},
        {"{\"kind\":\"flat\",\"price\":\"\"}", "PRICE_SYNTAX", "price"},
        {"{\"kind\":\"flat\",\"price\":\"1.\"}", "PRICE_SYNTAX", "price"},
        {"{\"kind\":\"flat\",\"price\":\"1e2\"}", "PRICE_SYNTAX", "price"},
        {"{\"kind\":\"flat\",\"price\":\" 1\"}", "PRICE_SYNTAX", "price"},
        {"{\"kind\":\"time_of_use\",\"prices\":{},\"periods\":[]}", "PRICES_NONE", "prices"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"dear\":\"1\"},\"periods\":[]}", "RATE_UNKNOWN",
         "prices.dear"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"-0.1\"},\"periods\":[]}",
         "PRICE_NEGATIVE", "prices.peak"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\",\"peak\":\"1\"},\"periods\":[]}",
         "MEMBER_REPEATED", "prices.peak"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[]}", "PERIOD_GAP",
         "periods"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"00:00\","
         "\"to\":\"24:00\",\"rate\":\"valley\"}]}",
         "RATE_UNPRICED", "periods[0].rate"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"00:00\","
         "\"to\":\"24:01\",\"rate\":\"peak\"}]}",
         "TIME_SYNTAX", "periods[0].to"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"24:00\","
         "\"to\":\"08:00\",\"rate\":\"peak\"}]}",
         "TIME_SYNTAX", "periods[0].from"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"8:00\","
         "\"to\":\"24:00\",\"rate\":\"peak\"}]}",
         "TIME_SYNTAX", "periods[0].from"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"08:00\","
         "\"to\":\"08:00\",\"rate\":\"peak\"}]}",
         "PERIOD_EMPTY", "periods[0]"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"00:00\","
         "\"to\":\"12:00\",\"rate\":\"peak\"},{\"from\":\"11:59\",\"to\":\"24:00\","
         "\"rate\":\"peak\"}]}",
         "PERIOD_OVERLAP", "periods[1]"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"00:00\","
         "\"to\":\"12:00\",\"rate\":\"peak\"},{\"from\":\"12:01\",\"to\":\"24:00\","
         "\"rate\":\"peak\"}]}",
         "PERIOD_GAP", "periods[0].to"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[{\"from\":\"00:00\","
         "\"rate\":\"peak\"}]}",
         "MEMBER_MISSING", "periods[0].to"},
        {"{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[7]}", "MEMBER_TYPE",
         "periods[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rating_plan plan;
        struct rating_problem problem;
        assert_err(ERR_RATING_PLAN,
                   rating_plan_parse(cases[i].json, strlen(cases[i].json), &plan, &problem));
        assert_string_equal(rating_reason_name(problem.reason), cases[i].reason);
        assert_string_equal(problem.place, cases[i].place);
        assert_err(ERR_RATING_PLAN,
                   rating_plan_parse(cases[i].json, strlen(cases[i].json), &plan, NULL));
    }
}

static void test_twenty_five_periods_are_too_many(void **state)
{
    (void)state;
    char json[4096] = "{\"kind\":\"time_of_use\",\"prices\":{\"peak\":\"1\"},\"periods\":[";
    for (int i = 0; i < RATING_PERIODS_MAX + 1; i++)
        strcat(json, i ? ",{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":\"peak\"}"
                       : "{\"from\":\"00:00\",\"to\":\"24:00\",\"rate\":\"peak\"}");
    strcat(json, "]}");
    struct rating_plan plan;
    struct rating_problem problem;
    assert_err(ERR_RATING_PLAN, rating_plan_parse(json, strlen(json), &plan, &problem));
    assert_string_equal(rating_reason_name(problem.reason), "PERIODS_TOO_MANY");
    plan = (struct rating_plan){.kind = RATING_TIME_OF_USE, .priced = {true}};
    plan.period_count = RATING_PERIODS_MAX + 1;
    assert_err(ERR_RATING_PLAN, rating_plan_check(&plan, &problem));
    assert_string_equal(rating_reason_name(problem.reason), "PERIODS_TOO_MANY");
    plan.kind = RATING_KINDS;
    assert_err(ERR_RATING_PLAN, rating_plan_check(&plan, &problem));
    assert_string_equal(rating_reason_name(problem.reason), "KIND_UNKNOWN");
}

static void test_rate_of_the_hour(void **state)
{
    (void)state;
    struct rating_plan plan = parse_ok(TOU);
    assert_int_equal(rating_rate_at(&plan, 8 * 60 - 1), RATING_VALLEY);
    assert_int_equal(rating_rate_at(&plan, 8 * 60), RATING_PEAK);
    assert_int_equal(rating_rate_at(&plan, 22 * 60 - 1), RATING_PEAK);
    assert_int_equal(rating_rate_at(&plan, 22 * 60), RATING_VALLEY);
    assert_int_equal(rating_rate_at(&plan, 0), RATING_VALLEY);
    assert_int_equal(rating_price_of(&plan, RATING_PEAK), 96'800'000);
    plan = parse_ok("{\"kind\":\"flat\",\"price\":\"0.5883\"}");
    assert_int_equal(rating_rate_at(&plan, 0), RATING_TOTAL);
    assert_int_equal(rating_price_of(&plan, RATING_TOTAL), 58'830'000);
}

static void test_price_text(void **state)
{
    (void)state;
    static const struct {
        int64_t e8;
        const char *text;
    } cases[] = {{0, "0"},
                 {1, "0.00000001"},
                 {58'830'000, "0.5883"},
                 {100'000'000, "1"},
                 {RATING_PRICE_MAX_E8, "1000"},
                 {-150'000'000, "-1.5"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[RATING_PRICE_TEXT_MAX];
        rating_price_print(cases[i].e8, text);
        assert_string_equal(text, cases[i].text);
    }
    struct rand_stream r = rand_split(1, "price");
    for (int i = 0; i < 10'000; i++) {
        int64_t e8 = (int64_t)rand_below(&r, RATING_PRICE_MAX_E8 + 1), back = -1;
        char text[RATING_PRICE_TEXT_MAX];
        enum rating_reason reason;
        rating_price_print(e8, text);
        assert_ok(rating_price_parse(text, &back, &reason));
        assert_int_equal(back, e8);
    }
}

static void test_charge_refusals(void **state)
{
    (void)state;
    struct rating_plan flat = parse_ok("{\"kind\":\"flat\",\"price\":\"0.5883\"}");
    struct rating_bill bill;
    struct rating_usage u = {.from = {.total_wh = 10}, .to = {.total_wh = 9}};
    assert_err(ERR_RATING_BACKWARDS, rating_charge(&flat, &u, 0, &bill));
    u = (struct rating_usage){.from = {.total_wh = -1}, .to = {.total_wh = 9}};
    assert_err(ERR_RATING_BACKWARDS, rating_charge(&flat, &u, 0, &bill));
    flat.price_e8 = RATING_PRICE_MAX_E8;
    u = (struct rating_usage){.to = {.total_wh = INT64_MAX}};
    assert_err(ERR_OVERFLOW, rating_charge(&flat, &u, 0, &bill));

    struct rating_plan tou = parse_ok(TOU);
    u = (struct rating_usage){.to = {.total_wh = 1000, .rate_wh = {0, 1000}}};
    assert_ok(rating_charge(&tou, &u, 0, &bill));
    u.to.total_wh = 1000 + RATING_RATES_TOLERANCE_WH;
    assert_ok(rating_charge(&tou, &u, 0, &bill));
    u.to.total_wh++;
    assert_err(ERR_RATING_RATES, rating_charge(&tou, &u, 0, &bill));
    u.to.total_wh = 1000 - RATING_RATES_TOLERANCE_WH;
    assert_ok(rating_charge(&tou, &u, 0, &bill));
    u.to.total_wh--;
    assert_err(ERR_RATING_RATES, rating_charge(&tou, &u, 0, &bill));
    u.from.rate_wh[1] = 1001;
    assert_err(ERR_RATING_BACKWARDS, rating_charge(&tou, &u, 0, &bill));
    tou.priced[RATING_SHARP] = false;
    u = (struct rating_usage){.to = {.total_wh = 10, .rate_wh = {10}}};
    assert_err(ERR_RATING_RATES, rating_charge(&tou, &u, 0, &bill));
}

static void test_a_line_explains_itself(void **state)
{
    (void)state;
    struct rating_plan plan = parse_ok("{\"kind\":\"flat\",\"price\":\"0.5883\"}");
    struct rating_usage u = {.from = {.total_wh = 1'000'000}, .to = {.total_wh = 1'003'210}};
    struct rating_bill bill;
    assert_ok(rating_charge(&plan, &u, 400'000'000, &bill));
    assert_int_equal(bill.line_count, 1);
    const struct rating_line *l = &bill.lines[0];
    assert_int_equal(l->rate, RATING_TOTAL);
    assert_int_equal(l->from_wh, 1'000'000);
    assert_int_equal(l->to_wh, 1'003'210);
    assert_int_equal(l->quantity_wh, 3210);
    assert_int_equal(l->price_e8, 58'830'000);
    assert_int_equal(l->carry_in, 400'000'000);
    assert_int_equal(l->amount_fen, 189); /* 188.8443 + 0.4 fen */
    assert_int_equal(l->carry_out, 244'300'000);
    assert_int_equal(bill.carry, l->carry_out);
}

/* Without energy a carry of half a fen stays what it is: no fen comes or goes. */
static void test_nothing_used_nothing_charged(void **state)
{
    (void)state;
    struct rating_plan plan = parse_ok("{\"kind\":\"flat\",\"price\":\"1\"}");
    struct rating_usage u = {};
    struct rating_bill bill;
    assert_ok(rating_charge(&plan, &u, -UNITS_EXACT_PER_FEN / 2, &bill));
    assert_int_equal(bill.amount_fen, 0);
    assert_int_equal(bill.carry, -UNITS_EXACT_PER_FEN / 2);
}

/* --- properties on random plans -----------------------------------------------------------------
 */

static struct rating_plan random_plan(struct rand_stream *r)
{
    struct rating_plan plan =
        parse_ok(rand_chance(r, 500) ? TOU : "{\"kind\":\"flat\",\"price\":\"1\"}");
    plan.price_e8 = (int64_t)rand_below(r, 200'000'000);
    for (int i = 0; i < RATING_METER_RATES; i++)
        plan.rate_price_e8[i] = rand_chance(r, 100) ? 0 : (int64_t)rand_below(r, 200'000'000);
    return plan;
}

static void use(struct rand_stream *r, struct rating_registers *g)
{
    for (int i = 0; i < RATING_METER_RATES; i++) {
        int64_t wh = rand_chance(r, 300) ? 0 : (int64_t)rand_below(r, 20'000);
        g->rate_wh[i] += wh;
        g->total_wh += wh;
    }
}

static void check_bill(const struct rating_bill *bill, const struct rating_usage *u, int64_t carry)
{
    int64_t sum = 0, energy = 0, running = carry;
    for (size_t i = 0; i < bill->line_count; i++) {
        const struct rating_line *l = &bill->lines[i];
        assert_int_equal(l->carry_in, running);
        assert_int_equal(l->to_wh - l->from_wh, l->quantity_wh);
        __int128 left = (__int128)l->amount_fen * UNITS_EXACT_PER_FEN + l->carry_out;
        assert_true(left == (__int128)l->quantity_wh * l->price_e8 + l->carry_in);
        assert_true(2 * l->carry_out <= UNITS_EXACT_PER_FEN);
        assert_true(-2 * l->carry_out <= UNITS_EXACT_PER_FEN);
        running = l->carry_out;
        sum += l->amount_fen;
        energy += l->quantity_wh;
    }
    assert_int_equal(bill->carry, running);
    assert_int_equal(bill->amount_fen, sum);
    assert_int_equal(bill->energy_wh, energy);
    assert_int_equal(energy, u->to.total_wh - u->from.total_wh);
}

/* Any splitting of a period into parts gives the same exact money. */
static void test_splitting_changes_nothing(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(2, "split");
    for (int round = 0; round < 2000; round++) {
        struct rating_plan plan = random_plan(&r);
        struct rating_usage whole = {}, part;
        int64_t sum = 0, carry = 0;
        struct rating_bill bill;
        for (uint64_t parts = 1 + rand_below(&r, 20); parts > 0; parts--) {
            part.from = whole.to;
            use(&r, &whole.to);
            part.to = whole.to;
            assert_ok(rating_charge(&plan, &part, carry, &bill));
            check_bill(&bill, &part, carry);
            carry = bill.carry;
            sum += bill.amount_fen;
        }
        assert_ok(rating_charge(&plan, &whole, 0, &bill));
        assert_true(sum * (__int128)UNITS_EXACT_PER_FEN + carry ==
                    bill.amount_fen * (__int128)UNITS_EXACT_PER_FEN + bill.carry);
        assert_true(sum - bill.amount_fen <= 1 && bill.amount_fen - sum <= 1);
    }
}

static void test_dearer_is_never_cheaper(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(3, "dearer");
    for (int round = 0; round < 5000; round++) {
        struct rating_plan plan = random_plan(&r), dear = plan;
        struct rating_usage u = {};
        use(&r, &u.to);
        dear.price_e8 += (int64_t)rand_below(&r, 1000);
        size_t rate = rand_below(&r, RATING_METER_RATES);
        dear.rate_price_e8[rate] += (int64_t)rand_below(&r, 100'000);
        int64_t carry = (int64_t)rand_below(&r, 1'000'000'000) - 500'000'000;
        struct rating_bill a, b;
        assert_ok(rating_charge(&plan, &u, carry, &a));
        assert_ok(rating_charge(&dear, &u, carry, &b));
        assert_true(b.amount_fen >= a.amount_fen);
    }
}

/* More used is never cheaper either, Wh by Wh around a rounding edge. */
static void test_more_is_never_cheaper(void **state)
{
    (void)state;
    struct rating_plan plan = parse_ok("{\"kind\":\"flat\",\"price\":\"0.5\"}");
    int64_t before = 0;
    for (int64_t wh = 0; wh < 5000; wh++) {
        struct rating_usage u = {.to = {.total_wh = wh}};
        struct rating_bill bill;
        assert_ok(rating_charge(&plan, &u, 0, &bill));
        assert_true(bill.amount_fen >= before && bill.amount_fen <= before + 1);
        before = bill.amount_fen;
    }
    assert_int_equal(before, 250);
}

static void test_every_reason_has_words(void **state)
{
    (void)state;
    for (int i = 0; i < RATING_REASON_COUNT; i++) {
        assert_true(strlen(rating_reason_en((enum rating_reason)i)) > 5);
        assert_true(strlen(rating_reason_zh((enum rating_reason)i)) > 5);
    }
    assert_string_equal(rating_rate_zh(RATING_VALLEY), "谷");
    assert_string_equal(rating_kind_name(RATING_TIME_OF_USE), "time_of_use");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan_refusals),
        cmocka_unit_test(test_twenty_five_periods_are_too_many),
        cmocka_unit_test(test_rate_of_the_hour),
        cmocka_unit_test(test_price_text),
        cmocka_unit_test(test_charge_refusals),
        cmocka_unit_test(test_a_line_explains_itself),
        cmocka_unit_test(test_nothing_used_nothing_charged),
        cmocka_unit_test(test_splitting_changes_nothing),
        cmocka_unit_test(test_dearer_is_never_cheaper),
        cmocka_unit_test(test_more_is_never_cheaper),
        cmocka_unit_test(test_every_reason_has_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
