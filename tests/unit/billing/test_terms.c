/* Terms of accounts, shared ladders, plans that need more than two registers. */
#include "tests/unit/billing/town.h"

struct wish {
    struct town *t;
    int64_t account;
    struct site_terms terms;
    int64_t now;
};

static enum err put(struct store_tx *tx, void *arg)
{
    struct wish *w = arg;
    return billing_terms_put(tx, w->account, &w->terms, &(struct billing_by){"user:1", "r"},
                             (wall_s){w->now});
}

static enum err put_terms(struct town *t, int64_t account, const struct site_terms *terms,
                          int64_t now)
{
    return store_run(t->ledger, put,
                     &(struct wish){.t = t, .account = account, .terms = *terms, .now = now});
}

static void use(struct town *t, const char *body)
{
    town_plan(t, "own", 1, 1, body);
    town_exec(t, "UPDATE account SET plan_code = 'own' WHERE id = 7");
}

static int64_t settled_fen(struct town *t)
{
    return town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM settlement");
}

/* Five persons move every bound up by 10 kWh. */
static void a_large_household(void **state)
{
    struct town *t = *state;
    use(t, "{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":[{\"to\":\"10\",\"price\":\"0.5\"},"
           "{\"price\":\"1\"}],\"household\":{\"from_persons\":5,\"extra\":\"10\"}}");
    assert_ok(put_terms(t, 7, &(struct site_terms){.persons = 5}, T0));
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 1000 + 400);
    assert_int_equal(town_int(t, "SELECT count(*) FROM audit WHERE action = 'account.terms'"), 1);
}

/* The household grows at noon: the period is split there. */
static void terms_split_the_period(void **state)
{
    struct town *t = *state;
    use(t, "{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":[{\"to\":\"10\",\"price\":\"0.5\"},"
           "{\"price\":\"1\"}],\"household\":{\"from_persons\":5,\"extra\":\"10\"}}");
    town_run(t, 1, T0, T0 + DAY / 2 + 1, 1000);
    assert_ok(
        put_terms(t, 7, &(struct site_terms){.from = {T0 + DAY / 2}, .persons = 5}, T0 + DAY / 2));
    town_run(t, 1, T0 + DAY / 2 + 600, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE bill ->> '$.why' = 'terms'"), 1);
    /* 10 and 2 kWh; then room up to 20: 8 and 4 kWh */
    assert_int_equal(settled_fen(t), 500 + 200 + 400 + 400);
}

/* Water: the register counts litres. */
static void another_unit(void **state)
{
    struct town *t = *state;
    use(t, "{\"kind\":\"ladder\",\"unit\":\"m3\",\"cycle\":\"year\",\"steps\":["
           "{\"to\":\"1\",\"price\":\"2.07\"},{\"price\":\"4.07\"}],"
           "\"components\":[{\"code\":\"sewage\",\"price\":\"1.36\"}]}");
    town_wh(t, 1, T0, 0);
    town_wh(t, 1, T0 + DAY, 2000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 207 + 407 + 272);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE bill ->> '$.unit' = 'm3' "
                                 "AND bill ->> '$.lines[0].step_to_wh' = 1000"),
                     1);
}

/* Heat by area, spread over the season by day; without an area nothing can be said. */
static void an_area(void **state)
{
    struct town *t = *state;
    use(t, "{\"kind\":\"flat\",\"price\":\"0.16\",\"fees\":[{\"code\":\"heat\",\"price\":\"36.5\","
           "\"per\":\"area\",\"cycle\":\"year\"}]}");
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open WHERE held = 'RATING_FEE'"), 1);
    assert_ok(put_terms(t, 7, &(struct site_terms){.area_milli_m2 = 90'000}, T0 + DAY));
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(settled_fen(t), 384 + 902); /* 0.247 m2 of the year fall on this day */
}

/* Two meters of one account in one ladder of 40 kWh, caught up after two days at once. */
static void one_ladder_for_the_account(void **state)
{
    struct town *t = *state;
    town_exec(t, "UPDATE meter SET account_id = 7 WHERE id = 3");
    use(t, "{\"kind\":\"ladder\",\"cycle\":\"year\",\"count\":\"account\",\"steps\":["
           "{\"to\":\"40\",\"price\":\"0.5\"},{\"price\":\"1\"}]}");
    town_run(t, 1, T0, T0 + 2 * DAY + 1, 1000);
    town_run(t, 3, T0, T0 + 2 * DAY + 1, 500);
    town_tick(t, T0 + 2 * DAY);
    /* day 1: 24 and 12 kWh; day 2: 4 of 24 kWh are left, then none for the other */
    assert_int_equal(settled_fen(t), 1200 + 600 + 200 + 2000 + 1200);
    assert_int_equal(town_int(t, "SELECT used_wh FROM ladder_position WHERE holder = 'account:7'"),
                     72'000);
    town_plan(t, "own", 2, T0,
              "{\"kind\":\"ladder\",\"cycle\":\"year\",\"count\":\"account\",\"steps\":["
              "{\"to\":\"40\",\"price\":\"0.5\"},{\"price\":\"2\"}]}");
    town_tick(t, T0 + 2 * DAY + 60);
    assert_int_equal(town_int(t, "SELECT amount_fen FROM true_up"), 3200);
    assert_int_equal(town_int(t, "SELECT used_wh FROM ladder_position WHERE holder = 'account:7'"),
                     72'000);
}

/* Two accounts of a group. */
static void one_ladder_for_a_group(void **state)
{
    struct town *t = *state;
    use(t, "{\"kind\":\"ladder\",\"cycle\":\"year\",\"count\":\"group\",\"steps\":["
           "{\"to\":\"40\",\"price\":\"0.5\"},{\"price\":\"1\"}]}");
    town_exec(t, "UPDATE account SET plan_code = 'own' WHERE id = 9");
    struct site_terms terms = {.ladder_group = "house"};
    assert_ok(put_terms(t, 7, &terms, T0));
    assert_ok(put_terms(t, 9, &terms, T0));
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_run(t, 3, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 1200 + 800 + 800);
}

/* Rates by the hours of the plan, from a meter that keeps a total only: valley until 08:00. */
static void rates_from_intervals(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    use(t, "{\"kind\":\"time_of_use\",\"rates_from\":\"intervals\","
           "\"prices\":{\"peak\":\"1\",\"valley\":\"0.25\"},"
           "\"periods\":[{\"from\":\"08:00\",\"to\":\"22:00\",\"rate\":\"peak\"},"
           "{\"from\":\"22:00\",\"to\":\"08:00\",\"rate\":\"valley\"}]}");
    for (int64_t at = T0; at <= T0 + DAY; at += 900) /* all of it between 08:00 and 12:00 */
        town_say(t, 1, 1, at, POINT_ENERGY_WH,
                 at < T0 + 8 * 3600    ? I(0)
                 : at > T0 + 12 * 3600 ? I(8000)
                                       : (at - T0 - 8 * 3600) / 900 * 500,
                 0);
    assert_ok(town_outlook(t, 7, T0 + DAY, &o));
    assert_int_equal(o.accrued_fen, 800);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 800);
}

/* A month's highest demand, 4 kW for a quarter of an hour, at 38 yuan. */
static void demand(void **state)
{
    struct town *t = *state;
    use(t, "{\"kind\":\"flat\",\"price\":\"0.5\",\"fees\":[{\"code\":\"demand\",\"price\":\"38\","
           "\"per\":\"demand\"}]}");
    for (int64_t at = T0; at <= T0 + DAY; at += 900)
        town_wh(t, 1, at, at <= T0 + DAY / 2 ? 0 : 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 50 + 4 * 3800);
}

static void terms_that_are_refused(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    struct site_terms terms = {.from = {T0 + DAY + 1}, .persons = 1000};
    assert_err(ERR_SITE_TERMS, put_terms(t, 7, &terms, T0 + DAY));
    terms = (struct site_terms){.from = {T0 + DAY + 1}, .area_milli_m2 = -1};
    assert_err(ERR_SITE_TERMS, put_terms(t, 7, &terms, T0 + DAY));
    terms = (struct site_terms){.from = {T0 + DAY + 1}, .ladder_group = "a b"};
    assert_err(ERR_SITE_TEXT, put_terms(t, 7, &terms, T0 + DAY));
    terms = (struct site_terms){.from = {T0 + 60}, .persons = 3};
    assert_err(ERR_BILLING_PAST, put_terms(t, 7, &terms, T0 + DAY)); /* settled */
    terms.from.s = T0 + DAY + 1;
    assert_ok(put_terms(t, 7, &terms, T0 + DAY));
    assert_err(ERR_SITE_EFFECTIVE, put_terms(t, 7, &terms, T0 + DAY)); /* not after the last */
    assert_err(ERR_NOT_FOUND, put_terms(t, 77, &terms, T0 + DAY));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_large_household),
        TEST(terms_split_the_period),
        TEST(another_unit),
        TEST(an_area),
        TEST(one_ladder_for_the_account),
        TEST(one_ladder_for_a_group),
        TEST(rates_from_intervals),
        TEST(demand),
        TEST(terms_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
