/* Ladders, components and fees in settlement: what one period leaves behind for the next. */
#include "tests/unit/billing/town.h"

static const char STEPS[] = "{\"kind\":\"ladder\",\"cycle\":\"month\",\"steps\":["
                            "{\"to\":\"10\",\"price\":\"0.5\"},{\"price\":\"1\"}],"
                            "\"components\":[{\"code\":\"fund\",\"price\":\"0.1\"}],"
                            "\"fees\":[{\"code\":\"meter\",\"price\":\"3\",\"per\":\"month\"}]}";

static void take_steps(struct town *t)
{
    town_plan(t, "steps", 1, 0, STEPS);
    town_exec(t, "UPDATE account SET plan_code = 'steps' WHERE id = 7");
}

struct day {
    int64_t number, fen;
};

static enum err read_day(struct store_tx *tx, void *arg)
{
    struct day *day = arg;
    return store_int(tx, &day->fen,
                     "SELECT coalesce(sum(amount_fen), -1) FROM settlement WHERE business_day = $1",
                     "i", day->number);
}

static int64_t day_fen(struct town *t, int day)
{
    struct day d = {.number = DAY0 + day};
    assert_ok(store_read(t->ledger, read_day, &d));
    return d.fen;
}

static int64_t used_wh(struct town *t)
{
    return town_int(t, "SELECT used_wh FROM charge_position WHERE account_id = 7");
}

/* 6 kWh a day from the 16th of February: the second day crosses the step, March starts anew. */
static void a_month_and_the_next(void **state)
{
    struct town *t = *state;
    take_steps(t);
    town_run(t, 1, T0, T0 + 14 * DAY + 60, 250);
    town_tick(t, T0 + 14 * DAY + 60);
    assert_int_equal(day_fen(t, 0), 300 + 60 + 300); /* first step, fund, meter */
    assert_int_equal(day_fen(t, 1), 200 + 200 + 60); /* 4 kWh and 2 kWh */
    assert_int_equal(day_fen(t, 2), 600 + 60);
    assert_int_equal(day_fen(t, 12), 600 + 60);       /* the 28th */
    assert_int_equal(day_fen(t, 13), 300 + 60 + 300); /* the 1st of March */
    assert_int_equal(used_wh(t), 6000);
    assert_int_equal(town_book(t, 7, LEDGER_REVENUE), 660 + 460 + 11 * 660 + 660);
}

static void the_preview_is_the_settlement(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    take_steps(t);
    town_run(t, 1, T0, T0 + DAY + 60, 250);
    town_tick(t, T0 + DAY + 60);
    town_run(t, 1, T0 + DAY + 60, T0 + 2 * DAY + 60, 250);
    assert_ok(town_outlook(t, 7, T0 + 2 * DAY + 60, &o));
    assert_int_equal(o.meters[0].refusal, ERR_OK);
    int64_t preview_fen = o.accrued_fen;
    town_tick(t, T0 + 2 * DAY + 60);
    assert_ok(town_outlook(t, 7, T0 + 2 * DAY + 60, &o));
    assert_int_equal(day_fen(t, 1) + o.accrued_fen, preview_fen);
}

/* The ladder is the account's: a new meter goes on where the old one stopped. */
static void an_exchange_keeps_the_position(void **state)
{
    struct town *t = *state;
    take_steps(t);
    town_run(t, 1, T0, T0 + DAY, 250);
    town_exec(t, "UPDATE meter SET epoch = 2 WHERE id = 1");
    town_say(t, 1, 2, T0 + DAY + 60, POINT_ENERGY_WH, I(0), 0);
    town_say(t, 1, 2, T0 + 2 * DAY, POINT_ENERGY_WH, I(6000), 0);
    town_say(t, 1, 2, T0 + 2 * DAY + 60, POINT_ENERGY_WH, I(6000), 0);
    town_tick(t, T0 + 2 * DAY + 60);
    /* The last reading of the old meter was ten minutes before the day ended, at 5950 Wh. */
    assert_int_equal(used_wh(t), 5950 + 6000);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement "
                                 "WHERE bill ->> '$.why' = 'exchange'"),
                     1);
}

/* Twice is once, and a meter that leaves takes its position with it. */
static void again_and_gone(void **state)
{
    struct town *t = *state;
    take_steps(t);
    town_run(t, 1, T0, T0 + DAY + 60, 250);
    town_tick(t, T0 + DAY + 60);
    int64_t revenue = town_book(t, 7, LEDGER_REVENUE), used = used_wh(t);
    town_restart(t);
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(town_book(t, 7, LEDGER_REVENUE), revenue);
    assert_int_equal(used_wh(t), used);
    town_exec(t, "UPDATE meter SET account_id = 10 WHERE id = 1");
    town_tick(t, T0 + DAY + 120);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_position WHERE account_id = 7"), 0);
}

static void lines_explain_themselves(void **state)
{
    struct town *t = *state;
    take_steps(t);
    town_run(t, 1, T0, T0 + 2 * DAY + 60, 250);
    town_tick(t, T0 + 2 * DAY + 60);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement, json_each(bill, '$.lines') l "
                                 "WHERE l.value ->> 'step' = 2 AND l.value ->> 'price' = '1'"),
                     1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement, json_each(bill, '$.lines') l "
                                 "WHERE l.value ->> 'code' = 'fund'"),
                     2);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement, json_each(bill, '$.lines') l "
                                 "WHERE l.value ->> 'kind' = 'fee'"),
                     1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_month_and_the_next),           TEST(the_preview_is_the_settlement),
        TEST(an_exchange_keeps_the_position), TEST(again_and_gone),
        TEST(lines_explain_themselves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
