/* A look into a store, or a change behind its rooms' backs, in a transaction of its own. */
#ifndef YUFU_TESTS_UNIT_STORE_SQL_H
#define YUFU_TESTS_UNIT_STORE_SQL_H

#include "store/store.h"

/* One statement, a string literal as everywhere. The test fails if it cannot be carried out. */
void sql_run(struct store *s, const char *sql);
/* The first column of its first row. */
int64_t sql_number(struct store *s, const char *sql);

#endif
