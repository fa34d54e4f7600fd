#include <string.h>

#include "base/must.h"
#include "bus/bus_impl.h"

#define ECHO_BELIEVED 2
#define ECHO_SURE 4
#define WAKING 0xFE
#define PAUSED_MAX_MS 5'000 /* of all pauses inside one answer together */
#define JITTER_MS 200       /* two masters that collided shall not do so again */
#define SHARED_MS 60'000    /* so long after its last request another master is reckoned with */
#define TURNS 4             /* of so many silences one is taken by chance */
#define TURN_MS 30          /* between two of them: until it is heard that somebody speaks */

static void drop_input(struct bus *b, size_t len)
{
    memmove(b->input, b->input + len, b->input_len - len);
    b->input_len -= len;
}

/* --- echoes ----------------------------------------------------------------------------------- */

/* Two-wire adapters hear themselves. A whole echo is known by its bytes, unless the protocol's
 * answer looks the same (a Modbus write of one register): then what was learnt from other requests
 * of this line decides. */
static bool is_echo(const struct bus *b, struct bytes frame)
{
    const struct bus_job *job = &b->jobs[b->current];
    if (frame.len > job->len)
        return false;
    return memcmp(job->request + job->len - frame.len, frame.data, frame.len) == 0;
}

static void learn_echo(struct bus *b, size_t bytes)
{
    b->stats.echoes += bytes;
    if (b->echoes < ECHO_SURE)
        b->echoes++;
    b->echo_at = b->jobs[b->current].len;
}

static void note_damage(struct bus *b, mono_ms now);

/* No echo after all: an answer without one before it, which began like the request, or somebody who
 * spoke at the same time. What was taken for an echo is looked at as well. */
static void give_back_echo(struct bus *b, mono_ms now)
{
    memcpy(b->input, b->jobs[b->current].request, b->echo_at);
    b->input_len = b->echo_at;
    b->echoes--;
    b->stats.collisions++;
    note_damage(b, now);
}

/* On a line that echoes, the first bytes heard are our own; returns how many were. */
static size_t strip_echo(struct bus *b, mono_ms now, const uint8_t *data, size_t len)
{
    size_t n = 0;
    const struct bus_job *job = b->current >= 0 ? &b->jobs[b->current] : NULL;
    if (!job || b->echoes < ECHO_BELIEVED || b->echo_ended)
        return 0;
    while (n < len && b->echo_at < job->len && data[n] == job->request[b->echo_at]) {
        n++;
        b->echo_at++;
    }
    b->echo_ended = n < len || b->echo_at == job->len;
    if (b->echo_at == job->len) {
        b->echoes = ECHO_SURE;
        b->stats.echoes += b->echo_at;
    } else if (n < len && b->echo_at > 0) {
        give_back_echo(b, now);
    }
    return n;
}

/* --- other masters ---------------------------------------------------------------------------- */

static bool answers(const struct bus *b, const uint8_t *request, size_t len, struct bytes frame)
{
    const struct meter_link *link = bus_link_of(b, b->last_peer);
    return len > 0 && link->match((struct bytes){request, len}, frame) != METER_MATCH_NO;
}

bool bus_is_shared(const struct bus *b, mono_ms now)
{
    return b->stats.foreign > 0 && !mono_due(mono_after(b->foreign_at, SHARED_MS), now);
}

/* Masters that all wait for the same silence would speak at the same time, again and again. Who had
 * his turn lets the others go first. */
void bus_mind_others(struct bus *b, bool others, bool had_turn)
{
    int32_t turns = (int32_t)rand_below(&b->rand, TURNS) + (had_turn ? TURNS : 0);
    b->manners_ms = others ? turns * TURN_MS : 0;
}

/* A good frame that is not for us: somebody's late answer, another master's request, or what it was
 * answered. The asked meter is given the time to speak. */
static void take_stray(struct bus *b, mono_ms now, struct bytes frame)
{
    b->stats.strays++;
    bus_mind_others(b, bus_is_shared(b, now), false);
    if (answers(b, b->last, b->last_len, frame)) {
        bus_late_came(b, now);
        return;
    }
    if (answers(b, b->foreign, b->foreign_len, frame)) {
        b->foreign_len = 0;
        b->hold_until = now;
        return;
    }
    b->stats.foreign++;
    memcpy(b->foreign, frame.data, frame.len);
    b->foreign_len = (uint16_t)frame.len;
    b->foreign_at = now;
    b->hold_until = mono_after(now, b->timing.yield_ms);
}

static void take_answer(struct bus *b, mono_ms now, enum meter_match match, struct bytes frame)
{
    if (match == METER_MATCH_BUSY)
        bus_answer_busy(b, now, frame);
    else if (match == METER_MATCH_ABSENT)
        bus_answer_absent(b, now);
    else
        bus_answer_came(b, now, frame);
}

/* True if the frame ended the exchange. */
static bool take_frame(struct bus *b, mono_ms now, struct bytes frame)
{
    if (b->current < 0) {
        take_stray(b, now, frame);
        return false;
    }
    const struct bus_job *job = &b->jobs[b->current];
    struct bytes request = {job->request, job->len};
    bool echo = is_echo(b, frame);
    bool expected = b->echoes > 0 && b->echo_at == 0;
    enum meter_match match = bus_link_of(b, job->peer)->match(request, frame);
    if (match != METER_MATCH_NO && !(echo && expected)) {
        if (expected)
            b->echoes--; /* an answer without an echo before it */
        take_answer(b, now, match, frame);
        return true;
    }
    if (echo)
        learn_echo(b, frame.len);
    else
        take_stray(b, now, frame);
    return false;
}

/* --- frames ----------------------------------------------------------------------------------- */

/* Something damaged came for the request that is out: ask again as soon as the line is quiet. */
static void note_damage(struct bus *b, mono_ms now)
{
    b->stats.damaged++;
    if (b->current < 0)
        return;
    b->damaged[b->current] = true;
    b->deadline = mono_earlier(b->deadline, mono_after(now, b->timing.byte_gap_ms));
    if (bus_is_shared(b, now))
        b->hold_until = mono_after(now, (int64_t)rand_below(&b->rand, JITTER_MS));
}

/* What wakes a meter or a line may stand before every frame. */
static size_t garbage(const uint8_t *p, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        n += p[i] != WAKING;
    return n;
}

/* Looks at what was heard. True if the exchange ended, false if more bytes are needed. */
static bool scan(struct bus *b, mono_ms now)
{
    const struct meter_link *link = bus_link_of(b, b->last_peer);
    while (b->input_len > 0) {
        size_t begin = 0, end = 0;
        enum err e = link->cut(b->input, b->input_len, &begin, &end);
        b->stats.garbage_bytes += garbage(b->input, begin);
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
        size_t len = end - begin;
        if (len <= sizeof copy)
            memcpy(copy, b->input + begin, len);
        drop_input(b, end);
        if (len > sizeof copy)
            note_damage(b, now);
        else if (take_frame(b, now, (struct bytes){copy, len}))
            return true;
    }
    return false;
}

mono_ms bus_limit(const struct bus *b)
{
    return mono_after(b->limit, b->paused_ms < PAUSED_MAX_MS ? b->paused_ms : PAUSED_MAX_MS);
}

/* The line was silent for longer than these bytes took. */
static void note_pause(struct bus *b, mono_ms now, size_t len)
{
    int64_t ms = now.ms - b->quiet_at.ms - bus_wire_ms(bus_baud_of(b, b->last_peer), len);
    bool inside = b->current >= 0 && b->input_len > 0;
    b->quiet_at = now;
    if (!inside || ms <= 0)
        return;
    b->paused_ms += ms;
    if (ms > b->pause_ms)
        b->pause_ms = (int32_t)ms;
}

/* More is waited for: for long only if an answer has begun, and nothing was damaged so far. */
static void expect_more(struct bus *b, mono_ms now, uint8_t last_byte)
{
    int i = b->current;
    if (i < 0)
        return;
    bool begun = (b->input_len > 0 || last_byte == WAKING) && !b->damaged[i];
    bool last = b->sendings[i] >= b->jobs[i].attempts;
    int32_t ms = begun ? bus_pause_of(b, b->jobs[i].peer, last) : b->timing.byte_gap_ms;
    b->deadline = mono_later(b->deadline, mono_after(now, ms));
}

void bus_input(struct bus *b, mono_ms now, const uint8_t *data, size_t len)
{
    if (len == 0)
        return;
    uint8_t last_byte = data[len - 1];
    b->stats.received_bytes += len;
    note_pause(b, now, len);
    size_t own = bus_rouse_heard(b, now, data, len);
    own += strip_echo(b, now, data + own, len - own);
    data += own;
    len -= own;
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
    expect_more(b, now, last_byte);
}

bool bus_hear_again(struct bus *b, mono_ms now)
{
    while (b->input_len > 0) {
        note_damage(b, now);
        drop_input(b, 1);
        if (scan(b, now))
            return true;
    }
    return false;
}
