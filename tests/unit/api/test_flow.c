/* Water, heat and their kin over the interface: the rule, a meter's state, the report of readings.
 */
#include "tests/unit/api/world.h"

#include <stdio.h>
#include <time.h>

#include "flow/flow.h"
#include "meter/point.h"
#include "readings/readings.h"

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
    "\"closed_l\":50,\"exercise_days\":14,\"exercise_from_min\":180,\"exercise_to_min\":240,"      \
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
                        &(struct flow_report){.meter_id = 1,
                                              .epoch = 1,
                                              .register_l = 1'000,
                                              .volume_l = 1'000,
                                              .valve = METER_VALVE_CLOSED,
                                              .relay_open = 1,
                                              .battery_low = 1,
                                              .fault_bits = -1,
                                              .at = {1'790'000'000},
                                              .now = {1'790'000'000}},
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
    static const char *const bad[] = {REPORT "?from=20260901&to=20260831",
                                      REPORT "?from=20240101&to=20260101",
                                      REPORT "?from=20260931&to=20261001", REPORT "?from=20260901",
                                      REPORT "?from=20260901&to=20260902&kind=steam"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        r = world_get(w, &p, bad[i]);
        if (r.status < 400 || r.status >= 500)
            fail_msg("%s: %d", bad[i], r.status);
        reply_free(&r);
    }
}

#define HOUR_S 3600
#define ZONE_S (8 * HOUR_S)

/* The day before yesterday where the meters are. */
static int64_t some_day(void)
{
    int64_t local = (int64_t)time(NULL) + ZONE_S;
    return local - local % (24 * HOUR_S) - 48 * HOUR_S - ZONE_S;
}

static enum err hear_registers(struct store_tx *tx, void *arg)
{
    struct world *w = arg;
    struct readings_moved moved;
    uint8_t body[4096];
    struct writer out = writer_of(body, sizeof body);
    int64_t day = some_day();
    struct uplink_reading r[3];
    static const int64_t hour[] = {0, 12, 23}, wh[] = {100'000, 106'000, 107'000};
    for (int i = 0; i < 3; i++)
        r[i] = (struct uplink_reading){.meter_id = 1,
                                       .epoch = 1,
                                       .at = {day + hour[i] * HOUR_S},
                                       .points = {{POINT_ENERGY_WH, wh[i]}},
                                       .point_count = 1};
    struct uplink_readings batch = {.seq_epoch = 1, .seq = 1, .readings = r, .count = 3};
    uplink_message_encode(
        &(struct uplink_message){.kind = UPLINK_READINGS, .epoch = 1, .seq = 1, .readings = batch},
        &out);
    return readings_ingest(
        w->readings, tx,
        &(struct readings_batch){1, 1, 1, {(int64_t)time(NULL)}, {body, out.len}, &batch}, &moved);
}

static struct reply report_of(struct world *w, const struct person *p)
{
    char path[128], day[16];
    time_t t = (time_t)(some_day() + ZONE_S);
    struct tm at;
    strftime(day, sizeof day, "%Y%m%d", gmtime_r(&t, &at));
    snprintf(path, sizeof path, REPORT "?from=%s&to=%s&limit=1", day, day);
    struct reply r = world_get(w, p, path);
    assert_int_equal(r.status, 200);
    return r;
}

static void check_row(struct reply r, int64_t from, int64_t ratio, int64_t used)
{
    const json_t *row = json_array_get(json_object_get(r.json, "rows"), 0);
    assert_int_equal(json_integer_value(json_object_get(row, "ratio_from")), from);
    assert_int_equal(json_integer_value(json_object_get(row, "ratio")), ratio);
    assert_int_equal(json_integer_value(json_object_get(row, "used")), used);
    const json_t *closing = json_object_get(row, "closing"); /* what the display says */
    assert_int_equal(json_integer_value(json_object_get(closing, "value")), 107'000);
    reply_free(&r);
}

struct ratio {
    int64_t from_s, ratio;
};

static enum err insert_ratio(struct store_tx *tx, void *arg)
{
    const struct ratio *r = arg;
    return store_exec(tx, "INSERT INTO meter_ratio VALUES (1, $1, $2, 'user:1', 'x', 1)", "ii",
                      r->from_s, r->ratio);
}

static void put_ratio(struct world *w, int64_t at_s, int64_t ratio)
{
    assert_ok(store_run(w->ledger, insert_ratio, &(struct ratio){at_s, ratio}));
}

static void usage_is_behind_the_transformers(void **state)
{
    struct world *w = *state;
    world_person(w, AUTH_CASHIER, 1);
    struct person p = world_login(w, "cashier");
    int64_t day = some_day();
    assert_ok(store_run(w->readings_store, hear_registers, w));
    check_row(report_of(w, &p), 1, 1, 7'000);
    put_ratio(w, day - HOUR_S, 30);
    check_row(report_of(w, &p), 30, 30, 210'000);
    put_ratio(w, day + 12 * HOUR_S + 7, 40); /* at the whole minute */
    check_row(report_of(w, &p), 30, 40, 6'000 * 30 + 1'000 * 40);
    put_ratio(w, day + 12 * HOUR_S + 50, 50); /* within the same minute: the last one counts */
    check_row(report_of(w, &p), 30, 50, 6'000 * 30 + 1'000 * 50);
    put_ratio(w, day + 24 * HOUR_S, 60); /* afterwards */
    check_row(report_of(w, &p), 30, 50, 6'000 * 30 + 1'000 * 50);
}

static void models_are_told_with_what_they_measure(void **state)
{
    struct world *w = *state;
    struct person p = world_login(w, "officer");
    struct reply r = world_get(w, &p, "/api/v1/meter-models");
    const json_t *list = json_object_get(r.json, "models"), *one;
    size_t i, valves = 0;
    assert_int_equal(r.status, 200);
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (strcmp(json_string_value(json_object_get(one, "model")), "water-valve-188") == 0) {
            assert_string_equal(json_string_value(json_object_get(one, "kind")), "water");
            valves++;
        }
    }
    assert_int_equal(valves, 1);
    reply_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_rule_is_read_and_changed, water, world_close),
        cmocka_unit_test_setup_teardown(a_meter_says_what_stands, water, world_close),
        cmocka_unit_test_setup_teardown(a_report_has_a_row_a_meter, water, world_close),
        cmocka_unit_test_setup_teardown(models_are_told_with_what_they_measure, water, world_close),
        cmocka_unit_test_setup_teardown(usage_is_behind_the_transformers, world_open, world_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
