/* Money over the desk: what a sale is divided into, and which shift it belongs to. */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "pay/shift_impl.h"

#define WHOLE_PERMYRIAD 10'000

static const char *const kind_names[SHIFT_KIND_COUNT] = {
    [SHIFT_SALE] = "sale", [SHIFT_FEE] = "fee", [SHIFT_REFUND] = "refund", [SHIFT_OTHER] = "other"};

const char *shift_kind_name(enum shift_kind k)
{
    MUST((unsigned)k < SHIFT_KIND_COUNT);
    return kind_names[k];
}

/* 0: none is open, and none is needed. */
static enum err find_shift(struct store_tx *tx, int64_t project_id, const char *actor, int64_t *id)
{
    struct shift_policy policy;
    *id = 0;
    enum err e = store_int(tx, id,
                           "SELECT id FROM cash_shift WHERE project_id = $1 AND cashier = $2 "
                           "AND state = 'open'",
                           "it", project_id, actor);
    if (e != ERR_NOT_FOUND)
        return e;
    TRY(shift_policy_get(tx, project_id, &policy));
    return policy.need_shift ? ERR_SHIFT_NONE : ERR_OK;
}

enum err shift_record(struct store_tx *tx, const struct shift_cash *cash)
{
    int64_t project_id, shift_id;
    MUST(cash->amount_fen != 0);
    TRY(store_int(tx, &project_id, "SELECT project_id FROM account WHERE id = $1", "i",
                  cash->account_id));
    TRY(find_shift(tx, project_id, cash->actor, &shift_id));
    return store_exec(tx,
                      "INSERT INTO cash_entry (account_id, seq, shift_id, kind, amount_fen, actor, "
                      "at) VALUES ($1, $2, nullif($3, 0), $4, $5, $6, max($7, "
                      "coalesce((SELECT opened_at FROM cash_shift WHERE id = $3), 0)))",
                      "iiititi", cash->account_id, cash->seq, shift_id, shift_kind_name(cash->kind),
                      cash->amount_fen, cash->actor, cash->now.s);
}

enum err shift_sale_get(struct store_tx *tx, int64_t account_id, const char *order_id,
                        struct shift_sale *out)
{
    struct query q = query_open(tx,
                                "SELECT paid_fen, credit_fen, fee_fen, fee_permyriad "
                                "FROM cash_sale WHERE account_id = $1 AND order_id = $2",
                                "it", account_id, order_id);
    bool found = query_step(&q);
    if (found)
        *out = (struct shift_sale){query_int(&q, 0), query_int(&q, 1), query_int(&q, 2),
                                   query_int(&q, 3)};
    TRY(query_end(&q));
    return found ? ERR_OK : ERR_NOT_FOUND;
}

static enum err divide(struct store_tx *tx, int64_t project_id, int64_t paid_fen,
                       struct shift_sale *s)
{
    struct shift_policy policy;
    TRY(shift_policy_get(tx, project_id, &policy));
    *s = (struct shift_sale){.paid_fen = paid_fen, .fee_permyriad = policy.fee_permyriad};
    TRY(units_mul_div(paid_fen, policy.fee_permyriad, WHOLE_PERMYRIAD, &s->fee_fen));
    s->credit_fen = paid_fen - s->fee_fen;
    return s->credit_fen > 0 ? ERR_OK : ERR_VEND_AMOUNT;
}

static enum err record(struct store_tx *tx, const struct vend_sale *sale, int64_t seq,
                       enum shift_kind kind, int64_t amount_fen)
{
    return shift_record(tx, &(struct shift_cash){.account_id = sale->account_id,
                                                 .seq = seq,
                                                 .kind = kind,
                                                 .amount_fen = amount_fen,
                                                 .actor = sale->actor,
                                                 .now = sale->now});
}

static enum err take_fee(struct store_tx *tx, const struct vend_sale *sale,
                         const struct shift_sale *s)
{
    char key[LEDGER_KEY_MAX];
    struct detail d = {};
    struct ledger_posted posted;
    if (s->fee_fen == 0)
        return ERR_OK;
    snprintf(key, sizeof key, "order:%s/fee", sale->order_id);
    detail_text(&d, "order", sale->order_id);
    detail_int(&d, "paid_fen", s->paid_fen);
    detail_int(&d, "fee_permyriad", s->fee_permyriad);
    TRY(shift_post(tx,
                   &(struct shift_move){sale->account_id, key, "order.fee", sale->actor, sale->now,
                                        LEDGER_CASH, LEDGER_OTHER, s->fee_fen, &d},
                   &posted));
    return record(tx, sale, posted.seq, SHIFT_FEE, s->fee_fen);
}

/* The new sale with all that stands beside it. */
static enum err enter(struct store_tx *tx, const struct vend_sale *sale, const struct shift_sale *s,
                      struct vend_status *out)
{
    char key[LEDGER_KEY_MAX];
    int64_t seq;
    struct vend_sale credit = *sale;
    credit.amount_fen = s->credit_fen;
    TRY(vend_sell(tx, &credit, out));
    snprintf(key, sizeof key, "order:%s/paid", sale->order_id);
    TRY(ledger_seq_of_key(tx, sale->account_id, key, &seq));
    TRY(store_exec(tx,
                   "INSERT INTO cash_sale (account_id, order_id, paid_fen, credit_fen, fee_fen, "
                   "fee_permyriad) VALUES ($1, $2, $3, $4, $5, $6)",
                   "itiiii", sale->account_id, sale->order_id, s->paid_fen, s->credit_fen,
                   s->fee_fen, s->fee_permyriad));
    TRY(record(tx, sale, seq, SHIFT_SALE, s->credit_fen));
    return take_fee(tx, sale, s);
}

/* An order that is there already, made at the desk or before there were fees. */
static enum err answer_repeat(struct store_tx *tx, const struct vend_sale *sale,
                              struct vend_status *out, struct shift_sale *s)
{
    struct vend_sale again = *sale;
    enum err e = shift_sale_get(tx, sale->account_id, sale->order_id, s);
    if (e != ERR_OK && e != ERR_NOT_FOUND)
        return e;
    if (e == ERR_NOT_FOUND)
        *s = (struct shift_sale){sale->amount_fen, sale->amount_fen, 0, 0};
    if (s->paid_fen != sale->amount_fen)
        return ERR_VEND_DIFFERENT;
    again.amount_fen = s->credit_fen;
    return vend_sell(tx, &again, out);
}

enum err shift_sell(struct store_tx *tx, const struct vend_sale *sale, struct vend_status *out,
                    struct shift_sale *split)
{
    struct shift_sale s;
    int64_t project_id, there;
    if (sale->amount_fen <= 0 || !sale->order_id || !sale->method ||
        strcmp(sale->method, "cash") != 0)
        return vend_sell(tx, sale, out); /* it says what is wrong, or it is no sale of the desk */
    enum err e =
        store_int(tx, &there, "SELECT 1 FROM sale_order WHERE account_id = $1 AND order_id = $2",
                  "it", sale->account_id, sale->order_id);
    if (e == ERR_OK) {
        TRY(answer_repeat(tx, sale, out, &s));
    } else if (e == ERR_NOT_FOUND) {
        TRY(shift_account(tx, sale->account_id, &project_id));
        TRY(divide(tx, project_id, sale->amount_fen, &s));
        TRY(enter(tx, sale, &s, out));
    } else {
        return e;
    }
    if (split)
        *split = s;
    return ERR_OK;
}
