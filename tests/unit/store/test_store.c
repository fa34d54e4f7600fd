#include "tests/unit/check.h"

#include <stdio.h>

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
    return store_exec(tx, "INSERT INTO organisation (id, code, name) VALUES ($1, $2, $3)", "itt",
                      id, arg, "x");
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
    TRY(store_exec(
        tx,
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

/* --- statements ----------------------------------------------------------------------------- */

static const char list_sql[] = "SELECT id FROM organisation ORDER BY id";

static enum err list_in_list(struct store_tx *tx, void *arg)
{
    int64_t *pairs = arg;
    for (int i = 0; i < 3; i++)
        TRY(add_organisation(tx, (char[]){(char)('a' + i), 0}));
    struct query outer = query_open(tx, list_sql, "");
    while (query_step(&outer)) {
        struct query inner = query_open(tx, list_sql, "");
        while (query_step(&inner))
            *pairs += query_int(&inner, 0) * 10 + query_int(&outer, 0);
        TRY(query_end(&inner));
    }
    return query_end(&outer);
}

static void test_a_list_inside_a_list_of_the_same_text(void **state)
{
    int64_t sum = 0;
    assert_ok(store_run(*state, list_in_list, &sum));
    assert_int_equal(sum, 3 * 10 * (1 + 2 + 3) + 3 * (1 + 2 + 3));
}

static enum err step_past_the_end(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct query q =
        query_open(tx, "INSERT INTO organisation (id, code, name) VALUES ($1, $2, 'x')", "it",
                   (int64_t)7, "seven");
    assert_false(query_step(&q));
    assert_false(query_step(&q)); /* would insert it again */
    return query_end(&q);
}

static void test_stepping_past_the_end_runs_nothing_again(void **state)
{
    assert_ok(store_run(*state, step_past_the_end, NULL));
    assert_int_equal(organisations(*state), 1);
}

static enum err every_type(struct store_tx *tx, void *arg)
{
    (void)arg;
    struct query q = query_open(tx, "SELECT $5, $4, $3, $2, $1, $2", "itbnt", INT64_MIN, "t",
                                ((struct bytes){(const uint8_t *)"a\0b", 3}), NULL);
    assert_true(query_step(&q));
    assert_true(query_null(&q, 0));
    assert_true(query_null(&q, 1));
    assert_int_equal(query_blob(&q, 2).len, 3);
    assert_memory_equal(query_blob(&q, 2).data, "a\0b", 3);
    assert_string_equal(query_text(&q, 3), "t");
    assert_int_equal(query_int(&q, 4), INT64_MIN);
    assert_string_equal(query_text(&q, 5), "t");
    assert_string_equal(query_text(&q, 0), "");
    return query_end(&q);
}

static void test_parameters_of_every_type_in_any_order(void **state)
{
    assert_ok(store_run(*state, every_type, NULL));
}

static enum err no_row(struct store_tx *tx, void *arg)
{
    assert_err(ERR_NOT_FOUND, store_int(tx, arg, "SELECT 1 WHERE 1 = 2", ""));
    return ERR_OK;
}

static void test_no_row_is_not_found(void **state)
{
    int64_t v;
    assert_ok(store_read(*state, no_row, &v));
}

/* --- sequences ------------------------------------------------------------------------------ */

static enum err next_and_fail(struct store_tx *tx, void *arg)
{
    int64_t id;
    TRY(store_next_id(tx, "s", &id));
    return *(bool *)arg ? ERR_RANGE : ERR_OK;
}

static enum err next(struct store_tx *tx, void *arg)
{
    return store_next_id(tx, "s", arg);
}

static void test_numbers_have_no_gaps(void **state)
{
    int64_t id = 0;
    bool fails[] = {false, true}; /* outlives the flush */
    for (int i = 0; i < 10; i++)
        store_submit(*state, next_and_fail, NULL, &fails[i % 2]);
    store_flush(*state);
    assert_ok(store_run(*state, next, &id));
    assert_int_equal(id, 6);
}

/* --- the queue ------------------------------------------------------------------------------ */

struct chain {
    struct store *store;
    int left, done;
};

static enum err add_any(struct store_tx *tx, void *arg)
{
    char code[16];
    struct chain *c = arg;
    snprintf(code, sizeof code, "c%d", c->left);
    return add_organisation(tx, code);
}

static void submit_next(void *arg, enum err result)
{
    struct chain *c = arg;
    assert_ok(result);
    c->done++;
    if (--c->left > 0)
        store_submit(c->store, add_any, submit_next, c);
}

static void test_done_may_submit_more(void **state)
{
    struct chain c = {*state, 3, 0};
    store_submit(*state, add_any, submit_next, &c);
    for (int flush = 1; flush <= 3; flush++) {
        assert_int_equal(store_waiting(*state), 1);
        store_flush(*state);
        assert_int_equal(c.done, flush);
    }
    assert_int_equal(store_waiting(*state), 0);
    store_flush(*state); /* nothing waits: nothing happens */
    assert_int_equal(organisations(*state), 3);
}

static enum err add_twice(struct store_tx *tx, void *code)
{
    TRY(add_organisation(tx, code));
    return add_organisation(tx, code);
}

static enum err part_in_a_part(struct store_tx *tx, void *arg)
{
    enum err e;
    (void)arg;
    TRY(add_organisation(tx, (char[]){"d"}));
    TRY(store_part(tx, add_twice, (char[]){"e"}, &e));
    assert_err(ERR_STORE_CONSTRAINT, e);
    return ERR_OK;
}

/* While a list is open: what a part wrote goes, the list and its neighbours stay. */
static enum err parts(struct store_tx *tx, void *rows)
{
    enum err e;
    TRY(add_organisation(tx, (char[]){"a"}));
    struct query q = query_open(tx, "SELECT value FROM json_each('[1,2,3]')", "");
    while (query_step(&q)) {
        bool bad = *(int *)rows == 1; /* an error that the work itself did not look at */
        TRY(store_part(tx, bad ? bad_sql : add_twice, (char[]){"b"}, &e));
        assert_err(bad ? ERR_STORE : ERR_STORE_CONSTRAINT, e);
        ++*(int *)rows;
    }
    TRY(query_end(&q));
    TRY(store_part(tx, add_organisation, (char[]){"c"}, &e));
    assert_ok(e);
    TRY(store_part(tx, part_in_a_part, NULL, &e));
    assert_ok(e);
    return ERR_OK;
}

/* Nobody's savepoint but the parts' own: what a part wrote goes, its neighbours and other work
 * stay. */
static enum err long_work(struct store_tx *tx, void *rows)
{
    (void)rows;
    enum err e;
    TRY(store_part(tx, add_twice, (char[]){"x"}, &e));
    assert_err(ERR_STORE_CONSTRAINT, e);
    TRY(store_part(tx, add_organisation, (char[]){"y"}, &e));
    assert_ok(e);
    return ERR_OK;
}

static void keep_result(void *arg, enum err result)
{
    *(enum err *)arg = result;
}

static enum err count_xy(struct store_tx *tx, void *arg)
{
    return store_int(tx, arg, "SELECT count(*) FROM organisation WHERE code IN ('x', 'y')", "");
}

static void test_long_work_of_parts(void **state)
{
    enum err result = ERR_BUG;
    int64_t count = 0;
    bool fails = true;
    store_submit(*state, next_and_fail, NULL, &fails);
    store_submit_parts(*state, long_work, keep_result, &result);
    store_flush(*state);
    assert_ok(result);
    assert_ok(store_read(*state, count_xy, &count));
    assert_int_equal(count, 1);
}

static void test_a_part_fails_alone(void **state)
{
    int rows = 0;
    assert_ok(store_run(*state, parts, &rows));
    assert_int_equal(rows, 3);
    assert_int_equal(organisations(*state), 3); /* a, c, d */
}

static void test_close_answers_what_waits(void **state)
{
    struct store *s = NULL;
    struct named job = {.code = "a"};
    (void)state;
    assert_ok(store_open(&s, &(struct store_config){.kind = STORE_LEDGER, .path = ":memory:"}));
    store_submit(s, add_named, keep_answer, &job);
    store_close(s);
    assert_err(ERR_IO_CLOSED, job.answer.result);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, open_ledger, close_ledger)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_refusal_changes_nothing),
        CASE(test_group_commit_keeps_good_neighbours),
        CASE(test_schema_refuses_unbalanced_money),
        CASE(test_ignored_error_still_rolls_back),
        CASE(test_a_list_inside_a_list_of_the_same_text),
        CASE(test_stepping_past_the_end_runs_nothing_again),
        CASE(test_parameters_of_every_type_in_any_order),
        CASE(test_no_row_is_not_found),
        CASE(test_numbers_have_no_gaps),
        CASE(test_done_may_submit_more),
        CASE(test_a_part_fails_alone),
        CASE(test_long_work_of_parts),
        CASE(test_close_answers_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
