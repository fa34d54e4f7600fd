#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/zone.h"
#include "vend/vend_impl.h"

static const char *const names[VEND_STATE_COUNT] = {
    [VEND_CREATED] = "CREATED",     [VEND_PAID] = "PAID",         [VEND_BOUND] = "BOUND",
    [VEND_CONFIRMED] = "CONFIRMED", [VEND_REJECTED] = "REJECTED", [VEND_FENCED] = "FENCED",
    [VEND_REFUNDED] = "REFUNDED",   [VEND_CONFLICT] = "CONFLICT", [VEND_BOOKED] = "BOOKED",
};

#define NO_BOOK LEDGER_BOOK_COUNT
#define NO_EVENT EVENT_COUNT

/* Every allowed move with its effects: money goes `from_book` -> `to_book`, once an order, under
 * the key 'order:ID/WORD'. PAID takes from the book of the method. */
static const struct move {
    enum vend_state from, to;
    const char *word; /* of the ledger key and of the audit action */
    enum ledger_book from_book, to_book;
    enum journal_kind event;
} moves[] = {
    {VEND_CREATED, VEND_PAID, "paid", LEDGER_CASH, LEDGER_PREPAYMENT, EVENT_ORDER_PAID},
    {VEND_PAID, VEND_BOOKED, "booked", NO_BOOK, NO_BOOK, EVENT_ORDER_BOOKED},
    {VEND_PAID, VEND_BOUND, "bound", LEDGER_PREPAYMENT, LEDGER_TRANSIT, EVENT_VEND_BOUND},
    {VEND_PAID, VEND_REFUNDED, "withdrawn", NO_BOOK, NO_BOOK, EVENT_VEND_REFUNDED},
    {VEND_BOUND, VEND_BOUND, "rebound", NO_BOOK, NO_BOOK, EVENT_VEND_BOUND},
    {VEND_BOUND, VEND_CONFIRMED, "confirmed", LEDGER_TRANSIT, LEDGER_WALLET, EVENT_VEND_CONFIRMED},
    {VEND_BOUND, VEND_FENCED, "fenced", NO_BOOK, NO_BOOK, NO_EVENT},
    {VEND_BOUND, VEND_CONFLICT, "conflict", NO_BOOK, NO_BOOK, EVENT_VEND_CONFLICT},
    {VEND_FENCED, VEND_CONFIRMED, "confirmed", LEDGER_TRANSIT, LEDGER_WALLET, EVENT_VEND_CONFIRMED},
    {VEND_FENCED, VEND_REFUNDED, "refunded", LEDGER_TRANSIT, LEDGER_PREPAYMENT,
     EVENT_VEND_REFUNDED},
    {VEND_FENCED, VEND_REJECTED, "rejected", LEDGER_TRANSIT, LEDGER_PREPAYMENT,
     EVENT_VEND_REJECTED},
    {VEND_FENCED, VEND_CONFLICT, "conflict", NO_BOOK, NO_BOOK, EVENT_VEND_CONFLICT},
    {VEND_CONFLICT, VEND_CONFIRMED, "confirmed", LEDGER_TRANSIT, LEDGER_WALLET,
     EVENT_VEND_CONFIRMED},
    {VEND_CONFLICT, VEND_REFUNDED, "refunded", LEDGER_TRANSIT, LEDGER_PREPAYMENT,
     EVENT_VEND_REFUNDED},
};

static const struct move *find_move(enum vend_state from, enum vend_state to)
{
    for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
        if (moves[i].from == from && moves[i].to == to)
            return &moves[i];
    return NULL;
}

const char *vend_state_name(enum vend_state s)
{
    MUST((unsigned)s < VEND_STATE_COUNT);
    return names[s];
}

enum vend_state vend_state_of(const char *name)
{
    for (int i = 0; i < VEND_STATE_COUNT; i++)
        if (strcmp(names[i], name) == 0)
            return (enum vend_state)i;
    return VEND_STATE_COUNT;
}

bool vend_state_final(enum vend_state s)
{
    return s == VEND_CONFIRMED || s == VEND_REJECTED || s == VEND_REFUNDED || s == VEND_BOOKED;
}

bool vend_state_allowed(enum vend_state from, enum vend_state to)
{
    return find_move(from, to) != NULL;
}

enum err vend_business_day(struct vend_turn *t, int64_t project_id, int32_t *day)
{
    int32_t offset_s = 0;
    struct query q = query_open(t->tx, "SELECT zone FROM project WHERE id = $1", "i", project_id);
    bool known = query_step(&q) && zone_offset(query_text(&q, 0), &offset_s);
    TRY(query_end(&q));
    *day = civil_local_day(t->now, offset_s);
    return known ? ERR_OK : ERR_BILLING_ZONE;
}

static enum err post(struct vend_turn *t, const struct vend_order *o, const struct move *m)
{
    enum ledger_book from = m->from_book;
    int64_t fen = vend_meter_fen(o);
    if (o->state == VEND_CREATED) {
        from = vend_method_find(o->method)->contra;
        fen = o->amount_fen;
    }
    if (from == NO_BOOK)
        return ERR_OK;
    char key[LEDGER_KEY_MAX], kind[32];
    snprintf(key, sizeof key, "order:%s/%s", o->order_id, m->word);
    snprintf(kind, sizeof kind, "order.%s", m->word);
    struct detail d = {};
    detail_text(&d, "order", o->order_id);
    detail_text(&d, "method", o->method);
    struct ledger_entry e = {
        .account_id = o->account_id,
        .key = key,
        .kind = kind,
        .now = t->now,
        .actor = t->actor,
        .detail = detail_end(&d),
        .postings = {{from, -fen}, {m->to_book, fen}},
    };
    int32_t day;
    TRY(vend_business_day(t, o->project_id, &day));
    e.business_day = day;
    struct ledger_posted posted;
    TRY(ledger_post(t->tx, &e, &posted));
    /* One posting a move and order: a repeat would mean that the state had gone back. */
    return posted.repeated ? ERR_BUG : ERR_OK;
}

static enum err write_state(struct vend_turn *t, const struct vend_order *o, enum vend_state to)
{
    TRY(store_exec(
        t->tx,
        "UPDATE sale_order SET state = $3, changed_at = $4, "
        "paid_at = CASE WHEN $3 = 'PAID' THEN $4 ELSE paid_at END, "
        "booked_at = CASE WHEN $3 = 'BOOKED' THEN $4 ELSE booked_at END, "
        "bound_at = CASE WHEN $3 = 'BOUND' THEN coalesce(bound_at, $4) ELSE bound_at END, "
        "confirmed_at = CASE WHEN $3 = 'CONFIRMED' THEN $4 ELSE confirmed_at END, "
        "closed_at = CASE WHEN $3 IN ('REFUNDED', 'REJECTED') THEN $4 ELSE closed_at END "
        "WHERE account_id = $1 AND order_id = $2 AND state = $5",
        "ittit", o->account_id, o->order_id, names[to], t->now.s, names[o->state]));
    MUST(store_changes(t->tx) == 1);
    if (o->n == 0)
        return ERR_OK;
    return store_exec(t->tx,
                      "UPDATE vend SET state = $3, changed_at = $4 "
                      "WHERE account_id = $1 AND order_id = $2",
                      "itti", o->account_id, o->order_id, names[to], t->now.s);
}

static enum err tell(struct vend_turn *t, const struct vend_order *o, const struct move *m,
                     struct detail *note)
{
    struct detail own = {}, *d = note ? note : &own;
    char action[32], object[64];
    detail_text(d, "order", o->order_id);
    detail_int(d, "amount_fen", o->amount_fen);
    if (o->kept_fen)
        detail_int(d, "kept_fen", o->kept_fen);
    detail_text(d, "from", names[m->from]);
    detail_text(d, "to", names[m->to]);
    if (o->n) {
        detail_int(d, "meter", o->meter_id);
        detail_int(d, "epoch", o->epoch);
        detail_int(d, "n", o->n);
    }
    const char *json = detail_end(d);
    snprintf(action, sizeof action, "order.%s", m->word);
    snprintf(object, sizeof object, "account:%lld", (long long)o->account_id);
    TRY(journal_append(t->tx, &(struct journal_act){t->now, t->actor, action, object, json}));
    if (m->event == NO_EVENT)
        return ERR_OK;
    return journal_event(t->tx, &(struct journal_event){.at = t->now,
                                                        .kind = m->event,
                                                        .project_id = o->project_id,
                                                        .account_id = o->account_id,
                                                        .meter_id = o->meter_id,
                                                        .detail = json});
}

enum err vend_move(struct vend_turn *t, struct vend_order *o, enum vend_state to,
                   struct detail *note)
{
    const struct move *m = find_move(o->state, to);
    if (!m)
        return ERR_STATE;
    TRY(post(t, o, m));
    TRY(write_state(t, o, to));
    TRY(tell(t, o, m, note));
    o->state = to;
    return ERR_OK;
}
