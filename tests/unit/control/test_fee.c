/*
 * The fee-control loop through the real rooms: readings, billing, strategy, ledger, vend, notify.
 * One account of 1 yuan per kWh; levels at 30, 10 and 0 yuan; cut at 0 after a delivered notice of
 * level 2 and half an hour.
 */
#include "tests/unit/control/fee_world.h"

#include "ledger/ledger.h"

/* --- the story
 * ----------------------------------------------------------------------------------------- */

/* In arrears, warned at each level, half an hour has passed: the cut is ordered. */
static void run_low(struct world *w)
{
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    assert_int_equal(level(w), 0);
    reading(w, 3600, 15'000);
    assert_int_equal(level(w), 1);
    deliver(w);
    reading(w, 3600, 17'000);
    assert_int_equal(level(w), 2);
    deliver(w);
    reading(w, 3600, 9'000);
    assert_int_equal(level(w), 3);
    deliver(w);
    assert_false(wished(w, "open"));
}

static void run_out(struct world *w)
{
    run_low(w);
    reading(w, 1900, 100);
}

static void test_warned_then_cut(void **state)
{
    struct world *w = *state;
    run_out(w);
    assert_true(wished(w, "open"));
    assert_true(decided(w, "ARREARS"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.low'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.close'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.arrears'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'about_to_cut'"), 1);
    deliver(w);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'cut'"), 1);
    /* More readings while it is pending change nothing. */
    reading(w, 10, 0);
    reading(w, 10, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay'"), 1);
    assert_int_equal(number(w, "SELECT version FROM relay"), 1);
}

static void test_cut_that_lapsed_is_decided_again(void **state)
{
    struct world *w = *state;
    run_out(w);
    reading(w, 70, 0); /* the deadline has passed and the relay is still closed */
    assert_int_equal(number(w, "SELECT version FROM relay"), 2);
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay'"), 2);
}

static enum err tick(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t worked;
    return control_tick(
        tx, &(struct control_scan){.now = w->now, .limit = 64, .random = ++w->random * 555},
        &worked);
}

static enum err check_due(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t ids[4];
    size_t count;
    TRY(control_fee_due(tx, w->now, ids, 4, &count));
    return count > 0 ? check(tx, w) : ERR_OK;
}

/* It lapsed, the money came, and only then the gateway tells that it was carried out in time. The
 * account has enough by then and is left alone by readings: it must not sit in the dark. */
static void late_word(struct world *w, bool by_reading)
{
    sql(w, "UPDATE strategy SET body = '{\"rating\":{\"n_days\":3},\"cut\":{\"from\":\"00:00\","
           "\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    run_out(w);
    assert_true(wished(w, "open"));
    w->now.s += 70;
    assert_ok(store_run(w->ledger, tick, w));
    assert_true(wished(w, "none"));
    w->leave_alone = true;
    pay(w, "order-0002", 50'000);
    reading(w, 10, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM fee_watch WHERE state = 'quiet'"), 1);
    assert_int_equal(level(w), 0);
    w->relay_open = 7;
    if (by_reading)
        reading(w, 10, 0);
    else
        relay_does(w, true);
    w->now.s += 1;
    assert_ok(store_run(w->ledger, check_due, w));
    assert_true(wished(w, "closed"));
}

static void test_late_word_of_a_cut_after_the_payment(void **state)
{
    late_word(*state, false);
}

static void test_late_sight_of_a_cut_after_the_payment(void **state)
{
    late_word(*state, true);
}

static void test_payment_between_decision_and_cut_cancels_it(void **state)
{
    struct world *w = *state;
    run_out(w);
    assert_true(wished(w, "open"));
    w->now.s += 5;
    pay(w, "order-0002", 5000);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT version FROM relay"), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay' "
                               "AND state = 'fencing'"),
                     1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'relay.cancelled'"), 1);
    assert_int_equal(level(w), 0); /* in the same transaction */
    assert_int_equal(number(w, "SELECT episode FROM fee_state"), 1);
}

static void test_payment_that_is_too_small_cancels_too(void **state)
{
    struct world *w = *state;
    run_out(w);
    w->now.s += 5;
    pay(w, "order-0002", 50);
    assert_true(number(w, "SELECT version FROM relay") >= 2);
    /* Still in arrears and warned: it is decided afresh, with a new deadline. */
    assert_int_equal(level(w), 3);
}

/* The charge that runs is of a meter before this one, and that part is not settled yet. */
static void lose_the_price(struct world *w)
{
    sql(w, "UPDATE charge_open SET epoch = epoch - 1");
}

static void test_paid_up_though_what_was_used_cannot_be_priced(void **state)
{
    struct world *w = *state;
    run_out(w); /* 1.10 yuan below zero */
    relay_does(w, true);
    reading(w, 60, 0);
    lose_the_price(w);
    reading(w, 60, 0);
    assert_true(decided(w, "BALANCE_UNKNOWN"));
    assert_true(wished(w, "open")); /* nobody has paid: what was owed is not forgotten */
    pay(w, "order-0002", 110);
    assert_true(decided(w, "BALANCE_UNKNOWN"));
    assert_true(wished(w, "open"));
    pay(w, "order-0003", 1);
    assert_true(decided(w, "PAID_UP"));
    assert_true(wished(w, "closed"));
    relay_does(w, false);
    reading(w, 60, 0);
    assert_true(decided(w, "BALANCE_UNKNOWN")); /* and is not cut again on what is not known */
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT known_seq FROM fee_state"), 0);
}

static void test_restore_after_payment(void **state)
{
    struct world *w = *state;
    run_out(w);
    relay_does(w, true);
    reading(w, 60, 0);
    assert_true(decided(w, "STILL_BELOW"));
    pay(w, "order-0002", 100);
    assert_true(wished(w, "open")); /* one yuan does not reach above zero */
    pay(w, "order-0003", 100);
    assert_true(wished(w, "closed"));
    assert_true(decided(w, "PAID_UP"));
    relay_does(w, false);
    deliver(w);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'restored'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'relay.restore'"), 1);
    reading(w, 60, 0);
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay'"), 2);
}

/* --- who is not cut
 * ---------------------------------------------------------------------------------------- */

static void test_no_contract_no_cut(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET contract_at = NULL WHERE id = 7");
    run_out(w);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 0);
    assert_true(decided(w, "NO_CONTRACT"));
}

static enum err keep(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_keep(
        tx, &(struct control_keep){METER, true, "hospital", "user:1", w->now, ++w->random * 31});
}

static void test_keep_power_no_cut(void **state)
{
    struct world *w = *state;
    assert_ok(store_run(w->ledger, keep, w));
    run_out(w);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 0);
    assert_true(decided(w, "KEEP_POWER"));
}

static void test_without_a_delivered_notice_no_cut(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    reading(w, 3600, 41'000);
    assert_int_equal(level(w), 3);
    reading(w, 7200, 10);
    assert_false(wished(w, "open"));
    assert_true(decided(w, "NOTICE_MISSING"));
    assert_int_equal(number(w, "SELECT count(*) FROM outbox WHERE topic = 'message' "
                               "AND body LIKE '%arrears%'"),
                     1); /* written once */
    deliver(w);
    reading(w, 1799, 0); /* the grace runs from the notice */
    assert_false(wished(w, "open"));
    reading(w, 1, 0);
    assert_true(wished(w, "open"));
}

static void test_stale_reading_no_cut(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    reading(w, 3600, 41'000);
    deliver(w);
    w->now.s += 90'000; /* a day without readings */
    assert_ok(store_run(w->ledger, check, w));
    assert_false(wished(w, "open"));
    assert_true(decided(w, "READING_STALE"));
}

/* One yuan in arrears, of which a price that was applied to the past made two. */
static void test_true_up_cuts_nobody_by_itself(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO rerate (id, project_id, plan_code, version, effective_at, begun_at) "
           "SELECT 1, project_id, plan_code, 2, 1, 1 FROM account WHERE id = 7");
    sql(w, "INSERT INTO true_up VALUES (7, 1, 1767240000, 20454, 200, 1767844800, '{}')");
    run_out(w);
    assert_int_equal(level(w), 3);
    assert_false(wished(w, "open"));
    assert_true(decided(w, "TRUE_UP"));
    w->now.s = 1'767'844'800 + 7 * 3600; /* a week later, in the hours of cuts */
    reading(w, 60, 0);
    reading(w, 60, 0);
    assert_false(decided(w, "TRUE_UP"));
}

/* The running period begins in a gap of days: what it costs is shared out, and cuts nobody. */
static void test_estimate_cuts_nobody(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    sql(w, "UPDATE charge_open SET estimated = 2");
    reading(w, 3600, 41'000);
    deliver(w);
    reading(w, 1900, 100);
    assert_false(wished(w, "open"));
    assert_true(decided(w, "READING_ESTIMATED"));
    sql(w, "UPDATE charge_open SET estimated = 1"); /* of hours */
    reading(w, 60, 0);
    assert_false(decided(w, "READING_ESTIMATED"));
}

static void test_wallet_in_the_meter_is_watched_only(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE account SET wallet = 'meter' WHERE id = 7");
    w->balance_fen = 5000;
    reading(w, 60, 0);
    w->balance_fen = 800;
    reading(w, 60, 10);
    assert_int_equal(level(w), 2);
    deliver(w);
    w->balance_fen = -50;
    reading(w, 60, 10);
    deliver(w);
    reading(w, 7200, 0);
    assert_int_equal(level(w), 3);
    assert_false(wished(w, "open"));
    assert_true(decided(w, "METER_DECIDES"));
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'arrears'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay'"), 0);
}

/* --- quiet
 * ------------------------------------------------------------------------------------------------
 */

struct due {
    const char *sql;
    int64_t value;
};

static enum err due(struct store_tx *tx, void *arg)
{
    struct due *n = arg;
    int64_t ids[4];
    size_t count;
    TRY(control_fee_due(tx, (wall_s){n->value}, ids, 4, &count));
    n->value = (int64_t)count;
    return ERR_OK;
}

static int64_t due_at(struct world *w, int64_t at)
{
    struct due n = {NULL, at};
    assert_ok(store_read(w->ledger, due, &n));
    return n.value;
}

static void test_grace_is_due_by_itself_and_once(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    reading(w, 3600, 32'000);
    deliver(w);
    reading(w, 3600, 9'000);
    deliver(w);
    assert_ok(store_run(w->ledger, check, w));
    assert_int_equal(due_at(w, w->now.s), 0);
    w->now.s += 1800;
    assert_int_equal(due_at(w, w->now.s), 1);
    assert_ok(store_run(w->ledger, check, w));
    assert_true(wished(w, "open"));
    assert_int_equal(due_at(w, w->now.s), 0);
}

static void test_unchanged_facts_write_nothing(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    int64_t decided_at = number(w, "SELECT decided_at FROM fee_state");
    int64_t audits = number(w, "SELECT count(*) FROM audit");
    for (int i = 0; i < 5; i++)
        reading(w, 60, 10);
    assert_int_equal(number(w, "SELECT decided_at FROM fee_state"), decided_at);
    assert_int_equal(number(w, "SELECT count(*) FROM audit"), audits);
    reading(w, 600, 10); /* but now and then what the console shows is refreshed */
    assert_true(number(w, "SELECT decided_at FROM fee_state") > decided_at);
}

static void test_notice_of_an_old_episode_does_not_count(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    reading(w, 3600, 32'000); /* level 2: a note is written, not yet delivered */
    pay(w, "order-0002", 5000);
    assert_int_equal(number(w, "SELECT episode FROM fee_state"), 1);
    deliver(w);
    assert_int_equal(number(w, "SELECT warned_level FROM fee_state"), 0);
    assert_int_equal(number(w, "SELECT notices FROM fee_state"), 0);
}

static void test_unknown_plan_spoils_nothing(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    sql(w, "UPDATE account SET strategy_code = 'nowhere' WHERE id = 7");
    int64_t before = number(w, "SELECT count(*) FROM event WHERE kind = 'fee.protected'");
    pay(w, "order-0002", 4000); /* money is taken all the same */
    w->now.s += 60;
    assert_ok(store_run(w->ledger, check, w));
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.protected'"),
                     before + 1); /* said once */
    assert_int_equal(number(w, "SELECT count(*) FROM sale_order WHERE state = 'BOOKED'"), 2);
}

/* In arrears and told so, then a payment up to level 1: the next fall is told again, level by
 * level, and the old notices do not cut. */
static void test_a_second_fall_is_told_again(void **state)
{
    struct world *w = *state;
    reading(w, 60, 0);
    deliver(w);
    assert_int_equal(level(w), 3);
    assert_int_equal(number(w, "SELECT warned_level FROM fee_state"), 3);
    pay(w, "order-0001", 2000);
    assert_int_equal(level(w), 1);
    assert_int_equal(number(w, "SELECT episode FROM fee_state"), 1);
    assert_int_equal(number(w, "SELECT warned_level FROM fee_state"), 1);
    assert_int_equal(number(w, "SELECT notices FROM fee_state"), 0);
    reading(w, 3600, 12'000);
    assert_int_equal(level(w), 2);
    reading(w, 3600, 12'000);
    assert_int_equal(level(w), 3);
    reading(w, 4000, 0);
    assert_false(wished(w, "open")); /* written, but not delivered */
    deliver(w);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'arrears'"), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'about_to_cut'"), 1);
}

static void test_closed_account_is_left_alone(void **state)
{
    struct world *w = *state;
    reading(w, 60, 0);
    sql(w, "UPDATE account SET closed_at = 5 WHERE id = 7");
    int64_t before = number(w, "SELECT count(*) FROM event");
    assert_ok(store_run(w->ledger, check, w));
    assert_int_equal(number(w, "SELECT count(*) FROM event"), before);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

/* --- the largest balance that is sold up to
 * --------------------------------------------------------
 */

struct charge {
    struct world *w;
    const char *kind;
    enum ledger_book from;
    int64_t amount_fen;
};

static enum err bill(struct store_tx *tx, void *arg)
{
    const struct charge *c = arg;
    struct ledger_entry e = {.account_id = ACCOUNT,
                             .key = c->kind,
                             .kind = c->kind,
                             .now = c->w->now,
                             .business_day = (int32_t)(c->w->now.s / 86'400),
                             .actor = "user:1"};
    e.postings[0] = (struct ledger_posting){c->from, -c->amount_fen};
    e.postings[1] = (struct ledger_posting){LEDGER_OTHER, c->amount_fen};
    return ledger_post(tx, &e, NULL);
}

/* What was used before the cut is settled while nothing can be priced: it is in what was known. */
static void test_what_was_used_before_a_cut_counts_once(void **state)
{
    struct world *w = *state;
    struct charge used = {w, "settlement", LEDGER_PREPAYMENT, 4110};
    run_out(w);
    relay_does(w, true);
    reading(w, 60, 0);
    lose_the_price(w);
    assert_ok(store_run(w->ledger, bill, &used));
    pay(w, "order-0002", 300);
    assert_true(wished(w, "closed")); /* 3.00 against 1.10 */
    assert_true(decided(w, "PAID_UP"));
    assert_int_equal(number(w, "SELECT decision ->> 'at_least_fen' FROM fee_state"), 190);
}

/* Money that goes out again does not bring it back. */
static void test_a_refund_is_taken_off_what_came(void **state)
{
    struct world *w = *state;
    struct charge refund = {w, "refund", LEDGER_PREPAYMENT, 200};
    run_out(w);
    relay_does(w, true);
    reading(w, 60, 0);
    lose_the_price(w);
    assert_ok(store_run(w->ledger, bill, &refund));
    pay(w, "order-0002", 310);
    assert_true(wished(w, "open"));
    pay(w, "order-0003", 1);
    assert_true(wished(w, "closed"));
}

/* Rent is owed beside the prepayment: neither told as low balance, nor a reason for a cut. */
static void test_rent_is_no_part_of_the_balance(void **state)
{
    struct world *w = *state;
    struct charge rent = {w, "due.bill", LEDGER_OTHER_DUE, 900'000};
    pay(w, "order-0001", 5000);
    reading(w, 60, 0);
    assert_ok(store_run(w->ledger, bill, &rent));
    reading(w, 3600, 10);
    assert_int_equal(level(w), 0);
    /* The project turns the guard off, and every decision says so. */
    sql(w, "UPDATE strategy SET body = '{\"allow_cut_for_other_services\":true,\"cut\":{\"from\":"
           "\"00:00\",\"to\":\"24:00\",\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    reading(w, 60, 0);
    assert_int_equal(level(w), 3);
    assert_int_equal(number(w, "SELECT decision ->> 'other_due_fen' FROM fee_state"), 900'000);
    deliver(w);
    reading(w, 1900, 0);
    assert_true(wished(w, "open"));
    relay_does(w, true);
    /* On again: supply was paid all the time, and comes back. */
    sql(w, "UPDATE strategy SET body = '{}'");
    reading(w, 60, 0);
    assert_true(wished(w, "closed"));
    assert_int_equal(level(w), 0);
}

/* Taken out of the prepayment all the same: told, but never a reason for a cut. */
static void test_rent_that_was_taken_from_the_prepayment_cuts_nobody(void **state)
{
    struct world *w = *state;
    struct charge fee = {w, "service.property", LEDGER_PREPAYMENT, 900'000};
    pay(w, "order-0001", 5000);
    reading(w, 60, 0);
    assert_ok(store_run(w->ledger, bill, &fee));
    reading(w, 3600, 10);
    assert_int_equal(level(w), 3);
    deliver(w);
    reading(w, 7200, 0);
    assert_false(wished(w, "open"));
    assert_true(decided(w, "OTHER_SERVICES"));
    /* Supply itself runs into arrears: 50 yuan were paid for it. */
    reading(w, 3600, 49'980);
    assert_false(wished(w, "open"));
    reading(w, 60, 10);
    deliver(w);
    reading(w, 1900, 0);
    assert_true(wished(w, "open"));
}

static void test_no_sale_beyond_the_largest_balance(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"hoard_max\":\"100.00\"}'");
    assert_int_equal(try_pay(w, "order-0001", 10'001), ERR_VEND_HOARD);
    assert_int_equal(number(w, "SELECT count(*) FROM sale_order"), 0);
    assert_int_equal(number(w, "SELECT count(*) FROM ledger_txn"), 0);
    assert_ok(try_pay(w, "order-0001", 10'000)); /* exactly */
    assert_ok(try_pay(w, "order-0001", 10'000)); /* a repeat is no second sale */
    reading(w, 60, 0);
    assert_int_equal(try_pay(w, "order-0002", 1), ERR_VEND_HOARD);
    reading(w, 3600, 30'000); /* 30 yuan used, not settled yet */
    assert_int_equal(try_pay(w, "order-0002", 3001), ERR_VEND_HOARD);
    assert_ok(try_pay(w, "order-0002", 3000));
    /* a strategy that is not there limits nothing, and stops no sale */
    sql(w, "UPDATE account SET strategy_code = 'none'");
    assert_ok(try_pay(w, "order-0003", 100'000));
}

static void test_largest_balance_of_a_wallet_in_the_meter(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"hoard_max\":\"100.00\"}'");
    sql(w, "UPDATE account SET wallet = 'meter' WHERE id = 7");
    w->balance_fen = 4000;
    reading(w, 60, 0);
    assert_int_equal(try_pay(w, "order-0001", 6001), ERR_VEND_HOARD);
    assert_ok(try_pay(w, "order-0001", 5000));
    /* it is on its way, and counts */
    assert_int_equal(try_pay(w, "order-0002", 1001), ERR_VEND_HOARD);
    assert_ok(try_pay(w, "order-0002", 1000));
}

/* Two of three circuits go off first, at the meter that can: its neighbour has no cut order. */
static void test_limit_before_the_cut(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"limit_s\":3600,"
           "\"limit_circuits\":[2,3]}}'");
    sql(w, "UPDATE meter SET model = 'yufu-dorm3', circuits = 3");
    sql(w, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
           "kind, circuits) VALUES (12, 1, 7, 1, 1, '12', 'yufu-dorm3-modbus', 'electricity', 3)");
    w->neighbour = true;
    run_out(w);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.limited'"), 1);
    assert_int_equal(number(w,
                            "SELECT count(*) FROM relay WHERE desired = 'open' AND meter_id = 11 "
                            "AND circuit IN (2, 3)"),
                     2);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 2);
}

/* The stage before the cut: circuits 2 and 3 of the only meter are wished off. */
static void limiting(struct world *w)
{
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"limit_s\":3600,"
           "\"limit_circuits\":[2,3]}}'");
    sql(w, "UPDATE meter SET model = 'yufu-dorm3', circuits = 3");
}

static void limited(struct world *w)
{
    limiting(w);
    run_out(w);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 2);
}

static void paid_and_on_again(struct world *w)
{
    pay(w, "order-0002", 50'000);
    reading(w, 10, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 0);
    assert_int_equal(
        number(w, "SELECT count(*) FROM relay WHERE desired = 'closed' AND circuit = 2"), 1);
}

/* One circuit went off and the other did not in time: that one comes back all the same. */
static void test_half_a_limit_is_lifted(void **state)
{
    struct world *w = *state;
    limited(w);
    sql(w, "UPDATE relay SET state = 'open', next_at = NULL WHERE circuit = 2");
    w->relay_open = 2;
    w->now.s += 70;
    assert_ok(store_run(w->ledger, tick, w));
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 1);
    paid_and_on_again(w);
}

/* Somebody works at circuit 2: it is not taken over by the stage before the cut, counts there as
 * off, and no payment closes it. */
static void test_a_limit_leaves_a_person_their_circuit(void **state)
{
    struct world *w = *state;
    limiting(w);
    run_low(w);
    sql(w, "INSERT INTO relay (meter_id, circuit, version, desired, reason, actor, detail, "
           "changed_at, state, state_at) "
           "VALUES (11, 2, 1, 'open', 'manual', 'user:1', '{}', 1, 'open', 1)");
    w->relay_open = 2;
    reading(w, 1900, 100);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE circuit = 2 AND version = 1"), 1);
    assert_true(number(w, "SELECT limited_at FROM fee_state WHERE account_id = 7") > 0);
    sql(w, "UPDATE relay SET state = 'open', next_at = NULL WHERE circuit = 3");
    w->relay_open = 6;
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.limited'"), 1);
    pay(w, "order-0002", 50'000);
    reading(w, 10, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'closed'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE circuit = 2 AND version = 1"), 1);
}

/* What the strategy of before switched off comes back under one without a limit. */
static void test_a_limit_outlives_no_strategy(void **state)
{
    struct world *w = *state;
    limited(w);
    sql(w, "UPDATE relay SET state = 'open', next_at = NULL WHERE circuit > 0");
    w->relay_open = 6;
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (2, 1, 's', 2, 2, '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"automatic\":false}}')");
    reading(w, 60, 0);
    paid_and_on_again(w);
}

/* Of two meters that were cut for arrears a person cuts one anew: the payment restores the other.
 */
static void test_a_person_at_one_meter_keeps_not_the_other(void **state)
{
    struct world *w = *state;
    sql(w,
        "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, kind) "
        "VALUES (12, 1, 7, 1, 1, '12', 'yufu-shop3', 'electricity')");
    w->neighbour = true;
    run_out(w);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 2);
    sql(w, "UPDATE relay SET state = 'open', next_at = NULL");
    sql(w, "UPDATE relay SET reason = 'manual' WHERE meter_id = 12");
    w->relay_open = 7;
    pay(w, "order-0002", 50'000);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'closed' "
                               "AND meter_id = 11 AND circuit = 0"),
                     1);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open' "
                               "AND meter_id = 12 AND circuit = 0"),
                     1);
}

static enum err check_both(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    for (int64_t id = ACCOUNT; id <= ACCOUNT + 1; id++)
        TRY(control_fee_reading(
            tx, &(struct control_fee){w->readings, id, w->now, ++w->random * 12'345}));
    return ERR_OK;
}

/* What nobody foresaw about one account is undone, said once and tried again: its neighbour in the
 * same transaction is decided, and a sale goes through. */
static void test_a_decision_that_fails_fails_alone(void **state)
{
    struct world *w = *state;
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) VALUES (8, 1, 1, 'a8', 'a8', 'platform', "
           "'flat', 's', 5, 1)");
    sql(w, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
           "kind) VALUES (12, 1, 8, 1, 1, '12', 'yufu-shop3', 'electricity')");
    w->neighbour = true;
    sql(w, "CREATE TRIGGER bad BEFORE INSERT ON event WHEN NEW.account_id = 7 "
           "AND NEW.kind = 'fee.arrears' BEGIN SELECT RAISE(ABORT, 'no'); END");
    reading(w, 60, 0);
    assert_ok(store_run(w->ledger, check_both, w));
    assert_int_equal(level(w), 0); /* undone whole */
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.failed' "
                               "AND account_id = 7"),
                     1);
    assert_int_equal(number(w, "SELECT level FROM fee_state WHERE account_id = 8"), 3);
    assert_int_equal(number(w, "SELECT due_at FROM fee_state WHERE account_id = 7"),
                     w->now.s + 180);
    reading(w, 60, 0);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.failed'"), 1);
    pay(w, "order-0001", 1);
    sql(w, "DROP TRIGGER bad");
    reading(w, 60, 0);
    assert_int_equal(level(w), 2); /* a fen */
    assert_int_equal(number(w, "SELECT count(*) FROM fee_state WHERE said LIKE 'failed%'"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_warned_then_cut),
        CASE(test_limit_before_the_cut),
        CASE(test_half_a_limit_is_lifted),
        CASE(test_a_limit_leaves_a_person_their_circuit),
        CASE(test_a_limit_outlives_no_strategy),
        CASE(test_a_person_at_one_meter_keeps_not_the_other),
        CASE(test_cut_that_lapsed_is_decided_again),
        CASE(test_late_word_of_a_cut_after_the_payment),
        CASE(test_late_sight_of_a_cut_after_the_payment),
        CASE(test_payment_between_decision_and_cut_cancels_it),
        CASE(test_payment_that_is_too_small_cancels_too),
        CASE(test_restore_after_payment),
        CASE(test_paid_up_though_what_was_used_cannot_be_priced),
        CASE(test_no_contract_no_cut),
        CASE(test_keep_power_no_cut),
        CASE(test_without_a_delivered_notice_no_cut),
        CASE(test_stale_reading_no_cut),
        CASE(test_true_up_cuts_nobody_by_itself),
        CASE(test_estimate_cuts_nobody),
        CASE(test_wallet_in_the_meter_is_watched_only),
        CASE(test_grace_is_due_by_itself_and_once),
        CASE(test_unchanged_facts_write_nothing),
        CASE(test_notice_of_an_old_episode_does_not_count),
        CASE(test_a_decision_that_fails_fails_alone),
        CASE(test_unknown_plan_spoils_nothing),
        CASE(test_a_second_fall_is_told_again),
        CASE(test_closed_account_is_left_alone),
        CASE(test_what_was_used_before_a_cut_counts_once),
        CASE(test_a_refund_is_taken_off_what_came),
        CASE(test_rent_is_no_part_of_the_balance),
        CASE(test_rent_that_was_taken_from_the_prepayment_cuts_nobody),
        CASE(test_no_sale_beyond_the_largest_balance),
        CASE(test_largest_balance_of_a_wallet_in_the_meter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
