#include "centre/centre.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"

static void die(struct centre *c, enum err why)
{
    if (c->state == CENTRE_DEAD)
        return;
    c->state = CENTRE_DEAD;
    c->err = why;
    c->waiting = false;
}

/* --- sending ---------------------------------------------------------------------------------- */

/* `xml` stands in scratch[0]. */
static enum err put(struct centre *c, struct bytes xml, bool data)
{
    const struct centre_profile *p = c->profile;
    bool hidden = p->hides == CENTRE_HIDES_ALL || (p->hides == CENTRE_HIDES_DATA && data);
    struct centre_frame f = {c->serial + 1, xml};
    if (hidden) {
        if (xml.len > CENTRE_XML_MAX - 32)
            return ERR_FULL;
        f.body = (struct bytes){c->scratch[1], centre_hide(p, xml, c->scratch[1])};
    }
    struct writer w = writer_of(c->output + c->output_len, sizeof c->output - c->output_len);
    centre_frame_put(p, &f, &w);
    if (w.err != ERR_OK || f.body.len > CENTRE_XML_MAX - 4)
        return ERR_FULL;
    c->serial++;
    c->output_len += w.len;
    return ERR_OK;
}

static struct writer page(struct centre *c)
{
    return writer_of(c->scratch[0], sizeof c->scratch[0]);
}

/* Our own small messages always fit unless the peer does not read. */
static void put_small(struct centre *c, enum err built, const struct writer *w)
{
    enum err e = built == ERR_OK ? put(c, (struct bytes){w->data, w->len}, false) : built;
    if (e != ERR_OK)
        die(c, e);
}

void centre_begin(struct centre *c, const struct centre_profile *profile, mono_ms now)
{
    c->profile = profile;
    c->state = CENTRE_ASKING;
    c->err = ERR_OK;
    c->serial = 0;
    c->input_len = c->output_len = 0;
    c->beating = c->waiting = c->written_off = c->time_told = c->queried = false;
    c->took = c->minutes = 0;
    c->limit = mono_after(now, CENTRE_OPENING_MS);
    c->beat = MONO_NEVER;
    struct writer w = page(c);
    put_small(c, centre_xml_request(profile, &w), &w);
}

static void beat(struct centre *c, mono_ms now)
{
    struct writer w = page(c);
    put_small(c, centre_xml_heartbeat(c->profile, &w), &w);
    c->beating = true;
    c->written_off = c->waiting;
    c->beat = mono_after(now, c->profile->heartbeat_ms);
    c->limit = mono_earlier(c->limit, mono_after(now, CENTRE_ANSWER_MS));
}

bool centre_ready(const struct centre *c)
{
    return c->state == CENTRE_OPEN && !c->waiting && c->took == 0;
}

enum err centre_send(struct centre *c, mono_ms now, const struct centre_report *r)
{
    MUST(r->sequence >= 1);
    if (!centre_ready(c))
        return ERR_STATE;
    struct writer w = page(c);
    TRY(centre_xml_report(c->profile, r, &w));
    TRY(put(c, (struct bytes){w.data, w.len}, true));
    c->waiting = true;
    c->written_off = false;
    c->sequence = r->sequence;
    if (c->profile->ack == CENTRE_ACK_HEARTBEAT) {
        beat(c, now);
        return c->state == CENTRE_DEAD ? c->err : ERR_OK;
    }
    c->limit = mono_earlier(c->limit, mono_after(now, CENTRE_ANSWER_MS));
    return ERR_OK;
}

bool centre_queried(const struct centre *c)
{
    return c->state == CENTRE_OPEN && c->queried;
}

/* A centre that asks and does not read is not answered again. */
enum err centre_reply(struct centre *c, const struct centre_report *r)
{
    struct centre_report reply = *r;
    if (!centre_queried(c) || c->output_len > 0)
        return ERR_STATE;
    struct writer w = page(c);
    reply.reply = true;
    TRY(centre_xml_report(c->profile, &reply, &w));
    TRY(put(c, (struct bytes){w.data, w.len}, true));
    c->queried = false;
    return ERR_OK;
}

/* --- hearing ---------------------------------------------------------------------------------- */

static void settle(struct centre *c)
{
    if (!c->waiting && !c->beating)
        c->limit = MONO_NEVER;
}

static void arrived(struct centre *c)
{
    c->waiting = false;
    c->took = c->sequence;
}

static void take_time(struct centre *c, const char *text)
{
    if (strlen(text) >= sizeof c->time || text[0] == '\0')
        return;
    memcpy(c->time, text, strlen(text) + 1);
    c->time_told = true;
}

static void take_result(struct centre *c, const struct centre_answer *a, mono_ms now)
{
    if (!a->good) {
        die(c, ERR_CENTRE_REFUSED);
        return;
    }
    c->state = CENTRE_OPEN;
    c->limit = MONO_NEVER;
    c->beat = mono_after(now, c->profile->heartbeat_ms);
    take_time(c, a->text);
}

/* An answer without a sequence is to the only report there is; one with another is an older one's.
 */
static void take_ack(struct centre *c, const struct centre_answer *a)
{
    char mine[24];
    snprintf(mine, sizeof mine, "%" PRId64, c->sequence);
    if (c->waiting && (a->text[0] == '\0' || strcmp(a->text, mine) == 0))
        arrived(c);
}

static void take_open(struct centre *c, const struct centre_answer *a)
{
    struct writer w = page(c);
    switch (a->kind) {
    case CENTRE_TIME:
        c->beating = false;
        take_time(c, a->text);
        if (c->waiting && c->written_off && c->profile->ack == CENTRE_ACK_HEARTBEAT)
            arrived(c);
        break;
    case CENTRE_ACK:
        take_ack(c, a);
        break;
    case CENTRE_PERIOD:
        c->minutes = a->minutes;
        put_small(c, centre_xml_period_ack(c->profile, &w), &w);
        break;
    case CENTRE_QUERY:
        c->queried = true;
        break;
    case CENTRE_RESULT:
        if (!a->good)
            die(c, ERR_CENTRE_REFUSED); /* it takes its word back */
        break;
    default:
        break; /* words that we do not know change nothing */
    }
    settle(c);
}

static void take_answer(struct centre *c, const struct centre_answer *a, mono_ms now)
{
    if (c->state == CENTRE_OPEN) {
        take_open(c, a);
    } else if (c->state == CENTRE_ASKING && a->kind == CENTRE_SEQUENCE) {
        struct writer w = page(c);
        c->state = CENTRE_PROVING;
        put_small(c, centre_xml_proof(c->profile, a->text, &w), &w);
    } else if (c->state != CENTRE_DEAD && a->kind == CENTRE_RESULT) {
        take_result(c, a, now);
    }
}

/* Some centres answer in clear what they want hidden. */
static enum err read_frame(struct centre *c, const struct centre_frame *f, mono_ms now)
{
    struct bytes xml = f->body;
    struct centre_answer a;
    size_t len;
    if (xml.len > 0 && xml.data[0] != '<' && c->profile->hides != CENTRE_HIDES_NOTHING) {
        TRY(centre_unhide(c->profile, xml, c->scratch[1], &len));
        xml = (struct bytes){c->scratch[1], len};
    }
    TRY(centre_answer_take(xml, &a));
    take_answer(c, &a, now);
    return ERR_OK;
}

void centre_input(struct centre *c, mono_ms now, struct bytes data)
{
    while (data.len > 0 && c->state != CENTRE_DEAD && c->state != CENTRE_CLOSED) {
        size_t n = sizeof c->input - c->input_len, used;
        struct centre_frame f;
        n = data.len < n ? data.len : n;
        memcpy(c->input + c->input_len, data.data, n);
        c->input_len += n;
        data = (struct bytes){data.data + n, data.len - n};
        enum err e;
        while ((e = centre_frame_take(c->profile, (struct bytes){c->input, c->input_len}, &f,
                                      &used)) == ERR_OK &&
               c->state != CENTRE_DEAD) {
            enum err said = read_frame(c, &f, now);
            if (said != ERR_OK)
                die(c, said);
            memmove(c->input, c->input + used, c->input_len - used);
            c->input_len -= used;
        }
        if (e != ERR_OK && e != ERR_TRUNCATED)
            die(c, e);
    }
}

/* --- time and the rest ------------------------------------------------------------------------ */

mono_ms centre_wake(const struct centre *c)
{
    if (c->state == CENTRE_DEAD || c->state == CENTRE_CLOSED)
        return MONO_NEVER;
    return mono_earlier(c->limit, c->state == CENTRE_OPEN && !c->beating ? c->beat : MONO_NEVER);
}

void centre_tick(struct centre *c, mono_ms now)
{
    if (c->state == CENTRE_DEAD || c->state == CENTRE_CLOSED)
        return;
    if (mono_due(c->limit, now))
        die(c, ERR_CENTRE_SILENT);
    else if (c->state == CENTRE_OPEN && !c->beating && mono_due(c->beat, now))
        beat(c, now);
}

struct bytes centre_output(const struct centre *c)
{
    return (struct bytes){c->output, c->output_len};
}

void centre_output_taken(struct centre *c)
{
    c->output_len = 0;
}

int64_t centre_took(struct centre *c)
{
    int64_t took = c->took;
    c->took = 0;
    return took;
}

const char *centre_told_time(struct centre *c)
{
    bool told = c->time_told;
    c->time_told = false;
    return told ? c->time : NULL;
}

int64_t centre_told_minutes(struct centre *c)
{
    int64_t minutes = c->minutes;
    c->minutes = 0;
    return minutes;
}

enum err centre_error(const struct centre *c)
{
    return c->err;
}
