/* What the checks of readings find becomes events for people, each once. */
#include "tests/unit/billing/town.h"

static int64_t events(struct town *t, const char *sql)
{
    return town_int(t, sql);
}

static void test_findings_are_told_once(void **state)
{
    struct town *t = *state;
    town_wh(t, 1, T0, 5000);
    town_say(t, 1, 1, T0 + 60, POINT_ENERGY_WH, I(900'000), POINT_VOLTAGE_DV, I(-1), 0);
    town_wh(t, 1, T0 + 2 * 3600, 5010);
    size_t left;
    for (int i = 0; i < 2; i++) /* twice before the commit */
        assert_ok(billing_tick(&t->clerk, (wall_s){T0 + 7200}, 10, &left));
    store_flush(t->ledger);
    town_tick(t, T0 + 7201);
    town_restart(t);
    town_tick(t, T0 + 7202);
    assert_int_equal(events(t, "SELECT count(*) FROM event WHERE kind LIKE 'reading.%'"), 3);
    assert_int_equal(events(t, "SELECT count(*) FROM event WHERE kind = 'reading.jump' AND "
                               "meter_id = 1 AND account_id = 7 AND "
                               "json_extract(detail, '$.new') = 900000 AND "
                               "json_extract(detail, '$.old') = 5000"),
                     1);
    assert_int_equal(events(t, "SELECT count(*) FROM event WHERE kind = 'reading.range' AND "
                               "json_extract(detail, '$.value') = -1"),
                     1);
    assert_int_equal(events(t, "SELECT count(*) FROM event WHERE kind = 'reading.gap' AND "
                               "json_extract(detail, '$.from') = '2026-02-16 00:00' AND "
                               "json_extract(detail, '$.to') = '2026-02-16 02:00'"),
                     1);
}

/* More than one page, and findings about a meter that the site does not know. */
static void test_many(void **state)
{
    struct town *t = *state;
    size_t left;
    for (int i = 0; i < 150; i++)
        town_say(t, i % 2 ? 1 : 99, 1, T0 + i, POINT_VOLTAGE_DV, I(-1), 0);
    for (int i = 0; i < 4; i++) {
        assert_ok(billing_tick(&t->clerk, (wall_s){T0 + 200}, 10, &left));
        store_flush(t->ledger);
    }
    assert_int_equal(events(t, "SELECT count(*) FROM event WHERE kind = 'reading.range'"), 75);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, town_open, town_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_findings_are_told_once),
        CASE(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
