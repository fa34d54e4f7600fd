#include "sim/bench/freshness.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "gateway/gateway.h"
#include "sim/world/meters.h"

#define METERS_MAX SIM_LINE_METERS
#define WALL0 INT64_C(1'788'220'800)
#define SAMPLE_MS 10'000
#define WARM_UP_MS 300'000 /* the first sweep after the start is not what is promised */
#define ORDER_MS 47'000    /* a relay is ordered about this often */
#define AGE_MAX_S 3'600

struct bench {
    int64_t meters, dead, baud, hours, damaged;
    struct sim_line line;
    struct sim_meter devices[METERS_MAX];
    struct store *store;
    struct gateway *gateway;
    mono_ms now, next_sample, next_order;
    wall_s newest[METERS_MAX];
    uint64_t ages[AGE_MAX_S + 1], samples;
    int64_t orders;
    mono_ms order_at;
    uint64_t frames_at_order, waited_frames_max, frames;
    int64_t waited_ms_max, waited_ms_sum, waited;
    struct rand_stream rand;
    uint8_t arena[UPLINK_ARENA];
};

static struct gateway_now now_of(const struct bench *b)
{
    return (struct gateway_now){
        .mono = b->now, .wall = {WALL0 + b->now.ms / 1000}, .trusted = true};
}

/* --- a platform that acknowledges at once ------------------------------------------------------- */

static void take_readings(struct bench *b, const struct uplink_readings *r)
{
    for (size_t i = 0; i < r->count; i++)
        b->newest[r->readings[i].meter_id - 1] = r->readings[i].at;
}

static void listen(struct bench *b)
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

static void say(struct bench *b, const struct uplink_message *m)
{
    const struct gateway_now now = now_of(b);
    MUST(gateway_uplink_message(b->gateway, &now, m) == ERR_OK);
}

static void order(struct bench *b)
{
    if (b->now.ms < b->next_order.ms)
        return;
    b->next_order = mono_after(b->now, ORDER_MS + (int64_t)rand_below(&b->rand, ORDER_MS));
    b->orders++;
    b->order_at = b->now;
    b->frames_at_order = b->frames;
    int64_t meter = 1 + (int64_t)rand_below(&b->rand, (uint64_t)(b->meters - b->dead));
    say(b, &(struct uplink_message){.kind = UPLINK_COMMAND,
                                    .command = {.id = b->orders,
                                                .kind = UPLINK_RELAY,
                                                .meter_id = meter,
                                                .epoch = 1,
                                                .version = b->orders,
                                                .open = b->orders % 2 == 1,
                                                .not_after = {now_of(b).wall.s + 60}}});
}

/* --- the line ------------------------------------------------------------------------------------------ */

static void see_order(struct bench *b, const uint8_t *frame, size_t len)
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

static void work_line(struct bench *b)
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

static void sample(struct bench *b)
{
    if (b->now.ms < b->next_sample.ms)
        return;
    b->next_sample = mono_after(b->now, SAMPLE_MS);
    if (b->now.ms < WARM_UP_MS)
        return;
    for (int64_t i = 0; i < b->meters - b->dead; i++) {
        int64_t age = now_of(b).wall.s - b->newest[i].s;
        b->ages[age < AGE_MAX_S ? age : AGE_MAX_S]++;
        b->samples++;
    }
}

static void live(struct bench *b)
{
    mono_ms end = {b->hours * 3'600'000};
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

/* --- building ---------------------------------------------------------------------------------------------- */

static void hang_meters(struct bench *b)
{
    sim_line_init(&b->line, &(struct sim_line_options){
                                .baud = (unsigned)b->baud, .wall0 = {WALL0}, .seed = 11});
    b->line.faults.garble_answer = (unsigned)b->damaged;
    for (int64_t i = 0; i < b->meters; i++) {
        struct terminal_setup setup = {.circuits = 3,
                                       .phases = 1,
                                       .wallet = true,
                                       .preset_fen = 100'000,
                                       .zone_s = 8 * 3600,
                                       .price_e4 = {5'583, 5'583, 5'583, 5'583}};
        char text[16];
        snprintf(text, sizeof text, "%012" PRId64, i + 1);
        MUST(dlt645_address_parse(text, setup.address) == ERR_OK);
        sim_meter_init(&b->devices[i], &setup, NULL, b->now);
        b->devices[i].dead = i >= b->meters - b->dead;
        sim_line_add(&b->line, &b->devices[i]);
    }
}

static void configure(struct bench *b)
{
    struct uplink_config_line line = {.number = 1, .endpoint = "tcp:sim:1", .baud = b->baud,
                                      .parity = 'E'};
    static struct uplink_config_meter meters[METERS_MAX];
    for (int64_t i = 0; i < b->meters; i++) {
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
                                               .meter_count = (size_t)b->meters}});
    gateway_line_status(b->gateway, &now, 0, true);
}

/* --- telling -------------------------------------------------------------------------------------------------- */

static int64_t percentile(const struct bench *b, unsigned permille)
{
    uint64_t wished = (b->samples * permille + 999) / 1000, seen = 0;
    for (int64_t age = 0; age <= AGE_MAX_S; age++) {
        seen += b->ages[age];
        if (seen >= wished)
            return age;
    }
    return AGE_MAX_S;
}

static int tell(const struct bench *b)
{
    const struct bus_stats *s = gateway_line_stats(b->gateway, 0);
    int64_t worst = percentile(b, 1000);
    printf("line: %" PRId64 " baud, %" PRId64 " meters (%" PRId64 " dead), %" PRId64
           " of 1000 answers damaged, %" PRId64 " virtual hours\n",
           b->baud, b->meters, b->dead, b->damaged, b->hours);
    printf("age of the state of live meters, seconds: p50 %" PRId64 "  p90 %" PRId64 "  p99 %" PRId64
           "  p99.9 %" PRId64 "  max %" PRId64 "   (promised: 180)\n",
           percentile(b, 500), percentile(b, 900), percentile(b, 990), percentile(b, 999), worst);
    printf("exchanges %" PRIu64 "  answered %" PRIu64 "  retries %" PRIu64 "  time-outs %" PRIu64
           "  damaged %" PRIu64 "\n",
           s->exchanges, s->answered, s->retries, s->timeouts, s->damaged);
    printf("line time: busy %.1f %% of the day; useful / busy = %.3f   (1.000: the physical limit)\n",
           100.0 * (double)s->busy_ms / (double)b->now.ms,
           s->busy_ms > 0 ? (double)s->useful_ms / (double)s->busy_ms : 0.0);
    printf("relay orders: %" PRId64 "; from arrival to the wire: mean %" PRId64 " ms, max %" PRId64
           " ms; exchanges in between: at most %" PRIu64 "   (promised: 1)\n",
           b->orders, b->waited > 0 ? b->waited_ms_sum / b->waited : 0, b->waited_ms_max,
           b->waited_frames_max);
    return worst <= 180 && b->waited_frames_max <= 1 ? 0 : 1;
}

static int usage(void)
{
    fprintf(stderr, "usage: yufu-sim freshness [--meters N] [--dead N] [--baud B] [--hours H] "
                    "[--damaged PERMILLE]\n");
    return 2;
}

int freshness_main(int argc, char **argv)
{
    static struct bench b;
    b = (struct bench){.meters = 25, .dead = 1, .baud = 2400, .hours = 24, .damaged = 10};
    const struct {
        const char *name;
        int64_t *value, max;
    } options[] = {{"--meters", &b.meters, METERS_MAX}, {"--dead", &b.dead, METERS_MAX - 1},
                   {"--baud", &b.baud, 115'200},        {"--hours", &b.hours, 24 * 365},
                   {"--damaged", &b.damaged, 1000}};
    for (int i = 1; i < argc; i += 2) {
        size_t k = 0;
        while (k < 5 && strcmp(argv[i], options[k].name) != 0)
            k++;
        if (k == 5 || i + 1 >= argc)
            return usage();
        *options[k].value = strtoll(argv[i + 1], NULL, 10);
        if (*options[k].value < 0 || *options[k].value > options[k].max)
            return usage();
    }
    if (b.meters < 1 || b.dead >= b.meters || b.hours < 1)
        return usage();
    b.rand = rand_split(1, "freshness");
    b.order_at.ms = -1;
    b.next_order.ms = WARM_UP_MS;
    hang_meters(&b);
    configure(&b);
    live(&b);
    int code = tell(&b);
    gateway_close(b.gateway);
    store_close(b.store);
    for (int64_t i = 0; i < b.meters; i++)
        sim_meter_close(&b.devices[i]);
    return code;
}
