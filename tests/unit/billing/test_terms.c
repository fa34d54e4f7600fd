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
    return billing_terms_put(tx, &w->t->clerk.billing, w->account, &w->terms,
                             &(struct billing_by){"user:1", "r"}, (wall_s){w->now});
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

/* A season of two days, of which the account pays no more than the bill by area; the third day is
 * not of it. What is too much comes back with the settlement that passes it. */
static void a_season_by_area(void **state)
{
    struct town *t = *state;
    use(t, "{\"kind\":\"flat\",\"price\":\"0.5\",\"area_bill\":{\"price\":\"0.1\",\"start\":"
           "\"02-16\",\"end\":\"02-17\",\"most_percent\":\"100\"}}");
    town_run(t, 1, T0, T0 + 3 * DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open WHERE held = 'RATING_FEE'"), 1);
    assert_ok(put_terms(t, 7, &(struct site_terms){.area_milli_m2 = 90'000}, T0 + DAY));
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(settled_fen(t), 900);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE amount_fen = 900 AND "
                    "bill ->> '$.lines[1].rule' = 'season_most' AND bill ->> "
                    "'$.lines[1].of_fen' = 1200 AND bill ->> '$.lines[1].amount_fen' = -300"),
        1);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 900);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE amount_fen = 0 AND "
                    "bill ->> '$.lines[1].rule' = 'season_most' AND bill ->> "
                    "'$.lines[1].of_fen' = 2100 AND bill ->> '$.lines[1].amount_fen' = -1200"),
        1);
    town_tick(t, T0 + 3 * DAY);
    assert_int_equal(settled_fen(t), 900 + 1200);
}

#define BY_AREA(price)                                                                             \
    "{\"kind\":\"flat\",\"price\":\"0.5\",\"area_bill\":{\"price\":\"" price                       \
    "\",\"start\":\"02-16\",\"end\":\"02-17\",\"most_percent\":\"100\"}}"

/* At noon of its first day the account goes to a plan without the rule: that day's half of the area
 * is 4.50 yuan, of 12 kWh and 6.00. The bound rises afterwards, and nothing is to be given back. */
static void another_plan_within_a_season(void **state)
{
    struct town *t = *state;
    use(t, BY_AREA("0.1"));
    assert_ok(put_terms(t, 7, &(struct site_terms){.area_milli_m2 = 90'000}, T0));
    town_run(t, 1, T0, T0 + DAY / 2 + 1, 1000);
    town_exec(t, "UPDATE account SET plan_code = 'flat' WHERE id = 7");
    town_tick(t, T0 + DAY / 2 + 1);
    assert_int_equal(settled_fen(t), 600);
    town_run(t, 1, T0 + DAY / 2 + 600, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 600 + 600 - 150);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE bill ->> '$.plan_code' = "
                                 "'flat' AND bill ->> '$.lines[1].rule' = 'season_most' AND bill "
                                 "->> '$.lines[1].quantity_wh' = 45000 AND bill ->> "
                                 "'$.lines[1].of_fen' = 600"),
                     1);
    town_plan(t, "own", 2, T0, BY_AREA("0.2"));
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(town_int(t, "SELECT amount_fen FROM true_up"), 150);
}

/* Closed within its season, an account pays no more than the part of the area that its days are. */
static void closed_within_a_season(void **state)
{
    struct town *t = *state;
    use(t, BY_AREA("0.1"));
    assert_ok(put_terms(t, 7, &(struct site_terms){.area_milli_m2 = 90'000}, T0));
    town_run(t, 1, T0, T0 + DAY / 2 + 1, 1000);
    town_exec(t, "UPDATE account SET closed_at = 1771214400 WHERE id = 7"); /* T0 + DAY / 2 */
    town_tick(t, T0 + DAY / 2 + 60);
    assert_int_equal(settled_fen(t), 450);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_position WHERE account_id = 7"), 0);
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

static void share(struct town *t, const char *body)
{
    town_exec(t, "UPDATE meter SET account_id = 7 WHERE id = 3");
    use(t, body);
    assert_ok(put_terms(
        t, 7, &(struct site_terms){.area_milli_m2 = 90'000, .capacity_milli_kva = 40'000}, T0));
}

static void run_both(struct town *t, int64_t from, int64_t to)
{
    town_run(t, 1, from, to + 1, 1000);
    town_run(t, 3, from, to + 1, 500);
}

#define BY_CAPACITY(price)                                                                         \
    "{\"kind\":\"flat\",\"price\":\"0.5\",\"fees\":[{\"code\":\"capacity\",\"price\":\"" price     \
    "\",\"per\":\"capacity\"}]}"

/* 40 kVA at 24 yuan are the account's, however many meters it has, comes to have or loses. */
static void one_capacity_of_two_meters(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    share(t, BY_CAPACITY("24"));
    run_both(t, T0, T0 + DAY / 2);
    assert_ok(town_outlook(t, 7, T0 + DAY / 2, &o));
    assert_int_equal(o.accrued_fen, 600 + 300 + 96'000);
    run_both(t, T0 + DAY / 2 + 600, T0 + DAY);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 1200 + 600 + 96'000);
    town_exec(t, "UPDATE meter SET account_id = NULL WHERE id = 1");
    town_tick(t, T0 + DAY + 60);
    town_run(t, 3, T0 + DAY + 600, T0 + 14 * DAY + 1, 500); /* the first of March has passed */
    town_tick(t, T0 + 14 * DAY);
    assert_int_equal(settled_fen(t), 1200 + 600 + 13 * 600 + 2 * 96'000);
    town_plan(t, "own", 2, T0, BY_CAPACITY("30"));
    town_tick(t, T0 + 14 * DAY + 60);
    assert_int_equal(town_int(t, "SELECT amount_fen FROM true_up"), 2 * 24'000);
    town_exec(t, "UPDATE meter SET account_id = 7 WHERE id = 1");
    run_both(t, T0 + 14 * DAY + 600, T0 + 15 * DAY); /* the first is told ten minutes late */
    town_tick(t, T0 + 15 * DAY);
    assert_int_equal(settled_fen(t), 1200 + 600 + 13 * 600 + 2 * 96'000 + 1792);
}

/* Two meters in a flat of 90 m2, whose season costs 9 yuan at most. One leaves, and the season goes
 * on. */
static void one_season_of_two_meters(void **state)
{
    struct town *t = *state;
    share(t, BY_AREA("0.1"));
    run_both(t, T0, T0 + DAY);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 900);
    town_exec(t, "UPDATE meter SET account_id = NULL WHERE id = 3");
    town_tick(t, T0 + DAY + 60);
    town_run(t, 1, T0 + DAY + 600, T0 + 3 * DAY + 1, 1000);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 900);
    town_tick(t, T0 + 3 * DAY);
    assert_int_equal(settled_fen(t), 900 + 1200);
}

/* The last day of the season of both counts in it, though one is settled before the other. */
static void a_season_ends_for_both(void **state)
{
    struct town *t = *state;
    share(t, "{\"kind\":\"flat\",\"price\":\"0.5\",\"area_bill\":{\"price\":\"0.5\",\"start\":"
             "\"02-16\",\"end\":\"02-17\",\"least_percent\":\"100\"}}");
    run_both(t, T0, T0 + 2 * DAY);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 4500); /* 36 yuan by the meters */
}

/* A month has one subsidy and a cycle one free quota. */
static void one_subsidy_and_one_quota(void **state)
{
    struct town *t = *state;
    share(t, "{\"kind\":\"flat\",\"price\":\"0.5\",\"free_quota\":{\"amount\":\"30\",\"cycle\":"
             "\"month\"},\"subsidies\":[{\"code\":\"help\",\"amount\":\"2\",\"per\":\"month\"}]}");
    run_both(t, T0, T0 + DAY);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 300 - 200);
    town_restart(t);
    run_both(t, T0 + DAY + 600, T0 + 2 * DAY);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 300 - 200 + 1800);
}

#define SHARING                                                                                    \
    "{\"kind\":\"flat\",\"price\":\"0.5\",\"free_quota\":{\"amount\":\"30\",\"cycle\":\"month\"}," \
    "\"subsidies\":[{\"code\":\"help\",\"amount\":\"2\",\"per\":\"month\"}],"                      \
    "\"fees\":[{\"code\":\"capacity\",\"price\":\"24\",\"per\":\"capacity\"}]}"

/* One that was not read from the 27th of February to the 3rd of March comes after the other has
 * gone into March: nothing of the account is owed, given or free once more. */
static void a_meter_that_comes_late(void **state)
{
    struct town *t = *state;
    share(t, SHARING);
    run_both(t, T0, T0 + 11 * DAY);
    town_tick(t, T0 + 11 * DAY);
    town_run(t, 1, T0 + 11 * DAY + 600, T0 + 15 * DAY + 1, 1000);
    town_tick(t, T0 + 15 * DAY);
    town_wh(t, 3, T0 + 15 * DAY + 600, 15 * 12'000);
    town_tick(t, T0 + 15 * DAY + 660);
    int64_t used_wh = town_int(t, "SELECT sum(energy_wh) FROM settlement");
    assert_int_equal(used_wh, 15 * 24'000 + 15 * 12'000 - 84); /* of the last ten minutes */
    int64_t two_months_fen = (used_wh - 2 * 30'000) / 20 - 2 * 200 + 2 * 96'000;
    assert_in_range(settled_fen(t), two_months_fen, two_months_fen + 1); /* each meter rounds */
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open WHERE held <> ''"), 0);
}

/* What each meter kept before was counted alone; the first that is settled brings it. */
static void positions_of_an_older_release(void **state)
{
    struct town *t = *state;
    share(t, BY_CAPACITY("24"));
    run_both(t, T0, T0 + DAY);
    town_tick(t, T0 + DAY);
    town_exec(t, "DELETE FROM account_position");
    town_exec(t, "UPDATE charge_position SET position = json_remove(position, '$.until_s', "
                 "'$.account_day', '$.account_month', '$.account_part_days')");
    run_both(t, T0 + DAY + 600, T0 + 2 * DAY);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 96'000 + 2 * 1800);
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

#define DEMAND_PLAN                                                                                \
    "{\"kind\":\"flat\",\"price\":\"0.5\",\"fees\":[{\"code\":\"demand\",\"price\":\"38\","        \
    "\"per\":\"demand\"}]}"

/* A month's highest demand, 4 kW for a quarter of an hour, at 38 yuan. */
static void demand(void **state)
{
    struct town *t = *state;
    use(t, DEMAND_PLAN);
    for (int64_t at = T0; at <= T0 + DAY; at += 900)
        town_wh(t, 1, at, at <= T0 + DAY / 2 ? 0 : 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 50 + 4 * 3800);
}

#define USED_PLAN                                                                                  \
    "{\"kind\":\"flat\",\"price\":\"0.5\",\"fees\":[{\"code\":\"demand\",\"price\":\"38\","        \
    "\"per\":\"demand\",\"utilised_from\":\"1\",\"utilised_percent\":\"90\"}]}"

/* 1 kW on a meter, told each quarter of an hour. */
static void even_hours(struct town *t, int64_t meter, int64_t hours)
{
    for (int64_t i = 0; i <= 4 * hours; i++)
        town_say(t, meter, 1, T0 + i * 900, POINT_ENERGY_WH, i * 250, 0);
}

static void two_meters(struct town *t)
{
    town_exec(t, "UPDATE meter SET account_id = 7 WHERE id = 3");
    use(t, USED_PLAN);
    assert_ok(put_terms(t, 7, &(struct site_terms){.capacity_milli_kva = 40'000}, T0));
}

/* 24 kWh on each of two meters are more than 40 for 40 kVA: each one's kW costs nine tenths. */
static void two_meters_use_the_capacity_well(void **state)
{
    struct town *t = *state;
    two_meters(t);
    even_hours(t, 1, 24);
    even_hours(t, 3, 24);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 2 * (1200 + 3420));
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE bill ->> '$.lines[1].utilised' = 1 AND "
                    "bill ->> '$.lines[1].month_wh' = 48000 AND "
                    "bill ->> '$.lines[1].capacity_milli_kva' = 40000"),
        2);
}

/* Where the account ends, the one waits for the other's last word; what was used until then counts.
 */
static void a_meter_waits_for_the_other(void **state)
{
    struct town *t = *state;
    two_meters(t);
    even_hours(t, 1, 22);
    even_hours(t, 3, 18);
    town_exec(t, "UPDATE account SET closed_at = 1771250400 WHERE id = 7"); /* T0 + 22 h */
    town_tick(t, T0 + 23 * 3600);
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open WHERE account_id = 7"), 0);
    assert_int_equal(settled_fen(t), 1100 + 900 + 2 * 3420);
}

/* A day of quarters whose registers stand still, but for one that ends at noon. */
static void quiet_day(struct town *t, int64_t epoch, int64_t from, int64_t wh, int64_t more_wh)
{
    for (int64_t at = from; at <= from + DAY; at += 900)
        town_say(t, 1, epoch, at, POINT_ENERGY_WH, at < from + DAY / 2 ? wh : wh + more_wh, 0);
}

/* 4 kW were measured before other transformers came: they stay 4 kW. */
static void demand_is_by_the_transformers_of_its_time(void **state)
{
    struct town *t = *state;
    use(t, DEMAND_PLAN);
    quiet_day(t, 1, T0, 0, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 50 + 4 * 3800);
    town_exec(t, "INSERT INTO meter_ratio (meter_id, from_at, ratio, actor, reason, entered_at) "
                 "SELECT 1, max(closed_at) + 3600, 10, 'user:1', 'new', 1 FROM settlement");
    quiet_day(t, 1, T0 + DAY, 1000, 10);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 50 + 4 * 3800 + 5);
}

/* From the old meter's register to the new one's is no use. */
static void demand_does_not_lie_between_two_meters(void **state)
{
    struct town *t = *state;
    use(t, DEMAND_PLAN);
    quiet_day(t, 1, T0, 0, 1000);
    quiet_day(t, 2, T0 + DAY + 900, 700'000, 10);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 50 + 4 * 3800 + 1);
}

#define FACTOR_PLAN(price)                                                                         \
    "{\"kind\":\"flat\",\"price\":\"" price "\",\"power_factor\":{\"table\":["                     \
    "{\"from\":\"0.95\",\"percent\":\"-0.75\"},{\"from\":\"0.90\",\"percent\":\"0\"},"             \
    "{\"from\":\"0\",\"percent\":\"5\"}],\"on\":[\"energy\"]}}"

/* A quarter of an hour's words of both registers. */
static void both(struct town *t, int64_t epoch, int64_t at, int64_t wh, int64_t varh)
{
    town_say(t, 1, epoch, at, POINT_ENERGY_WH, wh, POINT_ENERGY_RATE2_WH, wh, POINT_REACTIVE_VARH,
             varh, 0);
}

/* A day of an even power, 1 kW, and so many var, up to its midnight. */
static void inductive_day(struct town *t, int64_t day, int64_t from_varh, int64_t var)
{
    for (int64_t at = 0; at <= DAY; at += 900)
        both(t, 1, T0 + day * DAY + at, day * 24'000 + at * 1000 / 3600 / 10 * 10,
             from_varh + at * var / 3600 / 10 * 10);
}

/* 24 kWh with 9 kvarh are 0.93, with 27 beside 48 kWh it is 0.87 of the month. */
static void a_power_factor(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    use(t, FACTOR_PLAN("0.5"));
    inductive_day(t, 0, 0, 375);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 1200);
    town_restart(t);
    inductive_day(t, 1, 9000, 750);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(settled_fen(t), 1200 + 1200 + 120);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE bill ->> '$.lines[1].active_wh' = 48000 "
                    "AND bill ->> '$.lines[1].reactive_wh' = 27000 "
                    "AND bill ->> '$.lines[1].percent' = '5'"),
        1);
    both(t, 1, T0 + 2 * DAY + 7200, 50'000, 27'000); /* 50 beside 27: still below 0.90 */
    assert_ok(town_outlook(t, 7, T0 + 2 * DAY + 7200, &o));
    assert_int_equal(o.accrued_fen, 100 + 5);
    both(t, 1, T0 + 2 * DAY + 14'400, 80'000, 27'000); /* 0.94: the month's five percent go back */
    assert_ok(town_outlook(t, 7, T0 + 2 * DAY + 14'400, &o));
    assert_int_equal(o.accrued_fen, 1600 - 120);
    town_plan(t, "own", 2, T0, FACTOR_PLAN("1"));
    town_tick(t, T0 + 2 * DAY + 14'460);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM true_up"), 2520);
}

/* A new meter's register begins elsewhere; one that falls by itself counts from nothing again. */
static void reactive_registers_begin_anew(void **state)
{
    struct town *t = *state;
    use(t, FACTOR_PLAN("0.5"));
    inductive_day(t, 0, 0, 375);
    both(t, 2, T0 + DAY + 60, 100, 700'000);
    both(t, 2, T0 + DAY + 43'200, 12'100, 720'000); /* 36 kWh in all, 29 kvarh */
    both(t, 2, T0 + DAY + 43'260, 12'100, 10);
    both(t, 2, T0 + DAY + 43'320, 12'100, 20);
    both(t, 2, T0 + 2 * DAY, 24'100, 6020);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(town_int(t, "SELECT json_extract(position, '$.reactive_wh') FROM "
                                 "charge_position WHERE meter_id = 1"),
                     9000 + 6020);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open WHERE held != ''"), 0);
}

/* Without a word of it nobody knows the factor: the settlement waits, and says for what. */
static void a_meter_that_tells_no_reactive_energy(void **state)
{
    struct town *t = *state;
    use(t, FACTOR_PLAN("0.5"));
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 0);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM charge_open WHERE meter_id = 1 AND held = 'RATING_FEE'"),
        1);
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
    terms = (struct site_terms){.from = {T0 + DAY + 1}, .persons = 3};
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
        TEST(a_season_by_area),
        TEST(another_plan_within_a_season),
        TEST(closed_within_a_season),
        TEST(one_ladder_for_the_account),
        TEST(one_ladder_for_a_group),
        TEST(one_capacity_of_two_meters),
        TEST(one_season_of_two_meters),
        TEST(a_season_ends_for_both),
        TEST(one_subsidy_and_one_quota),
        TEST(a_meter_that_comes_late),
        TEST(positions_of_an_older_release),
        TEST(rates_from_intervals),
        TEST(demand),
        TEST(two_meters_use_the_capacity_well),
        TEST(a_meter_waits_for_the_other),
        TEST(demand_is_by_the_transformers_of_its_time),
        TEST(demand_does_not_lie_between_two_meters),
        TEST(a_power_factor),
        TEST(reactive_registers_begin_anew),
        TEST(a_meter_that_tells_no_reactive_energy),
        TEST(terms_that_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
