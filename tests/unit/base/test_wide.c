/* The bounds are checked of both ways to count; where the compiler has 128 bits, the two are held
 * against each other and against a third way of rounding. */
#include "tests/unit/check.h"

#include "base/rand.h"
#include "base/wide.h"
#include "base/wide_portable.h"

static void check_value(struct wide_sum s, int64_t divisor, int64_t quotient, int64_t rest)
{
    int64_t q = -7, r = -7;
    assert_ok(wide_divide(s, divisor, &q, &r));
    assert_int_equal(q, quotient);
    assert_int_equal(r, rest);
    assert_ok(wide_divide(s, divisor, &q, NULL));
    assert_int_equal(q, quotient);
    q = r = -7;
    assert_ok(wide_portable_divide(s, divisor, &q, &r));
    assert_int_equal(q, quotient);
    assert_int_equal(r, rest);
    assert_ok(wide_portable_divide(s, divisor, &q, NULL));
    assert_int_equal(q, quotient);
}

static void check_too_large(struct wide_sum s, int64_t divisor)
{
    int64_t q = -7, r = -7;
    assert_err(ERR_OVERFLOW, wide_divide(s, divisor, &q, &r));
    assert_err(ERR_OVERFLOW, wide_portable_divide(s, divisor, &q, &r));
    assert_int_equal(q, -7);
    assert_int_equal(r, -7);
}

static void check_high(uint64_t a, uint64_t b, uint64_t high)
{
    assert_true(wide_mul_high(a, b) == high);
    assert_true(wide_portable_mul_high(a, b) == high);
}

static void test_halves_go_away_from_zero(void **state)
{
    (void)state;
    check_value((struct wide_sum){5, 1, 0}, 2, 3, -1);
    check_value((struct wide_sum){-5, 1, 0}, 2, -3, 1);
    check_value((struct wide_sum){7, 1, 0}, 3, 2, 1);
    check_value((struct wide_sum){8, 1, 0}, 3, 3, -1);
    check_value((struct wide_sum){-8, 1, 0}, 3, -3, 1);
    check_value((struct wide_sum){2, 3, -7}, 1, -1, 0);
    check_value((struct wide_sum){-2, 3, 7}, 1, 1, 0);
    check_value((struct wide_sum){0, 0, 0}, INT64_MAX, 0, 0);
}

static void test_bounds(void **state)
{
    (void)state;
    check_value((struct wide_sum){INT64_MAX, 1, 0}, 1, INT64_MAX, 0);
    check_value((struct wide_sum){INT64_MIN, 1, 0}, 1, INT64_MIN, 0);
    check_value((struct wide_sum){INT64_MAX, INT64_MAX, 0}, INT64_MAX, INT64_MAX, 0);
    check_value((struct wide_sum){INT64_MIN, INT64_MAX, 0}, INT64_MAX, INT64_MIN, 0);
    check_value((struct wide_sum){INT64_MIN, -1, -1}, 1, INT64_MAX, 0);
    check_too_large((struct wide_sum){INT64_MIN, -1, 0}, 1);
    check_too_large((struct wide_sum){INT64_MAX, 1, 1}, 1);
    check_too_large((struct wide_sum){INT64_MIN, 1, -1}, 1);
    check_too_large((struct wide_sum){INT64_MIN, INT64_MIN, 0}, INT64_MAX);
    check_too_large((struct wide_sum){INT64_MAX, 4, 2}, 2);
    /* 2^65 - 1 by 2: rounding leaves 64 bits */
    check_too_large((struct wide_sum){INT64_MAX, 4, 3}, 2);
    check_high(UINT64_MAX, UINT64_MAX, UINT64_MAX - 1);
    check_high(UINT64_C(1) << 32, UINT64_C(1) << 32, 1);
    check_high(UINT64_MAX, 1, 0);
}

#ifdef __SIZEOF_INT128__

/* All lengths of numbers are equally likely; so are neighbours of powers of two. */
static int64_t any_number(struct rand_stream *r)
{
    uint64_t v = rand_u64(r) >> rand_below(r, 64);
    if (rand_chance(r, 300))
        v = (UINT64_C(1) << rand_below(r, 64)) + rand_below(r, 3) - 1;
    return (int64_t)(rand_chance(r, 500) ? v : -v);
}

static __int128 size_of(__int128 v)
{
    return v < 0 ? -v : v;
}

static void test_against_the_compiler(void **state)
{
    (void)state;
    struct rand_stream r = rand_split(1, "wide");
    unsigned fitted = 0, refused = 0;
    for (int i = 0; i < 2'000'000; i++) {
        struct wide_sum s = {any_number(&r), any_number(&r), any_number(&r)};
        int64_t d = any_number(&r) & INT64_MAX, q, rest, q2, rest2;
        d += d == 0;
        __int128 sum = (__int128)s.a * s.b + s.add;
        __int128 want = (size_of(sum) + d / 2) / d * (sum < 0 ? -1 : 1);
        enum err e = wide_divide(s, d, &q, &rest);
        assert_true((e == ERR_OK) == (want <= INT64_MAX && want >= INT64_MIN));
        assert_true(e != ERR_OK || (q == want && rest == sum - want * d));
        assert_true(wide_portable_divide(s, d, &q2, &rest2) == e);
        assert_true(e != ERR_OK || (q2 == q && rest2 == rest));
        uint64_t a = (uint64_t)s.a, b = (uint64_t)s.b;
        check_high(a, b, (uint64_t)((unsigned __int128)a * b >> 64));
        e == ERR_OK ? fitted++ : refused++;
    }
}

#else

static void test_against_the_compiler(void **state)
{
    (void)state;
    skip();
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_halves_go_away_from_zero),
                                       cmocka_unit_test(test_bounds),
                                       cmocka_unit_test(test_against_the_compiler)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
