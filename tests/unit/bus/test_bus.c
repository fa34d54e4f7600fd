#include "tests/unit/check.h"

#include <stdio.h>

#include "bus/bus.h"
#include "proto/dlt645_ask.h"

/* One line at 2400 baud, driven by hand: every test says what is heard and when. */
static struct bus bus;
static mono_ms now;

static const uint8_t meter_a[6] = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26};
static const uint8_t meter_b[6] = {0x13, 0x00, 0x51, 0x05, 0x03, 0x26};

#define ENERGY 0x00010000U
#define BALANCE 0x00900200U

static int start(void **state)
{
    (void)state;
    struct bus_timing t = bus_timing_of(2400);
    now = (mono_ms){1000};
    bus_init(&bus, &meter_link_dlt645, &t, now);
    now = mono_after(now, 1000);
    return 0;
}

static struct bus_job read_job(uint64_t tag, uint16_t peer, const uint8_t address[6], uint32_t id)
{
    struct bus_job job = {.tag = tag, .peer = peer, .priority = BUS_POLL, .attempts = 2};
    struct dlt645_frame f;
    struct writer w = writer_of(job.request, sizeof job.request);
    dlt645_ask_read(&f, address, id);
    dlt645_encode(&f, 4, &w);
    job.len = (uint16_t)w.len;
    return job;
}

static void submit_poll(uint64_t tag)
{
    struct bus_job job = read_job(tag, 0, meter_a, ENERGY);
    assert_ok(bus_submit(&bus, &job));
}

static void submit_as(uint64_t tag, enum bus_priority priority, uint8_t attempts)
{
    struct bus_job job = read_job(tag, 1, meter_b, BALANCE);
    job.priority = priority;
    job.attempts = attempts;
    assert_ok(bus_submit(&bus, &job));
}

/* Goes to the next moment at which the bus wants something. */
static void step(void)
{
    mono_ms wake = bus_wake(&bus);
    if (wake.ms != MONO_NEVER.ms && wake.ms > now.ms)
        now = wake;
    bus_tick(&bus, now);
}

static size_t output(uint8_t *out)
{
    size_t n = 0;
    for (int i = 0; i < 3 && n == 0; i++) { /* a time-out, and then the gap */
        step();
        n = bus_output(&bus, now, out, METER_FRAME_MAX);
    }
    return n;
}

static void expect_output(void)
{
    uint8_t out[METER_FRAME_MAX];
    assert_true(output(out) > 0);
}

static void expect_no_output(void)
{
    uint8_t out[METER_FRAME_MAX];
    assert_int_equal(bus_output(&bus, now, out, sizeof out), 0);
}

static size_t answer_frame(const uint8_t address[6], uint32_t id, uint8_t *out)
{
    struct dlt645_frame request, f;
    uint8_t data[8] = {
        (uint8_t)id, (uint8_t)(id >> 8), (uint8_t)(id >> 16), (uint8_t)(id >> 24), 0x25, 0x00, 0x01,
        0x00};
    struct writer w = writer_of(out, METER_FRAME_MAX);
    dlt645_ask_read(&request, address, id);
    assert_ok(dlt645_answer(&f, &request, address, (struct bytes){data, 8}));
    dlt645_encode(&f, 4, &w);
    return w.len;
}

static void hear(const uint8_t *data, size_t len)
{
    bus_input(&bus, now, data, len);
}

static void hear_answer(const uint8_t address[6], uint32_t id)
{
    uint8_t out[METER_FRAME_MAX];
    size_t len = answer_frame(address, id, out);
    now = mono_after(now, 250 + bus_wire_ms(2400, len));
    hear(out, len);
}

static void expect_result(uint64_t tag, enum err err)
{
    struct bus_result r;
    assert_true(bus_result(&bus, &r));
    assert_int_equal(r.tag, tag);
    assert_string_equal(err_name(r.err), err_name(err));
}

static void expect_no_result(void)
{
    struct bus_result r;
    assert_false(bus_result(&bus, &r));
}

/* --- one exchange ----------------------------------------------------------------------------- */

/* Behind a serial server that runs faster than the line is said to: what is useful is line time
 * that was spent, never more. */
static void test_useful_time_is_within_the_busy_time(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    submit_poll(7);
    expect_output();
    size_t len = answer_frame(meter_a, ENERGY, out);
    now = mono_after(now, 40); /* at 2400 baud the two frames alone take 200 ms */
    hear(out, len);
    expect_result(7, ERR_OK);
    assert_int_equal(bus.stats.busy_ms, 40);
    assert_int_equal(bus.stats.useful_ms, 40);

    submit_poll(8); /* unanswered, twice: busy and of no use; then answered at the wire's speed */
    expect_output();
    expect_output();
    step();
    expect_result(8, ERR_BUS_SILENT);
    assert_int_equal(bus.stats.useful_ms, 40);
    int64_t busy = bus.stats.busy_ms;
    submit_poll(9);
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_result(9, ERR_OK);
    assert_true(bus.stats.useful_ms > 40 + 250);
    assert_int_equal(bus.stats.useful_ms - 40, bus.stats.busy_ms - busy);
}

static void test_answer_in_pieces(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    submit_poll(7);
    expect_output();
    expect_no_output(); /* half duplex: nothing more until this one has ended */
    size_t len = answer_frame(meter_a, ENERGY, out);
    for (size_t i = 0; i < len; i++) {
        now = mono_after(now, 5);
        hear(out + i, 1);
    }
    struct bus_result r;
    assert_true(bus_result(&bus, &r));
    assert_ok(r.err);
    assert_int_equal(r.tag, 7);
    assert_int_equal(r.sent, 1);
    assert_int_equal(r.len, len - 4); /* without preamble */
    assert_int_equal(bus.stats.garbage_bytes, 0);
    assert_int_equal(bus.stats.answered, 1);
    assert_int_equal(bus_waiting(&bus), 0);
}

/* --- bytes with gaps -------------------------------------------------------------------------- */

/* False: it is asked again before it has said everything. */
static bool hear_slowly(int64_t gap_ms)
{
    uint8_t out[METER_FRAME_MAX];
    size_t len = answer_frame(meter_a, ENERGY, out);
    now = mono_after(now, 100 + bus_wire_ms(2400, 20));
    for (size_t i = 0; i < len; i++) {
        now = mono_after(now, gap_ms);
        bus_tick(&bus, now);
        uint8_t again[METER_FRAME_MAX];
        if (bus_output(&bus, now, again, sizeof again) > 0)
            return false;
        hear(out + i, 1);
    }
    return true;
}

/* DL/T 645 allows half a second between any two bytes. */
static void test_gaps_between_all_bytes_are_no_end(void **state)
{
    (void)state;
    static const int64_t gaps_ms[] = {40, 60, 200};
    for (size_t i = 0; i < sizeof gaps_ms / sizeof *gaps_ms; i++) {
        bus_peer_reset(&bus, 0);
        submit_poll(i);
        expect_output();
        assert_true(hear_slowly(gaps_ms[i]));
        expect_result(i, ERR_OK);
    }
    assert_int_equal(bus.stats.damaged, 0);
    assert_int_equal(bus.stats.retries, 0);
}

static void test_one_long_gap_is_no_end(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    size_t len = answer_frame(meter_a, ENERGY, out);
    for (size_t at = 5; at < len; at++) {
        submit_poll(at);
        expect_output();
        now = mono_after(bus.deadline, -1);
        hear(out, at);
        now = mono_after(now, 490);
        bus_tick(&bus, now);
        hear(out + at, len - at);
        expect_result(at, ERR_OK);
    }
}

/* Who never paused is not waited for so long, but for the last time: then it is learnt. */
static void test_a_meter_that_begins_to_pause_is_read_by_the_repeat(void **state)
{
    (void)state;
    for (uint64_t tag = 1; tag <= 20; tag++) {
        submit_poll(tag);
        expect_output();
        hear_answer(meter_a, ENERGY);
        expect_result(tag, ERR_OK);
    }
    submit_poll(21);
    expect_output();
    assert_false(hear_slowly(150));
    expect_no_result();
    assert_true(hear_slowly(150));
    expect_result(21, ERR_OK);
    submit_poll(22);
    expect_output();
    assert_true(hear_slowly(150));
    expect_result(22, ERR_OK);
    assert_int_equal(bus.stats.retries, 1);
}

/* The rest of an answer that was torn off is not waited for longer than its meter ever paused. */
static void test_torn_answer_is_asked_again_soon(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    submit_poll(1);
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
    submit_poll(2);
    expect_output();
    now = mono_after(bus.deadline, -1);
    size_t len = answer_frame(meter_a, ENERGY, out);
    hear(out, len - 6);
    assert_in_range(bus_wake(&bus).ms - now.ms, 1, 60);
    expect_output();
    hear(out, len - 6);
    assert_in_range(bus_wake(&bus).ms - now.ms, 500, 1'000);
}

/* Whatever the bytes, and however they come: an exchange with noise ends. */
static void test_noise_with_gaps_does_not_hold_the_line(void **state)
{
    (void)state;
    struct rand_stream rand = rand_split(7, "noise");
    for (uint64_t round = 0; round < 200; round++) {
        int64_t gap_ms = 1 + rand_below(&rand, 120);
        submit_as(round, BUS_POLL, 1);
        expect_output();
        mono_ms begun = now;
        struct bus_result r;
        while (!bus_result(&bus, &r)) {
            uint8_t noise = (uint8_t)rand_below(&rand, 256);
            now = mono_after(now, gap_ms);
            hear(&noise, 1);
            bus_tick(&bus, now);
            assert_true(now.ms - begun.ms < 4'000);
        }
    }
}

/* Even beginnings that never end are waited for only so long. */
static void test_beginnings_without_end_do_not_hold_the_line(void **state)
{
    (void)state;
    static const uint8_t noise = 0x68;
    submit_as(1, BUS_POLL, 1);
    expect_output();
    mono_ms begun = now;
    struct bus_result r;
    while (!bus_result(&bus, &r)) {
        now = mono_after(now, 300);
        hear(&noise, 1);
        bus_tick(&bus, now);
        assert_true(now.ms - begun.ms < 10'000);
    }
}

static void test_gap_before_the_next_request(void **state)
{
    (void)state;
    submit_poll(1);
    submit_poll(2);
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_no_output();
    mono_ms ended = now;
    expect_output();
    assert_true(now.ms - ended.ms >= bus.timing.gap_ms);
}

/* Nobody is woken as soon as it may go, but whoever is awake then takes it along; and an order
 * waits for none of it. */
static void test_a_job_with_slack_takes_company(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    submit_poll(1);
    expect_output();
    hear_answer(meter_a, ENERGY);
    struct bus_job job = read_job(2, 0, meter_a, ENERGY);
    job.slack_ms = 30;
    assert_ok(bus_submit(&bus, &job));
    mono_ms may = mono_after(now, bus.timing.gap_ms);
    assert_int_equal(bus_wake(&bus).ms, may.ms + 30);
    submit_as(3, BUS_ORDER, 1);
    assert_int_equal(bus_wake(&bus).ms, may.ms);
    assert_true(bus_cancel(&bus, 3));
    now = may;
    assert_true(bus_output(&bus, now, out, sizeof out) > 0);
}

static void test_broadcast_waits_for_nobody(void **state)
{
    (void)state;
    struct bus_job job = {.tag = 3, .priority = BUS_POLL, .attempts = 1, .silent = true};
    struct writer w = writer_of(job.request, sizeof job.request);
    meter_ask_clock((wall_s){1'800'000'000}, 28'800, &w);
    job.len = (uint16_t)w.len;
    assert_ok(bus_submit(&bus, &job));
    submit_poll(4);
    mono_ms sent = now;
    expect_output();
    expect_result(3, ERR_OK);
    expect_output();
    assert_true(now.ms - sent.ms >= bus_wire_ms(2400, w.len));
}

/* --- priorities ------------------------------------------------------------------------------- */

static void test_order_overtakes_polls_within_one_exchange(void **state)
{
    (void)state;
    for (uint64_t tag = 1; tag <= 5; tag++)
        submit_poll(tag);
    expect_output();
    submit_as(100, BUS_ORDER, 1);
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
    expect_output();
    hear_answer(meter_b, BALANCE);
    expect_result(100, ERR_OK);
}

static void test_step_of_a_visit_comes_before_orders(void **state)
{
    (void)state;
    submit_as(1, BUS_ORDER, 1);
    submit_as(2, BUS_STEP, 1);
    expect_output();
    hear_answer(meter_b, BALANCE);
    expect_result(2, ERR_OK);
}

static void test_order_overtakes_the_retry_of_a_poll(void **state)
{
    (void)state;
    submit_poll(1);
    expect_output();
    submit_as(2, BUS_ORDER, 1);
    expect_output(); /* the poll timed out meanwhile */
    hear_answer(meter_b, BALANCE);
    expect_result(2, ERR_OK);
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
    assert_int_equal(bus.stats.retries, 1);
}

/* --- no good answer --------------------------------------------------------------------------- */

static void test_silence_is_retried_then_told(void **state)
{
    (void)state;
    submit_poll(1);
    expect_output();
    expect_output();
    step();
    struct bus_result r;
    assert_true(bus_result(&bus, &r));
    assert_string_equal(err_name(r.err), "BUS_SILENT");
    assert_int_equal(r.sent, 2);
}

static void test_a_vend_is_sent_once(void **state)
{
    (void)state;
    submit_as(1, BUS_STEP, 1);
    expect_output();
    step();
    expect_result(1, ERR_BUS_SILENT);
    expect_no_output();
    assert_int_equal(bus.stats.exchanges, 1);
}

static void test_damage_is_asked_again_at_once(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    submit_poll(1);
    expect_output();
    mono_ms full = bus_wake(&bus);
    size_t len = answer_frame(meter_a, ENERGY, out);
    out[len - 3] ^= 0x10;
    now = mono_after(now, 300);
    hear(out, len);
    expect_no_result();
    assert_true(bus_wake(&bus).ms < full.ms);
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
    assert_int_equal(bus.stats.damaged, 1);
}

static void test_only_damage_is_not_silence(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    for (int round = 0; round < 5; round++) {
        submit_poll(1);
        for (int i = 0; i < 2; i++) {
            expect_output();
            size_t len = answer_frame(meter_a, ENERGY, out);
            out[len - 3] ^= 0x10;
            now = mono_after(now, 300);
            hear(out, len);
        }
        step();
        expect_result(1, ERR_BUS_DAMAGED);
    }
    assert_false(bus.peers[0].silent); /* it is there, it is only hard to hear */
}

/* --- what is not an answer ----------------------------------------------------------------------
 */

static void test_echo_is_dropped(void **state)
{
    (void)state;
    uint8_t out[METER_FRAME_MAX];
    submit_poll(1);
    size_t len = output(out);
    hear(out, len);
    expect_no_result();
    assert_int_equal(bus.stats.echoes, len - 4);
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
}

static void test_late_answers_of_others_are_dropped(void **state)
{
    (void)state;
    submit_poll(1);
    expect_output();
    hear_answer(meter_b, ENERGY);  /* another meter */
    hear_answer(meter_a, BALANCE); /* this one, to an earlier question */
    expect_no_result();
    assert_int_equal(bus.stats.strays, 2);
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
}

static void test_refusal_without_identifier_is_an_answer(void **state)
{
    (void)state;
    struct dlt645_frame request, f;
    uint8_t out[METER_FRAME_MAX];
    submit_poll(1);
    expect_output();
    struct writer w = writer_of(out, sizeof out);
    dlt645_ask_read(&request, meter_a, ENERGY);
    dlt645_refuse(&f, &request, meter_a, DLT645_ERR_NO_DATA, false);
    dlt645_encode(&f, 0, &w);
    hear(out, w.len);
    expect_result(1, ERR_OK);
}

static void test_stranger_out_of_turn_gets_the_line_quiet(void **state)
{
    (void)state;
    uint8_t noise[3] = {0x68, 0x11, 0x22};
    hear(noise, 3);
    submit_poll(1);
    expect_no_output();
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
}

/* 68 .. 68 with a great length in front of the answer: a cutter would wait for more for ever. */
static void test_false_beginning_does_not_hide_the_answer(void **state)
{
    (void)state;
    static const uint8_t false_start[] = {0x68, 1, 2, 3, 4, 5, 6, 0x68, 0x91, 0xFF};
    submit_poll(1);
    expect_output();
    hear(false_start, sizeof false_start);
    hear_answer(meter_a, ENERGY);
    expect_no_result();
    step();
    expect_result(1, ERR_OK);
}

/* Noise is; what may stand before every frame is not. */
static void test_what_is_garbage(void **state)
{
    (void)state;
    static const uint8_t noise[] = {0x00, 0xFE, 0x55};
    submit_poll(1);
    expect_output();
    hear(noise, sizeof noise);
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
    assert_int_equal(bus.stats.garbage_bytes, 2);
}

static void test_babbler_does_not_hold_the_line(void **state)
{
    (void)state;
    uint8_t noise[8] = {0x68, 0, 0x68, 0, 0, 0, 0x68, 0x68};
    submit_as(1, BUS_POLL, 1);
    expect_output();
    mono_ms begun = now;
    struct bus_result r;
    while (!bus_result(&bus, &r)) {
        now = mono_after(now, 20);
        hear(noise, sizeof noise);
        bus_tick(&bus, now);
        assert_true(now.ms - begun.ms < 5'000);
    }
    assert_true(r.err == ERR_BUS_SILENT || r.err == ERR_BUS_DAMAGED);
}

/* --- silent meters ---------------------------------------------------------------------------- */

static void let_fail(uint64_t tag, uint8_t attempts)
{
    struct bus_job job = read_job(tag, 0, meter_a, ENERGY);
    job.attempts = attempts;
    assert_ok(bus_submit(&bus, &job));
    for (int i = 0; i < attempts; i++)
        expect_output();
    step();
    expect_result(tag, ERR_BUS_SILENT);
}

static void test_silent_meter_goes_to_the_ring_and_comes_back(void **state)
{
    (void)state;
    struct bus_change change;
    for (int i = 0; i < 3; i++) {
        assert_true(bus_may_poll(&bus, 0, now));
        let_fail(1, 2);
    }
    assert_false(bus_may_poll(&bus, 0, now));
    assert_true(bus_peer_change(&bus, &change));
    assert_true(change.silent && change.peer == 0);
    assert_false(bus_peer_change(&bus, &change));
    assert_true(bus_may_poll(&bus, 1, now)); /* others are not held up */
    mono_ms begun = now;
    int probes = 0;
    while (now.ms - begun.ms < 300'000) {
        now = mono_after(now, 1000);
        if (!bus_may_poll(&bus, 0, now))
            continue;
        let_fail(2, 1);
        probes++;
    }
    assert_in_range(probes, 3, 10); /* 15, 30, 60, 60 ... seconds apart */
    now = mono_after(now, 60'000);
    submit_poll(3);
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_result(3, ERR_OK);
    assert_true(bus_may_poll(&bus, 0, now));
    assert_true(bus_peer_change(&bus, &change));
    assert_false(change.silent);
    assert_int_equal(bus.stats.demotions, 1);
    assert_int_equal(bus.stats.returns, 1);
}

/* --- learning --------------------------------------------------------------------------------- */

static void test_quick_meters_are_not_waited_for_long(void **state)
{
    (void)state;
    int64_t before = 0;
    for (int i = 0; i < 16; i++) {
        submit_poll(1);
        expect_output();
        before = bus.deadline.ms - bus.tx_end.ms;
        assert_int_equal(before, bus.timing.turnaround_ms);
        hear_answer(meter_a, ENERGY);
        expect_result(1, ERR_OK);
    }
    submit_poll(2);
    expect_output();
    int64_t after = bus.deadline.ms - bus.tx_end.ms;
    assert_true(after < before);
    assert_true(after >= bus.timing.turnaround_min_ms);
    expect_output(); /* no answer: the retry waits in full again */
    assert_int_equal(bus.deadline.ms - bus.tx_end.ms, before);
}

/* --- the queue -------------------------------------------------------------------------------- */

static void test_full_queue_refuses(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < BUS_JOBS_MAX; i++)
        submit_poll(i);
    struct bus_job one_more = read_job(99, 0, meter_a, ENERGY);
    assert_err(ERR_FULL, bus_submit(&bus, &one_more));
    assert_true(bus_cancel(&bus, 5));
    assert_false(bus_cancel(&bus, 5));
    assert_ok(bus_submit(&bus, &one_more));
}

static void test_running_job_cannot_be_taken_back(void **state)
{
    (void)state;
    submit_poll(1);
    expect_output();
    assert_false(bus_cancel(&bus, 1));
}

static void test_reset_ends_the_running_job(void **state)
{
    (void)state;
    submit_poll(1);
    submit_poll(2);
    expect_output();
    bus_reset(&bus, now);
    expect_result(1, ERR_BUS_CLOSED);
    assert_int_equal(bus_waiting(&bus), 1);
    assert_int_equal(bus.peers[0].failures, 0);
}

/* --- meters that sleep */

static const struct bus_rouse rouse = {0x55, 'N', 2'200, 80, 3'000};

/* All pieces of what wakes a meter; returns how many bytes they are. */
static size_t take_rouse(void)
{
    uint8_t out[METER_FRAME_MAX];
    size_t all = 0, n;
    step();
    mono_ms began = now;
    while ((n = bus_output(&bus, now, out, sizeof out)) > 0) {
        char parity;
        assert_int_equal(bus_speed(&bus, &parity), 2400);
        assert_int_equal(parity, 'N');
        for (size_t i = 0; i < n; i++)
            assert_int_equal(out[i], 0x55);
        all += n;
        assert_true(bus_wake(&bus).ms <= now.ms || n < sizeof out);
    }
    assert_int_equal(now.ms, began.ms);
    return all;
}

static void test_sleeping_meter_is_woken_before_it_is_asked(void **state)
{
    uint8_t out[METER_FRAME_MAX], own[528];
    char parity;
    (void)state;
    bus_peer_speaks(&bus, 0, NULL, 2400, 'E');
    bus_peer_sleeps(&bus, 0, &rouse);
    submit_poll(1);
    assert_int_equal(take_rouse(), 528); /* 2.2 s of ten bits a byte */
    mono_ms began = now;
    memset(own, 0x55, sizeof own);
    bus_input(&bus, mono_after(now, 2'000), own, sizeof own); /* a head hears itself */
    assert_int_equal(bus.stats.echoes, 528);
    assert_int_equal(bus_output(&bus, mono_after(began, 2'200), out, sizeof out), 0);
    assert_true(output(out) > 0); /* however long the line was not quiet */
    assert_in_range(now.ms - began.ms, 2'280, 2'400);
    assert_int_equal(bus_speed(&bus, &parity), 2400);
    assert_int_equal(parity, 'E');
    assert_int_equal(out[4], 0x68);
}

static void test_awake_meter_is_asked_at_once_and_a_silent_one_woken_again(void **state)
{
    uint8_t out[METER_FRAME_MAX];
    (void)state;
    bus_peer_sleeps(&bus, 0, &rouse);
    submit_poll(1);
    (void)take_rouse();
    expect_output();
    hear_answer(meter_a, ENERGY);
    expect_result(1, ERR_OK);
    submit_poll(2);
    assert_true(output(out) > 0);
    assert_int_equal(out[4], 0x68); /* it was awake a moment ago */
    step();                         /* it does not answer: perhaps it sleeps again */
    assert_true(output(out) > 0);
    assert_int_equal(out[0], 0x55);
    submit_as(3, BUS_ORDER, 1); /* another meter does not sleep, but waits for the end of it */
    mono_ms end = bus.roused_at;
    while (bus_output(&bus, now, out, sizeof out) > 0)
        assert_int_equal(out[0], 0x55);
    assert_true(output(out) > 0 && now.ms >= end.ms);
    assert_int_equal(out[4], 0x68);
}

#define CASE(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_useful_time_is_within_the_busy_time),
        CASE(test_answer_in_pieces),
        CASE(test_gaps_between_all_bytes_are_no_end),
        CASE(test_one_long_gap_is_no_end),
        CASE(test_a_meter_that_begins_to_pause_is_read_by_the_repeat),
        CASE(test_torn_answer_is_asked_again_soon),
        CASE(test_noise_with_gaps_does_not_hold_the_line),
        CASE(test_beginnings_without_end_do_not_hold_the_line),
        CASE(test_gap_before_the_next_request),
        CASE(test_a_job_with_slack_takes_company),
        CASE(test_broadcast_waits_for_nobody),
        CASE(test_order_overtakes_polls_within_one_exchange),
        CASE(test_step_of_a_visit_comes_before_orders),
        CASE(test_order_overtakes_the_retry_of_a_poll),
        CASE(test_silence_is_retried_then_told),
        CASE(test_a_vend_is_sent_once),
        CASE(test_damage_is_asked_again_at_once),
        CASE(test_only_damage_is_not_silence),
        CASE(test_echo_is_dropped),
        CASE(test_late_answers_of_others_are_dropped),
        CASE(test_refusal_without_identifier_is_an_answer),
        CASE(test_stranger_out_of_turn_gets_the_line_quiet),
        CASE(test_false_beginning_does_not_hide_the_answer),
        CASE(test_what_is_garbage),
        CASE(test_babbler_does_not_hold_the_line),
        CASE(test_silent_meter_goes_to_the_ring_and_comes_back),
        CASE(test_quick_meters_are_not_waited_for_long),
        CASE(test_full_queue_refuses),
        CASE(test_running_job_cannot_be_taken_back),
        CASE(test_reset_ends_the_running_job),
        CASE(test_sleeping_meter_is_woken_before_it_is_asked),
        CASE(test_awake_meter_is_asked_at_once_and_a_silent_one_woken_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
