#include "app/books.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct check {
    const struct books_expected *expected;
    const struct books_watch *watch;
    struct books_report *report;
    const char *part;
};

static void blame(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void blame(struct check *c, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->report->faults++;
    c->watch->fault(c->watch->arg, c->part, text);
}

/* --- files ---------------------------------------------------------------------------------- */

static enum err check_file(struct check *c, struct store *s, const char *name)
{
    enum err e = store_check(s);
    if (e == ERR_STORE_CORRUPT)
        blame(c, "%s: the file is damaged", name);
    return e == ERR_STORE_CORRUPT ? ERR_OK : e;
}

/* --- audit ---------------------------------------------------------------------------------- */

static void audit_progress(void *arg, int64_t rows)
{
    struct check *c = arg;
    c->watch->progress(c->watch->arg, c->part, rows);
}

/* The row of the head that was kept elsewhere must still be what it was. */
static enum err check_head(struct check *c, struct store_tx *tx)
{
    const struct journal_head *kept = &c->expected->audit;
    struct query q = query_open(tx, "SELECT hash FROM audit WHERE seq = $1", "i", kept->seq);
    bool same = false;
    if (query_step(&q)) {
        struct bytes hash = query_blob(&q, 0);
        same = hash.len == sizeof kept->hash && memcmp(hash.data, kept->hash, hash.len) == 0;
    }
    TRY(query_end(&q));
    if (!same)
        blame(c, "row %" PRId64 " is not the one whose hash was kept: the chain was rewritten",
              kept->seq);
    return ERR_OK;
}

static enum err check_audit(struct store_tx *tx, void *arg)
{
    struct check *c = arg;
    enum err e = journal_verify(tx, audit_progress, c, &c->report->audit);
    if (e == ERR_JOURNAL_CHAIN)
        blame(c, "the chain breaks at row %" PRId64 ": it was changed, removed or inserted",
              c->report->audit.bad_seq);
    else if (e != ERR_OK)
        return e;
    return c->expected->audit.seq ? check_head(c, tx) : ERR_OK;
}

/* --- ledger --------------------------------------------------------------------------------- */

static void ledger_fault_found(void *arg, const struct ledger_fault *f)
{
    if (f->at_seq)
        blame(arg, "account %" PRId64 ", transaction %" PRId64 ": %s", f->account_id, f->at_seq,
              ledger_fault_name(f->kind));
    else
        blame(arg, "account %" PRId64 ": %s", f->account_id, ledger_fault_name(f->kind));
}

static void ledger_walks(void *arg, int64_t accounts, int64_t transactions)
{
    struct check *c = arg;
    (void)accounts;
    c->watch->progress(c->watch->arg, c->part, transactions);
}

/* Each row of `sql` (account, what) is a fault. */
static enum err none_of(struct check *c, struct store_tx *tx, const char *sql, const char *what)
{
    struct query q = query_open(tx, sql, "");
    while (query_step(&q))
        blame(c, "account %" PRId64 ": %s %s", query_int(&q, 0), what, query_text(&q, 1));
    return query_end(&q);
}

static enum err check_ledger(struct store_tx *tx, void *arg)
{
    struct check *c = arg;
    enum err e = ledger_verify(tx, &(struct ledger_watch){ledger_fault_found, ledger_walks, c},
                               &c->report->ledger);
    if (e != ERR_OK && e != ERR_LEDGER_CHAIN)
        return e;
    return none_of(c, tx,
                   "SELECT DISTINCT b.account_id, '' FROM balance b WHERE NOT EXISTS "
                   "(SELECT 1 FROM account a WHERE a.id = b.account_id)",
                   "money of an account that does not exist");
}

/* --- sales ---------------------------------------------------------------------------------- */

static void sale_fault(void *arg, int64_t account_id, const char *order_id, const char *what)
{
    blame(arg, "account %" PRId64 ", order %s: %s", account_id, order_id, what);
}

static enum err check_sales(struct store_tx *tx, void *arg)
{
    struct check *c = arg;
    enum err e = vend_verify(tx, sale_fault, c, &c->report->sales);
    return e == ERR_VEND_CHECK ? ERR_OK : e;
}

static void request_fault(void *arg, int64_t account_id, const char *request_id, const char *what)
{
    blame(arg, "account %" PRId64 ", request %s: %s", account_id, request_id, what);
}

/* --- requests for money --------------------------------------------------------------------- */

static enum err check_requests(struct store_tx *tx, void *arg)
{
    struct check *c = arg;
    enum err e = pay_verify(tx, request_fault, c, &c->report->requests);
    return e == ERR_PAY_CHECK ? ERR_OK : e;
}

/* --- charges -------------------------------------------------------------------------------- */

static enum err check_charges(struct store_tx *tx, void *arg)
{
    struct check *c = arg;
    TRY(store_int(tx, &c->report->settlements, "SELECT count(*) FROM settlement", ""));
    TRY(store_int(tx, &c->report->settled_fen,
                  "SELECT coalesce(sum(amount_fen), 0) FROM settlement", ""));
    TRY(none_of(c, tx,
                "SELECT s.account_id, s.sum || ' fen settled, ' || coalesce(b.amount_fen, 0) || "
                "' fen earned' FROM (SELECT account_id, sum(amount_fen) AS sum FROM (SELECT "
                "account_id, amount_fen FROM settlement UNION ALL SELECT account_id, amount_fen "
                "FROM true_up) all_bills GROUP BY account_id) s LEFT JOIN balance b ON "
                "b.account_id = s.account_id "
                "AND b.book = 'revenue' WHERE s.sum <> coalesce(b.amount_fen, 0)",
                "settlements and revenue differ:"));
    TRY(none_of(c, tx,
                "SELECT b.account_id, b.amount_fen || ' fen' FROM balance b WHERE b.book = "
                "'revenue' AND b.amount_fen <> 0 AND NOT EXISTS (SELECT 1 FROM settlement s "
                "WHERE s.account_id = b.account_id)",
                "revenue without a settlement:"));
    TRY(none_of(c, tx,
                "SELECT u.account_id, 're-rating ' || u.rerate_id FROM true_up u "
                "LEFT JOIN ledger_txn t ON t.account_id = u.account_id "
                "AND t.key = 'true_up:' || u.rerate_id "
                "LEFT JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq "
                "AND p.book = 'revenue' WHERE u.amount_fen <> coalesce(p.amount_fen, 0)",
                "a true-up is not what was posted for it:"));
    return none_of(c, tx,
                   "SELECT s.account_id, 'meter ' || s.meter_id || ', opened ' || s.opened_at "
                   "FROM settlement s LEFT JOIN ledger_txn t ON t.account_id = s.account_id "
                   "AND t.key = 'settle:' || s.meter_id || ':' || s.epoch || ':' || s.opened_at "
                   "LEFT JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq "
                   "AND p.book = 'revenue' WHERE s.amount_fen <> coalesce(p.amount_fen, 0)",
                   "a settlement is not what was posted for it:");
}

/* --- desk: tills, days, bills, runs, late fees -------------------------------------------------
 */

static void thing_fault(void *arg, int64_t account_id, const char *what, const char *which)
{
    if (account_id)
        blame(arg, "account %" PRId64 ", %s: %s", account_id, which, what);
    else
        blame(arg, "%s: %s", which, what);
}

static enum err check_desk(struct store_tx *tx, void *arg)
{
    struct check *c = arg;
    enum err e = desk_verify(tx, thing_fault, c, &c->report->desk);
    return e == ERR_RUN_CHECK ? ERR_OK : e;
}

/* --- relays and decisions ------------------------------------------------------------------- */

static enum err check_relays(struct store_tx *tx, void *arg)
{
    struct check *c = arg;
    enum err e = control_verify(tx, thing_fault, c, &c->report->relays);
    return e == ERR_CONTROL_CHECK ? ERR_OK : e;
}

enum err books_check(struct store *ledger, struct store *readings,
                     const struct books_expected *expected, const struct books_watch *watch,
                     struct books_report *report)
{
    static const struct {
        const char *part;
        store_work *work;
    } parts[] = {{"audit", check_audit},       {"ledger", check_ledger},   {"sales", check_sales},
                 {"requests", check_requests}, {"charges", check_charges}, {"desk", check_desk},
                 {"relays", check_relays}};
    struct check c = {expected, watch, report, "files"};
    *report = (struct books_report){};
    TRY(check_file(&c, ledger, "ledger"));
    if (readings)
        TRY(check_file(&c, readings, "readings"));
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        c.part = parts[i].part;
        TRY(store_read(ledger, parts[i].work, &c));
    }
    return ERR_OK;
}
