#include "app/platform/platform.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "app/platform/platform_impl.h"
#include "base/must.h"
#include "journal/journal.h"

uint64_t platform_draw(struct platform *p)
{
    return p->options.random(p->options.ctx);
}

/* --- a turn --------------------------------------------------------------------------------------
 */

static enum err nothing(struct store_tx *tx, void *arg)
{
    (void)tx;
    (void)arg;
    return ERR_OK;
}

/* Runs with the batches of this turn: if the common commit failed, memory says more than the disk.
 */
static void readings_answered(void *arg, enum err result)
{
    struct platform *p = arg;
    p->readings_stale = p->readings_stale || result != ERR_OK;
}

static enum err reload(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    return readings_load(p->readings, tx);
}

static void flush_readings(struct platform *p)
{
    if (store_waiting(p->readings_store) == 0)
        return;
    store_submit(p->readings_store, nothing, readings_answered, p);
    store_flush(p->readings_store);
    if (p->readings_stale) {
        enum err e = store_read(p->readings_store, reload, p);
        p->readings_stale = e != ERR_OK;
        if (e == ERR_STORE)
            p->failure = e;
    }
}

static void publish_order(const struct platform_watch *w, int64_t account_id, const char *detail)
{
    json_t *facts = json_loads(detail, 0, NULL);
    const char *order_id = json_string_value(json_object_get(facts, "order"));
    if (order_id)
        w->order(w->ctx, account_id, order_id);
    json_decref(facts);
}

static void publish_event(const struct platform_watch *w, const struct query *q)
{
    int64_t account_id = query_int(q, 1), meter_id = query_int(q, 2);
    if (w->event)
        w->event(w->ctx, query_int(q, 0));
    if (w->account && account_id != 0)
        w->account(w->ctx, account_id);
    if (w->meter && meter_id != 0)
        w->meter(w->ctx, meter_id);
    if (w->order && account_id != 0)
        publish_order(w, account_id, query_text(q, 3));
}

static enum err publish(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    bool site_changed = false;
    struct query q = query_open(tx,
                                "SELECT id, coalesce(account_id, 0), coalesce(meter_id, 0), "
                                "detail, kind FROM event WHERE id > $1 ORDER BY id",
                                "i", p->event_seen);
    while (query_step(&q)) {
        publish_event(&p->watch, &q);
        p->event_seen = query_int(&q, 0);
        site_changed =
            site_changed || strcmp(query_text(&q, 4), journal_kind_name(EVENT_SITE_IMPORTED)) == 0;
    }
    TRY(query_end(&q));
    return site_changed ? billing_place_meters(tx, p->readings) : ERR_OK;
}

void platform_note_read(struct platform *p, int64_t meter_id)
{
    if (p->read_count == p->read_cap) {
        p->read_cap = p->read_cap ? p->read_cap * 2 : 256;
        p->read = realloc(p->read, p->read_cap * sizeof *p->read);
        MUST(p->read);
    }
    p->read[p->read_count++] = meter_id;
}

/* Balance, power and age have changed, though nothing happened that is an event. */
static void publish_read(struct platform *p)
{
    for (size_t i = 0; i < p->read_count && p->watch.meter; i++)
        p->watch.meter(p->watch.ctx, p->read[i]);
    p->read_count = 0;
}

static void flush_ledger(struct platform *p)
{
    if (store_waiting(p->ledger) == 0)
        return;
    store_flush(p->ledger);
    headend_poke(p->headend, 0, p->now);
    publish_read(p);
    enum err e = store_read(p->ledger, publish, p);
    if (e == ERR_STORE)
        p->failure = e;
}

bool platform_turn(struct platform *p, struct uplink_now clock)
{
    p->more = false;
    platform_clock_look(p, clock);
    platform_do_due(p);
    flush_readings(p);
    flush_ledger(p);
    return p->more || store_waiting(p->ledger) > 0 || store_waiting(p->readings_store) > 0;
}

mono_ms platform_wake(const struct platform *p)
{
    mono_ms next = mono_earlier(p->next_scan, p->next_clerk);
    return mono_earlier(next, headend_wake(p->headend));
}

enum err platform_failure(const struct platform *p)
{
    return p->failure;
}

/* --- start and end -------------------------------------------------------------------------------
 */

static enum err remember(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    TRY(store_int(tx, &p->event_seen, "SELECT coalesce(max(id), 0) FROM event", ""));
    TRY(platform_clock_begin(tx, p, p->now));
    return billing_place_meters(tx, p->readings);
}

static enum err open_stores(struct platform *p)
{
    const struct platform_options *o = &p->options;
    TRY(store_open(&p->ledger, &(struct store_config){
                                   .kind = STORE_LEDGER, .path = o->ledger_path, .vfs = o->vfs}));
    return store_open(
        &p->readings_store,
        &(struct store_config){.kind = STORE_READINGS, .path = o->readings_path, .vfs = o->vfs});
}

static enum err open_rooms(struct platform *p)
{
    TRY(open_stores(p));
    TRY(readings_new(&p->readings));
    p->clerk = (struct billing_clerk){
        .billing = {.readings = p->readings, .readings_store = p->readings_store},
        .ledger = p->ledger};
    TRY(store_read(p->ledger, remember, p));
    TRY(store_read(p->readings_store, reload, p));
    p->notify = platform_notify(p);
    return headend_new(&p->headend, &(struct headend_config){.ledger = p->ledger,
                                                             .readings = p->readings_store,
                                                             .io = p->options.links,
                                                             .sinks = platform_sinks(p)});
}

enum err platform_open(struct platform **out, const struct platform_options *options,
                       struct uplink_now clock)
{
    struct platform *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_MEMORY;
    p->options = *options;
    p->now = clock;
    p->next_scan = p->next_clerk = p->next_note = p->full_again = clock.mono;
    enum err e = open_rooms(p);
    if (e != ERR_OK) {
        platform_close(p);
        return e;
    }
    *out = p;
    return ERR_OK;
}

void platform_close(struct platform *p)
{
    if (!p)
        return;
    headend_free(p->headend);
    store_close(p->ledger);
    store_close(p->readings_store);
    readings_free(p->readings);
    free(p->read);
    free(p);
}

void platform_watch_set(struct platform *p, const struct platform_watch *watch)
{
    p->watch = *watch;
}

struct store *platform_ledger(struct platform *p)
{
    return p->ledger;
}

struct store *platform_readings_store(struct platform *p)
{
    return p->readings_store;
}

struct readings *platform_readings(struct platform *p)
{
    return p->readings;
}

struct headend *platform_headend(struct platform *p)
{
    return p->headend;
}
