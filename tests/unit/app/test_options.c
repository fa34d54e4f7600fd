/* What the command lines of the programs may say. */
#include "tests/unit/check.h"

#include "app/options.h"

static void test_numbers(void **state)
{
    (void)state;
    int64_t n = 7;
    assert_ok(options_number("-12", -12, 12, &n));
    assert_int_equal(n, -12);
    static const char *const bad[] = {"", "x", "1x", "1 ", "1.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_SYNTAX, options_number(bad[i], 0, 9, &n));
    assert_err(ERR_RANGE, options_number("13", -12, 12, &n));
    assert_err(ERR_RANGE, options_number("99999999999999999999", 0, INT64_MAX, &n));
    assert_int_equal(n, -12);
}

static void test_addresses(void **state)
{
    (void)state;
    char host[8];
    uint16_t port = 1;
    assert_ok(options_address("h.cn:65535", host, sizeof host, &port));
    assert_string_equal(host, "h.cn");
    assert_int_equal(port, 65535);
    assert_ok(options_address("::1:80", host, sizeof host, &port));
    assert_string_equal(host, "::1");
    assert_int_equal(port, 80);
    assert_ok(options_address("1234567:1", host, sizeof host, &port));
    static const char *const bad[] = {NULL, "", "host", ":80", "host:", "host:x", "12345678:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_SYNTAX, options_address(bad[i], host, sizeof host, &port));
    assert_err(ERR_RANGE, options_address("host:0", host, sizeof host, &port));
    assert_err(ERR_RANGE, options_address("host:65536", host, sizeof host, &port));
    assert_string_equal(host, "1234567");
    assert_int_equal(port, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
