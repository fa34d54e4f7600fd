#include "pay/due.h"

#include <stdio.h>
#include <string.h>

#include "pay/shift_impl.h"

static const char *const services[] = {"property", "rent", "parking", "network", "other"};

enum err due_owed(struct store_tx *tx, int64_t account_id, int64_t *owed_fen)
{
    int64_t balance_fen;
    TRY(ledger_balance(tx, account_id, LEDGER_OTHER_DUE, &balance_fen));
    *owed_fen = balance_fen < 0 ? -balance_fen : 0;
    return ERR_OK;
}

static bool service_known(const char *name)
{
    for (size_t i = 0; name && i < sizeof services / sizeof services[0]; i++)
        if (strcmp(services[i], name) == 0)
            return true;
    return false;
}

static enum err check_form(const struct due_bill *b)
{
    if (!shift_id_ok(b->bill_id, DUE_ID_MIN, DUE_ID_MAX))
        return ERR_VEND_ORDER_ID;
    if (!service_known(b->service) || !b->title[0] || strlen(b->title) > DUE_TITLE_MAX)
        return ERR_RANGE;
    return b->amount_fen > 0 && b->amount_fen <= DUE_MAX_FEN ? ERR_OK : ERR_RANGE;
}

/* ERR_NOT_FOUND: a new bill. */
static enum err answer_repeat(struct store_tx *tx, const struct due_bill *b)
{
    struct query q =
        query_open(tx,
                   "SELECT service = $3 AND title = $4 AND amount_fen = $5 "
                   "FROM other_bill WHERE account_id = $1 AND bill_id = $2",
                   "ittti", b->account_id, b->bill_id, b->service, b->title, b->amount_fen);
    bool found = query_step(&q);
    bool same = found && query_int(&q, 0) != 0;
    TRY(query_end(&q));
    if (!found)
        return ERR_NOT_FOUND;
    return same ? ERR_OK : ERR_DUE_DIFFERENT;
}

enum err due_bill(struct store_tx *tx, const struct due_bill *b)
{
    char key[LEDGER_KEY_MAX];
    struct detail d = {}, audit;
    TRY(check_form(b));
    enum err repeat = answer_repeat(tx, b);
    if (repeat != ERR_NOT_FOUND)
        return repeat;
    TRY(shift_account(tx, b->account_id, NULL));
    TRY(store_exec(tx,
                   "INSERT INTO other_bill (account_id, bill_id, service, title, amount_fen, "
                   "billed_at, billed_by) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                   "itttiit", b->account_id, b->bill_id, b->service, b->title, b->amount_fen,
                   b->now.s, b->actor));
    snprintf(key, sizeof key, "due:%s", b->bill_id);
    detail_text(&d, "bill", b->bill_id);
    detail_text(&d, "service", b->service);
    detail_text(&d, "title", b->title);
    audit = d;
    TRY(shift_post(tx,
                   &(struct shift_move){b->account_id, key, "due.billed", b->actor, b->now,
                                        LEDGER_OTHER_DUE, LEDGER_OTHER, b->amount_fen, &d},
                   NULL));
    detail_int(&audit, "amount_fen", b->amount_fen);
    return shift_audit(
        tx, &(struct shift_act){b->actor, "due.bill", "account", b->account_id, b->now}, &audit);
}

enum err due_withdraw(struct store_tx *tx, const struct due_act *a)
{
    char key[LEDGER_KEY_MAX];
    struct detail d = {}, audit;
    int64_t amount_fen, gone;
    struct query q = query_open(tx,
                                "SELECT amount_fen, withdrawn_at IS NOT NULL FROM other_bill "
                                "WHERE account_id = $1 AND bill_id = $2",
                                "it", a->account_id, a->id);
    bool found = query_step(&q);
    amount_fen = found ? query_int(&q, 0) : 0;
    gone = found ? query_int(&q, 1) : 0;
    TRY(query_end(&q));
    if (!found)
        return ERR_NOT_FOUND;
    if (gone)
        return ERR_OK;
    TRY(store_exec(tx,
                   "UPDATE other_bill SET withdrawn_at = $3, withdrawn_by = $4 "
                   "WHERE account_id = $1 AND bill_id = $2",
                   "itit", a->account_id, a->id, a->now.s, a->actor));
    snprintf(key, sizeof key, "due:%s/withdrawn", a->id);
    detail_text(&d, "bill", a->id);
    detail_text(&d, "reason", a->reason ? a->reason : "");
    audit = d;
    TRY(shift_post(tx,
                   &(struct shift_move){a->account_id, key, "due.withdrawn", a->actor, a->now,
                                        LEDGER_OTHER, LEDGER_OTHER_DUE, amount_fen, &d},
                   NULL));
    detail_int(&audit, "amount_fen", amount_fen);
    return shift_audit(
        tx, &(struct shift_act){a->actor, "due.withdraw", "account", a->account_id, a->now},
        &audit);
}

enum err due_pay(struct store_tx *tx, const struct due_act *a)
{
    char key[LEDGER_KEY_MAX];
    struct detail d = {};
    struct ledger_posted posted;
    int64_t owed_fen, there;
    if (!shift_id_ok(a->id, DUE_ID_MIN, DUE_ID_MAX))
        return ERR_VEND_ORDER_ID;
    enum err e = store_int(tx, &there, "SELECT 1 FROM account WHERE id = $1", "i", a->account_id);
    if (e != ERR_OK)
        return e == ERR_NOT_FOUND ? ERR_VEND_ACCOUNT : e;
    snprintf(key, sizeof key, "due-paid:%s", a->id);
    detail_text(&d, "payment", a->id);
    struct shift_move move = {a->account_id,    key,           "due.paid",
                              a->actor,         a->now,        LEDGER_CASH,
                              LEDGER_OTHER_DUE, a->amount_fen, &d};
    e = ledger_seq_of_key(tx, a->account_id, key, &there);
    if (e == ERR_OK) /* the ledger says whether it is the same payment */
        return shift_post(tx, &move, NULL);
    if (e != ERR_NOT_FOUND)
        return e;
    TRY(due_owed(tx, a->account_id, &owed_fen));
    if (a->amount_fen <= 0 || a->amount_fen > owed_fen)
        return ERR_DUE_AMOUNT;
    TRY(shift_post(tx, &move, &posted));
    TRY(shift_record(tx, &(struct shift_cash){a->account_id, posted.seq, SHIFT_OTHER, a->amount_fen,
                                              a->actor, a->now}));
    struct detail audit = {};
    detail_text(&audit, "payment", a->id);
    detail_int(&audit, "amount_fen", a->amount_fen);
    return shift_audit(
        tx, &(struct shift_act){a->actor, "due.pay", "account", a->account_id, a->now}, &audit);
}

enum err due_list(struct store_tx *tx, int64_t account_id, int64_t limit, due_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT bill_id, service, title, amount_fen, billed_at, billed_by, "
                                "withdrawn_at, withdrawn_by FROM other_bill WHERE account_id = $1 "
                                "ORDER BY billed_at DESC, bill_id DESC LIMIT $2",
                                "ii", account_id, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct due_row row = {.bill_id = query_text(&q, 0),
                              .service = query_text(&q, 1),
                              .title = query_text(&q, 2),
                              .amount_fen = query_int(&q, 3),
                              .billed_at = {query_int(&q, 4)},
                              .billed_by = query_text(&q, 5),
                              .withdrawn_at = {query_int(&q, 6)},
                              .withdrawn_by = query_text(&q, 7)};
        e = each(arg, &row);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}
