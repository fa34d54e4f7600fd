/* Durable messages: acknowledged after both commits, in order, once. */
#include "tests/unit/headend/headend_rig.h"

/* --- durable messages
 * ----------------------------------------------------------------------------------------- */

static void test_ack_only_after_both_commits(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_readings(w, p, 1);
    store_flush(w->readings);
    assert_int_equal(w->batch_count, 1);
    assert_int_equal(p->acked_seq, 0);
    store_flush(w->ledger);
    assert_int_equal(p->acked_seq, 1);
    assert_int_equal(w->follow_count, 1);
    assert_int_equal(rig_number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 1);
    assert_int_equal(w->commits, 1);
}

static void test_one_ack_for_many_and_order_kept(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_event(w, p, 1, 1);
    rig_say_readings(w, p, 2);
    rig_say_event(w, p, 3, 3); /* must not overtake the readings before it */
    store_flush(w->ledger);
    assert_int_equal(w->event_count, 1);
    assert_int_equal(p->acked_seq, 1);
    rig_turn(w);
    assert_int_equal(w->event_count, 2);
    assert_int_equal(p->acked_seq, 3);
    assert_int_equal(w->commits, 2);
}

static void test_repeats_collapse(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_event(w, p, 1, 1);
    rig_say_event(w, p, 1, 1);
    rig_turn(w);
    p->acked_seq = 0;
    rig_say_event(w, p, 1, 1);
    assert_int_equal(p->acked_seq, 1); /* told again at once */
    rig_turns(w);
    assert_int_equal(w->event_count, 1);
    /* A gap is what the gateway had to drop: it says so itself. */
    rig_say_event(w, p, 5, 5);
    rig_turn(w);
    assert_int_equal(p->acked_seq, 5);
}

static void test_reconnect_goes_on_where_it_was(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_event(w, p, 1, 1);
    rig_turn(w);
    headend_closed(w->headend, 1, w->now);
    p = rig_connect(w, 2, 5);
    assert_int_equal(p->welcome_seq, 1);
    rig_say_event(w, p, 1, 1);
    rig_say_event(w, p, 2, 2);
    rig_turns(w);
    assert_int_equal(w->event_count, 2);
}

static void test_new_queue_epoch_begins_at_one(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_event(w, p, 9, 1);
    rig_turn(w);
    headend_closed(w->headend, 1, w->now);
    p = rig_dial(w, 2, rig_certificate, GATEWAY, 5);
    rig_turn(w);
    rig_say(w, p,
            &(struct uplink_message){.kind = UPLINK_HELLO,
                                     .hello = {.queue_epoch = 51, .config_version = 5}});
    assert_int_equal(p->welcome_seq, 0);
    rig_say(w, p,
            &(struct uplink_message){.kind = UPLINK_EVENT,
                                     .epoch = 51,
                                     .seq = 1,
                                     .event = {.kind = UPLINK_CLOCK_SET, .value = 2}});
    rig_turns(w);
    assert_int_equal(w->event_count, 2);
    assert_int_equal(w->event_at.s, w->now.wall.s); /* it did not know the time */
    assert_int_equal(rig_number(w, "SELECT received_epoch FROM gateway WHERE id = 3"), 51);
}

/* The gateway sees in our welcome that its file went back in time, and says hello once more. */
static void test_new_queue_epoch_within_a_session(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_event(w, p, 9, 1);
    rig_turn(w);
    headend_closed(w->headend, 1, w->now);
    p = rig_connect(w, 2, 5);
    assert_int_equal(p->welcome_seq, 9);
    rig_say_event(w, p, 4,
                  7); /* what such a gateway would say without it: lost among the repeats */
    rig_turns(w);
    assert_int_equal(w->event_count, 1);
    rig_say(w, p,
            &(struct uplink_message){.kind = UPLINK_HELLO,
                                     .hello = {.queue_epoch = 51, .config_version = 5}});
    assert_int_equal(p->welcome_seq, 0);
    rig_say(w, p,
            &(struct uplink_message){.kind = UPLINK_EVENT,
                                     .epoch = 51,
                                     .seq = 4,
                                     .event = {.kind = UPLINK_CLOCK_SET, .value = 2}});
    rig_turns(w);
    assert_int_equal(w->event_count, 2);
    assert_int_equal(rig_number(w, "SELECT received_seq FROM gateway WHERE id = 3"), 4);
}

/* The process dies between the two commits: readings are there, the ledger knows nothing. */
static void test_crash_between_the_commits(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    rig_say_readings(w, p, 1);
    rig_say_outcome(w, p, 2, 77, UPLINK_DONE);
    store_flush(w->readings);
    headend_free(w->headend); /* everything in memory is gone; its work is answered to nobody */
    rig_turn(w);
    assert_int_equal(p->acked_seq, 0);
    assert_int_equal(w->outcome_count, 0);
    rig_new_headend(w);
    p = rig_connect(w, 2, 5);
    assert_int_equal(p->welcome_seq, 0);
    rig_say_readings(w, p, 1);
    rig_say_outcome(w, p, 2, 77, UPLINK_DONE);
    rig_turns(w);
    assert_int_equal(w->batch_count, 2); /* the sink is idempotent by name */
    assert_int_equal(w->batches[1], 1);
    assert_int_equal(w->follow_count, 1);
    assert_int_equal(w->outcome_count, 1);
    assert_int_equal(p->acked_seq, 2);
}

static void test_bad_message_is_given_up_and_blocks_nobody(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    w->event_answer = ERR_RANGE;
    for (int64_t i = 11; i <= 15; i++) /* 13 is bad */
        rig_say_event(w, p, i, i);
    rig_turns(w);
    assert_int_equal(p->acked_seq, 15);
    assert_int_equal(w->event_count, 4);
    static const int64_t expected[] = {11, 12, 14, 15};
    assert_memory_equal(w->events, expected, sizeof expected);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused' "
                                   "AND detail LIKE '%RANGE%'"),
                     1);
}

static void test_bad_readings_are_given_up_too(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    w->batch_answer = ERR_RANGE;
    rig_say_readings(w, p, 1);
    rig_turns(w);
    assert_int_equal(p->acked_seq, 1);
    assert_int_equal(w->follow_count, 0);
}

static void test_full_disk_keeps_the_message_at_the_gateway(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    w->event_answer = ERR_STORE_FULL;
    rig_say_event(w, p, 1, 13);
    rig_say_event(w, p, 2, 14);
    rig_turns(w);
    assert_int_equal(p->acked_seq, 0);
    assert_true(p->closed);
    assert_int_equal(w->event_count, 0);
    w->event_answer = ERR_OK;
    p = rig_connect(w, 2, 5);
    rig_say_event(w, p, 1, 13);
    rig_say_event(w, p, 2, 14);
    rig_turns(w);
    assert_int_equal(w->event_count, 2);
}

static void test_a_gateway_speaks_for_its_own_meters(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    struct uplink_reading r[3] = {{.meter_id = 11, .epoch = 1}, {.meter_id = 99}, {.meter_id = 11}};
    rig_say(w, p,
            &(struct uplink_message){
                .kind = UPLINK_READINGS,
                .epoch = 50,
                .seq = 1,
                .readings = {.seq_epoch = 50, .seq = 1, .readings = r, .count = 3}});
    rig_say(w, p,
            &(struct uplink_message){
                .kind = UPLINK_OUTCOME,
                .epoch = 50,
                .seq = 2,
                .outcome = {
                    .command_id = 5, .meter_id = 99, .kind = UPLINK_READ, .status = UPLINK_DONE}});
    rig_turns(w);
    rig_say(w, p,
            &(struct uplink_message){
                .kind = UPLINK_EVENT,
                .epoch = 50,
                .seq = 3,
                .event = {.kind = UPLINK_METER_SILENT, .at = w->now.wall, .meter_id = 99}});
    rig_turns(w);
    assert_int_equal(p->acked_seq, 3);
    assert_int_equal(w->batch_count, 1);
    assert_int_equal(w->last_batch_size, 2);
    assert_int_equal(w->last_body_size, 2);
    assert_int_equal(w->outcome_count, 0);
    assert_int_equal(w->event_count, 0);
    assert_int_equal(rig_number(w, "SELECT count(*) FROM event WHERE kind = 'gateway.refused'"), 3);
}

/* Counts and sums go on from what a gateway says: the ends of the numbers are out of its reach. */
static void test_numbers_beyond_all_meters_are_given_up(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    const struct uplink_outcome bad[] = {
        {.count = INT64_MAX},         {.record_n = INT64_MAX},    {.record_amount_fen = INT64_MIN},
        {.purchased_fen = INT64_MAX}, {.balance_fen = INT64_MAX}, {.version = INT64_MAX},
    };
    int64_t seq = 0;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct uplink_message m = {
            .kind = UPLINK_OUTCOME, .epoch = 50, .seq = ++seq, .outcome = bad[i]};
        m.outcome.meter_id = 11;
        m.outcome.kind = UPLINK_READ;
        m.outcome.status = UPLINK_DONE;
        rig_say(w, p, &m);
        rig_turns(w);
    }
    assert_int_equal(p->acked_seq, seq);
    assert_int_equal(w->outcome_count, 0);
    rig_say_outcome(w, p, ++seq, 5, UPLINK_DONE); /* an unknown balance is not a number too big */
    rig_turns(w);
    assert_int_equal(w->outcome_count, 1);
}

static void test_queue_is_bounded(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_connect(w, 1, 4);
    int64_t many = HEADEND_QUEUE_MAX + 40;
    w->event_answer = ERR_OK;
    for (int64_t i = 1; i <= many; i++) {
        rig_say(w, p, &(struct uplink_message){.kind = UPLINK_READINGS, .epoch = 50, .seq = i});
        if (i % 200 == 0)
            w->batch_count = w->follow_count = 0;
    }
    assert_int_equal(store_waiting(w->readings), HEADEND_QUEUE_MAX);
    w->batch_count = w->follow_count = 0;
    store_flush(w->readings);
    w->batch_count = w->follow_count = 0;
    store_flush(w->ledger);
    rig_turns(w);
    assert_int_equal(p->acked_seq, many);
}

static void test_nothing_before_hello(void **state)
{
    struct rig *w = *state;
    struct peer *p = rig_dial(w, 1, rig_certificate, GATEWAY, 4);
    rig_turn(w);
    rig_say_event(w, p, 1, 1);
    rig_turns(w);
    assert_int_equal(w->event_count, 0);
    rig_hello(w, p, 5);
    rig_say_event(w, p, 1, 1);
    rig_turns(w);
    assert_int_equal(w->event_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_ack_only_after_both_commits),
        CASE(test_one_ack_for_many_and_order_kept),
        CASE(test_repeats_collapse),
        CASE(test_reconnect_goes_on_where_it_was),
        CASE(test_new_queue_epoch_begins_at_one),
        CASE(test_new_queue_epoch_within_a_session),
        CASE(test_crash_between_the_commits),
        CASE(test_bad_message_is_given_up_and_blocks_nobody),
        CASE(test_bad_readings_are_given_up_too),
        CASE(test_full_disk_keeps_the_message_at_the_gateway),
        CASE(test_a_gateway_speaks_for_its_own_meters),
        CASE(test_numbers_beyond_all_meters_are_given_up),
        CASE(test_queue_is_bounded),
        CASE(test_nothing_before_hello),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
