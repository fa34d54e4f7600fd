/* Registers and trips of terminals, through the gateway engine. */
#include "tests/unit/gateway/gateway_rig.h"

#include "meter/meter_terminal.h"

static struct uplink_command limits(int64_t id, uint16_t power_w)
{
    struct uplink_command c = {.id = id,
                               .kind = UPLINK_REGISTER,
                               .meter_id = 1,
                               .epoch = 1,
                               .circuit = 2,
                               .item = METER_TERMINAL_LIMITS};
    const struct meter_terminal_limits l = {
        .power_w = power_w, .delay_s = 2, .step_w = 150, .standby_ma = 6, .unplugged_s = 5};
    struct writer w = writer_of(c.data, sizeof c.data);
    meter_terminal_put_limits(&l, &w);
    assert_ok(w.err);
    c.data_len = w.len;
    return c;
}

static struct uplink_command one_register(int64_t id, enum meter_terminal_item item, int byte)
{
    struct uplink_command c = {.id = id,
                               .kind = UPLINK_REGISTER,
                               .meter_id = 1,
                               .epoch = 1,
                               .circuit = 2,
                               .item = item,
                               .data = {(uint8_t)byte}};
    c.data_len = byte >= 0;
    return c;
}

/* The terminal's own memory of what circuit 2 may draw. */
static unsigned power_limit_w(const struct rig *r)
{
    return r->meters[0].terminal.guard.circuit[1].power_w;
}

static void test_register_is_written_and_read_back(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = limits(2, 700);
    rig_command(r, c);
    rig_live(r, 10'000);
    const struct uplink_outcome *o = rig_only_outcome(r);
    assert_int_equal(o->status, UPLINK_DONE);
    assert_int_equal(o->reply, UPLINK_REPLY_OK);
    assert_int_equal(o->item, METER_TERMINAL_LIMITS);
    assert_int_equal(o->circuit, 2);
    assert_int_equal(o->data_len, c.data_len);
    assert_memory_equal(o->data, c.data, c.data_len);
    assert_int_equal(power_limit_w(r), 700);
    rig_command(r, one_register(3, METER_TERMINAL_LIMITS, -1)); /* only reads */
    rig_live(r, 10'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_false(r->outcomes[1].sent);
    assert_memory_equal(r->outcomes[1].data, c.data, c.data_len);
}

static void test_refused_register_tells_what_holds(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = limits(2, 700);
    c.data[15] = 0xFF; /* a standby current beyond the scale */
    c.data[16] = 0xFF;
    rig_command(r, c);
    rig_command(r, one_register(3, METER_TERMINAL_ITEMS, 1));  /* there is no such register */
    rig_command(r, one_register(4, METER_TERMINAL_STATUS, 1)); /* it cannot be written */
    rig_live(r, 20'000);
    assert_int_equal(r->outcome_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(r->outcomes[i].status, UPLINK_REFUSED);
    assert_int_equal(r->outcomes[0].reply, UPLINK_REPLY_OTHER);
    assert_int_equal(r->outcomes[0].data_len, c.data_len);
    assert_memory_not_equal(r->outcomes[0].data, c.data, c.data_len);
    assert_int_equal(power_limit_w(r), 0);
}

static void test_lost_answer_to_a_write_is_settled_by_reading(void **state)
{
    struct rig *r = *state;
    rig_live(r, 10'000);
    for (int64_t i = 1; i <= 10; i++) {
        r->line.faults.drop_answer = 400;
        rig_command(r, limits(i, (uint16_t)(100 * i)));
        rig_live(r, 60'000);
        const struct uplink_outcome *o = &r->outcomes[r->outcome_count - 1];
        assert_int_equal(r->outcome_count, i);
        if (o->status == UPLINK_DONE)
            assert_int_equal(power_limit_w(r), 100 * i);
        else
            assert_int_equal(o->status, UPLINK_UNKNOWN);
    }
    r->line.faults.drop_answer = 1000;
    rig_command(r, limits(50, 5'000));
    rig_live(r, 120'000);
    assert_int_equal(r->outcomes[10].status, UPLINK_UNKNOWN);
    assert_int_equal(r->outcomes[10].data_len, 0);
    assert_int_equal(power_limit_w(r), 5'000); /* it may have happened, and has */
}

/* From now on circuit 2 draws so much, and the meter lives second by second. */
static void draw(struct rig *r, int64_t power_mw, int seconds)
{
    sim_line_run(&r->line, r->now);
    sim_meter_set_load(&r->meters[0], 2, power_mw);
    for (int i = 0; i < seconds; i++) {
        rig_live(r, 1'000);
        sim_line_run(&r->line, r->now);
    }
}

/* Circuit 2 trips: 1 kW where 500 W are allowed, and it does not close again by itself. */
static void overload(struct rig *r, int64_t id)
{
    rig_command(r, rig_vend(id, 1, 1));
    rig_command(r, limits(id + 1, 500));
    rig_live(r, 15'000);
    draw(r, 1'000'000, 30);
}

static void test_trips_are_told_once_with_their_reason(void **state)
{
    struct rig *r = *state;
    overload(r, 1);
    rig_live(r, 150'000);
    assert_int_equal(r->trip_count,
                     r->meters[0].terminal.books.trips + r->meters[1].terminal.books.trips);
    const struct uplink_trip *t = &r->trips[r->trip_count - 1];
    assert_int_equal(t->meter_id, 1);
    assert_int_equal(t->epoch, 1);
    assert_int_equal(t->number, r->meters[0].terminal.books.trips);
    assert_int_equal(t->circuit, 2);
    assert_int_equal(t->reason, TERMINAL_REASON_LOAD);
    assert_int_equal(t->power_w, 1000);
    assert_int_equal(t->value, 1'000'000);
    assert_int_equal(t->limit, 500'000);
    assert_in_range(t->at.s, WALL0 + 15, WALL0 + 30);
    size_t told = r->trip_count;
    rig_close(r); /* what was told is known after a restart */
    rig_open(r);
    rig_live(r, 700'000);
    assert_int_equal(r->trip_count, told);
}

static void test_reset_closes_and_is_shown(void **state)
{
    struct rig *r = *state;
    overload(r, 1);
    assert_false(terminal_output(&r->meters[0].terminal).closed[1]);
    draw(r, 0, 1);
    rig_command(r, one_register(9, METER_TERMINAL_RESET, 1));
    rig_live(r, 10'000);
    const struct uplink_outcome *o = &r->outcomes[r->outcome_count - 1];
    assert_int_equal(o->command_id, 9);
    assert_int_equal(o->status, UPLINK_DONE);
    struct meter_terminal_status s;
    assert_ok(meter_terminal_read_status((struct bytes){o->data, o->data_len}, &s));
    assert_int_equal(s.cause, 0);
    assert_true(terminal_output(&r->meters[0].terminal).closed[1]);
    struct uplink_command late = one_register(10, METER_TERMINAL_RESET, 1);
    late.not_after.s = rig_now(r).wall.s - 1;
    rig_command(r, late);
    rig_live(r, 5'000);
    assert_int_equal(r->outcomes[r->outcome_count - 1].status, UPLINK_EXPIRED);
}

/* More trips than the terminal keeps, while nobody asks: the newest thirty come. */
static void test_the_newest_trips_that_are_kept_are_told(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = limits(2, 500);
    c.data[10] = 255; /* closes again so often a day, */
    c.data[11] = 3;   /* after so many seconds */
    rig_command(r, rig_vend(1, 1, 1));
    rig_command(r, c);
    rig_live(r, 90'000);
    size_t before = r->trip_count;
    struct gateway_now now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, false);
    draw(r, 1'000'000, 400);
    draw(r, 0, 10);
    uint32_t trips = r->meters[0].terminal.books.trips;
    assert_true(trips > 40);
    now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, true);
    rig_live(r, 120'000);
    assert_int_equal(r->trip_count - before, METER_TERMINAL_TRIPS);
    for (size_t i = before; i < r->trip_count; i++)
        assert_int_equal(r->trips[i].number, trips - METER_TERMINAL_TRIPS + 1 + (i - before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_register_is_written_and_read_back),
        CASE(test_refused_register_tells_what_holds),
        CASE(test_lost_answer_to_a_write_is_settled_by_reading),
        CASE(test_trips_are_told_once_with_their_reason),
        CASE(test_reset_closes_and_is_shown),
        CASE(test_the_newest_trips_that_are_kept_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
