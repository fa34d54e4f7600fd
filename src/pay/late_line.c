/* The lines of late fees: how each came about. */
#include <string.h>

#include "pay/late.h"
#include "pay/shift_impl.h"

static enum err lengthen(struct store_tx *tx, const struct late_line *l)
{
    return store_exec(
        tx,
        "UPDATE late_line SET to_day = $3, days = days + 1, exact = exact + $4, most_fen = $5, "
        "rule = $6, amount_fen = amount_fen + $7, "
        "billed_at = CASE WHEN $7 > 0 THEN $8 ELSE billed_at END WHERE account_id = $1 "
        "AND begun_day = $2 AND to_day = $3 - 1 AND arrears_fen = $9 AND prior_fen = $10 "
        "AND ppm = $11 AND next_years_ppm = $12 AND least_fen = $13 AND cap_permille = $14 "
        "AND clause = $15",
        "iiiiitiiiiiiiit", l->account_id, (int64_t)l->begun_day, (int64_t)l->to_day, l->exact,
        l->most_fen, late_rule_name(l->rule), l->amount_fen, l->billed_at.s, l->arrears_fen,
        l->prior_fen, l->term.ppm, l->term.next_years_ppm, l->term.least_fen, l->term.cap_permille,
        l->term.clause);
}

enum err late_line_put(struct store_tx *tx, const struct late_line *l)
{
    TRY(lengthen(tx, l));
    if (store_changes(tx) > 0)
        return ERR_OK;
    return store_exec(
        tx,
        "INSERT INTO late_line (account_id, begun_day, from_day, to_day, days, arrears_fen, "
        "prior_fen, ppm, next_years_ppm, least_fen, cap_permille, exact, most_fen, rule, clause, "
        "amount_fen, billed_at) VALUES ($1, $2, $3, $3, 1, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
        "$13, $14, nullif($15, 0))",
        "iiiiiiiiiiittii", l->account_id, (int64_t)l->begun_day, (int64_t)l->to_day, l->arrears_fen,
        l->prior_fen, l->term.ppm, l->term.next_years_ppm, l->term.least_fen, l->term.cap_permille,
        l->exact, l->most_fen, late_rule_name(l->rule), l->term.clause, l->amount_fen,
        l->billed_at.s);
}

static enum late_rule rule_named(const char *name)
{
    unsigned i = 0;
    while (i < LATE_RULES && strcmp(late_rule_name((enum late_rule)i), name) != 0)
        i++;
    return (enum late_rule)i;
}

static void read_line(const struct query *q, struct late_line *l)
{
    *l = (struct late_line){.begun_day = (int32_t)query_int(q, 0),
                            .from_day = (int32_t)query_int(q, 1),
                            .to_day = (int32_t)query_int(q, 2),
                            .days = query_int(q, 3),
                            .kept = !query_null(q, 4),
                            .arrears_fen = query_int(q, 4),
                            .prior_fen = query_int(q, 5),
                            .term = {.ppm = query_int(q, 6),
                                     .next_years_ppm = query_int(q, 7),
                                     .least_fen = query_int(q, 8),
                                     .cap_permille = query_int(q, 9)},
                            .exact = query_int(q, 10),
                            .most_fen = query_int(q, 11),
                            .rule = rule_named(query_text(q, 12)),
                            .amount_fen = query_int(q, 14),
                            .billed_at = {query_int(q, 15)}};
    shift_copy(l->term.clause, sizeof l->term.clause, query_text(q, 13));
}

static void read_bill(const struct query *q, struct late_bill *b)
{
    *b = (struct late_bill){.begun_day = (int32_t)query_int(q, 0),
                            .from_day = (int32_t)query_int(q, 16),
                            .to_day = (int32_t)query_int(q, 17),
                            .days = query_int(q, 18),
                            .exact = query_int(q, 19),
                            .amount_fen = query_int(q, 20),
                            .billed_at = {query_int(q, 21)},
                            .line = (size_t)query_int(q, 22) - 1,
                            .line_count = (size_t)query_int(q, 23)};
}

enum err late_lines(struct store_tx *tx, int64_t account_id, int64_t limit, late_line_each *each,
                    void *arg)
{
    enum err e = ERR_OK;
    struct query q = query_open(
        tx,
        "SELECT l.begun_day, from_day, to_day, days, arrears_fen, prior_fen, ppm, next_years_ppm, "
        "least_fen, cap_permille, exact, most_fen, rule, clause, amount_fen, billed_at, "
        "min(from_day) OVER run, max(to_day) OVER run, sum(days) OVER run, sum(exact) OVER run, "
        "sum(amount_fen) OVER run, max(billed_at) OVER run, "
        "row_number() OVER (PARTITION BY l.begun_day ORDER BY from_day), count(*) OVER run "
        "FROM late_line l JOIN (SELECT begun_day FROM late_line WHERE account_id = $1 "
        "GROUP BY begun_day HAVING sum(amount_fen) > 0 ORDER BY begun_day DESC LIMIT $2) r "
        "ON r.begun_day = l.begun_day WHERE l.account_id = $1 "
        "WINDOW run AS (PARTITION BY l.begun_day) ORDER BY l.begun_day DESC, from_day",
        "ii", account_id, limit);
    while (e == ERR_OK && query_step(&q)) {
        struct late_line line;
        struct late_bill bill;
        read_line(&q, &line);
        read_bill(&q, &bill);
        line.account_id = account_id;
        e = each(arg, &bill, &line);
    }
    enum err end = query_end(&q);
    return e != ERR_OK ? e : end;
}
