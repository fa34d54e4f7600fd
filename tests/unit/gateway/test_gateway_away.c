/* Standing permissions in the engine: real terminals on a simulated line, and nobody to ask. */
#include "tests/unit/gateway/gateway_rig.h"

#define LEFT_WH 200
#define MINUTE_MS 60'000

static bool is_open(const struct rig *r, int meter)
{
    return !terminal_output(&r->meters[meter].terminal).closed[0];
}

/* Meter 1 has money in its own wallet, so that nothing but an order opens it, and 1.8 kW of load.
 */
static void charge(struct rig *r)
{
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    sim_meter_set_load(&r->meters[0], 2, 1'800'000); /* 1 Wh in two seconds */
    rig_live(r, 3 * MINUTE_MS);
    assert_true(r->energy_wh[1] > 0);
    r->outcome_count = r->event_count = 0;
}

struct permission {
    struct uplink_permit_meter meter;
    struct uplink_permit_window window;
    struct uplink_permit permit;
};

static struct permission permission_of(const struct rig *r)
{
    const wall_s now = rig_now(r).wall;
    return (struct permission){.meter = {1, 1, 501, 3, r->energy_wh[1], 1, 66'000},
                               .window = {{now.s}, {now.s + 20 * 3'600}},
                               .permit = {.account_id = 9,
                                          .at = now,
                                          .valid_from = now,
                                          .valid_until = {now.s + 24 * 3'600},
                                          .left_wh = LEFT_WH,
                                          .grace_s = 300,
                                          .window_count = 1,
                                          .meter_count = 1}};
}

static void permit(struct rig *r, struct permission *p)
{
    p->permit.windows = &p->window;
    p->permit.meters = &p->meter;
    rig_say(r, &(struct uplink_message){.kind = UPLINK_PERMIT, .permit = p->permit});
}

static void leave(struct rig *r)
{
    gateway_uplink_closed(r->gateway);
}

static struct gateway_status status(const struct rig *r)
{
    struct gateway_status s;
    gateway_status_get(r->gateway, &s);
    return s;
}

static void test_cuts_when_the_energy_is_used_up(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    assert_int_equal(status(r).permits, 1);
    leave(r);
    rig_live(r, 9 * MINUTE_MS); /* it is used up by now, but the uplink is not gone long enough */
    assert_false(is_open(r, 0));
    rig_live(r, 12 * MINUTE_MS);
    assert_true(is_open(r, 0));
    assert_int_equal(status(r).away_cuts, 1);
    assert_false(is_open(r, 1) && r->meters[1].applied_count > 0);
    rig_live(r, 60 * MINUTE_MS);
    assert_int_equal(status(r).away_cuts, 1); /* once */
    rig_connect(r);
    rig_live(r, 10'000);
    const struct uplink_outcome *o = rig_only_outcome(r);
    assert_int_equal(o->command_id, 501);
    assert_int_equal(o->status, UPLINK_DONE);
    assert_int_equal(o->version, 3);
    assert_int_equal(r->away_event.command_id, 501);
    assert_int_equal(r->away_event.meter_id, 1);
    assert_true(r->away_event.value > p.meter.register_wh + LEFT_WH);
}

/* The platform has the higher version, and restores. */
static void test_a_restore_wins(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    leave(r);
    rig_live(r, 25 * MINUTE_MS);
    assert_true(is_open(r, 0));
    rig_connect(r);
    rig_command(r, (struct uplink_command){
                       .id = 2, .kind = UPLINK_RELAY, .meter_id = 1, .epoch = 1, .version = 4});
    rig_live(r, 10'000);
    assert_false(is_open(r, 0));
    rig_live(r, 60 * MINUTE_MS);
    assert_false(is_open(r, 0));
}

static void assert_never_cut(struct rig *r)
{
    leave(r);
    rig_live(r, 60 * MINUTE_MS);
    assert_false(is_open(r, 0));
    assert_int_equal(status(r).away_cuts, 0);
}

static void test_enough_left(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    p.permit.left_wh = 2'000; /* an hour is 1,800 Wh */
    permit(r, &p);
    assert_never_cut(r);
}

static void test_protected_hours(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    p.window.from.s += 2 * 3'600;
    permit(r, &p);
    assert_never_cut(r);
    rig_live(r, 61 * MINUTE_MS);
    assert_true(is_open(r, 0)); /* the window has begun */
}

static void test_stale_meter(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    leave(r);
    rig_live(r, 5 * MINUTE_MS);
    r->meters[0].dead = true; /* used up, and then nothing is heard of it any more */
    rig_live(r, 60 * MINUTE_MS);
    assert_int_equal(status(r).away_cuts, 0);
    assert_false(is_open(r, 0));
}

static void test_untrusted_clock(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    r->trusted = false;
    assert_never_cut(r);
}

static void test_another_installation_period(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    rig_configure(r, 2, 2);
    assert_never_cut(r);
}

static void test_ended_and_replaced(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    rig_say(r, &(struct uplink_message){.kind = UPLINK_PERMIT, .permit = {.account_id = 9}});
    assert_int_equal(status(r).permits, 0);
    permit(r, &p);
    rig_say(r, &(struct uplink_message){.kind = UPLINK_PERMIT, .permit = {.account_id = 8}});
    assert_int_equal(status(r).permits, 1); /* that was somebody else's */
    rig_connect(r);
    assert_int_equal(status(r).permits, 0); /* WELCOME: the platform says anew what stands */
    permit(r, &p);
    p.permit.account_id = 10; /* the meter has another tenant: the first permission is over */
    permit(r, &p);
    assert_int_equal(status(r).permits, 1);
    p.permit.window_count = 0; /* what is refused ends the old one as well */
    const struct gateway_now now = rig_now(r);
    assert_err(ERR_RANGE, gateway_uplink_message(
                              r->gateway, &now,
                              &(struct uplink_message){.kind = UPLINK_PERMIT, .permit = p.permit}));
    assert_int_equal(status(r).permits, 0);
    assert_never_cut(r);
}

static void test_a_restart_forgets(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    leave(r);
    rig_close(r);
    rig_open(r);
    assert_int_equal(status(r).permits, 0);
    assert_never_cut(r);
}

static void test_a_newer_wish_stands_against_it(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    rig_command(r, (struct uplink_command){
                       .id = 2, .kind = UPLINK_RELAY, .meter_id = 1, .epoch = 1, .version = 3});
    rig_live(r, 10'000);
    permit(r, &p);
    assert_never_cut(r);
}

/* A short break is none: the ten minutes begin anew. */
static void test_a_flapping_uplink(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    for (int i = 0; i < 5; i++) {
        leave(r);
        rig_live(r, 9 * MINUTE_MS);
        rig_connect(r);
        rig_live(r, 5'000);
    }
    assert_false(is_open(r, 0));
    assert_int_equal(status(r).away_cuts, 0);
}

/* Decided, but its line was down; then the platform is back: it decides now. */
static void test_not_begun_when_the_platform_returns(void **state)
{
    struct rig *r = *state;
    charge(r);
    struct permission p = permission_of(r);
    permit(r, &p);
    leave(r);
    rig_live(r, 12 * MINUTE_MS);
    assert_int_equal(status(r).away_cuts, 0);
    const struct gateway_now now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, false);
    for (int i = 0; i < 24 && status(r).away_cuts == 0; i++)
        rig_live(r, 10'000); /* the readings are still fresh when the grace is over */
    assert_int_equal(status(r).away_cuts, 1);
    assert_int_equal(status(r).commands_waiting, 1);
    rig_connect(r); /* and the line is there again */
    rig_live(r, 10'000);
    assert_int_equal(rig_only_outcome(r)->status, UPLINK_EXPIRED);
    assert_false(is_open(r, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_cuts_when_the_energy_is_used_up),
        CASE(test_a_restore_wins),
        CASE(test_enough_left),
        CASE(test_protected_hours),
        CASE(test_stale_meter),
        CASE(test_untrusted_clock),
        CASE(test_another_installation_period),
        CASE(test_ended_and_replaced),
        CASE(test_a_restart_forgets),
        CASE(test_a_newer_wish_stands_against_it),
        CASE(test_a_flapping_uplink),
        CASE(test_not_begun_when_the_platform_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
