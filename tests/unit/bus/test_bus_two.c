/*
 * Two gateways on one pair of wires, each with questions for the same meters at all times, byte by
 * byte: who sends hears nothing, what overlaps is spoilt, and what is heard comes some time later.
 */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "bus/bus.h"
#include "proto/dlt645_ask.h"

#define MASTERS 2
#define METERS 32
#define METER MASTERS /* who speaks, if it is no master */
#define TALKS 8
#define HOUR_MS 3'600'000
#define ENERGY 0x00010000U

struct talk { /* one who sends */
    int from;
    int64_t start_ms;
    size_t len, heard;
    bool spoilt;
    uint8_t data[METER_FRAME_MAX];
};

struct master {
    struct bus bus;
    unsigned next;
    int64_t sends_until_ms, acts_ms, rests_until_ms, rest_ms;
    uint64_t answers;
    int64_t answered_ms, longest_ms; /* without an answer */
};

static struct talk talks[TALKS]; /* len 0: free */
static struct master masters[MASTERS];
static int32_t baud;
static int64_t now_ms, latency_ms;
static uint64_t spoilt;
static struct rand_stream rand_of;

static int64_t end_of(const struct talk *t)
{
    return t->start_ms + bus_wire_ms(baud, t->len);
}

static void speak(int from, const uint8_t *data, size_t len, int64_t at_ms)
{
    struct talk *t = talks;
    while (t->len > 0)
        t++;
    assert_true(t < talks + TALKS);
    *t = (struct talk){.from = from, .start_ms = at_ms, .len = len};
    memcpy(t->data, data, len);
    for (struct talk *o = talks; o < talks + TALKS; o++)
        if (o != t && o->len > 0 && o->start_ms < end_of(t) && t->start_ms < end_of(o))
            o->spoilt = t->spoilt = true;
}

static void answer(const struct talk *t)
{
    struct dlt645_frame request, f;
    uint8_t out[METER_FRAME_MAX];
    const uint8_t data[8] = {0, 0, 1, 0, 0x25, 0, 1, 0};
    struct writer w = writer_of(out, sizeof out);
    size_t used;
    assert_ok(dlt645_decode(t->data, t->len, &request, &used));
    assert_ok(dlt645_answer(&f, &request, request.address, (struct bytes){data, sizeof data}));
    dlt645_encode(&f, 4, &w);
    speak(METER, out, w.len, now_ms + 20 + (int64_t)rand_below(&rand_of, 80));
}

static void carry(struct talk *t)
{
    while (t->heard < t->len &&
           t->start_ms + bus_wire_ms(baud, t->heard + 1) + latency_ms <= now_ms) {
        uint8_t byte = t->data[t->heard++];
        if (t->spoilt && rand_below(&rand_of, 3) == 0)
            byte ^= (uint8_t)rand_below(&rand_of, 256);
        for (int k = 0; k < MASTERS; k++)
            if (k != t->from && masters[k].sends_until_ms <= now_ms)
                bus_input(&masters[k].bus, (mono_ms){now_ms}, &byte, 1);
    }
    if (t->heard < t->len)
        return;
    struct talk ended = *t;
    t->len = 0;
    spoilt += ended.spoilt;
    if (ended.from != METER && !ended.spoilt)
        answer(&ended);
}

static void ask_next(struct master *m)
{
    struct bus_job job = {
        .peer = (uint16_t)(m->next++ % METERS), .priority = BUS_POLL, .attempts = 2};
    uint8_t address[6] = {(uint8_t)(job.peer / 10 << 4 | job.peer % 10)};
    struct dlt645_frame f;
    struct writer w = writer_of(job.request, sizeof job.request);
    dlt645_ask_read(&f, address, ENERGY);
    dlt645_encode(&f, 4, &w);
    job.len = (uint16_t)w.len;
    assert_ok(bus_submit(&m->bus, &job));
}

static void take_results(struct master *m)
{
    struct bus_result r;
    bus_tick(&m->bus, (mono_ms){now_ms});
    while (bus_result(&m->bus, &r)) {
        m->rests_until_ms = now_ms + m->rest_ms;
        if (r.err != ERR_OK)
            continue;
        int64_t without_ms = now_ms - m->answered_ms;
        m->answers++;
        m->longest_ms = without_ms > m->longest_ms ? without_ms : m->longest_ms;
        m->answered_ms = now_ms;
    }
}

/* Its system wakes it up to 2 ms late. */
static void act(int k)
{
    struct master *m = &masters[k];
    uint8_t out[METER_FRAME_MAX];
    take_results(m);
    if (bus_waiting(&m->bus) == 0 && m->rests_until_ms <= now_ms)
        ask_next(m);
    if (m->acts_ms == 0 && mono_due(bus_wake(&m->bus), (mono_ms){now_ms}))
        m->acts_ms = now_ms + (int64_t)rand_below(&rand_of, 3);
    if (m->acts_ms == 0 || m->acts_ms > now_ms)
        return;
    m->acts_ms = 0;
    size_t len = bus_output(&m->bus, (mono_ms){now_ms}, out, sizeof out);
    if (len == 0)
        return;
    speak(k, out, len, now_ms);
    m->sends_until_ms = now_ms + bus_wire_ms(baud, len);
}

static void run(int32_t speed, int64_t latency, int64_t rest_ms)
{
    baud = speed;
    latency_ms = latency;
    spoilt = 0;
    rand_of = rand_split(7, "two");
    memset(talks, 0, sizeof talks);
    memset(masters, 0, sizeof masters);
    struct bus_timing t = bus_timing_marked(baud);
    for (int k = 0; k < MASTERS; k++)
        bus_init(&masters[k].bus, &meter_link_dlt645, &t, (mono_ms){0});
    masters[1].rest_ms = rest_ms;
    for (now_ms = 1; now_ms < HOUR_MS; now_ms++) {
        for (struct talk *o = talks; o < talks + TALKS; o++)
            if (o->len > 0)
                carry(o);
        for (int k = 0; k < MASTERS; k++)
            act(k);
    }
    for (int k = 0; k < MASTERS; k++)
        printf("%d baud, heard %d ms later, the second rests %d ms: master %d %d answers, at most "
               "%d s without\n",
               (int)baud, (int)latency, (int)rest_ms, k, (int)masters[k].answers,
               (int)(masters[k].longest_ms / 1000));
}

/* Both always have something to ask. */
static void test_two_masters_share_evenly(void **state)
{
    (void)state;
    static const struct {
        int32_t baud;
        int64_t latency_ms;
        uint64_t answers; /* of each */
    } cases[] = {{2400, 1, 5'000}, {2400, 16, 4'000}, {9600, 1, 9'000}, {9600, 16, 8'000}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(cases[i].baud, cases[i].latency_ms, 0);
        for (int k = 0; k < MASTERS; k++)
            assert_true(masters[k].answers >= cases[i].answers);
    }
}

/* Who asks now and then beside one who always asks gets his answers. */
static void test_a_seldom_master_is_heard(void **state)
{
    (void)state;
    for (int64_t latency = 1; latency <= 16; latency += 15) {
        run(2400, latency, 2'000);
        assert_true(masters[1].answers >= 1'200);
        assert_true(masters[1].longest_ms < 60'000);
        assert_true(masters[0].answers >= 6'000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_masters_share_evenly),
        cmocka_unit_test(test_a_seldom_master_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
