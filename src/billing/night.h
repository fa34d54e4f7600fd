/*
 * The night: settling, looking ahead and queueing warnings for very many accounts at once.
 *
 * A page of accounts, as columns, is rated (rating/bulk.h), what it costs becomes a page of a
 * ledger run (ledger/run.h), and beside it stand, in the same page and commit: the remainder and
 * the quantities of each account as evidence, which accounts fall under the n-day rule, which have
 * reached a level of their policy that they were not told of, and which could not be rated and why.
 * A page is all or nothing: one commit decides.
 */
#ifndef YUFU_BILLING_NIGHT_H
#define YUFU_BILLING_NIGHT_H

#include "ledger/run.h"
#include "rating/bulk.h"
#include "strategy/strategy.h"

#define NIGHT_ROWS_MAX LEDGER_RUN_ROWS_MAX

/* What of a policy is looked at here; the rest is decided when the queue is worked off. */
struct night_policy {
    int64_t overdraft_fen; /* n-day rule: taken in if available + overdraft < ahead, strictly */
    int64_t level_fen[STRATEGY_LEVELS_MAX]; /* reached at available <= this; not rising */
    int level_count;
};

struct night_page {
    const int64_t *account_id; /* ascending */
    struct rating_columns usage;
    const int64_t *balance_fen; /* before the charge */
    const int64_t *ahead_fen;   /* forecast cost of the next n days */
    const uint16_t *policy;     /* index */
    const uint8_t *level;       /* reached before; 0: none */
};

/* What the pages are held against; borrowed. */
struct night {
    const struct rating_compiled *plans;
    size_t plan_count;
    const struct night_policy *policies;
    size_t policy_count;
};

struct night_result {
    int64_t accounts, refused, selected, warned, amount_fen;
};

/* Rates a page and puts it into `run`; adds to `result`. What was refused is charged nothing and
 * looks no further. ERR_RANGE: too many rows, or a policy that is none; else as ledger_run_put. */
[[nodiscard]] enum err night_put(struct store_tx *tx, const struct night *night,
                                 const struct night_page *page, struct ledger_run *run,
                                 struct night_result *result);

/* --- reading it back -------------------------------------------------------------------------- */

enum night_why { NIGHT_SELECTED, NIGHT_LEVEL, NIGHT_REFUSED };
struct night_word {
    enum night_why why;
    int64_t account_id;
    int level;       /* NIGHT_LEVEL */
    enum err reason; /* NIGHT_REFUSED */
};
typedef enum err night_each(void *arg, const struct night_word *word);
/* The lists of one page: first who is selected, then who reached a level, then who was refused,
 * each ascending. ERR_LEDGER_CHAIN: the note is not one of a night. */
[[nodiscard]] enum err night_read(const struct ledger_run_rows *rows, night_each *each, void *arg);

/* What the bill of row i rests on. */
struct night_evidence {
    int64_t rate_wh[RATING_RATES], total_wh; /* used */
    int64_t carry;                           /* after it */
    uint16_t plan;
};
[[nodiscard]] enum err night_evidence(const struct ledger_run_rows *rows,
                                      struct night_evidence *out /* rows->count */);

#endif
