/* A line that is shared: with other masters, with an adapter that hears itself, among protocols. */
#include "tests/unit/check.h"

#include "bus/bus.h"
#include "bus/plan.h"
#include "proto/dlt645_ask.h"

static struct bus bus;
static mono_ms now;
static uint8_t sent[METER_FRAME_MAX];
static size_t sent_len;

static const uint8_t meter_a[6] = {0x12, 0x00, 0x51, 0x05, 0x03, 0x26};
static const uint8_t meter_b[6] = {0x13, 0x00, 0x51, 0x05, 0x03, 0x26};

#define ENERGY 0x00010000U

/* --- a protocol whose answers look like their requests, as a Modbus write does -------------- */

#define TOY_LEN 4 /* 7E, address, value, sum */

static enum err toy_cut(const uint8_t *data, size_t len, size_t *begin, size_t *end)
{
    *begin = 0;
    while (*begin < len && data[*begin] != 0x7E)
        ++*begin;
    *end = *begin;
    if (len - *begin < TOY_LEN)
        return ERR_TRUNCATED;
    const uint8_t *f = data + *begin;
    *end = *begin + TOY_LEN;
    return f[3] == (uint8_t)(f[1] + f[2]) ? ERR_OK : ERR_FRAME_CHECKSUM;
}

static enum meter_match toy_match(struct bytes request, struct bytes answer)
{
    bool same = answer.len == TOY_LEN && request.data[1] == answer.data[1];
    return same ? METER_MATCH_ANSWER : METER_MATCH_NO;
}

static const struct meter_link toy = {"toy", toy_cut, toy_match, false};

static void toy_frame(uint8_t address, uint8_t value, uint8_t out[TOY_LEN])
{
    out[0] = 0x7E;
    out[1] = address;
    out[2] = value;
    out[3] = (uint8_t)(address + value);
}

/* --- the line by hand ------------------------------------------------------------------------- */

static int start(void **state)
{
    (void)state;
    struct bus_timing t = bus_timing_of(2400);
    now = (mono_ms){1000};
    bus_init(&bus, &meter_link_dlt645, &t, now);
    now = mono_after(now, 1000);
    return 0;
}

static void submit(uint64_t tag, uint16_t peer, const uint8_t address[6])
{
    struct bus_job job = {.tag = tag, .peer = peer, .priority = BUS_POLL, .attempts = 2};
    struct dlt645_frame f;
    struct writer w = writer_of(job.request, sizeof job.request);
    dlt645_ask_read(&f, address, ENERGY);
    dlt645_encode(&f, 4, &w);
    job.len = (uint16_t)w.len;
    assert_ok(bus_submit(&bus, &job));
}

static void submit_toy(uint64_t tag, uint16_t peer, uint8_t value)
{
    struct bus_job job = {
        .tag = tag, .peer = peer, .priority = BUS_POLL, .attempts = 1, .len = TOY_LEN};
    toy_frame((uint8_t)peer, value, job.request);
    assert_ok(bus_submit(&bus, &job));
}

/* Lets time pass until a request goes out; how long that took. */
static int64_t next_request(void)
{
    mono_ms begun = now;
    while ((sent_len = bus_output(&bus, now, sent, sizeof sent)) == 0) {
        assert_true(now.ms - begun.ms < 100'000);
        now = mono_after(now, 1);
        bus_tick(&bus, now);
    }
    return now.ms - begun.ms;
}

static void hear(const uint8_t *data, size_t len)
{
    bus_input(&bus, now, data, len);
}

static size_t answer_frame(const uint8_t address[6], uint8_t *out)
{
    struct dlt645_frame request, f;
    uint8_t data[8] = {0, 0, 1, 0, 0x25, 0x00, 0x01, 0x00};
    struct writer w = writer_of(out, METER_FRAME_MAX);
    dlt645_ask_read(&request, address, ENERGY);
    assert_ok(dlt645_answer(&f, &request, address, (struct bytes){data, 8}));
    dlt645_encode(&f, 0, &w);
    return w.len;
}

static void hear_answer(const uint8_t address[6])
{
    uint8_t out[METER_FRAME_MAX];
    size_t len = answer_frame(address, out);
    now = mono_after(now, 250 + bus_wire_ms(2400, len));
    hear(out, len);
}

static void hear_request(const uint8_t address[6])
{
    uint8_t out[METER_FRAME_MAX];
    struct dlt645_frame f;
    struct writer w = writer_of(out, sizeof out);
    dlt645_ask_read(&f, address, ENERGY);
    dlt645_encode(&f, 0, &w);
    hear(out, w.len);
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

/* --- several protocols and speeds ---------------------------------------------------------------
 */

static void test_each_meter_is_heard_by_its_own_link(void **state)
{
    (void)state;
    uint8_t frame[TOY_LEN];
    char parity = '?';
    bus_peer_speaks(&bus, 1, &toy, 9600, 'N');
    submit(1, 0, meter_a);
    submit_toy(2, 1, 7);
    submit(3, 0, meter_a);
    (void)next_request();
    assert_int_equal(bus_speed(&bus, &parity), 2400);
    assert_int_equal(parity, 0);
    hear_answer(meter_a);
    expect_result(1, ERR_OK);
    (void)next_request();
    assert_int_equal(bus_speed(&bus, &parity), 9600);
    assert_int_equal(parity, 'N');
    assert_int_equal(bus.tx_end.ms - bus.started.ms - bus.timing.transit_ms,
                     bus_wire_ms(9600, TOY_LEN));
    hear_request(meter_b); /* nothing in this protocol */
    expect_no_result();
    toy_frame(1, 7, frame);
    hear(frame, sizeof frame);
    expect_result(2, ERR_OK);
    (void)next_request();
    hear_answer(meter_a);
    expect_result(3, ERR_OK);
}

static void test_another_meter_may_need_a_longer_silence(void **state)
{
    (void)state;
    bus.timing.gap_ms = 10;
    bus.timing.address_gap_ms = 90;
    submit(1, 0, meter_a);
    submit(2, 0, meter_a);
    submit(3, 1, meter_b);
    (void)next_request();
    hear_answer(meter_a);
    assert_int_equal(next_request(), 10);
    hear_answer(meter_a);
    assert_int_equal(next_request(), 90);
}

static void test_modbus_gap_is_three_and_a_half_characters(void **state)
{
    (void)state;
    assert_int_equal(bus_timing_of(2400).gap_ms, 17); /* 16.04 */
    assert_int_equal(bus_timing_of(9600).gap_ms, 5);  /* 4.01, and never less than 5 */
    assert_int_equal(bus_timing_marked(2400).gap_ms, 10);
    assert_int_equal(bus_timing_of(300).gap_ms, 129); /* 128.33 */
}

/* --- echoes -------------------------------------------------------------------------------------
 */

static void answered_poll_with_echo(uint64_t tag)
{
    submit(tag, 0, meter_a);
    (void)next_request();
    hear(sent, sent_len);
    expect_no_result();
    hear_answer(meter_a);
    expect_result(tag, ERR_OK);
}

static void test_answer_that_looks_like_an_echo(void **state)
{
    (void)state;
    bus_peer_speaks(&bus, 1, &toy, 0, 0);
    for (uint64_t tag = 1; tag <= 3; tag++)
        answered_poll_with_echo(tag);
    uint64_t echoes = bus.stats.echoes;
    submit_toy(9, 1, 7);
    (void)next_request();
    hear(sent, sent_len); /* this one is ours */
    expect_no_result();
    assert_int_equal(bus.stats.echoes, echoes + TOY_LEN);
    now = mono_after(now, 50);
    hear(sent, sent_len); /* and this is the meter's */
    expect_result(9, ERR_OK);
}

static void test_adapter_that_stopped_echoing(void **state)
{
    (void)state;
    bus_peer_speaks(&bus, 1, &toy, 0, 0);
    for (uint64_t tag = 1; tag <= 5; tag++)
        answered_poll_with_echo(tag);
    for (uint64_t tag = 10; tag < 16; tag++) {
        submit(tag, 0, meter_a);
        (void)next_request();
        hear_answer(meter_a);
        expect_result(tag, ERR_OK);
    }
    submit_toy(20, 1, 7);
    (void)next_request();
    hear(sent, sent_len);
    expect_result(20, ERR_OK);
}

/* Its meters answer with the preamble and the address of the request: that is no echo. */
static void test_answer_that_begins_like_the_request(void **state)
{
    (void)state;
    for (uint64_t tag = 1; tag <= 5; tag++)
        answered_poll_with_echo(tag);
    for (uint64_t tag = 10; tag < 16; tag++) {
        uint8_t out[METER_FRAME_MAX] = {0xFE, 0xFE, 0xFE, 0xFE};
        size_t len = 4 + answer_frame(meter_a, out + 4), piece = tag % 2 ? 1 : len;
        submit(tag, 0, meter_a);
        (void)next_request();
        now = mono_after(now, 150);
        for (size_t i = 0; i < len; i += piece) {
            now = mono_after(now, 5);
            hear(out + i, piece);
        }
        expect_result(tag, ERR_OK);
    }
    assert_int_equal(bus.stats.retries, 0);
}

static void test_altered_echo_is_a_collision(void **state)
{
    (void)state;
    for (uint64_t tag = 1; tag <= 3; tag++)
        answered_poll_with_echo(tag);
    submit(4, 0, meter_a);
    (void)next_request();
    mono_ms full = bus_wake(&bus);
    sent[9] ^= 0x40;
    hear(sent, sent_len);
    assert_int_equal(bus.stats.collisions, 1);
    assert_true(bus_wake(&bus).ms < full.ms); /* nobody can have understood it */
    (void)next_request();
    hear(sent, sent_len);
    hear_answer(meter_a);
    expect_result(4, ERR_OK);
}

/* --- other masters
 * -------------------------------------------------------------------------------- */

static void test_another_masters_meter_may_answer_first(void **state)
{
    (void)state;
    hear_request(meter_b);
    submit(1, 0, meter_a);
    assert_int_equal(next_request(), bus.timing.yield_ms);
    assert_int_equal(bus.stats.foreign, 1);
    assert_true(bus.stats.yielded_ms > 0);
}

static void test_another_masters_turn_ends_with_its_answer(void **state)
{
    (void)state;
    hear_request(meter_b);
    submit(1, 0, meter_a);
    assert_int_equal(bus_output(&bus, now, sent, sizeof sent), 0);
    hear_answer(meter_b);
    assert_in_range(bus.manners_ms, 0, 90);
    int64_t silence_ms = bus.timing.gap_ms + bus.manners_ms;
    assert_int_equal(next_request(), silence_ms);
}

static void test_our_own_late_answer_is_nobodys_turn(void **state)
{
    (void)state;
    submit(1, 0, meter_a);
    (void)next_request();
    hear_answer(meter_a);
    expect_result(1, ERR_OK);
    submit(2, 0, meter_a);
    hear_answer(meter_a); /* a second meter of this address, or a repeater */
    assert_int_equal(next_request(), bus.timing.gap_ms);
    assert_int_equal(bus.stats.foreign, 0);
}

static void test_a_busy_stranger_does_not_starve_us(void **state)
{
    (void)state;
    submit(1, 0, meter_a);
    hear_request(meter_b);
    assert_int_equal(bus_output(&bus, now, sent, sizeof sent), 0);
    mono_ms begun = now;
    while (bus_output(&bus, now, sent, sizeof sent) == 0) {
        hear_request(meter_b);
        now = mono_after(now, 100);
        assert_true(now.ms - begun.ms <= bus.timing.patience_ms + 100);
    }
    assert_true(now.ms - begun.ms >= bus.timing.patience_ms);
}

static void test_endless_noise_does_not_silence_us(void **state)
{
    (void)state;
    const uint8_t noise[3] = {0x00, 0xFF, 0x55};
    submit(1, 0, meter_a);
    mono_ms begun = now;
    hear(noise, 3);
    while (bus_output(&bus, now, sent, sizeof sent) == 0) {
        now = mono_after(now, 5);
        hear(noise, 3);
        assert_true(now.ms - begun.ms < 10'000);
    }
    assert_true(now.ms - begun.ms >= bus.timing.patience_ms);
    assert_int_equal(bus.stats.pushed, 1);
}

/* Two masters that spoiled each other's requests must not do so again and again. */
static void test_pauses_after_collisions_differ(void **state)
{
    (void)state;
    int64_t pauses[8];
    size_t differing = 0;
    for (size_t i = 0; i < 8; i++) {
        uint8_t out[METER_FRAME_MAX];
        size_t len = answer_frame(meter_a, out);
        hear_request(meter_b); /* a stranger works here */
        submit(i, 0, meter_a);
        (void)next_request();
        out[12] ^= 1;
        now = mono_after(now, 300);
        hear(out, len);
        pauses[i] = next_request();
        hear_answer(meter_a);
        expect_result(i, ERR_OK);
        differing += i > 0 && pauses[i] != pauses[0];
    }
    assert_true(differing >= 4);
}

/* --- silent meters
 * ---------------------------------------------------------------------------------- */

static void fail_once(uint16_t peer)
{
    struct bus_result r;
    submit(50, peer, meter_b);
    (void)next_request();
    while (!bus_result(&bus, &r)) {
        now = mono_after(now, 1);
        bus_tick(&bus, now);
        (void)bus_output(&bus, now, sent, sizeof sent);
    }
    assert_string_equal(err_name(r.err), "BUS_SILENT");
}

static void answer_once(uint16_t peer)
{
    submit(60, peer, meter_a);
    (void)next_request();
    hear_answer(meter_a);
    expect_result(60, ERR_OK);
}

/* Swapped wires silence a whole branch: when one meter is back, nobody waits for his turn. */
static void test_when_one_comes_back_all_are_tried(void **state)
{
    (void)state;
    answer_once(9);
    for (uint16_t peer = 0; peer < 5; peer++)
        for (int i = 0; i < 3; i++)
            fail_once(peer);
    fail_once(4);
    for (uint16_t peer = 0; peer < 4; peer++)
        assert_false(bus_may_poll(&bus, peer, now));
    answer_once(4);
    for (uint16_t peer = 0; peer < 4; peer++)
        assert_true(bus_may_poll(&bus, peer, now));
    fail_once(0); /* was silent for another reason: the next one still has its turn now */
    assert_true(bus_may_poll(&bus, 1, now));
    answer_once(1);
    assert_int_equal(bus.stats.returns, 2);
}

static void test_a_flapping_meter_makes_one_burst_a_minute(void **state)
{
    (void)state;
    answer_once(9);
    for (int i = 0; i < 3; i++)
        fail_once(0);
    for (int i = 0; i < 3; i++)
        fail_once(1);
    answer_once(1);
    fail_once(0); /* the burst is used up */
    assert_false(bus_may_poll(&bus, 0, now));
    for (int i = 0; i < 3; i++)
        fail_once(1);
    mono_ms due = bus.peers[0].probe_at;
    answer_once(1);
    assert_int_equal(bus.peers[0].probe_at.ms, due.ms);
}

static void test_a_line_without_answers_is_probed_faster(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        fail_once(0);
    int64_t alone = bus.probe_free_at.ms - now.ms;
    answer_once(9);
    fail_once(0);
    int64_t among = bus.probe_free_at.ms - now.ms;
    assert_int_equal(among, bus.timing.probe_spacing_ms);
    assert_true(alone <= among / 8);
}

static void test_slowest_meters_are_named(void **state)
{
    (void)state;
    uint16_t peers[3];
    for (uint16_t i = 0; i < 5; i++)
        bus.peers[i] = (struct bus_peer){.answers = 1, .slowest_ms = 10 * ((i * 3) % 5)};
    bus.peers[7].slowest_ms = 900; /* never answered */
    assert_int_equal(bus_slowest(&bus, peers, 3), 3);
    assert_int_equal(peers[0], 3); /* 0 30 10 40 20 */
    assert_int_equal(peers[1], 1);
    assert_int_equal(peers[2], 4);
}

/* --- the plan
 * --------------------------------------------------------------------------------------- */

static struct plan plan;
static struct plan_peer plan_peers[3];
static struct meter_unit unit;

static void hang_up_three(void)
{
    assert_ok(meter_unit_init(&unit, "yufu-dorm3", "1", "", 0));
    plan_init(&plan, plan_peers, 3);
    for (uint16_t i = 0; i < 3; i++)
        plan_set(&plan, i, &unit, mono_after(now, i));
    now = mono_after(now, 10);
}

static void test_who_failed_keeps_his_place(void **state)
{
    (void)state;
    struct plan_ask ask;
    hang_up_three();
    assert_true(plan_next(&plan, &bus, now, &ask));
    assert_int_equal(ask.peer, 0);
    plan_failed(&plan, &bus, &ask, now);
    assert_true(plan_next(&plan, &bus, now, &ask));
    assert_int_equal(ask.peer, 1);
    plan_failed(&plan, &bus, &ask, now);
    now = mono_after(now, 5'001);
    assert_true(plan_next(&plan, &bus, now, &ask));
    assert_int_equal(ask.peer, 0); /* and not behind 2, who was not asked yet */
}

static void test_who_is_always_damaged_is_asked_seldom(void **state)
{
    (void)state;
    struct plan_ask ask;
    hang_up_three();
    bus.peers[0].spoiled = 9;
    assert_true(plan_next(&plan, &bus, now, &ask));
    plan_failed(&plan, &bus, &ask, now);
    assert_int_equal(plan_peers[0].not_before.ms - now.ms, 80'000);
}

/* Only a sweep that began in time may leave its requests waiting. */
static void test_who_waited_long_is_not_in_time(void **state)
{
    (void)state;
    struct plan_ask ask;
    hang_up_three();
    assert_true(plan_next(&plan, &bus, now, &ask));
    assert_true(plan_in_time(&plan));
    plan_failed(&plan, &bus, &ask, now);
    now = mono_after(now, 10'000);
    assert_true(plan_next(&plan, &bus, now, &ask));
    assert_false(plan_in_time(&plan));
}

static void test_who_is_first_follows_what_was_asked(void **state)
{
    (void)state;
    struct plan_ask ask;
    hang_up_three();
    for (uint16_t peer = 0; plan_next(&plan, &bus, now, &ask); plan_done(&plan, &ask, -1, now)) {
        assert_in_range(ask.peer, peer, peer + 1);
        peer = ask.peer;
    }
    mono_ms next = plan_wake(&plan, &bus, now);
    assert_true(next.ms > now.ms);
    plan_hurry(&plan, 1, now);
    assert_int_equal(plan_wake(&plan, &bus, now).ms, now.ms);
    assert_true(plan_next(&plan, &bus, now, &ask));
    assert_int_equal(ask.peer, 1);
}

#define CASE(f) cmocka_unit_test_setup(f, start)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_each_meter_is_heard_by_its_own_link),
        CASE(test_another_meter_may_need_a_longer_silence),
        CASE(test_modbus_gap_is_three_and_a_half_characters),
        CASE(test_answer_that_looks_like_an_echo),
        CASE(test_adapter_that_stopped_echoing),
        CASE(test_answer_that_begins_like_the_request),
        CASE(test_altered_echo_is_a_collision),
        CASE(test_another_masters_meter_may_answer_first),
        CASE(test_another_masters_turn_ends_with_its_answer),
        CASE(test_our_own_late_answer_is_nobodys_turn),
        CASE(test_a_busy_stranger_does_not_starve_us),
        CASE(test_endless_noise_does_not_silence_us),
        CASE(test_pauses_after_collisions_differ),
        CASE(test_when_one_comes_back_all_are_tried),
        CASE(test_a_flapping_meter_makes_one_burst_a_minute),
        CASE(test_a_line_without_answers_is_probed_faster),
        CASE(test_slowest_meters_are_named),
        CASE(test_who_failed_keeps_his_place),
        CASE(test_who_is_always_damaged_is_asked_seldom),
        CASE(test_who_waited_long_is_not_in_time),
        CASE(test_who_is_first_follows_what_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
