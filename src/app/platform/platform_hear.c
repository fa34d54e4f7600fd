/* What gateways say, and where it goes: the platform's sinks, in river order. */
#include "app/platform/platform_impl.h"
#include "control/away.h"
#include "control/control.h"
#include "control/fee.h"
#include "flow/flow.h"
#include "journal/aside.h"
#include "journal/detail.h"
#include "journal/journal.h"
#include "site/site.h"
#include "terminals/terminals.h"
#include "vend/vend.h"

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

/* What arrives late, out of a gateway's store, says nothing about now. */
static bool is_newest(const struct platform *p, const struct uplink_reading *r)
{
    wall_s at;
    int64_t epoch;
    return readings_newest(p->readings, r->meter_id, &at, &epoch) && r->at.s >= at.s;
}

/* The register as it was believed. */
static int64_t register_of(const struct platform *p, const struct uplink_reading *r)
{
    int64_t value;
    wall_s at;
    bool told = readings_value(p->readings, r->meter_id, POINT_ENERGY_WH, &value, &at);
    return told && at.s == r->at.s ? value : -1;
}

static enum err report_flow(struct platform *p, struct store_tx *tx, const struct uplink_reading *r,
                            bool *moving)
{
    *moving = false;
    if (!is_newest(p, r))
        return ERR_OK;
    return flow_reading(tx,
                        &(struct flow_report){
                            .meter_id = r->meter_id,
                            .epoch = r->epoch,
                            .register_l = register_of(p, r),
                            .volume_l = point_of(r, POINT_VOLUME_L, -1),
                            .valve = point_of(r, POINT_VALVE, -1),
                            .relay_open = point_of(r, POINT_RELAY_OPEN, -1),
                            .battery_low = point_of(r, POINT_BATTERY_LOW, -1),
                            .fault_bits = point_of(r, POINT_FAULT_BITS, -1),
                            .at = r->at,
                            .now = p->now.wall,
                        },
                        moving);
}

static enum err report_relay(struct platform *p, struct store_tx *tx,
                             const struct uplink_reading *r)
{
    bool moving;
    TRY(report_flow(p, tx, r, &moving));
    return control_reading(tx, &(struct control_report){
                                   .meter_id = r->meter_id,
                                   .relay_open = moving ? -1 : point_of(r, POINT_RELAY_OPEN, -1),
                                   .keep_power = point_of(r, POINT_KEEP_POWER, -1),
                                   .open_reason = point_of(r, POINT_OPEN_REASON, -1),
                                   .energy_wh = point_of(r, POINT_ENERGY_WH, -1),
                                   .at = r->at,
                                   .now = p->now.wall,
                                   .random = platform_draw(p),
                               });
}

static enum err report_terminal(struct platform *p, struct store_tx *tx,
                                const struct uplink_reading *r)
{
    return terminals_reading(tx, &(struct terminals_report){
                                     .meter_id = r->meter_id,
                                     .relay_open = point_of(r, POINT_RELAY_OPEN, -1),
                                     .open_reason = point_of(r, POINT_OPEN_REASON, -1),
                                     .now = p->now.wall,
                                     .random = platform_draw(p),
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
                                .random = platform_draw(p),
                            });
}

static struct control_fee fee_of(struct platform *p, int64_t account_id)
{
    return (struct control_fee){.readings = p->readings,
                                .account_id = account_id,
                                .now = p->now.wall,
                                .random = platform_draw(p)};
}

enum err platform_check_fee(struct platform *p, struct store_tx *tx, int64_t account_id)
{
    struct control_fee fee = fee_of(p, account_id);
    return control_fee_check(tx, &fee);
}

/* In any case: not only where readings moved. */
static enum err decide_fee_of_meter(struct platform *p, struct store_tx *tx, int64_t meter_id)
{
    struct site_meter meter;
    enum err e = site_meter_get(tx, meter_id, &meter);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_OK : e;
    return meter.account_id != 0 ? platform_check_fee(p, tx, meter.account_id) : ERR_OK;
}

static enum err check_fee_of_meter(struct platform *p, struct store_tx *tx, int64_t meter_id)
{
    struct site_meter meter;
    enum err e = site_meter_get(tx, meter_id, &meter);
    if (e == ERR_NOT_FOUND || (e == ERR_OK && meter.account_id == 0))
        return ERR_OK;
    if (e != ERR_OK)
        return e;
    struct control_fee fee = fee_of(p, meter.account_id);
    return control_fee_reading(tx, &fee);
}

/* The ledger's side of a batch: charges begin, relays and wallets are compared, fees are checked.
 */
struct following {
    struct platform *platform;
    const struct headend_batch *batch;
    const struct uplink_reading *reading; /* the one that is followed alone */
};

static enum err follow(struct platform *p, struct store_tx *tx, const struct uplink_reading *r)
{
    TRY(report_relay(p, tx, r));
    TRY(report_terminal(p, tx, r));
    TRY(report_wallet(p, tx, r));
    return check_fee_of_meter(p, tx, r->meter_id);
}

static enum err open_charges(struct platform *p, struct store_tx *tx,
                             const struct uplink_reading *readings, size_t count)
{
    struct readings_moved moved = {.count = count};
    for (size_t i = 0; i < count; i++) {
        moved.meter[i].meter_id = readings[i].meter_id;
        moved.meter[i].change = READINGS_ENERGY | READINGS_BALANCE | READINGS_STATE;
    }
    return billing_moved(tx, p->readings, &moved, p->now.wall);
}

static enum err follow_all(struct store_tx *tx, void *arg)
{
    const struct following *f = arg;
    const struct uplink_readings *all = f->batch->readings;
    TRY(open_charges(f->platform, tx, all->readings, all->count));
    for (size_t i = 0; i < all->count; i++)
        TRY(follow(f->platform, tx, &all->readings[i]));
    return ERR_OK;
}

static enum err follow_one(struct store_tx *tx, void *arg)
{
    const struct following *f = arg;
    TRY(open_charges(f->platform, tx, f->reading, 1));
    return follow(f->platform, tx, f->reading);
}

/* Together, as nearly always nothing fails; else each for itself. */
static enum err follow_readings(void *ctx, struct store_tx *tx, const struct headend_batch *batch)
{
    struct platform *p = ctx;
    struct following f = {.platform = p, .batch = batch};
    enum err all;
    TRY(store_part(tx, follow_all, &f, &all));
    for (size_t i = 0; i < batch->readings->count; i++) {
        int64_t meter_id = batch->readings->readings[i].meter_id;
        struct aside a = {"reading", meter_id, .now = p->now.wall, .meter_id = meter_id};
        f.reading = &batch->readings->readings[i];
        if (all != ERR_OK)
            TRY(aside_do(tx, &a, follow_one, &f));
        platform_note_read(p, meter_id);
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
                                                        .random = platform_draw(p)});
    if (o->kind == UPLINK_EXERCISE)
        return flow_outcome(tx, o, p->now.wall, platform_draw(p));
    if (o->kind == UPLINK_REGISTER)
        return terminals_outcome(tx, o, p->now.wall, platform_draw(p));
    TRY(control_outcome(tx, o, p->now.wall, platform_draw(p)));
    bool own =
        result->command == NULL && o->kind == UPLINK_RELAY; /* the gateway's, under a permission */
    return own ? decide_fee_of_meter(p, tx, o->meter_id) : ERR_OK;
}

struct happening_row {
    enum uplink_event_kind from;
    enum journal_kind to;
};

static const struct happening_row happenings[] = {
    {UPLINK_METER_SILENT, EVENT_METER_SILENT},     {UPLINK_METER_BACK, EVENT_METER_BACK},
    {UPLINK_LINE_DOWN, EVENT_LINE_DOWN},           {UPLINK_LINE_UP, EVENT_LINE_UP},
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
    struct platform *p = ctx;
    if (h->event->kind == UPLINK_AWAY_CUT)
        return control_away_event(tx, h->event, p->now.wall);
    for (size_t i = 0; i < sizeof happenings / sizeof *happenings; i++)
        if (happenings[i].from == h->event->kind)
            return note_happening(tx, happenings[i].to, h);
    return ERR_UPLINK_UNKNOWN;
}

static enum err take_trip(void *ctx, struct store_tx *tx, const struct headend_told_trip *t)
{
    struct platform *p = ctx;
    return terminals_trip(tx, t->trip, p->now.wall, platform_draw(p));
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
    return control_fee_notice(
        tx, &(struct control_notice){.account_id = m->account_id,
                                     .level = m->level,
                                     .episode = m->episode,
                                     .at = at,
                                     .template = notify_template_name(m->template),
                                     .subject = m->subject,
                                     .channel = m->channel});
}

static void warn_of_legacy(void *ctx, const char *serial, wall_s until)
{
    const struct platform *p = ctx;
    if (p->options.legacy)
        p->options.legacy(p->options.ctx, serial, until);
}

struct headend_sinks platform_sinks(struct platform *p)
{
    return (struct headend_sinks){.ctx = p,
                                  .readings = take_readings,
                                  .readings_ledger = follow_readings,
                                  .outcome = take_outcome,
                                  .event = take_event,
                                  .trip = take_trip,
                                  .committed = committed,
                                  .sign = sign,
                                  .legacy = warn_of_legacy};
}

struct notify platform_notify(struct platform *p)
{
    return (struct notify){.channels = {&notify_console}, .delivered = delivered, .arg = p};
}
