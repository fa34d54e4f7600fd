#include "sim/bench/polled.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"

#define WALL0 INT64_C(1'788'220'800)
#define SAMPLE_MS 10'000
#define WARM_UP_MS 300'000 /* the first sweep after the start is judged by itself */
#define ORDER_MS 47'000    /* a relay is ordered about this often */
#define HOUR_MS INT64_C(3'600'000)
#define BACK_MS 180'000 /* what was silent is promised again after so long */

/* The meters of a line by number: the well ones, then those with exchanged wires, then those whose
 * address another one has as well, then the dead ones. */
static int64_t well(const struct polled *b)
{
    const struct polled_options *o = &b->options;
    return o->meters - o->dead - o->twins - o->swapped;
}

static struct gateway_now now_of(const struct polled *b)
{
    return (struct gateway_now){
        .mono = b->now, .wall = {WALL0 + b->now.ms / 1000}, .trusted = true};
}

/* --- a platform that acknowledges at once ----------------------------------------------------- */

static void note_back(struct polled *b, int64_t i)
{
    int64_t silent_s = now_of(b).wall.s - (WALL0 + 2 * HOUR_MS / 1000);
    bool first = b->newest[i].s - WALL0 < 2 * HOUR_MS / 1000;
    if (first && silent_s >= 0 && silent_s > b->worst_back_s)
        b->worst_back_s = silent_s;
}

static void take_readings(struct polled *b, const struct uplink_readings *r)
{
    for (size_t i = 0; i < r->count; i++) {
        int64_t meter = r->readings[i].meter_id - 1;
        if (meter >= well(b) && meter < well(b) + b->options.swapped)
            note_back(b, meter);
        if (meter < well(b) && b->newest[meter].s == 0 && --b->unread == 0)
            b->all_read_s = now_of(b).wall.s - WALL0;
        b->newest[meter] = r->readings[i].at;
    }
}

static void listen(struct polled *b)
{
    struct bytes encoded;
    struct uplink_message m;
    const struct gateway_now now = now_of(b);
    while (gateway_next_uplink(b->gateway, &now, &encoded)) {
        MUST(uplink_message_decode(encoded.data, encoded.len, b->arena, &m) == ERR_OK);
        if (m.kind == UPLINK_READINGS)
            take_readings(b, &m.readings);
        if (m.seq == 0)
            continue;
        const struct uplink_message ack = {.kind = UPLINK_ACK, .ack = {m.epoch, m.seq}};
        MUST(gateway_uplink_message(b->gateway, &now, &ack) == ERR_OK);
    }
}

static void say(struct polled *b, const struct uplink_message *m)
{
    const struct gateway_now now = now_of(b);
    MUST(gateway_uplink_message(b->gateway, &now, m) == ERR_OK);
}

static void order(struct polled *b)
{
    if (b->now.ms < b->next_order.ms)
        return;
    b->next_order = mono_after(b->now, ORDER_MS + (int64_t)rand_below(&b->rand, ORDER_MS));
    b->orders++;
    b->order_at = b->now;
    b->frames_at_order = b->frames;
    int64_t meter = 1 + (int64_t)rand_below(&b->rand, (uint64_t)well(b));
    say(b, &(struct uplink_message){.kind = UPLINK_COMMAND,
                                    .command = {.id = b->orders,
                                                .kind = UPLINK_RELAY,
                                                .meter_id = meter,
                                                .epoch = 1,
                                                .version = b->orders,
                                                .open = b->orders % 2 == 1,
                                                .not_after = {now_of(b).wall.s + 60}}});
}

/* --- the line --------------------------------------------------------------------------------- */

static void see_order(struct polled *b, const uint8_t *frame, size_t len)
{
    struct dlt645_frame f;
    size_t used;
    if (b->order_at.ms < 0 || dlt645_decode(frame, len, &f, &used) != ERR_OK ||
        f.control != DLT645_CONTROL)
        return;
    int64_t waited = b->now.ms - b->order_at.ms;
    uint64_t frames = b->frames - b->frames_at_order - 1;
    b->waited++;
    b->waited_ms_sum += waited;
    if (waited > b->waited_ms_max)
        b->waited_ms_max = waited;
    if (frames > b->waited_frames_max)
        b->waited_frames_max = frames;
    b->order_at.ms = -1;
}

static void work_line(struct polled *b)
{
    uint8_t buf[512];
    const struct gateway_now now = now_of(b);
    size_t len = sim_line_read(&b->line, b->now, buf, sizeof buf);
    if (len > 0)
        gateway_line_input(b->gateway, &now, 0, buf, len);
    gateway_tick(b->gateway, &now);
    len = gateway_line_output(b->gateway, &now, 0, buf, sizeof buf);
    if (len == 0)
        return;
    b->frames++;
    see_order(b, buf, len);
    sim_line_write(&b->line, buf, len, b->now);
}

static bool apart(const struct polled *b)
{
    return b->now.ms >= HOUR_MS && b->now.ms < 2 * HOUR_MS;
}

static void exchange_wires(struct polled *b)
{
    for (int64_t i = 0; i < b->options.swapped; i++)
        b->devices[well(b) + i].swapped = apart(b);
}

static void sample_meter(struct polled *b, int64_t i)
{
    int64_t age = now_of(b).wall.s - b->newest[i].s;
    b->ages[age < POLLED_AGE_MAX_S ? age : POLLED_AGE_MAX_S]++;
    b->samples++;
}

/* Those with exchanged wires count like all others except while they cannot be heard, and for the
 * time that is promised to find them again. */
static void sample(struct polled *b)
{
    if (b->now.ms < b->next_sample.ms)
        return;
    b->next_sample = mono_after(b->now, SAMPLE_MS);
    exchange_wires(b);
    if (b->now.ms < WARM_UP_MS)
        return;
    if (b->started_ms == 0) {
        b->started_ms = b->now.ms;
        b->before = *gateway_line_stats(b->gateway, 0);
    }
    bool all = b->now.ms < HOUR_MS || b->now.ms >= 2 * HOUR_MS + BACK_MS;
    for (int64_t i = 0; i < well(b) + (all ? b->options.swapped : 0); i++)
        sample_meter(b, i);
}

static void live(struct polled *b)
{
    mono_ms end = {b->options.hours * 3'600'000};
    while (b->now.ms < end.ms) {
        order(b);
        work_line(b);
        listen(b);
        sample(b);
        mono_ms next = mono_earlier(gateway_wake(b->gateway), sim_line_wake(&b->line));
        next = mono_earlier(next, mono_earlier(b->next_sample, b->next_order));
        b->now = next.ms > b->now.ms ? next : mono_after(b->now, 1);
    }
}

/* --- building --------------------------------------------------------------------------------- */

static void hang_meter(struct polled *b, int64_t number, int64_t preset_fen)
{
    struct sim_meter *m = &b->devices[b->device_count++];
    struct terminal_setup setup = {.circuits = 3,
                                   .phases = 1,
                                   .wallet = true,
                                   .preset_fen = preset_fen,
                                   .zone_s = 8 * 3600,
                                   .price_e4 = {5'583, 5'583, 5'583, 5'583}};
    char text[16];
    snprintf(text, sizeof text, "%012" PRId64, number);
    MUST(dlt645_address_parse(text, setup.address) == ERR_OK);
    sim_meter_init(m, &setup, NULL, b->now);
    m->dead = number > b->options.meters - b->options.dead;
    sim_line_add(&b->line, m);
}

static void hang_meters(struct polled *b)
{
    const struct polled_options *o = &b->options;
    sim_line_init(&b->line, &(struct sim_line_options){
                                .baud = (unsigned)o->baud, .wall0 = {WALL0}, .seed = 11});
    b->line.faults.garble_answer = (unsigned)o->damaged;
    b->line.faults.garble_request = (unsigned)o->damaged;
    b->line.faults.babble_ms = o->babble_ms;
    b->line.faults.babble_bytes = 24;
    for (int64_t i = 1; i <= o->meters; i++)
        hang_meter(b, i, 100'000);
    for (int64_t i = 1; i <= o->twins; i++)
        hang_meter(b, well(b) + o->swapped + i, 50'000);
}

static void configure(struct polled *b)
{
    struct uplink_config_line line = {
        .number = 1, .endpoint = "tcp:sim:1", .baud = b->options.baud, .parity = 'E'};
    static struct uplink_config_meter meters[POLLED_PLACES];
    for (int64_t i = 0; i < b->options.meters; i++) {
        struct uplink_config_meter *m = &meters[i];
        *m = (struct uplink_config_meter){.meter_id = i + 1, .line = 1, .epoch = 1, .circuits = 3};
        snprintf(m->address, sizeof m->address, "%012" PRId64, i + 1);
        snprintf(m->model, sizeof m->model, "yufu-dorm3");
        snprintf(m->customer_number, sizeof m->customer_number, "000000000000");
    }
    const struct gateway_now now = now_of(b);
    MUST(store_open(&b->store, &(struct store_config){.kind = STORE_GATEWAY, .path = ":memory:"}) ==
         ERR_OK);
    MUST(gateway_open(&b->gateway,
                      &(struct gateway_options){
                          .store = b->store, .new_queue_epoch = 1, .offset_s = 8 * 3600},
                      &now) == ERR_OK);
    gateway_uplink_connected(b->gateway, &now);
    listen(b);
    say(b, &(struct uplink_message){.kind = UPLINK_WELCOME});
    say(b, &(struct uplink_message){.kind = UPLINK_CONFIG,
                                    .config = {.version = 1,
                                               .parts = 1,
                                               .lines = &line,
                                               .line_count = 1,
                                               .meters = meters,
                                               .meter_count = (size_t)b->options.meters}});
    gateway_line_status(b->gateway, &now, 0, true);
}

/* --- all of it -------------------------------------------------------------------------------- */

bool polled_fits(const struct polled_options *o)
{
    return o->meters >= 1 && o->meters + o->twins <= POLLED_PLACES && o->hours >= 1 &&
           o->dead + o->twins + o->swapped < o->meters;
}

void polled_run(struct polled *b, const struct polled_options *o)
{
    MUST(polled_fits(o));
    *b = (struct polled){.options = *o, .order_at = {-1}, .next_order = {WARM_UP_MS}};
    b->rand = rand_split(1, "freshness");
    b->unread = well(b);
    hang_meters(b);
    configure(b);
    live(b);
}

void polled_close(struct polled *b)
{
    gateway_close(b->gateway);
    store_close(b->store);
    for (size_t i = 0; i < b->device_count; i++)
        sim_meter_close(&b->devices[i]);
}

int64_t polled_age(const struct polled *b, unsigned permille)
{
    uint64_t wished = (b->samples * permille + 999) / 1000, seen = 0;
    for (int64_t age = 0; age <= POLLED_AGE_MAX_S; age++) {
        seen += b->ages[age];
        if (seen >= wished)
            return age;
    }
    return POLLED_AGE_MAX_S;
}

int64_t polled_useful(const struct polled *b, bool of_busy)
{
    int64_t busy_ms = gateway_line_stats(b->gateway, 0)->busy_ms - b->before.busy_ms;
    int64_t spent_ms = of_busy ? busy_ms : b->now.ms - b->started_ms;
    int64_t useful_ms = gateway_line_stats(b->gateway, 0)->useful_ms - b->before.useful_ms;
    return spent_ms > 0 ? useful_ms * 1000 / spent_ms : 0;
}
