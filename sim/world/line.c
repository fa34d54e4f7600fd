/* One RS-485 line: bytes take their time, one talks at a time, and things go wrong as ordered. */
#include <string.h>

#include "base/must.h"
#include "sim/world/meters.h"

#define BITS_PER_BYTE 11 /* start, eight data, parity, stop */

static int64_t us(mono_ms t)
{
    return t.ms * 1000;
}

static mono_ms ms_up(int64_t t_us)
{
    return (mono_ms){(t_us + 999) / 1000};
}

void sim_line_init(struct sim_line *line, const struct sim_line_options *options)
{
    MUST(options->baud >= 300);
    *line = (struct sim_line){.options = *options, .rand = rand_split(options->seed, "line")};
    if (options->delay_min_ms == 0 && options->delay_max_ms == 0) {
        line->options.delay_min_ms = 20;
        line->options.delay_max_ms = 100;
    }
    MUST(line->options.delay_min_ms <= line->options.delay_max_ms);
    line->byte_us = (int64_t)BITS_PER_BYTE * 1'000'000 / options->baud;
}

void sim_line_add(struct sim_line *line, struct sim_meter *m)
{
    MUST(line->meter_count < SIM_LINE_METERS);
    line->meters[line->meter_count++] = m;
}

static bool roll(struct sim_line *line, unsigned permille)
{
    bool hit = permille > 0 && rand_chance(&line->rand, permille);
    if (hit)
        line->faults_done++;
    return hit;
}

static void garble(struct sim_line *line, uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    uint8_t change = (uint8_t)(1 + rand_below(&line->rand, 255));
    data[rand_below(&line->rand, len)] ^= change;
}

/* An error that the checksum does not see: a data byte changed, the sum put right. */
static void forge(struct sim_line *line, uint8_t *data, size_t len)
{
    size_t start = 0;
    while (start < len && data[start] != 0x68)
        start++;
    if (start + 12 >= len || len < start + 14)
        return;
    size_t first = start + 10, count = len - 2 - first;
    uint8_t change = (uint8_t)(1U << rand_below(&line->rand, 8));
    data[first + rand_below(&line->rand, count)] ^= change;
    data[len - 2] = sum8(data + start, len - 2 - start);
}

static void send_chunk(struct sim_line *line, const uint8_t *data, size_t len, int64_t at_us)
{
    if (line->chunk_count == SIM_LINE_CHUNKS) { /* a master that never reads */
        line->faults_done++;
        return;
    }
    size_t place = line->chunk_count++;
    while (place > 0 && line->to_master[place - 1].at_us > at_us) {
        line->to_master[place] = line->to_master[place - 1];
        place--;
    }
    struct sim_chunk *c = &line->to_master[place];
    *c = (struct sim_chunk){
        .at_us = at_us, .byte_us = (uint32_t)line->byte_us, .len = (uint16_t)len};
    memcpy(c->data, data, len);
}

static int64_t slave_delay_us(struct sim_line *line)
{
    const struct sim_line_options *o = &line->options;
    uint64_t span = (uint64_t)(o->delay_max_ms - o->delay_min_ms) + 1;
    return (o->delay_min_ms + (int64_t)rand_below(&line->rand, span)) * 1000;
}

/* One answer leaves a meter at or after `ready_us`; two at once spoil each other. */
static void answer(struct sim_line *line, const uint8_t *data, size_t len, int64_t ready_us)
{
    const struct sim_line_faults *f = &line->faults;
    uint8_t copy[DLT645_FRAME_MAX];
    int64_t start_us = ready_us + slave_delay_us(line);
    MUST(len <= sizeof copy);
    memcpy(copy, data, len);
    line->answers++;
    if (start_us < line->bus_free_us) {
        line->collisions++;
        garble(line, copy, len);
        if (line->chunk_count > 0)
            garble(line, line->to_master[line->chunk_count - 1].data,
                   line->to_master[line->chunk_count - 1].len);
    }
    int64_t end_us = start_us + (int64_t)len * line->byte_us;
    line->busy_us += (uint64_t)(end_us - start_us);
    line->bus_free_us = end_us > line->bus_free_us ? end_us : line->bus_free_us;
    if (roll(line, f->drop_answer))
        return;
    if (roll(line, f->garble_answer))
        garble(line, copy, len);
    if (roll(line, f->forge_answer))
        forge(line, copy, len);
    if (roll(line, f->cut_answer))
        len = 1 + (size_t)rand_below(&line->rand, len - 1);
    int64_t late_us = roll(line, f->late_answer) ? f->late_ms * 1000 : 0;
    send_chunk(line, copy, len, start_us + late_us + line->byte_us);
    if (roll(line, f->duplicate_answer))
        send_chunk(line, copy, len, end_us + late_us + line->byte_us);
}

static bool hears(const struct sim_meter *m, const struct dlt645_frame *frame)
{
    const uint8_t *a = frame->address, *own = m->terminal.config.address;
    if (a[0] == 0x99 && a[5] == 0x99)
        return true;
    for (int i = 0; i < 6 && a[i] != 0xAA; i++)
        if (a[i] != own[i])
            return false;
    return true;
}

static void deliver(struct sim_line *line, const uint8_t *data, size_t len, int64_t at_us)
{
    struct dlt645_frame frame;
    size_t used;
    bool clean = dlt645_decode(data, len, &frame, &used) == ERR_OK && used == len;
    mono_ms at = ms_up(at_us);
    for (size_t i = 0; i < line->meter_count; i++) {
        struct sim_meter *m = line->meters[i];
        uint8_t out[DLT645_FRAME_MAX];
        if (clean && !hears(m, &frame))
            continue;
        if (m->dead || m->swapped)
            continue;
        sim_meter_run(m, at, line->options.wall0);
        size_t n = sim_meter_ask(m, data, len, out, sizeof out);
        if (n > 0)
            answer(line, out, n, us(at));
    }
}

static void deliver_request(struct sim_line *line)
{
    const struct sim_line_faults *f = &line->faults;
    uint8_t data[sizeof line->request];
    size_t len = line->request_len;
    int64_t at_us = line->request_done_us;
    memcpy(data, line->request, len);
    line->request_len = 0;
    line->requests++;
    if (roll(line, f->drop_request))
        return;
    if (roll(line, f->garble_request))
        garble(line, data, len);
    deliver(line, data, len, at_us);
    if (roll(line, f->duplicate_request))
        deliver(line, data, len, line->bus_free_us > at_us ? line->bus_free_us : at_us);
}

/* What is on the wire meanwhile is spoilt where the garbage falls on it. */
static void spoil(struct sim_line *line, int64_t from_us, int64_t to_us)
{
    for (size_t i = 0; i < line->chunk_count; i++) {
        struct sim_chunk *c = &line->to_master[i];
        int64_t begin_us = c->at_us - line->byte_us, end_us = begin_us + c->len * line->byte_us;
        int64_t first = (from_us - begin_us) / line->byte_us;
        if (from_us >= end_us || to_us <= begin_us)
            continue;
        c->data[first < c->taken ? c->taken : first] ^= 0x55;
        line->collisions++;
    }
    if (line->request_len > 0 && from_us < line->request_done_us) {
        garble(line, line->request, line->request_len);
        line->collisions++;
    }
}

/* Only what was under way already can be spoilt: the device talks into things, nothing waits. */
static void babble(struct sim_line *line, mono_ms now)
{
    const struct sim_line_faults *f = &line->faults;
    while (f->babble_ms > 0 && line->babble_us <= us(now)) {
        uint8_t data[DLT645_FRAME_MAX];
        size_t len = 1 + (size_t)rand_below(&line->rand, f->babble_bytes);
        int64_t at_us = line->babble_us, end_us = at_us + (int64_t)len * line->byte_us;
        line->babble_us =
            end_us + (int64_t)rand_below(&line->rand, 2 * (uint64_t)f->babble_ms) * 1000;
        if (at_us == 0)
            continue;
        MUST(len <= sizeof data);
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)rand_u64(&line->rand);
        spoil(line, at_us, end_us);
        send_chunk(line, data, len, at_us + line->byte_us);
        line->babbles++;
        line->bus_free_us = end_us > line->bus_free_us ? end_us : line->bus_free_us;
    }
}

static void advance(struct sim_line *line, mono_ms now)
{
    babble(line, now);
    if (line->request_len > 0 && line->request_done_us <= us(now))
        deliver_request(line);
    line->now = now;
}

void sim_line_write(struct sim_line *line, const uint8_t *data, size_t len, mono_ms now)
{
    advance(line, now);
    if (len == 0)
        return;
    bool begins = line->request_len == 0;
    size_t room = sizeof line->request - line->request_len;
    size_t part = len < room ? len : room; /* more than a line can hold is lost, as in a UART */
    int64_t start_us = begins || line->request_done_us < us(now) ? us(now) : line->request_done_us;
    memcpy(line->request + line->request_len, data, part);
    if (line->bus_free_us > us(now)) {
        line->collisions++;
        garble(line, line->request + line->request_len, part);
        if (line->chunk_count > 0)
            garble(line, line->to_master[line->chunk_count - 1].data,
                   line->to_master[line->chunk_count - 1].len);
    }
    line->request_len += part;
    line->request_done_us = start_us + (int64_t)part * line->byte_us;
    line->busy_us += (uint64_t)((int64_t)part * line->byte_us);
}

/* Bytes of a chunk that have arrived by t. */
static size_t arrived(const struct sim_chunk *c, int64_t t_us)
{
    if (t_us < c->at_us)
        return 0;
    size_t n = (size_t)((t_us - c->at_us) / c->byte_us) + 1;
    return n < c->len ? n : c->len;
}

size_t sim_line_read(struct sim_line *line, mono_ms now, uint8_t *out, size_t cap)
{
    size_t len = 0;
    advance(line, now);
    while (line->chunk_count > 0 && len < cap) {
        struct sim_chunk *c = &line->to_master[0];
        size_t ready = arrived(c, us(now)) - c->taken;
        size_t part = ready < cap - len ? ready : cap - len;
        memcpy(out + len, c->data + c->taken, part);
        c->taken = (uint16_t)(c->taken + part);
        len += part;
        if (c->taken < c->len)
            break;
        line->chunk_count--;
        memmove(c, c + 1, line->chunk_count * sizeof *c);
    }
    return len;
}

mono_ms sim_line_wake(const struct sim_line *line)
{
    mono_ms wake = MONO_NEVER;
    if (line->request_len > 0)
        wake = ms_up(line->request_done_us);
    if (line->faults.babble_ms > 0)
        wake = mono_earlier(wake, ms_up(line->babble_us > 0 ? line->babble_us : us(line->now)));
    if (line->chunk_count > 0) {
        const struct sim_chunk *c = &line->to_master[0];
        wake = mono_earlier(wake, ms_up(c->at_us + (int64_t)(c->len - 1) * c->byte_us));
    }
    return wake;
}

void sim_line_run(struct sim_line *line, mono_ms now)
{
    advance(line, now);
    for (size_t i = 0; i < line->meter_count; i++)
        sim_meter_run(line->meters[i], now, line->options.wall0);
}

void sim_line_flush(struct sim_line *line)
{
    line->chunk_count = 0;
    line->request_len = 0;
}
