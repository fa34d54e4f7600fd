#include <stdio.h>

#include "headend/headend.h"
#include "vend/vend_impl.h"

#define ASK_MAX 5 /* contradictions in a row after which asking is left to readings and scanner */

static void take(const struct query *q, struct vend_wallet *w)
{
    w->epoch = query_int(q, 0);
    w->proven = query_int(q, 1) != 0;
    w->count = query_int(q, 2);
    w->purchased_fen = query_int(q, 3);
    w->opening_count = query_int(q, 4);
    w->opened = w->opening_count >= 0;
    w->opening_fen = query_int(q, 5);
    w->foreign_fen = query_int(q, 6);
    w->suspect = !query_null(q, 7);
    w->suspect_count = query_int(q, 7);
    w->suspect_fen = query_int(q, 8);
    w->suspect_command = query_int(q, 9);
    w->doubt = query_int(q, 10);
    w->read_command = query_int(q, 11);
    w->remaining_fen = query_null(q, 12) ? INT64_MIN : query_int(q, 12);
    w->read_at.s = query_int(q, 13);
}

static void begin(struct vend_wallet *w, int64_t epoch)
{
    w->epoch = epoch;
    w->proven = w->opened = w->suspect = false;
    w->count = w->purchased_fen = w->opening_fen = w->foreign_fen = 0;
    w->opening_count = -1;
    w->suspect_count = w->suspect_fen = w->suspect_command = w->doubt = w->read_command = 0;
    w->remaining_fen = INT64_MIN;
    w->read_at.s = 0;
}

enum err vend_wallet_load(struct store_tx *tx, int64_t account_id, int64_t meter_id,
                          struct vend_wallet *w)
{
    int64_t epoch;
    *w = (struct vend_wallet){.account_id = account_id, .meter_id = meter_id};
    TRY(store_int(tx, &epoch, "SELECT epoch FROM meter WHERE id = $1", "i", meter_id));
    TRY(store_int(tx, &w->project_id, "SELECT project_id FROM account WHERE id = $1", "i",
                  account_id));
    begin(w, epoch);
    struct query q = query_open(
        tx,
        "SELECT epoch, proven, count, purchased_fen, opening_count, opening_fen, foreign_fen, "
        "suspect_count, suspect_fen, suspect_command, doubt, read_command, remaining_fen, read_at "
        "FROM meter_wallet WHERE account_id = $1 AND meter_id = $2",
        "ii", account_id, meter_id);
    if (query_step(&q))
        take(&q, w);
    TRY(query_end(&q));
    if (w->epoch != epoch)
        begin(w, epoch);
    return ERR_OK;
}

enum err vend_wallet_save(struct store_tx *tx, const struct vend_wallet *w)
{
    TRY(store_exec(tx,
                   "INSERT INTO meter_wallet (account_id, meter_id, epoch, proven, count, "
                   "purchased_fen, opening_count, opening_fen) VALUES ($1, $2, $3, 0, 0, 0, -1, 0) "
                   "ON CONFLICT (account_id, meter_id) DO NOTHING",
                   "iii", w->account_id, w->meter_id, w->epoch));
    TRY(store_exec(
        tx,
        "UPDATE meter_wallet SET epoch = $3, proven = $4, count = $5, purchased_fen = $6, "
        "opening_count = $7, opening_fen = $8, foreign_fen = $9 "
        "WHERE account_id = $1 AND meter_id = $2",
        "iiiiiiiii", w->account_id, w->meter_id, w->epoch, (int64_t)w->proven, w->count,
        w->purchased_fen, w->opened ? w->opening_count : -1, w->opening_fen, w->foreign_fen));
    TRY(store_exec(tx,
                   "UPDATE meter_wallet SET "
                   "suspect_count = CASE WHEN $3 = 0 THEN NULL ELSE $4 END, suspect_fen = $5, "
                   "suspect_command = $6, doubt = $7, read_command = nullif($8, 0) "
                   "WHERE account_id = $1 AND meter_id = $2",
                   "iiiiiiii", w->account_id, w->meter_id, (int64_t)w->suspect, w->suspect_count,
                   w->suspect_fen, w->suspect_command, w->doubt, w->read_command));
    if (w->remaining_fen == INT64_MIN)
        return ERR_OK;
    return store_exec(tx,
                      "UPDATE meter_wallet SET remaining_fen = $3, read_at = $4 "
                      "WHERE account_id = $1 AND meter_id = $2",
                      "iiii", w->account_id, w->meter_id, w->remaining_fen, w->read_at.s);
}

bool vend_wallet_known(const struct vend_wallet *w)
{
    return w->proven && w->opened && !w->suspect && w->doubt == 0;
}

enum err vend_wallet_ask(struct vend_turn *t, struct vend_wallet *w)
{
    bool pending;
    TRY(vend_command_pending(t->tx, w->read_command, w->meter_id, &pending));
    if (pending)
        return ERR_OK;
    struct headend_order h = {
        .command = {.kind = UPLINK_READ, .meter_id = w->meter_id, .epoch = w->epoch},
        .account_id = w->account_id,
        .now = t->now,
        .random = rand_u64(&t->ids),
    };
    TRY(headend_gateway_of_meter(t->tx, w->meter_id, &h.gateway_id));
    TRY(headend_command_put(t->tx, &h, &w->read_command));
    return vend_wallet_save(t->tx, w);
}

bool vend_wallet_suspect(struct vend_wallet *w, const struct uplink_outcome *o, bool rising)
{
    bool same = w->suspect_count == o->count && w->suspect_fen == o->purchased_fen;
    bool more = rising && w->suspect_count <= o->count && w->suspect_fen <= o->purchased_fen;
    if (w->suspect && w->suspect_command != o->command_id && (same || more)) {
        w->suspect = false;
        w->doubt = 0;
        return true;
    }
    w->suspect = true;
    w->suspect_count = o->count;
    w->suspect_fen = o->purchased_fen;
    w->suspect_command = o->command_id;
    w->doubt++;
    return false;
}

static enum err post(struct vend_turn *t, const struct vend_wallet *w, const char *kind,
                     int64_t amount_fen)
{
    char key[LEDGER_KEY_MAX];
    snprintf(key, sizeof key, "%s:%lld:%lld:%lld:%lld:%lld", kind, (long long)w->meter_id,
             (long long)w->epoch, (long long)w->count, (long long)w->purchased_fen,
             (long long)t->now.s);
    int32_t day;
    TRY(vend_business_day(t, w->project_id, &day));
    return ledger_post(t->tx,
                       &(struct ledger_entry){.account_id = w->account_id,
                                              .key = key,
                                              .kind = kind,
                                              .now = t->now,
                                              .business_day = day,
                                              .actor = t->actor,
                                              .postings = {{LEDGER_SUSPENSE, -amount_fen},
                                                           {LEDGER_WALLET, amount_fen}}},
                       NULL);
}

static enum err tell(struct vend_turn *t, const struct vend_wallet *w, enum journal_kind kind,
                     struct detail *d)
{
    char object[64];
    snprintf(object, sizeof object, "meter:%lld", (long long)w->meter_id);
    const char *json = detail_end(d);
    TRY(journal_append(
        t->tx, &(struct journal_act){t->now, t->actor, journal_kind_name(kind), object, json}));
    return journal_event(t->tx, &(struct journal_event){t->now, kind, w->project_id, w->account_id,
                                                        w->meter_id, json});
}

static enum err tell_difference(struct vend_turn *t, const struct vend_wallet *w, int64_t count,
                                int64_t purchased_fen)
{
    int64_t delta = purchased_fen - w->purchased_fen;
    struct detail d = {};
    detail_int(&d, "count", count);
    detail_int(&d, "known_count", w->count);
    detail_int(&d, "meter_fen", purchased_fen);
    detail_int(&d, "books_fen", w->purchased_fen);
    detail_int(&d, "amount_fen", delta);
    bool sale = delta > 0 && count > w->count;
    return tell(t, w, sale ? EVENT_VEND_FOREIGN : EVENT_WALLET_MISMATCH, &d);
}

enum err vend_wallet_foreign(struct vend_turn *t, struct vend_wallet *w, int64_t count,
                             int64_t purchased_fen)
{
    int64_t delta = purchased_fen - w->purchased_fen;
    TRY(tell_difference(t, w, count, purchased_fen));
    if (delta)
        TRY(post(t, w, "wallet.foreign", delta));
    w->foreign_fen += delta;
    w->count = count;
    w->purchased_fen = purchased_fen;
    w->proven = true;
    w->suspect = false;
    w->doubt = 0;
    return vend_wallet_save(t->tx, w);
}

/* The first proven count of an installation period. Credit that is in the meter already was not
 * sold by this ledger: it comes from suspense. */
static enum err open_wallet(struct vend_turn *t, struct vend_wallet *w,
                            const struct uplink_outcome *o)
{
    int64_t books;
    w->count = w->opening_count = o->count;
    w->purchased_fen = w->opening_fen = o->purchased_fen;
    w->proven = w->opened = true;
    TRY(ledger_balance(t->tx, w->account_id, LEDGER_WALLET, &books));
    if (o->balance_fen != INT64_MIN && o->balance_fen != books)
        TRY(post(t, w, "wallet.opening", o->balance_fen - books));
    return vend_wallet_save(t->tx, w);
}

/* A second read-back says the same: it is so. */
static enum err believe(struct vend_turn *t, struct vend_wallet *w, const struct uplink_outcome *o)
{
    if (!w->opened)
        return open_wallet(t, w, o);
    if (o->count >= w->count)
        return vend_wallet_foreign(t, w, o->count, o->purchased_fen);
    /* The count fell: the meter was set back. Nothing can be sold before a new period begins. */
    if (w->proven)
        TRY(tell_difference(t, w, o->count, o->purchased_fen));
    w->proven = false;
    w->doubt = ASK_MAX;
    return vend_wallet_save(t->tx, w);
}

enum err vend_wallet_judge(struct vend_turn *t, struct vend_wallet *w,
                           const struct uplink_outcome *o)
{
    if (o->count < 0 || o->purchased_fen < 0)
        return ERR_OK;
    if (o->balance_fen != INT64_MIN) {
        w->remaining_fen = o->balance_fen;
        w->read_at = o->at;
    }
    if (w->opened && o->count == w->count && o->purchased_fen == w->purchased_fen) {
        w->proven = true;
        w->suspect = false;
        w->doubt = 0;
        return vend_wallet_save(t->tx, w);
    }
    if (vend_wallet_suspect(w, o, false))
        return believe(t, w, o);
    TRY(vend_wallet_save(t->tx, w));
    return w->doubt < ASK_MAX ? vend_wallet_ask(t, w) : ERR_OK;
}
