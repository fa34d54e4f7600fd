/* Cuts that lapsed: whose it is when the relay is seen open afterwards. */
#include "tests/unit/check.h"

#include "tests/unit/control/relay_world.h"

static void report_reason(struct world *w, int64_t relay_open, int64_t reason)
{
    report_full(w, (struct control_report){.meter_id = METER,
                                           .relay_open = relay_open,
                                           .keep_power = -1,
                                           .open_reason = reason,
                                           .energy_wh = -1});
}

/* Nobody answered, the time was over, and only later a reading shows that it was carried out: it is
 * our cut, or nobody would ever restore it. */
static void lapsed_but_made(struct world *w, bool seen_before, int64_t after_s, int64_t reason,
                            bool ours)
{
    if (seen_before)
        report(w, 0);
    w->now.s += 60;
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    answer(w, UPLINK_UNKNOWN, -1);
    w->now.s += 300;
    assert_int_equal(tick(w), 1);
    assert_int_equal(relay(w).desired, CONTROL_NONE);
    w->now.s = relay(w).not_after.s + after_s;
    report_reason(w, 1, reason);
    assert_int_equal(relay(w).desired, ours ? CONTROL_OPEN : CONTROL_NONE);
    assert_false(relay(w).pending);
    assert_int_equal(events(w, "relay.done"), ours);
    w->now.s += 60;
    report_reason(w, 1, reason);
    assert_int_equal(events(w, "relay.done"), ours); /* said once */
    assert_int_equal(relay(w).version, 1);           /* nothing is ordered again */
}

static void test_a_lapsed_cut_that_was_made_is_ours(void **state)
{
    lapsed_but_made(*state, true, 86'400, 1, true);
}

static void test_also_where_it_was_never_read_before(void **state)
{
    lapsed_but_made(*state, false, 400, 1, true);
}

static void test_also_where_no_reason_is_told_soon(void **state)
{
    lapsed_but_made(*state, true, 3'600, -1, true);
}

/* Much later it may be a hand at the meter, and somebody at work on the wires. */
static void test_not_where_no_reason_is_told_late(void **state)
{
    lapsed_but_made(*state, true, 3'601, -1, false);
}

/* It lapsed, and was seen not to be made: whoever opens the relay by hand later, with an order of
 * their own, is at work there and is left alone, however the account stands. */
static void seen_closed_then_opened(struct world *w, int64_t closed_s, int64_t reason, bool ours)
{
    assert_ok(wish(w, CONTROL_OPEN, "arrears"));
    w->now.s += CONTROL_CUT_S + 5;
    assert_int_equal(tick(w), 1);
    w->now.s = NOON + CONTROL_CUT_S - 1 + closed_s;
    report_reason(w, 0, reason);
    w->now.s += 600;
    report_reason(w, 1, reason);
    assert_int_equal(relay(w).desired, ours ? CONTROL_OPEN : CONTROL_NONE);
    assert_int_equal(events(w, "relay.done"), ours);
    assert_int_equal(events(w, "relay.local"), !ours);
}

static void test_not_where_it_was_seen_not_made(void **state)
{
    seen_closed_then_opened(*state, 301, 1, false);
}

static void test_not_where_it_was_seen_not_made_and_no_reason_is_told(void **state)
{
    seen_closed_then_opened(*state, 301, -1, false);
}

/* Before that it may still be on its way. */
static void test_a_look_too_early_says_nothing(void **state)
{
    seen_closed_then_opened(*state, 300, 1, true);
}

static void test_not_where_the_meter_tells_its_own_reason(void **state)
{
    lapsed_but_made(*state, true, 400, 3, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_lapsed_cut_that_was_made_is_ours),
        CASE(test_also_where_it_was_never_read_before),
        CASE(test_also_where_no_reason_is_told_soon),
        CASE(test_not_where_no_reason_is_told_late),
        CASE(test_not_where_it_was_seen_not_made),
        CASE(test_not_where_it_was_seen_not_made_and_no_reason_is_told),
        CASE(test_a_look_too_early_says_nothing),
        CASE(test_not_where_the_meter_tells_its_own_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
