#include "sim/endure/endure_impl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/books.h"
#include "base/must.h"

#define SAMPLES_MAX 8192
#define STEP_S 60 /* of a sealed day's samples */

/* --- at most once ----------------------------------------------------------------------------- */

static unsigned times_applied(const struct endure *t, size_t meter, int64_t amount_fen)
{
    const struct sim_meter *m = &t->world.meters[meter];
    unsigned n = 0;
    for (size_t i = 0; i < m->applied_count; i++)
        n += m->applied[i].amount_fen == amount_fen;
    return n;
}

static void watch_sales(struct endure *t)
{
    uint64_t applied = 0;
    for (size_t i = 0; i < t->world.meter_count; i++)
        applied += t->world.meters[i].applied_count;
    if (applied == t->applied_seen)
        return;
    t->applied_seen = applied;
    for (size_t i = 0; i < t->order_count; i++)
        if (times_applied(t, t->orders[i].meter, t->orders[i].amount_fen) > 1)
            endure_violation(t, &t->result->doubled, "doubled", t->orders[i].id);
}

/* --- cuts ------------------------------------------------------------------------------------- */

#define SETTLED_S 300 /* older orders are over by then */

struct closing {
    struct endure *t;
    size_t meter, circuit;
    int64_t held;
};

static enum err count_held(struct store_tx *tx, void *arg)
{
    struct closing *c = arg;
    return store_int(tx, &c->held,
                     "SELECT count(*) FROM relay WHERE meter_id = $1 AND circuit IN (0, $2) "
                     "AND desired = 'open' AND next_at IS NULL AND changed_at <= $3 "
                     "AND NOT EXISTS (SELECT 1 FROM command c WHERE c.meter_id = relay.meter_id "
                     "AND c.kind = 'relay' AND c.state = 'fencing')",
                     "iii", c->t->world.meter_ids[c->meter], (int64_t)c->circuit + 1,
                     world_wall(&c->t->world).s - SETTLED_S);
}

/* Closed by an order that nobody takes back, though the platform wants it open and was told that it
 * is. */
static void watch_closing(struct endure *t, size_t meter, size_t circuit)
{
    struct closing c = {t, meter, circuit, 0};
    char which[64];
    snprintf(which, sizeof which, "meter %zu, circuit %zu", meter, circuit + 1);
    if (t->world.platform &&
        store_read(platform_ledger(t->world.platform), count_held, &c) == ERR_OK && c.held > 0)
        endure_violation(t, &t->result->faults, "closed against a cut that stands:", which);
}

static void watch_relays(struct endure *t)
{
    for (size_t m = 0; m < t->world.meter_count; m++) {
        struct terminal_output out = terminal_output(&t->world.meters[m].terminal);
        for (size_t c = 0; c < out.circuits; c++) {
            bool cut = world_cut_by_order(&out, c);
            t->result->cuts += cut && !t->cut[m][c];
            if (t->cut[m][c] && out.closed[c]) {
                t->result->restores++;
                watch_closing(t, m, c);
            }
            if (cut && !t->cut[m][c] && !world_may_be_cut(&t->world, m, c))
                endure_violation(t, &t->result->late_cuts, "cut too late, or overtaken", "");
            t->cut[m][c] = cut;
        }
    }
}

void endure_watch(struct endure *t)
{
    watch_sales(t);
    watch_relays(t);
}

/* --- what the gateway said -------------------------------------------------------------------- */

static void remember(struct endure *t, const struct uplink_reading *r)
{
    for (size_t i = 0; i < r->point_count; i++) {
        if (r->points[i].point != POINT_ENERGY_WH)
            continue;
        if (t->told_count == t->told_cap) {
            t->told_cap = t->told_cap ? 2 * t->told_cap : 4096;
            t->told = realloc(t->told, t->told_cap * sizeof *t->told);
            MUST(t->told);
        }
        t->told[t->told_count++] = (struct endure_told){r->meter_id, r->at.s, r->points[i].value};
    }
}

void endure_said(void *arg, const struct uplink_message *m)
{
    struct endure *t = arg;
    if (m->epoch == t->said_epoch && m->seq <= t->said_seq)
        return; /* once more */
    bool begins = m->epoch != t->said_epoch;
    if (t->said_epoch != 0 && !begins)
        t->missing += m->seq - t->said_seq - 1;
    if (m->kind == UPLINK_EVENT && m->event.kind == UPLINK_QUEUE_DROPPED)
        t->dropped += m->event.value;
    if (begins && t->said_epoch != 0)
        endure_violation(t, &t->result->gaps, "the gateway's queue went back in time", "");
    t->said_epoch = m->epoch;
    t->said_seq = m->seq;
    for (size_t i = 0; m->kind == UPLINK_READINGS && i < m->readings.count; i++)
        remember(t, &m->readings.readings[i]);
}

/* --- under way -------------------------------------------------------------------------------- */

static enum err count_open(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg,
                     "SELECT (SELECT count(*) FROM sale_order WHERE state IN "
                     "('CREATED', 'PAID', 'BOUND', 'FENCED', 'CONFLICT')) + "
                     "(SELECT count(*) FROM relay WHERE next_at IS NOT NULL) + "
                     "(SELECT count(*) FROM command WHERE state IN ('waiting', 'fencing'))",
                     "");
}

bool endure_settled(struct endure *t)
{
    struct gateway_status s;
    int64_t open;
    if (!t->world.platform || !t->world.gateway)
        return false;
    for (size_t i = 0; i < t->order_count; i++)
        if (!t->orders[i].answered || t->orders[i].cancel_at.ms != INT64_MAX)
            return false;
    gateway_status_get(t->world.gateway, &s);
    if (!s.welcomed || s.acked_seq != s.last_seq || s.commands_waiting + s.commands_started > 0)
        return false;
    return store_read(platform_ledger(t->world.platform), count_open, &open) == ERR_OK && open == 0;
}

/* --- the end: sales --------------------------------------------------------------------------- */

static void judge_state(struct endure *t, const struct vend_status *s, unsigned applied)
{
    struct endure_result *r = t->result;
    r->confirmed += s->state == VEND_CONFIRMED;
    r->refunded += s->state == VEND_REFUNDED;
    r->rejected += s->state == VEND_REJECTED;
    r->booked += s->state == VEND_BOOKED;
    if (s->state == VEND_CONFIRMED && applied == 0)
        endure_violation(t, &r->lost, "confirmed but not in the meter:", s->order_id);
    if ((s->state == VEND_REFUNDED || s->state == VEND_REJECTED) && applied > 0)
        endure_violation(t, &r->doubled, "money back, but also in the meter:", s->order_id);
    if (s->state != VEND_CONFIRMED && s->state != VEND_REFUNDED && s->state != VEND_REJECTED &&
        s->state != VEND_BOOKED)
        endure_violation(t, &r->stuck, "not final:", s->order_id);
    if (applied > 1)
        endure_violation(t, &r->doubled, "doubled", s->order_id);
}

static enum err judge_order(void *arg, const struct vend_status *s)
{
    struct endure *t = arg;
    for (size_t i = 0; i < t->order_count; i++) {
        struct endure_order *o = &t->orders[i];
        if (strcmp(o->id, s->order_id) != 0)
            continue;
        o->judged = true;
        judge_state(t, s, times_applied(t, o->meter, o->amount_fen));
    }
    return ERR_OK;
}

static enum err judge_sales(struct store_tx *tx, void *arg)
{
    struct endure *t = arg;
    TRY(vend_list(tx, &(struct vend_filter){.limit = 2 * ENDURE_ORDERS_MAX}, judge_order, t));
    for (size_t i = 0; i < t->order_count; i++)
        if (!t->orders[i].judged)
            endure_violation(t, &t->result->lost, "an answered order is gone", t->orders[i].id);
    return ERR_OK;
}

/* --- readings --------------------------------------------------------------------------------- */

struct kept {
    struct endure *t;
    int64_t meter_id;
    struct readings_sample samples[SAMPLES_MAX];
    size_t count;
};

static enum err read_kept(struct store_tx *tx, void *arg)
{
    struct kept *k = arg;
    const struct readings_span span = {.meter_id = k->meter_id,
                                       .point = POINT_ENERGY_WH,
                                       .from = k->t->world.wall0,
                                       .to = {world_wall(&k->t->world).s + 1},
                                       .step_s = 1};
    return readings_series(platform_readings(k->t->world.platform), tx, &span, k->samples,
                           SAMPLES_MAX, &k->count);
}

/* As it was said; or, of a day that was sealed (perhaps before the reading came), one of its
 * minute.
 */
static bool has(const struct kept *k, const struct endure_told *told)
{
    size_t low = 0, high = k->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (k->samples[middle].at.s / STEP_S < told->at / STEP_S)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < k->count && k->samples[low].at.s / STEP_S == told->at / STEP_S; low++)
        if (k->samples[low].at.s % STEP_S == 0 ||
            (k->samples[low].at.s == told->at && k->samples[low].value == told->energy_wh))
            return true;
    return false;
}

static void judge_meter(struct endure *t, struct kept *k)
{
    char which[64];
    snprintf(which, sizeof which, "of meter %" PRId64, k->meter_id);
    for (size_t i = 1; i < k->count; i++)
        if (k->samples[i].at.s <= k->samples[i - 1].at.s ||
            k->samples[i].value < k->samples[i - 1].value)
            endure_violation(t, &t->result->gaps, "readings are not in order", which);
    for (size_t i = 0; i < t->told_count; i++) {
        if (t->told[i].meter_id != k->meter_id)
            continue;
        t->result->readings++;
        if (has(k, &t->told[i]))
            continue;
        world_note(&t->world, "not kept: at, Wh", t->told[i].at - t->world.wall0.s,
                   t->told[i].energy_wh);
        endure_violation(t, &t->result->gaps, "a reading was said and is not kept", which);
    }
}

static enum err count_refused(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM reading_event WHERE kind <> 'gap'", "");
}

static enum err judge_readings(struct endure *t)
{
    if (t->missing != t->dropped)
        endure_violation(t, &t->result->gaps, "the gateway's queue has a hole", "");
    struct store *s = platform_readings_store(t->world.platform);
    struct kept *k = calloc(1, sizeof *k);
    MUST(k);
    k->t = t;
    enum err e = ERR_OK;
    for (size_t m = 0; m < t->world.meter_count && e == ERR_OK; m++) {
        k->meter_id = t->world.meter_ids[m];
        e = store_read(s, read_kept, k);
        if (e == ERR_OK)
            judge_meter(t, k);
    }
    free(k);
    int64_t refused = 0;
    if (e == ERR_OK)
        e = store_read(s, count_refused, &refused);
    if (e == ERR_OK && refused > 0)
        endure_violation(t, &t->result->gaps, "readings were refused", "");
    return e;
}

/* --- relays, lines, books --------------------------------------------------------------------- */

static void judge_relays(struct endure *t)
{
    for (size_t m = 0; m + 1 < t->world.meter_count; m++) {
        struct terminal_output out = terminal_output(&t->world.meters[m].terminal);
        for (size_t c = 0; c < out.circuits; c++)
            if (world_cut_by_order(&out, c))
                endure_violation(t, &t->result->stuck, "a meter was not restored", "");
    }
}

static enum err count_more(struct store_tx *tx, void *arg)
{
    struct endure_result *r = arg;
    int64_t settlements, lines;
    TRY(store_int(tx, &settlements, "SELECT count(*) FROM settlement", ""));
    TRY(store_int(tx, &lines, "SELECT count(*) FROM line_hour", ""));
    r->settlements = (uint64_t)settlements;
    r->lines_told = (uint64_t)lines;
    return ERR_OK;
}

static void fault_found(void *arg, const char *part, const char *what)
{
    struct endure *t = arg;
    endure_violation(t, &t->result->faults, part, what);
}

static void no_progress(void *arg, const char *part, int64_t done)
{
    (void)arg;
    (void)part;
    (void)done;
}

static enum err judge_books(struct endure *t)
{
    struct platform *p = t->world.platform;
    const struct books_watch watch = {fault_found, no_progress, t};
    struct books_report report;
    TRY(books_check(platform_ledger(p), platform_readings_store(p), &(struct books_expected){0},
                    &watch, &report));
    return store_read(platform_ledger(p), count_more, t->result);
}

void endure_judge(struct endure *t)
{
    enum err e = store_read(platform_ledger(t->world.platform), judge_sales, t);
    if (e == ERR_OK)
        e = judge_readings(t);
    if (e == ERR_OK)
        e = judge_books(t);
    if (e != ERR_OK)
        endure_violation(t, &t->result->faults, err_name(e), "while judging");
    judge_relays(t);
}
