/* The engine as the oracle sees it: public headers, and a bill held against another. */
#ifndef YUFU_TESTS_ORACLE_ENGINE_H
#define YUFU_TESTS_ORACLE_ENGINE_H

#include "oracle.h"
#include "rating/line.h"
#include "rating/period.h"
#include "rating/rating.h"
#include "rating/statement.h"
#include "stretch.h"

/* What the engine says of the plan; false, with the reason in `why`, if it refuses. */
bool engine_read(const struct text *json, struct rating_plan *plan, struct text *why);

/* What of the second edition the engine reads: sets `features`. */
void engine_probe(void);

/* The usage as the engine takes it. `rows` has room for ROWS_MAX and must outlive the request. */
void engine_request(const struct usage *u, struct rating_used *rows, struct rating_request *q);

/* The engine's statement of `u` against the oracle's; what differs goes to `why`. */
bool engine_same_statement(const struct rating_plan *plan, const struct usage *u,
                           enum verdict verdict, const struct bill *b, struct text *why);

/* The same for rating_charge, which knows registers and no position; of the plans it takes. */
bool engine_charges(const struct rating_plan *plan, const struct usage *u);
bool engine_same_charge(const struct rating_plan *plan, const struct usage *u, enum verdict verdict,
                        const struct bill *b, struct text *why);

/* What it says of days between 2024 and 2032, and whether the plan can be settled, and how. */
bool engine_same_days(const struct rating_plan *plan, const struct plan *p, struct chance *c,
                      struct text *why);

/* The ceiling holds to the last decimal, where it was made as high as the highest price. */
bool engine_keeps_ceiling(const struct rating_plan *plan, struct plan *p, struct text *why);

/* The words of line `i` of a bill (docs/formats/bill.md). */
void engine_check_words(const struct rating_plan *plan, const struct plan *p,
                        const struct rating_line *x, size_t i, struct text *why);
/* The plan's warnings with any ceiling and in any years, by reason and place. */
bool engine_same_warnings(const struct plan *plan, struct chance *c, struct text *why);

/* The stretch as the engine takes it. `rows` has room for STRETCH_ROWS_MAX and must outlive it. */
void engine_case(const struct stretch *s, struct rating_row *rows, struct rating_case *c);

/* The engine's bill of a stretch against what must stand in it. `stand` is where the oracle stands
 * after it, and takes over the carry; `at` moves on as the engine says. Spends `due`. `verdict`
 * becomes LINES_TOO_MANY where a bill would have more lines than fit. */
bool engine_same_period(const struct rating_plan *plan, const struct plan *p,
                        const struct stretch *s, enum verdict *verdict, struct due *due,
                        struct stand *stand, struct rating_position *at, struct text *why);
/* Of the bill that was just made. */
int64_t engine_period_fen(void);
size_t engine_period_lines(void);
void engine_print_period(struct text *out);

/* The engine's own words for a reproducer. */
void engine_print(const struct rating_plan *plan, const struct usage *u, struct text *out);

#endif
