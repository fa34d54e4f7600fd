/*
 * A whole line in virtual time: 40 real dormitory terminals at 2400 baud, 1 % damaged frames, one
 * dead meter; the poll plan must keep every live meter's state younger than 180 s.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/bus.h"
#include "bus/plan.h"
#include "sim/world/meters.h"

#define METERS 40
#define DEAD 17
#define PROMISE_MS 180'000

static struct sim_line line;
static struct sim_meter meters[METERS];
static struct meter_unit units[METERS];
static struct plan_peer peers[METERS];
static struct plan plan;
static struct bus bus;
static struct plan_ask asks[1]; /* the running poll */
static int64_t seen_ms[METERS][METER_ITEMS_MAX];
static int64_t oldest_ms;
static mono_ms now;

static void add_meter(unsigned i)
{
    char address[13];
    snprintf(address, sizeof address, "2603055%05u", i);
    assert_ok(meter_unit_init(&units[i], "yufu-dorm3", address, "", 0));
    units[i].offset_s = 28'800;
    struct terminal_setup setup = {.circuits = 3,
                                   .phases = 1,
                                   .wallet = true,
                                   .zone_s = 28'800,
                                   .price_e4 = {5883, 5883, 5883, 5883},
                                   .preset_fen = 10'000};
    memcpy(setup.address, units[i].address, 6);
    sim_meter_init(&meters[i], &setup, NULL, (mono_ms){0});
    meters[i].dead = i == DEAD;
    sim_line_add(&line, &meters[i]);
}

static void init(unsigned garbled_permille, int64_t delay_max_ms)
{
    struct sim_line_options o = {.baud = 2400,
                                 .delay_min_ms = 20,
                                 .delay_max_ms = delay_max_ms,
                                 .wall0 = {1'790'000'000},
                                 .seed = 42};
    struct bus_timing t = bus_timing_of(2400);
    sim_line_init(&line, &o);
    line.faults = (struct sim_line_faults){.garble_answer = garbled_permille / 2,
                                           .garble_request = garbled_permille / 2};
    bus_init(&bus, &meter_link_dlt645, &t, (mono_ms){0});
    plan_init(&plan, peers, METERS);
    memset(seen_ms, 0, sizeof seen_ms);
    oldest_ms = 0;
    now = (mono_ms){0};
    for (unsigned i = 0; i < METERS; i++) {
        add_meter(i);
        plan_set(&plan, (uint16_t)i, &units[i], (mono_ms){0});
    }
}

static void done(void)
{
    for (unsigned i = 0; i < METERS; i++)
        sim_meter_close(&meters[i]);
}

static void submit_next(mono_ms at)
{
    struct bus_job job = {.tag = 0, .priority = BUS_POLL, .attempts = 2};
    if (bus_waiting(&bus) > 0 || !plan_next(&plan, &bus, at, &asks[0]))
        return;
    struct writer w = writer_of(job.request, sizeof job.request);
    meter_ask_item(&units[asks[0].peer], asks[0].item, &w);
    assert_ok(w.err);
    job.peer = asks[0].peer;
    job.priority = asks[0].probe ? BUS_PROBE : BUS_POLL;
    job.attempts = asks[0].probe ? 1 : 2;
    job.len = (uint16_t)w.len;
    assert_ok(bus_submit(&bus, &job));
}

static void note_age(const struct plan_ask *ask, mono_ms at)
{
    if (units[0].model->items[ask->item].period_s <= 0 ||
        units[0].model->items[ask->item].period_s > 60)
        return;
    int64_t age = at.ms - seen_ms[ask->peer][ask->item];
    oldest_ms = age > oldest_ms ? age : oldest_ms;
    seen_ms[ask->peer][ask->item] = at.ms;
}

static void take_results(mono_ms at)
{
    struct bus_result r;
    while (bus_result(&bus, &r)) {
        struct meter_values v;
        if (r.err != ERR_OK) {
            plan_failed(&plan, &bus, &asks[0], at);
            continue;
        }
        struct bytes answer = {r.answer, r.len};
        enum err e = meter_take_item(&units[r.peer], asks[0].item, answer, &v);
        assert_ok(e);
        plan_done(&plan, &asks[0], v.next_item, at);
        note_age(&asks[0], at);
    }
}

static mono_ms next_moment(mono_ms at)
{
    mono_ms wake = mono_earlier(bus_wake(&bus), sim_line_wake(&line));
    if (bus_waiting(&bus) == 0)
        wake = mono_earlier(wake, plan_wake(&plan, &bus, at));
    mono_ms soon = mono_after(at, 1);
    return wake.ms > soon.ms ? wake : soon;
}

static void turn(void)
{
    uint8_t bytes[METER_FRAME_MAX];
    size_t n;
    while ((n = sim_line_read(&line, now, bytes, sizeof bytes)) > 0)
        bus_input(&bus, now, bytes, n);
    bus_tick(&bus, now);
    take_results(now);
    submit_next(now);
    n = bus_output(&bus, now, bytes, sizeof bytes);
    if (n > 0)
        sim_line_write(&line, bytes, n, now);
}

static void run(int64_t until_ms)
{
    for (; now.ms < until_ms; now = next_moment(now))
        turn();
}

/* Live meters whose state was not seen for longer than the promise at the end, too. */
static void check_ages(int64_t until_ms)
{
    for (unsigned i = 0; i < METERS; i++)
        for (unsigned k = 0; k < 4 && i != DEAD; k++) {
            int64_t age = until_ms - seen_ms[i][k];
            oldest_ms = age > oldest_ms ? age : oldest_ms;
        }
    printf("oldest state %lld s; line busy %lld %%, useful %lld %% of it; %llu exchanges, "
           "%llu retries, %llu damaged, %llu time-outs\n",
           (long long)oldest_ms / 1000, (long long)(bus.stats.busy_ms * 100 / until_ms),
           (long long)(bus.stats.useful_ms * 100 / bus.stats.busy_ms),
           (unsigned long long)bus.stats.exchanges, (unsigned long long)bus.stats.retries,
           (unsigned long long)bus.stats.damaged, (unsigned long long)bus.stats.timeouts);
    assert_true(oldest_ms <= PROMISE_MS);
    assert_int_equal(line.collisions, 0);
}

static void test_forty_meters_one_dead_one_percent_damaged(void **state)
{
    (void)state;
    init(10, 100);
    run(3'600'000);
    check_ages(3'600'000);
    assert_true(bus.stats.damaged > 20);
    assert_true(bus.peers[DEAD].silent);
    assert_int_equal(bus.stats.demotions, 1);
    assert_true(bus.stats.useful_ms * 10 > bus.stats.busy_ms * 9);
    done();
}

static void test_slow_meters(void **state)
{
    (void)state;
    init(10, 500);
    run(3'600'000);
    check_ages(3'600'000);
    done();
}

static void test_dead_meter_comes_back(void **state)
{
    (void)state;
    init(0, 100);
    run(600'000);
    assert_true(bus.peers[DEAD].silent);
    meters[DEAD].dead = false;
    for (; now.ms < 780'000 && bus.peers[DEAD].silent; now = next_moment(now))
        turn();
    assert_false(bus.peers[DEAD].silent);
    assert_true(now.ms < 780'000);
    done();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forty_meters_one_dead_one_percent_damaged),
        cmocka_unit_test(test_slow_meters),
        cmocka_unit_test(test_dead_meter_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
