/* A meter that answers when nobody waits any more, and a protocol whose answers do not say what
 * they answer. */
#include "tests/unit/check.h"

#include "bus/bus.h"
#include "bus/plan.h"
#include "proto/dlt645.h"
#include "proto/dlt645_ask.h"
#include "proto/modbus.h"

/* Behind something that keeps requests waiting: each is answered, in order, `late_ms` after it came
 * or after the one before it. A register's value is its number. */
#define QUEUE 64
static struct {
    int64_t late_ms;
    bool deaf; /* hears nothing while it has something to answer */
    struct modbus_frame asked[QUEUE];
    mono_ms at[QUEUE];
    size_t first, count;
} meter;

static struct bus bus;
static mono_ms now;

static int start(void **state)
{
    (void)state;
    struct bus_timing t = bus_timing_of(9600);
    now = (mono_ms){1000};
    memset(&meter, 0, sizeof meter);
    bus_init(&bus, &meter_link_modbus_rtu, &t, now);
    return 0;
}

static void meter_hears(const uint8_t *data, size_t len)
{
    struct modbus_frame f;
    size_t used;
    assert_ok(modbus_decode_rtu(data, len, &f, &used));
    if (f.unit != 1 || (meter.deaf && meter.count > 0))
        return;
    size_t at = (meter.first + meter.count) % QUEUE;
    mono_ms free_at = meter.count > 0 ? meter.at[(at + QUEUE - 1) % QUEUE] : now;
    assert_true(meter.count < QUEUE);
    meter.asked[at] = f;
    meter.at[at] = mono_after(mono_later(now, free_at), meter.late_ms);
    meter.count++;
}

static void meter_speaks(void)
{
    if (meter.count == 0 || !mono_due(meter.at[meter.first], now))
        return;
    struct modbus_frame f = meter.asked[meter.first];
    uint8_t out[MODBUS_FRAME_MAX];
    struct writer w = writer_of(out, sizeof out);
    f.answer = true;
    for (uint16_t i = 0; i < f.count && f.function <= MODBUS_READ_INPUT; i++)
        f.value[i] = (uint16_t)(f.address + i);
    assert_ok(modbus_encode(&f, &w));
    meter.first = (meter.first + 1) % QUEUE;
    meter.count--;
    bus_input(&bus, now, out, w.len);
}

static void pass(int64_t ms)
{
    uint8_t out[METER_FRAME_MAX];
    for (mono_ms end = mono_after(now, ms); now.ms < end.ms; now = mono_after(now, 1)) {
        meter_speaks();
        bus_tick(&bus, now);
        size_t len = bus_output(&bus, now, out, sizeof out);
        if (len > 0)
            meter_hears(out, len);
    }
}

static void submit_as(enum bus_priority priority, uint8_t unit, uint16_t peer, uint8_t function,
                      uint16_t reg, uint8_t attempts)
{
    struct modbus_frame f = {
        .unit = unit, .function = function, .address = reg, .count = 1, .value = {7}};
    struct bus_job job = {.tag = reg, .peer = peer, .priority = priority, .attempts = attempts};
    struct writer w = writer_of(job.request, sizeof job.request);
    assert_ok(modbus_encode(&f, &w));
    job.len = (uint16_t)w.len;
    assert_ok(bus_submit(&bus, &job));
}

static void submit(uint8_t unit, uint16_t peer, uint8_t function, uint16_t reg, uint8_t attempts)
{
    submit_as(BUS_POLL, unit, peer, function, reg, attempts);
}

/* The end of the one job; returns its error. A value is its own register's or there is none. */
static enum err outcome(int64_t patience_ms)
{
    struct bus_result r;
    struct modbus_frame f;
    size_t used;
    mono_ms end = mono_after(now, patience_ms);
    while (!bus_result(&bus, &r)) {
        assert_true(now.ms < end.ms);
        pass(1);
    }
    if (r.err != ERR_OK)
        return r.err;
    assert_ok(modbus_decode_rtu(r.answer, r.len, &f, &used));
    if (f.function <= MODBUS_READ_INPUT)
        assert_int_equal(f.value[0], r.tag);
    return ERR_OK;
}

static enum err ask(uint16_t reg, uint8_t attempts)
{
    submit(1, 0, MODBUS_READ_INPUT, reg, attempts);
    return outcome(60'000);
}

static const int64_t lateness[] = {100, 650, 800, 1'200, 1'700, 2'500, 4'000};

static void test_a_late_answer_is_never_another_registers(void **state)
{
    for (int deaf = 0; deaf < 2; deaf++)
        for (size_t i = 0; i < sizeof lateness / sizeof lateness[0]; i++)
            for (uint8_t attempts = 1; attempts <= 6; attempts++) {
                start(state);
                meter.late_ms = lateness[i];
                meter.deaf = deaf;
                for (uint16_t reg = 1; reg <= 12; reg++)
                    (void)ask(reg, attempts);
            }
}

/* Once it was seen how late a meter is, it is waited for. */
static void test_who_is_late_is_waited_for(void **state)
{
    (void)state;
    meter.late_ms = 1'200;
    assert_ok(ask(1, 3));
    assert_ok(ask(2, 3));
    uint64_t retries = bus.stats.retries;
    for (uint16_t reg = 3; reg < 40; reg++)
        assert_ok(ask(reg, 1));
    assert_int_equal(bus.stats.retries, retries);
    meter.late_ms = 10; /* it was a bad hour */
    for (uint16_t reg = 40; reg < 400; reg++)
        assert_ok(ask(reg, 1));
    meter.late_ms = 100'000;
    mono_ms asked = now;
    assert_err(ERR_BUS_SILENT, ask(1, 1));
    assert_true(now.ms - asked.ms < 800);
}

static void test_what_says_its_register_does_not_wait(void **state)
{
    (void)state;
    meter.late_ms = 5'000;
    assert_err(ERR_BUS_SILENT, ask(1, 1));
    submit(1, 0, MODBUS_WRITE_ONE, 9, 1); /* an order, and another meter */
    submit(2, 1, MODBUS_READ_INPUT, 3, 1);
    pass(20);
    assert_int_equal(bus.stats.exchanges, 2);
    pass(1'000);
    assert_int_equal(bus.stats.exchanges, 3);
}

/* The next step of a visit waits for what its meter owes; an order for another one does not. */
static void test_an_order_for_another_meter_does_not_wait(void **state)
{
    (void)state;
    meter.late_ms = 100'000;
    assert_err(ERR_BUS_SILENT, ask(1, 1));
    submit_as(BUS_STEP, 1, 0, MODBUS_READ_INPUT, 2, 1);
    submit_as(BUS_POLL, 3, 2, MODBUS_READ_INPUT, 4, 1);
    submit_as(BUS_ORDER, 2, 1, MODBUS_READ_INPUT, 3, 1);
    pass(20);
    assert_int_equal(bus.stats.exchanges, 2);
    assert_int_equal(bus.last_peer, 1);
    pass(1'000);
    assert_int_equal(bus.stats.exchanges, 3);
    assert_int_equal(bus.last_peer, 2);
    assert_true(bus_wake(&bus).ms > now.ms);
    pass(10'000);
    assert_int_equal(bus.stats.exchanges, 4);
    assert_int_equal(bus.last_peer, 0);
}

/* Who scans asks many units as one peer. */
static void test_another_unit_owes_nothing(void **state)
{
    (void)state;
    submit(8, 0, MODBUS_READ_HOLDING, 0, 1);
    assert_err(ERR_BUS_SILENT, outcome(1'000));
    submit(9, 0, MODBUS_READ_HOLDING, 0, 1);
    pass(20);
    assert_int_equal(bus.stats.exchanges, 2);
}

/* A sweep ends when its meter owes something: the others are asked meanwhile. */
static void test_the_plan_asks_the_others_meanwhile(void **state)
{
    static struct plan plan;
    static struct plan_peer peers[2];
    static struct meter_unit units[2];
    struct plan_ask one, other, again;
    (void)state;
    plan_init(&plan, peers, 2);
    for (uint16_t i = 0; i < 2; i++) {
        assert_ok(meter_unit_init(&units[i], "energy-modbus", i == 0 ? "1" : "2", "", 0));
        plan_set(&plan, i, &units[i], now);
    }
    assert_true(plan_next(&plan, &bus, now, &one));
    meter.late_ms = 1'000;
    submit((uint8_t)(one.peer + 1), one.peer, MODBUS_READ_INPUT, 342, 2);
    assert_ok(outcome(5'000));
    plan_done(&plan, &one, -1, now);
    assert_false(bus_may_poll(&bus, one.peer, now));
    assert_true(plan_next(&plan, &bus, now, &other));
    assert_int_not_equal(other.peer, one.peer);
    plan_failed(&plan, &bus, &other, now);
    mono_ms wake = plan_wake(&plan, &bus, now);
    assert_true(wake.ms > now.ms);
    pass(wake.ms - now.ms);
    assert_true(plan_next(&plan, &bus, now, &again));
    assert_int_equal(again.peer, one.peer);
    assert_int_not_equal(again.item, one.item);
}

static void hear_exception(uint8_t exception)
{
    struct modbus_frame f = {
        .unit = 9, .function = MODBUS_READ_INPUT, .answer = true, .exception = exception};
    uint8_t out[MODBUS_FRAME_MAX];
    struct writer w = writer_of(out, sizeof out);
    assert_ok(modbus_encode(&f, &w));
    bus_input(&bus, now, out, w.len);
}

static void expect_exception(enum err err)
{
    struct bus_result r;
    assert_true(bus_result(&bus, &r));
    assert_err(err, r.err);
}

/* Busy is no refusal: it is asked again, not at once; what it says the last time counts. */
static void test_who_is_busy_is_asked_again(void **state)
{
    (void)state;
    submit(9, 0, MODBUS_READ_INPUT, 1, 2);
    pass(20);
    hear_exception(MODBUS_BUSY);
    pass(200);
    assert_int_equal(bus.stats.exchanges, 1);
    pass(200);
    assert_int_equal(bus.stats.exchanges, 2);
    hear_exception(MODBUS_ACKNOWLEDGED);
    expect_exception(ERR_OK);
    submit(9, 0, MODBUS_READ_INPUT, 1, 2);
    pass(20);
    hear_exception(2);
    expect_exception(ERR_OK);
}

/* A gateway in between answers for a meter that does not: the meter is silent, and owes nothing. */
static void test_who_is_absent_does_not_answer(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        submit(9, 0, MODBUS_READ_INPUT, (uint16_t)i, 1);
        pass(20);
        hear_exception(i == 1 ? MODBUS_NO_PATH : MODBUS_NO_TARGET);
        expect_exception(ERR_BUS_SILENT);
    }
    assert_true(bus.peers[0].silent);
    assert_int_equal(bus.stats.absent, 3);
}

/* --- a state is news or it is no proof ----------------------------------------------------------
 */

#define STATE_ID 0x04000503
static const uint8_t address[6] = {0x12, 0, 0x51, 5, 3, 0x26};

/* A DL/T 645 meter behind a long way: what it tells of its state is the time it was asked. */
static struct {
    int64_t late_ms;
    struct dlt645_frame asked[QUEUE];
    mono_ms at[QUEUE], since[QUEUE];
    size_t first, count;
} marked;

static int start_marked(void **state)
{
    struct bus_timing t = bus_timing_marked(2400);
    start(state);
    memset(&marked, 0, sizeof marked);
    bus_init(&bus, &meter_link_dlt645, &t, now);
    return 0;
}

static void marked_hears(const uint8_t *data, size_t len)
{
    size_t used, at = (marked.first + marked.count) % QUEUE;
    mono_ms before = marked.count > 0 ? marked.at[(at + QUEUE - 1) % QUEUE] : now;
    assert_true(marked.count < QUEUE);
    assert_ok(dlt645_decode(data, len, &marked.asked[at], &used));
    if (memcmp(marked.asked[at].address, address, sizeof address) != 0)
        return;
    marked.since[at] = now;
    marked.at[at] = mono_later(mono_after(now, marked.late_ms), before);
    marked.count++;
}

static void marked_speaks(void)
{
    if (marked.count == 0 || !mono_due(marked.at[marked.first], now))
        return;
    uint8_t out[METER_FRAME_MAX];
    struct writer w = writer_of(out, sizeof out);
    struct dlt645_frame f = marked.asked[marked.first];
    uint32_t since = (uint32_t)marked.since[marked.first].ms;
    bool reads = f.control == DLT645_READ;
    f.control |= DLT645_ANSWER;
    f.len = reads ? 8 : 0;
    memcpy(f.data + 4, &since, sizeof since);
    dlt645_encode(&f, 0, &w);
    marked.first = (marked.first + 1) % QUEUE;
    marked.count--;
    bus_input(&bus, now, out, w.len);
}

static void marked_pass(int64_t ms)
{
    uint8_t out[METER_FRAME_MAX];
    for (mono_ms end = mono_after(now, ms); now.ms < end.ms; now = mono_after(now, 1)) {
        marked_speaks();
        bus_tick(&bus, now);
        size_t len = bus_output(&bus, now, out, sizeof out);
        if (len > 0)
            marked_hears(out, len);
    }
}

static void submit_marked(enum bus_priority priority, bool news, uint8_t control, uint8_t attempts)
{
    struct dlt645_frame f;
    struct bus_job job = {.priority = priority, .news = news, .attempts = attempts};
    struct writer w = writer_of(job.request, sizeof job.request);
    dlt645_ask_read(&f, address, STATE_ID);
    f.control = control;
    dlt645_encode(&f, 0, &w);
    job.len = (uint16_t)w.len;
    assert_ok(bus_submit(&bus, &job));
}

/* What its answer says: when the question went out that it answers. 0: there is none. */
static int64_t told(void)
{
    struct bus_result r;
    struct dlt645_frame f;
    uint32_t since;
    size_t used;
    while (!bus_result(&bus, &r))
        marked_pass(1);
    if (r.err != ERR_OK)
        return 0;
    assert_ok(dlt645_decode(r.answer, r.len, &f, &used));
    memcpy(&since, f.data + 4, sizeof since);
    return f.len == 8 ? (int64_t)since : 1;
}

/* Polled in vain, ordered, looked at: the look never finds what was asked before the order. */
static void test_what_was_asked_before_an_order_is_no_proof(void **state)
{
    int proofs = 0;
    for (size_t i = 0; i < sizeof lateness / sizeof lateness[0]; i++)
        for (uint8_t polls = 1; polls <= 3; polls++)
            for (int round = 0; round < 2; round++) {
                start_marked(state);
                marked.late_ms = lateness[i];
                for (uint8_t k = 0; k < polls; k++) {
                    submit_marked(BUS_POLL, false, DLT645_READ, 1);
                    (void)told();
                }
                submit_marked(BUS_ORDER, true, DLT645_CONTROL, 1);
                int64_t ordered = now.ms;
                (void)told();
                if (round > 0)
                    marked.late_ms = 50; /* what stood in its way is gone */
                submit_marked(BUS_STEP, true, DLT645_READ, 3);
                int64_t proof = told();
                assert_true(proof == 0 || proof > ordered);
                proofs += proof != 0;
            }
    assert_true(proofs > 20);
}

/* Polls say what they read; a second too old does not matter to them. */
static void test_polls_of_named_values_do_not_wait(void **state)
{
    (void)state;
    marked.late_ms = 100'000;
    submit_marked(BUS_POLL, false, DLT645_READ, 1);
    assert_int_equal(told(), 0);
    assert_true(bus_may_poll(&bus, 0, now));
    submit_marked(BUS_POLL, false, DLT645_READ, 1);
    marked_pass(100);
    assert_int_equal(bus.stats.exchanges, 2);
}

/* The second order's answer is not the first one's: neither says which. */
static void test_an_order_is_not_answered_by_an_earlier_one(void **state)
{
    (void)state;
    marked.late_ms = 1'500;
    submit_marked(BUS_ORDER, true, DLT645_CONTROL, 1);
    assert_int_equal(told(), 0);
    submit_marked(BUS_ORDER, true, DLT645_CONTROL, 1);
    marked_pass(700);
    assert_int_equal(bus.stats.exchanges, 1);
    marked_pass(1'000); /* the first one's has come meanwhile */
    assert_int_equal(bus.stats.strays, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_late_answer_is_never_another_registers, start),
        cmocka_unit_test_setup(test_who_is_late_is_waited_for, start),
        cmocka_unit_test_setup(test_what_says_its_register_does_not_wait, start),
        cmocka_unit_test_setup(test_an_order_for_another_meter_does_not_wait, start),
        cmocka_unit_test_setup(test_another_unit_owes_nothing, start),
        cmocka_unit_test_setup(test_who_is_busy_is_asked_again, start),
        cmocka_unit_test_setup(test_who_is_absent_does_not_answer, start),
        cmocka_unit_test_setup(test_the_plan_asks_the_others_meanwhile, start),
        cmocka_unit_test_setup(test_what_was_asked_before_an_order_is_no_proof, start_marked),
        cmocka_unit_test_setup(test_polls_of_named_values_do_not_wait, start_marked),
        cmocka_unit_test_setup(test_an_order_is_not_answered_by_an_earlier_one, start_marked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
