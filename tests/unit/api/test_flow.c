/* Water, heat and their kin over the interface: the rule, a meter's state, the report of readings. */
#include "tests/unit/api/world.h"

#include <stdio.h>

#include "flow/flow.h"
#include "meter/point.h"

#define RULE "/api/v1/projects/1/flow-rule"
#define REPORT "/api/v1/projects/1/meter-report"
#define METER "/api/v1/meters/1/flow"

static int water(void **state)
{
    if (world_open(state) != 0)
        return -1;
    struct world *w = *state;
    world_execute(w, "UPDATE meter SET model = 'water-valve-188', kind = 'water', circuits = 1, "
                     "address = '00000000000701' WHERE id = 1");
    world_person(w, AUTH_OFFICER, 1);
    world_person(w, AUTH_CASHIER, 1);
    return 0;
}

static int64_t member(const struct reply *r, const char *name)
{
    const json_t *v = json_object_get(r->json, name);
    return json_is_integer(v) ? json_integer_value(v) : -1;
}

#define BODY(night, version)                                                                       \
    "{\"night_from_min\":" #night ",\"night_to_min\":300,\"slot_min\":60,\"least_l\":20,"          \
    "\"closed_l\":50,\"exercise_days\":14,\"exercise_from_min\":180,\"exercise_to_min\":240,"       \
    "\"version\":" #version "}"

static void the_rule_is_read_and_changed(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "officer"), other = world_login(w, "cashier");
    struct reply r = world_get(w, &p, RULE);
    assert_int_equal(r.status, 200);
    assert_int_equal(member(&r, "version"), 0);
    assert_int_equal(member(&r, "least_l"), 10);
    reply_free(&r);
    r = world_post(w, &p, "flow-rule-1", RULE, BODY(120, 0));
    assert_int_equal(r.status, 200);
    assert_int_equal(member(&r, "version"), 1);
    assert_int_equal(member(&r, "exercise_days"), 14);
    reply_free(&r);
    r = world_post(w, &p, "flow-rule-2", RULE, BODY(180, 0)); /* somebody was quicker */
    assert_int_equal(r.status, 409);
    reply_free(&r);
    r = world_post(w, &p, "flow-rule-3", RULE, BODY(130, 1)); /* no whole slots */
    assert_int_equal(r.status, 422);
    assert_non_null(strstr(r.body, "slot_min"));
    reply_free(&r);
    r = world_post(w, &other, "flow-rule-4", RULE, BODY(180, 1));
    assert_int_equal(r.status, 403);
    reply_free(&r);
    assert_int_equal(world_number(w, "SELECT count(*) FROM audit WHERE action = 'flow.rule'"), 1);
}

static enum err hear(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    bool moving;
    (void)w;
    return flow_reading(tx,
                        &(struct flow_report){.meter_id = 1, .epoch = 1, .register_l = 1'000,
                                              .volume_l = 1'000, .valve = METER_VALVE_CLOSED,
                                              .relay_open = 1, .battery_low = 1, .fault_bits = -1,
                                              .at = {1'790'000'000}, .now = {1'790'000'000}},
                        &moving);
}

static void a_meter_says_what_stands(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "cashier");
    struct reply r = world_get(w, &p, METER);
    assert_int_equal(r.status, 200);
    assert_false(json_boolean_value(json_object_get(r.json, "known")));
    reply_free(&r);
    assert_ok(store_run(w->ledger, hear, w));
    r = world_get(w, &p, METER);
    assert_int_equal(member(&r, "battery_low"), 1);
    assert_int_equal(member(&r, "valve"), METER_VALVE_CLOSED);
    assert_int_equal(member(&r, "closed_at"), 1'790'000'000);
    assert_int_equal(member(&r, "fault_bits"), -1);
    reply_free(&r);
}

static void a_report_has_a_row_a_meter(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "cashier");
    struct reply r = world_get(w, &p, REPORT "?from=20260901&to=20260930&kind=water");
    assert_int_equal(r.status, 200);
    const json_t *rows = json_object_get(r.json, "rows");
    assert_int_equal(json_array_size(rows), 1);
    const json_t *row = json_array_get(rows, 0);
    assert_string_equal(json_string_value(json_object_get(row, "address")), "00000000000701");
    assert_true(json_is_null(json_object_get(row, "opening")));
    reply_free(&r);
    static const char *const bad[] = {
        REPORT "?from=20260901&to=20260831", REPORT "?from=20240101&to=20260101",
        REPORT "?from=20260931&to=20261001", REPORT "?from=20260901",
        REPORT "?from=20260901&to=20260902&kind=steam"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r = world_get(w, &p, bad[i]);
        if (r.status < 400 || r.status >= 500)
            fail_msg("%s: %d", bad[i], r.status);
        reply_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rule_is_read_and_changed, water, world_close),
        cmocka_unit_test_setup_teardown(a_meter_says_what_stands, water, world_close),
        cmocka_unit_test_setup_teardown(a_report_has_a_row_a_meter, water, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
