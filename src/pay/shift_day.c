/* The closing of a day: what the tills say against what the ledger says. */
#include <stdio.h>
#include <string.h>

#include "pay/shift_impl.h"

/* Entry by entry: a row of the ledger's day belongs to a till only if the till says the same
 * amount. */
static enum err sum_day(struct store_tx *tx, int64_t project_id, int32_t day, struct shift_day *d)
{
    struct query q =
        query_open(tx,
                   "SELECT coalesce(sum(CASE WHEN b.amount_fen > 0 THEN b.amount_fen END), 0), "
                   "coalesce(-sum(CASE WHEN b.amount_fen < 0 THEN b.amount_fen END), 0), "
                   "coalesce(sum(CASE WHEN e.shift_id IS NOT NULL AND b.amount_fen > 0 "
                   "THEN b.amount_fen END), 0), "
                   "coalesce(-sum(CASE WHEN e.shift_id IS NOT NULL AND b.amount_fen < 0 "
                   "THEN b.amount_fen END), 0), "
                   "count(DISTINCT CASE WHEN s.state <> 'closed' THEN s.id END) "
                   "FROM cash_book b JOIN account a ON a.id = b.account_id "
                   "LEFT JOIN cash_entry e ON e.account_id = b.account_id AND e.seq = b.seq "
                   "AND e.amount_fen = b.amount_fen LEFT JOIN cash_shift s ON s.id = e.shift_id "
                   "WHERE b.business_day = $1 AND a.project_id = $2",
                   "ii", (int64_t)day, project_id);
    if (query_step(&q)) {
        d->book_in_fen = query_int(&q, 0);
        d->book_out_fen = query_int(&q, 1);
        d->till_in_fen = query_int(&q, 2);
        d->till_out_fen = query_int(&q, 3);
        d->unclosed = query_int(&q, 4);
    }
    d->outside_in_fen = d->book_in_fen - d->till_in_fen;
    d->outside_out_fen = d->book_out_fen - d->till_out_fen;
    return query_end(&q);
}

static enum err sum_counts(struct store_tx *tx, int64_t project_id, int32_t offset_s,
                           struct shift_day *d)
{
    struct query q = query_open(tx,
                                "SELECT count(*), coalesce(sum(counted_fen - expected_fen), 0) "
                                "FROM cash_shift WHERE project_id = $1 AND counted_at >= $2 "
                                "AND counted_at < $3",
                                "iii", project_id, civil_day_start(d->day, offset_s).s,
                                civil_day_start(d->day + 1, offset_s).s);
    if (query_step(&q)) {
        d->shifts = query_int(&q, 0);
        d->difference_fen = query_int(&q, 1);
    }
    return query_end(&q);
}

static enum err load_closed(struct store_tx *tx, struct shift_day *d)
{
    struct query q = query_open(
        tx,
        "SELECT book_in_fen, book_out_fen, till_in_fen, till_out_fen, outside_in_fen, "
        "outside_out_fen, difference_fen, shifts, note, closed_at, actor FROM day_closing "
        "WHERE project_id = $1 AND business_day = $2",
        "ii", d->project_id, (int64_t)d->day);
    if (query_step(&q)) {
        d->book_in_fen = query_int(&q, 0);
        d->book_out_fen = query_int(&q, 1);
        d->till_in_fen = query_int(&q, 2);
        d->till_out_fen = query_int(&q, 3);
        d->outside_in_fen = query_int(&q, 4);
        d->outside_out_fen = query_int(&q, 5);
        d->difference_fen = query_int(&q, 6);
        d->shifts = query_int(&q, 7);
        shift_copy(d->note, sizeof d->note, query_text(&q, 8));
        d->closed_at.s = query_int(&q, 9);
        shift_copy(d->closed_by, sizeof d->closed_by, query_text(&q, 10));
    }
    return query_end(&q);
}

enum err shift_day_get(struct store_tx *tx, int64_t project_id, int32_t day, wall_s now,
                       struct shift_day *out)
{
    int32_t offset_s;
    TRY(shift_offset(tx, project_id, &offset_s));
    *out = (struct shift_day){
        .project_id = project_id, .day = day, .over = day < civil_local_day(now, offset_s)};
    TRY(load_closed(tx, out));
    if (out->closed_at.s)
        return ERR_OK;
    TRY(sum_day(tx, project_id, day, out));
    return sum_counts(tx, project_id, offset_s, out);
}

static enum err write_closing(struct store_tx *tx, const struct shift_person *by,
                              const struct shift_day *d, const char *note)
{
    struct detail facts = {}, audit = {};
    TRY(store_exec(tx,
                   "INSERT INTO day_closing (project_id, business_day, book_in_fen, book_out_fen, "
                   "till_in_fen, till_out_fen, outside_in_fen, outside_out_fen, difference_fen, "
                   "shifts, note, closed_at, actor) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
                   "iiiiiiiiiitit", d->project_id, (int64_t)d->day, d->book_in_fen, d->book_out_fen,
                   d->till_in_fen, d->till_out_fen, d->outside_in_fen, d->outside_out_fen,
                   d->difference_fen, d->shifts, note, by->now.s, by->actor));
    detail_int(&facts, "in_fen", d->book_in_fen);
    detail_int(&facts, "out_fen", d->book_out_fen);
    detail_int(&facts, "difference_fen", d->difference_fen);
    audit = facts;
    detail_int(&audit, "day", d->day);
    detail_text(&audit, "note", note);
    TRY(shift_audit(tx,
                    &(struct shift_act){by->actor, "day.close", "project", d->project_id, by->now},
                    &audit));
    return journal_event(tx, &(struct journal_event){.at = by->now,
                                                     .kind = EVENT_DAY_CLOSED,
                                                     .project_id = d->project_id,
                                                     .detail = detail_end(&facts)});
}

enum err shift_day_close(struct store_tx *tx, const struct shift_person *by,
                         const struct shift_closing *closing, struct shift_day *out)
{
    TRY(shift_day_get(tx, by->project_id, closing->day, by->now, out));
    if (out->closed_at.s)
        return ERR_DAY_CLOSED;
    if (!out->over || out->unclosed > 0)
        return ERR_DAY_OPEN;
    if (closing->outside_fen != out->outside_in_fen - out->outside_out_fen)
        return ERR_DAY_OUTSIDE;
    if (strlen(closing->note) > SHIFT_NOTE_MAX)
        return ERR_RANGE;
    TRY(write_closing(tx, by, out, closing->note));
    return shift_day_get(tx, by->project_id, closing->day, by->now, out);
}

enum err shift_days(struct store_tx *tx, const struct shift_person *who, int32_t before,
                    int64_t limit, shift_day_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q =
        query_open(tx,
                   "SELECT business_day FROM (SELECT DISTINCT b.business_day FROM cash_book b "
                   "JOIN account a ON a.id = b.account_id WHERE a.project_id = $1 "
                   "UNION SELECT business_day FROM day_closing WHERE project_id = $1) d "
                   "WHERE $2 = 0 OR business_day < $2 ORDER BY business_day DESC LIMIT $3",
                   "iii", who->project_id, (int64_t)before, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct shift_day d;
        e = shift_day_get(tx, who->project_id, (int32_t)query_int(&q, 0), who->now, &d);
        if (e == ERR_OK)
            e = each(arg, &d);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}
