#include <stdio.h>

#include "headend/headend.h"
#include "vend/vend_impl.h"

const char *vend_reply_name(enum uplink_reply reply)
{
    static const char *const names[] = {
        [UPLINK_REPLY_NONE] = "none",         [UPLINK_REPLY_OK] = "ok",
        [UPLINK_REPLY_REPEAT] = "repeat",     [UPLINK_REPLY_COUNT] = "count",
        [UPLINK_REPLY_CUSTOMER] = "customer", [UPLINK_REPLY_HOARD] = "hoard",
        [UPLINK_REPLY_AUTH] = "auth",         [UPLINK_REPLY_OTHER] = "other",
    };
    return (size_t)reply < sizeof names / sizeof *names ? names[reply] : "other";
}

/* Refusals that no repetition can change; all others are tried again. */
bool vend_reply_is_refusal(enum uplink_reply reply)
{
    return reply == UPLINK_REPLY_CUSTOMER || reply == UPLINK_REPLY_HOARD;
}

enum vend_finding vend_find(const struct vend_order *o, const struct vend_wallet *w,
                            const struct uplink_outcome *e)
{
    if (e->epoch != o->epoch || e->status == UPLINK_NO_METER || e->count < 0)
        return VEND_FINDS_NOTHING;
    if (e->count >= o->n) {
        if (e->record_n != o->n)
            return VEND_FINDS_DOUBT;
        if (e->record_amount_fen == vend_meter_fen(o))
            return VEND_FINDS_OURS;
        /* A stranger's sale must show in the meter's sum as well. */
        return e->purchased_fen > w->purchased_fen ? VEND_FINDS_FOREIGN : VEND_FINDS_DOUBT;
    }
    if (e->count < o->n - 1)
        return VEND_FINDS_DOUBT;
    if (e->purchased_fen < 0)
        return o->state == VEND_FENCED ? VEND_FINDS_NOTHING : VEND_FINDS_NOT_YET;
    return e->purchased_fen == w->purchased_fen ? VEND_FINDS_NOT_YET : VEND_FINDS_DOUBT;
}

static enum err keep_evidence(struct vend_turn *t, const struct vend_order *o,
                              const struct uplink_outcome *e)
{
    struct detail d = {};
    detail_int(&d, "at", e->at.s);
    detail_text(&d, "reply", vend_reply_name(e->reply));
    detail_bool(&d, "sent", e->sent);
    detail_int(&d, "count", e->count);
    detail_int(&d, "record_n", e->record_n);
    detail_int(&d, "record_amount_fen", e->record_amount_fen);
    detail_int(&d, "purchased_fen", e->purchased_fen);
    if (e->balance_fen != INT64_MIN)
        detail_int(&d, "balance_fen", e->balance_fen);
    return store_exec(t->tx,
                      "UPDATE vend SET evidence = $3 WHERE account_id = $1 AND order_id = $2",
                      "itt", o->account_id, o->order_id, detail_end(&d));
}

static enum err confirm(struct vend_turn *t, struct vend_order *o, struct vend_wallet *w,
                        const struct uplink_outcome *e)
{
    TRY(keep_evidence(t, o, e));
    TRY(vend_move(t, o, VEND_CONFIRMED, NULL));
    w->count = o->n;
    w->purchased_fen += vend_meter_fen(o);
    w->suspect = false;
    w->doubt = 0;
    TRY(vend_wallet_save(t->tx, w));
    /* Whatever the meter holds beyond it is not ours (V6). */
    TRY(vend_wallet_judge(t, w, e));
    return vend_bind_next(t, o->meter_id);
}

/* REFUNDED or REJECTED: the money is the customer's again, the number is free again. */
static enum err release(struct vend_turn *t, struct vend_order *o)
{
    bool refused = o->cause[0] == 'r';
    struct detail d = {};
    detail_text(&d, "reason", o->reason);
    TRY(vend_move(t, o, refused ? VEND_REJECTED : VEND_REFUNDED, &d));
    return vend_bind_next(t, o->meter_id);
}

static enum err refuse(struct vend_turn *t, struct vend_order *o, const struct uplink_outcome *e)
{
    snprintf(o->cause, sizeof o->cause, "refused");
    snprintf(o->reason, sizeof o->reason, "%s", vend_reply_name(e->reply));
    struct detail d = {};
    detail_text(&d, "cause", o->cause);
    detail_text(&d, "reason", o->reason);
    TRY(vend_move(t, o, VEND_FENCED, &d));
    o->pause = o->doubt = 0;
    return vend_fence_push(t, o);
}

static enum err wait(struct vend_turn *t, struct vend_order *o)
{
    o->next_at.s = t->now.s + vend_pause_s(o->pause++);
    return vend_order_save(t, o);
}

static enum err not_yet(struct vend_turn *t, struct vend_order *o, struct vend_wallet *w,
                        const struct uplink_outcome *e)
{
    o->doubt = 0;
    w->suspect = false;
    w->doubt = 0;
    TRY(vend_wallet_save(t->tx, w));
    if (o->state == VEND_FENCED)
        return release(t, o);
    if (e->kind == UPLINK_VEND && vend_reply_is_refusal(e->reply))
        return refuse(t, o, e);
    return wait(t, o);
}

static enum err doubt(struct vend_turn *t, struct vend_order *o, const struct uplink_outcome *e)
{
    if (o->doubt_command != e->command_id)
        o->doubt++;
    o->doubt_command = e->command_id;
    if (o->doubt < VEND_DOUBT_MAX)
        return wait(t, o);
    bool standing; /* of what may still be under way, nothing is carried out while a person decides
                    */
    TRY(vend_order_save(t, o));
    TRY(vend_fence_all(t, o, &standing));
    struct detail d = {};
    detail_int(&d, "count", e->count);
    detail_int(&d, "record_n", e->record_n);
    detail_int(&d, "record_amount_fen", e->record_amount_fen);
    detail_int(&d, "purchased_fen", e->purchased_fen);
    return vend_move(t, o, VEND_CONFLICT, &d);
}

/* Number n belongs to somebody else, for ever: ours can never be applied under it (c11). */
static enum err foreign(struct vend_turn *t, struct vend_order *o, struct vend_wallet *w,
                        const struct uplink_outcome *e)
{
    TRY(vend_wallet_foreign(t, w, e->count, e->purchased_fen));
    if (o->state == VEND_FENCED)
        return release(t, o);
    return vend_bind(t, o, e->count + 1);
}

/* A contradiction: believed when a second, independent read-back shows the same. */
static enum err contradict(struct vend_turn *t, struct vend_order *o, struct vend_wallet *w,
                           const struct uplink_outcome *e)
{
    bool is_foreign = vend_find(o, w, e) == VEND_FINDS_FOREIGN;
    bool sum_only = e->count == o->n - 1 && e->purchased_fen >= 0;
    bool twice = (is_foreign || sum_only) && vend_wallet_suspect(w, e, is_foreign);
    TRY(vend_wallet_save(t->tx, w));
    if (twice && is_foreign)
        return foreign(t, o, w, e);
    if (twice) {
        TRY(vend_wallet_foreign(t, w, e->count, e->purchased_fen));
        return not_yet(t, o, w, e);
    }
    return doubt(t, o, e);
}

static enum err judge(struct vend_turn *t, struct vend_order *o, const struct uplink_outcome *e)
{
    struct vend_wallet w;
    TRY(vend_wallet_load(t->tx, o->account_id, o->meter_id, &w));
    enum vend_finding found = vend_find(o, &w, e);
    if (found == VEND_FINDS_OURS) /* true however old: counts never fall inside an epoch */
        return confirm(t, o, &w, e);
    if (o->state == VEND_CONFLICT)
        return ERR_OK;
    /* Anything else proves something only if it was read after the last step was decided. */
    int64_t present = o->state == VEND_FENCED ? o->fence_read : o->command_id;
    if (e->command_id != present)
        return o->state == VEND_FENCED ? vend_fence_push(t, o) : ERR_OK;
    TRY(keep_evidence(t, o, e));
    if (found == VEND_FINDS_NOTHING)
        return wait(t, o);
    if (found == VEND_FINDS_NOT_YET)
        return not_yet(t, o, &w, e);
    return contradict(t, o, &w, e);
}

/* No sale is unresolved: what the meter says is compared with what is proven. */
static enum err judge_wallet(struct vend_turn *t, int64_t account_id,
                             const struct uplink_outcome *e)
{
    struct vend_wallet w;
    TRY(vend_wallet_load(t->tx, account_id, e->meter_id, &w));
    if (e->epoch != w.epoch || e->status == UPLINK_NO_METER || e->count < 0)
        return ERR_OK;
    if (e->command_id == w.read_command)
        TRY(vend_wallet_judge(t, &w, e));
    else if (e->count > w.count)
        TRY(vend_wallet_ask(t, &w)); /* old news may be true: look afresh */
    return vend_bind_next(t, e->meter_id);
}

enum err vend_outcome(struct store_tx *tx, const struct vend_evidence *evidence)
{
    const struct uplink_outcome *e = evidence->outcome;
    if (e->kind != UPLINK_VEND && e->kind != UPLINK_READ)
        return ERR_OK;
    struct vend_turn t = vend_turn_of(tx, evidence->now, "system", evidence->random);
    struct vend_order o;
    enum err open = vend_order_open(tx, e->meter_id, &o);
    if (open == ERR_OK)
        return judge(&t, &o, e);
    if (open != ERR_NOT_FOUND)
        return open;
    int64_t account_id;
    enum err known = store_int(tx, &account_id,
                               "SELECT m.account_id FROM meter m JOIN account a "
                               "ON a.id = m.account_id AND a.wallet = 'meter' WHERE m.id = $1",
                               "i", e->meter_id);
    if (known != ERR_OK)
        return known == ERR_NOT_FOUND ? ERR_OK : known;
    return judge_wallet(&t, account_id, e);
}
