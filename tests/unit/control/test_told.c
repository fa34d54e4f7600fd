/*
 * What an account is told that begins with nothing and is paid up by a little: what was told before
 * counts up to the level it begins the new episode with, if it was delivered; what was only written
 * does not.
 */
#include "tests/unit/control/fee_world.h"

#define NOTICES "SELECT count(*) FROM outbox WHERE topic = 'message' AND body LIKE "

/* Opened with 0: in arrears with the first reading, and a notice of it is written. */
static void begin_with_nothing(struct world *w)
{
    reading(w, 60, 0);
    assert_int_equal(level(w), 3);
    assert_int_equal(number(w, NOTICES "'%arrears%'"), 1);
}

static void test_told_of_arrears_then_paid_to_level_2(void **state)
{
    struct world *w = *state;
    begin_with_nothing(w);
    deliver(w);
    pay(w, "order-0001", 500);
    assert_int_equal(level(w), 2);
    assert_true(decided(w, "WARNED"));
    reading(w, 86'500, 10);
    assert_int_equal(number(w, NOTICES "'%about_to_cut%'"), 0);
    /* The next fall is told before it can lead to a cut. */
    reading(w, 600, 5'000);
    assert_int_equal(level(w), 3);
    assert_int_equal(number(w, NOTICES "'%arrears%'"), 2);
}

/* The notice of the old episode will not count: another one is written in the new. */
static void test_written_but_not_delivered_then_paid_to_level_2(void **state)
{
    struct world *w = *state;
    begin_with_nothing(w);
    pay(w, "order-0001", 500);
    assert_int_equal(level(w), 2);
    assert_int_equal(number(w, NOTICES "'%about_to_cut%'"), 1);
    deliver(w);
    assert_int_equal(number(w, "SELECT warned_level FROM fee_state"), 2);
    reading(w, 60, 10);
    assert_true(decided(w, "WARNED"));
    assert_int_equal(number(w, NOTICES "'%about_to_cut%'"), 1);
}

/* It was told of level 2 and only written to at level 3: level 2 need not be told again. */
static void test_of_two_notices_one_was_delivered(void **state)
{
    struct world *w = *state;
    pay(w, "order-0001", 500);
    reading(w, 60, 0);
    deliver(w);
    assert_int_equal(number(w, NOTICES "'%about_to_cut%'"), 1);
    reading(w, 3'600, 5'000);
    assert_int_equal(number(w, NOTICES "'%arrears%'"), 1);
    pay(w, "order-0002", 500);
    assert_int_equal(level(w), 2);
    assert_true(decided(w, "WARNED"));
    reading(w, 600, 10);
    assert_int_equal(number(w, NOTICES "'%about_to_cut%'"), 1);
    reading(w, 600, 5'000);
    assert_int_equal(number(w, NOTICES "'%arrears%'"), 2);
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(test_told_of_arrears_then_paid_to_level_2),
        CASE(test_written_but_not_delivered_then_paid_to_level_2),
        CASE(test_of_two_notices_one_was_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
