#include "pay/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "journal/detail.h"
#include "journal/journal.h"
#include "pay/pay_impl.h"
#include "site/site.h"
#include "terminals/terminals.h"

static void put_registers(char *out, size_t cap, const int64_t wh[READINGS_REGISTERS])
{
    snprintf(out, cap, "[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]", wh[0],
             wh[1], wh[2], wh[3], wh[4]);
}

/* What was done under this id. A repeat is one if the registers and the end of the credit are the
 * same. ERR_NOT_FOUND: nothing. */
static enum err find_repeat(struct store_tx *tx, const struct pay_exchange *x,
                            struct pay_exchanged *out)
{
    char closing[128], opening[128];
    put_registers(closing, sizeof closing, x->closing_wh);
    put_registers(opening, sizeof opening, x->opening_wh);
    struct query q = query_open(
        tx,
        "SELECT epoch, wallet_fen, closing_wh = $3 AND opening_wh = $4 AND kept = $5 "
        "AND epoch = $6 FROM meter_exchange WHERE meter_id = $1 AND exchange_id = $2",
        "itttii", x->meter_id, x->exchange_id, closing, opening, (int64_t)x->keep, x->epoch);
    bool found = query_step(&q), same = false;
    if (found) {
        *out = (struct pay_exchanged){query_int(&q, 0) + 1, query_int(&q, 1)};
        same = query_int(&q, 2) != 0;
    }
    TRY(query_end(&q));
    if (!found)
        return ERR_NOT_FOUND;
    return same ? ERR_OK : ERR_VEND_DIFFERENT;
}

static enum err wallet_of(struct store_tx *tx, const struct site_meter *m, int64_t *fen)
{
    *fen = 0;
    return m->account_id ? ledger_balance(tx, m->account_id, LEDGER_WALLET, fen) : ERR_OK;
}

/* Two devices of one line never have the same address. */
static enum err check_address(struct store_tx *tx, const struct pay_exchange *x,
                              const struct site_meter *old)
{
    int64_t others;
    if (!x->address)
        return ERR_OK;
    TRY(store_int(tx, &others,
                  "SELECT count(*) FROM meter WHERE line_id = $1 AND address = $2 AND id <> $3",
                  "iti", old->line_id, x->address, old->id));
    return others > 0 ? ERR_SITE_METER : ERR_OK;
}

static enum err settle_old(struct store_tx *tx, const struct pay_exchange *x)
{
    bool read = x->display_fen != INT64_MIN;
    struct billing_exchange b = {
        .meter_id = x->meter_id, .display_read = read, .display_fen = read ? x->display_fen : 0};
    memcpy(b.closing_wh, x->closing_wh, sizeof b.closing_wh);
    memcpy(b.opening_wh, x->opening_wh, sizeof b.opening_wh);
    return billing_exchange(tx, x->billing, &b, x->now);
}

static enum err change_device(struct store_tx *tx, const struct pay_exchange *x,
                              struct pay_exchanged *out)
{
    struct vend_exchange v = {.meter_id = x->meter_id,
                              .address = x->address,
                              .model = x->model,
                              .keep = x->keep,
                              .actor = x->actor,
                              .now = x->now,
                              .random = x->random};
    return vend_exchange(tx, &v, &out->epoch);
}

/* What the account owes the platform: so much less goes into the new meter. */
static enum err owed_of(struct store_tx *tx, const struct site_meter *m, int64_t *fen)
{
    *fen = 0;
    if (m->account_id)
        TRY(vend_unpromised_fen(tx, m->account_id, fen));
    *fen = *fen < 0 ? -*fen : 0;
    return ERR_OK;
}

static enum err tell_event(struct store_tx *tx, const struct pay_exchange *x,
                           const struct site_meter *old, const struct site_meter *m)
{
    struct detail d = {};
    detail_text(&d, "old", old->address);
    detail_text(&d, "new", m->address);
    detail_text(&d, "why", x->evidence);
    return journal_event(tx, &(struct journal_event){.at = x->now,
                                                     .kind = EVENT_METER_EXCHANGED,
                                                     .project_id = old->project_id,
                                                     .account_id = old->account_id,
                                                     .meter_id = x->meter_id,
                                                     .detail = detail_end(&d)});
}

static enum err record(struct store_tx *tx, const struct pay_exchange *x,
                       const struct site_meter *old, const struct pay_exchanged *done,
                       int64_t owed_fen)
{
    char closing[128], opening[128];
    struct site_meter m;
    put_registers(closing, sizeof closing, x->closing_wh);
    put_registers(opening, sizeof opening, x->opening_wh);
    TRY(site_meter_get(tx, x->meter_id, &m));
    TRY(tell_event(tx, x, old, &m));
    return store_exec(
        tx,
        "INSERT INTO meter_exchange (meter_id, epoch, exchange_id, account_id, at, actor, "
        "evidence, old_address, old_model, new_address, new_model, closing_wh, opening_wh, "
        "display_fen, wallet_fen, kept, owed_fen) VALUES ($1, $2, $3, nullif($4, 0), $5, $6, $7, "
        "$8, $9, "
        "$10, $11, $12, $13, nullif($14, $17), $15, $16, $18)",
        "iitiitttttt"
        "ttiiiii",
        x->meter_id, old->epoch, x->exchange_id, old->account_id, x->now.s, x->actor, x->evidence,
        old->address, old->model, m.address, m.model, closing, opening, x->display_fen,
        done->wallet_fen, (int64_t)x->keep, INT64_MIN, owed_fen);
}

enum err pay_exchange(struct store_tx *tx, const struct pay_exchange *x, struct pay_exchanged *out)
{
    struct site_meter old;
    int64_t before_fen, after_fen, owed_fen;
    if (!shift_id_ok(x->exchange_id, PAY_ID_MIN, PAY_ID_MAX))
        return ERR_VEND_ORDER_ID;
    if (!x->evidence || !*x->evidence)
        return ERR_BILLING_REASON;
    TRY(site_meter_get(tx, x->meter_id, &old));
    enum err e = find_repeat(tx, x, out);
    if (e != ERR_NOT_FOUND)
        return e;
    if (old.epoch != x->epoch)
        return ERR_PAY_EPOCH;
    TRY(check_address(tx, x, &old));
    TRY(settle_old(tx, x));
    TRY(wallet_of(tx, &old, &before_fen));
    TRY(owed_of(tx, &old, &owed_fen));
    TRY(change_device(tx, x, out));
    TRY(terminals_exchange(tx, x->meter_id, x->now));
    TRY(wallet_of(tx, &old, &after_fen));
    out->wallet_fen = before_fen - after_fen;
    return record(tx, x, &old, out, owed_fen);
}

enum err pay_exchanges(struct store_tx *tx, int64_t account_id, int64_t limit,
                       pay_exchange_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        "SELECT meter_id, epoch, coalesce(display_fen, $3), wallet_fen, at, exchange_id, actor, "
        "evidence, old_address, old_model, new_address, new_model, closing_wh, opening_wh, kept "
        "FROM meter_exchange WHERE account_id = $1 ORDER BY at DESC, meter_id, epoch DESC LIMIT $2",
        "iii", account_id, limit, INT64_MIN);
    while (e == ERR_OK && query_step(&q)) {
        struct pay_exchange_row row = {.meter_id = query_int(&q, 0),
                                       .epoch = query_int(&q, 1),
                                       .display_fen = query_int(&q, 2),
                                       .wallet_fen = query_int(&q, 3),
                                       .at = {query_int(&q, 4)},
                                       .exchange_id = query_text(&q, 5),
                                       .actor = query_text(&q, 6),
                                       .evidence = query_text(&q, 7),
                                       .old_address = query_text(&q, 8),
                                       .old_model = query_text(&q, 9),
                                       .new_address = query_text(&q, 10),
                                       .new_model = query_text(&q, 11),
                                       .closing_wh = query_text(&q, 12),
                                       .opening_wh = query_text(&q, 13),
                                       .kept = query_int(&q, 14) != 0};
        e = each(arg, &row);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}
