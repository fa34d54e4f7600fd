/* Adjoining stretches of one plan, or of two, billed by the oracle and by the engine. */
#ifndef YUFU_TESTS_ORACLE_SEQUENCES_H
#define YUFU_TESTS_ORACLE_SEQUENCES_H

#include "engine.h"

struct sequence_count {
    int64_t periods, parts, lines, refused;
};

/* Bills up to `periods` stretches and answers how many it came to; what differs goes to `why`, and
 * sequence_note tells of it. Within a sequence the bounds of a season may change, as another plan
 * changes them; the plan is given back as it was. */
int64_t sequence_try(struct plan *p, const struct rating_plan *engine, int periods,
                     struct chance *c, struct sequence_count *count, struct text *why);
const struct text *sequence_note(void);
/* A moment of 2024 to 2028, often a midnight. */
int64_t some_opening(const struct plan *p, struct chance *c);

#endif
