/* Terms of contracts, and the daily counting. */
#include <inttypes.h>
#include <stdio.h>

#include "base/must.h"
#include "journal/aside.h"
#include "pay/late.h"
#include "pay/run_impl.h"

#define PPM_MAX 10'000
#define BATCH 64 /* accounts a call, at most */

static bool good(const struct late_term *t)
{
    return t->ppm >= 1 && t->ppm <= PPM_MAX && t->next_years_ppm >= 1 &&
           t->next_years_ppm <= PPM_MAX && t->grace_days >= 0 && t->grace_days <= 365 &&
           t->least_fen >= 0 && t->least_fen <= 10'000 && t->cap_permille >= 1 &&
           t->cap_permille <= 10'000 && t->clause[0];
}

static enum err end_term(struct store_tx *tx, const struct late_set *s)
{
    struct detail d = {};
    TRY(store_exec(tx,
                   "UPDATE late_term SET ended_at = $2, begun_day = NULL, days = 0, exact = 0, "
                   "prior_fen = 0, most_fen = 0, posted_fen = 0, actor = $3 "
                   "WHERE account_id = $1 AND ended_at IS NULL",
                   "iit", s->account_id, s->now.s, s->actor));
    if (store_changes(tx) == 0)
        return ERR_NOT_FOUND;
    return shift_audit(
        tx, &(struct shift_act){s->actor, "late.end", "account", s->account_id, s->now}, &d);
}

static enum err audit_term(struct store_tx *tx, const struct late_set *s)
{
    struct detail d = {};
    detail_int(&d, "ppm", s->term->ppm);
    detail_int(&d, "next_years_ppm", s->term->next_years_ppm);
    detail_int(&d, "grace_days", s->term->grace_days);
    detail_int(&d, "least_fen", s->term->least_fen);
    detail_int(&d, "cap_permille", s->term->cap_permille);
    detail_text(&d, "clause", s->term->clause);
    return shift_audit(
        tx, &(struct shift_act){s->actor, "late.set", "account", s->account_id, s->now}, &d);
}

struct holder {
    int64_t project_id;
    int32_t offset_s;
    bool in_meter; /* its balance; fixed once money was booked */
};

static enum err find_holder(struct store_tx *tx, int64_t account_id, struct holder *h)
{
    struct query q = query_open(
        tx, "SELECT project_id, wallet = 'meter' FROM account WHERE id = $1", "i", account_id);
    bool found = query_step(&q);
    if (found)
        *h = (struct holder){.project_id = query_int(&q, 0), .in_meter = query_int(&q, 1) != 0};
    TRY(query_end(&q));
    return found ? shift_offset(tx, h->project_id, &h->offset_s) : ERR_NOT_FOUND;
}

enum err late_term_set(struct store_tx *tx, const struct late_set *s)
{
    struct holder h;
    TRY(find_holder(tx, s->account_id, &h));
    if (!s->term)
        return end_term(tx, s);
    if (!good(s->term))
        return ERR_RANGE;
    if (h.in_meter)
        return ERR_STATE;
    /* A term that comes back counts from today on; one that is changed goes on. */
    TRY(store_exec(tx,
                   "INSERT INTO late_term (account_id, project_id, ppm, next_years_ppm, "
                   "grace_days, least_fen, "
                   "cap_permille, last_day, actor, clause) "
                   "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
                   "ON CONFLICT (account_id) DO UPDATE SET ppm = excluded.ppm, "
                   "next_years_ppm = excluded.next_years_ppm, grace_days = excluded.grace_days, "
                   "least_fen = excluded.least_fen, cap_permille = excluded.cap_permille, "
                   "last_day = CASE WHEN late_term.ended_at IS NULL THEN late_term.last_day "
                   "ELSE excluded.last_day END, ended_at = NULL, actor = excluded.actor, "
                   "clause = excluded.clause",
                   "iiiiiiiitt", s->account_id, h.project_id, s->term->ppm, s->term->next_years_ppm,
                   s->term->grace_days, s->term->least_fen, s->term->cap_permille,
                   (int64_t)civil_local_day(s->now, h.offset_s) - 1, s->actor, s->term->clause));
    return audit_term(tx, s);
}

#define TERM_COLUMNS                                                                               \
    "t.account_id, t.ppm, t.next_years_ppm, t.grace_days, t.least_fen, t.cap_permille, "           \
    "t.begun_day, t.days, t.exact, t.prior_fen, t.most_fen, t.posted_fen, t.clause, "

static void read_term(const struct query *q, struct late_row *r)
{
    r->account_id = query_int(q, 0);
    r->term = (struct late_term){query_int(q, 1), query_int(q, 2), query_int(q, 3),
                                 query_int(q, 4), query_int(q, 5), ""};
    shift_copy(r->term.clause, sizeof r->term.clause, query_text(q, 12));
    r->count = (struct late_count){.begun_day = (int32_t)query_int(q, 6),
                                   .days = query_int(q, 7),
                                   .exact = query_int(q, 8),
                                   .prior_fen = query_int(q, 9),
                                   .most_fen = query_int(q, 10)};
    r->posted_fen = query_int(q, 11);
}

enum err late_list(struct store_tx *tx, const struct late_query *query, late_each *each, void *arg)
{
    enum err e = ERR_OK;
    struct query q =
        query_open(tx,
                   "SELECT " TERM_COLUMNS "a.code, a.name FROM late_term t "
                   "JOIN account a ON a.id = t.account_id WHERE t.project_id = $1 "
                   "AND ($2 = 0 OR t.account_id = $2) AND t.account_id > $3 "
                   "AND t.ended_at IS NULL ORDER BY t.account_id LIMIT $4",
                   "iiii", query->project_id, query->account_id, query->after, query->limit);
    while (e == ERR_OK && query_step(&q)) {
        struct late_row r = {.account_code = query_text(&q, 13),
                             .account_name = query_text(&q, 14)};
        read_term(&q, &r);
        e = each(arg, &r);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}

/* --- counting ------------------------------------------------------------------------------ */

struct work {
    struct late_row row;
    int32_t last_day, until; /* counted up to last_day; to be counted up to `until` */
    int32_t offset_s;
    bool in_meter; /* the balance: then nothing below zero beside it is overdue */
    bool counted;
    wall_s now;
};

/* The prepayment at the end of a day. */
static enum err balance_at(struct store_tx *tx, int64_t account_id, int32_t day, int64_t *fen)
{
    int64_t later_fen;
    TRY(ledger_balance(tx, account_id, LEDGER_PREPAYMENT, fen));
    TRY(store_int(tx, &later_fen,
                  "SELECT coalesce(sum(p.amount_fen), 0) FROM posting p JOIN ledger_txn t "
                  "ON t.account_id = p.account_id AND t.seq = p.seq WHERE p.account_id = $1 "
                  "AND p.book = 'prepayment' AND t.business_day > $2",
                  "ii", account_id, (int64_t)day));
    *fen -= later_fen;
    return ERR_OK;
}

/* What the line of the day says, beside the posting. */
static void explain(const struct late_line *l, const struct work *w, struct detail *d)
{
    detail_int(d, "begun_day", l->begun_day);
    detail_int(d, "day", l->to_day);
    detail_int(d, "days", w->row.count.days);
    detail_int(d, "debt_fen", l->arrears_fen);
    detail_int(d, "prior_fen", l->prior_fen);
    detail_int(d, "ppm", l->term.ppm);
    detail_int(d, "next_years_ppm", l->term.next_years_ppm);
    detail_int(d, "exact", w->row.count.exact);
    detail_text(d, "rounding", "half_up");
    detail_text(d, "rule", late_rule_name(l->rule));
    detail_text(d, "clause", l->term.clause);
    detail_int(d, "arrears_fen", l->most_fen);
    detail_int(d, "fee_fen", w->row.posted_fen + l->amount_fen);
}

static enum err post_fee(struct store_tx *tx, struct work *w, const struct late_line *l)
{
    char key[64];
    struct detail d = {}, event;
    struct late_row *r = &w->row;
    int64_t project_id;
    snprintf(key, sizeof key, "late:%d/%d", (int)l->begun_day, (int)l->to_day);
    explain(l, w, &d);
    event = d;
    TRY(shift_post(tx,
                   &(struct shift_move){r->account_id, key, "late.fee", "system", w->now,
                                        LEDGER_OTHER_DUE, LEDGER_OTHER, l->amount_fen, &d},
                   NULL));
    r->posted_fen += l->amount_fen;
    detail_int(&event, "amount_fen", l->amount_fen);
    TRY(store_int(tx, &project_id, "SELECT project_id FROM account WHERE id = $1", "i",
                  r->account_id));
    return journal_event(tx, &(struct journal_event){.at = w->now,
                                                     .kind = EVENT_LATE_FEE,
                                                     .project_id = project_id,
                                                     .account_id = r->account_id,
                                                     .detail = detail_end(&event)});
}

/* A day that cost `exact`: its line, and what it brings the whole fee above what was billed. */
static enum err bill(struct store_tx *tx, struct work *w, const struct late_day *d, int64_t exact)
{
    struct late_row *r = &w->row;
    int64_t more_fen = late_fee_fen(&r->term, &r->count) - r->posted_fen;
    struct late_line l = {.account_id = r->account_id,
                          .begun_day = r->count.begun_day,
                          .from_day = d->day,
                          .to_day = d->day,
                          .days = 1,
                          .kept = true,
                          .arrears_fen = d->arrears_fen,
                          .prior_fen = r->count.prior_fen,
                          .term = r->term,
                          .exact = exact,
                          .most_fen = r->count.most_fen,
                          .rule = late_rule_of(&r->term, &r->count),
                          .amount_fen = more_fen > 0 ? more_fen : 0};
    l.billed_at.s = l.amount_fen > 0 ? w->now.s : 0;
    if (l.amount_fen > 0)
        TRY(post_fee(tx, w, &l));
    return late_line_put(tx, &l);
}

static enum err count_to(struct store_tx *tx, struct work *w, const struct late_day *d)
{
    struct late_row *r = &w->row;
    struct late_count before = r->count;
    TRY(late_count_day(&r->term, d, &r->count));
    if (r->count.begun_day == 0)
        r->posted_fen = 0; /* what was billed stays owed; the next arrears begin anew */
    bool costs = r->count.begun_day != 0 && r->count.days > 0;
    return costs ? bill(tx, w, d, r->count.exact - before.exact) : ERR_OK;
}

#define DAYS_MAX 400 /* counted in one call */
struct moved {
    int32_t day;
    int64_t paid_fen, charged_fen;
};

static enum err load_moved(struct store_tx *tx, const struct work *w, struct moved *m,
                           size_t *count)
{
    *count = 0;
    struct query q = query_open(
        tx,
        "SELECT t.business_day, coalesce(sum(CASE WHEN p.amount_fen > 0 THEN p.amount_fen END), "
        "0), "
        "coalesce(-sum(CASE WHEN p.amount_fen < 0 THEN p.amount_fen END), 0) FROM posting p "
        "JOIN ledger_txn t ON t.account_id = p.account_id AND t.seq = p.seq "
        "WHERE p.account_id = $1 AND p.book = 'prepayment' AND t.business_day > $2 "
        "AND t.business_day <= $3 GROUP BY t.business_day ORDER BY t.business_day",
        "iii", w->row.account_id, (int64_t)w->last_day, (int64_t)w->until);
    while (query_step(&q) && *count < DAYS_MAX)
        m[(*count)++] =
            (struct moved){(int32_t)query_int(&q, 0), query_int(&q, 1), query_int(&q, 2)};
    return query_end(&q);
}

/* True-ups that are owed and were too new at the end of a day to cut anybody (billing/billing.h).
 */
static enum err grace_at(struct store_tx *tx, const struct work *w, int32_t day, int64_t *fen)
{
    return store_int(tx, fen,
                     "SELECT coalesce(sum(amount_fen), 0) FROM true_up WHERE account_id = $1 "
                     "AND amount_fen > 0 AND business_day <= $2 AND grace_until >= $3",
                     "iii", w->row.account_id, (int64_t)day,
                     civil_day_start(day + 1, w->offset_s).s);
}

/* What is overdue of a balance. */
static enum err overdue(struct store_tx *tx, const struct work *w, int32_t day, int64_t balance_fen,
                        int64_t *fen)
{
    int64_t grace_fen;
    *fen = 0;
    if (balance_fen >= 0 || w->in_meter)
        return ERR_OK;
    TRY(grace_at(tx, w, day, &grace_fen));
    *fen = -balance_fen > grace_fen ? -balance_fen - grace_fen : 0;
    return ERR_OK;
}

static enum err count_days(struct store_tx *tx, struct work *w)
{
    struct moved moved[DAYS_MAX];
    size_t count, at = 0;
    int64_t balance_fen;
    if (w->until - w->last_day > DAYS_MAX)
        w->until = w->last_day + DAYS_MAX;
    TRY(balance_at(tx, w->row.account_id, w->last_day, &balance_fen));
    TRY(load_moved(tx, w, moved, &count));
    for (int32_t day = w->last_day + 1; day <= w->until; day++) {
        struct late_day d = {.day = day};
        if (at < count && moved[at].day == day) {
            d.paid_fen = moved[at].paid_fen;
            d.charged_fen = moved[at++].charged_fen;
        }
        balance_fen += d.paid_fen - d.charged_fen;
        TRY(overdue(tx, w, day, balance_fen, &d.arrears_fen));
        TRY(count_to(tx, w, &d));
    }
    const struct late_row *r = &w->row;
    return store_exec(tx,
                      "UPDATE late_term SET last_day = $2, begun_day = nullif($3, 0), days = $4, "
                      "exact = $5, prior_fen = $6, most_fen = $7, posted_fen = $8 "
                      "WHERE account_id = $1",
                      "iiiiiiii", r->account_id, (int64_t)w->until, (int64_t)r->count.begun_day,
                      r->count.days, r->count.exact, r->count.prior_fen, r->count.most_fen,
                      r->posted_fen);
}

/* Zones differ: the day before yesterday is over everywhere, and the exact day is looked up. */
static enum err find_due(struct store_tx *tx, wall_s now, int64_t limit, struct work *work,
                         size_t *found)
{
    *found = 0;
    struct query q =
        query_open(tx,
                   "SELECT " TERM_COLUMNS "t.last_day FROM late_term t WHERE t.ended_at IS NULL "
                   "AND t.last_day < $1 AND NOT EXISTS (SELECT 1 FROM aside s "
                   "WHERE s.work = 'late_fee' AND s.id = t.account_id AND s.again_at > $3) "
                   "ORDER BY t.last_day, t.account_id LIMIT $2",
                   "iii", (int64_t)civil_local_day(now, 14 * 3'600) - 1, limit, now.s);
    while (query_step(&q) && *found < BATCH) {
        struct work *w = &work[(*found)++];
        *w = (struct work){.now = now, .last_day = (int32_t)query_int(&q, 13)};
        read_term(&q, &w->row);
    }
    return query_end(&q);
}

static enum err work_one(struct store_tx *tx, void *arg)
{
    struct work *w = arg;
    struct holder h;
    TRY(find_holder(tx, w->row.account_id, &h));
    w->in_meter = h.in_meter;
    w->offset_s = h.offset_s;
    w->until = civil_local_day(w->now, h.offset_s) - 1;
    if (w->until <= w->last_day)
        return ERR_OK;
    TRY(count_days(tx, w));
    w->counted = true;
    return ERR_OK;
}

enum err late_tick(struct store_tx *tx, wall_s now, int64_t limit, int64_t *worked)
{
    struct work work[BATCH];
    size_t found;
    bool waits;
    *worked = 0;
    TRY(run_ledger_waits(tx, &waits));
    if (waits)
        return ERR_OK;
    TRY(find_due(tx, now, limit < BATCH ? limit : BATCH, work, &found));
    for (size_t i = 0; i < found; i++) {
        int64_t id = work[i].row.account_id;
        struct aside a = {"late_fee", .id = id, .now = now, .account_id = id};
        TRY(aside_do(tx, &a, work_one, &work[i]));
        *worked += work[i].counted;
    }
    return ERR_OK;
}
