#include "sim/world/pipes.h"

#include <string.h>

#include "base/must.h"

void sim_pipes_init(struct sim_pipes *p, wall_s wall0)
{
    *p = (struct sim_pipes){.wall0 = wall0};
}

static wall_s wall_at(const struct sim_pipes *p, mono_ms now)
{
    return (wall_s){p->wall0.s + now.ms / 1000};
}

struct vendor_meter *sim_pipes_add(struct sim_pipes *p, const struct vendor_setup *setup,
                                   mono_ms now)
{
    MUST(p->count < SIM_PIPES);
    struct vendor_meter *m = &p->meters[p->count++];
    vendor_init(m, setup, now, wall_at(p, now));
    return m;
}

void sim_pipes_run(struct sim_pipes *p, mono_ms now)
{
    for (size_t i = 0; i < p->count; i++)
        vendor_run(&p->meters[i], now, wall_at(p, now));
}

/* Two answers at once: a space of one is heard over the mark of another. The same byte stays what
 * it is, as when several M-Bus meters acknowledge that they are selected. */
static void overlay(struct sim_pipes *p, const uint8_t *answer, size_t len)
{
    for (size_t i = 0; i < len; i++)
        p->answer[i] = i < p->answer_len ? p->answer[i] & answer[i] : answer[i];
    p->answer_len = len > p->answer_len ? len : p->answer_len;
}

static void offer(struct sim_pipes *p, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < p->count; i++) {
        uint8_t answer[sizeof p->answer];
        overlay(p, answer, vendor_hear(&p->meters[i], data, len, answer));
    }
}

/* Adds to the pieces. What is too old goes, and so does what stands first where there is no room.
 */
static void keep(struct sim_pipes *p, const uint8_t *data, size_t len, mono_ms now)
{
    const size_t cap = sizeof p->heard;
    if (mono_due(mono_after(p->heard_at, SIM_PIPES_SILENCE_MS), now) || len >= cap)
        p->heard_len = 0;
    p->heard_at = now;
    if (len >= cap)
        return; /* no question is so long */
    size_t drop = p->heard_len + len > cap ? p->heard_len + len - cap : 0;
    p->heard_len -= drop;
    memmove(p->heard, p->heard + drop, p->heard_len);
    memcpy(p->heard + p->heard_len, data, len);
    p->heard_len += len;
}

/* The last piece, of `len` bytes, may end a question that began in an earlier one. */
static void offer_pieces(struct sim_pipes *p, size_t len)
{
    for (size_t at = 0; at + len < p->heard_len && p->answer_len == 0; at++)
        offer(p, p->heard + at, p->heard_len - at);
}

void sim_pipes_write(struct sim_pipes *p, const uint8_t *data, size_t len, mono_ms now)
{
    sim_pipes_run(p, now);
    p->requests++;
    p->answer_len = 0; /* whoever talks before an answer does not hear it */
    offer(p, data, len);
    keep(p, data, len, now);
    if (p->answer_len == 0)
        offer_pieces(p, len);
    if (p->answer_len > 0)
        p->heard_len = 0;
    p->answer_at = mono_after(now, SIM_PIPES_ANSWER_MS);
}

size_t sim_pipes_read(struct sim_pipes *p, mono_ms now, uint8_t *out, size_t cap)
{
    size_t len = p->answer_len;
    if (len == 0 || now.ms < p->answer_at.ms || cap < len)
        return 0;
    memcpy(out, p->answer, len);
    p->answer_len = 0;
    return len;
}

mono_ms sim_pipes_wake(const struct sim_pipes *p)
{
    return p->answer_len > 0 ? p->answer_at : MONO_NEVER;
}
