#include "vend/vend_impl.h"

struct verify {
    struct store_tx *tx;
    vend_fault *fault;
    void *arg;
    struct vend_check *out;
};

static void blame(struct verify *v, int64_t account_id, const char *order_id, const char *what)
{
    v->out->faults++;
    if (v->fault)
        v->fault(v->arg, account_id, order_id, what);
}

/* Each row of `sql` (account, text) is a fault. */
static enum err none_of(struct verify *v, const char *sql, const char *what)
{
    struct query q = query_open(v->tx, sql, "");
    while (query_step(&q))
        blame(v, query_int(&q, 0), query_text(&q, 1), what);
    return query_end(&q);
}

#define POSTED(word)                                                                               \
    "EXISTS (SELECT 1 FROM ledger_txn l WHERE l.account_id = o.account_id "                        \
    "AND l.key = 'order:' || o.order_id || '/" word "') "

static enum err check_ledger(struct verify *v)
{
    TRY(none_of(v,
                "SELECT o.account_id, o.order_id FROM sale_order o WHERE o.state <> 'CREATED' "
                "AND o.method <> 'transfer' AND NOT " POSTED("paid"),
                "the order was taken, but its payment is not in the ledger"));
    TRY(none_of(v,
                "SELECT o.account_id, o.order_id FROM sale_order o WHERE ("
                "o.state IN ('BOUND', 'FENCED', 'CONFLICT', 'CONFIRMED', 'REJECTED')) <> (" POSTED(
                    "bound") ") AND o.state <> 'REFUNDED'",
                "the state and the ledger disagree whether it was sent to a meter"));
    TRY(none_of(v,
                "SELECT o.account_id, o.order_id FROM sale_order o WHERE "
                "(o.state = 'CONFIRMED') <> (" POSTED("confirmed") ")",
                "the state and the ledger disagree whether the meter has it"));
    TRY(none_of(v,
                "SELECT o.account_id, o.order_id FROM sale_order o WHERE " POSTED(
                    "bound") "AND (o.state "
                             "IN "
                             "('REFUNDED', "
                             "'REJECTED')) "
                             "<> (" POSTED("r"
                                           "e"
                                           "f"
                                           "u"
                                           "n"
                                           "d"
                                           "e"
                                           "d") "OR " POSTED("rejected") ")",
                "the state and the ledger disagree whether the money came back"));
    TRY(none_of(
        v,
        "SELECT o.account_id, o.order_id FROM sale_order o WHERE (o.meter_id IS NOT NULL "
        "AND o.state = 'BOOKED') <> (o.kept_fen = o.amount_fen)",
        "the sale was kept on the platform as a whole, or not, but its state says otherwise"));
    TRY(none_of(
        v,
        "SELECT b.account_id, b.rerate_id || '' FROM true_up_sale b LEFT JOIN true_up u "
        "ON u.account_id = b.account_id AND u.rerate_id = b.rerate_id LEFT JOIN sale_order o "
        "ON o.account_id = b.account_id AND o.order_id = '" VEND_TRUE_UP
        "' || b.rerate_id || '-' || b.account_id "
        "WHERE coalesce(-u.amount_fen, 0) <> b.amount_fen "
        "OR coalesce(o.amount_fen, 0) <> coalesce(b.sold_fen, 0)",
        "a true-up in favour of the account is not what was sold into its meter"));
    return none_of(
        v,
        "SELECT b.account_id, 'transit' FROM balance b WHERE b.book = 'transit' "
        "AND b.amount_fen <> (SELECT coalesce(sum(o.amount_fen - o.kept_fen), 0) FROM "
        "sale_order o WHERE o.account_id = b.account_id AND o.state IN ('BOUND', 'FENCED', "
        "'CONFLICT'))",
        "money in transit is not the sum of the sales on their way");
}

static enum err check_numbers(struct verify *v)
{
    TRY(none_of(v,
                "SELECT v.account_id, v.order_id FROM vend v WHERE NOT EXISTS (SELECT 1 FROM "
                "vend_binding b WHERE b.account_id = v.account_id AND b.order_id = v.order_id "
                "AND b.meter_id = v.meter_id AND b.epoch = v.epoch AND b.n = v.n "
                "AND b.amount_fen = v.amount_fen)",
                "the number of the sale was never bound to it"));
    TRY(none_of(v,
                "SELECT v.account_id, v.order_id FROM vend v JOIN sale_order o "
                "ON o.account_id = v.account_id AND o.order_id = v.order_id "
                "WHERE o.state <> v.state OR o.amount_fen - o.kept_fen <> v.amount_fen "
                "OR o.meter_id <> v.meter_id",
                "order and vend disagree"));
    TRY(none_of(v,
                "SELECT min(v.account_id), v.order_id FROM vend v WHERE v.state = 'CONFIRMED' "
                "GROUP BY v.meter_id, v.epoch, v.n, v.order_id HAVING (SELECT count(*) FROM vend x "
                "WHERE x.meter_id = v.meter_id AND x.epoch = v.epoch AND x.n = v.n "
                "AND x.state = 'CONFIRMED') > 1",
                "two sales are confirmed under one number"));
    return none_of(v,
                   "SELECT v.account_id, v.order_id FROM vend v JOIN meter_wallet w "
                   "ON w.account_id = v.account_id AND w.meter_id = v.meter_id "
                   "AND w.epoch = v.epoch WHERE w.proven = 1 AND v.state = 'CONFIRMED' "
                   "AND v.n > w.count",
                   "the sale is confirmed beyond the meter's purchase count");
}

/* V6: what the meter says it was sold in all is what it had, what we sold, and what others did. */
static enum err check_wallets(struct verify *v)
{
    return none_of(v,
                   "SELECT w.account_id, 'meter ' || w.meter_id FROM meter_wallet w "
                   "WHERE w.proven = 1 AND w.opening_count >= 0 AND w.purchased_fen <> "
                   "w.opening_fen + w.foreign_fen + (SELECT coalesce(sum(v.amount_fen), 0) "
                   "FROM vend v WHERE v.account_id = w.account_id AND v.meter_id = w.meter_id "
                   "AND v.epoch = w.epoch AND v.state = 'CONFIRMED')",
                   "the meter's cumulative purchases are not the sum of the sales");
}

static enum err count_all(struct verify *v)
{
    TRY(store_int(v->tx, &v->out->orders, "SELECT count(*) FROM sale_order", ""));
    TRY(store_int(v->tx, &v->out->bindings, "SELECT count(*) FROM vend_binding", ""));
    TRY(store_int(v->tx, &v->out->confirmed, "SELECT count(*) FROM vend WHERE state = 'CONFIRMED'",
                  ""));
    TRY(store_int(v->tx, &v->out->open,
                  "SELECT count(*) FROM sale_order WHERE state IN ('PAID', 'BOUND', 'FENCED')",
                  ""));
    return store_int(v->tx, &v->out->conflicts,
                     "SELECT count(*) FROM sale_order WHERE state = 'CONFLICT'", "");
}

enum err vend_verify(struct store_tx *tx, vend_fault *fault, void *arg, struct vend_check *out)
{
    struct verify v = {tx, fault, arg, out};
    *out = (struct vend_check){};
    TRY(count_all(&v));
    TRY(check_ledger(&v));
    TRY(check_numbers(&v));
    TRY(check_wallets(&v));
    return out->faults ? ERR_VEND_CHECK : ERR_OK;
}
