/* The engine as the oracle sees it: public headers, and a bill held against another. */
#ifndef YUFU_TESTS_ORACLE_ENGINE_H
#define YUFU_TESTS_ORACLE_ENGINE_H

#include "oracle.h"
#include "rating/rating.h"
#include "rating/statement.h"

/* What the engine says of the plan; false, with the reason in `why`, if it refuses. */
bool engine_read(const struct text *json, struct rating_plan *plan, struct text *why);

/* The usage as the engine takes it. `rows` has room for ROWS_MAX and must outlive the request. */
void engine_request(const struct usage *u, struct rating_used *rows, struct rating_request *q);

/* The engine's statement of `u` against the oracle's; what differs goes to `why`. */
bool engine_same_statement(const struct rating_plan *plan, const struct usage *u,
                           enum verdict verdict, const struct bill *b, struct text *why);

/* The same for rating_charge, which knows registers and no position; of the plans it takes. */
bool engine_charges(const struct rating_plan *plan, const struct usage *u);
bool engine_same_charge(const struct rating_plan *plan, const struct usage *u, enum verdict verdict,
                        const struct bill *b, struct text *why);

/* The engine's own words for a reproducer. */
void engine_print(const struct rating_plan *plan, const struct usage *u, struct text *out);

#endif
