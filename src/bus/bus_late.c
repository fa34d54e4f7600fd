/*
 * A meter that is slow, or sits behind something that keeps requests waiting, answers a question
 * after it was given up and repeated; of the two answers the second would be taken for the next
 * question's, and so on for ever. A Modbus answer does not say which registers it tells, so it
 * would become another register's value; other answers say that, but not when they were asked: a
 * state that was read before an order would become its proof. So it is counted what each meter
 * owes, and no question of the kind goes to it that this could concern, until that came or is past
 * hope.
 */
#include "bus/bus_impl.h"

#define DOUBT_MAX_MS 10'000

uint32_t bus_late_blind(const struct bus *b, int i)
{
    const struct bus_job *job = &b->jobs[i];
    const struct meter_link *link = bus_link_of(b, job->peer);
    return link->blind ? link->blind((struct bytes){job->request, job->len}) : 0;
}

/* What the peer owes, or owed, of this kind; NULL: nothing. */
static struct bus_owed *find(struct bus_peer *p, uint32_t blind)
{
    for (size_t k = 0; blind != 0 && k < BUS_OWED; k++)
        if (p->owed[k].blind == blind)
            return &p->owed[k];
    return NULL;
}

static struct bus_owed *find_of(struct bus *b, int i)
{
    return find(&b->peers[b->jobs[i].peer], b->blind[i]);
}

static bool owes(const struct bus_peer *p)
{
    bool any = false;
    for (size_t k = 0; k < BUS_OWED; k++)
        any = any || p->owed[k].count > 0;
    return any;
}

/* Repeats of one question may answer for one another. */
mono_ms bus_late_until(const struct bus *b, int i)
{
    const struct bus_job *job = &b->jobs[i];
    const struct bus_peer *p = &b->peers[job->peer];
    if (!owes(p) || (bus_link_of(b, job->peer)->named && !job->news))
        return (mono_ms){0};
    for (size_t k = 0; k < BUS_OWED; k++)
        if (b->blind[i] != 0 && p->owed[k].blind == b->blind[i] && p->owed[k].count > 0 &&
            p->owed[k].by != b->order[i])
            return p->owed[k].until;
    return (mono_ms){0};
}

mono_ms bus_owes_until(const struct bus *b, uint16_t peer)
{
    const struct bus_peer *p = &b->peers[peer];
    mono_ms until = {0};
    for (size_t k = 0; k < BUS_OWED && !bus_link_of(b, peer)->named; k++)
        until = mono_later(until, p->owed[k].until);
    return until;
}

/* A place for another kind: the one that is out of doubt first. */
static struct bus_owed *place_of(struct bus_peer *p)
{
    struct bus_owed *o = &p->owed[0];
    for (size_t k = 1; k < BUS_OWED; k++)
        if (p->owed[k].until.ms < o->until.ms)
            o = &p->owed[k];
    return o;
}

void bus_late_asked(struct bus *b, int i)
{
    struct bus_owed *o = find_of(b, i);
    if (b->blind[i] == 0 || (o && o->by == b->order[i]))
        return;
    bool doubtful = o && o->count > 0 && !mono_due(o->until, b->now);
    if (!o)
        o = place_of(&b->peers[b->jobs[i].peer]);
    if (!doubtful)
        *o = (struct bus_owed){.blind = b->blind[i]};
    o->by = b->order[i];
}

/* What is owed comes one by one, each as late as the first one is or was. */
static void doubt(struct bus *b, uint16_t peer, struct bus_owed *o, mono_ms now)
{
    int64_t ms = o->count * (now.ms - o->since.ms) + bus_wait_of(b, peer);
    if (ms > DOUBT_MAX_MS)
        ms = DOUBT_MAX_MS;
    o->until = mono_after(now, o->count > 0 ? ms : 0);
    b->lessons++;
}

void bus_late_unanswered(struct bus *b, int i, mono_ms now)
{
    struct bus_owed *o = find_of(b, i);
    if (!o)
        return;
    if (o->count == 0)
        o->since = b->started;
    if (o->count < UINT8_MAX)
        o->count++;
    doubt(b, b->jobs[i].peer, o, now);
    o->until = mono_later(o->until, mono_after(now, b->timing.hope_ms));
}

void bus_late_answered(struct bus *b, int i, mono_ms now)
{
    struct bus_owed *o = find_of(b, i);
    if (o && o->count > 0)
        doubt(b, b->jobs[i].peer, o, now);
}

void bus_late_came(struct bus *b, mono_ms now)
{
    struct bus_peer *p = &b->peers[b->last_peer];
    struct bus_owed *o = find(p, b->last_blind);
    if (!o || o->count == 0)
        return;
    int32_t late_ms = (int32_t)(now.ms - b->started.ms);
    if (late_ms > p->late_ms)
        p->late_ms = late_ms;
    o->count--;
    doubt(b, b->last_peer, o, now);
}
