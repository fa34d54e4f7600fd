/* What is known of an account's past days, from the books, the settlements and the lists. */
#include <stdlib.h>
#include <string.h>

#include "control/preview_impl.h"
#include "control/protect.h"
#include "ledger/ledger.h"

#define FOREVER INT64_MAX
#define AT_ONCE 64 /* transactions of one look into the ledger */

static enum err add(struct preview_list *l, const void *item, size_t size)
{
    if (l->count == l->room) {
        size_t room = l->room ? 2 * l->room : 64;
        void *items = realloc(l->items, room * size);
        if (!items)
            return ERR_MEMORY;
        l->items = items;
        l->room = room;
    }
    memcpy((char *)l->items + l->count++ * size, item, size);
    return ERR_OK;
}

/* --- the books -----------------------------------------------------------------------------------
 */

struct look {
    struct preview_history *h;
    enum ledger_book book;
    int64_t seq;
    size_t told;
    bool over; /* what comes is of before h->from */
};

static enum err take_txn(void *arg, const struct ledger_txn *t)
{
    struct look *l = arg;
    struct preview_move m = {.at = t->at};
    l->told++;
    l->seq = t->seq;
    if (t->at.s < l->h->from.s) {
        l->over = true;
        return ERR_OK;
    }
    for (size_t i = 0; i < t->posting_count; i++) {
        const struct ledger_posting *p = &t->postings[i];
        m.amount_fen += p->book == l->book ? p->amount_fen : 0;
        m.due_fen += p->book == LEDGER_OTHER_DUE ? p->amount_fen : 0;
    }
    m.other_fen = fee_is_service(t->kind) ? m.amount_fen : 0;
    l->h->balance_fen -= m.amount_fen;
    l->h->due_fen -= m.due_fen;
    return m.amount_fen == 0 && m.due_fen == 0 ? ERR_OK : add(&l->h->moves, &m, sizeof m);
}

static void turn_round(struct preview_list *l)
{
    struct preview_move *m = l->items;
    for (size_t i = 0, k = l->count; i + 1 < k--; i++) {
        struct preview_move first = m[i];
        m[i] = m[k];
        m[k] = first;
    }
}

/* From the balance of now back to that of the beginning. */
static enum err load_moves(struct store_tx *tx, struct preview_history *h)
{
    struct look l = {.h = h,
                     .book = h->account->wallet == SITE_WALLET_METER ? LEDGER_WALLET
                                                                     : LEDGER_PREPAYMENT};
    TRY(ledger_balance(tx, h->account->id, l.book, &h->balance_fen));
    TRY(ledger_balance(tx, h->account->id, LEDGER_OTHER_DUE, &h->due_fen));
    do {
        l.told = 0;
        TRY(ledger_history(tx, h->account->id, l.seq, AT_ONCE, take_txn, &l));
    } while (!l.over && l.told >= AT_ONCE && l.seq > 1);
    turn_round(&h->moves);
    return fee_other_sum(tx, h->account->id, (wall_s){h->from.s - 1}, &h->other_fen);
}

/* --- settled periods
 * -------------------------------------------------------------------------------
 */

static enum err load_settled(struct store_tx *tx, struct preview_history *h)
{
    struct query q = query_open(
        tx,
        "SELECT s.meter_id, s.opened_at, s.closed_at, s.amount_fen, t.at FROM settlement s "
        "LEFT JOIN ledger_txn t ON t.account_id = s.account_id AND t.key = 'settle:' || s.meter_id "
        "|| ':' || s.epoch || ':' || s.opened_at "
        "WHERE s.account_id = $1 AND s.closed_at >= $2 ORDER BY s.opened_at, s.meter_id",
        "ii", h->account->id, h->from.s - 31 * PREVIEW_DAY_S);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct preview_period p = {query_int(&q, 0),   {query_int(&q, 1)}, {query_int(&q, 2)},
                                   {query_int(&q, 4)}, query_int(&q, 3),   false};
        if (p.booked_at.s < p.closed_at.s)
            p.booked_at = p.closed_at; /* of nothing, or a run has not written it yet */
        e = add(&h->periods, &p, sizeof p);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err add_open(struct preview_history *h, const struct billing_outlook *o)
{
    for (size_t i = 0; i < o->meter_count; i++) {
        const struct billing_meter *m = &o->meters[i];
        struct preview_period p = {.meter_id = m->meter_id,
                                   .opened_at = m->opened_at,
                                   .closed_at = m->reading_at,
                                   .booked_at = {FOREVER},
                                   .amount_fen = m->bill.amount_fen,
                                   .open = true};
        if (m->open && m->refusal == ERR_OK && m->opened_at.s < h->until.s)
            TRY(add(&h->periods, &p, sizeof p));
    }
    return ERR_OK;
}

/* --- what stood against a cut
 * ----------------------------------------------------------------------
 */

/* On its way from its making until it stood; what has no end yet is still on its way. */
static enum err load_orders(struct store_tx *tx, struct preview_history *h)
{
    struct query q = query_open(
        tx,
        "SELECT created_at, CASE WHEN state IN ('CREATED', 'PAID', 'BOUND', 'FENCED', 'CONFLICT') "
        "THEN NULL ELSE coalesce(confirmed_at, booked_at, closed_at, changed_at) END, "
        "CASE WHEN state IN ('REJECTED', 'REFUNDED') THEN NULL ELSE paid_at END, amount_fen "
        "FROM sale_order WHERE account_id = $1 ORDER BY created_at, order_id",
        "i", h->account->id);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct preview_order o = {{query_int(&q, 0)},
                                  {query_null(&q, 1) ? FOREVER : query_int(&q, 1)},
                                  {query_int(&q, 2)},
                                  query_int(&q, 3)};
        e = add(&h->orders, &o, sizeof o);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err load_flights(struct store_tx *tx, struct preview_history *h)
{
    struct query q = query_open(tx,
                                "SELECT begun_at, until_at FROM payment_flight "
                                "WHERE account_id = $1 ORDER BY begun_at",
                                "i", h->account->id);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct preview_flight f = {{query_int(&q, 0)}, {query_int(&q, 1)}};
        e = add(&h->flights, &f, sizeof f);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

static enum err load_true_ups(struct store_tx *tx, struct preview_history *h)
{
    struct query q = query_open(tx,
                                "SELECT at, grace_until, amount_fen FROM true_up "
                                "WHERE account_id = $1 AND grace_until > $2 ORDER BY at",
                                "ii", h->account->id, h->from.s);
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(&q)) {
        struct preview_true_up t = {{query_int(&q, 0)}, {query_int(&q, 1)}, query_int(&q, 2)};
        e = add(&h->true_ups, &t, sizeof t);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* In force from when it was known, until it was lifted. */
static enum err take_protection(void *arg, const struct control_protection *p)
{
    struct preview_history *h = arg;
    struct preview_protection one = {p->from, p->until, p->kind};
    if (p->now.s > one.from.s)
        one.from = p->now;
    if (one.until.s == 0)
        one.until.s = FOREVER;
    if (p->lifted_at.s != 0 && p->lifted_at.s < one.until.s)
        one.until = p->lifted_at;
    if (p->kind == STRATEGY_PROTECTION_COUNT || one.until.s <= h->from.s)
        return ERR_OK;
    return add(&h->protections, &one, sizeof one);
}

/* --- meters
 * ------------------------------------------------------------------------------------------
 */

struct hours {
    const struct preview_source *source;
    struct preview_history *h;
    struct preview_meter *meter;
};

static enum err take_hours(struct store_tx *tx, const struct hours *w, struct readings_usage *usage)
{
    const struct preview_history *h = w->h;
    struct readings_span span = {w->meter->id, POINT_ENERGY_WH, h->from, h->until, PREVIEW_HOUR_S};
    size_t count;
    int64_t used_wh = 0, read = 0;
    TRY(readings_usage(w->source->readings, tx, &span, usage, h->hour_count, &count));
    for (size_t i = 0; i < h->hour_count; i++) {
        bool told = i < count && usage[i].measured;
        used_wh += told ? usage[i].energy_wh : 0;
        read = told ? (int64_t)i + 1 : read;
        w->meter->hours[i] = (struct preview_hour){used_wh, read};
    }
    return ERR_OK;
}

static enum err read_hours(struct store_tx *tx, void *arg)
{
    const struct hours *w = arg;
    struct readings_usage *usage = calloc(w->h->hour_count, sizeof *usage);
    enum err e = usage ? take_hours(tx, w, usage) : ERR_MEMORY;
    free(usage);
    return e;
}

static enum err load_hours(struct hours *w)
{
    if (!w->source->readings || !w->source->readings_store)
        return ERR_OK;
    w->meter->hours = calloc(w->h->hour_count, sizeof *w->meter->hours);
    if (!w->meter->hours)
        return ERR_MEMORY;
    return store_read(w->source->readings_store, read_hours, w);
}

static enum err take_meter(void *arg, const struct site_meter *m)
{
    struct hours *w = arg;
    struct preview_history *h = w->h;
    struct control_row r;
    if (h->meter_count == BILLING_METERS_MAX)
        return ERR_BILLING_METERS;
    struct control_meter meter;
    TRY(control_row_load(w->source->tx, m->id, 0, &r));
    TRY(control_meter_load(w->source->tx, m->id, &meter));
    h->can_cut = h->can_cut || meter.cuts;
    h->keep_power = h->keep_power || r.keep_power;
    if (fee_desired_of(&r) == STRATEGY_DESIRED_OPEN_PERSON)
        h->person_at = r.changed_at;
    w->meter = &h->meters[h->meter_count++];
    *w->meter = (struct preview_meter){m->id, meter.cuts ? m->circuits : 0, NULL};
    return load_hours(w);
}

/* --- all
 * ---------------------------------------------------------------------------------------------
 */

enum err preview_history_load(const struct preview_source *source, struct preview_history *h)
{
    struct hours hours = {.source = source, .h = h};
    struct control_protect_query all = {.account_id = h->account->id};
    h->hour_count = (size_t)((h->until.s - h->from.s) / PREVIEW_HOUR_S);
    TRY(load_moves(source->tx, h));
    TRY(load_settled(source->tx, h));
    if (source->outlook)
        TRY(add_open(h, source->outlook));
    TRY(load_orders(source->tx, h));
    TRY(load_flights(source->tx, h));
    TRY(load_true_ups(source->tx, h));
    TRY(control_protect_list(source->tx, &all, take_protection, h));
    return site_meters_of_account(source->tx, h->account->id, take_meter, &hours);
}

void preview_history_free(struct preview_history *h)
{
    for (size_t i = 0; i < h->meter_count; i++)
        free(h->meters[i].hours);
    free(h->moves.items);
    free(h->periods.items);
    free(h->orders.items);
    free(h->protections.items);
    free(h->flights.items);
    free(h->true_ups.items);
    *h = (struct preview_history){};
}
