/*
 * A Modbus answer does not say which registers it tells. A meter that is slow, or sits behind
 * something that keeps requests waiting, answers a question after it was given up and repeated; of
 * the two answers the second would be taken for the next question's, and so on for ever. So it is
 * counted what each meter owes, and no other question goes to it until that came or is past hope.
 */
#include "bus/bus_impl.h"

#define DOUBT_MAX_MS 10'000

static uint32_t blind_of(const struct bus *b, int i)
{
    const struct bus_job *job = &b->jobs[i];
    const struct meter_link *link = bus_link_of(b, job->peer);
    return link->blind ? link->blind((struct bytes){job->request, job->len}) : 0;
}

/* Repeats of one question may answer for one another. */
static bool owes_another(const struct bus *b, int i)
{
    const struct bus_peer *p = &b->peers[b->jobs[i].peer];
    return p->owed > 0 && p->owed_by != b->order[i] && p->owed_blind == blind_of(b, i);
}

mono_ms bus_late_until(const struct bus *b, int i)
{
    return owes_another(b, i) ? b->peers[b->jobs[i].peer].doubt_until : (mono_ms){0};
}

void bus_late_asked(struct bus *b, int i)
{
    struct bus_peer *p = &b->peers[b->jobs[i].peer];
    uint32_t blind = blind_of(b, i);
    if (blind == 0 || p->owed_by == b->order[i])
        return;
    p->owed = 0;
    p->owed_blind = blind;
    p->owed_by = b->order[i];
}

/* What is owed comes one by one, each as late as the first one is or was. */
static void doubt(struct bus *b, uint16_t peer, mono_ms now)
{
    struct bus_peer *p = &b->peers[peer];
    int64_t ms = p->owed * (now.ms - p->owed_since.ms) + bus_wait_of(b, peer);
    if (ms > DOUBT_MAX_MS)
        ms = DOUBT_MAX_MS;
    p->doubt_until = mono_after(now, p->owed > 0 ? ms : 0);
    b->lessons++;
}

void bus_late_unanswered(struct bus *b, int i, mono_ms now)
{
    struct bus_peer *p = &b->peers[b->jobs[i].peer];
    if (blind_of(b, i) == 0)
        return;
    if (p->owed == 0)
        p->owed_since = b->started;
    if (p->owed < UINT8_MAX)
        p->owed++;
    doubt(b, b->jobs[i].peer, now);
    p->doubt_until = mono_later(p->doubt_until, mono_after(now, b->timing.hope_ms));
}

void bus_late_answered(struct bus *b, int i, mono_ms now)
{
    const struct bus_job *job = &b->jobs[i];
    if (b->peers[job->peer].owed > 0 && blind_of(b, i) != 0)
        doubt(b, job->peer, now);
}

void bus_late_came(struct bus *b, mono_ms now)
{
    struct bus_peer *p = &b->peers[b->last_peer];
    if (p->owed == 0)
        return;
    int32_t late_ms = (int32_t)(now.ms - b->started.ms);
    if (late_ms > p->late_ms)
        p->late_ms = late_ms;
    p->owed--;
    doubt(b, b->last_peer, now);
}
