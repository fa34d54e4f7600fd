/* Exercising valves: the gateway engine against water meters of another maker. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "gateway/gateway.h"
#include "sim/world/pipes.h"

#define WALL0 INT64_C(1'788'220'800)
#define VALVE_MS 7'000

struct rig {
    struct store *store;
    struct gateway *gateway;
    struct sim_pipes pipes;
    mono_ms now;
    struct uplink_outcome outcomes[16];
    size_t outcome_count;
    bool deaf; /* nobody hears what the valve answers to an exercise */
    _Alignas(16) uint8_t arena[UPLINK_ARENA];
};

static struct gateway_now now_of(const struct rig *r)
{
    return (struct gateway_now){
        .mono = r->now, .wall = {WALL0 + r->now.ms / 1000}, .trusted = true};
}

static void say(struct rig *r, const struct uplink_message *m)
{
    const struct gateway_now now = now_of(r);
    assert_ok(gateway_uplink_message(r->gateway, &now, m));
}

static void listen(struct rig *r)
{
    struct bytes encoded;
    struct uplink_message m;
    struct gateway_now now = now_of(r);
    while (gateway_next_uplink(r->gateway, &now, &encoded)) {
        assert_ok(uplink_message_decode(encoded.data, encoded.len, r->arena, &m));
        if (m.kind == UPLINK_OUTCOME && r->outcome_count < 16)
            r->outcomes[r->outcome_count++] = m.outcome;
        if (m.seq > 0)
            say(r, &(struct uplink_message){.kind = UPLINK_ACK, .ack = {m.epoch, m.seq}});
    }
}

static void put_on_line(struct rig *r, const uint8_t *data, size_t len)
{
    uint32_t before = r->pipes.meters[0].exercises;
    sim_pipes_write(&r->pipes, data, len, r->now);
    if (r->deaf && r->pipes.meters[0].exercises > before)
        r->pipes.answer_len = 0;
}

static void live(struct rig *r, int64_t ms)
{
    uint8_t buf[512];
    mono_ms end = mono_after(r->now, ms);
    while (r->now.ms < end.ms) {
        struct gateway_now now = now_of(r);
        size_t len = sim_pipes_read(&r->pipes, r->now, buf, sizeof buf);
        if (len > 0)
            gateway_line_input(r->gateway, &now, 0, buf, len);
        gateway_tick(r->gateway, &now);
        len = gateway_line_output(r->gateway, &now, 0, buf, sizeof buf);
        if (len > 0)
            put_on_line(r, buf, len);
        listen(r);
        mono_ms next = mono_earlier(gateway_wake(r->gateway), sim_pipes_wake(&r->pipes));
        next = mono_earlier(next, end);
        r->now = next.ms > r->now.ms ? next : mono_after(r->now, 1);
    }
    sim_pipes_run(&r->pipes, r->now);
}

/* Meter 1 has a valve that can be exercised, meter 2 has none. */
static void configure(struct rig *r, int64_t version, int64_t epoch)
{
    struct uplink_config_line line = {
        .number = 1, .endpoint = "tcp:sim:1", .baud = 2400, .parity = 'E'};
    struct uplink_config_meter meters[2] = {
        {.meter_id = 1, .line = 1, .circuits = 1, .model = "water-valve-188"},
        {.meter_id = 2, .line = 1, .circuits = 1, .model = "water-188"}};
    for (int i = 0; i < 2; i++) {
        meters[i].epoch = epoch;
        snprintf(meters[i].address, sizeof meters[i].address, "%014d", i + 1);
    }
    say(r, &(struct uplink_message){.kind = UPLINK_CONFIG,
                                    .config = {.version = version, .parts = 1, .lines = &line,
                                               .line_count = 1, .meters = meters,
                                               .meter_count = 2}});
    const struct gateway_now now = now_of(r);
    gateway_line_status(r->gateway, &now, 0, true);
}

static void hang_up_meters(struct rig *r)
{
    for (uint8_t i = 0; i < 2; i++)
        (void)sim_pipes_add(&r->pipes,
                            &(struct vendor_setup){.kind = VENDOR_COLD_WATER, .address = {i + 1},
                                                   .has_valve = i == 0, .valve_ms = VALVE_MS},
                            r->now);
}

static void open_gateway(struct rig *r)
{
    const struct gateway_now now = now_of(r);
    assert_ok(gateway_open(&r->gateway,
                           &(struct gateway_options){.store = r->store,
                                                     .new_queue_epoch = 77,
                                                     .queue_bytes_max = 0,
                                                     .offset_s = 8 * 3600},
                           &now));
    gateway_uplink_connected(r->gateway, &now);
    listen(r);
    say(r, &(struct uplink_message){.kind = UPLINK_WELCOME});
    if (gateway_line_count(r->gateway) > 0)
        gateway_line_status(r->gateway, &now, 0, true);
}

static int set_up(void **state)
{
    static struct rig rig;
    struct rig *r = &rig;
    *r = (struct rig){0};
    *state = r;
    sim_pipes_init(&r->pipes, (wall_s){WALL0});
    assert_ok(store_open(&r->store,
                         &(struct store_config){.kind = STORE_GATEWAY, .path = ":memory:"}));
    open_gateway(r);
    hang_up_meters(r);
    configure(r, 1, 1);
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    gateway_close(r->gateway);
    store_close(r->store);
    return 0;
}

static struct uplink_command exercise(const struct rig *r, int64_t id, int64_t meter)
{
    return (struct uplink_command){.id = id, .kind = UPLINK_EXERCISE, .meter_id = meter, .epoch = 1,
                                   .not_after = {now_of(r).wall.s + 60}};
}

static void command(struct rig *r, struct uplink_command c)
{
    say(r, &(struct uplink_message){.kind = UPLINK_COMMAND, .command = c});
}

static struct vendor_meter *valve(struct rig *r)
{
    return &r->pipes.meters[0];
}

static void test_an_open_valve_goes_there_and_back(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    command(r, exercise(r, 1, 1));
    live(r, 30'000);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].kind, UPLINK_EXERCISE);
    assert_int_equal(r->outcomes[0].status, UPLINK_DONE);
    assert_true(r->outcomes[0].sent);
    assert_int_equal(r->outcomes[0].relay_open, 0);
    assert_int_equal(valve(r)->exercises, 1);
    assert_false(valve(r)->closed);
    command(r, exercise(r, 1, 1)); /* told again: not moved again */
    live(r, 30'000);
    assert_int_equal(valve(r)->exercises, 1);
}

static void test_a_closed_valve_is_left_alone(void **state)
{
    struct rig *r = *state;
    vendor_move_valve(valve(r), true);
    live(r, 20'000);
    assert_true(valve(r)->closed);
    command(r, exercise(r, 1, 1));
    live(r, 30'000);
    assert_int_equal(r->outcomes[0].status, UPLINK_REFUSED);
    assert_false(r->outcomes[0].sent);
    assert_int_equal(r->outcomes[0].relay_open, 1);
    assert_int_equal(valve(r)->exercises, 0);
}

static void test_a_late_one_is_not_sent(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = exercise(r, 1, 1);
    c.not_after.s = now_of(r).wall.s - 1;
    live(r, 10'000);
    command(r, c);
    live(r, 30'000);
    assert_int_equal(r->outcomes[0].status, UPLINK_EXPIRED);
    assert_int_equal(valve(r)->exercises, 0);
}

static void test_a_model_without_it_is_refused(void **state)
{
    struct rig *r = *state;
    command(r, exercise(r, 1, 2));
    live(r, 30'000);
    assert_int_equal(r->outcomes[0].status, UPLINK_REFUSED);
    assert_false(r->outcomes[0].sent);
}

static void test_a_seized_valve_is_found_out(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    command(r, exercise(r, 1, 1));
    live(r, 2'000);
    valve(r)->valve_stuck = true;
    live(r, 120'000);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].status, UPLINK_REFUSED);
    assert_true(r->outcomes[0].sent);
    assert_int_equal(r->outcomes[0].relay_open, -1); /* neither open nor closed */
}

/* The order was taken, its answer lost: the valve is looked at when it has had its time. */
static void test_without_an_answer_it_is_waited_for_the_valve(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    r->deaf = true;
    command(r, exercise(r, 1, 1));
    live(r, 10'000);
    assert_int_equal(valve(r)->exercises, 1);
    assert_int_equal(r->outcome_count, 0);
    live(r, 30'000);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].status, UPLINK_UNKNOWN);
    assert_true(r->outcomes[0].sent);
    assert_int_equal(r->outcomes[0].reply, UPLINK_REPLY_NONE);
    assert_int_equal(r->outcomes[0].relay_open, 0);
    assert_int_equal(valve(r)->exercises, 1);
}

static void test_nor_is_a_seized_one_waited_for_twice(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    r->deaf = true;
    command(r, exercise(r, 1, 1));
    live(r, 2'000);
    valve(r)->valve_stuck = true;
    live(r, 40'000);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].status, UPLINK_UNKNOWN);
    assert_true(r->outcomes[0].sent);
    assert_int_equal(r->outcomes[0].relay_open, -1);
    assert_int_equal(valve(r)->exercises, 1);
}

/* The meter was exchanged while its valve moved: what was sent was sent. */
static void test_another_epoch_does_not_undo_what_was_sent(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    command(r, exercise(r, 1, 1));
    live(r, 3'000);
    assert_int_equal(valve(r)->exercises, 1);
    configure(r, 2, 2);
    command(r, exercise(r, 2, 1)); /* of the old epoch too, and nothing of it was begun */
    live(r, 60'000);
    assert_int_equal(r->outcome_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(r->outcomes[i].status, UPLINK_NO_METER);
        assert_int_equal(r->outcomes[i].sent, r->outcomes[i].command_id == 1);
    }
    assert_int_equal(valve(r)->exercises, 1);
}

/* A gateway that died in between cannot know whether the valve moved, and does not move it again. */
static void test_death_in_between_moves_nothing_twice(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    command(r, exercise(r, 1, 1));
    live(r, 3'000);
    assert_int_equal(valve(r)->exercises, 1);
    gateway_close(r->gateway);
    open_gateway(r);
    live(r, 60'000);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].status, UPLINK_UNKNOWN);
    assert_int_equal(valve(r)->exercises, 1);
    assert_false(valve(r)->closed);
}

/* What waited for a valve comes due while its line is away: nothing to do until the line is back. */
static void test_a_line_that_goes_away_wakes_nobody(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    command(r, exercise(r, 1, 1));
    live(r, 3'000);
    struct gateway_now now = now_of(r);
    gateway_line_status(r->gateway, &now, 0, false);
    r->now = mono_after(r->now, 60'000);
    now = now_of(r);
    gateway_tick(r->gateway, &now);
    listen(r);
    gateway_tick(r->gateway, &now);
    assert_true(gateway_wake(r->gateway).ms > r->now.ms);
    gateway_line_status(r->gateway, &now, 0, true);
    live(r, 30'000);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].status, UPLINK_DONE);
    assert_int_equal(valve(r)->exercises, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_open_valve_goes_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_closed_valve_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_late_one_is_not_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_model_without_it_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_seized_valve_is_found_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_line_that_goes_away_wakes_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_an_answer_it_is_waited_for_the_valve, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nor_is_a_seized_one_waited_for_twice, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_another_epoch_does_not_undo_what_was_sent, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_death_in_between_moves_nothing_twice, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
