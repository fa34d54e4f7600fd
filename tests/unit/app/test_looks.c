/* The n-day rule looks at every account on its day, however many there are: it goes on while some
 * are left, and does not wait for the next second. */
#include "tests/unit/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "app/platform/platform.h"
#include "tests/unit/store_sql.h"

static uint64_t draw(void *ctx)
{
    return ++*(uint64_t *)ctx * 7'919;
}

static void test_all_in_one_second(void **state)
{
    struct platform *p;
    uint64_t random = 0;
    struct uplink_now now = {.mono = {1'000'000}, .wall = {1'767'240'000}};
    (void)state;
    assert_ok(platform_open(&p,
                            &(struct platform_options){.ledger_path = ":memory:",
                                                       .readings_path = ":memory:",
                                                       .ctx = &random,
                                                       .random = draw,
                                                       .speed = 1},
                            now));
    struct store *s = platform_ledger(p);
    sql_run(s, "INSERT INTO organisation (id, code, name) VALUES (1, 'o', 'o')");
    sql_run(s, "INSERT INTO project (id, organisation_id, code, name, zone) "
               "VALUES (1, 1, 'p', 'p', 'Asia/Shanghai')");
    sql_run(s,
            "INSERT INTO place (id, project_id, kind, code, name) VALUES (1, 1, 'room', 'A', 'A')");
    sql_run(s, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300) "
               "INSERT INTO account (id, project_id, place_id, code, name, wallet, plan_code, "
               "strategy_code, opened_at) SELECT i, 1, 1, 'a' || i, 'a', 'platform', 'flat', '', 1 "
               "FROM n");
    for (int turns = 0; platform_turn(p, now); turns++)
        assert_true(turns < 1'000);
    assert_int_equal(sql_number(s, "SELECT count(*) FROM nday"), 300);
    platform_close(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_in_one_second)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
