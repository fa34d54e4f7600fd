/* The gateway engine against real terminals on a simulated line and a disk that may forget. */
#include "tests/unit/check.h"

#include <stdio.h>

#include "gateway/gateway.h"
#include "meter/meter_model.h"
#include "meter/meter_terminal.h"
#include "sim/disk.h"
#include "sim/world/meters.h"

#define WALL0 INT64_C(1'788'220'800)
#define METERS 2

struct rig {
    struct sim_disk *disk;
    struct store *store;
    struct gateway *gateway;
    struct sim_line line;
    struct sim_meter meters[METERS];
    mono_ms now;
    bool trusted;
    int64_t queue_bytes;
    /* what the platform heard */
    struct uplink_outcome outcomes[64];
    size_t outcome_count, reading_count, event_count, dropped_events;
    struct uplink_trip trips[64];
    size_t trip_count;
    int64_t energy_wh[METERS + 1];
    int64_t last_seq;
    bool acknowledge;
    _Alignas(16) uint8_t arena[UPLINK_ARENA];
};

static struct gateway_now now_of(const struct rig *r)
{
    return (struct gateway_now){
        .mono = r->now, .wall = {WALL0 + r->now.ms / 1000}, .trusted = r->trusted};
}

static void hear(struct rig *r, const struct uplink_message *m)
{
    if (m->seq > 0) {
        assert_true(m->seq > r->last_seq);
        r->last_seq = m->seq;
    }
    if (m->kind == UPLINK_OUTCOME && r->outcome_count < 64)
        r->outcomes[r->outcome_count++] = m->outcome;
    if (m->kind == UPLINK_TRIP && r->trip_count < 64)
        r->trips[r->trip_count++] = m->trip;
    if (m->kind == UPLINK_EVENT) {
        r->event_count++;
        r->dropped_events += m->event.kind == UPLINK_QUEUE_DROPPED;
    }
    if (m->kind != UPLINK_READINGS)
        return;
    for (size_t i = 0; i < m->readings.count; i++) {
        const struct uplink_reading *x = &m->readings.readings[i];
        r->reading_count++;
        for (size_t k = 0; k < x->point_count; k++)
            if (x->points[k].point == POINT_ENERGY_WH)
                r->energy_wh[x->meter_id] = x->points[k].value;
    }
}

static void say(struct rig *r, const struct uplink_message *m)
{
    const struct gateway_now now = now_of(r);
    assert_ok(gateway_uplink_message(r->gateway, &now, m));
}

static void listen(struct rig *r)
{
    struct bytes encoded;
    struct uplink_message m;
    struct gateway_now now = now_of(r);
    while (gateway_next_uplink(r->gateway, &now, &encoded)) {
        assert_ok(uplink_message_decode(encoded.data, encoded.len, r->arena, &m));
        hear(r, &m);
        if (m.seq > 0 && r->acknowledge)
            say(r, &(struct uplink_message){.kind = UPLINK_ACK, .ack = {m.epoch, m.seq}});
    }
}

static void live(struct rig *r, int64_t ms)
{
    uint8_t buf[512];
    mono_ms end = mono_after(r->now, ms);
    while (r->now.ms < end.ms) {
        struct gateway_now now = now_of(r);
        size_t len = sim_line_read(&r->line, r->now, buf, sizeof buf);
        if (len > 0)
            gateway_line_input(r->gateway, &now, 0, buf, len);
        gateway_tick(r->gateway, &now);
        len = gateway_line_output(r->gateway, &now, 0, buf, sizeof buf);
        if (len > 0)
            sim_line_write(&r->line, buf, len, r->now);
        listen(r);
        mono_ms next = mono_earlier(gateway_wake(r->gateway), sim_line_wake(&r->line));
        next = mono_earlier(next, end);
        r->now = next.ms > r->now.ms ? next : mono_after(r->now, 1);
    }
}

/* --- building ----------------------------------------------------------------------------------- */

static void connect(struct rig *r)
{
    const struct gateway_now now = now_of(r);
    gateway_uplink_connected(r->gateway, &now);
    listen(r);
    say(r, &(struct uplink_message){.kind = UPLINK_WELCOME});
    if (gateway_line_count(r->gateway) > 0)
        gateway_line_status(r->gateway, &now, 0, true);
}

static void open_gateway(struct rig *r)
{
    const struct gateway_now now = now_of(r);
    assert_ok(store_open(&r->store, &(struct store_config){.kind = STORE_GATEWAY,
                                                           .path = "gateway.db",
                                                           .vfs = "gateway-test"}));
    assert_ok(gateway_open(&r->gateway,
                           &(struct gateway_options){.store = r->store,
                                                     .new_queue_epoch = 77,
                                                     .queue_bytes_max = r->queue_bytes,
                                                     .offset_s = 8 * 3600},
                           &now));
    r->last_seq = 0;
    connect(r);
}

static void close_gateway(struct rig *r)
{
    gateway_close(r->gateway);
    store_close(r->store);
}

static void configure(struct rig *r, int64_t version, int64_t epoch)
{
    struct uplink_config_line line = {
        .number = 1, .endpoint = "tcp:sim:1", .baud = 9600, .parity = 'E'};
    struct uplink_config_meter meters[METERS] = {0};
    for (int i = 0; i < METERS; i++) {
        meters[i] = (struct uplink_config_meter){.meter_id = i + 1, .line = 1, .epoch = epoch,
                                                 .circuits = 3};
        snprintf(meters[i].address, sizeof meters[i].address, "%012d", i + 1);
        snprintf(meters[i].model, sizeof meters[i].model, "yufu-dorm3");
        snprintf(meters[i].customer_number, sizeof meters[i].customer_number, "%012d", 900 + i);
    }
    say(r, &(struct uplink_message){.kind = UPLINK_CONFIG,
                                    .config = {.version = version, .parts = 1, .lines = &line,
                                               .line_count = 1, .meters = meters,
                                               .meter_count = METERS}});
    const struct gateway_now now = now_of(r);
    gateway_line_status(r->gateway, &now, 0, true);
}

static int set_up(void **state)
{
    static struct rig rig;
    struct rig *r = &rig;
    *r = (struct rig){.trusted = true, .acknowledge = true};
    *state = r;
    assert_ok(sim_disk_new(&r->disk, "gateway-test", 5));
    sim_line_init(&r->line, &(struct sim_line_options){.baud = 9600, .wall0 = {WALL0}, .seed = 3});
    for (int i = 0; i < METERS; i++) {
        struct terminal_setup setup = {.circuits = 3, .phases = 1, .wallet = true,
                                       .zone_s = 8 * 3600, .rating_ma = 15'000,
                                       .price_e4 = {5'000, 5'000, 5'000, 5'000}};
        char text[16];
        snprintf(text, sizeof text, "%012d", i + 1);
        assert_ok(dlt645_address_parse(text, setup.address));
        sim_meter_init(&r->meters[i], &setup, NULL, r->now);
        sim_line_add(&r->line, &r->meters[i]);
    }
    open_gateway(r);
    configure(r, 1, 1);
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    close_gateway(r);
    for (int i = 0; i < METERS; i++)
        sim_meter_close(&r->meters[i]);
    sim_disk_free(r->disk);
    return 0;
}

static struct uplink_command vend(int64_t id, int64_t meter, int64_t n)
{
    return (struct uplink_command){
        .id = id, .kind = UPLINK_VEND, .meter_id = meter, .epoch = 1, .n = n, .amount_fen = 5'000};
}

static void command(struct rig *r, struct uplink_command c)
{
    say(r, &(struct uplink_message){.kind = UPLINK_COMMAND, .command = c});
}

static const struct uplink_outcome *only_outcome(struct rig *r)
{
    assert_int_equal(r->outcome_count, 1);
    return &r->outcomes[0];
}

/* --- tests ---------------------------------------------------------------------------------------- */

static void test_reads_every_meter_within_its_period(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1)); /* a meter without credit is open */
    sim_meter_set_load(&r->meters[0], 2, 3'600'000); /* 1 Wh a second */
    live(r, 180'000);
    assert_true(r->reading_count >= 4);
    assert_true(r->energy_wh[1] > 0);
}

static void test_untrusted_clock_keeps_readings_back(void **state)
{
    struct rig *r = *state;
    r->trusted = false;
    live(r, 180'000);
    assert_int_equal(r->reading_count, 0);
}

static void test_vend_brings_its_evidence(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    const struct uplink_outcome *o = only_outcome(r);
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
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    assert_int_equal(r->outcome_count, 2); /* said again, because its first copy was acknowledged */
    assert_memory_equal(&r->outcomes[0], &r->outcomes[1], sizeof r->outcomes[0]);
    assert_int_equal(r->meters[0].applied_count, 1);
}

static void test_another_command_for_the_same_number_only_reads(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    command(r, vend(2, 1, 1));
    live(r, 10'000);
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
        command(r, vend(i, 1, i));
        live(r, 60'000);
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
    command(r, vend(1, 1, 1));
    live(r, 60'000);
    const struct uplink_outcome *o = only_outcome(r);
    assert_int_equal(o->status, UPLINK_UNKNOWN);
    assert_int_equal(o->count, -1);
    live(r, 600'000);
    assert_true(r->event_count >= 1); /* the meter was told to be silent */
}

static void test_fence_before_the_command(void **state)
{
    struct rig *r = *state;
    say(r, &(struct uplink_message){.kind = UPLINK_FENCE, .fence_id = 9});
    command(r, vend(9, 1, 1));
    live(r, 10'000);
    assert_true(r->outcome_count >= 1);
    assert_int_equal(r->outcomes[0].status, UPLINK_FENCED);
    assert_int_equal(r->meters[0].applied_count, 0);
}

static void test_fence_of_a_done_command_tells_the_truth(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    say(r, &(struct uplink_message){.kind = UPLINK_FENCE, .fence_id = 1});
    live(r, 5'000);
    assert_int_equal(r->outcome_count, 2);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[1].record_n, 1);
}

static void test_fence_of_a_waiting_command(void **state)
{
    struct rig *r = *state;
    const struct gateway_now now = now_of(r);
    gateway_line_status(r->gateway, &now, 0, false);
    command(r, vend(1, 1, 1));
    say(r, &(struct uplink_message){.kind = UPLINK_FENCE, .fence_id = 1});
    gateway_line_status(r->gateway, &now, 0, true);
    live(r, 10'000);
    assert_int_equal(only_outcome(r)->status, UPLINK_FENCED);
    assert_int_equal(r->meters[0].applied_count, 0);
}

static void test_other_epoch_and_unknown_meter(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = vend(1, 1, 1);
    c.epoch = 2;
    command(r, c);
    command(r, vend(2, 99, 1));
    live(r, 10'000);
    assert_int_equal(r->outcome_count, 2);
    assert_int_equal(r->outcomes[0].status, UPLINK_NO_METER);
    assert_int_equal(r->outcomes[1].status, UPLINK_NO_METER);
    assert_int_equal(r->meters[0].applied_count, 0);
}

static struct uplink_command relay(const struct rig *r, int64_t id, int64_t version, bool open)
{
    return (struct uplink_command){.id = id, .kind = UPLINK_RELAY, .meter_id = 1, .epoch = 1,
                                   .version = version, .open = open,
                                   .not_after = {open ? now_of(r).wall.s + 60 : 0}};
}

static bool is_open(const struct rig *r)
{
    return !terminal_output(&r->meters[0].terminal).closed[0];
}

static void test_cut_and_restore_are_read_back(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    command(r, relay(r, 2, 1, true));
    live(r, 10'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_true(r->outcomes[1].relay_open > 0);
    assert_true(is_open(r));
    command(r, relay(r, 3, 2, false));
    live(r, 10'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[2].relay_open, 0);
    assert_false(is_open(r));
}

static void test_late_or_overtaken_cut_is_never_sent(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    struct uplink_command late = relay(r, 2, 1, true);
    late.not_after.s = now_of(r).wall.s - 1;
    command(r, late);
    live(r, 5'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_EXPIRED);
    command(r, relay(r, 3, 5, false));
    command(r, relay(r, 4, 4, true));
    live(r, 10'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[3].status, UPLINK_SUPERSEDED);
    r->trusted = false;
    command(r, relay(r, 5, 6, true));
    live(r, 5'000);
    assert_int_equal(r->outcomes[4].status, UPLINK_EXPIRED);
    assert_false(is_open(r));
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
    command(r, vend(1, 1, 1));
    live(r, 70'000);
    command(r, relay(r, 2, 1, true));
    live(r, 15'000);
    size_t readings = r->reading_count;
    assert_true(is_open(r));
    assert_int_equal(r->outcome_count, 1);
    live(r, 3'000);
    assert_int_equal(r->outcome_count, 1);
    live(r, 4'000);
    assert_int_equal(r->outcome_count, 2);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    live(r, 60'000);
    assert_true(r->reading_count > readings);
    command(r, relay(r, 3, 2, true)); /* a newer wish does not wait for an older one */
    live(r, 5'000);
    command(r, relay(r, 4, 3, false));
    live(r, 2'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_DONE); /* as it was read back, before its time */
    assert_false(is_open(r));
    live(r, 21'000);
    assert_int_equal(r->outcomes[3].status, UPLINK_DONE);
    set_act_ms(0);
}

/* Lives on until a poll is on the line. */
static void await_poll(struct rig *r)
{
    const struct bus_stats *s = gateway_line_stats(r->gateway, 0);
    for (int i = 0; i < 120'000 && s->exchanges == s->answered; i++)
        live(r, 1);
    assert_int_equal(s->exchanges, s->answered + 1);
}

/* A cut whose frame waits behind a poll when the line goes down is withdrawn meanwhile: when the
 * line comes back, that frame must not go out. */
static void test_line_down_forgets_a_waiting_cut(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1));
    live(r, 20'000);
    await_poll(r);
    struct uplink_command cut = relay(r, 2, 1, true);
    cut.not_after.s = now_of(r).wall.s + 120;
    command(r, cut);
    struct gateway_now now = now_of(r);
    gateway_tick(r->gateway, &now); /* its frame is made, and waits */
    struct gateway_status status;
    gateway_status_get(r->gateway, &status);
    assert_int_equal(status.commands_started, 1);
    gateway_line_status(r->gateway, &now, 0, false);
    sim_line_flush(&r->line);
    live(r, 10'000);
    uint32_t trips = r->meters[0].terminal.books.trips;
    command(r, relay(r, 3, 2, false));
    now = now_of(r);
    gateway_line_status(r->gateway, &now, 0, true);
    live(r, 10'000);
    assert_int_equal(r->meters[0].terminal.books.trips, trips);
    assert_false(is_open(r));
    assert_int_equal(r->outcome_count, 3);
}

static void test_keep_power_refuses_the_cut(void **state)
{
    struct rig *r = *state;
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    command(r, (struct uplink_command){
                   .id = 2, .kind = UPLINK_KEEP, .meter_id = 1, .epoch = 1, .version = 1, .on = true});
    live(r, 10'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_int_equal(r->outcomes[1].keep_power, 1);
    command(r, relay(r, 3, 1, true));
    live(r, 10'000);
    assert_int_equal(r->outcomes[2].status, UPLINK_REFUSED);
    assert_false(is_open(r));
}

/* Power fails before each disk call in turn, from the arrival of a sale to its outcome. */
static void test_power_cut_at_every_disk_call(void **state)
{
    struct rig *r = *state;
    live(r, 5'000);
    for (int64_t k = 1; k <= 40; k++) {
        sim_disk_plan(r->disk, SIM_DISK_POWER_CUT, SIM_DISK_ANY, (uint64_t)k, false);
        size_t before = r->outcome_count;
        const struct gateway_now now = now_of(r);
        struct uplink_message m = {.kind = UPLINK_COMMAND, .command = vend(1000 + k, 1, k)};
        bool took = gateway_uplink_message(r->gateway, &now, &m) == ERR_OK;
        if (took && !sim_disk_down(r->disk))
            live(r, 6'000);
        close_gateway(r);
        sim_disk_mend(r->disk);
        sim_line_flush(&r->line);
        open_gateway(r);
        command(r, vend(1000 + k, 1, k)); /* the platform says it again */
        live(r, 20'000);
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
    command(r, vend(1, 1, 1));
    live(r, 10'000);
    assert_true(r->outcome_count >= 1);
    sim_disk_power_cut(r->disk);
    close_gateway(r);
    r->outcome_count = 0;
    open_gateway(r);
    listen(r);
    assert_int_equal(r->outcome_count, 1);
    assert_int_equal(r->outcomes[0].record_n, 1);
}

static void test_full_queue_drops_oldest_readings_only(void **state)
{
    struct rig *r = *state;
    close_gateway(r);
    r->queue_bytes = 4'000;
    r->acknowledge = false;
    open_gateway(r);
    gateway_uplink_closed(r->gateway);
    live(r, 7'200'000);
    struct gateway_status s;
    gateway_status_get(r->gateway, &s);
    assert_true(s.queue_bytes <= 8'000);
    assert_true(s.dropped_rows > 0);
    r->acknowledge = true;
    connect(r);
    listen(r);
    live(r, 10'000);
    assert_true(r->dropped_events > 0);
}

static void test_full_disk_loses_no_command(void **state)
{
    struct rig *r = *state;
    sim_disk_capacity(r->disk, 1); /* no room at all */
    const struct gateway_now now = now_of(r);
    struct uplink_message m = {.kind = UPLINK_COMMAND, .command = vend(1, 1, 1)};
    assert_err(ERR_STORE_FULL, gateway_uplink_message(r->gateway, &now, &m));
    live(r, 60'000);
    assert_int_equal(r->meters[0].applied_count, 0);
    assert_ok(gateway_failure(r->gateway));
    sim_disk_mend(r->disk);
    command(r, vend(1, 1, 1));
    live(r, 20'000);
    assert_int_equal(r->meters[0].applied_count, 1);
    assert_true(r->reading_count > 0);
}

static void test_configuration_is_kept(void **state)
{
    struct rig *r = *state;
    configure(r, 8, 3);
    close_gateway(r);
    open_gateway(r);
    struct gateway_status s;
    gateway_status_get(r->gateway, &s);
    assert_int_equal(s.config_version, 8);
    assert_int_equal(s.meters, METERS);
    struct uplink_message bad = {.kind = UPLINK_CONFIG,
                                 .config = {.version = 9, .part = 3, .parts = 2}};
    const struct gateway_now now = now_of(r);
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
        close_gateway(r);
        open_gateway(r);
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
    live(r, 60'000);
    gateway_status_get(r->gateway, &before);
    assert_true(before.queue_rows > 0);
    struct gateway_now now = now_of(r);
    gateway_uplink_closed(r->gateway);
    gateway_uplink_connected(r->gateway, &now);
    assert_true(gateway_next_uplink(r->gateway, &now, &encoded));
    say(r, &(struct uplink_message){.kind = UPLINK_WELCOME,
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
    say(r, &(struct uplink_message){.kind = UPLINK_WELCOME,
                                    .welcome = {.acked_epoch = after.queue_epoch}});
    size_t rows = 0;
    while (gateway_next_uplink(r->gateway, &now, &encoded)) {
        assert_ok(uplink_message_decode(encoded.data, encoded.len, r->arena, &m));
        rows += m.seq > 0;
        assert_true(m.seq == 0 || m.epoch == after.queue_epoch);
    }
    assert_int_equal(rows, before.queue_rows);
    close_gateway(r);
    open_gateway(r); /* and it stays so */
    gateway_status_get(r->gateway, &before);
    assert_int_equal(before.queue_epoch, after.queue_epoch);
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)

/* --- registers and trips of terminals --------------------------------------------------------------- */

static struct uplink_command limits(int64_t id, uint16_t power_w)
{
    struct uplink_command c = {.id = id, .kind = UPLINK_REGISTER, .meter_id = 1, .epoch = 1,
                               .circuit = 2, .item = METER_TERMINAL_LIMITS};
    const struct meter_terminal_limits l = {.power_w = power_w, .delay_s = 2, .step_w = 150,
                                            .standby_ma = 6, .unplugged_s = 5};
    struct writer w = writer_of(c.data, sizeof c.data);
    meter_terminal_put_limits(&l, &w);
    assert_ok(w.err);
    c.data_len = w.len;
    return c;
}

static struct uplink_command one_register(int64_t id, enum meter_terminal_item item, int byte)
{
    struct uplink_command c = {.id = id, .kind = UPLINK_REGISTER, .meter_id = 1, .epoch = 1,
                               .circuit = 2, .item = item, .data = {(uint8_t)byte}};
    c.data_len = byte >= 0;
    return c;
}

/* The terminal's own memory of what circuit 2 may draw. */
static unsigned power_limit_w(const struct rig *r)
{
    return r->meters[0].terminal.guard.circuit[1].power_w;
}

static void test_register_is_written_and_read_back(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = limits(2, 700);
    command(r, c);
    live(r, 10'000);
    const struct uplink_outcome *o = only_outcome(r);
    assert_int_equal(o->status, UPLINK_DONE);
    assert_int_equal(o->reply, UPLINK_REPLY_OK);
    assert_int_equal(o->item, METER_TERMINAL_LIMITS);
    assert_int_equal(o->circuit, 2);
    assert_int_equal(o->data_len, c.data_len);
    assert_memory_equal(o->data, c.data, c.data_len);
    assert_int_equal(power_limit_w(r), 700);
    command(r, one_register(3, METER_TERMINAL_LIMITS, -1)); /* only reads */
    live(r, 10'000);
    assert_int_equal(r->outcomes[1].status, UPLINK_DONE);
    assert_false(r->outcomes[1].sent);
    assert_memory_equal(r->outcomes[1].data, c.data, c.data_len);
}

static void test_refused_register_tells_what_holds(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = limits(2, 700);
    c.data[15] = 0xFF; /* a standby current beyond the scale */
    c.data[16] = 0xFF;
    command(r, c);
    command(r, one_register(3, METER_TERMINAL_ITEMS, 1)); /* there is no such register */
    command(r, one_register(4, METER_TERMINAL_STATUS, 1)); /* it cannot be written */
    live(r, 20'000);
    assert_int_equal(r->outcome_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(r->outcomes[i].status, UPLINK_REFUSED);
    assert_int_equal(r->outcomes[0].reply, UPLINK_REPLY_OTHER);
    assert_int_equal(r->outcomes[0].data_len, c.data_len);
    assert_memory_not_equal(r->outcomes[0].data, c.data, c.data_len);
    assert_int_equal(power_limit_w(r), 0);
}

static void test_lost_answer_to_a_write_is_settled_by_reading(void **state)
{
    struct rig *r = *state;
    live(r, 10'000);
    for (int64_t i = 1; i <= 10; i++) {
        r->line.faults.drop_answer = 400;
        command(r, limits(i, (uint16_t)(100 * i)));
        live(r, 60'000);
        const struct uplink_outcome *o = &r->outcomes[r->outcome_count - 1];
        assert_int_equal(r->outcome_count, i);
        if (o->status == UPLINK_DONE)
            assert_int_equal(power_limit_w(r), 100 * i);
        else
            assert_int_equal(o->status, UPLINK_UNKNOWN);
    }
    r->line.faults.drop_answer = 1000;
    command(r, limits(50, 5'000));
    live(r, 120'000);
    assert_int_equal(r->outcomes[10].status, UPLINK_UNKNOWN);
    assert_int_equal(r->outcomes[10].data_len, 0);
    assert_int_equal(power_limit_w(r), 5'000); /* it may have happened, and has */
}

/* From now on circuit 2 draws so much, and the meter lives second by second. */
static void draw(struct rig *r, int64_t power_mw, int seconds)
{
    sim_line_run(&r->line, r->now);
    sim_meter_set_load(&r->meters[0], 2, power_mw);
    for (int i = 0; i < seconds; i++) {
        live(r, 1'000);
        sim_line_run(&r->line, r->now);
    }
}

/* Circuit 2 trips: 1 kW where 500 W are allowed, and it does not close again by itself. */
static void overload(struct rig *r, int64_t id)
{
    command(r, vend(id, 1, 1));
    command(r, limits(id + 1, 500));
    live(r, 15'000);
    draw(r, 1'000'000, 30);
}

static void test_trips_are_told_once_with_their_reason(void **state)
{
    struct rig *r = *state;
    overload(r, 1);
    live(r, 150'000);
    assert_int_equal(r->trip_count, r->meters[0].terminal.books.trips + r->meters[1].terminal.books.trips);
    const struct uplink_trip *t = &r->trips[r->trip_count - 1];
    assert_int_equal(t->meter_id, 1);
    assert_int_equal(t->epoch, 1);
    assert_int_equal(t->number, r->meters[0].terminal.books.trips);
    assert_int_equal(t->circuit, 2);
    assert_int_equal(t->reason, TERMINAL_REASON_LOAD);
    assert_int_equal(t->power_w, 1000);
    assert_int_equal(t->value, 1'000'000);
    assert_int_equal(t->limit, 500'000);
    assert_in_range(t->at.s, WALL0 + 15, WALL0 + 30);
    size_t told = r->trip_count;
    close_gateway(r); /* what was told is known after a restart */
    open_gateway(r);
    live(r, 700'000);
    assert_int_equal(r->trip_count, told);
}

static void test_reset_closes_and_is_shown(void **state)
{
    struct rig *r = *state;
    overload(r, 1);
    assert_false(terminal_output(&r->meters[0].terminal).closed[1]);
    draw(r, 0, 1);
    command(r, one_register(9, METER_TERMINAL_RESET, 1));
    live(r, 10'000);
    const struct uplink_outcome *o = &r->outcomes[r->outcome_count - 1];
    assert_int_equal(o->command_id, 9);
    assert_int_equal(o->status, UPLINK_DONE);
    struct meter_terminal_status s;
    assert_ok(meter_terminal_read_status((struct bytes){o->data, o->data_len}, &s));
    assert_int_equal(s.cause, 0);
    assert_true(terminal_output(&r->meters[0].terminal).closed[1]);
    struct uplink_command late = one_register(10, METER_TERMINAL_RESET, 1);
    late.not_after.s = now_of(r).wall.s - 1;
    command(r, late);
    live(r, 5'000);
    assert_int_equal(r->outcomes[r->outcome_count - 1].status, UPLINK_EXPIRED);
}

/* More trips than the terminal keeps, while nobody asks: the newest thirty come. */
static void test_the_newest_trips_that_are_kept_are_told(void **state)
{
    struct rig *r = *state;
    struct uplink_command c = limits(2, 500);
    c.data[10] = 255; /* closes again so often a day, */
    c.data[11] = 3;   /* after so many seconds */
    command(r, vend(1, 1, 1));
    command(r, c);
    live(r, 90'000);
    size_t before = r->trip_count;
    struct gateway_now now = now_of(r);
    gateway_line_status(r->gateway, &now, 0, false);
    draw(r, 1'000'000, 400);
    draw(r, 0, 10);
    uint32_t trips = r->meters[0].terminal.books.trips;
    assert_true(trips > 40);
    now = now_of(r);
    gateway_line_status(r->gateway, &now, 0, true);
    live(r, 120'000);
    assert_int_equal(r->trip_count - before, METER_TERMINAL_TRIPS);
    for (size_t i = before; i < r->trip_count; i++)
        assert_int_equal(r->trips[i].number, trips - METER_TERMINAL_TRIPS + 1 + (i - before));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_reads_every_meter_within_its_period),
        CASE(test_untrusted_clock_keeps_readings_back),
        CASE(test_vend_brings_its_evidence),
        CASE(test_repeat_of_a_command_never_acts_again),
        CASE(test_another_command_for_the_same_number_only_reads),
        CASE(test_lost_answers_do_not_double),
        CASE(test_silent_meter_is_unknown),
        CASE(test_fence_before_the_command),
        CASE(test_fence_of_a_done_command_tells_the_truth),
        CASE(test_fence_of_a_waiting_command),
        CASE(test_other_epoch_and_unknown_meter),
        CASE(test_cut_and_restore_are_read_back),
        CASE(test_late_or_overtaken_cut_is_never_sent),
        CASE(test_slow_orders_are_looked_at_later),
        CASE(test_keep_power_refuses_the_cut),
        CASE(test_line_down_forgets_a_waiting_cut),
        CASE(test_power_cut_at_every_disk_call),
        CASE(test_unacknowledged_outcome_survives_the_power),
        CASE(test_full_queue_drops_oldest_readings_only),
        CASE(test_full_disk_loses_no_command),
        CASE(test_configuration_is_kept),
        CASE(test_boot_epochs_rise_over_power_cuts),
        CASE(test_a_queue_that_went_back_in_time_begins_a_new_epoch),
        CASE(test_register_is_written_and_read_back),
        CASE(test_refused_register_tells_what_holds),
        CASE(test_lost_answer_to_a_write_is_settled_by_reading),
        CASE(test_trips_are_told_once_with_their_reason),
        CASE(test_reset_closes_and_is_shown),
        CASE(test_the_newest_trips_that_are_kept_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
