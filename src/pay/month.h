/*
 * A month of a project as its ledger has it: what the customers' books held before and after, what
 * came in and in which way, what was charged for which service, and what was given back.
 *
 * Everything is summed from transactions whose business day lies in the month, as far as its days
 * are over and closed (pay/shift.h): before, nobody is told what the ledger says of cash. Business
 * days never run backwards (ledger/ledger.h), so what is summed does not change any more: what is
 * told late is booked, and counted, on the day on which it was told.
 *
 * Accounts are added some at a time, so that a large project does not keep everybody else waiting.
 */
#ifndef YUFU_PAY_MONTH_H
#define YUFU_PAY_MONTH_H

#include "ledger/ledger.h"

#define MONTH_LINES_MAX 2048

/* One sum of one month. */
struct month_line {
    char group[16]; /* a book that is not the customers'; "charged", "true_up": what is in 'revenue'
                     */
    char kind[48];  /* of the transactions; charged: of the bill's lines, 'total' or 'apart' */
    char way[96];   /* how it was paid, which other service, why; charged: the code of the line */
    char service[16];   /* charged, true_up: kind of the meter; "" unknown */
    char unit[8];       /* charged: 'kWh', 'm3', 'GJ' */
    int64_t count;      /* transactions, or lines */
    int64_t amount_fen; /* in: of cash, subsidy, suspense, transfer; out: of all others */
    int64_t quantity;   /* of 'total': thousandths of the unit */
};

struct month {
    int64_t project_id;
    int32_t from_day, last_day; /* of the month */
    int32_t to_day;             /* the last that is summed */
    int64_t after;              /* the accounts up to this one are in it */
    bool more;
    int64_t accounts;
    int64_t opening_fen[LEDGER_BOOK_COUNT]; /* summed from the transactions before */
    int64_t closing_fen[LEDGER_BOOK_COUNT]; /* what the balances say, less what came after */
    size_t count;
    struct month_line lines[MONTH_LINES_MAX];
};

/* `month`: 202611. ERR_RANGE: there is none, or it has not begun. ERR_DAY_OPEN: not even its first
 * day is over and closed, with all before it. ERR_NOT_FOUND. */
[[nodiscard]] enum err month_begin(struct store_tx *tx, struct month *m, int64_t project_id,
                                   int64_t month, wall_s now);
/* The next accounts, at most `limit`; `more` says whether some are left. ERR_RANGE: too many lines.
 */
[[nodiscard]] enum err month_add(struct store_tx *tx, struct month *m, int64_t limit);
/* When all are in: what the meters charged apart from their plans becomes lines of its own. */
[[nodiscard]] enum err month_end(struct month *m);

/* What customers have or owe, and what they got or gave, as far as it was added. */
struct month_sum {
    int64_t opening_fen, in_fen, out_fen, closing_fen;
    int64_t difference_fen; /* opening + in - out - closing: 0, or the books are damaged */
};
struct month_sum month_sum(const struct month *m);
/* A book that says what customers have or owe. */
bool month_customers(enum ledger_book book);

#endif
