/* Orders: the sale, its money trail, the way back. */
#include <stdio.h>
#include <string.h>

#include "api/api_impl.h"
#include "pay/shift.h"
#include "vend/vend.h"

#define SALE_MAX_FEN 10'000'000

_Static_assert(VEND_ORDER_ID_MIN == API_KEY_MIN && VEND_ORDER_ID_MAX == API_KEY_MAX,
               "order ids and idempotency keys have one form");

/* One step of the trail. It is shown when it has happened, or when it lies ahead. */
static void put_step(struct jwrite *w, const char *step, wall_s at, int64_t n)
{
    jwrite_object(w, NULL);
    jwrite_text(w, "step", step);
    jwrite_id(w, "at", at.s);
    if (n)
        jwrite_int(w, "n", n);
    jwrite_end(w);
}

/* How an order ended that did not end in the meter. */
static void put_end(struct jwrite *w, const struct vend_status *s)
{
    static const struct {
        enum vend_state state;
        const char *step;
    } ends[] = {{VEND_REJECTED, "rejected"},
                {VEND_REFUNDED, "refunded"},
                {VEND_CONFLICT, "conflict"},
                {VEND_FENCED, "fenced"}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (s->state == ends[i].state)
            put_step(w, ends[i].step, s->closed_at.s ? s->closed_at : s->changed_at, 0);
}

static void put_steps(struct jwrite *w, const struct vend_status *s)
{
    bool ahead = s->state == VEND_CREATED || s->state == VEND_PAID || s->state == VEND_BOUND;
    jwrite_array(w, "steps");
    put_step(w, "paid", s->paid_at, 0);
    if (s->meter_id == 0 || s->state == VEND_BOOKED)
        put_step(w, "booked", s->booked_at, 0);
    if (s->meter_id != 0 && (s->bound_at.s || ahead))
        put_step(w, "bound", s->bound_at, s->n);
    if (s->meter_id != 0 && (s->sent_at.s || ahead))
        put_step(w, "sent", s->sent_at, 0);
    if (s->meter_id != 0 && (s->confirmed_at.s || ahead))
        put_step(w, "confirmed", s->confirmed_at, s->confirmed_at.s ? s->n : 0);
    put_end(w, s);
    jwrite_end(w);
}

void api_put_order(struct jwrite *w, const char *key, const struct vend_status *s,
                   const struct shift_sale *split)
{
    jwrite_object(w, key);
    jwrite_int(w, "account_id", s->account_id);
    jwrite_text(w, "order_id", s->order_id);
    jwrite_int(w, "amount_fen", s->amount_fen);
    jwrite_int(w, "kept_fen", s->kept_fen);
    jwrite_text(w, "method", s->method);
    jwrite_text(w, "state", vend_state_name(s->state));
    jwrite_text(w, "wallet", s->meter_id ? "meter" : "platform");
    jwrite_id(w, "meter_id", s->meter_id);
    jwrite_id(w, "epoch", s->epoch);
    jwrite_id(w, "n", s->n);
    jwrite_int(w, "attempt", s->attempt);
    jwrite_int(w, "created_at", s->paid_at.s ? s->paid_at.s : s->changed_at.s);
    jwrite_int(w, "changed_at", s->changed_at.s);
    jwrite_text(w, "actor", s->actor);
    jwrite_bool(w, "final", vend_state_final(s->state));
    if (split) {
        jwrite_int(w, "paid_fen", split->paid_fen);
        jwrite_int(w, "fee_fen", split->fee_fen);
    }
    put_steps(w, s);
    jwrite_end(w);
}

/* An order that was not sold at the desk was paid as it is credited. */
static enum err put_divided(struct call *c, const struct vend_status *s)
{
    struct shift_sale split;
    enum err e = shift_sale_get(c->tx, s->account_id, s->order_id, &split);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_NOT_FOUND)
        split = (struct shift_sale){s->amount_fen, s->amount_fen, 0, 0};
    api_put_order(&c->out, NULL, s, &split);
    return ERR_OK;
}

static enum err put_one(void *arg, const struct vend_status *s)
{
    return put_divided(arg, s);
}

static enum err put_orders(struct call *c, struct vend_filter f)
{
    TRY(api_query_text(c, "state", 16, &f.state));
    if (f.state && strcmp(f.state, "open") != 0 && vend_state_of(f.state) == VEND_STATE_COUNT)
        return api_bad(c, "state", ERR_API_FIELD, "open, or the name of a state is expected");
    TRY(api_query_limit(c, &f.limit));
    jwrite_object(&c->out, NULL);
    jwrite_array(&c->out, "orders");
    TRY(vend_list(c->tx, &f, put_one, c));
    jwrite_end(&c->out);
    jwrite_end(&c->out);
    return ERR_OK;
}

enum err api_orders(struct call *c)
{
    return put_orders(c, (struct vend_filter){.account_id = c->id});
}

enum err api_meter_orders(struct call *c)
{
    return put_orders(c, (struct vend_filter){.meter_id = c->id});
}

enum err api_order(struct call *c)
{
    struct vend_status s;
    TRY(vend_get(c->tx, c->id, c->order, &s));
    return put_divided(c, &s);
}

static enum err written(struct call *c, const struct vend_status *s)
{
    c->wrote_account = s->account_id;
    memcpy(c->wrote_order, s->order_id, sizeof c->wrote_order);
    return put_divided(c, s);
}

/* How much could be sold instead. */
static enum err explain_room(struct call *c)
{
    int64_t room_fen;
    TRY(vend_room_fen(c->tx, c->id, c->api->options.readings, c->now, &room_fen));
    snprintf(c->detail, sizeof c->detail, "at most %lld fen may be sold now", (long long)room_fen);
    c->field = "amount_fen";
    return ERR_VEND_HOARD;
}

/* Which field a refusal of the room is about. */
static enum err explain(struct call *c, enum err e)
{
    if (e == ERR_VEND_HOARD)
        return explain_room(c);
    if (e == ERR_VEND_AMOUNT || e == ERR_VEND_LIMIT)
        c->field = "amount_fen";
    else if (e == ERR_VEND_ORDER_ID || e == ERR_VEND_DIFFERENT)
        c->field = "order_id";
    else if (e == ERR_VEND_METHOD)
        c->field = "method";
    return e;
}

enum err api_sell(struct call *c)
{
    const char *order_id = "", *method = "";
    int64_t amount_fen = 0;
    char actor[32];
    struct vend_status s;
    TRY(api_fields(
        c, (struct api_field[]){{"order_id", API_FIELD_TEXT, API_KEY_MIN, API_KEY_MAX, &order_id},
                                {"amount_fen", API_FIELD_INT, 1, SALE_MAX_FEN, &amount_fen},
                                {"method", API_FIELD_TEXT, 1, 16, &method},
                                {}}));
    if (!api_key_ok(order_id))
        return api_bad(c, "order_id", ERR_API_FIELD, "letters, digits, dots, dashes, underscores");
    if (strcmp(method, "cash") != 0)
        return api_bad(c, "method", ERR_API_FIELD, "cash is expected");
    api_actor(c, actor);
    struct vend_sale sale = {.account_id = c->id,
                             .order_id = order_id,
                             .amount_fen = amount_fen,
                             .method = method,
                             .actor = actor,
                             .now = c->now,
                             .random = api_draw(),
                             .readings = c->api->options.readings};
    TRY(explain(c, shift_sell(c->tx, &sale, &s, NULL)));
    c->status = 201;
    return written(c, &s);
}

enum err api_cancel(struct call *c)
{
    const char *reason = "";
    char actor[32];
    struct vend_status s;
    TRY(api_fields(c, (struct api_field[]){{"reason", API_FIELD_TEXT, 1, 200, &reason}, {}}));
    api_actor(c, actor);
    struct vend_request request = {.account_id = c->id,
                                   .order_id = c->order,
                                   .actor = actor,
                                   .reason = reason,
                                   .now = c->now,
                                   .random = api_draw()};
    TRY(vend_cancel(c->tx, &request, &s));
    c->status = 202;
    return written(c, &s);
}
