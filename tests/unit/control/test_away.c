/*
 * Standing permissions on the platform: who gets one, what is in it, what ends it, and what becomes
 * of a cut that the gateway made. The world of the fee-control tests: 1 yuan a kWh, cut at 0.
 */
#include "tests/unit/control/fee_world.h"

#include "control/approval.h"
#include "control/away.h"
#include "control/protect.h"

#define ROUNDING_WH 1'920 /* 192 lines of a bill may each round down by a fen */

static _Alignas(16) uint8_t arena[UPLINK_ARENA];

struct held {
    struct uplink_permit permit;
    bool ended;
};

static enum err read_permit(struct store_tx *tx, void *arg)
{
    struct held *h = arg;
    struct uplink_message m;
    struct query q = query_open(tx, "SELECT body FROM permit WHERE account_id = 7", "");
    enum err e = query_step(&q) ? ERR_OK : ERR_NOT_FOUND;
    h->ended = e == ERR_OK && query_null(&q, 0);
    if (e == ERR_OK && !h->ended) {
        struct bytes b = query_blob(&q, 0);
        e = uplink_message_decode(b.data, b.len, arena, &m);
        h->permit = m.permit;
    }
    TRY(query_end(&q));
    return e;
}

static struct uplink_permit held(struct world *w)
{
    struct held h = {0};
    assert_ok(store_read(w->ledger, read_permit, &h));
    assert_false(h.ended);
    return h.permit;
}

static bool ended(struct world *w)
{
    struct held h = {0};
    assert_ok(store_read(w->ledger, read_permit, &h));
    return h.ended;
}

static void test_what_is_given(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit p = held(w);
    assert_int_equal(p.account_id, ACCOUNT);
    assert_int_equal(p.left_wh, 8'000 + ROUNDING_WH + 1);
    assert_int_equal(p.grace_s, 1'800);
    assert_int_equal(p.at.s, w->now.s);
    assert_int_equal(p.valid_from.s, w->now.s - 60 + 1'800); /* of the notice that counted */
    assert_int_equal(p.valid_until.s, w->now.s + 24 * 3'600);
    assert_int_equal(p.window_count, 1);
    assert_true(p.windows[0].from.s <= p.valid_from.s);
    assert_true(p.windows[0].until.s >= p.valid_until.s);
    assert_int_equal(p.meter_count, 1);
    assert_int_equal(p.meters[0].meter_id, METER);
    assert_int_equal(p.meters[0].register_wh, 32'000);
    assert_int_equal(p.meters[0].ratio, 1);
    assert_int_equal(p.meters[0].version, 1);
    assert_true(p.meters[0].command_id > 0);
    assert_int_equal(number(w, "SELECT version FROM relay"), 1); /* reserved */
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.permit'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE action = 'away.permit'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
}

/* The same cut goes on by name and version; what changed is told, what did not is not. */
static void test_kept_new(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit first = held(w);
    const struct uplink_permit_meter meter = first.meters[0];
    int64_t change = number(w, "SELECT change FROM permit");
    reading(w, 600, 1'000);
    assert_int_equal(number(w, "SELECT change FROM permit"), change);
    reading(w, 3'000, 1'000); /* an hour later */
    struct uplink_permit p = held(w);
    assert_true(number(w, "SELECT change FROM permit") > change);
    assert_int_equal(p.left_wh, 6'000 + ROUNDING_WH + 1);
    assert_int_equal(p.meters[0].register_wh, 34'000);
    assert_int_equal(p.meters[0].command_id, meter.command_id);
    assert_int_equal(p.meters[0].version, meter.version);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.permit'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM away_meter"), 1);
}

static void test_hours_and_days_become_windows(void **state)
{
    struct world *w = *state;
    near_the_end(w); /* 14:02 on a Thursday, New Year's Day */
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"09:00\",\"to\":\"15:00\","
           "\"weekdays\":[1,2,3,4,5],\"holidays\":true,\"away_hours\":24}}'");
    reading(w, 3'600, 0);
    struct uplink_permit p = held(w);
    assert_int_equal(p.window_count, 1); /* tomorrow from nine to three, today's is over */
    int64_t midnight = NOON - 12 * 3'600;
    assert_int_equal(p.windows[0].from.s, midnight + 33 * 3'600);
    assert_int_equal(p.windows[0].until.s, midnight + 39 * 3'600);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"09:00\",\"to\":\"15:00\","
           "\"weekdays\":[1,2,3,4,5],\"away_hours\":24}}'");
    reading(w, 3'601, 0); /* the holidays of 2026 last until Saturday: no window, no permission */
    assert_true(ended(w));
}

/* --- who gets none -----------------------------------------------------------------------------
 */

static void assert_none(struct world *w)
{
    near_the_end(w);
    assert_int_equal(number(w, "SELECT count(*) FROM permit"), 0);
    assert_int_equal(number(w, "SELECT count(*) FROM away"), 0);
}

static void test_no_contract(void **state)
{
    sql(*state, "UPDATE account SET contract_at = NULL WHERE id = 7");
    assert_none(*state);
}

static void test_keep_power(void **state)
{
    sql(*state, "INSERT INTO relay (meter_id, circuit, keep_power, keep_version) "
                "VALUES (11, 0, 1, 1)");
    assert_none(*state);
}

static void test_payment_on_its_way(void **state)
{
    sql(*state, "INSERT INTO payment_flight (account_id, key, begun_at, until_at) "
                "VALUES (7, 'k', 1, 4000000000)");
    assert_none(*state);
}

static void test_protected(void **state)
{
    sql(*state, "INSERT INTO protection (id, project_id, scope, object_id, kind, from_at, reason, "
                "actor, entered_at) VALUES (1, 1, 'account', 7, 'medical', 1, 'r', 'a', 1)");
    assert_none(*state);
}

static void test_never_by_default(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true}}'");
    reading(w, 60, 0);
    assert_true(ended(w));
}

/* --- what ends it --------------------------------------------------------------------------------
 */

static void test_a_payment_ends_it(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    pay(w, "order-0002", 5'000);
    assert_true(ended(w));
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0); /* the gateway hears of it */
}

/* Nobody can tell it: the restore waits for it, of a version above that of the cut. */
static void test_a_payment_while_the_gateway_is_gone(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    sql(w, "UPDATE gateway SET last_seen = 1");
    w->now.s += 7'200;
    pay(w, "order-0002", 5'000);
    assert_true(ended(w));
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT version FROM relay"), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 1);
}

/* It holds what it was given: what begins later ends there too. */
static void test_a_payment_before_it_is_valid(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    sql(w, "UPDATE gateway SET last_seen = 1");
    w->now.s += 1'000;
    pay(w, "order-0002", 5'000);
    assert_true(ended(w));
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT version FROM relay"), 2);
}

static enum err tick(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    int64_t worked;
    return control_tick(
        tx, &(struct control_scan){.now = w->now, .limit = 64, .random = ++w->random * 555},
        &worked);
}

static void tick_after(struct world *w, int64_t after_s)
{
    w->now.s += after_s;
    assert_ok(store_run(w->ledger, tick, w));
}

/* The gateway was heard 200 s before the payment, and whether it hears of the end is not known. */
static void paid_in_doubt(struct world *w, int64_t amount_fen)
{
    near_the_end(w);
    reading(w, NOON + 9'800 - w->now.s, 0);
    sql(w, "UPDATE gateway SET last_seen = 1767249800");
    w->now.s = NOON + 10'000;
    pay(w, "order-0002", amount_fen);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
    tick_after(w, 299);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
}

/* It may have gone just before: once it has said nothing for five minutes a restore waits for it,
 * before it can have cut (ten minutes). */
static void test_a_payment_just_after_the_gateway_went(void **state)
{
    struct world *w = *state;
    paid_in_doubt(w, 5'000);
    tick_after(w, 1);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE reason = 'payment'"), 1);
    assert_int_equal(number(w, "SELECT version FROM relay"), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 1);
    tick_after(w, 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay'"), 1);
}

static void test_a_gateway_that_was_heard_since_knows(void **state)
{
    struct world *w = *state;
    paid_in_doubt(w, 5'000);
    sql(w, "UPDATE gateway SET last_seen = 1767250060");
    tick_after(w, 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
    sql(w, "UPDATE gateway SET last_seen = 1");
    tick_after(w, 3'600);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
}

/* What was on its way when it went says nothing of what it heard. */
static void test_a_word_that_crossed_the_end_counts_for_nothing(void **state)
{
    struct world *w = *state;
    paid_in_doubt(w, 5'000);
    sql(w, "UPDATE gateway SET last_seen = 1767250059");
    tick_after(w, 1);
    assert_true(wished(w, "closed"));
}

/* A small payment gave a new permission of a higher version; the old one is still held. */
static void test_a_small_payment_just_after_the_gateway_went(void **state)
{
    struct world *w = *state;
    paid_in_doubt(w, 100);
    assert_int_equal(held(w).meters[0].version, 2);
    tick_after(w, 1);
    assert_true(wished(w, "closed"));
    assert_true(number(w, "SELECT r.version > max(m.version) FROM relay r JOIN away_meter m "
                          "ON m.meter_id = r.meter_id"));
    assert_true(ended(w));
}

static enum err protect(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct control_protection p = {.scope = CONTROL_SCOPE_PROJECT,
                                   .object_id = 1,
                                   .kind = STRATEGY_PROTECTION_WEATHER,
                                   .from = {w->now.s + 3'600},
                                   .reason = "storm",
                                   .actor = "user:1",
                                   .now = w->now};
    return control_protect_add(tx, &p, 5);
}

static void test_a_protection_to_come_ends_it_and_bounds_the_next(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    int64_t from = w->now.s + 3'600;
    assert_ok(store_run(w->ledger, protect, w));
    assert_true(ended(w));
    reading(w, 60, 0);
    assert_int_equal(held(w).valid_until.s, from);
    assert_int_equal(held(w).meters[0].version, 2); /* another cut than that which was ended */
}

static enum err keep(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_keep(tx, &(struct control_keep){.meter_id = METER,
                                                   .on = true,
                                                   .reason = "r",
                                                   .actor = "user:1",
                                                   .now = w->now,
                                                   .random = 77});
}

static void test_keep_power_ends_it(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    assert_ok(store_run(w->ledger, keep, w));
    assert_true(ended(w));
}

static void test_another_tenant_ends_it(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) "
           "VALUES (8, 1, 1, 'a8', 'a8', 'platform', 'flat', 's', 5, 1)");
    int64_t change = number(w, "SELECT change FROM permit");
    sql(w, "UPDATE meter SET account_id = account_id WHERE id = 11");
    assert_false(ended(w));
    sql(w, "UPDATE meter SET account_id = 8 WHERE id = 11");
    assert_true(ended(w));
    assert_true(number(w, "SELECT change FROM permit") > change);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'ended'"), 1);
}

/* --- what became of it ---------------------------------------------------------------------------
 */

struct answer {
    struct world *w;
    struct uplink_outcome outcome;
    struct uplink_event event;
};

static enum err tell(struct store_tx *tx, void *arg)
{
    struct answer *a = arg;
    TRY(control_away_event(tx, &a->event, a->w->now));
    return control_outcome(tx, &a->outcome, a->w->now, ++a->w->random * 777);
}

/* The gateway was away for some hours, cut, and is back. */
static void gateway_cut(struct world *w, const struct uplink_permit_meter *m,
                        enum uplink_status status)
{
    struct answer a = {.w = w,
                       .outcome = {.command_id = m->command_id,
                                   .kind = UPLINK_RELAY,
                                   .meter_id = m->meter_id,
                                   .epoch = m->epoch,
                                   .status = status,
                                   .at = {w->now.s - 600},
                                   .version = m->version,
                                   .relay_open = status == UPLINK_DONE ? 7 : -1,
                                   .keep_power = -1},
                       .event = {.kind = UPLINK_AWAY_CUT,
                                 .at = {w->now.s - 610},
                                 .meter_id = m->meter_id,
                                 .value = m->register_wh + 10'000,
                                 .command_id = m->command_id}};
    w->relay_open = 7;
    assert_ok(store_run(w->ledger, tell, &a));
}

static void test_the_cut_is_taken_over(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    w->now.s += 20'000;
    gateway_cut(w, &m, UPLINK_DONE);
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE reason = 'arrears' AND state = "
                               "'open' AND next_at IS NULL AND version = 1"),
                     1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'fee.away'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM event WHERE kind = 'relay.done'"), 1);
    assert_true(ended(w));
    reading(w, 60, 10'000);
    assert_true(decided(w, "STILL_BELOW"));
    deliver(w);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'cut'"), 1);
    assert_int_equal(number(w, "SELECT cut_by_us FROM fee_state"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0); /* nothing was to be ordered */
    pay(w, "order-0002", 5'000);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT version FROM relay"), 2);
    reading(w, 60, 0);
    deliver(w);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'cut'"), 1);
}

static void test_an_unanswered_cut_is_settled_by_a_reading(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    w->now.s += 20'000;
    gateway_cut(w, &m, UPLINK_UNKNOWN);
    assert_true(wished(w, "open"));
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE next_at IS NOT NULL"), 1);
    reading(w, 60, 10'000);
    assert_int_equal(
        number(w, "SELECT count(*) FROM relay WHERE next_at IS NULL AND state = 'open'"), 1);
}

/* Paid meanwhile: the restore has the higher version, and what the cut's outcome says is old. */
static void test_paid_meanwhile(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    sql(w, "UPDATE gateway SET last_seen = 1");
    w->now.s += 20'000;
    pay(w, "order-0002", 5'000);
    assert_true(wished(w, "closed"));
    gateway_cut(w, &m, UPLINK_DONE);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT version FROM relay"), 2);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE next_at IS NOT NULL"), 1);
}

/* The withdrawal did not reach it in time, though it could be reached: supply returns at once. */
static void test_cut_after_the_end_is_undone(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    w->now.s += 20'000;
    pay(w, "order-0002", 5'000);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
    gateway_cut(w, &m, UPLINK_DONE);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE reason = 'withdrawn'"), 1);
}

/* The gateway told of its cut before anybody looked: supply returned by that. */
static void test_what_was_told_meanwhile_is_not_restored_twice(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    w->now.s = NOON + 10'000;
    sql(w, "UPDATE gateway SET last_seen = 1767249800");
    pay(w, "order-0002", 5'000);
    w->now.s += 200;
    gateway_cut(w, &m, UPLINK_DONE);
    assert_true(wished(w, "closed"));
    int64_t version = number(w, "SELECT version FROM relay");
    tick_after(w, 101);
    assert_int_equal(number(w, "SELECT version FROM relay"), version);
}

static void test_cut_of_another_tenant_is_undone(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, contract_at, opened_at) "
           "VALUES (8, 1, 1, 'a8', 'a8', 'platform', 'flat', 's', 5, 1)");
    sql(w, "UPDATE meter SET account_id = 8 WHERE id = 11");
    w->now.s += 20'000;
    gateway_cut(w, &m, UPLINK_DONE);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'waiting'"), 1);
}

/* Too late at the gateway, or the meter said no: the id is dead there, and the version is used up.
 */
static void not_made(struct world *w, enum uplink_status status, const char *event)
{
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    w->now.s += 20'000;
    gateway_cut(w, &m, status);
    w->relay_open = 0;
    assert_true(ended(w));
    assert_int_equal(number(w, event), 1);
    assert_true(wished(w, "none"));
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
    reading(w, 901, 100);
    struct uplink_permit p = held(w);
    assert_true(p.meters[0].command_id != m.command_id);
    assert_int_equal(p.meters[0].version, m.version + 1);
    deliver(w);
    assert_int_equal(number(w, "SELECT count(*) FROM message WHERE template = 'cut'"), 0);
    gateway_cut(w, &p.meters[0], UPLINK_DONE); /* and the new one holds */
    assert_true(wished(w, "open"));
}

static void test_a_cut_too_late_is_given_anew(void **state)
{
    not_made(*state, UPLINK_EXPIRED, "SELECT count(*) FROM event WHERE kind = 'relay.expired'");
}

static void test_a_refused_cut_is_given_anew(void **state)
{
    not_made(*state, UPLINK_REFUSED, "SELECT count(*) FROM event WHERE kind = 'relay.refused'");
}

/* What we had closed stays closed by our wish. */
static void test_a_cut_not_made_leaves_a_restore(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    struct uplink_permit_meter m = held(w).meters[0];
    sql(w, "UPDATE relay SET desired = 'closed', state = 'closed', attempt = 1");
    gateway_cut(w, &m, UPLINK_REFUSED);
    assert_true(wished(w, "closed"));
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE next_at IS NULL"), 1);
    assert_true(ended(w));
}

/* Of two meters one refused and the other was cut, in whatever order they say so. */
static void two_meters(struct world *w, bool refused_first)
{
    sql(w,
        "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, kind) "
        "VALUES (12, 1, 7, 1, 1, '000000000012', 'yufu-shop3', 'electricity')");
    w->neighbour = true;
    near_the_end(w);
    struct uplink_permit p = held(w);
    assert_int_equal(p.meter_count, 2);
    const struct uplink_permit_meter one = p.meters[0], two = p.meters[1];
    w->now.s += 20'000;
    gateway_cut(w, refused_first ? &one : &two, refused_first ? UPLINK_REFUSED : UPLINK_DONE);
    gateway_cut(w, refused_first ? &two : &one, refused_first ? UPLINK_DONE : UPLINK_REFUSED);
    assert_int_equal(number(w,
                            "SELECT count(*) FROM relay WHERE meter_id = 12 AND desired = 'open' "
                            "AND reason = 'arrears' AND next_at IS NULL"),
                     1);
    assert_int_equal(
        number(w, "SELECT count(*) FROM relay WHERE meter_id = 11 AND desired = 'none'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM away WHERE state = 'used'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
}

static void test_of_two_meters_the_first_refused(void **state)
{
    two_meters(*state, true);
}

static void test_of_two_meters_the_second_refused(void **state)
{
    two_meters(*state, false);
}

/* --- looking in ----------------------------------------------------------------------------------
 */

struct view {
    struct world *w;
    struct control_away away;
};

static enum err see(struct store_tx *tx, void *arg)
{
    struct view *v = arg;
    return control_away_look(tx, &(struct control_fee){v->w->readings, ACCOUNT, v->w->now, 0},
                             &v->away);
}

static struct control_away seen(struct world *w)
{
    struct view v = {.w = w};
    assert_ok(store_read(w->ledger, see, &v));
    return v.away;
}

static void test_it_can_be_looked_at(void **state)
{
    struct world *w = *state;
    assert_int_equal(seen(w).hours, 0); /* by default none is given */
    near_the_end(w);
    struct control_away a = seen(w);
    assert_true(a.live);
    assert_int_equal(a.hours, 24);
    assert_int_equal(a.left_wh, held(w).left_wh);
    assert_int_equal(a.valid_until.s, held(w).valid_until.s);
    assert_true(a.guards == 0);
    assert_int_equal(a.plan, AWAY_PLAN_PRICED);
    assert_ok(store_run(w->ledger, keep, w));
    a = seen(w);
    assert_false(a.live);
    assert_true(a.guards & STRATEGY_GUARD(STRATEGY_BECAUSE_KEEP_POWER));
    sql(w, "UPDATE price_plan SET body = '{\"kind\":\"flat\",\"price\":\"0\"}'");
    assert_int_equal(seen(w).plan, AWAY_PLAN_FREE);
}

/* --- plans with more than a price ----------------------------------------------------------------
 */

/* 40 yuan, 10 units a month free; 42 are used: 8 yuan and nothing of the quota are left. */
static void test_a_quota_that_is_used_up(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE price_plan SET body = '{\"kind\":\"flat\",\"price\":\"1.00\","
           "\"free_quota\":{\"amount\":\"10\",\"cycle\":\"month\"}}'");
    w->energy_wh = 0;
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"away_hours\":24}}'");
    pay(w, "order-0001", 4000);
    reading(w, 60, 0);
    reading(w, 3600, 25'000);
    deliver(w);
    reading(w, 3600, 17'000);
    deliver(w);
    sql(w, "UPDATE gateway SET last_seen = 4000000000");
    reading(w, 60, 0);
    assert_int_equal(level(w), 2);
    assert_int_equal(held(w).left_wh, 8'000 + ROUNDING_WH + 1);
}

/* 30 yuan and the free units of a month that has just begun are left. */
static void test_a_quota_that_is_not(void **state)
{
    struct world *w = *state;
    sql(w, "UPDATE price_plan SET body = '{\"kind\":\"flat\",\"price\":\"1.00\","
           "\"free_quota\":{\"amount\":\"100\",\"cycle\":\"month\"}}'");
    sql(w, "UPDATE strategy SET body = '{\"cut\":{\"from\":\"00:00\",\"to\":\"24:00\","
           "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"away_hours\":24}}'");
    pay(w, "order-0001", 800);
    reading(w, 60, 0);
    deliver(w);
    reading(w, 60, 30'000);
    sql(w, "UPDATE gateway SET last_seen = 4000000000");
    reading(w, 60, 0);
    struct uplink_permit p = held(w);
    assert_int_equal(p.left_wh + p.meters[0].register_wh, 8'000 + ROUNDING_WH + 1 + 100'000);
}

/* It may bring units that nobody foresaw: the permission ends before the next cycle begins. */
static void test_no_longer_than_the_cycle(void **state)
{
    struct world *w = *state;
    w->now.s = NOON - 12 * 3'600 - 5 * 3'600; /* 19:00 on the last day of the year */
    sql(w, "UPDATE price_plan SET body = '{\"kind\":\"flat\",\"price\":\"1.00\","
           "\"subsidies\":[{\"code\":\"poor\",\"amount\":\"1.00\",\"per\":\"month\"}]}'");
    near_the_end(w);
    assert_int_equal(held(w).valid_until.s, NOON - 12 * 3'600);
}

/* --- approval ------------------------------------------------------------------------------------
 */

#define NIGHTS_ONLY                                                                                \
    "UPDATE strategy SET body = '{\"cut\":{\"from\":\"20:00\",\"to\":\"23:00\","                   \
    "\"weekdays\":[1,2,3,4,5,6,7],\"holidays\":true,\"away_hours\":24,\"approval\":\"one\","       \
    "\"approval_life_s\":36000}}'"

static void test_without_an_approval(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    assert_false(ended(w));
    sql(w, NIGHTS_ONLY);
    reading(w, 60, 0);
    assert_true(ended(w));
}

struct verdict {
    struct world *w;
    bool refuse;
};

static enum err decide_approval(struct store_tx *tx, void *arg)
{
    struct verdict *d = arg;
    struct control_verdict v = {.id = 1,
                                .actor = "user:1",
                                .reason = "seen",
                                .readings = d->w->readings,
                                .now = d->w->now,
                                .random = ++d->w->random * 4'711};
    return d->refuse ? control_refuse(tx, &v) : control_approve(tx, &v);
}

/* In arrears and approved, but outside the hours: the gateway may do it in them, as long as the
 * approval lasts; refused, it may not. */
static void test_with_an_approval(void **state)
{
    struct world *w = *state;
    near_the_end(w);
    sql(w, NIGHTS_ONLY);
    reading(w, 3'600, 9'000);
    deliver(w);
    assert_int_equal(level(w), 3);
    sql(w, "INSERT INTO cut_approval (id, project_id, account_id, episode, state, persons, "
           "available_fen, detail, proposed_at, expires_at) "
           "SELECT 1, 1, 7, episode, 'proposed', 1, 0, '{}', 1, 1767280000 FROM fee_state");
    reading(w, 1'900, 0);
    assert_true(ended(w));
    assert_ok(store_run(w->ledger, decide_approval, &(struct verdict){w, false}));
    reading(w, 60, 0);
    struct uplink_permit p = held(w);
    assert_int_equal(p.valid_until.s, 1'767'280'000);
    assert_int_equal(p.left_wh, ROUNDING_WH + 1);
    assert_ok(store_run(w->ledger, decide_approval, &(struct verdict){w, true}));
    assert_true(ended(w));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_what_is_given),
        CASE(test_kept_new),
        CASE(test_hours_and_days_become_windows),
        CASE(test_no_contract),
        CASE(test_keep_power),
        CASE(test_payment_on_its_way),
        CASE(test_protected),
        CASE(test_never_by_default),
        CASE(test_a_payment_ends_it),
        CASE(test_a_payment_while_the_gateway_is_gone),
        CASE(test_a_payment_before_it_is_valid),
        CASE(test_a_payment_just_after_the_gateway_went),
        CASE(test_a_gateway_that_was_heard_since_knows),
        CASE(test_a_word_that_crossed_the_end_counts_for_nothing),
        CASE(test_a_small_payment_just_after_the_gateway_went),
        CASE(test_what_was_told_meanwhile_is_not_restored_twice),
        CASE(test_a_protection_to_come_ends_it_and_bounds_the_next),
        CASE(test_keep_power_ends_it),
        CASE(test_another_tenant_ends_it),
        CASE(test_the_cut_is_taken_over),
        CASE(test_an_unanswered_cut_is_settled_by_a_reading),
        CASE(test_paid_meanwhile),
        CASE(test_cut_after_the_end_is_undone),
        CASE(test_cut_of_another_tenant_is_undone),
        CASE(test_a_cut_too_late_is_given_anew),
        CASE(test_a_refused_cut_is_given_anew),
        CASE(test_a_cut_not_made_leaves_a_restore),
        CASE(test_of_two_meters_the_first_refused),
        CASE(test_of_two_meters_the_second_refused),
        CASE(test_it_can_be_looked_at),
        CASE(test_a_quota_that_is_used_up),
        CASE(test_a_quota_that_is_not),
        CASE(test_no_longer_than_the_cycle),
        CASE(test_without_an_approval),
        CASE(test_with_an_approval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
