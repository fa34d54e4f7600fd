/* The built-in holiday calendar: announced days, swapped days, and years nobody announced. */
#include "tests/unit/check.h"

#include "base/calendar.h"
#include "base/clock.h"

static enum calendar_kind of(int year, unsigned month, unsigned day)
{
    return calendar_kind_of(calendar_find("CN"), civil_days_from_date(year, month, day));
}

/* Announced for each year: days off, weekend days worked, and working days that leaves. */
static void counts_of_a_year(int year, int off, int swapped, int worked)
{
    int count[CALENDAR_KINDS] = {}, work = 0;
    int32_t end = civil_days_from_date(year + 1, 1, 1);
    for (int32_t day = civil_days_from_date(year, 1, 1); day < end; day++) {
        enum calendar_kind kind = calendar_kind_of(calendar_find("CN"), day);
        count[kind]++;
        work += calendar_is_worked(kind);
    }
    assert_int_equal(count[CALENDAR_HOLIDAY], off);
    assert_int_equal(count[CALENDAR_MAKEUP], swapped);
    assert_int_equal(count[CALENDAR_UNKNOWN], 0);
    assert_int_equal(work, worked);
}

static void announced_years(void **state)
{
    (void)state;
    counts_of_a_year(2024, 28, 8, 251);
    counts_of_a_year(2025, 28, 5, 248);
    counts_of_a_year(2026, 33, 6, 248);
}

static void around_a_festival(void **state)
{
    (void)state;
    assert_int_equal(of(2026, 2, 13), CALENDAR_WORKDAY);
    assert_int_equal(of(2026, 2, 14), CALENDAR_MAKEUP); /* a Saturday */
    assert_int_equal(of(2026, 2, 15), CALENDAR_HOLIDAY);
    assert_int_equal(of(2026, 2, 23), CALENDAR_HOLIDAY); /* a Monday */
    assert_int_equal(of(2026, 2, 24), CALENDAR_WORKDAY);
    assert_int_equal(of(2026, 2, 28), CALENDAR_MAKEUP);
    assert_int_equal(of(2026, 3, 1), CALENDAR_RESTDAY);
}

static void unknown_is_not_a_weekday(void **state)
{
    (void)state;
    int32_t friday = civil_days_from_date(2027, 1, 1);
    assert_int_equal(of(2027, 1, 1), CALENDAR_UNKNOWN);
    assert_int_equal(of(2023, 12, 31), CALENDAR_UNKNOWN);
    assert_int_equal(calendar_kind_of(NULL, friday), CALENDAR_UNKNOWN);
    assert_int_equal(calendar_guess(calendar_find("CN"), friday), CALENDAR_WORKDAY);
    assert_int_equal(calendar_guess(NULL, friday + 1), CALENDAR_RESTDAY);
    assert_true(calendar_find("XX") == NULL);
    assert_true(!calendar_is_worked(CALENDAR_UNKNOWN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_years),
        cmocka_unit_test(around_a_festival),
        cmocka_unit_test(unknown_is_not_a_weekday),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
