#include "tests/unit/store_sql.h"

#include "tests/unit/check.h"

struct number {
    const char *sql;
    int64_t value;
};

static enum err run(struct store_tx *tx, void *sql)
{
    return store_exec(tx, sql, "");
}

void sql_run(struct store *s, const char *sql)
{
    assert_ok(store_run(s, run, (void *)(uintptr_t)sql));
}

static enum err get_number(struct store_tx *tx, void *arg)
{
    struct number *n = arg;
    return store_int(tx, &n->value, n->sql, "");
}

int64_t sql_number(struct store *s, const char *sql)
{
    struct number n = {.sql = sql};
    assert_ok(store_read(s, get_number, &n));
    return n.value;
}
