#include "tests/unit/gateway/gateway_rig.h"

struct gateway_now rig_now(const struct rig *r)
{
    return (struct gateway_now){
        .mono = r->now, .wall = {WALL0 + r->now.ms / 1000 - r->wrong_s}, .trusted = r->trusted};
}

static void hear_points(struct rig *r, const struct uplink_reading *x)
{
    uint64_t here = 0;
    for (size_t k = 0; k < x->point_count; k++) {
        uint64_t bit = UINT64_C(1) << x->points[k].point;
        r->told_twice += (here & bit) != 0;
        here |= bit;
        if (x->points[k].point == POINT_ENERGY_WH)
            r->energy_wh[x->meter_id] = x->points[k].value;
    }
    r->points_told[x->meter_id] |= here;
}

static void hear_line(struct rig *r, const struct uplink_line *l)
{
    assert_true(r->line_count < 16);
    r->lines[r->line_count++] = *l;
    r->slowest = l->slow_count > 0 ? l->slow[0] : (struct uplink_line_meter){0};
    r->quiet = l->quiet_count > 0 ? l->quiet[0] : (struct uplink_line_meter){0};
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
    if (m->kind == UPLINK_LINE)
        hear_line(r, &m->line);
    if (m->kind == UPLINK_EVENT) {
        r->event_count++;
        if (m->event.kind == UPLINK_AWAY_CUT)
            r->away_event = m->event;
        r->dropped_events += m->event.kind == UPLINK_QUEUE_DROPPED;
    }
    if (m->kind != UPLINK_READINGS)
        return;
    for (size_t i = 0; i < m->readings.count; i++) {
        const struct uplink_reading *x = &m->readings.readings[i];
        if (r->reading_count++ == 0)
            r->first_reading = x->at;
        r->last_reading = x->at;
        hear_points(r, x);
    }
}

void rig_say(struct rig *r, const struct uplink_message *m)
{
    const struct gateway_now now = rig_now(r);
    assert_ok(gateway_uplink_message(r->gateway, &now, m));
}

void rig_listen(struct rig *r)
{
    struct bytes encoded;
    struct uplink_message m;
    struct gateway_now now = rig_now(r);
    while (gateway_next_uplink(r->gateway, &now, &encoded)) {
        assert_ok(uplink_message_decode(encoded.data, encoded.len, r->arena, &m));
        hear(r, &m);
        if (m.seq > 0 && r->acknowledge)
            rig_say(r, &(struct uplink_message){.kind = UPLINK_ACK, .ack = {m.epoch, m.seq}});
    }
}

void rig_live(struct rig *r, int64_t ms)
{
    uint8_t buf[512];
    mono_ms end = mono_after(r->now, ms);
    while (r->now.ms < end.ms) {
        struct gateway_now now = rig_now(r);
        size_t len = sim_line_read(&r->line, r->now, buf, sizeof buf);
        if (len > 0)
            gateway_line_input(r->gateway, &now, 0, buf, len);
        gateway_tick(r->gateway, &now);
        len = gateway_line_output(r->gateway, &now, 0, buf, sizeof buf);
        if (len > 0)
            sim_line_write(&r->line, buf, len, r->now);
        rig_listen(r);
        mono_ms next = mono_earlier(gateway_wake(r->gateway), sim_line_wake(&r->line));
        next = mono_earlier(next, end);
        r->now = next.ms > r->now.ms ? next : mono_after(r->now, 1);
    }
}

/* --- building -----------------------------------------------------------------------------------
 */

void rig_connect(struct rig *r)
{
    const struct gateway_now now = rig_now(r);
    gateway_uplink_connected(r->gateway, &now);
    rig_listen(r);
    rig_say(r, &(struct uplink_message){.kind = UPLINK_WELCOME});
    if (gateway_line_count(r->gateway) > 0)
        gateway_line_status(r->gateway, &now, 0, true);
}

void rig_open(struct rig *r)
{
    const struct gateway_now now = rig_now(r);
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
    if (!r->away)
        rig_connect(r);
    else if (gateway_line_count(r->gateway) > 0)
        gateway_line_status(r->gateway, &now, 0, true);
}

void rig_close(struct rig *r)
{
    gateway_close(r->gateway);
    store_close(r->store);
}

void rig_configure(struct rig *r, int64_t version, int64_t epoch)
{
    struct uplink_config_line line = {
        .number = 1, .endpoint = "tcp:sim:1", .baud = 9600, .parity = 'E'};
    struct uplink_config_meter meters[METERS] = {0};
    for (int i = 0; i < METERS; i++) {
        meters[i] = (struct uplink_config_meter){
            .meter_id = i + 1, .line = 1, .epoch = epoch, .circuits = 3};
        snprintf(meters[i].address, sizeof meters[i].address, "%012d", i + 1);
        snprintf(meters[i].model, sizeof meters[i].model, "yufu-dorm3");
        snprintf(meters[i].customer_number, sizeof meters[i].customer_number, "%012d", 900 + i);
    }
    rig_say(r, &(struct uplink_message){.kind = UPLINK_CONFIG,
                                        .config = {.version = version,
                                                   .parts = 1,
                                                   .lines = &line,
                                                   .line_count = 1,
                                                   .meters = meters,
                                                   .meter_count = METERS}});
    const struct gateway_now now = rig_now(r);
    gateway_line_status(r->gateway, &now, 0, true);
}

int rig_set_up(void **state)
{
    static struct rig rig;
    struct rig *r = &rig;
    *r = (struct rig){.trusted = true, .acknowledge = true};
    *state = r;
    assert_ok(sim_disk_new(&r->disk, "gateway-test", 5));
    sim_line_init(&r->line, &(struct sim_line_options){.baud = 9600, .wall0 = {WALL0}, .seed = 3});
    for (int i = 0; i < METERS; i++) {
        struct terminal_setup setup = {.circuits = 3,
                                       .phases = 1,
                                       .wallet = true,
                                       .zone_s = 8 * 3600,
                                       .rating_ma = 15'000,
                                       .price_e4 = {5'000, 5'000, 5'000, 5'000}};
        char text[16];
        snprintf(text, sizeof text, "%012d", i + 1);
        assert_ok(dlt645_address_parse(text, setup.address));
        sim_meter_init(&r->meters[i], &setup, NULL, r->now);
        sim_line_add(&r->line, &r->meters[i]);
    }
    rig_open(r);
    rig_configure(r, 1, 1);
    return 0;
}

int rig_tear_down(void **state)
{
    struct rig *r = *state;
    rig_close(r);
    for (int i = 0; i < METERS; i++)
        sim_meter_close(&r->meters[i]);
    sim_disk_free(r->disk);
    return 0;
}

void rig_command(struct rig *r, struct uplink_command c)
{
    rig_say(r, &(struct uplink_message){.kind = UPLINK_COMMAND, .command = c});
}

const struct uplink_outcome *rig_only_outcome(struct rig *r)
{
    assert_int_equal(r->outcome_count, 1);
    return &r->outcomes[0];
}

struct uplink_command rig_vend(int64_t id, int64_t meter, int64_t n)
{
    return (struct uplink_command){
        .id = id, .kind = UPLINK_VEND, .meter_id = meter, .epoch = 1, .n = n, .amount_fen = 5'000};
}
