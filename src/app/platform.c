#include "app/platform.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "billing/billing.h"
#include "control/control.h"
#include "control/fee.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "notify/notify.h"
#include "site/site.h"
#include "vend/vend.h"

#define SCAN_MS 1'000  /* vend, control and notify look for what is due */
#define CLERK_MS 5'000 /* billing looks for days to settle and to seal */
#define SCAN_LIMIT 500

struct platform {
    struct platform_options options;
    struct platform_watch watch;
    struct store *ledger, *readings_store;
    struct readings *readings;
    struct headend *headend;
    struct billing_clerk clerk;
    struct notify notify;
    struct uplink_now now;
    mono_ms next_scan, next_clerk;
    int64_t event_seen; /* events up to here were published */
    enum err failure;
    bool readings_stale; /* memory says more than the disk: a commit failed */
    bool more;
};

static uint64_t draw(struct platform *p)
{
    return p->options.random(p->options.ctx);
}

/* --- what gateways say ------------------------------------------------------------------------ */

static enum err take_readings(void *ctx, struct store_tx *tx, const struct headend_batch *batch)
{
    struct platform *p = ctx;
    struct readings_moved moved;
    return readings_ingest(p->readings, tx,
                           &(struct readings_batch){.gateway_id = batch->gateway_id,
                                                    .epoch = batch->epoch,
                                                    .seq = batch->seq,
                                                    .now = batch->now,
                                                    .body = batch->body,
                                                    .readings = batch->readings},
                           &moved);
}

static int64_t point_of(const struct uplink_reading *r, enum meter_point point, int64_t absent)
{
    for (size_t i = 0; i < r->point_count; i++)
        if (r->points[i].point == point)
            return r->points[i].value;
    return absent;
}

static enum err report_relay(struct platform *p, struct store_tx *tx,
                             const struct uplink_reading *r)
{
    return control_reading(tx, &(struct control_report){
                                   .meter_id = r->meter_id,
                                   .relay_open = point_of(r, POINT_RELAY_OPEN, -1),
                                   .keep_power = point_of(r, POINT_KEEP_POWER, -1),
                                   .open_reason = point_of(r, POINT_OPEN_REASON, -1),
                                   .energy_wh = point_of(r, POINT_ENERGY_WH, -1),
                                   .at = r->at,
                                   .now = p->now.wall,
                                   .random = draw(p),
                               });
}

static enum err report_wallet(struct platform *p, struct store_tx *tx,
                              const struct uplink_reading *r)
{
    return vend_reading(tx, &(struct vend_wallet_reading){
                                .meter_id = r->meter_id,
                                .epoch = r->epoch,
                                .count = point_of(r, POINT_PURCHASE_COUNT, -1),
                                .purchased_fen = point_of(r, POINT_PURCHASED_FEN, -1),
                                .balance_fen = point_of(r, POINT_BALANCE_FEN, INT64_MIN),
                                .at = r->at,
                                .now = p->now.wall,
                                .random = draw(p),
                            });
}

static enum err check_fee(struct platform *p, struct store_tx *tx, int64_t account_id)
{
    return control_fee_check(tx, &(struct control_fee){
                                     .readings = p->readings,
                                     .account_id = account_id,
                                     .now = p->now.wall,
                                     .random = draw(p),
                                 });
}

static enum err check_fee_of_meter(struct platform *p, struct store_tx *tx, int64_t meter_id)
{
    struct site_meter meter;
    enum err e = site_meter_get(tx, meter_id, &meter);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && meter.account_id == 0))
        return ERR_OK;
    return e != ERR_OK ? e : check_fee(p, tx, meter.account_id);
}

/* The ledger's side of a batch: charges begin, relays and wallets are compared, fees are checked. */
static enum err follow_readings(void *ctx, struct store_tx *tx, const struct headend_batch *batch)
{
    struct platform *p = ctx;
    struct readings_moved moved = {0};
    for (size_t i = 0; i < batch->readings->count; i++) {
        moved.meter[moved.count].meter_id = batch->readings->readings[i].meter_id;
        moved.meter[moved.count++].change = READINGS_ENERGY | READINGS_BALANCE | READINGS_STATE;
    }
    TRY(billing_moved(tx, p->readings, &moved, p->now.wall));
    for (size_t i = 0; i < batch->readings->count; i++) {
        const struct uplink_reading *r = &batch->readings->readings[i];
        TRY(report_relay(p, tx, r));
        TRY(report_wallet(p, tx, r));
        TRY(check_fee_of_meter(p, tx, r->meter_id));
    }
    return ERR_OK;
}

static enum err take_outcome(void *ctx, struct store_tx *tx, const struct headend_result *result)
{
    struct platform *p = ctx;
    const struct uplink_outcome *o = result->outcome;
    if (o->kind == UPLINK_VEND || o->kind == UPLINK_READ)
        return vend_outcome(tx, &(struct vend_evidence){.command = result->command,
                                                        .outcome = o,
                                                        .now = p->now.wall,
                                                        .random = draw(p)});
    return control_outcome(tx, o, p->now.wall, draw(p));
}

struct happening_row {
    enum uplink_event_kind from;
    enum journal_kind to;
};

static const struct happening_row happenings[] = {
    {UPLINK_METER_SILENT, EVENT_METER_SILENT}, {UPLINK_METER_BACK, EVENT_METER_BACK},
    {UPLINK_LINE_DOWN, EVENT_LINE_DOWN},       {UPLINK_LINE_UP, EVENT_LINE_UP},
    {UPLINK_QUEUE_DROPPED, EVENT_GATEWAY_DROPPED}, {UPLINK_CLOCK_SET, EVENT_GATEWAY_CLOCK},
};

static enum err note_happening(struct store_tx *tx, enum journal_kind kind,
                               const struct headend_happening *h)
{
    struct site_meter meter = {0};
    if (h->event->meter_id != 0) {
        enum err e = site_meter_get(tx, h->event->meter_id, &meter);
        if (e != ERR_OK && e != ERR_NOT_FOUND)
            return e;
    }
    struct detail d = {0};
    detail_text(&d, "serial", h->serial);
    detail_text(&d, "address", meter.address);
    detail_int(&d, "line", h->event->line);
    detail_int(&d, "value", h->event->value);
    detail_int(&d, "count", h->event->value);
    return journal_event(tx, &(struct journal_event){.at = h->event->at,
                                                     .kind = kind,
                                                     .project_id = h->project_id,
                                                     .account_id = meter.account_id,
                                                     .meter_id = meter.id,
                                                     .detail = detail_end(&d)});
}

static enum err take_event(void *ctx, struct store_tx *tx, const struct headend_happening *h)
{
    (void)ctx;
    for (size_t i = 0; i < sizeof happenings / sizeof *happenings; i++)
        if (happenings[i].from == h->event->kind)
            return note_happening(tx, happenings[i].to, h);
    return ERR_UPLINK_UNKNOWN;
}

static void committed(void *ctx, int64_t gateway_id)
{
    struct platform *p = ctx;
    headend_poke(p->headend, gateway_id, p->now);
}

static enum err sign(void *ctx, const char *serial, struct bytes request, struct writer *pem,
                     uint8_t hash[32])
{
    struct platform *p = ctx;
    return p->options.sign ? p->options.sign(p->options.ctx, serial, request, pem, hash)
                           : ERR_STATE;
}

/* A warning reached a person: it counts, and what fee control waited for may be allowed now. */
static enum err delivered(void *arg, struct store_tx *tx, const struct notify_message *m, wall_s at)
{
    (void)arg;
    return control_fee_notice(tx, &(struct control_notice){.account_id = m->account_id,
                                                           .level = m->level,
                                                           .episode = m->episode,
                                                           .at = at});
}

/* --- what is due by the clock ------------------------------------------------------------------- */

static enum err scan_vends(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    TRY(vend_tick(tx, &(struct vend_scan){.now = p->now.wall, .limit = SCAN_LIMIT, .random = draw(p)},
                  &worked));
    p->more = p->more || worked == SCAN_LIMIT;
    return ERR_OK;
}

static enum err scan_relays(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t worked = 0;
    TRY(control_tick(
        tx, &(struct control_scan){.now = p->now.wall, .limit = SCAN_LIMIT, .random = draw(p)},
        &worked));
    p->more = p->more || worked == SCAN_LIMIT;
    return ERR_OK;
}

static enum err scan_fees(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    int64_t ids[SCAN_LIMIT];
    size_t count = 0;
    TRY(control_fee_due(tx, p->now.wall, ids, SCAN_LIMIT, &count));
    for (size_t i = 0; i < count; i++)
        TRY(check_fee(p, tx, ids[i]));
    p->more = p->more || count == SCAN_LIMIT;
    return ERR_OK;
}

static enum err scan_messages(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    struct notify_done done;
    return notify_run(&p->notify, tx, p->now.wall, SCAN_LIMIT, &done);
}

static void do_what_is_due(struct platform *p)
{
    headend_tick(p->headend, p->now);
    if (mono_due(p->next_scan, p->now.mono)) {
        p->next_scan = mono_after(p->now.mono, SCAN_MS);
        store_submit(p->ledger, scan_vends, NULL, p);
        store_submit(p->ledger, scan_relays, NULL, p);
        store_submit(p->ledger, scan_fees, NULL, p);
        store_submit(p->ledger, scan_messages, NULL, p);
    }
    if (mono_due(p->next_clerk, p->now.mono)) {
        size_t left = 0;
        p->next_clerk = mono_after(p->now.mono, CLERK_MS);
        enum err e = billing_tick(&p->clerk, p->now.wall, SCAN_LIMIT, &left);
        if (e == ERR_OK && left > 0)
            p->next_clerk = p->now.mono;
    }
}

/* --- a turn -------------------------------------------------------------------------------------- */

static enum err nothing(struct store_tx *tx, void *arg)
{
    (void)tx;
    (void)arg;
    return ERR_OK;
}

/* Runs with the batches of this turn: if the common commit failed, memory says more than the disk. */
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
        site_changed = site_changed ||
                       strcmp(query_text(&q, 4), journal_kind_name(EVENT_SITE_IMPORTED)) == 0;
    }
    TRY(query_end(&q));
    return site_changed ? billing_place_meters(tx, p->readings) : ERR_OK;
}

static void flush_ledger(struct platform *p)
{
    if (store_waiting(p->ledger) == 0)
        return;
    store_flush(p->ledger);
    headend_poke(p->headend, 0, p->now);
    enum err e = store_read(p->ledger, publish, p);
    if (e == ERR_STORE)
        p->failure = e;
}

bool platform_turn(struct platform *p, struct uplink_now now)
{
    p->now = now;
    p->more = false;
    do_what_is_due(p);
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

/* --- start and end ------------------------------------------------------------------------------- */

static enum err remember(struct store_tx *tx, void *arg)
{
    struct platform *p = arg;
    TRY(store_int(tx, &p->event_seen, "SELECT coalesce(max(id), 0) FROM event", ""));
    return billing_place_meters(tx, p->readings);
}

static enum err open_stores(struct platform *p)
{
    const struct platform_options *o = &p->options;
    TRY(store_open(&p->ledger, &(struct store_config){
                                   .kind = STORE_LEDGER, .path = o->ledger_path, .vfs = o->vfs}));
    return store_open(&p->readings_store, &(struct store_config){.kind = STORE_READINGS,
                                                                 .path = o->readings_path,
                                                                 .vfs = o->vfs});
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
    p->notify =
        (struct notify){.channel = &notify_console, .delivered = delivered, .arg = p};
    return headend_new(&p->headend, &(struct headend_config){
                                        .ledger = p->ledger,
                                        .readings = p->readings_store,
                                        .io = p->options.links,
                                        .sinks = {.ctx = p,
                                                  .readings = take_readings,
                                                  .readings_ledger = follow_readings,
                                                  .outcome = take_outcome,
                                                  .event = take_event,
                                                  .committed = committed,
                                                  .sign = sign},
                                    });
}

enum err platform_open(struct platform **out, const struct platform_options *options,
                       struct uplink_now now)
{
    struct platform *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_MEMORY;
    p->options = *options;
    p->now = now;
    p->next_scan = p->next_clerk = now.mono;
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
