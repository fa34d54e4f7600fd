/* What only a person can decide: held settlements; transformers; an exchange settled when it is
 * done. */
#include "tests/unit/billing/town.h"

static enum err hold_one(void *arg, const struct billing_held *h)
{
    struct billing_held *out = arg;
    *out = *h;
    return ERR_OK;
}

static struct town *looked_at;

static enum err list(struct store_tx *tx, void *arg)
{
    return billing_held(tx, looked_at->readings, 1, hold_one, arg);
}

static struct billing_held held(struct town *t)
{
    struct billing_held h = {};
    looked_at = t;
    assert_ok(store_read(t->ledger, list, &h));
    return h;
}

struct wish {
    struct town *t;
    const struct billing_repair *repair;
    const struct billing_exchange *exchange;
    const struct billing_ratio *ratio;
    int64_t now;
    struct billing_settled done;
};

static enum err do_repair(struct store_tx *tx, void *arg)
{
    struct wish *w = arg;
    return billing_repair(tx, &w->t->clerk.billing, w->repair, (wall_s){w->now}, &w->done);
}

static enum err repair(struct town *t, const struct billing_repair *r, int64_t now)
{
    return store_run(t->ledger, do_repair, &(struct wish){.t = t, .repair = r, .now = now});
}

static enum err do_exchange(struct store_tx *tx, void *arg)
{
    struct wish *w = arg;
    return billing_exchange(tx, &w->t->clerk.billing, w->exchange, (wall_s){w->now});
}

static enum err do_ratio(struct store_tx *tx, void *arg)
{
    struct wish *w = arg;
    return billing_ratio_put(tx, &w->t->clerk.billing, w->ratio, (wall_s){w->now});
}

static enum err put_ratio(struct town *t, const struct billing_ratio *r, int64_t now)
{
    return store_run(t->ledger, do_ratio, &(struct wish){.t = t, .ratio = r, .now = now});
}

static struct billing_repair decision(int64_t meter, enum billing_how how, int64_t opened_at)
{
    return (struct billing_repair){.account_id = meter == 3 ? 9 : meter + 6,
                                   .meter_id = meter,
                                   .opened_at = {opened_at},
                                   .how = how,
                                   .reason = "seen on site",
                                   .actor = "user:1"};
}

/* 10 kWh in the sharp register, which the plan does not price. */
static void hold_rates(struct town *t)
{
    town_say(t, 3, 1, T0, POINT_ENERGY_WH, I(0), POINT_ENERGY_RATE1_WH, I(0), POINT_ENERGY_RATE2_WH,
             I(0), POINT_ENERGY_RATE4_WH, I(0), 0);
    town_say(t, 3, 1, T0 + DAY, POINT_ENERGY_WH, I(10'000), POINT_ENERGY_RATE1_WH, I(4000),
             POINT_ENERGY_RATE2_WH, I(4500), POINT_ENERGY_RATE4_WH, I(1500), 0);
    town_tick(t, T0 + DAY);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 0);
}

static void the_total_stands(void **state)
{
    struct town *t = *state;
    hold_rates(t);
    struct billing_held h = held(t);
    assert_string_equal(h.reason, "RATING_RATES");
    assert_int_equal(h.told_wh[0], 10'000);
    assert_int_equal(h.hows,
                     1u << BILLING_BY_TOTAL | 1u << BILLING_BY_REGISTERS | 1u << BILLING_FORGO);
    struct billing_repair r = decision(3, BILLING_BY_TOTAL, T0);
    assert_ok(repair(t, &r, T0 + DAY + 60));
    assert_int_equal(town_int(t, "SELECT amount_fen FROM settlement"), 750 + 63 /* 7.5, 2.5 kWh */);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE bill ->> '$.decided' = "
                                 "'total' AND bill ->> '$.decided_by' = 'user:1'"),
                     1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM audit WHERE action = 'charge.repair' AND "
                                 "detail ->> '$.held' = 'RATING_RATES'"),
                     1);
    assert_int_equal(town_int(t, "SELECT rate1_wh FROM charge_open WHERE meter_id = 3"), 4000);
    assert_int_equal(held(t).account_id, 0);
    assert_err(ERR_STATE, repair(t, &r, T0 + DAY + 60)); /* once */
}

static void registers_of_a_person(void **state)
{
    struct town *t = *state;
    hold_rates(t);
    struct billing_repair r = decision(3, BILLING_BY_REGISTERS, T0);
    r.wh[0] = 10'000;
    r.wh[2] = 6000;
    r.wh[4] = 3000;
    assert_err(ERR_RATING_RATES, repair(t, &r, T0 + DAY + 60)); /* they do not add up either */
    assert_int_equal(town_int(t, "SELECT count(*) FROM audit"), 0);
    r.wh[4] = 4000;
    assert_ok(repair(t, &r, T0 + DAY + 60));
    assert_int_equal(town_int(t, "SELECT amount_fen FROM settlement"), 600 + 100);
}

static void forgone(void **state)
{
    struct town *t = *state;
    hold_rates(t);
    struct billing_repair r = decision(3, BILLING_FORGO, T0);
    assert_ok(repair(t, &r, T0 + DAY + 60));
    assert_int_equal(town_int(t, "SELECT amount_fen FROM settlement"), 0);
    assert_int_equal(town_int(t, "SELECT total_wh FROM charge_open WHERE meter_id = 3"), 10'000);
}

/* Forgoing the energy does not help where no price plan can be applied at all. */
static void no_plan_to_decide_by(void **state)
{
    struct town *t = *state;
    hold_rates(t);
    town_exec(t, "UPDATE charge_open SET plan_version = 99, held = '' WHERE meter_id = 3");
    town_tick(t, T0 + DAY + 1);
    assert_string_equal(held(t).reason, "SITE_PLAN_UNKNOWN");
    struct billing_repair r = decision(3, BILLING_FORGO, T0);
    assert_err(ERR_SITE_PLAN_UNKNOWN, repair(t, &r, T0 + DAY + 60));
    assert_string_equal(held(t).reason, "SITE_PLAN_UNKNOWN");
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 0);
}

static void decisions_that_are_refused(void **state)
{
    struct town *t = *state;
    hold_rates(t);
    struct billing_repair r = decision(3, BILLING_BY_TAKEN, T0);
    assert_err(ERR_BILLING_DECISION, repair(t, &r, T0 + DAY));
    r.how = BILLING_HOWS;
    assert_err(ERR_BILLING_DECISION, repair(t, &r, T0 + DAY));
    r = decision(3, BILLING_BY_TOTAL, T0);
    r.reason = "";
    assert_err(ERR_BILLING_REASON, repair(t, &r, T0 + DAY));
    r = decision(3, BILLING_BY_TOTAL, T0 + 1);
    assert_err(ERR_STATE, repair(t, &r, T0 + DAY));
    r = decision(3, BILLING_BY_TOTAL, T0);
    r.meter_id = 1;
    assert_err(ERR_NOT_FOUND, repair(t, &r, T0 + DAY));
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 0);
    assert_int_equal(billing_how_of("nothing"), BILLING_HOWS);
    for (int i = 0; i < BILLING_HOWS; i++)
        assert_int_equal(billing_how_of(billing_how_name((enum billing_how)i)), i);
}

/* The line is down, and a person has read the meter: the day is settled by that. */
static void a_reading_by_a_person(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY / 2, 1000);
    town_tick(t, T0 + DAY + 7 * 3600);
    assert_string_equal(held(t).reason, "no_reading");
    struct billing_repair r = decision(1, BILLING_BY_REGISTERS, T0);
    r.wh[0] = r.wh[2] = 23'000;
    assert_ok(repair(t, &r, T0 + DAY + 7 * 3600));
    assert_int_equal(town_int(t, "SELECT amount_fen FROM settlement"), 1150);
    assert_int_equal(town_int(t, "SELECT total_wh FROM charge_open WHERE meter_id = 1"), 23'000);
    town_wh(t, 1, T0 + 2 * DAY, 48'000); /* the line is back */
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement"), 2400);
}

/* --- a wallet in the meter -----------------------------------------------------------------------
 */

static int64_t settled_8(struct town *t)
{
    return town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM settlement WHERE account_id = 8");
}

static void tell_wallet(struct town *t, int64_t at, int64_t wh, int64_t fen, int64_t count)
{
    town_say(t, 2, 1, at, POINT_ENERGY_WH, wh, POINT_ENERGY_RATE1_WH, wh, POINT_BALANCE_FEN, fen,
             POINT_PURCHASE_COUNT, count, 0);
}

/* Each ten minutes 100 Wh and 5 fen, from register and balance on. */
static void live(struct town *t, int64_t from, int64_t to, int64_t wh, int64_t fen, int64_t count)
{
    for (int64_t at = from; at < to; at += 600, wh += 100, fen -= 5)
        tell_wallet(t, at, wh, fen, count);
}

static enum err post(struct store_tx *tx, void *arg)
{
    return ledger_post(tx, arg, NULL);
}

/* The wallet of meter 2 is proven and in the books: 50 yuan. */
static void open_wallet(struct town *t)
{
    struct ledger_entry e = {.account_id = 8,
                             .key = "opening",
                             .kind = "test",
                             .now = {T0},
                             .business_day = DAY0,
                             .actor = "system",
                             .postings = {{LEDGER_SUSPENSE, -5000}, {LEDGER_WALLET, 5000}}};
    assert_ok(store_run(t->ledger, post, &e));
    town_exec(t, "INSERT INTO meter_wallet (account_id, meter_id, epoch, proven, count, "
                 "purchased_fen, opening_count, opening_fen, remaining_fen, read_at) "
                 "VALUES (8, 2, 1, 1, 0, 0, 0, 0, 0, 1)");
}

/* A sale that nobody knows of hides what the wallet took: a person says it, and what follows is
 * counted from what the wallet told then. */
static void what_was_taken_counts_once(void **state)
{
    struct town *t = *state;
    open_wallet(t);
    live(t, T0, T0 + DAY / 2, 0, 5000, 0);
    live(t, T0 + DAY / 2, T0 + 2 * DAY + 1200, 7200, 7640, 1); /* 30 yuan more */
    town_tick(t, T0 + DAY + 7 * 3600);
    assert_string_equal(held(t).reason, "wallet_not_told");
    struct billing_repair r = decision(2, BILLING_BY_TAKEN, T0);
    r.taken_fen = 144 * 5;
    assert_ok(repair(t, &r, T0 + DAY + 7 * 3600));
    assert_int_equal(settled_8(t), 144 * 5);
    town_tick(t, T0 + 2 * DAY + 1200);
    assert_int_equal(settled_8(t), 2 * 144 * 5);
}

/* Held for its rates, and the wallet does not say what it took either: one decision is enough. */
static void rates_and_wallet_are_decided_at_once(void **state)
{
    struct town *t = *state;
    town_plan(t, "flat", 2, T0 + 3600,
              "{\"kind\":\"time_of_use\",\"prices\":{\"valley\":\"0.3\"},\"periods\":[{\"from\":"
              "\"00:00\",\"to\":\"24:00\",\"rate\":\"valley\"}]}");
    town_plan(t, "flat", 3, T0 + 7200, "{\"kind\":\"flat\",\"price\":\"0.5\"}");
    open_wallet(t);
    live(t, T0, T0 + 5400, 0, 5000, 0);
    live(t, T0 + 5400, T0 + DAY + 1200, 900, 7955, 1);
    town_tick(t, T0 + 8400);
    struct billing_held h = held(t);
    assert_string_equal(h.reason, "RATING_RATES");
    assert_true(h.hows >> BILLING_BY_TAKEN & 1);
    assert_int_equal(settled_8(t), 6 * 5);
    struct billing_repair r = decision(2, BILLING_BY_TAKEN, T0 + 3600);
    r.taken_fen = 6 * 5;
    assert_ok(repair(t, &r, T0 + 8400));
    town_tick(t, T0 + DAY + 7 * 3600);
    assert_int_equal(settled_8(t), 144 * 5);
}

/* --- transformers --------------------------------------------------------------------------------
 */

static void another_ratio_splits(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_run(t, 1, T0, T0 + DAY / 2 + 1, 1000);
    struct billing_ratio r = {.meter_id = 1,
                              .from = {T0 + DAY / 2},
                              .ratio = 40,
                              .reason = "CT 200/5",
                              .actor = "user:1"};
    assert_ok(put_ratio(t, &r, T0 + DAY / 2));
    town_run(t, 1, T0 + DAY / 2 + 600, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement"), 600 + 40 * 600);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE bill ->> '$.why' = 'ratio'"), 1);
    assert_int_equal(town_int(t, "SELECT energy_wh FROM settlement WHERE bill ->> '$.ratio' = 40"),
                     480'000);
    town_wh(t, 1, T0 + DAY + 600, 24'500);
    assert_ok(town_outlook(t, 7, T0 + DAY + 600, &o));
    assert_int_equal(o.accrued_fen, 1000);
    /* a price for the past counts them as well */
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_tick(t, T0 + DAY + 660);
    assert_int_equal(town_int(t, "SELECT amount_fen FROM true_up"), 600 + 40 * 600);
}

static void ratios_that_are_refused(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    struct billing_ratio r = {
        .meter_id = 1, .from = {T0 + DAY + 1}, .ratio = 40, .reason = "r", .actor = "user:1"};
    r.ratio = 0;
    assert_err(ERR_RANGE, put_ratio(t, &r, T0 + DAY));
    r.ratio = 1'000'001;
    assert_err(ERR_RANGE, put_ratio(t, &r, T0 + DAY));
    r.ratio = 40;
    r.reason = "";
    assert_err(ERR_BILLING_REASON, put_ratio(t, &r, T0 + DAY));
    r.reason = "r";
    r.meter_id = 99;
    assert_err(ERR_NOT_FOUND, put_ratio(t, &r, T0 + DAY));
    r.meter_id = 1;
    assert_ok(put_ratio(t, &r, T0 + DAY));
    assert_err(ERR_BILLING_PAST, put_ratio(t, &r, T0 + DAY)); /* the same moment again */
}

/* --- exchange ------------------------------------------------------------------------------------
 */

/* Read at 12:00 by the line, taken off at 12:30 with half a kWh more; the new one had 3 kWh. */
static void an_exchange_is_exact(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY / 2 + 1, 1000);
    struct billing_exchange x = {
        .meter_id = 1, .closing_wh = {12'500, 0, 12'500}, .opening_wh = {3000, 0, 3000}};
    int64_t now = T0 + DAY / 2 + 1800;
    assert_ok(
        store_run(t->ledger, do_exchange, &(struct wish){.t = t, .exchange = &x, .now = now}));
    town_exec(t, "UPDATE meter SET epoch = 2 WHERE id = 1");
    assert_int_equal(town_int(t, "SELECT amount_fen FROM settlement"), 625);
    town_say(t, 1, 2, T0 + DAY - 600, POINT_ENERGY_WH, I(14'000), POINT_ENERGY_RATE2_WH, I(14'000),
             0);
    town_say(t, 1, 2, T0 + DAY + 60, POINT_ENERGY_WH, I(14'100), POINT_ENERGY_RATE2_WH, I(14'100),
             0);
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement"), 625 + 550);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 2);
    assert_int_equal(town_int(t, "SELECT epoch FROM charge_open WHERE meter_id = 1"), 2);
}

static void an_exchange_backwards(void **state)
{
    struct town *t = *state;
    town_wh(t, 1, T0, 5000);
    struct billing_exchange x = {.meter_id = 1, .closing_wh = {4000}};
    struct wish w = {.t = t, .exchange = &x, .now = T0 + 600};
    assert_err(ERR_RATING_BACKWARDS, store_run(t->ledger, do_exchange, &w));
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)
int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_total_stands),
        TEST(registers_of_a_person),
        TEST(forgone),
        TEST(no_plan_to_decide_by),
        TEST(decisions_that_are_refused),
        TEST(a_reading_by_a_person),
        TEST(what_was_taken_counts_once),
        TEST(rates_and_wallet_are_decided_at_once),
        TEST(another_ratio_splits),
        TEST(ratios_that_are_refused),
        TEST(an_exchange_is_exact),
        TEST(an_exchange_backwards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
