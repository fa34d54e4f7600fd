#include "pay/month.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pay/shift_impl.h"

#define COPY(field, text) text_copy(field, sizeof field, text)

/* The accounts of one call. */
#define ACCOUNTS "a.project_id = $1 AND a.id > $2 AND a.id <= $3 "
/* With the last transaction before the month and the last that is summed. Business days never run
 * backwards, so both are found from an account's newest one, without reading what lies before. */
#define LAST_SEQ(until)                                                                            \
    "coalesce((SELECT b.seq FROM ledger_txn b WHERE b.account_id = a.id AND b.business_day " until \
    " ORDER BY b.seq DESC LIMIT 1), 0)"
#define BOUNDED                                                                                    \
    "WITH bounded AS MATERIALIZED (SELECT a.id AS id, " LAST_SEQ("< $4") " AS before, " LAST_SEQ(  \
        "<= $5") " AS last FROM account a WHERE " ACCOUNTS ")"
#define IN_MONTH                                                                                   \
    "FROM bounded a JOIN ledger_txn t ON t.account_id = a.id AND t.seq > a.before "                \
    "AND t.seq <= a.last "

bool month_customers(enum ledger_book book)
{
    return book == LEDGER_PREPAYMENT || book == LEDGER_TRANSIT || book == LEDGER_WALLET ||
           book == LEDGER_HELD || book == LEDGER_OTHER_DUE;
}

/* What comes in stands with a minus in these. */
static bool comes_in(enum ledger_book book)
{
    return book == LEDGER_CASH || book == LEDGER_SUBSIDY || book == LEDGER_SUSPENSE ||
           book == LEDGER_TRANSFER;
}

/* --- which month ----------------------------------------------------------------------------- */

static bool find_days(struct month *m, int64_t month)
{
    int32_t year = (int32_t)(month / 100);
    unsigned number = (unsigned)(month % 100);
    if (year < 1970 || year > 9998 || number < 1 || number > 12)
        return false;
    m->from_day = civil_days_from_date(year, number, 1);
    m->last_day = (number == 12 ? civil_days_from_date(year + 1, 1, 1)
                                : civil_days_from_date(year, number + 1, 1)) -
                  1;
    return true;
}

/* The first day with cash that no closing has looked at. */
static enum err find_open(struct store_tx *tx, const struct month *m, int32_t *day)
{
    struct query q = query_open(
        tx,
        "SELECT min(d.day) FROM (SELECT DISTINCT b.business_day AS day FROM cash_book b "
        "JOIN account a ON a.id = b.account_id WHERE a.project_id = $1 AND b.business_day <= $2) d "
        "WHERE NOT EXISTS (SELECT 1 FROM day_closing c WHERE c.project_id = $1 "
        "AND c.business_day = d.day)",
        "ii", m->project_id, (int64_t)m->last_day);
    if (query_step(&q) && !query_null(&q, 0))
        *day = (int32_t)query_int(&q, 0);
    return query_end(&q);
}

enum err month_begin(struct store_tx *tx, struct month *m, int64_t project_id, int64_t month,
                     wall_s now)
{
    int32_t offset_s;
    *m = (struct month){.project_id = project_id, .more = true};
    TRY(shift_offset(tx, project_id, &offset_s));
    int32_t open = civil_local_day(now, offset_s);
    if (!find_days(m, month) || m->from_day > open)
        return ERR_RANGE;
    TRY(find_open(tx, m, &open));
    m->to_day = open <= m->last_day ? open - 1 : m->last_day;
    return m->to_day < m->from_day ? ERR_DAY_OPEN : ERR_OK;
}

/* --- lines ----------------------------------------------------------------------------------- */

static bool same(const struct month_line *a, const struct month_line *b)
{
    return strcmp(a->group, b->group) == 0 && strcmp(a->kind, b->kind) == 0 &&
           strcmp(a->way, b->way) == 0 && strcmp(a->service, b->service) == 0 &&
           strcmp(a->unit, b->unit) == 0;
}

static enum err add_line(struct month *m, const struct month_line *line)
{
    struct month_line *at = m->lines, *end = m->lines + m->count;
    while (at < end && !same(at, line))
        at++;
    if (at == end) {
        if (m->count == MONTH_LINES_MAX)
            return ERR_RANGE;
        m->count++;
        *at = *line;
        return ERR_OK;
    }
    at->count += line->count;
    TRY(units_add(at->quantity, line->quantity, &at->quantity));
    return units_add(at->amount_fen, line->amount_fen, &at->amount_fen);
}

/* Rows of service, unit, kind, way, count, amount, quantity. */
static enum err add_group(struct month *m, struct query *q, const char *group)
{
    enum err e = ERR_OK;
    while (e == ERR_OK && query_step(q)) {
        struct month_line line = {
            .count = query_int(q, 4), .amount_fen = query_int(q, 5), .quantity = query_int(q, 6)};
        COPY(line.group, group);
        COPY(line.service, query_text(q, 0));
        COPY(line.unit, query_text(q, 1));
        COPY(line.kind, query_text(q, 2));
        COPY(line.way, query_text(q, 3));
        e = add_line(m, &line);
    }
    enum err end = query_end(q);
    return e != ERR_OK ? e : end;
}

/* --- the ledger ------------------------------------------------------------------------------ */

enum period { BEFORE, WITHIN, AFTER };

static enum err add_sum(struct month *m, const struct query *q)
{
    enum ledger_book book = ledger_book_of(query_text(q, 1));
    int64_t fen = query_int(q, 5);
    enum period period = (enum period)query_int(q, 0);
    struct month_line line = {.count = query_int(q, 4), .amount_fen = fen};
    if (book == LEDGER_BOOK_COUNT)
        return ERR_LEDGER_BOOK;
    if (period == BEFORE)
        return units_add(m->opening_fen[book], fen, &m->opening_fen[book]);
    if (period == AFTER)
        return units_sub(m->closing_fen[book], fen, &m->closing_fen[book]);
    if (month_customers(book))
        return ERR_OK; /* the other side of what is counted below, or money that only moved */
    if (comes_in(book))
        line.amount_fen = -fen;
    COPY(line.group, ledger_book_name(book));
    COPY(line.kind, query_text(q, 2));
    COPY(line.way, query_text(q, 3));
    return add_line(m, &line);
}

static enum err add_ledger(struct store_tx *tx, struct month *m, int64_t last)
{
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        BOUNDED
        "SELECT 0, p.book, '', '', count(*), sum(p.amount_fen) FROM bounded a JOIN posting p "
        "ON p.account_id = a.id AND p.seq <= a.before GROUP BY 2 UNION ALL "
        "SELECT 2, p.book, '', '', count(*), sum(p.amount_fen) FROM bounded a JOIN posting p "
        "ON p.account_id = a.id AND p.seq > a.last GROUP BY 2 UNION ALL "
        "SELECT 1, book, kind, CASE WHEN kind IN ('order.fee', 'due.paid') THEN 'cash' "
        "ELSE coalesce(json_extract(detail, '$.method'), json_extract(detail, '$.service'), "
        "json_extract(detail, '$.cause'), (SELECT r.method FROM money_request r "
        "WHERE r.account_id = account AND r.request_id = json_extract(detail, '$.request')), "
        "(SELECT o.service FROM other_bill o WHERE o.account_id = account "
        "AND o.bill_id = json_extract(detail, '$.bill')), '') END, count(*), sum(fen) FROM "
        "(SELECT t.account_id AS account, t.kind AS kind, t.detail AS detail, p.book AS book, "
        "p.amount_fen AS fen " IN_MONTH
        "JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq) AS x GROUP BY 2, 3, 4",
        "iiiii", m->project_id, m->after, last, (int64_t)m->from_day, (int64_t)m->to_day);
    while (e == ERR_OK && query_step(&q))
        e = add_sum(m, &q);
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

static enum err add_balances(struct store_tx *tx, struct month *m, int64_t last)
{
    enum err e = ERR_OK;
    struct query q = query_open(tx,
                                "SELECT b.book, sum(b.amount_fen) FROM account a JOIN balance b "
                                "ON b.account_id = a.id WHERE " ACCOUNTS "GROUP BY 1",
                                "iii", m->project_id, m->after, last);
    while (e == ERR_OK && query_step(&q)) {
        enum ledger_book book = ledger_book_of(query_text(&q, 0));
        e = book == LEDGER_BOOK_COUNT
                ? ERR_LEDGER_BOOK
                : units_add(m->closing_fen[book], query_int(&q, 1), &m->closing_fen[book]);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

/* --- what was charged ------------------------------------------------------------------------ */

#define BILLED                                                                                     \
    BOUNDED                                                                                        \
    ", billed AS MATERIALIZED (SELECT coalesce(m.kind, '') AS service, "                           \
    "coalesce(json_extract(s.bill, '$.unit'), 'kWh') AS unit, s.bill AS bill, "                    \
    "coalesce(s.energy_wh, 0) AS quantity, p.amount_fen AS fen " IN_MONTH                          \
    "JOIN posting p ON p.account_id = t.account_id AND p.seq = t.seq AND p.book = 'revenue' "      \
    "LEFT JOIN settlement s ON s.account_id = t.account_id "                                       \
    "AND s.meter_id = json_extract(t.detail, '$.meter') "                                          \
    "AND s.epoch = json_extract(t.detail, '$.epoch') "                                             \
    "AND s.opened_at = json_extract(t.detail, '$.opened_at') "                                     \
    "LEFT JOIN meter m ON m.id = json_extract(t.detail, '$.meter') "                               \
    "WHERE t.kind = 'settlement') "

/* What was posted for each service, and what the lines of the bills say it was for. */
static enum err add_charges(struct store_tx *tx, struct month *m, int64_t last)
{
    struct query q = query_open(
        tx,
        BILLED "SELECT service, unit, 'total', '', count(*), sum(fen), sum(quantity) FROM billed "
               "GROUP BY 1, 2 UNION ALL SELECT service, unit, json_extract(l.value, '$.kind'), "
               "coalesce(json_extract(l.value, '$.code'), ''), count(*), "
               "sum(json_extract(l.value, '$.amount_fen')), 0 "
               "FROM billed, json_each(billed.bill, '$.lines') AS l GROUP BY 1, 2, 3, 4",
        "iiiii", m->project_id, m->after, last, (int64_t)m->from_day, (int64_t)m->to_day);
    return add_group(m, &q, "charged");
}

static enum err add_true_ups(struct store_tx *tx, struct month *m, int64_t last)
{
    struct query q = query_open(
        tx,
        BOUNDED
        "SELECT coalesce(m.kind, ''), '', 'true_up', json_extract(t.detail, '$.cause'), count(*), "
        "sum(json_extract(l.value, '$.difference_fen')), 0 " IN_MONTH
        "JOIN true_up u ON u.account_id = t.account_id "
        "AND 'true_up:' || u.rerate_id = t.key JOIN json_each(u.bill, '$.lines') AS l "
        "LEFT JOIN meter m ON m.id = json_extract(l.value, '$.meter_id') "
        "WHERE t.kind = 'true_up' GROUP BY 1, 4",
        "iiiii", m->project_id, m->after, last, (int64_t)m->from_day, (int64_t)m->to_day);
    return add_group(m, &q, "true_up");
}

/* --- all of it ------------------------------------------------------------------------------- */

static enum err next_accounts(struct store_tx *tx, struct month *m, int64_t limit, int64_t *last)
{
    int64_t count = 0;
    struct query q =
        query_open(tx,
                   "SELECT coalesce(max(id), $2), count(*) FROM (SELECT id FROM account "
                   "WHERE project_id = $1 AND id > $2 ORDER BY id LIMIT $3) AS x",
                   "iii", m->project_id, m->after, limit);
    if (query_step(&q)) {
        *last = query_int(&q, 0);
        count = query_int(&q, 1);
    }
    m->accounts += count;
    m->more = count == limit;
    return query_end(&q);
}

enum err month_add(struct store_tx *tx, struct month *m, int64_t limit)
{
    int64_t last = m->after;
    TRY(next_accounts(tx, m, limit, &last));
    TRY(add_ledger(tx, m, last));
    TRY(add_balances(tx, m, last));
    TRY(add_charges(tx, m, last));
    TRY(add_true_ups(tx, m, last));
    m->after = last;
    return ERR_OK;
}

static enum err apart_of(const struct month *m, const struct month_line *total, int64_t *fen)
{
    *fen = total->amount_fen;
    for (size_t i = 0; i < m->count; i++) {
        const struct month_line *l = &m->lines[i];
        if (l != total && strcmp(l->group, "charged") == 0 &&
            strcmp(l->service, total->service) == 0 && strcmp(l->unit, total->unit) == 0)
            TRY(units_sub(*fen, l->amount_fen, fen));
    }
    return ERR_OK;
}

enum err month_end(struct month *m)
{
    size_t count = m->count;
    for (size_t i = 0; i < count; i++) {
        struct month_line apart = m->lines[i];
        if (strcmp(apart.group, "charged") != 0 || strcmp(apart.kind, "total") != 0)
            continue;
        COPY(apart.kind, "apart");
        apart.count = apart.quantity = 0;
        TRY(apart_of(m, &m->lines[i], &apart.amount_fen));
        if (apart.amount_fen)
            TRY(add_line(m, &apart));
    }
    return ERR_OK;
}

struct month_sum month_sum(const struct month *m)
{
    struct month_sum s = {};
    for (enum ledger_book b = 0; b < LEDGER_BOOK_COUNT; b++)
        if (month_customers(b)) {
            s.opening_fen += m->opening_fen[b];
            s.closing_fen += m->closing_fen[b];
        }
    for (size_t i = 0; i < m->count; i++) {
        enum ledger_book b = ledger_book_of(m->lines[i].group);
        if (b == LEDGER_BOOK_COUNT)
            continue;
        if (comes_in(b))
            s.in_fen += m->lines[i].amount_fen;
        else
            s.out_fen += m->lines[i].amount_fen;
    }
    s.difference_fen = s.opening_fen + s.in_fen - s.out_fen - s.closing_fen;
    return s;
}
