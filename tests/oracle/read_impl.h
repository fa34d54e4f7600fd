/* What the two halves of the reader share. */
#ifndef YUFU_TESTS_ORACLE_READ_IMPL_H
#define YUFU_TESTS_ORACLE_READ_IMPL_H

#include "json.h"
#include "oracle.h"

extern struct tree tree; /* of the plan that is being read */

int find_word(const char *const *words, int count, const char *word, int otherwise);
void read_decimal(struct decimal *d, const char *text);
int64_t read_quantity(const char *text);
void read_prices(int object, struct decimal *prices, bool *priced);
int read_spans(struct span *spans, int list);
void read_part_more(struct part *x, int object);

#endif
