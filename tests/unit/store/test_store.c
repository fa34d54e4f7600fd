#include "tests/unit/check.h"

#include "store/store.h"

static int open_ledger(void **state)
{
    struct store *s = NULL;
    if (store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}) != ERR_OK)
        return -1;
    *state = s;
    return 0;
}

static int close_ledger(void **state)
{
    store_close(*state);
    return 0;
}

static enum err add_organisation(struct store_tx *tx, void *arg)
{
    int64_t id;
    TRY(store_next_id(tx, "organisation", &id));
    return store_exec(tx, "INSERT INTO organisation (id, code, name) VALUES ($1, $2, $3)", "itt", id,
                      arg, "x");
}

static enum err count_organisations(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM organisation", "");
}

static int64_t organisations(struct store *s)
{
    int64_t n = -1;
    assert_ok(store_read(s, count_organisations, &n));
    return n;
}

static void test_refusal_changes_nothing(void **state)
{
    assert_ok(store_run(*state, add_organisation, (char[]){"a"}));
    assert_err(ERR_STORE_CONSTRAINT, store_run(*state, add_organisation, (char[]){"a"}));
    assert_int_equal(organisations(*state), 1);
}

struct answer {
    enum err result;
    int order;
};

static int answers;

static void keep_answer(void *arg, enum err result)
{
    struct answer *a = arg;
    a->result = result;
    a->order = ++answers;
}

struct named {
    struct answer answer;
    const char *code;
};

static enum err add_named(struct store_tx *tx, void *arg)
{
    struct named *n = arg;
    return add_organisation(tx, (void *)n->code);
}

static void test_group_commit_keeps_good_neighbours(void **state)
{
    struct named jobs[] = {{.code = "a"}, {.code = "a"}, {.code = "b"}};
    answers = 0;
    for (int i = 0; i < 3; i++)
        store_submit(*state, add_named, keep_answer, &jobs[i]);
    assert_int_equal(store_waiting(*state), 3);
    store_flush(*state);
    assert_ok(jobs[0].answer.result);
    assert_err(ERR_STORE_CONSTRAINT, jobs[1].answer.result);
    assert_ok(jobs[2].answer.result);
    assert_int_equal(jobs[2].answer.order, 3);
    assert_int_equal(organisations(*state), 2);
}

static enum err unbalanced(struct store_tx *tx, void *arg)
{
    (void)arg;
    TRY(store_exec(tx,
                   "INSERT INTO ledger_txn (account_id, seq, key, kind, at, occurred_at, business_day, "
                   "actor, detail, prev, hash) "
                   "VALUES (1, 1, 'k', 'x', 0, 0, 0, 'system', '{}', x'00', x'00')",
                   ""));
    TRY(store_exec(tx, "INSERT INTO posting VALUES (1, 1, 1, 'cash', 100)", ""));
    return store_exec(tx, "UPDATE ledger_txn SET sealed = 1 WHERE account_id = 1 AND seq = 1", "");
}

static void test_schema_refuses_unbalanced_money(void **state)
{
    assert_err(ERR_STORE_CONSTRAINT, store_run(*state, unbalanced, NULL));
}

static enum err bad_sql(struct store_tx *tx, void *arg)
{
    (void)arg;
    enum err added = add_organisation(tx, (char[]){"c"});
    (void)added;
    enum err ignored = store_exec(tx, "SELECT * FROM nowhere", "");
    (void)ignored;
    return ERR_OK;
}

static void test_ignored_error_still_rolls_back(void **state)
{
    assert_err(ERR_STORE, store_run(*state, bad_sql, NULL));
    assert_int_equal(organisations(*state), 0);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_ledger, close_ledger)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refusal_changes_nothing),
        CASE(test_group_commit_keeps_good_neighbours),
        CASE(test_schema_refuses_unbalanced_money),
        CASE(test_ignored_error_still_rolls_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
