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

void sim_pipes_write(struct sim_pipes *p, const uint8_t *data, size_t len, mono_ms now)
{
    sim_pipes_run(p, now);
    p->requests++;
    p->answer_len = 0; /* whoever talks before an answer does not hear it */
    for (size_t i = 0; i < p->count; i++) {
        uint8_t answer[sizeof p->answer];
        overlay(p, answer, vendor_hear(&p->meters[i], data, len, answer));
    }
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
