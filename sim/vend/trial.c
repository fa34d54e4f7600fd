#include "sim/vend/trial.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "sim/world/world_site.h"
#include "vend/vend.h"

#define CHAOS_MS (40 * 60'000)
#define SELLING_MS (30 * 60'000)
#define CALM_MS (8 * 3'600'000)
#define ORDERS_MAX 24
#define RETRY_MS 20'000
#define LOOK_MS 10'000

struct order {
    char id[VEND_ORDER_ID_MAX + 1];
    size_t meter;
    int64_t amount_fen;
    mono_ms sell_at, cancel_at;
    mono_ms again_at;  /* a second click on the same button */
    mono_ms zombie_at; /* an old process sends what was taken back */
    bool answered, cancel_answered, blamed;
    enum vend_state seen;
};

/* A meter's life ends: by exchange, or because somebody sets its wallet back and tells nobody. The
 * platform begins a new period when it is told so. */
enum renewal { RENEWAL_NONE, RENEWAL_EXCHANGE, RENEWAL_RESET };

struct trial {
    struct world world;
    struct rand_stream rand;
    struct order orders[ORDERS_MAX];
    size_t order_count;
    struct trial_result *result;
    enum renewal renewal;
    mono_ms reset_at, exchange_at; /* a reset comes first, its new period later */
    size_t exchange_meter;
    int64_t exchange_fen; /* what the new meter is sold of the old one's balance; 0: nothing yet */
    int64_t exchange_epoch;
    bool was_reset;
    mono_ms sleeper_at; /* a process that slept through the exchange wakes up */
    bool platform_was_up;
    mono_ms last_outcome;
    int64_t gateway_started;
    uint64_t applied_seen;
    bool cut[WORLD_METERS][TERMINAL_CIRCUITS];
};

static void violation(struct trial *t, uint64_t *counter, const char *what, const char *order_id)
{
    ++*counter;
    world_note(&t->world, what, 0, 0);
    if (t->result->what[0] == '\0')
        snprintf(t->result->what, sizeof t->result->what, "%s %s", what, order_id);
}

/* --- the truth -------------------------------------------------------------------------------- */

static unsigned times_applied(const struct trial *t, size_t meter, int64_t amount_fen)
{
    const struct sim_meter *m = &t->world.meters[meter];
    bool moved = amount_fen == t->exchange_fen; /* the old balance may equal an order's amount */
    unsigned n = 0;
    for (size_t i = 0; i < m->applied_count; i++) {
        const struct sim_applied *a = &m->applied[i];
        if (a->foreign || a->amount_fen != amount_fen)
            continue;
        if (moved && a->life > 1)
            moved = false;
        else
            n++;
    }
    return n;
}

/* --- drawing a trial -------------------------------------------------------------------------- */

static unsigned some(struct rand_stream *r, unsigned max)
{
    return rand_chance(r, 500) ? 0 : (unsigned)rand_below(r, max + 1);
}

static struct world_faults draw_faults(struct rand_stream *r)
{
    return (struct world_faults){
        .line = {.drop_request = some(r, 100),
                 .drop_answer = some(r, 150),
                 .garble_request = some(r, 60),
                 .garble_answer = some(r, 60),
                 .forge_answer = some(r, 12),
                 .cut_answer = some(r, 40),
                 .duplicate_request = some(r, 60),
                 .duplicate_answer = some(r, 60),
                 .late_answer = some(r, 60),
                 .late_ms = 200 + (int64_t)rand_below(r, 5'000)},
        .link_break_permille = some(r, 80),
        .link_alter_permille = some(r, 20),
        .link_delay_max_ms = some(r, 20'000),
        .platform_crash_permille = some(r, 250),
        .gateway_crash_permille = some(r, 250),
        .meter_cut_permille = some(r, 60),
        .foreign_permille = some(r, 40),
        .race_permille = some(r, 200),
        .zombie_permille = some(r, 400),
        .disk_fault_permille = some(r, 100),
        .disk_full_permille = some(r, 120),
    };
}

/* Some take a sale back while it is on its way, some after a cup of tea. */
static uint64_t patience(struct trial *t)
{
    return rand_chance(&t->rand, 600) ? 20'000 : 600'000;
}

static void draw_orders(struct trial *t)
{
    t->order_count = 6 + rand_below(&t->rand, ORDERS_MAX - 6);
    for (size_t i = 0; i < t->order_count; i++) {
        struct order *o = &t->orders[i];
        o->meter = rand_below(&t->rand, t->world.meter_count);
        o->amount_fen = 1'000 + (int64_t)i * 101;
        o->sell_at = (mono_ms){1'000 + (int64_t)rand_below(&t->rand, SELLING_MS)};
        o->cancel_at = o->again_at = o->zombie_at = MONO_NEVER;
        if (rand_chance(&t->rand, 300))
            o->cancel_at = mono_after(o->sell_at, (int64_t)rand_below(&t->rand, patience(t)));
        if (rand_chance(&t->rand, 200))
            o->again_at = mono_after(o->sell_at, (int64_t)rand_below(&t->rand, 900'000));
        snprintf(o->id, sizeof o->id, "trial-%" PRIu64 "-%zu", t->world.seed, i);
    }
}

static void draw_renewal(struct trial *t)
{
    t->reset_at = t->exchange_at = t->sleeper_at = MONO_NEVER;
    unsigned kind = (unsigned)rand_below(&t->rand, 1000);
    t->renewal = kind < 200 ? RENEWAL_EXCHANGE : kind < 350 ? RENEWAL_RESET : RENEWAL_NONE;
    t->exchange_meter = rand_below(&t->rand, t->world.meter_count - 1);
    mono_ms at = {(int64_t)rand_below(&t->rand, CHAOS_MS)};
    if (t->renewal == RENEWAL_EXCHANGE)
        t->exchange_at = at;
    else if (t->renewal == RENEWAL_RESET)
        t->reset_at = at;
}

/* --- the cashier: repeats an act until it was answered ---------------------------------------- */

static struct world_sale sale_of(struct trial *t, const struct order *o)
{
    return (struct world_sale){&t->world, o->meter, o->id, o->amount_fen};
}

static void try_to_sell(struct trial *t, struct order *o)
{
    struct world_sale sale = sale_of(t, o);
    enum err e = ERR_OK;
    if (!world_ask(&t->world, world_sell, &sale, &e)) {
        t->result->points[0]++;
        o->sell_at = mono_after(t->world.now, RETRY_MS);
        return;
    }
    if (err_class_of(e) == ERR_CLASS_RETRY) { /* a full disk: said so, nothing changed */
        o->sell_at = mono_after(t->world.now, RETRY_MS);
        return;
    }
    o->answered = true;
    t->result->orders++;
    if (e != ERR_OK)
        violation(t, &t->result->faults, err_name(e), o->id);
    world_note(&t->world, "sold", (int64_t)(o - t->orders), o->amount_fen);
}

/* The same order once more is the same order. */
static void sell_twice(struct trial *t, struct order *o)
{
    struct world_sale sale = sale_of(t, o);
    enum err e = ERR_OK;
    o->again_at = mono_after(t->world.now, RETRY_MS);
    if (!world_ask(&t->world, world_sell, &sale, &e) || err_class_of(e) == ERR_CLASS_RETRY)
        return;
    o->again_at = MONO_NEVER;
    if (e != ERR_OK)
        violation(t, &t->result->faults, err_name(e), o->id);
}

static void try_to_cancel(struct trial *t, struct order *o)
{
    struct world_sale sale = sale_of(t, o);
    enum err e = ERR_OK;
    bool answered = o->answered && world_ask(&t->world, world_cancel, &sale, &e);
    o->cancel_answered = answered && err_class_of(e) != ERR_CLASS_RETRY;
    o->cancel_at = mono_after(t->world.now, RETRY_MS);
    if (o->cancel_answered)
        world_note(&t->world, "cancelled", (int64_t)(o - t->orders), (int64_t)e);
}

static enum err exchange(struct store_tx *tx, void *arg)
{
    struct trial *t = arg;
    struct world *w = &t->world;
    char address[13];
    world_site_address(t->exchange_meter, address);
    TRY(vend_exchange(tx,
                      &(struct vend_exchange){.meter_id = w->meter_ids[t->exchange_meter],
                                              .address = address,
                                              .model = "yufu-dorm3",
                                              .actor = "user:1",
                                              .now = world_wall(w),
                                              .random = rand_u64(&w->rand_keys)},
                      &t->exchange_epoch));
    return store_int(tx, &t->exchange_fen,
                     "SELECT coalesce(sum(amount_fen), 0) FROM sale_order "
                     "WHERE order_id LIKE 'exchange-%'",
                     "");
}

static void try_to_exchange(struct trial *t)
{
    enum err e = ERR_OK;
    bool answered = world_ask(&t->world, exchange, t, &e);
    t->exchange_at = mono_after(t->world.now, RETRY_MS);
    if (!answered || e != ERR_OK)
        return;
    t->exchange_at = MONO_NEVER;
    t->world.spared[t->exchange_meter] = false;
    if (t->renewal == RENEWAL_EXCHANGE)
        sim_meter_exchange(&t->world.meters[t->exchange_meter]);
    t->sleeper_at = mono_after(t->world.now, 60'000 + (int64_t)rand_below(&t->rand, 240'000));
    world_note(&t->world, "exchanged", (int64_t)t->exchange_meter, 0);
}

/* Sales under number 1 look the same before and after a reset that nobody was told of: the bound
 * of the promise, see docs/formats/vend.md. */
static enum err first_open(struct store_tx *tx, void *arg)
{
    struct trial *t = arg;
    int64_t open;
    TRY(store_int(tx, &open,
                  "SELECT count(*) FROM vend WHERE meter_id = $1 AND n = 1 "
                  "AND state IN ('BOUND', 'FENCED', 'CONFLICT')",
                  "i", t->world.meter_ids[t->exchange_meter]));
    return open > 0 ? ERR_STATE : ERR_OK;
}

static void try_to_reset(struct trial *t)
{
    struct world *w = &t->world;
    struct sim_meter *m = &w->meters[t->exchange_meter];
    t->reset_at = mono_after(w->now, RETRY_MS);
    if (!w->platform || m->seen_count < 2 ||
        store_read(platform_ledger(w->platform), first_open, t) != ERR_OK)
        return;
    if (!sim_meter_reset(m, 0))
        return;
    t->reset_at = MONO_NEVER;
    t->was_reset = true;
    w->spared[t->exchange_meter] = true;
    w->counts.meter_resets++;
    t->exchange_at = mono_after(w->now, 60'000 + (int64_t)rand_below(&t->rand, 1'800'000));
    world_note(w, "reset", (int64_t)t->exchange_meter, 0);
}

static enum err config_version(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT max(config_version) FROM gateway", "");
}

/* Somebody had made a sale for the old meter, fell asleep, and sends it now, in its old period:
 * whatever number the new meter waits for. */
static void wake_sleeper(struct trial *t)
{
    struct world *w = &t->world;
    struct gateway_status s;
    int64_t known = 0;
    t->sleeper_at = mono_after(w->now, RETRY_MS);
    if (!w->gateway || !w->platform)
        return;
    gateway_status_get(w->gateway, &s);
    if (store_read(platform_ledger(w->platform), config_version, &known) != ERR_OK ||
        s.config_version != known)
        return; /* until the gateway knows of the new period, nobody can tell */
    for (size_t i = 0; i < WORLD_TOLD; i++) {
        struct world_told old = w->told[i];
        if (old.amount_fen == 0 || old.meter_id != w->meter_ids[t->exchange_meter] ||
            old.epoch >= t->exchange_epoch)
            continue;
        old.n = w->meters[t->exchange_meter].seen_count + 1;
        if (!world_send_again(w, &old, true))
            return;
        break;
    }
    t->sleeper_at = MONO_NEVER;
}

struct fetch {
    struct trial *t;
    const struct order *order;
    struct world_told sent;
};

static enum err last_command(struct store_tx *tx, void *arg)
{
    struct fetch *f = arg;
    struct query q = query_open(tx,
                                "SELECT c.id, v.meter_id, v.epoch, v.n, v.amount_fen FROM vend v "
                                "JOIN command c ON c.account_id = v.account_id "
                                "AND c.ref = v.order_id AND c.kind = 'vend' "
                                "WHERE v.order_id = $1 ORDER BY c.created_at DESC, c.id LIMIT 1",
                                "t", f->order->id);
    if (query_step(&q))
        f->sent = (struct world_told){query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),
                                      query_int(&q, 3), query_int(&q, 4)};
    return query_end(&q);
}

/* The money is the customer's again, and an old process still has the command in its hands. */
static void wake_zombie(struct trial *t, struct order *o)
{
    struct fetch f = {.t = t, .order = o};
    o->zombie_at = mono_after(t->world.now, RETRY_MS / 4);
    if (!t->world.platform ||
        store_read(platform_ledger(t->world.platform), last_command, &f) != ERR_OK)
        return;
    if (f.sent.id == 0 || world_send_again(&t->world, &f.sent, false))
        o->zombie_at = MONO_NEVER;
}

/* --- the person who decides conflicts --------------------------------------------------------- */

struct decision {
    struct trial *t;
    struct order *order;
};

static enum err resolve(struct store_tx *tx, void *arg)
{
    struct decision *a = arg;
    struct world *w = &a->t->world;
    struct vend_status status;
    bool applied = times_applied(a->t, a->order->meter, a->order->amount_fen) > 0;
    return vend_resolve(tx,
                        &(struct vend_request){.account_id = w->account_ids[a->order->meter],
                                               .order_id = a->order->id,
                                               .actor = "user:1",
                                               .reason = "looked at the meter",
                                               .now = world_wall(w),
                                               .random = rand_u64(&w->rand_keys)},
                        applied, &status);
}

/* A meter that was set back contradicts us; nothing else may. */
static void decide(struct trial *t, struct order *o)
{
    struct decision d = {t, o};
    enum err e = ERR_OK;
    if (!t->was_reset || o->meter != t->exchange_meter) {
        if (!o->blamed)
            violation(t, &t->result->faults, "a conflict without a cause:", o->id);
        o->blamed = true;
        return;
    }
    if (world_ask(&t->world, resolve, &d, &e) && e == ERR_OK) {
        t->result->conflicts++;
        world_note(&t->world, "decided", (int64_t)(o - t->orders), 0);
    }
}

/* --- whoever has something to do -------------------------------------------------------------- */

static void act(struct trial *t)
{
    mono_ms now = t->world.now;
    for (size_t i = 0; i < t->order_count; i++) {
        struct order *o = &t->orders[i];
        if (!o->answered && mono_due(o->sell_at, now))
            try_to_sell(t, o);
        else if (!o->cancel_answered && mono_due(o->cancel_at, now))
            try_to_cancel(t, o);
        if (o->answered && mono_due(o->again_at, now))
            sell_twice(t, o);
        if (mono_due(o->zombie_at, now))
            wake_zombie(t, o);
    }
    if (mono_due(t->reset_at, now))
        try_to_reset(t);
    if (mono_due(t->exchange_at, now))
        try_to_exchange(t);
    if (mono_due(t->sleeper_at, now))
        wake_sleeper(t);
}

static mono_ms next_act(const struct trial *t)
{
    mono_ms next = mono_earlier(mono_earlier(t->reset_at, t->exchange_at), t->sleeper_at);
    for (size_t i = 0; i < t->order_count; i++) {
        const struct order *o = &t->orders[i];
        if (!o->answered)
            next = mono_earlier(next, o->sell_at);
        else if (!o->cancel_answered)
            next = mono_earlier(next, o->cancel_at);
        if (o->answered)
            next = mono_earlier(next, mono_earlier(o->again_at, o->zombie_at));
    }
    return next;
}

/* --- at most once ----------------------------------------------------------------------------- */

static void check_at_most_once(struct trial *t)
{
    uint64_t applied = 0;
    for (size_t i = 0; i < t->world.meter_count; i++)
        applied += t->world.meters[i].applied_count;
    if (applied == t->applied_seen)
        return;
    t->applied_seen = applied;
    for (size_t i = 0; i < t->order_count; i++) {
        struct order *o = &t->orders[i];
        if (times_applied(t, o->meter, o->amount_fen) > 1)
            violation(t, &t->result->doubled, "doubled", o->id);
    }
}

/* --- relays ----------------------------------------------------------------------------------- */

static void watch_relays(struct trial *t)
{
    for (size_t m = 0; m < t->world.meter_count; m++) {
        if (!t->world.meters[m].powered)
            continue;
        struct terminal_output out = terminal_output(&t->world.meters[m].terminal);
        for (size_t c = 0; c < out.circuits; c++) {
            bool cut = world_cut_by_order(&out, c);
            if (cut && !t->cut[m][c]) {
                t->result->cuts++;
                if (!world_may_be_cut(&t->world, m, c))
                    violation(t, &t->result->faults, "cut too late, or overtaken", "");
            }
            t->result->restores += t->cut[m][c] && out.closed[c];
            t->cut[m][c] = cut;
        }
    }
}

/* --- which crash points were met -------------------------------------------------------------- */

static const struct order *order_of(const struct trial *t, const char *id)
{
    for (size_t i = 0; i < t->order_count; i++)
        if (strcmp(t->orders[i].id, id) == 0)
            return &t->orders[i];
    return NULL;
}

static enum err note_open(void *arg, const struct vend_status *s)
{
    struct trial *t = arg;
    uint64_t *points = t->result->points;
    const struct order *o = order_of(t, s->order_id);
    if (s->state == VEND_PAID) {
        points[1]++;
        points[2] += s->meter_id != 0;
    } else if (s->state == VEND_BOUND && s->sent_at.s == 0) {
        points[3]++;
    } else if (s->state == VEND_BOUND && o && times_applied(t, o->meter, o->amount_fen) > 0) {
        points[6]++;
        points[7] += t->world.now.ms - t->last_outcome.ms < 120'000;
    } else if (s->state == VEND_BOUND) {
        points[4]++;
    } else if (s->state == VEND_FENCED) {
        points[13]++;
    }
    return ERR_OK;
}

static enum err note_closed(void *arg, const struct vend_status *s)
{
    struct trial *t = arg;
    for (size_t i = 0; i < t->order_count; i++) {
        struct order *o = &t->orders[i];
        if (strcmp(o->id, s->order_id) != 0)
            continue;
        if (s->state == VEND_CONFIRMED && o->seen == VEND_BOUND)
            t->result->points[8]++;
        if (s->state == VEND_REFUNDED && o->seen != VEND_REFUNDED)
            o->zombie_at = t->world.now;
        o->seen = s->state;
    }
    return ERR_OK;
}

static void decide_conflicts(struct trial *t)
{
    for (size_t i = 0; i < t->order_count; i++)
        if (t->orders[i].seen == VEND_CONFLICT)
            decide(t, &t->orders[i]);
}

static enum err note_restart(struct store_tx *tx, void *arg)
{
    TRY(vend_list(tx, &(struct vend_filter){.state = "open", .limit = ORDERS_MAX}, note_open, arg));
    return vend_list(tx, &(struct vend_filter){.limit = 2 * ORDERS_MAX}, note_closed, arg);
}

static enum err note_states(struct store_tx *tx, void *arg)
{
    return vend_list(tx, &(struct vend_filter){.limit = 2 * ORDERS_MAX}, note_closed, arg);
}

static void watch_platform(struct trial *t)
{
    bool up = t->world.platform != NULL;
    enum err e = ERR_OK;
    if (up && !t->platform_was_up)
        e = store_read(platform_ledger(t->world.platform), note_restart, t);
    t->platform_was_up = up && e == ERR_OK;
}

static void watch_outcome(void *arg, const struct uplink_outcome *o, const struct world_told *told)
{
    struct trial *t = arg;
    uint64_t *points = t->result->points;
    t->last_outcome = t->world.now;
    if (o->status == UPLINK_NO_METER) {
        points[14]++;
        return;
    }
    if (o->count < 0 || o->epoch != told->epoch)
        return;
    bool ours = o->record_n == told->n && o->record_amount_fen == told->amount_fen;
    if (o->count == told->n - 1)
        points[9]++;
    else if (o->count < told->n - 1)
        points[12]++;
    else if (ours)
        points[10]++;
    else if (told->amount_fen > 0)
        points[11]++;
}

static void watch_crash(void *arg, bool platform)
{
    struct trial *t = arg;
    if (!platform && t->gateway_started > 0)
        t->result->points[5]++;
    t->gateway_started = 0;
}

static void watch_gateway(struct trial *t)
{
    struct gateway_status s;
    if (!t->world.gateway)
        return;
    gateway_status_get(t->world.gateway, &s);
    t->gateway_started = s.commands_started;
}

/* --- the end ---------------------------------------------------------------------------------- */

static enum err count_open(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg,
                     "SELECT count(*) FROM sale_order WHERE state IN "
                     "('CREATED', 'PAID', 'BOUND', 'FENCED', 'CONFLICT')",
                     "");
}

static bool all_final(struct trial *t)
{
    int64_t open = 1;
    for (size_t i = 0; i < t->order_count; i++)
        if (!t->orders[i].answered)
            return false;
    if (!t->world.platform || (t->was_reset && t->exchange_at.ms != INT64_MAX))
        return false;
    for (size_t i = 0; i < t->order_count; i++)
        if (t->orders[i].again_at.ms != INT64_MAX || t->orders[i].zombie_at.ms != INT64_MAX)
            return false;
    if (t->renewal == RENEWAL_EXCHANGE && t->exchange_at.ms != INT64_MAX)
        return false;
    return store_read(platform_ledger(t->world.platform), count_open, &open) == ERR_OK && open == 0;
}

static void judge(struct trial *t, const struct vend_status *s, unsigned applied)
{
    struct trial_result *r = t->result;
    switch (s->state) {
    case VEND_CONFIRMED:
        r->confirmed++;
        if (applied == 0)
            violation(t, &r->lost, "confirmed but not in the meter:", s->order_id);
        break;
    case VEND_REFUNDED:
    case VEND_REJECTED:
        r->refunded += s->state == VEND_REFUNDED;
        r->rejected += s->state == VEND_REJECTED;
        if (applied > 0)
            violation(t, &r->doubled, "money back, but also in the meter:", s->order_id);
        break;
    case VEND_BOOKED:
        r->booked++;
        break;
    default:
        violation(t, &r->stuck, "not final:", s->order_id);
    }
    if (applied > 1)
        violation(t, &r->doubled, "doubled", s->order_id);
}

static enum err judge_order(void *arg, const struct vend_status *s)
{
    struct trial *t = arg;
    const struct order *o = order_of(t, s->order_id);
    if (o)
        judge(t, s, times_applied(t, o->meter, o->amount_fen));
    return ERR_OK;
}

static void vend_fault_found(void *arg, int64_t account_id, const char *order_id, const char *what)
{
    struct trial *t = arg;
    (void)account_id;
    violation(t, &t->result->faults, what, order_id ? order_id : "");
}

static enum err judge_books(struct store_tx *tx, void *arg)
{
    struct trial *t = arg;
    struct vend_check vends;
    struct journal_check chain;
    struct ledger_check books;
    TRY(vend_list(tx, &(struct vend_filter){.limit = 4 * ORDERS_MAX}, judge_order, t));
    enum err e = vend_verify(tx, vend_fault_found, t, &vends);
    if (e != ERR_OK && e != ERR_VEND_CHECK)
        return e;
    TRY(journal_verify(tx, NULL, NULL, &chain));
    return ledger_verify(tx, &(struct ledger_watch){0}, &books);
}

/* For --trace: what was still under way when the trial ended. */
static enum err tell_open(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct query q = query_open(tx,
                                "SELECT o.order_id, o.state, coalesce(v.epoch, 0), "
                                "coalesce(v.n, 0), c.id, c.kind, c.state, c.created_at, "
                                "coalesce(c.sent_at, 0), c.handed FROM sale_order o "
                                "LEFT JOIN vend v ON v.account_id = o.account_id "
                                "AND v.order_id = o.order_id "
                                "LEFT JOIN command c ON c.meter_id = o.meter_id "
                                "AND (c.ref = o.order_id OR c.state IN ('waiting', 'fencing')) "
                                "WHERE o.state IN ('PAID', 'BOUND', 'FENCED', 'CONFLICT') "
                                "ORDER BY o.order_id, c.created_at, c.id",
                                "");
    while (query_step(&q))
        printf("  open: %s %s epoch %" PRId64 " n %" PRId64 "  command %" PRId64
               " %s %s made %" PRId64 " sent %" PRId64 " handed %" PRId64 "\n",
               query_text(&q, 0), query_text(&q, 1), query_int(&q, 2), query_int(&q, 3),
               query_int(&q, 4), query_null(&q, 5) ? "-" : query_text(&q, 5),
               query_null(&q, 6) ? "-" : query_text(&q, 6), query_int(&q, 7) - WORLD_WALL0,
               query_int(&q, 8) - WORLD_WALL0, query_int(&q, 9));
    return query_end(&q);
}

static enum err count_orders(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM sale_order WHERE order_id LIKE 'trial-%'", "");
}

static void judge_all(struct trial *t)
{
    struct store *ledger = platform_ledger(t->world.platform);
    int64_t kept = -1;
    enum err e = store_read(ledger, judge_books, t);
    if (e != ERR_OK)
        violation(t, &t->result->faults, err_name(e), "in the books");
    if (t->world.tracing && store_read(ledger, tell_open, NULL) != ERR_OK)
        printf("  the open orders cannot be read\n");
    e = store_read(ledger, count_orders, &kept);
    if (e != ERR_OK || kept < (int64_t)t->result->orders)
        violation(t, &t->result->lost, "an answered order is gone", "");
}

/* --- a run ------------------------------------------------------------------------------------ */

static void live_until(struct trial *t, mono_ms end, bool stop_when_final)
{
    mono_ms look = t->world.now;
    while (t->world.now.ms < end.ms) {
        world_step(&t->world, mono_earlier(end, next_act(t)));
        watch_platform(t);
        watch_gateway(t);
        act(t);
        check_at_most_once(t);
        watch_relays(t);
        if (t->world.now.ms < look.ms)
            continue;
        look = mono_after(t->world.now, LOOK_MS);
        if (t->world.platform) {
            enum err e = store_read(platform_ledger(t->world.platform), note_states, t);
            (void)e; /* they are looked at again */
            decide_conflicts(t);
        }
        if (stop_when_final && all_final(t))
            return;
    }
}

static void run(struct trial *t)
{
    draw_orders(t);
    draw_renewal(t);
    live_until(t, (mono_ms){CHAOS_MS}, false);
    world_calm_down(&t->world);
    t->reset_at = MONO_NEVER; /* what has not happened by now does not */
    live_until(t, mono_after(t->world.now, CALM_MS), true);
    if (t->world.platform)
        judge_all(t);
    else
        violation(t, &t->result->stuck, "the platform did not come back", "");
}

void trial_run(uint64_t seed, bool tracing, struct trial_result *out)
{
    struct trial *t = calloc(1, sizeof *t);
    MUST(t);
    *out = (struct trial_result){.seed = seed};
    t->result = out;
    t->rand = rand_split(seed, "trial");
    const struct world_options options = {.seed = seed,
                                          .meters = 2 + rand_below(&t->rand, WORLD_METERS - 1),
                                          .faults = draw_faults(&t->rand),
                                          .hoard_fen = some(&t->rand, 6'000),
                                          .tracing = tracing};
    enum err e = world_open(&t->world, &options);
    t->world.on_outcome = watch_outcome;
    t->world.on_crash = watch_crash;
    t->world.arg = t;
    if (e == ERR_OK)
        run(t);
    else
        violation(t, &out->faults, err_name(e), "at the start");
    out->trace = t->world.trace;
    out->counts = t->world.counts;
    out->virtual_ms = t->world.now.ms;
    world_close(&t->world);
    free(t);
}
