/* The desired-state register of relays: every move, refusal, loss, repetition and late answer. */
#include "tests/unit/check.h"

#include "tests/unit/control/relay_world.h"

/* --- refusals
 * ------------------------------------------------------------------------------------- */

static void test_refusals_change_nothing(void **state)
{
    struct world *w = *state;
    assert_err(ERR_CONTROL_REASON, wish(w, CONTROL_OPEN, ""));
    assert_err(ERR_CONTROL_REASON, wish(w, CONTROL_OPEN, NULL));
    assert_err(ERR_CONTROL_REASON, keep(w, true, ""));
    assert_err(ERR_NOT_FOUND,
               wish_full(w, (struct control_wish){
                                .meter_id = 99, .reason = "x", .desired = CONTROL_OPEN}));
    assert_err(
        ERR_CONTROL_CIRCUIT,
        wish_full(w, (struct control_wish){
                         .meter_id = METER, .circuit = 2, .reason = "x", .desired = CONTROL_OPEN}));
    assert_err(ERR_CONTROL_CIRCUIT, wish_full(w, (struct control_wish){.meter_id = TERMINAL,
                                                                       .circuit = -1,
                                                                       .reason = "x",
                                                                       .desired = CONTROL_OPEN}));
    assert_int_equal(number(w, "SELECT count(*) FROM relay"), 0);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 0);
    assert_int_equal(number(w, "SELECT count(*) FROM audit"), 0);
}

/* --- cut
 * --------------------------------------------------------------------------------------------- */

static void test_cut_confirmed(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "manual"));
    struct control_relay r = relay(w);
    assert_int_equal(r.version, 1);
    assert_true(r.pending);
    assert_int_equal(r.not_after.s, NOON + CONTROL_CUT_S - 1);
    assert_int_equal(number(w, "SELECT not_after FROM command"), NOON + CONTROL_CUT_S - 1);
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE action = 'relay.wish'"), 1);
    answer(w, UPLINK_DONE, 1);
    r = relay(w);
    assert_false(r.pending);
    assert_int_equal(r.desired, CONTROL_OPEN);
    assert_int_equal(r.state, CONTROL_IS_OPEN);
    assert_int_equal(events(w, "relay.done"), 1);
    w->now.s += 10'000;
    assert_int_equal(tick(w), 0);
    assert_int_equal(waiting(w), 0);
}

static void test_cut_lapses_and_is_never_repeated(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    w->now.s += CONTROL_CUT_S;
    assert_int_equal(tick(w), 0);
    w->now.s += 6;
    assert_int_equal(tick(w), 1);
    struct control_relay r = relay(w);
    assert_int_equal(r.desired, CONTROL_NONE);
    assert_false(r.pending);
    assert_int_equal(events(w, "relay.expired"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command"), 1);
    /* It had been carried out in time, and the answer was late: then it stands. */
    answer(w, UPLINK_DONE, 1);
    assert_int_equal(relay(w).desired, CONTROL_OPEN);
    assert_int_equal(relay(w).state, CONTROL_IS_OPEN);
}

static void test_cut_not_carried_out(void **state)
{
    struct world *w = *state;
    static const enum uplink_status all[] = {UPLINK_EXPIRED, UPLINK_SUPERSEDED, UPLINK_FENCED,
                                             UPLINK_NO_METER, UPLINK_REFUSED};
    for (size_t i = 0; i < 5; i++) {
        assert_ok(wish(w, CONTROL_OPEN, "arrears"));
        answer(w, all[i], -1);
        assert_int_equal(relay(w).desired, CONTROL_NONE);
        assert_false(relay(w).pending);
    }
    assert_int_equal(events(w, "relay.expired"), 4);
    assert_int_equal(events(w, "relay.refused"), 1);
    assert_int_equal(waiting(w), 0);
}

static void test_unknown_cut_is_settled_by_a_reading(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    w->now.s += 10;
    answer(w, UPLINK_UNKNOWN, -1);
    assert_true(relay(w).pending);
    w->now.s += 120;
    report(w, 1);
    assert_false(relay(w).pending);
    assert_int_equal(relay(w).state, CONTROL_IS_OPEN);
    /* And the other way. */
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    answer(w, UPLINK_UNKNOWN, -1);
    w->now.s += 30;
    report(w, 0); /* before the deadline it may still come */
    assert_true(relay(w).pending);
    w->now.s += 60;
    report(w, 0);
    assert_false(relay(w).pending);
    assert_int_equal(relay(w).desired, CONTROL_NONE);
}

/* --- superseding
 * --------------------------------------------------------------------------------------- */

static void test_restore_supersedes_a_pending_cut(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    w->now.s += 1;
    assert_ok(wish(w, CONTROL_CLOSED, "payment"));
    assert_int_equal(relay(w).version, 2);
    assert_int_equal(events(w, "relay.cancelled"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    /* The cut was carried out before the fence came: the restore is pursued all the same. */
    answer_version(w, 1, UPLINK_DONE, 1);
    assert_int_equal(relay(w).desired, CONTROL_CLOSED);
    assert_true(relay(w).pending);
    w->now.s += 1;
    answer_version(w, 2, UPLINK_DONE, 0);
    assert_false(relay(w).pending);
    assert_int_equal(relay(w).state, CONTROL_IS_CLOSED);
}

static void test_withdrawn_cut_that_happened_is_undone(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "manual"));
    assert_ok(wish(w, CONTROL_NONE, "mistake"));
    assert_int_equal(waiting(w), 0);
    assert_int_equal(events(w, "relay.cancelled"), 1);
    answer_version(w, 1, UPLINK_DONE, 1);
    assert_int_equal(relay(w).desired, CONTROL_CLOSED);
    assert_int_equal(relay(w).version, 3);
    assert_int_equal(waiting(w), 1);
}

static void test_old_answers_do_not_settle_a_new_wish(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_CLOSED, "manual"));
    assert_ok(wish(w, CONTROL_OPEN, "manual"));
    answer_version(w, 1, UPLINK_DONE, 0);
    assert_true(relay(w).pending);
    assert_int_equal(relay(w).desired, CONTROL_OPEN);
}

/* --- restore
 * ------------------------------------------------------------------------------------------- */

static void test_restore_is_pursued_until_it_is_seen(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_CLOSED, "payment"));
    assert_int_equal(number(w, "SELECT not_after IS NULL FROM command"), 1);
    int64_t sent = 1;
    for (int i = 0; i < 40; i++) {
        answer(w,
               i % 3 == 0   ? UPLINK_UNKNOWN
               : i % 3 == 1 ? UPLINK_REFUSED
                            : UPLINK_DONE,
               i % 3 == 0 ? -1 : 1);
        assert_true(relay(w).pending);
        w->now.s += 301;
        assert_int_equal(tick(w), 1);
        sent++;
    }
    assert_int_equal(number(w, "SELECT count(*) FROM command"), sent);
    assert_int_equal(relay(w).version, 1);
    assert_int_equal(events(w, "relay.late"), 1); /* told once */
    answer(w, UPLINK_DONE, 0);
    assert_false(relay(w).pending);
    w->now.s += 10'000;
    assert_int_equal(tick(w), 0);
}

static void test_restore_waits_for_a_gateway_that_is_away(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_CLOSED, "payment"));
    for (int i = 0; i < 20; i++) {
        w->now.s += 301;
        tick(w);
    }
    assert_int_equal(number(w, "SELECT count(*) FROM command"),
                     1); /* the headend repeats it by id */
    /* The line moved to another gateway: that one is told. */
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (4, 1, 'h', 'h')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (2, 4, 1, 'tcp:1', 2400, 'E')");
    sql(w, "UPDATE meter SET line_id = 2 WHERE id = 11");
    w->now.s += 301;
    tick(w);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE gateway_id = 4"), 1);
}

static void test_gateway_that_knows_a_higher_version(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_CLOSED, "payment")); /* the register came from an old backup */
    for (int i = 0; i < 6; i++) {
        answer(w, UPLINK_SUPERSEDED, -1);
        w->now.s += 301;
        tick(w);
    }
    assert_true(relay(w).version > 60);
    answer(w, UPLINK_DONE, 0);
    assert_false(relay(w).pending);
}

static void test_relay_opens_again_after_a_restore(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_CLOSED, "payment"));
    answer(w, UPLINK_DONE, 0);
    w->now.s += 60;
    report_full(w, (struct control_report){.meter_id = METER,
                                           .relay_open = 1,
                                           .keep_power = -1,
                                           .open_reason = 1,
                                           .energy_wh = -1});
    assert_int_equal(events(w, "relay.mismatch"), 1);
    assert_int_equal(tick(w), 1); /* ordered open over the line, against our wish: close again */
    assert_int_equal(waiting(w), 1);
    answer(w, UPLINK_DONE, 0);
    /* A reason of the meter's own is not ours to overrule. */
    w->now.s += 60;
    report_full(w, (struct control_report){.meter_id = METER,
                                           .relay_open = 1,
                                           .keep_power = -1,
                                           .open_reason = 11,
                                           .energy_wh = -1});
    assert_int_equal(events(w, "relay.local"), 1);
    assert_int_equal(relay(w).desired, CONTROL_NONE);
    assert_int_equal(tick(w), 0);
}

/* --- readings
 * -------------------------------------------------------------------------------------------- */

static void test_meter_that_switches_alone(void **state)
{
    struct world *w = *state;
    report(w, 0); /* the first report is no change */
    assert_int_equal(events(w, "relay.local"), 0);
    w->now.s += 60;
    report(w, 1);
    assert_int_equal(events(w, "relay.local"), 1);
    report(w, 1);
    assert_int_equal(events(w, "relay.local"), 1);
    assert_int_equal(waiting(w), 0);
}

static void test_closed_against_a_cut(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    answer(w, UPLINK_DONE, 1);
    w->now.s += 60;
    report(w, 0);
    assert_int_equal(events(w, "relay.mismatch"), 1);
    assert_int_equal(relay(w).desired, CONTROL_NONE); /* decided afresh, not repeated */
    assert_int_equal(waiting(w), 0);
}

static void report_energy(struct world *w, int64_t energy_wh)
{
    w->now.s += 60;
    report_full(w, (struct control_report){.meter_id = METER,
                                           .relay_open = 1,
                                           .keep_power = -1,
                                           .open_reason = 1,
                                           .energy_wh = energy_wh});
}

static void test_energy_after_a_cut_is_an_alarm(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    answer(w, UPLINK_DONE, 1);
    report_energy(w, 1000);
    report_energy(w, 1000 + CONTROL_LEAK_WH - 1);
    assert_int_equal(events(w, "relay.leak"), 0);
    report_energy(w, 1000 + CONTROL_LEAK_WH);
    report_energy(w, 1000 + CONTROL_LEAK_WH + 500);
    assert_int_equal(events(w, "relay.leak"), 1);
}

static void test_old_readings_move_nothing(void **state)
{
    struct world *w = *state;
    w->now.s += 100;
    report(w, 0);
    w->now.s -= 50;
    report(w, 1);
    assert_int_equal(relay(w).state, CONTROL_IS_CLOSED);
    report_raw(w, (struct control_report){.meter_id = 99, .relay_open = 1}); /* it is gone */
}

/* Its clock is mended later, or never: what comes after must count all the same. */
static void test_a_clock_ahead_does_not_freeze_the_state(void **state)
{
    struct world *w = *state;
    report_raw(w, (struct control_report){.meter_id = METER,
                                          .relay_open = 0,
                                          .keep_power = -1,
                                          .open_reason = -1,
                                          .energy_wh = -1,
                                          .at = {NOON + 86'400 * 3650},
                                          .now = w->now});
    assert_int_equal(relay(w).state_at.s, NOON);
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    w->now.s += 5;
    answer(w, UPLINK_DONE, 1);
    assert_int_equal(relay(w).state, CONTROL_IS_OPEN);
    assert_false(relay(w).pending);
    outcome(w, (struct uplink_outcome){.kind = UPLINK_RELAY,
                                       .meter_id = METER,
                                       .epoch = 1,
                                       .status = UPLINK_UNKNOWN,
                                       .at = {NOON + 86'400 * 3650},
                                       .version = relay(w).version,
                                       .relay_open = 1});
    w->now.s += 5;
    report(w, 0);
    assert_int_equal(relay(w).state, CONTROL_IS_CLOSED);
}

/* --- keep-power
 * -------------------------------------------------------------------------------------------- */

static void keep_answer(struct world *w, int64_t keep_power, enum uplink_status status)
{
    outcome(w, (struct uplink_outcome){.kind = UPLINK_KEEP,
                                       .meter_id = METER,
                                       .epoch = 1,
                                       .status = status,
                                       .at = w->now,
                                       .relay_open = -1,
                                       .keep_power = keep_power,
                                       .count = -1});
}

static void test_keep_power_stands_above_everything(void **state)
{
    struct world *w = *state;
    assert_ok(keep(w, true, "hospital"));
    assert_err(ERR_CONTROL_KEEP_POWER, wish(w, CONTROL_OPEN, "arrears"));
    assert_err(ERR_CONTROL_KEEP_POWER, wish(w, CONTROL_OPEN, "manual"));
    assert_ok(wish(w, CONTROL_CLOSED, "manual"));
    assert_true(relay(w).keep_power);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'keep'"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE action = 'keep.on'"), 1);
    assert_ok(keep(w, false, "moved out"));
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
}

static void test_keep_power_returns_what_was_cut(void **state)
{
    struct world *w = *state;
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    answer(w, UPLINK_DONE, 1);
    assert_ok(keep(w, true, "dialysis"));
    assert_int_equal(relay(w).desired, CONTROL_CLOSED);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'relay' "
                               "AND state = 'waiting'"),
                     1);
}

static void test_keep_power_is_told_until_the_meter_has_it(void **state)
{
    struct world *w = *state;
    assert_ok(keep(w, true, "hospital"));
    keep_answer(w, 0, UPLINK_UNKNOWN);
    w->now.s += 301;
    assert_int_equal(tick(w), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'keep'"), 2);
    keep_answer(w, 1, UPLINK_DONE);
    w->now.s += 301;
    assert_int_equal(tick(w), 0);
    /* A meter that forgot is told again. */
    report_full(w, (struct control_report){.meter_id = METER,
                                           .relay_open = 0,
                                           .keep_power = 0,
                                           .open_reason = -1,
                                           .energy_wh = -1});
    assert_int_equal(tick(w), 1);
    report_full(w, (struct control_report){.meter_id = METER,
                                           .relay_open = 0,
                                           .keep_power = 1,
                                           .open_reason = -1,
                                           .energy_wh = -1});
    w->now.s += 301;
    assert_int_equal(tick(w), 0);
}

/* --- circuits
 * ------------------------------------------------------------------------------------------------
 */

static void test_circuits_of_a_terminal(void **state)
{
    struct world *w = *state;
    assert_ok(wish_full(
        w, (struct control_wish){
               .meter_id = TERMINAL, .circuit = 2, .desired = CONTROL_OPEN, .reason = "manual"}));
    w->now.s += 5;
    report_full(w, (struct control_report){.meter_id = TERMINAL,
                                           .relay_open = 2,
                                           .keep_power = -1,
                                           .open_reason = 1,
                                           .energy_wh = -1});
    assert_int_equal(relay_of(w, TERMINAL, 2).state, CONTROL_IS_OPEN);
    assert_false(relay_of(w, TERMINAL, 2).pending);
    assert_int_equal(relay_of(w, TERMINAL, 0).state, CONTROL_IS_CLOSED); /* two are still on */
    w->now.s += 5;
    report_full(w, (struct control_report){.meter_id = TERMINAL,
                                           .relay_open = 7,
                                           .keep_power = -1,
                                           .open_reason = 2,
                                           .energy_wh = -1});
    assert_int_equal(relay_of(w, TERMINAL, 0).state, CONTROL_IS_OPEN);
    assert_ok(wish_full(
        w, (struct control_wish){
               .meter_id = METER, .circuit = 1, .desired = CONTROL_CLOSED, .reason = "manual"}));
    assert_int_equal(relay(w).version, 1); /* the only circuit is the whole meter */
}

/* --- the breaker
 * ------------------------------------------------------------------------------------------------
 */

static enum err release(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_breaker_release(tx, 1, "user:2", w->now);
}

static enum err cut_number(struct world *w, int64_t i)
{
    return wish_full(w, (struct control_wish){
                            .meter_id = 1000 + i, .desired = CONTROL_OPEN, .reason = "arrears"});
}

/* A restore that cannot be pursued, as its meter is not there any more, keeps no other waiting. */
static void test_an_odd_relay_stops_no_other(void **state)
{
    struct world *w = *state;
    assert_ok(wish_full(
        w, (struct control_wish){.meter_id = 12, .desired = CONTROL_CLOSED, .reason = "paid"}));
    w->now.s += 1;
    assert_ok(wish(w, CONTROL_CLOSED, "paid"));
    sql(w, "DELETE FROM meter WHERE id = 12");
    sql(w, "UPDATE command SET state = 'expired' WHERE state = 'waiting'");
    w->now.s += 3'600;
    for (int i = 0; i < 5; i++) {
        w->now.s += 60;
        (void)tick(w);
    }
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'waiting' "
                               "AND meter_id = 11"),
                     1);
    assert_int_equal(events(w, "work.failed"), 1);
    assert_int_equal(number(w, "SELECT part FROM aside WHERE work = 'relay' AND id = 12"), 0);
}

static void test_mass_cuts_need_a_second_person(void **state)
{
    struct world *w = *state;
    sql(w, "WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1059) "
           "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind) "
           "SELECT i, 1, 1, 1, printf('%012d', i), 'yufu-shop', 'electricity' FROM n");
    int64_t done = 0;
    while (done < 60 && cut_number(w, done) == ERR_OK)
        done++;
    assert_int_equal(done, CONTROL_BREAKER_MIN); /* 62 meters: the share is less */
    assert_err(ERR_CONTROL_BREAKER, cut_number(w, done));
    assert_ok(cut_number(w, 0)); /* the same meter again is no more */
    assert_ok(wish_full(
        w, (struct control_wish){.meter_id = 1003, .desired = CONTROL_CLOSED, .reason = "manual"}));
    assert_ok(cut_number(w, done));
    assert_err(ERR_CONTROL_BREAKER, cut_number(w, done + 1));
    assert_ok(store_run(w->store, release, w));
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE action = 'breaker.release'"), 1);
    assert_ok(cut_number(w, done + 1));
    w->now.s += CONTROL_BREAKER_S;
    assert_ok(cut_number(w, done + 2)); /* the window has passed */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refusals_change_nothing),
        CASE(test_cut_confirmed),
        CASE(test_cut_lapses_and_is_never_repeated),
        CASE(test_cut_not_carried_out),
        CASE(test_unknown_cut_is_settled_by_a_reading),
        CASE(test_restore_supersedes_a_pending_cut),
        CASE(test_withdrawn_cut_that_happened_is_undone),
        CASE(test_old_answers_do_not_settle_a_new_wish),
        CASE(test_restore_is_pursued_until_it_is_seen),
        CASE(test_restore_waits_for_a_gateway_that_is_away),
        CASE(test_gateway_that_knows_a_higher_version),
        CASE(test_relay_opens_again_after_a_restore),
        CASE(test_meter_that_switches_alone),
        CASE(test_closed_against_a_cut),
        CASE(test_energy_after_a_cut_is_an_alarm),
        CASE(test_old_readings_move_nothing),
        CASE(test_a_clock_ahead_does_not_freeze_the_state),
        CASE(test_keep_power_stands_above_everything),
        CASE(test_keep_power_returns_what_was_cut),
        CASE(test_keep_power_is_told_until_the_meter_has_it),
        CASE(test_circuits_of_a_terminal),
        CASE(test_an_odd_relay_stops_no_other),
        CASE(test_mass_cuts_need_a_second_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
