/* Leaks at night, flow after closing, batteries, faults, and every end that an exercise can have. */
#include "tests/unit/check.h"
#include "tests/unit/store_sql.h"

#include <stdio.h>
#include <stdlib.h>

#include "control/control.h"
#include "control/protect.h"
#include "flow/flow.h"
#include "meter/point.h"

#define VALVE 11 /* water, with a valve that can be exercised */
#define PLAIN 12 /* water, without one */
#define HEAT 13
#define NOON INT64_C(1'788'235'200) /* 2026-09-01 12:00 in Shanghai */
#define HOUR 3'600
#define DAY 86'400

struct world {
    struct store *store;
    wall_s now;
    uint64_t random;
    int64_t register_l[16];
    struct flow_report report;
    struct uplink_outcome outcome;
    struct flow_rule rule;
    struct flow_state state;
    struct control_wish wish;
    struct control_protection protection;
    bool moving;
    int64_t worked, meter_id;
    struct flow_exercise last;
    size_t exercises;
};

static void sql(struct world *w, const char *text)
{
    sql_run(w->store, text);
}

static int64_t number(struct world *w, const char *text)
{
    return sql_number(w->store, text);
}

#define EVENTS(w, kind) number(w, "SELECT count(*) FROM event WHERE kind = '" kind "'")

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now.s = NOON;
    assert_ok(
        store_open(&w->store, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    sql(w, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql(w, "INSERT INTO project (id, organisation_id, code, name, zone) "
           "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql(w, "INSERT INTO place (id, project_id, kind, code, name) VALUES (2, 1, 'room', '101', 'x')");
    sql(w, "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
           "strategy_code, opened_at) VALUES (7, 1, 2, 'W-101', 'Li', 'platform', 'x', 'y', 0)");
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (3, 1, 'g', 'g')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (1, 3, 1, 'tcp:1', 2400, 'E')");
    sql(w, "INSERT INTO meter (id, project_id, account_id, place_id, line_id, address, model, "
           "kind, circuits) VALUES "
           "(11, 1, 7, 2, 1, '00000000000011', 'water-valve-188', 'water', 1), "
           "(12, 1, NULL, 2, 1, '00000000000012', 'water-188', 'water', 1), "
           "(13, 1, NULL, 2, 1, '00000000000013', 'heat-188', 'heat', 1)");
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    store_close(w->store);
    free(w);
    return 0;
}

/* --- acts ---------------------------------------------------------------------------------------- */

static enum err do_read(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return flow_reading(tx, &w->report, &w->moving);
}

static void hear(struct world *w, struct flow_report r)
{
    r.at = r.now = w->now;
    r.epoch = r.epoch ? r.epoch : 1;
    w->report = r;
    assert_ok(store_run(w->store, do_read, w));
}

static struct flow_report plain(const struct world *w, int64_t meter)
{
    return (struct flow_report){.meter_id = meter,
                                .register_l = w->register_l[meter],
                                .volume_l = w->register_l[meter],
                                .valve = meter == VALVE ? METER_VALVE_OPEN : -1,
                                .relay_open = meter == VALVE ? 0 : -1,
                                .battery_low = 0,
                                .fault_bits = -1};
}

static void hear_valve(struct world *w, enum meter_valve valve, int64_t more_l)
{
    struct flow_report r;
    w->register_l[VALVE] += more_l;
    r = plain(w, VALVE);
    r.valve = valve;
    r.relay_open = valve == METER_VALVE_FAULT ? -1 : valve == METER_VALVE_CLOSED;
    hear(w, r);
}

/* Every five minutes until `until_s`; so many litres an hour. */
static void live(struct world *w, int64_t meter, int64_t until_s, int64_t lh)
{
    int64_t exact = 0;
    while (w->now.s < until_s) {
        w->now.s += 300;
        exact += lh * 300;
        w->register_l[meter] += exact / (10 * HOUR) * 10; /* it counts tens of litres */
        exact %= 10 * HOUR;
        hear(w, plain(w, meter));
    }
}

static int64_t midnight(const struct world *w)
{
    return w->now.s - (w->now.s + 8 * HOUR) % DAY;
}

static enum err do_tick(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return flow_tick(tx, &(struct flow_scan){w->now, 50, ++w->random * 1'000'003}, &w->worked);
}

static void tick(struct world *w)
{
    assert_ok(store_run(w->store, do_tick, w));
}

static enum err do_get(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return flow_get(tx, w->meter_id, &w->state);
}

static struct flow_state state_of(struct world *w, int64_t meter)
{
    w->meter_id = meter;
    assert_ok(store_read(w->store, do_get, w));
    return w->state;
}

static enum err take_exercise(void *arg, const struct flow_exercise *e)
{
    struct world *w = arg;
    if (w->exercises++ == 0)
        w->last = *e;
    return ERR_OK;
}

static enum err do_list(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    w->exercises = 0;
    return flow_exercises(tx, VALVE, 100, take_exercise, w);
}

static size_t exercises(struct world *w)
{
    assert_ok(store_read(w->store, do_list, w));
    return w->exercises;
}

static void expect_last(struct world *w, size_t count, enum flow_result result)
{
    assert_int_equal(exercises(w), count);
    assert_string_equal(flow_result_name(w->last.result), flow_result_name(result));
}

static enum err do_outcome(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return flow_outcome(tx, &w->outcome, w->now, ++w->random * 1'000'003);
}

struct end {
    enum uplink_status status;
    bool sent;
    enum uplink_reply reply;
    int64_t open;
};

/* The gateway answers the last exercise that was ordered. */
static void answer(struct world *w, struct end end)
{
    w->outcome = (struct uplink_outcome){
        .command_id = number(w, "SELECT command_id FROM flow_exercise WHERE command_id IS NOT NULL "
                                "ORDER BY id DESC LIMIT 1"),
        .meter_id = VALVE,
        .epoch = 1,
        .kind = UPLINK_EXERCISE,
        .status = end.status,
        .sent = end.sent,
        .reply = end.reply,
        .relay_open = end.open,
        .at = w->now};
    sql(w, "UPDATE command SET state = 'done' WHERE kind = 'exercise'"); /* the headend */
    assert_ok(store_run(w->store, do_outcome, w));
}

/* As the gateway tells them: of a valve that stands half-way it knows neither open nor closed. */
static const struct end moved = {UPLINK_DONE, true, UPLINK_REPLY_OK, 0},
                        stayed_closed = {UPLINK_REFUSED, true, UPLINK_REPLY_OK, 1},
                        half_way = {UPLINK_REFUSED, true, UPLINK_REPLY_OK, -1};

#define REOPENED(w)                                                                                \
    number(w, "SELECT count(*) FROM relay WHERE desired = 'closed' AND reason = 'exercise'")

static enum err do_report(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_reading(tx, &(struct control_report){.meter_id = VALVE,
                                                        .keep_power = -1,
                                                        .open_reason = -1,
                                                        .energy_wh = -1,
                                                        .at = w->now,
                                                        .now = w->now,
                                                        .random = ++w->random * 7'919});
}

/* Control, too, reads that the valve is open. */
static void settle(struct world *w)
{
    w->now.s += 1;
    assert_ok(store_run(w->store, do_report, w));
}

static enum err do_rule(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return flow_rule_put(tx, 1, &w->rule, "user:1", w->now);
}

static enum err do_rule_get(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return flow_rule_get(tx, 1, &w->rule);
}

static enum err do_wish(struct store_tx *tx, void *arg)
{
    return control_wish(tx, &((struct world *)arg)->wish, NULL);
}

static enum err do_protect(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    return control_protect_add(tx, &w->protection, 99);
}

/* To the middle of the hours in which valves are exercised. */
static void go_to_hours(struct world *w)
{
    w->now.s = midnight(w) + DAY + 3 * HOUR + 1'800;
}

/* --- night ----------------------------------------------------------------------------------------- */

static void test_a_leak_is_told_once_until_a_dry_night(void **state)
{
    struct world *w = *state;
    int64_t day = midnight(w);
    live(w, PLAIN, day + DAY, 40);
    assert_int_equal(EVENTS(w, "flow.night"), 0);
    live(w, PLAIN, day + DAY + 6 * HOUR, 20);
    assert_int_equal(EVENTS(w, "flow.night"), 1);
    assert_int_equal(state_of(w, PLAIN).leak_lh, 20);
    assert_int_equal(state_of(w, PLAIN).leak_since.s, day + DAY + 2 * HOUR);
    live(w, PLAIN, day + 2 * DAY + 6 * HOUR, 30);
    assert_int_equal(EVENTS(w, "flow.night"), 1);
    assert_int_equal(state_of(w, PLAIN).leak_lh, 30);
    live(w, PLAIN, day + 3 * DAY + 6 * HOUR, 0);
    assert_int_equal(EVENTS(w, "flow.night_ended"), 1);
    assert_int_equal(state_of(w, PLAIN).leak_since.s, 0);
    live(w, PLAIN, day + 4 * DAY + 6 * HOUR, 0);
    assert_int_equal(EVENTS(w, "flow.night_ended"), 1);
}

/* Somebody gets up twice and takes a shower: much water, but not all the time. */
static void test_use_at_night_is_no_leak(void **state)
{
    struct world *w = *state;
    int64_t day = midnight(w) + DAY;
    live(w, PLAIN, day + 2 * HOUR, 0);
    live(w, PLAIN, day + 3 * HOUR, 600);
    live(w, PLAIN, day + 4 * HOUR, 600);
    live(w, PLAIN, day + 6 * HOUR, 0);
    assert_int_equal(EVENTS(w, "flow.night"), 0);
    assert_int_equal(state_of(w, PLAIN).night_at.s, day + 2 * HOUR);
}

static void test_a_night_that_was_not_read_is_not_judged(void **state)
{
    struct world *w = *state;
    int64_t day = midnight(w) + DAY;
    live(w, PLAIN, day + 2 * HOUR + 600, 40);
    w->now.s = day + 4 * HOUR; /* nobody heard it for two hours */
    w->register_l[PLAIN] += 80;
    live(w, PLAIN, day + 6 * HOUR, 40);
    assert_int_equal(EVENTS(w, "flow.night"), 0);
    assert_int_equal(state_of(w, PLAIN).night_at.s, 0);
    live(w, PLAIN, day + DAY + 2 * HOUR + 600, 40);
    w->register_l[PLAIN] = 0; /* set back within the next */
    live(w, PLAIN, day + DAY + 6 * HOUR, 40);
    assert_int_equal(state_of(w, PLAIN).night_at.s, 0);
    live(w, PLAIN, day + 2 * DAY + 4 * HOUR, 40);
    w->now.s = day + 2 * DAY + 7 * HOUR; /* its end was not seen */
    live(w, PLAIN, day + 2 * DAY + 8 * HOUR, 40);
    assert_int_equal(state_of(w, PLAIN).night_at.s, 0);
    live(w, PLAIN, day + 3 * DAY + 6 * HOUR, 40); /* and this one is whole */
    assert_int_equal(EVENTS(w, "flow.night"), 1);
}

static void test_heat_flows_at_night(void **state)
{
    struct world *w = *state;
    live(w, HEAT, midnight(w) + DAY + 6 * HOUR, 500);
    assert_int_equal(EVENTS(w, "flow.night"), 0);
}

static void test_the_rule_is_data(void **state)
{
    struct world *w = *state;
    int64_t day = midnight(w) + DAY;
    assert_ok(store_read(w->store, do_rule_get, w));
    assert_int_equal(w->rule.version, 0);
    w->rule.night_from_min = 23 * 60; /* over midnight */
    w->rule.night_to_min = 60;
    w->rule.least_l = 50;
    assert_ok(store_run(w->store, do_rule, w));
    assert_int_equal(store_run(w->store, do_rule, w), ERR_STATE); /* version 1 is in force */
    live(w, PLAIN, day + 2 * HOUR, 40);
    assert_int_equal(EVENTS(w, "flow.night"), 0);
    live(w, PLAIN, day + DAY + 2 * HOUR, 60);
    assert_int_equal(EVENTS(w, "flow.night"), 1);
    assert_int_equal(number(w, "SELECT count(*) FROM audit WHERE action = 'flow.rule'"), 1);
    assert_ok(store_read(w->store, do_rule_get, w));
    w->rule.least_l = 0; /* not at all */
    assert_ok(store_run(w->store, do_rule, w));
    live(w, PLAIN, day + 2 * DAY + 2 * HOUR, 0);
    assert_int_equal(EVENTS(w, "flow.night_ended"), 0);
}

static void test_rules_out_of_bounds_are_named(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *name;
        struct flow_rule rule;
    } bad[] = {
        {"night_from_min", {1'440, 300, 60, 10, 30, 7, 180, 270}},
        {"night_to_min", {120, 150, 15, 10, 30, 7, 180, 270}},
        {"night_to_min", {120, -1, 60, 10, 30, 7, 180, 270}},
        {"slot_min", {120, 300, 10, 10, 30, 7, 180, 270}},
        {"slot_min", {120, 300, 50, 10, 30, 7, 180, 270}},
        {"slot_min", {120, 240, 120, 10, 30, 7, 180, 270}},
        {"least_l", {120, 300, 60, -1, 30, 7, 180, 270}},
        {"closed_l", {120, 300, 60, 10, 9, 7, 180, 270}},
        {"exercise_days", {120, 300, 60, 10, 30, 367, 180, 270}},
        {"exercise_from_min", {120, 300, 60, 10, 30, 7, -1, 270}},
        {"exercise_to_min", {120, 300, 60, 10, 30, 7, 180, 185}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_string_equal(flow_rule_fault(&bad[i].rule), bad[i].name);
        w->rule = bad[i].rule;
        assert_int_equal(store_run(w->store, do_rule, w), ERR_RANGE);
    }
    assert_int_equal(number(w, "SELECT count(*) FROM flow_rule"), 0);
}

/* --- valves, batteries, faults --------------------------------------------------------------------- */

static void test_flow_through_a_closed_valve(void **state)
{
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 1'000);
    hear_valve(w, METER_VALVE_CLOSED, 10);
    assert_int_equal(state_of(w, VALVE).closed_l, 1'010);
    w->now.s += 600;
    hear_valve(w, METER_VALVE_CLOSED, 20); /* within the tolerance */
    assert_int_equal(EVENTS(w, "valve.flow"), 0);
    hear_valve(w, METER_VALVE_CLOSED, 10);
    assert_int_equal(EVENTS(w, "valve.flow"), 1);
    assert_int_equal(number(w, "SELECT json_extract(detail, '$.volume_l') FROM event "
                               "WHERE kind = 'valve.flow'"),
                     30);
    hear_valve(w, METER_VALVE_CLOSED, 500);
    assert_int_equal(EVENTS(w, "valve.flow"), 1); /* once a closing */
    hear_valve(w, METER_VALVE_OPEN, 10);
    assert_int_equal(state_of(w, VALVE).closed_at.s, 0);
    hear_valve(w, METER_VALVE_CLOSED, 0);
    hear_valve(w, METER_VALVE_CLOSED, 30);
    assert_int_equal(EVENTS(w, "valve.flow"), 2);
}

static void test_battery_valve_and_faults_are_told_when_they_change(void **state)
{
    struct world *w = *state;
    struct flow_report r = plain(w, VALVE);
    hear(w, r);
    assert_int_equal(number(w, "SELECT count(*) FROM event"), 0);
    r.battery_low = 1;
    hear(w, r);
    hear(w, r);
    assert_int_equal(EVENTS(w, "battery.low"), 1);
    r.battery_low = 0;
    hear(w, r);
    assert_int_equal(EVENTS(w, "battery.ok"), 1);
    hear_valve(w, METER_VALVE_FAULT, 0);
    hear_valve(w, METER_VALVE_FAULT, 0);
    assert_int_equal(EVENTS(w, "valve.fault"), 1);
    hear_valve(w, METER_VALVE_OPEN, 0);
    assert_int_equal(EVENTS(w, "valve.mended"), 1);
    r = plain(w, HEAT);
    r.fault_bits = 0x05;
    hear(w, r);
    r.fault_bits = 0x15; /* another one besides */
    hear(w, r);
    hear(w, r);
    assert_int_equal(EVENTS(w, "meter.fault"), 2);
    r.fault_bits = -1; /* not read this time */
    hear(w, r);
    r.fault_bits = 0;
    hear(w, r);
    assert_int_equal(EVENTS(w, "meter.fault_ended"), 1);
}

static void test_a_meter_that_tells_nothing_of_it_has_no_row(void **state)
{
    struct world *w = *state;
    hear(w, (struct flow_report){.meter_id = HEAT, .register_l = 5, .volume_l = -1, .valve = -1,
                                 .relay_open = 1, .battery_low = -1, .fault_bits = -1});
    assert_false(state_of(w, HEAT).known);
    hear(w, (struct flow_report){.meter_id = 99, .battery_low = 1}); /* no such meter */
    assert_int_equal(number(w, "SELECT count(*) FROM event"), 0);
}

static void test_another_device_begins_anew(void **state)
{
    struct world *w = *state;
    struct flow_report r;
    hear_valve(w, METER_VALVE_CLOSED, 1'000);
    r = plain(w, VALVE);
    r.epoch = 2;
    r.register_l = r.volume_l = 7;
    hear(w, r);
    assert_int_equal(state_of(w, VALVE).closed_at.s, 0);
    assert_int_equal(EVENTS(w, "valve.flow"), 0);
}

/* --- exercises --------------------------------------------------------------------------------------- */

static void test_exercise_once_a_week_in_its_hours(void **state)
{
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 0);
    tick(w); /* noon: not now */
    assert_int_equal(exercises(w), 0);
    w->now.s = midnight(w) + DAY + 3 * HOUR - 1;
    tick(w);
    assert_int_equal(exercises(w), 0);
    w->now.s += 1;
    tick(w);
    expect_last(w, 1, FLOW_SENT);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'exercise'"), 1);
    assert_int_equal(number(w, "SELECT not_after FROM command"), w->now.s + 120);
    w->now.s += 10;
    hear_valve(w, METER_VALVE_CLOSED, 0);
    assert_true(w->moving); /* its state means nothing now */
    assert_int_equal(state_of(w, VALVE).closed_at.s, 0);
    w->now.s += 20;
    answer(w, moved);
    expect_last(w, 1, FLOW_DONE);
    assert_int_equal(EVENTS(w, "valve.exercised"), 1);
    hear_valve(w, METER_VALVE_OPEN, 0);
    assert_false(w->moving);
    for (int day = 1; day < 7; day++) {
        w->now.s += DAY;
        tick(w);
    }
    assert_int_equal(exercises(w), 1);
    w->now.s += DAY;
    tick(w);
    expect_last(w, 2, FLOW_SENT);
}

#define UNDER_WAY(w) number(w, "SELECT count(*) FROM command WHERE state = 'waiting'")

/* Six valves at a gateway, one at another: a line has other things to do as well. */
static void test_a_few_at_a_time(void **state)
{
    struct world *w = *state;
    struct flow_report r = plain(w, VALVE);
    sql(w, "INSERT INTO gateway (id, project_id, serial, name) VALUES (4, 1, 'h', 'h')");
    sql(w, "INSERT INTO line (id, gateway_id, number, endpoint, baud, parity) "
           "VALUES (2, 4, 1, 'tcp:2', 2400, 'E')");
    sql(w, "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind) "
           "SELECT value, 1, 2, CASE value WHEN 107 THEN 2 ELSE 1 END, 'a' || value, "
           "'water-valve-188', 'water' FROM json_each('[101, 102, 103, 104, 105, 106, 107]')");
    for (r.meter_id = 101; r.meter_id <= 107; r.meter_id++)
        hear(w, r);
    go_to_hours(w);
    tick(w);
    assert_int_equal(UNDER_WAY(w), 5);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE gateway_id = 4"), 1);
    w->now.s += 60;
    tick(w);
    assert_int_equal(UNDER_WAY(w), 5);
    sql(w, "UPDATE command SET state = 'done' WHERE meter_id IN (101, 102, 103)");
    w->now.s += 60;
    tick(w);
    assert_int_equal(UNDER_WAY(w), 4); /* none was forgotten */
    assert_int_equal(number(w, "SELECT count(*) FROM flow_exercise"), 7);
    assert_int_equal(number(w, "SELECT count(DISTINCT meter_id) FROM flow_exercise"), 7);
}

/* A valve whose exercise cannot be written keeps no other still. */
static void test_an_odd_valve_stops_no_other(void **state)
{
    struct world *w = *state;
    struct flow_report r = plain(w, VALVE);
    sql(w, "INSERT INTO meter (id, project_id, place_id, line_id, address, model, kind) "
           "SELECT value, 1, 2, 1, 'a' || value, 'water-valve-188', 'water' "
           "FROM json_each('[101, 102]')");
    for (r.meter_id = 101; r.meter_id <= 102; r.meter_id++)
        hear(w, r);
    sql(w, "CREATE TRIGGER odd BEFORE INSERT ON flow_exercise WHEN NEW.meter_id = 101 "
           "BEGIN SELECT raise(ABORT, 'odd'); END");
    go_to_hours(w);
    tick(w);
    assert_int_equal(number(w, "SELECT meter_id FROM command WHERE kind = 'exercise'"), 102);
    assert_int_equal(EVENTS(w, "work.failed"), 1);
    w->now.s += 60;
    tick(w);
    assert_int_equal(EVENTS(w, "work.failed"), 1);
}

static void test_the_order_ends_with_the_hours(void **state)
{
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 0);
    w->now.s = midnight(w) + DAY + 4 * HOUR + 1'800 - 5;
    tick(w);
    assert_int_equal(number(w, "SELECT not_after FROM command"), w->now.s + 5);
}

static void wish(struct world *w, enum control_desired desired)
{
    w->wish = (struct control_wish){.meter_id = VALVE, .desired = desired, .reason = "arrears",
                                    .actor = "system", .now = w->now,
                                    .random = ++w->random * 7'919};
    assert_ok(store_run(w->store, do_wish, w));
}

static void test_what_is_left_alone(void **state)
{
    struct world *w = *state;
    struct flow_report r;
    hear_valve(w, METER_VALVE_OPEN, 0);
    go_to_hours(w);
    wish(w, CONTROL_OPEN); /* about to be cut */
    tick(w);
    expect_last(w, 1, FLOW_CLOSED);
    wish(w, CONTROL_NONE);
    hear_valve(w, METER_VALVE_CLOSED, 0); /* closed by hand */
    w->now.s += 7 * DAY;
    tick(w);
    expect_last(w, 2, FLOW_CLOSED);
    hear_valve(w, METER_VALVE_FAULT, 0);
    w->now.s += 7 * DAY;
    tick(w);
    expect_last(w, 3, FLOW_FAULT);
    hear_valve(w, METER_VALVE_OPEN, 0);
    r = plain(w, VALVE);
    r.battery_low = 1;
    hear(w, r);
    w->now.s += 7 * DAY;
    tick(w);
    expect_last(w, 4, FLOW_BATTERY);
    r.battery_low = 0;
    hear(w, r);
    w->protection = (struct control_protection){.scope = CONTROL_SCOPE_ACCOUNT, .object_id = 7,
                                                .kind = 0, .from = {NOON}, .reason = "clinic",
                                                .actor = "user:1", .now = w->now};
    assert_ok(store_run(w->store, do_protect, w));
    w->now.s += 7 * DAY;
    tick(w);
    expect_last(w, 5, FLOW_PROTECTED);
    sql(w, "UPDATE relay SET keep_power = 1");
    w->now.s += 7 * DAY;
    tick(w);
    expect_last(w, 6, FLOW_KEPT);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE kind = 'exercise'"), 0);
}

static void test_a_rule_without_exercise(void **state)
{
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 0);
    assert_ok(store_read(w->store, do_rule_get, w));
    w->rule.exercise_days = 0;
    assert_ok(store_run(w->store, do_rule, w));
    go_to_hours(w);
    tick(w);
    assert_int_equal(exercises(w), 0);
    assert_ok(store_read(w->store, do_rule_get, w));
    w->rule.exercise_days = 1;
    assert_ok(store_run(w->store, do_rule, w));
    tick(w);
    assert_int_equal(exercises(w), 1); /* at once: its hours are now */
}

static void test_a_seized_valve_is_opened_by_control(void **state)
{
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 0);
    go_to_hours(w);
    tick(w);
    w->now.s += 90;
    answer(w, half_way);
    expect_last(w, 1, FLOW_SEIZED);
    assert_int_equal(EVENTS(w, "valve.seized"), 1);
    assert_int_equal(REOPENED(w), 1);
}

static void test_a_cut_meanwhile_stands(void **state)
{
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 0);
    go_to_hours(w);
    tick(w);
    wish(w, CONTROL_OPEN);
    answer(w, stayed_closed);
    assert_int_equal(number(w, "SELECT count(*) FROM relay WHERE desired = 'open'"), 1);
    assert_int_equal(EVENTS(w, "valve.seized"), 0); /* it was told to close */
}

/* There and back the meter reports what it likes. */
static void test_a_moving_valve_is_not_at_fault(void **state)
{
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 0);
    go_to_hours(w);
    tick(w);
    w->now.s += 10;
    hear_valve(w, METER_VALVE_FAULT, 0);
    assert_true(w->moving);
    assert_int_equal(EVENTS(w, "valve.fault"), 0);
    assert_int_equal(state_of(w, VALVE).valve, METER_VALVE_OPEN);
    w->now.s += 180;
    hear_valve(w, METER_VALVE_FAULT, 0);
    assert_false(w->moving);
    assert_int_equal(EVENTS(w, "valve.fault"), 1);
}

static void test_every_other_end(void **state)
{
    static const struct {
        struct end end;
        enum flow_result result;
        int64_t days;
        bool reopened; /* whatever may have left it closed */
    } ends[] = {
        {{UPLINK_REFUSED, false, UPLINK_REPLY_NONE, 1}, FLOW_CLOSED, 7, false},
        {{UPLINK_REFUSED, false, UPLINK_REPLY_NONE, 0}, FLOW_REFUSED, 1, false},
        {{UPLINK_REFUSED, true, UPLINK_REPLY_OTHER, 0}, FLOW_REFUSED, 1, false},
        {{UPLINK_REFUSED, true, UPLINK_REPLY_OTHER, -1}, FLOW_REFUSED, 1, true},
        {{UPLINK_UNKNOWN, false, UPLINK_REPLY_NONE, -1}, FLOW_UNKNOWN, 1, false},
        {{UPLINK_UNKNOWN, true, UPLINK_REPLY_NONE, -1}, FLOW_UNKNOWN, 1, true},
        {{UPLINK_UNKNOWN, true, UPLINK_REPLY_OK, -1}, FLOW_UNKNOWN, 1, true},
        {{UPLINK_UNKNOWN, true, UPLINK_REPLY_NONE, 0}, FLOW_UNKNOWN, 1, true},
        {{UPLINK_EXPIRED, false, UPLINK_REPLY_NONE, 0}, FLOW_EXPIRED, 1, false},
        {{UPLINK_FENCED, false, UPLINK_REPLY_NONE, -1}, FLOW_EXPIRED, 1, false},
        {{UPLINK_NO_METER, false, UPLINK_REPLY_NONE, -1}, FLOW_EXPIRED, 1, false},
        {{UPLINK_NO_METER, true, UPLINK_REPLY_NONE, -1}, FLOW_UNKNOWN, 1, true},
    };
    struct world *w = *state;
    hear_valve(w, METER_VALVE_OPEN, 0);
    go_to_hours(w);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        tick(w);
        expect_last(w, i + 1, FLOW_SENT);
        answer(w, ends[i].end);
        expect_last(w, i + 1, ends[i].result);
        assert_int_equal(state_of(w, VALVE).exercise_at.s, w->now.s + ends[i].days * DAY);
        assert_int_equal(REOPENED(w), ends[i].reopened);
        settle(w);
        sql(w, "UPDATE relay SET reason = 'settled'");
        w->now.s += ends[i].days * DAY;
    }
    assert_int_equal(EVENTS(w, "valve.seized") + EVENTS(w, "valve.exercised"), 0);
}

static void give_up(struct world *w)
{
    hear_valve(w, METER_VALVE_OPEN, 0);
    go_to_hours(w);
    tick(w);
    w->now.s += HOUR + 1;
    tick(w);
    expect_last(w, 1, FLOW_UNKNOWN);
}

static void test_silence_ends_and_the_truth_is_still_recorded(void **state)
{
    struct world *w = *state;
    give_up(w);
    answer(w, moved);
    expect_last(w, 1, FLOW_DONE);
    assert_int_equal(EVENTS(w, "valve.exercised"), 1);
    w->outcome.command_id = 4; /* of nobody */
    assert_ok(store_run(w->store, do_outcome, w));
    expect_last(w, 1, FLOW_DONE);
}

/* Nobody waits any more, and the valve is still shut. */
static void test_a_late_word_of_a_closed_valve_opens_it(void **state)
{
    struct world *w = *state;
    give_up(w);
    int64_t next = state_of(w, VALVE).exercise_at.s;
    w->now.s += HOUR;
    answer(w, stayed_closed);
    expect_last(w, 1, FLOW_SEIZED);
    assert_int_equal(REOPENED(w), 1);
    assert_int_equal(EVENTS(w, "valve.seized"), 1);
    assert_int_equal(state_of(w, VALVE).exercise_at.s, next);
}

static void test_a_late_word_of_another_device_is_only_recorded(void **state)
{
    struct world *w = *state;
    give_up(w);
    sql(w, "UPDATE meter SET epoch = 2 WHERE id = 11");
    answer(w, stayed_closed);
    expect_last(w, 1, FLOW_SEIZED);
    assert_int_equal(REOPENED(w), 0);
    assert_int_equal(EVENTS(w, "valve.seized"), 0);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_a_leak_is_told_once_until_a_dry_night),
        T(test_use_at_night_is_no_leak),
        T(test_a_night_that_was_not_read_is_not_judged),
        T(test_heat_flows_at_night),
        T(test_the_rule_is_data),
        T(test_rules_out_of_bounds_are_named),
        T(test_flow_through_a_closed_valve),
        T(test_battery_valve_and_faults_are_told_when_they_change),
        T(test_a_meter_that_tells_nothing_of_it_has_no_row),
        T(test_another_device_begins_anew),
        T(test_exercise_once_a_week_in_its_hours),
        T(test_a_few_at_a_time),
        T(test_an_odd_valve_stops_no_other),
        T(test_the_order_ends_with_the_hours),
        T(test_what_is_left_alone),
        T(test_a_rule_without_exercise),
        T(test_a_seized_valve_is_opened_by_control),
        T(test_a_cut_meanwhile_stands),
        T(test_a_moving_valve_is_not_at_fault),
        T(test_every_other_end),
        T(test_silence_ends_and_the_truth_is_still_recorded),
        T(test_a_late_word_of_a_closed_valve_opens_it),
        T(test_a_late_word_of_another_device_is_only_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
