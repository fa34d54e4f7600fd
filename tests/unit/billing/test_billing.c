/* Opening charges, previews, outlook, zones, bills as text. */
#include "tests/unit/billing/town.h"

#include <jansson.h>

#include "rating/period.h"

static void test_a_charge_opens_with_the_first_reading(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_pay(t, 7, 1000, T0);
    assert_ok(town_outlook(t, 7, T0, &o));
    assert_true(o.available_known);
    assert_int_equal(o.available_fen, 1000);
    assert_int_equal(o.meter_count, 1);
    assert_false(o.meters[0].open);
    assert_true(o.reading_age_s == INT64_MAX);
    assert_int_equal(o.days_left, -1);
    town_wh(t, 1, T0 + 100, 5000);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open"), 1);
    assert_int_equal(town_int(t, "SELECT opened_at FROM charge_open"), T0 + 100);
    town_wh(t, 1, T0 + 700, 7000);
    assert_int_equal(town_int(t, "SELECT total_wh FROM charge_open"), 5000);
    assert_ok(town_outlook(t, 7, T0 + 760, &o));
    assert_int_equal(o.accrued_fen, 100); /* 2 kWh at 0.5 */
    assert_int_equal(o.available_fen, 900);
    assert_int_equal(o.prepayment_fen, 1000);
    assert_int_equal(o.reading_age_s, 60);
    assert_true(o.meters[0].open);
    assert_int_equal(o.meters[0].bill.lines[0].from_wh, 5000);
    assert_int_equal(o.meters[0].bill.lines[0].to_wh, 7000);
    assert_int_equal(town_book(t, 7, LEDGER_PREPAYMENT), 1000); /* nothing is posted */
}

static void test_what_does_not_open(void **state)
{
    struct town *t = *state;
    town_exec(t, "UPDATE meter SET account_id = NULL WHERE id = 1");
    town_wh(t, 1, T0, 1);
    town_wh(t, 99, T0, 1); /* a meter that the site does not know */
    town_say(t, 3, 1, T0, POINT_POWER_W, I(5), 0);
    town_exec(t, "UPDATE account SET closed_at = 5 WHERE id = 7");
    town_exec(t, "UPDATE meter SET account_id = 7 WHERE id = 1");
    town_wh(t, 1, T0 + 60, 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open"), 0);
    town_exec(t, "UPDATE account SET closed_at = NULL, plan_code = 'none' WHERE id = 7");
    town_wh(t, 1, T0 + 120, 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open"), 0);
    town_exec(t, "UPDATE account SET plan_code = 'later' WHERE id = 7");
    town_plan(t, "later", 1, T0 + 180, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_wh(t, 1, T0 + 180, 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open"), 1);
}

static void test_outlook_refusals(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    assert_err(ERR_NOT_FOUND, town_outlook(t, 77, T0, &o));
    town_exec(t, "UPDATE account SET plan_code = 'none' WHERE id = 7");
    assert_err(ERR_SITE_PLAN_UNKNOWN, town_outlook(t, 7, T0, &o));
    town_plan(t, "steps", 1, 0,
              "{\"kind\":\"flat\",\"price\":\"1\",\"minimum\":\"5\"}");
    town_exec(t, "UPDATE account SET plan_code = 'steps' WHERE id = 7");
    assert_err(ERR_RATING_UNBILLABLE, town_outlook(t, 7, T0, &o));
    assert_ok(town_outlook(t, 10, T0, &o)); /* without a meter */
    assert_int_equal(o.meter_count, 0);
    assert_true(o.reading_age_s == INT64_MAX);
    town_exec(t, "WITH RECURSIVE n (i) AS (SELECT 20 UNION ALL SELECT i + 1 FROM n WHERE i < 28) "
                 "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
                 "kind) SELECT i, 1, 10, 1, 1, i, 'm', 'electricity' FROM n");
    assert_err(ERR_BILLING_METERS, town_outlook(t, 10, T0, &o));
}

/* Energy in a rate without a price: the balance is unknown rather than wrong. */
static void test_a_preview_that_cannot_be_made(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_say(t, 3, 1, T0, POINT_ENERGY_WH, I(0), POINT_ENERGY_RATE1_WH, I(0), 0);
    town_say(t, 3, 1, T0 + 600, POINT_ENERGY_WH, I(1000), POINT_ENERGY_RATE1_WH, I(1000), 0);
    assert_ok(town_outlook(t, 9, T0 + 600, &o));
    assert_err(ERR_RATING_RATES, o.meters[0].refusal);
    assert_false(o.available_known);
    assert_int_equal(o.days_left, -1);
}

static void test_days_left(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_pay(t, 7, 10'000, T0);
    town_run(t, 1, T0, T0 + 3 * 3600, 1000); /* 1 kWh an hour: 0.5 yuan */
    assert_ok(town_outlook(t, 7, T0 + 3 * 3600, &o));
    assert_in_range(o.mean_day_fen, 1195, 1205); /* before the first settlement: the open charge */
    town_run(t, 1, T0 + 3 * 3600, T0 + 3 * DAY + 700, 1000);
    town_tick(t, T0 + 3 * DAY + 700);
    assert_ok(town_outlook(t, 7, T0 + 3 * DAY + 700, &o));
    assert_in_range(o.mean_day_fen, 1195, 1205);
    assert_int_equal(o.days_left, o.available_fen / o.mean_day_fen);
    assert_in_range(o.days_left, 5, 5); /* 100 - 36 = 64 yuan */
    town_exec(t, "UPDATE account SET wallet = 'platform' WHERE id = 7");
    town_pay(t, 7, -9000, T0 + 3 * DAY + 701);
    assert_ok(town_outlook(t, 7, T0 + 3 * DAY + 701, &o));
    assert_int_equal(o.days_left, 0);
}

static void test_zones(void **state)
{
    (void)state;
    int32_t offset;
    assert_ok(billing_wall_offset("Asia/Shanghai", (wall_s){T0}, &offset));
    assert_int_equal(offset, 8 * 3600);
    assert_err(ERR_BILLING_ZONE, billing_wall_offset("Europe/London", (wall_s){T0}, &offset));
    assert_err(ERR_BILLING_ZONE, billing_wall_offset("", (wall_s){T0}, &offset));
}

static void test_bill_text(void **state)
{
    (void)state;
    struct rating_plan plan;
    static const char json[] = "{\"kind\":\"flat\",\"price\":\"0.5883\"}";
    struct rating_usage u = {.from = {.total_wh = 1000}, .to = {.total_wh = 4210}};
    struct rating_bill bill;
    char text[BILLING_BILL_MAX];
    assert_ok(rating_plan_parse(json, strlen(json), &plan, NULL));
    assert_ok(rating_charge(&plan, &u, 7, &bill));
    struct billing_bill_facts f = {.plan = &plan, .plan_code = "flat", .plan_version = 3,
                                   .opened_at = {10}, .closed_at = {20}, .reading_at = {19},
                                   .charged_fen = 189, .why = "day"};
    assert_ok(billing_bill_json(&bill, &f, text));
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    const char *price, *by;
    json_int_t amount, from, to, quantity, in, out, carry, version;
    assert_int_equal(json_unpack(j,
                                 "{s:I,s:s,s:I,s:I,s:[{s:s,s:I,s:I,s:I,s:I,s:I,s:I}]}",
                                 "plan_version", &version, "charged_by", &by, "amount_fen", &amount,
                                 "carry", &carry, "lines", "price", &price, "from_wh", &from,
                                 "to_wh", &to, "quantity_wh", &quantity, "carry_in", &in,
                                 "carry_out", &out, "amount_fen", &amount),
                     0);
    assert_int_equal(version, 3);
    assert_string_equal(by, "plan");
    assert_string_equal(price, "0.5883");
    assert_int_equal(quantity, 3210);
    assert_int_equal(from, 1000);
    assert_int_equal(to, 4210);
    assert_int_equal(in, 7);
    assert_int_equal(amount * UNITS_EXACT_PER_FEN + out, INT64_C(3210) * 58'830'000 + 7);
    assert_int_equal(carry, out);
    json_decref(j);
}

/* Each line says where it comes from; the power factor, of what it is a percent. */
static void test_bill_text_explains_itself(void **state)
{
    (void)state;
    static const char json[] =
        "{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":[{\"to\":\"1\",\"price\":\"0.5\"},"
        "{\"price\":\"1\"}],\"power_factor\":{\"table\":[{\"from\":\"0.90\",\"percent\":\"-0.75\"},"
        "{\"from\":\"0\",\"percent\":\"5\"}],\"on\":[\"energy\"]},\"subsidies\":[{\"code\":\"poor\","
        "\"amount\":\"1\",\"per\":\"month\"}]}";
    static const struct {
        size_t line;
        const char *name, *value;
    } rows[] = {{0, "rule", "\"ladder\""}, {0, "step_from_wh", "0"}, {0, "step_to_wh", "1000"},
                {0, "from_at", "1790000000"}, {0, "to_at", "1790086400"}, {0, "estimated", "true"},
                {1, "step", "2"}, {1, "step_from_wh", "1000"}, {1, "step_to_wh", NULL}, {1, "price", "\"1\""},
                {2, "kind", "\"power_factor\""}, {2, "of_fen", "350"}, {2, "percent", "\"5\""},
                {2, "active_wh", "4000"}, {2, "reactive_wh", "3000"}, {2, "quantity_wh", NULL},
                {3, "kind", "\"subsidy\""}, {3, "code", "\"poor\""}, {3, "amount_fen", "-100"}};
    struct rating_plan plan;
    struct rating_position position = {};
    struct rating_bill bill;
    struct rating_row row = {.from = {1'790'000'000}, .to = {1'790'086'400}, .reactive_wh = 3000,
                             .used = {.total_wh = 4000}, .estimated = true};
    struct rating_case c = {.opened_at = row.from, .closed_at = row.to, .rows = &row,
                            .row_count = 1, .reactive_known = true};
    char text[BILLING_BILL_MAX];
    assert_ok(rating_plan_parse(json, strlen(json), &plan, NULL));
    assert_ok(rating_period(&plan, &c, &position, &bill));
    struct billing_bill_facts f = {.plan = &plan, .plan_code = "l", .why = "day"};
    assert_ok(billing_bill_json(&bill, &f, text));
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const json_t *lines = json_object_get(j, "lines");
    assert_int_equal(json_array_size(lines), 4);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const json_t *v = json_object_get(json_array_get(lines, rows[i].line), rows[i].name);
        char *said = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        if (rows[i].value)
            assert_string_equal(said ? said : "nothing", rows[i].value);
        else
            assert_null(said);
        free(said);
    }
    json_decref(j);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_charge_opens_with_the_first_reading),
        CASE(test_what_does_not_open),
        CASE(test_outlook_refusals),
        CASE(test_a_preview_that_cannot_be_made),
        CASE(test_days_left),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_bill_text),
        cmocka_unit_test(test_bill_text_explains_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
