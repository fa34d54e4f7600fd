#include "bus/bus.h"

#include <string.h>

#include "base/must.h"
#include "bus/bus_impl.h"

#define BITS_PER_BYTE 11
#define BUSY_MS 300 /* before a meter that is busy is asked again */

int64_t bus_wire_ms(int32_t baud, size_t bytes)
{
    return ((int64_t)bytes * BITS_PER_BYTE * 1000 + baud - 1) / baud;
}

/* Modbus: three and a half characters of silence begin a frame. */
#define GAP_HALVES 7

static int32_t at_least(int32_t value, int32_t least)
{
    return value > least ? value : least;
}

struct bus_timing bus_timing_of(int32_t baud)
{
    int32_t byte_ms = (int32_t)bus_wire_ms(baud, 1);
    int32_t gap_ms = at_least((int32_t)(bus_wire_ms(baud, GAP_HALVES) + 1) / 2, 5);
    return (struct bus_timing){
        .baud = baud,
        .gap_ms = gap_ms,
        .address_gap_ms = gap_ms,
        .turnaround_ms = 700, /* the standard allows 500 */
        .turnaround_min_ms = 200,
        .turnaround_max_ms = 700,
        .byte_gap_ms = 3 * byte_ms + 30,
        .transit_ms = 20,
        .hope_ms = 5'000,
        .yield_ms = 600,
        .patience_ms = 2'000,
        .probe_ms = 15'000,
        .probe_max_ms = 60'000,
        .probe_spacing_ms = 4'000,
    };
}

struct bus_timing bus_timing_marked(int32_t baud)
{
    struct bus_timing t = bus_timing_of(baud);
    t.gap_ms = t.address_gap_ms = at_least((int32_t)bus_wire_ms(baud, 2), 5);
    return t;
}

void bus_init(struct bus *b, const struct meter_link *link, const struct bus_timing *timing,
              mono_ms now)
{
    *b = (struct bus){.link = link,
                      .timing = *timing,
                      .current = -1,
                      .quiet_at = now,
                      .hold_until = now,
                      .roused_at = now,
                      .blocked_at = MONO_NEVER,
                      .burst_at = now,
                      .probe_free_at = now};
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
    b->blind[i] = bus_late_blind(b, i);
    b->waiting++;
    b->sendings[i] = 0;
    b->damaged[i] = false;
    return ERR_OK;
}

static void drop_job(struct bus *b, int i)
{
    b->order[i] = 0;
    b->waiting--;
}

size_t bus_waiting(const struct bus *b)
{
    return b->waiting;
}

bool bus_cancel(struct bus *b, uint64_t tag)
{
    for (int i = 0; i < BUS_JOBS_MAX; i++)
        if (b->order[i] != 0 && b->jobs[i].tag == tag && i != b->current) {
            drop_job(b, i);
            return true;
        }
    return false;
}

/* Who owes an answer leaves the line to the others. */
static int64_t held_until(const struct bus *b, int i)
{
    mono_ms until = bus_late_until(b, i);
    return mono_due(until, b->now) ? 0 : until.ms;
}

static bool comes_before(const struct bus *b, int i, int j)
{
    int64_t held_i = held_until(b, i), held_j = held_until(b, j);
    if (held_i != held_j)
        return held_i < held_j;
    if (b->jobs[i].priority != b->jobs[j].priority)
        return b->jobs[i].priority < b->jobs[j].priority;
    return b->order[i] < b->order[j];
}

static int best_job(const struct bus *b)
{
    int best = -1;
    size_t left = b->waiting;
    for (int i = 0; left > 0; i++) {
        if (b->order[i] == 0)
            continue;
        left--;
        if (best < 0 || comes_before(b, i, best))
            best = i;
    }
    return best;
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
    drop_job(b, i);
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
    if (now.ms > b->quiet_at.ms)
        b->quiet_at = now;
    b->current = -1;
    b->input_len = 0;
    bus_mind_others(b, bus_is_shared(b, now), true);
}

/* The turnaround that is seen includes whatever lies between us and the wire. */
void bus_answer_came(struct bus *b, mono_ms now, struct bytes answer)
{
    int i = b->current;
    int32_t baud = bus_baud_of(b, b->jobs[i].peer);
    int64_t wire_ms = bus_wire_ms(baud, b->jobs[i].len) + bus_wire_ms(baud, answer.len);
    int64_t turnaround = now.ms - b->started.ms - wire_ms - b->paused_ms;
    b->stats.useful_ms += now.ms - b->started.ms;
    b->stats.answered++;
    bus_peer_answered(b, b->jobs[i].peer, turnaround, now);
    bus_late_answered(b, i, now);
    push_result(b, i, ERR_OK, answer);
    end_exchange(b, now);
}

/* No good answer: the job waits in line again, where an order may overtake it, or has failed. */
static void exchange_failed(struct bus *b, mono_ms now)
{
    int i = b->current;
    uint16_t peer = b->jobs[i].peer;
    struct bus_peer *p = &b->peers[peer];
    p->awake_until = now; /* perhaps it sleeps again */
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
        /* Perhaps a master that was not heard yet spoilt it. */
        bus_mind_others(b, true, rand_below(&b->rand, 2) == 0);
        return;
    }
    if (b->damaged[i])
        bus_peer_spoiled(b, peer);
    else
        bus_peer_failed(b, peer, now);
    push_result(b, i, b->damaged[i] ? ERR_BUS_DAMAGED : ERR_BUS_SILENT, (struct bytes){0});
}

void bus_answer_busy(struct bus *b, mono_ms now, struct bytes answer)
{
    int i = b->current;
    if (b->sendings[i] >= b->jobs[i].attempts) {
        bus_answer_came(b, now, answer);
        return;
    }
    b->stats.retries++;
    end_exchange(b, now);
    b->hold_until = mono_after(now, BUSY_MS);
}

void bus_answer_absent(struct bus *b, mono_ms now)
{
    b->stats.absent++;
    exchange_failed(b, now);
}

static void start_exchange(struct bus *b, int i, mono_ms now)
{
    const struct bus_timing *t = &b->timing;
    struct bus_job *job = &b->jobs[i];
    int32_t baud = bus_baud_of(b, job->peer);
    bus_late_asked(b, i);
    b->current = i;
    b->rousing = NULL;
    b->sendings[i]++;
    b->damaged[i] = false;
    b->input_len = 0;
    b->echo_at = 0;
    b->echo_ended = false;
    b->pause_ms = 0;
    b->paused_ms = 0;
    b->started = now;
    b->blocked_at = MONO_NEVER;
    b->tx_end = mono_after(now, bus_wire_ms(baud, job->len) + t->transit_ms);
    b->deadline = mono_after(b->tx_end, bus_wait_of(b, job->peer));
    /* However much is heard, an exchange ends: the longest answer, and some patience. */
    b->limit = mono_after(b->deadline, bus_wire_ms(baud, METER_FRAME_MAX) + t->byte_gap_ms);
    b->last_peer = job->peer;
    b->last_blind = b->blind[i];
    b->last_len = job->len;
    memcpy(b->last, job->request, job->len);
    b->rand.state ^= (uint64_t)now.ms;
    b->stats.exchanges++;
    b->stats.sent_bytes += job->len;
}

/* When the line will have been quiet for long enough, and nobody else's turn: but a job does not
 * wait for ever for a line on which something never stops. */
static mono_ms may_start(const struct bus *b, int i)
{
    const struct bus_timing *t = &b->timing;
    bool other = b->jobs[i].peer != b->last_peer;
    int32_t gap_ms = other ? t->address_gap_ms : t->gap_ms;
    mono_ms at = mono_after(b->quiet_at, gap_ms + b->manners_ms);
    at = mono_later(at, b->hold_until);
    if (b->blocked_at.ms != MONO_NEVER.ms)
        at = mono_earlier(at, mono_after(b->blocked_at, t->patience_ms));
    return mono_later(mono_later(at, b->roused_at), bus_late_until(b, i));
}

static void count_delay(struct bus *b, mono_ms now)
{
    if (b->blocked_at.ms == MONO_NEVER.ms)
        return;
    mono_ms quiet = mono_after(b->quiet_at, b->timing.gap_ms);
    b->stats.pushed += quiet.ms > now.ms;
    if (b->hold_until.ms > quiet.ms && b->hold_until.ms <= now.ms)
        b->stats.yielded_ms += b->hold_until.ms - quiet.ms;
}

size_t bus_output(struct bus *b, mono_ms now, uint8_t *out, size_t cap)
{
    b->now = now;
    if (b->current >= 0 || b->result_count + 1 >= BUS_RESULTS_MAX)
        return 0;
    if (b->rouse_left > 0)
        return bus_rouse_output(b, out, cap);
    int i = best_job(b);
    if (i < 0)
        return 0;
    if (!mono_due(may_start(b, i), now)) {
        b->blocked_at = mono_earlier(b->blocked_at, now);
        return 0;
    }
    if (bus_must_rouse(b, b->jobs[i].peer, now)) {
        bus_rouse_begin(b, b->jobs[i].peer, now);
        return bus_rouse_output(b, out, cap);
    }
    count_delay(b, now);
    MUST(cap >= b->jobs[i].len);
    size_t len = b->jobs[i].len;
    memcpy(out, b->jobs[i].request, len);
    start_exchange(b, i, now);
    if (b->jobs[i].silent) {
        push_result(b, i, ERR_OK, (struct bytes){0});
        mono_ms end = b->tx_end;
        end_exchange(b, now);
        b->quiet_at = end;
    }
    return len;
}

/* --- time ------------------------------------------------------------------------------------- */

void bus_tick(struct bus *b, mono_ms now)
{
    b->now = now;
    if (b->current < 0)
        return;
    if (!mono_due(b->deadline, now) && !mono_due(bus_limit(b), now))
        return;
    if (bus_hear_again(b, now))
        return;
    if (!b->damaged[b->current])
        bus_late_unanswered(b, b->current, now);
    exchange_failed(b, now);
}

mono_ms bus_wake(const struct bus *b)
{
    if (b->current >= 0)
        return mono_earlier(b->deadline, bus_limit(b));
    if (b->rouse_left > 0)
        return b->quiet_at; /* at once */
    int i = best_job(b);
    return i >= 0 ? mono_after(may_start(b, i), b->jobs[i].slack_ms) : MONO_NEVER;
}

void bus_reset(struct bus *b, mono_ms now)
{
    if (b->current >= 0) {
        int i = b->current;
        end_exchange(b, now);
        push_result(b, i, ERR_BUS_CLOSED, (struct bytes){0});
    }
    b->input_len = 0;
    b->rousing = NULL;
    b->rouse_left = 0;
    b->quiet_at = b->roused_at = now;
}
