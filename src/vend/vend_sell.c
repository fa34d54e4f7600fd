#include <stdio.h>
#include <string.h>

#include "control/fee.h"
#include "vend/vend_impl.h"

#define WALLET_MAX_FEN INT64_C(99'999'999) /* six digits of yuan in the meter's registers */

/* Where the money comes from, and the largest single sale. An import is the operator's own money
 * taken over from an older system. */
static const struct vend_method methods[] = {
    {"cash", LEDGER_CASH, 20'000'000},
    {"import", LEDGER_CASH, WALLET_MAX_FEN},
    {"subsidy", LEDGER_SUBSIDY, 1'000'000},
    {"transfer", LEDGER_BOOK_COUNT, WALLET_MAX_FEN},
};

const struct vend_method *vend_method_find(const char *name)
{
    for (size_t i = 0; name && i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

int64_t vend_limit_fen(const char *method)
{
    const struct vend_method *m = vend_method_find(method);
    return m ? m->limit_fen : 0;
}

static bool order_id_valid(const char *id)
{
    size_t len = id ? strnlen(id, VEND_ORDER_ID_MAX + 1) : 0;
    if (len < VEND_ORDER_ID_MIN || len > VEND_ORDER_ID_MAX)
        return false;
    return strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") == len;
}

/* Exchanges and true-ups name their sales themselves: nobody may stand in their way with such a
 * name.
 */
static bool name_is_free(const struct vend_sale *s)
{
    bool ours = strncmp(s->order_id, "exchange-", 9) == 0 ||
                strncmp(s->order_id, VEND_TRUE_UP, sizeof VEND_TRUE_UP - 1) == 0;
    return !ours || (s->method && strcmp(s->method, "transfer") == 0);
}

static enum err check_form(const struct vend_sale *s)
{
    if (!order_id_valid(s->order_id) || !name_is_free(s))
        return ERR_VEND_ORDER_ID;
    const struct vend_method *m = vend_method_find(s->method);
    if (!m)
        return ERR_VEND_METHOD;
    if (s->amount_fen <= 0)
        return ERR_VEND_AMOUNT;
    return s->amount_fen > m->limit_fen ? ERR_VEND_LIMIT : ERR_OK;
}

/* ERR_NOT_FOUND: a new order. */
static enum err answer_repeat(struct store_tx *tx, const struct vend_sale *s)
{
    struct vend_order o;
    int64_t elsewhere;
    enum err e = vend_order_load(tx, s->account_id, s->order_id, &o);
    if (e == ERR_OK)
        return o.amount_fen == s->amount_fen && strcmp(o.method, s->method) == 0
                   ? ERR_OK
                   : ERR_VEND_DIFFERENT;
    if (e != ERR_NOT_FOUND)
        return e;
    e = store_int(tx, &elsewhere, "SELECT account_id FROM sale_order WHERE order_id = $1 LIMIT 1",
                  "t", s->order_id);
    return e == ERR_OK ? ERR_VEND_DIFFERENT : e;
}

struct buyer {
    int64_t project_id, meter_id; /* meter 0: wallet on the platform */
    bool closed, in_meter;
};

static enum err find_buyer(struct store_tx *tx, int64_t account_id, struct buyer *b)
{
    struct query q = query_open(tx,
                                "SELECT project_id, closed_at IS NOT NULL, wallet = 'meter' "
                                "FROM account WHERE id = $1",
                                "i", account_id);
    bool found = query_step(&q);
    if (found)
        *b = (struct buyer){query_int(&q, 0), 0, query_int(&q, 1) != 0, query_int(&q, 2) != 0};
    TRY(query_end(&q));
    if (!found)
        return ERR_VEND_ACCOUNT;
    if (b->closed)
        return ERR_VEND_CLOSED;
    if (!b->in_meter)
        return ERR_OK;
    enum err e = store_int(tx, &b->meter_id,
                           "SELECT id FROM meter WHERE account_id = $1 "
                           "ORDER BY kind <> 'electricity', id LIMIT 1",
                           "i", account_id);
    return e == ERR_NOT_FOUND ? ERR_VEND_NO_METER : e;
}

/* The prepayment also holds the money of orders that are paid and not yet bound. */
static enum err check_funds(struct store_tx *tx, const struct vend_sale *s, const struct buyer *b)
{
    int64_t free_fen;
    if (vend_method_find(s->method)->contra != LEDGER_BOOK_COUNT)
        return ERR_OK;
    if (!b->in_meter)
        return ERR_VEND_METHOD; /* it is where it should be already */
    TRY(vend_unpromised_fen(tx, s->account_id, &free_fen));
    return s->amount_fen > free_fen ? ERR_VEND_FUNDS : ERR_OK;
}

/* What people buy has a limit; what is taken over, given free or moved has none. */
static enum err check_room(struct store_tx *tx, const struct vend_sale *s)
{
    int64_t room_fen;
    if (vend_method_find(s->method)->contra != LEDGER_CASH || strcmp(s->method, "import") == 0)
        return ERR_OK;
    TRY(vend_room_fen(tx, s->account_id, s->readings, s->now, &room_fen));
    return s->amount_fen > room_fen ? ERR_VEND_HOARD : ERR_OK;
}

static enum err create(struct vend_turn *t, const struct vend_sale *s, const struct buyer *b,
                       struct vend_order *o)
{
    TRY(store_exec(t->tx,
                   "INSERT INTO sale_order (account_id, order_id, meter_id, amount_fen, method, "
                   "state, created_at, changed_at, actor, next_at) "
                   "VALUES ($1, $2, nullif($3, 0), $4, $5, 'CREATED', $6, $6, $7, $6)",
                   "itiitit", s->account_id, s->order_id, b->meter_id, s->amount_fen, s->method,
                   s->now.s, s->actor));
    TRY(vend_order_load(t->tx, s->account_id, s->order_id, o));
    struct detail d = {};
    detail_text(&d, "method", s->method);
    return vend_move(t, o, VEND_PAID, &d);
}

/* What the account owes is kept at once, so that the receipt says it. */
static enum err keep(struct vend_turn *t, struct vend_order *o)
{
    TRY(vend_keep_fen(t->tx, o, &o->kept_fen));
    if (o->kept_fen == 0)
        return ERR_OK;
    return store_exec(t->tx,
                      "UPDATE sale_order SET kept_fen = $3 WHERE account_id = $1 AND order_id = $2",
                      "iti", o->account_id, o->order_id, o->kept_fen);
}

static enum err thank(struct vend_turn *t, const struct vend_order *o)
{
    struct detail facts = {}, d = {};
    detail_int(&facts, "amount_fen", o->amount_fen);
    detail_text(&facts, "order", o->order_id);
    detail_text(&d, "template", "payment");
    detail_text(&d, "subject", o->order_id);
    detail_json(&d, "facts", detail_end(&facts));
    return journal_outbox_put(t->tx, "message", o->account_id, detail_end(&d), t->now);
}

enum err vend_sell(struct store_tx *tx, const struct vend_sale *sale, struct vend_status *out)
{
    struct buyer b;
    struct vend_order o;
    TRY(check_form(sale));
    enum err repeat = answer_repeat(tx, sale);
    if (repeat != ERR_NOT_FOUND)
        return repeat == ERR_OK ? vend_get(tx, sale->account_id, sale->order_id, out) : repeat;
    TRY(find_buyer(tx, sale->account_id, &b));
    TRY(check_funds(tx, sale, &b));
    TRY(check_room(tx, sale));
    struct vend_turn t = vend_turn_of(tx, sale->now, sale->actor, sale->random);
    TRY(create(&t, sale, &b, &o));
    TRY(keep(&t, &o));
    if (vend_meter_fen(&o) > 0 && b.in_meter)
        TRY(vend_bind_next(&t, b.meter_id));
    else
        TRY(vend_move(&t, &o, VEND_BOOKED, NULL));
    TRY(thank(&t, &o));
    struct control_fee fee = {sale->readings, sale->account_id, sale->now, rand_u64(&t.ids)};
    TRY(control_payment(tx, &fee));
    return vend_get(tx, sale->account_id, sale->order_id, out);
}

static enum err fence(struct vend_turn *t, struct vend_order *o, const char *reason)
{
    struct detail d = {};
    snprintf(o->cause, sizeof o->cause, "cancel");
    snprintf(o->reason, sizeof o->reason, "%s", reason);
    detail_text(&d, "cause", o->cause);
    detail_text(&d, "reason", o->reason);
    TRY(vend_move(t, o, VEND_FENCED, &d));
    o->pause = o->doubt = 0;
    return vend_fence_push(t, o);
}

static enum err cancel(struct vend_turn *t, struct vend_order *o, const char *reason)
{
    struct detail d = {};
    detail_text(&d, "reason", reason);
    switch (o->state) {
    case VEND_PAID:
        return vend_move(t, o, VEND_REFUNDED, &d);
    case VEND_BOUND:
        return fence(t, o, reason);
    case VEND_FENCED:
    case VEND_REFUNDED:
        return ERR_OK;
    case VEND_CONFLICT:
        return ERR_STATE;
    default:
        return ERR_VEND_FINAL;
    }
}

enum err vend_cancel(struct store_tx *tx, const struct vend_request *r, struct vend_status *out)
{
    struct vend_order o;
    struct vend_turn t = vend_turn_of(tx, r->now, r->actor, r->random);
    TRY(vend_order_load(tx, r->account_id, r->order_id, &o));
    TRY(cancel(&t, &o, r->reason ? r->reason : ""));
    return vend_get(tx, r->account_id, r->order_id, out);
}

enum err vend_resolve(struct store_tx *tx, const struct vend_request *r, bool applied,
                      struct vend_status *out)
{
    struct vend_order o;
    struct vend_wallet w;
    struct detail d = {};
    struct vend_turn t = vend_turn_of(tx, r->now, r->actor, r->random);
    TRY(vend_order_load(tx, r->account_id, r->order_id, &o));
    if (o.state != VEND_CONFLICT)
        return ERR_STATE;
    detail_text(&d, "reason", r->reason ? r->reason : "");
    TRY(vend_move(&t, &o, applied ? VEND_CONFIRMED : VEND_REFUNDED, &d));
    TRY(vend_wallet_load(tx, o.account_id, o.meter_id, &w));
    if (applied && w.epoch == o.epoch) {
        w.count = o.n;
        w.purchased_fen += vend_meter_fen(&o);
    }
    w.proven = w.suspect = false;
    w.doubt = 0;
    TRY(vend_wallet_save(tx, &w));
    TRY(vend_wallet_ask(&t, &w));
    return vend_get(tx, r->account_id, r->order_id, out);
}
