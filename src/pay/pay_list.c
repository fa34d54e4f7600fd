/* Looking at requests, and holding them against the ledger. */
#include <string.h>

#include "pay/pay_impl.h"

static enum pay_state state_named(const char *name)
{
    enum pay_state s = 0;
    while (s < PAY_STATE_COUNT - 1 && strcmp(pay_state_name(s), name) != 0)
        s++;
    return s;
}

static struct pay_row row_of(const struct query *q)
{
    return (struct pay_row){
        .account_id = query_int(q, 0),
        .account_code = query_text(q, 1),
        .account_name = query_text(q, 2),
        .request_id = query_text(q, 3),
        .kind = pay_kind_of(query_text(q, 4)),
        .state = state_named(query_text(q, 5)),
        .amount_fen = query_int(q, 6),
        .fee_fen = query_int(q, 7),
        .order_id = query_text(q, 8),
        .to_account_id = query_int(q, 9),
        .to_code = query_text(q, 10),
        .reason = query_text(q, 11),
        .note = query_text(q, 12),
        .asked_at = {query_int(q, 13)},
        .asked_by = query_text(q, 14),
        .approved_at = {query_int(q, 15)},
        .approved_by = query_text(q, 16),
        .ended_at = {query_int(q, 17)},
        .ended_by = query_text(q, 18),
        .method = query_text(q, 19),
        .reference = query_text(q, 20),
        .one_person = query_int(q, 21) != 0,
    };
}

enum err pay_list(struct store_tx *tx, const struct pay_query *query, pay_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        "SELECT r.account_id, a.code, a.name, r.request_id, r.kind, r.state, r.amount_fen, "
        "r.fee_fen, r.order_id, r.to_account_id, b.code, r.reason, r.note, r.asked_at, r.asked_by, "
        "r.approved_at, r.approved_by, r.ended_at, r.ended_by, r.method, r.reference, r.one_person "
        "FROM money_request r JOIN account a ON a.id = r.account_id "
        "LEFT JOIN account b ON b.id = r.to_account_id "
        "WHERE ($1 = 0 OR r.project_id = $1) AND ($2 = 0 OR r.account_id = $2) "
        "AND ($3 = 0 OR r.state IN ('REQUESTED', 'APPROVED')) AND ($4 = 0 OR r.asked_at < $4) "
        "ORDER BY r.asked_at DESC, r.request_id LIMIT $5",
        "iiiii", query->project_id, query->account_id, (int64_t)query->open, query->before,
        query->limit);
    while (e == ERR_OK && query_step(&q)) {
        struct pay_row row = row_of(&q);
        e = each(arg, &row);
    }
    enum err ended = query_end(&q);
    return e != ERR_OK ? e : ended;
}

/* --- verification ------------------------------------------------------------------------------
 */

struct found {
    pay_fault *fault;
    void *arg;
    struct pay_check *out;
};

/* Each row of `sql` (account, request) is a fault. */
static enum err none_of(struct store_tx *tx, const struct found *f, const char *sql,
                        const char *what)
{
    struct query q = query_open(tx, sql, "");
    while (query_step(&q)) {
        f->out->faults++;
        if (f->fault)
            f->fault(f->arg, query_int(&q, 0), query_text(&q, 1), what);
    }
    return query_end(&q);
}

#define POSTED(key, book)                                                                          \
    "coalesce((SELECT sum(p.amount_fen) FROM ledger_txn t JOIN posting p ON p.account_id = "       \
    "t.account_id AND p.seq = t.seq WHERE t.account_id = r.account_id AND t.key = 'request:' || "  \
    "r.request_id || '/" key "' AND p.book = '" book "'), 0)"

/* Each with its evidence, what came home, and where it went. */
static enum err verify_exchanges(struct store_tx *tx, const struct found *f)
{
    TRY(store_int(tx, &f->out->exchanges, "SELECT count(*) FROM meter_exchange", ""));
    TRY(none_of(tx, f,
                "SELECT x.account_id, x.exchange_id FROM meter_exchange x WHERE x.wallet_fen <> "
                "coalesce((SELECT -sum(p.amount_fen) FROM ledger_txn t JOIN posting p ON "
                "p.account_id = t.account_id AND p.seq = t.seq WHERE t.account_id = x.account_id "
                "AND t.key = 'exchange:' || x.meter_id || ':' || x.epoch AND p.book = 'wallet'), "
                "0)",
                "what came home from an exchanged meter is not what was posted"));
    TRY(none_of(tx, f,
                "SELECT t.account_id, t.key FROM ledger_txn t WHERE t.kind = 'wallet.exchange' AND "
                "NOT EXISTS (SELECT 1 FROM meter_exchange x WHERE x.account_id = t.account_id AND "
                "t.key = 'exchange:' || x.meter_id || ':' || x.epoch)",
                "a meter's wallet was brought home without evidence"));
    TRY(none_of(tx, f,
                "SELECT x.account_id, x.exchange_id FROM meter_exchange x JOIN meter m ON m.id = "
                "x.meter_id WHERE m.epoch <= x.epoch",
                "a meter is older than its exchange"));
    return none_of(tx, f,
                   "SELECT x.account_id, x.exchange_id FROM meter_exchange x WHERE x.wallet_fen > "
                   "0 AND coalesce((SELECT o.amount_fen FROM sale_order o WHERE o.account_id = "
                   "x.account_id AND o.order_id = 'exchange-' || x.meter_id || '-' || (x.epoch + "
                   "1)), 0) <> CASE WHEN x.kept = 1 THEN 0 ELSE max(x.wallet_fen - x.owed_fen, 0) "
                   "END",
                   "what came home from an exchanged meter was not sold into the next one");
}

enum err pay_verify(struct store_tx *tx, pay_fault *fault, void *arg, struct pay_check *out)
{
    struct found f = {fault, arg, out};
    *out = (struct pay_check){};
    TRY(store_int(tx, &out->requests, "SELECT count(*) FROM money_request", ""));
    TRY(store_int(tx, &out->open,
                  "SELECT count(*) FROM money_request WHERE state IN ('REQUESTED', 'APPROVED')",
                  ""));
    TRY(store_int(tx, &out->held_fen,
                  "SELECT coalesce(sum(amount_fen), 0) FROM balance WHERE book = 'held'", ""));
    TRY(none_of(tx, &f,
                "SELECT x.account_id, '' FROM (SELECT account_id, sum(amount_fen) AS fen FROM "
                "(SELECT account_id, amount_fen FROM balance WHERE book = 'held' UNION ALL SELECT "
                "account_id, -amount_fen FROM money_request WHERE kind <> 'close' AND state IN "
                "('REQUESTED', 'APPROVED')) both_sides GROUP BY account_id) x WHERE x.fen <> 0",
                "what is held is not what is asked for"));
    TRY(none_of(tx, &f,
                "SELECT r.account_id, r.request_id FROM money_request r WHERE r.kind IN ('refund', "
                "'reversal', 'close') AND r.state = 'PAID' AND (r.amount_fen <> " POSTED(
                    "paid", "refund") " OR r.fee_fen <> " POSTED("fee", "refund") ")",
                "what was paid out is not what was posted"));
    TRY(none_of(tx, &f,
                "SELECT r.account_id, r.request_id FROM money_request r WHERE r.state <> 'PAID' "
                "AND " POSTED("paid", "refund") " + " POSTED("out", "transfer") " <> 0",
                "money left before it was decided"));
    TRY(none_of(
        tx, &f,
        "SELECT r.account_id, r.request_id FROM money_request r WHERE r.kind = 'transfer' "
        "AND r.state = 'PAID' AND (r.amount_fen <> " POSTED(
            "out",
            "transfer") " OR NOT EXISTS (SELECT 1 FROM ledger_txn t JOIN posting p ON p.account_id "
                        "= "
                        "t.account_id AND p.seq = t.seq WHERE t.account_id = r.to_account_id AND "
                        "t.key "
                        "= 'request:' || r.request_id || '/in' AND p.book = 'prepayment' AND "
                        "p.amount_fen = r.amount_fen))",
        "a transfer did not arrive"));
    TRY(none_of(tx, &f,
                "SELECT r.account_id, r.request_id FROM money_request r WHERE r.approved_by = "
                "r.asked_by OR (r.one_person = 0 AND r.state IN ('APPROVED', 'PAID') AND "
                "r.approved_by IS NULL)",
                "one person alone decided"));
    TRY(none_of(tx, &f,
                "SELECT r.account_id, r.request_id FROM money_request r JOIN account a ON a.id = "
                "r.account_id WHERE r.kind = 'close' AND r.state IN ('APPROVED', 'PAID') AND "
                "a.closed_at IS NULL",
                "the account was to be closed and is open"));
    TRY(verify_exchanges(tx, &f));
    return out->faults ? ERR_PAY_CHECK : ERR_OK;
}
