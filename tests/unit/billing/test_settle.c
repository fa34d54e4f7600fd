/* Settlement of platform wallets: days, prices, plans, exchanges, resets, gaps, catch-up. */
#include "tests/unit/billing/town.h"

#include "base/rand.h"
#include "tests/unit/store_sql.h"

static int64_t settled_fen(struct town *t)
{
    return town_int(t, "SELECT coalesce(sum(amount_fen), 0) FROM settlement");
}

static int64_t settlements(struct town *t)
{
    return town_int(t, "SELECT count(*) FROM settlement");
}

static void test_a_day(void **state)
{
    struct town *t = *state;
    town_pay(t, 7, 10'000, T0);
    town_run(t, 1, T0 + 3600, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY - 1);
    assert_int_equal(settlements(t), 0);
    town_tick(t, T0 + DAY); /* the reading of midnight sharp is there */
    assert_int_equal(settlements(t), 1);
    assert_int_equal(settled_fen(t), 1150); /* 23 kWh */
    assert_int_equal(town_int(t, "SELECT business_day FROM settlement"), DAY0);
    assert_int_equal(town_int(t, "SELECT opened_at FROM settlement"), T0 + 3600);
    assert_int_equal(town_int(t, "SELECT closed_at FROM settlement"), T0 + DAY);
    assert_int_equal(town_book(t, 7, LEDGER_PREPAYMENT), 8850);
    assert_int_equal(town_book(t, 7, LEDGER_REVENUE), 1150);
    assert_int_equal(town_int(t, "SELECT opened_at FROM charge_open"), T0 + DAY);
    assert_int_equal(town_int(t, "SELECT total_wh FROM charge_open"), 24'000);
    for (int i = 0; i < 3; i++)
        town_tick(t, T0 + DAY + i);
    assert_int_equal(settlements(t), 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM ledger_txn WHERE kind = 'settlement'"), 1);
    assert_int_equal(t->clerk.settlements, 1);
}

static void test_every_bill_can_be_read(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 2 * DAY + 1, 500);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(town_int(t, "SELECT sum(json_extract(bill, '$.amount_fen')) - sum(amount_fen) "
                                 "FROM settlement"),
                     0);
    assert_int_equal(
        town_int(t, "SELECT count(*) FROM settlement WHERE json_extract(bill, '$.why') = 'day' AND "
                    "json_extract(bill, '$.lines[0].to_wh') - "
                    "json_extract(bill, '$.lines[0].from_wh') = energy_wh"),
        2);
}

/* The boundary waits for its reading, and is settled on it even if the clerk comes late. */
static void test_no_reading_no_settlement(void **state)
{
    struct town *t = *state;
    struct billing_settled done;
    town_run(t, 1, T0, T0 + DAY / 2, 1000);
    town_tick(t, T0 + DAY + 10);
    assert_int_equal(settlements(t), 0);
    assert_ok(town_settle(t, 7, T0 + DAY + 10, &done));
    assert_int_equal(done.waiting, 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'charge.held'"), 0);
    town_tick(t, T0 + DAY + 6 * 3600 + 1); /* people are told, once */
    town_tick(t, T0 + DAY + 7 * 3600);
    assert_int_equal(settlements(t), 0);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'charge.held'"), 1);
    town_run(t, 1, T0 + DAY / 2, T0 + DAY + 8 * 3600, 1000); /* it comes after all */
    town_tick(t, T0 + DAY + 8 * 3600);
    assert_int_equal(settlements(t), 1);
    assert_int_equal(settled_fen(t), 1200);
    assert_int_equal(town_int(t, "SELECT business_day FROM settlement"), DAY0);
}

/* A gap that was never read: the energy between the readings around it is shared out over its days,
 * and the bills say so. 12 kWh are measured, 66 kWh in the 66 hours after. */
static void test_a_gap(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_run(t, 1, T0, T0 + DAY / 2 + 1, 1000);
    town_tick(t, T0 + DAY + 60);
    assert_int_equal(settlements(t), 0);
    town_wh(t, 1, T0 + 3 * DAY + 6 * 3600, 78'000);
    assert_ok(town_outlook(t, 7, T0 + 3 * DAY + 6 * 3600, &o));
    assert_true(o.estimated); /* not parted by days yet */
    town_tick(t, T0 + 3 * DAY + 6 * 3600);
    assert_int_equal(settlements(t), 3);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE amount_fen = 1200 AND "
                                 "energy_wh = 24000 AND closed_at - opened_at = 86400 AND "
                                 "json_extract(bill, '$.lines[0].apportioned')"),
                     3);
    assert_ok(town_outlook(t, 7, T0 + 3 * DAY + 6 * 3600, &o));
    assert_true(o.estimated); /* begun on a shared-out register */
    assert_int_equal(o.accrued_fen, 300);
    town_run(t, 1, T0 + 3 * DAY + 6 * 3600 + 600, T0 + 4 * DAY + 1, 1000);
    town_tick(t, T0 + 4 * DAY);
    assert_int_equal(settlements(t), 4);
    assert_int_equal(settled_fen(t), 4800);
    assert_ok(town_outlook(t, 7, T0 + 4 * DAY, &o));
    assert_false(o.estimated); /* a day that ended with a reading */
}

/* A meter that is read once an hour, never at midnight: after a gap of days the next day is trusted
 * again, although its end is shared out as well. */
static void test_a_gap_ends_with_hourly_readings(void **state)
{
    struct town *t = *state;
    town_wh(t, 1, T0, 0);
    town_wh(t, 1, T0 + 3 * DAY + 1800, 72'500);
    town_tick(t, T0 + 3 * DAY + 1800);
    assert_int_equal(town_int(t, "SELECT estimated FROM charge_open WHERE meter_id = 1"), 2);
    for (int64_t at = T0 + 3 * DAY + 5400; at <= T0 + 4 * DAY + 1800; at += 3600)
        town_wh(t, 1, at, (at - T0) / 360 * 100);
    town_tick(t, T0 + 4 * DAY + 1800);
    assert_int_equal(settlements(t), 4);
    assert_int_equal(town_int(t, "SELECT estimated FROM charge_open WHERE meter_id = 1"), 1);
}

/* A night without readings is parted at midnight, but nobody need worry about it. */
static void test_a_short_gap(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_run(t, 1, T0, T0 + DAY - 3600, 1000);
    town_wh(t, 1, T0 + DAY + 3600 - 600, 24'640);
    town_tick(t, T0 + DAY + 3600);
    assert_int_equal(settled_fen(t), 1194); /* 22.83 and 70 of 120 minutes of 1.81 kWh */
    assert_ok(town_outlook(t, 7, T0 + DAY + 3600, &o));
    assert_false(o.estimated);
    assert_int_equal(town_int(t, "SELECT estimated FROM charge_open WHERE meter_id = 1"), 1);
}

/* Two days of a plan by the hour: peak 08-22 and valley, 14 kWh and 10 kWh a day; the gap ends at
 * 08:00, so its last night is all valley. */
static void test_a_gap_by_the_hour(void **state)
{
    struct town *t = *state;
    town_say(t, 3, 1, T0, POINT_ENERGY_WH, I(0), POINT_ENERGY_RATE2_WH, I(0), POINT_ENERGY_RATE4_WH,
             I(0), 0);
    town_say(t, 3, 1, T0 + 2 * DAY + 8 * 3600, POINT_ENERGY_WH, I(56'000), POINT_ENERGY_RATE2_WH,
             I(28'000), POINT_ENERGY_RATE4_WH, I(28'000), 0);
    town_tick(t, T0 + 2 * DAY + 8 * 3600);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE energy_wh = 24000 "
                                 "AND amount_fen = 1400 + 250"),
                     2);
    assert_int_equal(town_int(t, "SELECT rate4_wh FROM charge_open WHERE meter_id = 3"), 20'000);
}

/* The platform was down for days while the gateway kept reading: each day has its own settlement.
 */
static void test_catching_up(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 5 * DAY + 1, 1000);
    town_tick(t, T0 + 5 * DAY);
    assert_int_equal(settlements(t), 5);
    assert_int_equal(settled_fen(t), 5 * 1200);
    assert_int_equal(town_int(t, "SELECT count(DISTINCT business_day) FROM settlement"), 5);
}

static enum err count_blocks(struct store_tx *tx, void *n)
{
    return store_int(tx, n, "SELECT count(*) FROM block", "");
}

/* The same when those days were sealed into blocks before anybody came to settle them. */
static void test_catching_up_from_blocks(void **state)
{
    struct town *t = *state;
    int64_t blocks = 0;
    size_t left;
    town_run(t, 1, T0, T0 + 5 * DAY + 1, 1000);
    struct billing_clerk sealer = t->clerk;
    sealer.after = 1000; /* beyond every account: this one only seals */
    assert_ok(billing_tick(&sealer, (wall_s){T0 + 4 * DAY + 3600}, 100, &left));
    store_flush(t->ledger);
    assert_int_equal(settlements(t), 0);
    assert_ok(store_read(t->store, count_blocks, &blocks));
    assert_int_equal(blocks, 4);
    town_restart(t);
    town_tick(t, T0 + 5 * DAY);
    assert_int_equal(settlements(t), 5);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE amount_fen = 1200"), 5);
}

static void test_a_new_price_splits_the_day(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_plan(t, "flat", 2, T0 + DAY / 2, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    town_tick(t, T0 + DAY);
    assert_int_equal(settlements(t), 2);
    assert_int_equal(settled_fen(t), 600 + 720);
    assert_int_equal(town_int(t, "SELECT closed_at FROM settlement WHERE "
                                 "json_extract(bill, '$.why') = 'price'"),
                     T0 + DAY / 2);
    assert_int_equal(town_int(t, "SELECT plan_version FROM charge_open"), 2);
}

/* A price that begins in a gap: the period ends there, on what is shared out to it. */
static void test_a_new_price_in_a_gap(void **state)
{
    struct town *t = *state;
    town_wh(t, 1, T0, 0);
    town_wh(t, 1, T0 + 3600, 1000);
    town_plan(t, "flat", 2, T0 + 7200, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    town_tick(t, T0 + 7200);
    assert_int_equal(settlements(t), 0); /* a reading before it may still come */
    town_wh(t, 1, T0 + 10'000, 3000);
    town_tick(t, T0 + 10'000);
    assert_int_equal(settlements(t), 1);
    assert_int_equal(settled_fen(t), 106); /* 1 kWh, and 3600/6400 of 2 kWh; 0.25 fen go on */
    town_tick(t, T0 + DAY);
    town_wh(t, 1, T0 + DAY + 10, 4000);
    town_tick(t, T0 + DAY + 10);
    assert_int_equal(settled_fen(t), 106 + 113); /* to 3999.8 Wh at midnight, at the new price */
}

/* Prices begin at midnight. The day before it measured nothing, and is not settled: the new price
 * must begin all the same. */
static void test_a_new_price_after_a_silent_day(void **state)
{
    struct town *t = *state;
    struct billing_settled done;
    town_wh(t, 1, T0, 0);
    town_wh(t, 1, T0 + DAY - 60, I(1000));
    town_wh(t, 1, T0 + DAY, I(1000)); /* the period of the silent day begins here */
    assert_ok(town_settle(t, 7, T0 + DAY + 60, &done));
    assert_int_equal(settled_fen(t), 50);
    town_plan(t, "flat", 2, T0 + 2 * DAY, "{\"kind\":\"flat\",\"price\":\"0.6\"}");
    town_wh(t, 1, T0 + 2 * DAY + 3600, I(1000));
    town_wh(t, 1, T0 + 3 * DAY - 60, I(3000));
    town_wh(t, 1, T0 + 3 * DAY + 60, I(3000));
    assert_ok(town_settle(t, 7, T0 + 3 * DAY + 120, &done));
    assert_int_equal(settled_fen(t), 50 + 120);
    assert_int_equal(town_int(t, "SELECT plan_version FROM charge_open WHERE meter_id = 1"), 2);
}

static void test_another_plan(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 3601, 1000);
    town_plan(t, "dear", 1, 1, "{\"kind\":\"flat\",\"price\":\"2\"}");
    town_exec(t, "UPDATE account SET plan_code = 'dear' WHERE id = 7");
    town_tick(t, T0 + 3600);
    town_tick(t, T0 + 3601);
    assert_int_equal(settlements(t), 1);
    assert_int_equal(settled_fen(t), 50);
    town_run(t, 1, T0 + 4200, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 50 + 4600);
}

static void test_split_by_a_person(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 3601, 1000);
    assert_ok(town_split(t, 7, T0 + 3660));
    assert_int_equal(settlements(t), 1);
    assert_int_equal(settled_fen(t), 50);
    assert_ok(town_split(t, 7, T0 + 3660)); /* the same second: nothing to settle */
    assert_int_equal(settlements(t), 1);
    assert_err(ERR_NOT_FOUND, town_split(t, 77, T0));
}

static void test_closing_an_account(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 7201, 1000);
    town_exec(t, "UPDATE account SET closed_at = 1771174800 WHERE id = 7"); /* T0 + 3600 */
    assert_int_equal(T0 + 3600, 1771174800);
    town_tick(t, T0 + 7200);
    assert_int_equal(settlements(t), 1);
    assert_int_equal(settled_fen(t), 50);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open"), 0);
    town_run(t, 1, T0 + 7800, T0 + 9000, 1000);
    assert_int_equal(town_int(t, "SELECT count(*) FROM charge_open"), 0);
}

static void test_a_meter_goes_to_another_account(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 3601, 1000);
    town_exec(t, "UPDATE meter SET account_id = 10 WHERE id = 1");
    town_tick(t, T0 + 3660);
    assert_int_equal(town_int(t, "SELECT account_id FROM settlement"), 7);
    assert_int_equal(settled_fen(t), 50);
    town_run(t, 1, T0 + 4200, T0 + DAY + 1, 1000);
    town_tick(t, T0 + DAY);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement WHERE account_id = 10"),
                     1200 - 58); /* from its first reading at 01:10 */
}

static void test_exchange(void **state)
{
    struct town *t = *state;
    struct billing_outlook o;
    town_wh(t, 1, T0, 900'000);
    town_wh(t, 1, T0 + 3600, 902'000);
    town_exec(t, "UPDATE meter SET epoch = 2 WHERE id = 1");
    town_say(t, 1, 2, T0 + 7200, POINT_ENERGY_WH, I(30), 0);
    assert_ok(town_outlook(t, 7, T0 + 7200, &o));
    assert_err(ERR_STATE, o.meters[0].refusal);
    assert_false(o.available_known);
    town_tick(t, T0 + 7200);
    assert_int_equal(settlements(t), 1);
    assert_int_equal(settled_fen(t), 100);
    assert_int_equal(town_int(t, "SELECT epoch FROM charge_open"), 2);
    assert_int_equal(town_int(t, "SELECT total_wh FROM charge_open"), 30);
    town_say(t, 1, 2, T0 + 7800, POINT_ENERGY_WH, I(1030), 0);
    assert_ok(town_outlook(t, 7, T0 + 7800, &o));
    assert_ok(o.meters[0].refusal);
    assert_int_equal(o.accrued_fen, 50);
}

/* Set back without an exchange, and rolled over at full scale. */
static void test_reset_and_rollover(void **state)
{
    struct town *t = *state;
    town_say(t, 1, 1, T0, POINT_ENERGY_WH, I(999'990'000), 0);
    town_say(t, 1, 1, T0 + 3600, POINT_ENERGY_WH, I(999'998'000), 0);
    town_say(t, 1, 1, T0 + 7200, POINT_ENERGY_WH, I(1000), 0); /* 3 kWh over the top */
    assert_int_equal(town_int(t, "SELECT broken FROM charge_open"), 1);
    town_tick(t, T0 + 7200);
    assert_int_equal(settled_fen(t), 500); /* 10 kWh up to full scale */
    town_say(t, 1, 1, T0 + 9000, POINT_ENERGY_WH, I(5000), 0);
    town_say(t, 1, 1, T0 + 9600, POINT_ENERGY_WH, I(200), 0);
    town_say(t, 1, 1, T0 + 10'200, POINT_ENERGY_WH, I(400), 0);
    town_tick(t, T0 + 10'200);
    assert_int_equal(settled_fen(t), 500 + 250);
    assert_int_equal(town_int(t, "SELECT total_wh FROM charge_open"), 200);
    assert_int_equal(settlements(t), 2);
}

static void test_time_of_use(void **state)
{
    struct town *t = *state;
    town_say(t, 3, 1, T0, POINT_ENERGY_WH, I(0), POINT_ENERGY_RATE2_WH, I(0), POINT_ENERGY_RATE4_WH,
             I(0), 0);
    town_say(t, 3, 1, T0 + DAY, POINT_ENERGY_WH, I(10'000), POINT_ENERGY_RATE2_WH, I(7000),
             POINT_ENERGY_RATE4_WH, I(3000), 0);
    town_tick(t, T0 + DAY);
    assert_int_equal(settled_fen(t), 700 + 75);
    assert_int_equal(town_int(t, "SELECT json_array_length(bill, '$.lines') FROM settlement"), 2);
}

/* A refusal of rating holds the settlement, is told once, and changes nothing. */
static void test_rates_that_do_not_fit(void **state)
{
    struct town *t = *state;
    town_say(t, 3, 1, T0, POINT_ENERGY_WH, I(0), POINT_ENERGY_RATE1_WH, I(0), 0);
    town_say(t, 3, 1, T0 + DAY, POINT_ENERGY_WH, I(10'000), POINT_ENERGY_RATE1_WH, I(10'000), 0);
    town_tick(t, T0 + DAY);
    town_tick(t, T0 + DAY + 1);
    assert_int_equal(settlements(t), 0);
    assert_int_equal(town_int(t, "SELECT count(*) FROM ledger_txn"), 0);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'charge.held' "
                                 "AND json_extract(detail, '$.reason') = 'RATING_RATES'"),
                     1);
}

static void test_due(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + 3601, 1000);
    town_run(t, 3, T0, T0 + 3601, 1000);
    town_tick(t, T0 + DAY - 1);
    assert_int_equal(t->clerk.after, 0);
    town_exec(t, "UPDATE project SET zone = 'Europe/London'");
    size_t left;
    assert_err(ERR_BILLING_ZONE, billing_tick(&t->clerk, (wall_s){T0 + DAY}, 2, &left));
    struct billing_settled done;
    assert_err(ERR_BILLING_ZONE, town_settle(t, 7, T0 + DAY, &done));
}

/* Whatever the readings and whenever the clerk comes: what was settled, plus what is carried, is
 * exactly the price of what the register moved; days never overlap and never leave a hole; settling
 * again changes nothing. */
static void test_any_history_adds_up(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        void *place = NULL;
        assert_int_equal(town_open(&place), 0);
        struct town *t = place;
        struct rand_stream r = rand_split(seed, "history");
        int64_t wh = 123'450, at = T0 + (int64_t)rand_below(&r, DAY), first = 0;
        for (int i = 0; i < 200; i++) {
            at += 60 + (int64_t)rand_below(&r, rand_chance(&r, 50) ? 3 * DAY : 3600);
            wh += (int64_t)rand_below(&r, 1000);
            town_wh(t, 1, at, wh);
            first = first ? first : at;
            if (rand_chance(&r, 100))
                town_tick(t, at + (int64_t)rand_below(&r, 60));
            if (rand_chance(&r, 30))
                town_restart(t);
            if (rand_chance(&r, 20))
                assert_ok(town_split(t, 7, at + 30));
        }
        town_tick(t, at);
        int64_t sum = settled_fen(t), count = settlements(t);
        int64_t moved = town_int(t, "SELECT total_wh FROM charge_open") -
                        town_int(t, "SELECT json_extract(bill, '$.lines[0].from_wh') FROM "
                                    "settlement ORDER BY opened_at LIMIT 1");
        int64_t carry = town_int(t, "SELECT carry_exact FROM charge_open");
        assert_true((__int128)sum * UNITS_EXACT_PER_FEN + carry == (__int128)moved * 50'000'000);
        assert_int_equal(town_book(t, 7, LEDGER_PREPAYMENT), -sum);
        assert_int_equal(town_int(t, "SELECT min(opened_at) FROM settlement"), first);
        assert_int_equal(town_int(t, "SELECT sum(closed_at - opened_at) FROM settlement"),
                         town_int(t, "SELECT opened_at FROM charge_open") - first);
        town_restart(t);
        town_tick(t, at + 1);
        assert_int_equal(settlements(t), count);
        town_close(&place);
    }
}

/* One round of the clerk over a page of `limit` accounts, whatever becomes of them. */
static void one_round(struct town *t, int64_t now, size_t limit)
{
    size_t left;
    assert_ok(billing_tick(&t->clerk, (wall_s){now}, limit, &left));
    store_flush(t->ledger);
}

/* Accounts of a page are tried together: nothing is left of the one that fails, and the others are
 * settled as ever. */
static void test_one_of_a_page_fails(void **state)
{
    struct town *t = *state;
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_run(t, 3, T0, T0 + DAY + 1, 1000);
    town_exec(t, "CREATE TRIGGER refuse BEFORE INSERT ON settlement_basis WHEN NEW.account_id = 7 "
                 "BEGIN SELECT raise(ABORT, 'refused'); END");
    one_round(t, T0 + DAY, 10);
    assert_int_equal(t->clerk.failures, 1);
    assert_int_equal(t->clerk.last_error, ERR_STORE_CONSTRAINT);
    assert_int_equal(t->clerk.settlements, 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 9"), 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM ledger_txn WHERE account_id = 9"), 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 7"), 0);
    assert_int_equal(town_int(t, "SELECT count(*) FROM ledger_txn WHERE account_id = 7"), 0);
    assert_int_equal(town_book(t, 7, LEDGER_REVENUE), 0);
    town_exec(t, "DROP TRIGGER refuse");
    one_round(t, T0 + DAY, 10);
    assert_int_equal(t->clerk.settlements, 2);
    assert_int_equal(town_book(t, 7, LEDGER_REVENUE), 1200);
    assert_int_equal(town_int(t, "SELECT count(*) FROM ledger_txn WHERE account_id = 9"), 1);
}

static void odd_round(struct town *t, int64_t now)
{
    size_t left;
    assert_err(ERR_BILLING_ZONE, billing_tick(&t->clerk, (wall_s){now}, 10, &left));
    store_flush(t->ledger);
}

/* However many projects there are, and whatever is wrong with one of them: the others are settled.
 * What failed is told once. */
static void test_no_project_stops_another(void **state)
{
    struct town *t = *state;
    town_exec(t, "WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 80) "
                 "INSERT INTO project (id, organisation_id, code, name, zone) "
                 "SELECT i, 1, 'p' || i, 'p', 'Asia/Shanghai' FROM n");
    town_exec(t, "INSERT INTO project (id, organisation_id, code, name, zone) "
                 "VALUES (0, 1, 'odd', 'odd', 'Mars/Base')");
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_run(t, 3, T0, T0 + DAY + 1, 1000);
    town_exec(t, "CREATE TRIGGER refuse BEFORE INSERT ON settlement_basis WHEN NEW.account_id = 7 "
                 "BEGIN SELECT raise(ABORT, 'refused'); END");
    odd_round(t, T0 + DAY);
    odd_round(t, T0 + DAY + 5);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 9"), 1);
    assert_int_equal(town_int(t, "SELECT count(*) FROM event WHERE kind = 'work.failed' "
                                 "AND account_id = 7"),
                     1);
    odd_round(t, T0 + DAY + 700);
    assert_true(sql_number(t->store, "SELECT count(*) FROM block") > 0); /* its days are sealed */
}

static void add_account(struct town *t)
{
    town_exec(t, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
                 "strategy_code, opened_at) SELECT 20, project_id, place_id, 'z', 'z', wallet, "
                 "plan_code, strategy_code, opened_at FROM account WHERE id = 7");
    town_exec(t,
              "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
              "kind) SELECT 20, project_id, 20, place_id, line_id, 'z', model, kind FROM meter "
              "WHERE id = 1");
}

/* A price and a ratio are entered in the middle of the night, after a page was settled and
 * before the next one: what the clerk had read for the first page does not stand for the second. */
static void test_changes_between_pages(void **state)
{
    struct town *t = *state;
    add_account(t);
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_run(t, 20, T0, T0 + DAY + 1, 1000);
    one_round(t, T0 + DAY, 1);
    assert_int_equal(town_int(t, "SELECT account_id FROM settlement"), 7);
    town_plan(t, "flat", 2, T0 + DAY / 2, "{\"kind\":\"flat\",\"price\":\"1\"}");
    town_exec(t, "INSERT INTO meter_ratio (meter_id, from_at, ratio, reason, actor, entered_at) "
                 "VALUES (20, (SELECT opened_at + 64800 FROM charge_open WHERE "
                 "meter_id = 20), 10, 'r', 'a', 1)");
    town_tick(t, T0 + DAY);
    /* half a day at 0.5, six hours at 1, six hours at 1 with a ratio of 10 */
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 20"), 3);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement WHERE account_id = 20"),
                     600 + 600 + 6'000);
    assert_int_equal(town_int(t, "SELECT plan_version FROM charge_open WHERE account_id = 20"), 2);
}

struct growing {
    struct town *t;
    int64_t account, from, now;
    struct site_terms terms;
};

static enum err put_terms(struct store_tx *tx, void *arg)
{
    struct growing *g = arg;
    return billing_terms_put(tx, &g->t->clerk.billing, g->account, &g->terms,
                             &(struct billing_by){"user:1", "r"}, (wall_s){g->now});
}

/* The same for the terms of an account: the household of the second page grows at six in the
 * evening, which moves the bound of its ladder from 12 kWh to 22; that of the first page stays. */
static void test_terms_between_pages(void **state)
{
    struct town *t = *state;
    struct growing g = {.t = t, .account = 20, .now = T0 + DAY};
    add_account(t);
    town_plan(t, "own", 1, 1,
              "{\"kind\":\"ladder\",\"cycle\":\"year\",\"steps\":[{\"to\":\"12\",\"price\":"
              "\"0.5\"},{\"price\":\"1\"}],\"household\":{\"from_persons\":5,\"extra\":\"10\"}}");
    town_exec(t, "UPDATE account SET plan_code = 'own' WHERE id IN (7, 20)");
    town_run(t, 1, T0, T0 + DAY + 1, 1000);
    town_run(t, 20, T0, T0 + DAY + 1, 1000);
    one_round(t, T0 + DAY, 1);
    assert_int_equal(town_int(t, "SELECT account_id FROM settlement"), 7);
    g.terms = (struct site_terms){.from = {T0 + DAY * 3 / 4}, .persons = 5};
    assert_ok(store_run(t->ledger, put_terms, &g));
    town_tick(t, T0 + DAY);
    assert_int_equal(town_int(t, "SELECT sum(amount_fen) FROM settlement WHERE account_id = 7"),
                     600 + 1200);
    /* 12 and 6 kWh until then; of 6 more there is room for 4 below the bound */
    assert_int_equal(town_int(t, "SELECT amount_fen FROM settlement WHERE account_id = 20 AND "
                                 "bill ->> '$.why' = 'terms'"),
                     600 + 600);
    assert_int_equal(town_int(t, "SELECT amount_fen FROM settlement WHERE account_id = 20 AND "
                                 "bill ->> '$.why' = 'day'"),
                     200 + 200);
    /* The other way round: what was read for an account with terms is not kept for the next page.
     */
    town_run(t, 1, T0 + DAY + 600, T0 + 2 * DAY + 1, 1000);
    town_run(t, 20, T0 + DAY + 600, T0 + 2 * DAY + 1, 1000);
    town_tick(t, T0 + 2 * DAY);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 7"), 2);
    assert_int_equal(town_int(t, "SELECT count(*) FROM settlement WHERE account_id = 20"), 3);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_day),
        CASE(test_every_bill_can_be_read),
        CASE(test_no_reading_no_settlement),
        CASE(test_a_gap),
        CASE(test_a_gap_ends_with_hourly_readings),
        CASE(test_a_short_gap),
        CASE(test_a_gap_by_the_hour),
        CASE(test_catching_up),
        CASE(test_catching_up_from_blocks),
        CASE(test_a_new_price_splits_the_day),
        CASE(test_a_new_price_in_a_gap),
        CASE(test_a_new_price_after_a_silent_day),
        CASE(test_another_plan),
        CASE(test_split_by_a_person),
        CASE(test_closing_an_account),
        CASE(test_a_meter_goes_to_another_account),
        CASE(test_exchange),
        CASE(test_reset_and_rollover),
        CASE(test_time_of_use),
        CASE(test_rates_that_do_not_fit),
        CASE(test_due),
        CASE(test_one_of_a_page_fails),
        CASE(test_no_project_stops_another),
        CASE(test_changes_between_pages),
        CASE(test_terms_between_pages),
        cmocka_unit_test(test_any_history_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
