/*
 * Late fees, where the contract of an account says so.
 *
 * Each local day that ends with the energy account in arrears costs ppm millionths of what is in
 * arrears; days of grace cost nothing; what is in arrears since years before costs next_years_ppm.
 * Payments settle the oldest arrears first. The whole of one run of arrears costs at least
 * least_fen, and at most cap_permille of its greatest amount. It is billed day by day as other
 * services are (pay/due.h): it is never a reason for a cut, and bears no late fee itself.
 * One run of arrears is one bill; its lines say which debt, days, rate and clause made it.
 *
 * A late fee is for what was not paid by a day that the contract names. What an account with its
 * wallet in the meter owes beside it (a true-up, an overdraft of an exchanged meter, free credit
 * that ended) has no such day: the platform keeps it from the next sales. It bears none, nor does
 * a true-up while it is too new to cut anybody by itself.
 */
#ifndef YUFU_PAY_LATE_H
#define YUFU_PAY_LATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "store/store.h"

#define LATE_CLAUSE_MAX 96 /* bytes */
struct late_term {
    int64_t ppm;            /* 1 .. 10,000 */
    int64_t next_years_ppm; /* 1 .. 10,000 */
    int64_t grace_days;     /* 0 .. 365 */
    int64_t least_fen;      /* 0 .. 10,000 */
    int64_t cap_permille;   /* 1 .. 10,000: 1000 is as much as the arrears */
    char
        clause[LATE_CLAUSE_MAX + 1]; /* of the contract; "" only if it is older than the question */
};

/* One run of arrears, as it is counted. All zero: none. */
struct late_count {
    int32_t begun_day; /* 0: not in arrears */
    int64_t days;      /* that cost something */
    int64_t exact;     /* millionths of a fen */
    int64_t prior_fen, most_fen;
};
struct late_day {
    int32_t day;
    int64_t arrears_fen; /* at its end; 0: none */
    int64_t paid_fen;    /* what came in during it, not negative */
    int64_t charged_fen; /* what was charged during it, not negative */
};
/* Counts one day further. Pure. */
[[nodiscard]] enum err late_count_day(const struct late_term *term, const struct late_day *day,
                                      struct late_count *count);
/* What the run of arrears costs so far, rounded half up. Pure. */
int64_t late_fee_fen(const struct late_term *term, const struct late_count *count);

struct late_set {
    int64_t account_id;
    const struct late_term *term; /* NULL: the contract knows none (any more) */
    const char *actor;
    wall_s now;
};
/* Counts from the next day on; what was counted before stands. ERR_RANGE, ERR_NOT_FOUND. ERR_STATE:
 * a term for an account with its wallet in the meter. */
[[nodiscard]] enum err late_term_set(struct store_tx *tx, const struct late_set *set);
struct late_row {
    int64_t account_id;
    const char *account_code, *account_name;
    struct late_term term;
    struct late_count count;
    int64_t posted_fen;
};
typedef enum err late_each(void *arg, const struct late_row *row);
/* Terms in force, by account, those above `after`. account_id 0: of all. */
struct late_query {
    int64_t project_id, account_id, after, limit;
};
[[nodiscard]] enum err late_list(struct store_tx *tx, const struct late_query *query,
                                 late_each *each, void *arg);

/* What the whole fee of a run of arrears was, when a line was counted last. */
enum late_rule { LATE_ROUNDED, LATE_LEAST, LATE_CAP, LATE_RULES };
const char *late_rule_name(enum late_rule rule); /* "rounded" ... */
enum late_rule late_rule_of(const struct late_term *term, const struct late_count *count);

/* Days on end with the same debt, rate and clause. */
struct late_line {
    int64_t account_id;
    int32_t begun_day, from_day, to_day; /* of the run of arrears; both others cost something */
    int64_t days;
    bool kept; /* false: billed before lines were kept; debt and term are not known */
    int64_t arrears_fen, prior_fen; /* at the end of each day; of it, from years before */
    struct late_term term;          /* without grace_days */
    int64_t exact;                  /* millionths of a fen */
    int64_t most_fen;               /* greatest arrears of the run up to then */
    enum late_rule rule;
    int64_t amount_fen; /* billed on these days */
    wall_s billed_at;   /* last; 0: nothing was */
};
/* Lengthens the last line of the run by the line's one day, or begins another. */
[[nodiscard]] enum err late_line_put(struct store_tx *tx, const struct late_line *day);
/* All lines of one run of arrears together. */
struct late_bill {
    int32_t begun_day, from_day, to_day;
    int64_t days, exact, amount_fen;
    wall_s billed_at;
    size_t line; /* from 0: of its line_count */
    size_t line_count;
};
typedef enum err late_line_each(void *arg, const struct late_bill *bill,
                                const struct late_line *line);
/* The lines of up to `limit` runs that were billed for, the newest run first, each by day. */
[[nodiscard]] enum err late_lines(struct store_tx *tx, int64_t account_id, int64_t limit,
                                  late_line_each *each, void *arg);

/* Counts up to `limit` accounts up to yesterday and bills what they owe. What the ledger has not
 * folded yet (ledger/run.h) is waited for. */
[[nodiscard]] enum err late_tick(struct store_tx *tx, wall_s now, int64_t limit, int64_t *worked);

#endif
