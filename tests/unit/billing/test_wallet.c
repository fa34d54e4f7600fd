/* Accounts whose balance lives in the meter: the meter charges, the ledger mirrors it. */
#include "tests/unit/billing/town.h"

#include <stdio.h>

/* Meter 2 of account 8: 0.5 yuan a kWh and what it takes besides, told every ten minutes together
 * with count. */
struct purse {
    struct town *t;
    int64_t wh, start_fen, bought_fen, count, more_fen;
};

static int64_t balance_of(const struct purse *p)
{
    return p->start_fen + p->bought_fen - p->wh * (50 + p->more_fen) / 1000;
}

static void tell(struct purse *p, int64_t at)
{
    town_say(p->t, 2, 1, at, POINT_ENERGY_WH, p->wh, POINT_BALANCE_FEN, balance_of(p),
             POINT_PURCHASE_COUNT, p->count, 0);
}

/* From..to at 1 kW. */
static void live(struct purse *p, int64_t from, int64_t to)
{
    for (int64_t at = from; at < to; at += 600, p->wh += 166)
        tell(p, at);
}

static enum err post(struct store_tx *tx, void *arg)
{
    return ledger_post(tx, arg, NULL);
}

static void move(struct town *t, const char *key, enum ledger_book from, enum ledger_book to,
                 int64_t fen)
{
    struct ledger_entry e = {.account_id = 8,
                             .key = key,
                             .kind = "test",
                             .now = {T0},
                             .business_day = DAY0,
                             .actor = "system",
                             .postings = {{from, -fen}, {to, fen}}};
    assert_ok(store_run(t->ledger, post, &e));
}

/* What vend/ does: the wallet is proven, its credit is in the books. */
static void prove(struct town *t, int64_t fen)
{
    town_exec(t, "INSERT INTO meter_wallet (account_id, meter_id, epoch, proven, count, "
                 "purchased_fen, opening_count, opening_fen, remaining_fen, read_at) "
                 "VALUES (8, 2, 1, 1, 0, 0, 0, 0, 0, 1)");
    if (fen)
        move(t, "opening", LEDGER_SUSPENSE, LEDGER_WALLET, fen);
}

static void bind(struct town *t)
{
    town_exec(t,
              "INSERT INTO vend (account_id, order_id, meter_id, epoch, n, amount_fen, state, "
              "next_at, bound_at, changed_at) VALUES (8, 'o1', 2, 1, 1, 3000, 'BOUND', 1, 1, 1)");
    move(t, "paid", LEDGER_CASH, LEDGER_TRANSIT, 3000);
}

static void confirm(struct town *t)
{
    town_exec(t, "UPDATE vend SET state = 'CONFIRMED' WHERE order_id = 'o1'");
    move(t, "confirmed", LEDGER_TRANSIT, LEDGER_WALLET, 3000);
}

static int64_t open_charges(struct town *t)
{
    return town_int(t, "SELECT count(*) FROM charge_open WHERE account_id = 8");
}

static int64_t settled_fen(struct town *t)
{
    return town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM settlement WHERE account_id = 8");
}

static int64_t events(struct town *t, const char *sql)
{
    return town_int(t, sql);
}

#define DIFFERS "SELECT count(*) FROM event WHERE kind = 'charge.differs'"
#define ADJUSTED "SELECT count(*) FROM event WHERE kind = 'wallet.adjusted'"

static void test_opens_when_the_wallet_is_proven(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    struct billing_outlook o;
    tell(&p, T0);
    assert_int_equal(open_charges(t), 0);
    prove(t, 5000);
    town_exec(t, "UPDATE meter_wallet SET read_at = 1771171800"); /* T0 + 600: later than this */
    tell(&p, T0 + 60);
    assert_int_equal(open_charges(t), 0);
    tell(&p, T0 + 600);
    assert_int_equal(open_charges(t), 1);
    assert_int_equal(town_int(t, "SELECT balance_fen FROM charge_open"), 5000);
    assert_ok(town_outlook(t, 8, T0 + 660, &o));
    assert_true(o.available_known && o.remaining_known);
    assert_int_equal(o.available_fen, 5000);
    assert_int_equal(o.wallet_fen, 5000);
    assert_int_equal(o.reading_age_s, 60);
}

static void test_a_day(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 5000);
    live(&p, T0, T0 + DAY + 1200);
    town_tick(t, T0 + DAY + 1200);
    /* the balance of midnight sharp: 144 steps of 166 Wh */
    assert_int_equal(settled_fen(t), 144 * 166 * 50 / 1000);
    assert_int_equal(town_book(t, 8, LEDGER_WALLET), 5000 - settled_fen(t));
    assert_int_equal(town_book(t, 8, LEDGER_REVENUE), settled_fen(t));
    assert_int_equal(events(t, DIFFERS), 0);
    assert_int_equal(events(t, ADJUSTED), 0);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE json_extract(bill, '$.charged_by') = "
                    "'meter'"),
        1);
}

/* --- true-ups -----------------------------------------------------------------------------------
 */

#define TRUE_UP "SELECT coalesce(sum(amount_fen), 0) FROM true_up WHERE account_id = 8"
#define GIVEN_BACK "SELECT coalesce(sum(amount_fen), 0) FROM true_up_sale WHERE account_id = 8"
#define TWO_DAYS_WH (288 * 166)

/* Two settled days of a meter that takes `more_fen` a kWh besides the plan's price. */
static struct purse two_days(struct town *t, int64_t more_fen)
{
    struct purse p = {.t = t, .start_fen = 5000, .more_fen = more_fen};
    prove(t, 5000);
    live(&p, T0, T0 + 2 * DAY + 1200);
    town_tick(t, T0 + 2 * DAY + 1200);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 8"), 2);
    return p;
}

/* What was settled and trued up is what the plan says, within the fen of each day's rounding. */
static void assert_trued_up(struct town *t, int64_t price)
{
    int64_t apart = settled_fen(t) + town_int(t, TRUE_UP) - TWO_DAYS_WH * price / 1000;
    assert_in_range(apart + 2, 0, 4);
    assert_int_equal(
        town_int(t, "SELECT sum(amount_fen) FROM settlement_basis WHERE account_id = 8"),
        settled_fen(t) + town_int(t, TRUE_UP));
    assert_int_equal(town_book(t, 8, LEDGER_PREPAYMENT), -town_int(t, TRUE_UP));
    assert_int_equal(town_book(t, 8, LEDGER_WALLET), 5000 - settled_fen(t));
}

static void test_a_dearer_price_in_the_past_is_owed(void **state)
{
    struct town *t = *state;
    two_days(t, 0);
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    town_tick(t, T0 + 2 * DAY + 1260);
    assert_true(town_int(t, TRUE_UP) > 470);
    assert_trued_up(t, 60);
    assert_int_equal(town_int(t, GIVEN_BACK), 0);
    town_restart(t);
    town_tick(t, T0 + 2 * DAY + 1320); /* once */
    assert_trued_up(t, 60);
    /* And back again: what was owed is not owed any more, nothing is given twice. */
    town_plan(t, "flat", 3, T0, "{\"kind\":\"flat\",\"price\":\"0.5\"}");
    town_tick(t, T0 + 2 * DAY + 1380);
    assert_trued_up(t, 50);
    assert_int_equal(town_int(t, "SELECT count(*) FROM true_up WHERE account_id = 8"), 2);
}

static void test_a_lower_price_in_the_past_is_given_back(void **state)
{
    struct town *t = *state;
    two_days(t, 0);
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"0.4\"}");
    town_tick(t, T0 + 2 * DAY + 1260);
    assert_trued_up(t, 40);
    assert_true(town_int(t, TRUE_UP) < -470);
    assert_int_equal(town_int(t, GIVEN_BACK), -town_int(t, TRUE_UP));
}

/* The meter had the new price in time, only the plan came late: nothing is owed twice. */
static void test_a_meter_that_knew_the_price(void **state)
{
    struct town *t = *state;
    two_days(t, 10);
    assert_int_equal(events(t, DIFFERS), 2);
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    town_tick(t, T0 + 2 * DAY + 1260);
    assert_trued_up(t, 60);
    assert_in_range(town_int(t, TRUE_UP) + 2, 0, 4);
}

/* The meter reckons otherwise than the plan: the same price, saved again from then on, books it. */
static void test_a_meter_that_reckons_otherwise(void **state)
{
    struct town *t = *state;
    two_days(t, 5);
    town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\", \"price\":\"0.5\"}");
    town_tick(t, T0 + 2 * DAY + 1260);
    assert_trued_up(t, 50);
    assert_true(town_int(t, GIVEN_BACK) > 235);
}

/* Money and energy that are not of the same moment say nothing about each other. */
static void test_a_wallet_told_at_another_time_is_left_out(void **state)
{
    static const char *const apart[] = {
        "UPDATE settlement_basis SET estimated = 8 WHERE opened_at = (SELECT min(opened_at) FROM "
        "settlement_basis)",
        "UPDATE settlement_basis SET estimated = 16 WHERE opened_at = (SELECT max(opened_at) FROM "
        "settlement_basis)"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        void *place = NULL;
        assert_int_equal(town_open(&place), 0);
        struct town *t = place;
        two_days(t, 0);
        town_exec(t, apart[i]);
        town_plan(t, "flat", 2, T0, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
        town_tick(t, T0 + 2 * DAY + 1260);
        assert_int_equal(town_int(t, TRUE_UP), 0);
        assert_int_equal(town_int(t, "SELECT count(*) FROM rerate_left WHERE account_id = 8 AND "
                                     "reason = 'wallet_apart'"),
                         1);
        assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement_basis"),
                         settled_fen(t));
        town_close(&place);
    }
}

/* Readings say it: the wallet was last told half an hour before the midnight. */
static void test_what_is_apart_is_kept(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 5000);
    live(&p, T0, T0 + DAY - 1800);
    for (int64_t at = T0 + DAY - 1800; at < T0 + DAY + 1200; at += 600)
        town_wh(t, 2, at, p.wh);
    town_tick(t, T0 + DAY + 1200);
    assert_int_equal(town_int(t, "SELECT estimated FROM settlement_basis WHERE account_id = 8"),
                     16);
}

/* A sale within the day: the settlement waits until it is confirmed. */
static void test_a_sale_within_the_day(void **state)
{
    struct town *t = *state;
    for (int confirmed = 0; confirmed < 2; confirmed++) {
        void *place = NULL;
        assert_int_equal(town_open(&place), 0);
        t = place;
        struct purse p = {.t = t, .start_fen = 5000};
        prove(t, 5000);
        live(&p, T0, T0 + DAY / 2);
        bind(t);
        p.bought_fen += 3000;
        p.count++;
        if (confirmed)
            confirm(t);
        live(&p, T0 + DAY / 2, T0 + DAY + 1200);
        town_tick(t, T0 + DAY + 1200);
        if (!confirmed) {
            assert_int_equal(settled_fen(t), 0);
            confirm(t);
            town_tick(t, T0 + DAY + 1201);
        }
        assert_int_equal(settled_fen(t), 144 * 166 * 50 / 1000);
        assert_int_equal(town_book(t, 8, LEDGER_WALLET), 8000 - settled_fen(t));
        live(&p, T0 + DAY + 1200, T0 + 2 * DAY + 1200);
        town_tick(t, T0 + 2 * DAY + 1200);
        assert_int_equal(town_book(t, 8, LEDGER_WALLET), 8000 - 288 * 166 * 50 / 1000);
        assert_int_equal(events(t, DIFFERS), 0);
        town_close(&place);
    }
}

/* A purchase that is not ours: by the meter's own sum if it tells one, else the settlement waits.
 */
static void test_a_foreign_sale(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 5000);
    live(&p, T0, T0 + DAY / 2);
    p.bought_fen += 3000;
    p.count++;
    live(&p, T0 + DAY / 2, T0 + DAY + 8 * 3600);
    town_tick(t, T0 + DAY + 1200);
    assert_int_equal(settled_fen(t), 0);
    town_tick(t, T0 + DAY + 7 * 3600);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'charge.held' AND "
                                 "json_extract(detail, '$.reason') = 'wallet_not_told'"),
                     1);
    bind(t);
    confirm(t); /* it was ours after all */
    town_tick(t, T0 + DAY + 7 * 3600);
    assert_int_equal(settled_fen(t), 144 * 166 * 50 / 1000);
}

static void test_a_foreign_sale_that_the_meter_tells(void **state)
{
    struct town *t = *state;
    prove(t, 5000);
    town_say(t, 2, 1, T0, POINT_ENERGY_WH, I(0), POINT_BALANCE_FEN, I(5000), POINT_PURCHASE_COUNT,
             I(1), POINT_PURCHASED_FEN, I(5000), 0);
    for (int i = 1; i < 4; i++)
        town_say(t, 2, 1, T0 + DAY - 2400 + i * 600, POINT_ENERGY_WH, I(1000), POINT_BALANCE_FEN,
                 I(7950), POINT_PURCHASE_COUNT, I(2), POINT_PURCHASED_FEN, I(8000), 0);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 50);
}

/* The meter as it is after so many steps of 600 s, 100 Wh and 5 fen each, and `bought` purchases of
 * 3000 fen after the first of 5000. */
static void say_all(struct town *t, int64_t steps, int64_t bought)
{
    town_say(t, 2, 1, T0 + steps * 600, POINT_ENERGY_WH, I(steps * 100), POINT_BALANCE_FEN,
             I(5000 + bought * 3000 - steps * 5), POINT_PURCHASE_COUNT, I(1 + bought),
             POINT_PURCHASED_FEN, I(5000 + bought * 3000), 0);
}

/* A day with hardly a reading, and a sale between any two of them: its midnight will never be told.
 * The next one that is closes both days, to the fen. */
static void test_a_midnight_without_the_wallet(void **state)
{
    struct town *t = *state;
    prove(t, 5000);
    say_all(t, 0, 0);
    say_all(t, 72, 1);
    say_all(t, 150, 2);
    town_tick(t, T0 + DAY + 7 * 3600);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 0);
    for (int64_t steps = 200; steps <= 290; steps++)
        say_all(t, steps, 2);
    town_tick(t, T0 + 2 * DAY + 1200);
    assert_int_equal(settled_fen(t), 2 * 144 * 5);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement"), 1);
    assert_int_equal(town_int(t, "SELECT sum(closed_at - opened_at) FROM settlement"), 2 * DAY);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'charge.held'"), 1);
}

static enum err put_sale(struct store_tx *tx, void *arg)
{
    const int64_t *n = arg;
    char id[16];
    snprintf(id, sizeof id, "s%d", (int)*n);
    TRY(store_exec(
        tx,
        "INSERT INTO vend (account_id, order_id, meter_id, epoch, n, amount_fen, state, "
        "next_at, bound_at, changed_at) VALUES (8, $1, 2, 1, $2, 100, 'CONFIRMED', 1, 1, "
        "1)",
        "ti", id, *n));
    struct ledger_entry e = {.account_id = 8,
                             .key = id,
                             .kind = "test",
                             .now = {T0},
                             .business_day = DAY0,
                             .actor = "system",
                             .postings = {{LEDGER_CASH, -100}, {LEDGER_WALLET, 100}}};
    return ledger_post(tx, &e, NULL);
}

/* Small sales between all readings from 21:55 on, and a person splits the period among them: no
 * moment since the split is quiet. The day ends with what the meter had taken by then, the rest
 * comes next, and nobody is told that money and energy differ. */
static void test_sales_all_around_midnight(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 5000);
    live(&p, T0, T0 + DAY - 7200);
    for (int64_t at = T0 + DAY - 7200; at < T0 + DAY + 1800; at += 600) {
        p.bought_fen += 100;
        p.count++;
        assert_ok(store_run(t->ledger, put_sale, &p.count));
        live(&p, at, at + 600);
        if (at == T0 + DAY - 6600)
            assert_ok(town_split(t, 8, at + 300));
    }
    int64_t by_split = settled_fen(t);
    assert_int_equal(by_split, 133 * 166 * 50 / 1000);
    live(&p, T0 + DAY + 1800, T0 + DAY + 3600);
    town_tick(t, T0 + DAY + 3600);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 8"), 2);
    assert_int_equal(settled_fen(t), by_split);
    live(&p, T0 + DAY + 3600, T0 + 2 * DAY + 1200);
    town_tick(t, T0 + 2 * DAY + 1200);
    assert_int_equal(settled_fen(t), 288 * 166 * 50 / 1000);
    assert_int_equal(town_book(t, 8, LEDGER_WALLET), 5000 + p.bought_fen - settled_fen(t));
    assert_int_equal(events(t, DIFFERS), 0);
    assert_int_equal(events(t, ADJUSTED), 0);
}

/* V5: the meter is set to another price. The ledger follows the meter; people are told. */
static void test_the_meter_charges_otherwise(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 5000);
    town_plan(t, "flat", 2, 2, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    live(&p, T0, T0 + DAY + 1200);
    town_tick(t, T0 + DAY + 1200);
    assert_int_equal(settled_fen(t), 144 * 166 * 50 / 1000);
    assert_int_equal(events(t, DIFFERS), 1);
    assert_int_equal(town_int(t, "SELECT json_extract(bill, '$.amount_fen') FROM settlement"),
                     144 * 166 * 60 / 1000);
}

/* Credit out of nowhere goes to suspense, not to revenue. */
static void test_unexplained_credit(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 5000);
    live(&p, T0, T0 + DAY / 2);
    p.start_fen += 4000;
    live(&p, T0 + DAY / 2, T0 + DAY + 1200);
    town_tick(t, T0 + DAY + 1200);
    int64_t used = 144 * 166 * 50 / 1000;
    assert_int_equal(settled_fen(t), 0);
    assert_int_equal(town_book(t, 8, LEDGER_WALLET), 5000 + 4000 - used);
    assert_int_equal(town_book(t, 8, LEDGER_SUSPENSE), -5000 - (4000 - used));
    assert_int_equal(events(t, ADJUSTED), 1);
    assert_int_equal(events(t, DIFFERS), 1);
}

/* Between proof and first charge the meter took something: it is in the first settlement. */
static void test_what_was_taken_before(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000, .wh = 200};
    prove(t, 5000);
    live(&p, T0, T0 + DAY + 1200);
    town_tick(t, T0 + DAY + 1200);
    assert_int_equal(town_book(t, 8, LEDGER_WALLET), 5000 - (144 * 166 + 200) * 50 / 1000);
    assert_int_equal(events(t, ADJUSTED), 0);
}

/* More in the meter than in the books: a sale is between two readings, and it is not the time. */
static void test_does_not_open_ahead_of_the_books(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 4000);
    live(&p, T0, T0 + 1200);
    assert_int_equal(open_charges(t), 0);
}

/* The old meter is settled to its last word; the charge of the new one waits for its proof. */
static void test_exchange(void **state)
{
    struct town *t = *state;
    struct purse p = {.t = t, .start_fen = 5000};
    prove(t, 5000);
    live(&p, T0, T0 + 3601);
    assert_ok(town_split(t, 8, T0 + 3700));
    int64_t home = town_book(t, 8, LEDGER_WALLET);
    assert_int_equal(home, 5000 - 6 * 166 * 50 / 1000); /* the newest word counts */
    live(&p, T0 + 4200, T0 + 6000);
    move(t, "exchange:2:1", LEDGER_WALLET, LEDGER_PREPAYMENT, home);
    town_exec(t, "UPDATE meter SET epoch = 2 WHERE id = 2");
    town_say(t, 2, 2, T0 + 7200, POINT_ENERGY_WH, I(0), POINT_BALANCE_FEN, I(0),
             POINT_PURCHASE_COUNT, I(0), 0);
    town_tick(t, T0 + 7200);
    assert_int_equal(open_charges(t), 0);
    assert_int_equal(town_book(t, 8, LEDGER_WALLET), 0); /* the old meter's last words are paid */
    assert_int_equal(town_book(t, 8, LEDGER_PREPAYMENT), 5000 - settled_fen(t)); /* at home */
    assert_true(settled_fen(t) > 5000 - home);
    town_exec(t, "UPDATE meter_wallet SET epoch = 2, count = 0, opening_count = 0");
    town_say(t, 2, 2, T0 + 7800, POINT_ENERGY_WH, I(0), POINT_BALANCE_FEN, I(0),
             POINT_PURCHASE_COUNT, I(0), 0);
    assert_int_equal(town_int(t, "SELECT epoch FROM charge_open WHERE account_id = 8"), 2);
    assert_int_equal(town_int(t, "SELECT count(DISTINCT epoch) FROM settlement"), 1);
}

static void test_a_wallet_that_is_not_told(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_wh(t, 2, T0, 100);
    assert_ok(town_outlook(t, 8, T0, &o));
    assert_false(o.available_known);
    assert_true(o.reading_age_s == INT64_MAX);
    assert_int_equal(open_charges(t), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_opens_when_the_wallet_is_proven),
        CASE(test_a_day),
        CASE(test_a_dearer_price_in_the_past_is_owed),
        CASE(test_a_lower_price_in_the_past_is_given_back),
        CASE(test_a_meter_that_knew_the_price),
        CASE(test_a_meter_that_reckons_otherwise),
        CASE(test_a_wallet_told_at_another_time_is_left_out),
        CASE(test_what_is_apart_is_kept),
        CASE(test_a_sale_within_the_day),
        CASE(test_a_foreign_sale),
        CASE(test_a_foreign_sale_that_the_meter_tells),
        CASE(test_a_midnight_without_the_wallet),
        CASE(test_sales_all_around_midnight),
        CASE(test_the_meter_charges_otherwise),
        CASE(test_unexplained_credit),
        CASE(test_what_was_taken_before),
        CASE(test_does_not_open_ahead_of_the_books),
        CASE(test_exchange),
        CASE(test_a_wallet_that_is_not_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
