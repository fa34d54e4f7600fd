#include "pay/desk_verify.h"

/* Each row that a rule finds is a fault: the account (0: none), and which thing it is. */
static const struct {
    const char *what, *sql;
} rules[] = {
    {"the cash book does not have this posting",
     "SELECT p.account_id, 'transaction ' || p.seq FROM posting p JOIN ledger_txn t "
     "ON t.account_id = p.account_id AND t.seq = p.seq LEFT JOIN cash_book b "
     "ON b.account_id = p.account_id AND b.seq = p.seq AND b.line = p.line "
     "AND b.business_day = t.business_day WHERE p.book IN ('cash', 'refund') "
     "AND coalesce(b.amount_fen, 0) <> -p.amount_fen"},
    {"the cash book has what was never posted",
     "SELECT b.account_id, 'transaction ' || b.seq FROM cash_book b LEFT JOIN posting p "
     "ON p.account_id = b.account_id AND p.seq = b.seq AND p.line = b.line "
     "AND p.book IN ('cash', 'refund') WHERE p.line IS NULL"},
    {"a till says another amount than the ledger",
     "SELECT e.account_id, 'transaction ' || e.seq FROM cash_entry e WHERE e.amount_fen <> "
     "(SELECT coalesce(-sum(p.amount_fen), 0) FROM posting p WHERE p.account_id = e.account_id "
     "AND p.seq = e.seq AND p.book IN ('cash', 'refund'))"},
    {"a till has an entry of another project or from outside its shift",
     "SELECT e.account_id, 'shift ' || s.id FROM cash_entry e JOIN cash_shift s "
     "ON s.id = e.shift_id JOIN account a ON a.id = e.account_id "
     "WHERE a.project_id <> s.project_id OR e.actor <> s.cashier OR e.at < s.opened_at "
     "OR e.at > coalesce(s.counted_at, e.at)"},
    {"what a shift should have had is not its float and its entries",
     "SELECT 0, 'shift ' || s.id FROM cash_shift s WHERE s.state <> 'open' AND s.expected_fen <> "
     "s.float_fen + (SELECT coalesce(sum(e.amount_fen), 0) FROM cash_entry e "
     "WHERE e.shift_id = s.id)"},
    {"a sale's fee is not what was posted for it",
     "SELECT c.account_id, 'order ' || c.order_id FROM cash_sale c LEFT JOIN ledger_txn t "
     "ON t.account_id = c.account_id AND t.key = 'order:' || c.order_id || '/fee' "
     "LEFT JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq AND p.book = 'other' "
     "LEFT JOIN sale_order o ON o.account_id = c.account_id AND o.order_id = c.order_id "
     "WHERE coalesce(p.amount_fen, 0) <> c.fee_fen OR coalesce(o.amount_fen, 0) <> c.credit_fen"},
    {"a closed day is not what the ledger says of it",
     "SELECT 0, 'project ' || d.project_id || ', day ' || d.business_day FROM day_closing d "
     "WHERE d.book_in_fen - d.book_out_fen <> (SELECT coalesce(sum(b.amount_fen), 0) "
     "FROM cash_book b JOIN account a ON a.id = b.account_id "
     "WHERE b.business_day = d.business_day AND a.project_id = d.project_id)"},
    {"a bill for another service is not what was posted for it",
     "SELECT o.account_id, 'bill ' || o.bill_id FROM other_bill o WHERE o.amount_fen <> "
     "(SELECT coalesce(-sum(p.amount_fen), 0) FROM ledger_txn t JOIN posting p "
     "ON p.account_id = t.account_id AND p.seq = t.seq AND p.book = 'other_due' "
     "WHERE t.account_id = o.account_id AND t.key = 'due:' || o.bill_id) "
     "OR (o.withdrawn_at IS NOT NULL) <> EXISTS (SELECT 1 FROM ledger_txn t "
     "WHERE t.account_id = o.account_id AND t.key = 'due:' || o.bill_id || '/withdrawn')"},
    {"the numbers of a run are not those of its lines",
     "SELECT 0, 'run ' || r.id FROM money_run r JOIN (SELECT run_id, count(*) AS lines, "
     "sum(amount_fen) AS fen FROM money_run_line GROUP BY run_id) l ON l.run_id = r.id "
     "WHERE r.lines <> l.lines OR r.total_fen <> l.fen OR (r.state IN ('done', 'reversed') "
     "AND r.done <> r.lines)"},
    {"a run's line is not behind its cursor, or is and was neither posted nor passed over",
     "SELECT l.account_id, 'run ' || r.id FROM money_run_line l JOIN money_run r "
     "ON r.id = l.run_id WHERE (r.state IN ('proposed', 'rejected') AND l.posted = 1) "
     "OR (r.state = 'running' AND l.account_id > r.cursor AND l.posted = 1) "
     "OR ((r.state = 'done' OR (r.state = 'running' AND l.account_id <= r.cursor)) "
     "AND l.posted = 0 AND l.amount_fen > 0 AND l.error = '')"},
    {"a run's line is not what was posted for it",
     "SELECT l.account_id, 'run ' || l.run_id FROM money_run_line l JOIN money_run r "
     "ON r.id = l.run_id WHERE l.amount_fen * l.posted <> (SELECT coalesce(sum(p.amount_fen), 0) "
     "FROM ledger_txn t JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq "
     "AND p.amount_fen > 0 WHERE t.account_id = l.account_id AND t.key IN ('grant:' || l.run_id, "
     "'share:' || l.run_id, 'order:subsidy-' || l.run_id || '-' || l.account_id || '/paid'))"},
    {"what a run took back is not what was posted for it",
     "SELECT l.account_id, 'run ' || l.run_id FROM money_run_line l WHERE l.taken_back_fen <> "
     "(SELECT coalesce(sum(p.amount_fen), 0) FROM ledger_txn t JOIN posting p "
     "ON p.account_id = t.account_id AND p.seq = t.seq AND p.amount_fen > 0 "
     "WHERE t.account_id = l.account_id AND t.key IN ('grant:' || l.run_id || '/back', "
     "'grant:' || l.run_id || '/expired', 'share:' || l.run_id || '/back'))"},
    {"money of a run that has no such line",
     "SELECT t.account_id, t.key FROM ledger_txn t WHERE t.kind IN ('grant.given', "
     "'share.services', 'share.energy') AND NOT EXISTS (SELECT 1 FROM money_run_line l "
     "WHERE l.account_id = t.account_id AND l.posted = 1 "
     "AND t.key IN ('grant:' || l.run_id, 'share:' || l.run_id))"},
    {"free credit is not what its run gave, or what went back is not what was taken back",
     "SELECT g.account_id, 'run ' || g.run_id FROM free_grant g LEFT JOIN money_run_line l "
     "ON l.account_id = g.account_id AND l.run_id = g.run_id AND l.posted = 1 "
     "WHERE l.amount_fen IS NULL OR l.amount_fen <> g.amount_fen "
     "OR l.taken_back_fen <> g.returned_fen OR (g.ended_at IS NULL AND g.returned_fen > 0)"},
    {"late fees of the running arrears are not what was posted for them",
     "SELECT l.account_id, 'since day ' || l.begun_day FROM late_term l "
     "WHERE l.begun_day IS NOT NULL AND l.posted_fen <> (SELECT coalesce(-sum(p.amount_fen), 0) "
     "FROM ledger_txn t JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq "
     "AND p.book = 'other_due' WHERE t.account_id = l.account_id AND t.kind = 'late.fee' "
     "AND t.key >= 'late:' || l.begun_day || '/' AND t.key < 'late:' || l.begun_day || '0')"},
    {"the lines of a late fee are not what was posted for it",
     "SELECT account_id, 'since day ' || begun_day FROM (SELECT account_id, begun_day, amount_fen "
     "FROM late_line UNION ALL SELECT t.account_id, "
     "CAST(substr(t.key, 6, instr(t.key, '/') - 6) AS INTEGER), p.amount_fen FROM ledger_txn t "
     "JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq AND p.book = 'other_due' "
     "WHERE t.kind = 'late.fee') both_sides GROUP BY account_id, begun_day "
     "HAVING sum(amount_fen) <> 0"},
    {"a line of a late fee does not come to what it says",
     "SELECT account_id, 'day ' || from_day FROM late_line WHERE days <> to_day - from_day + 1 "
     "OR exact <> days * ((arrears_fen - prior_fen) * ppm + prior_fen * next_years_ppm)"},
    {"the lines of the running arrears are not what was counted",
     "SELECT t.account_id, 'since day ' || t.begun_day FROM late_term t JOIN late_line l "
     "ON l.account_id = t.account_id AND l.begun_day = t.begun_day GROUP BY t.account_id "
     "HAVING count(l.ppm) = count(*) AND (sum(l.exact) <> t.exact OR sum(l.days) <> t.days)"},
};

static enum err look(struct store_tx *tx, size_t rule, desk_fault *fault, void *arg,
                     int64_t *faults)
{
    struct query q = query_open(tx, rules[rule].sql, "");
    while (query_step(&q)) {
        (*faults)++;
        if (fault)
            fault(arg, query_int(&q, 0), rules[rule].what, query_text(&q, 1));
    }
    return query_end(&q);
}

enum err desk_verify(struct store_tx *tx, desk_fault *fault, void *arg, struct desk_check *out)
{
    *out = (struct desk_check){};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        TRY(look(tx, i, fault, arg, &out->faults));
    TRY(store_int(tx, &out->shifts, "SELECT count(*) FROM cash_shift", ""));
    TRY(store_int(tx, &out->entries, "SELECT count(*) FROM cash_entry", ""));
    TRY(store_int(tx, &out->days, "SELECT count(*) FROM day_closing", ""));
    TRY(store_int(tx, &out->runs, "SELECT count(*) FROM money_run", ""));
    TRY(store_int(tx, &out->grants, "SELECT count(*) FROM free_grant", ""));
    TRY(store_int(tx, &out->late_fees, "SELECT count(*) FROM ledger_txn WHERE kind = 'late.fee'",
                  ""));
    return out->faults ? ERR_RUN_CHECK : ERR_OK;
}
