/* The gateway engine against real terminals on a simulated line and a disk that may forget. */
#include "tests/unit/gateway/gateway_rig.h"

#include "meter/meter_model.h"

static void test_reads_every_meter_within_its_period(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));               /* a meter without credit is open */
    sim_meter_set_load(&r->meters[0], 2, 3'600'000); /* 1 Wh a second */
    rig_live(r, 180'000);
    assert_true(r->reading_count >= 4);
    assert_true(r->energy_wh[1] > 0);
}

/* Everything that a meter without credit can tell: the most that one sweep may bring. */
static void test_a_whole_sweep_is_told_and_no_point_twice(void **state)
{
    struct rig *r = *state;
    const enum meter_point last[] = {POINT_ALARM_LEVEL, POINT_BALANCE_FEN, POINT_PURCHASED_FEN,
                                     POINT_VOLTAGE_DV,  POINT_CURRENT_MA,  POINT_CLOCK_S};
    rig_live(r, 60'000);
    assert_true(r->reading_count > 0);
    assert_int_equal(r->told_twice, 0);
    for (size_t i = 0; i < sizeof last / sizeof *last; i++)
        assert_true(r->points_told[1] & UINT64_C(1) << last[i]);
}

static void test_lines_are_told_how_they_fare(void **state)
{
    struct rig *r = *state;
    r->meters[1].dead = true;
    rig_live(r, 299'000);
    assert_int_equal(r->line_count, 0);
    rig_live(r, 421'000); /* two meters leave the line much rest: it is told with the next poll */
    assert_int_equal(r->line_count, 2);
    const struct uplink_line *a = &r->lines[0], *b = &r->lines[1];
    const struct bus_stats *s = gateway_line_stats(r->gateway, 0);
    assert_int_equal(a->number, 1);
    assert_in_range(a->period_ms, 300'000, 360'000);
    assert_int_equal(a->meters, METERS);
    assert_int_equal(b->silent, 1);
    assert_int_equal(r->quiet.meter_id, 2);
    assert_in_range(r->quiet.ms, 0, 60'000);
    assert_int_equal(r->slowest.meter_id, 1);
    assert_true(r->slowest.ms > 0);
    assert_true(a->answered > 20 && a->timeouts > 0 && a->useful_ms > 0);
    assert_true(a->busy_ms >= a->useful_ms);
    assert_true(a->exchanges + b->exchanges <= (int64_t)s->exchanges);
    assert_in_range(b->period_ms, 300'000, 360'000);
}

/* Nothing of it waits for a connection, and of a line that asks nothing there is nothing to say. */
static void test_lines_that_nobody_heard_of_are_not_told_later(void **state)
{
    struct rig *r = *state;
    gateway_uplink_closed(r->gateway);
    rig_live(r, 1'000'000);
    rig_connect(r);
    while (r->line_count == 0)
        rig_live(r, 1'000);
    assert_in_range(r->now.ms, 1'000'000, 1'360'000);
    assert_in_range(r->lines[0].period_ms, 300'000, 360'000);
    struct gateway_now now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, false);
    rig_live(r, 360'000); /* what was asked before it went down */
    size_t before = r->line_count;
    rig_live(r, 1'000'000);
    assert_int_equal(r->line_count, before);
}

static void turn_line(struct rig *r, bool up, int64_t then_ms)
{
    struct gateway_now now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, up);
    rig_live(r, then_ms);
}

/* A device that hangs up after each answer is no alarm; one that stays away is, once. */
static void test_a_line_that_comes_back_at_once_is_no_news(void **state)
{
    struct rig *r = *state;
    rig_live(r, 20'000);
    size_t told = r->event_count;
    for (int i = 0; i < 20; i++) {
        turn_line(r, false, 2'000);
        turn_line(r, true, 3'000);
    }
    assert_int_equal(r->event_count, told);
    turn_line(r, false, 9'000);
    assert_int_equal(r->event_count, told);
    rig_live(r, 8'000);
    assert_int_equal(r->event_count, told + 1);
    rig_live(r, 60'000);
    assert_int_equal(r->event_count, told + 1);
    turn_line(r, true, 8'000);
    assert_int_equal(r->event_count, told + 2);
}

/* Its connection takes nothing for a while: what is due to be told must not wake it again and
 * again. */
static void test_who_cannot_tell_does_not_spin(void **state)
{
    struct rig *r = *state;
    rig_live(r, 250'000);
    struct gateway_now now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, false);
    rig_live(r, 10'000);
    r->now = mono_after(r->now, 60'000);
    now = rig_now(r);
    gateway_tick(r->gateway, &now);
    assert_true(gateway_wake(r->gateway).ms > r->now.ms);
    rig_listen(r);
    assert_int_equal(r->line_count, 1);
}

static void test_untrusted_clock_keeps_readings_back(void **state)
{
    struct rig *r = *state;
    r->trusted = false;
    rig_live(r, 180'000);
    assert_int_equal(r->reading_count, 0);
}

/* Power was cut, the platform is away, and the clock has no battery: what is read meanwhile is
 * there at its true time once the platform tells it. */
static void start_without_a_clock(struct rig *r)
{
    rig_live(r, 30'000);
    rig_close(r);
    r->away = true;
    r->trusted = false;
    r->wrong_s = 86'400;
    r->reading_count = r->event_count = r->dropped_events = 0;
    rig_open(r);
    rig_live(r, 600'000);
    assert_int_equal(r->reading_count, 0);
}

static void tell_the_time(struct rig *r)
{
    r->trusted = true;
    r->wrong_s = 0;
    const struct gateway_now now = rig_now(r);
    gateway_clock_known(r->gateway, &now, 86'400);
}

/* So does what was done meanwhile: a sale that was stored before the power was cut. */
static void test_outcomes_wait_for_their_time(void **state)
{
    struct rig *r = *state;
    rig_live(r, 30'000);
    rig_command(r, rig_vend(1, 1, 1));
    rig_close(r);
    r->away = true;
    r->trusted = false;
    r->wrong_s = 86'400;
    rig_open(r);
    rig_live(r, 60'000);
    assert_int_equal(r->outcome_count, 0);
    int64_t end_s = rig_now(r).wall.s + r->wrong_s;
    tell_the_time(r);
    rig_connect(r);
    rig_live(r, 60'000);
    assert_int_equal(rig_only_outcome(r)->status, UPLINK_DONE);
    assert_in_range(rig_only_outcome(r)->at.s, end_s - 60, end_s);
}

static void test_readings_wait_for_their_time(void **state)
{
    struct rig *r = *state;
    rig_live(r, 1);
    start_without_a_clock(r);
    int64_t end_s = rig_now(r).wall.s + r->wrong_s;
    tell_the_time(r);
    rig_connect(r);
    rig_live(r, 60'000);
    assert_true(r->reading_count > 20);
    assert_in_range(r->first_reading.s, end_s - 610, end_s - 560);
    assert_in_range(r->last_reading.s, end_s, end_s + 60);
    assert_int_equal(r->dropped_events, 0);
    rig_close(r); /* and they are not moved again */
    r->away = false;
    rig_open(r);
    rig_live(r, 1'000);
    assert_int_equal(r->dropped_events, 0);
}

static void test_readings_that_never_learn_their_time_are_dropped(void **state)
{
    struct rig *r = *state;
    start_without_a_clock(r);
    rig_close(r);
    rig_open(r);
    tell_the_time(r);
    rig_connect(r);
    int64_t began_s = rig_now(r).wall.s;
    rig_live(r, 60'000);
    assert_int_equal(r->dropped_events, 1);
    assert_true(r->reading_count > 0);
    assert_true(r->first_reading.s >= began_s);
}

static void test_a_platform_without_a_clock_gets_no_readings(void **state)
{
    struct rig *r = *state;
    start_without_a_clock(r);
    rig_connect(r); /* it tells no time */
    rig_live(r, 60'000);
    assert_int_equal(r->reading_count, 0);
    assert_int_equal(r->dropped_events, 1);
    tell_the_time(r);
    rig_live(r, 60'000);
    assert_true(r->reading_count > 0);
}

/* What was taken while the disk was full is moved, too. */
static void test_readings_in_memory_learn_their_time(void **state)
{
    struct rig *r = *state;
    rig_live(r, 30'000);
    rig_close(r);
    r->away = true;
    r->trusted = false;
    r->wrong_s = 86'400;
    r->reading_count = 0;
    rig_open(r);
    sim_disk_capacity(r->disk, 1);
    rig_live(r, 120'000);
    int64_t end_s = rig_now(r).wall.s + r->wrong_s;
    tell_the_time(r);
    sim_disk_mend(r->disk);
    rig_connect(r);
    rig_live(r, 60'000);
    assert_true(r->reading_count > 0);
    assert_in_range(r->first_reading.s, end_s - 130, end_s + 60);
}

/* The disk is full when the platform comes back: the welcome is asked for again until it can be
 * followed, or nothing would ever be said. */
static void test_a_welcome_to_a_full_disk_is_asked_for_again(void **state)
{
    struct rig *r = *state;
    start_without_a_clock(r);
    sim_disk_capacity(r->disk, 1);
    tell_the_time(r);
    const struct gateway_now now = rig_now(r);
    const struct uplink_message m = {.kind = UPLINK_WELCOME};
    struct bytes hello;
    gateway_uplink_connected(r->gateway, &now);
    assert_true(gateway_next_uplink(r->gateway, &now, &hello));
    assert_err(ERR_STORE_FULL, gateway_uplink_message(r->gateway, &now, &m));
    assert_false(gateway_next_uplink(r->gateway, &now, &hello));
    sim_disk_mend(r->disk);
    r->now = gateway_wake(r->gateway);
    const struct gateway_now later = {
        .mono = mono_after(now.mono, 5'000), .wall = now.wall, .trusted = true};
    assert_true(r->now.ms <= later.mono.ms);
    r->now = later.mono;
    assert_true(gateway_next_uplink(r->gateway, &later, &hello));
    assert_ok(gateway_uplink_message(r->gateway, &later, &m));
    rig_live(r, 60'000);
    assert_true(r->reading_count > 0);
    assert_int_equal(r->dropped_events, 1);
}

static void test_vend_brings_its_evidence(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    const struct uplink_outcome *o = rig_only_outcome(r);
    assert_int_equal(o->status, UPLINK_DONE);
    assert_int_equal(o->reply, UPLINK_REPLY_OK);
    assert_true(o->sent);
    assert_int_equal(o->count, 1);
    assert_int_equal(o->record_n, 1);
    assert_int_equal(o->record_amount_fen, 5'000);
    assert_int_equal(o->purchased_fen, 5'000);
    assert_int_equal(o->balance_fen, 5'000);
    assert_int_equal(r->meters[0].applied_count, 1);
}

static void test_repeat_of_a_command_never_acts_again(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    assert_int_equal(r->outcome_count, 2); /* said again, because its first copy was acknowledged */
    assert_memory_equal(&r->outcomes[0], &r->outcomes[1], sizeof r->outcomes[0]);
    assert_int_equal(r->meters[0].applied_count, 1);
}

static void test_another_command_for_the_same_number_only_reads(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    rig_command(r, rig_vend(2, 1, 1));
    rig_live(r, 10'000);
    assert_int_equal(r->outcomes[1].count, 1);
    assert_int_equal(r->outcomes[1].record_n, 1);
    assert_false(r->outcomes[1].sent);
    assert_int_equal(r->meters[0].applied_count, 1);
}

static void test_lost_answers_do_not_double(void **state)
{
    struct rig *r = *state;
    r->line.faults.drop_answer = 400;
    for (int i = 1; i <= 20; i++) {
        rig_command(r, rig_vend(i, 1, i));
        rig_live(r, 60'000);
        if (r->meters[0].applied_count < (size_t)i)
            break;
    }
    size_t applied = r->meters[0].applied_count;
    assert_true(applied > 0);
    for (size_t i = 0; i < applied; i++)
        assert_int_equal(r->meters[0].applied[i].count, i + 1);
}

static void test_silent_meter_is_unknown(void **state)
{
    struct rig *r = *state;
    r->meters[0].dead = true;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 60'000);
    const struct uplink_outcome *o = rig_only_outcome(r);
    assert_int_equal(o->status, UPLINK_UNKNOWN);
    assert_int_equal(o->count, -1);
    rig_live(r, 600'000);
    assert_true(r->event_count >= 1); /* the meter was told to be silent */
}

static void test_fence_before_the_command(void **state)
{
    struct rig *r = *state;
    rig_say(r, &(struct uplink_message){.kind = UPLINK_FENCE, .fence_id = 9});
    rig_command(r, rig_vend(9, 1, 1));
    rig_live(r, 10'000);
    assert_true(r->outcome_count >= 1);
    assert_int_equal(r->outcomes[0].status, UPLINK_FENCED);
    assert_int_equal(r->meters[0].applied_count, 0);
}

static void test_fence_of_a_done_command_tells_the_truth(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    rig_say(r, &(struct uplink_message){.kind = UPLINK_FENCE, .fence_id = 1});
    rig_live(r, 5'000);
    assert_int_equal(r->outcome_count, 2);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[1].record_n, 1);
}

static void test_fence_of_a_waiting_command(void **state)
{
    struct rig *r = *state;
    const struct gateway_now now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, false);
    rig_command(r, rig_vend(1, 1, 1));
    rig_say(r, &(struct uplink_message){.kind = UPLINK_FENCE, .fence_id = 1});
    gateway_line_status(r->gateway, &now, 0, true);
    rig_live(r, 10'000);
    assert_int_equal(rig_only_outcome(r)->status, UPLINK_FENCED);
    assert_int_equal(r->meters[0].applied_count, 0);
}

static void test_other_epoch_and_unknown_meter(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = rig_vend(1, 1, 1);
    c.epoch = 2;
    rig_command(r, c);
    rig_command(r, rig_vend(2, 99, 1));
    rig_live(r, 10'000);
    assert_int_equal(r->outcome_count, 2);
    assert_int_equal(r->outcomes[0].status, UPLINK_NO_METER);
    assert_int_equal(r->outcomes[1].status, UPLINK_NO_METER);
    assert_int_equal(r->meters[0].applied_count, 0);
}

/* The others are read, and it is told what is not. */
static void test_meters_that_cannot_be_read_are_told(void **state)
{
    struct rig *r = *state;
    struct uplink_config_line line = {
        .number = 1, .endpoint = "tcp:sim:1", .baud = 9600, .parity = 'E'};
    struct uplink_config_meter meters[4] = {
        {.meter_id = 1, .line = 1, .address = "000000000001", .model = "yufu-dorm3", .epoch = 1},
        {.meter_id = 2, .line = 1, .address = "000000000002", .model = "tomorrows", .epoch = 1},
        {.meter_id = 3, .line = 1, .address = "00-3", .model = "yufu-dorm3", .epoch = 1},
        {.meter_id = 4, .line = 9, .address = "000000000004", .model = "yufu-dorm3", .epoch = 1}};
    static const enum err reasons[] = {ERR_NOT_FOUND, ERR_SYNTAX, ERR_STATE};
    rig_say(r, &(struct uplink_message){.kind = UPLINK_CONFIG,
                                        .config = {.version = 2,
                                                   .parts = 1,
                                                   .lines = &line,
                                                   .line_count = 1,
                                                   .meters = meters,
                                                   .meter_count = 4}});
    struct gateway_status status;
    const struct uplink_config_meter *m;
    enum err why;
    gateway_status_get(r->gateway, &status);
    assert_int_equal(status.meters, 1);
    assert_int_equal(status.meters_left_out, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(gateway_left_out(r->gateway, i, &m, &why));
        assert_int_equal(m->meter_id, 2 + i);
        assert_err(reasons[i], why);
    }
    assert_false(gateway_left_out(r->gateway, 3, &m, &why));
    rig_configure(r, 3, 1);
    assert_false(gateway_left_out(r->gateway, 0, &m, &why));
}

static struct uplink_command relay(const struct rig *r, int64_t id, int64_t version, bool open)
{
    return (struct uplink_command){.id = id,
                                   .kind = UPLINK_RELAY,
                                   .meter_id = 1,
                                   .epoch = 1,
                                   .version = version,
                                   .open = open,
                                   .not_after = {open ? rig_now(r).wall.s + 60 : 0}};
}

static bool is_open(const struct rig *r)
{
    return !terminal_output(&r->meters[0].terminal).closed[0];
}

static void test_cut_and_restore_are_read_back(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    rig_command(r, relay(r, 2, 1, true));
    rig_live(r, 10'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_true(r->outcomes[1].relay_open > 0);
    assert_true(is_open(r));
    rig_command(r, relay(r, 3, 2, false));
    rig_live(r, 10'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[2].relay_open, 0);
    assert_false(is_open(r));
}

static void test_late_or_overtaken_cut_is_never_sent(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    struct uplink_command late = relay(r, 2, 1, true);
    late.not_after.s = rig_now(r).wall.s - 1;
    rig_command(r, late);
    rig_live(r, 5'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_EXPIRED);
    rig_command(r, relay(r, 3, 5, false));
    rig_command(r, relay(r, 4, 4, true));
    rig_live(r, 10'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[3].status, UPLINK_SUPERSEDED);
    r->trusted = false;
    rig_command(r, relay(r, 5, 6, true));
    rig_live(r, 5'000);
    assert_int_equal(r->outcomes[4].status, UPLINK_EXPIRED);
    assert_false(is_open(r));
}

/* The program wants to end: what is under way is carried through, and nothing is begun. */
static void test_no_order_is_begun_while_it_is_to_be_quiet(void **state)
{
    struct rig *r = *state;
    struct gateway_status s;
    rig_command(r, rig_vend(1, 1, 1));
    for (gateway_status_get(r->gateway, &s); s.commands_started == 0;
         gateway_status_get(r->gateway, &s))
        rig_live(r, 1);
    assert_false(gateway_quiesce(r->gateway, true));
    rig_command(r, rig_vend(2, 1, 2));
    rig_live(r, 20'000);
    assert_true(gateway_quiesce(r->gateway, true));
    assert_int_equal(rig_only_outcome(r)->status, UPLINK_DONE);
    gateway_status_get(r->gateway, &s);
    assert_int_equal(s.commands_waiting, 1);
    assert_int_equal(s.commands_started, 0);
    size_t readings = r->reading_count;
    rig_live(r, 60'000); /* it still reads */
    assert_true(r->reading_count > readings);
    (void)gateway_quiesce(r->gateway, false);
    rig_live(r, 20'000);
    assert_int_equal(r->outcome_count, 2);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
}

/* The model of the rig's meters, as one whose orders take their time. */
static void set_act_ms(int act_ms)
{
    static char text[16'384];
    static struct meter_faults faults;
    FILE *f = fopen("models/yufu-dorm3.json", "r");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text - 64, f);
    fclose(f);
    while (text[len - 1] != '}')
        len--;
    len--;
    len += (size_t)snprintf(text + len, 64, ", \"limits\": {\"act_ms\": %d}}", act_ms);
    assert_ok(meter_models_add(text, len, &faults));
}

/* A valve: accepted, looked at when it may have moved, and the line is read meanwhile. */
static void test_slow_orders_are_looked_at_later(void **state)
{
    struct rig *r = *state;
    set_act_ms(20'000);
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 70'000);
    rig_command(r, relay(r, 2, 1, true));
    rig_live(r, 15'000);
    size_t readings = r->reading_count;
    assert_true(is_open(r));
    assert_int_equal(r->outcome_count, 1);
    rig_live(r, 3'000);
    assert_int_equal(r->outcome_count, 1);
    rig_live(r, 4'000);
    assert_int_equal(r->outcome_count, 2);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    rig_live(r, 60'000);
    assert_true(r->reading_count > readings);
    rig_command(r, relay(r, 3, 2, true)); /* a newer wish does not wait for an older one */
    rig_live(r, 5'000);
    rig_command(r, relay(r, 4, 3, false));
    rig_live(r, 2'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_DONE); /* as it was read back, before its time */
    assert_false(is_open(r));
    rig_live(r, 21'000);
    assert_int_equal(r->outcomes[3].status, UPLINK_DONE);
    set_act_ms(0);
}

/* Lives on until a poll is on the line. */
static void await_poll(struct rig *r)
{
    const struct bus_stats *s = gateway_line_stats(r->gateway, 0);
    for (int i = 0; i < 120'000 && s->exchanges == s->answered; i++)
        rig_live(r, 1);
    assert_int_equal(s->exchanges, s->answered + 1);
}

/* A cut whose frame waits behind a poll when the line goes down is withdrawn meanwhile: when the
 * line comes back, that frame must not go out. */
static void test_line_down_forgets_a_waiting_cut(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 20'000);
    await_poll(r);
    struct uplink_command cut = relay(r, 2, 1, true);
    cut.not_after.s = rig_now(r).wall.s + 120;
    rig_command(r, cut);
    struct gateway_now now = rig_now(r);
    gateway_tick(r->gateway, &now); /* its frame is made, and waits */
    struct gateway_status status;
    gateway_status_get(r->gateway, &status);
    assert_int_equal(status.commands_started, 1);
    gateway_line_status(r->gateway, &now, 0, false);
    sim_line_flush(&r->line);
    rig_live(r, 10'000);
    uint32_t trips = r->meters[0].terminal.books.trips;
    rig_command(r, relay(r, 3, 2, false));
    now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, true);
    rig_live(r, 10'000);
    assert_int_equal(r->meters[0].terminal.books.trips, trips);
    assert_false(is_open(r));
    assert_int_equal(r->outcome_count, 3);
}

static void test_keep_power_refuses_the_cut(void **state)
{
    struct rig *r = *state;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    rig_command(
        r, (struct uplink_command){
               .id = 2, .kind = UPLINK_KEEP, .meter_id = 1, .epoch = 1, .version = 1, .on = true});
    rig_live(r, 10'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[1].keep_power, 1);
    rig_command(r, relay(r, 3, 1, true));
    rig_live(r, 10'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_REFUSED);
    assert_false(is_open(r));
}

/* Power fails before each disk call in turn, from the arrival of a sale to its outcome. */
static void test_power_cut_at_every_disk_call(void **state)
{
    struct rig *r = *state;
    rig_live(r, 5'000);
    for (int64_t k = 1; k <= 40; k++) {
        sim_disk_plan(r->disk, SIM_DISK_POWER_CUT, SIM_DISK_ANY, (uint64_t)k, false);
        size_t before = r->outcome_count;
        const struct gateway_now now = rig_now(r);
        struct uplink_message m = {.kind = UPLINK_COMMAND, .command = rig_vend(1000 + k, 1, k)};
        bool took = gateway_uplink_message(r->gateway, &now, &m) == ERR_OK;
        if (took && !sim_disk_down(r->disk))
            rig_live(r, 6'000);
        rig_close(r);
        sim_disk_mend(r->disk);
        sim_line_flush(&r->line);
        rig_open(r);
        rig_command(r, rig_vend(1000 + k, 1, k)); /* the platform says it again */
        rig_live(r, 20'000);
        assert_true(r->outcome_count > before);
        assert_int_equal(r->outcomes[r->outcome_count - 1].record_n, k);
        assert_int_equal(r->meters[0].applied_count, k);
        r->outcome_count = 0;
    }
}

static void test_unacknowledged_outcome_survives_the_power(void **state)
{
    struct rig *r = *state;
    r->acknowledge = false;
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 10'000);
    assert_true(r->outcome_count >= 1);
    sim_disk_power_cut(r->disk);
    rig_close(r);
    r->outcome_count = 0;
    rig_open(r);
    rig_listen(r);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].record_n, 1);
}

static void test_full_queue_drops_oldest_readings_only(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    r->queue_bytes = 4'000;
    r->acknowledge = false;
    rig_open(r);
    gateway_uplink_closed(r->gateway);
    rig_live(r, 7'200'000);
    struct gateway_status s;
    gateway_status_get(r->gateway, &s);
    assert_true(s.queue_bytes <= 8'000);
    assert_true(s.dropped_rows > 0);
    r->acknowledge = true;
    rig_connect(r);
    rig_listen(r);
    rig_live(r, 10'000);
    assert_true(r->dropped_events > 0);
}

static void test_full_disk_loses_no_command(void **state)
{
    struct rig *r = *state;
    sim_disk_capacity(r->disk, 1); /* no room at all */
    const struct gateway_now now = rig_now(r);
    struct uplink_message m = {.kind = UPLINK_COMMAND, .command = rig_vend(1, 1, 1)};
    assert_err(ERR_STORE_FULL, gateway_uplink_message(r->gateway, &now, &m));
    rig_live(r, 60'000);
    assert_int_equal(r->meters[0].applied_count, 0);
    assert_ok(gateway_failure(r->gateway));
    sim_disk_mend(r->disk);
    rig_command(r, rig_vend(1, 1, 1));
    rig_live(r, 20'000);
    assert_int_equal(r->meters[0].applied_count, 1);
    assert_true(r->reading_count > 0);
}

static void test_configuration_is_kept(void **state)
{
    struct rig *r = *state;
    rig_configure(r, 8, 3);
    rig_close(r);
    rig_open(r);
    struct gateway_status s;
    gateway_status_get(r->gateway, &s);
    assert_int_equal(s.config_version, 8);
    assert_int_equal(s.meters, METERS);
    struct uplink_message bad = {.kind = UPLINK_CONFIG,
                                 .config = {.version = 9, .part = 3, .parts = 2}};
    const struct gateway_now now = rig_now(r);
    assert_err(ERR_RANGE, gateway_uplink_message(r->gateway, &now, &bad));
    bad = (struct uplink_message){.kind = UPLINK_HELLO};
    assert_err(ERR_UPLINK_UNKNOWN, gateway_uplink_message(r->gateway, &now, &bad));
}

static void test_boot_epochs_rise_over_power_cuts(void **state)
{
    struct rig *r = *state;
    int64_t last = 0, epoch;
    for (int i = 0; i < 5; i++) {
        assert_ok(gateway_next_boot_epoch(r->gateway, &epoch));
        assert_true(epoch > last);
        last = epoch;
        sim_disk_power_cut(r->disk);
        rig_close(r);
        rig_open(r);
    }
}
/* A restored backup: the platform has heard more than this file knows of. */
static void test_a_queue_that_went_back_in_time_begins_a_new_epoch(void **state)
{
    struct rig *r = *state;
    struct uplink_message m;
    struct bytes encoded;
    struct gateway_status before, after;
    r->acknowledge = false;
    rig_live(r, 60'000);
    gateway_status_get(r->gateway, &before);
    assert_true(before.queue_rows > 0);
    struct gateway_now now = rig_now(r);
    gateway_uplink_closed(r->gateway);
    gateway_uplink_connected(r->gateway, &now);
    assert_true(gateway_next_uplink(r->gateway, &now, &encoded));
    rig_say(r, &(struct uplink_message){.kind = UPLINK_WELCOME,
                                        .welcome = {.acked_epoch = before.queue_epoch,
                                                    .acked_seq = before.last_seq + 100}});
    gateway_status_get(r->gateway, &after);
    assert_true(after.queue_epoch > before.queue_epoch);
    assert_int_equal(after.queue_rows, before.queue_rows);
    assert_true(gateway_next_uplink(r->gateway, &now, &encoded));
    assert_ok(uplink_message_decode(encoded.data, encoded.len, r->arena, &m));
    assert_int_equal(m.kind, UPLINK_HELLO);
    assert_int_equal(m.hello.queue_epoch, after.queue_epoch);
    assert_false(gateway_next_uplink(r->gateway, &now, &encoded)); /* until it is welcome there */
    rig_say(r, &(struct uplink_message){.kind = UPLINK_WELCOME,
                                        .welcome = {.acked_epoch = after.queue_epoch}});
    size_t rows = 0;
    while (gateway_next_uplink(r->gateway, &now, &encoded)) {
        assert_ok(uplink_message_decode(encoded.data, encoded.len, r->arena, &m));
        rows += m.seq > 0;
        assert_true(m.seq == 0 || m.epoch == after.queue_epoch);
    }
    assert_int_equal(rows, before.queue_rows);
    rig_close(r);
    rig_open(r); /* and it stays so */
    gateway_status_get(r->gateway, &before);
    assert_int_equal(before.queue_epoch, after.queue_epoch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reads_every_meter_within_its_period),
        CASE(test_a_whole_sweep_is_told_and_no_point_twice),
        CASE(test_lines_are_told_how_they_fare),
        CASE(test_who_cannot_tell_does_not_spin),
        CASE(test_lines_that_nobody_heard_of_are_not_told_later),
        CASE(test_untrusted_clock_keeps_readings_back),
        CASE(test_readings_wait_for_their_time),
        CASE(test_outcomes_wait_for_their_time),
        CASE(test_readings_that_never_learn_their_time_are_dropped),
        CASE(test_a_platform_without_a_clock_gets_no_readings),
        CASE(test_readings_in_memory_learn_their_time),
        CASE(test_a_welcome_to_a_full_disk_is_asked_for_again),
        CASE(test_vend_brings_its_evidence),
        CASE(test_repeat_of_a_command_never_acts_again),
        CASE(test_another_command_for_the_same_number_only_reads),
        CASE(test_lost_answers_do_not_double),
        CASE(test_silent_meter_is_unknown),
        CASE(test_fence_before_the_command),
        CASE(test_fence_of_a_done_command_tells_the_truth),
        CASE(test_fence_of_a_waiting_command),
        CASE(test_other_epoch_and_unknown_meter),
        CASE(test_meters_that_cannot_be_read_are_told),
        CASE(test_cut_and_restore_are_read_back),
        CASE(test_late_or_overtaken_cut_is_never_sent),
        CASE(test_no_order_is_begun_while_it_is_to_be_quiet),
        CASE(test_slow_orders_are_looked_at_later),
        CASE(test_keep_power_refuses_the_cut),
        CASE(test_line_down_forgets_a_waiting_cut),
        CASE(test_a_line_that_comes_back_at_once_is_no_news),
        CASE(test_power_cut_at_every_disk_call),
        CASE(test_unacknowledged_outcome_survives_the_power),
        CASE(test_full_queue_drops_oldest_readings_only),
        CASE(test_full_disk_loses_no_command),
        CASE(test_configuration_is_kept),
        CASE(test_boot_epochs_rise_over_power_cuts),
        CASE(test_a_queue_that_went_back_in_time_begins_a_new_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
