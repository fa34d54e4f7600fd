/* The whole meter and its circuits: what is wished of one must not undo the other. */
#include "tests/unit/check.h"

#include "tests/unit/control/relay_world.h"

#define WHOLE 0
#define BY_ORDER 1 /* POINT_OPEN_REASON */

static enum err wish_circuit(struct world *w, int64_t circuit, enum control_desired desired,
                             const char *reason)
{
    return wish_full(
        w, (struct control_wish){
               .meter_id = TERMINAL, .circuit = circuit, .desired = desired, .reason = reason});
}

static enum err wish_of_system(struct world *w, int64_t circuit, enum control_desired desired,
                               const char *reason)
{
    return wish_full(w, (struct control_wish){.meter_id = TERMINAL,
                                              .circuit = circuit,
                                              .desired = desired,
                                              .reason = reason,
                                              .actor = "system"});
}

static void report_bits(struct world *w, int64_t bits)
{
    w->now.s += 60;
    report_full(w, (struct control_report){.meter_id = TERMINAL,
                                           .relay_open = bits,
                                           .keep_power = -1,
                                           .open_reason = bits ? BY_ORDER : 0,
                                           .energy_wh = -1});
}

/* What the gateway was asked for since the last time. */
struct orders {
    int count;
    unsigned opened, closed; /* bit per circuit; 0: the whole */
};

static enum err take_orders(struct store_tx *tx, void *arg)
{
    struct orders *o = arg;
    struct query q = query_open(
        tx, "SELECT body FROM command WHERE state = 'waiting' AND kind = 'relay' ORDER BY id", "");
    while (query_step(&q)) {
        _Alignas(16) static uint8_t arena[UPLINK_ARENA];
        struct uplink_message m;
        struct bytes body = query_blob(&q, 0);
        assert_ok(uplink_message_decode(body.data, body.len, arena, &m));
        o->count++;
        *(m.command.open ? &o->opened : &o->closed) |= 1U << m.command.circuit;
    }
    TRY(query_end(&q));
    return store_exec(tx, "UPDATE command SET state = 'done' WHERE state = 'waiting'", "");
}

static struct orders orders(struct world *w)
{
    struct orders o = {};
    assert_ok(store_run(w->store, take_orders, &o));
    return o;
}

static void cut(struct world *w, int64_t circuit, const char *reason, int64_t bits)
{
    assert_ok(wish_circuit(w, circuit, CONTROL_OPEN, reason));
    orders(w);
    report_bits(w, bits);
    assert_int_equal(relay_of(w, TERMINAL, circuit).desired, CONTROL_OPEN);
    assert_false(relay_of(w, TERMINAL, circuit).pending);
}

static void restore(struct world *w, int64_t circuit, int64_t bits)
{
    assert_ok(wish_circuit(w, circuit, CONTROL_CLOSED, "payment"));
    orders(w);
    report_bits(w, bits);
    assert_false(relay_of(w, TERMINAL, circuit).pending);
}

/* A circuit that was cut and restored long ago is dark with the whole meter; it is not called back
 * against that. */
static void test_a_cut_of_the_whole_is_not_undone_by_a_circuit(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "arrears", 2);
    restore(w, 2, 0);
    cut(w, WHOLE, "arrears", 7);
    w->now.s += 600;
    tick(w);
    assert_int_equal(orders(w).count, 0);
    assert_int_equal(events(w, "relay.mismatch"), 0);
    assert_int_equal(relay_of(w, TERMINAL, WHOLE).desired, CONTROL_OPEN);
}

/* Somebody works on the wires of circuit 2 while the room runs out of money and pays. */
static void test_a_held_circuit_stays_open_when_the_whole_returns(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "manual", 2);
    cut(w, WHOLE, "arrears", 7);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "payment"));
    struct orders o = orders(w);
    assert_int_equal(o.closed, 1U << 1 | 1U << 3);
    assert_int_equal(o.opened, 0);
    report_bits(w, 2);
    assert_false(relay_of(w, TERMINAL, WHOLE).pending);
    assert_int_equal(relay_of(w, TERMINAL, 2).desired, CONTROL_OPEN);
    assert_int_equal(events(w, "relay.mismatch"), 0);
    w->now.s += 600;
    tick(w);
    assert_int_equal(orders(w).count, 0);
    assert_ok(wish_circuit(w, 2, CONTROL_CLOSED, "manual"));
    assert_int_equal(orders(w).closed, 1U << 2);
    report_bits(w, 0);
    assert_false(relay_of(w, TERMINAL, 2).pending);
}

/* The line was dead when it was paid: the others are asked for until they are seen closed. */
static void test_the_other_circuits_are_pursued(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "manual", 2);
    cut(w, WHOLE, "arrears", 7);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "payment"));
    for (int i = 0; i < 3; i++) {
        orders(w); /* answered by nobody */
        w->now.s += 300;
        tick(w);
    }
    struct orders o = orders(w);
    assert_int_equal(o.closed, 1U << 1 | 1U << 3);
    report_bits(w, 2 | 4);
    o = orders(w);
    w->now.s += 300;
    tick(w);
    assert_int_equal(orders(w).closed, 1U << 3); /* circuit 1 is back */
    report_bits(w, 2);
    w->now.s += 300;
    tick(w);
    assert_int_equal(orders(w).count, 0);
}

/* The restore of the whole is on its way when somebody cuts a circuit to work there. */
static void test_a_restore_under_way_spares_a_circuit_cut_meanwhile(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, WHOLE, "arrears", 7);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "payment"));
    assert_ok(wish_circuit(w, 2, CONTROL_OPEN, "manual"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    struct orders o = orders(w);
    assert_int_equal(o.opened, 1U << 2);
    assert_int_equal(o.closed, 0);
    assert_int_equal(tick(w), 1);
    o = orders(w);
    assert_int_equal(o.closed, 1U << 1 | 1U << 3);
}

/* The restore of the whole waits at a gateway that cannot be reached, and a key has closed circuit
 * 2: the reading settles it. It is still to come, and must not close a circuit that is cut
 * meanwhile. */
static void test_a_restore_that_is_still_to_come_spares_a_circuit(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, WHOLE, "arrears", 7);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "payment"));
    report_bits(w, 5);
    assert_false(relay_of(w, TERMINAL, WHOLE).pending);
    assert_ok(wish_circuit(w, 3, CONTROL_OPEN, "works"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    tick(w);
    struct orders o = orders(w);
    assert_int_equal(o.opened, 1U << 3);
    assert_true(o.closed & 1U << 1);
    assert_int_equal(o.closed & (1U << WHOLE | 1U << 3), 0);
}

static void test_a_circuits_restore_under_way_spares_the_cut_of_the_whole(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "arrears", 2);
    assert_ok(wish_circuit(w, 2, CONTROL_CLOSED, "payment"));
    assert_ok(wish_circuit(w, WHOLE, CONTROL_OPEN, "manual"));
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    struct orders o = orders(w);
    assert_int_equal(o.opened, 1U << WHOLE);
    assert_int_equal(o.closed, 0);
    tick(w);
    assert_int_equal(orders(w).count, 0);
}

/* The cut of circuit 2 lapsed, the whole is being restored, and a late reading tells that the cut
 * was made: it stands, and what is under way must not undo it. */
static void test_a_restore_under_way_spares_a_cut_that_stands_after_all(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, WHOLE, "arrears", 7);
    assert_ok(wish_circuit(w, 2, CONTROL_OPEN, "manual"));
    w->now.s += 120;
    tick(w);
    assert_int_equal(relay_of(w, TERMINAL, 2).desired, CONTROL_NONE);
    orders(w);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "payment"));
    report_bits(w, 7);
    assert_int_equal(relay_of(w, TERMINAL, 2).desired, CONTROL_OPEN);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    tick(w);
    assert_int_equal(orders(w).closed, 1U << 1 | 1U << 3);
}

/* The same the other way round, where both are told by one report. */
static void test_a_circuit_waits_for_a_cut_that_stands_after_all(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "arrears", 2);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_OPEN, "manual"));
    w->now.s += 120;
    tick(w);
    assert_int_equal(relay_of(w, TERMINAL, WHOLE).desired, CONTROL_NONE);
    orders(w);
    assert_ok(wish_circuit(w, 2, CONTROL_CLOSED, "payment"));
    report_bits(w, 7);
    assert_int_equal(relay_of(w, TERMINAL, WHOLE).desired, CONTROL_OPEN);
    assert_int_equal(number(w, "SELECT count(*) FROM command WHERE state = 'fencing'"), 1);
    assert_int_equal(
        number(w, "SELECT count(*) FROM relay WHERE circuit = 2 AND command_id IS NULL"), 1);
    assert_true(relay_of(w, TERMINAL, 2).pending);
    tick(w);
    assert_int_equal(orders(w).closed, 0);
}

/* It is let go while the whole is cut: it waits, and one order returns all. */
static void test_a_circuit_let_go_returns_with_the_whole(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "manual", 2);
    cut(w, WHOLE, "arrears", 7);
    assert_ok(wish_circuit(w, 2, CONTROL_CLOSED, "manual"));
    w->now.s += 3'600;
    assert_int_equal(tick(w), 1);
    assert_int_equal(orders(w).count, 0);
    assert_int_equal(events(w, "relay.late"), 0);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "payment"));
    struct orders o = orders(w);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.closed, 1U << WHOLE);
    report_bits(w, 0);
    assert_false(relay_of(w, TERMINAL, WHOLE).pending);
    assert_false(relay_of(w, TERMINAL, 2).pending);
    assert_int_equal(events(w, "relay.local"), 0);
}

/* The cut that it waited for was not carried out: its restore goes on. */
static void test_a_circuit_returns_when_the_cut_lapses(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "arrears", 2);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_OPEN, "arrears"));
    assert_ok(wish_circuit(w, 2, CONTROL_CLOSED, "payment"));
    assert_int_equal(orders(w).closed, 0);
    report_bits(w, 2);
    w->now.s += 120;
    tick(w);
    assert_int_equal(relay_of(w, TERMINAL, WHOLE).desired, CONTROL_NONE);
    w->now.s += 120;
    tick(w);
    assert_int_equal(orders(w).closed, 1U << 2);
}

/* --- a key or a handheld closes one circuit of a room that is cut --------------------------------
 */

static bool held(struct world *w, int64_t circuit, const char *reason)
{
    struct control_relay r = relay_of(w, TERMINAL, circuit);
    return r.desired == CONTROL_OPEN && !r.pending && strcmp(r.reason, reason) == 0;
}

/* It is that circuit which somebody took into their hands: the others are off by our cut as before.
 */
static void test_what_is_left_of_a_cut_stays_ours(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, WHOLE, "arrears", 7);
    report_bits(w, 6);
    assert_int_equal(relay_of(w, TERMINAL, WHOLE).desired, CONTROL_NONE);
    assert_int_equal(relay_of(w, TERMINAL, 1).desired, CONTROL_NONE);
    assert_true(held(w, 2, "arrears") && held(w, 3, "arrears"));
    assert_int_equal(events(w, "relay.mismatch"), 1);
    assert_ok(wish_circuit(w, 2, CONTROL_CLOSED, "payment"));
    assert_int_equal(orders(w).closed, 1U << 2);
    report_bits(w, 2); /* 3 by hand, and 2 not yet */
    assert_int_equal(relay_of(w, TERMINAL, 3).desired, CONTROL_NONE);
    assert_int_equal(events(w, "relay.mismatch"), 2);
    assert_true(relay_of(w, TERMINAL, 2).pending);
}

static void test_the_rest_of_a_cut_returns_with_the_whole(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, WHOLE, "arrears", 7);
    report_bits(w, 6);
    cut(w, WHOLE, "arrears", 7); /* decided afresh */
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "payment"));
    struct orders o = orders(w);
    assert_int_equal(o.count, 1);
    assert_int_equal(o.closed, 1U << WHOLE);
    report_bits(w, 0);
    for (int64_t circuit = 0; circuit <= 3; circuit++) {
        assert_false(relay_of(w, TERMINAL, circuit).pending);
        assert_int_not_equal(relay_of(w, TERMINAL, circuit).desired, CONTROL_OPEN);
    }
}

/* What stood open before the cut, or was cut by itself, is as it was. */
static void test_the_rest_of_a_cut_is_what_the_cut_opened(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, 2, "manual", 2);
    restore(w, 2, 0);
    cut(w, 3, "manual", 4);
    report_bits(w, 6); /* a trip of circuit 2 */
    assert_int_equal(relay_of(w, TERMINAL, 2).desired, CONTROL_CLOSED);
    cut(w, WHOLE, "arrears", 7);
    report_bits(w, 6);
    assert_int_equal(relay_of(w, TERMINAL, 1).desired, CONTROL_NONE);
    assert_false(held(w, 2, "arrears"));
    assert_true(held(w, 3, "manual"));
}

/* The cut was carried out, its answer got lost, and before the next reading somebody closed a
 * circuit: the wish has lapsed, and the others are dark by it all the same. */
static void test_the_rest_of_a_cut_that_lapsed_stays_ours(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_OPEN, "arrears"));
    w->now.s += 120;
    tick(w);
    assert_int_equal(relay_of(w, TERMINAL, WHOLE).desired, CONTROL_NONE);
    report_bits(w, 6);
    assert_int_equal(relay_of(w, TERMINAL, WHOLE).desired, CONTROL_NONE);
    assert_true(held(w, 2, "arrears") && held(w, 3, "arrears"));
}

/* A trip, after a cut that was not made, is none of ours. */
static void test_a_trip_after_a_cut_that_lapsed_is_not_ours(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    assert_ok(wish_circuit(w, WHOLE, CONTROL_OPEN, "arrears"));
    w->now.s += 120;
    tick(w);
    report_full(w, (struct control_report){.meter_id = TERMINAL,
                                           .relay_open = 2,
                                           .keep_power = -1,
                                           .open_reason = BY_ORDER + 1,
                                           .energy_wh = -1});
    assert_false(held(w, 2, "arrears"));
}

/* A person cut the whole, and somebody closed a circuit of it: the rest stays that person's, also
 * through a cut and a payment. */
static void test_the_rest_of_a_persons_cut_stays_theirs(void **state)
{
    struct world *w = *state;
    report_bits(w, 0);
    cut(w, WHOLE, "manual", 7);
    report_bits(w, 6);
    assert_true(held(w, 2, "manual") && held(w, 3, "manual"));
    cut(w, WHOLE, "arrears", 7);
    assert_ok(wish_of_system(w, WHOLE, CONTROL_CLOSED, "payment"));
    assert_int_equal(orders(w).closed, 1U << 1);
    report_bits(w, 6);
    assert_true(held(w, 2, "manual") && held(w, 3, "manual"));
    assert_ok(wish_circuit(w, WHOLE, CONTROL_CLOSED, "manual")); /* by a person: all of it */
    assert_int_equal(orders(w).closed, 1U << WHOLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_a_cut_of_the_whole_is_not_undone_by_a_circuit),
        CASE(test_a_held_circuit_stays_open_when_the_whole_returns),
        CASE(test_the_other_circuits_are_pursued),
        CASE(test_a_restore_under_way_spares_a_circuit_cut_meanwhile),
        CASE(test_a_restore_that_is_still_to_come_spares_a_circuit),
        CASE(test_a_circuits_restore_under_way_spares_the_cut_of_the_whole),
        CASE(test_a_restore_under_way_spares_a_cut_that_stands_after_all),
        CASE(test_a_circuit_waits_for_a_cut_that_stands_after_all),
        CASE(test_a_circuit_let_go_returns_with_the_whole),
        CASE(test_a_circuit_returns_when_the_cut_lapses),
        CASE(test_what_is_left_of_a_cut_stays_ours),
        CASE(test_the_rest_of_a_cut_returns_with_the_whole),
        CASE(test_the_rest_of_a_cut_is_what_the_cut_opened),
        CASE(test_the_rest_of_a_cut_that_lapsed_stays_ours),
        CASE(test_a_trip_after_a_cut_that_lapsed_is_not_ours),
        CASE(test_the_rest_of_a_persons_cut_stays_theirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
