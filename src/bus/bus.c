#include "bus/bus.h"

#include <string.h>

#include "base/must.h"

#define SILENT_AFTER 3 /* unanswered jobs in a row */
#define TRUST_AFTER 16 /* answers without a time-out, before a shorter wait is believed */
#define BITS_PER_BYTE 11

int64_t bus_wire_ms(int32_t baud, size_t bytes)
{
    return ((int64_t)bytes * BITS_PER_BYTE * 1000 + baud - 1) / baud;
}

struct bus_timing bus_timing_of(int32_t baud)
{
    int32_t byte_ms = (int32_t)bus_wire_ms(baud, 1);
    return (struct bus_timing){
        .baud = baud,
        .gap_ms = 4 * byte_ms > 5 ? 4 * byte_ms : 5,
        .turnaround_ms = 700, /* the standard allows 500 */
        .turnaround_min_ms = 200,
        .turnaround_max_ms = 700,
        .byte_gap_ms = 3 * byte_ms + 30,
        .transit_ms = 20,
        .probe_ms = 15'000,
        .probe_max_ms = 60'000,
        .probe_spacing_ms = 4'000,
    };
}

void bus_init(struct bus *b, const struct meter_link *link, const struct bus_timing *timing,
              mono_ms now)
{
    *b = (struct bus){.link = link, .timing = *timing, .current = -1};
    b->free_at = mono_after(now, timing->gap_ms);
    b->probe_free_at = now;
}

/* --- jobs ------------------------------------------------------------------------------------- */

static int free_slot(const struct bus *b)
{
    for (int i = 0; i < BUS_JOBS_MAX; i++)
        if (b->order[i] == 0)
            return i;
    return -1;
}

enum err bus_submit(struct bus *b, const struct bus_job *job)
{
    MUST(job->attempts > 0 && job->len > 0 && job->len <= METER_FRAME_MAX);
    MUST(job->peer < BUS_PEERS_MAX && job->priority < BUS_PRIORITIES);
    int i = free_slot(b);
    if (i < 0)
        return ERR_FULL;
    b->jobs[i] = *job;
    b->order[i] = ++b->arrivals;
    b->sendings[i] = 0;
    b->damaged[i] = false;
    return ERR_OK;
}

size_t bus_waiting(const struct bus *b)
{
    size_t n = 0;
    for (int i = 0; i < BUS_JOBS_MAX; i++)
        n += b->order[i] != 0;
    return n;
}

bool bus_cancel(struct bus *b, uint64_t tag)
{
    for (int i = 0; i < BUS_JOBS_MAX; i++)
        if (b->order[i] != 0 && b->jobs[i].tag == tag && i != b->current) {
            b->order[i] = 0;
            return true;
        }
    return false;
}

static bool comes_before(const struct bus *b, int i, int j)
{
    if (b->jobs[i].priority != b->jobs[j].priority)
        return b->jobs[i].priority < b->jobs[j].priority;
    return b->order[i] < b->order[j];
}

static int best_job(const struct bus *b)
{
    int best = -1;
    for (int i = 0; i < BUS_JOBS_MAX; i++)
        if (b->order[i] != 0 && (best < 0 || comes_before(b, i, best)))
            best = i;
    return best;
}

/* --- peers ------------------------------------------------------------------------------------ */

static int32_t clamp(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* A peer that was quick so far is not waited for as long as a stranger. */
static int32_t wait_of(const struct bus *b, const struct bus_peer *p)
{
    const struct bus_timing *t = &b->timing;
    if (p->trusted < TRUST_AFTER)
        return t->turnaround_ms;
    return clamp(2 * p->slowest_ms + 50, t->turnaround_min_ms, t->turnaround_max_ms);
}

static void peer_answered(struct bus *b, struct bus_peer *p, int64_t turnaround_ms)
{
    int32_t seen = (int32_t)(turnaround_ms < 1 ? 1 : turnaround_ms);
    int32_t faded = p->slowest_ms - p->slowest_ms / 64;
    p->slowest_ms = seen > faded ? seen : faded;
    if (p->trusted < TRUST_AFTER)
        p->trusted++;
    p->failures = 0;
    p->probes = 0;
    p->answers++;
    if (p->silent)
        b->stats.returns++;
    p->silent = false;
}

static void plan_probe(struct bus *b, struct bus_peer *p, mono_ms now)
{
    int64_t pause = (int64_t)b->timing.probe_ms << (p->probes < 8 ? p->probes : 8);
    if (pause > b->timing.probe_max_ms)
        pause = b->timing.probe_max_ms;
    p->probe_at = mono_after(now, pause);
    b->probe_free_at = mono_after(now, b->timing.probe_spacing_ms);
    if (p->probes < UINT8_MAX)
        p->probes++;
}

static void peer_failed(struct bus *b, struct bus_peer *p, mono_ms now)
{
    if (p->failures < UINT8_MAX)
        p->failures++;
    if (p->failures < SILENT_AFTER)
        return;
    if (!p->silent) {
        b->stats.demotions++;
        p->probes = 0;
    }
    p->silent = true;
    plan_probe(b, p, now);
}

bool bus_may_poll(const struct bus *b, uint16_t peer, mono_ms now)
{
    const struct bus_peer *p = &b->peers[peer];
    return !p->silent || (mono_due(p->probe_at, now) && mono_due(b->probe_free_at, now));
}

void bus_peer_reset(struct bus *b, uint16_t peer)
{
    b->peers[peer] = (struct bus_peer){0};
}

bool bus_peer_change(struct bus *b, struct bus_change *out)
{
    for (uint16_t i = 0; i < BUS_PEERS_MAX; i++)
        if (b->peers[i].silent != b->peers[i].told) {
            b->peers[i].told = b->peers[i].silent;
            *out = (struct bus_change){i, b->peers[i].silent};
            return true;
        }
    return false;
}

/* --- exchanges -------------------------------------------------------------------------------- */

static void push_result(struct bus *b, int i, enum err err, struct bytes answer)
{
    MUST(b->result_count < BUS_RESULTS_MAX);
    size_t at = (b->result_head + b->result_count++) % BUS_RESULTS_MAX;
    struct bus_result *r = &b->results[at];
    *r = (struct bus_result){.tag = b->jobs[i].tag,
                             .peer = b->jobs[i].peer,
                             .err = err,
                             .sent = b->sendings[i],
                             .len = (uint16_t)answer.len};
    if (answer.len > 0)
        memcpy(r->answer, answer.data, answer.len);
    b->order[i] = 0;
}

bool bus_result(struct bus *b, struct bus_result *out)
{
    if (b->result_count == 0)
        return false;
    *out = b->results[b->result_head];
    b->result_head = (b->result_head + 1) % BUS_RESULTS_MAX;
    b->result_count--;
    return true;
}

static void end_exchange(struct bus *b, mono_ms now)
{
    b->stats.busy_ms += now.ms - b->started.ms;
    b->free_at = mono_after(now, b->timing.gap_ms);
    b->current = -1;
    b->input_len = 0;
}

static void answer_came(struct bus *b, mono_ms now, struct bytes answer)
{
    int i = b->current;
    int64_t answer_ms = bus_wire_ms(b->timing.baud, answer.len);
    int64_t turnaround = now.ms - b->tx_end.ms - answer_ms;
    int64_t useful = bus_wire_ms(b->timing.baud, b->jobs[i].len) + answer_ms;
    b->stats.useful_ms += useful + (turnaround > 0 ? turnaround : 0);
    b->stats.answered++;
    peer_answered(b, &b->peers[b->jobs[i].peer], turnaround);
    push_result(b, i, ERR_OK, answer);
    end_exchange(b, now);
}

/* No good answer: the job waits in line again, where an order may overtake it, or has failed. */
static void exchange_failed(struct bus *b, mono_ms now)
{
    int i = b->current;
    struct bus_peer *p = &b->peers[b->jobs[i].peer];
    if (b->damaged[i]) {
        p->damaged++;
    } else {
        p->timeouts++;
        p->trusted = 0; /* perhaps it was only slow: the next wait is a full one */
        b->stats.timeouts++;
    }
    end_exchange(b, now);
    if (b->sendings[i] < b->jobs[i].attempts) {
        b->stats.retries++;
        return;
    }
    if (!b->damaged[i])
        peer_failed(b, p, now);
    push_result(b, i, b->damaged[i] ? ERR_BUS_DAMAGED : ERR_BUS_SILENT, (struct bytes){0});
}

static void start_exchange(struct bus *b, int i, mono_ms now)
{
    const struct bus_timing *t = &b->timing;
    struct bus_job *job = &b->jobs[i];
    b->current = i;
    b->sendings[i]++;
    b->damaged[i] = false;
    b->input_len = 0;
    b->started = now;
    b->tx_end = mono_after(now, bus_wire_ms(t->baud, job->len) + t->transit_ms);
    b->deadline = mono_after(b->tx_end, wait_of(b, &b->peers[job->peer]));
    /* However much is heard, an exchange ends: the longest answer, and some patience. */
    b->limit = mono_after(b->deadline, bus_wire_ms(t->baud, METER_FRAME_MAX) + t->byte_gap_ms);
    b->stats.exchanges++;
    b->stats.sent_bytes += job->len;
}

size_t bus_output(struct bus *b, mono_ms now, uint8_t *out, size_t cap)
{
    if (b->current >= 0 || !mono_due(b->free_at, now) || b->result_count + 1 >= BUS_RESULTS_MAX)
        return 0;
    int i = best_job(b);
    if (i < 0)
        return 0;
    MUST(cap >= b->jobs[i].len);
    size_t len = b->jobs[i].len;
    memcpy(out, b->jobs[i].request, len);
    start_exchange(b, i, now);
    if (b->jobs[i].silent) {
        push_result(b, i, ERR_OK, (struct bytes){0});
        mono_ms end = b->tx_end;
        end_exchange(b, now);
        b->free_at = mono_after(end, b->timing.gap_ms);
    }
    return len;
}

/* --- input ------------------------------------------------------------------------------------ */

static void drop_input(struct bus *b, size_t len)
{
    memmove(b->input, b->input + len, b->input_len - len);
    b->input_len -= len;
}

static bool is_echo(const struct bus *b, struct bytes frame)
{
    const struct bus_job *job = &b->jobs[b->current];
    if (frame.len > job->len)
        return false;
    return memcmp(job->request + job->len - frame.len, frame.data, frame.len) == 0;
}

/* True if the frame ended the exchange. */
static bool take_frame(struct bus *b, mono_ms now, struct bytes frame)
{
    if (b->current < 0) {
        b->stats.strays++;
        return false;
    }
    const struct bus_job *job = &b->jobs[b->current];
    struct bytes request = {job->request, job->len};
    if (b->link->match(request, frame) == METER_MATCH_ANSWER) {
        answer_came(b, now, frame);
        return true;
    }
    if (is_echo(b, frame))
        b->stats.echoes += frame.len;
    else
        b->stats.strays++;
    return false;
}

/* Something damaged came for the request that is out: ask again as soon as the line is quiet. */
static void note_damage(struct bus *b, mono_ms now)
{
    b->stats.damaged++;
    if (b->current < 0)
        return;
    b->damaged[b->current] = true;
    b->deadline = mono_earlier(b->deadline, mono_after(now, b->timing.byte_gap_ms));
}

/* Looks at what was heard. True if the exchange ended, false if more bytes are needed. */
static bool scan(struct bus *b, mono_ms now)
{
    while (b->input_len > 0) {
        size_t begin = 0, end = 0;
        enum err e = b->link->cut(b->input, b->input_len, &begin, &end);
        b->stats.garbage_bytes += begin;
        if (e == ERR_TRUNCATED) {
            drop_input(b, begin);
            return false;
        }
        if (e != ERR_OK) {
            note_damage(b, now);
            drop_input(b, end);
            continue;
        }
        uint8_t copy[METER_FRAME_MAX];
        MUST(end - begin <= sizeof copy);
        memcpy(copy, b->input + begin, end - begin);
        drop_input(b, end);
        if (take_frame(b, now, (struct bytes){copy, end - begin}))
            return true;
    }
    return false;
}

static void heard(struct bus *b, mono_ms now)
{
    if (b->current < 0) { /* somebody talks out of turn: let the line get quiet first */
        b->free_at = mono_after(now, b->timing.gap_ms);
        return;
    }
    mono_ms more = mono_after(now, b->timing.byte_gap_ms);
    if (more.ms > b->deadline.ms)
        b->deadline = more;
}

void bus_input(struct bus *b, mono_ms now, const uint8_t *data, size_t len)
{
    b->stats.received_bytes += len;
    heard(b, now);
    while (len > 0) {
        if (b->input_len == BUS_INPUT_MAX) { /* a babbler: the oldest half goes */
            b->stats.garbage_bytes += BUS_INPUT_MAX / 2;
            drop_input(b, BUS_INPUT_MAX / 2);
        }
        size_t room = BUS_INPUT_MAX - b->input_len;
        size_t n = len < room ? len : room;
        memcpy(b->input + b->input_len, data, n);
        b->input_len += n;
        data += n;
        len -= n;
        if (scan(b, now))
            return; /* what follows an answer in one breath is not for us */
    }
}

/* A false beginning may hide a good answer behind it: before giving up, look past it. */
static bool rescan(struct bus *b, mono_ms now)
{
    while (b->input_len > 0) {
        note_damage(b, now);
        drop_input(b, 1);
        if (scan(b, now))
            return true;
    }
    return false;
}

void bus_tick(struct bus *b, mono_ms now)
{
    if (b->current < 0)
        return;
    if (!mono_due(b->deadline, now) && !mono_due(b->limit, now))
        return;
    if (!rescan(b, now))
        exchange_failed(b, now);
}

mono_ms bus_wake(const struct bus *b)
{
    if (b->current >= 0)
        return mono_earlier(b->deadline, b->limit);
    return best_job(b) >= 0 ? b->free_at : MONO_NEVER;
}

void bus_reset(struct bus *b, mono_ms now)
{
    if (b->current >= 0) {
        int i = b->current;
        end_exchange(b, now);
        push_result(b, i, ERR_BUS_CLOSED, (struct bytes){0});
    }
    b->input_len = 0;
    b->free_at = mono_after(now, b->timing.gap_ms);
}
