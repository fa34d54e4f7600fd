/* Durable messages: into the stores in the gateway's order, acknowledged when they are there. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "headend/headend_impl.h"
#include "journal/journal.h"

void headend_drop_entries(struct headend_session *s)
{
    while (s->first) {
        struct headend_entry *e = s->first;
        s->first = e->next;
        free(e);
    }
    s->last = NULL;
    s->queued = 0;
}

static void acknowledge(struct headend_session *s)
{
    struct uplink_message m = {.kind = UPLINK_ACK, .ack = {s->done_epoch, s->done_seq}};
    enum err e = uplink_send(&s->link, &m);
    if (e != ERR_OK && e != ERR_FULL) /* a later one says more */
        headend_end(s, e, 0);
    else
        headend_flush(s);
}

/* Errors that another attempt may pass, or that only a restart can heal. */
static bool is_ours(enum err e)
{
    return err_class_of(e) == ERR_CLASS_RETRY || err_class_of(e) == ERR_CLASS_BUG ||
           e == ERR_STORE || e == ERR_STORE_CORRUPT || e == ERR_UPLINK_EPOCH;
}

/* --- one message in the ledger
 * -------------------------------------------------------------------------- */

struct job { /* of either store */
    struct headend_job job;
    struct headend_entry *entry;
    wall_s now;
    bool out_of_order;
};

static struct headend_batch batch_of(const struct job *j, const struct uplink_message *m)
{
    const struct headend_entry *e = j->entry;
    return (struct headend_batch){.gateway_id = e->session->gateway_id,
                                  .epoch = e->epoch,
                                  .seq = e->seq,
                                  .now = j->now,
                                  .body = {e->raw, e->len},
                                  .readings = &m->readings};
}

static enum err is_own(struct store_tx *tx, int64_t gateway_id, int64_t meter_id, bool *own)
{
    int64_t of = 0;
    enum err e = headend_gateway_of_meter(tx, meter_id, &of);
    *own = e == ERR_OK && of == gateway_id;
    return e == ERR_NOT_FOUND ? ERR_OK : e;
}

struct sorting {
    int64_t gateway_id;
    struct uplink_readings *readings;
};

/* A gateway speaks for its own meters only; others' readings are left out. */
static enum err leave_out(struct store_tx *tx, void *arg)
{
    const struct sorting *s = arg;
    size_t kept = 0;
    for (size_t i = 0; i < s->readings->count; i++) {
        bool own;
        TRY(is_own(tx, s->gateway_id, s->readings->readings[i].meter_id, &own));
        if (own && kept != i)
            s->readings->readings[kept] = s->readings->readings[i];
        kept += own;
    }
    s->readings->count = kept;
    return ERR_OK;
}

#define NUMBER_MAX (INT64_C(1) << 53) /* far beyond any meter, and sums of a few stay numbers */

static bool in_range(int64_t v)
{
    return v >= -NUMBER_MAX && v <= NUMBER_MAX;
}

/* What is said becomes counts that go on and money that is added: nobody may push it to the end. */
static bool numbers_fit(const struct uplink_outcome *o)
{
    bool balance = o->balance_fen == INT64_MIN || in_range(o->balance_fen);
    return balance && in_range(o->count) && in_range(o->record_n) &&
           in_range(o->record_amount_fen) && in_range(o->purchased_fen) && in_range(o->version);
}

static enum err take_outcome(struct store_tx *tx, const struct job *j, struct uplink_outcome *o)
{
    if (!numbers_fit(o))
        return ERR_RANGE;
    struct headend *h = j->entry->session->headend;
    struct headend_closing closing = {
        j->entry->session->gateway_id, o, {j->entry->raw, j->entry->len}, j->now};
    struct headend_result r = {.gateway_id = closing.gateway_id, .now = j->now, .outcome = o};
    struct uplink_command command;
    bool fresh = true;
    enum err e = headend_command_close(tx, &closing, &fresh, &r.fenced_before);
    if (e == ERR_OK && !fresh)
        return ERR_OK;
    bool own = true;
    if (e == ERR_NOT_FOUND)
        TRY(is_own(tx, closing.gateway_id, o->meter_id, &own));
    if (!own)
        return ERR_HEADEND_METER;
    if (e == ERR_OK) {
        TRY(headend_command_read(tx, o->command_id, h->arena, &command));
        r.command = &command;
        if (o->status == UPLINK_FENCED) { /* a gateway that never saw it knows only the id */
            o->kind = command.kind;
            o->meter_id = command.meter_id;
            o->epoch = command.epoch;
            o->circuit = command.circuit;
            o->version = command.version;
        }
    } else if (e != ERR_NOT_FOUND) {
        return e;
    }
    return h->config.sinks.outcome ? h->config.sinks.outcome(h->config.sinks.ctx, tx, &r) : ERR_OK;
}

static enum err take_event(struct store_tx *tx, const struct job *j,
                           const struct uplink_event *event)
{
    const struct headend_session *s = j->entry->session;
    const struct headend_sinks *sinks = &s->headend->config.sinks;
    struct uplink_event dated = *event;
    struct headend_happening h = {s->gateway_id, s->project_id, s->serial, j->now, &dated};
    bool own = true;
    if (dated.at.s == 0)
        dated.at = j->now;
    if (event->meter_id != 0)
        TRY(is_own(tx, s->gateway_id, event->meter_id, &own));
    if (!own)
        return ERR_HEADEND_METER;
    return sinks->event ? sinks->event(sinks->ctx, tx, &h) : ERR_OK;
}

static enum err take_trip(struct store_tx *tx, const struct job *j, const struct uplink_trip *trip)
{
    const struct headend_session *s = j->entry->session;
    const struct headend_sinks *sinks = &s->headend->config.sinks;
    struct headend_told_trip t = {s->gateway_id, j->now, trip};
    bool own = true;
    TRY(is_own(tx, s->gateway_id, trip->meter_id, &own));
    if (!own)
        return ERR_HEADEND_METER;
    return sinks->trip ? sinks->trip(sinks->ctx, tx, &t) : ERR_OK;
}

static enum err take_content(struct store_tx *tx, const struct job *j)
{
    struct headend *h = j->entry->session->headend;
    const struct headend_sinks *sinks = &h->config.sinks;
    struct uplink_message m;
    if (j->entry->given_up != ERR_OK)
        return headend_note_now(tx, j->entry->session, j->entry->given_up, EVENT_GATEWAY_REFUSED);
    TRY(uplink_message_decode(j->entry->raw, j->entry->len, h->arena, &m));
    if (m.kind == UPLINK_OUTCOME)
        return take_outcome(tx, j, &m.outcome);
    if (m.kind == UPLINK_EVENT)
        return take_event(tx, j, &m.event);
    if (m.kind == UPLINK_TRIP)
        return take_trip(tx, j, &m.trip);
    TRY(leave_out(tx, &(struct sorting){j->entry->session->gateway_id, &m.readings}));
    struct headend_batch batch = batch_of(j, &m);
    return sinks->readings_ledger ? sinks->readings_ledger(sinks->ctx, tx, &batch) : ERR_OK;
}

static enum err ledger_work(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    struct headend_entry *e = j->entry;
    struct site_gateway g;
    if (!e || e->session->state != HEADEND_LIVE)
        return ERR_IO_CLOSED;
    TRY(site_gateway_get(tx, e->session->gateway_id, &g));
    if (g.boot_epoch != uplink_epoch(&e->session->link) || g.revoked)
        return ERR_UPLINK_EPOCH; /* fenced: nothing of it counts any more */
    /* A gateway whose queue file was lost begins a new epoch: then there is nothing before. */
    j->out_of_order =
        e->after_seq != 0 && (g.received_epoch != e->after_epoch || g.received_seq != e->after_seq);
    if (j->out_of_order)
        return ERR_UPLINK_SEQUENCE;
    TRY(take_content(tx, j));
    return site_gateway_received(tx, g.id, e->epoch, e->seq, j->now);
}

static void advance(struct headend_session *s);

/* What is behind it in this commit has failed with it, and goes in again after it. */
static void put_back(struct headend_session *s, struct job *j, enum err result)
{
    if (j->out_of_order && s->first == j->entry) {
        headend_end(s, result, 0); /* nothing before it can mend that: let it begin anew */
        return;
    }
    j->entry->step = HEADEND_READY;
    if (!j->out_of_order)
        j->entry->given_up = result;
    advance(s);
}

static void committed(struct headend_session *s, struct headend_entry *e)
{
    MUST(s->first == e);
    s->done_epoch = e->epoch;
    s->done_seq = e->seq;
    s->first = e->next;
    if (!s->first)
        s->last = NULL;
    s->queued--;
    free(e);
    if (s->first && s->first->step == HEADEND_LEDGER)
        return; /* it was in the same commit: one answer for all */
    acknowledge(s);
    if (s->headend->config.sinks.committed && !s->headend->freed)
        s->headend->config.sinks.committed(s->headend->config.sinks.ctx, s->gateway_id);
    if (s->state == HEADEND_LIVE)
        headend_pump(s);
}

static void ledger_done(void *arg, enum err result)
{
    struct job *j = arg;
    struct headend_session *s = j->job.session;
    if (s->state != HEADEND_LIVE) {
        free(j);
        return; /* its entries go with it */
    }
    if (result == ERR_OK)
        committed(s, j->entry);
    else if (is_ours(result) || (j->entry->given_up != ERR_OK && !j->out_of_order))
        headend_end(s, result, 0);
    else
        put_back(s, j, result);
    free(j);
}

/* --- readings, first part
 * ---------------------------------------------------------------------------------- */

static enum err readings_work(struct store_tx *tx, void *arg)
{
    struct job *j = arg;
    struct headend_session *s = j->job.session;
    struct headend *h = s->headend;
    struct uplink_message m;
    if (s->state != HEADEND_LIVE)
        return ERR_IO_CLOSED;
    TRY(uplink_message_decode(j->entry->raw, j->entry->len, h->arena, &m));
    struct sorting own = {s->gateway_id, &m.readings};
    size_t told = m.readings.count;
    TRY(store_read(h->config.ledger, leave_out, &own));
    struct headend_batch batch = batch_of(j, &m);
    struct writer w = writer_of(h->scratch, sizeof h->scratch);
    if (m.readings.count < told) { /* what is stored is what was taken */
        headend_note(s, ERR_HEADEND_METER, EVENT_GATEWAY_REFUSED);
        uplink_message_encode(&m, &w);
        batch.body = (struct bytes){w.data, w.len};
    }
    TRY(w.err);
    return h->config.sinks.readings ? h->config.sinks.readings(h->config.sinks.ctx, tx, &batch)
                                    : ERR_OK;
}

static void readings_done(void *arg, enum err result)
{
    struct job *j = arg;
    struct headend_session *s = j->job.session;
    struct headend_entry *e = j->entry;
    free(j);
    if (s->state != HEADEND_LIVE)
        return;
    if (result != ERR_OK && is_ours(result)) {
        headend_end(s, result, 0);
        return;
    }
    e->given_up = result;
    e->step = HEADEND_READY;
    advance(s);
}

/* --- the pipeline
 * ------------------------------------------------------------------------------------------- */

static void submit(struct headend_entry *e, struct store *store, store_work *work,
                   void (*done)(void *, enum err))
{
    struct job *j = malloc(sizeof *j);
    MUST(j);
    *j = (struct job){{e->session, work, done}, e, e->session->headend->now.wall, false};
    headend_submit(store, &j->job);
}

/* Into the ledger go messages whose predecessors are on their way there. */
static void advance(struct headend_session *s)
{
    const struct headend_config *c = &s->headend->config;
    bool in_order = true;
    for (struct headend_entry *e = s->first; e; e = e->next) {
        if (e->step == HEADEND_NEW && e->kind == UPLINK_READINGS) {
            e->step = HEADEND_READING;
            submit(e, c->readings, readings_work, readings_done);
        } else if (e->step == HEADEND_NEW) {
            e->step = HEADEND_READY;
        }
        if (in_order && e->step == HEADEND_READY) {
            e->step = HEADEND_LEDGER;
            submit(e, c->ledger, ledger_work, ledger_done);
        }
        in_order = in_order && e->step == HEADEND_LEDGER;
    }
}

void headend_take(struct headend_session *s, const struct uplink_message *m)
{
    if (m->epoch != s->taken_epoch || m->seq <= s->taken_seq) {
        if (m->epoch == s->done_epoch && m->seq <= s->done_seq)
            acknowledge(s); /* a repeat: it did not hear us */
        return;
    }
    struct bytes raw = uplink_last(&s->link);
    struct headend_entry *e = malloc(sizeof *e + raw.len);
    MUST(e);
    *e = (struct headend_entry){.session = s,
                                .kind = m->kind,
                                .epoch = m->epoch,
                                .seq = m->seq,
                                .after_epoch = s->taken_epoch,
                                .after_seq = s->taken_seq,
                                .len = raw.len};
    memcpy(e->raw, raw.data, raw.len);
    if (s->last)
        s->last->next = e;
    else
        s->first = e;
    s->last = e;
    s->queued++;
    s->taken_seq = m->seq;
    advance(s);
}
