#include "tests/unit/check.h"

#include "base/jread.h"
#include "base/rand.h"

static enum err skip_all(const char *text, size_t len)
{
    struct jread j = jread_of(text, len);
    jread_skip(&j);
    return jread_end(&j);
}

static void test_grammar(void **state)
{
    (void)state;
    static const char *const good[] = {
        "0", "-0", "1.5e-3", "\"\"", "true", "null", "[]", "{}", " [ 1 , \"a\" , { \"b\" : [ ] } ] ",
        "\"\\u00e9\\ud83d\\ude00\\n\"", "\"\xE5\xB0\x96\"", "[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]",
    };
    static const char *const bad[] = {
        "", " ", "01", "-", "1.", ".5", "1e", "+1", "tru", "nul", "'a'", "\"", "\"\\x\"", "\"\t\"",
        "[1,]", "[1 2]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "[1}", "{\"a\":1]",
        "1 1", "[", "{", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\\u12g4\"",
        "\"\\u0000\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"", "\"\xE5\xB0\"",
        "[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_ok(skip_all(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_err(ERR_SYNTAX, skip_all(bad[i], strlen(bad[i])));
    assert_err(ERR_SYNTAX, skip_all("1\0", 2));
}

static void test_values(void **state)
{
    (void)state;
    static const char text[] =
        "{\"n\":-9223372036854775808,\"t\":\"\\u5c16\\ud83d\\ude00/\\/\",\"b\":true,\"x\":null,"
        "\"list\":[1,2,3],\"deep\":{\"a\":[{\"b\":1}]}}";
    struct jread j = jread_of(text, strlen(text));
    char name[8], value[16];
    int64_t sum = 0;
    jread_object(&j);
    assert_true(jread_member(&j, name, sizeof name));
    assert_string_equal(name, "n");
    assert_true(jread_int(&j) == INT64_MIN);
    assert_true(jread_member(&j, name, sizeof name));
    assert_int_equal(jread_peek(&j), JREAD_TEXT);
    jread_text(&j, value, sizeof value);
    assert_string_equal(value, "尖\xF0\x9F\x98\x80//");
    assert_true(jread_member(&j, name, sizeof name));
    assert_true(jread_bool(&j));
    assert_true(jread_member(&j, name, sizeof name));
    assert_int_equal(jread_peek(&j), JREAD_NULL);
    jread_null(&j);
    assert_true(jread_member(&j, name, sizeof name));
    jread_array(&j);
    while (jread_element(&j))
        sum += jread_int(&j);
    assert_int_equal(sum, 6);
    assert_true(jread_member(&j, name, sizeof name));
    assert_string_equal(name, "deep");
    jread_skip(&j);
    assert_false(jread_member(&j, name, sizeof name));
    assert_ok(jread_end(&j));
}

static enum err read_int(const char *text)
{
    struct jread j = jread_of(text, strlen(text));
    (void)jread_int(&j);
    return jread_end(&j);
}

static void test_refusals(void **state)
{
    (void)state;
    assert_ok(read_int("9223372036854775807"));
    assert_err(ERR_RANGE, read_int("9223372036854775808"));
    assert_err(ERR_RANGE, read_int("-9223372036854775809"));
    assert_err(ERR_SYNTAX, read_int("1.0"));
    assert_err(ERR_SYNTAX, read_int("1e3"));
    assert_err(ERR_SYNTAX, read_int("\"1\""));
    struct jread j = jread_of("\"abcd\"", 6);
    char small[4];
    jread_text(&j, small, sizeof small);
    assert_err(ERR_RANGE, jread_end(&j));
    assert_string_equal(small, "");
    j = jread_of("[]", 2);
    jread_object(&j);
    assert_err(ERR_SYNTAX, jread_end(&j));
    j = jread_of("{}", 2);
    jread_object(&j);
    assert_err(ERR_SYNTAX, jread_end(&j)); /* never closed */
}

/* Whatever the bytes: an answer, no byte read beyond the end (the sanitizer build watches). */
static void test_garbage(void **state)
{
    (void)state;
    static const char letters[] = "{}[]\",:0123.-eE\\utrufalsn \xE5\xB0\x96";
    struct rand_stream r = rand_split(4, "json");
    for (int i = 0; i < 50'000; i++) {
        char text[24];
        size_t len = rand_below(&r, sizeof text);
        for (size_t k = 0; k < len; k++)
            text[k] = letters[rand_below(&r, sizeof letters - 1)];
        enum err e = skip_all(text, len);
        assert_true(e == ERR_OK || e == ERR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grammar),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_garbage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
