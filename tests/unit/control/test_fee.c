/*
 * The fee-control loop through the real rooms: readings, billing, strategy, ledger, vend, notify.
 * One account of 1 yuan per kWh; levels at 30, 10 and 0 yuan; cut at 0 after a delivered notice of
 * level 2 and half an hour.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "billing/billing.h"
#include "control/control.h"
#include "control/fee.h"
#include "notify/notify.h"
#include "vend/vend.h"

#define NOON INT64_C(1'767'240'000) /* 2026-01-01 04:00 UTC, a Thursday */
#define ACCOUNT 7
#define METER 11

struct world {
    struct store *ledger, *readings_store;
    struct readings *readings;
    wall_s now;
    int64_t seq, energy_wh, relay_open, balance_fen;
    uint64_t random;
};

struct number {
    const char *sql;
    int64_t value;
};

static enum err exec(struct store_tx *tx, void *sql)
{
    return store_exec(tx, sql, "");
}

static void sql(struct world *w, const char *text)
{
    assert_ok(store_run(w->ledger, exec, (void *)(uintptr_t)text));
}

static enum err get_number(struct store_tx *tx, void *arg)
{
    struct number *n = arg;
    return store_int(tx, &n->value, n->sql, "");
}

static int64_t number(struct world *w, const char *text)
{
    struct number n = {text, 0};
    assert_ok(store_read(w->ledger, get_number, &n));
    return n.value;
}

static void fill(struct world *w)
{
    sql(w, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql(w, "INSERT INTO project (id, organisation_id, code, name, zone) "
           "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql(w, "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'room', 'A', 'A')");
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    sql(w, "INSERT INTO price_plan (id, project_id, code, version, effective_at, body) "
           "VALUES (1, 1, 'flat', 1, 1, '{\"kind\":\"flat\",\"price\":\"1.00\"}')");
    sql(w, "INSERT INTO strategy (id, project_id, code, version, effective_at, body) "
           "VALUES (1, 1, 's', 1, 1, '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}')");
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) "
           "VALUES (7, 1, 1, 'a7', 'a7', 'platform', 'flat', 's', 5, 1)");
    sql(w,
        "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, kind) "
        "VALUES (11, 1, 7, 1, 1, '000000000011', 'yufu-shop3', 'electricity')");
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now.s = NOON;
    assert_ok(
        store_open(&w->ledger, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    assert_ok(store_open(&w->readings_store,
                         &(struct store_config){.kind = STORE_READINGS, .path = ":memory:"}));
    assert_ok(readings_new(&w->readings));
    fill(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    readings_free(w->readings);
    store_close(w->readings_store);
    store_close(w->ledger);
    free(w);
    return 0;
}

/* --- acts
 * ------------------------------------------------------------------------------------------ */

static enum err ingest(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct readings_moved moved;
    struct uplink_reading r = {.meter_id = METER,
                               .epoch = 1,
                               .at = w->now,
                               .points = {{POINT_ENERGY_WH, w->energy_wh},
                                          {POINT_ENERGY_RATE1_WH, 0},
                                          {POINT_ENERGY_RATE2_WH, 0},
                                          {POINT_ENERGY_RATE3_WH, w->energy_wh},
                                          {POINT_ENERGY_RATE4_WH, 0},
                                          {POINT_RELAY_OPEN, w->relay_open},
                                          {POINT_KEEP_POWER, 0},
                                          {POINT_BALANCE_FEN, w->balance_fen},
                                          {POINT_PURCHASE_COUNT, 0},
                                          {POINT_PURCHASED_FEN, 0}},
                               .point_count = 10};
    struct uplink_readings batch = {.seq_epoch = 1, .seq = ++w->seq, .readings = &r, .count = 1};
    uint8_t body[4096];
    struct writer out = writer_of(body, sizeof body);
    uplink_message_encode(
        &(struct uplink_message){
            .kind = UPLINK_READINGS, .epoch = 1, .seq = w->seq, .readings = batch},
        &out);
    return readings_ingest(w->readings, tx,
                           &(struct readings_batch){3, 1, w->seq, w->now, {body, out.len}, &batch},
                           &moved);
}

static enum err check(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_fee_check(
        tx, &(struct control_fee){w->readings, ACCOUNT, w->now, ++w->random * 12'345});
}

static enum err follow(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct readings_moved moved = {.count = 1};
    moved.meter[0].meter_id = METER;
    moved.meter[0].change = READINGS_ENERGY;
    TRY(billing_moved(tx, w->readings, &moved, w->now));
    TRY(control_reading(tx, &(struct control_report){.meter_id = METER,
                                                     .relay_open = w->relay_open,
                                                     .keep_power = 0,
                                                     .open_reason = 1,
                                                     .energy_wh = w->energy_wh,
                                                     .at = w->now,
                                                     .now = w->now,
                                                     .random = ++w->random * 999}));
    return check(tx, w);
}

/* Time passes, the meter is read, the loop runs. */
static void reading(struct world *w, int64_t after_s, int64_t used_wh)
{
    w->now.s += after_s;
    w->energy_wh += used_wh;
    assert_ok(store_run(w->readings_store, ingest, w));
    assert_ok(store_run(w->ledger, follow, w));
}

struct sale {
    struct world *w;
    const char *order;
    int64_t amount_fen;
};

static enum err sell(struct store_tx *tx, void *arg)
{
    struct sale *s = arg;
    struct vend_status out;
    return vend_sell(tx,
                     &(struct vend_sale){.account_id = ACCOUNT,
                                         .order_id = s->order,
                                         .amount_fen = s->amount_fen,
                                         .method = "cash",
                                         .actor = "user:1",
                                         .now = s->w->now,
                                         .random = ++s->w->random * 54'321,
                                         .readings = s->w->readings},
                     &out);
}

static void pay(struct world *w, const char *order, int64_t amount_fen)
{
    struct sale s = {w, order, amount_fen};
    assert_ok(store_run(w->ledger, sell, &s));
}

static enum err delivered(void *arg, struct store_tx *tx, const struct notify_message *m, wall_s at)
{
    (void)arg;
    return control_fee_notice(tx,
                              &(struct control_notice){m->account_id, m->level, m->episode, at,
                                                       notify_template_name(m->template),
                                                       m->subject, m->channel});
}

static enum err notify(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct notify n = {.channels = {&notify_console}, .delivered = delivered, .arg = w};
    struct notify_done done;
    TRY(notify_run(&n, tx, w->now, 10, &done));
    return done.refused ? ERR_BUG : ERR_OK;
}

static void deliver(struct world *w)
{
    assert_ok(store_run(w->ledger, notify, w));
}

static enum err answer_relay(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t version;
    TRY(store_int(tx, &version, "SELECT version FROM relay WHERE meter_id = 11", ""));
    struct uplink_outcome o = {.kind = UPLINK_RELAY,
                               .meter_id = METER,
                               .epoch = 1,
                               .status = UPLINK_DONE,
                               .at = w->now,
                               .version = version,
                               .relay_open = w->relay_open,
                               .keep_power = -1};
    return control_outcome(tx, &o, w->now, ++w->random * 777);
}

static void relay_does(struct world *w, bool open)
{
    w->relay_open = open;
    assert_ok(store_run(w->ledger, answer_relay, w));
}

static int64_t level(struct world *w)
{
    return number(w, "SELECT level FROM fee_state WHERE account_id = 7");
}

static bool wished(struct world *w, const char *desired)
{
    static char texts[3][96]; /* one text a word: statements are known by their address */
    char *text = texts[desired[0] == 'o' ? 0 : desired[0] == 'c' ? 1 : 2];
    snprintf(text, sizeof texts[0], "SELECT count(*) FROM relay WHERE desired = '%s'", desired);
    return number(w, text) == 1;
}

static bool decided(struct world *w, const char *part)
{
    static char texts[32][128];
    static size_t used;
    size_t i = 0;
    while (i < used && !strstr(texts[i], part))
        i++;
    if (i == used)
        used++;
    assert_true(used <= 32);
    snprintf(texts[i], sizeof texts[0],
             "SELECT count(*) FROM fee_state WHERE decision LIKE '%%\"%s\"%%'", part);
    return number(w, texts[i]) == 1;
}

/* --- the story
 * ----------------------------------------------------------------------------------------- */

/* In arrears, warned at each level, half an hour has passed: the cut is ordered. */
static void run_out(struct world *w)
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

static enum err due(struct store_tx *tx, void *arg)
{
    struct number *n = arg;
    int64_t ids[4];
    size_t count;
    TRY(control_fee_due(tx, (wall_s){n->value}, ids, 4, &count));
    n->value = (int64_t)count;
    return ERR_OK;
}

static int64_t due_at(struct world *w, int64_t at)
{
    struct number n = {NULL, at};
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

/* In arrears and told so, then a payment up to level 1: the next fall is told again, level by level,
 * and the old notices do not cut. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_warned_then_cut),
        CASE(test_cut_that_lapsed_is_decided_again),
        CASE(test_payment_between_decision_and_cut_cancels_it),
        CASE(test_payment_that_is_too_small_cancels_too),
        CASE(test_restore_after_payment),
        CASE(test_no_contract_no_cut),
        CASE(test_keep_power_no_cut),
        CASE(test_without_a_delivered_notice_no_cut),
        CASE(test_stale_reading_no_cut),
        CASE(test_wallet_in_the_meter_is_watched_only),
        CASE(test_grace_is_due_by_itself_and_once),
        CASE(test_unchanged_facts_write_nothing),
        CASE(test_notice_of_an_old_episode_does_not_count),
        CASE(test_unknown_plan_spoils_nothing),
        CASE(test_a_second_fall_is_told_again),
        CASE(test_closed_account_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
