/* Registers of our terminals, asked from the real terminal by the frames that go on the wire. */
#include "tests/unit/check.h"
#include "tests/unit/terminal/rig.h"

#include <stdio.h>

#include "meter/meter_terminal.h"
#include "proto/dlt645.h"
#include "terminal/load.h"

static struct rig g;
static struct meter_unit unit;

static void begin(void)
{
    struct terminal_setup s = rig_setup();
    char address[13];
    s.overdraft_fen = 100'000;
    rig_new(&g, &s);
    for (int i = 0; i < 6; i++)
        snprintf(address + 2 * i, 3, "%02X", s.address[5 - i]);
    assert_ok(meter_unit_init(&unit, "yufu-dorm3", address, "", 0));
    unit.offset_s = s.zone_s;
}

/* A frame to the terminal; its answer as it stands on the wire. */
static struct bytes carry(const struct writer *w)
{
    static uint8_t out[METER_FRAME_MAX];
    struct dlt645_frame f;
    size_t used;
    assert_ok(w->err);
    assert_ok(dlt645_decode(w->data, w->len, &f, &used));
    if (!rig_send_to(&g, f.address, f.control, f.data, f.len))
        return (struct bytes){0};
    struct writer back = writer_of(out, sizeof out);
    dlt645_encode(&g.answer, 0, &back);
    return (struct bytes){out, back.len};
}

static struct bytes read_register(enum meter_terminal_item item, unsigned circuit)
{
    static uint8_t data[METER_TERMINAL_BYTES];
    uint8_t frame[METER_FRAME_MAX];
    struct writer w = writer_of(frame, sizeof frame);
    size_t len = 0;
    assert_ok(meter_terminal_ask(&unit, item, circuit, &w));
    assert_ok(meter_terminal_take(&unit, item, circuit, carry(&w), data, &len));
    return (struct bytes){data, len};
}

static enum meter_reply write_register(enum meter_terminal_item item, unsigned circuit,
                                       struct bytes data)
{
    uint8_t frame[METER_FRAME_MAX];
    struct writer w = writer_of(frame, sizeof frame);
    assert_ok(meter_terminal_ask_write(&unit, item, circuit, data, &w));
    return meter_take_order(&unit, carry(&w));
}

static struct meter_terminal_status status_of(unsigned circuit)
{
    struct meter_terminal_status s;
    assert_ok(meter_terminal_read_status(read_register(METER_TERMINAL_STATUS, circuit), &s));
    return s;
}

/* Writes, and what is read back shows it. */
static void write_and_meet(enum meter_terminal_item item, unsigned circuit, const struct writer *w)
{
    struct bytes data = {w->data, w->len};
    assert_ok(w->err);
    assert_int_equal(write_register(item, circuit, data), METER_REPLY_OK);
    assert_true(meter_terminal_met(item, data, read_register(meter_terminal_proof(item), circuit)));
}

static const struct meter_terminal_limits strict = {.timed = true,
                                                    .malignant = true,
                                                    .power_w = 500,
                                                    .current_ma = 5'000,
                                                    .night_power_w = 200,
                                                    .night_ma = 1'000,
                                                    .delay_s = 3,
                                                    .recloses = 1,
                                                    .reclose_s = 90,
                                                    .step_w = 120,
                                                    .standby_ma = 7,
                                                    .unplugged_s = 9};

static void settings_are_read_back_as_written(void **state)
{
    (void)state;
    uint8_t b[METER_TERMINAL_BYTES];
    begin();
    struct writer w = writer_of(b, sizeof b);
    struct meter_terminal_limits l;
    meter_terminal_put_limits(&strict, &w);
    write_and_meet(METER_TERMINAL_LIMITS, 2, &w);
    assert_ok(meter_terminal_read_limits(read_register(METER_TERMINAL_LIMITS, 2), &l));
    assert_memory_equal(&l, &strict, sizeof l);

    struct meter_terminal_white white[METER_TERMINAL_WHITE] = {{1000, -30}, {65535, 32767}},
                                list[8];
    w = writer_of(b, sizeof b);
    meter_terminal_put_white(white, &w);
    write_and_meet(METER_TERMINAL_WHITE_LIST, 1, &w);
    assert_ok(meter_terminal_read_white(read_register(METER_TERMINAL_WHITE_LIST, 1), list));
    assert_memory_equal(list, white, sizeof list);

    struct meter_terminal_period hours[METER_TERMINAL_PERIODS] = {{360, 1350, 1}, {1350, 1440, 2}},
                                 read[8];
    w = writer_of(b, sizeof b);
    meter_terminal_put_hours(hours, &w);
    write_and_meet(METER_TERMINAL_WORKDAY, 3, &w);
    assert_ok(meter_terminal_read_hours(read_register(METER_TERMINAL_WORKDAY, 3), read));
    assert_memory_equal(read, hours, sizeof read);

    struct meter_terminal_calendar c = {.weekend = 0x41, .count = METER_TERMINAL_DATES}, d;
    for (uint8_t i = 0; i < METER_TERMINAL_DATES; i++)
        c.dates[i] = (struct meter_terminal_date){(uint8_t)(1 + i % 28), (uint8_t)(1 + i % 12), 26,
                                                  i % 2 == 0};
    w = writer_of(b, sizeof b);
    meter_terminal_put_calendar(&c, &w);
    write_and_meet(METER_TERMINAL_CALENDAR, 0, &w);
    assert_ok(meter_terminal_read_calendar(read_register(METER_TERMINAL_CALENDAR, 0), &d));
    assert_memory_equal(&d, &c, sizeof d);
}

static void a_bad_value_is_refused_and_read_back_shows_the_old_one(void **state)
{
    (void)state;
    uint8_t b[METER_TERMINAL_BYTES];
    begin();
    struct meter_terminal_limits l = strict;
    l.current_ma = 15'001; /* above what the circuit is built for */
    struct writer w = writer_of(b, sizeof b);
    meter_terminal_put_limits(&l, &w);
    struct bytes data = {b, w.len};
    assert_int_equal(write_register(METER_TERMINAL_LIMITS, 1, data), METER_REPLY_OTHER);
    assert_false(
        meter_terminal_met(METER_TERMINAL_LIMITS, data, read_register(METER_TERMINAL_LIMITS, 1)));
}

static void what_does_not_exist_is_not_asked(void **state)
{
    (void)state;
    uint8_t b[METER_FRAME_MAX];
    begin();
    struct writer w = writer_of(b, sizeof b);
    assert_err(ERR_RANGE, meter_terminal_ask(&unit, METER_TERMINAL_LIMITS, 0, &w));
    assert_err(ERR_RANGE, meter_terminal_ask(&unit, METER_TERMINAL_LIMITS, 4, &w));
    assert_err(ERR_RANGE, meter_terminal_ask(&unit, METER_TERMINAL_CALENDAR, 1, &w));
    assert_err(ERR_RANGE, meter_terminal_ask(&unit, METER_TERMINAL_ITEMS, 1, &w));
    assert_err(ERR_STATE, meter_terminal_ask(&unit, METER_TERMINAL_RESET, 1, &w));
    assert_err(ERR_STATE,
               meter_terminal_ask_write(&unit, METER_TERMINAL_STATUS, 1, (struct bytes){b, 1}, &w));
    struct meter_unit plain;
    assert_ok(meter_unit_init(&plain, "yufu-plain", "1", "", 0));
    assert_false(meter_terminal_is(plain.model));
    assert_err(ERR_RANGE, meter_terminal_ask(&plain, METER_TERMINAL_LOCK, 1, &w));
    for (int i = METER_TERMINAL_STATUS; i < METER_TERMINAL_ITEMS; i++)
        assert_int_equal(meter_terminal_of(meter_terminal_name((enum meter_terminal_item)i)), i);
    assert_int_equal(meter_terminal_of("nothing"), METER_TERMINAL_ITEMS);
}

/* Circuit 1 draws so much for so long; nothing once it is open. */
static void draw(int32_t mw, int64_t seconds)
{
    for (int64_t i = 0; i < seconds; i++) {
        struct terminal_sample s = {.voltage_dv = {2200}, .has_reactive = true};
        s.power_mw[0] = rig_closed(&g, 1) ? mw : 0;
        s.current_ma[0] = (uint32_t)(s.power_mw[0] / 220);
        rig_measure(&g, &s, 1000);
    }
}

static int64_t trips(void)
{
    uint8_t frame[METER_FRAME_MAX];
    struct writer w = writer_of(frame, sizeof frame);
    int64_t count = -1;
    meter_trip_ask(&unit, METER_TRIP_COUNT, 0, &w);
    assert_ok(meter_trip_take_count(&unit, carry(&w), &count));
    return count;
}

static enum err trip(enum meter_trip_item item, unsigned nn, struct meter_trip *t)
{
    uint8_t frame[METER_FRAME_MAX];
    struct writer w = writer_of(frame, sizeof frame);
    meter_trip_ask(&unit, item, nn, &w);
    return meter_trip_take(&unit, item, nn, carry(&w), t);
}

static void a_trip_is_told_with_its_explanation_and_reset(void **state)
{
    (void)state;
    uint8_t b[METER_TERMINAL_BYTES];
    struct meter_trip t;
    begin();
    struct meter_terminal_limits l = strict;
    l.timed = false;
    l.power_w = 0;
    l.recloses = 0;
    struct writer w = writer_of(b, sizeof b);
    meter_terminal_put_limits(&l, &w);
    write_and_meet(METER_TERMINAL_LIMITS, 1, &w);
    int64_t before = trips();
    draw(0, 5);
    int64_t began = g.rtc.s;
    draw(1'000'000, 5);
    assert_false(rig_closed(&g, 1));
    assert_int_equal(trips(), before + 1);
    assert_ok(trip(METER_TRIP_RECORD, 1, &t));
    assert_int_equal(t.circuit, 1);
    assert_int_equal(t.reason, TERMINAL_REASON_MALIGNANT);
    assert_in_range(t.at.s, began, began + 5);
    assert_int_equal(t.power_w, 1000);
    assert_int_equal(t.verdict, -1);
    assert_ok(trip(METER_TRIP_WHY, 1, &t));
    assert_string_equal(load_verdict_name((enum load_verdict)t.verdict), "heating");
    assert_int_equal(t.step_mw, 1'000'000);
    assert_int_equal(t.factor, 1000);
    assert_err(ERR_METER_REFUSED, trip(METER_TRIP_RECORD, 30, &t));

    struct meter_terminal_status s = status_of(1);
    assert_int_equal(s.cause, TERMINAL_REASON_MALIGNANT);
    assert_true(s.locked);
    w = writer_of(b, sizeof b);
    writer_u8(&w, 1);
    write_and_meet(METER_TERMINAL_RESET, 1, &w);
    assert_true(rig_closed(&g, 1));
    assert_int_equal(status_of(1).cause, 0);
}

static void learning_shows_in_the_status(void **state)
{
    (void)state;
    begin();
    static const uint8_t on[2] = {60, 0}, off[2];
    draw(0, 2);
    assert_int_equal(write_register(METER_TERMINAL_LEARN, 1, (struct bytes){on, 2}),
                     METER_REPLY_OK);
    assert_true(status_of(1).learning);
    assert_true(meter_terminal_met(METER_TERMINAL_LEARN, (struct bytes){on, 2},
                                   read_register(METER_TERMINAL_STATUS, 1)));
    assert_false(meter_terminal_met(METER_TERMINAL_LEARN, (struct bytes){off, 2},
                                    read_register(METER_TERMINAL_STATUS, 1)));
    assert_int_equal(write_register(METER_TERMINAL_LEARN, 1, (struct bytes){off, 2}),
                     METER_REPLY_OK);
    assert_false(status_of(1).learning);
}

static void damaged_registers_are_named(void **state)
{
    (void)state;
    static const uint8_t bytes[METER_TERMINAL_BYTES] = {0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
    struct meter_terminal_status s;
    struct meter_terminal_limits l;
    struct meter_terminal_white white[METER_TERMINAL_WHITE];
    struct meter_terminal_period hours[METER_TERMINAL_PERIODS];
    struct meter_terminal_calendar c;
    uint8_t times[40] = {0x59, 0x23, 0x00, 0x24, 1};
    assert_ok(meter_terminal_read_hours((struct bytes){times, 40}, hours));
    assert_int_equal(hours[0].begin_min, 1'439);
    assert_int_equal(hours[0].end_min, 1'440);
    times[0] = 0x60; /* 23:60 */
    assert_err(ERR_RANGE, meter_terminal_read_hours((struct bytes){times, 40}, hours));
    times[0] = 0x00;
    times[2] = 0x01; /* 24:01 */
    assert_err(ERR_RANGE, meter_terminal_read_hours((struct bytes){times, 40}, hours));
    assert_err(ERR_FRAME_LENGTH, meter_terminal_read_status((struct bytes){bytes, 5}, &s));
    assert_err(ERR_FRAME_LENGTH, meter_terminal_read_limits((struct bytes){bytes, 19}, &l));
    assert_err(ERR_FRAME_LENGTH, meter_terminal_read_white((struct bytes){bytes, 31}, white));
    assert_err(ERR_BCD, meter_terminal_read_hours((struct bytes){bytes, 40}, hours));
    assert_err(ERR_FRAME_LENGTH, meter_terminal_read_calendar((struct bytes){bytes, 4}, &c));
    assert_err(ERR_FRAME_LENGTH, meter_terminal_read_calendar((struct bytes){bytes, 133}, &c));
    assert_err(ERR_BCD, meter_terminal_read_calendar((struct bytes){bytes, 5}, &c));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_read_back_as_written),
        cmocka_unit_test(a_bad_value_is_refused_and_read_back_shows_the_old_one),
        cmocka_unit_test(what_does_not_exist_is_not_asked),
        cmocka_unit_test(a_trip_is_told_with_its_explanation_and_reset),
        cmocka_unit_test(learning_shows_in_the_status),
        cmocka_unit_test(damaged_registers_are_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
